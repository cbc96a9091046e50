//! What stands between the user and a change: `--read-only`, the question before many targets, and the line that every
//! change leaves.

use crate::home::Home;
use crate::screen::Screen;
use ctys_engine::audit::Audit;
use ctys_engine::job::Report;
use ctys_line::{CallLine, Job};
use ctys_model::action::{CancelMethod, CreateMode};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::problem::exit_code;
use ctys_model::{Action, MachineAddress, Phase, Problem, Target};
use std::io::IsTerminal;

/// How many targets are changed without a question, unless `CTYS_CONFIRM` says otherwise.
const CONFIRM: usize = 4;

/// How much of a reason stands in the line of a change.
const REASON: usize = 200;

/// Whether nothing may be changed, and by whose word.
pub fn read_only(home: &Home, option: bool) -> Option<&'static str> {
    let set =
        home.variables.get("CTYS_READ_ONLY").is_some_and(|value| !["", "0", "no", "off"].contains(&value.as_str()));
    match (option, set) {
        (true, _) => Some("--read-only allows no change"),
        (false, true) => Some("CTYS_READ_ONLY allows no change"),
        (false, false) => None,
    }
}

/// The changes of a call that may not be made, each target with its reason.
pub fn refused(call: &CallLine, home: &Home) -> Vec<Problem> {
    let Some(why) = read_only(home, call.call.read_only).filter(|_| !call.call.plan) else { return Vec::new() };
    let changing = call.jobs.iter().filter(|job| job.action.verb().changes());
    changing
        .map(|job| {
            let message = format!("nothing was done: {why}, and {} may be one", job.action.verb());
            let problem = Problem::new(Phase::Refused, message).hint("--plan shows what would be done");
            Problem { target: Some(job.target.to_string()), ..problem }
        })
        .collect()
}

/// Asks before many targets are changed; the error says that they are not.
pub fn confirm(call: &CallLine, home: &Home) -> Result<(), Problem> {
    let limit = match home.variables.get("CTYS_CONFIRM").map(String::as_str).filter(|text| !text.is_empty()) {
        None => CONFIRM,
        Some(text) => text.parse().map_err(|_| Problem::new(Phase::Usage, "CTYS_CONFIRM is no number of targets"))?,
    };
    let changing: Vec<&Job> = call.jobs.iter().filter(|job| job.action.verb().changes()).collect();
    let count = changing.len();
    if count <= limit || call.call.plan || call.call.yes {
        return Ok(());
    }
    let names: Vec<String> = changing.iter().map(|job| job.target.to_string()).collect();
    let what = format!("this call may change {count} targets: {}", escape_for_eyes(&names.join(" ")));
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        let mut screen = Screen::new(true, None);
        screen.line(&format!("ctys: {what}"));
        screen.line("Type their number to go on, anything else to leave them as they are:");
        let mut typed = String::new();
        let _ = std::io::stdin().read_line(&mut typed);
        if typed.trim() == count.to_string() {
            return Ok(());
        }
        return Err(Problem::new(Phase::Refused, "nothing was done: the number was not typed"));
    }
    Err(Problem::new(Phase::Refused, format!("nothing was done: {what}"))
        .hint("--yes says that they are meant; CTYS_CONFIRM sets how many need it")
        .hint("--plan shows what would be done"))
}

/// Writes a line for each change. That one could not be written is told once.
pub struct Auditor {
    audit: Result<Audit, String>,
    who: String,
    told: bool,
}

impl Auditor {
    /// For calls of this account on this machine.
    pub fn of(home: &Home) -> Auditor {
        let setting = home.variables.get("CTYS_AUDIT").map(String::as_str);
        let audit = Audit::of(setting).map_err(|why| match setting {
            Some(_) => format!("CTYS_AUDIT: {why}"),
            None => why,
        });
        let who = format!("user={} from={}", value(&home.caller.user), value(&home.caller.host));
        Auditor { audit, who, told: false }
    }

    /// What one job did, when it began to change something.
    pub fn report(&mut self, job: &Job, report: &Report, screen: &mut Screen) {
        if !report.begun {
            return;
        }
        let own = report.findings.iter().flat_map(|(_, findings)| &findings.problems);
        let problems: Vec<&Problem> = report.problems.iter().chain(own).collect();
        let changed = report.findings.iter().any(|(_, findings)| findings.changed);
        let bad = problems.iter().filter(|problem| problem.phase != Phase::Notice);
        let worst = bad.max_by_key(|problem| problem.phase.weight());
        let result = match worst {
            Some(problem) => failed(problem),
            // Whoever opens something next says nothing about a change of its own.
            None if changed || !report.consoles.is_empty() => "result=done".to_string(),
            None => "result=unchanged".to_string(),
        };
        self.write(&job.target, &job.types.join(","), &what(&job.action), &result, screen);
    }

    /// A job that changes something and was lost while it was at work.
    pub fn lost(&mut self, job: &Job, problem: &Problem, screen: &mut Screen) {
        if job.action.verb().changes() {
            let result = format!("result=unknown {}", reason(problem));
            self.write(&job.target, &job.types.join(","), &what(&job.action), &result, screen);
        }
    }

