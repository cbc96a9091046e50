//! How a host is reached: the user's ssh_config decides the transport, the known host keys decide the trust.

pub mod algorithms;
pub mod config;
pub mod directives;
mod environment;
pub mod expand;
pub mod keys;
pub mod known_hosts;
pub mod pattern;
pub mod ready;
pub mod syntax;
pub mod wire;

pub use config::{Config, Resolved, Unsupported};
pub use environment::Environment;

use crate::transport::openssh::{OpenSsh, OpenSshShell};
use crate::transport::process::LocalShell;
use crate::transport::ssh2::library::{Absent, Library};
use crate::transport::ssh2::{LoginPlace, Refusal, Ssh2Shell, plain_type, unknown_algorithm};
use crate::transport::{Clocks, Shell};
use algorithms::Family;
use ctys_model::{Bytes, Phase, Problem, Target};
use keys::{Keys, Plan};
use known_hosts::{HostKeys, KnownHosts, lookup_name};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

/// The ways to reach a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// This machine, no ssh.
    Local,
    /// libssh2 inside this process.
    Ssh2,
    /// The system's `ssh`.
    OpenSsh,
}

impl Transport {
    /// The word of INFO, plans and [`Shell::carrier`].
    pub fn word(self) -> &'static str {
        match self {
            Transport::Local => "local",
            Transport::Ssh2 => "ssh2",
            Transport::OpenSsh => "openssh",
        }
    }
}

/// Which transport a host takes and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The transport.
    pub transport: Transport,
    /// Why it is not `ssh2`. Empty for `ssh2` and `local`.
    pub why: Vec<Unsupported>,
}

/// Reaches hosts. One for the whole run, shared by all threads: files, keys and the agent's list are read once.
pub struct Ssh {
    environment: Environment,
    config: OnceLock<Config>,
    keys: Keys,
    known_hosts: KnownHosts,
}

/// All that is known of a host before the first packet.
struct Prepared {
    resolved: Resolved,
    plan: Plan,
    host_keys: HostKeys,
    why: Vec<Unsupported>,
}

impl Ssh {
    /// Nothing is read before the first host asks for it.
    pub fn new(environment: Environment) -> Ssh {
        Ssh { environment, config: OnceLock::new(), keys: Keys::default(), known_hosts: KnownHosts::default() }
    }

    /// The transport this target takes when nobody forces one.
    pub fn route(&self, target: &Target) -> Route {
        if target.local {
            return Route { transport: Transport::Local, why: Vec::new() };
        }
        let why = self.prepare(target).why;
        Route { transport: if why.is_empty() { Transport::Ssh2 } else { Transport::OpenSsh }, why }
    }

    /// What ssh_config says for this target.
    pub fn resolve(&self, target: &Target) -> Resolved {
        self.config.get_or_init(|| Config::read(&self.environment)).resolve(&self.environment, target)
    }

    /// The hosts that ssh_config names without a pattern.
    pub fn aliases(&self) -> Vec<String> {
        self.config.get_or_init(|| Config::read(&self.environment)).aliases()
    }

    /// Opens `/bin/sh` on the target. Returns when the login is done, or when the connect clock or `deadline` (that of
    /// the host's total clock) has run out.
    ///
    /// A `forced` transport is taken in the place of [`Ssh::route`]'s; `ssh2` is refused for a host it cannot honour.
    /// Without one, a host that has no algorithm in common with libssh2 is tried by `openssh`.
    pub fn connect(
        &self,
        target: &Target,
        clocks: &Clocks,
        deadline: Instant,
        forced: Option<Transport>,
    ) -> Result<Box<dyn Shell>, Problem> {
        self.connect_from(target, clocks, deadline, forced, None)
    }

