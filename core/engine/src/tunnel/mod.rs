//! Tunnels: a port here that leads to a port of the target, kept by a process of ours that outlives the call.
//!
//! ```text
//! ctys  -->  ctys-tunnel __tunnel label=tst100 ... lport=5950   (the keeper, a session of its own)
//!              `-- ssh -N ... lab00                             (listens on 127.0.0.1:5950, carries the bytes)
//! ```
//!
//! `ssh` itself listens, so a tunnel is as fast as `ssh -L` (measured side by side by `tests/bench/tunnel.rs`; an `ssh -W` for
//! each connection has half of its throughput and costs a login each time). The port is asked for over ssh's control socket once the login is done: the kernel's bind decides who gets it, and the next one costs no
//! second login. The socket is gone before anybody is told of the tunnel.
//!
//! Nothing is written down: [`keeper`] has its label, ports and target in its arguments ([`name`]), and the process table
//! is where LIST finds it. When the keeper ends, however it is ended, the kernel ends its ssh; when ssh ends, the keeper says
//! why in the log ([`log`]) and ends. It looks for clients in the kernel's own table ([`clients`]).

mod clients;
mod control;
mod keeper;
mod log;
pub mod name;

pub use keeper::serve;

use crate::world::Shared;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Phase, Problem, Target, Tunnel};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The first word of the call by which this program keeps a tunnel.
pub const HIDDEN_VERB: &str = "__tunnel";

/// How tunnels are opened and when they close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The lowest local port; the next free one is taken.
    pub first_port: u16,
    /// How long a tunnel waits for its first client.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { first_port: 5950, patience: Duration::from_secs(120) }
    }
}

impl Settings {
    /// From the settings of the plugin `digger`: `LOCAL_PORTREMAP` (a port) and `SSH_ONESHOT_TIMEOUT` (seconds).
    pub fn read(settings: &BTreeMap<String, String>) -> Result<Settings, Problem> {
        let mut read = Settings::default();
        let wrong = |name: &str, value: &str, wanted: &str| {
            let message = format!("the setting {name} is \"{}\", which is no {wanted}", escape_for_eyes(value));
            Problem::new(Phase::Here, message).hint(format!("CTYS_DIGGER_{name} sets it"))
        };
        if let Some(value) = settings.get("LOCAL_PORTREMAP") {
            let port = value.parse().ok().filter(|port| *port > 0);
            read.first_port = port.ok_or_else(|| wrong("LOCAL_PORTREMAP", value, "port"))?;
        }
        if let Some(value) = settings.get("SSH_ONESHOT_TIMEOUT") {
            let seconds = value.parse::<u32>().ok().filter(|seconds| *seconds > 0);
            let seconds = seconds.ok_or_else(|| wrong("SSH_ONESHOT_TIMEOUT", value, "number of seconds"))?;
            read.patience = Duration::from_secs(seconds.into());
        }
        Ok(read)
    }
}

/// A tunnel that is open.
#[derive(Debug)]
pub struct Opened {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The process that keeps it.
    pub process: u32,
    /// Not waited for: it outlives us, and until then its number is not used again.
    keeper: Child,
}

impl Opened {
    /// Closes it at once.
    pub fn close(mut self) {
        // SAFETY: the child is ours and not waited for, so the number is still its own.
        unsafe { libc::kill(self.process as libc::pid_t, libc::SIGTERM) };
        let _ = self.keeper.wait();
    }
}

/// What a keeper is told on its standard input.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    /// What the tunnel is called.
    tunnel: name::Name,
    /// The lowest local port.
    first_port: u16,
    /// The call of ssh up to and with the host, without the control socket.
    program: PathBuf,
    arguments: Vec<OsString>,
    /// Milliseconds until the login must be done.
    connect_ms: u64,
}

/// Opens a tunnel to a port of the target and returns when it listens. It closes by itself when its last client has gone.
pub fn open(shared: &Shared, target: &Target, tunnel: &Tunnel, settings: &Settings) -> Result<Opened, Problem> {
    if target.local {
        let message = format!("{} is on this machine: its port {} needs no tunnel", tunnel.label, tunnel.remote_port);
        return Err(Problem::new(Phase::Usage, message));
    }
    if shared.replay.is_some() {
        return Err(Problem::new(Phase::Usage, "a replay opens no tunnel"));
    }
    let connect = shared.clocks.connect.max(shared.ssh.resolve(target).connect_timeout.unwrap_or_default());
    let (program, arguments) = shared.ssh.bare(target);
    let order = Order {
        tunnel: name::Name {
            label: tunnel.label.clone(),
            session_type: tunnel.session_type.clone(),
            local_port: 0,
            remote_port: tunnel.remote_port,
            target: target.to_string(),
            patience_s: settings.patience.as_secs(),
        },
        first_port: settings.first_port,
        program,
        arguments,
        connect_ms: connect.as_millis() as u64,
    };
    start(&order, shared.ssh.variables())
}

/// Starts a keeper and waits for its word.
fn start(order: &Order, variables: &BTreeMap<String, OsString>) -> Result<Opened, Problem> {
    let here = |why: String| Problem::new(Phase::Here, format!("the tunnel cannot be opened: {why}"));
    let mut command = Command::new("/proc/self/exe");
    command.arg0(name::PROGRAM).arg(HIDDEN_VERB).env_clear().envs(variables);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir("/");
    // SAFETY: setsid is async-signal-safe and touches nothing of this process.
    unsafe {
        command.pre_exec(|| match libc::setsid() {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let mut keeper = command.spawn().map_err(|error| here(error.to_string()))?;
    let text = serde_json::to_vec(order).map_err(|error| here(error.to_string()))?;
    // A keeper that ended already has said why.
    let _ = keeper.stdin.take().map(|mut input| input.write_all(&text));
    let mut answer = String::new();
    let output = keeper.stdout.take().ok_or_else(|| here("it has no output".into()))?;
    let read = BufReader::new(output).read_line(&mut answer);
    let said: Result<Result<u16, Problem>, _> = serde_json::from_str(&answer);
    match (read, said) {
        (Ok(_), Ok(Ok(port))) => Ok(Opened { port, process: keeper.id(), keeper }),
        (Ok(_), Ok(Err(problem))) => {
            let _ = keeper.wait();
            Err(problem)
        }
        _ => {
            let _ = keeper.kill();
            let ended = keeper.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(here(format!("its keeper ended without a word ({ended})")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_or_refused_by_name() {
        let read = |name: &str, value: &str| Settings::read(&BTreeMap::from([(name.to_string(), value.to_string())]));
        assert_eq!(Settings::read(&BTreeMap::new()), Ok(Settings::default()));
        assert_eq!(read("LOCAL_PORTREMAP", "7000").unwrap().first_port, 7000);
        assert_eq!(read("SSH_ONESHOT_TIMEOUT", "20").unwrap().patience, Duration::from_secs(20));
        for (name, value) in [("LOCAL_PORTREMAP", "0"), ("LOCAL_PORTREMAP", "70000"), ("SSH_ONESHOT_TIMEOUT", "soon")] {
            let problem = read(name, value).unwrap_err();
            assert_eq!(problem.phase, Phase::Here);
            assert!(problem.message.contains(name) && problem.message.contains(value), "{problem:?}");
        }
    }
}
