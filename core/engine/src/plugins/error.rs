//! Why a plugin cannot be used, or gave no answer: the file, the step and the cause, in one sentence.

use ctys_model::bytes::{escape, escape_for_eyes};
use ctys_model::{Phase, Problem};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One failure of one plugin. Travels from a child process to its parent, so it is data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginError {
    /// The name of the plugin, lower case.
    pub plugin: String,
    /// The file, where there is one; none for plugins that were not found or that are linked in.
    pub file: Option<PathBuf>,
    /// What was being done.
    pub step: Step,
    /// Why it did not work.
    pub cause: Box<Cause>,
}

/// What was being done with a plugin when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Looking for its file.
    Find,
    /// Checking owner and mode of the file and of all folders above it.
    Trust,
    /// Reading what the file says about itself, without running it.
    Inspect,
    /// Opening it.
    Open,
    /// Asking for the facts it needs.
    Wants,
    /// Asking what is to be done.
    Plan,
    /// Asking what follows from the replies.
    Read,
}

/// Why a plugin failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// There is no such plugin in any of these folders.
    NotFound {
        /// The folders that were searched, in order.
        searched: Vec<PathBuf>,
        /// The known types, for the nearest one.
        known: Vec<String>,
    },
    /// Left out by a setting, whose name this is.
    Ignored(String),
    /// Somebody else could change the file.
    Untrusted {
        /// The file or folder that is to blame.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The file cannot be read, for this reason.
    Unreadable(String),
    /// Not a plugin of ours; the text says what is missing.
    NotAPlugin(String),
    /// Built for another processor.
    WrongCpu {
        /// The machine number in the file.
        found: u16,
        /// The one this program needs.
        needed: u16,
    },
    /// Shorter than its own headers say, sizes in bytes.
    Truncated {
        /// What is there.
        size: u64,
        /// What it should be, at least.
        needs: u64,
    },
    /// The manifest is wrong; the text says what.
    BadManifest(String),
    /// Two files serve the same session type, so neither is used.
    TwoForOneType {
        /// The session type.
        session_type: String,
        /// The other file.
        other: PathBuf,
    },
    /// The system's loader refused it, with these words.
    Link(String),
    /// Its boundary is another one than ours.
    Abi {
        /// The difference in short.
        sentence: String,
        /// All that the check printed, for `-d` and `-a info`.
        detail: String,
    },
    /// No protocol version is common to both.
    Protocol {
        /// What the plugin speaks, lowest and highest.
        plugin: (u32, u32),
        /// What this program speaks, lowest and highest.
        ours: (u32, u32),
    },
    /// It panicked.
    Panicked {
        /// What it said.
        message: String,
        /// `file:line` in its source.
        place: Option<String>,
    },
    /// It did not answer within this many milliseconds.
    TimedOut(u64),
    /// Its process ended; the text says how.
    Died(String),
    /// What it answered makes no sense; the text says why.
    BadReply(String),
}

/// Why a path is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// Group or others may write to it; the number is its mode.
    Writable(u32),
    /// It belongs neither to root nor to the caller; the numbers are its owner and the caller.
    Owner(u32, u32),
    /// It is neither a regular file nor, above it, a folder.
    Kind,
    /// Its symbolic links do not end.
    Links,
}

impl PluginError {
    /// A failure of this plugin.
    pub fn new(plugin: &str, file: Option<&Path>, step: Step, cause: Cause) -> PluginError {
        PluginError { plugin: plugin.to_string(), file: file.map(Path::to_path_buf), step, cause: Box::new(cause) }
    }

    /// What the user could do, each one line.
    pub fn hints(&self) -> Vec<String> {
        match &*self.cause {
            Cause::NotFound { known, .. } => {
                let mut hints = Vec::new();
                if !known.is_empty() {
                    hints.push(format!("the types that are there: {}", known.join(", ")));
                }
                hints.push("in a source tree, `cargo build` in its root builds the plugins".into());
                hints.push(
                    "`cargo install` brings the program alone; `./install PREFIX` of the sources brings both".into(),
                );
                hints
            }
            Cause::Ignored(setting) => vec![format!("unset {setting}")],
            Cause::Untrusted { path, fault: Fault::Writable(_) } => vec![format!("chmod go-w {}", shown(path))],
            Cause::Untrusted { path, fault: Fault::Owner(_, caller) } => {
                vec![format!("chown {caller} {}, if its content is yours", shown(path))]
            }
            Cause::TwoForOneType { .. } => vec!["remove one of the two files".into()],
            Cause::Link(words) if words.contains("failed to map segment") => {
                vec!["is the file system mounted noexec?".into()]
            }
            Cause::Truncated { .. } => vec!["copy or install it again".into()],
            Cause::Protocol { plugin, ours } if plugin.0 > ours.1 => vec!["update ctys".into()],
            Cause::Protocol { .. } | Cause::Abi { .. } => vec!["build the plugin again for this ctys".into()],
            _ => Vec::new(),
        }
    }

    /// True when the plugin was never opened, so the fault lies with its installation and not with its code.
    pub fn is_load_problem(&self) -> bool {
        matches!(self.step, Step::Find | Step::Trust | Step::Inspect | Step::Open)
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plugin = escape_for_eyes(&self.plugin);
        match self.step {
            Step::Find => write!(f, "no plugin {plugin}: ")?,
            Step::Trust | Step::Inspect | Step::Open => write!(f, "plugin {plugin} is not used: ")?,
            Step::Wants => write!(f, "plugin {plugin} could not say what it needs: ")?,
            Step::Plan => write!(f, "plugin {plugin} made no plan: ")?,
            Step::Read => write!(f, "plugin {plugin} could not read the replies: ")?,
        }
        Reason(self).fmt(f)
    }
}

