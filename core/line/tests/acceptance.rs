//! The acceptance items of ctys.md section 8 (`item_s8_*`) and ctys-original.md section 9 (`item_o9_*`) that the
//! command line decides.

mod common;

use common::*;
use ctys_line::{Escalation, Job, Special};
use ctys_model::action::{CancelMethod, ConsoleKind, CreateMode};
use ctys_model::{Action, Cancel, Create, Enumerate, List, Location};
use ctys_table::{AddressForm, Format, Presentation, Title};

fn create(job: &Job) -> &Create {
    match &job.action {
        Action::Create(create) => create,
        other => panic!("{other:?} is not CREATE"),
    }
}

fn cancel(job: &Job) -> &Cancel {
    match &job.action {
        Action::Cancel(cancel) => cancel,
        other => panic!("{other:?} is not CANCEL"),
    }
}

fn list(job: &Job) -> &List {
    match &job.action {
        Action::List(list) => list,
        other => panic!("{other:?} is not LIST"),
    }
}

fn enumerate(job: &Job) -> &Enumerate {
    match &job.action {
        Action::Enumerate(enumerate) => enumerate,
        other => panic!("{other:?} is not ENUMERATE"),
    }
}

fn look(line: &str) -> Presentation {
    right(line).presentation.expect("a collector has a look")
}

/// Both calls mean the same.
#[track_caller]
fn same(one: &str, other: &str) {
    let (one, other) = (right(one), right(other));
    assert_eq!(one.jobs, other.jobs);
    assert_eq!((one.presentation, one.control), (other.presentation, other.control));
}

/// The call is refused, and the first mistake says this.
#[track_caller]
fn refused(line: &str, message: &str) {
    let mistakes = wrong(line);
    assert!(mistakes.iter().any(|mistake| mistake.message.contains(message)), "ctys {line}\n{}", show(&mistakes));
}

#[test]
fn item_s8_01_keywords_in_any_case_values_in_theirs() {
    same("-t xen -a create=l:tst100,connect lab00", "-t XEN -a CREATE=L:tst100,CONNECT lab00");
    same("-t xen -a create=l:x,CONSOLE:cli lab00", "-t Xen -a create=label:x,console:CLI lab00");
    same("-t xen -a cancel=l:x,poweroff:0,FORCE lab00", "-t xen -a cancel=l:x,PowerOff:0,force lab00");
    same("-a list -b off,PAR -L cf lab00", "-a LIST -b OFF,par -L CF lab00");
    let job = job("-t xen -a create=l:Tst100,b:/Home/X lab00");
    assert_eq!(create(&job).address.label.as_deref(), Some("Tst100"));
    assert_eq!(create(&job).address.base, ["/Home/X"]);
}

#[test]
fn item_s8_02_a_context_reaches_only_its_target() {
    for line in ["-a list lab00'(-Z KSU)' lab01", "-a list -- lab00'(-Z KSU)' lab01", "-a list lab00 '(-Z KSU)' lab01"]
    {
        let privileges: Vec<_> = jobs(line).into_iter().map(|job| job.options.privilege).collect();
        assert_eq!(privileges, [vec![Escalation::Ksu], vec![]], "{line}");
    }
}

#[test]
fn item_s8_03_the_order_of_suboptions_does_not_matter() {
    let parts = ["f:a/b.conf", "CONSOLE:cli", "connect", "c:-x%-y"];
    let usual = jobs(&format!("-t xen -a create={} lab00", parts.join(",")));
    for order in [[3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]] {
        let line = format!("-t xen -a create={} lab00", order.map(|n| parts[n]).join(","));
        assert_eq!(jobs(&line), usual, "{line}");
    }
    same("-t xen -a cancel=poweroff:0,p:/x lab00", "-t xen -a cancel=p:/x,POWEROFF:0 lab00");
}

#[test]
fn item_s8_04_local_options_may_stand_between_action_and_target() {
    same("-t xen -L CF -a create=l:x,CONSOLE:vnc lab00", "-t xen -a create=l:x,CONSOLE:vnc -L CF lab00");
    same("-z 2 -b 0,2 -a list lab00", "-a list -z 2 -b 0,2 lab00");
    same("-c off -C off -a list lab01", "-a list -c off -C off lab01");
    same("-a list -c off lab00 lab01", "lab00 -a list lab01 -c off");
}

