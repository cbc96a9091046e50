//! The network of the cubes (overc.md 4): one segment, 192.168.42.0/24, on a bridge in a namespace of its own; each cube has one
//! link to it, made between `runc create` and `runc start`, so that its program finds the network up.
//!
//! ```text
//!   host                     namespace cube-vrf                         a cube
//!   essential .2 ---------- essential-peer -+
//!                                           br-int .4 (dnsmasq)
//!                                           web --------------------- web .137, default route by .1
//!                                           gate -------------------- gate .1, and the way out: the network prime
//! ```
//!
//! Addresses are leased here and kept in the cube's folder, so that a cube has the same one in every life; dnsmasq knows them,
//! and gives the same ones to who asks it.

use super::discovery;
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::parse::survey::Survey;
use crate::places::Places;
use crate::probes::Depth;
use ctys_plugin::model::{Command, Does, Privilege, Step, WriteFile};

/// The files of a cube in which its lease and the name of its link are kept.
pub const LEASE: &str = ".cube.lease";
/// See [`LEASE`].
pub const LINK: &str = ".cube.veth";
/// The process, as the runtime writes it.
pub const PID: &str = ".cube.pid";
/// What the cube sees as its `/etc/resolv.conf`.
pub const RESOLV: &str = ".cube.resolv";

/// The network prime's address, everybody's way out.
const PRIME: &str = "192.168.42.1";
/// dom0's.
const DOM0: &str = "192.168.42.3";
/// The leases.
const POOL: std::ops::RangeInclusive<u32> = 100..=200;

/// What the functions of [`functions`] know: `c` folder whose lock makes calls wait for each other, `ns` namespace, `v` link, `mac`
/// hardware address, `gw` way out or nothing, `s` folder of the daemons, `n` name, `h` and `own` as [`discovery`] has them, `all` the
/// addresses; of the network prime `outside` its address outside or nothing, `by` its way out or nothing, `devices`.
pub const KNOWN: &str =
    "c=$1 ns=$2 v=$3 mac=$4 gw=$5 s=$6 n=$7 h=$8 own=$9; shift 9; all=$1 outside=$2 by=$3 devices=$4; shift 4; held=\n";

/// `ends` prints what makes the link, for an `ip` in the namespace of the segment. Where the segment is whole and has no link of an
/// earlier life, that alone does it, and no lock is needed: the link has a name of its own.
pub const ENDS: &str = r#"
ends() {
printf 'link set dev essential-peer up\nlink add name %s type veth peer name %s netns %s address %s\nlink set dev %s master br-int up\n' "$v" "$v" "$pid" "$mac" "$v"
}
"#;

