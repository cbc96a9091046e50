//! What a plugin author depends on. placeholder

pub use ctys_model as model;
use ctys_model::{Effect, Facts, Manifest, Next, Probe, Replies, Request};

/// The contract (DESIGN 3): a plugin thinks, the engine does. All functions are pure; none keeps state.
pub trait Plugin {
    /// Who it is. The same JSON is compiled into a section of the library.
    fn manifest() -> Manifest;
    /// Which facts it needs for this request.
    fn wants(request: &Request) -> Vec<Probe>;
    /// What is to be done, given these facts.
    fn plan(request: &Request, facts: &Facts) -> Effect;
    /// What follows from the replies.
    fn read(request: &Request, facts: &Facts, replies: &Replies) -> Next;
}
