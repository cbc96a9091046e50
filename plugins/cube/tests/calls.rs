//! Calls of the tools and actions on a made-up host, to their end: what they do, what they say, and what they leave alone.

mod host;

use ctys_plugin::model::{Action, Cancel, CancelMethod, ConsoleKind, Create, CreateMode, MachineAddress, Poll};
use host::Host;

#[test]
fn a_dry_run_of_cube_cfg_tells_of_every_change_and_makes_none() {
    let before = |host: Host| {
        host.and("web", ".cube.mount.bind", "/srv:/mnt")
            .and("web", "cube.attributes", "blue")
            .and("db", "cube.app", "x")
    };
    let (path, old) = ("/opt/container/web", "/srv:/mnt");
    for (words, want) in [
        (&["cube.dir:/tmp"][..], format!("{path}/cube.dir: /tmp\n{path}/.cube.regen.flag: config.json")),
        (&["-r", "cube.dir:/tmp"], format!("{path}/cube.dir.runonce: /tmp")),
        (&["clean"], format!("{path}/.cube.mount.bind: removed\n{path}/.cube.regen.flag: config.json")),
        (&["attribute", "+red"], format!("{path}/cube.attributes: blue red")),
        (&["link", "web:80", "db:80"], format!("{path}/cube.network.stack: 80 db:80")),
        (
            &["mount", "/a:/b"],
            format!("{path}/.cube.mount.bind:\n  {old}\n  /a:/b\n{path}/.cube.regen.flag: config.json"),
        ),
    ] {
        let mut host = before(Host::with(&["web"]));
        let files = host.files.clone();
        let told = host.tool(&[&["cube-cfg", "-n", "web", "--dryrun"], words].concat()).ok();
        assert_eq!((told, &host.files), (want, &files), "{words:?}");
        assert_eq!(host.done, [""; 0], "{words:?}");
    }
    let mut host = Host::with(&["web"]).and("web", ".cube.regen.flag", "config.json");
    let told = host.tool(&["cube-cfg", "--dryrun", "gen", "web"]).ok();
    assert!(told.starts_with(&format!("{path}/config.json:\n  {{\n")), "{told}");
    assert!(told.ends_with(&format!("}}\n{path}/.cube.regen.flag: removed")), "{told}");
    assert_eq!(host.done, [""; 0]);
}

#[test]
fn what_is_set_for_one_start_is_added_to_what_was_set_for_it_before() {
    let mut host = Host::with(&["web"]).and("web", "cube.env", "A=1");
    for word in ["cube.env:B=2", "cube.env:C=3", "-cube.env:A=1"] {
        host.tool(&["cube-cfg", "-n", "web", "-r", word]).ok();
    }
    host.tool(&["cube-cfg", "-n", "web", "-r", "mount", "/a:/b"]).ok();
    host.tool(&["cube-cfg", "-n", "web", "-r", "mount", "/c:/d"]).ok();
    assert_eq!(host.file("web", "cube.env.runonce"), Some("B=2\nC=3"));
    assert_eq!(host.file("web", ".cube.mount.bind.runonce"), Some("/a:/b\n/c:/d"));
    assert_eq!((host.file("web", "cube.env"), host.file("web", ".cube.mount.bind")), (Some("A=1"), None));
    // What holds for every start is added to what does.
    host.tool(&["cube-cfg", "-n", "web", "cube.env:D=4"]).ok();
    assert_eq!(host.file("web", "cube.env"), Some("A=1\nD=4"));
}

/// Cubes that the next boot starts.
fn tagged(names: &[&str], depends: &[(&str, &str)]) -> Host {
    let host = names.iter().fold(Host::with(names), |host, name| host.and(name, "autostart", "dom0"));
    depends.iter().fold(host, |host, (name, on)| host.and(name, "depends", on))
}

fn started(host: &Host) -> Vec<&str> {
    host.done.iter().filter_map(|step| step.strip_prefix("start ")).collect()
}

