//! Starting a cube: what is left of an earlier life is cleared, `config.json` is made where it is missing, then the runtime makes the
//! container and starts its program.
//!
//! ```text
//! lock, look -> what it depends on, one after the other, each under its own lock
//!            -> [clear] [config] [keeper] start              all in one round, under the lock; see `launch`
//!            -> [clear]                                      when one of them failed: nothing half made is left
//! ```

use super::{channel, complaints, foreground, keeper, launch, must, network, prep, runtime_step, vt};
use crate::config;
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer, code};
use crate::parse::survey::{Folder, State, Survey};
use crate::places::is_id;
use crate::probes::Depth;
use crate::settings::{DIRTY, ONCE, REGENERATE};
use ctys_plugin::model::{Command, Does, Step, WriteFile};

/// What is to become of a cube that has to be running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was started.
    Started,
    /// It was running before.
    WasRunning,
    /// There is no such cube.
    Unknown,
}

/// Starts a cube and first what it depends on.
pub fn start(flow: &mut Flow<'_>, name: &str) -> Result<Outcome, Stop> {
    let Some(survey) = ready(flow, name)? else { return Ok(Outcome::Unknown) };
    let Some(cube) = Cube::named(&survey, name).filter(|cube| cube.folder.is_some()) else {
        return Ok(Outcome::Unknown);
    };
    if cube.lines("depends").next().is_none() || cube.is_alive() {
        return start_one(flow, &survey, name);
    }
    let all = flow.look(&[], Depth::Usual)?;
    let ordered = match order(&all, name, &[]) {
        Ok(ordered) => ordered,
        Err(Unordered::Circle(why) | Unordered::Missing(why)) => return flow.fail(format!("[ERROR]: {why}")),
    };
    for earlier in ordered {
        let Some(survey) = ready(flow, &earlier)? else { continue };
        match start_one(flow, &survey, &earlier)? {
            outcome if earlier == name => return Ok(outcome),
            _ => {}
        }
    }
    Ok(Outcome::Unknown)
}

/// Takes the lock of a cube that is to be started and looks at it; it has what its network needs.
pub fn ready(flow: &mut Flow<'_>, name: &str) -> Result<Option<Survey>, Stop> {
    let survey = flow.lock_and_look(name, Depth::Start)?;
    let Some(cube) = survey.as_ref().and_then(|survey| Cube::named(survey, name)) else { return Ok(survey) };
    if let Some(survey) = survey.as_ref().filter(|_| cube.folder.is_some()) {
        has_its_id(flow, survey, name)?;
    }
    if cube.folder.is_none() || cube.is_alive() || !network::lacks(&flow.places, &cube) {
        return Ok(survey);
    }
    network::allocate(flow, name)?;
    flow.lock_and_look(name, Depth::Start)
}

/// Fails where somebody's container has the id of a cube.
pub fn has_its_id(flow: &mut Flow<'_>, survey: &Survey, name: &str) -> Result<(), Stop> {
    let Some(record) = Cube::foreign(survey, name).and_then(|other| other.record) else { return Ok(()) };
    flow.fail(format!(
        "[ERROR]: container {name} was not started: its id is in use by the container of {}",
        record.bundle
    ))
}

/// Starts all cubes with this tag, and what they depend on. A cube that fails does not keep the others back, but for those that depend
/// on it.
pub fn start_tagged(flow: &mut Flow<'_>, tag: &str) -> Result<(), Stop> {
    let all = flow.look(&[], Depth::Usual)?;
    let tagged: Vec<&str> = Cube::cubes(&all).filter(|cube| cube.has_tag(tag)).map(|cube| cube.name).collect();
    let (mut ordered, mut failed, mut started): (Vec<String>, Vec<String>, Vec<String>) = Default::default();
    // Each by itself: what one lacks is no reason to leave the others down.
    for name in tagged {
        match order(&all, name, &ordered) {
            Ok(more) => ordered = more,
            Err(Unordered::Circle(why)) => return flow.fail(format!("[ERROR]: {why}")),
            Err(Unordered::Missing(why)) => {
                flow.complain(format!("[ERROR]: container {name} was not started: {why}"));
                failed.push(name.into());
            }
        }
    }
    for name in ordered {
        let cube = Cube::named(&all, &name);
        let mut needed = cube.iter().flat_map(needs);
        if let Some(needed) = needed.find(|needed| failed.iter().any(|name| name == needed)) {
            flow.complain(format!("[ERROR]: container {name} was not started: {needed}, which it depends on, was not"));
            failed.push(name);
            continue;
        }
        let outcome = match Flow::kept(ready(flow, &name))? {
            Some(Some(survey)) => Flow::kept(start_one(flow, &survey, &name))?,
            Some(None) => Some(Outcome::Unknown),
            None => None,
        };
        match outcome {
            Some(Outcome::Started | Outcome::WasRunning) => started.push(name),
            Some(Outcome::Unknown) => {
                flow.complain(format!("[ERROR]: container {name} was not started: it is not there any more"));
                failed.push(name);
            }
            None => failed.push(name),
        }
    }
    flow.said.exit = (!failed.is_empty()).then_some(1);
    vt::activate(flow, &all, &started)
}

