//! Who a tool works for (overc.md 1.2): on the host, and in its control cube, everything may be done; a cube asks by its channel and
//! gets what the access list grants.
//!
//! ```text
//! in a cube   cube-ctl list  -> the words go over the channel as they are
//! on the host                -> a process of ours gets them, and the name of the cube: the list says yes or no
//! ```
//!
//! What the words mean is read here the same way as where they are carried out, so that no other reading of them gets through.

use super::{cmd, console, here, meant, options};
use crate::access::{Access, Asked, DOM0};
use crate::flow::{Flow, Stop};
use crate::places::Places;
use crate::work::{channel, keeper};
use ctys_plugin::model::probe::FileAnswer;
use ctys_plugin::model::{Answer, Bytes, Command, Console, ConsoleKind, Probe, Request, ToolCall};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Whoever controls the cubes.
    Control,
    /// A process in a cube.
    Cube,
    /// Our own server, for this cube.
    For(String),
}

/// The start of this program that asks over the channel.
const CALL: &str = "__cube_call";

fn mark() -> Probe {
    Probe::file(channel::MARK)
}

/// What has to be known: the access list for a server; else whether this is a cube.
pub fn wants(request: &Request) -> Vec<Probe> {
    let places = Places::of(request);
    match (&places.caller, places.channel) {
        (Some(_), _) => vec![Probe::file(places.access)],
        (None, true) => vec![mark()],
        (None, false) => Vec::new(),
    }
}

/// Who calls, by what is known.
pub fn of(flow: &Flow<'_>) -> Role {
    match &flow.places.caller {
        Some(caller) => Role::For(caller.clone()),
        None if flow.places.channel && flow.facts.answer(&mark()).content().is_some() => Role::Cube,
        None => Role::Control,
    }
}

/// The access list, or what is wrong with it.
fn access(flow: &Flow<'_>) -> Result<Access, String> {
    let path = &flow.places.access;
    match flow.facts.answer(&Probe::file(path.as_str())) {
        Answer::File(FileAnswer::Absent) => Ok(Access::default()),
        Answer::File(FileAnswer::Content { content, cut: false }) => {
            Access::read(&content.to_text()).map_err(|line| format!("line {line} of {path} is not understood"))
        }
        Answer::File(FileAnswer::Content { .. }) => Err(format!("{path} is too long")),
        _ => Err(format!("{path} cannot be read")),
    }
}

/// Asks for it over the channel.
pub fn ask(flow: &mut Flow<'_>, call: &ToolCall, tool: &str, words: &[Bytes]) -> Result<(), Stop> {
    if !channel::is_possible(flow) {
        return flow.fail("[ERROR]: dom0 is asked from the container itself".into());
    }
    // With a terminal, with our input, telling how it ended; the key that leaves.
    let (mut terminal, mut input, mut tells, mut key) = (false, false, false, None);
    let mut request = vec![Bytes::from(format!("cube-{tool}").as_str())];
    match tool {
        "ctl" => {
            let options = match options::read(words) {
                Ok(options) => options,
                Err(line) => return flow.fail(line),
            };
            terminal = options.interactive || options.attach;
            input = options.execute.is_some() || options.foreground || terminal;
            request.extend(words.iter().cloned());
        }
        "console" => {
            let options = match console::read(words) {
                Ok(options) => options,
                Err(line) => return flow.fail(line),
            };
            (terminal, input, tells) = (true, true, options.tells);
            key = options.traps.then_some(keeper::KEY);
            request.extend(words.iter().cloned());
        }
        "cmd" => {
            let (options, command) = match cmd::read(words) {
                Ok(read) => read,
                Err(line) => return flow.fail(line),
            };
            if options.server {
                return flow.fail("[ERROR]: the command channel is served on the host, not in a container".into());
            }
            if options.help || command.is_empty() {
                return cmd::help(flow);
            }
            (terminal, input) = (options.terminal, true);
            request = command.to_vec();
        }
        _ => request.extend(words.iter().cloned()),
    }
    let how: String = [(terminal && call.terminal, 't'), (input, 'i'), (tells, 'v')]
        .into_iter()
        .filter_map(|(is_so, letter)| is_so.then_some(letter))
        .collect();
    let key = key.map_or("-1".to_string(), |key| key.to_string());
    let command = Command::new(&flow.request.caller.program.to_text())
        .args([CALL, channel::SOCKET, &how, &key].map(Bytes::from))
        .args(request);
    Err(Stop::Attach(Box::new(Console {
        command: Some(command),
        streams: !(terminal && call.terminal),
        ..Console::new(ConsoleKind::Cli, DOM0, crate::SESSION_TYPE)
    })))
}

