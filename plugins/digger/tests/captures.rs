//! Recorded processes in, tunnels out.

use ctys_digger::parse::keeper;
use ctys_plugin::model::{Bytes, Process};

#[test]
fn the_processes_that_keep_tunnels() {
    let text = include_str!("../captures/processes.txt");
    let process = |line: &str| Process { args: line.split('|').map(Bytes::from).collect(), ..Process::default() };
    let found = text.lines().filter_map(|line| keeper::read(&process(line)));
    let tunnels: Vec<String> =
        found.map(|t| format!("{} SSH({}) {} {}", t.label, t.behind, t.id(), t.target)).collect();
    // The last one has no port yet.
    assert_eq!(tunnels, ["tst 100 SSH(XEN) 5950-2222 lab", "tst100 SSH(VNC) 5951-5901 lab"]);
}
