//! Adding, copying, renaming and removing cubes. Each ends with one rename of a folder that is complete by then, so nobody ever
//! sees half a cube; what a killed call left lies in hidden folders, and goes with the next one.

use super::must;
use super::{network, prep, stop, vt};
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::parse::survey::Survey;
use crate::places::is_name;
use crate::probes::Depth;
use crate::settings::{self, DISCOVERY, REGENERATE};
use crate::tools::source::Source;
use ctys_plugin::model::{Bytes, Command, Step};

/// Unpacking and copying take as long as they take.
const LONG_MS: u32 = 3_600_000;

/// `$1` containers, `$2` name, `$3` state, `$4` source, `$5` first id or nothing, `$6` host name; then files: name and text.
///
/// An archive is looked through before it is unpacked: tar(1) leaves out a leading slash and goes on, but whoever wrote such a name
/// meant no good. Links that lead outside are handled by tar itself, which makes them last.
const ADD: &str = r#"
c=$1 n=$2 s=$3 src=$4 u=$5 h=$6; shift 6
t=$c/.add.$n; r=$t/rootfs
rm -rf --one-file-system "$t" && mkdir -p "$r" || exit 1
trap 'rm -rf --one-file-system "$t"' EXIT
case $src in move://*) m=1; src=${src#move://};; *) m=;; esac
if [ -d "$src" ]; then
if [ -d "$src/rootfs" ] && [ ! -L "$src/rootfs" ]; then src=$src/rootfs; fi
if [ -n "$m" ]; then rmdir "$r" && mv -T "$src" "$r" || exit 1; else cp -a "$src/." "$r/" || exit 1; fi
elif [ -f "$src" ]; then
tar -tf "$src" >"$t/list" || { echo 'it is no archive that tar can read' >&2; exit 1; }
if grep -qE '^/|(^|/)\.\.(/|$)' "$t/list"; then echo 'the archive holds names that lead out of it' >&2; exit 1; fi
rm -f "$t/list"
tar -C "$r" --numeric-owner --xattrs --xattrs-include='*' -xpf "$src" || exit 1
if [ -d "$r/rootfs" ] && [ ! -L "$r/rootfs" ] && [ ! -e "$r/bin" ]; then
mv -T "$r/rootfs" "$t/inner" && rm -rf "$r" && mv -T "$t/inner" "$r" || exit 1
fi
else echo "there is no $src" >&2; exit 2; fi
if [ -d "$r/etc" ] && [ ! -L "$r/etc" ] && [ ! -L "$r/etc/hostname" ]; then
o=; [ -f "$r/etc/hostname" ] && read -r o <"$r/etc/hostname"
case $o in ''|localhost|'(none)') printf '%s\n' "$h" >"$r/etc/hostname";; esac
fi
if [ -n "$u" ]; then chown -hR "$u:$u" "$r" || exit 1; fi
while [ $# -gt 1 ]; do printf '%s\n' "$2" >"$t/$1" || exit 1; shift 2; done
chmod 755 "$t"; mkdir -p "$s/all" "$s/$n" || exit 1
[ -e "$c/$n" ] && exit 17
mv -T "$t" "$c/$n" || exit 1
trap - EXIT
"#;

/// `$1` containers, `$2` old name, `$3` new name, `$4` state, `$5` new host name or nothing; then paths of files and their new text.
/// All in one command: it runs to its end whatever becomes of us.
const RENAME: &str = r#"
c=$1 a=$2 b=$3 s=$4 h=$5; shift 5
exec 8<"$c" && flock -w 60 8 || exit 1
if [ -e "$c/$b" ]; then exit 17; fi
mv -T "$c/$a" "$c/$b" || exit 1
if [ -d "$s/$a" ]; then mv -T "$s/$a" "$s/$b" || echo "the state directory of $a was not renamed" >&2
else echo "container state directory $s/$a not found" >&2; fi
rm -rf --one-file-system "$s/.channel/$a"
e=$c/$b/rootfs/etc
if [ -n "$h" ] && [ ! -L "$e" ] && [ ! -L "$e/hostname" ]; then printf '%s\n' "$h" >"$e/hostname"; fi
while [ $# -gt 1 ]; do printf '%s' "$2" >"$1" || exit 1; shift 2; done
# What others depend on and lead to. They may be renamed meanwhile, but for this lock.
t=$c/.rename.$b
for f in "$c"/*/depends "$c"/*/cube.network.stack; do
[ -f "$f" ] && grep -qF -- "$a" "$f" || continue
awk -v a="$a" -v b="$b" '{ for (i = 1; i <= NF; i++) { if ($i == a) $i = b; else if (index($i, a ":") == 1) $i = b substr($i, length(a) + 1) } print }' "$f" >"$t" && cat "$t" >"$f"
done
rm -f "$t"
"#;

/// `$1` containers, `$2` name, `$3` state. Mounts below it are not gone into.
const DELETE: &str = r#"
c=$1 n=$2 s=$3
rm -rf --one-file-system "$c/.del.$n"
mv -T "$c/$n" "$c/.del.$n" || exit 1
rm -rf --one-file-system "$c/.del.$n" "$s/$n" "$s/.channel/$n"
"#;

/// `$1` containers, `$2` source, `$3` destination, `$4` state, `$5` how many names of what stays behind follow; then files: name and text.
const COPY: &str = r#"
c=$1 a=$2 b=$3 s=$4 stay=$5; shift 5
t=$c/.add.$b
rm -rf --one-file-system "$t"
trap 'rm -rf --one-file-system "$t"' EXIT
cp -a "$c/$a" "$t" || exit 1
while [ "$stay" -gt 0 ]; do rm -rf --one-file-system "$t/$1" || exit 1; shift; stay=$((stay-1)); done
while [ $# -gt 1 ]; do printf '%s' "$2" >"$t/$1" || exit 1; shift 2; done
mkdir -p "$s/$b" || exit 1
[ -e "$c/$b" ] && exit 17
mv -T "$t" "$c/$b" || exit 1
trap - EXIT
"#;

/// What a copy does not get, since each start makes it.
const MADE: [&str; 6] = [".cube.pid", ".cube.veth", ".cube.lease", ".cube.runtime.log", ".foreground", ".cube.resolv"];

/// What was set and only one cube can have. Its addresses are looked at apart.
const EXCLUSIVE: [&str; 7] = [
    "cube.network.mac",
    "cube.network.external.ip",
    "cube.network.external.gateway",
    "cube.network.external.nameserver",
    ".cube.device.network",
    ".cube.device.vt",
    vt::ACTIVE,
];

/// What is to be added.
pub struct New<'a> {
    /// From where, and what follows from that.
    pub source: &'a Source,
    /// Its name.
    pub name: &'a str,
    /// The first id of the host for a cube that has its own.
    pub subuid: Option<u32>,
    /// Its tag.
    pub tag: Option<&'a str>,
}

/// Adds a cube.
pub fn add(flow: &mut Flow<'_>, new: &New<'_>) -> Result<(), Stop> {
    let New { source: Source { path: source, vt, files: more }, name, subuid, tag } = *new;
    flow.make_folder_and_lock()?;
    // A virtual terminal and an address are what another could have.
    let address = more.iter().find(|(file, _)| *file == "cube.network.ip").map(|(_, address)| address.as_str());
    let names = if vt.is_some() || address.is_some() { &[][..] } else { &[name][..] };
    let survey = flow.look(names, Depth::Usual)?;
    if survey.cubes.contains_key(name) {
        return flow.fail(format!("[ERROR] Container {name} already exists, cannot add."));
    }
    if let Some((number, other)) = vt.and_then(|number| Some((number, vt::owner(&survey, number, name)?))) {
        return flow.fail(format!("[ERROR]: /dev/tty{number} belongs to container {other} already"));
    }
    if let Some((address, other)) = address.and_then(|address| Some((address, network::owner(&survey, address, name)?)))
    {
        return flow.fail(format!("[ERROR]: {address} belongs to container {other} already"));
    }
    let places = flow.places.clone();
    let uuid: String = flow.facts.fresh.as_slice().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let mounts = format!("{0}/all:/var/lib/cube/common\n{0}/{name}:/var/lib/cube/local", places.state);
    let subuid = subuid.map(|first| first.to_string()).unwrap_or_default();
    let mut files = vec![
        ("cube.container.mgr", "runc".to_string()),
        ("cube.app", "/sbin/init".into()),
        ("cube.device.mgr", "essential".into()),
        ("cube.console.mgr", "tty".into()),
        ("cube.env", format!("container_uuid={uuid}")),
        (".cube.mount.bind", mounts),
    ];
    if !subuid.is_empty() {
        files.push(("cube.subuid", subuid.clone()));
    }
    if let Some(tag) = tag {
        files.push(("autostart", tag.into()));
    }
    for (file, text) in more {
        files.retain(|(known, _)| known != file);
        files.push((file, text.clone()));
    }
    let hostname = format!("cube-{}-{name}", date(flow.facts.now));
    let command = Command::new("sh")
        .args(["-c", ADD, "sh", &places.containers, name, &places.state, source, &subuid, &hostname])
        .args(files.iter().flat_map(|(file, text)| [Bytes::from(*file), Bytes::from(text.as_str())]));
    let discovery = more.iter().find(|(file, _)| *file == DISCOVERY).map_or("", |(_, word)| word);
    let vts: Vec<u8> = vt.iter().copied().collect();
    let prepared = prep::step(flow, name, discovery, &vts);
    let round = flow.run(vec![Step::run("add", command.as_root().changes().limit_ms(LONG_MS)), prepared])?;
    if crate::flow::code(answer(round, "add")) == Some(17) {
        return flow.fail(format!("[ERROR] Container {name} already exists, cannot add."));
    }
    if answer(round, "add").ok_output().is_none() {
        flow.complain("[ERROR]: rootfs file extraction failed");
    }
    must(flow, answer(round, "add"), &format!("{source} was not added"))?;
    must(flow, answer(round, "prep"), &format!("the files of container {name} were not changed"))?;
    flow.said.changed = true;
    flow.say(format!("[INFO] Adding {source} to {name}"));
    flow.say("[INFO] Succeeded");
    Ok(())
}

/// Removes a cube whose lock is held.
pub fn delete(flow: &mut Flow<'_>, survey: &Survey, name: &str, force: bool) -> Result<(), Stop> {
    let Some(cube) = Cube::named(survey, name).filter(|cube| cube.folder.is_some()) else {
        return flow.fail(format!("[ERROR] Container {name} not found, cannot delete."));
    };
    crate::protect::check(flow, &cube)?;
    if cube.record.is_some() {
        if cube.is_alive() && !force {
            return flow.fail(format!("[INFO] container {name} is running, it must be stopped before deleting"));
        }
        let grace = flow.places.grace;
        stop::stop_one(flow, &cube, grace)?;
    }
    let places = flow.places.clone();
    let command = Command::new("sh").args(["-c", DELETE, "sh", &places.containers, name, &places.state]);
    let round = flow.run(vec![Step::run("remove", command.as_root().changes().limit_ms(LONG_MS))])?;
    must(flow, answer(round, "remove"), &format!("container {name} was not deleted"))?;
    flow.say(format!("[INFO] deleting container {name}"));
    flow.said.changed = true;
    Ok(())
}

/// The files of a cube in which its own paths stand, with those of its new name.
fn moved(flow: &Flow<'_>, cube: &Cube<'_>, name: &str) -> Vec<(String, String)> {
    let places = &flow.places;
    let change = |line: &str| {
        let parts = line.split(':').map(|part| {
            let moved = |from: String, to: String| {
                let rest = part.strip_prefix(&from)?;
                (rest.is_empty() || rest.starts_with('/')).then(|| to + rest)
            };
            let state = moved(format!("{}/{}", places.state, cube.name), format!("{}/{name}", places.state));
            state.or_else(|| moved(places.cube(cube.name), places.cube(name))).unwrap_or_else(|| part.to_string())
        });
        parts.collect::<Vec<_>>().join(":")
    };
    let entries = cube.folder.map(|folder| folder.entries.iter()).into_iter().flatten();
    let changed = entries.map(|(file, lines)| (file, lines, lines.iter().map(|line| change(line)).collect::<Vec<_>>()));
    let changed = changed.filter(|(_, old, new)| *old != new);
    changed.map(|(file, _, new)| (file.clone(), settings::text(&new))).collect()
}

/// Gives a cube another name. Its lock is held; the cube has ended.
pub fn rename(flow: &mut Flow<'_>, all: &Survey, old: &str, new: &str) -> Result<(), Stop> {
    let Some(cube) = Cube::named(all, old).filter(|cube| cube.folder.is_some()) else {
        return flow.fail(format!("[ERROR]: container {old} is unknown, cannot rename"));
    };
    let places = flow.places.clone();
    let mut files: Vec<(String, String)> =
        moved(flow, &cube, new).into_iter().map(|(file, text)| (places.file(new, &file), text)).collect();
    // A call that is cut short here leaves a config.json with the old name: the next start makes it again.
    if cube.has("config.json") && !cube.line("cube.app").is_empty() {
        files.push((places.file(new, REGENERATE), String::new()));
    }
    let command = Command::new("sh")
        .args(["-c", RENAME, "sh", &places.containers, old, new, &places.state, &renamed_host(&cube, new)])
        .args(files.iter().flat_map(|(path, text)| [path.as_str(), text.as_str()]));
    let round = flow.run(vec![Step::run("rename", command.as_root().changes())])?;
    if crate::flow::code(answer(round, "rename")) == Some(17) {
        return flow.fail(format!("[ERROR]: container {new} already exists"));
    }
    must(flow, answer(round, "rename"), &format!("container {old} was not renamed"))?;
    for line in super::complaints(answer(round, "rename")) {
        flow.complain(format!("[WARNING]: {line}"));
    }
    flow.said.changed = true;
    Ok(())
}

/// The host name after a renaming: it follows the name unless the user gave it another.
fn renamed_host(cube: &Cube<'_>, new: &str) -> String {
    let own = cube.folder.and_then(|folder| folder.hostname.as_deref()).unwrap_or("");
    let dated = own.strip_prefix("cube-").and_then(|rest| {
        let (date, name) = rest.split_at_checked(9)?;
        let is_date = date.bytes().enumerate().all(|(n, b)| if n % 3 == 2 { b == b'-' } else { b.is_ascii_digit() });
        (is_date && name == cube.name).then(|| format!("cube-{date}{new}"))
    });
    match dated {
        Some(dated) => dated,
        None if own == cube.name => new.to_string(),
        None => String::new(),
    }
}

/// Copies a cube whose lock is held. The copy starts beside its model, so it has no part of it that only one can have.
pub fn copy(flow: &mut Flow<'_>, survey: &Survey, name: &str, to: &str) -> Result<(), Stop> {
    let Some(cube) = Cube::named(survey, name).filter(|cube| cube.folder.is_some()) else {
        return flow.fail(format!("[ERROR] Container {name} is unknown, cannot store"));
    };
    let places = flow.places.clone();
    let entries = || cube.folder.map(|folder| folder.entries.keys()).into_iter().flatten();
    let set = |file: &str| file.strip_suffix(settings::ONCE).unwrap_or(file).to_string();
    let mut stay: Vec<&str> = MADE.to_vec();
    stay.extend(entries().map(String::as_str).filter(|file| EXCLUSIVE.contains(&set(file).as_str())));
    stay.extend(entries().map(String::as_str).filter(|file| set(file) == "cube.network.ip"));
    // Without a program there are no settings that it could be made of again.
    let has_own = cube.line("cube.app").is_empty();
    stay.extend((!has_own).then_some("config.json"));
    let mut files = moved(flow, &cube, to);
    files.retain(|(file, _)| !stay.contains(&file.as_str()));
    let mut write = |file: &str, text: String| {
        files.retain(|(known, _)| known != file);
        files.push((file.into(), text));
    };
    let uuid: String = flow.facts.fresh.as_slice().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let env: Vec<String> =
        cube.lines("cube.env").filter(|line| !line.starts_with("container_uuid=")).map(String::from).collect();
    write("cube.env", settings::text(&settings::with(env, &format!("container_uuid={uuid}"), false)));
    let is_static = cube.line("cube.network.type") == "static";
    if is_static {
        write("cube.network.type", "dynamic\n".into());
    }
    if network::is_prime(&cube) {
        let words: Vec<&str> = cube.attributes().filter(|word| *word != "netprime").collect();
        write("cube.attributes", words.join(" ") + "\n");
    }
    let command = Command::new("sh")
        .args(["-c", COPY, "sh", &places.containers, name, to, &places.state, &stay.len().to_string()])
        .args(stay.iter().copied())
        .args(files.iter().flat_map(|(file, text)| [file.as_str(), text.as_str()]));
    let round = flow.run(vec![Step::run("copy", command.as_root().changes().limit_ms(LONG_MS))])?;
    if crate::flow::code(answer(round, "copy")) == Some(17) {
        return flow.fail(format!("[ERROR] Container {to} already exists, cannot store"));
    }
    must(flow, answer(round, "copy"), &format!("container {name} was not stored"))?;
    flow.said.changed = true;
    let role = network::is_prime(&cube).then_some("the attribute netprime");
    let kept: Vec<&str> =
        role.into_iter().chain(EXCLUSIVE.into_iter().filter(|file| !cube.line(file).is_empty())).collect();
    if !kept.is_empty() {
        let all = kept.join(", ");
        flow.complain(format!("[WARNING]: container {to} is without what only {name} can have: {all}"));
    }
    if is_static {
        let own = cube.lines("cube.network.ip").collect::<Vec<_>>().join(" ");
        flow.complain(format!("[WARNING]: container {to} has a dynamic address, {own} stays with {name}"));
    }
    if has_own && cube.has("config.json") {
        let why = "which was made of no settings and may name what only one can have";
        flow.complain(format!("[WARNING]: container {to} has the config.json of {name}, {why}"));
    }
    Ok(())
}

/// A new name, or why it cannot be one.
pub fn fresh<'n>(flow: &mut Flow<'_>, name: &'n str) -> Result<&'n str, Stop> {
    match is_name(name) {
        true => Ok(name),
        false => flow.fail(format!("[ERROR]: \"{name}\" cannot be the name of a container")),
    }
}

/// The name of what is added, when none is given: `cube-server` of `cube-server-genericx86-64.tar.bz2` (`TYPE-NAME-REST`), else
/// the last part of the path without its endings or tag.
pub fn name_of(source: &str) -> Option<String> {
    let last = source.trim_end_matches('/').rsplit('/').next()?;
    let last = last.split(':').next()?;
    let archive = [".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"];
    let stem = archive.iter().find_map(|end| last.strip_suffix(end)).unwrap_or(last);
    let is_archive = stem.len() < last.len();
    let mut parts = stem.split('-');
    let kind = parts.next().filter(|kind| ["cube", "container", "docker", "oci", "lxc"].contains(kind));
    let name = match (kind, parts.next()) {
        (Some("cube"), Some("dom0")) if is_archive => "dom0".into(),
        (Some(kind), Some(name)) if is_archive => format!("{kind}-{name}"),
        _ => stem.to_string(),
    };
    Some(name).filter(|name| is_name(name))
}

/// Seconds since 1970 as `DD-MM-YY` in UTC.
fn date(seconds: i64) -> String {
    // The calendar of Gregory as days since 0000-03-01, by Howard Hinnant's civil_from_days.
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let in_month = in_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{in_month:02}-{month:02}-{:02}", (year + era * 400 + carry).rem_euclid(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_told_as_overc_does() {
        let check = |seconds: i64, want: &str| assert_eq!(date(seconds), want);
        check(0, "01-01-70");
        check(1_448_960_400, "01-12-15");
        check(951_782_400, "29-02-00");
        check(1_704_067_199, "31-12-23");
    }

    #[test]
    fn the_name_comes_from_the_source() {
        let check = |source: &str, want: Option<&str>| assert_eq!(name_of(source).as_deref(), want, "{source}");
        check("/img/cube-server-genericx86-64.tar.bz2", Some("cube-server"));
        check("/img/cube-dom0-genericx86-64.tar.bz2", Some("dom0"));
        check("docker://registry/team/web:1.2", Some("web"));
        check("/srv/web/", Some("web"));
        check("box.tar", Some("box"));
        check("/srv/..", None);
        check("/srv/host", None);
    }
}
