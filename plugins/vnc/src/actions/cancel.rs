//! CANCEL of viewers, servers or both (ctys.md 2.2, 5.1 VNC).
//!
//! Every process is asked to end (SIGTERM: a server then takes its display and its locks away) and looked after until it is
//! gone. POWEROFF kills what is left when the time is over; the other methods say so.

use crate::SESSION_TYPE;
use crate::desktops::{self, Desktops, words};
use ctys_plugin::ending;
use ctys_plugin::model::{
    Answer, Batch, Cancel, CancelMethod, Effect, Facts, Findings, HostFacts, Next, Phase, Place, Probe, Problem,
    Process, Replies, Request, Scope, Side,
};
use ctys_plugin::outputs::complaint;

/// The time before the hard stop, in seconds.
const KILL_DELAY: u32 = 20;

/// One look at the processes.
pub fn wants() -> Vec<Probe> {
    desktops::wants()
}

/// Who is ended first, so that no viewer complains about a server that is gone: the viewers.
struct Victim {
    process: Process,
    words: String,
}

/// Asks all of them to end.
pub fn plan(request: &Request, cancel: &Cancel, facts: &Facts) -> Effect {
    let Some(host) = &facts.host else { return Effect::Report(super::unreached()) };
    match victims(request, cancel, facts, host) {
        Ok(victims) => round(host, victims.iter().map(|victim| &victim.process), "TERM"),
        Err(problem) => Effect::Report(Findings::problem(problem)),
    }
}

/// Looks until they are gone.
pub fn read(request: &Request, cancel: &Cancel, facts: &Facts, replies: &Replies) -> Next {
    let Some(host) = &facts.host else { return Next::Done(super::unreached()) };
    let victims = match victims(request, cancel, facts, host) {
        Ok(victims) => victims,
        Err(problem) => return Next::Done(Findings::problem(problem)),
    };
    let last = replies.last(super::LOOK);
    let left: Vec<&Victim> = victims.iter().filter(|victim| ending::is_there(&victim.process, last)).collect();
    if left.is_empty() {
        return Next::Done(done(&victims, &left, replies));
    }
    let delay_s = match cancel.method {
        Some(CancelMethod::PowerOff(Some(seconds))) => seconds,
        _ => cancel.timeout.unwrap_or(KILL_DELAY),
    };
    let killed_ms = replies.rounds.iter().find(|round| round.steps.iter().any(|step| step.name.starts_with("kill ")));
    let killed_ms = killed_ms.map(|round| round.started_ms);
    let elapsed_ms = replies.rounds.last().map_or(0, |round| round.started_ms);
    let kills = matches!(cancel.method, Some(CancelMethod::PowerOff(_)));
    let deadline_ms = u64::from(delay_s) * 1000;
    let unknown = !matches!(last, Some(Answer::Processes(_)));
    match killed_ms {
        _ if unknown => Next::Done(done(&victims, &left, replies)),
        None if refused(&left, replies) => Next::Done(done(&victims, &left, replies)),
        None if elapsed_ms < deadline_ms => later(&left, ending::pause_ms(elapsed_ms, deadline_ms - elapsed_ms)),
        None if kills => Next::Then(round(host, left.iter().map(|victim| &victim.process), "KILL")),
        // The kernel needs a moment even for those.
        Some(killed_ms) if elapsed_ms < killed_ms + 2000 => later(&left, ending::LOOK_MS),
        _ => Next::Done(done(&victims, &left, replies)),
    }
}

fn round<'a>(host: &HostFacts, processes: impl Iterator<Item = &'a Process>, signal: &str) -> Effect {
    let mut steps: Vec<_> = processes.map(|process| ending::signal(host, &Place::Target, process, signal)).collect();
    steps.push(super::look(&Place::Target));
    Effect::Run(Batch { steps })
}

fn later(left: &[&Victim], delay_ms: u32) -> Next {
    let words: Vec<&str> = left.iter().map(|victim| victim.words.as_str()).collect();
    let effect = Effect::Run(Batch { steps: vec![super::look(&Place::Target)] });
    Next::Later { delay_ms, effect, why: format!("for {} to end", words.join(", ")) }
}

/// Whether every signal to those that are left has failed: waiting would not help.
fn refused(left: &[&Victim], replies: &Replies) -> bool {
    left.iter().all(|victim| failure(victim, replies).is_some())
}

