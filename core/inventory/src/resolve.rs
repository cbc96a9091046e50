//! Which machine an address means, by what the inventory knows (ctys.md section 3).
//!
//! All parts that are given must hold. LABEL, UUID, MAC and TCP match exactly, a part of the path matches inside. A
//! machine with two interfaces has two records and is one machine; two machines that fit are both shown, never one
//! chosen.

use crate::keys::{self, Key, Kind, same_name};
use crate::line::Line;
use crate::macmap;
use ctys_model::MachineAddress;
use ctys_model::field::Known;
use std::net::IpAddr;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The address.
    pub address: MachineAddress,
    /// Only on this machine, by any of its names; empty for any.
    pub host: String,
    /// Only these session types, upper case; empty for any.
    pub types: Vec<String>,
}

/// A machine that fits, put together from its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Where it runs.
    pub pm: String,
    /// Its session type.
    pub session_type: String,
    /// Its label.
    pub label: String,
    /// The path of its configuration.
    pub id: String,
    /// Its uuid, 32 digits, if it has one.
    pub uuid: Option<String>,
    /// The hardware address and the address of each interface; either may be empty.
    pub interfaces: Vec<(String, String)>,
    /// The port of its sshd, if one is configured.
    pub ssh_port: Option<u16>,
    /// The numbers of its records, from 1.
    pub records: Vec<u64>,
    /// When the oldest of its records was seen.
    pub seen: i64,
    /// The target it was seen at, as typed there; empty when the records stem from a file.
    pub target: String,
}

/// A record that may fit: its number, its bytes, when it was seen, and the target it was seen at.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The number of its line, from 1.
    pub number: u64,
    /// The line.
    pub raw: Vec<u8>,
    /// When it was seen, in seconds since 1970.
    pub seen: i64,
    /// The target it was seen at, as typed there.
    pub target: String,
}

impl Wanted {
    /// The names to look it up by, of which any will do; the surest part of the address. None: every record has to be
    /// looked at.
    pub fn keys(&self) -> Option<Vec<Key>> {
        let MachineAddress { id, label, uuid, mac, tcp, .. } = &self.address;
        let one = |kind, part: &Option<String>| part.as_deref().map(|text| Key::new(kind, text).into_iter().collect());
        one(Kind::Uuid, uuid)
            .or_else(|| one(Kind::Id, id))
            .or_else(|| one(Kind::Mac, mac))
            .or_else(|| tcp.as_deref().map(host_keys))
            .or_else(|| one(Kind::Label, label))
    }

    /// Whether a record is what is wanted. `macmap`: the entries that may say more about an address.
    pub fn fits(&self, candidate: &Candidate, macmap: &[macmap::Entry]) -> bool {
        let Some(line) = Line::parse(&candidate.raw) else { return false };
        let on_host = || {
            same_name(&line.text(Known::Pm), &self.host)
                || (!candidate.target.is_empty() && same_name(&candidate.target, &self.host))
        };
        if !self.host.is_empty() && !on_host() {
            return false;
        }
        let kind = line.text(Known::SessionType).to_ascii_uppercase();
        if !self.types.is_empty() && !self.types.contains(&kind) {
            return false;
        }
        let MachineAddress { id, file_name, label, uuid, mac, tcp, base, db_record } = &self.address;
        if let Some(number) = db_record {
            return candidate.number == *number;
        }
        let path = line.text(Known::Id);
        let own_mac = keys::mac(&line.text(Known::Mac));
        let below = |base: &String| !base.starts_with('/') || path.starts_with(base.as_str());
        id.as_ref().is_none_or(|id| *id == path)
            && file_name.as_ref().is_none_or(|part| path.contains(part.as_str()))
            && label.as_ref().is_none_or(|label| is_label(&line.text(Known::Label), label))
            && uuid
                .as_ref()
                .is_none_or(|uuid| keys::uuid(uuid).is_some_and(|u| keys::uuid(&line.text(Known::Uuid)) == Some(u)))
            && mac.as_ref().is_none_or(|mac| keys::mac(mac).is_some_and(|mac| own_mac.as_ref() == Some(&mac)))
            && tcp.as_ref().is_none_or(|tcp| {
                let mapped = |entry: &macmap::Entry| own_mac.as_ref() == Some(&entry.mac) && is_entry_of(entry, tcp);
                is_host(&line.text(Known::Tcp), tcp) || macmap.iter().any(mapped)
            })
            && (base.is_empty() || base.iter().any(below))
    }
}

