//! Which plugins a job goes to, and what they are asked.

use ctys_engine::job::Thinker;
use ctys_engine::plugins::Plugins;
use ctys_engine::script::Means;
use ctys_line::{Escalation, Job};
use ctys_model::{Caller, Phase, Problem, Request, Verb};
use ctys_table::Presentation;
use std::sync::Arc;

/// The physical machine speaks for the node in SHOW and INFO, whatever `-t` says (ctys.md 2.5).
const NODE_TYPE: &str = "PM";

/// The plugins that answer this job, opened. What could not be opened comes as a problem, beside the others. `common` is
/// the look of the call, for a job without its own.
pub fn thinkers(plugins: &Plugins, job: &Job, common: Option<&Presentation>) -> (Vec<Arc<dyn Thinker>>, Vec<Problem>) {
    let verb = job.action.verb();
    let look = job.presentation.as_ref().or(common).filter(|_| matches!(verb, Verb::List | Verb::Enumerate));
    let packages = look.map_or(&[][..], |presentation| &presentation.packages);
    // `-t` says more than `-T`, and `-T` more than the choice of rows.
    let named = [&job.types, &job.options.load].into_iter().find(|types| !types.is_empty());
    let mut types = named.cloned().unwrap_or_else(|| packages.to_vec());
    types.retain(|name| name != "ALL");
    match verb {
        Verb::Show => types = vec![NODE_TYPE.into()],
        Verb::Info if !types.is_empty() && !types.iter().any(|t| t == NODE_TYPE) => types.push(NODE_TYPE.into()),
        _ => {}
    }
    let (opened, mut problems) = plugins.for_types(&types);
    let opened: Vec<_> = opened
        .into_iter()
        .filter(|plugin| packages.is_empty() || plugin.manifest().session_types.iter().any(|t| packages.contains(t)))
        .collect();
    let none = opened.is_empty();
    let serving: Vec<_> = opened.into_iter().filter(|plugin| plugin.manifest().serves(verb)).collect();
    if serving.is_empty() && problems.is_empty() {
        let problem = if none && packages.is_empty() {
            let folders: Vec<String> = plugins.searched().map(|folder| folder.display().to_string()).collect();
            Problem::new(Phase::Here, format!("cannot {verb}: no plugin was found in {}", folders.join(", ")))
                .hint("in a source tree, `cargo build` in its root builds the plugins")
                .hint("`cargo install` brings the program alone; `./install PREFIX` brings both, the plugins to PREFIX/lib/ctys/plugins")
                .hint("CTYS_PLUGIN_PATH names other folders")
        } else {
            let who = if types.is_empty() { "any type".to_string() } else { types.join(", ") };
            let why = if none { "PKG leaves out" } else { "no plugin serves this action for" };
            Problem::new(Phase::Here, format!("cannot {verb}: {why} {who}"))
                .hint("ctys -a info shows the plugins and what they serve")
        };
        problems.push(problem);
    }
    (serving.into_iter().map(|plugin| plugin as _).collect(), problems)
}

/// The request of a job, the same for all plugins.
pub fn request(job: &Job, caller: &Caller) -> Request {
    let options = &job.options;
    Request {
        action: job.action.clone(),
        target: job.target.clone(),
        caller: caller.clone(),
        session_type: job.types.first().filter(|_| job.types.len() == 1).cloned(),
        force: options.force,
        ambiguous: options.ambiguous,
        scope: options.scope.clone(),
        location: options.location,
        geometry: options.geometry.clone(),
        resolution: options.resolution,
        server_options: options.server_options.clone(),
        settings: Default::default(),
    }
}

/// `-Z` as the engine knows it.
pub fn means(job: &Job) -> Vec<Means> {
    let means = |escalation: &Escalation| match escalation {
        Escalation::Ksu => Means::Ksu,
        Escalation::Sudo => Means::Sudo,
        Escalation::Doas => Means::Doas,
    };
    job.options.privilege.iter().map(means).collect()
}
