//! CANCEL: shut down, reboot, reset, pause, save domains (ctys.md 2.2 and 5.1).
//!
//! | method | what runs there |
//! |---|---|
//! | POWEROFF[:n], S5 | `xl shutdown`, wait n seconds (20, or TIMEOUT), `xl destroy`; with 0 `xl destroy` at once |
//! | REBOOT | `xl reboot`, wait until the domain is back under a new number |
//! | RESET | `xl destroy`, `xl create` from its configuration, if a dry run of that goes well |
//! | INIT:0, INIT:6 | `xl shutdown` without the hard stop, `xl reboot`; no other level can be asked for from outside |
//! | PAUSE, S3 | `xl pause`, once: pauses are counted |
//! | SUSPEND, S4 | `xl save` into the file that RESUME finds |
//!
//! ```text
//!  plan ─► act ─► look ─┬─► done ─────────────────────────┬─► a report, or with SELF the host
//!                ▲      ├─► (pause) ─► look ──► ...       │
//!                └──────┴─► destroy what is left ─────────┘
//! ```
//!
//! Every look tells which domains are left, so nothing is believed that was not seen. Domains are addressed by their
//! number, which no other domain gets: one that has gone and come back meanwhile is left alone. Nothing of ours runs in
//! guests, so machines nested in them are not asked whether FORCE is given or not. ALL never means Domain-0.

use super::clients::{self, LEFT};
use super::create::failure;
use super::host_down::{self, HOST};
use super::reset::CHECK;
use super::{LOOK, look, protection, saved, shown, tool};
use crate::parse::xl_list::{Domain, Reason};
use crate::resolve;
use crate::{host, probes};
use ctys_plugin::machines::words;
use ctys_plugin::model::{
    Answer, Batch, Cancel, CancelMethod, Command, Effect, Exit, Facts, Findings, Next, Phase, Probe, Problem, Replies,
    Request, Side, Step,
};
use ctys_plugin::protect;

/// Seconds before the hard stop, unless POWEROFF, TIMEOUT or the setting KILL_DELAY say otherwise (ctys.md 6.3).
const KILL_DELAY: u32 = 20;
/// Seconds that a guest has for a reboot or for INIT:0, unless TIMEOUT says otherwise.
const PATIENCE: u32 = 60;
/// Nobody waits longer than a day.
const MOST_SECONDS: u32 = 86_400;
/// `xl shutdown` of a guest that does not acknowledge it blocks for a minute; the request is out at once.
const REQUEST_MS: u32 = 10_000;
const DESTROY_MS: u32 = 60_000;
/// A start behind a destroy: the memory is cleared page by page.
const CREATE_MS: u32 = 600_000;
/// Looks after a hard stop, a second apart.
const LAST_LOOKS: usize = 30;
/// So many looks, a second apart, find a domain that is down, or gone, before it counts as one that stays so.
const SETTLED_LOOKS: usize = 10;

/// What is to be done, understood from request and facts; the same in every call, since nothing else is kept.
pub(super) struct Job<'a> {
    pub(super) request: &'a Request,
    pub(super) cancel: &'a Cancel,
    pub(super) facts: &'a Facts,
    pub(super) method: CancelMethod,
    pub(super) domains: Vec<Domain>,
}

/// What runs; the files for RESET, which starts from one.
pub fn wants(request: &Request, cancel: &Cancel) -> Vec<Probe> {
    if refuse(cancel).is_some() {
        return Vec::new();
    }
    let resets = method(cancel) == CancelMethod::Reset && cancel.side != Some(Side::Client);
    let mut probes = match cancel.all {
        false => resolve::price(request, &cancel.address, resets),
        true => probes::what_runs(request),
    };
    if cancel.all && resets {
        probes.extend(probes::configurations(&cancel.address.base));
    }
    // Whether one of them is protected stands in its file.
    if !probes.is_empty() && protect::counts(cancel) {
        probes.extend(protection::wants(cancel));
        let mut seen = Vec::new();
        probes.retain(|probe| {
            !seen.contains(probe) && {
                seen.push(probe.clone());
                true
            }
        });
    }
    // The long list tells what was made by halves.
    if !probes.is_empty() && !probes.contains(&probes::details(request)) {
        probes.push(probes::details(request));
    }
    if !probes.is_empty() && cancel.side == Some(Side::Client) {
        probes.push(clients::probe());
    }
    probes
}

