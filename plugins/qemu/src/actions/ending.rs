//! How a machine ends that does not end by itself, and how the consoles of one are ended.
//!
//! ```text
//!  quit ──5 s──► SIGTERM ──5 s──► SIGKILL ──10 s──► it is told that nothing helped
//! ```
//!
//! QEMU writes its disks back on the first two. A signal goes only to the process that was seen, see [`Signal`]; where the host
//! does not tell when a process started, none is sent.

use super::{run, tell};
use crate::host::Running;
use crate::parse::qmp;
use crate::probes;
use ctys_plugin::model::command::Signal;
use ctys_plugin::model::{
    Answer, Does, Effect, Exit, Facts, Findings, HostFacts, Next, Phase, Privilege, Problem, Process, Replies, Step,
};
use ctys_plugin::outputs;

/// How the steps that end a console begin.
pub const CLIENTS: &str = "end the clients";

/// The steps of the ladder, and how long each has before the next.
const QUIT: &str = "quit";
const TERM: &str = "terminate";
const KILL: &str = "kill";
const PAUSE_MS: u64 = 5_000;
const LAST_MS: u64 = 10_000;

/// How a machine is called in steps: by name and process, since a name may be missing.
pub fn title(machine: &Running) -> String {
    let name = ctys_plugin::model::bytes::escape_for_eyes(&machine.title()).into_owned();
    format!("{name} ({})", machine.process.pid)
}

/// A step about one machine.
pub fn named(verb: &str, machine: &Running) -> String {
    format!("{verb} {}", title(machine))
}

fn privilege(machine: &Running, host: &HostFacts) -> Privilege {
    if machine.needs_root(host) { Privilege::Root } else { Privilege::None }
}

fn signal(verb: &str, machine: &Running, host: &HostFacts, name: &str) -> Option<Step> {
    let process = &machine.process;
    let signal = Signal {
        privilege: privilege(machine, host),
        pid: process.pid,
        start: process.start?,
        name: name.into(),
        ..Signal::default()
    };
    Some(Step::does(&named(verb, machine), Does::Signal(signal)).go_on())
}

/// When the latest step of this name started, in milliseconds.
pub fn sent_at(replies: &Replies, name: &str) -> Option<u64> {
    let has = |steps: &[ctys_plugin::model::StepReply]| steps.iter().any(|step| step.name == name);
    replies.rounds.iter().rev().find(|round| has(&round.steps)).map(|round| round.started_ms)
}

/// Whether the hard stop of this machine has begun.
pub fn has_begun(replies: &Replies, machine: &Running) -> bool {
    [QUIT, TERM, KILL].iter().any(|verb| sent_at(replies, &named(verb, machine)).is_some())
}

/// What is next for a machine that is still there.
pub enum Rung {
    /// This.
    Do(Step),
    /// Time: it was told and has not had its seconds.
    Wait,
    /// Nothing: all means are spent.
    Spent,
}

/// The next rung for a machine that is still there.
pub fn next_rung(replies: &Replies, machine: &Running, host: &HostFacts) -> Rung {
    let send = |verb: &str, name: &str| signal(verb, machine, host, name).map_or(Rung::Spent, Rung::Do);
    let now = replies.rounds.last().map_or(0, |round| round.started_ms);
    let since = |verb: &str| sent_at(replies, &named(verb, machine)).map(|at| now.saturating_sub(at));
    if let Some(ms) = since(KILL) {
        return if ms >= LAST_MS { Rung::Spent } else { Rung::Wait };
    }
    if let Some(ms) = since(TERM) {
        return if ms < PAUSE_MS { Rung::Wait } else { send(KILL, "KILL") };
    }
    match (since(QUIT), machine.qmp()) {
        (None, Some(socket)) => {
            let root = machine.needs_root(host);
            Rung::Do(tell(&named(QUIT, machine), &socket, root, [qmp::command("quit")]))
        }
        (Some(ms), _) if ms < PAUSE_MS && quit_was_heard(replies, machine) => Rung::Wait,
        _ => send(TERM, "TERM"),
    }
}

fn quit_was_heard(replies: &Replies, machine: &Running) -> bool {
    let said = qmp::of_answer(replies.last(&named(QUIT, machine)));
    said.is_ok_and(|said| said.refusal("quit").is_none())
}

