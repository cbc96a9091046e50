//! One call, from its words to its exit code. Read it from top to bottom.

use crate::collect::{Collector, MacMap};
use crate::home::Home;
use crate::open::{self, Opening, What};
use crate::resolve::{Resolved, Resolver};
use crate::screen::Screen;
use crate::{info, report, select};
use ctys_engine::fanout::{self, Interrupt, Update};
use ctys_engine::job::{Report, Thinker, Work};
use ctys_engine::plugins::{Plugins, SearchPath, Setup};
use ctys_engine::privilege::Gate;
use ctys_engine::replay::Transcript;
use ctys_engine::ssh::{Environment, Ssh, Transport};
use ctys_engine::transport::Clocks;
use ctys_engine::world::{RealWorld, Shared};
use ctys_line::{CachePlace, CallLine, CallOptions, Job, Special, World};
use ctys_model::field::Known;
use ctys_model::problem::exit_code;
use ctys_model::{Action, Manifest, Phase, Problem, Request, Target, ToolCall, Verb};
use ctys_table::{Format, Presentation, Printer, Style};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many targets are worked on at the same time, unless `--window` says otherwise.
pub const WINDOW: u16 = 64;

/// How much longer than its total clock a target may take before it is given up: its own clocks should have ended it.
pub const GRACE: Duration = Duration::from_secs(3);

/// Does what the words say and returns the exit code.
pub fn run(words: Vec<OsString>) -> u8 {
    let environment = Environment::of_this_process();
    let home = Home::of_this_process(&environment.user, &environment.machine);
    let mut setup = Setup::new(SearchPath::of_this_process());
    setup.settings = home.variables.clone();
    let plugins = setup.discover();
    let manifests: Vec<Manifest> = plugins.found().iter().filter_map(|found| found.manifest.clone().ok()).collect();
    if words.is_empty() {
        return nothing_to_do();
    }
    let call = match parse(&words, &home, &manifests) {
        Ok(call) => call,
        Err(code) => return code,
    };
    let mut screen = Screen::new(call.call.quiet, call.call.color);
    if let Some(special) = &call.special {
        return do_special(special, &manifests, &mut screen);
    }
    for notice in &call.notices {
        screen.problem(notice);
    }
    if prints_final(&call) {
        screen.line(&ctys_line::explain(&call));
    }
    // A plan changes nothing and is there to be read.
    let detached = ctys_engine::detach::is_detached();
    if call.control.background && !call.call.plan && !detached {
        return detach(&words, &mut screen);
    }
    for notice in without_effect(&call) {
        screen.problem(&notice);
    }
    let (jobs, mut problems) = prepare(&call, &plugins, &home);
    problems.extend(missing_folders(&call.call));
    match open_world(&call.call, environment) {
        Ok(shared) => problems.extend(work(&call, jobs, Arc::new(shared), &plugins, &home, &mut screen)),
        Err(problem) => problems.push(problem),
    }
    for problem in &problems {
        screen.problem(problem);
    }
    let code = exit_code(&problems);
    if detached {
        // Nobody waits for this process; who reads its output wants to know.
        screen.line(&format!("ctys: ended with exit code {code}"));
    }
    code
}

/// `ctys` alone: what to type next.
fn nothing_to_do() -> u8 {
    let mut screen = Screen::new(false, None);
    screen.line("ctys: nothing to do");
    for (call, what) in [
        ("ctys -a list", "what runs on this machine"),
        ("ctys -a list HOST...", "what runs on others, by ssh"),
        ("ctys -a info HOST", "what could run there"),
        ("ctys -h", "everything else"),
    ] {
        screen.line(&format!("  {call:<22}{what}"));
    }
    Phase::Usage.exit_code()
}

