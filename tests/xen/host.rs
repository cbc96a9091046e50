//! The dom0 as a host: who may do what there, and what a listing costs.

use crate::dom0::Dom0;
use serde_json::Value;

#[test]
fn the_dom0_itself_is_a_physical_machine() {
    let dom0 = Dom0::with(&[]);
    let json = dom0.ctys(&["-t", "pm", "-a", "list=json", "lab00", "acue@lab00", "chkusr@lab00"]).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    let records = json["records"].as_array().unwrap();
    assert_eq!(records.len(), 3, "{json}");
    for record in records {
        let of = |name: &str| record[name].as_str().unwrap_or_default();
        assert_eq!(
            [of("pm"), of("session_type"), of("label"), of("mac"), of("tcp"), of("interface")],
            ["lab00.soho", "PM", "lab00", "00:0E:0C:35:F8:48", "192.168.1.71", "xenbr0"]
        );
    }
}

#[test]
fn a_listing_of_a_dom0_is_one_round_trip() {
    let dom0 = Dom0::with(&["tst100", "tst101"]);
    let file = dom0.home().join("transcript");
    // The columns that cost most: hardware addresses, VNC ports, the paths of configurations.
    for (action, rows) in [
        (&["-t", "xen", "-a", "list"][..], 3),
        (&["-a", "list"], 4),
        (&["-a", "list=macro:TAB_CPORT"], 4),
        (&["-t", "xen", "-a", "list=terse,machine"], 3),
    ] {
        let _ = std::fs::remove_file(&file);
        let words = [&["--record", file.to_str().unwrap()], action, &["lab00"]].concat();
        let table = dom0.ctys(&words).ok();
        assert_eq!(table.lines().filter(|line| line.contains("lab00.soho")).count(), rows, "{table}");
        let rounds = std::fs::read_to_string(&file).unwrap();
        assert_eq!(rounds.lines().count(), 1, "{action:?}: {rounds}");
    }
}

#[test]
fn without_a_right_it_says_z_and_with_it_the_account_does_it() {
    let dom0 = Dom0::with(&[]);
    dom0.tickets();
    for (action, code) in [("list", 5), ("create=l:tst104,CONSOLE:none", 5), ("cancel=ALL,POWEROFF:0", 5)] {
        let (_, stderr) = dom0.ctys(&["-t", "xen", "-a", action, "acue@lab00"]).ends(code);
        assert!(stderr.contains("ctys: acue@lab00: privilege: ") && stderr.contains("-Z"), "{action}: {stderr}");
    }
    for means in ["SUDO", "DOAS", "KSU"] {
        let allowed = format!("acue@lab00(-Z {means})");
        let call = |action: &str, target: &str| dom0.ctys(&["-t", "xen", "-a", action, target]);
        assert!(call("list=terse,tab_gen:3_l_8", &allowed).ok().contains("Domain-0"), "{means}");
        // Sudo says so before it is asked to run anything, ksu and doas when they are.
        let (_, stderr) = call("list", &format!("chkusr@lab00(-Z {means})")).ends(5);
        assert!(stderr.contains("privilege: "), "{means}: {stderr}");
        // What fails as root is a failure: the status comes back through whatever raised it.
        let (_, stderr) = call("create=f:no-kernel.conf,CONSOLE:none,PING:OFF", &allowed).ends(5);
        assert!(stderr.contains("status 3"), "{means}: {stderr}");
    }
    assert_eq!(dom0.names(), [""; 0]);
    // Starts by SUDO and KSU are those of the page.
    dom0.ctys(&["-t", "xen", "-a", "create=l:tst104,CONSOLE:none,PING:OFF", "acue@lab00(-Z DOAS)"]).ok();
    assert_eq!(dom0.names(), ["tst104"]);
    dom0.ctys(&["-t", "xen", "-a", "cancel=l:tst104,POWEROFF:0", "acue@lab00(-Z DOAS)"]).ok();
    assert_eq!(dom0.names(), [""; 0]);
    // Nothing of the user's tickets is left with root.
    assert_eq!(dom0.ssh("find /tmp -name 'krb5cc_0*'"), "");
}
