//! The plugins' part of INFO: what is installed here, and what the target says of each (ctys.md 2.5 and 5).

use ctys_engine::job::Report;
use ctys_engine::plugins::{Found, Plugins, State};
use ctys_model::Problem;
use ctys_model::bytes::escape_for_eyes;

/// One block of lines for a target, to stand below what the machine says of itself.
pub fn plugins(plugins: &Plugins, types: &[String], report: &Report) -> String {
    let states = plugins.states(types);
    let names: Vec<&str> = states.iter().map(|(found, _)| found.name.as_str()).collect();
    let mut text = line(1, "PLUGINS", &names.join(" ").to_uppercase());
    for (found, state) in states {
        text.push_str(&line(2, &found.name.to_uppercase(), ""));
        if let Ok(manifest) = &found.manifest {
            text.push_str(&line(3, "Plugin version", &manifest.version));
            let (low, high) = manifest.protocol;
            text.push_str(&line(3, "Protocol", &if low == high { low.to_string() } else { format!("{low}-{high}") }));
            text.push_str(&line(3, "Session types", &manifest.session_types.join(" ")));
        }
        let file = found.file.as_ref().map_or("linked into ctys".into(), |file| file.display().to_string());
        text.push_str(&line(3, "File", &file));
        text.push_str(&line(3, "Carrier", found.carrier.words()));
        let state = on_target(state, &found.name, report);
        text.push_str(&line(3, "Operational State", state.word()));
        if let Some(reason) = state.reason() {
            text.push_str(&line(3, "Reason", reason));
            for hint in complaint(&found.name, report).iter().flat_map(|problem| &problem.hints) {
                text.push_str(&line(3, "Hint", hint));
            }
        }
    }
    text
}

/// What one host says of one plugin.
pub struct Row {
    /// Who asked there.
    pub account: String,
    /// The host, as it calls itself.
    pub host: String,
    /// The plugin, upper case.
    pub plugin: String,
    /// Its version; empty when it could not be loaded.
    pub version: String,
    /// Its state there.
    pub state: State,
    /// The session types that it serves.
    pub needs: String,
}

/// The rows of a host, a plugin each.
pub fn rows(plugins: &Plugins, types: &[String], report: &Report, account: &str, host: &str) -> Vec<Row> {
    let row = |(found, state): (&Found, State)| Row {
        account: account.into(),
        host: host.into(),
        plugin: found.name.to_uppercase(),
        version: found.manifest.as_ref().map_or(String::new(), |manifest| manifest.version.clone()),
        needs: found.manifest.as_ref().map_or(String::new(), |manifest| manifest.session_types.join(" ")),
        state: on_target(state, &found.name, report),
    };
    plugins.states(types).into_iter().map(row).collect()
}

impl Row {
    /// `user@host;PLUGIN;accel;version;magic;state;prerequisites` (ctys.md 2.5, ctys-original.md 9.59).
    pub fn terse(&self) -> String {
        let Row { account, host, plugin, version, state, needs } = self;
        let line = format!("{account}@{host};{plugin};;{version};{};{};{needs}", self.magic(), state.word());
        format!("{}\n", escape_for_eyes(&line))
    }

    /// Why a plugin cannot be used, in one word where the original has one.
    pub fn magic(&self) -> &'static str {
        match self.state {
            State::Disabled(_) => "DISABLED",
            _ => "",
        }
    }
}

/// A plugin that was asked and had something to complain about is not usable on that target. A remark counts too: where
/// all plugins are asked, one that has nothing to do there says so without spoiling the call.
pub fn on_target(state: State, plugin: &str, report: &Report) -> State {
    if !matches!(state, State::Busy | State::Idle | State::Enabled | State::Available) {
        return state;
    }
    match complaint(plugin, report) {
        Some(problem) => State::Disabled(problem.message.clone()),
        // It was asked; some have nothing to say.
        None if state == State::Busy || report.findings.iter().any(|(name, _)| name == plugin) => State::Enabled,
        None => state,
    }
}

/// The first complaint of a plugin, or about it.
fn complaint<'a>(plugin: &str, report: &'a Report) -> Option<&'a Problem> {
    let own = report.findings.iter().filter(|(name, _)| name == plugin).flat_map(|(_, findings)| &findings.problems);
    let ours = report.problems.iter().filter(|problem| problem.plugin.as_deref() == Some(plugin));
    own.chain(ours).next()
}

/// A line of INFO, in the layout of the machine's own lines: three blanks a level, the colons of a level below each other.
fn line(depth: usize, name: &str, value: &str) -> String {
    let name = escape_for_eyes(name);
    let width = [12, 18, 18][depth - 1];
    let text = format!("{}{name:<width$}:{}", "   ".repeat(depth), escape_for_eyes(value));
    format!("{}\n", text.trim_end_matches(':').trim_end())
}
