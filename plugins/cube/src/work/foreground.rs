//! `start -f`: the cube in the foreground, its output and exit status ours; with `-i` on this terminal.
//!
//! `runc run` makes the container and starts its program in one go, and only it hands on the program's streams and its end. So
//! the network is made by a hook of the runtime. It runs from a bundle of its own, that of this start alone: the cube's is left as
//! it is.

use super::start::{Outcome, clear, config_step, for_this_start, prepare, ready};
use super::{channel, must, network};
use crate::config;
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::parse::survey::State;
use ctys_plugin::json::{self, Value};
use ctys_plugin::model::{Bytes, Command, Console, ConsoleKind, Step, ToolCall};

/// The bundle, in the cube's folder.
const BUNDLE: &str = ".foreground";

/// What the hooks of the network begin with: the runtime tells of the process on their input. `$1` the file for it, then words.
const NOTE: &str = "p=$1; shift; sed -n 's/.*\"pid\":\\([0-9]*\\).*/\\1/p' >\"$p\"; exec \"$@\"";

/// Makes everything ready and hands the streams over. What the cube is put together from says whether it has a terminal, and has
/// to fit.
pub fn run(flow: &mut Flow<'_>, call: &ToolCall, name: &str, interactive: bool) -> Result<Outcome, Stop> {
    let terminal = interactive && call.terminal;
    let Some(survey) = ready(flow, name)? else { return Ok(Outcome::Unknown) };
    let Some(cube) = Cube::named(&survey, name).filter(|cube| cube.folder.is_some()) else {
        return Ok(Outcome::Unknown);
    };
    let folder = for_this_start(&cube);
    let cube = Cube { folder: folder.as_ref().or(cube.folder), ..cube };
    match cube.state() {
        Some(State::Running | State::Paused) => return Ok(Outcome::WasRunning),
        Some(_) => {
            let round = flow.run(vec![clear(flow, &cube)])?;
            must(flow, answer(round, "clear"), &format!("container {name} was not cleared"))?;
        }
        None => {}
    }
    let mut steps = prepare(flow, &survey, &cube)?;
    steps.extend(channel::step(flow, &cube));
    if !steps.is_empty() {
        let names: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
        let round = flow.run(steps)?;
        for step in names {
            must(flow, answer(round, &step), &format!("container {name} was not started"))?;
        }
    }
    let plan = match network::plan(&flow.places, &survey, &cube) {
        Ok(plan) => plan,
        Err(line) => return flow.fail(line),
    };
    let bundle = flow.places.file(name, BUNDLE);
    let mut config = read(flow, name)?;
    config["process"]["terminal"] = Value::Bool(terminal);
    config["root"]["path"] = flow.places.file(name, "rootfs").into();
    if let Some(plan) = plan {
        let hook = |command: Command| config::hook(&flow.places, name, noted(flow, name, command));
        add(&mut config["hooks"]["prestart"], vec![hook(network::command(flow, &cube, &plan))]);
        add(&mut config["hooks"]["poststop"], network::down_command(flow, &cube).map(hook).into_iter().collect());
    }
    let text = config::text(&config);
    let folder = Command::new("mkdir").args(["-p", "-m", "755", "--", &bundle]).as_root().changes();
    let round = flow.run(vec![Step::run("folder", folder), config_step(flow, &format!("{name}/{BUNDLE}"), text)])?;
    for step in ["folder", "config"] {
        must(flow, answer(round, step), &format!("container {name} was not started"))?;
    }
    let pid = flow.places.file(name, network::PID);
    let command = flow.places.runtime(cube.manager(), ["run", "--bundle", &bundle, "--pid-file", &pid, name]).changes();
    Err(Stop::Attach(Box::new(Console {
        command: Some(command),
        streams: !terminal,
        says: Some(format!("Running container '{name}' in foreground:")),
        ..Console::new(ConsoleKind::Cli, name, crate::SESSION_TYPE)
    })))
}

/// The words of a command, behind [`NOTE`].
fn noted(flow: &Flow<'_>, name: &str, command: Command) -> Vec<String> {
    let pid = flow.places.file(name, network::PID);
    let note = ["sh", "-c", NOTE, "sh", &pid, &command.program].map(String::from);
    note.into_iter().chain(command.args.iter().map(|arg: &Bytes| arg.to_text().into_owned())).collect()
}

/// Adds hooks behind those that are there.
fn add(hooks: &mut Value, more: Vec<Value>) {
    match hooks.as_array_mut() {
        Some(all) => all.extend(more),
        None => *hooks = Value::Array(more),
    }
}

/// What `config.json` says.
fn read(flow: &mut Flow<'_>, name: &str) -> Result<Value, Stop> {
    let path = flow.places.file(name, "config.json");
    let round = flow.run(vec![Step::run("read config", Command::new("cat").arg(path).as_root())])?;
    must(flow, answer(round, "read config"), &format!("container {name} was not started"))?;
    let text = answer(round, "read config").ok_output().map(|output| output.stdout.to_text()).unwrap_or_default();
    match json::from_str::<Value>(&text) {
        Ok(config) if config["process"].is_object() => Ok(config),
        _ => flow.fail(format!("[ERROR]: container {name} cannot be started: its config.json is none")),
    }
}

/// Makes `config.json` say whether the first process has a terminal.
pub fn set_terminal(flow: &mut Flow<'_>, name: &str, terminal: bool) -> Result<(), Stop> {
    let mut config = read(flow, name)?;
    if config["process"]["terminal"].as_bool().unwrap_or(false) == terminal {
        return Ok(());
    }
    config["process"]["terminal"] = Value::Bool(terminal);
    let text = config::text(&config);
    let round = flow.run(vec![config_step(flow, name, text)])?;
    must(flow, answer(round, "config"), &format!("config.json of container {name} was not written"))
}
