//! The states of plugins as INFO and `ctys-plugins` show them (ctys.md 5).

use std::fmt;

/// How far a plugin has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Left out by configuration; the text names the setting.
    Ignored(String),
    /// Its file is there and is one of ours; it was not opened.
    Available,
    /// Something it needs is missing, or it was refused; the text says what.
    Disabled(String),
    /// It was opened, and what it needs on the target is there.
    Enabled,
    /// Opened, and not of the type of this call.
    Idle,
    /// Opened, and of the type of this call.
    Busy,
}

impl State {
    /// The word, upper case.
    pub fn word(&self) -> &'static str {
        match self {
            State::Ignored(_) => "IGNORED",
            State::Available => "AVAILABLE",
            State::Disabled(_) => "DISABLED",
            State::Enabled => "ENABLED",
            State::Idle => "IDLE",
            State::Busy => "BUSY",
        }
    }

    /// The classic number; `-` for a plugin that is left out.
    pub fn number(&self) -> &'static str {
        match self {
            State::Ignored(_) => "-",
            State::Available => "0",
            State::Disabled(_) => "1",
            State::Enabled => "2",
            State::Idle => "3",
            State::Busy => "4",
        }
    }

    /// Why, for the states that need a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            State::Ignored(reason) | State::Disabled(reason) => Some(reason),
            State::Available | State::Enabled | State::Idle | State::Busy => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.word(), self.number())?;
        match self.reason() {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}
