//! Plugins: one request, a host that answers everything with the parts of an input, and the plan followed to its end.

use crate::bounded;
use ctys_model::field::Known;
use ctys_model::probe::{FoundFile, Scanned};
use ctys_model::{
    Answer, Bytes, Call, Does, Effect, Ending, Envelope, Exit, Facts, FileAnswer, Findings, Heard, Missing, Next,
    Output, PROTOCOL, Probe, Process, Replies, Reply, Request, Round, StepReply, Verb,
};
use ctys_plugin::conformance::{requests, rules};
use ctys_plugin::{Plugin, call_bytes, testing};
use ctys_table::{Format, Numbering, Presentation, Printer, Style};

/// Plans that wait are followed so far.
const MOST_ROUNDS: usize = 40;

/// Three numbers in the first line choose what is asked, how the world is, and how often each part is said; the parts
/// behind it are what the host says, one after the other and again from the start.
pub fn check<P: Plugin>(data: &[u8]) {
    let ([asked, world, times], rest) = crate::numbered(data);
    let manifest = P::manifest();
    let tool = (!manifest.tools.is_empty()).then_some(Verb::Tool);
    let verbs: Vec<Verb> = Verb::ALL.into_iter().chain(tool).collect();
    let mut requests = requests::of(verbs[asked % verbs.len()], &manifest);
    let (_, request) = requests.swap_remove(asked / verbs.len() % requests.len());
    let parts = crate::parts(rest).into_iter().map(|part| crate::grown(part, times)).collect();
    let mut host = Host { parts, at: 0, world };
    bounded(|| follow::<P>(&manifest, &request, &mut host));
}

fn follow<P: Plugin>(manifest: &ctys_model::Manifest, request: &Request, host: &mut Host) {
    let verb = request.action.verb();
    let Reply::Wants(probes) = ask::<P>(Call::Wants { request: Box::new(request.clone()) }) else {
        panic!("no answer to wants")
    };
    no_faults(rules::of_probes(verb, &probes));
    let facts = testing::facts_with(probes.iter().map(|probe| (probe.clone(), host.answer(probe))));
    let facts = Facts { host: (host.world % 16 != 15).then(testing::host), ..facts };
    let call = Call::Plan { request: Box::new(request.clone()), facts: Box::new(facts.clone()) };
    let Reply::Plan(effect) = ask::<P>(call) else { panic!("no answer to plan") };
    let mut effect = *effect;
    let mut replies = Replies::default();
    let mut clock_ms = 0;
    loop {
        no_faults(rules::of_effect(request, &effect));
        let batch = match effect {
            Effect::Run(batch) => batch,
            Effect::Report(findings) => return report(verb, manifest, &findings),
            Effect::Attach(_) | Effect::Open(_) => return,
        };
        if replies.rounds.len() == MOST_ROUNDS {
            return;
        }
        let steps = batch.steps.iter();
        let steps = steps.map(|step| StepReply { name: step.name.clone(), answer: host.reply(&step.does) }).collect();
        replies.rounds.push(Round { started_ms: clock_ms, steps });
        let call = Call::Read {
            request: Box::new(request.clone()),
            facts: Box::new(facts.clone()),
            replies: Box::new(replies.clone()),
        };
        let Reply::Read(next) = ask::<P>(call) else { panic!("no answer to read") };
        clock_ms += 1;
        effect = match *next {
            Next::Done(findings) => Effect::Report(findings),
            Next::Then(effect) => effect,
            Next::Later { delay_ms, effect, .. } => {
                clock_ms += u64::from(delay_ms);
                effect
            }
        };
    }
}

/// Asks through the bytes, as ctys does.
fn ask<P: Plugin>(call: Call) -> Reply {
    let message = rmp_serde::to_vec_named(&Envelope { protocol: PROTOCOL, call }).expect("a message");
    match rmp_serde::from_slice(&call_bytes::<P>(&message)).expect("a reply") {
        Reply::Panicked { message, place } => panic!("the plugin panicked at {place:?}: {message}"),
        Reply::NotUnderstood(reason) => panic!("the plugin did not understand: {reason}"),
        reply => reply,
    }
}

fn no_faults(faults: Vec<String>) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What was found keeps the rules, and its rows print without harm.
fn report(verb: Verb, manifest: &ctys_model::Manifest, findings: &Findings) {
    no_faults(rules::of_findings(verb, manifest, findings));
    let mut presentation = Presentation::new(Numbering::List, Format::Raw);
    presentation.fields = Known::ALL.iter().copied().filter(|field| field.list_index().is_some()).collect();
    let mut printer = Printer::new(presentation, Style::default());
    crate::harmless(&(printer.block(&findings.records) + &printer.finish()), &[]);
}

