//! ctys: one command line for every kind of session a lab has.
//!
//! The program reads its words ([`run`]), lets `core/line` say what they mean, lets `core/engine` do it, lets
//! `core/table` say how it looks, and prints it ([`screen`], the one door to the terminal).

mod collect;
mod home;
mod info;
mod report;
mod run;
mod screen;
mod select;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let _program = words.next();
    let words: Vec<_> = words.collect();
    // A plugin from outside the bundled and system folders runs in a process of its own: this program, called so.
    if let [word, file] = &words[..]
        && word == ctys_engine::plugins::HIDDEN_VERB
    {
        ctys_engine::plugins::serve_child(file.as_ref());
    }
    ExitCode::from(run::run(words))
}
