//! Links: a port of one cube that leads to a port of another (overc.md 4.6). They are lines of the first one's
//! `cube.network.stack`, and rules of nftables in its network while it lives:
//!
//! ```text
//! 8000 web:80
//! 8443 web:443 from 10.9.9.2
//! 8080 web:80 from localhost
//! ```
//!
//! After every call that started, stopped, renamed or removed a cube all rules are made again, each network's in one piece: an
//! address that is another one by then is followed, and nothing is there twice.

use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::parse::survey::Survey;
use crate::places::is_id;
use crate::probes::Depth;
use crate::work::network::is_prime;
use ctys_plugin::model::{Command, Step};
use std::fmt::Write;
use std::net::Ipv4Addr;

/// The file they stand in.
pub const FILE: &str = "cube.network.stack";

/// Who may use a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Whoever reaches the cube.
    Anybody,
    /// One address.
    One(Ipv4Addr),
    /// The cube itself.
    Localhost,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The port it begins at.
    pub port: u16,
    /// The cube it leads to.
    pub to: String,
    /// The port there.
    pub there: u16,
    /// Who may use it.
    pub from: From,
}

impl Link {
    /// Reads a line of the file.
    pub fn read(line: &str) -> Option<Link> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (port, end, from) = match words[..] {
            [port, end] => (port, end, From::Anybody),
            [port, end, "from", "localhost"] => (port, end, From::Localhost),
            [port, end, "from", address] => (port, end, From::One(address.parse().ok()?)),
            _ => return None,
        };
        let (to, there) = end.split_once(':')?;
        let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        is_id(to).then_some(())?;
        Some(Link { port: number(port)?, to: to.into(), there: number(there)?, from })
    }

    /// Its line.
    pub fn line(&self) -> String {
        let from = match &self.from {
            From::Anybody => String::new(),
            From::One(address) => format!(" from {address}"),
            From::Localhost => " from localhost".into(),
        };
        format!("{} {}:{}{from}", self.port, self.to, self.there)
    }
}

/// The links of a cube. What OverC left in the file are rules for a tool that is not used here.
pub fn of<'a>(cube: &Cube<'a>) -> impl Iterator<Item = Link> + use<'a> {
    cube.lines(FILE).filter_map(Link::read)
}

/// The rules of a cube. A link that leads to a cube without an address has none. The address of whoever comes in is kept where the
/// answer finds its way back by the network prime.
fn rules(all: &Survey, cube: &Cube<'_>) -> String {
    let (mut come, mut own, mut leave) = (String::new(), String::new(), String::new());
    let back = if is_prime(cube) { "ip saddr 192.168.42.0/24 " } else { "" };
    for link in of(cube) {
        let there = Cube::named(all, &link.to).filter(|other| other.folder.is_some());
        let address = there.and_then(|other| other.addresses().into_iter().find(|ip| ip.starts_with("192.168.42.")));
        let Some(address) = address else { continue };
        let to = format!("fib daddr type local tcp dport {} dnat to {address}:{}\n", link.port, link.there);
        let masked = format!("ip daddr {address} tcp dport {} ct status dnat", link.there);
        let _ = match &link.from {
            From::Anybody => write!(come, "{to}").and(writeln!(leave, "{back}{masked} masquerade")),
            From::One(ip) => write!(come, "ip saddr {ip} {to}").and(writeln!(leave, "{back}{masked} masquerade")),
            From::Localhost => write!(own, "{to}").and(writeln!(leave, "ip saddr 127.0.0.0/8 {masked} masquerade")),
        };
    }
    let mut text = String::from("table ip cube_links\ndelete table ip cube_links\n");
    if come.is_empty() && own.is_empty() {
        return text;
    }
    let chain = |name: &str, kind: &str, priority: i32, rules: &str| {
        format!("chain {name} {{\ntype nat hook {kind} priority {priority};\n{rules}}}\n")
    };
    text += "table ip cube_links {\n";
    text += &chain("come", "prerouting", -100, &come);
    text += &chain("own", "output", -100, &own);
    // Before those of the way out, which would take the packet first.
    text += &chain("leave", "postrouting", 90, &leave);
    text + "}\n"
}

/// `$1` the process, `$2` the rules, `$3` not empty where a link begins at the cube itself. A cube that another call has ended
/// meanwhile has no network to make them in; they are made when it starts.
const APPLY: &str = r#"
t() { "$@" || { [ ! -e "/proc/$p/ns/net" ] && exit 0; exit 1; }; }
p=$1
printf '%s' "$2" | t nsenter -t "$1" -n nft -f - || exit 1
t nsenter -t "$1" -n sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
[ -z "$3" ] || t nsenter -t "$1" -n sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
"#;

/// Makes the rules of one cube again, or of all. Those of a call are made under the lock of the folder, so that whoever looked last
/// writes last.
pub fn stack(flow: &mut Flow<'_>, name: Option<&str>) -> Result<(), Stop> {
    if !flow.places.network {
        return Ok(());
    }
    flow.lock_folder()?;
    let all = flow.look(&[], Depth::Usual)?;
    let here =
        |cube: &Cube<'_>| cube.is_alive() && cube.has(FILE) && cube.record.is_some_and(|record| !record.shares_network);
    let cubes = Cube::cubes(&all).filter(|cube| name.is_none_or(|name| name == cube.name)).filter(here);
    let steps: Vec<(String, Step)> = cubes
        .map(|cube| {
            let pid = cube.record.map_or(0, |record| record.pid).to_string();
            let own = if of(&cube).any(|link| link.from == From::Localhost) { "own" } else { "" };
            let command = Command::new("sh").args(["-c", APPLY, "sh", &pid, &rules(&all, &cube), own]);
            (cube.name.into(), Step::run(&format!("stack {}", cube.name), command.as_root().changes()).go_on())
        })
        .collect();
    if steps.is_empty() {
        return Ok(());
    }
    let (names, steps): (Vec<String>, Vec<Step>) = steps.into_iter().unzip();
    let round = flow.run(steps)?;
    for name in names {
        let told = answer(round, &format!("stack {name}"));
        if told.ok_output().is_none() {
            let why = crate::flow::said(told, "nft");
            flow.complain(format!("[ERROR]: the links of container {name} were not made: {why}"));
            flow.said.exit = Some(1);
        }
    }
    Ok(())
}

/// Behind a call that changed a cube: the links follow, where there are any.
pub fn follow(flow: &mut Flow<'_>) -> Result<(), Stop> {
    if flow.has_links && flow.said.changed { stack(flow, None) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_link_or_none() {
        for line in ["8000 web:80", "8443 web:443 from 10.9.9.2", "1 a.b-c:65535 from localhost"] {
            assert_eq!(Link::read(line).map(|link| link.line()).as_deref(), Some(line));
        }
        for bad in [
            "",
            "8000",
            "0 web:80",
            "8000 web",
            "8000 web:x",
            "8000 we;b:80",
            "8000 web:80 from nowhere",
            "65536 web:1",
        ] {
            assert_eq!(Link::read(bad), None, "{bad}");
        }
        assert_eq!(Link::read("-t nat -A PREROUTING -i %DEV% -p tcp --dport 8000 -j DNAT"), None);
    }
}
