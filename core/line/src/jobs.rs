//! Drafts to jobs: the action of each target read, the defaults of its action filled in (ctys.md 1.5, 2).

use crate::actions::{self, Parsed};
use crate::call::{Control, Job};
use crate::groups::Draft;
use crate::mistakes::{Desk, Fault, shown};
use crate::superposition::{Effective, remark};
use crate::verbs;
use ctys_model::{Action, ConsoleKind, Create, Location, MachineAddress, Target, Verb};
use ctys_table::Presentation;
use std::collections::HashMap;
use std::rc::Rc;

/// The jobs of a call, and how they are controlled.
pub(crate) struct Jobs {
    pub jobs: Vec<Job>,
    pub control: Control,
    /// The look of the local action, when a target took that action.
    pub local_look: Option<Option<Presentation>>,
}

/// What the options of a draft come to, apart from the target.
#[derive(Clone)]
struct Settled {
    parsed: Parsed,
    options: crate::call::JobOptions,
    from_local: bool,
    control: Control,
}

/// The jobs of these drafts. A draft with a mistake gives no job; the mistake is at the desk.
pub(crate) fn jobs(desk: &mut Desk<'_>, drafts: &[Draft]) -> Jobs {
    let mut settled: HashMap<(*const Effective, bool), Option<Settled>> = HashMap::new();
    let mut jobs: Vec<Job> = Vec::new();
    let mut controls: Vec<Control> = Vec::new();
    let mut known: HashMap<Target, Vec<usize>> = HashMap::new();
    let mut dropped = 0;
    let (mut local_look, mut first_look, mut below) = (None, None, None);
    for draft in drafts {
        let target = settle_target(desk, draft);
        // Members of a group share their options: they are read once.
        let key = (Rc::as_ptr(&draft.effective), target.local);
        let result = settled.entry(key).or_insert_with(|| settle(desk, draft, target.local)).clone();
        let Some(result) = result else { continue };
        below = check_stack(desk, draft, &target, &result, below.take());
        check_look(desk, draft, &result, &mut first_look);
        if result.from_local && local_look.is_none() {
            local_look = Some(result.parsed.presentation.clone());
        }
        let job = Job {
            target,
            action: result.parsed.action,
            types: result.parsed.types,
            presentation: result.parsed.presentation.filter(|_| !result.from_local),
            options: result.options,
            stack: draft.stack.map(|(stack, _)| stack),
        };
        let same = known.entry(job.target.clone()).or_default();
        if draft.from_group && job.stack.is_none() && !job.options.ambiguous && same.iter().any(|&n| jobs[n] == job) {
            dropped += 1;
            continue;
        }
        same.push(jobs.len());
        jobs.push(job);
        controls.push(result.control);
    }
    if dropped > 0 {
        let plural = if dropped == 1 { "target" } else { "targets" };
        remark(
            desk,
            format!("{dropped} {plural} of groups stood there already and will be asked once; -A 1 keeps them"),
        );
    }
    let detach = !controls.is_empty() && controls.iter().all(|control| control.detach);
    if !detach && controls.iter().any(|control| control.detach) {
        remark(desk, "some targets need the foreground, so the whole call stays there");
    }
    let control = Control {
        detach,
        background: detach && controls.iter().any(|control| control.background),
        sequential: controls.iter().any(|control| control.sequential),
        explicit: controls.iter().any(|control| control.explicit),
        as_completed: controls.iter().any(|control| control.as_completed),
    };
    Jobs { jobs, control, local_look }
}

/// `user@` wins over `-l`; only this machine under the caller's own name is local (ctys.md 1.1).
fn settle_target(desk: &Desk<'_>, draft: &Draft) -> Target {
    let mut target = draft.target.clone();
    target.user = target.user.or_else(|| draft.effective.login.clone());
    let own = target.user.as_ref().is_none_or(|user| *user == desk.world.user);
    target.local = target.host == "localhost" && target.port.is_none() && own;
    target
}

