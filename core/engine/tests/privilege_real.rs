//! The real sudo and doas: what they let through, what they refuse and how that is told.
//!
//! Every session is a shell of an account of its own, in a mount namespace where the account database and the rules
//! are the test's. Needs root (or a sudo that gives it), `sudo` and `opendoas`.

use ctys_engine::script::{Item, Means};
use ctys_engine::session::{Conversation, Session};
use ctys_engine::transport::process::Piped;
use ctys_engine::transport::{Clocks, Piece, Shell};
use ctys_model::{Answer, Command, Exit, Problem};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

struct Local(Piped);

impl Shell for Local {
    fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Problem> {
        self.0.send(bytes, until)
    }
    fn receive(&mut self, until: Instant) -> Result<Piece, Problem> {
        self.0.receive(until)
    }
    fn carrier(&self) -> &'static str {
        "made up"
    }
}

const ACCOUNT: &str = "ctystest";

/// The shell of an account, and the folder it needs for as long as it lives.
struct Account {
    session: Session,
    _folder: Folder,
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What the namespace had mounted there has ended with its last process.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A shell of an ordinary account on a machine with these rules of sudo and doas. An empty file of rules is no file.
fn session(sudoers: &str, doas: &str, means: &[Means]) -> Account {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("ctys-privilege-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let put = |name: &str, text: String, mode: u32| {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let with = |file: &str, line: &str| format!("{}{line}\n", fs::read_to_string(file).unwrap());
    put("passwd", with("/etc/passwd", &format!("{ACCOUNT}:x:64242:64242::/tmp:/bin/sh")), 0o644);
    put("group", with("/etc/group", &format!("{ACCOUNT}:x:64242:")), 0o644);
    put("sudoers", format!("root ALL=(ALL:ALL) ALL\n{sudoers}\n"), 0o440);
    put("doas.conf", format!("{doas}\n"), 0o600);
    // PAM must not look for a password in a database that does not know the account.
    put("shadow", format!("root:*:19000::::::\n{ACCOUNT}:*:19000::::::\n"), 0o640);
    let script = "set -e; cd \"$1\"; chown 0:0 *; mkdir etc; mount -t tmpfs none etc; cp -a /etc/. etc; \
                  rm -f etc/doas.conf; rm -rf etc/sudoers.d; cp -a passwd group shadow sudoers etc; \
                  if [ \"$(cat doas.conf)\" ]; then cp -a doas.conf etc; fi; mount --bind etc /etc; cd /; \
                  exec setpriv --reuid 64242 --regid 64242 --clear-groups --reset-env sh";
    let root = fs::metadata("/proc/self").map(|about| std::os::unix::fs::MetadataExt::uid(&about)).unwrap() == 0;
    let mut command = std::process::Command::new(if root { "unshare" } else { "sudo" });
    if !root {
        command.args(["-n", "unshare"]);
    }
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).arg(&folder);
    let piped = Piped::start(&mut command).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let session = Session::new(Box::new(Local(piped)), "f00dfeedf00dfeed".into(), means, Clocks::default(), deadline);
    Account { session, _folder: Folder(folder) }
}

/// How each of these commands ends when it is run as root.
fn exits(Account { session, .. }: &mut Account, commands: &[&[&str]]) -> Vec<Exit> {
    let root = |words: &&[&str]| Item::Run(vec![Command::new(words[0]).args(words[1..].iter().copied()).as_root()]);
    let items: Vec<Item> = commands.iter().map(root).collect();
    let (answers, outcome) = session.round(&items, None);
    outcome.unwrap();
    assert_eq!(session.host().unwrap().user, ACCOUNT);
    let exit = |answer: Option<Answer>| match answer {
        Some(Answer::Output(output)) => output.exit,
        other => panic!("{other:?}"),
    };
    answers.into_iter().map(exit).collect()
}

fn refused(exit: &Exit, part: &str) {
    assert!(matches!(exit, Exit::Refused(why) if why.contains(part)), "{part:?} is not in {exit:?}");
}

const IS_ROOT: [&str; 3] = ["sh", "-c", "test \"$(id -u)\" = 0"];

#[test]
fn sudo_without_a_password_runs_it_and_its_own_status_is_told() {
    let mut session = session(&format!("{ACCOUNT} ALL=(ALL) NOPASSWD: ALL"), "", &[Means::Sudo]);
    let exits =
        exits(&mut session, &[&IS_ROOT, &["false"], &["sh", "-c", "exit 37"], &["sh", "-c", "cat >&2; exit 1"]]);
    assert_eq!(exits, [Exit::Code(0), Exit::Code(1), Exit::Code(37), Exit::Code(1)]);
}

#[test]
fn sudo_with_a_password_is_a_refusal_and_nothing_prompts() {
    let mut session = session(&format!("{ACCOUNT} ALL=(ALL) ALL"), "", &[Means::Sudo]);
    refused(&exits(&mut session, &[&IS_ROOT])[0], "a password is required");
}

#[test]
fn sudo_for_somebody_it_does_not_know_is_a_refusal() {
    let mut session = session("", "", &[Means::Sudo]);
    refused(&exits(&mut session, &[&IS_ROOT])[0], "password is required");
}

#[test]
fn sudo_for_some_commands_only_refuses_the_others() {
    let mut session = session(&format!("{ACCOUNT} ALL=(ALL) NOPASSWD: /usr/bin/id, /bin/id"), "", &[Means::Sudo]);
    let exits = exits(&mut session, &[&["id"], &["true"]]);
    assert_eq!(exits[0], Exit::Code(0));
    refused(&exits[1], "the rules of sudo leave this command out");
}

#[test]
fn doas_lets_through_refuses_and_never_prompts() {
    let mut free = session("", &format!("permit nopass {ACCOUNT}"), &[Means::Doas]);
    assert_eq!(exits(&mut free, &[&IS_ROOT, &["false"]]), [Exit::Code(0), Exit::Code(1)]);
    let mut asks = session("", &format!("permit {ACCOUNT}"), &[Means::Doas]);
    refused(&exits(&mut asks, &[&IS_ROOT])[0], "doas: Authentication required");
    let mut unknown = session("", "permit nopass root", &[Means::Doas]);
    refused(&exits(&mut unknown, &[&IS_ROOT])[0], "doas: Operation not permitted");
    let mut without = session("", "", &[Means::Doas]);
    refused(&exits(&mut without, &[&IS_ROOT])[0], "doas");
}

#[test]
fn a_command_of_root_is_kept_to_its_time_limit() {
    for (sudoers, doas, means) in [
        (format!("{ACCOUNT} ALL=(ALL) NOPASSWD: ALL"), String::new(), Means::Sudo),
        (String::new(), format!("permit nopass {ACCOUNT}"), Means::Doas),
    ] {
        let mut session = session(&sudoers, &doas, &[means]);
        let slow = Command::new("sleep").args(["1000"]).as_root().limit_ms(1000);
        let items = [Item::Run(vec![slow]), Item::Run(vec![Command::new("true")])];
        let (answers, outcome) = session.session.round(&items, None);
        outcome.unwrap_or_else(|problem| panic!("{means:?}: {problem:?}"));
        assert!(
            matches!(&answers[0], Some(Answer::Output(output)) if output.exit == Exit::TimedOut),
            "{means:?}: {:?}",
            answers[0]
        );
        assert!(matches!(&answers[1], Some(Answer::Output(output)) if output.ok()), "{means:?}: {:?}", answers[1]);
    }
}
