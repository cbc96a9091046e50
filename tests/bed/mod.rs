//! A bed of real sshd instances on loopback, for tests that claim "works over SSH".
//!
//! Plain Rust on top of std, for any test crate: `#[path = "../../../tests/bed/mod.rs"] mod bed;`. Needs
//! `openssh-server` and `openssh-client`. Everything lives in one temporary folder and ends with the [`Bed`], each
//! process by its own number. It uses the account that runs the tests, with keys and files of its own: nothing of
//! `~/.ssh` or `/etc/ssh` is read or written.
//!
//! The client's `ssh_config` (see [`Bed::config`]) names these hosts:
//!
//! | host        | what it is                                                          |
//! |-------------|---------------------------------------------------------------------|
//! | `lab000` …  | good hosts, one loopback address each; every second one is known by a hashed line |
//! | `refusing`  | nobody listens                                                      |
//! | `silent`    | accepts and never speaks                                            |
//! | `changed`   | known by another key                                                |
//! | `unknown`   | not known at all                                                    |
//! | `revoked`   | its key is marked as revoked                                        |
//! | `nowhere`   | a name without an address                                           |
//! | `stranger`  | its key is right, ours opens nothing there                          |
//! | `jumped`    | behind `lab000`, by ProxyJump                                       |
//! | `proxied`   | behind `lab000`, by ProxyCommand                                    |
//! | `by-agent`  | by a key that only the agent holds (see [`Bed::agent_socket`])      |
//! | `by-cert`   | by a user certificate                                               |
//! | `by-ecdsa`  | known by its ECDSA key alone                                        |
//! | `packed`    | with compression                                                    |
//! | `old-kex`   | a key exchange chosen by the user                                   |
#![allow(dead_code, reason = "every test crate uses its own part of it")]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// An OpenSSH server listens on at most this many addresses (MAX_LISTEN_SOCKS in sshd.c).
const ADDRESSES_PER_SERVER: usize = 16;

/// How long a server may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The servers, the agent and their files.
pub struct Bed {
    /// The temporary folder.
    pub folder: PathBuf,
    /// The client's configuration, for `ssh -F` and the like.
    pub config: PathBuf,
    /// The socket of an agent that holds one key. No host but `by-agent` names it.
    pub agent_socket: PathBuf,
    /// The port of all good hosts.
    pub port: u16,
    /// The names `lab000`, `lab001` ….
    pub hosts: Vec<String>,
    /// The addresses of [`hosts`](Self::hosts).
    pub addresses: Vec<String>,
    /// The account that runs the tests and that all hosts log in to.
    pub user: String,
    children: Vec<Child>,
    log: Arc<Mutex<String>>,
    silent: TcpListener,
    refusing: Port,
    _good: Port,
}

/// A port that is kept from everybody who takes any free one, and on which nobody listens: whoever connects is refused. A server
/// that is told this very port may listen there.
pub struct Port {
    /// Its number.
    pub number: u16,
    _socket: OwnedFd,
}

impl Port {
    /// One of this address.
    pub fn of(address: &str) -> Port {
        let address: Ipv4Addr = address.parse().unwrap();
        // SAFETY: plain system calls; the descriptor is nobody else's, and all structures are ours and of the length that is told.
        unsafe {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
            assert!(socket >= 0, "{}", std::io::Error::last_os_error());
            let socket = OwnedFd::from_raw_fd(socket);
            let (fd, on) = (socket.as_raw_fd(), 1);
            let size = |size: usize| size as libc::socklen_t;
            let shared = (&raw const on).cast();
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, shared, size(size_of::<libc::c_int>()));
            let mut place: libc::sockaddr_in = std::mem::zeroed();
            place.sin_family = libc::AF_INET as libc::sa_family_t;
            place.sin_addr.s_addr = u32::from(address).to_be();
            let mut length = size(size_of::<libc::sockaddr_in>());
            let bound = libc::bind(fd, (&raw const place).cast(), length);
            assert_eq!(bound, 0, "{address}: {}", std::io::Error::last_os_error());
            assert_eq!(libc::getsockname(fd, (&raw mut place).cast(), &mut length), 0);
            Port { number: u16::from_be(place.sin_port), _socket: socket }
        }
    }
}

