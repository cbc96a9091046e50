//! From a bundle to a program at work, in one script: the command channel is opened, the container is made, it gets its network,
//! its program is started.
//!
//! One script and not four steps, since what does not wait for each other is done at the same time:
//!
//! ```text
//! runc create -----------------------> the process -> [ip: its end of the link] -> runc start
//! the channel is opened, then the daemons are told its name ---/
//! [ip: has begun, waits for the process] ---------/
//! ```
//!
//! One thing after the other beside the runtime, since all at once they keep it from its own start: with two processors it took a
//! tenth longer. A shell carries out each command as soon as it has read it, so what the runtime does not wait for stands behind it.
//!
//! What failed says so on stderr; the status tells whether it was the network ([`network::FAILED`]). Nothing that was begun in the
//! background goes on behind the end of the script.

use super::{channel, keeper, network};
use crate::cube::Cube;
use crate::flow::Flow;
use ctys_plugin::model::{Command, Step};

/// The name of the step.
pub const NAME: &str = "start";

/// `$1` folder of the cube, `$2` runtime, `$3` place of its records where it is not the runtime's own, `$4` socket for the terminal
/// where there is one, `$5` name, `$6` folder of the channel, `$7` seconds for all of it; behind what others read, the words that
/// open the channel, if any.
///
/// The runtime runs with nothing of ours open, as in [`super::DETACHED`]: what it only remarks of a success is nobody's matter. An
/// empty file for the process says that none was made.
///
/// The script keeps its time by itself, with a process that begins beside the runtime (`guard`): timeout(1) and the shell it would
/// need stand in front of it. What is at work when the time is over, the runtime with its hooks and all they began, is told to end,
/// and killed two seconds later, also where whoever began it has ended by then.
const BEGIN: &str = r#"
f=$1 m=$2 r=$3 t=$4 n=$5 k=$6 limit=$7; shift 7
l=$f/.cube.runtime.log p=$f/.cube.pid at='the command channel' g= me=
trap 'echo "$at did not come to an end in time" >&2; g=; exit 1' TERM
trap 'kill $g 2>/dev/null; wait' EXIT
begun() {
x=; read -r x <"/proc/$1/task/$1/children"
for x in $x; do [ "$x" = "$mine" ] || { all="$all $x"; begun "$x"; }; done
}
watch() {
trap - EXIT
z=; trap 'kill $z 2>/dev/null; exit' TERM
read -r mine x </proc/self/stat
sleep "$limit" & z=$!; wait $z
all=; begun "$me"
kill "$me"; kill $all
sleep 2 & z=$!; wait $z
kill -9 $all
}
guard() { [ -n "$g" ] || { own_number; watch </dev/null >/dev/null 2>&1 & g=$!; }; }
own_number() { [ -n "$me" ] || read -r me x </proc/self/stat; }
runtime() {
: >"$l"
"$m" --log "$l" --log-format json ${r:+--root "$r"} "$@" </dev/null >/dev/null 2>&1
set -- $?
if [ -s "$l" ]; then
[ "$1" = 0 ] || cat "$l" >&2
: >"$l"
fi
return "$1"
}
create() { runtime create --bundle "$f" --pid-file "$p" ${t:+--console-socket "$t"} "$n" || : >"$p"; }
"#;

