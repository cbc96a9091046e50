//! CREATE as text: what it wants, what it plans, what follows. One file per case in `plans/`.

mod world;

use ctys_plugin::Plugin;
use ctys_plugin::model::action::BootMode;
use ctys_plugin::model::*;
use ctys_plugin::story::{self, World as _};
use ctys_plugin::testing::{failed, output};
use ctys_xen::Xen;
use world::*;

const PORT: &str = "ask for the VNC port";
const MODEL: &str = "ask for the device model";
const LISTENERS: &str = "ask who listens";
const LEFT: &str = "look for consoles";
const OLD: &str = "put an old state aside";
const SAVED: &str = "/var/lib/xen/ctys/tst100.save";

fn aside() -> Answer {
    failed(1, "mv: cannot stat '/var/lib/xen/ctys/tst100.save': No such file or directory\n")
}

fn create(address: MachineAddress, change: impl FnOnce(&mut Create)) -> Action {
    let mut create = Create { address, ping: Some(Poll::Off), ..Create::default() };
    change(&mut create);
    Action::Create(Box::new(create))
}

fn console(kind: ConsoleKind) -> impl FnOnce(&mut Create) {
    move |create| create.console = Some(kind)
}

fn mode(mode: CreateMode, kind: ConsoleKind) -> impl FnOnce(&mut Create) {
    move |create| {
        create.mode = Some(mode);
        create.console = Some(kind);
    }
}

