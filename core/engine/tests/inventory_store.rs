//! The inventory on disk: found again by any name, whatever happens to the process or the disk while it is written.

use ctys_engine::store::{Build, ENUM, INDEX, MACMAP, Store};
use ctys_inventory::macmap::Entry;
use ctys_inventory::merge::{Answer, Mode};
use ctys_inventory::resolve::Wanted;
use ctys_inventory::{Key, Kind};
use ctys_model::MachineAddress;
use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Names the folder to write to, in the process that is killed.
const VICTIM: &str = "CTYS_TEST_INVENTORY_VICTIM";

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("ctys-store-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn store(&self) -> Store {
        Store::at(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn line(target: &str, label: &str) -> String {
    let mac = format!("00:50:56:{:02X}:{:02X}:{:02X}", label.len(), label.as_bytes()[label.len() - 1], target.len());
    format!("{target};XEN;{label};/x/{label}.conf;;{mac};{}", ";".repeat(40))
}

fn answer(target: &str, at: i64, labels: &[&str]) -> Answer {
    let lines = labels.iter().map(|label| line(target, label)).collect();
    Answer { target: target.into(), scope: "ALL".into(), at, lines, failed: None }
}

fn labels(store: &Store, label: &str) -> Vec<(String, i64)> {
    let view = store.view(Build::Write).unwrap();
    let address = MachineAddress { label: Some(label.into()), ..MachineAddress::default() };
    let machines = view.resolve(&Wanted { address, ..Wanted::default() }).unwrap();
    machines.into_iter().map(|machine| (machine.pm, machine.seen)).collect()
}

#[test]
fn what_is_written_is_found_by_every_name_and_knows_its_source_and_age() {
    let folder = Folder::new("names");
    let store = folder.store();
    assert_eq!(labels(&store, "tst100"), []);
    let written = store.merge(&[answer("lab00", 10, &["tst100", "tst101"])], Mode::Append).unwrap();
    assert_eq!((written.records, written.new), (2, 2));
    store.merge(&[answer("lab01", 20, &["tst100"])], Mode::Append).unwrap();
    assert_eq!(labels(&store, "tst100"), [("lab00".to_string(), 10), ("lab01".to_string(), 20)]);
    let mapped = Entry { name: "web".into(), mac: "00:50:56:06:31:05".into(), ip: "10.0.0.7".into() };
    store.write_macmap(&[mapped], Mode::Append).unwrap();
    let view = store.view(Build::Write).unwrap();
    for word in ["tst101", "00-50-56-06-31-05", "10.0.0.7", "WEB", "/x/tst101.conf"] {
        let (machines, _) = view.meaning(word).unwrap();
        assert!(machines.iter().any(|machine| machine.label == "tst101"), "{word}: {machines:?}");
    }
    let hits = view.find(&Key::new(Kind::Label, "tst101").unwrap()).unwrap();
    assert_eq!((view.target(hits[0].seen), hits[0].seen.at), ("lab00", 10));
}

#[test]
fn a_file_of_the_original_is_taken_as_it_is_and_an_edited_one_keeps_the_ages() {
    let folder = Folder::new("import");
    let store = folder.store();
    let text = format!("# by hand\n{}\nlab07;XEN;short\n{}", line("lab07", "b"), line("lab07", "a"));
    fs::write(store.path(ENUM), &text).unwrap();
    assert_eq!(labels(&store, "a").len(), 1);
    assert_eq!(fs::read_to_string(store.path(ENUM)).unwrap(), text);
    store.merge(&[answer("lab00", 10, &["c"])], Mode::Append).unwrap();
    let before = fs::read_to_string(store.path(ENUM)).unwrap();
    assert!(before.contains("# by hand\n") && before.contains("lab07;XEN;short\n"), "{before}");
    fs::write(store.path(ENUM), format!("{before}{}\n", line("lab09", "z"))).unwrap();
    assert_eq!(labels(&store, "c"), [("lab00".to_string(), 10)]);
    assert_eq!(labels(&store, "z")[0].0, "lab09");
    fs::remove_file(store.path(INDEX)).unwrap();
    assert_eq!(labels(&store, "c")[0].0, "lab00");
}

#[test]
fn a_damaged_index_is_built_anew() {
    let folder = Folder::new("damage");
    let store = folder.store();
    store.merge(&[answer("lab00", 10, &["tst100"])], Mode::Append).unwrap();
    for damage in [&b""[..], b"CTYSIDX1", b"nonsense nonsense"] {
        fs::write(store.path(INDEX), damage).unwrap();
        assert_eq!(labels(&store, "tst100").len(), 1);
    }
}

#[test]
fn two_writers_lose_nothing_of_each_other() {
    let folder = Folder::new("writers");
    let store = folder.store();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                for round in 0..10 {
                    let target = format!("lab{writer}-{round}");
                    store.merge(&[answer(&target, 1, &["x", "y"])], Mode::Append).unwrap();
                }
            });
        }
    });
    assert_eq!(labels(&store, "x").len(), 40);
    let mut count = 0;
    store
        .scan(|_, _| {
            count += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(count, 80);
}

/// Not a test of its own: the process that `a_writer_that_is_killed` kills.
#[test]
fn the_writer_that_is_killed() {
    let Some(folder) = std::env::var_os(VICTIM) else { return };
    let store = Store::at(PathBuf::from(folder));
    let many: Vec<String> = (0..400).map(|n| format!("vm{n:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for round in 0.. {
        store.merge(&[answer(&format!("new{round}"), 5, &many)], Mode::Append).unwrap();
        println!("round {round}");
    }
}

#[test]
fn a_writer_that_is_killed_loses_nothing_that_was_there() {
    let folder = Folder::new("kill");
    let store = folder.store();
    store.merge(&[answer("lab00", 10, &["tst100"])], Mode::Append).unwrap();
    for wanted in [0, 0, 1, 1, 2, 3, 5] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_writer_that_is_killed", "--nocapture"])
            .env(VICTIM, &folder.0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut last = None;
        for _ in 0..=wanted {
            last = lines.by_ref().find_map(|line| Some(line.split_once("round ")?.1.trim().to_string())).or(last);
        }
        // Somewhere inside of the write that follows.
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(labels(&store, "tst100"), [("lab00".to_string(), 10)]);
        let last = last.expect("the writer wrote");
        assert!(labels(&store, "vm399").contains(&(format!("new{last}"), 5)), "round {last} was told as written");
        // Every record of a state is whole, and what is found by name is what stands in the file.
        let mut count = 0;
        store
            .scan(|_, raw| {
                assert!(ctys_inventory::Line::parse(raw).is_some());
                count += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!((count - 1) % 400, 0);
        assert_eq!(labels(&store, "vm000").len(), (count - 1) / 400);
    }
}

#[test]
fn an_index_that_waits_in_front_of_its_place_is_taken() {
    let folder = Folder::new("adopt");
    let store = folder.store();
    store.merge(&[answer("lab00", 10, &["a"])], Mode::Append).unwrap();
    let old = fs::read(store.path(INDEX)).unwrap();
    store.merge(&[answer("lab01", 20, &["a"])], Mode::Append).unwrap();
    // As if the process had ended between the two renames.
    fs::rename(store.path(INDEX), store.path("inventory.idx.new")).unwrap();
    fs::write(store.path(INDEX), old).unwrap();
    assert_eq!(labels(&store, "a"), [("lab00".to_string(), 10), ("lab01".to_string(), 20)]);
    assert!(!store.path("inventory.idx.new").exists());
}

/// Not a test of its own: a writer whose files may not grow.
#[test]
fn the_writer_without_space() {
    let Some(folder) = std::env::var_os("CTYS_TEST_INVENTORY_FULL") else { return };
    let many: Vec<String> = (0..2000).map(|n| format!("vm{n:04}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let problem = Store::at(PathBuf::from(folder)).merge(&[answer("big", 5, &many)], Mode::Replace).unwrap_err();
    println!("said: {}", problem.message);
}

#[test]
fn a_disk_without_space_leaves_everything_as_it_was() {
    let folder = Folder::new("full");
    let store = folder.store();
    store.merge(&[answer("lab00", 10, &["tst100"])], Mode::Append).unwrap();
    store
        .write_macmap(&[Entry { name: "a".into(), mac: "00:50:56:00:00:01".into(), ..Entry::default() }], Mode::Append)
        .unwrap();
    let state = || [ENUM, MACMAP, INDEX].map(|name| fs::read(store.path(name)).unwrap());
    let before = state();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_writer_without_space", "--nocapture"]).env("CTYS_TEST_INVENTORY_FULL", &folder.0);
    // SAFETY: both calls only change this new process.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit { rlim_cur: 8192, rlim_max: 8192 };
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            libc::setrlimit(libc::RLIMIT_FSIZE, &limit);
            Ok(())
        });
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("said: cannot write the inventory"), "{text}");
    assert_eq!(state(), before);
    assert!(!store.path("enum.fdb.new").exists());
}
