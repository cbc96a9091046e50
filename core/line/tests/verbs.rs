//! Short verbs: the same calls in other words, and nothing guessed.

mod common;

use common::sh;
use ctys_line::{CallLine, Mistake, Shelf, Sought, Special, TOPICS, VERBS, Whereabouts, World, explain, help, parse};
use ctys_model::{Action, CancelMethod, ConsoleKind, CreateMode, Phase, Problem};

/// An inventory: label, target, type.
#[derive(Default)]
struct Known(&'static [(&'static str, &'static str, &'static str)]);

impl Shelf for Known {
    fn macro_file(&self, _: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn group(&self, _: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn whereabouts(&self, sought: &Sought) -> Result<Vec<Whereabouts>, Problem> {
        if sought.address.label.as_deref() == Some("broken") {
            return Err(Problem::new(Phase::Connect, "lab00 was not reached").hint("is it up?"));
        }
        let fits = |(label, target, kind): &&(&str, &str, &str)| {
            sought.address.label.as_deref() == Some(label)
                && sought.host.as_deref().is_none_or(|host| host == *target)
                && (sought.types.is_empty() || sought.types.iter().any(|name| name == kind))
        };
        let place = |(_, target, kind): &(&str, &str, &str)| Whereabouts {
            target: target.to_string(),
            session_type: kind.to_string(),
            about: format!("seen on {target}"),
        };
        Ok(self.0.iter().filter(fits).map(place).collect())
    }
}

const LAB: Known = Known(&[
    ("tst100", "lab00", "XEN"),
    ("tst101", "lab00", "XEN"),
    ("tst101", "lab01", "QEMU"),
    ("desk", "lab01", "VNC"),
]);

fn call(line: &str) -> Result<CallLine, Vec<Mistake>> {
    parse(&sh(line), &World::new("acue", &LAB))
}

#[track_caller]
fn right(line: &str) -> CallLine {
    call(line).unwrap_or_else(|mistakes| {
        panic!("{line}: {}", mistakes.iter().map(|m| m.to_string()).collect::<Vec<_>>().join("\n"))
    })
}

#[track_caller]
fn wrong(line: &str) -> Mistake {
    match call(line) {
        Ok(call) => panic!("{line} was understood as {}", explain(&call)),
        Err(mut mistakes) => {
            assert_eq!(mistakes.len(), 1, "{line}: {mistakes:?}");
            mistakes.remove(0)
        }
    }
}

/// Every short form with the classic one it is.
const CALLS: &[(&str, &str)] = &[
    ("ls", "-a list"),
    ("ls lab00 lab01", "-a list lab00 lab01"),
    ("ls -t xen --output json lab00'(-Z SUDO)'", "-t xen --output json -a list lab00'(-Z SUDO)'"),
    ("info lab00", "-a info lab00"),
    ("show lab00", "-a show lab00"),
    ("doctor lab00 lab01", "--doctor -a info lab00 lab01"),
    ("start tst100 -t xen lab00", "-t xen -a create=l:tst100,reuse,console:none lab00"),
    ("start lab00/tst100", "-t xen -a create=l:tst100,reuse,console:none lab00"),
    ("start tst100", "-t xen -a create=l:tst100,reuse,console:none lab00"),
    ("start -t xen a lab00 lab01", "-t xen -a create=l:a,reuse,console:none lab00 lab01"),
    ("start -t xen lab00/a,CONSOLE:CLI", "-t xen -a create=l:a,console:cli,reuse lab00"),
    ("start -t xen lab00/a,connect", "-t xen -a create=l:a,connect,console:none lab00"),
    (
        "start -t xen lab00/a lab01/b",
        "-t xen lab00'(-a create=l:a,reuse,console:none)' lab01'(-a create=l:b,reuse,console:none)'",
    ),
    ("start -t xen lab00/a lab01/a", "-t xen -a create=l:a,reuse,console:none lab00 lab01"),
    ("stop lab00/tst101 -Z sudo", "-t xen -Z sudo -a cancel=l:tst101,poweroff lab00"),
    ("stop -t qemu tst101", "-t qemu -a cancel=l:tst101,poweroff lab01"),
    ("stop lab00/tst100,poweroff:5", "-t xen -a cancel=l:tst100,poweroff:5 lab00"),
    ("stop -t xen acue@lab00:2222/tst100", "-t xen -a cancel=l:tst100,poweroff acue@lab00:2222"),
    ("stop -t xen [::1]:2222/tst100", "-t xen -a cancel=l:tst100,poweroff [::1]:2222"),
    ("stop -t xen lab00//etc/xen/a.cfg", "-t xen -a cancel=p:/etc/xen/a.cfg,poweroff lab00"),
    ("stop -t xen /etc/xen/a.cfg lab00", "-t xen -a cancel=p:/etc/xen/a.cfg,poweroff lab00"),
    ("stop -t xen f:xen/a lab00", "-t xen -a cancel=f:xen/a,poweroff lab00"),
    (
        "stop -t xen lab00/u:6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c2",
        "-t xen -a cancel=u:6842caf91e3e43249ed596b8b9f2c5c2,poweroff lab00",
    ),
    ("stop -t xen lab00'(-Z sudo)'/a", "-t xen -a cancel=l:a,poweroff lab00'(-Z sudo)'"),
    ("stop tst100 lab00'(-t xen -Z sudo)'", "-a cancel=l:tst100,poweroff lab00'(-t xen -Z sudo)'"),
    ("stop '(-t xen)' tst100 lab00", "-t xen -a cancel=l:tst100,poweroff lab00"),
    ("console tst100", "-t xen -a create=l:tst100,connect,console:cli lab00"),
    ("console lab00/tst100,console:xterm", "-t xen -a create=l:tst100,console:xterm,connect lab00"),
    ("console desk", "-t vnc -a create=l:desk,connect lab01"),
    ("exec -t cube lab00/web -- uname -a", "-t cube -a create=l:web,connect,console:cli,cmd:uname%-a lab00"),
    (
        "exec -t cube lab00/web -- sh -c 'echo a:b,c 100%'",
        "-t cube -a 'create=l:web,connect,console:cli,cmd:sh%-c%echo a::b,,c 100%%' lab00",
    ),
    ("pause tst100", "-t xen -a cancel=l:tst100,pause lab00"),
    ("save tst100", "-t xen -a cancel=l:tst100,suspend lab00"),
    ("resume tst100", "-t xen -a create=l:tst100,resume,console:none lab00"),
    ("reboot tst100", "-t xen -a cancel=l:tst100,reboot lab00"),
    ("reset tst100", "-t xen -a cancel=l:tst100,reset lab00"),
    ("apply some/file", "--apply some/file"),
    ("help", "-h"),
    ("help stop", "-H stop"),
    ("help -- exit", "-H exit"),
];

#[test]
fn a_short_verb_is_the_same_call_as_its_classic_form_and_is_explained_so() {
    for (short, classic) in CALLS {
        // A remark about what a classic call leaves to ctys is no part of it.
        let silent = |line: &str| CallLine { notices: Vec::new(), ..right(line) };
        let (call, same) = (silent(short), silent(classic));
        assert_eq!(call, same, "{short}\n{}", explain(&call));
        // What --explain prints is that call again.
        let words = explain(&call);
        assert_eq!(silent(words.strip_prefix("ctys ").unwrap()), call, "{short}\n{words}");
    }
    for verb in VERBS {
        let is_called = |(short, _): &(&str, &str)| short.split(' ').next() == Some(verb.name);
        assert!(CALLS.iter().any(is_called), "{} is in no call of this test", verb.name);
    }
}

#[test]
fn what_the_verbs_ask_for() {
    let Action::Cancel(stop) = &right("stop tst100").jobs[0].action else { panic!() };
    assert_eq!((stop.method, stop.address.label.as_deref()), (Some(CancelMethod::PowerOff(None)), Some("tst100")));
    let Action::Create(console) = &right("console tst100").jobs[0].action else { panic!() };
    assert_eq!((console.mode.clone(), console.console), (Some(CreateMode::Connect), Some(ConsoleKind::Cli)));
    let Action::Create(exec) = &right("exec -t cube h/web -- printf a%s").jobs[0].action else { panic!() };
    assert_eq!(exec.cmd, ["printf", "a%s"]);
    assert_eq!(right("apply 'a file'").special, Some(Special::Apply("a file".into())));
    assert!(right("doctor h").call.doctor && !right("info h").call.doctor);
}

#[test]
fn nothing_is_guessed() {
    let several = wrong("stop tst101");
    assert_eq!(several.phase, Phase::Ambiguous);
    let notes = several.notes.join("\n");
    assert!(notes.contains("-t XEN lab00/tst101") && notes.contains("-t QEMU lab01/tst101"), "{notes}");
    assert_eq!(wrong("stop nobody").phase, Phase::Here);
    assert_eq!(wrong("stop lab00/nobody").phase, Phase::Run);
    // A set of hosts is not asked: the type has to be said.
    assert_eq!(wrong("stop lab[00-01]/tst100").expected.as_deref(), Some("-t TYPE"));
    assert_eq!(wrong("stop @web/tst100").expected.as_deref(), Some("-t TYPE"));
    // What the world says stands there as it is.
    let broken = wrong("stop broken");
    assert_eq!((broken.phase, broken.message.as_str()), (Phase::Connect, "lab00 was not reached"));
}

#[test]
fn mistakes_point_at_the_word() {
    let line = |mistake: &Mistake| mistake.place.line.chars().skip(mistake.place.column).collect::<String>();
    let bad = wrong("stop -t xen lab00/tst100,POWEROF");
    assert!(line(&bad).starts_with("POWEROF") && bad.nearest.as_deref() == Some("POWEROFF"), "{bad}");
    let bad = wrong("start -t xen lab00/a lab01");
    assert!(line(&bad).starts_with("lab01"), "{bad}");
    let bad = wrong("stop -a list lab00/tst100");
    assert!(line(&bad).starts_with("-a"), "{bad}");
    assert!(wrong("stop").message.contains("which machine"));
    assert!(wrong("exec -t cube h/web").message.contains("command"));
    let bad = wrong("exec -t cube h/web -- printf %s");
    assert!(line(&bad).starts_with("%s"), "{bad}");
    let bad = wrong("apply one two");
    assert!(line(&bad).starts_with("two"), "{bad}");
    let bad = wrong("help stop start");
    assert!(line(&bad).starts_with("start"), "{bad}");
    // A verb stands before the targets, and before what only targets stand behind.
    let bad = call("-t xen -- doctor lab00").unwrap_err().remove(0);
    let note = "doctor is a verb only in front of all targets and of --: ctys doctor [OPTIONS] [HOST...]";
    assert!(line(&bad).starts_with("doctor") && bad.notes.iter().any(|one| one == note), "{bad}");
    let bad = wrong("strat tst100");
    assert!(bad.nearest.as_deref() == Some("ctys start"), "{bad}");
}

#[test]
fn a_host_that_is_called_like_a_verb_is_a_host() {
    for (line, host) in
        [("-a list start", "start"), ("-a list -- ls", "ls"), ("ls stop", "stop"), ("-- show'(-a list)'", "show")]
    {
        assert_eq!(right(line).jobs[0].target.host, host, "{line}");
    }
}

#[test]
fn options_stand_before_a_verb_too() {
    for (line, same) in [
        ("-v ls lab00", "ls -v lab00"),
        ("-t xen -Z SUDO stop lab00/tst100", "stop -t xen -Z SUDO lab00/tst100"),
        ("-tvnc --total-timeout 5s console -Y lab00/desk", "console -tvnc --total-timeout 5s -Y lab00/desk"),
        ("-t xen doctor lab00", "doctor -t xen lab00"),
        ("-h stop", "stop -h"),
    ] {
        let shape = |line: &str| {
            let call = right(line);
            let jobs = call.jobs.iter().map(|job| (job.target.clone(), job.action.clone(), job.options.clone()));
            (format!("{:?}", call.special), format!("{:?}", jobs.collect::<Vec<_>>()))
        };
        assert_eq!(shape(line), shape(same), "{line}");
    }
    // A mistake in front of the verb is told once, and the value of an option is no verb.
    let bad = call("--nosuch ls lab00").unwrap_err();
    assert!(bad.len() == 1 && bad[0].message.contains("--nosuch"), "{bad:?}");
    assert!(wrong("-l stop").message.contains("no action"));
}

#[test]
fn every_verb_is_documented() {
    let overview = help("", &[]).unwrap();
    let list = help("verbs", &[]).unwrap();
    for verb in VERBS {
        assert!(!verb.about.is_empty() && !verb.usage.is_empty());
        assert!(verb.name.bytes().all(|b| b.is_ascii_lowercase()), "{}", verb.name);
        for text in [&overview, &list] {
            assert!(
                text.lines().any(|line| line.trim().starts_with(&format!("{} {}", verb.name, verb.usage))),
                "{}",
                verb.name
            );
        }
        let own = help(verb.name, &[]).unwrap();
        assert!(own.contains(verb.about) && own.contains("The classic form: ctys "), "{own}");
        assert!(own.lines().all(|line| line.chars().count() <= 120), "{own}");
        assert_eq!(right(&format!("{} -h", verb.name)).special, Some(Special::Manual(verb.name.into())));
    }
    assert!(TOPICS.iter().any(|(name, _)| *name == "verbs"));
    // Each once.
    let mut names: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), VERBS.len());
}
