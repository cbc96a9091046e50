//! Starting, stopping, freezing; what is left behind, and what is mended.

use crate::bed::{Bed, Outcome, until};
use crate::terminal::Terminal;
use std::fs;

const SLEEP: &str = "/bin/sleep 1000";

#[test]
fn a_cube_is_started_and_stopped_without_a_word() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.ctl(["start", "web"]).silent();
    assert_eq!(bed.status("web"), "running");
    let pid = bed.pid("web");
    // Its own terminal is not ours, nor anything else we had open.
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|fd| fs::read_link(fd.unwrap().path()).unwrap());
    assert_eq!(open.map(|file| file.display().to_string()).collect::<Vec<_>>(), ["/dev/null"; 3]);
    bed.ctl(["stop", "web"]).silent();
    assert_eq!(bed.status("web"), "absent");
    // Whoever is its parent by then may not yet have waited for it.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    assert_eq!(bed.ctl(["info", "web"]).ok(), "Name:           web\nState:          STOPPED\n");
    bed.ctl(["stop", "web"]).silent();
    bed.ctl(["start", "web"]).silent();
    let uptime = bed.ctl(["web:uptime"]).ok();
    assert!(uptime.contains("load average:"), "{uptime}");
}

#[test]
fn a_cube_that_runs_is_not_started_again() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.ctl(["start", "web"]).silent();
    let pid = bed.pid("web");
    assert_eq!(bed.ctl(["start", "web"]).ok(), "container web is already running ...\n");
    assert_eq!(bed.pid("web"), pid);
}

#[test]
fn what_does_not_exist_is_named_beside_what_does() {
    let bed = Bed::new();
    bed.cube("b", SLEEP);
    bed.cube("a", SLEEP);
    let check = |words: &[&str], lines: &[&str]| {
        let complaint = bed.ctl(words).fails(1);
        assert_eq!(complaint.lines().take(lines.len()).collect::<Vec<_>>(), lines, "{words:?}");
    };
    check(&["start", "nosuch"], &["[ERROR]: container nosuch not found, cannot start.", "Valid containers are: a b"]);
    check(&["stop", "nosuch"], &["[ERROR]: container nosuch not found, cannot stop.", "Valid containers are: a b"]);
    check(&["stop"], &["[ERROR]: no container name provided", "usage: cube-ctl COMMAND [OPTION...] [ARGUMENT...]"]);
    check(&["start"], &["[ERROR]: no container name provided"]);
    check(&["dance"], &["Unknown command dance"]);
    for name in ["a b", "../x", "a/b", "", "-", ".a"] {
        let complaint = bed.ctl(["start", name]).fails(1);
        assert!(complaint.contains("ERROR"), "{name:?}: {complaint}");
    }
    assert_eq!(bed.status("a"), "absent");
}

#[test]
fn a_program_is_asked_to_end_and_made_to() {
    let bed = Bed::new();
    bed.cube("polite", "/bin/sh -c 'trap \"echo bye >/tmp/bye; exit\" TERM; while :; do sleep 0.1; done'");
    bed.cube("stubborn", "/bin/sh -c 'trap \"echo no >>/tmp/no\" TERM; while :; do sleep 0.1; done'");
    for name in ["polite", "stubborn"] {
        bed.ctl(["start", name]).silent();
        // Until its shell has set the trap a signal is thrown away by the kernel.
        let status = format!("/proc/{}/status", bed.pid(name));
        until("the trap", || {
            let text = fs::read_to_string(&status).unwrap();
            let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_string();
            u64::from_str_radix(&mask, 16).unwrap() >> 14 & 1 == 1
        });
    }
    Outcome::of(bed.command("cube-ctl").args(["stop", "polite"]).env("CTYS_CUBE_GRACE", "120"), b"").silent();
    assert_eq!(fs::read_to_string(bed.file("polite", "rootfs/tmp/bye")).unwrap(), "bye\n");
    Outcome::of(bed.command("cube-ctl").args(["stop", "stubborn"]).env("CTYS_CUBE_GRACE", "10"), b"").silent();
    assert_eq!(fs::read_to_string(bed.file("stubborn", "rootfs/tmp/no")).unwrap(), "no\n");
    assert_eq!((bed.status("polite"), bed.status("stubborn")), ("absent".into(), "absent".into()));
}

