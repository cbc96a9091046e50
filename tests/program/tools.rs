//! The companion tools and the inventory, as a user sees them.

use crate::sealed::{Outcome, Sealed};
use std::fs;
use std::os::unix::process::CommandExt;

const UUID: &str = "6842caf91e3e43249ed596b8b9f2c5c2";

/// Runs a companion tool: the same program by another name.
fn tool(sealed: &Sealed, name: &str, words: &[&str]) -> Outcome {
    let output = sealed.command(words).arg0(name).output().unwrap();
    Outcome::of(output, format!("{name} {}", words.join(" ")))
}

/// The caller ws2.soho, and lab00 and lab01 with two configured machines each below ~/xen.
fn lab() -> Sealed {
    let sealed = Sealed::new();
    sealed.file(".ctys/groups/none", "");
    for (host, octet) in [("lab00", 71), ("lab01", 72)] {
        sealed.host(host, &format!("{host}.soho"), &format!("192.168.1.{octet}"), &format!("00:0e:0c:35:f8:{octet}"));
        for label in ["tst100", "tst101"] {
            configure(&sealed, host, label, "");
        }
    }
    sealed
}

/// A configuration of a Xen domain in the place of the original: a folder of its own, named like the domain.
fn configure(sealed: &Sealed, host: &str, label: &str, more: &str) {
    let folder = sealed.folder.join("hosts").join(host).join("home/xen").join(label);
    fs::create_dir_all(&folder).unwrap();
    let octet = &label[label.len() - 1..];
    let text = format!(
        "#@#MAGICID-XEN\n#@#IP0 = \"192.168.1.22{octet}\"\n#@#DIST = \"CentOS\"\n{more}name = \"{label}\"\nmemory = 512\nvcpus = 1\n\
         uuid = \"6842caf9-1e3e-4324-9ed5-96b8b9f2c5c{octet}\"\nvif = [ 'mac=00:50:56:13:11:4{octet}' ]\ndisk = [ 'x' ]\n"
    );
    fs::write(folder.join(format!("{label}.conf")), text).unwrap();
}

/// Fills the inventory from these hosts, by the fake `ssh`.
fn fill(sealed: &Sealed, words: &[&str], targets: &[&str]) -> Outcome {
    let all =
        [&["--transport=openssh", "-t", "xen", "--base=xen", "--scan-all-states"], words, &["--"], targets].concat();
    tool(sealed, "ctys-vdbgen", &all)
}

fn records(sealed: &Sealed) -> String {
    fs::read_to_string(sealed.folder.join("home/.ctys/db/default/enum.fdb")).unwrap_or_default()
}

#[test]
fn an_inventory_that_stays_empty_is_remarked_with_the_reason() {
    let sealed = Sealed::new();
    sealed.host("lab00", "lab00.soho", "192.168.1.71", "00:0e:0c:35:f8:48");
    for folder in ["xen", "empty"] {
        fs::create_dir_all(sealed.folder.join("hosts/lab00/home").join(folder)).unwrap();
    }
    let on_lab00 = || tool(&sealed, "ctys-vdbgen", &["--transport=openssh", "--base=xen", "--", "lab00"]).ends(0).1;
    let stderr = on_lab00();
    assert!(stderr.contains("no configured machine was found") && stderr.contains("--base"), "{stderr}");
    assert_eq!(records(&sealed), "");
    // An empty inventory is none that could be lost, so no mode has to be said.
    configure(&sealed, "lab00", "tst100", "");
    let stderr = on_lab00();
    assert!(stderr.contains("one configured XEN machine is left out: this is no Xen host"), "{stderr}");
    assert!(stderr.contains("MATCHVSTAT:ALL") && !stderr.contains("no configured machine"), "{stderr}");
    // The same of ENUMERATE, where the answer goes to a person.
    let words = |base: &str| ["--transport=openssh", "-a", base, "lab00"].map(str::to_string);
    let enumerate = |base: &str| sealed.ctys(&words(base).each_ref().map(String::as_str)).ends(0);
    let (stdout, stderr) = enumerate("enumerate=b:empty");
    assert!(stdout.is_empty() && stderr.contains("no configured machine was found"), "{stderr}");
    let (stdout, stderr) = enumerate("enumerate=b:xen");
    assert!(stdout.is_empty() && stderr.contains("one configured XEN machine is left out"), "{stderr}");
    let (stdout, stderr) = enumerate("enumerate=b:xen,matchvstat:all");
    assert!(stdout.contains("tst100") && stderr.is_empty(), "{stdout}{stderr}");
}

