//! One call, from its words to its exit code. Read it from top to bottom.

use crate::doctor;
use crate::find::Finder;
use crate::guard::{self, Auditor};
use crate::home::Home;
use crate::open::{self, Opening};
use crate::output::Output;
use crate::resolve::{Resolved, Resolver};
use crate::screen::Screen;
use crate::stacks::{self, Stacks};
use crate::{plan_file, remarks, report, select, tools};
use ctys_engine::fanout::{self, Interrupt, Update};
use ctys_engine::job::{Changes, Report, Thinker, Work};
use ctys_engine::plugins::{Plugins, SearchPath, Setup};
use ctys_engine::privilege::Gate;
use ctys_engine::questions::LastAsked;
use ctys_engine::replay::Transcript;
use ctys_engine::ssh::{Environment, Ssh, Transport};
use ctys_engine::transport::Clocks;
use ctys_engine::world::{RealWorld, Shared};
use ctys_line::{CallLine, CallOptions, Job, Mistake, Shelf, Special, World};
use ctys_model::problem::exit_code;
use ctys_model::{Action, Caller, Manifest, Phase, Problem, Target, ToolCall, Verb};
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
    // Asked by scripts, and by nothing but the program itself to be answered: no plugin is looked for.
    if let [only] = &words[..]
        && (only == "--version" || only == "-V")
    {
        return version(false, &mut Screen::new(false, None));
    }
    let environment = Environment::of_this_process();
    let home = Home::of_this_process(&environment.user, &environment.machine);
    let mut setup = Setup::new(SearchPath::of_this_process());
    setup.settings = home.variables.clone();
    let plugins = setup.discover();
    let manifests: Vec<Manifest> = plugins.found().iter().filter_map(|found| found.manifest.clone().ok()).collect();
    if words.is_empty() {
        return nothing_to_do();
    }
    let finder = Finder { home: &home, environment: &environment, now: now() };
    let mut call = match parse(&words, &home, &finder, &manifests) {
        Ok(call) => call,
        Err(code) => return code,
    };
    let mut screen = Screen::new(call.call.quiet, call.call.color);
    if call.call.explain {
        screen.data(&format!("{}\n", ctys_line::explain(&call)));
        return 0;
    }
    let mut plan = None;
    match &call.special {
        Some(Special::Apply(file)) => match applied(file, &call.call, &home, &manifests, &mut screen) {
            Ok((read, planned)) => (plan, call) = (Some(read), planned),
            Err(code) => return code,
        },
        Some(special) => return do_special(special, &manifests, &mut screen),
        None => {}
    }
    if let Err(problem) = diagnosable(&call) {
        screen.problem(&problem);
        return problem.phase.exit_code();
    }
    for notice in &call.notices {
        screen.problem(notice);
    }
    if prints_final(&call) {
        screen.line(&ctys_line::explain(&call));
    }
    let refused = [guard::refused(&call, &home), missing_folders(&call.call)].concat();
    if !refused.is_empty() {
        refused.iter().for_each(|problem| screen.problem(problem));
        return exit_code(&refused);
    }
    let detached = ctys_engine::detach::is_detached();
    // Who goes to the background was asked before.
    if let (Err(problem), false) = (guard::confirm(&call, &home), detached) {
        screen.problem(&problem);
        return problem.phase.exit_code();
    }
    // A plan changes nothing and is there to be read.
    if call.control.background && !call.call.plan && !detached {
        return detach(&words, &mut screen);
    }
    for notice in remarks::without_effect(&call) {
        screen.problem(&notice);
    }
    let problems = match open_world(&call.call, environment) {
        Ok(shared) => carry_out(&call, plan, Arc::new(shared), &plugins, &home, &mut screen),
        Err(problem) => vec![problem],
    };
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

/// The call of a plan file, with the plan.
fn applied(
    file: &str,
    options: &CallOptions,
    home: &Home,
    manifests: &[Manifest],
    screen: &mut Screen,
) -> Result<(plan_file::Plan, CallLine), u8> {
    let plan = plan_file::Plan::read(file).map_err(|problem| {
        screen.problem(&problem);
        problem.phase.exit_code()
    })?;
    let mut call = parse(&plan.words, home, home, manifests)?;
    if call.special.is_some() || call.call.plan || call.jobs.is_empty() {
        screen.problem(&Problem::new(Phase::Here, format!("the plan {file} holds no call that does something")));
        return Err(Phase::Here.exit_code());
    }
    (call.call.yes, call.call.read_only) = (options.yes, options.read_only);
    Ok((plan, call))
}

