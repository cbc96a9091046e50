//! Ending, freezing and thawing cubes.

use super::{channel, complaints, must, network, runtime_step};
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::parse::survey::{Record, State};
use crate::protect;
use ctys_plugin::model::{Command, Does, Privilege, Signal, Step};

/// SIGTERM.
const TERM: u32 = 15;

/// Waits until a process has ended. `$1` its number, `$2` when it started, `$3` tenths of a second. A process that has ended and was
/// not yet waited for by its parent (Z) has ended.
const WAIT: &str = "p=$1 b=$2 n=$3\n\
    while s=$(cat \"/proc/$p/stat\" 2>/dev/null); do\n\
    set -f; set -- ${s##*)}; [ \"${20}\" = \"$b\" ] && [ \"$1\" != Z ] && [ \"$1\" != X ] || exit 0\n\
    [ \"$n\" -gt 0 ] || exit 1\n\
    n=$((n-1)); sleep 0.1 2>/dev/null || { sleep 1; n=$((n-9)); }\n\
    done";

/// Ends a cube whose lock is held: by TERM if its first process minds it, then by KILL; then its record goes.
pub fn stop_one(flow: &mut Flow<'_>, cube: &Cube<'_>, grace: u32) -> Result<(), Stop> {
    let Some(record) = cube.record else { return Ok(()) };
    let name = cube.name;
    protect::check(flow, cube)?;
    let mut steps = Vec::new();
    // The first process of a namespace gets no signal it does not catch: waiting for one would be in vain.
    if record.state() == State::Running && record.catches(TERM) && grace > 0 {
        steps.push(Step::does("ask", Does::Signal(signal(record))).go_on());
        let wait = Command::new("sh")
            .args(["-c", WAIT, "sh", &record.pid.to_string(), &record.start.to_string(), &(grace * 10).to_string()])
            .limit_ms(grace.saturating_add(5).saturating_mul(1000));
        steps.push(Step::run("wait", wait).go_on());
    }
    steps.extend(network::down(flow, cube));
    steps.push(runtime_step(flow, "delete", cube, &["delete", "--force", name]));
    steps.extend(channel::close(flow, cube));
    let round = flow.run(steps)?;
    let deleted = answer(round, "delete");
    must(flow, deleted, &format!("container {name} was not stopped"))?;
    // A hook after the end that failed does not bring the cube back.
    for line in complaints(deleted) {
        flow.complain(format!("[WARNING]: container {name}: {line}"));
    }
    flow.said.changed = true;
    Ok(())
}

fn signal(record: &Record) -> Signal {
    Signal {
        pid: record.pid,
        start: record.start,
        name: "TERM".into(),
        privilege: Privilege::Root,
        ..Signal::default()
    }
}

/// Freezes or thaws a cube whose lock is held.
pub fn freeze(flow: &mut Flow<'_>, cube: &Cube<'_>, freeze: bool) -> Result<(), Stop> {
    let name = cube.name;
    if freeze {
        protect::check(flow, cube)?;
    }
    let word = if freeze { "pause" } else { "resume" };
    match (cube.state(), freeze) {
        (Some(State::Paused), true) => {
            flow.say(format!("container {name} is already paused ..."));
            return Ok(());
        }
        (Some(State::Running), false) => {
            flow.say(format!("container {name} is already running ..."));
            return Ok(());
        }
        (Some(State::Running), true) | (Some(State::Paused), false) => {}
        _ => return flow.fail(format!("[ERROR]: container {name} is not running, cannot {word}.")),
    }
    let round = flow.run(vec![runtime_step(flow, word, cube, &[word, name])])?;
    must(flow, answer(round, word), &format!("cannot {word} container {name}"))?;
    flow.said.changed = true;
    Ok(())
}
