//! The one script that makes a cube and starts its program: what it says when a part fails, and that starts at the same time do not
//! get in each other's way.

use crate::bed::{Bed, ip, until};
use crate::user::{kill_server, server};
use std::fs;
use std::process::{Child, Stdio};

const SLEEP: &str = "/bin/sleep 1000";

#[test]
fn a_start_that_fails_at_the_network_says_so_and_leaves_nothing() {
    let bed = Bed::with_network();
    let (host, segment) = bed.networks.clone().unwrap();
    bed.cube("web", SLEEP);
    ip(&["-n", &host, "link", "add", "lan0", "type", "bridge"]);
    ip(&["-n", &host, "addr", "add", "192.168.42.77/24", "dev", "lan0"]);
    let complaint = bed.ctl(["start", "web"]).fails(1);
    assert!(complaint.starts_with("[ERROR]: container web was not started: its network: 192.168.42.0/24 is in use"));
    assert_eq!(bed.status("web"), "absent");
    let there = ip(&["-n", &segment, "-o", "link"]);
    assert!(!there.contains(" web@"), "{there}");
    for file in ["state/.network/hosts/web", "state/.network/dhcp/web", "state/.channel/web/name"] {
        assert!(!bed.folder.join(file).exists(), "{file}");
    }
    // The next one works.
    ip(&["-n", &host, "link", "del", "lan0"]);
    bed.ctl(["start", "web"]).silent();
    assert_eq!(bed.status("web"), "running");
}

#[test]
fn a_start_that_fails_at_the_channel_says_so_and_leaves_nothing() {
    let bed = Bed::new();
    bed.cube("web", SLEEP);
    bed.ctl(["start", "web"]).silent();
    bed.ctl(["stop", "web"]).silent();
    // A folder stands where the name is to be written.
    let name = bed.folder.join("state/.channel/web/name");
    fs::create_dir_all(name.join("full")).unwrap();
    let complaint = bed.ctl(["start", "web"]).fails(1);
    assert!(complaint.contains("container web was not started"), "{complaint}");
    assert!(complaint.contains("the command channel of the containers cannot be served"), "{complaint}");
    assert_eq!(bed.status("web"), "absent");
    fs::remove_dir_all(&name).unwrap();
    bed.ctl(["start", "web"]).silent();
    assert_eq!(bed.status("web"), "running");
}

#[test]
fn a_server_at_work_is_told_of_a_start_without_another_process() {
    let bed = Bed::new();
    let [lock, socket] = [".lock", "web/command"].map(|file| bed.folder.join("state/.channel").join(file));
    for name in ["other", "web"] {
        bed.cube(name, SLEEP);
        bed.ctl(["start", name]).silent();
    }
    let first = server(&bed).unwrap();
    bed.ctl(["stop", "web"]).silent();
    // A process that asks who serves would make it anew.
    fs::remove_file(&lock).unwrap();
    bed.ctl(["start", "web"]).silent();
    until("the socket of the cube", || socket.exists());
    assert_eq!((lock.exists(), server(&bed)), (false, Some(first)), "another process asked who serves");
    assert_eq!(fs::read_to_string(socket.with_file_name("name")).unwrap(), "web");
    // The record of a server that is no more is believed by nobody.
    bed.ctl(["stop", "web"]).silent();
    kill_server(&bed);
    assert!(lock.with_file_name(".server").exists() && !socket.exists());
    bed.ctl(["start", "web"]).silent();
    until("another server", || server(&bed).is_some_and(|pid| pid != first) && socket.exists());
    assert!(lock.exists());
}

#[test]
fn starts_at_the_same_time_on_a_fresh_host_make_one_segment_with_one_daemon() {
    let bed = Bed::with_network();
    let names = ["a", "b", "c", "d"];
    for name in names {
        bed.cube(name, SLEEP);
    }
    let begun: Vec<Child> = names
        .iter()
        .map(|name| {
            let mut command = bed.command("cube-ctl");
            command.args(["start", name]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in begun {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    let segment = &bed.networks.as_ref().unwrap().1;
    let there = ip(&["-n", segment, "-o", "link"]);
    for name in names {
        assert_eq!(there.matches(&format!(" {name}@")).count(), 1, "{there}");
        for place in ["hosts", "dhcp"] {
            assert!(bed.folder.join("state/.network").join(place).join(name).exists(), "{place}/{name}");
        }
    }
    let own = format!("--pid-file={}", bed.folder.join("state/.network/dnsmasq.pid").display());
    let daemons = || {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let line = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).ok();
        all.filter_map(line).filter(|line| line.split(|&byte| byte == 0).any(|word| word == own.as_bytes())).count()
    };
    until("one daemon", || daemons() == 1);
    // Each finds the next one.
    for (from, to) in names.iter().zip(names.iter().skip(1)) {
        let address = fs::read_to_string(bed.file(to, ".cube.lease")).unwrap();
        bed.ctl([&format!("{from}:ping"), "-c", "1", "-W", "5", address.trim()]).ok();
    }
}
