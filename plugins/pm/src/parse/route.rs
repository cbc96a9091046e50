//! `/proc/net/route`: the IPv4 routes of Linux, numbers in hexadecimal, addresses in the byte order of the machine.
//!
//! ```text
//! Iface   Destination Gateway     Flags       RefCnt      Use         Metric      Mask                    MTU         Window      IRTT
//! eth0    00000000    010200C0    0003        0           0           0           00000000    0           0           0
//! eth0    000200C0    00000000    0001        0           0           0           00FFFFFF    0           0           0
//! ```

const UP: u32 = 0x1;
const REJECT: u32 = 0x200;

/// The interface of the default route; of several, the one with the lowest metric.
pub fn default_interface(text: &str) -> Option<&str> {
    text.lines().skip(1).filter_map(default_route).min_by_key(|(metric, _)| *metric).map(|(_, name)| name)
}

fn default_route(line: &str) -> Option<(u64, &str)> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [name, destination, _, flags, _, _, metric, mask, ..] = columns[..] else { return None };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let everywhere = destination == "00000000" && mask == "00000000";
    (everywhere && flags & UP != 0 && flags & REJECT == 0).then_some((metric.parse().ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::default_interface;

    #[test]
    fn the_interface_of_the_default_route() {
        const HEAD: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
        let check = |lines: &str, want: Option<&str>| {
            assert_eq!(default_interface(&format!("{HEAD}{lines}")), want, "{lines:?}");
        };
        check("", None);
        check("eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0", Some("eth0"));
        check("eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", None);
        check(
            "wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
             eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
            Some("eth0"),
        );
        // Half of everything: how some VPNs take over without touching the default route.
        check("tun0\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0", None);
        check("lo\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0", None);
        check("lo\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0", None);
        check("eth0\t00000000\t010200C0\t0003", None);
        check("eth0\t00000000\t010200C0\tzz\t0\t0\t0\t00000000\t0\t0\t0", None);
        assert_eq!(default_interface(""), None);
        assert_eq!(default_interface(include_str!("../../captures/proc-net-route-linux-6-vm.txt")), Some("eth0"));
        assert_eq!(default_interface(include_str!("../../captures/proc-net-route-linux-6-laptop.txt")), Some("wlp4s0"));
    }
}
