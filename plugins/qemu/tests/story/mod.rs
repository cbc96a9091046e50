//! Made-up hosts with QEMU machines that answer what they are asked.
//!
//! `UPDATE_PLANS=1 cargo test -p ctys-qemu` writes the files anew. Read the diff very carefully before you keep it.

#![allow(dead_code, reason = "every test program uses its own part of it")]

use ctys_plugin::model::probe::{FoundFile, Scan, Scanned};
use ctys_plugin::model::*;
use ctys_plugin::story::{self, Case};
use ctys_plugin::testing::{output, process, request};

pub const UUID: &str = "6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2";
pub const KEY: &str = "6842caf91e3e43249ed596b8b9f2c5c2";
pub const TST100: &str = "/home/mia/vm/tst100/tst100.ctys";
pub const TST101: &str = "/home/mia/vm/tst101/tst101.conf";
pub const RUN: &str = "/home/mia/.local/state/ctys/qemu";

const TST100_TEXT: &str = "#@#MAGICID-QEMU\n#@#LABEL = \"tst100\"\n#@#UUID = \"6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2\"\n\
    #@#IP0 = \"10.0.0.7%255.255.255.0%br0%eth0%2222\"\n#@#VMSTATE = \"ACTIVE\"\n\
    qemu-system-x86_64 -m 512 -nographic -serial mon:stdio\n\
    -drive 'file=two words,,.qcow2,if=virtio' -nic user,mac=52:54:00:00:00:01\n";
const TST101_TEXT: &str = "#@#MAGICID-QEMU\n#@#LABEL = \"tst101\"\n[machine]\n  type = \"q35\"\n[memory]\n  size = \"1G\"\n\
    [device \"net0\"]\n  driver = \"e1000\"\n  mac = \"52:54:00:00:00:02\"\n[vnc \"default\"]\n  vnc = \":7\"\n";

/// A host: what runs there, what it says, which files it has.
#[derive(Clone)]
pub struct World {
    pub processes: Answer,
    pub heard: Answer,
    pub carriers: Vec<Process>,
    pub files: Vec<(&'static str, FileAnswer)>,
    pub emulators: Answer,
    pub root: bool,
    pub silent: bool,
}

/// A host of mia's with two configured machines, none of which runs.
pub fn lab00() -> World {
    World {
        processes: Answer::Processes(Vec::new()),
        heard: Answer::Talked(Vec::new()),
        carriers: Vec::new(),
        files: vec![(TST100, content(TST100_TEXT)), (TST101, content(TST101_TEXT))],
        emulators: output(
            "program /usr/bin/qemu-system-x86_64\nQEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\n\
             program /usr/bin/qemu-system-arm\nkvm crw-rw---- 1 root kvm 10, 232 Nov 22 00:38 /dev/kvm\nkvm forbidden\n",
        ),
        root: false,
        silent: false,
    }
}

pub fn content(text: &str) -> FileAnswer {
    FileAnswer::Content { content: text.into(), cut: false }
}

/// A process with these words as its arguments.
pub fn qemu(pid: u32, user: &str, words: &[&str]) -> Process {
    Process { user: user.into(), ..process(pid, words.iter().map(|word| Bytes::from(*word)).collect()) }
}

/// tst100 as CREATE starts it.
pub fn tst100() -> Process {
    let qmp = format!("unix:{RUN}/{KEY}/qmp,server=on,wait=off");
    let serial =
        format!("socket,id=ctys-serial,path={RUN}/{KEY}/serial,server=on,wait=off,logfile={RUN}/{KEY}/serial.log");
    let words = [
        "qemu-system-x86_64",
        "-m",
        "512",
        "-nic",
        "user,mac=52:54:00:00:00:01",
        "-name",
        "guest=tst100",
        "-uuid",
        UUID,
        "-qmp",
        &qmp,
        "-chardev",
        &serial,
        "-serial",
        "chardev:ctys-serial",
        "-vnc",
        "127.0.0.1:0,to=99",
        "-daemonize",
    ];
    qemu(4711, "mia", &words)
}

/// One of libvirt's, and one of root's that was started by hand.
pub fn others() -> Vec<Process> {
    vec![
        qemu(
            500,
            "libvirt-qemu",
            &[
                "/usr/bin/qemu-system-x86_64",
                "-name",
                "guest=web01,debug-threads=on",
                "-accel",
                "kvm",
                "-chardev",
                "socket,id=charmonitor,fd=33,server=on,wait=off",
                "-mon",
                "chardev=charmonitor,mode=control",
                "-vnc",
                ":3",
            ],
        ),
        qemu(600, "root", &["qemu-system-arm", "-name", "hand", "-M", "virt", "-qmp", "unix:/srv/hand,server,nowait"]),
    ]
}

pub const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}}}\n";

