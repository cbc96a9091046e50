//! What is listed, by cube-ctl and by ctys.

use crate::bed::{Bed, Outcome, until};
use std::fs;

const SLEEP: &str = "/bin/sleep 1000";

#[test]
fn the_list_has_every_cube_once_in_columns() {
    let bed = Bed::new();
    assert_eq!(
        bed.ctl(["list"]).ok(),
        "name  type  status  attributes  addresses\n----  ----  ------  ----------  ---------\n"
    );
    for name in ["run", "never", "half", "odd"] {
        bed.cube(name, SLEEP);
    }
    bed.set("run", "cube.attributes", "vrf netprime");
    bed.set("never", ".cube.regen.flag", "");
    bed.set("odd", "cube.container.mgr", "/nosuch/runv");
    bed.ctl(["start", "run"]).silent();
    // As a start leaves it that was ended between its two halves.
    bed.ctl(["start", "half"]).silent();
    bed.ctl(["stop", "half"]).silent();
    bed.detached(&["create", "--bundle", bed.file("half", "").to_str().unwrap(), "half"]);
    let list = bed.ctl(["list"]).ok();
    assert_eq!(
        list,
        "name   type  status     attributes    addresses\n\
         ----   ----  ------     ----------    ---------\n\
         half   runc  created    --            --\n\
         never  runc  available  dirty         --\n\
         odd    runv  invalid    --            --\n\
         run    runc  running    vrf,netprime  --\n"
    );
    assert_eq!(bed.ctl(["status"]).ok(), list);
    let order = |key: &str| {
        let list = bed.ctl(["list", "-t", key]).ok();
        list.lines().skip(2).map(|line| line.split(' ').next().unwrap().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order("name"), "half never odd run");
    assert_eq!(order("state"), "never half odd run");
    assert_eq!(order("type"), "half never run odd");
    let raw = bed.ctl(["-v", "list"]);
    assert!(raw.text().contains("\n\nrunc:\n------\nID "), "{}", raw.text());
    assert!(raw.stderr.contains("runv"), "{}", raw.stderr);
    let json: serde_json::Value = serde_json::from_str(&bed.ctl(["list", "--json"]).ok()).unwrap();
    assert_eq!(json[3]["name"], "run");
    assert_eq!(json[3]["attributes"], serde_json::json!(["vrf", "netprime"]));
    bed.ctl(["start", "half"]).silent();
    assert_eq!(bed.status("half"), "running");
}

#[test]
fn the_state_is_told_as_the_runtime_would() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    for (words, want) in
        [(&["start", "web"], "running"), (&["pause", "web"], "paused"), (&["resume", "web"], "running")]
    {
        bed.ctl(words).silent();
        assert_eq!((bed.status("web"), bed.listed("web", 2)), (want.into(), Some(want.into())));
    }
}

#[test]
fn info_is_laid_out_as_lxc_info_does() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.ctl(["start", "web"]).silent();
    let value = |label: &str| {
        let info = bed.ctl(["info", "web"]).ok();
        let line = info.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{label}: {info}"));
        assert_eq!(&line[15..16], " ", "{line}");
        line[16..].to_string()
    };
    assert_eq!(value("State:"), "RUNNING");
    assert_eq!(value("PID:"), bed.pid("web").to_string());
    let seconds = || value("CPU use:").strip_suffix(" seconds").unwrap().parse::<f64>().unwrap();
    let before = seconds();
    bed.ctl(["web:sh", "-c", "n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done"]).silent();
    assert!(seconds() > before);
    assert!(value("Memory use:").ends_with("iB"));
    let records = bed.folder.join("records").display().to_string().trim_matches('/').replace('/', "-");
    let file = format!("/sys/fs/cgroup/memory/runc/{records}/web/memory.usage_in_bytes");
    if fs::exists(&file).unwrap() {
        // Pages come and go with the commands that have just run in it.
        until("the memory of its cgroup", || {
            let used: f64 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
            let json: serde_json::Value = serde_json::from_str(&bed.ctl(["info", "--json", "web"]).ok()).unwrap();
            (json["memory_bytes"].as_f64().unwrap() - used).abs() <= used / 10.0
        });
    }
    assert_eq!(bed.ctl(["show", "web"]).ok().lines().next(), Some("Name:           web"));
    assert!(bed.ctl(["info", "nosuch"]).fails(1).starts_with("ERROR: container nosuch is not known\n"));
    let complaint = bed.ctl(["info"]).fails(1);
    assert!(
        complaint.starts_with("[ERROR]: provide a container name to see detailed information\nusage:"),
        "{complaint}"
    );
    let json: serde_json::Value = serde_json::from_str(&bed.ctl(["info", "--json", "web"]).ok()).unwrap();
    assert_eq!(json["pid"], bed.pid("web"));
}