/// The names of an address or host name.
pub fn host_keys(text: &str) -> Vec<Key> {
    match Key::new(Kind::Address, text) {
        Some(key) => vec![key],
        None => {
            [Key::new(Kind::Name, text), Key::new(Kind::ShortName, keys::short(text))].into_iter().flatten().collect()
        }
    }
}

/// The machines of these records, each once, in the order of their first records.
pub fn machines(candidates: &[Candidate]) -> Vec<Machine> {
    let mut machines: Vec<Machine> = Vec::new();
    for candidate in candidates {
        let Some(line) = Line::parse(&candidate.raw) else { continue };
        let one = Machine {
            pm: line.text(Known::Pm),
            session_type: line.text(Known::SessionType),
            label: line.text(Known::Label),
            id: line.text(Known::Id),
            uuid: keys::uuid(&line.text(Known::Uuid)),
            interfaces: Vec::new(),
            ssh_port: line.text(Known::SshPort).parse().ok(),
            records: Vec::new(),
            seen: candidate.seen,
            target: candidate.target.clone(),
        };
        let interface = (line.text(Known::Mac).to_ascii_uppercase(), line.text(Known::Tcp));
        let same = |known: &Machine| {
            known.pm == one.pm
                && known.session_type == one.session_type
                && known.id == one.id
                && known.label == one.label
                && (known.uuid == one.uuid || known.uuid.is_none() || one.uuid.is_none())
        };
        let at = match machines.iter().position(same) {
            Some(at) => at,
            None => {
                machines.push(one);
                machines.len() - 1
            }
        };
        let machine = &mut machines[at];
        machine.seen = machine.seen.min(candidate.seen);
        machine.records.push(candidate.number);
        if !machine.interfaces.contains(&interface) && (!interface.0.is_empty() || !interface.1.is_empty()) {
            machine.interfaces.push(interface);
        }
    }
    machines
}

/// The address with what is known of the machine put in front of what the user gave: the user's parts win.
///
/// What only the map of hardware addresses knows of an IP is asked of the host by the hardware address: no
/// configuration there need have that IP.
pub fn expand(address: &MachineAddress, machine: &Machine) -> MachineAddress {
    let mut full = address.clone();
    full.db_record = None;
    let path = Some(machine.id.clone()).filter(|id| id.starts_with('/'));
    full.id = full.id.or(path);
    full.label = full.label.or_else(|| Some(machine.label.clone()).filter(|label| !label.is_empty()));
    full.uuid = full.uuid.or_else(|| machine.uuid.clone());
    if let Some(tcp) = &address.tcp
        && !machine.interfaces.iter().any(|(_, known)| is_host(known, tcp))
    {
        full.tcp = None;
        let mac = machine.interfaces.iter().map(|(mac, _)| mac.clone()).find(|mac| !mac.is_empty());
        full.mac = full.mac.or(mac);
    }
    full
}

fn is_entry_of(entry: &macmap::Entry, tcp: &str) -> bool {
    is_host(&entry.ip, tcp) || is_host(&entry.name, tcp)
}

/// A label in an address cannot hold a colon: `_` stands for it.
fn is_label(name: &str, label: &str) -> bool {
    name == label || (name.contains(':') && name.replace(':', "_") == label)
}

