//! Every plan as text, one file per case in `plans/`: what is wanted, what is planned, what follows.

use ctys_plugin::model::*;
use ctys_plugin::story::{Case, case, check};
use ctys_plugin::testing::{facts_with, failed, output, request};
use ctys_vnc::{Vnc, probes};

fn process(pid: u32, user: &str, args: &[&str]) -> Process {
    Process {
        pid,
        parent: 1,
        user: user.into(),
        group: "ldapusers".into(),
        state: "S".into(),
        start: Some(u64::from(pid) * 100),
        age_s: Some(60),
        args: args.iter().map(|arg| Bytes::from(*arg)).collect(),
        exact: true,
    }
}

fn server(pid: u32, user: &str, label: &str, display: u32) -> Process {
    let (display, port) = (format!(":{display}"), (5900 + display).to_string());
    process(pid, user, &["/usr/bin/Xtigervnc", &display, "-localhost=1", "-desktop", label, "-rfbport", &port])
}

fn viewer(pid: u32, user: &str, label: &str, port: u16) -> Process {
    let name = format!("ctys-viewer label={label} type=VNC");
    process(pid, user, &[&name, "-shared", &format!("127.0.0.1::{port}")])
}

/// tst100 of mia with a viewer, LAB00 of root with one that somebody started by hand.
fn lab00() -> Vec<Process> {
    vec![
        server(100, "mia", "tst100", 1),
        server(200, "root", "LAB00", 2),
        viewer(300, "mia", "tst100", 5901),
        process(400, "root", &["vncviewer", "localhost:2"]),
    ]
}

fn world(processes: Vec<Process>, has_password: bool, here: Vec<Process>) -> Facts {
    let password = if has_password { output("") } else { failed(1, "") };
    facts_with([
        (probes::processes(), Answer::Processes(processes)),
        (probes::processes_here(), Answer::Processes(here)),
        (probes::password(), password),
        (probes::server_version(), failed(1, "\nXvnc TigerVNC 1.12.0 - built 2023-01-06 16:01\nSee https\n")),
        (probes::viewer_version(), failed(1, "\nTigerVNC Viewer 64-bit v1.12.0\nBuilt on: 2023-01-06\n")),
    ])
}

fn label(label: &str) -> MachineAddress {
    MachineAddress { label: Some(label.into()), ..MachineAddress::default() }
}

fn create(name: &str, change: impl FnOnce(&mut Create)) -> Request {
    let mut create = Create { address: label(name), ..Create::default() };
    change(&mut create);
    request(Action::Create(Box::new(create)))
}

fn cancel(name: &str, change: impl FnOnce(&mut Cancel)) -> Request {
    let mut cancel = Cancel { address: label(name), stack: true, ..Cancel::default() };
    change(&mut cancel);
    request(Action::Cancel(Box::new(cancel)))
}

fn mode(mode: CreateMode) -> impl FnOnce(&mut Create) {
    |create| create.mode = Some(mode)
}

fn seen(processes: Vec<Process>) -> Answer {
    Answer::Processes(processes)
}

fn compare(prefix: &str, cases: Vec<Case>) {
    check::<Vnc>(env!("CARGO_MANIFEST_DIR"), prefix, cases);
}

#[test]
fn plans_of_looks() {
    let world = || world(lab00(), true, Vec::new());
    let list = |side: Option<Side>| request(Action::List(List { side, ..List::default() }));
    let silent = facts_with([(probes::processes(), Answer::Missing(Missing::HostSilent))]);
    compare(
        "look",
        vec![
            case("look-list", list(None), world()),
            case("look-list-clients", list(Some(Side::Client)), world()),
            case("look-list-tunnels", list(Some(Side::Tunnel)), world()),
            case("look-list-own", list(None), world()).request(|request| request.scope = Scope::User),
            case("look-list-silent", list(None), silent),
            case("look-info", request(Action::Info), world()),
            case("look-port", request(Action::GetClientPort(label("tst100"))), world()),
            case("look-port-of-none", request(Action::GetClientPort(label("tst10"))), world()),
            case("look-active", request(Action::IsActive(label("LAB00"))), world()),
            case("look-not-active", request(Action::IsActive(label("tst10"))), world()),
        ],
    );
}

