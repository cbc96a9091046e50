//! Who may do what: cubes ask by their channel, the access list grants, nobody passes as another.

use crate::bed::{Bed, Outcome, until};
use crate::user::{self, door, inside, inside_with, kill_server, log, server};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

const SLEEP: &str = "/bin/sleep 1000";

/// A bed with the cube `web`, which has the tools, and `db`, which has none; both run.
fn two() -> Bed {
    let bed = Bed::new();
    user::cube(&bed, "web", SLEEP);
    bed.cube("db", SLEEP);
    fs::write(bed.file("db", "rootfs/etc/hostname"), "this-is-db\n").unwrap();
    bed.ctl(["start", "db"]).silent();
    bed.ctl(["start", "web"]).silent();
    bed
}

/// Sets the access list.
fn access(bed: &Bed, text: &str) {
    fs::write(bed.folder.join("access"), text).unwrap();
}

fn denied(words: &[&str]) -> String {
    format!("[ERROR]: '{}' permission denied\n", words.join(" "))
}

#[test]
fn a_cube_sees_where_it_can_log_in_and_changes_nothing() {
    let bed = two();
    let file = bed.folder.join("made");
    let made = format!("host:touch {}", file.display());
    let (pid, before) = (bed.pid("db"), bed.ctl(["list"]).ok());
    let list = inside(&bed, "web", &["cube-ctl", "list"]).ok();
    let names: Vec<&str> = list.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["db", "web", "dom0"], "{list}");
    assert_eq!(inside(&bed, "web", &["cube-ctl", "status"]).ok(), list);
    assert_eq!(inside(&bed, "web", &["cube-console", "list"]).ok(), "dom0\n");
    assert!(inside(&bed, "web", &["cube-ctl", "-h"]).ok().starts_with("usage: cube-ctl"));
    for words in [
        &["start", "db"][..],
        &["stop", "db"],
        &["pause", "db"],
        &["resume", "db"],
        &["info", "db"],
        &["show", "db"],
        &["rename", "db", "db2"],
        &["mv", "db", "db2"],
        &["add", "-n", "new", "/tmp"],
        &["del", "-F", "db"],
        &["store", "db", "db2"],
        &["netprime", "db"],
        &["db:touch", "/made"],
        &["host:touch", file.to_str().unwrap()],
        &[&made],
        // Behind a verb that is granted.
        &["list", "host:touch", file.to_str().unwrap()],
        &["status", "db:touch", "/made"],
    ] {
        let call = [&["cube-ctl"], words].concat();
        assert_eq!(inside(&bed, "web", &call).fails(1), denied(&call));
    }
    for call in [
        &["cube-cfg", "-n", "db", "set", "app:/bin/true"][..],
        &["cube-cmd", "touch", file.to_str().unwrap()],
        &["cube-cmd", "cube-ctl", "stop", "db"],
    ] {
        let asked = if call[0] == "cube-cmd" { &call[1..] } else { call };
        assert_eq!(inside(&bed, "web", call).fails(1), denied(asked));
    }
    // Without a word of what is there.
    let processes = || bed.ctl(["db:ps"]).ok().lines().filter(|line| !line.ends_with(" ps")).count();
    let there = processes();
    for target in ["db", "nosuch", "web"] {
        let complaint = inside(&bed, "web", &["cube-console", target]).fails(1);
        assert_eq!(complaint, "ERROR: cube is not allowed direct console access. log into dom0 first.\n");
    }
    let complaint = inside(&bed, "web", &["cube-console", "essential"]).fails(1);
    assert_eq!(complaint, "ERROR: essential console is only available to dom0\n");
    assert_eq!(processes(), there);
    assert_eq!((bed.pid("db"), bed.ctl(["list"]).ok()), (pid, before));
    assert!(!file.exists() && !bed.file("db", "rootfs/made").exists());
    assert_eq!(fs::read_to_string(bed.file("db", "cube.app")).unwrap(), "/bin/sleep 1000\n");
    until("the list of what was asked", || log(&bed).contains("web: process "));
    assert!(log(&bed).contains("'cube-ctl stop db' ended with 1"), "{}", log(&bed));
}

