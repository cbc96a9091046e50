//! Consoles of dom0 for cubes: a login, then any cube; without any network.

use crate::bed::{Bed, ip, until};
use crate::sealed::executable;
use crate::terminal::Terminal;
use crate::user::{self, HASH, PASSWORD, inside, kill_server, server};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
    answered(terminal, PASSWORD, "~ # ");
    typed_until(terminal, "echo in \"$(hostname)\"", "\nin this-is-dom0");
}

/// Answers the questions of a login until this is seen at the end of a line. A login throws away what is typed right behind its
/// question: then it is answered again.
#[track_caller]
fn answered(terminal: &Terminal, password: &str, text: &str) {
    let mut last: Option<(usize, Instant)> = None;
    until(text, || {
        let screen = terminal.screen();
        let lines: Vec<&str> = screen.trim_end_matches('\n').lines().collect();
        if lines.iter().any(|line| line.ends_with(text)) {
            return true;
        }
        let Some(question) = lines.last().map(|line| line.trim_end()) else { return false };
        let answer = match question {
            _ if question.ends_with("login:") => "root",
            "Password:" => password,
            _ => return false,
        };
        if last.is_none_or(|(at, when)| at != lines.len() || when.elapsed() > Duration::from_secs(8)) {
            last = Some((lines.len(), Instant::now()));
            terminal.line(answer);
        }
        std::thread::sleep(Duration::from_millis(100));
        false
    });
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
    answered(&terminal, "wrong", "Login incorrect");
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

/// The terminal of the cube is as it was.
#[track_caller]
fn is_usual(terminal: &Terminal, number: u32) {
    terminal.line(&format!("echo $(stty -a | grep -o ' icanon\\| echo ' | wc -l) usual {number}."));
    terminal.wait_for(&format!("\n2 usual {number}."));
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
    is_usual(&terminal, 1);
    assert!(terminal.screen().contains("console connection exited with: 6"), "{}", terminal.screen());
    // The key leaves at once, whatever runs there.
    terminal.line("clear; cube-console db; echo left $?.");
    terminal.wait_for("\n/ # ");
    terminal.line("sleep 501");
    until("the command", || runs("sleep 501"));
    terminal.keys("C-\\");
    terminal.wait_for("\nleft 0.");
    until("its end", || !runs("sleep 501"));
    is_usual(&terminal, 2);
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
    is_usual(&terminal, 3);
    bed.ctl(["start", "db"]).silent();
    terminal.line("clear; cube-console db; echo status $?.");
    typed_until(&terminal, "echo re\"\"ady.", "\nready.");
    kill_server(&bed);
    terminal.wait_for("\nstatus 255.");
    is_usual(&terminal, 4);
    assert_eq!(bed.status("db"), "running");
}

/// Starts the server by hand, as a host of its own name in which this has been done before.
fn serve(bed: &Bed, before: &str) -> Child {
    let program = bed.folder.join("bin/cube-cmd");
    let script = format!("hostname the-host && {before} && exec {} --server", program.display());
    let mut server = Command::new("unshare");
    bed.environment(&mut server);
    server.args(["--mount", "--uts", "sh", "-c", &script]).stdin(Stdio::null()).stderr(Stdio::null());
    let server = server.spawn().unwrap();
    until("the server", || user::server(bed).is_some());
    server
}

#[test]
fn a_login_that_hangs_its_terminal_up_is_waited_for() {
    let bed = Bed::new();
    user::cube(&bed, "web", SLEEP);
    // As login of util-linux does it; the one of Debian 12 does not.
    let login = bed.folder.join("login");
    let program = "#!/usr/bin/perl\n$SIG{HUP} = 'IGNORE'; $tty = readlink '/proc/self/fd/0';\n\
        close STDIN; close STDOUT; close STDERR; $failed = syscall(153); select undef, undef, undef, 0.5;\n\
        open STDIN, '<', $tty; open STDOUT, '>', $tty; $| = 1;\n\
        print $failed ? 'no hangup' : 'anew login: '; print 'hello ', scalar <STDIN>; exit 3;\n";
    executable(&login, program);
    let mut server = serve(&bed, &format!("mount --bind {} /bin/login", login.display()));
    bed.ctl(["start", "web"]).silent();
    let terminal = terminal(&bed, "web");
    terminal.line("cube-console dom0; echo status $?.");
    terminal.wait_for("anew login:");
    terminal.line("you");
    terminal.wait_for("hello you");
    terminal.wait_for("status 3.");
    kill_server(&bed);
    server.wait().unwrap();
}

#[test]
fn where_dom0_is_the_host_the_login_is_the_hosts() {
    let bed = Bed::new();
    user::cube(&bed, "web", SLEEP);
    // The server stands in namespaces in which the host has another name and another password.
    let shadow = bed.folder.join("shadow");
    fs::write(&shadow, format!("root:{HASH}:19000:0:99999:7:::\n")).unwrap();
    let mut server = serve(&bed, &format!("mount --bind {} /etc/shadow", shadow.display()));
    bed.ctl(["start", "web"]).silent();
    let terminal = terminal(&bed, "web");
    terminal.line("cube-console dom0; echo status $?.");
    terminal.wait_for("the-host login:");
    answered(&terminal, "wrong", "Login incorrect");
    answered(&terminal, PASSWORD, "~# ");
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
    // The command over there reads what is typed until it has ended: the next line is for the prompt after it.
    terminal.wait_for("\nthis-is-web\n~ #");
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
