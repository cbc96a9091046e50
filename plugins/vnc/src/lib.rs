//! The plugin for VNC desktops (ctys.md 5.1 VNC): LIST, CREATE, CANCEL, INFO, GETCLIENTPORT, ISACTIVE.
//!
//! Read in this order, which is the same in every plugin: this page (who is asked what); [`probes`] (what it wants to
//! know); [`parse`] (how the arguments of a process become values, a sample above each parser); [`columns`] (what a row
//! has not); [`actions`] (one file per verb). [`desktops`] tells which servers and viewers run and which are meant, [`start`] how one is started.
//!
//! The process table is the only truth: a desktop is found whoever started it, and nothing is written down but the one
//! password file that the tools themselves use. Desktops are never enumerated, since none is configured; SHOW is the physical
//! machine's.
//!
//! Never runs anything, never reads a file, keeps no state.

#![forbid(unsafe_code)]

pub mod actions;
pub mod columns;
pub mod desktops;
pub mod parse;
pub mod probes;
pub mod start;

use actions::{ask, cancel, create, info, list};
use ctys_plugin::model::{Action, Effect, Facts, Findings, Manifest, Next, Probe, Replies, Request};
use ctys_plugin::{Plugin, harmless};

/// The session type, and the only one.
pub const SESSION_TYPE: &str = "VNC";

/// The plugin.
pub struct Vnc;

impl Plugin for Vnc {
    fn manifest() -> Manifest {
        ctys_plugin::manifest(include_bytes!("../manifest.json"))
    }

    fn wants(request: &Request) -> Vec<Probe> {
        match &request.action {
            Action::List(list) => list::wants(list),
            Action::Info => info::wants(),
            Action::Create(create) => create::wants(request, create),
            Action::Cancel(_) => cancel::wants(),
            Action::GetClientPort(_) | Action::IsActive(_) => ask::wants(),
            _ => Vec::new(),
        }
    }

    fn plan(request: &Request, facts: &Facts) -> Effect {
        let effect = match &request.action {
            Action::List(list) => Effect::Report(list::plan(request, list, facts)),
            Action::Info => Effect::Report(info::plan(request, facts)),
            Action::Create(create) => create::plan(request, create, facts),
            Action::Cancel(cancel) => cancel::plan(request, cancel, facts),
            Action::GetClientPort(address) => Effect::Report(ask::port(request, address, facts)),
            Action::IsActive(address) => Effect::Report(ask::active(request, address, facts)),
            _ => ctys_plugin::unserved(request),
        };
        harmless::effect(effect)
    }

    fn read(request: &Request, facts: &Facts, replies: &Replies) -> Next {
        let next = match &request.action {
            Action::Create(create) => create::read(request, create, facts, replies),
            Action::Cancel(cancel) => cancel::read(request, cancel, facts, replies),
            // The others report at once: nothing comes back to them.
            _ => Next::Done(Findings::default()),
        };
        harmless::next(next)
    }
}

ctys_plugin::export_plugin!(Vnc, "vnc", "../manifest.json");
