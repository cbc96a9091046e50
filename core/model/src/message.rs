//! What crosses the plugin boundary, as MessagePack with named fields.

use crate::effect::{Effect, Next};
use crate::manifest::Manifest;
use crate::probe::{Facts, Probe, Replies};
use crate::request::Request;
use serde::{Deserialize, Serialize};

/// The highest protocol this build speaks. Raised only when an old side could *misread* a message, not for additions.
pub const PROTOCOL: u32 = 1;

/// The lowest protocol this build speaks.
pub const PROTOCOL_MIN: u32 = 1;

/// One question to a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The protocol both sides agreed on.
    pub protocol: u32,
    /// The question.
    pub call: Call,
}

/// The four questions of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Who are you?
    Manifest,
    /// Which facts do you need? Where the action changes nothing, the name of the target's host is empty: the answer is
    /// used for every host of the call that is asked the same.
    Wants {
        /// What is asked.
        request: Box<Request>,
    },
    /// What is to be done?
    Plan {
        /// What is asked.
        request: Box<Request>,
        /// What is known.
        facts: Box<Facts>,
    },
    /// What follows from these replies?
    Read {
        /// What is asked.
        request: Box<Request>,
        /// What is known.
        facts: Box<Facts>,
        /// What came back.
        replies: Box<Replies>,
    },
}

/// The answer of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Call::Manifest`].
    Manifest(Box<Manifest>),
    /// To [`Call::Wants`].
    Wants(Vec<Probe>),
    /// To [`Call::Plan`].
    Plan(Box<Effect>),
    /// To [`Call::Read`].
    Read(Box<Next>),
    /// The plugin panicked: the message and the place in its source.
    Panicked {
        /// What it said.
        message: String,
        /// `file:line`, when known.
        place: Option<String>,
    },
    /// The question was not understood, for this reason.
    NotUnderstood(String),
}
