//! CREATE: start a domain, continue one, attach to one (ctys.md 2.1 and 5.1).
//!
//! ```text
//!          does not run ──► create ──────────┐
//!          saved ──► find ──► restore ───────┤
//!  plan ─►                                   ├─► (wait) ─► (ping, sshping) ─► (port) ─► console, or a report
//!          paused, RESUME ──► unpause ───────┤
//!          runs, CONNECT or REUSE ───────────┤
//!          runs, RECONNECT ──► end clients ──┘
//! ```
//!
//! The same step that starts a domain looks what runs afterwards: a domain that is gone by then is named. A terminal is
//! opened on the running domain, not by `xl create -c`: the console keeps what was printed before, and a broken
//! connection leaves no half-built domain.

use super::clients::LEFT;
use super::viewer::{self, PORT};
use super::{LOOK, clients, consoles, look, saved, shown, step, times, tool};
use crate::conf::{self, Machine};
use crate::parse::xl_list::Domain;
use crate::resolve;
use crate::{host, probes};
use ctys_plugin::machines::{self, Configured, words};
use ctys_plugin::model::{
    Answer, Batch, Bytes, Command, ConsoleKind, Create, CreateMode, Effect, Facts, Findings, Location, Next, Output,
    Phase, Probe, Problem, Replies, Request, Step,
};
use ctys_plugin::outputs;

const CREATE: &str = "create";
const OUTDATE: &str = "put an old state aside";
const FIND: &str = "find the state file";
const TAKE: &str = "take the state file";
const RESTORE: &str = "restore";
const REMOVE: &str = "remove the state file";
const BACK: &str = "put the state file back";
const UNPAUSE: &str = "unpause";

/// Starting a large domain takes its time: its memory is cleared page by page.
const START_MS: u32 = 300_000;
/// How often the port is asked for where there is to be one, once a second.
const PORT_TRIES: usize = 20;
/// Pauses are counted, so several may have to be taken back.
const MOST_PAUSES: usize = 20;

/// What is to be done, understood from request and facts; the same in every call, since nothing else is kept.
pub(super) struct Job<'a> {
    pub(super) request: &'a Request,
    pub(super) create: &'a Create,
    facts: &'a Facts,
    mode: Option<CreateMode>,
    pub(super) machine: Option<Machine>,
    copies: Vec<Machine>,
    domain: Option<Domain>,
    pub(super) console: Option<ConsoleKind>,
}

/// What runs, and the files unless only a running domain is wanted.
pub fn wants(request: &Request, create: &Create) -> Vec<Probe> {
    if refuse(create).is_some() || consoles::choose(request, create).is_err() {
        return Vec::new();
    }
    let mut probes = resolve::price(request, &create.address, starts(request, create));
    // The long list tells what was made by halves, and who is to have a VNC server.
    if !probes.is_empty() && !probes.contains(&probes::details(request)) {
        probes.push(probes::details(request));
    }
    if !probes.is_empty() && create.mode == Some(CreateMode::Reconnect) {
        probes.push(clients::probe());
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
        let changed = [CREATE, RESTORE, UNPAUSE].iter().any(|name| went_well(replies.last(name)));
        Next::Done(Findings { changed, ..Findings::problem(problem) })
    })
}

/// Whether the call may start anything.
fn starts(request: &Request, create: &Create) -> bool {
    create.mode != Some(CreateMode::Connect) && request.location != Location::ClientOnly
}

fn usage(message: impl Into<String>) -> Problem {
    Problem::new(Phase::Usage, message)
}

