//! What is configured: the files that describe QEMU machines.
//!
//! A file counts when it is `*.ctys` or `*.conf` and says `#@#MAGICID-QEMU`; `MAGICID-IGNORE` and `MAGICID-NOENUM` hide it
//! (ctys.md 6.1). What stands in it beside the comments is one of
//!
//! * QEMU's own configuration, as `-readconfig` takes it: it begins with a `[section]`;
//! * a program that starts QEMU with the arguments it gets (`exec qemu-system-x86_64 -m 512 "$@"`): it begins with `#!`;
//! * plain arguments, over as many lines as one likes;
//! * nothing: then `#@#STARTERCALL` names the program, such as the `NAME.sh` of the original.
//!
//! What a file does not say itself is looked for in `<same stem>.ctys` beside it, then in `<its folder>.ctys` beside the
//! folder.

use crate::folders;
use crate::host::Running;
use crate::parse::command_line::CommandLine;
use crate::parse::{arguments, readconfig};
use ctys_plugin::machines::{self, Configured, split_extension};
use ctys_plugin::magic::{Magic, MagicInterface, plain_mac, plain_uuid};
use ctys_plugin::model::{Bytes, Facts, Probe, Problem};

/// What stands in a file beside its comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// QEMU's own configuration.
    ReadConfig,
    /// A program.
    Script,
    /// Arguments, a program in front of them perhaps.
    Arguments(Vec<String>),
    /// Arguments that cannot be read, for this reason.
    Broken(String),
}

/// One configured machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The absolute path of its file.
    pub path: Bytes,
    /// How QEMU is started.
    pub body: Body,
    /// What is known of that.
    pub line: CommandLine,
    /// What ctys reads: of the file itself, then of those that belong to it.
    pub magics: Vec<Magic>,
}

/// What was found below some folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The machines, by path.
    pub machines: Vec<Machine>,
    /// Files that may not be read.
    pub unreadable: Vec<Bytes>,
    /// Folders that are none.
    pub absent: Vec<Bytes>,
    /// What kept the search from being complete.
    pub problems: Vec<Problem>,
}

impl Configured for Machine {
    fn path(&self) -> &Bytes {
        &self.path
    }

    fn label(&self) -> Option<String> {
        self.line.name().or_else(|| self.magic("LABEL")).map(str::to_string)
    }

    fn uuid(&self) -> Option<String> {
        self.line.uuid().or_else(|| self.magic("UUID").and_then(plain_uuid))
    }

    fn state(&self) -> Option<&str> {
        self.magic("VMSTATE")
    }

    fn interfaces(&self) -> Vec<MagicInterface> {
        self.interfaces_with_problems().0
    }
}

impl Machine {
    /// From the content of a file that was named by its path: whatever is in it, it is meant.
    pub fn read(path: impl Into<Bytes>, content: &Bytes) -> Machine {
        let text = ctys_plugin::outputs::plain(content);
        let (body, line) = body(&text);
        Machine { path: path.into(), body, line, magics: vec![Magic::parse(content)] }
    }

    /// The label, or the name of the file without its extension.
    pub fn name(&self) -> String {
        self.label().unwrap_or_else(|| {
            let (stem, _) = split_extension(self.path.as_slice());
            let name = stem.rsplit(|&b| b == b'/').next().unwrap_or_default();
            machines::shown(&Bytes(name.to_vec()))
        })
    }

    /// What its folders are called by, see [`folders`].
    pub fn key(&self) -> String {
        self.uuid().unwrap_or_else(|| folders::key_of_path(self.path.as_slice()))
    }

    /// A magic comment, of the file itself or of those that belong to it.
    pub fn magic(&self, key: &str) -> Option<&str> {
        self.magics.iter().find_map(|magic| magic.get(key))
    }

    /// The folder it lies in.
    pub fn folder(&self) -> &[u8] {
        let path = self.path.as_slice();
        match path.iter().rposition(|&b| b == b'/') {
            Some(0) | None => b"/",
            Some(at) => &path[..at],
        }
    }