fn failure(victim: &Victim, replies: &Replies) -> Option<String> {
    let name = |word: &str| format!("{word} {}", victim.process.pid);
    match replies.last(&name("kill")).or_else(|| replies.last(&name("end"))) {
        Some(Answer::Output(output)) if output.ok() => None,
        Some(Answer::Output(output)) => Some(complaint("the signal", output)),
        Some(Answer::Failed(why)) => Some(why.clone()),
        Some(_) => Some("the signal has no answer".to_string()),
        None => None,
    }
}

fn done(victims: &[Victim], left: &[&Victim], replies: &Replies) -> Findings {
    let is_left = |victim: &Victim| left.iter().any(|left| left.process == victim.process);
    let known = matches!(replies.last(super::LOOK), Some(Answer::Processes(_)));
    let mut findings = Findings::default();
    for victim in victims {
        if !is_left(victim) {
            findings.text.push(format!("{SESSION_TYPE}: ended {}", victim.words));
            findings.changed = true;
            continue;
        }
        let problem = match failure(victim, replies) {
            Some(why) => Problem::new(Phase::Run, format!("{} was not ended: {why}", victim.words)),
            None if !known => Problem::new(
                Phase::Run,
                format!("whether {} has ended is not known: the look has no answer", victim.words),
            ),
            None => Problem::new(Phase::Run, format!("{} was asked to end and still runs", victim.words))
                .hint("POWEROFF:SECONDS kills what is left after that time"),
        };
        findings.problems.push(problem);
    }
    findings
}

/// What is to be ended, which is the same in every round.
fn victims(request: &Request, cancel: &Cancel, facts: &Facts, host: &HostFacts) -> Result<Vec<Victim>, Problem> {
    let side = cancel.side.unwrap_or(Side::Both);
    if side == Side::Tunnel {
        return Err(super::usage("a desktop is no tunnel").hint("-t digger ends tunnels"));
    }
    if let Some(part) = desktops::foreign_part(&cancel.address) {
        return Err(super::usage(format!("a desktop has no {part}")).hint("l:LABEL, i:DISPLAY or ALL names them"));
    }
    if !cancel.all && cancel.address.label.is_none() && cancel.address.id.is_none() {
        return Err(super::usage("no desktop is named").hint("l:LABEL, i:DISPLAY or ALL names them"));
    }
    let desktops = Desktops::of(facts)?;
    let scope = if request.scope == Scope::Default { &Scope::User } else { &request.scope };
    let (servers, viewers) = match cancel.all {
        true => (desktops.servers.iter().collect(), desktops.viewers.iter().collect()),
        false => (desktops.meant(&cancel.address), desktops.meant_viewers(&cancel.address)),
    };
    let mut others: Vec<String> = Vec::new();
    let mut found: Vec<Victim> = Vec::new();
    if side != Side::Server {
        for viewer in viewers {
            let words = format!("viewer of {}, process {}", desktops.label(viewer), viewer.process.pid);
            found.push(Victim { process: viewer.process.clone(), words });
        }
    }
    if side != Side::Client {
        let counted = servers.iter().copied().filter(|server| desktops::counts(scope, host, &server.process));
        let counted: Vec<_> = counted.collect();
        if !cancel.all && !request.ambiguous {
            desktops::only(&counted, request, &words(&cancel.address))?;
        }
        for server in servers {
            found.push(Victim { process: server.process.clone(), words: desktops::shown(server) });
        }
    }
    found.retain(|victim| {
        let counts = desktops::counts(scope, host, &victim.process);
        if !counts {
            others.push(format!("{} ({})", victim.words, victim.process.user));
        }
        counts
    });
    match found.is_empty() {
        false => Ok(found),
        true => Err(nothing(cancel, side, &others)),
    }
}

fn nothing(cancel: &Cancel, side: Side, others: &[String]) -> Problem {
    let what = match side {
        Side::Client => "viewer",
        Side::Server => "desktop",
        Side::Both | Side::Tunnel => "desktop or viewer",
    };
    let which = if cancel.all { "runs".to_string() } else { format!("has {}", words(&cancel.address)) };
    let problem = Problem::new(Phase::Run, format!("no {what} of yours {which}: nothing was ended"));
    match others {
        [] => problem,
        others => problem.hint(format!("-s ALL takes those of others as well: {}", others.join("; "))),
    }
}
