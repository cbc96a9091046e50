//! LIST: every container that the runtime has a record of, cubes and others. ENUMERATE: every cube there is.

use super::{look, seen};
use crate::columns::row;
use crate::cube::Cube;
use crate::places::Places;
use ctys_plugin::magic::state_wanted;
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Enumerate, Facts, Findings, List, Phase, Probe, Problem, Record, Request, Side};

/// The one look, unless no server is asked for.
pub fn wants(request: &Request, list: &List) -> Vec<Probe> {
    if is_listed(list) { vec![look(request)] } else { Vec::new() }
}

fn is_listed(list: &List) -> bool {
    matches!(list.side, None | Some(Side::Server | Side::Both))
}

/// The rows of what has a process; a record without one is no session.
pub fn plan(request: &Request, list: &List, facts: &Facts) -> Findings {
    if !is_listed(list) {
        return Findings::default();
    }
    let Some(host) = &facts.host else { return unreached() };
    let places = Places::of(request);
    match seen(request, facts) {
        Err(findings) => findings,
        Ok(survey) => {
            let alive = Cube::all(&survey).filter(Cube::is_alive);
            Findings::records(
                alive.flat_map(|cube| rows(list.per_interface, row(host, &places, &cube), &cube)).collect(),
            )
        }
    }
}

/// The row, or one for each address.
fn rows(each: bool, row: Record, cube: &Cube<'_>) -> Vec<Record> {
    let addresses = cube.addresses();
    match each && addresses.len() > 1 {
        true => addresses.iter().map(|address| row.clone().with(Known::Tcp, *address)).collect(),
        false => vec![row],
    }
}

/// What ENUMERATE needs.
pub fn wants_all(request: &Request) -> Vec<Probe> {
    vec![look(request)]
}

/// Every cube, whether it runs or not. Other containers are configured nowhere but in their records.
pub fn enumerate(request: &Request, enumerate: &Enumerate, facts: &Facts) -> Findings {
    let Some(host) = &facts.host else { return unreached() };
    let places = Places::of(request);
    let survey = match seen(request, facts) {
        Ok(survey) => survey,
        Err(findings) => return findings,
    };
    let inside = |cube: &Cube<'_>| {
        let path = places.cube(cube.name);
        let mut bases = enumerate.base.iter().filter(|base| !base.is_empty()).peekable();
        bases.peek().is_none() || bases.any(|base| path.starts_with(base.trim_end_matches('/')))
    };
    let wanted = state_wanted(&enumerate.states, None);
    let cubes = Cube::cubes(&survey).filter(|cube| wanted && inside(cube));
    Findings::records(cubes.map(|cube| row(host, &places, &cube)).collect())
}

/// A host that did not even give its name.
pub fn unreached() -> Findings {
    Findings::problem(Problem::new(Phase::Run, "the host did not say who it is"))
}
