//! Hosts that mean no good, behind the real sshd and behind none: nothing they send hangs, crashes, fills the memory, or
//! gets into the row of another.

use crate::scene::{Ended, Scene, listing};
use std::io::{Read, Write};
use std::net::TcpListener;

const BOTH: [&str; 2] = ["ssh2", "openssh"];

/// A call to hosts that do not come to an end, with a clock for all of it.
fn list(scene: &Scene, transport: &str, hosts: &[&str]) -> Ended {
    let clocks = ["--connect-timeout", "10s", "--silence-timeout", "5s", "--total-timeout", "12s"];
    scene.ctys(&[&clocks[..], &listing(transport), hosts].concat())
}

/// What a tool of the hosts prints; `code` and `about` are how lab000 is told of, with the rows there are.
fn tool(scene: &Scene, tool: &str, body: &str, code: i32, about: &[&str], rows: &str) {
    scene.host_tool(tool, body);
    for transport in BOTH {
        // What has an end may take its time.
        let ended = if code == 3 { list(scene, transport, &["lab000"]) } else { scene.list(transport, &["lab000"]) };
        let told: Vec<(&str, &str)> = about.iter().map(|about| ("lab000", *about)).collect();
        assert_eq!(ended.told(code, &told), rows, "{transport}: {tool}: {body}");
        scene.nothing_left();
    }
}

#[test]
fn a_tool_that_prints_without_end_is_cut_and_ended_by_the_clock() {
    let scene = Scene::start(1);
    let over = ["timeout: not finished after 12 s in all"];
    tool(&scene, "ip", "exec yes", 3, &over, "lab000\n");
    tool(&scene, "ip", "exec yes >&2", 3, &over, "lab000\n");
    tool(&scene, "ip", "exec cat /dev/urandom", 3, &over, "lab000\n");
    // A byte now and then: never silent, and never ready.
    tool(&scene, "ip", "while printf x; do sleep 0.2; done", 3, &over, "lab000\n");
}

#[test]
fn a_tool_that_prints_more_than_anybody_reads_is_cut_and_the_row_is_there() {
    let scene = Scene::start(1);
    let many =
        |text: &str| format!("yes '{text}' | head -n 230000 | nl -ba | sed 's/^ *\\([0-9]*\\)\\t/\\1: eth\\1: /'");
    let strange = ["run: pm: the output of ip addr was not understood"];
    tool(&scene, "ip", &many("<BROADCAST,UP> mtu 1500"), 0, &[], "lab000\n");
    tool(&scene, "ip", "head -c 10000000 /dev/urandom", 5, &strange, "lab000\n");
    tool(&scene, "ip", "printf '\\033[2J\\033]0;x\\007\\342\\200\\256'", 5, &strange, "lab000\n");
}

#[test]
fn a_host_that_claims_to_be_another_gets_no_row_of_its_name() {
    let scene = Scene::start(2);
    scene.host_tool("uname", "echo 'Linux lab001 6.1.0-18-amd64 x86_64'");
    for transport in BOTH {
        assert_eq!(scene.list(transport, &["lab000"]).told(0, &[]), "lab000\n", "{transport}");
    }
    // A name that is no name is data like any other, and not shown in the place of what was typed.
    for name in ["\\033[2Jlab001", "$(reboot)", ";lab001;"] {
        scene.host_tool("uname", &format!("printf 'Linux %b 6.1.0 x86_64\\n' '{name}'"));
        assert_eq!(scene.list("ssh2", &["lab000"]).told(0, &[]), "lab000\n", "{name}");
    }
    // Who does not say who it is has no row.
    for text in ["echo", "head -c 300000 /dev/zero | tr '\\0' x", "exit 1"] {
        scene.host_tool("uname", text);
        let about = [("lab000", "parse: the host did not say who it is")];
        assert_eq!(scene.list("ssh2", &["lab000"]).told(5, &about), "", "{text}");
    }
    scene.nothing_left();
}