#[test]
fn a_cube_that_depends_on_one_that_is_gone_keeps_no_other_down() {
    let mut host = tagged(&["a", "far", "shop", "web"], &[("web", "db"), ("far", "a web")]);
    let complaint = host.tool(&["cube-ctl", "start", "--auto=dom0"]).fails();
    let why = "container web depends on db, which does not exist";
    let line = |name: &str| format!("[ERROR]: container {name} was not started: {why}");
    assert_eq!(complaint, [line("far"), line("web")].join("\n"));
    assert_eq!(started(&host), ["a", "shop"]);
    assert_eq!(host.tool(&["cube-ctl", "start", "web"]).fails(), format!("[ERROR]: {why}"));
    // A circle is not guessed around.
    let mut host = tagged(&["a", "b", "shop"], &[("a", "b"), ("b", "a")]);
    let complaint = host.tool(&["cube-ctl", "start", "--auto=dom0"]).fails();
    assert_eq!(complaint, "[ERROR]: containers depend on each other in a circle: a -> b -> a");
    assert_eq!(started(&host), [""; 0]);
}

#[test]
fn a_cube_is_not_started_without_what_it_depends_on() {
    let mut host =
        tagged(&["db", "far", "shop", "web"], &[("web", "db"), ("far", "web")]).failing("start db", "no luck");
    let complaint = host.tool(&["cube-ctl", "start", "--auto=dom0"]).fails();
    let want = [
        "[ERROR]: container db was not started: no luck",
        "[ERROR]: container web was not started: db, which it depends on, was not",
        "[ERROR]: container far was not started: web, which it depends on, was not",
    ];
    assert_eq!(complaint, want.join("\n"));
    assert_eq!(started(&host), ["db", "shop"]);
    // One that was at work is as good as one that was started.
    let mut host = tagged(&["db", "web"], &[("web", "db")]).runs(&["db"]);
    host.tool(&["cube-ctl", "start", "--auto=dom0"]).ok();
    assert_eq!(started(&host), ["web"]);
}

/// `gate` leads, by a device of the host; `web` runs, too.
fn led() -> Host {
    let host = Host::with(&["gate", "web"]).and("gate", "cube.attributes", "vrf netprime");
    host.and("gate", ".cube.device.network", "eth1:eth1").runs(&["gate", "web"])
}

#[test]
fn the_lead_is_not_taken_from_one_when_the_other_may_not_be_ended() {
    let mut host = led().and("web", "cube.protect", "the shop");
    let complaint = host.tool(&["cube-ctl", "netprime", "web"]).fails();
    assert!(complaint.contains("web is protected: the shop"), "{complaint}");
    assert_eq!(host.done, [""; 0]);
    // Nobody ends what does not run.
    let mut host = led().and("web", "cube.protect", "the shop");
    host.running.remove("web");
    host.tool(&["cube-ctl", "netprime", "web"]).ok();
    assert_eq!((host.file("web", "cube.attributes"), started(&host)), (Some("netprime"), vec!["web", "gate"]));
}

#[test]
fn who_led_runs_again_when_the_other_could_not_be_started() {
    for step in ["start web", "write web/cube.attributes", "delete web"] {
        let mut host = led().failing(step, "no luck");
        let complaint = host.tool(&["cube-ctl", "netprime", "web"]).fails();
        assert!(complaint.starts_with("[ERROR]: "), "{complaint}");
        assert!(host.running.contains_key("gate"), "{step}: {:?}", host.done);
    }
    let mut host = led();
    host.tool(&["cube-ctl", "netprime", "web"]).ok();
    assert_eq!(started(&host), ["web", "gate"]);
    assert_eq!(
        (host.file("gate", "cube.attributes"), host.file("web", "cube.attributes")),
        (Some("vrf"), Some("netprime"))
    );
    assert_eq!(
        (host.file("gate", ".cube.device.network"), host.file("web", ".cube.device.network")),
        (Some(""), Some("eth1:eth1"))
    );
}

#[test]
fn an_address_is_given_once() {
    let host = || {
        let host = Host::with(&["dom0", "gate", "web"]).and("gate", "cube.attributes", "netprime");
        host.and("web", "cube.network.ip", "192.168.42.20/24 10.1.1.1/16")
    };
    let taken = |address: &str, other: &str| format!("[ERROR]: {address} belongs to container {other} already");
    for (word, other) in [
        ("192.168.42.20", "web"),
        ("10.9.9.9/16 10.1.1.1/16", "web"),
        ("192.168.42.151/24", "gate"),
        ("192.168.42.1/24", "gate"),
        ("192.168.42.3/24", "dom0"),
    ] {
        let mut host = host().and("new", "cube.app", "x");
        let complaint = host.tool(&["cube-cfg", "-n", "new", &format!("cube.network.ip:{word}")]).fails();
        assert_eq!(complaint, taken(word.split(' ').next_back().unwrap(), other));
        assert_eq!(host.done, [""; 0]);
    }
    // Its own it may have, and take away.
    let mut same = host();
    same.tool(&["cube-cfg", "-n", "web", "cube.network.ip:192.168.42.20/24"]).ok();
    let mut both = host().and("old", "cube.app", "x").and("old", "cube.network.ip", "192.168.42.20/24");
    both.tool(&["cube-cfg", "-n", "old", "set", "-cube.network.ip:192.168.42.20/24"]).ok();
    let mut add = host();
    let complaint = add.tool(&["cube-ctl", "add", "-n", "new", "/srv/new.tar:net=20"]).fails();
    assert_eq!((complaint, &add.done[..]), (taken("192.168.42.20/24", "web"), &["folder".to_string()][..]));
    add.tool(&["cube-ctl", "add", "-n", "new", "/srv/new.tar:net=21"]).ok();
}

