//! CONSOLE:VNC: what is seen in the viewer is what the guest shows, and LIST has the rows of the seed's tables. The caller
//! is a host as well, called ws2, so that its process table has nothing in it but its own.

use crate::host::{Lab, Machine, free_from, rows, until};
use crate::picture::Picture;
use crate::rfb;
use crate::screen::Screen;
use std::net::TcpStream;

const ONE: &str = "11111111-2222-4333-8444-000000000010";
const TWO: &str = "11111111-2222-4333-8444-000000000011";

/// The port of its VNC server, in QEMU's own word.
fn vnc_port(machine: &Machine) -> String {
    machine.ask("query-vnc").unwrap()["service"].as_str().unwrap().to_string()
}

/// Waits until the viewer's window has, point by point, what the server has.
#[track_caller]
fn shows(lab: &Lab, screen: &Screen, label: &str, machine: &Machine) {
    let (home, title) = (lab.home("ws2"), format!("QEMU ({label}) - TigerVNC"));
    let port: u16 = vnc_port(machine).parse().unwrap();
    until(&format!("the viewer of {label} shows what the server has"), || {
        let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let Some(server) = rfb::picture(&server, &server) else { return false };
        let Some(viewer) = Picture::take(&screen.display, &home, Some(&title)) else { return false };
        // The guest's cursor may have blinked between the two.
        server.colours() > 1 && viewer.likeness(&server) > 0.998
    });
}

#[test]
fn a_guests_own_screen_is_shown_beside_the_server_and_through_tunnels_from_5950_on() {
    let lab = Lab::start_with(&["lab00", "ws2"], "X11Forwarding yes\n");
    let screen = Screen::start();
    let words = |label, uuid| lab.configure_with("lab00", label, uuid, "console=tty0 console=ttyS0", "-vga std");
    let (one, two) = (words("tst100", ONE), words("tst101", TWO));
    let call = |line: &str| lab.typed("ws2", &screen.display, line);

    // The server there, the viewer here, a tunnel between them; it is the first one.
    let first = free_from(5950);
    call("ctys -t qemu -a create=f:vm/tst100/tst100.ctys,CONSOLE:vnc -L CF lab00").ok();
    shows(&lab, &screen, "tst100", &one);
    // Without -L both are there, and the window comes here. The same with -L DF.
    call("ctys -t qemu -a create=l:tst101,CONSOLE:vnc lab00").ok();
    shows(&lab, &screen, "tst101", &two);

    let cells = |cells: [&str; 6]| cells.map(String::from).to_vec();
    let (first_text, ports) = (first.to_string(), [vnc_port(&one), vnc_port(&two)]);
    assert!(ports.iter().all(|port| port.starts_with("59")), "{ports:?}");
    let table = call("ctys -a list=macro:TAB_CPORT localhost lab00").ok();
    let pm = |name: &str, row: &Vec<String>| row[1] == "PM" && row[3] == name;
    let found = rows(&table);
    let wanted = [
        cells(["tst100", "VNC", "", "ws2", "", ""]),
        // The column of the table has eight characters.
        cells(["tst100", "SSH(QEMU", &first_text, "ws2", "", ""]),
        cells(["tst101", "VNC", "", "lab00", "", ""]),
        cells(["tst100", "QEMU", &ports[0], "lab00", "52:54:00:00:00:10", ""]),
        cells(["tst101", "QEMU", &ports[1], "lab00", "52:54:00:00:00:11", ""]),
    ];
    let sessions: Vec<Vec<String>> = found.iter().filter(|row| row[1] != "PM").cloned().collect();
    assert_eq!(sessions, wanted, "{table}");
    // Where the hosts themselves stand: between desktop and tunnel, and after the machines.
    let place = |name: &str| found.iter().position(|row| pm(name, row));
    assert_eq!((place("ws2"), place("lab00")), (Some(1), Some(found.len() - 1)), "{table}");

    // Which side each of them is on, and that the tunnel is the caller's alone.
    let sides = |targets: &str| -> Vec<String> {
        let table = call(&format!("ctys -a list {targets}")).ok();
        rows(&table).into_iter().map(|row| if row[3] == "PM" { "PM".into() } else { row[2..5].join(" ") }).collect()
    };
    assert_eq!(sides("localhost"), ["tst100 VNC C", "PM", "tst100 SSH(QEMU T"]);
    assert_eq!(sides("lab00"), ["tst101 VNC C", "tst100 QEMU S", "tst101 QEMU S", "PM"]);

    // A second tunnel has the next port; the first one stays. Connecting starts nothing.
    let second = free_from(first + 1).to_string();
    call("ctys -t qemu -a create=l:tst101,CONSOLE:vnc,connect -L CF lab00").ok();
    let table = call("ctys -t digger -a list=macro:TAB_CPORT localhost").ok();
    let tunnels: Vec<[String; 2]> = rows(&table).iter().map(|row| [row[0].clone(), row[2].clone()]).collect();
    assert_eq!(tunnels, [["tst100".to_string(), first_text], ["tst101".to_string(), second]], "{table}");
    assert_eq!((one.status().as_str(), two.status().as_str()), ("running", "running"));

    // The machines go, and with them their viewers, and with those the tunnels.
    call("ctys -t qemu -a cancel=ALL,POWEROFF:0 lab00").ok();
    until("nothing is left on either host", || {
        sides("localhost") == ["PM"] && sides("lab00") == ["PM"] && free_from(first) == first
    });
}
