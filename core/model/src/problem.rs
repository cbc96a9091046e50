//! What went wrong: one sentence with what, where and why; hints apart.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that went wrong on one target. Whoever has the context adds it: the parser names the line, the plugin the
/// session, the engine the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where in the course of things it happened.
    pub phase: Phase,
    /// The sentence, without host and plugin: `xl list ended with status 1: permission denied`.
    pub message: String,
    /// What the user could do, each one line.
    #[serde(default)]
    pub hints: Vec<String>,
    /// The plugin, by type in lower case; the engine fills it in.
    #[serde(default)]
    pub plugin: Option<String>,
    /// The target as typed; the engine fills it in.
    #[serde(default)]
    pub target: Option<String>,
    /// The step or command, where one is to blame.
    #[serde(default)]
    pub step: Option<String>,
}

impl Problem {
    /// A problem of this phase.
    pub fn new(phase: Phase, message: impl Into<String>) -> Problem {
        Problem { phase, message: message.into(), hints: Vec::new(), plugin: None, target: None, step: None }
    }

    /// With a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hints.push(hint.into());
        self
    }

    /// With the step it happened in.
    pub fn step(mut self, step: impl Into<String>) -> Problem {
        self.step = Some(step.into());
        self
    }
}

/// Where in the course of one target's work something went wrong. Each has an exit code; the worst one of a call wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The command line, a group or a macro is wrong.
    Usage,
    /// Something needed is missing on the caller: a plugin, a file, a tool.
    Here,
    /// The name of the host is unknown.
    Resolve,
    /// No connection came about.
    Connect,
    /// The host key is unknown, has changed or is revoked.
    HostKey,
    /// The login was refused.
    Login,
    /// Raising the privilege was refused.
    Privilege,
    /// A command failed, or the session was not in the state the action needs.
    Run,
    /// What a tool printed was not understood.
    Parse,
    /// The address matches more than one machine.
    Ambiguous,
    /// A clock ran out; the host had been reached or not.
    Timeout,
    /// The plugin itself failed: a panic, a wrong reply.
    Plugin,
    /// Not done because somebody said so: the machine is protected, nothing may be changed, a plan does not hold any more.
    Refused,
    /// The user interrupted before it was finished.
    Interrupted,
    /// A remark that spoils nothing.
    Notice,
}

impl Phase {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Usage => "usage",
            Phase::Here => "here",
            Phase::Resolve => "resolve",
            Phase::Connect => "connect",
            Phase::HostKey => "host key",
            Phase::Login => "login",
            Phase::Privilege => "privilege",
            Phase::Run => "run",
            Phase::Parse => "parse",
            Phase::Ambiguous => "ambiguous",
            Phase::Timeout => "timeout",
            Phase::Plugin => "plugin",
            Phase::Refused => "refused",
            Phase::Interrupted => "interrupted",
            Phase::Notice => "notice",
        }
    }

    /// The exit code of a call in which this was the worst (DESIGN 6).
    pub fn exit_code(self) -> u8 {
        match self {
            Phase::Notice => 0,
            Phase::Usage => 1,
            Phase::Here => 2,
            Phase::Timeout => 3,
            Phase::Resolve | Phase::Connect | Phase::HostKey | Phase::Login => 4,
            Phase::Privilege | Phase::Run | Phase::Parse | Phase::Plugin => 5,
            Phase::Refused => 8,
            Phase::Ambiguous => 11,
            Phase::Interrupted => 130,
        }
    }

    /// How bad it is, for choosing the exit code of a call with several problems. An interrupt tells most, then what
    /// is wrong before anything ran; among targets 3 over 4 over 5, as in pssh's ladder.
    pub fn weight(self) -> u8 {
        match self.exit_code() {
            0 => 0,
            5 => 1,
            4 => 2,
            3 => 3,
            11 => 4,
            8 => 5,
            2 => 6,
            1 => 7,
            _ => 8,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The exit code of a whole call: that of its worst problem, 0 without any.
pub fn exit_code<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> u8 {
    problems.into_iter().map(|problem| problem.phase).max_by_key(|phase| phase.weight()).map_or(0, Phase::exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_problem_gives_the_exit_code() {
        let code = |phases: &[Phase]| exit_code(&phases.iter().map(|&p| Problem::new(p, "x")).collect::<Vec<_>>());
        assert_eq!(code(&[]), 0);
        assert_eq!(code(&[Phase::Notice]), 0);
        assert_eq!(code(&[Phase::Run, Phase::Connect]), 4);
        assert_eq!(code(&[Phase::Connect, Phase::Timeout, Phase::Run]), 3);
        assert_eq!(code(&[Phase::Timeout, Phase::Ambiguous]), 11);
        assert_eq!(code(&[Phase::Refused, Phase::Connect, Phase::Ambiguous]), 8);
        assert_eq!(code(&[Phase::Interrupted, Phase::Usage]), 130);
    }
}
