//! ctys: one command line for every kind of session a lab has.
//!
//! The program reads its words ([`run`]), lets `core/line` say what they mean, lets `core/engine` do it, lets
//! `core/table` say how it looks, and prints it ([`screen`], the one door to the terminal). By its other names it is one of
//! the companion [`tools`].

mod collect;
mod completion;
mod doctor;
mod find;
mod guard;
mod hidden;
mod home;
mod info;
#[cfg(test)]
mod manual;
mod open;
mod output;
mod plan_file;
mod plugin_tool;
mod remarks;
mod report;
mod resolve;
mod run;
mod screen;
mod select;
mod sources;
mod stacks;
mod tools;

use std::process::ExitCode;

fn main() -> ExitCode {
    ctys_engine::memory::one_heap();
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    let words: Vec<_> = words.collect();
    if let Some(code) = hidden::start(&words) {
        return code;
    }
    match tools::meant(&program, &words) {
        Some((tool, words)) => ExitCode::from(tools::run(tool, words)),
        // A verb of ours is never a tool of a plugin, but a tool has verbs of the same name: `cube-ctl start`.
        None if is_ctys(&program) && words.first().is_some_and(|word| is_verb(word)) => ExitCode::from(run::run(words)),
        None => ExitCode::from(plugin_tool::run(&program, &words).unwrap_or_else(|| run::run(words))),
    }
}

fn is_ctys(program: &std::ffi::OsStr) -> bool {
    std::path::Path::new(program).file_name().is_some_and(|name| name == "ctys")
}

fn is_verb(word: &std::ffi::OsStr) -> bool {
    ctys_line::VERBS.iter().any(|verb| word == verb.name)
}
