//! cube-ctl: which verb goes where.

use super::options::{self, Options};
use super::{change, info, list, netprime};
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::parse::survey::{State, Survey};
use crate::probes::Depth;
use crate::work::start::{self, Outcome};
use crate::work::{checked, foreground, keeper, links, prep, stop, valid};
use ctys_plugin::model::{Bytes, Command, Console, ConsoleKind, ToolCall};

/// What it understands, one line each; `-h VERB` shows the line of a verb.
const VERBS: &[(&str, &str, &str)] = &[
    ("start", "[-f] [-i] [-a] [--auto=TAG] [NAME]", "start a container, or all that are tagged"),
    ("stop", "NAME", "end a container: its program is asked, then killed"),
    ("pause", "NAME", "freeze a container"),
    ("resume", "NAME", "thaw a container"),
    ("list", "[-v] [-t name|state|type] [--json]", "the containers and their states"),
    ("status", "[-v] [-t name|state|type] [--json]", "the same as list"),
    ("info", "[--json] NAME", "state, addresses and use of a container"),
    ("show", "[--json] NAME", "the same as info"),
    (
        "add",
        "[-n NAME] [-u [SUBUID]] [--auto=TAG] SOURCE[:vty=N[,active]][:net=N][:discovery=off]...",
        "add containers from archives or directories",
    ),
    ("del", "[-F] NAME", "delete a container that has ended; -F ends it first"),
    ("rename", "NAME NEW", "give a container another name"),
    ("mv", "NAME NEW", "the same as rename"),
    ("store", "NAME NEW", "copy a container"),
    ("prep", "NAME", "fit the files of a container to the machine again: fstab, terminals, avahi"),
    ("stack", "NAME", "make the links of a container again"),
    ("netprime", "[NAME]", "who leads the containers out; with a name, hands that over"),
    ("TARGET:COMMAND", "[ARGUMENT...]", "run a command in a container, or on the host (host:, essential:)"),
];

/// Does what the words say.
pub fn run(flow: &mut Flow<'_>, call: &ToolCall, words: &[Bytes]) -> Result<(), Stop> {
    let options = match options::read(words) {
        Ok(options) => options,
        Err(line) => return flow.fail(line),
    };
    if let Some((target, command)) = &options.execute {
        return execute(flow, call, &options, target, command);
    }
    let verb = options.words.first().map_or("", String::as_str);
    if options.help || verb.is_empty() {
        return help(flow, verb);
    }
    let name = options.words.get(1).map(String::as_str);
    match verb {
        "list" | "status" => list::run(flow, &options),
        "info" | "show" => info::run(flow, &options, name),
        "start" => start(flow, call, &options, name),
        "stop" => with_cube(flow, name, "stop", |flow, survey, cube| {
            if let Some(record) = Cube::foreign(survey, cube.name).and_then(|other| other.record) {
                let (name, bundle) = (cube.name, &record.bundle);
                flow.complain(format!("[WARNING]: the container {name} of {bundle} is no cube, and was left alone"));
            }
            let grace = flow.places.grace;
            stop::stop_one(flow, cube, grace)
        }),
        "pause" => with_cube(flow, name, "pause", |flow, _, cube| stop::freeze(flow, cube, true)),
        "resume" => with_cube(flow, name, "resume", |flow, _, cube| stop::freeze(flow, cube, false)),
        "prep" => with_cube(flow, name, "prep", |flow, _, cube| prep::run(flow, cube)),
        "stack" => with_cube(flow, name, "stack", |flow, _, cube| links::stack(flow, Some(cube.name))),
        "add" => change::add(flow, call, &options, &options.words[1..]),
        "del" | "delete" | "remove" => change::delete(flow, &options, name),
        "rename" | "mv" => change::rename(flow, name, options.words.get(2).map(String::as_str)),
        "netprime" => netprime::run(flow, name),
        "store" => change::store(flow, name, options.words.get(2).map(String::as_str)),
        _ => {
            flow.complain(format!("Unknown command {verb}"));
            usage().into_iter().for_each(|line| flow.complain(line));
            flow.said.exit = Some(1);
            Err(Stop::Done)
        }
    }
}

/// The names of all verbs.
#[cfg(test)]
pub fn verbs() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|(verb, ..)| *verb)
}

/// The lines of all verbs.
pub fn usage() -> Vec<String> {
    let lines = VERBS.iter().map(|(verb, arguments, what)| format!("  {:<50} {what}", format!("{verb} {arguments}")));
    std::iter::once("usage: cube-ctl COMMAND [OPTION...] [ARGUMENT...]".to_string()).chain(lines).collect()
}

fn help(flow: &mut Flow<'_>, verb: &str) -> Result<(), Stop> {
    if verb.is_empty() {
        usage().into_iter().for_each(|line| flow.say(line));
        return Ok(());
    }
    match VERBS.iter().find(|(name, ..)| *name == verb) {
        Some((name, arguments, what)) => flow.say(format!("cube-ctl {name} {arguments}: {what}")),
        None => flow.say(format!("No help information found for command {verb}")),
    }
    Ok(())
}

