//! The program as a process: streams, pipes, exit codes.

use crate::sealed::{Outcome, Sealed};
use std::process::{Command, Stdio};
use std::time::Duration;

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

/// The end of a listing of lab00 that hears these signals while it waits inside of the host, where it goes on by itself behind
/// them.
fn signalled(sealed: &Sealed, signals: &[&str]) -> Outcome {
    sealed.host("lab00", "lab00.soho", "192.168.1.71", "00:0e:0c:35:f8:48");
    // It ends with the folder as well, which may go before it has looked once more.
    let wait =
        "echo at work >>\"$LOG\"; while [ -d \"$HOSTS\" ] && [ ! -e \"$HOSTS/go\" ]; do sleep 0.05; done; exit 1";
    sealed.host_tool("lab00", "ip", wait);
    let words = ["--transport", "openssh", "-t", "pm", "-a", "list=terse,label,mac", "lab00"];
    let child = sealed.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = (0..2000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        sealed.log().contains("at work")
    });
    for signal in signals {
        let status = Command::new("kill").args([signal, &&*child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
    std::thread::sleep(Duration::from_millis(200));
    std::fs::write(sealed.folder.join("hosts/go"), "").unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap(), format!("ctys and {signals:?}"));
    assert!(began, "it does not begin: {}{outcome:?}", sealed.log());
    outcome
}

#[test]
fn a_terminal_that_closes_is_one_interrupt_and_control_backslash_ends_at_once() {
    // The kernel sends it, and the shell once more.
    let outcome = signalled(&Sealed::new(), &["-HUP", "-HUP"]);
    assert!(outcome.stderr.contains("interrupted; nothing more is started, still out: lab00"), "{outcome:?}");
    assert!(outcome.stdout.starts_with("lab00"), "what was begun comes to its end: {outcome:?}");
    let outcome = signalled(&Sealed::new(), &["-QUIT"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (128 + libc::SIGQUIT, ""), "{outcome:?}");
}
