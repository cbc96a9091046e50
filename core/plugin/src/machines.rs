//! What plugins of machines have in common: the walk for their configurations, and which of them an address means
//! (ctys.md 3).
//!
//! ID is one file, literally. FNAME is any fragment of the path; LABEL, UUID, MAC and TCP match exactly. All parts that are
//! given must hold. Two files of one machine are the same machine; any other two are an error that lists them.

use crate::magic::{MagicInterface, plain_mac, plain_uuid, state_wanted};
use ctys_model::bytes::escape;
use ctys_model::probe::Scan;
use ctys_model::{Answer, Bytes, Facts, FileAnswer, MachineAddress, Phase, Place, Probe, Problem};

/// The folders every plugin walks, so that one walk serves all (ctys.md 2.4).
pub const COMMON_BASES: [&str; 2] = ["~", "/etc/ctys.d"];
/// How deep a walk goes: `~/xen/tst-ctys/tst100/tst100.conf` is four levels down.
const DEPTH: u32 = 8;
/// At most so many bytes of one file. The longest examples that come with Xen have 10 KiB.
const FILE_LIMIT: u32 = 64 * 1024;

/// A configured machine, as an address looks at it.
pub trait Configured {
    /// The absolute path of its file.
    fn path(&self) -> &Bytes;
    /// Its name.
    fn label(&self) -> Option<String>;
    /// Its uuid as 32 lower-case digits.
    fn uuid(&self) -> Option<String>;
    /// VMSTATE.
    fn state(&self) -> Option<&str>;
    /// Its network interfaces.
    fn interfaces(&self) -> Vec<MagicInterface>;

    /// The path as text; bytes that are not UTF-8 as `\xNN`.
    fn shown_path(&self) -> String {
        shown(self.path())
    }

    /// Whether it is one to be started, and no copy, template or retired machine.
    fn is_in_use(&self) -> bool {
        state_wanted(&[], self.state())
    }
}

/// The files that a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files<'a> {
    /// Path and content, by path.
    pub read: Vec<(&'a Bytes, &'a Bytes)>,
    /// Files that may not be read; what they describe nobody knows.
    pub unreadable: Vec<Bytes>,
    /// Folders that are none.
    pub absent: Vec<Bytes>,
    /// What kept the search from being complete.
    pub problems: Vec<Problem>,
}

/// A walk below these folders, or below the default ones: [`COMMON_BASES`], and those of the plugin in a walk of their own.
pub fn walks(base: &[String], names: &[&str], own_bases: &[&str]) -> Vec<Probe> {
    let walk = |bases: Vec<Bytes>| {
        Probe::Scan(Scan {
            place: Place::Target,
            bases,
            names: names.iter().map(|name| name.to_string()).collect(),
            depth: DEPTH,
            limit: FILE_LIMIT,
        })
    };
    if base.iter().all(String::is_empty) {
        let mut walks = vec![walk(COMMON_BASES.map(Bytes::from).to_vec())];
        if !own_bases.is_empty() {
            walks.push(walk(own_bases.iter().copied().map(Bytes::from).collect()));
        }
        return walks;
    }
    vec![walk(base.iter().filter(|base| !base.is_empty()).map(|base| Bytes::from(base.as_str())).collect())]
}

/// The folders of [`walks`] in words.
pub fn places(base: &[String], own_bases: &[&str]) -> String {
    if base.iter().all(String::is_empty) {
        return [&COMMON_BASES[..], own_bases].concat().join(", ");
    }
    base.join(", ")
}

/// What these walks found.
pub fn files<'a>(facts: &'a Facts, walks: &[Probe]) -> Files<'a> {
    let mut files = Files::default();
    for walk in walks {
        let scanned = match facts.answer(walk) {
            Answer::Scanned(scanned) => scanned,
            Answer::File(FileAnswer::Denied) => {
                files.problems.push(Problem::new(Phase::Notice, "a folder may not be searched"));
                continue;
            }
            Answer::Failed(why) => {
                files.problems.push(Problem::new(Phase::Run, format!("the search for configurations failed: {why}")));
                continue;
            }
            _ => {
                files.problems.push(Problem::new(Phase::Run, "the search for configurations was not answered"));
                continue;
            }
        };
        if scanned.cut {
            files.problems.push(
                Problem::new(Phase::Run, "the search for configurations was cut short, machines may be missing")
                    .hint("B:<folder> searches less"),
            );
        }
        for file in &scanned.files {
            match &file.file {
                FileAnswer::Content { content, .. } => files.read.push((&file.path, content)),
                FileAnswer::Denied => files.unreadable.push(file.path.clone()),
                FileAnswer::Absent => files.absent.push(file.path.clone()),
            }
        }
    }
    files.read.sort();
    files.read.dedup();
    files.unreadable.sort();
    files.unreadable.dedup();
    files
}

