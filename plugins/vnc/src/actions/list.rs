//! LIST: every VNC server and every viewer, whoever started them (ctys.md 2.3, 5.1).

use crate::desktops::{self, Desktops};
use crate::parse::server::Server;
use crate::parse::viewer::Viewer;
use crate::parse::{VNC_BASE, program};
use crate::{SESSION_TYPE, columns};
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Facts, Findings, HostFacts, List, Missing, Probe, Process, Record, Request, Side, Value};

/// One look at the processes.
pub fn wants(list: &List) -> Vec<Probe> {
    let is_any = is_listed(list, Side::Client) || is_listed(list, Side::Server);
    if is_any { desktops::wants() } else { Vec::new() }
}

fn is_listed(list: &List, side: Side) -> bool {
    list.side.is_none_or(|asked| asked == side || asked == Side::Both)
}

/// The rows: clients first, as the classic table has them.
pub fn plan(request: &Request, list: &List, facts: &Facts) -> Findings {
    if wants(list).is_empty() {
        return Findings::default();
    }
    let Some(host) = &facts.host else { return super::unreached() };
    let desktops = match Desktops::of(facts) {
        Ok(desktops) => desktops,
        Err(problem) => return Findings::problem(problem),
    };
    let counts = |process: &Process| desktops::counts(&request.scope, host, process);
    let viewers = desktops.viewers.iter().filter(|viewer| is_listed(list, Side::Client) && counts(&viewer.process));
    let servers = desktops.servers.iter().filter(|server| is_listed(list, Side::Server) && counts(&server.process));
    let clients = viewers.map(|viewer| client(host, viewer, &desktops.label(viewer)));
    Findings::records(clients.chain(servers.map(|server| self::server(host, server))).collect())
}

fn client(host: &HostFacts, viewer: &Viewer, label: &str) -> Record {
    row(host, &viewer.process, Side::Client)
        .with(Known::Label, label)
        .with(Known::Id, number(viewer.display().map(i64::from)))
        .with(Known::Display, number(viewer.display().map(i64::from)))
        // The port is the server's, or the tunnel's.
        .with(Known::Cport, Value::Missing(Missing::NotApplicable))
}

fn server(host: &HostFacts, server: &Server) -> Record {
    let display = server.port.and_then(|port| port.checked_sub(VNC_BASE)).map(i64::from);
    row(host, &server.process, Side::Server)
        .with(Known::Label, server.label.as_str())
        .with(Known::Id, number(server.display.map(i64::from)))
        .with(Known::Display, number(server.display.map(i64::from).or(display)))
        .with(Known::Cport, number(server.port.map(i64::from)))
        .with(Known::State, "running")
}

fn row(host: &HostFacts, process: &Process, side: Side) -> Record {
    let mut record = Record::new(SESSION_TYPE)
        .with(Known::Pm, host.node.as_str())
        .with(Known::Node, host.node.as_str())
        .with(Known::Pid, Value::Number(process.pid.into()))
        .with(Known::User, process.user.as_str())
        .with(Known::Group, process.group.as_str())
        .with(Known::Side, side.word())
        .with(Known::Arch, host.machine.as_str());
    // The name in the place of the first argument is ours, not that of a program.
    let name = program(process);
    match name.contains(' ') {
        true => record.set(Known::ExecPath, Value::Missing(Missing::None)),
        false => record.set(Known::ExecPath, name),
    }
    columns::not_applicable(&mut record);
    record
}

fn number(number: Option<i64>) -> Value {
    number.map_or(Value::Missing(Missing::None), Value::Number)
}
