//! What all tests of the command line share: a world made of text, one call, its result.
#![allow(dead_code, reason = "each test file uses a part of it")]

use ctys_line::{CallLine, Job, Mistake, Shelf, World, parse};
use std::collections::BTreeMap;

/// Macro files and groups as text.
#[derive(Default)]
pub struct Texts {
    pub macros: BTreeMap<String, String>,
    pub groups: BTreeMap<String, String>,
}

impl Texts {
    pub fn with_macros(mut self, file: &str, text: &str) -> Texts {
        self.macros.insert(file.into(), text.into());
        self
    }

    pub fn with_group(mut self, name: &str, text: &str) -> Texts {
        self.groups.insert(name.into(), text.into());
        self
    }
}

impl Shelf for Texts {
    fn macro_file(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.macros.get(name).cloned())
    }

    fn group(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.groups.get(name).cloned())
    }

    /// Two sets: one with three hosts, one that is wrong.
    fn node_set(&self, text: &str, _: &ctys_line::CallOptions) -> Result<Option<Vec<String>>, String> {
        match text {
            "root@set[1-3]" => Ok(Some((1..=3).map(|n| format!("root@set{n}")).collect())),
            "@wrong" => Err("there is no group wrong".into()),
            _ => Ok(None),
        }
    }
}

/// The words of a line as `sh` splits it: blanks separate, single and double quotes hold together, a backslash at the
/// end of a line joins.
pub fn sh(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', None) if chars.peek() == Some(&'\n') => {
                chars.next();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    assert_eq!(quote, None, "the line {line} is not complete");
    words.extend(word);
    words
}

/// The call `ctys LINE` of the user acue.
pub fn call_with(texts: &Texts, line: &str) -> Result<CallLine, Vec<Mistake>> {
    parse(&sh(line), &World::new("acue", texts))
}

/// The call without macros and groups of the user.
pub fn call(line: &str) -> Result<CallLine, Vec<Mistake>> {
    call_with(&Texts::default(), line)
}

/// A call that is right.
#[track_caller]
pub fn right(line: &str) -> CallLine {
    right_with(&Texts::default(), line)
}

#[track_caller]
pub fn right_with(texts: &Texts, line: &str) -> CallLine {
    match call_with(texts, line) {
        Ok(call) => call,
        Err(mistakes) => panic!("ctys {line}\n{}", show(&mistakes)),
    }
}

/// The jobs of a call that is right.
#[track_caller]
pub fn jobs(line: &str) -> Vec<Job> {
    right(line).jobs
}

/// The one job of a call that is right.
#[track_caller]
pub fn job(line: &str) -> Job {
    let mut jobs = right(line).jobs;
    assert_eq!(jobs.len(), 1, "ctys {line}");
    jobs.remove(0)
}

/// The mistakes of a call.
#[track_caller]
pub fn wrong(line: &str) -> Vec<Mistake> {
    wrong_with(&Texts::default(), line)
}

#[track_caller]
pub fn wrong_with(texts: &Texts, line: &str) -> Vec<Mistake> {
    match call_with(texts, line) {
        Ok(call) => panic!("ctys {line}\nis right: {call:#?}"),
        Err(mistakes) => mistakes,
    }
}

pub fn show(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
}

/// The hosts of jobs with accounts and ports.
pub fn hosts(jobs: &[Job]) -> Vec<String> {
    jobs.iter().map(|job| job.target.to_string()).collect()
}
