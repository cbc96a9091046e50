//! The suite every plugin passes, ours and anybody's, in one line of a test:
//!
//! ```ignore
//! #[test]
//! fn conforms() {
//!     ctys_plugin::conformance::check::<Xen>(env!("CARGO_PKG_VERSION"));
//! }
//! ```
//!
//! It asks the plugin everything a user could ask, in worlds where tools are absent, refuse, hang, or print garbage, through the
//! same bytes that ctys uses, and holds every answer against the rules in `rules`. A failure names the rule, the request and
//! the world.

pub mod protect;
pub mod requests;
pub mod rules;
mod worlds;

use crate::{Plugin, call_bytes};
use ctys_model::{
    Call, Effect, Envelope, Facts, Findings, Manifest, Next, PROTOCOL, Replies, Reply, Request, Round, StepReply, Verb,
};
use std::collections::BTreeMap;
use worlds::World;

/// Plans that wait are followed this far. A plugin that is not finished then never will be.
const MOST_ROUNDS: usize = 300;

/// Asks everything twice only so far into a plan that waits: what comes later is the same code again.
const ROUNDS_ASKED_TWICE: usize = 3;

/// Fails unless the plugin keeps every rule. The version is the one in its `Cargo.toml`: `env!("CARGO_PKG_VERSION")`.
///
/// # Panics
///
/// With one line for each broken rule, when there is one.
pub fn check<P: Plugin>(version: &str) {
    let faults = faults::<P>(version);
    assert!(faults.is_empty(), "the plugin does not conform:\n  {}\n", faults.join("\n  "));
}

/// The broken rules, one line each with the first example; none for a plugin that conforms.
pub fn faults<P: Plugin>(version: &str) -> Vec<String> {
    let mut suite =
        Suite { faults: BTreeMap::new(), context: "manifest".into(), manifest: Manifest::default(), endless: None };
    let Some(Reply::Manifest(manifest)) = suite.ask::<P>(Call::Manifest, true) else { return suite.lines() };
    for fault in rules::of_manifest(&manifest, version) {
        suite.fault(fault);
    }
    suite.manifest = *manifest;
    for verb in Verb::ALL {
        suite.check_verb::<P>(verb);
    }
    if !suite.manifest.tools.is_empty() {
        suite.check_verb::<P>(Verb::Tool);
    }
    suite.lines()
}

struct Suite {
    /// The first example of each broken rule.
    faults: BTreeMap<String, String>,
    /// What is being asked, in words.
    context: String,
    manifest: Manifest,
    /// The verb whose plans do not end: once is enough to know, and each time takes long.
    endless: Option<Verb>,
}

/// What a plugin did for one verb, over all requests and worlds.
#[derive(Default)]
struct Deeds {
    wanted: bool,
    planned: bool,
}

impl Suite {
    fn lines(self) -> Vec<String> {
        self.faults.into_iter().map(|(rule, example)| format!("{rule}\n      first seen with {example}")).collect()
    }

    fn fault(&mut self, rule: String) {
        let context = &self.context;
        self.faults.entry(rule).or_insert_with(|| context.clone());
    }

    fn check_verb<P: Plugin>(&mut self, verb: Verb) {
        let served = self.manifest.serves(verb) || verb == Verb::Tool;
        let mut deeds = Deeds::default();
        for (name, request) in requests::of(verb, &self.manifest) {
            self.context = format!("{verb} {name}");
            let call = Call::Wants { request: Box::new(request.clone()) };
            let Some(Reply::Wants(probes)) = self.ask::<P>(call, true) else { continue };
            self.compare(verb, "wants", &P::wants(&request), &probes);
            let mut nameless = request.clone();
            nameless.target.host.clear();
            if !verb.changes() && P::wants(&nameless) != probes {
                self.fault(format!(
                    "{verb}: what it wants to know depends on the name of the host, which it is not told"
                ));
            }
            deeds.wanted |= !probes.is_empty();
            for fault in rules::of_probes(verb, &probes) {
                self.fault(fault);
            }
            // What is not declared is refused whatever the world is like; two of them show it.
            let worlds = if served { &worlds::ALL[..] } else { &worlds::ALL[..2] };
            for &world in worlds {
                if self.endless == Some(verb) {
                    return;
                }
                self.context = format!("{verb} {name}, in a world where {}", world.words());
                let facts = world.facts(&probes);
                let effect = self.follow::<P>(verb, &request, &facts, world, served);
                deeds.planned |= effect.as_ref().is_some_and(rules::is_more_than_a_problem);
            }
        }
        self.context = "every request and world".into();
        if served && !deeds.wanted && !deeds.planned {
            self.fault(format!(
                "{verb}: declared in the manifest and forgotten in the code: it never asks for a fact and only reports problems"
            ));
        }
    }

