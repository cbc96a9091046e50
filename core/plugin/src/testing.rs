//! For the tests of a plugin: requests, facts and replies from little text, and effects as text, one argument per line.
//!
//! ```
//! use ctys_plugin::model::{Action, Command, List, Probe};
//! use ctys_plugin::testing;
//!
//! let uptime = Probe::run(Command::new("uptime"));
//! let request = testing::request(Action::List(List::default()));
//! let facts = testing::facts([(uptime.clone(), "up 3 days")]);
//! assert_eq!(facts.answer(&uptime).ok_output().unwrap().stdout.to_text(), "up 3 days");
//! assert_eq!(request.target.to_string(), "lab00");
//! ```

use ctys_model::bytes::{escape, escape_for_eyes};
use ctys_model::probe::{FoundFile, Scanned};
use ctys_model::{
    Action, Answer, Batch, Bytes, Caller, Command, Console, Does, Effect, Ending, Exit, Facts, FileAnswer, Findings,
    Heard, HostFacts, Location, Next, Output, Place, Privilege, Probe, Problem, Process, Record, Replies, Request,
    Round, Scope, StepReply, Target, Tunnel,
};
use std::fmt::Write;

/// A request as a short call gives it: `ctys -a <action> lab00`, typed by mia on desk.
pub fn request(action: Action) -> Request {
    Request {
        action,
        target: Target { host: "lab00".into(), ..Target::default() },
        caller: Caller {
            user: "mia".into(),
            host: "desk".into(),
            home: "/home/mia".into(),
            display: Some(":0".into()),
            program: "/usr/bin/ctys".into(),
        },
        session_type: None,
        force: false,
        ambiguous: false,
        scope: Scope::Default,
        location: Location::DisplayForwarding,
        geometry: None,
        resolution: None,
        server_options: Vec::new(),
        settings: Default::default(),
    }
}

/// The facts of a Linux host whose probes answered with these texts, all of them well.
pub fn facts<T: Into<Bytes>>(answers: impl IntoIterator<Item = (Probe, T)>) -> Facts {
    facts_with(answers.into_iter().map(|(probe, text)| {
        let answer = answer_to(&probe, text);
        (probe, answer)
    }))
}

/// The facts of a Linux host whose probes answered so.
pub fn facts_with(answers: impl IntoIterator<Item = (Probe, Answer)>) -> Facts {
    Facts {
        host: Some(host()),
        now: 1_700_000_000,
        fresh: Bytes((0..64).collect()),
        answers: answers.into_iter().collect(),
    }
}

/// A Linux host named lab00, logged in as mia.
pub fn host() -> HostFacts {
    HostFacts {
        node: "lab00".into(),
        system: "Linux".into(),
        release: "6.1.0-13-amd64".into(),
        machine: "x86_64".into(),
        user: "mia".into(),
        uid: 1000,
        group: "mia".into(),
        home: "/home/mia".into(),
    }
}

/// What a probe answers when all goes well and this is the text: the output of its first command, or the file.
pub fn answer_to(probe: &Probe, text: impl Into<Bytes>) -> Answer {
    let text = text.into();
    match probe {
        Probe::Run { .. } => output(text),
        Probe::File { .. } => Answer::File(FileAnswer::Content { content: text, cut: false }),
        Probe::Processes(_) => {
            let args = text.as_slice().split(|&byte| byte == 0).map(|arg| Bytes(arg.to_vec())).collect();
            Answer::Processes(vec![process(4711, args)])
        }
        Probe::Talk(talk) => {
            let said = |socket: &Bytes| Heard { socket: socket.clone(), text: text.clone(), end: Ending::Answered };
            Answer::Talked(talk.sockets.iter().map(said).collect())
        }
        Probe::Scan(scan) => {
            // One file that the first pattern finds in the first folder.
            let base = scan.bases.first().map_or("/", |base| std::str::from_utf8(base.as_slice()).unwrap_or("/"));
            let name = scan.names.first().map_or("x", String::as_str).replace(['*', '?'], "x");
            scanned([(format!("{base}/x/{name}").as_str(), text)])
        }
    }
}

/// A process of mia's with these arguments.
pub fn process(pid: u32, args: Vec<Bytes>) -> Process {
    Process {
        pid,
        parent: 1,
        user: "mia".into(),
        group: "mia".into(),
        state: "S".into(),
        start: Some(100 * u64::from(pid)),
        age_s: Some(60),
        args,
        exact: true,
    }
}

