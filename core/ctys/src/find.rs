//! Where a machine is that a short verb names without its host or its type: the inventory is asked, then the host.
//!
//! What comes out only completes the call. Whether the machine is there is decided on the host, by the plugin.

use crate::home::Home;
use crate::tools::database::age;
use crate::tools::gather::Asked;
use ctys_engine::ssh::Environment;
use ctys_engine::store::{Build, Store};
use ctys_inventory::keys::{self, same_name};
use ctys_inventory::resolve::{Machine, Wanted};
use ctys_line::{CallOptions, Shelf, Sought, Whereabouts};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::field::Known;
use ctys_model::{MachineAddress, Phase, Problem, Record, Side};
use std::ffi::OsString;

/// The shelf of a call that may name machines.
pub struct Finder<'a> {
    /// Macros, groups, sets.
    pub home: &'a Home,
    /// The account and its ssh, for a host that has to be asked.
    pub environment: &'a Environment,
    /// Seconds since 1970.
    pub now: i64,
}

impl Shelf for Finder<'_> {
    fn macro_file(&self, name: &str) -> Result<Option<String>, String> {
        self.home.macro_file(name)
    }

    fn group(&self, name: &str) -> Result<Option<String>, String> {
        self.home.group(name)
    }

    fn node_set(&self, text: &str, call: &CallOptions) -> Result<Option<Vec<String>>, String> {
        self.home.node_set(text, call)
    }

    fn whereabouts(&self, sought: &Sought) -> Result<Vec<Whereabouts>, Problem> {
        let known = self.in_inventory(sought)?;
        match &sought.host {
            Some(host) if known.is_empty() => self.on_host(sought, host),
            _ => Ok(known),
        }
    }
}

impl Finder<'_> {
    fn in_inventory(&self, sought: &Sought) -> Result<Vec<Whereabouts>, Problem> {
        let value = |name: &str| sought.reach.iter().filter_map(|word| word.strip_prefix(name)).next_back();
        if value("--name-cache=").is_some_and(|cache| cache.to_ascii_uppercase().starts_with("OFF")) {
            return Ok(Vec::new());
        }
        let folders: Vec<String> =
            value("--db=").into_iter().flat_map(|list| list.split(',')).map(str::to_string).collect();
        let here = &self.home.caller.host;
        let host = sought.host.as_deref().map(host_of).unwrap_or_default();
        let host = if host == "localhost" { here.clone() } else { host };
        let wanted = Wanted { address: sought.address.clone(), host, types: sought.types.clone() };
        let mut found: Vec<Whereabouts> = Vec::new();
        for folder in self.home.db_folders(&folders) {
            let store = Store::at(&folder);
            if !folder.is_dir() || !store.has_records() {
                continue;
            }
            let machines = store.view(Build::Write)?.resolve(&wanted)?;
            let machines = machines.iter().filter(|machine| machine.session_type != "PM" || sought.types == ["PM"]);
            for place in machines.map(|machine| self.place(machine)) {
                // Two files of one machine are told apart where the address is resolved.
                if !found
                    .iter()
                    .any(|other| (&other.target, &other.session_type) == (&place.target, &place.session_type))
                {
                    found.push(place);
                }
            }
        }
        Ok(found)
    }

    fn place(&self, machine: &Machine) -> Whereabouts {
        let Machine { pm, session_type, id, target, seen, .. } = machine;
        let named = if target.is_empty() { pm } else { target };
        let target = if same_name(named, &self.home.caller.host) { "localhost" } else { named };
        let about = format!("{} in the inventory, {}", escape_for_eyes(id), age(*seen, self.now));
        Whereabouts { target: target.to_string(), session_type: session_type.clone(), about }
    }

    /// What runs there, then what is configured there.
    fn on_host(&self, sought: &Sought, host: &str) -> Result<Vec<Whereabouts>, Problem> {
        for action in ["list=server,machine", "enumerate=machine"] {
            let mut words: Vec<OsString> = sought.reach.iter().map(OsString::from).collect();
            if !sought.types.is_empty() {
                words.extend(["-t".into(), sought.types.join(",").into()]);
            }
            words.extend(["-q", "-a", action, "--", host].map(OsString::from));
            let asked = Asked::understand(&words, self.home);
            let asked = asked.map_err(|_| Problem::new(Phase::Usage, format!("{host} could not be asked")))?;
            let (mut found, mut failed): (Vec<Whereabouts>, Option<Problem>) = (Vec::new(), None);
            asked.ask(self.environment.clone(), self.home, |answer, _, _| {
                // A plugin that has nothing to say there is no reason not to believe the others.
                failed = answer.problems().into_iter().find(|problem| problem.plugin.is_none()).or(failed.take());
                let records = answer.report.findings.iter().flat_map(|(_, findings)| &findings.records);
                for record in records.filter(|record| is_machine(record) && is_meant(record, &sought.address)) {
                    let text = |known: Known| record.get(known).to_string();
                    let place = Whereabouts {
                        target: host.to_string(),
                        session_type: text(Known::SessionType).to_ascii_uppercase(),
                        about: escape_for_eyes(format!("{} {}", text(Known::Id), text(Known::Uuid)).trim())
                            .into_owned(),
                    };
                    if !found.iter().any(|other| other.session_type == place.session_type) {
                        found.push(place);
                    }
                }
            })?;
            match (found.is_empty(), failed) {
                (false, _) => return Ok(found),
                (true, Some(problem)) => {
                    let message = format!("{host}: {}: {}", problem.phase, problem.message);
                    return Err(Problem { message, ..problem });
                }
                (true, None) => {}
            }
        }
        Ok(Vec::new())
    }
}