#[test]
fn a_login_that_is_no_shell_of_ours_is_told_over_the_real_sshd() {
    // The forced command runs what the test says, in the place of any shell; `$SSH_ORIGINAL_COMMAND` is what we asked for.
    let scene = Scene::start_with(1, "ForceCommand . \"$HOME/../hosts/login\"\n");
    let learn =
        "echo ctys-shell-ready\nwhile read -r line; do case $line in ctys_n=*) n=${line#*=}; break;; esac; done\n";
    let begin = "for i in 0 1 9; do printf '%s b %s\\n' $n $i; ";
    let mut wrong = Vec::new();
    for (body, code, about) in [
        ("cat /dev/urandom", 5, "run: the login shell prints without end"),
        ("yes >&2", 3, "timeout: "),
        ("while printf x; do sleep 0.2; done", 3, "timeout: "),
        ("printf 'SSH-2.0-x\\r\\n'; exit 7", 4, "login: "),
        ("echo ctys-shell-ready", 4, "login: the login gave no shell"),
        ("echo ctys-shell-ready; cat >/dev/null", 3, "timeout: nothing came for 5 s"),
        ("echo ctys-shell-ready; kill -9 $$", 4, "login: the login gave no shell"),
        ("echo ctys-shell-ready; exec cat", 3, "timeout: nothing came for 5 s"),
        // Frames that cannot be: with the right word, but not ours.
        ("LEARN printf '%s b 4294967295\\n' $n", 5, "parse: the answer is garbled: the frame mark"),
        ("LEARN printf '%s b 99999999999999999999\\n' $n", 5, "parse: the answer is garbled: the frame mark"),
        ("LEARN printf '%s b 1\\n%s b 1\\n' $n $n", 5, "parse: the answer is garbled: the frame mark"),
        ("LEARN printf '%s b -1\\n' $n", 5, "parse: the answer is garbled: the frame mark"),
        ("LEARN printf '%s x 0\\n' $n; printf '%s x 0\\n' $n >&2", 5, "parse: the host did not say who it is"),
        ("LEARN printf '%s ' $n; yes | tr -d '\\n'", 5, "parse: the answer is garbled: a frame mark without an end"),
        // Half a frame, and then nothing, or the end.
        ("LEARN printf '%s b 1\\nhalf' $n; cat >/dev/null", 3, "timeout: not finished after 12 s in all"),
        ("LEARN printf '%s b 1\\nhalf' $n", 4, "login: the login gave no shell"),
        // Every item filled beyond its limit, and more items than were asked for.
        (
            "LEARN BEGIN head -c 9000000 /dev/zero; printf '%s e %s 0 0\\n' $n $i; done; yes",
            5,
            "parse: the answer is garbled: the frame mark",
        ),
    ] {
        let body = body.replace("LEARN ", learn).replace("BEGIN ", begin);
        std::fs::write(scene.bed.path("hosts/login"), &body).unwrap();
        for transport in BOTH {
            let ended = list(&scene, transport, &["lab000"]);
            match ended.code == code && ended.stderr.contains(about) {
                true => assert_eq!(ended.told(code, &[("lab000", about)]), "", "{transport}: {body}"),
                false => wrong.push(format!("{transport}: {body}\n  {}: {}", ended.code, ended.stderr)),
            }
            scene.nothing_left();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_listens_in_the_place_of_sshd_and_speaks_something_else_is_given_up() {
    let scene = Scene::start(1);
    let hello = "SSH-2.0-OpenSSH_9.2\r\n";
    // What is sent once, what is sent again and again, and whether the connection is then closed.
    let cases: [(&str, Vec<u8>, &[u8], bool); 8] = [
        ("closes", Vec::new(), b"", true),
        ("half", b"SSH-2.".to_vec(), b"", false),
        ("garbage", Vec::new(), b"\xff\x00\x1b[2J", false),
        ("http", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), b"", true),
        ("greets", hello.as_bytes().to_vec(), b"", false),
        ("huge", [hello.as_bytes(), b"\xff\xff\xff\xff\x04\x14"].concat(), b"\0", false),
        ("ignores", [hello.as_bytes(), &packet(2)].concat(), &packet(2), false),
        ("longs", b"SSH-2.0-".to_vec(), b"xxxxxxxxxxxxxxxx", false),
    ];
    let mut config = String::new();
    for (name, first, again, closes) in &cases {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        config.push_str(&format!("Host {name}\n HostName 127.0.0.1\n Port {port}\n"));
        let (first, again, closes) = (first.clone(), again.repeat(1000), *closes);
        std::thread::spawn(move || {
            for caller in server.incoming() {
                let (mut caller, first, again) = (caller.unwrap(), first.clone(), again.clone());
                std::thread::spawn(move || {
                    let _ = caller.write_all(&first);
                    while !again.is_empty() && caller.write_all(&again).is_ok() {}
                    // Until the caller goes; what it says is of no interest.
                    let mut rest = [0; 4096];
                    while !closes && caller.read(&mut rest).is_ok_and(|count| count > 0) {}
                });
            }
        });
    }
    scene.bed.configure(&config);
    for transport in BOTH {
        let mut hosts: Vec<&str> = cases.iter().map(|(name, ..)| *name).collect();
        hosts.push("lab000");
        let ended = list(&scene, transport, &hosts);
        assert_eq!(ended.code, 3, "{transport}: {}", ended.stderr);
        let told: Vec<(&str, &str)> = cases.iter().map(|(name, ..)| (*name, "")).collect();
        assert_eq!(ended.told(3, &told), "lab000\n", "{transport}");
        scene.nothing_left();
    }
}

/// An unencrypted packet of this type, with nothing in it but four bytes of length.
fn packet(kind: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 12, 6, kind, 0, 0, 0, 0];
    bytes.extend_from_slice(&[0; 6]);
    bytes
}

#[test]
fn many_hosts_that_fill_their_answers_at_once_are_held_to_the_memory_of_the_window() {
    let scene = Scene::start(12);
    scene.host_tool("ip", "head -c 12000000 /dev/zero | tr '\\0' 'x'");
    let hosts: Vec<&str> = scene.bed.hosts.iter().map(String::as_str).collect();
    let words = [&["--window", "4"][..], &listing("ssh2"), &hosts].concat();
    let mut ended = scene.ctys(&words);
    // Beside the program, for each host of the window what is kept of its answer: as it came, as it is handed to a plugin,
    // and as the plugin has it.
    ended.most_kib = 32 * 1024 + 4 * 64 * 1024;
    let strange = hosts.iter().map(|host| (*host, "run: pm: the output of ip addr was not understood"));
    assert_eq!(ended.told(5, &strange.collect::<Vec<_>>()).lines().count(), 12);
    scene.nothing_left();
}
