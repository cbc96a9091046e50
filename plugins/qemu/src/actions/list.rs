//! LIST: every QEMU that runs, whoever started it, one row each or one per network card (ctys.md 2.3, 5.1).
//!
//! The rows come from the process table; what the arguments leave open, our own machines have been asked for in the same
//! round trip. A machine of somebody else that listens on a socket of its own is asked in a second one, if a column is
//! wanted that it could tell; libvirt and others hold the sockets of theirs, so these are not asked at all.

use crate::conf::{self, Machine};
use crate::host::{self, Running};
use crate::parse::qmp;
use crate::{SESSION_TYPE, columns, owner, probes};
use ctys_plugin::machines::Configured;
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{
    Answer, Does, Effect, Facts, Field, Findings, HostFacts, List, Missing, Next, Phase, Probe, Problem, Record,
    Replies, Request, Scope, Side, Step, Value,
};

/// The step that asks the machines of others.
const ASK: &str = "ask the machines of others";

/// The probes of the columns that are asked for.
pub fn wants(request: &Request, list: &List) -> Vec<Probe> {
    if is_listed(list) { columns::price(request, list) } else { Vec::new() }
}

/// A machine serves: it is neither a client nor a tunnel.
fn is_listed(list: &List) -> bool {
    matches!(list.side, None | Some(Side::Server | Side::Both))
}

/// The rows, or a question to machines of others.
pub fn plan(request: &Request, list: &List, facts: &Facts) -> Effect {
    let machines = match machines(request, list, facts) {
        Ok(machines) => machines,
        Err(findings) => return Effect::Report(findings),
    };
    let sockets: Vec<String> = machines.iter().filter_map(|machine| foreign_socket(list, machine)).collect();
    if sockets.is_empty() {
        return Effect::Report(rows(request, list, facts, machines));
    }
    let talk = probes::ask(sockets, true);
    super::run(vec![Step::does(ASK, Does::Talk(talk)).go_on()])
}

/// The rows, once the machines of others have answered.
pub fn read(request: &Request, list: &List, facts: &Facts, replies: &Replies) -> Next {
    let mut machines = match machines(request, list, facts) {
        Ok(machines) => machines,
        Err(findings) => return Next::Done(findings),
    };
    for machine in &mut machines {
        if let Some(socket) = foreign_socket(list, machine) {
            machine.said = match replies.last(ASK) {
                Some(Answer::Talked(all)) => {
                    let heard = all.iter().find(|heard| heard.socket.as_slice() == socket.as_bytes());
                    heard.map_or(Err(Missing::HostSilent), qmp::of)
                }
                other => qmp::of_answer(other),
            };
        }
    }
    Next::Done(rows(request, list, facts, machines))
}

/// The machines to be shown; nothing where the plugin has nothing to say.
fn machines(request: &Request, list: &List, facts: &Facts) -> Result<Vec<Running>, Findings> {
    if !is_listed(list) {
        return Err(Findings::default());
    }
    let Some(host) = &facts.host else { return Err(super::unreached()) };
    let mut machines = host::machines(request, facts).map_err(Findings::problem)?;
    machines.retain(|machine| is_in_scope(request, list, host, machine));
    Ok(machines)
}

/// `-s` and `USER:` tell whose machines count.
fn is_in_scope(request: &Request, list: &List, host: &HostFacts, machine: &Running) -> bool {
    let process = &machine.process;
    let scope = match &request.scope {
        Scope::Default | Scope::All => true,
        Scope::User => process.user == host.user,
        Scope::Group => process.group == host.group,
        Scope::Users(users) => users.contains(&process.user),
        Scope::Groups(groups) => groups.contains(&process.group),
    };
    scope && list.user.as_ref().is_none_or(|user| *user == process.user)
}

/// The socket at which a machine of somebody else is asked for a column that its arguments leave open.
fn foreign_socket(list: &List, machine: &Running) -> Option<String> {
    let wanted = |known: Known| columns::wanted(list, known);
    let is_open = wanted(Known::State)
        || wanted(Known::HyperRun)
        || (wanted(Known::Uuid) && machine.line.uuid().is_none())
        || (wanted(Known::Accelerator) && machine.line.accelerator().is_none())
        || ((wanted(Known::Cport) || wanted(Known::Display)) && machine.vnc_port().is_none());
    // Without a privilege of its own the account reaches no socket of another one; root is asked for by `-Z`.
    machine.qmp().filter(|_| is_open && machine.own.is_none())
}

