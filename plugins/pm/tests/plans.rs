//! Every verb as text: what it wants, what it plans, what follows; one argument per line, one file per case in `plans/`.
//!
//! `UPDATE_PLANS=1 cargo test -p ctys-pm` writes the files anew. Read the diff very carefully before you keep it.

use ctys_plugin::model::field::Known;
use ctys_plugin::model::*;
use ctys_plugin::story::{self, Case};
use ctys_plugin::testing::{answer_to, facts, facts_with, failed, output, request};
use ctys_pm::{Pm, probes};

fn case(name: &'static str, action: Action, facts: Facts) -> Case {
    story::case(name, request(action), facts)
}

trait Told {
    /// A round on a host that was there when it began.
    fn told<const N: usize>(self, steps: [(&'static str, Answer); N]) -> Self;
}

impl Told for Case {
    fn told<const N: usize>(self, steps: [(&'static str, Answer); N]) -> Case {
        self.then([("ask for the name", output("lab00\n"))].into_iter().chain(steps))
    }
}

fn check(prefix: &str, cases: Vec<Case>) {
    story::check::<Pm>(env!("CARGO_MANIFEST_DIR"), prefix, cases);
}

macro_rules! capture {
    ($file:literal) => {
        include_str!(concat!("../captures/", $file))
    };
}

fn with(mut facts: Facts, probe: Probe, answer: Answer) -> Facts {
    facts.answers.retain(|(known, _)| *known != probe);
    facts.answers.push((probe, answer));
    facts
}

fn file(probe: Probe, text: &str) -> (Probe, Answer) {
    let answer = answer_to(&probe, text);
    (probe, answer)
}

/// The second of the tools ran.
fn ran_second(text: &str) -> Answer {
    Answer::Output(Output { tried: 1, stdout: text.into(), ..Output::ended(Exit::Code(0)) })
}

fn lost(begun: bool, phase: Phase, why: &str) -> Answer {
    ended(Exit::Lost { begun, phase, why: why.into() })
}

fn ended(exit: Exit) -> Answer {
    Answer::Output(Output::ended(exit))
}

const ABSENT: Answer = Answer::File(FileAnswer::Absent);
const DENIED: Answer = Answer::File(FileAnswer::Denied);

/// A host with a network and no configuration of ours.
fn plain() -> Facts {
    let facts = facts([
        (probes::addresses(), capture!("ip-addr-iproute2-6.9-laptop.txt")),
        (probes::routes(), capture!("proc-net-route-linux-6-laptop.txt")),
    ]);
    let facts = with(facts, probes::pm_conf(), ABSENT);
    let facts = with(facts, probes::vm_conf(), ABSENT);
    with(facts, probes::product_uuid(), DENIED)
}

/// The seed's lab00.
fn lab00() -> Facts {
    let facts = facts([
        (probes::pm_conf(), capture!("pm-conf-lab00.txt")),
        (probes::addresses(), capture!("ip-addr-iproute2-2009-xen-bridge.txt")),
        (probes::routes(), capture!("proc-net-route-linux-6-vm.txt")),
        (probes::product_uuid(), "00000000-0000-0000-0000-000000000000\n"),
    ]);
    with(facts, probes::vm_conf(), ABSENT)
}

#[test]
fn plans_of_list() {
    let all = || Action::List(List::default());
    let only = |fields: &[Known]| {
        Action::List(List { fields: Some(fields.iter().map(|&f| f.into()).collect()), ..List::default() })
    };
    let side = |side: Side| Action::List(List { side: Some(side), ..List::default() });
    let each = || Action::List(List { per_interface: true, ..only_list(&[Known::Mac, Known::Tcp, Known::Interface]) });
    let tcp = || only(&[Known::Tcp]);
    let no_tool = with(plain(), probes::addresses(), ended(Exit::NotFound));
    let old_tool = with(plain(), probes::addresses(), ran_second(capture!("ifconfig-net-tools-1.60-xen-alias.txt")));
    let broken = with(plain(), probes::addresses(), failed(1, "Cannot open netlink socket: Permission denied\n"));
    let garbled = with(plain(), probes::addresses(), output("\x1b[2Jhello\n"));
    let lonely = with(
        plain(),
        probes::addresses(),
        output("1: lo: <LOOPBACK,UP> mtu 65536\n    inet 127.0.0.1/8 scope host lo\n"),
    );
    let vm = with(
        with(lab00(), probes::pm_conf(), ABSENT),
        probes::vm_conf(),
        answer_to(&probes::vm_conf(), "#@#LABEL=tst100\n#@#CATEGORY=VM\n"),
    );
    let both = with(lab00(), probes::vm_conf(), answer_to(&probes::vm_conf(), "#@#LABEL = other\n"));
    let board = with(
        plain(),
        probes::product_uuid(),
        answer_to(&probes::product_uuid(), "4C4C4544-0031-3610-8054-B4C04F4E3532\n"),
    );
    let unasked = with(plain(), probes::pm_conf(), Answer::Missing(Missing::HostSilent));
    let mut silent = with(plain(), probes::addresses(), Answer::Missing(Missing::HostSilent));
    silent.host = None;
    let mut domain = plain();
    domain.host.as_mut().unwrap().node = "ws2.soho".into();
    check(
        "list",
        vec![
            case("list-lab00", all(), lab00()),
            case("list-without-configuration", all(), plain()),
            case("list-label-only", only(&[Known::Label]), lab00()),
            case("list-per-interface", each(), plain()),
            case("list-no-tool", tcp(), no_tool.clone()),
            case("list-no-tool-per-interface", each(), no_tool),
            case("list-ifconfig", tcp(), old_tool),
            case("list-tool-fails", tcp(), broken),
            case("list-tool-talks-nonsense", tcp(), garbled),
            case("list-loopback-only", tcp(), lonely.clone()),
            case("list-loopback-only-per-interface", each(), lonely),
            case("list-vm-conf", only(&[Known::Label]), vm),
            case("list-both-files", only(&[Known::Label]), both),
            case("list-file-denied", only(&[Known::Label]), with(lab00(), probes::pm_conf(), DENIED)),
            case("list-uuid-of-the-board", only(&[Known::Uuid]), board),
            case("list-host-silent", tcp(), silent),
            case("list-file-unknown", only(&[Known::Label]), unasked),
            case("list-name-with-domain", only(&[Known::Label]), domain),
            case("list-side-server", side(Side::Server), lab00()),
            case("list-side-client", side(Side::Client), lab00()),
            case("list-side-tunnel", side(Side::Tunnel), lab00()),
        ],
    );
}

fn only_list(fields: &[Known]) -> List {
    List { fields: Some(fields.iter().map(|&f| f.into()).collect()), ..List::default() }
}

#[test]
fn plans_of_enumerate() {
    let all = |states: &[&str], base: &[&str]| {
        let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect();
        Action::Enumerate(Enumerate { base: words(base), states: words(states), fields: None })
    };
    let conf = |text: &str| with(plain(), probes::pm_conf(), answer_to(&probes::pm_conf(), text));
    let both = with(lab00(), probes::vm_conf(), answer_to(&probes::vm_conf(), "#@#LABEL = other\n"));
    check(
        "enumerate",
        vec![
            case("enumerate-lab00", all(&[], &[]), lab00()),
            case("enumerate-nothing-there", all(&[], &[]), plain()),
            case("enumerate-base-elsewhere", all(&[], &["xen", "/home"]), lab00()),
            case("enumerate-base-named", all(&[], &["xen", "/etc/ctys.d/"]), conf("#@#MAGICID-PM\n#@#LABEL = a b\n")),
            case("enumerate-ignored", all(&["ALL"], &[]), conf("#@#MAGICID-IGNORE\n#@#LABEL = x\n")),
            case("enumerate-not-ours", all(&[], &[]), conf("# LABEL = x\n")),
            case("enumerate-backup-hidden", all(&[], &[]), conf("#@#LABEL = x\n#@#VMSTATE = BACKUP\n")),
            case("enumerate-backup-wanted", all(&["BACKUP"], &[]), conf("#@#LABEL = x\n#@#VMSTATE = BACKUP\n")),
            case("enumerate-denied", all(&[], &[]), with(plain(), probes::pm_conf(), DENIED)),
            case(
                "enumerate-unknown",
                all(&[], &[]),
                with(plain(), probes::pm_conf(), Answer::Failed("Input/output error".into())),
            ),
            case("enumerate-odd-interfaces", all(&[], &[]), conf("#@#IP0 = 10.0.0.1\n#@#MAC1 = zz\n")),
            case("enumerate-both-files", all(&[], &["/etc"]), both),
        ],
    );
}

#[test]
fn plans_of_show_and_info() {
    let server = facts_with([
        file(probes::os_release(), capture!("os-release-debian-12.txt")),
        file(probes::meminfo(), capture!("proc-meminfo-linux-6.18-vm.txt")),
        file(probes::kernel_version(), capture!("proc-version-linux-6.18-vm.txt")),
        file(probes::cpuinfo(), capture!("proc-cpuinfo-i686-intel-core-duo.txt")),
        file(probes::top(), capture!("top-procps-4.0-vm.txt")),
        file(probes::sensors(), capture!("sensors-3.6-server-alarms.txt")),
        file(
            probes::tool("bash", "--version"),
            "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nCopyright\n",
        ),
        (probes::tool("awk", "--version"), failed(2, "awk: not an option: --version\n")),
        file(probes::tool("sed", "--version"), "sed (GNU sed) 4.9\n"),
        (
            probes::tool("ssh", "-V"),
            Answer::Output(Output { stderr: "OpenSSH_9.2p1 Debian\n".into(), ..Output::ended(Exit::Code(0)) }),
        ),
        file(probes::tool("top", "-V"), "  procps-ng 4.0.2\n"),
        (probes::tool("wmctrl", "-V"), ended(Exit::NotFound)),
        file(probes::tool("sensors", "-v"), "sensors version 3.6.0 with libsensors version 3.6.0\n"),
        (probes::tool("hddtemp", "-v"), ended(Exit::NotFound)),
        (probes::tool("ethtool", "--version"), ended(Exit::NotRun("the host fell silent".into()))),
    ]);
    let small = facts_with([
        (probes::os_release(), ABSENT),
        file(probes::meminfo(), "MemTotal: 3989504 kB\n"),
        (probes::kernel_version(), DENIED),
        file(probes::cpuinfo(), capture!("proc-cpuinfo-aarch64-pi4.txt")),
        file(probes::top(), capture!("top-busybox-1.35-vm.txt")),
        (probes::sensors(), ended(Exit::NotFound)),
    ]);
    let quiet = facts_with([
        file(probes::os_release(), "NAME=x\n"),
        (probes::meminfo(), Answer::Missing(Missing::HostSilent)),
        (probes::top(), ended(Exit::TimedOut)),
        file(probes::sensors(), capture!("sensors-3.6-laptop-quiet.txt")),
    ]);
    check(
        "show",
        vec![
            case("show-server", Action::Show, server.clone()),
            case("show-small", Action::Show, small.clone()),
            case("show-quiet", Action::Show, quiet),
            case("show-unreached", Action::Show, Facts::default()),
        ],
    );
    check("info", vec![case("info-server", Action::Info, server), case("info-small", Action::Info, small)]);
}

const MACMAP: &str = "lab05;00:0E:0C:35:F8:05;192.168.1.75\n\
    two.soho;00:0E:0C:35:F8:06;192.168.1.76\n\
    two.other;00:0E:0C:35:F8:07;192.168.2.76\n\
    bare;00:0E:0C:35:F8:08\n";

/// `create=a,b:c,...` as the command line would give it.
fn create(words: &str) -> Action {
    let mut create = Create::default();
    for word in words.split(',').filter(|word| !word.is_empty()) {
        let (key, value) = word.split_once(':').map_or((word, ""), |(key, value)| (key, value));
        let poll = || match value.split_once('%') {
            Some((count, every)) => Poll::Tries { count: count.parse().unwrap(), every: every.parse().unwrap() },
            None if value == "OFF" => Poll::Off,
            None => Poll::On,
        };
        let text = Some(value.to_string());
        match key {
            "l" => create.address.label = text,
            "t" => create.address.tcp = text,
            "m" => create.address.mac = text,
            "u" => create.address.uuid = text,
            "CONSOLE" => create.console = ConsoleKind::from_word(value),
            "PING" => create.ping = Some(poll()),
            "SSHPING" => create.ssh_ping = Some(poll()),
            "REUSE" => create.mode = Some(CreateMode::Reuse),
            "CONNECT" => create.mode = Some(CreateMode::Connect),
            "RECONNECT" => create.mode = Some(CreateMode::Reconnect),
            "RESUME" => create.mode = Some(CreateMode::Resume(text.filter(|file| !file.is_empty()))),
            "USER" => create.user = text,
            "SHELL" => create.shell = text,
            "WAITS" => create.wait_server = Some(value.parse().unwrap()),
            "BOOTMODE" => create.boot_mode = Some(action::BootMode { mode: value.into(), image: None }),
            "WOL" | "IF" | "BROADCAST" | "PORT" | "BMAC" => {
                create.extra.insert(key.into(), value.into());
            }
            _ => panic!("{word}"),
        }
    }
    Action::Create(Box::new(create))
}

#[test]
fn plans_of_create_by_wake_on_lan() {
    let map = || {
        let mut facts = facts([(probes::macmap(None), MACMAP)]);
        facts.host = None;
        facts
    };
    let wol = |name, words: &str, target: &str| case(name, create(words), map()).target(target);
    let silent = || Answer::Failed("connection timed out".into());
    let asleep = |case: Case| case.then([("check", silent())]);
    let sent = |case: Case| asleep(case).then([("wake", Answer::Done)]);
    let absent = with(map(), probes::macmap(None), ABSENT);
    let denied = with(map(), probes::macmap(None), DENIED);
    let mut other_map = wol("create-other-macmap", "WOL", "lab05");
    other_map.request.settings.insert("MACMAP".into(), "/srv/macs".into());
    check(
        "create",
        vec![
            // The target sleeps, the caller sends.
            sent(wol("create-wol-target", "WOL,CONSOLE:NONE", "lab05"))
                .then([("reach", silent())])
                .then([("reach", Answer::Done)]),
            sent(wol("create-wol-console", "WOL:30,REUSE", "lab05.soho")).then([("reach", Answer::Done)]),
            sent(wol("create-wol-timeout", "WOL,PING:2%7", "192.168.1.75"))
                .then([("reach", silent())])
                .then([("reach", silent())]),
            sent(wol(
                "create-wol-no-wait",
                "WOL,PING:OFF,BROADCAST:192.168.1.255,PORT:7,BMAC:ff:ff:ff:ff:ff:ff",
                "lab05",
            )),
            sent(wol("create-wol-interface", "WOL,IF:eth1,WAITS:3,SSHPING:1%1", "lab05")).then([("reach", silent())]),
            asleep(wol("create-wol-not-sent", "WOL", "lab05"))
                .then([("wake", Answer::Failed("Network is unreachable".into()))]),
            sent(wol("create-wol-mac", "WOL,m:00:50:56:13:11:40,CONSOLE:NONE,l:lab09", "lab09")),
            wol("create-wol-awake", "WOL", "lab05").then([("check", Answer::Done)]),
            wol("create-wol-awake-reuse", "WOL,REUSE,CONSOLE:XTERM,USER:root%x", "lab05")
                .then([("check", Answer::Done)]),
            wol("create-wol-awake-reconnect", "WOL,RECONNECT", "lab05").then([("check", Answer::Done)]),
            asleep(wol("create-wol-connect", "WOL,CONNECT", "lab05")),
            // A relay.
            wol("create-relay", "l:lab05,WOL,CONSOLE:CLI", "lab00")
                .then([("check", silent())])
                .then([("wake", ran_second("Waking up 00:0e:0c:35:f8:05...\n"))])
                .then([("reach", Answer::Done)]),
            asleep(wol("create-relay-interface", "t:192.168.1.75,WOL,IF:eth1", "lab00"))
                .then([("wake", ended(Exit::NotFound))]),
            asleep(wol("create-relay-broadcast", "l:bare,WOL,BROADCAST:10.255.255.255,PORT:7", "lab00"))
                .then([("wake", failed(1, "send : Permission denied\n"))]),
            asleep(wol("create-relay-refused", "l:lab05,WOL", "lab00"))
                .then([("wake", ended(Exit::Refused("a password is required".into())))]),
            wol("create-relay-mac-only", "m:00:50:56:13:11:40,WOL", "lab00").then([("wake", output(""))]),
            wol("create-relay-mac-known", "m:00:0E:0C:35:F8:05,WOL", "lab00"),
            sent(wol("create-from-here", "l:lab05,WOL,CONSOLE:NONE", "localhost")),
            // Nothing is sent on a guess.
            wol("create-unknown-mac", "WOL", "lab99"),
            case("create-no-macmap", create("WOL"), absent).target("lab05"),
            case("create-macmap-denied", create("WOL"), denied).target("lab05"),
            other_map,
            wol("create-hostile-words", "l:\x1b[2J,WOL:\u{202e}", "lab00"),
            sent(wol("create-no-pause", "WOL,PING:0%0", "lab05")).then([("reach", silent())]),
            wol("create-ambiguous", "l:two,WOL", "lab00"),
            wol("create-ambiguous-narrowed", "l:two,t:192.168.2.76,WOL", "lab00"),
            wol("create-contradiction", "l:lab05,t:192.168.9.9,WOL", "lab00"),
            wol("create-wake-here", "WOL", "localhost"),
            // Mistakes.
            wol("create-bad-if", "WOL,IF:-D", "lab05"),
            wol("create-bad-broadcast", "WOL,BROADCAST:--version", "lab05"),
            wol("create-bad-bmac", "WOL,BMAC:00:0E:0C:35:F8:05", "lab05"),
            wol("create-bad-port", "WOL,PORT:0", "lab05"),
            wol("create-bad-delay", "WOL:soon", "lab05"),
            wol("create-bad-mac", "m:00:0E,WOL", "lab00"),
            wol("create-if-and-broadcast", "WOL,IF:eth0,BROADCAST:10.0.0.255", "lab05"),
            wol("create-if-without-wol", "IF:eth0", "lab05"),
            wol("create-uuid", "u:6842caf91e3e43249ed596b8b9f2c5c2,WOL", "lab00"),
            wol("create-bootmode", "BOOTMODE:PXE", "lab05"),
            wol("create-resume-file", "RESUME:x.stat,WOL", "lab05"),
            wol("create-console-no-wait", "WOL,PING:OFF,CONSOLE:CLI", "lab05"),
            wol("create-console-nowhere", "m:00:50:56:13:11:40,WOL,CONSOLE:CLI", "lab00"),
            wol("create-console-vnc", "CONSOLE:VNC", "lab05"),
            wol("create-console-sdl", "CONSOLE:SDL", "lab05"),
            wol("create-console-forwarded", "CONSOLE:GTERM", "lab05").forwarded(),
            // Without WOL: is it there?
            wol("create-answers", "CONSOLE:NONE", "lab05").then([("check", Answer::Done)]),
            wol("create-silent", "", "lab05").then([("check", silent())]),
            wol("create-login", "SHELL:/bin/zsh", "lab05").then([("check", Answer::Done)]),
            wol("create-login-here", "", "localhost"),
            wol("create-login-beyond", "l:lab05,USER:mia", "lab00").then([("check", Answer::Done)]),
            wol("create-mac-without-wol", "m:00:50:56:13:11:40", "lab00"),
        ],
    );
}

/// The machine's own description says that it is not to be ended.
fn protected() -> Facts {
    with(
        lab00(),
        probes::pm_conf(),
        answer_to(&probes::pm_conf(), "#@#MAGICID-PM\n#@#PROTECT = \"the lab's gateway\"\n"),
    )
}

#[test]
fn plans_of_cancel() {
    let me = |words: &str| {
        let mut cancel = Cancel { with_self: true, ..Cancel::default() };
        for word in words.split(',').filter(|word| !word.is_empty()) {
            let (key, value) = word.split_once(':').map_or((word, ""), |(key, value)| (key, value));
            let text = Some(value.to_string());
            match key {
                "UNPROTECT" => cancel.unprotect = true,
                "NOSELF" => cancel.with_self = false,
                "ALL" => cancel.all = true,
                "FORCE" => cancel.force = true,
                "CLIENT" => cancel.side = Some(Side::Client),
                "BOTH" => cancel.side = Some(Side::Both),
                "TIMEOUT" => cancel.timeout = value.parse().ok(),
                "RESET" => cancel.method = Some(CancelMethod::Reset),
                "REBOOT" => cancel.method = Some(CancelMethod::Reboot),
                "PAUSE" => cancel.method = Some(CancelMethod::Pause),
                "SUSPEND" => cancel.method = Some(CancelMethod::Suspend),
                "INIT" => cancel.method = Some(CancelMethod::Init(value.parse().unwrap())),
                "POWEROFF" => cancel.method = Some(CancelMethod::PowerOff(value.parse().ok())),
                "l" => cancel.address.label = text,
                "t" => cancel.address.tcp = text,
                "m" => cancel.address.mac = text,
                "u" => cancel.address.uuid = text,
                "i" => cancel.address.id = text,
                "f" => cancel.address.file_name = text,
                "WOL" | "IF" => {
                    cancel.extra.insert(key.into(), value.into());
                }
                _ => panic!("{word}"),
            }
        }
        Action::Cancel(Box::new(cancel))
    };
    let lab = |name, words: &str| case(name, me(words), lab00());
    let no_ip = with(lab00(), probes::addresses(), ended(Exit::NotFound));
    check(
        "cancel",
        vec![
            lab("cancel-poweroff", "POWEROFF:0").told([("power off", output(""))]),
            lab("cancel-default", "ALL,BOTH,TIMEOUT:7")
                .told([("power off", lost(true, Phase::Timeout, "nothing came for 10 s"))]),
            lab("cancel-never-begun", "POWEROFF")
                .told([("power off", lost(false, Phase::Timeout, "nothing came for 10 s"))]),
            lab("cancel-garbled", "POWEROFF").told([("power off", lost(true, Phase::Parse, "the answer is garbled"))]),
            lab("cancel-dropped", "POWEROFF").told([("power off", Answer::Missing(Missing::HostSilent))]),
            lab("cancel-session-ended", "REBOOT").told([("reboot", ended(Exit::Signal(15)))]),
            lab("cancel-reset", "RESET").told([("reset", ended(Exit::Code(143)))]),
            lab("cancel-reset-force", "RESET,FORCE"),
            lab("cancel-init", "INIT:3").told([("change the run level", ended(Exit::NotFound))]),
            lab("cancel-init-too-high", "INIT:7"),
            lab("cancel-pause", "PAUSE"),
            lab("cancel-nothing-there", "PAUSE").told([("suspend to memory", ended(Exit::NotFound))]),
            lab("cancel-suspend", "SUSPEND").told([("suspend to disk", ended(Exit::TimedOut))]),
            // systemctl is there and another init runs; then none is left.
            lab("cancel-next-program", "REBOOT")
                .told([(
                    "reboot",
                    failed(1, "System has not been booted with systemd as init system (PID 1). Can't operate.\n"),
                )])
                .told([("reboot", ran_second(""))]),
            lab("cancel-no-program-works", "PAUSE")
                .told([("suspend to memory", failed(1, "Sleep verb not supported\n"))])
                .told([("suspend to memory", failed(1, "no such state\n"))])
                .told([("suspend to memory", failed(1, "\x1b[31mno\n"))]),
            lab("cancel-refused", "POWEROFF")
                .told([("power off", ended(Exit::Refused("a password is required".into())))]),
            lab("cancel-wol", "POWEROFF,WOL").told([("arm the network card", output("")), ("power off", output(""))]),
            lab("cancel-wol-if", "WOL,IF:eth7").told([
                ("arm the network card", failed(1, "Operation not supported\n")),
                ("power off", ended(Exit::NotRun("an earlier step failed".into()))),
            ]),
            lab("cancel-gone-before", "POWEROFF").then([
                ("ask for the name", lost(true, Phase::Connect, "the connection ended in the middle of the answer")),
                ("power off", lost(false, Phase::Connect, "the connection ended in the middle of the answer")),
            ]),
            lab("cancel-wol-no-ethtool", "WOL").told([
                ("arm the network card", ended(Exit::NotFound)),
                ("power off", ended(Exit::NotRun("an earlier step failed".into()))),
            ]),
            case("cancel-wol-no-interface", me("WOL"), no_ip.clone()),
            lab("cancel-if-without-wol", "IF:eth0"),
            lab("cancel-bad-if", "WOL,IF:-s"),
            lab("cancel-without-self", "NOSELF,l:lab00,POWEROFF"),
            lab("cancel-client", "CLIENT"),
            case("cancel-protected", me("POWEROFF"), protected()),
            case("cancel-protected-set-aside", me("POWEROFF,UNPROTECT"), protected()),
            lab("cancel-by-label", "l:lab00"),
            lab("cancel-other-label", "l:lab0"),
            lab("cancel-by-uuid", "u:44e4d5c41a2b3c4d5e6f708192a3b4c5"),
            lab("cancel-other-uuid", "u:6842caf91e3e43249ed596b8b9f2c5c2"),
            case("cancel-uuid-not-known", me("u:6842caf91e3e43249ed596b8b9f2c5c2"), plain()),
            lab("cancel-by-mac", "m:00:0E:0C:35:F8:48"),
            lab("cancel-other-mac", "m:00:50:56:13:11:40"),
            lab("cancel-by-address", "t:192.168.1.171"),
            lab("cancel-by-name", "t:lab00.soho"),
            lab("cancel-other-address", "t:192.168.1.72"),
            lab("cancel-loopback-address", "t:127.0.0.1"),
            lab("cancel-by-file", "i:/etc/ctys.d/pm.conf,f:ctys.d/pm"),
            lab("cancel-other-file", "f:xen"),
            lab("cancel-all-parts-but-one", "l:lab00,m:00:0E:0C:35:F8:48,t:10.1.1.1"),
            case("cancel-mac-not-known", me("m:00:0E:0C:35:F8:48"), no_ip),
        ],
    );
}