impl Files<'_> {
    /// The content of a file of this path.
    pub fn content(&self, path: &[u8]) -> Option<&Bytes> {
        let at = self.read.binary_search_by(|(known, _)| known.as_slice().cmp(path)).ok()?;
        Some(self.read[at].1)
    }
}

/// What ENUMERATE remarks where a host cannot run what is configured on it (ctys.md 2.4): how many machines are left out, and
/// why; `why` as it is without any. An empty answer of a file server, or of a host whose hypervisor is down, would look like
/// an empty folder.
pub fn left_out(session_type: &str, machines: usize, why: Problem) -> Problem {
    let why = why.hint("MATCHVSTAT:ALL shows what is configured all the same");
    let what = match machines {
        0 => return why,
        1 => format!("one configured {session_type} machine is left out"),
        n => format!("{n} configured {session_type} machines are left out"),
    };
    Problem { phase: Phase::Notice, message: format!("{what}: {}", why.message), ..why }
}

/// A path, or other bytes of a host, in a message.
pub fn shown(bytes: &Bytes) -> String {
    std::str::from_utf8(bytes.as_slice()).map_or_else(|_| escape(bytes.as_slice()), str::to_string)
}

/// The path up to its last dot behind the last slash, and the rest.
pub fn split_extension(path: &[u8]) -> (&[u8], &[u8]) {
    let name = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
    match path[name..].iter().rposition(|&b| b == b'.') {
        Some(dot) if dot > 0 => path.split_at(name + dot),
        _ => (path, b""),
    }
}

/// Parts of an address that only a file can answer.
pub fn needs_files(address: &MachineAddress) -> bool {
    address.file_name.is_some() || address.tcp.is_some()
}

/// The parts of an address in words: `the label tst100 and the address 10.0.0.7`.
pub fn words(address: &MachineAddress) -> String {
    let MachineAddress { id, file_name, label, uuid, mac, tcp, base: _, db_record: _ } = address;
    let parts = [
        ("the path", id),
        ("the path fragment", file_name),
        ("the label", label),
        ("the uuid", uuid),
        ("the hardware address", mac),
        ("the address", tcp),
    ];
    let given: Vec<String> =
        parts.into_iter().filter_map(|(what, part)| part.as_ref().map(|part| format!("{what} {part}"))).collect();
    given.join(" and ")
}

/// The parts of an address as in the call, without their keys.
pub fn typed(address: &MachineAddress) -> String {
    let MachineAddress { id, file_name, label, uuid, mac, tcp, base: _, db_record: _ } = address;
    let parts = [label, id, file_name, uuid, mac, tcp];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(",")
}

/// What is wrong with an address whatever runs. `what` is what it should name: a domain, a machine.
pub fn refuse(address: &MachineAddress, what: &str) -> Option<Problem> {
    if let Some(number) = address.db_record {
        let message = format!("the database record {number} was not looked up");
        return Some(
            Problem::new(Phase::Here, message)
                .hint("name the machine by its label or by the path of its configuration"),
        );
    }
    address.is_empty().then(|| {
        Problem::new(Phase::Usage, format!("which {what} is not said"))
            .hint("l:<label>, p:<path>, f:<part of the path>, u:<uuid>, m:<hardware address> or t:<address>")
    })
}

/// The first part of the address that does not hold for this machine, as a sentence.
pub fn misfit(machine: &impl Configured, address: &MachineAddress) -> Option<String> {
    let path = machine.shown_path();
    let differs = |what: &str, asked: &str, is: Option<String>| match is {
        Some(is) => format!("the {what} in {path} is {is}, not {asked}"),
        None => format!("{path} has no {what}, so it is not {asked}"),
    };
    if let Some(fragment) = &address.file_name
        && !holds(machine.path().as_slice(), fragment.as_bytes())
    {
        return Some(format!("{fragment} is no part of {path}"));
    }
    if let Some(label) = &address.label {
        let name = machine.label();
        if !name.as_deref().is_some_and(|name| is_label(name, label)) {
            return Some(differs("label", label, name));
        }
    }
    if let Some(uuid) = &address.uuid
        && (plain_uuid(uuid).is_none() || machine.uuid() != plain_uuid(uuid))
    {
        return Some(differs("uuid", uuid, machine.uuid()));
    }
    if address.mac.is_none() && address.tcp.is_none() {
        return None;
    }
    let interfaces = machine.interfaces();
    let list = |values: Vec<String>| Some(values.join(", ")).filter(|text| !text.is_empty());
    if let Some(mac) = &address.mac {
        let wanted = plain_mac(mac);
        let macs: Vec<String> = interfaces.iter().filter_map(|interface| interface.mac.clone()).collect();
        if wanted.is_none_or(|wanted| !macs.contains(&wanted)) {
            return Some(differs("hardware address", mac, list(macs)));
        }
    }
    if let Some(tcp) = &address.tcp {
        let ips: Vec<String> = interfaces.iter().filter_map(|interface| interface.ip.clone()).collect();
        if !ips.iter().any(|ip| is_address(ip, tcp)) {
            return Some(differs("address", tcp, list(ips)));
        }
    }
    None
}

