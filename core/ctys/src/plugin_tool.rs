//! The companion tools that plugins answer to (`cube-ctl`): the program called by such a name, or with it as its first word,
//! hands the words to the one plugin whose manifest names the tool. What the plugin says stands as it is, without a prefix, and its
//! exit code is ours. No other plugin is opened. The tool works on this machine.

use crate::guard::{self, Auditor};
use crate::home::Home;
use crate::screen::Screen;
use ctys_engine::console::{self, Way};
use ctys_engine::fanout::{self, Interrupt, Update};
use ctys_engine::job::{Changes, Report, Thinker, Work};
use ctys_engine::plugins::{Plugins, SearchPath, Setup};
use ctys_engine::privilege::Gate;
use ctys_engine::questions::LastAsked;
use ctys_engine::ssh::{Environment, Ssh};
use ctys_engine::transport::Clocks;
use ctys_engine::world::{RealWorld, Shared};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::problem::exit_code;
use ctys_model::{Action, Bytes, Console, Location, Phase, Problem, Request, Scope, Target, ToolCall};
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Does what the words say when they call a tool of a plugin; none when they do not.
pub fn run(program: &OsStr, words: &[OsString]) -> Option<u8> {
    let (tool, words) = candidate(program, words)?;
    let environment = Environment::of_this_process();
    let home = Home::of_this_process(&environment.user, &environment.machine);
    let shared = Shared {
        ssh: Ssh::new(environment),
        clocks: Clocks::default(),
        forced: None,
        interrupt: Interrupt::default(),
        replay: None,
        record: None,
        notes: Mutex::default(),
        logins: Default::default(),
        early: Mutex::default(),
    };
    let shared = Arc::new(shared);
    // By a name that is not ours it can only be a tool, and tools work on this machine: its shell begins beside us.
    let shell = (!is_own_name(program)).then(|| {
        let shared = shared.clone();
        std::thread::spawn(move || shared.begin_here())
    });
    let mut setup = Setup::new(SearchPath::of_this_process());
    setup.settings = home.variables.clone();
    let plugins = setup.discover();
    let answers = |manifest: &ctys_model::Manifest| manifest.tools.contains(&tool);
    match plugins.found().iter().find(|found| found.manifest.as_ref().is_ok_and(answers)) {
        Some(found) => Some(call(&found.name, &tool, words, &plugins, (shared, shell), &home)),
        None if is_own_name(program) => None,
        None => Some(unanswered(&tool, &plugins)),
    }
}

/// Whether the program was started by a name of its own: `ctys`, `ctys-1.2`.
fn is_own_name(program: &OsStr) -> bool {
    Path::new(program).file_name().is_some_and(|name| name.as_bytes().starts_with(b"ctys"))
}

/// Started by the name of a tool that nobody answers to: that is said, and why plugins that are there are not used.
fn unanswered(tool: &str, plugins: &Plugins) -> u8 {
    let problem = Problem::new(Phase::Here, "no plugin answers to this name");
    let refused = plugins.found().iter().filter_map(|found| found.manifest.as_ref().err());
    let problem = refused.fold(problem, |problem, error| problem.hint(error.to_string()));
    say(&mut Screen::new(false, None), tool, &problem);
    problem.phase.exit_code()
}

/// The name that may be one of a tool, and the words behind it.
fn candidate<'a>(program: &OsStr, words: &'a [OsString]) -> Option<(String, &'a [OsString])> {
    let own = Path::new(program).file_name()?.to_str()?;
    if own != "ctys" {
        return Some((own.to_string(), words));
    }
    let (first, rest) = words.split_first()?;
    let first = first.to_str()?;
    // Options begin with a dash, addresses hold more than these.
    let is_name = first.starts_with(|c: char| c.is_ascii_lowercase())
        && first.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    is_name.then(|| (first.to_string(), rest))
}

