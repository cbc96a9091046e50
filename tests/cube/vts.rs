//! Virtual terminals of the machine that belong to cubes. Those between 50 and 63 are nobody's; each test takes one that no other has.

use crate::bed::{Bed, Outcome, until};
use crate::sealed::executable;
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;

const SLEEP: &str = "/bin/sleep 1000";

/// A virtual terminal, given back at the end. Whoever else runs these tests sees by a name without a file that it is taken.
struct Screen {
    number: u8,
    _taken: UnixListener,
}

impl Screen {
    /// One that nobody has.
    fn take() -> Screen {
        let taken = |number: &u8| {
            let name = SocketAddr::from_abstract_name(format!("ctys-test-vt-{number}")).unwrap();
            Some(Screen { number: *number, _taken: UnixListener::bind_addr(&name).ok()? })
        };
        (50..=63).find_map(|number| taken(&number)).expect("a virtual terminal that no other test has")
    }

    /// What is seen on it.
    fn text(&self) -> String {
        String::from_utf8_lossy(&fs::read(format!("/dev/vcs{}", self.number)).unwrap_or_default()).into_owned()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = Command::new("busybox").args(["deallocvt", &self.number.to_string()]).status();
    }
}

/// The processes whose controlling terminal is this one.
fn owners(number: u8) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let has = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let terminal = stat.rsplit(')').next().unwrap().split_whitespace().nth(4).map(str::to_string);
        terminal == Some((4 << 8 | u32::from(number)).to_string())
    };
    pids.filter(has).collect()
}

fn namespace(pid: u64) -> String {
    fs::read_link(format!("/proc/{pid}/ns/pid")).unwrap().display().to_string()
}

#[test]
fn a_getty_of_a_cube_runs_on_its_virtual_terminal() {
    let bed = Bed::new();
    let screen = Screen::take();
    let vt = screen.number;
    bed.cube("web", SLEEP);
    bed.cube("db", SLEEP);
    Outcome::of(bed.command("cube-cfg").args(["-n", "web", "device", &format!("vt:/dev/tty{vt}:/dev/tty{vt}")]), b"")
        .silent();
    bed.ctl(["start", "web"]).silent();
    bed.ctl(["start", "db"]).silent();
    until("a question for a name", || screen.text().contains("login:"));
    let found = owners(vt);
    assert!(!found.is_empty());
    for pid in found {
        assert_eq!(namespace(pid.into()), namespace(bed.pid("web")));
    }
    // Another cube has no way to it, not even by a node of its own.
    let other = bed.ctl(["db:sh", "-c", &format!("mknod /tmp/t c 4 {vt}; echo hello >/tmp/t")]);
    assert!(other.code != 0 && other.stderr.contains("Operation not permitted"), "{}", other.stderr);
    bed.ctl(["stop", "web"]).silent();
    until("its getty has ended", || owners(vt).is_empty());
    // Whoever has none is told.
    for getty in ["bin/getty", "bin/agetty"] {
        let _ = fs::remove_file(bed.file("web", "rootfs").join(getty));
    }
    let outcome = bed.ctl(["start", "web"]);
    let told = "[WARNING]: container web: no getty was started: it has no getty for its virtual terminals\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, told));
    assert_eq!(bed.status("web"), "running");
}

#[test]
fn an_init_starts_the_getty_itself() {
    let bed = Bed::new();
    let screen = Screen::take();
    let vt = screen.number;
    bed.cube("web", "/bin/init");
    bed.set("web", ".cube.device.vt", &format!("/dev/tty{vt}:/dev/tty{vt}"));
    fs::write(
        bed.file("web", "rootfs/etc/inittab"),
        "::respawn:/bin/sleep 1000\ntty1::respawn:/bin/getty 38400 tty1\n",
    )
    .unwrap();
    fs::write(
        bed.file("web", "rootfs/etc/fstab"),
        "# own\nproc /proc proc defaults 0 0\n/dev/sdb1 /data ext4 ro 0 2\n",
    )
    .unwrap();
    bed.ctl(["start", "web"]).silent();
    let inittab = fs::read_to_string(bed.file("web", "rootfs/etc/inittab")).unwrap();
    assert_eq!(inittab, format!("::respawn:/bin/sleep 1000\ntty{vt}::respawn:/bin/getty 38400 tty{vt} linux\n"));
    let fstab = fs::read_to_string(bed.file("web", "rootfs/etc/fstab")).unwrap();
    assert_eq!(fstab, "# own\n/dev/sdb1 /data ext4 ro 0 2\n");
    until("a question for a name", || screen.text().contains("login:"));
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap_or_default().to_string()
    };
    let init = bed.pid("web").to_string();
    until("one getty, the init's", || owners(vt).iter().map(|&pid| parent(pid)).eq([init.clone()]));
    assert!(bed.ctl(["prep", "web"]).fails(1).contains("is running"));
    bed.ctl(["stop", "web"]).silent();
    // Once more is the same; without a virtual terminal there is no getty.
    bed.ctl(["prep", "web"]).silent();
    assert_eq!(fs::read_to_string(bed.file("web", "rootfs/etc/inittab")).unwrap(), inittab);
    bed.set("web", ".cube.device.vt", "");
    bed.ctl(["prep", "web"]).silent();
    assert_eq!(fs::read_to_string(bed.file("web", "rootfs/etc/inittab")).unwrap(), "::respawn:/bin/sleep 1000\n");
}