#[test]
fn plans_of_create() {
    let started = || seen(vec![server(500, "mia", "new", 3)]);
    let empty = |has_password| world(Vec::new(), has_password, Vec::new());
    let extra = |key: &'static str, value: &'static str| {
        move |create: &mut Create| drop(create.extra.insert(key.into(), value.into()))
    };
    let runs = || world(lab00(), true, vec![viewer(900, "mia", "tst100", 5950), viewer(901, "bob", "tst100", 5951)]);
    let pair = [("start new", output("")), ("look", started())];
    compare(
        "create",
        vec![
            case("create-first", create("new", |_| {}), empty(false))
                .then([("make a password", output(Bytes(vec![0x24, 0xb5, 0xae, 0x4c, 0xe1, 0x55, 3, 0xc6])))])
                .then([("keep the password", output(""))])
                .then(pair.clone()),
            case("create-no-vncpasswd", create("new", |_| {}), empty(false))
                .then([("make a password", Answer::Output(Output::ended(Exit::NotFound)))]),
            case("create-forwarded", create("new", extra("WM", "xterm")), empty(true))
                .request(|request| {
                    request.location = Location::ConnectionForwarding;
                    request.geometry = Some("800x600+10+10:1".into());
                })
                .then(pair.clone()),
            case("create-resolution", create("new", |create| create.console = Some(ConsoleKind::None)), empty(true))
                .request(|request| request.resolution = Some((1280, 1024)))
                .then(pair.clone()),
            case("create-slow", create("new", |_| {}), empty(true))
                .then([("start new", output("")), ("look", seen(Vec::new()))])
                .then([("look", started())]),
            case("create-gone-again", create("new", |_| {}), empty(true))
                .then([("start new", output("")), ("look", seen(Vec::new()))])
                .at(6000, [("look", seen(Vec::new()))]),
            case("create-fails", create("new", |_| {}), empty(true)).then([
                ("start new", failed(1, "tigervncserver: couldn't find free TCP port in range\n")),
                ("look", seen(Vec::new())),
            ]),
            case("create-waits", create("new", |create| create.wait_server = Some(2)), empty(true)).then(pair.clone()),
            case("create-bulk", create("b", extra("BULK", "2")), empty(true)).then([
                ("start b000", output("")),
                ("start b001", failed(1, "no room\n")),
                ("look", seen(vec![server(500, "mia", "b000", 3)])),
            ]),
            case("create-port-and-base", create("new", extra("VNCBASE", "7000")), runs()),
            case("create-base-beside-another-x-server", create("new", extra("VNCBASE", "7000")), {
                let mut facts = runs();
                facts.answers.push((probes::displays(), output("X0\nX3\nX1024\nsomething\n")));
                facts
            }),
            case("create-empty-password", create("new", |_| {}), empty(false))
                .then([("make a password", output(Bytes(vec![0x24, 0xb5, 0xae, 0x4c, 0xe1, 0x55, 3, 0xc6])))])
                .then([("keep the password", Answer::Output(Output::ended(Exit::Code(17))))])
                .then([("look at the password", failed(1, ""))]),
            case("create-password-of-another-call", create("new", |_| {}), empty(false))
                .then([("make a password", output(Bytes(vec![0x24, 0xb5, 0xae, 0x4c, 0xe1, 0x55, 3, 0xc6])))])
                .then([("keep the password", Answer::Output(Output::ended(Exit::Code(17))))])
                .then([("look at the password", output(""))])
                .then(pair),
            case("create-cmd", create("new", |create| create.cmd = vec!["xterm".into()]), runs()),
            case("create-of-user", create("new", |create| create.user = Some("mia".into())), runs()),
            case("create-displays", create("new", |create| create.vnc_desk_ids = vec!["7".into()]), runs()),
            case("create-runs-already", create("tst100", |_| {}), runs()),
            case("create-connect", create("tst100", mode(CreateMode::Connect)), runs()),
            case("create-connect-of-root", create("LAB00", mode(CreateMode::Connect)), runs()),
            case("create-connect-nothing", create("tst10", mode(CreateMode::Connect)), runs()),
            case("create-client-only", create("tst100", |_| {}), runs())
                .request(|request| request.location = Location::ClientOnly),
            case("create-reuse", create("tst100", mode(CreateMode::Reuse)), runs()),
            case("create-reconnect", create("tst100", mode(CreateMode::Reconnect)), runs())
                .then([("end 300", output("")), ("look", seen(lab00()))])
                .then([("look", seen(vec![server(100, "mia", "tst100", 1)]))]),
            case("create-reconnect-forwarded", create("tst100", mode(CreateMode::Reconnect)), runs()).forwarded().then(
                [
                    ("end 300", output("")),
                    ("look", seen(Vec::new())),
                    ("end 900", output("")),
                    ("look here", seen(Vec::new())),
                ],
            ),
            case("create-resume", create("tst100", mode(CreateMode::Resume(None))), runs()),
            case("create-cli", create("new", |create| create.console = Some(ConsoleKind::Cli)), runs()),
            case("create-bad-label", create("-rf", |_| {}), runs()),
            case("create-no-display", create("new", |_| {}), runs()).request(|request| request.caller.display = None),
            case("create-local-only", create("new", |_| {}), runs())
                .request(|request| request.location = Location::LocalOnly),
            case(
                "create-ambiguous",
                create("twice", mode(CreateMode::Reuse)),
                world(vec![server(1, "mia", "twice", 1), server(2, "mia", "twice", 2)], true, Vec::new()),
            ),
        ],
    );
}

