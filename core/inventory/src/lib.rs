//! The inventory: what is known of machines before any host is asked (ctys.md sections 3, 6.2 and 7).
//!
//! Never opens a file, never runs a command, knows no clock: it is given bytes and returns bytes.
//!
//! Read in this order: [`line`](mod@line) (one record of `enum.fdb`), [`macmap`] (the other classic file), [`keys`] (the
//! names of a machine in one form each), [`index`] (any of those names to its records), [`resolve`] (a machine address to
//! a machine), [`query`] (the language of ctys-vhost), [`merge`] (new answers over old records). [`nodeset`] is
//! ClusterShell's syntax of host sets with its group files; [`borrowed`] reads and writes the inventories of others.

pub mod borrowed;
pub mod index;
pub mod keys;
pub mod line;
pub mod macmap;
pub mod merge;
pub mod nodeset;
pub mod query;
pub mod resolve;

pub use keys::{Key, Kind};
pub use line::Line;
