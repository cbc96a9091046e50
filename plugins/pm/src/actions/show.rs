//! SHOW: how the machine is doing (ctys.md 2.5). The same text whatever `-t` says.
//!
//! ```text
//! #############################
//! Node:lab00
//!    System      :Linux
//!    OS          :Debian GNU/Linux 12 (bookworm)
//!    MEM-INFO
//!       MemTotal :24105 MiB
//! ```
//!
//! Sizes are in MiB and say so; the original printed MB under the letter G. No swap is `0 MiB`.

use crate::identity::reason;
use crate::{parse, probes};
use ctys_plugin::model::{Facts, Findings, HostFacts, Missing, Probe};
use ctys_plugin::outputs;

/// Lines of `top` that are shown.
const TOP_LINES: usize = 30;

/// One round: files and two tools.
pub fn wants() -> Vec<Probe> {
    vec![probes::os_release(), probes::meminfo(), probes::top(), probes::sensors()]
}

/// The text.
pub fn plan(facts: &Facts) -> Findings {
    let Some(host) = &facts.host else { return super::unreached() };
    let mut page = Page::new(host, facts, "");
    page.memory(facts, true);
    match outputs::text(facts, &probes::top(), "top") {
        Ok(text) => {
            page.title("Top");
            page.under(text.trim_matches('\n').lines().take(TOP_LINES).map(|line| line.trim_end().to_string()));
        }
        Err(why) => page.absent("Top", &why),
    }
    match outputs::text(facts, &probes::sensors(), "sensors") {
        Ok(text) => {
            let health = parse::sensors::parse(&text);
            page.title("HEALTH");
            page.under(health.lines);
            page.under([format!("Total ALARMs={}", health.alarms)]);
            page.title("HDD Temperatures");
            if health.disks.is_empty() {
                page.under(
                    ["none: the kernel shows disks as sensors (drivetemp, nvme) and there are none".to_string()],
                );
            } else {
                page.under(health.disks);
            }
        }
        Err(why) => {
            page.absent("HEALTH", &why);
            page.absent("HDD Temperatures", &why);
        }
    }
    page.findings
}

/// The text of one host, as SHOW and INFO write it.
pub(super) struct Page {
    pub(super) findings: Findings,
}

impl Page {
    /// The head: a rule, the node, what it runs.
    pub(super) fn new(host: &HostFacts, facts: &Facts, after_node: &str) -> Page {
        let mut page = Page { findings: Findings::default() };
        page.findings.text.push("#".repeat(29));
        page.findings.text.push(format!("Node:{}{after_node}", host.node));
        page.pair("System", &host.system);
        match outputs::text(facts, &probes::os_release(), "/etc/os-release").map(|text| parse::os_release::parse(&text))
        {
            // Without the file the system's own name is all there is to say.
            Ok(parse::os_release::Distribution { pretty: Some(pretty), .. }) => page.pair("OS", &pretty),
            _ => page.pair("OS", &host.system),
        }
        page.pair("RELEASE", &host.release);
        page.pair("MACHINE", &host.machine);
        page
    }

    /// `   Name        :value`
    pub(super) fn pair(&mut self, name: &str, value: &str) {
        self.findings.text.push(format!("   {name:<12}:{value}"));
    }

    /// The title of a part.
    pub(super) fn title(&mut self, name: &str) {
        self.findings.text.push(format!("   {name}"));
    }

    /// Lines below a title.
    pub(super) fn under(&mut self, lines: impl IntoIterator<Item = String>) {
        self.findings
            .text
            .extend(lines.into_iter().map(|line| format!("      {}", line.replace('\t', " ")).trim_end().to_string()));
    }

    /// A part that cannot be shown, and why.
    pub(super) fn absent(&mut self, name: &str, why: &Missing) {
        self.pair(name, &format!("({})", reason(why)));
    }

    /// The sizes; the free ones change and belong to SHOW.
    pub(super) fn memory(&mut self, facts: &Facts, with_free: bool) {
        let memory = match outputs::text(facts, &probes::meminfo(), "/proc/meminfo") {
            Ok(text) => parse::meminfo::parse(&text),
            Err(why) => return self.absent("MEM-INFO", &why),
        };
        self.title("MEM-INFO");
        let rows = [
            ("MemTotal", memory.total, true),
            ("MemFree", memory.free, with_free),
            ("MemAvailable", memory.available, with_free && memory.available.is_some()),
            ("SwapTotal", memory.swap_total, true),
            ("SwapFree", memory.swap_free, with_free),
        ];
        let shown = rows.into_iter().filter(|(_, _, shown)| *shown).map(|(name, bytes, _)| {
            let size = bytes.map_or("unknown".to_string(), |bytes| format!("{} MiB", bytes / (1024 * 1024)));
            format!("{name:<12}:{size}")
        });
        self.under(shown.collect::<Vec<_>>());
    }
}
