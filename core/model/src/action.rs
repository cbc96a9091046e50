//! The actions and their suboptions, typed (ctys.md section 2).

use crate::address::MachineAddress;
use crate::bytes::Bytes;
use crate::field::Field;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is to be done on one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Start, or attach to, a session (ctys.md 2.1).
    Create(Box<Create>),
    /// Stop, pause, suspend, reset sessions (ctys.md 2.2).
    Cancel(Box<Cancel>),
    /// What runs now (ctys.md 2.3).
    List(List),
    /// What is configured (ctys.md 2.4).
    Enumerate(Enumerate),
    /// Dynamic facts of the machine (ctys.md 2.5).
    Show,
    /// Static facts of the machine and the states of the plugins (ctys.md 2.5).
    Info,
    /// The port a client of this session connects to (ctys.md 2.6).
    GetClientPort(MachineAddress),
    /// Whether this session runs (ctys.md 2.6).
    IsActive(MachineAddress),
    /// A call of a companion tool that a plugin answers to, see [`crate::Manifest::tools`].
    Tool(ToolCall),
}

/// A call of a companion tool: `cube-ctl start -f web`. Its words are the plugin's to understand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolCall {
    /// The name it was called by, one of [`crate::Manifest::tools`].
    pub tool: String,
    /// The words behind the name, as typed.
    pub words: Vec<Bytes>,
    /// True when what it reads and what it prints is a terminal.
    pub terminal: bool,
    /// The folder the caller is in.
    pub folder: Bytes,
}

/// The name of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// CREATE
    Create,
    /// CANCEL
    Cancel,
    /// LIST
    List,
    /// ENUMERATE
    Enumerate,
    /// SHOW
    Show,
    /// INFO
    Info,
    /// GETCLIENTPORT
    GetClientPort,
    /// ISACTIVE
    IsActive,
    /// A companion tool. No word of the command line: the tool's own name is.
    Tool,
}

impl Verb {
    /// All that are words of the command line, in the order of the manual.
    pub const ALL: [Verb; 8] = [
        Verb::Create,
        Verb::Cancel,
        Verb::List,
        Verb::Enumerate,
        Verb::Show,
        Verb::Info,
        Verb::GetClientPort,
        Verb::IsActive,
    ];

