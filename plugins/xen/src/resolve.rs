//! Which machine an address means (ctys.md 3).
//!
//! ID is one file, literally. FNAME is any fragment of the path; LABEL, UUID, MAC and TCP match exactly. All parts that are
//! given must hold. LABEL, UUID and MAC are asked of what runs; ID, FNAME and TCP are known only of files, and a file means
//! the running domain of its uuid, or of its name where it has no uuid. More than one machine is an error that lists
//! them all, and never a guess.

use crate::conf::{self, Found, Machine};
use crate::host;
use crate::parse::xl_list::Domain;
use crate::probes::{self, XEN_BASES};
use ctys_plugin::machines::{self, Configured, Files, ambiguous_files, is_label, misfit, needs_files};
use ctys_plugin::magic::{plain_mac, plain_uuid};
use ctys_plugin::model::{Answer, Exit, Facts, MachineAddress, Phase, Probe, Problem, Request};
use ctys_plugin::outputs;

/// What an address means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its file. None when none fits, when nobody asked for files, and when `copies` fit.
    pub machine: Option<Machine>,
    /// All files that fit, when there is more than one and all describe the same domain.
    pub copies: Vec<Machine>,
    /// What runs.
    pub domain: Option<Domain>,
}

/// What it costs to know it. `files` when a file is needed whatever the parts of the address are.
pub fn price(request: &Request, address: &MachineAddress, files: bool) -> Vec<Probe> {
    if machines::refuse(address, "domain").is_some() {
        return Vec::new();
    }
    let mut probes = probes::what_runs(request);
    if address.mac.is_some() {
        probes.push(probes::details(request));
    }
    match &address.id {
        Some(path) if path.starts_with('/') => probes.push(probes::configuration(path)),
        Some(_) => {}
        None if files || needs_files(address) => probes.extend(probes::configurations(&address.base)),
        None => {}
    }
    probes
}

/// Finds out. The error says what is wrong with the address; that nothing fits is none yet.
pub fn resolve(request: &Request, address: &MachineAddress, facts: &Facts, files: bool) -> Result<Subject, Problem> {
    if let Some(problem) = machines::refuse(address, "domain") {
        return Err(problem);
    }
    let domains = host::domains(request, facts).map_err(|trouble| trouble.problem)?;
    let by_file = needs_files(address) || address.id.is_some();
    let candidates = if files || by_file { candidates(address, facts)? } else { Vec::new() };
    let differ = candidates.iter().any(|other| !other.is_same(&candidates[0]));
    if differ && by_file {
        return Err(ambiguous_files(&candidates));
    }
    let domain = running(request, address, facts, &domains, &candidates)?;
    // What runs is meant exactly, however many files there are.
    if differ && domain.is_none() {
        return Err(ambiguous_files(&candidates));
    }
    let mut subject = Subject { domain, ..Subject::default() };
    match candidates.len() {
        0 | 1 => subject.machine = candidates.into_iter().next(),
        _ => subject.copies = candidates,
    }
    Ok(subject)
}

/// That nothing fits: which files were looked at, and where.
pub fn nothing_fits(address: &MachineAddress, facts: &Facts) -> Problem {
    let Found { machines, unreadable, absent, problems } = conf::found(facts, &probes::configurations(&address.base));
    let files = Files { read: Vec::new(), unreadable, absent, problems };
    machines::nothing_fits(address, &XEN_BASES, &machines, files)
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
    let fitting: Vec<&Machine> =
        machines.iter().filter(|machine| machine.is_in_use() && misfit(*machine, address).is_none()).collect();
    // `tst100-cd.conf` beside `tst100.conf` is the same machine, booted in another way: BOOTMODE asks for it.
    let is_base = |machine: &&&Machine| !fitting.iter().any(|base| conf::is_boot_file(machine, base));
    Ok(fitting.iter().filter(is_base).map(|machine| (*machine).clone()).collect())
}

