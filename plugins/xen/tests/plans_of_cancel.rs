//! CANCEL as text: what it wants, what it plans, what follows. One file per case in `plans/`.

mod world;

use ctys_plugin::model::*;
use ctys_plugin::story::{self, Case};
use ctys_plugin::testing::{failed, output};
use ctys_xen::Xen;
use world::*;

const CHECK: &str = "check the configuration of tst100 (1)";

fn cancel(method: Option<CancelMethod>, change: impl FnOnce(&mut Cancel)) -> Action {
    let mut cancel = Cancel { address: label("tst100"), method, ..Cancel::default() };
    change(&mut cancel);
    Action::Cancel(Box::new(cancel))
}

fn everything(method: CancelMethod) -> Action {
    cancel(Some(method), |cancel| (cancel.address, cancel.all) = (MachineAddress::default(), true))
}

/// Two that run.
fn both() -> World {
    let other = "6842caf9-1e3e-4324-9ed5-96b8b9f2c5c3";
    lab00().with_list(&[(1, "tst100", "-b----", UUID), (2, "tst101", "-b----", other)])
}

fn two() -> World {
    let other = "6842caf9-1e3e-4324-9ed5-96b8b9f2c5c3";
    lab00().with_list(&[(1, "tst100", "-b----", UUID), (2, "tst101", "--p---", other)])
}

/// A domain with the hardware address of tst100 and a uuid of its own.
fn namesake(name: &str) -> World {
    World { list: listing(&[(1, name, "-b----", "6842caf9-1e3e-4324-9ed5-96b8b9f2c5ff")]), ..running() }
}

/// tst100 is protected, by the file below the home folder.
fn marked() -> World {
    running().with("/root/xen/mark.conf", &format!("name = 'tst100'\nuuid = '{UUID}'\n{MARK}"))
}

/// The same by a file that only its path finds.
fn marked_elsewhere() -> World {
    running().with("/srv/tst100.conf", &format!("name = 'tst100'\nuuid = '{UUID}'\n{MARK}"))
}

/// tst100 is protected by a file of a few keys, which is enough for xl.
fn short_file() -> World {
    no_file().with("/root/xen/short.cfg", "name = 'tst100'\nmemory = 128\ndisk = []\n#@#PROTECT = \"ask mia\"\n")
}

/// tst100 is protected by a file whose uuid is in a magic comment: xl, called by hand, made up another.
fn marked_without_native_uuid() -> World {
    let text = format!("name = 'tst100'\n#@#UUID = 6842caf9-1e3e-4324-9ed5-96b8b9f2c5ff\n{MARK}");
    no_file().with("/root/xen/mark.cfg", &text)
}

/// tst100 runs, and no file describes it.
fn no_file() -> World {
    World { files: Vec::new(), ..running() }
}

/// tst100 runs and is started again by its xl whenever it powers off.
fn restarting() -> World {
    let long = r#"[{"domid":1,"config":{"c_info":{"type":"pv"},"on_poweroff":"restart","on_reboot":"restart"}}]"#;
    World { long: output(long), ..running() }
}

/// The host is protected.
fn marked_host() -> World {
    running().with("/etc/ctys.d/pm.conf", &format!("#@#MAGICID-PM\n{MARK}"))
}

const MARK: &str = "#@#MAGICID-XEN\n#@#PROTECT = \"ask mia\"\n";

