//! The separators and their escapes (ctys.md 1.2): `,` between suboptions, `:` behind a key, `%` between values.

use crate::text::{Mark, Spot, Text};
use crate::words::mac;
use std::net::Ipv6Addr;

/// One suboption: `KEY` or `KEY:ARGUMENT`.
#[derive(Clone, Debug)]
pub(crate) struct Suboption {
    /// The key as typed.
    pub key: Text,
    /// What stands behind the first colon, with `::` and `\:` turned into colons; `%` as typed.
    pub argument: Option<Text>,
    /// All of it.
    pub whole: Text,
}

/// The suboptions between single commas; `,,` and `\,` are a comma. Empty ones are left out: a macro with OPTIONAL
/// may vanish between two commas.
pub(crate) fn split(text: &Text) -> Vec<Text> {
    let mut all = Vec::new();
    let mut one: Vec<Mark> = Vec::new();
    let mut start = Spot { to: text.spot().from, ..text.spot() };
    let marks = text.marks();
    let mut at = 0;
    while at < marks.len() {
        let next = marks.get(at + 1).map(|mark| mark.c);
        match (marks[at].c, next) {
            (',' | '\\', Some(',')) => {
                one.push(joined(marks[at], marks[at + 1], ','));
                at += 1;
            }
            (',', _) => {
                all.push(Text::from_marks(std::mem::take(&mut one), start));
                start = marks[at].spot.behind();
            }
            _ => one.push(marks[at]),
        }
        at += 1;
    }
    all.push(Text::from_marks(one, start));
    all.retain(|text| !text.is_empty());
    all
}

impl Suboption {
    /// Takes one suboption apart. The first colon ends the key, always: keys contain none.
    pub fn of(whole: Text) -> Suboption {
        let (key, argument) = match whole.split_once(':') {
            Some((key, argument)) => {
                let address = key.is_word("TCP") || key.is_word("T");
                (key, Some(colons(&argument, address)))
            }
            None => (whole.clone(), None),
        };
        Suboption { key, argument, whole }
    }
}

/// `::` and `\:` are a colon. A hardware address is recognised whole, and so is an IPv6 address where one belongs.
fn colons(text: &Text, address: bool) -> Text {
    let plain = text.to_string();
    if mac(&plain).is_some() || address && plain.parse::<Ipv6Addr>().is_ok() {
        return text.clone();
    }
    let marks = text.marks();
    let mut out = Vec::with_capacity(marks.len());
    let mut at = 0;
    while at < marks.len() {
        match (marks[at].c, marks.get(at + 1).map(|mark| mark.c)) {
            (':' | '\\', Some(':')) => {
                out.push(joined(marks[at], marks[at + 1], ':'));
                at += 1;
            }
            _ => out.push(marks[at]),
        }
        at += 1;
    }
    Text::from_marks(out, text.spot())
}

/// The values between single `%`; `%%` is a percent sign.
pub(crate) fn parts(text: &Text) -> Vec<Text> {
    let mut all = Vec::new();
    let mut one: Vec<Mark> = Vec::new();
    let marks = text.marks();
    let mut start = Spot { to: text.spot().from, ..text.spot() };
    let mut at = 0;
    while at < marks.len() {
        match (marks[at].c, marks.get(at + 1).map(|mark| mark.c)) {
            ('%', Some('%')) => {
                one.push(joined(marks[at], marks[at + 1], '%'));
                at += 1;
            }
            ('%', _) => {
                all.push(Text::from_marks(std::mem::take(&mut one), start));
                start = marks[at].spot.behind();
            }
            _ => one.push(marks[at]),
        }
        at += 1;
    }
    all.push(Text::from_marks(one, start));
    all
}

/// The text with blanks where a single `%` stands.
pub(crate) fn blanks(text: &Text) -> String {
    parts(text).iter().map(Text::to_string).collect::<Vec<_>>().join(" ")
}

fn joined(first: Mark, second: Mark, c: char) -> Mark {
    let spot = Spot { to: second.spot.to.max(first.spot.to), ..first.spot };
    Mark { c, spot }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: Vec<Text>) -> Vec<String> {
        all.iter().map(Text::to_string).collect()
    }

    fn typed(text: &str) -> Text {
        Text::typed(text, 0, 0)
    }

    #[test]
    fn commas_separate_unless_doubled_or_escaped() {
        for (text, expected) in [
            ("a,b", vec!["a", "b"]),
            ("a,,b", vec!["a,b"]),
            ("a\\,b", vec!["a,b"]),
            ("a,,,b", vec!["a,", "b"]),
            ("a,", vec!["a"]),
            (",a", vec!["a"]),
            ("", vec![]),
            ("a\\b", vec!["a\\b"]),
            (",,", vec![","]),
        ] {
            assert_eq!(texts(split(&typed(text))), expected, "{text}");
        }
    }

    #[test]
    fn the_first_colon_ends_the_key_and_the_others_belong_to_the_argument() {
        for (text, key, argument) in [
            ("console:cli", "console", Some("cli")),
            ("connect", "connect", None),
            ("c:a:b", "c", Some("a:b")),
            ("c:a::b", "c", Some("a:b")),
            ("c:a\\:b", "c", Some("a:b")),
            ("m:00:50:56:13:11:40", "m", Some("00:50:56:13:11:40")),
            ("t:fe80::1", "t", Some("fe80::1")),
            ("t:::1", "t", Some("::1")),
            ("t:fe80::::1", "t", Some("fe80::1")),
            ("l:", "l", Some("")),
        ] {
            let sub = Suboption::of(typed(text));
            let found = (sub.key.to_string(), sub.argument.map(|a| a.to_string()));
            assert_eq!(found, (key.to_string(), argument.map(str::to_string)), "{text}");
        }
    }

    #[test]
    fn percent_signs_separate_unless_doubled() {
        for (text, expected) in [
            ("xen%/etc/ctys.d", vec!["xen", "/etc/ctys.d"]),
            ("100%%", vec!["100%"]),
            ("a%%%b", vec!["a%", "b"]),
            ("a%", vec!["a", ""]),
            ("", vec![""]),
        ] {
            assert_eq!(texts(parts(&typed(text))), expected, "{text}");
        }
        assert_eq!(blanks(&typed("uname%-a")), "uname -a");
    }

    #[test]
    fn every_part_stands_where_it_was_typed() {
        let all = split(&typed("ab,,c,d:e::f"));
        assert_eq!((all[0].spot().from, all[0].spot().to), (0, 5));
        let sub = Suboption::of(all[1].clone());
        let argument = sub.argument.unwrap();
        assert_eq!((argument.spot().from, argument.spot().to), (8, 12));
        assert_eq!(argument.slice(1..2).spot().from, 9);
    }
}
