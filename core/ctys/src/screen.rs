//! The one door to the terminal: data on stdout, everything else on stderr, nobody else prints.

use ctys_model::Problem;
use ctys_model::bytes::escape_for_eyes;
use std::io::{ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long a call may take before a progress line shows: what is faster needs none.
const PROGRESS_AFTER: Duration = Duration::from_millis(500);

/// Both streams.
pub struct Screen {
    started: Instant,
    progress: bool,
    shown: bool,
    quiet: bool,
    color: bool,
}

impl Screen {
    /// For a call that begins now. `color`: the user's choice, none for the usual rule (a terminal, and no `NO_COLOR`).
    pub fn new(quiet: bool, color: Option<bool>) -> Screen {
        let terminal = std::io::stderr().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Screen {
            started: Instant::now(),
            progress: terminal && !dumb && !quiet,
            shown: false,
            quiet,
            color: color.unwrap_or(terminal && !no_color && !dumb),
        }
    }

    /// The width of the terminal that stdout goes to.
    pub fn width() -> Option<usize> {
        let stdout = std::io::stdout();
        stdout.is_terminal().then(|| ctys_engine::terminal::width(stdout.as_fd())).flatten()
    }

    /// Whether the locale of the caller has characters beyond ASCII: the first of the three variables that is set says
    /// so (POSIX, 8.2); without any it is the C locale.
    pub fn utf8() -> bool {
        let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let name = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(set);
        let locale = name.and_then(std::env::var_os).unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    }

    /// Data. Ends the program without a word when nobody reads it any more.
    pub fn data(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.clear_progress();
        let mut stdout = std::io::stdout().lock();
        if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            if error.kind() == ErrorKind::BrokenPipe {
                ctys_engine::terminal::end_of_pipe();
            }
            self.line(&format!("ctys: cannot write the answer: {error}"));
            std::process::exit(2);
        }
    }

    /// A problem, its hints below it: `ctys: lab00: connect: connection refused`.
    pub fn problem(&mut self, problem: &Problem) {
        let notice = problem.phase == ctys_model::Phase::Notice;
        if notice && self.quiet {
            return;
        }
        let mut words = vec!["ctys".to_string()];
        if let Some(target) = &problem.target {
            words.push(escape_for_eyes(target).into_owned());
        }
        words.push(self.paint(if notice { "33" } else { "31" }, problem.phase.word()));
        for part in [&problem.plugin, &problem.step].into_iter().flatten() {
            words.push(escape_for_eyes(part).into_owned());
        }
        words.push(escape_for_eyes(&problem.message).into_owned());
        self.line(&words.join(": "));
        for hint in &problem.hints {
            self.line(&format!("  hint: {}", escape_for_eyes(hint)));
        }
    }

    /// A line for people on stderr, already harmless.
    pub fn line(&mut self, text: &str) {
        self.clear_progress();
        // Nobody is left to tell when stderr itself is closed.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Where the call stands, on a line that is written over. Nothing unless stderr is a terminal and half a second has
    /// passed.
    pub fn progress(&mut self, ended: usize, total: usize, waiting: &str) {
        if !self.progress || self.started.elapsed() < PROGRESS_AFTER {
            return;
        }
        const BAR: usize = 20;
        let filled = (ended * BAR).checked_div(total).unwrap_or(0);
        let bar: String = (0..BAR).map(|n| if n < filled { '=' } else { '.' }).collect();
        let width = ctys_engine::terminal::width(std::io::stderr().as_fd()).unwrap_or(80);
        let text = format!("[{bar}] {ended}/{total}  {}", escape_for_eyes(waiting));
        let text: String = text.chars().take(width.saturating_sub(1)).collect();
        self.shown = true;
        let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
    }

    fn clear_progress(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear_progress();
    }
}
