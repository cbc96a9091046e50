//! How a host is reached: the user's ssh_config decides the transport, the known host keys decide the trust.

mod environment;

pub use environment::Environment;

use crate::transport::openssh::{OpenSsh, OpenSshShell};
use crate::transport::process::LocalShell;
use crate::transport::{Clocks, Shell};
use ctys_model::{Bytes, Phase, Problem, Target};
use std::os::unix::ffi::OsStrExt;
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
    /// Why it is not `ssh2`: each directive with its reason, as `ProxyCommand: …`. Empty for `ssh2` and `local`.
    pub why: Vec<String>,
}

/// Reaches hosts. One for the whole run, shared by all threads: files, keys and the agent's list are read once.
pub struct Ssh {
    environment: Environment,
}

impl Ssh {
    /// Nothing is read before the first host asks for it.
    pub fn new(environment: Environment) -> Ssh {
        Ssh { environment }
    }

    /// The transport this target takes when nobody forces one.
    pub fn route(&self, target: &Target) -> Route {
        let transport = if target.local { Transport::Local } else { Transport::OpenSsh };
        Route { transport, why: Vec::new() }
    }

    /// Opens `/bin/sh` on the target. Returns when the login is done, or when the connect clock or `deadline` (that of
    /// the host's total clock) has run out. A `forced` transport is taken without looking at [`Ssh::route`].
    pub fn connect(
        &self,
        target: &Target,
        clocks: &Clocks,
        deadline: Instant,
        forced: Option<Transport>,
    ) -> Result<Box<dyn Shell>, Problem> {
        let transport = forced.unwrap_or_else(|| self.route(target).transport);
        let until = deadline.min(Instant::now() + clocks.connect);
        match transport {
            Transport::Local => {
                let home = Bytes(self.environment.home.as_os_str().as_bytes().to_vec());
                Ok(Box::new(LocalShell::start(&home)?))
            }
            Transport::OpenSsh => Ok(Box::new(OpenSshShell::connect(&self.openssh(target), until)?)),
            Transport::Ssh2 => Err(Problem::new(Phase::Here, "the ssh2 transport cannot be forced for this host")),
        }
    }

    fn openssh(&self, target: &Target) -> OpenSsh {
        OpenSsh {
            program: self.environment.ssh.clone(),
            config: self.environment.config.clone(),
            host: target.host.clone(),
            user: target.user.clone(),
            port: target.port,
            options: Vec::new(),
        }
    }
}
