//! The companion tools: `cube-ctl` and its family, by the words of OverC (overc.md 1 to 3).
//!
//! `cube` and `c3` are wrappers: their first word is `ctl`, `console`, `cmd` or `cfg`; any other one goes to cube-ctl.

pub mod cfg;
pub mod change;
pub mod cmd;
pub mod console;
pub mod ctl;
pub mod info;
pub mod list;
pub mod netprime;
pub mod options;
pub mod report;
pub mod role;
pub mod source;
pub mod table;

use crate::flow::{Flow, Stop};
use ctys_plugin::model::{Bytes, ToolCall};
use role::Role;

/// The tools behind their names, those of the wrappers `cube` and `c3` included: which one is meant, and its own words.
pub fn meant<'w>(name: &str, words: &'w [Bytes]) -> Option<(&'static str, &'w [Bytes])> {
    let of = |short: &str| ["ctl", "console", "cmd", "cfg"].into_iter().find(|tool| *tool == short);
    match name {
        "cube" | "c3" => match words.split_first() {
            Some((first, rest)) if of(&first.to_text()).is_some() => Some((of(&first.to_text())?, rest)),
            _ => Some(("ctl", words)),
        },
        _ => Some((of(name.strip_prefix("cube-").or_else(|| name.strip_prefix("c3-"))?)?, words)),
    }
}

/// Does what the words say: here, or by the one who may.
pub fn run(flow: &mut Flow<'_>, call: &ToolCall) -> Result<(), Stop> {
    let (tool, words) = meant(&call.tool, &call.words).unwrap_or(("ctl", &call.words));
    match role::of(flow) {
        Role::Cube => role::ask(flow, call, tool, words),
        Role::For(caller) => role::serve(flow, call, &caller),
        Role::Control => here(flow, call, tool, words),
    }
}

/// Does it here.
pub fn here(flow: &mut Flow<'_>, call: &ToolCall, tool: &str, words: &[Bytes]) -> Result<(), Stop> {
    match tool {
        "ctl" => ctl::run(flow, call, words),
        "cfg" => cfg::run(flow, call, words),
        "console" => console::run(flow, call, words),
        _ => cmd::run(flow, call, words),
    }
}
