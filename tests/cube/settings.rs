//! cube-cfg: what is set, printed and made of it.

use crate::bed::{Bed, Outcome, until};
use crate::sealed::executable;
use serde_json::{Value, json};
use std::fs;

const SLEEP: &str = "/bin/sleep 1000";

impl Bed {
    fn cfg(&self, words: &[&str]) -> Outcome {
        Outcome::of(self.command("cube-cfg").args(["-n", "web"]).args(words), b"")
    }

    /// `config.json` as the settings make it.
    fn made(&self) -> Value {
        self.cfg(&["gen", "web"]).silent();
        serde_json::from_slice(&fs::read(self.file("web", "config.json")).unwrap()).unwrap()
    }
}

#[test]
fn values_are_set_printed_added_removed_and_cleared() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    let check = |words: &[&str], key: &str, want: &str| {
        bed.cfg(words).silent();
        assert_eq!(bed.cfg(&["get", key]).ok(), want, "{words:?}");
    };
    check(&["set", "cube.dir:/tmp"], "cube.dir", "/tmp\n");
    check(&["cube.dir:/var"], "cube.dir:", "/var\n");
    assert_eq!(bed.cfg(&["cube.dir:"]).ok(), "/var\n");
    check(&[":cube.dir"], "cube.dir", "\n");
    assert_eq!(fs::read_to_string(bed.file("web", "cube.dir")).unwrap(), "\n");
    check(&["set", "app:/bin/sh -c 'sleep 9'"], "app", "/bin/sh -c 'sleep 9'\n");
    check(&["app:/bin/sleep", "7"], "app", "/bin/sleep 7\n");
    check(&["set", "cube.env:A=1"], "cube.env", "A=1\n");
    check(&["set", "cube.env:B=2"], "cube.env", "A=1\nB=2\n");
    check(&["set", "cube.env:B=2"], "cube.env", "A=1\nB=2\n");
    check(&["set", "-cube.env:A=1"], "cube.env", "B=2\n");
    check(&["--prepend", "set", "cube.env:C=3"], "cube.env", "C=3\nB=2\n");
    check(&["--append", "set", "cube.network.ip:10.0.0.1/24"], "cube.network.ip", "10.0.0.1/24\n");
    check(&["--append", "set", "cube.network.ip:10.0.0.2/24"], "cube.network.ip", "10.0.0.1/24\n10.0.0.2/24\n");
    assert_eq!(bed.cfg(&["set", "colour:red"]).fails(1), "[ERROR]: 'colour' is not a known setting\n");
    assert_eq!(bed.cfg(&["get", "colour"]).fails(1), "[ERROR]: 'colour' is not a known setting\n");
    assert!(bed.cfg(&["set", "cube.network.type:magic"]).fails(1).contains("is one of dynamic, static"));
    let unknown = Outcome::of(bed.command("cube-cfg").args(["-n", "nosuch", "get", "app"]), b"").fails(1);
    assert_eq!(unknown, "[ERROR]: container \"nosuch\" has no valid directory\n");
    // In the folder of a cube its name need not be said.
    let here = Outcome::of(bed.command("cube-cfg").arg("app:").current_dir(bed.file("web", "rootfs")), b"");
    assert_eq!(here.ok(), "/bin/sleep 7\n");
}

#[test]
fn attributes_and_what_is_outdated_are_listed() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.made();
    bed.cfg(&["attribute", "vrf"]).silent();
    bed.cfg(&["attribute", "+blue"]).silent();
    bed.cfg(&["attribute", "+blue"]).silent();
    assert_eq!(bed.cfg(&["attribute"]).ok(), "vrf,blue\n");
    assert_eq!(bed.listed("web", 3).as_deref(), Some("vrf,blue"));
    bed.cfg(&["attribute", "-vrf"]).silent();
    bed.cfg(&["set", "cube.dir:/tmp"]).silent();
    assert_eq!(bed.cfg(&["attribute"]).ok(), "blue,dirty\n");
    assert_eq!(bed.listed("web", 3).as_deref(), Some("blue,dirty"));
    bed.made();
    assert_eq!(bed.listed("web", 3).as_deref(), Some("blue"));
}

