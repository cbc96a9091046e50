//! INFO: which emulators the host has, their releases, and whether KVM can be used (ctys.md 2.5). The plugin's state with
//! its reason is added by the program, which takes a problem for the reason.

use crate::probes;
use ctys_plugin::model::{Facts, Findings, Phase, Probe, Problem, Request};

/// One program that asks all of them.
pub fn wants() -> Vec<Probe> {
    vec![probes::emulators()]
}

/// The text.
pub fn plan(request: &Request, facts: &Facts) -> Findings {
    if facts.host.is_none() {
        return super::unreached();
    }
    // Where all plugins are asked, the reason is a remark: a host without QEMU is nothing wrong.
    let phase = if request.session_type.is_none() { Phase::Notice } else { Phase::Run };
    let text = match ctys_plugin::outputs::text(facts, &probes::emulators(), "sh") {
        Ok(text) => text,
        Err(why) => {
            let why = why.detail().unwrap_or("the host did not answer").to_string();
            return Findings::problem(Problem::new(phase, format!("whether this host has QEMU is not known: {why}")));
        }
    };
    let emulators = emulators(&text);
    if emulators.is_empty() {
        let problem = Problem::new(phase, "this host has no qemu-system-* program");
        return Findings::problem(problem.hint("Debian: qemu-system-x86; Red Hat: qemu-kvm"));
    }
    let mut lines = vec!["   QEMU".to_string()];
    for (program, version) in emulators {
        let name = program.rsplit('/').next().unwrap_or(program);
        let version = version.unwrap_or("its release is not known");
        lines.push(format!("      {name:<24}:{version}, {program}"));
    }
    let (device, usable) = kvm(&text);
    let kvm = match (device, usable) {
        (None, _) => "no: there is no /dev/kvm".to_string(),
        (Some(device), true) => format!("yes: {device}"),
        (Some(device), false) => format!("not for this account: {device}"),
    };
    lines.push(format!("      {:<24}:{}", "KVM", kvm));
    Findings { text: lines, ..Findings::default() }
}

/// The programs with their releases.
fn emulators(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut found: Vec<(&str, Option<&str>)> = Vec::new();
    for line in text.lines() {
        if let Some(program) = line.strip_prefix("program ") {
            found.push((program, None));
        } else if let (Some((_, version @ None)), Some(told)) = (found.last_mut(), version(line)) {
            *version = Some(told);
        }
    }
    found
}

/// `7.2.22` of `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)`.
fn version(line: &str) -> Option<&str> {
    line.split_once("version ")?.1.split_whitespace().next()
}

/// The permissions of /dev/kvm, and whether they let this account use it.
///
/// ```text
/// kvm crw-rw---- 1 root kvm 10, 232 Nov 22 00:38 /dev/kvm
/// kvm forbidden
/// ```
fn kvm(text: &str) -> (Option<String>, bool) {
    let lines = || text.lines().filter_map(|line| line.strip_prefix("kvm "));
    let usable = lines().any(|line| line == "usable");
    let device = lines().find(|line| line.ends_with("/dev/kvm")).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [mode, _, user, group, ..] => format!("{mode} {user} {group} /dev/kvm"),
            _ => line.to_string(),
        }
    });
    (device, usable)
}
