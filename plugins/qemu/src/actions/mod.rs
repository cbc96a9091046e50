//! One file per verb. Each has `wants` (which facts), `plan` (what to do with them) and, where something is done,
//! `read` (what follows from the replies).

use ctys_plugin::model::command::Talk;
use ctys_plugin::model::{Access, Answer, Batch, Bytes, Does, Effect, Findings, Phase, Problem, Replies, Step};

use crate::probes;

pub mod ask;
pub mod cancel;
pub mod configure;
pub mod consoles;
pub mod create;
pub mod ending;
pub mod enumerate;
pub mod info;
pub mod list;
pub mod start;
pub mod suspend;
mod turn;

/// How long a command that changes something has for its answers, in milliseconds.
const CHANGE_MS: u32 = 10_000;

/// A dialogue with one machine that changes something.
fn tell(name: &str, socket: &str, root: bool, commands: impl IntoIterator<Item = Bytes>) -> Step {
    let talk = Talk { access: Access::Changes, limit_ms: CHANGE_MS, ..probes::talk([socket], commands, root) };
    Step::does(name, Does::Talk(talk)).go_on()
}

/// A dialogue with one machine that only asks.
fn ask_machine(name: &str, socket: &str, root: bool, commands: impl IntoIterator<Item = Bytes>) -> Step {
    Step::does(name, Does::Talk(probes::talk([socket], commands, root))).go_on()
}

fn run(steps: Vec<Step>) -> Effect {
    Effect::Run(Batch { steps })
}

/// How long to wait before the next look at memory that goes to a disk or comes from it: a plan has a thousand rounds at most,
/// and a machine may have a terabyte.
fn patience_ms(replies: &Replies) -> u32 {
    if replies.rounds.len() < 60 { 500 } else { 5_000 }
}

/// The step of this name in the latest round.
fn step<'a>(replies: &'a Replies, name: &str) -> Option<&'a Answer> {
    let round = replies.rounds.last()?;
    round.steps.iter().find(|step| step.name == name).map(|step| &step.answer)
}

/// How many rounds had a step of this name.
fn times(replies: &Replies, name: &str) -> usize {
    replies.rounds.iter().filter(|round| round.steps.iter().any(|step| step.name == name)).count()
}

fn went_well(answer: Option<&Answer>) -> bool {
    answer.is_some_and(|answer| answer.ok_output().is_some())
}

/// A host that did not even give its name. Why not is for the engine to say; here is only that nothing came of it.
fn unreached() -> Findings {
    Findings::problem(Problem::new(Phase::Run, "the host did not say who it is"))
}
