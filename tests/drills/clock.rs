//! Clocks that jump by years in the middle of a call: no clock of ours is the calendar's.

use crate::scene::{Call, Scene, listing};
use std::process::Command;

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// The time of day as a file says; the time since the start of the machine stays true, as when a clock is set.
fn with_clock(mut command: Command, file: &std::path::Path) -> Command {
    assert!(std::path::Path::new(FAKETIME).exists(), "{FAKETIME} (Debian: faketime)");
    command.env("LD_PRELOAD", FAKETIME).env("FAKETIME_TIMESTAMP_FILE", file);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command
}

#[test]
fn a_clock_that_jumps_in_the_middle_ends_no_call_and_holds_none_up() {
    let scene = Scene::start(1);
    let clock = scene.bed.path("clock");
    for (transport, jump) in [("ssh2", "+3y"), ("ssh2", "-3y"), ("openssh", "+3y"), ("openssh", "-3y")] {
        std::fs::write(&clock, "+0\n").unwrap();
        scene.hold();
        let words = [&listing(transport)[..], &["lab000"]].concat();
        let call = Call::start(with_clock(scene.command(&words), &clock));
        scene.wait_for_held(1);
        std::fs::write(&clock, format!("{jump}\n")).unwrap();
        scene.go_on();
        assert_eq!(call.end().told(0, &[]), "lab000\n", "{transport} {jump}");

        // A silent host is given up as soon as ever.
        let words = [&["--connect-timeout", "5s"][..], &listing(transport), &["silent"]].concat();
        let call = Call::start(with_clock(scene.command(&words), &clock));
        assert_eq!(call.end().told(3, &[("silent", "timeout: ")]), "", "{transport} {jump}");
        scene.nothing_left();
    }
}
