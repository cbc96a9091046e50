//! CREATE and CANCEL as text: what they want, what they plan, what follows. One file per case in `plans/`.

mod story;

use ctys_plugin::model::action::BootMode;
use ctys_plugin::model::*;
use ctys_plugin::testing::{failed, output};
use story::*;

const LOOK: &str = "look";
const ASK: &str = "ask";
const FOLDERS: &str = "make the folders";
const OLD: &str = "put an old state aside";
const START: &str = "start";
const TAKE: &str = "take the state file";
const FIND: &str = "find the state file";
const BACK: &str = "put the state file back";
const REMOVE: &str = "remove the state file";
const CONTINUE: &str = "continue";
const COMPLAINT: &str = "read what QEMU complained";

fn create(address: MachineAddress, change: impl FnOnce(&mut Create)) -> Action {
    let console = Some(ConsoleKind::None);
    let mut create = Create { address, console, ping: Some(Poll::Off), ..Create::default() };
    change(&mut create);
    Action::Create(Box::new(create))
}

fn mode(mode: CreateMode) -> impl FnOnce(&mut Create) {
    move |create| create.mode = Some(mode)
}

fn console(kind: ConsoleKind) -> impl FnOnce(&mut Create) {
    move |create| create.console = Some(kind)
}

fn there(word: &str) -> [(&'static str, Answer); 2] {
    [(LOOK, Answer::Processes(vec![tst100()])), (ASK, tst100_says(&status(word)))]
}

fn nobody() -> [(&'static str, Answer); 2] {
    let gone = heard(&format!("{RUN}/{KEY}/qmp"), "", Ending::Absent);
    [(LOOK, Answer::Processes(Vec::new())), (ASK, gone)]
}

fn no_state() -> Answer {
    failed(1, "mv: cannot stat 'state': No such file or directory\n")
}

fn started(old: Answer, start: Answer, look: [(&'static str, Answer); 2]) -> Vec<(&'static str, Answer)> {
    [[(FOLDERS, ok()), (OLD, old)], [(START, start), look[0].clone()]]
        .concat()
        .into_iter()
        .chain([look[1].clone()])
        .collect()
}

/// tst100 is protected, by a second file of it.
fn marked() -> World {
    let mark = "#@#MAGICID-QEMU\n#@#LABEL = \"tst100\"\n#@#UUID = \"6842caf91e3e43249ed596b8b9f2c5c2\"\n#@#PROTECT = \"ask mia\"\n";
    running().with("/home/mia/mark.ctys", mark)
}

fn not_run() -> Answer {
    Answer::Output(Output::ended(Exit::NotRun("an earlier step failed".into())))
}

/// A machine that somebody started.
fn by_hand(words: &str) -> World {
    let words: Vec<&str> = std::iter::once("qemu-system-x86_64").chain(words.split(' ')).collect();
    lab00().with_processes(vec![qemu(700, "mia", &words)])
}

#[test]
fn plans_of_create_addresses() {
    let by = |change: fn(&mut MachineAddress)| {
        let mut address = MachineAddress::default();
        change(&mut address);
        create(address, |_| ())
    };
    let copy = || lab00().with("/home/mia/copies/tst100.ctys", "#@#MAGICID-QEMU\n#@#LABEL=tst100\n-m 1\n");
    check(
        "address",
        vec![
            case("address-label", create(label("tst100"), |_| ()), lab00()),
            case("address-label-part", create(label("tst10"), |_| ()), lab00()),
            case("address-label-copies", create(label("tst100"), |_| ()), copy()),
            case("address-path", create(path(TST101), |_| ()), lab00()),
            case("address-path-absent", create(path("/x.ctys"), |_| ()), lab00()),
            case(
                "address-path-of-another-kind",
                create(path("/x.ctys"), |_| ()),
                lab00().with("/x.ctys", "name='x'\n"),
            ),
            case("address-path-relative", create(path("x.ctys"), |_| ()), lab00()),
            case(
                "address-path-and-label",
                create(MachineAddress { label: Some("x".into()), ..path(TST100) }, |_| ()),
                lab00(),
            ),
            case("address-file", by(|a| a.file_name = Some("tst101/".into())), lab00()),
            case("address-file-ambiguous", by(|a| a.file_name = Some("vm/".into())), lab00()),
            case("address-uuid", by(|a| a.uuid = Some(KEY.to_uppercase())), lab00()),
            case("address-mac", by(|a| a.mac = Some("52-54-00-00-00-02".into())), lab00()),
            case("address-tcp", by(|a| a.tcp = Some("10.0.0.7".into())), lab00()),
            case("address-tcp-running", by(|a| a.tcp = Some("10.0.0.7".into())), running()),
            case("address-none", create(MachineAddress::default(), |_| ()), lab00()),
            case("address-record", by(|a| a.db_record = Some(7)), lab00()),
        ],
    );
}

#[test]
fn plans_of_create() {
    use ConsoleKind::*;
    let t = || label("tst100");
    let boot = |mode: &str, image: Option<&str>| {
        let boot_mode = Some(BootMode { mode: mode.into(), image: image.map(str::to_string) });
        create(label("tst100"), |create| create.boot_mode = boot_mode)
    };
    let said = "qemu-system-x86_64: warning: x\nqemu-system-x86_64: -drive file=x: Could not open 'x'\n";
    let install = |parts: &[&str]| {
        let parts = parts.iter().map(|part| part.to_string()).collect();
        create(label("tst100"), |create| create.inst_mode = Some(parts))
    };
    let added = create(t(), |create| {
        create.extra.insert("ARGSADD".into(), "S%-name%guest=other%-vnc%:9".into());
        create.call_opts = vec!["-snapshot".into()];
    });
    let root = World { root: true, ..lab00() }.with("/root/r.ctys", "#@#MAGICID-QEMU\n#@#LABEL=r\n-M none\n");
    let script = lab00().with("/home/mia/s.ctys", "#!/bin/sh\n#@#MAGICID-QEMU\n#@#LABEL=s\nexec qemu \"$@\"\n");
    let long = World { files: vec![("/home/mia/e.ctys", content("#@#MAGICID-QEMU\n#@#LABEL=e\n"))], ..lab00() };
    check(
        "create",
        vec![
            case("create-none", create(t(), |_| ()), lab00()).then(started(no_state(), ok(), there("running"))),
            case("create-after-suspend", create(t(), |_| ()), lab00()).then(started(ok(), ok(), there("running"))),
            case("create-fails", create(t(), |_| ()), lab00()).then(started(
                no_state(),
                failed(1, said),
                [(LOOK, not_run()), (ASK, not_run())],
            )),
            case("create-fails-after-suspend", create(t(), |_| ()), lab00())
                .then(started(ok(), failed(1, said), [(LOOK, not_run()), (ASK, not_run())]))
                .then([(BACK, ok())]),
            case("create-gone-again", create(t(), |_| ()), lab00())
                .then(started(no_state(), ok(), nobody()))
                .then([[(COMPLAINT, output("qemu-system-x86_64: out of luck\n"))].as_slice(), &nobody()].concat()),
            case("create-cli", create(t(), console(Cli)), lab00()).then(started(no_state(), ok(), there("running"))),
            case("create-vnc", create(t(), console(Vnc)), lab00()).then(started(no_state(), ok(), there("running"))),
            case("create-sdl-far", create(t(), console(Sdl)), lab00()),
            case("create-sdl", create(t(), console(Sdl)), lab00()).target("localhost"),
            case("create-xterm-forwarded", create(t(), console(Xterm)), lab00()).forwarded(),
            case("create-firefox", create(t(), console(Firefox)), lab00()),
            case("create-ping", create(t(), |create| create.ping = Some(Poll::Tries { count: 2, every: 3 })), lab00())
                .then(started(no_state(), ok(), there("running")))
                .then([[("ping", failed(1, ""))].as_slice(), &there("running")].concat())
                .then([[("ping", output("64 bytes\n"))].as_slice(), &there("running")].concat()),
            case("create-runs-already", create(t(), |_| ()), running()),
            case("create-boot-cd", boot("CD", Some("/srv/a,b.iso")), lab00()),
            case("create-boot-kernel", boot("KERNEL", Some("/boot/k%/boot/i%console=ttyS0%quiet")), lab00()),
            case("create-boot-pxe", boot("PXE", Option::None), lab00()),
            case("create-boot-iso-none", boot("ISO", Option::None), lab00()),
            case("create-boot-nonsense", boot("TAPE", Option::None), lab00()),
            case("create-install", install(&["CD", "/srv/x.iso", "HDD", "/srv/new.qcow2", "INIT"]), lab00()),
            case("create-install-short", install(&["CD"]), lab00()),
            case("create-arguments-added", added, lab00()),
            case("create-refused", create(t(), |create| create.chdir = Some("/x".into())), lab00()),
            case("create-as-root", create(path("/root/r.ctys"), |_| ()), root),
            case("create-script", create(label("s"), |_| ()), script),
            case("create-no-body", create(label("e"), |_| ()), long),
            case("create-other-folders", create(t(), |_| ()), lab00())
                .setting("RUN_DIR", "/srv/run")
                .setting("STATE_DIR", "/srv/state"),
        ],
    );
}

#[test]
fn plans_of_attaching() {
    use ConsoleKind::*;
    let t = || label("tst100");
    let with = |m: CreateMode, kind| create(t(), |create| (create.mode, create.console) = (Some(m), Some(kind)));
    let carrier = {
        let serial = format!("{RUN}/{KEY}/serial");
        qemu(900, "mia", &["perl", "-e", "use strict;", &serial, "29", "4711"])
    };
    let end = "end the clients of tst100 (4711): process 900";
    let said = |answer: &str| tst100_says(&said(&[("cont", answer)]));
    let with_carrier = || World { carriers: vec![carrier.clone()], ..running() };
    check(
        "attach",
        vec![
            case("attach-connect-cli", with(CreateMode::Connect, Cli), running()),
            case("attach-connect-cli0", with(CreateMode::Connect, Cli0), running()),
            case("attach-connect-vnc", with(CreateMode::Connect, Vnc), running()),
            case("attach-connect-not-running", with(CreateMode::Connect, Cli), lab00()),
            case("attach-connect-none", create(t(), mode(CreateMode::Connect)), running()),
            case(
                "attach-connect-others-vnc",
                create(label("web01"), |create| {
                    (create.mode, create.console) = (Some(CreateMode::Connect), Some(Vnc));
                }),
                crowd(),
            ),
            case(
                "attach-connect-others-cli",
                create(label("hand"), |create| {
                    (create.mode, create.console) = (Some(CreateMode::Connect), Some(Cli));
                }),
                crowd(),
            ),
            case(
                "attach-connect-vnc-elsewhere",
                create(label("far"), |create| {
                    (create.mode, create.console) = (Some(CreateMode::Connect), Some(Vnc));
                }),
                by_hand("-name far -vnc 192.168.1.71:1"),
            ),
            case(
                "attach-connect-vnc-not-asked",
                create(label("open"), |create| {
                    (create.mode, create.console) = (Some(CreateMode::Connect), Some(Vnc));
                }),
                by_hand("-name open -vnc 127.0.0.1:0,to=99 -qmp unix:/srv/q,server=on,wait=off"),
            ),
            case("attach-reuse", with(CreateMode::Reuse, Cli), running()),
            case("attach-reuse-starts", create(t(), mode(CreateMode::Reuse)), lab00()),
            case("attach-reconnect", with(CreateMode::Reconnect, Cli), with_carrier()).then([(end, ok())]),
            case("attach-reconnect-nobody", with(CreateMode::Reconnect, Cli), running()),
            case("attach-resume-paused", create(t(), mode(CreateMode::Resume(Option::None))), in_state("paused"))
                .then([[(CONTINUE, said("{}"))].as_slice(), &there("running")].concat())
                .then([[(REMOVE, ok())].as_slice(), &there("running")].concat()),
            case(
                "attach-resume-refused",
                create(t(), mode(CreateMode::Resume(Option::None))),
                in_state("internal-error"),
            )
            .then(
                [[(CONTINUE, said("!Resetting the Virtual Machine is required"))].as_slice(), &there("internal-error")]
                    .concat(),
            ),
            case("attach-resume-running", create(t(), mode(CreateMode::Resume(Option::None))), running()),
            case("attach-resume-others", create(label("web01"), mode(CreateMode::Resume(Option::None))), crowd()),
        ],
    );
}

#[test]
fn plans_of_resume() {
    let resume = |file: Option<&str>| create(label("tst100"), mode(CreateMode::Resume(file.map(str::to_string))));
    let saved = format!("{RUN}/{KEY}/state");
    let found = || [(FIND, output(format!("{saved}\n")))];
    let again = |start: Answer, look: [(&'static str, Answer); 2]| {
        [vec![(FOLDERS, ok()), (TAKE, ok()), (START, start)], look.to_vec()].concat()
    };
    let no = [(LOOK, not_run()), (ASK, not_run())];
    let continued =
        |word: &str| [vec![(CONTINUE, tst100_says(&said(&[("cont", "{}")])))], there(word).to_vec()].concat();
    let cut = "qemu-system-x86_64: load of migration failed: Input/output error\n";
    check(
        "resume",
        vec![
            case("resume-saved", resume(None), lab00())
                .then(found())
                .then(again(ok(), there("inmigrate")))
                .then(there("paused"))
                .then(continued("running"))
                .then([vec![(REMOVE, ok())], there("running").to_vec()].concat()),
            case("resume-nothing-saved", resume(None), lab00()).then([(FIND, failed(2, "ls: cannot access\n"))]),
            case("resume-cut-short-before", resume(None), lab00()).then([(
                FIND,
                Answer::Output(Output { stdout: format!("{saved}.resuming\n").into(), ..Output::ended(Exit::Code(2)) }),
            )]),
            case("resume-start-fails", resume(None), lab00())
                .then(found())
                .then(again(failed(1, "qemu-system-x86_64: no\n"), no.clone()))
                .then([(BACK, ok())]),
            case("resume-cannot-be-read", resume(None), lab00())
                .then(found())
                .then(again(ok(), there("inmigrate")))
                .then(nobody())
                .then([vec![(COMPLAINT, output(cut)), (BACK, ok())], nobody().to_vec()].concat()),
            case("resume-file", resume(Some("saved/mine.state")), lab00()),
            case("resume-file-absolute", resume(Some("/srv/it's \"mine\".state")), lab00()),
        ],
    );
}

fn cancel(address: MachineAddress, method: CancelMethod, change: impl FnOnce(&mut Cancel)) -> Action {
    let mut cancel = Cancel { address, method: Some(method), stack: true, ..Cancel::default() };
    change(&mut cancel);
    Action::Cancel(Box::new(cancel))
}

const T: &str = "tst100 (4711)";

fn named(verb: &str) -> String {
    format!("{verb} {T}")
}

#[test]
fn plans_of_poweroff() {
    use CancelMethod::PowerOff;
    let off = |seconds: Option<u32>| cancel(label("tst100"), PowerOff(seconds), |_| ());
    let (button, asked, quit, term, kill) =
        (named("press the power button of"), named("ask"), named("quit"), named("terminate"), named("kill"));
    let pressed = || tst100_says(&said(&[("system_powerdown", "{}")]));
    let left = || (LOOK, Answer::Processes(vec![tst100()]));
    let gone = || (LOOK, Answer::Processes(Vec::new()));
    let running_still = || tst100_says(&status("running"));
    let silent = || heard(&format!("{RUN}/{KEY}/qmp"), "", Ending::TimedOut);
    let by_base = || {
        let address = MachineAddress { base: vec!["/srv/vm".into()], ..label("tst100") };
        cancel(address, PowerOff(Some(0)), |_| ())
    };
    let all = |force: bool| {
        cancel(MachineAddress::default(), PowerOff(Some(0)), |cancel| (cancel.all, cancel.force) = (true, force))
    };
    check(
        "poweroff",
        vec![
            case("poweroff-protected", off(Some(0)), marked()),
            case("poweroff-protected-all", all(false), marked()),
            case(
                "poweroff-protected-set-aside",
                cancel(label("tst100"), PowerOff(Some(0)), |c| c.unprotect = true),
                marked(),
            ),
            case("poweroff-default", off(None), running())
                .then([(button.as_str(), pressed()), left(), (&asked, running_still())])
                .then([gone(), (&asked, silent())]),
            case("poweroff-paused", off(Some(5)), in_state("paused")),
            case("poweroff-pressed-again", off(Some(20)), running())
                .then([(button.as_str(), pressed()), left(), (&asked, running_still())])
                .at(5500, [left(), (&asked, running_still())])
                .at(5600, [(button.as_str(), pressed()), left(), (&asked, running_still())]),
            case("poweroff-halted-without-end", off(Some(20)), running()).then([
                (button.as_str(), pressed()),
                left(),
                (&asked, tst100_says(&status("shutdown"))),
            ]),
            case("poweroff-deaf", off(Some(1)), running())
                .then([(button.as_str(), pressed()), left(), (&asked, running_still())])
                .at(500, [left(), (&asked, running_still())])
                .at(1500, [left(), (&asked, running_still())])
                .at(1600, [(quit.as_str(), tst100_says(&said(&[("quit", "{}")]))), gone(), (&asked, silent())]),
            // Whoever hangs takes ten seconds of the round in which all are asked, and none of those of the others.
            case("poweroff-asked-late", off(Some(5)), running())
                .then([(button.as_str(), pressed()), left(), (&asked, running_still())])
                .at(30_000, [left(), (&asked, running_still())])
                .at(34_900, [(button.as_str(), pressed()), left(), (&asked, running_still())])
                .at(35_100, [left(), (&asked, running_still())]),
            case(
                "poweroff-protected-elsewhere",
                by_base(),
                World { files: Vec::new(), ..running() }
                    .with("/srv/vm/tst100.ctys", "#@#MAGICID-QEMU\n#@#LABEL=tst100\n#@#PROTECT\n"),
            ),
            case(
                "poweroff-protected-other-uuid",
                off(Some(0)),
                World { files: Vec::new(), ..running() }.with(
                    "/home/mia/tst100.ctys",
                    "#@#MAGICID-QEMU\n#@#LABEL=tst100\n#@#UUID=00000000000000000000000000000001\n#@#PROTECT\n",
                ),
            ),
            case("poweroff-deaf-to-all", off(Some(0)), running())
                .then([(quit.as_str(), silent()), left(), (&asked, silent())])
                .at(1000, [(term.as_str(), ok()), left(), (&asked, silent())])
                .at(7000, [left(), (&asked, silent())])
                .at(7100, [(kill.as_str(), ok()), left(), (&asked, silent())])
                .at(20000, [left(), (&asked, silent())]),
            case("poweroff-at-once", off(Some(0)), running()).then([
                (quit.as_str(), tst100_says(&said(&[("quit", "{}")]))),
                gone(),
                (&asked, silent()),
            ]),
            case("poweroff-all", all(false), crowd()),
            case("poweroff-all-with-force", all(true), crowd()),
            case("poweroff-all-none", all(false), lab00().with_processes(others())),
            case("poweroff-others", cancel(label("web01"), PowerOff(None), |_| ()), crowd()),
            case("poweroff-others-with-force", cancel(label("web01"), PowerOff(None), |c| c.force = true), crowd()),
            case("poweroff-hand-with-force", cancel(label("hand"), PowerOff(Some(3)), |c| c.force = true), crowd()),
            case("poweroff-not-running", off(None), lab00()),
            case("poweroff-nobody", cancel(label("tst999"), PowerOff(None), |_| ()), running()),
            case("poweroff-self", cancel(label("tst100"), PowerOff(None), |c| c.with_self = true), running()),
            case(
                "poweroff-tunnel",
                cancel(label("tst100"), PowerOff(None), |c| c.side = Some(Side::Tunnel)),
                running(),
            ),
            case("poweroff-not-told", off(None), running()).then([
                (button.as_str(), pressed()),
                (LOOK, Answer::Failed("ps: no".into())),
                (&asked, silent()),
            ]),
            case(
                "poweroff-clients",
                cancel(label("tst100"), PowerOff(None), |c| c.side = Some(Side::Client)),
                running(),
            ),
        ],
    );
}

#[test]
fn plans_of_the_other_methods() {
    use CancelMethod::*;
    let t = |method| cancel(label("tst100"), method, |_| ());
    let asked = named("ask");
    let left = || (LOOK, Answer::Processes(vec![tst100()]));
    let gone = || (LOOK, Answer::Processes(Vec::new()));
    let says = |word: &str| tst100_says(&status(word));
    let did = |command: &str, answer: &str| tst100_says(&said(&[(command, answer)]));
    let (pause, reset, hold) = (named("pause"), named("reset"), named("make the power off a halt of"));
    let (button, again, release) =
        (named("press the power button of"), named("start again"), named("take back the halt of"));
    let init = named("call init in");
    check(
        "cancel",
        vec![
            case("cancel-pause", t(Pause), running()).then([
                (pause.as_str(), did("stop", "{}")),
                left(),
                (&asked, says("paused")),
            ]),
            case("cancel-pause-paused", t(Pause), in_state("paused")),
            case("cancel-pause-refused", t(Pause), running()).then([
                (pause.as_str(), did("stop", "!no")),
                left(),
                (&asked, says("running")),
            ]),
            case("cancel-reset", t(Reset), running()).then([
                (reset.as_str(), did("system_reset", "{}")),
                left(),
                (&asked, says("running")),
            ]),
            case("cancel-reset-paused", t(Reset), in_state("paused")),
            case("cancel-reset-crashed", t(Reset), in_state("internal-error")),
            case("cancel-reset-libvirts", cancel(label("web01"), Reset, |c| c.force = true), crowd()),
            case("cancel-reboot", t(Reboot), running())
                .then([(hold.as_str(), did("set-action", "{}")), left(), (&asked, says("running"))])
                .then([(button.as_str(), did("system_powerdown", "{}")), left(), (&asked, says("running"))])
                .then([left(), (&asked, says("shutdown"))])
                .then([(again.as_str(), did("system_reset", "{}")), left(), (&asked, says("running"))]),
            case("cancel-reboot-old-qemu", t(Reboot), running()).then([
                (hold.as_str(), did("set-action", "!The command set-action has not been found")),
                left(),
                (&asked, says("running")),
            ]),
            case("cancel-reboot-deaf", t(Reboot), running())
                .then([(hold.as_str(), did("set-action", "{}")), left(), (&asked, says("running"))])
                .then([(button.as_str(), did("system_powerdown", "{}")), left(), (&asked, says("running"))])
                .at(2000, [left(), (&asked, says("running"))])
                .at(121_000, [left(), (&asked, says("running"))])
                .at(121_100, [(button.as_str(), did("system_powerdown", "{}")), left(), (&asked, says("running"))])
                .at(123_000, [left(), (&asked, says("running"))])
                .at(123_100, [(release.as_str(), did("set-action", "{}")), left(), (&asked, says("running"))]),
            // It went down between the last look and that.
            case("cancel-reboot-at-the-last-moment", t(Reboot), running())
                .then([(hold.as_str(), did("set-action", "{}")), left(), (&asked, says("running"))])
                .then([(button.as_str(), did("system_powerdown", "{}")), left(), (&asked, says("running"))])
                .at(2000, [left(), (&asked, says("running"))])
                .at(124_000, [left(), (&asked, says("running"))])
                .at(124_100, [(release.as_str(), did("set-action", "{}")), left(), (&asked, says("shutdown"))])
                .then([(again.as_str(), did("system_reset", "{}")), left(), (&asked, says("running"))]),
            case("cancel-init-0", t(Init(0)), running()).then([
                (button.as_str(), did("system_powerdown", "{}")),
                gone(),
                (&asked, says("running")),
            ]),
            case("cancel-init-3", t(Init(3)), running()).then([
                (init.as_str(), ok()),
                left(),
                (&asked, says("running")),
            ]),
            case("cancel-init-3-no-address", cancel(label("hand"), Init(3), |c| c.force = true), crowd()),
            // The file of that name describes another machine, and its address is another guest's.
            case(
                "cancel-init-3-of-another-machine",
                t(Init(3)),
                World { files: Vec::new(), ..running() }.with(
                    "/home/mia/tst100.ctys",
                    "#@#MAGICID-QEMU\n#@#LABEL=tst100\n#@#UUID=00000000000000000000000000000001\n#@#IP0=10.9.9.9\n",
                ),
            ),
            case("cancel-init-9", t(Init(9)), running()),
        ],
    );
}

#[test]
fn plans_of_suspend() {
    let t = || cancel(label("tst100"), CancelMethod::Suspend, |_| ());
    let (folder, save) = (named("make the folder of"), named("save"));
    let (progress, file, quit) = (named("ask for the progress of"), named("look for the state of"), named("quit"));
    let clear = named("remove an old state of");
    let (back, tidy) = (named("continue"), named("remove the unfinished state of"));
    let left = || (LOOK, Answer::Processes(vec![tst100()]));
    let gone = || (LOOK, Answer::Processes(Vec::new()));
    let saving = |answer: &str| tst100_says(&said(&[("stop", "{}"), ("migrate", answer)]));
    let at = |word: &str| {
        let text = format!("{{\"status\": \"{word}\", \"error-desc\": \"Unable to write to command: Broken pipe\"}}");
        tst100_says(&said(&[("query-migrate", &text)]))
    };
    let no_file = || failed(2, "ls: cannot access\n");
    let odd = World { files: vec![], ..running() };
    check(
        "suspend",
        vec![
            case("suspend-saved", t(), running())
                .then([(folder.as_str(), ok()), (&clear, ok()), left()])
                .then([(save.as_str(), saving("{}")), (&progress, at("active")), (&file, no_file()), left()])
                .then([(progress.as_str(), at("completed")), (&file, ok()), left()])
                .then([
                    (quit.as_str(), tst100_says(&said(&[("quit", "{}")]))),
                    (&progress, at("completed")),
                    (&file, ok()),
                    gone(),
                ]),
            case("suspend-disk-full", t(), running())
                .then([(folder.as_str(), ok()), (&clear, ok()), left()])
                .then([(save.as_str(), saving("{}")), (&progress, at("active")), (&file, no_file()), left()])
                .then([(progress.as_str(), at("failed")), (&file, no_file()), left()])
                .then([
                    (back.as_str(), tst100_says(&said(&[("cont", "{}")]))),
                    (&tidy, ok()),
                    (&progress, at("failed")),
                    (&file, no_file()),
                    left(),
                ]),
            case("suspend-blocked", t(), running())
                .then([(folder.as_str(), ok()), (&clear, ok()), left()])
                .then([
                    (save.as_str(), saving("!State blocked by non-migratable device")),
                    (&progress, at("none")),
                    (&file, no_file()),
                    left(),
                ])
                .then([
                    (back.as_str(), tst100_says(&said(&[("cont", "{}")]))),
                    (&tidy, ok()),
                    (&progress, at("none")),
                    (&file, no_file()),
                    left(),
                ]),
            case("suspend-no-folder", t(), running()).then([
                (folder.as_str(), failed(1, "install: cannot create directory '/x': Read-only file system\n")),
                (&clear, ok()),
                left(),
            ]),
            case("suspend-old-state-stays", t(), running()).then([
                (folder.as_str(), ok()),
                (&clear, failed(1, "rm: cannot remove '/x': Operation not permitted\n")),
                left(),
            ]),
            case("suspend-others", cancel(label("hand"), CancelMethod::Suspend, |c| c.force = true), crowd()),
            case("suspend-odd-folder", t(), odd).setting("STATE_DIR", "/srv/my state"),
        ],
    );
}