/// The three records of the seed, in its own layout.
fn seed() -> (Sealed, String) {
    let sealed = Sealed::new();
    let text = format!(
        "lab00.xyz;XEN;tst100;/root/xen/tst100/tst100.conf;{UUID};00:50:56:13:11:40;192.168.1.220;;;;CentOS;Linux;5;;PM\n\
         lab00.xyz;XEN;tst100;/root/xen/tst100/tst100-inst.conf;;00:50:56:13:11:40;192.168.1.220;;;;;;;;;\n\
         lab00.xyz;XEN;tst100;/homen/chkusr/xen/tst-ctys/tst100/tst100.conf;{UUID};00:50:56:13:11:40;192.168.1.220;;;;CentOS;Linux;5;20080427002200;VM\n"
    );
    sealed.file(".ctys/db/default/enum.fdb", &format!("lab01.xyz;XEN;tst101;/x/tst101.conf;;;;;;;;;;;\n{text}"));
    (sealed, text)
}

#[test]
fn the_query_of_the_seed_prints_its_three_records_byte_for_byte() {
    let (sealed, text) = seed();
    assert_eq!(tool(&sealed, "ctys-vhost", &["-o", "machine", "-s", "-M", "all", "lab00", "XEN", "tst100"]).ok(), text);
    // The same by the first word of a call, and no word of an index is written by a sub-call.
    assert_eq!(sealed.ctys(&["vhost", "-o", "machine", "-s", "-M", "all", "lab00", "XEN", "tst100"]).ok(), text);
    assert!(!sealed.folder.join("home/.ctys/db/default/inventory.idx").exists());
}

#[test]
fn which_records_a_query_prints_and_how_it_ends() {
    let (sealed, text) = seed();
    let lines: Vec<&str> = text.lines().collect();
    let check = |words: &[&str], want: &[usize]| {
        let got = tool(&sealed, "ctys-vhost", &[&["-o", "machine"], words].concat()).ok();
        let want: String = want.iter().map(|&n| format!("{}\n", lines[n])).collect();
        assert_eq!(got, want, "{words:?}");
    };
    check(&["-M", "first", "tst100"], &[0]);
    check(&["-M", "last", "tst100"], &[2]);
    check(&["-M", "unique", "--", "-inst"], &[1]);
    check(&["-M", "usort", "tst100"], &[2, 1, 0]);
    check(&["-M", "complement", "tst101"], &[0, 1, 2]);
    check(&["tst100", "NOT", "PM"], &[1, 2]);
    check(&["F:5:^$", "lab00"], &[1]);
    check(&["R:2:3"], &[0, 1]);
    check(&["-T", "QEMU"], &[]);
    check(&["-A", "p:/root/xen/tst100/tst100.conf"], &[0]);
    check(&["-A", UUID], &[0, 2]);
    let joined = format!("{}\n{}", "tst100;XEN;lab00.xyz", "tst100;XEN;lab00.xyz\n".repeat(2));
    assert_eq!(tool(&sealed, "ctys-vhost", &["-X", "-o", "tab_gen:3_l_9%%2_t_9%%1_pm_20", "tst100"]).ok(), joined);
    // No match prints nothing, not even a heading.
    assert_eq!(tool(&sealed, "ctys-vhost", &["nobody"]).ok(), "");
    assert_eq!(
        tool(&sealed, "ctys-vhost", &["-o", "titleidx,label,pm,tcp", "tst100"]).ok(),
        format!("ContainingMachine(1);Label(3);TCP(7)\n{}", "lab00.xyz;tst100;192.168.1.220\n".repeat(3))
    );
    // A second interface of a machine is no second machine; the same label elsewhere is one.
    let line = text.lines().next().unwrap();
    let second = line.replace("00:50:56:13:11:40;192.168.1.220", "00:50:56:13:11:49;10.0.0.9");
    sealed.file("two/enum.fdb", &format!("{line}\n{second}\n"));
    let two = sealed.folder.join("home/two").display().to_string();
    let unique = |words: &[&str]| tool(&sealed, "ctys-vhost", &[&["-p", &two, "-M", "unique"], words].concat());
    assert_eq!(unique(&["-o", "label,mac", "tst100"]).ok(), "tst100;00:50:56:13:11:40\ntst100;00:50:56:13:11:49\n");
    sealed.file("two/enum.fdb", &format!("{line}\n{}\n", second.replace("lab00", "lab07")));
    assert!(unique(&["tst100"]).fails(11).contains("lab07.xyz[l:tst100"));
    assert_eq!(unique(&["-o", "label", "-T", "pm"]).ok(), "");
    let stderr = tool(&sealed, "ctys-vhost", &["-M", "unique", "tst100", "a b|tst"]).fails(11);
    assert!(stderr.contains("tst100-inst.conf") && stderr.contains("-M all tst100 'a b|tst'"), "{stderr}");
    let ends = |words: &[&str], code: i32, part: &str| {
        let stderr = tool(&sealed, "ctys-vhost", words).fails(code);
        assert!(stderr.contains(part), "{words:?}: {stderr}");
    };
    ends(&["["], 1, "no regular expression");
    ends(&["-Q"], 1, "-Q is not known");
    ends(&["-o", "nonsense"], 1, "no suboption nonsense");
    ends(&["-M", "some"], 1, "FIRST");
    ends(&["-p", "/nonexistent"], 1, "/nonexistent");
    ends(&["-T", "xne"], 1, "the session type xne is not known");
    ends(&["-T", "xne"], 1, "did you mean XEN?");
    ends(&["-C", "macmap"], 10, "macmap.fdb");
    fs::remove_file(sealed.folder.join("home/.ctys/db/default/enum.fdb")).unwrap();
    ends(&["x"], 8, "ctys-vdbgen");
    fs::remove_dir_all(sealed.folder.join("home/.ctys")).unwrap();
    ends(&["x"], 7, "does not exist");
}

