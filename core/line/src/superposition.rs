//! Option sets laid one over the other, without leaks: later wins, per option (ctys.md 1.4).

use crate::call::{CallOptions, JobOptions, Special};
use crate::mistakes::Desk;
use crate::settings::{JobControl, Setting};
use crate::text::{Spot, Text};
use ctys_model::{Location, Phase, Problem};

/// The options in force for one target, each as the last set that names it says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effective {
    /// What needs no further thought.
    pub options: JobOptions,
    /// `-a`, and whether it stands in the local set.
    pub action: Option<(Text, bool)>,
    /// `-t`.
    pub types: Option<(Vec<String>, Spot)>,
    /// `--output`.
    pub output: Option<Text>,
    /// `-l`.
    pub login: Option<String>,
    /// `-L`, when it was given.
    pub location: Option<(Location, Spot)>,
    /// `-b`, when it was given.
    pub control: Option<JobControl>,
    /// Where `-C` was given.
    pub data_cache_at: Spot,
    /// `-X` of the call.
    pub terse: bool,
}

impl Effective {
    /// This set with another one over it.
    pub fn under(&self, settings: &[Setting]) -> Effective {
        let mut result = self.clone();
        for setting in settings {
            result.apply(setting, false);
        }
        result
    }

    fn apply(&mut self, setting: &Setting, local: bool) {
        let options = &mut self.options;
        match setting.clone() {
            Setting::Action(text) => self.action = Some((text, local)),
            Setting::Types(types, at) => self.types = Some((types, at)),
            Setting::Output(text) => self.output = Some(text),
            Setting::Ambiguous(on) => options.ambiguous = on,
            // -b stack stays, whatever follows (ctys.md 1.5).
            Setting::Control(_) if self.control.is_some_and(|control| control.stack) => {}
            Setting::Control(control) => self.control = Some(control),
            Setting::NameCache(cache) => options.name_cache = cache,
            Setting::DataCache(words, at) => {
                options.data_cache = words;
                self.data_cache_at = at;
            }
            // The local -d is not handed on (ctys.md 1.4).
            Setting::Debug(text) if !local => options.debug = Some(text),
            Setting::Display(text) => options.display = Some(text),
            Setting::Force => options.force = true,
            Setting::Geometry(text) => options.geometry = Some(text),
            Setting::Login(user) => self.login = Some(user),
            Setting::Location(location, at) => self.location = Some((location, at)),
            Setting::Prefix(text) => options.prefix = Some(text),
            Setting::ServerOptions(all) => options.server_options = all,
            Setting::Resolution(width, height) => options.resolution = Some((width, height)),
            Setting::Scope(scope) => options.scope = scope,
            Setting::Signals(text) => options.signals = Some(text),
            Setting::Load(types) => options.load = types,
            Setting::Workspace(text) => options.workspace = Some(text),
            Setting::Resolver(word) => options.resolver = Some(word),
            Setting::Agent => options.forward_agent = true,
            Setting::Pty(count) => options.pty = Some(count),
            // The last -Z counts as a whole (DESIGN 6).
            Setting::Privilege(ways) => options.privilege = ways,
            Setting::StackReuse(level) => options.stack_reuse = Some(level),
            Setting::Terse => self.terse = true,
            Setting::Debug(_)
            | Setting::Plan
            | Setting::PlanFile(_)
            | Setting::Apply(_)
            | Setting::Explain
            | Setting::ReadOnly
            | Setting::Yes
            | Setting::Doctor
            | Setting::Verbose(_)
            | Setting::Quiet
            | Setting::Color(_)
            | Setting::DbPaths(_)
            | Setting::Window(_)
            | Setting::ConnectTimeout(_)
            | Setting::SilenceTimeout(_)
            | Setting::TotalTimeout(_)
            | Setting::Transport(_)
            | Setting::SshConfig(_)
            | Setting::Record(_)
            | Setting::Replay(_)
            | Setting::Help
            | Setting::Manual(_)
            | Setting::Version => {}
        }
    }
}

/// The local set: the base of every target, what concerns the call, and what is done instead of work.
pub(crate) fn local(settings: &[Setting]) -> (Effective, CallOptions, Option<Special>) {
    let mut base = Effective::default();
    let mut call = CallOptions::default();
    let mut special = None;
    for setting in settings {
        base.apply(setting, true);
        match setting.clone() {
            Setting::Debug(text) => call.debug = Some(text),
            Setting::Plan => call.plan = true,
            Setting::PlanFile(file) => {
                call.plan = true;
                call.plan_file = Some(file);
            }
            Setting::Apply(file) => special = special.or(Some(Special::Apply(file))),
            Setting::Explain => call.explain = true,
            Setting::ReadOnly => call.read_only = true,
            Setting::Yes => call.yes = true,
            Setting::Doctor => call.doctor = true,
            Setting::Terse => call.terse = true,
            Setting::Verbose(count) => call.verbose = call.verbose.saturating_add(count),
            Setting::Quiet => call.quiet = true,
            Setting::Color(when) => call.color = when,
            Setting::DbPaths(paths) => call.db_paths = paths,
            Setting::Window(width) => call.window = Some(width),
            Setting::ConnectTimeout(time) => call.connect_timeout = Some(time),
            Setting::SilenceTimeout(time) => call.silence_timeout = Some(time),
            Setting::TotalTimeout(time) => call.total_timeout = Some(time),
            Setting::Transport(word) => call.transport = Some(word),
            Setting::SshConfig(file) => call.ssh_config = Some(file),
            Setting::Record(file) => call.record = Some(file),
            Setting::Replay(file) => call.replay = Some(file),
            // The first of these ends the call; -X counts for -V only when it stands to the left.
            Setting::Help => special = special.or(Some(Special::Help)),
            Setting::Manual(topic) => special = special.or(Some(Special::Manual(topic))),
            Setting::Version => special = special.or(Some(Special::Version { terse: call.terse })),
            _ => {}
        }
    }
    (base, call, special)
}

/// A remark.
pub(crate) fn remark(desk: &mut Desk<'_>, message: impl Into<String>) {
    desk.notice(Problem::new(Phase::Notice, message));
}
