//! Calls that are watched: how they end, how much memory they take, and what they leave behind.

use crate::bed::Bed;
use crate::sealed::{executable, plugins};
use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// When a call is taken for one that hangs. The machine may be busy; nothing here should need a tenth of it.
const PATIENCE: Duration = Duration::from_secs(400);

/// The most memory a call may ever have held: what all answers together are held to, twice (read and taken apart), with
/// room for the program itself.
pub const MOST_KIB: i64 = 160 * 1024;

/// A call that is under way.
pub struct Call {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    words: String,
}

/// How a call ended.
#[derive(Debug)]
#[must_use = "a call whose end nobody looks at tests nothing"]
pub struct Ended {
    /// The exit code; 128 and the number for a signal.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The most memory it held, in KiB.
    pub peak_kib: i64,
    /// What it may have held.
    pub most_kib: i64,
    words: String,
}

impl Call {
    /// Starts it.
    pub fn start(mut command: Command) -> Call {
        let words = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (follow(child.stdout.take().unwrap()), follow(child.stderr.take().unwrap()));
        Call { child, stdout, stderr, words }
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a chance to tidy up.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        let _ = self.child.wait();
    }

    /// Waits for its end.
    pub fn end(self) -> Ended {
        let pid = self.child.id() as libc::pid_t;
        let until = Instant::now() + PATIENCE;
        let (mut status, mut usage) = (0, unsafe { std::mem::zeroed::<libc::rusage>() });
        loop {
            // SAFETY: the process is our child, not yet waited for; both places are ours.
            match unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, &mut usage) } {
                0 if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                0 => {
                    // SAFETY: as above.
                    unsafe { libc::kill(pid, libc::SIGKILL) };
                    panic!("it hangs: ctys {}", self.words);
                }
                ended => {
                    assert_eq!(ended, pid, "{}", std::io::Error::last_os_error());
                    break;
                }
            }
        }
        let status = ExitStatus::from_raw(status);
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let (stdout, stderr) = (self.stdout.join().unwrap(), self.stderr.join().unwrap());
        Ended { code, stdout, stderr, peak_kib: usage.ru_maxrss, most_kib: MOST_KIB, words: self.words }
    }
}

impl Ended {
    /// It ended with this code and told, for each of these hosts, this sentence in this phase; nobody else had a problem.
    /// The first column of the rows.
    #[track_caller]
    pub fn told(self, code: i32, sentences: &[(&str, &str)]) -> String {
        let Ended { stdout, stderr, words, .. } = &self;
        assert_eq!(self.code, code, "ctys {words}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        for (host, sentence) in sentences {
            let line = format!("ctys: {host}: {sentence}");
            assert!(stderr.contains(&line), "{line} is not in:\n{stderr}");
        }
        let heads: BTreeSet<&str> = stderr.lines().filter_map(|line| line.strip_prefix("ctys: ")).collect();
        let known = |line: &&str| sentences.iter().any(|(host, _)| line.starts_with(&format!("{host}: ")));
        let others: Vec<&str> = heads.into_iter().filter(|line| !known(line)).collect();
        assert!(others.is_empty(), "who is meant by {others:?}?");
        assert!(self.peak_kib < self.most_kib, "it took {} KiB", self.peak_kib);
        assert!(!stderr.chars().any(|c| c.is_control() && c != '\n'), "{stderr:?}");
        stdout.lines().map(|line| line.split('|').next().unwrap_or_default().trim_end().to_string() + "\n").collect()
    }
}

