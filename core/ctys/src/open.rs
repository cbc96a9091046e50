//! What a call leaves open: viewers, tunnels, consoles in windows and in the caller's terminal.

use crate::screen::Screen;
use crate::select;
use ctys_engine::console::{self, Key, Place, Way};
use ctys_engine::quote::quote;
use ctys_engine::script::Means;
use ctys_engine::tunnel;
use ctys_engine::viewer::{self, View};
use ctys_engine::world::Shared;
use ctys_line::Job;
use ctys_model::action::CreateMode;
use ctys_model::bytes::escape;
use ctys_model::{Action, Bytes, Console, ConsoleKind, Phase, Privilege, Problem, Tunnel};
use std::collections::BTreeMap;
use std::io::IsTerminal;

/// How many lines of what a console said before are shown, unless `CTYS_CONSOLE_HISTORY` says otherwise.
const HISTORY_LINES: u32 = 200;

/// How many windows are started at the same time; each is a login.
const WINDOWS_AT_ONCE: usize = 8;

/// Something that is to be opened for a job.
pub struct Opening<'a> {
    /// The job.
    pub job: &'a Job,
    /// Which plugin wants it.
    pub plugin: String,
    /// What.
    pub what: What,
}

/// What a plugin wants to have opened.
pub enum What {
    /// A console.
    Console(Box<Console>),
    /// A tunnel.
    Tunnel(Tunnel),
}

/// What the user set for consoles.
struct Settings {
    key: Key,
    history_lines: u32,
    display: Option<String>,
    tunnels: tunnel::Settings,
    viewer: Option<String>,
}

/// What comes up in a window.
enum Window<'a> {
    Console { console: &'a Console, way: Way<'a>, here: bool },
    Viewer(View<'a>),
}

/// Opens everything, in the order of the call: all windows at once, then the consoles that want the terminal, one after
/// the other. With `plan` it says what would be opened.
pub fn open(
    openings: Vec<Opening<'_>>,
    shared: &Shared,
    variables: &BTreeMap<String, String>,
    display: Option<&str>,
    plan: bool,
    screen: &mut Screen,
) -> Vec<Problem> {
    if openings.is_empty() {
        return Vec::new();
    }
    if plan {
        openings.iter().for_each(|opening| screen.data(&opening.plan()));
        return Vec::new();
    }
    let settings = match Settings::read(variables, display) {
        Ok(settings) => settings,
        Err(problem) => return vec![problem],
    };
    let means: Vec<Vec<Means>> = openings.iter().map(|opening| select::means(opening.job)).collect();
    let signals: Vec<Vec<u8>> = openings.iter().map(|opening| ignored_signals(opening.job)).collect();
    let mut problems = Vec::new();
    let (mut windows, mut terminals) = (Vec::new(), Vec::new());
    for ((opening, means), signals) in openings.iter().zip(&means).zip(&signals) {
        let console = match &opening.what {
            What::Tunnel(tunnel) => {
                match tunnel::open(shared, &opening.job.target, tunnel, &settings.tunnels) {
                    Ok(opened) => screen.data(&opening.opened(tunnel, &opened)),
                    Err(problem) => problems.push(opening.problem(problem)),
                }
                continue;
            }
            What::Console(console) => console,
        };
        // Behind an open console nobody would see it.
        for line in console.says.iter().flat_map(|says| says.lines()) {
            screen.problem(&opening.problem(Problem::new(Phase::Notice, line)));
        }
        if console.kind == ConsoleKind::Vnc {
            windows.push((opening, Window::Viewer(settings.view(opening.job, console))));
            continue;
        }
        let way = settings.way(opening.job, shared, means, signals);
        match console::place(console, &way) {
            Ok(Place::Window { here }) => windows.push((opening, Window::Console { console, way, here })),
            Ok(Place::Terminal) => terminals.push((opening, console, way)),
            Err(problem) => problems.push(opening.not_opened(problem)),
        }
    }
    for some in windows.chunks(WINDOWS_AT_ONCE) {
        let results: Vec<_> = std::thread::scope(|scope| {
            let start = |opening: &Opening<'_>, window: &Window<'_>| match window {
                Window::Console { console, way, here } => console::window(console, way, *here),
                Window::Viewer(view) => viewer::open(shared, &opening.job.target, view).map(drop),
            };
            let threads: Vec<_> =
                some.iter().map(|(opening, window)| scope.spawn(move || start(opening, window))).collect();
            threads.into_iter().map(|thread| thread.join()).collect()
        });
        for ((opening, window), result) in some.iter().zip(results) {
            match result {
                Ok(Ok(())) => {}
                Ok(Err(problem)) => problems.push(opening.not_opened(problem)),
                Err(_) => {
                    let (Window::Console { console, .. } | Window::Viewer(View { console, .. })) = window;
                    let message = format!("the {} console of {} made ctys stumble", console.kind, console.label);
                    problems.push(opening.problem(Problem::new(Phase::Here, message)));
                }
            }
        }
    }
    for (opening, console, way) in terminals {
        screen.line(&console::banner(console, &way));
        match console::attach(console, &way) {
            Ok(ended) => {
                if ended.status != 0 {
                    let message = match command(opening.job) {
                        Some(program) => format!("{program} in {} ended with status {}", console.label, ended.status),
                        None => format!("the console ended with status {}", ended.status),
                    };
                    problems.push(opening.problem(Problem::new(Phase::Run, message)));
                }
                if ended.signal.is_some() {
                    break;
                }
            }
            Err(problem) => problems.push(opening.problem(problem)),
        }
    }
    problems
}

