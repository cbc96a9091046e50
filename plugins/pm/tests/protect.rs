//! A host with the mark is not ended, by whatever method.

use ctys_plugin::conformance;
use ctys_plugin::model::{Answer, FileAnswer, MachineAddress};
use ctys_plugin::testing::{answer_to, facts};
use ctys_pm::{Pm, probes};

#[test]
fn a_host_with_the_mark_is_refused_by_every_method_and_ended_with_unprotect() {
    let host = |description: &str| {
        let mut facts = facts([
            (probes::addresses(), include_str!("../captures/ip-addr-iproute2-2009-xen-bridge.txt")),
            (probes::routes(), include_str!("../captures/proc-net-route-linux-6-vm.txt")),
            (probes::product_uuid(), "00000000-0000-0000-0000-000000000000\n"),
        ]);
        facts.answers.push((probes::pm_conf(), answer_to(&probes::pm_conf(), description)));
        facts.answers.push((probes::vm_conf(), Answer::File(FileAnswer::Absent)));
        facts
    };
    let (plain, marked) = (host("#@#MAGICID-PM\n"), host("#@#MAGICID-PM\n#@#PROTECT = \"the lab's gateway\"\n"));
    conformance::protect::check::<Pm>(&MachineAddress::default(), &plain, &marked);
}
