//! CREATE: start a machine, continue one, attach to one (ctys.md 2.1 and 5.1).
//!
//! ```text
//!          does not run ──► start ──────────────────────────────────┐
//!          saved ──► find ──► start with its state ──► continue ────┤
//!  plan ─►                                                          ├─► (wait) ─► (ping, sshping) ─► console, or a report
//!          paused, RESUME ──► continue ─────────────────────────────┤
//!          runs, CONNECT or REUSE ──────────────────────────────────┤
//!          runs, RECONNECT ──► end clients ─────────────────────────┘
//! ```
//!
//! A machine is a process in the background that outlives the call and its connection; a console is only a view of it.
//! The same round that starts it looks whether it is there and asks it how it is: what ended at once is named, with what
//! QEMU itself complained.

use super::{consoles, patience_ms, run, start, step, tell, times, went_well};
use crate::conf::{Body, Machine};
use crate::folders::{self, Folders};
use crate::host::{self, Running};
use crate::parse::qmp::{self, Said};
use crate::resolve::{self, Subject};
use crate::{owner, probes};
use ctys_plugin::machines::{self, Configured, words};
use ctys_plugin::model::{
    Answer, Command, ConsoleKind, Create, CreateMode, Does, Effect, Facts, Findings, HostFacts, Location, Missing,
    Next, Phase, Probe, Problem, Replies, Request, Step,
};
use ctys_plugin::{outputs, polls};

const FOLDERS: &str = "make the folders";
const OUTDATE: &str = "put an old state aside";
const START: &str = "start";
/// The steps that tell what became of it.
pub(super) const LOOK: &str = "look";
const ASK: &str = "ask";
const FIND: &str = "find the state file";
const TAKE: &str = "take the state file";
const REMOVE: &str = "remove the state file";
const COMPLAINT: &str = "read what QEMU complained";
const BACK: &str = "put the state file back";
const CONTINUE: &str = "continue";

/// A saved memory is read from a disk: so many looks at a machine that does so.
const LOADING: usize = 900;
/// Looks at a machine that does not answer yet.
const PATIENCE: usize = 20;

/// What is to be done, understood from request and facts; the same in every call, since nothing else is kept.
struct Job<'a> {
    request: &'a Request,
    create: &'a Create,
    facts: &'a Facts,
    host: &'a HostFacts,
    mode: Option<CreateMode>,
    machine: Option<Machine>,
    copies: Vec<Machine>,
    running: Option<Running>,
    console: Option<ConsoleKind>,
}

/// What runs, and the files unless only a running machine is wanted.
pub fn wants(request: &Request, create: &Create) -> Vec<Probe> {
    if refuse(create).is_some() || consoles::choose(request, create).is_err() {
        return Vec::new();
    }
    let mut probes = resolve::price(request, &create.address, starts(request, create));
    if create.mode == Some(CreateMode::Reconnect) && !probes.is_empty() {
        probes.push(probes::carriers());
    }
    probes
}

/// The first step.
pub fn plan(request: &Request, create: &Create, facts: &Facts) -> Effect {
    let job = Job::understand(request, create, facts);
    job.and_then(|job| job.begin()).unwrap_or_else(|problem| Effect::Report(Findings::problem(problem)))
}

/// What follows from the last round.
pub fn read(request: &Request, create: &Create, facts: &Facts, replies: &Replies) -> Next {
    let job = Job::understand(request, create, facts);
    job.and_then(|job| job.go_on(replies)).unwrap_or_else(|problem| {
        let changed = [START, CONTINUE].iter().any(|name| replies.last(name).is_some_and(did_something));
        Next::Done(Findings { changed, ..Findings::problem(problem) })
    })
}

fn did_something(answer: &Answer) -> bool {
    matches!(answer, Answer::Talked(_)) || answer.ok_output().is_some()
}

/// Whether the call may start anything.
fn starts(request: &Request, create: &Create) -> bool {
    create.mode != Some(CreateMode::Connect) && request.location != Location::ClientOnly
}

fn problem(message: impl Into<String>) -> Problem {
    Problem::new(Phase::Run, message)
}

