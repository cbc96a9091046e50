//! CANCEL: the process that keeps the tunnel ends, and its ssh with it, at once (ctys.md 2.2, 5.2).

use crate::parse::keeper::Tunnel;
use crate::tunnels::{self, shown, words};
use crate::{SESSION_TYPE, probes};
use ctys_plugin::ending;
use ctys_plugin::model::{
    Answer, Batch, Cancel, Effect, Facts, Findings, HostFacts, Next, Phase, Place, Probe, Problem, Replies, Request,
    Scope, Side,
};
use ctys_plugin::outputs::complaint;

/// The step that tells what is left.
const LOOK: &str = "look";
/// How long a tunnel may take to go, in milliseconds.
const PATIENCE_MS: u64 = 5000;

/// One look at the processes.
pub fn wants() -> Vec<Probe> {
    vec![probes::keepers()]
}

/// Signals, and a look behind them.
pub fn plan(request: &Request, cancel: &Cancel, facts: &Facts) -> Effect {
    let Some(host) = &facts.host else { return Effect::Report(super::unreached()) };
    match victims(request, cancel, facts, host) {
        Ok(victims) => {
            let signal = |tunnel: &Tunnel| ending::signal(host, &Place::Target, &tunnel.process, "TERM");
            let mut steps: Vec<_> = victims.iter().map(signal).collect();
            steps.push(ending::look(LOOK, probes::table()));
            Effect::Run(Batch { steps })
        }
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
    let last = replies.last(LOOK);
    let is_left = |tunnel: &&Tunnel| ending::is_there(&tunnel.process, last);
    let left: Vec<&Tunnel> = victims.iter().filter(is_left).collect();
    let elapsed_ms = replies.rounds.last().map_or(0, |round| round.started_ms);
    let is_known = matches!(last, Some(Answer::Processes(_)));
    let can_go = left.iter().any(|tunnel| failure(tunnel, replies).is_none());
    if is_known && can_go && elapsed_ms < PATIENCE_MS {
        let effect = Effect::Run(Batch { steps: vec![ending::look(LOOK, probes::table())] });
        return Next::Later { delay_ms: ending::LOOK_MS, effect, why: "for the tunnels to close".into() };
    }
    let mut findings = Findings::default();
    for tunnel in &victims {
        if !is_left(&tunnel) {
            findings.text.push(format!("{SESSION_TYPE}: closed {}", shown(tunnel)));
            findings.changed = true;
            continue;
        }
        let why = match failure(tunnel, replies) {
            Some(why) => format!("was not closed: {why}"),
            None if !is_known => {
                "was told to close, and whether it did is not known: the look has no answer".to_string()
            }
            None => "was told to close and is still there".to_string(),
        };
        findings.problems.push(Problem::new(Phase::Run, format!("{} {why}", shown(tunnel))));
    }
    Next::Done(findings)
}

fn failure(tunnel: &Tunnel, replies: &Replies) -> Option<String> {
    match replies.last(&format!("end {}", tunnel.process.pid)) {
        Some(Answer::Output(output)) if output.ok() => None,
        Some(Answer::Output(output)) => Some(complaint("the signal", output)),
        Some(Answer::Failed(why)) => Some(why.clone()),
        Some(_) => Some("the signal has no answer".to_string()),
        None => None,
    }
}

/// What is to be closed, which is the same in every round.
fn victims(request: &Request, cancel: &Cancel, facts: &Facts, host: &HostFacts) -> Result<Vec<Tunnel>, Problem> {
    if let Some(side @ (Side::Client | Side::Server)) = cancel.side {
        let message = format!("a tunnel is no {}", side.word().to_lowercase());
        return Err(Problem::new(Phase::Usage, message).hint("leave CLIENT and SERVER out, or name the type with -t"));
    }
    if cancel.method.is_some() {
        return Err(Problem::new(Phase::Usage, "a tunnel is closed, and nothing else can be done with it"));
    }
    if !cancel.all {
        tunnels::check(&cancel.address)?;
    }
    let all = tunnels::all(facts)?;
    let meant = if cancel.all { all.iter().collect() } else { tunnels::meant(&all, &cancel.address) };
    let scope = if request.scope == Scope::Default { &Scope::User } else { &request.scope };
    let (own, others): (Vec<&Tunnel>, Vec<&Tunnel>) =
        meant.into_iter().partition(|tunnel| tunnels::counts(scope, host, tunnel));
    if own.is_empty() {
        let which = if cancel.all { "is open".to_string() } else { format!("has {}", words(&cancel.address)) };
        let problem = Problem::new(Phase::Run, format!("no tunnel of yours {which}: nothing was closed"));
        let list: Vec<String> = others.iter().map(|tunnel| shown(tunnel)).collect();
        return Err(match list.is_empty() {
            true => problem.hint("a tunnel is listed and closed on the machine it starts at"),
            false => problem.hint(format!("-s ALL takes those of others as well: {}", list.join("; "))),
        });
    }
    if !cancel.all {
        tunnels::only(&own, request, &cancel.address)?;
    }
    Ok(own.into_iter().cloned().collect())
}