    /// The same, with a place among the logins at that sshd, which is given back as soon as this one is over.
    pub fn connect_from(
        &self,
        target: &Target,
        clocks: &Clocks,
        deadline: Instant,
        forced: Option<Transport>,
        mut place: Option<LoginPlace>,
    ) -> Result<Box<dyn Shell>, Problem> {
        let until = deadline.min(Instant::now() + clocks.connect);
        let local = if target.local { Some(Transport::Local) } else { None };
        match forced.or(local) {
            Some(Transport::Local) => {
                let home = Bytes(self.environment.home.as_os_str().as_bytes().to_vec());
                return Ok(Box::new(LocalShell::start(&home)?));
            }
            Some(Transport::OpenSsh) => return self.by_openssh(target, &self.resolve(target), until),
            Some(Transport::Ssh2) | None => {}
        }
        let prepared = self.prepare(target);
        if !prepared.why.is_empty() && forced.is_none() {
            return self.by_openssh(target, &prepared.resolved, until);
        }
        let library = Library::get().map_err(no_library)?;
        if let Some(why) = prepared.why.first() {
            let message = format!("ssh2 cannot honour {} for this host: {}", why.directive, why.reason);
            return Err(Problem::new(Phase::Here, message).hint("leave the choice of the transport to ctys"));
        }
        match Ssh2Shell::connect(library, &prepared.resolved, &prepared.plan, &prepared.host_keys, until, &mut place) {
            Ok(shell) => Ok(Box::new(shell)),
            Err(Refusal::NoCommonAlgorithm(_)) if forced.is_none() => {
                self.by_openssh(target, &prepared.resolved, until)
            }
            Err(Refusal::NoCommonAlgorithm(problem) | Refusal::Final(problem)) => Err(problem),
        }
    }

    /// The call of `ssh` for a console, up to and with the host; the remote command is still to be added. Here a person
    /// sits at the terminal, so `ssh` may ask.
    pub fn interactive(&self, target: &Target, ptys: u8, forward_agent: bool) -> std::process::Command {
        let mut call = std::process::Command::new(&self.environment.ssh);
        if let Some(config) = &self.environment.config {
            call.arg("-F").arg(config);
        }
        call.args(match ptys {
            0 => &["-T"][..],
            1 => &["-t"],
            _ => &["-t", "-t"],
        });
        call.arg(if forward_agent { "-A" } else { "-a" });
        call.args(["-o", "RemoteCommand=none", "-o", "ClearAllForwardings=yes"]);
        if let Some(user) = &target.user {
            call.args(["-l", user]);
        }
        if let Some(port) = target.port {
            call.args(["-p", &port.to_string()]);
        }
        call.args(["--", &target.host]);
        call
    }

    /// The call of `ssh` that carries a tunnel, program and arguments up to and with the host. Nobody sits there, so it asks
    /// nothing; forwards that the configuration has for this host are not opened a second time.
    pub fn bare(&self, target: &Target) -> (PathBuf, Vec<OsString>) {
        let mut arguments: Vec<OsString> = Vec::new();
        if let Some(config) = &self.environment.config {
            arguments.extend(["-F".into(), config.into()]);
        }
        arguments.extend(["-N", "-T", "-x", "-a"].map(OsString::from));
        let mut options = vec![
            "BatchMode=yes",
            "ClearAllForwardings=yes",
            "RemoteCommand=none",
            "Tunnel=no",
            // At ERROR it would not tell of a connection that the host refused.
            "LogLevel=INFO",
            // A host that is gone is told from one that is silent.
            "ServerAliveInterval=15",
            "ServerAliveCountMax=3",
        ];
        options.extend(self.resolve(target).reset);
        arguments.extend(options.iter().flat_map(|option| ["-o".into(), OsString::from(option)]));
        self.push_host(target, &mut arguments);
        (self.environment.ssh.clone(), arguments)
    }

    /// The call of `ssh` for a program on the host that shows its window here, up to and with the host.
    pub fn windowed(&self, target: &Target, forward_agent: bool) -> std::process::Command {
        let mut arguments: Vec<OsString> = Vec::new();
        if let Some(config) = &self.environment.config {
            arguments.extend(["-F".into(), config.into()]);
        }
        arguments.extend(["-T", "-X", if forward_agent { "-A" } else { "-a" }].map(OsString::from));
        let mut options = vec!["BatchMode=yes", "ClearAllForwardings=yes", "RemoteCommand=none", "Tunnel=no"];
        options.extend(self.resolve(target).reset);
        arguments.extend(options.iter().flat_map(|option| ["-o".into(), OsString::from(option)]));
        self.push_host(target, &mut arguments);
        let mut call = std::process::Command::new(&self.environment.ssh);
        call.args(arguments).env_clear().envs(&self.environment.variables);
        call
    }

