//! Hosts with a process table of their own, the guest, and what a machine says when the test asks it itself.
#![allow(dead_code, reason = "every test crate uses its own part of it")]

use crate::bed::{Bed, Port};
use crate::sealed::{Outcome, plugins};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine, in looks of a tenth of a second.
const PATIENCE: usize = 3000;

/// Hosts that ssh reaches. Each ends with all that runs on it.
pub struct Lab {
    bed: Bed,
    servers: Vec<Child>,
    ports: Vec<Port>,
}

/// Kernel and initramfs of the guest.
pub struct Image {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initrd: PathBuf,
}

/// Starts machines without a board, the quickest there are, with our own folders, so that they count as ours.
pub fn crowd(lab: &Lab, count: usize) {
    let runs = lab.runs().display().to_string();
    lab.ssh(
        "lab00",
        &format!(
            "for n in $(seq 1 {count}); do key=$(printf %032d $n); mkdir -p {runs}/$key\n\
             qemu-system-x86_64 -name crowd$n -M none -nodefaults -display none -daemonize \
             -qmp unix:{runs}/$key/qmp,server=on,wait=off || exit\ndone"
        ),
    );
}

/// The image, built when it is not there yet.
pub fn image() -> Image {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/qemu");
    let script = here.join("image.sh");
    let parts = [fs::read(&script).unwrap(), fs::read(here.join("image/init")).unwrap()].concat();
    let sum = parts
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let folder = cache.join(format!("ctys-tests/qemu-{sum:016x}"));
    let status = Command::new(&script).arg(&folder).status().unwrap();
    assert!(status.success(), "{} failed", script.display());
    Image { kernel: folder.join("vmlinuz"), initrd: folder.join("initrd") }
}

impl Lab {
    /// These hosts.
    pub fn start(names: &[&str]) -> Lab {
        Lab::start_with(names, "")
    }

    /// These hosts, with more lines for their servers' configuration.
    pub fn start_with(names: &[&str], server_lines: &str) -> Lab {
        let bed = Bed::start_with(1, server_lines);
        assert_eq!(bed.user, "root", "the hosts are process namespaces, which root makes");
        let mut lab = Lab { bed, servers: Vec::new(), ports: Vec::new() };
        for (n, name) in names.iter().enumerate() {
            lab.host(name, n);
        }
        lab
    }

