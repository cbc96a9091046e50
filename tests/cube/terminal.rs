//! A real terminal, and what a user sees and types in it.

use crate::bed::{Bed, PATIENCE};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A tmux of its own with a shell that knows the tools.
pub struct Terminal {
    socket: String,
}

impl Terminal {
    /// A terminal of 120 columns.
    pub fn start(bed: &Bed) -> Terminal {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let terminal = Terminal { socket: format!("ctys-cube-{}-{number}", std::process::id()) };
        let mut start = Command::new("tmux");
        let mut path = bed.folder.join("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        bed.environment(&mut start);
        start.env("PATH", path).env("PS1", "ready> ").env_remove("ENV");
        start.args(["-L", &terminal.socket, "-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "50", "sh"]);
        assert!(start.status().expect("tmux").success());
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

    /// Makes the window another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.call(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// What is seen.
    pub fn screen(&self) -> String {
        self.call(&["capture-pane", "-p", "-J"])
    }

    /// Waits until this is seen, beyond the line in which it may have been typed.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.screen().contains(text) {
            assert!(Instant::now() < end, "it never came about: {text}\n---- on the screen:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.call(&["kill-server"]);
    }
}
