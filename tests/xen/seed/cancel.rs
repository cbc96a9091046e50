//! CANCEL. What is cancelled runs and is up.

use super::Lab;

/// Ends tst100 and leaves tst101 alone.
#[track_caller]
fn ends(call: &str) {
    let lab = Lab::with(&["tst100", "tst101"]);
    let other = lab.dom0.id("tst101");
    lab.call(call).ok();
    assert_eq!((lab.dom0.names(), lab.dom0.id("tst101")), (vec!["tst101".to_string()], other));
}

#[test]
fn l325_power_off_by_pathname() {
    ends(
        "ctys -t xen \
         -a cancel=poweroff:0,p:/home/acue/xen/tst-ctys/tst100/tst100.conf \
         lab00'(-Z KSU)'",
    );
}

#[test]
fn l340_power_off_by_label() {
    ends("ctys -t xen -a cancel=l:tst100,POWEROFF:0 lab01");
}

#[test]
fn l369_power_off_without_the_cache() {
    ends("ctys -t xen -a cancel=l:tst100,POWEROFF:0 -C off lab01");
}

#[test]
fn l376_power_off_without_both_caches() {
    ends("ctys -t xen -a cancel=l:tst100,POWEROFF:0 -c off -C off lab01");
}

/// Starts tst100 anew: it has another number, is the same machine, and comes up.
#[track_caller]
fn starts_anew(call: &str) {
    let lab = Lab::with_up(&["tst100"]);
    let before = lab.dom0.id("tst100");
    let host = lab.dom0.ssh("cat /proc/sys/kernel/random/boot_id");
    lab.call(call).ok();
    assert_eq!(lab.dom0.names(), ["tst100"]);
    assert_ne!(lab.dom0.id("tst100"), before, "it is the domain it was");
    assert!(lab.dom0.ssh("xl list -v tst100").contains("6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2"));
    assert_eq!(lab.dom0.ssh("cat /proc/sys/kernel/random/boot_id"), host);
    lab.dom0.wait_up("tst100");
}

#[test]
fn l383_reset() {
    starts_anew("ctys -t xen -a cancel=l:tst100,RESET -c off -C off lab01");
}

#[test]
fn l390_reset_by_force() {
    starts_anew("ctys -t xen -a cancel=l:tst100,FORCE,RESET -c off -C off lab01");
}

#[test]
fn l399_reboot() {
    starts_anew("ctys -t xen -a cancel=l:tst100,REBOOT -c off -C off lab01");
}

#[test]
fn l406_reboot_by_force() {
    starts_anew("ctys -t xen -a cancel=l:tst100,FORCE,REBOOT -c off -C off lab01");
}

#[test]
fn l413_reboot_by_pathname() {
    starts_anew(
        "ctys -t xen \
         -a cancel=FORCE,REBOOT,p:/home/chkusr/xen/tst-ctys/tst100/tst100.conf \
         -c off -C off lab01",
    );
}

/// Pauses tst100; one `xl unpause` is enough to let it go on.
#[track_caller]
fn pauses(call: &str) {
    let lab = Lab::with_up(&["tst100"]);
    let before = lab.dom0.id("tst100");
    lab.call(call).ok();
    assert_eq!((lab.dom0.state("tst100").as_str(), lab.dom0.id("tst100")), ("--p---", before));
    lab.dom0.ssh("xl unpause tst100");
    lab.dom0.wait_up("tst100");
}

#[test]
fn l424_pause() {
    pauses("ctys -t xen -a cancel=l:tst100,PAUSE lab01");
}

#[test]
fn l429_pause_by_force() {
    pauses("ctys -t xen -a cancel=l:tst100,FORCE,PAUSE lab01");
}

/// Saves tst100; the call of the page brings it back, without the console it opens there.
#[track_caller]
fn suspends(call: &str) {
    let lab = Lab::with_up(&["tst100"]);
    let booted = lab.dom0.ssh("grep -c 'login:' /var/log/xen/console/guest-tst100.log");
    lab.call(call).ok();
    assert_eq!(lab.dom0.names(), [""; 0]);
    lab.call("ctys -t xen -a create=l:tst100,RESUME,CONSOLE:NONE lab01").ok();
    assert_eq!(lab.dom0.names(), ["tst100"]);
    lab.dom0.wait_up("tst100");
    assert_eq!(lab.dom0.ssh("grep -c 'login:' /var/log/xen/console/guest-tst100.log"), booted, "it has booted again");
    assert_eq!(lab.dom0.ssh("ls /var/lib/xen/ctys"), "", "a state that was resumed is out of date");
}

#[test]
fn l438_suspend_and_resume() {
    suspends("ctys -t xen -a cancel=l:tst100,SUSPEND lab01");
}

#[test]
fn l443_suspend_by_force_and_resume() {
    suspends("ctys -t xen -a cancel=l:tst100,FORCE,SUSPEND lab01");
}

#[test]
fn l452_run_level_0() {
    let lab = Lab::with_up(&["tst100"]);
    // As acue without -Z nothing may be done, and nothing is.
    let (_, stderr) = lab.call("ctys -t xen -a cancel=l:tst100,INIT:0 lab00").ends(5);
    assert!(stderr.contains("lab00: privilege: ") && stderr.contains("-Z"), "{stderr}");
    assert_eq!(lab.dom0.names(), ["tst100"]);
    lab.call("ctys -t xen -a cancel=l:tst100,INIT:0 root@lab00").ok();
    assert_eq!(lab.dom0.names(), [""; 0]);
    let log = lab.dom0.ssh("tail -5 /var/log/xen/xl-tst100.log");
    assert!(log.contains("shutdown, reason code 0") || log.contains("reason code 0"), "it was not shut down: {log}");
}

#[test]
fn l457_run_level_6_by_force() {
    starts_anew("ctys -t xen -a cancel=l:tst100,FORCE,INIT:6 root@lab00");
}
