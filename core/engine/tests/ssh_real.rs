//! Hosts over SSH, for real: each way to reach one, each way to fail, and what travels.

#[path = "../../../tests/bed/mod.rs"]
mod bed;

use bed::Bed;
use ctys_engine::ssh::{Environment, Ssh, Transport};
use ctys_engine::transport::{Clocks, Piece, Shell};
use ctys_model::{Phase, Problem, Target};
use std::ffi::OsString;
use std::time::{Duration, Instant};

const BOTH: [Transport; 2] = [Transport::Ssh2, Transport::OpenSsh];

fn environment(bed: &Bed, variables: &[(&str, &str)]) -> Environment {
    let mut environment = Environment::of_this_process();
    environment.config = Some(bed.config.clone());
    environment.kerberos = false;
    for name in ["SSH_AUTH_SOCK", "SSH_ASKPASS", "DISPLAY"] {
        environment.variables.remove(name);
    }
    environment.variables.extend(variables.iter().map(|(name, value)| (name.to_string(), OsString::from(value))));
    environment
}

fn ssh(bed: &Bed) -> Ssh {
    Ssh::new(environment(bed, &[]))
}

fn target(host: &str) -> Target {
    Target { host: host.into(), ..Target::default() }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn patient() -> Clocks {
    Clocks { connect: Duration::from_secs(60), ..Clocks::default() }
}

fn connect(ssh: &Ssh, host: &str, forced: Option<Transport>) -> Result<Box<dyn Shell>, Problem> {
    ssh.connect(&target(host), &patient(), soon(), forced)
}

/// Runs a script to its end: standard output, standard error, status.
fn run(shell: &mut dyn Shell, script: &[u8]) -> (Vec<u8>, Vec<u8>, Option<i32>) {
    shell.send(script, soon()).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    loop {
        match shell.receive(soon()).unwrap() {
            Piece::Out(bytes) => out.extend(bytes),
            Piece::Err(bytes) => err.extend(bytes),
            Piece::End(status) => return (out, err, status),
            Piece::Nothing => panic!("no end after {} bytes", out.len()),
        }
    }
}

#[test]
fn every_way_to_reach_a_host() {
    let bed = Bed::start(20);
    let ssh = ssh(&bed);
    let check = |host: &str, transport: Transport, why: &[&str]| {
        let route = ssh.route(&target(host));
        let directives: Vec<&str> = route.why.iter().map(|why| why.directive.as_str()).collect();
        assert_eq!((route.transport, directives.as_slice()), (transport, why), "{host}: {route:?}");
        let mut shell =
            connect(&ssh, host, None).unwrap_or_else(|problem| panic!("{host}: {problem:?}\n{}", bed.log()));
        assert_eq!(shell.carrier(), transport.word(), "{host}");
        let (out, err, status) = run(&mut *shell, b"echo $((40+2)); echo oops >&2; exit 255\n");
        assert_eq!((out.as_slice(), err.as_slice(), status), (&b"42\n"[..], &b"oops\n"[..], Some(255)), "{host}");
    };
    for host in ["lab000", "lab001", "lab017", "by-agent", "by-ecdsa", "packed", "old-kex"] {
        check(host, Transport::Ssh2, &[]);
    }
    check("jumped", Transport::OpenSsh, &["proxyjump"]);
    check("proxied", Transport::OpenSsh, &["proxycommand"]);
    check("by-cert", Transport::OpenSsh, &["certificatefile"]);
    let log = bed.log();
    assert!(log.contains("ED25519-CERT"), "{log}");
}

#[test]
fn both_transports_reach_the_same_hosts() {
    let bed = Bed::start(1);
    let ssh = ssh(&bed);
    for transport in BOTH {
        for host in ["lab000", "by-agent", "by-ecdsa", "packed", "old-kex"] {
            let mut shell =
                connect(&ssh, host, Some(transport)).unwrap_or_else(|problem| panic!("{host}: {problem:?}"));
            assert_eq!(shell.carrier(), transport.word());
            assert_eq!(run(&mut *shell, b"exit 3\n"), (vec![], vec![], Some(3)), "{host} by {transport:?}");
        }
    }
    // Forcing drops nothing either.
    let problem = connect(&ssh, "jumped", Some(Transport::Ssh2)).err().unwrap();
    assert_eq!(problem.phase, Phase::Here, "{problem:?}");
    assert!(problem.message.contains("proxyjump"), "{problem:?}");
}

#[test]
fn every_failure_has_its_phase() {
    let bed = Bed::start(1);
    let ssh = ssh(&bed);
    let fingerprint = bed.fingerprint("host_ed25519");
    let check = |host: &str, phase: Phase, parts: &[&str]| {
        for transport in BOTH {
            let problem = connect(&ssh, host, Some(transport)).err().unwrap_or_else(|| panic!("{host} was reached"));
            assert_eq!(problem.phase, phase, "{host} by {transport:?}: {problem:?}");
            if transport == Transport::Ssh2 {
                let all = format!("{} {}", problem.message, problem.hints.join(" "));
                assert!(parts.iter().all(|part| all.contains(part)), "{host}: {parts:?} in {problem:?}");
            }
        }
    };
    check("nowhere", Phase::Resolve, &["nowhere.invalid"]);
    check("refusing", Phase::Connect, &["refused", &bed.addresses[0]]);
    check("changed", Phase::HostKey, &["changed", "known_hosts line", &fingerprint, "ssh-keygen", "ssh changed"]);
    check("unknown", Phase::HostKey, &["unknown", "known_hosts", &fingerprint, "ssh unknown"]);
    check("revoked", Phase::HostKey, &["revoked", "known_hosts line", &fingerprint]);
    check("stranger", Phase::Login, &["permission denied", &bed.user, "publickey", "id_stranger"]);
}

#[test]
fn a_silent_host_ends_within_its_clock() {
    let bed = Bed::start(1);
    let ssh = ssh(&bed);
    for transport in BOTH {
        let clocks = Clocks { connect: Duration::from_millis(700), ..Clocks::default() };
        let started = Instant::now();
        let problem = ssh.connect(&target("silent"), &clocks, soon(), Some(transport)).err().unwrap();
        assert_eq!(problem.phase, Phase::Timeout, "{problem:?}");
        assert!(started.elapsed() >= clocks.connect, "{transport:?} gave up early");
        // The total clock is the harder one where less of it is left.
        let problem = ssh.connect(&target("silent"), &patient(), Instant::now(), Some(transport)).err().unwrap();
        assert_eq!(problem.phase, Phase::Timeout, "{problem:?}");
    }
}

#[test]
fn any_byte_travels_unchanged() {
    let bed = Bed::start(1);
    let ssh = ssh(&bed);
    let block: Vec<u8> = (0..=255u8).cycle().take(4096).collect();
    let data = block.repeat(256);
    for transport in BOTH {
        let mut shell = connect(&ssh, "lab000", Some(transport)).unwrap();
        shell.send(b"echo go; exec head -c 1048576\n", soon()).unwrap();
        // The shell may read ahead, so the data comes when it has given way to `head`.
        assert_eq!(shell.receive(soon()).unwrap(), Piece::Out(b"go\n".to_vec()));
        let (out, err, status) = run(&mut *shell, &data);
        assert_eq!((err.as_slice(), status), (&b""[..], Some(0)), "{transport:?}");
        assert!(out == data, "{transport:?}: {} bytes came back otherwise", out.len());
    }
}

#[test]
fn a_long_script_and_a_long_answer_do_not_block_each_other() {
    let bed = Bed::start(1);
    let ssh = ssh(&bed);
    let line = format!("echo {}\n", "0123456789".repeat(7));
    let script = format!("{}exit 0\n", line.repeat(4 * 1024));
    for transport in BOTH {
        let mut shell = connect(&ssh, "lab000", Some(transport)).unwrap();
        let (out, _, status) = run(&mut *shell, script.as_bytes());
        assert_eq!((out.len(), status), (71 * 4 * 1024, Some(0)), "{transport:?}");
    }
}

#[test]
fn nothing_in_time_is_nothing_and_the_shell_goes_on() {
    let bed = Bed::start(1);
    let ssh = ssh(&bed);
    for transport in BOTH {
        let mut shell = connect(&ssh, "lab000", Some(transport)).unwrap();
        assert_eq!(shell.receive(Instant::now()).unwrap(), Piece::Nothing);
        assert_eq!(run(&mut *shell, b"echo still here; exit 0\n"), (b"still here\n".to_vec(), vec![], Some(0)));
    }
}

#[test]
fn a_shell_that_dies_by_a_signal_has_no_status() {
    let bed = Bed::start(1);
    let ssh = ssh(&bed);
    let mut shell = connect(&ssh, "lab000", Some(Transport::Ssh2)).unwrap();
    assert_eq!(run(&mut *shell, b"kill -9 $$\n").2, None);
}

#[test]
fn a_forced_command_is_told_from_a_shell() {
    let bed = Bed::start_with(1, "ForceCommand echo go away >&2; exit 7\n");
    let ssh = ssh(&bed);
    for transport in BOTH {
        let ended = connect(&ssh, "lab000", Some(transport)).and_then(|mut shell| shell.receive(soon()));
        let problem = ended.expect_err("a forced command is no shell");
        assert_eq!(problem.phase, Phase::Login, "{transport:?}: {problem:?}");
        assert!(problem.message.contains("status 7") && problem.message.contains("go away"), "{problem:?}");
    }
}

#[test]
fn what_libssh2_cannot_negotiate_goes_through_openssh() {
    // A cipher that libssh2 has, but behind a key exchange that it has not.
    let bed = Bed::start_with(1, "KexAlgorithms sntrup761x25519-sha512@openssh.com\n");
    let ssh = ssh(&bed);
    assert_eq!(ssh.route(&target("lab000")).transport, Transport::Ssh2);
    let mut shell = connect(&ssh, "lab000", None).unwrap();
    assert_eq!(shell.carrier(), "openssh");
    assert_eq!(run(&mut *shell, b"exit 0\n").2, Some(0));
}

#[test]
fn a_locked_key_is_passed_over_with_a_hint() {
    let bed = Bed::start(1);
    let config = std::fs::read_to_string(&bed.config).unwrap();
    let locked = bed.path("id_locked");
    let config = config.replace(&bed.path("id_ed25519").display().to_string(), &locked.display().to_string());
    std::fs::write(&bed.config, config).unwrap();
    let problem = connect(&ssh(&bed), "lab000", None).err().unwrap();
    assert_eq!(problem.phase, Phase::Login, "{problem:?}");
    assert!(problem.hints.iter().any(|hint| hint.contains("ssh-add") && hint.contains("id_locked")), "{problem:?}");
}

#[test]
fn the_agent_of_the_environment_is_asked() {
    let bed = Bed::start(1);
    let config = std::fs::read_to_string(&bed.config).unwrap();
    std::fs::write(&bed.config, config.replace("IdentityAgent none", "").replace("id_ed25519", "id_none")).unwrap();
    let socket = bed.agent_socket.display().to_string();
    let ssh = Ssh::new(environment(&bed, &[("SSH_AUTH_SOCK", &socket)]));
    for transport in BOTH {
        let mut shell = connect(&ssh, "lab000", Some(transport)).unwrap_or_else(|problem| panic!("{problem:?}"));
        assert_eq!(run(&mut *shell, b"exit 0\n").2, Some(0));
    }
}

/// An agent that has the keys of another one and waits for its user before it signs.
fn waiting_agent(bed: &Bed) -> std::path::PathBuf {
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    let (socket, real) = (bed.path("waiting"), bed.agent_socket.clone());
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, real) = (stream.unwrap(), real.clone());
            std::thread::spawn(move || {
                let message = |stream: &mut UnixStream| {
                    let mut length = [0; 4];
                    stream.read_exact(&mut length).ok()?;
                    let mut body = vec![0; u32::from_be_bytes(length) as usize];
                    stream.read_exact(&mut body).ok()?;
                    Some([&length[..], &body].concat())
                };
                while let Some(asked) = message(&mut stream) {
                    // SSH_AGENTC_REQUEST_IDENTITIES; all else waits.
                    if asked[4] == 11 {
                        let mut other = UnixStream::connect(&real).unwrap();
                        other.write_all(&asked).unwrap();
                        stream.write_all(&message(&mut other).unwrap()).unwrap();
                    }
                }
            });
        }
    });
    socket
}