/// `--doctor` asks what INFO asks.
fn diagnosable(call: &CallLine) -> Result<(), Problem> {
    let infos = call.jobs.iter().all(|job| job.action.verb() == Verb::Info);
    if call.call.doctor && !infos {
        return Err(Problem::new(Phase::Usage, "--doctor goes with INFO").hint("ctys doctor HOST..."));
    }
    Ok(())
}

/// Does the call, or writes its plan, or does it as it was planned.
fn carry_out(
    call: &CallLine,
    plan: Option<plan_file::Plan>,
    shared: Arc<Shared>,
    plugins: &Plugins,
    home: &Home,
    screen: &mut Screen,
) -> Vec<Problem> {
    if let Some(file) = &call.call.plan_file {
        return plan_file::write(file, call, &shared, plugins, home, screen);
    }
    let (jobs, mut problems) = prepare(call, plugins, home);
    let changes = match plan {
        Some(plan) => match plan.hold(call, &shared, plugins, home) {
            Ok(changes) => changes,
            Err(drift) => return drift,
        },
        None => jobs.iter().map(|_| if call.call.plan { Changes::Plan } else { Changes::Run }).collect(),
    };
    problems.extend(work(call, jobs, changes, shared, plugins, home, screen));
    problems
}

/// `ctys` alone: what to type next.
fn nothing_to_do() -> u8 {
    let mut screen = Screen::new(false, None);
    screen.line("ctys: nothing to do");
    for (call, what) in [
        ("ctys ls", "what runs on this machine"),
        ("ctys ls HOST...", "the same elsewhere; '@ssh:*' is all of ssh_config"),
        ("ctys doctor HOST", "what works there, and what mends the rest"),
        ("ctys start HOST/NAME", "start a machine; also stop, console, pause, save"),
        ("ctys help", "everything else; also ctys help start"),
    ] {
        screen.line(&format!("  {call:<22}{what}"));
    }
    Phase::Usage.exit_code()
}

/// Understands the words; the mistakes stand on the screen then.
pub fn parse(words: &[OsString], home: &Home, shelf: &dyn Shelf, manifests: &[Manifest]) -> Result<CallLine, u8> {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let call = ctys_line::parse(&words, &world(home, shelf, manifests));
    call.map_err(|mistakes| tell_mistakes(&mistakes, &mut Screen::new(false, None)))
}

/// The world of a call, with what the environment says of it.
pub fn world<'a>(home: &'a Home, shelf: &'a dyn Shelf, manifests: &'a [Manifest]) -> World<'a> {
    let variable = |name: &str| home.variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let usual = World::new(&home.caller.user, shelf);
    World {
        manifests,
        shipped_macros: ctys_table::macros::SHIPPED,
        max_recursion: variable("CTYS_MAXRECURSE").unwrap_or(usual.max_recursion),
        default_type: variable("DEFAULT_C_SESSIONTYPE").unwrap_or(usual.default_type),
        default_list: variable("DEFAULT_C_MODE_ARGS_LIST").unwrap_or(usual.default_list),
        default_base: variable("DEFAULT_ENUM_BASE").unwrap_or(usual.default_base),
        ..usual
    }
}

/// Shows the mistakes of a call with their places; gives its exit code.
pub fn tell_mistakes(mistakes: &[Mistake], screen: &mut Screen) -> u8 {
    for mistake in mistakes {
        screen.line(&format!("ctys: {mistake}"));
    }
    exit_code(&mistakes.iter().map(Problem::from).collect::<Vec<_>>())
}

fn version(terse: bool, screen: &mut Screen) -> u8 {
    screen.data(if terse { env!("CARGO_PKG_VERSION") } else { concat!("ctys ", env!("CARGO_PKG_VERSION"), "\n") });
    0
}

fn do_special(special: &Special, manifests: &[Manifest], screen: &mut Screen) -> u8 {
    let topic = match special {
        Special::Help | Special::Apply(_) => "",
        Special::Manual(topic) => topic,
        Special::Version { terse } => return version(*terse, screen),
    };
    match ctys_line::help(topic, manifests).or_else(|| tools::help(topic)) {
        Some(text) => {
            screen.data(&text);
            0
        }
        None => {
            let problem = Problem::new(Phase::Usage, format!("there is no help on \"{topic}\""));
            screen.problem(&elsewhere(topic, manifests).into_iter().fold(problem, Problem::hint));
            Phase::Usage.exit_code()
        }
    }
}

