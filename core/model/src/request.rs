//! What is asked of one target.

use crate::action::{Action, words};
use crate::bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One request to one plugin on one target. All a plugin ever learns of the call is in here; equal requests with equal
/// facts give equal plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What to do.
    pub action: Action,
    /// Where.
    pub target: Target,
    /// Who asks, from where.
    #[serde(default)]
    pub caller: Caller,
    /// The one session type of `-t`, upper case; none means all (collectors).
    #[serde(default)]
    pub session_type: Option<String>,
    /// `-f`: ignore minor warnings; nothing destructive.
    #[serde(default)]
    pub force: bool,
    /// `-A`: allow ambiguous labels.
    #[serde(default)]
    pub ambiguous: bool,
    /// `-s`: whose sessions count.
    #[serde(default)]
    pub scope: Scope,
    /// `-L`: where client and server run.
    #[serde(default)]
    pub location: Location,
    /// `-g`: geometry of the client window, as typed.
    #[serde(default)]
    pub geometry: Option<String>,
    /// `-r`: resolution of the server in pixels, width and height.
    #[serde(default)]
    pub resolution: Option<(u32, u32)>,
    /// `-O`: raw options for the server side, split at blanks.
    #[serde(default)]
    pub server_options: Vec<String>,
    /// Settings of the plugin from the configuration file and its `CTYS_<TYPE>_*` variables, by name.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
}

/// The host a request goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// The host as typed: a name, an alias of ssh_config, or an address.
    pub host: String,
    /// The account, where the call names one.
    pub user: Option<String>,
    /// The ssh port, where the call names one.
    pub port: Option<u16>,
    /// True for `localhost` and `$USER@localhost`: no ssh is involved.
    pub local: bool,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.port {
            // As it is typed: the port of an IPv6 address needs brackets before it.
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// The side the call comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Caller {
    /// The account.
    pub user: String,
    /// The name of the machine.
    pub host: String,
    /// The home folder.
    pub home: Bytes,
    /// `DISPLAY`, where there is one.
    pub display: Option<String>,
    /// The file of this program, for what it does for a plugin as a process of its own. On the caller's machine only.
    pub program: Bytes,
}

/// `-s`: whose processes are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The default of the action: ALL for LIST, INFO, SHOW; USER for the others.
    #[default]
    Default,
    /// The user's own.
    User,
    /// The user's group.
    Group,
    /// These users.
    Users(Vec<String>),
    /// These groups.
    Groups(Vec<String>),
    /// Everybody's.
    All,
}

words! {
    /// `-L`: where the client and the server of a session run.
    Location {
        /// Both on the target; the client's window comes here by X11 forwarding. The default.
        DisplayForwarding "DISPLAYFORWARDING" | "DF",
        /// Server there, client here, one tunnel between them.
        ConnectionForwarding "CONNECTIONFORWARDING" | "CF",
        /// Both here.
        LocalOnly "LOCALONLY" | "LO",
        /// Only the client.
        ClientOnly "CLIENTONLY" | "CO",
        /// Only the server.
        ServerOnly "SERVERONLY" | "SO",
    }
}

#[allow(clippy::derivable_impls, reason = "the macro that lists the words cannot mark one")]
impl Default for Location {
    fn default() -> Self {
        Location::DisplayForwarding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_shown_as_it_is_typed() {
        let shown = |user: Option<&str>, host: &str, port| {
            Target { host: host.into(), user: user.map(str::to_string), port, local: false }.to_string()
        };
        assert_eq!(shown(None, "lab00", None), "lab00");
        assert_eq!(shown(Some("root"), "lab00", Some(2222)), "root@lab00:2222");
        assert_eq!(shown(None, "::1", Some(22)), "[::1]:22");
        assert_eq!(shown(None, "::1", None), "::1");
    }
}
