//! Who this machine is: its configuration file, label and uuid, and whether an address means it.

use crate::parse::{self, Interface, macmap::same_name};
use crate::probes::{self, PM_CONF, VM_CONF};
use ctys_plugin::magic::{Magic, plain_mac, plain_uuid};
use ctys_plugin::model::{Answer, Exit, Facts, FileAnswer, MachineAddress, Missing, Phase, Probe, Problem, Value};
use ctys_plugin::outputs;

/// What the two files of `/etc/ctys.d` say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The file that describes the machine, where there is one: pm.conf wins.
    pub path: Option<&'static str>,
    /// Why there is no path, when a file could not be asked for.
    pub no_path: Option<Missing>,
    /// Its magic comments.
    pub magic: Magic,
    /// What is wrong with the files.
    pub problems: Vec<Problem>,
    /// The label: of the file, else the short name of the host.
    pub label: Option<String>,
}

/// One of the two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conf {
    /// There is none.
    Absent,
    /// It is there and may not be read.
    Denied,
    /// Its magic comments.
    Read(Magic),
    /// Nobody could tell.
    Unknown(Missing),
}

/// What came of asking for one of the two files.
pub fn conf(facts: &Facts, path: &str) -> Conf {
    match facts.answer(&Probe::file(path)) {
        Answer::File(FileAnswer::Content { content, .. }) => Conf::Read(Magic::parse(content)),
        Answer::File(FileAnswer::Absent) => Conf::Absent,
        Answer::File(FileAnswer::Denied) => Conf::Denied,
        Answer::Missing(why) => Conf::Unknown(why.clone()),
        Answer::Failed(why) => Conf::Unknown(Missing::Unknown(why.clone())),
        Answer::Output(_) | Answer::Scanned(_) | Answer::Processes(_) | Answer::Talked(_) | Answer::Done => {
            Conf::Unknown(Missing::HostSilent)
        }
    }
}

/// A host is a physical machine or a virtual one: with both files nobody can tell which (ctys-original.md 5.3).
pub fn both_present() -> Problem {
    Problem::new(Phase::Run, format!("{PM_CONF} and {VM_CONF} both exist, only one of them can be true"))
        .hint(format!("remove {PM_CONF} on a virtual machine, {VM_CONF} on a physical one"))
}

/// A file that is there and says nothing to this account.
pub fn denied(path: &str) -> Problem {
    Problem::new(Phase::Notice, format!("{path} may not be read")).hint(format!("chmod a+r {path}"))
}

/// A file of which nothing came back.
pub fn not_read(path: &str, why: &Missing) -> Problem {
    Problem::new(Phase::Run, format!("{path} could not be read: {}", reason(why)))
}

/// Puts together what is known.
pub fn identify(facts: &Facts) -> Identity {
    let mut identity = Identity::default();
    let files = [(PM_CONF, conf(facts, PM_CONF)), (VM_CONF, conf(facts, VM_CONF))];
    if files.iter().all(|(_, conf)| matches!(conf, Conf::Denied | Conf::Read(_))) {
        identity.problems.push(both_present());
    }
    for (path, conf) in files {
        match conf {
            Conf::Absent => continue,
            Conf::Unknown(why) => {
                identity.problems.push(not_read(path, &why));
                identity.no_path = Some(why);
                continue;
            }
            Conf::Denied => identity.problems.push(denied(path)),
            Conf::Read(magic) if identity.path.is_none() => identity.magic = magic,
            Conf::Read(_) => {}
        }
        identity.path.get_or_insert(path);
    }
    identity.label =
        identity.magic.label().or_else(|| facts.host.as_ref().map(|host| short_name(&host.node).to_string()));
    identity
}

/// The uuid: of the file, else of the board where the account may see it.
pub fn uuid(identity: &Identity, facts: &Facts) -> Value {
    if let Some(uuid) = identity.magic.uuid() {
        return Value::from(uuid);
    }
    match outputs::text(facts, &probes::product_uuid(), "/sys/class/dmi/id/product_uuid") {
        // Boards without one show zeros or ones throughout: many machines would share that name.
        Ok(text) => match plain_uuid(&text)
            .filter(|uuid| !uuid.bytes().all(|b| b == b'0') && !uuid.bytes().all(|b| b == b'f'))
        {
            Some(uuid) => Value::from(uuid),
            None => Value::Missing(Missing::None),
        },
        Err(why) => Value::Missing(why),
    }
}

