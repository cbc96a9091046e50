//! Domains in every state, and what becomes of them.

use crate::dom0::Dom0;

#[test]
fn power_off_waits_for_the_guest_as_long_as_it_was_told_and_no_longer() {
    let dom0 = Dom0::with_up(&["tst104"]);
    // A guest that hears: it is gone by itself long before the hard stop.
    let text = dom0.xen("cancel=l:tst104,POWEROFF:50").ok();
    assert!(text.contains("tst104: shut down"), "{text}");
    assert_eq!(dom0.names(), [""; 0]);
    // A guest that hears nothing: its kernel leaves out what would listen.
    dom0.ssh(
        "xl create -q xen/tst-ctys/tst104/tst104.conf \
         'extra=\"console=hvc0 quiet initcall_blacklist=xen_setup_shutdown_event\"'",
    );
    let text = dom0.xen("cancel=l:tst104,POWEROFF:1").ok();
    assert!(text.contains("tst104: destroyed"), "{text}");
    assert_eq!(dom0.names(), [""; 0]);
}

#[test]
fn all_is_every_domain_but_the_host() {
    let dom0 = Dom0::with(&["tst101", "tst104"]);
    dom0.xen("cancel=ALL,PAUSE").ok();
    assert_eq!((dom0.state("tst101").as_str(), dom0.state("tst104").as_str()), ("--p---", "--p---"));
    assert!(!dom0.ssh("xl list 0 | tail -1").contains("--p---"));
    dom0.xen("cancel=ALL,FORCE,POWEROFF:0").ok();
    assert_eq!(dom0.names(), [""; 0]);
    // The second time there is nobody left, which is no error.
    let text = dom0.xen("cancel=ALL,POWEROFF:0").ok();
    assert!(text.contains("nothing was done"), "{text}");
    assert!(dom0.ssh("xl list").contains("Domain-0"));
}

#[test]
fn a_paused_machine_goes_on_however_often_it_was_paused() {
    let dom0 = Dom0::with_up(&["tst104"]);
    let before = dom0.id("tst104");
    dom0.ssh("xl pause tst104; xl pause tst104; xl pause tst104");
    // Pausing what is paused would count once more.
    let text = dom0.xen("cancel=l:tst104,PAUSE").ok();
    assert!(text.contains("already"), "{text}");
    dom0.xen("create=l:tst104,RESUME,CONSOLE:none").ok();
    dom0.wait_up("tst104");
    assert_eq!(dom0.id("tst104"), before);
    let (_, stderr) = dom0.xen("create=l:tst104,RESUME,CONSOLE:none").ends(5);
    assert!(stderr.contains("nothing to resume"), "{stderr}");
}

#[test]
fn a_saved_machine_is_not_lost_by_a_start_and_its_state_is_used_once() {
    let dom0 = Dom0::with_up(&["tst104"]);
    dom0.xen("cancel=l:tst104,SUSPEND").ok();
    assert_eq!(dom0.ssh("ls /var/lib/xen/ctys; stat -c %a /var/lib/xen/ctys"), "tst104.save\n700\n");
    let (_, stderr) = dom0.xen("create=l:tst104,CONSOLE:none,PING:OFF").ends(0);
    assert!(stderr.contains("tst104.save.old"), "{stderr}");
    assert_eq!((dom0.names(), dom0.ssh("ls /var/lib/xen/ctys")), (vec!["tst104".into()], "tst104.save.old\n".into()));
    dom0.xen("cancel=l:tst104,POWEROFF:0").ok();
    // Memory that is older than the disks must not come back.
    let (_, stderr) = dom0.xen("create=l:tst104,RESUME,CONSOLE:none").ends(5);
    assert!(stderr.contains("tst104.save is not there"), "{stderr}");
    assert_eq!(dom0.names(), [""; 0]);
    dom0.ssh("rm /var/lib/xen/ctys/tst104.save.old");
}

