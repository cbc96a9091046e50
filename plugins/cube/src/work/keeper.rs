//! The terminal of a cube's first program: a process of this program holds it (see `core/engine/src/cube/keeper.rs`), on the
//! machine where that program is. Cubes of other hosts are started without a terminal.

use crate::cube::Cube;
use crate::flow::Flow;
use ctys_plugin::model::bytes::escape;
use ctys_plugin::model::effect::ConsoleSocket;
use ctys_plugin::model::{Command, Console, ConsoleKind, Privilege, Step};

/// Where consoles of a cube connect to.
const CONSOLES: &str = ".cube.console";

/// Where the runtime hands the terminal over.
const RUNTIME: &str = ".cube.console.runtime";

/// The longest path of a socket on Linux.
const LONGEST: usize = 107;

/// Ctrl-\.
pub const KEY: u8 = 0x1c;

/// Whether the settings want a terminal for the first program.
pub fn is_wanted(cube: &Cube<'_>) -> bool {
    matches!(cube.line("cube.console.mgr"), "tty" | "screen-tty" | "interactive")
}

/// Whether it can have one here.
pub fn is_possible(flow: &Flow<'_>, cube: &Cube<'_>) -> bool {
    let here = flow.request.target.local && !flow.request.caller.program.is_empty();
    here && is_wanted(cube) && flow.places.file(cube.name, RUNTIME).len() <= LONGEST
}

/// Starts the keeper.
pub fn step(flow: &Flow<'_>, cube: &Cube<'_>) -> Step {
    let program = flow.request.caller.program.to_text().into_owned();
    let paths = [flow.places.file(cube.name, CONSOLES), runtime_socket(flow, cube)];
    Step::run("keeper", Command::new(&program).arg("__cube_keeper").args(paths).as_root().changes())
}

/// The socket that `runc create` is told of.
pub fn runtime_socket(flow: &Flow<'_>, cube: &Cube<'_>) -> String {
    flow.places.file(cube.name, RUNTIME)
}

/// Ends a keeper that got no terminal.
pub fn end(flow: &Flow<'_>, cube: &Cube<'_>) -> Step {
    let path = runtime_socket(flow, cube);
    Step::run("keeper", Command::new("rm").args(["-f", "--", &path]).as_root().changes()).go_on()
}

/// The first program's terminal as a console. What it said before comes first.
pub fn console(flow: &Flow<'_>, cube: &Cube<'_>) -> Console {
    let socket =
        ConsoleSocket { path: flow.places.file(cube.name, CONSOLES).into(), privilege: Privilege::Root, owner: None };
    Console {
        socket: Some(socket),
        key: Some(KEY),
        says: Some("Press Control-\\ to exit the console handler:".into()),
        ..Console::new(ConsoleKind::Cli, &escape(cube.name.as_bytes()), crate::SESSION_TYPE)
    }
}
