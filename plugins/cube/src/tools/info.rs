//! `cube-ctl info NAME` in the layout of lxc-info, as the users of OverC know it:
//!
//! ```text
//! Name:           cube-server
//! State:          RUNNING
//! PID:            3896
//! IP:             10.0.2.18
//! CPU use:        0.50 seconds
//! Memory use:     7.71 MiB
//! KMem use:       0 bytes
//! Link:           vethO5HPB1
//!  TX bytes:      243.02 KiB
//!  RX bytes:      423.81 KiB
//!  Total bytes:   666.83 KiB
//! ```

use super::ctl::{misuse, unknown};
use super::options::Options;
use crate::cube::Cube;
use crate::flow::{Flow, Stop};
use crate::parse::survey::State;
use crate::probes::Depth;
use crate::work::checked;
use ctys_plugin::json::{Value, json};

/// The lines, or JSON.
pub fn run(flow: &mut Flow<'_>, options: &Options, name: Option<&str>) -> Result<(), Stop> {
    let Some(name) = name else {
        return misuse(flow, "[ERROR]: provide a container name to see detailed information");
    };
    let name = checked(flow, name)?;
    let survey = flow.look(&[name], Depth::Deep)?;
    let Some(cube) = Cube::named(&survey, name).filter(|cube| cube.folder.is_some()) else {
        return unknown(flow, &format!("ERROR: container {name} is not known"));
    };
    if options.json {
        flow.say(value(&cube).to_string());
    } else {
        lines(&cube).into_iter().for_each(|line| flow.say(line));
    }
    Ok(())
}

/// The word of lxc-info.
fn state(cube: &Cube<'_>) -> &'static str {
    match cube.state() {
        Some(State::Running) => "RUNNING",
        Some(State::Paused) => "FROZEN",
        Some(State::Created) => "STARTING",
        Some(State::Stopped) | None => "STOPPED",
    }
}

/// The interfaces with the names they have outside: name, received, sent, as the cube counts them.
fn links<'a>(cube: &Cube<'a>) -> Vec<(&'a str, u64, u64)> {
    let Some(record) = cube.record.filter(|record| !record.shares_network) else { return Vec::new() };
    let outside: Vec<&str> = cube.lines(".cube.veth").collect();
    let named = |(n, (inside, received, sent)): (usize, &'a (String, u64, u64))| {
        (outside.get(n).copied().unwrap_or(inside.as_str()), *received, *sent)
    };
    record.links.iter().enumerate().map(named).collect()
}

fn lines(cube: &Cube<'_>) -> Vec<String> {
    let line = |label: &str, value: &str| format!("{label:<15} {value}");
    let mut all = vec![line("Name:", cube.name), line("State:", state(cube))];
    let Some(record) = cube.record.filter(|_| cube.is_alive()) else { return all };
    all.push(line("PID:", &record.pid.to_string()));
    all.extend(cube.addresses().iter().map(|address| line("IP:", address)));
    all.extend(record.cpu_ns.map(|ns| line("CPU use:", &format!("{:.2} seconds", ns as f64 / 1e9))));
    all.extend(record.memory.map(|bytes| line("Memory use:", &size(bytes))));
    all.extend(record.kernel_memory.map(|bytes| line("KMem use:", &size(bytes))));
    for (name, received, sent) in links(cube) {
        all.push(line("Link:", name));
        all.push(line(" TX bytes:", &size(sent)));
        all.push(line(" RX bytes:", &size(received)));
        all.push(line(" Total bytes:", &size(sent.saturating_add(received))));
    }
    all
}

/// `1023 bytes`, `1.00 KiB`.
fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, power)| bytes >> power > 0) {
        Some((unit, power)) => format!("{:.2} {unit}", bytes as f64 / (1u64 << power) as f64),
        None => format!("{bytes} bytes"),
    }
}

fn value(cube: &Cube<'_>) -> Value {
    let record = cube.record.filter(|_| cube.is_alive());
    let links: Vec<Value> = record.map_or(Vec::new(), |_| {
        links(cube).iter().map(|(name, rx, tx)| json!({ "name": name, "rx_bytes": rx, "tx_bytes": tx })).collect()
    });
    json!({
        "name": cube.name,
        "state": state(cube),
        "pid": record.map(|record| record.pid),
        "addresses": cube.addresses(),
        "cpu_ns": record.and_then(|record| record.cpu_ns),
        "memory_bytes": record.and_then(|record| record.memory),
        "kernel_memory_bytes": record.and_then(|record| record.kernel_memory),
        "links": links,
    })
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_binary_with_two_decimals() {
        let check = |bytes: u64, want: &str| assert_eq!(size(bytes), want);
        check(0, "0 bytes");
        check(1023, "1023 bytes");
        check(1024, "1.00 KiB");
        check(8_084_520, "7.71 MiB");
        check(u64::MAX, "17179869184.00 GiB");
    }
}
