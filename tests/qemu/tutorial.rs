//! The tutorial of the manual, typed line by line into a terminal: `man/ctys-tutorial.7`, the blocks marked `tutorial`.

use crate::console::Terminal;
use crate::sealed::{plugins, repository};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// One line of a block.
enum Line {
    /// Behind `$ `, with its lines behind `> `.
    Shell(Vec<String>),
    /// Behind `guest# `.
    Guest(String),
    /// What is answered, as far as it matters.
    Answer(String),
}

/// The lines of the tutorial.
fn lines() -> Vec<Line> {
    let page = fs::read_to_string(repository().join("man/ctys-tutorial.7")).unwrap();
    let mut lines = Vec::new();
    let (mut marked, mut inside) = (false, false);
    for line in page.lines() {
        match line {
            ".\\\" tutorial" => marked = true,
            ".Bd -literal -offset indent" => inside = std::mem::take(&mut marked),
            ".Ed" => inside = false,
            _ if inside => {
                let line = line.replace("\\&", "").replace("\\e", "\\");
                if let Some(call) = line.strip_prefix("$ ") {
                    lines.push(Line::Shell(vec![call.to_string()]));
                } else if let (Some(more), Some(Line::Shell(call))) = (line.strip_prefix("> "), lines.last_mut()) {
                    call.push(more.to_string());
                } else if let Some(call) = line.strip_prefix("guest# ") {
                    lines.push(Line::Guest(call.to_string()));
                } else {
                    lines.push(Line::Answer(line));
                }
            }
            _ => {}
        }
    }
    lines
}

/// The home of whoever follows the tutorial; with it goes the machine that a failed test leaves.
struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        let machines = fs::read_dir(self.0.join("run")).into_iter().flatten().flatten();
        for machine in machines {
            let number = fs::read_to_string(machine.path().join("pid")).unwrap_or_default();
            let arguments = fs::read_to_string(format!("/proc/{}/cmdline", number.trim())).unwrap_or_default();
            // The number may be somebody else's by now; the folder is only ours.
            if let (Ok(number), true) = (number.trim().parse(), arguments.contains(self.0.to_str().unwrap())) {
                // SAFETY: a process of this test, as its arguments say.
                unsafe { libc::kill(number, libc::SIGKILL) };
            }
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_tutorial_leads_from_nothing_to_a_guest_with_a_console() {
    let of_this_run = Home(std::env::temp_dir().join(format!("ctys-tutorial-{}", std::process::id())));
    let home = of_this_run.0.clone();
    let _ = fs::remove_dir_all(&home);
    let bin = home.join("bin");
    fs::create_dir_all(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_ctys"), bin.join("ctys")).unwrap();
    let variables: Vec<(&str, PathBuf)> = vec![
        ("HOME", home.clone()),
        ("CTYS_PLUGIN_PATH", plugins()),
        ("CTYS_QEMU_RUN_DIR", home.join("run")),
        ("CTYS_QEMU_STATE_DIR", home.join("state")),
    ];
    let terminal = Terminal::in_environment("tutorial", &variables);
    // The profile of a login shell may have set another one.
    terminal.line(&format!("PATH='{}':$PATH; cd; echo is''up", bin.display()));
    terminal.wait_for("isup");
    let (mut calls, mut in_guest) = (0, false);
    let all = lines();
    for (number, line) in all.iter().enumerate() {
        match line {
            Line::Shell(call) => {
                calls += 1;
                // Each call has a screen of its own, so that an answer is its answer. It says how it ended, unless it takes the terminal.
                terminal.clear();
                terminal.line("clear");
                in_guest = all[number + 1..]
                    .iter()
                    .take_while(|line| !matches!(line, Line::Shell(_)))
                    .any(|line| matches!(line, Line::Guest(_)));
                for (n, part) in call.iter().enumerate() {
                    // What stands behind a here-document would be a part of its end mark.
                    terminal.line(part);
                    assert!(n > 0 || call.len() == 1 || part.contains("<<"), "{part}");
                }
                if !in_guest {
                    terminal.line(&format!("echo \"call {calls} ended: $?\""));
                    terminal.wait_for(&format!("call {calls} ended: 0"));
                }
            }
            Line::Guest(call) if call == "^]" => {
                terminal.key("C-]");
                terminal.line(&format!("echo \"call {calls} ended: $?\""));
                terminal.wait_for(&format!("call {calls} ended: 0"));
                in_guest = false;
            }
            Line::Guest(call) => {
                assert!(in_guest);
                terminal.wait_for("guest#");
                terminal.line(call);
            }
            Line::Answer(text) => terminal.wait_for(text),
        }
    }
    assert!(calls > 20, "{calls}");
    drop(terminal);
    drop(of_this_run);
}
