//! A screen without a monitor, and the hands and eyes for it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// An Xvfb of its own.
pub struct Screen {
    /// `:1`.
    pub display: String,
    server: Child,
}

impl Screen {
    /// On a free display.
    pub fn start() -> Screen {
        // It would begin anew when its last window is closed, and the keys of forwarded connections would be lost.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x1000x24", "-nolisten", "tcp", "-noreset"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb (Debian: xvfb)");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "Xvfb does not come up");
        Screen { display: format!(":{}", number.trim()), server }
    }

    fn xdotool(&self, words: &[&str]) -> String {
        let output = Command::new("xdotool").args(words).env("DISPLAY", &self.display).output();
        String::from_utf8_lossy(&output.expect("xdotool (Debian: xdotool)").stdout).into_owned()
    }

    /// The visible windows with exactly this title.
    pub fn windows(&self, title: &str) -> Vec<String> {
        let found = self.xdotool(&["search", "--onlyvisible", "--name", &format!("^{title}$")]);
        found.lines().map(str::to_string).collect()
    }

    /// Waits for the one window with this title.
    #[track_caller]
    pub fn window(&self, title: &str) -> String {
        for _ in 0..4500 {
            match &self.windows(title)[..] {
                [window] => return window.clone(),
                [] => std::thread::sleep(Duration::from_millis(40)),
                several => panic!("several windows are called {title}: {several:?}"),
            }
        }
        let all = Command::new("xwininfo").args(["-root", "-tree", "-display", &self.display]).output().unwrap();
        panic!("no window is called {title}:\n{}", String::from_utf8_lossy(&all.stdout));
    }

    /// Types a line into a window. There is no window manager that would give it the keyboard.
    pub fn line(&self, window: &str, text: &str) {
        self.xdotool(&["windowfocus", "--sync", window]);
        self.xdotool(&["type", "--delay", "8", text]);
        self.keys(window, &["Return"]);
    }

    /// Presses keys.
    pub fn keys(&self, window: &str, keys: &[&str]) {
        self.xdotool(&["windowfocus", "--sync", window]);
        self.xdotool(&[&["key", "--delay", "30"], keys].concat());
    }

    /// Closes a window from outside, as a person does.
    pub fn close(&self, window: &str) {
        self.xdotool(&["windowkill", window]);
    }

    /// Waits until no window has this title.
    #[track_caller]
    pub fn wait_until_gone(&self, title: &str) {
        for _ in 0..4500 {
            if self.windows(title).is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        panic!("the window called {title} stays");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The child is ours and not yet waited for.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
