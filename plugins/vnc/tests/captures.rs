//! Recorded processes in, servers and viewers out.

use ctys_plugin::model::{Bytes, Process};
use ctys_vnc::desktops::Desktops;

#[test]
fn the_processes_of_tigervnc() {
    let text = include_str!("../captures/processes-tigervnc-1.12.txt");
    let process =
        |line: &str| Process { args: line.split('|').map(Bytes::from).collect(), exact: true, ..Process::default() };
    let desktops = Desktops::read(&text.lines().map(process).collect::<Vec<_>>());
    let servers: Vec<_> = desktops.servers.iter().map(|s| (s.label.as_str(), s.display, s.port)).collect();
    let expected =
        [("tst100", Some(1), Some(5901)), ("two words", Some(7), Some(5999)), ("vm:80 (root)", Some(80), Some(5980))];
    assert_eq!(servers, expected);
    // One that was started by hand has the label of the server it shows; one of ours bears its own.
    let viewers: Vec<_> = desktops.viewers.iter().map(|v| (desktops.label(v), v.display())).collect();
    assert_eq!(viewers, [("tst100".to_string(), Some(1)), ("tst100".to_string(), Some(50))]);
}
