//! A domain with the mark is not ended, by whatever method.

mod world;

use ctys_plugin::conformance;
use ctys_xen::Xen;
use world::*;

#[test]
fn a_domain_with_the_mark_is_refused_by_every_method_and_ended_with_unprotect() {
    let mark = "#@#MAGICID-XEN\n#@#PROTECT = \"ask mia\"\n";
    let marked = running().with("/root/xen/mark.conf", &format!("name = 'tst100'\nuuid = '{UUID}'\n{mark}"));
    conformance::protect::check::<Xen>(&label("tst100"), &running(), &marked);
}
