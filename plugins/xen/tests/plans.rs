//! The verbs that only look, as text: what each wants and what it reports. One file per case in `plans/`.

mod world;

use ctys_plugin::model::field::Known;
use ctys_plugin::model::*;
use ctys_plugin::testing::{failed, output};
use world::*;

fn fields(fields: &[Known]) -> Option<std::collections::BTreeSet<Field>> {
    Some(fields.iter().map(|&field| field.into()).collect())
}

#[test]
fn plans_of_list() {
    let all = || Action::List(List::default());
    let only = |known: &[Known]| Action::List(List { fields: fields(known), ..List::default() });
    let label = || only(&[Known::Label, Known::State]);
    let each = || {
        Action::List(List { per_interface: true, fields: fields(&[Known::Mac, Known::Interface]), ..List::default() })
    };
    let side = |side| Action::List(List { side: Some(side), fields: fields(&[Known::Label]), ..List::default() });
    let states = || {
        lab00().with_list(&[
            (1, "tst100", "-b----", UUID),
            (2, "two words", "--p---", "6842caf9-1e3e-4324-9ed5-96b8b9f2c5d0"),
            (3, "crashed", "---sc-", "6842caf9-1e3e-4324-9ed5-96b8b9f2c5d1"),
            (4, "(null)", "--p--d", "6842caf9-1e3e-4324-9ed5-96b8b9f2c5d2"),
            (5, "\x1b[2J", "------", "6842caf9-1e3e-4324-9ed5-96b8b9f2c5d3"),
        ])
    };
    let cards = || World { long: long(&[(1, "hvm", &["00:50:56:13:11:40", "00:50:56:13:11:50"])]), ..running() };
    let not_dom0 = || World {
        list: failed(
            1,
            "xencall: error: Could not obtain handle on privileged command interface: No such file or \
                         directory\nlibxl: error: cannot open libxc handle: No such file or directory\n",
        ),
        ..no_xen()
    };
    let guest =
        || World { list: failed(1, "libxl: error: getting domain info list: Operation not permitted\n"), ..no_xen() };
    // Where xl is, its service has mounted xenfs: the file is there, and empty in a guest.
    let capabilities = |text: &str| Answer::File(FileAnswer::Content { content: text.into(), cut: false });
    let by_sudo = || World { control: capabilities(""), uid: 1000, ..guest() };
    let not_mounted = || World { uid: 1000, ..guest() };
    let by_nobody = || World { control: capabilities(""), ..forbidden() };
    let wrapper = || World { list: failed(1, "ERROR:  Can't find hypervisor information in sysfs!\n"), ..no_xen() };
    let refused =
        || World { list: ended(Exit::Refused("sudo: a password is required\n".into())), uid: 1000, ..lab00() };
    let two_guests = || World {
        list: recorded!("xl-4.17-list-v-two-guests"),
        long: recorded!("xl-4.17-list-l-two-guests"),
        store: recorded!("xenstore-4.17-ls-f-two-guests"),
        ..lab00()
    };
    let crashed =
        || World { list: recorded!("xl-4.17-list-v-crashed"), long: recorded!("xl-4.17-list-l-crashed"), ..lab00() };
    let odd_name = || World {
        list: recorded!("xl-4.17-list-v-name-with-lines"),
        long: recorded!("xl-4.17-list-l-name-with-lines"),
        ..lab00()
    };
    let three_cards =
        || World { list: recorded!("xl-4.17-list-v-cards"), long: recorded!("xl-4.17-list-l-cards"), ..lab00() };
    let copies = || running().with("/root/old/tst100.conf", include_str!("../captures/xl-cfg-tst100.conf"));
    check(
        "list",
        vec![
            case("list-all", all(), running()),
            case("list-default-columns", only(&[Known::Pm, Known::Label, Known::Tcp, Known::User]), running()),
            case("list-states", label(), states()),
            case("list-two-guests", all(), two_guests()),
            case("list-crashed", label(), crashed()),
            case("list-half-made", only(&[Known::Label, Known::State, Known::Mac]), half_made()),
            case("list-name-with-lines", label(), odd_name()),
            case("list-three-cards", each(), three_cards()),
            case("list-idle", label(), lab00()),
            case("list-per-interface", each(), cards()),
            case("list-last-interface", only(&[Known::Mac, Known::Accelerator]), cards()),
            case("list-id-of-copies", only(&[Known::Id]), copies()),
            case("list-id-unknown", only(&[Known::Id]), World { files: Vec::new(), ..running() }),
            case("list-side-server", side(Side::Server), running()),
            case("list-side-client", side(Side::Client), running()),
            case("list-other-tool", label(), running()).setting("TOOL", "/opt/xen/bin/xl"),
            case("list-no-xl", label(), no_xen()),
            case("list-no-xl-of-all-types", label(), no_xen()).of_all_types(),
            case("list-no-permission", label(), forbidden()),
            case("list-no-permission-of-all-types", label(), forbidden()).of_all_types(),
            case("list-sudo-refused", label(), refused()),
            case("list-not-dom0", label(), not_dom0()),
            case("list-not-dom0-wrapper", label(), wrapper()),
            case("list-in-a-guest", label(), guest()),
            case("list-in-a-guest-by-sudo", label(), by_sudo()),
            case("list-in-a-guest-by-sudo-of-all-types", label(), by_sudo()).of_all_types(),
            case("list-in-a-guest-by-sudo-no-xenfs", label(), not_mounted()),
            case("list-in-a-guest-without-permission", label(), by_nobody()),
            case("list-in-a-guest-sudo-refused", label(), World { control: capabilities(""), ..refused() }),
            case("list-root-not-permitted", label(), World { list: guest().list, ..lab00() }),
            case("list-xenstored-stuck", label(), World { list: ended(Exit::TimedOut), ..lab00() }).of_all_types(),
            case("list-nonsense", label(), World { list: output("hello\n"), ..lab00() }),
            case("list-long-fails", only(&[Known::Mac]), World { long: output("[{"), ..running() }),
            case("list-no-xenstore", only(&[Known::Cport]), World { store: ended(Exit::NotFound), ..running() }),
            case("list-host-silent", label(), World { silent: true, ..lab00() }),
        ],
    );
}

