//! Programs beside a cube's start and end that go wrong.

use crate::bed::{Bed, Outcome, ip, until};
use std::fs;

const SLEEP: &str = "/bin/sleep 1000";

/// How many seconds a hook gets that ends by itself, however busy the machine is.
const ENOUGH: &str = "120";

fn cfg(bed: &Bed, limit: &str, words: &[&str]) {
    Outcome::of(bed.command("cube-cfg").args(["-n", "web"]).args(words).env("CTYS_CUBE_HOOK", limit), b"").silent();
}

fn ctl(bed: &Bed, limit: &str, words: &[&str]) -> Outcome {
    Outcome::of(bed.command("cube-ctl").args(words).env("CTYS_CUBE_HOOK", limit), b"")
}

/// A time to sleep, known by the number of this process: others may run the same test.
fn long(nth: u32) -> String {
    (100_000_000 + 10 * std::process::id() + nth).to_string()
}

/// The processes that sleep for this long.
fn sleeping(seconds: &str) -> usize {
    let pids = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cmdline"));
    pids.filter(|file| fs::read(file).is_ok_and(|line| line == format!("sleep\0{seconds}\0").as_bytes())).count()
}

/// A runtime that hangs, with a child that minds no request to end: the start ends both, says what it was at, and keeps nothing.
#[test]
fn a_runtime_that_hangs_is_ended_with_all_it_began() {
    for network in [false, true] {
        let bed = if network { Bed::with_network() } else { Bed::new() };
        bed.cube("web", SLEEP);
        let (verb_hangs, seconds) = (bed.folder.join("hangs"), long(5));
        let manager = bed.folder.join("manager");
        let text = format!(
            "#!/bin/sh\nfor w; do case $w in \"$(cat {})\") trap '' TERM; sleep {seconds} & sleep {seconds}; exit;; esac; done\nexec runc \"$@\"\n",
            verb_hangs.display()
        );
        fs::write(&manager, text).unwrap();
        fs::set_permissions(&manager, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        bed.set("web", "cube.container.mgr", manager.to_str().unwrap());
        // The second with a time in which all that does not hang is done, however busy the machine is.
        for (verb, limit, what) in [("create", "1", "making the container"), ("start", "20", "starting its program")] {
            fs::write(&verb_hangs, verb).unwrap();
            let mut start = bed.command("cube-ctl");
            let complaint = Outcome::of(start.args(["start", "web"]).env("CTYS_CUBE_START", limit), b"").fails(1);
            assert!(complaint.contains(&format!("{what} did not come to an end in time")), "{verb}: {complaint}");
            until("what the runtime began has ended", || sleeping(&seconds) == 0);
            assert_eq!(bed.status("web"), "absent", "{verb}");
        }
        fs::write(&verb_hangs, "nothing").unwrap();
        // A limit that no other test has: its watch goes with the start.
        let limit = long(6);
        Outcome::of(bed.command("cube-ctl").args(["start", "web"]).env("CTYS_CUBE_START", &limit), b"").silent();
        until("the watch has ended", || sleeping(&limit) == 0);
        bed.ctl(["stop", "web"]).silent();
    }
}

#[test]
fn hooks_that_fail_or_never_end_keep_nobody() {
    let bed = Bed::with_network();
    bed.cube("web", SLEEP);
    let links = || ip(&["-n", &bed.networks.as_ref().unwrap().1, "-o", "link"]);
    let nothing_left = || {
        assert_eq!(bed.status("web"), "absent");
        assert!(!links().contains(" web@"), "{}", links());
        assert!(fs::read_dir(bed.folder.join("records")).unwrap().next().is_none());
        let published = fs::read_dir(bed.folder.join("state/.network/hosts")).unwrap().count();
        assert_eq!(published, 0);
    };
    // The segment is there, so that what is looked for has a place.
    ctl(&bed, ENOUGH, &["start", "web"]).silent();
    ctl(&bed, ENOUGH, &["stop", "web"]).silent();
    let seconds = long(0);
    for kind in ["prestart", "poststart"] {
        cfg(&bed, ENOUGH, &["clean"]);
        cfg(&bed, ENOUGH, &["hook-script", &format!("{kind}:/bin/echo no luck today >&2; exit 3")]);
        cfg(&bed, ENOUGH, &["gen", "web"]);
        let complaint = ctl(&bed, ENOUGH, &["start", "web"]).fails(1);
        assert!(complaint.contains("no luck today") && complaint.contains("exit status 3"), "{kind}: {complaint}");
        nothing_left();
        cfg(&bed, "1", &["clean"]);
        cfg(&bed, "1", &["hook-script", &format!("{kind}:/bin/sleep {seconds}; echo late")]);
        cfg(&bed, "1", &["gen", "web"]);
        // The runtime alone would wait for the time of the sleep, which is years.
        let complaint = ctl(&bed, "1", &["start", "web"]).fails(1);
        assert!(complaint.contains("did not end within 1 s"), "{kind}: {complaint}");
        until("the hook has ended", || sleeping(&seconds) == 0);
        nothing_left();
    }
    // At the end it is told of, and the end comes all the same.
    let sleeps = format!("/bin/sleep {}; echo late", long(1));
    for (limit, hook, told) in
        [(ENOUGH, "/bin/echo no luck today >&2; exit 3", "no luck today"), ("1", &sleeps, "within 1 s")]
    {
        cfg(&bed, limit, &["clean"]);
        cfg(&bed, limit, &["hook-script", &format!("poststop:{hook}")]);
        cfg(&bed, limit, &["gen", "web"]);
        ctl(&bed, limit, &["start", "web"]).silent();
        let outcome = ctl(&bed, limit, &["stop", "web"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(outcome.stderr.starts_with("[WARNING]: container web:"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
        nothing_left();
    }
    cfg(&bed, ENOUGH, &["clean"]);
    cfg(&bed, ENOUGH, &["gen", "web"]);
    ctl(&bed, ENOUGH, &["start", "web"]).silent();
}
