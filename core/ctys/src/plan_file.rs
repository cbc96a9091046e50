//! Plans as files: `--plan=FILE` writes one, `ctys apply FILE` carries it out if every target is still as it was.
//!
//! ```json
//! {"ctys_plan": 1, "made": "2026-11-28T11:00:00Z", "by": "acue@ws2.soho",
//!  "call": ["-t", "XEN", "-a", "CANCEL=L:tst100,POWEROFF", "lab00"],
//!  "targets": [{
//!    "target": "lab00",
//!    "machine": {"node": "lab00", "system": "Linux", "machine": "x86_64", "user": "root"},
//!    "state": [{"session_type": "XEN", "label": "tst100", "uuid": "...", "state": "running"}],
//!    "steps": [{"plugin": "xen", "shown": ["lab00: xen: shutdown tst100 (7): ..."], "batch": {"steps": [...]}}],
//!    "opens": []}]}
//! ```
//!
//! `call` is the whole call in the classic form. `state` is what LIST says of the machines that the call means, `steps` are the
//! first steps that change something; what follows them depends on their answers. Both are made again by `apply` and have to
//! be equal, for all targets, before the first step is run on any. What is secret in a step is left out, there and here.

use crate::find;
use crate::home::Home;
use crate::open::{Opening, What};
use crate::report;
use crate::run::{self, Doer};
use crate::screen::Screen;
use ctys_engine::fanout::{self, Update};
use ctys_engine::job::{Changes, Report};
use ctys_engine::plugins::Plugins;
use ctys_engine::world::Shared;
use ctys_line::{CallLine, Job};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::field::Known;
use ctys_model::{Action, Batch, Bytes, Does, Field, HostFacts, List, Phase, Problem, Record};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

/// The number of this layout.
const VERSION: u64 = 1;

/// The fields of a record that say which machine it is, and how.
const STATE: [Known; 8] =
    [Known::SessionType, Known::Label, Known::Id, Known::Uuid, Known::Mac, Known::Pid, Known::Side, Known::State];

/// What one target would do, and how it is.
pub struct Look {
    /// What the file says of it.
    said: Value,
    /// For people.
    text: String,
    /// What went wrong.
    problems: Vec<Problem>,
}

/// Shows the plan of a call and writes it to its file, when nothing is wrong with it.
pub fn write(
    file: &str,
    call: &CallLine,
    shared: &Arc<Shared>,
    plugins: &Plugins,
    home: &Home,
    screen: &mut Screen,
) -> Vec<Problem> {
    if call.jobs.iter().any(|job| has_credential(&job.action)) {
        let message = format!("the plan was not written to {file}: it would hold the credential of USER");
        return vec![Problem::new(Phase::Refused, message).hint("leave the credential out")];
    }
    let looks = look(call, shared, plugins, home);
    looks.iter().for_each(|look| screen.data(&look.text));
    let mut problems: Vec<Problem> = looks.iter().flat_map(|look| look.problems.clone()).collect();
    if ctys_model::problem::exit_code(&problems) != 0 {
        let message = format!("the plan was not written to {file}, since it is not whole");
        problems.push(Problem::new(Phase::Notice, message));
        return problems;
    }
    let plan = json!({
        "ctys_plan": VERSION,
        "made": ctys_table::rfc3339(run::now()),
        "by": format!("{}@{}", home.caller.user, home.caller.host),
        "call": words(call),
        "targets": looks.into_iter().map(|look| look.said).collect::<Vec<_>>(),
    });
    let written = ctys_engine::files::create_private(Path::new(file)).and_then(|mut made| {
        let text = serde_json::to_string_pretty(&plan).map_err(std::io::Error::other)?;
        std::io::Write::write_all(&mut made, format!("{text}\n").as_bytes())
    });
    if let Err(error) = written {
        problems.push(Problem::new(Phase::Here, format!("the plan {file} cannot be written: {error}")));
    }
    problems
}

/// A plan that was read.
pub struct Plan {
    /// The words of its call.
    pub words: Vec<std::ffi::OsString>,
    targets: Vec<Value>,
    made: String,
}

