//! Which tunnels there are, and which are meant.

use crate::parse::keeper::{self, Tunnel};
use crate::probes;
use ctys_plugin::model::{Answer, Facts, HostFacts, MachineAddress, Missing, Phase, Problem, Request, Scope};

/// Every tunnel that starts on the target, by process number; or why they are not known.
pub fn all(facts: &Facts) -> Result<Vec<Tunnel>, Problem> {
    let why = match facts.answer(&probes::keepers()) {
        Answer::Processes(processes) => return Ok(processes.iter().filter_map(keeper::read).collect()),
        Answer::Output(output) => ctys_plugin::outputs::complaint("the look at the processes", output),
        Answer::Failed(why) => why.clone(),
        Answer::Missing(Missing::HostSilent) => "the host did not answer".to_string(),
        Answer::Missing(why) => format!("there is no answer ({})", why.word()),
        _ => "the answer is no list of processes".to_string(),
    };
    Err(Problem::new(Phase::Run, format!("the tunnels are not known: {why}")))
}

/// Those that an address means: by label, by id (`5950-5900`, or `5950` alone), or by both. Nothing names none of them.
pub fn meant<'a>(tunnels: &'a [Tunnel], address: &MachineAddress) -> Vec<&'a Tunnel> {
    let is_meant = |tunnel: &&Tunnel| {
        let label = address.label.as_ref().is_none_or(|label| tunnel.label == *label);
        let is_id = |id: &String| *id == tunnel.id() || *id == tunnel.local_port.to_string();
        label && address.id.as_ref().is_none_or(is_id)
    };
    match address.label.is_some() || address.id.is_some() {
        true => tunnels.iter().filter(is_meant).collect(),
        false => Vec::new(),
    }
}

/// Whether an address can mean a tunnel at all.
pub fn check(address: &MachineAddress) -> Result<(), Problem> {
    let foreign = [
        (address.file_name.is_some(), "FILENAME"),
        (address.uuid.is_some(), "UUID"),
        (address.mac.is_some(), "MAC"),
        (address.tcp.is_some(), "TCP"),
        (address.db_record.is_some(), "DBRECORD"),
    ];
    let hint = "l:LABEL or i:LOCALPORT-PORT names one";
    match foreign.into_iter().find(|(given, _)| *given) {
        Some((_, part)) => Err(Problem::new(Phase::Usage, format!("a tunnel has no {part}")).hint(hint)),
        None if address.label.is_none() && address.id.is_none() => {
            Err(Problem::new(Phase::Usage, "no tunnel is named").hint(hint))
        }
        None => Ok(()),
    }
}

/// More than one is never a guess.
pub fn only(meant: &[&Tunnel], request: &Request, address: &MachineAddress) -> Result<(), Problem> {
    if meant.len() < 2 || request.ambiguous {
        return Ok(());
    }
    let list: Vec<String> = meant.iter().map(|tunnel| shown(tunnel)).collect();
    let message = format!("{} is {} tunnels: {}", words(address), meant.len(), list.join("; "));
    Err(Problem::new(Phase::Ambiguous, message).hint("i:LOCALPORT-PORT beside the label names one of them, -A all"))
}

/// A tunnel in a sentence.
pub fn shown(tunnel: &Tunnel) -> String {
    let Tunnel { process, label, behind, target, .. } = tunnel;
    format!("SSH({behind}) {label}, {} to {target} of {}, process {}", tunnel.id(), process.user, process.pid)
}

/// An address in a sentence.
pub fn words(address: &MachineAddress) -> String {
    let parts = [("label", &address.label), ("id", &address.id)];
    let words: Vec<String> =
        parts.iter().filter_map(|(key, value)| value.as_ref().map(|value| format!("{key} {value}"))).collect();
    words.join(" and ")
}

/// Whether a tunnel counts under `-s`.
pub fn counts(scope: &Scope, host: &HostFacts, tunnel: &Tunnel) -> bool {
    let all = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case("all"));
    let (user, group) = (&tunnel.process.user, &tunnel.process.group);
    match scope {
        Scope::All | Scope::Default => true,
        Scope::User => *user == host.user,
        Scope::Group => *group == host.group,
        Scope::Users(users) => all(users) || users.contains(user),
        Scope::Groups(groups) => all(groups) || groups.contains(group),
    }
}
