//! CANCEL: the machine itself goes down, restarts or sleeps (ctys.md 2.2 and 5.1). Only with SELF.
//!
//! | method | what runs there |
//! |---|---|
//! | POWEROFF, S5 | an orderly shutdown; a number after it has no hard stop to wait for and changes nothing |
//! | REBOOT | an orderly restart |
//! | RESET | the same; with FORCE at once, without ending anything |
//! | INIT:n | `init n` |
//! | PAUSE, S3 | suspend to memory |
//! | SUSPEND, S4 | suspend to disk |
//!
//! The connection dies with the machine: when it drops while the last step runs, the step has worked. That it was alive
//! until then is known from the step before it, which asks the host for its name.

use super::wake::is_interface;
use crate::parse::main_interface;
use crate::{identity, probes};
use ctys_plugin::model::{
    Answer, Batch, Cancel, CancelMethod, Command, Effect, Exit, Facts, Findings, Missing, Next, Phase, Probe, Problem,
    Replies, Request, Side, Step, StepReply,
};
use ctys_plugin::outputs::complaint;
use ctys_plugin::protect;

const ALIVE: &str = "ask for the name";
const ARM: &str = "arm the network card";

/// Who the machine is, when the call has an address; the interfaces, when one is to be armed.
pub fn wants(cancel: &Cancel) -> Vec<Probe> {
    if refuse(cancel).is_some() {
        return Vec::new();
    }
    // Even without an address the host is asked: what it is called stands in the messages.
    let mut probes = identity::address_price(&cancel.address);
    if protect::counts(cancel) {
        let missing: Vec<_> = protect::host_probes().into_iter().filter(|probe| !probes.contains(probe)).collect();
        probes.extend(missing);
    }
    if arms(cancel) && !cancel.extra.contains_key("IF") {
        probes.push(probes::routes());
        if !probes.contains(&probes::addresses()) {
            probes.push(probes::addresses());
        }
    }
    probes
}

/// The steps, or why nothing is done.
pub fn plan(request: &Request, cancel: &Cancel, facts: &Facts) -> Effect {
    match steps(request, cancel, facts) {
        Ok(steps) => Effect::Run(Batch { steps }),
        Err(problem) => Effect::Report(Findings::problem(problem)),
    }
}

/// What came of the last round: done, failed, or the next program to try.
pub fn read(request: &Request, cancel: &Cancel, facts: &Facts, replies: &Replies) -> Next {
    let method = method(cancel);
    let name = step_name(method);
    let steps = replies.rounds.last().map_or(&[][..], |round| &round.steps);
    let [before @ .., step] = steps else {
        return Next::Done(Findings::problem(Problem::new(Phase::Plugin, "no reply came to CANCEL")));
    };
    if let Some(problem) = before.iter().find_map(not_ready) {
        return Next::Done(Findings::problem(problem));
    }
    let done = |how: &str| {
        let text = format!("{}: {name} {how}", request.target.host);
        Next::Done(Findings { text: vec![text], changed: true, ..Findings::default() })
    };
    let commands = commands(method, cancel);
    let tried = tried(replies, name);
    let ran = tried.checked_sub(1).and_then(|last| commands.get(last)).map_or("the command", |c| c.program.as_str());
    let problem = match outcome(ran, &step.answer) {
        Outcome::Begun => return done("begun"),
        Outcome::Dropped => return done("begun, the connection is down"),
        Outcome::Failed(problem) => return Next::Done(Findings::problem(problem.step(name))),
        Outcome::Complained(problem) => problem,
    };
    // A program may be there and not fit the host, as systemctl where another init runs: the next one is tried.
    let rest: Vec<Command> = commands.into_iter().skip(tried).collect();
    if !rest.is_empty() {
        return Next::Then(Effect::Run(Batch { steps: vec![alive(), Step::run_first(name, rest)] }));
    }
    let is_root = facts.host.as_ref().is_some_and(|host| host.uid == 0);
    let problem = if is_root { problem } else { problem.hint("it may take root: -Z SUDO") };
    Next::Done(Findings::problem(problem.step(name)))
}

