//! A machine with the mark is not ended, by whatever method.

mod story;

use ctys_plugin::conformance;
use ctys_qemu::Qemu;
use story::*;

#[test]
fn a_machine_with_the_mark_is_refused_by_every_method_and_ended_with_unprotect() {
    // The mark stands in the machine's own file: another file of its label would make the address of its guest ambiguous.
    let mut marked = running();
    let (_, own) = marked.files.iter_mut().find(|(path, _)| *path == TST100).unwrap();
    conformance::protect::mark(own);
    conformance::protect::check::<Qemu>(&label("tst100"), &running(), &marked);
}