#[test]
fn the_control_cube_may_do_what_the_host_may() {
    let bed = Bed::new();
    user::cube(&bed, "dom0", SLEEP);
    bed.cube("db", SLEEP);
    fs::write(bed.file("db", "rootfs/etc/hostname"), "this-is-db\n").unwrap();
    bed.ctl(["start", "dom0"]).silent();
    let ctl = |words: &[&str]| inside(&bed, "dom0", &[&["cube-ctl"], words].concat());
    ctl(&["start", "db"]).silent();
    assert_eq!(bed.status("db"), "running");
    assert_eq!(ctl(&["list"]).ok(), bed.ctl(["list"]).ok());
    let info = ctl(&["info", "db"]).ok();
    assert!(info.contains(&format!("PID:            {}\n", bed.pid("db"))), "{info}");
    assert_eq!(ctl(&["db:cat", "/etc/hostname"]).ok(), "this-is-db\n");
    assert_eq!(ctl(&["host:cat", "/proc/self/uid_map"]).ok(), fs::read_to_string("/proc/self/uid_map").unwrap());
    // Words, streams and status come through as they are.
    assert_eq!(ctl(&["db:echo", "a:b", "x  y", "$HOME", "*", ""]).ok(), "a:b x  y $HOME * \n");
    let outcome = ctl(&["db:sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((outcome.code, outcome.text().as_str(), outcome.stderr.as_str()), (7, "out\n", "err\n"));
    let bytes: Vec<u8> = (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let outcome = inside_with(&bed, "dom0", &["cube-ctl", "db:cat"], &bytes);
    assert_eq!((outcome.code, outcome.stdout == bytes), (0, true));
    // What the command does not want is no reason to lose its status.
    assert_eq!(inside_with(&bed, "dom0", &["cube-ctl", "host:true"], &bytes).code, 0);
    assert_eq!(ctl(&["mv", "db", "base"]).code, 0);
    assert_eq!(bed.status("base"), "running");
    assert_eq!(ctl(&["nosuch:ls"]).fails(1), "Error, container nosuch does not exist.\n");
    ctl(&["stop", "base"]).silent();
    assert_eq!(bed.status("base"), "absent");
    assert_eq!(inside(&bed, "dom0", &["cube-console", "list"]).ok(), bed.ctl(["list"]).ok() + "essential\n");
    let complaint = inside(&bed, "dom0", &["cube-console", "nosuch"]).fails(1);
    assert_eq!(complaint, "[ERROR]: container \"nosuch\" not found\n");
    let complaint = inside(&bed, "dom0", &["cube-console", "base"]).fails(1);
    assert_eq!(complaint, "[ERROR]: container \"base\" is not running\n");
}

#[test]
fn the_access_list_says_what_a_cube_may() {
    let bed = two();
    access(&bed, "web:\n  commands:\n    - cube-ctl#list\n    - ls\n");
    let web = |words: &[&str]| inside(&bed, "web", words);
    assert!(web(&["cube-ctl", "list"]).ok().contains("db"));
    let stop = ["cube-ctl", "stop", "db"];
    assert_eq!(web(&stop).fails(1), denied(&stop));
    assert_eq!(web(&["cube-ctl", "status"]).fails(1), denied(&["cube-ctl", "status"]));
    assert_eq!(web(&["cube-console", "dom0"]).fails(1), denied(&["cube-console", "dom0"]));
    let folder = bed.containers();
    let folder = folder.to_str().unwrap();
    assert_eq!(web(&["cube-cmd", "ls", folder]).ok(), "db\nweb\n");
    let file = bed.folder.join("made");
    let file = file.to_str().unwrap();
    let both = format!("ls; touch {file}");
    for words in [
        &[both.as_str()][..],
        &["ls", ";", "touch", file],
        &["ls", "&&", "touch", file],
        &["ls", "a & b"],
        &["ls", "|", "sh"],
        &["/bin/ls", folder],
        &["sh", "-c", &both],
        &["touch", file],
    ] {
        assert_eq!(web(&[&["cube-cmd"], words].concat()).fails(1), denied(words));
    }
    assert!(!bed.folder.join("made").exists());
    // No shell looks at it: a name is a name.
    let complaint = web(&["cube-cmd", "ls", &format!("$(touch {file})"), "*"]);
    assert!(complaint.code != 0 && complaint.stderr.contains("touch") && complaint.stderr.contains('*'));
    assert!(!bed.folder.join("made").exists());
    // What is changed holds at once.
    access(&bed, "web:\n  commands: [cube-ctl#stop]\n");
    assert_eq!(web(&["cube-ctl", "list"]).fails(1), denied(&["cube-ctl", "list"]));
    web(&stop).silent();
    assert_eq!(bed.status("db"), "absent");
    // What is not understood grants nothing, and does not tell what stands there.
    access(&bed, "web:\n  commands:\n    - cube-ctl\n    - {secret}\n");
    let complaint = web(&["cube-ctl", "list"]).fails(1);
    assert!(complaint.contains("line 4 of") && !complaint.contains("secret"), "{complaint}");
}

/// A program in perl that says these bytes to a socket and prints what comes back; it waits so many seconds before it speaks.
fn says(socket: &str, bytes: &[u8], pause: u32) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "socket(S,1,1,0); connect(S,pack('Sa*',1,'{socket}')) or die \"connect: $!\"; $|=1; sleep {pause}; \
         syswrite(S,pack('H*','{hex}')); while(sysread(S,$b,4096)){{print $b}}"
    )
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &(payload.len() as u32).to_be_bytes(), payload].concat()
}