/// Suboptions that every plugin is offered and a QEMU machine cannot honour: refused, not dropped.
fn refuse(create: &Create) -> Option<Problem> {
    let refused = [
        ("USER", create.user.is_some(), "the console asks for the account"),
        ("XOPTS", !create.x_opts.is_empty(), "its viewers are started by ctys"),
        ("CHDIR", create.chdir.is_some(), "a machine starts in the folder of its configuration"),
        ("SHELL", create.shell.is_some(), "CALLOPTS passes arguments to QEMU"),
        ("CMD", !create.cmd.is_empty(), "CALLOPTS passes arguments to QEMU"),
        ("STUBMODE", create.stub_mode, "it is for plain logins"),
        ("VNCDESKIDLIST", !create.vnc_desk_ids.is_empty(), "-vnc in the configuration fixes the display"),
    ];
    let (key, _, hint) = refused.into_iter().find(|(_, given, _)| *given)?;
    Some(Problem::new(Phase::Usage, format!("{key} means nothing to a QEMU machine")).hint(hint))
}

impl<'a> Job<'a> {
    fn understand(request: &'a Request, create: &'a Create, facts: &'a Facts) -> Result<Job<'a>, Problem> {
        if let Some(problem) = refuse(create) {
            return Err(problem);
        }
        let console = consoles::choose(request, create)?;
        let Subject { machine, copies, running } =
            resolve::resolve(request, &create.address, facts, starts(request, create))?;
        let mode = if starts(request, create) { create.mode.clone() } else { Some(CreateMode::Connect) };
        let host = facts.host.as_ref().ok_or_else(|| problem("the host did not say who it is"))?;
        Ok(Job { request, create, facts, host, mode, machine, copies, running, console })
    }

    fn begin(&self) -> Result<Effect, Problem> {
        match (&self.running, &self.mode) {
            (Some(running), _) => self.there(running),
            (None, Some(CreateMode::Connect)) => {
                let words = words(&self.create.address);
                Err(problem(format!("cannot CONNECT: no running machine has {words}"))
                    .hint("REUSE starts it where it does not run"))
            }
            (None, Some(CreateMode::Resume(file))) => self.resume(file.as_deref()),
            (None, None | Some(CreateMode::Reuse | CreateMode::Reconnect)) => {
                let outdate = self.rename(OUTDATE, Folders::saved, Folders::saved_outdated)?;
                self.start(vec![outdate.go_on()], None)
            }
        }
    }

    /// The machine runs.
    fn there(&self, running: &Running) -> Result<Effect, Problem> {
        let title = running.title();
        let pid = running.process.pid;
        let attach = "REUSE or CONNECT attaches to it";
        match &self.mode {
            None => {
                let from = self.machine.as_ref().map_or(String::new(), |m| format!(", ID={}", m.shown_path()));
                Err(problem(format!("{title} runs already as process {pid}{from}")).hint(attach))
            }
            Some(CreateMode::Resume(_)) => {
                if let Some(foreign) = running.foreign() {
                    let tool = running.owner.and_then(owner::tool);
                    return Err(Problem {
                        hints: vec![
                            tool.map_or("its own QMP socket takes a cont".into(), |tool| {
                                format!("{tool} continues it")
                            }),
                        ],
                        ..foreign
                    });
                }
                match (running.status(), &running.said) {
                    (Some("running"), _) => {
                        let message = format!("{title} runs as process {pid}, there is nothing to resume");
                        Err(problem(message).hint(attach))
                    }
                    (Some(_), _) => self.continue_it(running),
                    (None, said) => Err(problem(format!("whether {title} is paused is not known: {}", unknown(said)))),
                }
            }
            Some(CreateMode::Connect | CreateMode::Reuse) => self.open(running),
            Some(CreateMode::Reconnect) => {
                let steps = self.end_clients(running);
                if steps.is_empty() { self.open(running) } else { Ok(run(steps)) }
            }
        }
    }

    fn end_clients(&self, running: &Running) -> Vec<Step> {
        super::ending::clients(self.facts, self.host, running)
    }

    /// The console of a machine that runs.
    fn open(&self, running: &Running) -> Result<Effect, Problem> {
        let title = running.title();
        match self.console {
            Some(ConsoleKind::Vnc) => match (running.line.vnc_elsewhere(), running.vnc_port()) {
                // Through the loopback somebody else's screen may be there, at the same port.
                (Some(address), _) => Err(problem(format!("the VNC server of {title} listens at {address} only"))
                    .hint("-vnc 127.0.0.1:DISPLAY in its configuration lets a viewer in through ssh")
                    .hint("CONSOLE:CLI attaches to its serial line")),
                (None, Some(port)) => consoles::attach(ConsoleKind::Vnc, running, self.host, Some(port)),
                (None, None) => Err(running
                    .unasked_port()
                    .unwrap_or_else(|| problem(format!("{title} runs and has no VNC server at a port")))
                    .hint("CONSOLE:CLI attaches to its serial line")),
            },
            // QEMU opened the window when it was started; there is nothing more to open.
            Some(ConsoleKind::Sdl) => Ok(Effect::Report(self.told(running))),
            Some(kind) => consoles::attach(kind, running, self.host, None),
            None => Ok(Effect::Report(self.told(running))),
        }
    }

    fn told(&self, running: &Running) -> Findings {
        let status = running.status().unwrap_or("there");
        let text = vec![format!("{} is {status} as process {}", running.title(), running.process.pid)];
        Findings { text, ..Findings::default() }
    }

    /// The one file to start from.
    fn file(&self) -> Result<&Machine, Problem> {
        match (&self.machine, &self.copies[..]) {
            (Some(machine), _) => Ok(machine),
            (None, []) => Err(resolve::nothing_fits(&self.create.address, self.facts)),
            (None, copies) => Err(machines::ambiguous_files(copies)),
        }
    }

    fn folders(&self) -> Result<Folders, Problem> {
        match &self.running {
            Some(Running { own: Some((folders, _)), .. }) => Ok(folders.clone()),
            _ => folders::of(self.request, self.host, &self.file()?.key()),
        }
    }

    fn rename(&self, name: &str, from: fn(&Folders) -> String, to: fn(&Folders) -> String) -> Result<Step, Problem> {
        let folders = self.folders()?;
        let rename = Command::new("mv").args(["-f", &from(&folders), &to(&folders)]).changes();
        Ok(Step::run(name, rename))
    }

    /// Starts it, after these steps, from this state.
    fn start(&self, before: Vec<Step>, state: Option<&str>) -> Result<Effect, Problem> {
        let machine = self.file()?;
        let folders = self.folders()?;
        self.due()?;
        let command = start::command(self.request, self.create, self.host, machine, &folders, self.console, state)?;
        let make = Command::new("install").args(["-d", "-m", "700", &folders.run, &folders.state]).changes();
        let mut steps = vec![Step::run(FOLDERS, make)];
        steps.extend(before);
        steps.push(Step::run(START, command));
        steps.extend(self.look(&folders));
        Ok(run(steps))
    }

    fn look(&self, folders: &Folders) -> [Step; 2] {
        let needs_root = self.running.as_ref().is_some_and(|running| running.needs_root(self.host));
        [
            Step::does(LOOK, Does::Look(probes::table())).go_on(),
            Step::does(ASK, Does::Talk(probes::ask([folders.qmp()], needs_root))).go_on(),
        ]
    }

    fn continue_it(&self, running: &Running) -> Result<Effect, Problem> {
        let folders = self.folders()?;
        // A guest that went to sleep by itself is woken, any other goes on.
        let verb = if running.status() == Some("suspended") { "system_wakeup" } else { "cont" };
        let needs_root = running.needs_root(self.host);
        let mut steps = vec![tell(CONTINUE, &folders.qmp(), needs_root, [qmp::command(verb)])];
        steps.extend(self.look(&folders));
        Ok(run(steps))
    }

    fn resume(&self, file: Option<&str>) -> Result<Effect, Problem> {
        self.due()?;
        if let Some(file) = file {
            let file = match file.starts_with('/') {
                true => file.to_string(),
                // A relative path is below the home of the account.
                false => format!("{}/{file}", self.host.home.to_text().trim_end_matches('/')),
            };
            return self.start(Vec::new(), Some(&file));
        }
        let folders = self.folders()?;
        let find = Command::new("ls").args(["-d", &folders.saved(), &folders.saved_in_use()]);
        Ok(run(vec![Step::run(FIND, find).go_on()]))
    }

    fn go_on(&self, replies: &Replies) -> Result<Next, Problem> {
        let answer = |name: &str| step(replies, name);
        if answer(FIND).is_some() {
            return self.restore(replies);
        }
        if let Some(back) = answer(BACK) {
            let problem = self.not_restored(replies);
            return Err(match went_well(Some(back)) {
                true => problem,
                false => problem.hint(not_put_back(back)),
            });
        }
        if let Some(failed) = [FOLDERS, TAKE].into_iter().find(|name| answer(name).is_some_and(|a| !went_well(Some(a))))
        {
            return Err(self.failed(failed, answer(failed)));
        }
        if let Some(started) = answer(START)
            && !went_well(Some(started))
        {
            // The state file gets its name back, since nothing came of it.
            return match () {
                _ if went_well(answer(TAKE)) => {
                    let back = self.rename(BACK, Folders::saved_in_use, Folders::saved)?;
                    Ok(Next::Then(run(vec![back])))
                }
                _ if went_well(answer(OUTDATE)) => {
                    let back = self.rename(BACK, Folders::saved_outdated, Folders::saved)?;
                    Ok(Next::Then(run(vec![back])))
                }
                _ => Err(self.failed(START, Some(started))),
            };
        }
        let ends_clients = |step: &ctys_plugin::model::StepReply| step.name.starts_with(super::ending::CLIENTS);
        if replies.rounds.last().is_some_and(|round| round.steps.iter().any(ends_clients)) {
            let Some(running) = &self.running else { return Err(problem("the machine has vanished meanwhile")) };
            return Ok(effect_or_end(self.open(running)?));
        }
        self.up(replies)
    }

    /// A state file was looked for.
    fn restore(&self, replies: &Replies) -> Result<Next, Problem> {
        let name = self.file()?.name();
        let folders = self.folders()?;
        let listed = match replies.last(FIND) {
            Some(Answer::Output(output)) => outputs::plain(&output.stdout),
            _ => String::new(),
        };
        let has = |path: &str| listed.lines().any(|line| line == path);
        let in_use = folders.saved_in_use();
        if !has(&folders.saved()) {
            let message = format!("{name} does not run, and {} is not there to resume it", folders.saved());
            let mut problem =
                problem(message).hint("without RESUME it is started").hint("RESUME:<file> takes another state file");
            if has(&in_use) {
                problem = problem
                    .hint(format!("a resume was cut short: if {name} has not run since, RESUME:{in_use} completes it"));
            }
            return Err(problem);
        }
        let take = self.rename(TAKE, Folders::saved, Folders::saved_in_use)?;
        Ok(Next::Then(self.start(vec![take], Some(&in_use))?))
    }

    /// The machine was started, or was there before.
    fn up(&self, replies: &Replies) -> Result<Next, Problem> {
        let folders = self.folders()?;
        let started = times(replies, START) > 0;
        let resumed = started && matches!(self.mode, Some(CreateMode::Resume(_)));
        let running = self.found(replies, &folders)?;
        let Some(running) = running else { return self.gone(replies, &folders) };
        let title = running.title().into_owned();
        let looks = times(replies, LOOK);
        let look_again = |why: String| {
            let effect = run(self.look(&folders).to_vec());
            Ok(Next::Later { delay_ms: patience_ms(replies), effect, why })
        };
        match (running.status(), &running.said) {
            (Some("inmigrate" | "restore-vm"), _) if looks < LOADING => {
                return look_again(format!("for the memory of {title} to be read"));
            }
            (Some(_), _) => {}
            (None, _) if looks < PATIENCE => return look_again(format!("for {title} to answer")),
            (None, said) => {
                return Err(problem(format!("{title} runs as process {}, and {}", running.process.pid, unknown(said))));
            }
        }
        let status = running.status().unwrap_or_default().to_string();
        if resumed && status != "running" {
            return match times(replies, CONTINUE) {
                0 => Ok(Next::Then(self.continue_it(&running)?)),
                _ => Err(self.not_continued(replies, &title, &status)),
            };
        }
        if times(replies, CONTINUE) > 0 && status != "running" {
            return Err(self.not_continued(replies, &title, &status));
        }
        // What was read once is older than the disks from now on; so is what was saved before it was continued in place.
        if (times(replies, TAKE) > 0 || !started && times(replies, CONTINUE) > 0) && times(replies, REMOVE) == 0 {
            let file = if started { folders.saved_in_use() } else { folders.saved() };
            let remove = Command::new("rm").args(["-f", &file]).changes();
            let mut steps = vec![Step::run(REMOVE, remove).go_on()];
            steps.extend(self.look(&folders));
            return Ok(Next::Then(run(steps)));
        }
        if started && let Some(next) = self.wait(&running, &folders, replies)? {
            return Ok(next);
        }
        match self.console {
            Some(kind) if kind != ConsoleKind::Sdl => Ok(effect_or_end(self.open(&running)?)),
            _ => Ok(Next::Done(self.report(&running, replies)?)),
        }
    }

    /// The machine, as the last look found it.
    fn found(&self, replies: &Replies, folders: &Folders) -> Result<Option<Running>, Problem> {
        let missing = Answer::Missing(Missing::NotAsked);
        let looked = replies.last(LOOK).ok_or_else(|| Problem::new(Phase::Plugin, "no reply came to CREATE"))?;
        let all = host::list(self.request, self.host, looked, replies.last(ASK).unwrap_or(&missing))?;
        let is_it = |machine: &&Running| match (&self.running, &machine.own) {
            (Some(before), _) => {
                machine.process.pid == before.process.pid && machine.process.start == before.process.start
            }
            (None, Some((own, _))) => own.run == folders.run,
            (None, None) => false,
        };
        Ok(all.iter().find(is_it).cloned())
    }

    /// It was there, or should have come, and is not.
    fn gone(&self, replies: &Replies, folders: &Folders) -> Result<Next, Problem> {
        if let Some(before) = &self.running {
            return Err(problem(format!("{} has vanished meanwhile", before.title())));
        }
        let machine = self.file()?;
        if times(replies, COMPLAINT) == 0 {
            let complaint = Command::new("tail").args(["-c", "4096", &folders.qemu_log()]);
            let mut steps = vec![Step::run(COMPLAINT, complaint).go_on()];
            if times(replies, TAKE) > 0 {
                steps.push(self.rename(BACK, Folders::saved_in_use, Folders::saved)?.go_on());
            }
            steps.extend(self.look(folders));
            return Ok(Next::Then(run(steps)));
        }
        Err(self.vanished(machine, replies))
    }

    fn vanished(&self, machine: &Machine, replies: &Replies) -> Problem {
        let name = machine.name();
        let said: Vec<String> = match replies.last(COMPLAINT) {
            Some(Answer::Output(output)) => outputs::plain(&output.stdout).lines().map(str::to_string).collect(),
            _ => Vec::new(),
        };
        let said: Vec<String> = said.into_iter().filter(|line| !line.trim().is_empty()).collect();
        let why = said.last().map_or(String::new(), |line| format!(": {}", line.trim()));
        let mut problem = problem(format!("{name} was started and is gone again{why}"));
        if machine.body == Body::Script {
            problem =
                problem.hint("a program that starts a machine passes its arguments on: exec qemu-system-... \"$@\"");
        }
        for line in said.iter().rev().skip(1).take(8) {
            problem = problem.hint(format!("it also said: {}", line.trim()));
        }
        problem
    }

    fn not_restored(&self, replies: &Replies) -> Problem {
        match (replies.last(COMPLAINT), self.file()) {
            (Some(_), Ok(machine)) => self.vanished(machine, replies),
            _ => self.failed(START, replies.last(START)),
        }
    }

    fn not_continued(&self, replies: &Replies, title: &str, status: &str) -> Problem {
        let said = qmp::of_answer(replies.last(CONTINUE));
        let why = match &said {
            Ok(said) => said.refusal("cont").or_else(|| said.refusal("system_wakeup")),
            Err(_) => Some(unknown(&said)),
        };
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        problem(format!("{title} was told to continue and is {status}{why}"))
    }

    fn due(&self) -> Result<(Option<polls::Guest>, Vec<polls::Due>), Problem> {
        let machine = self.file()?;
        let guest = polls::guest(self.create, &machine.interfaces(), machine.magic("SSHPORT"));
        let due = polls::due(self.create, self.console.is_some(), guest.as_ref())?;
        Ok((guest, due))
    }

    /// What is waited for after a start; nothing when all is over.
    fn wait(&self, running: &Running, folders: &Folders, replies: &Replies) -> Result<Option<Next>, Problem> {
        let title = running.title();
        let (guest, due) = self.due()?;
        let polled: usize = due.iter().map(|due| times(replies, due.name)).sum();
        if let Some(seconds) = self.create.wait_server.filter(|seconds| *seconds > 0)
            && polled == 0
            && times(replies, SETTLE) == 0
        {
            let mut steps = vec![Step::does(SETTLE, Does::Look(probes::table())).go_on()];
            steps.extend(self.look(folders));
            let why = format!("for {title} to settle");
            return Ok(Some(Next::Later { delay_ms: seconds.saturating_mul(1000), effect: run(steps), why }));
        }
        let Some(guest) = guest else { return Ok(None) };
        for due in due {
            let tried = times(replies, due.name);
            if tried > 0 && polls::answers(replies.last(due.name)) {
                continue;
            }
            if tried >= due.tries as usize {
                if due.asked {
                    return Err(due.failed(&title, &guest));
                }
                continue;
            }
            let mut steps = vec![due.step(&guest)];
            steps.extend(self.look(folders));
            let effect = run(steps);
            let why = format!("for {title} to answer at {}", guest.address);
            return Ok(Some(match tried {
                0 => Next::Then(effect),
                _ if due.every == 0 => Next::Then(effect),
                _ => Next::Later { delay_ms: due.every.saturating_mul(1000), effect, why },
            }));
        }
        Ok(None)
    }

    fn report(&self, running: &Running, replies: &Replies) -> Result<Findings, Problem> {
        let title = running.title();
        let pid = running.process.pid;
        let started = times(replies, START) > 0;
        let (changed, text) = match () {
            _ if started && matches!(self.mode, Some(CreateMode::Resume(_))) => {
                (true, format!("{title} resumed as process {pid}"))
            }
            _ if started => (true, format!("{title} started as process {pid} from {}", self.file()?.shown_path())),
            _ if times(replies, CONTINUE) > 0 => (true, format!("{title} continues as process {pid}")),
            _ => (false, format!("{title} runs as process {pid}")),
        };
        let mut findings = Findings { text: vec![text], changed, ..Findings::default() };
        let mut remark = |message: String| findings.problems.push(Problem::new(Phase::Notice, message));
        let folders = self.folders()?;
        if went_well(replies.last(OUTDATE)) {
            remark(format!(
                "{title} had been suspended and was started anew: its saved state is out of date, kept as {}",
                folders.saved_outdated()
            ));
        }
        if times(replies, REMOVE) > 0 && !went_well(replies.last(REMOVE)) {
            remark(format!("{} could not be removed, and must not be resumed again", folders.saved_in_use()));
        }
        if started && let (Some(guest), due) = self.due()? {
            let silent =
                due.iter().filter(|due| times(replies, due.name) > 0 && !polls::answers(replies.last(due.name)));
            findings.problems.extend(silent.map(|due| due.failed(&title, &guest)));
        }
        Ok(findings)
    }

    /// Why a step failed: what QEMU said last in the sentence, the rest as hints.
    fn failed(&self, what: &str, answer: Option<&Answer>) -> Problem {
        let name = self.machine.as_ref().map(Machine::name).unwrap_or_default();
        let what = match what {
            START => format!("the start of {name}"),
            what => format!("{name}: to {what}"),
        };
        let output = match answer {
            Some(Answer::Output(output)) => output,
            Some(Answer::Failed(why)) => return problem(format!("{what} failed: {why}")),
            _ => {
                return problem(format!("what came of {what} is not known")).hint("list shows what runs there");
            }
        };
        let failure = problem(outputs::complaint(&what, output));
        let lines = outputs::complaints(output);
        let more = lines.iter().map(|line| line.trim()).filter(|line| !failure.message.ends_with(line)).take(8);
        more.fold(failure.clone(), |problem, line| problem.hint(format!("it also said: {line}")))
    }
}

/// The step of WAITS.
const SETTLE: &str = "let it settle";

/// That a state file has not got its name back.
fn not_put_back(back: &Answer) -> String {
    match back {
        Answer::Output(output) => outputs::complaint("putting the state file back", output),
        _ => "whether the state file has its name back is not known".into(),
    }
}

/// Why nothing is known of a machine, as the end of a sentence.
fn unknown(said: &Result<Said, Missing>) -> String {
    match said {
        Ok(_) => "it does not say how it is".into(),
        Err(why) => why.detail().unwrap_or("it was not asked how it is").to_string(),
    }
}

/// An effect that follows, or the end where it is only a report.
fn effect_or_end(effect: Effect) -> Next {
    match effect {
        Effect::Report(findings) => Next::Done(Findings { changed: true, ..findings }),
        other => Next::Then(other),
    }
}
