//! The plugin for tunnels (ctys.md 5.2 DIGGER): LIST, CREATE, CANCEL, GETCLIENTPORT, ISACTIVE.
//!
//! Read in this order, which is the same in every plugin: this page (who is asked what); [`probes`] (what it wants to
//! know); [`parse`] (how the arguments of a process become a tunnel, a sample above the parser); [`columns`] (what a row
//! has not); [`actions`] (one file per verb). [`tunnels`] tells which ones there are and which are meant.
//!
//! A tunnel is a process on the machine it starts at, and its arguments are all that is known of it. So tunnels are listed
//! where they start, and a viewer's tunnel to lab00 is a row of the caller's machine.
//!
//! Never runs anything, never reads a file, keeps no state.

#![forbid(unsafe_code)]

pub mod actions;
pub mod columns;
pub mod parse;
pub mod probes;
pub mod tunnels;

use actions::{ask, cancel, create, list};
use ctys_plugin::model::{Action, Effect, Facts, Findings, Manifest, Next, Probe, Replies, Request};
use ctys_plugin::{Plugin, harmless};

/// The session type of `-t`. The rows of LIST have that of what is behind the tunnel: `SSH(XEN)`.
pub const SESSION_TYPE: &str = "DIGGER";

/// The plugin.
pub struct Digger;

impl Plugin for Digger {
    fn manifest() -> Manifest {
        ctys_plugin::manifest(include_bytes!("../manifest.json"))
    }

    fn wants(request: &Request) -> Vec<Probe> {
        match &request.action {
            Action::List(list) => list::wants(list),
            Action::Create(_) => create::wants(),
            Action::Cancel(_) => cancel::wants(),
            Action::GetClientPort(_) | Action::IsActive(_) => ask::wants(),
            _ => Vec::new(),
        }
    }

    fn plan(request: &Request, facts: &Facts) -> Effect {
        let effect = match &request.action {
            Action::List(list) => Effect::Report(list::plan(request, list, facts)),
            Action::Create(create) => create::plan(request, create),
            Action::Cancel(cancel) => cancel::plan(request, cancel, facts),
            Action::GetClientPort(address) => Effect::Report(ask::port(request, address, facts)),
            Action::IsActive(address) => Effect::Report(ask::active(request, address, facts)),
            _ => ctys_plugin::unserved(request),
        };
        harmless::effect(effect)
    }

    fn read(request: &Request, facts: &Facts, replies: &Replies) -> Next {
        let next = match &request.action {
            Action::Cancel(cancel) => cancel::read(request, cancel, facts, replies),
            // The others report at once: nothing comes back to them.
            _ => Next::Done(Findings::default()),
        };
        harmless::next(next)
    }
}

ctys_plugin::export_plugin!(Digger, "digger", "../manifest.json");
