//! What one command line means: typed, checked, one independent job per target.

use ctys_model::{Action, Location, Problem, Scope, Target};
use ctys_table::Presentation;
use std::time::Duration;

/// A whole call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLine {
    /// What to do instead of work: help, version and the like.
    pub special: Option<Special>,
    /// One job per target, in the order of the call. Two targets that name one host are two jobs.
    pub jobs: Vec<Job>,
    /// How the answer of a collector (LIST, ENUMERATE) is shown; that of the local action, else of the first job.
    pub presentation: Option<Presentation>,
    /// False when the action stands only in the contexts: rows then come without a header (ctys.md 1.4).
    pub header: bool,
    /// `-b`, with the default of the action filled in.
    pub control: Control,
    /// What concerns the call as a whole, not one target.
    pub call: CallOptions,
    /// Remarks: defaults that were forced, words that were ignored. Phase `Notice`.
    pub notices: Vec<Problem>,
}

/// What is done instead of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Special {
    /// `-h`, `--help`.
    Help,
    /// `--apply <file>`: what was planned in that file.
    Apply(String),
    /// `-H <topic>`.
    Manual(String),
    /// `-V`; terse when `-X` stands to its left: only the number, no newline.
    Version {
        /// Only the number, without a newline.
        terse: bool,
    },
}

/// One target with everything that is asked of it. Nothing leaks from one job to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Where.
    pub target: Target,
    /// What.
    pub action: Action,
    /// The session types of `-t`: upper case; empty means all (collectors only).
    pub types: Vec<String>,
    /// How the answer of a collector is shown when the action stands in this target's context.
    pub presentation: Option<Presentation>,
    /// The options in force for this target.
    pub options: JobOptions,
    /// The members of a VMSTACK run one after the other, bottom up: the number of the stack, from 0.
    pub stack: Option<usize>,
}

/// The options of one target, after superposition (ctys.md 1.4, 1.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobOptions {
    /// `-A`.
    pub ambiguous: bool,
    /// `-c`.
    pub name_cache: NameCache,
    /// `-C`, the words as typed, upper case, arguments untouched.
    pub data_cache: Vec<(String, Option<String>)>,
    /// `-d`, as typed.
    pub debug: Option<String>,
    /// `-D`.
    pub display: Option<String>,
    /// `-f`.
    pub force: bool,
    /// `-g`, as typed.
    pub geometry: Option<String>,
    /// `-L`.
    pub location: Location,
    /// `-M`: printed before the target's output.
    pub prefix: Option<String>,
    /// `-O`: raw options for the server side.
    pub server_options: Vec<String>,
    /// `-r`.
    pub resolution: Option<(u32, u32)>,
    /// `-s`.
    pub scope: Scope,
    /// `-S`, as typed.
    pub signals: Option<String>,
    /// `-T`: plugins to load, upper case; empty means the default of the action.
    pub load: Vec<String>,
    /// `-W`.
    pub workspace: Option<String>,
    /// `-x`.
    pub resolver: Option<String>,
    /// `-Y`: forward the ssh agent, for consoles only.
    pub forward_agent: bool,
    /// `-z`: number of `-t` given to ssh; none means the default of the action.
    pub pty: Option<u8>,
    /// `-Z`: the allowed ways to root, in the order they are tried; the last `-Z` of a target replaces all before it.
    pub privilege: Vec<Escalation>,
    /// `-k REUSE:<n>`.
    pub stack_reuse: Option<u8>,
}

/// `-Z`: a way to root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Escalation {
    /// `ksu`.
    Ksu,
    /// `sudo -n`.
    Sudo,
    /// `doas -n`.
    Doas,
}

/// `-c`: the name service cache (static inventory).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameCache {
    /// Where it is looked for.
    pub place: CachePlace,
    /// `ONLY`: no scan of the target's file system as a fallback.
    pub only: bool,
}

/// Where the name service cache is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachePlace {
    /// Here, then there.
    #[default]
    Both,
    /// Only here.
    Local,
    /// Only there.
    Remote,
    /// Nowhere.
    Off,
}

/// `-b`: job control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Detach once the work is started: the default of the action, or the user's word.
    pub detach: bool,
    /// The user's own word was `async`: only then the call goes to the background and its outcome to a file. By its
    /// mere default a CREATE or CANCEL stays, so that nobody misses its error.
    pub background: bool,
    /// One target after the other.
    pub sequential: bool,
    /// Given by the user, not by default.
    pub explicit: bool,
    /// The user's own word was `par`: the answers come in the order of completion.
    pub as_completed: bool,
}

/// What concerns the whole call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// `-n`, `--plan`: print what would be done and do nothing that changes.
    pub plan: bool,
    /// `--plan=FILE`: where the plan is written to; [`Self::plan`] is set, too.
    pub plan_file: Option<String>,
    /// `--explain`: print the call in the classic form and do nothing.
    pub explain: bool,
    /// `--read-only`: refuse every change.
    pub read_only: bool,
    /// `--yes`: many targets are meant.
    pub yes: bool,
    /// `--doctor`: the answer of INFO as a diagnosis.
    pub doctor: bool,
    /// `-X`.
    pub terse: bool,
    /// `-v`, counted.
    pub verbose: u8,
    /// `-q`, `--quiet`: no progress, no remarks.
    pub quiet: bool,
    /// `-y` or `--color`: never, always; none means when the stream is a terminal.
    pub color: Option<bool>,
    /// `-p`: database folders.
    pub db_paths: Vec<String>,
    /// `--window`: targets worked on at the same time.
    pub window: Option<u16>,
    /// `--connect-timeout`.
    pub connect_timeout: Option<Duration>,
    /// `--silence-timeout`.
    pub silence_timeout: Option<Duration>,
    /// `--total-timeout`.
    pub total_timeout: Option<Duration>,
    /// `--transport`: auto, ssh2 or openssh.
    pub transport: Option<String>,
    /// The local `-d`, as typed; it is not handed on to targets.
    pub debug: Option<String>,
    /// `--ssh-config FILE`: as `ssh -F`.
    pub ssh_config: Option<String>,
    /// `--record FILE`: write a transcript.
    pub record: Option<String>,
    /// `--replay FILE`: answer from a transcript instead of from hosts.
    pub replay: Option<String>,
}
