//! CREATE: wake the machine, wait until it answers, open a console on it (ctys.md 2.1 and 5.1).
//!
//! ```text
//!   plan ──► check ──answers──────────────────────────► up ──► console, or a report
//!              │silent                                   ▲
//!              ▼                                         │answers
//!            wake ──sent──► (delay) ──► reach ──silent──►┤
//!                                         ▲──(pause)─────┘ until the tries are used up
//! ```
//!
//! The sleeper is the target when the call has no address, or one that names the target; then nothing is asked of it
//! and the packet leaves from the caller. Any other address names the sleeper, and the target is the relay next to it:
//! the relay sends, with the first fitting tool it has. Whether a machine is up is asked by a TCP connection to its sshd,
//! from the caller: an ICMP echo needs rights, and a machine that cannot be logged into is of no use here.
//!
//! Nothing is sent on a guess: an unknown or ambiguous hardware address ends the action.

use super::wake::{self, Sender, Wakeup};
use crate::identity::reason;
use crate::parse::macmap::{self, Entry, same_name};
use crate::{SESSION_TYPE, probes};
use ctys_plugin::magic::{mac_bytes, plain_mac};
use ctys_plugin::model::{
    Answer, Batch, Command, Console, ConsoleKind, Create, CreateMode, Does, Effect, Facts, Findings, Location, Missing,
    Next, Phase, Place, Poll, Probe, Problem, Reach, Replies, Request, Step,
};
use ctys_plugin::outputs;

const CHECK: &str = "check";
const WAKE: &str = "wake";
const REACH: &str = "reach";

/// How long one look may take, in milliseconds.
const LOOK_MS: u32 = 2_000;
/// How often to look after the packet, and how many seconds apart.
const LOOKS: (u32, u32) = (20, 5);

/// What is to be done, understood from request and facts; the same in every call, since nothing else is kept.
struct Job {
    /// The name of the machine in messages.
    name: String,
    /// Where it is asked and where its console is.
    host: Host,
    /// The packet, when the call has WOL.
    wakeup: Option<Wakeup>,
    /// Looks and seconds between them; none means not to wait.
    looks: Option<(u32, u32)>,
    /// Seconds before the first look.
    delay: u32,
    /// The console that follows; none for CONSOLE:NONE.
    console: Option<ConsoleKind>,
}

/// Which host the sleeper is.
#[derive(Clone, PartialEq, Eq)]
enum Host {
    /// The target of the call.
    Target,
    /// This machine itself, which is awake.
    Here,
    /// This one, named as a target is.
    Named(String),
    /// Only its hardware address is known.
    Unknown,
}

/// The caller's table, where something has to be looked up; nothing of the target.
pub fn wants(request: &Request, create: &Create) -> Vec<Probe> {
    let knows_mac = create.address.mac.is_some() || !create.extra.contains_key("WOL");
    if knows_mac && names_target(request, create) {
        return Vec::new();
    }
    vec![probes::macmap(request.settings.get("MACMAP"))]
}

/// The first look, or the packet where nobody knows where to look.
pub fn plan(request: &Request, create: &Create, facts: &Facts) -> Effect {
    let job = match understand(request, create, facts) {
        Ok(job) => job,
        Err(problem) => return Effect::Report(Findings::problem(problem)),
    };
    match (&job.host, &job.wakeup) {
        (Host::Here, _) => match up(request, create, &job, false) {
            Next::Then(effect) => effect,
            Next::Done(findings) => Effect::Report(findings),
            Next::Later { effect, .. } => effect,
        },
        (Host::Unknown, Some(wakeup)) => wakeup.effect(WAKE),
        _ => look(&job, CHECK),
    }
}

