//! A machine that ctys-createConfVM makes.

use crate::dom0::Dom0;

#[test]
fn a_machine_is_made_started_and_ended() {
    let dom0 = Dom0::with(&[]);
    let config = dom0.config.to_str().unwrap().to_string();
    let make = |more: &[&str]| {
        let words = ["createConfVM", "--ssh-config", &config, "-t", "xen", "--label=tst200", "--size=4M"];
        let guest = ["--guest=pv", "--memory=128", "--kernel=/var/lib/ctys-test/vmlinux"];
        let rest = ["--initrd=/var/lib/ctys-test/initramfs", "--bridge=xenbr0", "--append=console=hvc0 quiet"];
        dom0.tool(&[&words[..], &guest, &rest, more, &["lab00"]].concat())
    };
    let plan = make(&["--plan"]).ok();
    assert!(plan.contains("truncate -s 4M"), "{plan}");
    assert_eq!(dom0.ssh("ls xen"), "tst-ctys\n");
    let said = make(&[]).ok();
    let uuid = said.split("uuid ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_else(|| panic!("{said}"));

    dom0.xen("create=l:tst200,CONSOLE:none,PING:OFF").ok();
    assert_eq!(dom0.names(), ["tst200"]);
    assert!(dom0.ssh("xl list -v tst200").contains(uuid), "{said}");
    assert!(dom0.ssh("xl block-list tst200").lines().count() == 2, "it has one disk");
    dom0.xen(&format!("cancel=u:{uuid},POWEROFF:0")).ok();
    assert_eq!(dom0.names(), [""; 0]);

    let (_, stderr) = make(&[]).ends(5);
    assert!(stderr.contains("has the label tst200 already"), "{stderr}");
    dom0.ssh("rm -r xen/tst200");
}