/// A walk that found these files.
pub fn scanned<'a>(files: impl IntoIterator<Item = (&'a str, Bytes)>) -> Answer {
    let found = |(path, content): (&str, Bytes)| FoundFile {
        path: path.into(),
        file: FileAnswer::Content { content, cut: false },
    };
    Answer::Scanned(Scanned { files: files.into_iter().map(found).collect(), cut: false })
}

/// A command that ended with status 0 and printed this.
pub fn output(text: impl Into<Bytes>) -> Answer {
    Answer::Output(Output { stdout: text.into(), ..Output::ended(Exit::Code(0)) })
}

/// A command that ended with this status and this complaint.
pub fn failed(status: i32, stderr: impl Into<Bytes>) -> Answer {
    Answer::Output(Output { stderr: stderr.into(), ..Output::ended(Exit::Code(status)) })
}

/// The replies of one round, by the names of the steps.
pub fn replies(steps: impl IntoIterator<Item = (&'static str, Answer)>) -> Replies {
    let steps = steps.into_iter().map(|(name, answer)| StepReply { name: name.into(), answer }).collect();
    Replies { rounds: vec![Round { started_ms: 0, steps }] }
}

/// An effect as text, one argument per line, for comparing with a file or a literal.
///
/// ```
/// use ctys_plugin::model::{Batch, Command, Effect, Step};
///
/// let shutdown = Command::new("xl").args(["shutdown", "tst 100"]).as_root().changes().limit_ms(5000);
/// let effect = Effect::Run(Batch { steps: vec![Step::run("shutdown", shutdown).go_on()] });
/// assert_eq!(ctys_plugin::testing::show(&effect), "\
/// run
///   step shutdown, goes on
///     as root, changes, within 5000 ms
///       xl
///       shutdown
///       tst 100
/// ");
/// ```
pub fn show(effect: &Effect) -> String {
    let mut out = String::new();
    push_effect(&mut out, effect);
    out
}

/// What follows, as text: like [`show`], after `done`, `then` or `later`.
pub fn show_next(next: &Next) -> String {
    let mut out = String::new();
    match next {
        Next::Done(findings) => {
            out.push_str("done\n");
            push_findings(&mut out, findings);
        }
        Next::Then(effect) => {
            out.push_str("then ");
            push_effect(&mut out, effect);
        }
        Next::Later { delay_ms, effect, why } => {
            line(&mut out, 0, &format!("later, after {delay_ms} ms {why}"));
            push_effect(&mut out, effect);
        }
    }
    out
}

/// One more line. What would move the cursor or split the line is shown as `\xNN`.
fn line(out: &mut String, indent: usize, text: &str) {
    let _ = writeln!(out, "{:indent$}{}", "", escape_for_eyes(text));
}

fn push_effect(out: &mut String, effect: &Effect) {
    match effect {
        Effect::Run(batch) => {
            out.push_str("run\n");
            push_batch(out, batch);
        }
        Effect::Attach(console) => push_console(out, console),
        Effect::Open(Tunnel { label, session_type, remote_port }) => {
            line(out, 0, &format!("open a tunnel to port {remote_port} for {session_type} {label}"));
        }
        Effect::Report(findings) => {
            out.push_str("report\n");
            push_findings(out, findings);
        }
    }
}

fn push_batch(out: &mut String, batch: &Batch) {
    for step in &batch.steps {
        line(out, 2, &format!("step {}{}", step.name, if step.go_on { ", goes on" } else { "" }));
        match &step.does {
            Does::Run { tries } => {
                for (n, command) in tries.iter().enumerate() {
                    if n > 0 {
                        line(out, 4, "or, where that is absent");
                    }
                    push_command(out, command);
                }
            }
            Does::Wake(wake) => {
                let mac: Vec<String> = wake.mac.iter().map(|byte| format!("{byte:02X}")).collect();
                line(out, 4, &format!("wake {}", mac.join(":")));
                line(out, 6, &format!("to {} port {}", wake.broadcast, wake.port));
                if let Some(interface) = &wake.interface {
                    line(out, 6, &format!("from {interface}"));
                }
            }
            Does::Talk(talk) => {
                let root = talk.privilege == Privilege::Root;
                let how = traits(&talk.place, root, talk.access == ctys_model::Access::Changes, talk.limit_ms);
                line(out, 4, &format!("talk: {how}"));
                for socket in &talk.sockets {
                    line(out, 6, &format!("with {}", escape(socket.as_slice())));
                }
                for said in &talk.lines {
                    line(out, 6, &format!("say {}", escape(said.as_slice())));
                }
            }
            Does::Lock(lock) => {
                let how = traits(&lock.place, false, false, lock.wait_ms);
                line(out, 4, &format!("lock: {how}"));
                line(out, 6, &escape(lock.path.as_slice()));
            }
            Does::Signal(signal) => {
                let how = traits(&signal.place, signal.privilege == Privilege::Root, true, 0);
                line(out, 4, &format!("signal: {how}"));
                line(out, 6, &format!("{} to process {} started at {}", signal.name, signal.pid, signal.start));
            }
            Does::Look(table) => {
                line(out, 4, &format!("look: {}", traits(&table.place, false, false, 0)));
                line(out, 6, &format!("for {}", table.names.join(" ")));
            }
            Does::Write(file) => {
                let how = traits(&file.place, file.privilege == Privilege::Root, true, 0);
                line(out, 4, &format!("write: {how}"));
                let new = if file.new { ", only if it is new" } else { "" };
                let parents = if file.parents { ", with its folders" } else { "" };
                line(out, 6, &format!("{}, mode {:04o}{new}{parents}", escape(file.path.as_slice()), file.mode));
                for text in file.content.as_slice().split(|&byte| byte == b'\n') {
                    line(out, 8, &escape(text));
                }
            }
            Does::Reach(reach) => {
                let host = reach.host.as_deref().unwrap_or("the target");
                let port = reach.port.map_or("its ssh port".to_string(), |port| format!("port {port}"));
                line(out, 4, &format!("reach {host} at {port}, within {} ms", reach.limit_ms));
            }
        }
    }
}

/// `on the caller, as root, changes, within 500 ms`.
fn traits(place: &Place, root: bool, changes: bool, limit_ms: u32) -> String {
    let mut traits = Vec::new();
    match place {
        Place::Target => {}
        Place::Caller => traits.push("on the caller".to_string()),
        Place::Host(host) => traits.push(format!("on {host}")),
    }
    if root {
        traits.push("as root".into());
    }
    traits.push(if changes { "changes".into() } else { "reads".into() });
    match limit_ms {
        0 => {}
        _ => traits.push(format!("within {limit_ms} ms")),
    }
    traits.join(", ")
}

fn push_command(out: &mut String, command: &Command) {
    let root = command.privilege == Privilege::Root;
    let how = traits(&command.place, root, changes(command), command.limit_ms);
    let how = if command.unwatched { format!("{how}, not watched") } else { how };
    line(out, 4, &if command.lasting { format!("{how}, what it starts stays") } else { how });
    line(out, 6, &command.program);
    for arg in &command.args {
        // With the backslash doubled, since here the exact bytes matter.
        line(out, 6, &escape(arg.as_slice()));
    }
    if let Some(stdin) = &command.stdin {
        line(out, 4, "with the input");
        for text in stdin.as_slice().split(|&byte| byte == b'\n') {
            line(out, 6, &escape(text));
        }
    }
}

fn changes(command: &Command) -> bool {
    command.access == ctys_model::Access::Changes
}

fn push_console(out: &mut String, console: &Console) {
    line(out, 0, &format!("attach {} to {} {}", console.kind, console.session_type, console.label));
    if let Some(uuid) = &console.uuid {
        line(out, 2, &format!("uuid {uuid}"));
    }
    if let Some(port) = console.vnc_port {
        line(out, 2, &format!("vnc port {port}"));
    }
    if let Some(file) = &console.password_file {
        line(out, 2, &format!("password file {}", escape(file.as_slice())));
    }
    if let Some(detach) = &console.detach {
        line(out, 2, &format!("leave with {detach}"));
    }
    if console.streams {
        line(out, 2, "without a terminal");
    }
    if let Some(key) = console.key {
        line(out, 2, &format!("key {key:#04x}"));
    }
    if let Some(says) = &console.says {
        line(out, 2, &format!("says {says}"));
    }
    let root = |privilege| if privilege == Privilege::Root { ", as root" } else { "" };
    if let Some(socket) = &console.socket {
        let owner = socket.owner.map_or(String::new(), |pid| format!(", of process {pid}"));
        line(out, 2, &format!("socket {}{}{owner}", escape(socket.path.as_slice()), root(socket.privilege)));
    }
    if let Some(history) = &console.history {
        line(out, 2, &format!("history {}{}", escape(history.path.as_slice()), root(history.privilege)));
    }
    if let Some(command) = &console.command {
        push_command(out, command);
    }
}

fn push_findings(out: &mut String, findings: &Findings) {
    for record in &findings.records {
        push_record(out, record);
    }
    for text in &findings.text {
        line(out, 2, &format!("text {text}"));
    }
    for text in &findings.stderr {
        line(out, 2, &format!("stderr {text}"));
    }
    if let Some(exit) = findings.exit {
        line(out, 2, &format!("exit {exit}"));
    }
    for problem in &findings.problems {
        push_problem(out, problem);
    }
    if findings.changed {
        line(out, 2, "changed something");
    }
}

fn push_record(out: &mut String, record: &Record) {
    line(out, 2, "record");
    for (field, value) in record.fields.iter() {
        let shown = match value {
            ctys_model::Value::Missing(why) => match why.detail() {
                Some(detail) => format!("({}: {detail})", why.word()),
                None => format!("({})", why.word()),
            },
            present => present.to_string(),
        };
        line(out, 4, &format!("{field} {shown}"));
    }
}

fn push_problem(out: &mut String, problem: &Problem) {
    line(out, 2, &format!("problem {}: {}", problem.phase, problem.message));
    for hint in &problem.hints {
        line(out, 4, &format!("hint: {hint}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_model::effect::{ConsoleSocket, History};
    use ctys_model::field::Known;
    use ctys_model::{ConsoleKind, Missing, Phase, Reach, Step, Value, Wake};

    #[test]
    fn every_effect_has_a_text() {
        let check = |effect: Effect, expected: &str| assert_eq!(show(&effect), expected);
        let wake = Wake {
            mac: [0, 1, 2, 3, 4, 0xff],
            broadcast: "10.0.0.255".into(),
            port: 9,
            interface: Some("eth0".into()),
        };
        check(
            Effect::Run(Batch {
                steps: vec![
                    Step::does("wake", Does::Wake(wake)),
                    Step::does("up", Does::Reach(Reach { host: None, port: None, limit_ms: 500 })),
                    Step::run_first(
                        "ask",
                        vec![
                            Command::new("ip").arg("a\nb\\"),
                            Command::new("ifconfig").at(Place::Caller).stdin("one\ntwo"),
                        ],
                    ),
                ],
            }),
            "run\n  step wake\n    wake 00:01:02:03:04:FF\n      to 10.0.0.255 port 9\n      from eth0\n  \
             step up\n    reach the target at its ssh port, within 500 ms\n  \
             step ask\n    reads\n      ip\n      a\\x0ab\\\\\n    or, where that is absent\n    \
             on the caller, reads\n      ifconfig\n    with the input\n      one\n      two\n",
        );
        check(
            Effect::Open(Tunnel { label: "tst100".into(), session_type: "XEN".into(), remote_port: 5901 }),
            "open a tunnel to port 5901 for XEN tst100\n",
        );
        check(
            Effect::Attach(Box::new(Console {
                command: Some(Command::new("xl").args(["console", "7"]).as_root()),
                detach: Some("Ctrl-]".into()),
                ..Console::new(ConsoleKind::Cli, "tst\x1b[2J", "XEN")
            })),
            "attach CLI to XEN tst\\x1b[2J\n  leave with Ctrl-]\n    as root, reads\n      xl\n      console\n      7\n",
        );
        let socket = ConsoleSocket { path: "/run/tst100.serial".into(), privilege: Privilege::Root, owner: Some(4711) };
        let history = History { path: "/var/log/tst100.log".into(), privilege: Privilege::None };
        check(
            Effect::Attach(Box::new(Console {
                socket: Some(socket),
                history: Some(history),
                ..Console::new(ConsoleKind::Xterm, "tst100", "QEMU")
            })),
            "attach XTERM to QEMU tst100\n  socket /run/tst100.serial, as root, of process 4711\n  \
             history /var/log/tst100.log\n",
        );
        let record = Record::new("PM").with(Known::Label, "lab00").with(Known::Mac, Value::Missing(Missing::None));
        check(
            Effect::Report(Findings {
                records: vec![record],
                problems: vec![Problem::new(Phase::Run, "no answer").hint("try again")],
                text: vec!["a line".into()],
                changed: true,
                stderr: vec!["a complaint".into()],
                exit: Some(7),
            }),
            "report\n  record\n    session_type PM\n    label lab00\n    mac (none)\n  text a line\n  \
             stderr a complaint\n  exit 7\n  problem run: no answer\n    hint: try again\n  changed something\n",
        );
    }

    #[test]
    fn what_follows_has_a_text() {
        assert_eq!(show_next(&Next::Done(Findings::default())), "done\n");
        let effect = || Effect::Run(Batch { steps: vec![Step::run("again", Command::new("true"))] });
        assert!(show_next(&Next::Then(effect())).starts_with("then run\n  step again\n"));
        let later = Next::Later { delay_ms: 1000, effect: effect(), why: "for tst100 to power off".into() };
        assert!(show_next(&later).starts_with("later, after 1000 ms for tst100 to power off\nrun\n"));
    }
}
