//! Which machine an address means (ctys.md 3).
//!
//! LABEL, UUID and MAC are asked of what runs; ID, FNAME and TCP are known only of files, and a file means the running
//! machine of its folder, its uuid, or its name where it has no uuid. More than one machine is an error that lists them
//! all, and never a guess.

use crate::conf::{self, Found, Machine};
use crate::host::{self, Running};
use crate::probes;
use ctys_plugin::machines::{self, Configured, Files, is_label, misfit, needs_files};
use ctys_plugin::magic::{plain_mac, plain_uuid};
use ctys_plugin::model::{Answer, Facts, FileAnswer, MachineAddress, Phase, Probe, Problem, Request};

/// What an address means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subject {
    /// Its file. None when none fits, when nobody asked for files, and when `copies` fit.
    pub machine: Option<Machine>,
    /// All files that fit, when there is more than one and all describe the same machine.
    pub copies: Vec<Machine>,
    /// What runs.
    pub running: Option<Running>,
}

/// What it costs to know it. `files` when a file is needed whatever the parts of the address are.
pub fn price(request: &Request, address: &MachineAddress, files: bool) -> Vec<Probe> {
    if machines::refuse(address, "machine").is_some() {
        return Vec::new();
    }
    let mut probes = vec![probes::processes(), probes::own_sockets(request)];
    match &address.id {
        Some(path) if path.starts_with('/') && !path.contains('\0') => probes.push(probes::configuration(path)),
        Some(_) => {}
        None if files || needs_files(address) => probes.extend(probes::configurations(&address.base)),
        None => {}
    }
    probes
}

/// Finds out. The error says what is wrong with the address; that nothing fits is none yet.
pub fn resolve(request: &Request, address: &MachineAddress, facts: &Facts, files: bool) -> Result<Subject, Problem> {
    if let Some(problem) = machines::refuse(address, "machine") {
        return Err(problem);
    }
    let all = host::machines(request, facts)?;
    let by_file = needs_files(address) || address.id.is_some();
    let candidates = if files || by_file { candidates(address, facts)? } else { Vec::new() };
    let differ = candidates.iter().any(|other| other.path != candidates[0].path && !other.is_same(&candidates[0]));
    if differ && by_file {
        return Err(machines::ambiguous_files(&candidates));
    }
    let running = running(address, &all, &candidates)?;
    // What runs is meant exactly, however many files there are.
    if differ && running.is_none() {
        return Err(machines::ambiguous_files(&candidates));
    }
    let mut subject = Subject { running, ..Subject::default() };
    match candidates.len() {
        0 | 1 => subject.machine = candidates.into_iter().next(),
        _ => subject.copies = candidates,
    }
    Ok(subject)
}

/// That nothing fits: which files were looked at, and where.
pub fn nothing_fits(address: &MachineAddress, facts: &Facts) -> Problem {
    let found = conf::found(facts, &probes::configurations(&address.base));
    let Found { machines, unreadable, absent, problems } = found;
    machines::nothing_fits(address, &[], &machines, Files { read: Vec::new(), unreadable, absent, problems })
}

/// The files that fit.
fn candidates(address: &MachineAddress, facts: &Facts) -> Result<Vec<Machine>, Problem> {
    if let Some(path) = &address.id {
        let machine = named_file(path, facts)?;
        return match misfit(&machine, address) {
            Some(why) => Err(Problem::new(Phase::Run, format!("different machines: {why}"))
                .hint("all parts of an address must mean the same machine")),
            None => Ok(vec![machine]),
        };
    }
    let Found { machines, .. } = conf::found(facts, &probes::configurations(&address.base));
    let fits = |machine: &Machine| machine.is_in_use() && misfit(machine, address).is_none();
    Ok(machines.into_iter().filter(fits).collect())
}

/// The file that an address names by its path, as far as it could be read.
pub fn named(address: &MachineAddress, facts: &Facts) -> Option<Machine> {
    address.id.as_ref().and_then(|path| named_file(path, facts).ok())
}

/// The file with exactly this path.
fn named_file(path: &str, facts: &Facts) -> Result<Machine, Problem> {
    if !path.starts_with('/') || path.contains('\0') {
        return Err(Problem::new(Phase::Usage, format!("{path} is no absolute path"))
            .hint("f:<part of the path> finds a file by a fragment"));
    }
    let problem = |why: &str| Problem::new(Phase::Run, format!("{path}: {why}"));
    match facts.answer(&probes::configuration(path)) {
        Answer::File(FileAnswer::Content { content, cut: false }) => {
            let machine = Machine::read(path, content);
            match machine.magics[0].has("MAGICID-QEMU") {
                true => Ok(machine),
                false => Err(problem("it does not say #@#MAGICID-QEMU, so it is no configuration of a QEMU machine")),
            }
        }
        Answer::File(FileAnswer::Content { cut: true, .. }) => Err(problem("it is too long for a configuration")),
        Answer::File(FileAnswer::Absent) => Err(problem("No such file or directory").hint(machines::PATH_IS_THERE)),
        Answer::File(FileAnswer::Denied) => Err(Problem { phase: Phase::Privilege, ..problem("Permission denied") }
            .hint("a machine runs as the account that starts it, which must be able to read this file")),
        Answer::Failed(why) => Err(problem(why)),
        _ => Err(problem("it could not be read")),
    }
}

/// The one running machine for which all parts hold.
fn running(address: &MachineAddress, all: &[Running], candidates: &[Machine]) -> Result<Option<Running>, Problem> {
    let by_file = needs_files(address) || address.id.is_some();
    let of_file = |running: &&Running| candidates.iter().any(|machine| machine.is(running));
    let fits = |running: &&Running| {
        // The parts that a file answers hold for it already; a file without a label or a uuid has those of what runs.
        if by_file && of_file(running) {
            return true;
        }
        let label = || address.label.as_ref().is_none_or(|l| running.name().is_some_and(|name| is_label(name, l)));
        let uuid = || address.uuid.as_ref().is_none_or(|u| plain_uuid(u).is_some() && running.uuid() == plain_uuid(u));
        let mac = || {
            let has = |wanted: Option<String>| running.line.cards().iter().any(|card| card.mac == wanted);
            address.mac.as_ref().is_none_or(|mac| plain_mac(mac).is_some() && has(plain_mac(mac)))
        };
        !by_file && label() && uuid() && mac()
    };
    let mut fitting: Vec<&Running> = all.iter().filter(fits).collect();
    // The name of a machine that runs from a file may stand only in that file.
    if fitting.is_empty() && !candidates.is_empty() {
        fitting = all.iter().filter(of_file).collect();
    }
    match fitting[..] {
        [] => Ok(None),
        [running] => Ok(Some(running.clone())),
        _ => {
            let list: Vec<String> = fitting
                .iter()
                .map(|running| format!("{} (process {})", running.title(), running.process.pid))
                .collect();
            Err(Problem::new(Phase::Ambiguous, format!("{} machines fit: {}", list.len(), list.join(", ")))
                .hint("name one of them by u:<uuid>, m:<hardware address> or l:<label>"))
        }
    }
}
