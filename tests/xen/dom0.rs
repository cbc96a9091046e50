//! A real Xen dom0 (see README.md). One that cannot be built or started fails the test; it is never skipped. It ends with
//! the process, however that ends.
//!
//! What became of domains is asked of `xl`, never of `ctys`.

use crate::sealed::{Outcome, plugins};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};
use std::time::Duration;

/// One dom0. Accounts: `root` (the default), `acue@` and `chkusr@`.
pub struct Dom0 {
    /// The client's configuration, for `ssh -F` and `ctys --ssh-config`. It knows one host, [`Dom0::name`].
    pub config: PathBuf,
    /// `lab00` …; the machine itself is called `lab00.soho`.
    pub name: String,
    /// The script that runs it stops it at the end of this.
    stdin: Option<ChildStdin>,
    script: Child,
    /// One connection that all [`Dom0::ssh`] share.
    master: Child,
    /// Whether `acue` may become root by `ksu`, see [`Dom0::tickets`].
    tickets: AtomicBool,
}

/// A dom0 that belongs to one test.
pub struct Taken(MutexGuard<'static, Option<Dom0>>);

impl Deref for Taken {
    type Target = Dom0;

    fn deref(&self) -> &Dom0 {
        self.0.as_ref().expect("a dom0 that was taken is there")
    }
}

/// The dom0s of this test program, all called `lab00`. Each keeps one processor busy.
static POOL: [Mutex<Option<Dom0>>; 2] = [Mutex::new(None), Mutex::new(None)];

/// How many of them are used: `CTYS_TEST_XEN_DOM0S`, else both, unless the machine has much else to do. Two would be in each
/// other's way there, until commands of xl take longer than `ctys` waits for them.
fn places() -> usize {
    static PLACES: OnceLock<usize> = OnceLock::new();
    *PLACES.get_or_init(|| {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap();
        let load: f64 = load.split(' ').next().unwrap().parse().unwrap();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let usual = if load > 3.0 * processors as f64 { 1 } else { POOL.len() };
        let named =
            std::env::var("CTYS_TEST_XEN_DOM0S").ok().map(|n| n.parse().expect("CTYS_TEST_XEN_DOM0S is a number"));
        named.unwrap_or(usual).clamp(1, POOL.len())
    })
}

/// Takes one that is free.
fn take() -> Taken {
    loop {
        for place in &POOL[..places()] {
            let mut guard = match place.try_lock() {
                Ok(guard) => guard,
                // A test that failed says nothing against the dom0.
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            guard.get_or_insert_with(|| Dom0::start("lab00"));
            return Taken(guard);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Dom0 {
    /// A dom0 of this test program, `lab00`, for one test, with exactly these machines of the seed running beside
    /// Domain-0. One that runs already stays as it is, since a start costs ten seconds.
    pub fn with(names: &[&str]) -> Taken {
        let dom0 = take();
        dom0.bring(names);
        dom0
    }

    /// The same, with machines that are up: they answer.
    pub fn with_up(names: &[&str]) -> Taken {
        let dom0 = Dom0::with(names);
        for name in names {
            dom0.wait_up(name);
        }
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
                return Dom0 { config, name: name.into(), stdin, script, master, tickets: AtomicBool::new(false) };
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

    /// The names of the domains, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.domains().into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    }

    /// The state of a domain; empty when there is none.
    pub fn state(&self, name: &str) -> String {
        self.domains().into_iter().find(|(known, _)| known == name).map(|(_, state)| state).unwrap_or_default()
    }

    /// The number of a domain. It gets a new one whenever it is started, rebooted, reset or restored.
    #[track_caller]
    pub fn id(&self, name: &str) -> u32 {
        self.ssh(&format!("xl domid '{name}'")).trim().parse().unwrap()
    }

    /// Waits for a machine of the seed to answer.
    #[track_caller]
    pub fn wait_up(&self, name: &str) {
        self.wait(&format!("ping -c1 -W1 {name} >/dev/null"));
    }

    /// Waits until a command there succeeds; a minute at least, since a guest takes half of that on a busy machine.
    #[track_caller]
    pub fn wait(&self, command: &str) {
        self.ssh(&format!("n=0; until {command}; do [ $((n += 1)) -lt 200 ] || exit 1; sleep 0.2; done"));
    }

    /// Ends what is not wanted or not well, and starts what is missing. Files that a test leaves behind it removes itself.
    pub fn bring(&self, names: &[&str]) {
        self.ssh(&format!(
            "wanted=' {} '\n\
             xl list | awk 'NR > 2 {{ print $(NF - 4), $(NF - 1), NF == 6 ? $1 : \"\" }}' | while read -r id state name; do\n\
               case $state:$wanted in [rb-][b-]----:*\" $name \"*) ;; *) xl destroy $id;; esac\n\
             done\n\
             for name in $wanted; do\n\
               xl domid $name >/dev/null 2>&1 || xl create -q xen/tst-ctys/$name/$name.conf\n\
             done\n\
             while [ $(xl list | wc -l) -gt {} ]; do sleep 0.2; done",
            names.join(" "),
            names.len() + 2
        ));
    }

    /// Lets `acue` become root by `ksu`.
    pub fn tickets(&self) {
        if self.tickets.swap(true, Ordering::Relaxed) {
            return;
        }
        self.ssh("/etc/ctys-test/kerberos 2>/dev/null");
        let output = self.ssh_as("acue", "kinit -k -t keytab acue");
        assert!(output.status.success(), "{output:?}");
    }

    /// A folder of this dom0's own on this machine, for the caller's `$HOME`.
    pub fn home(&self) -> PathBuf {
        let home = self.config.with_file_name("home");
        std::fs::create_dir_all(&home).unwrap();
        home
    }

    /// `ctys` with these words: the program and the plugins of this build, and the real tools. It logs in by itself.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_with(&self.config, words)
    }

    fn command_with(&self, config: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
        command.arg("--ssh-config").arg(config).args(PATIENCE).args(words);
        self.seal(&mut command);
        command
    }

    /// Runs `ctys` with the words of a companion tool.
    pub fn tool(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
        command.args(words);
        self.seal(&mut command);
        Outcome::of(command.output().unwrap(), format!("ctys {}", words.join(" ")))
    }

    /// Sets the environment of a call.
    pub fn seal(&self, command: &mut Command) {
        command.env("CTYS_PLUGIN_PATH", plugins()).env("HOME", self.home()).env_remove("DISPLAY").stdin(Stdio::null());
    }

    /// Runs `ctys` with these words. As root it shares the connection of [`Dom0::ssh`], since a login costs a second.
    pub fn ctys(&self, words: &[&str]) -> Outcome {
        let config = self.config.with_file_name("ssh_config.shared");
        if !config.exists() {
            let shared = format!("\tControlPath {}\n", self.config.with_file_name("master-%r").display());
            std::fs::write(&config, std::fs::read_to_string(&self.config).unwrap() + &shared).unwrap();
        }
        Outcome::of(self.command_with(&config, words).output().unwrap(), format!("ctys {}", words.join(" ")))
    }

    /// `ctys -t xen -a ACTION lab00`, as root.
    pub fn xen(&self, action: &str) -> Outcome {
        self.ctys(&["-t", "xen", "-a", action, "lab00"])
    }
}

/// A dom0 under emulation on a busy machine takes its time.
pub const PATIENCE: [&str; 6] = ["--connect-timeout", "60s", "--silence-timeout", "60s", "--total-timeout", "180s"];

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
    config.with_file_name("master-root")
}