    /// Plans, and carries out in the same world whatever was planned, to the end. Gives the first plan.
    fn follow<P: Plugin>(
        &mut self,
        verb: Verb,
        request: &Request,
        facts: &Facts,
        world: World,
        served: bool,
    ) -> Option<Effect> {
        let call = Call::Plan { request: Box::new(request.clone()), facts: Box::new(facts.clone()) };
        let Some(Reply::Plan(first)) = self.ask::<P>(call, true) else { return None };
        self.compare(verb, "plan", &crate::call::as_asked(request, P::plan(request, facts)), &first);
        if !served {
            for fault in rules::of_undeclared(verb, &first) {
                self.fault(fault);
            }
        }
        let mut effect = (*first).clone();
        let mut replies = Replies::default();
        let mut clock_ms = 0;
        loop {
            for fault in rules::of_effect(request, &effect) {
                self.fault(fault);
            }
            let steps = match &effect {
                Effect::Report(findings) => {
                    // Who asked nothing was refused nothing: `b:xen` leaves out the files of other places.
                    let refused = world.refuses() && !facts.answers.is_empty();
                    self.check_findings(request, findings, refused);
                    return Some(*first);
                }
                // A console or a tunnel is the end: the engine opens it.
                Effect::Attach(_) | Effect::Open(_) => return Some(*first),
                Effect::Run(batch) => batch.steps.iter(),
            };
            let steps = steps.map(|step| StepReply { name: step.name.clone(), answer: world.reply(&step.does) });
            replies.rounds.push(Round { started_ms: clock_ms, steps: steps.collect() });
            let rounds = replies.rounds.len();
            if rounds >= MOST_ROUNDS {
                self.endless = Some(verb);
                self.fault(format!("{verb}: read never comes to an end, {MOST_ROUNDS} rounds were not enough"));
                return Some(*first);
            }
            let next = self.read::<P>(verb, request, facts, &replies, rounds <= ROUNDS_ASKED_TWICE)?;
            effect = match next {
                Next::Done(findings) => Effect::Report(findings),
                Next::Then(effect) => effect,
                Next::Later { delay_ms, effect, why } => {
                    if delay_ms == 0 {
                        self.fault(format!("{verb}: read waits 0 ms; what follows at once is Then"));
                    }
                    if !rules::is_one_line(&why) || why.is_empty() {
                        self.fault(format!("{verb}: what is waited for is not one line of text: {why:?}"));
                    }
                    clock_ms += u64::from(delay_ms);
                    effect
                }
            };
            clock_ms += 1;
        }
    }

    fn read<P: Plugin>(
        &mut self,
        verb: Verb,
        request: &Request,
        facts: &Facts,
        replies: &Replies,
        twice: bool,
    ) -> Option<Next> {
        let call = Call::Read {
            request: Box::new(request.clone()),
            facts: Box::new(facts.clone()),
            replies: Box::new(replies.clone()),
        };
        let Some(Reply::Read(next)) = self.ask::<P>(call, twice) else { return None };
        if twice {
            self.compare(verb, "read", &P::read(request, facts, replies), &next);
        }
        Some(*next)
    }

    fn check_findings(&mut self, request: &Request, findings: &Findings, refused: bool) {
        let verb = request.action.verb();
        for fault in rules::of_findings(verb, &self.manifest, findings) {
            self.fault(fault);
        }
        if self.manifest.serves(verb) && verb.is_collector() && refused && rules::is_silent(findings) {
            self.fault(format!("{verb}: says nothing, neither a row nor a problem, though its questions were refused"));
        }
        if self.manifest.serves(verb) && verb.changes() && rules::is_silent(findings) {
            self.fault(format!("{verb}: ends without a row, a text, a change or a problem"));
        }
    }

    /// Asks through the bytes, twice where that is told, and takes panics and refusals for faults.
    fn ask<P: Plugin>(&mut self, call: Call, twice: bool) -> Option<Reply> {
        let what = match &call {
            Call::Manifest => "manifest".to_string(),
            Call::Wants { request } => format!("{}: wants", request.action.verb()),
            Call::Plan { request, .. } => format!("{}: plan", request.action.verb()),
            Call::Read { request, .. } => format!("{}: read", request.action.verb()),
        };
        let message = match rmp_serde::to_vec_named(&Envelope { protocol: PROTOCOL, call }) {
            Ok(message) => message,
            Err(error) => panic!("the suite's own question cannot be written: {error}"),
        };
        let answer = call_bytes::<P>(&message);
        if twice && call_bytes::<P>(&message) != answer {
            self.fault(format!("{what} gives different answers to the same question"));
        }
        match rmp_serde::from_slice(&answer) {
            Ok(Reply::Panicked { message, place }) => {
                let place = place.unwrap_or_else(|| "an unknown place".into());
                self.fault(format!("{what} panicked at {place}: {}", message.replace('\n', " ")));
                None
            }
            Ok(Reply::NotUnderstood(reason)) => {
                self.fault(format!("{what} was not understood: {reason}"));
                None
            }
            Ok(reply) => Some(reply),
            Err(error) => {
                self.fault(format!("{what} gives an answer that cannot be read back: {error}"));
                None
            }
        }
    }

    /// What was said directly is what arrives.
    fn compare<T: PartialEq>(&mut self, verb: Verb, what: &str, said: &T, arrived: &T) {
        if said != arrived {
            self.fault(format!(
                "{verb}: what {what} says changes on its way to ctys (is a known field written as another one?)"
            ));
        }
    }
}

#[cfg(test)]
mod tests;