/// Where else there may be help on a word: a page of the manual, the help of a tool of a plugin, another word.
fn elsewhere(topic: &str, manifests: &[Manifest]) -> Vec<String> {
    let is_meant = |name: &String| name.eq_ignore_ascii_case(topic);
    if ["html", "pdf", "print", "path", "listall", "funclist"].contains(&topic.to_ascii_lowercase().as_str()) {
        let formats =
            "man -Thtml ctys and man -Tpdf ctys write the page in another format, man -w ctys says where it is";
        return vec!["man -k ctys lists the pages, man ctys shows one".into(), formats.into()];
    }
    let mut hints = Vec::new();
    for manifest in manifests {
        if let Some(tool) = manifest.tools.iter().find(|tool| is_meant(tool)) {
            hints.push(format!("{tool} -h, or man {tool}"));
        } else if is_meant(&manifest.name) || manifest.session_types.iter().any(is_meant) {
            let page = &manifest.name;
            hints.push(format!("man ctys-{page}; examples: man ctys-uc-{}", page.to_ascii_uppercase()));
        }
    }
    if hints.is_empty() {
        hints.extend(ctys_line::nearest_topic(topic).map(|near| format!("did you mean {near}?")));
        hints.push("ctys help names the words".into());
    }
    hints
}

/// `-d PRINTFINAL|PFIN|PF`: the call as it is carried out, in its full classic form, on stderr (ctys.md 1.5).
pub fn prints_final(call: &CallLine) -> bool {
    let mut words = call.call.debug.as_deref().unwrap_or_default().split(',');
    let word = |word: &str| word.split(':').next().unwrap_or_default().to_ascii_uppercase();
    words.any(|given| ["PRINTFINAL", "PFIN", "PF"].contains(&word(given).as_str()))
}

/// The database folders of `-p` must exist (ctys.md 1.5).
fn missing_folders(options: &CallOptions) -> Vec<Problem> {
    let missing = options.db_paths.iter().filter(|folder| !std::path::Path::new(folder).is_dir());
    missing
        .map(|folder| Problem::new(Phase::Here, format!("the database folder {folder} of -p does not exist")))
        .collect()
}

/// Seconds since 1970.
pub fn now() -> i64 {
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
    thinkers: Vec<Arc<dyn Thinker>>,
    /// What the inventory added to the address: told when the host knows better.
    pub known: Option<Problem>,
}

impl Ready {
    /// The same job with a companion tool's call in the place of its action.
    pub fn call_tool(&mut self, call: &ToolCall) {
        self.job.action = Action::Tool(call.clone());
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
        if call.call.doctor {
            thinkers.push(Arc::new(doctor::Questions));
        }
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
        jobs.push(Ready { job, thinkers, known });
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
        early: Mutex::default(),
    })
}

