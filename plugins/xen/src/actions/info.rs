//! INFO: the hypervisor, its version and what it can do (ctys.md 2.5). The plugin's state with its reason is added by the
//! program, which takes a problem for the reason.

use crate::parse::xl_info;
use crate::{host, probes};
use ctys_plugin::model::{Facts, Findings, Phase, Probe, Problem, Request};

/// One call of the tool, and what kind of host this is.
pub fn wants(request: &Request) -> Vec<Probe> {
    vec![probes::hypervisor(request), probes::control()]
}

/// The text.
pub fn plan(request: &Request, facts: &Facts) -> Findings {
    if facts.host.is_none() {
        return super::unreached();
    }
    let what = format!("{} info", probes::tool(request));
    let text = match host::text(request, facts, facts.answer(&probes::hypervisor(request)), &what) {
        Ok(text) => text,
        // Where all plugins are asked, the reason is a remark: a host without Xen is nothing wrong.
        Err(trouble) if request.session_type.is_none() => {
            return Findings::problem(Problem { phase: Phase::Notice, ..trouble.problem });
        }
        Err(trouble) => return Findings::problem(trouble.problem),
    };
    let Some(version) = xl_info::value(&text, "xen_version") else {
        let message = format!("the output of {what} was not understood: it names no xen_version");
        return Findings::problem(Problem::new(Phase::Parse, message));
    };
    let mut lines = vec!["   XEN".to_string()];
    let mut pair = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            lines.push(format!("      {name:<12}:{value}"));
        }
    };
    let get = |name: &str| xl_info::value(&text, name);
    let size = |name: &str| get(name).map(|size| format!("{size} MiB"));
    pair("Version", Some(version));
    pair("Tool", Some(probes::tool(request)));
    pair("Capabilities", get("xen_caps"));
    pair("Accelerator", Some(xl_info::accelerators(&text).join(" ").as_str()).filter(|words| !words.is_empty()));
    pair("Scheduler", get("xen_scheduler"));
    pair("CPUs", get("nr_cpus"));
    pair("MemTotal", size("total_memory").as_deref());
    pair("MemFree", size("free_memory").as_deref());
    pair("Command line", get("xen_commandline"));
    Findings { text: lines, ..Findings::default() }
}
