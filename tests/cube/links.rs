//! Ports of one cube that lead to another, and the segment that is made again.

use crate::bed::{Bed, Outcome, ip, until};
use std::fs;
use std::process::Command;

const SLEEP: &str = "/bin/sleep 1000";

/// The host outside and what it reaches.
struct Outside {
    name: String,
}

impl Outside {
    /// A namespace that the prime `gate` reaches by its device.
    fn beside(bed: &Bed) -> Outside {
        let (host, segment) = bed.networks.clone().unwrap();
        let name = format!("{segment}-out");
        ip(&["netns", "add", &name]);
        ip(&["-n", &host, "link", "add", "nic0", "type", "veth", "peer", "name", "nic1", "netns", &name]);
        ip(&["-n", &name, "addr", "add", "10.9.9.2/24", "dev", "nic1"]);
        ip(&["-n", &name, "link", "set", "nic1", "up"]);
        Outside { name }
    }

    /// What is heard at a port of the prime.
    fn hears(&self, port: &str) -> String {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name));
        let command = command.args(["timeout", "5", "busybox", "nc", "-w", "3", "10.9.9.1", port]);
        Outcome::of(command, b"").text()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// A program that says this to everybody at port 80.
fn says(text: &str) -> String {
    format!("/bin/sh -c 'while :; do echo {text} | nc -l -p 80 >/dev/null 2>&1; done'")
}

