//! Made-up Xen hosts that answer what they are asked.
//!
//! `UPDATE_PLANS=1 cargo test -p ctys-xen` writes the files anew. Read the diff very carefully before you keep it.

#![allow(dead_code, unused_imports, reason = "every test program uses its own part of it")]

use ctys_plugin::model::probe::{FoundFile, Scan, Scanned};
use ctys_plugin::model::*;
use ctys_plugin::story::{self, Case};
use ctys_plugin::testing::{failed, output, request};
use ctys_xen::Xen;
use std::fmt::Write as _;

pub const UUID: &str = "6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2";
pub const TST100: &str = "/root/xen/tst-ctys/tst100/tst100.conf";
pub const TST101: &str = "/root/xen/tst-ctys/tst101/tst101.conf";

/// A host: what its tools print and which files it has. Everything a probe may ask is answered from here.
#[derive(Clone)]
pub struct World {
    pub list: Answer,
    pub long: Answer,
    pub info: Answer,
    pub store: Answer,
    pub control: Answer,
    pub files: Vec<(&'static str, FileAnswer)>,
    pub cut: bool,
    pub uid: u32,
    pub silent: bool,
    pub consoles: Vec<Process>,
}

/// One domain in `xl list -v`: number, name, state, uuid.
pub type Row<'a> = (u32, &'a str, &'a str, &'a str);

