//! For each verb what a user could ask, reasonable and not.

use crate::testing;
use ctys_model::action::BootMode;
use ctys_model::field::Known;
use ctys_model::manifest::{ArgumentDecl, SuboptionDecl};
use ctys_model::{
    Action, Bytes, Cancel, CancelMethod, ConsoleKind, Create, CreateMode, Enumerate, Field, List, Location,
    MachineAddress, Manifest, Poll, Request, Scope, Side, ToolCall, Verb,
};
use std::collections::BTreeMap;

/// Text that a careless program would run, split, or print.
const HOSTILE: [&str; 6] = ["; touch /tmp/x", "$(reboot)", "-rf", "../../etc/passwd", "a b\n'\"\\", "\x1b[2J\u{202e}é"];

/// The requests of a verb, each with a few words.
pub fn of(verb: Verb, manifest: &Manifest) -> Vec<(String, Request)> {
    let suboptions: Vec<&SuboptionDecl> =
        manifest.verbs.iter().filter(|decl| decl.verb == verb).flat_map(|decl| &decl.suboptions).collect();
    let actions = match verb {
        Verb::Create => create(&suboptions),
        Verb::Cancel => cancel(&suboptions),
        Verb::List => list(manifest),
        Verb::Enumerate => enumerate(),
        Verb::Show => vec![(String::new(), Action::Show)],
        Verb::Info => vec![(String::new(), Action::Info)],
        Verb::GetClientPort => addresses().into_iter().map(|(name, a)| (name, Action::GetClientPort(a))).collect(),
        Verb::IsActive => addresses().into_iter().map(|(name, a)| (name, Action::IsActive(a))).collect(),
        Verb::Tool => tools(manifest),
    };
    let mut all: Vec<(String, Request)> =
        actions.into_iter().map(|(name, action)| (name, testing::request(action))).collect();
    // The first request again with each of the common options changed.
    if let Some((_, plain)) = all.first().cloned() {
        let mut vary = |name: &str, change: &dyn Fn(&mut Request)| {
            let mut request = plain.clone();
            change(&mut request);
            all.push((format!("with {name}"), request));
        };
        vary("-t", &|request| request.session_type = manifest.session_types.first().cloned());
        vary("-f", &|request| request.force = true);
        vary("-A", &|request| request.ambiguous = true);
        vary("-s USER", &|request| request.scope = Scope::User);
        vary("-s of strange users", &|request| request.scope = Scope::Users(HOSTILE.map(String::from).to_vec()));
        vary("-L CF", &|request| request.location = Location::ConnectionForwarding);
        vary("-L SO", &|request| request.location = Location::ServerOnly);
        vary("localhost", &|request| request.target.local = true);
        vary("a strange target", &|request| request.target.host = HOSTILE[0].into());
        vary("a strange -g", &|request| request.geometry = Some(HOSTILE[4].into()));
        vary("-r", &|request| request.resolution = Some((u32::MAX, 0)));
        vary("strange server options", &|request| request.server_options = HOSTILE.map(String::from).to_vec());
        vary("a caller without anything", &|request| request.caller = Default::default());
    }
    all
}

/// Tools take any words; what a plugin makes of its own verbs is for its own tests.
fn tools(manifest: &Manifest) -> Vec<(String, Action)> {
    let mut lines: Vec<Vec<&str>> = vec![Vec::new()];
    for word in ["list", "info", "start", "stop", "-h", "--help", "-"].into_iter().chain(HOSTILE) {
        lines.push(vec![word]);
        lines.extend(["web", HOSTILE[1], HOSTILE[5]].map(|second| vec![word, second]));
    }
    let mut all = Vec::new();
    for tool in &manifest.tools {
        for words in &lines {
            let call = ToolCall {
                tool: tool.clone(),
                words: words.iter().map(|word| Bytes::from(*word)).collect(),
                terminal: false,
                folder: "/root".into(),
            };
            all.push((format!("{tool} {words:?}"), Action::Tool(call)));
        }
        let bytes = ToolCall { tool: tool.clone(), words: vec![Bytes(vec![0xff, b':', 0xfe])], ..ToolCall::default() };
        all.push((format!("{tool} with bytes that are no text"), Action::Tool(bytes)));
    }
    all
}

fn labelled(label: &str) -> MachineAddress {
    MachineAddress { label: Some(label.into()), ..MachineAddress::default() }
}