/// Suboptions that every plugin is offered and a Xen domain cannot honour: refused, not dropped.
fn refuse(create: &Create) -> Option<Problem> {
    let refused = [
        ("USER", create.user.is_some(), "the console asks for the account"),
        ("INSTMODE", create.inst_mode.is_some(), "BOOTMODE:INSTALL takes <name>-inst.conf"),
        ("XOPTS", !create.x_opts.is_empty(), "its viewers are started by ctys"),
        ("CHDIR", create.chdir.is_some(), "CALLOPTS passes arguments to the tool"),
        ("SHELL", create.shell.is_some(), "CALLOPTS passes arguments to the tool"),
        ("CMD", !create.cmd.is_empty(), "CALLOPTS passes arguments to the tool"),
        ("STUBMODE", create.stub_mode, "it is for plain logins"),
        ("VNCDESKIDLIST", !create.vnc_desk_ids.is_empty(), "it is for desktops"),
    ];
    if let Some((key, _, hint)) = refused.into_iter().find(|(_, given, _)| *given) {
        return Some(usage(format!("{key} means nothing to a Xen domain")).hint(hint));
    }
    let boot = create.boot_mode.as_ref()?;
    if boot.image.is_some() {
        return Some(
            usage(format!("BOOTMODE:{} takes no image", boot.mode))
                .hint("it selects a configuration beside the plain one, such as <name>-cd.conf"),
        );
    }
    let is_known =
        matches!(boot.mode.as_str(), "HDD" | "VHDD") || conf::BOOT_MODES.iter().any(|(m, _)| *m == boot.mode);
    (!is_known).then(|| usage(format!("BOOTMODE:{} is no way to boot", boot.mode)))
}

