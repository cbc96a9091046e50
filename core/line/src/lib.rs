//! The command line (ctys.md sections 1 to 3): words in, one typed [`CallLine`] out, or all mistakes at once.
//!
//! Never reads a file or the environment: macros and groups come through [`Shelf`], defaults through [`World`]. Never
//! prints.
//!
//! One call on its way, in the order in which the modules should be read:
//!
//! 1. `text`, `mistakes`: characters that know their place, the desk where mistakes are collected;
//! 2. `macros`: the words with all macros expanded;
//! 3. `verbs`: a short verb in its classic form; `scan`, `options`: words to local options, the common set, targets with contexts; the one option set (clap);
//! 4. `settings`, `words`: what the value of each option means;
//! 5. `groups`, `target`, `superposition`: one draft per target, its option sets laid over each other;
//! 6. `suboptions`, `actions`, `types`: the action of each draft, typed;
//! 7. `jobs`: the defaults of the action, what does not go together.
//!
//! `help` prints what the same definitions say; `explain` writes a call out in the classic form; `members` tells the targets of
//! a call that has nothing but targets.

mod actions;
pub mod call;
mod explain;
mod groups;
mod help;
mod jobs;
mod macros;
mod members;
mod mistakes;
mod options;
mod scan;
mod settings;
mod suboptions;
mod superposition;
pub mod tables;
mod target;
mod text;
mod types;
mod verbs;
mod words;

pub use call::*;
pub use explain::{classic_words, explain};
pub use help::{TOPICS, help, nearest_topic};
pub use members::{Member, members};
pub use mistakes::{Mistake, Origin, Place, nearest};
pub use verbs::{Means, ShortVerb, Sought, VERBS, Whereabouts};

use ctys_model::Manifest;
use mistakes::{Desk, Fault};
use std::rc::Rc;
use text::Spot;

/// What the command line may ask of the world. The program implements it with files, tests with text.
pub trait Shelf {
    /// The content of a macro file, found along the macro path; `default` when the call names none.
    /// `Ok(None)`: there is no such file. The error is a sentence.
    fn macro_file(&self, name: &str) -> Result<Option<String>, String>;

    /// The content of a group file, found along the groups path.
    fn group(&self, name: &str) -> Result<Option<String>, String>;

    /// The hosts of a set such as `lab[00-15,20]` or `@group`, each as it would be typed; none when it is no set. The
    /// options of the call say which ssh_config and which inventory are meant. The error is a sentence.
    fn node_set(&self, _text: &str, _call: &CallOptions) -> Result<Option<Vec<String>>, String> {
        Ok(None)
    }

    /// Where a machine is that a short verb names without its host or its type: every place that is known. The error is
    /// told as it is.
    fn whereabouts(&self, _sought: &Sought) -> Result<Vec<Whereabouts>, ctys_model::Problem> {
        Ok(Vec::new())
    }
}

/// All that a call may depend on beside its words.
#[derive(Clone)]
pub struct World<'a> {
    /// The name of the program, as lines with mistakes show it.
    pub program: &'a str,
    /// The caller's account.
    pub user: &'a str,
    /// Macros and groups.
    pub shelf: &'a dyn Shelf,
    /// The plugins at hand.
    pub manifests: &'a [Manifest],
    /// The macro files that are shipped, by name; the user's `default` is laid over the shipped one.
    pub shipped_macros: &'a [(&'a str, &'a str)],
    /// How deep macros and groups may contain each other (`CTYS_MAXRECURSE`), a number.
    pub max_recursion: &'a str,
    /// The session type of CREATE and CANCEL without `-t` (`DEFAULT_C_SESSIONTYPE`).
    pub default_type: &'a str,
    /// The suboptions of LIST when none says what is shown (`DEFAULT_C_MODE_ARGS_LIST`).
    pub default_list: &'a str,
    /// The folders of ENUMERATE without BASEPATH, as behind it (`DEFAULT_ENUM_BASE`); empty for those of the plugins.
    pub default_base: &'a str,
}

impl<'a> World<'a> {
    /// The world of this account with the classic defaults: no plugins, 20 levels, VNC, `both,tab_tcp,dns`.
    pub fn new(user: &'a str, shelf: &'a dyn Shelf) -> World<'a> {
        World {
            program: "ctys",
            user,
            shelf,
            manifests: &[],
            shipped_macros: ctys_table::macros::SHIPPED,
            max_recursion: "20",
            default_type: "VNC",
            default_list: "both,tab_tcp,dns",
            default_base: "",
        }
    }
}

/// Reads the words of a call, without the name of the program. Words may hold any bytes.
///
/// # Errors
/// All mistakes of the call, in the order of their places.
pub fn parse<W: AsRef<[u8]>>(words: &[W], world: &World<'_>) -> Result<CallLine, Vec<Mistake>> {
    let mut desk = Desk::new(world);
    let texts: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word.as_ref()).into_owned()).collect();
    let words_in = desk.call(&texts);
    for (raw, text) in words.iter().zip(&words_in) {
        not_text(&mut desk, raw.as_ref(), text);
    }
    let call = read(&mut desk, &words_in);
    let (notices, mistakes) = desk.close();
    match call {
        // Help and version are given whatever else is wrong.
        Some(call) if mistakes.is_empty() || call.special.is_some() => Ok(CallLine { notices, ..call }),
        _ => Err(mistakes),
    }
}

