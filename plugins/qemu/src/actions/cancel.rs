//! CANCEL: shut down, reboot, reset, pause, save machines (ctys.md 2.2 and 5.1).
//!
//! | method | what is said to QEMU |
//! |---|---|
//! | POWEROFF[:n], S5 | `system_powerdown` (the ACPI button), wait n seconds (20, or TIMEOUT), `quit`, signals; with 0 `quit` at once; signals alone where there is no QMP socket for us |
//! | REBOOT | the ACPI button, `system_reset` and `cont` once the guest is down |
//! | RESET | `system_reset` |
//! | INIT:0, INIT:6 | as POWEROFF without the hard stop, as REBOOT |
//! | INIT:1 to 5 | `init <n>` in the guest, over ssh |
//! | PAUSE, S3 | `stop` |
//! | SUSPEND, S4 | see [`super::suspend`] |
//!
//! ```text
//!  plan ─► act ─► look ─┬─► done ───────────────────► a report
//!                ▲      ├─► (pause) ─► look ──► ...
//!                └──────┴─► end what is left ─► ...
//! ```
//!
//! Every look tells which machines are left, so nothing is believed that was not seen. A machine is its process: the
//! number and the time it started. Machines of others are left alone without FORCE; ALL never means them. Nothing of ours
//! runs in guests, so machines nested in them are not asked.

use super::ending::{self, Rung, named, title};
use super::suspend;
use super::turn::{Outcome, Turn};
use super::{ask_machine, patience_ms, run, tell};
use crate::host::{self, Running};
use crate::parse::qmp::{self, Said};
use crate::resolve;
use crate::{conf, owner, probes};
use ctys_plugin::json::json;
use ctys_plugin::machines::{Configured, words};
use ctys_plugin::model::{
    Answer, Bytes, Cancel, CancelMethod, Command, Does, Effect, Facts, Findings, HostFacts, Missing, Next, Phase,
    Place, Probe, Problem, Replies, Request, Side, Step,
};
use ctys_plugin::protect;

/// Seconds before the hard stop, unless POWEROFF, TIMEOUT or the setting KILL_DELAY say otherwise (ctys.md 6.3).
const KILL_DELAY: u32 = 20;
/// Seconds that a guest has for a reboot or for INIT:0, unless TIMEOUT says otherwise. A service that hangs has 90 s by systemd.
const PATIENCE: u32 = 120;
/// Nobody waits longer than a day.
const MOST_SECONDS: u32 = 86_400;
/// Milliseconds between two looks, at least.
const LOOK_MS: u32 = 500;
/// A guest that has just begun to boot does not see the button: it is pressed again after so many milliseconds.
pub(super) const PRESS_AGAIN_MS: u64 = 5_000;
/// One command in a guest.
const GUEST_MS: u32 = 20_000;

const LOOK: &str = "look";
pub(super) const ASK: &str = "ask";
pub(super) const BUTTON: &str = "press the power button of";
pub(super) const HOLD: &str = "make the power off a halt of";
pub(super) const AGAIN: &str = "start again";
pub(super) const RELEASE: &str = "take back the halt of";
pub(super) const RESET: &str = "reset";
pub(super) const PAUSE: &str = "pause";
pub(super) const INIT: &str = "call init in";

/// What is to be done, understood from request and facts; the same in every call, since nothing else is kept.
pub(super) struct Job<'a> {
    request: &'a Request,
    cancel: &'a Cancel,
    facts: &'a Facts,
    pub(super) host: &'a HostFacts,
    pub(super) method: CancelMethod,
    machines: Vec<Running>,
    /// What ALL left alone.
    others: Vec<Running>,
    /// The address of the one guest, where a file names it.
    guest: Option<String>,
}

/// What runs; the files for the address of the guest, where it is needed.
pub fn wants(request: &Request, cancel: &Cancel) -> Vec<Probe> {
    if refuse(cancel).is_some() {
        return Vec::new();
    }
    let mut probes = match cancel.all {
        true => vec![probes::processes(), probes::own_sockets(request)],
        false => resolve::price(request, &cancel.address, needs_guest(cancel)),
    };
    if cancel.side == Some(Side::Client) && !probes.is_empty() {
        probes.push(probes::carriers());
    }
    // Whether one of them is protected stands in its file.
    if !probes.is_empty() && protect::counts(cancel) {
        for walk in walks(cancel) {
            if !probes.contains(&walk) {
                probes.push(walk);
            }
        }
    }
    probes
}

