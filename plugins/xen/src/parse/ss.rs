//! `ss -Hlntp`: who listens on which TCP port. The owners are shown to root only.
//!
//! ```text
//! LISTEN 0      0      127.0.0.1:5900 0.0.0.0:* users:(("xen-qemu-system",pid=1105,fd=34))
//! LISTEN 0      0        0.0.0.0:22   0.0.0.0:* users:(("sshd",pid=114,fd=3))
//! LISTEN 0      0              *:22         *:* users:(("sshd",pid=114,fd=4))
//! LISTEN 0      128        [::1]:631      [::]:* users:(("cupsd",pid=70,fd=6),("helper",pid=71,fd=6))
//! ```

/// One listening socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// The address, without brackets and zone; `*` for all.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The processes that hold it: name and number.
    pub owners: Vec<(String, u32)>,
}

impl Listener {
    /// Whether a connection from the host to itself gets here.
    pub fn is_near(&self) -> bool {
        matches!(self.address.as_str(), "*" | "0.0.0.0" | "::" | "::1") || self.address.starts_with("127.")
    }
}

/// The sockets in the order of the tool.
pub fn parse(text: &str) -> Vec<Listener> {
    text.lines().filter_map(listener).collect()
}

fn listener(line: &str) -> Option<Listener> {
    let mut words = line.split_whitespace();
    let (state, _, _, local, _) = (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    if state != "LISTEN" {
        return None;
    }
    let (address, port) = local.rsplit_once(':')?;
    let address = address.split('%').next()?.trim_matches(['[', ']']).to_string();
    let owners = line.split_once(" users:((").and_then(|(_, rest)| rest.trim_end().strip_suffix("))"));
    // A process gives itself its name of 15 bytes at most: too short for all that stands between two of them.
    let owner = |text: &str| {
        let (name, rest) = text.rsplit_once("\",pid=")?;
        Some((name.strip_prefix('"')?.to_string(), rest.split_once(",fd=")?.0.parse().ok()?))
    };
    let owners = owners.map_or_else(Vec::new, |list| list.split("),(").filter_map(owner).collect());
    Some(Listener { address, port: port.parse().ok()?, owners })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        let owner = |(name, pid): &(String, u32)| format!(" {name}={pid}");
        let line = |l: &Listener| {
            let near = if l.is_near() { "" } else { " far" };
            format!("{} {}{near}{}", l.address, l.port, l.owners.iter().map(owner).collect::<String>())
        };
        parse(text).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn captures() {
        let want = "127.0.0.1 5900 xen-qemu-system=1105\n0.0.0.0 22 sshd=114\n* 22 sshd=114";
        assert_eq!(show(include_str!("../../captures/ss-6.1-two-guests.out")), want);
    }

    #[test]
    fn one_line() {
        let check = |text: &str, want: &str| assert_eq!(show(text), want, "{text:?}");
        check("LISTEN 0 5 [::1]:631 [::]:* users:((\"a\",pid=7,fd=6),(\"b\",pid=8,fd=6))", "::1 631 a=7 b=8");
        check("LISTEN 0 5 [fe80::1]%eth0:80 [::]:*", "fe80::1 80 far");
        check("LISTEN 0 5 192.168.1.71:5900 0.0.0.0:* ", "192.168.1.71 5900 far");
        // Nobody passes for another by the name of his process.
        check("LISTEN 0 5 *:80 *:* users:((\"\",pid=1105,fd=1\",pid=7,fd=6))", "* 80 \",pid=1105,fd=1=7");
        check("LISTEN 0 5 *:80 *:* users:((\"a b\",pid=x,fd=6))", "* 80");
        check("ESTAB 0 5 10.0.0.1:80 10.0.0.2:5000", "");
        check("LISTEN 0 5 *:* *:*", "");
        check("Netid State\n\nLISTEN", "");
    }
}
