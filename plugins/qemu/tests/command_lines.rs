//! Command lines from the wild and what is read from them, one file each: `captures/cmdline-*.txt` with one argument per
//! line, `tests/facts/*.txt` with the facts.
//!
//! `UPDATE_FACTS=1 cargo test -p ctys-qemu` writes the facts anew. Read the diff very carefully before you keep it.

#![allow(clippy::disallowed_methods, reason = "the captures are files, and one switch rewrites what is read from them")]

use ctys_plugin::model::Bytes;
use ctys_qemu::owner;
use ctys_qemu::parse::command_line::CommandLine;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The captures by name, with their arguments.
fn captures() -> Vec<(String, Vec<Bytes>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder("captures")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_prefix("cmdline-").and_then(|name| name.strip_suffix(".txt")) else { continue };
        let text = fs::read_to_string(folder("captures").join(&name)).unwrap();
        // The first line tells where it comes from.
        all.push((stem.to_string(), text.lines().skip(1).map(Bytes::from).collect()));
    }
    all.sort();
    all
}

fn facts(line: &CommandLine) -> String {
    let mut out = String::new();
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(out, "{name:<12} {value}");
        }
    };
    if line.is_xens() {
        return "a machine of Xen's\n".into();
    }
    if line.is_a_question() {
        return "no machine, a question\n".into();
    }
    let text = |text: Option<&str>| text.map(str::to_string);
    fact("name", text(line.name()));
    fact("uuid", line.uuid());
    fact("owner", text(owner::of(line)));
    fact("arch", text(line.arch()));
    fact("accelerator", line.accelerator().map(|word| word.into_owned()));
    fact("board", text(line.board()));
    fact("memory", line.memory().map(|mib| format!("{mib} MiB")));
    fact("processors", line.processors().map(|n| n.to_string()));
    for card in line.cards() {
        let (name, mac) = (card.name.unwrap_or("-".into()), card.mac.unwrap_or("-".into()));
        fact("card", Some(format!("{name} {mac}")));
    }
    for rule in line.forwards() {
        fact("forward", text(Some(rule)));
    }
    fact("vnc", line.vnc().map(|vnc| format!("{vnc:?}")));
    fact("spice", line.spice());
    for socket in line.qmp_sockets() {
        fact("qmp", Some(socket));
    }
    fact(
        "serial",
        line.serial().map(|serial| format!("{} socket {:?} log {:?}", serial.shown, serial.socket, serial.log)),
    );
    fact("image", text(line.image()));
    out
}

#[test]
fn facts_of_command_lines_from_the_wild() {
    let captures = captures();
    assert!(captures.len() >= 30, "only {} captures", captures.len());
    let update = std::env::var_os("UPDATE_FACTS").is_some();
    let mut wrong = Vec::new();
    for (name, args) in &captures {
        let path = folder("tests/facts").join(format!("{name}.txt"));
        let got = facts(&CommandLine::parse(args, true));
        if update {
            fs::write(&path, &got).unwrap();
        }
        let want = fs::read_to_string(&path).unwrap_or_default();
        if got != want {
            wrong.push(format!("==== {name}\n---- expected\n{want}---- got\n{got}"));
        }
    }
    for entry in fs::read_dir(folder("tests/facts")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !captures.iter().any(|(stem, _)| format!("{stem}.txt") == name) {
            wrong.push(format!("==== {name} belongs to no capture"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where only `ps` can be asked, arguments are split at blanks: what has none in it is read all the same.
#[test]
fn facts_without_the_borders_of_arguments() {
    let mut compared = 0;
    for (name, args) in captures() {
        let exact = CommandLine::parse(&args, true);
        let joined = args.iter().map(|arg| arg.to_text().into_owned()).collect::<Vec<_>>().join(" ");
        let words: Vec<Bytes> = joined.split(' ').map(Bytes::from).collect();
        let split = CommandLine::parse(&words, false);
        // The only capture with two blanks in a row, or with a dash behind a blank, would differ.
        let essential =
            |line: &CommandLine| (line.uuid(), line.cards(), line.qmp_sockets(), line.is_xens(), owner::of(line));
        assert_eq!(essential(&exact), essential(&split), "{name}");
        compared += 1;
    }
    assert!(compared >= 30);
}

/// No cut of any command line, and no byte in the wrong place, is more than a line that tells less.
#[test]
fn nothing_in_a_command_line_can_be_too_odd() {
    for (_, args) in captures() {
        for end in 0..args.len() {
            for exact in [true, false] {
                facts(&CommandLine::parse(&args[..end], exact));
                let mut odd: Vec<Bytes> = args[..end].to_vec();
                odd.push(Bytes(vec![0xff, b',', b'=', b'{', 0x1b]));
                facts(&CommandLine::parse(&odd, exact));
            }
        }
    }
}
