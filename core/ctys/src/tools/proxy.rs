//! ctys-proxy: `ssh NAME` for every machine the inventory knows, by a ProxyCommand.
//!
//! ```text
//! # one line in ~/.ssh/config
//! Include ~/.ctys/ssh_config
//!
//! # ~/.ctys/ssh_config, as `ctys-proxy --print-config` prints it
//! Match exec "ctys-proxy --knows %n"
//!     ProxyCommand ctys-proxy -- %n %p
//! ```
//!
//! The keys of a machine are those of the name that was typed; nothing about host keys is changed.

use super::options::opt;
use super::{Call, Tool, usage};
use ctys_engine::living::Neighbour;
use ctys_engine::proxy::{Hop, carry, neighbours_of};
use ctys_engine::store::{Build, View};
use ctys_inventory::keys::{mac, same_name};
use ctys_inventory::resolve::Machine;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Phase, Problem};
use std::net::{IpAddr, ToSocketAddrs};

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-proxy",
    about: "the ProxyCommand of ssh: any label, uuid, MAC or address of the inventory becomes a host",
    usage: "NAME [PORT]",
    options: &[
        opt('k', "knows", "", "only say by the exit code whether this name is ours"),
        opt('n', "plan", "", "print the ways to the machine and go none of them"),
        opt(' ', "print-config", "", "print the file to Include in ~/.ssh/config"),
        opt('p', "db", "DIR[,DIR...]", "folders of the inventory"),
        opt('P', "default-db", "", "the default folder of the inventory"),
    ],
    run,
};

/// What stands in the file to include. Only names the inventory knows are touched.
const CONFIG: &str = "# Machines of the ctys inventory: any label, uuid, MAC or address is a host.\n\
                      Match exec \"ctys-proxy --knows -- %n\"\n    ProxyCommand ctys-proxy -- %n %p\n";

fn run(call: &mut Call) -> Result<u8, Problem> {
    if call.given.has("print-config") {
        call.screen.data(CONFIG);
        return Ok(0);
    }
    let arguments = call.given.arguments.clone();
    let (name, port) = match &arguments[..] {
        [name] => (name, 22),
        [name, port] => (name, port.parse().map_err(|_| usage(format!("{port} is no port")))?),
        _ => return Err(usage("NAME and PORT are expected")),
    };
    let mut known = Vec::new();
    for store in call.stores()? {
        if !store.folder().is_dir() {
            continue;
        }
        let view = store.view(Build::Write)?;
        let (machines, entries) = view.meaning(name)?;
        let mapped: Vec<String> = entries.into_iter().map(|entry| entry.ip).filter(|ip| !ip.is_empty()).collect();
        known.extend(machines.into_iter().map(|machine| Known::of(machine, &view)).collect::<Result<Vec<_>, _>>()?);
        if known.is_empty() {
            known.extend((!mapped.is_empty()).then_some(Known { addresses: mapped, ..Known::default() }));
        }
    }
    // Copies of one machine are reached alike.
    known.dedup_by(|a, b| a.reach() == b.reach());
    if call.given.has("knows") {
        // A machine whose address is the name itself is reached as ever, and so is a physical one by its name: what
        // ssh_config says of it is meant.
        let by_number = ctys_inventory::keys::uuid(name).is_some() || ctys_inventory::keys::mac(name).is_some();
        let ours = |one: &Known| {
            let same = one.addresses.iter().any(|address| same_name(address, name));
            !same && (by_number || !one.physical)
        };
        return Ok(if known.iter().any(ours) { 0 } else { 1 });
    }
    match &known[..] {
        [] => {
            let shown = escape_for_eyes(name).into_owned();
            let problem = Problem::new(Phase::Resolve, format!("the inventory knows no machine {shown}"));
            Err(problem.hint("ctys-vdbgen --append -- HOST... asks the hosts"))
        }
        [one] => reach(call, one, port),
        all => {
            let problem = Problem::new(Phase::Ambiguous, format!("{} machines are called {name}", all.len()));
            let problem =
                all.iter().map(|one| format!("{} on {}: {}", one.label, one.pm, one.id)).fold(problem, Problem::hint);
            Err(problem.hint(format!("ctys-vhost -o machine -A {} shows them", super::database::shell_word(name))))
        }
    }
}