    fn host(&mut self, name: &str, number: usize) {
        let folder = &self.bed.folder;
        let home = folder.join(format!("home-{name}"));
        fs::create_dir_all(&home).unwrap();
        let address = &self.bed.addresses[0];
        let kept = Port::of(address);
        let port = kept.number;
        // As the first server of the bed, at another port, with another home.
        let text = fs::read_to_string(folder.join("sshd_config_0")).unwrap();
        let text: String = text
            .lines()
            .map(|line| match line.split(' ').next() {
                Some("Port") => format!("Port {port}\n"),
                Some("SetEnv") => format!("SetEnv HOME={}\n", home.display()),
                Some("ListenAddress") => format!("ListenAddress {address}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let file = folder.join(format!("sshd_config_{name}_{number}"));
        fs::write(&file, text).unwrap();
        let accounts = folder.join(format!("passwd-{name}"));
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let mut ours = format!("root:x:0:0:root:{}:/bin/sh\n", home.display());
        ours.extend(passwd.lines().filter(|line| !line.starts_with("root:")).flat_map(|line| [line, "\n"]));
        fs::write(&accounts, ours).unwrap();
        fs::set_permissions(&accounts, fs::Permissions::from_mode(0o644)).unwrap();
        // Process 1 of the namespace is sshd: with it everything in there ends.
        let script = "mount --bind \"$1\" /etc/passwd && hostname \"$2\" && shift 2 && exec /usr/sbin/sshd \"$@\"";
        let mut server = Command::new("unshare")
            .args(["--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--uts", "--propagation", "private"])
            .args(["sh", "-c", script, "sh"])
            .arg(&accounts)
            .args([name, "-D", "-e", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare (Debian: util-linux)");
        let mut said = BufReader::new(server.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Server listening") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "the sshd of {name} ended");
        }
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        self.servers.push(server);
        self.ports.push(kept);
        let known = fs::read_to_string(folder.join("host_ed25519.pub")).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(folder.join("known_hosts")).unwrap();
        writeln!(file, "[{address}]:{port} {known}").unwrap();
        self.bed.configure(&format!("Host {name}\n    HostName {address}\n    Port {port}\n"));
    }

    /// The home of a host's account.
    pub fn home(&self, host: &str) -> PathBuf {
        self.bed.folder.join(format!("home-{host}"))
    }

    /// Makes further hosts known to the client, by lines of ssh_config.
    pub fn know(&self, hosts: &str) {
        self.bed.configure(hosts);
    }

    /// The client's configuration.
    pub fn config(&self) -> &Path {
        &self.bed.config
    }

    /// Where machines of these hosts have their sockets and their state.
    pub fn runs(&self) -> PathBuf {
        self.bed.folder.join("run")
    }

    /// The variables of a call.
    pub fn variables(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("CTYS_PLUGIN_PATH", plugins()),
            ("CTYS_QEMU_RUN_DIR", self.runs()),
            ("CTYS_QEMU_STATE_DIR", self.bed.folder.join("state")),
            ("HOME", self.bed.folder.join("caller")),
        ]
    }

    /// `ctys -t qemu ...`.
    pub fn ctys(&self, words: &[&str]) -> Outcome {
        self.call(&["-t", "qemu"], words)
    }

    /// `ctys TOOL -t qemu ...`: a companion tool.
    pub fn tool(&self, tool: &str, words: &[&str]) -> Outcome {
        self.call(&[tool, "-t", "qemu"], words)
    }

    fn call(&self, first: &[&str], words: &[&str]) -> Outcome {
        // A tool's name is the first word of all.
        let (name, first) = first.split_at(usize::from(!first[0].starts_with('-')));
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
        fs::create_dir_all(self.bed.folder.join("caller")).unwrap();
        command.args(name).arg("--ssh-config").arg(&self.bed.config).args(first).args(words);
        command.env_remove("DISPLAY").envs(self.variables()).stdin(Stdio::null());
        Outcome::of(command.output().unwrap(), format!("ctys {} {}", first.join(" "), words.join(" ")))
    }

    /// What a list tells in JSON, by label.
    pub fn list(&self, host: &str) -> Vec<Value> {
        let json = self.ctys(&["-a", "list=json", host]).ok();
        let json: Value = serde_json::from_str(&json).unwrap();
        json["records"].as_array().unwrap().clone()
    }

    /// A call typed on a host, in whose shell `ctys` is the program of this build, ending as it may.
    pub fn typed(&self, host: &str, display: &str, line: &str) -> Outcome {
        fs::create_dir_all(self.bed.folder.join("caller")).unwrap();
        let variables = self.variables().into_iter().map(|(name, value)| format!("{name}='{}'", value.display()));
        let variables: Vec<String> = variables.chain([format!("DISPLAY='{display}'")]).collect();
        let (program, config) = (env!("CARGO_BIN_EXE_ctys"), self.bed.config.display());
        let shell = format!(
            "export {}\nctys() {{ '{program}' --ssh-config '{config}' --connect-timeout 60s --silence-timeout 60s \"$@\"; }}\n{line}",
            variables.join(" ")
        );
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(&self.bed.config).args([host, "--", &shell]).stdin(Stdio::null());
        Outcome::of(ssh.output().unwrap(), line.to_string())
    }

    /// A shell command on a host.
    pub fn ssh(&self, host: &str, command: &str) -> String {
        let output = Command::new("ssh").arg("-F").arg(&self.bed.config).args([host, "--", command]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Configures a machine with the tests' guest in the home of a host.
    pub fn configure(&self, host: &str, label: &str, uuid: &str, kernel_words: &str) -> Machine {
        self.configure_with(host, label, uuid, &format!("console=ttyS0 quiet {kernel_words}"), "")
    }

    /// The same with these words for the kernel, and more arguments of QEMU.
    pub fn configure_with(&self, host: &str, label: &str, uuid: &str, kernel_words: &str, more: &str) -> Machine {
        let Image { kernel, initrd } = image();
        // Where the host is busy an emulated timer is late, and a guest that checks it would stop there.
        let text = format!(
            "#@#MAGICID-QEMU\n#@#LABEL = \"{label}\"\n#@#UUID = \"{uuid}\"\n-accel tcg -m 128 -nodefaults\n\
             -kernel '{}' -initrd '{}'\n-append 'no_timer_check {kernel_words}'\n{more}\n\
             -nic user,mac=52:54:00:00:00:{},model=virtio-net-pci\n",
            kernel.display(),
            initrd.display(),
            &uuid[uuid.len() - 2..]
        );
        self.file(host, &format!("vm/{label}/{label}.ctys"), &text);
        self.machine(uuid)
    }

    /// The machine of this uuid.
    pub fn machine(&self, uuid: &str) -> Machine {
        let key = uuid.replace('-', "");
        Machine { folder: self.runs().join(&key), state: self.bed.folder.join("state").join(key) }
    }

    /// A file in the home of whoever calls.
    pub fn of_caller(&self, path: &str, text: &str) {
        let path = self.bed.folder.join("caller").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file in the home of a host.
    pub fn file(&self, host: &str, path: &str, text: &str) {
        let path = self.home(host).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for server in &mut self.servers {
            // Ours and not yet waited for, so its number cannot be anybody else's. Its child is killed with it.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// The lowest port from this one on that nobody has.
pub fn free_from(port: u16) -> u16 {
    (port..).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// The cells of a table's rows without its header. A host has a row for each of its addresses: here one, and of it only
/// what does not depend on the machine that runs the tests.
pub fn rows(table: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_string()).collect();
    let mut rows: Vec<Vec<String>> = table.lines().skip(2).map(cells).collect();
    for row in &mut rows {
        match (row[1].as_str(), row[3].as_str()) {
            ("PM", _) => row.truncate(4),
            (_, "PM") => row[1].clear(),
            _ => {}
        }
    }
    rows.dedup();
    rows
}

/// Waits until something has come about, however busy the machine is.
#[track_caller]
pub fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < Duration::from_secs(300), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// One machine of the tests, seen beside `ctys`.
pub struct Machine {
    /// Its sockets.
    pub folder: PathBuf,
    /// Its log and its state.
    pub state: PathBuf,
}

impl Machine {
    /// Asks it by QMP; none when nobody listens.
    pub fn ask(&self, command: &str) -> Option<Value> {
        let stream = UnixStream::connect(self.folder.join("qmp")).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        lines.next()?.ok()?;
        let mut last = Value::Null;
        for command in ["qmp_capabilities", command] {
            (&stream).write_all(format!("{{\"execute\":\"{command}\"}}\n").as_bytes()).ok()?;
            last = loop {
                let answer: Value = serde_json::from_str(&lines.next()?.ok()?).unwrap();
                if answer.get("event").is_none() {
                    break answer["return"].clone();
                }
            };
        }
        Some(last)
    }

    /// Its state in QEMU's own word; `gone` when nobody listens.
    pub fn status(&self) -> String {
        self.ask("query-status").map_or("gone".into(), |status| status["status"].as_str().unwrap().to_string())
    }

    /// What its serial line said.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.state.join("serial.log")).unwrap_or_default()).into_owned()
    }

    /// Waits until its serial line said this for the n-th time.
    #[track_caller]
    pub fn wait_for(&self, text: &str, times: usize) {
        for _ in 0..PATIENCE {
            if self.log().matches(text).count() >= times {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{text} never came:\n{}", self.log());
    }

    /// Types a line into it and reads up to its next prompt.
    pub fn type_in(&self, line: &str) -> String {
        let stream = UnixStream::connect(self.folder.join("serial")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        (&stream).write_all(format!("{line}; echo en''d\n").as_bytes()).unwrap();
        let mut said = String::new();
        for line in BufReader::new(&stream).lines() {
            let line = line.unwrap();
            if line.trim_end() == "end" {
                break;
            }
            writeln!(said, "{}", line.trim_end()).unwrap();
        }
        said
    }

    /// The counter in its memory.
    pub fn count(&self) -> u64 {
        // The guest may be in the middle of writing it, when the file is empty.
        let mut said = String::new();
        for _ in 0..100 {
            said = self.type_in("cat /tmp/count");
            if let Some(count) = said.lines().rev().find_map(|line| line.trim().parse().ok()) {
                return count;
            }
        }
        panic!("no number in {said}");
    }
}