/// What no host needs to be asked about.
fn refuse(cancel: &Cancel) -> Option<Problem> {
    if cancel.side == Some(Side::Client) || cancel.side == Some(Side::Tunnel) {
        return Some(Problem::new(Phase::Usage, "a physical machine has no clients to cancel"));
    }
    if let Some(CancelMethod::Init(level)) = cancel.method
        && level > 6
    {
        return Some(Problem::new(Phase::Usage, format!("INIT:{level} is no run level from 0 to 6")));
    }
    if cancel.extra.get("IF").is_some_and(|name| !is_interface(name)) {
        return Some(Problem::new(
            Phase::Usage,
            format!("IF:{} is no name of a network interface", cancel.extra["IF"]),
        ));
    }
    if cancel.extra.contains_key("IF") && !arms(cancel) {
        return Some(Problem::new(Phase::Usage, "IF says which network card to arm, and WOL is not given"));
    }
    if !cancel.with_self {
        return Some(
            Problem::new(
                Phase::Run,
                "nothing was done: CANCEL of a physical machine stops the machine that executes it",
            )
            .hint("add SELF if that is meant"),
        );
    }
    None
}

fn steps(request: &Request, cancel: &Cancel, facts: &Facts) -> Result<Vec<Step>, Problem> {
    if let Some(problem) = refuse(cancel) {
        return Err(problem);
    }
    if !cancel.address.is_empty() {
        let identity = identity::identify(facts);
        if let Some(why) = identity::mismatch(&cancel.address, &identity, facts, &request.target.host) {
            return Err(Problem::new(Phase::Run, format!("nothing was done: {why}"))
                .hint("without an address the target itself is meant"));
        }
    }
    if protect::counts(cancel)
        && let Some(problem) = protect::of_host(&request.target.host, facts)
    {
        return Err(problem);
    }
    let method = method(cancel);
    let mut steps = vec![alive()];
    if arms(cancel) {
        let interface = interface(cancel, facts)?;
        let arm = Command::new("ethtool").args(["-s", &interface, "wol", "g"]).as_root().changes();
        steps.push(Step::run(ARM, arm));
    }
    steps.push(Step::run_first(step_name(method), commands(method, cancel)));
    Ok(steps)
}

/// The step that shows that the host is there and runs what it is told.
fn alive() -> Step {
    Step::run(ALIVE, Command::new("uname").arg("-n"))
}

fn arms(cancel: &Cancel) -> bool {
    cancel.extra.contains_key("WOL")
}

fn method(cancel: &Cancel) -> CancelMethod {
    cancel.method.unwrap_or(CancelMethod::PowerOff(None))
}

fn interface(cancel: &Cancel, facts: &Facts) -> Result<String, Problem> {
    if let Some(name) = cancel.extra.get("IF") {
        return Ok(name.clone());
    }
    let route = identity::default_interface(facts);
    let known = identity::interfaces(facts).unwrap_or_default();
    // A packet finds only a card with a hardware address.
    let main = main_interface(&known, route.as_deref()).filter(|interface| interface.mac.is_some());
    main.map(|interface| interface.name.clone()).filter(|name| is_interface(name)).ok_or_else(|| {
        Problem::new(Phase::Run, "nothing was done: which network card to arm is not known")
            .hint("name it: IF:<interface>")
    })
}

fn step_name(method: CancelMethod) -> &'static str {
    match method {
        CancelMethod::PowerOff(_) => "power off",
        CancelMethod::Reboot => "reboot",
        CancelMethod::Reset => "reset",
        CancelMethod::Init(_) => "change the run level",
        CancelMethod::Pause => "suspend to memory",
        CancelMethod::Suspend => "suspend to disk",
    }
}

