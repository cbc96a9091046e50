//! `start -f`: the cube in the foreground, its output and exit status ours; with `-i` on this terminal.

use super::start::{Outcome, clear, config_step, prepare};
use super::{must, network};
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::parse::survey::State;
use ctys_plugin::json::{self, Value};
use ctys_plugin::model::{Command, Console, ConsoleKind, Step, ToolCall};

/// Makes everything ready and hands the streams over. What the cube is put together from says whether it has a terminal, and has
/// to fit.
pub fn run(flow: &mut Flow<'_>, call: &ToolCall, name: &str, interactive: bool) -> Result<Outcome, Stop> {
    let terminal = interactive && call.terminal;
    let Some(survey) = flow.lock_and_look(name, false)? else { return Ok(Outcome::Unknown) };
    let Some(cube) = Cube::named(&survey, name).filter(|cube| cube.folder.is_some()) else {
        return Ok(Outcome::Unknown);
    };
    match cube.state() {
        Some(State::Running | State::Paused) => return Ok(Outcome::WasRunning),
        Some(_) => {
            let round = flow.run(vec![clear(flow, &cube)])?;
            must(flow, answer(round, "clear"), &format!("container {name} was not cleared"))?;
        }
        None => {}
    }
    let steps = prepare(flow, &survey, &cube)?;
    if !steps.is_empty() {
        let names: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
        let round = flow.run(steps)?;
        for step in names {
            must(flow, answer(round, &step), &format!("container {name} was not started"))?;
        }
    }
    set_terminal(flow, name, terminal)?;
    let (bundle, pid) = (flow.places.cube(name), flow.places.file(name, network::PID));
    let command = flow.places.runtime(cube.manager(), ["run", "--bundle", &bundle, "--pid-file", &pid, name]).changes();
    Err(Stop::Attach(Box::new(Console {
        command: Some(command),
        streams: !terminal,
        says: Some(format!("Running container '{name}' in foreground:")),
        ..Console::new(ConsoleKind::Cli, name, crate::SESSION_TYPE)
    })))
}

/// Makes `config.json` say whether the first process has a terminal.
pub fn set_terminal(flow: &mut Flow<'_>, name: &str, terminal: bool) -> Result<(), Stop> {
    let path = flow.places.file(name, "config.json");
    let round = flow.run(vec![Step::run("read config", Command::new("cat").arg(path).as_root())])?;
    must(flow, answer(round, "read config"), &format!("container {name} was not started"))?;
    let text = answer(round, "read config").ok_output().map(|output| output.stdout.to_text()).unwrap_or_default();
    let mut config = match json::from_str::<Value>(&text) {
        Ok(config) if config["process"].is_object() => config,
        _ => return flow.fail(format!("[ERROR]: container {name} cannot be started: its config.json is none")),
    };
    if config["process"]["terminal"].as_bool().unwrap_or(false) == terminal {
        return Ok(());
    }
    config["process"]["terminal"] = Value::Bool(terminal);
    let text = json::to_string_pretty(&config).unwrap_or_default() + "\n";
    let round = flow.run(vec![config_step(flow, name, text)])?;
    must(flow, answer(round, "config"), &format!("config.json of container {name} was not written"))
}
