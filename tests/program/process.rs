//! The program as a process: streams, pipes, exit codes.

use crate::sealed::{Outcome, Sealed};
use std::process::Stdio;

#[test]
fn the_bare_version_has_no_newline_and_the_full_one_has_the_name() {
    let sealed = Sealed::new();
    assert_eq!(sealed.ctys(&["-X", "-V"]).ok(), env!("CARGO_PKG_VERSION"));
    assert_eq!(sealed.ctys(&["-V"]).ok(), format!("ctys {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(sealed.ctys(&["-V", "-X"]).ok(), format!("ctys {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(sealed.ctys(&["--version"]).ok(), format!("ctys {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_closed_pipe_ends_it_quietly_by_the_usual_signal() {
    let sealed = Sealed::new();
    let mut child = sealed.command(&["-a", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let outcome = Outcome::of(child.wait_with_output().unwrap(), "ctys ls | true".into());
    assert_eq!(outcome.fails(128 + libc::SIGPIPE), "");
}

#[test]
fn a_full_disk_is_an_error() {
    let sealed = Sealed::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = sealed.command(&["-a", "list"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let outcome = Outcome::of(output, "ctys -a list >/dev/full".into());
    assert!(outcome.fails(2).contains("cannot write"));
}

#[test]
fn errors_never_go_to_stdout() {
    let sealed = Sealed::new();
    for words in
        [&["-a", "lits"][..], &["-a", "list", "--transport", "openssh", "nowhere"], &["-t", "vbox", "-a", "list"]]
    {
        let outcome = sealed.ctys(words);
        assert!(!outcome.stderr.is_empty(), "{outcome:?}");
        assert!(!outcome.stdout.contains("ctys:"), "{outcome:?}");
        assert_ne!(outcome.code, 0, "{outcome:?}");
    }
    // A remark beside an answer: the answer is all that is on stdout.
    let quiet = sealed.ctys(&["-a", "list=terse,label"]).ok();
    for remarked in
        [&["-v", "-a", "list=terse,label"][..], &["-n", "-a", "list=terse,label"], &["-f", "-a", "list=terse,label"]]
    {
        let (stdout, stderr) = sealed.ctys(remarked).ends(0);
        assert!(stderr.starts_with("ctys: ") && stderr.contains("notice: "), "{stderr}");
        assert_eq!(stdout, quiet);
    }
    let stdout = sealed.ctys(&["-a", "lits"]).stdout;
    assert_eq!(stdout, "");
}

#[test]
fn stderr_has_no_colour_and_no_cursor_motion_unless_it_is_a_terminal() {
    let sealed = Sealed::new().with("TERM", "xterm-256color");
    let (_, stderr) = sealed.ctys(&["-a", "list", "--transport", "openssh", "nowhere"]).ends(4);
    assert!(!stderr.contains('\u{1b}') && !stderr.contains('\r'), "{stderr:?}");
}

#[test]
fn verbose_says_how_each_target_was_reached() {
    let sealed = Sealed::new();
    let (_, stderr) = sealed.ctys(&["-v", "-a", "list=terse,machine"]).ends(0);
    assert_eq!(stderr, "ctys: localhost: notice: reached by local\n");
}

#[test]
fn without_a_word_it_says_what_to_type_next() {
    let stderr = Sealed::new().ctys(&[]).fails(1);
    assert!(stderr.contains("ctys ls") && stderr.contains("ctys help"), "{stderr}");
}

/// A listing of lab00 that waits inside of the host until the file `go` is there.
fn waiting_list(sealed: &Sealed) -> std::process::Child {
    sealed.host("lab00", "lab00.soho", "192.168.1.71", "00:0e:0c:35:f8:48");
    sealed.host_tool(
        "lab00",
        "ip",
        "echo at work >>\"$LOG\"; while [ ! -e \"$HOSTS/go\" ]; do sleep 0.05; done; exit 1",
    );
    let words = ["--transport", "openssh", "-t", "pm", "-a", "list=terse,label,mac", "lab00"];
    let child = sealed.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..2000 {
        if sealed.log().contains("at work") {
            return child;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it does not begin: {}", sealed.log());
}

fn signal(child: &std::process::Child, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_terminal_that_closes_is_one_interrupt_and_control_backslash_ends_at_once() {
    let sealed = Sealed::new();
    let child = waiting_list(&sealed);
    // The kernel sends it, and the shell once more.
    signal(&child, "-HUP");
    signal(&child, "-HUP");
    std::thread::sleep(std::time::Duration::from_millis(200));
    std::fs::write(sealed.folder.join("hosts/go"), "").unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap(), "ctys and two SIGHUP".into());
    assert!(outcome.stderr.contains("interrupted; nothing more is started, still out: lab00"), "{outcome:?}");
    assert!(outcome.stdout.starts_with("lab00"), "what was begun comes to its end: {outcome:?}");

    let sealed = Sealed::new();
    let child = waiting_list(&sealed);
    signal(&child, "-QUIT");
    let outcome = Outcome::of(child.wait_with_output().unwrap(), "ctys and SIGQUIT".into());
    std::fs::write(sealed.folder.join("hosts/go"), "").unwrap();
    assert_eq!(outcome.code, 128 + libc::SIGQUIT, "{outcome:?}");
}