    /// A change by a companion tool: its name and its first two words say what.
    pub fn tool(&mut self, tool: &str, words: &[String], begun: bool, code: u8, screen: &mut Screen) {
        if begun {
            let plain = words.iter().take(2).take_while(|word| !word.starts_with('-'));
            let words: Vec<&str> = std::iter::once(tool).chain(plain.map(String::as_str)).collect();
            let target = Target { host: "localhost".into(), local: true, ..Target::default() };
            let result = if code == 0 { "result=done".into() } else { format!("result=failed code={code}") };
            self.write(&target, "", &format!("tool={}", value(&words.join(" "))), &result, screen);
        }
    }

    fn write(&mut self, target: &Target, kind: &str, what: &str, result: &str, screen: &mut Screen) {
        let time = ctys_table::rfc3339(crate::run::now()).unwrap_or_default();
        let kind = if kind.is_empty() { String::new() } else { format!(" type={}", value(kind)) };
        let line = format!("{time} {} target={}{kind} {what} {result}", self.who, value(&target.to_string()));
        let written = match &self.audit {
            Ok(audit) => audit.write(&line),
            Err(why) => Err(why.clone()),
        };
        if let (Err(why), false) = (written, self.told) {
            self.told = true;
            screen.line(&format!("ctys: the change was not written down: {}", escape_for_eyes(&why)));
        }
    }
}

fn failed(problem: &Problem) -> String {
    let code = exit_code([problem]);
    format!("result=failed code={code} {}", reason(problem))
}

fn reason(problem: &Problem) -> String {
    let short: String = problem.message.chars().take(REASON).collect();
    format!("phase={} why={}", value(problem.phase.word()), value(&short))
}

/// Which machine, and how: never an account with its credential, an argument or a command.
fn what(action: &Action) -> String {
    let verb = action.verb();
    let mut words = vec![format!("action={verb}")];
    if let Some(address) = action.address().filter(|address| !address.is_empty()) {
        words.push(format!("machine={}", value(&machine(address))));
    }
    match action {
        Action::Create(create) => words.extend(create.mode.as_ref().map(|mode| {
            let word = match mode {
                CreateMode::Connect => "CONNECT",
                CreateMode::Reuse => "REUSE",
                CreateMode::Reconnect => "RECONNECT",
                CreateMode::Resume(_) => "RESUME",
            };
            format!("how={word}")
        })),
        Action::Cancel(cancel) => {
            words.extend(cancel.all.then(|| "machine=ALL".to_string()));
            let method = cancel.method.map(|method| match method {
                CancelMethod::Reset => "RESET".to_string(),
                CancelMethod::Reboot => "REBOOT".to_string(),
                CancelMethod::Init(level) => format!("INIT:{level}"),
                CancelMethod::Pause => "PAUSE".to_string(),
                CancelMethod::Suspend => "SUSPEND".to_string(),
                CancelMethod::PowerOff(_) => "POWEROFF".to_string(),
            });
            words.extend(method.map(|method| format!("how={method}")));
            let marks = [(cancel.force, "FORCE"), (cancel.with_self, "SELF"), (cancel.unprotect, "UNPROTECT")];
            words.extend(marks.iter().filter(|(on, _)| *on).map(|(_, word)| format!("with={word}")));
        }
        _ => {}
    }
    words.join(" ")
}

/// `l:tst100,p:/etc/xen/tst100.cfg`.
fn machine(address: &MachineAddress) -> String {
    let MachineAddress { id, file_name, label, uuid, mac, tcp, base: _, db_record: _ } = address;
    let parts = [("l", label), ("u", uuid), ("m", mac), ("t", tcp), ("p", id), ("f", file_name)];
    let parts = parts.iter().filter_map(|(key, part)| Some(format!("{key}:{}", part.as_ref()?)));
    parts.collect::<Vec<_>>().join(",")
}

/// A value as one word, harmless.
fn value(text: &str) -> String {
    let text = escape_for_eyes(text);
    let plain = |c: char| c.is_alphanumeric() || "-_.:,/@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_model::{Cancel, Create};

    #[test]
    fn a_line_says_what_and_no_secret() {
        let address = MachineAddress { label: Some("a b\"\u{1b}".into()), ..MachineAddress::default() };
        let create = Create {
            address: address.clone(),
            user: Some("root%secret".into()),
            cmd: vec!["secret".into()],
            call_opts: vec!["secret".into()],
            ..Create::default()
        };
        let line = what(&Action::Create(Box::new(create)));
        assert_eq!(line, "action=CREATE machine=\"l:a b\\\"\\\\x1b\"");
        let cancel = Cancel { address, unprotect: true, method: Some(CancelMethod::Reset), ..Cancel::default() };
        let line = what(&Action::Cancel(Box::new(cancel)));
        assert!(line.ends_with(" how=RESET with=UNPROTECT"), "{line}");
    }
}