fn follow(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A bed whose hosts have tools of our own, and a caller of whom every process and every file is known again.
pub struct Scene {
    pub bed: Bed,
    /// A value in the environment of everything that runs here or on the hosts.
    mark: String,
}

impl Scene {
    /// With so many good hosts. Their `ip` is ours: see [`Scene::hold`].
    pub fn start(count: usize) -> Scene {
        Scene::start_with(count, "")
    }

    /// Like [`Scene::start`], with more lines for the servers' configuration.
    pub fn start_with(count: usize, lines: &str) -> Scene {
        static SCENES: AtomicUsize = AtomicUsize::new(0);
        let scene = SCENES.fetch_add(1, Ordering::Relaxed);
        let mark = format!("CTYS_DRILL=drill-{}-{scene}-", std::process::id());
        let tools = std::env::temp_dir().join(format!("ctys-drill-{}-{scene}", std::process::id()));
        std::fs::create_dir_all(tools.join("bin")).unwrap();
        let path = format!("{}/bin:/usr/sbin:/usr/bin:/sbin:/bin", tools.display());
        let bed = Bed::start_with(count, &format!("{lines}SetEnv PATH={path} {mark}\n"));
        // What belongs to the hosts and the caller lies in the folder of the bed, which goes with it.
        std::fs::rename(&tools, bed.path("hosts")).unwrap();
        std::os::unix::fs::symlink(bed.path("hosts"), &tools).unwrap();
        for folder in ["caller", "tmp"] {
            std::fs::create_dir(bed.path(folder)).unwrap();
        }
        let scene = Scene { bed, mark };
        // The hosts are this machine, and the account may be root: what could stop it is never the real one.
        for tool in ["systemctl", "shutdown", "poweroff", "halt", "reboot", "init", "telinit"] {
            script(&scene.host_path("bin").join(tool), "echo \"$0 $*\" >>\"$HOME/../hosts/stopped\"");
        }
        let ip = scene.host_path("bin/ip");
        let wait = "while [ -e \"$HOME/../hosts/hold\" ]; do sleep 0.02; done";
        script(
            &ip,
            &format!("echo $$ >>\"$HOME/../hosts/at\"\n{wait}\nPATH=/usr/sbin:/usr/bin:/sbin:/bin exec ip \"$@\""),
        );
        scene
    }

    fn host_path(&self, name: &str) -> PathBuf {
        self.bed.path("hosts").join(name)
    }

    /// From here on the hosts stop in the middle of a listing, until [`Scene::go_on`].
    pub fn hold(&self) {
        let _ = std::fs::remove_file(self.host_path("at"));
        std::fs::write(self.host_path("hold"), "").unwrap();
    }

    /// Waits until so many hosts stand still.
    pub fn wait_for_held(&self, count: usize) {
        let at = || std::fs::read_to_string(self.host_path("at")).unwrap_or_default();
        wait_until("the hosts are in the middle of the call", || at().lines().count() >= count);
    }

    /// Lets them go on.
    pub fn go_on(&self) {
        let _ = std::fs::remove_file(self.host_path("hold"));
    }

    /// A tool of the hosts.
    pub fn host_tool(&self, name: &str, body: &str) {
        script(&self.host_path("bin").join(name), body);
    }

    /// `ctys` with these words, and clocks that only end what hangs. Who waits for one of them asks for a shorter one.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
        let clocks = ["--connect-timeout", "60s", "--silence-timeout", "60s", "--total-timeout", "100s"];
        command.args(["--ssh-config", self.bed.config.to_str().unwrap()]).args(clocks).args(words);
        let (name, value) = self.mark.split_once('=').unwrap();
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env(name, value).env("USER", &self.bed.user);
        command.env("HOME", self.bed.path("caller")).env("TMPDIR", self.bed.path("tmp"));
        command.env("CTYS_PLUGIN_PATH", plugins());
        command
    }

    /// The call, to its end.
    pub fn ctys(&self, words: &[&str]) -> Ended {
        Call::start(self.command(words)).end()
    }

    /// A listing of these hosts: the machine's name as it was typed, and what their `ip` says.
    pub fn list(&self, transport: &str, hosts: &[&str]) -> Ended {
        self.ctys(&[&listing(transport)[..], hosts].concat())
    }

    /// Nothing of ours is left: no process here or on the hosts, no file, no socket.
    #[track_caller]
    pub fn nothing_left(&self) {
        let until = Instant::now() + PATIENCE;
        while !self.processes().is_empty() {
            assert!(Instant::now() < until, "these are left: {:#?}", self.processes());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(std::fs::read_to_string(self.host_path("stopped")).unwrap_or_default(), "");
        for folder in ["caller", "tmp"] {
            // The lines about changes are there to stay.
            let mut left = files_below(&self.bed.path(folder));
            left.retain(|file| !file.ends_with(".local/state/ctys/audit.log"));
            assert_eq!(left, Vec::<PathBuf>::new());
        }
    }

    /// The processes that stem from our calls, by their command lines.
    pub fn processes(&self) -> Vec<String> {
        let marked = |pid: u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|line| line == self.mark.as_bytes())
        };
        pids().into_iter().filter(|&pid| marked(pid)).map(|pid| format!("{pid}: {}", command_line(pid))).collect()
    }

    /// The sshd processes of this bed, the listening one and those of its connections; and those alone that serve a
    /// connection.
    pub fn servers(&self) -> (Vec<u32>, Vec<u32>) {
        let folder = self.bed.folder.to_str().unwrap().to_string();
        let listening: Vec<u32> = pids()
            .into_iter()
            .filter(|&pid| {
                let line = command_line(pid);
                line.contains("sshd") && line.contains(&format!("{folder}/sshd_config"))
            })
            .collect();
        let mut all = listening.clone();
        let mut at = 0;
        while let Some(&parent) = all.get(at) {
            let children = pids().into_iter().filter(|&pid| parent_of(pid) == Some(parent));
            all.extend(children.filter(|&pid| command_line(pid).starts_with("sshd: ")).collect::<Vec<_>>());
            at += 1;
        }
        let serving = all.iter().copied().filter(|pid| !listening.contains(pid)).collect();
        (all, serving)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.go_on();
        // The link to the tools, named in the environment of the hosts.
        let number = self.mark.split('-').nth(2).unwrap_or_default();
        let _ = std::fs::remove_file(std::env::temp_dir().join(format!("ctys-drill-{}-{number}", std::process::id())));
    }
}

/// The words of a listing.
pub fn listing(transport: &str) -> [&str; 6] {
    ["--transport", transport, "-t", "pm", "-a", "list=terse,sort,tab_gen:1_PM_40%%6_MAC_17"]
}

/// Sends a signal to processes that were found by [`Scene::servers`].
pub fn signal(pids: &[u32], signal: i32) {
    for &pid in pids {
        // SAFETY: a plain system call; the number is that of a process of ours.
        unsafe { libc::kill(pid as libc::pid_t, signal) };
    }
}

/// Polls for something that must happen; a machine under load may take its time.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "it never happens that {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The files below a folder, sockets and links too; no folders.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => found.extend(files_below(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// An executable shell script.
pub fn script(path: &Path, body: &str) {
    // Beside its place first: a script that is being written cannot be run.
    let new = path.with_extension("new");
    executable(&new, &format!("#!/bin/sh\n{body}\n"));
    std::fs::rename(new, path).unwrap();
}

fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn command_line(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ").trim_end().to_string()
}
