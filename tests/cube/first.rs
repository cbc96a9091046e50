//! The first steps on a host that never had a cube, and what a newcomer is told where he goes wrong.

use crate::bed::{Bed, Outcome};
use std::fs;

const SLEEP: &str = "/bin/sleep 1000";

#[test]
fn a_host_that_never_had_a_cube_lists_none_and_takes_the_first() {
    let bed = Bed::new();
    bed.cube("model", SLEEP);
    let source = bed.folder.join("source");
    fs::rename(bed.file("model", "rootfs"), &source).unwrap();
    for folder in ["containers", "state", "records"] {
        fs::remove_dir_all(bed.folder.join(folder)).unwrap();
    }
    let list = bed.ctl(["list"]).ok();
    assert_eq!(list.lines().count(), 2, "{list}");
    let none = "There is no container yet; 'cube-ctl add' makes one\n";
    let complaint = bed.ctl(["start", "web"]).fails(1);
    assert!(complaint.ends_with(&format!("container web not found, cannot start.\n{none}")), "{complaint}");
    let add = bed.ctl(["add", "-n", "web", source.to_str().unwrap()]).ok();
    assert!(add.ends_with("[INFO] Succeeded\n"), "{add}");
    assert_eq!(bed.listed("web", 2).as_deref(), Some("available"));
}

#[test]
fn settings_that_do_not_hold_yet_are_told_of_at_the_start() {
    let bed = Bed::new();
    bed.cube("web", "/sbin/nosuch");
    let cfg = |words: &[&str]| Outcome::of(bed.command("cube-cfg").args(["-n", "web"]).args(words), b"");
    // A program that is not there: what it is set by.
    let complaint = bed.ctl(["start", "web"]).fails(1);
    let lines: Vec<&str> = complaint.lines().collect();
    assert!(lines[0].contains("was not started: ") && lines[0].contains("/sbin/nosuch"), "{complaint}");
    assert_eq!(
        lines[1], "[INFO]: what it runs is set by 'cube-cfg -n web set app:PROGRAM' and 'cube-cfg gen web'",
        "{complaint}"
    );
    // config.json is there from the first attempt, and is older than what is set here.
    cfg(&["set", &format!("app:{SLEEP}")]).silent();
    assert_eq!(bed.listed("web", 3).as_deref(), Some("dirty"));
    let warning = "[WARNING]: container web starts without the settings changed last: 'cube-cfg gen web' and another start apply them\n";
    let complaint = bed.ctl(["start", "web"]).fails(1);
    assert!(complaint.starts_with(warning), "{complaint}");
    cfg(&["gen", "web"]).silent();
    bed.ctl(["start", "web"]).silent();
    // One that runs is started without what came later.
    cfg(&["set", "cube.dir:/tmp"]).silent();
    bed.ctl(["stop", "web"]).silent();
    let outcome = bed.ctl(["start", "web"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, warning));
    bed.ctl(["stop", "web"]).silent();
    cfg(&["gen", "web"]).silent();
    // What config.json knows nothing of holds at once, and whoever sets it last hides nothing.
    cfg(&["set", "autostart:boot"]).silent();
    bed.ctl(["start", "web"]).silent();
    bed.ctl(["stop", "web"]).silent();
    cfg(&["set", "cube.env:A=b"]).silent();
    cfg(&["set", "autostart:late"]).silent();
    let outcome = bed.ctl(["start", "web"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, warning));
    // A start that makes config.json takes everything.
    bed.ctl(["stop", "web"]).silent();
    fs::remove_file(bed.file("web", "config.json")).unwrap();
    bed.ctl(["start", "web"]).silent();
    assert_eq!(bed.listed("web", 3).as_deref(), Some("--"));
    assert_eq!(bed.ctl(["web:pwd"]).ok(), "/tmp\n");
}

#[test]
fn a_command_that_fails_in_a_cube_is_told_with_its_status() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.ctl(["start", "web"]).silent();
    let exec = |command: &[&str]| {
        let words = [&["exec", "-t", "cube", "localhost/web", "--"], command].concat();
        Outcome::of(bed.command("ctys").args(words), b"")
    };
    assert_eq!((exec(&["true"]).code, exec(&["printf", "a  b\\n"]).text().as_str()), (0, "a  b\n"));
    for (command, name, status) in
        [(&["sh", "-c", "exit 3"][..], "sh", 3), (&["sh", "-c", "exit 255"], "sh", 255), (&["false"], "false", 1)]
    {
        let outcome = exec(command);
        let told = format!("run: cube: {name} in web ended with status {status}");
        assert!(outcome.code == 5 && outcome.stderr.contains(&told), "{command:?}: {outcome:?}");
    }
}
