//! LIST: every tunnel that starts on the machine (ctys.md 2.3, 5.2).

use crate::parse::keeper::{PROGRAM, Tunnel};
use crate::{columns, probes, tunnels};
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Facts, Findings, HostFacts, List, Probe, Record, Request, Side, Value};

/// One look at the processes.
pub fn wants(list: &List) -> Vec<Probe> {
    if is_listed(list) { vec![probes::keepers()] } else { Vec::new() }
}

fn is_listed(list: &List) -> bool {
    matches!(list.side, None | Some(Side::Tunnel | Side::Both))
}

/// The rows.
pub fn plan(request: &Request, list: &List, facts: &Facts) -> Findings {
    if !is_listed(list) {
        return Findings::default();
    }
    let Some(host) = &facts.host else { return super::unreached() };
    match tunnels::all(facts) {
        Ok(all) => {
            let counted = all.iter().filter(|tunnel| tunnels::counts(&request.scope, host, tunnel));
            Findings::records(counted.map(|tunnel| row(host, tunnel)).collect())
        }
        Err(problem) => Findings::problem(problem),
    }
}

fn row(host: &HostFacts, tunnel: &Tunnel) -> Record {
    let mut record = Record::new(&format!("SSH({})", tunnel.behind))
        .with(Known::Pm, host.node.as_str())
        .with(Known::Node, host.node.as_str())
        .with(Known::Label, tunnel.label.as_str())
        .with(Known::Id, tunnel.id())
        .with(Known::Cport, Value::Number(tunnel.local_port.into()))
        .with(Known::Sport, Value::Number(tunnel.remote_port.into()))
        .with(Known::Pid, Value::Number(tunnel.process.pid.into()))
        .with(Known::User, tunnel.process.user.as_str())
        .with(Known::Group, tunnel.process.group.as_str())
        .with(Known::Side, Side::Tunnel.word())
        .with(Known::Context, tunnel.target.as_str())
        .with(Known::ExecPath, PROGRAM)
        .with(Known::Arch, host.machine.as_str());
    columns::not_applicable(&mut record);
    record
}
