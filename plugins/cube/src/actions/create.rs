//! CREATE: starts a cube, and opens a console in it where one is asked for.

use super::{nothing_fits, resolve, seen};
use crate::SESSION_TYPE;
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::work::{links, start};
use ctys_plugin::model::{Console, ConsoleKind, Create, CreateMode, Findings, Phase, Problem};

/// Goes through it.
pub fn run(flow: &mut Flow<'_>, create: &Create) -> Result<(), Stop> {
    if let Some(problem) = refused(create) {
        return end(flow, Findings::problem(problem));
    }
    let survey = match seen(flow.request, flow.facts) {
        Ok(survey) => survey,
        Err(findings) => return end(flow, findings),
    };
    let places = flow.places.clone();
    let cube = match resolve(&places, &create.address, &survey) {
        Ok(Some(cube)) => cube,
        Ok(None) => return end(flow, Findings::problem(nothing_fits(&create.address))),
        Err(problem) => return end(flow, Findings::problem(problem)),
    };
    let alive = cube.is_alive();
    let problem = match (&create.mode, alive) {
        (None, true) => Some(format!("{} is {} already", cube.name, cube.status())),
        (Some(CreateMode::Connect), false) => Some(format!("{} is not running", cube.name)),
        _ if cube.folder.is_none() && !alive => Some(format!("{} is no cube, only the runtime knows it", cube.name)),
        _ => None,
    };
    if let Some(message) = problem {
        let hint = if alive { "REUSE takes it as it is" } else { "REUSE starts it" };
        return end(flow, Findings::problem(Problem::new(Phase::Run, message).hint(hint)));
    }
    if !alive {
        start::start(flow, cube.name)?;
    }
    match create.console {
        None | Some(ConsoleKind::None) => Ok(()),
        Some(kind) => {
            links::follow(flow)?;
            Err(Stop::Attach(Box::new(console(flow, &cube, kind, create))))
        }
    }
}

/// What a container cannot do.
fn refused(create: &Create) -> Option<Problem> {
    let what = match () {
        () if matches!(create.mode, Some(CreateMode::Resume(_))) => "RESUME: a container has no saved state",
        () if create.boot_mode.is_some() => "BOOTMODE: a container does not boot",
        () if create.inst_mode.is_some() => "INSTMODE: cube-ctl add makes a cube",
        () => return None,
    };
    Some(Problem::new(Phase::Usage, what))
}

/// A shell in all its namespaces, by the runtime.
fn console(flow: &Flow<'_>, cube: &Cube<'_>, kind: ConsoleKind, create: &Create) -> Console {
    let words: Vec<&str> = match &create.cmd[..] {
        [] => vec![create.shell.as_deref().unwrap_or("sh")],
        cmd => cmd.iter().map(String::as_str).collect(),
    };
    let command = flow.places.runtime(cube.manager(), ["exec", "-t", cube.name]).args(words);
    Console {
        command: Some(command),
        uuid: crate::columns::uuid(cube),
        detach: Some("exit".into()),
        ..Console::new(kind, cube.name, SESSION_TYPE)
    }
}

/// The end, with these findings.
fn end(flow: &mut Flow<'_>, findings: Findings) -> Result<(), Stop> {
    flow.said = findings;
    Err(Stop::Done)
}
