//! A cube that is not to be ended: its folder has the file `cube.protect`, whose first line says why.

use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use ctys_plugin::model::{Action, Problem};
use ctys_plugin::protect;

/// The mark.
const FILE: &str = "cube.protect";

/// Why this cube may not be ended by this call.
pub fn refusal(flow: &Flow<'_>, cube: &Cube<'_>) -> Option<Problem> {
    let asked = match &flow.request.action {
        Action::Cancel(cancel) => protect::counts(cancel),
        // A tool has no word for it: who means it takes the file away.
        _ => true,
    };
    let file = || flow.places.file(cube.name, FILE);
    (asked && cube.has(FILE)).then(|| protect::refusal(cube.name, cube.line(FILE), &file()))
}

/// Fails when the cube may not be ended by this call.
pub fn check(flow: &mut Flow<'_>, cube: &Cube<'_>) -> Result<(), Stop> {
    match refusal(flow, cube) {
        None => Ok(()),
        Some(problem) => flow.fail(format!("[ERROR]: {}; the mark is the file {FILE}", problem.message)),
    }
}