/// Why cubes have no order.
enum Unordered {
    /// They depend on each other.
    Circle(String),
    /// One depends on what is not there.
    Missing(String),
}

/// What a cube depends on.
fn needs<'a>(cube: &Cube<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    cube.lines("depends").flat_map(str::split_ascii_whitespace)
}

/// What is in order already, then this cube and all it depends on, each behind what it needs.
fn order(all: &Survey, wanted: &str, before: &[String]) -> Result<Vec<String>, Unordered> {
    let mut done = before.to_vec();
    visit(all, wanted, &mut Vec::new(), &mut done)?;
    Ok(done)
}

fn visit(all: &Survey, name: &str, path: &mut Vec<String>, done: &mut Vec<String>) -> Result<(), Unordered> {
    if done.iter().any(|earlier| earlier == name) {
        return Ok(());
    }
    if let Some(at) = path.iter().position(|earlier| earlier == name) {
        let circle: Vec<&str> = path[at..].iter().map(String::as_str).chain([name]).collect();
        let why = format!("containers depend on each other in a circle: {}", circle.join(" -> "));
        return Err(Unordered::Circle(why));
    }
    let cube = Cube::named(all, name).filter(|cube| cube.folder.is_some());
    let Some(cube) = cube else {
        let by = path.last().map_or("", String::as_str);
        return Err(Unordered::Missing(format!("container {by} depends on {name}, which does not exist")));
    };
    path.push(name.to_string());
    for needed in needs(&cube) {
        visit(all, needed, path, done)?;
    }
    path.pop();
    done.push(name.to_string());
    Ok(())
}

/// Starts a cube whose lock is held.
fn start_one(flow: &mut Flow<'_>, survey: &Survey, name: &str) -> Result<Outcome, Stop> {
    let Some(cube) = Cube::named(survey, name).filter(|cube| cube.folder.is_some()) else {
        return Ok(Outcome::Unknown);
    };
    let folder = for_this_start(&cube);
    let cube = Cube { folder: folder.as_ref().or(cube.folder), ..cube };
    let plan = match network::plan(&flow.places, survey, &cube) {
        Ok(plan) => plan,
        Err(line) => return flow.fail(line),
    };
    let mut steps = Vec::new();
    match cube.state() {
        Some(State::Running) => return Ok(Outcome::WasRunning),
        Some(State::Paused) => {
            return flow.fail(format!("[ERROR]: container {name} is paused, 'cube-ctl resume {name}' continues it"));
        }
        // A start that was cut short, a process that ended by itself, a record from before the machine was booted.
        Some(State::Created | State::Stopped) => steps.push(clear(flow, &cube).go_on()),
        None => {}
    }
    // What was set for one start is used up once that start has been.
    let (after, before): (Vec<Step>, Vec<Step>) =
        prepare(flow, survey, &cube)?.into_iter().partition(|step| step.name == "once");
    let kept = keeper::is_possible(flow, &cube);
    let anew = before.iter().any(|step| step.name == "config");
    if !anew && cube.lines(DIRTY).next().is_some() {
        let apply = format!("'cube-cfg gen {name}' and another start apply them");
        flow.complain(format!("[WARNING]: container {name} starts without the settings changed last: {apply}"));
    }
    let has_terminal =
        if anew { keeper::is_wanted(&cube) } else { cube.folder.is_some_and(|folder| folder.wants_terminal) };
    if has_terminal != kept {
        // It must have a terminal if, and only if, somebody holds it.
        for step in before {
            let (name, round) = (step.name.clone(), flow.run(vec![step])?);
            must(flow, answer(round, &name), &format!("container {} was not started", cube.name))?;
        }
        foreground::set_terminal(flow, name, kept)?;
    } else {
        steps.extend(before);
    }
    steps.extend(kept.then(|| keeper::step(flow, &cube)));
    steps.push(launch::step(flow, &cube, plan.as_ref(), kept));
    steps.extend(after);
    steps.extend(vt::step(flow, &cube));
    let names: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
    let round = flow.run(steps)?;
    let failed =
        names.iter().find(|step| !matches!(step.as_str(), "clear" | "vt") && answer(round, step).ok_output().is_none());
    if let Some(step) = failed {
        let told = answer(round, step);
        let mut steps: Vec<Step> = network::down(flow, &cube).into_iter().chain([clear(flow, &cube).go_on()]).collect();
        steps.extend(kept.then(|| keeper::end(flow, &cube)));
        steps.extend(channel::close(flow, &cube));
        let undo = flow.run(steps)?;
        if answer(undo, "clear").ok_output().is_none() {
            for line in complaints(answer(undo, "clear")) {
                flow.complain(format!("[WARNING]: container {name} could not be cleared: {line}"));
            }
        }
        let what = if step == launch::NAME && code(told) == Some(network::FAILED) { ": its network" } else { "" };
        let ended = must(flow, told, &format!("container {name} was not started{what}"));
        // What a new cube has for a program is that of a whole system.
        if flow.said.stderr.iter().any(|line| line.contains(": exec: ")) {
            let set = format!("'cube-cfg -n {name} set app:PROGRAM' and 'cube-cfg gen {name}'");
            flow.complain(format!("[INFO]: what it runs is set by {set}"));
        }
        ended?;
    }
    vt::tell(flow, &cube, answer(round, "vt"));
    flow.said.changed = true;
    Ok(Outcome::Started)
}

