//! Many calls at once for the same cubes, killed at whatever moment they are at.

use crate::bed::{Bed, ip, until};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

const SLEEP: &str = "/bin/sleep 1000";

/// The calls of the loop.
const CALLS: usize = 200;

/// Numbers without a pattern, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// What a call said, when it was left alone.
fn check(bed: &Bed, number: usize, child: Child) {
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    // A name may have gone to another call, or be taken by one.
    let known = |line: &str| {
        ["not found, cannot", "Valid containers are:", "is unknown, cannot rename", "already exists", "WARNING", "  "]
            .iter()
            .any(|part| line.contains(part))
            || line.starts_with("usage:")
    };
    let strange: Vec<&str> = complaint.lines().filter(|line| !known(line)).collect();
    assert!(
        matches!(output.status.code(), Some(0 | 1)) && strange.is_empty(),
        "call {number}: {:?}: {complaint}\n{}",
        output.status,
        bed.ctl(["list"]).text()
    );
}

#[test]
fn two_hundred_starts_stops_and_renames_with_kills_leave_nothing() {
    let bed = Bed::with_network();
    let cubes = ["a", "b", "c"];
    for name in cubes {
        bed.cube(name, SLEEP);
        let state = bed.folder.join("state").join(name);
        fs::create_dir_all(&state).unwrap();
        bed.set(name, ".cube.mount.bind", &format!("{}:/mnt", state.display()));
    }
    // One has a terminal that a process keeps, one leads the others out and has links.
    bed.set("a", "cube.console.mgr", "tty");
    bed.set("b", "cube.network.stack", "8000 c:80");
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut under_way: Vec<(usize, Child)> = Vec::new();
    for number in 0..CALLS {
        let name = cubes[dice.below(3) as usize];
        let other = format!("{name}2");
        let (now, new) = if bed.file(name, "").exists() { (name, other.as_str()) } else { (other.as_str(), name) };
        let mut command = bed.command("cube-ctl");
        match dice.below(5) {
            0 | 1 => command.args(["start", now]),
            2 | 3 => command.args(["stop", now]),
            _ => command.args(["rename", now, new]),
        };
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        match dice.below(3) {
            // Left alone, beside the next one.
            0 => under_way.push((number, child)),
            1 => check(&bed, number, child),
            _ => {
                std::thread::sleep(Duration::from_millis(dice.below(250)));
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
        if under_way.len() == 3 {
            under_way.drain(..).for_each(|(number, child)| check(&bed, number, child));
        }
    }
    under_way.into_iter().for_each(|(number, child)| check(&bed, number, child));
    // Each of them is there once, and starts and stops as if nothing had been.
    let names: Vec<String> =
        bed.ctl(["list"]).ok().lines().skip(2).map(|line| line.split(' ').next().unwrap().into()).collect();
    let plain: BTreeSet<&str> = names.iter().map(|name| name.trim_end_matches('2')).collect();
    assert_eq!((names.len(), plain), (3, BTreeSet::from(cubes)), "{names:?}");
    for name in &names {
        let outcome = bed.ctl(["start", name]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{name}");
        assert_eq!(bed.status(name), "running", "{name}");
    }
    let links = segment(&bed);
    assert_eq!(links.len(), 3, "one link for each: {links:?}");
    for name in &names {
        bed.ctl(["stop", name]).silent();
    }
    nothing_is_left(&bed);
    for name in &names {
        bed.ctl(["del", name]).ok();
    }
}

/// The links of cubes on the segment.
fn segment(bed: &Bed) -> Vec<String> {
    let text = ip(&["-n", &bed.networks.as_ref().unwrap().1, "-o", "link"]);
    let names = text.lines().map(|line| line.split(": ").nth(1).unwrap().split('@').next().unwrap().to_string());
    names.filter(|name| !["lo", "br-int", "essential-peer"].contains(&name.as_str())).collect()
}

fn nothing_is_left(bed: &Bed) {
    let folder = bed.folder.display().to_string();
    let (host, segment_name) = bed.networks.clone().unwrap();
    let records: Vec<_> = fs::read_dir(bed.folder.join("records")).unwrap().collect();
    assert!(records.is_empty(), "{records:?}");
    let links = segment(bed);
    assert!(links.is_empty(), "{links:?}");
    let on_host = ip(&["-n", &host, "-o", "link"]);
    assert_eq!(on_host.lines().count(), 2, "lo and essential: {on_host}");
    // Processes of cubes and of calls, which end a moment after who killed them; not the daemons of the segment.
    let daemons: Vec<String> = ["dnsmasq.pid", "avahi/pid"]
        .map(|file| fs::read_to_string(bed.folder.join("state/.network").join(file)).unwrap().trim().to_string())
        .into();
    let processes = || {
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        let ours = |pid: &String| {
            let told = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let has = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).contains(folder.rsplit('/').next().unwrap());
            has(told("cmdline")) || has(told("cgroup"))
        };
        let pids = pids.filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()) && !daemons.contains(pid));
        pids.filter(ours).collect::<Vec<String>>()
    };
    until("no process is left", || processes().is_empty());
    // Every process that is left over would hold a namespace; named ones are these two.
    let named: Vec<_> = fs::read_dir("/run/netns")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(host.trim_end_matches("-host")))
        .collect();
    assert_eq!(named.len(), 2, "{named:?} beside {host} and {segment_name}");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&folder), "{mounts}");
    let sockets = std::process::Command::new("find").args([&folder, "-type", "s"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&sockets.stdout), "");
    // Locks are held on the folders themselves.
    let locks = fs::read_to_string("/proc/locks").unwrap();
    for path in fs::read_dir(bed.containers()).unwrap().map(|entry| entry.unwrap().path()).chain([bed.containers()]) {
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).unwrap());
        assert!(!locks.contains(&format!(":{inode} ")), "{} is locked: {locks}", path.display());
    }
    let half: Vec<_> = fs::read_dir(bed.containers())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(half.is_empty(), "{half:?}");
    let published = fs::read_dir(bed.folder.join("state/.network/avahi/names")).unwrap().count();
    assert_eq!(published, 0);
    let cgroups = std::process::Command::new("sh")
        .args(["-c", "find /sys/fs/cgroup -type d -path \"*/runc/*$1*/*\"", "sh", folder.rsplit('/').next().unwrap()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&cgroups.stdout), "");
}
