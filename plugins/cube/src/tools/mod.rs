//! The companion tools: `cube-ctl` and its family, by the words of OverC (overc.md 1 to 3).
//!
//! `cube` and `c3` are wrappers: their first word is `ctl`, `console`, `cmd` or `cfg`; any other one goes to cube-ctl.

pub mod cfg;
pub mod change;
pub mod console;
pub mod ctl;
pub mod info;
pub mod list;
pub mod netprime;
pub mod options;
pub mod report;
pub mod source;
pub mod table;

use crate::flow::{Flow, Stop};
use crate::work::links;
use ctys_plugin::model::{Bytes, ToolCall};

/// Does what the words say.
pub fn run(flow: &mut Flow<'_>, call: &ToolCall) -> Result<(), Stop> {
    let wrapped = matches!(call.tool.as_str(), "cube" | "c3");
    let first = call.words.first().map(Bytes::to_text);
    let (tool, words) = match (wrapped, first.as_deref()) {
        (true, Some("ctl")) => ("ctl", &call.words[1..]),
        (true, Some("console")) => ("console", &call.words[1..]),
        (true, Some("cmd")) => ("cmd", &call.words[1..]),
        (true, Some("cfg")) => ("cfg", &call.words[1..]),
        (true, _) => ("ctl", &call.words[..]),
        (false, _) => (call.tool.rsplit('-').next().unwrap_or("ctl"), &call.words[..]),
    };
    match tool {
        "ctl" => ctl::run(flow, call, words).and_then(|()| links::follow(flow)),
        "cfg" => cfg::run(flow, call, words),
        "console" => console::run(flow, call, words),
        _ => flow.fail(format!("[ERROR]: cube-{tool} is not made yet")),
    }
}
