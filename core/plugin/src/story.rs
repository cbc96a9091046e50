//! For the tests of a plugin: a call from what it wants to know up to its end, as text in a file, so that every plan can
//! be read and compared.
//!
//! ```ignore
//! let world = testing::facts([(probes::uptime(), "up 3 days\n")]);
//! story::check::<Lamp>(env!("CARGO_MANIFEST_DIR"), "create", vec![
//!     case("create-dark", request(create()), world.clone()).then([("switch on", output(""))]),
//!     case("create-broken", request(create()), world).then([("switch on", failed(1, "no bulb\n"))]),
//! ]);
//! ```
//!
//! The files are `tests/plans/<name>.txt`. With `UPDATE_PLANS=1` they are written anew: read the diff very carefully
//! before you keep it.

#![allow(clippy::disallowed_methods, reason = "the expected texts are files, and one switch rewrites them")]

use crate::Plugin;
use crate::testing::{show, show_next};
use ctys_model::bytes::escape;
use ctys_model::{
    Answer, Bytes, Command, Effect, Facts, Location, Next, Place, Privilege, Probe, Replies, Request, Round, StepReply,
    Target,
};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What there is to know: ready facts, or a made-up host that answers whatever it is asked.
pub trait World {
    /// The facts for these probes and no others: a plan may use only what was asked for.
    fn facts(&self, wants: &[Probe]) -> Facts;
}

impl World for Facts {
    fn facts(&self, wants: &[Probe]) -> Facts {
        let mut facts = self.clone();
        facts.answers.retain(|(probe, _)| wants.contains(probe));
        facts
    }
}

/// One call: the request, the world, and the rounds of replies, each read after the ones before.
pub struct Case {
    /// The file of its story, without `.txt`.
    pub name: &'static str,
    /// What is asked.
    pub request: Request,
    world: Box<dyn World>,
    rounds: Vec<(u64, Vec<(String, Answer)>)>,
}

/// A call without any replies yet.
pub fn case(name: &'static str, request: Request, world: impl World + 'static) -> Case {
    Case { name, request, world: Box::new(world), rounds: Vec::new() }
}

impl Case {
    /// With another request.
    pub fn request(mut self, change: impl FnOnce(&mut Request)) -> Case {
        change(&mut self.request);
        self
    }

    /// Without `-t`.
    pub fn of_all_types(self) -> Case {
        self.request(|request| request.session_type = None)
    }

    /// With a setting of the plugin.
    pub fn setting(self, name: &str, value: &str) -> Case {
        self.request(|request| drop(request.settings.insert(name.into(), value.into())))
    }

    /// On another target.
    pub fn target(self, host: &str) -> Case {
        let target = Target { host: host.into(), local: host == "localhost", ..Target::default() };
        self.request(|request| request.target = target)
    }

    /// With `-L CF`.
    pub fn forwarded(self) -> Case {
        self.request(|request| request.location = Location::ConnectionForwarding)
    }

    /// A round a second after the one before: the steps that were planned, in order, with what came of each.
    pub fn then<'a>(self, steps: impl IntoIterator<Item = (&'a str, Answer)>) -> Case {
        let at = self.rounds.last().map_or(0, |(at, _)| at + 1000);
        self.at(at, steps)
    }

    /// A round so many milliseconds after the first.
    pub fn at<'a>(mut self, at: u64, steps: impl IntoIterator<Item = (&'a str, Answer)>) -> Case {
        self.rounds.push((at, steps.into_iter().map(|(name, answer)| (name.to_string(), answer)).collect()));
        self
    }
}

