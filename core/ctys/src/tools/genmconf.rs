//! ctys-genmconf: the file that describes a machine, `/etc/ctys.d/pm.conf` or `vm.conf` (ctys.md section 7).

use super::options::opt;
use super::{Call, Tool, usage};
use crate::tools::gather::Asked;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::field::Known;
use ctys_model::{Phase, Problem, Record};
use std::io::Read;
use std::path::Path;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-genmconf",
    about: "the description of this machine: /etc/ctys.d/pm.conf or vm.conf",
    usage: "",
    options: &[
        opt('x', "kind", "PM|VM", "a physical machine (default) or a virtual one"),
        opt('P', "write", "", "write the file below /etc/ctys.d; without it the text is printed"),
        opt(' ', "folder", "DIR", "the folder in the place of /etc/ctys.d"),
        opt('r', "interfaces", "WITHIP|WITHMAC|ALL", "which interfaces; default WITHIP"),
        opt('I', "ip", "ADDRESS", "this address for the first interface"),
        opt('M', "mac", "MAC", "this hardware address for the first interface"),
        opt('U', "uuid", "UUID", "this uuid"),
        opt('u', "new-uuid", "", "a new uuid"),
        opt('k', "key", "LABEL", "this label; default the name of the machine"),
        opt('f', "force", "", "replace a file that is there"),
    ],
    run,
};

fn run(call: &mut Call) -> Result<u8, Problem> {
    let kind = call.given.last("kind").unwrap_or("PM").to_ascii_uppercase();
    if kind != "PM" && kind != "VM" {
        return Err(usage(format!("-x {kind} is none of PM, VM")));
    }
    let text = describe(call, &kind)?;
    if !call.given.has("write") {
        call.screen.data(&text);
        return Ok(0);
    }
    let folder = Path::new(call.given.last("folder").unwrap_or("/etc/ctys.d")).to_path_buf();
    let (mine, other) = if kind == "PM" { ("pm.conf", "vm.conf") } else { ("vm.conf", "pm.conf") };
    let file = folder.join(mine);
    let shown = super::database::shown(&file);
    let here = |why: String| Problem::new(Phase::Here, why);
    if folder.join(other).exists() {
        return Err(here(format!(
            "{} is there already; a machine has only one of both",
            super::database::shown(&folder.join(other))
        )));
    }
    if file.exists() && !call.given.has("force") {
        return Err(here(format!("{shown} is there already")).hint("-f replaces it"));
    }
    let failed = |error: std::io::Error| here(format!("{shown} cannot be written: {error}"));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    // Beside its place first, so that nobody reads half of it.
    let new = folder.join(format!(".{mine}.new"));
    std::fs::write(&new, &text).and_then(|()| std::fs::rename(&new, &file)).map_err(failed)?;
    Ok(0)
}

