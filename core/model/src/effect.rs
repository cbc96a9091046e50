//! What a plugin answers: what is to be done, and what came out.

use crate::action::ConsoleKind;
use crate::command::{Batch, Command};
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
    /// Text for people, line by line (SHOW, INFO).
    pub text: Vec<String>,
    /// True when something was changed on a target.
    pub changed: bool,
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
    /// The command whose terminal is the console; none for viewers.
    #[serde(default)]
    pub command: Option<Command>,
    /// The port of the VNC server on the target, for viewers.
    #[serde(default)]
    pub vnc_port: Option<u16>,
    /// How one leaves it, in words.
    #[serde(default)]
    pub detach: Option<String>,
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