#[test]
fn in_the_foreground_output_and_status_are_ours() {
    let bed = Bed::new();
    bed.cube("job", "/bin/sh -c 'echo working; echo wrong >&2; cat; exit 9'");
    let outcome = Outcome::of(bed.command("cube-ctl").args(["start", "-f", "job"]), b"typed\n");
    assert_eq!((outcome.code, outcome.text().as_str()), (9, "working\ntyped\n"));
    assert_eq!(outcome.stderr, "Running container 'job' in foreground:\nwrong\n");
    assert_eq!(bed.status("job"), "absent");
}

#[test]
fn in_the_foreground_with_a_terminal_a_shell_is_at_hand() {
    let bed = Bed::new();
    bed.cube("box", "/bin/sh");
    for words in ["start -f -i box", "start -i box"] {
        let terminal = Terminal::start(&bed);
        terminal.line(&format!("cube-ctl {words}; echo status $?."));
        terminal.wait_for("/ # ");
        terminal.line("tty; exit 4");
        terminal.wait_for("/dev/");
        terminal.wait_for("status 4.");
    }
    assert_eq!(bed.status("box"), "absent");
}

#[test]
fn a_tag_starts_all_and_only_those_that_have_it() {
    let bed = Bed::new();
    for (name, tag) in [("a", "dom0"), ("b", "dom0"), ("c", "dom"), ("d", "essential")] {
        bed.cube(name, SLEEP);
        bed.set(name, "autostart", tag);
    }
    let running = || ["a", "b", "c", "d"].into_iter().filter(|name| bed.status(name) == "running").collect::<String>();
    for words in [&["start", "--auto=dom"][..], &["--auto", "dom", "start"], &["start", "auto=dom"]] {
        bed.ctl(words).silent();
        assert_eq!(running(), "c", "{words:?}");
        bed.ctl(["stop", "c"]).silent();
    }
    bed.ctl(["start", "--auto=dom0"]).silent();
    assert_eq!(running(), "ab");
}

#[test]
fn what_a_cube_depends_on_is_started_before_it() {
    let bed = Bed::new();
    for name in ["a", "b", "c"] {
        bed.cube(name, SLEEP);
    }
    bed.set("a", "depends", "b");
    bed.set("b", "depends", "c");
    bed.ctl(["start", "a"]).silent();
    let created = |name: &str| bed.state(name).unwrap()["created"].as_str().unwrap().to_string();
    assert!(created("c") < created("b") && created("b") < created("a"));
    for name in ["a", "b", "c"] {
        bed.ctl(["stop", name]).silent();
        bed.set(name, "autostart", "dom0");
    }
    bed.ctl(["start", "--auto=dom0"]).silent();
    assert!(created("c") < created("b") && created("b") < created("a"));
    for name in ["a", "b", "c"] {
        bed.ctl(["stop", name]).silent();
    }
    bed.set("c", "depends", "a");
    let complaint = "[ERROR]: containers depend on each other in a circle: a -> b -> c -> a\n";
    assert_eq!(bed.ctl(["start", "a"]).fails(1), complaint);
    assert_eq!(bed.ctl(["start", "--auto=dom0"]).fails(1), complaint);
    assert_eq!(bed.status("b"), "absent");
}

