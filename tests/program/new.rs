//! ctys-createConfVM with fake tools: what it refuses, and what is left when a tool fails.

use crate::sealed::Sealed;
use std::fs;

/// A caller whose qemu-img does this.
fn caller(qemu_img: &str) -> Sealed {
    let sealed = Sealed::new();
    sealed.tool("qemu-system-x86_64", "echo 'QEMU emulator version 7.2.22'");
    sealed.tool("qemu-img", &format!("printf '%s\\n' \"qemu-img $*\" >>\"$LOG\"\n{qemu_img}"));
    sealed
}

#[test]
fn a_new_machine_is_made_by_the_fakes_and_found_by_enumerate() {
    let sealed = caller("for file; do case $file in *.qcow2) : >\"$file\";; esac; done");
    let words = ["createconfvm", "-t", "qemu", "--label=tst200", "--size=2G", "--arch=x86_64", "--accelerator=tcg"];
    let folder = sealed.folder.join("home/qemu/tst200");
    let plan = sealed.ctys(&[&words[..], &["--plan"]].concat()).ok();
    assert!(plan.contains("write the configuration") && !folder.exists(), "{plan}");
    assert_eq!(sealed.log(), "", "a plan ran a tool");
    let said = sealed.ctys(&words).ok();
    assert!(said.starts_with("tst200 made: "), "{said}");
    assert_eq!(sealed.log(), format!("qemu-img create -q -f qcow2 {}/tst200.qcow2 2G\n", folder.display()));
    let found = sealed.ctys(&["-t", "qemu", "-a", "enumerate=terse,label,id"]).ok();
    assert_eq!(found, format!("tst200;{}/tst200.ctys\n", folder.display()));
}

#[test]
fn a_tool_that_fails_leaves_no_machine_and_a_second_call_makes_it() {
    let sealed = caller("echo 'qemu-img: no room' >&2; exit 1");
    let words = ["createConfVM", "-t", "qemu", "--label=tst200", "--arch=x86_64"];
    let stderr = sealed.ctys(&words).fails(5);
    assert!(stderr.contains("to make the disk: qemu-img ended with status 1: qemu-img: no room"), "{stderr}");
    assert!(!sealed.folder.join("home/qemu/tst200/tst200.ctys").exists());
    sealed.tool("qemu-img", "exit 0");
    sealed.ctys(&words).ok();
}

#[test]
fn what_no_machine_can_be_made_of_is_refused_before_anything_is_done() {
    let sealed = caller("exit 0");
    for (words, code, part) in [
        (&["--label=a"][..], 1, "-t says no type"),
        (&["-t", "qemu"], 1, "--label gives no name"),
        (&["-t", "vnc", "--label=a"], 1, "no machine of the type VNC can be made"),
        (&["-t", "qemu", "--label=a/b"], 1, "cannot be called"),
        (&["-t", "qemu", "--label=a", "--guest=pv"], 1, "--guest means nothing to a QEMU machine"),
        (&["-t", "xen", "--label=a", "--accelerator=kvm"], 1, "--accelerator means nothing to a Xen machine"),
        (&["-t", "qemu", "--label=a", "--create-image", "--no-create-image"], 1, "exclude each other"),
        (&["-t", "qemu", "--label=a", "--arch=pdp11"], 5, "no qemu-system-pdp11"),
    ] {
        let stderr = sealed.ctys(&[&["createConfVM"], words].concat()).fails(code);
        assert!(stderr.contains(part), "{words:?}: {stderr}");
    }
    assert_eq!(sealed.log(), "");
    assert_eq!(fs::read_dir(sealed.folder.join("home")).unwrap().count(), 0);
}
