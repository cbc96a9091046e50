//! One file per verb. Each has `wants` (which facts), `plan` (what to do with them) and, where something is done,
//! `read` (what follows from the replies).

use crate::conf::Machine;
use crate::probes;
use ctys_plugin::model::bytes::escape_for_eyes;
use ctys_plugin::model::{Answer, Bytes, Command, Findings, Phase, Problem, Replies, Request, Step};

pub mod ask;
pub mod cancel;
pub mod clients;
pub mod configure;
pub mod consoles;
pub mod create;
pub mod enumerate;
pub mod host_down;
pub mod info;
pub mod list;
mod polls;
mod protection;
mod reset;
pub mod saved;
pub mod viewer;

/// The step that tells what runs, behind those that change it.
const LOOK: &str = "look";

fn look(request: &Request) -> Step {
    Step::run(LOOK, probes::look(request, ["list", "-v"]))
}

/// A call of the tool that changes something.
fn tool<A: Into<Bytes>>(request: &Request, words: impl IntoIterator<Item = A>, limit_ms: u32) -> Command {
    Command::new(probes::tool(request)).args(words).as_root().changes().limit_ms(limit_ms)
}

/// The words that start a domain from this file of a machine. xl takes a uuid only with its dashes, and knows nothing of one
/// in a magic comment: so it is told the uuid beside the file, where what comes last counts. Not so for `another` machine.
fn create_words(machine: &Machine, file: Bytes, another: bool) -> Result<Vec<Bytes>, Problem> {
    let mut words: Vec<Bytes> = vec!["create".into(), "-f".into(), file];
    if !another && let Some(uuid) = machine.uuid_for_xl()? {
        words.push(format!("uuid=\"{uuid}\"").as_str().into());
    }
    Ok(words)
}

/// A name in a step or a sentence: one line that harms no terminal.
fn shown(name: &str) -> String {
    escape_for_eyes(name).into_owned()
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

/// A host that did not even give its name. Why not is for the engine to say; here is only that nothing came of it.
fn unreached() -> Findings {
    Findings::problem(Problem::new(Phase::Run, "the host did not say who it is"))
}
