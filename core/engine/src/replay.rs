//! Transcripts: what hosts answered, written down, and conversations that answer from it.
//!
//! A transcript is a file of JSON lines, one per round and host. A user's bug report can become a test: the plans are
//! made again from the recorded answers, without any host.

use crate::script::Item;
use crate::session::Conversation;
use ctys_model::{Answer, Bytes, HostFacts, Phase, Problem};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// One round of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The version of this form.
    pub transcript: u32,
    /// The target as typed.
    pub target: String,
    /// What the host said about itself.
    pub host: Option<HostFacts>,
    /// What was asked, with what was answered; none where the host fell silent.
    pub items: Vec<(Item, Option<Answer>)>,
    /// What went wrong.
    #[serde(default)]
    pub problem: Option<Problem>,
}

/// The form this build writes.
const TRANSCRIPT: u32 = 1;

/// Everything that was recorded, by target.
#[derive(Debug, Default)]
pub struct Transcript {
    targets: HashMap<String, Recorded>,
}

#[derive(Debug, Default)]
struct Recorded {
    host: Option<HostFacts>,
    /// The same item may have been asked more than once, with different answers; they come back in that order.
    answers: Vec<(Item, Option<Answer>)>,
    problem: Option<Problem>,
}

impl Transcript {
    /// Reads a transcript. The error is a sentence with the number of the line.
    pub fn parse(text: &str) -> Result<Transcript, String> {
        let mut transcript = Transcript::default();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let line: Line =
                serde_json::from_str(line).map_err(|error| format!("line {} is no transcript: {error}", number + 1))?;
            if line.transcript != TRANSCRIPT {
                return Err(format!("line {} is of form {}, not {TRANSCRIPT}", number + 1, line.transcript));
            }
            let recorded = transcript.targets.entry(line.target).or_default();
            recorded.host = line.host.or(recorded.host.take());
            recorded.answers.extend(line.items);
            recorded.problem = line.problem.or(recorded.problem.take());
        }
        Ok(transcript)
    }

    /// A conversation with a host of the transcript.
    pub fn conversation(self: &Arc<Self>, target: &str) -> Result<Replay, Problem> {
        match self.targets.get(target) {
            Some(recorded) => match (&recorded.host, &recorded.problem) {
                (None, Some(problem)) => Err(problem.clone()),
                _ => Ok(Replay { transcript: self.clone(), target: target.to_string(), used: Vec::new() }),
            },
            None => {
                let mut known: Vec<&str> = self.targets.keys().map(String::as_str).collect();
                known.sort();
                Err(Problem::new(Phase::Resolve, "the transcript knows no such target")
                    .hint(format!("it knows: {}", known.join(", "))))
            }
        }
    }
}

/// Answers from a transcript.
pub struct Replay {
    transcript: Arc<Transcript>,
    target: String,
    used: Vec<usize>,
}

impl Conversation for Replay {
    fn round(&mut self, items: &[Item], _chain: Option<&[bool]>) -> (Vec<Option<Answer>>, Result<(), Problem>) {
        let recorded = &self.transcript.targets[&self.target];
        let mut missing = Vec::new();
        let answers: Vec<Option<Answer>> = items
            .iter()
            .map(|item| {
                let (written, _) = without_secrets(item, None);
                let found = recorded
                    .answers
                    .iter()
                    .enumerate()
                    .find(|(n, (asked, _))| *asked == written && !self.used.contains(n))
                    .or_else(|| recorded.answers.iter().enumerate().find(|(_, (asked, _))| *asked == written));
                match found {
                    Some((n, (_, answer))) => {
                        self.used.push(n);
                        answer.clone()
                    }
                    None => {
                        missing.push(describe(item));
                        None
                    }
                }
            })
            .collect();
        if !missing.is_empty() {
            let problem = Problem::new(Phase::Here, format!("the transcript has no answer to: {}", missing.join(", ")));
            return (answers, Err(problem));
        }
        let silent = answers.iter().any(Option::is_none);
        let outcome = match (&recorded.problem, silent) {
            (Some(problem), true) => Err(problem.clone()),
            _ => Ok(()),
        };
        (answers, outcome)
    }

    fn set_deadline(&mut self, _deadline: Instant) {}

    fn host(&self) -> Option<&HostFacts> {
        self.transcript.targets[&self.target].host.as_ref()
    }

    fn carrier(&self) -> &'static str {
        "replay"
    }
}

fn describe(item: &Item) -> String {
    match item {
        Item::Run(tries) => tries.first().map_or_else(String::new, |command| command.program.clone()),
        Item::File { path, .. } => ctys_model::bytes::escape(path.as_slice()),
        Item::Scan(scan) => format!("the walk for {}", scan.names.join(" ")),
        Item::Processes(table) => format!("the look for {}", table.names.join(" ")),
        Item::Lock(lock) => format!("the lock on {}", ctys_model::bytes::escape(lock.path.as_slice())),
    }
}

