//! `config.json` from the settings of a cube (overc.md 3.6).
//!
//! Made with serde_json alone: the crate `oci-spec` brings twenty more with it (derive_builder, getset, strum, regex ...), for
//! structures that are all written here in one place and checked by `runc create` in the tests.

use crate::cube::{Cube, words};
use crate::parse::survey::Node;
use crate::places::Places;
use crate::work::{channel, network};
use ctys_plugin::json::{Value, json};

/// All capabilities by their numbers, and whether a plain cube has them: what docker gives, and what OverC adds. A cube with
/// `cube.container.system:true` has all.
const CAPABILITIES: [(&str, bool); 41] = [
    ("CHOWN", true),
    ("DAC_OVERRIDE", true),
    ("DAC_READ_SEARCH", false),
    ("FOWNER", true),
    ("FSETID", true),
    ("KILL", true),
    ("SETGID", true),
    ("SETUID", true),
    ("SETPCAP", true),
    ("LINUX_IMMUTABLE", true),
    ("NET_BIND_SERVICE", true),
    ("NET_BROADCAST", true),
    ("NET_ADMIN", true),
    ("NET_RAW", true),
    ("IPC_LOCK", false),
    ("IPC_OWNER", false),
    ("SYS_MODULE", true),
    ("SYS_RAWIO", true),
    ("SYS_CHROOT", true),
    ("SYS_PTRACE", true),
    ("SYS_PACCT", false),
    ("SYS_ADMIN", true),
    ("SYS_BOOT", false),
    ("SYS_NICE", false),
    ("SYS_RESOURCE", true),
    ("SYS_TIME", false),
    ("SYS_TTY_CONFIG", true),
    ("MKNOD", true),
    ("LEASE", false),
    ("AUDIT_WRITE", true),
    ("AUDIT_CONTROL", false),
    ("SETFCAP", true),
    ("MAC_OVERRIDE", false),
    ("MAC_ADMIN", false),
    ("SYSLOG", true),
    ("WAKE_ALARM", false),
    ("BLOCK_SUSPEND", false),
    ("AUDIT_READ", false),
    ("PERFMON", false),
    ("BPF", false),
    ("CHECKPOINT_RESTORE", false),
];

/// Where programs of a cube are looked for.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How many ids a cube in a user namespace has.
const IDS: u32 = 65_536;

/// A hook in a box: in the bundle's folder, with a time limit, and with its output in a file, since runc waits for whoever holds
/// its output, a daemon for ever. `$1` the folder, `$2` seconds, then the hook. The state comes on its input.
const HOOK: &str = "cd \"$1\" || exit 1; l=$2; shift 2; o=$(mktemp) || exit 1; \
    timeout -k 1 \"$l\" \"$@\" >\"$o\" 2>&1; s=$?; cat \"$o\" >&2; [ \"$s\" != 124 ] || echo \"the hook $1 did not end within $l s\" >&2; rm -f \"$o\"; exit $s";

/// OverC's own hooks: what they did is done here without them.
const REPLACED: [&str; 4] = ["cube-network", "cube-netconfig", "oci-device", "cube-admin"];

