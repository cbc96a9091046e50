//! Libraries of ours that are no plugins, opened as plugins are.

use super::carrier::Entry;
use super::error::{PluginError, Reason, Step};
use super::inspect::section;
use super::load;
use super::trust::Trust;
use std::path::Path;

/// Opens this file, which exports `ctys_<name>_root`, if nobody else could have changed it, it is whole and for this processor, and
/// `check` takes what it says of itself. Nothing of it is run before.
pub fn open(file: &Path, name: &str, check: impl Fn(&[u8]) -> Result<(), String>) -> Result<Entry, String> {
    let words = |error: PluginError| Reason(&error).to_string();
    let (label, real) = section(file, name, Trust::of_file(file)).map_err(words)?;
    check(&label)?;
    let module =
        load::open(&real, name).map_err(|cause| words(PluginError::new(name, Some(file), Step::Open, cause)))?;
    Ok(Entry::Module(module))
}
