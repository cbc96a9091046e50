//! ctys-wakeup: one wake-on-LAN packet (ctys.md section 7).

use super::options::opt;
use super::{Call, Tool, usage};
use ctys_engine::job::World;
use ctys_engine::store::Build;
use ctys_engine::world::RealWorld;
use ctys_line::CallOptions;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Phase, Problem, Wake};
use std::sync::Arc;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-wakeup",
    about: "wakes a machine: one packet for its hardware address",
    usage: "MAC|NAME",
    options: &[
        opt('i', "interface", "NIC", "through this interface"),
        opt('t', "to", "ADDRESS", "where the packet goes; default 255.255.255.255"),
        opt('p', "port", "PORT", "its port; default 9"),
        opt('n', "plan", "", "say what would be sent and send nothing"),
        opt(' ', "db", "DIR[,DIR...]", "folders of the inventory, for names"),
    ],
    run,
};

fn run(call: &mut Call) -> Result<u8, Problem> {
    let [word] = &call.given.arguments[..] else {
        return Err(usage("one hardware address, or the name of a machine of the inventory, is expected"));
    };
    if call.given.has("interface") && call.given.has("to") {
        return Err(usage("-i and -t exclude each other"));
    }
    let text = match ctys_inventory::keys::mac(word) {
        Some(mac) => mac,
        None => of_name(call, word)?,
    };
    let pairs: Vec<u8> = text.split(':').filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    let mac: [u8; 6] = pairs.try_into().map_err(|_| usage(format!("{word} is no hardware address")))?;
    let port = call.given.number("port", 9).map_err(usage)?;
    let port = u16::try_from(port).ok().filter(|&port| port > 0).ok_or_else(|| usage(format!("{port} is no port")))?;
    let wake = Wake {
        mac,
        broadcast: call.given.last("to").unwrap_or("255.255.255.255").to_string(),
        port,
        interface: call.given.last("interface").map(str::to_string),
    };
    if call.given.has("plan") {
        let through = wake.interface.as_ref().map_or_else(String::new, |nic| format!(" through {nic}"));
        call.screen.data(&format!(
            "wake-on-LAN packet for {text} to {} port {port}{through}\n",
            escape_for_eyes(&wake.broadcast)
        ));
        return Ok(0);
    }
    if let Some(why) = crate::guard::read_only(&call.home, false) {
        return Err(Problem::new(Phase::Refused, format!("nothing was sent: {why}")));
    }
    let shared = crate::run::open_world(&CallOptions::default(), call.environment.clone())?;
    let world = RealWorld { shared: Arc::new(shared), number: 0 };
    world.wake(&wake).map(|()| 0).map_err(|why| Problem::new(Phase::Run, why))
}

/// The one hardware address of a machine.
fn of_name(call: &Call, name: &str) -> Result<String, Problem> {
    let mut macs = Vec::new();
    for store in call.stores()?.iter().filter(|store| store.folder().is_dir()) {
        let (machines, entries) = store.view(Build::Write)?.meaning(name)?;
        macs.extend(entries.into_iter().map(|entry| entry.mac));
        macs.extend(
            machines
                .into_iter()
                .flat_map(|machine| machine.interfaces)
                .filter_map(|(mac, _)| ctys_inventory::keys::mac(&mac)),
        );
    }
    macs.sort();
    macs.dedup();
    let shown = escape_for_eyes(name).into_owned();
    match &macs[..] {
        [one] => Ok(one.clone()),
        [] => Err(usage(format!("{shown} is no hardware address, and the inventory knows none for it"))),
        all => Err(Problem::new(Phase::Ambiguous, format!("{shown} has {} hardware addresses", all.len()))
            .hint(all.join(", "))),
    }
}