/// Calls the tool of this plugin. `shared` with the thread that begins the shell.
fn call(
    name: &str,
    tool: &str,
    words: &[OsString],
    plugins: &Plugins,
    (shared, shell): (Arc<Shared>, Option<JoinHandle<()>>),
    home: &Home,
) -> u8 {
    let mut screen = Screen::new(false, None);
    let opened = plugins.open(name);
    // One that could not begin its shell has said nothing yet: it is tried again.
    shell.map(JoinHandle::join);
    let thinker: Arc<dyn Thinker> = match opened {
        Ok(plugin) => plugin,
        Err(error) => {
            let problem = Problem::from(&error);
            say(&mut screen, tool, &problem);
            return problem.phase.exit_code();
        }
    };
    let target = Target { host: "localhost".into(), local: true, ..Target::default() };
    let request = Request {
        action: Action::Tool(ToolCall {
            tool: tool.to_string(),
            words: words.iter().map(|word| Bytes(word.as_bytes().to_vec())).collect(),
            terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
            folder: Bytes(std::env::current_dir().unwrap_or_default().as_os_str().as_bytes().to_vec()),
        }),
        target: target.clone(),
        caller: home.caller.clone(),
        session_type: None,
        force: false,
        ambiguous: false,
        scope: Scope::Default,
        location: Location::DisplayForwarding,
        geometry: None,
        resolution: None,
        server_options: Vec::new(),
        settings: Default::default(),
    };
    let changes = match guard::read_only(home, false) {
        Some(why) => Changes::Refuse(why.to_string()),
        None => Changes::Run,
    };
    let report = work(request, thinker, home.plugin_settings(&[name.to_string()], &[]), changes, &shared);
    shared.end_early();
    show(&report, tool, &mut screen);
    let all = report.problems.iter().chain(report.findings.iter().flat_map(|(_, findings)| &findings.problems));
    let exit = report.findings.iter().find_map(|(_, findings)| findings.exit);
    let code = exit.unwrap_or_else(|| exit_code(all));
    let typed: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    Auditor::of(home).tool(tool, &typed, report.begun, code, &mut screen);
    match report.consoles.first() {
        Some((_, console)) if code == 0 => attach(console, &target, &shared.ssh, tool, &mut screen),
        _ => code,
    }
}

/// One job, which an interrupt may end.
fn work(
    request: Request,
    thinker: Arc<dyn Thinker>,
    settings: std::collections::HashMap<String, std::collections::BTreeMap<String, String>>,
    changes: Changes,
    shared: &Arc<Shared>,
) -> Report {
    let (plugins, gate, last_asked, world) = (vec![thinker], Gate::default(), LastAsked::default(), shared.clone());
    let act = Arc::new(move |number: usize| {
        let work = Work {
            request: request.clone(),
            plugins: &plugins,
            settings: &settings,
            means: Vec::new(),
            gate: &gate,
            last_asked: &last_asked,
            changes: &changes,
            total: world.clocks.total,
            boot: None,
        };
        ctys_engine::job::run(&work, &RealWorld { shared: world.clone(), number })
    });
    let mut report = Report::default();
    let lost = |phase: Phase, why: String| vec![Problem::new(phase, why)];
    fanout::run(1, vec![None], &shared.interrupt, true, act, |update| match update {
        Update::Done(_, done) => report = done,
        Update::Failed(_, why) => report.problems = lost(Phase::Here, why),
        Update::GaveUp(_) | Update::NotStarted(_) | Update::Abandoned(_) => {
            report.problems = lost(Phase::Interrupted, "interrupted".into());
        }
        Update::Waiting(_) | Update::Progress { .. } => {}
    });
    report
}

/// What the plugin said, line by line.
fn show(report: &Report, tool: &str, screen: &mut Screen) {
    for (_, findings) in &report.findings {
        let lines: String = findings.text.iter().map(|line| format!("{}\n", escape_for_eyes(line))).collect();
        screen.data(&lines);
        findings.stderr.iter().for_each(|line| screen.line(&escape_for_eyes(line)));
        findings.problems.iter().for_each(|problem| say(screen, tool, problem));
    }
    report.problems.iter().for_each(|problem| say(screen, tool, problem));
}

/// `cube-ctl: the sentence`, and what could be done.
fn say(screen: &mut Screen, tool: &str, problem: &Problem) {
    screen.line(&escape_for_eyes(&format!("{tool}: {}", problem.message)));
    problem.hints.iter().for_each(|hint| screen.line(&escape_for_eyes(&format!("  hint: {hint}"))));
}

/// Gives the streams or the terminal to a command; its exit status is ours.
fn attach(console: &Console, target: &Target, ssh: &Ssh, tool: &str, screen: &mut Screen) -> u8 {
    console.says.iter().flat_map(|says| says.lines()).for_each(|line| screen.line(&escape_for_eyes(line)));
    let way = Way {
        ssh,
        target,
        means: &[],
        ptys: 2,
        forward_agent: false,
        location: Location::DisplayForwarding,
        geometry: None,
        display: None,
        has_terminal: std::io::stdin().is_terminal(),
        x_options: &[],
        key: console.key.and_then(console::Key::of).unwrap_or_default(),
        history_lines: 0,
        ignored_signals: &[],
        patience: Duration::ZERO,
    };
    match console::attach(console, &way) {
        Ok(ended) => u8::try_from(ended.status).unwrap_or(u8::MAX),
        Err(problem) => {
            say(screen, tool, &problem);
            problem.phase.exit_code()
        }
    }
}
