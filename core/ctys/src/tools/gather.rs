//! What the tools share with the calls of ctys: looks, and answers of many targets.

use crate::home::Home;
use crate::report;
use crate::run::{self, Ready};
use ctys_engine::fanout::{self, Interrupt, Update};
use ctys_engine::job::Report;
use ctys_engine::plugins::{Plugins, SearchPath, Setup};
use ctys_engine::ssh::Environment;
use ctys_line::{CallLine, Job};
use ctys_model::{Phase, Problem, Target, ToolCall};
use ctys_table::Presentation;
use std::ffi::OsString;
use std::sync::Arc;

/// The look that an action with its suboptions asks for, such as `enumerate=macro:TAB_CPORT`.
///
/// # Errors
/// The first mistake, as text.
pub fn presentation(action: &str, home: &Home) -> Result<Presentation, String> {
    let world = ctys_line::World::new(&home.caller.user, home);
    let call = ctys_line::parse(&["-a", action], &world).map_err(|mistakes| {
        // The lines below the first one draw where it stands in a call that nobody typed.
        let first = |text: String| text.lines().next().unwrap_or_default().to_string();
        let mistakes: Vec<String> = mistakes.iter().map(|mistake| first(mistake.to_string())).collect();
        mistakes.join("; ")
    })?;
    call.presentation.ok_or_else(|| "it says nothing about the output".into())
}

/// What one target said, or why it said nothing.
pub struct Answer {
    /// The target.
    pub target: Target,
    /// What was asked of it.
    pub job: Job,
    /// What its plugins found, with the problems they had.
    pub report: Report,
    /// Why there is nothing more: it was given up, interrupted, never reached.
    pub lost: Option<Problem>,
}

impl Answer {
    /// Everything that went wrong there, remarks left out.
    pub fn problems(&self) -> Vec<Problem> {
        self.all().filter(|problem| problem.phase != Phase::Notice).cloned().collect()
    }

    /// The remarks: why a plugin has nothing to say there.
    pub fn remarks(&self) -> Vec<Problem> {
        self.all().filter(|problem| problem.phase == Phase::Notice).cloned().collect()
    }

    fn all(&self) -> impl Iterator<Item = &Problem> {
        let own = self.report.findings.iter().flat_map(|(_, findings)| &findings.problems);
        self.report.problems.iter().chain(own).chain(&self.lost)
    }
}

/// A call of ctys whose answers go to somebody else than the screen.
pub struct Asked {
    /// The call as it was understood.
    pub call: CallLine,
    /// The plugins at hand.
    pub plugins: Plugins,
    jobs: Vec<Ready>,
    /// What went wrong before the first target was asked.
    pub problems: Vec<Problem>,
}

impl Asked {
    /// Understands the words of a call.
    ///
    /// # Errors
    /// The exit code; the mistakes stand on the screen.
    pub fn understand(words: &[OsString], home: &Home) -> Result<Asked, u8> {
        let mut setup = Setup::new(SearchPath::of_this_process());
        setup.settings = home.variables.clone();
        let plugins = setup.discover();
        let manifests: Vec<_> = plugins.found().iter().filter_map(|found| found.manifest.clone().ok()).collect();
        let call = run::parse(words, home, home, &manifests)?;
        let (jobs, problems) = run::prepare(&call, &plugins, home);
        Ok(Asked { call, plugins, jobs, problems })
    }

    /// The targets, in the order of the call.
    pub fn targets(&self) -> Vec<Target> {
        self.jobs.iter().map(|ready| ready.job.target.clone()).collect()
    }

    /// A companion tool's call goes to the plugins that were found for the targets.
    pub fn call_tool(&mut self, call: &ToolCall) {
        self.jobs.iter_mut().for_each(|ready| ready.call_tool(call));
    }

    /// Asks all targets. Each answer is handed out as it comes, with how many have come and how many there are.
    ///
    /// # Errors
    /// When nobody can be asked.
    pub fn ask(
        self,
        environment: Environment,
        home: &Home,
        mut each: impl FnMut(Answer, usize, usize),
    ) -> Result<(), Problem> {
        let shared = Arc::new(run::open_world(&self.call.call, environment)?);
        let targets = self.targets();
        let count = self.jobs.len();
        let window = usize::from(self.call.call.window.unwrap_or(run::WINDOW));
        let settings = run::settings(&self.plugins, home, &self.call.call.db_paths);
        // A change ends when its plugin says so; a listing has its clock.
        let clock = Some(shared.clocks.total + run::GRACE);
        let patience = self.jobs.iter().map(|ready| clock.filter(|_| !ready.job.action.verb().changes())).collect();
        let jobs: Vec<Job> = self.jobs.iter().map(|ready| ready.job.clone()).collect();
        let doer = run::Doer::new(self.jobs, shared.clone(), home, settings);
        // Only what a companion tool does is a change that may come of this; see `Asked::call_tool`.
        let doer = if self.call.call.plan { doer.planning() } else { doer.changing() };
        let act = Arc::new(move |number: usize| doer.perform(number));
        let mut come = 0;
        let interrupt: &Interrupt = &shared.interrupt;
        fanout::run(window, patience, interrupt, true, act, |update| {
            let (number, report, lost) = match update {
                Update::Done(number, report) => (number, report, None),
                Update::GaveUp(number) => {
                    (number, Report::default(), Some((Phase::Timeout, "given up: its time was over".to_string())))
                }
                Update::Failed(number, why) => (number, Report::default(), Some((Phase::Here, why))),
                Update::NotStarted(number) | Update::Abandoned(number) => {
                    (number, Report::default(), Some((Phase::Interrupted, "interrupted".to_string())))
                }
                Update::Waiting(_) | Update::Progress { .. } => return,
            };
            come += 1;
            let target = targets[number].clone();
            let lost = lost.map(|(phase, why)| report::lost(&target, phase, &why));
            each(Answer { target, job: jobs[number].clone(), report, lost }, come, count);
        });
        Ok(())
    }
}
