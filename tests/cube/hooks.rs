//! Programs beside a cube's start and end that go wrong.

use crate::bed::{Bed, Outcome, ip, until};
use std::fs;
use std::time::Instant;

const SLEEP: &str = "/bin/sleep 1000";

fn cfg(bed: &Bed, words: &[&str]) {
    Outcome::of(bed.command("cube-cfg").args(["-n", "web"]).args(words).env("CTYS_CUBE_HOOK", "1"), b"").silent();
}

fn ctl(bed: &Bed, words: &[&str]) -> Outcome {
    Outcome::of(bed.command("cube-ctl").args(words).env("CTYS_CUBE_HOOK", "1"), b"")
}

/// The processes that sleep for this long.
fn sleeping(seconds: &str) -> usize {
    let pids = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cmdline"));
    pids.filter(|file| fs::read(file).is_ok_and(|line| line == format!("sleep\0{seconds}\0").as_bytes())).count()
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
    ctl(&bed, &["start", "web"]).silent();
    ctl(&bed, &["stop", "web"]).silent();
    for kind in ["prestart", "poststart"] {
        cfg(&bed, &["clean"]);
        cfg(&bed, &["hook-script", &format!("{kind}:/bin/echo no luck today >&2; exit 3")]);
        cfg(&bed, &["gen", "web"]);
        let complaint = ctl(&bed, &["start", "web"]).fails(1);
        assert!(complaint.contains("no luck today") && complaint.contains("exit status 3"), "{kind}: {complaint}");
        nothing_left();
        cfg(&bed, &["clean"]);
        cfg(&bed, &["hook-script", &format!("{kind}:/bin/sleep 98765; echo late")]);
        cfg(&bed, &["gen", "web"]);
        let begun = Instant::now();
        let complaint = ctl(&bed, &["start", "web"]).fails(1);
        // The runtime alone would wait for the time of the sleep.
        assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
        assert!(complaint.contains("did not end within 1 s"), "{kind}: {complaint}");
        until("the hook has ended", || sleeping("98765") == 0);
        nothing_left();
    }
    // At the end it is told of, and the end comes all the same.
    for (hook, told) in
        [("/bin/echo no luck today >&2; exit 3", "no luck today"), ("/bin/sleep 98764; echo late", "within 1 s")]
    {
        cfg(&bed, &["clean"]);
        cfg(&bed, &["hook-script", &format!("poststop:{hook}")]);
        cfg(&bed, &["gen", "web"]);
        ctl(&bed, &["start", "web"]).silent();
        let outcome = ctl(&bed, &["stop", "web"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(outcome.stderr.starts_with("[WARNING]: container web:"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
        nothing_left();
    }
    cfg(&bed, &["clean"]);
    cfg(&bed, &["gen", "web"]);
    ctl(&bed, &["start", "web"]).silent();
}