/// The container has the folder of the channel as a mount, so that has to be there before; its socket before the program.
const CHANNEL: &str = r#"
if [ $# -gt 0 ] && [ ! -d "$k" ]; then guard; "$@" || exit 1; set --; fi
at='making the container'
"#;

/// Where the folder is left from the last start and a server is at work, a file with the name in it and a knock are all it takes,
/// and no program of ours has to begin for them beside the runtime. The record of the server is read behind both: who goes takes
/// it away first and looks at the folders once more then (`core/engine/src/cube/channel/server.rs`). A process that was killed has
/// no words any more while it ends, which takes Linux 6.18 tenths of a second where it watched folders; only then it is a
/// zombie. Nothing that is there is written over or followed (`set -C`).
const SERVED: &str = r#"
served() {
d=${k%/*}
[ -d "$k" ] && [ ! -e "$k/name" ] && [ ! -L "$k/name" ] && [ -s "$d/.server" ] || return 1
{ read -r x; read -r x u; } </proc/self/status; [ "$x" = Umask: ] || return 1
own_number; umask 022; set -C; { printf %s "$n" >"$k/name" && printf '' >"$d/.knock-$me"; } 2>/dev/null && x=0 || x=1; set +C; umask "$u"
[ $x = 0 ] || return 1
read -r who since 2>/dev/null <"$d/.server" && read -r is 2>/dev/null <"/proc/$who/stat" || return 1
x=; read -r x 2>/dev/null <"/proc/$who/cmdline"
set -- ${is##*) }
[ -n "$x" ] && [ "${20}" = "$since" ]
}
"#;

/// Without a network.
const ALONE: &str = "create & j=$!\n";

/// The `ip` of the segment begins meanwhile, and reads what it has to do when there is a process.
const WITH_LINK: &str = r#"
{ create; read -r pid <"$p"; if [ -n "$pid" ]; then ends 2>/dev/null; fi; } | ip -n "$ns" -batch - 2>/dev/null & j=$!
"#;

/// Where the daemons are at work, they are told its name while the runtime is at work. It is taken back where the start
/// fails.
const EARLY: &str = r#"
told=
if serves && [ -d "$s/hosts" ] && [ -d "$s/dhcp" ]; then ( names ); told=$?; fi
"#;

/// The channel, and the watch behind it: what comes next may wait for a lock.
const BESIDE: &str = r#"
b=
if [ $# -gt 0 ] && ! served; then "$@" & b=$!; fi
guard
"#;

/// The process is there, and its channel.
const JOIN: &str = r#"
wait "$j"; joined=$?
pid=; read -r pid <"$p"; [ -n "$pid" ] || exit 1
[ -z "$b" ] || wait "$b" || exit 1
"#;

/// See [`network`].
const NETWORK: &str = r#"
at='its network'
attach "$joined"
lead
[ -n "$told" ] || { ( names ); told=$?; }
"#;

const START: &str = r#"
at='starting its program'
runtime start "$n" && s=0 || s=1
"#;

const NAMES: &str = "[ \"$told\" = 0 ] || exit 3\n";

const END: &str = "trap - EXIT; kill $g; exit $s\n";

/// The step.
pub fn step(flow: &Flow<'_>, cube: &Cube<'_>, plan: Option<&network::Plan>, has_terminal: bool) -> Step {
    let places = &flow.places;
    let script = match plan {
        Some(plan) => {
            let functions = network::functions(plan);
            let begin = [BEGIN, network::KNOWN, network::ENDS, CHANNEL, WITH_LINK].concat();
            [&begin, &*functions, SERVED, BESIDE, EARLY, JOIN, NETWORK, START, NAMES, END].concat()
        }
        None => [BEGIN, CHANNEL, ALONE, SERVED, BESIDE, JOIN, START, END].concat(),
    };
    let socket = if has_terminal { keeper::runtime_socket(flow, cube) } else { String::new() };
    let folder = channel::folder(places, cube.name);
    let (records, limit) = (places.own_records().unwrap_or(""), places.start.to_string());
    let own = [&places.cube(cube.name), cube.manager(), records, &socket, cube.name, &folder, &limit];
    let mut command = Command::new("sh").args(["-c", &script, "sh"]).args(own);
    command = command.args(plan.map(|plan| network::words(flow, cube, plan)).unwrap_or_default());
    if let Some(Command { program, args, .. }) = channel::command(flow, cube) {
        command = command.arg(program.as_str()).args(args);
    }
    // Whoever watches it for a way to root comes behind its own watch.
    let limit_ms = places.start.saturating_add(10).saturating_mul(1_000);
    Step::run(NAME, command.as_root().changes().limit_ms(limit_ms).unwatched())
}
