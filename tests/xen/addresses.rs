//! Which machine an address means, where names and files are as odd as they get.

use crate::dom0::Dom0;

#[test]
fn a_machine_with_copies_is_named_with_all_of_them_and_nothing_is_started() {
    let dom0 = Dom0::with(&[]);
    // A label that two files have, a fragment that two paths have, an address that two files have.
    for address in
        ["l:tst100", "f:tst100.conf", "t:192.168.1.220", "u:6842caf91e3e43249ed596b8b9f2c5c2", "m:00:50:56:13:11:40"]
    {
        let (_, stderr) = dom0.xen(&format!("create={address},b:/srv/copies,CONSOLE:none")).ends(11);
        for copy in ["/srv/copies/xen/tst100/tst100.conf", "/srv/copies/chkusr/xen/tst-ctys/tst100/tst100.conf"] {
            assert!(stderr.contains(copy), "{address}: {stderr}");
        }
    }
    assert_eq!(dom0.names(), [""; 0]);
    // One more part of the address, or the path itself, makes it one.
    dom0.xen("create=l:tst100,f:chkusr,b:/srv/copies,CONSOLE:none,PING:OFF").ok();
    assert_eq!(dom0.names(), ["tst100"]);
    // What runs is meant exactly, however many files there are.
    dom0.xen("cancel=l:tst100,b:/srv/copies,POWEROFF:0").ok();
    assert_eq!(dom0.names(), [""; 0]);
}

#[test]
fn two_domains_of_one_uuid_are_told_apart_or_left_alone() {
    let dom0 = Dom0::with(&["tst104"]);
    dom0.ssh("xl create -q xen/tst-ctys/tst104/tst104.conf 'name=\"copy\"'");
    for address in ["u:6842caf91e3e43249ed596b8b9f2c5c4", "m:00:50:56:13:11:44", "f:tst104/tst104.conf"] {
        let (_, stderr) = dom0.xen(&format!("cancel={address},POWEROFF:0")).ends(11);
        assert!(stderr.contains("tst104 (") && stderr.contains("copy ("), "{address}: {stderr}");
    }
    assert_eq!(dom0.names(), ["copy", "tst104"]);
    dom0.xen("cancel=l:copy,POWEROFF:0").ok();
    assert_eq!(dom0.names(), ["tst104"]);
}

#[test]
fn cancel_without_a_match_touches_nothing() {
    let dom0 = Dom0::with(&["tst100"]);
    let before = dom0.id("tst100");
    for address in [
        // A part of a label is no label, and a machine that does not run is none to cancel.
        "l:nosuch",
        "l:tst10",
        "l:TST100",
        "l:tst104",
        "l:Domain-0",
        "u:00000000000000000000000000000000",
        "p:/nowhere/x.conf",
        "f:nowhere",
        "m:00:50:56:13:11:99",
        "t:192.168.1.99",
        // Both parts must hold.
        "l:tst100,m:00:50:56:13:11:41",
        "l:tst100,u:6842caf91e3e43249ed596b8b9f2c5c3",
    ] {
        let (_, stderr) = dom0.xen(&format!("cancel={address},FORCE,POWEROFF:0")).ends(5);
        assert!(stderr.contains("ctys: lab00: "), "{address}: {stderr}");
    }
    assert_eq!((dom0.names(), dom0.id("tst100")), (vec!["tst100".to_string()], before));
}