fn describe(call: &mut Call, kind: &str) -> Result<String, Problem> {
    let given = &call.given;
    let label = given.last("key").map_or_else(|| call.environment.machine.clone(), str::to_string);
    let uuid = match given.last("uuid") {
        Some(text) => ctys_inventory::keys::uuid(text).ok_or_else(|| usage(format!("{text} is no uuid")))?,
        None if given.has("new-uuid") => fresh_uuid()?,
        None => ["/sys/class/dmi/id/product_uuid", "/etc/machine-id"]
            .iter()
            .find_map(|file| ctys_inventory::keys::uuid(std::fs::read_to_string(file).ok()?.trim()))
            .map_or_else(fresh_uuid, Ok)?,
    };
    let mut interfaces = interfaces(call)?;
    let given = &call.given;
    if let Some(mac) = given.last("mac") {
        let mac = ctys_inventory::keys::mac(mac).ok_or_else(|| usage(format!("{mac} is no hardware address")))?;
        interfaces.resize_with(interfaces.len().max(1), Default::default);
        interfaces[0].0 = mac;
    }
    if let Some(ip) = given.last("ip") {
        ip.parse::<std::net::IpAddr>().map_err(|_| usage(format!("{ip} is no address")))?;
        interfaces.resize_with(interfaces.len().max(1), Default::default);
        interfaces[0].1 = ip.to_string();
    }
    let mut text = format!("#@#MAGICID-{kind}\n#@#MAGICID-Linux\n");
    let mut put = |key: String, value: &str| {
        text.push_str(&format!("#@#{key:<12} = \"{}\"\n", escape_for_eyes(value).replace('"', "")))
    };
    put("SESSIONTYPE".into(), kind);
    put("CATEGORY".into(), kind);
    put("LABEL".into(), &label);
    put("UUID".into(), &uuid);
    put("VMSTATE".into(), "ACTIVE");
    let system = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let release = system("/etc/os-release");
    let of_release = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').replace(' ', "_")
    };
    put("DIST".into(), &of_release("ID"));
    put("DISTREL".into(), &of_release("VERSION_ID"));
    put("OS".into(), "Linux");
    put("OSREL".into(), system("/proc/sys/kernel/osrelease").trim());
    put("ARCH".into(), std::env::consts::ARCH);
    put("VCPU".into(), &std::thread::available_parallelism().map_or(1, usize::from).to_string());
    let memory = system("/proc/meminfo");
    let kib =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    put("VRAM".into(), &(kib.unwrap_or(0) / 1024).to_string());
    for (n, (mac, ip, name, netmask)) in interfaces.iter().enumerate() {
        if !mac.is_empty() {
            put(format!("MAC{n}"), mac);
        }
        if !ip.is_empty() {
            put(format!("IP{n}"), format!("{ip}%{netmask}%%{name}").trim_end_matches('%'));
        }
    }
    Ok(text)
}

/// Hardware address, address, name, netmask.
type Interface = (String, String, String, String);

/// The interfaces of this machine, as its plugin lists them.
fn interfaces(call: &Call) -> Result<Vec<Interface>, Problem> {
    let which = call.given.last("interfaces").unwrap_or("WITHIP").to_ascii_uppercase();
    if !["WITHIP", "WITHMAC", "ALL"].contains(&which.as_str()) {
        return Err(usage(format!("-r {which} is none of WITHIP, WITHMAC, ALL")));
    }
    let words = ["-t", "pm", "-a", "list=machine", "localhost"].map(Into::into);
    let asked = Asked::understand(&words, &call.home)
        .map_err(|_| Problem::new(Phase::Here, "this machine could not be asked"))?;
    let mut records: Vec<Record> = Vec::new();
    let mut problem = asked.problems.first().cloned();
    asked.ask(call.environment.clone(), &call.home, |answer, _, _| {
        problem = problem.take().or_else(|| answer.problems().into_iter().next());
        records.extend(answer.report.findings.into_iter().flat_map(|(_, findings)| findings.records));
    })?;
    if let Some(problem) = problem.filter(|_| records.is_empty()) {
        return Err(problem);
    }
    let text = |record: &Record, field| record.get(field).to_string();
    let of_record = |record: &Record| {
        (
            text(record, Known::Mac),
            text(record, Known::Tcp),
            text(record, Known::Interface),
            text(record, Known::Netmask),
        )
    };
    let wanted = |(mac, ip, ..): &Interface| match which.as_str() {
        "WITHIP" => !ip.is_empty(),
        "WITHMAC" => !mac.is_empty(),
        _ => true,
    };
    let mut interfaces: Vec<Interface> = records.iter().map(of_record).filter(wanted).collect();
    interfaces.sort();
    interfaces.dedup();
    Ok(interfaces)
}

/// A random uuid (RFC 4122, version 4), 32 digits.
fn fresh_uuid() -> Result<String, Problem> {
    let mut bytes = [0_u8; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| Problem::new(Phase::Here, format!("/dev/urandom cannot be read: {error}")))?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
