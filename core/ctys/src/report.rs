//! What happened, told in the order of the call: text of SHOW and INFO, plans, results of changes.

use ctys_engine::job::Report;
use ctys_engine::quote::quote;
use ctys_model::bytes::{escape, escape_for_eyes};
use ctys_model::{Batch, Does, Findings, Phase, Place, Privilege, Problem, Target};

/// Remarked where ENUMERATE finds nothing: unlike LIST it has no titles of its own accord, and would be silent.
pub fn nothing_configured() -> Problem {
    Problem::new(Phase::Notice, "no configured machine was found")
        .hint("BASE:DIR%DIR searches other folders than ~, /etc/ctys.d and those of the plugins")
}

/// What a plan would do, one step a line: `lab00: xen: destroy: as root: xl destroy tst100`.
pub fn plan(target: &Target, plugin: &str, batch: &Batch) -> String {
    let mut text = String::new();
    for step in &batch.steps {
        let (place, words) = match &step.does {
            Does::Run { tries } => {
                let place = tries.first().map_or(&Place::Target, |command| &command.place);
                let tries: Vec<String> = tries
                    .iter()
                    .map(|command| {
                        let mut words = vec![shell_word(command.program.as_bytes())];
                        words.extend(command.args.iter().map(|arg| shell_word(arg.as_slice())));
                        let root = if command.privilege == Privilege::Root { "as root: " } else { "" };
                        let input = command.stdin.as_ref().map_or(0, |stdin| stdin.as_slice().len());
                        let input = if input > 0 { format!("  < {input} bytes") } else { String::new() };
                        format!("{root}{}{input}", words.join(" "))
                    })
                    .collect();
                (place.clone(), tries.join("  or else  "))
            }
            Does::Wake(wake) => {
                let mac: Vec<String> = wake.mac.iter().map(|byte| format!("{byte:02X}")).collect();
                let through = wake.interface.as_ref().map_or_else(String::new, |name| format!(" through {name}"));
                let to = format!("{} port {}{through}", wake.broadcast, wake.port);
                (Place::Caller, format!("wake-on-LAN packet for {} to {to}", mac.join(":")))
            }
            Does::Talk(talk) => {
                let root = if talk.privilege == Privilege::Root { "as root: " } else { "" };
                let sockets: Vec<_> = talk.sockets.iter().map(|socket| escape(socket.as_slice())).collect();
                let lines: Vec<_> = talk.lines.iter().map(|line| escape(line.as_slice())).collect();
                (talk.place.clone(), format!("{root}say to {}: {}", sockets.join(", "), lines.join("  then  ")))
            }
            Does::Lock(lock) => (lock.place.clone(), format!("take the lock {}", escape(lock.path.as_slice()))),
            Does::Signal(signal) => {
                let root = if signal.privilege == Privilege::Root { "as root: " } else { "" };
                (signal.place.clone(), format!("{root}signal {} to process {}", signal.name, signal.pid))
            }
            Does::Look(table) => (table.place.clone(), format!("look for {}", table.names.join(" "))),
            Does::Write(file) => {
                let root = if file.privilege == Privilege::Root { "as root: " } else { "" };
                let (path, size) = (escape(file.path.as_slice()), file.content.as_slice().len());
                (file.place.clone(), format!("{root}write {path}, {size} bytes, mode {:04o}", file.mode))
            }
            Does::Reach(reach) => {
                let host = reach.host.as_deref().unwrap_or(&target.host);
                let port = reach.port.map_or("its ssh port".to_string(), |port| format!("port {port}"));
                (Place::Caller, format!("does {host} answer on {port}?"))
            }
        };
        let place = match place {
            Place::Target => target.to_string(),
            Place::Caller => "here".into(),
            Place::Host(name) => name,
        };
        let go_on = if step.go_on { " (goes on if it fails)" } else { "" };
        text.push_str(&format!(
            "{}: {}: {}: {}{go_on}\n",
            escape_for_eyes(&place),
            escape_for_eyes(plugin),
            escape_for_eyes(&step.name),
            escape_for_eyes(&words),
        ));
    }
    text
}

/// A word as the shell would be given it; what a terminal could not show is escaped.
fn shell_word(word: &[u8]) -> String {
    let quoted = quote(word).unwrap_or_else(|_| word.to_vec());
    if std::str::from_utf8(&quoted).is_ok() { String::from_utf8_lossy(&quoted).into_owned() } else { escape(&quoted) }
}

/// What the plugins found, the machine itself first: what it says begins with the line that parts it from the one before
/// (ctys.md 2.5).
pub fn in_order(report: &Report) -> impl Iterator<Item = (&str, &Findings)> {
    let begins = |findings: &Findings| findings.text.first().is_some_and(|line| line.starts_with('#'));
    let part = move |first: bool| report.findings.iter().filter(move |(_, findings)| begins(findings) == first);
    part(true).chain(part(false)).map(|(plugin, findings)| (plugin.as_str(), findings))
}

/// The lines of text a target gave, with the user's prefix (`-M`) before them.
pub fn text(prefix: Option<&str>, report: &Report) -> String {
    let mut text = String::new();
    if let Some(prefix) = prefix {
        text.push_str(&escape_for_eyes(prefix));
        text.push('\n');
    }
    for line in in_order(report).flat_map(|(_, findings)| &findings.text) {
        text.push_str(escape_for_eyes(line).trim_end());
        text.push('\n');
    }
    text
}

/// A target that has no report of its own, and why.
pub fn lost(target: &Target, phase: Phase, why: &str) -> Problem {
    let mut problem = Problem::new(phase, why);
    problem.target = Some(target.to_string());
    problem
}
