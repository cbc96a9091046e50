//! What a tunnel is called: the arguments of its keeper, from which LIST reads it back.
//!
//! ```text
//! ctys-tunnel __tunnel label=tst100 type=XEN lport=5950 sport=5900 to=acue@lab00 wait=120
//! ```
//!
//! The bytes are escaped, blanks too, so `ps` cannot tear a word apart.

use ctys_model::bytes::{escape, unescape};
use serde::{Deserialize, Serialize};

/// The name of the program in the process table.
pub const PROGRAM: &str = "ctys-tunnel";

/// What a tunnel is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The label of the session.
    pub label: String,
    /// The session type, such as `XEN`.
    pub session_type: String,
    /// The port here.
    pub local_port: u16,
    /// The port on the target.
    pub remote_port: u16,
    /// The target as it was typed.
    pub target: String,
    /// How many seconds it waits for its first client.
    pub patience_s: u64,
}

impl Name {
    /// The words behind the program's first one.
    pub fn words(&self) -> Vec<String> {
        let text = |text: &str| escape(text.as_bytes()).replace(' ', "\\x20");
        vec![
            format!("label={}", text(&self.label)),
            format!("type={}", text(&self.session_type)),
            format!("lport={}", self.local_port),
            format!("sport={}", self.remote_port),
            format!("to={}", text(&self.target)),
            format!("wait={}", self.patience_s),
        ]
    }

    /// The name in these words; those it does not know are passed over.
    pub fn read<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Name> {
        let mut name = Name::default();
        for (key, value) in words.into_iter().filter_map(|word| word.split_once('=')) {
            let text = || String::from_utf8(unescape(value).ok()?).ok();
            match key {
                "label" => name.label = text()?,
                "type" => name.session_type = text()?,
                "lport" => name.local_port = value.parse().ok()?,
                "sport" => name.remote_port = value.parse().ok()?,
                "to" => name.target = text()?,
                "wait" => name.patience_s = value.parse().ok()?,
                _ => {}
            }
        }
        (name.local_port > 0 && name.remote_port > 0).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_from_its_words() {
        for label in ["tst100", "two words", "a=b", "line\nfeed\x1b[2J", "back\\slash", "ü\u{202e}"] {
            let name = Name {
                label: label.into(),
                session_type: "XEN".into(),
                local_port: 5950,
                remote_port: 5900,
                target: "acue@lab 00".into(),
                patience_s: 120,
            };
            let words = name.words();
            assert!(words.iter().all(|word| !word.contains([' ', '\n', '\x1b'])), "{words:?}");
            assert_eq!(Name::read(words.iter().map(String::as_str)), Some(name));
        }
        assert_eq!(Name::read(["label=x", "lport=5950"]), None, "without a port there it is no tunnel");
    }
}
