//! Sets of host names in ClusterShell's syntax: `lab[00-15,20]`, `a,b`, `!`, `&`, `^`, `@group`, `@source:group`.
//!
//! [`ranges`] is what stands in brackets, [`set`] names and their folding, [`parse`](mod@parse) the operators and groups,
//! [`groups`] the files that say what groups are. Whoever asks brings the groups ([`Groups`]); nothing is run here.

pub mod groups;
pub mod parse;
pub mod ranges;
pub mod set;

pub use parse::{Groups, NoGroups, parse};
pub use set::NodeSet;

/// The most names one expression may stand for.
pub const MOST: usize = 65_536;
