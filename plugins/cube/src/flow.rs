//! Work in several rounds, written as if it were done at once.
//!
//! A plugin keeps no state: after each round it is asked again, with all replies so far. A [`Flow`] goes through the work from the
//! beginning each time; what was done already it finds in the replies, and the first round that was not is what follows.
//!
//! ```text
//! fn work(flow) -> Result<(), Stop> {
//!     let first = flow.run(steps)?;       // asked: stops here with the effect; answered: goes on with the replies
//!     ...
//! ```

use crate::parse::survey::{self, Survey};
use crate::places::Places;
use crate::probes::{self, Depth};
use ctys_plugin::model::{
    Action, Answer, Batch, Command, Console, Does, Effect, Facts, Findings, Lock, Next, Output, Phase, Problem,
    Replies, Request, Round, Step,
};
use ctys_plugin::outputs::{complaint, plain};

/// How long to wait for a lock. Whoever holds it may be waiting for a cube to end by itself.
const LOCK_MS: u32 = 60_000;

/// Why work does not go on now.
#[derive(Debug)]
pub enum Stop {
    /// These steps come first.
    Round(Batch),
    /// A console ends it.
    Attach(Box<Console>),
    /// It is at its end.
    Done,
}

/// See the page.
pub struct Flow<'a> {
    /// What is asked.
    pub request: &'a Request,
    /// What is known.
    pub facts: &'a Facts,
    /// Where things are.
    pub places: Places,
    /// What has come out so far.
    pub said: Findings,
    /// Some cube has links to others.
    pub has_links: bool,
    rounds: &'a [Round],
}

