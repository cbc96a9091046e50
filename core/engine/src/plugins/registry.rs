//! Which plugins are there, and the ones a call needs, opened.

use super::carrier::CarrierKind;
use super::error::{Cause, PluginError, Step};
use super::inspect::{inspect, read_manifest};
use super::load::effective_user;
use super::plugin::Plugin;
use super::search::{Origin, SearchPath, is_name, plugin_name};
use super::state::State;
use super::trust::Trust;
use ctys_model::{Manifest, Problem};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A plugin linked into the program: what `export_plugin!` calls `BUILTIN`.
pub type Builtin = (&'static [u8], Answers);

/// The function of a linked-in plugin: one message in, one out.
pub type Answers = fn(&[u8]) -> Vec<u8>;

/// What discovery and opening depend on.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where to look.
    pub search: SearchPath,
    /// The plugins linked into the program. A file of the same name wins over one of these.
    pub builtins: Vec<Builtin>,
    /// Settings by name; those that matter here are `<TYPE>_IGNORE`.
    pub settings: BTreeMap<String, String>,
    /// How every library is run; none means a stranger's in a child, ours in this process.
    pub carrier: Option<CarrierKind>,
    /// The program that serves a child, with its first arguments, before the hidden verb.
    pub program: Vec<OsString>,
    /// Time and numbers.
    pub limits: Limits,
}

/// Time and numbers for every plugin.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For one answer of a plugin, and for opening one in a child. Plugins take microseconds; this is for those that loop,
    /// and long enough for eight megabytes of an answer on a machine that has much else to do.
    pub call: Duration,
    /// As many threads or processes of one plugin at most.
    pub workers: usize,
    /// After so many time-outs a plugin in a child is not asked any more in this run.
    pub child_time_outs: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Limits { call: Duration::from_secs(30), workers: cores.min(4), child_time_outs: 3 }
    }
}

impl Setup {
    /// With this search path, and otherwise as usual.
    pub fn new(search: SearchPath) -> Setup {
        let program = std::env::current_exe().map(|program| vec![program.into_os_string()]).unwrap_or_default();
        Setup {
            search,
            builtins: Vec::new(),
            settings: BTreeMap::new(),
            carrier: None,
            program,
            limits: Limits::default(),
        }
    }

    /// Looks around. See [`Plugins::discover`].
    pub fn discover(self) -> Plugins {
        Plugins::from_setup(self)
    }
}

/// A plugin that was found, usable or not.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name: of the file, `xen` in `libctys_xen.so`.
    pub name: String,
    /// Its file; none for a linked-in one.
    pub file: Option<PathBuf>,
    /// Whose it is; none for a linked-in one.
    pub origin: Option<Origin>,
    /// What it says about itself, or why it is not used.
    pub manifest: Result<Manifest, PluginError>,
    /// How it is run.
    pub carrier: CarrierKind,
    /// The real path of the file.
    real: PathBuf,
    call: Option<Answers>,
    /// The setting that leaves it out.
    ignored_by: Option<String>,
}

/// All plugins there are.
pub struct Plugins {
    setup: Setup,
    found: Vec<Found>,
    opened: Vec<OnceLock<Result<Arc<Plugin>, PluginError>>>,
}

impl Plugins {
    /// Looks into the folders and reads what each file says about itself. Runs no code of any of them. A file that is
    /// refused is kept with its reason.
    pub fn discover(search: SearchPath) -> Plugins {
        Setup::new(search).discover()
    }

    fn from_setup(setup: Setup) -> Plugins {
        let mut found: Vec<Found> = Vec::new();
        for folder in &setup.search.folders {
            for (name, file) in entries(&folder.path) {
                // First match wins; a match that is refused is an error, it is not skipped for a later one.
                if found.iter().any(|earlier| earlier.name == name) {
                    continue;
                }
                found.push(Found::of_file(&setup, name, file, folder.origin));
            }
        }
        for &builtin in &setup.builtins {
            let builtin = Found::of_builtin(builtin);
            if found.iter().all(|earlier| earlier.name != builtin.name) {
                found.push(builtin);
            }
        }
        for plugin in &mut found {
            plugin.ignored_by = plugin.ignoring_setting(&setup.settings);
        }
        refuse_two_for_one_type(&mut found);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let opened = found.iter().map(|_| OnceLock::new()).collect();
        Plugins { setup, found, opened }
    }

    /// All that were found, usable or not, by name.
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// The folders that were looked through, first match first.
    pub fn searched(&self) -> impl Iterator<Item = &Path> {
        self.setup.search.folders.iter().map(|folder| folder.path.as_path())
    }

