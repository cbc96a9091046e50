//! Lamps. Serves LIST with one probe and one column of its own.

use ctys_plugin::Plugin;
use ctys_plugin::model::field::{Field, Known};
use ctys_plugin::model::{
    Action, Answer, Command, Effect, Exit, Facts, Findings, Manifest, Missing, Next, Phase, Probe, Problem, Record,
    Replies, Request, Value,
};

/// The plugin.
pub struct Lamp;

impl Plugin for Lamp {
    fn manifest() -> Manifest {
        ctys_plugin::manifest(include_bytes!("../manifest.json"))
    }

    fn wants(request: &Request) -> Vec<Probe> {
        match request.action {
            Action::List(_) => vec![status()],
            _ => vec![],
        }
    }

    fn plan(request: &Request, facts: &Facts) -> Effect {
        match request.action {
            Action::List(_) => Effect::Report(list(facts.answer(&status()))),
            _ => ctys_plugin::unserved(request),
        }
    }

    fn read(_: &Request, _: &Facts, _: &Replies) -> Next {
        // Every plan is a report, so nothing comes back.
        Next::Done(Findings::default())
    }
}

ctys_plugin::export_plugin!(Lamp, "lamp", "../manifest.json");

fn status() -> Probe {
    Probe::run(Command::new("lampctl").arg("status"))
}

// $ lampctl status
// desk 40
// door off
fn list(answer: &Answer) -> Findings {
    let Answer::Output(output) = answer else {
        return Findings::problem(Problem::new(Phase::Run, "lampctl gave no answer"));
    };
    match output.exit {
        Exit::Code(0) => {}
        // A host without lamps is no mistake.
        Exit::NotFound => return Findings::default(),
        _ => return Findings::problem(Problem::new(Phase::Run, "lampctl status did not end well")),
    }
    let text = output.stdout.to_text();
    let lamps = text.lines().filter_map(|line| line.split_once(' '));
    Findings::records(lamps.map(|(label, power)| record(label, power)).collect())
}

fn record(label: &str, power: &str) -> Record {
    let watt = match power.parse() {
        Ok(watt) => Value::Number(watt),
        Err(_) => Value::Missing(Missing::None),
    };
    Record::new("LAMP").with(Known::Label, label).with(Field::Other("lamp.watt".into()), watt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_plugin::testing;

    #[test]
    fn conforms() {
        ctys_plugin::conformance::check::<Lamp>(env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn lamps_are_listed() {
        let request = testing::request(Action::List(Default::default()));
        let facts = testing::facts([(status(), "desk 40\ndoor off\n")]);
        assert_eq!(
            testing::show(&Lamp::plan(&request, &facts)),
            "report\n  record\n    session_type LAMP\n    label desk\n    lamp.watt 40\n  \
             record\n    session_type LAMP\n    label door\n    lamp.watt (none)\n"
        );
    }
}