pub fn listing(rows: &[Row<'_>]) -> Answer {
    // The title as xl prints it.
    let idle = include_str!("../../captures/xl-4.17-list-v-idle.out");
    let mut text = format!("{}\n", idle.lines().next().unwrap());
    let dom0 = (0, "Domain-0", "r-----", "00000000-0000-0000-0000-000000000000");
    for (id, name, state, uuid) in [dom0].iter().chain(rows) {
        let _ = writeln!(text, "{name:<40} {id:>5}   128     1     {state}       4.1 {uuid}        -                -");
    }
    output(text)
}

pub fn long(rows: &[(u32, &str, &[&str])]) -> Answer {
    let mut entries = vec!["{\"domid\":0,\"config\":{\"c_info\":{\"type\":\"pv\",\"name\":\"Domain-0\"}}}".to_string()];
    for (id, kind, macs) in rows {
        let nic = |(n, mac): (usize, &&str)| format!("{{\"devid\":{n},\"mac\":\"{mac}\"}}");
        let nics: Vec<String> = macs.iter().enumerate().map(nic).collect();
        entries.push(format!(
            "{{\"domid\":{id},\"config\":{{\"c_info\":{{\"type\":\"{kind}\"}},\"nics\":[{}]}}}}",
            nics.join(",")
        ));
    }
    output(format!("[{}]", entries.join(",\n")))
}

/// What the recorder took of a tool that ended well.
macro_rules! recorded {
    ($case:literal) => {
        ctys_plugin::testing::output(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/captures/", $case, ".out")))
    };
}
pub(crate) use recorded;

pub fn ended(exit: Exit) -> Answer {
    Answer::Output(Output::ended(exit))
}

pub const NO_PERMISSION: &str = include_str!("../../captures/xl-4.17-acue-list.err");

/// A Xen host with its two configured machines, none of which runs.
pub fn lab00() -> World {
    let file = |text: &str| FileAnswer::Content { content: text.into(), cut: false };
    World {
        list: listing(&[]),
        long: long(&[]),
        info: output(include_str!("../../captures/xl-4.17-info.out")),
        store: output(include_str!("../../captures/xenstore-4.17-ls-f-two-guests.out")),
        control: Answer::File(file("control_d\n")),
        files: vec![
            (TST100, file(include_str!("../../captures/xl-cfg-tst100.conf"))),
            (TST101, file(include_str!("../../captures/xl-cfg-every-freedom.conf"))),
        ],
        cut: false,
        uid: 0,
        silent: false,
        consoles: Vec::new(),
    }
}

/// A host like any other.
pub fn no_xen() -> World {
    let not_found = || ended(Exit::NotFound);
    World {
        list: not_found(),
        long: not_found(),
        info: not_found(),
        store: not_found(),
        control: Answer::File(FileAnswer::Absent),
        ..lab00()
    }
}

/// The same host, where tst100 runs.
pub fn running() -> World {
    World {
        list: listing(&[(1, "tst100", "-b----", UUID)]),
        long: long(&[(1, "pv", &["00:50:56:13:11:40"])]),
        store: output("/local/domain/1/console/vnc-port = \"5900\"\n"),
        ..lab00()
    }
}

/// The same host, where the `xl create` of tst100 was killed.
pub fn half_made() -> World {
    World {
        list: recorded!("xl-4.17-list-v-killed-after-1.2"),
        long: recorded!("xl-4.17-list-l-killed-after-1.2"),
        ..lab00()
    }
}

/// `xl console <id>` by root, as the processes of the host show it.
pub fn console_of(id: u32, pid: u32) -> Process {
    let args = ["/usr/lib/xen-4.17/bin/xenconsole".into(), id.to_string(), "--num".into(), "0".into()];
    let args = args.into_iter().map(|arg| Bytes(arg.into_bytes())).collect();
    Process { pid, user: "root".into(), start: Some(7000), args, exact: true, ..Process::default() }
}

/// A Xen host that lets this account do nothing.
pub fn forbidden() -> World {
    let no = || failed(1, NO_PERMISSION);
    World { list: no(), long: no(), info: no(), store: no(), uid: 1000, ..lab00() }
}

impl story::World for World {
    fn facts(&self, wants: &[Probe]) -> Facts {
        let answers = wants.iter().map(|probe| (probe.clone(), self.answer(probe)));
        let mut facts = ctys_plugin::testing::facts_with(answers);
        let host = facts.host.as_mut().unwrap();
        host.uid = self.uid;
        host.home = "/root".into();
        if self.silent {
            facts.host = None;
        }
        facts
    }
}

impl World {
    pub fn with(mut self, path: &'static str, text: &str) -> World {
        self.files.push((path, FileAnswer::Content { content: text.into(), cut: false }));
        self
    }

    pub fn denied(mut self, path: &'static str) -> World {
        self.files.push((path, FileAnswer::Denied));
        self
    }

    /// With these domains, which have no network.
    pub fn with_list(mut self, rows: &[Row<'_>]) -> World {
        self.list = listing(rows);
        self.long = long(&rows.iter().map(|(id, ..)| (*id, "pv", &[][..])).collect::<Vec<_>>());
        self
    }

    fn answer(&self, probe: &Probe) -> Answer {
        if self.silent {
            return Answer::Missing(Missing::HostSilent);
        }
        match probe {
            Probe::File { path, .. } if path.as_slice() == b"/proc/xen/capabilities" => self.control.clone(),
            Probe::File { path, .. } => {
                let file = self.files.iter().find(|(known, _)| known.as_bytes() == path.as_slice());
                Answer::File(file.map_or(FileAnswer::Absent, |(_, content)| content.clone()))
            }
            Probe::Scan(scan) => self.walk(scan),
            Probe::Processes(table) => {
                assert_eq!(table.names, ["xenconsole"]);
                Answer::Processes(self.consoles.clone())
            }
            Probe::Run { tries } => {
                let command = &tries[0];
                let args: Vec<_> = command.args.iter().map(|arg| arg.to_text()).collect();
                match (command.program.as_str(), args.iter().map(|a| a.as_ref()).collect::<Vec<_>>().as_slice()) {
                    ("xenstore-ls", _) => self.store.clone(),
                    ("cat", [path]) => self.cat(path),
                    (_, ["list", "-v"]) => self.list.clone(),
                    (_, ["list", "-l"]) => self.long.clone(),
                    (_, ["info"]) => self.info.clone(),
                    other => panic!("nobody expects {other:?}"),
                }
            }
            other => panic!("nobody expects {other:?}"),
        }
    }

    fn cat(&self, path: &str) -> Answer {
        match self.files.iter().find(|(known, _)| *known == path) {
            Some((_, FileAnswer::Content { content, .. })) => output(content.clone()),
            Some((_, FileAnswer::Denied)) if self.uid != 0 => failed(1, format!("cat: {path}: Permission denied\n")),
            _ => failed(1, format!("cat: {path}: No such file or directory\n")),
        }
    }

    fn walk(&self, scan: &Scan) -> Answer {
        let mut files = Vec::new();
        for base in &scan.bases {
            let base = base.to_text().replace('~', "/root");
            let base = if base.starts_with('/') { base } else { format!("/root/{base}") };
            let below = |path: &&str| path.strip_prefix(&base).is_some_and(|rest| rest.starts_with('/'));
            let mut found = self.files.iter().filter(|(path, _)| below(path)).peekable();
            if found.peek().is_none() {
                files.push(FoundFile { path: base.clone().into(), file: FileAnswer::Absent });
            }
            files.extend(found.map(|(path, file)| FoundFile { path: (*path).into(), file: file.clone() }));
        }
        Answer::Scanned(Scanned { files, cut: self.cut })
    }
}

/// The step that tells what runs.
pub const LOOK: &str = "look";

pub fn label(label: &str) -> MachineAddress {
    MachineAddress { label: Some(label.into()), ..MachineAddress::default() }
}

pub fn mac(mac: &str) -> MachineAddress {
    MachineAddress { mac: Some(mac.into()), ..MachineAddress::default() }
}

pub fn path(path: &str) -> MachineAddress {
    MachineAddress { id: Some(path.into()), ..MachineAddress::default() }
}

pub fn file(fragment: &str) -> MachineAddress {
    MachineAddress { file_name: Some(fragment.into()), ..MachineAddress::default() }
}

pub fn ok() -> Answer {
    output("")
}

pub fn up(id: u32, state: &str) -> Answer {
    listing(&[(id, "tst100", state, UUID)])
}

/// tst100 in a state.
pub fn with_state(state: &str) -> World {
    World { list: up(1, state), ..running() }
}

/// `ctys -t xen -a <action> lab00`.
pub fn case(name: &'static str, action: Action, world: World) -> Case {
    story::case(name, Request { session_type: Some("XEN".into()), ..request(action) }, world)
}

/// Compares all cases with their files, and finds files without a case.
pub fn check(prefix: &str, cases: Vec<Case>) {
    story::check::<Xen>(env!("CARGO_MANIFEST_DIR"), prefix, cases);
}