fn settle(desk: &mut Desk<'_>, draft: &Draft, local: bool) -> Option<Settled> {
    let effective = &*draft.effective;
    let Some((action, from_local)) = &effective.action else {
        let fault = Fault::at(draft.at, "there is no action for this target");
        let fault = fault.expected("-a with one of CREATE, CANCEL, LIST, ENUMERATE, SHOW, INFO");
        // The first word of the call may have been meant for a short verb.
        let fault = verbs::meant_verb(fault, &draft.target.host);
        desk.fault(fault.note("such as: -a list, or ctys ls"));
        return None;
    };
    let parsed = actions::parse(desk, action, effective)?;
    let verb = parsed.action.verb();
    let mut options = effective.options.clone();
    if options.data_cache.iter().any(|(word, _)| word == "ONLY") && !verb.is_collector() {
        let fault = Fault::at(effective.data_cache_at, format!("ONLY of -C does not go with {verb}"));
        desk.fault(fault.expected("LIST, ENUMERATE, SHOW or INFO"));
    }
    let control = control(desk, effective, &parsed);
    if foreground(&parsed) && options.pty.is_none() {
        options.pty = Some(2);
    }
    options.location = location(desk, effective, &parsed, local);
    Some(Settled { parsed, options, from_local: *from_local, control })
}

/// A console in the caller's terminal, or a session of type CLI: it needs the terminal for itself.
fn foreground(parsed: &Parsed) -> bool {
    match &parsed.action {
        Action::Create(create) => {
            matches!(create.console, Some(ConsoleKind::Cli | ConsoleKind::Cli0)) || parsed.types == ["CLI"]
        }
        _ => false,
    }
}

/// `-b`, with the default of the action (ctys.md 1.5).
fn control(desk: &mut Desk<'_>, effective: &Effective, parsed: &Parsed) -> Control {
    let given = effective.control.unwrap_or_default();
    let forced = foreground(parsed);
    let detach = matches!(parsed.action.verb(), Verb::Create | Verb::Cancel) && !forced;
    // Who says `console` says that it needs the terminal.
    if forced && !desk.short {
        let mut words = Vec::new();
        if given.detach.is_none() && given.sequential.is_none() {
            words.push("-b 0,2");
        }
        if effective.options.pty.is_none() {
            words.push("-z 2");
        }
        if !words.is_empty() {
            let what = if parsed.types == ["CLI"] { "a session of type CLI" } else { "this console" };
            remark(desk, format!("{what} needs the caller's terminal: {} is in force", words.join(" ")));
        }
    }
    Control {
        detach: given.detach.unwrap_or(detach),
        background: given.detach == Some(true),
        sequential: given.sequential.unwrap_or(forced),
        explicit: effective.control.is_some(),
        as_completed: given.sequential == Some(false),
    }
}

/// `-L`, with what the console and the target force (ctys.md 2.1, 5.1; ctys-original.md 1.3).
fn location(desk: &mut Desk<'_>, effective: &Effective, parsed: &Parsed, local: bool) -> Location {
    let given = effective.location.map(|(location, _)| location);
    if let (Action::Create(create), Some(console_at)) = (&parsed.action, parsed.console_at)
        && let Some(console) = create.console
    {
        if console == ConsoleKind::None {
            if given == Some(Location::ClientOnly) {
                desk.fault(Fault::at(console_at, "CONSOLE:NONE has no client, but -L CO asks for nothing else"));
            } else if given.is_some_and(|location| location != Location::ServerOnly) {
                remark(desk, "CONSOLE:NONE opens no client: -L SERVERONLY is in force");
            }
            return Location::ServerOnly;
        }
        if given == Some(Location::ConnectionForwarding) && !local && needs_display_forwarding(console) {
            let fault = Fault::at(console_at, format!("CONSOLE:{console} cannot be opened with -L CF"));
            let message = "a text console has no port to forward; leave -L out, or take CONSOLE:VNC";
            desk.fault(fault.note(message));
        }
    }
    match given {
        Some(location @ (Location::ClientOnly | Location::ServerOnly | Location::LocalOnly)) => location,
        _ if local => Location::LocalOnly,
        given => given.unwrap_or_default(),
    }
}