fn rows(request: &Request, list: &List, facts: &Facts, machines: Vec<Running>) -> Findings {
    let Some(host) = &facts.host else { return super::unreached() };
    let mut findings = Findings::default();
    if let Answer::Failed(why) = facts.answer(&probes::own_sockets(request))
        && machines.iter().any(|machine| machine.own.is_some())
    {
        let message = format!("the machines were not asked how they are: {why}");
        findings
            .problems
            .push(Problem::new(Phase::Notice, message).hint("perl or python3 on the host speaks with them"));
    }
    let configured = match columns::wanted(list, Known::Id) {
        true => {
            let found = conf::found(facts, &probes::configurations(&[]));
            findings.problems.extend(found.problems);
            Ok(found.machines)
        }
        false => Err(Missing::NotAsked),
    };
    for machine in &machines {
        let known = configured.as_ref().map_err(Clone::clone).and_then(|all| configuration(machine, all));
        let row = row(host, machine, &known);
        findings.records.extend(per_card(list, &row, machine, known.as_ref().ok().copied()));
    }
    findings
}

/// The one configuration that describes the machine.
fn configuration<'a>(machine: &Running, all: &'a [Machine]) -> Result<&'a Machine, Missing> {
    let fitting: Vec<&Machine> = all.iter().filter(|configured| configured.is(machine)).collect();
    let in_use: Vec<&Machine> = fitting.iter().copied().filter(|configured| configured.is_in_use()).collect();
    match (&in_use[..], &fitting[..]) {
        ([one], _) | ([], [one]) => Ok(one),
        ([], []) => Err(Missing::None),
        (several, _) => {
            let all = if several.is_empty() { &fitting } else { &in_use };
            let list: Vec<String> = all.iter().map(|configured| configured.shown_path()).collect();
            Err(Missing::Unknown(format!("{} configurations fit: {}", list.len(), list.join(", "))))
        }
    }
}

/// Everything of the row but its card.
fn row(host: &HostFacts, machine: &Running, configured: &Result<&Machine, Missing>) -> Record {
    let line = &machine.line;
    let process = &machine.process;
    let text = |text: Option<String>| text.map_or(Value::Missing(Missing::None), Value::from);
    let number = |number: Option<i64>| number.map_or(Value::Missing(Missing::None), Value::Number);
    // What only the machine itself can tell, or why it did not.
    let asked = |value: Option<Value>| match (value, &machine.said) {
        (Some(value), _) => value,
        (None, Ok(_)) => Value::Missing(Missing::None),
        (None, Err(_)) => Value::Missing(why_silent(machine)),
    };
    let said = machine.said.as_ref().ok();
    let port = machine.vnc_port().map(i64::from);
    let display = port.and_then(|port| port.checked_sub(VNC_BASE).filter(|display| *display >= 0));
    let told_port = |value: Option<i64>| match line.vnc() {
        Some(crate::parse::guest::Vnc::From(_)) => asked(value.map(Value::Number)),
        _ => number(value),
    };
    let accelerator = match said.and_then(|said| said.kvm()) {
        Some(true) => Some("KVM".into()),
        // Without KVM it is what the arguments say; where they name several, what is left.
        Some(false) => {
            Some(line.accelerator().filter(|word| word != "KVM").map_or("TCG".into(), |word| word.into_owned()))
        }
        None => line.accelerator().map(|word| word.into_owned()),
    };
    let label = machine.name().map(str::to_string);
    let label = label.or_else(|| configured.as_ref().ok().and_then(|configured| configured.label()));
    let path = match configured {
        Ok(configured) => Value::from(configured.shown_path()),
        Err(why) => line
            .text("readconfig")
            .filter(|path| path.starts_with('/'))
            .map_or(Value::Missing(why.clone()), Value::from),
    };
    // A program that does not name it carries guests of the host's own kind, if it is called after KVM.
    let of_host = || line.program_name().contains("kvm").then(|| host.machine.clone());
    let arch = line.arch().map(str::to_string).or_else(of_host);
    let forwards = line.forwards().join(" ");
    let mut record = Record::new(SESSION_TYPE)
        .with(Known::Pm, host.node.as_str())
        .with(Known::Node, host.node.as_str())
        .with(Known::Label, text(label))
        .with(Known::Id, path)
        .with(Known::Uuid, asked(machine.uuid().map(Value::from)))
        .with(Known::Cport, told_port(port))
        .with(Known::Display, told_port(display))
        .with(Known::Sport, text(line.qmp_sockets().into_iter().next()))
        .with(Known::Pid, Value::Number(process.pid.into()))
        .with(Known::User, process.user.as_str())
        .with(Known::Group, process.group.as_str())
        .with(Known::Side, Side::Server.word())
        .with(Known::State, state(machine))
        .with(Known::Owner, text(machine.owner.map(str::to_string)))
        .with(Known::Arch, text(arch))
        .with(Known::ExecPath, line.program.as_str())
        .with(
            Known::HyperRun,
            asked(said.and_then(|said| said.version.as_ref()).map(|v| Value::from(format!("qemu-{v}")))),
        )
        .with(Known::Accelerator, asked(accelerator.map(Value::from)))
        .with(Known::Vcpu, number(line.processors()))
        .with(Known::Vram, number(line.memory()));
    let own = [
        (columns::MACHINE, line.board().map(str::to_string)),
        (columns::IMAGE, line.image().map(str::to_string)),
        (columns::SPICE, line.spice()),
        (columns::SERIAL, line.serial().map(|serial| serial.shown)),
        (columns::FORWARDS, (!forwards.is_empty()).then_some(forwards)),
    ];
    for (key, value) in own {
        record.set(Field::Other(key.into()), text(value));
    }
    columns::not_applicable(&mut record);
    record
}

