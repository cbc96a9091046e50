//! The script against real shells: whatever an argument, an input, a file name or an answer holds, it arrives.

use ctys_engine::script::{Item, Means};
use ctys_engine::session::{Conversation, Session};
use ctys_engine::transport::process::Piped;
use ctys_engine::transport::{Clocks, Piece, Shell};
use ctys_model::probe::{FoundFile, Scan};
use ctys_model::{Answer, Bytes, Command, Exit, FileAnswer, Lock, Output, Phase, Place, Problem};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A shell of our choice, as a transport would open it.
struct Chosen(Piped);

impl Shell for Chosen {
    fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Problem> {
        self.0.send(bytes, until)
    }
    fn receive(&mut self, until: Instant) -> Result<Piece, Problem> {
        self.0.receive(until)
    }
    fn carrier(&self) -> &'static str {
        "chosen"
    }
}

/// The shells of every Debian; two more where the full test command has installed them.
fn shells() -> Vec<Vec<&'static str>> {
    let mut shells = vec![vec!["dash"], vec!["bash"], vec!["bash", "--posix"]];
    if cfg!(feature = "real") {
        shells.push(vec!["busybox", "sh"]);
        shells.push(vec!["mksh"]);
    }
    shells
}

fn session(shell: &[&str]) -> Session {
    session_with(shell, |_| {})
}

fn session_with(shell: &[&str], prepare: impl FnOnce(&mut std::process::Command)) -> Session {
    session_by(&[], shell, prepare)
}

fn session_by(means: &[Means], shell: &[&str], prepare: impl FnOnce(&mut std::process::Command)) -> Session {
    let mut command = std::process::Command::new(shell[0]);
    command.args(&shell[1..]);
    prepare(&mut command);
    let piped = Piped::start(&mut command).unwrap_or_else(|error| panic!("{shell:?} is needed: {error}"));
    // A machine that has other work gets as much patience as it needs.
    let patience = Duration::from_secs(120);
    let clocks = Clocks { silence: patience, ..Clocks::default() };
    Session::new(Box::new(Chosen(piped)), "f00dfeedf00dfeed".into(), means, clocks, Instant::now() + patience)
}

fn run(session: &mut Session, items: &[Item]) -> Vec<Answer> {
    let (answers, outcome) = session.round(items, None);
    outcome.unwrap();
    answers.into_iter().map(|answer| answer.expect("an answer")).collect()
}

fn output(answer: &Answer) -> &Output {
    match answer {
        Answer::Output(output) => output,
        other => panic!("{other:?} is no output"),
    }
}

fn item(command: Command) -> Item {
    Item::Run(vec![command])
}

/// Every byte but NUL: alone, doubled, after a quote and a backslash; and words that shells treat specially.
fn nasty_words() -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    for byte in 1..=255u8 {
        words.push(vec![byte]);
        words.push(vec![b'a', byte, byte, b'z']);
        words.push(vec![b'\'', byte, b'\\', byte]);
    }
    words.push((1..=255).collect());
    for word in [
        "",
        "-n",
        "-e",
        "--",
        "~",
        "~root",
        "$HOME",
        "${x}",
        "$(id)",
        "`id`",
        "*",
        "?",
        "[a-z]",
        "{a,b}",
        "a;b",
        "a&b",
        "a|b",
        ">x",
        "<x",
        "#x",
        "!x",
        "!!",
        "a=b",
        "\\\\",
        "\"",
        "''",
        "%s",
        "%n%n",
        "\r\n",
        "\\c",
        "\\0",
        "0123456789abcdef e 1 0 0",
        "if",
        "done",
        "ü",
        "日本",
        "\u{202e}",
    ] {
        words.push(word.as_bytes().to_vec());
    }
    words
}

