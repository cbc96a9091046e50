//! What is done to cubes, by whichever verb or tool it was asked for. Each function goes through its rounds as [`crate::flow`]
//! says.

pub mod channel;
pub mod discovery;
pub mod foreground;
pub mod keeper;
pub mod launch;
pub mod links;
pub mod network;
pub mod prep;
pub mod start;
pub mod stop;
pub mod store;
pub mod vt;

use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::parse::survey::Survey;
use crate::places::is_id;
use ctys_plugin::json::{self, Value};
use ctys_plugin::model::{Answer, Command, Step};
use ctys_plugin::outputs::plain;

/// Runs the runtime with nothing of ours open: what a cube inherits it would keep. What it complains of goes to a file of its own
/// and comes back from there. `$1` a folder of the cube, `$2` the runtime, then its words.
pub(crate) const DETACHED: &str = "l=$1/.cube.runtime.log; m=$2; shift 2; : >\"$l\"; \
    \"$m\" --log \"$l\" --log-format json \"$@\" </dev/null >/dev/null 2>&1; s=$?; \
    [ -s \"$l\" ] && { cat \"$l\" >&2; : >\"$l\"; }; exit $s";

/// A call of the runtime that changes a cube; what it complains of is read with [`complaints`].
pub fn runtime_step(flow: &Flow<'_>, name: &str, cube: &Cube<'_>, words: &[&str]) -> Step {
    let Command { program, args, limit_ms, .. } = flow.places.runtime(cube.manager(), words.iter().copied());
    // What is no cube has a record and no folder.
    let folder = match cube.folder {
        Some(_) => flow.places.cube(cube.name),
        None => format!("{}/{}", flow.places.records, cube.name),
    };
    let command = Command::new("sh").args(["-c", DETACHED, "sh", &folder, &program]).args(args);
    Step::run(name, command.as_root().changes().limit_ms(limit_ms))
}

/// What the runtime said in its log, without what it only remarked:
///
/// ```text
/// {"level":"error","msg":"runc create failed: unable to start container process: exec: \"/bin/nosuch\": stat /bin/nosuch: no such file or directory","time":"2026-11-22T02:51:12Z"}
/// ```
pub fn complaints(answer: &Answer) -> Vec<String> {
    let Answer::Output(output) = answer else { return Vec::new() };
    let text = plain(&output.stderr);
    let line = |line: &str| match json::from_str::<Value>(line) {
        Ok(entry) => {
            let told = matches!(entry["level"].as_str(), Some("error" | "warning" | "fatal"));
            let message = entry["msg"].as_str().unwrap_or_default().trim().to_string();
            // A cgroup whose last process is still being reaped is busy for a moment; it says so, and tries again.
            told.then_some(message).filter(|message| !message.is_empty() && !message.contains("(will retry)"))
        }
        Err(_) => Some(line.trim().to_string()).filter(|line| !line.is_empty()),
    };
    let mut all: Vec<String> = Vec::new();
    for line in text.lines().filter_map(line) {
        if !all.contains(&line) {
            all.push(line);
        }
    }
    all
}

/// The names of all cubes, for those who typed another.
pub fn valid(survey: &Survey) -> String {
    let names: Vec<&str> = Cube::cubes(survey).map(|cube| cube.name).collect();
    match names[..] {
        [] => "There is no container yet; 'cube-ctl add' makes one".into(),
        _ => format!("Valid containers are: {}", names.join(" ")),
    }
}

/// A name that was typed, if it can be one at all: nothing is looked up under any other.
pub fn checked<'n>(flow: &mut Flow<'_>, name: &'n str) -> Result<&'n str, Stop> {
    match is_id(name) {
        true => Ok(name),
        false => flow.fail(format!("[ERROR]: \"{name}\" cannot be the name of a container")),
    }
}

/// Fails unless this step of a round went well. The runtime's own sentence is told.
pub fn must(flow: &mut Flow<'_>, answer: &Answer, what: &str) -> Result<(), Stop> {
    if answer.ok_output().is_some() {
        return Ok(());
    }
    let mut lines = complaints(answer);
    if lines.is_empty() {
        lines.push(crate::flow::said(answer, "the runtime"));
    }
    for line in lines {
        flow.complain(format!("[ERROR]: {what}: {line}"));
    }
    flow.said.exit = Some(1);
    Err(Stop::Done)
}

/// The same for several steps in order.
pub fn must_all(
    flow: &mut Flow<'_>,
    round: &ctys_plugin::model::Round,
    names: &[&str],
    what: &str,
) -> Result<(), Stop> {
    names.iter().try_for_each(|name| match round.steps.iter().any(|step| step.name == *name) {
        true => must(flow, answer(round, name), what),
        false => Ok(()),
    })
}
