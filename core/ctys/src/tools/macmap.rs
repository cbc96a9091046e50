//! ctys-macmap, ctys-extractMAClst, ctys-extractARPlst: the map of hardware addresses (ctys.md section 7).

use super::options::{Opt, opt};
use super::{Call, Tool, usage};
use ctys_engine::living::{self, Patience, Question, Way};
use ctys_inventory::borrowed::leases;
use ctys_inventory::keys::same_name;
use ctys_inventory::macmap::{Entry, MacMap, Order};
use ctys_inventory::merge::Mode;
use ctys_inventory::query::Query;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Phase, Problem};
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

/// The tool that looks things up.
pub const TOOL: Tool = Tool {
    name: "ctys-macmap",
    about: "which machine has which hardware address",
    usage: "[PATTERN...]",
    options: &[
        opt('n', "name", "", "print names"),
        opt('m', "mac", "", "print hardware addresses"),
        opt('i', "ip", "", "print addresses"),
        opt('u', "upper", "", "print in upper case"),
        opt('p', "db", "DIR[,DIR...]", "folders of the inventory; : and % separate as well"),
        opt('P', "default-db", "", "the default folder of the inventory"),
    ],
    run,
};

const OUTPUT: &[Opt] = &[
    opt('n', "name", "", "name;MAC;IP, the order of the map (default)"),
    opt('i', "ip", "", "IP;name;MAC"),
    opt('m', "mac", "", "MAC;name;IP"),
    opt('E', "ethers", "", "as /etc/ethers"),
    opt('p', "db", "DIR", "add the entries to the map in this folder"),
    opt('P', "default-db", "", "add the entries to the map of the default folder"),
    opt('q', "quiet", "", "say nothing of hosts without an answer"),
];

/// The tool that reads files of DHCP servers.
pub const EXTRACT_MAC: Tool = Tool {
    name: "ctys-extractMAClst",
    about: "hardware addresses from dhcpd.conf, dhcpd.leases, dnsmasq leases, or kea leases",
    usage: "[FILE...]",
    options: OUTPUT,
    run: extract_mac,
};

/// The tool that asks the network.
pub const EXTRACT_ARP: Tool = Tool {
    name: "ctys-extractARPlst",
    about: "hardware addresses of hosts on the same networks, as the kernel has learnt them",
    usage: "HOST...",
    options: OUTPUT,
    run: extract_arp,
};

/// Where the static hosts of a DHCP server stand, the first that is there.
const DHCPD: [&str; 3] = ["/etc/dhcpd.conf", "/etc/dhcp/dhcpd.conf", "/var/lib/misc/dnsmasq.leases"];

fn run(call: &mut Call) -> Result<u8, Problem> {
    let given = call.given.last("db").unwrap_or_default().replace([':', '%'], ",");
    let named: Vec<String> = given.split(',').filter(|folder| !folder.is_empty()).map(str::to_string).collect();
    let mut entries = Vec::new();
    let mut any = false;
    for folder in call.home.db_folders(&named) {
        let file = folder.join(ctys_engine::store::MACMAP);
        match std::fs::read(&file) {
            Ok(raw) => {
                any = true;
                entries.extend(MacMap::parse(&String::from_utf8_lossy(&raw)).entries().to_vec());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let file = super::database::shown(&file);
                return Err(Problem::new(Phase::Here, format!("the map {file} cannot be read: {error}")));
            }
        }
    }
    if !any {
        let problem = Problem::new(Phase::Here, "there is no macmap.fdb in the inventory");
        return Err(problem.hint("ctys-extractMAClst -P makes one from dhcpd.conf"));
    }
    let queries = call.given.arguments.iter().map(|word| Query::parse(&[format!("(?i){word}")]));
    let queries: Vec<Query> = queries.collect::<Result<_, _>>().map_err(|mistake| usage(mistake.message))?;
    let given = &call.given;
    let parts = [given.has("name"), given.has("mac"), given.has("ip")];
    let all = !parts.contains(&true);
    let mut lines: Vec<String> = Vec::new();
    for entry in &entries {
        let line = entry.line(Order::Name);
        let named = |word: &String| same_name(&entry.name, word);
        let fits = queries.iter().any(|query| query.fits(line.as_bytes(), 0)) || given.arguments.iter().any(named);
        if fits || queries.is_empty() {
            let shown = [&entry.name, &entry.mac, &entry.ip].into_iter().zip(parts).filter(|(_, part)| *part || all);
            let line = shown.map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(";");
            lines.push(if given.has("upper") { line.to_uppercase() } else { line });
        }
    }
    lines.sort();
    lines.dedup();
    call.screen.data(&lines.iter().map(|line| format!("{}\n", escape_for_eyes(line))).collect::<String>());
    Ok(0)
}