    /// The word on the command line, upper case.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Create => "CREATE",
            Verb::Cancel => "CANCEL",
            Verb::List => "LIST",
            Verb::Enumerate => "ENUMERATE",
            Verb::Show => "SHOW",
            Verb::Info => "INFO",
            Verb::GetClientPort => "GETCLIENTPORT",
            Verb::IsActive => "ISACTIVE",
            Verb::Tool => "TOOL",
        }
    }

    /// True for the actions that gather from every plugin; the others go to exactly one.
    pub fn is_collector(self) -> bool {
        matches!(self, Verb::List | Verb::Enumerate | Verb::Show | Verb::Info)
    }

    /// True for the actions that may change something on a target.
    pub fn changes(self) -> bool {
        matches!(self, Verb::Create | Verb::Cancel | Verb::Tool)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Action {
    /// The name of the action.
    pub fn verb(&self) -> Verb {
        match self {
            Action::Create(_) => Verb::Create,
            Action::Cancel(_) => Verb::Cancel,
            Action::List(_) => Verb::List,
            Action::Enumerate(_) => Verb::Enumerate,
            Action::Show => Verb::Show,
            Action::Info => Verb::Info,
            Action::GetClientPort(_) => Verb::GetClientPort,
            Action::IsActive(_) => Verb::IsActive,
            Action::Tool(_) => Verb::Tool,
        }
    }

    /// The machine address, where the action has one.
    pub fn address(&self) -> Option<&MachineAddress> {
        match self {
            Action::Create(create) => Some(&create.address),
            Action::Cancel(cancel) => Some(&cancel.address),
            Action::GetClientPort(address) | Action::IsActive(address) => Some(address),
            Action::List(_) | Action::Enumerate(_) | Action::Show | Action::Info | Action::Tool(_) => None,
        }
    }
}

/// CREATE and its suboptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Create {
    /// Which machine or session.
    pub address: MachineAddress,
    /// CONNECT, REUSE, RECONNECT or RESUME; without one of them a session that runs already is an error.
    pub mode: Option<CreateMode>,
    /// `USER:<u>[%<cred>]`: the account inside the guest.
    pub user: Option<String>,
    /// `CONSOLE:<type>`; none means the plugin's default.
    pub console: Option<ConsoleKind>,
    /// `BOOTMODE:<mode>[%<image>]`, the mode in upper case.
    pub boot_mode: Option<BootMode>,
    /// `INSTMODE[:a%b%c%d%e]`: the parts, possibly none.
    pub inst_mode: Option<Vec<String>>,
    /// `PING:`: poll the guest's address after the start.
    pub ping: Option<Poll>,
    /// `SSHPING:`: poll the guest's sshd after the start.
    pub ssh_ping: Option<Poll>,
    /// `STACKCHECK:`, its words in upper case.
    pub stack_check: Vec<String>,
    /// `WAITC:`: seconds to sleep after the start of a client.
    pub wait_client: Option<u32>,
    /// `WAITS:`: seconds to sleep after the start of a server.
    pub wait_server: Option<u32>,
    /// `CALLOPTS|C:`: further arguments for the tool, split at `%`.
    pub call_opts: Vec<String>,
    /// `XOPTS|X:`: further arguments for the X client, split at `%`.
    pub x_opts: Vec<String>,
    /// `CHDIR|CD:`.
    pub chdir: Option<String>,
    /// `STUBMODE|STUB[:ON]`: a plain login, no session of ours.
    pub stub_mode: bool,
    /// `SHELL|S:`.
    pub shell: Option<String>,
    /// `CMD:`: the command and its arguments, split at `%`.
    pub cmd: Vec<String>,
    /// `VNCDESKIDLIST|VDIL:`: display numbers.
    pub vnc_desk_ids: Vec<String>,
    /// Suboptions of one plugin (WOL, IF, BULK …), the key in upper case, the argument as typed or empty.
    pub extra: BTreeMap<String, String>,
}

/// The four modes of CREATE that exclude each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreateMode {
    /// Attach only; an error when it does not run.
    Connect,
    /// Attach when it runs, else start.
    Reuse,
    /// Like reuse, after ending all clients of the session.
    Reconnect,
    /// Continue a suspended session, from the named state file if one is given.
    Resume(Option<String>),
}

/// `BOOTMODE:<mode>[%<image>]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootMode {
    /// HDD, VHDD, CD, DVD, FDD, USB, ISO, KERNEL, PXE or INSTALL.
    pub mode: String,
    /// What to boot from, where the mode wants one.
    #[serde(default)]
    pub image: Option<String>,
}

/// `PING:` and `SSHPING:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Poll {
    /// Do not wait for the guest.
    Off,
    /// Wait, with the plugin's numbers.
    On,
    /// Try so many times, with so many seconds between.
    Tries {
        /// Number of tries.
        count: u32,
        /// Seconds between two tries.
        every: u32,
    },
}

