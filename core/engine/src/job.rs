//! One target: ask the plugins what they want to know, ask the host once, let the plugins think, do what they say.

use crate::privilege::Gate;
use crate::questions::{LastAsked, Questions};
use crate::script::{Item, Means};
use crate::session::{self, Conversation};
use crate::{boot, lock, signal, talk, write};
use ctys_model::field::Known;
use ctys_model::manifest::Category;
use ctys_model::{
    Answer, Batch, Bytes, Console, Does, Effect, Ending, Exit, Facts, Findings, HostFacts, Missing, Next, Phase, Place,
    Probe, Problem, Reach, Replies, Request, Round, Step, StepReply, Target, Tunnel, Value, Wake,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A plugin as a job sees it: the three questions, and who it is.
pub trait Thinker: Send + Sync {
    /// The name, lower case.
    fn name(&self) -> &str;
    /// Where its rows stand within one target.
    fn category(&self) -> Category;
    /// Which facts it needs.
    fn wants(&self, request: &Request) -> Result<Arc<[Probe]>, Problem>;
    /// What is to be done.
    fn plan(&self, request: &Request, facts: &Facts) -> Result<Effect, Problem>;
    /// What follows.
    fn read(&self, request: &Request, facts: &Facts, replies: &Replies) -> Result<Next, Problem>;
}

/// The ways out of this machine that a job needs. Tests give it a made-up world.
pub trait World: Sync {
    /// Logs in on a target (or opens a shell here), for a conversation.
    fn connect(&self, target: &Target, means: &[Means], deadline: Instant) -> Result<Box<dyn Conversation>, Problem>;
    /// Sends a wake-on-LAN packet.
    fn wake(&self, wake: &Wake) -> Result<(), String>;
    /// Opens and closes a TCP connection to a host, or to the target's sshd.
    fn reach(&self, target: &Target, reach: &Reach) -> Result<(), String>;
    /// Waits. Returns early, with `false`, when the call was interrupted.
    fn pause(&self, pause: Duration) -> bool;
    /// True once the user has interrupted the call: from then on nothing is changed any more.
    fn interrupted(&self) -> bool;
    /// Seconds since 1970-01-01 UTC.
    fn now(&self) -> i64;
    /// Fresh random bytes.
    fn fresh(&self, count: usize) -> Vec<u8>;
    /// What went on, for the progress line: `connecting`, `for tst100 to power off`.
    fn progress(&self, what: &str);
}

/// What one job has to do.
pub struct Work<'a> {
    /// The request, the same for all plugins but for their settings.
    pub request: Request,
    /// The plugins, in any order.
    pub plugins: &'a [Arc<dyn Thinker>],
    /// Settings by plugin name.
    pub settings: &'a HashMap<String, std::collections::BTreeMap<String, String>>,
    /// The ways to root that `-Z` allows, in order.
    pub means: Vec<Means>,
    /// Which credentials were refused elsewhere in this call.
    pub gate: &'a Gate,
    /// What was asked of the target before.
    pub last_asked: &'a LastAsked,
    /// What becomes of steps that change something.
    pub changes: &'a Changes,
    /// For everything a collector does; for a change, for each round.
    pub total: Duration,
    /// The target was started a moment ago and may take this long until it lets us in.
    pub boot: Option<Duration>,
}

/// Whether the first steps of a plugin that change something are those that were planned.
pub type IsPlanned = dyn Fn(&str, &Batch) -> bool + Send + Sync;

/// What becomes of steps that change something.
pub enum Changes {
    /// They are run.
    Run,
    /// They are reported in [`Report::planned`], and nothing is run.
    Plan,
    /// They are refused, for this reason.
    Refuse(String),
    /// They are run when the first ones are those that were planned.
    AsPlanned(Box<IsPlanned>),
}

