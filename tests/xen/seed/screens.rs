//! CONSOLE:VNC, by the VNC servers that Xen gives its domains, and LIST with clients, servers and tunnels. The caller is a
//! host as well, called ws2, so that its process table has nothing in it but its own. One scene for all calls, as each
//! domain takes its time: both paint their frame buffers, of which tst101 has one for once.

use super::Lab;
use crate::dom0::Dom0;
use crate::picture::Picture;
use crate::qemu::{Lab as Hosts, free_from, rows, until};
use crate::rfb;
use crate::screen::Screen;
use std::process::{Command, Stdio};

/// The files of both machines, as they are wanted here, until this goes.
struct Configured<'a>(&'a Dom0);

impl Configured<'_> {
    fn new(dom0: &Dom0) -> Configured<'_> {
        dom0.ssh(
            "for home in /root /home/acue; do cd $home/xen/tst-ctys && \
               cp -p tst100/tst100.conf /tmp/100.was && cp -p tst101/tst101.conf /tmp/101.was && \
               sed -i 's/addr=192/screen &/' tst100/tst100.conf tst101/tst101.conf && \
               echo 'vfb = [ \"type=vnc,vnc=1,vncunused=1,vnclisten=127.0.0.1\" ]' >>tst101/tst101.conf || exit 1; \
             done",
        );
        Configured(dom0)
    }
}

impl Drop for Configured<'_> {
    fn drop(&mut self) {
        // All accounts have the same files.
        let back = "for home in /root /home/acue; do cd $home/xen/tst-ctys; \
                    cat /tmp/100.was >tst100/tst100.conf; cat /tmp/101.was >tst101/tst101.conf; done";
        let _ = self.0.ssh_as("root", back);
    }
}

/// The port of a domain's VNC server, in Xen's own word.
fn vnc_port(dom0: &Dom0, name: &str) -> String {
    dom0.ssh(&format!("xenstore-read /local/domain/$(xl domid {name})/console/vnc-port")).trim().to_string()
}

