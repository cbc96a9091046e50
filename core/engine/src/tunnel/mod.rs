//! Tunnels: a port here that leads to a port on the target, kept by a process of ours that outlives the call.

use crate::world::Shared;
use ctys_model::{Phase, Problem, Target, Tunnel};
use std::collections::BTreeMap;
use std::ffi::OsString;
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
        let _ = settings;
        Ok(Settings::default())
    }
}

/// A tunnel that is open.
#[derive(Debug)]
pub struct Opened {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The process that keeps it.
    pub process: u32,
}

/// Opens a tunnel to a port of the target and returns when it listens. It closes by itself when its last client has gone.
pub fn open(shared: &Shared, target: &Target, tunnel: &Tunnel, settings: &Settings) -> Result<Opened, Problem> {
    let _ = (shared, target, settings);
    Err(Problem::new(Phase::Here, format!("the tunnel to {} was not opened", tunnel.label)))
}

/// What `ctys __tunnel …` does, with the words after it. Returns the exit code.
pub fn serve(words: &[OsString]) -> u8 {
    let _ = words;
    1
}
