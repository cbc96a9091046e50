//! The names of a machine, each in one form, so that equal ones are equal bytes (ctys.md section 3).

use crate::line::Line;
use crate::macmap::Entry;
use ctys_model::field::Known;
use std::net::IpAddr;

/// What kind of name it is. The numbers stand in index files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The user's label: exact, with its case.
    Label = 1,
    /// The path of the configuration: exact.
    Id = 2,
    /// 32 lower-case digits.
    Uuid = 3,
    /// Upper case with colons.
    Mac = 4,
    /// A numeric address.
    Address = 5,
    /// A host name of the machine itself: lower case, without the dot at the end.
    Name = 6,
    /// The part of such a name before the first dot.
    ShortName = 7,
    /// The machine it runs on: lower case, without the dot at the end.
    Pm = 8,
}

/// A name with its kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// Its one form.
    pub value: String,
}

impl Key {
    /// A key of this kind, if the text can be one.
    pub fn new(kind: Kind, text: &str) -> Option<Key> {
        let value = match kind {
            Kind::Label | Kind::Id => text.to_string(),
            Kind::Uuid => uuid(text)?,
            Kind::Mac => mac(text)?,
            Kind::Address => text.parse::<IpAddr>().ok()?.to_string(),
            Kind::Name | Kind::ShortName | Kind::Pm => plain_name(text),
        };
        (!value.is_empty()).then_some(Key { kind, value })
    }

    /// What a word may mean, the surest first: no kind is guessed that the form of the word excludes.
    pub fn meanings(word: &str) -> Vec<Key> {
        let sure = [Kind::Uuid, Kind::Mac, Kind::Address];
        if let Some(key) = sure.into_iter().find_map(|kind| Key::new(kind, word)) {
            return vec![key];
        }
        let kinds: &[Kind] = match word.starts_with('/') {
            true => &[Kind::Id],
            false => &[Kind::Label, Kind::Name, Kind::ShortName, Kind::Pm],
        };
        kinds.iter().filter_map(|&kind| Key::new(kind, word)).collect()
    }

    /// The hash by which the index finds it.
    pub fn hash(&self) -> u64 {
        hash(&[&[self.kind as u8], self.value.as_bytes()])
    }
}

/// Every name in a record of `enum.fdb`.
pub fn of_line(line: &Line<'_>) -> Vec<Key> {
    let mut keys = Vec::with_capacity(8);
    let mut take = |kind, text: &str| {
        if !text.is_empty() {
            keys.extend(Key::new(kind, text));
        }
    };
    take(Kind::Label, &line.text(Known::Label));
    take(Kind::Id, &line.text(Known::Id));
    take(Kind::Uuid, &line.text(Known::Uuid));
    take(Kind::Mac, &line.text(Known::Mac));
    take(Kind::Pm, &line.text(Known::Pm));
    for name in [line.text(Known::Tcp), line.text(Known::NetName)] {
        host_keys(&name, &mut take);
    }
    keys.sort();
    keys.dedup();
    keys
}

/// Every name in an entry of `macmap.fdb`.
pub fn of_entry(entry: &Entry) -> Vec<Key> {
    let mut keys = Vec::with_capacity(4);
    let mut take = |kind, text: &str| keys.extend(Key::new(kind, text));
    take(Kind::Mac, &entry.mac);
    host_keys(&entry.ip, &mut take);
    host_keys(&entry.name, &mut take);
    keys.sort();
    keys.dedup();
    keys
}

fn host_keys(name: &str, take: &mut impl FnMut(Kind, &str)) {
    if name.parse::<IpAddr>().is_ok() {
        take(Kind::Address, name);
    } else if !name.is_empty() {
        take(Kind::Name, name);
        take(Kind::ShortName, short(name));
    }
}

/// A uuid as 32 lower-case digits, from any case, with or without dashes.
pub fn uuid(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|&c| c != '-').collect();
    (digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then(|| digits.to_ascii_lowercase())
}

/// A hardware address upper case with colons, from six pairs joined by colons or dashes in any case.
pub fn mac(text: &str) -> Option<String> {
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut pairs = 0;
    for pair in text.split(separator) {
        if pair.len() != 2 || !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        pairs += 1;
    }
    (pairs == 6).then(|| text.to_ascii_uppercase().replace('-', ":"))
}

/// A host name in lower case, without the dot at the end.
pub fn plain_name(text: &str) -> String {
    text.trim_end_matches('.').to_ascii_lowercase()
}

/// The part of a host name before its first dot.
pub fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// True when two host names are equal in any case, or one is the first part of the other. Addresses have no parts.
pub fn same_name(one: &str, other: &str) -> bool {
    let (one, other) = (plain_name(one), plain_name(other));
    if one == other {
        return !one.is_empty();
    }
    let is_address = |name: &str| name.parse::<IpAddr>().is_ok();
    if is_address(&one) || is_address(&other) || (one.contains('.') && other.contains('.')) {
        return false;
    }
    !short(&one).is_empty() && short(&one) == short(&other)
}

/// FNV-1a, 64 bits: it finds places and damage, and keeps nobody out.
pub fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().flat_map(|part| part.iter()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_what_its_form_allows() {
        let check = |word: &str, want: &[(Kind, &str)]| {
            let got: Vec<_> = Key::meanings(word).into_iter().map(|key| (key.kind, key.value)).collect();
            let want: Vec<_> = want.iter().map(|(kind, value)| (*kind, value.to_string())).collect();
            assert_eq!(got, want, "{word}");
        };
        let plain = "6842caf91e3e43249ed596b8b9f2c5c2";
        check("6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c2", &[(Kind::Uuid, plain)]);
        check("00-50-56-13-11-4a", &[(Kind::Mac, "00:50:56:13:11:4A")]);
        check("192.168.1.220", &[(Kind::Address, "192.168.1.220")]);
        check("FE80:0::1", &[(Kind::Address, "fe80::1")]);
        check("/etc/x.conf", &[(Kind::Id, "/etc/x.conf")]);
        let all = |label: &'static str, name: &'static str| {
            [(Kind::Label, label), (Kind::Name, name), (Kind::ShortName, name), (Kind::Pm, name)]
        };
        check("Tst100.", &all("Tst100.", "tst100"));
        check("00:50:56:13:11", &all("00:50:56:13:11", "00:50:56:13:11"));
        check("", &[]);
    }

    #[test]
    fn names_and_their_first_parts() {
        let check = |one: &str, other: &str, want: bool| assert_eq!(same_name(one, other), want, "{one} {other}");
        check("lab00", "LAB00", true);
        check("lab00", "lab00.soho.", true);
        check("lab00.soho", "lab00", true);
        check("lab00.a", "lab00.b", false);
        check("192.168.1.7", "192", false);
        check("192.168.1.7", "192.168.1.7", true);
        check("", "", false);
        check("", ".x", false);
    }
}
