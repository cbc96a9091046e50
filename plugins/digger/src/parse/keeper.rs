//! The process that keeps a tunnel.
//!
//! ```text
//! ctys-tunnel __tunnel label=tst100 type=XEN lport=5950 sport=5900 to=acue@lab00 wait=120 ssh=4712
//! ```
//!
//! The words are escaped, blanks too, so they are the same whether the host tells the borders of arguments or not. One
//! that has no local port yet is still logging in: it is no tunnel.

use ctys_plugin::model::Process;
use ctys_plugin::model::bytes::unescape;

/// The name of its program.
pub const PROGRAM: &str = "ctys-tunnel";

/// A tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Its process.
    pub process: Process,
    /// The label of the session it leads to.
    pub label: String,
    /// The session type behind it.
    pub behind: String,
    /// The port here.
    pub local_port: u16,
    /// The port on the target.
    pub remote_port: u16,
    /// The target as it was typed.
    pub target: String,
}

impl Tunnel {
    /// What the original calls it: `5950-5900`.
    pub fn id(&self) -> String {
        format!("{}-{}", self.local_port, self.remote_port)
    }
}

/// The tunnel that a process keeps.
pub fn read(process: &Process) -> Option<Tunnel> {
    let args: Vec<_> = process.args.iter().map(|arg| arg.to_text()).collect();
    let value = |key: &str| args.iter().find_map(|arg| arg.strip_prefix(key)?.strip_prefix('='));
    let text = |key: &str| String::from_utf8(unescape(value(key)?).ok()?).ok();
    let port = |key: &str| value(key)?.parse::<u16>().ok().filter(|port| *port > 0);
    Some(Tunnel {
        process: process.clone(),
        label: text("label")?,
        behind: text("type").filter(|behind| !behind.is_empty())?,
        local_port: port("lport")?,
        remote_port: port("sport")?,
        target: text("to").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_plugin::model::Bytes;

    fn tunnel(line: &str) -> Option<Tunnel> {
        read(&Process { args: line.split(' ').map(Bytes::from).collect(), ..Process::default() })
    }

    #[test]
    fn a_tunnel_is_read_from_its_arguments() {
        let line =
            "ctys-tunnel __tunnel label=tst\\x20100 type=XEN lport=5950 sport=5900 to=acue@lab00 wait=120 ssh=4712";
        let got = tunnel(line).unwrap();
        let got = (got.id(), got.label, got.behind, got.target);
        assert_eq!(got, ("5950-5900".into(), "tst 100".into(), "XEN".into(), "acue@lab00".into()));
    }

    #[test]
    fn what_is_no_tunnel() {
        for line in [
            "ctys-tunnel __tunnel",
            "ctys-tunnel __tunnel label=x type=XEN lport=0 sport=5900",
            "ctys-tunnel __tunnel label=x type=XEN lport=5950 sport=99999",
            "ctys-tunnel __tunnel label=x\\q type=XEN lport=5950 sport=5900",
            "ctys-tunnel __tunnel label=x lport=5950 sport=5900",
            "",
        ] {
            assert_eq!(tunnel(line), None, "{line}");
        }
    }
}
