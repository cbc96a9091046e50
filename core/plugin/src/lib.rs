//! What the author of a plugin depends on, and all of it.
//!
//! A plugin is one type with four pure functions ([`Plugin`]) and one line that exports it ([`export_plugin!`]). It performs
//! no I/O: it says which facts it needs, what is to be done, and what the replies mean; the engine does the rest.
//!
//! ```ignore
//! struct Lamp;
//!
//! impl ctys_plugin::Plugin for Lamp {
//!     fn manifest() -> Manifest { ctys_plugin::manifest(include_bytes!("../manifest.json")) }
//!     fn wants(request: &Request) -> Vec<Probe> { .. }
//!     fn plan(request: &Request, facts: &Facts) -> Effect { .. }
//!     fn read(request: &Request, facts: &Facts, replies: &Replies) -> Next { .. }
//! }
//!
//! ctys_plugin::export_plugin!(Lamp, "lamp", "../manifest.json");
//!
//! #[test]
//! fn conforms() { ctys_plugin::conformance::check::<Lamp>(env!("CARGO_PKG_VERSION")); }
//! ```
//!
//! The crate has `crate-type = ["cdylib", "rlib"]`, its library is called `ctys_<name>`, this crate is its only dependency,
//! and `unsafe_code = "forbid"` passes.

#![forbid(unsafe_code)]

// A panic has to become an answer; with `panic = "abort"` it would end the whole program.
#[cfg(panic = "abort")]
compile_error!("a ctys plugin is built with panic = \"unwind\": a panic must become an error row, not the end of ctys");

mod call;
pub mod conformance;
pub mod ending;
mod export;
pub mod harmless;
pub mod machines;
pub mod magic;
pub mod newvm;
pub mod outputs;
pub mod polls;
pub mod protect;
pub mod story;
pub mod testing;

pub use call::call_bytes;
pub use ctys_model as model;
#[doc(hidden)]
pub use export::{LibHeader, bytes, header, names};
/// For tools that print JSON: it touches nothing of the world.
pub use serde_json as json;

use ctys_model::{Effect, Facts, Findings, Manifest, Next, Phase, Probe, Problem, Replies, Request};

/// The contract: a plugin thinks, the engine does. All functions are pure, none keeps state: equal input gives equal
/// output, and several threads may ask at the same time.
pub trait Plugin {
    /// Who it is: what [`manifest`] reads from the plugin's `manifest.json`.
    fn manifest() -> Manifest;
    /// Which facts it needs for this request. For an action that changes nothing it is asked once for many hosts, so the
    /// name of the target's host is empty here; [`Plugin::plan`] is told it.
    fn wants(request: &Request) -> Vec<Probe>;
    /// What is to be done, given these facts.
    fn plan(request: &Request, facts: &Facts) -> Effect;
    /// What follows from the replies to the plan and to all that followed it.
    fn read(request: &Request, facts: &Facts, replies: &Replies) -> Next;
}

/// The manifest in these bytes, the same ones that [`export_plugin!`] compiles into the library.
///
/// # Panics
///
/// When they are not the JSON of a manifest. The conformance suite finds it before a user does.
pub fn manifest(json: &[u8]) -> Manifest {
    serde_json::from_slice(json).unwrap_or_else(|error| panic!("manifest.json is not a manifest: {error}"))
}

/// The answer to an action the plugin did not declare.
pub fn unserved(request: &Request) -> Effect {
    let verb = request.action.verb();
    Effect::Report(Findings::problem(Problem::new(Phase::Usage, format!("{verb} {UNSERVED}"))))
}

const UNSERVED: &str = "is not served by this plugin";