impl Poll {
    /// Whether it asks for a wait.
    pub fn waits(self) -> bool {
        self != Poll::Off
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident $word:literal $(| $alias:literal)*,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every word with its other spellings, the canonical one first.
            pub const WORDS: &'static [(&'static [&'static str], $name)] =
                &[$((&[$word $(, $alias)*], $name::$variant),)*];

            /// The canonical word, upper case.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The meaning of a word in any case.
            pub fn from_word(word: &str) -> Option<$name> {
                $name::WORDS.iter().find(|(names, _)| names.iter().any(|n| n.eq_ignore_ascii_case(word))).map(|w| w.1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// `CONSOLE:<type>`. A trailing M means two windows, A means ansi-term.
    ConsoleKind {
        /// Text in the caller's terminal.
        Cli "CLI",
        /// Text in the caller's terminal, bound to the machine: it cannot be left alone.
        Cli0 "CLI0",
        /// A new xterm.
        Xterm "XTERM",
        /// A new gnome-terminal.
        Gterm "GTERM",
        /// An emacs shell buffer.
        Emacs "EMACS",
        /// Two emacs windows.
        EmacsM "EMACSM",
        /// An emacs ansi-term.
        EmacsA "EMACSA",
        /// Two emacs ansi-term windows.
        EmacsAM "EMACSAM",
        /// A VNC viewer.
        Vnc "VNC",
        /// An SDL window.
        Sdl "SDL",
        /// An RDP viewer.
        Rdp "RDP",
        /// The VirtualBox front end.
        Vbox "VBOX",
        /// The VirtualBox SDL front end.
        VboxSdl "VBOXSDL",
        /// The VMware front end.
        Vmw "VMW",
        /// The VMware remote console.
        Vmwrc "VMWRC",
        /// A web browser.
        Firefox "FIREFOX",
        /// No console.
        None "NONE",
    }
}

/// CANCEL and its suboptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cancel {
    /// Which machine or session. Empty together with `all == false` is refused before a plugin sees it.
    pub address: MachineAddress,
    /// `ALL`: every session of the selected types (never Domain-0).
    pub all: bool,
    /// How; the default is the plugin's (POWEROFF for machines).
    pub method: Option<CancelMethod>,
    /// `FORCE`: the hypervisor only, nested machines are not asked.
    pub force: bool,
    /// `STACK` (the default): nested machines first.
    pub stack: bool,
    /// `SELF`: also the machine that executes the cancel. Off unless given.
    pub with_self: bool,
    /// `UNPROTECT`: also a machine whose configuration says that it is protected.
    pub unprotect: bool,
    /// CLIENT, SERVER or BOTH; none means the plugin's default.
    pub side: Option<Side>,
    /// `TIMEOUT:`: seconds instead of the kill delay.
    pub timeout: Option<u32>,
    /// `USER:`.
    pub user: Option<String>,
    /// Suboptions of one plugin (WOL, IF …), the key in upper case, the argument as typed or empty.
    pub extra: BTreeMap<String, String>,
}

/// The state methods of CANCEL; at most one is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelMethod {
    /// Reset by the hypervisor.
    Reset,
    /// Shut down and boot again.
    Reboot,
    /// `INIT:<n>`: the run level, 0 to 6.
    Init(u8),
    /// `PAUSE|S3`.
    Pause,
    /// `SUSPEND|S4`, into a state file.
    Suspend,
    /// `POWEROFF|S5[:<seconds before the hard stop>]`.
    PowerOff(Option<u32>),
}

words! {
    /// Which side of a session.
    Side {
        /// The serving process or machine.
        Server "SERVER",
        /// A viewer or terminal.
        Client "CLIENT",
        /// A forwarded port.
        Tunnel "TUNNEL",
        /// All of them.
        Both "BOTH",
    }
}

/// LIST: what a plugin needs to know. How it is shown is not its concern.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct List {
    /// SERVER, CLIENT, TUNNEL; none means all three.
    pub side: Option<Side>,
    /// The fields that will be shown, filtered or sorted by; none means all of them. A plugin may leave others out.
    pub fields: Option<BTreeSet<Field>>,
    /// One record per network interface instead of one per session.
    pub per_interface: bool,
    /// `USER:`.
    pub user: Option<String>,
}

/// ENUMERATE: what a plugin needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Enumerate {
    /// `BASEPATH|BASE|B`: where to look instead of the default places; relative ones are below the target's home.
    pub base: Vec<String>,
    /// `MATCHVSTAT`: the states wanted, upper case; none means ACTIVE and EMPTY.
    pub states: Vec<String>,
    /// The fields that will be shown; none means all of them.
    pub fields: Option<BTreeSet<Field>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_case_and_only_whole() {
        assert_eq!(ConsoleKind::from_word("emacsam"), Some(ConsoleKind::EmacsAM));
        assert_eq!(ConsoleKind::from_word("EMAC"), None);
        assert_eq!(Side::from_word("Tunnel"), Some(Side::Tunnel));
    }

    #[test]
    fn every_action_knows_its_verb() {
        for verb in Verb::ALL {
            assert_eq!(verb.word().to_uppercase(), verb.to_string());
        }
        assert_eq!(Action::List(List::default()).verb(), Verb::List);
    }
}
