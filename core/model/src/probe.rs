//! What a plugin wants to know, and what it learns.

use crate::bytes::Bytes;
use crate::command::{Access, Command, Output, Place, Talk};
use crate::value::Missing;
use serde::{Deserialize, Serialize};

/// A question to a host that changes nothing. The probes of all plugins for one host travel together, and two equal
/// ones cost one command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Runs the first command whose program exists. Each must be [`Access::Reads`]; the engine refuses others.
    Run {
        /// The commands, most wanted first; all at the same place.
        tries: Vec<Command>,
    },
    /// Reads a file.
    File {
        /// Where.
        #[serde(default)]
        place: Place,
        /// An absolute path, or one relative to the home of the account.
        path: Bytes,
        /// At most so many bytes of it.
        limit: u32,
    },
    /// Looks for files by name below some folders and reads them. All plugins share one walk.
    Scan(Scan),
    /// Looks for processes by the names of their programs. All plugins share one look.
    Processes(ProcessTable),
    /// Speaks with what listens on UNIX sockets. It must be [`Access::Reads`].
    Talk(Talk),
}

/// A look at the processes of a host, everybody's as far as the account may see them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessTable {
    /// Where.
    pub place: Place,
    /// Names of programs (the last part of the first argument) with `*` and `?`: `qemu-system-*`.
    pub names: Vec<String>,
}

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// That of its parent.
    pub parent: u32,
    /// Whose it is, by name.
    pub user: String,
    /// The group, by name; empty where the host does not tell.
    pub group: String,
    /// The letter of its state as ps(1) has it; empty where the host does not tell.
    pub state: String,
    /// When it started, in ticks since the host booted: with the number, what makes it this process and no later one.
    pub start: Option<u64>,
    /// How long it has been running, in seconds.
    pub age_s: Option<u64>,
    /// The arguments, the program first.
    pub args: Vec<Bytes>,
    /// False where only `ps` could be asked: arguments with blanks were then split.
    pub exact: bool,
}

/// A walk through folders.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scan {
    /// Where.
    #[serde(default)]
    pub place: Place,
    /// The folders; `~` is the home of the account, relative ones are below it. One that is no folder is told of.
    pub bases: Vec<Bytes>,
    /// Patterns of file names with `*` and `?`.
    pub names: Vec<String>,
    /// How deep, 1 for the folders themselves.
    pub depth: u32,
    /// At most so many bytes of each file.
    pub limit: u32,
}

impl Probe {
    /// Runs one command.
    pub fn run(command: Command) -> Probe {
        Probe::Run { tries: vec![command] }
    }

    /// Runs the first of these commands whose program is there.
    pub fn run_first(tries: Vec<Command>) -> Probe {
        Probe::Run { tries }
    }

    /// Reads a file on the target, up to 256 KiB of it.
    pub fn file(path: impl Into<Bytes>) -> Probe {
        Probe::File { place: Place::Target, path: path.into(), limit: 256 * 1024 }
    }

    /// Reads a file on the machine of the caller, up to 256 KiB of it.
    pub fn caller_file(path: impl Into<Bytes>) -> Probe {
        Probe::File { place: Place::Caller, path: path.into(), limit: 256 * 1024 }
    }

    /// Where it is asked.
    pub fn place(&self) -> &Place {
        static TARGET: Place = Place::Target;
        match self {
            Probe::Run { tries } => tries.first().map_or(&TARGET, |command| &command.place),
            Probe::File { place, .. } | Probe::Scan(Scan { place, .. }) | Probe::Talk(Talk { place, .. }) => place,
            Probe::Processes(table) => &table.place,
        }
    }

    /// True when it cannot change anything.
    pub fn only_reads(&self) -> bool {
        match self {
            Probe::Run { tries } => tries.iter().all(|command| command.access == Access::Reads),
            Probe::Talk(talk) => talk.access == Access::Reads,
            Probe::File { .. } | Probe::Scan(_) | Probe::Processes(_) => true,
        }
    }
}

/// What a plan is made of: equal requests with equal facts give equal plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What every host tells about itself; none when no probe needed the target to be reached.
    pub host: Option<HostFacts>,
    /// The time of the call, in seconds since 1970-01-01 UTC.
    pub now: i64,
    /// Random bytes for fresh identifiers (uuid, MAC); 64 of them, new for every request.
    pub fresh: Bytes,
    /// The answers to the probes, in the order the plugin asked.
    pub answers: Vec<(Probe, Answer)>,
}

