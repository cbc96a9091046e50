//! Two hosts over real ssh (see `tests/bed`), a screen for the caller (Xvfb) and desktops of real Xvnc.
//!
//! All labels have the number of this process in them: nothing else on the machine is touched.

use crate::bed::Bed;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take to come about on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The caller's machine and the hosts.
pub struct Stage {
    pub bed: Bed,
    /// The display of the caller's screen.
    pub display: String,
    /// The lowest port of tunnels.
    pub first_port: u16,
    /// A port of the hosts' machine where somebody says `hello`, and waits until the client goes.
    pub service: u16,
    screen: Child,
    labels: Vec<String>,
}

/// What a call gave.
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Stage {
    pub fn new() -> Stage {
        static FIRST_PORT: AtomicU16 = AtomicU16::new(0);
        let bed = Bed::start_with(2, "X11Forwarding yes\nX11UseLocalhost yes\n");
        fs::create_dir_all(bed.path("caller")).unwrap();
        let (screen, display) = screen();
        // Tests side by side count from ports of their own.
        let nth = FIRST_PORT.fetch_add(300, Ordering::Relaxed);
        let first_port = 20_000 + (std::process::id() % 8000) as u16 + nth;
        Stage { bed, display, first_port, service: service(), screen, labels: Vec::new() }
    }

    /// A label of this process, ended with the stage.
    pub fn label(&mut self, name: &str) -> String {
        let label = format!("t{}{name}", std::process::id());
        self.labels.push(label.clone());
        label
    }

    /// A session for a desktop: a pattern in two colours, and a program that stays.
    pub fn session(&self) -> PathBuf {
        let file = self.bed.path("session");
        let text = "#!/bin/sh\nxsetroot -mod 16 16 -fg red -bg blue\nexec xterm -geometry 40x5+50+60 -e cat\n";
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
        command.arg("--ssh-config").arg(&self.bed.config).args(words).env_clear();
        command
            .env("HOME", self.bed.path("caller"))
            .env("USER", &self.bed.user)
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DISPLAY", &self.display)
            .env("XDG_STATE_HOME", self.bed.path("state"))
            .env("CTYS_PLUGIN_PATH", std::env::current_exe().unwrap().parent().unwrap())
            .env("CTYS_DIGGER_LOCAL_PORTREMAP", self.first_port.to_string())
            .stdin(Stdio::null());
        command
    }

    pub fn ctys(&self, words: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(words))
    }

    /// The rows of a listing here, as `label;type;cport;side`, of these labels only.
    pub fn rows(&self, of: &str) -> Vec<String> {
        let fields = "-a list=tab_gen:3_l_30%%2_t_12%%9_p_6%%14_s_8";
        let text = self.ctys(&fields.split(' ').collect::<Vec<_>>()).ok();
        let row = |line: &str| line.split('|').map(str::trim).collect::<Vec<_>>().join(";");
        text.lines().map(row).filter(|row| row.starts_with(of)).collect()
    }

    /// The file of the log of tunnels.
    pub fn tunnel_log(&self) -> String {
        fs::read_to_string(self.bed.path("state/ctys/tunnels.log")).unwrap_or_default()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let host = self.bed.hosts[0].clone();
        for label in self.labels.clone() {
            for (session_type, target) in [("vnc", host.as_str()), ("vnc", "localhost"), ("digger", "localhost")] {
                let cancel = format!("cancel=l:{label}");
                let _ = self.command(&["-t", session_type, "-A", "1", "-a", &cancel, target]).output();
            }
        }
        let _ = self.screen.kill();
        let _ = self.screen.wait();
    }
}

impl Outcome {
    pub fn of(command: &mut Command) -> Outcome {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Outcome { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// It went well and said nothing on stderr; its standard output.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }

    /// It ended with this code; its standard error.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// Says `hello` to everybody, on the loopback of the hosts.
fn service() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut client = client;
                let _ = client.write_all(b"hello");
                let _ = client.read_to_end(&mut Vec::new());
            });
        }
    });
    port
}

/// An X server without a screen of glass, on a display that was free.
fn screen() -> (Child, String) {
    let mut child = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb (Debian: xvfb)");
    // It writes its number once clients may come.
    let mut number = String::new();
    let mut output = child.stdout.take().unwrap();
    let mut byte = [0];
    while output.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        number.push(byte[0] as char);
    }
    assert!(!number.is_empty(), "Xvfb does not come up");
    (child, format!(":{number}"))
}

/// Waits until something is there.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The processes whose arguments contain all of this: number and arguments, joined by blanks.
pub fn processes(parts: &[&str]) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(raw) = fs::read(entry.path().join("cmdline")) else { continue };
        let args = String::from_utf8_lossy(&raw).replace('\0', " ");
        if pid != std::process::id() && parts.iter().all(|part| args.contains(part)) {
            found.push((pid, args));
        }
    }
    found
}

/// Kills one process at once.
pub fn kill(pid: u32) {
    // SAFETY: kill has no memory to harm; the number was just seen to belong to a process of this test.
    assert_eq!(unsafe { libc::kill(pid as i32, libc::SIGKILL) }, 0);
}
