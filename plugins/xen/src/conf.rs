//! What is configured: the files that describe Xen domains, each with the magic comments that belong to it.
//!
//! A file counts when it is `*.conf`, `*.ctys` or `*.cfg` and says `#@#MAGICID-XEN`, or sets more than four of the keys
//! every domain has (ctys.md 6.1); `MAGICID-IGNORE` and `MAGICID-NOENUM` hide it. What a file does not say itself is looked
//! for in `<same stem>.ctys` beside it, then in `<its folder>.ctys` beside the folder. `/etc/ctys.d/pm.conf` stays out of
//! this: its label and addresses are the host's.

use crate::parse::xl_cfg::{self, Config};
use crate::parse::xl_list::Domain;
use crate::parse::xl_list_long::Kind;
use ctys_plugin::machines::{self, Configured, Files, split_extension};
use ctys_plugin::magic::{Magic, MagicInterface, plain_mac, plain_uuid};
use ctys_plugin::model::{Bytes, Facts, Phase, Probe, Problem};

/// The keys that tell a configuration of a domain: those of the original, and the three that say today what
/// `bootloader` said then.
const KEYS: [&str; 10] = ["name", "vif", "disk", "memory", "bootloader", "uuid", "vcpus", "kernel", "type", "builder"];

/// Suffixes of the files that BOOTMODE selects: `tst100-cd.conf` beside `tst100.conf`.
pub const BOOT_MODES: [(&str, &str); 8] = [
    ("CD", "cd"),
    ("DVD", "dvd"),
    ("FDD", "fdd"),
    ("USB", "usb"),
    ("ISO", "iso"),
    ("KERNEL", "kernel"),
    ("PXE", "pxe"),
    ("INSTALL", "inst"),
];

/// One configured domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The absolute path of its file.
    pub path: Bytes,
    /// What xl reads.
    pub config: Config,
    /// What ctys reads: of the file itself, then of those that belong to it.
    pub magics: Vec<Magic>,
}

/// What was found below some folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The domains, by path.
    pub machines: Vec<Machine>,
    /// Files that may not be read; whether they are Xen's nobody knows.
    pub unreadable: Vec<Bytes>,
    /// Folders that are none.
    pub absent: Vec<Bytes>,
    /// What kept the search from being complete.
    pub problems: Vec<Problem>,
}

impl Machine {
    /// From the content of a file that was named by its path: whatever is in it, it is meant.
    pub fn read(path: impl Into<Bytes>, content: &Bytes) -> Machine {
        Machine { path: path.into(), config: Config::parse(content), magics: vec![Magic::parse(content)] }
    }

    /// The name of the domain.
    pub fn name(&self) -> Option<String> {
        self.config.text("name").or_else(|| self.magic("LABEL").map(str::to_string))
    }

    /// The uuid with dashes, unless the file has it in the one form that xl takes.
    pub fn uuid_for_xl(&self) -> Result<Option<String>, Problem> {
        let native = self.config.text("uuid");
        let Some(plain) = self.uuid() else {
            return match native {
                None => Ok(None),
                Some(text) => {
                    let line = self.config.line("uuid").unwrap_or_default();
                    let message = format!("nothing was done: {} line {line}: {text} is no uuid", self.shown_path());
                    Err(Problem::new(Phase::Run, message)
                        .hint("a uuid is 6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2, for example"))
                }
            };
        };
        let part = |from: usize, to: usize| &plain[from..to];
        let dashed = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
        Ok((!native.is_some_and(|text| text.eq_ignore_ascii_case(&dashed))).then_some(dashed))
    }

    /// How the guest runs: xl's `type`, or the older `builder`; paravirtualised when the file says neither.
    pub fn kind(&self) -> Option<Kind> {
        let word = self.config.text("type").or_else(|| self.config.text("builder"));
        match word {
            Some(word) => Kind::from_word(&word),
            None if self.config.has("name") => Some(Kind::Pv),
            None => None,
        }
    }

