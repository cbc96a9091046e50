//! A machine with the mark is not ended, by whatever method.

mod story;

use ctys_plugin::conformance;
use ctys_qemu::Qemu;
use story::*;

#[test]
fn a_machine_with_the_mark_is_refused_by_every_method_and_ended_with_unprotect() {
    let mark = format!("#@#MAGICID-QEMU\n#@#LABEL = \"tst100\"\n#@#UUID = \"{KEY}\"\n#@#PROTECT = \"ask mia\"\n");
    let marked = running().with("/home/mia/mark.ctys", &mark);
    conformance::protect::check::<Qemu>(&label("tst100"), &running(), &marked);
}
