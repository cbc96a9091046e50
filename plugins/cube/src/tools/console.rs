//! cube-console (overc.md 2): from dom0 a shell in a cube at once, by its namespaces; no login.

use super::list;
use super::options;
use crate::access::DOM0;
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::parse::survey::State;
use crate::places::is_id;
use crate::probes::Depth;
use crate::work::keeper;
use ctys_plugin::model::{Bytes, Command, Console, ConsoleKind, ToolCall};

/// The shell of a cube: bash where it has one.
const SHELL: &str = "[ -x /bin/bash ] && exec /bin/bash; exec /bin/sh";

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where to.
    pub target: Option<String>,
    /// The key leaves it; not with `--notraps`.
    pub traps: bool,
    /// `-v`: say how it ended.
    pub tells: bool,
    /// `--own`: the terminal of the cube's own program.
    pub own: bool,
    /// `-h`.
    pub help: bool,
}

/// Reads the words. The error is a line of complaint.
pub fn read(words: &[Bytes]) -> Result<Options, String> {
    let mut options = Options { target: None, traps: true, tells: false, own: false, help: false };
    let mut words = words.iter().map(|word| word.to_text().into_owned());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--notraps" => options.traps = false,
            "-v" | "--verbose" => options.tells = true,
            "--own" => options.own = true,
            // A namespace is what it always is, and there is nobody to be forced.
            "--ns" | "--force" => {}
            "--timeout" => drop(words.next()),
            "-h" | "--help" => options.help = true,
            _ if word.starts_with('-') => return Err(format!("[ERROR]: {word} is no option of cube-console")),
            _ => options.target = options.target.or(Some(word)),
        }
    }
    Ok(options)
}

/// Who asks for name and password.
const LOGIN: &str = "/bin/login";

/// Does what the words say.
pub fn run(flow: &mut Flow<'_>, call: &ToolCall, words: &[Bytes]) -> Result<(), Stop> {
    let options = match read(words) {
        Ok(options) => options,
        Err(line) => return flow.fail(line),
    };
    let Options { traps, tells, own, .. } = options;
    let Some(target) = options.target.filter(|_| !options.help) else { return help(flow) };
    // The server of the channel calls for another cube: a console of dom0 is a login there.
    let is_asked_for = flow.places.caller.is_some();
    if target == DOM0 && flow.places.caller.as_deref().is_some_and(|caller| caller != DOM0) {
        return login(flow, call);
    }
    if target == "list" {
        list::run(flow, &options::Options::default())?;
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
        let survey = flow.look(&[&target], Depth::Usual)?;
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
    // Over the channel the key is looked for where it is typed.
    let command = if call.terminal && !is_asked_for { with_key(flow, command, traps, tells) } else { command };
    Err(Stop::Attach(Box::new(Console { command: Some(command), ..console })))
}

/// A login in dom0: in the cube of that name where there is one, else on this host.
fn login(flow: &mut Flow<'_>, call: &ToolCall) -> Result<(), Stop> {
    if !call.terminal {
        return flow.fail("[ERROR]: a login in dom0 needs a terminal".into());
    }
    let survey = flow.look(&[DOM0], Depth::Usual)?;
    let command = match Cube::named(&survey, DOM0).filter(|cube| cube.folder.is_some()) {
        Some(cube) if cube.state() != Some(State::Running) => {
            return flow.fail("[ERROR]: container \"dom0\" is not running".into());
        }
        Some(cube) => flow.places.runtime(cube.manager(), ["exec", "-t", DOM0, LOGIN]),
        // It has a terminal of its own, whose first process it is: some logins make all others of it hang up.
        None => with_key(flow, Command::new(LOGIN), false, false),
    };
    let console = Console::new(ConsoleKind::Cli, DOM0, crate::SESSION_TYPE);
    Err(Stop::Attach(Box::new(Console { command: Some(command), ..console })))
}

/// The command with a key that leaves it at once.
fn with_key(flow: &Flow<'_>, command: Command, traps: bool, tells: bool) -> Command {
    if flow.request.caller.program.is_empty() {
        return command;
    }
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
