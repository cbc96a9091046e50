//! Two hosts, and the second one is odd: which code, and which phase with whose words. Over the real sshd.
//!
//! | the second host | clush | clush -S | pdsh | pdsh -S | parallel-ssh | ansible raw | ctys |
//! |---|---|---|---|---|---|---|---|
//! | is fine | 0 | 0 | 0 | 0 | 0 | 0 | 0 |
//! | its command ends 3 | 0 | 3 | 0 | 3 | 5 | 2 | 5, run: status 3 |
//! | refuses the connection | 0 | 255 | 0 | 255 | 4 | 4 | 4, connect |
//! | accepts and never speaks | 0 | 255 | 0 | 255 | 4 | 4 | 3, timeout |
//! | its command takes too long | 0 | 255 | 0 | 255 | 3 | not run | 3, timeout of that command |
//! | its command ends 255 | | 255 | | 255 | 4 | 4 | 5, run: status 255 |
//!
//! The other columns were measured with the same six hosts.

#[path = "bed/mod.rs"]
mod bed;
#[path = "sealed/mod.rs"]
mod sealed;

use bed::Bed;
use sealed::{Outcome, executable, plugins};
use std::fs;
use std::process::{Command, Stdio};

/// `xl` on all hosts; on lab001 it does what a test says.
fn bed() -> Bed {
    let tools = std::env::temp_dir().join(format!("ctys-exit-codes-{}", std::process::id()));
    fs::create_dir_all(&tools).unwrap();
    Bed::start_with(2, &format!("SetEnv PATH={}:/usr/bin:/bin", tools.display()))
}

fn xl(bed: &Bed, odd: &str) {
    let tools = std::env::temp_dir().join(format!("ctys-exit-codes-{}", std::process::id()));
    let header = "Name                                        ID   Mem VCPUs\\tState\\tTime(s)\\tUUID                            Reason-Code\\tSecurity Label\\n";
    let script = format!(
        "#!/bin/sh\nset -- $SSH_CONNECTION -- \"$@\"\n[ \"$3\" != {} ] || {{ {odd}; }}\ncase $6 in list) printf '{header}';; *) echo;; esac\n",
        bed.addresses[1]
    );
    // Whole or not at all, for a call before this one may still read it.
    let (new, file) = (tools.join("xl.new"), tools.join("xl"));
    executable(&new, &script);
    fs::rename(new, file).unwrap();
}

fn list(bed: &Bed, second: &str) -> Outcome {
    let words = ["-t", "xen", "-a", "list=terse,tab_gen:3_label_9", "--connect-timeout", "20s", "lab000", second];
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
    command.args(["--ssh-config", bed.config.to_str().unwrap()]).args(words);
    command.env("CTYS_PLUGIN_PATH", plugins()).env("HOME", &bed.folder).stdin(Stdio::null());
    Outcome::of(command.output().unwrap(), format!("ctys {}", words.join(" ")))
}

#[test]
fn every_way_in_which_a_host_is_odd_has_its_own_answer() {
    let bed = bed();
    let mut answers: Vec<(i32, String)> = Vec::new();
    // What lab001's xl does, which host is the second, the code, the phase, and a word that no other row has.
    for (odd, second, code, line) in [
        ("true", "lab001", 0, ""),
        ("echo 'it is broken' >&2; exit 3", "lab001", 5, "ctys: lab001: run: xen: "),
        ("true", "refusing", 4, "ctys: refusing: connect: "),
        ("true", "silent", 3, "ctys: silent: timeout: "),
        ("sleep 600", "lab001", 3, "ctys: lab001: timeout: xen: "),
        ("echo 'it is broken' >&2; exit 255", "lab001", 5, "ctys: lab001: run: xen: "),
    ] {
        xl(&bed, odd);
        let (_, stderr) = list(&bed, second).ends(code);
        let told: Vec<&str> = stderr.lines().filter(|line| !line.starts_with("  ")).collect();
        assert_eq!(told.len(), usize::from(code != 0), "{odd} on {second}: {stderr}");
        assert!(told.iter().all(|one| one.starts_with(line)), "{odd} on {second}: {stderr}");
        assert!(!stderr.contains("lab000"), "the good host is told of, too: {stderr}");
        answers.push((code, stderr));
    }
    assert!(answers[1].1.contains("status 3:") && answers[5].1.contains("status 255:"), "{answers:?}");
    // No two rows are the same answer.
    for (n, answer) in answers.iter().enumerate() {
        assert!(!answers[..n].contains(answer), "{answer:?} stands there twice");
    }
    let _ = fs::remove_dir_all(std::env::temp_dir().join(format!("ctys-exit-codes-{}", std::process::id())));
}
