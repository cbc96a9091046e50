//! ctys itself is killed, at many moments of a call: nothing of it lives on, here or on the hosts, and nothing it wrote
//! confuses the next call.

use crate::scene::{Call, Scene, files_below, listing, wait_until};

/// How many sockets and pipes a process has open: it grows as a call goes on.
fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count())
}

fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_call_that_is_killed_at_any_moment_leaves_nothing_and_the_next_one_is_well() {
    let scene = Scene::start(6);
    let hosts: Vec<&str> = scene.bed.hosts.iter().map(String::as_str).collect();
    // A silent host keeps a login under way for as long as the call lives.
    let all = [&hosts[..], &["silent"]].concat();
    for transport in ["ssh2", "openssh"] {
        // At so many open files, from the first connection until all hosts are logged in to.
        for open in [4, 8, 12, 16, 20] {
            scene.hold();
            let call = Call::start(scene.command(&[&listing(transport)[..], &all].concat()));
            let pid = call.pid();
            wait_until("it has files open", || open_files(pid) >= open || !is_alive(pid));
            call.kill();
            scene.go_on();
            scene.nothing_left();
        }
        // While every host is in the middle of the call.
        scene.hold();
        let call = Call::start(scene.command(&[&listing(transport)[..], &all].concat()));
        scene.wait_for_held(hosts.len());
        call.kill();
        scene.go_on();
        scene.nothing_left();
        let rows = scene.list(transport, &hosts).told(0, &[]);
        assert_eq!(rows.lines().collect::<Vec<_>>(), hosts, "{transport}");
        scene.nothing_left();
    }
}

#[test]
fn a_transcript_of_a_call_that_was_killed_is_read_line_by_line_or_refused_with_the_line() {
    let scene = Scene::start(3);
    let file = scene.bed.path("caller/log");
    let record = ["--record", file.to_str().unwrap()];
    let hosts = ["lab000", "lab001", "lab002"];
    scene.hold();
    let call = Call::start(scene.command(&[&record[..], &listing("ssh2"), &hosts].concat()));
    scene.wait_for_held(3);
    scene.go_on();
    wait_until("a line is written", || std::fs::read_to_string(&file).is_ok_and(|text| text.contains('\n')));
    call.kill();
    let text = std::fs::read_to_string(&file).unwrap();
    let whole = text.rsplit_once('\n').unwrap().0;
    // Whatever stands in the file: whole lines answer; half of one is named.
    for text in [whole.to_string() + "\n", whole[..whole.len() - 10].to_string()] {
        std::fs::write(&file, &text).unwrap();
        let told = whole.lines().any(|line| line.contains("\"target\":\"lab000\""));
        let ended = scene.ctys(&[&["--replay", record[1]][..], &listing("ssh2")[2..], &["lab000"]].concat());
        match text.ends_with('\n') {
            true if told => assert_eq!(ended.told(0, &[]), "lab000\n"),
            true => assert_eq!(ended.told(4, &[("lab000", "resolve: the transcript knows no such target")]), ""),
            false => assert!(ended.code == 2 && ended.stderr.contains("is no transcript"), "{ended:?}"),
        }
    }
    std::fs::remove_file(&file).unwrap();
    scene.nothing_left();
    assert_eq!(files_below(&scene.bed.path("caller")), [""; 0].map(std::path::PathBuf::from));
}
