//! `ctys` against a real Xen dom0.

#[path = "../sealed/mod.rs"]
mod sealed;
#[path = "mod.rs"]
mod xen;

use sealed::{Outcome, plugins};
use serde_json::Value;
use std::process::{Command, Stdio};
use xen::Dom0;

/// `ctys` with the real tools, the plugins of this build and the configuration of the dom0.
fn ctys(dom0: &Dom0, words: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
    command.arg("--ssh-config").arg(&dom0.config).args(words);
    command.env("CTYS_PLUGIN_PATH", plugins()).env("HOME", std::env::temp_dir()).stdin(Stdio::null());
    Outcome::of(command.output().unwrap(), format!("ctys {}", words.join(" ")))
}

#[test]
fn the_dom0_itself_is_a_physical_machine() {
    let dom0 = Dom0::shared();
    let json = ctys(&dom0, &["-t", "pm", "-a", "list=json", "lab00", "acue@lab00", "chkusr@lab00"]).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    let records = json["records"].as_array().unwrap();
    assert_eq!(records.len(), 3, "{json}");
    for record in records {
        let of = |name: &str| record[name].as_str().unwrap_or_default();
        assert_eq!(
            [of("pm"), of("session_type"), of("label"), of("mac"), of("tcp"), of("interface")],
            ["lab00.soho", "PM", "lab00", "00:0E:0C:35:F8:48", "192.168.1.71", "xenbr0"]
        );
    }
}

#[test]
fn the_guests_of_the_seed_start_and_are_gone_for_the_next_test() {
    let dom0 = Dom0::shared();
    assert_eq!(dom0.domains(), []);
    for name in ["tst100", "tst101"] {
        dom0.ssh(&format!("xl create -q xen/tst-ctys/{name}/{name}.conf"));
    }
    let names: Vec<String> = dom0.domains().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["tst100", "tst101"]);
    dom0.ssh("until ping -c1 -W1 tst100 >/dev/null && ping -c1 -W1 tst101 >/dev/null; do sleep 0.2; done");
    dom0.reset();
    assert_eq!(dom0.domains(), []);
}
