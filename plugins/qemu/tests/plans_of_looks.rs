//! LIST, ENUMERATE, INFO, GETCLIENTPORT, ISACTIVE as text: what they want and what they tell. One file per case in `plans/`.

mod story;

use ctys_plugin::model::field::Known;
use ctys_plugin::model::*;
use ctys_plugin::testing::failed;
use story::*;

fn list(change: impl FnOnce(&mut List)) -> Action {
    let mut list = List::default();
    change(&mut list);
    Action::List(list)
}

#[test]
fn plans_of_list() {
    let all = || list(|_| ());
    let only = |fields: &[Known]| list(|list| list.fields = Some(fields.iter().map(|&f| f.into()).collect()));
    let twins = || {
        let parent = Process { pid: 4710, ..tst100() };
        vec![parent, Process { parent: 4710, ..tst100() }]
    };
    let claims = vec![
        qemu(600, "root", &["qemu-system-arm", "-name", "hand", "-qmp", "unix:/srv/hand,server,nowait"]),
        qemu(700, "eve", &["qemu-system-arm", "-name", "trap", "-qmp", "unix:/srv/hand,server,nowait"]),
    ];
    let xen = vec![qemu(9, "root", &["qemu-system-i386", "-xen-domid", "3", "-name", "tst104"])];
    let ask = "ask the machines of others";
    let socket = |end: Ending, text: &str| World { heard: heard(&format!("{RUN}/{KEY}/qmp"), text, end), ..running() };
    check(
        "list",
        vec![
            case("list-nothing", all(), lab00()),
            case("list-own", all(), running()),
            case("list-pids-only", only(&[Known::Pid, Known::Owner]), crowd()),
            case("list-others", all(), crowd()).then([(ask, heard("/srv/hand", &status("paused"), Ending::Answered))]),
            case("list-others-denied", only(&[Known::State]), crowd())
                .then([(ask, heard("/srv/hand", "", Ending::Refused("Permission denied".into())))]),
            case("list-doubtful-socket", only(&[Known::State]), lab00().with_processes(claims)),
            case("list-hangs", only(&[Known::State]), socket(Ending::TimedOut, "")),
            case("list-shouts", only(&[Known::State]), socket(Ending::TooMuch, "xxxx")),
            case(
                "list-no-perl",
                only(&[Known::State]),
                World { heard: Answer::Failed("this host has neither perl nor python3".into()), ..running() },
            ),
            case("list-going-into-the-background", only(&[Known::Pid]), lab00().with_processes(twins())),
            case("list-xen", all(), lab00().with_processes(xen)),
            case("list-per-interface", list(|list| list.per_interface = true), running()),
            case("list-clients", list(|list| list.side = Some(Side::Client)), running()),
            case("list-users-own", only(&[Known::Pid]), crowd()).request(|request| request.scope = Scope::User),
            case(
                "list-not-told",
                all(),
                World { processes: Answer::Failed("ps: permission denied".into()), ..lab00() },
            ),
            case("list-silent", all(), World { silent: true, ..lab00() }),
        ],
    );
}

#[test]
fn plans_of_enumerate() {
    let all = || Action::Enumerate(Enumerate::default());
    let none = || World { emulators: output_of(""), ..lab00() };
    let denied = World { files: vec![("/home/mia/x.ctys", FileAnswer::Denied)], ..lab00() };
    check(
        "enumerate",
        vec![
            case("enumerate-lab00", all(), lab00()),
            case("enumerate-no-qemu", all(), none()),
            case("enumerate-no-qemu-of-all-types", all(), none()).of_all_types(),
            case(
                "enumerate-no-qemu-all-states",
                Action::Enumerate(Enumerate { states: vec!["ALL".into()], ..Enumerate::default() }),
                none(),
            ),
            case("enumerate-denied", all(), denied),
            case(
                "enumerate-broken",
                all(),
                World { files: vec![], ..lab00() }.with("/home/mia/x.ctys", "#@#MAGICID-QEMU\n-name 'x\n"),
            ),
        ],
    );
}

fn output_of(text: &str) -> Answer {
    ctys_plugin::testing::output(text)
}

#[test]
fn plans_of_info_and_questions() {
    let port = |address| Action::GetClientPort(address);
    let active = |address| Action::IsActive(address);
    let world = |emulators| World { emulators, ..lab00() };
    check(
        "info",
        vec![
            case("info-lab00", Action::Info, lab00()),
            case("info-none", Action::Info, world(output_of(""))),
            case("info-none-of-all-types", Action::Info, world(output_of(""))).of_all_types(),
            case("info-fails", Action::Info, world(failed(1, "no\n"))),
        ],
    );
    check(
        "ask",
        vec![
            case("ask-port", port(label("tst100")), running()),
            case("ask-port-of-others", port(label("web01")), crowd()),
            case(
                "ask-port-not-asked",
                port(label("open")),
                lab00().with_processes(vec![qemu(
                    700,
                    "mia",
                    &["qemu-system-x86_64", "-name", "open", "-readconfig", "/srv/open.cfg"],
                )]),
            ),
            case("ask-port-none", port(label("hand")), crowd()),
            case("ask-port-not-running", port(label("tst100")), lab00()),
            case("ask-active", active(path(TST100)), running()),
            case("ask-not-active", active(path(TST100)), lab00()),
            case("ask-active-no-file", active(path("/x.ctys")), lab00()),
        ],
    );
}
