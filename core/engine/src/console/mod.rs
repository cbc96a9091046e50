//! Consoles: a machine's text in the caller's terminal, or in a window of its own.
//!
//! From a plugin's [`Console`] to what a person sees, in the order of use: [`place`] says whether it takes the caller's
//! terminal or a window, and on which side that window runs; [`banner`] says whose console it is; [`attach`] gives the
//! terminal away and takes it back ([`keeper`]); [`window`] starts a window that outlives the call. Both write their
//! shell text with [`mod@line`]. A console that is a UNIX socket is carried by [`relay`], on this machine and on others.

mod emacs;
mod keeper;
mod line;
pub mod relay;
mod terminal;
mod window;

pub(crate) use keeper::Terminal;
pub use line::Key;
pub use relay::{HIDDEN_VERB, serve};
pub use terminal::{Ended, attach};
pub use window::window;

use crate::script::Means;
use crate::ssh::Ssh;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Console, ConsoleKind, Location, Phase, Problem, Target};
use std::time::Duration;

/// How a console is reached, and how it is to look.
pub struct Way<'a> {
    /// Reaches hosts.
    pub ssh: &'a Ssh,
    /// The host.
    pub target: &'a Target,
    /// The ways to root that `-Z` allows.
    pub means: &'a [Means],
    /// How often `-t` is given to ssh (`-z`); two force a terminal even where stdin is none.
    pub ptys: u8,
    /// `-Y`.
    pub forward_agent: bool,
    /// `-L`.
    pub location: Location,
    /// `-g`, as typed.
    pub geometry: Option<&'a str>,
    /// `-D`, else `DISPLAY`.
    pub display: Option<&'a str>,
    /// Standard input is a terminal.
    pub has_terminal: bool,
    /// `XOPTS:`.
    pub x_options: &'a [String],
    /// The key that leaves a socket.
    pub key: Key,
    /// How many lines of what was said before are shown.
    pub history_lines: u32,
    /// `-S`: the signals that a console which is bound to its machine does not end by.
    pub ignored_signals: &'a [u8],
    /// How long a window may take to come up.
    pub patience: Duration,
}

/// Where a console appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the caller's terminal.
    Terminal,
    /// In a window of this kind.
    Window {
        /// The program of the window runs on the caller's machine; else on the target, and X11 is forwarded.
        here: bool,
    },
}

/// Where this console appears. A kind that is no text is refused.
pub fn place(console: &Console, way: &Way<'_>) -> Result<Place, Problem> {
    use ConsoleKind::*;
    match console.kind {
        Cli | Cli0 => Ok(Place::Terminal),
        // Emacs is at home in a terminal as well.
        Emacs | EmacsM | EmacsA | EmacsAM if way.display.is_none() && way.has_terminal => Ok(Place::Terminal),
        Xterm | Gterm | Emacs | EmacsM | EmacsA | EmacsAM => {
            if way.display.is_none() {
                let problem = Problem::new(
                    Phase::Here,
                    format!("the {} console is a window, and there is no DISPLAY for it here", console.kind),
                );
                return Err(problem.hint("CONSOLE:CLI takes this terminal"));
            }
            Ok(Place::Window { here: runs_here(way) })
        }
        kind => Err(Problem::new(Phase::Here, format!("the {kind} console is not one of ours to open"))
            .hint("CONSOLE:CLI, XTERM, GTERM, EMACS, VNC and NONE are")),
    }
}

/// Only display forwarding runs the client beside the server.
fn runs_here(way: &Way<'_>) -> bool {
    way.target.local || way.location != Location::DisplayForwarding
}

/// Whose console it is and how one leaves it: the line before the first byte, harmless for a terminal.
pub fn banner(console: &Console, way: &Way<'_>) -> String {
    let uuid = console.uuid.as_ref().map_or_else(String::new, |uuid| format!(", uuid {uuid}"));
    let leave = match leave(console, way.key) {
        Some(keys) => format!("; {keys} leaves it"),
        None => String::new(),
    };
    let whose = format!("ctys: console of {} ({}{uuid}) on {}{leave}", console.label, console.session_type, way.target);
    escape_for_eyes(&whose).into_owned()
}

