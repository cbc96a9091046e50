//! The inventory with 100,000 records, side by side with grep; ENUMERATE over 20,000 files, side by side with find.
//!
//!     cargo bench -p ctys --features real --bench inventory
//!
//! The aims: a resolve by any key 5 ms of process time; a query 3 times `grep -E` on the same file; a rebuild of the index
//! 2 s; below 100 MB; ENUMERATE twice the time of `find` over the same tree.
//!
//! Environment: `CTYS_BENCH_RECORDS` (default 100000; 0 leaves them out), `CTYS_BENCH_FILES` (default 20000), `CTYS_BENCH_ROUNDS` (default 15).

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    peak_kib: i64,
}

fn main() {
    let number = |name: &str, usual: usize| {
        std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    let (records, files) = (number("CTYS_BENCH_RECORDS", 100_000), number("CTYS_BENCH_FILES", 20_000));
    let rounds = number("CTYS_BENCH_ROUNDS", 15);
    let home = std::env::temp_dir().join(format!("ctys-bench-{}", std::process::id()));
    fs::create_dir_all(home.join(".ctys/db/default")).unwrap();
    println!("{records} records, medians of {rounds} rounds; processor time is user and system");
    if records > 0 {
        inventory(&home, records, rounds);
    }
    println!("\n{files} files, a tenth of them configurations of machines");
    enumerate(&home, files, rounds);
    fs::remove_dir_all(&home).unwrap();
}

/// `ctys-vhost` and its kin, in this home.
fn tool(home: &Path, name: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
    command.arg0(name).args(words).env("HOME", home);
    // The plugins of this build lie beside the test programs.
    command.env("CTYS_PLUGIN_PATH", std::env::current_exe().unwrap().parent().unwrap());
    command
}

fn inventory(home: &Path, records: usize, rounds: usize) {
    let file = home.join(".ctys/db/default/enum.fdb");
    let mut text = String::new();
    let mut macmap = String::new();
    for n in 0..records {
        let (high, low) = (n / 256 % 256, n % 256);
        let mac = format!("00:50:56:{:02X}:{high:02X}:{low:02X}", n / 65_536);
        let _ = writeln!(
            text,
            "lab{:04}.soho;XEN;vm{n:06};/srv/vmpool/xen/vm{n:06}/vm{n:06}.conf;{:032x};{mac};10.{}.{high}.{low};;;;;Debian;12;\
             Linux;6.1.0;1.0;20260101;VM;ACTIVE;Xen_4.17;;;;;;;22;vm{n:06}.soho.;;PARA;;;eth0;0.1;255.255.255.0;10.0.0.1;;\
             x86_64;Xen;4096;2;;rack {};acue;lab;;CLI",
            n / 50,
            (n as u128 + 1) * 0x9e37_79b9_7f4a_7c15_f39c_c060,
            n / 65_536,
            n % 40
        );
        let _ = writeln!(macmap, "vm{n:06};{mac};10.{}.{high}.{low}", n / 65_536);
    }
    fs::write(&file, &text).unwrap();
    fs::write(file.with_file_name("macmap.fdb"), &macmap).unwrap();
    drop(macmap);
    println!("  enum.fdb has {:.1} MB", text.len() as f64 / 1e6);
    let line = text.lines().nth(records * 7 / 9).unwrap().to_string();
    // A child's peak counts what it inherits.
    drop(text);
    let vhost = |words: &[&str]| tool(home, "ctys-vhost", words);
    let built: Vec<Cost> = (0..rounds.min(5)).map(|_| run(&mut vhost(&["-C", "REBUILDCACHE"]))).collect();
    show("rebuild of the index", median(&built), None, "aim 2 s");
    let fields: Vec<&str> = line.split(';').collect();
    for (what, key) in [
        ("label", format!("l:{}", fields[2])),
        ("path", format!("p:{}", fields[3])),
        ("uuid", format!("u:{}", fields[4])),
        ("MAC", format!("m:{}", fields[5])),
        ("address", format!("t:{}", fields[6])),
        ("any name", fields[2].to_string()),
        ("record number", format!("dr:{}", records / 2)),
    ] {
        let costs: Vec<Cost> = (0..rounds).map(|_| run(&mut vhost(&["-o", "machine", "-A", &key]))).collect();
        show(&format!("resolve by {what}"), median(&costs), None, "aim 5 ms of processor");
    }
    for (what, pattern) in [("rare", "vm09999[0-9];"), ("common", "lab0[0-9]+.soho;XEN;vm.*77;"), ("every one", "XEN")]
    {
        let mut grep = Command::new("grep");
        grep.args(["-E", pattern]).arg(&file);
        let theirs = median(&(0..rounds).map(|_| run(&mut grep)).collect::<Vec<_>>());
        let ours: Vec<Cost> = (0..rounds).map(|_| run(&mut vhost(&["-o", "machine", "-s", pattern]))).collect();
        show(&format!("grep -E, {what}"), theirs, None, "");
        show(&format!("ctys-vhost -o machine, {what}"), median(&ours), Some(theirs), "aim 3 times grep");
        let table: Vec<Cost> = (0..rounds.min(5)).map(|_| run(&mut vhost(&["-s", pattern]))).collect();
        show(&format!("ctys-vhost as a table, {what}"), median(&table), Some(theirs), "");
    }
}

fn enumerate(home: &Path, files: usize, rounds: usize) {
    let pool = home.join("pool");
    for n in 0..files {
        let folder = pool.join(format!("{:03}/m{:05}", n / 200, n / 10));
        fs::create_dir_all(&folder).unwrap();
        let conf = format!(
            "#@#MAGICID-XEN\n#@#IP0 = \"10.0.{}.{}\"\nname = \"m{n:05}\"\nmemory = 512\nvcpus = 1\nuuid = \"{n:032x}\"\n\
             vif = [ 'mac=00:50:56:00:{:02x}:{:02x}' ]\ndisk = [ 'x' ]\n",
            n / 2560 % 256,
            n / 10 % 256,
            n / 2560 % 256,
            n / 10 % 256
        );
        let (name, text) =
            if n % 10 == 0 { (format!("m{:05}.conf", n / 10), conf) } else { (format!("disk{n}.img"), "x".repeat(64)) };
        fs::write(folder.join(name), text).unwrap();
    }
    let list = |words: &str| {
        let call = format!("enumerate={words},matchvstat:all,b:{}", pool.display());
        tool(home, "ctys", &["-t", "xen", "-a", &call, "-c", "off"])
    };
    let mut find = Command::new("find");
    find.arg(&pool).args(["-type", "f"]);
    let mut cat = Command::new("find");
    cat.arg(&pool).args(["-type", "f", "-name", "*.conf", "-exec", "cat", "{}", "+"]);
    // `machine` has the names of all addresses as well, which takes as long as the resolver does.
    let records = list("machine").output().unwrap().stdout.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(records, files.div_ceil(10), "each configuration is a record");
    let mut calls = [
        ("find -type f", find, ""),
        ("ctys -a enumerate", list("type,label,id"), "aim twice find"),
        ("find -name *.conf, and cat", cat, ""),
        ("the same, all fields as csv", list("csv"), ""),
        ("the same, machine, with names", list("machine"), ""),
    ];
    let mut costs = [const { Vec::new() }; 5];
    // In turn, so that whatever else the machine does hits all of them alike.
    for _ in 0..rounds {
        for ((_, call, _), costs) in calls.iter_mut().zip(&mut costs) {
            costs.push(run(call));
        }
    }
    let finds = costs[0].clone();
    // Beside the find of the same round, since the machine is not equally fast in all of them.
    let beside = |costs: &[Cost], part: fn(&Cost) -> f64| {
        middle(costs.iter().zip(&finds).map(|(cost, find)| part(cost) / part(find)).collect())
    };
    for ((what, _, aim), costs) in calls.iter().zip(&costs) {
        let (wall, cpu) = (beside(costs, |cost| cost.wall), beside(costs, |cost| cost.cpu));
        let cost = median(costs);
        // As if find had taken what makes these ratios.
        show(what, cost, Some(Cost { wall: cost.wall / wall, cpu: cost.cpu / cpu, ..cost }), aim);
    }
}

fn show(what: &str, cost: Cost, other: Option<Cost>, aim: &str) {
    let ratio = other.map_or(String::new(), |other| {
        format!("{:5.2} x wall, {:5.2} x cpu  ", cost.wall / other.wall, cost.cpu / other.cpu)
    });
    println!(
        "  {what:<36} {:8.1} ms wall {:8.1} ms cpu {:6.1} MB  {ratio}{aim}",
        cost.wall * 1e3,
        cost.cpu * 1e3,
        cost.peak_kib as f64 / 1024.0
    );
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn median(costs: &[Cost]) -> Cost {
    Cost {
        wall: middle(costs.iter().map(|cost| cost.wall).collect()),
        cpu: middle(costs.iter().map(|cost| cost.cpu).collect()),
        peak_kib: costs.iter().map(|cost| cost.peak_kib).max().unwrap_or(0),
    }
}

/// Runs a command to its end; the account of the operating system covers it and all its children.
#[allow(clippy::zombie_processes, reason = "wait4 below waits for it, and takes its account as well")]
fn run(command: &mut Command) -> Cost {
    let program = command.get_program().to_string_lossy().into_owned();
    let start = Instant::now();
    // A pipe: grep ends at its first match when it sees that nobody reads its output.
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    let mut output = child.stdout.take().unwrap();
    let mut block = vec![0; 1 << 16];
    while output.read(&mut block).unwrap() > 0 {}
    let mut status = 0;
    // SAFETY: rusage is plain integers; wait4 fills both for a child that is ours and not yet waited for.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::wait4(child.id() as i32, &mut status, 0, &mut usage), child.id() as i32);
        usage
    };
    let wall = start.elapsed().as_secs_f64();
    assert_eq!(status, 0, "{program} failed");
    let seconds = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000).as_secs_f64();
    Cost { wall, cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime), peak_kib: usage.ru_maxrss }
}