/// The reason alone.
pub(super) struct Reason<'a>(pub &'a PluginError);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PluginError { plugin, file, cause, .. } = self.0;
        let plugin = escape_for_eyes(plugin);
        let file = file.as_deref().map(shown);
        let file = file.as_deref().unwrap_or("it");
        match &**cause {
            Cause::NotFound { searched, .. } if searched.is_empty() => write!(f, "there is no folder to search"),
            Cause::NotFound { searched, .. } => {
                let folders: Vec<String> = searched.iter().map(|folder| shown(folder)).collect();
                write!(f, "libctys_{plugin}.so not found in {}", folders.join(", "))
            }
            Cause::Ignored(setting) => write!(f, "{} is set", escape_for_eyes(setting)),
            Cause::Untrusted { path, fault } => {
                let path = shown(path);
                match fault {
                    Fault::Writable(mode) => {
                        write!(f, "{path} has mode {mode:04o}, so others than its owner can change it")?
                    }
                    Fault::Owner(owner, caller) => {
                        write!(f, "{path} belongs to user {owner}, neither to root nor to the caller ({caller})")?
                    }
                    Fault::Kind => write!(f, "{path} is not a regular file in folders")?,
                    Fault::Links => write!(f, "the symbolic links of {path} do not end")?,
                }
                if path == file { Ok(()) } else { write!(f, "; the plugin is {file}") }
            }
            Cause::Unreadable(reason) => write!(f, "{file} cannot be read: {}", one_line(reason)),
            Cause::NotAPlugin(reason) => write!(f, "{file} is {}", one_line(reason)),
            Cause::WrongCpu { found, needed } => {
                write!(f, "{file} is built for another CPU (ELF machine {found}, this ctys needs {needed})")
            }
            Cause::Truncated { size, needs } => write!(f, "{file} is truncated ({size} bytes, needs {needs})"),
            Cause::BadManifest(reason) => write!(f, "the manifest in {file} is wrong: {}", one_line(reason)),
            Cause::TwoForOneType { session_type, other } => {
                write!(f, "both {file} and {} serve the session type {session_type}", shown(other))
            }
            Cause::Link(words) => write!(f, "{file} cannot be opened: {}", one_line(words)),
            Cause::Abi { sentence, .. } => write!(f, "{file} has another plugin ABI: {}", one_line(sentence)),
            Cause::Protocol { plugin, ours } if plugin.0 > ours.1 => {
                write!(f, "{file} needs plugin protocol {}, this ctys speaks up to {}", plugin.0, ours.1)
            }
            Cause::Protocol { plugin, ours } => {
                write!(f, "{file} speaks plugin protocol up to {}, this ctys needs at least {}", plugin.1, ours.0)
            }
            Cause::Panicked { message, place: Some(place) } => {
                write!(f, "plugin bug: panic at {}: {}", one_line(place), one_line(message))
            }
            Cause::Panicked { message, place: None } => write!(f, "plugin bug: panic: {}", one_line(message)),
            Cause::TimedOut(ms) => write!(f, "no answer within {ms} ms"),
            Cause::Died(how) => write!(f, "the plugin process {}", one_line(how)),
            Cause::BadReply(reason) => write!(f, "its answer makes no sense: {}", one_line(reason)),
        }
    }
}

impl std::error::Error for PluginError {}

impl From<&PluginError> for Problem {
    /// The plugin's name goes into its own field; where the fault lies decides the phase.
    fn from(error: &PluginError) -> Problem {
        let phase = if error.is_load_problem() { Phase::Here } else { Phase::Plugin };
        let mut problem = Problem::new(phase, error.to_string());
        problem.hints = error.hints();
        problem.plugin = Some(error.plugin.clone());
        problem
    }
}

/// A path for a message: any byte, on one line.
pub(super) fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_bytes())
}

/// A text from a plugin or a tool on one line: blanks are joined, what could move the cursor is shown.
pub(super) fn one_line(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    escape_for_eyes(&joined).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_one_clear_sentence() {
        let check = |step, cause, expected: &str| {
            let error = PluginError::new("xen", Some(Path::new("/p/libctys_xen.so")), step, cause);
            assert_eq!(error.to_string(), expected);
            let problem = Problem::from(&error);
            assert_eq!(problem.phase, if error.is_load_problem() { Phase::Here } else { Phase::Plugin });
        };
        let none = Cause::NotFound { searched: vec!["/a".into(), "/b".into()], known: vec![] };
        check(Step::Find, none, "no plugin xen: libctys_xen.so not found in /a, /b");
        check(
            Step::Trust,
            Cause::Untrusted { path: "/p".into(), fault: Fault::Writable(0o777) },
            "plugin xen is not used: /p has mode 0777, so others than its owner can change it; \
             the plugin is /p/libctys_xen.so",
        );
        check(
            Step::Inspect,
            Cause::Truncated { size: 100000, needs: 149852 },
            "plugin xen is not used: /p/libctys_xen.so is truncated (100000 bytes, needs 149852)",
        );
        check(
            Step::Inspect,
            Cause::Protocol { plugin: (3, 4), ours: (1, 2) },
            "plugin xen is not used: /p/libctys_xen.so needs plugin protocol 3, this ctys speaks up to 2",
        );
        check(
            Step::Plan,
            Cause::Panicked { message: "boom\n\x1b[2J".into(), place: Some("src/lib.rs:9".into()) },
            "plugin xen made no plan: plugin bug: panic at src/lib.rs:9: boom \\x1b[2J",
        );
        check(
            Step::Read,
            Cause::Died("ended by signal 11".into()),
            "plugin xen could not read the replies: the plugin process ended by signal 11",
        );
    }
}