/// The hint where a path leads to no file: `p:$HOME/x.conf` arrives with the caller's home folder in it.
pub const PATH_IS_THERE: &str = "the path is one on the target, where $HOME may be another than that of the shell here; \
                                 f:<part of the path> finds a file below the home folder there";

/// That more than one file fits where one is needed.
pub fn ambiguous_files(all: &[impl Configured]) -> Problem {
    let list: Vec<String> = all.iter().map(Configured::shown_path).collect();
    Problem::new(Phase::Ambiguous, format!("{} configurations fit: {}", list.len(), list.join(", ")))
        .hint("name one of them by p:<path>")
        .hint("a copy is left out when it says #@#VMSTATE = \"BACKUP\" or #@#MAGICID-IGNORE")
}

/// That nothing fits: which files were looked at, and where.
pub fn nothing_fits(
    address: &MachineAddress,
    own_bases: &[&str],
    machines: &[impl Configured],
    files: Files<'_>,
) -> Problem {
    let places = places(&address.base, own_bases);
    let mut problem = Problem::new(Phase::Run, format!("no configuration below {places} has {}", words(address)));
    if let Some(copy) = machines.iter().find(|machine| !machine.is_in_use() && misfit(*machine, address).is_none()) {
        let state = copy.state().unwrap_or_default().to_string();
        problem = problem.hint(format!("{} does and is {state}; p:<path> takes it all the same", copy.shown_path()));
    }
    if let Some((first, others)) = files.unreadable.split_first() {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        problem = problem.hint(format!("left out, since they may not be read: {}{more}", shown(first)));
    }
    if !address.base.is_empty() {
        for path in &files.absent {
            problem = problem.hint(format!("{} is no folder", shown(path)));
        }
    }
    for other in files.problems {
        problem = problem.hint(other.message);
    }
    problem
}

/// A label in an address cannot hold a colon: `_` stands for it (ctys.md 3).
pub fn is_label(name: &str, label: &str) -> bool {
    name == label || name.replace(':', "_") == label
}

/// Addresses by value, names without regard to case and to the dot at the end.
pub fn is_address(known: &str, asked: &str) -> bool {
    match (known.parse::<std::net::IpAddr>(), asked.parse::<std::net::IpAddr>()) {
        (Ok(known), Ok(asked)) => known == asked,
        _ => known.trim_end_matches('.').eq_ignore_ascii_case(asked.trim_end_matches('.')),
    }
}

