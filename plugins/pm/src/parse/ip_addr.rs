//! `ip addr`, of iproute2 in all its releases and of busybox.
//!
//! ```text
//! 1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
//!     link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
//!     inet 127.0.0.1/8 scope host lo
//!        valid_lft forever preferred_lft forever
//! 4: eth0.7@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc pfifo_fast state UP group default qlen 1000
//!     link/ether 02:fc:00:00:00:01 brd ff:ff:ff:ff:ff:ff
//!     inet 192.0.2.2/24 brd 192.0.2.255 scope global eth0
//!        valid_lft forever preferred_lft forever
//!     inet6 fe80::fc:ff:fe00:1/64 scope link
//! ```

use super::Interface;

/// The interfaces, in the order of the tool.
pub fn parse(text: &str) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for line in text.lines() {
        if let Some(new) = header(line) {
            interfaces.push(new);
            continue;
        }
        let Some(current) = interfaces.last_mut().filter(|_| line.starts_with([' ', '\t'])) else { continue };
        let mut words = line.split_whitespace();
        match words.next() {
            Some("link/loopback") => current.loopback = true,
            // Infiniband has twenty bytes and tunnels have an IP address here: neither is a MAC.
            Some(link) if link.starts_with("link/") => words.next().into_iter().for_each(|mac| current.set_mac(mac)),
            Some("inet" | "inet6") => {
                let Some(address) = words.next() else { continue };
                // Privacy addresses of IPv6 change every day; a deprecated one is about to go.
                let flags: Vec<&str> = words.collect();
                let global = flags.windows(2).any(|pair| pair[0] == "scope" && pair[1] == "global");
                let passing =
                    flags.iter().any(|f| matches!(*f, "temporary" | "deprecated" | "tentative" | "dadfailed"));
                current.push_address(address, global && !passing);
            }
            _ => {}
        }
    }
    interfaces
}

/// `4: eth0.7@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 ...`
fn header(line: &str) -> Option<Interface> {
    let (number, rest) = line.split_once(": ")?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (name, flags) = rest.split_once(": ")?;
    let flags = flags.strip_prefix('<')?.split('>').next()?;
    Some(Interface {
        name: name.split('@').next().unwrap_or(name).to_string(),
        loopback: flags.split(',').any(|flag| flag == "LOOPBACK"),
        ..Interface::default()
    })
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
        iproute2_6_1 "ip-addr-iproute2-6.1-vm.txt" [
            "*lo - ~127.0.0.1,~::1",
            "ifb0 12:C7:F8:32:56:97",
            "ifb1 66:FA:DD:BB:67:1D",
            "eth0 02:FC:00:00:00:01 192.0.2.2,fd00::2,~fe80::fc:ff:fe00:1",
        ];
        busybox_1_35 "ip-addr-busybox-1.35-vm.txt" [
            "*lo - ~127.0.0.1,~::1",
            "ifb0 12:C7:F8:32:56:97",
            "ifb1 66:FA:DD:BB:67:1D",
            "eth0 02:FC:00:00:00:01 192.0.2.2,fd00::2,~fe80::fc:ff:fe00:1",
        ];
        iproute2_2009 "ip-addr-iproute2-2009-xen-bridge.txt" [
            "*lo - ~127.0.0.1,~::1",
            "peth0 FE:FF:FF:FF:FF:FF ~fe80::fcff:ffff:feff:ffff",
            "sit0 -",
            "virbr0 - 192.168.122.1",
            "eth0 00:0E:0C:35:F8:48 192.168.1.71,192.168.1.171,~fe80::20e:cff:fe35:f848",
            "vif3.0 FE:FF:FF:FF:FF:FF",
        ];
        iproute2_6_9 "ip-addr-iproute2-6.9-laptop.txt" [
            "*lo - ~127.0.0.1,~::1",
            "enp0s31f6 8C:16:45:01:02:03",
            "wlp4s0 34:E1:2D:0A:0B:0C 192.168.178.23,~2001:db8:1:2:aaaa:bbbb:cccc:dddd,2001:db8:1:2:36e1:2dff:fe0a:b0c,~fe80::36e1:2dff:fe0a:b0c",
            "docker0 02:42:5E:10:20:30 172.17.0.1",
            "veth1a2b3c4 5A:11:22:33:44:55 ~fe80::5811:22ff:fe33:4455",
            "enp0s31f6.42 8C:16:45:01:02:03 10.42.0.5",
            "ib0 - 10.9.0.1",
            "wg0 - 10.8.0.2",
            "ppp0 - 10.64.1.2",
        ];
    }

    #[test]
    fn what_is_no_answer_gives_no_interface() {
        let check = |text: &str, want: &str| assert_eq!(show(&parse(text)), want, "{text:?}");
        check("", "");
        check("\n\n", "");
        check("Object \"addr\" is unknown, try \"ip help\".", "");
        check("    inet 10.0.0.1/8 scope global eth0", "");
        check("    link/ether 00:0e:0c:35:f8:48 brd ff:ff:ff:ff:ff:ff", "");
        check("x: eth0: <UP>", "");
        check("1: eth0", "");
        check("1: eth0: mtu 1500", "");
        check("1: eth0: <", "eth0 -");
        check("1: eth0: <UP> mtu 1500\n    inet", "eth0 -");
        check("1: eth0: <UP> mtu 1500\n    inet 999.0.0.1/8 scope global", "eth0 -");
        check("1: eth0: <UP> mtu 1500\n    link/ether", "eth0 -");
        check("1: eth0: <UP> mtu 1500\n    link/ether zz:0e:0c:35:f8:48", "eth0 -");
        check("1: eth0: <UP> mtu 1500\ninet 10.0.0.1/8 scope global", "eth0 -");
        check("1: eth0: <UP> mtu 1500\n    inet 10.0.0.1 peer 10.0.0.2/32 scope global eth0", "eth0 - 10.0.0.1");
        check("1: eth0@if5: <UP> mtu 1500\n\tinet 10.0.0.1/8 scope global eth0", "eth0 - 10.0.0.1");
        check("1: lo: <UP,LOOPBACK> mtu 16436", "*lo -");
    }

    #[test]
    fn every_beginning_of_a_capture_can_be_read() {
        let whole = include_str!("../../captures/ip-addr-iproute2-6.9-laptop.txt");
        for end in (0..whole.len()).filter(|&end| whole.is_char_boundary(end)) {
            let interfaces = parse(&whole[..end]);
            assert!(interfaces.len() <= 9);
            assert!(interfaces.iter().all(|i| !i.name.is_empty()));
        }
    }
}
