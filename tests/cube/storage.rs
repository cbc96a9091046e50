//! Adding, renaming, copying, deleting cubes.

use crate::bed::{Bed, Outcome};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

const SLEEP: &str = "/bin/sleep 1000";

/// The root file system of a cube that is only there to be copied.
fn model() -> (Bed, PathBuf) {
    let bed = Bed::new();
    bed.cube("model", SLEEP);
    let source = bed.folder.join("source");
    fs::rename(bed.file("model", "rootfs"), &source).unwrap();
    fs::remove_dir_all(bed.file("model", "")).unwrap();
    std::os::unix::fs::chown(source.join("etc/group"), Some(42), Some(43)).unwrap();
    (bed, source)
}

#[track_caller]
fn tool(words: &[&str]) {
    assert!(Command::new(words[0]).args(&words[1..]).status().unwrap().success(), "{words:?}");
}

#[test]
fn archives_and_folders_become_cubes() {
    let (bed, source) = model();
    let path = |name: &str| bed.folder.join(name).display().to_string();
    let source_text = source.display().to_string();
    tool(&["python3", "-c", &format!("import os; os.setxattr({:?}, 'user.note', b'kept')", source.join("etc/group"))]);
    tool(&["tar", "-C", &source_text, "--xattrs", "-cf", &path("plain.tar"), "."]);
    tool(&["tar", "-C", &source_text, "-czf", &path("cube-server-x86-64.tar.gz"), "."]);
    tool(&["tar", "-C", &source_text, "-cjf", &path("b.tar.bz2"), "."]);
    tool(&["tar", "-C", &source_text, "-cJf", &path("x.tar.xz"), "."]);
    tool(&["tar", "-C", &source_text, "--zstd", "-cf", &path("z.tar.zst"), "."]);
    let transform = ["tar", "-C", &path(""), "--transform", "s,^source,rootfs,", "-cf", &path("inner.tar"), "source"];
    tool(&transform);
    for (source, name) in [
        (path("plain.tar"), "plain"),
        (path("cube-server-x86-64.tar.gz"), "cube-server"),
        (path("b.tar.bz2"), "b"),
        (path("x.tar.xz"), "x"),
        (path("z.tar.zst"), "z"),
        (path("inner.tar"), "inner"),
        (path("source"), "source"),
    ] {
        let said = bed.ctl(["add", &source]).ok();
        assert!(said.starts_with(&format!("[INFO] Adding {source} to {name}\n")), "{said}");
        assert_eq!(bed.listed(name, 2).as_deref(), Some("available"));
        let about = fs::metadata(bed.file(name, "rootfs/etc/group")).unwrap();
        assert_eq!((about.uid(), about.gid()), (42, 43), "{name}");
        if matches!(name, "plain" | "source") {
            let read = format!(
                "import os, sys; sys.exit(os.getxattr({:?}, 'user.note') != b'kept')",
                bed.file(name, "rootfs/etc/group")
            );
            tool(&["python3", "-c", &read]);
        }
        Outcome::of(bed.command("cube-cfg").args(["-n", name, "app:/bin/sleep 1000"]), b"").silent();
        bed.ctl(["start", name]).silent();
        bed.ctl(["stop", name]).silent();
    }
    let existing = bed.ctl(["add", "-n", "plain", &path("source")]).fails(1);
    assert_eq!(existing, "[ERROR] Container plain already exists, cannot add.\n");
    assert!(bed.ctl(["add"]).fails(1).starts_with("[ERROR]: no container source provided\nusage:"));
    for name in ["host", "essential", "a/b", "../x", ""] {
        assert!(bed.ctl(["add", "-n", name, &path("source")]).fails(1).contains("cannot be the name"), "{name}");
    }
}

#[test]
fn the_host_name_says_when_a_cube_was_added_unless_it_has_one() {
    let (bed, source) = model();
    let source = source.display().to_string();
    bed.ctl(["add", "-n", "web", &source]).ok();
    let day = Command::new("date").args(["-u", "+%d-%m-%y"]).output().unwrap().stdout;
    let day = String::from_utf8(day).unwrap().trim().to_string();
    Outcome::of(bed.command("cube-cfg").args(["-n", "web", "app:/bin/sleep 1000"]), b"").silent();
    bed.ctl(["start", "web"]).silent();
    assert_eq!(bed.ctl(["web:hostname"]).ok(), format!("cube-{day}-web\n"));
    bed.ctl(["stop", "web"]).silent();
    bed.ctl(["rename", "web", "site"]).ok();
    bed.ctl(["start", "site"]).silent();
    assert_eq!(bed.ctl(["site:hostname"]).ok(), format!("cube-{day}-site\n"));
    bed.ctl(["stop", "site"]).silent();
    fs::write(bed.file("site", "rootfs/etc/hostname"), "mine\n").unwrap();
    bed.ctl(["mv", "site", "shop"]).ok();
    bed.ctl(["start", "shop"]).silent();
    assert_eq!(bed.ctl(["shop:hostname"]).ok(), "mine\n");
}