/// Understands the words; the mistakes stand on the screen then.
pub fn parse(words: &[OsString], home: &Home, manifests: &[Manifest]) -> Result<CallLine, u8> {
    let variable = |name: &str| home.variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let usual = World::new(&home.caller.user, home);
    let world = World {
        manifests,
        shipped_macros: ctys_table::macros::SHIPPED,
        max_recursion: variable("CTYS_MAXRECURSE").and_then(|n| n.parse().ok()).unwrap_or(usual.max_recursion),
        default_type: variable("DEFAULT_C_SESSIONTYPE").unwrap_or(usual.default_type),
        default_list: variable("DEFAULT_C_MODE_ARGS_LIST").unwrap_or(usual.default_list),
        ..usual
    };
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    ctys_line::parse(&words, &world).map_err(|mistakes| {
        let mut screen = Screen::new(false, None);
        for mistake in &mistakes {
            screen.line(&format!("ctys: {mistake}"));
        }
        Phase::Usage.exit_code()
    })
}

fn do_special(special: &Special, manifests: &[Manifest], screen: &mut Screen) -> u8 {
    let topic = match special {
        Special::Help => "",
        Special::Manual(topic) => topic,
        Special::Version { terse: true } => {
            screen.data(env!("CARGO_PKG_VERSION"));
            return 0;
        }
        Special::Version { terse: false } => {
            screen.data(concat!("ctys ", env!("CARGO_PKG_VERSION"), "\n"));
            return 0;
        }
    };
    match ctys_line::help(topic, manifests) {
        Some(text) => {
            screen.data(&text);
            0
        }
        None => {
            let problem = Problem::new(Phase::Usage, format!("there is no help on \"{topic}\""));
            screen.problem(&problem.hint("ctys -h names the topics"));
            Phase::Usage.exit_code()
        }
    }
}

/// `-d PRINTFINAL|PFIN|PF`: the call as it is carried out, in its full classic form, on stderr (ctys.md 1.5).
fn prints_final(call: &CallLine) -> bool {
    let mut words = call.call.debug.as_deref().unwrap_or_default().split(',');
    let word = |word: &str| word.split(':').next().unwrap_or_default().to_ascii_uppercase();
    words.any(|given| ["PRINTFINAL", "PFIN", "PF"].contains(&word(given).as_str()))
}

/// What is understood and does nothing in this build: never silently.
fn without_effect(call: &CallLine) -> Vec<Problem> {
    let mut notices = Vec::new();
    let mut note = |said: bool, what: &str| {
        if said {
            notices.push(Problem::new(Phase::Notice, what));
        }
    };
    let options = || call.jobs.iter().map(|job| &job.options);
    let remote = options().any(|options| options.name_cache.place == CachePlace::Remote);
    note(remote, "-c REMOTE: nothing of ctys is on a target, so the host itself is asked");
    let data = options().any(|options| options.data_cache.iter().any(|(word, _)| word != "OFF"));
    note(data, "-C has no effect: this build has no data cache, every answer is live");
    let prefix = options().any(|options| options.prefix.is_some());
    note(prefix && call.presentation.is_some(), "-M stands before text, not in a table");
    notices
}

