//! ENUMERATE: the machine as configured in `/etc/ctys.d`, one record per interface (ctys.md 2.4 and 6.1).

use crate::SESSION_TYPE;
use crate::identity::{self, Conf};
use crate::probes::{self, PM_CONF, VM_CONF};
use ctys_plugin::magic::{Magic, state_wanted};
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Enumerate, Facts, Findings, Missing, Probe, Problem, Record, Value};

const FOLDER: &str = "/etc/ctys.d";

/// The files that stand below the base list.
pub fn wants(enumerate: &Enumerate) -> Vec<Probe> {
    let mut probes = Vec::new();
    if covers(&enumerate.base, PM_CONF) {
        probes.push(probes::pm_conf());
    }
    if covers(&enumerate.base, VM_CONF) {
        probes.push(probes::vm_conf());
    }
    probes
}

/// Whether a search below these folders finds the file. Without any the default holds, and [`FOLDER`] is part of it.
fn covers(base: &[String], path: &str) -> bool {
    let below = |base: &String| {
        let base = base.trim_end_matches('/');
        path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    base.is_empty() && path.starts_with(FOLDER) || base.iter().filter(|base| base.starts_with('/')).any(below)
}

/// The records.
pub fn plan(enumerate: &Enumerate, facts: &Facts) -> Findings {
    let mut findings = Findings::default();
    let mut present = 0;
    for path in [PM_CONF, VM_CONF].into_iter().filter(|path| covers(&enumerate.base, path)) {
        match identity::conf(facts, path) {
            Conf::Absent => continue,
            Conf::Denied => {
                findings.records.push(blank(facts));
                findings.problems.push(identity::denied(path));
            }
            Conf::Unknown(why) => {
                findings.problems.push(identity::not_read(path, &why));
                continue;
            }
            Conf::Read(magic) => of_file(path, &magic, enumerate, facts, &mut findings),
        }
        present += 1;
    }
    if present > 1 {
        findings.problems.push(identity::both_present());
    }
    findings
}

/// All that is known of a file that may not be read: where it is and what it must be.
fn blank(facts: &Facts) -> Record {
    let pm = facts.host.as_ref().map_or(Value::Missing(Missing::HostSilent), |host| Value::from(host.node.as_str()));
    Record::new(SESSION_TYPE).with(Known::Pm, pm)
}

fn of_file(path: &str, magic: &Magic, enumerate: &Enumerate, facts: &Facts, findings: &mut Findings) {
    if magic.is_empty() || magic.hidden() || !state_wanted(&enumerate.states, magic.get("VMSTATE")) {
        return;
    }
    let mut machine = blank(facts).with(Known::Id, path);
    // Whether there is a category decides over that of a physical machine.
    magic.fill(&mut machine, None);
    if machine.get(Known::Category).present().is_none() {
        machine.set(Known::Category, SESSION_TYPE);
    }
    let (interfaces, odd) = magic.interfaces();
    findings
        .problems
        .extend(odd.into_iter().map(|problem| Problem { message: format!("{path}: {}", problem.message), ..problem }));
    if interfaces.is_empty() {
        for known in [Known::Mac, Known::Tcp, Known::Interface, Known::Netmask, Known::Relay] {
            machine.set(known, Value::Missing(Missing::None));
        }
        findings.records.push(machine);
        return;
    }
    for interface in &interfaces {
        let mut record = machine.clone();
        interface.fill(&mut record);
        findings.records.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_base_covers_which_file() {
        let check = |base: &[&str], want: &[Probe]| {
            let base = base.iter().map(|b| b.to_string()).collect();
            assert_eq!(wants(&Enumerate { base, ..Enumerate::default() }), want);
        };
        let both = [probes::pm_conf(), probes::vm_conf()];
        check(&[], &both);
        check(&["/etc/ctys.d"], &both);
        check(&["/etc/ctys.d/"], &both);
        check(&["xen", "/etc/ctys.d"], &both);
        check(&["/etc"], &both);
        check(&["/"], &both);
        check(&["/etc/ctys.d/pm.conf"], &both[..1]);
        check(&["xen"], &[]);
        check(&["/etc/ctys"], &[]);
        check(&["etc/ctys.d"], &[]);
        check(&["/home", "/etc/ctys.d.old"], &[]);
    }
}
