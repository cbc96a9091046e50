//! Consoles of dom0 for cubes: a login, then any cube; without any network.

use crate::bed::{Bed, ip, until};
use crate::terminal::Terminal;
use crate::user::{self, PASSWORD, inside, kill_server, server};
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

const SLEEP: &str = "/bin/sleep 1000";

/// `web` and `dom0` with the tools, `db` without; all run.
fn three(bed: &Bed) {
    user::cube(bed, "web", SLEEP);
    user::cube(bed, "dom0", SLEEP);
    bed.cube("db", SLEEP);
    fs::write(bed.file("db", "rootfs/etc/hostname"), "this-is-db\n").unwrap();
    for name in ["db", "dom0", "web"] {
        bed.ctl(["start", name]).silent();
    }
}

/// A terminal with a shell in this cube.
fn terminal(bed: &Bed, name: &str) -> Terminal {
    let terminal = Terminal::start(bed);
    terminal.line(&user::shell(bed, name));
    terminal.wait_for(&format!("\n{name}> "));
    terminal
}

/// Logs in at the console of dom0.
fn log_in(terminal: &Terminal) {
    terminal.line("cube-console dom0; echo status $?.");
    terminal.wait_for("this-is-dom0 login:");
    terminal.line("root");
    terminal.wait_for("Password:");
    terminal.line(PASSWORD);
    typed_until(terminal, "echo in \"$(hostname)\"", "\nin this-is-dom0");
}

/// Types a line until this is seen: a login throws away what was typed before its shell listens.
fn typed_until(terminal: &Terminal, line: &str, text: &str) {
    until(text, || {
        terminal.line(line);
        std::thread::sleep(Duration::from_millis(500));
        terminal.screen().contains(text)
    });
}

#[test]
fn from_a_cube_one_logs_into_dom0_and_goes_on_from_there() {
    let bed = Bed::new();
    three(&bed);
    // There is no network in any of them.
    assert_eq!(inside(&bed, "web", &["ls", "/sys/class/net"]).ok(), "lo\n");
    let terminal = terminal(&bed, "web");
    terminal.line("cube-console dom0");
    terminal.wait_for("this-is-dom0 login:");
    terminal.line("root");
    terminal.wait_for("Password:");
    terminal.line("wrong");
    terminal.wait_for("Login incorrect");
    assert!(!terminal.screen().contains(PASSWORD));
    terminal.keys("C-\\");
    terminal.wait_for("login: web> ");
    terminal.line("clear");
    log_in(&terminal);
    assert!(!terminal.screen().contains(PASSWORD));
    terminal.line("cube-console db; echo back $?.");
    terminal.wait_for("\n/ # ");
    terminal.line("echo at \"$(hostname) $(cat /proc/1/cmdline | tr '\\0' '+')\"; tty; exit 4");
    terminal.wait_for("\nback 4.");
    assert!(terminal.screen().contains("\nat this-is-db /bin/sleep+1000+\n"), "{}", terminal.screen());
    terminal.line("exit");
    terminal.wait_for("\nstatus 0.");
    terminal.line("echo at \"$(hostname)\"; stty -a | grep -o ' icanon'");
    terminal.wait_for("\nat this-is-web\n icanon");
}

#[test]
fn the_terminal_of_a_console_over_the_channel_is_a_real_one() {
    let bed = Bed::new();
    three(&bed);
    let terminal = terminal(&bed, "dom0");
    terminal.line("cube-console -v db; echo status $?.");
    terminal.wait_for("\n/ # ");
    terminal.line("stty size");
    terminal.wait_for("\n50 120");
    terminal.resize(100, 40);
    until("the new size", || {
        terminal.line("stty size");
        terminal.screen().contains("\n40 100")
    });
    let runs = |command: &str| bed.ctl(["db:ps"]).text().lines().any(|line| line.ends_with(command));
    terminal.line("sleep 500; echo ended $?.");
    until("the command", || runs("sleep 500"));
    terminal.keys("C-c");
    until("its end", || !runs("sleep 500"));
    terminal.line("exit 6");
    terminal.wait_for("\nstatus 6.");
    assert!(terminal.screen().contains("console connection exited with: 6"), "{}", terminal.screen());
    // The key leaves at once, whatever runs there.
    terminal.line("clear; cube-console db; echo left $?.");
    terminal.wait_for("\n/ # ");
    terminal.line("sleep 501");
    until("the command", || runs("sleep 501"));
    terminal.keys("C-\\");
    terminal.wait_for("\nleft 0.");
    until("its end", || !runs("sleep 501"));
    // Without it, it is typed over there.
    terminal.line("clear; cube-console --notraps db; echo left $?.");
    terminal.wait_for("\n/ # ");
    terminal.line("sleep 502; echo ended $?.");
    until("the command", || runs("sleep 502"));
    terminal.keys("C-\\");
    terminal.wait_for("\nended 131.");
    // The cube is stopped meanwhile, then the server.
    bed.ctl(["stop", "db"]).silent();
    terminal.wait_for("left 137.");
    bed.ctl(["start", "db"]).silent();
    terminal.line("clear; cube-console db; echo status $?.");
    typed_until(&terminal, "echo re\"\"ady.", "\nready.");
    kill_server(&bed);
    terminal.wait_for("\nstatus 255.");
    terminal.line("clear; stty -a | grep -o ' icanon'; stty -a | grep -o ' echo '");
    terminal.wait_for(" icanon\n echo ");
    assert_eq!(bed.status("db"), "running");
}

