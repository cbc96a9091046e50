//! GETCLIENTPORT and ISACTIVE (ctys.md 2.6).
//!
//! ```text
//! CLIENTPORT(XEN,lab00,tst100)=5900
//! ISACTIVE(XEN,/root/xen/tst100/tst100.conf)=0      0 is running, 1 is not
//! ```

use crate::parse::xenstore;
use crate::resolve;
use crate::{SESSION_TYPE, host, probes};
use ctys_plugin::machines::{typed, words};
use ctys_plugin::model::{Facts, Findings, MachineAddress, Phase, Probe, Problem, Request};

/// What runs, and the ports.
pub fn wants_port(request: &Request, address: &MachineAddress) -> Vec<Probe> {
    let mut probes = resolve::price(request, address, false);
    if !probes.is_empty() {
        probes.push(probes::ports());
    }
    probes
}

/// What runs.
pub fn wants_active(request: &Request, address: &MachineAddress) -> Vec<Probe> {
    resolve::price(request, address, false)
}

/// The line with the port.
pub fn port(request: &Request, address: &MachineAddress, facts: &Facts) -> Findings {
    find_port(request, address, facts).unwrap_or_else(Findings::problem)
}

/// The line with the state.
pub fn active(request: &Request, address: &MachineAddress, facts: &Facts) -> Findings {
    match resolve::resolve(request, address, facts, false) {
        Ok(subject) => {
            let runs = subject.domain.is_some_and(|domain| domain.state.is_alive());
            line(format!("ISACTIVE({SESSION_TYPE},{})={}", typed(address), u8::from(!runs)))
        }
        Err(problem) => Findings::problem(problem),
    }
}

fn find_port(request: &Request, address: &MachineAddress, facts: &Facts) -> Result<Findings, Problem> {
    let subject = resolve::resolve(request, address, facts, false)?;
    let Some(domain) = subject.domain else {
        return Err(Problem::new(Phase::Run, format!("no running domain has {}", words(address))));
    };
    let text = host::text(request, facts, facts.answer(&probes::ports()), "xenstore-ls");
    let ports = xenstore::vnc_ports(&text.map_err(|trouble| trouble.problem)?);
    match ports.iter().find(|(id, _)| *id == domain.id) {
        Some((_, port)) => {
            let host = &request.target.host;
            Ok(line(format!("CLIENTPORT({SESSION_TYPE},{host},{})={port}", typed(address))))
        }
        None => Err(Problem::new(Phase::Run, format!("{} has no VNC server", domain.name))
            .hint("vnc=1 or a vfb in its configuration gives it one")),
    }
}

fn line(text: String) -> Findings {
    Findings { text: vec![text], ..Findings::default() }
}
