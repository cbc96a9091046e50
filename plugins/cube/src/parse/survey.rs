//! What the look at a host ([`crate::probes`]) prints, line by line:
//!
//! ```text
//! c                                          the folder of the cubes is there
//! d                                          this is dom0
//! e                                          the runtime has records
//! l                                          some cube has links to others
//! E /opt/container/web/cube.app              an entry of a cube's folder
//! H /opt/container/web/rootfs/etc/hostname   its host name can be read
//! I web                                      its manager cannot be run
//! T web                                      its config.json gives it a terminal
//! W web c a e5 /dev/net/tun                  a device of its list: kind, major and minor in hexadecimal
//! R web                                      the runtime has a record of it
//! X web                                      which waits to be started
//! u 0                                        who looks
//! k 000001ffffffffff                         the capabilities there are for it to give
//! m 3d1219c7c4c5404aaa1f6d2a48adfda4         the id of the machine
//! F /opt/container/web/cube.app              a file, its lines below it
//! L /bin/sleep 1000
//! r web                                      what its record says
//! i 1861 1438132                             its process, and when that started
//! t 2026-11-22T02:51:12.445690273Z           when it was made
//! b "bundle=/opt/container/web"              its bundle, as JSON
//! o                                          which is the folder of the cube of that name
//! n                                          it shares the host's network
//! p S 1438132                                the process of that number: state and start
//! z THAWED                                   its freezer (cgroup v2: 0 or 1)
//! a 192.168.42.50                            an address in its network
//! s 0000000000004000                         the signals its process catches
//! U 11424231                                 CPU time in ns (V usage_usec 11424 with cgroup v2), M memory, K kernel memory
//! D  veth0: 1024 8 0 0 0 0 0 0 2048 9 ...    /proc/net/dev of its network
//! ```

use ctys_plugin::json;
use std::collections::BTreeMap;

/// What there is on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The folder of the cubes is there.
    pub has_folder: bool,
    /// The folder of the records is there.
    pub has_records: bool,
    /// Some cube has links to others.
    pub has_links: bool,
    /// This is dom0, or a host without one.
    pub is_dom0: bool,
    /// Who looks.
    pub uid: Option<u32>,
    /// The capabilities that can be given, as a mask. A look of a start tells them where it needs them.
    pub capabilities: Option<u64>,
    /// The id of the machine.
    pub machine_id: String,
    /// The folders of cubes, by name.
    pub cubes: BTreeMap<String, Folder>,
    /// The records of the runtime, by id.
    pub records: BTreeMap<String, Record>,
}

/// The folder of a cube.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its entries, each with its lines where it was read.
    pub entries: BTreeMap<String, Vec<String>>,
    /// Its manager cannot be run.
    pub no_manager: bool,
    /// `rootfs/etc/hostname`.
    pub hostname: Option<String>,
    /// Its `config.json` gives the first process a terminal. Only looked at where cubes are named.
    pub wants_terminal: bool,
    /// The devices of its list that are there. Only looked at where cubes are named.
    pub nodes: Vec<Node>,
}

/// A device node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// `c` or `b`.
    pub kind: String,
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
    /// Where it is.
    pub path: String,
}

/// A record of the runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What its record says was read. A record without is a start cut short.
    pub is_whole: bool,
    /// Its process.
    pub pid: u32,
    /// When that started, in ticks.
    pub start: u64,
    /// When it was made, as the runtime writes it.
    pub created: String,
    /// Its bundle.
    pub bundle: String,
    /// The bundle is the folder of the cube of that name, by whatever path.
    pub in_folder: bool,
    /// It shares the host's network.
    pub shares_network: bool,
    /// It waits to be started.
    pub waits: bool,
    /// State and start of the process of that number, where there is one.
    pub process: Option<(char, u64)>,
    /// Its freezer is on.
    pub frozen: bool,
    /// The addresses in its network, in numeric order.
    pub addresses: Vec<String>,
    /// The signals its process catches, as a mask.
    pub catches: u64,
    /// CPU time in nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Kernel memory in bytes.
    pub kernel_memory: Option<u64>,
    /// Interfaces: name, bytes received, bytes sent.
    pub links: Vec<(String, u64, u64)>,
}

/// The states of OCI, and one for a record that no runtime could make sense of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Made, and its program not yet started.
    Created,
    /// At work.
    Running,
    /// Frozen.
    Paused,
    /// Its process has ended; the record is left.
    Stopped,
}

impl State {
    /// The word of the runtime.
    pub fn word(self) -> &'static str {
        match self {
            State::Created => "created",
            State::Running => "running",
            State::Paused => "paused",
            State::Stopped => "stopped",
        }
    }
}

