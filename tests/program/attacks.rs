//! Hosts that mean no good, and values that are not what they look like.

use crate::sealed::Sealed;
use std::io::Write;
use std::net::TcpListener;

/// The caller ws2.soho, the good host lab00, and nothing else yet.
fn lab() -> Sealed {
    let sealed = Sealed::new();
    sealed.host("lab00", "lab00.soho", "192.168.1.71", "00:0e:0c:35:f8:48");
    // The fake `ssh` runs the login of a host in the place of what it was asked to run.
    let ssh = std::fs::read_to_string(sealed.folder.join("bin/ssh")).unwrap();
    let (before, after) = ssh.split_once("PATH=$HOSTS").unwrap();
    let before = before.trim_start_matches("#!/bin/sh\n");
    sealed.tool(
        "ssh",
        &format!("{before}[ ! -e \"$HOSTS/$host/login\" ] || exec \"$HOSTS/$host/login\" \"$@\"\nPATH=$HOSTS{after}"),
    );
    sealed
}

/// A host with this login: the body of a shell script.
fn login(sealed: &Sealed, name: &str, body: &str) {
    std::fs::create_dir_all(sealed.folder.join("hosts").join(name)).unwrap();
    sealed.host_tool(name, "login", body);
}

/// A call to a host that means no good and to lab00, with short clocks: the exit code and the first line about the host.
fn check(sealed: &Sealed, host: &str, code: i32, about: &str) {
    let clocks = ["--connect-timeout", "10", "--silence-timeout", "10", "--total-timeout", "20"];
    let words = ["--transport", "openssh", "-a", "list=terse,tab_gen:3_label_5", host, "lab00"];
    let (stdout, stderr) = sealed.ctys(&[&clocks[..], &words].concat()).ends(code);
    assert_eq!(stdout, "lab00\n", "{host}: {stderr}");
    let line = stderr.lines().find(|line| line.starts_with(&format!("ctys: {host}: "))).unwrap_or_default();
    assert!(line.contains(about), "{host}: {about:?} is not in:\n{stderr}");
    assert!(!stderr.chars().any(|c| c.is_control() && c != '\n'), "{host}: {stderr:?}");
}

#[test]
fn a_login_that_is_no_shell_is_told_with_its_last_words() {
    let sealed = lab();
    login(&sealed, "nologin", "echo 'This account is currently not available.'; exit 1");
    login(&sealed, "forced", "echo 'only rsync' >&2; exit 3");
    login(&sealed, "mute", "exit 0");
    login(&sealed, "loud", "printf 'x\\033[2J\\033]0;y\\007\\n'; exit 1");
    check(
        &sealed,
        "nologin",
        4,
        "login: the login ended with status 1 before a shell started, saying: This account is",
    );
    check(&sealed, "forced", 4, "saying: only rsync");
    check(&sealed, "mute", 4, "without a word");
    check(&sealed, "loud", 4, "saying: x\\x1b[2J\\x1b]0;y\\x07");
}

#[test]
fn a_host_that_prints_without_end_is_ended_and_the_others_answer() {
    let sealed = lab();
    login(&sealed, "before", "yes >&2 & exec yes");
    login(&sealed, "errors", "exec yes >&2");
    login(&sealed, "after", "echo ctys-shell-ready; yes >&2 & exec yes");
    check(&sealed, "before", 5, "run: the login shell prints without end");
    check(&sealed, "errors", 3, "timeout: no login");
    check(&sealed, "after", 5, "more than 16 MiB beside the answers");
}

#[test]
fn a_host_that_answers_what_nobody_asked_is_garbled() {
    let sealed = lab();
    // The script tells the random word of the session to the host, which can make up every mark with it.
    let learn =
        "echo ctys-shell-ready\nwhile read -r line; do case $line in ctys_n=*) n=${line#*=}; break;; esac; done\n";
    login(
        &sealed,
        "inventive",
        &format!("{learn}i=100\nwhile :; do i=$((i+1)); printf '%s b %s\\nx\\n%s e %s 0 0\\n' $n $i $n $i; done"),
    );
    login(&sealed, "backwards", &format!("{learn}printf '%s e 1 0 0\\n' $n; sleep 20"));
    check(&sealed, "inventive", 5, "parse: the answer is garbled: the frame mark \"b 101\"");
    check(&sealed, "backwards", 5, "parse: the answer is garbled: the frame mark \"e 1 0 0\"");
}

#[test]
fn a_server_that_greets_without_end_is_ended_by_the_connect_clock_even_in_a_change() {
    let sealed = lab();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let greeting = b"not yet\r\n".repeat(4096);
        let (mut caller, _) = server.accept().unwrap();
        while caller.write_all(&greeting).is_ok() {}
    });
    sealed.file(".ssh/config", &format!("Host endless\n HostName 127.0.0.1\n Port {port}\n"));
    let config = sealed.folder.join("home/.ssh/config");
    let words = ["--ssh-config", config.to_str().unwrap(), "--transport", "ssh2", "--connect-timeout", "1"];
    let outcome = sealed.ctys(&[&words[..], &["-t", "pm", "-a", "cancel=poweroff,self", "endless"]].concat());
    let stderr = outcome.fails(3);
    assert!(stderr.contains("timeout: connected, but no SSH greeting within 1.0 s"), "{stderr}");
}

#[test]
fn pkg_chooses_whose_rows_are_shown() {
    let sealed = lab();
    let list = |words: &[&str]| sealed.ctys(&[&["--transport", "openssh"], words].concat());
    assert_eq!(list(&["-a", "list=terse,tab_gen:3_l_5,pkg:pm", "lab00"]).ok(), "lab00\n");
    let stderr = list(&["-a", "list=terse,tab_gen:3_l_5,pkg:vmw", "lab00"]).fails(2);
    assert!(stderr.contains("no plugin vmw"), "{stderr}");
    let stderr = list(&["-t", "pm", "-a", "list=terse,tab_gen:3_l_5,pkg:xen", "lab00"]).fails(2);
    assert!(stderr.contains("PKG leaves out PM"), "{stderr}");
}

#[test]
fn characters_beyond_ascii_are_shown_where_the_locale_has_them() {
    let check = |variables: &[(&str, &str)], shown: &str| {
        let sealed = variables.iter().fold(lab(), |sealed, (name, value)| sealed.with(name, value));
        sealed.host_tool("lab00", "uname", "printf 'Linux l\\303\\244b 6 x\\n'");
        let list =
            |format: &str| sealed.ctys(&["--transport", "openssh", "-a", &format!("list={format}"), "lab00"]).ok();
        assert_eq!(list("terse,tab_gen:3_l_10").trim_end(), shown, "{variables:?}");
        // What programs read is UTF-8 everywhere.
        assert!(list("json").contains("l\u{e4}b"), "{variables:?}");
    };
    check(&[("LC_ALL", "C.UTF-8")], "l\u{e4}b");
    check(&[("LANG", "de_DE.utf8"), ("LC_ALL", "")], "l\u{e4}b");
    check(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")], "l\\xc3\\xa4b");
    check(&[("LANG", "de_DE.UTF-8"), ("LC_CTYPE", "POSIX")], "l\\xc3\\xa4b");
    check(&[], "l\\xc3\\xa4b");
}
