//! Cubes for tests: folders of their own for cubes, state and records, a root file system of busybox, and the tools under their
//! names. Needs root, runc, busybox and tmux. All that was started ends with the bed, by the runtime's own records.

use crate::sealed::{plugins, settled};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a state may take to come about on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The folders.
pub struct Bed {
    /// Where everything is.
    pub folder: PathBuf,
    /// The network namespaces that stand for the host and for the segment of the cubes, where there is a network.
    pub networks: Option<(String, String)>,
}

/// What a call gave.
#[must_use = "a call whose outcome nobody looks at tests nothing"]
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; 128 and the number for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    call: String,
}

impl Bed {
    /// A bed without cubes.
    pub fn new() -> Bed {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ctys-cubes-{}-{number}", std::process::id()));
        let bed = Bed { folder, networks: None };
        bed.remove();
        for part in ["containers", "state", "records", "bin", "home"] {
            fs::create_dir_all(bed.folder.join(part)).unwrap();
        }
        for tool in ["ctys", "cube-ctl", "cube-cfg", "cube-console", "cube-cmd", "cube", "c3"] {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ctys"), bed.folder.join("bin").join(tool)).unwrap();
        }
        bed
    }

    /// A bed whose cubes have a network. A namespace stands for the host, so that the machine's own is never touched.
    pub fn with_network() -> Bed {
        let mut bed = Bed::new();
        let name = bed.folder.file_name().unwrap().to_str().unwrap().to_string();
        let (host, segment) = (format!("{name}-host"), format!("{name}-vrf"));
        ip(&["netns", "add", &host]);
        ip(&["-n", &host, "link", "set", "lo", "up"]);
        bed.networks = Some((host, segment));
        bed
    }

    /// A cube with this program.
    pub fn cube(&self, name: &str, app: &str) {
        let folder = self.containers().join(name);
        fs::create_dir_all(&folder).unwrap();
        root_file_system(&folder.join("rootfs"));
        self.set(name, "cube.container.mgr", "runc");
        self.set(name, "cube.app", app);
    }

    /// Writes a small file of a cube, as OverC does.
    pub fn set(&self, name: &str, file: &str, text: &str) {
        fs::write(self.containers().join(name).join(file), format!("{text}\n")).unwrap();
    }

    /// The folder of the cubes.
    pub fn containers(&self) -> PathBuf {
        self.folder.join("containers")
    }

    /// A file of a cube, seen from outside.
    pub fn file(&self, name: &str, file: &str) -> PathBuf {
        self.containers().join(name).join(file)
    }

