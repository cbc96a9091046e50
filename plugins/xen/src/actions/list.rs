//! LIST: every domain that runs, Domain-0 among them, one row each or one per network interface (ctys.md 2.3, 5.1).
//!
//! The rows come from `xl list -v`, which knows a domain as long as the hypervisor does; `xl list -l` leaves out those that
//! are being torn down and only adds what it has. Viewers and terminals are listed by the plugins they belong to.

use crate::conf::{self, Machine};
use crate::host::{self, Trouble};
use crate::parse::xl_list::Domain;
use crate::parse::xl_list_long::Details;
use crate::parse::{xenstore, xl_info};
use crate::{SESSION_TYPE, columns, probes};
use ctys_plugin::machines::Configured;
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Facts, Findings, HostFacts, List, Missing, Probe, Problem, Record, Request, Side, Value};

/// The port of display 0.
pub const VNC_BASE: u16 = 5900;

/// The probes of the columns that are asked for.
pub fn wants(request: &Request, list: &List) -> Vec<Probe> {
    if is_listed(list) { columns::price(request, list) } else { Vec::new() }
}

/// A domain serves: it is neither a client nor a tunnel. It is nobody's, so `-s` hides it from nobody.
fn is_listed(list: &List) -> bool {
    matches!(list.side, None | Some(Side::Server | Side::Both))
}

/// The rows.
pub fn plan(request: &Request, list: &List, facts: &Facts) -> Findings {
    if !is_listed(list) {
        return Findings::default();
    }
    let Some(host) = &facts.host else { return super::unreached() };
    let domains = match host::domains(request, facts) {
        Ok(domains) => domains,
        Err(trouble) => return trouble.findings(request),
    };
    let mut findings = Findings::default();
    let known = Knowledge::gather(request, list, facts, &mut findings.problems);
    for domain in &domains {
        let row = row(request, host, domain, &known);
        findings.records.extend(per_interface(list, &row, domain, &known));
    }
    findings
}

/// What the probes of the columns told, each or why not.
struct Knowledge {
    details: Result<Vec<Details>, Missing>,
    ports: Result<Vec<(u32, u16)>, Missing>,
    version: Result<String, Missing>,
    machines: Result<Vec<Machine>, Missing>,
}

impl Knowledge {
    fn gather(request: &Request, list: &List, facts: &Facts, problems: &mut Vec<Problem>) -> Knowledge {
        let mut told = |trouble: Trouble| {
            problems.push(trouble.problem);
            trouble.missing
        };
        let details = match columns::wants_details(list) {
            true => host::details(request, facts).map_err(&mut told),
            false => Err(Missing::NotAsked),
        };
        let ports = match columns::wants_ports(list) {
            true => {
                let text = host::text(request, facts, facts.answer(&probes::ports()), "xenstore-ls");
                text.map(|text| xenstore::vnc_ports(&text)).map_err(&mut told)
            }
            false => Err(Missing::NotAsked),
        };
        let version = match columns::wanted(list, Known::HyperRun) {
            true => {
                let what = format!("{} info", probes::tool(request));
                let text = host::text(request, facts, facts.answer(&probes::hypervisor(request)), &what);
                let version =
                    text.map(|text| xl_info::value(&text, "xen_version").map(|version| format!("xen-{version}")));
                version.map_err(&mut told).and_then(|version| version.ok_or(Missing::None))
            }
            false => Err(Missing::NotAsked),
        };
        let machines = match columns::wanted(list, Known::Id) {
            true => {
                let found = conf::found(facts, &probes::configurations(&[]));
                problems.extend(found.problems);
                Ok(found.machines)
            }
            false => Err(Missing::NotAsked),
        };
        Knowledge { details, ports, version, machines }
    }

    fn of(&self, domain: &Domain) -> Result<&Details, Missing> {
        let details = self.details.as_ref().map_err(Clone::clone)?;
        let gone = || {
            Missing::Unknown(
                "the long list does not tell of it: it is being made or torn down, or was made by halves".into(),
            )
        };
        details.iter().find(|details| details.id == domain.id).ok_or_else(gone)
    }
}

fn value<T: Into<Value>>(known: Result<T, Missing>) -> Value {
    known.map_or_else(Value::Missing, Into::into)
}

