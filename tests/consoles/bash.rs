//! Which release of bash a host or the caller has decides nothing (the original knew only 3 and 4).

use crate::bed::Bed;
use crate::pty::Pty;
use crate::{ctys, text};
use std::process::Command;

#[test]
fn a_text_console_opens_where_bash_is_younger_than_4() {
    let output = Command::new("bash").args(["-c", "echo ${BASH_VERSINFO[0]}"]).output().expect("bash");
    let release = text(&output.stdout).trim().to_string();
    assert!(release.parse::<u32>().unwrap() >= 5, "this test needs a bash of release 5 or later, here is {release}");
    let bed = Bed::start(1);
    let mut call = ctys(&bed, &["-t", "pm", "-a", "create=connect,console:cli", "lab000"]);
    let mut pty = Pty::start(call.env("SHELL", "/bin/bash"));
    pty.wait_for(b"leaves it");
    pty.types(b"exec bash\n");
    pty.types(b"echo release=${BASH_VERSINFO[0]}=\n");
    pty.wait_for(format!("release={release}=").as_bytes());
    pty.types(b"exit 0\n");
    let (status, rest) = pty.end();
    assert!(status.success(), "{status}: {}", text(&rest));
    // And INFO has nothing to say against it.
    let info = ctys(&bed, &["-t", "pm", "-a", "info", "lab000"]).env("SHELL", "/bin/bash").output().unwrap();
    assert!(info.status.success(), "{info:?}");
    assert!(!text(&info.stdout).to_uppercase().contains("DISABLED"), "{}", text(&info.stdout));
}
