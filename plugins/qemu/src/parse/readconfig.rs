//! QEMU's own configuration file, as `-readconfig` takes it.
//!
//! ```text
//! # a comment
//! [name]
//!   guest = "tst100"
//! [device "net0"]
//!   driver = "virtio-net-pci"
//!   mac = "52:54:00:12:34:56"
//! ```
//!
//! A section is the option of the same name with these keys; a few have another name there.

use crate::parse::command_line::{CommandLine, Opt};
use crate::parse::values::Pairs;

/// Sections that are called otherwise on the command line.
const NAMES: [(&str, &str); 3] = [("memory", "m"), ("smp-opts", "smp"), ("boot-opts", "boot")];

/// Whether a text is one: what comes first in it, comments apart, opens a section. A program is none.
pub fn is_one(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    !text.starts_with("#!") && first.is_some_and(|line| line.starts_with('[') && line.ends_with(']'))
}

/// Reads a file. What is no section and no key is QEMU's to complain about.
pub fn parse(text: &str) -> CommandLine {
    let mut line = CommandLine::default();
    for raw in text.lines().map(str::trim) {
        if raw.starts_with('#') {
            continue;
        }
        if let Some(section) = raw.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (name, id) = match section.split_once('"') {
                Some((name, id)) => (name.trim(), Some(id.trim_end_matches('"'))),
                None => (section.trim(), None),
            };
            let name = NAMES.iter().find(|(section, _)| *section == name).map_or(name, |(_, option)| option);
            let id = id.map(|id| ("id".to_string(), id.to_string()));
            line.options.push(Opt { name: name.to_string(), text: None, pairs: Pairs(id.into_iter().collect()) });
            continue;
        }
        if let (Some((key, value)), Some(option)) = (raw.split_once('='), line.options.last_mut()) {
            let value = value.trim();
            let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
            option.pairs.0.push((key.trim().to_string(), value.to_string()));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "#@#MAGICID-QEMU\n\n[name]\n  guest = \"tst100\"\n[device \"net0\"]\n  driver = \"e1000\"\n  \
                          mac = \"52:54:00:12:34:56\"\n[memory]\n size = \"512\"\nnonsense\n";

    #[test]
    fn sections_are_options() {
        assert!(is_one(SAMPLE));
        let line = parse(SAMPLE);
        assert_eq!(line.key(&["name"], "guest"), Some("tst100"));
        assert_eq!(line.key(&["m"], "size"), Some("512"));
        assert_eq!(line.key(&["device"], "id"), Some("net0"));
        assert_eq!(line.key(&["device"], "mac"), Some("52:54:00:12:34:56"));
    }

    #[test]
    fn other_files_are_none() {
        for text in ["", "#@#LABEL = x\n", "-m 512\n", "#!/bin/sh\n[ -e x ]\n", "[unclosed\n"] {
            assert!(!is_one(text), "{text:?}");
        }
    }
}
