//! The plugin for QEMU and KVM machines (ctys.md 5.1 QEMU): LIST, ENUMERATE, INFO, CREATE, CANCEL, GETCLIENTPORT, ISACTIVE,
//! and the tool ctys-createConfVM.
//!
//! Read in this order, which is the same in every plugin: this page (who is asked what); [`probes`] (what it wants to
//! know); [`parse`] (how command lines, files and QMP become values, a sample above each parser); [`columns`] (which column
//! costs which probe); [`actions`] (one file per verb). [`host`] tells what runs, [`owner`] who started it, [`conf`] what
//! is configured, [`folders`] where the sockets of our own machines are, [`resolve`] which machine an address means.
//!
//! QEMU is spoken with by QMP, beside its socket: no port is opened for it. SHOW is the physical machine's, whatever `-t`
//! says (ctys.md 2.5).
//!
//! Never runs anything, never reads a file, keeps no state.

#![forbid(unsafe_code)]

pub mod actions;
pub mod columns;
pub mod conf;
pub mod folders;
pub mod host;
pub mod owner;
pub mod parse;
pub mod probes;
pub mod resolve;

use actions::{ask, cancel, configure, create, enumerate, info, list};
use ctys_plugin::model::{Action, Effect, Facts, Findings, Manifest, Next, Probe, Replies, Request};
use ctys_plugin::{Plugin, harmless};

/// The session type, and the only one.
pub const SESSION_TYPE: &str = "QEMU";

/// The plugin.
pub struct Qemu;

impl Plugin for Qemu {
    fn manifest() -> Manifest {
        ctys_plugin::manifest(include_bytes!("../manifest.json"))
    }

    fn wants(request: &Request) -> Vec<Probe> {
        match &request.action {
            Action::List(list) => list::wants(request, list),
            Action::Enumerate(enumerate) => enumerate::wants(enumerate),
            Action::Info => info::wants(),
            Action::Create(create) => create::wants(request, create),
            Action::Cancel(cancel) => cancel::wants(request, cancel),
            Action::GetClientPort(address) | Action::IsActive(address) => ask::wants(request, address),
            Action::Tool(_) => configure::wants(request),
            Action::Show => Vec::new(),
        }
    }

    fn plan(request: &Request, facts: &Facts) -> Effect {
        let effect = match &request.action {
            Action::List(list) => list::plan(request, list, facts),
            Action::Enumerate(enumerate) => Effect::Report(enumerate::plan(request, enumerate, facts)),
            Action::Info => Effect::Report(info::plan(request, facts)),
            Action::Create(create) => create::plan(request, create, facts),
            Action::Cancel(cancel) => cancel::plan(request, cancel, facts),
            Action::GetClientPort(address) => Effect::Report(ask::port(request, address, facts)),
            Action::IsActive(address) => Effect::Report(ask::active(request, address, facts)),
            Action::Tool(_) => configure::plan(request, facts),
            Action::Show => ctys_plugin::unserved(request),
        };
        harmless::effect(effect)
    }

    fn read(request: &Request, facts: &Facts, replies: &Replies) -> Next {
        let next = match &request.action {
            Action::List(list) => list::read(request, list, facts, replies),
            Action::Create(create) => create::read(request, create, facts, replies),
            Action::Cancel(cancel) => cancel::read(request, cancel, facts, replies),
            Action::Tool(_) => configure::read(request, facts, replies),
            // The others report at once: nothing comes back to them.
            _ => Next::Done(Findings::default()),
        };
        harmless::next(next)
    }
}

ctys_plugin::export_plugin!(Qemu, "qemu", "../manifest.json");