#[test]
fn an_agent_that_waits_for_its_user_costs_the_connect_clock_and_nothing_more() {
    let bed = Bed::start(1);
    let config = std::fs::read_to_string(&bed.config).unwrap();
    std::fs::write(&bed.config, config.replace("IdentityAgent none", "").replace("id_ed25519", "id_none")).unwrap();
    let socket = waiting_agent(&bed).display().to_string();
    let ssh = Ssh::new(environment(&bed, &[("SSH_AUTH_SOCK", &socket)]));
    let clocks = Clocks { connect: Duration::from_secs(2), ..Clocks::default() };
    let problem = ssh.connect(&target("lab000"), &clocks, soon(), Some(Transport::Ssh2)).err().unwrap();
    assert_eq!(problem.phase, Phase::Timeout, "{problem:?}");
    assert!(problem.message.contains("no answer of the ssh-agent within 2.0 s"), "{problem:?}");
}

/// Every type and format of key, from its file and from the agent.
#[test]
fn every_kind_of_key() {
    let bed = Bed::start(1);
    let kinds: [(&str, &[&str], Transport); 7] = [
        ("new-rsa", &["-t", "rsa", "-b", "2048"], Transport::Ssh2),
        ("pem-rsa", &["-t", "rsa", "-b", "2048", "-m", "PEM"], Transport::Ssh2),
        ("pkcs8-rsa", &["-t", "rsa", "-b", "2048", "-m", "PKCS8"], Transport::OpenSsh),
        ("new-ec256", &["-t", "ecdsa", "-b", "256"], Transport::Ssh2),
        ("new-ec521", &["-t", "ecdsa", "-b", "521"], Transport::Ssh2),
        ("pem-ec384", &["-t", "ecdsa", "-b", "384", "-m", "PEM"], Transport::Ssh2),
        ("new-ed25519", &["-t", "ed25519"], Transport::Ssh2),
    ];
    for (name, options, transport) in kinds {
        let path = bed.add_key(name, options);
        let lines = format!(
            "Host {name}\n HostName {}\n IdentityFile {}\n IdentitiesOnly yes\n",
            bed.addresses[0],
            path.display()
        );
        // The key of the bed is taken out of the file, so that only ours can open the door.
        bed.configure(&format!("{lines}Host in-agent-{name}\n HostName {0}\n IdentityFile {1}.pub\n IdentitiesOnly yes\n IdentityAgent {2}\n", bed.addresses[0], path.display(), bed.agent_socket.display()));
        let config = std::fs::read_to_string(&bed.config).unwrap();
        std::fs::write(&bed.config, config.replace("/id_ed25519\n", "/none\n")).unwrap();
        let added =
            std::process::Command::new("ssh-add").arg("-q").arg(&path).env("SSH_AUTH_SOCK", &bed.agent_socket).status();
        assert!(added.unwrap().success(), "{name}");
        let ssh = ssh(&bed);
        for (host, transport) in [(name.to_string(), transport), (format!("in-agent-{name}"), Transport::Ssh2)] {
            let mut shell =
                connect(&ssh, &host, None).unwrap_or_else(|problem| panic!("{host}: {problem:?}\n{}", bed.log()));
            assert_eq!(shell.carrier(), transport.word(), "{host}: {:?}", ssh.route(&target(&host)));
            assert_eq!(run(&mut *shell, b"exit 0\n").2, Some(0), "{host}");
        }
    }
}

