//! Every list the recorder took of a real xl goes through the parsers: what must come out of each stands in `lists.txt`.
//!
//! `UPDATE_LISTS=1 cargo test -p ctys-xen --test lists` writes it anew. Read the diff very carefully before you keep it.

#![allow(clippy::disallowed_methods, reason = "the captures are files, and one switch rewrites the expected text")]

use ctys_plugin::json::{self, Value};
use ctys_plugin::magic::plain_uuid;
use ctys_xen::parse::xl_list::{self, Domain};
use ctys_xen::parse::xl_list_long::{self, Kind};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn capture(name: &str) -> Option<String> {
    fs::read_to_string(folder().join(format!("{name}.out"))).ok()
}

/// The cases of all captures whose names begin so, in order.
fn cases(stem: &str) -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut cases: Vec<String> =
        files.filter_map(|name| Some(name.strip_prefix(stem)?.strip_suffix(".out")?.to_string())).collect();
    cases.sort();
    assert!(!cases.is_empty(), "no capture is called {stem}*");
    cases
}

/// The recorder took some lists again and again into one file: each begins with its title.
fn lists(text: &str) -> Vec<Vec<Domain>> {
    let mut starts: Vec<usize> = text.match_indices("Name  ").map(|(at, _)| at).collect();
    starts.push(text.len());
    let list = |part: &[usize]| xl_list::parse(&text[part[0]..part[1]]).expect("a list");
    starts.windows(2).map(list).collect()
}

fn show(domain: &Domain) -> String {
    let uuid = domain.uuid.as_deref().map_or(String::new(), |uuid| format!(" {uuid}"));
    let Domain { id, name, memory, vcpus, state, uuid: _ } = domain;
    format!("{id} {name:?} {memory} MiB {vcpus} {}{uuid}", state.word())
}

/// What must come of all of them.
fn all() -> String {
    let mut out = String::new();
    for case in cases("xl-4.17-list-") {
        if case.starts_with("l-") {
            continue;
        }
        let name = format!("xl-4.17-list-{case}");
        let text = capture(&name).unwrap();
        let _ = writeln!(out, "{name}");
        for (n, list) in lists(&text).iter().enumerate() {
            if n > 0 {
                out.push_str("  then\n");
            }
            for domain in list {
                let _ = writeln!(out, "  {}", show(domain));
            }
        }
    }
    for case in cases("xl-4.17-list-l-") {
        let name = format!("xl-4.17-list-l-{case}");
        let _ = writeln!(out, "{name}");
        for details in xl_list_long::parse(&capture(&name).unwrap()).expect("a long list") {
            let nic = |nic: &xl_list_long::Nic| format!(" {}={}", nic.name, nic.mac.as_deref().unwrap_or("-"));
            let nics: String = details.nics.iter().map(nic).collect();
            let vnc = if details.vnc { " VNC" } else { "" };
            let _ = writeln!(out, "  {} {}{vnc}{nics}", details.id, details.kind.map_or("-", Kind::word));
        }
    }
    out
}

#[test]
fn every_recorded_list_is_read() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/lists.txt");
    let got = all();
    if std::env::var_os("UPDATE_LISTS").is_some() {
        fs::write(&path, &got).unwrap();
    }
    let want = fs::read_to_string(&path).unwrap_or_default();
    let differs = got.lines().zip(want.lines()).find(|(got, want)| got != want);
    assert!(got == want, "tests/lists.txt differs, first in (got, wanted) {differs:?}");
}

/// The JSON is no text of columns: what it says of names, numbers and uuids the text must say too, however odd a name is.
#[test]
fn the_text_says_what_the_json_says() {
    for case in cases("xl-4.17-list-v-") {
        let [text] = &lists(&capture(&format!("xl-4.17-list-v-{case}")).unwrap())[..] else { panic!("{case}") };
        let long: Vec<Value> = json::from_str(&capture(&format!("xl-4.17-list-l-{case}")).unwrap()).unwrap();
        let config = |domain: &Value| domain["config"]["c_info"].clone();
        let of_json = long.iter().map(|domain| {
            let uuid = config(domain)["uuid"].as_str().and_then(plain_uuid).unwrap_or_else(|| "0".repeat(32));
            (domain["domid"].as_u64().unwrap(), config(domain)["name"].as_str().unwrap().to_string(), Some(uuid))
        });
        let of_text = text.iter().map(|domain| (domain.id.into(), domain.name.clone(), domain.uuid.clone()));
        let (of_text, of_json): (Vec<_>, Vec<_>) = (of_text.collect(), of_json.collect());
        match case.starts_with("killed-after-") {
            // A domain whose `xl create` was killed has no configuration, and is listed all the same.
            true => assert!(of_text.len() == of_json.len() + 1 && of_text.starts_with(&of_json), "{case}: {of_text:?}"),
            false => assert_eq!(of_text, of_json, "{case}"),
        }
    }
}

/// The list with `-v` only adds to the one without; they were taken one after the other.
#[test]
fn both_texts_say_the_same() {
    for case in cases("xl-4.17-list-v-") {
        let short = capture(&format!("xl-4.17-list-{case}")).unwrap_or_else(|| panic!("{case} has no short list"));
        let long = capture(&format!("xl-4.17-list-v-{case}")).unwrap();
        let bare =
            |text: &str| lists(text).concat().into_iter().map(|d| Domain { uuid: None, ..d }).collect::<Vec<_>>();
        assert_eq!(bare(&short), bare(&long), "{case}");
    }
}