impl<'a> Job<'a> {
    fn understand(request: &'a Request, create: &'a Create, facts: &'a Facts) -> Result<Job<'a>, Problem> {
        if let Some(problem) = refuse(create) {
            return Err(problem);
        }
        let console = consoles::choose(request, create)?;
        let subject = resolve::resolve(request, &create.address, facts, starts(request, create))?;
        let mode = if starts(request, create) { create.mode.clone() } else { Some(CreateMode::Connect) };
        let resolve::Subject { machine, copies, domain } = subject;
        Ok(Job { request, create, facts, mode, machine, copies, domain, console })
    }

    fn begin(&self) -> Result<Effect, Problem> {
        match (&self.domain, &self.mode) {
            (Some(domain), _) => self.there(domain),
            (None, Some(CreateMode::Connect)) => Err(Problem::new(
                Phase::Run,
                format!("cannot CONNECT: no running domain has {}", words(&self.create.address)),
            )
            .hint("REUSE starts it where it does not run")),
            (None, Some(CreateMode::Resume(file))) => self.resume(file.as_deref()),
            (None, None | Some(CreateMode::Reuse | CreateMode::Reconnect)) => self.start(),
        }
    }

    /// The domain exists.
    fn there(&self, domain: &Domain) -> Result<Effect, Problem> {
        let name = &domain.name;
        let problem = |message: String| Problem::new(Phase::Run, message);
        if domain.id == 0 {
            return Err(problem("Domain-0 is the host itself".into()).hint("-t cli opens a shell on it"));
        }
        if !domain.state.is_alive() {
            let problem = problem(format!("{name} is there as domain {} and {}", domain.id, domain.state.word()));
            return Err(match domain.state.dying {
                true => problem.hint("it is gone in a moment"),
                false => problem.hint(format!("cancel=l:{name},POWEROFF:0 removes it")),
            });
        }
        if host::details(self.request, self.facts).is_ok_and(|all| host::is_half_made(domain, &all)) {
            let message = format!("{name} is there as domain {} and half made: its start was cut short", domain.id);
            return Err(problem(message)
                .hint(format!("cancel=l:{name},POWEROFF:0 removes it"))
                .hint("it may also be under way still"));
        }
        match &self.mode {
            None => {
                let from = self.machine.as_ref().map_or(String::new(), |m| format!(", ID={}", m.shown_path()));
                Err(problem(format!("{name} runs already as domain {}{from}", domain.id))
                    .hint("REUSE or CONNECT attaches to it"))
            }
            Some(CreateMode::Resume(_)) if !domain.state.paused => {
                Err(problem(format!("{name} runs as domain {}, there is nothing to resume", domain.id))
                    .hint("REUSE or CONNECT attaches to it"))
            }
            Some(CreateMode::Resume(_)) => Ok(self.unpause(domain)),
            Some(CreateMode::Connect | CreateMode::Reuse) => Ok(self.open(domain)),
            Some(CreateMode::Reconnect) => {
                let steps = clients::end(self.facts, std::slice::from_ref(domain))?;
                Ok(if steps.is_empty() { self.open(domain) } else { run(steps) })
            }
        }
    }

    /// The console of a domain that runs.
    fn open(&self, domain: &Domain) -> Effect {
        match self.console {
            Some(ConsoleKind::Vnc) => run(viewer::ask(self.request, domain)),
            Some(kind) => consoles::attach(self.request, kind, domain, None),
            None => {
                let text = vec![format!("{} is {} as domain {}", domain.name, domain.state.word(), domain.id)];
                Effect::Report(Findings { text, ..Findings::default() })
            }
        }
    }

    fn unpause(&self, domain: &Domain) -> Effect {
        let words = ["unpause".to_string(), domain.id.to_string()];
        run(vec![Step::run(UNPAUSE, tool(self.request, words, 0)), look(self.request)])
    }

    /// The one file to start from.
    fn file(&self) -> Result<&Machine, Problem> {
        match (&self.machine, &self.copies[..]) {
            (Some(machine), _) => Ok(machine),
            (None, []) => Err(resolve::nothing_fits(&self.create.address, self.facts)),
            (None, copies) => Err(machines::ambiguous_files(copies)),
        }
    }

    /// The name that the domain will have.
    fn name(&self) -> Result<String, Problem> {
        let given = self.call_options().rev().find_map(|option| option.strip_prefix("name="));
        if let Some(name) = given {
            return Ok(name.trim_matches(['"', '\'']).to_string());
        }
        if let (Some(CreateMode::Resume(_)), Some(label), None) =
            (&self.mode, &self.create.address.label, &self.machine)
        {
            // A domain that was suspended may have no file: its state holds all of it.
            return Ok(label.clone());
        }
        let machine = self.file()?;
        machine
            .name()
            .ok_or_else(|| Problem::new(Phase::Run, format!("{} sets no name for its domain", machine.shown_path())))
    }

    fn call_options(&self) -> impl DoubleEndedIterator<Item = &String> {
        self.create.call_opts.iter().chain(&self.request.server_options)
    }

    fn start(&self) -> Result<Effect, Problem> {
        let machine = self.file()?;
        let name = self.name()?;
        let domains = host::domains(self.request, self.facts).map_err(|trouble| trouble.problem)?;
        // A domain may have been renamed: started twice, it would have its disks twice.
        let is_another = self.call_options().any(|option| option.starts_with("uuid="));
        if let Some(same) = domains.iter().find(|domain| !is_another && machine.is(domain)) {
            let message = format!("{name} runs already as domain {}, under the name {}", same.id, same.name);
            return Err(
                Problem::new(Phase::Run, message).hint(format!("create=l:{},CONNECT attaches to it", same.name))
            );
        }
        if let Some(other) = domains.iter().find(|domain| domain.name == name) {
            let message = format!("a domain named {name} runs already as domain {}, with another uuid", other.id);
            return Err(Problem::new(Phase::Run, message).hint(format!("create=l:{name},CONNECT attaches to it")));
        }
        self.due()?;
        let mut words = super::create_words(machine, self.boot_file(machine)?, is_another)?;
        words.extend(self.call_options().map(|option| Bytes::from(option.as_str())));
        let file = saved::state_file(self.request, &name);
        let aside = Command::new("mv").args(["-f", &file, &saved::outdated(&file)]).as_root().changes();
        Ok(run(vec![
            Step::run(OUTDATE, aside).go_on(),
            Step::run(CREATE, tool(self.request, words, START_MS)),
            look(self.request),
        ]))
    }

    /// The file that BOOTMODE selects. Where files were searched for, it must be among them.
    fn boot_file(&self, machine: &Machine) -> Result<Bytes, Problem> {
        let mode = self.create.boot_mode.as_ref().map_or("VHDD", |boot| boot.mode.as_str());
        let Some(file) = machine.boot_file(mode) else { return Ok(machine.path.clone()) };
        let walks = probes::configurations(&self.create.address.base);
        if self.create.address.id.is_none()
            && !conf::found(self.facts, &walks).machines.iter().any(|other| other.path == file)
        {
            let message = format!("BOOTMODE:{mode} takes {}, which is no configuration", machines::shown(&file));
            return Err(Problem::new(Phase::Run, message));
        }
        Ok(file)
    }

    fn resume(&self, file: Option<&str>) -> Result<Effect, Problem> {
        let name = self.name()?;
        self.due()?;
        match file {
            Some(file) => Ok(run(vec![
                Step::run(RESTORE, tool(self.request, ["restore", &self.below_home(file)?], saved::LIMIT_MS)),
                look(self.request),
            ])),
            None => {
                let file = saved::state_file(self.request, &name);
                let find = Command::new("ls").args(["-d", &file, &saved::in_use(&file)]).as_root();
                Ok(run(vec![Step::run(FIND, find).go_on()]))
            }
        }
    }

    /// Where a state file that the call names was looked for.
    fn named_state(&self, problem: Problem) -> Problem {
        match &self.create.mode {
            Some(CreateMode::Resume(Some(file))) => match self.below_home(file) {
                Ok(path) => problem.hint(format!("the state was to be read from {} on the host", shown(&path))),
                Err(_) => problem,
            },
            _ => problem,
        }
    }

    /// A relative path is below the home of the account.
    fn below_home(&self, file: &str) -> Result<String, Problem> {
        if file.starts_with('/') {
            return Ok(file.to_string());
        }
        let home = self.facts.host.as_ref().map(|host| host.home.to_text().into_owned());
        let home = home.ok_or_else(|| Problem::new(Phase::Run, "the host did not say who it is"))?;
        Ok(format!("{}/{file}", home.trim_end_matches('/')))
    }

    fn go_on(&self, replies: &Replies) -> Result<Next, Problem> {
        let answer = |name: &str| step(replies, name);
        if answer(FIND).is_some() {
            return self.restore(replies);
        }
        if answer(BACK).is_some() {
            let failed = [CREATE, RESTORE].iter().find_map(|name| Some(self.failed(name, replies.last(name)?)));
            return Err(failed.unwrap_or_else(|| Problem::new(Phase::Plugin, "no reply came to CREATE")));
        }
        if let Some(taken) = answer(TAKE)
            && !went_well(Some(taken))
        {
            return Err(self.failed(TAKE, taken));
        }
        if let Some(restored) = answer(RESTORE)
            && !went_well(Some(restored))
        {
            return match answer(TAKE) {
                Some(_) => self.put_back(saved::in_use),
                None => Err(self.named_state(self.failed(RESTORE, restored))),
            };
        }
        if let Some(created) = answer(CREATE)
            && !went_well(Some(created))
        {
            return match went_well(answer(OUTDATE)) {
                true => self.put_back(saved::outdated),
                false => Err(self.failed(CREATE, created)),
            };
        }
        if let Some(unpaused) = answer(UNPAUSE)
            && !went_well(Some(unpaused))
        {
            return Err(self.failed(UNPAUSE, unpaused));
        }
        self.up(replies)
    }

    /// The state file gets its name back, since nothing came of it.
    fn put_back(&self, name: fn(&str) -> String) -> Result<Next, Problem> {
        let file = saved::state_file(self.request, &self.name()?);
        let back = Command::new("mv").args([name(&file), file]).as_root().changes();
        Ok(Next::Then(run(vec![Step::run(BACK, back)])))
    }

    /// A state file was looked for.
    fn restore(&self, replies: &Replies) -> Result<Next, Problem> {
        let name = self.name()?;
        let file = saved::state_file(self.request, &name);
        let listed = match replies.last(FIND) {
            Some(Answer::Output(output)) => outputs::plain(&output.stdout),
            _ => String::new(),
        };
        let has = |path: &str| listed.lines().any(|line| line == path);
        let in_use = saved::in_use(&file);
        if !has(&file) {
            let mut problem =
                Problem::new(Phase::Run, format!("{name} does not run, and {file} is not there to resume it"))
                    .hint("without RESUME it is started")
                    .hint("RESUME:<file> takes another state file");
            if has(&in_use) {
                problem = problem
                    .hint(format!("a resume was cut short: if {name} has not run since, RESUME:{in_use} completes it"));
            }
            return Err(problem);
        }
        let take = Command::new("mv").args(["-f", &file, &in_use]).as_root().changes();
        let remove = Command::new("rm").args(["-f", &in_use]).as_root().changes();
        Ok(Next::Then(run(vec![
            Step::run(TAKE, take),
            Step::run(RESTORE, tool(self.request, ["restore", &in_use], saved::LIMIT_MS)),
            Step::run(REMOVE, remove).go_on(),
            look(self.request),
        ])))
    }

    /// The domain was started, or was there before.
    fn up(&self, replies: &Replies) -> Result<Next, Problem> {
        let started = times(replies, CREATE) + times(replies, RESTORE) > 0;
        if times(replies, LEFT) > 0 && times(replies, LOOK) == 0 {
            let Some(domain) = &self.domain else { return Err(vanished(&self.create.address.label)) };
            return Ok(match clients::ended(self.request, self.facts, std::slice::from_ref(domain), replies)? {
                Next::Done(ended) if ended.problems.is_empty() => effect_or_end(self.open(domain)),
                other => other,
            });
        }
        let looked = replies.last(LOOK).ok_or_else(|| Problem::new(Phase::Plugin, "no reply came to CREATE"))?;
        let domains = host::list(self.request, self.facts, looked).map_err(|trouble| trouble.problem)?;
        let domain = match &self.domain {
            Some(before) => domains
                .into_iter()
                .find(|domain| domain.id == before.id)
                .ok_or_else(|| Problem::new(Phase::Run, format!("{} has vanished meanwhile", before.name)))?,
            None => {
                let name = self.name()?;
                let own = domains.iter().find(|domain| domain.name == name).cloned();
                own.ok_or_else(|| self.another_state(&name, &domains, replies).unwrap_or_else(|| gone(&name)))?
            }
        };
        if !domain.state.is_alive() {
            let message = format!("{} was started as domain {} and {}", domain.name, domain.id, domain.state.word());
            return Err(
                Problem::new(Phase::Run, message).hint(format!("cancel=l:{},POWEROFF:0 removes it", domain.name))
            );
        }
        if times(replies, UNPAUSE) > 0 && domain.state.paused {
            return match times(replies, UNPAUSE) < MOST_PAUSES {
                true => Ok(Next::Then(self.unpause(&domain))),
                false => Err(Problem::new(Phase::Run, format!("{} is still paused", domain.name))
                    .hint(format!("after {MOST_PAUSES} unpauses somebody else pauses it again"))),
            };
        }
        if started && let Some(next) = self.wait(&domain, replies)? {
            return Ok(next);
        }
        if times(replies, PORT) > 0 || started && self.console == Some(ConsoleKind::Vnc) {
            return self.viewer(&domain, started, replies);
        }
        if let Some(kind) = self.console {
            return Ok(Next::Then(consoles::attach(self.request, kind, &domain, None)));
        }
        Ok(Next::Done(self.report(&domain, replies)))
    }

    /// That a state which was restored is not that of the domain it was named for.
    fn another_state(&self, name: &str, domains: &[Domain], replies: &Replies) -> Option<Problem> {
        // Only the look behind the restore: later on, others may have started something.
        step(replies, RESTORE)?;
        let before = host::domains(self.request, self.facts).ok()?;
        let new: Vec<&Domain> = domains.iter().filter(|now| !before.iter().any(|then| then.id == now.id)).collect();
        let message = match new[..] {
            [] => return None,
            [one] => format!("the state holds {}, which runs now as domain {}", shown(&one.name), one.id),
            _ => {
                let list: Vec<String> = new.iter().map(|new| format!("{} ({})", shown(&new.name), new.id)).collect();
                format!("the state holds one of these, which were not there before: {}", list.join(", "))
            }
        };
        Some(Problem::new(Phase::Run, message).hint(format!("{} does not run", shown(name))))
    }

    /// The port of the VNC server, until it is there.
    fn viewer(&self, domain: &Domain, started: bool, replies: &Replies) -> Result<Next, Problem> {
        let name = &domain.name;
        let tried = times(replies, PORT);
        if tried > 0
            && let Some(port) = viewer::port(self.request, self.facts, replies, domain)?
        {
            return Ok(Next::Then(consoles::attach(self.request, ConsoleKind::Vnc, domain, Some(port))));
        }
        let effect = run(viewer::ask(self.request, domain));
        match tried {
            0 => Ok(Next::Then(effect)),
            _ if tried < PORT_TRIES && (started || self.is_to_have_vnc(domain)) => {
                Ok(Next::Later { delay_ms: 1000, effect, why: format!("for the VNC server of {name}") })
            }
            _ => Err(viewer::nobody(name, replies)),
        }
    }

    /// Whether a domain that ran before is configured with a VNC server: it may have been started a moment ago.
    fn is_to_have_vnc(&self, domain: &Domain) -> bool {
        let details = host::details(self.request, self.facts).unwrap_or_default();
        details.iter().any(|details| details.id == domain.id && details.vnc)
    }

    fn report(&self, domain: &Domain, replies: &Replies) -> Findings {
        let name = &domain.name;
        let id = domain.id;
        let (changed, text) = match () {
            _ if times(replies, CREATE) > 0 => {
                let from = self.machine.as_ref().map_or(String::new(), |m| format!(" from {}", m.shown_path()));
                (true, format!("{name} started as domain {id}{from}"))
            }
            _ if times(replies, RESTORE) > 0 => (true, format!("{name} resumed as domain {id}")),
            _ if times(replies, UNPAUSE) > 0 => (true, format!("{name} continues as domain {id}")),
            _ => (false, format!("{name} runs as domain {id}")),
        };
        let mut findings = Findings { text: vec![text], changed, ..Findings::default() };
        if went_well(replies.last(OUTDATE)) {
            let old = saved::outdated(&saved::state_file(self.request, name));
            findings.problems.push(Problem::new(
                Phase::Notice,
                format!(
                    "{name} had been suspended and was started anew: its saved state is out of date, kept as {old}"
                ),
            ));
        }
        if times(replies, REMOVE) > 0 && !went_well(replies.last(REMOVE)) {
            let file = saved::in_use(&saved::state_file(self.request, name));
            findings.problems.push(
                Problem::new(Phase::Notice, format!("{file} could not be removed, and must not be resumed again"))
                    .hint(format!("rm {file}")),
            );
        }
        findings.problems.extend(self.unanswered(name, replies));
        findings
    }

    /// Why a step failed, in the tool's own words.
    fn failed(&self, what: &str, answer: &Answer) -> Problem {
        let name = self.name().unwrap_or_default();
        let what = format!("{} {what} of {}", probes::tool(self.request), shown(&name));
        failure(self.request, self.facts, &what, answer)
    }
}

/// Why a step failed: what the tool said first in the sentence, the rest as hints.
pub fn failure(request: &Request, facts: &Facts, what: &str, answer: &Answer) -> Problem {
    let output: &Output = match answer {
        Answer::Output(output) => output,
        Answer::Failed(why) => return Problem::new(Phase::Run, format!("{what} failed: {why}")),
        Answer::Missing(_)
        | Answer::File(_)
        | Answer::Scanned(_)
        | Answer::Processes(_)
        | Answer::Talked(_)
        | Answer::Done => {
            return Problem::new(Phase::Run, format!("what came of {what} is not known"))
                .hint("list shows what runs there");
        }
    };
    let problem = host::trouble(request, facts, what, output).problem;
    let lines = outputs::complaints(output).into_iter().filter(|line| !problem.message.contains(line.trim()));
    let more: Vec<String> = lines.take(8).map(|line| format!("it also said: {line}")).collect();
    Problem { hints: [problem.hints, more].concat(), ..problem }
}

fn went_well(answer: Option<&Answer>) -> bool {
    answer.is_some_and(|answer| answer.ok_output().is_some())
}

fn gone(name: &str) -> Problem {
    Problem::new(Phase::Run, format!("{name} was started and is gone again"))
        .hint(format!("/var/log/xen/xl-{name}.log on the host may say why"))
}

fn vanished(label: &Option<String>) -> Problem {
    let name = label.as_deref().unwrap_or("the domain");
    Problem::new(Phase::Run, format!("{name} has vanished meanwhile"))
}

pub(super) fn run(steps: Vec<Step>) -> Effect {
    Effect::Run(Batch { steps })
}

/// An effect that follows, or the end where it is only a report.
fn effect_or_end(effect: Effect) -> Next {
    match effect {
        Effect::Report(findings) => Next::Done(Findings { changed: true, ..findings }),
        other => Next::Then(other),
    }
}
