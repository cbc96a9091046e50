//! ENUMERATE: the domains as configured, one record per network interface (ctys.md 2.4 and 6.1).

use crate::conf::{self, Machine};
use crate::host::{self, Trouble, Why};
use crate::{SESSION_TYPE, probes};
use ctys_plugin::machines::{Configured, left_out, shown};
use ctys_plugin::magic::state_wanted;
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Enumerate, Facts, Findings, Missing, Phase, Probe, Problem, Record, Request, Value};

/// The walk, and whether this is a Xen host unless that does not matter.
pub fn wants(enumerate: &Enumerate) -> Vec<Probe> {
    let mut probes = probes::configurations(&enumerate.base);
    if !even_without_xen(enumerate) {
        probes.push(probes::control());
    }
    probes
}

/// MATCHVSTAT:ALL shows what is configured where it cannot run (ctys.md 2.4).
fn even_without_xen(enumerate: &Enumerate) -> bool {
    enumerate.states.iter().any(|state| state.eq_ignore_ascii_case("ALL"))
}

/// The records.
pub fn plan(request: &Request, enumerate: &Enumerate, facts: &Facts) -> Findings {
    let Some(host) = &facts.host else { return super::unreached() };
    let blank = || Record::new(SESSION_TYPE).with(Known::Pm, host.node.as_str());
    let found = conf::found(facts, &probes::configurations(&enumerate.base));
    let wanted = |machine: &&Machine| state_wanted(&enumerate.states, machine.state());
    if !even_without_xen(enumerate)
        && let Err(trouble) = host::is_control_domain(facts)
    {
        let machines = found.machines.iter().filter(wanted).count();
        return match trouble.why {
            Why::NoXen if machines > 0 => Findings::problem(left_out(SESSION_TYPE, machines, trouble.problem)),
            _ => Trouble { problem: left_out(SESSION_TYPE, 0, trouble.problem), ..trouble }.findings(request),
        };
    }
    let mut findings = Findings { problems: found.problems, ..Findings::default() };
    // That a default folder is not there is nothing to tell.
    if !enumerate.base.is_empty() {
        let gone = |path| Problem::new(Phase::Notice, format!("{} is no folder", shown(path)));
        findings.problems.extend(found.absent.iter().map(gone));
    }
    for path in &found.unreadable {
        findings.records.push(blank());
        findings.problems.push(Problem::new(Phase::Notice, format!("{} may not be read", shown(path))));
    }
    for machine in found.machines.iter().filter(wanted) {
        of_machine(request, enumerate, machine, blank(), &mut findings);
    }
    findings
}

fn of_machine(
    request: &Request,
    enumerate: &Enumerate,
    machine: &Machine,
    mut record: Record,
    findings: &mut Findings,
) {
    let number = |number: Option<i64>| number.map(Value::Number);
    let display = machine.vnc_display();
    let native = [
        (Known::Label, machine.name().map(Value::from)),
        (Known::Uuid, machine.uuid().map(Value::from)),
        (Known::Vram, number(machine.config.number("memory"))),
        (Known::Vcpu, number(machine.config.number("vcpus"))),
        (Known::Display, number(display)),
        (Known::Cport, number(display.map(|display| display + i64::from(super::list::VNC_BASE)))),
        (Known::Accelerator, machine.kind().map(|kind| Value::from(kind.word()))),
    ];
    record.set(Known::Id, Value::from_bytes(machine.path.as_slice()));
    record.set(Known::Category, "VM");
    for (known, value) in native {
        if let Some(value) = value {
            record.set(known, value);
        }
    }
    for magic in &machine.magics {
        magic.fill(&mut record, enumerate.fields.as_ref());
    }
    let (interfaces, odd) = machine.cards();
    let mut tell = |what: &str, lines: &[usize]| {
        if !lines.is_empty() {
            let (path, lines) = (machine.shown_path(), lines.iter().map(usize::to_string).collect::<Vec<_>>());
            findings.problems.push(Problem::new(Phase::Notice, format!("{path}: {what} line {}", lines.join(", "))));
        }
    };
    tell("not understood in", &machine.config.odd_lines);
    tell(&format!("{} refuses it for", probes::tool(request)), &machine.config.lax_lines);
    findings.problems.extend(
        odd.into_iter()
            .map(|problem| Problem { message: format!("{}: {}", machine.shown_path(), problem.message), ..problem }),
    );
    let Some((last, others)) = interfaces.split_last() else {
        for known in [Known::Mac, Known::Tcp, Known::Interface, Known::Netmask, Known::Relay] {
            record.set(known, Value::Missing(Missing::None));
        }
        findings.records.push(record);
        return;
    };
    for interface in others {
        let mut record = record.clone();
        interface.fill(&mut record);
        findings.records.push(record);
    }
    last.fill(&mut record);
    findings.records.push(record);
}
