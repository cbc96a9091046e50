//! LIST, SHOW and INFO as a user sees them.

use crate::sealed::Sealed;
use serde_json::Value;

/// The caller ws2.soho and the hosts lab00 and lab01 of the seed.
fn lab() -> Sealed {
    let sealed = Sealed::new();
    sealed.host("lab00", "lab00.soho", "192.168.1.71", "00:0e:0c:35:f8:48");
    sealed.host("lab01", "lab01.soho", "192.168.1.72", "00:0e:0c:35:f8:49");
    sealed.file(".ctys/db/default/macmap.fdb", "");
    sealed
}

/// All hosts through the fake `ssh`.
fn list(sealed: &Sealed, words: &[&str]) -> String {
    sealed.ctys(&[&["--transport", "openssh"][..], words].concat()).ok()
}

#[test]
fn the_default_list_has_the_seven_columns_of_the_seed() {
    // Nothing resolves 192.168.1.70 here, so the guest column keeps the number.
    assert_eq!(
        lab().ctys(&["-a", "list=tab_tcp,ip"]).ok(),
        "TCP-container|TCP-guest   |label|sesstype|c|user|group\n\
         -------------+------------+-----+--------+-+----+-----\n\
         ws2.soho     |192.168.1.70|ws2  |PM      |S|-   |-    \n"
    );
}

#[test]
fn no_target_means_this_machine_and_no_ssh_is_run() {
    let sealed = lab();
    let here = sealed.ctys(&["-a", "list=tab_tcp,ip"]).ok();
    assert_eq!(sealed.ctys(&["-a", "list=tab_tcp,ip", "localhost"]).ok(), here);
    let user = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    let me = format!("{}@localhost", String::from_utf8(user).unwrap().trim());
    assert_eq!(sealed.ctys(&["-a", "list=tab_tcp,ip", &me]).ok(), here);
    assert_eq!(sealed.log(), "");
}

#[test]
fn tab_cport_works_out_of_the_box_with_numbers_and_blanks() {
    assert_eq!(
        list(&lab(), &["-a", "list=macro:TAB_CPORT", "localhost", "lab00"]),
        "Label     |stype   |cport|PM             |MAC               |TCP            \n\
         ----------+--------+-----+---------------+------------------+---------------\n\
         ws2       |PM      |     |ws2.soho       |00:1D:60:A5:89:06 |192.168.1.70   \n\
         lab00     |PM      |     |lab00.soho     |00:0E:0C:35:F8:48 |192.168.1.71   \n"
    );
}

#[test]
fn a_table_of_the_user_overrides_and_extends_the_shipped_ones_at_once() {
    let sealed = lab();
    sealed.file(".ctys/macros/default", "# mine\nTAB_CPORT = tab_gen:3_mine_6\nTAB_OWN = \\\n  tab_gen:macro:F_TCP\n");
    assert_eq!(sealed.ctys(&["-a", "list=macro:TAB_CPORT"]).ok(), "mine  \n------\nws2   \n");
    assert_eq!(sealed.ctys(&["-a", "list=macro:TAB_OWN"]).ok().lines().last(), Some("192.168.1.70   "));
    assert!(sealed.ctys(&["-a", "list=macro:TAB_LST_CONNPID"]).ok().starts_with("label"));
}

#[test]
fn machine_with_titleidx_is_one_title_line_and_raw_records_whose_numbers_work_in_tables() {
    let sealed = lab();
    let text = sealed.ctys(&["-a", "list=machine,titleidx"]).ok();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    let titles: Vec<&str> = lines[0].split(';').collect();
    let values: Vec<&str> = lines[1].split(';').collect();
    assert_eq!((titles.len(), values.len()), (22, 22));
    assert!(lines[0].starts_with("ContainingMachine(1);SessionType(2);Label(3);ID(4);"));
    for (place, (title, value)) in titles.iter().zip(&values).enumerate() {
        let number = place + 1;
        assert!(title.ends_with(&format!("({number})")), "{title}");
        let table = sealed.ctys(&["-a", &format!("list=tab_gen:{number}_x_30")]).ok();
        assert_eq!(table.lines().nth(2).unwrap().trim_end(), *value, "{title}");
    }
}

