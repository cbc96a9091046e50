//! Targets, contexts, groups, blocks, macros and every option: what they mean when they are right.

mod common;

use common::*;
use ctys_line::{CachePlace, CallOptions, JobOptions, NameCache, Special};
use ctys_model::action::{BootMode, Poll};
use ctys_model::manifest::{ArgumentDecl, Category, SuboptionDecl, VerbDecl};
use ctys_model::{Action, Create, Location, Manifest, Scope, Verb};
use ctys_table::Format;
use std::time::Duration;

fn targets(line: &str) -> Vec<(String, Option<u16>, bool)> {
    jobs(line).into_iter().map(|job| (job.target.host, job.target.port, job.target.local)).collect()
}

#[track_caller]
fn create(line: &str) -> Create {
    match job(line).action {
        Action::Create(create) => *create,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_set_of_hosts_is_one_target_for_each() {
    let hosts = |line: &str| jobs(line).into_iter().map(|job| job.target.to_string()).collect::<Vec<_>>();
    assert_eq!(hosts("-a list 'root@set[1-3]' lab00"), ["root@set1", "root@set2", "root@set3", "lab00"]);
    let contexts = jobs("-a list \"root@set[1-3]'(-Z SUDO)'\"");
    assert!(contexts.len() == 3 && contexts.iter().all(|job| !job.options.privilege.is_empty()));
    let mistakes = show(&wrong("-a list '@wrong'"));
    assert!(mistakes.contains("@wrong is no set of hosts: there is no group wrong"), "{mistakes}");
    assert!(!mistakes.contains("without @"), "{mistakes}");
    let ours = Texts::default().with_group("wrong", "lab00");
    let mistakes = show(&wrong_with(&ours, "-a list '@wrong'"));
    assert!(mistakes.contains("wrong is a file of the groups path: it is written without @"), "{mistakes}");
}

#[test]
fn targets_have_accounts_and_ports() {
    for (word, host, port) in [
        ("lab00", "lab00", None),
        ("lab00:2222", "lab00", Some(2222)),
        ("acue@lab00.soho:22", "lab00.soho", Some(22)),
        ("[::1]", "::1", None),
        ("[::1]:2222", "::1", Some(2222)),
        ("root@[fe80::1%eth0]:22", "fe80::1%eth0", Some(22)),
        ("fe80::1", "fe80::1", None),
        ("192.168.1.71:22", "192.168.1.71", Some(22)),
    ] {
        assert_eq!(targets(&format!("-a list {word}")), [(host.to_string(), port, false)], "{word}");
    }
    assert_eq!(
        targets("-a list localhost localhost:22 acue@localhost ws2"),
        [
            ("localhost".into(), None, true),
            ("localhost".into(), Some(22), false),
            ("localhost".into(), None, true),
            ("ws2".into(), None, false),
        ]
    );
    assert_eq!(hosts(&jobs("-a list 'lab00 lab01,lab02'")), ["lab00", "lab01", "lab02"]);
}

#[test]
fn local_options_are_the_base_of_every_target() {
    let call = right("-t xen -Z SUDO -z 1 -A 1 -r 800x600 -T xen,pm -a list lab00 lab01'(-z 2)'");
    for (job, pty) in call.jobs.iter().zip([1, 2]) {
        let expected = JobOptions {
            ambiguous: true,
            privilege: vec![ctys_line::Escalation::Sudo],
            pty: Some(pty),
            resolution: Some((800, 600)),
            load: vec!["XEN".into(), "PM".into()],
            ..Default::default()
        };
        assert_eq!(job.options, expected);
    }
}

#[test]
fn every_option_of_the_call() {
    let line = "-n -X -vv -q -y -p /a,/b -d 6 --window 8 --connect-timeout 5 --silence-timeout 500ms --total-timeout 2m \
                --transport ssh2 --record a --replay b -a list";
    let expected = CallOptions {
        plan: true,
        terse: true,
        verbose: 2,
        quiet: true,
        color: Some(true),
        db_paths: vec!["/a".into(), "/b".into()],
        debug: Some("6".into()),
        window: Some(8),
        connect_timeout: Some(Duration::from_secs(5)),
        silence_timeout: Some(Duration::from_millis(500)),
        total_timeout: Some(Duration::from_secs(120)),
        transport: Some("ssh2".into()),
        record: Some("a".into()),
        replay: Some("b".into()),
        ..Default::default()
    };
    assert_eq!(right(line).call, expected);
    for (line, color) in [("-y --color never -a list", Some(false)), ("-y --color=auto -a list", None)] {
        assert_eq!(right(line).call.color, color, "{line}");
    }
    assert!(right("--dry-run -a list").call.plan);
}

#[test]
fn every_option_of_a_target() {
    let options = |line: &str| job(&format!("-a list lab00'({line})'")).options;
    let some = |text: &str| Some(text.to_string());
    assert_eq!(options("-D :1").display, some(":1"));
    assert_eq!(options("-W 3").workspace, some("3"));
    assert_eq!(options("-x star").resolver, some("STAR"));
    assert_eq!(options("-k REUSE:2").stack_reuse, Some(2));
    assert_eq!(options("-S on,1,3").signals, some("on,1,3"));
    assert_eq!(options("-M hello").prefix, some("hello"));
    assert_eq!(job("-a list lab00\"(-M 'two words')\"").options.prefix, some("two words"));
    assert_eq!(options("-O -x%-y").server_options, ["-x", "-y"]);
    assert_eq!(options("-s USRLST=a,b").scope, Scope::Users(vec!["a".into(), "b".into()]));
    assert_eq!(options("-s grplst=ALL").scope, Scope::All);
    assert_eq!(options("-L so").location, Location::ServerOnly);
    assert!(options("-f").force && options("-Y").forward_agent);
    assert_eq!(options("-c ON,LOCAL,ONLY").name_cache, NameCache { place: CachePlace::Local, only: true });
    assert_eq!(options("-C on,only,lifetime:5,fin:a").data_cache.len(), 4);
    assert_eq!(options("-z PTY,PTY").pty, Some(2));
    assert_eq!(options("-d 32,S:2,W:1").debug, some("32,S:2,W:1"));
}

#[test]
fn geometries() {
    for text in
        ["800x600", "800x600+5+7", "800x600-5-7", "+5+7", ":A30", "800x600:1:layout:/etc/X11/xorg.conf", "800x600+-5+7"]
    {
        assert_eq!(job(&format!("-a list -g {text} lab00")).options.geometry.as_deref(), Some(text));
    }
    for text in ["800", "800x", "800x600+5", "axb", "800x600+5+7+9"] {
        assert!(wrong(&format!("-a list -g {text} lab00"))[0].message.contains("is not a geometry"), "{text}");
    }
}

#[test]
fn job_control() {
    for (line, detach, sequential, explicit) in [
        ("-a list lab00", false, false, false),
        ("-a list -b seq lab00", false, true, true),
        ("-a list -b 1 lab00", true, false, true),
        ("-t xen -a create=l:x lab00", true, false, false),
        ("-t xen -a cancel=l:x lab00", true, false, false),
        ("-t xen -a cancel=l:x -b 0,2 lab00", false, true, true),
        ("-t xen -a cancel=l:x -b par,sync lab00", false, false, true),
        ("-t xen -a cancel=l:x -b stack -b async,par lab00", false, true, true),
        ("-t xen -a isactive=/x lab00", false, false, false),
        ("-t xen lab00'(-a create=l:x)' lab01'(-a list)'", false, false, false),
    ] {
        let control = right(line).control;
        assert_eq!((control.detach, control.sequential, control.explicit), (detach, sequential, explicit), "{line}");
    }
    assert!(!wrong("-a list -b 0,1 lab00").is_empty());
    assert!(!wrong("-a list -b 0,2,3 lab00").is_empty());
}

#[test]
fn types_and_their_defaults() {
    assert_eq!(job("-a list").types, Vec::<String>::new());
    assert_eq!(job("-t all -a list").types, Vec::<String>::new());
    assert_eq!(job("-t xen,vnc -a list").types, ["XEN", "VNC"]);
    assert_eq!(job("-a create=l:x").types, ["VNC"]);
    assert!(wrong("-t all -a create=l:x")[0].message.contains("exactly one session type"));
    assert!(wrong("-t xen,vnc -a cancel=l:x")[0].message.contains("exactly one session type"));
}

/// Whether a member runs on the one below it is only judged where the words of the call tell.
#[test]
fn a_layer_of_a_stack_that_may_run_on_the_one_below() {
    for (below, host) in [
        ("l:vm0", "vm0"),
        ("l:vm0", "root@VM0.soho:2222"),
        ("l:vm0.soho", "vm0.soho"),
        ("l:vm0", "192.168.1.220"),
        ("l:vm0,t:192.168.1.220", "guest"),
        ("u:6842caf91e3e43249ed596b8b9f2c5c2", "guest"),
        ("f:vm0.conf", "guest"),
        ("l:vm0,stackcheck:nocontext", "guest"),
    ] {
        let off = if below.contains("stackcheck") { ",stackcheck:off" } else { "" };
        right(&format!("-t xen VMSTACK{{'lab00(-a create={below})' '{host}(-a create=l:vm1{off})'}}"));
    }
}

#[test]
fn blocks_of_targets() {
    for keyword in ["SUBTASK", "subgroup"] {
        let jobs = jobs(&format!("-a list {keyword}'(-L SO)'{{a 'b(-L CO)'}}'(-z 1)' c"));
        let found: Vec<_> =
            jobs.iter().map(|job| (job.target.host.as_str(), job.options.location, job.options.pty)).collect();
        let expected = [
            ("a", Location::ServerOnly, Some(1)),
            ("b", Location::ClientOnly, Some(1)),
            ("c", Location::DisplayForwarding, None),
        ];
        assert_eq!(found, expected);
        assert!(jobs.iter().all(|job| job.stack.is_none()));
    }
    let stacks = "VMSTACK{'pm0(-t pm -a create=wol)' 'a(-a create=l:B)' b.soho} VMSTACK{ 'c(-a create=l:d)' 'd(-b async,par)' } e";
    let call = right(&format!("-b async,par --window 9 -t xen -a create=l:x,CONSOLE:none {stacks}"));
    let stacks: Vec<_> = call.jobs.iter().map(|job| job.stack).collect();
    assert_eq!(stacks, [Some(0), Some(0), Some(0), Some(1), Some(1), None]);
    assert!(call.control.sequential && !call.control.detach);
    for (line, message) in [
        ("-a list VMSTACK{a b}", "a VMSTACK is for CREATE, not for LIST"),
        ("-t xen -a create=l:x,CONSOLE:vnc VMSTACK{a b}", "have no console"),
        ("-t pm -a create VMSTACK{a b}", "only be the lowest member"),
        ("-t xen -a create=l:x VMSTACK{a b}", "b is not the machine x that a below it in the VMSTACK starts"),
        ("-t xen -a create=l:b VMSTACK{a b c}", "c is not the machine b that b below it in the VMSTACK starts"),
        ("-t xen -a create=l:x,stackcheck:context VMSTACK{a b}", "b is not the machine x"),
        ("-a list VCIRCUIT{a b}", "VCIRCUIT, chains of relays, is not supported"),
        ("-a list SUBTASK{a b", "this { is not closed"),
        ("-a list SUBTASK", "SUBTASK has no members"),
        ("-a list SUBTASK{}", "SUBTASK has no members"),
        ("-a list {a b}", "a { needs a keyword before it"),
        ("-a list a }", "there is no { before this }"),
        ("-t xen -a create=l:x VMSTACK{a VMSTACK{b}}", "a VMSTACK cannot hold another one"),
    ] {
        let mistakes = wrong(line);
        assert!(mistakes.iter().any(|mistake| mistake.message.contains(message)), "{line}\n{}", show(&mistakes));
    }
}

#[test]
fn groups_are_expanded() {
    let texts = Texts::default()
        .with_group("lab", "# hosts\n\nlab00, lab01:7 root@lab02'(-Z KSU)' # the last one\n")
        .with_group("all", "lab\nextra\n#include lab\n")
        .with_group("desks/admin", "#include near,lab\n")
        .with_group("desks/near", "ws2\n")
        .with_group("lab00", "elsewhere\n");
    let find = |line: &str| hosts(&right_with(&texts, line).jobs);
    assert_eq!(find("-a list lab"), ["lab00", "lab01:7", "root@lab02"]);
    assert_eq!(find("-a list lab:22"), ["lab00:22", "lab01:7", "root@lab02:22"]);
    // Includes first; inside of a file lab is a host, although a group of that name exists.
    assert_eq!(find("-a list all"), ["lab00", "lab01:7", "root@lab02", "lab", "extra"]);
    assert_eq!(find("-a list desks/admin"), ["ws2", "lab00", "lab01:7", "root@lab02"]);
    // A group hides a host of its name in the call.
    assert_eq!(find("-a list lab00"), ["elsewhere"]);
    assert_eq!(find("-a list root@lab00"), ["root@lab00"]);
}

#[test]
fn duplicates_of_groups_are_dropped_and_those_of_the_call_are_not() {
    let texts = Texts::default().with_group("g", "a b a\n").with_group("h", "b'(-Z KSU)' c\n");
    let find = |line: &str| hosts(&right_with(&texts, line).jobs);
    assert_eq!(find("-a list g"), ["a", "b"]);
    assert_eq!(find("-a list g g"), ["a", "b"]);
    assert_eq!(find("-a list -A 1 g"), ["a", "b", "a"]);
    assert_eq!(find("-a list b g"), ["b", "a"]);
    assert_eq!(find("-a list a a"), ["a", "a"]);
    // With other options it is another job.
    assert_eq!(find("-a list g h"), ["a", "b", "b", "c"]);
    let notices = right_with(&texts, "-a list g").notices;
    assert!(notices[0].message.contains("1 target of groups"), "{notices:?}");
}

#[test]
fn macros_stand_for_any_text_but_the_command() {
    let texts = Texts::default()
        .with_macros(
            "default",
            "HOSTS = lab00 lab01'(-Z KSU)'\nZ = -Z SUDO\nLIST = -a list\nKEY = label\nLAB = lab\nFMT=json\n",
        )
        .with_macros("mine", "TAB = tab_gen:macro:COL\nCOL = 3_mine_5\n");
    let find = |line: &str| {
        let call = right_with(&texts, line);
        let jobs = call.jobs.iter().map(|job| format!("{} {}", job.target, job.options.privilege.len()));
        (jobs.collect::<Vec<_>>().join(", "), call.presentation.map(|look| look.format))
    };
    assert_eq!(find("macro:LIST macro:HOSTS").0, "lab00 0, lab01 1");
    assert_eq!(find("macro:LIST Macro:Z {macro:HOSTS}'(-L SO)' x").0, "lab00 1, lab01 1, x 1");
    assert_eq!(find("-a list={macro:KEY},terse {macro:LAB}77").0, "lab77 0");
    assert_eq!(find("-a list=macro:KEY,id lab00'(macro:Z)'").0, "lab00 1");
    assert_eq!(find("macro:LIST SUBTASK{macro:HOSTS}").0, "lab00 0, lab01 1");
    assert_eq!(find("-a list=macro:FMT%ECHO").1, Some(Format::Json));
    assert_eq!(find("-a list=macro:NOTHING%OPTIONAL,csv").1, Some(Format::Csv));
    assert_eq!(find("-a list=macro:NOTHING%nofile%OPTIONAL,csv").1, Some(Format::Csv));
    let Some(Format::TabGen(columns)) = find("-a list=macro:TAB%mine").1 else { panic!("no table") };
    assert_eq!(columns[0].title, "mine");
    // Columns by macros, joined by %% and by %.
    for line in [
        "-a list=tab_gen:macro:F_LABEL%%macro:F_STYPE%%9_cport_5",
        "-a list=tab_gen:macro:F_LABEL%macro:F_STYPE%%9_cport_5",
    ] {
        let Some(Format::TabGen(columns)) = find(line).1 else { panic!("no table") };
        assert_eq!(columns.iter().map(|column| column.index).collect::<Vec<_>>(), [3, 2, 9], "{line}");
    }
    // A table can be extended where it is used.
    let call = right_with(&texts, "-a enumerate=macro:TAB_HYPER,matchvstat:active%testdummy,sort:4 lab00");
    let Action::Enumerate(enumerate) = &call.jobs[0].action else { panic!("no ENUMERATE") };
    assert_eq!(enumerate.states, ["ACTIVE", "TESTDUMMY"]);
    assert_eq!(call.presentation.unwrap().sort.unwrap().column, Some(4));
}

#[test]
fn every_suboption_of_create() {
    let line = "-t qemu -a create=id:/a,l:x,u:6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c2,t:fe80::1,b:/a%b,dr:7,user:root%pw,\
                bootmode:kernel%/vmlinuz,instmode:cd%/x.iso%hdd%/y%init,ping:20%2,sshping:on,stackcheck:nohwcap%stackcap,waitc:1,\
                waits:2,callopts:-a%b,xopts:-c,cd:/tmp,stub:on,s:bash,cmd:uname%-a,vdil:1%2,argsadd:c%-x,kernel:/k,reuse lab00";
    let create = create(line);
    let address = &create.address;
    assert_eq!(address.uuid.as_deref(), Some("6842caf91e3e43249ed596b8b9f2c5c2"));
    assert_eq!((address.tcp.as_deref(), address.db_record, address.base.len()), (Some("fe80::1"), Some(7), 2));
    assert_eq!(create.user.as_deref(), Some("root%pw"));
    assert_eq!(create.boot_mode, Some(BootMode { mode: "KERNEL".into(), image: Some("/vmlinuz".into()) }));
    assert_eq!(create.inst_mode.unwrap().len(), 5);
    assert_eq!((create.ping, create.ssh_ping), (Some(Poll::Tries { count: 20, every: 2 }), Some(Poll::On)));
    assert_eq!(create.stack_check, ["NOHWCAP", "STACKCAP"]);
    assert_eq!((create.wait_client, create.wait_server), (Some(1), Some(2)));
    assert_eq!((create.call_opts.join(" "), create.x_opts.join(" ")), ("-a b".into(), "-c".into()));
    assert_eq!(
        (create.chdir.as_deref(), create.shell.as_deref(), create.stub_mode),
        (Some("/tmp"), Some("bash"), true)
    );
    assert_eq!((create.cmd.join(" "), create.vnc_desk_ids.join(" ")), ("uname -a".into(), "1 2".into()));
    let extra: Vec<_> = create.extra.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(extra, ["ARGSADD=c%-x", "KERNEL=/k"]);
}

#[test]
fn what_create_refuses() {
    for (action, message) in [
        ("-t xen -a create=l:x,CONSOLE:cli,CONSOLE:vnc", "more than one CONSOLE"),
        ("-t xen -a create=l:x,ping:20", "does not say how to wait"),
        ("-t xen -a create=l:x,bootmode:tape", "tape is not a boot mode"),
        ("-t qemu -a create=l:x,instmode:cd%x", "INSTMODE has 2 parts"),
        ("-t xen -a create=l:x,stackcheck:off%hwcap", "stands alone"),
        ("-t xen -a create=u:123", "123 is not a UUID"),
        ("-t xen -a create=m:00:11", "00:11 is not a hardware address"),
        ("-t xen -a create=t:a%b", "is not an address or a name"),
        ("-t xen -a create=dr:x", "x is not a record number"),
        ("-t pm -a create=wol,if:eth0,broadcast:192.168.1.255", "IF does not go with BROADCAST"),
        ("-t pm -a create=wol:x", "x is not a number of seconds"),
        ("-t vnc -a create=connect", "does not say which VNC is meant"),
        ("-t vnc -a create=id:1", "known only while it runs"),
        ("-t vnc -a create=f:x", "a session of type VNC has no FILENAME"),
        ("-t vnc -a create=l:x,bulk:21", "21 is not a number for BULK"),
        ("-t vnc -a create=l:x,bulk:3,reuse", "BULK starts new sessions"),
        ("-t cli -a create=l:x,connect", "is always new"),
        ("-t cli -a create=cmd:ls", "does not say which CLI is meant"),
        ("-t x11 -a create=l:x,t:y", "a session of type X11 has no TCP"),
        ("-t xen -a create=tst100", "CREATE has no suboption tst100"),
        ("-a list=both,client", "CLIENT does not go with BOTH"),
        ("-a list=sort:0", "0 is not a column"),
        ("-a list=sort:upwards", "upwards is not a word for SORT"),
        ("-a list=tab_tcp:1%x", "x is not a width"),
        ("-a enumerate=tab_tcp", "ENUMERATE has no TAB_TCP"),
        ("-a enumerate=matchvstat:custom", "CUSTOM names no state"),
        ("-t xen -a cancel=l:x -C only", "ONLY of -C does not go with CANCEL"),
        ("-t xen -a getclientport", "does not say which XEN is meant"),
        ("-t xen -a create=l:x --output json", "CREATE has no --output"),
    ] {
        let mistakes = wrong(&format!("{action} lab00"));
        assert_eq!(mistakes.len(), 1, "{action}\n{}", show(&mistakes));
        assert!(mistakes[0].message.contains(message), "{action}\n{}", show(&mistakes));
    }
}

#[test]
fn suboptions_of_plugins_come_from_the_manifest_where_there_is_one() {
    let suboption = |key: &str, argument| SuboptionDecl {
        key: key.into(),
        aliases: vec![format!("{key}S")],
        argument,
        help: String::new(),
    };
    let manifest = Manifest {
        name: "moon".into(),
        session_types: vec!["MOON".into()],
        category: Category::Vms,
        verbs: vec![VerbDecl {
            verb: Verb::Create,
            suboptions: vec![
                suboption("PHASE", ArgumentDecl::Number { min: 1, max: 4 }),
                suboption("SIDE", ArgumentDecl::OneOf(vec!["near".into(), "far".into()])),
                suboption("DARK", ArgumentDecl::None),
            ],
        }],
        ..Default::default()
    };
    let texts = Texts::default();
    let manifests = [manifest];
    let world = ctys_line::World { manifests: &manifests, ..ctys_line::World::new("acue", &texts) };
    let call = |action: &str| ctys_line::parse(&["-t", "moon", "-a", action, "lab00"], &world);
    let Action::Create(create) = &call("create=l:x,phase:3,sides:FAR,dark").unwrap().jobs[0].action else { panic!() };
    let extra: Vec<_> = create.extra.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(extra, ["DARK=", "PHASE=3", "SIDE=far"]);
    for (action, message) in [
        ("create=l:x,phase:5", "5 is not a number for PHASE"),
        ("create=l:x,side:left", "left is not a word for SIDE"),
        ("create=l:x,dark:1", "DARK takes no argument"),
        ("create=l:x,phas:1", "CREATE has no suboption phas"),
        ("create=p:x", "x is not an absolute path"),
        ("cancel=l:x", "the session type MOON has no CANCEL"),
    ] {
        let mistakes = call(action).expect_err(action);
        assert!(mistakes.len() == 1 && mistakes[0].message.contains(message), "{action}\n{}", show(&mistakes));
    }
}

#[test]
fn formats_and_fields_of_lists() {
    let look = |words: &str| right(&format!("-a list={words} lab00")).presentation.unwrap();
    for (words, format) in [
        ("json", Format::Json),
        ("csv,label", Format::Csv),
        ("tab_tcp:5%%%%7", Format::TabTcp(vec![Some(5), None, Some(7)])),
        ("machine,tab_tcp", Format::TabTcp(vec![])),
        ("machine", Format::Raw),
        ("maxkey", Format::Raw),
        ("sort:1", Format::TabTcp(vec![])),
        ("client", Format::TabTcp(vec![])),
        ("spec", Format::Spec(vec![])),
        ("macro:TAB_CPORT,yaml", Format::Yaml),
    ] {
        assert_eq!(look(words).format, format, "{words}");
    }
    assert_eq!(look("maxkey").fields.len(), 6);
    assert_eq!(look("all,none,label").fields.len(), 1);
    assert_eq!(right("-a list --output json lab00").presentation.unwrap().format, Format::Json);
    assert_eq!(right("-a enumerate --output tsv lab00").presentation.unwrap().format, Format::Tsv);
    let list = |words: &str| match job(&format!("-a list={words} lab00")).action {
        Action::List(list) => list,
        other => panic!("{other:?}"),
    };
    assert_eq!(list("json").fields, None);
    for (words, per_interface) in [
        ("label", false),
        ("label,if", true),
        ("machine", false),
        ("tab_gen:16_if_5", true),
        ("tab_tcp9", true),
        ("tab_tcp", false),
    ] {
        assert_eq!(list(words).per_interface, per_interface, "{words}");
    }
    assert_eq!(list("user:acue,label").user.as_deref(), Some("acue"));
    // The widths and the address form of a user's default hold until something else is said.
    let texts = Texts::default();
    let world = ctys_line::World { default_list: "both,tab_tcp9,ip", ..ctys_line::World::new("acue", &texts) };
    let call = ctys_line::parse(&["-a", "list=dns,sort:2"], &world).unwrap();
    let look = call.presentation.unwrap();
    assert_eq!((look.format, look.address), (Format::TabTcp9(vec![]), Some(ctys_table::AddressForm::Dns)));
}

#[test]
fn settings_stand_in_for_what_a_call_leaves_out_and_their_mistakes_are_told() {
    let texts = Texts::default();
    let world = ctys_line::World { default_base: "/vms%xen", ..ctys_line::World::new("acue", &texts) };
    let base = |word: &str| match &ctys_line::parse(&["-a", word], &world).unwrap().jobs[0].action {
        Action::Enumerate(enumerate) => enumerate.base.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(base("enumerate"), ["/vms", "xen"]);
    assert_eq!(base("enumerate=b:qemu"), ["qemu"]);
    for (world, name) in [
        (ctys_line::World { default_base: "/vms%", ..world.clone() }, "DEFAULT_ENUM_BASE"),
        (ctys_line::World { max_recursion: "many", ..world.clone() }, "CTYS_MAXRECURSE"),
        (ctys_line::World { max_recursion: "-1", ..world.clone() }, "CTYS_MAXRECURSE"),
    ] {
        let mistakes = ctys_line::parse(&["-a", "enumerate"], &world).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].to_string().contains(name), "{mistakes:?}");
    }
}

#[test]
fn help_and_version_are_given_whatever_else_is_wrong() {
    assert_eq!(right("-Q -h lab00(").special, Some(Special::Help));
    assert_eq!(right("-H create").special, Some(Special::Manual("create".into())));
    assert_eq!(right("--help -V").special, Some(Special::Help));
}

#[test]
fn every_shipped_macro_that_is_a_call_is_right() {
    let mut calls = 0;
    for (file, text) in ctys_table::macros::SHIPPED {
        let book = ctys_table::Book::parse(file, text).unwrap();
        for name in book.names().filter(|name| book.get(name).unwrap().starts_with("-a")) {
            right(&format!("macro:{name}%{file} lab00"));
            calls += 1;
        }
    }
    assert!(calls > 20, "only {calls} calls are shipped");
}
