//! A column knows its price: which fields of a LIST record cost which probe. The plugin has no fields of its own.

use crate::probes;
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Field, List, Missing, Probe, Record, Request, Value};

/// Whether this field will be shown, filtered or sorted by.
pub fn wanted(list: &List, known: Known) -> bool {
    list.fields.as_ref().is_none_or(|fields| fields.contains(&Field::Known(known)))
}

/// Whether the long list must be asked for. The address of a guest is found by its hardware address; a state of one that
/// was made by halves by its absence.
pub fn wants_details(list: &List) -> bool {
    list.per_interface
        || [Known::Mac, Known::Tcp, Known::Interface, Known::Accelerator, Known::State]
            .iter()
            .any(|known| wanted(list, *known))
}

/// Whether the VNC ports must be known.
pub fn wants_ports(list: &List) -> bool {
    wanted(list, Known::Cport) || wanted(list, Known::Display)
}

/// The probes of a LIST. The path of a configuration costs a walk through the folders: the host does not tell it.
pub fn price(request: &Request, list: &List) -> Vec<Probe> {
    let mut probes = probes::what_runs(request);
    if wants_details(list) {
        probes.push(probes::details(request));
    }
    if wants_ports(list) {
        probes.push(probes::ports());
    }
    if wanted(list, Known::HyperRun) {
        probes.push(probes::hypervisor(request));
    }
    if wanted(list, Known::Id) {
        probes.extend(probes::configurations(&[]));
    }
    probes
}

/// The fields a domain has not: it belongs to nobody, and only its client port is anybody's to connect to.
pub fn not_applicable(record: &mut Record) {
    for known in [Known::User, Known::Group, Known::Sport, Known::JobId] {
        record.set(known, Value::Missing(Missing::NotApplicable));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_plugin::testing;

    #[test]
    fn a_column_knows_its_price() {
        let request = testing::request(ctys_plugin::model::Action::Info);
        let check = |fields: Option<&[Known]>, per_interface: bool, more: &[Vec<Probe>]| {
            let fields = fields.map(|fields| fields.iter().map(|&known| known.into()).collect());
            let list = List { fields, per_interface, ..List::default() };
            let want: Vec<Probe> = [probes::what_runs(&request)].iter().chain(more).flatten().cloned().collect();
            assert_eq!(price(&request, &list), want, "{list:?}");
        };
        let one = |probe: Probe| vec![probe];
        let (details, ports) = (one(probes::details(&request)), one(probes::ports()));
        let (info, files) = (one(probes::hypervisor(&request)), probes::configurations(&[]));
        check(Some(&[Known::Label, Known::Uuid, Known::User]), false, &[]);
        check(Some(&[Known::State]), false, std::slice::from_ref(&details));
        check(Some(&[Known::Mac]), false, std::slice::from_ref(&details));
        check(Some(&[Known::Tcp]), false, std::slice::from_ref(&details));
        check(Some(&[]), true, std::slice::from_ref(&details));
        check(Some(&[Known::Cport]), false, std::slice::from_ref(&ports));
        check(Some(&[Known::Display]), false, std::slice::from_ref(&ports));
        check(Some(&[Known::HyperRun]), false, std::slice::from_ref(&info));
        check(Some(&[Known::Id]), false, std::slice::from_ref(&files));
        check(None, false, &[details, ports, info, files]);
    }
}