fn addresses() -> Vec<(String, MachineAddress)> {
    let mut all = vec![
        ("a label".to_string(), labelled("tst100")),
        ("an empty address".into(), MachineAddress::default()),
        ("an id".into(), MachineAddress { id: Some("/etc/xen/tst100.conf".into()), ..Default::default() }),
        ("a file name".into(), MachineAddress { file_name: Some("tst".into()), ..Default::default() }),
        ("a uuid".into(), MachineAddress { uuid: Some("0".repeat(32)), ..Default::default() }),
        ("a MAC".into(), MachineAddress { mac: Some("00:16:3E:00:00:01".into()), ..Default::default() }),
        ("a TCP address".into(), MachineAddress { tcp: Some("10.0.0.1".into()), ..Default::default() }),
        ("a base".into(), MachineAddress { base: vec!["/srv/vm".into()], ..labelled("tst100") }),
        ("a record number".into(), MachineAddress { db_record: Some(u64::MAX), ..Default::default() }),
    ];
    for text in HOSTILE {
        let text = Some(text.to_string());
        let address = MachineAddress {
            id: text.clone(),
            file_name: text.clone(),
            label: text.clone(),
            uuid: text.clone(),
            mac: text.clone(),
            tcp: text.clone(),
            base: text.clone().into_iter().collect(),
            db_record: None,
        };
        all.push((format!("the address {text:?}"), address));
    }
    all
}

fn create(suboptions: &[&SuboptionDecl]) -> Vec<(String, Action)> {
    let plain = || Create { address: labelled("tst100"), ..Create::default() };
    let mut all: Vec<(String, Create)> =
        addresses().into_iter().map(|(name, address)| (name, Create { address, ..Create::default() })).collect();
    for mode in [
        CreateMode::Connect,
        CreateMode::Reuse,
        CreateMode::Reconnect,
        CreateMode::Resume(None),
        CreateMode::Resume(Some(HOSTILE[3].into())),
    ] {
        all.push((format!("{mode:?}"), Create { mode: Some(mode), ..plain() }));
    }
    for &(_, console) in ConsoleKind::WORDS {
        all.push((format!("CONSOLE:{console}"), Create { console: Some(console), ..plain() }));
    }
    for mode in ["HDD", "CD", "ISO", "KERNEL", "PXE", "INSTALL", "NONSENSE"] {
        for image in [None, Some(HOSTILE[0].to_string())] {
            let boot_mode = Some(BootMode { mode: mode.into(), image });
            all.push((format!("BOOTMODE:{mode}"), Create { boot_mode, ..plain() }));
        }
    }
    for poll in [Poll::Off, Poll::On, Poll::Tries { count: 3, every: 1 }, Poll::Tries { count: 0, every: 0 }] {
        all.push((format!("PING {poll:?}"), Create { ping: Some(poll), ..plain() }));
        all.push((format!("SSHPING {poll:?}"), Create { ssh_ping: Some(poll), ..plain() }));
    }
    let strange = || HOSTILE.map(String::from).to_vec();
    all.push((
        "strange arguments everywhere".into(),
        Create {
            user: Some(HOSTILE[0].into()),
            inst_mode: Some(strange()),
            stack_check: strange(),
            wait_client: Some(u32::MAX),
            wait_server: Some(u32::MAX),
            call_opts: strange(),
            x_opts: strange(),
            chdir: Some(HOSTILE[3].into()),
            stub_mode: true,
            shell: Some(HOSTILE[1].into()),
            cmd: strange(),
            vnc_desk_ids: strange(),
            ..plain()
        },
    ));
    for (name, extra) in extras(suboptions) {
        all.push((name, Create { extra, ..plain() }));
    }
    all.into_iter().map(|(name, create)| (name, Action::Create(Box::new(create)))).collect()
}

