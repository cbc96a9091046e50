//! What cubes cost beside the bare runtime, in one run on one machine.
//!
//!     cargo bench -p ctys --features real --bench cube
//!
//! * `cube-ctl start` of a cube with a network, beside a shell script with `runc create`, the ip commands that make the same
//!   network, and `runc start`. Rounds are interleaved; both start the same container on the same segment, which is there.
//! * `cube-ctl list` with 100 cubes at work, beside `runc list`.
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
    report("start of a cube with a network", "cube-ctl start", &mut with, "runc and ip in a script", &mut without);
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
    report(&format!("list of {cubes} cubes at work"), "cube-ctl list", &mut with, "runc list", &mut without);
}

/// Milliseconds from the call to its end.
fn time(command: &mut Command) -> f64 {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let begun = Instant::now();
    let status = command.status().unwrap();
    let took = begun.elapsed().as_secs_f64() * 1e3;
    assert!(status.success(), "{command:?}");
    took
}

fn report(what: &str, ours: &str, with: &mut [f64], bare: &str, without: &mut [f64]) {
    with.sort_by(f64::total_cmp);
    without.sort_by(f64::total_cmp);
    let (with, without) = (with[with.len() / 2], without[without.len() / 2]);
    println!("{what}, medians");
    println!("  {ours:<26} {with:8.1} ms");
    println!("  {bare:<26} {without:8.1} ms");
    println!("  ratio                      {:8.2}", with / without);
}