#[test]
fn one_call_fills_the_inventory_and_silent_hosts_keep_what_they_had() {
    let sealed = lab();
    fill(&sealed, &[], &["lab00", "lab01"]).ok();
    let first = records(&sealed);
    assert_eq!(first.lines().count(), 4, "{first}");
    assert!(first.starts_with("lab00.soho;XEN;tst100;/"), "{first}");
    assert!(first.lines().all(|line| line.matches(';').count() == 46), "{first}");
    let stderr = fill(&sealed, &[], &["lab00"]).fails(1);
    assert!(stderr.contains("--append"), "{stderr}");
    // lab00 is silent, lab01 has another machine; both stay known, one of them with its age.
    fs::write(sealed.folder.join("hosts/lab00/fails"), "ssh: connect to host lab00 port 22: Connection refused\n")
        .unwrap();
    configure(&sealed, "lab01", "tst104", "");
    let stderr = fill(&sealed, &["--replace", "--progress"], &["lab00", "lab01"]).fails(4);
    assert!(stderr.contains("lab00: 0 records, not complete") && stderr.contains("2 kept from before"), "{stderr}");
    let second = records(&sealed);
    assert_eq!(second.lines().filter(|line| line.starts_with("lab00.soho")).count(), 2, "{second}");
    assert_eq!(second.lines().filter(|line| line.starts_with("lab01.soho")).count(), 3, "{second}");
    let targets = tool(&sealed, "ctys-vhost", &["-C", "listtargets"]).ok();
    let of = |host: &str| targets.lines().find(|line| line.starts_with(host)).unwrap_or_default().to_string();
    assert!(of("lab00").contains("connect") && !of("lab01").contains("connect"), "{targets}");
    let json = tool(&sealed, "ctys-vhost", &["-o", "json", "lab00", "tst100"]).ok();
    assert!(json.contains("\"target\":\"lab00\"") && json.contains("\"source\":\"cache\",\"observed\":\"20"), "{json}");
    // A new file without the silent one forgets it only when nobody asks for it.
    fill(&sealed, &["--replace"], &["lab01"]).ok();
    assert_eq!(records(&sealed).lines().count(), 3);
    assert_eq!(fill(&sealed, &["--stdio"], &["lab01"]).ok(), records(&sealed));
    // A target without a single record says why, although that is no failure: it is no Xen host.
    let words = ["--transport=openssh", "-t", "xen", "--base=xen", "--stdio", "--", "lab01"];
    let (stdout, stderr) = tool(&sealed, "ctys-vdbgen", &words).ends(0);
    assert!(stdout.is_empty() && stderr.contains("no Xen host") && stderr.contains("MATCHVSTAT:ALL"), "{stderr}");
}

#[test]
fn one_macro_gives_the_same_table_by_enumerate_and_by_vhost_and_the_users_own_work_too() {
    let sealed = lab();
    sealed.file(".ctys/macros/default", "TAB_MINE = tab_gen:macro:F_LABEL%%7_addr_14\n");
    fill(&sealed, &[], &["lab00"]).ok();
    for table in ["TAB_CPORT", "TAB_CTYS_VHOST_DEFAULT", "TAB_MINE"] {
        let action = format!("enumerate=macro:{table},b:xen,matchvstat:all");
        let asked = sealed.ctys(&["--transport", "openssh", "-t", "xen", "-a", &action, "lab00"]).ok();
        let known = tool(&sealed, "ctys-vhost", &["-o", &format!("macro:{table}"), "lab00"]).ok();
        assert_eq!(known, asked, "{table}");
        assert_eq!(known.lines().count(), 4, "{known}");
    }
    assert_eq!(tool(&sealed, "ctys-vhost", &["tst101"]).ok().lines().count(), 3);
}

