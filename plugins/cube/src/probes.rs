//! What this plugin wants to know of a host: one look tells all, however many cubes there are.

use crate::places::Places;
use ctys_plugin::model::{Command, Probe};

/// `$1` containers, `$2` state, `$3` records of the runtime, `$4` what is wanted ([`Depth`]); then names, or none for all.
///
/// Nothing of the runtime is run: what `runc list` says of a hundred containers takes longer than the rest together, and all of it
/// stands in its records and in /proc. A shell lists what is there, one awk reads what is in it. See
/// [`crate::parse::survey`] for what comes out.
const FUNCTIONS: &str = r#"
c=$1 s=$2 r=$3 deep=$4; shift 4
known() { case ${1##*/} in *[!A-Za-z0-9_.+-]*|''|.*) return 1;; esac; [ -d "$1" ]; }
cube() {
known "$1" || return
printf 'E %s\n' "$1"/* "$1"/.[!.]*
e=$1/rootfs/etc
[ -f "$e/hostname" ] && [ ! -L "$e" ] && [ ! -L "$e/hostname" ] && echo "H $e/hostname"
m=runc
if [ -f "$1/cube.container.mgr" ]; then read -r m <"$1/cube.container.mgr"; fi
case ${m:=runc} in */*) [ -f "$m" ] && [ -x "$m" ];; "$had") ;; *) command -v "$m" >/dev/null 2>&1 && had=$m;; esac || echo "I ${1##*/}"
}
deeper() {
echo "J $1/config.json"
[ -f "$1/.cube.dev.whitelist" ] || return
while read -r e || [ -n "$e" ]; do
case $e in /dev/*) if [ -c "$e" ]; then stat -L -c "W ${1##*/} c %t %T $e" "$e"; elif [ -b "$e" ]; then stat -L -c "W ${1##*/} b %t %T $e" "$e"; fi;; esac
done <"$1/.cube.dev.whitelist"
}
record() {
known "$1" || return
[ -d "$c/${1##*/}" ] && echo "N ${1##*/}"
echo "R ${1##*/}"
[ -p "$1/exec.fifo" ] && echo "X ${1##*/}"
}
places() {
[ -d "$c" ] && echo c
[ -d "$s/essential" ] && echo d
[ -d "$r" ] && echo e
for f in "$c"/*/cube.network.stack; do [ -s "$f" ] && { echo l; break; }; done
had=/
}
"#;

/// The look at cubes without a record, which is what a start finds: a few lines of a few small files. The shell reads them by
/// itself, since a pipe to awk takes as long as all the rest of the look. Its `read` takes single bytes, so of `config.json` it reads
/// the beginning, where ours say what there is of a terminal, as those of `runc spec` do, and of its own status no further than it must:
/// the capabilities stand far behind the rest, and a start needs them where it makes `config.json` anew
/// (`is_anew` of `work/start.rs`).
const PLAIN: &str = r#"
plain() { for n; do [ ! -e "$r/$n" ] || return 1; done; }
lines() {
[ -f "$1" ] && [ -r "$1" ] || return
o= i=0
while [ $i -lt 1000 ] && { IFS= read -r x || [ -n "$x" ]; }; do i=$((i+1)) o="$o
L $x"; done <"$1"
[ $i = 0 ] || printf 'F %s%s\n' "$1" "$o"
}
terminal() {
[ -f "$1/config.json" ] && [ -r "$1/config.json" ] || return
i=0
while [ $i -lt 9 ] && { IFS= read -r x || [ -n "$x" ]; }; do i=$((i+1))
case $x in *'"terminal":'*)
x=${x#*'"terminal":'}
while :; do case $x in ' '*) x=${x# };; *) break;; esac; done
case $x in true*) echo "T ${1##*/}";; esac
return;; esac
done <"$1/config.json"
if grep -q '"terminal": *true' "$1/config.json"; then echo "T ${1##*/}"; fi
}
if plain "$@"; then
until=CapBnd:
if [ "$deep" = start ]; then
until=Uid:
for n; do for f in "$c/$n"/*.runonce "$c/$n"/.[!.]*.runonce "$c/$n/.cube.runonce.regen"; do [ ! -e "$f" ] || until=CapBnd:; done; [ -e "$c/$n/config.json" ] || until=CapBnd:; done
fi
while read -r x i o; do
case $x in Uid:) echo "u ${i%%[!0-9]*}";; CapBnd:) echo "k $i";; esac
[ "$x" != $until ] || break
done </proc/self/status
x=; if [ -r /etc/machine-id ]; then read -r x </etc/machine-id; fi; [ -z "$x" ] || echo "m $x"
places
for n; do
cube "$c/$n"; deeper "$c/$n"
known "$c/$n" || continue
for f in "$c/$n"/* "$c/$n"/.[!.]*; do case ${f##*/} in cube.*|.cube.*|autostart|depends) lines "$f";; esac; done
f=$c/$n/rootfs/etc
if [ ! -L "$f" ] && [ ! -L "$f/hostname" ]; then lines "$f/hostname"; fi
terminal "$c/$n"
done
exit 0
fi
"#;

