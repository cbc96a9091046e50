//! A command is data: what runs where, with which right, for how long, and whether it reads or changes.

use crate::bytes::Bytes;
use crate::probe::ProcessTable;
use crate::problem::Phase;
use serde::{Deserialize, Serialize};

/// One program call. Only the core turns it into a shell line, in one place, so an argument may hold any byte but NUL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Command {
    /// The program: a name looked up in the target's PATH (with the system folders added), or an absolute path.
    pub program: String,
    /// The arguments. A leading `~/` is not special; use [`Place`] facts for paths.
    #[serde(default)]
    pub args: Vec<Bytes>,
    /// What it reads; nothing means an empty input.
    #[serde(default)]
    pub stdin: Option<Bytes>,
    /// Where it runs.
    #[serde(default)]
    pub place: Place,
    /// Whether it needs root.
    #[serde(default)]
    pub privilege: Privilege,
    /// Whether it reads or changes.
    #[serde(default)]
    pub access: Access,
    /// Time limit in milliseconds; 0 means the engine's default for one command.
    #[serde(default)]
    pub limit_ms: u32,
    /// It needs nobody to keep it to its limit, see [`Command::unwatched`].
    #[serde(default)]
    pub unwatched: bool,
    /// What it reads and what it prints is a secret: no transcript holds it.
    #[serde(default)]
    pub secret: bool,
    /// Runs only where one of these folders may be there (`~/` is the home); elsewhere it ends well and says nothing, and no
    /// process is spent on it. None: it always runs. Of commands that stand for each other, the folders of the first count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<Bytes>,
    /// What it starts outlives it, see [`Command::lasting`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lasting: bool,
}

impl Command {
    /// A command on the target that only reads, without privilege, with the default time limit.
    pub fn new(program: &str) -> Command {
        Command {
            program: program.to_string(),
            args: Vec::new(),
            stdin: None,
            place: Place::Target,
            privilege: Privilege::None,
            access: Access::Reads,
            limit_ms: 0,
            unwatched: false,
            secret: false,
            near: Vec::new(),
            lasting: false,
        }
    }

    /// With one more argument.
    pub fn arg(mut self, arg: impl Into<Bytes>) -> Command {
        self.args.push(arg.into());
        self
    }

    /// With more arguments.
    pub fn args<A: Into<Bytes>>(mut self, args: impl IntoIterator<Item = A>) -> Command {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// With an input.
    pub fn stdin(mut self, stdin: impl Into<Bytes>) -> Command {
        self.stdin = Some(stdin.into());
        self
    }

    /// At another place.
    pub fn at(mut self, place: Place) -> Command {
        self.place = place;
        self
    }

    /// As root, by the means the user allowed with `-Z`.
    pub fn as_root(mut self) -> Command {
        self.privilege = Privilege::Root;
        self
    }

    /// Marked as one that changes something. It never runs as a probe, nor under `--read-only` or `--plan`.
    pub fn changes(mut self) -> Command {
        self.access = Access::Changes;
        self
    }

    /// With an input and an output that no transcript may hold.
    pub fn secret(mut self) -> Command {
        self.secret = true;
        self
    }

    /// Only where one of these folders may be there.
    pub fn near<F: Into<Bytes>>(mut self, folders: impl IntoIterator<Item = F>) -> Command {
        self.near.extend(folders.into_iter().map(Into::into));
        self
    }

    /// With a time limit in milliseconds.
    pub fn limit_ms(mut self, limit_ms: u32) -> Command {
        self.limit_ms = limit_ms;
        self
    }

    /// What it starts goes on behind it and is somebody's own, such as a desktop: it gets the signals as a login has them, not as the
    /// steps of a change, which a closed pipe must not end. Counts for a command without root.
    pub fn lasting(mut self) -> Command {
        self.lasting = true;
        self
    }

    /// For a command that cannot hang, since it asks nothing but the kernel (`ip addr`), or that keeps its limit by itself: it is
    /// spared the process that would watch it, unless a way to root comes between. The limit is how long it is waited for all the
    /// same. A script among its words (`sh -c`) is spared its shell as well; there `$$` is not its own process.
    pub fn unwatched(mut self) -> Command {
        self.unwatched = true;
        self
    }
}

/// Where a command runs or a file is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// On the target of the request.
    #[default]
    Target,
    /// On the machine of the caller.
    Caller,
    /// On another host, named as a target is.
    Host(String),
}

