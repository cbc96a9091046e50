//! cube-console (overc.md 2): from dom0 a shell in a cube at once, by its namespaces; no login.

use super::list;
use super::options::Options;
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::parse::survey::State;
use crate::places::is_id;
use crate::work::keeper;
use ctys_plugin::model::{Bytes, Command, Console, ConsoleKind, ToolCall};

/// The shell of a cube: bash where it has one.
const SHELL: &str = "[ -x /bin/bash ] && exec /bin/bash; exec /bin/sh";

/// Does what the words say.
pub fn run(flow: &mut Flow<'_>, call: &ToolCall, words: &[Bytes]) -> Result<(), Stop> {
    let (mut target, mut traps, mut tells, mut own) = (None, true, false, false);
    let mut words = words.iter().map(|word| word.to_text().into_owned());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--notraps" => traps = false,
            "-v" | "--verbose" => tells = true,
            "--own" => own = true,
            // A namespace is what it always is, and there is nobody to be forced.
            "--ns" | "--force" => {}
            "--timeout" => drop(words.next()),
            "-h" | "--help" => return help(flow),
            _ if word.starts_with('-') => return flow.fail(format!("[ERROR]: {word} is no option of cube-console")),
            _ => target = target.or(Some(word)),
        }
    }
    let Some(target) = target else { return help(flow) };
    if target == "list" {
        list::run(flow, &Options::default())?;
        flow.say("essential");
        return Ok(());
    }
    let command = if target == "essential" {
        // Whoever is here already is root on the host; a login would ask for what he has.
        Command::new("sh").args(["-c", SHELL])
    } else {
        let unknown = format!("[ERROR]: container \"{target}\" not found");
        if !is_id(&target) {
            return flow.fail(unknown);
        }
        let survey = flow.look(&[&target], false)?;
        let Some(cube) = Cube::named(&survey, &target).filter(|cube| cube.folder.is_some()) else {
            return flow.fail(unknown);
        };
        match cube.state() {
            Some(State::Running | State::Created) => {}
            Some(State::Paused) => return flow.fail(format!("[ERROR]: container \"{target}\" is paused")),
            _ => return flow.fail(format!("[ERROR]: container \"{target}\" is not running")),
        }
        if own {
            if !keeper::is_wanted(&cube) {
                return flow.fail(format!("[ERROR]: container \"{target}\" has no terminal of its own"));
            }
            return Err(Stop::Attach(Box::new(keeper::console(flow, &cube))));
        }
        let terminal = call.terminal.then_some("-t");
        let words = ["exec"].into_iter().chain(terminal).chain([target.as_str(), "/bin/sh", "-c", SHELL]);
        flow.places.runtime(cube.manager(), words)
    };
    let console = Console { streams: !call.terminal, ..Console::new(ConsoleKind::Cli, &target, crate::SESSION_TYPE) };
    let command = if call.terminal { with_key(flow, command, traps, tells) } else { command };
    Err(Stop::Attach(Box::new(Console { command: Some(command), ..console })))
}

/// The command with a key that leaves it at once.
fn with_key(flow: &Flow<'_>, command: Command, traps: bool, tells: bool) -> Command {
    let Command { program, args, .. } = command;
    let key = if traps { keeper::KEY.to_string() } else { "-1".into() };
    Command::new(&flow.request.caller.program.to_text())
        .args(["__cube_shell", &key, if tells { "1" } else { "0" }, &program])
        .args(args)
        .as_root()
}

fn help(flow: &mut Flow<'_>) -> Result<(), Stop> {
    for line in [
        "usage: cube-console [--own] [--notraps] [-v] TARGET",
        "  TARGET      a container, essential, or list for all of them",
        "  --own       the terminal of the container's own program, with what it said before",
        "  --notraps   Control-\\ reaches the container; otherwise it leaves at once",
        "  -v          say how the console ended",
    ] {
        flow.say(line);
    }
    Ok(())
}