impl Record {
    /// The state, found as runc finds it: a process of another start time, or one that is dead, is none; a frozen cgroup is
    /// paused; a pipe that is still there waits for the start.
    pub fn state(&self) -> State {
        let alive = self.process.is_some_and(|(state, start)| start == self.start && !matches!(state, 'Z' | 'X'));
        match () {
            () if !alive => State::Stopped,
            () if self.frozen => State::Paused,
            () if self.waits => State::Created,
            () => State::Running,
        }
    }

    /// Whether it is of the cube of that name, and not of somebody's container with the same id. A start that was cut short says nothing of
    /// its bundle; it can only have been a cube's, since whoever else has such a start has no folder here.
    pub fn is_of_cube(&self) -> bool {
        self.in_folder || self.bundle.is_empty()
    }

    /// Whether its process does anything on this signal. The kernel throws others away: it is the first of its namespace.
    pub fn catches(&self, signal: u32) -> bool {
        self.catches >> (signal - 1) & 1 == 1
    }
}

/// Reads it. None when it is no look at a host: the line of who looks is missing.
pub fn parse(text: &str, containers: &str) -> Option<Survey> {
    let mut survey = Survey::default();
    let (mut file, mut record): (Option<(String, String)>, String) = (None, String::new());
    for line in text.lines() {
        let (tag, rest) = line.split_once(' ').unwrap_or((line, ""));
        let entry = || {
            let (name, entry) = rest.strip_prefix(containers)?.strip_prefix('/')?.split_once('/')?;
            Some((name.to_string(), entry.to_string()))
        };
        match tag {
            "c" => survey.has_folder = true,
            "d" => survey.is_dom0 = true,
            "e" => survey.has_records = true,
            "l" => survey.has_links = true,
            "u" => survey.uid = rest.parse().ok(),
            "k" => survey.capabilities = u64::from_str_radix(rest, 16).ok(),
            "m" => survey.machine_id = rest.to_string(),
            "E" => {
                // A pattern that fits nothing stands for itself.
                if let Some((name, entry)) = entry().filter(|(_, entry)| !entry.contains('*')) {
                    survey.cubes.entry(name).or_default().entries.entry(entry).or_default();
                }
            }
            "I" => survey.cubes.entry(rest.to_string()).or_default().no_manager = true,
            "F" => file = entry(),
            "L" => {
                let Some((name, entry)) = &file else { continue };
                let folder = survey.cubes.entry(name.clone()).or_default();
                if entry == "rootfs/etc/hostname" {
                    folder.hostname.get_or_insert_with(|| rest.trim().to_string());
                } else {
                    folder.entries.entry(entry.clone()).or_default().push(rest.to_string());
                }
            }
            "T" => survey.cubes.entry(rest.to_string()).or_default().wants_terminal = true,
            "W" => {
                if let Some((name, node)) = node(rest) {
                    survey.cubes.entry(name.to_string()).or_default().nodes.push(node);
                }
            }
            "R" => drop(survey.records.entry(rest.to_string()).or_default()),
            "X" => survey.records.entry(rest.to_string()).or_default().waits = true,
            "r" => record = rest.to_string(),
            _ => {
                if let Some(record) = survey.records.get_mut(&record) {
                    tell(record, tag, rest);
                }
            }
        }
    }
    survey.uid.is_some().then_some(survey)
}

/// A device and the cube it is for.
fn node(text: &str) -> Option<(&str, Node)> {
    let mut parts = text.splitn(5, ' ');
    let (name, kind) = (parts.next()?, parts.next()?.to_string());
    let mut number = || u32::from_str_radix(parts.next()?, 16).ok();
    let (major, minor) = (number()?, number()?);
    Some((name, Node { kind, major, minor, path: parts.next()?.to_string() }))
}

