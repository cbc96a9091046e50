//! Libraries of ours that are no plugins, opened as plugins are.

use super::error::{Cause, PluginError, Reason, Step};
use super::trust::{Trust, real_file};
use super::{elf, load};
use crate::plugins::search::Surroundings;
use ctys_plugin_abi::{PluginMod_Ref, RSlice, RVec};
use std::fmt;
use std::fs::File;
use std::path::Path;

/// The function of an opened library.
pub struct Entry(PluginMod_Ref);

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry")
    }
}

impl Entry {
    /// Hands a message over and waits for its answer.
    pub fn answer(&self, message: &[u8]) -> RVec<u8> {
        self.0.call()(RSlice::from_slice(message))
    }
}

/// Opens this file, which exports `ctys_<name>_root`, if nobody else could have changed it, it is whole and for this processor, and
/// `check` takes what it says of itself. Nothing of it is run before.
pub fn open(file: &Path, name: &str, check: impl Fn(&[u8]) -> Result<(), String>) -> Result<Entry, String> {
    let words = |cause: Cause| Reason(&PluginError::new(name, Some(file), Step::Open, cause)).to_string();
    let check_mode = !Surroundings::of_this_process().is_build_file(file);
    let real = real_file(file, Trust { caller: load::effective_user(), check_mode }).map_err(words)?;
    let open = File::open(&real).map_err(|error| words(Cause::Unreadable(error.to_string())))?;
    check(&elf::section(&open).map_err(words)?)?;
    load::open(&real, name).map(Entry).map_err(words)
}
