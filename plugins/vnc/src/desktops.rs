//! Which servers and viewers run, whose they are, and which of them are meant.

use crate::parse::server::{self, Server};
use crate::parse::viewer::{self, Viewer};
use crate::probes;
use ctys_plugin::model::{
    Answer, Facts, HostFacts, MachineAddress, Missing, Phase, Probe, Problem, Process, Request, Scope,
};

/// Everything that has to do with VNC on one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desktops {
    /// The servers, by process number.
    pub servers: Vec<Server>,
    /// The viewers, by process number.
    pub viewers: Vec<Viewer>,
}

impl Desktops {
    /// From the processes.
    pub fn read(processes: &[Process]) -> Desktops {
        let (servers, viewers): (Vec<_>, Vec<_>) = processes.iter().partition(|process| server::is_server(process));
        Desktops {
            servers: servers.into_iter().map(server::read).collect(),
            viewers: viewers.into_iter().map(viewer::read).collect(),
        }
    }

    /// Those of the target, or why they are not known.
    pub fn of(facts: &Facts) -> Result<Desktops, Problem> {
        Desktops::answered(facts.answer(&probes::processes()))
    }

    /// Those of an answer, or why they are not known.
    pub fn answered(answer: &Answer) -> Result<Desktops, Problem> {
        let why = match answer {
            Answer::Processes(processes) => return Ok(Desktops::read(processes)),
            Answer::Output(output) => ctys_plugin::outputs::complaint("the look at the processes", output),
            Answer::Failed(why) => why.clone(),
            Answer::Missing(Missing::HostSilent) => "the host did not answer".to_string(),
            Answer::Missing(why) => format!("there is no answer ({})", why.word()),
            _ => "the answer is no list of processes".to_string(),
        };
        Err(Problem::new(Phase::Run, format!("the VNC servers and viewers are not known: {why}")))
    }

    /// What a viewer is called: as ctys called it, as the server it shows, or as the place it was told.
    pub fn label(&self, viewer: &Viewer) -> String {
        if let Some(label) = &viewer.label {
            return label.clone();
        }
        if let Some(server) = self.served(viewer) {
            return server.label.clone();
        }
        match (&viewer.host, viewer.display()) {
            (Some(host), Some(display)) => format!("{host}:{display}"),
            (Some(host), None) => host.clone(),
            (None, _) => "VNC".to_string(),
        }
    }

    /// The server here that a viewer shows.
    fn served(&self, viewer: &Viewer) -> Option<&Server> {
        let is_it = |server: &&Server| server.port.is_some_and(|port| viewer.port == Some(port));
        self.servers.iter().filter(|_| viewer.is_at_home()).find(is_it)
    }

    /// The display of this machine that a viewer shows; one of another machine is none, whatever its number.
    fn display(&self, viewer: &Viewer) -> Option<u32> {
        match self.served(viewer) {
            Some(server) => server.display,
            None => viewer.display().filter(|_| viewer.is_at_home()).map(u32::from),
        }
    }

    /// The servers that an address means: by label, by display number, or by both.
    pub fn meant(&self, address: &MachineAddress) -> Vec<&Server> {
        let is_meant = |server: &&Server| {
            let label = address.label.as_ref().is_none_or(|label| server.label == *label);
            let id = address.id.as_ref().is_none_or(|id| server.display.is_some_and(|display| is_id(id, display)));
            label && id
        };
        match address.label.is_some() || address.id.is_some() {
            true => self.servers.iter().filter(is_meant).collect(),
            false => Vec::new(),
        }
    }

    /// The viewers that an address means: by label, by the display of this machine that they show, or by both.
    pub fn meant_viewers(&self, address: &MachineAddress) -> Vec<&Viewer> {
        let is_meant = |viewer: &&Viewer| {
            let label = address.label.as_ref().is_none_or(|label| self.label(viewer) == *label);
            let id =
                address.id.as_ref().is_none_or(|id| self.display(viewer).is_some_and(|display| is_id(id, display)));
            label && id
        };
        match address.label.is_some() || address.id.is_some() {
            true => self.viewers.iter().filter(is_meant).collect(),
            false => Vec::new(),
        }
    }
}

fn is_id(id: &str, display: u32) -> bool {
    id.strip_prefix(':').unwrap_or(id).parse() == Ok(display)
}

/// Whether a process counts under `-s`.
pub fn counts(scope: &Scope, host: &HostFacts, process: &Process) -> bool {
    let all = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case("all"));
    match scope {
        Scope::All | Scope::Default => true,
        Scope::User => process.user == host.user,
        Scope::Group => process.group == host.group,
        Scope::Users(users) => all(users) || users.contains(&process.user),
        Scope::Groups(groups) => all(groups) || groups.contains(&process.group),
    }
}

/// The only server that is meant. The error lists them all when there are several, and says so when there is none.
pub fn only<'a>(servers: &[&'a Server], request: &Request, what: &str) -> Result<Option<&'a Server>, Problem> {
    match servers {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        [first, ..] if request.ambiguous => Ok(Some(first)),
        several => {
            let list: Vec<String> = several.iter().map(|server| shown(server)).collect();
            let message = format!("{what} is {} desktops: {}", several.len(), list.join("; "));
            Err(Problem::new(Phase::Ambiguous, message).hint("i:DISPLAY beside the label names one of them"))
        }
    }
}

/// A server in a sentence: `tst100, display :1 of acue, process 4711`.
pub fn shown(server: &Server) -> String {
    let display = server.display.map_or("no display".to_string(), |display| format!("display :{display}"));
    format!("{}, {display} of {}, process {}", server.label, server.process.user, server.process.pid)
}

/// An address in a sentence.
pub fn words(address: &MachineAddress) -> String {
    let parts = [("label", &address.label), ("id", &address.id)];
    let words: Vec<String> =
        parts.iter().filter_map(|(key, value)| value.as_ref().map(|value| format!("{key} {value}"))).collect();
    if words.is_empty() { "the address".to_string() } else { words.join(" and ") }
}

/// Every part of an address that a desktop has not.
pub fn foreign_part(address: &MachineAddress) -> Option<&'static str> {
    let parts = [
        (address.file_name.is_some(), "FILENAME"),
        (address.uuid.is_some(), "UUID"),
        (address.mac.is_some(), "MAC"),
        (address.tcp.is_some(), "TCP"),
        (address.db_record.is_some(), "DBRECORD"),
    ];
    parts.into_iter().find(|(given, _)| *given).map(|(_, name)| name)
}

/// The probe of all verbs.
pub fn wants() -> Vec<Probe> {
    vec![probes::processes()]
}
