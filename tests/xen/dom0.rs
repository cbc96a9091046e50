//! A real Xen dom0 (see README.md), for tests that claim "works with Xen".
//!
//! Plain Rust on top of std: `#[path = "xen/mod.rs"] mod xen;`. A dom0 that cannot be built or started fails the test; it
//! is never skipped. It ends with the process, however that ends.
#![allow(dead_code, reason = "every test crate uses its own part of it")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock};

/// One dom0. Accounts: `root` (the default), `acue@` and `chkusr@`.
pub struct Dom0 {
    /// The client's configuration, for `ssh -F` and `ctys --ssh-config`. It knows one host, [`Dom0::name`].
    pub config: PathBuf,
    /// `lab00` …; the machine itself is called `lab00.soho`.
    pub name: String,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The script that runs it stops it at the end of this.
    stdin: Option<ChildStdin>,
    script: Child,
    /// One connection that all [`Dom0::ssh`] share.
    master: Child,
}

impl Dom0 {
    /// The dom0 of this test program, `lab00`, to one test at a time, with nothing but Domain-0 running.
    pub fn shared() -> MutexGuard<'static, Dom0> {
        static SHARED: OnceLock<Mutex<Dom0>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Mutex::new(Dom0::start("lab00")));
        // A test that failed says nothing against the dom0.
        let dom0 = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        dom0.reset();
        dom0
    }

    /// A dom0 of its own: `lab00` to `lab09`.
    pub fn start(name: &str) -> Dom0 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut script = script()
            .args(["run", &port.to_string(), name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/xen/dom0.sh");
        let stdin = script.stdin.take();
        let mut said = String::new();
        for line in BufReader::new(script.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(config) = line.strip_prefix("ready: ") {
                let config = PathBuf::from(config);
                let master = ssh_with(&config, &["-MN", "-S"])
                    .arg(socket(&config))
                    .arg(name)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .expect("ssh (Debian: openssh-client)");
                return Dom0 { config, name: name.into(), port, stdin, script, master };
            }
            said.push_str(&line);
            said.push('\n');
        }
        panic!("no Xen dom0 ({}):\n{said}", script.wait().unwrap());
    }

    /// A shell command there, as root; its standard output. It must end well.
    #[track_caller]
    pub fn ssh(&self, command: &str) -> String {
        let output = self.ssh_as("root", command);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command}: {}\nstdout:\n{stdout}\nstderr:\n{stderr}", output.status);
        stdout.into_owned()
    }

    /// A shell command there, as any account, ending as it may.
    pub fn ssh_as(&self, account: &str, command: &str) -> Output {
        let mut ssh = ssh_with(&self.config, &[]);
        if account == "root" {
            ssh.arg("-S").arg(socket(&self.config));
        }
        ssh.args(["-l", account, &self.name, "--", command]).stdin(Stdio::null()).output().unwrap()
    }

    /// The domains as `xl list` shows them, Domain-0 apart: name and state (`-b----`, `--p---`, `---sc-` …).
    pub fn domains(&self) -> Vec<(String, String)> {
        let list = self.ssh("xl list");
        // A name may hold blanks; the five columns behind it do not:
        // two words                                    5   128     1     -b----       2.1
        let row = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (name, rest) = words.split_at(words.len() - 5);
            (name.join(" "), rest[3].to_string())
        };
        list.lines().skip(2).map(row).collect()
    }

    /// Ends every guest. Files that a test leaves behind it removes itself.
    pub fn reset(&self) {
        self.ssh(
            "xl list | awk 'NR > 2 { print $(NF - 4) }' | while read -r id; do xl destroy $id; done\n\
             while [ $(xl list | wc -l) -gt 2 ]; do sleep 0.2; done",
        );
    }
}

impl Drop for Dom0 {
    fn drop(&mut self) {
        // Both children are ours and not yet waited for, so their numbers cannot be anybody else's.
        let _ = self.master.kill();
        let _ = self.master.wait();
        drop(self.stdin.take());
        let _ = self.script.wait();
    }
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/xen/dom0.sh"))
}

fn ssh_with(config: &Path, options: &[&str]) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-F").arg(config).args(options);
    command
}

fn socket(config: &Path) -> PathBuf {
    config.with_file_name("master")
}