    /// A call of a tool, not yet made.
    pub fn command(&self, tool: &str) -> Command {
        let tool = self.folder.join("bin").join(tool);
        let mut command = match &self.networks {
            None => Command::new(tool),
            Some((host, _)) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net=/run/netns/{host}")).arg(tool);
                command
            }
        };
        self.environment(&mut command);
        command.stdin(Stdio::null());
        command
    }

    /// What the tools need to know.
    pub fn environment(&self, command: &mut Command) {
        command
            .env("CTYS_PLUGIN_PATH", plugins())
            .env("CTYS_CUBE_CONTAINERS", self.containers())
            .env("CTYS_CUBE_STATE", self.folder.join("state"))
            .env("CTYS_CUBE_ROOT", self.folder.join("records"))
            .env("CTYS_CUBE_ACCESS", self.folder.join("access"))
            .env("HOME", self.folder.join("home"))
            .env("CTYS_CUBE_NETWORK", if self.networks.is_some() { "on" } else { "off" })
            .env("CTYS_CUBE_NAMESPACE", self.networks.as_ref().map_or("nowhere", |(_, segment)| segment))
            .env_remove("CTYS_CUBE_GRACE");
    }

    /// Calls cube-ctl.
    pub fn ctl<A: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = A>) -> Outcome {
        Outcome::of(self.command("cube-ctl").args(words), b"")
    }

    /// The runtime itself, with our records.
    pub fn runc(&self, words: &[&str]) -> Outcome {
        Outcome::of(Command::new("runc").arg("--root").arg(self.folder.join("records")).args(words), b"")
    }

    /// The same for a call whose container lives on: it would hold our pipes open.
    pub fn detached(&self, words: &[&str]) {
        let mut command = Command::new("runc");
        command.arg("--root").arg(self.folder.join("records")).args(words);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "{command:?}");
    }

    /// What the runtime says of a container; none when it does not know it.
    pub fn state(&self, name: &str) -> Option<Value> {
        let outcome = self.runc(&["state", name]);
        (outcome.code == 0).then(|| serde_json::from_slice(&outcome.stdout).unwrap())
    }

    /// The status of a container by the runtime.
    pub fn status(&self, name: &str) -> String {
        self.state(name).map_or("absent".into(), |state| state["status"].as_str().unwrap().to_string())
    }

    /// The first process of a container.
    pub fn pid(&self, name: &str) -> u64 {
        self.state(name).unwrap_or_else(|| panic!("{name} is not known to runc"))["pid"].as_u64().unwrap()
    }

    /// A column of the list, for a cube.
    pub fn listed(&self, name: &str, column: usize) -> Option<String> {
        let list = self.ctl(["list"]).ok();
        let row =
            list.lines().skip(2).map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|row| row[0] == name);
        row.map(|row| row[column].to_string())
    }

    /// Ends every container with a record.
    fn remove(&self) {
        for entry in fs::read_dir(self.folder.join("records")).into_iter().flatten().flatten() {
            let _ = self.runc(&["delete", "--force", &entry.file_name().to_string_lossy()]);
        }
        if let Some((host, segment)) = &self.networks {
            for file in ["dnsmasq.pid", "avahi/pid"] {
                let pid = fs::read_to_string(self.folder.join("state/.network").join(file)).unwrap_or_default();
                let _ = Command::new("kill").arg(pid.trim()).stderr(Stdio::null()).status();
            }
            for name in [host, segment] {
                let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
            }
        }
        // The runtime removes the cgroups of containers, not the folder above them.
        let name = self.folder.join("records").display().to_string().trim_matches('/').replace('/', "-");
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let _ = fs::remove_dir(hierarchy.path().join("runc").join(&name));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Outcome {
    /// Calls it with this input.
    pub fn of(command: &mut Command, input: &[u8]) -> Outcome {
        let call = format!("{command:?}");
        if !input.is_empty() {
            command.stdin(Stdio::piped());
        }
        let mut child: Child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(|e| panic!("{call}: {e}"));
        let (stdin, input) = (child.stdin.take(), input.to_vec());
        let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        // It may have ended before it had read everything.
        let _ = writer.join();
        let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        Outcome { code, stdout: output.stdout, stderr: String::from_utf8_lossy(&output.stderr).into_owned(), call }
    }

    /// What it printed; it went well and complained of nothing.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}: {}", self.call, self.text());
        self.text()
    }

    /// It went well, and neither printed nor complained.
    #[track_caller]
    pub fn silent(self) {
        assert_eq!((self.code, self.text().as_str(), self.stderr.as_str()), (0, "", ""), "{}", self.call);
    }

    /// What it complained of; it ended with this code and printed nothing.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!((self.code, self.text().as_str()), (code, ""), "{}: {}", self.call, self.stderr);
        self.stderr
    }

    /// What it printed.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A file system with the applets of busybox and nothing else. The dynamic one brings its libraries.
fn root_file_system(root: &Path) {
    for folder in ["bin", "dev", "proc", "sys", "etc", "root", "tmp", "var"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    let busybox = busybox.expect("busybox (Debian: busybox)");
    fs::copy(busybox, root.join("bin/busybox")).unwrap();
    settled(&root.join("bin/busybox"));
    let libraries = Command::new("ldd").arg(busybox).output().unwrap();
    for word in String::from_utf8_lossy(&libraries.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
        let inside = root.join(word.trim_start_matches('/'));
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::copy(word, inside).unwrap();
    }
    let applets = Command::new(busybox).arg("--list").output().unwrap();
    for applet in String::from_utf8_lossy(&applets.stdout).lines().filter(|applet| *applet != "busybox") {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\ntty:x:5:\n").unwrap();
}

/// Calls ip(8).
#[track_caller]
pub fn ip(words: &[&str]) -> String {
    let output = Command::new("ip").args(words).output().unwrap();
    assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until it is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never came about: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