fn extract_mac(call: &mut Call) -> Result<u8, Problem> {
    let mut files = call.given.arguments.clone();
    if files.is_empty() {
        let usual = DHCPD.iter().find(|file| std::path::Path::new(file).is_file());
        let none = || Problem::new(Phase::Here, format!("there is none of {}", DHCPD.join(", "))).hint("name the file");
        files.push(usual.ok_or_else(none)?.to_string());
    }
    let mut entries = Vec::new();
    for file in files {
        let text = ctys_engine::files::read_text(file.as_ref());
        let shown = escape_for_eyes(&file).into_owned();
        let text = text.map_err(|error| Problem::new(Phase::Here, format!("{shown} cannot be read: {error}")))?;
        entries.extend(leases::read(&text));
    }
    give(call, entries)
}

fn extract_arp(call: &mut Call) -> Result<u8, Problem> {
    let hosts = call.given.arguments.clone();
    if hosts.is_empty() {
        return Err(usage("there is no host").hint("only hosts on the same network have a hardware address to be seen"));
    }
    // Whom the kernel has spoken with, it knows.
    let questions: Vec<Question> = hosts.iter().map(|host| Question { host: host.clone(), port: 22 }).collect();
    let patience = Patience { tries: 1, limit: Duration::from_secs(1) };
    super::ask(&questions, Way::Ping, patience, 64)?;
    let neighbours = living::own_neighbours().map_err(|why| Problem::new(Phase::Here, why))?;
    let mut entries = Vec::new();
    let mut missing = 0;
    for host in &hosts {
        let own: Vec<IpAddr> = (host.as_str(), 0).to_socket_addrs().into_iter().flatten().map(|a| a.ip()).collect();
        let found = neighbours.iter().find(|neighbour| own.iter().any(|ip| ip.to_string() == neighbour.address));
        match found {
            Some(neighbour) => {
                let name = if host.parse::<IpAddr>().is_ok() { String::new() } else { host.clone() };
                entries.push(Entry { name, mac: neighbour.mac.clone(), ip: neighbour.address.clone() });
            }
            None => {
                missing += 1;
                if !call.given.has("quiet") {
                    let mut problem = Problem::new(Phase::Notice, "no hardware address was seen");
                    problem.target = Some(host.clone());
                    call.screen.problem(&problem);
                }
            }
        }
    }
    give(call, entries)?;
    Ok(if missing == hosts.len() { Phase::Connect.exit_code() } else { 0 })
}

/// Prints the entries, or adds them to a map.
fn give(call: &mut Call, mut entries: Vec<Entry>) -> Result<u8, Problem> {
    if call.given.has("db") || call.given.has("default-db") {
        let folder = call.given.last("db").map(str::to_string);
        // Who names a folder means one that is there.
        if let Some(missing) = folder.as_ref().filter(|folder| !std::path::Path::new(folder).is_dir()) {
            let missing = ctys_model::bytes::escape(missing.as_bytes());
            return Err(usage(format!("the database folder {missing} of -p does not exist")));
        }
        call.store_to_write(folder.as_deref())?.write_macmap(&entries, Mode::Append)?;
        return Ok(0);
    }
    entries.sort();
    let order = [("ip", Order::Ip), ("mac", Order::Mac)].into_iter().find(|(word, _)| call.given.has(word));
    let order = order.map_or(Order::Name, |(_, order)| order);
    let line = |entry: &Entry| if call.given.has("ethers") { entry.ethers() } else { entry.line(order) };
    let text: String = entries.iter().map(|entry| format!("{}\n", escape_for_eyes(&line(entry)))).collect();
    call.screen.data(&text);
    Ok(0)
}
