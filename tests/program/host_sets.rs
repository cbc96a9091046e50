//! Sets of hosts out of the files that the call names: an ssh_config with its includes, an inventory.

use crate::sealed::Sealed;

/// Three hosts that the fake `ssh` reaches, and files that name them.
fn lab() -> Sealed {
    let sealed = Sealed::new();
    for (host, last) in [("lab00", "71"), ("lab01", "72"), ("lab02", "73")] {
        sealed.host(host, host, &format!("192.168.1.{last}"), &format!("00:0e:0c:35:f8:{last}"));
    }
    let folder = sealed.folder.join("home").display().to_string();
    let text = format!(
        "Include {folder}/conf.d/*\nHost lab00 # the first\n  User acue\nHost *.far lab9? !lab02\n  Port 2222\nHost *\n"
    );
    sealed.file("ssh_config", &text);
    sealed.file("conf.d/10-more", &format!("Host lab01\n  User acue\nInclude {folder}/conf.deep\n"));
    sealed.file("conf.deep", "Host lab02\n  User acue\n");
    sealed.file("conf.unused", "Host lab03\n");
    sealed
}

/// `ctys ls` with this file and this set: the machines, in the order of the table.
fn machines(sealed: &Sealed, file: &str, set: &str) -> Vec<String> {
    let file = sealed.folder.join("home").join(file);
    let words = ["ls", "-t", "pm", "--transport", "openssh", "--ssh-config", file.to_str().unwrap(), set];
    let text = sealed.ctys(&words).ok();
    text.lines().skip(2).map(|line| line.split(['|', '.', ' ']).next().unwrap().to_string()).collect()
}

#[test]
fn every_host_of_the_given_ssh_config_and_of_its_includes_is_listed_and_no_other() {
    let sealed = lab();
    let check = |file: &str, set: &str, want: &[&str]| assert_eq!(machines(&sealed, file, set), want, "{file}: {set}");
    check("ssh_config", "@ssh:*", &["lab00", "lab01", "lab02"]);
    check("ssh_config", "@ssh:*!lab01", &["lab00", "lab02"]);
    check("ssh_config", "@ssh:*&lab0[1-9]", &["lab01", "lab02"]);
    // Another file, other hosts.
    check("conf.d/10-more", "@ssh:*", &["lab01", "lab02"]);
    check("conf.deep", "@ssh:*", &["lab02"]);
    // Each of them was reached with that file, once for each listing, and nobody else was.
    let log = sealed.log();
    let calls: Vec<&str> = log.lines().filter(|line| line.contains("-- lab")).collect();
    assert_eq!(calls.len(), 10, "{log}");
    assert!(
        calls.iter().all(|call| call.contains("-F ") && call.contains(&sealed.folder.display().to_string())),
        "{log}"
    );
    assert!(!log.contains("lab03") && !log.contains("lab9"), "{log}");
}

#[test]
fn a_file_that_names_nobody_means_nobody() {
    let sealed = lab();
    sealed.file("empty", "Host *\n  Port 2222\n");
    for file in ["empty", "absent"] {
        let file = sealed.folder.join("home").join(file);
        let words = ["ls", "--transport", "openssh", "--ssh-config", file.to_str().unwrap(), "@ssh:*"];
        let stderr = sealed.ctys(&words).fails(1);
        assert!(stderr.contains("@ssh:*") && stderr.contains("is empty"), "{stderr}");
    }
    assert_eq!(sealed.log(), "");
}

#[test]
fn the_machines_of_the_given_inventory_are_meant() {
    let sealed = lab();
    let record = |name: &str| format!("lab00;XEN;{name};/x{}\n", ";".repeat(43));
    sealed.file(".ctys/db/default/enum.fdb", &record("lab01"));
    sealed.file("other/enum.fdb", &record("lab02"));
    let list = |words: &[&str]| {
        let first = ["--transport", "openssh", "-t", "pm"];
        let last = ["-a", "list=terse,tab_gen:1_PM_9", "@ctys:XEN"];
        sealed.ctys(&[&first[..], words, &last].concat()).ok().trim().to_string()
    };
    assert_eq!(list(&[]), "lab01");
    let other = sealed.folder.join("home/other");
    assert_eq!(list(&["-p", other.to_str().unwrap()]), "lab02");
}
