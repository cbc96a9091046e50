//! The main job against real sshd instances: many hosts, odd hosts, every way to reach one.

#[path = "bed/mod.rs"]
mod bed;
#[path = "sealed/mod.rs"]
mod sealed;

use bed::Bed;
use sealed::{Outcome, Sealed, plugins};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// `ctys` with the real tools, the plugins of this build and the configuration of the bed.
fn command(bed: &Bed, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
    command.args(["--ssh-config", bed.config.to_str().unwrap()]).args(words);
    command.env("CTYS_PLUGIN_PATH", plugins()).env("HOME", &bed.folder).stdin(Stdio::null());
    command
}

fn ctys(bed: &Bed, words: &[&str]) -> Outcome {
    Outcome::of(command(bed, words).output().unwrap(), format!("ctys {}", words.join(" ")))
}

/// The same, for no longer than this: then it is killed, and the test has failed.
fn ctys_within(bed: &Bed, words: &[&str], limit: Duration) -> Outcome {
    let mut child = command(bed, words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (stdout, stderr) = (collected(child.stdout.take().unwrap()), collected(child.stderr.take().unwrap()));
    let until = Instant::now() + limit;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                let stderr = String::from_utf8_lossy(&stderr.join().unwrap()).into_owned();
                panic!("ctys {} did not end within {limit:?}; it said:\n{stderr}", words.join(" "));
            }
        }
    };
    let output = Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    Outcome::of(output, format!("ctys {}", words.join(" ")))
}

/// Reads on while the process is waited for: a full pipe would hold it up.
fn collected(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).unwrap();
        all
    })
}

/// The rows of the machines themselves. All hosts are this one, and what runs on it beside the tests has rows as well.
fn records(json: &Value) -> Vec<&Value> {
    json["records"].as_array().unwrap().iter().filter(|record| record["session_type"] == "PM").collect()
}

/// A login with a key file, by the agent inside the process and, where it has no place for its socket, by libssh2 itself.
#[test]
fn a_key_file_is_signed_with_by_an_agent_inside_the_process_or_without_it() {
    let bed = Bed::start(2);
    let room = bed.path("room");
    std::fs::create_dir(&room).unwrap();
    let changed = || std::fs::metadata(&room).unwrap().modified().unwrap();
    let list = |host: &str, room: &std::path::Path| {
        let mut command = command(&bed, &["--transport", "ssh2", "-t", "pm", "-a", "list=json", host]);
        let (stdout, _) = Outcome::of(command.env("TMPDIR", room).output().unwrap(), format!("list {host}")).ends(0);
        assert_eq!(records(&serde_json::from_str(&stdout).unwrap()).len(), 1);
    };
    let new = changed();
    // The key is in the agent of the user alone.
    list("by-agent", &room);
    assert_eq!(changed(), new, "a login by the user's agent made a socket");
    list("lab000", &room);
    assert!(changed() > new, "a login with a key file made no socket");
    assert_eq!(std::fs::read_dir(&room).unwrap().count(), 0, "and left it there");
    list("lab001", &bed.path("no-such-room"));
}

