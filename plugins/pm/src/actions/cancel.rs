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
//! The connection dies with the machine: when it drops while the last step runs, the step has worked.

use super::wake::is_interface;
use crate::parse::main_interface;
use crate::probes::complaint;
use crate::{identity, probes};
use ctys_plugin::model::{
    Answer, Batch, Cancel, CancelMethod, Command, Effect, Exit, Facts, Findings, Missing, Next, Phase, Probe, Problem,
    Replies, Request, Side, Step,
};

const ARM: &str = "arm the network card";

/// Who the machine is, when the call has an address; the interfaces, when one is to be armed.
pub fn wants(cancel: &Cancel) -> Vec<Probe> {
    if refuse(cancel).is_some() {
        return Vec::new();
    }
    // Even without an address the host is asked: what it is called stands in the messages.
    let mut probes = identity::address_price(&cancel.address);
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
pub fn read(request: &Request, cancel: &Cancel, _facts: &Facts, replies: &Replies) -> Next {
    let method = method(cancel);
    let name = step_name(method);
    let Some(round) = replies.rounds.last() else {
        return Next::Done(Findings::problem(Problem::new(Phase::Plugin, "no reply came to CANCEL")));
    };
    if let Some(problem) = round.steps.iter().filter(|step| step.name == ARM).find_map(|step| not_armed(&step.answer)) {
        return Next::Done(Findings::problem(problem));
    }
    let Some(step) = round.steps.iter().rfind(|step| step.name == name) else {
        return Next::Done(Findings::problem(Problem::new(Phase::Plugin, format!("no reply came to {name}"))));
    };
    let host = &request.target.host;
    let done = |how: &str| {
        Next::Done(Findings { text: vec![format!("{host}: {name} {how}")], changed: true, ..Findings::default() })
    };
    match outcome(&step.answer) {
        Outcome::Begun => done("begun"),
        Outcome::Dropped => done("begun, the connection is down"),
        Outcome::Failed(problem) => {
            // A program may be there and not fit the host, as systemctl where another init runs: the next one is tried.
            let tried: usize = tried(replies, name);
            let rest: Vec<Command> = commands(method, cancel).into_iter().skip(tried).collect();
            if problem.phase != Phase::Run || rest.is_empty() {
                return Next::Done(Findings::problem(problem.step(name)));
            }
            Next::Then(Effect::Run(Batch { steps: vec![Step::run_first(name, rest)] }))
        }
    }
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
    let method = method(cancel);
    let mut steps = Vec::new();
    if arms(cancel) {
        let interface = interface(cancel, facts)?;
        let arm = Command::new("ethtool").args(["-s", &interface, "wol", "g"]).as_root().changes();
        steps.push(Step::run(ARM, arm));
    }
    steps.push(Step::run_first(step_name(method), commands(method, cancel)));
    Ok(steps)
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

fn not_armed(answer: &Answer) -> Option<Problem> {
    let say = |what: String| Problem::new(Phase::Run, format!("nothing was done: {what}")).step(ARM);
    match answer {
        Answer::Output(output) if output.ok() => None,
        Answer::Output(output) => Some(match &output.exit {
            Exit::NotFound => say("the network card cannot be armed, ethtool not found".into())
                .hint("install ethtool, or leave WOL out"),
            Exit::Refused(_) => {
                Problem { phase: Phase::Privilege, ..say(complaint("ethtool", output)) }.hint("-Z SUDO allows it")
            }
            _ => say(complaint("ethtool", output)).hint("does this card know wake-on-LAN? ethtool <interface> tells"),
        }),
        Answer::Missing(Missing::HostSilent) => {
            Some(say("the host fell silent while its network card was armed".into()))
        }
        _ => Some(say("whether the network card is armed is not known".into())),
    }
}

enum Outcome {
    Begun,
    Dropped,
    Failed(Problem),
}

fn outcome(answer: &Answer) -> Outcome {
    let output = match answer {
        Answer::Output(output) => output,
        Answer::Missing(Missing::HostSilent) => return Outcome::Dropped,
        Answer::Failed(why) => return Outcome::Failed(Problem::new(Phase::Run, why.clone())),
        Answer::Done | Answer::File(_) | Answer::Missing(_) => {
            return Outcome::Failed(Problem::new(Phase::Plugin, "the step has no output"));
        }
    };
    match &output.exit {
        Exit::Code(0) => Outcome::Begun,
        // The shutdown ends our own session on its way: hang-up, termination, kill, as a signal or as the shell's number.
        Exit::Signal(1 | 9 | 15) | Exit::Code(129 | 137 | 143) | Exit::NotRun(_) => Outcome::Dropped,
        Exit::NotFound => Outcome::Failed(
            Problem::new(Phase::Run, "none of the programs that could do it is there")
                .hint("INIT:<n> needs an init with run levels"),
        ),
        Exit::Refused(_) => {
            Outcome::Failed(Problem::new(Phase::Privilege, complaint("the command", output)).hint("-Z SUDO allows it"))
        }
        Exit::TimedOut => Outcome::Failed(Problem::new(Phase::Timeout, complaint("the command", output))),
        Exit::Code(_) | Exit::Signal(_) => Outcome::Failed(Problem::new(Phase::Run, complaint("the command", output))),
    }
}