#[test]
fn one_cube_leads_and_another_takes_that_over_by_netprime_alone() {
    let mut host = Host::with(&["gate", "web"]).and("gate", "cube.attributes", "netprime");
    let complaint = host.tool(&["cube-cfg", "-n", "web", "attribute", "+netprime"]).fails();
    let want = "[ERROR]: container gate is the netprime, web cannot be it too\n[INFO]: 'cube-ctl netprime web' hands that over";
    assert_eq!((complaint.as_str(), host.done.len()), (want, 0));
    host.tool(&["cube-cfg", "-n", "gate", "attribute", "+netprime"]).ok();
    host.tool(&["cube-cfg", "-n", "gate", "attribute", "-netprime"]).ok();
    host.tool(&["cube-cfg", "-n", "web", "attribute", "+netprime"]).ok();
    assert_eq!(host.file("web", "cube.attributes"), Some("netprime"));
}

#[test]
fn a_folder_that_is_no_cube_is_neither_deleted_nor_copied() {
    for words in [&["cube-ctl", "del", "notes"][..], &["cube-ctl", "store", "notes", "b"]] {
        let mut host = Host::with(&["web"]).and("notes", "cube.dir", "/tmp");
        let complaint = host.tool(words).fails();
        assert!(complaint.starts_with("[ERROR] Container notes "), "{complaint}");
        assert_eq!(host.done, [""; 0]);
    }
}

fn labelled(name: &str) -> MachineAddress {
    MachineAddress { label: Some(name.into()), ..MachineAddress::default() }
}

fn cancel(name: &str, change: impl FnOnce(&mut Cancel)) -> Action {
    let mut cancel = Cancel { address: labelled(name), ..Cancel::default() };
    change(&mut cancel);
    Action::Cancel(Box::new(cancel))
}

fn create(change: impl FnOnce(&mut Create)) -> Action {
    let mut create = Create { address: labelled("web"), mode: Some(CreateMode::Reuse), ..Create::default() };
    change(&mut create);
    Action::Create(Box::new(create))
}

/// The cube `web` has ended, and somebody has a container of that id.
fn shadowed() -> Host {
    let mut host = Host::with(&["db", "web"]);
    host.running.insert("web".into(), "/srv/test".into());
    host
}

#[test]
fn a_container_of_another_bundle_is_not_taken_for_the_cube_with_its_id() {
    let mut host = shadowed();
    let stopped = host.tool(&["cube-ctl", "stop", "web"]).findings();
    let left = "[WARNING]: the container web of /srv/test is no cube, and was left alone";
    assert_eq!((stopped.exit, &stopped.stderr[..]), (None, &[left.to_string()][..]));
    assert_eq!(host.call(cancel("web", |_| {})).problem(), "web is no cube, and was left alone");
    assert!(host.tool(&["cube-ctl", "list"]).ok().contains("web   runc  available"));
    assert!(host.tool(&["cube-ctl", "pause", "web"]).fails().contains("web is not running"));
    assert!(host.tool(&["cube-ctl", "web:ls"]).fails().contains("web is not running"));
    let used = "container web was not started: its id is in use by the container of /srv/test";
    assert_eq!(host.tool(&["cube-ctl", "start", "web"]).fails(), format!("[ERROR]: {used}"));
    assert_eq!(host.tool(&["cube-ctl", "start", "-f", "web"]).fails(), format!("[ERROR]: {used}"));
    assert_eq!(host.tool(&["cube-ctl", "netprime", "web"]).fails(), format!("[ERROR]: {used}"));
    assert_eq!(host.call(create(|_| {})).problem(), used);
    assert_eq!(host.done, [""; 0]);
    // FORCE means it, but nobody could start it again.
    let again = host.call(cancel("web", |cancel| (cancel.force, cancel.method) = (true, Some(CancelMethod::Reboot))));
    assert_eq!(again.problem(), "nothing was done: web is no cube, and could not be started again");
    assert_eq!(host.done, [""; 0]);
    host.call(cancel("web", |cancel| cancel.force = true)).findings();
    assert_eq!((&host.done[..], host.running.len()), (&["delete web".to_string()][..], 0));
    // Its folder is nobody's but the cube's.
    let mut host = shadowed();
    host.tool(&["cube-ctl", "del", "web"]).ok();
    assert_eq!((&host.done[..], host.running.len()), (&["remove web".to_string()][..], 1));
}

