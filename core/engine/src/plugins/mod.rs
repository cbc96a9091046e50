//! Plugins: where they are, whether they may run, and how they are asked.
//!
//! In the order of things: [`search`] (the folders), `inspect` (trust by `trust`, wholeness and manifest by `elf`; nothing
//! of a file is run), `load` (the only place that opens foreign code), `carrier` (threads, `child` processes and the `pool`
//! of them, one message in, one out), [`plugin`] (the questions of the contract), [`registry`] (what is there, and what a
//! call needs), [`state`] (for INFO), [`error`] (one sentence for each way to fail). `library` opens what is of ours and no plugin.
//!
//! Usually:
//!
//! ```no_run
//! use ctys_engine::plugins::{SearchPath, Setup};
//!
//! let plugins = Setup::new(SearchPath::of_this_process()).discover();
//! let (opened, problems) = plugins.for_types(&["PM".to_string()]);
//! ```
//!
//! Trust is decided before anything is opened: opening a library is running it, in whatever process. A child process is
//! isolation from a plugin's faults, not a sandbox against its will.

#![deny(unsafe_code)]

mod carrier;
mod child;
mod elf;
pub mod error;
mod inspect;
pub(crate) mod library;
mod load;
pub mod plugin;
mod pool;
pub mod registry;
pub mod search;
pub mod state;
mod trust;

pub use carrier::CarrierKind;
pub(crate) use carrier::Entry;
pub use child::{HIDDEN_VERB, serve_child};
pub use error::{Cause, PluginError};
pub use plugin::Plugin;
pub use registry::{Builtin, Found, Limits, Plugins, Setup};
pub use search::SearchPath;
pub use state::State;