/// Whether a command needs root. How it gets there is the engine's matter (`-Z`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// Runs as the account that logged in.
    #[default]
    None,
    /// Needs root: run as it is when the account is root, else by what `-Z` allows. Without any, it runs as it is and
    /// its refusal is reported with a hint to `-Z`.
    Root,
}

/// Whether a command changes anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Only looks.
    #[default]
    Reads,
    /// May change something.
    Changes,
}

/// Steps that are carried out in order. The engine stops at a step that failed only when it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// One step of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// A short name in the field's own words, for messages and for finding its answer: `shutdown`, `wake`.
    pub name: String,
    /// What is done.
    pub does: Does,
    /// Whether the steps after this one still run when it fails. Off by default: a plan that failed is not continued.
    #[serde(default)]
    pub go_on: bool,
}

impl Step {
    /// A step that runs one command.
    pub fn run(name: &str, command: Command) -> Step {
        Step { name: name.to_string(), does: Does::Run { tries: vec![command] }, go_on: false }
    }

    /// A step that runs the first of these commands whose program is there.
    pub fn run_first(name: &str, tries: Vec<Command>) -> Step {
        Step { name: name.to_string(), does: Does::Run { tries }, go_on: false }
    }

    /// A step that does something else than run a command.
    pub fn does(name: &str, does: Does) -> Step {
        Step { name: name.to_string(), does, go_on: false }
    }

    /// The same step, after which the batch goes on even if it failed.
    pub fn go_on(mut self) -> Step {
        self.go_on = true;
        self
    }
}

/// What a step does. New words are added here when a plugin needs something the engine cannot do yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Runs the first command whose program exists.
    Run {
        /// The commands, most wanted first; all at the same place.
        tries: Vec<Command>,
    },
    /// Sends a wake-on-LAN packet from the caller.
    Wake(Wake),
    /// Asks whether a TCP port answers, from the caller.
    Reach(Reach),
    /// Speaks with what listens on a UNIX socket; answered by [`crate::Answer::Talked`].
    Talk(Talk),
    /// Writes a file, whole or not at all; answered by [`crate::Answer::Output`].
    Write(WriteFile),
    /// Sends a signal to a process if it is still the one that was seen; answered by [`crate::Answer::Output`].
    Signal(Signal),
    /// Looks for processes by the names of their programs; answered by [`crate::Answer::Processes`].
    Look(ProcessTable),
    /// Keeps everybody else out who takes the same lock; answered by [`crate::Answer::Output`].
    Lock(Lock),
}

impl Does {
    /// Where it happens; packets and port checks start at the caller.
    pub fn place(&self) -> &Place {
        match self {
            Does::Run { tries } => tries.first().map_or(&Place::Target, |command| &command.place),
            Does::Talk(talk) => &talk.place,
            Does::Write(file) => &file.place,
            Does::Signal(signal) => &signal.place,
            Does::Look(table) => &table.place,
            Does::Lock(lock) => &lock.place,
            Does::Wake(_) | Does::Reach(_) => &Place::Caller,
        }
    }

    /// True when it may change something.
    pub fn changes(&self) -> bool {
        match self {
            Does::Run { tries } => tries.iter().any(|command| command.access == Access::Changes),
            Does::Talk(talk) => talk.access == Access::Changes,
            Does::Wake(_) | Does::Write(_) | Does::Signal(_) => true,
            Does::Reach(_) | Does::Look(_) | Does::Lock(_) => false,
        }
    }
}

/// A dialogue with the programs that listen on UNIX sockets, in lines: QMP for example. Nothing listens anywhere for it,
/// no port is opened: it runs beside the socket, by perl or python3, whichever the host has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Talk {
    /// Where.
    pub place: Place,
    /// Whether the sockets belong to root.
    pub privilege: Privilege,
    /// Whether what is said changes anything.
    pub access: Access,
    /// Paths of sockets, absolute or below `~/`; `*` and `?` stand for any names of sockets that are there. All of them are spoken
    /// with at the same time.
    pub sockets: Vec<Bytes>,
    /// What is said, line by line, without the line feeds: each line after the answer to the one before where something may
    /// change, all of them at once where they only ask.
    pub lines: Vec<Bytes>,
    /// A line that contains one of these is an answer. Others (a greeting, events) are kept and not waited for.
    pub answers: Vec<Bytes>,
    /// The time limit of each dialogue in milliseconds.
    pub limit_ms: u32,
    /// At most so many bytes are heard from each socket.
    pub limit: u32,
}

