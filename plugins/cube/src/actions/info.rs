//! INFO: the runtime, its version, and where the cubes are (ctys.md 2.5).

use super::{look, seen};
use crate::cube::Cube;
use crate::places::Places;
use ctys_plugin::model::{Command, Facts, Findings, Missing, Phase, Probe, Problem, Request};
use ctys_plugin::outputs;

fn version() -> Probe {
    Probe::run(Command::new("runc").arg("--version"))
}

/// The version of the runtime, and the look.
pub fn wants(request: &Request) -> Vec<Probe> {
    vec![version(), look(request)]
}

/// The text:
///
/// ```text
/// runc version 1.1.5+ds1
/// commit: 1.1.5+ds1-1+deb12u1
/// spec: 1.0.2-dev
/// ```
pub fn plan(request: &Request, facts: &Facts) -> Findings {
    if facts.host.is_none() {
        return super::list::unreached();
    }
    let text = match outputs::text(facts, &version(), "runc") {
        Ok(text) => text,
        Err(why) => {
            let message = match &why {
                Missing::ToolAbsent(_) => "runc is not there".to_string(),
                why => format!("the version of runc is not known: {}", why.detail().unwrap_or(why.word())),
            };
            let phase = if request.session_type.is_none() { Phase::Notice } else { Phase::Run };
            return Findings::problem(Problem::new(phase, message));
        }
    };
    let value = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or("").trim();
    let places = Places::of(request);
    let mut lines = vec!["   CUBE".to_string()];
    let mut pair = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("      {name:<12}:{value}"));
        }
    };
    pair("Version", value("runc version "));
    pair("Specification", value("spec: "));
    pair("Containers", &places.containers);
    if let Ok(survey) = seen(request, facts) {
        let count = |alive: bool| Cube::cubes(&survey).filter(|cube| !alive || cube.is_alive()).count();
        pair("Cubes", &format!("{}, {} of them at work", count(false), count(true)));
    }
    Findings { text: lines, ..Findings::default() }
}
