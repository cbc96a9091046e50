//! The network of the cubes, in namespaces that these tests make and remove.

use crate::bed::{Bed, Outcome, ip, until};
use std::collections::BTreeSet;
use std::fs;

const SLEEP: &str = "/bin/sleep 1000";

/// The first address that is listed for a cube.
fn address(bed: &Bed, name: &str) -> String {
    bed.listed(name, 4).unwrap().split(',').next().unwrap().to_string()
}

fn cfg(bed: &Bed, name: &str, words: &[&str]) {
    Outcome::of(bed.command("cube-cfg").args(["-n", name]).args(words), b"").silent();
}

/// The links of the segment.
fn links(bed: &Bed) -> String {
    ip(&["-n", &bed.networks.as_ref().unwrap().1, "-o", "link"])
}

#[track_caller]
fn reaches(bed: &Bed, from: &str, to: &str) {
    let outcome = bed.ctl([&format!("{from}:ping"), "-c", "1", "-W", "30", to]);
    assert_eq!(outcome.code, 0, "{from} to {to}: {}{}", outcome.text(), outcome.stderr);
}

#[test]
fn a_cube_has_its_network_before_its_program_starts() {
    let bed = Bed::with_network();
    let first =
        "/bin/sh -c 'ip addr >/tmp/addr; ip route >/tmp/route; cat /etc/resolv.conf >/tmp/names; exec sleep 1000'";
    bed.cube("a", first);
    bed.cube("b", SLEEP);
    bed.ctl(["start", "a"]).silent();
    bed.ctl(["start", "b"]).silent();
    let own = address(&bed, "a");
    until("the program's notes", || fs::read_to_string(bed.file("a", "rootfs/tmp/names")).is_ok_and(|n| !n.is_empty()));
    let note = |name: &str| fs::read_to_string(bed.file("a", &format!("rootfs/tmp/{name}"))).unwrap();
    assert!(note("addr").contains(&format!("inet {own}/24")), "{}", note("addr"));
    assert!(note("route").contains("default via 192.168.42.1 "), "{}", note("route"));
    assert!(note("names").contains("nameserver 192.168.42.1"), "{}", note("names"));
    reaches(&bed, "a", &address(&bed, "b"));
    reaches(&bed, "b", &own);
    // Nothing of ours stands between cubes: whoever listens at 22 is reached.
    bed.ctl(["b:sh", "-c", "(echo hello | timeout 60 nc -l -p 22) >/dev/null 2>&1 &"]).silent();
    let other = address(&bed, "b");
    until("a greeting at port 22", || bed.ctl(["a:timeout", "5", "nc", "-w", "3", &other, "22"]).text() == "hello\n");
    // The same address in its next life; nothing of this one is left.
    bed.ctl(["stop", "a"]).silent();
    assert!(!links(&bed).contains(" a@"), "{}", links(&bed));
    assert_eq!(bed.listed("a", 4).as_deref(), Some("--"));
    bed.ctl(["start", "a"]).silent();
    assert_eq!(address(&bed, "a"), own);
    let info = bed.ctl(["info", "a"]).ok();
    assert!(info.contains(&format!("IP:             {own}\n")) && info.contains("Link:           a\n"), "{info}");
    assert!(links(&bed).contains(" a@"), "{}", links(&bed));
    let json: serde_json::Value = serde_json::from_str(&bed.ctl(["info", "--json", "a"]).ok()).unwrap();
    assert_eq!(json["links"][0]["name"], "a");
    let sent = || {
        let json: serde_json::Value = serde_json::from_str(&bed.ctl(["info", "--json", "a"]).ok()).unwrap();
        json["links"][0]["tx_bytes"].as_u64().unwrap()
    };
    let before = sent();
    bed.ctl(["a:ping", "-c", "2", "-i", "0.2", "-s", "1000", &address(&bed, "b")]).ok();
    assert!(sent() >= before + 2000, "{before} {}", sent());
    // A program that is killed takes its link along.
    let pid = bed.pid("a").to_string();
    std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    until("the link is gone", || !links(&bed).contains(" a@"));
}

