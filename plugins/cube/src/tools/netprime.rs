//! `cube-ctl netprime [NAME]`: who leads the cubes out, and handing that over (overc.md 1.3).

use super::ctl::unknown;
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::probes::Depth;
use crate::protect;
use crate::settings;
use crate::work::start::{self, Outcome};
use crate::work::{checked, network, stop};
use ctys_plugin::model::{Does, Privilege, Step, WriteFile};

/// What goes with the role.
const DEVICES: [&str; 4] = [
    ".cube.device.network",
    "cube.network.external.ip",
    "cube.network.external.gateway",
    "cube.network.external.nameserver",
];

/// Prints the prime, or makes another one of it. The old one is stopped and started again without the role if it was at work.
pub fn run(flow: &mut Flow<'_>, name: Option<&str>) -> Result<(), Stop> {
    let Some(name) = name else {
        let all = flow.look(&[], Depth::Usual)?;
        Cube::cubes(&all).filter(network::is_prime).for_each(|cube| flow.say(cube.name));
        return Ok(());
    };
    let name = checked(flow, name)?;
    // The lock of the folder: two calls must not make two primes.
    flow.lock_folder()?;
    let all = flow.look(&[], Depth::Usual)?;
    let Some(new) = Cube::named(&all, name).filter(|cube| cube.folder.is_some()) else {
        return unknown(flow, &format!("[ERROR] Container {name} not found, cannot set as netprime."));
    };
    if network::is_prime(&new) {
        flow.say(format!("[INFO]: container \"{name}\" is already the netprime"));
        return Ok(());
    }
    start::has_its_id(flow, &all, name)?;
    // Both are ended on the way, so both are asked before anything is done: halfway there is no prime at all.
    let old = Cube::cubes(&all).find(network::is_prime);
    for cube in old.iter().chain([&new]).filter(|cube| cube.record.is_some()) {
        protect::check(flow, cube)?;
    }
    let ran = old.filter(Cube::is_alive);
    // The devices are taken from the old one while it still says that they are its own.
    if let Some(old) = &old {
        end(flow, old)?;
    }
    let outcome = Flow::kept(hand_over(flow, old.as_ref(), &new))?;
    // However that went, the old one does what it did before.
    if let Some(old) = ran {
        start::start(flow, old.name)?;
    }
    match outcome {
        Some(()) => Ok(()),
        None => Err(Stop::Done),
    }
}

/// Writes who leads, and starts the new one.
fn hand_over(flow: &mut Flow<'_>, old: Option<&Cube<'_>>, new: &Cube<'_>) -> Result<(), Stop> {
    let name = new.name;
    let mut steps = vec![attributes(flow, new, true)];
    if let Some(old) = old {
        steps.push(attributes(flow, old, false));
        for file in DEVICES.iter().filter(|file| old.lines(file).next().is_some()) {
            let lines = settings::lines(old, file);
            steps.push(write(flow, name, file, settings::text(&lines)));
            steps.push(write(flow, old.name, file, settings::text(&[])));
        }
    }
    let round = flow.run(steps)?;
    if round.steps.iter().any(|step| answer(round, &step.name).ok_output().is_none()) {
        return flow.fail(format!("[ERROR]: the role of {name} could not be written"));
    }
    flow.said.changed = true;
    end(flow, new)?;
    match start::start(flow, name)? {
        Outcome::Started | Outcome::WasRunning => Ok(()),
        Outcome::Unknown => flow.fail(format!("[ERROR]: container {name} was not started: it is not there any more")),
    }
}

/// Stops one that is at work.
fn end(flow: &mut Flow<'_>, cube: &Cube<'_>) -> Result<(), Stop> {
    let grace = flow.places.grace;
    stop::stop_one(flow, cube, grace)
}

/// Gives or takes the attribute.
fn attributes(flow: &Flow<'_>, cube: &Cube<'_>, prime: bool) -> Step {
    let words: Vec<String> = cube.attributes().map(str::to_string).collect();
    let words = if prime { settings::with(words, "netprime", false) } else { settings::without(words, "netprime") };
    write(flow, cube.name, "cube.attributes", words.join(" ") + "\n")
}

fn write(flow: &Flow<'_>, name: &str, file: &str, text: String) -> Step {
    let write = WriteFile {
        path: flow.places.file(name, file).into(),
        content: text.into(),
        privilege: Privilege::Root,
        mode: 0o644,
        ..WriteFile::default()
    };
    Step::does(&format!("{name}: {file}"), Does::Write(write))
}