impl<'a> Flow<'a> {
    /// A flow with these replies.
    pub fn new(request: &'a Request, facts: &'a Facts, replies: Option<&'a Replies>) -> Flow<'a> {
        Flow {
            request,
            facts,
            places: Places::of(request),
            said: Findings::default(),
            has_links: false,
            rounds: replies.map_or(&[], |replies| &replies.rounds),
        }
    }

    /// Goes through the work: what follows.
    pub fn next(mut self, work: impl FnOnce(&mut Flow<'a>) -> Result<(), Stop>) -> Next {
        match work(&mut self) {
            Err(Stop::Round(batch)) => Next::Then(Effect::Run(batch)),
            Err(Stop::Attach(mut console)) => {
                // A console ends the call, so what there is to complain of by then goes with it.
                let is_tool = matches!(self.request.action, Action::Tool(_));
                let told = self.said.stderr.iter().map(|line| if is_tool { line.clone() } else { untagged(line) });
                let lines: Vec<String> = told.chain(console.says.take()).collect();
                console.says = (!lines.is_empty()).then(|| lines.join("\n"));
                Next::Then(Effect::Attach(console))
            }
            Err(Stop::Done) | Ok(()) => Next::Done(self.said),
        }
    }

    /// A round of steps.
    pub fn run(&mut self, steps: Vec<Step>) -> Result<&'a Round, Stop> {
        match self.rounds.split_first() {
            Some((round, rest)) => {
                self.rounds = rest;
                Ok(round)
            }
            None => Err(Stop::Round(Batch { steps })),
        }
    }

    /// Takes the lock of a cube (in the place of the one before) and looks at it. None: there is no such cube.
    pub fn lock_and_look(&mut self, name: &str, depth: Depth) -> Result<Option<Survey>, Stop> {
        let path = self.places.cube(name);
        let survey = probes::survey_command(&self.places, &[name], depth);
        let steps = vec![lock(&path), Step::run("look", survey)];
        let round = self.run(steps)?;
        match code(answer(round, "lock")) {
            Some(0) => self.read_look(answer(round, "look")).map(Some),
            Some(2) => Ok(None),
            Some(75) => self.fail(format!("[ERROR]: container {name} is being changed by another call")),
            _ => {
                let why = said(answer(round, "lock"), "flock");
                self.fail(format!("[ERROR]: container {name} cannot be locked: {why}"))
            }
        }
    }

    /// Takes the lock of the folder of the cubes, which new names and renamings take.
    pub fn lock_folder(&mut self) -> Result<(), Stop> {
        self.lock_folder_after(Vec::new())
    }

    /// The same where the first cube is to come: the folder is made.
    pub fn make_folder_and_lock(&mut self) -> Result<(), Stop> {
        let make = Command::new("mkdir").args(["-p", "-m", "755", "--", &self.places.containers]);
        self.lock_folder_after(vec![Step::run("folder", make.as_root().changes()).go_on()])
    }

    fn lock_folder_after(&mut self, mut steps: Vec<Step>) -> Result<(), Stop> {
        steps.push(lock(&self.places.containers));
        let round = self.run(steps)?;
        match code(answer(round, "lock")) {
            Some(0) => Ok(()),
            Some(2) => {
                let folder = self.places.containers.clone();
                self.fail(format!("[ERROR]: the containers directory {folder} is not there"))
            }
            Some(75) => self.fail("[ERROR]: the containers directory is being changed by another call".into()),
            _ => {
                let why = said(answer(round, "lock"), "flock");
                self.fail(format!("[ERROR]: the containers directory cannot be locked: {why}"))
            }
        }
    }

    /// Looks at these cubes, or at all.
    pub fn look(&mut self, names: &[&str], depth: Depth) -> Result<Survey, Stop> {
        let steps = vec![Step::run("look", probes::survey_command(&self.places, names, depth))];
        let round = self.run(steps)?;
        self.read_look(answer(round, "look"))
    }

    fn read_look(&mut self, answer: &Answer) -> Result<Survey, Stop> {
        let text = match answer.ok_output() {
            Some(output) if !output.cut => plain(&output.stdout),
            _ => String::new(),
        };
        match survey::parse(&text, &self.places.containers) {
            Some(survey) if survey.uid == Some(0) => {
                self.has_links |= survey.has_links;
                Ok(survey)
            }
            Some(_) => self.fail("[ERROR]: containers can only be managed by root".into()),
            None => {
                let why = said(answer, "the look at the containers");
                self.fail(format!("[ERROR]: {why}"))
            }
        }
    }

    /// One more line of output.
    pub fn say(&mut self, line: impl Into<String>) {
        self.said.text.push(line.into());
    }

    /// One more line of complaint.
    pub fn complain(&mut self, line: impl Into<String>) {
        self.said.stderr.push(line.into());
    }

    /// The end, with this line of complaint and exit code 1. As an action of ctys it is a problem.
    pub fn fail<T>(&mut self, line: String) -> Result<T, Stop> {
        self.complain(line);
        self.said.exit = Some(1);
        Err(Stop::Done)
    }

    /// What became of a part of the work: none where it ended with a complaint, so that the rest goes on.
    pub fn kept<T>(result: Result<T, Stop>) -> Result<Option<T>, Stop> {
        match result {
            Ok(outcome) => Ok(Some(outcome)),
            Err(Stop::Done) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// A tool's complaints as problems, for the actions of ctys.
    pub fn as_action(findings: Findings, phase: Phase) -> Findings {
        let Findings { stderr, exit, mut problems, .. } = findings;
        let failed = exit.is_some_and(|code| code != 0);
        let phase = if failed { phase } else { Phase::Notice };
        // What failed is the sentence, whatever was remarked before.
        let first = stderr.iter().position(|line| failed && line.starts_with("[ERROR]")).unwrap_or(0);
        let rest = stderr.iter().enumerate().filter(|(at, _)| *at != first).map(|(_, line)| line);
        let mut lines = stderr.get(first).into_iter().chain(rest).map(|line| untagged(line));
        problems.extend(lines.next().map(|first| {
            let problem = Problem::new(phase, first);
            lines.fold(problem, |problem, line| problem.hint(line))
        }));
        Findings {
            problems,
            records: findings.records,
            text: findings.text,
            changed: findings.changed,
            ..Findings::default()
        }
    }
}

/// A line of a tool as ctys says it, without what says how bad it is.
fn untagged(line: &str) -> String {
    let line = line.trim_start_matches("[ERROR]").trim_start_matches("[WARNING]").trim_start_matches("[INFO]");
    line.trim_start_matches(':').trim().to_string()
}

fn lock(path: &str) -> Step {
    Step::does("lock", Does::Lock(Lock { path: path.into(), wait_ms: LOCK_MS, ..Lock::default() }))
}

/// The answer to a step of a round; none came when the round does not have it.
pub fn answer<'a>(round: &'a Round, name: &str) -> &'a Answer {
    static NONE: Answer = Answer::Missing(ctys_plugin::model::Missing::HostSilent);
    round.steps.iter().find(|step| step.name == name).map_or(&NONE, |step| &step.answer)
}

/// The status of a step.
pub fn code(answer: &Answer) -> Option<i32> {
    match answer {
        Answer::Output(Output { exit: ctys_plugin::model::Exit::Code(code), .. }) => Some(*code),
        _ => None,
    }
}

/// What a step that failed said.
pub fn said(answer: &Answer, what: &str) -> String {
    match answer {
        Answer::Output(output) => complaint(what, output),
        Answer::Failed(why) => why.clone(),
        _ => format!("no answer of {what} came back"),
    }
}
