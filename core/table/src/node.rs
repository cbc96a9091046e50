//! A tree of values, and how JSON and YAML write it.
//!
//! Both writers are ours because both must escape more than the languages ask for: no control character, and nothing
//! that reorders or hides text, leaves this program raw, so that `list=json` on a terminal is as safe as a table.
//!
//! The YAML is the small part of YAML 1.2 that every reader of 1.1 understands alike: block maps and lists, and every
//! scalar as JSON writes it, text always in double quotes (so a label `no` or `1e3` stays text). There is no crate that
//! writes it leaner: the serde ones are unmaintained, or newer than the compiler this workspace asks for, and would be a
//! second way to write what is written here in one screen.

use ctys_model::bytes::escape_for_eyes;
use std::fmt::Write;

/// A tree of values; maps keep their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Null,
    Integer(i128),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Text, or null.
    pub(crate) fn maybe(text: Option<&str>) -> Node {
        text.map_or(Node::Null, |text| Node::Text(text.to_string()))
    }

    /// JSON in one line, without blanks and without a line end.
    pub(crate) fn json(&self) -> String {
        match self {
            Node::Null => "null".to_string(),
            Node::Integer(number) => number.to_string(),
            Node::Text(text) => quoted(text, json_escape),
            Node::List(nodes) => {
                let inner: Vec<String> = nodes.iter().map(Node::json).collect();
                format!("[{}]", inner.join(","))
            }
            Node::Map(entries) => {
                let inner: Vec<String> =
                    entries.iter().map(|(key, node)| format!("{}:{}", quoted(key, json_escape), node.json())).collect();
                format!("{{{}}}", inner.join(","))
            }
        }
    }

    /// YAML in lines, each starting with this many blanks and ending with a line feed; an empty list or map as `[]` or
    /// `{}`.
    pub(crate) fn yaml(&self, indent: usize) -> String {
        let blanks = " ".repeat(indent);
        match self {
            Node::List(nodes) if !nodes.is_empty() => nodes.iter().map(|node| node.yaml_item(indent)).collect(),
            Node::Map(entries) if !entries.is_empty() => entries
                .iter()
                .map(|(key, node)| match node.yaml_scalar() {
                    Some(scalar) => format!("{blanks}{}: {scalar}\n", yaml_key(key)),
                    None => format!("{blanks}{}:\n{}", yaml_key(key), node.yaml(indent + 2)),
                })
                .collect(),
            scalar => format!("{blanks}{}\n", scalar.yaml_scalar().unwrap_or_default()),
        }
    }

    /// The node as an item of a YAML list: a dash in the place of the first line's last two blanks.
    pub(crate) fn yaml_item(&self, indent: usize) -> String {
        let mut lines = self.yaml(indent + 2);
        lines.replace_range(indent..indent + 1, "-");
        lines
    }

    /// What fits behind a key; none for what needs lines of its own.
    fn yaml_scalar(&self) -> Option<String> {
        match self {
            Node::Text(text) => Some(quoted(text, yaml_escape)),
            Node::List(nodes) if !nodes.is_empty() => None,
            Node::Map(entries) if !entries.is_empty() => None,
            other => Some(other.json()),
        }
    }
}

/// A key as it is where no reader could take it for anything but text, else quoted.
fn yaml_key(key: &str) -> String {
    // YAML 1.1 takes these for truth values.
    const TRUTHS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let plain = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && key != "null"
        && !TRUTHS.contains(&key);
    if plain { key.to_string() } else { quoted(key, yaml_escape) }
}

fn quoted(text: &str, escape: fn(&mut String, char)) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_plain(c) => out.push(c),
            c => escape(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// Whether a character may stand for itself: harmless on a terminal, and allowed in YAML.
fn is_plain(c: char) -> bool {
    let noncharacter = u32::from(c) & 0xfffe == 0xfffe;
    let mut buffer = [0; 4];
    !noncharacter && matches!(escape_for_eyes(c.encode_utf8(&mut buffer)), std::borrow::Cow::Borrowed(_))
}

fn json_escape(out: &mut String, c: char) {
    let mut units = [0; 2];
    for unit in c.encode_utf16(&mut units) {
        write!(out, "\\u{unit:04x}").expect("a string takes all text");
    }
}

/// YAML has no surrogate pairs; a long escape stands for the character itself.
fn yaml_escape(out: &mut String, c: char) {
    write!(out, "\\U{:08x}", u32::from(c)).expect("a string takes all text");
}

impl From<u32> for Node {
    fn from(number: u32) -> Node {
        Node::Integer(number.into())
    }
}