/// The database folders of `-p` must exist (ctys.md 1.5).
fn missing_folders(options: &CallOptions) -> Vec<Problem> {
    let missing = options.db_paths.iter().filter(|folder| !std::path::Path::new(folder).is_dir());
    missing
        .map(|folder| Problem::new(Phase::Here, format!("the database folder {folder} of -p does not exist")))
        .collect()
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// `-b async`: the same call again, in a session of its own, its output in a file.
fn detach(words: &[OsString], screen: &mut Screen) -> u8 {
    match ctys_engine::detach::again(words) {
        Ok(log) => {
            screen.line(&format!("ctys: goes on in the background, its output is in {}", log.display()));
            0
        }
        Err(why) => {
            screen.problem(&Problem::new(Phase::Here, format!("cannot go to the background: {why}")));
            Phase::Here.exit_code()
        }
    }
}

/// One job with everything it needs. A job without plugins only carries its problems.
pub struct Ready {
    /// The target and what is asked of it.
    pub job: Job,
    request: Request,
    thinkers: Vec<Arc<dyn Thinker>>,
    /// What the inventory added to the address: told when the host knows better.
    known: Option<Problem>,
}

impl Ready {
    /// The same job with a companion tool's call in the place of its action.
    pub fn call_tool(&mut self, call: &ToolCall) {
        self.job.action = Action::Tool(call.clone());
        self.request.action = Action::Tool(call.clone());
    }
}

/// The jobs of a call, with the plugins they go to and what went wrong with those.
pub fn prepare(call: &CallLine, plugins: &Plugins, home: &Home) -> (Vec<Ready>, Vec<Problem>) {
    let mut problems: Vec<Problem> = Vec::new();
    let mut jobs = Vec::new();
    let mut resolver = Resolver::new(home, &call.call.db_paths, now());
    for job in &call.jobs {
        let (mut thinkers, mut own) = select::thinkers(plugins, job, call.presentation.as_ref());
        let mut job = job.clone();
        let mut known = None;
        match resolver.resolve(&mut job) {
            Resolved::AsTyped => {}
            Resolved::Known(note) => known = Some(note),
            Resolved::Refused(problem) => {
                thinkers.clear();
                own.push(Problem { target: Some(job.target.to_string()), ..problem });
            }
        }
        for problem in own {
            // The same missing plugin is one problem, however many targets the call has.
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        jobs.push(Ready { request: select::request(&job, &home.caller), job, thinkers, known });
    }
    (jobs, problems)
}

/// What the jobs of a call share: ssh, the clocks, transcripts.
pub fn open_world(options: &CallOptions, mut environment: Environment) -> Result<Shared, Problem> {
    if let Some(file) = &options.ssh_config {
        environment.config = Some(file.into());
    }
    let default = Clocks::default();
    let forced = match options.transport.as_deref() {
        Some("ssh2") => Some(Transport::Ssh2),
        Some("openssh") => Some(Transport::OpenSsh),
        _ => None,
    };
    let here = |what: &str, file: &str, why: String| {
        Problem::new(Phase::Here, format!("the transcript {file} cannot be {what}: {why}"))
    };
    let replay = match &options.replay {
        None => None,
        Some(file) => {
            let text =
                ctys_engine::files::read_text(file.as_ref()).map_err(|error| here("read", file, error.to_string()))?;
            Some(Arc::new(Transcript::parse(&text).map_err(|why| here("read", file, why))?))
        }
    };
    let record = match &options.record {
        None => None,
        Some(file) => {
            let made = ctys_engine::files::create_private(file.as_ref());
            let made = made.map_err(|error| here("written", file, error.to_string()))?;
            Some(Arc::new(Mutex::new(made)) as Arc<Mutex<dyn std::io::Write + Send>>)
        }
    };
    Ok(Shared {
        ssh: Ssh::new(environment),
        clocks: Clocks {
            connect: options.connect_timeout.unwrap_or(default.connect),
            silence: options.silence_timeout.unwrap_or(default.silence),
            total: options.total_timeout.unwrap_or(default.total),
        },
        forced,
        interrupt: Interrupt::default(),
        replay,
        record,
        notes: Mutex::default(),
        logins: Default::default(),
    })
}

/// The fan-out: every job once, its answer printed as soon as its turn has come, its problems gathered.
fn work(
    call: &CallLine,
    jobs: Vec<Ready>,
    shared: Arc<Shared>,
    plugins: &Plugins,
    home: &Home,
    screen: &mut Screen,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let count = jobs.len();
    let targets: Vec<_> = jobs.iter().map(|ready| ready.job.target.clone()).collect();
    let window = if call.control.sequential { 1 } else { usize::from(call.call.window.unwrap_or(WINDOW)) };
    // A change ends when its plugin says so; a listing has its clock.
    let total = shared.clocks.total + GRACE;
    let patience = jobs.iter().map(|ready| (!ready.job.action.verb().changes()).then_some(total)).collect();
    let names: Vec<String> = plugins.found().iter().map(|found| found.name.clone()).collect();
    let settings = home.plugin_settings(&names, &call.call.db_paths);
    let mut output = Output::new(call, home);
    let doer = Arc::new(Doer::new(jobs, shared.clone(), settings, call.call.plan));
    let hands = doer.clone();
    let act = Arc::new(move |number: usize| hands.perform(number));
    fanout::run(window, patience, &shared.interrupt, true, act, |update| match update {
        Update::Done(number, report) => {
            if call.call.verbose > 0 {
                screen.problem(&way(&doer.shared, &targets[number], &report));
            }
            let (text, found) = output.report(number, &doer.jobs[number], report, plugins);
            screen.data(&text);
            problems.extend(found);
        }
        Update::GaveUp(number) => {
            let note = shared.notes.lock().ok().and_then(|notes| notes.get(&number).cloned()).unwrap_or_default();
            let why = format!("given up after {} s, while {note}", (shared.clocks.total + GRACE).as_secs());
            let problem = report::lost(&targets[number], Phase::Timeout, &why);
            screen.data(&output.nothing(number, &problem));
            problems.push(problem);
        }
        Update::Failed(number, why) => {
            let problem = report::lost(&targets[number], Phase::Here, &why);
            screen.data(&output.nothing(number, &problem));
            problems.push(problem);
        }
        Update::NotStarted(number) => {
            let problem = report::lost(&targets[number], Phase::Interrupted, "interrupted before it was started");
            screen.data(&output.nothing(number, &problem));
            problems.push(problem);
        }
        Update::Abandoned(number) => {
            let problem = report::lost(&targets[number], Phase::Interrupted, "interrupted while it was at work");
            screen.data(&output.nothing(number, &problem));
            problems.push(problem);
        }
        Update::Waiting(numbers) => {
            let out: Vec<String> = numbers.iter().map(|&number| targets[number].to_string()).collect();
            screen.line(&format!(
                "ctys: interrupted; nothing more is started, still out: {} (once more ends at once)",
                ctys_model::bytes::escape_for_eyes(&out.join(" "))
            ));
        }
        Update::Progress { ended, at_work } => {
            let waiting: Vec<String> = at_work.iter().take(8).map(|&n| targets[n].to_string()).collect();
            let note = match (&at_work[..], shared.notes.lock()) {
                ([one], Ok(notes)) => notes.get(one).cloned().unwrap_or_default(),
                _ => String::new(),
            };
            screen.progress(ended, count, &format!("{} {note}", waiting.join(" ")));
        }
    });
    let mut openings = std::mem::take(&mut output.openings);
    screen.data(&output.finish());
    // In the order of the call, whoever was ready first.
    openings.sort_by_key(|(number, ..)| *number);
    let openings =
        openings.into_iter().map(|(number, plugin, what)| Opening { job: &doer.jobs[number].job, plugin, what });
    let display = home.caller.display.as_deref();
    problems.extend(open::open(openings.collect(), &shared, &home.variables, display, call.call.plan, screen));
    problems
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

/// What the threads of the fan-out share.
pub struct Doer {
    jobs: Vec<Ready>,
    shared: Arc<Shared>,
    settings: HashMap<String, BTreeMap<String, String>>,
    gate: Gate,
    plan_only: bool,
}

impl Doer {
    /// For these jobs; `plan_only` when nothing is to be changed.
    pub fn new(
        jobs: Vec<Ready>,
        shared: Arc<Shared>,
        settings: HashMap<String, BTreeMap<String, String>>,
        plan_only: bool,
    ) -> Doer {
        Doer { jobs, shared, settings, gate: Gate::default(), plan_only }
    }

    /// Does one job, by its number.
    pub fn perform(&self, number: usize) -> Report {
        let ready = &self.jobs[number];
        if ready.thinkers.is_empty() {
            return Report::default();
        }
        let work = Work {
            request: ready.request.clone(),
            plugins: &ready.thinkers,
            settings: &self.settings,
            means: select::means(&ready.job),
            gate: &self.gate,
            plan_only: self.plan_only,
            total: self.shared.clocks.total,
        };
        ctys_engine::job::run(&work, &RealWorld { shared: self.shared.clone(), number })
    }
}

/// Where the answers go: a table for collectors, text for the others.
struct Output {
    table: Option<Collector>,
    texts: BTreeMap<usize, String>,
    next: usize,
    /// What is to be opened once all targets are through, with the job and the plugin that want it.
    openings: Vec<(usize, String, What)>,
}

impl Output {
    fn new(call: &CallLine, home: &Home) -> Output {
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
        Output { table, texts: BTreeMap::new(), next: 0, openings: Vec::new() }
    }

    /// What can be printed of this answer now, and its problems.
    fn report(&mut self, number: usize, ready: &Ready, report: Report, plugins: &Plugins) -> (String, Vec<Problem>) {
        let mut problems = report.problems.clone();
        problems.extend(report.findings.iter().flat_map(|(_, findings)| findings.problems.clone()));
        let failed = exit_code(&problems) != 0;
        problems.extend(ready.known.clone().filter(|_| failed));
        let consoles =
            report.consoles.iter().map(|(plugin, console)| (plugin, What::Console(Box::new(console.clone()))));
        let tunnels = report.tunnels.iter().map(|(plugin, tunnel)| (plugin, What::Tunnel(tunnel.clone())));
        self.openings.extend(consoles.chain(tunnels).map(|(plugin, what)| (number, plugin.clone(), what)));
        let collects = matches!(ready.job.action.verb(), Verb::List | Verb::Enumerate);
        if let (true, Some(table)) = (collects, &mut self.table) {
            let mut text = String::new();
            for problem in &problems {
                text.push_str(&table.problem(problem));
            }
            let records = report.findings.into_iter().flat_map(|(_, findings)| findings.records).collect();
            text.push_str(&table.block(number, records));
            return (text, problems);
        }
        let mut text = report::text(ready.job.options.prefix.as_deref(), &report);
        for (plugin, batch) in &report.planned {
            text.push_str(&report::plan(&ready.job.target, plugin, batch));
        }
        if ready.job.action.verb() == Verb::Info && report.host.is_some() {
            text.push_str(&info::plugins(plugins, &ready.job.types, &report));
            // The remarks of plugins stand there, as the reasons of their states.
            problems.retain(|problem| problem.phase != Phase::Notice || problem.plugin.is_none());
        }
        (self.in_order(number, text), problems)
    }

    /// A target without an answer.
    fn nothing(&mut self, number: usize, problem: &Problem) -> String {
        match &mut self.table {
            Some(table) => {
                let mut text = table.problem(problem);
                text.push_str(&table.block(number, Vec::new()));
                text
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

    fn finish(self) -> String {
        let left: String = self.texts.into_values().collect();
        left + &self.table.map(Collector::finish).unwrap_or_default()
    }
}

/// `-v`: how a target was reached, and why not by libssh2.
fn way(shared: &Shared, target: &Target, report: &Report) -> Problem {
    let why: Vec<String> = match report.carrier {
        Some("openssh") => {
            let why = shared.ssh.route(target).why;
            why.iter().map(|why| format!("{}: {}", why.directive, why.reason)).collect()
        }
        _ => Vec::new(),
    };
    let because = if why.is_empty() { String::new() } else { format!(", since {}", why.join("; ")) };
    let how = report.carrier.map_or("not reached".to_string(), |carrier| format!("reached by {carrier}{because}"));
    report::lost(target, Phase::Notice, &how)
}