/// What a refused step says: a signal or a quit that the account may not send.
pub fn complaint(replies: &Replies, machine: &Running) -> Option<Problem> {
    let verbs = [KILL, TERM, QUIT];
    let answer = verbs.iter().find_map(|verb| replies.last(&named(verb, machine)))?;
    let problem = match answer {
        Answer::Output(output) if !output.ok() => {
            let phase = if matches!(output.exit, Exit::Refused(_)) { Phase::Privilege } else { Phase::Run };
            Problem::new(phase, outputs::complaint("the signal", output))
        }
        Answer::Failed(why) => Problem::new(Phase::Run, why.clone()),
        _ => return None,
    };
    Some(match machine.process.user.as_str() {
        "" => problem,
        user => problem.hint(format!("it runs as {user}; -Z SUDO lets root end it")),
    })
}

/// The processes that carry the serial line of a machine to somebody's terminal: `perl -e PROGRAM SOCKET KEY OWNER`.
fn carriers<'a>(facts: &'a Facts, machine: &Running) -> Vec<&'a Process> {
    let own = machine.own.as_ref().map(|(folders, _)| folders.serial());
    let Some(socket) = machine.line.serial().and_then(|line| line.socket).or(own) else { return Vec::new() };
    let Answer::Processes(all) = facts.answer(&probes::carriers()) else { return Vec::new() };
    let carries = |process: &&Process| {
        let args = &process.args;
        args.len() >= 4 && args[args.len() - 3].as_slice() == socket.as_bytes()
    };
    all.iter().filter(carries).collect()
}

/// The steps that end the consoles of a machine; none when nobody has one open.
pub fn clients(facts: &Facts, host: &HostFacts, machine: &Running) -> Vec<Step> {
    let end = |process: &Process| {
        let privilege = if process.user == host.user { Privilege::None } else { Privilege::Root };
        let (pid, start) = (process.pid, process.start?);
        let signal = Signal { privilege, pid, start, name: "TERM".into(), ..Signal::default() };
        Some(Step::does(&format!("{CLIENTS} of {}: process {pid}", title(machine)), Does::Signal(signal)).go_on())
    };
    carriers(facts, machine).into_iter().filter_map(end).collect()
}

/// CANCEL CLIENT: the consoles of these machines.
pub fn end_clients(facts: &Facts, host: &HostFacts, machines: &[Running]) -> Effect {
    let steps: Vec<Step> = machines.iter().flat_map(|machine| clients(facts, host, machine)).collect();
    if steps.is_empty() {
        let text = machines.iter().map(|machine| format!("{}: no console is open", machine.title())).collect();
        return Effect::Report(Findings { text, ..Findings::default() });
    }
    run(steps)
}

/// What came of that.
pub fn clients_ended(machines: &[Running], replies: &Replies) -> Next {
    let mut findings = Findings::default();
    let steps = replies.rounds.last().map_or(&[][..], |round| &round.steps);
    for machine in machines {
        let start = format!("{CLIENTS} of {}:", title(machine));
        let own: Vec<_> = steps.iter().filter(|step| step.name.starts_with(&start)).collect();
        let title = machine.title();
        let mut ended = 0;
        for step in &own {
            match &step.answer {
                Answer::Output(output) if output.ok() => ended += 1,
                // It ended by itself meanwhile.
                Answer::Output(output) if output.exit == Exit::Code(3) => ended += 1,
                Answer::Output(output) => {
                    let message = outputs::complaint(&format!("ending a console of {title}"), output);
                    findings.problems.push(Problem::new(Phase::Run, message));
                }
                _ => {
                    let message = format!("whether a console of {title} was ended is not known");
                    findings.problems.push(Problem::new(Phase::Run, message));
                }
            }
        }
        findings.changed |= ended > 0;
        match (own.len(), ended) {
            (0, _) => findings.text.push(format!("{title}: no console is open")),
            (_, 0) => {}
            (_, 1) => findings.text.push(format!("{title}: its console was ended")),
            (_, n) => findings.text.push(format!("{title}: {n} consoles were ended")),
        }
    }
    Next::Done(findings)
}