/// The segment and the cube's link. They end with [`FAILED`]. Each program that is run costs more than the rest, so few are.
///
/// * `attach` does the rest, with the status of that `ip`: where it failed, the segment is made whole under the lock. Then the
///   daemon, and the inside of the cube.
/// * `names` tells the daemons of it.
const FUNCTIONS: &str = r#"
lock() { [ -n "$held" ] || { command exec 8<"$c" && flock -w 60 8 && held=1; } || exit 3; }
segment() {
[ -e "/run/netns/$ns" ] || ip netns add "$ns" 8<&- || exit 3
there=$(ip -n "$ns" -o link show) || exit 3
case $there in *' br-int:'*) ;; *)
printf 'link set dev lo up\nlink add name br-int type bridge\naddr add 192.168.42.4/24 dev br-int\nlink set dev br-int up\n' | ip -n "$ns" -batch - || exit 3
esac
case $there in *' essential-peer@'*) ;; *)
ip link del dev essential 2>/dev/null
o=$(ip -o -4 addr show to 192.168.42.0/24) && [ -z "$o" ] || { echo "192.168.42.0/24 is in use on this host: $o" >&2; exit 3; }
ip link add name essential type veth peer name essential-peer netns "$ns" || exit 3
printf 'addr add 192.168.42.2/24 dev essential\nlink set dev essential up\n' | ip -batch - || exit 3
ip -n "$ns" link set dev essential-peer master br-int up || exit 3
esac
case $there in *" $v@"*) ip -n "$ns" link del dev "$v";; esac
}
serves() { d=; [ -f "$s/dnsmasq.pid" ] && read -r d <"$s/dnsmasq.pid"; [ -n "$d" ] && [ "/proc/$d/ns/net" -ef "/run/netns/$ns" ]; }
dns() {
if [ ! -d "$s/hosts" ] || [ ! -d "$s/dhcp" ]; then mkdir -p "$s/hosts" "$s/dhcp" || exit 3; fi
if serves || ! command -v dnsmasq >/dev/null 2>&1; then return; fi
lock
if serves; then return; fi
# One in a namespace that was removed would keep it alive, and answer nobody.
if [ -n "$d" ] && tr '\0' '\n' <"/proc/$d/cmdline" 2>/dev/null | grep -qxF -- "--pid-file=$s/dnsmasq.pid"; then kill "$d"; fi
nsenter --net="/run/netns/$ns" dnsmasq --conf-file=/dev/null --user=root --interface=br-int --bind-interfaces \
 --dhcp-range=192.168.42.100,192.168.42.200,2h --dhcp-option=option:router,192.168.42.1 \
 --dhcp-option=option:dns-server,192.168.42.1 --domain=cube.lan --local=/cube.lan/ --expand-hosts --no-hosts --no-resolv \
 --hostsdir="$s/hosts" --dhcp-hostsdir="$s/dhcp" --pid-file="$s/dnsmasq.pid" --dhcp-leasefile="$s/dnsmasq.leases" \
 8<&- </dev/null >/dev/null || exit 3
}
attach() {
if [ "$1" != 0 ]; then lock; segment; ends | ip -n "$ns" -batch - || exit 3; fi
dns
set -f
w="link set dev lo up
link set dev $v up"
for a in $all; do w="$w
addr add $a dev $v"; done
set +f
if [ -n "$gw" ]; then w="$w
route add default via $gw"; fi
# A path is a name, too, to it: no second program is needed to get there.
ip -n "../../../proc/$pid/ns/net" -batch - <<END || exit 3
$w
END
}
names() {
if [ -z "$all" ]; then return; fi
ip=${all%% *}; ip=${ip%/*}
printf '%s %s.cube.lan %s\n' "$ip" "$n" "$n" >"$s/hosts/$n"
printf '%s,%s,%s\n' "$mac" "$ip" "$n" >"$s/dhcp/$n"
if [ -n "$h" ]; then lock; publish; fi
}
"#;

/// `picked` prints which of the links that ip(8) lists on its input begin like this device (`en+`), but for those of the segment.
const PICKED: &str = r#"
picked() { while read -r x o z; do o=${o%:}; o=${o%@*}; case $o in lo|br-int|essential|essential-peer|"$v") ;; "${1%+}"*) printf '%s\n' "$o";; esac; done; }
"#;

/// What the network prime does beyond that: it takes the devices of the host, and leads everybody out through them.
const LEAD: &str = r#"
lead() {
set -f
e=
for d in $devices; do
case $d in *+) e="$e $(ip -o link show | picked "$d")";; *) e="$e $d";; esac
done
for d in $e; do
if ip link show dev "$d" >/dev/null 2>&1; then ip link set dev "$d" netns "$pid" || exit 3; fi
nsenter -t "$pid" -n ip link set dev "$d" up || exit 3
if [ -n "$outside" ]; then nsenter -t "$pid" -n ip addr add "$outside" dev "$d" || exit 3; fi
if [ -n "$by" ]; then nsenter -t "$pid" -n ip route add default via "$by" || exit 3; fi
outside= by=
done
set +f
nsenter -t "$pid" -n sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' || exit 3
nsenter -t "$pid" -n nft -f - <<END || exit 3
table ip cubes
delete table ip cubes
table ip cubes {
chain in { type nat hook prerouting priority -100; ip daddr 192.168.42.1 meta l4proto { tcp, udp } th dport 53 dnat to 192.168.42.4; }
chain own { type nat hook output priority -100; ip daddr 192.168.42.1 meta l4proto { tcp, udp } th dport 53 dnat to 192.168.42.4; }
chain out { type nat hook postrouting priority 100; oifname != { "$v", "lo" } masquerade; ip daddr 192.168.42.4 meta l4proto { tcp, udp } th dport 53 masquerade; }
}
END
}
"#;

/// Nobody but the network prime leads.
const FOLLOW: &str = "lead() { :; }\n";

/// All of it at once, for a hook of the runtime. `$1` file with the process, then as [`KNOWN`] has it.
const UP: &str = r#"
read -r pid <"$p" || [ -n "$pid" ] || exit 3
ends | ip -n "$ns" -batch - 2>/dev/null
attach $?
lead
names
exit 0
"#;

/// The status of a script whose part was the network when it failed.
pub const FAILED: i32 = 3;

/// `$1` to `$5` namespace, link, folder of the daemons, name, process; `$6` the folder with the lock; then devices that go back to the
/// host, where there is a process to take them from.
const DOWN: &str = r#"
ns=$1 v=$2 s=$3 n=$4 pid=$5 c=$6; shift 6
set -f
for d; do
case $d in *+) e=$(nsenter -t "$pid" -n ip -o link show 2>/dev/null | picked "$d");; *) e=$d;; esac
for e in $e; do nsenter -t "$pid" -n ip link set dev "$e" netns $$ 2>/dev/null; done
done
set +f
ip -n "$ns" link del dev "$v" 2>/dev/null
rm -f "$s/hosts/$n" "$s/dhcp/$n"
withdraw
exit 0
"#;

/// What a cube's network is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    link: String,
    mac: String,
    addresses: Vec<String>,
    gateway: String,
    prime: bool,
    devices: Vec<String>,
}

/// What it is to be. None where the network is left alone; the error is the setting that makes no sense.
pub fn plan(places: &Places, survey: &Survey, cube: &Cube<'_>) -> Result<Option<Plan>, String> {
    if !places.network {
        return Ok(None);
    }
    let prime = is_prime(cube);
    let own: Vec<String> = cube.lines("cube.network.ip").flat_map(str::split_ascii_whitespace).map(with_mask).collect();
    let mut addresses = match cube.line("cube.network.type") {
        "self" => Vec::new(),
        "static" if own.is_empty() => return Err("ERROR: static networking selected and no IP provided".into()),
        "static" => own,
        _ if prime => vec![with_mask(PRIME)],
        _ if cube.name == "dom0" => vec![with_mask(DOM0)],
        _ => vec![with_mask(cube.line(LEASE))],
    };
    if prime && cube.name == "dom0" {
        addresses.push(with_mask(DOM0));
    }
    let gateway = match (cube.line("cube.network.gateway"), prime || addresses.is_empty()) {
        (_, true) => "",
        ("", false) => PRIME,
        (own, false) => own,
    };
    let mac = match cube.line("cube.network.mac") {
        // Of the address, not of whoever has it: the others know the one by the other for a while, also when another cube takes
        // over the lead, or the same one has another name.
        "" => mac(&survey.machine_id, addresses.first().map_or(cube.name, String::as_str)),
        own => own.to_string(),
    };
    Ok(Some(Plan {
        link: cube.line(LINK).into(),
        mac,
        addresses,
        gateway: gateway.into(),
        prime,
        devices: devices(cube),
    }))
}

/// Whether it leads the others out.
pub fn is_prime(cube: &Cube<'_>) -> bool {
    cube.attributes().any(|word| word == "netprime")
}

/// Which other cube an address belongs to: by its settings, its lease or its role.
pub fn owner<'a>(all: &'a Survey, address: &str, name: &str) -> Option<&'a str> {
    let bare = |address: &str| address.split('/').next().unwrap_or_default().to_string();
    let has = |cube: &Cube<'_>| {
        let set = cube.lines("cube.network.ip").flat_map(str::split_ascii_whitespace).chain(cube.lines(LEASE));
        let prime = is_prime(cube).then_some(PRIME);
        let dom0 = (cube.name == "dom0").then_some(DOM0);
        set.chain(prime).chain(dom0).any(|own| bare(own) == bare(address))
    };
    Cube::cubes(all).filter(|cube| cube.name != name).find(has).map(|cube| cube.name)
}

/// The devices of the host that are its own, by their names or, with a plus behind, by the beginning of those.
fn devices(cube: &Cube<'_>) -> Vec<String> {
    let lines = cube.lines(".cube.device.network").filter(|line| !line.starts_with("veth:"));
    lines.filter_map(|line| line.split(':').next()).filter(|name| is_link(name)).map(str::to_string).collect()
}

/// Whether Linux would take it for the name of an interface.
pub fn is_link(name: &str) -> bool {
    !name.is_empty() && name.len() < 16 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-.".contains(&b))
}

fn with_mask(address: &str) -> String {
    if address.contains('/') { address.into() } else { format!("{address}/24") }
}

/// A hardware address of its own for each name on each machine, locally administered.
fn mac(machine: &str, name: &str) -> String {
    let hash = hash(&format!("{machine}/{name}")).to_be_bytes();
    let bytes: Vec<String> = hash[..5].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("02:{}", bytes.join(":"))
}

/// FNV-1a, with its bits mixed once more: the same on every machine and in every release.
fn hash(text: &str) -> u64 {
    let sum = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (sum ^ sum >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Whether something has to be given to the cube before it can have a network.
pub fn lacks(places: &Places, cube: &Cube<'_>) -> bool {
    places.network && (cube.line(LINK).is_empty() || cube.line(LEASE).is_empty())
}

/// Gives a cube its lease and the name of its link, so that no other has the same.
pub fn allocate(flow: &mut Flow<'_>, name: &str) -> Result<(), Stop> {
    flow.lock_folder()?;
    let all = flow.look(&[], Depth::Usual)?;
    let Some(cube) = Cube::named(&all, name).filter(|cube| lacks(&flow.places, cube)) else { return Ok(()) };
    let Some(lease) = free_lease(&all, &cube) else {
        return flow.fail(format!("[ERROR]: no address of 192.168.42.100 to .200 is left for container {name}"));
    };
    let (link, lease) = (free_link(&all, &cube), lease);
    let file = |file: &str, text: String| {
        let write = WriteFile {
            path: flow.places.file(name, file).into(),
            content: (text + "\n").into(),
            privilege: Privilege::Root,
            mode: 0o644,
            ..WriteFile::default()
        };
        Step::does(&format!("write {file}"), Does::Write(write))
    };
    let round = flow.run(vec![file(LEASE, lease), file(LINK, link)])?;
    super::must_all(
        flow,
        round,
        &["write .cube.lease", "write .cube.veth"],
        &format!("the network of container {name}"),
    )
}

/// The lease it has, or the first that is free, beginning at a place of its own.
fn free_lease(all: &Survey, cube: &Cube<'_>) -> Option<String> {
    if !cube.line(LEASE).is_empty() {
        return Some(cube.line(LEASE).into());
    }
    let others = || Cube::cubes(all).filter(|other| other.name != cube.name);
    let taken: Vec<&str> = others()
        .flat_map(|other| {
            other.lines(LEASE).chain(other.lines("cube.network.ip").flat_map(str::split_ascii_whitespace))
        })
        .filter_map(|address| address.split('/').next())
        .collect();
    let count = POOL.end() - POOL.start() + 1;
    let first = (hash(cube.name) % u64::from(count)) as u32;
    let all = (0..count).map(|n| format!("192.168.42.{}", POOL.start() + (first + n) % count));
    all.into_iter().find(|address| !taken.contains(&address.as_str()))
}

/// The first 13 characters of its name, and two digits where another has those.
fn free_link(all: &Survey, cube: &Cube<'_>) -> String {
    if !cube.line(LINK).is_empty() {
        return cube.line(LINK).into();
    }
    let base: String = cube.name.chars().take(13).collect();
    let taken = |link: &str| {
        let others = Cube::cubes(all).filter(|other| other.name != cube.name).any(|other| other.line(LINK) == link);
        others || matches!(link, "br-int" | "lo" | "essential" | "essential-peer")
    };
    let all = std::iter::once(base.clone()).chain((0..100).map(|n| format!("{base}{n}")));
    all.into_iter().find(|link| !taken(link)).unwrap_or(base)
}

/// The functions with which a script makes it, beside [`ENDS`].
pub fn functions(plan: &Plan) -> String {
    [
        discovery::publish().as_str(),
        FUNCTIONS,
        if plan.prime { PICKED } else { "" },
        if plan.prime { LEAD } else { FOLLOW },
    ]
    .concat()
}

/// The words that [`KNOWN`] reads.
pub fn words(flow: &Flow<'_>, cube: &Cube<'_>, plan: &Plan) -> Vec<String> {
    let places = &flow.places;
    let (label, settings) = discovery::words(flow, cube);
    let prime = |file: &str| if plan.prime { cube.line(file) } else { "" };
    [
        &places.containers,
        &places.namespace,
        &plan.link,
        &plan.mac,
        &plan.gateway,
        &places.daemon(),
        cube.name,
        &label,
        &settings,
        &plan.addresses.join(" "),
        prime("cube.network.external.ip"),
        prime("cube.network.external.gateway"),
        &plan.devices.join(" "),
    ]
    .map(str::to_string)
    .into()
}

/// Makes all of it. The first process stands in the file [`PID`] by then.
pub fn command(flow: &Flow<'_>, cube: &Cube<'_>, plan: &Plan) -> Command {
    let script = ["p=$1; shift; ", KNOWN, ENDS, &functions(plan), UP].concat();
    let pid = flow.places.file(cube.name, PID);
    Command::new("sh").args(["-c", &script, "sh", &pid]).args(words(flow, cube, plan)).as_root().changes()
}

/// What the cube sees of names, before the container is made.
pub fn resolv(flow: &Flow<'_>, cube: &Cube<'_>) -> Option<Step> {
    if !has_resolv(&flow.places, cube) {
        return None;
    }
    let server = match cube.line("cube.network.nameserver") {
        "" => PRIME,
        own => own,
    };
    let lines = ["search cube.lan".to_string(), format!("nameserver {server}")];
    if cube.lines(RESOLV).eq(lines.iter().map(String::as_str)) {
        return None;
    }
    let write = WriteFile {
        path: flow.places.file(cube.name, RESOLV).into(),
        content: crate::settings::text(&lines).into(),
        privilege: Privilege::Root,
        mode: 0o644,
        ..WriteFile::default()
    };
    Some(Step::does("names", Does::Write(write)))
}

/// Whether its names are ours to say.
pub fn has_resolv(places: &Places, cube: &Cube<'_>) -> bool {
    let own = matches!(cube.line("cube.device.mgr"), "self" | "none") || cube.line("cube.network.type") == "self";
    places.network && !own
}

/// The step that takes its link away.
pub fn down(flow: &Flow<'_>, cube: &Cube<'_>) -> Option<Step> {
    down_command(flow, cube).map(|command| Step::run("network", command).go_on())
}

/// What it does.
pub fn down_command(flow: &Flow<'_>, cube: &Cube<'_>) -> Option<Command> {
    let link = cube.line(LINK);
    if !flow.places.network || !is_link(link) {
        return None;
    }
    // The number of a process that has ended may be another one's by now, with devices of its own. The kernel has given back what it had.
    let record = cube.record.filter(|_| cube.is_alive());
    let pid = record.map_or(0, |record| record.pid).to_string();
    let held = record.map_or(Vec::new(), |_| devices(cube));
    let picked = if held.is_empty() { "" } else { PICKED };
    let command = Command::new("sh")
        .args(["-c", &format!("{}{picked}{DOWN}", discovery::withdraw()), "sh", &flow.places.namespace, link])
        .args([&flow.places.daemon(), cube.name, &pid, &flow.places.containers])
        .args(held);
    Some(command.as_root().changes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::survey::Folder;

    fn survey(cubes: &[(&str, &[(&str, &str)])]) -> Survey {
        let folder = |files: &[(&str, &str)]| {
            let mut folder = Folder::default();
            folder.entries.insert("cube.app".into(), vec!["x".into()]);
            folder.entries.extend(files.iter().map(|(file, line)| (file.to_string(), vec![line.to_string()])));
            folder
        };
        let cubes = cubes.iter().map(|(name, files)| (name.to_string(), folder(files))).collect();
        Survey { cubes, machine_id: "3d12".into(), ..Survey::default() }
    }

    #[test]
    fn leases_are_stable_apart_and_in_the_pool() {
        let mut known: Vec<(String, String)> = Vec::new();
        for n in 0..101 {
            let name = format!("cube-{n}");
            let leases: Vec<[(&str, &str); 1]> = known.iter().map(|(_, lease)| [(LEASE, lease.as_str())]).collect();
            let mut all: Vec<(&str, &[(&str, &str)])> =
                known.iter().zip(&leases).map(|((name, _), files)| (name.as_str(), &files[..])).collect();
            all.push((&name, &[]));
            let survey = survey(&all);
            let cube = Cube::named(&survey, &name).unwrap();
            let lease = free_lease(&survey, &cube).unwrap();
            assert_eq!(free_lease(&survey, &cube), Some(lease.clone()));
            let last: u32 = lease.strip_prefix("192.168.42.").unwrap().parse().unwrap();
            assert!(POOL.contains(&last) && known.iter().all(|(_, other)| *other != lease), "{lease}");
            known.push((name, lease));
        }
        let leases: Vec<[(&str, &str); 1]> = known.iter().map(|(_, lease)| [(LEASE, lease.as_str())]).collect();
        let mut all: Vec<(&str, &[(&str, &str)])> =
            known.iter().zip(&leases).map(|((name, _), files)| (name.as_str(), &files[..])).collect();
        all.push(("late", &[]));
        let survey = survey(&all);
        assert_eq!(free_lease(&survey, &Cube::named(&survey, "late").unwrap()), None);
    }

    #[test]
    fn links_have_names_that_linux_takes_and_nobody_else_has() {
        let survey =
            survey(&[("a-very-long-name-1", &[(LINK, "a-very-long-n")]), ("a-very-long-name-2", &[]), ("br-int", &[])]);
        let link = |name: &str| free_link(&survey, &Cube::named(&survey, name).unwrap());
        assert_eq!(link("a-very-long-name-1"), "a-very-long-n");
        assert_eq!(link("a-very-long-name-2"), "a-very-long-n0");
        assert_eq!(link("br-int"), "br-int0");
    }

    #[test]
    fn addresses_follow_role_and_settings() {
        let places = Places { network: true, ..Places::default() };
        let check = |name: &str, files: &[(&str, &str)], want: Result<(&[&str], &str), &str>| {
            let survey = survey(&[(name, files)]);
            let plan = plan(&places, &survey, &Cube::named(&survey, name).unwrap()).map(Option::unwrap);
            let got =
                plan.as_ref().map(|plan| (plan.addresses.iter().map(String::as_str).collect(), plan.gateway.as_str()));
            assert_eq!(
                got.map_err(String::as_str),
                want.map(|(addresses, gateway)| (addresses.to_vec(), gateway)),
                "{files:?}"
            );
        };
        check("web", &[(LEASE, "192.168.42.150")], Ok((&["192.168.42.150/24"], PRIME)));
        check("dom0", &[], Ok((&["192.168.42.3/24"], PRIME)));
        check("dom0", &[("cube.attributes", "netprime")], Ok((&["192.168.42.1/24", "192.168.42.3/24"], "")));
        check("gate", &[("cube.attributes", "vrf netprime")], Ok((&["192.168.42.1/24"], "")));
        let two = ("cube.network.ip", "192.168.42.50/24 10.1.1.1/16");
        check("web", &[("cube.network.type", "static"), two], Ok((&["192.168.42.50/24", "10.1.1.1/16"], PRIME)));
        let nowhere = "ERROR: static networking selected and no IP provided";
        check("web", &[("cube.network.type", "static")], Err(nowhere));
        check("web", &[("cube.network.type", "self")], Ok((&[], "")));
    }
}
