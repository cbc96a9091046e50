//! ENUMERATE: the machines as configured, one record per network card (ctys.md 2.4 and 6.1).

use crate::conf::{self, Body, Machine};
use crate::parse::guest::Vnc;
use crate::{SESSION_TYPE, columns, probes};
use ctys_plugin::machines::{Configured, left_out, shown};
use ctys_plugin::magic::state_wanted;
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Enumerate, Facts, Field, Findings, Missing, Phase, Probe, Problem, Record, Request, Value};

/// The walk, and whether this host has an emulator unless that does not matter.
pub fn wants(enumerate: &Enumerate) -> Vec<Probe> {
    let mut probes = probes::configurations(&enumerate.base);
    if !even_without_qemu(enumerate) {
        probes.push(probes::emulator_names());
    }
    probes
}

/// MATCHVSTAT:ALL shows what is configured where it cannot run (ctys.md 2.4).
fn even_without_qemu(enumerate: &Enumerate) -> bool {
    enumerate.states.iter().any(|state| state.eq_ignore_ascii_case("ALL"))
}

/// The records.
pub fn plan(request: &Request, enumerate: &Enumerate, facts: &Facts) -> Findings {
    let Some(host) = &facts.host else { return super::unreached() };
    let blank = || Record::new(SESSION_TYPE).with(Known::Pm, host.node.as_str());
    let found = conf::found(facts, &probes::configurations(&enumerate.base));
    let wanted = |machine: &&Machine| state_wanted(&enumerate.states, machine.state());
    if !even_without_qemu(enumerate)
        && let Err(problem) = has_emulator(facts)
    {
        let none_here = problem.phase == Phase::Here;
        let machines = if none_here { found.machines.iter().filter(wanted).count() } else { 0 };
        let problem = left_out(SESSION_TYPE, machines, problem);
        return match request.session_type {
            // Where all plugins are asked, a host without QEMU has no rows of it, and that is no error.
            None if none_here && machines == 0 => Findings::default(),
            Some(_) if !none_here => Findings::problem(Problem { phase: Phase::Run, ..problem }),
            _ => Findings::problem(Problem { phase: Phase::Notice, ..problem }),
        };
    }
    let mut findings = Findings { problems: found.problems, ..Findings::default() };
    // That a default folder is not there is nothing to tell.
    if !enumerate.base.is_empty() {
        let gone = |path| Problem::new(Phase::Notice, format!("{} is no folder", shown(path)));
        findings.problems.extend(found.absent.iter().map(gone));
    }
    for path in &found.unreadable {
        findings.problems.push(Problem::new(Phase::Notice, format!("{} may not be read", shown(path))));
    }
    for machine in found.machines.iter().filter(wanted) {
        of_machine(enumerate, machine, blank(), &mut findings);
    }
    findings
}

/// Whether there is an emulator; the error of phase `Here` says that there is none, any other that nobody knows.
fn has_emulator(facts: &Facts) -> Result<(), Problem> {
    let text = ctys_plugin::outputs::text(facts, &probes::emulator_names(), "sh");
    match text {
        Ok(text) if text.lines().any(|line| line.starts_with("program ")) => Ok(()),
        Ok(_) => Err(Problem::new(Phase::Here, "this host has no qemu-system-* program")),
        Err(why) => {
            let why = why.detail().unwrap_or("the host did not answer").to_string();
            Err(Problem::new(Phase::Run, format!("whether this host has QEMU is not known: {why}")))
        }
    }
}

fn of_machine(enumerate: &Enumerate, machine: &Machine, mut record: Record, findings: &mut Findings) {
    let line = &machine.line;
    let number = |number: Option<i64>| number.map(Value::Number);
    let port = match line.vnc() {
        Some(Vnc::Port(port)) => Some(i64::from(port)),
        _ => None,
    };
    let is_known = matches!(machine.body, Body::Arguments(_) | Body::ReadConfig);
    let native = [
        (Known::Label, Some(Value::from(machine.name()))),
        (Known::Uuid, machine.uuid().map(Value::from)),
        (Known::Vram, number(line.memory().filter(|_| is_known))),
        (Known::Vcpu, number(line.processors().filter(|_| is_known))),
        (Known::Display, number(port.map(|port| port - super::list::VNC_BASE))),
        (Known::Cport, number(port)),
        (Known::Accelerator, line.accelerator().filter(|_| is_known).map(|word| Value::from(word.into_owned()))),
        (Known::Arch, line.arch().map(Value::from)),
    ];
    record.set(Known::Id, Value::from_bytes(machine.path.as_slice()));
    record.set(Known::Category, "VM");
    for (known, value) in native {
        if let Some(value) = value {
            record.set(known, value);
        }
    }
    let text = |text: Option<String>| text.map_or(Value::Missing(Missing::None), Value::from);
    record.set(Field::Other(columns::MACHINE.into()), text(line.board().map(str::to_string)));
    record.set(Field::Other(columns::IMAGE.into()), text(line.image().map(str::to_string)));
    for magic in &machine.magics {
        magic.fill(&mut record, enumerate.fields.as_ref());
    }
    let path = machine.shown_path();
    if let Body::Broken(why) = &machine.body {
        findings.problems.push(Problem::new(Phase::Notice, format!("{path}: its arguments cannot be read: {why}")));
    }
    let (interfaces, odd) = machine.interfaces_with_problems();
    findings
        .problems
        .extend(odd.into_iter().map(|problem| Problem { message: format!("{path}: {}", problem.message), ..problem }));
    if interfaces.is_empty() {
        for known in [Known::Mac, Known::Tcp, Known::Interface, Known::Netmask, Known::Relay] {
            record.set(known, Value::Missing(Missing::None));
        }
        findings.records.push(record);
        return;
    }
    for interface in &interfaces {
        let mut record = record.clone();
        interface.fill(&mut record);
        findings.records.push(record);
    }
}
