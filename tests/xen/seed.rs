//! The calls of the seed page against a real Xen 4.17, over real ssh.

#[path = "../sealed/mod.rs"]
mod sealed;
#[path = "mod.rs"]
mod xen;

use sealed::{Outcome, plugins};
use std::process::{Command, Stdio};
use std::time::Duration;
use xen::Dom0;

const CONF: &str = "/root/xen/tst-ctys/tst100/tst100.conf";
const UUID: &str = "6842caf91e3e43249ed596b8b9f2c5c2";

fn command(dom0: &Dom0, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
    command.arg("--ssh-config").arg(&dom0.config).args(words);
    command.env("CTYS_PLUGIN_PATH", plugins()).env("HOME", std::env::temp_dir()).stdin(Stdio::null());
    command
}

/// `ctys -t xen -a ACTION TARGET`.
fn ctys(dom0: &Dom0, action: &str, target: &str) -> Outcome {
    let words = ["-t", "xen", "-a", action, target];
    Outcome::of(command(dom0, &words).output().unwrap(), format!("ctys {}", words.join(" ")))
}

fn names(dom0: &Dom0) -> Vec<String> {
    dom0.domains().into_iter().map(|(name, _)| name).collect()
}

fn state(dom0: &Dom0, name: &str) -> String {
    dom0.domains().into_iter().find(|(known, _)| known == name).map(|(_, state)| state).unwrap_or_default()
}

#[test]
fn a_domain_is_started_listed_and_cancelled_by_its_pathname() {
    let dom0 = Dom0::shared();
    let rows = "list=terse,tab_gen:3_l_8%%2_t_3%%9_p_4%%6_m_17";
    assert_eq!(ctys(&dom0, rows, "lab00").ok(), "Domain-0|XEN|    |                 \n");
    ctys(&dom0, "create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:none", "lab00").ok();
    assert_eq!(names(&dom0), ["tst100"]);
    // The port is the one the running domain has (vncunused=1).
    assert_eq!(
        ctys(&dom0, rows, "lab00").ok(),
        "Domain-0|XEN|    |                 \ntst100  |XEN|5900|00:50:56:13:11:40\n"
    );
    ctys(&dom0, &format!("cancel=poweroff:0,p:{CONF}"), "lab00").ok();
    assert_eq!(names(&dom0), [""; 0]);
}

#[test]
fn what_runs_is_not_started_again_and_what_does_not_run_is_not_connected_to() {
    let dom0 = Dom0::shared();
    let (_, stderr) = ctys(&dom0, "create=l:tst101,CONSOLE:none,connect", "lab00").ends(5);
    assert!(stderr.contains("tst101"), "{stderr}");
    assert_eq!(names(&dom0), [""; 0], "connect started something");
    ctys(&dom0, "create=l:tst101,CONSOLE:none", "lab00").ok();
    let before = dom0.ssh("xl domid tst101");
    let (_, stderr) = ctys(&dom0, "create=l:tst101,CONSOLE:none", "lab00").ends(5);
    assert!(stderr.contains("tst101") && stderr.contains("REUSE"), "{stderr}");
    ctys(&dom0, "create=l:tst101,CONSOLE:none,reuse", "lab00").ok();
    assert_eq!(dom0.ssh("xl domid tst101"), before, "it is another domain");
}

#[test]
fn every_kind_of_address_means_the_same_machine() {
    let dom0 = Dom0::shared();
    ctys(&dom0, "create=l:tst100,CONSOLE:none", "lab00").ok();
    for address in [
        "f:xen/tst-ctys/tst100/tst100.conf",
        "f:tst-ctys/tst100/tst100.conf",
        "f:tst100/tst100.conf",
        &format!("p:{CONF}"),
        &format!("i:{CONF}"),
        "l:tst100",
        &format!("u:{UUID}"),
        "u:6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C2",
        "m:00:50:56:13:11:40",
        "t:192.168.1.220",
    ] {
        ctys(&dom0, &format!("create={address},CONSOLE:none,connect"), "lab00").ok();
    }
    let (_, stderr) = ctys(&dom0, "create=l:tst100,m:00:50:56:13:11:41,CONSOLE:none,connect", "lab00").ends(5);
    assert!(!stderr.is_empty());
}

#[test]
fn cancel_without_a_match_touches_nothing() {
    let dom0 = Dom0::shared();
    ctys(&dom0, "create=l:tst100,CONSOLE:none", "lab00").ok();
    // `tst10` is a part of a label, not a label.
    for address in ["l:nosuch", "l:tst10", "u:00000000000000000000000000000000", "p:/nowhere/x.conf", "l:Domain-0"] {
        let outcome = ctys(&dom0, &format!("cancel={address},FORCE,POWEROFF:0"), "lab00");
        assert_ne!(outcome.code, 0, "{outcome:?}");
    }
    assert_eq!(names(&dom0), ["tst100"]);
}