/// The text of `config.json`; `available`: the capabilities there are, as a mask. The error is the setting that makes no sense.
pub fn generate(cube: &Cube<'_>, places: &Places, available: Option<u64>) -> Result<String, String> {
    let available = available.ok_or("the host did not say which capabilities it has to give")?;
    let args = words(cube.line("cube.app"));
    if args.is_empty() {
        return Err("cube.app is not set".into());
    }
    let system = cube.line("cube.container.system") == "true";
    // One that the host cannot give would keep the cube from starting.
    let given = |n: usize| available >> n & 1 == 1;
    let capabilities: Vec<String> = CAPABILITIES
        .iter()
        .enumerate()
        .filter(|(n, (_, plain))| (*plain || system) && given(*n))
        .map(|(_, (name, _))| format!("CAP_{name}"))
        .collect();
    let mut env = vec![PATH.to_string(), "TERM=xterm".into()];
    for variable in cube.lines("cube.env") {
        let (name, _) = variable.split_once('=').ok_or_else(|| format!("cube.env: {variable} is no VAR=value"))?;
        env.retain(|old| old.split('=').next() != Some(name));
        env.push(variable.to_string());
    }
    env.push("container=docker".into());
    let subuid = subuid(cube)?;
    let nodes: &[Node] = cube.folder.map_or(&[], |folder| &folder.nodes);
    let vts = vts(cube)?;
    let mut linux = json!({
        "cgroupsPath": places.cgroup(cube.name),
        "namespaces": namespaces(subuid.is_some()),
        "resources": { "devices": devices(system, &vts, nodes) },
        "maskedPaths": if system { json!([]) } else { json!(["/proc/kcore", "/proc/keys", "/proc/sched_debug", "/sys/firmware"]) },
        "readonlyPaths": if system { json!([]) } else { json!(["/proc/sysrq-trigger"]) },
    });
    if let Some(subuid) = subuid {
        let ids = json!([{ "containerID": 0, "hostID": subuid, "size": IDS }]);
        linux["uidMappings"] = ids.clone();
        linux["gidMappings"] = ids;
    }
    linux["devices"] = nodes
        .iter()
        .map(|node| json!({ "path": node.path, "type": node.kind, "major": node.major, "minor": node.minor, "fileMode": 0o660 }))
        .collect();
    let cwd = cube.line("cube.dir");
    let config = json!({
        "ociVersion": "1.0.2",
        "hostname": hostname(cube),
        "process": {
            "terminal": crate::work::keeper::is_wanted(cube),
            "user": { "uid": 0, "gid": 0 },
            "args": args,
            "env": env,
            "cwd": if cwd.is_empty() { "/" } else { cwd },
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
                "inheritable": [], "ambient": []
            },
            "noNewPrivileges": false,
        },
        "root": { "path": "rootfs", "readonly": false },
        "mounts": mounts(cube, places, subuid.is_some(), &vts)?,
        "hooks": hooks(cube, places),
        "linux": linux,
    });
    Ok(text(&config))
}

/// What is written. Whether the process has a terminal stands first: each start reads as far as that, see [`crate::probes`].
pub fn text(config: &Value) -> String {
    let terminal = config["process"]["terminal"].as_bool().unwrap_or(false);
    let process = begin_with(&config["process"], "terminal", &terminal.to_string());
    begin_with(config, "process", &process.replace('\n', "\n  ")) + "\n"
}

/// An object with this key in front of the others.
fn begin_with(object: &Value, key: &str, value: &str) -> String {
    let mut others = object.as_object().cloned().unwrap_or_default();
    others.remove(key);
    let end = match others.is_empty() {
        true => "\n}".to_string(),
        false => format!(",{}", &format!("{:#}", Value::Object(others))[1..]),
    };
    format!("{{\n  \"{key}\": {value}{end}")
}