fn holds(path: &[u8], fragment: &[u8]) -> bool {
    !fragment.is_empty() && path.windows(fragment.len()).any(|window| window == fragment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{facts_with, scanned};
    use ctys_model::Missing;

    struct Lamp(&'static str);

    impl Configured for Lamp {
        fn path(&self) -> &Bytes {
            static PATH: std::sync::LazyLock<Bytes> =
                std::sync::LazyLock::new(|| Bytes::from("/srv/vm/lamp/lamp.ctys"));
            &PATH
        }
        fn label(&self) -> Option<String> {
            Some("lamp:1".into())
        }
        fn uuid(&self) -> Option<String> {
            plain_uuid("6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2")
        }
        fn state(&self) -> Option<&str> {
            Some(self.0)
        }
        fn interfaces(&self) -> Vec<MagicInterface> {
            let (mac, ip) = (Some("52:54:00:00:00:01".to_string()), Some("10.0.0.7".to_string()));
            vec![MagicInterface { mac, ip, ..MagicInterface::default() }]
        }
    }

    fn address(change: impl FnOnce(&mut MachineAddress)) -> MachineAddress {
        let mut address = MachineAddress::default();
        change(&mut address);
        address
    }

    #[test]
    fn all_parts_of_an_address_must_hold() {
        let check = |want: Option<&str>, change: fn(&mut MachineAddress)| {
            assert_eq!(misfit(&Lamp("ACTIVE"), &address(change)).as_deref(), want);
        };
        check(None, |a| a.label = Some("lamp_1".into()));
        check(None, |a| a.uuid = Some("6842CAF9-1e3e43249ed596b8b9f2c5c2".into()));
        check(None, |a| a.mac = Some("52-54-00-00-00-01".into()));
        check(None, |a| (a.file_name, a.tcp) = (Some("vm/lamp".into()), Some("10.0.0.7".into())));
        check(Some("the label in /srv/vm/lamp/lamp.ctys is lamp:1, not lamp"), |a| a.label = Some("lamp".into()));
        check(Some("lamps is no part of /srv/vm/lamp/lamp.ctys"), |a| a.file_name = Some("lamps".into()));
        check(Some("the address in /srv/vm/lamp/lamp.ctys is 10.0.0.7, not 10.0.0.8"), |a| {
            (a.label, a.tcp) = (Some("lamp_1".into()), Some("10.0.0.8".into()));
        });
        check(Some("the uuid in /srv/vm/lamp/lamp.ctys is 6842caf91e3e43249ed596b8b9f2c5c2, not x"), |a| {
            a.uuid = Some("x".into())
        });
    }

    #[test]
    fn names_and_addresses_are_compared_by_meaning() {
        let check =
            |known: &str, asked: &str, want: bool| assert_eq!(is_address(known, asked), want, "{known} {asked}");
        check("10.0.0.7", "10.0.0.7", true);
        check("::1", "0:0:0:0:0:0:0:1", true);
        check("Tst100.soho.", "tst100.SOHO", true);
        check("10.0.0.7", "10.0.0.70", false);
        check("", "x", false);
    }

    #[test]
    fn nothing_that_fits_is_told_with_what_could_have() {
        let by_label = address(|a| a.label = Some("lamp_1".into()));
        let problem = nothing_fits(&by_label, &["/etc/lamps"], &[Lamp("BACKUP")], Files::default());
        assert_eq!(problem.message, "no configuration below ~, /etc/ctys.d, /etc/lamps has the label lamp_1");
        assert_eq!(problem.hints, ["/srv/vm/lamp/lamp.ctys does and is BACKUP; p:<path> takes it all the same"]);
    }

    #[test]
    fn the_default_is_the_walk_of_all_plugins() {
        let bases = |walk: &Probe| match walk {
            Probe::Scan(scan) => scan.bases.iter().map(shown).collect::<Vec<_>>().join(" "),
            _ => String::new(),
        };
        let check = |base: &[&str], own: &[&str], want: &[&str]| {
            let base: Vec<String> = base.iter().map(|base| base.to_string()).collect();
            let got: Vec<String> = walks(&base, &["*.conf"], own).iter().map(bases).collect();
            assert_eq!(got, want);
        };
        check(&[], &[], &["~ /etc/ctys.d"]);
        check(&[""], &["/etc/xen"], &["~ /etc/ctys.d", "/etc/xen"]);
        check(&["/srv", "vm"], &["/etc/xen"], &["/srv vm"]);
    }

    #[test]
    fn files_come_by_path_and_each_once() {
        let walk = walks(&[], &["*.conf"], &["/x"]);
        let found = || scanned([("/b", "2".into()), ("/a", "1".into())]);
        let facts = facts_with([(walk[0].clone(), found()), (walk[1].clone(), found())]);
        let all = files(&facts, &walk);
        assert_eq!(all.read.iter().map(|(path, _)| shown(path)).collect::<Vec<_>>(), ["/a", "/b"]);
        assert_eq!(all.content(b"/b"), Some(&Bytes::from("2")));
        assert_eq!(all.content(b"/c"), None);
        let silent = facts_with([(walk[0].clone(), Answer::Missing(Missing::HostSilent))]);
        assert_eq!(files(&silent, &walk[..1]).problems.len(), 1);
    }

    #[test]
    fn an_extension_is_behind_the_last_slash() {
        assert_eq!(split_extension(b"/a.d/b.conf"), (&b"/a.d/b"[..], &b".conf"[..]));
        assert_eq!(split_extension(b"/a.d/.conf"), (&b"/a.d/.conf"[..], &b""[..]));
        assert_eq!(split_extension(b"/a.d/b"), (&b"/a.d/b"[..], &b""[..]));
    }
}
