//! ctys-dnsutil: the hosts of a DNS zone, filtered by who answers (ctys.md section 7).

use super::options::opt;
use super::{Call, Tool, usage};
use ctys_engine::living::{Patience, Question, Way};
use ctys_inventory::Line;
use ctys_inventory::keys::same_name;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::field::Known;
use ctys_model::{Phase, Problem};
use std::ops::ControlFlow;
use std::time::Duration;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-dnsutil",
    about: "the hosts of a DNS zone, by host -l; with the inventory physical ones are told from virtual ones",
    usage: "ZONE [SERVER]",
    options: &[
        opt('n', "name", "", "print names"),
        opt('i', "ip", "", "print addresses"),
        opt('c', "classify", "", "say PM or VM where the inventory knows, and whether it answers"),
        opt('C', "classify-only", "", "say PM or VM without asking anybody"),
        opt('x', "reverse", "[R,]PING|SSH[,PM|VM]", "only those that answer; R: only those that do not"),
        opt('l', "login", "USER", "accepted: nothing logs in"),
        opt('p', "db", "DIR[,DIR...]", "folders of the inventory"),
        opt('P', "default-db", "", "the default folder of the inventory"),
    ],
    run,
};

/// A host of a zone.
struct Host {
    name: String,
    address: String,
    kind: &'static str,
    up: Option<bool>,
}

fn run(call: &mut Call) -> Result<u8, Problem> {
    let arguments = call.given.arguments.clone();
    let (zone, server) = match &arguments[..] {
        [zone] => (zone, None),
        [zone, server] => (zone, Some(server)),
        _ => return Err(usage("a zone, and perhaps a server, are expected")),
    };
    let mut hosts = zone_of(zone, server)?;
    if call.given.has("classify") || call.given.has("classify-only") || call.given.has("reverse") {
        classify(call, &mut hosts)?;
    }
    let mut way = call.given.has("classify").then_some(Way::Ping);
    let (mut reverse, mut kind) = (false, None);
    for word in call.given.list("reverse") {
        match word.split(':').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "R" | "REVERSE" | "-" => reverse = true,
            "PING" => way = Some(Way::Ping),
            "SSH" => way = Some(Way::Ssh),
            "PM" => kind = Some("PM"),
            "VM" => kind = Some("VM"),
            _ => return Err(usage(format!("{word} is none of R, PING, SSH, PM, VM"))),
        }
    }
    if let Some(way) = way {
        let questions: Vec<Question> =
            hosts.iter().map(|host| Question { host: host.address.clone(), port: 22 }).collect();
        let patience = Patience { tries: 1, limit: Duration::from_secs(1) };
        for (host, answer) in hosts.iter_mut().zip(super::ask(&questions, way, patience, 64)?) {
            host.up = Some(answer.is_ok());
        }
    }
    if call.given.has("reverse") {
        hosts.retain(|host| host.up.is_none_or(|up| up != reverse) && kind.is_none_or(|kind| host.kind == kind));
    }
    let (name, ip) = (call.given.has("name"), call.given.has("ip"));
    let mut text = String::new();
    for host in &hosts {
        let mut cells = Vec::new();
        if name || !ip {
            cells.push(host.name.clone());
        }
        if ip || !name {
            cells.push(host.address.clone());
        }
        if call.given.has("classify") || call.given.has("classify-only") {
            cells.push(host.kind.to_string());
        }
        if call.given.has("classify") {
            cells.push(if host.up == Some(true) { "up" } else { "down" }.to_string());
        }
        text.push_str(&format!("{}\n", escape_for_eyes(&cells.join(";"))));
    }
    call.screen.data(&text);
    Ok(0)
}

fn classify(call: &Call, hosts: &mut [Host]) -> Result<(), Problem> {
    for store in call.stores()? {
        store.scan(|_, raw| {
            if let Some(line) = Line::parse(raw) {
                let (tcp, label) = (line.text(Known::Tcp), line.text(Known::Label));
                let kind = if line.text(Known::SessionType) == "PM" { "PM" } else { "VM" };
                for host in hosts.iter_mut() {
                    if tcp == host.address || same_name(&tcp, &host.name) || same_name(&label, &host.name) {
                        host.kind = kind;
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(())
}

/// A transfer of the zone, as `host -l` prints it.
///
/// ```text
/// tst100.soho has address 192.168.1.220
/// soho name server ws2.soho.
/// ```
fn zone_of(zone: &str, server: Option<&String>) -> Result<Vec<Host>, Problem> {
    let told = ctys_engine::borrow::zone_transfer(zone, server.map(String::as_str));
    let (text, complaint) = told.map_err(|why| Problem::new(Phase::Here, why).hint("Debian: bind9-host"))?;
    let hosts = parse(&text);
    if hosts.is_empty() {
        let said = text.lines().chain(complaint.lines()).last();
        let why = escape_for_eyes(said.unwrap_or("it said nothing")).into_owned();
        return Err(Problem::new(Phase::Resolve, format!("the zone {} was not told: {why}", escape_for_eyes(zone)))
            .hint("the name server has to allow this machine a transfer of the zone"));
    }
    Ok(hosts)
}

fn parse(text: &str) -> Vec<Host> {
    let host = |line: &str| {
        let (name, address) = line.split_once(" has address ").or_else(|| line.split_once(" has IPv6 address "))?;
        Some(Host { name: name.into(), address: address.trim().into(), kind: "-", up: None })
    };
    let mut hosts: Vec<Host> = text.lines().filter_map(host).collect();
    hosts.sort_by(|a, b| (&a.name, &a.address).cmp(&(&b.name, &b.address)));
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_host_prints() {
        // host -l soho ws2, of BIND 9.18.
        let text = "Using domain server:\nName: ws2\nAddress: 192.168.1.70#53\nAliases: \n\nsoho name server ws2.soho.\n\
                    tst100.soho has address 192.168.1.220\nlab00.soho has IPv6 address fd00::71\n";
        let got: Vec<String> = parse(text).iter().map(|host| format!("{} {}", host.name, host.address)).collect();
        assert_eq!(got, ["lab00.soho fd00::71", "tst100.soho 192.168.1.220"]);
    }
}