#[test]
fn a_line_of_the_installer_gives_virtual_terminals_to_cubes() {
    let bed = Bed::new();
    let source = |name: &str| {
        let root = bed.folder.join(name);
        for folder in ["bin", "etc/systemd/system", "lib/systemd/system"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let archive = bed.folder.join(format!("{name}-genericx86-64.tar"));
        let tar = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status().unwrap();
        assert!(tar.success());
        archive.display().to_string()
    };
    let (server, desktop) = (source("cube-server"), source("cube-desktop"));
    // Nothing is added while anything in the line cannot be.
    for (first, second, why) in [
        (":vty=3", ":vty=3", "/dev/tty3 cannot belong to both cube-server and cube-desktop"),
        (":vty=1", "", "from 2 to 63"),
        (":vty=0", "", "from 2 to 63"),
        ("", ":vty=x", "from 2 to 63"),
        (":net=1", "", "from 5 to 254"),
    ] {
        let words = ["add".to_string(), format!("{server}{first}"), format!("{desktop}{second}")];
        let complaint = bed.ctl(&words).fails(1);
        assert!(complaint.contains(why), "{complaint}");
        assert_eq!(bed.ctl(["list"]).ok().lines().count(), 2);
    }
    bed.ctl(["add", &format!("{server}:vty=3"), &format!("{desktop}:vty=4,active:net=20"), "--auto=boot"]).ok();
    for (name, number, other) in [("cube-server", 3, 4), ("cube-desktop", 4, 3)] {
        let asked = Outcome::of(bed.command("cube-cfg").args(["-n", name, "device", "vt"]), b"").ok();
        assert_eq!(asked, format!("/dev/tty{number}:/dev/tty{number}\n"));
        let getty = |number| format!("rootfs/etc/systemd/system/getty.target.wants/getty@tty{number}.service");
        assert!(fs::symlink_metadata(bed.file(name, &getty(number))).is_ok(), "{name}");
        assert!(fs::symlink_metadata(bed.file(name, &getty(other))).is_err(), "{name}");
    }
    assert_eq!(fs::read_to_string(bed.file("cube-desktop", "cube.network.ip")).unwrap(), "192.168.42.20/24\n");
    // What another cube has is not given a second time.
    let complaint = bed.ctl(["add", "-n", "third", &format!("{server}:vty=4")]).fails(1);
    assert_eq!(complaint, "[ERROR]: /dev/tty4 belongs to container cube-desktop already\n");
    // The screen goes to the one that is marked when all that are tagged have been started.
    let (folder, log) = (bed.folder.join("fake"), bed.folder.join("chvt"));
    fs::create_dir(&folder).unwrap();
    executable(&folder.join("chvt"), &format!("#!/bin/sh\necho \"$@\" >>{}\n", log.display()));
    for name in ["cube-server", "cube-desktop"] {
        bed.set(name, ".cube.device.vt", "");
        bed.cube(name, SLEEP);
    }
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Outcome::of(bed.command("cube-ctl").args(["start", "--auto=boot"]).env("PATH", path), b"").silent();
    assert_eq!(fs::read_to_string(&log).unwrap(), "4\n");
}

#[test]
fn what_lies_behind_a_link_is_not_changed_with_a_cube() {
    let bed = Bed::new();
    let host = bed.folder.join("host");
    fs::create_dir_all(host.join("system")).unwrap();
    fs::create_dir_all(host.join("avahi")).unwrap();
    for (file, text) in [("fstab", "proc /proc proc defaults 0 0\n"), ("avahi/avahi-daemon.conf", "[publish]\n")] {
        fs::write(host.join(file), text).unwrap();
    }
    let tree = || {
        let list =
            Command::new("find").arg(&host).args(["-type", "f", "-exec", "sha256sum", "{}", "+"]).output().unwrap();
        let names = Command::new("find").arg(&host).output().unwrap();
        (list.stdout, names.stdout)
    };
    let before = tree();
    bed.cube("evil", "/sbin/init");
    let etc = bed.file("evil", "rootfs/etc");
    fs::remove_dir_all(&etc).unwrap();
    std::os::unix::fs::symlink(&host, &etc).unwrap();
    fs::create_dir_all(bed.file("evil", "rootfs/lib/systemd/system")).unwrap();
    bed.ctl(["prep", "evil"]).silent();
    assert_eq!(tree(), before);
    fs::remove_file(&etc).unwrap();
    fs::create_dir_all(etc.join("systemd")).unwrap();
    for (link, to) in [("fstab", "fstab"), ("avahi", "avahi"), ("systemd/system", "system")] {
        std::os::unix::fs::symlink(host.join(to), etc.join(link)).unwrap();
    }
    bed.ctl(["prep", "evil"]).silent();
    assert_eq!(tree(), before);
}