#[test]
fn item_s8_05_two_jobs_on_one_host_with_actions_of_their_own() {
    let call = right("-t xen -- '(-Z KSU)' lab00'( -a create=l:a )' lab00'(-a create=l:b )'");
    assert_eq!(hosts(&call.jobs), ["lab00", "lab00"]);
    let labels: Vec<_> = call.jobs.iter().map(|job| create(job).address.label.clone().unwrap()).collect();
    assert_eq!(labels, ["a", "b"]);
    assert!(call.jobs.iter().all(|job| job.options.privilege == [Escalation::Ksu] && job.types == ["XEN"]));
    assert!(!call.header);
}

#[test]
fn item_s8_06_the_last_z_of_a_target_replaces_the_common_one() {
    let jobs = jobs("-a list -- '(-Z KSU)' lab00 lab01'(-Z SUDO)' lab02'(-Z NOKSU)' lab03'(-Z ALL,NOSUDO)'");
    let found: Vec<_> = jobs.into_iter().map(|job| job.options.privilege).collect();
    use Escalation::{Doas, Ksu, Sudo};
    assert_eq!(found, [vec![Ksu], vec![Sudo], vec![], vec![Ksu, Doas]]);
}

#[test]
fn item_s8_07_nothing_leaks_from_one_target_to_the_next() {
    for hosts in ["lab00'(-Z KSU -L SO -d 3)' lab00'(-Z SUDO)'", "lab00'(-Z KSU -L SO -d 3)' lab01'(-Z SUDO)'"] {
        let jobs = jobs(&format!("-a list -- {hosts}"));
        assert_eq!(jobs[0].options.privilege, [Escalation::Ksu]);
        assert_eq!(jobs[1].options.privilege, [Escalation::Sudo]);
        assert_eq!((jobs[1].options.location, jobs[1].options.debug.as_deref()), (Location::DisplayForwarding, None));
    }
    // ctys.md 1.4: the example of the manual.
    let call = right("-a list -d 6 -- '(-d 3)' host01 host02'(-d 1)' host03'(-d 0)'");
    let found: Vec<_> = call.jobs.iter().map(|job| job.options.debug.clone().unwrap()).collect();
    assert_eq!(found, ["3", "1", "0"]);
    assert_eq!(call.call.debug.as_deref(), Some("6"));
    assert_eq!(job("-a list -d 6 host01").options.debug, None);
}

#[test]
fn item_s8_08_a_hardware_address_survives_its_colons() {
    let job = job("-t xen -a create=m:00:50:56:13:11:4a,connect lab00");
    assert_eq!(create(&job).address.mac.as_deref(), Some("00:50:56:13:11:4A"));
    assert_eq!(create(&job).mode, Some(CreateMode::Connect));
}

#[test]
fn item_s8_09_paths_are_absolute() {
    let job = job("-t xen -a create=p:/homen/acue/xen/x.conf lab00");
    assert_eq!(create(&job).address.id.as_deref(), Some("/homen/acue/xen/x.conf"));
    for key in ["p", "i", "ID", "pname", "PathName"] {
        let mistakes = wrong(&format!("-t xen -a create={key}:xen/x.conf lab00"));
        assert_eq!(mistakes.len(), 1, "{}", show(&mistakes));
        assert!(mistakes[0].to_string().contains("f:xen/x.conf"), "{}", mistakes[0]);
    }
}

#[test]
fn item_s8_10_a_macro_ends_at_the_comma() {
    let call = right("-a enumerate=macro:TAB_CPORT,b:xen%/etc/ctys.d localhost lab00");
    for job in &call.jobs {
        assert_eq!(enumerate(job).base, ["xen", "/etc/ctys.d"]);
    }
    let Some(Presentation { format: Format::TabGen(columns), .. }) = call.presentation else { panic!("no table") };
    let titles: Vec<_> = columns.iter().map(|column| column.title.as_str()).collect();
    assert_eq!(titles, ["Label", "stype", "cport", "PM", "MAC", "TCP"]);
}

#[test]
fn item_s8_13_a_text_console_gets_its_terminal() {
    same("-t xen -a create=l:x,CONSOLE:CLI lab00", "-t xen -a create=l:x,CONSOLE:CLI -z 2 lab00");
    let forced = right("-t xen -a create=l:x,CONSOLE:CLI lab00");
    assert!(!forced.control.detach && forced.control.sequential && !forced.control.explicit);
    assert_eq!(forced.jobs[0].options.pty, Some(2));
    let nopty = right("-t xen -a create=l:x,CONSOLE:CLI -z NOPTY lab00");
    assert_eq!(nopty.jobs[0].options.pty, Some(0));
    assert!(!nopty.control.detach && nopty.control.sequential);
}