    /// The session types that a usable plugin serves, sorted.
    pub fn known_types(&self) -> Vec<String> {
        let types: BTreeSet<&String> = self.usable().flat_map(|(_, manifest)| &manifest.session_types).collect();
        types.into_iter().cloned().collect()
    }

    /// Opens the plugins that serve these session types, each once; `ALL` or none at all means every plugin. What cannot
    /// be used comes back as a problem.
    pub fn for_types(&self, types: &[String]) -> (Vec<Arc<Plugin>>, Vec<Problem>) {
        let mut chosen: BTreeSet<usize> = BTreeSet::new();
        let mut errors: Vec<PluginError> = Vec::new();
        if wants_all(types) {
            chosen.extend((0..self.found.len()).filter(|&n| self.found[n].ignored_by.is_none()));
        } else {
            for wanted in types {
                match self.serving(wanted) {
                    Ok(n) => _ = chosen.insert(n),
                    Err(error) => errors.push(error),
                }
            }
        }
        let mut plugins = Vec::new();
        for n in chosen {
            match self.open_nth(n) {
                Ok(plugin) => plugins.push(plugin),
                Err(error) => errors.push(error),
            }
        }
        let mut problems: Vec<Problem> = Vec::new();
        for problem in errors.iter().map(Problem::from) {
            // One sentence for two files of one type, though both are refused for it.
            if problems.iter().all(|earlier| earlier.message != problem.message) {
                problems.push(problem);
            }
        }
        (plugins, problems)
    }

    /// Opens the plugin of this name, or says why it cannot be used.
    pub fn open(&self, name: &str) -> Result<Arc<Plugin>, PluginError> {
        match self.found.iter().position(|found| found.name == name) {
            Some(n) => self.found[n].ignored().map_or_else(|| self.open_nth(n), Err),
            None => Err(self.not_found(name)),
        }
    }

    /// The state of each plugin for `-a info` and `ctys-plugins`, given the types of this call (ctys.md 5).
    pub fn states(&self, types: &[String]) -> Vec<(&Found, State)> {
        (0..self.found.len()).map(|n| (&self.found[n], self.state(n, types))).collect()
    }

    fn state(&self, n: usize, types: &[String]) -> State {
        let found = &self.found[n];
        if let Some(setting) = &found.ignored_by {
            return State::Ignored(setting.clone());
        }
        let manifest = match &found.manifest {
            Ok(manifest) => manifest,
            Err(error) => return State::Disabled(error.to_string()),
        };
        match self.opened[n].get() {
            None => State::Available,
            Some(Err(error)) => State::Disabled(error.to_string()),
            Some(Ok(plugin)) => match plugin.dead() {
                Some(error) => State::Disabled(error.to_string()),
                None if wants_all(types) || types.iter().any(|wanted| serves(manifest, wanted)) => State::Busy,
                None => State::Idle,
            },
        }
    }

    fn usable(&self) -> impl Iterator<Item = (usize, &Manifest)> {
        let found = self.found.iter().enumerate().filter(|(_, found)| found.ignored_by.is_none());
        found.filter_map(|(n, found)| Some((n, found.manifest.as_ref().ok()?)))
    }

    /// The plugin for a session type. A file that was refused says nothing of its types, so there the name has to do.
    fn serving(&self, wanted: &str) -> Result<usize, PluginError> {
        let name = wanted.to_ascii_lowercase();
        if let Some((n, _)) = self.usable().find(|(_, manifest)| serves(manifest, wanted)) {
            return Ok(n);
        }
        let types = |found: &Found| found.manifest.as_ref().is_ok_and(|manifest| serves(manifest, wanted));
        if let Some(error) = self.found.iter().filter(|found| types(found)).find_map(Found::ignored) {
            return Err(error);
        }
        if let Some(error) = self.found.iter().find_map(|found| found.refused_for(wanted)) {
            return Err(error.clone());
        }
        if let Some(n) = self.found.iter().position(|found| found.name == name && found.manifest.is_err()) {
            return Ok(n);
        }
        // What is no name could not be one of a file either; it is shown as it was typed.
        Err(self.not_found(if is_name(&name) { &name } else { wanted }))
    }

    fn not_found(&self, name: &str) -> PluginError {
        let searched = self.setup.search.folders.iter().map(|folder| folder.path.clone()).collect();
        PluginError::new(name, None, Step::Find, Cause::NotFound { searched, known: self.known_types() })
    }

    fn open_nth(&self, n: usize) -> Result<Arc<Plugin>, PluginError> {
        self.opened[n].get_or_init(|| self.found[n].open(&self.setup).map(Arc::new)).clone()
    }
}

