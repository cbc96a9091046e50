//! ctys-ansible: the inventory as a dynamic inventory of Ansible: `ansible -i $(which ctys-ansible) XEN -m ping`.

use super::options::opt;
use super::{Call, Tool, usage};
use ctys_inventory::Line;
use ctys_inventory::borrowed::ansible::{self, Host, Inventory};
use ctys_model::Problem;
use ctys_model::field::Known;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-ansible",
    about: "the inventory for Ansible: --list and --host NAME, as ansible -i wants them",
    usage: "",
    options: &[
        opt(' ', "list", "", "all hosts with their variables, and all groups"),
        opt(' ', "host", "NAME", "the variables of one host"),
        opt('p', "db", "DIR[,DIR...]", "folders of the inventory"),
        opt('P', "default-db", "", "the default folder of the inventory"),
    ],
    run,
};

/// What Ansible is told beside where a host is.
const TOLD: [Known; 8] =
    [Known::SessionType, Known::Pm, Known::Id, Known::Uuid, Known::Mac, Known::Os, Known::Dist, Known::VmState];

fn run(call: &mut Call) -> Result<u8, Problem> {
    let host = call.given.last("host").map(str::to_string);
    if host.is_none() && !call.given.has("list") {
        return Err(usage("--list or --host NAME is expected"));
    }
    let mut inventory = Inventory { groups: super::groups::known_groups(&call.stores()?)?, ..Inventory::default() };
    for store in call.stores()? {
        store.scan(|_, raw| {
            if let Some((name, host)) = Line::parse(raw).and_then(|line| of_line(&line)) {
                let known = inventory.hosts.entry(name).or_insert_with(|| host.clone());
                // The first interface with an address is the one.
                known.address = known.address.take().or(host.address);
                known.port = known.port.or(host.port);
            }
            ControlFlow::Continue(())
        })?;
    }
    // A group with the name of a host is a warning of Ansible at every call.
    let hosts: Vec<String> = inventory.hosts.keys().cloned().collect();
    inventory.groups.retain(|name, _| !hosts.contains(&ansible::group_name(name)));
    call.screen.data(&match host {
        Some(name) => ansible::host(&inventory, &name),
        None => ansible::list(&inventory),
    });
    Ok(0)
}

fn of_line(line: &Line<'_>) -> Option<(String, Host)> {
    let name = Some(line.text(Known::Label)).filter(|name| !name.is_empty())?;
    let known: BTreeMap<String, String> = TOLD
        .iter()
        .map(|field| (field.key().to_string(), line.text(*field)))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let address = Some(line.text(Known::Tcp)).filter(|tcp| !tcp.is_empty() && *tcp != name);
    let port = line.text(Known::SshPort).parse().ok();
    Some((name, Host { address, port, known, ..Host::default() }))
}