/// The VNC server as the recorder found it: its port, the device model, who listens.
fn viewer(port: &str, model: &str, look: Answer) -> [(&'static str, Answer); 4] {
    let read = |value: &str| match value {
        "" => failed(1, "xenstore-read: couldn't read path /local/domain/3/console/vnc-port\n"),
        value => output(format!("{value}\n")),
    };
    [(PORT, read(port)), (MODEL, read(model)), (LISTENERS, recorded!("ss-6.1-two-guests")), (LOOK, look)]
}

#[test]
fn plans_of_create_addresses() {
    use ConsoleKind::None as NoConsole;
    let by = |change: fn(&mut MachineAddress)| {
        let mut address = MachineAddress::default();
        change(&mut address);
        create(address, console(NoConsole))
    };
    let copy = || lab00().with("/srv/copies/tst100.conf", include_str!("../captures/xl-cfg-tst100.conf"));
    let inst = include_str!("../captures/xl-cfg-tst100.conf");
    let variant = || lab00().with("/root/xen/tst-ctys/tst100/tst100-cd.conf", inst);
    let boot = |mode: &str| {
        let boot = BootMode { mode: mode.into(), image: None };
        create(label("tst100"), |create| (create.console, create.boot_mode) = (Some(NoConsole), Some(boot)))
    };
    let backup =
        || World { files: vec![], ..lab00() }.with("/root/x/x.conf", "#@#MAGICID-XEN\n#@#VMSTATE=BACKUP\nname='x'");
    let base = |mut address: MachineAddress| {
        address.base = vec!["~".into(), "/srv/copies".into()];
        create(address, console(NoConsole))
    };
    let odd = "/root/odd/it's a \"lab\" $HOME/odd one.conf";
    check(
        "address",
        vec![
            case("address-file", create(file("tst-ctys/tst100/tst100.conf"), console(NoConsole)), lab00()),
            case("address-file-short", create(file("tst100/tst100.conf"), console(NoConsole)), lab00()),
            case("address-file-ambiguous", create(file("tst-ctys"), console(NoConsole)), lab00()),
            case("address-file-nothing", create(file("tst999"), console(NoConsole)), lab00()),
            case("address-path", create(path(TST100), console(NoConsole)), lab00()),
            case("address-path-absent", create(path("/root/x.conf"), console(NoConsole)), lab00()),
            case("address-path-relative", create(path("x.conf"), console(NoConsole)), lab00()),
            case(
                "address-path-denied",
                create(path("/x.conf"), console(NoConsole)),
                World { uid: 1000, ..lab00() }.denied("/x.conf"),
            ),
            case(
                "address-path-no-name",
                create(path("/x.conf"), console(NoConsole)),
                lab00().with("/x.conf", "memory = 1\n"),
            ),
            case("address-path-quotes", create(path(odd), console(NoConsole)), lab00().with(odd, "name = 'odd-one'\n")),
            case(
                "address-path-and-label",
                create(MachineAddress { label: Some("tst101".into()), ..path(TST100) }, console(NoConsole)),
                lab00(),
            ),
            case("address-label", create(label("tst100"), console(NoConsole)), lab00()),
            case("address-label-part", create(label("tst10"), console(NoConsole)), lab00()),
            case("address-label-copies", base(label("tst100")), copy()),
            case(
                "address-label-and-file",
                base(MachineAddress { label: Some("tst100".into()), ..file("/srv/") }),
                copy(),
            ),
            case("address-label-backup", create(label("x"), console(NoConsole)), backup()),
            case(
                "address-label-unreadable",
                create(label("x"), console(NoConsole)),
                lab00().denied("/root/secret.conf"),
            ),
            case("address-uuid", by(|a| a.uuid = Some("6842CAF91E3E43249ED596B8B9F2C5C2".into())), lab00()),
            case("address-mac", by(|a| a.mac = Some("00:50:56:13:11:40".into())), lab00()),
            case("address-mac-running", by(|a| a.mac = Some("00:50:56:13:11:40".into())), running()),
            case("address-tcp", by(|a| a.tcp = Some("192.168.1.220".into())), lab00()),
            case("address-tcp-running", by(|a| a.tcp = Some("192.168.1.220".into())), running()),
            case("address-none", create(MachineAddress::default(), console(NoConsole)), lab00()),
            case("address-record", by(|a| a.db_record = Some(7)), lab00()),
            case("address-boot-file", boot("CD"), variant()),
            case("address-boot-file-absent", boot("PXE"), variant()),
            case("address-boot-plain", boot("VHDD"), variant()),
        ],
    );
}

#[test]
fn plans_of_create() {
    use ConsoleKind::*;
    use CreateMode::*;
    let t = || label("tst100");
    const OTHER: &str = "00000000-1111-4111-8111-111111111111";
    let by_uuid =
        || create(MachineAddress { uuid: Some(UUID.replace('-', "")), ..MachineAddress::default() }, console(None));
    let with_port = || lab00().with("/x.conf", "name='x'\n#@#IP0 = 10.0.0.7%%%%2222\n#@#SSHPORT = 99\n");
    let said = "Parsing config from /root/x.conf\nlibxl: error: libxl_create.c:1279:initiate_domain_create: Domain \
                3:Domain name \"tst100\" already exists\ncannot make domain: -6\n";
    let named = |create: &mut Create| {
        create.console = Some(ConsoleKind::None);
        create.call_opts = vec!["memory=256".into(), "name=\"copy\"".into()];
    };
    let uuid = |line: &str| lab00().with("/x.conf", &format!("# {line}\nname = 'x'\n\n{line}\n"));
    let other_uuid = |create: &mut Create| {
        create.console = Some(None);
        create.call_opts = vec![format!("uuid=\"{OTHER}\"")];
    };
    let polled = |ping, ssh_ping| {
        move |create: &mut Create| {
            (create.console, create.ping, create.ssh_ping) = (Some(ConsoleKind::None), ping, ssh_ping);
        }
    };
    let tries = |count, every| Some(Poll::Tries { count, every });
    let started =
        |name, action| case(name, action, lab00()).then([(OLD, aside()), ("create", ok()), (LOOK, up(3, "r-----"))]);
    let forwarded = |request: &mut Request| request.location = Location::ConnectionForwarding;
    check(
        "create",
        vec![
            started("create-none", create(t(), console(None))),
            started("create-cli", create(t(), console(Cli))),
            started("create-xterm", create(t(), console(Xterm))),
            started("create-default-console", create(t(), |_| {})),
            case("create-default-console-forwarded", create(t(), |_| {}), lab00()).request(forwarded),
            started("create-vnc", create(t(), console(Vnc))).then(viewer("", "", up(3, "r-----"))).then(viewer(
                "5900",
                "1105",
                up(3, "-b----"),
            )),
            started("create-vnc-not-yet-listening", create(t(), console(Vnc))).then(viewer(
                "5907",
                "1105",
                up(3, "r-----"),
            )),
            started("create-vnc-crashes", create(t(), console(Vnc))).then(viewer("", "", up(3, "---sc-"))),
            started("create-vnc-waits", create(t(), |c| (c.console, c.wait_server) = (Some(Vnc), Some(2))))
                .then([(LOOK, up(3, "-b----"))])
                .then(viewer("5900", "1105", up(3, "-b----"))),
            case("create-half-made-before", create(t(), console(None)), half_made()),
            case(
                "create-uuid-without-dashes",
                create(path("/x.conf"), console(None)),
                uuid("uuid = '6842CAF91E3E43249ED596B8B9F2C5C2'"),
            ),
            case(
                "create-uuid-of-magic",
                create(path("/x.conf"), console(None)),
                uuid("#@#UUID = 6842caf91e3e43249ed596b8b9f2c5c2"),
            ),
            case(
                "create-uuid-with-dashes",
                create(path("/x.conf"), console(None)),
                uuid("uuid = '6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C2'"),
            ),
            case("create-uuid-garbage", create(path("/x.conf"), console(None)), uuid("uuid = 'garbage'")),
            case(
                "create-uuid-of-the-call",
                create(path("/x.conf"), other_uuid),
                uuid("uuid = '6842caf91e3e43249ed596b8b9f2c5c2'"),
            ),
            case("create-fails", create(t(), console(None)), lab00()).then([
                (OLD, aside()),
                ("create", failed(3, said)),
                (LOOK, ended(Exit::NotRun("an earlier step failed".into()))),
            ]),
            case("create-fails-after-suspend", create(t(), console(None)), lab00())
                .then([
                    (OLD, ok()),
                    ("create", failed(3, said)),
                    (LOOK, ended(Exit::NotRun("an earlier step failed".into()))),
                ])
                .then([("put the state file back", ok())]),
            case("create-refused", create(t(), console(None)), World { uid: 1000, ..lab00() }).then([
                (OLD, ended(Exit::Refused("sudo: a password is required".into()))),
                ("create", ended(Exit::Refused("sudo: a password is required".into()))),
                (LOOK, ok()),
            ]),
            case("create-gone-again", create(t(), console(None)), lab00()).then([
                (OLD, aside()),
                ("create", ok()),
                (LOOK, listing(&[])),
            ]),
            case("create-crashes", create(t(), console(None)), lab00()).then([
                (OLD, aside()),
                ("create", ok()),
                (LOOK, up(3, "---sc-")),
            ]),
            case("create-after-suspend", create(t(), console(None)), lab00()).then([
                (OLD, ok()),
                ("create", ok()),
                (LOOK, up(3, "r-----")),
            ]),
            case("create-runs-already", create(t(), console(None)), running()),
            case(
                "create-renamed-before",
                create(t(), console(None)),
                lab00().with_list(&[(1, "other", "-b----", UUID)]),
            ),
            case("create-name-taken", by_uuid(), lab00().with_list(&[(1, "tst100", "-b----", OTHER)])),
            case("create-domain-0", create(label("Domain-0"), mode(Connect, Cli)), lab00()),
            case("create-sshping-port", create(path("/x.conf"), polled(Some(Poll::Off), Some(Poll::On))), with_port())
                .then([(OLD, aside()), ("create", ok()), (LOOK, listing(&[(3, "x", "r-----", UUID)]))]),
            case("create-crashed-before", create(t(), console(None)), with_state("---sc-")),
            case("create-dying", create(t(), mode(Reuse, Cli)), with_state("--psrd")),
            case("create-call-options", create(t(), named), lab00()),
            case("create-forwarded-terminal", create(t(), console(Cli)), lab00()).request(forwarded),
            case("create-sdl", create(t(), console(Sdl)), lab00()),
            case("create-shell", create(t(), |create| create.shell = Some("bash".into())), lab00()),
            case("create-no-xl", create(t(), console(None)), no_xen()),
            case("create-no-permission", create(t(), console(None)), forbidden()),
            started("create-waits", create(t(), |create| (create.console, create.wait_server) = (Some(None), Some(2))))
                .then([(LOOK, up(3, "-b----"))]),
            started("create-ping", create(t(), polled(tries(2, 3), Option::None)))
                .then([("ping", failed(1, "")), (LOOK, up(3, "-b----"))])
                .then([("ping", output("1 packets received\n")), (LOOK, up(3, "-b----"))]),
            started("create-ping-timeout", create(t(), polled(tries(1, 3), Option::None)))
                .then([("ping", failed(1, "")), (LOOK, up(3, "-b----"))]),
            started("create-ping-sshping", create(t(), polled(Some(Poll::On), Some(Poll::On))))
                .then([("ping", output("1 packets received\n")), (LOOK, up(3, "-b----"))])
                .then([("sshping", output("answers\n")), (LOOK, up(3, "-b----"))]),
            started("create-ping-vanished", create(t(), polled(Option::None, Option::None)))
                .then([("ping", failed(1, "")), (LOOK, listing(&[]))]),
            case(
                "create-ping-no-address",
                create(path("/x.conf"), polled(Some(Poll::On), Option::None)),
                lab00().with("/x.conf", "name='x'\n"),
            ),
        ],
    );
}

#[test]
fn plans_of_create_on_running() {
    use ConsoleKind::*;
    use CreateMode::*;
    let t = || label("tst100");
    let client_only = |request: &mut Request| request.location = Location::ClientOnly;
    let unpaused = |name, second| {
        case(name, create(t(), mode(Resume(Option::None), None)), with_state("--p---"))
            .then([("unpause", ok()), (LOOK, up(1, second))])
    };
    let seen = |name, replies: [_; 4]| case(name, create(t(), mode(Connect, Vnc)), running()).then(replies);
    let open = || World { consoles: vec![console_of(1, 400), console_of(12, 401)], ..running() };
    let of_ss = |answer: Answer| {
        let mut replies = viewer("5900", "1105", up(1, "-b----"));
        replies[2].1 = answer;
        replies
    };
    let vnc = || output("[{\"domid\":1,\"config\":{\"vfbs\":[{\"vnc\":{\"enable\":\"True\"}}]}}]");
    check(
        "attach",
        vec![
            case("attach-connect-cli", create(t(), mode(Connect, Cli)), running()),
            case("attach-connect-by-path", create(path(TST100), mode(Connect, Cli)), running()),
            case("attach-connect-by-file", create(file("tst100/tst100.conf"), mode(Connect, Cli)), running()),
            case(
                "attach-connect-by-uuid",
                create(MachineAddress { uuid: Some(UUID.replace('-', "")), ..Default::default() }, mode(Connect, Cli)),
                running(),
            ),
            seen("attach-connect-vnc", viewer("5900", "1105", up(1, "-b----"))),
            seen("attach-connect-no-vnc", viewer("", "1105", up(1, "-b----"))),
            seen("attach-connect-vanished", viewer("", "", listing(&[]))),
            seen("attach-connect-foreign-server", viewer("5900", "1106", up(1, "-b----"))),
            seen("attach-connect-no-device-model", viewer("5900", "", up(1, "-b----"))),
            seen("attach-connect-no-ss", of_ss(ended(Exit::NotFound))),
            seen("attach-connect-ss-refused", of_ss(ended(Exit::Refused("sudo: a password is required".into())))),
            seen("attach-connect-ss-without-owners", of_ss(output("LISTEN 0 0 127.0.0.1:5900 0.0.0.0:*\n"))),
            seen(
                "attach-connect-far-server",
                of_ss(output("LISTEN 0 0 10.0.0.1:5900 0.0.0.0:* users:((\"qemu\",pid=1105,fd=34))\n")),
            ),
            case("attach-connect-vnc-of-late", create(t(), mode(Connect, Vnc)), World { long: vnc(), ..running() })
                .then(viewer("", "1105", up(1, "-b----"))),
            case("attach-connect-half-made", create(t(), mode(Connect, Cli)), half_made()),
            case("attach-resume-half-made", create(t(), mode(Resume(Option::None), None)), half_made()),
            case("attach-connect-not-running", create(t(), mode(Connect, Cli)), lab00()),
            case(
                "attach-connect-without-file",
                create(label("wild"), mode(Connect, Cli)),
                lab00().with_list(&[(9, "wild", "------", UUID)]),
            ),
            case("attach-client-only", create(t(), console(Cli)), lab00()).request(client_only),
            case("attach-reuse", create(t(), mode(Reuse, None)), running()),
            case("attach-reuse-starts", create(t(), mode(Reuse, None)), lab00()),
            case("attach-reconnect", create(t(), mode(Reconnect, Cli)), open())
                .then([("end 400", ok()), (LEFT, Answer::Processes(vec![console_of(12, 401)]))]),
            case("attach-reconnect-alone", create(t(), mode(Reconnect, Cli)), running()),
            case("attach-reconnect-stays", create(t(), mode(Reconnect, Cli)), open())
                .then([("end 400", ok()), (LEFT, Answer::Processes(vec![console_of(1, 400)]))]),
            case("attach-reconnect-vnc", create(t(), mode(Reconnect, Vnc)), open())
                .then([("end 400", ok()), (LEFT, Answer::Processes(vec![]))])
                .then(viewer("5900", "1105", up(1, "-b----"))),
            case("attach-resume-running", create(t(), mode(Resume(Option::None), Cli)), running()),
            unpaused("attach-resume-paused", "------"),
            unpaused("attach-resume-paused-twice", "--p---").then([("unpause", ok()), (LOOK, up(1, "r-----"))]),
        ],
    );
}

const DB: Row<'static> = (3, "db", "-b----", "6842caf9-1e3e-4324-9ed5-96b8b9f2c5f0");
const WEB_UUID: &str = "6842caf9-1e3e-4324-9ed5-96b8b9f2c5f1";

/// A domain runs that is none of those asked for.
fn one_runs() -> World {
    lab00().with_list(&[DB])
}

#[test]
fn plans_of_resume() {
    use ConsoleKind::*;
    let resume =
        |file: Option<&str>, kind| create(label("tst100"), mode(CreateMode::Resume(file.map(String::from)), kind));
    const FIND: &str = "find the state file";
    const TAKE: &str = "take the state file";
    const REMOVE: &str = "remove the state file";
    let found = |name, kind| case(name, resume(Option::None, kind), lab00()).then([(FIND, failed(2, ""))]);
    let listed = |name, kind| {
        let both = Answer::Output(Output { stdout: format!("{SAVED}\n").into(), ..Output::ended(Exit::Code(2)) });
        case(name, resume(Option::None, kind), lab00()).then([(FIND, both)])
    };
    let cut_short =
        || Answer::Output(Output { stdout: format!("{SAVED}.resuming\n").into(), ..Output::ended(Exit::Code(2)) });
    let bad =
        || failed(3, "libxl: error: libxl_stream_read.c:350:stream_header_done: Invalid ident: expected 0x4c6962\n");
    let wild = create(label("wild"), mode(CreateMode::Resume(Option::None), None));
    check(
        "resume",
        vec![
            listed("resume-bare", None).then([
                (TAKE, ok()),
                ("restore", ok()),
                (REMOVE, ok()),
                (LOOK, up(4, "-b----")),
            ]),
            listed("resume-cli", Cli).then([(TAKE, ok()), ("restore", ok()), (REMOVE, ok()), (LOOK, up(4, "-b----"))]),
            listed("resume-emacs", Emacs).then([
                (TAKE, ok()),
                ("restore", ok()),
                (REMOVE, ok()),
                (LOOK, up(4, "-b----")),
            ]),
            listed("resume-fails", None)
                .then([(TAKE, ok()), ("restore", bad()), (REMOVE, ended(Exit::NotRun("x".into()))), (LOOK, ok())])
                .then([("put the state file back", ok())]),
            listed("resume-not-removed", None).then([
                (TAKE, ok()),
                ("restore", ok()),
                (REMOVE, failed(1, "rm: Read-only file system\n")),
                (LOOK, up(4, "-b----")),
            ]),
            found("resume-nothing-saved", None),
            case("resume-cut-short-before", resume(Option::None, None), lab00()).then([(FIND, cut_short())]),
            case("resume-file", resume(Some("mystate.stat"), None), lab00())
                .then([("restore", ok()), (LOOK, up(4, "-b----"))]),
            case("resume-file-of-another", resume(Some("web.stat"), None), one_runs())
                .then([("restore", ok()), (LOOK, listing(&[DB, (7, "web", "r-----", WEB_UUID)]))]),
            case("resume-file-of-one-of-two", resume(Some("web.stat"), None), one_runs()).then([
                ("restore", ok()),
                (LOOK, listing(&[DB, (7, "web", "r-----", WEB_UUID), (8, "mail", "r-----", WEB_UUID)])),
            ]),
            case("resume-file-gone", resume(Some("mystate.stat"), None), one_runs())
                .then([("restore", ok()), (LOOK, listing(&[DB]))]),
            case("resume-file-absolute", resume(Some("/srv/a b.stat"), Vnc), lab00())
                .then([("restore", ok()), (LOOK, up(4, "-b----"))]),
            case("resume-file-fails", resume(Some("x"), None), lab00()).then([("restore", bad()), (LOOK, ok())]),
            case("resume-without-configuration", wild, lab00()),
        ],
    );
}

/// A guest that is to have a VNC server and never gets one.
#[test]
fn a_viewer_is_waited_for_and_not_for_ever() {
    let request = |action| case("", action, lab00()).request;
    let request = request(create(label("tst100"), console(ConsoleKind::Vnc)));
    let facts = lab00().facts(&Xen::wants(&request));
    let mut replies = Replies::default();
    let mut reply = |steps: Vec<(&str, Answer)>| {
        let steps = steps.into_iter().map(|(name, answer)| StepReply { name: name.into(), answer });
        replies.rounds.push(Round { started_ms: 0, steps: steps.collect() });
        Xen::read(&request, &facts, &replies)
    };
    let Next::Then(_) = reply(vec![(OLD, aside()), ("create", ok()), (LOOK, up(3, "r-----"))]) else { panic!() };
    let mut asked = 0;
    loop {
        asked += 1;
        match reply(viewer("", "1105", up(3, "-b----")).into()) {
            Next::Later { delay_ms: 1000, .. } => {}
            Next::Done(findings) => {
                assert!(findings.changed, "the guest runs all the same");
                assert_eq!(findings.problems[0].message, "tst100 runs and has no VNC server");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(asked, 20);
}

/// Terminals of every kind are the same console; a viewer gets its port; what a Xen domain has not is refused unasked.
#[test]
fn every_console_is_planned_or_refused() {
    use ConsoleKind::*;
    for (_, kind) in ConsoleKind::WORDS {
        let connect = case("console", create(label("tst100"), mode(CreateMode::Connect, *kind)), running());
        let is_refused = Xen::wants(&connect.request).is_empty();
        let story = match kind {
            Vnc => story::tell::<Xen>(&connect.then(viewer("5900", "1105", up(1, "-b----")))),
            _ => story::tell::<Xen>(&connect),
        };
        let attached = format!("attach {kind} to XEN tst100\n  uuid 6842caf91e3e43249ed596b8b9f2c5c2\n");
        let terminal = "  leave with Ctrl-]\n    as root, reads\n      xl\n      console\n      1\n";
        let want = match kind {
            Cli | Xterm | Gterm | Emacs | EmacsM | EmacsA | EmacsAM => attached + terminal,
            Vnc => attached + "  vnc port 5900\n",
            None => "report\n  text tst100 is running as domain 1\n".into(),
            Sdl | Cli0 | Rdp | Vbox | VboxSdl | Vmw | Vmwrc | Firefox => {
                format!("problem usage: {}", story.split("usage: ").nth(1).unwrap())
            }
        };
        assert!(story.ends_with(&want), "{kind}: {story}");
        assert_eq!(is_refused, want.starts_with("problem"), "{kind}: {story}");
    }
}
