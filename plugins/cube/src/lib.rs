//! The plugin for cubes and other runc containers: LIST, ENUMERATE, INFO, CREATE, CANCEL, ISACTIVE, and the companion tools
//! cube-ctl, cube-cfg, cube-console, cube-cmd.
//!
//! Read in this order: this page (who is asked what); [`places`] (where things are); [`probes`] (the one look at a host);
//! [`parse`] (what it tells); [`cube`] (a cube, put together from it); [`config`] (what the runtime is given); [`flow`] (work in
//! rounds); [`work`] (what is done to cubes); [`tools`] (the words of OverC); [`actions`] and [`columns`] (the words of ctys).
//!
//! Never runs anything, never reads a file, keeps no state.

#![forbid(unsafe_code)]

pub mod actions;
pub mod columns;
pub mod config;
pub mod cube;
pub mod flow;
pub mod parse;
pub mod places;
pub mod probes;
mod protect;
pub mod settings;
pub mod tools;
pub mod work;

use actions::{ask, cancel, create, info, list};
use ctys_plugin::model::{Action, Effect, Facts, Findings, Manifest, Next, Phase, Probe, Replies, Request};
use ctys_plugin::{Plugin, harmless};
use flow::Flow;

/// The session type, and the only one.
pub const SESSION_TYPE: &str = "CUBE";

/// The plugin.
pub struct Cubes;

impl Plugin for Cubes {
    fn manifest() -> Manifest {
        ctys_plugin::manifest(include_bytes!("../manifest.json"))
    }

    fn wants(request: &Request) -> Vec<Probe> {
        match &request.action {
            Action::List(list) => list::wants(request, list),
            Action::Enumerate(_) => list::wants_all(request),
            Action::Info => info::wants(request),
            Action::Create(_) | Action::Cancel(_) => vec![actions::look(request)],
            Action::IsActive(_) => ask::wants(request),
            // A tool looks under the lock, once.
            Action::Tool(_) | Action::Show | Action::GetClientPort(_) => Vec::new(),
        }
    }

    fn plan(request: &Request, facts: &Facts) -> Effect {
        let effect = match &request.action {
            Action::List(list) => Effect::Report(list::plan(request, list, facts)),
            Action::Enumerate(enumerate) => Effect::Report(list::enumerate(request, enumerate, facts)),
            Action::Info => Effect::Report(info::plan(request, facts)),
            Action::IsActive(address) => Effect::Report(ask::active(request, address, facts)),
            Action::Create(_) | Action::Cancel(_) | Action::Tool(_) => match follow(request, facts, None) {
                Next::Then(effect) | Next::Later { effect, .. } => effect,
                Next::Done(findings) => Effect::Report(findings),
            },
            Action::Show | Action::GetClientPort(_) => ctys_plugin::unserved(request),
        };
        harmless::effect(effect)
    }

    fn read(request: &Request, facts: &Facts, replies: &Replies) -> Next {
        harmless::next(follow(request, facts, Some(replies)))
    }
}

/// What follows from the replies to work in rounds.
fn follow(request: &Request, facts: &Facts, replies: Option<&Replies>) -> Next {
    let flow = Flow::new(request, facts, replies);
    let next = match &request.action {
        Action::Tool(call) => return flow.next(|flow| tools::run(flow, call)),
        Action::Create(create) => flow.next(|flow| create::run(flow, create)),
        Action::Cancel(cancel) => flow.next(|flow| cancel::run(flow, cancel)),
        _ => Next::Done(Findings::default()),
    };
    match next {
        Next::Done(findings) => Next::Done(Flow::as_action(findings, Phase::Run)),
        other => other,
    }
}

ctys_plugin::export_plugin!(Cubes, "cube", "../manifest.json");
