//! All that is checked about a file before it is opened: trust, wholeness, CPU, manifest, protocol. Runs none of it.

use super::elf;
use super::error::{Cause, PluginError, Step};
use super::trust::{Trust, real_file};
use ctys_model::{Manifest, PROTOCOL, PROTOCOL_MIN};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The manifest of a file and its real path.
pub fn inspect(file: &Path, name: &str, trust: Trust) -> Result<(Manifest, PathBuf), PluginError> {
    let (json, real) = section(file, name, trust)?;
    let fails = |cause| PluginError::new(name, Some(file), Step::Inspect, cause);
    Ok((read_manifest(&json, name).map_err(fails)?, real))
}

/// What a file says of itself, and its real path.
pub fn section(file: &Path, name: &str, trust: Trust) -> Result<(Vec<u8>, PathBuf), PluginError> {
    let fails = |step| move |cause| PluginError::new(name, Some(file), step, cause);
    let real = real_file(file, trust).map_err(fails(Step::Trust))?;
    let open = File::open(&real).map_err(|error| Cause::Unreadable(error.to_string())).map_err(fails(Step::Inspect))?;
    Ok((elf::section(&open).map_err(fails(Step::Inspect))?, real))
}

/// The manifest in these bytes, when it makes sense, is that of the plugin with this name, and a protocol is common.
pub fn read_manifest(json: &[u8], name: &str) -> Result<Manifest, Cause> {
    let manifest: Manifest =
        serde_json::from_slice(json).map_err(|error| Cause::BadManifest(format!("it is no manifest: {error}")))?;
    manifest.check().map_err(Cause::BadManifest)?;
    if manifest.name != name {
        return Err(Cause::BadManifest(format!(
            "it names the plugin \"{}\", the file name says \"{name}\"",
            manifest.name
        )));
    }
    common_protocol(manifest.protocol)?;
    Ok(manifest)
}

/// The highest protocol both sides speak.
pub fn common_protocol(plugin: (u32, u32)) -> Result<u32, Cause> {
    let ours = (PROTOCOL_MIN, PROTOCOL);
    let highest = plugin.1.min(ours.1);
    if highest < plugin.0 || highest < ours.0 { Err(Cause::Protocol { plugin, ours }) } else { Ok(highest) }
}