#[test]
fn each_setting_changes_what_the_runtime_is_given() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    let plain = bed.made();
    assert_eq!(bed.made(), plain);
    assert_eq!(plain["hostname"], "web");
    assert_eq!(plain["process"]["args"], json!(["/bin/sleep", "1000"]));
    let records = bed.folder.join("records").display().to_string().trim_matches('/').replace('/', "-");
    assert_eq!(plain["linux"]["cgroupsPath"], format!("/runc/{records}/web"));
    assert_eq!(plain["linux"]["resources"]["devices"][0]["allow"], false);
    assert_eq!(plain["process"]["terminal"], false);
    fs::create_dir(bed.folder.join("shared")).unwrap();
    let shared = bed.folder.join("shared").display().to_string();
    for words in [
        &["set", "app:/bin/sh -c 'a b'"][..],
        &["set", "cube.dir:/tmp"],
        &["set", "cube.console.mgr:tty"],
        &["set", "cube.env:PATH=/bin"],
        &["set", "cube.env:GREETING=good day"],
        &["set", "cube.container.system:true"],
        &["set", "cube.subuid:800000"],
        &["mount", &format!("bind:{shared}:/mnt/shared")],
        &["device", "vt:/dev/tty60:/dev/tty60"],
        &["device", "whitelist:/dev/zero"],
        &["hook", "prestart:/bin/true one"],
        &["hook-script", "poststop:/bin/echo", "$(cat)"],
    ] {
        bed.cfg(words).silent();
    }
    let full = bed.made();
    assert_eq!(full["process"]["args"], json!(["/bin/sh", "-c", "a b"]));
    assert_eq!(full["process"]["cwd"], "/tmp");
    assert_eq!(full["process"]["terminal"], true);
    assert_eq!(full["linux"]["resources"]["devices"][0]["allow"], true);
    let env = full["process"]["env"].as_array().unwrap();
    assert!(env.contains(&json!("PATH=/bin")) && env.contains(&json!("GREETING=good day")), "{env:?}");
    assert!(env.contains(&json!("container=docker")));
    let count = |config: &Value| config["process"]["capabilities"]["bounding"].as_array().unwrap().len();
    assert!(count(&full) > count(&plain));
    assert_eq!(full["linux"]["uidMappings"], json!([{ "containerID": 0, "hostID": 800_000, "size": 65_536 }]));
    let mounts = full["mounts"].as_array().unwrap();
    let source = |to: &str| mounts.iter().find(|mount| mount["destination"] == to).map(|mount| mount["source"].clone());
    assert_eq!(source("/mnt/shared"), Some(json!(shared)));
    assert_eq!(source("/dev/tty60"), Some(json!("/dev/tty60")));
    let rules = full["linux"]["resources"]["devices"].as_array().unwrap();
    let allowed = |major: u32, minor: u32| rules.iter().any(|rule| rule["major"] == major && rule["minor"] == minor);
    assert!(allowed(4, 60) && allowed(1, 5), "{rules:?}");
    assert_eq!(full["hooks"]["prestart"][0]["args"].as_array().unwrap().last(), Some(&json!("one")));
    assert_eq!(full["hooks"]["poststop"][0]["args"].as_array().unwrap().last(), Some(&json!("/bin/echo $(cat)")));
    // What makes no sense leaves the old one as it is.
    let before = fs::read(bed.file("web", "config.json")).unwrap();
    bed.set("web", "cube.subuid", "5");
    let complaint = bed.cfg(&["gen", "web"]).fails(1);
    assert!(complaint.ends_with("ERROR: config.json generation failed\n"), "{complaint}");
    assert_eq!(fs::read(bed.file("web", "config.json")).unwrap(), before);
    let report = bed.cfg(&["show"]).ok();
    for line in
        ["VT device: /dev/tty60:/dev/tty60", "hook (pre start) : /bin/true one", "cube.dir                 /tmp"]
    {
        assert!(report.contains(line), "{report}");
    }
}

