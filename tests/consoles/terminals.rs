//! The caller's terminal: sizes, keys and settings through the real ssh.

use crate::bed::Bed;
use crate::pty::Pty;
use crate::{ctys, text};

#[test]
fn sizes_and_ctrl_c_reach_the_machine_and_the_settings_come_back() {
    let bed = Bed::start(1);
    let mut pty = Pty::start(&mut ctys(&bed, &["-t", "pm", "-a", "create=connect,console:cli", "lab000"]));
    let before = pty.usual.clone();
    let first = text(&pty.wait_for(b"leaves it"));
    assert!(first.contains("ctys: console of lab000 (PM) on lab000; exit leaves it"), "{first}");
    pty.types(b"stty size; echo size\n");
    pty.wait_for(b"24 80");
    pty.resize(40, 132);
    pty.types(b"while [ \"$(stty size)\" != '40 132' ]; do sleep 0.1; done; echo sized\"\"now\n");
    pty.wait_for(b"sizednow");
    pty.types(b"sh -c 'trap \"echo cau\"\"ght; exit\" INT; echo wait\"\"ing; while :; do sleep 0.1; done'\n");
    pty.wait_for(b"waiting");
    pty.types(b"\x03");
    pty.wait_for(b"caught");
    pty.types(b"exit 0\n");
    let (status, rest) = pty.end();
    assert!(status.success(), "{status}: {}", text(&rest));
    assert_eq!(pty.settings(), before);
}

/// When a process started, of its line in /proc.
fn start_of(stat: &str) -> String {
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().nth(19).unwrap().to_string()
}

#[test]
fn killed_we_leave_no_ssh_behind_and_the_terminal_as_it_was() {
    let bed = Bed::start(1);
    let mut pty = Pty::start(&mut ctys(&bed, &["-t", "pm", "-a", "create=connect,console:cli", "lab000"]));
    let before = pty.usual.clone();
    pty.types(b"echo $$ >shell; echo read\"\"y\n");
    pty.wait_for(b"ready");
    assert_ne!(pty.settings(), before, "ssh makes the terminal raw");
    let shell = std::fs::read_to_string(bed.path("home/shell")).unwrap();
    // A number alone may be that of another process by now.
    let begun = || std::fs::read_to_string(format!("/proc/{}/stat", shell.trim())).ok().map(|stat| start_of(&stat));
    let first = begun();
    let alive = || begun() == first;
    assert!(first.is_some());
    pty.child.kill().unwrap();
    pty.wait_for_settings(|settings| settings == before);
    pty.end();
    for _ in 0..3000 {
        if !alive() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the shell on the host lives on");
}

#[test]
fn emacs_takes_the_terminal_where_there_is_no_display() {
    let bed = Bed::start(1);
    let mut pty = Pty::start(&mut ctys(&bed, &["-t", "pm", "-a", "create=connect,console:emacsa", "lab000"]));
    let before = pty.usual.clone();
    pty.wait_for(b"(Term: char run)");
    pty.types(b"echo $((6*7)) >said; echo d\"\"one\r");
    pty.wait_for(b"done");
    assert_eq!(std::fs::read_to_string(bed.path("home/said")).unwrap(), "42\n");
    pty.types(b"exit\r");
    pty.wait_for(b"no process");
    pty.types(b"\x18\x03");
    let (status, rest) = pty.end();
    assert!(status.success(), "{status}: {}", text(&rest));
    assert_eq!(pty.settings(), before);
}