impl Plan {
    /// Reads a file.
    pub fn read(file: &str) -> Result<Plan, Problem> {
        let here = |why: String| Problem::new(Phase::Here, format!("the plan {file} cannot be read: {why}"));
        let text = ctys_engine::files::read_text(file.as_ref()).map_err(|error| here(error.to_string()))?;
        let plan: Value = serde_json::from_str(&text).map_err(|error| here(error.to_string()))?;
        match plan["ctys_plan"].as_u64() {
            Some(VERSION) => {}
            Some(other) => return Err(here(format!("it has layout {other}, this ctys knows {VERSION}"))),
            None => return Err(here("it is no plan of ctys".into())),
        }
        let words = plan["call"].as_array().into_iter().flatten().map(|word| word.as_str().map(Into::into));
        let words: Option<Vec<std::ffi::OsString>> = words.collect();
        let words = words.filter(|words| !words.is_empty()).ok_or_else(|| here("it has no call".into()))?;
        let targets = plan["targets"].as_array().cloned().ok_or_else(|| here("it has no targets".into()))?;
        Ok(Plan { words, targets, made: plan["made"].as_str().unwrap_or("an unknown time").to_string() })
    }

    /// What each job may do: its planned steps and no others. The error: what is not as it was, for all targets.
    pub fn hold(
        &self,
        call: &CallLine,
        shared: &Arc<Shared>,
        plugins: &Plugins,
        home: &Home,
    ) -> Result<Vec<Changes>, Vec<Problem>> {
        let looks = look(call, shared, plugins, home);
        let mut problems: Vec<Problem> = looks.iter().flat_map(|look| look.problems.clone()).collect();
        if self.targets.len() != looks.len() {
            problems.push(Problem::new(Phase::Refused, "the targets of the plan are not those of its call"));
        }
        for (planned, look) in self.targets.iter().zip(&looks) {
            for drift in drifts(planned, &look.said) {
                let message = format!("not as it was when the plan was made ({}): {drift}", self.made);
                let problem = Problem::new(Phase::Refused, message).hint("make a new plan");
                problems.push(Problem { target: look.said["target"].as_str().map(str::to_string), ..problem });
            }
        }
        if ctys_model::problem::exit_code(&problems) != 0 {
            problems.push(Problem::new(Phase::Notice, "nothing was changed on any target"));
            return Err(problems);
        }
        let changes = self.targets.iter().map(|planned| {
            let steps = planned["steps"].as_array().cloned().unwrap_or_default();
            let is_planned = move |plugin: &str, batch: &Batch| {
                let batch = data(batch);
                steps.iter().any(|step| step["plugin"] == plugin && step["batch"] == batch)
            };
            Changes::AsPlanned(Box::new(is_planned))
        });
        Ok(changes.collect())
    }
}

/// What is not as it was planned, each as the rest of a sentence.
fn drifts(planned: &Value, seen: &Value) -> Vec<String> {
    let mut drifts = Vec::new();
    let shown = |value: &Value| escape_for_eyes(&value.to_string()).into_owned();
    if planned["target"] != seen["target"] {
        drifts.push(format!("the target is {}, it was {}", shown(&seen["target"]), shown(&planned["target"])));
    }
    for part in ["node", "system", "machine", "user"] {
        let (was, is) = (&planned["machine"][part], &seen["machine"][part]);
        if was != is {
            drifts.push(format!("its {part} is {}, it was {}", shown(is), shown(was)));
        }
    }
    drifts.extend(other_state(&planned["state"], &seen["state"]));
    if planned["steps"] != seen["steps"] && drifts.is_empty() {
        let list = |value: &Value| {
            let steps = value["steps"].as_array().into_iter().flatten();
            let lines = steps.flat_map(|step| step["shown"].as_array().into_iter().flatten());
            lines.map(|line| escape_for_eyes(line.as_str().unwrap_or_default()).into_owned()).collect::<Vec<_>>()
        };
        let (was, is) = (list(planned), list(seen));
        let other = is.iter().zip(&was).find(|(is, was)| is != was);
        drifts.push(match other {
            Some((is, was)) => format!("a step would be \"{is}\", it was \"{was}\""),
            None if is.len() != was.len() => format!("there would be {} steps, there were {}", is.len(), was.len()),
            None => "what the steps would write or say is something else".to_string(),
        });
    }
    if planned["opens"] != seen["opens"] && drifts.is_empty() {
        drifts.push("another console or tunnel would be opened".to_string());
    }
    drifts
}

