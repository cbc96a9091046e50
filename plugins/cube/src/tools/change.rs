//! cube-ctl add, del, rename, store: what was typed, checked, before anything is done.

use super::ctl::{misuse, unknown};
use super::options::Options;
use super::source::{self, Source};
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::parse::survey::Survey;
use crate::probes::Depth;
use crate::work::{checked, start, stop, store};
use ctys_plugin::model::{Command, Step, ToolCall};

/// `add SOURCE...`. All is looked through before the first is added.
pub fn add(flow: &mut Flow<'_>, call: &ToolCall, options: &Options, words: &[String]) -> Result<(), Stop> {
    if words.is_empty() {
        return misuse(flow, "[ERROR]: no container source provided");
    }
    if let Some(kind) = options.kind.as_deref().filter(|kind| *kind != "oci") {
        return flow.fail(format!("[ERROR]: containers of type '{kind}' cannot be added, only oci"));
    }
    if words.len() > 1 && options.name.is_some() {
        return flow.fail("[ERROR]: -n names one container, and there are more sources than that".into());
    }
    let mut all: Vec<(String, Source)> = Vec::new();
    for word in words {
        let (name, source) = match one(call, options, word) {
            Ok(found) => found,
            Err(line) => return flow.fail(line),
        };
        let name = store::fresh(flow, &name)?.to_string();
        let same = all.iter().find(|(other, known)| *other == name || (source.vt.is_some() && known.vt == source.vt));
        match (same, source.vt) {
            (Some((other, _)), _) if *other == name => {
                return flow.fail(format!("[ERROR] Container {name} is named twice, cannot add."));
            }
            (Some((other, _)), Some(number)) => {
                return flow.fail(format!("[ERROR]: /dev/tty{number} cannot belong to both {other} and {name}"));
            }
            _ => all.push((name, source)),
        }
    }
    for (name, source) in &all {
        let tag = options.auto.as_deref();
        store::add(flow, &store::New { source, name, subuid: options.subuid, tag })?;
    }
    Ok(())
}

/// A source and its name.
fn one(call: &ToolCall, options: &Options, word: &str) -> Result<(String, Source), String> {
    let source = source::read(word)?;
    let path = source.path.as_str();
    let scheme = path.split_once("://").map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| scheme != "move") {
        let known = "archives, directories and move:// are known";
        return Err(format!("[ERROR]: unknown container source {path}: {known}"));
    }
    let name = options.name.clone().or_else(|| store::name_of(path));
    let name = name.ok_or_else(|| format!("[ERROR]: no container name could be determined from {path}"))?;
    let (prefix, path) = path.strip_prefix("move://").map_or(("", path), |path| ("move://", path));
    let path = if path.starts_with('/') { path.to_string() } else { format!("{}/{path}", call.folder.to_text()) };
    Ok((name, Source { path: format!("{prefix}{path}"), ..source }))
}

/// Whether there is a cube of this name: any other folder is none of ours to copy or remove.
fn is_cube(survey: &Survey, name: &str) -> bool {
    Cube::named(survey, name).is_some_and(|cube| cube.folder.is_some())
}

/// `del NAME`.
pub fn delete(flow: &mut Flow<'_>, options: &Options, name: Option<&str>) -> Result<(), Stop> {
    let Some(name) = name else { return misuse(flow, "[ERROR]: no container name provided") };
    let name = checked(flow, name)?;
    let survey = flow.lock_and_look(name, Depth::Usual)?;
    match survey.filter(|survey| is_cube(survey, name)) {
        Some(survey) => store::delete(flow, &survey, name, options.force),
        None => unknown(flow, &format!("[ERROR] Container {name} not found, cannot delete.")),
    }
}

/// `rename NAME NEW`.
pub fn rename(flow: &mut Flow<'_>, old: Option<&str>, new: Option<&str>) -> Result<(), Stop> {
    let Some(old) = old else { return misuse(flow, "[ERROR]: existing name not provided") };
    let Some(new) = new else { return misuse(flow, "[ERROR]: new name not provided") };
    let (old, new) = (checked(flow, old)?, store::fresh(flow, new)?);
    if flow.lock_and_look(old, Depth::Usual)?.is_none() {
        return misuse(flow, &format!("[ERROR]: container {old} is unknown, cannot rename"));
    }
    // Others may depend on it, so all are looked at, under its lock.
    let all = flow.look(&[], Depth::Usual)?;
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
        stop::stop_one(flow, &cube, grace)?;
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
    let Some(survey) = flow.lock_and_look(name, Depth::Usual)? else { return Ok(()) };
    let Some(cube) = Cube::named(&survey, name).filter(|cube| cube.has("config.json")) else { return Ok(()) };
    if cube.line("cube.app").is_empty() {
        // It was not made from settings, so it cannot be made again.
        return Ok(());
    }
    match crate::config::generate(&cube, &flow.places, survey.capabilities) {
        Ok(text) => {
            flow.say(format!("[INFO]: regenerating container configuration for {name}"));
            let mark = flow.places.file(name, crate::settings::REGENERATE);
            let forget = Command::new("rm").args(["-f", "--", &mark]).as_root().changes();
            let round = flow.run(vec![start::config_step(flow, name, text), Step::run("forget", forget)])?;
            crate::work::must_all(flow, round, &["config", "forget"], &format!("config.json of {name}"))
        }
        Err(why) => flow.fail(format!("[ERROR]: container {name}: {why}")),
    }
}

/// `store NAME NEW`.
pub fn store(flow: &mut Flow<'_>, name: Option<&str>, to: Option<&str>) -> Result<(), Stop> {
    let (Some(name), Some(to)) = (name, to) else { return misuse(flow, "[ERROR]: no container source provided") };
    let (name, to) = (checked(flow, name)?, store::fresh(flow, to)?);
    let survey = flow.lock_and_look(name, Depth::Usual)?;
    let Some(survey) = survey.filter(|survey| is_cube(survey, name)) else {
        return flow.fail(format!("[ERROR] Container {name} is unknown, cannot store"));
    };
    let other = flow.look(&[to], Depth::Usual)?;
    if other.cubes.contains_key(to) {
        return flow.fail(format!("[ERROR] Container {to} already exists, cannot store"));
    }
    store::copy(flow, &survey, name, to)
}
