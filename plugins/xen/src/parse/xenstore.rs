//! `xenstore-ls -f /local/domain`: every node with its whole path and value, one per line.
//!
//! ```text
//! /local/domain/0/name = "Domain-0"
//! /local/domain/2/console/port = "2"
//! /local/domain/2/console/vnc-port = "5902"
//! ```
//!
//! A guest writes only below its own `data` and `device` nodes, and the tool prints no raw control byte, so no guest can
//! make up a line of another.

/// The VNC ports that domains have, by the number of the domain.
pub fn vnc_ports(text: &str) -> Vec<(u32, u16)> {
    let port = |line: &str| {
        let (id, rest) = line.strip_prefix("/local/domain/")?.split_once('/')?;
        let value = rest.strip_prefix("console/vnc-port = \"")?.split('"').next()?;
        Some((id.parse().ok()?, self::port(value)?))
    };
    text.lines().filter_map(port).collect()
}

/// A port as `xenstore-read` prints it. A domain without a display server has none, or -1 for a moment.
pub fn port(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures() {
        assert_eq!(vnc_ports(include_str!("../../captures/xenstore-4.17-ls-f-two-guests.out")), [(8, 5900)]);
        assert_eq!(vnc_ports(include_str!("../../captures/xenstore-4.17-ls-f-idle.out")), []);
        assert_eq!(port(include_str!("../../captures/xenstore-4.17-vnc-port.out")), Some(5900));
    }

    #[test]
    fn odd_lines() {
        let check = |line: &str, want: &[(u32, u16)]| assert_eq!(vnc_ports(line), want, "{line:?}");
        check("/local/domain/2/console/vnc-port = \"5902\"", &[(2, 5902)]);
        check("/local/domain/2/console/vnc-port = \"-1\"", &[]);
        check("/local/domain/2/console/vnc-port = \"\"", &[]);
        check("/local/domain/2/console/vnc-port = \"65536\"", &[]);
        check("/local/domain/2/data/console/vnc-port = \"1\"", &[]);
        check("/local/domain/x/console/vnc-port = \"1\"", &[]);
        check("/local/domain/2/console/vnc-port", &[]);
        check("", &[]);
        assert_eq!(port("5901\n"), Some(5901));
        assert_eq!(port("0"), None);
    }
}