#[test]
fn the_map_of_hardware_addresses_is_made_looked_up_and_joined() {
    let sealed = lab();
    // Of a pair of digits the 0 in front may be left out.
    sealed.file("short.conf", "host x { hardware ethernet 0:a:b:c:d:4; fixed-address 10.9.9.8; }\n");
    let short = sealed.folder.join("home/short.conf").display().to_string();
    assert_eq!(tool(&sealed, "ctys-extractMAClst", &[&short]).ok(), "x;00:0A:0B:0C:0D:04;10.9.9.8\n");
    sealed.file("dhcpd.conf", "host tst100 { hardware ethernet 00:50:56:13:11:40; fixed-address 10.9.9.9; }\n");
    let conf = sealed.folder.join("home/dhcpd.conf").display().to_string();
    assert_eq!(tool(&sealed, "ctys-extractMAClst", &[&conf]).ok(), "tst100;00:50:56:13:11:40;10.9.9.9\n");
    assert_eq!(tool(&sealed, "ctys-extractMAClst", &["-i", &conf]).ok(), "10.9.9.9;tst100;00:50:56:13:11:40\n");
    assert_eq!(tool(&sealed, "ctys-extractMAClst", &["-E", &conf]).ok(), "00:50:56:13:11:40 tst100\n");
    assert!(tool(&sealed, "ctys-macmap", &["x"]).fails(2).contains("ctys-extractMAClst -P"));
    let missing = sealed.folder.join("home/nosuch");
    let stderr = tool(&sealed, "ctys-extractMAClst", &["-p", missing.to_str().unwrap(), &conf]).fails(1);
    assert!(stderr.contains("nosuch of -p does not exist") && !missing.exists(), "{stderr}");
    tool(&sealed, "ctys-extractMAClst", &["-P", &conf]).ok();
    assert_eq!(tool(&sealed, "ctys-macmap", &["-m", "TST1"]).ok(), "00:50:56:13:11:40\n");
    assert_eq!(tool(&sealed, "ctys-macmap", &["10.9"]).ok(), "tst100;00:50:56:13:11:40;10.9.9.9\n");
    sealed
        .file(".ctys/db/default/enum.fdb", &format!("lab00;XEN;vm;/x/vm.conf;;00:50:56:13:11:40;{}\n", ";".repeat(40)));
    let shown = |words: &[&str]| tool(&sealed, "ctys-vhost", words).ok();
    assert_eq!(shown(&["-o", "label,tcp", "vm"]), "vm;\n");
    assert_eq!(shown(&["-o", "label,tcp", "-C", "macmap", "10.9.9.9"]), "vm;10.9.9.9\n");
    assert_eq!(shown(&["-o", "label,tcp", "-C", "macmaponly"]), "tst100;10.9.9.9\n");
    assert_eq!(shown(&["-o", "label,tcp,ip", "vm"]), "vm;10.9.9.9\n");
    assert_eq!(shown(&["-o", "label", "-A", "10.9.9.9"]), "vm\n");
}

#[test]
fn an_address_is_completed_by_the_inventory_and_ambiguity_is_an_error_that_lists_all() {
    let sealed = lab();
    fill(&sealed, &[], &["lab00", "lab01"]).ok();
    let cancel = |words: &[&str]| {
        let all =
            [&["--transport", "openssh", "-n", "-t", "xen", "-a", "cancel=l:tst100,poweroff:0"], words, &["lab00"]]
                .concat();
        sealed.ctys(&all)
    };
    // One machine there: its path is added, so the host is asked for that file alone. It is no Xen host at all.
    let (_, stderr) = cancel(&[]).ends(5);
    assert!(stderr.contains("tst100.conf, record 1,") && stderr.contains("-c off"), "{stderr}");
    for off in [&["-c", "off"][..], &["-C", "off"], &["-c", "off", "-C", "off"]] {
        let (_, stderr) = cancel(off).ends(5);
        assert!(!stderr.contains("record 1"), "{stderr}");
    }
    // A copy of it, and it is not decided by a guess.
    let copy = records(&sealed).lines().next().unwrap().replace("tst100.conf", "tst100-copy.conf");
    sealed.file(".ctys/db/default/enum.fdb", &format!("{}{copy}\n", records(&sealed)));
    let stderr = cancel(&[]).fails(11);
    assert!(stderr.contains("tst100.conf (record 1)") && stderr.contains("tst100-copy.conf (record 5)"), "{stderr}");
    let call = stderr.lines().find_map(|line| line.trim().strip_prefix("hint: ctys-vhost ")).unwrap();
    let call: Vec<&str> = call.strip_suffix(" shows them").unwrap().split(' ').collect();
    assert_eq!(call, ["-o", "machine", "-s", "-M", "all", "lab00", "XEN", "tst100"]);
    assert_eq!(tool(&sealed, "ctys-vhost", &call).ok().lines().count(), 2);
    for off in [&["-c", "off"][..], &["-C", "off"]] {
        assert_ne!(cancel(off).code, 11);
    }
    // The inventory alone: what it does not know is not looked for.
    let only = |label: &str| {
        let action = format!("cancel=l:{label},poweroff:0");
        sealed.ctys(&["--transport", "openssh", "-n", "-t", "xen", "-c", "on,only", "-a", &action, "lab00"])
    };
    let stderr = only("nobody").fails(2);
    assert!(stderr.contains("knows no machine") && stderr.contains("ONLY"), "ONLY forbids the scan: {stderr}");
    let words = ["--transport", "openssh", "-n", "-t", "xen", "-a", "cancel=dr:99,poweroff:0", "lab00"];
    let stderr = sealed.ctys(&words).fails(2);
    assert!(stderr.contains("ctys vhost -o index,label") && !stderr.contains("ONLY"), "{stderr}");
    let shown = tool(&sealed, "ctys-vhost", &["-o", "index,label", "-M", "all"]).ok();
    assert_eq!(shown.lines().count(), 5, "{shown}");
}

