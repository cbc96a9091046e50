//! What cubes cost beside the bare runtime, in one run on one machine.
//!
//!     cargo bench -p ctys --features real --bench cube
//!
//! * `cube-ctl start` of a cube with a network, beside a shell script with `runc create`, the ip commands that make the same
//!   network, and `runc start`. Rounds are interleaved; both start the same container on the same segment, which is there.
//! * `cube-ctl list` with 100 cubes at work, beside `runc list`.
//!
//! The medians of the wall time, and of the processor time of all programs that were waited for, which other work on the machine
//! changes less.
//!
//! Environment: `CTYS_BENCH_ROUNDS` (default 30), `CTYS_BENCH_CUBES` (default 100). Needs root and what the cube tests need.

#[path = "../cube/bed.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod bed;
#[path = "../sealed/mod.rs"]
mod sealed;

use bed::Bed;
use std::process::{Command, Stdio};
use std::time::Instant;

/// `$1` records, `$2` bundle, `$3` name, `$4` namespace of the segment, `$5` hardware address, `$6` address.
const BARE: &str = r#"
runc --root "$1" create --bundle "$2" --pid-file "$2/.cube.pid" "$3" </dev/null >/dev/null 2>&1 || exit 1
read -r pid <"$2/.cube.pid" || [ -n "$pid" ] || exit 1
ip link add name "$3" netns "$4" type veth peer name "$3" netns "$pid" address "$5" || exit 1
ip -n "$4" link set dev "$3" master br-int up || exit 1
printf 'link set dev lo up\nlink set dev %s up\naddr add %s dev %s\nroute add default via 192.168.42.1\n' "$3" "$6" "$3" |
nsenter -t "$pid" -n ip -batch - || exit 1
runc --root "$1" start "$3" </dev/null >/dev/null 2>&1
"#;

fn main() {
    let rounds: usize = setting("CTYS_BENCH_ROUNDS", 30);
    start(rounds);
    list(setting("CTYS_BENCH_CUBES", 100), rounds);
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn start(rounds: usize) {
    let bed = Bed::with_network();
    let (host, segment) = bed.networks.clone().unwrap();
    bed.cube("web", "/bin/sleep 1000");
    bed.cube("other", "/bin/sleep 1000");
    // The segment and all files are there, and another cube has its daemons at work.
    for name in ["web", "other"] {
        bed.ctl(["start", name]).silent();
    }
    bed.ctl(["stop", "web"]).silent();
    let lease = std::fs::read_to_string(bed.file("web", ".cube.lease")).unwrap();
    let bare = || {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{host}")).args(["sh", "-c", BARE, "sh"]);
        command.arg(bed.folder.join("records")).arg(bed.containers().join("web"));
        command.args(["web", &segment, "02:00:00:00:00:01", &format!("{}/24", lease.trim())]);
        command
    };
    let ours = || {
        let mut command = bed.command("cube-ctl");
        command.args(["start", "web"]);
        command
    };
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..rounds * 2 {
        let (times, mut command) = if round % 2 == 0 { (&mut without, bare()) } else { (&mut with, ours()) };
        times.push(time(&mut command));
        bed.ctl(["stop", "web"]).silent();
    }
    report("start of a cube with a network", "cube-ctl start", &with, "runc and ip in a script", &without);
}

fn list(cubes: usize, rounds: usize) {
    let bed = Bed::new();
    for number in 0..cubes {
        let name = format!("cube{number:03}");
        bed.cube(&name, "/bin/sleep 1000");
        bed.ctl(["start", &name]).silent();
    }
    let bare = || {
        let mut command = Command::new("runc");
        command.arg("--root").arg(bed.folder.join("records")).arg("list");
        command
    };
    let ours = || {
        let mut command = bed.command("cube-ctl");
        command.arg("list");
        command
    };
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..rounds * 2 {
        let (times, mut command) = if round % 2 == 0 { (&mut without, bare()) } else { (&mut with, ours()) };
        times.push(time(&mut command));
    }
    report(&format!("list of {cubes} cubes at work"), "cube-ctl list", &with, "runc list", &without);
}

/// Milliseconds from the call to its end, and of the processors meanwhile.
fn time(command: &mut Command) -> (f64, f64) {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (begun, used) = (Instant::now(), used());
    let status = command.status().unwrap();
    let took = (begun.elapsed().as_secs_f64() * 1e3, self::used() - used);
    assert!(status.success(), "{command:?}");
    took
}

/// Processor time of all children that were waited for, and of theirs, in milliseconds.
fn used() -> f64 {
    // SAFETY: rusage is plain integers, which the call fills.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let milliseconds = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)
}

fn report(what: &str, ours: &str, with: &[(f64, f64)], bare: &str, without: &[(f64, f64)]) {
    let median = |times: &[(f64, f64)], part: fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = times.iter().map(part).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let both = |times: &[(f64, f64)]| (median(times, |time| time.0), median(times, |time| time.1));
    let (with, without) = (both(with), both(without));
    println!("{what}, medians: wall ms, processor ms");
    println!("  {ours:<26} {:8.1} {:8.1}", with.0, with.1);
    println!("  {bare:<26} {:8.1} {:8.1}", without.0, without.1);
    println!("  ratio                      {:8.2} {:8.2}", with.0 / without.0, with.1 / without.1);
}
