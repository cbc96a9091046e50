//! `/etc/os-release`: shell assignments (os-release(5)).
//!
//! ```text
//! PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
//! NAME="Debian GNU/Linux"
//! VERSION_ID="12"
//! ID=debian
//! ```

/// The distribution of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// For people, with the release.
    pub pretty: Option<String>,
    /// The name alone.
    pub name: Option<String>,
    /// The release alone.
    pub release: Option<String>,
}

/// Reads the file.
pub fn parse(text: &str) -> Distribution {
    let get = |key: &str| {
        let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?.trim();
        let bare = ['"', '\''].iter().find_map(|&q| value.strip_prefix(q)?.strip_suffix(q)).unwrap_or(value);
        let plain = bare.replace("\\\"", "\"").replace("\\$", "$").replace("\\`", "`").replace("\\\\", "\\");
        (!plain.is_empty()).then_some(plain)
    };
    Distribution { pretty: get("PRETTY_NAME"), name: get("NAME"), release: get("VERSION_ID") }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_distribution() {
        let check = |text: &str, want: [&str; 3]| {
            let found = parse(text);
            assert_eq!([found.pretty, found.name, found.release].map(Option::unwrap_or_default), want);
        };
        check(
            include_str!("../../captures/os-release-debian-12.txt"),
            ["Debian GNU/Linux 12 (bookworm)", "Debian GNU/Linux", "12"],
        );
        check("NAME=Arch\nPRETTY_NAME='Arch Linux'\n", ["Arch Linux", "Arch", ""]);
        check("PRETTY_NAME=\"a \\\"b\\\" \\$c\"\nVERSION_ID=\"\"\n", ["a \"b\" $c", "", ""]);
        check("# NAME=no\nXNAME=no\nNAMES=no\n", ["", "", ""]);
    }
}
