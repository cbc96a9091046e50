//! A column knows its price: which fields of a LIST record cost which probe. The plugin has no fields of its own.

use crate::probes;
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Field, List, Missing, Probe, Record, Value};

/// Whether this field will be shown, filtered or sorted by.
pub fn wanted(list: &List, known: Known) -> bool {
    list.fields.as_ref().is_none_or(|fields| fields.contains(&Field::Known(known)))
}

/// Whether the network interfaces must be known.
pub fn wants_interfaces(list: &List) -> bool {
    list.per_interface || [Known::Mac, Known::Tcp, Known::Interface].iter().any(|known| wanted(list, *known))
}

/// The probes of a LIST. Its two files are always read: they say who the machine is, and that both exist is an error
/// whatever the columns are.
pub fn price(list: &List) -> Vec<Probe> {
    let mut probes = vec![probes::pm_conf(), probes::vm_conf()];
    if wants_interfaces(list) {
        probes.push(probes::addresses());
        if !list.per_interface {
            probes.push(probes::routes());
        }
    }
    if wanted(list, Known::Uuid) {
        probes.push(probes::product_uuid());
    }
    probes
}

/// The fields a physical machine has not: nobody connects to it through a port, and it belongs to nobody.
pub fn not_applicable(record: &mut Record) {
    const NEVER: [Known; 9] = [
        Known::Display,
        Known::Cport,
        Known::Sport,
        Known::User,
        Known::Group,
        Known::JobId,
        Known::ExecPath,
        Known::HyperRun,
        Known::Accelerator,
    ];
    for known in NEVER {
        record.set(known, Value::Missing(Missing::NotApplicable));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn list(fields: &[Known], per_interface: bool) -> List {
        let fields: BTreeSet<Field> = fields.iter().map(|&known| known.into()).collect();
        List { fields: Some(fields), per_interface, ..List::default() }
    }

    #[test]
    fn a_column_knows_its_price() {
        let check = |list: &List, more: &[Probe]| {
            let probes = price(list);
            assert_eq!(&probes[..2], &[probes::pm_conf(), probes::vm_conf()]);
            assert_eq!(&probes[2..], more, "{list:?}");
        };
        let (addresses, routes, uuid) = (probes::addresses(), probes::routes(), probes::product_uuid());
        check(&list(&[], false), &[]);
        check(&list(&[Known::Pm, Known::Label, Known::Id, Known::SessionType, Known::Cport], false), &[]);
        check(&list(&[Known::Tcp], false), &[addresses.clone(), routes.clone()]);
        check(&list(&[Known::Mac], false), &[addresses.clone(), routes.clone()]);
        check(&list(&[Known::Interface], true), std::slice::from_ref(&addresses));
        check(&list(&[], true), std::slice::from_ref(&addresses));
        check(&list(&[Known::Uuid], false), std::slice::from_ref(&uuid));
        check(&List::default(), &[addresses, routes, uuid]);
    }
}
