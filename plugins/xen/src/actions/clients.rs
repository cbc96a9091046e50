//! The text consoles that are open on domains. `xl console` becomes `xenconsole <domid> --num 0 --type pv`, whoever called
//! it; viewers are ended by the plugin that lists them.

use super::create::failure;
use crate::parse::xl_list::Domain;
use ctys_plugin::ending;
use ctys_plugin::model::probe::ProcessTable;
use ctys_plugin::model::{
    Answer, Batch, Effect, Facts, Findings, Next, Phase, Place, Probe, Problem, Process, Replies, Request, Step,
};

/// The step behind the signals: which consoles are left.
pub const LEFT: &str = "look for consoles";
/// How many looks a console has to end.
const LOOKS: usize = 20;

fn table() -> ProcessTable {
    ProcessTable { place: Place::Target, names: vec!["xenconsole".into()] }
}

/// Which consoles are open.
pub fn probe() -> Probe {
    Probe::Processes(table())
}

/// Those of one domain.
fn of<'a>(facts: &'a Facts, domain: &Domain) -> Result<Vec<&'a Process>, Problem> {
    let Answer::Processes(open) = facts.answer(&probe()) else {
        return Err(Problem::new(Phase::Run, "which consoles are open there is not known"));
    };
    let id = domain.id.to_string();
    Ok(open.iter().filter(|process| process.args.get(1).is_some_and(|arg| arg.as_slice() == id.as_bytes())).collect())
}

/// Signals to the consoles of these domains, and a look behind them; nothing when none is open.
pub fn end(facts: &Facts, domains: &[Domain]) -> Result<Vec<Step>, Problem> {
    let host = facts.host.clone().unwrap_or_default();
    let mut steps = Vec::new();
    for domain in domains {
        steps.extend(of(facts, domain)?.into_iter().map(|open| ending::signal(&host, &Place::Target, open, "TERM")));
    }
    if !steps.is_empty() {
        steps.push(ending::look(LEFT, table()));
    }
    Ok(steps)
}

/// What became of them.
pub fn ended(request: &Request, facts: &Facts, domains: &[Domain], replies: &Replies) -> Result<Next, Problem> {
    let left = replies.last(LEFT);
    let is_refusal = |answer: &Answer| matches!(answer, Answer::Output(output) if !output.ok());
    let refused = replies.rounds.iter().flat_map(|round| &round.steps).find(|step| is_refusal(&step.answer));
    let mut findings = Findings { changed: true, ..Findings::default() };
    for domain in domains {
        let (name, open) = (&domain.name, of(facts, domain)?);
        let stay: Vec<String> =
            open.iter().filter(|process| ending::is_there(process, left)).map(|open| open.pid.to_string()).collect();
        if let (false, Some(step)) = (stay.is_empty(), refused) {
            return Err(failure(request, facts, &format!("{} (a console of {name})", step.name), &step.answer));
        }
        if !stay.is_empty() && super::times(replies, LEFT) < LOOKS {
            let effect = Effect::Run(Batch { steps: vec![ending::look(LEFT, table())] });
            return Ok(Next::Later {
                delay_ms: ending::LOOK_MS,
                effect,
                why: format!("for the consoles of {name} to end"),
            });
        }
        match (stay.is_empty(), open.is_empty()) {
            (false, _) => {
                let message = format!("a console of {name} is still open: process {}", stay.join(", "));
                findings.problems.push(Problem::new(Phase::Run, message));
            }
            (true, true) => findings.text.push(format!("{name}: no console is open")),
            (true, false) => findings.text.push(format!("{name}: its consoles were ended")),
        }
    }
    Ok(Next::Done(findings))
}