/// A request as the client makes it.
fn request(words: &[&str]) -> Vec<u8> {
    let mut payload = vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for word in words {
        payload.extend((word.len() as u32).to_be_bytes());
        payload.extend(word.as_bytes());
    }
    [frame(1, &payload), frame(3, b"")].concat()
}

const INSIDE: &str = "/var/lib/cube/.channel/command";

#[test]
fn no_cube_passes_as_another() {
    let bed = Bed::new();
    access(&bed, "web:\n  commands: [cube-ctl]\n");
    user::cube(&bed, "web", SLEEP);
    user::cube(&bed, "evil", SLEEP);
    // Somebody has handed the folder of the one to the other.
    let mounts = fs::read_to_string(bed.file("evil", ".cube.mount.bind")).unwrap();
    bed.set("evil", ".cube.mount.bind", &format!("{mounts}{}:/stolen", door(&bed, "web").display()));
    bed.ctl(["start", "web"]).silent();
    bed.ctl(["start", "evil"]).silent();
    let stop = request(&["cube-ctl", "stop", "web"]);
    let stolen = inside(&bed, "evil", &["perl", "-e", &says("/stolen/command", &stop, 0)]);
    assert!(stolen.text().contains("the caller is not of this container"), "{stolen:?}");
    // Nor does a name that is claimed mean anything.
    for words in [
        &["env", "CTYS_CUBE_CALLER=web", "cube-ctl", "stop", "web"][..],
        &["cube-cmd", "CTYS_CUBE_CALLER=web", "cube-ctl", "stop", "web"],
        &["cube-cmd", "cube-cmd", "--", "cube-ctl", "stop", "web"],
    ] {
        assert_eq!(inside(&bed, "evil", words).code, 1, "{words:?}");
    }
    for words in [&["--", "cube-ctl", "stop", "web"][..], &["__cube_shell", "-1", "0", "/bin/touch", "/made"]] {
        let answer = inside(&bed, "evil", &["perl", "-e", &says(INSIDE, &request(words), 0)]);
        assert!(answer.text().contains("permission denied"), "{answer:?}");
    }
    // A process of the host has no socket either.
    let mut stream = UnixStream::connect(door(&bed, "web").join("command")).unwrap();
    let _ = stream.write_all(&stop);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("the caller is not of this container"));
    // The namespaces alone are not the cube.
    let pid = bed.pid("web").to_string();
    let mut entered = Command::new("nsenter");
    entered.args(["-t", &pid, "-m", "-p", "-r", "-w", "/bin/perl", "-e", &says(INSIDE, &stop, 0)]);
    let entered = Outcome::of(&mut entered, b"");
    assert!(entered.text().contains("the caller is not of this container"), "{entered:?}");
    assert_eq!((bed.status("web").as_str(), bed.status("evil").as_str()), ("running", "running"));
    until("what was refused", || log(&bed).matches("web: refused: ").count() == 3);
    for why in ["is not in its namespace", "is not in its cgroup"] {
        assert!(log(&bed).contains(why), "{}", log(&bed));
    }
    // The right one has its rights, also to have itself stopped; that is done to its end.
    let asked = inside(&bed, "web", &["perl", "-e", &says(INSIDE, &stop, 0)]);
    assert!(!asked.text().contains("denied"), "{asked:?}");
    until("the stop that was granted", || bed.status("web") == "absent");
    until("its end", || log(&bed).contains("'cube-ctl stop web' was left"));
    assert!(!bed.folder.join("records/web").exists());
}