#[test]
fn a_start_that_fails_leaves_nothing_and_the_next_one_works() {
    let bed = Bed::new();
    bed.cube("web", "/bin/nosuch");
    let complaint = bed.ctl(["start", "web"]).fails(1);
    assert!(complaint.contains("/bin/nosuch") && complaint.contains("no such file"), "{complaint}");
    assert_eq!(bed.status("web"), "absent");
    assert_eq!(bed.listed("web", 2).as_deref(), Some("available"));
    bed.set("web", "cube.app", SLEEP);
    fs::remove_file(bed.file("web", "config.json")).unwrap();
    bed.ctl(["start", "web"]).silent();
    assert_eq!(bed.status("web"), "running");
}

#[test]
fn a_program_that_ends_by_itself_is_seen_and_started_again() {
    let bed = Bed::new();
    bed.cube("web", "/bin/sh -c 'while [ ! -e /tmp/end ]; do sleep 0.05; done; rm /tmp/end'");
    bed.ctl(["start", "web"]).silent();
    fs::write(bed.file("web", "rootfs/tmp/end"), "").unwrap();
    until("the end is listed", || bed.listed("web", 2).as_deref() == Some("stopped"));
    bed.ctl(["start", "web"]).silent();
    assert_eq!(bed.listed("web", 2).as_deref(), Some("running"));
}

#[test]
fn after_a_reboot_old_records_are_no_running_cubes() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.cube("db", SLEEP);
    bed.ctl(["start", "web"]).silent();
    bed.ctl(["start", "db"]).silent();
    // What the machine forgets: processes, and the records of the runtime where they are in memory.
    let state = fs::read(bed.folder.join("records/db/state.json")).unwrap();
    for name in ["web", "db"] {
        bed.runc(&["delete", "--force", name]).silent();
        bed.set(name, ".cube.pid", "4711");
    }
    assert_eq!(bed.listed("web", 2).as_deref(), Some("available"));
    // Records on disk outlive it: their process is another one then, or none.
    fs::create_dir_all(bed.folder.join("records/db")).unwrap();
    fs::write(bed.folder.join("records/db/state.json"), state).unwrap();
    // A start that was cut short by the loss of power.
    fs::create_dir_all(bed.folder.join("records/web")).unwrap();
    assert_eq!(bed.listed("db", 2).as_deref(), Some("stopped"));
    for name in ["web", "db"] {
        bed.ctl(["start", name]).silent();
        assert_eq!(bed.status(name), "running");
    }
}

#[test]
fn a_frozen_cube_answers_nothing_and_thaws() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    assert!(bed.ctl(["pause", "web"]).fails(1).contains("is not running"));
    bed.ctl(["start", "web"]).silent();
    bed.ctl(["pause", "web"]).silent();
    assert_eq!((bed.status("web"), bed.listed("web", 2)), ("paused".into(), Some("paused".into())));
    assert!(bed.ctl(["web:true"]).fails(1).contains("is paused"));
    bed.ctl(["resume", "web"]).silent();
    assert_eq!(bed.status("web"), "running");
    bed.ctl(["web:true"]).silent();
    bed.ctl(["pause", "web"]).silent();
    bed.ctl(["stop", "web"]).silent();
    assert_eq!(bed.status("web"), "absent");
}

#[test]
fn calls_for_one_cube_come_one_after_the_other_and_a_killed_one_is_mended() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    let calls: Vec<_> = (0..12)
        .map(|n| {
            let mut command = bed.command("cube-ctl");
            command.args([if n % 2 == 0 { "start" } else { "stop" }, "web"]);
            std::thread::spawn(move || Outcome::of(&mut command, b""))
        })
        .collect();
    for call in calls {
        let outcome = call.join().unwrap();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    }
    // Killed at whatever moment it is at; the pauses only spread those moments.
    for n in 0..20u64 {
        let mut command = bed.command("cube-ctl");
        let mut child = command.args([if n % 3 == 2 { "stop" } else { "start" }, "web"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(n * 9));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let outcome = bed.ctl(["start", "web"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(bed.status("web"), "running");
    bed.ctl(["stop", "web"]).silent();
    assert_eq!(bed.status("web"), "absent");
    let left: Vec<_> = fs::read_dir(bed.folder.join("records")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
