//! The serial line in a terminal: what is typed comes to the guest, what it answers is seen.

use crate::host::Lab;
use crate::sealed::repository;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const UUID: &str = "11111111-2222-4333-8444-000000000003";

/// A tmux of its own.
pub struct Terminal {
    socket: String,
}

impl Terminal {
    fn start(lab: &Lab) -> Terminal {
        Terminal::in_environment("console", &lab.variables())
    }

    /// With these variables; of what it is for, only one at a time.
    pub fn in_environment(what: &str, variables: &[(&str, PathBuf)]) -> Terminal {
        let terminal = Terminal { socket: format!("ctys-qemu-{what}-{}", std::process::id()) };
        let mut words: Vec<String> =
            ["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40"].map(String::from).to_vec();
        for (name, value) in variables {
            words.extend(["-e".into(), format!("{name}={}", value.display())]);
        }
        words.extend(["-e".into(), "DISPLAY=".into(), "sh".into()]);
        terminal.call(&words.iter().map(String::as_str).collect::<Vec<_>>());
        terminal
    }

    fn call(&self, words: &[&str]) -> String {
        let mut command = Command::new("tmux");
        let output = command.current_dir(repository()).args(["-L", &self.socket]).args(words).output().expect("tmux");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Types a line.
    pub fn line(&self, text: &str) {
        self.call(&["send-keys", "-l", "--", text]);
        self.key("Enter");
    }

    /// Presses a key, by tmux's name for it.
    pub fn key(&self, key: &str) {
        self.call(&["send-keys", key]);
    }

    /// Forgets what was seen.
    pub fn clear(&self) {
        self.call(&["send-keys", "-R"]);
        self.call(&["clear-history"]);
    }

    /// Waits until this is seen. A guest under emulation takes its time.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        for _ in 0..3000 {
            let screen = self.call(&["capture-pane", "-p", "-J"]);
            if screen.contains(text) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{text} never came:\n{}", self.call(&["capture-pane", "-p", "-J"]));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.call(&["kill-server"]);
    }
}

#[test]
fn what_is_typed_is_answered_and_the_machine_stays_when_one_leaves() {
    let lab = Lab::start(&["lab00"]);
    let machine = lab.configure("lab00", "tst100", UUID, "");
    let terminal = Terminal::start(&lab);
    let ctys = format!("{} --ssh-config {} -t qemu", env!("CARGO_BIN_EXE_ctys"), lab.config().display());
    terminal.line(&format!("{ctys} -a create=l:tst100,CONSOLE:cli lab00; echo \"left with $?\""));
    terminal.wait_for("the guest is up");
    terminal.line("echo $((1234 * 5678))");
    terminal.wait_for("7006652");
    terminal.call(&["send-keys", "C-]"]);
    terminal.wait_for("left with 0");
    assert_eq!(machine.status(), "running");
    // Whoever comes later sees what was said before.
    terminal.line(&format!("clear; {ctys} -a create=l:tst100,CONNECT,CONSOLE:cli lab00; echo \"left with $?\""));
    terminal.wait_for("7006652");
    terminal.line("echo $((4321 * 8765))");
    terminal.wait_for("37873565");
    terminal.call(&["send-keys", "C-]"]);
    terminal.wait_for("left with 0");
    assert!(machine.log().contains("the guest is up"));
}
