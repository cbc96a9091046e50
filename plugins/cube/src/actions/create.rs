//! CREATE: starts a cube, and opens a console in it where one is asked for.

use super::{nothing_fits, resolve, seen};
use crate::SESSION_TYPE;
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::work::{links, start};
use ctys_plugin::model::{Command, Console, ConsoleKind, Create, CreateMode, Findings, Phase, Poll, Problem, Step};

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
            let account = account(flow, &cube, create.user.as_deref())?;
            Err(Stop::Attach(Box::new(console(flow, &cube, kind, create, account))))
        }
    }
}

/// What a container cannot do: refused, not dropped.
fn refused(create: &Create) -> Option<Problem> {
    let usage = |what: String, hint: &str| Some(Problem::new(Phase::Usage, what).hint(hint));
    let never = [
        ("RESUME", matches!(create.mode, Some(CreateMode::Resume(_))), "a container has no saved state"),
        ("BOOTMODE", create.boot_mode.is_some(), "a container does not boot"),
        ("INSTMODE", create.inst_mode.is_some(), "cube-ctl add makes a cube"),
        ("CALLOPTS", !create.call_opts.is_empty(), "cube-cfg sets the program of a cube and what it is given"),
        ("XOPTS", !create.x_opts.is_empty(), "its windows are opened by ctys"),
        ("STUBMODE", create.stub_mode, "it is for plain logins"),
        ("VNCDESKIDLIST", !create.vnc_desk_ids.is_empty(), "it is for desktops"),
        ("PING", create.ping.is_some_and(Poll::waits), "a start ends when the network of the cube is up"),
        ("SSHPING", create.ssh_ping.is_some_and(Poll::waits), "a start ends when the network of the cube is up"),
        ("WAITS", create.wait_server.is_some(), "a start ends when the network of the cube is up"),
    ];
    if let Some((key, _, hint)) = never.into_iter().find(|(_, given, _)| *given) {
        return usage(format!("{key} means nothing to a container"), hint);
    }
    let inside = [
        ("CMD", !create.cmd.is_empty()),
        ("SHELL", create.shell.is_some()),
        ("USER", create.user.is_some()),
        ("CHDIR", create.chdir.is_some()),
    ];
    let has_console = !matches!(create.console, None | Some(ConsoleKind::None));
    if let Some((key, _)) = inside.into_iter().find(|(_, given)| *given && !has_console) {
        return usage(
            format!("{key} is for what is run in a container, and nothing is"),
            "CONSOLE:CLI in the same call runs it",
        );
    }
    if let Some(folder) = create.chdir.as_deref().filter(|folder| !folder.starts_with('/')) {
        return usage(format!("CHDIR:{folder} is no absolute path"), "it is a folder of the container");
    }
    let user = create.user.as_deref()?;
    if user.contains('%') {
        return usage("USER of a container has no credential".into(), "nobody is asked for one");
    }
    let is_name = !user.is_empty() && user.split(':').count() <= 2 && !user.contains(['/', '\n']);
    if is_name {
        None
    } else {
        usage(format!("USER:{user} is no account"), "USER:<name>, USER:<uid> or USER:<uid>:<gid>")
    }
}

/// Who runs what is run there, as the runtime wants it: in numbers. A name, or a number without its group, is looked up in the
/// container; the runtime would take the group of root.
fn account(flow: &mut Flow<'_>, cube: &Cube<'_>, user: Option<&str>) -> Result<Option<String>, Stop> {
    let Some(user) = user else { return Ok(None) };
    let number = |text: &str| text.parse::<u32>().is_ok();
    if let Some((uid, gid)) = user.split_once(':') {
        return match number(uid) && number(gid) {
            true => Ok(Some(user.into())),
            false => flow.fail(format!("USER:{user} was not used in {}: a group is named by numbers alone", cube.name)),
        };
    }
    let look = flow.places.runtime(cube.manager(), ["exec", cube.name, "cat", "/etc/passwd"]);
    let round = flow.run(vec![Step::run("accounts", look)])?;
    let told = answer(round, "accounts");
    let Some(output) = told.ok_output() else {
        let why = crate::flow::said(told, "the look at /etc/passwd");
        return flow.fail(format!("USER:{user} was not found in {}: {why}", cube.name));
    };
    let text = output.stdout.to_text();
    let found = text.lines().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| match fields[..] {
        [name, _, uid, gid, ..] if (name == user || uid == user) && number(uid) && number(gid) => {
            Some(format!("{uid}:{gid}"))
        }
        _ => None,
    });
    match found {
        Some(found) => Ok(Some(found)),
        None => flow.fail(format!("there is no account {user} in {}", cube.name)),
    }
}

/// `$1` where the runtime has its records, or nothing; `$2` the runtime; then what it is told: options, a container, a command in it.
/// It has a terminal where the call has one on both sides, and else the input and the output of the call, byte for byte.
const EXEC: &str =
    "r=$1 m=$2; shift 2; t=; [ -t 0 ] && [ -t 1 ] && t=-t; exec \"$m\" ${r:+--root \"$r\"} exec $t \"$@\"";

/// A shell in all its namespaces, by the runtime; or a command there.
fn console(flow: &Flow<'_>, cube: &Cube<'_>, kind: ConsoleKind, create: &Create, account: Option<String>) -> Console {
    let pair = |option: &str, value: Option<&str>| value.map(|value| [option.to_string(), value.to_string()]);
    let options = pair("--user", account.as_deref()).into_iter().chain(pair("--cwd", create.chdir.as_deref()));
    let options: Vec<String> = options.flatten().chain([cube.name.to_string()]).collect();
    let options = options.iter().map(String::as_str);
    let command = match &create.cmd[..] {
        [] => {
            let shell = create.shell.as_deref().unwrap_or("sh");
            flow.places.runtime(cube.manager(), ["exec", "-t"].into_iter().chain(options).chain([shell]))
        }
        cmd => {
            let records = if flow.places.is_usual() { "" } else { &flow.places.records };
            let words = ["-c", EXEC, "sh", records, cube.manager()];
            Command::new("sh").args(words).args(options).args(cmd.iter().map(String::as_str)).as_root()
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