/// What its server has on the screen, by a connection of the test's own.
fn of_server(dom0: &Dom0, port: &str) -> Option<Picture> {
    let mut ssh = Command::new("ssh")
        .arg("-F")
        .arg(&dom0.config)
        .args(["-W", &format!("127.0.0.1:{port}"), &dom0.name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let picture = rfb::picture(ssh.stdout.take().unwrap(), ssh.stdin.take().unwrap());
    let _ = ssh.kill();
    let _ = ssh.wait();
    picture
}

#[test]
fn l190_l199_l208_l228_l537_viewers_beside_the_server_and_here_with_the_tables_of_the_seed() {
    let lab = Lab::with(&[]);
    let _configured = Configured::new(&lab.dom0);
    let hosts = Hosts::start(&["ws2", "lab02"]);
    let screen = Screen::start();
    hosts.know(&std::fs::read_to_string(&lab.config).unwrap());
    // The names of machines are known by their hardware addresses, as in the seed.
    let names = "tst100;00:50:56:13:11:40;192.168.1.220\ntst101;00:50:56:13:11:41;192.168.1.221\n";
    hosts.of_caller(".ctys/db/default/macmap.fdb", names);
    let call = |line: &str| hosts.typed("ws2", &screen.display, line);
    let shows = |name: &str| {
        let (port, title) = (vnc_port(&lab.dom0, name), format!("QEMU ({name}) - TigerVNC"));
        until(&format!("the viewer of {name} shows what the server has"), || {
            let viewer = Picture::take(&screen.display, &hosts.home("ws2"), Some(&title));
            let Some(viewer) = viewer.filter(|viewer| viewer.colours() > 1) else { return false };
            of_server(&lab.dom0, &port).is_some_and(|server| viewer.likeness(&server) > 0.998)
        });
        port
    };

    // The server there, the viewer here, the first tunnel between them.
    let first = free_from(5950).to_string();
    call(
        "ctys -t xen \
         -a create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:vnc \
         -L CF \
         lab00'(-Z KSU)'",
    )
    .ok();
    assert_eq!(lab.dom0.names(), ["tst100"]);
    lab.dom0.wait_up("tst100");
    let one = shows("tst100");
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_string()).collect::<Vec<_>>();
    let here = ["ws2|-|tst100|VNC|C|root|root", "ws2||ws2|PM|S|-|-", "ws2|-|tst100|SSH(XEN)|T|root|root"].map(cells);
    let table = call("ctys -a list").ok();
    assert_eq!(rows(&table), here, "{table}");

    // Without -L the viewer runs beside the server, and no tunnel is made.
    call(
        "ctys -t xen \
         -a create=f:xen/tst-ctys/tst101/tst101.conf,CONSOLE:vnc \
         lab00'(-Z KSU)'",
    )
    .ok();
    lab.dom0.wait_up("tst101");
    let two = shows("tst101");
    let there = [
        "lab00.soho|-|tst101|VNC|C|acue|ldapusers",
        "lab00.soho|-|Domain-0|XEN|S|-|-",
        "lab00.soho|tst100|tst100|XEN|S|-|-",
        "lab00.soho|tst101|tst101|XEN|S|-|-",
        "lab00.soho||lab00|PM|S|-|-",
    ];
    let table = call("ctys -a list localhost root@lab00").ok();
    assert_eq!(rows(&table), [&here[..], &there.map(cells)].concat(), "{table}");

    // With its ports; and a host with QEMU in the same table, by the same call.
    let uuid = "11111111-2222-4333-8444-000000000020";
    hosts.configure("lab02", "tst300", uuid, "");
    call("ctys -t qemu -a create=l:tst300,CONSOLE:none lab02").ok();
    let wanted = [
        "tst100|VNC||ws2||",
        "ws2|PM||ws2",
        &format!("tst100|SSH(XEN)|{first}|ws2||"),
        "tst101|VNC||lab00.soho||",
        "Domain-0|XEN||lab00.soho||",
        &format!("tst100|XEN|{one}|lab00.soho|00:50:56:13:11:40|"),
        &format!("tst101|XEN|{two}|lab00.soho|00:50:56:13:11:41|"),
        "lab00|PM||lab00.soho",
        "tst300|QEMU||lab02|52:54:00:00:00:20|",
        "lab02|PM||lab02",
    ]
    .map(cells);
    let table = call("ctys -a list=macro:TAB_CPORT localhost root@lab00 lab02").ok();
    assert_eq!(rows(&table), wanted, "{table}");
    let table = call("ctys -a list=macro:TAB_CPORT localhost root@lab00").ok();
    assert_eq!(rows(&table), wanted[..8], "{table}");

    // Both kinds of machines end by one call; the viewers follow them, and the tunnel its viewer.
    call("ctys -t xen -a cancel=ALL,POWEROFF:0 root@lab00").ok();
    assert_eq!(lab.dom0.names(), [""; 0]);
    until("viewer and tunnel have gone", || rows(&call("ctys -a list").ok()) == [here[1].clone()]);
}

#[test]
fn l267_resume_with_a_viewer() {
    let lab = Lab::with_up(&["tst100"]);
    let hosts = Hosts::start(&["ws2"]);
    let screen = Screen::start();
    hosts.know(&std::fs::read_to_string(&lab.config).unwrap());
    lab.call("ctys -t xen -a cancel=l:tst100,SUSPEND lab01").ok();
    assert_eq!(lab.dom0.names(), [""; 0]);
    hosts
        .typed(
            "ws2",
            &screen.display,
            "ctys -t xen \
             -a create=l:tst100,RESUME,CONSOLE:VNC \
             lab01",
        )
        .ok();
    lab.dom0.wait_up("tst100");
    let title = "QEMU (tst100) - TigerVNC";
    until("its window is here", || Picture::take(&screen.display, &hosts.home("ws2"), Some(title)).is_some());
}