/// What is known of a machine that matters for reaching it.
#[derive(Clone, Debug, Default)]
struct Known {
    pm: String,
    /// How the machine below is reached: the target it was seen at, or its name.
    gate: String,
    physical: bool,
    label: String,
    id: String,
    /// Configured addresses, then those of the map.
    addresses: Vec<String>,
    macs: Vec<String>,
    ssh_port: Option<u16>,
}

impl Known {
    fn of(machine: Machine, view: &View) -> Result<Known, Problem> {
        let gate = if machine.target.is_empty() { machine.pm.clone() } else { machine.target };
        let mut known = Known {
            physical: machine.session_type == "PM",
            pm: machine.pm,
            gate,
            label: machine.label,
            id: machine.id,
            ssh_port: machine.ssh_port,
            ..Known::default()
        };
        for (mac, address) in machine.interfaces {
            known.addresses.extend(Some(address).filter(|address| !address.is_empty()));
            known.addresses.extend(view.mapped(&mac)?.map(|entry| entry.ip).filter(|ip| !ip.is_empty()));
            known.macs.extend(ctys_inventory::keys::mac(&mac));
        }
        known.addresses.dedup();
        Ok(known)
    }

    fn reach(&self) -> (&str, &[String], &[String]) {
        (&self.pm, &self.addresses, &self.macs)
    }
}

/// All ways, the shortest first; then the first that opens is gone.
fn reach(call: &mut Call, known: &Known, asked: u16) -> Result<u8, Problem> {
    // A port the user asks for wins; 22 is what ssh asks for without one.
    let port = if asked == 22 { known.ssh_port.unwrap_or(22) } else { asked };
    let machine = &call.environment.machine;
    // A physical machine stands behind nobody.
    let here = known.physical || known.gate.is_empty() || is_here(&known.pm, machine) || is_here(&known.gate, machine);
    let mut ways: Vec<Hop> = known.addresses.iter().map(|host| Hop::Direct { host: host.clone(), port }).collect();
    let mut notes = Vec::new();
    if known.addresses.is_empty() {
        for address in by_mac(ctys_engine::living::own_neighbours(), &known.macs, &mut notes) {
            ways.push(Hop::Direct { host: address, port });
        }
        if ways.is_empty() && !here {
            for address in by_mac(neighbours_of(&known.gate), &known.macs, &mut notes) {
                ways.push(Hop::Through { gate: known.gate.clone(), host: address, port });
            }
        }
    } else if !here {
        ways.extend(known.addresses.iter().map(|host| Hop::Through {
            gate: known.gate.clone(),
            host: host.clone(),
            port,
        }));
    }
    if call.given.has("plan") {
        for way in &ways {
            let line = match way {
                Hop::Direct { host, port } => format!("{host} port {port}"),
                Hop::Through { gate, host, port } => format!("{host} port {port} through {gate}"),
            };
            call.screen.data(&format!("{}\n", escape_for_eyes(&line)));
        }
        return Ok(0);
    }
    if ways.is_empty() {
        let macs = known.macs.join(", ");
        let problem =
            Problem::new(Phase::Resolve, format!("{} has no known address, and nobody has seen {macs}", known.label));
        return Err(notes.into_iter().fold(problem, Problem::hint));
    }
    carry(&ways).map(|()| 0).map_err(|why| {
        let label = escape_for_eyes(&known.label).into_owned();
        why.into_iter().fold(Problem::new(Phase::Connect, format!("{label} was not reached")), Problem::hint)
    })
}

fn by_mac(seen: Result<Vec<Neighbour>, String>, macs: &[String], notes: &mut Vec<String>) -> Vec<String> {
    match seen {
        Ok(seen) => {
            let fits = |neighbour: &&Neighbour| mac(&neighbour.mac).is_some_and(|mac| macs.contains(&mac));
            let mut found: Vec<String> = seen.iter().filter(fits).map(|neighbour| neighbour.address.clone()).collect();
            // The old kind of address first: an sshd may listen there alone.
            found.sort_by_key(|address| address.contains(':'));
            found
        }
        Err(why) => {
            notes.push(why);
            Vec::new()
        }
    }
}

/// Whether a machine is this one.
fn is_here(pm: &str, machine: &str) -> bool {
    let loops = |pm: &str| {
        (pm, 0).to_socket_addrs().is_ok_and(|mut all| all.all(|a: std::net::SocketAddr| is_loopback(a.ip())))
    };
    same_name(pm, machine) || pm == "localhost" || (pm.parse::<IpAddr>().is_ok() && loops(pm))
}

fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}
