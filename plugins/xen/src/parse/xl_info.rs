//! `xl info`: what the hypervisor says of itself and its machine, one `name : value` per line.
//!
//! ```text
//! nr_cpus                : 1
//! total_memory           : 1023
//! free_memory            : 559
//! xen_version            : 4.17.5
//! xen_caps               : xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64
//! virt_caps              : pv hvm hap
//! ```

/// The value of a name; an empty one counts as none.
pub fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = |line: &'a str| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim()).filter(|value| !value.is_empty())
    };
    text.lines().find_map(line)
}

/// What guests can run here, as words of the field ACCELERATOR: `PARA HVM`.
pub fn accelerators(text: &str) -> Vec<&'static str> {
    let caps = value(text, "xen_caps").unwrap_or_default();
    let has = |stem: &str| caps.split_whitespace().any(|cap| cap.starts_with(stem));
    let kinds = [("PARA", has("xen-")), ("HVM", has("hvm-"))];
    kinds.into_iter().filter(|(_, there)| *there).map(|(word, _)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures() {
        let text = include_str!("../../captures/xl-4.17-info.out");
        assert_eq!(value(text, "xen_version"), Some("4.17.5"));
        assert_eq!(value(text, "nr_cpus"), Some("1"));
        assert_eq!(accelerators(text), ["PARA", "HVM"]);
    }

    #[test]
    fn odd_lines() {
        assert_eq!(value("a : b : c\n", "a"), Some("b : c"));
        assert_eq!(value("a :\na : later\n", "a"), Some("later"));
        assert_eq!(value("ab : 1\n", "a"), None);
        assert_eq!(accelerators("xen_caps : hvm-3.0-x86_32\n"), ["HVM"]);
        assert!(accelerators("").is_empty());
    }
}
