//! What changes something: only what was asked for, only where it was asked for, only as it was asked for.

use crate::sealed::Sealed;

/// An ordinary account on lab00 and lab01; sudo lets it do everything, and all tools that could change something only
/// write down that they were called.
fn lab() -> Sealed {
    let sealed = Sealed::new();
    for (host, last) in [("lab00", "71"), ("lab01", "72")] {
        sealed.host(host, host, &format!("192.168.1.{last}"), &format!("00:0e:0c:35:f8:{last}"));
        let id = "case \"$1\" in -u) echo 1000;; *) echo 'uid=1000(acue) gid=1000(users) groups=1000(users)';; esac";
        sealed.host_tool(host, "id", id);
        sealed.host_tool(
            host,
            "sudo",
            "[ \"$2\" != -l ] || exit 0\nshift 2\necho \"$HOST: sudo $*\" >>\"$LOG\"\nexec \"$@\"",
        );
        for tool in ["systemctl", "shutdown", "poweroff", "halt", "reboot", "init", "telinit", "ethtool"] {
            sealed.host_tool(host, tool, &format!("echo \"$HOST: {tool} $*\" >>\"$LOG\""));
        }
    }
    for tool in ["systemctl", "shutdown", "poweroff", "halt", "reboot", "init", "telinit"] {
        sealed.tool(tool, &format!("echo \"here: {tool} $*\" >>\"$LOG\""));
    }
    // The caller has ways to root as well, which are for nobody but localhost.
    for tool in ["sudo", "ksu", "doas"] {
        sealed.tool(tool, &format!("echo \"here: {tool} $*\" >>\"$LOG\"; exit 1"));
    }
    sealed
}

/// What the tools were called with, without the calls of ssh.
fn done(sealed: &Sealed) -> Vec<String> {
    sealed.log().lines().filter(|line| !line.starts_with("ssh ")).map(str::to_string).collect()
}

const BY_SSH: [&str; 2] = ["--transport", "openssh"];

#[test]
fn cancel_without_self_never_stops_the_executing_host() {
    let sealed = lab();
    for method in ["poweroff", "reboot", "reset", "init:0", "pause", "suspend", "force,reset"] {
        let action = format!("cancel={method}");
        let words = [&BY_SSH[..], &["-t", "pm", "-a", &action, "lab00"]].concat();
        let (_, stderr) = sealed.ctys(&words).ends(5);
        assert!(stderr.contains("SELF"), "{method}: {stderr}");
    }
    assert_eq!(done(&sealed), [""; 0]);
}

#[test]
fn z_raises_only_what_needs_it_and_only_on_the_target_it_was_given_for() {
    let sealed = lab();
    let targets = ["lab00(-a cancel=poweroff,self -Z SUDO)", "lab01(-a cancel=poweroff,self)"];
    let words = [&BY_SSH[..], &["-t", "pm", "-b", "seq"], &targets].concat();
    let outcome = sealed.ctys(&words);
    let log = done(&sealed);
    assert!(!log.is_empty(), "{outcome:?}");
    assert!(log.contains(&"lab00: sudo systemctl poweroff".to_string()), "{log:?}");
    assert!(log.contains(&"lab00: systemctl poweroff".to_string()), "{log:?}");
    assert!(log.contains(&"lab01: systemctl poweroff".to_string()), "{log:?}");
    assert!(!log.iter().any(|line| line.starts_with("lab01: sudo")), "{log:?}");
    assert!(!log.iter().any(|line| line.starts_with("here")), "{log:?}");
    // What only reads is never raised.
    assert!(!log.iter().any(|line| line.contains("sudo uname") || line.contains("sudo ip")), "{log:?}");
}

#[test]
fn a_sudo_that_does_not_answer_in_its_time_is_no_sudo_that_refuses() {
    let sealed = lab();
    // The status by which timeout(1) tells that the time was over.
    sealed.host_tool("lab00", "sudo", "exit 124");
    let words = [&BY_SSH[..], &["-t", "pm", "-a", "cancel=poweroff,self", "lab00(-Z SUDO)"]].concat();
    let (_, stderr) = sealed.ctys(&words).ends(5);
    assert!(stderr.contains("sudo did not say within 25 s whether it lets this run"), "{stderr}");
    assert!(!stderr.contains("the rules of sudo"), "{stderr}");
    assert!(!done(&sealed).iter().any(|line| line.contains("poweroff")), "{:?}", done(&sealed));
}