/// A lock on a file or folder that is there: flock(2), held by the shell of the conversation until it takes another one, the
/// plugin is done, or we are gone, however that comes about. What the steps start does not inherit it. One at a time, so that nobody
/// waits for each other. It fails with status 2 when there is no such path, 75 when another one kept it for too long, 127 without
/// the tool `flock`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// Where.
    pub place: Place,
    /// An absolute path. Nothing is written to it; the account needs the right to read it. Empty: the lock that is held is
    /// given back.
    pub path: Bytes,
    /// How long to wait for it, in milliseconds.
    pub wait_ms: u32,
}

/// A signal to one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signal {
    /// Where.
    pub place: Place,
    /// Whether it needs root.
    pub privilege: Privilege,
    /// The number of the process.
    pub pid: u32,
    /// When it started, see [`crate::Process::start`]. When that is another time, the process is gone: the step fails
    /// with status 3 (`ESRCH`) and nobody gets a signal.
    pub start: u64,
    /// The signal by its name, such as `TERM`.
    pub name: String,
}

/// A file to be written. It is complete beside its place before it takes it, so that nobody ever reads half of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteFile {
    /// Where.
    pub place: Place,
    /// Whether it needs root.
    pub privilege: Privilege,
    /// The path, absolute or below `~/`.
    pub path: Bytes,
    /// What is in it.
    pub content: Bytes,
    /// The permission bits, such as `0o600`.
    pub mode: u32,
    /// Only if there is no file of this name; else the step fails with status 17 (`EEXIST`).
    pub new: bool,
    /// Missing folders above it are made, for their owner only.
    pub parents: bool,
    /// What is in it is a secret: no transcript holds it.
    pub secret: bool,
}

/// A wake-on-LAN packet: six 0xff and sixteen times the hardware address, by UDP broadcast from the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// The hardware address of the sleeper.
    pub mac: [u8; 6],
    /// The broadcast address; `255.255.255.255` unless named.
    pub broadcast: String,
    /// The UDP port, usually 9.
    pub port: u16,
    /// The interface to send from, where the call names one.
    #[serde(default)]
    pub interface: Option<String>,
}

/// A TCP connection that is opened and closed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The host, as a target is named; none means the target of the request, with its ssh port.
    #[serde(default)]
    pub host: Option<String>,
    /// The port; none means the ssh port of that host.
    #[serde(default)]
    pub port: Option<u16>,
    /// Time limit in milliseconds.
    pub limit_ms: u32,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Which of the tries ran, from 0.
    #[serde(default)]
    pub tried: u32,
    /// Its standard output, up to the engine's limit.
    #[serde(default)]
    pub stdout: Bytes,
    /// Its standard error, up to the engine's limit.
    #[serde(default)]
    pub stderr: Bytes,
    /// True when one of the two was cut off at the limit.
    #[serde(default)]
    pub cut: bool,
}

impl Output {
    /// An output without text, for tests and for steps that run nothing.
    pub fn ended(exit: Exit) -> Output {
        Output { exit, tried: 0, stdout: Bytes::default(), stderr: Bytes::default(), cut: false }
    }

    /// True when it ended with status 0.
    pub fn ok(&self) -> bool {
        self.exit == Exit::Code(0)
    }
}

/// How a command ended. "It ended 255" and "the host is gone" are different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Ended with this status.
    Code(i32),
    /// Ended by this signal.
    Signal(i32),
    /// Stopped by us when its time limit was over.
    TimedOut,
    /// The program is not on that host.
    NotFound,
    /// The privilege it needs was refused; the text is the reason given by the tool that refused.
    Refused(String),
    /// The host was lost before the status came: whether the command had begun by then, in which phase the host was lost
    /// (connection ended, silence, garbled answer), and the sentence about it.
    Lost {
        /// True when it had begun.
        begun: bool,
        /// [`Phase::Connect`], [`Phase::Timeout`] or [`Phase::Parse`].
        phase: Phase,
        /// Why.
        why: String,
    },
    /// Never started; the text says why (an earlier step failed, the host fell silent, a plan only).
    NotRun(String),
}