#[test]
fn plans_of_poweroff() {
    let off = |seconds| Some(CancelMethod::PowerOff(seconds));
    let plain = |name, seconds, world| case(name, cancel(off(seconds), |_| {}), world);
    let clients = || cancel(None, |cancel| cancel.side = Some(Side::Client));
    let shutdown = |case: Case| case.then([("shutdown tst100 (1)", ok()), (LOOK, up(1, "-b----"))]);
    let restarted = || listing(&[(7, "tst100", "r-----", UUID)]);
    let by = |address: MachineAddress| cancel(off(Some(0)), |cancel| cancel.address = address);
    let below = |base: &str| by(MachineAddress { base: vec![base.into()], ..label("tst100") });
    check(
        "poweroff",
        vec![
            shutdown(plain("poweroff-default", None, running()))
                .then([(LOOK, up(1, "--ps--"))])
                .then([(LOOK, listing(&[]))]),
            shutdown(plain("poweroff-hard-stop", Some(5), running()))
                .then([(LOOK, up(1, "-b----"))])
                .at(6_000, [(LOOK, up(1, "-b----"))])
                .then([("destroy tst100 (1)", ok()), (LOOK, listing(&[]))]),
            shutdown(plain("poweroff-after-twenty-seconds", None, running()))
                .then([(LOOK, up(1, "-b----"))])
                .at(20_999, [(LOOK, up(1, "-b----"))])
                .at(21_000, [(LOOK, up(1, "-b----"))]),
            // The first guest hangs, and does not take the time of the second.
            case("poweroff-all-slow-requests", everything(CancelMethod::PowerOff(None)), both())
                .then([
                    ("shutdown tst100 (1)", ended(Exit::TimedOut)),
                    ("shutdown tst101 (2)", ended(Exit::TimedOut)),
                    (LOOK, both().list),
                ])
                .at(21_000, [(LOOK, both().list)])
                .at(40_999, [(LOOK, both().list)])
                .at(41_000, [(LOOK, up(1, "-b----"))]),
            shutdown(plain("poweroff-comes-back", None, running())).then([(LOOK, restarted())]),
            shutdown(plain("poweroff-started-again", None, restarting()))
                .then([(LOOK, listing(&[]))])
                .then([(LOOK, restarted())]),
            // Its xl has ended, and nobody starts it.
            (0..10).fold(shutdown(plain("poweroff-not-started-again", None, restarting())), |case, _| {
                case.then([(LOOK, listing(&[]))])
            }),
            plain("poweroff-at-once", Some(0), running()).then([("destroy tst100 (1)", ok()), (LOOK, listing(&[]))]),
            plain("poweroff-destroy-fails", Some(0), running())
                .then([("destroy tst100 (1)", failed(1, "libxl: error: it is stuck\n")), (LOOK, up(1, "-b----"))]),
            plain("poweroff-vanished-meanwhile", Some(0), running()).then([
                ("destroy tst100 (1)", failed(1, "1 is an invalid domain identifier (rc=-6)\n")),
                (LOOK, listing(&[])),
            ]),
            plain("poweroff-crashed", None, with_state("---sc-")),
            plain("poweroff-half-made", None, half_made()),
            plain("poweroff-dying", None, with_state("--ps-d")).then([(LOOK, listing(&[]))]),
            plain("poweroff-paused", None, with_state("--p---")).then([
                ("unpause tst100 (1)", ok()),
                ("shutdown tst100 (1)", ended(Exit::TimedOut)),
                (LOOK, up(1, "--p---")),
            ]),
            plain("poweroff-refused", Some(0), World { uid: 1000, ..running() }).then([
                ("destroy tst100 (1)", ended(Exit::Refused("sudo: a password is required".into()))),
                (LOOK, ok()),
            ]),
            case("poweroff-timeout", cancel(off(None), |c| c.timeout = Some(300)), running())
                .then([("shutdown tst100 (1)", ok()), (LOOK, up(1, "-b----"))]),
            plain("poweroff-not-running", None, lab00()),
            case("poweroff-by-path", by(path(TST100)), running()),
            case("poweroff-by-path-not-running", by(path(TST101)), running()),
            case("poweroff-by-file", by(file("tst100/tst100.conf")), running()),
            case("poweroff-by-part-of-a-label", by(label("tst10")), running()),
            case("poweroff-domain-0", by(label("Domain-0")), running()),
            case("poweroff-nobody", by(MachineAddress::default()), running()),
            case("poweroff-all", everything(CancelMethod::PowerOff(Some(0))), two()).then([
                ("destroy tst100 (1)", ok()),
                ("destroy tst101 (2)", ok()),
                (LOOK, listing(&[])),
            ]),
            case("poweroff-all-idle", everything(CancelMethod::PowerOff(None)), lab00()),
            case("poweroff-self", cancel(off(Some(0)), |c| c.with_self = true), running())
                .then([("destroy tst100 (1)", ok()), (LOOK, listing(&[]))])
                .then([("bring the host down", Answer::Missing(Missing::HostSilent))]),
            case("poweroff-clients", clients(), World { consoles: vec![console_of(1, 400)], ..running() })
                .then([("end 400", ok()), ("look for consoles", Answer::Processes(vec![console_of(1, 400)]))])
                .then([("look for consoles", Answer::Processes(vec![]))]),
            case("poweroff-clients-refused", clients(), World { consoles: vec![console_of(1, 400)], ..running() })
                .then([
                    ("end 400", ended(Exit::Refused("sudo: a password is required".into()))),
                    ("look for consoles", Answer::Processes(vec![console_of(1, 400)])),
                ]),
            case("poweroff-no-clients", clients(), running()),
            plain("poweroff-protected", Some(0), marked()),
            case("poweroff-protected-by-path", by(path("/srv/tst100.conf")), marked_elsewhere()),
            case("poweroff-protected-set-aside", cancel(off(Some(0)), |c| c.unprotect = true), marked())
                .then([("destroy tst100 (1)", ok()), (LOOK, listing(&[]))]),
            case("poweroff-protected-clients", clients(), marked()),
            case("poweroff-protected-below-base", below("/srv"), marked_elsewhere()),
            plain("poweroff-protected-short-file", Some(0), short_file()),
            plain("poweroff-protected-other-uuid", Some(0), marked_without_native_uuid()),
            plain("poweroff-protected-unreadable", Some(0), no_file().denied("/etc/xen/tst100.cfg")),
            plain("poweroff-protected-cut", Some(0), World { cut: true, ..no_file() }),
            case(
                "poweroff-protected-all",
                everything(CancelMethod::PowerOff(Some(0))),
                World { list: two().list, ..marked() },
            ),
            case("poweroff-protected-host", cancel(off(Some(0)), |c| c.with_self = true), marked_host()),
            case("poweroff-no-permission", cancel(None, |_| {}), forbidden()),
        ],
    );
}