/// The user's own shared master: `ssh` opens it, stays behind, and is the user's to end.
#[test]
fn a_master_of_the_user_is_used_and_left_alone() {
    let bed = Bed::start(1);
    let socket = bed.path("master");
    bed.configure(&format!(
        "Host mastered\n HostName {}\n ControlMaster auto\n ControlPath {}\n ControlPersist 10m\n",
        bed.addresses[0],
        socket.display()
    ));
    let ssh = ssh(&bed);
    for _ in 0..2 {
        let mut shell = connect(&ssh, "mastered", None).unwrap_or_else(|problem| panic!("{problem:?}"));
        assert_eq!(shell.carrier(), "openssh");
        assert_eq!(run(&mut *shell, b"echo on; exit 6\n"), (b"on\n".to_vec(), vec![], Some(6)));
    }
    assert_eq!(bed.log().matches("Accepted publickey").count(), 1, "{}", bed.log());
    let mut exit = std::process::Command::new("ssh");
    exit.arg("-F").arg(&bed.config).args(["-O", "exit", "mastered"]);
    assert!(exit.output().unwrap().status.success(), "the master had gone");
}

#[test]
fn no_ssh_program_is_said_as_such() {
    let bed = Bed::start(1);
    let mut environment = environment(&bed, &[]);
    environment.ssh = bed.path("no-such-program");
    let problem = connect(&Ssh::new(environment), "jumped", None).err().unwrap();
    assert_eq!(problem.phase, Phase::Here, "{problem:?}");
    assert!(problem.message.contains("no-such-program"), "{problem:?}");
}

