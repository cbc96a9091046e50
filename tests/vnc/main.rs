//! Desktops, viewers and tunnels with the real tools: Xtigervnc, xtigervncviewer, sshd, under Xvfb.

#[path = "../bed/mod.rs"]
mod bed;
mod picture;
mod stage;

use picture::Picture;
use stage::{Outcome, Stage, kill, processes, until};
use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];

#[test]
fn a_desktop_is_started_shown_through_a_tunnel_listed_and_ended() {
    let mut stage = Stage::new();
    let (label, session) = (stage.label("a"), stage.session());
    let host = stage.bed.hosts[0].clone();
    let create = format!("create=l:{label},WM:{}", session.display());
    let call = ["-t", "vnc", "-a", &create, "-L", "CF", "-r", "640x480", &host];
    stage.ctys(&call).ok();

    let password = stage.bed.path("home/.vnc/passwd");
    assert_eq!(fs::metadata(&password).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(processes(&["-passwd", "/proc/self/fd/"]).iter().any(|(_, args)| args.contains(&label)));

    // The session has the signals of any other desktop: `producer | head` ends quietly in its terminals.
    let own = until("the session has its terminal", || {
        Some(processes(&["xterm -geometry 40x5+50+60"])).filter(|found| !found.is_empty())
    });
    for (pid, words) in own {
        // That of another test may have gone meanwhile.
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim().to_string();
        let ignored = u64::from_str_radix(&mask, 16).unwrap();
        assert_eq!(ignored & (1 << (libc::SIGPIPE - 1)), 0, "{words}: {mask}");
    }

    // The viewer's window has the server's picture in it, point by point, and the label in its title.
    let display = server_display(&label);
    let title = format!("{label} - TigerVNC");
    let home = stage.bed.path("home");
    let picture = until("the viewer shows what the server has", || {
        let server = Picture::take(&display, &home, None)?;
        let viewer = Picture::take(&stage.display, &home, Some(&title))?;
        let painted = server.share(RED) > 0.05 && server.share(BLUE) > 0.05;
        (painted && viewer.likeness(&server) > 0.999).then_some(viewer)
    });
    assert_eq!((picture.width, picture.height), (640, 480));

    // Client, server, tunnel, in the order of the classic table; the machine itself stands between the last two.
    let port = stage.first_port;
    let rows = stage.rows(&label);
    let server_port = rows[1].split(';').nth(2).unwrap().to_string();
    let expected = [
        format!("{label};VNC;;CLIENT"),
        format!("{label};VNC;{server_port};SERVER"),
        format!("{label};SSH(VNC);{port};TUNNEL"),
    ];
    assert_eq!(rows, expected);
    let listing = stage.ctys(&["-a", "list", "localhost"]).ok();
    let sides: Vec<&str> = listing
        .lines()
        .filter(|line| line.contains(&label) || line.contains("|PM "))
        .map(|line| line.split('|').nth(4).unwrap().trim())
        .collect();
    assert_eq!(sides, ["C", "S", "S", "T"], "{listing}");

    // What runs is not started twice; it is shown once more, or in the place of the viewers that are there.
    let said = stage.ctys(&call).fails(5);
    assert!(said.contains("runs already") && said.contains("REUSE"), "{said}");
    let server = processes(&["Xtigervnc", &label]);
    let again = |mode: &str| format!("{create},{mode}");
    stage.ctys(&["-t", "vnc", "-a", &again("REUSE"), "-L", "CF", &host]).ok();
    let clients = |rows: &[String]| rows.iter().filter(|row| row.ends_with(";CLIENT")).count();
    assert_eq!(clients(&stage.rows(&label)), 2);
    stage.ctys(&["-t", "vnc", "-a", &again("RECONNECT"), "-L", "CF", &host]).ok();
    assert_eq!(clients(&stage.rows(&label)), 1);
    assert_eq!(processes(&["Xtigervnc", &label]), server, "the server was touched");

    // The viewer goes, and its tunnel with it; then the server.
    stage.ctys(&["-t", "vnc", "-a", &format!("cancel=l:{label},CLIENT"), "localhost"]).ok();
    until("the tunnels close behind their viewers", || (stage.rows(&label).len() == 1).then_some(()));
    let said = stage.ctys(&["-t", "vnc", "-a", &format!("cancel=l:{label},SERVER"), &host]).ok();
    assert!(said.contains(&format!("ended {label}")), "{said}");
    assert_eq!(stage.rows(&label), Vec::<String>::new());
    assert_eq!(stage.tunnel_log(), "");
}

#[test]
fn without_l_the_viewer_runs_beside_the_server_and_its_window_comes_here() {
    let mut stage = Stage::new();
    let (label, session) = (stage.label("d"), stage.session());
    let host = stage.bed.hosts[0].clone();
    let create = format!("create=l:{label},WM:{}", session.display());
    stage.ctys(&["-t", "vnc", "-a", &create, "-r", "320x240", &host]).ok();
    let home = stage.bed.path("home");
    let (display, title) = (server_display(&label), format!("{label} - TigerVNC"));
    until("the forwarded window shows what the server has", || {
        let server = Picture::take(&display, &home, None)?;
        let viewer = Picture::take(&stage.display, &home, Some(&title))?;
        (server.share(RED) > 0.05 && viewer.likeness(&server) > 0.999).then_some(())
    });
    let sides: Vec<String> = stage.rows(&label).iter().map(|row| row.rsplit(';').next().unwrap().into()).collect();
    assert_eq!(sides, ["CLIENT", "SERVER"], "there is no tunnel");
    let said = stage.ctys(&["-t", "vnc", "-a", &format!("cancel=l:{label}"), &host]).ok();
    assert_eq!(said.lines().count(), 2, "viewer and server: {said}");
    assert_eq!(stage.rows(&label), Vec::<String>::new());
}

#[test]
fn a_viewer_that_fails_at_once_says_why_and_leaves_no_tunnel() {
    let mut stage = Stage::new();
    let (label, session) = (stage.label("f"), stage.session());
    let host = stage.bed.hosts[0].clone();
    let create = format!("create=l:{label},WM:{},CONSOLE:none", session.display());
    stage.ctys(&["-t", "vnc", "-a", &create, &host]).ok();
    let connect = format!("create=l:{label},CONNECT");
    let without_screen = |location: &str| {
        let mut call = stage.command(&["-t", "vnc", "-a", &connect, "-L", location, &host]);
        Outcome::of(call.env("DISPLAY", ":4711")).fails(5)
    };
    for location in ["CF", "DF"] {
        let said = without_screen(location);
        assert!(said.contains(&label) && said.contains("Can't open display"), "{location}: {said}");
    }
    assert_eq!(processes(&["ctys-tunnel", &label]), []);
    let mut call = stage.command(&["-t", "vnc", "-a", &connect, "-L", "CF", &host]);
    let said = Outcome::of(call.env("CTYS_VNC_VIEWER", stage.bed.path("no-viewer"))).fails(5);
    assert!(said.contains("no VNC viewer is there"), "{said}");
    // Without any display nothing is even started.
    let other = stage.label("g");
    let mut call = stage.command(&["-t", "vnc", "-a", &format!("create=l:{other}"), &host]);
    let said = Outcome::of(call.env_remove("DISPLAY")).fails(2);
    assert!(said.contains("nothing was started"), "{said}");
    assert_eq!(stage.rows(&other), Vec::<String>::new());
}

#[test]
fn many_desktops_at_once_and_all_of_a_label_and_no_other_are_ended() {
    let mut stage = Stage::new();
    let (stem, session) = (stage.label("b"), stage.session());
    let labels: Vec<String> = (0..2).map(|n| stage.label(&format!("b{n:03}"))).collect();
    let host = stage.bed.hosts[0].clone();
    let create = format!("create=l:{stem},BULK:2,WM:{},CONSOLE:none", session.display());
    let said = stage.ctys(&["-t", "vnc", "-a", &create, &host]).ok();
    assert_eq!(said.matches("started").count(), 2, "{said}");
    let said = stage.ctys(&["-t", "vnc", "-a", &format!("cancel=l:{stem}"), &host]).fails(5);
    assert!(said.contains("nothing was ended"), "{said}");
    assert_eq!(stage.rows(&stem).len(), 2, "a label is whole or it is none");
    stage.ctys(&["-t", "vnc", "-a", &format!("cancel=l:{},POWEROFF:5", labels[0]), &host]).ok();
    let port = stage.ctys(&["-t", "vnc", "-a", &format!("getclientport={}", labels[1]), &host]).ok();
    let rows = stage.rows(&stem);
    assert_eq!(rows.len(), 1);
    assert!(port.trim_end().ends_with(rows[0].split(';').nth(2).unwrap()), "{port} {rows:?}");
    stage.ctys(&["-t", "vnc", "-a", &format!("cancel=l:{}", labels[1]), &host]).ok();
}

#[test]
fn two_hundred_tunnels_leave_nothing() {
    let mut stage = Stage::new();
    let label = stage.label("w");
    let before = left_behind(&stage, &label);
    for round in 0..20 {
        let ports: Vec<u16> =
            (0..10).map(|nth| open(&stage, &label, &stage.bed.hosts[nth % 2], stage.service)).collect();
        let expected: Vec<u16> = (stage.first_port..).take(10).collect();
        assert_eq!(ports, expected, "the lowest ports that are free");
        assert_eq!(stage.rows(&label).len(), 10);
        if round % 2 == 0 {
            // The last client of each goes.
            for port in &ports {
                assert_eq!(greeting(*port), "hello", "the tunnel carries what the service says");
            }
            until("tunnels close when their last client has gone", || {
                processes(&["ctys-tunnel", &label]).is_empty().then_some(())
            });
        } else {
            let cancel = format!("cancel=l:{label}");
            let said = stage.ctys(&["-t", "digger", "-A", "1", "-a", &cancel, "localhost"]).ok();
            assert_eq!(said.matches("closed").count(), 10, "{said}");
            // One that is closed has no listener the moment CANCEL says so.
            until("closed ports are free", || ports.iter().all(|port| greeting_error(*port)).then_some(()));
        }
    }
    until("nothing is left of 200 tunnels", || (left_behind(&stage, &label) == before).then_some(()));
    assert_eq!(stage.tunnel_log(), "");
}

#[test]
fn whatever_part_of_a_tunnel_is_killed_the_others_go() {
    let mut stage = Stage::new();
    let label = stage.label("k");
    let host = stage.bed.hosts[0].clone();
    let before = left_behind(&stage, &label);
    // The keeper; its ssh; the far side's process of this very login.
    for part in ["ctys-tunnel", "ssh", "sshd"] {
        let port = open(&stage, &label, &host, stage.service);
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut greeting = [0; 5];
        client.read_exact(&mut greeting).unwrap();
        let (keeper, args) = processes(&["ctys-tunnel", &label]).remove(0);
        let ssh: u32 = args.split("ssh=").nth(1).unwrap().trim().parse().unwrap();
        kill(match part {
            "ctys-tunnel" => keeper,
            "ssh" => ssh,
            _ => far_side_of(ssh),
        });
        // Whoever was connected is told so by the end of the connection, and the table is right at the next look.
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest);
        until(part, || (left_behind(&stage, &label) == before).then_some(()));
        assert_eq!(stage.rows(&label), Vec::<String>::new(), "{part}");
    }
    let log = stage.tunnel_log();
    assert_eq!(log.lines().count(), 2, "the keeper cannot tell of its own end: {log}");
    assert!(log.lines().all(|line| line.contains(&label) && line.contains("ssh ended")), "{log}");
    let mode = fs::metadata(stage.bed.path("state/ctys/tunnels.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_tunnel_that_nobody_uses_closes_and_one_that_cannot_be_opened_says_why() {
    let mut stage = Stage::new();
    let label = stage.label("n");
    let host = stage.bed.hosts[0].clone();
    let create = format!("create=l:{label},PORT:{}", stage.service);
    let mut call = stage.command(&["-t", "digger", "-a", &create, &host]);
    Outcome::of(call.env("CTYS_DIGGER_SSH_ONESHOT_TIMEOUT", "1")).ok();
    until("nobody came", || stage.rows(&label).is_empty().then_some(()));
    for (host, code, part) in [("refusing", 4, "refused"), ("unknown", 4, "host key"), ("stranger", 4, "login")] {
        let said = stage.ctys(&["-t", "digger", "-a", &create, host]).fails(code);
        assert!(said.contains(host) && said.to_lowercase().contains(part), "{said}");
    }
    // Through the jump host of the configuration, and by ProxyCommand.
    for host in ["jumped", "proxied"] {
        let port = open(&stage, &label, host, stage.service);
        assert_eq!(greeting(port), "hello", "{host}");
    }
    // A connection that the far side refuses is told of in the log; the tunnel itself is there.
    let refused = open(&stage, &label, &host, 1);
    assert_eq!(greeting(refused), "");
    until("the log tells of it", || stage.tunnel_log().contains("open failed").then_some(()));
    let said = stage.ctys(&["-t", "digger", "-a", &create, "localhost"]).fails(1);
    assert!(said.contains("another machine"), "{said}");
}

/// Opens a tunnel by a call; its port.
fn open(stage: &Stage, label: &str, host: &str, port: u16) -> u16 {
    let create = format!("create=l:{label},PORT:{port}");
    let said = stage.ctys(&["-t", "digger", "-a", &create, host]).ok();
    let port = said.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next());
    port.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
}

/// What the other end says first.
fn greeting(port: u16) -> String {
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut said = [0; 5];
    let count = client.read(&mut said).unwrap_or(0);
    String::from_utf8_lossy(&said[..count]).into_owned()
}

fn greeting_error(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

/// Everything of ours that a tunnel could leave: processes, files, listeners.
fn left_behind(stage: &Stage, label: &str) -> (Vec<u32>, Vec<String>, Vec<String>) {
    let config = stage.bed.config.display().to_string();
    let mut ours: Vec<u32> = processes(&["ssh ", &config]).into_iter().map(|(pid, _)| pid).collect();
    // Tests side by side have tunnels of their own.
    ours.extend(processes(&["ctys-tunnel", label]).into_iter().map(|(pid, _)| pid));
    let mut files = Vec::new();
    let mut folders = vec![stage.bed.path("state"), stage.bed.path("caller")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                // What went wrong and what was changed is to be read later; it grows with every part that is killed or ended.
                false if ["tunnels.log", "audit.log"].iter().any(|log| entry.file_name() == *log) => {}
                false => files.push(entry.path().display().to_string()),
            }
        }
    }
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let ports = stage.first_port..stage.first_port + 300;
    let listeners = table.lines().skip(1).filter(|line| {
        let mut words = line.split_whitespace().skip(1);
        let port = words.next().unwrap().rsplit(':').next().map(|port| u16::from_str_radix(port, 16).unwrap());
        words.nth(1) == Some("0A") && ports.contains(&port.unwrap())
    });
    (ours, files, listeners.map(str::to_string).collect())
}

