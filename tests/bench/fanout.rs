//! LIST over many hosts, side by side with clush and pdsh, in one run on one machine.
//!
//!     cargo bench -p ctys --features real --bench fanout
//!
//! All hosts are real sshd instances on loopback addresses (see `tests/bed`), so the servers' share of the time is the same
//! for everybody; what differs is the client. clush and pdsh run `uname -n`, once with OpenSSH's defaults and once
//! with the key exchange forced to curve25519, which is what libssh2 uses. ctys runs a whole LIST.
//!
//! Environment: `CTYS_BENCH_HOSTS` (default `20 100 500`), `CTYS_BENCH_ROUNDS` (default 3; sizes over 200 run once with
//! OpenSSH's defaults, which take minutes). Needs `clustershell`, `pdsh` and `openssh-server`.

#[path = "../bed/mod.rs"]
mod bed;

use bed::Bed;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    /// What the rest of the machine burnt meanwhile: the servers, when nothing else runs.
    rest: f64,
    peak_kib: i64,
}

fn main() {
    let sizes = setting("CTYS_BENCH_HOSTS", "20 100 500");
    let rounds: usize = setting("CTYS_BENCH_ROUNDS", "3").parse().expect("a number of rounds");
    start_up();
    for size in sizes.split_whitespace() {
        let size: usize = size.parse().expect("a number of hosts");
        fan_out(size, rounds);
    }
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_string())
}

fn ctys() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
    // The plugins of this build lie beside the test programs.
    command.env("CTYS_PLUGIN_PATH", std::env::current_exe().unwrap().parent().unwrap());
    command
}

fn start_up() {
    println!("start-up, 30 runs each: median wall ms (user+sys ms)");
    for (what, words) in [("ctys --version", &["--version"][..]), ("ctys -a list (this machine)", &["-a", "list"])] {
        let mut costs: Vec<Cost> = (0..30).map(|_| run(ctys().args(words))).collect();
        costs.sort_by(|a, b| a.wall.total_cmp(&b.wall));
        let median = costs[costs.len() / 2];
        println!("  {what:<30} {:6.1}  ({:.1})", median.wall * 1e3, median.cpu * 1e3);
    }
    println!();
}

fn fan_out(size: usize, rounds: usize) {
    let bed = Bed::start(size);
    let all = format!("lab[000-{:03}]", size - 1);
    let config = bed.config.display().to_string();
    let curve = "-o KexAlgorithms=curve25519-sha256";
    let pdsh = |more: &str| {
        let mut command = Command::new("pdsh");
        command.args(["-R", "ssh", "-w", &all, "uname", "-n"]);
        command.env("PDSH_SSH_ARGS_APPEND", format!("-F {config} {more}"));
        command
    };
    let clush = |more: &str| {
        let mut command = Command::new("clush");
        command.args(["-q", "-w", &all, "-o", &format!("-F {config} {more}"), "uname", "-n"]);
        command
    };
    let ours = || {
        let mut command = ctys();
        command.args(["-a", "list", "--ssh-config", &config]).args(&bed.hosts);
        command
    };
    let mut tools: Vec<(&str, Vec<Cost>)> = Vec::new();
    for round in 0..rounds {
        let mut note = |name: &'static str, cost: Cost| match tools.iter_mut().find(|(known, _)| *known == name) {
            Some((_, costs)) => costs.push(cost),
            None => tools.push((name, vec![cost])),
        };
        note("ctys -a list", run(&mut ours()));
        note("pdsh, curve25519", run(&mut pdsh(curve)));
        note("clush, curve25519", run(&mut clush(curve)));
        if size <= 200 || round == 0 {
            note("pdsh, defaults", run(&mut pdsh("")));
            note("clush, defaults", run(&mut clush("")));
        }
    }
    let ours = median(&tools[0].1);
    println!("{size} hosts, {rounds} rounds, medians");
    println!(
        "  {:<20} {:>8} {:>9} {:>15} {:>15} {:>9}",
        "", "wall s", "x ours", "client ms/host", "servers ms/host", "peak MiB"
    );
    for (name, costs) in &tools {
        let cost = median(costs);
        println!(
            "  {name:<20} {:>8.2} {:>9.2} {:>15.2} {:>15.2} {:>9.1}",
            cost.wall,
            cost.wall / ours.wall,
            cost.cpu * 1e3 / size as f64,
            cost.rest * 1e3 / size as f64,
            cost.peak_kib as f64 / 1024.0
        );
    }
    // Client and servers share the processors here: even a client that costs nothing waits for the servers, and one that asks
    // what costs them nothing waits for both.
    let least = |value: fn(&Cost) -> f64, of: &str| {
        tools
            .iter()
            .filter(|(name, _)| name.ends_with(of))
            .map(|(_, costs)| value(&median(costs)))
            .fold(f64::INFINITY, f64::min)
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let logins = least(|cost| cost.rest, "") / cores;
    println!(
        "  the servers' own time on {cores} processors, for the least that any of these asks: {logins:.2} s; with our client's: {:.2} s;\n  \
         an eighth of the faster one with its defaults: {:.2} s",
        logins + ours.cpu / cores,
        least(|cost| cost.wall, "defaults") / 8.0
    );
    println!();
}

fn median(costs: &[Cost]) -> Cost {
    let mut costs = costs.to_vec();
    costs.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    costs[costs.len() / 2]
}

/// Runs a command to its end; the account of the operating system covers it and all its children.
#[allow(clippy::zombie_processes, reason = "wait4 below waits for it, and takes its account as well")]
fn run(command: &mut Command) -> Cost {
    let program = command.get_program().to_string_lossy().into_owned();
    let (start, busy) = (Instant::now(), busy_seconds());
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn();
    let child = child.unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    let mut status = 0;
    // SAFETY: rusage is plain integers; wait4 fills both for a child that is ours and not yet waited for.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::wait4(child.id() as i32, &mut status, 0, &mut usage), child.id() as i32);
        usage
    };
    assert_eq!(status, 0, "{program} failed");
    let seconds = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000).as_secs_f64();
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    Cost {
        wall: start.elapsed().as_secs_f64(),
        cpu,
        rest: (busy_seconds() - busy - cpu).max(0.0),
        peak_kib: usage.ru_maxrss,
    }
}

/// Processor time of the whole machine since its start, from `/proc/stat`, in seconds:
///
/// ```text
/// cpu  123456 0 65432 9876543 ...      user nice system idle, in hundredths
/// ```
fn busy_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap();
    let numbers: Vec<f64> = text.split_whitespace().skip(1).take(3).map(|word| word.parse().unwrap()).collect();
    numbers.iter().sum::<f64>() / 100.0
}
