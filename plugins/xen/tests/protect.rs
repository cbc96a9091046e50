//! A domain with the mark is not ended, by whatever method.

mod world;

use ctys_plugin::conformance;
use ctys_xen::Xen;
use world::*;

#[test]
fn a_domain_with_the_mark_is_refused_by_every_method_and_ended_with_unprotect() {
    // The mark stands in the domain's own file: another file of its name would make RESET ambiguous.
    let mut marked = running();
    let (_, own) = marked.files.iter_mut().find(|(path, _)| *path == TST100).unwrap();
    conformance::protect::mark(own);
    conformance::protect::check::<Xen>(&label("tst100"), &running(), &marked);
}