#[test]
fn plans_of_cancel() {
    let world = || world(lab00(), true, Vec::new());
    // Display 1 of another host, and 5901 as the port of a display that is not 1.
    let beside_others = || {
        let mut all = lab00();
        all.push(process(500, "mia", &["vncviewer", "lab05:1"]));
        let odd = ["/usr/bin/Xtigervnc", ":7", "-desktop", "odd", "-rfbport", "5907"];
        all.push(process(600, "mia", &odd));
        all.push(process(700, "mia", &["vncviewer", "localhost:7"]));
        crate::world(all, true, Vec::new())
    };
    let root = || vec![server(200, "root", "LAB00", 2)];
    let both = [("end 300", output("")), ("end 100", output(""))];
    let look = |processes| [("look", seen(processes))];
    let gone = || both.clone().into_iter().chain(look(root()));
    let still = || both.clone().into_iter().chain(look(lab00()));
    compare(
        "cancel",
        vec![
            case("cancel-both", cancel("tst100", |_| {}), world()).then(gone()),
            case("cancel-waits", cancel("tst100", |_| {}), world()).then(still()).then(look(root())),
            case("cancel-stays", cancel("tst100", |_| {}), world()).then(still()).at(21_000, look(lab00())),
            case(
                "cancel-poweroff",
                cancel("tst100", |cancel| cancel.method = Some(CancelMethod::PowerOff(Some(0)))),
                world(),
            )
            .then(still())
            .then([("kill 300", output("")), ("kill 100", output("")), ("look", seen(root()))]),
            case("cancel-client", cancel("tst100", |cancel| cancel.side = Some(Side::Client)), world()),
            case("cancel-server", cancel("tst100", |cancel| cancel.side = Some(Side::Server)), world()),
            case("cancel-refused", cancel("LAB00", |_| {}), world())
                .request(|request| request.scope = Scope::All)
                .then([
                    ("end 400", failed(1, "kill: Operation not permitted\n")),
                    ("end 200", failed(1, "kill: Operation not permitted\n")),
                    ("look", seen(lab00())),
                ]),
            case("cancel-of-others", cancel("LAB00", |_| {}), world()),
            case("cancel-no-match", cancel("tst10", |_| {}), world()),
            case(
                "cancel-all",
                cancel("", |cancel| {
                    cancel.all = true;
                    cancel.address = MachineAddress::default();
                }),
                world(),
            ),
            case(
                "cancel-id",
                cancel("", |cancel| {
                    cancel.address = MachineAddress { id: Some("1".into()), ..MachineAddress::default() };
                }),
                world(),
            ),
            case(
                "cancel-id-beside-viewers-of-other-hosts",
                cancel("", |cancel| {
                    cancel.address = MachineAddress { id: Some("1".into()), ..MachineAddress::default() };
                }),
                beside_others(),
            ),
            case("cancel-in-an-hour", cancel("tst100", |cancel| cancel.timeout = Some(7200)), world())
                .then(still())
                .at(3_600_000, look(lab00())),
            case("cancel-tunnel", cancel("tst100", |cancel| cancel.side = Some(Side::Tunnel)), world()),
        ],
    );
}
