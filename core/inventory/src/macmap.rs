//! `macmap.fdb`: which machine has which hardware address (ctys.md 6.2).
//!
//! ```text
//! tst100;00:50:56:13:11:40;192.168.1.220;
//! lab00.soho;00:0E:0C:35:F8:48;192.168.1.71
//! ```

use crate::keys::{mac, same_name};
use std::collections::HashMap;

/// One line of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The hardware address, upper case with colons.
    pub mac: String,
    /// The address; empty where none is known.
    pub ip: String,
}

/// The order of the fields in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `name;MAC;IP`, the order of the file.
    Name,
    /// `IP;name;MAC`.
    Ip,
    /// `MAC;name;IP`.
    Mac,
}

impl Entry {
    /// Reads a line. A page of the original describes `name;IP;MAC`: both orders are read. None without a MAC.
    pub fn parse(line: &str) -> Option<Entry> {
        if line.trim_start().starts_with('#') {
            return None;
        }
        let mut fields = line.split(';').map(str::trim);
        let (name, second, third) = (fields.next()?, fields.next()?, fields.next().unwrap_or(""));
        let (mac, ip) = match (mac(second), mac(third)) {
            (Some(mac), _) => (mac, third),
            (None, Some(mac)) => (mac, second),
            (None, None) => return None,
        };
        Some(Entry { name: name.to_string(), mac, ip: ip.to_string() })
    }

    /// The line in this order, without newline.
    pub fn line(&self, order: Order) -> String {
        let Entry { name, mac, ip } = self;
        match order {
            Order::Name => format!("{name};{mac};{ip}"),
            Order::Ip => format!("{ip};{name};{mac}"),
            Order::Mac => format!("{mac};{name};{ip}"),
        }
    }

    /// The line of `/etc/ethers`: MAC and name; the address where there is no name.
    pub fn ethers(&self) -> String {
        format!("{} {}", self.mac, if self.name.is_empty() { &self.ip } else { &self.name })
    }
}

/// The whole map, by hardware address.
#[derive(Clone, Debug, Default)]
pub struct MacMap {
    entries: Vec<Entry>,
    by_mac: HashMap<String, usize>,
}

impl MacMap {
    /// Reads a file. Lines that are no entries are passed over; the first entry of a MAC wins.
    pub fn parse(text: &str) -> MacMap {
        MacMap::of(text.lines().filter_map(Entry::parse))
    }

    /// The map of these entries.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> MacMap {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let mut by_mac = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            by_mac.entry(entry.mac.clone()).or_insert(at);
        }
        MacMap { entries, by_mac }
    }

    /// All entries, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a hardware address, in any spelling.
    pub fn get(&self, text: &str) -> Option<&Entry> {
        self.by_mac.get(&mac(text)?).map(|&at| &self.entries[at])
    }

    /// The entries of a name or address.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.ip == name || same_name(&entry.name, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_and_any_spelling_are_read() {
        let map = MacMap::parse(
            "# name;MAC;IP\ntst100;00:50:56:13:11:40;192.168.1.220;\nold;192.168.1.9;00:0e:0c:35:f8:09\n\
             bare;00-0e-0c-35-f8-10\nnonsense;x;y\n\nagain;00:50:56:13:11:40;192.168.1.221\n",
        );
        let check = |mac: &str, want: Option<&str>| {
            assert_eq!(map.get(mac).map(|entry| entry.line(Order::Name)).as_deref(), want, "{mac}");
        };
        check("00:50:56:13:11:40", Some("tst100;00:50:56:13:11:40;192.168.1.220"));
        check("00-0E-0C-35-F8-09", Some("old;00:0E:0C:35:F8:09;192.168.1.9"));
        check("00:0e:0c:35:f8:10", Some("bare;00:0E:0C:35:F8:10;"));
        check("00:00:00:00:00:00", None);
        check("tst100", None);
        assert_eq!(map.entries().len(), 4);
        assert_eq!(map.named("192.168.1.220").count(), 1);
        assert_eq!(map.named("tst100.soho").count(), 1);
    }
}