#[test]
fn what_runs_is_not_started_again_and_what_does_not_run_is_not_connected_to() {
    let dom0 = Dom0::with(&["tst100"]);
    let (_, stderr) = dom0.xen("create=l:tst101,CONSOLE:none,connect").ends(5);
    assert!(stderr.contains("tst101"), "{stderr}");
    assert_eq!(dom0.names(), ["tst100"], "connect started something");
    let before = dom0.id("tst100");
    let (_, stderr) = dom0.xen("create=l:tst100,CONSOLE:none").ends(5);
    assert!(stderr.contains("tst100") && stderr.contains("REUSE"), "{stderr}");
    // By whatever address, it is the machine that runs. The page's own addresses are tried in seed/create.rs.
    for (address, mode) in [
        ("pname:/root/xen/tst-ctys/tst100/tst100.conf", "connect"),
        ("id:/root/xen/tst-ctys/tst100/tst100.conf", "connect"),
        ("u:6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C2", "connect"),
        ("t:192.168.1.220,b:xen", "connect"),
        ("l:tst100", "reuse"),
    ] {
        dom0.xen(&format!("create={address},CONSOLE:none,{mode}")).ok();
    }
    assert_eq!((dom0.names(), dom0.id("tst100")), (vec!["tst100".to_string()], before));
}

#[test]
fn a_path_with_blanks_and_quotes_is_started_listed_and_ended() {
    let dom0 = Dom0::with(&[]);
    let path = "/root/odd/it's a \"lab\" $HOME/odd one.conf";
    dom0.xen(&format!("create=p:{path},CONSOLE:none,PING:OFF")).ok();
    assert_eq!(dom0.names(), ["odd-one"]);
    let row = dom0.xen("list=terse,tab_gen:3_l_8%%4_id_60").ok();
    assert!(row.lines().any(|line| line.starts_with("odd-one") && line.contains(path)), "{row}");
    dom0.xen("cancel=f:odd one.conf,POWEROFF:0").ok();
    assert_eq!(dom0.names(), [""; 0]);
}

#[test]
fn a_domain_with_an_odd_name_is_listed_and_ended() {
    let dom0 = Dom0::with(&["tst104"]);
    for name in ["two  words", "5", "it's \"$HOME\" `id`;"] {
        let id = dom0.id("tst104");
        let quoted = name.replace('\'', r"'\''");
        dom0.ssh(&format!("xl rename {id} '{quoted}'"));
        let json = dom0.xen("list=json").ok();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let labels: Vec<&str> =
            json["records"].as_array().unwrap().iter().map(|r| r["label"].as_str().unwrap()).collect();
        assert_eq!(labels, ["Domain-0", name]);
        dom0.xen(&format!("cancel=l:{name},PAUSE")).ok();
        assert_eq!(dom0.ssh(&format!("xl list {id} | awk 'NR > 1 {{ print $(NF - 1) }}'")).trim(), "--p---", "{name}");
        dom0.ssh(&format!("xl unpause {id}; xl rename {id} tst104"));
    }
    dom0.ssh("xl rename tst104 'last one'");
    dom0.xen("cancel=l:last one,POWEROFF:0").ok();
    assert_eq!(dom0.names(), [""; 0]);
}

#[test]
fn a_configuration_of_another_user_needs_his_rights() {
    let dom0 = Dom0::with(&[]);
    let locked = "create=p:/home/acue/odd/locked/locked.conf,CONSOLE:none,PING:OFF";
    let call = |target: &str| dom0.ctys(&["-t", "xen", "-a", locked, target]);
    let (_, stderr) = call("acue@lab00").ends(5);
    assert!(stderr.contains("privilege: ") && stderr.contains("-Z"), "{stderr}");
    assert_eq!(dom0.names(), [""; 0]);
    call("acue@lab00(-Z SUDO)").ok();
    assert_eq!(dom0.names(), ["locked"]);
    dom0.ctys(&["-t", "xen", "-a", "cancel=l:locked,POWEROFF:0", "acue@lab00(-Z SUDO)"]).ok();
    assert_eq!(dom0.names(), [""; 0]);
    // A search leaves it out, and says so.
    let (_, stderr) = dom0.ctys(&["-t", "xen", "-a", "create=l:locked,CONSOLE:none", "acue@lab00(-Z SUDO)"]).ends(5);
    assert!(stderr.contains("may not be read") && stderr.contains("locked"), "{stderr}");
}
