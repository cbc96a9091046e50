//! GETCLIENTPORT and ISACTIVE of a tunnel: the port a client of it connects to.
//!
//! ```text
//! CLIENTPORT(DIGGER,localhost,tst100)=5950
//! ISACTIVE(DIGGER,5950-5900)=0      0 is open, 1 is not
//! ```

use crate::{SESSION_TYPE, probes, tunnels};
use ctys_plugin::model::{Facts, Findings, MachineAddress, Phase, Probe, Problem, Request};

/// One look at the processes.
pub fn wants() -> Vec<Probe> {
    vec![probes::keepers()]
}

/// The line with the port.
pub fn port(request: &Request, address: &MachineAddress, facts: &Facts) -> Findings {
    let port = found(request, address, facts).and_then(|port| {
        port.ok_or_else(|| Problem::new(Phase::Run, format!("no tunnel has {}", tunnels::words(address))))
    });
    match port {
        Ok(port) => line(format!("CLIENTPORT({SESSION_TYPE},{},{})={port}", request.target.host, typed(address))),
        Err(problem) => Findings::problem(problem),
    }
}

/// The line with the state.
pub fn active(request: &Request, address: &MachineAddress, facts: &Facts) -> Findings {
    match found(request, address, facts) {
        Ok(port) => line(format!("ISACTIVE({SESSION_TYPE},{})={}", typed(address), u8::from(port.is_none()))),
        Err(problem) => Findings::problem(problem),
    }
}

fn found(request: &Request, address: &MachineAddress, facts: &Facts) -> Result<Option<u16>, Problem> {
    tunnels::check(address)?;
    let all = tunnels::all(facts)?;
    let meant = tunnels::meant(&all, address);
    tunnels::only(&meant, request, address)?;
    Ok(meant.first().map(|tunnel| tunnel.local_port))
}

/// The parts of the address as in the call, without their keys.
fn typed(address: &MachineAddress) -> String {
    [&address.label, &address.id].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(",")
}

fn line(text: String) -> Findings {
    Findings { text: vec![text], ..Findings::default() }
}
