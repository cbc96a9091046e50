//! Where the answers of a call go: into its table, or as text in the order of its targets.

use crate::collect::{Collector, MacMap};
use crate::home::Home;
use crate::open::What;
use crate::run::Ready;
use crate::screen::Screen;
use crate::{doctor, info, report};
use ctys_engine::job::{Report, shown_name};
use ctys_engine::plugins::Plugins;
use ctys_engine::world::Shared;
use ctys_line::CallLine;
use ctys_model::field::Known;
use ctys_model::problem::exit_code;
use ctys_model::{Phase, Problem, Record, Verb};
use ctys_table::{Format, Presentation, Printer, Style};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the answers go: a table for collectors, text for the others.
pub struct Output {
    table: Option<Collector>,
    /// What SHOW and INFO say goes into the table: `--output`.
    says: bool,
    texts: BTreeMap<usize, String>,
    next: usize,
    /// The rows of the table so far.
    pub rows: usize,
    /// What is to be opened once all targets are through, with the job and the plugin that want it.
    pub openings: Vec<(usize, String, What)>,
    /// INFO as bare lines, `-X`: the caller's account, which is that of a target without one.
    terse_for: Option<String>,
    /// For a diagnosis, which says how a host would be reached.
    doctor: Option<Arc<Shared>>,
}

impl Output {
    /// For a call.
    pub fn new(call: &CallLine, home: &Home, shared: &Arc<Shared>) -> Output {
        let table = call.presentation.clone().map(|presentation| {
            let style = Style { width: Screen::width(), header: call.header, utf8: Screen::utf8(), ..Style::default() };
            let unordered =
                presentation.format == Format::Jsonl || (call.control.as_completed && !call.control.sequential);
            let address = presentation.address;
            // A map that is not there maps nothing; most users have none.
            let macmap = address.and_then(|_| std::fs::read_to_string(home.macmap_file(&call.call.db_paths)).ok());
            let macmap = macmap.map_or_else(MacMap::default, |text| MacMap::parse(&text));
            let net_names = shows_net_names(&presentation);
            Collector::new(Printer::new(presentation, style), unordered, address, macmap).with_net_names(net_names)
        });
        let says = call.presentation.as_ref().is_some_and(|look| look.fields.contains(&Known::Text));
        let doctor = call.call.doctor.then(|| shared.clone());
        let terse_for = call.call.terse.then(|| home.caller.user.clone());
        Output { table, says, texts: BTreeMap::new(), next: 0, rows: 0, openings: Vec::new(), terse_for, doctor }
    }

    /// What can be printed of this answer now, and its problems.
    pub fn report(
        &mut self,
        number: usize,
        ready: &Ready,
        report: Report,
        plugins: &Plugins,
    ) -> (String, Vec<Problem>) {
        let mut problems = report.problems.clone();
        problems.extend(report.findings.iter().flat_map(|(_, findings)| findings.problems.clone()));
        let failed = exit_code(&problems) != 0;
        problems.extend(ready.known.clone().filter(|_| failed));
        let consoles =
            report.consoles.iter().map(|(plugin, console)| (plugin, What::Console(Box::new(console.clone()))));
        let tunnels = report.tunnels.iter().map(|(plugin, tunnel)| (plugin, What::Tunnel(tunnel.clone())));
        self.openings.extend(consoles.chain(tunnels).map(|(plugin, what)| (number, plugin.clone(), what)));
        let collects = matches!(ready.job.action.verb(), Verb::List | Verb::Enumerate);
        if let (true, Some(_)) = (collects, &self.table) {
            let records = report.findings.into_iter().flat_map(|(_, findings)| findings.records).collect();
            return (self.rows(number, &problems, records), problems);
        }
        if self.says && self.table.is_some() {
            let records = self.said(ready, &report, plugins);
            let text = self.rows(number, &problems, records);
            // A remark of a plugin stands there, among the records as the reason of its state.
            problems.retain(|problem| problem.phase != Phase::Notice || problem.plugin.is_none());
            return (text, problems);
        }
        if let Some(shared) = &self.doctor {
            let text = doctor::text(&ready.job, &report, None, &shared.ssh, plugins);
            // What stands in the diagnosis with its reason is not told a second time.
            problems.retain(|problem| problem.phase != Phase::Notice);
            return (self.in_order(number, text), problems);
        }
        let mut text = report::text(ready.job.options.prefix.as_deref(), &report);
        for (plugin, batch) in &report.planned {
            text.push_str(&report::plan(&ready.job.target, plugin, batch));
        }
        if let (Verb::Info, Some(host)) = (ready.job.action.verb(), &report.host) {
            let types = &ready.job.types;
            match &self.terse_for {
                Some(own) => {
                    let account = ready.job.target.user.as_ref().unwrap_or(own);
                    let rows = info::rows(plugins, types, &report, account, &host.node);
                    text = rows.iter().map(info::Row::terse).collect();
                }
                None => text.push_str(&info::plugins(plugins, types, &report)),
            }
            // The remarks of plugins stand there, as the reasons of their states.
            problems.retain(|problem| problem.phase != Phase::Notice || problem.plugin.is_none());
        }
        (self.in_order(number, text), problems)
    }