/// What a machine answers to these commands.
pub fn said(answers: &[(&str, &str)]) -> String {
    let line = |(id, returned): &(&str, &str)| match returned.strip_prefix('!') {
        Some(why) => format!("{{\"error\": {{\"desc\": \"{why}\"}}, \"id\": \"{id}\"}}\n"),
        None => format!("{{\"return\": {returned}, \"id\": \"{id}\"}}\n"),
    };
    std::iter::once(GREETING.to_string()).chain(answers.iter().map(line)).collect()
}

pub fn status(word: &str) -> String {
    let status = format!("{{\"status\": \"{word}\"}}");
    let vnc = "{\"enabled\": true, \"family\": \"ipv4\", \"service\": \"5904\"}";
    said(&[("query-status", &status), ("query-vnc", vnc), ("query-kvm", "{\"enabled\": false}")])
}

pub fn heard(socket: &str, text: &str, end: Ending) -> Answer {
    Answer::Talked(vec![Heard { socket: socket.into(), text: text.into(), end }])
}

/// What tst100 answers.
pub fn tst100_says(text: &str) -> Answer {
    heard(&format!("{RUN}/{KEY}/qmp"), text, Ending::Answered)
}

/// The same host, where tst100 runs.
pub fn running() -> World {
    in_state("running")
}

pub fn in_state(word: &str) -> World {
    World { processes: Answer::Processes(vec![tst100()]), heard: tst100_says(&status(word)), ..lab00() }
}

/// With the machines of others beside it.
pub fn crowd() -> World {
    World { processes: Answer::Processes([vec![tst100()], others()].concat()), ..running() }
}

impl World {
    pub fn with(mut self, path: &'static str, text: &str) -> World {
        self.files.push((path, content(text)));
        self
    }

    pub fn with_processes(mut self, processes: Vec<Process>) -> World {
        self.processes = Answer::Processes(processes);
        self
    }

    fn answer(&self, probe: &Probe) -> Answer {
        match probe {
            Probe::Processes(table) if table.names.contains(&"perl".to_string()) => {
                Answer::Processes(self.carriers.clone())
            }
            Probe::Processes(_) => self.processes.clone(),
            Probe::Talk(_) => self.heard.clone(),
            Probe::Scan(scan) => self.walk(scan),
            Probe::File { path, .. } => {
                let file = self.files.iter().find(|(known, _)| known.as_bytes() == path.as_slice());
                Answer::File(file.map_or(FileAnswer::Absent, |(_, file)| file.clone()))
            }
            Probe::Run { .. } => self.emulators.clone(),
        }
    }

    fn walk(&self, scan: &Scan) -> Answer {
        let mut files = Vec::new();
        for base in &scan.bases {
            let base = base.to_text().replace('~', "/home/mia");
            let below = |path: &&str| path.strip_prefix(&base).is_some_and(|rest| rest.starts_with('/'));
            let mut found = self.files.iter().filter(|(path, _)| below(path)).peekable();
            if found.peek().is_none() {
                files.push(FoundFile { path: base.clone().into(), file: FileAnswer::Absent });
            }
            files.extend(found.map(|(path, file)| FoundFile { path: (*path).into(), file: file.clone() }));
        }
        Answer::Scanned(Scanned { files, cut: false })
    }
}

impl story::World for World {
    fn facts(&self, wants: &[Probe]) -> Facts {
        let answers = wants.iter().map(|probe| (probe.clone(), self.answer(probe)));
        let mut facts = ctys_plugin::testing::facts_with(answers);
        if self.root
            && let Some(host) = &mut facts.host
        {
            (host.uid, host.user, host.home) = (0, "root".into(), "/root".into());
        }
        if self.silent {
            return Facts { host: None, answers: Vec::new(), ..facts };
        }
        facts
    }
}

/// `ctys -t qemu -a <action> lab00`.
pub fn case(name: &'static str, action: Action, world: World) -> Case {
    let request = Request { session_type: Some("QEMU".into()), ..request(action) };
    story::case(name, request, world)
}

pub fn check(prefix: &str, cases: Vec<Case>) {
    story::check::<ctys_qemu::Qemu>(env!("CARGO_MANIFEST_DIR"), prefix, cases);
}

pub fn label(label: &str) -> MachineAddress {
    MachineAddress { label: Some(label.into()), ..MachineAddress::default() }
}

pub fn path(path: &str) -> MachineAddress {
    MachineAddress { id: Some(path.into()), ..MachineAddress::default() }
}

pub fn ok() -> Answer {
    output("")
}