/// Fails with the usage below the line.
pub fn misuse<T>(flow: &mut Flow<'_>, line: &str) -> Result<T, Stop> {
    flow.complain(line);
    usage().into_iter().for_each(|line| flow.complain(line));
    flow.said.exit = Some(1);
    Err(Stop::Done)
}

/// A verb that needs one cube, under its lock.
fn with_cube<'a>(
    flow: &mut Flow<'a>,
    name: Option<&str>,
    verb: &str,
    work: impl FnOnce(&mut Flow<'a>, &Survey, &Cube<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let Some(name) = name else { return misuse(flow, "[ERROR]: no container name provided") };
    let name = checked(flow, name)?;
    let survey = flow.lock_and_look(name, Depth::Usual)?;
    let cube = survey.as_ref().and_then(|survey| Some((survey, Cube::named(survey, name)?)));
    match cube.filter(|(_, cube)| cube.folder.is_some()) {
        Some((survey, cube)) => work(flow, survey, &cube),
        None => unknown(flow, &format!("[ERROR]: container {name} not found, cannot {verb}.")),
    }
}

/// Fails with the names there are below the line.
pub fn unknown<T>(flow: &mut Flow<'_>, line: &str) -> Result<T, Stop> {
    let all = flow.look(&[], Depth::Usual)?;
    flow.complain(line);
    flow.fail(valid(&all))
}

fn start(flow: &mut Flow<'_>, call: &ToolCall, options: &Options, name: Option<&str>) -> Result<(), Stop> {
    if let Some(tag) = &options.auto {
        return start::start_tagged(flow, tag);
    }
    let Some(name) = name else { return misuse(flow, "[ERROR]: no container name provided") };
    let name = checked(flow, name)?;
    if options.attach && !options.foreground {
        return attach(flow, name);
    }
    let outcome = match options.foreground || options.interactive {
        true => foreground::run(flow, call, name, options.interactive)?,
        false => start::start(flow, name)?,
    };
    match outcome {
        Outcome::Started => Ok(()),
        Outcome::WasRunning => {
            flow.say(format!("container {name} is already running ..."));
            Ok(())
        }
        Outcome::Unknown => unknown(flow, &format!("[ERROR]: container {name} not found, cannot start.")),
    }
}

/// `start -a`: starts it and shows its terminal. What was said in between is kept for whoever comes.
fn attach(flow: &mut Flow<'_>, name: &str) -> Result<(), Stop> {
    let survey = flow.look(&[name], Depth::Usual)?;
    let Some(cube) = Cube::named(&survey, name).filter(|cube| cube.folder.is_some()) else {
        return unknown(flow, &format!("[ERROR]: container {name} not found, cannot start."));
    };
    if !keeper::is_wanted(&cube) {
        let line = format!("[ERROR]: container {name} has no terminal to attach to, cube.console.mgr:tty gives it one");
        return flow.fail(line);
    }
    start::start(flow, name)?;
    links::follow(flow)?;
    Err(Stop::Attach(Box::new(keeper::console(flow, &cube))))
}

/// `TARGET:COMMAND`: the command's streams and status are ours.
fn execute(
    flow: &mut Flow<'_>,
    call: &ToolCall,
    options: &Options,
    target: &str,
    command: &[Bytes],
) -> Result<(), Stop> {
    let Some((program, args)) = command.split_first() else {
        return flow.fail(format!("[ERROR]: no command provided for {target}"));
    };
    let terminal = options.interactive && call.terminal;
    let command = if matches!(target, "host" | "essential") {
        let Ok(program) = std::str::from_utf8(program.as_slice()) else {
            return flow.fail(format!("[ERROR]: {program:?} is no name of a program"));
        };
        Command::new(program).args(args.iter().cloned()).as_root()
    } else {
        let name = checked(flow, target)?;
        let survey = flow.look(&[name], Depth::Usual)?;
        let Some(cube) = Cube::named(&survey, name).filter(|cube| cube.folder.is_some()) else {
            return flow.fail(format!("Error, container {name} does not exist."));
        };
        match cube.state() {
            Some(State::Running | State::Created) => {}
            Some(State::Paused) => {
                return flow.fail(format!("[ERROR]: container {name} is paused, not executing command"));
            }
            _ => return flow.fail(format!("[ERROR]: container {name} is not running, not executing command")),
        }
        let flags = terminal.then_some("-t");
        let words = ["exec"].into_iter().chain(flags).chain([name]);
        flow.places.runtime(cube.manager(), words).args(command.iter().cloned())
    };
    Err(Stop::Attach(Box::new(Console {
        command: Some(command),
        streams: !terminal,
        ..Console::new(ConsoleKind::Cli, target, crate::SESSION_TYPE)
    })))
}