/// What came of one job. Rows and problems, always both.
#[derive(Debug, Default)]
pub struct Report {
    /// What each plugin found, in the order of the table.
    pub findings: Vec<(String, Findings)>,
    /// What went wrong on the way, not within a plugin's own findings.
    pub problems: Vec<Problem>,
    /// What would have been run, with [`Changes::Plan`].
    pub planned: Vec<(String, Batch)>,
    /// Steps that change something were begun, whatever came of them.
    pub begun: bool,
    /// Consoles and tunnels to be opened by the caller.
    pub consoles: Vec<(String, Console)>,
    /// Tunnels to be opened by the caller.
    pub tunnels: Vec<(String, Tunnel)>,
    /// What the host says about itself.
    pub host: Option<HostFacts>,
    /// How it was reached.
    pub carrier: Option<&'static str>,
}

/// Plans are finite: a plugin that never comes to an end is stopped after so many rounds.
const MAX_ROUNDS: usize = 1000;

/// The most that is kept of the replies to one plan, in bytes: a plugin sees all of them again in every round.
const MAX_REPLIES: usize = 64 * 1024 * 1024;

/// What the steps of a round may take together beyond their own limits: the way there and back.
const STEP_GRACE: Duration = Duration::from_secs(5);

/// Does all the work of one target.
pub fn run(work: &Work<'_>, world: &dyn World) -> Report {
    let mut job = Job {
        work,
        world,
        conversations: HashMap::new(),
        deadline: Instant::now() + work.total,
        report: Report::default(),
        refused: false,
    };
    job.run();
    let Job { conversations, mut report, .. } = job;
    if let Some(conversation) = conversations.get(&Place::Target) {
        report.host = conversation.host().cloned();
        report.carrier = Some(conversation.carrier());
    }
    drop(conversations);
    finish(&work.request.target, world.now(), &mut report);
    report
}

struct Job<'a> {
    work: &'a Work<'a>,
    world: &'a dyn World,
    conversations: HashMap<Place, Box<dyn Conversation>>,
    deadline: Instant,
    report: Report,
    refused: bool,
}

