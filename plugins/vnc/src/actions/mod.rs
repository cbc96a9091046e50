//! One file per verb. Each has `wants` (which facts), `plan` (what to do with them) and, where something is done,
//! `read` (what follows from the replies).

use crate::probes;
use ctys_plugin::ending;
use ctys_plugin::model::{Findings, Phase, Place, Problem, Step};

pub mod ask;
pub mod cancel;
pub mod create;
pub mod info;
pub mod list;

/// The step that tells what runs, behind those that change it.
const LOOK: &str = "look";

/// The look itself.
fn look(place: &Place) -> Step {
    ending::look(LOOK, probes::table(place.clone()))
}

/// A host that did not even give its name. Why not is for the engine to say; here is only that nothing came of it.
fn unreached() -> Findings {
    Findings::problem(Problem::new(Phase::Run, "the host did not say who it is"))
}

/// A mistake of the call.
fn usage(message: impl Into<String>) -> Problem {
    Problem::new(Phase::Usage, message)
}
