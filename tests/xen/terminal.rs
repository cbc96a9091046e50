//! A real terminal, and what a user sees and types in it.

use crate::dom0::{Dom0, PATIENCE};
use crate::sealed::plugins;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A tmux of its own, with a shell that knows `ctys`.
pub struct Terminal {
    socket: String,
}

/// What a shell has to be told so that `ctys` is the program of this build, with this configuration.
pub fn shell_with_ctys(config: &Path) -> String {
    let (program, plugins, config, patience) =
        (env!("CARGO_BIN_EXE_ctys"), plugins(), config.display(), PATIENCE.join(" "));
    format!(
        "ctys() {{ CTYS_PLUGIN_PATH='{}' '{program}' --ssh-config '{config}' {patience} \"$@\"; }}",
        plugins.display()
    )
}

impl Terminal {
    /// A terminal of 120 columns.
    pub fn start(dom0: &Dom0, config: &Path) -> Terminal {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let terminal = Terminal { socket: format!("ctys-{}-{number}", std::process::id()) };
        let home = format!("HOME={}", dom0.home().display());
        let words =
            ["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "50", "-e", &home, "-e", "DISPLAY=", "sh"];
        terminal.call(&words);
        terminal.line(&shell_with_ctys(config));
        terminal
    }

    fn call(&self, words: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.socket]).args(words).output().expect("tmux");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Types a line.
    pub fn line(&self, text: &str) {
        self.call(&["send-keys", "-l", text]);
        self.keys("Enter");
    }

    /// Presses keys, by tmux's names for them.
    pub fn keys(&self, keys: &str) {
        self.call(&["send-keys", keys]);
    }

    /// What is seen.
    pub fn screen(&self) -> String {
        self.call(&["capture-pane", "-p", "-J"])
    }

    /// Waits until this is seen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(|screen| screen.contains(text));
    }

    /// Polls the screen: a guest under emulation boots for some ten seconds.
    #[track_caller]
    pub fn wait_until(&self, seen: impl Fn(&str) -> bool) -> String {
        for _ in 0..600 {
            let screen = self.screen();
            if seen(&screen) {
                return screen;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("it never came:\n{}", self.screen());
    }

    /// Types a call that opens the console of a machine, says a word to the machine, and leaves. The terminal must be as
    /// it was before.
    #[track_caller]
    pub fn visit(&self, call: &str, machine: &str) {
        let sums =
            |screen: &str| screen.lines().filter(|line| line.ends_with("  -")).map(str::to_string).collect::<Vec<_>>();
        self.line("clear; stty -a | md5sum");
        // What is typed before the answer has come would stand in its line.
        self.wait_until(|screen| sums(screen).len() == 1);
        self.line(&format!("{call}; echo \"ended $?\"; stty -a | md5sum"));
        self.wait_for(&format!("console of {machine}"));
        self.keys("Enter");
        self.wait_for(&format!("{machine} login:"));
        self.keys("C-]");
        let screen = self.wait_until(|screen| sums(screen).len() == 2);
        let sums = sums(&screen);
        assert!(screen.contains("ended 0"), "{screen}");
        assert_eq!(sums[0], sums[1], "the terminal is not as it was:\n{screen}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.call(&["kill-server"]);
    }
}
