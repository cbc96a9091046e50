//! The mark of a domain that is not to be ended (see [`ctys_plugin::protect`]): it counts in every file that may be the domain's
//! own. A mark in another's file costs a word of the user, one that is overlooked costs the machine.

use crate::conf::{self, Found, Machine};
use crate::parse::xl_list::Domain;
use crate::{probes, resolve};
use ctys_plugin::magic::Magic;
use ctys_plugin::model::{Cancel, Facts, Probe, Problem, Request};
use ctys_plugin::protect;

/// What has to be known before anything is ended.
pub fn wants(cancel: &Cancel) -> Vec<Probe> {
    let mut probes = walks(cancel);
    if cancel.with_self {
        probes.extend(protect::host_probes());
    }
    probes
}

fn walks(cancel: &Cancel) -> Vec<Probe> {
    protect::walks(&cancel.address.base, probes::configurations)
}

/// Why one of the domains, or the host, is not to be ended. The file that the address names counts as well as those that are
/// found.
pub fn refusal(request: &Request, cancel: &Cancel, facts: &Facts, domains: &[Domain]) -> Option<Problem> {
    if !protect::counts(cancel) {
        return None;
    }
    let Found { mut machines, problems, unreadable: _, absent: _ } = conf::found_with_marks(facts, &walks(cancel));
    machines.extend(resolve::named(&cancel.address, facts));
    let of = |domain: &Domain| {
        let own = machines.iter().filter(|machine| machine.is(domain) || is_marked(machine, domain));
        let own = own.map(|machine| (&machine.path, &machine.magics[..]));
        protect::of_machine(&domain.name, own, &problems)
    };
    let host = || match cancel.with_self {
        true => protect::of_host(&request.target.host, facts),
        false => None,
    };
    domains.iter().find_map(of).or_else(host)
}

/// Whether a file with the mark may be meant for the domain. xl makes up a uuid where the file has one in a magic comment
/// only, and a domain can be renamed: so either is enough.
fn is_marked(machine: &Machine, domain: &Domain) -> bool {
    machine.magics.iter().any(|magic: &Magic| magic.protection().is_some()) && machine.may_be(domain)
}