#[test]
fn a_crashed_machine_is_seen_and_removed() {
    let dom0 = Dom0::with(&[]);
    dom0.ssh("xl create -q odd/crashed/crashed.conf");
    dom0.wait("xl list crashed | grep -q -- ---sc-");
    let row = dom0.xen("list=json").ok();
    assert!(row.contains("\"crashed\""), "{row}");
    for action in ["create=l:crashed,CONSOLE:none", "create=l:crashed,CONSOLE:none,REUSE", "cancel=l:crashed,REBOOT"] {
        let (_, stderr) = dom0.xen(action).ends(5);
        assert!(stderr.contains("crashed") && stderr.contains("POWEROFF:0"), "{action}: {stderr}");
    }
    assert_eq!(dom0.state("crashed"), "---sc-");
    // It cannot shut down, so it is not waited for.
    dom0.xen("cancel=l:crashed,POWEROFF:50").ok();
    assert_eq!(dom0.names(), [""; 0]);
}

#[test]
fn a_machine_without_a_configuration_is_known_by_what_runs() {
    let dom0 = Dom0::with(&[]);
    dom0.ssh(
        "sed 's/tst104/stray/; s/c5c4/c5ff/; s/11:44/11:FF/' xen/tst-ctys/tst104/tst104.conf >/tmp/stray.conf\n\
         xl create -q /tmp/stray.conf; rm /tmp/stray.conf",
    );
    let row = dom0.xen("list=terse,tab_gen:3_l_8%%4_id_40%%6_m_17").ok();
    let row = row.lines().find(|line| line.starts_with("stray")).unwrap_or_else(|| panic!("{row}")).to_string();
    assert!(row.contains("00:50:56:13:11:FF") && !row.contains(".conf"), "{row}");
    // What starts it again is not known: it is left alone.
    let before = dom0.id("stray");
    let (_, stderr) = dom0.xen("cancel=l:stray,RESET").ends(5);
    assert!(stderr.contains("configuration"), "{stderr}");
    assert_eq!(dom0.id("stray"), before);
    dom0.xen("create=u:6842caf91e3e43249ed596b8b9f2c5ff,CONSOLE:none,CONNECT").ok();
    dom0.xen("cancel=m:00:50:56:13:11:ff,POWEROFF:0").ok();
    assert_eq!(dom0.names(), [""; 0]);
}

#[test]
fn a_machine_that_vanishes_meanwhile_is_no_disaster() {
    let dom0 = Dom0::with(&["tst104"]);
    // While the call waits for it to answer, somebody else ends it.
    let call = dom0
        .command(&["-t", "xen", "-a", "create=l:tst101,CONSOLE:none,PING:30%1", "lab00"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    dom0.wait("xl domid tst101 >/dev/null 2>&1 && xl list tst101 | grep -q -- '-b----\\|r-----\\|------'");
    dom0.ssh("xl destroy tst101");
    let output = call.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{stderr}");
    assert!(stderr.contains("tst101") && (stderr.contains("vanished") || stderr.contains("gone")), "{stderr}");
    assert_eq!(dom0.names(), ["tst104"]);
}

#[test]
fn a_machine_that_is_half_made_is_seen_removed_and_made_anew() {
    let dom0 = Dom0::with(&[]);
    // xl dies while it makes the domain: what stays is paused, and in no long list.
    dom0.ssh(
        "for ms in 300 500 700 900 1100 1300 1500; do\n\
           xl create -q xen/tst-ctys/tst104/tst104.conf >/dev/null 2>&1 &\n\
           usleep ${ms}000 2>/dev/null || busybox usleep ${ms}000\n\
           kill -9 $!; wait $! 2>/dev/null\n\
           if xl list tst104 2>/dev/null | grep -q -- --p---; then exit 0; fi\n\
           xl list | awk 'NR > 2 { print $(NF - 4) }' | while read -r id; do xl destroy $id; done\n\
         done; exit 1",
    );
    assert_eq!(dom0.ssh("xl list -l 2>/dev/null | grep -c tst104; true").trim(), "0");
    let row = dom0.xen("list=json").ok();
    assert!(row.contains("half made"), "{row}");
    let (_, stderr) = dom0.xen("create=l:tst104,CONSOLE:none").ends(5);
    assert!(stderr.contains("half made"), "{stderr}");
    dom0.xen("cancel=l:tst104,POWEROFF:0").ok();
    assert_eq!(dom0.names(), [""; 0]);
    dom0.xen("create=l:tst104,CONSOLE:none,PING:OFF").ok();
    dom0.wait_up("tst104");
}