/// What answers.
struct Host {
    parts: Vec<Vec<u8>>,
    at: usize,
    world: usize,
}

impl Host {
    fn text(&mut self) -> Bytes {
        let part = &self.parts[self.at % self.parts.len()];
        self.at += 1;
        Bytes(part.clone())
    }

    /// The next bit of what the world is like: most things go well.
    fn fails(&mut self) -> bool {
        let bit = self.world >> (self.at % 16) & 1 == 1;
        self.at += usize::from(bit);
        bit
    }

    fn answer(&mut self, probe: &Probe) -> Answer {
        match probe {
            Probe::Run { tries } => self.output(tries.len()),
            Probe::File { limit, .. } => Answer::File(self.file(*limit)),
            Probe::Scan(scan) => {
                let base = scan.bases.first().cloned().unwrap_or_default();
                let names: Vec<String> = scan.names.iter().map(|name| name.replace(['*', '?'], "x")).collect();
                let files = names.iter().map(|name| FoundFile {
                    path: Bytes([base.as_slice(), b"/x/", name.as_bytes()].concat()),
                    file: self.file(scan.limit),
                });
                Answer::Scanned(Scanned { files: files.collect(), cut: false })
            }
            Probe::Processes(table) => self.processes(&table.names),
            Probe::Talk(talk) => self.talked(&talk.sockets),
        }
    }

    fn reply(&mut self, does: &Does) -> Answer {
        match does {
            Does::Run { tries } => self.output(tries.len()),
            Does::Look(table) => self.processes(&table.names),
            Does::Talk(talk) => self.talked(&talk.sockets),
            Does::Wake(_) | Does::Reach(_) if self.fails() => Answer::Failed("no answer".into()),
            Does::Wake(_) | Does::Reach(_) => Answer::Done,
            Does::Write(_) | Does::Signal(_) | Does::Lock(_) => {
                let code = if self.fails() { 3 } else { 0 };
                Answer::Output(Output::ended(Exit::Code(code)))
            }
        }
    }

    fn output(&mut self, tries: usize) -> Answer {
        if !self.fails() {
            let tried = self.world % tries.max(1);
            let output = Output { stdout: self.text(), tried: tried as u32, ..Output::ended(Exit::Code(0)) };
            return Answer::Output(output);
        }
        let exit = match self.at % 7 {
            0 => return Answer::Missing(Missing::HostSilent),
            1 => Exit::NotFound,
            2 => Exit::TimedOut,
            3 => Exit::Refused("no".into()),
            _ => Exit::Code(1),
        };
        Answer::Output(Output { stderr: self.text(), ..Output::ended(exit) })
    }

    fn file(&mut self, limit: u32) -> FileAnswer {
        match self.fails() {
            true if self.at.is_multiple_of(2) => FileAnswer::Absent,
            true => FileAnswer::Denied,
            false => {
                let mut content = self.text();
                let cut = content.0.len() > limit as usize;
                content.0.truncate(limit as usize);
                FileAnswer::Content { content, cut }
            }
        }
    }

    /// Processes whose arguments are the lines of a part; the numbers come from the input as well.
    fn processes(&mut self, names: &[String]) -> Answer {
        if self.fails() {
            return Answer::Failed("the list of processes is too long".into());
        }
        let mut found = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let text = self.text();
            let lines = text.as_slice().split(|&byte| matches!(byte, 0 | b'\n')).map(|line| Bytes(line.to_vec()));
            let name = Bytes::from(name.replace(['*', '?'], "x"));
            let start = text.as_slice().iter().fold(1, |all: u64, &byte| all.wrapping_mul(257) ^ u64::from(byte));
            found.push(Process {
                pid: 2 + place as u32,
                parent: 1,
                args: std::iter::once(name).chain(lines).collect(),
                start: Some(start),
                age_s: Some(start >> 7),
                exact: true,
                ..testing::process(2, Vec::new())
            });
        }
        Answer::Processes(found)
    }

    fn talked(&mut self, sockets: &[Bytes]) -> Answer {
        let heard = sockets.iter().map(|socket| {
            let end = if self.fails() { Ending::Closed } else { Ending::Answered };
            Heard { socket: socket.clone(), text: self.text(), end }
        });
        Answer::Talked(heard.collect())
    }
}