/// The words with their macros expanded, as [`parse`] does before all else. The text of a macro may be several words, or none.
///
/// # Errors
/// All mistakes of the macros, in the order of their places.
pub fn expand_macros(words: &[String], world: &World<'_>) -> Result<Vec<String>, Vec<Mistake>> {
    let mut desk = Desk::new(world);
    let words = desk.call(words);
    let (words, _) = macros::expand(&mut desk, &words);
    let (_, mistakes) = desk.close();
    if mistakes.is_empty() { Ok(words.iter().map(ToString::to_string).collect()) } else { Err(mistakes) }
}

/// A session type in upper case, or ALL, as `-t` takes it.
///
/// # Errors
/// When neither the original nor a plugin at hand has such a type.
pub fn session_type(word: &str, world: &World<'_>) -> Result<String, Mistake> {
    let mut desk = Desk::new(world);
    let word = desk.call(&[word.to_string()]).remove(0);
    let known = types::known(&mut desk, &word);
    let (_, mut mistakes) = desk.close();
    known.ok_or_else(|| mistakes.remove(0))
}

fn read(desk: &mut Desk<'_>, words: &[text::Text]) -> Option<CallLine> {
    let end = words.last().map_or_else(Spot::default, |word| word.spot().behind());
    let (words, nothing) = macros::expand(desk, words);
    let mut reader = options::Reader::new();
    let (words, verb) = verbs::expand(desk, &mut reader, words);
    let scanned = scan::scan(desk, &mut reader, &words);
    let local = settings::settings(desk, &scanned.local, settings::Stand::Local);
    let common = settings::settings(desk, &scanned.common, settings::Stand::Context);
    let (base, call, special) = superposition::local(&local);
    if special.is_some() {
        // `ctys start -h` is about start.
        let special = match (special, verb) {
            (Some(Special::Help), Some(verb)) => Some(Special::Manual(verb.name.to_string())),
            (special, _) => special,
        };
        let jobs = Vec::new();
        return Some(CallLine {
            special,
            jobs,
            presentation: None,
            header: true,
            control: IDLE,
            call,
            notices: Vec::new(),
        });
    }
    let header = base.action.is_some();
    let unused = base.clone();
    let base = Rc::new(base.under(&common));
    let first = scanned.nodes.first().map(scan::Node::spot);
    let mut drafts = groups::drafts(desk, &mut reader, scanned.nodes, base.clone(), &call);
    if let (Some(first), true, 0) = (first, drafts.is_empty(), desk.faults()) {
        // This machine is meant when no target is written, never when those that are written come to nothing.
        desk.fault(Fault::at(first, "the call has no target: its groups have no members"));
    } else if drafts.is_empty() && desk.faults() == 0 {
        let target = ctys_model::Target { host: "localhost".into(), ..Default::default() };
        drafts.push(groups::Draft { target, effective: base, from_group: false, stack: None, at: end });
    }
    let jobs::Jobs { jobs, control, local_look } = jobs::jobs(desk, &drafts);
    if let (Some(spot), None) = (nothing, first)
        && jobs.iter().any(|job| job.action.verb().changes())
    {
        // It may have been meant for the target; a listing of this machine would do no harm.
        let fault = Fault::at(spot, "this macro comes to nothing, and the call has no target");
        desk.fault(fault.note("localhost has to be written beside it"));
    }
    // Where one target lists and another does something else, the table is that of those that list.
    let of_a_target = || jobs.iter().find_map(|job| job.presentation.clone());
    let presentation = match local_look {
        Some(look) => look.or_else(of_a_target),
        // No target took the local action; its look is that of the call all the same.
        None if header => actions::look_of_unused(desk, &unused).or_else(of_a_target),
        None => of_a_target(),
    };
    Some(CallLine { special: None, jobs, presentation, header, control, call, notices: Vec::new() })
}

/// The control of a call that does nothing.
const IDLE: Control =
    Control { detach: false, background: false, sequential: false, explicit: false, as_completed: false };

/// Reports the first byte of a word that is not text. Arguments of the kernel may hold any byte but NUL.
fn not_text(desk: &mut Desk<'_>, raw: &[u8], text: &text::Text) {
    if let Err(error) = std::str::from_utf8(raw) {
        let bad = raw[error.valid_up_to()];
        let chars = String::from_utf8_lossy(&raw[..error.valid_up_to()]).chars().count();
        let spot = text.slice(chars..(chars + 1).min(text.len())).spot();
        desk.fault(Fault::at(spot, format!("the byte \\x{bad:02x} is not part of a text in UTF-8")));
    }
}
