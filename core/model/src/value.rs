//! One cell: a value, or the reason why there is none.

use crate::bytes::escape;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One value of a record. Typed until the last step, so that one table prints as text or as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Any text, unescaped as the host gave it. Whoever prints it escapes it.
    Text(String),
    /// A number without a unit: a port, a display, a process id, a count.
    Number(i64),
    /// A size in bytes.
    Size(u64),
    /// A point in time, in seconds since 1970-01-01 UTC.
    Time(i64),
    /// There is no value, for this reason.
    Missing(Missing),
}

/// Why a cell has no value. Prints as blank or `-`, and keeps its reason in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// This kind of session has no such thing.
    NotApplicable,
    /// Nobody asked for it, so it was not fetched.
    NotAsked,
    /// The host was asked and knows none (no address configured, for example).
    None,
    /// The account may not see it; the text names what was refused.
    NoPermission(String),
    /// The tool that would know is not there; the text names the tool.
    ToolAbsent(String),
    /// The host did not answer.
    HostSilent,
    /// Something else, in one sentence.
    Unknown(String),
}

impl Value {
    /// A text value; empty text is [`Missing::None`].
    pub fn text(text: impl Into<String>) -> Value {
        let text = text.into();
        if text.is_empty() { Value::Missing(Missing::None) } else { Value::Text(text) }
    }

    /// A text value from bytes of a host; what is not UTF-8 becomes `\xNN`.
    pub fn from_bytes(raw: &[u8]) -> Value {
        match std::str::from_utf8(raw) {
            Ok(text) => Value::text(text),
            Err(_) => Value::text(escape(raw)),
        }
    }

    /// The value, or nothing when it is missing.
    pub fn present(&self) -> Option<&Value> {
        (!matches!(self, Value::Missing(_))).then_some(self)
    }

    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The plain form used in classic records and tables: no unit, nothing for a missing value, not escaped.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.pad(text),
            Value::Number(number) => fmt::Display::fmt(number, f),
            Value::Size(bytes) => fmt::Display::fmt(bytes, f),
            Value::Time(seconds) => fmt::Display::fmt(seconds, f),
            Value::Missing(_) => f.pad(""),
        }
    }
}

impl Missing {
    /// The stable word for machine formats.
    pub fn word(&self) -> &'static str {
        match self {
            Missing::NotApplicable => "not_applicable",
            Missing::NotAsked => "not_asked",
            Missing::None => "none",
            Missing::NoPermission(_) => "no_permission",
            Missing::ToolAbsent(_) => "tool_absent",
            Missing::HostSilent => "host_silent",
            Missing::Unknown(_) => "unknown",
        }
    }

    /// What goes with the word: the tool, the permission, the sentence.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Missing::NoPermission(text) | Missing::ToolAbsent(text) | Missing::Unknown(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::text(text)
    }
}
