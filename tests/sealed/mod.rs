//! ctys in a sealed environment: own home, own PATH with fake tools in front, no variable of the real one.
//!
//! A fake tool is a shell script of the test; what it was called with it can write to `$LOG`. A fake host is a folder
//! with fake tools of its own, reached by a fake `ssh` that records its arguments.
#![allow(dead_code, reason = "every test crate uses its own part of it")]

use std::fmt::Write as _;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// One environment; its folder goes with it.
pub struct Sealed {
    /// The folder everything is in.
    pub folder: PathBuf,
    variables: Vec<(String, String)>,
}

/// What one call gave. Reading it is checking it: [`Outcome::ok`], [`Outcome::fails`].
#[must_use = "a call whose outcome nobody looks at tests nothing"]
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; 128 and the number for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    call: String,
}

impl Sealed {
    /// A fresh one. The user is whoever runs the tests; the machine is called `ws2.soho`.
    pub fn new() -> Sealed {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ctys-sealed-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for part in ["home", "bin", "hosts"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let sealed = Sealed { folder, variables: Vec::new() };
        sealed.machine("bin", "ws2.soho", "192.168.1.70", "00:1d:60:a5:89:06");
        sealed.tool(
            "ssh",
            "printf '%s\\n' \"ssh $*\" >>\"$LOG\"\n\
             while [ \"$1\" != -- ]; do shift; done\nhost=$2\nshift 2\n\
             [ -d \"$HOSTS/$host\" ] || { echo \"ssh: Could not resolve hostname $host: Name or service not known\" >&2; exit 255; }\n\
             [ ! -e \"$HOSTS/$host/fails\" ] || { cat \"$HOSTS/$host/fails\" >&2; exit 255; }\n\
             PATH=$HOSTS/$host:/usr/bin:/bin HOME=$HOSTS/$host/home HOST=$host /bin/sh -c \"$*\"\nstatus=$?\n\
             touch \"$HOSTS/$host/ended\"\nexit $status",
        );
        sealed
    }

    /// With a variable more.
    pub fn with(mut self, name: &str, value: &str) -> Sealed {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// A fake tool on the caller's PATH: the body of a shell script.
    pub fn tool(&self, name: &str, body: &str) {
        self.tool_in("bin", name, body);
    }

    /// A fake host that `ssh NAME` reaches, with the tools a physical machine needs.
    pub fn host(&self, name: &str, node: &str, address: &str, mac: &str) {
        let folder = format!("hosts/{name}");
        fs::create_dir_all(self.folder.join(&folder).join("home")).unwrap();
        self.machine(&folder, node, address, mac);
    }

    /// A fake host that the fake `ssh` fails to reach, with these words.
    pub fn failing_host(&self, name: &str, words: &str) {
        let folder = self.folder.join("hosts").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("fails"), words).unwrap();
    }

    /// A fake tool of a fake host.
    pub fn host_tool(&self, host: &str, name: &str, body: &str) {
        self.tool_in(&format!("hosts/{host}"), name, body);
    }

    fn machine(&self, folder: &str, node: &str, address: &str, mac: &str) {
        self.tool_in(folder, "uname", &format!("echo 'Linux {node} 6.1.0-18-amd64 x86_64'"));
        let text = format!(
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    \
             link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       \
             valid_lft forever preferred_lft forever\n\
             2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000\n    \
             link/ether {mac} brd ff:ff:ff:ff:ff:ff\n    inet {address}/24 brd 192.168.1.255 scope global eth0\n       \
             valid_lft forever preferred_lft forever"
        );
        self.tool_in(folder, "ip", &format!("cat <<'END'\n{text}\nEND"));
        // The processes of the real machine are none of a fake one's.
        self.tool_in(folder, "grep", "for a; do case $a in /proc/*) exit 1;; esac; done; exec /usr/bin/grep \"$@\"");
    }

    fn tool_in(&self, folder: &str, name: &str, body: &str) {
        executable(&self.folder.join(folder).join(name), &format!("#!/bin/sh\n{body}\n"));
    }

    /// A file below the home folder.
    pub fn file(&self, path: &str, text: &str) {
        let file = self.folder.join("home").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// What fake tools wrote to `$LOG`.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The command of a call, sealed, for tests that want to run it in their own way.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
        command
            .args(words)
            .env_clear()
            .env("HOME", self.folder.join("home"))
            .env("USER", "acue")
            .env("PATH", format!("{}:/usr/bin:/bin", self.folder.join("bin").display()))
            .env("LOG", self.folder.join("log"))
            .env("HOSTS", self.folder.join("hosts"))
            .env("CTYS_PLUGIN_PATH", plugins())
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    /// Runs `ctys` with these words.
    pub fn ctys(&self, words: &[&str]) -> Outcome {
        let output = self.command(words).output().unwrap();
        Outcome::of(output, format!("ctys {}", words.join(" ")))
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        // What a call left running on purpose may still write a file while the folder goes.
        for _ in 0..50 {
            match fs::remove_dir_all(&self.folder) {
                Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                _ => return,
            }
        }
    }
}

impl Outcome {
    /// From what the process gave.
    pub fn of(output: std::process::Output, call: String) -> Outcome {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Outcome { code, stdout: text(output.stdout), stderr: text(output.stderr), call }
    }

    /// It went well and said nothing on stderr; its standard output.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}\nstdout:\n{}", self.call, self.stdout);
        self.stdout
    }

    /// It ended with this code and printed nothing on stdout; its standard error.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}\nstderr:\n{}", self.call, self.stderr);
        self.stderr
    }

    /// It ended with this code; both outputs.
    #[track_caller]
    pub fn ends(self, code: i32) -> (String, String) {
        assert_eq!(self.code, code, "{}\nstdout:\n{}\nstderr:\n{}", self.call, self.stdout, self.stderr);
        (self.stdout, self.stderr)
    }
}

/// Where the plugins of this build lie: beside the test programs.
pub fn plugins() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

/// Writes a program that can be run at once.
pub fn executable(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    settled(file);
}

/// Waits until nobody has a file open for writing. A process that a test beside this one has just started holds what was open here
/// until it is another program, and so long the kernel runs no file that is being written (ETXTBSY).
pub fn settled(file: &Path) {
    let file = fs::File::open(file).unwrap();
    for _ in 0..30_000 {
        // SAFETY: both calls take numbers; the descriptor is ours. Only a file without writers gives a lease for reading.
        let taken = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) };
        if taken == 0 {
            // SAFETY: as above.
            unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
            return;
        }
        if std::io::Error::last_os_error().raw_os_error() != Some(libc::EAGAIN) {
            // No leases on this kind of file system, or not for this account.
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("somebody keeps a file open for writing");
}

/// Lines with their trailing blanks shown as dots would be, for messages of failed tests.
pub fn visible(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let kept = line.trim_end();
        writeln!(out, "{kept}{}", "·".repeat(line.len() - kept.len())).unwrap();
    }
    out
}

/// True when a folder of this name is a checkout's root.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