    fn rows(&mut self, number: usize, problems: &[Problem], records: Vec<Record>) -> String {
        let Some(table) = &mut self.table else { return String::new() };
        self.rows += records.len();
        let mut text: String = problems.iter().map(|problem| table.problem(problem)).collect();
        text.push_str(&table.block(number, records));
        // What other targets say as text waits for its turn.
        text + &self.in_order(number, String::new())
    }

    /// What SHOW and INFO say of a target, a record for each line: `--output`.
    fn said(&self, ready: &Ready, report: &Report, plugins: &Plugins) -> Vec<Record> {
        let target = &ready.job.target;
        let name = report.host.as_ref().map_or(target.host.clone(), |host| shown_name(target, &host.node));
        let record = |by: &str, line: &str| {
            let record = Record::new(&by.to_ascii_uppercase()).with(Known::Pm, name.clone());
            record.with(Known::Text, line.trim_end())
        };
        if let Some(shared) = &self.doctor {
            let text = doctor::text(&ready.job, report, None, &shared.ssh, plugins);
            return text.lines().map(|line| record(doctor::NAME, line)).collect();
        }
        let mut all: Vec<Record> = report::in_order(report)
            .flat_map(|(plugin, findings)| findings.text.iter().map(move |line| (plugin, line)))
            // The line that parts a machine from the one before, on a screen.
            .filter(|(_, line)| !line.starts_with("##"))
            .map(|(plugin, line)| record(plugin, line))
            .collect();
        if ready.job.action.verb() == Verb::Info && report.host.is_some() {
            all.extend(info::plugins(plugins, &ready.job.types, report).lines().map(|line| record("ctys", line)));
        }
        all
    }

    /// A target without an answer.
    pub fn nothing(&mut self, number: usize, ready: &Ready, problem: &Problem, plugins: &Plugins) -> String {
        if let Some(shared) = &self.doctor {
            let text = doctor::text(&ready.job, &Report::default(), Some(problem), &shared.ssh, plugins);
            return self.in_order(number, text);
        }
        match &mut self.table {
            Some(table) => {
                let mut text = table.problem(problem);
                text.push_str(&table.block(number, Vec::new()));
                text + &self.in_order(number, String::new())
            }
            None => self.in_order(number, String::new()),
        }
    }

    fn in_order(&mut self, number: usize, text: String) -> String {
        self.texts.insert(number, text);
        let mut ready = String::new();
        while let Some(text) = self.texts.remove(&self.next) {
            ready.push_str(&text);
            self.next += 1;
        }
        ready
    }

    /// What is left when all targets are through.
    pub fn finish(self) -> String {
        let left: String = self.texts.into_values().collect();
        left + &self.table.map(Collector::finish).unwrap_or_default()
    }
}

/// Whether an answer has the field with the names of addresses, which the caller's resolver knows.
fn shows_net_names(presentation: &Presentation) -> bool {
    let named = |index: u8| presentation.numbering.field(index) == Some(Known::NetName);
    match &presentation.format {
        Format::TabGen(columns) | Format::Spec(columns) | Format::Rec(columns) | Format::Xml(columns) => {
            columns.iter().any(|column| named(column.index))
        }
        _ => presentation.fields.contains(&Known::NetName),
    }
}
