//! sshd killed in the middle of a call, a host that freezes, a network that goes and comes back.

use crate::scene::{Call, Scene, listing, signal, wait_until};
use std::fmt::Write;
use std::process::{Command, Stdio};

const BOTH: [&str; 2] = ["ssh2", "openssh"];

/// What is said of a host from which nothing comes any more while a command of ours runs there: the command may take
/// longer than the silence clock, so it is the clock for all of it that ends the call.
const GIVEN_UP: &str = "timeout: not finished after 15 s in all";

/// The clock that gives up. A host has to come to the middle of the call before it.
const SHORT: &str = "15s";

/// A clock for what is not to be given up.
const LONG: &str = "100s";

/// A listing of these hosts that stands still in the middle.
fn held(scene: &Scene, transport: &str, hosts: &[&str], total: &str) -> Call {
    scene.hold();
    let clock = ["--total-timeout", total];
    let call = Call::start(scene.command(&[&clock[..], &listing(transport), hosts].concat()));
    scene.wait_for_held(hosts.len());
    call
}

#[test]
fn an_sshd_that_is_killed_in_the_middle_costs_its_own_row_and_the_next_call_is_well() {
    let scene = Scene::start(2);
    for transport in BOTH {
        let call = held(&scene, transport, &["lab000"], LONG);
        let (_, serving) = scene.servers();
        assert!(!serving.is_empty(), "{transport}");
        signal(&serving, libc::SIGKILL);
        let rows = call.end().told(4, &[("lab000", "connect: the connection ")]);
        // Who it is came before; what its `ip` would have said is missing.
        assert_eq!(rows, "lab000\n", "{transport}");
        scene.go_on();
        scene.nothing_left();
        assert_eq!(scene.list(transport, &["lab000", "lab001"]).told(0, &[]), "lab000\nlab001\n", "{transport}");
        scene.nothing_left();
    }
}

#[test]
fn a_host_that_freezes_is_given_up_by_a_clock_and_is_well_once_it_wakes() {
    let scene = Scene::start(1);
    for transport in BOTH {
        let call = held(&scene, transport, &["lab000"], SHORT);
        let (all, serving) = scene.servers();
        signal(&serving, libc::SIGSTOP);
        scene.go_on();
        assert_eq!(call.end().told(3, &[("lab000", GIVEN_UP)]), "lab000\n", "{transport}");
        signal(&serving, libc::SIGCONT);
        scene.nothing_left();

        // All of it frozen: the kernel takes the connection, nobody greets.
        signal(&all, libc::SIGSTOP);
        let ended = scene.ctys(&[&["--connect-timeout", "5s"][..], &listing(transport), &["lab000"]].concat());
        signal(&all, libc::SIGCONT);
        ended.told(3, &[("lab000", "timeout: ")]);
        scene.nothing_left();
        assert_eq!(scene.list(transport, &["lab000"]).told(0, &[]), "lab000\n", "{transport}");
        scene.nothing_left();
    }
}

#[test]
fn a_network_that_is_cut_is_told_by_its_phase_and_one_that_comes_back_in_time_costs_nothing() {
    let scene = Scene::start(1);
    let net = Network::start(&scene);
    for transport in BOTH {
        let list = || scene.list(transport, &["lab000", "far"]);
        assert_eq!(list().told(0, &[]), "far\nlab000\n", "{transport}");

        // Cut in the middle, for longer than anybody waits.
        let call = held(&scene, transport, &["far"], SHORT);
        net.cut();
        scene.go_on();
        assert_eq!(call.end().told(3, &[("far", GIVEN_UP)]), "far\n", "{transport}");

        // There is no way to it now; who is elsewhere answers.
        let rows = list().told(4, &[("far", "connect: ")]);
        assert_eq!(rows, "lab000\n", "{transport}");

        // It comes back: what was given up on the host has ended as well, and a new call is well.
        net.mend();
        assert_eq!(list().told(0, &[]), "far\nlab000\n", "{transport}");
        net.end_lost_connections();
        scene.nothing_left();

        // Cut and mended while the host thinks: TCP brings the answer.
        let call = held(&scene, transport, &["far"], LONG);
        net.cut();
        net.mend();
        scene.go_on();
        assert_eq!(call.end().told(0, &[]), "far\n", "{transport}");
        scene.nothing_left();
    }
}

/// The host `far`: an sshd in a network namespace, behind a pair of interfaces of our own.
struct Network {
    name: String,
    near: String,
    far: String,
    sshd: std::process::Child,
}

impl Network {
    fn start(scene: &Scene) -> Network {
        let number = std::process::id();
        let (name, near, far) = (format!("ctys-drill-{number}"), format!("cd{number}a"), format!("cd{number}b"));
        let [here, there] = [1, 2].map(|n| format!("10.{}.{}.{n}", 200 + number % 50, number / 50 % 250));
        ip(&["netns", "add", &name]);
        ip(&["link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &name]);
        ip(&["addr", "add", &format!("{here}/30"), "dev", &near]);
        ip(&["link", "set", &near, "up"]);
        for words in [&["addr", "add", &format!("{there}/30"), "dev", &far][..], &["link", "set", &far, "up"]] {
            ip(&[&["-n", &name][..], words].concat());
        }
        // The server of the bed once more, at the other end.
        let mut config = String::new();
        for line in std::fs::read_to_string(scene.bed.path("sshd_config_0")).unwrap().lines() {
            match line.starts_with("ListenAddress ") {
                true => writeln!(config, "ListenAddress {there}").unwrap(),
                false => writeln!(config, "{line}").unwrap(),
            }
        }
        let file = scene.bed.path("sshd_config_far");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &name, "/usr/sbin/sshd", "-D", "-e", "-f"]).arg(&file);
        let sshd = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        scene.bed.configure(&format!(
            "Host far\n HostName {there}\n HostKeyAlias [{}]:{}\n",
            scene.bed.addresses[0], scene.bed.port
        ));
        let port = scene.bed.port;
        wait_until("the sshd of far listens", || std::net::TcpStream::connect((there.as_str(), port)).is_ok());
        Network { name, near, far, sshd }
    }

    fn cut(&self) {
        ip(&["-n", &self.name, "link", "set", &self.far, "down"]);
        ip(&["link", "set", &self.near, "down"]);
    }

    fn mend(&self) {
        ip(&["-n", &self.name, "link", "set", &self.far, "up"]);
        ip(&["link", "set", &self.near, "up"]);
    }

    /// An sshd finds out about a caller that is gone when it sends something; this one has nothing more to say. What it
    /// serves is ended here as its keep-alive (`ClientAliveInterval`) or TCP's would, some hours later.
    fn end_lost_connections(&self) {
        let pid = self.sshd.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let children: Vec<u32> = children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        signal(&children, libc::SIGTERM);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
        // The interface goes with its namespace, and the other end with it.
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
        let _ = Command::new("ip").args(["link", "del", &self.near]).stderr(Stdio::null()).status();
    }
}

fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output().expect("ip (Debian: iproute2)");
    assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