/// What follows from the last round.
pub fn read(request: &Request, create: &Create, facts: &Facts, replies: &Replies) -> Next {
    let job = match understand(request, create, facts) {
        Ok(job) => job,
        Err(problem) => return Next::Done(Findings::problem(problem)),
    };
    let Some(step) = replies.rounds.last().and_then(|round| round.steps.last()) else {
        return problem(Phase::Plugin, "no reply came to CREATE".into());
    };
    match step.name.as_str() {
        CHECK if step.answer == Answer::Done => up(request, create, &job, false),
        CHECK => down(create, &job, &step.answer),
        WAKE => match wake::failure(&step.answer, &request.target) {
            Some(problem) => Next::Done(Findings::problem(problem)),
            None => sent(&job),
        },
        _ if step.answer == Answer::Done => up(request, create, &job, true),
        _ => silent(&job, replies),
    }
}

fn names_target(request: &Request, create: &Create) -> bool {
    let address = &create.address;
    let names = [&address.label, &address.tcp];
    let is_target = |name: &String| same_name(name, &request.target.host);
    address.is_empty()
        || (address.id.is_none()
            && address.file_name.is_none()
            && address.uuid.is_none()
            && address.db_record.is_none())
            && names.iter().any(|name| name.is_some())
            && names.into_iter().flatten().all(is_target)
}

fn understand(request: &Request, create: &Create, facts: &Facts) -> Result<Job, Problem> {
    refuse_what_cannot_be(create)?;
    let wol = create.extra.get("WOL");
    if wol.is_none()
        && let Some(key) = ["IF", "BROADCAST", "PORT", "BMAC"].into_iter().find(|key| create.extra.contains_key(*key))
    {
        return Err(usage(format!("{key} says how to wake a machine, and WOL is not given")));
    }
    let at_target = names_target(request, create);
    let entry = look_up(request, create, facts, at_target, wol.is_some())?;
    let host = match (&request.target, &entry) {
        (target, _) if at_target && target.local => Host::Here,
        _ if at_target => Host::Target,
        (_, entry) => named(create, entry.as_ref()),
    };
    let name = match &host {
        Host::Named(name) => create.address.label.clone().unwrap_or_else(|| name.clone()),
        Host::Unknown => create.address.mac.clone().unwrap_or_default(),
        Host::Target | Host::Here => request.target.host.clone(),
    };
    let wakeup = match wol {
        None if host == Host::Unknown => {
            return Err(Problem::new(Phase::Here, format!("nobody knows the address of {name}"))
                .hint("name the machine by l:<label> or t:<address>"));
        }
        None => None,
        Some(_) if host == Host::Here => {
            return Err(usage("this machine is awake, so WOL must name another one".into())
                .hint("give the machine to wake as target, or its address: create=l:<label>,WOL"));
        }
        Some(_) => {
            let given = create.address.mac.as_deref().map(|text| {
                mac_bytes(text).ok_or_else(|| usage(format!("{text} is no hardware address of six pairs")))
            });
            let known = given.transpose()?.or(entry.as_ref().map(|entry| entry.mac));
            let mac = known.ok_or_else(|| unknown_mac(request, &name))?;
            let sender = if at_target || request.target.local { Sender::Caller } else { Sender::Target };
            Some(Wakeup::understand(mac, sender, &create.extra)?)
        }
    };
    let looks = looks(create);
    let console = console(request, create, looks.is_some() || wakeup.is_none(), host == Host::Unknown)?;
    let typed = wol.filter(|delay| !delay.is_empty());
    let delay = typed.map(|text| text.parse().map_err(|_| usage(format!("WOL:{text} is no number of seconds"))));
    let delay = delay.transpose()?.unwrap_or(0u32).max(create.wait_server.unwrap_or(0));
    Ok(Job { name, host, wakeup, looks, delay, console })
}