#[test]
fn json_has_the_reason_of_every_missing_value() {
    let json: Value = serde_json::from_str(&lab().ctys(&["-a", "list=json"]).ok()).unwrap();
    assert_eq!(json["schema"], 1);
    let record = &json["records"][0];
    assert_eq!(record["label"], "ws2");
    assert_eq!(record["node"], "ws2.soho");
    assert_eq!(record["target"], "localhost");
    assert_eq!(record["cport"], Value::Null);
    assert_eq!(record["missing"]["cport"]["why"], "not_applicable");
}

#[test]
fn several_hosts_come_in_the_order_of_the_call_under_one_header() {
    let sealed = lab();
    let text = list(&sealed, &["-a", "list=tab_gen:1_PM_12", "lab01", "localhost", "lab00"]);
    assert_eq!(text, "PM          \n------------\nlab01.soho  \nws2.soho    \nlab00.soho  \n");
}

#[test]
fn the_order_of_completion_comes_with_b_par_and_the_given_order_with_b_seq() {
    let sealed = lab();
    // lab01 answers only after the connection to lab00 has ended.
    sealed.host_tool(
        "lab01",
        "uname",
        "while [ ! -e \"$HOSTS/lab00/ended\" ]; do sleep 0.05; done; echo 'Linux lab01 6 x'",
    );
    let rows = |words: &[&str]| {
        let _ = std::fs::remove_file(sealed.folder.join("hosts/lab00/ended"));
        let text = list(&sealed, words);
        text.lines().map(|line| line.trim().to_string()).collect::<Vec<_>>()
    };
    let table = "list=terse,tab_gen:1_PM_12";
    assert_eq!(rows(&["-a", table, "-b", "sync,par", "lab01", "lab00"]), ["lab00.soho", "lab01"]);
    assert_eq!(rows(&["-a", table, "lab01", "lab00"]), ["lab01", "lab00.soho"]);
    assert_eq!(rows(&["-a", table, "-b", "sync", "lab01", "lab00"]), ["lab01", "lab00.soho"]);
    assert_eq!(rows(&["-a", table, "-b", "seq", "lab00", "lab01"]), ["lab00.soho", "lab01"]);
}

#[test]
fn one_host_that_fails_does_not_stop_the_others_and_is_named_with_its_phase() {
    let sealed = lab();
    sealed.failing_host("gone", "ssh: connect to host gone port 22: Connection refused\n");
    let words = ["--transport", "openssh", "-a", "list=terse,tab_gen:1_PM_12", "gone", "nowhere", "lab00"];
    let (stdout, stderr) = sealed.ctys(&words).ends(4);
    assert_eq!(stdout, "lab00.soho  \n");
    assert!(stderr.contains("ctys: gone: connect: "), "{stderr}");
    assert!(stderr.contains("ctys: nowhere: resolve: "), "{stderr}");
}

#[test]
fn a_target_that_fails_leaves_its_header_and_its_problem_in_json() {
    let sealed = lab();
    let (stdout, _) = sealed.ctys(&["--transport", "openssh", "-a", "list=json", "nowhere"]).ends(4);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["records"].as_array().unwrap().len(), 0);
    assert_eq!(json["problems"][0]["phase"], "resolve");
    assert_eq!(json["problems"][0]["target"], "nowhere");
}

#[test]
fn bytes_of_a_host_never_reach_the_terminal_unescaped() {
    let sealed = lab();
    sealed.host_tool("lab00", "uname", "printf 'Linux la\\033]0;x\\007b\\233\\342\\200\\256 6 x\\n'");
    sealed.host_tool(
        "lab00",
        "ip",
        "printf '\\033[2J2: e\\033[31mth0: <UP> mtu\\n    link/ether 00:11:22:33:44:55 brd x\\n    inet 1.2.3.4/8\\n'",
    );
    let formats =
        ["tab_tcp,ip", "macro:TAB_CPORT", "machine", "json", "jsonl", "csv", "tsv", "yaml", "spec", "rec", "xml"];
    for format in formats {
        let outcome = sealed.ctys(&["--transport", "openssh", "-a", &format!("list={format}"), "lab00"]);
        assert!(outcome.stdout.contains("la"), "{format}: {outcome:?}");
        for text in [outcome.stdout, outcome.stderr] {
            let raw = text.chars().find(|&c| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}');
            assert_eq!(raw, None, "{format}: {text:?}");
        }
    }
}

