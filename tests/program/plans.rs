//! What stands between a call and a change: plans and their files, `--read-only`, the question, the mark, the line.

use crate::sealed::Sealed;
use crate::verbs::{changes, lab};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const BY_SSH: [&str; 2] = ["--transport", "openssh"];

fn words<'a>(front: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [front, &BY_SSH[..], rest].concat()
}

const STOP: [&str; 4] = ["-t", "xen", "-a", "cancel=l:tst100,poweroff:0"];

fn state(sealed: &Sealed, letter: &str) {
    fs::write(sealed.folder.join("hosts/lab00/up"), letter).unwrap();
}

fn audit(sealed: &Sealed) -> String {
    fs::read_to_string(sealed.folder.join("home/.local/state/ctys/audit.log")).unwrap_or_default()
}

#[test]
fn a_plan_is_written_with_its_states_and_carried_out_once() {
    let sealed = lab();
    let file = sealed.folder.join("stop.plan");
    let option = format!("--plan={}", file.display());
    let text = sealed.ctys(&words(&[&option], &[&STOP[..], &["lab00"]].concat())).ok();
    assert!(text.contains("lab00: xen: destroy tst100 (7): as root: xl destroy 7"), "{text}");
    assert_eq!(changes(&sealed), [""; 0]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let plan: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(plan["ctys_plan"], 1);
    let target = &plan["targets"][0];
    assert_eq!((&target["target"], &target["machine"]["node"]), (&Value::from("lab00"), &Value::from("lab00")));
    let seen = &target["state"][0];
    assert_eq!(seen["label"], "tst100");
    assert_eq!(seen["uuid"], "6842caf91e3e43249ed596b8b9f2c5c2");
    assert!(target["steps"][0]["shown"][0].as_str().unwrap().contains("xl destroy 7"), "{target}");
    // A plan is not written over.
    sealed.ctys(&words(&[&option], &[&STOP[..], &["lab00"]].concat())).ends(2);
    let file = file.to_str().unwrap();
    sealed.ctys(&["apply", file]).ends(0);
    assert_eq!(changes(&sealed), ["xl destroy 7"]);
    // Done, it does not hold a second time.
    let stderr = sealed.ctys(&["apply", file]).fails(8);
    assert!(stderr.contains("nothing was changed on any target"), "{stderr}");
    assert_eq!(changes(&sealed), ["xl destroy 7"]);
}

#[test]
fn a_plan_stops_at_any_drift_before_anything_is_changed() {
    let sealed = lab();
    let file = sealed.folder.join("stop.plan");
    let option = format!("--plan={}", file.display());
    sealed.ctys(&words(&[&option], &[&STOP[..], &["lab00"]].concat())).ok();
    let apply = || sealed.ctys(&["apply", file.to_str().unwrap()]);
    state(&sealed, "p");
    let stderr = apply().fails(8);
    assert!(
        stderr.contains("ctys: lab00: refused: ") && stderr.contains("its state is paused, it was running"),
        "{stderr}"
    );
    state(&sealed, "b");
    let tool = fs::read_to_string(sealed.folder.join("hosts/lab00/xl")).unwrap();
    // The same machine under another number is not the one that was meant.
    sealed.host_tool(
        "lab00",
        "xl",
        &tool.replace(
            "tst100                                       7",
            "tst100                                       9",
        ),
    );
    let stderr = apply().fails(8);
    assert!(stderr.contains("tst100: its pid is 9, it was 7"), "{stderr}");
    sealed.host_tool("lab00", "xl", &tool);
    sealed.host_tool("lab00", "uname", "echo 'Linux other 6.1.0-18-amd64 x86_64'");
    let stderr = apply().fails(8);
    assert!(stderr.contains("node") && stderr.contains("other"), "{stderr}");
    assert_eq!(changes(&sealed), [""; 0]);
    assert_eq!(audit(&sealed), "");
}

#[test]
fn one_drift_keeps_all_targets_as_they_are() {
    let sealed = lab();
    sealed.host_tool(
        "lab01",
        "xl",
        &fs::read_to_string(sealed.folder.join("hosts/lab00/xl")).unwrap().replace("$LOG", "$LOG.lab01"),
    );
    let file = sealed.folder.join("stop.plan");
    let option = format!("--plan={}", file.display());
    sealed.ctys(&words(&[&option], &[&STOP[..], &["lab00", "lab01"]].concat())).ok();
    sealed.host_tool("lab01", "uname", "echo 'Linux other 6.1.0-18-amd64 x86_64'");
    sealed.ctys(&["apply", file.to_str().unwrap()]).fails(8);
    assert_eq!(changes(&sealed), [""; 0]);
    assert!(!sealed.folder.join("log.lab01").exists());
}

#[test]
fn what_is_no_plan_is_refused_with_its_reason() {
    let sealed = lab();
    for (text, why) in [
        ("", "EOF"),
        ("{}", "no plan of ctys"),
        ("{\"ctys_plan\": 2}", "layout 2"),
        ("{\"ctys_plan\": 1, \"call\": [], \"targets\": []}", "no call"),
        ("{\"ctys_plan\": 1, \"call\": [\"-h\"], \"targets\": []}", "does something"),
        ("{\"ctys_plan\": 1, \"call\": [\"--apply\", \"x\"], \"targets\": []}", "does something"),
    ] {
        sealed.file("plan", text);
        let stderr = sealed.ctys(&["apply", sealed.folder.join("home/plan").to_str().unwrap()]).fails(2);
        assert!(stderr.contains(why), "{text}: {stderr}");
    }
    // Steps that somebody wrote into it are not what the plugins plan.
    let file = sealed.folder.join("forged");
    sealed.ctys(&words(&[&format!("--plan={}", file.display())], &[&STOP[..], &["lab00"]].concat())).ok();
    let forged = fs::read_to_string(&file).unwrap().replace("\"destroy\"", "\"create\"");
    fs::write(&file, forged).unwrap();
    sealed.ctys(&["apply", file.to_str().unwrap()]).fails(8);
    // A credential is not written down.
    let create = ["-t", "xen", "-a", "create=l:tst100,user:root%secret,reuse,console:none", "lab00"];
    let secret = sealed.folder.join("secret");
    let option = format!("--plan={}", secret.display());
    sealed.ctys(&words(&[&option], &create)).fails(8);
    assert!(!secret.exists());
    assert_eq!(changes(&sealed), [""; 0]);
}

#[test]
fn read_only_refuses_every_change_and_no_question() {
    let sealed = lab();
    let stop = [&STOP[..], &["lab00"]].concat();
    let stderr = sealed.ctys(&words(&["--read-only"], &stop)).fails(8);
    assert!(stderr.contains("ctys: lab00: refused: nothing was done: --read-only"), "{stderr}");
    let sealed = sealed.with("CTYS_READ_ONLY", "1");
    let stderr = sealed.ctys(&words(&[], &stop)).fails(8);
    assert!(stderr.contains("CTYS_READ_ONLY"), "{stderr}");
    sealed.ctys(&words(&["console"], &["-t", "xen", "lab00/tst100"])).fails(8);
    sealed.ctys(&["wakeup", "-t", "127.0.0.1", "00:50:56:13:11:40"]).fails(8);
    // Nothing was asked either: the host was not even reached.
    assert_eq!(sealed.log(), "");
    sealed.ctys(&words(&["-n"], &stop)).ok();
    sealed.ctys(&words(&["ls"], &["-t", "xen", "lab00"])).ok();
    assert_eq!(changes(&sealed), [""; 0]);
}

#[test]
fn many_targets_want_to_be_meant() {
    let sealed = lab();
    let targets = ["lab00", "lab01", "lab02", "lab03", "lab04"];
    let many = [&STOP[..], &targets].concat();
    let stderr = sealed.ctys(&words(&[], &many)).fails(8);
    assert!(stderr.contains("5 targets: lab00 lab01 lab02 lab03 lab04") && stderr.contains("--yes"), "{stderr}");
    assert_eq!(sealed.log(), "");
    sealed.ctys(&words(&["--yes"], &many)).ends(4);
    assert_eq!(changes(&sealed), ["xl destroy 7"]);
    // Questions need no yes, and the number is a setting.
    sealed.ctys(&words(&["-a", "list=terse"], &["lab00", "lab01", "lab00", "lab01", "lab00"])).ends(0);
    let sealed = sealed.with("CTYS_CONFIRM", "1");
    sealed.ctys(&words(&[], &[&STOP[..], &["lab00", "lab01"]].concat())).fails(8);
}

#[test]
fn many_targets_are_asked_for_once_on_a_terminal() {
    for (typed, code) in [("5\n", 4), ("y\n", 8), ("4\n", 8)] {
        let sealed = lab();
        let targets = ["lab00", "lab01", "lab02", "lab03", "lab04"];
        let mut command = sealed.command(&words(&[], &[&STOP[..], &targets].concat()));
        let mut terminal = crate::pty::Pty::start(&mut command);
        terminal.wait_for(b"Type their number");
        terminal.types(typed.as_bytes());
        let (status, heard) = terminal.end();
        assert_eq!(status.code(), Some(code), "{typed}: {}", crate::pty::shown(&heard));
        assert_eq!(changes(&sealed).len(), usize::from(code == 4), "{typed}");
    }
}

#[test]
fn a_marked_machine_is_refused_by_name_unless_the_user_says_so() {
    let sealed = lab();
    let mark = "#@#MAGICID-XEN\n#@#LABEL=\"tst100\"\n#@#UUID=\"6842caf91e3e43249ed596b8b9f2c5c2\"\n#@#PROTECT=\"mia's thesis\"\n";
    fs::create_dir_all(sealed.folder.join("hosts/lab00/home/xen")).unwrap();
    fs::write(sealed.folder.join("hosts/lab00/home/xen/tst100.ctys"), mark).unwrap();
    for method in ["poweroff:0", "reset", "reboot", "pause", "suspend", "init:0"] {
        let action = format!("cancel=l:tst100,{method}");
        let (_, stderr) = sealed.ctys(&words(&["-t", "xen", "-a", &action], &["lab00"])).ends(8);
        assert!(stderr.contains("refused") && stderr.contains("tst100 is protected: mia's thesis"), "{stderr}");
        assert!(stderr.contains("UNPROTECT") && stderr.contains("tst100.ctys"), "{stderr}");
    }
    sealed.ctys(&words(&["-t", "xen", "-a", "cancel=all,poweroff:0"], &["lab00"])).ends(8);
    assert_eq!(changes(&sealed), [""; 0]);
    assert_eq!(audit(&sealed), "");
    sealed.ctys(&words(&["stop"], &["-t", "xen", "lab00/tst100,poweroff:0,UNPROTECT"])).ends(0);
    assert_eq!(changes(&sealed), ["xl destroy 7"]);
    assert!(audit(&sealed).contains("with=UNPROTECT"), "{}", audit(&sealed));
}

#[test]
fn every_change_leaves_one_line_and_a_question_none() {
    let sealed = lab();
    sealed.ctys(&words(&["ls"], &["lab00"])).ends(0);
    sealed.ctys(&words(&["-n"], &[&STOP[..], &["lab00"]].concat())).ok();
    assert_eq!(audit(&sealed), "");
    sealed.ctys(&words(&["pause"], &["-t", "xen", "lab00/tst100"])).ends(0);
    sealed.ctys(&words(&["pause"], &["-t", "xen", "lab00/tst100"])).ends(0);
    sealed.ctys(&words(&[], &[&STOP[..], &["lab00"]].concat())).ends(0);
    let log = audit(&sealed);
    // What is paused already is no change.
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].contains(" target=lab00 type=XEN action=CANCEL machine=l:tst100 how=PAUSE result=done"), "{log}");
    assert!(lines[1].contains("how=POWEROFF result=done") && lines[1].contains(" from="), "{log}");
    let file = sealed.folder.join("home/.local/state/ctys/audit.log");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_change_that_failed_is_written_down_with_its_reason() {
    let sealed = lab();
    sealed.host_tool(
        "lab00",
        "xl",
        &fs::read_to_string(sealed.folder.join("hosts/lab00/xl")).unwrap().replace(
            "destroy|shutdown) : >\"$HOSTS/lab00/up\";;",
            "destroy) echo 'libxl: error: it is \"stuck\"' >&2; exit 1;;",
        ),
    );
    sealed.ctys(&words(&["--total-timeout", "60s"], &[&STOP[..], &["lab00"]].concat())).ends(5);
    let log = audit(&sealed);
    assert!(log.contains("result=failed code=5 phase=run why=\"") && log.lines().count() == 1, "{log}");
}

#[test]
fn a_line_that_cannot_be_written_is_told_and_where_it_goes_is_a_setting() {
    let sealed = lab().with("CTYS_AUDIT", "/proc/nobody/can/write");
    let (_, stderr) = sealed.ctys(&words(&["pause"], &["-q", "-t", "xen", "lab00/tst100"])).ends(0);
    assert!(stderr.contains("the change was not written down: /proc/nobody"), "{stderr}");
    let sealed = lab();
    let file = sealed.folder.join("other.log");
    let sealed = sealed.with("CTYS_AUDIT", file.to_str().unwrap());
    sealed.ctys(&words(&["pause"], &["-t", "xen", "lab00/tst100"])).ends(0);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
    assert_eq!(audit(&sealed), "");
    let sealed = lab().with("CTYS_AUDIT", "off");
    sealed.ctys(&words(&["pause"], &["-t", "xen", "lab00/tst100"])).ends(0);
    assert_eq!(audit(&sealed), "");
}