/// One line about a record.
fn tell(record: &mut Record, tag: &str, rest: &str) {
    let mut words = rest.split_ascii_whitespace();
    match tag {
        "i" => {
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
            if let (Some(pid), Some(start)) = (number(), number()) {
                (record.pid, record.start, record.is_whole) = (u32::try_from(pid).unwrap_or(0), start, true);
            }
        }
        "t" => record.created = rest.to_string(),
        "b" => {
            let label = json::from_str::<String>(rest).unwrap_or_default();
            record.bundle = label.strip_prefix("bundle=").unwrap_or_default().to_string();
        }
        "o" => record.in_folder = true,
        "n" => record.shares_network = true,
        "p" => {
            if let (Some(state), Some(Ok(start))) = (words.next(), words.next().map(str::parse)) {
                record.process = state.chars().next().map(|state| (state, start));
            }
        }
        "z" => record.frozen |= matches!(rest, "FROZEN" | "FREEZING" | "1"),
        "a" if !rest.starts_with("127.") && rest.parse::<std::net::Ipv4Addr>().is_ok() => {
            record.addresses.push(rest.to_string());
        }
        "s" => record.catches = u64::from_str_radix(rest, 16).unwrap_or(0),
        "U" => record.cpu_ns = rest.parse().ok(),
        "V" => {
            if let Some(usec) = rest.strip_prefix("usage_usec ") {
                record.cpu_ns = usec.parse::<u64>().ok().and_then(|usec| usec.checked_mul(1000));
            }
        }
        "M" => record.memory = rest.parse().ok(),
        "K" => record.kernel_memory = rest.parse().ok(),
        "D" => {
            let Some((name, numbers)) = rest.split_once(':') else { return };
            let numbers: Vec<u64> = numbers.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
            if let (Some(&received), Some(&sent)) = (numbers.first(), numbers.get(8))
                && name.trim() != "lo"
            {
                record.links.push((name.trim().to_string(), received, sent));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "c\nl\nE /c/web/cube.app\nE /c/web/.cube.regen.flag\nT web\nW web c a c8 /dev/net/tun\nR t1\nR web\nX web\nu 0\nk 1ff\nm 3d12\n\
        F /c/web/cube.app\nL /bin/sleep 1000\nF /c/web/rootfs/etc/hostname\nL cube-01-12-15-web\nr t1\ni 1861 1438132\n\
        t 2026-11-22T02:51:12Z\nb \"bundle=/tmp/a \\\"b\"\np S 1438132\nz THAWED\na 127.0.0.1\na 192.168.42.50\n\
        s 0000000000004000\nU 11424231\nM 372736\nK 249856\nD Inter-|   Receive\nD  face |bytes    packets\n\
        D     lo:       7       0    0    0    0     0          0         0        7       0    0    0    0     0  0 0\n\
        D  veth0:      11       1    0    0    0     0          0         0       22       2    0    0    0     0  0 0\n\
        r web\nn\n";

    #[test]
    fn the_look_is_understood() {
        let survey = parse(SAMPLE, "/c").unwrap();
        assert_eq!((survey.has_folder, survey.has_links, survey.is_dom0, survey.uid), (true, true, false, Some(0)));
        assert_eq!((survey.capabilities, survey.machine_id.as_str()), (Some(0x1ff), "3d12"));
        let web = &survey.cubes["web"];
        assert_eq!(web.entries["cube.app"], ["/bin/sleep 1000"]);
        assert!(web.entries[".cube.regen.flag"].is_empty());
        assert_eq!(web.hostname.as_deref(), Some("cube-01-12-15-web"));
        assert!(web.wants_terminal);
        assert_eq!(web.nodes, [Node { kind: "c".into(), major: 10, minor: 200, path: "/dev/net/tun".into() }]);
        let t1 = &survey.records["t1"];
        assert_eq!((t1.pid, t1.state(), t1.bundle.as_str()), (1861, State::Running, "/tmp/a \"b"));
        assert_eq!((t1.cpu_ns, t1.memory, t1.kernel_memory), (Some(11424231), Some(372736), Some(249856)));
        assert_eq!(
            (&t1.addresses[..], &t1.links[..]),
            (&["192.168.42.50".into()][..], &[("veth0".into(), 11, 22)][..])
        );
        assert!(t1.catches(15) && !t1.catches(1));
        let half = &survey.records["web"];
        assert!(!half.is_whole && half.shares_network);
        assert_eq!(half.state(), State::Stopped);
    }

    #[test]
    fn the_state_is_the_one_of_runc() {
        let state = |process, frozen, waits| Record { start: 7, process, frozen, waits, ..Record::default() }.state();
        assert_eq!(state(Some(('S', 7)), false, false), State::Running);
        assert_eq!(state(Some(('S', 7)), false, true), State::Created);
        assert_eq!(state(Some(('D', 7)), true, false), State::Paused);
        assert_eq!(state(Some(('S', 8)), false, true), State::Stopped);
        assert_eq!(state(Some(('Z', 7)), false, false), State::Stopped);
        assert_eq!(state(None, true, true), State::Stopped);
    }

    #[test]
    fn what_is_no_look_is_none() {
        assert_eq!(parse("", "/c"), None);
        assert_eq!(parse("sh: 1: awk: not found\n", "/c"), None);
    }
}