/// `lab00` of `acue@lab00:2222`.
fn host_of(target: &str) -> String {
    let rest = target.rsplit_once('@').map_or(target, |(_, rest)| rest);
    match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address.to_string(),
        None => rest.split_once(':').filter(|(_, port)| !port.contains(':')).map_or(rest, |(host, _)| host).to_string(),
    }
}

/// Servers only, no tunnels, and not the host itself.
fn is_machine(record: &Record) -> bool {
    let text = |known: Known| record.get(known).to_string();
    let kind = text(Known::SessionType);
    let side = text(Known::Side);
    kind != "PM" && !kind.contains('(') && (record.get(Known::Side).present().is_none() || side == Side::Server.word())
}

/// Whether all parts of an address hold for a record.
pub fn is_meant(record: &Record, address: &MachineAddress) -> bool {
    let text = |known: Known| record.get(known).present().map(|value| value.to_string()).unwrap_or_default();
    let MachineAddress { id, file_name, label, uuid, mac, tcp, base: _, db_record } = address;
    let all = |part: &Option<String>, fits: &dyn Fn(&str) -> bool| part.as_deref().is_none_or(fits);
    db_record.is_none()
        && all(id, &|path| text(Known::Id) == path)
        && all(file_name, &|part| text(Known::Id).contains(part))
        && all(label, &|label| text(Known::Label) == label)
        && all(uuid, &|uuid| keys::uuid(&text(Known::Uuid)).is_some_and(|own| keys::uuid(uuid) == Some(own)))
        && all(mac, &|mac| keys::mac(&text(Known::Mac)).is_some_and(|own| keys::mac(mac) == Some(own)))
        && all(tcp, &|tcp| same_name(&text(Known::Tcp), tcp))
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn the_host_of_a_target() {
        for (target, host) in [
            ("lab00", "lab00"),
            ("acue@lab00:22", "lab00"),
            ("[::1]:22", "::1"),
            ("::1", "::1"),
            ("u@[fe80::1]", "fe80::1"),
        ] {
            assert_eq!(host_of(target), host);
        }
    }
}
