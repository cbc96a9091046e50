//! What is remarked of a call before it is carried out.

use ctys_line::{CachePlace, CallLine};
use ctys_model::{Action, Phase, Problem};

/// What is understood and does nothing in this build: never silently.
pub fn without_effect(call: &CallLine) -> Vec<Problem> {
    let mut notices = Vec::new();
    let mut note = |said: bool, what: &str| {
        if said {
            notices.push(Problem::new(Phase::Notice, what));
        }
    };
    let options = || call.jobs.iter().map(|job| &job.options);
    let remote = options().any(|options| options.name_cache.place == CachePlace::Remote);
    note(remote, "-c REMOTE: nothing of ctys is on a target, so the host itself is asked");
    let data = options().any(|options| options.data_cache.iter().any(|(word, _)| word != "OFF"));
    note(data, "-C has no effect: this build has no data cache, every answer is live");
    let reuse = options().any(|options| options.stack_reuse.is_some_and(|level| level > 0));
    note(reuse, "-k has no effect: REUSE behind the address of a layer keeps it when it runs");
    let prefix = options().any(|options| options.prefix.is_some());
    note(prefix && call.presentation.is_some(), "-M stands before text, not in a table");
    let traced = options().any(|options| options.debug.is_some())
        || (call.call.debug.is_some() && !crate::run::prints_final(call));
    note(
        traced,
        "-d traces nothing here: -v tells how a host is reached, -d PFIN the call in full, --record all that is said",
    );
    let unchecked = call.jobs.iter().any(|job| match &job.action {
        Action::Create(create) => create.stack_check.iter().any(|word| word == "HWCAP" || word == "STACKCAP"),
        _ => false,
    });
    note(unchecked, "STACKCHECK: HWCAP and STACKCAP are not compared; the machine below each layer is (CONTEXT)");
    let reads = !call.jobs.is_empty() && call.jobs.iter().all(|job| job.action.verb().is_collector());
    note(call.call.plan && reads, "-n: this call changes nothing, so it is done");
    let force = options().any(|options| options.force);
    note(force, "-f has no effect: no check of this program can be left out");
    let workspace = options().any(|options| options.workspace.is_some());
    note(workspace, "-W has no effect: windows open on the desktop that is shown");
    let resolver = options().any(|options| options.resolver.is_some());
    note(resolver, "-x has no effect: nothing of ctys is on a target, so names are looked up here");
    notices
}