#[test]
fn a_local_change_asks_the_inventory_for_this_machine_alone() {
    let sealed = lab();
    let here = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let record = |pm: &str| format!("{pm};XEN;vm;/x/{pm}/vm.conf{}\n", ";".repeat(43));
    sealed.file(".ctys/db/default/enum.fdb", &[record("lab00"), record(here.trim()), record("other")].concat());
    let (_, stderr) = sealed.ctys(&["-n", "-t", "xen", "-a", "cancel=l:vm,poweroff:0"]).ends(5);
    assert!(stderr.contains(&format!("knows it as /x/{}/vm.conf, record 2,", here.trim())), "{stderr}");
}

#[test]
fn sets_of_hosts_stand_where_targets_do() {
    let sealed = lab();
    let list = |target: &str| {
        let outcome = sealed.ctys(&["--transport", "openssh", "-t", "pm", "-a", "list=terse,tab_gen:3_l_6", target]);
        outcome.ok().split_whitespace().map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(list("lab[00-01]"), ["lab00", "lab01"]);
    assert_eq!(list("lab[00-03]!lab[02-05]"), ["lab00", "lab01"]);
    sealed.file(".config/clustershell/groups.conf", "[Main]\ndefault: mine\n[mine]\nmap: echo lab01\n");
    assert_eq!(list("@all"), ["lab01"]);
    sealed.tool("ansible-inventory", "echo '{\"web\":{\"hosts\":[\"lab00\"]},\"_meta\":{\"hostvars\":{}}}'");
    assert_eq!(list("@ansible:web"), ["lab00"]);
    sealed.file(".ctys/db/default/enum.fdb", &format!("lab00;XEN;lab01;/x{}\n", ";".repeat(43)));
    assert_eq!(list("@ctys:XEN"), ["lab01"]);
    assert_eq!(tool(&sealed, "ctys-groups", &["--fold", "@ctys:*"]).ok(), "lab01\n");
    sealed.file("other/enum.fdb", &format!("lab01;XEN;lab00;/x{}\n", ";".repeat(43)));
    let other = sealed.folder.join("home/other").display().to_string();
    assert_eq!(tool(&sealed, "ctys-groups", &["-p", &other, "--fold", "@ctys:*"]).ok(), "lab00\n");
    let stderr = sealed.ctys(&["-a", "list", "@ctys:nobody"]).fails(1);
    assert!(stderr.contains("no group nobody in the source ctys"), "{stderr}");
    sealed.file(".ctys/groups/racks", "lab[00-01]\n");
    assert_eq!(list("racks"), ["lab00", "lab01"]);
    let stderr = sealed.ctys(&["-a", "list", "lab[3-1]"]).fails(1);
    assert!(stderr.contains("ends before it begins"), "{stderr}");
}

#[test]
fn groups_and_hosts_for_others() {
    let sealed = lab();
    fill(&sealed, &[], &["lab00"]).ok();
    let groups = |words: &[&str]| tool(&sealed, "ctys-groups", words).ok();
    assert_eq!(groups(&["--map", "XEN"]), "tst[100-101]\n");
    assert_eq!(groups(&["--all"]), "tst[100-101]\n");
    assert!(groups(&["--list"]).lines().any(|line| line == "lab00.soho"));
    assert!(groups(&["--reverse", "tst100"]).lines().any(|line| line == "XEN"));
    assert_eq!(groups(&["--map", "nobody"]), "");
    assert_eq!(groups(&["--fold", "lab[1-3]", "lab4"]), "lab[1-4]\n");
    assert_eq!(groups(&["--expand", "lab[1-2]!lab1"]), "lab2\n");
    sealed.file(".ctys/groups/desks", "#include labs\nws2'(-Z SUDO)' ws3 # two\n");
    sealed.file(".ctys/groups/labs", "lab00, lab01\n");
    assert_eq!(groups(&["desks"]), "lab00 lab01 ws2 ws3\n");
    assert_eq!(groups(&["-m", "1", "desks"]), "lab[00-01],ws[2-3]\n");
    assert!(groups(&[]).lines().any(|line| line.ends_with("2/1        4 desks")), "{}", groups(&[]));
    let list: serde_json::Value = serde_json::from_str(&tool(&sealed, "ctys-ansible", &["--list"]).ok()).unwrap();
    assert_eq!(list["_meta"]["hostvars"]["tst100"]["ansible_host"], "192.168.1.220");
    assert_eq!(list["XEN"]["hosts"], serde_json::json!(["tst100", "tst101"]));
    let host: serde_json::Value =
        serde_json::from_str(&tool(&sealed, "ctys-ansible", &["--host", "tst101"]).ok()).unwrap();
    assert_eq!((&host["ansible_host"], &host["ctys_dist"]), (&"192.168.1.221".into(), &"CentOS".into()));
}

#[test]
fn the_smaller_tools() {
    let sealed = lab();
    fill(&sealed, &[], &["lab00"]).ok();
    let wake = |words: &[&str]| tool(&sealed, "ctys-wakeup", words);
    assert_eq!(
        wake(&["-n", "-t", "10.0.0.255", "00-50-56-13-11-4a"]).ok(),
        "wake-on-LAN packet for 00:50:56:13:11:4A to 10.0.0.255 port 9\n"
    );
    assert!(wake(&["-n", "tst101"]).ok().contains("00:50:56:13:11:41"));
    assert!(wake(&["-n", "nobody"]).fails(1).contains("nobody"));
    assert!(wake(&["-n", "-i", "eth0", "-t", "x", "00:50:56:13:11:4a"]).fails(1).contains("exclude"));
    let macros = |words: &[&str]| tool(&sealed, "ctys-macros", words).ok();
    assert_eq!(macros(&["-N", "F_TCP"]), "F_TCP = 7_TCP_15\n");
    assert!(macros(&["-E", "TAB_CPORT"]).starts_with("TAB_CPORT = tab_gen:3_Label_10%%2_stype_8"));
    assert!(macros(&["-a"]).lines().all(|name| name.starts_with("F_")) && !macros(&["-a"]).is_empty());
    let plugins = tool(&sealed, "ctys-plugins", &["-X"]).ok();
    let row = plugins.lines().find(|line| line.contains(";XEN;")).unwrap();
    assert!(row.contains(";XEN;;") && row.split(';').count() == 7, "{plugins}");
    // INFO of a target says the same, and of this machine when no target is named.
    let there = tool(&sealed, "ctys-plugins", &["-X", "-E"]).ok();
    assert_eq!(sealed.ctys(&["-X", "-a", "info"]).ok(), there);
    assert!(there.lines().any(|line| line.contains("@ws2.soho;XEN;;") && line.contains(";DISABLED;")), "{there}");
    assert!(tool(&sealed, "ctys-plugins", &["--quick-tab"]).ok().starts_with("Hostname | "));
    let conf = tool(&sealed, "ctys-genmconf", &["-x", "PM", "-k", "ws2", "-U", UUID]).ok();
    assert!(
        conf.contains("#@#LABEL        = \"ws2\"") && conf.contains("00:1D:60:A5:89:06") && conf.contains(UUID),
        "{conf}"
    );
    let folder = sealed.folder.join("etc").display().to_string();
    tool(&sealed, "ctys-genmconf", &["-P", "--folder", &folder]).ok();
    assert!(
        tool(&sealed, "ctys-genmconf", &["-P", "-x", "vm", "--folder", &folder]).fails(2).contains("only one of both")
    );
    sealed.tool("ping", "for last; do :; done; [ \"$last\" = lab00 ]");
    let (stdout, _) = tool(&sealed, "ctys-vping", &["-m", "--ping-timeout", "60", "lab[00-01]"]).ends(4);
    assert_eq!(stdout, "lab00;up;-\nlab01;down;-\n");
    sealed.tool("host", "echo 'soho name server ws2.'; echo 'tst101.soho has address 192.168.1.221'; echo 'x.soho has address 10.0.0.1'");
    assert_eq!(
        tool(&sealed, "ctys-dnsutil", &["-C", "soho"]).ok(),
        "tst101.soho;192.168.1.221;VM\nx.soho;10.0.0.1;-\n"
    );
    assert_eq!(
        tool(&sealed, "ctys-proxy", &["-n", "6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c0", "22"]).ok(),
        "192.168.1.220 port 22\n192.168.1.220 port 22 through lab00\n"
    );
    assert_eq!(tool(&sealed, "ctys-proxy", &["--knows", "nobody"]).fails(1), "");
    assert_eq!(tool(&sealed, "ctys-proxy", &["--knows", "tst100"]).ok(), "");
    // A physical machine by its name is what ssh_config says; by its hardware address it is ours.
    let physical = format!("lab07.soho;PM;lab07;/etc/ctys.d/pm.conf;;00:0E:0C:35:F8:77;10.0.0.7{}\n", ";".repeat(40));
    sealed.file(".ctys/db/default/enum.fdb", &format!("{}{physical}", records(&sealed)));
    assert_eq!(tool(&sealed, "ctys-proxy", &["--knows", "lab07"]).fails(1), "");
    assert_eq!(tool(&sealed, "ctys-proxy", &["--knows", "00:0e:0c:35:f8:77"]).ok(), "");
    assert_eq!(tool(&sealed, "ctys-proxy", &["-n", "00:0e:0c:35:f8:77", "2222"]).ok(), "10.0.0.7 port 2222\n");
}

#[test]
fn every_tool_tells_its_options_and_its_version() {
    let sealed = Sealed::new();
    assert!(sealed.ctys(&["help", "exit"]).ok().contains("man ctys-vhost"));
    let names =
        ["vhost", "vdbgen", "macmap", "extractMAClst", "extractARPlst", "dnsutil", "genmconf", "groups", "macros"];
    for name in names.into_iter().chain(["plugins", "vping", "wakeup", "proxy", "ansible", "createConfVM"]) {
        let name = format!("ctys-{name}");
        let help = tool(&sealed, &name, &["-h"]).ok();
        assert!(help.starts_with(&format!("{name} - ")) && help.contains("--version"), "{help}");
        assert_eq!(tool(&sealed, &name, &["-X", "-V"]).ok(), env!("CARGO_PKG_VERSION"));
        assert!(tool(&sealed, &name, &["--nonsense"]).fails(1).contains("--nonsense is not known"));
    }
}

#[test]
fn options_stand_anywhere_before_two_dashes() {
    let (sealed, text) = seed();
    let run = |name: &str, words: &[&str]| tool(&sealed, name, words);
    assert_eq!(run("ctys-vhost", &["lab00", "-o", "machine", "-s", "XEN", "-M", "all", "tst100"]).ok(), text);
    assert_eq!(run("ctys-vhost", &["lab00", "-o", "machine", "--", "-inst"]).ok().lines().count(), 1);
    sealed.tool("ping", "exit 0");
    assert_eq!(run("ctys-vping", &["localhost", "-m"]).ok(), "localhost;up;-\n");
    sealed.file(".ctys/groups/desk", "ws2 ws3\n");
    assert_eq!(run("ctys-groups", &["desk", "-m", "2"]).ok(), "ws2\nws3\n");
    assert!(run("ctys-macros", &["TAB_CPORT", "-E"]).ok().starts_with("TAB_CPORT = tab_gen:3_Label_10%%2_stype_8"));
    let plugins = run("ctys-plugins", &["localhost", "-X"]).ok();
    assert!(plugins.lines().all(|line| line.split(';').count() == 7), "{plugins}");
    for name in ["ctys-vhost", "ctys-vping", "ctys-groups", "ctys-macros", "ctys-plugins", "ctys-vdbgen"] {
        let stderr = run(name, &["x", "--vresion"]).fails(1);
        assert!(stderr.contains("--vresion is not known") && stderr.contains("did you mean --version?"), "{stderr}");
    }
    // Options of a call of ctys are none behind --.
    let stderr = run("ctys-plugins", &["--", "localhost", "-X"]).fails(1);
    assert!(stderr.contains("-X stands behind --"), "{stderr}");
    for name in ["ctys-genmconf", "ctys-ansible"] {
        assert!(run(name, &["extra"]).fails(1).contains("takes no arguments"), "{name}");
    }
}

#[test]
fn without_ping_nobody_is_said_to_be_down() {
    let (sealed, _) = seed();
    // Nothing but ours is found: a ping of this machine would be asked else.
    let run = |name: &str, words: &[&str]| {
        let output = sealed.command(words).arg0(name).env("PATH", sealed.folder.join("bin")).output().unwrap();
        let stderr = Outcome::of(output, format!("{name} {}", words.join(" "))).fails(2);
        assert!(stderr.contains("ping cannot be run") && stderr.contains("iputils-ping"), "{stderr}");
    };
    run("ctys-vping", &["localhost", "lab00"]);
    run("ctys-vhost", &["-R", "ping"]);
    run("ctys-extractARPlst", &["localhost"]);
    for words in [["--ping-trials", "0"], ["--ssh-trials", "0"], ["--threads", "0"], ["--ping-timeout", "0"]] {
        let stderr = tool(&sealed, "ctys-vping", &[&words[..], &["localhost"]].concat()).fails(1);
        assert!(stderr.contains(&format!("{} must be at least 1", words[0])), "{stderr}");
    }
    let stderr = tool(&sealed, "ctys-vdbgen", &["--stdio", "--threads", "0", "--", "lab00"]).fails(1);
    assert!(stderr.contains("--threads must be at least 1"), "{stderr}");
}

#[test]
fn parts_of_calls_for_vhost_are_macros_of_its_call() {
    let (sealed, text) = seed();
    sealed.file(
        ".ctys/macros/default",
        "mine = -o label,pm NOT -inst\nwhere = lab00 tst100\nvtable = -o {macro:TAB_CPORT} -M first\n",
    );
    sealed.file(".ctys/macros/other", "raw = -o machine\n");
    let vhost = |words: &[&str]| tool(&sealed, "ctys-vhost", words);
    let shipped = fs::read_to_string(crate::sealed::repository().join("macros/default")).unwrap();
    let names =
        shipped.lines().filter_map(|line| Some(line.split_once(" = ")?.0.trim())).filter(|n| n.starts_with('v'));
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 15 && names.contains(&"vconn") && names.contains(&"vhosthyper"), "{names:?}");
    for name in names {
        let table = vhost(&[&format!("macro:{name}"), "tst100"]).ok();
        assert!(table.lines().count() >= 4 && table.contains("tst100"), "{name}: {table}");
        assert_eq!(vhost(&["tst100", &format!("{{macro:{name}}}")]).ok(), table, "{name}");
        for before in ["-o", "--output"] {
            assert_eq!(vhost(&[before, &format!("macro:{name}"), "tst100"]).ok(), table, "{before} {name}");
        }
        for front in ["--output=", "-o"] {
            assert_eq!(vhost(&[&format!("{front}macro:{name}"), "tst100"]).ok(), table, "{front} {name}");
        }
    }
    assert_eq!(vhost(&["macro:raw%other", "macro:where", "macro:nothing%optional"]).ok(), text);
    assert_eq!(vhost(&["macro:vtable", "tst100"]).ok().lines().count(), 3);
    let stderr = vhost(&["macro:vhyperr", "tst100"]).fails(1);
    assert!(
        stderr.contains("the macro vhyperr is not defined") && stderr.contains("ctys-vhost macro:vhyperr"),
        "{stderr}"
    );
    assert!(stderr.contains("did you mean vhyper?"), "{stderr}");
    // Behind -- it is a pattern.
    assert_eq!(vhost(&["--", "macro:vconn"]).ok(), "");
}

