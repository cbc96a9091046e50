//! ISACTIVE (ctys.md 2.6): `ISACTIVE(CUBE,web)=0` for a cube at work, 1 for any other.

use super::{look, nothing_fits, resolve, seen};
use crate::SESSION_TYPE;
use crate::places::Places;
use ctys_plugin::model::{Facts, Findings, MachineAddress, Probe, Request};

/// The one look.
pub fn wants(request: &Request) -> Vec<Probe> {
    vec![look(request)]
}

/// The line.
pub fn active(request: &Request, address: &MachineAddress, facts: &Facts) -> Findings {
    if facts.host.is_none() {
        return super::list::unreached();
    }
    let survey = match seen(request, facts) {
        Ok(survey) => survey,
        Err(findings) => return findings,
    };
    match resolve(&Places::of(request), address, &survey) {
        Ok(Some(cube)) => {
            let line = format!("ISACTIVE({SESSION_TYPE},{})={}", cube.name, u8::from(!cube.is_alive()));
            Findings { text: vec![line], ..Findings::default() }
        }
        Ok(None) => Findings::problem(nothing_fits(address)),
        Err(problem) => Findings::problem(problem),
    }
}
