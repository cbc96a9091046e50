//! Names that are found without a server: `HOSTNAME.local`, by multicast DNS on the segment (overc.md 6.1). A cube whose init
//! starts an avahi of its own tells its name itself, as [`super::prep`] has set it up; for any other one the avahi-daemon of the
//! host does it on its behalf, in the namespace of the segment, where one is installed.

use super::prep;
use crate::config;
use crate::cube::Cube;
use crate::flow::Flow;
use crate::settings::DISCOVERY;

/// Functions for scripts that know `c` (the folder whose lock is held), `ns` (the namespace), `s` (the folder of its daemons), `n`
/// (the cube). The daemon reads its files again on HUP; before it minds that signal it would die of it, so
/// that is looked for once in its life (`minds` holds its number then): a shell reads such a file byte by byte.
const DAEMON: &str = r#"
daemon() {
d= w=; [ -f "$a/pid" ] && read -r d <"$a/pid"
[ -n "$d" ] && [ -r "/proc/$d/comm" ] && read -r w <"/proc/$d/comm"
if [ "$w" != avahi-daemon ]; then d=
elif [ ! "/proc/$d/ns/net" -ef "/run/netns/$ns" ]; then
if [ "/proc/$d/root/etc/avahi/hosts" -ef "$a/hosts" ]; then kill "$d"; fi
d=
fi
}
reload() {
for f in "$a"/names/*; do if [ -f "$f" ]; then read -r w <"$f"; printf '%s\n' "$w"; fi; done >"$a/hosts"
if [ -z "$d" ]; then return; fi
w=; [ -f "$a/minds" ] && read -r w <"$a/minds"
if [ "$w" = "$d" ]; then kill -HUP "$d"; return; fi
k=0
while [ "$k" -lt 40 ]; do
w=; while read -r x y; do case $x in SigCgt:) w=$y;; esac; done 2>/dev/null <"/proc/$d/status"
case $w in '') return;; *[13579bdf]) echo "$d" >"$a/minds"; kill -HUP "$d"; return;; esac
k=$((k+1)); sleep 0.05
done
}
"#;

/// The function `publish`, which knows as well `h` (the cube's name on the segment), `ip` (its address), `own` (its own settings of
/// avahi, of a cube whose init would start one).
const PUBLISH: &str = r#"
publish() {
a=$s/avahi
command -v avahi-daemon >/dev/null 2>&1 || return 0
if [ -n "$own" ] && [ -f "$own" ]; then return 0; fi
if [ ! -d "$a/names" ] || [ ! -d "$a/services" ]; then mkdir -p "$a/names" "$a/services" || exit 3; fi
printf '%s %s.local\n' "$ip" "$h" >"$a/names/$n" || exit 3
printf '<?xml version="1.0" standalone="no"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd"><service-group><name>%s</name><service><type>_ssh._tcp</type><host-name>%s.local</host-name><port>22</port></service></service-group>\n' "$h" "$h" >"$a/services/$n.service"
daemon; reload
[ -z "$d" ] || return 0
rm -f "$a/minds"
printf '[server]\nhost-name=cube-vrf\nuse-ipv6=no\nenable-dbus=no\nallow-interfaces=br-int\n[publish]\npublish-addresses=no\npublish-hinfo=no\npublish-workstation=no\npublish-domain=no\n' >"$a/avahi-daemon.conf" || exit 3
setsid nsenter --net="/run/netns/$ns" unshare -m sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && mount --bind "$1" /etc/avahi && exec avahi-daemon --no-drop-root --no-rlimits --no-chroot' sh "$a" 8<&- </dev/null >/dev/null 2>&1 &
echo $! >"$a/pid"
}
"#;

/// The function `withdraw`.
const WITHDRAW: &str = r#"
withdraw() {
a=$s/avahi
[ -f "$a/names/$n" ] || return 0
exec 8<"$c" && flock -w 60 8 || exit 1
rm -f "$a/names/$n" "$a/services/$n.service"
daemon; reload
}
"#;

/// The functions of [`UP`](super::network).
pub fn publish() -> String {
    format!("{DAEMON}{PUBLISH}")
}

/// Those of its counterpart.
pub fn withdraw() -> String {
    format!("{DAEMON}{WITHDRAW}")
}

/// A cube's name on the segment, empty for one that is not published, and the file with its own settings of avahi.
pub fn words(flow: &Flow<'_>, cube: &Cube<'_>) -> (String, String) {
    if cube.line(DISCOVERY) == "off" {
        return (String::new(), String::new());
    }
    let host = config::hostname(cube);
    let label = host.split('.').next().unwrap_or_default().to_string();
    match prep::is_init(cube) {
        true => (label, flow.places.file(cube.name, "rootfs/etc/avahi/avahi-daemon.conf")),
        false => (label, String::new()),
    }
}
