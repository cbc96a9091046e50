//! What a plugin says about itself, readable without running it.

use crate::action::Verb;
use serde::{Deserialize, Serialize};

/// What a plugin says about itself: a JSON file of its folder, compiled into a section of the library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// The name, `[a-z0-9_]+`, as in `libctys_<name>.so`.
    pub name: String,
    /// The version, for people.
    pub version: String,
    /// The lowest and highest protocol it speaks.
    pub protocol: (u32, u32),
    /// One line of what it is for.
    pub summary: String,
    /// The session types it serves, upper case.
    pub session_types: Vec<String>,
    /// HOSTs, VMs, PMs: the group in which LIST shows its rows.
    pub category: Category,
    /// The actions it serves, with the suboptions of its own.
    pub verbs: Vec<VerbDecl>,
    /// Fields of its own, beyond the ones every record has.
    pub columns: Vec<ColumnDecl>,
    /// The names of companion tools it answers to, such as `cube-ctl`: the program called by such a name hands the words over
    /// as [`crate::Action::Tool`].
    pub tools: Vec<String>,
}

/// The order of rows within one target: desktops, then machines, then the host itself, then tunnels (ctys.md 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// Desktops, terminals.
    #[serde(rename = "HOSTs")]
    Hosts,
    /// Machines and containers.
    #[default]
    #[serde(rename = "VMs")]
    Vms,
    /// The physical machine.
    #[serde(rename = "PMs")]
    Pms,
    /// Tunnels.
    #[serde(rename = "CORE")]
    Core,
}

/// An action a plugin serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerbDecl {
    /// The action.
    pub verb: Verb,
    /// Suboptions beyond those every plugin knows; they arrive in `extra`.
    #[serde(default)]
    pub suboptions: Vec<SuboptionDecl>,
}

/// A suboption of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuboptionDecl {
    /// The key, upper case.
    pub key: String,
    /// Other spellings.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What may follow the colon.
    #[serde(default)]
    pub argument: ArgumentDecl,
    /// One line of help.
    #[serde(default)]
    pub help: String,
}

/// What may follow the colon of a suboption.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentDecl {
    /// Nothing.
    #[default]
    None,
    /// Any text, and it must be there.
    Text,
    /// Any text, or nothing.
    OptionalText,
    /// A number in this range.
    Number {
        /// The lowest.
        min: i64,
        /// The highest.
        max: i64,
    },
    /// A hardware address.
    Mac,
    /// One of these words, in any case.
    OneOf(Vec<String>),
}

/// A field of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDecl {
    /// The key, `<plugin>.<word>`.
    pub key: String,
    /// The title in tables.
    pub title: String,
    /// The width in tables.
    #[serde(default)]
    pub width: u16,
    /// One line of help.
    #[serde(default)]
    pub help: String,
}

impl Manifest {
    /// Whether it makes sense. The error is a sentence without the name of the file.
    pub fn check(&self) -> Result<(), String> {
        let name_ok = !self.name.is_empty()
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !name_ok {
            return Err(format!(
                "the name \"{}\" is not made of a-z, 0-9 and _",
                crate::bytes::escape_for_eyes(&self.name)
            ));
        }
        if self.session_types.is_empty() {
            return Err("no session type is named".into());
        }
        if let Some(bad) = self
            .session_types
            .iter()
            .find(|t| t.is_empty() || !t.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
        {
            return Err(format!(
                "the session type \"{}\" is not made of A-Z and 0-9",
                crate::bytes::escape_for_eyes(bad)
            ));
        }
        if self.protocol.0 == 0 || self.protocol.0 > self.protocol.1 {
            return Err(format!("the protocol range {}-{} is empty", self.protocol.0, self.protocol.1));
        }
        // A name of a program, and none that could be an option or an address.
        let tool_ok = |t: &String| {
            t.starts_with(|c: char| c.is_ascii_lowercase()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if let Some(bad) = self.tools.iter().find(|tool| !tool_ok(tool)) {
            return Err(format!(
                "the tool \"{}\" is not made of letters, digits and -",
                crate::bytes::escape_for_eyes(bad)
            ));
        }
        Ok(())
    }

    /// True when it serves this action.
    pub fn serves(&self, verb: Verb) -> bool {
        self.verbs.iter().any(|decl| decl.verb == verb)
    }
}