#[test]
fn what_is_run_in_a_cube_is_run_as_whom_and_where_the_call_says() {
    let passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:nobody:/:/bin/false\nhalf:x:7\n";
    let host = || Host::with(&["web"]).runs(&["web"]).printing("accounts web", passwd);
    let with = |user: &'static str| {
        move |create: &mut Create| (create.console, create.user) = (Some(ConsoleKind::Cli), Some(user.to_string()))
    };
    for (user, ids) in [("nobody", "65534:65533"), ("65534", "65534:65533"), ("1000:50", "1000:50"), ("root", "0:0")] {
        let command = host().call(create(with(user))).console().command.unwrap();
        let words: Vec<_> = command.args.iter().map(|word| word.to_text().into_owned()).collect();
        assert_eq!((command.program.as_str(), words.join(" ")), ("runc", format!("exec -t --user {ids} web sh")));
    }
    for (user, why) in [
        ("mallory", "there is no account mallory in web"),
        ("half", "there is no account half in web"),
        ("1000", "there is no account 1000 in web"),
        ("nobody:tty", "USER:nobody:tty was not used in web: a group is named by numbers alone"),
        ("nobody%secret", "USER of a container has no credential"),
        ("", "USER: is no account"),
    ] {
        assert_eq!(host().call(create(with(user))).problem(), why);
    }
    let mut mute = host().failing("accounts web", "exec: cat: not found");
    let why = mute.call(create(with("nobody"))).problem();
    assert!(why.starts_with("USER:nobody was not found in web: "), "{why}");
    let command = host().call(create(|create| {
        with("nobody")(create);
        (create.chdir, create.cmd) = (Some("/tmp".into()), vec!["ls".into(), "-l".into()]);
    }));
    let command = command.console().command.unwrap();
    let words: Vec<_> = command.args[3..].iter().map(|word| word.to_text().into_owned()).collect();
    assert_eq!(words, ["", "runc", "--user", "65534:65533", "--cwd", "/tmp", "web", "ls", "-l"]);
}

#[test]
fn what_create_cannot_honour_is_refused_before_anything_is_started() {
    type Change = fn(&mut Create);
    let all: [(Change, &str); 14] = [
        (|create| create.call_opts = vec!["-x".into()], "CALLOPTS means nothing to a container"),
        (|create| create.x_opts = vec!["-x".into()], "XOPTS means nothing to a container"),
        (|create| create.vnc_desk_ids = vec!["1".into()], "VNCDESKIDLIST means nothing to a container"),
        (|create| create.stub_mode = true, "STUBMODE means nothing to a container"),
        (|create| create.inst_mode = Some(Vec::new()), "INSTMODE means nothing to a container"),
        (|create| create.mode = Some(CreateMode::Resume(None)), "RESUME means nothing to a container"),
        (|create| create.ping = Some(Poll::On), "PING means nothing to a container"),
        (|create| create.ssh_ping = Some(Poll::On), "SSHPING means nothing to a container"),
        (|create| create.wait_server = Some(3), "WAITS means nothing to a container"),
        (|create| create.cmd = vec!["ls".into()], "CMD is for what is run in a container, and nothing is"),
        (|create| create.user = Some("nobody".into()), "USER is for what is run in a container, and nothing is"),
        (|create| create.chdir = Some("/tmp".into()), "CHDIR is for what is run in a container, and nothing is"),
        (
            |create| (create.console, create.shell) = (Some(ConsoleKind::None), Some("bash".into())),
            "SHELL is for what is run in a container, and nothing is",
        ),
        (
            |create| (create.console, create.chdir) = (Some(ConsoleKind::Cli), Some("tmp".into())),
            "CHDIR:tmp is no absolute path",
        ),
    ];
    for (change, why) in all {
        let mut host = Host::with(&["web"]);
        assert_eq!(host.call(create(change)).problem(), why);
        assert_eq!(host.done, [""; 0], "{why}");
    }
}