#[test]
fn a_hostile_archive_writes_nothing_anywhere() {
    let (bed, _) = model();
    let make = |name: &str, script: &str| {
        let text =
            format!("import tarfile, io\nt = tarfile.open({:?}, 'w')\n{script}\nt.close()\n", bed.folder.join(name));
        tool(&["python3", "-c", &text]);
    };
    let file = |name: &str| format!("i = tarfile.TarInfo({name:?}); i.size = 4; t.addfile(i, io.BytesIO(b'evil'))\n");
    let link =
        format!("l = tarfile.TarInfo('out'); l.type = tarfile.SYMTYPE; l.linkname = {:?}; t.addfile(l)\n", bed.folder);
    make("dots.tar", &file("../../evil"));
    make("root.tar", &file(bed.folder.join("evil").to_str().unwrap()));
    make("link.tar", &(link + &file("out/evil")));
    fs::write(bed.folder.join("no.tar"), "no archive").unwrap();
    for name in ["dots", "root", "link", "no", "absent"] {
        let outcome = bed.ctl(["add", "-n", name, bed.folder.join(format!("{name}.tar")).to_str().unwrap()]);
        assert_eq!(outcome.code, 1, "{name}: {}", outcome.text());
        assert!(outcome.stderr.starts_with("[ERROR]"), "{name}: {}", outcome.stderr);
        assert_eq!(bed.listed(name, 2), None, "{name}");
    }
    assert!(!bed.folder.join("evil").exists() && !bed.containers().join("evil").exists());
    assert_eq!(fs::read_dir(bed.containers()).unwrap().count(), 0);
}

#[test]
fn a_cube_keeps_everything_under_its_new_name() {
    let bed = Bed::new();
    for name in ["a", "other", "taken"] {
        bed.cube(name, SLEEP);
    }
    fs::create_dir_all(bed.folder.join("state/a")).unwrap();
    fs::write(bed.folder.join("state/a/note"), "kept\n").unwrap();
    bed.set(
        "a",
        ".cube.mount.bind",
        &format!("{0}/a:/var/lib/cube/local\n{0}/ab:/x", bed.folder.join("state").display()),
    );
    fs::create_dir_all(bed.folder.join("state/ab")).unwrap();
    bed.set("a", "cube.env", "NAME=a");
    bed.set("other", "depends", "a");
    for (words, line) in [
        (&["rename"][..], "[ERROR]: existing name not provided"),
        (&["rename", "a"], "[ERROR]: new name not provided"),
        (&["rename", "nosuch", "b"], "[ERROR]: container nosuch is unknown, cannot rename"),
        (&["rename", "a", "taken"], "[ERROR]: container taken already exists"),
        (&["mv", "a", "essential"], "[ERROR]: \"essential\" cannot be the name of a container"),
    ] {
        assert_eq!(bed.ctl(words).fails(1).lines().next(), Some(line));
    }
    bed.set("taken", "cube.attributes", "netprime");
    let prime = bed.ctl(["rename", "taken", "b"]).fails(1);
    assert!(prime.starts_with("[ERROR]: taken is the netprime, it cannot be renamed."), "{prime}");
    bed.ctl(["start", "a"]).silent();
    let said = bed.ctl(["rename", "a", "b"]).ok();
    assert_eq!(
        said,
        "[INFO]: container a is running, stopping ...\n[INFO]: regenerating container configuration for b\n\
         [INFO]: restarting a as b ...\n"
    );
    assert_eq!((bed.listed("a", 2), bed.listed("b", 2).as_deref()), (None, Some("running")));
    assert_eq!(bed.status("a"), "absent");
    assert_eq!(bed.ctl(["b:cat", "/var/lib/cube/local/note"]).ok(), "kept\n");
    let state = bed.folder.join("state").display().to_string();
    let mounts = fs::read_to_string(bed.file("b", ".cube.mount.bind")).unwrap();
    assert_eq!(mounts, format!("{state}/b:/var/lib/cube/local\n{state}/ab:/x\n"));
    assert_eq!(fs::read_to_string(bed.file("b", "cube.env")).unwrap(), "NAME=a\n");
    assert_eq!(fs::read_to_string(bed.file("other", "depends")).unwrap(), "b\n");
}

