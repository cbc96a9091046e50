//! CREATE: a tunnel to any port of the target. Those of viewers are opened with the viewer.

use crate::tunnels;
use ctys_plugin::model::{ConsoleKind, Create, Effect, Findings, Phase, Probe, Problem, Request, Tunnel};

/// Nothing: which port is free here is decided when the tunnel takes it.
pub fn wants() -> Vec<Probe> {
    Vec::new()
}

/// What to open.
pub fn plan(request: &Request, create: &Create) -> Effect {
    match tunnel(request, create) {
        Ok(tunnel) => Effect::Open(tunnel),
        Err(problem) => Effect::Report(Findings::problem(problem)),
    }
}

fn tunnel(request: &Request, create: &Create) -> Result<Tunnel, Problem> {
    let usage = |message: String| Problem::new(Phase::Usage, message);
    tunnels::check(&create.address)?;
    let Some(label) = create.address.label.clone().filter(|label| !label.is_empty()) else {
        return Err(usage("the id of a tunnel is known only while it is open".into()).hint("l:LABEL names the new one"));
    };
    if create.mode.is_some() {
        return Err(usage("a tunnel is opened anew: CONNECT, REUSE, RECONNECT and RESUME are for sessions".into()));
    }
    if create.console.is_some_and(|console| console != ConsoleKind::None) {
        return Err(usage("a tunnel has no console".into()));
    }
    if request.target.local {
        return Err(usage("a tunnel leads to another machine".into()).hint("name a target that is not localhost"));
    }
    let port = create.extra.get("PORT").and_then(|port| port.parse().ok()).filter(|port| *port > 0);
    let Some(remote_port) = port else {
        return Err(usage("no port of the target is named".into()).hint("PORT:5901, for example"));
    };
    let behind = create.extra.get("TYPE").map_or("TCP", String::as_str).to_ascii_uppercase();
    if behind.is_empty() || !behind.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
        return Err(usage(format!("TYPE:{behind} is not made of letters and digits")));
    }
    Ok(Tunnel { label, session_type: behind, remote_port })
}