impl Opening<'_> {
    fn problem(&self, mut problem: Problem) -> Problem {
        problem.plugin = Some(self.plugin.clone());
        problem.target = Some(self.job.target.to_string());
        problem
    }

    /// A window that did not come up is no reason to end its machine: what was started before runs on, and is told of.
    fn not_opened(&self, problem: Problem) -> Problem {
        let problem = self.problem(problem);
        match (&self.job.action, &self.what) {
            (Action::Create(create), What::Console(console)) if create.mode != Some(CreateMode::Connect) => {
                problem.hint(format!("{} runs; CONNECT in the same call opens what is missing", console.label))
            }
            _ => problem,
        }
    }

    /// `DIGGER: opened SSH(TCP) web, 127.0.0.1:5950 to port 80 of lab00, process 4711`.
    fn opened(&self, tunnel: &Tunnel, opened: &tunnel::Opened) -> String {
        let Tunnel { label, session_type, remote_port } = tunnel;
        let (plugin, target) = (self.plugin.to_ascii_uppercase(), &self.job.target);
        let line = format!(
            "{plugin}: opened SSH({session_type}) {label}, 127.0.0.1:{} to port {remote_port} of {target}, process {}",
            opened.port, opened.process
        );
        format!("{}\n", ctys_model::bytes::escape_for_eyes(&line))
    }

    /// `lab00: xen: CLI console of tst100: as root: xl console 7`.
    pub fn plan(&self) -> String {
        let what = match &self.what {
            What::Console(console) => {
                let root = |privilege| if privilege == Privilege::Root { "as root: " } else { "" };
                let how = match (&console.command, &console.socket, console.vnc_port) {
                    (Some(command), ..) => {
                        let program = Bytes::from(command.program.as_str());
                        let words: Vec<String> = std::iter::once(&program).chain(&command.args).map(word).collect();
                        format!("{}{}", root(command.privilege), words.join(" "))
                    }
                    (None, Some(socket), _) => format!("{}socket {}", root(socket.privilege), word(&socket.path)),
                    (None, None, Some(port)) => format!("port {port}"),
                    (None, None, None) => "nothing".into(),
                };
                format!("{} console of {}: {how}", console.kind, console.label)
            }
            What::Tunnel(tunnel) => format!("tunnel to port {} of {}", tunnel.remote_port, tunnel.label),
        };
        let line = format!("{}: {}: {what}", self.job.target, self.plugin);
        format!("{}\n", ctys_model::bytes::escape_for_eyes(&line))
    }
}