/// Start-up files may print what they like: only what comes from our shell arrives.
#[test]
fn what_a_login_prints_is_passed_over() {
    let bed = Bed::start_with(1, "Banner /etc/hostname\nPrintMotd yes\n");
    std::fs::write(bed.path("home").join(".bashrc"), "echo noise; printf 'no newline'; echo more >&2\n").unwrap();
    let ssh = ssh(&bed);
    for transport in BOTH {
        let mut shell = connect(&ssh, "lab000", Some(transport)).unwrap();
        assert_eq!(run(&mut *shell, b"echo ours; exit 0\n"), (b"ours\n".to_vec(), vec![], Some(0)), "{transport:?}");
    }
}

#[test]
fn a_host_that_goes_away_is_no_end_of_the_shell() {
    let bed = Bed::start(1);
    let ssh = ssh(&bed);
    let mut shell = connect(&ssh, "lab000", Some(Transport::Ssh2)).unwrap();
    // The server's process for this session is the parent of the shell's parent, or its parent.
    shell.send(b"kill -9 $PPID\n", soon()).unwrap();
    let problem = loop {
        match shell.receive(soon()) {
            Ok(Piece::Out(_) | Piece::Err(_)) => {}
            Ok(piece) => panic!("{piece:?}"),
            Err(problem) => break problem,
        }
    };
    assert_eq!(problem.phase, Phase::Connect, "{problem:?}");
    assert!(problem.message.contains("lost"), "{problem:?}");
}

/// ssh would offer the certificate that the agent holds, so the host is ssh's.
#[test]
fn a_certificate_in_the_agent_goes_through_openssh() {
    let bed = Bed::start(1);
    let added = std::process::Command::new("ssh-add")
        .arg("-q")
        .arg(bed.path("id_cert"))
        .env("SSH_AUTH_SOCK", &bed.agent_socket)
        .status();
    assert!(added.unwrap().success());
    bed.configure(&format!(
        "Host held\n HostName {}\n IdentityFile none\n IdentityAgent {}\n",
        bed.addresses[0],
        bed.agent_socket.display()
    ));
    let ssh = ssh(&bed);
    let route = ssh.route(&target("held"));
    assert_eq!(route.transport, Transport::OpenSsh, "{route:?}");
    assert!(route.why.iter().any(|why| why.directive == "identityagent"), "{route:?}");
    assert_eq!(run(&mut *connect(&ssh, "held", None).unwrap(), b"exit 0\n").2, Some(0));
    // With IdentitiesOnly the agent's certificate is not offered.
    let route = ssh.route(&target("by-agent"));
    assert_eq!(route.transport, Transport::Ssh2, "{route:?}");
}
