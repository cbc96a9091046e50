//! VMSTACK: machines on top of each other. The guests of these hosts are hosts with an xl of their own.

use crate::sealed::{Outcome, Sealed};
use crate::xen;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// lab00 has the machine tst100, which is a host with the machine tst101, which is a host with another tst100.
fn lab() -> Sealed {
    let sealed = xen::lab();
    for guest in ["tst100", "tst101"] {
        std::os::unix::fs::symlink("lab01", sealed.folder.join("hosts").join(guest)).unwrap();
    }
    sealed
}

const START: &str = "console:none,ping:off";

/// The words of `ctys -t xen VMSTACK{...} lab01`, where each layer starts a machine, and lab01 is no layer.
fn stack(layers: &[(&str, &str)], behind: &[&str]) -> Vec<String> {
    let mut words: Vec<String> =
        ["--transport", "openssh", "-b", "par", "--window", "8", "-t", "xen"].map(String::from).into();
    let layers = layers.iter().map(|(host, label)| format!("{host}(-a create=l:{label},{START})"));
    words.push(format!("VMSTACK{{{}}}", layers.collect::<Vec<_>>().join(" ")));
    words.extend(behind.iter().map(|word| word.to_string()));
    words
}

const THREE: [(&str, &str); 3] = [("lab00", "tst100"), ("tst100", "tst101"), ("tst101", "tst100")];

/// What was started, in this order.
fn started(sealed: &Sealed) -> Vec<String> {
    let log = sealed.log();
    let starts = log.lines().filter_map(|line| line.split_once(": xl create -f "));
    starts.map(|(host, file)| format!("{host} {}", file.rsplit('/').nth(1).unwrap())).collect()
}

/// The hosts that were logged in on or knocked at, in this order.
fn knocked(sealed: &Sealed) -> Vec<String> {
    let log = sealed.log();
    let hosts = log.lines().filter(|line| line.starts_with("ssh ")).filter_map(|line| line.split_once(" -- "));
    hosts.map(|(_, rest)| rest.split(' ').next().unwrap().to_string()).collect()
}

#[track_caller]
fn run(sealed: &Sealed, words: &[String], code: i32) -> String {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    sealed.ctys(&words).ends(code).1
}

#[test]
fn the_layers_of_a_stack_are_started_bottom_up() {
    let sealed = lab();
    run(&sealed, &stack(&THREE, &[]), 0);
    assert_eq!(started(&sealed), ["lab00 tst100", "tst100 tst101", "tst101 tst100"]);
    assert_eq!(knocked(&sealed), ["lab00", "tst100", "tst101"], "waiting costs no login of its own");
}

#[test]
fn no_layer_is_begun_above_one_that_failed_and_the_rest_of_the_call_goes_on() {
    let sealed = lab();
    let other = format!("lab01(-a create=l:tst101,{START})");
    // It was configured wrongly.
    let file = sealed.folder.join("hosts/lab00/home/xen/tst-ctys/tst100/tst100.conf");
    fs::write(&file, fs::read_to_string(&file).unwrap() + "broken\n").unwrap();
    let stderr = run(&sealed, &stack(&THREE, &[&other]), 5);
    for above in ["tst100", "tst101"] {
        let line = format!("ctys: {above}: run: not begun: lab00 below it in the VMSTACK failed\n");
        assert!(stderr.contains(&line), "{stderr}");
    }
    assert_eq!(knocked(&sealed), ["lab00", "lab01"]);
    assert_eq!(started(&sealed).last().unwrap(), "lab01 tst101");
    // It cannot be reached, which weighs more than what was not begun.
    let sealed = lab();
    fs::write(sealed.folder.join("hosts/lab00/fails"), "ssh: connect to host lab00 port 22: Connection refused\n")
        .unwrap();
    let stderr = run(&sealed, &stack(&THREE, &[&other]), 4);
    assert_eq!(stderr.matches("not begun: lab00 below it").count(), 2, "{stderr}");
    assert_eq!((knocked(&sealed).join(" "), started(&sealed).join(" ")), ("lab00 lab01".into(), "lab01 tst101".into()));
    // There is no plugin for it, so it is not even tried.
    let sealed = lab();
    let words: Vec<String> =
        stack(&THREE, &[&other]).iter().map(|word| word.replacen("lab00(", "lab00(-t vmw ", 1)).collect();
    let stderr = run(&sealed, &words, 2);
    assert_eq!(stderr.matches("not begun: lab00 below it").count(), 2, "{stderr}");
    assert_eq!(knocked(&sealed), ["lab01"]);
}