#[test]
fn the_fixed_addresses_answer_on_the_segment() {
    let bed = Bed::with_network();
    for name in ["gate", "dom0", "web"] {
        bed.cube(name, SLEEP);
    }
    bed.set("gate", "cube.attributes", "netprime");
    for name in ["gate", "dom0", "web"] {
        bed.ctl(["start", name]).silent();
    }
    assert_eq!((address(&bed, "gate"), address(&bed, "dom0")), ("192.168.42.1".into(), "192.168.42.3".into()));
    for last in [1, 2, 3, 4] {
        reaches(&bed, "web", &format!("192.168.42.{last}"));
    }
    let (host, segment) = bed.networks.clone().unwrap();
    assert!(ip(&["-n", &host, "addr", "show", "essential"]).contains("192.168.42.2/24"));
    assert!(ip(&["-n", &segment, "link", "show", "essential-peer"]).contains("master br-int"));
    // The machine's own network has none of it.
    assert!(!ip(&["-o", "link"]).contains("essential"));
    for name in ["gate", "dom0"] {
        bed.ctl(["stop", name]).silent();
    }
    bed.set("dom0", "cube.attributes", "netprime");
    bed.set("gate", "cube.attributes", "");
    bed.ctl(["start", "dom0"]).silent();
    assert_eq!(bed.listed("dom0", 4).as_deref(), Some("192.168.42.1,192.168.42.3"));
}

#[test]
fn settings_say_which_addresses_a_cube_has() {
    let bed = Bed::with_network();
    for name in ["fixed", "none", "wrong", "a-name-longer-than-fifteen", "a-name-longer-than-others"] {
        bed.cube(name, SLEEP);
    }
    cfg(&bed, "fixed", &["cube.network.type:static"]);
    cfg(&bed, "fixed", &["cube.network.ip:192.168.42.77/24"]);
    cfg(&bed, "fixed", &["--append", "cube.network.ip:192.168.42.50/24"]);
    cfg(&bed, "fixed", &["cube.network.mac:02:00:00:00:00:77"]);
    cfg(&bed, "fixed", &["cube.network.gateway:192.168.42.9"]);
    cfg(&bed, "fixed", &["cube.network.nameserver:192.168.42.8"]);
    cfg(&bed, "none", &["cube.network.type:self"]);
    cfg(&bed, "wrong", &["cube.network.type:static"]);
    let complaint = bed.ctl(["start", "wrong"]).fails(1);
    assert_eq!(complaint, "ERROR: static networking selected and no IP provided\n");
    assert_eq!(bed.status("wrong"), "absent");
    for name in ["fixed", "none", "a-name-longer-than-fifteen", "a-name-longer-than-others"] {
        bed.ctl(["start", name]).silent();
    }
    assert_eq!(bed.listed("fixed", 4).as_deref(), Some("192.168.42.77,192.168.42.50"));
    assert!(bed.ctl(["fixed:ip", "link"]).ok().contains("02:00:00:00:00:77"));
    assert!(bed.ctl(["fixed:ip", "route"]).ok().contains("default via 192.168.42.9 "));
    assert!(bed.ctl(["fixed:cat", "/etc/resolv.conf"]).ok().contains("nameserver 192.168.42.8"));
    assert_eq!(bed.listed("none", 4).as_deref(), Some("--"));
    assert!(bed.ctl(["none:ip", "-o", "link"]).ok().contains("none"));
    reaches(&bed, "a-name-longer-than-fifteen", &address(&bed, "a-name-longer-than-others"));
    let both: BTreeSet<String> = ["a-name-longer-than-fifteen", "a-name-longer-than-others"]
        .map(|name| fs::read_to_string(bed.file(name, ".cube.veth")).unwrap())
        .into();
    assert_eq!(both.len(), 2);
}

#[test]
fn cubes_that_start_at_once_all_have_a_network_of_their_own() {
    let bed = Bed::with_network();
    let names: Vec<String> = (0..6).map(|n| format!("c{n}")).collect();
    names.iter().for_each(|name| bed.cube(name, SLEEP));
    let calls: Vec<_> = names
        .iter()
        .map(|name| {
            let mut command = bed.command("cube-ctl");
            command.args(["start", name]);
            std::thread::spawn(move || Outcome::of(&mut command, b""))
        })
        .collect();
    calls.into_iter().for_each(|call| call.join().unwrap().silent());
    let all: BTreeSet<String> = names.iter().map(|name| address(&bed, name)).collect();
    assert_eq!(all.len(), names.len());
    for address in &all {
        let last: u32 = address.strip_prefix("192.168.42.").unwrap().parse().unwrap();
        assert!((100..=200).contains(&last), "{address}");
    }
}

#[test]
fn names_and_leases_are_served_at_the_address_of_the_prime() {
    let bed = Bed::with_network();
    for name in ["gate", "web", "asks"] {
        bed.cube(name, SLEEP);
    }
    bed.set("gate", "cube.attributes", "netprime");
    cfg(&bed, "asks", &["cube.network.type:self"]);
    for name in ["gate", "web", "asks"] {
        bed.ctl(["start", name]).silent();
    }
    let web = address(&bed, "web");
    let answer = bed.ctl(["web:nslookup", "web.cube.lan", "192.168.42.1"]).text();
    assert!(answer.contains(&web), "{answer}");
    let script = "printf '#!/bin/sh\\necho \"$1 $ip $router $dns\"\\n' >/tmp/s; chmod 755 /tmp/s; udhcpc -i asks -n -q -t 5 -s /tmp/s 2>/dev/null";
    let lease = bed.ctl(["asks:sh", "-c", script]).text();
    assert!(lease.contains("bound 192.168.42.") && lease.contains(" 192.168.42.1 192.168.42.1\n"), "{lease}");
}

