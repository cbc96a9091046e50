//! VNC viewers: there with their window forwarded to us, or here through a tunnel; detached from the call.

use crate::tunnel;
use crate::world::Shared;
use ctys_model::{Console, Location, Phase, Problem, Target};

/// What is to be shown, and how.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The console; its kind is VNC and it has a port.
    pub console: &'a Console,
    /// `-L`.
    pub location: Location,
    /// `-g`, as typed.
    pub geometry: Option<&'a str>,
    /// The viewer to take, a name or a path; none means the first one that is there.
    pub program: Option<&'a str>,
    /// More arguments for it (XOPTS).
    pub arguments: &'a [String],
    /// `-Y`.
    pub forward_agent: bool,
    /// How tunnels are opened.
    pub tunnels: &'a tunnel::Settings,
}

/// A viewer that is there.
#[derive(Debug)]
pub struct Opened {
    /// The process here: the viewer, or the ssh that forwards its window.
    pub process: u32,
    /// The local port of its tunnel, where it has one.
    pub tunnel: Option<u16>,
}

/// Opens a viewer and returns when it shows something, or when nothing speaks against it after a few seconds. One that fails
/// at once is a problem with its own words.
pub fn open(shared: &Shared, target: &Target, view: &View<'_>) -> Result<Opened, Problem> {
    let _ = (shared, target);
    Err(Problem::new(Phase::Here, format!("the viewer of {} was not opened", view.console.label)))
}
