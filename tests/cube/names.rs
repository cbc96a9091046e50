//! `HOSTNAME.local` by multicast DNS on the segment. Debian packages avahi-daemon, python3.

use crate::bed::{Bed, Outcome, until};
use std::fs;
use std::process::Command;

const SLEEP: &str = "/bin/sleep 1000";

/// Asks everybody on the segment, as RFC 6762 has it: the address of a name (1), or who offers a service (12). From 192.168.42.2.
const ASK: &str = "
import socket, struct, sys
name, kind = sys.argv[1], int(sys.argv[2])
labels = b''.join(bytes([len(part)]) + part.encode() for part in name.split('.')) + b'\\0'
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('192.168.42.2'))
asked.bind(('192.168.42.2', 0))
asked.settimeout(2)
asked.sendto(struct.pack('>6H', 0, 0, 1, 0, 0, 0) + labels + struct.pack('>2H', kind, 0x8001), ('224.0.0.251', 5353))
try: answer = asked.recv(9000)
except TimeoutError: sys.exit()
print(socket.inet_ntoa(answer[-4:]) if kind == 1 else repr(answer))
";

fn ask(bed: &Bed, name: &str, kind: &str) -> String {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{}", bed.networks.as_ref().unwrap().0));
    Outcome::of(command.args(["python3", "-c", ASK, name, kind]), b"").ok()
}

#[test]
fn active_cubes_are_found_by_name_on_the_segment() {
    let bed = Bed::with_network();
    for name in ["web", "db", "shy", "own"] {
        bed.cube(name, SLEEP);
    }
    fs::write(bed.file("web", "rootfs/etc/hostname"), "cube-01-12-15-web\n").unwrap();
    Outcome::of(bed.command("cube-cfg").args(["-n", "shy", "cube.discovery:off"]), b"").silent();
    // An init with an avahi of its own tells its name itself.
    bed.set("own", "cube.app", "/bin/init");
    fs::create_dir_all(bed.file("own", "rootfs/etc/avahi")).unwrap();
    fs::write(bed.file("own", "rootfs/etc/avahi/avahi-daemon.conf"), "[publish]\n").unwrap();
    for name in ["web", "shy", "own", "db"] {
        bed.ctl(["start", name]).silent();
    }
    for (name, host) in [("web", "cube-01-12-15-web"), ("db", "db")] {
        let address = bed.listed(name, 4).unwrap();
        until(host, || ask(&bed, &format!("{host}.local"), "1").trim() == address);
    }
    until("web among the services", || ask(&bed, "_ssh._tcp.local", "12").contains("cube-01-12-15-web"));
    assert_eq!((ask(&bed, "shy.local", "1"), ask(&bed, "own.local", "1")), (String::new(), String::new()));
    bed.ctl(["stop", "web"]).silent();
    until("no answer for a cube that was stopped", || ask(&bed, "cube-01-12-15-web.local", "1").is_empty());
    let address = bed.listed("db", 4).unwrap();
    until("the other one", || ask(&bed, "db.local", "1").trim() == address);
}

#[test]
fn the_avahi_of_a_cube_is_set_up_when_it_is_added() {
    let bed = Bed::new();
    let conf =
        "[server]\nuse-ipv4=yes\n[publish]\n#disable-publishing=no\npublish-hinfo=no\n[rlimits]\nrlimit-nproc=3\n";
    for (name, has) in [("talks", true), ("silent", true), ("none", false)] {
        let avahi = bed.folder.join(name).join("etc/avahi");
        fs::create_dir_all(&avahi).unwrap();
        if has {
            fs::write(avahi.join("avahi-daemon.conf"), conf).unwrap();
        }
    }
    let source = |name: &str| bed.folder.join(name).display().to_string();
    bed.ctl(["add", &source("talks"), &format!("{}:discovery=off", source("silent")), &source("none")]).ok();
    let text = |name: &str| fs::read_to_string(bed.file(name, "rootfs/etc/avahi/avahi-daemon.conf")).unwrap();
    let want = |word: &str| {
        format!("[server]\nuse-ipv4=yes\n[publish]\ndisable-publishing={word}\npublish-hinfo=no\n[rlimits]\n")
    };
    assert_eq!((text("talks"), text("silent")), (want("no"), want("yes")));
    Outcome::of(bed.command("cube-cfg").args(["-n", "talks", "cube.discovery:off"]), b"").silent();
    bed.ctl(["prep", "talks"]).silent();
    assert_eq!(text("talks"), want("yes"));
}