fn walks(cancel: &Cancel) -> Vec<Probe> {
    protect::walks(&cancel.address.base, probes::configurations)
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

fn needs_guest(cancel: &Cancel) -> bool {
    matches!(method(cancel), CancelMethod::Init(1..=5))
}

/// What no host needs to be asked about.
fn refuse(cancel: &Cancel) -> Option<Problem> {
    let usage = |message: &str| Problem::new(Phase::Usage, message);
    if cancel.side == Some(Side::Tunnel) {
        return Some(usage("a QEMU machine has no tunnels to cancel").hint("-t digger cancels tunnels"));
    }
    if cancel.with_self {
        return Some(
            usage("SELF means the host itself, which is no QEMU machine")
                .hint("-t pm -a cancel=POWEROFF,SELF shuts the host down"),
        );
    }
    match method(cancel) {
        CancelMethod::Init(7..) => Some(usage("INIT takes a run level from 0 to 6")),
        CancelMethod::Init(1..=5) if cancel.all => {
            Some(usage("INIT with a run level other than 0 and 6 needs one machine").hint("l:<label> names it"))
        }
        _ => None,
    }
}

/// Why nothing is known of a machine, as the end of a sentence.
pub(super) fn unknown(said: &Result<Said, Missing>) -> String {
    match said {
        Ok(_) => "it does not say how it is".into(),
        Err(why) => why.detail().unwrap_or("it was not asked how it is").to_string(),
    }
}

impl<'a> Job<'a> {
    fn understand(request: &'a Request, cancel: &'a Cancel, facts: &'a Facts) -> Result<Job<'a>, Problem> {
        if let Some(problem) = refuse(cancel) {
            return Err(problem);
        }
        let host = facts.host.as_ref().ok_or_else(|| Problem::new(Phase::Run, "the host did not say who it is"))?;
        let method = method(cancel);
        let mut job =
            Job { request, cancel, facts, host, method, machines: Vec::new(), others: Vec::new(), guest: None };
        if cancel.all {
            let all = host::machines(request, facts)?;
            (job.machines, job.others) = all.into_iter().partition(|m| m.own.is_some() || cancel.force);
        } else {
            let subject = resolve::resolve(request, &cancel.address, facts, needs_guest(cancel))?;
            let Some(running) = subject.running else {
                let what = match &subject.machine {
                    Some(machine) => format!("{} does not run", machine.name()),
                    None => format!("no running machine has {}", words(&cancel.address)),
                };
                return Err(Problem::new(Phase::Run, format!("nothing was done: {what}")));
            };
            if cancel.side != Some(Side::Client)
                && !cancel.force
                && let Some(foreign) = running.foreign()
            {
                return Err(foreign);
            }
            // A file of the same name may describe another machine, whose address would be another guest's.
            let own = subject.machine.filter(|machine| machine.is(&running));
            job.guest = own.and_then(|machine| {
                let is_host = |ip: &String| !ip.starts_with('-') && !ip.contains([' ', '\n', '@']);
                machine.interfaces().into_iter().find_map(|interface| interface.ip).filter(is_host)
            });
            job.machines.push(running);
        }
        match job.protection().filter(|_| protect::counts(cancel)) {
            Some(problem) => Err(problem),
            None => Ok(job),
        }
    }

    /// Why one of the machines is not to be ended. The file that the address names counts as well as those that are found.
    fn protection(&self) -> Option<Problem> {
        let mut found = conf::found(self.facts, &walks(self.cancel));
        found.machines.extend(resolve::named(&self.cancel.address, self.facts));
        self.machines.iter().find_map(|machine| {
            let own = found.machines.iter().filter(|file| file.may_be(machine));
            let own = own.map(|file| (&file.path, &file.magics[..]));
            protect::of_machine(&machine.title(), own, &found.problems)
        })
    }

    fn begin(&self) -> Result<Effect, Problem> {
        if self.machines.is_empty() {
            let mut findings =
                Findings { text: vec!["no machine of ctys runs, nothing was done".into()], ..Findings::default() };
            findings.problems.extend(self.left_alone());
            return Ok(Effect::Report(findings));
        }
        if self.cancel.side == Some(Side::Client) {
            return Ok(ending::end_clients(self.facts, self.host, &self.machines));
        }
        let mut steps = Vec::new();
        for machine in &self.machines {
            steps.extend(self.act(machine)?);
        }
        if steps.is_empty() {
            let text =
                self.machines.iter().map(|m| format!("{} is {} already", m.title(), m.status().unwrap_or("paused")));
            return Ok(Effect::Report(Findings { text: text.collect(), ..Findings::default() }));
        }
        steps.extend(self.looks());
        Ok(run(steps))
    }

    /// That ALL did not mean everybody's.
    fn left_alone(&self) -> Option<Problem> {
        if self.others.is_empty() {
            return None;
        }
        let list: Vec<String> = self
            .others
            .iter()
            .map(|machine| format!("{} of {}", title(machine), machine.owner.unwrap_or(&machine.process.user)))
            .collect();
        let message = format!("left alone, since ctys did not start them: {}", list.join(", "));
        Some(Problem::new(Phase::Notice, message).hint("FORCE means them as well"))
    }

    /// Whether it may not hear the button: what is not known of a machine of others is no reason to end it unheard.
    pub(super) fn may_stand_still(machine: &Running) -> bool {
        matches!(machine.status(), None | Some("paused" | "prelaunch" | "postmigrate"))
    }

    /// The first steps for one machine.
    fn act(&self, machine: &Running) -> Result<Vec<Step>, Problem> {
        match self.method {
            CancelMethod::PowerOff(_) if self.seconds() == 0 => self.end_it(machine),
            CancelMethod::PowerOff(_) if machine.qmp().is_none() => self.end_it(machine),
            CancelMethod::PowerOff(_) | CancelMethod::Init(0) => {
                // One that stands still hears nothing.
                let wake = Job::may_stand_still(machine).then(|| qmp::command("cont"));
                Ok(vec![self.tell(BUTTON, machine, wake.into_iter().chain([qmp::command("system_powerdown")]))?])
            }
            CancelMethod::Reboot | CancelMethod::Init(6) => {
                let halt = qmp::command_with("set-action", &json!({ "shutdown": "pause" }));
                Ok(vec![self.tell(HOLD, machine, [halt])?])
            }
            CancelMethod::Reset => {
                // Whatever it was, paused or crashed, it stands still after a reset unless it ran; one that ran goes on anyway.
                Ok(vec![self.tell(RESET, machine, ["system_reset", "cont"].map(qmp::command))?])
            }
            CancelMethod::Pause if machine.status() == Some("paused") => Ok(Vec::new()),
            CancelMethod::Pause => Ok(vec![self.tell(PAUSE, machine, [qmp::command("stop")])?]),
            CancelMethod::Suspend => suspend::begin(machine, self.host),
            CancelMethod::Init(level) => self.init(machine, level),
        }
    }

    fn end_it(&self, machine: &Running) -> Result<Vec<Step>, Problem> {
        let nothing = || {
            let message =
                format!("nothing was done: {} cannot be told from others that had its number", machine.title());
            Problem::new(Phase::Run, message)
                .hint("this host does not tell when a process started, so no signal is sent")
        };
        match ending::next_rung(&Replies::default(), machine, self.host) {
            Rung::Do(step) => Ok(vec![step]),
            Rung::Wait | Rung::Spent => Err(nothing()),
        }
    }

    pub(super) fn tell(
        &self,
        verb: &str,
        machine: &Running,
        commands: impl IntoIterator<Item = Bytes>,
    ) -> Result<Step, Problem> {
        let Some(socket) = machine.qmp() else {
            let problem = Problem::new(Phase::Run, format!("nothing was done: {} has no QMP socket", machine.title()));
            return Err(match machine.owner {
                Some(name) if owner::holds_monitor(name) => {
                    let message = format!("nothing was done: {name} holds the QMP socket of {}", machine.title());
                    let problem = Problem { message, ..problem };
                    match owner::tool(name) {
                        Some(tool) => problem.hint(format!("{tool} is the tool for it")),
                        None => problem,
                    }
                }
                _ if machine.is_doubtful => {
                    let message =
                        format!("nothing was done: another process names the QMP socket of {}", machine.title());
                    Problem { message, ..problem }
                }
                _ => problem.hint("-qmp unix:<path>,server=on,wait=off gives it one"),
            });
        };
        Ok(tell(&named(verb, machine), &socket, machine.needs_root(self.host), commands))
    }

    /// Over ssh, as the account of the call or the one that is named; the guest decides what it may.
    fn init(&self, machine: &Running, level: u8) -> Result<Vec<Step>, Problem> {
        let Some(guest) = &self.guest else {
            let message =
                format!("nothing was done: INIT:{level} needs the address of {}, which nobody knows", machine.title());
            return Err(Problem::new(Phase::Run, message)
                .hint("add it to the configuration: #@#IP0 = \"<address>\"")
                .hint("INIT:0 and INIT:6 go by the power button"));
        };
        let place = match &self.cancel.user {
            Some(user) => format!("{user}@{guest}"),
            None => guest.clone(),
        };
        let init = Command::new("init").arg(level.to_string()).at(Place::Host(place)).as_root().changes();
        Ok(vec![Step::run(&named(INIT, machine), init.limit_ms(GUEST_MS)).go_on()])
    }

    /// What is left, and how it is.
    fn looks(&self) -> Vec<Step> {
        let mut steps = vec![Step::does(LOOK, Does::Look(probes::table())).go_on()];
        if !matches!(self.method, CancelMethod::Suspend) {
            steps.extend(self.machines.iter().filter_map(|machine| {
                let root = machine.needs_root(self.host);
                Some(ask_machine(&named(ASK, machine), &machine.qmp()?, root, [qmp::command("query-status")]))
            }));
        }
        steps
    }

    /// Seconds to wait for the guests.
    pub(super) fn seconds(&self) -> u32 {
        let set = || self.request.settings.get("KILL_DELAY").and_then(|text| text.parse().ok());
        let seconds = match self.method {
            CancelMethod::PowerOff(given) => given.or(self.cancel.timeout).or_else(set).unwrap_or(KILL_DELAY),
            _ => self.cancel.timeout.unwrap_or(PATIENCE),
        };
        seconds.min(MOST_SECONDS)
    }

    fn go_on(&self, replies: &Replies) -> Result<Next, Problem> {
        let last = replies.rounds.last().map_or(&[][..], |round| &round.steps);
        if self.cancel.side == Some(Side::Client) {
            return Ok(ending::clients_ended(&self.machines, replies));
        }
        let looked = last.iter().find(|step| step.name == LOOK).map(|step| &step.answer);
        let looked = looked.ok_or_else(|| Problem::new(Phase::Plugin, "no reply came to CANCEL"))?;
        let nothing = Answer::Missing(Missing::NotAsked);
        let all = host::list(self.request, self.host, looked, &nothing).map_err(|problem| {
            let message = format!("what became of the machines is not known: {}", problem.message);
            Problem { message, ..problem }
        })?;
        let is_there = |machine: &Running| {
            let same = |other: &Running| {
                other.process.pid == machine.process.pid && other.process.start == machine.process.start
            };
            all.iter().any(same)
        };
        let mut steps = Vec::new();
        let mut waits_for = Vec::new();
        let mut ends = Vec::new();
        for machine in &self.machines {
            let turn = Turn { job: self, machine, replies, is_there: is_there(machine) };
            match turn.take() {
                Outcome::Goes(own, why) => {
                    steps.extend(own);
                    waits_for.push(why);
                }
                Outcome::Well(line) => ends.push(Ok(line)),
                Outcome::Badly(problem) => ends.push(Err(problem)),
            }
        }
        if waits_for.is_empty() {
            return Ok(self.end(ends, replies));
        }
        let acts = steps.iter().any(|step| step.does.changes());
        steps.extend(self.looks());
        let effect = run(steps);
        if acts {
            return Ok(Next::Then(effect));
        }
        let delay_ms = match self.method {
            CancelMethod::Suspend => patience_ms(replies),
            _ => (self.seconds() * 10).max(LOOK_MS),
        };
        Ok(Next::Later { delay_ms, effect, why: waits_for.swap_remove(0) })
    }

    /// A line or a problem for each.
    fn end(&self, ends: Vec<Result<String, Problem>>, replies: &Replies) -> Next {
        let mut findings = Findings::default();
        for end in ends {
            match end {
                Ok(line) => findings.text.push(line),
                Err(problem) => findings.problems.push(problem),
            }
        }
        findings.problems.extend(self.left_alone());
        let is_aside = |name: &str| name == LOOK || name.starts_with(ASK) || suspend::is_aside(name);
        let changed = |answer: &Answer| match answer {
            Answer::Output(output) => output.ok(),
            other => qmp::of_answer(Some(other)).is_ok_and(|said| said.did_something()),
        };
        let steps = replies.rounds.iter().flat_map(|round| &round.steps);
        findings.changed = steps.into_iter().any(|step| !is_aside(&step.name) && changed(&step.answer));
        Next::Done(findings)
    }
}
