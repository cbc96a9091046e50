//! Names that are found without a server: `HOSTNAME.local`, by multicast DNS on the segment (overc.md 6.1). A cube whose init
//! starts an avahi of its own tells its name itself, as [`super::prep`] has set it up; for any other one the avahi-daemon of the
//! host does it on its behalf, in the namespace of the segment, where one is installed.

use super::prep;
use crate::config;
use crate::cube::Cube;
use crate::flow::Flow;
use crate::settings::DISCOVERY;
use ctys_plugin::model::{Command, Step};

/// Where that daemon's files are, `$3` being the folder of the segment's daemons. It reads them again on HUP; before it minds that
/// signal it would die of it.
const RELOAD: &str = r#"
reload() {
: >"$a/hosts"; for f in "$a"/names/*; do [ -f "$f" ] && cat "$f"; done >"$a/hosts"
k=0
while [ -n "$d" ] && [ "$k" -lt 40 ]; do
case $(sed -n 's/^SigCgt:[^0-9a-f]*//p' "/proc/$d/status" 2>/dev/null) in
'') return;;
*[13579bdf]) kill -HUP "$d"; return;;
esac
k=$((k+1)); sleep 0.05
done
}
# The daemon, if it is the one of this segment.
daemon() {
d=; [ -f "$a/pid" ] && read -r d <"$a/pid"
if [ -n "$d" ] && { [ "$(readlink "/proc/$d/ns/net")" != "net:[$(stat -L -c %i "/run/netns/$ns")]" ] || [ "$(cat "/proc/$d/comm" 2>/dev/null)" != avahi-daemon ]; }; then
if [ "$(cat "/proc/$d/comm" 2>/dev/null)" = avahi-daemon ] && [ "/proc/$d/root/etc/avahi/hosts" -ef "$a/hosts" ]; then kill "$d"; fi
d=
fi
}
"#;

/// `$1` folder whose lock makes calls wait for each other, `$2` namespace, `$3` folder, `$4` cube, `$5` its name on the segment,
/// `$6` address, `$7` its own settings of avahi, of a cube whose init would start one.
const PUBLISH: &str = r#"
command -v avahi-daemon >/dev/null 2>&1 || exit 0
if [ -n "$7" ] && [ -f "$7" ]; then exit 0; fi
c=$1 ns=$2 a=$3/avahi n=$4 h=$5 ip=$6
exec 8<"$c" && flock -w 60 8 || exit 1
mkdir -p "$a/names" "$a/services" || exit 1
printf '%s %s.local\n' "$ip" "$h" >"$a/names/$n" || exit 1
printf '<?xml version="1.0" standalone="no"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd"><service-group><name>%s</name><service><type>_ssh._tcp</type><host-name>%s.local</host-name><port>22</port></service></service-group>\n' "$h" "$h" >"$a/services/$n.service"
daemon
if [ -n "$d" ]; then reload; exit 0; fi
reload
printf '[server]\nhost-name=cube-vrf\nuse-ipv6=no\nenable-dbus=no\nallow-interfaces=br-int\n[publish]\npublish-addresses=no\npublish-hinfo=no\npublish-workstation=no\npublish-domain=no\n' >"$a/avahi-daemon.conf" || exit 1
setsid nsenter --net="/run/netns/$ns" unshare -m sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && mount --bind "$1" /etc/avahi && exec avahi-daemon --no-drop-root --no-rlimits --no-chroot' sh "$a" 8<&- </dev/null >/dev/null 2>&1 &
echo $! >"$a/pid"
"#;

/// `$1` to `$4` as above.
const WITHDRAW: &str = r#"
c=$1 ns=$2 a=$3/avahi n=$4
[ -f "$a/names/$n" ] || exit 0
exec 8<"$c" && flock -w 60 8 || exit 1
rm -f "$a/names/$n" "$a/services/$n.service"
daemon; reload
"#;

/// Publishes a cube at its address.
pub fn publish(flow: &Flow<'_>, cube: &Cube<'_>, address: &str) -> Option<Step> {
    if cube.line(DISCOVERY) == "off" {
        return None;
    }
    let host = config::hostname(cube);
    let label = host.split('.').next().unwrap_or_default();
    let ip = address.split('/').next().unwrap_or_default();
    let own = match prep::is_init(cube) {
        true => flow.places.file(cube.name, "rootfs/etc/avahi/avahi-daemon.conf"),
        false => String::new(),
    };
    Some(step(flow, cube, "publish", PUBLISH, &[label, ip, &own]))
}

/// Takes its name back.
pub fn withdraw(flow: &Flow<'_>, cube: &Cube<'_>) -> Option<Step> {
    flow.places.network.then(|| step(flow, cube, "withdraw", WITHDRAW, &[]).go_on())
}

fn step(flow: &Flow<'_>, cube: &Cube<'_>, name: &str, script: &str, more: &[&str]) -> Step {
    let places = &flow.places;
    let command = Command::new("sh")
        .args(["-c", &format!("{RELOAD}{script}"), "sh", &places.containers, &places.namespace, &places.daemon()])
        .arg(cube.name)
        .args(more.iter().copied());
    Step::run(name, command.as_root().changes().limit_ms(90_000))
}