impl Job<'_> {
    fn run(&mut self) {
        let mut order: Vec<usize> = (0..self.work.plugins.len()).collect();
        order.sort_by_key(|&n| (self.work.plugins[n].category(), self.work.plugins[n].name().to_string()));

        let (mut asked, mut wanted) = (Vec::new(), Vec::new());
        for plugin in order {
            match self.work.plugins[plugin].wants(&self.request_for(plugin)) {
                Ok(probes) if probes.iter().all(Probe::only_reads) => {
                    asked.push(plugin);
                    wanted.push(probes);
                }
                Ok(_) => self.plugin_problem(
                    plugin,
                    Problem::new(Phase::Plugin, "asked for a probe that would change something; it was not run"),
                ),
                Err(problem) => self.plugin_problem(plugin, problem),
            }
        }

        let questions = self.work.last_asked.questions(&wanted);
        if let Some(patience) = self.work.boot
            && let Err(problem) = self.wait_for_target(patience)
        {
            return self.report.problems.push(problem);
        }
        let Some(mut answers) = self.gather(&questions) else { return };
        let host = self.conversations.get(&Place::Target).and_then(|c| c.host().cloned());
        for (n, plugin) in asked.into_iter().enumerate() {
            let probes = &wanted[n];
            // An answer may be large: the last one who asked has it, the others have copies.
            let mut take = |at: usize| {
                let probe = &probes[at];
                let again =
                    probes[at + 1..].contains(probe) || wanted[n + 1..].iter().any(|later| later.contains(probe));
                if again { answers.get(probe).cloned() } else { answers.remove(probe) }
            };
            let facts = Facts {
                host: host.clone(),
                now: self.world.now(),
                fresh: Bytes(self.world.fresh(64)),
                answers: (0..probes.len())
                    .map(|at| (probes[at].clone(), take(at).unwrap_or(Answer::Missing(Missing::HostSilent))))
                    .collect(),
            };
            let request = self.request_for(plugin);
            match self.work.plugins[plugin].plan(&request, &facts) {
                Ok(effect) => self.follow(plugin, &request, &facts, effect),
                Err(problem) => self.plugin_problem(plugin, problem),
            }
        }
    }

    /// The request with the plugin's own settings. Made anew where it is needed rather than kept while the host is asked.
    fn request_for(&self, plugin: usize) -> Request {
        let mut request = self.work.request.clone();
        request.settings = self.work.settings.get(self.work.plugins[plugin].name()).cloned().unwrap_or_default();
        request
    }

    /// Asks everything, each place once. None: the target could not be asked, which has been reported.
    fn gather<'q>(&mut self, questions: &'q Questions) -> Option<HashMap<&'q Probe, Answer>> {
        let mut answers = HashMap::new();
        for at in &questions.places {
            let (got, outcome) = self.ask(&at.place, &at.items, None);
            for (answer, name) in got.iter().zip(&at.names) {
                if let Some(answer) = answer {
                    self.notice_refusal(&at.place, answer, name);
                }
            }
            answers.extend(at.share_out(got));
            if let Err(problem) = outcome {
                self.report.problems.push(problem);
                // A listing shows what it got, also when another place than the target was silent; a change is never
                // planned on half of the facts.
                let nothing = self.conversations.get(&at.place).and_then(|c| c.host()).is_none();
                if (nothing && at.place == Place::Target) || self.work.request.action.verb().changes() {
                    return None;
                }
            }
        }
        Some(answers)
    }

    /// Waits until the target lets us in.
    fn wait_for_target(&mut self, patience: Duration) -> Result<(), Problem> {
        let world = self.world;
        let login = |until| {
            self.deadline = until;
            self.open_while(&Place::Target, boot::WORD)
        };
        boot::wait(patience, login, |pause| world.pause(pause))?;
        // The clock of the work begins now.
        self.deadline = Instant::now() + self.work.total;
        Ok(())
    }

    /// Sees to it that there is a conversation with this place.
    fn open(&mut self, place: &Place) -> Result<(), Problem> {
        self.open_while(place, "connecting")
    }

    fn open_while(&mut self, place: &Place, progress: &str) -> Result<(), Problem> {
        if self.conversations.contains_key(place) {
            return Ok(());
        }
        let target = match place {
            Place::Target => self.work.request.target.clone(),
            Place::Caller => Target { host: "localhost".into(), local: true, ..Target::default() },
            Place::Host(name) => target_named(name),
        };
        self.world.progress(progress);
        // `-Z` was given for the target, for no other machine (ctys.md 8.2).
        let means = if *place == Place::Target { self.work.gate.open(&self.work.means) } else { Vec::new() };
        let conversation = self.world.connect(&target, &means, self.deadline).map_err(|mut problem| {
            if let Place::Host(name) = place {
                problem.message = format!("at {}: {}", ctys_model::bytes::escape_for_eyes(name), problem.message);
            }
            problem
        })?;
        self.conversations.insert(place.clone(), conversation);
        self.world.progress("asking");
        Ok(())
    }

    fn ask(
        &mut self,
        place: &Place,
        items: &[Item],
        chain: Option<&[bool]>,
    ) -> (Vec<Option<Answer>>, Result<(), Problem>) {
        if let Err(problem) = self.open(place) {
            return (vec![None; items.len()], Err(problem));
        }
        let conversation = self.conversations.get_mut(place).expect("it was just opened");
        conversation.set_deadline(self.deadline);
        conversation.round(items, chain)
    }

    /// Carries out an effect and whatever follows from it, until the plugin is done.
    fn follow(&mut self, plugin: usize, request: &Request, facts: &Facts, first: Effect) {
        let thinker = self.work.plugins[plugin].clone();
        let start = Instant::now();
        let mut replies = Replies::default();
        let mut held = 0;
        let mut begun = false;
        let mut effect = first;
        for _ in 0..MAX_ROUNDS {
            let batch = match effect {
                Effect::Report(findings) => return self.found(plugin, findings),
                Effect::Attach(console) => {
                    return self.report.consoles.push((thinker.name().to_string(), *console));
                }
                Effect::Open(tunnel) => return self.report.tunnels.push((thinker.name().to_string(), tunnel)),
                Effect::Run(batch) => batch,
            };
            let changes = batch.steps.iter().any(|step| step.does.changes());
            if changes && !self.work.request.action.verb().changes() {
                let problem = Problem::new(Phase::Plugin, "wanted to change something in a listing; it was not run");
                return self.plugin_problem(plugin, problem);
            }
            if changes {
                match self.work.changes {
                    Changes::Plan => return self.report.planned.push((thinker.name().to_string(), batch)),
                    Changes::Refuse(why) => {
                        let problem = Problem::new(Phase::Refused, format!("nothing was done: {why}"));
                        return self.plugin_problem(plugin, problem);
                    }
                    Changes::AsPlanned(is_planned) if !begun && !is_planned(thinker.name(), &batch) => {
                        let message = "nothing was done: what would be run is not what was planned";
                        return self.plugin_problem(plugin, Problem::new(Phase::Refused, message));
                    }
                    Changes::Run | Changes::AsPlanned(_) => begun = true,
                }
            }
            if changes && self.world.interrupted() {
                return self.plugin_problem(plugin, interrupted(&batch.steps));
            }
            if self.work.request.action.verb().changes() {
                // A change takes as long as its steps may; the clock is there for each of its rounds.
                let steps: Duration = batch.steps.iter().map(|step| step_limit(step, &self.work.means)).sum();
                self.deadline = Instant::now() + self.work.total.max(steps + STEP_GRACE);
            }
            self.report.begun |= changes;
            let started_ms = start.elapsed().as_millis() as u64;
            let steps = match self.carry_out(&batch) {
                Ok(steps) => steps,
                Err(problem) => return self.plugin_problem(plugin, problem),
            };
            held += steps.iter().map(size_of).sum::<usize>();
            if held > MAX_REPLIES {
                let message = format!("gave more than {} MiB of answers to one plan", MAX_REPLIES >> 20);
                return self.plugin_problem(plugin, Problem::new(Phase::Run, message));
            }
            replies.rounds.push(Round { started_ms, steps });
            let next = match thinker.read(request, facts, &replies) {
                Ok(next) => next,
                Err(problem) => return self.plugin_problem(plugin, problem),
            };
            effect = match next {
                Next::Done(findings) => return self.found(plugin, findings),
                Next::Then(effect) => effect,
                Next::Later { delay_ms, effect, why } => {
                    self.world.progress(&why);
                    if !self.world.pause(Duration::from_millis(u64::from(delay_ms))) {
                        let problem = Problem::new(Phase::Interrupted, format!("interrupted while waiting {why}"));
                        return self.plugin_problem(plugin, problem);
                    }
                    effect
                }
            };
        }
        self.plugin_problem(plugin, Problem::new(Phase::Plugin, format!("not finished after {MAX_ROUNDS} rounds")));
    }

    /// Runs the steps in order. Neighbours at one place share a round trip. The error: an interrupt came, and what is left
    /// of the steps would change something. The plugin is not asked about it, since "not run" may mean success to it (a
    /// host that was told to power off).
    fn carry_out(&mut self, batch: &Batch) -> Result<Vec<StepReply>, Problem> {
        let mut replies: Vec<StepReply> = Vec::new();
        let mut at = 0;
        let mut stopped = false;
        while at < batch.steps.len() {
            let step = &batch.steps[at];
            if stopped {
                replies.push(reply(step, not_run("an earlier step failed")));
                at += 1;
                continue;
            }
            if step.does.changes() && self.world.interrupted() {
                return Err(interrupted(&batch.steps[at..]));
            }
            match &step.does {
                Does::Run { .. } | Does::Talk(_) | Does::Write(_) | Does::Signal(_) | Does::Look(_) | Does::Lock(_) => {
                    let place = step.does.place().clone();
                    let count = batch.steps[at..]
                        .iter()
                        .take_while(|step| step_item(step).is_some() && *step.does.place() == place)
                        .count();
                    let group = &batch.steps[at..at + count];
                    // A login takes its time, in which an interrupt may come. One that fails is told of by the group.
                    let opened = self.open(&place);
                    if opened.is_ok() && group.iter().any(|step| step.does.changes()) && self.world.interrupted() {
                        return Err(interrupted(&batch.steps[at..]));
                    }
                    stopped = self.run_group(&place, opened, group, &mut replies);
                    at += count;
                }
                Does::Wake(wake) => {
                    let answer = self.world.wake(wake).map_or_else(Answer::Failed, |()| Answer::Done);
                    stopped = answer != Answer::Done && !step.go_on;
                    replies.push(reply(step, answer));
                    at += 1;
                }
                Does::Reach(reach) => {
                    let answer = self.world.reach(&self.work.request.target, reach);
                    let answer = answer.map_or_else(Answer::Failed, |()| Answer::Done);
                    stopped = answer != Answer::Done && !step.go_on;
                    replies.push(reply(step, answer));
                    at += 1;
                }
            }
        }
        Ok(replies)
    }

    fn run_group(
        &mut self,
        place: &Place,
        opened: Result<(), Problem>,
        group: &[Step],
        replies: &mut Vec<StepReply>,
    ) -> bool {
        let items: Vec<Item> = group.iter().filter_map(step_item).collect();
        let go_on: Vec<bool> = group.iter().map(|step| step.go_on).collect();
        let (answers, outcome) = match opened {
            Ok(()) => self.ask(place, &items, Some(&go_on)),
            Err(problem) => (vec![None; items.len()], Err(problem)),
        };
        let mut stopped = false;
        let why = outcome.as_ref().err().map(|problem| problem.message.clone());
        for (step, answer) in group.iter().zip(answers) {
            let answer = answer.unwrap_or_else(|| not_run(why.as_deref().unwrap_or("the host fell silent")));
            self.notice_refusal(place, &answer, &step.name);
            let answer = match (&step.does, answer) {
                (Does::Talk(_), Answer::Output(output)) => talk::read(output),
                (_, answer) => answer,
            };
            let failed = match &answer {
                Answer::Output(output) => !output.ok(),
                Answer::Processes(_) => false,
                // Whatever was said: whether it is what the plugin hoped for, it alone can read.
                Answer::Talked(heard) => heard.iter().any(|heard| heard.end != Ending::Answered) || heard.is_empty(),
                _ => true,
            };
            stopped |= failed && !step.go_on;
            replies.push(reply(step, answer));
        }
        if let Err(problem) = outcome {
            if !self.conversations.contains_key(place) {
                // Never reached: that is a phase of its own, whatever the plugin makes of the missing answer.
                self.report.problems.push(problem);
                return true;
            }
            // The connection is gone; the plugin decides from the replies whether that was to be expected (a host that
            // was told to power off). A later step would need a new login.
            self.conversations.remove(place);
            return true;
        }
        stopped
    }

    /// A refused privilege is a phase of its own, reported once per host and remembered for the others.
    fn notice_refusal(&mut self, place: &Place, answer: &Answer, what: &str) {
        let Answer::Output(output) = answer else { return };
        let Exit::Refused(why) = &output.exit else { return };
        // Elsewhere than on the target `-Z` was not tried, so a refusal there says nothing about it.
        if *place == Place::Target {
            self.work.gate.refused(&self.work.means, why);
        }
        if !self.refused {
            self.refused = true;
            let mut problem =
                Problem::new(Phase::Privilege, format!("raising the privilege was refused: {why}")).step(what);
            if self.work.means.is_empty() {
                problem = problem.hint("-Z SUDO, -Z KSU or -Z DOAS says how to become root there");
            }
            self.report.problems.push(problem);
        }
    }

    fn found(&mut self, plugin: usize, findings: Findings) {
        self.report.findings.push((self.work.plugins[plugin].name().to_string(), findings));
    }

    fn plugin_problem(&mut self, plugin: usize, mut problem: Problem) {
        problem.plugin = Some(self.work.plugins[plugin].name().to_string());
        self.report.problems.push(problem);
    }
}