#[test]
fn without_root_nothing_is_done_and_the_reason_is_told() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    let nobody = |words: &[&str]| {
        let own = bed.command("cube-ctl");
        let mut command = std::process::Command::new("setpriv");
        bed.environment(&mut command);
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(own.get_program()).args(words);
        Outcome::of(command.stdin(std::process::Stdio::null()), b"")
    };
    for words in [&["start", "web"][..], &["stop", "web"], &["list"], &["del", "web"], &["web:true"]] {
        assert_eq!(nobody(words).fails(1), "[ERROR]: containers can only be managed by root\n", "{words:?}");
    }
    assert_eq!(bed.status("web"), "absent");
    assert!(bed.file("web", "cube.app").exists());
}

#[test]
fn every_verb_has_help() {
    let bed = Bed::new();
    let usage = bed.ctl(["-h"]).ok();
    for line in usage.lines().skip(1) {
        let verb = line.split_whitespace().next().unwrap();
        if !verb.contains(':') {
            assert!(bed.ctl(["-h", verb]).ok().starts_with(&format!("cube-ctl {verb}")), "{verb}");
        }
    }
    let wrapped = Outcome::of(bed.command("cube").args(["ctl", "list"]), b"").ok();
    assert_eq!(Outcome::of(bed.command("c3").arg("list"), b"").ok(), wrapped);
    assert_eq!(Outcome::of(bed.command("ctys").args(["cube-ctl", "list"]), b"").ok(), wrapped);
}

#[test]
fn ctys_lists_starts_and_ends_cubes_and_leaves_other_containers_alone() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.cube("db", SLEEP);
    let ctys = |words: &[&str]| Outcome::of(bed.command("ctys").args(["-t", "cube"]).args(words), b"");
    let labels = |action: &str| ctys(&["-a", &format!("{action}=terse,label"), "localhost"]).ok();
    ctys(&["-a", "create=l:web", "localhost"]).silent();
    assert_eq!(bed.status("web"), "running");
    // One that somebody else made, with a bundle elsewhere.
    let bundle = bed.folder.join("elsewhere");
    fs::create_dir(&bundle).unwrap();
    fs::copy(bed.file("web", "config.json"), bundle.join("config.json")).unwrap();
    std::os::unix::fs::symlink(bed.file("web", "rootfs"), bundle.join("rootfs")).unwrap();
    let text = fs::read_to_string(bundle.join("config.json")).unwrap().replace("/web\"", "/alien\"");
    fs::write(
        bundle.join("config.json"),
        text.replace("\"rootfs\"", &format!("\"{}\"", bed.file("web", "rootfs").display())),
    )
    .unwrap();
    // What it mounts is there as well.
    fs::create_dir_all(bed.folder.join("state/.channel/alien")).unwrap();
    bed.detached(&["run", "-d", "--bundle", bundle.to_str().unwrap(), "alien"]);

    let list = labels("list");
    assert!(list.contains("web") && list.contains("alien") && !list.contains("db"), "{list}");
    let all = labels("enumerate");
    assert!(all.contains("web") && all.contains("db") && !all.contains("alien"), "{all}");
    let refused = ctys(&["-a", "cancel=l:alien", "localhost"]).fails(5);
    assert!(refused.contains("is no cube, and was left alone"), "{refused}");
    let refused = ctys(&["-a", "create=l:web", "localhost"]).fails(5);
    assert!(refused.contains("web is running already"), "{refused}");
    assert!(ctys(&["-a", "cancel=l:nosuch", "localhost"]).fails(5).contains("no container nosuch"));
    ctys(&["-a", "cancel=all", "localhost"]).silent();
    assert_eq!((bed.status("web"), bed.status("alien")), ("absent".into(), "running".into()));
    ctys(&["-a", "cancel=l:alien,force", "localhost"]).silent();
    assert_eq!(bed.status("alien"), "absent");
}
