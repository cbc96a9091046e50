//! Hardware addresses from DHCP servers: the static hosts of dhcpd.conf, the leases of dhcpd, dnsmasq and kea.

use crate::keys::mac;
use crate::macmap::Entry;
use std::collections::HashMap;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `dhcpd.conf` and `dhcpd.leases` of ISC.
    Dhcpd,
    /// `dnsmasq.leases`, and the `dhcp-host` lines of its configuration.
    Dnsmasq,
    /// `kea-leases4.csv`.
    Kea,
}

/// What a text looks like.
pub fn form(text: &str) -> Form {
    let body = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    if body().next().is_some_and(|line| line.starts_with("address,hwaddr,")) {
        return Form::Kea;
    }
    let of_dnsmasq = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        line.starts_with("dhcp-host=")
            || (words.len() >= 4 && words[0].bytes().all(|b| b.is_ascii_digit()) && mac(words[1]).is_some())
    };
    if body().any(of_dnsmasq) { Form::Dnsmasq } else { Form::Dhcpd }
}

/// The entries of a text, in its order, each once.
pub fn read(text: &str) -> Vec<Entry> {
    let found = match form(text) {
        Form::Dhcpd => dhcpd(text),
        Form::Dnsmasq => dnsmasq(text),
        Form::Kea => kea(text),
    };
    let mut entries: Vec<Option<Entry>> = Vec::new();
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for entry in found {
        // A lease file holds every renewal: the last one says what is true.
        let of_mac = places.entry(entry.mac.clone()).or_default();
        of_mac.retain(|&at| {
            let other = |known: &Entry| known.ip != entry.ip && !known.ip.is_empty() && known.name != entry.name;
            let stays = entries[at].as_ref().is_some_and(other);
            if !stays {
                entries[at] = None;
            }
            stays
        });
        of_mac.push(entries.len());
        entries.push(Some(entry));
    }
    entries.into_iter().flatten().collect()
}

/// ```text
/// host tst100 { hardware ethernet 00:50:56:13:11:40; fixed-address 192.168.1.220; }
/// lease 192.168.1.30 { hardware ethernet 00:50:56:13:11:99; client-hostname "phone"; }
/// ```
fn dhcpd(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut entry: Option<Entry> = None;
    let mut statement: Vec<String> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    for token in tokens(text) {
        match token.as_str() {
            "{" => {
                depth += 1;
                let word = |n: usize| statement.get(n).cloned().unwrap_or_default();
                match word(0).as_str() {
                    "host" => (entry, at) = (Some(Entry { name: word(1), ..Entry::default() }), depth),
                    "lease" => (entry, at) = (Some(Entry { ip: word(1), ..Entry::default() }), depth),
                    _ => {}
                }
                statement.clear();
            }
            "}" => {
                if depth == at {
                    entries.extend(entry.take().filter(|entry| !entry.mac.is_empty()));
                }
                depth -= 1;
                statement.clear();
            }
            ";" => {
                if let Some(entry) = &mut entry {
                    let words: Vec<&str> = statement.iter().map(String::as_str).collect();
                    match words[..] {
                        ["hardware", "ethernet", address] => entry.mac = padded(address).unwrap_or_default(),
                        ["fixed-address", address, ..] => entry.ip = address.trim_end_matches(',').to_string(),
                        ["client-hostname", name] if entry.name.is_empty() => entry.name = name.to_string(),
                        ["option", "host-name", name] if entry.name.is_empty() => entry.name = name.to_string(),
                        _ => {}
                    }
                }
                statement.clear();
            }
            _ => statement.push(token),
        }
    }
    entries
}

/// A hardware address in which `0` may stand for `00`, as these servers read it.
fn padded(address: &str) -> Option<String> {
    let pair = |pair: &str| if pair.len() == 1 { format!("0{pair}") } else { pair.to_string() };
    let pairs: Vec<String> = address.split(':').map(pair).collect();
    mac(&pairs.join(":"))
}

/// Words, quoted texts without their quotes, and the signs between them. Comments are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    let mut word = String::new();
    while let Some(c) = chars.next() {
        let ends = c.is_whitespace() || "{};#\"".contains(c);
        if ends && !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
        match c {
            '#' => while chars.next_if(|&c| c != '\n').is_some() {},
            '"' => {
                let mut quoted = String::new();
                while let Some(c) = chars.next_if(|&c| c != '"') {
                    quoted.push(c);
                }
                chars.next();
                tokens.push(quoted);
            }
            '{' | '}' | ';' => tokens.push(c.to_string()),
            c if c.is_whitespace() => {}
            c => word.push(c),
        }
    }
    tokens
}

