//! Records of one's own beside those of others, and the three ways a machine can have its cgroups.

use crate::bed::{Bed, Outcome};
use std::process::Command;

const SLEEP: &str = "/bin/sleep 1000";

#[test]
fn containers_of_other_records_are_left_alone() {
    let (bed, other) = (Bed::new(), Bed::new());
    // The same name in two sets of records, and a container that is no cube in a third.
    for bed in [&bed, &other] {
        bed.cube("web", SLEEP);
        bed.ctl(["start", "web"]).silent();
    }
    let plain = other.folder.join("plain");
    let runc = |words: &[&str]| Outcome::of(Command::new("runc").arg("--root").arg(&plain).args(words), b"");
    let bundle = other.file("web", "").display().to_string();
    let mut config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(other.file("web", "config.json")).unwrap()).unwrap();
    config["linux"].as_object_mut().unwrap().remove("cgroupsPath");
    config["root"]["path"] = format!("{bundle}/rootfs").into();
    let copy = other.folder.join("bundle");
    std::fs::create_dir(&copy).unwrap();
    std::fs::write(copy.join("config.json"), config.to_string()).unwrap();
    let mut start = Command::new("runc");
    start.arg("--root").arg(&plain).args(["run", "-d", "-b"]).arg(&copy).arg("plain-web");
    let null = || std::process::Stdio::null();
    assert!(start.stdin(null()).stdout(null()).stderr(null()).status().unwrap().success());
    let pids = || (other.pid("web"), runc(&["state", "plain-web"]).text());
    let before = pids();
    bed.ctl(["pause", "web"]).silent();
    assert_eq!((bed.status("web"), other.status("web")), ("paused".into(), "running".into()));
    assert_eq!(pids(), before);
    assert_eq!(bed.ctl(["list"]).ok().lines().count(), 3, "one cube, under its heading");
    bed.ctl(["resume", "web"]).silent();
    bed.ctl(["stop", "web"]).silent();
    bed.ctl(["del", "web"]).ok();
    assert_eq!(pids(), before);
    other.ctl(["web:true"]).silent();
    runc(&["delete", "--force", "plain-web"]).silent();
}

#[test]
fn cgroups_may_be_of_version_1_or_2_or_both() {
    let bed = Bed::new();
    let both = std::path::Path::new("/sys/fs/cgroup/memory").exists();
    let only_2 = "umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup";
    let only_1 = "umount /sys/fs/cgroup/unified 2>/dev/null || :";
    // A machine of version 2 alone cannot be made one of version 1.
    let ways = [("both", "true", both), ("1", only_1, both), ("2", only_2, true)];
    for (way, mounts, _) in ways.into_iter().filter(|(.., possible)| *possible) {
        // In mounts of its own, so that nobody else sees it.
        let call = |words: &[&str]| {
            let mut command = Command::new("unshare");
            let script = format!("{{ {mounts}; }} && exec \"$@\"");
            command.args(["-m", "sh", "-c", &script, "sh"]).arg(bed.folder.join("bin/cube-ctl")).args(words);
            bed.environment(&mut command);
            Outcome::of(command.stdin(std::process::Stdio::null()), b"")
        };
        bed.cube(way, "/bin/sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec sleep 1000'");
        let listed = |want: &str| {
            let list = call(&["list"]).ok();
            let row = list.lines().find(|line| line.split_whitespace().next() == Some(way)).unwrap_or_default();
            assert_eq!(row.split_whitespace().nth(2), Some(want), "cgroups of version {way}: {list}");
        };
        call(&["start", way]).silent();
        listed("running");
        call(&["pause", way]).silent();
        listed("paused");
        call(&["resume", way]).silent();
        listed("running");
        let used = |info: String| {
            let line = info.lines().find_map(|line| line.strip_prefix("CPU use:").map(str::to_string));
            line.and_then(|line| line.trim().trim_end_matches(" seconds").parse::<f64>().ok())
        };
        crate::bed::until("time was used", || used(call(&["info", way]).ok()).is_some_and(|used| used > 0.0));
        call(&["stop", way]).silent();
        listed("available");
    }
}

#[test]
fn a_container_with_the_id_of_a_cube_and_a_bundle_elsewhere_is_not_the_cube() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    Outcome::of(bed.command("cube-cfg").args(["gen", "web"]), b"").silent();
    let mut config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(bed.file("web", "config.json")).unwrap()).unwrap();
    config["root"]["path"] = bed.file("web", "rootfs").display().to_string().into();
    config["mounts"] = serde_json::json!([{ "destination": "/proc", "type": "proc", "source": "proc" }]);
    let bundle = bed.folder.join("test");
    std::fs::create_dir(&bundle).unwrap();
    std::fs::write(bundle.join("config.json"), config.to_string()).unwrap();
    bed.detached(&["run", "-d", "--bundle", bundle.to_str().unwrap(), "web"]);
    let pid = bed.pid("web");
    let ctys = |words: &[&str]| Outcome::of(bed.command("ctys").args(["-t", "cube"]).args(words), b"");
    let refused = ctys(&["-a", "cancel=l:web", "localhost"]).fails(5);
    assert!(refused.contains("web is no cube, and was left alone"), "{refused}");
    let stopped = bed.ctl(["stop", "web"]);
    let left = format!("[WARNING]: the container web of {} is no cube, and was left alone\n", bundle.display());
    assert_eq!((stopped.code, stopped.stderr), (0, left));
    let used =
        format!("[ERROR]: container web was not started: its id is in use by the container of {}\n", bundle.display());
    assert_eq!(bed.ctl(["start", "web"]).fails(1), used);
    assert_eq!(bed.listed("web", 2).as_deref(), Some("available"));
    assert_eq!((bed.pid("web"), bed.status("web").as_str()), (pid, "running"));
    ctys(&["-a", "cancel=l:web,force", "localhost"]).silent();
    assert_eq!(bed.status("web"), "absent");
    bed.ctl(["start", "web"]).silent();
    assert_eq!(bed.listed("web", 2).as_deref(), Some("running"));
}

#[test]
fn cubes_are_known_by_any_path_to_their_folder() {
    let bed = Bed::new();
    for name in ["web", "db"] {
        bed.cube(name, SLEEP);
    }
    // The folder of all cubes is a link, and so is that of one.
    let link = bed.folder.join("it's a & link");
    std::os::unix::fs::symlink(bed.containers(), &link).unwrap();
    let away = bed.folder.join("away");
    std::fs::rename(bed.file("db", ""), &away).unwrap();
    std::os::unix::fs::symlink(&away, bed.containers().join("db")).unwrap();
    let ctl = |words: &[&str]| Outcome::of(bed.command("cube-ctl").args(words).env("CTYS_CUBE_CONTAINERS", &link), b"");
    for name in ["web", "db"] {
        ctl(&["start", name]).silent();
        let listed = |list: String| {
            let row = list.lines().find(|line| line.starts_with(name)).map(str::to_string);
            row.and_then(|row| row.split_whitespace().nth(2).map(str::to_string))
        };
        assert_eq!(listed(ctl(&["list"]).ok()).as_deref(), Some("running"), "{name}");
        assert_eq!(listed(bed.ctl(["list"]).ok()).as_deref(), Some("running"), "{name}");
        ctl(&[&format!("{name}:true")]).silent();
        ctl(&["stop", name]).silent();
        assert_eq!(bed.status(name), "absent");
    }
}
