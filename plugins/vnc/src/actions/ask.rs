//! GETCLIENTPORT and ISACTIVE (ctys.md 2.6).
//!
//! ```text
//! CLIENTPORT(VNC,lab00,tst100)=5901
//! ISACTIVE(VNC,tst100)=0      0 is running, 1 is not
//! ```

use crate::SESSION_TYPE;
use crate::desktops::{self, Desktops, only, words};
use crate::parse::server::Server;
use ctys_plugin::model::{Facts, Findings, MachineAddress, Phase, Probe, Problem, Request};

/// One look at the processes.
pub fn wants() -> Vec<Probe> {
    desktops::wants()
}

/// The line with the port.
pub fn port(request: &Request, address: &MachineAddress, facts: &Facts) -> Findings {
    let desktops = match Desktops::of(facts) {
        Ok(desktops) => desktops,
        Err(problem) => return Findings::problem(problem),
    };
    match find(request, address, &desktops) {
        Ok(Some(Server { port: Some(port), .. })) => {
            line(format!("CLIENTPORT({SESSION_TYPE},{},{})={port}", request.target.host, typed(address)))
        }
        Ok(Some(server)) => {
            Findings::problem(Problem::new(Phase::Run, format!("{} listens on no port", desktops::shown(server))))
        }
        Ok(None) => Findings::problem(Problem::new(Phase::Run, format!("no desktop has {}", words(address)))),
        Err(problem) => Findings::problem(problem),
    }
}

/// The line with the state.
pub fn active(request: &Request, address: &MachineAddress, facts: &Facts) -> Findings {
    match Desktops::of(facts).and_then(|desktops| Ok(find(request, address, &desktops)?.is_some())) {
        Ok(runs) => line(format!("ISACTIVE({SESSION_TYPE},{})={}", typed(address), u8::from(!runs))),
        Err(problem) => Findings::problem(problem),
    }
}

fn find<'a>(
    request: &Request,
    address: &MachineAddress,
    desktops: &'a Desktops,
) -> Result<Option<&'a Server>, Problem> {
    if let Some(part) = desktops::foreign_part(address) {
        return Err(super::usage(format!("a desktop has no {part}")).hint("l:LABEL or i:DISPLAY names one"));
    }
    if address.label.is_none() && address.id.is_none() {
        return Err(super::usage("no desktop is named").hint("l:LABEL or i:DISPLAY names one"));
    }
    only(&desktops.meant(address), request, &words(address))
}

/// The parts of the address as in the call, without their keys.
fn typed(address: &MachineAddress) -> String {
    [&address.label, &address.id].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(",")
}

fn line(text: String) -> Findings {
    Findings { text: vec![text], ..Findings::default() }
}