#[test]
fn pause_suspend_and_resume_bring_the_same_domain_back() {
    let dom0 = Dom0::shared();
    ctys(&dom0, "create=l:tst100,CONSOLE:none", "lab00").ok();
    ctys(&dom0, "cancel=l:tst100,PAUSE", "lab00").ok();
    assert_eq!(state(&dom0, "tst100"), "--p---");
    ctys(&dom0, "create=l:tst100,RESUME,CONSOLE:none", "lab00").ok();
    assert_ne!(state(&dom0, "tst100"), "--p---");
    ctys(&dom0, "cancel=l:tst100,SUSPEND", "lab00").ok();
    assert_eq!(names(&dom0), [""; 0]);
    ctys(&dom0, "create=l:tst100,RESUME,CONSOLE:none", "lab00").ok();
    assert_eq!(names(&dom0), ["tst100"]);
    assert!(dom0.ssh("xl list -l tst100").contains("6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2"));
}

#[test]
fn without_a_right_it_says_z_and_with_it_the_account_does_it() {
    let dom0 = Dom0::shared();
    let (_, stderr) = ctys(&dom0, "list=terse,machine", "acue@lab00").ends(5);
    assert!(stderr.contains("privilege") && stderr.contains("-Z"), "{stderr}");
    assert!(ctys(&dom0, "list=terse,tab_gen:3_l_8", "acue@lab00(-Z SUDO)").ok().contains("Domain-0"));
    assert!(ctys(&dom0, "list=terse,tab_gen:3_l_8", "acue@lab00(-Z DOAS)").ok().contains("Domain-0"));
    let (_, stderr) = ctys(&dom0, "list=terse,machine", "chkusr@lab00(-Z SUDO)").ends(5);
    assert!(stderr.contains("privilege"), "{stderr}");
}

#[test]
fn configured_machines_are_enumerated_whether_they_run_or_not() {
    let dom0 = Dom0::shared();
    let table = "enumerate=terse,tab_gen:3_l_6%%2_t_3%%9_p_4%%6_m_17%%7_a_13,b:xen,sort";
    assert_eq!(
        ctys(&dom0, table, "lab00").ok(),
        "tst100|XEN|    |00:50:56:13:11:40|192.168.1.220\n\
         tst101|XEN|    |00:50:56:13:11:41|192.168.1.221\n\
         tst104|XEN|    |00:50:56:13:11:44|192.168.1.224\n"
    );
}

#[test]
fn two_sessions_are_created_by_one_call() {
    let dom0 = Dom0::shared();
    let words = [
        "-t",
        "xen",
        "--",
        "lab00( -a create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:none )",
        "lab00( -a create=f:xen/tst-ctys/tst101/tst101.conf,CONSOLE:none )",
    ];
    Outcome::of(command(&dom0, &words).output().unwrap(), "two creates".into()).ok();
    let mut names = names(&dom0);
    names.sort();
    assert_eq!(names, ["tst100", "tst101"]);
}

#[test]
fn a_text_console_takes_the_terminal_and_gives_it_back() {
    let dom0 = Dom0::shared();
    let tmux = Tmux::start();
    let call = command(&dom0, &["-t", "xen", "-a", "create=l:tst101,CONSOLE:cli", "lab00"]);
    let words: Vec<String> = call.get_args().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let program = format!("CTYS_PLUGIN_PATH={} {}", plugins().display(), env!("CARGO_BIN_EXE_ctys"));
    tmux.line("stty -a | md5sum");
    // What is typed before the answer has come would stand in its line.
    tmux.wait_for("  -\n");
    tmux.line(&format!("{program} {}; echo \"ended $?\"; stty -a | md5sum", words.join(" ")));
    tmux.wait_for("tst101 login:");
    assert!(tmux.screen().contains("console of tst101 (XEN, uuid"), "{}", tmux.screen());
    tmux.line("root");
    tmux.wait_for("root login on");
    tmux.line("echo $((40+2))");
    tmux.wait_for("\n42");
    tmux.keys("C-]");
    tmux.wait_for("ended 0");
    let screen = tmux.wait_until(|screen| screen.lines().filter(|line| line.ends_with("  -")).count() == 2);
    let sums: Vec<&str> = screen.lines().filter(|line| line.ends_with("  -")).collect();
    assert_eq!(sums[0], sums[1], "the terminal is not as it was:\n{screen}");
    assert_eq!(names(&dom0), ["tst101"], "leaving the console ended the domain");
}

/// A real terminal: a tmux of its own.
struct Tmux {
    socket: String,
}

impl Tmux {
    fn start() -> Tmux {
        let tmux = Tmux { socket: format!("ctys-{}", std::process::id()) };
        tmux.call(&["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "50", "sh"]);
        tmux
    }

    fn call(&self, words: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.socket]).args(words).output().expect("tmux");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn line(&self, text: &str) {
        self.call(&["send-keys", "-l", text]);
        self.keys("Enter");
    }

    fn keys(&self, keys: &str) {
        self.call(&["send-keys", keys]);
    }

    fn screen(&self) -> String {
        self.call(&["capture-pane", "-p", "-J"])
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        self.wait_until(|screen| screen.contains(text));
    }

    /// Polls the screen: a guest under emulation boots for some twenty seconds.
    #[track_caller]
    fn wait_until(&self, seen: impl Fn(&str) -> bool) -> String {
        for _ in 0..1200 {
            let screen = self.screen();
            if seen(&screen) {
                return screen;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("it never came:\n{}", self.screen());
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.call(&["kill-server"]);
    }
}