impl Facts {
    /// The answer to a probe. One that was never asked is [`Missing::NotAsked`].
    pub fn answer(&self, probe: &Probe) -> &Answer {
        static NOT_ASKED: Answer = Answer::Missing(Missing::NotAsked);
        self.answers.iter().find(|(asked, _)| asked == probe).map_or(&NOT_ASKED, |(_, answer)| answer)
    }
}

/// What the frame of every answer says about its host, without any probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostFacts {
    /// `uname -n`: the name the host gives itself.
    pub node: String,
    /// `uname -s`, such as `Linux`.
    pub system: String,
    /// `uname -r`.
    pub release: String,
    /// `uname -m`.
    pub machine: String,
    /// The account that logged in.
    pub user: String,
    /// Its number.
    pub uid: u32,
    /// Its primary group, by name.
    pub group: String,
    /// Its home folder.
    pub home: Bytes,
}

/// What came of a probe or a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A command ran, or could not.
    Output(Output),
    /// A file was read, or could not be.
    File(FileAnswer),
    /// What a walk found.
    Scanned(Scanned),
    /// The processes, by number.
    Processes(Vec<Process>),
    /// What was heard from each socket, sorted by path; nothing when no socket matched.
    Talked(Vec<Heard>),
    /// A step that has no output went well: a packet was sent, a port answered.
    Done,
    /// A step failed, for the reason in this sentence.
    Failed(String),
    /// There is no answer, for this reason.
    Missing(Missing),
}

impl Answer {
    /// The output of a command that ended with status 0.
    pub fn ok_output(&self) -> Option<&Output> {
        match self {
            Answer::Output(output) if output.ok() => Some(output),
            _ => None,
        }
    }

    /// The content of a file that could be read.
    pub fn content(&self) -> Option<&Bytes> {
        match self {
            Answer::File(FileAnswer::Content { content, .. }) => Some(content),
            _ => None,
        }
    }
}

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scanned {
    /// The files, sorted by path. A base that is no folder stands there as absent.
    pub files: Vec<FoundFile>,
    /// True when the walk ended early: it took too long, or there was too much.
    pub cut: bool,
}

/// One file of a walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundFile {
    /// The absolute path.
    pub path: Bytes,
    /// What is in it, or why that is not known.
    pub file: FileAnswer,
}

/// One dialogue with a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The absolute path of the socket.
    pub socket: Bytes,
    /// Everything that came from it, up to the limit.
    pub text: Bytes,
    /// How it ended.
    pub end: Ending,
}

/// How a dialogue ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every line had its answer.
    Answered,
    /// The other side closed before that.
    Closed,
    /// The time was over.
    TimedOut,
    /// It said more than the limit.
    TooMuch,
    /// There is no such socket.
    Absent,
    /// No connection, for this reason: `Permission denied`, `Connection refused`.
    Refused(String),
}

/// What came of reading a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAnswer {
    /// Its content.
    Content {
        /// The bytes, up to the limit of the probe.
        content: Bytes,
        /// True when the file is longer.
        cut: bool,
    },
    /// There is no such file.
    Absent,
    /// It is there and the account may not read it.
    Denied,
}

/// Everything that came back to a plan, round by round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replies {
    /// The rounds, the latest last. Plugins keep no state: what they need to know is in here.
    pub rounds: Vec<Round>,
}

/// One effect that was carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Round {
    /// Milliseconds from the start of the first round to the start of this one.
    pub started_ms: u64,
    /// The answers, one per step, in order.
    pub steps: Vec<StepReply>,
}

/// The answer to one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReply {
    /// The name of the step.
    pub name: String,
    /// What came of it.
    pub answer: Answer,
}

impl Replies {
    /// The latest answer to a step of this name.
    pub fn last(&self, name: &str) -> Option<&Answer> {
        self.rounds
            .iter()
            .rev()
            .flat_map(|round| round.steps.iter().rev())
            .find(|step| step.name == name)
            .map(|step| &step.answer)
    }
}