impl Bed {
    /// A bed with so many good hosts; 1 to 200 times 250 of them.
    pub fn start(count: usize) -> Bed {
        Bed::start_with(count, "")
    }

    /// Like [`Bed::start`], with more lines for each server's configuration, such as `SetEnv PATH=/some/folder`. On the
    /// hosts, `$HOME` is the folder `home` of the bed.
    pub fn start_with(count: usize, server_lines: &str) -> Bed {
        static BEDS: AtomicUsize = AtomicUsize::new(0);
        let (process, bed) = (std::process::id() as usize, BEDS.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("ctys-bed-{process}-{bed}"));
        fs::create_dir_all(&folder).unwrap();
        // Processes of one machine differ in the second and third byte, beds of one process in the port.
        let network = |place: usize| format!("127.{}.{}.{}", 2 + process % 250, 1 + place / 250, 1 + place % 250);
        let addresses: Vec<String> = (0..count.max(1)).map(network).collect();
        let (good, refusing) = (Port::of(&addresses[0]), Port::of(&addresses[0]));
        let silent = TcpListener::bind((addresses[0].as_str(), 0)).unwrap();
        let mut bed = Bed {
            config: folder.join("ssh_config"),
            agent_socket: folder.join("agent"),
            port: good.number,
            hosts: (0..addresses.len()).map(|place| format!("lab{place:03}")).collect(),
            addresses,
            user: text_of(Command::new("id").arg("-un")),
            children: Vec::new(),
            log: Arc::default(),
            silent,
            refusing,
            _good: good,
            folder,
        };
        bed.make_keys();
        bed.start_servers(server_lines);
        bed.start_agent();
        bed.write_known_hosts();
        bed.write_config();
        bed
    }