/// The first steps, or why nothing is done.
pub fn plan(request: &Request, cancel: &Cancel, facts: &Facts) -> Effect {
    let first = Job::understand(request, cancel, facts).and_then(|job| job.begin());
    first.unwrap_or_else(|problem| Effect::Report(Findings::problem(problem)))
}

/// What follows from the last round.
pub fn read(request: &Request, cancel: &Cancel, facts: &Facts, replies: &Replies) -> Next {
    let next = Job::understand(request, cancel, facts).and_then(|job| job.go_on(replies));
    next.unwrap_or_else(|problem| Next::Done(Findings::problem(problem)))
}

fn method(cancel: &Cancel) -> CancelMethod {
    cancel.method.unwrap_or(CancelMethod::PowerOff(None))
}

/// What no host needs to be asked about.
fn refuse(cancel: &Cancel) -> Option<Problem> {
    let usage = |message: &str| Problem::new(Phase::Usage, message);
    if cancel.side == Some(Side::Tunnel) {
        return Some(usage("a Xen domain has no tunnels to cancel").hint("-t digger cancels tunnels"));
    }
    if cancel.with_self
        && let Some(problem) = host_down::refuse(method(cancel))
    {
        return Some(problem);
    }
    match method(cancel) {
        CancelMethod::Init(1..=5) => Some(
            usage("Xen can ask a guest to go down (INIT:0) or to reboot (INIT:6), and for no other run level")
                .hint("log in to the guest and call init there"),
        ),
        CancelMethod::Init(level @ 7..) => Some(usage(&format!("INIT:{level} is no run level from 0 to 6"))),
        _ => None,
    }
}

/// How a domain is called in steps: by name and number, since a name may be missing.
pub(super) fn title(domain: &Domain) -> String {
    format!("{} ({})", shown(&domain.name), domain.id)
}

