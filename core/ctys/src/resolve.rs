//! Addresses of machines, completed by what the inventory knows, before a host is asked (ctys.md section 3).
//!
//! The inventory is never believed: what it adds are further parts of the address, and the plugin on the host acts only
//! where all of them hold. So a record that is out of date finds nothing, and never the wrong machine.

use crate::home::Home;
use crate::tools::database::{age, shell_word};
use ctys_engine::store::{Build, Store, View};
use ctys_inventory::resolve::{Machine, Wanted, expand};
use ctys_line::{CachePlace, Job};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Action, MachineAddress, Phase, Problem};
use std::path::PathBuf;

/// The types whose sessions are known only where they run, and PM: there the target itself is the machine.
const NOT_LOOKED_UP: [&str; 6] = ["VNC", "CLI", "X11", "RDP", "DIGGER", "PM"];

/// How many candidates a message shows.
const SHOWN: usize = 10;

/// The inventory as calls see it; opened when the first address asks for it.
pub struct Resolver {
    folders: Vec<PathBuf>,
    views: Option<Vec<View>>,
    /// What this machine calls itself.
    here: String,
    now: i64,
}

/// What became of the address of a job.
#[derive(Debug)]
pub enum Resolved {
    /// It is as it was typed.
    AsTyped,
    /// The inventory knows the machine; what it knows and since when, for the case that the host knows better.
    Known(Problem),
    /// The job cannot be done.
    Refused(Problem),
}

impl Resolver {
    /// For the folders of `-p`, or the usual one. `now`: seconds since 1970.
    pub fn new(home: &Home, named: &[String], now: i64) -> Resolver {
        Resolver { folders: home.db_folders(named), views: None, here: home.caller.host.clone(), now }
    }

    /// Completes the address of a job, where `-c` and `-C` allow it.
    pub fn resolve(&mut self, job: &mut Job) -> Resolved {
        let Some(address) = address_of(&mut job.action) else { return Resolved::AsTyped };
        if address.is_empty() || job.types.iter().any(|name| NOT_LOOKED_UP.contains(&name.as_str())) {
            return Resolved::AsTyped;
        }
        let off = job.options.data_cache.iter().any(|(word, _)| word == "OFF");
        let cache = job.options.name_cache;
        let asks_here = matches!(cache.place, CachePlace::Both | CachePlace::Local) && !off;
        // An absolute path is one file there, whatever is known here.
        let needs_none = address.db_record.is_none() && address.id.is_some();
        if !asks_here || needs_none {
            return match address.db_record {
                Some(number) => Resolved::Refused(
                    Problem::new(
                        Phase::Here,
                        format!("the record {number} was not looked up: the inventory is switched off"),
                    )
                    .hint("leave out -c and -C, or name the machine by its label"),
                ),
                None => Resolved::AsTyped,
            };
        }
        let host = if job.target.local { self.here.clone() } else { job.target.host.clone() };
        let wanted = Wanted { address: address.clone(), host, types: job.types.clone() };
        let found = match self.machines(&wanted) {
            Ok(found) => found,
            Err(problem) if cache.only || address.db_record.is_some() => return Resolved::Refused(problem),
            Err(problem) => return Resolved::Known(Problem { phase: Phase::Notice, ..problem }),
        };
        match &found[..] {
            [] if cache.only || address.db_record.is_some() => Resolved::Refused(
                Problem::new(Phase::Here, format!("the inventory knows no machine with {} there", words(address)))
                    .hint(match address.db_record {
                        Some(_) => "ctys vhost -o index,label shows the records with their numbers",
                        None => "without ONLY of -c the host itself is asked",
                    }),
            ),
            [] => Resolved::AsTyped,
            [machine] => {
                *address = expand(address, machine);
                let path = escape_for_eyes(&machine.id).into_owned();
                let record = machine.records.first().copied().unwrap_or_default();
                let message =
                    format!("the inventory knows it as {path}, record {record}, {}", age(machine.seen, self.now));
                Resolved::Known(Problem::new(Phase::Notice, message).hint("-c off looks on the host alone"))
            }
            _ if job.options.ambiguous => Resolved::AsTyped,
            all => Resolved::Refused(ambiguous(all, &wanted)),
        }
    }

    fn machines(&mut self, wanted: &Wanted) -> Result<Vec<Machine>, Problem> {
        if self.views.is_none() {
            let stores = self.folders.iter().filter(|folder| folder.is_dir()).map(Store::at);
            let stores = stores.filter(Store::has_records);
            self.views = Some(stores.map(|store| store.view(Build::Write)).collect::<Result<_, _>>()?);
        }
        let mut machines = Vec::new();
        for view in self.views.iter().flatten() {
            // The machine below is no guest of itself (ctys-original.md 3).
            machines.extend(view.resolve(wanted)?.into_iter().filter(|machine| machine.session_type != "PM"));
        }
        Ok(machines)
    }
}

fn address_of(action: &mut Action) -> Option<&mut MachineAddress> {
    match action {
        Action::Create(create) => Some(&mut create.address),
        Action::Cancel(cancel) => Some(&mut cancel.address),
        Action::GetClientPort(address) | Action::IsActive(address) => Some(address),
        _ => None,
    }
}

/// All candidates, and the call that shows them (ctys.md section 3).
fn ambiguous(all: &[Machine], wanted: &Wanted) -> Problem {
    let what = words(&wanted.address);
    let problem =
        Problem::new(Phase::Ambiguous, format!("the inventory knows {} machines with {what} there", all.len()));
    let shown = all.iter().take(SHOWN).map(|machine| {
        let Machine { pm, session_type, label, id, records, .. } = machine;
        let record = records.first().copied().unwrap_or_default();
        format!("{pm} {session_type} {label} p:{id} (record {record})")
    });
    let problem = shown.fold(problem, Problem::hint);
    let MachineAddress { id, file_name, label, uuid, mac, tcp, .. } = &wanted.address;
    let values = [label, uuid, mac, tcp, file_name, id].into_iter().flatten();
    let host = Some(&wanted.host).filter(|host| !host.is_empty());
    let words: Vec<&String> = host.into_iter().chain(&wanted.types).chain(values).collect();
    // A label such as -x would be an option there.
    let ended = words.iter().any(|word| word.starts_with('-')).then(|| "--".to_string());
    let patterns: Vec<String> = ended.into_iter().chain(words.iter().map(|word| shell_word(word))).collect();
    problem
        .hint(format!("ctys-vhost -o machine -s -M all {} shows them", patterns.join(" ")))
        .hint("add a part of the address such as p:<path>; -c off or -C off asks the host alone")
}

fn words(address: &MachineAddress) -> String {
    let MachineAddress { id, file_name, label, uuid, mac, tcp, base: _, db_record } = address;
    let number = db_record.map(|number| number.to_string());
    let parts = [
        ("the path", id),
        ("the path fragment", file_name),
        ("the label", label),
        ("the uuid", uuid),
        ("the hardware address", mac),
        ("the address", tcp),
        ("the record number", &number),
    ];
    let given = parts.into_iter().filter_map(|(what, part)| part.as_ref().map(|part| format!("{what} {part}")));
    escape_for_eyes(&given.collect::<Vec<_>>().join(" and ")).into_owned()
}