impl Found {
    fn of_file(setup: &Setup, name: String, file: PathBuf, origin: Origin) -> Found {
        let trust = Trust { caller: effective_user(), check_mode: origin != Origin::Build };
        let (manifest, real) = match inspect(&file, &name, trust) {
            Ok((manifest, real)) => (Ok(manifest), real),
            Err(error) => (Err(error), PathBuf::new()),
        };
        let usual = if origin.is_ours() { CarrierKind::InProcess } else { CarrierKind::Child };
        let carrier = setup.carrier.unwrap_or(usual);
        Found { name, file: Some(file), origin: Some(origin), manifest, carrier, real, call: None, ignored_by: None }
    }

    fn of_builtin((json, call): Builtin) -> Found {
        // A linked-in plugin has no file name to compare with, so it is asked for the one it has.
        let name = serde_json::from_slice::<Manifest>(json).map(|manifest| manifest.name).unwrap_or_default();
        let manifest = read_manifest(json, &name).map_err(|cause| PluginError::new(&name, None, Step::Inspect, cause));
        Found {
            name,
            file: None,
            origin: None,
            manifest,
            carrier: CarrierKind::Builtin,
            real: PathBuf::new(),
            call: Some(call),
            ignored_by: None,
        }
    }

    /// The setting that leaves this plugin out: `<NAME>_IGNORE`, or that of every session type it serves.
    fn ignoring_setting(&self, settings: &BTreeMap<String, String>) -> Option<String> {
        let set = |word: &str| {
            let name = format!("{}_IGNORE", word.to_ascii_uppercase());
            let value = settings.get(&name)?;
            (!matches!(value.as_str(), "" | "0")).then_some(name)
        };
        if let Some(name) = set(&self.name) {
            return Some(name);
        }
        let types = &self.manifest.as_ref().ok()?.session_types;
        let names: Option<Vec<String>> = types.iter().map(|session_type| set(session_type)).collect();
        names?.into_iter().next()
    }

    /// The refusal because a setting leaves this plugin out.
    fn ignored(&self) -> Option<PluginError> {
        let setting = self.ignored_by.clone()?;
        Some(PluginError::new(&self.name, self.file.as_deref(), Step::Find, Cause::Ignored(setting)))
    }

    /// The refusal because another plugin serves this session type too.
    fn refused_for(&self, wanted: &str) -> Option<&PluginError> {
        let error = self.manifest.as_ref().err()?;
        let Cause::TwoForOneType { session_type, .. } = &*error.cause else { return None };
        session_type.eq_ignore_ascii_case(wanted).then_some(error)
    }

    fn open(&self, setup: &Setup) -> Result<Plugin, PluginError> {
        let manifest = self.manifest.clone()?;
        match (self.call, &self.file) {
            (Some(call), _) => Plugin::builtin(manifest, call, &setup.limits),
            (None, Some(file)) => Plugin::open(manifest, file, self.carrier, &setup.program, &setup.limits, &self.real),
            (None, None) => unreachable!("a plugin is a file or linked in"),
        }
    }
}

/// The plugins' names and files in a folder, by name. A folder that is absent or closed holds none.
fn entries(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(String, PathBuf)> =
        entries.filter_map(|entry| Some((plugin_name(&entry.file_name())?.to_string(), entry.path()))).collect();
    files.sort();
    files
}

fn wants_all(types: &[String]) -> bool {
    types.is_empty() || types.iter().any(|wanted| wanted.eq_ignore_ascii_case("ALL"))
}

fn serves(manifest: &Manifest, wanted: &str) -> bool {
    manifest.session_types.iter().any(|session_type| session_type.eq_ignore_ascii_case(wanted))
}

/// Two plugins for one session type are both refused: which one is meant is not for us to guess.
fn refuse_two_for_one_type(found: &mut [Found]) {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut clashes: Vec<(usize, usize, String)> = Vec::new();
    for (n, plugin) in found.iter().enumerate().filter(|(_, plugin)| plugin.ignored_by.is_none()) {
        for session_type in plugin.manifest.iter().flat_map(|manifest| &manifest.session_types) {
            match first.get(session_type) {
                Some(&earlier) if earlier != n => clashes.push((earlier, n, session_type.clone())),
                _ => _ = first.insert(session_type.clone(), n),
            }
        }
    }
    for (one, two, session_type) in clashes {
        let path = |n: usize| found[n].file.clone().unwrap_or_else(|| format!("(built in) {}", found[n].name).into());
        let cause = Cause::TwoForOneType { session_type, other: path(two) };
        let error = PluginError::new(&found[one].name, Some(&path(one)), Step::Inspect, cause);
        found[one].manifest = Err(error.clone());
        found[two].manifest = Err(error);
    }
}
