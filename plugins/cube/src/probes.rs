//! What this plugin wants to know of a host: one look tells all, however many cubes there are.

use crate::places::Places;
use ctys_plugin::model::{Command, Probe};

/// `$1` containers, `$2` state, `$3` records of the runtime, `$4` `deep` for what INFO needs; then names, or none for all.
///
/// Nothing of the runtime is run: what `runc list` says of a hundred containers takes longer than the rest together, and all of it
/// stands in its records and in /proc. A shell lists what is there (an empty file has no lines to be read), one awk reads it. See
/// [`crate::parse::survey`] for what comes out.
const SURVEY: &str = r#"
c=$1 s=$2 r=$3 deep=$4; shift 4
[ -d "$c" ] && echo c
[ -d "$s/essential" ] && echo d
[ -d "$r" ] && echo e
if [ $# = 0 ]; then all=1
for d in "$c"/*/ "$r"/*/; do d=${d%/}; set -- "$@" "${d##*/}"; done
else all=; fi
seen=/
for n; do
case $n in *[!A-Za-z0-9_.+-]*|''|.*) continue;; esac
case $seen in */$n/*) continue;; esac
seen=$seen$n/
if [ -d "$c/$n" ]; then
for e in "$c/$n"/* "$c/$n"/.[!.]*; do [ -e "$e" ] && printf "E %s\n" "$e"; done
m=runc
if [ -f "$c/$n/cube.container.mgr" ]; then read -r m <"$c/$n/cube.container.mgr"; fi
case ${m:=runc} in */*) [ -f "$m" ] && [ -x "$m" ];; *) command -v "$m" >/dev/null 2>&1;; esac || echo "I $n"
fi
if [ -z "$all" ]; then
grep -qs '"terminal": *true' "$c/$n/config.json" && echo "T $n"
if [ -f "$c/$n/.cube.dev.whitelist" ]; then
while read -r e || [ -n "$e" ]; do
case $e in /dev/*) if [ -c "$e" ]; then stat -L -c "W $n c %t %T $e" "$e"; elif [ -b "$e" ]; then stat -L -c "W $n b %t %T $e" "$e"; fi;; esac
done <"$c/$n/.cube.dev.whitelist"
fi
fi
if [ -d "$r/$n" ]; then echo "R $n"; [ -p "$r/$n/exec.fifo" ] && echo "X $n"; fi
done
set --
IFS=/
for n in $seen; do
[ -n "$n" ] || continue
for e in "$c/$n"/cube.* "$c/$n"/.cube.* "$c/$n"/autostart "$c/$n"/depends "$c/$n"/rootfs/etc/hostname; do
case $e in */rootfs/etc/hostname) [ -L "${e%/hostname}" ] && continue;; esac
[ -f "$e" ] && [ ! -L "$e" ] && set -- "$@" "$e"; done
done
set -- "$@" k=r
for n in $seen; do [ -n "$n" ] && [ -f "$r/$n/state.json" ] && set -- "$@" "$r/$n/state.json"; done
unset IFS
exec awk -v deep="$deep" '
function part(text, pattern) { return match(text, pattern) ? substr(text, RSTART, RLENGTH) : "" }
function number(name) { t = part($0, "\"" name "\":[0-9]+"); sub(/.*:/, "", t); return t }
function whole(file,  t, l) { t = ""; while ((getline l < file) > 0) t = t (t == "" ? "" : "\n") l; close(file); return t }
function lines(tag, file,  l) { while ((getline l < file) > 0) print tag " " l; close(file) }
function path(name,  t) { t = part(g, "\"" name "\":\"[^\"]*\""); sub(/^[^:]*:"/, "", t); sub(/"$/, "", t); return t }
function record(file, line) {
  $0 = line; n = file; sub("/state.json$", "", n); sub(".*/", "", n); print "r " n
  p = number("init_process_pid"); b = number("init_process_start")
  print "i " p " " b
  t = part($0, "\"created\":\"[^\"]*\""); if (t != "") print "t " substr(t, 12, length(t) - 12)
  t = part($0, "\"bundle=([^\"\\\\]|\\\\.)*\""); if (t != "") print "b " t
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
  if (deep == "") return
  if (path("cpuacct") != "") lines("U", path("cpuacct") "/cpuacct.usage"); else lines("V", v "/cpu.stat")
  if (path("memory") != "") { lines("M", path("memory") "/memory.usage_in_bytes"); lines("K", path("memory") "/memory.kmem.usage_in_bytes") }
  else lines("M", v "/memory.current")
  lines("D", "/proc/" p "/net/dev")
}
BEGIN {
  c0 = whole("/proc/self/status"); t = part(c0, "\nUid:[ \t]*[0-9]+"); sub(/.*[ \t]/, "", t); print "u " t
  t = part(c0, "\nCapBnd:[ \t]*[0-9a-f]+"); sub(/.*[ \t]/, "", t); print "k " t
  lines("m", "/etc/machine-id")
  # A file that has gone meanwhile is no reason to see nothing.
  for (j = 1; j < ARGC; j++) {
    f = ARGV[j]
    if (f == "k=r") { k = "r"; continue }
    if (k == "r") { if ((getline l < f) > 0) { close(f); record(f, l) } continue }
    c = 0
    while ((getline l < f) > 0) { if (c++ == 0) print "F " f; if (c <= 1000) print "L " l }
    close(f)
  }
}
' "$@" </dev/null
"#;

/// How long the look may take. It hangs only where a file system does.
const SURVEY_MS: u32 = 30_000;

/// The look as a command: at these cubes, or at all of them and all other containers.
pub fn survey_command(places: &Places, names: &[&str], deep: bool) -> Command {
    Command::new("sh")
        .args(["-c", SURVEY, "sh", &places.containers, &places.state, &places.records, if deep { "deep" } else { "" }])
        .args(names.iter().copied())
        .as_root()
        .limit_ms(SURVEY_MS)
}

/// The look as a probe.
pub fn survey(places: &Places, names: &[&str], deep: bool) -> Probe {
    Probe::run(survey_command(places, names, deep))
}