#[test]
fn plans_of_other_methods() {
    use CancelMethod::*;
    let plain = |name, method, world| case(name, cancel(Some(method), |_| {}), world);
    let own = |name: &'static str| -> [(&'static str, Answer); 2] { [(name, ok()), (LOOK, up(1, "-b----"))] };
    let not_run = || ended(Exit::NotRun("an earlier step failed".into()));
    let by = |address| cancel(Some(Reset), |cancel| cancel.address = address);
    let by_path = |method| cancel(Some(method), |cancel| cancel.address = path("/x.conf"));
    let by_mac = |method| cancel(Some(method), |cancel| cancel.address = mac("00:50:56:13:11:40"));
    let plain_uuid = || running().with("/x.conf", &format!("name = 'tst100'\nuuid = '{}'\n", UUID.replace('-', "")));
    let kept_looks = |case| (0..10).fold(case, |case: Case, _| case.then([(LOOK, up(1, "---s--"))]));
    let save = "save tst100 (1)";
    let folder = "make the folder";
    check(
        "cancel",
        vec![
            plain("cancel-reboot", Reboot, running())
                .then(own("reboot tst100 (1)"))
                .then([(LOOK, up(1, "---sr-"))])
                .then([(LOOK, listing(&[]))])
                .then([(LOOK, up(2, "--p---"))])
                .then([(LOOK, up(2, "r-----"))]),
            plain("cancel-reboot-nobody-acts", Reboot, running())
                .then(own("reboot tst100 (1)"))
                .then([(LOOK, up(1, "-b----"))])
                .at(61_000, [(LOOK, up(1, "---sr-"))]),
            plain("cancel-reboot-no-answer", Reboot, running())
                .then(own("reboot tst100 (1)"))
                .then([(LOOK, up(1, "-b----"))])
                .at(61_000, [(LOOK, up(1, "-b----"))]),
            plain("cancel-reboot-gone", Reboot, running())
                .then(own("reboot tst100 (1)"))
                .then([(LOOK, up(1, "-b----"))])
                .at(61_000, [(LOOK, listing(&[]))]),
            plain("cancel-reboot-crashed", Reboot, with_state("---sc-")),
            plain("cancel-reset", Reset, running()).then([
                (CHECK, ok()),
                ("destroy tst100 (1)", ok()),
                ("create tst100 (1)", ok()),
                (LOOK, up(2, "r-----")),
            ]),
            plain("cancel-reset-refused", Reset, running()).then([
                (CHECK, failed(1, include_str!("../captures/xl-4.17-dry-run-unclosed.err"))),
                ("destroy tst100 (1)", not_run()),
                ("create tst100 (1)", not_run()),
                (LOOK, not_run()),
            ]),
            plain("cancel-reset-half-made", Reset, half_made()),
            plain("cancel-pause-half-made", Pause, half_made()),
            plain("cancel-reset-crashed", Reset, with_state("---sc-")),
            case("cancel-reset-uuid-without-dashes", by_path(Reset), plain_uuid()),
            plain("cancel-reset-create-fails", Reset, running()).then([
                (CHECK, ok()),
                ("destroy tst100 (1)", ok()),
                ("create tst100 (1)", failed(3, "libxl: error: no memory\n")),
                (LOOK, listing(&[])),
            ]),
            plain("cancel-reset-without-configuration", Reset, no_file()),
            plain("cancel-reset-another-machine", Reset, namesake("tst100")),
            case("cancel-reset-another-by-mac", by_mac(Reset), namesake("web")),
            case("cancel-reset-another-by-path", by(path(TST100)), namesake("tst100")),
            case("cancel-reset-all", everything(Reset), two()),
            plain("cancel-init-0", Init(0), running())
                .then(own("shutdown tst100 (1)"))
                .then([(LOOK, up(1, "-b----"))])
                .at(61_000, [(LOOK, up(1, "-b----"))]),
            plain("cancel-init-0-comes-back", Init(0), running())
                .then(own("shutdown tst100 (1)"))
                .then([(LOOK, up(7, "r-----"))]),
            plain("cancel-init-0-started-again", Init(0), restarting())
                .then(own("shutdown tst100 (1)"))
                .then([(LOOK, listing(&[]))])
                .then([(LOOK, listing(&[]))])
                .then([(LOOK, up(7, "--p---"))]),
            // `xl create -e` and on_poweroff="preserve": nobody tears it down.
            kept_looks(plain("cancel-init-0-kept", Init(0), running()).then(own("shutdown tst100 (1)"))),
            plain("cancel-init-0-kept-late", Init(0), running())
                .then(own("shutdown tst100 (1)"))
                .then([(LOOK, up(1, "-b----"))])
                .at(61_000, [(LOOK, up(1, "---s--"))]),
            plain("cancel-init-6", Init(6), running()),
            plain("cancel-init-3", Init(3), running()),
            plain("cancel-pause", Pause, running()).then([("pause tst100 (1)", ok()), (LOOK, up(1, "--p---"))]),
            plain("cancel-pause-paused", Pause, with_state("--p---")),
            plain("cancel-pause-vanished", Pause, running()).then([
                ("pause tst100 (1)", failed(1, "1 is an invalid domain identifier (rc=-6)\n")),
                (LOOK, listing(&[])),
            ]),
            plain("cancel-suspend", Suspend, running()).then([(folder, ok()), (save, ok()), (LOOK, listing(&[]))]),
            plain("cancel-suspend-fails", Suspend, running())
                .then([
                    (folder, ok()),
                    (save, failed(2, "Failed to open temp file: No space left on device\n")),
                    (LOOK, up(1, "-b----")),
                ])
                .then([("remove the unfinished state of tst100 (1)", ok()), (LOOK, up(1, "-b----"))]),
            plain("cancel-suspend-too-slow", Suspend, running())
                .then([(folder, ok()), (save, ended(Exit::TimedOut)), (LOOK, up(1, "-b----"))])
                .then([("remove the unfinished state of tst100 (1)", ok()), (LOOK, up(1, "-b----"))]),
            plain("cancel-suspend-lingers", Suspend, running())
                .then([(folder, ok()), (save, ok()), (LOOK, up(1, "--pss-"))])
                .then([(LOOK, listing(&[]))]),
            plain("cancel-suspend-paused", Suspend, with_state("--p---")),
            plain("cancel-suspend-not-running", Suspend, lab00()),
            case("cancel-suspend-self", cancel(Some(Suspend), |c| c.with_self = true), running()),
            case("cancel-pause-all", everything(Pause), two()).then([("pause tst100 (1)", ok()), (LOOK, two().list)]),
        ],
    );
}

/// Nothing of ours runs in guests, so there is nobody whom FORCE would spare.
#[test]
fn force_changes_nothing_and_other_guests_are_never_touched() {
    use CancelMethod::*;
    for method in [Reset, Reboot, PowerOff(None), PowerOff(Some(0)), Init(0), Init(6), Pause, Suspend] {
        let plan = |force| {
            let action = cancel(Some(method), |cancel| cancel.force = force);
            story::tell::<Xen>(&case("force", action, two()))
        };
        assert_eq!(plan(true), plan(false), "{method:?}");
        assert!(plan(true).contains("tst100 (1)"), "{method:?}");
        assert!(!plan(true).contains("(2)") && !plan(true).contains("(0)"), "{method:?}");
    }
}