/// Everything of the row but its interface.
fn row(request: &Request, host: &HostFacts, domain: &Domain, known: &Knowledge) -> Record {
    // Every host has the same uuid for its Domain-0, zeros throughout: that names nothing.
    let uuid = domain.uuid.clone().filter(|uuid| !uuid.bytes().all(|b| b == b'0'));
    let port = match &known.ports {
        Ok(ports) => ports.iter().find(|(id, _)| *id == domain.id).map(|(_, port)| *port).ok_or(Missing::None),
        Err(why) => Err(why.clone()),
    };
    let display = port.clone().and_then(|port| port.checked_sub(VNC_BASE).ok_or(Missing::None));
    let number = |number: Result<u16, Missing>| value(number.map(|number| Value::Number(number.into())));
    let kind = known.of(domain).and_then(|details| details.kind.ok_or(Missing::None));
    let half_made = known.details.as_ref().is_ok_and(|details| host::is_half_made(domain, details));
    let state = if half_made { "half made" } else { domain.state.word() };
    let mut record = Record::new(SESSION_TYPE)
        .with(Known::Pm, host.node.as_str())
        .with(Known::Node, host.node.as_str())
        .with(Known::Label, domain.name.as_str())
        .with(Known::Id, value(path(domain, &known.machines)))
        .with(Known::Uuid, value(uuid.ok_or(Missing::None)))
        .with(Known::Cport, number(port))
        .with(Known::Display, number(display))
        .with(Known::Pid, Value::Number(domain.id.into()))
        .with(Known::Side, Side::Server.word())
        .with(Known::State, state)
        .with(Known::Arch, host.machine.as_str())
        .with(Known::ExecPath, probes::tool(request))
        .with(Known::HyperRun, value(known.version.clone()))
        .with(Known::Accelerator, value(kind.map(|kind| kind.word())))
        .with(Known::Vcpu, Value::Number(domain.vcpus.into()))
        .with(Known::Vram, i64::try_from(domain.memory).map_or(Value::Missing(Missing::None), Value::Number));
    columns::not_applicable(&mut record);
    record
}

/// The one configuration that describes the domain.
fn path(domain: &Domain, machines: &Result<Vec<Machine>, Missing>) -> Result<String, Missing> {
    let machines = machines.as_ref().map_err(Clone::clone)?;
    let fitting: Vec<&Machine> = machines.iter().filter(|machine| machine.is(domain)).collect();
    let in_use: Vec<&Machine> = fitting
        .iter()
        .copied()
        .filter(|machine| machine.is_in_use() && !fitting.iter().any(|base| conf::is_boot_file(machine, base)))
        .collect();
    match (&in_use[..], &fitting[..]) {
        ([machine], _) | ([], [machine]) => Ok(machine.shown_path()),
        ([], []) => Err(Missing::None),
        (several, _) => {
            let all = if several.is_empty() { &fitting } else { &in_use };
            let list: Vec<String> = all.iter().map(|machine| machine.shown_path()).collect();
            Err(Missing::Unknown(format!("{} configurations fit: {}", list.len(), list.join(", "))))
        }
    }
}

/// The row with its interface: the last one, as the original has it, or a row for each.
fn per_interface(list: &List, row: &Record, domain: &Domain, known: &Knowledge) -> Vec<Record> {
    let without = |why: Missing| {
        let mut row = row.clone();
        row.set(Known::Mac, Value::Missing(why.clone()));
        row.set(Known::Interface, Value::Missing(why));
        // Which address a guest has, only the guest knows.
        row.set(Known::Tcp, Value::Missing(Missing::NotAsked));
        row
    };
    let details = match known.of(domain) {
        Ok(details) => details,
        Err(why) => return vec![without(why)],
    };
    let mut rows = Vec::new();
    for nic in &details.nics {
        let mut row = without(Missing::None);
        row.set(Known::Interface, nic.name.as_str());
        row.set(Known::Mac, value(nic.mac.clone().ok_or(Missing::None)));
        rows.push(row);
    }
    match list.per_interface {
        _ if rows.is_empty() => vec![without(Missing::None)],
        true => rows,
        false => rows.pop().into_iter().collect(),
    }
}