#[test]
fn item_s8_20_forwarding_the_display_is_the_default() {
    same("-t xen -a create=l:x,CONSOLE:vnc lab00", "-t xen -a create=l:x,CONSOLE:vnc -L DF lab00");
}

#[test]
fn item_s8_22_text_consoles_refuse_connection_forwarding() {
    for console in ["CLI", "CLI0", "XTERM", "GTERM", "EMACS", "EMACSM", "EMACSA", "EMACSAM"] {
        refused(&format!("-t xen -a create=l:x,CONSOLE:{console} -L CF lab00"), "cannot be opened with -L CF");
    }
    for console in ["VNC", "NONE"] {
        right(&format!("-t xen -a create=l:x,CONSOLE:{console} -L CF lab00"));
    }
}

#[test]
fn item_s8_25_the_modes_of_create_exclude_each_other() {
    let modes = ["CONNECT", "REUSE", "RECONNECT", "RESUME"];
    for first in modes {
        for second in modes.into_iter().filter(|second| *second != first) {
            refused(
                &format!("-t xen -a create=l:x,{first},{second} lab00"),
                &format!("{second} does not go with {first}"),
            );
        }
    }
}

#[test]
fn item_s8_26_forced_defaults_are_announced() {
    let notices = |line: &str| right(line).notices.into_iter().map(|notice| notice.message).collect::<Vec<_>>();
    let forced = notices("-t xen -a create=l:x,CONSOLE:cli lab00");
    assert_eq!(forced.len(), 1);
    assert!(forced[0].contains("-b 0,2 -z 2"), "{forced:?}");
    assert_eq!(notices("-t xen -a create=l:x,CONSOLE:cli -b 0,2 -z 2 lab00"), Vec::<String>::new());
    assert!(notices("-t xen -a create=l:x,CONSOLE:none -L CF lab00")[0].contains("SERVERONLY"));
}

#[test]
fn item_s8_28_cancel_needs_an_address() {
    for part in
        ["l:x", "p:/x", "i:/x", "f:x", "u:6842caf91e3e43249ed596b8b9f2c5c2", "m:00:50:56:13:11:40", "t:x", "ALL"]
    {
        right(&format!("-t xen -a cancel={part} lab00"));
    }
    for action in ["cancel", "cancel=poweroff:0", "cancel=b:/x", "create=connect", "create"] {
        refused(&format!("-t xen -a {action} lab00"), "does not say which XEN is meant");
    }
    // The physical machine is the target itself.
    assert!(cancel(&job("-t pm -a cancel=poweroff:0,self lab00")).with_self);
    refused("-t xen -a cancel=ALL,l:x lab00", "ALL does not go with");
}

#[test]
fn item_s8_37_init_needs_a_level() {
    for level in 0..=6 {
        let job = job(&format!("-t xen -a cancel=l:x,FORCE,INIT:{level} lab00"));
        assert_eq!(cancel(&job).method, Some(CancelMethod::Init(level)));
    }
    refused("-t xen -a cancel=l:x,INIT lab00", "INIT has no argument");
    refused("-t xen -a cancel=l:x,INIT:7 lab00", "7 is not a run level");
    refused("-t xen -a cancel=l:x,INIT:x lab00", "x is not a run level");
}

#[test]
fn item_s8_38_one_method_at_most() {
    let methods = ["RESET", "REBOOT", "INIT:3", "PAUSE", "S3", "SUSPEND", "S4", "POWEROFF", "S5:3"];
    let canonical = |word: &str| match word.split(':').next().unwrap() {
        "S3" => "PAUSE".to_string(),
        "S4" => "SUSPEND".to_string(),
        "S5" => "POWEROFF".to_string(),
        word => word.to_string(),
    };
    for first in methods {
        for second in methods.into_iter().filter(|second| canonical(second) != canonical(first)) {
            let message = format!("{} does not go with {}", canonical(second), canonical(first));
            refused(&format!("-t xen -a cancel=l:x,{first},{second} lab00"), &message);
        }
    }
    for method in ["SUSPEND", "RESET", "POWEROFF:3"] {
        refused(&format!("-t xen -a cancel=l:x,CLIENT,{method} lab00"), "does not go with CLIENT");
    }
    refused("-t xen -a cancel=l:x,CLIENT,BOTH lab00", "BOTH does not go with CLIENT");
}

#[test]
fn item_s8_39_no_target_is_this_machine() {
    let job = job("-a list");
    assert!(job.target.local);
    assert_eq!(job.target.to_string(), "localhost");
    let call = right("-a list localhost lab00");
    assert_eq!(hosts(&call.jobs), ["localhost", "lab00"]);
    assert!(call.header);
}

