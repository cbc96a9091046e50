//! Which QEMUs run on a host: their processes, their owners, and what our own say of themselves.

use crate::folders::{self, Folders};
use crate::owner;
use crate::parse::command_line::CommandLine;
use crate::parse::guest::Vnc;
use crate::parse::qmp::{self, Said};
use crate::probes;
use ctys_plugin::model::{Answer, Facts, Heard, HostFacts, Missing, Phase, Problem, Process, Request};
use std::borrow::Cow;

/// A machine that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// Its process.
    pub process: Process,
    /// Its command line.
    pub line: CommandLine,
    /// Who started it: `ctys`, `libvirt` and so on; none for one that was started by hand.
    pub owner: Option<&'static str>,
    /// The folders and the key of a machine of ours.
    pub own: Option<(Folders, String)>,
    /// What it says of itself, or why nothing is known.
    pub said: Result<Said, Missing>,
    /// Whether another process names the same QMP socket: whoever runs a process chooses its arguments, so that a word
    /// said there might reach another machine.
    pub is_doubtful: bool,
}

impl Running {
    /// Its name, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.line.name().or_else(|| self.said.as_ref().ok().and_then(Said::name).filter(|name| !name.is_empty()))
    }

    /// How it is called in a sentence.
    pub fn title(&self) -> Cow<'_, str> {
        match self.name() {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("the machine of process {}", self.process.pid)),
        }
    }

    /// Its uuid as 32 lower-case digits.
    pub fn uuid(&self) -> Option<String> {
        self.line.uuid().or_else(|| self.said.as_ref().ok().and_then(Said::uuid))
    }

    /// What it says it does: `running`, `paused` and so on.
    pub fn status(&self) -> Option<&str> {
        self.said.as_ref().ok().and_then(Said::status)
    }

    /// The socket at which it can be asked; none when there is none or somebody else holds it.
    pub fn qmp(&self) -> Option<String> {
        match &self.own {
            Some((folders, _)) => Some(folders.qmp()),
            None if self.is_doubtful || self.owner.is_some_and(owner::holds_monitor) => None,
            None => self.line.plain_qmp_sockets().into_iter().next(),
        }
    }

    /// The port of its VNC server.
    pub fn vnc_port(&self) -> Option<u16> {
        match self.line.vnc() {
            Some(Vnc::Port(port)) => Some(port),
            Some(Vnc::From(_)) => self.said.as_ref().ok().and_then(Said::vnc_port),
            Some(Vnc::Socket(_)) => None,
            // What a configuration file of QEMU's own opens stands in no argument.
            None => self.said.as_ref().ok().and_then(Said::vnc_port),
        }
    }

    /// Why there is no port to tell, where it has one all the same: QEMU chose it, or a file of its own says it, and this machine
    /// was not asked.
    pub fn unasked_port(&self) -> Option<Problem> {
        let may_have = match self.line.vnc() {
            Some(Vnc::From(_)) => true,
            None => self.line.last(&["readconfig"]).is_some(),
            Some(_) => false,
        };
        let message = format!("at which port the VNC server of {} listens was not asked", self.title());
        let problem =
            || Problem::new(Phase::Run, message).hint("LIST asks it, if its QMP socket is free: -a list=label,cport");
        (may_have && self.said.is_err()).then(problem)
    }

    /// Whether it takes root to speak with it.
    pub fn needs_root(&self, host: &HostFacts) -> bool {
        self.process.user != host.user
    }

    /// Why it is left alone unless FORCE is given.
    pub fn foreign(&self) -> Option<Problem> {
        if self.own.is_some() {
            return None;
        }
        let title = self.title();
        let by = match self.owner {
            Some("ctys") => format!("belongs to {}", self.process.user),
            Some(owner) => format!("belongs to {owner}"),
            None => format!("was started by hand, as process {}", self.process.pid),
        };
        let problem = Problem::new(Phase::Run, format!("nothing was done: {title} {by}"));
        Some(match self.owner.and_then(owner::tool) {
            Some(tool) => problem.hint(format!("{tool} is the tool for it; FORCE does it all the same")),
            None => problem.hint("FORCE does it all the same"),
        })
    }
}