/// Fills in what only the engine knows: the target, the plugin of a problem, which name the machine is shown by.
fn finish(target: &Target, now: i64, report: &mut Report) {
    let typed = target.to_string();
    for problem in &mut report.problems {
        problem.target.get_or_insert_with(|| typed.clone());
    }
    let node = report.host.as_ref().map(|host| host.node.as_str());
    let machine = node.map_or_else(|| target.host.clone(), |node| shown_name(target, node));
    for (plugin, findings) in &mut report.findings {
        for problem in &mut findings.problems {
            problem.target.get_or_insert_with(|| typed.clone());
            problem.plugin.get_or_insert_with(|| plugin.clone());
        }
        for record in &mut findings.records {
            if let Some(node) = node {
                record.set(Known::Node, Value::text(node));
            }
            record.set(Known::Pm, Value::text(machine.clone()));
            record.set(Known::Target, Value::text(typed.clone()));
            record.set(Known::Source, "live");
            record.set(Known::Observed, Value::Time(now));
        }
    }
}

/// The name a machine is shown by: what it calls itself when that is the name that was typed (with or without its
/// domain) or when it is this machine; otherwise what was typed. So an alias or an address is found again in the table,
/// and 127.0.0.5 and 127.0.0.6 are two rows although both call themselves the same.
pub fn shown_name(target: &Target, node: &str) -> String {
    let first = |name: &str| name.split('.').next().unwrap_or("").to_ascii_lowercase();
    let is_address = target.host.parse::<std::net::IpAddr>().is_ok();
    let same = !is_address && first(&target.host) == first(node);
    // Of `lab00` and `lab00.soho` the one with the domain says more.
    match (target.local || same, node.contains('.') || !target.host.contains('.') || target.local) {
        (true, true) => node.to_string(),
        _ => target.host.clone(),
    }
}