/// The consoles without a client that could run here with the server there.
fn needs_display_forwarding(console: ConsoleKind) -> bool {
    use ConsoleKind::*;
    matches!(console, Cli | Cli0 | Xterm | Gterm | Emacs | EmacsM | EmacsA | EmacsAM)
}

/// One call prints one table: where a target's own action has another look than the first one, its rows would stand below
/// titles that are none of theirs. The types of PKG are a matter of each target.
fn check_look(desk: &mut Desk<'_>, draft: &Draft, settled: &Settled, first: &mut Option<Presentation>) {
    let Some(look) = &settled.parsed.presentation else { return };
    let look = Presentation { packages: Vec::new(), ..look.clone() };
    match first {
        None => *first = Some(look),
        Some(first) if *first == look => {}
        Some(_) => {
            let message = format!("the rows of {} would have another form than those before them", draft.target);
            let fault =
                Fault::at(draft.at, message).expected("one format and one choice of columns for the whole call");
            desk.fault(fault.note("targets that are to be shown in another form need a call of their own"));
        }
    }
}

/// A layer of a stack: where it is, and which machine it starts.
struct Layer {
    at: (usize, usize),
    host: String,
    address: MachineAddress,
}

/// What a stack may hold (ctys-original.md 1.5). `below`: the member before this one. Returns this one for the next.
fn check_stack(
    desk: &mut Desk<'_>,
    draft: &Draft,
    target: &Target,
    settled: &Settled,
    below: Option<Layer>,
) -> Option<Layer> {
    let (stack, position) = draft.stack?;
    let Action::Create(create) = &settled.parsed.action else {
        let message = format!("a VMSTACK is for CREATE, not for {}", settled.parsed.action.verb());
        desk.fault(Fault::at(draft.at, message));
        return None;
    };
    if position > 0 && settled.parsed.types == ["PM"] {
        desk.fault(Fault::at(draft.at, "a physical machine can only be the lowest member of a VMSTACK"));
    }
    if create.console.is_some_and(|console| console != ConsoleKind::None) {
        desk.fault(Fault::at(draft.at, "the members of a VMSTACK have no console").expected("CONSOLE:NONE, or none"));
    }
    // A member with a mistake of its own leaves a gap, and what is above it is not judged.
    let below = below.filter(|below| position > 0 && below.at == (stack, position - 1));
    if let Some(below) = below.filter(|below| checks_context(create) && !may_be(&target.host, &below.address)) {
        let label = below.address.label.unwrap_or_default();
        let (here, there) = (shown(&target.host), shown(&below.host));
        let message =
            format!("{here} is not the machine {} that {there} below it in the VMSTACK starts", shown(&label));
        let note = "STACKCHECK:NOCONTEXT takes any name, such as one of ssh_config";
        desk.fault(Fault::at(draft.at, message).note(note));
    }
    Some(Layer { at: (stack, position), host: target.host.clone(), address: create.address.clone() })
}

/// `STACKCHECK`, for what the words of a call can tell: whether each layer runs on the one below it.
fn checks_context(create: &Create) -> bool {
    !create.stack_check.iter().any(|word| word == "OFF" || word == "NOCONTEXT")
}

/// Whether this host may be the machine of this address. Only a label says that it is not: it is the name of the machine, while an id, a
/// file or a uuid says nothing of its name, and a host may be any name of an address.
fn may_be(host: &str, address: &MachineAddress) -> bool {
    let Some(label) = &address.label else { return true };
    let first = host.split('.').next().unwrap_or_default();
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    is_address
        || address.tcp.is_some()
        || address.db_record.is_some()
        || [host, first].iter().any(|name| name.eq_ignore_ascii_case(label))
}