#[test]
fn a_layer_waits_until_the_machine_below_lets_us_in() {
    let sealed = lab();
    let bin = sealed.folder.join("bin");
    fs::rename(bin.join("ssh"), bin.join("ssh-itself")).unwrap();
    sealed.tool(
        "ssh",
        "case \" $* \" in *' -- tst100 '*)\n\
         echo knock >>\"$LOG.knocks\"\n\
         case $(wc -l <\"$LOG.knocks\") in\n\
         1) echo 'ssh: Could not resolve hostname tst100: Name or service not known' >&2; exit 255;;\n\
         2) echo 'ssh: connect to host tst100 port 22: Connection refused' >&2; exit 255;;\n\
         esac;;\nesac\nexec ssh-itself \"$@\"",
    );
    let stderr = run(&sealed, &stack(&THREE, &[]), 0);
    assert!(!stderr.contains("refused") && !stderr.contains("resolve"), "{stderr}");
    assert_eq!(fs::read_to_string(sealed.folder.join("log.knocks")).unwrap().lines().count(), 3);
    assert_eq!(started(&sealed), ["lab00 tst100", "tst100 tst101", "tst101 tst100"]);
}

#[test]
fn a_machine_that_refuses_the_login_is_not_waited_for() {
    for (words, phase) in
        [("acue@tst100: Permission denied (publickey).\n", "login"), ("Host key verification failed.\n", "host key")]
    {
        let sealed = lab();
        fs::remove_file(sealed.folder.join("hosts/tst100")).unwrap();
        sealed.failing_host("tst100", words);
        let stderr = run(&sealed, &stack(&THREE, &[]), 4);
        assert!(stderr.contains(&format!("ctys: tst100: {phase}: ")), "{stderr}");
        assert!(stderr.contains("ctys: tst101: run: not begun: tst100 below it in the VMSTACK failed\n"), "{stderr}");
        assert_eq!(knocked(&sealed), ["lab00", "tst100"]);
    }
}

#[test]
fn a_plan_of_a_stack_waits_for_nothing() {
    let sealed = lab();
    let stderr = run(&sealed, &[vec!["--plan".to_string()], stack(&THREE, &[])].concat(), 0);
    assert_eq!(stderr, "");
    assert_eq!(started(&sealed), [""; 0]);
    fs::remove_file(sealed.folder.join("hosts/tst100")).unwrap();
    let stderr = run(&sealed, &[vec!["--plan".to_string()], stack(&THREE, &[])].concat(), 4);
    assert!(stderr.contains("ctys: tst100: resolve: ") && !stderr.contains("not begun"), "{stderr}");
}

#[test]
fn a_layer_that_cannot_run_on_the_one_below_is_a_mistake() {
    let sealed = lab();
    let stderr = run(&sealed, &stack(&[("lab00", "tst100"), ("lab01", "tst101")], &[]), 1);
    assert!(stderr.contains("lab01 is not the machine tst100 that lab00 below it in the VMSTACK starts"), "{stderr}");
    assert!(stderr.contains("STACKCHECK:NOCONTEXT"), "{stderr}");
    assert_eq!(sealed.log(), "");
}

#[test]
fn an_interrupt_ends_the_waiting() {
    let sealed = lab();
    fs::remove_file(sealed.folder.join("hosts/tst100")).unwrap();
    let words = stack(&THREE, &[]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let child = sealed.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // At the second knock it waits; a machine under load may take its time until then.
    let waits = (0..12_000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        knocked(&sealed).iter().filter(|host| *host == "tst100").count() >= 2
    });
    // SAFETY: the process is our child and not yet waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let outcome = Outcome::of(child.wait_with_output().unwrap(), "ctys VMSTACK{...}".into());
    assert!(waits, "{outcome:?}");
    let stderr = outcome.ends(130).1;
    assert!(stderr.contains("ctys: tst100: interrupted: interrupted while waiting until it has booted\n"), "{stderr}");
    assert!(stderr.contains("ctys: tst101: interrupted: interrupted before it was started\n"), "{stderr}");
    assert!(!knocked(&sealed).contains(&"tst101".to_string()));
}