/// Suboptions that every plugin is offered and a physical machine cannot honour: refused, not dropped.
fn refuse_what_cannot_be(create: &Create) -> Result<(), Problem> {
    let refused = [
        ("BOOTMODE", create.boot_mode.is_some()),
        ("INSTMODE", create.inst_mode.is_some()),
        ("CALLOPTS", !create.call_opts.is_empty()),
        ("XOPTS", !create.x_opts.is_empty()),
        ("CHDIR", create.chdir.is_some()),
        ("CMD", !create.cmd.is_empty()),
        ("VNCDESKIDLIST", !create.vnc_desk_ids.is_empty()),
        ("RESUME with a state file", matches!(create.mode, Some(CreateMode::Resume(Some(_))))),
        ("ID", create.address.id.is_some()),
        ("FILENAME", create.address.file_name.is_some()),
        ("UUID", create.address.uuid.is_some()),
        ("DBRECORD", create.address.db_record.is_some()),
    ];
    match refused.into_iter().find(|(_, given)| *given) {
        Some((key, _)) if matches!(key, "ID" | "FILENAME" | "UUID" | "DBRECORD") => {
            Err(usage(format!("{key} names nothing that can be asked of a machine asleep"))
                .hint("name it by l:<label>, t:<address> or m:<hardware address>"))
        }
        Some((key, _)) => Err(usage(format!("{key} means nothing to a physical machine"))),
        None => Ok(()),
    }
}

/// The one entry of the caller's table that fits, where the table is needed and has one.
fn look_up(
    request: &Request,
    create: &Create,
    facts: &Facts,
    at_target: bool,
    wol: bool,
) -> Result<Option<Entry>, Problem> {
    let address = &create.address;
    let text = match outputs::text(facts, &probes::macmap(request.settings.get("MACMAP")), &table(request)) {
        Ok(text) => text,
        Err(Missing::None | Missing::NotAsked) => return Ok(None),
        Err(why) if wol && address.mac.is_none() => {
            let how = match &why {
                Missing::NoPermission(_) => "may not be read".to_string(),
                other => format!("could not be read: {}", reason(other)),
            };
            return Err(Problem::new(Phase::Here, format!("{} {how}", table(request))));
        }
        Err(_) => return Ok(None),
    };
    let entries = macmap::parse(&text);
    let mac = address.mac.as_deref().and_then(mac_bytes);
    let host = request.target.host.as_str();
    let host_is_address = host.parse::<std::net::IpAddr>().is_ok();
    let (name, tcp) = match at_target {
        true if host_is_address => (None, Some(host)),
        true => (Some(host), None),
        false => (address.label.as_deref(), address.tcp.as_deref()),
    };
    if name.is_none() && tcp.is_none() && mac.is_none() {
        return Ok(None);
    }
    let found = macmap::find(&entries, name, tcp, mac);
    let mut macs: Vec<[u8; 6]> = found.iter().map(|entry| entry.mac).collect();
    macs.sort_unstable();
    macs.dedup();
    if wol && macs.len() > 1 {
        let lines: Vec<String> = found.iter().map(|entry| format!("{} {}", entry.name, show_mac(entry.mac))).collect();
        return Err(Problem::new(Phase::Ambiguous, format!("more than one machine fits: {}", lines.join(", ")))
            .hint("name one of them by m:<hardware address>"));
    }
    Ok(found.first().map(|entry| (*entry).clone()))
}

/// Where a machine that is not the target can be asked: what the call says, else what the table knows.
fn named(create: &Create, entry: Option<&Entry>) -> Host {
    let address = &create.address;
    let of_entry = |part: &dyn Fn(&Entry) -> Option<String>| entry.and_then(part);
    address
        .tcp
        .clone()
        .or_else(|| of_entry(&|entry| entry.ip.clone()))
        .or_else(|| address.label.clone())
        .or_else(|| of_entry(&|entry| Some(entry.name.clone()).filter(|name| !name.is_empty())))
        .map_or(Host::Unknown, Host::Named)
}

/// `PING:` and `SSHPING:` both mean the same look here; off only when nothing asks for it.
fn looks(create: &Create) -> Option<(u32, u32)> {
    let polls = [create.ssh_ping, create.ping];
    let tuned = polls.into_iter().flatten().find_map(|poll| match poll {
        Poll::Tries { count, every } => Some((count.max(1), every)),
        Poll::On | Poll::Off => None,
    });
    if tuned.is_some() {
        return tuned;
    }
    let on = create.ssh_ping == Some(Poll::On) || create.ping != Some(Poll::Off);
    on.then_some(LOOKS)
}