#[test]
fn groups_come_to_what_they_are_in_a_call() {
    let (sealed, _) = seed();
    sealed.file(".ctys/groups/desk/q", "#include in2\nCONTEXT'(-t xen)'\nroot@b1'(-Z SUDO)' b2:2222 # two\n");
    sealed.file(".ctys/groups/desk/in2", "b3 b3\n");
    sealed.file(".ctys/groups/in2", "b9\n");
    sealed.file(".ctys/groups/in2~", "old\n");
    let groups = |words: &[&str]| tool(&sealed, "ctys-groups", words);
    assert_eq!(groups(&["desk/q"]).ok(), "b3 root@b1 b2:2222\n");
    assert_eq!(
        groups(&["desk/q", "-m", "5"]).ok(),
        "ctys -a list 'b3(-t XEN)'\nctys -a list 'root@b1(-t XEN -Z SUDO)'\nctys -a list 'b2:2222(-t XEN)'\n"
    );
    let explained = sealed.ctys(&["--explain", "-a", "list", "desk/q"]).ends(0).0;
    assert!(explained.contains("b3 'root@b1(-Z SUDO)' b2:2222"), "{explained}");
    let list = groups(&[]).ok();
    assert!(list.lines().any(|line| line.ends_with("2/1        3 desk/q")), "{list}");
    assert!(!list.contains('~'), "{list}");
    assert!(groups(&["desk/q", "-m", "4"]).fails(1).contains("-m 4 is none of 1, 2, 3, 5"));
    assert!(groups(&["nobody"]).fails(1).contains("there is no group nobody"));
    sealed.file(".ctys/groups/round", "#include round\n");
    let stderr = groups(&["round"]).fails(1);
    assert!(stderr.contains("includes itself") && stderr.contains("(group round, line 1)"), "{stderr}");
    sealed.tool("ansible-inventory", "echo '{\"web\":{\"hosts\":[\"lab00\"]},\"_meta\":{\"hostvars\":{}}}'");
    assert!(groups(&["-A", "/nosuch", "web"]).fails(1).contains("/nosuch of -A does not exist"));
    assert_eq!(groups(&["-A", "lab00,", "web"]).ok(), "lab00\n");
    assert_eq!(groups(&["web", "-A"]).ok(), groups(&["--ansible", "web"]).ok());
    sealed.tool("ping", "for last; do :; done; [ \"$last\" != b1 ]");
    let (stdout, _) = tool(&sealed, "ctys-vping", &["desk/q", "-m"]).ends(4);
    assert_eq!(stdout, "b3;up;-\nb1;down;-\nb2;up;-\n");
}

#[test]
fn only_who_writes_targets_wrong_is_told_how_they_are_written() {
    let sealed = lab();
    let hint = "ctys help targets tells how targets are written";
    let vdbgen = |words: &[&str]| tool(&sealed, "ctys-vdbgen", words).fails(1);
    let stderr = vdbgen(&["--stdio", "--", "lab[3-1]"]);
    assert!(stderr.contains("ends before it begins") && stderr.contains(hint), "{stderr}");
    let stderr = vdbgen(&["--stdio", "-t", "nosuch", "--", "lab00"]);
    assert!(stderr.contains("session type nosuch") && !stderr.contains(hint), "{stderr}");
    assert!(sealed.ctys(&["help", "targets"]).ok().starts_with("A target is"));
}