#[test]
fn what_a_start_has_to_complain_of_is_said_before_its_console_opens() {
    let host = || {
        let host =
            Host::with(&["web"]).and("web", ".cube.regen.flag", "config.json").and("web", "cube.console.mgr", "tty");
        host.and("web", "cube.network.stack", "80 db:80")
            .failing("stack web", "no nft")
            .printing("read config web", r#"{"process":{}}"#)
    };
    let late =
        "container web starts without the settings changed last: 'cube-cfg gen web' and another start apply them";
    let links = "the links of container web were not made: nft ended with status 1: no nft";
    let console = host().call(create(|create| create.console = Some(ConsoleKind::Cli))).console();
    assert_eq!(console.says, Some(format!("{late}\n{links}")));
    let attached = host().tool(&["cube-ctl", "start", "-a", "web"]).console();
    let key = "Press Control-\\ to exit the console handler:";
    assert_eq!(attached.says, Some(format!("[WARNING]: {late}\n[ERROR]: {links}\n{key}")));
    // Without a console it is told at the end, as it was. What failed stands first.
    assert_eq!(host().call(create(|_| {})).problem(), links);
}

#[test]
fn a_device_that_would_be_read_by_nothing_is_refused_and_one_that_waits_is_remarked() {
    let cfg = |host: &mut Host, text: &str| host.tool(&["cube-cfg", "-n", "web", "device", text]);
    for (text, why) in [
        ("blacklist:/dev/sda", "devices are denied unless they are on the whitelist"),
        ("network-virt:a:b", "the link of a container is made by its settings, cube.network.*"),
        ("network-overlay:a:b", "the link of a container is made by its settings, cube.network.*"),
        ("whitelist:/dev/vd*", "each device is named by itself, patterns are not known"),
        ("whitelist:sda", "devices are looked for below /dev"),
        ("network:eth 1:eth1", "no device can have that name"),
    ] {
        let mut host = Host::with(&["web"]);
        assert_eq!(cfg(&mut host, text).fails(), format!("[ERROR]: {text} would have no effect: {why}"));
        assert_eq!(host.done, [""; 0]);
        // What is there already can be seen and taken away.
        cfg(&mut host, &format!("-{text}")).ok();
    }
    let mut host = Host::with(&["web"]);
    cfg(&mut host, "whitelist:/dev/fuse").ok();
    let told = cfg(&mut host, "network:en+:eth0").findings();
    let want = [
        "[WARNING]: en+ keeps its name in container web, eth0 is not used",
        "[WARNING]: container web gets en+ only as the netprime, 'cube-ctl netprime web' makes it that",
    ];
    assert_eq!((told.exit, &told.stderr[..]), (None, &want.map(String::from)[..]));
    let mut prime = Host::with(&["web"]).and("web", "cube.attributes", "netprime");
    cfg(&mut prime, "network:en+:en+").ok();
    assert_eq!(prime.file("web", ".cube.device.network"), Some("en+:en+"));
}

#[test]
fn what_is_set_for_one_start_holds_for_its_network_and_its_terminal_too() {
    let mut host = Host::with(&["web"]);
    let cfg = |host: &mut Host, word: &str| host.tool(&["cube-cfg", "-n", "web", "-r", word]);
    for word in ["cube.network.type:static", "cube.network.ip:192.168.42.20/24", "cube.console.mgr:tty"] {
        cfg(&mut host, word).ok();
    }
    for (address, has_keeper) in [("192.168.42.20/24", true), ("192.168.42.150/24", false)] {
        host.done.clear();
        host.tool(&["cube-ctl", "start", "web"]).ok();
        assert!(host.words["start web"].iter().any(|word| word == address), "{:?}", host.words["start web"]);
        assert_eq!(host.done.iter().any(|step| step == "keeper web"), has_keeper, "{:?}", host.done);
        assert!(host.file("web", "config.json").unwrap().contains(&format!("\"terminal\": {has_keeper}")));
        host.tool(&["cube-ctl", "stop", "web"]).ok();
    }
    for key in ["autostart", "depends"] {
        assert_eq!(
            cfg(&mut host, &format!("{key}:x")).fails(),
            format!("[ERROR]: '{key}' cannot be set for one start")
        );
    }
}