/// The console that follows, CLI unless named (ctys.md 5.1).
fn console(request: &Request, create: &Create, waits: bool, nowhere: bool) -> Result<Option<ConsoleKind>, Problem> {
    use ConsoleKind::*;
    let kind = match create.console {
        Some(None) => return Ok(Option::None),
        // Nobody asked for one, and there is no moment or no place for it.
        Option::None if !waits || nowhere => return Ok(Option::None),
        Option::None => Cli,
        Some(kind @ (Cli | Xterm | Gterm | Emacs | EmacsM | EmacsA | EmacsAM)) => kind,
        Some(Vnc) => {
            return Err(usage("a physical machine has no VNC console of its own".into())
                .hint("a desktop on it: -t vnc -a create=l:<label>"));
        }
        Some(other) => return Err(usage(format!("a physical machine has no console of the kind {other}"))),
    };
    if !waits {
        return Err(usage(format!(
            "CONSOLE:{kind} opens once the machine answers, and PING:OFF does not wait for that"
        )));
    }
    if nowhere {
        return Err(usage(format!("CONSOLE:{kind} needs to know where the machine is"))
            .hint("name it by l:<label> or t:<address> too"));
    }
    if request.location == Location::ConnectionForwarding {
        return Err(usage(format!("CONSOLE:{kind} is a login and has no connection to forward"))
            .hint("leave -L CF out, or give CONSOLE:NONE"));
    }
    Ok(Some(kind))
}

fn look(job: &Job, name: &str) -> Effect {
    let host = match &job.host {
        Host::Named(host) => Some(host.clone()),
        Host::Target | Host::Here | Host::Unknown => None,
    };
    let reach = Reach { host, port: None, limit_ms: LOOK_MS };
    Effect::Run(Batch { steps: vec![Step::does(name, Does::Reach(reach))] })
}

/// The machine is silent: wake it when the call says so.
fn down(create: &Create, job: &Job, answer: &Answer) -> Next {
    match &job.wakeup {
        Some(_) if create.mode == Some(CreateMode::Connect) => Next::Done(Findings::problem(
            Problem::new(Phase::Run, format!("{} does not answer, and CONNECT wakes nobody", job.name))
                .hint("REUSE wakes a machine that is asleep"),
        )),
        Some(wakeup) => Next::Then(wakeup.effect(WAKE)),
        None => {
            let why = match answer {
                Answer::Failed(why) => format!(": {why}"),
                _ => String::new(),
            };
            Next::Done(Findings::problem(
                Problem::new(Phase::Run, format!("{} does not answer{why}", job.name))
                    .hint("WOL wakes it, if its network card is armed"),
            ))
        }
    }
}

/// The packet is out.
fn sent(job: &Job) -> Next {
    let Some(wakeup) = &job.wakeup else { return problem(Phase::Plugin, "a packet was sent without WOL".into()) };
    let sent = format!("wake-on-LAN packet for {} sent", show_mac(wakeup.mac));
    match (job.looks, &job.host) {
        (Some((_, every)), Host::Target | Host::Named(_)) => wait(job, if job.delay > 0 { job.delay } else { every }),
        (None, _) => Next::Done(Findings { text: vec![sent], changed: true, ..Findings::default() }),
        (_, Host::Unknown | Host::Here) => {
            let remark =
                Problem::new(Phase::Notice, format!("where {} answers is not known, so nobody waits for it", job.name))
                    .hint("name it by l:<label> or t:<address> too");
            Next::Done(Findings { text: vec![sent], problems: vec![remark], changed: true, ..Findings::default() })
        }
    }
}

/// The next look, after so many seconds.
fn wait(job: &Job, seconds: u32) -> Next {
    let effect = look(job, REACH);
    match seconds {
        0 => Next::Then(effect),
        _ => {
            let why = format!("for {} to wake up", job.name);
            Next::Later { delay_ms: seconds.saturating_mul(1000), effect, why }
        }
    }
}