#[test]
fn without_dns_or_ip_nothing_is_looked_up_even_if_the_map_knows_it() {
    let sealed = lab();
    // A machine whose interface has no address, but whose MAC is in the map.
    sealed.file(".ctys/db/default/macmap.fdb", "mapped;00:0E:0C:35:F8:48;10.0.0.1;\n");
    sealed.host_tool(
        "lab00",
        "ip",
        "printf '2: eth0: <UP> mtu 1500\\n    link/ether 00:0e:0c:35:f8:48 brd ff:ff:ff:ff:ff:ff\\n'",
    );
    let row = |format: &str| list(&sealed, &["-a", &format!("list=terse,{format}"), "lab00"]);
    assert_eq!(row("tab_gen:7_TCP_12"), "            \n");
    assert_eq!(row("tab_gen:7_TCP_12,dns"), "mapped      \n");
    assert_eq!(row("tab_gen:7_TCP_12,ip"), "10.0.0.1    \n");
}

#[test]
fn show_gives_the_same_kind_of_answer_with_and_without_a_type() {
    let sealed = lab();
    let general = list(&sealed, &["-a", "show", "lab00"]);
    let typed = list(&sealed, &["-t", "pm", "-a", "show", "lab00"]);
    let shape = |text: &str| -> Vec<String> {
        let name = |line: &str| line.split(':').next().unwrap_or("").to_string();
        text.lines().map(name).filter(|name| name.starts_with("   ") && !name.starts_with("    ")).collect()
    };
    assert!(general.starts_with("#####"), "{general}");
    assert!(general.contains("Node:lab00.soho"), "{general}");
    assert_eq!(shape(&general), shape(&typed));
}

