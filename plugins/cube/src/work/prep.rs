//! What is changed in a cube's own files so that it fits into the machine: file systems that it is given, virtual terminals, and
//! whether it tells others its name (overc.md 1.7, 2, 6.1). Done when it is added, by `cube-ctl prep`, and before each start of
//! an init.

use crate::config;
use crate::cube::{Cube, words};
use crate::flow::{Flow, Stop, answer};
use crate::settings::DISCOVERY;
use ctys_plugin::model::{Command, Step};

/// `$1` the cube's folder, `$2` `off` for one that is not to tell its name, then numbers of virtual terminals. A link on the way to
/// a file could lead out of the cube, so what stands behind one is left alone.
const PREP: &str = r#"
r=$1/rootfs t=$1/.cube.prep d=$2; shift 2
ours() {
p=$r f=$1
while :; do case $f in
*/*) p=$p/${f%%/*}; f=${f#*/}; if [ -L "$p" ] || [ ! -d "$p" ]; then return 1; fi;;
*) [ ! -L "$p/$f" ]; return;;
esac; done
}
change() {
if ! ours "$1" || [ ! -f "$r/$1" ]; then return 0; fi
f=$r/$1; shift
awk "$@" "$f" >"$t" || return 1
[ "$(cat "$t")" = "$(cat "$f")" ] || cat "$t" >"$f"
}
folder() { ours "$1/." || { ours "$1" && mkdir -- "$r/$1"; }; }
trap 'rm -f "$t"' EXIT
change etc/fstab '/^[ \t]*(#|$)/ { print; next } $2 == "/" || $3 ~ /^(proc|devpts|tmpfs|usbdevfs|securityfs)$/ { next } { print }' || exit 1
for g in sbin/getty bin/getty usr/sbin/getty usr/bin/getty sbin/agetty usr/sbin/agetty; do [ -e "$r/$g" ] && break; done
change etc/inittab -v vts="$*" -v getty="/$g" '
/^[^#]*:initdefault:/ { sysv = 1 }
/^[^#]*getty.*tty[0-9]/ { next }
{ print }
END { n = split(vts, w, " "); for (i = 1; i <= n; i++) print (sysv ? w[i] ":2345" : "tty" w[i] ":") ":respawn:" getty " 38400 tty" w[i] " linux" }' || exit 1
if { [ -e "$r/lib/systemd/system" ] || [ -e "$r/usr/lib/systemd/system" ]; } && ours etc/systemd/system/.; then
ln -sfn /dev/null "$r/etc/systemd/system/systemd-udevd.service" || exit 1
if folder etc/systemd/logind.conf.d && ours etc/systemd/logind.conf.d/cube.conf; then
printf '[Login]\nNAutoVTs=0\nReserveVT=0\n' >"$r/etc/systemd/logind.conf.d/cube.conf" || exit 1
fi
if folder 'etc/systemd/system/getty@.service.d' && ours 'etc/systemd/system/getty@.service.d/cube.conf'; then
printf '[Unit]\nConditionPathExists=\n' >"$r/etc/systemd/system/getty@.service.d/cube.conf" || exit 1
fi
w=etc/systemd/system/getty.target.wants
if folder "$w"; then
rm -f -- "$r/$w/getty@tty"*.service
for n; do ln -sfn /lib/systemd/system/getty@.service "$r/$w/getty@tty$n.service" || exit 1; done
fi
fi
change etc/avahi/avahi-daemon.conf -v no="$([ "$d" = off ] && echo yes || echo no)" '
/^[ \t]*#?[ \t]*disable-publishing[ \t]*=/ || /^[ \t]*rlimit-nproc[ \t]*=/ { next }
{ print }
/^\[publish\]/ && !done { print "disable-publishing=" no; done = 1 }
END { if (!done) print "[publish]\ndisable-publishing=" no }' || exit 1
"#;

/// Whether its program starts others, by files of its own.
pub fn is_init(cube: &Cube<'_>) -> bool {
    let program = words(cube.line("cube.app")).into_iter().next().unwrap_or_default();
    matches!(program.rsplit('/').next(), Some("init" | "systemd"))
}

/// The step, for a cube of these virtual terminals.
pub fn step(flow: &Flow<'_>, name: &str, discovery: &str, vts: &[u8]) -> Step {
    let command = Command::new("sh")
        .args(["-c", PREP, "sh", &flow.places.cube(name), discovery])
        .args(vts.iter().map(u8::to_string));
    Step::run("prep", command.as_root().changes())
}

/// The step for a cube as it is set up.
pub fn of(flow: &Flow<'_>, cube: &Cube<'_>) -> Result<Step, String> {
    Ok(step(flow, cube.name, cube.line(DISCOVERY), &config::vts(cube)?))
}

/// `cube-ctl prep NAME`, under the lock of a cube that has ended: its own programs change those files, too.
pub fn run(flow: &mut Flow<'_>, cube: &Cube<'_>) -> Result<(), Stop> {
    if cube.is_alive() {
        return flow.fail(format!("[ERROR]: container {} is running, it must be stopped before", cube.name));
    }
    let step = match of(flow, cube) {
        Ok(step) => step,
        Err(why) => return flow.fail(format!("[ERROR]: container {}: {why}", cube.name)),
    };
    let round = flow.run(vec![step])?;
    super::must(flow, answer(round, "prep"), &format!("the files of container {} were not changed", cube.name))?;
    flow.said.changed = true;
    Ok(())
}