/// The machines that run, by number of process.
pub fn machines(request: &Request, facts: &Facts) -> Result<Vec<Running>, Problem> {
    let Some(host) = &facts.host else { return Err(Problem::new(Phase::Run, "the host did not say who it is")) };
    let own = facts.answer(&probes::own_sockets(request));
    list(request, host, facts.answer(&probes::processes()), own)
}

/// The machines in a process table, with what our own said.
pub fn list(request: &Request, host: &HostFacts, processes: &Answer, own: &Answer) -> Result<Vec<Running>, Problem> {
    let processes = match processes {
        Answer::Processes(processes) => processes,
        Answer::Failed(why) => {
            return Err(Problem::new(Phase::Run, format!("the processes of the host are not known: {why}")));
        }
        Answer::Missing(Missing::HostSilent) => {
            return Err(Problem::new(Phase::Run, "the host fell silent before it told of its processes"));
        }
        Answer::Output(output) => {
            let message = ctys_plugin::outputs::complaint("the look at the processes", output);
            return Err(Problem::new(Phase::Run, message));
        }
        _ => return Err(Problem::new(Phase::Run, "the processes of the host were not told")),
    };
    let mut machines: Vec<Running> = Vec::new();
    for process in processes {
        // One that has ended and that its parent has not yet asked for.
        if process.state == "Z" {
            continue;
        }
        let line = CommandLine::parse(&process.args, process.exact);
        if line.is_xens() || line.is_a_question() {
            continue;
        }
        // While QEMU goes into the background, and when it runs a helper, two processes have the same arguments.
        if processes.iter().any(|child| child.parent == process.pid && child.args == process.args) {
            continue;
        }
        machines.push(running(request, host, process.clone(), line, own));
    }
    let claimed: Vec<(u32, String)> = machines
        .iter()
        .flat_map(|machine| machine.line.qmp_sockets().into_iter().map(|socket| (machine.process.pid, socket)))
        .collect();
    for machine in machines.iter_mut().filter(|machine| machine.own.is_none()) {
        let sockets = machine.line.qmp_sockets();
        let is_claimed = |(pid, socket): &(u32, String)| *pid != machine.process.pid && sockets.contains(socket);
        machine.is_doubtful = claimed.iter().any(is_claimed);
    }
    Ok(machines)
}

fn running(request: &Request, host: &HostFacts, process: Process, line: CommandLine, heard: &Answer) -> Running {
    let sockets = line.qmp_sockets();
    let own = sockets.iter().find_map(|socket| folders::of_socket(request, host, &process.user, socket));
    let is_ctys = || sockets.iter().any(|socket| socket.contains("/ctys/qemu/"));
    let owner = match &own {
        Some(_) => Some("ctys"),
        None if is_ctys() => Some("ctys"),
        None => owner::of(&line),
    };
    let said = match &own {
        Some((folders, _)) => of_own(heard, &folders.qmp()),
        None => Err(Missing::NotAsked),
    };
    Running { process, line, owner, own, said, is_doubtful: false }
}

/// What one of our sockets said.
fn of_own(answer: &Answer, socket: &str) -> Result<Said, Missing> {
    match answer {
        Answer::Talked(all) => {
            let mine = |heard: &&Heard| heard.socket.as_slice() == socket.as_bytes();
            let no_socket = || Missing::NoPermission("its QMP socket cannot be reached by this account".into());
            all.iter().find(mine).map_or_else(|| Err(no_socket()), qmp::of)
        }
        Answer::Missing(why) => Err(why.clone()),
        other => qmp::of_answer(Some(other)),
    }
}
