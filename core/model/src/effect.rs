//! What a plugin answers: what is to be done, and what came out.

use crate::action::ConsoleKind;
use crate::bytes::Bytes;
use crate::command::{Batch, Command, Privilege};
use crate::problem::Problem;
use crate::record::Record;
use serde::{Deserialize, Serialize};

/// What is to be done next. Plugins think, the engine does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Run these steps.
    Run(Batch),
    /// Open this console.
    Attach(Box<Console>),
    /// Open this tunnel.
    Open(Tunnel),
    /// Nothing to do: here is the answer.
    Report(Findings),
}

/// What follows an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Finished.
    Done(Findings),
    /// Do this now.
    Then(Effect),
    /// Do this after a pause.
    Later {
        /// Milliseconds to wait.
        delay_ms: u32,
        /// What to do then.
        effect: Effect,
        /// What is waited for, for the progress line: `for tst100 to power off`.
        why: String,
    },
}

/// What came out: always both, rows and problems.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Findings {
    /// The rows.
    pub records: Vec<Record>,
    /// What went wrong, in sentences.
    pub problems: Vec<Problem>,
    /// Text for people, line by line (SHOW, INFO); the output of a tool.
    pub text: Vec<String>,
    /// True when something was changed on a target.
    pub changed: bool,
    /// What a tool says on stderr, line by line, as it is to stand there. Only for [`crate::Action::Tool`].
    pub stderr: Vec<String>,
    /// The exit code of a tool, where the problems do not give it. Only for [`crate::Action::Tool`].
    pub exit: Option<u8>,
}

impl Findings {
    /// These rows and no problem.
    pub fn records(records: Vec<Record>) -> Findings {
        Findings { records, ..Findings::default() }
    }

    /// One problem and no row.
    pub fn problem(problem: Problem) -> Findings {
        Findings { problems: vec![problem], ..Findings::default() }
    }
}

/// A console as an answer: what to open, not how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Console {
    /// Which kind of window or terminal.
    pub kind: ConsoleKind,
    /// The title of the window or buffer.
    pub label: String,
    /// The session type of the machine.
    pub session_type: String,
    /// Its uuid, for the banner and for the check.
    #[serde(default)]
    pub uuid: Option<String>,
    /// The command whose terminal is the console; none for viewers and sockets.
    #[serde(default)]
    pub command: Option<Command>,
    /// The socket that is the console, in the place of a command.
    #[serde(default)]
    pub socket: Option<ConsoleSocket>,
    /// What the console said before, shown when it is opened.
    #[serde(default)]
    pub history: Option<History>,
    /// The port of the VNC server on the target, for viewers.
    #[serde(default)]
    pub vnc_port: Option<u16>,
    /// The password file of that server, as a path on the target (`~/` is the home there): the viewer is given it, wherever it
    /// runs, and nobody else. None when the server asks for none, or when the viewer asks the user.
    #[serde(default)]
    pub password_file: Option<Bytes>,
    /// How one leaves it, in words. A socket needs none: the engine has a key for it.
    #[serde(default)]
    pub detach: Option<String>,
    /// No terminal is made for the command: the three streams of the caller are its own, byte for byte, and its exit status
    /// is the call's. Only for [`crate::Action::Tool`].
    #[serde(default)]
    pub streams: bool,
    /// The key that leaves a socket, as the byte a terminal sends for it, in the place of the user's. Only for
    /// [`crate::Action::Tool`].
    #[serde(default)]
    pub key: Option<u8>,
    /// What is said on stderr before it opens, in lines: what a start had to complain of, for one.
    #[serde(default)]
    pub says: Option<String>,
}

impl Console {
    /// A console of this kind, as yet without anything that could be opened.
    pub fn new(kind: ConsoleKind, label: &str, session_type: &str) -> Console {
        Console {
            kind,
            label: label.to_string(),
            session_type: session_type.to_string(),
            uuid: None,
            command: None,
            socket: None,
            history: None,
            vnc_port: None,
            password_file: None,
            detach: None,
            streams: false,
            key: None,
            says: None,
        }
    }
}

/// A UNIX socket of the target that carries the bytes of a serial line, both ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleSocket {
    /// Its absolute path.
    pub path: Bytes,
    /// Whether it takes root to connect.
    #[serde(default)]
    pub privilege: Privilege,
    /// The process that listens there, as the facts say. Whoever else answers is refused before a byte is shown.
    #[serde(default)]
    pub owner: Option<u32>,
}

/// A file of the target in which the console's output is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Its absolute path.
    pub path: Bytes,
    /// Whether it takes root to read.
    #[serde(default)]
    pub privilege: Privilege,
}

/// A tunnel as an answer: which port of the target is wanted here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// The label of the session it belongs to.
    pub label: String,
    /// The session type it belongs to; LIST shows `SSH(<type>)`.
    pub session_type: String,
    /// The port on the target.
    pub remote_port: u16,
}
