//! cube-ctl add, del, rename, store: what was typed, checked, before anything is done.

use super::ctl::{misuse, unknown};
use super::options::Options;
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::work::{checked, start, stop, store};
use ctys_plugin::model::ToolCall;

/// `add SOURCE`.
pub fn add(flow: &mut Flow<'_>, call: &ToolCall, options: &Options, source: Option<&str>) -> Result<(), Stop> {
    let Some(source) = source else { return misuse(flow, "[ERROR]: no container source provided") };
    if let Some(kind) = options.kind.as_deref().filter(|kind| *kind != "oci") {
        return flow.fail(format!("[ERROR]: containers of type '{kind}' cannot be added, only oci"));
    }
    let scheme = source.split_once("://").map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| scheme != "move") {
        return flow
            .fail(format!("[ERROR]: unknown container source {source}: archives, directories and move:// are known"));
    }
    let derived = store::name_of(source);
    let Some(name) = options.name.as_deref().or(derived.as_deref()) else {
        return flow.fail(format!("[ERROR]: no container name could be determined from {source}"));
    };
    let name = store::fresh(flow, name)?;
    let (prefix, path) = source.strip_prefix("move://").map_or(("", source), |path| ("move://", path));
    let path = if path.starts_with('/') { path.to_string() } else { format!("{}/{path}", call.folder.to_text()) };
    let source = format!("{prefix}{path}");
    store::add(flow, &store::New { source: &source, name, subuid: options.subuid, tag: options.auto.as_deref() })
}

/// `del NAME`.
pub fn delete(flow: &mut Flow<'_>, options: &Options, name: Option<&str>) -> Result<(), Stop> {
    let Some(name) = name else { return misuse(flow, "[ERROR]: no container name provided") };
    let name = checked(flow, name)?;
    let survey = flow.lock_and_look(name, false)?;
    match survey.filter(|survey| survey.cubes.contains_key(name)) {
        Some(survey) => store::delete(flow, &survey, name, options.force),
        None => unknown(flow, &format!("[ERROR] Container {name} not found, cannot delete.")),
    }
}

/// `rename NAME NEW`.
pub fn rename(flow: &mut Flow<'_>, old: Option<&str>, new: Option<&str>) -> Result<(), Stop> {
    let Some(old) = old else { return misuse(flow, "[ERROR]: existing name not provided") };
    let Some(new) = new else { return misuse(flow, "[ERROR]: new name not provided") };
    let (old, new) = (checked(flow, old)?, store::fresh(flow, new)?);
    if flow.lock_and_look(old, false)?.is_none() {
        return misuse(flow, &format!("[ERROR]: container {old} is unknown, cannot rename"));
    }
    // Others may depend on it, so all are looked at, under its lock.
    let all = flow.look(&[], false)?;
    let Some(cube) = Cube::named(&all, old).filter(|cube| cube.folder.is_some()) else {
        return misuse(flow, &format!("[ERROR]: container {old} is unknown, cannot rename"));
    };
    if all.cubes.contains_key(new) || all.records.contains_key(new) {
        return misuse(flow, &format!("[ERROR]: container {new} already exists"));
    }
    if cube.attributes().any(|word| word == "netprime") {
        let line = format!("[ERROR]: {old} is the netprime, it cannot be renamed. See the 'netprime' command");
        return misuse(flow, &line);
    }
    let (ran, known) = (cube.is_alive(), cube.record.is_some());
    if ran {
        flow.say(format!("[INFO]: container {old} is running, stopping ..."));
    }
    if known {
        let grace = flow.places.grace;
        stop::stop_one(flow, &all, old, grace)?;
    }
    store::rename(flow, &all, old, new)?;
    regenerate(flow, new)?;
    if ran {
        flow.say(format!("[INFO]: restarting {old} as {new} ..."));
        start::start(flow, new)?;
    }
    Ok(())
}

/// `config.json` holds names and paths.
fn regenerate(flow: &mut Flow<'_>, name: &str) -> Result<(), Stop> {
    let Some(survey) = flow.lock_and_look(name, false)? else { return Ok(()) };
    let Some(cube) = Cube::named(&survey, name).filter(|cube| cube.has("config.json")) else { return Ok(()) };
    if cube.line("cube.app").is_empty() {
        // It was not made from settings, so it cannot be made again.
        return Ok(());
    }
    match crate::config::generate(&cube, &flow.places, survey.capabilities) {
        Ok(text) => {
            flow.say(format!("[INFO]: regenerating container configuration for {name}"));
            let step = start::config_step(flow, name, text);
            let round = flow.run(vec![step])?;
            crate::work::must(flow, crate::flow::answer(round, "config"), &format!("config.json of {name}"))
        }
        Err(why) => flow.fail(format!("[ERROR]: container {name}: {why}")),
    }
}

/// `store NAME NEW`.
pub fn store(flow: &mut Flow<'_>, name: Option<&str>, to: Option<&str>) -> Result<(), Stop> {
    let (Some(name), Some(to)) = (name, to) else { return misuse(flow, "[ERROR]: no container source provided") };
    let (name, to) = (checked(flow, name)?, store::fresh(flow, to)?);
    let survey = flow.lock_and_look(name, false)?;
    let Some(survey) = survey.filter(|survey| survey.cubes.contains_key(name)) else {
        return flow.fail(format!("[ERROR] Container {name} is unknown, cannot store"));
    };
    let other = flow.look(&[to], false)?;
    if other.cubes.contains_key(to) {
        return flow.fail(format!("[ERROR] Container {to} already exists, cannot store"));
    }
    store::copy(flow, &survey, name, to)
}