#[test]
fn item_s8_48_machine_shows_every_field_with_its_number() {
    let look = look("-t xen -a list=machine,titleidx lab00");
    assert_eq!((look.format, look.title, look.terse, look.fields.len()), (Format::Raw, Title::Index, true, 22));
}

#[test]
fn item_s8_51_addresses_are_resolved_only_when_asked() {
    assert_eq!(look("-a list=macro:TAB_CPORT lab00").address, None);
    assert_eq!(look("-a list=macro:TAB_CPORT,dns lab00").address, Some(AddressForm::Dns));
    assert_eq!(look("-a list=ip lab00").address, Some(AddressForm::Ip));
}

#[test]
fn item_s8_56_macros_of_the_user_override_and_extend() {
    let texts =
        Texts::default().with_macros("default", "TAB_CPORT = tab_gen:9_port_5\nMINE = tab_gen:macro:F_LABEL%%9_p_4\n");
    for (name, titles) in [("TAB_CPORT", vec!["port"]), ("MINE", vec!["label", "p"]), ("TAB_HYPER", vec![])] {
        let action = if name == "TAB_HYPER" { "enumerate" } else { "list" };
        let look = right_with(&texts, &format!("-a {action}=macro:{name} lab00")).presentation.unwrap();
        let Format::TabGen(columns) = look.format else { panic!("{name} is no table") };
        let found: Vec<_> = columns.iter().map(|column| column.title.as_str()).collect();
        assert!(titles.is_empty() || found == titles, "{name}: {found:?}");
    }
}

#[test]
fn item_o9_18_case_of_keys_and_values() {
    same("-a list=LABEL,Id,terse lab00", "-a List=label,ID,Terse lab00");
    let create_job = job("-t qemu -a create=l:X,bootmode:iso%/Boot/X.iso lab00");
    let boot = create(&create_job).boot_mode.clone().unwrap();
    assert_eq!((boot.mode.as_str(), boot.image.as_deref()), ("ISO", Some("/Boot/X.iso")));
    refused("-a list=macro:tab_cport lab00", "the macro tab_cport is not defined");
}

#[test]
fn item_o9_19_ways_to_write_a_context() {
    let usual = jobs("-a list lab00'(-Z KSU)'");
    for words in [
        vec!["-a", "list", "lab00\"(-Z KSU)\""],
        vec!["-a", "list", "'lab00(-Z KSU)'"],
        vec!["-a", "list", "lab00'( -Z", "KSU )'"],
    ] {
        let found = ctys_line::parse(&words, &ctys_line::World::new("acue", &Texts::default())).unwrap();
        assert_eq!(found.jobs, usual, "{words:?}");
    }
    let jobs = jobs("-a list -- '(-Z KSU -L SO)' host1'(-L CO)' host2'(-Z SUDO)'");
    assert_eq!(
        (jobs[0].options.privilege.clone(), jobs[0].options.location),
        (vec![Escalation::Ksu], Location::ClientOnly)
    );
    assert_eq!(
        (jobs[1].options.privilege.clone(), jobs[1].options.location),
        (vec![Escalation::Sudo], Location::ServerOnly)
    );
    same("-a list lab00'(-Z KSU)''(-L SO)'", "-a list lab00'(-Z KSU -L SO)'");
}

#[test]
fn item_o9_20_one_host_named_twice_is_two_jobs() {
    assert_eq!(hosts(&jobs("-a list lab00 lab00")), ["lab00", "lab00"]);
}

#[test]
fn item_o9_21_actions_in_contexts_need_none_outside() {
    let call = right("-t xen -- lab00'( -a create=l:a )' lab01'( -a list )'");
    assert_eq!(create(&call.jobs[0]).address.label.as_deref(), Some("a"));
    assert_eq!(list(&call.jobs[1]).side, None);
    assert!(!call.header);
    assert_eq!(call.jobs[1].types, ["XEN"]);
}

#[test]
fn item_o9_22_a_text_console_is_in_the_foreground() {
    for line in [
        "-t xen -a create=l:x,CONSOLE:CLI lab00",
        "-t cli -a create=l:x lab00",
        "-- lab00'(-t xen -a create=l:x,CONSOLE:cli)'",
    ] {
        let call = right(line);
        assert!(!call.control.detach && call.control.sequential, "{line}");
        assert_eq!(call.jobs[0].options.pty, Some(2), "{line}");
    }
    let window = right("-t xen -a create=l:x,CONSOLE:XTERM lab00");
    assert!(window.control.detach && !window.control.sequential);
    assert_eq!(window.jobs[0].options.pty, None);
}