#[test]
fn what_is_malformed_large_or_slow_stops_nobody() {
    let bed = two();
    user::cube(&bed, "evil", SLEEP);
    bed.ctl(["start", "evil"]).silent();
    let perl = |program: &str| inside(&bed, "evil", &["perl", "-e", program]);
    let list = request(&["cube-ctl", "list"]);
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        frame(1, b""),
        frame(1, &[1, 1, 0, 0, 0, 0, 0, 0, 0, 3, b'a', b'\n', b'b', 0, 0, 0, 1, b'x']),
        vec![1, 0xff, 0xff, 0xff, 0xff],
        frame(2, b"input without a request"),
        [list.clone(), frame(99, b"x")].concat()[..list.len() - 7].to_vec(),
    ] {
        let answer = perl(&format!("{}; exit 0", says(INSIDE, &bytes, 0).replace("while", "shutdown(S,1); while")));
        assert!(answer.text().contains("[ERROR]: the request cannot be served"), "{bytes:?}: {answer:?}");
    }
    // As many as may be at once, always new ones, and none of them says anything.
    let slow = "until(-e '/stop'){for(1..20){close $s[$_]; socket($s[$_],1,1,0); \
        connect($s[$_],pack('Sa*',1,'/var/lib/cube/.channel/command')); select(undef,undef,undef,0.2)}}";
    let hold = inside(&bed, "evil", &["sh", "-c", "perl -e \"$0\" >/dev/null 2>&1 </dev/null &", slow]);
    assert_eq!(hold.code, 0, "{hold:?}");
    let is_full = || {
        let answer = inside(&bed, "evil", &["cube-ctl", "list"]);
        answer.code == 1 && answer.stderr.contains("too many requests of this container are under way")
    };
    until("the one is served while the other has too many", || {
        is_full() && inside(&bed, "web", &["cube-ctl", "list"]).ok().contains("evil") && is_full()
    });
    fs::write(bed.file("evil", "rootfs/stop"), "").unwrap();
    until("room again", || inside(&bed, "evil", &["cube-ctl", "list"]).code == 0);
    // One that says nothing is not waited for without end.
    let answer = perl(&says(INSIDE, b"", 0));
    assert!(answer.text().contains("it did not come in time"), "{answer:?}");
}

