//! INFO: what the machine is and has (ctys.md 2.5). The plugins and their states are added by the program, which knows
//! them; this is the part above.

use super::show::Page;
use crate::{parse, probes};
use ctys_plugin::model::{Answer, Exit, Facts, Findings, Missing, Output, Probe};
use ctys_plugin::outputs;

/// Label, program, and the argument that makes it say its version and end. The two groups and their order are those of
/// the original; nothing of ours needs bash, awk or sed.
const MANDATORY: [(&str, &str, &str); 5] = [
    ("bash", "bash", "--version"),
    ("awk", "awk", "--version"),
    ("sed", "sed", "--version"),
    ("SSH", "ssh", "-V"),
    ("top", "top", "-V"),
];
const OPTIONAL: [(&str, &str, &str); 4] = [
    ("wmctrl", "wmctrl", "-V"),
    ("lm_sensors", "sensors", "-v"),
    ("hddtemp", "hddtemp", "-v"),
    ("ethtool", "ethtool", "--version"),
];

/// One round: files, and one short call per tool.
pub fn wants() -> Vec<Probe> {
    let files = [probes::os_release(), probes::kernel_version(), probes::cpuinfo(), probes::meminfo()];
    let tools = MANDATORY.iter().chain(&OPTIONAL).map(|(_, program, arg)| probes::tool(program, arg));
    files.into_iter().chain(tools).collect()
}

/// The text.
pub fn plan(facts: &Facts) -> Findings {
    let Some(host) = &facts.host else { return super::unreached() };
    let mut page = Page::new(host, facts, &format!("  -  ctys-pm({})", env!("CARGO_PKG_VERSION")));
    match outputs::text(facts, &probes::kernel_version(), "/proc/version") {
        Ok(text) => {
            let smp = text.split_whitespace().any(|word| word == "SMP");
            page.pair("KERNEL#CPU", if smp { "SMP-KERNEL" } else { "SINGLE-CPU-KERNEL" });
        }
        Err(why) => page.absent("KERNEL#CPU", &why),
    }
    match outputs::text(facts, &probes::cpuinfo(), "/proc/cpuinfo") {
        Ok(text) => {
            let processors = parse::cpuinfo::parse(&text);
            page.title("CPU-INFO");
            page.under(processors.each.iter().enumerate().map(|(n, model)| format!("{n:<4}:{model}")));
            let flags = [("vmx", processors.vmx), ("svm", processors.svm), ("PAE", processors.pae)];
            page.under(flags.map(|(name, on)| format!("{name:<4}:{}", u8::from(on))));
        }
        Err(why) => page.absent("CPU-INFO", &why),
    }
    page.memory(facts, false);
    page.title("SOFTWARE");
    for (title, tools) in [("Mandatory", &MANDATORY[..]), ("Optional", &OPTIONAL[..])] {
        page.under([title.to_string()]);
        page.under(tools.iter().map(|(label, program, arg)| format!("   {label:<12}:{}", state(facts, program, arg))));
    }
    page.findings
}

/// The first line the tool says of itself, or that it is not there. A tool that does not know the argument is there too.
fn state(facts: &Facts, program: &str, arg: &str) -> String {
    let output = match facts.answer(&probes::tool(program, arg)) {
        Answer::Output(output) if output.exit == Exit::NotFound => return "not installed".into(),
        Answer::Output(Output { exit: Exit::NotRun(_), .. }) => return "unknown".into(),
        Answer::Output(output) => output,
        Answer::Missing(Missing::ToolAbsent(_)) => return "not installed".into(),
        _ => return "unknown".into(),
    };
    let said = [&output.stdout, &output.stderr].map(|bytes| bytes.to_text().trim().to_string());
    match said.iter().find_map(|text| text.lines().next()) {
        Some(line) if output.ok() => line.trim().to_string(),
        _ => "installed".into(),
    }
}
