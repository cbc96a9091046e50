//! The starts of this program by itself, which no user types.

use std::ffi::OsString;
use std::process::ExitCode;

/// Serves a hidden start, when the words are one.
pub fn start(words: &[OsString]) -> Option<ExitCode> {
    match words {
        // The process that keeps a tunnel.
        [word, rest @ ..] if word == ctys_engine::tunnel::HIDDEN_VERB => {
            Some(ExitCode::from(ctys_engine::tunnel::serve(rest)))
        }
        // The relay of a console that is a socket of this machine.
        [word, rest @ ..] if word == ctys_engine::console::HIDDEN_VERB => {
            Some(ExitCode::from(ctys_engine::console::serve(rest)))
        }
        // The process that holds the terminal of a cube.
        [word, rest @ ..] if word == ctys_engine::cube::KEEPER => Some(ExitCode::from(ctys_engine::cube::keep(rest))),
        // A shell in a cube, with a key that leaves it.
        [word, rest @ ..] if word == ctys_engine::cube::SHELL => Some(ExitCode::from(ctys_engine::cube::shell(rest))),
        // The command channel of the cubes, on either side.
        [word, rest @ ..] if word == ctys_engine::cube::channel::SERVER => {
            Some(ExitCode::from(ctys_engine::cube::channel::serve(rest)))
        }
        [word, rest @ ..] if word == ctys_engine::cube::channel::CALL => {
            Some(ExitCode::from(ctys_engine::cube::channel::call(rest)))
        }
        // A plugin from outside the bundled and system folders runs in a process of its own.
        [word, file] if word == ctys_engine::plugins::HIDDEN_VERB => {
            ctys_engine::plugins::serve_child(file.as_ref());
        }
        _ => None,
    }
}