/// The port of display 0.
pub const VNC_BASE: i64 = crate::parse::guest::VNC_BASE as i64;

/// What the machine says it does. A process that is stopped answers nobody; that much its parent can tell.
fn state(machine: &Running) -> Value {
    if matches!(machine.process.state.as_str(), "T" | "t") {
        return Value::from("stopped");
    }
    if let Some(status) = machine.status() {
        return Value::from(status);
    }
    Value::Missing(match &machine.said {
        Ok(_) => Missing::Unknown("what it says of its state was not understood".into()),
        Err(_) => why_silent(machine),
    })
}

/// Why a machine told nothing of itself.
fn why_silent(machine: &Running) -> Missing {
    match (&machine.said, machine.owner) {
        (Err(Missing::NotAsked), Some(name)) if owner::holds_monitor(name) => {
            Missing::Unknown(format!("{name} holds the socket at which it could be asked"))
        }
        (Err(Missing::NotAsked), _) if machine.is_doubtful => {
            Missing::Unknown("another process names the same QMP socket".into())
        }
        (Err(Missing::NotAsked), _) if machine.qmp().is_none() => {
            Missing::Unknown("it has no QMP socket to be asked at".into())
        }
        (Err(why), _) => why.clone(),
        (Ok(_), _) => Missing::None,
    }
}

/// The row with its card: the last one, as the original has it, or a row for each.
fn per_card(list: &List, row: &Record, machine: &Running, configured: Option<&Machine>) -> Vec<Record> {
    let known = configured.map(Configured::interfaces).unwrap_or_default();
    let mut rows: Vec<Record> = Vec::new();
    let mut cards = machine.line.cards();
    if cards.is_empty() {
        // They stand in the file that QEMU reads itself.
        cards = configured.map(|configured| configured.line.cards()).unwrap_or_default();
    }
    for (n, card) in cards.into_iter().enumerate() {
        let mut row = row.clone();
        let name = card.name.unwrap_or_else(|| n.to_string());
        row.set(Known::Interface, name);
        row.set(Known::Mac, card.mac.clone().map_or(Value::Missing(Missing::None), Value::from));
        // Which address a guest has only the guest knows, and whoever wrote its configuration.
        let ip = known.iter().find(|interface| interface.mac.is_some() && interface.mac == card.mac);
        let ip = ip.and_then(|interface| interface.ip.clone());
        row.set(Known::Tcp, ip.map_or(Value::Missing(Missing::NotAsked), Value::from));
        rows.push(row);
    }
    match list.per_interface {
        _ if rows.is_empty() => {
            let mut row = row.clone();
            for known in [Known::Mac, Known::Tcp, Known::Interface] {
                row.set(known, Value::Missing(Missing::None));
            }
            vec![row]
        }
        true => rows,
        false => rows.pop().into_iter().collect(),
    }
}