/// What the cube calls itself: what its own `/etc/hostname` says, else its name.
pub fn hostname(cube: &Cube<'_>) -> String {
    let good = |name: &&str| {
        !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    let own = cube.folder.and_then(|folder| folder.hostname.as_deref());
    own.filter(good).unwrap_or(cube.name).to_string()
}

/// The first id of the host that the cube's ids are mapped to.
pub fn subuid(cube: &Cube<'_>) -> Result<Option<u32>, String> {
    match cube.line("cube.subuid") {
        "" => Ok(None),
        text => match text.parse() {
            Ok(first) if (100_000..=u32::MAX - IDS).contains(&first) => Ok(Some(first)),
            _ => Err(format!("cube.subuid: {text} is no number of 100000 or more")),
        },
    }
}

/// The virtual terminals it has, by number.
pub fn vts(cube: &Cube<'_>) -> Result<Vec<u8>, String> {
    cube.lines(".cube.device.vt").map(vt).collect()
}

/// The number in a line `/dev/tty4:/dev/tty4`. 0 is whichever is seen, 1 is the host's.
pub fn vt(line: &str) -> Result<u8, String> {
    let (host, inside) = line.split_once(':').unwrap_or((line, line));
    let number = host.strip_prefix("/dev/tty").and_then(|number| number.parse::<u8>().ok());
    let number = number.filter(|number| (2..=63).contains(number) && inside.starts_with("/dev/"));
    number.ok_or_else(|| format!("{line} is no virtual terminal from /dev/tty2 to /dev/tty63"))
}

fn namespaces(user: bool) -> Value {
    let kinds = ["pid", "network", "ipc", "uts", "mount"].into_iter().chain(user.then_some("user"));
    kinds.map(|kind| json!({ "type": kind })).collect()
}

/// Which devices may be opened. runc itself adds those of every container.
fn devices(system: bool, vts: &[u8], nodes: &[Node]) -> Value {
    let rule = |kind: &str, major: u32, minor: u32| json!({ "allow": true, "type": kind, "major": major, "minor": minor, "access": "rwm" });
    let mut rules = vec![json!({ "allow": system, "access": "rwm" })];
    rules.extend(vts.iter().map(|&number| rule("c", 4, number.into())));
    rules.extend(nodes.iter().map(|node| rule(&node.kind, node.major, node.minor)));
    Value::Array(rules)
}

fn mounts(cube: &Cube<'_>, places: &Places, user: bool, vts: &[u8]) -> Result<Value, String> {
    let mount = |destination: &str, kind: &str, options: &[&str]| json!({ "destination": destination, "type": kind, "source": kind, "options": options });
    // The group tty (5) is not mapped in every user namespace; here it is, as 65536 ids are.
    let mut all = vec![
        mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount(
            "/sys",
            "sysfs",
            if user { &["nosuid", "noexec", "nodev", "ro"] } else { &["nosuid", "noexec", "nodev"] },
        ),
        mount("/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime"]),
    ];
    for line in cube.lines(".cube.mount.bind") {
        let (source, destination) = bind(line)?;
        all.push(json!({
            "destination": destination, "type": "bind", "source": source, "options": ["rbind", "rw"]
        }));
    }
    if network::has_resolv(places, cube) {
        all.push(json!({
            "destination": "/etc/resolv.conf", "type": "bind", "source": places.file(cube.name, network::RESOLV),
            "options": ["bind", "ro"]
        }));
    }
    all.extend(channel::mount(places, cube.name));
    for number in vts {
        let device = format!("/dev/tty{number}");
        all.push(json!({ "destination": device, "type": "bind", "source": device, "options": ["bind", "rw"] }));
    }
    Ok(Value::Array(all))
}

/// The two ends of a bind mount.
pub fn bind(line: &str) -> Result<(&str, &str), String> {
    let ends = line.split_once(':').filter(|(source, to)| source.starts_with('/') && to.starts_with('/'));
    ends.ok_or_else(|| format!(".cube.mount.bind: {line} is not made of two absolute paths"))
}

/// A hook that runs these words in the cube's folder.
pub fn hook(places: &Places, name: &str, words: Vec<String>) -> Value {
    let own = ["sh", "-c", HOOK, "sh", &places.cube(name), &places.hook.to_string()].map(String::from);
    let args: Vec<String> = own.into_iter().chain(words).collect();
    // A fixed environment: whoever starts the cube may have secrets in his.
    json!({ "path": "/bin/sh", "args": args, "env": [PATH], "timeout": places.hook.saturating_add(10) })
}

fn hooks(cube: &Cube<'_>, places: &Places) -> Value {
    let of = |file: &str| -> Value {
        let lines = cube.lines(file).map(words).filter(|words| {
            let replaced = |word: &String| REPLACED.iter().any(|name| word.split(['/', ' ']).any(|part| part == *name));
            !words.is_empty() && !words.iter().any(replaced)
        });
        lines.map(|words| hook(places, cube.name, words)).collect()
    };
    json!({
        "prestart": of(".cube.hooks.prestart"),
        "poststart": of(".cube.hooks.poststart"),
        "poststop": of(".cube.hooks.poststop"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_stands_first_and_all_else_is_as_it_was() {
        let all = json!({
            "ociVersion": "1.0.2",
            "process": { "args": ["a\nb", "\"{\n"], "terminal": true, "user": { "uid": 0 } },
            "annotations": { "process": "{}", "terminal": "" },
        });
        let written = text(&all);
        assert!(written.starts_with("{\n  \"process\": {\n    \"terminal\": true,\n    \"args\": ["), "{written}");
        assert!(written.ends_with("\n}\n"), "{written}");
        assert_eq!(ctys_plugin::json::from_str::<Value>(&written).unwrap(), all);
        let least = json!({ "process": { "terminal": false } });
        assert_eq!(text(&least), "{\n  \"process\": {\n    \"terminal\": false\n  }\n}\n");
    }
}