/// The programs that can do it, most wanted first.
fn commands(method: CancelMethod, cancel: &Cancel) -> Vec<Command> {
    let level;
    let lines: &[&[&str]] = match method {
        CancelMethod::PowerOff(_) => {
            &[&["systemctl", "poweroff"], &["shutdown", "-h", "now"], &["poweroff"], &["halt", "-p"]]
        }
        CancelMethod::Reset if cancel.force => &[&["reboot", "-f"], &["systemctl", "reboot", "--force", "--force"]],
        CancelMethod::Reboot | CancelMethod::Reset => {
            &[&["systemctl", "reboot"], &["shutdown", "-r", "now"], &["reboot"]]
        }
        CancelMethod::Init(n) => {
            level = n.to_string();
            &[&["init", &level], &["telinit", &level]]
        }
        CancelMethod::Pause => &[&["systemctl", "suspend"], &["pm-suspend"], &["zzz"]],
        CancelMethod::Suspend => &[&["systemctl", "hibernate"], &["pm-hibernate"]],
    };
    let limit_ms = cancel.timeout.unwrap_or(0).saturating_mul(1000);
    let command =
        |line: &&[&str]| Command::new(line[0]).args(line[1..].iter().copied()).as_root().changes().limit_ms(limit_ms);
    lines.iter().map(command).collect()
}

/// How many programs have had their turn: each round began behind those of the rounds before.
fn tried(replies: &Replies, name: &str) -> usize {
    let steps = replies.rounds.iter().flat_map(|round| &round.steps).filter(|step| step.name == name);
    steps
        .map(|step| match &step.answer {
            Answer::Output(output) => output.tried as usize + 1,
            _ => 1,
        })
        .sum()
}

/// Why the machine was left alone, when a step before the last one did not end well.
fn not_ready(step: &StepReply) -> Option<Problem> {
    let what = if step.name == ARM { "ethtool" } else { "uname" };
    let say = |why: String| Problem::new(Phase::Run, format!("nothing was done: {why}")).step(&step.name);
    let Answer::Output(output) = &step.answer else {
        return Some(say(format!("no output of {what} came back")));
    };
    match &output.exit {
        Exit::Code(0) => None,
        Exit::Refused(_) => {
            Some(Problem { phase: Phase::Privilege, ..say(complaint(what, output)) }.hint("-Z SUDO allows it"))
        }
        Exit::NotFound if step.name == ARM => {
            Some(say(complaint(what, output)).hint("install ethtool, or leave WOL out"))
        }
        Exit::Code(_) if step.name == ARM => {
            Some(say(complaint(what, output)).hint("does this card know wake-on-LAN? ethtool <interface> tells"))
        }
        _ => Some(say(complaint(what, output))),
    }
}

enum Outcome {
    /// The program ended well.
    Begun,
    /// The session ended under it.
    Dropped,
    /// It did not work, and no other program would.
    Failed(Problem),
    /// This program did not work.
    Complained(Problem),
}

fn outcome(ran: &str, answer: &Answer) -> Outcome {
    let output = match answer {
        Answer::Output(output) => output,
        Answer::Missing(Missing::HostSilent) => return Outcome::Dropped,
        Answer::Failed(why) => return Outcome::Failed(Problem::new(Phase::Run, why.clone())),
        Answer::Done
        | Answer::File(_)
        | Answer::Scanned(_)
        | Answer::Processes(_)
        | Answer::Talked(_)
        | Answer::Missing(_) => {
            return Outcome::Failed(Problem::new(Phase::Plugin, "the step has no output"));
        }
    };
    let problem = |phase: Phase| Problem::new(phase, complaint(ran, output));
    match &output.exit {
        Exit::Code(0) => Outcome::Begun,
        // The shutdown ends our own session on its way: hang-up, termination, kill, as a signal or as the shell's number.
        Exit::Signal(1 | 9 | 15) | Exit::Code(129 | 137 | 143) => Outcome::Dropped,
        // It had begun, and then the host was gone or said no more, as hosts do that go down.
        Exit::Lost { begun: true, phase: Phase::Connect | Phase::Timeout, .. } => Outcome::Dropped,
        Exit::Lost { phase, .. } => Outcome::Failed(problem(*phase)),
        Exit::NotRun(_) => Outcome::Failed(problem(Phase::Run)),
        Exit::NotFound => Outcome::Failed(Problem::new(Phase::Run, "none of the programs that could do it is there")),
        Exit::Refused(_) => Outcome::Failed(problem(Phase::Privilege).hint("-Z SUDO allows it")),
        Exit::TimedOut => Outcome::Failed(problem(Phase::Timeout)),
        Exit::Code(_) | Exit::Signal(_) => Outcome::Complained(problem(Phase::Run)),
    }
}
