//! A cube with a network in the foreground.

use crate::bed::{Bed, Outcome, ip};
use crate::terminal::Terminal;
use std::fs;

fn links(bed: &Bed) -> String {
    ip(&["-n", &bed.networks.as_ref().unwrap().1, "-o", "link"])
}

#[test]
fn in_the_foreground_a_cube_has_its_network_too() {
    let bed = Bed::with_network();
    bed.cube("web", "/bin/sleep 1000");
    bed.cube("job", "/bin/sh -c 'ip addr; ip route; ping -c 1 -W 30 192.168.42.4 >&2; exit 9'");
    bed.ctl(["start", "web"]).silent();
    let before = links(&bed);
    for _ in 0..2 {
        let outcome = bed.ctl(["start", "-f", "job"]);
        assert_eq!(outcome.code, 9, "{}", outcome.stderr);
        let lease = fs::read_to_string(bed.file("job", ".cube.lease")).unwrap();
        assert!(outcome.text().contains(&format!("inet {}/24", lease.trim())), "{}", outcome.text());
        assert!(outcome.text().contains("default via 192.168.42.1 "), "{}", outcome.text());
        assert!(outcome.stderr.contains("1 packets received"), "{}", outcome.stderr);
        // It has gone with it, and its name as well.
        assert_eq!(bed.status("job"), "absent");
        assert!(!links(&bed).contains(" job@"), "{before}\n{}", links(&bed));
        for folder in ["hosts", "dhcp", "avahi/names"] {
            assert!(!bed.folder.join("state/.network").join(folder).join("job").exists(), "{folder}");
        }
    }
    // Its own bundle is as it was, so it starts in the background as well.
    bed.set("job", "cube.app", "/bin/sleep 1000");
    Outcome::of(bed.command("cube-cfg").args(["gen", "job"]), b"").silent();
    bed.ctl(["start", "job"]).silent();
    assert_eq!(bed.status("job"), "running");
    bed.ctl(["job:ping", "-c", "1", "-W", "30", "192.168.42.4"]).ok();
}

#[test]
fn in_the_foreground_with_a_terminal_a_shell_has_a_network() {
    let bed = Bed::with_network();
    bed.cube("box", "/bin/sh");
    let terminal = Terminal::start(&bed);
    let host = bed.networks.clone().unwrap().0;
    let ctl = bed.folder.join("bin/cube-ctl").display().to_string();
    terminal.line(&format!("nsenter --net=/run/netns/{host} {ctl} start -i box; echo status $?."));
    terminal.wait_for("/ # ");
    terminal.line("ping -c 1 -W 30 192.168.42.4; exit 4");
    terminal.wait_for("1 packets received");
    terminal.wait_for("status 4.");
    assert!(!links(&bed).contains(" box@"));
}

#[test]
fn without_its_network_nothing_runs_in_the_foreground() {
    let bed = Bed::with_network();
    let host = bed.networks.clone().unwrap().0;
    ip(&["-n", &host, "link", "add", "lan0", "type", "veth", "peer", "name", "lan1"]);
    ip(&["-n", &host, "addr", "add", "192.168.42.17/24", "dev", "lan0"]);
    bed.cube("job", "/bin/sh -c 'echo working'");
    let outcome = bed.ctl(["start", "-f", "job"]);
    assert!(outcome.code != 0 && outcome.text().is_empty(), "{}", outcome.text());
    assert!(outcome.stderr.contains("192.168.42.0/24 is in use on this host"), "{}", outcome.stderr);
    assert_eq!(bed.status("job"), "absent");
}