#[test]
fn info_shows_every_plugin_with_its_state_and_where_it_comes_from() {
    let text = list(&lab(), &["-a", "info", "lab00"]);
    for part in ["Node:lab00.soho", "PLUGINS", "libctys_pm.so", "Protocol", "in process"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let states = |text: &str| {
        let mut states = std::collections::BTreeMap::new();
        let mut plugin = String::new();
        for line in text.lines().skip_while(|line| !line.starts_with("   PLUGINS")).skip(1) {
            match line.trim().split_once(':') {
                None => plugin = line.trim().to_string(),
                Some((name, value)) if ["Operational State", "Reason"].contains(&name.trim_end()) => {
                    let state: &mut String = states.entry(plugin.clone()).or_default();
                    state.push_str(&format!("{value} "));
                }
                Some(_) => {}
            }
        }
        states
    };
    let all = states(&text);
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    assert_eq!(names, ["CUBE", "DIGGER", "PM", "QEMU", "VNC", "XEN"], "{text}");
    assert_eq!((&*all["PM"], &*all["DIGGER"]), ("ENABLED ", "ENABLED "), "{text}");
    assert_eq!(all["XEN"], "DISABLED xl not found ", "what cannot run there says why: {text}");
    assert!(text.contains("   Hint              :is this host running Xen?"), "and what to do about it: {text}");

    // One type: it and what it cannot do without, the machine itself; the others were not opened.
    let words = ["--transport", "openssh", "-t", "xen", "-a", "info", "lab00"];
    let (text, stderr) = lab().ctys(&words).ends(5);
    let one = states(&text);
    assert!(one["XEN"].starts_with("DISABLED") && stderr.contains("xl not found"), "{text}{stderr}");
    assert_eq!((&*one["PM"], &*one["VNC"]), ("ENABLED ", "AVAILABLE "), "{text}");
}

#[test]
fn one_target_is_listed_and_another_one_shown() {
    let sealed = lab();
    for targets in [["lab00(-a list=label)", "lab01(-a show)"], ["lab01(-a show)", "lab00(-a list=label)"]] {
        let text = list(&sealed, &targets);
        assert!(text.contains("+->lab00\n") && text.contains("Node:lab01.soho"), "{text}");
        assert!(!text.contains("lab01\n"), "what is said is no row: {text}");
    }
    let local = list(&sealed, &["-a", "show", "lab01", "lab00(-a list=label,terse)"]);
    assert!(local.contains("Node:lab01.soho") && local.lines().any(|line| line == "lab00"), "{local}");
}

#[test]
fn the_session_type_of_a_setting_is_one() {
    let sealed = Sealed::new().with("DEFAULT_C_SESSIONTYPE", "all");
    let stderr = sealed.ctys(&["-a", "create=l:x,console:none"]).fails(1);
    assert!(stderr.contains("exactly one session type") && stderr.contains("DEFAULT_C_SESSIONTYPE"), "{stderr}");
}

#[test]
fn terse_keys_are_plain_records_and_long_values_are_cut_to_their_columns() {
    let sealed = lab();
    assert_eq!(list(&sealed, &["-a", "list=label,id,terse", "lab00"]), "lab00;\n");
    let table = list(&sealed, &["-a", "list=tab_tcp:5%4%2,terse,ip", "lab00"]);
    assert!(table.starts_with("lab00|192.|la|PM "), "{table}");
    let nine = list(&sealed, &["-a", "list=tab_tcp9:6%4%3,terse,ip", "lab00"]);
    assert!(nine.starts_with("lab00.|192.|eth|lab00 "), "{nine}");
}

#[test]
fn what_info_says_is_there_for_programs_too() {
    let sealed = lab();
    let text = list(&sealed, &["-a", "info", "--output", "json", "lab00", "lab01"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
    let said = |host: &str, by: &str, line: &str| {
        let is_it = |record: &&serde_json::Value| {
            record["pm"] == host && record["session_type"] == by && record["text"].as_str().unwrap().contains(line)
        };
        document["records"].as_array().unwrap().iter().any(|record| is_it(&record))
    };
    for host in ["lab00.soho", "lab01.soho"] {
        assert!(said(host, "PM", "MEM-INFO") && said(host, "CTYS", "libctys_pm.so"), "{host}: {text}");
    }
    let text = list(&sealed, &["-a", "show", "--output", "csv", "lab00"]);
    assert!(text.starts_with("pm,session_type,text\nlab00.soho,PM,Node:lab00.soho"), "{text}");
}

#[test]
fn what_a_machine_says_begins_with_its_name_whatever_other_plugins_say() {
    let text = list(&lab(), &["-a", "info", "lab00", "lab01"]);
    let places = |what: &str| text.match_indices(what).map(|(at, _)| at).collect::<Vec<_>>();
    let (nodes, plugins) = (places("\nNode:"), places("\n   VNC\n"));
    assert!(nodes.len() == 2 && plugins.len() == 2, "{text}");
    assert!(nodes[0] < plugins[0] && plugins[0] < nodes[1] && nodes[1] < plugins[1], "{text}");
}

#[test]
fn kvm_is_qemu_and_the_plugins_of_one_call_can_be_chosen() {
    let sealed = lab();
    list(&sealed, &["-t", "kvm", "-a", "list=terse", "lab00"]);
    assert_eq!(list(&sealed, &["-T", "vnc,pm", "-a", "list=type,terse", "lab00"]), "PM\n");
    let stderr = sealed.ctys(&["-T", "vnc", "-d", "3", "-W", "2", "-a", "list"]).ends(0).1;
    for option in ["-d", "-W"] {
        assert!(stderr.contains(&format!("notice: {option} ")), "{stderr}");
    }
}

#[test]
fn groups_and_their_options_are_targets_like_any_other() {
    let sealed = lab();
    sealed.file(".ctys/groups/lab", "#include more\nlab00\n");
    sealed.file(".ctys/groups/more", "# the other one\nlab01 # and its remark\n");
    let text = list(&sealed, &["-a", "list=terse,tab_gen:1_PM_12", "lab"]);
    assert_eq!(text, "lab01.soho  \nlab00.soho  \n");
}

#[test]
fn the_user_of_l_and_of_the_target_reach_ssh_and_nothing_of_ours_runs_there() {
    let sealed = lab();
    list(&sealed, &["-a", "list=terse,machine", "-l", "tester", "lab00", "root@lab01:2222"]);
    let log = sealed.log();
    assert!(log.lines().any(|line| line.contains("-l tester") && line.contains("-- lab00")), "{log}");
    assert!(log.lines().any(|line| line.contains("-l root") && line.contains("-p 2222 -- lab01")), "{log}");
    assert!(log.lines().all(|line| line.ends_with("exec /bin/sh")), "the far side needs nothing of ours: {log}");
}
