//! LIST: the machine itself, one row, or one per network interface (ctys.md 2.3 and 5.1).

use crate::parse::{Interface, main_interface};
use crate::{SESSION_TYPE, columns, identity};
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Facts, Findings, HostFacts, List, Missing, Phase, Probe, Problem, Record, Side, Value};

/// The probes of the columns that are asked for.
pub fn wants(list: &List) -> Vec<Probe> {
    if is_listed(list) { columns::price(list) } else { Vec::new() }
}

/// A machine serves: it is neither a client nor a tunnel. It is everybody's, so `-s` hides it from nobody.
fn is_listed(list: &List) -> bool {
    matches!(list.side, None | Some(Side::Server | Side::Both))
}

/// The rows.
pub fn plan(list: &List, facts: &Facts) -> Findings {
    if !is_listed(list) {
        return Findings::default();
    }
    // Without a word from the host a row would be made up.
    let Some(host) = &facts.host else { return super::unreached() };
    let mut findings = Findings::default();
    let machine = machine(list, host, facts, &mut findings.problems);
    if !columns::wants_interfaces(list) {
        findings.records.push(machine);
        return findings;
    }
    match identity::interfaces(facts) {
        Ok(interfaces) if list.per_interface => {
            let others = interfaces.iter().filter(|interface| !interface.loopback);
            findings.records = others.map(|interface| with_interface(&machine, Some(interface))).collect();
        }
        Ok(interfaces) => {
            let route = identity::default_interface(facts);
            findings.records.push(with_interface(&machine, main_interface(&interfaces, route.as_deref())));
        }
        Err(why) => {
            if let Missing::Unknown(sentence) = &why {
                findings.problems.push(Problem::new(Phase::Run, sentence.clone()));
            }
            let mut row = machine.clone();
            for known in [Known::Mac, Known::Tcp, Known::Interface] {
                row.set(known, Value::Missing(why.clone()));
            }
            findings.records.push(row);
        }
    }
    // A machine whose only interface is its loopback is still there.
    if findings.records.is_empty() {
        findings.records.push(with_interface(&machine, None));
    }
    findings
}

/// Everything of the row but its interface.
fn machine(list: &List, host: &HostFacts, facts: &Facts, problems: &mut Vec<Problem>) -> Record {
    let identity = identity::identify(facts);
    // The session type is PM even where CATEGORY says VM: it is the type that `-t` selects and that this plugin serves.
    // CATEGORY has a field of its own.
    let mut record = Record::new(SESSION_TYPE)
        .with(Known::Pm, host.node.as_str())
        .with(Known::Node, host.node.as_str())
        .with(Known::Arch, host.machine.as_str())
        .with(Known::Os, host.system.as_str())
        .with(Known::OsRel, host.release.as_str())
        .with(Known::Side, Side::Server.word())
        .with(Known::Pid, Value::Number(1))
        .with(Known::State, "running")
        .with(Known::Label, identity.label.clone().unwrap_or_default())
        .with(Known::Category, identity.magic.get("CATEGORY").unwrap_or(SESSION_TYPE))
        .with(Known::Context, identity.magic.get("CSTRG").unwrap_or(""));
    record.set(
        Known::Id,
        identity.path.map_or(Value::Missing(identity.no_path.clone().unwrap_or(Missing::None)), Value::from),
    );
    columns::not_applicable(&mut record);
    if columns::wanted(list, Known::Uuid) {
        record.set(Known::Uuid, identity::uuid(&identity, facts));
    }
    problems.extend(identity.problems);
    record
}

fn with_interface(machine: &Record, interface: Option<&Interface>) -> Record {
    let value = |text: Option<String>| text.map_or(Value::Missing(Missing::None), Value::from);
    machine
        .clone()
        .with(Known::Interface, value(interface.map(|i| i.name.clone())))
        .with(Known::Mac, value(interface.and_then(|i| i.mac.clone())))
        .with(Known::Tcp, value(interface.and_then(|i| i.best_address()).map(|ip| ip.to_string())))
}