    /// A file of the bed.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What all servers have written so far: `Accepted publickey for … ED25519-CERT …`.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The SHA256 fingerprint of the servers' key, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self, key: &str) -> String {
        let line = text_of(Command::new("ssh-keygen").arg("-lf").arg(self.path(&format!("{key}.pub"))));
        line.split(' ').nth(1).unwrap().to_string()
    }

    /// Makes a key pair of this name, with these options of ssh-keygen, that opens the good hosts.
    pub fn add_key(&self, name: &str, options: &[&str]) -> PathBuf {
        let path = self.path(name);
        run(Command::new("ssh-keygen").args(["-q", "-N", "", "-C", name]).args(options).arg("-f").arg(&path));
        let mut authorized = fs::read_to_string(self.path("authorized_keys")).unwrap();
        writeln!(authorized, "{}", self.public_key(name)).unwrap();
        write(&self.path("authorized_keys"), &authorized);
        path
    }

    /// Puts lines in front of the client's configuration, where they win.
    pub fn configure(&self, lines: &str) {
        let config = fs::read_to_string(&self.config).unwrap();
        write(&self.config, &format!("{lines}\n{config}"));
    }

    fn make_keys(&self) {
        for (name, kind) in [
            ("host_ed25519", "ed25519"),
            ("host_ecdsa", "ecdsa"),
            ("other_host", "ed25519"),
            ("id_ed25519", "ed25519"),
            ("id_ecdsa", "ecdsa"),
            ("id_agent", "ed25519"),
            ("id_cert", "ed25519"),
            ("id_stranger", "ed25519"),
            ("user_ca", "ed25519"),
        ] {
            run(Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", name, "-f"]).arg(self.path(name)));
        }
        run(Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "a passphrase", "-f"])
            .arg(self.path("id_locked")));
        let authorized: String =
            ["id_ed25519", "id_ecdsa", "id_agent"].iter().map(|name| self.public_key(name) + "\n").collect();
        write(&self.path("authorized_keys"), &authorized);
        run(Command::new("ssh-keygen")
            .args(["-q", "-I", "bed", "-n", &self.user, "-s"])
            .args([self.path("user_ca"), self.path("id_cert.pub")]));
    }

    fn public_key(&self, name: &str) -> String {
        let line = fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ").trim_end().to_string()
    }

    fn start_servers(&mut self, more_lines: &str) {
        // sshd of root wants its folder for privilege separation; a service manager would make it.
        let _ = fs::create_dir("/run/sshd");
        // The login shell reads no start-up file of the account: those of a developer may start a hundred processes.
        fs::create_dir_all(self.path("home")).unwrap();
        let folder = self.folder.display();
        for (number, addresses) in self.addresses.clone().chunks(ADDRESSES_PER_SERVER).enumerate() {
            let mut text = format!(
                "Port {}\nHostKey {folder}/host_ed25519\nHostKey {folder}/host_ecdsa\n\
                 AuthorizedKeysFile {folder}/authorized_keys\nTrustedUserCAKeys {folder}/user_ca.pub\n\
                 StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
                 PermitRootLogin yes\nPidFile none\nPrintMotd no\nLogLevel VERBOSE\n",
                self.port
            );
            for address in addresses {
                writeln!(text, "ListenAddress {address}").unwrap();
            }
            // Only the first SetEnv of a file counts, hence one line for both.
            match more_lines.split_once("SetEnv ") {
                Some((before, after)) => write!(text, "{before}SetEnv HOME={folder}/home {after}").unwrap(),
                None => write!(text, "SetEnv HOME={folder}/home\n{more_lines}").unwrap(),
            }
            // sshd takes the first value of a keyword: the test's own wins.
            text.push_str("\nMaxStartups 2000:30:4000\nX11Forwarding yes\n");
            let file = self.path(&format!("sshd_config_{number}"));
            write(&file, &text);
            let mut server = self.server();
            server
                .args(["-D", "-e", "-f"])
                .arg(&file)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped());
            // SAFETY: signal is async-signal-safe. Shells there end by SIGHUP as on any host, also where the tests run below nohup.
            unsafe {
                std::os::unix::process::CommandExt::pre_exec(&mut server, || {
                    libc::signal(libc::SIGHUP, libc::SIG_DFL);
                    Ok(())
                });
            }
            let mut child = server.spawn().expect("sshd (Debian: openssh-server)");
            let messages = child.stderr.take().unwrap();
            self.children.push(child);
            self.follow(messages, addresses.len());
        }
    }

    /// The call of sshd. Of root's it sees an account database of the bed's own (in a mount namespace that ends with the
    /// process): the account's start files are whatever the machine's owner wrote, and may be slow, locked or loud.
    fn server(&self) -> Command {
        if self.user != "root" {
            return Command::new("/usr/sbin/sshd");
        }
        let home = self.path("home");
        fs::create_dir_all(&home).unwrap();
        let accounts = fs::read_to_string("/etc/passwd").unwrap();
        let ours: String = accounts
            .lines()
            .map(|line| match line.strip_prefix("root:") {
                Some(_) => format!("root:x:0:0:root:{}:/bin/sh\n", home.display()),
                None => format!("{line}\n"),
            })
            .collect();
        let file = self.path("passwd");
        fs::write(&file, ours).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$1\" /etc/passwd && shift && exec /usr/sbin/sshd \"$@\"";
        command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).arg(&file);
        command
    }

    /// Waits until a server listens on all its addresses; its messages are collected from then on, too.
    fn follow(&self, messages: impl Read + Send + 'static, addresses: usize) {
        let (ready, up) = mpsc::channel();
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            let mut listening = 0;
            for line in BufReader::new(messages).lines().map_while(Result::ok) {
                listening += usize::from(line.starts_with("Server listening on "));
                if listening == addresses {
                    // Sent once more with every later line; nobody minds.
                    let _ = ready.send(());
                }
                let mut log = log.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        if up.recv_timeout(PATIENCE).is_err() {
            panic!("sshd does not come up:\n{}", self.log());
        }
    }

    fn start_agent(&mut self) {
        let mut child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&self.agent_socket)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ssh-agent (Debian: openssh-client)");
        // It prints the name of its socket once it listens there.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.children.push(child);
        run(Command::new("ssh-add").arg("-q").arg(self.path("id_agent")).env("SSH_AUTH_SOCK", &self.agent_socket));
        // From here on only the agent has the private key.
        fs::remove_file(self.path("id_agent")).unwrap();
    }

    fn write_known_hosts(&self) {
        let (good, other) = (self.public_key("host_ed25519"), self.public_key("other_host"));
        let name =
            |address: &str| if self.port == 22 { address.to_string() } else { format!("[{address}]:{}", self.port) };
        let (mut plain, mut hashed) = (String::from("# the hosts of the bed\n"), String::new());
        for (place, address) in self.addresses.iter().enumerate() {
            let file = if place % 2 == 0 { &mut plain } else { &mut hashed };
            writeln!(file, "{} {good}", name(address)).unwrap();
        }
        writeln!(plain, "changed {other}\nby-ecdsa {}\n@revoked revoked {good}", self.public_key("host_ecdsa"))
            .unwrap();
        write(&self.path("known_hosts"), &plain);
        let file = self.path("known_hosts_hashed");
        write(&file, &hashed);
        if !hashed.is_empty() {
            run(Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&file));
            let _ = fs::remove_file(self.path("known_hosts_hashed.old"));
        }
    }

    fn write_config(&self) {
        let folder = self.folder.display();
        let first = &self.addresses[0];
        let mut text = String::new();
        let mut host = |name: &str, lines: &[String]| {
            writeln!(text, "Host {name}").unwrap();
            for line in lines {
                writeln!(text, "    {line}").unwrap();
            }
        };
        for (name, address) in self.hosts.iter().zip(&self.addresses) {
            host(name, &[format!("HostName {address}")]);
        }
        let at_first = format!("HostName {first}");
        let aliased = |name: &str| vec![at_first.clone(), format!("HostKeyAlias {name}")];
        host("refusing", &[at_first.clone(), format!("Port {}", self.refusing.number)]);
        host("silent", &[at_first.clone(), format!("Port {}", self.silent.local_addr().unwrap().port())]);
        host("changed", &aliased("changed"));
        host("unknown", &aliased("unknown"));
        host("revoked", &aliased("revoked"));
        host("by-ecdsa", &aliased("by-ecdsa"));
        host("nowhere", &["HostName nowhere.invalid".into()]);
        host("stranger", &[at_first.clone(), format!("IdentityFile {folder}/id_stranger")]);
        host("jumped", &[at_first.clone(), "ProxyJump lab000".into()]);
        let through = format!("ProxyCommand ssh -F {} -o BatchMode=yes -W %h:%p lab000", self.config.display());
        host("proxied", &[at_first.clone(), through]);
        let agent = format!("IdentityAgent {}", self.agent_socket.display());
        host("by-agent", &[at_first.clone(), format!("IdentityFile {folder}/id_agent.pub"), agent]);
        let certificate = format!("CertificateFile {folder}/id_cert-cert.pub");
        host("by-cert", &[at_first.clone(), format!("IdentityFile {folder}/id_cert"), certificate]);
        host("packed", &[at_first.clone(), "Compression yes".into()]);
        let algorithms =
            ["KexAlgorithms ecdh-sha2-nistp256", "Ciphers aes256-ctr", "MACs hmac-sha2-512"].map(String::from);
        host("old-kex", &[std::slice::from_ref(&at_first), algorithms.as_slice()].concat());
        host("by-cert by-agent stranger", &["IdentitiesOnly yes".into()]);
        host(
            "* !by-cert !by-agent !stranger",
            &[format!("IdentityFile {folder}/id_ed25519"), "IdentityAgent none".into()],
        );
        host(
            "*",
            &[
                format!("Port {}", self.port),
                format!("User {}", self.user),
                format!("UserKnownHostsFile {folder}/known_hosts {folder}/known_hosts_hashed"),
                "GlobalKnownHostsFile none".into(),
            ],
        );
        write(&self.config, &text);
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for child in &mut self.children {
            // The child is ours and not yet waited for, so its number cannot be anybody else's.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Writes a file that only we may read: keys and configurations must be so.
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn text_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim_end().to_string()
}
