//! ctys: one command line for every kind of session a lab has.
//!
//! The program reads its words ([`run`]), lets `core/line` say what they mean, lets `core/engine` do it, lets
//! `core/table` say how it looks, and prints it ([`screen`], the one door to the terminal).

mod collect;
mod hidden;
mod home;
mod info;
mod open;
mod plugin_tool;
mod report;
mod run;
mod screen;
mod select;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    let words: Vec<_> = words.collect();
    match hidden::start(&words) {
        Some(code) => code,
        None => ExitCode::from(plugin_tool::run(&program, &words).unwrap_or_else(|| run::run(words))),
    }
}
