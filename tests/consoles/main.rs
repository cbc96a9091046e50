//! Consoles for real: xterm, gnome-terminal and emacs on a screen of their own, terminals, and the system's ssh to a real sshd.

#[path = "../bed/mod.rs"]
mod bed;
#[path = "../qemu/host.rs"]
mod host;
#[path = "../pty/mod.rs"]
mod pty;
#[path = "../sealed/mod.rs"]
mod sealed;

mod bash;
mod clocks;
mod screen;
mod serial;
mod terminals;
mod windows;

use bed::Bed;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// `ctys` with the hosts of a bed, sealed from the account that runs the tests. The hosts' home is `home` in the bed.
fn ctys(bed: &Bed, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
    command
        .args(["--ssh-config", bed.config.to_str().unwrap()])
        .args(words)
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .env("HOME", bed.path("home"))
        .env("USER", &bed.user)
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm")
        .env("CTYS_PLUGIN_PATH", std::env::current_exe().unwrap().parent().unwrap())
        .current_dir(&bed.folder)
        .stdin(Stdio::null());
    command
}

/// A file that something typed into a console is to make.
fn note(bed: &Bed, name: &str) -> PathBuf {
    bed.path("home").join(name)
}

/// Waits for the text of a file.
#[track_caller]
fn wait_for_text(file: &PathBuf) -> String {
    for _ in 0..9000 {
        match std::fs::read_to_string(file) {
            Ok(text) if text.ends_with('\n') => return text,
            _ => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
    panic!("{} never came", file.display());
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The output of a call that is to end with this code.
#[track_caller]
fn ends(output: Output, code: i32) -> (String, String) {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
    (stdout, stderr)
}