/// ```text
/// 1735689600 00:50:56:13:11:40 192.168.1.220 tst100 01:00:50:56:13:11:40
/// dhcp-host=00:50:56:13:11:41,tst101,192.168.1.221
/// ```
fn dnsmasq(text: &str) -> Vec<Entry> {
    let known = |text: &str| if text == "*" { String::new() } else { text.to_string() };
    let mut entries = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(list) = line.strip_prefix("dhcp-host=") {
            let mut entry = Entry::default();
            for part in list.split(',').map(str::trim) {
                if let Some(mac) = padded(part) {
                    entry.mac = mac;
                } else if part.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() {
                    entry.ip = part.trim_matches(['[', ']']).to_string();
                } else if entry.name.is_empty() && !part.contains(':') && !is_time(part) && part != "ignore" {
                    entry.name = part.to_string();
                }
            }
            entries.extend(Some(entry).filter(|entry| !entry.mac.is_empty()));
        } else if let [_, address, ip, name, ..] = line.split_whitespace().collect::<Vec<_>>()[..]
            && let Some(mac) = mac(address)
        {
            entries.push(Entry { name: known(name), mac, ip: ip.to_string() });
        }
    }
    entries
}

/// `infinite`, `12h`, `45m`: how long a lease lasts.
fn is_time(text: &str) -> bool {
    text == "infinite" || text.trim_end_matches(['h', 'm', 's', 'd', 'w']).bytes().all(|b| b.is_ascii_digit())
}

/// ```text
/// address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
/// 192.168.1.220,00:50:56:13:11:40,,3600,1735689600,1,0,0,tst100.soho.,0,,0
/// ```
fn kea(text: &str) -> Vec<Entry> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| header.iter().position(|&title| title == name);
    let (Some(ip), Some(address)) = (column("address"), column("hwaddr")) else { return Vec::new() };
    let (name, state) = (column("hostname"), column("state"));
    let entry = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let field = |at: Option<usize>| at.and_then(|at| fields.get(at)).copied().unwrap_or_default();
        // 0 is in use; 1 declined, 2 expired.
        let used = matches!(field(state), "" | "0");
        let name = field(name).trim_end_matches('.').to_string();
        let entry = Entry { name, mac: mac(field(Some(address)))?, ip: field(Some(ip)).to_string() };
        used.then_some(entry)
    };
    lines.filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macmap::Order;

    #[test]
    fn entries_of_three_servers() {
        let check = |text: &str, want: &[&str]| {
            let got: Vec<String> = read(text).iter().map(|entry| entry.line(Order::Name)).collect();
            assert_eq!(got, want, "{text}");
        };
        check(
            "# option x;\nsubnet 192.168.1.0 netmask 255.255.255.0 {\n range 192.168.1.1 192.168.1.9;\n\
             host tst100 { hardware ethernet 00:50:56:13:11:4a; # a } b\n fixed-address 192.168.1.220; }\n}\n\
             host bare{hardware ethernet 0:50:56:13:11:41;}\nhost \"tst101\" {\n  option host-name \"x y\";\n  hardware ethernet 00:50:56:13:11:41;\n}\n",
            &["tst100;00:50:56:13:11:4A;192.168.1.220", "tst101;00:50:56:13:11:41;"],
        );
        check(
            "lease 10.0.0.3 {\n  starts 4 2026/01/01 00:00:00;\n  hardware ethernet 00:50:56:00:00:01;\n  client-hostname \"phone\";\n}\n\
             lease 10.0.0.4 {\n  hardware ethernet 00:50:56:00:00:01;\n  client-hostname \"phone\";\n}\n",
            &["phone;00:50:56:00:00:01;10.0.0.4"],
        );
        check(
            "1735689600 00:50:56:13:11:40 192.168.1.220 tst100 01:00:50:56:13:11:40\n1735689601 00:50:56:13:11:41 192.168.1.221 * *\n\
             duid 00:01:00\n",
            &["tst100;00:50:56:13:11:40;192.168.1.220", ";00:50:56:13:11:41;192.168.1.221"],
        );
        check(
            "domain=soho\ndhcp-host=00:50:56:13:11:41,set:lab,tst101,192.168.1.221,12h\n",
            &["tst101;00:50:56:13:11:41;192.168.1.221"],
        );
        check(
            "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n\
             192.168.1.220,00:50:56:13:11:40,01:00,3600,1735689600,1,0,0,tst100.soho.,0,\n\
             192.168.1.9,00:50:56:13:11:49,,3600,1735689600,1,0,0,gone,2,\n",
            &["tst100.soho;00:50:56:13:11:40;192.168.1.220"],
        );
        check("", &[]);
    }

    #[test]
    fn a_lease_file_of_a_large_site_is_read() {
        const COUNT: u32 = 200_000;
        let lease = |n: u32| {
            let [_, a, b, c] = n.to_be_bytes();
            format!("1735689600 00:50:56:{a:02x}:{b:02x}:{c:02x} 10.{a}.{b}.{c} tst{n} *\n")
        };
        let text: String = (0..COUNT).chain(0..COUNT).map(lease).collect();
        let entries = read(&text);
        assert_eq!(entries.len(), COUNT as usize, "each once");
        assert_eq!(entries[4711].name, "tst4711");
    }
}