/// It does not answer yet.
fn silent(job: &Job, replies: &Replies) -> Next {
    let (count, every) = job.looks.unwrap_or(LOOKS);
    let done = replies.rounds.iter().flat_map(|round| &round.steps).filter(|step| step.name == REACH).count();
    if done < count as usize {
        return wait(job, every);
    }
    let mut findings = Findings::problem(
        Problem::new(Phase::Timeout, format!("{} did not answer in {count} tries, {every} s apart", job.name))
            .hint("PING:<tries>%<seconds> waits longer")
            .hint("cancel=WOL,POWEROFF,SELF arms the network card before it goes down"),
    );
    findings.changed = true;
    Next::Done(findings)
}

/// The machine answers.
fn up(request: &Request, create: &Create, job: &Job, woken: bool) -> Next {
    if !woken && job.wakeup.is_some() {
        match &create.mode {
            None => {
                return Next::Done(Findings::problem(
                    Problem::new(Phase::Run, format!("{} is awake already", job.name))
                        .hint("REUSE wakes it only when it sleeps, CONNECT never does"),
                ));
            }
            // The original reboots it (ctys.md 5.1). A restart hidden in a connect is a trap: CANCEL has the word for it.
            Some(CreateMode::Reconnect) => {
                return Next::Done(Findings::problem(
                    Problem::new(Phase::Run, format!("{} is awake, and RECONNECT restarts no machine", job.name))
                        .hint("cancel=REBOOT,SELF restarts it, REUSE connects to it as it is"),
                ));
            }
            Some(CreateMode::Connect | CreateMode::Reuse | CreateMode::Resume(_)) => {}
        }
    }
    let Some(kind) = job.console else {
        let text = if woken { format!("{} is awake", job.name) } else { format!("{} answers", job.name) };
        return Next::Done(Findings { text: vec![text], changed: woken, ..Findings::default() });
    };
    Next::Then(Effect::Attach(Box::new(Console {
        command: Some(login(request, create, job)),
        detach: Some("exit".into()),
        ..Console::new(kind, &job.name, SESSION_TYPE)
    })))
}

/// A login shell on the machine, of the account in `USER:` where one is given. `$SHELL` is set by sshd and login; what
/// it holds is known only over there.
fn login(request: &Request, create: &Create, job: &Job) -> Command {
    let shell = match &create.shell {
        Some(shell) => Command::new(shell).arg("-l"),
        None => Command::new("sh").args(["-c", "exec \"${SHELL:-/bin/sh}\" -l"]),
    };
    let user =
        create.user.as_deref().map(|user| user.split('%').next().unwrap_or(user)).filter(|user| !user.is_empty());
    let host = match &job.host {
        Host::Named(host) => host.clone(),
        Host::Target | Host::Here | Host::Unknown if user.is_none() => return shell,
        Host::Target | Host::Here | Host::Unknown => {
            let port = request.target.port.map_or(String::new(), |port| format!(":{port}"));
            format!("{}{port}", request.target.host)
        }
    };
    shell.at(Place::Host(user.map_or(host.clone(), |user| format!("{user}@{host}"))))
}

/// The path of the caller's table, in messages.
fn table(request: &Request) -> String {
    let path = request.settings.get("MACMAP").map_or(probes::MACMAP, String::as_str);
    if path.starts_with('/') { path.to_string() } else { format!("~/{path}") }
}

fn unknown_mac(request: &Request, name: &str) -> Problem {
    Problem::new(Phase::Here, format!("the hardware address of {name} is not known, nothing was sent"))
        .hint("give it: create=m:<hardware address>,WOL")
        .hint(format!("or add the line name;MAC;IP of {name} to {}", table(request)))
}

fn show_mac(mac: [u8; 6]) -> String {
    let text = mac.map(|byte| format!("{byte:02x}")).join(":");
    plain_mac(&text).unwrap_or(text)
}

fn usage(message: String) -> Problem {
    Problem::new(Phase::Usage, message)
}

fn problem(phase: Phase, message: String) -> Next {
    Next::Done(Findings::problem(Problem::new(phase, message)))
}
