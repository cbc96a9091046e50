//! ctys-vdbgen: fills the inventory by one ENUMERATE over all targets (ctys.md section 7).

use super::gather::{Answer, Asked};
use super::options::opt;
use super::{Call, Tool, usage};
use ctys_engine::names::{Names, Question};
use ctys_inventory::line;
use ctys_inventory::merge::{self, Mode};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::field::Known;
use ctys_model::problem::exit_code;
use ctys_model::{Phase, Problem, Value};
use std::net::IpAddr;
use std::time::Duration;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-vdbgen",
    about: "fills the inventory: what is configured on the targets, by one ENUMERATE over all of them",
    usage: "-- TARGET...",
    options: &[
        opt(' ', "append", "", "keep the records of other targets"),
        opt(' ', "replace", "", "forget the records of targets that are not named; silent ones keep theirs"),
        opt(' ', "stdio", "", "print the records and write nothing"),
        opt(' ', "base", "DIR[%DIR...]", "where to look on the targets"),
        opt(' ', "cacheDB", "DIR", "the folder of the inventory"),
        opt(' ', "scan-all-states", "", "machines in every state, backups and templates, too"),
        opt(' ', "threads", "N", "targets worked on at the same time"),
        opt(' ', "progress", "", "say when a target has answered"),
        opt(' ', "progressall", "", "the same, with every problem at once"),
        opt(' ', "filecontext", "", "accepted: targets may be groups and sets"),
        opt(' ', "splitted", "", "accepted: nothing is split"),
        opt(' ', "no-splitted", "", "accepted: nothing is split"),
        opt(' ', "splitted-keep-files", "", "accepted: nothing is split"),
        opt('t', "type", "TYPE", "the session type, or ALL (default)"),
        opt('T', "load", "TYPE,...", "the plugins to load"),
        opt('b', "job-control", "WORD[,WORD]", "as by ctys"),
        opt('c', "name-cache", "WORD", "accepted: the targets themselves are asked"),
        opt('C', "data-cache", "WORD", "accepted: the targets themselves are asked"),
        opt('l', "login", "USER", "the account on targets that name none"),
        opt('Z', "privilege", "WAY,...", "as by ctys"),
        opt('p', "db", "DIR", "the folder of the inventory"),
        opt('P', "default-db", "", "the default folder of the inventory"),
        opt(' ', "transport", "auto|ssh2|openssh", "as by ctys"),
        opt(' ', "ssh-config", "FILE", "as by ctys"),
        opt(' ', "connect-timeout", "TIME", "as by ctys"),
        opt(' ', "silence-timeout", "TIME", "as by ctys"),
        opt(' ', "total-timeout", "TIME", "as by ctys"),
        opt(' ', "replay", "FILE", "as by ctys"),
        opt(' ', "record", "FILE", "as by ctys"),
    ],
    run,
};

/// How long the resolver is waited for once all targets have answered.
const NAME_PATIENCE: Duration = Duration::from_secs(2);

/// Options that go to the call as they are.
const PASSED_ON: [&str; 12] = [
    "load",
    "job-control",
    "login",
    "privilege",
    "transport",
    "ssh-config",
    "connect-timeout",
    "silence-timeout",
    "total-timeout",
    "replay",
    "record",
    "type",
];

fn run(call: &mut Call) -> Result<u8, Problem> {
    let given = &call.given;
    if given.arguments.is_empty() {
        return Err(usage("there is no target").hint("ctys-vdbgen --append -- HOST..."));
    }
    let modes = ["append", "replace", "stdio"].into_iter().filter(|word| given.has(word)).collect::<Vec<_>>();
    if modes.len() > 1 {
        return Err(usage(format!("--{} and --{} exclude each other", modes[0], modes[1])));
    }
    given.count("threads", 1).map_err(usage)?;
    let stdio = given.has("stdio");
    let mode = if given.has("append") { Mode::Append } else { Mode::Replace };
    let folder = given.last("cacheDB").or_else(|| given.last("db")).map(str::to_string);
    let store = call.store_to_write(folder.as_deref())?;
    if modes.is_empty() && store.has_records() {
        let file = super::database::shown(&store.path(ctys_engine::store::ENUM));
        return Err(usage(format!("{file} is there already")).hint("--append adds to it, --replace makes it new"));
    }
    let asked = Asked::understand(&words(call), &call.home).map_err(|code| {
        let phase = if code == 1 { Phase::Usage } else { Phase::Here };
        let problem = Problem::new(phase, "the targets could not be asked");
        // The mistakes stand on the screen; with other options the targets may be right.
        let manifests = super::manifests(&call.home);
        let world = crate::run::world(&call.home, &call.home, &manifests);
        match ctys_line::members(&call.given.arguments, &call.for_sets(), &world) {
            Ok(_) => problem,
            Err(_) => problem.hint("ctys help targets tells how targets are written"),
        }
    })?;
    let mut problems = asked.problems.clone();
    problems.iter().for_each(|problem| call.screen.problem(problem));
    let scope = scope(call);
    let mut answers: Vec<merge::Answer> = Vec::new();
    let environment = call.environment.clone();
    let (progress, at_once) =
        (call.given.has("progress") || call.given.has("progressall"), call.given.has("progressall"));
    let screen = &mut call.screen;
    let names = Names::default();
    let mut remarked = false;
    asked.ask(environment, &call.home, |answer, come, count| {
        let found = answer.problems();
        let merged = merged(&answer, &found, &scope);
        merged.lines.iter().filter_map(|line| address(line)).for_each(|address| names.ask(Question::NameOf(address)));
        if progress {
            let target = escape_for_eyes(&merged.target).into_owned();
            let state =
                merged.failed.as_ref().map_or(String::new(), |why| format!(", not complete: {}", escape_for_eyes(why)));
            screen.line(&format!("ctys-vdbgen: {come}/{count} {target}: {} records{state}", merged.lines.len()));
        } else {
            screen.progress(come, count, &merged.target);
        }
        if at_once || !progress {
            found.iter().for_each(|problem| screen.problem(problem));
        }
        // Who told nothing may say why.
        if merged.lines.is_empty() {
            let remarks = answer.remarks();
            remarks.iter().for_each(|remark| screen.problem(remark));
            remarked |= !remarks.is_empty();
        }
        problems.extend(found);
        answers.push(merged);
    })?;
    if problems.is_empty() && !remarked && answers.iter().all(|answer| answer.lines.is_empty()) {
        let nothing = crate::report::nothing_configured();
        call.screen.problem(&Problem { hints: vec!["--base DIR%DIR searches other folders".into()], ..nothing });
    }
    names.wait(NAME_PATIENCE);
    let lines = answers.iter_mut().flat_map(|answer| &mut answer.lines);
    lines.for_each(|line| name(line, &names));
    // In one order, whoever was faster.
    answers.sort_by(|a, b| a.target.cmp(&b.target));
    if stdio {
        let mut lines: Vec<&String> = answers.iter().flat_map(|answer| &answer.lines).collect();
        lines.sort();
        lines.dedup();
        call.screen.data(&lines.into_iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>());
        return Ok(exit_code(&problems));
    }
    let written = store.merge(&answers, mode)?;
    let failed = answers.iter().filter(|answer| answer.failed.is_some()).count();
    let file = super::database::shown(&store.path(ctys_engine::store::ENUM));
    let silent =
        if failed > 0 { format!(", {failed} of {} targets not complete", answers.len()) } else { String::new() };
    if progress {
        call.screen.line(&format!(
            "ctys-vdbgen: {file}: {} records, {} new, {} kept from before, {} gone{silent}",
            written.records, written.new, written.kept, written.gone
        ));
    }
    Ok(exit_code(&problems))
}