/// The folder of a cube in which what was set for this start alone has taken the place of what is set: for `config.json`, the network and
/// the terminal alike. None where nothing was.
pub fn for_this_start(cube: &Cube<'_>) -> Option<Folder> {
    let folder = cube.folder?;
    let once = |(file, lines): (&String, &Vec<String>)| Some((file.strip_suffix(ONCE)?.to_string(), lines.clone()));
    let once: Vec<(String, Vec<String>)> = folder.entries.iter().filter_map(once).collect();
    (!once.is_empty()).then(|| {
        let mut folder = folder.clone();
        folder.entries.extend(once);
        folder
    })
}

/// What has to be there before the container is made. The cube is the one [`for_this_start`] says.
pub fn prepare(flow: &mut Flow<'_>, survey: &Survey, cube: &Cube<'_>) -> Result<Vec<Step>, Stop> {
    let name = cube.name;
    let Some(folder) = cube.folder else { return Ok(Vec::new()) };
    if folder.no_manager {
        return flow.fail(format!("[ERROR]: container {name}: its manager {} cannot be run", cube.manager()));
    }
    let mut steps = Vec::new();
    let once: Vec<&String> = folder.entries.keys().filter(|entry| entry.ends_with(ONCE)).collect();
    if is_anew(cube) {
        let text = match config::generate(cube, &flow.places, survey.capabilities) {
            Ok(text) => text,
            Err(why) => return flow.fail(format!("[ERROR]: container {name} cannot be started: {why}")),
        };
        steps.push(config_step(flow, name, text));
        steps.push(used(flow, cube, &once));
    }
    steps.extend(network::resolv(flow, cube));
    if prep::is_init(cube) {
        match prep::of(flow, cube) {
            Ok(step) => steps.push(step),
            Err(why) => return flow.fail(format!("[ERROR]: container {name} cannot be started: {why}")),
        }
    }
    let sources: Vec<&str> =
        cube.lines(".cube.mount.bind").filter_map(|line| Some(config::bind(line).ok()?.0)).collect();
    if !sources.is_empty() {
        let script =
            "for s; do [ -e \"$s\" ] || { echo \"the source $s of a bind mount is not there\" >&2; exit 1; }; done";
        steps.push(Step::run("sources", Command::new("sh").args(["-c", script, "sh"]).args(sources).as_root()));
    }
    Ok(steps)
}

/// Whether `config.json` is made anew. The look of a start asks the same ([`crate::probes`]).
fn is_anew(cube: &Cube<'_>) -> bool {
    let once = cube.folder.is_some_and(|folder| folder.entries.keys().any(|entry| entry.ends_with(ONCE)));
    once || cube.has(REGENERATE) || !cube.has("config.json")
}

/// Removes what was set for one start, and remembers that `config.json` holds it; without any it holds the settings and nothing else.
fn used(flow: &Flow<'_>, cube: &Cube<'_>, once: &[&String]) -> Step {
    let mark = flow.places.file(cube.name, REGENERATE);
    let command = match once {
        [] => Command::new("rm").args(["-f", "--", &mark, &flow.places.file(cube.name, DIRTY)]),
        _ => {
            let files = once.iter().map(|file| flow.places.file(cube.name, file));
            Command::new("sh").args(["-c", ": >\"$1\" && shift && rm -f -- \"$@\"", "sh", &mark]).args(files)
        }
    };
    Step::run("once", command.as_root().changes())
}

/// Writes `config.json`.
pub fn config_step(flow: &Flow<'_>, name: &str, text: String) -> Step {
    let file = WriteFile {
        path: flow.places.file(name, "config.json").into(),
        content: text.into(),
        privilege: ctys_plugin::model::Privilege::Root,
        mode: 0o644,
        ..WriteFile::default()
    };
    Step::does("config", Does::Write(file))
}

/// Removes the record and whatever process it still has.
pub fn clear(flow: &Flow<'_>, cube: &Cube<'_>) -> Step {
    debug_assert!(is_id(cube.name));
    runtime_step(flow, "clear", cube, &["delete", "--force", cube.name])
}
