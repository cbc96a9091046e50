//! What somebody is told who meets ctys for the first time and lacks something.

use crate::xen::lab;

const BY_SSH: [&str; 4] = ["--transport", "openssh", "-t", "xen"];

#[test]
fn a_window_that_cannot_open_says_that_its_machine_runs() {
    let sealed = lab();
    let create = |subs: &str| {
        let action = format!("create=l:tst100,{subs},ping:off");
        sealed.ctys(&[&BY_SSH[..], &["-a", &action, "lab00"]].concat())
    };
    let (_, stderr) = create("console:xterm").ends(2);
    assert!(stderr.contains("there is no DISPLAY"), "{stderr}");
    assert!(stderr.contains("tst100 runs; CONNECT in the same call opens what is missing"), "{stderr}");
    // Who connects knows that it runs.
    let (_, stderr) = create("console:xterm,connect").ends(2);
    assert!(stderr.contains("there is no DISPLAY") && !stderr.contains("tst100 runs"), "{stderr}");
}

#[test]
fn a_state_file_that_is_not_there_is_told_with_its_place() {
    let sealed = lab();
    let action = "create=l:tst100,resume:mystate.stat,console:none,ping:off";
    let (_, stderr) = sealed.ctys(&[&BY_SSH[..], &["-a", action, "lab00"]].concat()).ends(5);
    let home = sealed.folder.join("hosts/lab00/home/mystate.stat");
    assert!(stderr.contains("restore of tst100"), "{stderr}");
    assert!(stderr.contains(&format!("the state was to be read from {} on the host", home.display())), "{stderr}");
}