/// Addresses by value, names without regard to case and to the dot at the end.
fn is_host(known: &str, asked: &str) -> bool {
    match (known.parse::<IpAddr>(), asked.parse::<IpAddr>()) {
        (Ok(known), Ok(asked)) => known == asked,
        _ => !known.is_empty() && same_name(known, asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macmap::Entry;

    const DATA: [(&str, &str); 6] = [
        (
            "lab00.soho;XEN;tst100;/root/xen/tst100/tst100.conf;6842caf91e3e43249ed596b8b9f2c5c2;00:50:56:13:11:40;192.168.1.220",
            "lab00",
        ),
        ("lab00.soho;XEN;tst100;/root/xen/tst100/tst100-inst.conf;;00:50:56:13:11:40;192.168.1.220", "lab00"),
        ("lab00.soho;XEN;tst101;/root/xen/tst101/tst101.conf;;00:50:56:13:11:41;", "lab00"),
        ("lab00.soho;XEN;tst101;/root/xen/tst101/tst101.conf;;00:50:56:13:11:51;10.0.0.9", "lab00"),
        ("lab01.soho;QEMU;tst100;/qemu/tst100.ctys;;00:50:56:13:11:60;", "10.1.1.1"),
        ("lab00.soho;PM;lab00.soho;/etc/ctys.d/pm.conf;;00:0E:0C:35:F8:48;192.168.1.71", "lab00"),
    ];

    fn resolved(wanted: &Wanted) -> Vec<Machine> {
        let macmap = [Entry { name: "web".into(), mac: "00:50:56:13:11:41".into(), ip: "192.168.1.221".into() }];
        let candidates = DATA.iter().zip(1..).map(|((line, target), number)| Candidate {
            number,
            raw: format!("{line}{}", ";".repeat(40)).into_bytes(),
            seen: 100 + number as i64,
            target: target.to_string(),
        });
        machines(&candidates.filter(|candidate| wanted.fits(candidate, &macmap)).collect::<Vec<_>>())
    }

    #[test]
    fn which_machine_is_meant() {
        let check = |set: fn(&mut Wanted), want: &[&[u64]]| {
            let mut wanted = Wanted::default();
            set(&mut wanted);
            let got: Vec<Vec<u64>> = resolved(&wanted).into_iter().map(|machine| machine.records).collect();
            assert_eq!(got, want, "{wanted:?}");
        };
        check(|w| w.address.label = Some("tst100".into()), &[&[1], &[2], &[5]]);
        check(|w| w.address.label = Some("tst10".into()), &[]);
        check(|w| w.address.label = Some("tst101".into()), &[&[3, 4]]);
        check(|w| w.address.uuid = Some("6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C2".into()), &[&[1]]);
        check(|w| w.address.mac = Some("00:50:56:13:11:40".into()), &[&[1], &[2]]);
        check(|w| w.address.tcp = Some("192.168.1.220".into()), &[&[1], &[2]]);
        check(|w| w.address.tcp = Some("192.168.1.221".into()), &[&[3]]);
        check(|w| w.address.tcp = Some("WEB.soho".into()), &[&[3]]);
        check(|w| w.address.file_name = Some("tst100-inst".into()), &[&[2]]);
        check(|w| w.address.id = Some("/root/xen/tst100/tst100.conf".into()), &[&[1]]);
        check(|w| w.address.db_record = Some(5), &[&[5]]);
        check(
            |w| (w.address.label, w.host, w.types) = (Some("tst100".into()), "lab01".into(), vec!["QEMU".into()]),
            &[&[5]],
        );
        check(|w| (w.address.label, w.host) = (Some("tst100".into()), "10.1.1.1".into()), &[&[5]]);
        check(|w| (w.address.label, w.host) = (Some("tst100".into()), "lab02".into()), &[]);
        check(|w| (w.address.label, w.address.base) = (Some("tst100".into()), vec!["/root".into()]), &[&[1], &[2]]);
    }

    #[test]
    fn what_is_known_is_added_and_the_users_parts_win() {
        let wanted = |set: fn(&mut MachineAddress)| {
            let mut wanted = Wanted::default();
            set(&mut wanted.address);
            let machines = resolved(&wanted);
            expand(&wanted.address, &machines[0])
        };
        let full =
            wanted(|address| (address.tcp, address.label) = (Some("192.168.1.220".into()), Some("tst100".into())));
        assert_eq!(full.id.as_deref(), Some("/root/xen/tst100/tst100.conf"));
        assert_eq!(full.uuid.as_deref(), Some("6842caf91e3e43249ed596b8b9f2c5c2"));
        assert_eq!((full.tcp.as_deref(), full.mac), (Some("192.168.1.220"), None));
        let mapped = wanted(|address| address.tcp = Some("192.168.1.221".into()));
        assert_eq!((mapped.tcp, mapped.mac.as_deref()), (None, Some("00:50:56:13:11:41")));
        assert_eq!(mapped.label.as_deref(), Some("tst101"));
    }
}