#[test]
fn where_dom0_is_the_host_the_login_is_the_hosts() {
    let bed = Bed::new();
    user::cube(&bed, "web", SLEEP);
    // The server stands in namespaces in which the host has another name and another password.
    let shadow = bed.folder.join("shadow");
    let hash = Command::new("openssl").args(["passwd", "-6", PASSWORD]).output().unwrap();
    fs::write(&shadow, format!("root:{}:19000:0:99999:7:::\n", String::from_utf8(hash.stdout).unwrap().trim()))
        .unwrap();
    let script = format!(
        "hostname the-host && mount --bind {} /etc/shadow && exec {} --server",
        shadow.display(),
        bed.folder.join("bin/cube-cmd").display()
    );
    let mut server = Command::new("unshare");
    bed.environment(&mut server);
    server.args(["--mount", "--uts", "sh", "-c", &script]).stdin(Stdio::null()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    until("the server", || user::server(&bed).is_some());
    bed.ctl(["start", "web"]).silent();
    let terminal = terminal(&bed, "web");
    terminal.line("cube-console dom0; echo status $?.");
    terminal.wait_for("the-host login:");
    terminal.line("root");
    terminal.wait_for("Password:");
    terminal.line("wrong");
    terminal.wait_for("Login incorrect");
    until("the question again", || terminal.screen().matches("the-host login:").count() == 2);
    terminal.line("root");
    until("the second question", || terminal.screen().matches("Password:").count() == 2);
    terminal.line(PASSWORD);
    typed_until(&terminal, "echo in \"$(hostname)\" $$", "\nin the-host ");
    terminal.line("exit");
    terminal.wait_for("\nstatus 0.");
    kill_server(&bed);
    server.wait().unwrap();
}

#[test]
fn the_console_does_not_lean_on_the_bridge() {
    let bed = Bed::with_network();
    user::cube(&bed, "web", SLEEP);
    user::cube(&bed, "dom0", SLEEP);
    bed.ctl(["start", "dom0"]).silent();
    bed.ctl(["start", "web"]).silent();
    let (_, segment) = bed.networks.clone().unwrap();
    ip(&["-n", &segment, "link", "set", "br-int", "down"]);
    let terminal = terminal(&bed, "web");
    log_in(&terminal);
    terminal.line("cube-ctl web:hostname");
    terminal.wait_for("\nthis-is-web");
    terminal.line("exit");
    terminal.wait_for("\nstatus 0.");
}

#[test]
fn the_own_terminal_of_a_cube_does_not_lean_on_the_server() {
    let bed = Bed::new();
    user::cube(&bed, "dom0", SLEEP);
    bed.cube("talk", "/bin/sh -c 'echo first words; while read line; do echo \"heard $line\"; done'");
    bed.set("talk", "cube.console.mgr", "tty");
    bed.ctl(["start", "dom0"]).silent();
    bed.ctl(["start", "talk"]).silent();
    // Over the channel, too, what was said before comes first.
    let terminal = terminal(&bed, "dom0");
    terminal.line("cube-console --own talk; echo left $?.");
    terminal.wait_for("first words");
    terminal.line("good day");
    terminal.wait_for("heard good day");
    let pid = bed.pid("talk");
    kill_server(&bed);
    terminal.wait_for("\nleft 255.");
    assert_eq!((bed.status("talk").as_str(), bed.pid("talk")), ("running", pid));
    let here = Terminal::start(&bed);
    here.line("cube-console --own talk; echo left $?.");
    here.wait_for("heard good day");
    here.line("still here");
    here.wait_for("heard still here");
    here.keys("C-\\");
    here.wait_for("\nleft 0.");
    assert_eq!((bed.status("talk").as_str(), server(&bed)), ("running", None));
}
