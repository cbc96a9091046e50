//! CANCEL of one machine after each round: what is next for it, and what it came to.

use super::cancel::{AGAIN, ASK, BUTTON, HOLD, INIT, Job, PAUSE, PRESS_AGAIN_MS, RELEASE, RESET, unknown};
use super::ending::{self, Rung, named};
use super::suspend::{self, Progress};
use crate::host::Running;
use crate::parse::qmp;
use ctys_plugin::json::json;
use ctys_plugin::model::{Answer, Bytes, CancelMethod, Phase, Problem, Replies, Step};
use ctys_plugin::outputs;

/// What one machine comes to in one round.
pub(super) enum Outcome {
    /// These steps, or only time; and what is waited for.
    Goes(Vec<Step>, String),
    /// It is done: a line about it.
    Well(String),
    /// It did not go well.
    Badly(Problem),
}

/// One machine after one round.
pub(super) struct Turn<'a> {
    pub job: &'a Job<'a>,
    pub machine: &'a Running,
    pub replies: &'a Replies,
    pub is_there: bool,
}

impl Turn<'_> {
    /// What it comes to.
    pub fn take(&self) -> Outcome {
        match self.job.method {
            CancelMethod::PowerOff(_) => self.power_off(),
            CancelMethod::Init(0) => self.shut_down(),
            CancelMethod::Reboot | CancelMethod::Init(6) => self.reboot(),
            CancelMethod::Reset => self.told(RESET, "system_reset", "running", "reset"),
            CancelMethod::Pause => self.told(PAUSE, "stop", "paused", "paused"),
            CancelMethod::Suspend => self.suspend(),
            CancelMethod::Init(level) => self.init(level),
        }
    }

    fn name(&self) -> String {
        self.machine.title().into_owned()
    }

    fn answer(&self, verb: &str) -> Option<&Answer> {
        self.replies.last(&named(verb, self.machine))
    }

    /// Why a command was refused, if it was.
    fn refusal(&self, verb: &str, command: &str) -> Option<String> {
        let answer = self.answer(verb)?;
        match qmp::of_answer(Some(answer)) {
            Ok(said) => said.refusal(command),
            Err(why) => Some(unknown(&Err(why))),
        }
    }

    fn status(&self) -> Option<String> {
        qmp::of_answer(self.answer(ASK)).ok().and_then(|said| said.status().map(str::to_string))
    }

    /// Whether its seconds are over. They begin behind the round in which it was asked: there the requests to all go out one
    /// after the other, and one that hangs would take the time of those behind it.
    fn waited(&self) -> bool {
        let rounds = &self.replies.rounds;
        let button = named(BUTTON, self.machine);
        let asked = rounds.iter().position(|round| round.steps.iter().any(|step| step.name == button)).unwrap_or(0);
        let begin_ms = rounds.get(asked + 1).or(rounds.last()).map_or(0, |round| round.started_ms);
        let now_ms = rounds.last().map_or(0, |round| round.started_ms);
        now_ms - begin_ms >= u64::from(self.job.seconds()) * 1000
    }

    fn press_again(&self) -> Vec<Step> {
        let now = self.replies.rounds.last().map_or(0, |round| round.started_ms);
        let since = ending::sent_at(self.replies, &named(BUTTON, self.machine)).map(|at| now.saturating_sub(at));
        let is_due = since.is_some_and(|ms| ms >= PRESS_AGAIN_MS);
        let press = is_due.then(|| self.job.tell(BUTTON, self.machine, [qmp::command("system_powerdown")]).ok());
        press.flatten().into_iter().collect()
    }

    fn badly(&self, phase: Phase, message: String) -> Outcome {
        Outcome::Badly(Problem::new(phase, message))
    }

    fn power_off(&self) -> Outcome {
        let name = self.name();
        let was_ended = ending::has_begun(self.replies, self.machine);
        if !self.is_there {
            return Outcome::Well(if was_ended { format!("{name}: ended") } else { format!("{name}: shut down") });
        }
        let is_down = self.status().as_deref() == Some("shutdown");
        if !was_ended && !is_down && !self.waited() {
            return Outcome::Goes(self.press_again(), format!("for {name} to power off"));
        }
        match ending::next_rung(self.replies, self.machine, self.job.host) {
            Rung::Do(step) => Outcome::Goes(vec![step], format!("for {name} to end")),
            Rung::Wait => Outcome::Goes(Vec::new(), format!("for {name} to end")),
            Rung::Spent => {
                let problem = Problem::new(Phase::Run, format!("{name} was told to end and is still there"));
                Outcome::Badly(match ending::complaint(self.replies, self.machine) {
                    Some(why) => Problem { message: format!("{}: {}", problem.message, why.message), ..why },
                    None => problem,
                })
            }
        }
    }

    fn shut_down(&self) -> Outcome {
        let name = self.name();
        if !self.is_there || self.status().as_deref() == Some("shutdown") {
            return Outcome::Well(format!("{name}: shut down"));
        }
        if let Some(why) = self.refusal(BUTTON, "system_powerdown") {
            return self.badly(Phase::Run, format!("{name} was not asked to shut down: {why}"));
        }
        if self.waited() {
            let message = format!("{name} did not go down in {} s", self.job.seconds());
            return Outcome::Badly(Problem::new(Phase::Timeout, message).hint("POWEROFF ends what does not go down"));
        }
        Outcome::Goes(self.press_again(), format!("for {name} to go down"))
    }

    fn reboot(&self) -> Outcome {
        let name = self.name();
        if !self.is_there {
            return self.badly(Phase::Run, format!("{name} went down and did not come back"));
        }
        if let Some(why) = self.refusal(HOLD, "set-action") {
            let problem =
                Problem::new(Phase::Run, format!("nothing was done: {name} cannot be asked to reboot: {why}"));
            return Outcome::Badly(problem.hint("RESET does not ask the guest"));
        }
        let tell = |verb: &str, commands: Vec<Bytes>| self.job.tell(verb, self.machine, commands);
        let release = || qmp::command_with("set-action", &json!({ "shutdown": "poweroff" }));
        let goes = |step: Result<Step, Problem>, why: String| match step {
            Ok(step) => Outcome::Goes(vec![step], why),
            Err(problem) => Outcome::Badly(problem),
        };
        if self.answer(BUTTON).is_none() {
            let wake = Job::may_stand_still(self.machine).then(|| qmp::command("cont"));
            let commands = wake.into_iter().chain([qmp::command("system_powerdown")]).collect();
            return goes(tell(BUTTON, commands), format!("for {name} to reboot"));
        }
        if self.answer(AGAIN).is_some() {
            return match (self.refusal(AGAIN, "system_reset"), self.status().as_deref()) {
                (None, Some("running")) => Outcome::Well(format!("{name}: rebooted")),
                (Some(why), _) => self.badly(Phase::Run, format!("{name} went down and was not started again: {why}")),
                (None, status) => {
                    let status = status.unwrap_or("in a state that it does not tell").to_string();
                    self.badly(Phase::Run, format!("{name} was started again and is {status}"))
                }
            };
        }
        if self.answer(RELEASE).is_some() && self.status().as_deref() != Some("shutdown") {
            let message =
                format!("{name} did not reboot in {} s, and will be off if it still goes down", self.job.seconds());
            return Outcome::Badly(
                Problem::new(Phase::Timeout, message)
                    .hint("RESET does not ask the guest")
                    .hint("TIMEOUT:<seconds> waits longer"),
            );
        }
        if self.status().as_deref() == Some("shutdown") {
            let commands = vec![qmp::command("system_reset"), release(), qmp::command("cont")];
            return goes(tell(AGAIN, commands), format!("for {name} to start again"));
        }
        if self.waited() {
            return goes(tell(RELEASE, vec![release()]), format!("for {name} to reboot"));
        }
        Outcome::Goes(self.press_again(), format!("for {name} to reboot"))
    }

    /// One command, and the state that it leads to.
    fn told(&self, verb: &str, command: &str, state: &str, done: &str) -> Outcome {
        let name = self.name();
        if self.answer(verb).is_none() {
            // It was so before.
            return Outcome::Well(format!("{name} is {state} already"));
        }
        if let Some(why) = self.refusal(verb, command) {
            return self.badly(Phase::Run, format!("{name} was to be {done}: {why}"));
        }
        if !self.is_there {
            return self.badly(Phase::Run, format!("{name} has vanished meanwhile"));
        }
        match self.status() {
            Some(status) if status == state => Outcome::Well(format!("{name}: {done}")),
            Some(status) => self.badly(Phase::Run, format!("{name} was to be {done} and is {status}")),
            None => self.badly(Phase::Run, format!("{name} was {done}, and does not tell how it is")),
        }
    }

    fn suspend(&self) -> Outcome {
        match suspend::go_on(self.machine, self.job.host, self.replies, self.is_there) {
            Progress::Goes(steps) => Outcome::Goes(steps, suspend::waits_for(self.machine)),
            Progress::Saved(file) => Outcome::Well(format!("{}: saved to {file}", self.name())),
            Progress::Failed(problem) => Outcome::Badly(problem),
        }
    }

    fn init(&self, level: u8) -> Outcome {
        let name = self.name();
        match self.answer(INIT) {
            Some(Answer::Output(output)) if output.ok() => Outcome::Well(format!("{name}: init {level} was called")),
            Some(Answer::Output(output)) => {
                self.badly(Phase::Run, outputs::complaint(&format!("init {level} in {name}"), output))
            }
            Some(Answer::Failed(why)) => self.badly(Phase::Run, format!("init {level} in {name}: {why}")),
            _ => self.badly(Phase::Run, format!("what came of init {level} in {name} is not known")),
        }
    }
}