#[test]
fn a_started_cube_has_what_was_set() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    let shared = bed.folder.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("file"), "from outside\n").unwrap();
    fs::write(bed.folder.join("motd"), "hello\n").unwrap();
    bed.cfg(&["mount", &format!("bind:{}:/mnt/shared", shared.display())]).silent();
    bed.cfg(&["mount", &format!("{}:/etc/motd", bed.folder.join("motd").display())]).silent();
    bed.cfg(&["set", "cube.env:GREETING=good day"]).silent();
    bed.cfg(&["set", "cube.dir:/tmp"]).silent();
    bed.cfg(&["device", "whitelist:/dev/fuse"]).silent();
    bed.cfg(&["device", "vt:/dev/tty60:/dev/tty60"]).silent();
    bed.ctl(["start", "web"]).silent();
    let pid = bed.pid("web");
    assert_eq!(bed.ctl(["web:cat", "/mnt/shared/file", "/etc/motd"]).ok(), "from outside\nhello\n");
    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(environment.contains("GREETING=good day\0"), "{environment}");
    assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap().to_str(), Some("/tmp"));
    // One that is on the list can be opened, another one cannot even by root.
    let open = |name: &str, major: &str, minor: &str| {
        bed.ctl(["web:sh", "-c", &format!("mknod /tmp/{name} c {major} {minor} && : </tmp/{name}")])
    };
    open("fuse", "10", "229").silent();
    bed.ctl(["web:sh", "-c", ": </dev/tty60"]).silent();
    assert!(open("tty59", "4", "59").stderr.contains("Operation not permitted"));
    assert!(open("kmsg", "1", "11").stderr.contains("Operation not permitted"));
    bed.ctl(["stop", "web"]).silent();
    fs::remove_file(bed.folder.join("motd")).unwrap();
    let complaint = bed.ctl(["start", "web"]).fails(1);
    assert!(complaint.contains("the source") && complaint.contains("motd of a bind mount is not there"), "{complaint}");
    assert_eq!(bed.status("web"), "absent");
}

#[test]
fn hooks_run_once_for_the_right_cube_and_never_hold_a_start() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    let log = bed.folder.join("log");
    let script = bed.folder.join("hook");
    let text =
        format!("#!/bin/sh\necho $1 $(sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/') $(pwd) $SECRET >>{}\n", log.display());
    executable(&script, &text);
    for kind in ["prestart", "poststart", "poststop"] {
        bed.cfg(&["hook", &format!("{kind}:{} {kind}", script.display())]).silent();
    }
    let with_secret = |words: &[&str]| {
        Outcome::of(bed.command("cube-ctl").args(words).env("SECRET", "hidden").current_dir("/"), b"").silent()
    };
    with_secret(&["start", "web"]);
    with_secret(&["stop", "web"]);
    let folder = bed.file("web", "").display().to_string();
    let folder = folder.trim_end_matches('/');
    let want = format!("prestart web {folder}\npoststart web {folder}\npoststop web {folder}\n");
    assert_eq!(fs::read_to_string(&log).unwrap(), want);
    // A daemon that keeps its output open is nothing to wait for.
    bed.cfg(&["clean"]).silent();
    let pids = bed.folder.join("pids");
    bed.cfg(&["hook-script", &format!("prestart:/bin/sleep 600 & echo $! >{}", pids.display())]).silent();
    fs::remove_file(bed.file("web", "config.json")).unwrap();
    bed.ctl(["start", "web"]).silent();
    let pid = fs::read_to_string(&pids).unwrap();
    assert!(fs::exists(format!("/proc/{}/exe", pid.trim())).unwrap(), "the daemon is gone");
    std::process::Command::new("kill").arg(pid.trim()).status().unwrap();
    bed.ctl(["stop", "web"]).silent();
    // One that fails keeps the cube from starting, or is only told of when the cube has ended.
    for (kind, starts) in [("prestart", false), ("poststop", true)] {
        bed.cfg(&["clean"]).silent();
        bed.cfg(&["hook-script", &format!("{kind}:echo no luck >&2; exit 3")]).fails(1);
        bed.set("web", &format!(".cube.hooks.{kind}"), "/bin/sh -c 'echo no luck >&2; exit 3'");
        fs::remove_file(bed.file("web", "config.json")).unwrap();
        let outcome = bed.ctl(["start", "web"]);
        assert_eq!((outcome.code == 0, outcome.stderr.contains("no luck")), (starts, !starts), "{}", outcome.stderr);
        if starts {
            let outcome = bed.ctl(["stop", "web"]);
            assert_eq!(outcome.code, 0);
            assert!(outcome.stderr.starts_with("[WARNING]: container web:"), "{}", outcome.stderr);
        }
        assert_eq!(bed.status("web"), "absent");
    }
}

