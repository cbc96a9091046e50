//! The plugin for physical machines (ctys.md 5.1 PM): LIST, ENUMERATE, SHOW, INFO, CREATE with wake-on-LAN, CANCEL.
//!
//! Read in this order, which is the same in every plugin: this page (who is asked what); [`probes`] (what it wants to
//! know); [`parse`] (how tool output becomes values, a sample above each parser); [`columns`] (which column costs which
//! probe); [`actions`] (one file per verb). [`identity`] answers who this machine is, for the verbs that need it.
//!
//! Never runs anything, never reads a file, keeps no state.

#![forbid(unsafe_code)]

pub mod actions;
pub mod columns;
pub mod identity;
pub mod parse;
pub mod probes;

use actions::{cancel, create, enumerate, info, list, show};
use ctys_plugin::model::{Action, Effect, Facts, Findings, Manifest, Next, Probe, Replies, Request};
use ctys_plugin::{Plugin, harmless};

/// The session type, and the only one.
pub const SESSION_TYPE: &str = "PM";

/// The plugin.
pub struct Pm;

impl Plugin for Pm {
    fn manifest() -> Manifest {
        ctys_plugin::manifest(include_bytes!("../manifest.json"))
    }

    fn wants(request: &Request) -> Vec<Probe> {
        match &request.action {
            Action::List(list) => list::wants(list),
            Action::Enumerate(enumerate) => enumerate::wants(enumerate),
            Action::Show => show::wants(),
            Action::Info => info::wants(),
            Action::Create(create) => create::wants(request, create),
            Action::Cancel(cancel) => cancel::wants(cancel),
            Action::GetClientPort(_) | Action::IsActive(_) | Action::Tool(_) => Vec::new(),
        }
    }

    fn plan(request: &Request, facts: &Facts) -> Effect {
        let effect = match &request.action {
            Action::List(list) => Effect::Report(list::plan(list, facts)),
            Action::Enumerate(enumerate) => Effect::Report(enumerate::plan(enumerate, facts)),
            Action::Show => Effect::Report(show::plan(facts)),
            Action::Info => Effect::Report(info::plan(facts)),
            Action::Create(create) => create::plan(request, create, facts),
            Action::Cancel(cancel) => cancel::plan(request, cancel, facts),
            Action::GetClientPort(_) | Action::IsActive(_) | Action::Tool(_) => ctys_plugin::unserved(request),
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

ctys_plugin::export_plugin!(Pm, "pm", "../manifest.json");
