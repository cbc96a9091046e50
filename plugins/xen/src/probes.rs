//! What this plugin wants to know of a host. Each function is one question; the verbs pick the ones they need.

use ctys_plugin::machines;
use ctys_plugin::model::{Command, Probe, Request};

/// The files that may describe a domain.
const FILES: [&str; 3] = ["*.conf", "*.ctys", "*.cfg"];
/// Where configurations are when the call has no BASEPATH, besides the folders that every plugin walks (ctys.md 2.4).
pub const XEN_BASES: [&str; 1] = ["/etc/xen"];
/// With a stuck xenstored, xl waits for ever. A dom0 that builds two guests at once kept `xl list` for 15 s on a slow machine.
const LOOK_MS: u32 = 30_000;

/// The tool: xl, unless the setting TOOL names another program that takes the same words.
pub fn tool(request: &Request) -> &str {
    request.settings.get("TOOL").map(String::as_str).filter(|tool| !tool.is_empty()).unwrap_or("xl")
}

/// A call of the tool that only looks.
pub fn look<const N: usize>(request: &Request, words: [&str; N]) -> Command {
    Command::new(tool(request)).args(words).as_root().limit_ms(LOOK_MS)
}

/// What runs: name, number, state and uuid of every domain.
pub fn domains(request: &Request) -> Probe {
    Probe::run(look(request, ["list", "-v"]))
}

/// What runs, and what kind of host this is, for where that is not told: a guest says the same as a host that lets an account
/// do nothing. A file that is not there costs no program, and both go in one exchange.
pub fn what_runs(request: &Request) -> Vec<Probe> {
    vec![domains(request), control()]
}

/// The whole configuration of every domain: hardware addresses and the kind of the guest stand nowhere else.
pub fn details(request: &Request) -> Probe {
    Probe::run(look(request, ["list", "-l"]))
}

/// What the hypervisor says of itself.
pub fn hypervisor(request: &Request) -> Probe {
    Probe::run(look(request, ["info"]))
}

/// The whole of xenstore below the domains, for the VNC ports in it. One command whatever the number of domains; a port by
/// its path needs the number of the domain, and so a second round trip.
pub fn ports() -> Probe {
    Probe::run(Command::new("xenstore-ls").args(["-f", "/local/domain"]).as_root().limit_ms(LOOK_MS))
}

/// Whether this is the control domain of a Xen host: `control_d`. Everybody may read it.
pub fn control() -> Probe {
    Probe::file("/proc/xen/capabilities")
}

/// One configuration by its path. As root, since it may be another user's.
pub fn configuration(path: &str) -> Probe {
    Probe::run(Command::new("cat").arg(path).as_root().limit_ms(LOOK_MS))
}

/// All configurations below these folders, or below the default ones. The default is two walks: the first is the same
/// for all plugins and so costs one.
pub fn configurations(base: &[String]) -> Vec<Probe> {
    machines::walks(base, &FILES, &XEN_BASES)
}