/// How the machines that are meant differ from those that were meant.
fn other_state(was: &Value, is: &Value) -> Option<String> {
    let records = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let shown = |value: &Value| escape_for_eyes(value.as_str().unwrap_or("nothing")).into_owned();
    let (was, is) = (records(was), records(is));
    if was == is {
        return None;
    }
    if let ([was], [is]) = (&was[..], &is[..]) {
        let other = STATE.iter().map(|known| known.key()).filter(|key| was[key] != is[key]);
        let other: Vec<String> =
            other.map(|key| format!("its {key} is {}, it was {}", shown(&is[key]), shown(&was[key]))).collect();
        return Some(format!("{}: {}", shown(&is["label"]), other.join(", ")));
    }
    let list = |records: &[Value]| match records {
        [] => "none".to_string(),
        all => all
            .iter()
            .map(|one| format!("{} ({})", shown(&one["label"]), shown(&one["state"])))
            .collect::<Vec<_>>()
            .join(", "),
    };
    Some(format!("of the machines that are meant there is {}, there was {}", list(&is), list(&was)))
}

/// Asks all targets what they would do, and how they are. Nothing is changed.
fn look(call: &CallLine, shared: &Arc<Shared>, plugins: &Plugins, home: &Home) -> Vec<Look> {
    let (planned, first) = ask(call, true, shared, plugins, home);
    let mut listing = call.clone();
    listing.presentation = None;
    for job in &mut listing.jobs {
        // No more than is compared: the rest may take tools that the change does not need.
        let fields = Some(STATE.into_iter().map(Field::Known).collect());
        job.action = Action::List(List { fields, ..List::default() });
        job.presentation = None;
    }
    let (listed, second) = ask(&listing, false, shared, plugins, home);
    let mut looks: Vec<Look> = Vec::new();
    for (((job, mut plan), list), number) in call.jobs.iter().zip(planned).zip(listed).zip(0..) {
        let mut problems = problems_of(&plan);
        // That nothing can be listed where nothing would be done says nothing new.
        let unlisted = problems_of(&list).into_iter().filter(|problem| problem.phase != Phase::Notice);
        problems.extend(unlisted.filter(|_| ctys_model::problem::exit_code(&problems) == 0).collect::<Vec<_>>());
        let consoles = std::mem::take(&mut plan.consoles);
        let tunnels = std::mem::take(&mut plan.tunnels);
        let opens = consoles.into_iter().map(|(plugin, console)| (plugin, What::Console(Box::new(console))));
        let opens = opens.chain(tunnels.into_iter().map(|(plugin, tunnel)| (plugin, What::Tunnel(tunnel))));
        let opens: Vec<String> = opens.map(|(plugin, what)| Opening { job, plugin, what }.plan()).collect();
        let shown = |(plugin, batch): &(String, Batch)| report::plan(&job.target, plugin, batch);
        let mut text = report::text(job.options.prefix.as_deref(), &plan);
        text.extend(plan.planned.iter().map(shown));
        text.extend(opens.iter().map(String::as_str));
        let steps = plan.planned.iter().map(|planned| {
            let lines: Vec<String> = shown(planned).lines().map(str::to_string).collect();
            json!({ "plugin": planned.0, "shown": lines, "batch": data(&planned.1) })
        });
        let said = json!({
            "target": job.target.to_string(),
            "machine": plan.host.as_ref().map(machine),
            "state": state(job, &list),
            "steps": steps.collect::<Vec<_>>(),
            "opens": opens.iter().map(|line| line.trim_end()).collect::<Vec<_>>(),
        });
        if number == 0 {
            let before = first.iter().chain(&second);
            problems.extend(before.filter(|problem| problem.phase != Phase::Notice).cloned());
        }
        looks.push(Look { said, text, problems });
    }
    looks
}

