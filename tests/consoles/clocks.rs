//! A window that does not come up.

use crate::bed::Bed;
use crate::screen::Screen;
use crate::{ctys, ends, text};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn a_window_that_takes_too_long_is_given_the_time_of_the_call() {
    let (bed, screen) = (Bed::start(1), Screen::start());
    // An xterm that never comes up, and says which process it is.
    let (tools, process) = (bed.path("tools"), bed.path("process"));
    std::fs::create_dir(&tools).unwrap();
    let xterm = tools.join("xterm");
    std::fs::write(&xterm, format!("#!/bin/sh\necho $$ >'{}'\nexec sleep 600\n", process.display())).unwrap();
    std::fs::set_permissions(&xterm, std::fs::Permissions::from_mode(0o755)).unwrap();

    let words = ["--total-timeout", "7s", "-t", "pm", "-a", "create=connect,console:xterm", "-L", "CO", "lab000"];
    let mut call = ctys(&bed, &words);
    call.env("PATH", format!("{}:/usr/bin:/bin", tools.display())).env("DISPLAY", &screen.display);
    let (stdout, stderr) = ends(call.output().unwrap(), 3);
    assert_eq!(stdout, "");
    assert!(stderr.contains("the XTERM console was no window within 7 s"), "{stderr}");
    assert!(stderr.contains("--total-timeout SECONDS gives it more time"), "{stderr}");

    // And it is gone.
    let process = std::fs::read_to_string(process).unwrap();
    let state = || text(&Command::new("ps").args(["-o", "args=", "-p", process.trim()]).output().unwrap().stdout);
    for _ in 0..600 {
        if !state().contains("sleep 600") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("it runs on: {}", state());
}
