//! CREATE: starts a cube, and opens a console in it where one is asked for.

use super::{nothing_fits, resolve, seen};
use crate::SESSION_TYPE;
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::work::{links, start};
use ctys_plugin::model::{Command, Console, ConsoleKind, Create, CreateMode, Findings, Phase, Problem};

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

/// `$1` where the runtime has its records, or nothing; `$2` the runtime, `$3` a container; then a command in it. It has a terminal where
/// the call has one on both sides, and else the input and the output of the call, byte for byte.
const EXEC: &str =
    "r=$1 m=$2 c=$3; shift 3; t=; [ -t 0 ] && [ -t 1 ] && t=-t; exec \"$m\" ${r:+--root \"$r\"} exec $t \"$c\" \"$@\"";

/// A shell in all its namespaces, by the runtime; or a command there.
fn console(flow: &Flow<'_>, cube: &Cube<'_>, kind: ConsoleKind, create: &Create) -> Console {
    let command = match &create.cmd[..] {
        [] => {
            let shell = create.shell.as_deref().unwrap_or("sh");
            flow.places.runtime(cube.manager(), ["exec", "-t", cube.name, shell])
        }
        cmd => {
            let records = if flow.places.is_usual() { "" } else { &flow.places.records };
            let words = ["-c", EXEC, "sh", records, cube.manager(), cube.name];
            Command::new("sh").args(words).args(cmd.iter().map(String::as_str)).as_root()
        }
    };
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