#[test]
fn a_cube_is_deleted_when_it_has_ended() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.cube("db", SLEEP);
    let shared = bed.folder.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("file"), "kept").unwrap();
    bed.set("web", ".cube.mount.bind", &format!("{}:/mnt", shared.display()));
    bed.ctl(["start", "web"]).silent();
    let refused = bed.ctl(["del", "web"]).fails(1);
    assert_eq!(refused, "[INFO] container web is running, it must be stopped before deleting\n");
    assert!(bed.file("web", "rootfs/bin/busybox").exists());
    assert_eq!(bed.status("web"), "running");
    assert_eq!(bed.ctl(["del", "-F", "web"]).ok(), "[INFO] deleting container web\n");
    assert!(!bed.file("web", "").exists());
    assert_eq!((bed.status("web"), bed.listed("web", 2)), ("absent".into(), None));
    assert_eq!(fs::read_to_string(shared.join("file")).unwrap(), "kept");
    let unknown = bed.ctl(["del", "web"]).fails(1);
    assert_eq!(unknown, "[ERROR] Container web not found, cannot delete.\nValid containers are: db\n");
    assert_eq!(bed.ctl(["delete", "db"]).ok(), "[INFO] deleting container db\n");
    assert_eq!(fs::read_dir(bed.containers()).unwrap().count(), 0);
}

#[test]
fn a_copy_starts_beside_its_model() {
    let bed = Bed::new();
    bed.cube("a", SLEEP);
    bed.set("a", "cube.env", "container_uuid=00000000000000000000000000000001");
    bed.ctl(["start", "a"]).silent();
    bed.ctl(["store", "a", "b"]).silent();
    bed.ctl(["start", "b"]).silent();
    assert_eq!((bed.status("a"), bed.status("b")), ("running".into(), "running".into()));
    fs::write(bed.file("b", "rootfs/tmp/own"), "").unwrap();
    assert!(!bed.file("a", "rootfs/tmp/own").exists());
    assert_ne!(fs::read(bed.file("a", "cube.env")).unwrap(), fs::read(bed.file("b", "cube.env")).unwrap());
    assert!(bed.ctl(["store"]).fails(1).starts_with("[ERROR]: no container source provided\n"));
    assert_eq!(bed.ctl(["store", "x", "y"]).fails(1), "[ERROR] Container x is unknown, cannot store\n");
    assert_eq!(bed.ctl(["store", "a", "b"]).fails(1), "[ERROR] Container b already exists, cannot store\n");
}

#[test]
fn a_copy_has_nothing_that_only_its_model_can_have() {
    let bed = Bed::new();
    bed.cube("a", SLEEP);
    for (file, text) in [
        ("cube.attributes", "blue netprime"),
        ("cube.network.type", "static"),
        ("cube.network.ip", "192.168.42.20/24"),
        ("cube.network.mac", "02:00:00:00:00:77"),
        ("cube.network.external.ip", "10.9.9.1/24"),
        (".cube.device.network", "nic0:nic0"),
        (".cube.device.vt", "/dev/tty61:/dev/tty61"),
        (".cube.vt.active", "61"),
        (".cube.lease", "192.168.42.150"),
        ("cube.network.mac.runonce", "02:00:00:00:00:78"),
        ("cube.network.gateway", "192.168.42.9"),
    ] {
        bed.set("a", file, text);
    }
    let outcome = bed.ctl(["store", "a", "b"]);
    let want = "[WARNING]: container b is without what only a can have: the attribute netprime, cube.network.mac, \
        cube.network.external.ip, .cube.device.network, .cube.device.vt, .cube.vt.active\n\
        [WARNING]: container b has a dynamic address, 192.168.42.20/24 stays with a\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, want));
    let read = |file: &str| fs::read_to_string(bed.file("b", file)).ok();
    assert_eq!(read("cube.attributes").as_deref(), Some("blue\n"));
    assert_eq!(read("cube.network.type").as_deref(), Some("dynamic\n"));
    assert_eq!(read("cube.network.gateway").as_deref(), Some("192.168.42.9\n"));
    for file in ["cube.network.ip", "cube.network.mac", "cube.network.external.ip", ".cube.device.network"]
        .into_iter()
        .chain([".cube.device.vt", ".cube.vt.active", ".cube.lease", "cube.network.mac.runonce", "config.json"])
    {
        assert_eq!(read(file), None, "{file}");
    }
    // The model has all of it.
    assert_eq!(fs::read_to_string(bed.file("a", "cube.attributes")).unwrap(), "blue netprime\n");
    bed.ctl(["start", "b"]).silent();
}

#[test]
fn a_copy_keeps_a_configuration_that_was_made_of_no_settings() {
    let bed = Bed::new();
    bed.cube("a", SLEEP);
    Outcome::of(bed.command("cube-cfg").args(["gen", "a"]), b"").silent();
    fs::remove_file(bed.file("a", "cube.app")).unwrap();
    let outcome = bed.ctl(["store", "a", "b"]);
    assert_eq!((outcome.code, outcome.stderr.contains("container b has the config.json of a,")), (0, true));
    assert_eq!(fs::read(bed.file("b", "config.json")).unwrap(), fs::read(bed.file("a", "config.json")).unwrap());
}