/// The process of sshd at the other end of this ssh, by the ports of their connection.
///
/// ```text
///   sl  local_address rem_address   st ... inode
///    3: 0100007F:C2A8 0101027F:1F90 01 ... 81290
/// ```
fn far_side_of(ssh: u32) -> u32 {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let rows: Vec<(&str, &str, &str)> = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words[3] == "01")
        .map(|words| (words[1], words[2], words[9]))
        .collect();
    let sockets = |pid: u32| -> Vec<String> {
        let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        links.filter_map(|link| Some(fs::read_link(link.path()).ok()?.display().to_string())).collect()
    };
    let holds = |pid: u32, inode: &str| sockets(pid).contains(&format!("socket:[{inode}]"));
    let own = rows.iter().filter(|(_, _, inode)| holds(ssh, inode));
    let far: Vec<&str> = own
        .filter_map(|(local, remote, _)| rows.iter().find(|row| (row.0, row.1) == (*remote, *local)).map(|row| row.2))
        .collect();
    let mut ends = processes(&["sshd"]).into_iter().map(|(pid, _)| pid);
    ends.find(|pid| far.iter().any(|inode| holds(*pid, inode))).expect("the far side of the login")
}

/// The display that the server of a label has.
fn server_display(label: &str) -> String {
    let (_, args) = processes(&["Xtigervnc :", label]).remove(0);
    args.split(' ').nth(1).unwrap().to_string()
}