/// The interfaces, or why they are not known.
pub fn interfaces(facts: &Facts) -> Result<Vec<Interface>, Missing> {
    let probe = probes::addresses();
    // The first of the tools that exists has answered, and both are absent when none has.
    let (tool, parse): (_, fn(&str) -> Vec<Interface>) = match facts.answer(&probe) {
        Answer::Output(output) if output.exit == Exit::NotFound => ("ip or ifconfig", parse::ip_addr::parse),
        Answer::Output(output) if output.tried == 1 => ("ifconfig -a", parse::ifconfig::parse),
        _ => ("ip addr", parse::ip_addr::parse),
    };
    let text = outputs::text(facts, &probe, tool)?;
    let interfaces = parse(&text);
    // Even a host without a network has its loopback.
    if interfaces.is_empty() {
        Err(Missing::Unknown(format!("the output of {tool} was not understood")))
    } else {
        Ok(interfaces)
    }
}

/// The interface of the default route, where one is known.
pub fn default_interface(facts: &Facts) -> Option<String> {
    let text = outputs::text(facts, &probes::routes(), "/proc/net/route").ok()?;
    parse::route::default_interface(&text).map(str::to_string)
}

/// Which parts of an address cost which probe.
pub fn address_price(address: &MachineAddress) -> Vec<Probe> {
    let mut probes = vec![probes::pm_conf(), probes::vm_conf()];
    if address.mac.is_some() || address.tcp.is_some() {
        probes.push(probes::addresses());
    }
    if address.uuid.is_some() {
        probes.push(probes::product_uuid());
    }
    probes
}

/// The first part of the address that does not mean this machine, as a sentence; none when all of them do.
///
/// A part that cannot be compared does not mean it either: what may be another machine is not touched.
pub fn mismatch(address: &MachineAddress, identity: &Identity, facts: &Facts, typed: &str) -> Option<String> {
    let MachineAddress { id, file_name, label, uuid, mac, tcp, base: _, db_record } = address;
    let differs = |what: &str, asked: &str, is: Option<&str>| match is {
        Some(is) => Some(format!("the {what} of this machine is {is}, not {asked}")),
        None => Some(format!("this machine has no {what}, so it is not {asked}")),
    };
    if db_record.is_some() {
        return Some("a database record cannot be compared with a physical machine".into());
    }
    if let Some(asked) = label.as_deref().filter(|asked| Some(*asked) != identity.label.as_deref()) {
        return differs("label", asked, identity.label.as_deref());
    }
    if let Some(asked) = id.as_deref().filter(|asked| Some(*asked) != identity.path) {
        return differs("configuration file", asked, identity.path);
    }
    if let Some(asked) = file_name.as_deref().filter(|asked| !identity.path.is_some_and(|path| path.contains(asked))) {
        return differs("configuration file", asked, identity.path);
    }
    if let Some(asked) = uuid {
        let is = self::uuid(identity, facts);
        if is.as_text().and_then(plain_uuid) != plain_uuid(asked) || plain_uuid(asked).is_none() {
            return match &is {
                Value::Missing(why) if *why != Missing::None => {
                    Some(format!("the uuid of this machine is not known ({})", reason(why)))
                }
                _ => differs("uuid", asked, is.as_text()),
            };
        }
    }
    if mac.is_none() && tcp.is_none() {
        return None;
    }
    let interfaces = match interfaces(facts) {
        Ok(interfaces) => interfaces,
        Err(why) => return Some(format!("the interfaces of this machine are not known ({})", reason(&why))),
    };
    if let Some(asked) = mac {
        let wanted = plain_mac(asked);
        if wanted.is_none() || !interfaces.iter().any(|interface| interface.mac == wanted) {
            return Some(format!("no interface of this machine has the hardware address {asked}"));
        }
    }
    if let Some(asked) = tcp {
        let node = facts.host.as_ref().map_or("", |host| host.node.as_str());
        // 127.0.0.1 is every machine's.
        let ips = interfaces.iter().filter(|i| !i.loopback).flat_map(|i| &i.addresses);
        let has_address = asked.parse().is_ok_and(|asked: std::net::IpAddr| ips.into_iter().any(|a| a.ip == asked));
        if !has_address && !same_name(asked, node) && !asked.eq_ignore_ascii_case(typed) {
            return Some(format!("no interface of this machine has the address {asked}"));
        }
    }
    None
}

/// The reason in words, for the end of a sentence.
pub fn reason(why: &Missing) -> String {
    match why {
        Missing::NoPermission(what) => format!("no permission: {what}"),
        Missing::ToolAbsent(tool) => format!("{tool} not found"),
        Missing::Unknown(sentence) => sentence.clone(),
        other => other.word().replace('_', " "),
    }
}

/// `lab00` of `lab00.soho`; an address is kept whole.
pub fn short_name(node: &str) -> &str {
    if node.parse::<std::net::IpAddr>().is_ok() { node } else { node.split('.').next().unwrap_or(node) }
}