/// The fan-out: every job once, its answer printed as soon as its turn has come, its problems gathered.
fn work(
    call: &CallLine,
    jobs: Vec<Ready>,
    changes: Vec<Changes>,
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
    let settings = settings(plugins, home, &call.call.db_paths);
    let mut output = Output::new(call, home, &shared);
    let mut auditor = Auditor::of(home);
    let boot = call.call.total_timeout.unwrap_or(stacks::BOOT);
    let doer = Arc::new(Doer { changes, boot, ..Doer::new(jobs, shared.clone(), home, settings) });
    let hands = doer.clone();
    let act = Arc::new(move |number: usize| hands.perform(number));
    fanout::run(window, patience, &shared.interrupt, true, act, |update| match update {
        Update::Done(number, report) => {
            if call.call.verbose > 0 {
                screen.problem(&way(&doer.shared, &targets[number], &report));
            }
            auditor.report(&doer.jobs[number].job, &report, screen);
            let (text, found) = output.report(number, &doer.jobs[number], report, plugins);
            screen.data(&text);
            problems.extend(found);
        }
        Update::GaveUp(number) => {
            let note = shared.notes.lock().ok().and_then(|notes| notes.get(&number).cloned()).unwrap_or_default();
            let why = format!("given up after {} s, while {note}", (shared.clocks.total + GRACE).as_secs());
            let problem = report::lost(&targets[number], Phase::Timeout, &why);
            screen.data(&output.nothing(number, &doer.jobs[number], &problem, plugins));
            problems.push(problem);
        }
        Update::Failed(number, why) => {
            let problem = report::lost(&targets[number], Phase::Here, &why);
            auditor.lost(&doer.jobs[number].job, &problem, screen);
            screen.data(&output.nothing(number, &doer.jobs[number], &problem, plugins));
            problems.push(problem);
        }
        Update::NotStarted(number) => {
            let problem = report::lost(&targets[number], Phase::Interrupted, "interrupted before it was started");
            screen.data(&output.nothing(number, &doer.jobs[number], &problem, plugins));
            problems.push(problem);
        }
        Update::Abandoned(number) => {
            let problem = report::lost(&targets[number], Phase::Interrupted, "interrupted while it was at work");
            auditor.lost(&doer.jobs[number].job, &problem, screen);
            screen.data(&output.nothing(number, &doer.jobs[number], &problem, plugins));
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
    problems.extend(ctys_engine::ssh::complaint());
    let enumerates = doer.jobs.iter().all(|ready| ready.job.action.verb() == Verb::Enumerate);
    if enumerates && output.rows == 0 && problems.is_empty() {
        problems.push(report::nothing_configured());
    }
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

/// The settings of all plugins.
pub fn settings(plugins: &Plugins, home: &Home, db_paths: &[String]) -> HashMap<String, BTreeMap<String, String>> {
    let names: Vec<String> = plugins.found().iter().map(|found| found.name.clone()).collect();
    home.plugin_settings(&names, db_paths)
}

/// What the threads of the fan-out share.
pub struct Doer {
    jobs: Vec<Ready>,
    caller: Caller,
    shared: Arc<Shared>,
    settings: HashMap<String, BTreeMap<String, String>>,
    gate: Gate,
    last_asked: LastAsked,
    /// One for each job.
    changes: Vec<Changes>,
    stacks: Stacks,
    /// How long a layer of a stack waits for the one below it.
    boot: Duration,
}

impl Doer {
    /// For jobs that only ask.
    pub fn new(
        jobs: Vec<Ready>,
        shared: Arc<Shared>,
        home: &Home,
        settings: HashMap<String, BTreeMap<String, String>>,
    ) -> Doer {
        let changes = jobs.iter().map(|_| Changes::Refuse("this call only asks".into())).collect();
        let (gate, last_asked) = (Gate::default(), LastAsked::default());
        let (caller, stacks, boot) = (home.caller.clone(), Stacks::default(), stacks::BOOT);
        Doer { jobs, caller, shared, settings, gate, last_asked, changes, stacks, boot }
    }

    /// With the changes of companion tools made.
    pub fn changing(mut self) -> Doer {
        let tools = self.changes.iter_mut().zip(&self.jobs);
        for (changes, _) in tools.filter(|(_, ready)| matches!(ready.job.action, Action::Tool(_))) {
            *changes = Changes::Run;
        }
        self
    }

    /// With the changes only planned.
    pub fn planning(mut self) -> Doer {
        self.changes = self.jobs.iter().map(|_| Changes::Plan).collect();
        self
    }

    /// Does one job, by its number.
    pub fn perform(&self, number: usize) -> Report {
        let job = &self.jobs[number].job;
        match (job.stack, &self.changes[number]) {
            (Some(stack), Changes::Run | Changes::AsPlanned(_)) => {
                let is_lowest = !self.jobs[..number].iter().any(|below| below.job.stack == Some(stack));
                // A transcript has what the waiting came to; nothing boots behind it.
                let boot = (!is_lowest && self.shared.replay.is_none()).then_some(self.boot);
                self.stacks.layer(stack, &job.target, || self.ask(number, boot))
            }
            // Where nothing is changed no layer waits for another: each is looked at as it is.
            _ => self.ask(number, None).unwrap_or_default(),
        }
    }

    /// None: the job has no plugins.
    fn ask(&self, number: usize, boot: Option<Duration>) -> Option<Report> {
        let ready = &self.jobs[number];
        if ready.thinkers.is_empty() {
            return None;
        }
        let work = Work {
            request: select::request(&ready.job, &self.caller),
            plugins: &ready.thinkers,
            settings: &self.settings,
            means: select::means(&ready.job),
            gate: &self.gate,
            last_asked: &self.last_asked,
            changes: &self.changes[number],
            total: self.shared.clocks.total,
            boot,
        };
        Some(ctys_engine::job::run(&work, &RealWorld { shared: self.shared.clone(), number }))
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