#[test]
fn the_prime_leads_the_others_out() {
    let bed = Bed::with_network();
    let (host, segment) = bed.networks.clone().unwrap();
    let outside = format!("{segment}-out");
    ip(&["netns", "add", &outside]);
    ip(&["-n", &host, "link", "add", "nic0", "type", "veth", "peer", "name", "nic1", "netns", &outside]);
    ip(&["-n", &outside, "addr", "add", "10.9.9.2/24", "dev", "nic1"]);
    ip(&["-n", &outside, "link", "set", "nic1", "up"]);
    for name in ["gate", "web"] {
        bed.cube(name, SLEEP);
    }
    bed.set("gate", "cube.attributes", "netprime");
    bed.set("gate", ".cube.device.network", "nic0:nic0");
    bed.set("gate", "cube.network.external.ip", "10.9.9.1/24");
    bed.ctl(["start", "gate"]).silent();
    bed.ctl(["start", "web"]).silent();
    assert_eq!(bed.listed("gate", 4).as_deref(), Some("192.168.42.1,10.9.9.1"));
    // Outside knows no way to the segment: without masquerading no answer would come.
    let outcome = bed.ctl(["web:ping", "-c", "1", "-W", "30", "10.9.9.2"]);
    let text = outcome.text();
    // Another one takes over: address, device and way out.
    bed.cube("other", SLEEP);
    assert_eq!(bed.ctl(["netprime"]).ok(), "gate\n");
    bed.ctl(["netprime", "other"]).silent();
    assert_eq!(bed.ctl(["netprime"]).ok(), "other\n");
    assert_eq!(bed.listed("other", 4).as_deref(), Some("192.168.42.1,10.9.9.1"));
    assert!(!bed.listed("gate", 4).unwrap().contains("192.168.42.1,"));
    let again = bed.ctl(["web:ping", "-c", "1", "-W", "30", "10.9.9.2"]);
    assert_eq!(bed.ctl(["netprime", "other"]).ok(), "[INFO]: container \"other\" is already the netprime\n");
    let unknown = bed.ctl(["netprime", "nosuch"]).fails(1);
    assert!(unknown.starts_with("[ERROR] Container nosuch not found, cannot set as netprime.\n"), "{unknown}");
    bed.ctl(["stop", "other"]).silent();
    let back = ip(&["-n", &host, "-o", "link"]);
    ip(&["netns", "del", &outside]);
    assert_eq!(outcome.code, 0, "{text}");
    assert_eq!(again.code, 0, "{}", again.text());
    assert!(back.contains("nic0"), "{back}");
}

#[test]
fn the_prime_takes_all_devices_whose_names_begin_as_it_is_said_and_gives_them_back() {
    let bed = Bed::with_network();
    let host = bed.networks.clone().unwrap().0;
    for name in ["en0", "en1", "other0"] {
        ip(&["-n", &host, "link", "add", name, "type", "veth", "peer", "name", &format!("far-{name}")]);
    }
    // Its own link begins so, too.
    bed.cube("energy", SLEEP);
    bed.set("energy", "cube.attributes", "netprime");
    bed.set("energy", ".cube.device.network", "en+:en+");
    bed.set("energy", "cube.network.external.ip", "10.9.9.1/24");
    bed.ctl(["start", "energy"]).silent();
    let names = |text: String| -> BTreeSet<String> {
        let name = |line: &str| Some(line.split([':', '@']).nth(1)?.trim().to_string());
        text.lines().filter_map(name).collect()
    };
    let outside = || names(ip(&["-n", &host, "-o", "link"]));
    let inside = names(bed.ctl(["energy:ip", "-o", "link"]).ok());
    assert!(["en0", "en1", "energy"].iter().all(|name| inside.contains(*name)), "{inside:?}");
    assert!(!inside.contains("other0") && !outside().contains("en0") && outside().contains("other0"), "{inside:?}");
    assert_eq!(bed.listed("energy", 4).as_deref(), Some("192.168.42.1,10.9.9.1"));
    bed.ctl(["stop", "energy"]).silent();
    assert!(outside().contains("en0") && outside().contains("en1"), "{:?}", outside());
}
