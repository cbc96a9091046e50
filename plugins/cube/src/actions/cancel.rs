//! CANCEL: ends, freezes or restarts containers. One that is no cube is left alone without FORCE.

use super::{nothing_fits, resolve_at_work, seen};
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
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
    let meant: Vec<Cube<'_>> = if cancel.all && cancel.address.is_empty() {
        Cube::all(&survey).filter(|cube| cube.is_alive() && is_ours(cube, cancel)).collect()
    } else {
        let places = flow.places.clone();
        let cube = match resolve_at_work(&places, &cancel.address, &survey) {
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
        vec![cube]
    };
    if meant.is_empty() {
        return end(flow, Problem::new(Phase::Notice, "no cube is at work"));
    }
    if let Some(problem) = meant.iter().find_map(|cube| protect::refusal(flow, cube)) {
        return end(flow, problem);
    }
    if let Some(cube) = meant.iter().find(|cube| cube.folder.is_none() && starts_again(cancel)) {
        let what = format!("nothing was done: {} is no cube, and could not be started again", cube.name);
        return end(flow, Problem::new(Phase::Run, what));
    }
    for Cube { name, folder, .. } in meant {
        // What is no cube has no folder whose lock could be taken.
        let locked = match folder {
            Some(_) => flow.lock_and_look(name, Depth::Usual)?,
            None => Some(flow.look(&[name], Depth::Usual)?),
        };
        let Some(survey) = locked else { continue };
        let cube = match folder {
            Some(_) => Cube::named(&survey, name).filter(|cube| cube.folder.is_some()),
            None => Cube::foreign(&survey, name),
        };
        if let Some(cube) = cube {
            one(flow, &cube, cancel)?;
        }
    }
    Ok(())
}

/// Whether what is ended is to be started then.
fn starts_again(cancel: &Cancel) -> bool {
    matches!(cancel.method, Some(CancelMethod::Reset | CancelMethod::Reboot | CancelMethod::Init(6)))
}

fn is_ours(cube: &Cube<'_>, cancel: &Cancel) -> bool {
    cube.folder.is_some() || cancel.force
}

fn one(flow: &mut Flow<'_>, cube: &Cube<'_>, cancel: &Cancel) -> Result<(), Stop> {
    let own = flow.places.grace;
    let grace = cancel.timeout.unwrap_or(own);
    let grace = match cancel.method {
        Some(CancelMethod::Pause) => return stop::freeze(flow, cube, true),
        Some(CancelMethod::PowerOff(seconds)) => seconds.unwrap_or(grace),
        Some(CancelMethod::Reset) => 0,
        Some(CancelMethod::Reboot) | Some(CancelMethod::Init(6)) => grace,
        Some(CancelMethod::Init(_) | CancelMethod::Suspend) | None if cancel.force => 0,
        Some(CancelMethod::Init(_) | CancelMethod::Suspend) | None => grace,
    };
    stop::stop_one(flow, cube, grace)?;
    if starts_again(cancel) {
        start::start(flow, cube.name)?;
    }
    Ok(())
}

fn end(flow: &mut Flow<'_>, problem: Problem) -> Result<(), Stop> {
    flow.said = Findings::problem(problem);
    Err(Stop::Done)
}