#[test]
fn a_refused_privilege_is_named_and_the_command_is_not_run() {
    let sealed = lab();
    sealed.host_tool("lab00", "sudo", "echo 'sudo: a password is required' >&2; exit 1");
    let words = [&BY_SSH[..], &["-t", "pm", "-a", "cancel=poweroff,self", "lab00(-Z SUDO)"]].concat();
    let (_, stderr) = sealed.ctys(&words).ends(5);
    assert!(stderr.contains("ctys: lab00: privilege: "), "{stderr}");
    assert!(stderr.contains("a password is required"), "{stderr}");
    assert_eq!(done(&sealed), [""; 0]);
}

#[test]
fn a_plan_says_what_would_run_where_and_runs_nothing() {
    let sealed = lab();
    for flag in ["--plan", "-n"] {
        let words = [&BY_SSH[..], &[flag, "-t", "pm", "-a", "cancel=poweroff,self", "lab00(-Z SUDO)"]].concat();
        let text = sealed.ctys(&words).ok();
        assert!(text.lines().any(|line| line.starts_with("lab00: pm: ") && line.contains("poweroff")), "{text}");
        assert_eq!(done(&sealed), [""; 0]);
    }
}

#[test]
fn an_address_that_means_another_machine_touches_nothing() {
    let sealed = lab();
    for address in ["l:other", "u:6842caf91e3e43249ed596b8b9f2c5c2", "m:00:50:56:13:11:40", "t:10.9.8.7"] {
        let action = format!("cancel=poweroff,self,{address}");
        let words = [&BY_SSH[..], &["-t", "pm", "-a", &action, "lab00"]].concat();
        let (_, stderr) = sealed.ctys(&words).ends(5);
        assert!(stderr.contains("lab00"), "{stderr}");
    }
    assert_eq!(done(&sealed), [""; 0]);
}

