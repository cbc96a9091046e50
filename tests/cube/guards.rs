//! Short verbs on cubes, the mark that keeps one, `CTYS_READ_ONLY`, and the line of a change.

use crate::bed::{Bed, Outcome};
use crate::terminal::Terminal;
use std::fs;
use std::path::PathBuf;

const SLEEP: &str = "/bin/sleep 1000";

fn ctys(bed: &Bed, words: &[&str]) -> Outcome {
    let mut command = bed.command("ctys");
    command.env("XDG_STATE_HOME", bed.folder.join("state-home"));
    Outcome::of(command.args(words), b"")
}

fn audit(bed: &Bed) -> PathBuf {
    bed.folder.join("state-home/ctys/audit.log")
}

#[test]
fn the_verbs_start_pause_and_stop_a_cube_and_run_a_command_in_it() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    // Of which type it is, this machine itself says.
    for _ in 0..2 {
        assert_eq!(ctys(&bed, &["start", "localhost/web"]).code, 0);
        assert_eq!(bed.status("web"), "running");
    }
    let terminal = Terminal::start(&bed);
    terminal.line("ctys exec -t cube localhost/web -- sh -c 'echo in:$((40+2)):$HOSTNAME; exit 7'; echo code=$?");
    terminal.wait_for("in:42:");
    terminal.wait_for("code=5");
    assert_eq!(ctys(&bed, &["pause", "localhost/web"]).code, 0);
    assert_eq!(bed.status("web"), "paused");
    assert_eq!(ctys(&bed, &["stop", "localhost/web,POWEROFF:0"]).code, 0);
    assert_eq!(bed.status("web"), "absent");
    let log = fs::read_to_string(audit(&bed)).unwrap();
    let how: Vec<&str> = log.lines().map(|line| line.split("how=").nth(1).unwrap()).collect();
    assert_eq!(how, ["REUSE result=done", "PAUSE result=done", "POWEROFF result=done"], "{log}");
}

#[test]
fn a_command_in_a_cube_is_run_by_the_account_and_in_the_folder_that_are_named() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    let accounts = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:nobody:/tmp:/bin/sh\n";
    fs::write(bed.file("web", "rootfs/etc/passwd"), accounts).unwrap();
    let run = |words: &str| {
        let action = format!("create=l:web,REUSE,CONSOLE:CLI,{words},CMD:sh%-c%id -u; id -g; pwd");
        ctys(&bed, &["-t", "cube", "-a", &action, "localhost"])
    };
    let ran = run("USER:nobody,CHDIR:/var");
    assert_eq!((ran.code, ran.text().as_str()), (0, "65534\n65533\n/var\n"), "{}", ran.stderr);
    let ran = run("USER:7:8");
    assert_eq!((ran.code, ran.text().as_str()), (0, "7\n8\n/\n"), "{}", ran.stderr);
    // What a start remarks is not lost behind what is run then.
    bed.ctl(["stop", "web"]).silent();
    bed.set("web", ".cube.regen.flag", "config.json");
    let ran = run("CHDIR:/var");
    assert!(ran.stderr.contains("container web starts without the settings changed last"), "{}", ran.stderr);
    let refused = run("USER:mallory").fails(5);
    assert!(refused.contains("there is no account mallory in web"), "{refused}");
}

#[test]
fn a_marked_cube_is_kept_by_every_way_to_end_it() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.cube("db", SLEEP);
    bed.set("web", "cube.protect", "the shop runs in it");
    bed.ctl(["start", "web"]).silent();
    bed.ctl(["start", "db"]).silent();
    let pid = bed.pid("web");
    for method in ["poweroff:0", "reset", "reboot", "pause", "force"] {
        let outcome = ctys(&bed, &["-t", "cube", "-a", &format!("cancel=l:web,{method}"), "localhost"]);
        assert_eq!(outcome.code, 8, "{method}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("web is protected: the shop runs in it"), "{}", outcome.stderr);
    }
    // Nobody else is ended on the way to a refusal.
    assert_eq!(ctys(&bed, &["-t", "cube", "-a", "cancel=all", "localhost"]).code, 8);
    assert_eq!(bed.status("db"), "running");
    for words in [&["stop", "web"][..], &["pause", "web"], &["del", "-F", "web"]] {
        let complaint = bed.ctl(words).fails(1);
        assert!(complaint.contains("web is protected: the shop runs in it"), "{words:?}: {complaint}");
    }
    assert_eq!((bed.pid("web"), bed.status("web").as_str()), (pid, "running"));
    assert_eq!(ctys(&bed, &["stop", "-t", "cube", "localhost/web,UNPROTECT,POWEROFF:0"]).code, 0);
    assert_eq!(bed.status("web"), "absent");
    fs::remove_file(bed.file("web", "cube.protect")).unwrap();
    bed.ctl(["del", "web"]).ok();
}

#[test]
fn a_tool_changes_nothing_when_nothing_may_be_changed_and_leaves_a_line_otherwise() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    let ctl = |words: &[&str], read_only: &str| {
        let mut command = bed.command("cube-ctl");
        command.env("XDG_STATE_HOME", bed.folder.join("state-home")).env("CTYS_READ_ONLY", read_only);
        Outcome::of(command.args(words), b"")
    };
    let outcome = ctl(&["start", "web"], "1");
    assert!(outcome.code != 0 && outcome.stderr.contains("CTYS_READ_ONLY"), "{}", outcome.stderr);
    assert_eq!((bed.status("web").as_str(), ctl(&["list"], "1").code), ("absent", 0));
    assert!(!audit(&bed).exists());
    ctl(&["start", "web"], "").silent();
    ctl(&["list"], "").ok();
    let log = fs::read_to_string(audit(&bed)).unwrap();
    assert!(log.lines().count() == 1 && log.contains(" tool=\"cube-ctl start web\" result=done"), "{log}");
}
