//! The first minute with real hosts: the doctor, and a plan that is carried out over the real sshd.

#[path = "bed/mod.rs"]
mod bed;
#[path = "sealed/mod.rs"]
mod sealed;

use bed::Bed;
use sealed::{Outcome, executable, plugins};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn ctys(bed: &Bed, words: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
    // The verb is the first word.
    let (verb, rest) = words.split_first().unwrap();
    command.arg(verb).args(["--ssh-config", bed.config.to_str().unwrap()]).args(rest);
    command
        .env("CTYS_PLUGIN_PATH", plugins())
        .env("HOME", &bed.folder)
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::null());
    Outcome::of(command.output().unwrap(), format!("ctys {}", words.join(" ")))
}

/// The lines of one host, by their first words: `ok`, `no`, `-`.
fn block<'t>(text: &'t str, host: &str) -> Vec<&'t str> {
    let lines = text.lines().skip_while(|line| *line != host).skip(1);
    lines.take_while(|line| line.starts_with("  ")).map(str::trim).collect()
}

#[track_caller]
fn has(block: &[&str], state: &str, what: &str) -> String {
    let found = block.iter().find(|line| {
        line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
            == format!("{state} {}", what.split(' ').next().unwrap())
    });
    found.unwrap_or_else(|| panic!("{state} {what} is not in {block:#?}")).to_string()
}

#[test]
fn the_doctor_names_what_works_what_does_not_and_the_line_that_mends_it() {
    let bed = Bed::start(2);
    let hosts = ["lab000", "jumped", "refusing", "silent", "unknown", "changed", "stranger", "nowhere"];
    let words = [&["doctor", "--connect-timeout", "20s"][..], &hosts].concat();
    let (text, stderr) = ctys(&bed, &words).ends(3);
    let order: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(order, hosts, "{text}");
    let good = block(&text, "lab000");
    for what in ["name", "connection", "host key", "login", "transport", "shell", "clock", "PM"] {
        has(&good, "ok", what);
    }
    assert!(has(&good, "ok", "transport").contains("ssh2"), "{text}");
    assert!(has(&good, "ok", "login").contains(&bed.user), "{text}");
    // Plugins that cannot work there say why.
    let xen = has(&good, "no", "XEN");
    assert!(xen.len() > "no XEN".len(), "{text}");
    assert!(has(&block(&text, "jumped"), "ok", "transport").contains("openssh, since proxyjump"), "{text}");
    for (host, what, mends) in [
        ("refusing", "connection", "systemctl start ssh"),
        ("silent", "connection", "--connect-timeout"),
        ("unknown", "host key", "ssh -p "),
        ("changed", "host key", "ssh -p "),
        ("stranger", "login", "ssh-copy-id -p "),
        ("nowhere", "name", "HostName"),
    ] {
        let own = block(&text, host);
        has(&own, "no", what);
        assert!(own.iter().any(|line| line.starts_with("-> ") && line.contains(mends)), "{host}: {own:#?}");
        // What lies behind it was not tried.
        has(&own, "-", "shell");
        assert!(stderr.contains(&format!("ctys: {host}: ")), "{stderr}");
    }
    let (text, _) = ctys(&bed, &["doctor", "unknown"]).ends(4);
    assert!(text.starts_with("unknown\n"), "{text}");
}

#[test]
fn the_doctor_looks_at_this_machine_and_at_privilege() {
    let bed = Bed::start(1);
    let (text, _) = ctys(&bed, &["doctor"]).ends(0);
    let here = block(&text, "localhost");
    has(&here, "ok", "shell");
    has(&here, "ok", "PM");
    let root =
        here.iter().any(|line| line.starts_with("ok  root")) || here.iter().any(|line| line.starts_with("-   root"));
    assert!(root, "{text}");
    let (_, stderr) = ctys(&bed, &["--doctor", "-a", "list"]).ends(1);
    assert!(stderr.contains("--doctor goes with INFO"), "{stderr}");
}

/// `xl` with one domain, 7; what it changes it writes down.
fn xen(bed: &Bed) -> PathBuf {
    let tools = bed.folder.join("home/tools");
    fs::create_dir_all(&tools).unwrap();
    let log = tools.join("log");
    let script = format!(
        r#"#!/bin/sh
case "$1 $2" in
"list -v")
  printf 'Name                                        ID   Mem VCPUs\tState\tTime(s)\tUUID                            Reason-Code\tSecurity Label\n'
  [ -e "{0}" ] || printf 'tst100                                       7   128     1     -b----       4.1 6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2        -                -\n' ;;
"list -l") echo '[{{"domid":7,"config":{{"c_info":{{"type":"pv","name":"tst100"}},"nics":[]}}}}]' ;;
"info "*) echo 'xen_version            : 4.17.4' ;;
*) echo "$*" >>"{0}" ;;
esac
"#,
        log.display()
    );
    executable(&tools.join("xl"), &script);
    log
}

#[test]
fn a_plan_is_carried_out_over_ssh_and_holds_only_as_long_as_nothing_changes() {
    // The folder of a bed is known once it is there; its hosts look for tools where a link will point.
    let link = std::env::temp_dir().join(format!("ctys-first-minute-{}", std::process::id()));
    let bed = Bed::start_with(1, &format!("SetEnv PATH={}:/usr/bin:/bin", link.display()));
    let log = xen(&bed);
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink(log.parent().unwrap(), &link).unwrap();
    let done = || fs::read_to_string(&log).unwrap_or_default();
    let (first, second) = (bed.path("first.plan"), bed.path("second.plan"));
    for file in [&first, &second] {
        let plan = format!("--plan={}", file.display());
        let (text, _) = ctys(&bed, &["stop", &plan, "lab000/tst100,POWEROFF:0"]).ends(0);
        assert!(text.contains("lab000: xen: destroy tst100 (7)"), "{text}");
    }
    assert_eq!(done(), "");
    ctys(&bed, &["apply", first.to_str().unwrap()]).ends(0);
    assert_eq!(done(), "destroy 7\n");
    let (_, stderr) = ctys(&bed, &["apply", second.to_str().unwrap()]).ends(8);
    assert!(stderr.contains("ctys: lab000: refused: ") && stderr.contains("nothing was changed"), "{stderr}");
    assert_eq!(done(), "destroy 7\n");
    let audit = fs::read_to_string(bed.folder.join(".local/state/ctys/audit.log")).unwrap();
    assert!(audit.lines().count() == 1 && audit.contains("target=lab000"), "{audit}");
    let _ = fs::remove_file(&link);
}
