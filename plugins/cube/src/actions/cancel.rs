//! CANCEL: ends, freezes or restarts containers. One that is no cube is left alone without FORCE.

use super::{nothing_fits, resolve, seen};
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::parse::survey::Survey;
use crate::probes::Depth;
use crate::protect;
use crate::work::{start, stop};
use ctys_plugin::model::{Cancel, CancelMethod, Findings, Phase, Problem, Side};

/// Goes through it.
pub fn run(flow: &mut Flow<'_>, cancel: &Cancel) -> Result<(), Stop> {
    if matches!(cancel.side, Some(Side::Client | Side::Tunnel)) {
        return end(flow, Problem::new(Phase::Notice, "a container has neither clients nor tunnels"));
    }
    if matches!(cancel.method, Some(CancelMethod::Suspend)) {
        return end(
            flow,
            Problem::new(Phase::Usage, "SUSPEND: the state of a container is not saved").hint("PAUSE freezes it"),
        );
    }
    let survey = match seen(flow.request, flow.facts) {
        Ok(survey) => survey,
        Err(findings) => {
            flow.said = findings;
            return Err(Stop::Done);
        }
    };
    let names: Vec<&str> = if cancel.all && cancel.address.is_empty() {
        Cube::all(&survey).filter(|cube| cube.is_alive() && is_ours(cube, cancel)).map(|cube| cube.name).collect()
    } else {
        let places = flow.places.clone();
        let cube = match resolve(&places, &cancel.address, &survey) {
            Ok(Some(cube)) => cube,
            Ok(None) => return end(flow, nothing_fits(&cancel.address)),
            Err(problem) => return end(flow, problem),
        };
        if !is_ours(&cube, cancel) {
            let problem = Problem::new(Phase::Run, format!("{} is no cube, and was left alone", cube.name));
            return end(flow, problem.hint("FORCE ends it all the same"));
        }
        if cube.record.is_none() {
            return end(flow, Problem::new(Phase::Run, format!("{} is not running", cube.name)));
        }
        vec![cube.name]
    };
    if names.is_empty() {
        return end(flow, Problem::new(Phase::Notice, "no cube is at work"));
    }
    let meant = names.iter().filter_map(|name| Cube::named(&survey, name));
    if let Some(problem) = meant.into_iter().find_map(|cube| protect::refusal(flow, &cube)) {
        return end(flow, problem);
    }
    for name in names {
        let locked = match Cube::named(&survey, name).is_some_and(|cube| cube.folder.is_some()) {
            true => flow.lock_and_look(name, Depth::Usual)?,
            // What is no cube has no folder whose lock could be taken.
            false => Some(flow.look(&[name], Depth::Usual)?),
        };
        if let Some(survey) = locked {
            one(flow, &survey, name, cancel)?;
        }
    }
    Ok(())
}

fn is_ours(cube: &Cube<'_>, cancel: &Cancel) -> bool {
    cube.folder.is_some() || cancel.force
}

fn one(flow: &mut Flow<'_>, survey: &Survey, name: &str, cancel: &Cancel) -> Result<(), Stop> {
    let own = flow.places.grace;
    let grace = cancel.timeout.unwrap_or(own);
    let (grace, again) = match cancel.method {
        Some(CancelMethod::Pause) => return stop::freeze(flow, survey, name, true),
        Some(CancelMethod::PowerOff(seconds)) => (seconds.unwrap_or(grace), false),
        Some(CancelMethod::Reset) => (0, true),
        Some(CancelMethod::Reboot) | Some(CancelMethod::Init(6)) => (grace, true),
        Some(CancelMethod::Init(_)) | Some(CancelMethod::Suspend) | None => {
            (if cancel.force { 0 } else { grace }, false)
        }
    };
    stop::stop_one(flow, survey, name, grace)?;
    if again {
        start::start(flow, name)?;
    }
    Ok(())
}

fn end(flow: &mut Flow<'_>, problem: Problem) -> Result<(), Stop> {
    flow.said = Findings::problem(problem);
    Err(Stop::Done)
}