/// One report for each job, and what went wrong before they were asked.
fn ask(
    call: &CallLine,
    plans: bool,
    shared: &Arc<Shared>,
    plugins: &Plugins,
    home: &Home,
) -> (Vec<Report>, Vec<Problem>) {
    let (jobs, problems) = run::prepare(call, plugins, home);
    let targets: Vec<_> = jobs.iter().map(|ready| ready.job.target.clone()).collect();
    let patience = vec![Some(shared.clocks.total + run::GRACE); jobs.len()];
    let window = usize::from(call.call.window.unwrap_or(run::WINDOW));
    let settings = run::settings(plugins, home, &call.call.db_paths);
    let doer = Doer::new(jobs, shared.clone(), home, settings);
    let doer = if plans { doer.planning() } else { doer };
    let act = Arc::new(move |number: usize| doer.perform(number));
    let mut reports: Vec<Report> = targets.iter().map(|_| Report::default()).collect();
    fanout::run(window, patience, &shared.interrupt, true, act, |update| {
        let (number, phase, why) = match update {
            Update::Done(number, report) => {
                reports[number] = report;
                return;
            }
            Update::GaveUp(number) => (number, Phase::Timeout, "given up: its time was over".to_string()),
            Update::Failed(number, why) => (number, Phase::Here, why),
            Update::NotStarted(number) | Update::Abandoned(number) => {
                (number, Phase::Interrupted, "interrupted".to_string())
            }
            Update::Waiting(_) | Update::Progress { .. } => return,
        };
        reports[number].problems.push(report::lost(&targets[number], phase, &why));
    });
    (reports, problems)
}

fn problems_of(report: &Report) -> Vec<Problem> {
    let own = report.findings.iter().flat_map(|(_, findings)| &findings.problems);
    report.problems.iter().chain(own).cloned().collect()
}

/// What the host says of itself.
fn machine(host: &HostFacts) -> Value {
    json!({ "node": host.node, "system": host.system, "machine": host.machine, "user": host.user })
}

/// The records of the machines that the call means.
fn state(job: &Job, list: &Report) -> Vec<Value> {
    let address = job.action.address();
    let is_meant = |record: &&Record| {
        let kind = record.get(Known::SessionType).to_string().to_ascii_uppercase();
        let of_type = job.types.is_empty() || job.types.contains(&kind);
        of_type && address.is_none_or(|address| address.is_empty() || find::is_meant(record, address))
    };
    let records = list.findings.iter().flat_map(|(_, findings)| &findings.records).filter(is_meant);
    let values = |record: &Record| {
        let present = STATE.into_iter().filter_map(|known| {
            let text = record.get(Field::Known(known)).present()?.to_string();
            Some((known.key().to_string(), Value::from(text)))
        });
        Value::Object(present.collect::<Map<_, _>>())
    };
    let mut all: Vec<Value> = records.map(values).collect();
    // Several interfaces are several records, whose order is the host's.
    all.sort_by_key(|value| value.to_string());
    all
}

/// Steps as data, without what is secret in them.
fn data(batch: &Batch) -> Value {
    let mut batch = batch.clone();
    let hidden = || Bytes::from("(secret)");
    for step in &mut batch.steps {
        match &mut step.does {
            Does::Run { tries } => {
                for command in tries.iter_mut().filter(|command| command.secret) {
                    command.stdin = command.stdin.as_ref().map(|_| hidden());
                }
            }
            Does::Write(file) if file.secret => file.content = hidden(),
            _ => {}
        }
    }
    serde_json::to_value(batch).unwrap_or(Value::Null)
}

/// The call itself, without what was said of planning it.
fn words(call: &CallLine) -> Vec<String> {
    let mut call = call.clone();
    let options = &mut call.call;
    (options.plan, options.plan_file, options.yes, options.read_only) = (false, None, false, false);
    (options.record, options.replay) = (None, None);
    ctys_line::classic_words(&call)
}

/// `USER:root%secret`.
fn has_credential(action: &Action) -> bool {
    let user = match action {
        Action::Create(create) => create.user.as_ref(),
        Action::Cancel(cancel) => cancel.user.as_ref(),
        _ => None,
    };
    user.is_some_and(|user| user.contains('%'))
}