    /// The variables that `ssh` is started with.
    pub fn variables(&self) -> &BTreeMap<String, OsString> {
        &self.environment.variables
    }

    fn push_host(&self, target: &Target, arguments: &mut Vec<OsString>) {
        if let Some(user) = &target.user {
            arguments.extend(["-l".into(), user.into()]);
        }
        if let Some(port) = target.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        arguments.extend(["--".into(), OsString::from(&target.host)]);
    }

    fn by_openssh(&self, target: &Target, resolved: &Resolved, until: Instant) -> Result<Box<dyn Shell>, Problem> {
        let call = OpenSsh {
            program: self.environment.ssh.clone(),
            config: self.environment.config.clone(),
            host: target.host.clone(),
            user: target.user.clone(),
            port: target.port,
            options: resolved.reset.iter().map(|option| option.to_string()).collect(),
            variables: self.environment.variables.clone(),
        };
        Ok(Box::new(OpenSshShell::connect(&call, until)?))
    }

    fn prepare(&self, target: &Target) -> Prepared {
        let resolved = self.resolve(target);
        let plan = self.keys.plan(&resolved, self.environment.uid);
        let host_keys = self.host_keys(&resolved);
        let mut why = resolved.unsupported.clone();
        why.extend(plan.unsupported.iter().cloned());
        let mut refuse = |directive: &str, reason: &str| {
            why.push(Unsupported { directive: directive.to_string(), reason: reason.to_string() });
        };
        if host_keys.by_authority() {
            refuse("@cert-authority", "an authority vouches for this host");
        }
        let allowed = |kind: &&str| resolved.host_key_algorithms.iter().any(|name| plain_type(name) == *kind);
        let types = host_keys.types();
        if !types.is_empty() && !types.iter().any(allowed) {
            refuse("known_hosts", "the known key of this host is of a type that libssh2 does not know");
        }
        let families = [
            (Family::Kex, &resolved.kex),
            (Family::Cipher, &resolved.ciphers),
            (Family::Mac, &resolved.macs),
            (Family::HostKey, &resolved.host_key_algorithms),
        ];
        match Library::get() {
            Err(absent) => refuse("libssh2", &absent.why),
            Ok(library) => {
                for (family, names) in families {
                    // Whichever of the names would be agreed on must be one that both know, or the user's order is not kept.
                    if let Some(name) = unknown_algorithm(library, family, names) {
                        refuse(&family.directive().to_ascii_lowercase(), &format!("libssh2 does not know {name}"));
                    }
                }
            }
        }
        Prepared { resolved, plan, host_keys, why }
    }

    fn host_keys(&self, resolved: &Resolved) -> HostKeys {
        let files = || resolved.user_known_hosts.iter().chain(&resolved.global_known_hosts);
        if let Some(alias) = &resolved.host_key_alias {
            return self.known_hosts.look_up(files(), alias);
        }
        let with_port = self.known_hosts.look_up(files(), &lookup_name(&resolved.hostname, resolved.port));
        if resolved.port == 22 || with_port.vouches() {
            return with_port;
        }
        // ssh takes a key that is known for the host itself on any of its ports, too.
        let without = self.known_hosts.look_up(files(), &resolved.hostname);
        if without.vouches() { without.with_revoked_of(with_port) } else { with_port }
    }
}

fn no_library(absent: &Absent) -> Problem {
    Problem::new(Phase::Here, format!("there is no ssh2 transport: {}", absent.why))
}

/// What is to be said once, behind all hosts: they were reached, but not as they could have been.
pub fn complaint() -> Option<Problem> {
    let why = &Library::refused()?.why;
    let message = format!("hosts were reached by the system's ssh, which is slower: {why}");
    Some(Problem::new(Phase::Notice, message).hint("`ctys doctor HOST` tells which way each host takes"))
}

/// A login that ended before our shell began: a forced command, an account without a shell.
pub(crate) fn no_shell(status: Option<i32>, said: Option<&str>) -> Problem {
    let how = status.map_or("by a signal".to_string(), |status| format!("with status {status}"));
    let said = said.map_or_else(|| "without a word".to_string(), |said| format!("saying: {said}"));
    Problem::new(Phase::Login, format!("the login ended {how} before a shell started, {said}"))
        .hint("a forced command or an account without a shell answers like this")
}