#[test]
fn a_call_in_the_background_leaves_its_output_in_a_private_file() {
    let sealed = lab();
    let words = [&BY_SSH[..], &["-b", "async", "-a", "list=terse,tab_gen:1_PM_12", "lab00"]].concat();
    let (stdout, stderr) = sealed.ctys(&words).ends(0);
    assert_eq!(stdout, "");
    let file = stderr.trim().rsplit(' ').next().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    for _ in 0..3000 {
        let text = std::fs::read_to_string(file).unwrap();
        if text.contains("lab00") && text.ends_with("ctys: ended with exit code 0\n") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("nothing came: {}", std::fs::read_to_string(file).unwrap());
}

#[test]
fn a_plan_of_a_call_in_the_background_is_shown_at_once() {
    let sealed = lab();
    let words = [&BY_SSH[..], &["--plan", "-b", "async", "-t", "pm", "-a", "cancel=poweroff,self", "lab00"]].concat();
    let (stdout, _) = sealed.ctys(&words).ends(0);
    assert!(stdout.contains("poweroff"), "{stdout}");
    assert_eq!(done(&sealed), [""; 0]);
}

#[test]
fn a_missing_privilege_is_an_error_that_names_z() {
    let sealed = lab();
    for tool in ["systemctl", "shutdown", "poweroff", "halt"] {
        sealed.host_tool("lab00", tool, "echo 'Failed to power off system via logind: Access denied' >&2; exit 1");
    }
    let words = [&BY_SSH[..], &["-t", "pm", "-a", "cancel=poweroff,self", "lab00"]].concat();
    let (_, stderr) = sealed.ctys(&words).ends(5);
    assert!(stderr.contains("Access denied") && stderr.contains("-Z"), "{stderr}");
}

#[test]
fn the_final_call_is_printed_on_stderr_when_it_is_asked_for() {
    let sealed = lab();
    let words = [&BY_SSH[..], &["-d", "pf", "-a", "list=terse,tab_gen:1_PM_5", "-l", "tester", "lab00"]].concat();
    let (stdout, stderr) = sealed.ctys(&words).ends(0);
    assert_eq!(stdout, "lab00\n");
    let call = "-a LIST=TAB_GEN:1_PM_5,TERSE tester@lab00";
    assert!(stderr.starts_with("ctys ") && stderr.contains(call), "{stderr}");
    // Beside a plan it says what would be called.
    let words = [&BY_SSH[..], &["-n", "-d", "pf", "-t", "pm", "-a", "cancel=poweroff,self", "lab00(-Z SUDO)"]].concat();
    let (stdout, stderr) = sealed.ctys(&words).ends(0);
    assert!(stdout.contains("poweroff"), "{stdout}");
    assert!(stderr.contains("-a CANCEL=POWEROFF,SELF") && stderr.contains("-Z SUDO"), "{stderr}");
    assert_eq!(done(&sealed), [""; 0]);
}

#[test]
fn two_targets_of_one_host_raise_each_in_their_own_way() {
    let sealed = lab();
    sealed.host_tool("lab00", "ksu", "echo \"$HOST: ksu $*\" >>\"$LOG\"; exit 1");
    let targets = ["lab00(-Z KSU)", "lab00(-Z SUDO)", "lab00"];
    for (used, target) in [("ksu", 0), ("sudo", 1), ("", 2)] {
        let before = done(&sealed).len();
        let words = [&BY_SSH[..], &["-t", "pm", "-a", "cancel=poweroff,self", targets[target]]].concat();
        let outcome = sealed.ctys(&words);
        assert!(outcome.code == 0 || used == "ksu", "{outcome:?}");
        let raised: Vec<String> = done(&sealed).split_off(before);
        let by = |tool: &str| raised.iter().any(|line| line.starts_with(&format!("lab00: {tool} ")));
        assert_eq!((by("ksu"), by("sudo")), (used == "ksu", used == "sudo"), "{raised:?}");
    }
    // The same in one call, one behind the other.
    let before = done(&sealed).len();
    let words = [&BY_SSH[..], &["-b", "seq", "-t", "pm", "-a", "cancel=poweroff,self"], &targets].concat();
    assert_ne!(sealed.ctys(&words).code, 0, "ksu refuses");
    let raised = done(&sealed).split_off(before);
    let first = |tool: &str| raised.iter().position(|line| line.starts_with(&format!("lab00: {tool} ")));
    assert!(first("ksu") < first("sudo") && first("ksu").is_some(), "{raised:?}");
    let last_sudo = raised.iter().rposition(|line| line.starts_with("lab00: sudo")).unwrap();
    assert!(raised[last_sudo..].iter().filter(|line| line.contains("systemctl poweroff")).count() >= 2, "{raised:?}");
}

#[test]
fn the_mac_of_a_sleeper_comes_from_the_map_of_the_folder_in_use() {
    // Without ~/.ctys the folder is that of XDG; -p names another one.
    let sealed = lab();
    let line = "sleeper;00:0E:0C:35:F8:48;192.168.1.71;\n";
    sealed.file(".config/ctys/db/default/macmap.fdb", line);
    let wake = ["--plan", "-t", "pm", "-a", "create=wol,console:none", "sleeper"];
    let plan = sealed.ctys(&wake).ok();
    assert!(plan.contains("00:0E:0C:35:F8:48"), "{plan}");
    let other = lab();
    other.file("db/macmap.fdb", line);
    let folder = other.folder.join("home/db");
    let plan = other.ctys(&[&["-p", folder.to_str().unwrap()][..], &wake].concat()).ok();
    assert!(plan.contains("00:0E:0C:35:F8:48"), "{plan}");
    let (_, stderr) = other.ctys(&wake).ends(2);
    assert!(stderr.contains("macmap.fdb"), "{stderr}");
}

#[test]
fn a_replay_wakes_nobody() {
    let sealed = lab();
    let asleep = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    asleep.set_nonblocking(true).unwrap();
    let mut packet = [0; 200];
    let port = asleep.local_addr().unwrap().port();
    let action = format!("create=wol,console:none,ping:off,m:00:0e:0c:35:f8:48,broadcast:127.0.0.1,port:{port}");
    let file = sealed.folder.join("home/transcript");
    let wake = |how: &str| sealed.ctys(&[how, file.to_str().unwrap(), "-t", "pm", "-a", &action, "localhost"]);
    wake("--record").ends(0);
    assert_eq!(asleep.recv(&mut packet).ok(), Some(102), "a packet is six bytes and sixteen addresses");
    let (_, stderr) = wake("--replay").ends(5);
    assert!(stderr.contains("a replay sends nothing"), "{stderr}");
    assert_eq!(asleep.recv(&mut packet).ok(), None);
}