impl<'a> Job<'a> {
    fn understand(request: &'a Request, cancel: &'a Cancel, facts: &'a Facts) -> Result<Job<'a>, Problem> {
        if let Some(problem) = refuse(cancel) {
            return Err(problem);
        }
        let method = method(cancel);
        let domains = if cancel.all {
            let all = host::domains(request, facts).map_err(|trouble| trouble.problem)?;
            all.into_iter().filter(|domain| domain.id != 0).collect()
        } else {
            vec![Job::one(request, cancel, facts)?]
        };
        match protection::refusal(request, cancel, facts, &domains) {
            Some(problem) => Err(problem),
            None => Ok(Job { request, cancel, facts, method, domains }),
        }
    }

    fn one(request: &Request, cancel: &Cancel, facts: &Facts) -> Result<Domain, Problem> {
        let address = &cancel.address;
        let subject = resolve::resolve(request, address, facts, method(cancel) == CancelMethod::Reset)?;
        match subject.domain {
            Some(domain) if domain.id == 0 => {
                Err(Problem::new(Phase::Run, "nothing was done: Domain-0 is the host itself")
                    .hint("-t pm -a cancel=POWEROFF,SELF shuts the host down"))
            }
            Some(domain) => Ok(domain),
            None => {
                let what = match &subject.machine {
                    Some(machine) => format!("{} does not run", machine.name().unwrap_or_default()),
                    None => format!("no running domain has {}", words(address)),
                };
                Err(Problem::new(Phase::Run, format!("nothing was done: {what}")))
            }
        }
    }

    fn begin(&self) -> Result<Effect, Problem> {
        if self.domains.is_empty() {
            return Ok(match self.cancel.with_self {
                true => host_down::effect(self.method),
                false => report(vec!["no domain runs beside Domain-0, nothing was done".into()], false),
            });
        }
        if self.cancel.side == Some(Side::Client) {
            return self.end_clients();
        }
        let mut steps = self.checks()?;
        let mut idle = Vec::new();
        if self.method == CancelMethod::Suspend {
            let folder = Command::new("mkdir").args(["-p", "-m", "700", saved::folder(self.request)]);
            steps.push(Step::run(FOLDER, folder.as_root().changes()).go_on());
        }
        for domain in &self.domains {
            let own = self.act(domain)?;
            if own.is_empty() {
                idle.push(format!("{} is {} already", domain.name, domain.state.word()));
            }
            steps.extend(own);
        }
        // Nothing but the folder.
        if idle.len() == self.domains.len() && self.method == CancelMethod::Pause {
            return Ok(report(idle, false));
        }
        steps.push(look(self.request));
        Ok(Effect::Run(Batch { steps }))
    }

    /// The first steps for one domain.
    fn act(&self, domain: &Domain) -> Result<Vec<Step>, Problem> {
        let state = domain.state;
        // What is being torn down needs nothing but time.
        if state.dying {
            return Ok(Vec::new());
        }
        let half_made = host::details(self.request, self.facts).is_ok_and(|all| host::is_half_made(domain, &all));
        let is_over = !state.is_alive() || half_made;
        let unpause = state.paused.then(|| self.step("unpause", domain, &["unpause"], &[], 0));
        let with = |step: Step| unpause.clone().into_iter().chain([step]).collect();
        if is_over && !matches!(self.method, CancelMethod::PowerOff(_) | CancelMethod::Reset) {
            let hint = format!("cancel=l:{},POWEROFF:0 removes it, RESET starts it again", domain.name);
            let word = if half_made { "half made, its start was cut short" } else { state.word() };
            let message = format!("nothing was done: {} is {word}", domain.name);
            return Err(Problem::new(Phase::Run, message).hint(hint));
        }
        Ok(match self.method {
            CancelMethod::PowerOff(_) if self.seconds() == 0 || is_over => vec![self.destroy(domain)],
            CancelMethod::PowerOff(_) | CancelMethod::Init(0) => {
                with(self.step("shutdown", domain, &["shutdown", "-F"], &[], REQUEST_MS))
            }
            CancelMethod::Reboot | CancelMethod::Init(_) => {
                with(self.step("reboot", domain, &["reboot", "-F"], &[], REQUEST_MS))
            }
            CancelMethod::Reset => {
                let create = tool(self.request, self.create_words(domain)?, CREATE_MS);
                vec![self.destroy(domain), Step::run(&format!("create {}", title(domain)), create).go_on()]
            }
            CancelMethod::Pause if state.paused => Vec::new(),
            CancelMethod::Pause => vec![self.step("pause", domain, &["pause"], &[], 0)],
            CancelMethod::Suspend => {
                let file = saved::state_file(self.request, &domain.name);
                with(self.step("save", domain, &["save"], &[&file], saved::LIMIT_MS))
            }
        })
    }

    fn step(&self, name: &str, domain: &Domain, words: &[&str], more: &[&str], limit_ms: u32) -> Step {
        let id = domain.id.to_string();
        let words = words.iter().copied().chain([id.as_str()]).chain(more.iter().copied());
        Step::run(&format!("{name} {}", title(domain)), tool(self.request, words, limit_ms)).go_on()
    }

    fn destroy(&self, domain: &Domain) -> Step {
        self.step("destroy", domain, &["destroy"], &[], DESTROY_MS)
    }

    fn end_clients(&self) -> Result<Effect, Problem> {
        let steps = clients::end(self.facts, &self.domains)?;
        let nobody = || self.domains.iter().map(|domain| format!("{}: no console is open", domain.name)).collect();
        Ok(if steps.is_empty() { report(nobody(), false) } else { Effect::Run(Batch { steps }) })
    }

    /// Seconds to wait for the guests.
    fn seconds(&self) -> u32 {
        let set = || self.request.settings.get("KILL_DELAY").and_then(|text| text.parse().ok());
        let seconds = match self.method {
            CancelMethod::PowerOff(given) => given.or(self.cancel.timeout).or_else(set).unwrap_or(KILL_DELAY),
            _ => self.cancel.timeout.unwrap_or(PATIENCE),
        };
        seconds.min(MOST_SECONDS)
    }

    fn go_on(&self, replies: &Replies) -> Result<Next, Problem> {
        let last = replies.rounds.last().map_or(&[][..], |round| &round.steps);
        if let Some(step) = last.iter().find(|step| step.name == HOST) {
            return Ok(host_down::read(self.request, self.facts, &step.answer));
        }
        if last.iter().any(|step| step.name == LEFT) {
            return clients::ended(self.request, self.facts, &self.domains, replies);
        }
        if let Some(step) = last.iter().find(|step| step.name.starts_with(CHECK) && step.answer.ok_output().is_none()) {
            let problem = failure(self.request, self.facts, &step.name, &step.answer);
            return Err(Problem { message: format!("nothing was done: {}", problem.message), ..problem });
        }
        let looked = last.iter().find(|step| step.name == LOOK).map(|step| &step.answer);
        let looked = looked.ok_or_else(|| Problem::new(Phase::Plugin, "no reply came to CANCEL"))?;
        // A refusal holds for all steps, and says more than the list that was refused with them.
        let refused =
            |answer: &Answer| matches!(answer, Answer::Output(output) if matches!(output.exit, Exit::Refused(_)));
        if let Some(step) = last.iter().find(|step| refused(&step.answer)) {
            return Err(failure(self.request, self.facts, &step.name, &step.answer));
        }
        let running = host::list(self.request, self.facts, looked).map_err(|trouble| {
            let message = format!("what became of the domains is not known: {}", trouble.problem.message);
            Problem { message, ..trouble.problem }
        })?;
        let left: Vec<&Domain> =
            self.domains.iter().filter_map(|own| running.iter().find(|domain| domain.id == own.id)).collect();
        match self.method {
            CancelMethod::PowerOff(_) => Ok(self.powering_off(replies, &left, &running)),
            CancelMethod::Init(0) => Ok(self.shutting_down(replies, &left, &running)),
            CancelMethod::Reboot | CancelMethod::Init(_) => Ok(self.rebooting(replies, &left, &running)),
            CancelMethod::Reset => Ok(self.end(replies, &|own| {
                let back = running.iter().find(|domain| is_back(own, domain));
                back.map(|domain| format!("{}: reset, runs as domain {}", own.name, domain.id))
                    .ok_or_else(|| format!("{} was reset and does not run", own.name))
            })),
            CancelMethod::Pause => Ok(self.end(replies, &|own| match left.iter().find(|domain| domain.id == own.id) {
                Some(domain) if domain.state.paused => Ok(format!("{}: paused", own.name)),
                Some(domain) => Err(format!("{} was to be paused and is {}", own.name, domain.state.word())),
                None => Err(format!("{} has vanished meanwhile", own.name)),
            })),
            CancelMethod::Suspend => Ok(self.suspending(replies, &left)),
        }
    }

    fn suspending(&self, replies: &Replies, left: &[&Domain]) -> Next {
        let saved = |own: &Domain| self.went_well(replies, "save", own);
        let tried = replies.rounds.iter().rev().take_while(|round| round.steps.len() == 1).count();
        // xl is done a moment before the hypervisor is.
        if left.iter().any(|domain| saved(domain)) && tried < LAST_LOOKS {
            return later(1000, vec![look(self.request)], format!("for {} to vanish", names(left)));
        }
        let is_tidy = |domain: &Domain| replies.last(&format!("{TIDY} {}", title(domain))).is_some();
        let unfinished = left.iter().filter(|domain| !saved(domain) && !is_tidy(domain));
        let mut steps: Vec<Step> = unfinished.map(|domain| self.tidy(domain)).collect();
        if !steps.is_empty() {
            steps.push(look(self.request));
            return Next::Then(Effect::Run(Batch { steps }));
        }
        self.end(replies, &|own| match left.iter().find(|domain| domain.id == own.id) {
            _ if saved(own) => Ok(format!("{}: saved to {}", own.name, saved::state_file(self.request, &own.name))),
            None => Err(format!("{} has vanished meanwhile, and was not saved", own.name)),
            Some(domain) => Err(format!("{} was to be saved and is {}", own.name, domain.state.word())),
        })
    }

    /// The beginning of a state is no state: RESUME must not find it.
    fn tidy(&self, domain: &Domain) -> Step {
        let file = saved::state_file(self.request, &domain.name);
        let remove = Command::new("rm").args(["-f", &file]).as_root().changes();
        Step::run(&format!("{TIDY} {}", title(domain)), remove).go_on()
    }

    fn powering_off(&self, replies: &Replies, left: &[&Domain], running: &[Domain]) -> Next {
        if left.is_empty() {
            if let Some(next) = self.awaiting(replies, running) {
                return next;
            }
            return self.end(replies, &|own| {
                not_back(own, running)?;
                Ok(match self.was_destroyed(replies, own) {
                    true => format!("{}: destroyed", own.name),
                    false => format!("{}: shut down", own.name),
                })
            });
        }
        let not_yet: Vec<&&Domain> =
            left.iter().filter(|domain| !domain.state.dying && !self.was_destroyed(replies, domain)).collect();
        let late = self.waited_ms(replies) >= u64::from(self.seconds()) * 1000;
        if !not_yet.is_empty() && late {
            let mut steps: Vec<Step> = not_yet.iter().map(|domain| self.destroy(domain)).collect();
            steps.push(look(self.request));
            return Next::Then(Effect::Run(Batch { steps }));
        }
        if not_yet.is_empty() {
            let looks = replies.rounds.iter().rev().take_while(|round| round.steps.len() == 1).count();
            if looks >= LAST_LOOKS {
                return self.end(replies, &|own| match left.iter().any(|domain| domain.id == own.id) {
                    true => Err(format!("{} was destroyed and is still there", own.name)),
                    false => Ok(format!("{}: destroyed", own.name)),
                });
            }
            return later(1000, vec![look(self.request)], format!("for {} to vanish", names(left)));
        }
        self.look_again(left, "power off")
    }

    fn shutting_down(&self, replies: &Replies, left: &[&Domain], running: &[Domain]) -> Next {
        if let Some(next) = self.awaiting(replies, running) {
            return next;
        }
        let late = self.waited_ms(replies) >= u64::from(self.seconds()) * 1000;
        if late || left.iter().all(|domain| self.stays_off(replies, domain)) {
            return self.end(replies, &|own| {
                not_back(own, running)?;
                match left.iter().find(|domain| domain.id == own.id) {
                    None => Ok(format!("{}: shut down", own.name)),
                    Some(domain) if is_off(domain) => {
                        Ok(format!("{}: shut down, and kept as domain {}", own.name, domain.id))
                    }
                    Some(_) => Err(format!("{} did not go down in {} s", own.name, self.seconds())),
                }
            });
        }
        self.look_again(left, "go down")
    }

    /// Whether a domain is down and nobody tears it down or starts it again: it was made so, or its xl has ended.
    fn stays_off(&self, replies: &Replies, own: &Domain) -> bool {
        self.is_settled(replies, |there| {
            there.iter().any(|domain| domain.id == own.id && is_off(domain) && !domain.state.paused)
        })
    }

    /// The next look, while domains are gone that their configuration starts again: xl takes two seconds before it does.
    fn awaiting(&self, replies: &Replies, running: &[Domain]) -> Option<Next> {
        let details = host::details(self.request, self.facts).unwrap_or_default();
        let restarts = |own: &Domain| details.iter().any(|details| details.id == own.id && details.restarts);
        let is_due = |own: &&Domain| {
            restarts(own)
                && !self.was_destroyed(replies, own)
                && !running.iter().any(|domain| domain.id == own.id || is_back(own, domain))
                && !self.is_settled(replies, |there| !there.iter().any(|domain| domain.id == own.id))
        };
        let due: Vec<&Domain> = self.domains.iter().filter(is_due).collect();
        let why = format!("for {} to be started again", names(&due));
        (!due.is_empty()).then(|| later(1000, vec![look(self.request)], why))
    }

    /// Whether the latest looks have all found the same.
    fn is_settled(&self, replies: &Replies, found: impl Fn(&[Domain]) -> bool) -> bool {
        let looks = replies.rounds.iter().rev().filter_map(|round| round.steps.iter().find(|step| step.name == LOOK));
        let same = looks
            .take_while(|look| host::list(self.request, self.facts, &look.answer).is_ok_and(|there| found(&there)));
        same.take(SETTLED_LOOKS).count() == SETTLED_LOOKS
    }

    fn rebooting(&self, replies: &Replies, left: &[&Domain], running: &[Domain]) -> Next {
        // While it is being made it is there, and paused.
        let back = |own: &Domain| running.iter().find(|domain| is_back(own, domain) && !domain.state.paused);
        if self.domains.iter().all(|own| back(own).is_some())
            || self.waited_ms(replies) >= u64::from(self.seconds()) * 1000
        {
            return self.end(replies, &|own| match (back(own), left.iter().find(|domain| domain.id == own.id)) {
                (Some(domain), _) => Ok(format!("{}: rebooted, runs as domain {}", own.name, domain.id)),
                // The xl that watches a domain acts upon its reboot; `xl save -c` ends that watcher.
                (None, Some(domain)) if !domain.state.is_alive() => Err(format!(
                    "{} is {} and nobody starts it again: the {} that watched it has ended",
                    own.name,
                    domain.state.word(),
                    probes::tool(self.request)
                )),
                (None, Some(_)) => Err(format!("{} did not reboot in {} s", own.name, self.seconds())),
                (None, None) => Err(format!("{} went down and did not come back in {} s", own.name, self.seconds())),
            });
        }
        self.look_again(left, "reboot")
    }

    /// The next look. What is still paused has been paused more than once, and hears nothing before it runs.
    fn look_again(&self, left: &[&Domain], what: &str) -> Next {
        let paused = left.iter().filter(|domain| domain.state.paused && domain.state.is_alive());
        let mut steps: Vec<Step> = paused.map(|domain| self.step("unpause", domain, &["unpause"], &[], 0)).collect();
        steps.push(look(self.request));
        let delay_ms = (self.seconds() * 10).max(1000);
        let who: Vec<&Domain> = if left.is_empty() { self.domains.iter().collect() } else { left.to_vec() };
        later(delay_ms, steps, format!("for {} to {what}", names(&who)))
    }

    /// The end of the domains: a line or a problem for each, and with SELF the host after them.
    fn end(&self, replies: &Replies, outcome: &dyn Fn(&Domain) -> Result<String, String>) -> Next {
        let mut findings = Findings::default();
        for own in &self.domains {
            match outcome(own) {
                Ok(line) => findings.text.push(line),
                Err(message) => findings.problems.push(self.blame(replies, own, message)),
            }
        }
        if self.cancel.with_self && findings.problems.is_empty() {
            return Next::Then(host_down::effect(self.method));
        }
        let steps = replies.rounds.iter().flat_map(|round| &round.steps);
        findings.changed = steps.into_iter().any(|step| !is_aside(&step.name) && step.answer.ok_output().is_some());
        Next::Done(findings)
    }

    /// The problem of one domain, with what the tool said of it.
    fn blame(&self, replies: &Replies, own: &Domain, message: String) -> Problem {
        let end = format!(" {}", title(own));
        let steps = replies.rounds.iter().flat_map(|round| &round.steps);
        let failed = steps.rev().find(|step| step.name.ends_with(&end) && step.answer.ok_output().is_none());
        let phase = if message.contains(" did not ") { Phase::Timeout } else { Phase::Run };
        let problem = Problem::new(phase, message);
        match failed {
            None => problem.hint(match self.method {
                CancelMethod::Reboot | CancelMethod::Init(6) => "RESET does not ask the guest",
                CancelMethod::Init(_) if phase == Phase::Timeout => "POWEROFF destroys what does not go down",
                _ => "list shows what runs there",
            }),
            Some(step) => {
                let why = failure(self.request, self.facts, &step.name, &step.answer);
                let message = format!("{}: {}", problem.message, why.message);
                let phase = if why.phase == Phase::Timeout { problem.phase } else { why.phase };
                Problem { message, phase, hints: why.hints, ..problem }
            }
        }
    }

    fn went_well(&self, replies: &Replies, verb: &str, own: &Domain) -> bool {
        replies.last(&format!("{verb} {}", title(own))).is_some_and(|answer| answer.ok_output().is_some())
    }

    fn was_destroyed(&self, replies: &Replies, own: &Domain) -> bool {
        replies.last(&format!("destroy {}", title(own))).is_some()
    }

    /// Milliseconds that every guest has had. The requests go out one after the other, and each may take its time: so the clock
    /// starts with the first round behind them.
    fn waited_ms(&self, replies: &Replies) -> u64 {
        match &replies.rounds[..] {
            [_, first, .., last] => last.started_ms.saturating_sub(first.started_ms),
            _ => 0,
        }
    }
}

const FOLDER: &str = "make the folder";
const TIDY: &str = "remove the unfinished state of";

/// Whether a step does nothing to a domain.
fn is_aside(step: &str) -> bool {
    step == LOOK || step == FOLDER || step.starts_with(TIDY) || step.starts_with(CHECK)
}

/// Whether this is the same machine under another number.
fn is_back(own: &Domain, other: &Domain) -> bool {
    other.id != own.id && other.name == own.name && other.uuid == own.uuid && other.state.is_alive()
}

/// That a domain which was to go down runs again.
fn not_back(own: &Domain, running: &[Domain]) -> Result<(), String> {
    let Some(again) = running.iter().find(|domain| is_back(own, domain)) else { return Ok(()) };
    let message = "went down and was started again, as its configuration has it for a power off";
    Err(format!("{} {message}: it runs as domain {}", own.name, again.id))
}

/// Whether its kernel has ended in order, and the hypervisor still has it.
fn is_off(domain: &Domain) -> bool {
    domain.state.shutdown == Some(Reason::PowerOff) && !domain.state.dying
}

fn names(domains: &[&Domain]) -> String {
    domains.iter().map(|domain| domain.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn later(delay_ms: u32, steps: Vec<Step>, why: String) -> Next {
    Next::Later { delay_ms, effect: Effect::Run(Batch { steps }), why }
}

fn report(text: Vec<String>, changed: bool) -> Effect {
    Effect::Report(Findings { text, changed, ..Findings::default() })
}