#[test]
fn a_hundred_hosts_and_four_of_them_are_odd() {
    let bed = Bed::start(96);
    // The clocks are long for a machine that is busy with other tests; the call takes hardly longer than that of the silent host.
    let mut words = vec!["-a", "list=json", "--connect-timeout", "25s", "--total-timeout", "120s"];
    // The total clock, and run::GRACE, after which a host is given up.
    let clocks = Duration::from_secs(120 + 3);
    let mut targets: Vec<&str> = bed.hosts.iter().map(String::as_str).collect();
    for (place, odd) in [(10, "refusing"), (30, "silent"), (50, "changed"), (70, "nowhere")] {
        targets.insert(place, odd);
    }
    assert_eq!(targets.len(), 100);
    words.extend(&targets);
    // A silent host is a time-out (3), which tells more than those that were not reached (4).
    let (stdout, stderr) = ctys_within(&bed, &words, clocks).ends(3);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    let listed: Vec<&str> = records(&json).iter().map(|record| record["target"].as_str().unwrap()).collect();
    let good: Vec<&str> = bed.hosts.iter().map(String::as_str).collect();
    assert_eq!(listed, good, "every good host once, in the order of the call");
    let mut phases: Vec<(&str, &str)> = json["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["target"].as_str().unwrap(), problem["phase"].as_str().unwrap()))
        .collect();
    phases.sort();
    assert_eq!(
        phases,
        [("changed", "host_key"), ("nowhere", "resolve"), ("refusing", "connect"), ("silent", "timeout")]
    );
    for (host, phase) in phases {
        let line = format!("ctys: {host}: {}: ", phase.replace('_', " "));
        assert!(stderr.contains(&line), "{line} is not in:\n{stderr}");
    }
}

#[test]
fn every_way_to_reach_a_host_works_and_says_which_it_was() {
    let bed = Bed::start(2);
    let ways = [
        ("lab000", "ssh2", ""),
        ("lab001", "ssh2", ""),
        ("by-agent", "ssh2", ""),
        ("by-ecdsa", "ssh2", ""),
        ("packed", "ssh2", ""),
        ("old-kex", "ssh2", ""),
        ("by-cert", "openssh", "certificate"),
        ("proxied", "openssh", "proxycommand"),
        ("jumped", "openssh", "proxyjump"),
    ];
    for (host, way, why) in ways {
        let (stdout, stderr) = ctys(&bed, &["-v", "-t", "pm", "-a", "list=machine", host]).ends(0);
        assert_eq!(stdout.lines().count(), 1, "{host}: {stdout}");
        let line = stderr.lines().find(|line| line.contains("reached by")).unwrap_or_default();
        assert!(line.starts_with(&format!("ctys: {host}: notice: reached by {way}")), "{host}: {stderr}");
        assert!(line.to_lowercase().contains(why), "{host}: {line}");
    }
    // The keys by which the servers let us in are those that the configuration names.
    let log = bed.log();
    assert!(log.contains("ED25519-CERT"), "{log}");
    assert!(log.matches("Accepted publickey").count() >= ways.len(), "{log}");
}

#[test]
fn both_ssh_transports_give_the_same_table() {
    let bed = Bed::start(3);
    let list = |transport: &str| {
        let words = ["--transport", transport, "-t", "pm", "-a", "list=macro:TAB_CPORT", "lab000", "lab001", "lab002"];
        ctys(&bed, &words).ok()
    };
    assert_eq!(list("ssh2"), list("openssh"));
}

#[test]
fn an_unknown_host_key_is_refused_and_nothing_is_written_down() {
    let bed = Bed::start(1);
    let before = std::fs::read_to_string(bed.path("known_hosts")).unwrap();
    for transport in ["ssh2", "openssh"] {
        let stderr = ctys(&bed, &["--transport", transport, "-a", "list=terse,machine", "unknown"]).fails(4);
        assert!(stderr.contains("ctys: unknown: host key: "), "{transport}: {stderr}");
    }
    assert_eq!(std::fs::read_to_string(bed.path("known_hosts")).unwrap(), before);
}

#[test]
fn one_login_per_host_for_a_whole_list() {
    let bed = Bed::start(1);
    ctys(&bed, &["-a", "list", "lab000"]).ok();
    assert_eq!(bed.log().matches("Accepted publickey").count(), 1, "{}", bed.log());
}

/// Processes of these calls: those here have the home of the bed, those on a host came over its port.
fn left_by(bed: &Bed) -> Vec<(u32, String)> {
    let (home, port) = (format!("HOME={}", bed.folder.display()), format!(" {}", bed.port));
    let is_ours =
        |variable: &str| variable == home || variable.starts_with("SSH_CONNECTION=") && variable.ends_with(&port);
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let folder = entry.ok()?.path();
        let pid = folder.file_name()?.to_str()?.parse().ok()?;
        let variables = String::from_utf8_lossy(&std::fs::read(folder.join("environ")).ok()?).into_owned();
        let words = std::fs::read(folder.join("cmdline")).ok()?;
        variables.split('\0').any(is_ours).then(|| (pid, String::from_utf8_lossy(&words).into_owned()))
    });
    processes.collect()
}

#[test]
fn nothing_of_a_call_stays_behind_here_or_on_a_host() {
    let bed = Bed::start(3);
    // Both kinds are found while they are there.
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", bed.config.to_str().unwrap(), "lab000", "exec sleep 600"]).env("HOME", &bed.folder);
    let mut there = ssh.stdin(Stdio::null()).spawn().unwrap();
    wait_until(|| left_by(&bed).iter().any(|(_, words)| words.starts_with("sleep")));
    assert!(left_by(&bed).iter().any(|(pid, _)| *pid == there.id()), "{:?}", left_by(&bed));
    for (pid, _) in left_by(&bed) {
        let _ = Command::new("kill").arg(pid.to_string()).status().unwrap();
    }
    let _ = there.wait().unwrap();
    wait_until(|| left_by(&bed).is_empty());
    let hosts = ["lab000", "lab001", "lab002"];
    for transport in ["ssh2", "openssh"] {
        for action in ["list", "enumerate", "show", "info"] {
            let words = [&["--transport", transport, "-a", action][..], &hosts].concat();
            assert_eq!(ctys(&bed, &words).code, 0, "{transport} {action}");
        }
    }
    wait_until(|| left_by(&bed).is_empty());
}