#[test]
fn plans_of_enumerate() {
    let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect();
    let all = |states: &[&str], base: &[&str]| {
        Action::Enumerate(Enumerate { base: words(base), states: words(states), fields: None })
    };
    let only = |path: &'static str, text: &str| World { files: Vec::new(), ..lab00() }.with(path, text);
    let state = |state: &str| only("/etc/xen/x.cfg", &format!("#@#MAGICID-XEN\n#@#VMSTATE = {state}\nname = 'x'\n"));
    let old = || only("/root/old/old5.cfg", include_str!("../captures/xl-cfg-xm-3.2-hvm.cfg"));
    let closed = || forbidden().denied("/root/secret/secret.conf");
    check(
        "enumerate",
        vec![
            case("enumerate-lab00", all(&[], &[]), lab00()),
            case("enumerate-base", all(&[], &["xen", "/etc/ctys.d"]), lab00()),
            case("enumerate-xm-file", all(&[], &[]), old()),
            case("enumerate-backup-hidden", all(&[], &[]), state("BACKUP")),
            case("enumerate-backup-wanted", all(&["BACKUP"], &[]), state("BACKUP")),
            case("enumerate-no-interface", all(&[], &[]), state("ACTIVE")),
            case("enumerate-without-permission", all(&[], &[]), closed()),
            case("enumerate-no-xen", all(&[], &[]), no_xen()),
            case("enumerate-no-xen-of-all-types", all(&[], &[]), no_xen()).of_all_types(),
            case("enumerate-no-xen-no-machines", all(&[], &[]), World { files: Vec::new(), ..no_xen() }).of_all_types(),
            case("enumerate-no-xen-all-states", all(&["ALL"], &["/root/xen/tst-ctys/tst101"]), no_xen()),
            case("enumerate-cut", all(&[], &["/etc/ctys.d"]), World { cut: true, files: Vec::new(), ..lab00() }),
        ],
    );
}

#[test]
fn plans_of_info() {
    let empty = || Answer::File(FileAnswer::Content { content: "".into(), cut: false });
    let guest = || World { control: empty(), ..forbidden() };
    check(
        "info",
        vec![
            case("info-lab00", Action::Info, lab00()),
            case("info-no-xl", Action::Info, no_xen()),
            case("info-no-xl-of-all-types", Action::Info, no_xen()).of_all_types(),
            case("info-in-a-guest", Action::Info, guest()),
            case("info-no-permission", Action::Info, forbidden()),
        ],
    );
}

#[test]
fn plans_of_helpers() {
    let label = |label: &str| MachineAddress { label: Some(label.into()), ..MachineAddress::default() };
    let path = |path: &str| MachineAddress { id: Some(path.into()), ..MachineAddress::default() };
    let no_viewer = || World { store: output(""), ..running() };
    let port = |address| Action::GetClientPort(address);
    let active = |address| Action::IsActive(address);
    check(
        "port",
        vec![
            case("port-by-label", port(label("tst100")), running()),
            case("port-by-path", port(path(TST100)), running()),
            case("port-not-running", port(label("tst101")), running()),
            case("port-no-server", port(label("tst100")), no_viewer()),
        ],
    );
    check(
        "active",
        vec![
            case("active-by-path", active(path(TST100)), running()),
            case("active-not-by-path", active(path(TST101)), running()),
            case("active-by-label", active(label("tst100")), running()),
            case("active-no-file", active(path("/nowhere.conf")), running()),
            case("active-crashed", active(label("x")), lab00().with_list(&[(1, "x", "---sc-", UUID)])),
            case("active-no-permission", active(label("x")), forbidden()),
        ],
    );
}