/// Writes down what a conversation says while it goes on.
pub struct Recorder {
    inner: Box<dyn Conversation>,
    target: String,
    to: Arc<Mutex<dyn Write + Send>>,
}

impl Recorder {
    /// Writes every round of `inner` to `to`.
    pub fn new(inner: Box<dyn Conversation>, target: &str, to: Arc<Mutex<dyn Write + Send>>) -> Recorder {
        Recorder { inner, target: target.to_string(), to }
    }
}

impl Conversation for Recorder {
    fn round(&mut self, items: &[Item], chain: Option<&[bool]>) -> (Vec<Option<Answer>>, Result<(), Problem>) {
        let (answers, mut outcome) = self.inner.round(items, chain);
        let line = Line {
            transcript: TRANSCRIPT,
            target: self.target.clone(),
            host: self.inner.host().cloned(),
            items: items.iter().zip(&answers).map(|(item, answer)| without_secrets(item, answer.as_ref())).collect(),
            problem: outcome.as_ref().err().cloned(),
        };
        if let Err(why) = write_line(&self.to, &line)
            && outcome.is_ok()
        {
            outcome = Err(Problem::new(Phase::Here, format!("the transcript could not be written: {why}")));
        }
        (answers, outcome)
    }

    fn set_deadline(&mut self, deadline: Instant) {
        self.inner.set_deadline(deadline);
    }

    fn host(&self) -> Option<&HostFacts> {
        self.inner.host()
    }

    fn carrier(&self) -> &'static str {
        self.inner.carrier()
    }
}

/// An item and its answer as a transcript may hold them: every byte of a secret is a star.
fn without_secrets(item: &Item, answer: Option<&Answer>) -> (Item, Option<Answer>) {
    let (mut item, mut answer) = (item.clone(), answer.cloned());
    let stars = |bytes: &mut Bytes| bytes.0.fill(b'*');
    if let Item::Run(tries) = &mut item {
        let mut secret = false;
        for command in tries.iter_mut().filter(|command| command.secret) {
            secret = true;
            command.stdin.iter_mut().for_each(stars);
        }
        if let (true, Some(Answer::Output(output))) = (secret, &mut answer) {
            stars(&mut output.stdout);
        }
    }
    (item, answer)
}

/// Writes down that a host was not reached at all.
pub fn record_failure(to: &Arc<Mutex<dyn Write + Send>>, target: &str, problem: &Problem) {
    let line = Line {
        transcript: TRANSCRIPT,
        target: target.to_string(),
        host: None,
        items: Vec::new(),
        problem: Some(problem.clone()),
    };
    // The call goes on without its transcript; the failure itself is reported to the user anyway.
    let _ = write_line(to, &line);
}

fn write_line(to: &Arc<Mutex<dyn Write + Send>>, line: &Line) -> Result<(), String> {
    let mut text = serde_json::to_vec(line).map_err(|error| error.to_string())?;
    text.push(b'\n');
    let mut to = to.lock().unwrap_or_else(|broken| broken.into_inner());
    to.write_all(&text).and_then(|()| to.flush()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_model::{Command, Exit, Output, WriteFile};

    #[test]
    fn a_transcript_holds_no_secret_and_answers_all_the_same() {
        let make = Item::Run(vec![Command::new("vncpasswd").arg("-f").stdin("hunter2\n").secret()]);
        let content = "\x01\x02opened".into();
        let keep = Item::Run(vec![crate::write::command(&WriteFile { content, secret: true, ..WriteFile::default() })]);
        let plain = Item::Run(vec![Command::new("date").stdin("UTC")]);
        let output = |text: &str| Answer::Output(Output { stdout: text.into(), ..Output::ended(Exit::Code(0)) });
        let items: Vec<(Item, Option<Answer>)> = [(&make, "hashed"), (&keep, ""), (&plain, "noon")]
            .map(|(item, text)| without_secrets(item, Some(&output(text))))
            .into();
        let host = Some(HostFacts::default());
        let line = Line { transcript: TRANSCRIPT, target: "lab00".into(), host, items, problem: None };
        let text = serde_json::to_string(&line).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("opened") && !text.contains("hashed"), "{text}");
        assert!(text.contains("UTC") && text.contains("noon"), "{text}");

        let other = Item::Run(vec![Command::new("vncpasswd").arg("-f").stdin("another\n").secret()]);
        let transcript = Arc::new(Transcript::parse(&text).unwrap());
        let (answers, outcome) = transcript.conversation("lab00").unwrap().round(&[other, plain], None);
        assert_eq!(outcome, Ok(()));
        assert_eq!(answers, [Some(output("******")), Some(output("noon"))]);
    }
}
