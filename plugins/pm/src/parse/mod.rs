//! One file per tool output, with a sample of real output above the code. All of them take text and give values; what is
//! not understood is left out, and the caller reports it.

pub mod cpuinfo;
pub mod ifconfig;
pub mod ip_addr;
pub mod macmap;
pub mod meminfo;
pub mod os_release;
pub mod route;
pub mod sensors;

use ctys_plugin::magic::plain_mac;
use std::net::IpAddr;

/// One network interface as the host shows it now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// The name, without the `@lower` of a VLAN and without the `:1` of an alias.
    pub name: String,
    /// The hardware address, upper case with colons, where there is one of six bytes.
    pub mac: Option<String>,
    /// True for the interface that reaches only the host itself.
    pub loopback: bool,
    /// The addresses in the order of the tool.
    pub addresses: Vec<Address>,
}

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// True when it is good beyond its own segment and not about to vanish.
    pub lasting: bool,
}

impl Interface {
    /// The address to show: a lasting IPv4 address, else any IPv4 address, else a lasting IPv6 address.
    pub fn best_address(&self) -> Option<IpAddr> {
        let find = |want: &dyn Fn(&Address) -> bool| self.addresses.iter().find(|a| want(a)).map(|a| a.ip);
        find(&|a| a.ip.is_ipv4() && a.lasting)
            .or_else(|| find(&|a| a.ip.is_ipv4()))
            .or_else(|| find(&|a| a.ip.is_ipv6() && a.lasting))
    }

    fn has_ipv4(&self) -> bool {
        self.addresses.iter().any(|a| a.ip.is_ipv4())
    }

    fn has_lasting_ipv6(&self) -> bool {
        self.addresses.iter().any(|a| a.ip.is_ipv6() && a.lasting)
    }

    /// Takes in the address of a line, without its prefix length and zone.
    fn push_address(&mut self, text: &str, lasting: bool) {
        let bare = text.split(['/', '%']).next().unwrap_or("");
        if let Ok(ip) = bare.parse() {
            self.addresses.push(Address { ip, lasting });
        }
    }

    /// Takes in a hardware address, unless it is none or all zeros.
    fn set_mac(&mut self, text: &str) {
        if self.mac.is_none() {
            self.mac = plain_mac(text).filter(|mac| mac != "00:00:00:00:00:00");
        }
    }
}

/// The interface that stands for the host: the one of the default route, else the first that is not loopback and has an
/// IPv4 address, else a lasting IPv6 address, else a hardware address.
pub fn main_interface<'a>(interfaces: &'a [Interface], default_route: Option<&str>) -> Option<&'a Interface> {
    let find = |want: &dyn Fn(&Interface) -> bool| interfaces.iter().find(|i| !i.loopback && want(i));
    default_route
        .and_then(|name| find(&|i| i.name == name))
        .or_else(|| find(&Interface::has_ipv4))
        .or_else(|| find(&Interface::has_lasting_ipv6))
        .or_else(|| find(&|i| i.mac.is_some()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One line per interface: name, hardware address, addresses with `~` before those that do not last.
    pub fn show(interfaces: &[Interface]) -> String {
        let line = |i: &Interface| {
            let ips: Vec<String> =
                i.addresses.iter().map(|a| format!("{}{}", if a.lasting { "" } else { "~" }, a.ip)).collect();
            let mac = i.mac.as_deref().unwrap_or("-");
            format!("{}{} {mac} {}", if i.loopback { "*" } else { "" }, i.name, ips.join(",")).trim_end().to_string()
        };
        interfaces.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn interface(name: &str, mac: Option<&str>, ips: &[&str]) -> Interface {
        let mut new = Interface { name: name.into(), loopback: name == "lo", ..Interface::default() };
        if let Some(mac) = mac {
            new.set_mac(mac);
        }
        for ip in ips {
            new.push_address(ip.trim_start_matches('~'), !ip.starts_with('~'));
        }
        new
    }

    #[test]
    fn the_interface_that_stands_for_the_host() {
        const M: Option<&str> = Some("00:0e:0c:35:f8:48");
        let all = [
            interface("lo", Some("00:00:00:00:00:00"), &["127.0.0.1"]),
            interface("wlan0", M, &[]),
            interface("eth6", M, &["~fe80::1", "2001:db8::6"]),
            interface("eth0", M, &["192.168.1.71"]),
            interface("eth1", M, &["10.0.0.1"]),
        ];
        let check = |from: &[Interface], route: Option<&str>, want: Option<&str>| {
            assert_eq!(main_interface(from, route).map(|i| i.name.as_str()), want, "{route:?}");
        };
        check(&all, Some("eth1"), Some("eth1"));
        check(&all, Some("wlan0"), Some("wlan0"));
        check(&all, Some("gone0"), Some("eth0"));
        check(&all, Some("lo"), Some("eth0"));
        check(&all, None, Some("eth0"));
        check(&all[..3], None, Some("eth6"));
        check(&all[..2], None, Some("wlan0"));
        check(&all[..1], None, None);
        check(&[interface("ppp0", None, &[])], None, None);
        check(&[], Some("eth0"), None);
    }

    #[test]
    fn the_address_to_show() {
        let check = |ips: &[&str], want: Option<&str>| {
            let got = interface("eth0", None, ips).best_address().map(|ip| ip.to_string());
            assert_eq!(got.as_deref(), want, "{ips:?}");
        };
        check(&["10.0.0.1/8", "10.0.0.2"], Some("10.0.0.1"));
        check(&["2001:db8::1", "10.0.0.1"], Some("10.0.0.1"));
        check(&["~169.254.1.1", "10.0.0.1"], Some("10.0.0.1"));
        check(&["~169.254.1.1", "2001:db8::1"], Some("169.254.1.1"));
        check(&["~fe80::1", "2001:db8::1/64"], Some("2001:db8::1"));
        check(&["~fe80::1%eth0"], None);
        check(&["nonsense", "10.0.0.256", ""], None);
    }
}
