//! Every configuration of which the recorder asked the real xl what it reads (`xl -N create FILE`) is read here too, and
//! must mean the same.

#![allow(clippy::disallowed_methods, reason = "the captures are files")]

use ctys_plugin::json::{self, Value};
use ctys_plugin::machines::Configured;
use ctys_plugin::magic::{plain_mac, plain_uuid};
use ctys_plugin::model::Bytes;
use ctys_xen::conf::Machine;
use std::fs;
use std::path::PathBuf;

/// Where we read more than xl does or something else, and why.
const DIFFERENT: [(&str, &str); 3] = [
    ("empty-name", "a dry run takes a domain without a name, a real start does not"),
    ("uuid-garbage", "the words are read; that they are no uuid CREATE says, with their line"),
    ("uuid-plain", "32 digits without dashes are meant as a uuid: CREATE hands them to xl with their dashes"),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures")
}

/// What a configuration means, as far as this plugin reads it.
#[derive(Debug, PartialEq)]
struct Meaning {
    name: Option<String>,
    uuid: Option<String>,
    kind: Option<&'static str>,
    memory: Option<i64>,
    vcpus: Option<i64>,
    kernel: Option<String>,
    disks: usize,
    macs: Vec<Option<String>>,
    display: Option<i64>,
}

fn ours(machine: &Machine) -> Meaning {
    let config = &machine.config;
    Meaning {
        name: machine.name(),
        uuid: machine.uuid(),
        kind: machine.kind().map(|kind| kind.word()),
        memory: config.number("memory"),
        vcpus: config.number("vcpus"),
        kernel: config.text("kernel"),
        disks: config.list("disk").len(),
        macs: machine.cards().0.into_iter().map(|interface| interface.mac).collect(),
        display: machine.vnc_display(),
    }
}

fn of_xl(said: &Value) -> Meaning {
    let (own, build) = (&said["c_info"], &said["b_info"]);
    let list = |name: &str| said[name].as_array().cloned().unwrap_or_default();
    let vnc = list("vfbs").first().map_or_else(|| build["type.hvm"]["vnc"].clone(), |vfb| vfb["vnc"].clone());
    let is_fixed = vnc["findunused"] == "False";
    Meaning {
        name: own["name"].as_str().map(str::to_string),
        uuid: own["uuid"].as_str().and_then(plain_uuid),
        kind: own["type"].as_str().map(|kind| {
            if kind == "pv" {
                "PARA"
            } else if kind == "pvh" {
                "PVH"
            } else {
                "HVM"
            }
        }),
        memory: build["target_memkb"].as_i64().map(|size| size / 1024),
        vcpus: build["max_vcpus"].as_i64(),
        kernel: build["kernel"].as_str().map(str::to_string),
        disks: list("disks").len(),
        macs: list("nics").iter().map(|nic| nic["mac"].as_str().and_then(plain_mac)).collect(),
        display: vnc["display"].as_i64().filter(|_| is_fixed),
    }
}

#[test]
fn a_configuration_means_what_it_means_to_xl() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(case) = file.strip_prefix("xl-4.17-dry-run-").and_then(|rest| rest.strip_suffix(".conf")) else {
            continue;
        };
        seen += 1;
        let machine = Machine::read("/t.conf", &Bytes(fs::read(folder().join(&file)).unwrap()));
        let is_read = machine.config.odd_lines.is_empty() && machine.config.lax_lines.is_empty();
        let said = fs::read_to_string(folder().join(file.replace(".conf", ".out"))).ok();
        let (own, xls) = match &said {
            Some(said) => (Some(ours(&machine)), Some(of_xl(&json::from_str(said).unwrap()))),
            None => (is_read.then(|| ours(&machine)), None),
        };
        let is_same = own == xls && is_read == said.is_some();
        if is_same == DIFFERENT.iter().any(|(different, _)| *different == case) {
            let lines = (&machine.config.odd_lines, &machine.config.lax_lines);
            wrong.push(format!("{case}: odd and lax lines {lines:?}\n  ours {own:?}\n  xl's {xls:?}"));
        }
    }
    assert_eq!(seen, 67, "configurations beside the captures");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