fn word(word: &Bytes) -> String {
    escape(&quote(word.as_slice()).unwrap_or_else(|_| word.0.clone()))
}

impl Settings {
    fn read(variables: &BTreeMap<String, String>, display: Option<&str>) -> Result<Settings, Problem> {
        let set = |name: &str| variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let wrong = |name: &str, what: &str| Problem::new(Phase::Usage, format!("{name} is no {what}"));
        let key = match set("CTYS_DETACH_KEY") {
            None => Key::default(),
            Some(text) => Key::parse(text)
                .ok_or_else(|| wrong("CTYS_DETACH_KEY", "control character").hint("such as ^] or ^T, or none"))?,
        };
        let history_lines = match set("CTYS_CONSOLE_HISTORY") {
            None => HISTORY_LINES,
            Some(text) => text.parse().map_err(|_| wrong("CTYS_CONSOLE_HISTORY", "number of lines"))?,
        };
        let digger = variables.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix("CTYS_DIGGER_")?.to_string(), value.clone())).filter(|_| !value.is_empty())
        });
        Ok(Settings {
            key,
            history_lines,
            display: display.filter(|name| !name.is_empty()).map(str::to_string),
            tunnels: tunnel::Settings::read(&digger.collect())?,
            viewer: set("CTYS_VNC_VIEWER").map(str::to_string),
        })
    }

    fn view<'a>(&'a self, job: &'a Job, console: &'a Console) -> View<'a> {
        let options = &job.options;
        View {
            console,
            location: options.location,
            geometry: options.geometry.as_deref(),
            display: options.display.as_deref().or(self.display.as_deref()),
            program: self.viewer.as_deref(),
            arguments: x_options(job),
            forward_agent: options.forward_agent,
            tunnels: &self.tunnels,
        }
    }

    fn way<'a>(&'a self, job: &'a Job, shared: &'a Shared, means: &'a [Means], signals: &'a [u8]) -> Way<'a> {
        let options = &job.options;
        let has_both = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        Way {
            ssh: &shared.ssh,
            target: &job.target,
            means,
            // A command that is part of a pipe gets its bytes as they are, as with ssh.
            ptys: options.pty.unwrap_or(if command(job).is_some() && !has_both { 0 } else { 2 }),
            forward_agent: options.forward_agent,
            location: options.location,
            geometry: options.geometry.as_deref(),
            display: options.display.as_deref().or(self.display.as_deref()),
            has_terminal: std::io::stdin().is_terminal(),
            x_options: x_options(job),
            key: self.key,
            history_lines: self.history_lines,
            ignored_signals: signals,
            // A window takes as long as its host: gnome-terminal through a slow line ten seconds and more.
            patience: shared.clocks.total,
        }
    }
}

/// The program, where a command is run and no console opened.
fn command(job: &Job) -> Option<&String> {
    match &job.action {
        Action::Create(create) => create.cmd.first(),
        _ => None,
    }
}

/// `XOPTS`.
fn x_options(job: &Job) -> &[String] {
    match &job.action {
        Action::Create(create) => &create.x_opts,
        _ => &[],
    }
}

/// `-S [on|off],<signals>`: what a console that is bound to its machine does not end by (ctys.md 1.5).
fn ignored_signals(job: &Job) -> Vec<u8> {
    const DEFAULT: [u8; 3] = [1, 3, 19];
    let Some(given) = &job.options.signals else { return DEFAULT.to_vec() };
    let mut words = given.split(',').peekable();
    match words.peek().map(|word| word.to_ascii_lowercase()).as_deref() {
        Some("off") => return Vec::new(),
        Some("on") => drop(words.next()),
        _ => {}
    }
    let numbers: Vec<u8> = words.filter_map(|word| word.trim().parse().ok()).collect();
    if numbers.is_empty() { DEFAULT.to_vec() } else { numbers }
}