#[test]
fn a_cube_that_meddles_with_its_folder_harms_itself_alone() {
    let bed = two();
    let victim = bed.folder.join("victim");
    fs::write(&victim, "whole\n").unwrap();
    // Its root may mount its folder anew.
    let meddle = |file: &str| {
        let script = "mount -o remount,rw,bind $1 && cd $1 && rm -f $2 && ln -s $3 $2";
        let folder = "/var/lib/cube/.channel";
        inside(&bed, "web", &["sh", "-c", script, "sh", folder, file, victim.to_str().unwrap()]).silent();
    };
    meddle("command");
    // The server puts its socket in the place of what it finds, and follows nothing.
    until("a socket again", || UnixStream::connect(door(&bed, "web").join("command")).is_ok());
    meddle("name");
    // Nor does the start of a cube that has died, whose folder is still there.
    bed.runc(&["delete", "--force", "web"]).silent();
    assert!(fs::symlink_metadata(door(&bed, "web").join("name")).unwrap().is_symlink());
    bed.ctl(["start", "web"]).silent();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "whole\n");
    assert_eq!(fs::read_to_string(door(&bed, "web").join("name")).unwrap(), "web");
    assert!(inside(&bed, "web", &["cube-ctl", "list"]).ok().contains("db"));
    // As it is handed out nothing can be written there.
    assert!(inside(&bed, "web", &["sh", "-c", "echo x >/var/lib/cube/.channel/x"]).stderr.contains("Read-only"));
}

#[test]
fn whoever_a_cube_is_it_is_known() {
    let bed = Bed::new();
    user::cube(&bed, "web", SLEEP);
    user::cube_with_copies(&bed, "own", SLEEP);
    let with_ids = |name: &str| {
        bed.set(name, "cube.subuid", "800000");
        let root = bed.file(name, "rootfs");
        assert!(Command::new("chown").args(["-hR", "800000:800000"]).arg(root).status().unwrap().success());
    };
    with_ids("own");
    bed.ctl(["start", "own"]).silent();
    assert!(inside(&bed, "own", &["cat", "/proc/self/uid_map"]).ok().contains("800000"));
    assert!(inside(&bed, "own", &["cube-ctl", "list"]).ok().contains("dom0"));
    let stop = ["cube-ctl", "stop", "own"];
    assert_eq!(inside(&bed, "own", &stop).fails(1), denied(&stop));
    // The plugin has to be that root's own there; else it is not used, and that is said.
    user::cube(&bed, "lent", SLEEP);
    with_ids("lent");
    bed.ctl(["start", "lent"]).silent();
    let lent = inside(&bed, "lent", &["cube-ctl", "list"]);
    assert!(lent.code != 0 && lent.stderr.starts_with("cube-ctl: no plugin answers to this name\n"), "{lent:?}");
    assert!(lent.stderr.contains("libctys_cube.so belongs to user 65534"), "{lent:?}");
    // One that runs in the foreground, and a user in it who is not root.
    let mut foreground = bed.command("cube-ctl").args(["start", "-f", "web"]).stderr(Stdio::null()).spawn().unwrap();
    until("the cube", || bed.status("web") == "running");
    let mut user = Command::new("runc");
    user.arg("--root").arg(bed.folder.join("records")).args(["exec", "-u", "1000:1000", "web", "cube-ctl", "list"]);
    assert!(Outcome::of(&mut user, b"").ok().contains("dom0"));
    bed.ctl(["stop", "web"]).silent();
    foreground.wait().unwrap();
}

#[test]
fn without_the_channel_a_cube_has_none() {
    let bed = Bed::new();
    user::cube(&bed, "web", SLEEP);
    let start = Outcome::of(bed.command("cube-ctl").args(["start", "web"]).env("CTYS_CUBE_CHANNEL", "off"), b"");
    start.silent();
    assert_eq!(inside(&bed, "web", &["ls", "-a", "/var/lib/cube"]).code, 1);
    assert!(!bed.folder.join("state/.channel").exists() && server(&bed).is_none());
}