/// The keys that leave a console, in words.
fn leave(console: &Console, key: Key) -> Option<String> {
    let keys = match (&console.socket, console.kind) {
        // Bound to its machine, it ends with it.
        (_, ConsoleKind::Cli0) => None,
        (Some(_), _) => key.words(),
        (None, _) => console.detach.clone(),
    };
    match console.kind {
        // A shell buffer sends whole lines; no single key reaches the console.
        ConsoleKind::Emacs | ConsoleKind::EmacsM => Some("C-x k".into()),
        ConsoleKind::Xterm | ConsoleKind::Gterm => {
            Some(keys.map_or_else(|| "closing the window".into(), |keys| format!("{keys} or closing the window")))
        }
        _ => keys,
    }
}

#[cfg(test)]
impl<'a> Way<'a> {
    /// The plainest way to a host.
    fn for_tests(ssh: &'a Ssh, target: &'a Target) -> Way<'a> {
        Way {
            ssh,
            target,
            means: &[],
            ptys: 2,
            forward_agent: false,
            location: Location::DisplayForwarding,
            geometry: None,
            display: None,
            has_terminal: true,
            x_options: &[],
            key: Key::default(),
            history_lines: 100,
            ignored_signals: &[],
            patience: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::Environment;
    use ctys_model::effect::ConsoleSocket;

    fn check(kind: ConsoleKind, change: impl FnOnce(&mut Way<'_>, &mut Console)) -> (Result<Place, String>, String) {
        let ssh = Ssh::new(Environment::of_this_process());
        let target = Target { host: "lab00".into(), ..Target::default() };
        let mut way = Way::for_tests(&ssh, &target);
        let mut console = Console { detach: Some("Ctrl-]".into()), ..Console::new(kind, "tst100", "XEN") };
        change(&mut way, &mut console);
        (place(&console, &way).map_err(|problem| problem.message), banner(&console, &way))
    }

    #[test]
    fn a_console_appears_where_it_was_asked_for() {
        use ConsoleKind::{Cli, Emacs, EmacsAM, Gterm, Sdl, Xterm};
        let place = |kind, display, location| {
            let set = |way: &mut Way<'_>, _: &mut Console| (way.display, way.location) = (display, location);
            check(kind, set).0
        };
        let (shown, forward, here) = (Some(":1"), Location::DisplayForwarding, Location::ClientOnly);
        assert_eq!(place(Cli, None, forward), Ok(Place::Terminal));
        assert_eq!(place(Xterm, shown, forward), Ok(Place::Window { here: false }));
        assert_eq!(place(Gterm, shown, here), Ok(Place::Window { here: true }));
        assert_eq!(place(EmacsAM, shown, forward), Ok(Place::Window { here: false }));
        assert_eq!(place(Emacs, None, forward), Ok(Place::Terminal));
        let piped = check(Emacs, |way, _| way.has_terminal = false).0;
        assert!(piped.unwrap_err().contains("no DISPLAY"));
        assert!(place(Xterm, None, here).unwrap_err().contains("no DISPLAY"));
        assert!(place(Sdl, shown, here).unwrap_err().contains("SDL"));
    }

    #[test]
    fn the_banner_says_whose_console_it_is_and_how_to_leave() {
        let banner = |kind, change: fn(&mut Way<'_>, &mut Console)| check(kind, change).1;
        let plain = banner(ConsoleKind::Cli, |_, console| console.uuid = Some("6842caf9".into()));
        assert_eq!(plain, "ctys: console of tst100 (XEN, uuid 6842caf9) on lab00; Ctrl-] leaves it");
        let evil = banner(ConsoleKind::Xterm, |_, console| console.label = "\x1b[2J".into());
        assert_eq!(evil, "ctys: console of \\x1b[2J (XEN) on lab00; Ctrl-] or closing the window leaves it");
        let socket = |_: &mut Way<'_>, console: &mut Console| {
            console.socket = Some(ConsoleSocket { path: "/s".into(), privilege: Default::default(), owner: None })
        };
        assert!(banner(ConsoleKind::Cli, socket).ends_with("; Ctrl-] leaves it"));
        assert!(banner(ConsoleKind::Cli0, socket).ends_with(" on lab00"));
        assert!(banner(ConsoleKind::EmacsM, socket).ends_with("; C-x k leaves it"));
    }
}