#[test]
fn what_is_set_for_one_start_holds_for_one() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.cfg(&["-r", "set", "app:/bin/sleep 2000"]).silent();
    for seconds in ["2000", "1000", "1000"] {
        bed.ctl(["start", "web"]).silent();
        // For a moment it is still the runtime that will become it.
        let line = || fs::read_to_string(format!("/proc/{}/cmdline", bed.pid("web"))).unwrap();
        until("the program", || !line().starts_with("runc\0"));
        assert_eq!(line(), format!("/bin/sleep\0{seconds}\0"));
        bed.ctl(["stop", "web"]).silent();
    }
    assert_eq!(bed.cfg(&["get", "app"]).ok(), "/bin/sleep 1000\n");
}

#[test]
fn a_cube_has_ids_of_its_own() {
    let bed = Bed::new();
    fs::create_dir_all(bed.folder.join("source")).unwrap();
    bed.cube("model", SLEEP);
    let source = bed.file("model", "rootfs").display().to_string();
    bed.ctl(["add", "-n", "web", "-u", "800000", &source]).ok();
    bed.cfg(&["set", "app:/bin/sleep 1000"]).silent();
    bed.ctl(["start", "web"]).silent();
    let status = fs::read_to_string(format!("/proc/{}/status", bed.pid("web"))).unwrap();
    assert!(status.contains("Uid:\t800000\t800000"), "{status}");
    let map = bed.ctl(["web:cat", "/proc/self/uid_map"]).ok();
    assert_eq!(map.split_whitespace().collect::<Vec<_>>(), ["0", "800000", "65536"]);
    let complaint = bed.ctl(["add", "-n", "x", "-u", "5", &source]).fails(1);
    assert_eq!(complaint, "Error: -u requires a subuid number no less than 100000\n");
}

#[test]
fn a_virtual_terminal_belongs_to_one_cube() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.cube("db", SLEEP);
    bed.cfg(&["device", "vt:/dev/tty61:/dev/tty61"]).silent();
    assert_eq!(bed.cfg(&["device", "vt"]).ok(), "/dev/tty61:/dev/tty61\n");
    for wrong in ["vt:/dev/tty0:/dev/tty0", "vt:/dev/tty1:/dev/tty1", "vt:/dev/ttyx:/dev/ttyx", "vt:/etc/x:/dev/tty3"] {
        assert!(bed.cfg(&["device", wrong]).fails(1).contains("is no virtual terminal"), "{wrong}");
    }
    let taken =
        Outcome::of(bed.command("cube-cfg").args(["-n", "db", "device", "vt:/dev/tty61:/dev/tty61"]), b"").fails(1);
    assert_eq!(taken, "[ERROR]: /dev/tty61 belongs to container web already\n");
}