#[test]
fn item_o9_23_none_has_no_client() {
    let job = job("-t xen -a create=l:x,CONSOLE:none lab00");
    assert_eq!((job.options.location, create(&job).console), (Location::ServerOnly, Some(ConsoleKind::None)));
    refused("-t xen -a create=l:x,CONSOLE:none -L CO lab00", "has no client");
}

#[test]
fn item_o9_37_terse_version_only_with_x_to_the_left() {
    for (line, terse) in [("-X -V", true), ("-XV", true), ("-V -X", false), ("-V", false), ("--version", false)] {
        assert_eq!(right(line).special, Some(Special::Version { terse }), "{line}");
    }
}

#[test]
fn item_o9_40_numbers_of_columns_belong_to_the_action() {
    let fields = |line: &str| match &job(line).action {
        Action::List(list) => list.fields.clone().unwrap(),
        Action::Enumerate(enumerate) => enumerate.fields.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    let has = |line: &str, key: &str| fields(line).iter().any(|field| field.key() == key);
    assert!(has("-a list=tab_gen:11_x_5 lab00", "pid") && !has("-a list=tab_gen:11_x_5 lab00", "vnc_base"));
    assert!(has("-a enumerate=tab_gen:11_x_5 lab00", "vnc_base") && !has("-a enumerate=tab_gen:11_x_5 lab00", "pid"));
}

#[test]
fn item_o9_41_a_column_may_be_repeated() {
    let Format::TabGen(columns) = look("-a list=tab_gen:3_a_5%%3_b_6 lab00").format else { panic!("no table") };
    assert_eq!(columns.iter().map(|column| column.index).collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn item_o9_43_keys_without_terse_are_a_listing() {
    assert_eq!(look("-a list=label,id lab00").format, Format::Listing);
    let terse = look("-a list=label,id,terse lab00");
    assert_eq!((terse.format, terse.fields.len()), (Format::Raw, 2));
}

#[test]
fn item_o9_44_separators_are_escaped_by_doubling() {
    let job = job("-t cli -a create=l:a,,b,cmd:printf%100%%%x::y,c:a\\,b lab00");
    assert_eq!(create(&job).address.label.as_deref(), Some("a,b"));
    assert_eq!(create(&job).cmd, ["printf", "100%", "x:y"]);
    assert_eq!(create(&job).call_opts, ["a,b"]);
}

#[test]
fn item_o9_45_l_is_for_targets_without_an_account() {
    assert_eq!(
        hosts(&jobs("-a list -l root lab00 acue@lab01 lab02'(-l admin)'")),
        ["root@lab00", "acue@lab01", "admin@lab02"]
    );
    let jobs = jobs("-a list -l root localhost acue@localhost");
    assert_eq!(jobs.iter().map(|job| job.target.local).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn item_o9_46_options_of_a_group_file_then_those_of_the_call() {
    let texts = Texts::default()
        .with_group("lab", "#include more\nCONTEXT'(-Z KSU -L SO)'\nlab00 lab01'(-Z SUDO)'\n")
        .with_group("more", "lab02'(-L CO)'\n");
    let options = |line: &str| -> Vec<_> {
        let jobs = right_with(&texts, line).jobs;
        jobs.into_iter().map(|job| (job.target.host, job.options.privilege, job.options.location)).collect()
    };
    use Escalation::{Doas, Ksu, Sudo};
    use Location::{ClientOnly, ServerOnly};
    let expected = [("lab02", Ksu, ClientOnly), ("lab00", Ksu, ServerOnly), ("lab01", Sudo, ServerOnly)];
    assert_eq!(options("-a list lab"), expected.map(|(host, way, place)| (host.to_string(), vec![way], place)));
    // What stands behind the group's name wins.
    assert!(options("-a list lab'(-Z DOAS)'").iter().all(|(_, ways, _)| *ways == [Doas]));
    let chain: Vec<(String, String)> = (0..14).map(|n| (format!("g{n}"), format!("#include g{}\n", n + 1))).collect();
    let deep = chain
        .iter()
        .fold(Texts::default().with_group("g14", "lab00\n"), |texts, (name, text)| texts.with_group(name, text));
    assert_eq!(hosts(&right_with(&deep, "-a list g0").jobs), ["lab00"]);
}

#[test]
fn item_o9_55_the_standard_table_alone_shows_no_guest() {
    assert_eq!(look("-a list=tab_tcp lab00").address, None);
    let usual = look("-a list lab00");
    assert_eq!((usual.format, usual.address), (Format::TabTcp(vec![]), Some(AddressForm::Dns)));
}