fn cancel(suboptions: &[&SuboptionDecl]) -> Vec<(String, Action)> {
    let plain = || Cancel { address: labelled("tst100"), stack: true, ..Cancel::default() };
    let mut all: Vec<(String, Cancel)> =
        addresses().into_iter().map(|(name, address)| (name, Cancel { address, ..plain() })).collect();
    let methods = [
        CancelMethod::Reset,
        CancelMethod::Reboot,
        CancelMethod::Init(0),
        CancelMethod::Init(255),
        CancelMethod::Pause,
        CancelMethod::Suspend,
        CancelMethod::PowerOff(None),
        CancelMethod::PowerOff(Some(0)),
        CancelMethod::PowerOff(Some(10)),
    ];
    for method in methods {
        for (name, start) in [
            ("", plain()),
            (" with an empty address", Cancel { stack: true, ..Cancel::default() }),
            (" with ALL", Cancel { all: true, ..Cancel::default() }),
            (" with SELF", Cancel { with_self: true, ..Cancel::default() }),
            (" with a label and SELF", Cancel { with_self: true, ..plain() }),
            (" with FORCE", Cancel { force: true, stack: false, ..plain() }),
            (" with UNPROTECT", Cancel { unprotect: true, ..plain() }),
        ] {
            all.push((format!("{method:?}{name}"), Cancel { method: Some(method), ..start }));
        }
    }
    for &(_, side) in Side::WORDS {
        all.push((side.to_string(), Cancel { side: Some(side), ..plain() }));
    }
    all.push(("TIMEOUT:0".into(), Cancel { timeout: Some(0), ..plain() }));
    all.push(("TIMEOUT:30".into(), Cancel { timeout: Some(30), ..plain() }));
    all.push(("a strange USER".into(), Cancel { user: Some(HOSTILE[0].into()), ..plain() }));
    for (name, extra) in extras(suboptions) {
        all.push((name.clone(), Cancel { extra: extra.clone(), ..plain() }));
        all.push((format!("{name} with SELF"), Cancel { extra, with_self: true, ..Cancel::default() }));
    }
    all.into_iter().map(|(name, cancel)| (name, Action::Cancel(Box::new(cancel)))).collect()
}

fn list(manifest: &Manifest) -> Vec<(String, Action)> {
    let mut all = vec![("".to_string(), List::default())];
    for &(_, side) in Side::WORDS {
        all.push((side.to_string(), List { side: Some(side), ..List::default() }));
    }
    all.push(("per interface".into(), List { per_interface: true, ..List::default() }));
    all.push(("a strange USER".into(), List { user: Some(HOSTILE[0].into()), ..List::default() }));
    all.push(("no field".into(), List { fields: Some(Default::default()), ..List::default() }));
    let own = manifest.columns.iter().map(|column| Field::Other(column.key.clone()));
    for field in Known::ALL.iter().map(|&known| Field::Known(known)).chain(own) {
        let name = format!("only the field {field}");
        all.push((name, List { fields: Some([field].into()), ..List::default() }));
    }
    all.into_iter().map(|(name, list)| (name, Action::List(list))).collect()
}

fn enumerate() -> Vec<(String, Action)> {
    let strange = || HOSTILE.map(String::from).to_vec();
    let all = vec![
        ("", Enumerate::default()),
        ("a base", Enumerate { base: vec!["/srv/vm".into(), "vm".into()], ..Enumerate::default() }),
        ("strange bases", Enumerate { base: strange(), ..Enumerate::default() }),
        ("all states", Enumerate { states: vec!["ALL".into()], ..Enumerate::default() }),
        ("strange states", Enumerate { states: strange(), ..Enumerate::default() }),
        ("one field", Enumerate { fields: Some([Known::Label.into()].into()), ..Enumerate::default() }),
    ];
    all.into_iter().map(|(name, enumerate)| (name.to_string(), Action::Enumerate(enumerate))).collect()
}

/// Each suboption of the plugin's own with what the schema lets through, and with what it does not.
fn extras(suboptions: &[&SuboptionDecl]) -> Vec<(String, BTreeMap<String, String>)> {
    let mut all = Vec::new();
    for suboption in suboptions {
        for argument in arguments(&suboption.argument).into_iter().chain(HOSTILE.map(String::from)) {
            let name = format!("{}:{argument:?}", suboption.key);
            all.push((name, BTreeMap::from([(suboption.key.clone(), argument)])));
        }
    }
    let together = suboptions
        .iter()
        .filter_map(|suboption| Some((suboption.key.clone(), arguments(&suboption.argument).into_iter().next()?)));
    all.push(("all its suboptions".into(), together.collect()));
    all.push(("a suboption of nobody".into(), BTreeMap::from([("NOBODYS".into(), "x".into())])));
    all
}

fn arguments(declared: &ArgumentDecl) -> Vec<String> {
    match declared {
        ArgumentDecl::None => vec![String::new()],
        ArgumentDecl::Text => vec!["eth0".into(), "1".into()],
        ArgumentDecl::OptionalText => vec![String::new(), "1".into()],
        ArgumentDecl::Number { min, max } => {
            vec![min.to_string(), max.to_string(), "99999999999999999999".into(), "-1".into()]
        }
        ArgumentDecl::Mac => vec!["00:16:3E:00:00:01".into(), "FF:FF:FF:FF:FF:FF".into(), "00:16".into()],
        ArgumentDecl::OneOf(words) => words.clone(),
    }
}