/// What a shell does for a step; none for steps that start at the caller.
fn step_item(step: &Step) -> Option<Item> {
    match &step.does {
        Does::Run { tries } => Some(Item::Run(tries.clone())),
        Does::Talk(talk) => Some(Item::Run(talk::tries(talk))),
        Does::Write(file) => Some(Item::Run(vec![write::command(file)])),
        Does::Signal(signal) => Some(Item::Run(vec![signal::command(signal)])),
        Does::Look(table) => Some(Item::Processes(table.clone())),
        Does::Lock(lock) => Some(Item::Lock(lock.clone())),
        Does::Wake(_) | Does::Reach(_) => None,
    }
}

/// How long a step may take.
fn step_limit(step: &Step, means: &[Means]) -> Duration {
    match &step.does {
        Does::Run { tries } => session::limit_of_tries(tries, means),
        Does::Talk(talk) => session::limit_of_tries(&talk::tries(talk), means),
        Does::Write(_) | Does::Signal(_) | Does::Look(_) => session::COMMAND_LIMIT,
        Does::Lock(lock) => lock::patience(lock),
        Does::Wake(_) => Duration::ZERO,
        Does::Reach(reach) => Duration::from_millis(u64::from(reach.limit_ms)),
    }
}

/// What a reply takes in memory, in bytes.
fn size_of(reply: &StepReply) -> usize {
    match &reply.answer {
        Answer::Output(output) => output.stdout.0.len() + output.stderr.0.len(),
        Answer::Talked(heard) => heard.iter().map(|heard| heard.text.0.len()).sum(),
        _ => 0,
    }
}

fn interrupted(left: &[Step]) -> Problem {
    let names: Vec<&str> = left.iter().map(|step| step.name.as_str()).collect();
    Problem::new(Phase::Interrupted, format!("interrupted; nothing was run of: {}", names.join(", ")))
}

fn reply(step: &Step, answer: Answer) -> StepReply {
    StepReply { name: step.name.clone(), answer }
}

fn not_run(why: &str) -> Answer {
    Answer::Output(ctys_model::Output::ended(Exit::NotRun(why.to_string())))
}

/// A host named by a plugin, as targets are written: `[user@]host[:port]`.
pub(crate) fn target_named(name: &str) -> Target {
    let (user, rest) = match name.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_string()), rest),
        None => (None, name),
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains(':') => (host, port.parse().ok()),
        _ => (rest, None),
    };
    Target { host: host.to_string(), user, port, local: host == "localhost" && port.is_none() }
}
