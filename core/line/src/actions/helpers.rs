//! GETCLIENTPORT and ISACTIVE (ctys.md 2.6).

use super::{OneType, address, key_of, suboptions};
use crate::mistakes::{Desk, Fault, shown};
use crate::suboptions::blanks;
use crate::text::Text;
use ctys_model::manifest::Category;
use ctys_model::{MachineAddress, Verb};

/// `GETCLIENTPORT=<label>[,<id>]`, or the parts of an address with their keys.
pub(crate) fn get_client_port(desk: &mut Desk<'_>, rest: &Text, word: &Text, one: &OneType) -> MachineAddress {
    named(desk, rest, word, one, Verb::GetClientPort)
}

/// `ISACTIVE=<id>`, or the parts of an address with their keys.
pub(crate) fn is_active(desk: &mut Desk<'_>, rest: &Text, word: &Text, one: &OneType) -> MachineAddress {
    named(desk, rest, word, one, Verb::IsActive)
}

fn named(desk: &mut Desk<'_>, rest: &Text, word: &Text, one: &OneType, verb: Verb) -> MachineAddress {
    let mut address = MachineAddress::default();
    let subs = suboptions(rest);
    for sub in &subs {
        if sub.argument.is_some() {
            if let Some(key) = key_of(desk, verb, sub, &[address::KEYS], &[]) {
                address::apply(desk, key, sub, one, &mut address);
            }
            continue;
        }
        let value = blanks(&sub.key);
        // A machine's id is a path, a desktop's is a number; everything else is a label.
        let is_id = match one.category {
            Category::Hosts => value.bytes().all(|b| b.is_ascii_digit()),
            _ => value.starts_with('/'),
        };
        let slot = if is_id { &mut address.id } else { &mut address.label };
        if let Some(first) = slot.replace(value) {
            let what = if is_id { "id" } else { "label" };
            let message = format!("{verb} has two {what}s, {} and {}", shown(first), shown(&sub.key));
            desk.fault(Fault::at(sub.key.spot(), message).expected("LABEL[,ID]"));
        }
    }
    address::check(desk, &subs, word, one, &address);
    address
}