/// The file that an address names by its path, as far as it could be read.
pub fn named(address: &MachineAddress, facts: &Facts) -> Option<Machine> {
    address.id.as_ref().and_then(|path| named_file(path, facts).ok())
}

/// The file with exactly this path.
fn named_file(path: &str, facts: &Facts) -> Result<Machine, Problem> {
    if !path.starts_with('/') {
        return Err(Problem::new(Phase::Usage, format!("{path} is no absolute path"))
            .hint("f:<part of the path> finds a file by a fragment"));
    }
    let problem = |why: String| Problem::new(Phase::Run, format!("{path}: {why}"));
    match facts.answer(&probes::configuration(path)) {
        Answer::Output(output) if output.ok() && !output.cut => {
            let machine = Machine::read(path, &output.stdout);
            match machine.name() {
                Some(_) => Ok(machine),
                None => Err(problem("it sets no name, so it is no configuration of a domain".into())),
            }
        }
        Answer::Output(output) if output.cut => Err(problem("it is too long for a configuration".into())),
        Answer::Output(output) if matches!(output.exit, Exit::Refused(_)) => {
            Err(Problem { phase: Phase::Privilege, ..problem(outputs::complaint("cat", output)) })
        }
        Answer::Output(output) => {
            let said = outputs::complaints(output).pop().unwrap_or_default();
            let why = said.rsplit(": ").next().unwrap_or_default();
            Err(match why {
                "" => problem(outputs::complaint("cat", output)),
                why if why.contains("ermission denied") => {
                    Problem { phase: Phase::Privilege, ..problem(why.into()) }.hint("-Z SUDO lets root read it")
                }
                why if why.contains("No such file") => problem(why.into()).hint(machines::PATH_IS_THERE),
                why => problem(why.to_string()),
            })
        }
        Answer::Failed(why) => Err(problem(why.clone())),
        Answer::Missing(_)
        | Answer::File(_)
        | Answer::Scanned(_)
        | Answer::Processes(_)
        | Answer::Talked(_)
        | Answer::Done => Err(problem("it could not be read".into())),
    }
}

/// The one running domain for which all parts hold.
fn running(
    request: &Request,
    address: &MachineAddress,
    facts: &Facts,
    domains: &[Domain],
    candidates: &[Machine],
) -> Result<Option<Domain>, Problem> {
    let by_file = needs_files(address) || address.id.is_some();
    let of_file = |domain: &&Domain| candidates.iter().any(|machine| machine.is(domain));
    let mut fitting: Vec<&Domain> = domains.iter().filter(|domain| !by_file || of_file(domain)).collect();
    // The number of the hardware addresses is that of the interfaces, not of the domains: asked for only when needed.
    if let Some(mac) = address.mac.as_deref().filter(|_| !by_file) {
        let details = host::details(request, facts).map_err(|trouble| trouble.problem)?;
        let wanted = plain_mac(mac);
        let has = |id: u32| details.iter().any(|d| d.id == id && d.nics.iter().any(|nic| nic.mac == wanted));
        fitting.retain(|domain| wanted.is_some() && has(domain.id));
    }
    if let Some(label) = &address.label {
        fitting.retain(|domain| is_label(&domain.name, label) || (by_file && of_file(domain)));
    }
    if let Some(uuid) = &address.uuid {
        let wanted = plain_uuid(uuid);
        fitting.retain(|domain| wanted.is_some() && (domain.uuid == wanted || (by_file && of_file(domain))));
    }
    match fitting[..] {
        [] => Ok(None),
        [domain] => Ok(Some(domain.clone())),
        _ => {
            let list: Vec<String> = fitting.iter().map(|domain| format!("{} ({})", domain.name, domain.id)).collect();
            Err(Problem::new(Phase::Ambiguous, format!("{} domains fit: {}", list.len(), list.join(", ")))
                .hint("name one of them by l:<label> or u:<uuid>"))
        }
    }
}
