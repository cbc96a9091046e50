//! One file per verb. Each has `wants` (which facts), `plan` (what to do with them) and, where something is done,
//! `read` (what follows from the replies).

use ctys_plugin::model::{Findings, Phase, Problem};

pub mod ask;
pub mod cancel;
pub mod create;
pub mod list;

/// A host that did not even give its name. Why not is for the engine to say; here is only that nothing came of it.
fn unreached() -> Findings {
    Findings::problem(Problem::new(Phase::Run, "the host did not say who it is"))
}
