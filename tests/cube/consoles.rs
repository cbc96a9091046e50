//! Consoles: a shell in a cube at once, and the terminal of its own program.

use crate::bed::{Bed, Outcome, until};
use crate::terminal::Terminal;
use std::fs;

const SLEEP: &str = "/bin/sleep 1000";
const TALKER: &str = "/bin/sh -c 'echo first words; while read line; do echo \"heard $line\"; done'";

fn console(bed: &Bed, words: &[&str]) -> Outcome {
    Outcome::of(bed.command("cube-console").args(words), b"")
}

/// Whether a process of this command line is in the cube.
fn runs(bed: &Bed, command: &str) -> bool {
    bed.ctl(["web:ps"]).text().lines().any(|line| line.ends_with(command))
}

#[test]
fn a_shell_in_a_cube_is_there_at_once_in_all_its_namespaces() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.ctl(["start", "web"]).silent();
    let terminal = Terminal::start(&bed);
    terminal.line("cube-console web; echo status $?.");
    terminal.wait_for("/ # ");
    terminal.line("hostname; cat /proc/1/cmdline | tr '\\0' '+'; ls /sys/class/net | wc -l; exit 5");
    terminal.wait_for("status 5.");
    let screen = terminal.screen();
    assert!(screen.contains("web\n/bin/sleep+1000+1\n"), "{screen}");
    // What goes on without a terminal is what a script wants.
    let outcome = Outcome::of(bed.command("cube-console").arg("web"), b"hostname; exit 6\n");
    assert_eq!((outcome.code, outcome.text().as_str()), (6, "web\n"));
}

#[test]
fn two_consoles_are_independent_and_the_key_leaves_at_once() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.ctl(["start", "web"]).silent();
    let (one, two) = (Terminal::start(&bed), Terminal::start(&bed));
    one.line("cube-console -v web; echo left $?.");
    two.line("cube-console --notraps web; echo left $?.");
    one.wait_for("/ # ");
    two.wait_for("/ # ");
    // Ctrl-C is the remote command's, and only its own.
    one.line("sleep 500");
    until("the command", || runs(&bed, "sleep 500"));
    one.keys("C-c");
    until("its end", || !runs(&bed, "sleep 500"));
    one.line("sleep 501");
    until("the command", || runs(&bed, "sleep 501"));
    one.keys("C-\\");
    one.wait_for("left 0.");
    assert!(one.screen().contains("console connection exited with: 0"), "{}", one.screen());
    one.line("stty -a | grep -o ' icanon'; echo us\"\"ual.");
    one.wait_for("usual.");
    assert!(one.screen().contains("\n icanon"), "{}", one.screen());
    // Without the key it is typed into the other side: its sleep ends by SIGQUIT.
    two.line("sleep 502; echo ended $?.");
    until("the command", || runs(&bed, "sleep 502"));
    two.keys("C-\\");
    two.wait_for("ended 131.");
    // The cube is stopped meanwhile.
    bed.ctl(["stop", "web"]).silent();
    two.wait_for("left 1");
}

#[test]
fn the_size_of_the_window_is_handed_on() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.ctl(["start", "web"]).silent();
    let terminal = Terminal::start(&bed);
    terminal.line("cube-console web");
    terminal.wait_for("/ # ");
    terminal.line("stty size");
    terminal.wait_for("50 120");
    terminal.resize(100, 40);
    until("the new size", || {
        terminal.line("stty size");
        terminal.screen().contains("40 100")
    });
}

#[test]
fn what_cannot_be_reached_is_named() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    assert_eq!(console(&bed, &["nosuch"]).fails(1), "[ERROR]: container \"nosuch\" not found\n");
    assert_eq!(console(&bed, &["web"]).fails(1), "[ERROR]: container \"web\" is not running\n");
    let list = console(&bed, &["list"]).ok();
    assert_eq!(list, bed.ctl(["list"]).ok() + "essential\n");
    assert!(console(&bed, &[]).ok().starts_with("usage: cube-console"));
    assert_eq!(console(&bed, &["--own", "web"]).code, 1);
}

#[test]
fn the_terminal_of_a_program_is_kept_shown_and_left() {
    let bed = Bed::new();
    bed.cube("talk", TALKER);
    bed.set("talk", "cube.console.mgr", "tty");
    let terminal = Terminal::start(&bed);
    terminal.line("cube-ctl start -a talk; echo left $?.");
    terminal.wait_for("Press Control-\\ to exit the console handler:");
    terminal.wait_for("first words");
    terminal.line("good day");
    terminal.wait_for("heard good day");
    terminal.keys("C-\\");
    terminal.wait_for("left 0.");
    assert_eq!(bed.status("talk"), "running");
    // Whoever comes later sees what was said, and two see the same.
    let (one, two) = (Terminal::start(&bed), Terminal::start(&bed));
    for terminal in [&one, &two] {
        terminal.line("cube-console --own talk; echo left $?.");
        terminal.wait_for("heard good day");
    }
    one.line("again");
    two.wait_for("heard again");
    one.keys("C-\\");
    one.wait_for("left 0.");
    two.line("alone");
    two.wait_for("heard alone");
    // The keeper ends with the cube, and leaves nothing.
    bed.ctl(["stop", "talk"]).silent();
    two.wait_for("left ");
    until("the keeper's end", || !fs::exists(bed.file("talk", ".cube.console")).unwrap());
    assert!(!fs::exists(bed.file("talk", ".cube.console.runtime")).unwrap());
}

#[test]
fn a_start_that_fails_leaves_no_keeper() {
    let bed = Bed::new();
    bed.cube("talk", "/bin/nosuch");
    bed.set("talk", "cube.console.mgr", "tty");
    assert!(bed.ctl(["start", "talk"]).fails(1).contains("/bin/nosuch"));
    until("the keeper's end", || !fs::exists(bed.file("talk", ".cube.console")).unwrap());
    bed.set("talk", "cube.app", TALKER);
    fs::remove_file(bed.file("talk", "config.json")).unwrap();
    bed.ctl(["start", "talk"]).silent();
    // By ctys on another host there would be no keeper: then the program has no terminal.
    let terminal = bed.ctl(["talk:ls", "-l", "/proc/1/fd/0"]).ok();
    assert!(terminal.contains("/dev/pts/0") || terminal.contains("/dev/console"), "{terminal}");
}

#[test]
fn the_keeper_of_an_earlier_life_leaves_the_next_one_alone() {
    let bed = Bed::new();
    bed.cube("talk", TALKER);
    bed.set("talk", "cube.console.mgr", "tty");
    let keepers = || {
        let files =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        let path = bed.file("talk", ".cube.console").display().to_string();
        files.filter(|line| String::from_utf8_lossy(line).contains(&format!("__cube_keeper\0{path}\0"))).count()
    };
    // Nobody has seen what it said, so the first one stays for a moment.
    bed.ctl(["start", "talk"]).silent();
    bed.ctl(["stop", "talk"]).silent();
    bed.ctl(["start", "talk"]).silent();
    until("the end of the first", || keepers() == 1);
    let terminal = Terminal::start(&bed);
    terminal.line("cube-console --own talk");
    terminal.wait_for("first words");
}
