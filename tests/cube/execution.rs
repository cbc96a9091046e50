//! Commands in cubes and on the host.

use crate::bed::{Bed, Outcome};
use crate::terminal::Terminal;
use std::fs;
use std::process::Command;

fn running() -> Bed {
    let bed = Bed::new();
    bed.cube("web", "/bin/sleep 1000");
    fs::write(bed.file("web", "rootfs/etc/hostname"), "cube-01-12-15-web\n").unwrap();
    bed.ctl(["start", "web"]).silent();
    bed
}

#[test]
fn a_command_runs_in_the_cube_or_on_the_host() {
    let bed = running();
    assert_eq!(bed.ctl(["web:cat", "/etc/hostname"]).ok(), "cube-01-12-15-web\n");
    assert_eq!(bed.ctl(["web:hostname"]).ok(), "cube-01-12-15-web\n");
    let uname = String::from_utf8(Command::new("uname").arg("-a").output().unwrap().stdout).unwrap();
    assert_eq!(bed.ctl(["host:uname", "-a"]).ok(), uname);
    assert_eq!(bed.ctl(["essential:uname", "-a"]).ok(), uname);
    let complaint = bed.ctl(["cube-invalid:ls", "/etc"]).fails(1);
    assert_eq!(complaint, "Error, container cube-invalid does not exist.\n");
}

#[test]
fn the_status_of_a_command_is_ours() {
    let bed = running();
    for target in ["web", "host"] {
        let status = |words: &[&str]| {
            let mut all = words.to_vec();
            let first = format!("{target}:{}", words[0]);
            all[0] = &first;
            bed.ctl(all).code
        };
        assert_eq!(status(&["sh", "-c", "exit 7"]), 7, "{target}");
        assert_eq!(status(&["sh", "-c", "exit 255"]), 255, "{target}");
        assert_eq!(status(&["sh", "-c", "kill -9 $$"]), 137, "{target}");
        assert!(matches!(status(&["nosuch-program"]), 127 | 255), "{target}");
    }
    assert!(bed.ctl(["web:nosuch-program"]).stderr.contains("nosuch-program"));
}

#[test]
fn arguments_and_streams_arrive_unharmed() {
    let bed = running();
    for target in ["web", "host"] {
        let printed = bed.ctl([&format!("{target}:printf"), "%s\n", "a:b", "x  y", "$HOME", "*", "", "-v", "é\\"]).ok();
        assert_eq!(printed, "a:b\nx  y\n$HOME\n*\n\n-v\né\\\n");
        let binary: Vec<u8> = (0..1u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let outcome = Outcome::of(bed.command("cube-ctl").arg(format!("{target}:cat")), &binary);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        assert!(outcome.stdout == binary, "{target}: the bytes are not the same");
        let apart = bed.ctl([&format!("{target}:sh"), "-c", "echo out; echo err >&2"]);
        assert_eq!((apart.text().as_str(), apart.stderr.as_str()), ("out\n", "err\n"), "{target}");
    }
}

#[test]
fn a_terminal_is_there_when_it_is_asked_for() {
    let bed = running();
    let outcome = bed.ctl(["web:tty"]);
    assert_eq!((outcome.code, outcome.text().as_str()), (1, "not a tty\n"));
    let terminal = Terminal::start(&bed);
    terminal.line("cube-ctl web:tty; echo with\"\"out.");
    terminal.wait_for("without.");
    assert!(terminal.screen().contains("not a tty"), "{}", terminal.screen());
    terminal.line("cube-ctl -i web:sh -c 'tty; exit 6'; echo status $?.");
    terminal.wait_for("status 6.");
    assert!(terminal.screen().contains("/dev/pts/"), "{}", terminal.screen());
}

#[test]
fn nothing_runs_in_a_cube_that_does_not() {
    let bed = Bed::new();
    bed.cube("web", "/bin/sleep 1000");
    let complaint = bed.ctl(["web:true"]).fails(1);
    assert_eq!(complaint, "[ERROR]: container web is not running, not executing command\n");
}