    /// The network interfaces, one per address, and what is odd about them. The hardware address of the n-th card beats
    /// `MAC<n>`; an address belongs to the card of its hardware address, else to the n-th.
    pub fn interfaces_with_problems(&self) -> (Vec<MagicInterface>, Vec<Problem>) {
        let (mut noted, odd) =
            self.magics.iter().map(Magic::interfaces).find(|(list, _)| !list.is_empty()).unwrap_or_default();
        let cards = self.line.cards();
        if cards.is_empty() {
            return (noted, odd);
        }
        let mut interfaces = Vec::new();
        for (n, card) in cards.iter().enumerate() {
            let by_mac = card.mac.is_some() && noted.iter().any(|interface| interface.mac == card.mac);
            let fits = |interface: &MagicInterface| match by_mac {
                true => interface.mac == card.mac,
                false => self.is_numbered(interface, n),
            };
            let (mut own, others): (Vec<_>, Vec<_>) = noted.into_iter().partition(fits);
            noted = others;
            if own.is_empty() {
                own.push(MagicInterface { name: n.to_string(), ..MagicInterface::default() });
            }
            for mut interface in own {
                interface.mac = card.mac.clone().or(interface.mac);
                interfaces.push(interface);
            }
        }
        interfaces.append(&mut noted);
        (interfaces, Vec::new())
    }

    /// Whether an interface of the magic comments comes from `MAC<n>` or `IP<n>`.
    fn is_numbered(&self, interface: &MagicInterface, n: usize) -> bool {
        let get =
            |stem: &str| self.magic(&format!("{stem}{n}")).or_else(|| if n == 0 { self.magic(stem) } else { None });
        let mac = get("MAC").map(|text| plain_mac(text).unwrap_or_else(|| text.to_string()));
        let is_listed = |ip: &String| {
            let list = get("IP").unwrap_or_default();
            list.split(',').any(|one| one.split('%').next().map(str::trim) == Some(ip))
        };
        match &interface.mac {
            Some(_) => interface.mac == mac,
            None => interface.ip.as_ref().is_some_and(is_listed),
        }
    }

    /// Whether this running machine is the configured one: by its folder, by uuid where both have one, else by name.
    pub fn is(&self, running: &Running) -> bool {
        if let Some((_, key)) = &running.own
            && *key == self.key()
        {
            return true;
        }
        match (self.uuid(), running.uuid()) {
            (Some(own), Some(other)) => own == other,
            _ => running.name().is_some_and(|name| Some(name) == self.label().as_deref()),
        }
    }

    /// Whether it may be the configured one, for a mark that must not be overlooked: by any of these.
    pub fn may_be(&self, running: &Running) -> bool {
        let same_uuid = self.uuid().is_some() && self.uuid() == running.uuid();
        let same_name = running.name().is_some_and(|name| Some(name) == self.label().as_deref());
        same_uuid || same_name || self.is(running)
    }

    /// Whether both files describe the same machine.
    pub fn is_same(&self, other: &Machine) -> bool {
        self.label() == other.label() && self.uuid() == other.uuid() && self.uuid().is_some()
    }
}

/// What stands in a file beside its comments.
fn body(text: &str) -> (Body, CommandLine) {
    if text.starts_with("#!") {
        return (Body::Script, CommandLine::default());
    }
    if readconfig::is_one(text) {
        return (Body::ReadConfig, readconfig::parse(text));
    }
    match arguments::words(text) {
        Err(why) => (Body::Broken(why), CommandLine::default()),
        Ok(words) if words.is_empty() => (Body::Empty, CommandLine::default()),
        Ok(words) => {
            // A program may stand in front: what begins with a dash is none.
            let no_program = words[0].starts_with('-').then(String::new);
            let args: Vec<Bytes> = no_program.iter().chain(&words).map(|word| Bytes::from(word.as_str())).collect();
            let line = CommandLine::parse(&args, true);
            (Body::Arguments(words), line)
        }
    }
}

/// What these walks found.
pub fn found(facts: &Facts, walks: &[Probe]) -> Found {
    let files = machines::files(facts, walks);
    let mut found = Found::default();
    for (path, content) in &files.read {
        let magic = Magic::parse(content);
        if magic.hidden() || !magic.has("MAGICID-QEMU") {
            continue;
        }
        let raw = path.as_slice();
        let (stem, extension) = split_extension(raw);
        let folder = raw.iter().rposition(|&b| b == b'/').map(|at| &raw[..at]).unwrap_or_default();
        let companions = [[stem, b".ctys"].concat(), [folder, b".ctys"].concat()];
        // `x.ctys` beside `x.conf` adds to it.
        let native = files.content(&[stem, b".conf"].concat()).map(Magic::parse);
        if extension == b".ctys" && native.is_some_and(|native| native.has("MAGICID-QEMU") && !native.hidden()) {
            continue;
        }
        let mut machine = Machine::read((*path).clone(), content);
        let others = companions.iter().filter(|other| other.as_slice() != raw).filter_map(|other| files.content(other));
        machine.magics.extend(others.map(Magic::parse));
        found.machines.push(machine);
    }
    found.unreadable = files.unreadable;
    found.absent = files.absent;
    found.problems = files.problems;
    found
}
