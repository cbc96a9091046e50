//! A column knows its price: which fields of a LIST record cost which probe, and those of the plugin's own.

use crate::probes;
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Field, List, Missing, Probe, Record, Request, Value};

/// The type of the virtual board.
pub const MACHINE: &str = "qemu.machine";
/// The first disk, or the kernel.
pub const IMAGE: &str = "qemu.image";
/// The port or socket of the SPICE server.
pub const SPICE: &str = "qemu.spice";
/// Where the first serial line goes.
pub const SERIAL: &str = "qemu.serial";
/// Ports of the host that lead into the guest.
pub const FORWARDS: &str = "qemu.forwards";

/// What a machine must be asked for: its arguments leave it open.
const ASKED: [Known; 7] =
    [Known::State, Known::Cport, Known::Display, Known::HyperRun, Known::Accelerator, Known::Uuid, Known::Label];

/// Whether this field will be shown, filtered or sorted by.
pub fn wanted(list: &List, known: Known) -> bool {
    list.fields.as_ref().is_none_or(|fields| fields.contains(&Field::Known(known)))
}

/// The probes of a LIST. The path of a configuration costs a walk through the folders: the host does not tell it. The address
/// of a guest stands in no other place.
pub fn price(request: &Request, list: &List) -> Vec<Probe> {
    let mut probes = vec![probes::processes()];
    if ASKED.iter().any(|known| wanted(list, *known)) {
        probes.push(probes::own_sockets(request));
    }
    if wanted(list, Known::Id) {
        probes.extend(probes::configurations(&[]));
    }
    probes
}

/// The fields a machine has not.
pub fn not_applicable(record: &mut Record) {
    record.set(Known::JobId, Value::Missing(Missing::NotApplicable));
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_plugin::testing;

    #[test]
    fn a_column_knows_its_price() {
        let request = testing::request(ctys_plugin::model::Action::Info);
        let check = |fields: Option<&[Known]>, more: &[Probe]| {
            let fields = fields.map(|fields| fields.iter().map(|&known| known.into()).collect());
            let list = List { fields, ..List::default() };
            let want: Vec<Probe> = [probes::processes()].iter().chain(more).cloned().collect();
            assert_eq!(price(&request, &list), want, "{list:?}");
        };
        let own = probes::own_sockets(&request);
        let walk = probes::configurations(&[]).remove(0);
        check(Some(&[]), &[]);
        check(Some(&[Known::Pid, Known::Mac, Known::Owner]), &[]);
        check(Some(&[Known::State]), std::slice::from_ref(&own));
        check(Some(&[Known::Cport]), std::slice::from_ref(&own));
        check(Some(&[Known::Id]), std::slice::from_ref(&walk));
        check(None, &[own, walk]);
    }
}
