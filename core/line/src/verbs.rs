//! Short verbs for daily use: other words for the same requests. Each is one line of [`VERBS`]; its words become those of the
//! classic form, every character with its place, and from there on nothing knows that the call was a short one.
//!
//! ```text
//! ctys stop -Z SUDO lab00/tst100   ->   ctys -Z SUDO -a CANCEL=l:tst100,POWEROFF lab00(-t XEN)
//! ctys ls lab00                    ->   ctys -a LIST lab00
//! ```
//!
//! A machine is `HOST/NAME`, or `NAME` with its hosts behind it, or `NAME` alone, which the inventory has to know. `NAME` is a
//! label; `u:UUID`, `m:MAC` and the other keys of an address stand for themselves, and suboptions may follow behind commas.
//! Nothing is guessed: what is known of a machine is one answer of [`crate::Shelf::whereabouts`], or an error with all of them.

mod classic;

pub(crate) use classic::{expand, meant_verb};

use ctys_model::MachineAddress;

/// A short verb.
#[derive(Clone, Copy, Debug)]
pub struct ShortVerb {
    /// The word, the first one of the call that is no option.
    pub name: &'static str,
    /// What stands behind it.
    pub usage: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// What else there is to know, in sentences.
    pub help: &'static str,
    /// What it comes to.
    pub means: Means,
}

/// What a short verb comes to.
#[derive(Clone, Copy, Debug)]
pub enum Means {
    /// These words in front of the targets.
    Hosts(&'static [&'static str]),
    /// An action on machines, with suboptions that stand there unless one of the keys behind them was typed.
    Machines(&'static str, &'static [(&'static str, &'static [&'static str])]),
    /// The same, with a command behind `--`.
    Command(&'static str, &'static [(&'static str, &'static [&'static str])]),
    /// An option of the call whose value is the one word behind the verb.
    Value(&'static str),
    /// The option in front for the one word behind the verb; the other option without a word.
    Topic(&'static str, &'static str),
}

const MODES: &[&str] = &["CONNECT", "REUSE", "RECONNECT", "RESUME"];
const METHODS: &[&str] = &["POWEROFF", "S5", "REBOOT", "RESET", "INIT", "PAUSE", "S3", "SUSPEND", "S4"];
const CONSOLES: &[&str] = &["CONSOLE"];

const fn verb(
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    means: Means,
    help: &'static str,
) -> ShortVerb {
    ShortVerb { name, usage, about, help, means }
}

/// The short verbs, in the order of the help.
pub const VERBS: &[ShortVerb] = &[
    verb(
        "ls",
        "[HOST...]",
        "what runs there; on this machine without a HOST",
        Means::Hosts(&["-a", "LIST"]),
        "@ssh:* means all hosts that ssh_config names.",
    ),
    verb(
        "start",
        "MACHINE",
        "start a machine; well done when it runs already",
        Means::Machines("CREATE", &[("REUSE", MODES), ("CONSOLE:NONE", CONSOLES)]),
        "No console is opened. `start lab00/tst100,CONSOLE:CLI` opens one.",
    ),
    verb(
        "stop",
        "MACHINE",
        "shut a machine down, hard when that takes too long",
        Means::Machines("CANCEL", &[("POWEROFF", METHODS)]),
        "`stop lab00/tst100,POWEROFF:60` waits a minute before the hard stop, POWEROFF:0 does not wait.",
    ),
    verb(
        "console",
        "MACHINE",
        "open the console of a machine that runs",
        Means::Machines("CREATE", &[("CONNECT", MODES), ("CONSOLE:CLI", CONSOLES)]),
        "Text in this terminal for machines, a viewer for desktops; CONSOLE:KIND behind a comma asks for another one.\n\
         What leaves it again is printed first; the machine runs on.",
    ),
    verb(
        "exec",
        "MACHINE -- COMMAND [ARG...]",
        "run a command in a machine, where its kind can",
        Means::Command("CREATE", &[("CONNECT", MODES), ("CONSOLE:CLI", CONSOLES)]),
        "Containers can; a kind of machine that has no way in refuses. The command has this terminal, or the input and the\n\
         output of the call where there is none. A status other than 0 is told in the message, and the exit code is 5 then: so it\n\
         cannot be taken for a host that was not reached, or for a mistake in the call.",
    ),
    verb("info", "[HOST...]", "what a host is, and which plugins work there", Means::Hosts(&["-a", "INFO"]), ""),
    verb("show", "[HOST...]", "how a host is: memory, load, health", Means::Hosts(&["-a", "SHOW"]), ""),
    verb(
        "pause",
        "MACHINE",
        "stop a machine for a while",
        Means::Machines("CANCEL", &[("PAUSE", METHODS)]),
        "It stays in memory; `resume` lets it go on.",
    ),
    verb(
        "save",
        "MACHINE",
        "save the state of a machine on disk and stop it",
        Means::Machines("CANCEL", &[("SUSPEND", METHODS)]),
        "`resume` lets it go on.",
    ),
    verb(
        "resume",
        "MACHINE",
        "let a paused or saved machine go on",
        Means::Machines("CREATE", &[("RESUME", MODES), ("CONSOLE:NONE", CONSOLES)]),
        "",
    ),
    verb(
        "reboot",
        "MACHINE",
        "shut a machine down and boot it again",
        Means::Machines("CANCEL", &[("REBOOT", METHODS)]),
        "",
    ),
    verb(
        "reset",
        "MACHINE",
        "reset a machine, as by the button",
        Means::Machines("CANCEL", &[("RESET", METHODS)]),
        "Nothing inside is asked.",
    ),
    verb(
        "doctor",
        "[HOST...]",
        "what works on a host, what does not, and the line that mends it",
        Means::Hosts(&["-a", "INFO", "--doctor"]),
        "Name, connection, host key, login, shell, privilege, and each plugin with its reason.",
    ),
    verb(
        "apply",
        "FILE",
        "carry out a plan that --plan=FILE wrote",
        Means::Value("--apply"),
        "Every target is asked again first. When one of them is not as it was when the plan was made, the drift is named\n\
         and nothing is changed anywhere.",
    ),
    verb(
        "help",
        "[VERB|TOPIC|TOOL]",
        "all of this, or more about one word",
        Means::Topic("--manual", "--help"),
        "`ctys help stop` and `ctys stop -h` are the same. The whole manual: man ctys.",
    ),
];

/// The verb of this name; names are lower case.
pub fn find(name: &str) -> Option<&'static ShortVerb> {
    VERBS.iter().find(|verb| verb.name == name)
}

/// What is looked for when a call does not say where a machine is, or of which type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The machine.
    pub address: MachineAddress,
    /// On this target, as typed; none for any.
    pub host: Option<String>,
    /// Of one of these types, upper case; empty for any.
    pub types: Vec<String>,
    /// The options of the call that say how a target is reached, in case it has to be asked.
    pub reach: Vec<String>,
}

/// Where a machine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// The target.
    pub target: String,
    /// Its type, upper case.
    pub session_type: String,
    /// What else tells it from others, for a list of candidates.
    pub about: String,
}