/// What a cube asks for, as far as it may.
pub fn serve(flow: &mut Flow<'_>, call: &ToolCall, caller: &str) -> Result<(), Stop> {
    // The server puts this word in front, so that no word of a cube is read by anybody else before.
    let Some((_, words)) = call.words.split_first().filter(|(first, _)| first.as_slice() == b"--") else {
        return flow.fail("[ERROR]: permission denied: this is no request of the server".into());
    };
    let access = match access(flow) {
        Ok(access) => access,
        Err(why) => return flow.fail(format!("[ERROR]: permission denied: the access list is of no use: {why}")),
    };
    let meaning = match Meaning::of(words) {
        Ok(meaning) => meaning,
        Err(line) => return flow.fail(line),
    };
    match &meaning.does {
        Does::Nothing => {}
        Does::Targets if !access.allows_all_of(caller, "cube-console") => {
            flow.say(DOM0);
            return Ok(());
        }
        Does::Targets => {}
        _ if access.allows(caller, &meaning.asked) => {}
        does => return flow.fail(refusal(does, &meaning.asked)),
    }
    match meaning.tool {
        Some((tool, words)) => here(flow, call, tool, words),
        None => cmd::program_here(call, &meaning.asked.program, meaning.args, true),
    }
}

/// What the words of a cube mean.
struct Meaning<'w> {
    asked: Asked,
    does: Does,
    tool: Option<(&'static str, &'w [Bytes])>,
    args: &'w [Bytes],
}

/// What would be done, as far as it has an answer of its own.
#[derive(Debug, PartialEq, Eq)]
enum Does {
    /// A manual is shown.
    Nothing,
    /// The targets of consoles are listed.
    Targets,
    /// A console of this target.
    Console(String),
    /// Something else.
    Else,
}

