//! GETCLIENTPORT and ISACTIVE (ctys.md 2.6).
//!
//! ```text
//! CLIENTPORT(QEMU,lab00,tst100)=5900
//! ISACTIVE(QEMU,/home/mia/vm/tst100/tst100.ctys)=0      0 is running, 1 is not
//! ```

use crate::SESSION_TYPE;
use crate::resolve;
use ctys_plugin::machines::{typed, words};
use ctys_plugin::model::{Facts, Findings, MachineAddress, Phase, Probe, Problem, Request};

/// What runs.
pub fn wants(request: &Request, address: &MachineAddress) -> Vec<Probe> {
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
            let runs = subject.running.is_some();
            line(format!("ISACTIVE({SESSION_TYPE},{})={}", typed(address), u8::from(!runs)))
        }
        Err(problem) => Findings::problem(problem),
    }
}

fn find_port(request: &Request, address: &MachineAddress, facts: &Facts) -> Result<Findings, Problem> {
    let subject = resolve::resolve(request, address, facts, false)?;
    let Some(running) = subject.running else {
        return Err(Problem::new(Phase::Run, format!("no running machine has {}", words(address))));
    };
    // A SPICE client connects to a port as well, if to another program's.
    let spice = || running.line.spice().and_then(|port| port.parse().ok());
    match running.vnc_port().or_else(spice) {
        Some(port) => {
            let host = &request.target.host;
            Ok(line(format!("CLIENTPORT({SESSION_TYPE},{host},{})={port}", typed(address))))
        }
        None if let Some(problem) = running.unasked_port() => Err(problem),
        None => Err(Problem::new(Phase::Run, format!("{} has no port to connect to", running.title()))
            .hint("CONSOLE:VNC starts it with one, as does -vnc in its configuration")),
    }
}

fn line(text: String) -> Findings {
    Findings { text: vec![text], ..Findings::default() }
}