/// Compares the stories of these cases with their files, and finds files of this prefix that belong to no case.
///
/// # Panics
///
/// When one differs, with both texts; and when a case replies to steps that nobody planned.
pub fn check<P: Plugin>(crate_folder: &str, prefix: &str, cases: Vec<Case>) {
    let folder = Path::new(crate_folder).join("tests/plans");
    let update = std::env::var_os("UPDATE_PLANS").is_some();
    let mut wrong = Vec::new();
    for case in &cases {
        assert!(case.name.starts_with(prefix), "{} is in the wrong test", case.name);
        assert_eq!(cases.iter().filter(|other| other.name == case.name).count(), 1, "{} is there twice", case.name);
        let path = folder.join(format!("{}.txt", case.name));
        let got = tell::<P>(case);
        if update {
            fs::write(&path, &got).expect("the plans are written");
        }
        let want = fs::read_to_string(&path).unwrap_or_default();
        if got != want {
            wrong.push(format!("==== {}\n---- expected\n{want}---- got\n{got}", case.name));
        }
    }
    for entry in fs::read_dir(folder).expect("tests/plans is read") {
        let name = entry.expect("tests/plans is read").file_name().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".txt").unwrap_or(&name);
        if stem.starts_with(prefix) && !cases.iter().any(|case| case.name == stem) {
            wrong.push(format!("==== {name} belongs to no case"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The whole story of a case: what it wants, what it plans, what follows from each round.
///
/// # Panics
///
/// When a probe could change something, and when a round replies to other steps than the planned ones.
pub fn tell<P: Plugin>(case: &Case) -> String {
    let name = case.name;
    let mut out = String::from("wants\n");
    let wants = P::wants(&case.request);
    assert!(wants.iter().all(Probe::only_reads), "{name}: a probe changes something");
    for probe in &wants {
        let _ = writeln!(out, "  {}", in_words(probe));
    }
    let facts = case.world.facts(&wants);
    let mut effect = Some(P::plan(&case.request, &facts));
    let _ = write!(out, "\n{}", effect.as_ref().map_or_else(String::new, show));
    let mut replies = Replies::default();
    for (started_ms, steps) in &case.rounds {
        let planned: Vec<&String> = match &effect {
            Some(Effect::Run(batch)) => batch.steps.iter().map(|step| &step.name).collect(),
            other => panic!("{name}: a reply to nothing that runs: {other:?}"),
        };
        let replied: Vec<&String> = steps.iter().map(|(name, _)| name).collect();
        assert_eq!(planned, replied, "{name}: round {}", replies.rounds.len() + 1);
        let steps = steps.iter().map(|(name, answer)| StepReply { name: name.clone(), answer: answer.clone() });
        replies.rounds.push(Round { started_ms: *started_ms, steps: steps.collect() });
        let next = P::read(&case.request, &facts, &replies);
        let _ = write!(out, "\n{}", show_next(&next));
        effect = match next {
            Next::Then(effect) | Next::Later { effect, .. } => Some(effect),
            Next::Done(_) => None,
        };
    }
    out
}

/// A probe in one line: `run xl list -v as root, within 15000 ms`.
fn in_words(probe: &Probe) -> String {
    match probe {
        Probe::File { place, path, .. } => format!("file {}{}", at(place), escape(path.as_slice())),
        Probe::Scan(scan) => {
            let (place, bases, names) = (at(&scan.place), words(&scan.bases), scan.names.join(" "));
            format!("walk {place}{bases} for {names}, {} deep", scan.depth)
        }
        Probe::Run { tries } => {
            let place = tries.first().map_or_else(String::new, |command| at(&command.place));
            format!("run {place}{}", tries.iter().map(command).collect::<Vec<_>>().join(" | "))
        }
        Probe::Processes(table) => format!("look {}for {}", at(&table.place), table.names.join(" ")),
        Probe::Talk(talk) => {
            let root = if talk.privilege == Privilege::Root { " as root" } else { "" };
            let (place, sockets, lines) = (at(&talk.place), words(&talk.sockets), words(&talk.lines));
            format!("talk {place}with {sockets}{root}, say {lines}")
        }
    }
}

fn command(command: &Command) -> String {
    let mut line = command.program.clone();
    if !command.args.is_empty() {
        line = format!("{line} {}", words(&command.args));
    }
    if command.privilege == Privilege::Root {
        line.push_str(" as root");
    }
    match command.limit_ms {
        0 => line,
        limit => format!("{line}, within {limit} ms"),
    }
}

fn words(words: &[Bytes]) -> String {
    words.iter().map(|word| escape(word.as_slice())).collect::<Vec<_>>().join(" ")
}

fn at(place: &Place) -> String {
    match place {
        Place::Target => String::new(),
        Place::Caller => "of the caller: ".into(),
        Place::Host(host) => format!("of {host}: "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{failed, output, request};
    use ctys_model::{Action, Batch, Findings, Manifest, Step};

    /// Switches on until it is told that it shines.
    struct Lamp;

    fn bulb() -> Probe {
        Probe::run(Command::new("bulb").args(["a\nb"]).as_root().limit_ms(5))
    }

    fn switch() -> Effect {
        Effect::Run(Batch { steps: vec![Step::run("switch on", Command::new("on").changes())] })
    }

    impl Plugin for Lamp {
        fn manifest() -> Manifest {
            Manifest::default()
        }
        fn wants(_: &Request) -> Vec<Probe> {
            vec![bulb(), Probe::caller_file("x")]
        }
        fn plan(_: &Request, facts: &Facts) -> Effect {
            assert!(facts.answers.len() == 1, "only what was asked for");
            switch()
        }
        fn read(_: &Request, _: &Facts, replies: &Replies) -> Next {
            match replies.last("switch on").is_some_and(|answer| answer.ok_output().is_some()) {
                true => Next::Done(Findings::default()),
                false => {
                    Next::Later { delay_ms: replies.rounds.len() as u32, effect: switch(), why: "for light".into() }
                }
            }
        }
    }

    fn lamp() -> Case {
        let world = crate::testing::facts([(bulb(), "there"), (Probe::file("/unasked"), "")]);
        case("lamp", request(Action::Show), world)
    }

    #[test]
    fn a_story_is_told_from_the_probes_to_the_end() {
        let story = tell::<Lamp>(&lamp().then([("switch on", failed(1, ""))]).then([("switch on", output(""))]));
        let run = "run\n  step switch on\n    changes\n      on\n";
        assert_eq!(
            story,
            format!(
                "wants\n  run bulb a\\x0ab as root, within 5 ms\n  file of the caller: x\n\n{run}\n\
                 later, after 1 ms for light\n{run}\ndone\n"
            )
        );
    }

    #[test]
    #[should_panic(expected = "lamp: round 1")]
    fn a_reply_to_what_nobody_planned_is_a_mistake() {
        tell::<Lamp>(&lamp().then([("switch off", output(""))]));
    }

    #[test]
    #[should_panic(expected = "a reply to nothing that runs")]
    fn a_reply_after_the_end_is_a_mistake() {
        tell::<Lamp>(&lamp().then([("switch on", output(""))]).then([("switch on", output(""))]));
    }
}