impl<'w> Meaning<'w> {
    /// The error is a line of complaint.
    fn of(words: &'w [Bytes]) -> Result<Meaning<'w>, String> {
        let all: Vec<_> = words.iter().map(Bytes::to_text).collect();
        let all = all.join(" ");
        let denied = || format!("[ERROR]: '{all}' permission denied");
        let (program, args) = words.split_first().ok_or_else(denied)?;
        let name = std::str::from_utf8(program.as_slice()).map_err(|_| denied())?;
        let asked = |program: &str, first: Option<String>, has_operators: bool| Asked {
            program: program.into(),
            first,
            words: all.clone(),
            has_operators,
        };
        let Some((tool, words)) = meant(name, args) else {
            let operator = |byte: &u8| b";&|\n".contains(byte);
            let has_operators = words.iter().any(|word| word.as_slice().iter().any(operator));
            let first = args.first().map(|word| word.to_text().into_owned());
            return Ok(Meaning { asked: asked(name, first, has_operators), does: Does::Else, tool: None, args });
        };
        let (does, first) = match tool {
            "ctl" => {
                let options = options::read(words)?;
                // What follows a target is a command of its own, whatever stands before it.
                match (&options.execute, options.words.first()) {
                    (Some(_), _) => (Does::Else, None),
                    (None, Some(verb)) if !options.help => (Does::Else, Some(verb.clone())),
                    _ => (Does::Nothing, None),
                }
            }
            "console" => {
                let options = console::read(words)?;
                match options.target.filter(|_| !options.help) {
                    None => (Does::Nothing, None),
                    Some(target) if target == "list" => (Does::Targets, None),
                    Some(target) => (Does::Console(target.clone()), (!options.own).then_some(target)),
                }
            }
            // Its options would stand for those of the command.
            "cmd" => return Err(denied()),
            _ => (Does::Else, None),
        };
        let asked = asked(&format!("cube-{tool}"), first, false);
        Ok(Meaning { asked, does, tool: Some((tool, words)), args })
    }
}

/// What a cube is told that may not.
fn refusal(does: &Does, asked: &Asked) -> String {
    match does {
        Does::Console(target) if target == "essential" => "ERROR: essential console is only available to dom0".into(),
        Does::Console(target) if target != DOM0 => {
            "ERROR: cube is not allowed direct console access. log into dom0 first.".into()
        }
        _ => format!("[ERROR]: '{}' permission denied", asked.words),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ctl;
    use super::*;

    fn words(words: &[&str]) -> Vec<Bytes> {
        words.iter().map(|word| Bytes::from(*word)).collect()
    }

    /// Whether a cube may do it: none where nothing is done.
    fn may(list: &str, typed: &[&str]) -> Option<Result<(), String>> {
        let words = words(typed);
        let meaning = match Meaning::of(&words) {
            Ok(meaning) => meaning,
            Err(line) => return Some(Err(line)),
        };
        let access = Access::read(list).unwrap();
        match &meaning.does {
            Does::Nothing | Does::Targets => None,
            _ if access.allows("web", &meaning.asked) => Some(Ok(())),
            does => Some(Err(refusal(does, &meaning.asked))),
        }
    }

    fn denied(typed: &[&str]) -> Option<Result<(), String>> {
        Some(Err(format!("[ERROR]: '{}' permission denied", typed.join(" "))))
    }

    #[test]
    fn verbs_that_change_something_are_dom0s() {
        for verb in ctl::verbs().filter(|verb| !verb.contains(':')) {
            let typed = ["cube-ctl", verb, "db"];
            let want = if matches!(verb, "list" | "status") { Some(Ok(())) } else { denied(&typed) };
            assert_eq!(may("", &typed), want, "{verb}");
        }
        for typed in [&["cube-ctl", "db:ls"][..], &["cube-ctl", "host:ls"], &["cube-cfg", "-n", "db", "show"], &["ls"]]
        {
            assert_eq!(may("", typed), denied(typed));
        }
        assert_eq!(may("", &["cube-ctl"]), None);
        assert_eq!(may("", &["cube-ctl", "-h", "stop"]), None);
    }

    #[test]
    fn no_command_hides_behind_a_verb_that_is_granted() {
        for typed in [
            &["cube-ctl", "list", "host:reboot"][..],
            &["cube-ctl", "-v", "list", "db:rm", "-rf", "/"],
            &["cube", "list", "host:reboot"],
            &["c3", "ctl", "status", "host:reboot"],
            &["cube-ctl", "-t", "list", "stop", "db"],
            &["cube-cmd", "reboot"],
            &["cube", "cmd", "reboot"],
            &["cube-cmd", "--server"],
            &["__cube_shell", "-1", "0", "/bin/sh"],
            &["/bin/cube-ctl", "list"],
        ] {
            assert_eq!(may("", typed), denied(typed));
        }
        assert_eq!(may("", &["c3", "list"]), Some(Ok(())));
        assert_eq!(may("", &["cube-ctl", "list", "-t", "state"]), Some(Ok(())));
    }

    #[test]
    fn of_consoles_there_is_dom0s() {
        let refused = |text: &str| Some(Err(text.to_string()));
        let other = refused("ERROR: cube is not allowed direct console access. log into dom0 first.");
        assert_eq!(may("", &["cube-console", "dom0"]), Some(Ok(())));
        assert_eq!(may("", &["cube-console", "db"]), other);
        assert_eq!(may("", &["cube-console", "web"]), other);
        assert_eq!(may("", &["cube-console", "../db"]), other);
        assert_eq!(
            may("", &["cube-console", "essential"]),
            refused("ERROR: essential console is only available to dom0")
        );
        assert_eq!(may("", &["cube-console", "--own", "dom0"]), denied(&["cube-console", "--own", "dom0"]));
        assert_eq!(may("", &["cube-console", "list"]), None);
        let none = "web:\n  commands: []\n";
        assert_eq!(may(none, &["cube-console", "dom0"]), denied(&["cube-console", "dom0"]));
        let all = "web:\n  commands: [cube-console]\n";
        assert_eq!(may(all, &["cube-console", "db"]), Some(Ok(())));
        assert_eq!(may(all, &["cube-console", "essential"]), Some(Ok(())));
    }
}