#[test]
fn logins_at_one_sshd_stay_below_its_max_startups() {
    // Sixteen hosts of one sshd that drops every further connection once ten are not logged in.
    let bed = Bed::start_with(16, "MaxStartups 10:100:10\n");
    let mut words = vec!["-t", "pm", "-a", "list=terse,tab_gen:1_PM_6"];
    words.extend(bed.hosts.iter().map(String::as_str).cycle().take(64));
    assert_eq!(ctys(&bed, &words).ok().lines().count(), 64);
    assert!(!bed.log().contains("beginning MaxStartups throttling"), "{}", bed.log());
}

#[test]
fn a_transcript_answers_for_hosts_that_are_gone() {
    let bed = Bed::start(2);
    let file = bed.path("transcript");
    let file = file.to_str().unwrap();
    let words = ["-a", "list=macro:TAB_CPORT", "lab000", "lab001"];
    let live = ctys(&bed, &[&["--record", file][..], &words].concat()).ok();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(file).unwrap();
    drop(bed);
    let other = Bed::start(1);
    std::fs::write(other.path("transcript"), text).unwrap();
    let replayed = ctys(&other, &[&["--replay", other.path("transcript").to_str().unwrap()][..], &words].concat()).ok();
    assert_eq!(replayed, live);
}

#[test]
fn an_interrupt_names_who_is_out_and_the_second_ends() {
    let bed = Bed::start(1);
    let words =
        ["-a", "list=json", "--window", "2", "--connect-timeout", "300s", "silent", "silent", "lab000", "silent"];
    let mut child = command(&bed, &words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    // It is at work once it holds connections to the silent host; there is nothing to wait for on its outputs.
    wait_until(|| sockets_of(child.id()) >= 2);
    interrupt(child.id());
    let mut said = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut said).unwrap();
    assert!(said.contains("still out: silent silent"), "{said}");
    interrupt(child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(records(&json).len(), 0);
    let phases: BTreeSet<&str> =
        json["problems"].as_array().unwrap().iter().map(|problem| problem["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, BTreeSet::from(["interrupted"]));
    assert_eq!(json["problems"].as_array().unwrap().len(), 4, "every target ends once: {json}");
}

#[test]
fn names_come_from_the_resolver_with_the_dot_of_the_dns_as_in_the_seed() {
    let sealed = Sealed::new();
    sealed.host("lab00", "lab00.soho", "192.168.1.71", "00:0e:0c:35:f8:48");
    sealed.file("hosts", "127.0.0.1 localhost\n192.168.1.70 ws2.soho ws2\n192.168.1.71 lab00.soho lab00\n");
    // The resolver's file is ours in a mount namespace that ends with the process.
    let call = sealed.command(&["--transport", "openssh", "-a", "list", "localhost", "lab00"]);
    let mut named = Command::new("unshare");
    let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
    named.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
    named.arg(sealed.folder.join("home/hosts")).arg(call.get_program()).args(call.get_args());
    named.env_clear().envs(call.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    assert_eq!(
        Outcome::of(named.output().unwrap(), "ctys -a list localhost lab00".into()).ok(),
        "TCP-container|TCP-guest  |label|sesstype|c|user|group\n\
         -------------+-----------+-----+--------+-+----+-----\n\
         ws2.soho     |ws2.soho.  |ws2  |PM      |S|-   |-    \n\
         lab00.soho   |lab00.soho.|lab00|PM      |S|-   |-    \n"
    );
}

fn interrupt(pid: u32) {
    // SAFETY: the process is our child and not yet waited for.
    unsafe { libc::kill(pid as i32, libc::SIGINT) };
}

fn sockets_of(pid: u32) -> usize {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let links = entries.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    // Three of its sockets carry the signals: one end that reads, and one that writes for each of the two signals.
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count().saturating_sub(3)
}

/// Polls for something that must happen; a machine under load may take its time.
fn wait_until(mut condition: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it never happened");
}
