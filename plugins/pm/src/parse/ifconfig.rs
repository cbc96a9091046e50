//! `ifconfig -a`, of net-tools old and new, busybox, and the BSDs.
//!
//! ```text
//! eth0      Link encap:Ethernet  HWaddr 00:0E:0C:35:F8:48
//!           inet addr:192.168.1.71  Bcast:192.168.1.255  Mask:255.255.255.0
//!           inet6 addr: fe80::20e:cff:fe35:f848/64 Scope:Link
//!           UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1
//!
//! eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1400
//!         inet 192.0.2.2  netmask 255.255.255.0  broadcast 192.0.2.255
//!         inet6 fe80::fc:ff:fe00:1  prefixlen 64  scopeid 0x20<link>
//!         ether 02:fc:00:00:00:01  txqueuelen 1000  (Ethernet)
//! ```

use super::Interface;
use std::net::IpAddr;

/// The interfaces, in the order of the tool; the addresses of an alias (`eth0:1`) belong to its interface.
pub fn parse(text: &str) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut current = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        if !line.starts_with([' ', '\t']) {
            current = header(line).map(|new| {
                let known = interfaces.iter().position(|old| old.name == new.name);
                known.unwrap_or_else(|| {
                    interfaces.push(new);
                    interfaces.len() - 1
                })
            });
            continue;
        }
        let Some(interface) = current.map(|at: usize| &mut interfaces[at]) else { continue };
        match first {
            "ether" | "address:" | "lladdr" => words.next().into_iter().for_each(|mac| interface.set_mac(mac)),
            "inet" | "inet6" => {
                let address = match words.next() {
                    // busybox and old net-tools write `inet6 addr: fe80::1/64`.
                    Some("addr:") => words.next(),
                    Some(word) => Some(word.strip_prefix("addr:").unwrap_or(word)),
                    None => None,
                };
                if let Some(address) = address {
                    let here = line.contains("temporary") || line.contains("deprecated");
                    interface.push_address(address, !here && is_wide(address));
                }
            }
            // The flags of the old form: `UP LOOPBACK RUNNING  MTU:16436  Metric:1`.
            _ if line.split_whitespace().any(|word| word == "LOOPBACK") => interface.loopback = true,
            _ => {}
        }
    }
    interfaces
}

/// `eth0      Link encap:Ethernet  HWaddr 00:0E:0C:35:F8:48`, or `eth0: flags=4163<UP,BROADCAST>  mtu 1400`.
fn header(line: &str) -> Option<Interface> {
    let (first, rest) = line.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    if !rest.starts_with("flags=") && !rest.starts_with("Link encap:") {
        return None;
    }
    let name = first.strip_suffix(':').unwrap_or(first);
    let flags = rest.split(['<', '>']).nth(1).unwrap_or("");
    let mut new = Interface {
        name: name.split(':').next().unwrap_or(name).to_string(),
        loopback: flags.split(',').any(|flag| flag == "LOOPBACK") || rest.starts_with("Link encap:Local Loopback"),
        ..Interface::default()
    };
    if let Some((_, mac)) = rest.split_once("HWaddr ") {
        new.set_mac(mac.trim());
    }
    Some(new)
}

/// ifconfig names the scope of IPv6 only, in four ways; the address itself tells as much.
fn is_wide(address: &str) -> bool {
    match address.split(['/', '%']).next().unwrap_or("").parse() {
        Ok(IpAddr::V4(ip)) => !ip.is_loopback() && !ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => !ip.is_loopback() && ip.segments()[0] & 0xffc0 != 0xfe80,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::parse::tests::show;

    macro_rules! captured {
        ($($name:ident $file:literal $want:expr;)*) => {$(
            #[test]
            fn $name() {
                assert_eq!(show(&parse(include_str!(concat!("../../captures/", $file)))), $want.join("\n"));
            }
        )*};
    }

    captured! {
        net_tools_2_10 "ifconfig-net-tools-2.10-vm.txt" [
            "eth0 02:FC:00:00:00:01 192.0.2.2,fd00::2,~fe80::fc:ff:fe00:1",
            "ifb0 12:C7:F8:32:56:97",
            "ifb1 66:FA:DD:BB:67:1D",
            "*lo - ~127.0.0.1,~::1",
        ];
        busybox_1_35 "ifconfig-busybox-1.35-vm.txt" [
            "eth0 02:FC:00:00:00:01 192.0.2.2,fd00::2,~fe80::fc:ff:fe00:1",
            "ifb0 12:C7:F8:32:56:97",
            "ifb1 66:FA:DD:BB:67:1D",
            "*lo - ~127.0.0.1,~::1",
        ];
        net_tools_1_60 "ifconfig-net-tools-1.60-xen-alias.txt" [
            "eth0 00:0E:0C:35:F8:48 192.168.1.71,~fe80::20e:cff:fe35:f848,192.168.1.171",
            "*lo - ~127.0.0.1,~::1",
            "peth0 FE:FF:FF:FF:FF:FF ~fe80::fcff:ffff:feff:ffff",
            "virbr0 - 192.168.122.1",
        ];
        freebsd_14 "ifconfig-freebsd-14-server.txt" [
            "em0 08:00:27:AA:BB:CC 10.0.2.15,~fe80::a00:27ff:feaa:bbcc",
            "*lo0 - ~::1,~fe80::1,~127.0.0.1",
        ];
    }

    #[test]
    fn what_is_no_answer_gives_no_interface() {
        let check = |text: &str, want: &str| assert_eq!(show(&parse(text)), want, "{text:?}");
        check("", "");
        check("eth0", "");
        check("ifconfig: option `-a' not recognised.", "");
        check("        inet 10.0.0.1  netmask 255.0.0.0", "");
        check("eth0: error fetching interface information: Device not found\n        inet 10.0.0.1", "");
        check("eth0: flags=4163<UP>\n        inet", "eth0 -");
        check("eth0: flags=4163<UP>\n        inet addr:", "eth0 -");
        check("eth0: flags=4163<UP>\n        ether", "eth0 -");
        check("eth0: flags=4163<UP>\n        inet 169.254.3.4", "eth0 - ~169.254.3.4");
        check("eth0:1: flags=4163<UP>\n        inet 10.0.0.1", "eth0 - 10.0.0.1");
        check("ib0: flags=4163<UP>\n        infiniband 80:00:02:08:FE:80:00:00  txqueuelen 256", "ib0 -");
    }
}