/// See [`FUNCTIONS`].
const ALL: &str = r#"
{
places
if [ $# = 0 ]; then
for d in "$c"/*/; do cube "${d%/}"; done
for d in "$r"/*/; do record "${d%/}"; done
else
for n; do cube "$c/$n"; deeper "$c/$n"; record "$r/$n"; done
fi
} | CTYS_FOLDER=$c CTYS_RECORDS=$r awk -v deep="$deep" '
function part(text, pattern) { return match(text, pattern) ? substr(text, RSTART, RLENGTH) : "" }
function number(name) { t = part($0, "\"" name "\":[0-9]+"); sub(/.*:/, "", t); return t }
function whole(file,  t, l) { t = ""; while ((getline l < file) > 0) t = t (t == "" ? "" : "\n") l; close(file); return t }
function lines(tag, file,  l) { while ((getline l < file) > 0) print tag " " l; close(file) }
function path(name,  t) { t = part(g, "\"" name "\":\"[^\"]*\""); sub(/^[^:]*:"/, "", t); sub(/"$/, "", t); return t }
function text(file,  l, c) { while ((getline l < file) > 0) { if (c++ == 0) print "F " file; if (c <= 1000) print "L " l } close(file) }
function plain(t) { gsub(/\\u0026/, "\\&", t); gsub(/\\u003c/, "<", t); gsub(/\\u003e/, ">", t); return t }
function word(t,  o, i) { o = ""; while (i = index(t, "\047")) { o = o substr(t, 1, i - 1) "\047\\\047\047"; t = substr(t, i + 1) } return "\047" o t "\047" }
function same(a, b) { return system("[ " word(a) " -ef " word(b) " ]") == 0 }
# Whether a record is that of the cube with its id: its bundle is the folder of the cube, or in that the one of a start in the
# foreground. Where links stand between, the file system says so: of the folder of all cubes once, else of the one folder.
function own(id, b,  f, p) {
  if (b == "") return 1
  sub(/\/\.foreground$/, "", b); f = ENVIRON["CTYS_FOLDER"] "/" id
  if (b == f) return 1
  if (!(id in near)) return 0
  p = b; sub(/\/[^\/]*$/, "", p)
  if (b == p "/" id) { if (!(p in seen)) seen[p] = same(p, ENVIRON["CTYS_FOLDER"]); if (seen[p]) return 1 }
  return same(b, f)
}
function record(id, line) {
  $0 = line; n = id; print "r " n
  p = number("init_process_pid"); b = number("init_process_start")
  print "i " p " " b
  t = part($0, "\"created\":\"[^\"]*\""); if (t != "") print "t " substr(t, 12, length(t) - 12)
  t = part($0, "\"bundle=([^\"\\\\]|\\\\.)*\""); if (t != "") print "b " t
  sub(/^"bundle=/, "", t); sub(/"$/, "", t); if (own(id, plain(t))) print "o"
  if (index($0, "\"type\":\"NEWNET\",\"path\":\"\"") == 0) print "n"
  g = index($0, "\"cgroup_paths\":"); g = g ? substr($0, g) : ""
  if (p + 0 < 2) return
  t = whole("/proc/" p "/stat"); sub(/^.*\) /, "", t); if (split(t, w, " ") < 20) return
  print "p " w[1] " " w[20]
  if (w[20] != b) return
  f = path("freezer"); v = path("")
  if (f != "") lines("z", f "/freezer.state"); else if (v != "") lines("z", v "/cgroup.freeze")
  a = ""; x = "/proc/" p "/net/fib_trie"
  while ((getline l < x) > 0) {
    if (l ~ /\|-- /) { a = l; sub(/.*\|-- /, "", a) }
    else if (l ~ /\/32 host LOCAL/ && !((n, a) in had)) { had[n, a] = 1; print "a " a }
  }
  close(x)
  t = whole("/proc/" p "/status"); t = part(t, "\nSigCgt:[ \t]*[0-9a-f]+"); sub(/.*[ \t]/, "", t); print "s " t
  if (deep != "deep") return
  if (path("cpuacct") != "") lines("U", path("cpuacct") "/cpuacct.usage"); else lines("V", v "/cpu.stat")
  if (path("memory") != "") { lines("M", path("memory") "/memory.usage_in_bytes"); lines("K", path("memory") "/memory.kmem.usage_in_bytes") }
  else lines("M", v "/memory.current")
  lines("D", "/proc/" p "/net/dev")
}
BEGIN {
  c0 = whole("/proc/self/status"); t = part(c0, "\nUid:[ \t]*[0-9]+"); sub(/.*[ \t]/, "", t); print "u " t
  t = part(c0, "\nCapBnd:[ \t]*[0-9a-f]+"); sub(/.*[ \t]/, "", t); print "k " t
  lines("m", "/etc/machine-id")
}
# What has gone meanwhile is no reason to see nothing.
{ print }
/^E / { f = substr($0, 3); if (f ~ /\/\.?cube\.[^\/]*$|\/autostart$|\/depends$/) text(f); next }
/^H / { text(substr($0, 3)); next }
/^J / { f = substr($0, 3); n = f; sub(/\/config.json$/, "", n); sub(/.*\//, "", n); while ((getline l < f) > 0) if (l ~ /"terminal": *true/) { print "T " n; break } close(f); next }
/^N / { near[substr($0, 3)]; next }
/^R / { id = substr($0, 3); f = ENVIRON["CTYS_RECORDS"] "/" id "/state.json"; if ((getline l < f) > 0) { close(f); record(id, l) } }
'
"#;

/// How long the look may take. It hangs only where a file system does. A look at single cubes reads some small files of folders that
/// were locked before, which nobody watches either: it is spared the process that would.
const SURVEY_MS: u32 = 30_000;

/// How much a look tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What a start needs.
    Start,
    /// What most need.
    Usual,
    /// What INFO needs.
    Deep,
}

/// The look as a command: at these cubes, or at all of them and all other containers.
pub fn survey_command(places: &Places, names: &[&str], depth: Depth) -> Command {
    let depth = match depth {
        Depth::Start => "start",
        Depth::Usual => "",
        Depth::Deep => "deep",
    };
    let script = [FUNCTIONS, if names.is_empty() { "" } else { PLAIN }, ALL].concat();
    let command = Command::new("sh")
        .args(["-c", &script, "sh", &places.containers, &places.state, &places.records, depth])
        .args(names.iter().copied())
        .as_root()
        .limit_ms(SURVEY_MS);
    if names.is_empty() { command } else { command.unwatched() }
}

/// The look at everything as a probe. There is nothing to see on a host without any of the three folders, as most are; a tool looks
/// there all the same, since an empty list is its answer.
pub fn survey(places: &Places) -> Probe {
    Probe::run(survey_command(places, &[], Depth::Usual).near([&*places.containers, &places.state, &places.records]))
}
