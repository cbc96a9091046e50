//! The stacks of a call, `VMSTACK{...}`: a layer is begun when those below it are up (ctys-original.md 1.5).

use crate::report;
use ctys_engine::job::Report;
use ctys_model::problem::exit_code;
use ctys_model::{Phase, Target};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a machine that was started may take until it lets us in, unless `--total-timeout` says otherwise: a server with much memory
/// is busy with itself for minutes before it loads anything.
pub const BOOT: Duration = Duration::from_secs(300);

/// Which stacks have a layer that did not come up, with its target.
#[derive(Default)]
pub struct Stacks {
    broken: Mutex<HashMap<usize, String>>,
}

impl Stacks {
    /// One layer, which is done by `work`, or not at all when one below it failed. None from `work`: it could not be begun, which
    /// has been told.
    pub fn layer(&self, stack: usize, target: &Target, work: impl FnOnce() -> Option<Report>) -> Report {
        let broken = || self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(below) = broken().get(&stack) {
            // Of all phases this one weighs least: the exit code is that of the layer that failed.
            let why = format!("not begun: {below} below it in the VMSTACK failed");
            return Report { problems: vec![report::lost(target, Phase::Run, &why)], ..Report::default() };
        }
        // It counts as failed until it has ended well: a panic on the way is no success.
        broken().insert(stack, target.to_string());
        let Some(report) = work() else { return Report::default() };
        let found = report.findings.iter().flat_map(|(_, findings)| &findings.problems);
        if exit_code(report.problems.iter().chain(found)) == 0 {
            broken().remove(&stack);
        }
        report
    }
}
