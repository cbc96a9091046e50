//! `macmap.fdb` of the caller's database: which machine has which hardware address (ctys.md 6.2).
//!
//! ```text
//! tst100;00:50:56:13:11:40;192.168.1.220;
//! lab00.soho;00:0E:0C:35:F8:48;192.168.1.71
//! ```

use ctys_plugin::magic::mac_bytes;

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The hardware address.
    pub mac: [u8; 6],
    /// The address, where one is known.
    pub ip: Option<String>,
}

/// The entries in the order of the file. A line without a hardware address wakes nobody and is left out.
///
/// The page of the original that describes `name;IP;MAC` is wrong, but files made by it exist: both orders are read.
pub fn parse(text: &str) -> Vec<Entry> {
    let entry = |line: &str| {
        let mut fields = line.split(';').map(str::trim);
        let (name, second, third) = (fields.next()?, fields.next()?, fields.next().unwrap_or(""));
        let (mac, ip) = match (mac_bytes(second), mac_bytes(third)) {
            (Some(mac), _) => (mac, third),
            (None, Some(mac)) => (mac, second),
            (None, None) => return None,
        };
        Some(Entry { name: name.to_string(), mac, ip: (!ip.is_empty()).then(|| ip.to_string()) })
    };
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(entry).collect()
}

/// The entries that fit: by name, by address, by hardware address; what is not given does not matter.
///
/// A name fits exactly, in any case. Only when none does, `lab00` fits `lab00.soho` and the other way round.
pub fn find<'a>(entries: &'a [Entry], name: Option<&str>, tcp: Option<&str>, mac: Option<[u8; 6]>) -> Vec<&'a Entry> {
    let narrowed: Vec<&Entry> = entries
        .iter()
        .filter(|entry| mac.is_none_or(|mac| entry.mac == mac))
        .filter(|entry| {
            tcp.is_none_or(|tcp| entry.ip.as_deref() == Some(tcp) || same_name(&entry.name, tcp) || entry.name == tcp)
        })
        .collect();
    let Some(name) = name else { return narrowed };
    let exact: Vec<&Entry> = narrowed.iter().copied().filter(|entry| entry.name.eq_ignore_ascii_case(name)).collect();
    if exact.is_empty() { narrowed.into_iter().filter(|entry| same_name(&entry.name, name)).collect() } else { exact }
}

/// True when two names are equal in any case, or one is the first part of the other. Addresses have no parts.
pub fn same_name(one: &str, other: &str) -> bool {
    let is_address = |name: &str| name.parse::<std::net::IpAddr>().is_ok();
    if one.eq_ignore_ascii_case(other) {
        return !one.is_empty();
    }
    if is_address(one) || is_address(other) || (one.contains('.') && other.contains('.')) {
        return false;
    }
    let first = |name: &str| name.split('.').next().unwrap_or("").to_ascii_lowercase();
    !first(one).is_empty() && first(one) == first(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# name;MAC;IP\n\
        tst100;00:50:56:13:11:40;192.168.1.220;\n\
        lab00.soho;00:0E:0C:35:F8:48;192.168.1.71\n\
        lab00.other;00:0E:0C:35:F8:49;192.168.2.71\n\
        old;192.168.1.9;00:0e:0c:35:f8:09\n\
        bare;00-0e-0c-35-f8-10\n\
        nonsense;x;y\n\
        \n\
        short\n";

    #[test]
    fn lookups() {
        let entries = parse(FILE);
        assert_eq!(entries.len(), 5);
        let check = |name: Option<&str>, tcp: Option<&str>, mac: Option<&str>, want: &[&str]| {
            let mac = mac.map(|mac| mac_bytes(mac).expect("a hardware address"));
            let got: Vec<&str> = find(&entries, name, tcp, mac).iter().map(|entry| entry.name.as_str()).collect();
            assert_eq!(got, want, "{name:?} {tcp:?} {mac:?}");
        };
        check(Some("tst100"), None, None, &["tst100"]);
        check(Some("TST100"), None, None, &["tst100"]);
        check(Some("tst100.soho"), None, None, &["tst100"]);
        check(Some("tst10"), None, None, &[]);
        check(Some("lab00.soho"), None, None, &["lab00.soho"]);
        check(Some("lab00"), None, None, &["lab00.soho", "lab00.other"]);
        check(Some("lab00"), Some("192.168.2.71"), None, &["lab00.other"]);
        check(None, Some("192.168.1.71"), None, &["lab00.soho"]);
        check(None, Some("192.168.1.9"), None, &["old"]);
        check(None, Some("tst100"), None, &["tst100"]);
        check(None, None, Some("00:50:56:13:11:40"), &["tst100"]);
        check(Some("bare"), None, Some("00:50:56:13:11:40"), &[]);
        check(Some(""), None, None, &[]);
    }

    #[test]
    fn names_and_their_first_parts() {
        let check = |one: &str, other: &str, want: bool| assert_eq!(same_name(one, other), want, "{one} {other}");
        check("lab00", "LAB00", true);
        check("lab00", "lab00.soho", true);
        check("lab00.soho", "lab00", true);
        check("lab00.a", "lab00.b", false);
        check("192.168.1.7", "192", false);
        check("192.168.1.7", "192.168.1.7", true);
        check("", "", false);
        check("", ".x", false);
    }
}