#[test]
fn the_server_may_go_and_come_while_cubes_run() {
    let bed = two();
    bed.ctl(["pause", "db"]).silent();
    let pids = [bed.pid("web"), bed.pid("db")];
    kill_server(&bed);
    // Without it the host does what it did, and cubes go on.
    assert_eq!([bed.pid("web"), bed.pid("db")], pids);
    assert_eq!(bed.ctl(["web:cat", "/etc/hostname"]).ok(), "this-is-web\n");
    bed.ctl(["resume", "db"]).silent();
    let console = Outcome::of(bed.command("cube-console").arg("db"), b"hostname; exit 3\n");
    assert_eq!((console.code, console.text().as_str()), (3, "this-is-db\n"));
    let complaint = inside(&bed, "web", &["cube-ctl", "list"]).fails(1);
    assert!(complaint.starts_with("[ERROR]: dom0 cannot be asked: control ipc channel"), "{complaint}");
    // By hand it serves the cubes that run, in the foreground; a second one is refused.
    let mut by_hand = bed.command("cube-cmd").arg("--server").stderr(Stdio::null()).spawn().unwrap();
    assert!(inside(&bed, "web", &["cube-ctl", "list"]).ok().contains("running"));
    let second = Outcome::of(bed.command("cube-cmd").arg("--server"), b"");
    assert!(second.fails(1).contains("another process serves it"));
    kill_server(&bed);
    by_hand.wait().unwrap();
    // The start of any cube brings it back for all.
    bed.ctl(["stop", "db"]).silent();
    bed.ctl(["start", "db"]).silent();
    assert!(inside(&bed, "web", &["cube-ctl", "list"]).ok().contains("running"));
    bed.ctl(["stop", "web"]).silent();
    assert_eq!(bed.status("web"), "absent");
    // With the last cube it goes, and leaves nothing to connect to; the next one brings it back.
    let left = |name: &str| fs::read_dir(door(&bed, name)).unwrap().count();
    assert_eq!(left("web"), 0);
    assert!(server(&bed).is_some(), "{}", log(&bed));
    bed.ctl(["stop", "db"]).silent();
    until("its end", || server(&bed).is_none());
    assert_eq!(left("db"), 0);
    bed.ctl(["start", "web"]).silent();
    assert!(inside(&bed, "web", &["cube-ctl", "list"]).ok().contains("running"));
    bed.ctl(["stop", "web"]).silent();
    bed.ctl(["del", "web"]).ok();
    assert!(!door(&bed, "web").exists());
}

#[test]
fn a_caller_that_goes_ends_what_it_asked_for() {
    let bed = Bed::new();
    user::cube(&bed, "dom0", SLEEP);
    bed.ctl(["start", "dom0"]).silent();
    // Known by the number of this process: others may run the same test.
    let marker = (31_557_601 + u64::from(std::process::id())).to_string();
    let marker = marker.as_str();
    let words = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).split('\0').map(String::from).collect::<Vec<_>>()
    };
    let processes = |is_it: &dyn Fn(&[String]) -> bool| {
        let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        all.filter(|pid| is_it(&words(pid))).collect::<Vec<u32>>()
    };
    let runs = || processes(&|words| words.starts_with(&["sleep".into(), marker.into()])).len();
    let mut command = Command::new("runc");
    command.arg("--root").arg(bed.folder.join("records"));
    let words = ["exec", "dom0", "cube-ctl", "host:sleep", marker].map(String::from);
    let mut child = command.args(words).stdin(Stdio::piped()).spawn().unwrap();
    until("the command", || runs() == 1);
    let asking = |words: &[String]| {
        words.get(1).is_some_and(|word| word == "__cube_call") && words.iter().any(|word| word == marker)
    };
    let [pid] = processes(&asking)[..] else { panic!("it is not one that asks") };
    // SAFETY: kill takes two numbers; the process was found by what this test asked for.
    assert_eq!(unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) }, 0);
    until("its end", || runs() == 0);
    assert_ne!(child.wait().unwrap().code(), Some(0));
}
