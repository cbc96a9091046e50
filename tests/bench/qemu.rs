//! LIST of a host with fifty machines over the real sshd, beside a LIST of the same host by the PM plugin alone.
//!
//!     cargo bench -p ctys --features real --bench qemu
//!
//! Needs root, `qemu-system-x86`, `openssh-server`. `CTYS_BENCH_ROUNDS` (default 15) listings of each, in turn.

#[path = "../bed/mod.rs"]
mod bed;
#[path = "../qemu/host.rs"]
mod host;
#[path = "../sealed/mod.rs"]
mod sealed;

use host::{Lab, crowd};
use std::time::Instant;

fn main() {
    let rounds: usize = std::env::var("CTYS_BENCH_ROUNDS").map_or(15, |text| text.parse().expect("a number of rounds"));
    let lab = Lab::start(&["lab00"]);
    crowd(&lab, 50);
    let calls: [(&str, &[&str], usize); 3] = [
        ("-t pm -a list", &["-t", "pm", "-a", "list", "lab00"], 0),
        ("-t qemu -a list, 50 machines", &["-t", "qemu", "-a", "list", "lab00"], 50),
        ("-a list, all plugins, 50 machines", &["-a", "list", "lab00"], 50),
    ];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..=rounds {
        for ((_, words, count), times) in calls.iter().zip(&mut times) {
            let began = Instant::now();
            let said = lab.ctys(words).ok();
            times.push(began.elapsed().as_secs_f64() * 1e3);
            assert_eq!(said.matches("crowd").count(), *count, "{said}");
        }
    }
    println!("one host over a loopback ssh, {rounds} rounds: median ms");
    let mut first = None;
    for ((what, ..), mut times) in calls.into_iter().zip(times) {
        // The first of each warms up.
        times.remove(0);
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!("  {what:<36} {median:7.1}  x {:.2}", median / *first.get_or_insert(median));
    }
}
