//! Consoles in the caller's terminal and in windows, with relays, terminals and fake windows that are run for real.

use crate::pty::{Pty, shown};
use crate::sealed::{Outcome, Sealed};
use ctys_engine::console::{Key, relay};
use ctys_model::effect::ConsoleSocket;
use ctys_model::{Bytes, Privilege};
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// The relays: this program, and the two that travel to a host.
const RELAYS: [&str; 3] = ["ctys", "perl", "python3"];

const KEY: &[u8] = b"\x1d";

/// A machine whose serial line is a socket.
struct Machine {
    folder: PathBuf,
    listener: UnixListener,
}

impl Machine {
    fn new() -> Machine {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ctys-serial-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Machine { listener: UnixListener::bind(folder.join("a line")).unwrap(), folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("a line")
    }

    /// The relay of this kind to the machine. Of interpreters it finds only its own.
    fn relay(&self, kind: &str, owner: Option<u32>) -> Command {
        let path = Bytes::from(self.socket().to_str().unwrap());
        let socket = ConsoleSocket { path, privilege: Privilege::None, owner };
        let mut command;
        if kind == "ctys" {
            command = Command::new(env!("CARGO_BIN_EXE_ctys"));
            let owner = owner.unwrap_or(0).to_string();
            command.args([relay::HIDDEN_VERB, self.socket().to_str().unwrap(), "29", &owner]);
        } else {
            let line = relay::line(&socket, Key::default(), false, &[]).unwrap();
            command = Command::new("/bin/sh");
            command.arg("-c").arg(OsString::from_vec(line));
        }
        let tools = self.folder.join("bin");
        let _ = fs::create_dir(&tools);
        for tool in [kind, "stty"] {
            let _ = std::os::unix::fs::symlink(Path::new("/usr/bin").join(tool), tools.join(tool));
        }
        command.env("PATH", &tools);
        command
    }

    /// The next connection; a relay that makes none fails the test.
    #[track_caller]
    fn accept(&self) -> UnixStream {
        self.listener.set_nonblocking(true).unwrap();
        for _ in 0..3000 {
            if let Ok((line, _)) = self.listener.accept() {
                line.set_nonblocking(false).unwrap();
                line.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                return line;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no relay connects");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn every_byte_but_the_key_goes_both_ways_and_the_terminal_is_put_back() {
    for kind in RELAYS {
        let machine = Machine::new();
        let mut pty = Pty::start(&mut machine.relay(kind, Some(std::process::id())));
        let before = pty.usual.clone();
        let mut line = machine.accept();
        pty.wait_for_settings(|settings| settings != before);
        let typed: Vec<u8> = (0..=255).filter(|byte| [*byte] != *KEY).collect();
        pty.types(&typed);
        let mut heard = vec![0; typed.len()];
        line.read_exact(&mut heard).unwrap();
        assert_eq!(shown(&heard), shown(&typed), "{kind}");
        let said: Vec<u8> = (0..=255).collect();
        line.write_all(&said).unwrap();
        assert_eq!(shown(&pty.wait_for(&said)), shown(&said), "{kind}");
        // What stands before the key is still the machine's.
        pty.types(b"last\x1dtoo late");
        let mut rest = Vec::new();
        line.read_to_end(&mut rest).unwrap();
        assert_eq!(shown(&rest), "last", "{kind}");
        let (status, _) = pty.end();
        assert!(status.success(), "{kind}: {status}");
        assert_eq!(pty.settings(), before, "{kind}");
    }
}

#[test]
fn the_key_is_seen_even_when_the_machine_takes_nothing() {
    for kind in RELAYS {
        let machine = Machine::new();
        let mut pty = Pty::start(&mut machine.relay(kind, None));
        let before = pty.usual.clone();
        let line = machine.accept();
        pty.wait_for_settings(|settings| settings != before);
        // More than any buffer of a socket holds, in pieces that a terminal takes.
        for _ in 0..4096 {
            pty.types(&[b'x'; 256]);
        }
        pty.types(KEY);
        let (status, _) = pty.end();
        assert!(status.success(), "{kind}: {status}");
        assert_eq!(pty.settings(), before, "{kind}");
        drop(line);
    }
}

#[test]
fn a_socket_that_belongs_to_another_process_gets_and_shows_nothing() {
    for kind in RELAYS {
        let machine = Machine::new();
        let other = std::process::id() + 1;
        let mut pty = Pty::start(&mut machine.relay(kind, Some(other)));
        let before = pty.usual.clone();
        let mut line = machine.accept();
        let _ = line.write_all(b"secret");
        let (status, heard) = pty.end();
        let heard = String::from_utf8_lossy(&heard).into_owned();
        assert_eq!(status.code(), Some(4), "{kind}: {heard}");
        let expected = format!("belongs to process {}, not to process {other}; nothing was sent", std::process::id());
        assert!(heard.contains(&expected) && !heard.contains("secret"), "{kind}: {heard}");
        assert_eq!(pty.settings(), before, "{kind}");
    }
}

#[test]
fn a_socket_that_is_not_there_is_named_as_the_reason() {
    for kind in RELAYS {
        let machine = Machine::new();
        fs::remove_file(machine.socket()).unwrap();
        let output = machine.relay(kind, None).stdin(Stdio::null()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout), (Some(4), Vec::new()), "{kind}: {stderr}");
        assert!(stderr.contains("does not answer: No such file or directory"), "{kind}: {stderr}");
    }
}

#[test]
fn a_machine_that_ends_ends_its_console() {
    for kind in RELAYS {
        let machine = Machine::new();
        let mut pty = Pty::start(&mut machine.relay(kind, None));
        let before = pty.usual.clone();
        let mut line = machine.accept();
        pty.wait_for_settings(|settings| settings != before);
        line.write_all(b"Power down.\r\n").unwrap();
        drop(line);
        let (status, heard) = pty.end();
        let heard = String::from_utf8_lossy(&heard).into_owned();
        assert!(status.success(), "{kind}: {status}");
        assert!(heard.starts_with("Power down.\r\n") && heard.contains("closed over there"), "{kind}: {heard:?}");
        assert_eq!(pty.settings(), before, "{kind}");
    }
}

#[test]
fn a_relay_that_is_told_to_end_puts_the_terminal_back() {
    for kind in RELAYS {
        for signal in [libc::SIGTERM, libc::SIGHUP] {
            let machine = Machine::new();
            let mut pty = Pty::start(&mut machine.relay(kind, None));
            let before = pty.usual.clone();
            let _line = machine.accept();
            pty.wait_for_settings(|settings| settings != before);
            // SAFETY: the child is ours and not yet waited for.
            unsafe { libc::kill(pty.child.id() as libc::pid_t, signal) };
            let (status, _) = pty.end();
            assert!(status.code().is_some_and(|code| code > 128), "{kind}: {status}");
            assert_eq!(pty.settings(), before, "{kind}");
        }
    }
}

#[test]
fn without_a_terminal_a_script_can_talk_to_the_machine() {
    for kind in RELAYS {
        let machine = Machine::new();
        let mut relay = machine.relay(kind, None).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = machine.accept();
        // The key is a byte like any other, and the end of the input waits for the answer.
        relay.stdin.take().unwrap().write_all(b"uname\x1d\n").unwrap();
        let mut heard = [0; 7];
        line.read_exact(&mut heard).unwrap();
        assert_eq!(shown(&heard), "uname\\x1d\\n", "{kind}");
        line.write_all(b"Linux\n").unwrap();
        let output = relay.wait_with_output().unwrap();
        assert!(output.status.success(), "{kind}");
        assert_eq!(shown(&output.stdout), "Linux\\n", "{kind}");
    }
}

#[test]
fn a_host_without_an_interpreter_says_so() {
    let machine = Machine::new();
    let output = machine.relay("no-such-interpreter", None).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("neither perl nor python3"), "{output:?}");
}

/// A lab where the login shell of every machine is this script. Something listens at each machine's address.
fn lab(shell: &str) -> Sealed {
    static SSHD: OnceLock<TcpListener> = OnceLock::new();
    let sshd = SSHD.get_or_init(|| {
        let sshd = TcpListener::bind("127.0.0.1:0").unwrap();
        // What nobody takes would fill the queue, and the next one would wait there.
        let taken = sshd.try_clone().unwrap();
        std::thread::spawn(move || taken.incoming().for_each(drop));
        sshd
    });
    let sshd = sshd.local_addr().unwrap();
    let sealed = Sealed::new();
    let mut config = String::new();
    for (host, last) in [("lab00", "71"), ("lab01", "72")] {
        sealed.host(host, host, &format!("192.168.1.{last}"), &format!("00:0e:0c:35:f8:{last}"));
        config += &format!("Host {host}\nHostName {}\nPort {}\n", sshd.ip(), sshd.port());
    }
    sealed.file("ssh_config", &config);
    sealed.tool("login-shell", shell);
    let shell = sealed.folder.join("bin/login-shell");
    sealed.with("SHELL", shell.to_str().unwrap()).with("TERM", "xterm")
}

/// `ctys` with the ssh_config of the lab, for a session of type PM.
fn command(sealed: &Sealed, kind: &str, words: &[&str]) -> Command {
    let (config, action) = (sealed.folder.join("home/ssh_config"), format!("create=connect,console:{kind}"));
    let first = ["--ssh-config", config.to_str().unwrap(), "-t", "pm", "-a", &action];
    sealed.command(&[&first[..], words].concat())
}

fn ctys(sealed: &Sealed, kind: &str, words: &[&str]) -> Outcome {
    Outcome::of(command(sealed, kind, words).output().unwrap(), format!("{kind} {}", words.join(" ")))
}

#[test]
fn a_console_in_the_terminal_is_announced_and_its_ssh_forces_a_terminal() {
    let sealed = lab("echo \"here is $HOST\"; stty raw -echo; printf ready; head -c 3 | od -An -c; exit 0");
    let mut pty = Pty::start(&mut command(&sealed, "cli", &["lab00", "lab01"]));
    let before = pty.usual.clone();
    let first = pty.wait_for(b"here is lab00");
    let first = String::from_utf8_lossy(&first).into_owned();
    assert!(first.contains("ctys: console of lab00 (PM) on lab00; exit leaves it\r\n"), "{first}");
    pty.wait_for(b"ready");
    // Ctrl-C is the machine's, and the second console has not begun.
    pty.types(b"\x03ab");
    let second = pty.wait_for(b"here is lab01");
    let second = String::from_utf8_lossy(&second).into_owned();
    assert!(second.contains("003   a   b"), "{second}");
    assert!(second.contains("ctys: console of lab01 (PM) on lab01"), "{second}");
    pty.wait_for(b"ready");
    pty.types(b"cde");
    let (status, rest) = pty.end();
    assert!(status.success(), "{status}: {}", shown(&rest));
    assert_eq!(pty.settings(), before, "the terminal is not as it was");
    let log = sealed.log();
    let calls: Vec<&str> = log.lines().filter(|line| line.contains("-t -t")).collect();
    assert_eq!(calls.len(), 2, "{log}");
    assert!(calls[0].contains("-- lab00 exec /bin/sh -c "), "{log}");
    // By default as by -z 2 -b 0,2; what is asked for is done.
    let no_terminal = lab("exit 0");
    ctys(&no_terminal, "cli", &["-z", "NOPTY", "lab00"]).ends(0);
    let log = no_terminal.log();
    assert!(log.contains(" -T ") && !log.contains(" -t "), "{log}");
}

#[test]
fn the_terminal_is_put_back_whatever_ends_us() {
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGKILL] {
        let sealed = lab("stty raw -echo; printf '\\033[?1049hready'; exec sleep 600");
        let mut pty = Pty::start(&mut command(&sealed, "cli", &["localhost"]));
        let before = pty.usual.clone();
        pty.wait_for(b"ready");
        pty.wait_for_settings(|settings| settings != before);
        // SAFETY: the child is ours and not yet waited for.
        unsafe { libc::kill(pty.child.id() as libc::pid_t, signal) };
        pty.wait_for_settings(|settings| settings == before);
        // So are the screen, the mouse and the cursor.
        pty.wait_for(b"\x1b[?1047l");
        let (status, _) = pty.end();
        assert_eq!(status.signal(), (signal == libc::SIGKILL).then_some(signal), "{status}");
    }
}

/// A window that runs what it is given in no terminal at all, writes down how it was called, and stays until it is told to go.
const WINDOW: &str = "for word; do printf '%s\\n' \"word: $word\" >>\"$LOG\"; done\necho \"display: $DISPLAY\" >>\"$LOG\"\n\
    while [ \"$1\" != /bin/sh ]; do shift; done\n\"$@\" </dev/null >>\"$LOG\" 2>&1\necho \"window ended\" >>\"$LOG\"";

fn wait_for_log(sealed: &Sealed, text: &str) -> String {
    for _ in 0..3000 {
        let log = sealed.log();
        if log.contains(text) {
            return log;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{text:?} never came:\n{}", sealed.log());
}

#[test]
fn a_window_runs_beside_its_machine_and_outlives_the_call() {
    let sealed =
        lab("echo \"in the window of $HOST\" >>\"$LOG\"; while [ ! -e \"$HOSTS/enough\" ]; do sleep 0.05; done");
    sealed.host_tool("lab00", "xterm", WINDOW);
    let sealed = sealed.with("DISPLAY", ":7");
    let (stdout, stderr) = ctys(&sealed, "xterm", &["-g", "100x30+5+5:A30", "lab00"]).ends(0);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""));
    let log = wait_for_log(&sealed, "in the window of lab00");
    assert!(!log.contains("window ended"), "{log}");
    let expected = "word: -T\nword: lab00\nword: -n\nword: lab00\nword: -xrm\nword: *allowTitleOps: false\n\
                    word: -geometry\nword: 100x30+5+5\nword: -e\nword: /bin/sh\nword: -c\n";
    assert!(log.contains(expected), "{log}");
    assert!(log.contains("display: :7"), "{log}");
    assert!(log.contains("ctys: console of lab00 (PM) on lab00; exit or closing the window leaves it"), "{log}");
    let call = log.lines().find(|line| line.contains(" -X ")).unwrap_or_else(|| panic!("{log}"));
    assert!(call.contains("-o BatchMode=yes") && call.contains("-- lab00 exec /bin/sh -c "), "{call}");
    fs::write(sealed.folder.join("hosts/enough"), "").unwrap();
    wait_for_log(&sealed, "window ended");
}

#[test]
fn the_client_alone_runs_its_window_here_and_reaches_the_machine_by_ssh() {
    let sealed = lab("echo \"in the window of $HOST\" >>\"$LOG\"");
    sealed.tool("gnome-terminal", WINDOW);
    let sealed = sealed.with("DISPLAY", ":7").with("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    ctys(&sealed, "gterm", &["-L", "CO", "lab00"]).ok();
    let log = wait_for_log(&sealed, "window ended");
    assert!(log.contains("word: --wait\nword: --title=lab00\nword: --\nword: /bin/sh\n"), "{log}");
    assert!(log.contains("-t -t") && !log.contains(" -X "), "{log}");
    assert!(log.contains("in the window of lab00"), "{log}");
}

#[test]
fn several_windows_are_opened_by_one_call() {
    let sealed = lab("echo \"in the window of $HOST\" >>\"$LOG\"");
    for host in ["lab00", "lab01"] {
        sealed.host_tool(host, "emacs", "echo \"emacs of $HOST\" >>\"$LOG\"; echo up >\"$CTYS_UP\"");
    }
    let sealed = sealed.with("DISPLAY", ":7");
    ctys(&sealed, "emacs", &["lab00", "lab01"]).ok();
    let log = sealed.log();
    assert!(log.contains("emacs of lab00") && log.contains("emacs of lab01"), "{log}");
}

#[test]
fn a_window_that_does_not_come_is_told_with_its_last_words() {
    let sealed = lab("exit 0");
    let broken = "ls \"$TMPDIR\" >>\"$LOG\"; echo 'Warning: font' >&2; echo \"xterm: Can't open display: \x1b[2J$DISPLAY\" >&2; exit 1";
    sealed.host_tool("lab00", "xterm", broken);
    // A folder for scratch of its own: in the common one lie the windows of the tests beside this one.
    let scratch = sealed.folder.join("scratch");
    fs::create_dir(&scratch).unwrap();
    let sealed = sealed.with("DISPLAY", ":7").with("TMPDIR", &scratch.to_string_lossy());
    let (_, stderr) = ctys(&sealed, "xterm", &["lab00"]).ends(5);
    let expected = "ctys: lab00: run: pm: xterm ended with status 1 before its window was up, saying: \
                    xterm: Can't open display: \\x1b[2J:7\n";
    assert!(stderr.starts_with(expected), "{stderr}");
    assert!(stderr.contains("hint: -L CO"), "{stderr}");
    assert!(sealed.log().contains("ctys-window."), "{}", sealed.log());
    let left: Vec<_> = fs::read_dir(&scratch).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_a_display_no_window_is_tried() {
    let sealed = lab("exit 0");
    for kind in ["xterm", "gterm", "emacs"] {
        let (_, stderr) = ctys(&sealed, kind, &["localhost"]).ends(2);
        assert!(stderr.contains("there is no DISPLAY"), "{stderr}");
        assert!(stderr.contains("CONSOLE:CLI takes this terminal"), "{stderr}");
    }
    assert_eq!(sealed.log(), "");
}

#[test]
fn a_plan_says_which_console_would_be_opened_and_opens_none() {
    let sealed = lab("echo opened >>\"$LOG\"");
    let (stdout, _) = ctys(&sealed, "cli", &["--plan", "localhost"]).ends(0);
    assert!(stdout.starts_with("localhost: pm: CLI console of localhost: sh -c "), "{stdout}");
    assert!(!sealed.log().contains("opened"), "{}", sealed.log());
}

#[test]
fn settings_of_consoles_that_make_no_sense_are_refused() {
    for (name, value) in [("CTYS_DETACH_KEY", "Ctrl-]"), ("CTYS_CONSOLE_HISTORY", "many")] {
        let sealed = lab("exit 0").with(name, value);
        let stderr = ctys(&sealed, "cli", &["localhost"]).fails(1);
        assert!(stderr.contains(name), "{stderr}");
    }
}