#[test]
fn every_byte_arrives_as_an_argument() {
    for shell in shells() {
        let mut session = session(&shell);
        let words = nasty_words();
        // With its folder it is the program of coreutils, not a builtin of the shell.
        let command = Command::new("/usr/bin/printf").arg("%s\\0").args(words.clone());
        let answers = run(&mut session, &[item(command)]);
        let got = output(&answers[0]);
        assert_eq!(got.exit, Exit::Code(0), "{shell:?}: {}", got.stderr.to_text());
        let mut expected: Vec<u8> = Vec::new();
        for word in &words {
            expected.extend_from_slice(word);
            expected.push(0);
        }
        assert!(got.stdout.as_slice() == expected, "{shell:?} changed an argument");
    }
}

#[test]
fn every_byte_arrives_as_an_input_and_comes_back_as_an_output() {
    let all: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
    for shell in shells() {
        let mut session = session(&shell);
        let answers = run(&mut session, &[item(Command::new("cat").stdin(all.clone()))]);
        assert!(output(&answers[0]).stdout.as_slice() == all, "{shell:?} changed the bytes");
    }
}

#[test]
fn every_byte_can_stand_in_a_file_name() {
    let folder = tempfolder("names");
    for shell in shells() {
        let mut items = Vec::new();
        let mut contents = Vec::new();
        for word in nasty_words() {
            if word.is_empty() || word.contains(&b'/') || word.len() > 200 {
                continue;
            }
            let mut path = folder.clone().into_bytes();
            path.push(b'/');
            path.extend_from_slice(&word);
            if std::fs::write(std::ffi::OsStr::from_bytes(&path), &word).is_err() {
                continue; // "." is a folder
            }
            items.push(Item::File { path: Bytes(path), limit: 1000 });
            contents.push(word);
        }
        assert!(contents.len() > 700);
        let mut session = session(&shell);
        for (answer, content) in run(&mut session, &items).iter().zip(&contents) {
            assert_eq!(answer.content().map(|c| c.as_slice()), Some(&content[..]), "{shell:?}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_relative_file_is_below_the_home_folder_whatever_its_name() {
    let folder = tempfolder("home");
    std::fs::write(format!("{folder}/-n"), "dash").unwrap();
    for shell in shells() {
        let mut session = session_with(&shell, |command| {
            command.env("HOME", &folder);
        });
        let answers = run(&mut session, &[Item::File { path: "-n".into(), limit: 10 }]);
        assert_eq!(answers[0].content(), Some(&Bytes::from("dash")), "{shell:?}");
        assert_eq!(session.host().unwrap().home, Bytes::from(folder.as_str()));
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_missing_file_a_long_one_a_folder_and_a_pipe_are_four_answers() {
    let folder = tempfolder("files");
    let made = std::process::Command::new("mkfifo").arg(format!("{folder}/pipe")).status().unwrap();
    assert!(made.success());
    std::fs::write(format!("{folder}/long"), vec![b'x'; 5000]).unwrap();
    let file = |name: &str| Item::File { path: format!("{folder}/{name}").into(), limit: 1000 };
    for shell in shells() {
        let mut session = session(&shell);
        let answers = run(&mut session, &[file("none"), file("long"), file(""), file("pipe")]);
        assert_eq!(answers[0], Answer::File(FileAnswer::Absent), "{shell:?}");
        match &answers[1] {
            Answer::File(FileAnswer::Content { content, cut: true }) => assert_eq!(content.as_slice().len(), 1000),
            other => panic!("{shell:?}: {other:?}"),
        }
        let whole = Item::File { path: format!("{folder}/long").into(), limit: u32::MAX };
        let answers_to_whole = run(&mut session, &[whole]);
        assert_eq!(answers_to_whole[0].content().map(|content| content.0.len()), Some(5000), "{shell:?}");
        for odd in &answers[2..] {
            assert!(matches!(odd, Answer::Failed(why) if why == "it is no file"), "{shell:?}: {odd:?}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn status_and_both_outputs_come_apart() {
    for shell in shells() {
        let mut session = session(&shell);
        let sh = |script: &str| Command::new("sh").args(["-c", script]);
        let none = || Command::new("no-such-program-anywhere").arg("x");
        let answers = run(
            &mut session,
            &[
                item(sh("printf out; printf err >&2; exit 255")),
                item(none()),
                Item::Run(vec![none(), sh("exit 3")]),
                item(sh("read x || echo nothing to read")),
            ],
        );
        let first = output(&answers[0]);
        assert_eq!(first.exit, Exit::Code(255), "{shell:?}");
        assert_eq!(first.stdout.as_slice(), b"out", "{shell:?}");
        assert_eq!(first.stderr.as_slice(), b"err", "{shell:?}");
        assert_eq!(output(&answers[1]).exit, Exit::NotFound, "{shell:?}");
        assert_eq!((&output(&answers[2]).exit, output(&answers[2]).tried), (&Exit::Code(3), 1), "{shell:?}");
        assert_eq!(output(&answers[3]).stdout.as_slice(), b"nothing to read\n", "{shell:?} let an item eat the script");
    }
}

#[test]
fn a_command_that_hangs_costs_its_limit_and_not_the_others() {
    for shell in shells() {
        let mut session = session(&shell);
        let answers = run(
            &mut session,
            &[
                item(Command::new("sleep").arg("50").limit_ms(1000)),
                item(Command::new("sh").args(["-c", "exit 124"])),
                item(Command::new("echo").arg("after")),
            ],
        );
        assert_eq!(output(&answers[0]).exit, Exit::TimedOut, "{shell:?}");
        assert_eq!(output(&answers[1]).exit, Exit::Code(124), "{shell:?}: its own status is no time-out");
        assert_eq!(output(&answers[2]).stdout.as_slice(), b"after\n", "{shell:?}");
    }
}

#[test]
fn a_host_without_timeout_keeps_the_limit_by_itself() {
    // The script adds the system folders to PATH, so timeout(1) is hidden by a failing one in front.
    let folder = tempfolder("notimeout");
    let hidden = format!("{folder}/timeout");
    executable(&hidden, "#!/bin/sh\nexit 1\n");
    for shell in shells() {
        // busybox prefers its own timeout to any in the PATH.
        if shell[0] == "busybox" {
            continue;
        }
        let mut session = session_with(&shell, |command| {
            command.env("PATH", format!("{folder}:/usr/bin:/bin"));
        });
        let answers = run(
            &mut session,
            &[
                item(Command::new("sleep").arg("50").limit_ms(1000)),
                item(Command::new("cat").stdin("input arrives")),
                item(Command::new("sh").args(["-c", "exit 7"])),
            ],
        );
        assert_eq!(output(&answers[0]).exit, Exit::TimedOut, "{shell:?}");
        assert_eq!(output(&answers[1]).stdout.as_slice(), b"input arrives", "{shell:?}");
        assert_eq!(output(&answers[2]).exit, Exit::Code(7), "{shell:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// coreutils before 2010, as on Red Hat 6: the words are refused before the command has begun.
#[cfg(feature = "real")]
#[test]
fn a_timeout_that_knows_no_second_signal_is_found_out_and_the_command_still_runs_once() {
    let folder = tempfolder("oldtimeout");
    let (old, count) = (format!("{folder}/timeout"), format!("{folder}/count"));
    executable(&old, "#!/bin/sh\ncase $1 in -k) echo 'timeout: invalid option' >&2; exit 125;; esac\nexit 1\n");
    for shell in shells() {
        if shell[0] == "busybox" {
            continue;
        }
        let _ = std::fs::remove_file(&count);
        let hidden = format!("mount --bind {old} /usr/bin/timeout && exec \"$@\"");
        let words = [&["unshare", "-m", "sh", "-c", &hidden, "sh"], &shell[..]].concat();
        let mut session = session(&words);
        let counted = format!("cat; echo once >>{count}; exit 125");
        let answers = run(
            &mut session,
            &[
                item(Command::new("sh").args(["-c", &counted]).stdin("input arrives")),
                item(Command::new("sleep").arg("50").limit_ms(1000)),
            ],
        );
        assert_eq!(output(&answers[0]).stdout.as_slice(), b"input arrives", "{shell:?}");
        assert_eq!(output(&answers[0]).exit, Exit::Code(125), "{shell:?}");
        assert_eq!(std::fs::read_to_string(&count).unwrap(), "once\n", "{shell:?}");
        assert_eq!(output(&answers[1]).exit, Exit::TimedOut, "{shell:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_needs_root_is_refused_where_all_means_are_barred_unless_the_account_is_root() {
    let folder = tempfolder("barred");
    let id = format!("{folder}/id");
    for (uid, barred) in [(1000, true), (0, false)] {
        executable(&id, &format!("#!/bin/sh\n[ \"$1\" = -u ] && echo {uid} || echo 'uid={uid}(x) gid=1(y)'\n"));
        let mut session = session_by(&[Means::Barred], &["dash"], |command| {
            command.env("PATH", format!("{folder}:/usr/bin:/bin"));
        });
        let say = || Command::new("echo").arg("ran");
        let answers = run(&mut session, &[item(say()), item(say().as_root())]);
        assert_eq!(output(&answers[0]).stdout.as_slice(), b"ran\n");
        let root = output(&answers[1]);
        assert_eq!(matches!(&root.exit, Exit::Refused(why) if why.contains("another host")), barred, "{root:?}");
        assert_eq!(root.stdout.is_empty(), barred, "{root:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_step_that_fails_keeps_the_next_ones_back_unless_it_says_go_on() {
    for shell in shells() {
        let mut session = session(&shell);
        let say = |text: &str| item(Command::new("echo").arg(text));
        let fail = || item(Command::new("sh").args(["-c", "exit 4"]));
        let items = [say("a"), fail(), say("b"), fail(), say("c")];
        let (answers, outcome) = session.round(&items, Some(&[false, true, false, false, false]));
        outcome.unwrap();
        let exits: Vec<Exit> = answers.iter().map(|a| output(a.as_ref().unwrap()).exit.clone()).collect();
        let not_run = Exit::NotRun("an earlier step failed".into());
        assert_eq!(exits, [Exit::Code(0), Exit::Code(4), Exit::Code(0), Exit::Code(4), not_run], "{shell:?}");
        // The next round begins afresh.
        let (answers, _) = session.round(&[say("d")], Some(&[false]));
        assert_eq!(output(answers[0].as_ref().unwrap()).stdout.as_slice(), b"d\n", "{shell:?}");
    }
}

#[test]
fn the_host_says_who_it_is() {
    let told = |program: &str, arg: &str| {
        let output = std::process::Command::new(program).arg(arg).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    };
    // A 32-bit container on a 64-bit machine: its programs are told of another one.
    let mut session_of_32 = session(&["setarch", "i686", "dash"]);
    run(&mut session_of_32, &[]);
    let uname = std::process::Command::new("setarch").args(["i686", "uname", "-m"]).output().unwrap().stdout;
    assert_eq!(session_of_32.host().unwrap().machine, String::from_utf8_lossy(&uname).trim());
    for shell in shells() {
        let mut session = session(&shell);
        run(&mut session, &[]);
        let host = session.host().unwrap();
        assert_eq!(host.system, told("uname", "-s"), "{shell:?}");
        assert_eq!(host.node, told("uname", "-n"), "{shell:?}");
        assert_eq!(host.release, told("uname", "-r"), "{shell:?}");
        assert_eq!(host.machine, told("uname", "-m"), "{shell:?}");
        assert_eq!(host.user, told("id", "-un"), "{shell:?}");
        assert_eq!(host.group, told("id", "-gn"), "{shell:?}");
        assert_eq!(host.uid.to_string(), told("id", "-u"), "{shell:?}");
    }
}

/// On Linux the shell reads for itself who the host is, unless somebody has put programs of his own before the system's.
#[test]
fn a_program_before_the_systems_is_asked_who_the_host_is() {
    let folder = tempfolder("who");
    executable(&format!("{folder}/uname"), "#!/bin/sh\necho 'SunOS lab07 5.11 i86pc'\n");
    executable(
        &format!("{folder}/id"),
        "#!/bin/sh\necho 'uid=1017(acue) gid=1018(ldapusers) groups=1018(ldapusers)'\n",
    );
    for shell in shells() {
        let mut session = session_with(&shell, |command| {
            command.env("PATH", format!("{folder}:/usr/bin:/bin"));
        });
        run(&mut session, &[]);
        let host = session.host().unwrap();
        let said = [&host.system, &host.node, &host.release, &host.machine, &host.user, &host.group];
        assert_eq!(said, ["SunOS", "lab07", "5.11", "i86pc", "acue", "ldapusers"], "{shell:?}");
        assert_eq!(host.uid, 1017, "{shell:?}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What a listing of a host with nothing of ours needs none of.
#[cfg(feature = "real")]
#[test]
fn no_program_is_asked_who_the_host_is_or_what_a_table_of_the_kernel_holds() {
    let hidden = "for tool in uname id head; do mount --bind /bin/false /usr/bin/$tool || exit 1; done; exec \"$@\"";
    for shell in [&["dash"][..], &["bash"]] {
        let mut session = session(&[&["unshare", "-m", "sh", "-c", hidden, "sh"], shell].concat());
        let answers = run(&mut session, &[Item::File { path: "/proc/sys/kernel/ostype".into(), limit: 100 }]);
        assert!(
            matches!(&answers[0], Answer::File(FileAnswer::Content { content, .. }) if content.as_slice() == b"Linux\n"),
            "{shell:?}: {answers:?}"
        );
        let host = session.host().unwrap();
        assert_eq!((host.system.as_str(), host.user.as_str(), host.uid), ("Linux", "root", 0), "{shell:?}");
    }
}

#[test]
fn a_table_of_the_kernel_comes_whole_however_long_it_is() {
    let file = |path: &str, limit| Item::File { path: path.into(), limit };
    // Its numbers change, its names do not; there are more of them than the shell reads by itself.
    let names = |table: &str| table.lines().map(|line| line.split(' ').next().unwrap().to_string()).collect::<Vec<_>>();
    let table = std::fs::read_to_string("/proc/net/snmp6").expect("a kernel with IPv6");
    assert!(table.lines().count() > 64, "{table}");
    for shell in shells() {
        let answers =
            run(&mut session(&shell), &[file("/proc/sys/kernel/ostype", 100), file("/proc/net/snmp6", 1 << 20)]);
        let [
            Answer::File(FileAnswer::Content { content: short, .. }),
            Answer::File(FileAnswer::Content { content, cut: false }),
        ] = &answers[..]
        else {
            panic!("{shell:?}: {answers:?}")
        };
        assert_eq!(short.as_slice(), b"Linux\n", "{shell:?}");
        assert_eq!(names(&content.to_text()), names(&table), "{shell:?}");
        let cut = run(&mut session(&shell), &[file("/proc/net/snmp6", 100)]);
        assert!(
            matches!(&cut[0], Answer::File(FileAnswer::Content { content, cut: true }) if content.as_slice().len() == 100),
            "{shell:?}: {cut:?}"
        );
    }
}

#[test]
fn a_shell_that_ends_early_is_a_problem_and_keeps_what_was_answered() {
    for shell in shells() {
        let mut session = session(&shell);
        // timeout(1) stands between the shell and its command.
        let kill = Command::new("sh").args(["-c", "kill -9 $(ps -o ppid= -p $PPID)"]);
        let items = [item(Command::new("echo").arg("x")), item(kill), item(Command::new("true"))];
        let (answers, outcome) = session.round(&items, None);
        let problem = outcome.unwrap_err();
        assert!(problem.message.contains("ended"), "{}", problem.message);
        assert_eq!(output(answers[0].as_ref().unwrap()).stdout.as_slice(), b"x\n");
        assert_eq!(answers[2], None);
    }
}

#[test]
fn a_step_during_which_the_host_is_lost_had_begun_and_those_after_it_had_not() {
    for shell in shells() {
        let mut session = session(&shell);
        let kill = Command::new("sh").args(["-c", "kill -9 $(ps -o ppid= -p $PPID)"]).changes();
        let items = [item(Command::new("echo").arg("x")), item(kill), item(Command::new("true").changes())];
        let (answers, outcome) = session.round(&items, Some(&[false, false, false]));
        assert!(outcome.is_err(), "{shell:?}");
        let begun = |n: usize| match &output(answers[n].as_ref().unwrap()).exit {
            Exit::Lost { begun, phase, .. } => {
                assert_eq!(*phase, Phase::Connect);
                Some(*begun)
            }
            _ => None,
        };
        assert_eq!([begun(0), begun(1), begun(2)], [None, Some(true), Some(false)], "{shell:?}");
    }
}

#[test]
fn a_walk_finds_files_by_name_whatever_they_are_called_and_whatever_is_in_them() {
    let folder = tempfolder("walk");
    let all: Vec<u8> = (0..=255u8).collect();
    std::fs::create_dir_all(format!("{folder}/xen/a 'b\"\n$x/deep")).unwrap();
    std::fs::write(format!("{folder}/xen/a 'b\"\n$x/one.conf"), &all).unwrap();
    std::fs::write(format!("{folder}/xen/a 'b\"\n$x/deep/two.ctys"), "two").unwrap();
    std::fs::write(format!("{folder}/xen/three.conf~"), "no").unwrap();
    std::fs::write(format!("{folder}/xen/-four.conf"), "four").unwrap();
    std::fs::create_dir(format!("{folder}/xen/five.conf")).unwrap();
    std::os::unix::fs::symlink("-four.conf", format!("{folder}/xen/six.conf")).unwrap();
    std::os::unix::fs::symlink(".", format!("{folder}/xen/loop")).unwrap();
    std::os::unix::fs::symlink("xen", format!("{folder}/linked")).unwrap();
    std::os::unix::fs::symlink("nowhere", format!("{folder}/xen/dangling.conf")).unwrap();
    std::os::unix::fs::symlink("/dev/null", format!("{folder}/xen/device.conf")).unwrap();
    let scan = |bases: &[&str], depth| {
        Item::Scan(Scan {
            place: Place::Target,
            bases: bases.iter().map(|&base| base.into()).collect(),
            names: vec!["*.conf".into(), "*.ctys".into()],
            depth,
            limit: 200,
        })
    };
    // A host without perl has all the rest.
    let bare = format!("{folder}/bare");
    std::fs::create_dir(&bare).unwrap();
    for entry in std::fs::read_dir("/usr/bin").unwrap().flatten().filter(|entry| entry.file_name() != "perl") {
        std::os::unix::fs::symlink(entry.path(), Path::new(&bare).join(entry.file_name())).unwrap();
    }
    let paths = [std::env::var("PATH").unwrap(), bare];
    for (shell, path) in shells().iter().flat_map(|shell| paths.iter().map(move |path| (shell, path))) {
        let mut session = session_with(shell, |command| {
            command.env("HOME", &folder).env("PATH", path);
        });
        let items = [
            scan(&["xen", "~/xen", "none", "/nowhere"], 9),
            scan(&["~"], 2),
            scan(&["none"], 2),
            scan(&["linked/"], 1),
            scan(&["linked", "xen"], 3),
        ];
        let answers = run(&mut session, &items);
        // This machine is walked without a shell, with the same result.
        for (item, answer) in items.iter().zip(&answers) {
            let Item::Scan(scan) = item else { unreachable!() };
            let walked = ctys_engine::walk::walk(scan, folder.as_bytes(), Instant::now() + Duration::from_secs(60));
            assert_eq!(&Answer::Scanned(walked), answer, "{shell:?} {scan:?}");
        }
        let found = |answer: &Answer| match answer {
            Answer::Scanned(scanned) => {
                assert!(!scanned.cut, "{shell:?}");
                let shown = |file: &FoundFile| {
                    let path = String::from_utf8(file.path.0.clone()).unwrap();
                    (path.strip_prefix(&folder).unwrap_or(&path).to_string(), file.file.clone())
                };
                scanned.files.iter().map(shown).collect::<Vec<_>>()
            }
            other => panic!("{shell:?}: {other:?}"),
        };
        let content = |bytes: &[u8], cut| FileAnswer::Content { content: Bytes(bytes.to_vec()), cut };
        let four = ("/xen/-four.conf".to_string(), content(b"four", false));
        let six = ("/xen/six.conf".to_string(), content(b"four", false));
        let mut expected = vec![
            ("/none".to_string(), FileAnswer::Absent),
            ("/nowhere".to_string(), FileAnswer::Absent),
            four.clone(),
            ("/xen/a 'b\"\n$x/deep/two.ctys".to_string(), content(b"two", false)),
            ("/xen/a 'b\"\n$x/one.conf".to_string(), content(&all[..200], true)),
            six.clone(),
        ];
        let mut got = found(&answers[0]);
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        got.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(got, expected, "{shell:?}");
        assert_eq!(found(&answers[1]), [four, six], "{shell:?}: two levels below the home");
        assert_eq!(found(&answers[2]), [("/none".to_string(), FileAnswer::Absent)], "{shell:?}");
        assert_eq!((found(&answers[3]).len(), found(&answers[4]).len()), (2, 8), "{shell:?}: a base that is a link");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn where_no_folder_is_near_nothing_is_started() {
    let folder = tempfolder("near");
    std::fs::create_dir_all(format!("{folder}/a b/inner")).unwrap();
    let near = |folders: &[&str]| {
        let absent = Command::new("ctys-no-such-tool").near(folders.iter().copied());
        Item::Run(vec![absent, Command::new("echo").arg("asked")])
    };
    for shell in shells() {
        let mut session = session_with(&shell, |command| {
            command.env("HOME", &folder);
        });
        let here = format!("{folder}/a b");
        let cases: [(&[&str], &str); 7] = [
            (&["/nowhere/at/all"], ""),
            (&["~/c", "/nowhere"], ""),
            (&["~/a b/inner"], "asked\n"),
            (&["/nowhere", &here], "asked\n"),
            (&["~/a b/inner/deeper"], ""),
            (&["~"], "asked\n"),
            (&["/"], "asked\n"),
        ];
        let items: Vec<Item> = cases.iter().map(|(folders, _)| near(folders)).collect();
        for ((folders, expected), answer) in cases.iter().zip(run(&mut session, &items)) {
            let output = output(&answer);
            assert_eq!(
                (&output.exit, output.stdout.to_text().as_ref()),
                (&Exit::Code(0), *expected),
                "{shell:?} {folders:?}"
            );
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// What an account may not enter may hold anything.
#[cfg(feature = "real")]
#[test]
fn a_folder_behind_one_that_may_not_be_entered_may_be_there() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfolder("closed");
    std::fs::create_dir_all(format!("{folder}/closed")).unwrap();
    std::fs::set_permissions(format!("{folder}/closed"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let ask = |place: &str| item(Command::new("echo").arg("asked").near([format!("{folder}/{place}").as_str()]));
    for shell in shells() {
        let mut words = vec!["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        words.extend(&shell);
        let mut session = session(&words);
        let answers = run(&mut session, &[ask("closed/x/y"), ask("open/x")]);
        let said: Vec<String> = answers.iter().map(|answer| output(answer).stdout.to_text().into_owned()).collect();
        assert_eq!(said, ["asked\n", ""], "{shell:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// Writes a program. Another process does so: what a thread beside this one starts at the same moment would hold the file open for
/// writing for a while, and so long the kernel does not run it.
fn executable(file: &str, text: &str) {
    let script = "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"";
    let status = std::process::Command::new("sh").args(["-c", script, "sh", file, text]).status().unwrap();
    assert!(status.success(), "{file}");
}

fn tempfolder(name: &str) -> String {
    let folder = std::env::temp_dir().join(format!("ctys-shells-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.to_str().unwrap().to_string()
}

#[test]
fn a_lock_keeps_others_out_until_its_conversation_ends_and_nothing_inherits_it() {
    let base = std::env::temp_dir().join(format!("ctys-lock-{}", std::process::id()));
    for shell in shells() {
        let _ = std::fs::remove_dir_all(&base);
        let (path, moved) = (base.join("it's a"), base.join("moved"));
        std::fs::create_dir_all(&path).unwrap();
        let lock = |path: &std::path::Path, wait_ms| {
            Item::Lock(Lock { path: path.as_os_str().as_bytes().to_vec().into(), wait_ms, ..Lock::default() })
        };
        let code = |session: &mut Session, item: Item| match output(&run(session, &[item])[0]).exit {
            Exit::Code(code) => code,
            ref other => panic!("{shell:?}: {other:?}"),
        };
        let (mut one, mut two) = (session(&shell), session(&shell));
        assert_eq!(code(&mut one, lock(&base.join("absent"), 0)), 2, "{shell:?}");
        assert_eq!(code(&mut one, lock(&path, 0)), 0, "{shell:?}");
        assert_eq!(code(&mut two, lock(&path, 200)), 75, "{shell:?}");
        // What is started under the lock lives on without it, the chain of a change included.
        let daemon = Command::new("sh").args(["-c", "sleep 60 >/dev/null 2>&1 </dev/null & echo $!"]).changes();
        let (answers, outcome) = one.round(&[item(daemon)], Some(&[false]));
        outcome.unwrap();
        let daemon = output(answers[0].as_ref().unwrap()).stdout.to_text().trim().to_string();
        // Another lock gives this one back, and so does the end.
        assert_eq!(code(&mut one, lock(&base, 0)), 0, "{shell:?}");
        assert_eq!(code(&mut two, lock(&path, 0)), 0, "{shell:?}");
        drop(one);
        let mut three = session(&shell);
        assert_eq!(code(&mut three, lock(&base, 60_000)), 0, "{shell:?}");
        assert_eq!(code(&mut three, lock(std::path::Path::new(""), 0)), 0, "{shell:?}");
        // Who waits for a path that is renamed meanwhile does not get the lock of what it became.
        let waiting = std::thread::spawn({
            let (item, mut four) = (lock(&path, 60_000), session(&shell));
            move || run(&mut four, &[item]).remove(0)
        });
        std::fs::rename(&path, &moved).unwrap();
        drop(two);
        assert_eq!(output(&waiting.join().unwrap()).exit, Exit::Code(2), "{shell:?}");
        std::process::Command::new("kill").arg(daemon).status().unwrap();
    }
    std::fs::remove_dir_all(base).unwrap();
}

/// The signals that a process of a chain ignores, by the kernel.
fn ignores_pipe(session: &mut Session, command: Command) -> bool {
    let (answers, outcome) = session.round(&[item(command)], Some(&[false]));
    outcome.unwrap();
    let text = output(answers[0].as_ref().unwrap()).stdout.to_text().into_owned();
    let mask = text.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_else(|| panic!("{text}"));
    u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (libc::SIGPIPE - 1)) != 0
}

#[test]
fn what_a_change_leaves_running_has_the_usual_signals() {
    let command = || Command::new("cat").arg("/proc/self/status").changes();
    for shell in shells() {
        let mut session = session(&shell);
        assert!(ignores_pipe(&mut session, command()), "{shell:?}: a step is not ended by a closed pipe");
        assert!(!ignores_pipe(&mut session, command().lasting()), "{shell:?}: what it starts is, as ever");
        // Its arguments arrive as they are.
        let words = Command::new("printf").args(["%s|", "a b", "$x", "*"]).changes().lasting();
        let (answers, outcome) = session.round(&[item(words)], Some(&[false]));
        outcome.unwrap();
        assert_eq!(output(answers[0].as_ref().unwrap()).stdout.to_text(), "a b|$x|*|", "{shell:?}");
    }
    // By perl, where env is an older one.
    let folder = std::env::temp_dir().join(format!("ctys-env-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let env = folder.join("env");
    std::fs::write(&env, "#!/bin/sh\nexit 125\n").unwrap();
    std::fs::set_permissions(&env, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    for shell in shells() {
        let mut session = session_with(&shell, |shell| {
            shell.env("PATH", &path);
        });
        assert!(!ignores_pipe(&mut session, command().lasting()), "{shell:?}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