/// The address of a record without a name for it.
fn address(line: &str) -> Option<IpAddr> {
    let mut fields = line.split(';').skip(6);
    let tcp = fields.next()?.parse().ok()?;
    fields.nth(20).filter(|name| name.is_empty()).map(|_| tcp)
}

/// Puts the name of the address into its field, the 28th (ctys-original.md 9.57).
fn name(line: &mut String, names: &Names) {
    if let Some(name) = address(line).and_then(|address| names.answer(&Question::NameOf(address))) {
        let name = ctys_model::bytes::escape(name.as_bytes()).replace(';', "\\x3b");
        let mut fields: Vec<&str> = line.split(';').collect();
        fields[27] = &name;
        *line = fields.join(";");
    }
}

/// The words of the call of ctys.
fn words(call: &Call) -> Vec<std::ffi::OsString> {
    let given = &call.given;
    let mut action = String::from("enumerate=machine");
    if let Some(base) = given.last("base") {
        action.push_str(&format!(",b:{}", base.replace(',', ",,")));
    }
    if given.has("scan-all-states") {
        action.push_str(",matchvstat:all");
    }
    let mut words: Vec<String> = vec!["-a".into(), action, "-c".into(), "off".into()];
    for name in PASSED_ON {
        // ALL is what ENUMERATE takes without a type.
        if let Some(value) = given.last(name).filter(|value| name != "type" || !value.eq_ignore_ascii_case("ALL")) {
            words.push(format!("--{name}={value}"));
        }
    }
    if let Some(threads) = given.last("threads") {
        words.push(format!("--window={threads}"));
    }
    words.push("--".into());
    words.extend(given.arguments.iter().cloned());
    words.into_iter().map(Into::into).collect()
}

/// What is asked of every target: two answers to the same question replace each other.
fn scope(call: &Call) -> String {
    let types = call.given.last("type").or_else(|| call.given.last("load")).unwrap_or("ALL").to_ascii_uppercase();
    let states = if call.given.has("scan-all-states") { " all states" } else { "" };
    match call.given.last("base") {
        Some(base) => format!("{types} below {base}{states}"),
        None => format!("{types}{states}"),
    }
}

fn merged(answer: &Answer, problems: &[Problem], scope: &str) -> merge::Answer {
    let target = answer.target.to_string();
    let records = answer.report.findings.iter().flat_map(|(_, findings)| &findings.records);
    let lines = records.map(|record| {
        // A record says where its machine runs; where a plugin leaves it out, the target does.
        match record.get(Known::Pm).present() {
            Some(_) => line::write(record),
            None => line::write(&record.clone().with(Known::Pm, Value::text(answer.target.host.clone()))),
        }
    });
    let failed = problems.first().map(|problem| format!("{}: {}", problem.phase, problem.message));
    merge::Answer { target, scope: scope.to_string(), at: Call::now(), lines: lines.collect(), failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_address_comes_into_the_28th_field() {
        let line = |tcp: &str, net: &str| format!("pm;XEN;a;/x;;;{tcp}{}{net}{}", ";".repeat(21), ";".repeat(19));
        let names = Names::default();
        names.ask(Question::NameOf("127.0.0.1".parse().unwrap()));
        assert!(names.wait(Duration::from_secs(60)));
        let check = |tcp: &str, net: &str, want: &str| {
            let mut one = line(tcp, net);
            name(&mut one, &names);
            assert_eq!(one, line(tcp, want), "{tcp} {net}");
            assert_eq!(ctys_inventory::Line::parse(one.as_bytes()).unwrap().text(Known::NetName), want);
        };
        check("127.0.0.1", "", "localhost.");
        check("127.0.0.1", "own.", "own.");
        check("", "", "");
        check("tst100", "", "");
    }
}