    /// The display of its VNC server where the file fixes it: `vncunused=1`, the default, takes the next free one.
    pub fn vnc_display(&self) -> Option<i64> {
        let devices = self.config.list("vfb");
        let of_device = |name: &str| {
            devices.iter().find_map(|device| {
                let part = xl_cfg::parts(device).into_iter().find(|(key, _)| key == name)?;
                part.1.trim_matches(['"', '\'']).parse::<i64>().ok()
            })
        };
        let get = |name: &str| of_device(name).or_else(|| self.config.number(name));
        if get("vncunused") != Some(0) {
            return None;
        }
        get("vncdisplay").filter(|display| (0..=59_635).contains(display))
    }

    /// The network interfaces, one per address, and what is odd about them. Native settings beat magic comments; an
    /// address in `IP<n>` belongs to the interface with the hardware address of `MAC<n>`, else to the n-th.
    pub fn cards(&self) -> (Vec<MagicInterface>, Vec<Problem>) {
        let native = self.config.list("vif");
        if native.is_empty() {
            return self.magics.iter().map(Magic::interfaces).find(|(list, _)| !list.is_empty()).unwrap_or_default();
        }
        let noted = self.magics.iter().map(Magic::bare_interfaces).find(|list| !list.is_empty());
        let mut noted = noted.unwrap_or_default();
        let mut interfaces = Vec::new();
        for (n, device) in native.iter().enumerate() {
            let parts = xl_cfg::parts(device);
            let part = |name: &str| parts.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            // xl remarks a hardware address that is none, and makes one up.
            let mac = part("mac").and_then(|text| plain_mac(&text));
            let mut own: Vec<MagicInterface> = Vec::new();
            let by_mac = noted.iter().any(|interface| mac.is_some() && interface.mac == mac);
            noted.retain(|interface| {
                let is_own = if by_mac { interface.mac == mac } else { self.is_numbered(interface, n) };
                if is_own {
                    own.push(interface.clone());
                }
                !is_own
            });
            if own.is_empty() {
                own.push(MagicInterface { name: n.to_string(), ..MagicInterface::default() });
            }
            for mut interface in own {
                interface.mac = mac.clone().or(interface.mac);
                // `ip=` may name several addresses, and a netmask behind a slash.
                let first = part("ip").and_then(|list| list.split([' ', '/']).next().map(str::to_string));
                interface.ip = interface.ip.or(first.filter(|ip| !ip.is_empty()));
                interface.relay = interface.relay.or_else(|| part("bridge"));
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
        let mac = || get("MAC").map(|text| plain_mac(text).unwrap_or_else(|| text.to_string()));
        let of_list = |ip: &String| {
            let list = get("IP").unwrap_or_default();
            list.split(',').any(|one| one.split('%').next().map(str::trim) == Some(ip))
        };
        match &interface.mac {
            Some(_) => interface.mac == mac(),
            None => interface.ip.as_ref().is_some_and(of_list),
        }
    }

    /// Whether this running domain is the configured one: by uuid where both have one, else by name.
    pub fn is(&self, domain: &Domain) -> bool {
        match (self.uuid(), &domain.uuid) {
            (Some(own), Some(running)) => own == *running,
            _ => self.name().is_some_and(|name| name == domain.name),
        }
    }

    /// Whether this running domain may be the configured one: by its uuid or by its name.
    pub fn may_be(&self, domain: &Domain) -> bool {
        let by_uuid = self.uuid().is_some_and(|own| domain.uuid.as_ref() == Some(&own));
        by_uuid || self.name().is_some_and(|name| name == domain.name)
    }

    /// Whether both files describe the same domain.
    pub fn is_same(&self, other: &Machine) -> bool {
        self.name() == other.name() && self.uuid() == other.uuid()
    }

    /// The file that BOOTMODE selects beside this one; none for a mode that has no file of its own.
    pub fn boot_file(&self, mode: &str) -> Option<Bytes> {
        let (_, suffix) = BOOT_MODES.iter().find(|(word, _)| *word == mode)?;
        let (stem, extension) = split_extension(self.path.as_slice());
        Some(Bytes([stem, b"-", suffix.as_bytes(), extension].concat()))
    }

    /// A magic comment, of the file itself or of those that belong to it.
    pub fn magic(&self, key: &str) -> Option<&str> {
        self.magics.iter().find_map(|magic| magic.get(key))
    }
}

impl Configured for Machine {
    fn path(&self) -> &Bytes {
        &self.path
    }

    fn label(&self) -> Option<String> {
        self.name()
    }

    fn uuid(&self) -> Option<String> {
        let native = self.config.text("uuid");
        native.as_deref().or_else(|| self.magic("UUID")).and_then(plain_uuid)
    }

    fn state(&self) -> Option<&str> {
        self.magic("VMSTATE")
    }

    fn interfaces(&self) -> Vec<MagicInterface> {
        self.cards().0
    }
}

/// What these walks found.
pub fn found(facts: &Facts, walks: &[Probe]) -> Found {
    search(facts, walks, false)
}

/// The same, and every file with the mark of what is not to be ended, however little else is in it: a few lines are enough
/// for xl, and are no description that ENUMERATE would show.
pub fn found_with_marks(facts: &Facts, walks: &[Probe]) -> Found {
    search(facts, walks, true)
}

fn search(facts: &Facts, walks: &[Probe], marks: bool) -> Found {
    let files = machines::files(facts, walks);
    let machines = machines_of(&files, marks);
    let Files { read: _, unreadable, absent, problems } = files;
    Found { machines, unreadable, absent, problems }
}

fn machines_of(files: &Files<'_>, marks: bool) -> Vec<Machine> {
    let content_of = |path: &[u8]| files.content(path);
    let mut machines = Vec::new();
    for &(path, content) in &files.read {
        let magic = Magic::parse(content);
        let described = is_xen(&magic, content);
        if !described && !marks {
            continue;
        }
        let raw = path.as_slice();
        // `/etc/xen/auto` holds links to the files of those domains that start with the host.
        if auto_original(raw).and_then(|original| content_of(&original)) == Some(content) {
            continue;
        }
        let (stem, extension) = split_extension(raw);
        let folder = raw.iter().rposition(|&b| b == b'/').map(|at| &raw[..at]).unwrap_or_default();
        if extension == b".ctys" {
            let has_native = [&b".conf"[..], b".cfg"]
                .iter()
                .filter_map(|native| content_of(&[stem, native].concat()))
                .any(|native| is_xen(&Magic::parse(native), native));
            if has_native {
                continue;
            }
        }
        let companions = [[stem, b".ctys"].concat(), [folder, b".ctys"].concat()];
        let others = companions.iter().filter(|other| other.as_slice() != raw).filter_map(|other| content_of(other));
        let all: Vec<Magic> = std::iter::once(magic).chain(others.map(Magic::parse)).collect();
        if !described && !all.iter().any(|magic| magic.protection().is_some()) {
            continue;
        }
        machines.push(Machine { path: path.clone(), config: Config::parse(content), magics: all });
    }
    machines
}

/// Whether the file describes a Xen domain.
pub fn is_xen(magic: &Magic, content: &Bytes) -> bool {
    if magic.hidden() {
        return false;
    }
    if magic.has("MAGICID-XEN") {
        return true;
    }
    let config = Config::parse(content);
    KEYS.iter().filter(|key| config.has(key)).count() > 4
}

/// `/etc/xen/tst100.cfg` for `/etc/xen/auto/tst100.cfg`.
fn auto_original(path: &[u8]) -> Option<Vec<u8>> {
    let at = path.iter().rposition(|&b| b == b'/')?;
    let folder = path[..at].strip_suffix(b"/auto")?;
    Some([folder, &path[at..]].concat())
}

/// Whether the first file is what BOOTMODE selects beside the second.
pub fn is_boot_file(file: &Machine, of: &Machine) -> bool {
    BOOT_MODES.iter().any(|(mode, _)| of.boot_file(mode).as_ref() == Some(&file.path))
}
