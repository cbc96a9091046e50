//! cube-cmd: a command where the cubes are controlled, and the server by which cubes ask for one.

use super::{here, meant};
use crate::flow::{Flow, Stop};
use crate::work::channel;
use ctys_plugin::model::{Bytes, Command, Console, ConsoleKind, ToolCall};

/// What was typed before the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-i`: with a terminal.
    pub terminal: bool,
    /// `--server`.
    pub server: bool,
    /// `-h`.
    pub help: bool,
}

/// Takes the options off. The error is a line of complaint.
pub fn read(mut words: &[Bytes]) -> Result<(Options, &[Bytes]), String> {
    let mut options = Options::default();
    while let Some((word, rest)) = words.split_first() {
        match word.as_slice() {
            b"-i" => options.terminal = true,
            b"--server" => options.server = true,
            b"-h" | b"--help" => options.help = true,
            b"--" => return Ok((options, rest)),
            option if option.starts_with(b"-") => {
                return Err(format!("[ERROR]: {} is no option of cube-cmd", word.to_text()));
            }
            _ => break,
        }
        words = rest;
    }
    Ok((options, words))
}

/// Does what the words say, where that is ours to do.
pub fn run(flow: &mut Flow<'_>, call: &ToolCall, words: &[Bytes]) -> Result<(), Stop> {
    let (options, command) = match read(words) {
        Ok(read) => read,
        Err(line) => return flow.fail(line),
    };
    if options.server {
        if !channel::is_possible(flow) {
            return flow.fail("[ERROR]: the command channel is served on the machine of the containers".into());
        }
        return Err(Stop::Attach(Box::new(channel::console(flow))));
    }
    let Some((program, args)) = command.split_first().filter(|_| !options.help) else {
        return help(flow);
    };
    let Ok(name) = std::str::from_utf8(program.as_slice()) else {
        return flow.fail(format!("[ERROR]: {program:?} is no name of a program"));
    };
    match meant(name, args) {
        Some((tool, words)) => here(flow, call, tool, words),
        None => program_here(call, name, args, options.terminal),
    }
}

/// A program: its streams and its status are ours.
pub fn program_here(call: &ToolCall, name: &str, args: &[Bytes], terminal: bool) -> Result<(), Stop> {
    Err(Stop::Attach(Box::new(Console {
        command: Some(Command::new(name).args(args.iter().cloned()).as_root()),
        streams: !(terminal && call.terminal),
        ..Console::new(ConsoleKind::Cli, "dom0", crate::SESSION_TYPE)
    })))
}

/// What it understands.
pub fn help(flow: &mut Flow<'_>) -> Result<(), Stop> {
    for line in [
        "usage: cube-cmd [-i] COMMAND [ARGUMENT...]",
        "       cube-cmd --server",
        "  COMMAND    a program, or cube-ctl, cube-console, cube-cfg; from a container as far as dom0 allows",
        "  -i         with a terminal",
        "  --server   serve what containers ask for, in the foreground; a start of one does it in the background",
    ] {
        flow.say(line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_end_where_the_command_begins() {
        let words = |words: &[&str]| words.iter().map(|word| Bytes::from(*word)).collect::<Vec<_>>();
        let check = |typed: &[&str], options: Options, command: &[&str]| {
            assert_eq!(read(&words(typed)), Ok((options, words(command).as_slice())), "{typed:?}");
        };
        check(&["ls", "-i"], Options::default(), &["ls", "-i"]);
        check(&["-i", "top"], Options { terminal: true, ..Options::default() }, &["top"]);
        check(&["--", "-i"], Options::default(), &["-i"]);
        check(&["--server"], Options { server: true, ..Options::default() }, &[]);
        assert_eq!(read(&words(&["-x", "ls"])), Err("[ERROR]: -x is no option of cube-cmd".into()));
    }
}