fn rules(bed: &Bed, name: &str) -> String {
    let pid = bed.pid(name).to_string();
    let output = Command::new("nsenter").args(["-t", &pid, "-n", "nft", "list", "ruleset"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_port_of_one_cube_leads_to_another() {
    let bed = Bed::with_network();
    let outside = Outside::beside(&bed);
    bed.cube("gate", SLEEP);
    bed.set("gate", "cube.attributes", "netprime");
    bed.set("gate", ".cube.device.network", "nic0:nic0");
    bed.set("gate", "cube.network.external.ip", "10.9.9.1/24");
    bed.cube("web", &says("web"));
    bed.cube("asks", SLEEP);
    let cfg = |words: &[&str]| Outcome::of(bed.command("cube-cfg").args(words), b"");
    for wrong in [&["link", "gate:8000"][..], &["link", "gate:x", "web:80"], &["link", "gate:8000", "web:0"]] {
        assert!(cfg(wrong).fails(1).contains("links are given as"));
    }
    assert!(cfg(&["link", "gate:8000", "nosuch:80"]).fails(1).contains("\"nosuch\" not found"));
    for name in ["gate", "web", "asks"] {
        bed.ctl(["start", name]).silent();
    }
    assert_eq!(outside.hears("8000"), "");
    cfg(&["link", "gate:8000", "web:80"]).silent();
    until("a word of the web", || outside.hears("8000") == "web\n");
    assert!(cfg(&["link", "gate:8000", "asks:80"]).fails(1).contains("port 8000 leads to web:80 already"));
    // From within the segment as well, and beside it others keep their ports.
    let inside = |address: &str| bed.ctl(["asks:timeout", "5", "nc", "-w", "3", address, "8000"]).text();
    until("a word of the web inside", || inside("10.9.9.1") == "web\n");
    // Making them again makes them once.
    let before = rules(&bed, "gate");
    assert_eq!(before.matches("dport 8000").count(), 1, "{before}");
    bed.ctl(["stack", "gate"]).silent();
    bed.ctl(["stack", "gate"]).silent();
    assert_eq!(rules(&bed, "gate"), before);
    // Another address in the next life, another name.
    bed.ctl(["stop", "web"]).silent();
    assert!(!rules(&bed, "gate").contains("dport 8000"), "{}", rules(&bed, "gate"));
    let lease = fs::read_to_string(bed.file("web", ".cube.lease")).unwrap();
    let other = ["192.168.42.150", "192.168.42.151"].into_iter().find(|address| *address != lease.trim()).unwrap();
    bed.set("web", ".cube.lease", other);
    bed.ctl(["start", "web"]).silent();
    assert!(rules(&bed, "gate").contains(other), "{}", rules(&bed, "gate"));
    until("a word at the new address", || outside.hears("8000") == "web\n");
    assert_eq!(bed.ctl(["rename", "web", "site"]).code, 0);
    until("a word under the new name", || outside.hears("8000") == "web\n");
    assert_eq!(fs::read_to_string(bed.file("gate", "cube.network.stack")).unwrap(), "8000 site:80\n");
    // Only for one address, and for the cube itself.
    cfg(&["link", "gate:8001", "site:80", "from", "10.9.9.7"]).silent();
    cfg(&["link", "gate:8002", "site:80", "from", "10.9.9.2"]).silent();
    cfg(&["link", "gate:8003", "site:80", "from", "localhost"]).silent();
    until("a word for one", || outside.hears("8002") == "web\n");
    assert_eq!((outside.hears("8001"), outside.hears("8003")), (String::new(), String::new()));
    let own = || bed.ctl(["gate:timeout", "5", "nc", "-w", "3", "127.0.0.1", "8003"]).text();
    until("a word for the cube itself", || own() == "web\n");
    cfg(&["link", "-gate:8000", "site:80"]).silent();
    assert_eq!(outside.hears("8000"), "");
    until("the others are there", || outside.hears("8002") == "web\n");
}

#[test]
fn the_host_is_joined_to_a_segment_that_is_made_again() {
    let bed = Bed::with_network();
    let (host, segment) = bed.networks.clone().unwrap();
    bed.cube("web", SLEEP);
    let check = || {
        assert!(ip(&["-n", &host, "addr", "show", "essential"]).contains("192.168.42.2/24"));
        let peer = ip(&["-n", &segment, "-o", "link", "show", "essential-peer"]);
        assert!(peer.contains("master br-int") && peer.contains("UP"), "{peer}");
        bed.ctl(["web:ping", "-c", "1", "-W", "30", "192.168.42.2"]).ok();
    };
    bed.ctl(["start", "web"]).silent();
    check();
    let daemon = || fs::read_to_string(bed.folder.join("state/.network/dnsmasq.pid")).unwrap().trim().to_string();
    let first = daemon();
    // Daemons in it keep a namespace alive whose name is gone.
    bed.ctl(["stop", "web"]).silent();
    ip(&["netns", "del", &segment]);
    bed.ctl(["start", "web"]).silent();
    check();
    assert_ne!(daemon(), first);
    let gone = |pid: &str| fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
    until("the old daemon has ended", || gone(&first));
    // The end on the host alone can go, too.
    bed.ctl(["stop", "web"]).silent();
    ip(&["-n", &host, "link", "del", "essential"]);
    bed.ctl(["start", "web"]).silent();
    check();
}

#[test]
fn a_start_gives_the_host_one_link_and_nothing_else() {
    let bed = Bed::with_network();
    let host = bed.networks.clone().unwrap().0;
    let inside = |words: &[&str]| {
        let mut command = Command::new("nsenter");
        Outcome::of(command.arg(format!("--net=/run/netns/{host}")).args(words), b"").ok()
    };
    let switches = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/route_localnet /proc/sys/net/ipv4/conf/*/proxy_arp | sort | uniq";
    let before = inside(&["sh", "-c", switches]);
    bed.cube("web", SLEEP);
    bed.cube("gate", SLEEP);
    bed.set("gate", "cube.attributes", "netprime");
    bed.set("gate", "cube.network.stack", "8000 web:80");
    // Without any setting there is a network.
    for name in ["web", "gate"] {
        Outcome::of(bed.command("cube-ctl").args(["start", name]).env_remove("CTYS_CUBE_NETWORK"), b"").silent();
    }
    bed.ctl(["web:ping", "-c", "1", "-W", "30", "192.168.42.1"]).ok();
    let link = |line: &str| line.split(": ").nth(1).unwrap().split('@').next().unwrap().to_string();
    let links: Vec<String> = inside(&["ip", "-o", "link"]).lines().map(link).collect();
    assert_eq!(links, ["lo", "essential"]);
    let routes = inside(&["ip", "route"]);
    assert_eq!(routes.trim(), "192.168.42.0/24 dev essential proto kernel scope link src 192.168.42.2");
    assert_eq!(inside(&["nft", "list", "ruleset"]), "");
    assert_eq!(inside(&["sh", "-c", switches]), before);
}

#[test]
fn a_host_that_has_these_addresses_elsewhere_keeps_them() {
    let bed = Bed::with_network();
    let (host, segment) = bed.networks.clone().unwrap();
    ip(&["-n", &host, "link", "add", "lan0", "type", "veth", "peer", "name", "lan1"]);
    ip(&["-n", &host, "addr", "add", "192.168.42.17/24", "dev", "lan0"]);
    bed.cube("web", SLEEP);
    let complaint = bed.ctl(["start", "web"]).fails(1);
    assert!(complaint.contains("192.168.42.0/24 is in use on this host") && complaint.contains("lan0"), "{complaint}");
    assert_eq!(bed.status("web"), "absent");
    assert!(!ip(&["-n", &host, "-o", "link"]).contains("essential"));
    assert!(!ip(&["-n", &segment, "-o", "link"]).contains("web"));
    let mut off = bed.command("cube-ctl");
    Outcome::of(off.args(["start", "web"]).env("CTYS_CUBE_NETWORK", "off"), b"").silent();
    assert_eq!(bed.status("web"), "running");
}
