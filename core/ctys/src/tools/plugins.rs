//! ctys-plugins: which plugins are there, and what they can do here and on targets (ctys.md section 7, 5).

use super::gather::Asked;
use super::options::opt;
use super::{Call, Tool};
use crate::info::{self, Row};
use ctys_engine::job::Report;
use ctys_engine::plugins::Plugins;
use ctys_model::Problem;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::problem::exit_code;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-plugins",
    about: "the plugins and their states, here or on targets",
    usage: "[TARGET...]",
    options: &[
        opt('E', "execution", "", "as the target sees it: this machine is asked, too"),
        opt('t', "type", "TYPE", "the session type that counts as asked for"),
        opt('T', "load", "TYPE,...", "accepted: every plugin is looked at"),
        opt(' ', "quick-list", "", "one line per plugin: Hostname Plugin Accelerator Version MAGIC-ID State"),
        opt(' ', "quick-tab", "", "one line per host: which plugins are usable there"),
        opt('l', "login", "USER", "the account on targets that name none"),
        opt('Z', "privilege", "WAY,...", "as by ctys"),
    ],
    run,
};

fn run(call: &mut Call) -> Result<u8, Problem> {
    let mut targets = call.given.arguments.clone();
    let asks = !targets.is_empty() || call.given.has("execution");
    if targets.is_empty() {
        targets.push("localhost".into());
    }
    let mut words: Vec<String> = vec!["-a".into(), "info".into()];
    for name in ["login", "privilege", "type"] {
        if let Some(value) = call.given.last(name).filter(|value| !value.eq_ignore_ascii_case("ALL")) {
            words.push(format!("--{name}={value}"));
        }
    }
    words.push("--".into());
    words.extend(targets);
    let words: Vec<_> = words.into_iter().map(Into::into).collect();
    let asked = Asked::understand(&words, &call.home).map_err(|_| super::usage("the targets could not be asked"))?;
    let types: Vec<String> = asked.call.jobs.first().map(|job| job.types.clone()).unwrap_or_default();
    let account = call.environment.user.clone();
    let mut problems = asked.problems.clone();
    let mut rows = Vec::new();
    if !asks {
        let machine = call.environment.machine.clone();
        rows.extend(info::rows(&asked.plugins, &types, &Report::default(), &account, &machine));
    } else {
        let mut reports = Vec::new();
        let plugins = Plugins::discover(ctys_engine::plugins::SearchPath::of_this_process());
        // The call opens its own; what could not be opened here is a state.
        let _ = plugins.for_types(&types);
        let environment = call.environment.clone();
        asked.ask(environment, &call.home, |answer, _, _| {
            // What a plugin says of itself stands in its row.
            problems.extend(answer.problems().into_iter().filter(|problem| problem.plugin.is_none()));
            reports.push(answer);
        })?;
        reports.sort_by_key(|answer| answer.target.to_string());
        for answer in &reports {
            let user = answer.target.user.clone().unwrap_or_else(|| account.clone());
            let host = answer.report.host.as_ref().map_or(answer.target.host.clone(), |host| host.node.clone());
            if answer.report.host.is_some() {
                rows.extend(info::rows(&plugins, &types, &answer.report, &user, &host));
            }
        }
    }
    for problem in &problems {
        call.screen.problem(problem);
    }
    let text = if call.given.has("terse") {
        rows.iter().map(Row::terse).collect()
    } else if call.given.has("quick-tab") {
        tab(&rows)
    } else {
        list(&rows)
    };
    call.screen.data(&text);
    Ok(exit_code(&problems))
}

fn list(rows: &[Row]) -> String {
    let heads = ["Hostname", "Plugin", "Accelerator", "Version", "MAGIC-ID", "State"].map(str::to_string);
    let cells = rows.iter().map(|row| {
        [
            row.host.clone(),
            row.plugin.clone(),
            String::new(),
            row.version.clone(),
            row.magic().into(),
            row.state.word().into(),
        ]
    });
    let all: Vec<[String; 6]> = std::iter::once(heads).chain(cells).collect();
    let width = |n: usize| all.iter().map(|row| row[n].chars().count()).max().unwrap_or(0);
    let line = |row: &[String; 6]| {
        let cells: Vec<String> =
            row.iter().enumerate().map(|(n, cell)| format!("{:<1$}", escape_for_eyes(cell), width(n))).collect();
        format!("{}\n", cells.join(" ").trim_end())
    };
    all.iter().map(line).collect()
}

fn tab(rows: &[Row]) -> String {
    let mut hosts: Vec<&str> = rows.iter().map(|row| row.host.as_str()).collect();
    hosts.dedup();
    let mut plugins: Vec<&str> = rows.iter().map(|row| row.plugin.as_str()).collect();
    plugins.sort();
    plugins.dedup();
    let width = hosts.iter().map(|host| host.chars().count()).max().unwrap_or(0).max("Hostname".len());
    let mut text = format!("{:<width$} | {}\n", "Hostname", plugins.join(" "));
    for host in hosts {
        let mark = |plugin: &&str| {
            let usable =
                rows.iter().any(|row| row.host == host && row.plugin == **plugin && row.state.reason().is_none());
            format!("{:<1$}", if usable { "x" } else { "-" }, plugin.len())
        };
        let marks: Vec<String> = plugins.iter().map(mark).collect();
        text.push_str(&format!("{:<width$} | {}\n", escape_for_eyes(host), marks.join(" ")));
    }
    text
}
