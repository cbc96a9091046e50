//! New answers over the records that were there: what is replaced, what stays and how old it is.
//!
//! A target that answered completely replaces what it said before to the same question. One that was silent, or told
//! only a part, keeps what it had, with its age. Of two records of the same interface of the same machine the newer one
//! stays.

use crate::index::{Seen, Source, lines};
use crate::keys::{hash, same_name};
use crate::line::Line;
use ctys_model::field::Known;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What becomes of records of targets that were not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They stay.
    Append,
    /// They go.
    Replace,
}

/// What one target answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The target as typed.
    pub target: String,
    /// What was asked: session types and folders.
    pub scope: String,
    /// When.
    pub at: i64,
    /// The records, as lines.
    pub lines: Vec<String>,
    /// Why the answer is not complete; none when it is.
    pub failed: Option<String>,
}

/// The records that were there.
pub struct Old<'a> {
    /// The text of `enum.fdb`.
    pub text: &'a [u8],
    /// Where and when each line was seen, by its hash; a line that is not in it stems from the file itself.
    pub seen: &'a HashMap<u64, Seen>,
    /// The sources.
    pub sources: Vec<Source>,
    /// The source of lines nobody knows.
    pub unknown: Seen,
}

/// The records as they shall be.
#[derive(Debug, Default)]
pub struct Merged {
    /// The text of `enum.fdb`, sorted, each line once.
    pub text: Vec<u8>,
    /// Where and when each line was seen.
    pub seen: HashMap<u64, Seen>,
    /// The sources.
    pub sources: Vec<Source>,
    /// How many records were not there before.
    pub new: usize,
    /// How many stayed from before that nobody has seen again.
    pub kept: usize,
    /// How many went.
    pub gone: usize,
}

/// Merges.
pub fn merge(old: Old<'_>, answers: &[Answer], mode: Mode) -> Merged {
    let mut sources = old.sources;
    let numbers: Vec<u32> = answers.iter().map(|answer| note(&mut sources, answer)).collect();
    let mut fresh: BTreeMap<Cow<'_, [u8]>, Seen> = BTreeMap::new();
    let mut identities = HashSet::new();
    for (answer, &source) in answers.iter().zip(&numbers) {
        for line in &answer.lines {
            identities.extend(identity(line.as_bytes()));
            fresh.insert(Cow::Borrowed(line.as_bytes()), Seen { source, at: answer.at });
        }
    }
    let complete: HashSet<u32> =
        answers.iter().zip(&numbers).filter(|(answer, _)| answer.failed.is_none()).map(|(_, &number)| number).collect();
    let silent: Vec<&str> = answers.iter().filter(|a| a.failed.is_some()).map(|a| a.target.as_str()).collect();
    let mut merged = Merged::default();
    let fresh_ones: HashSet<u64> = fresh.keys().map(|raw| hash(&[raw])).collect();
    let mut again = HashSet::new();
    let mut all = fresh;
    for (_, raw) in lines(old.text) {
        let raw_hash = hash(&[raw]);
        if fresh_ones.contains(&raw_hash) {
            again.insert(raw_hash);
            continue;
        }
        let seen = old.seen.get(&raw_hash).copied().unwrap_or(old.unknown);
        let line = Line::parse(raw);
        let superseded = identity(raw).is_some_and(|identity| identities.contains(&identity));
        let stays = match mode {
            _ if superseded => false,
            Mode::Append => !complete.contains(&seen.source),
            Mode::Replace => {
                let target = sources.get(seen.source as usize).map_or("", |source| source.target.as_str());
                let pm = line.as_ref().map(|line| line.text(Known::Pm)).unwrap_or_default();
                silent.iter().any(|silent| *silent == target || same_name(silent, &pm))
            }
        };
        if stays {
            merged.kept += usize::from(line.is_some());
            all.insert(Cow::Borrowed(raw), seen);
        } else {
            merged.gone += 1;
        }
    }
    merged.new = fresh_ones.len() - again.len();
    for (raw, seen) in all {
        merged.seen.insert(hash(&[&raw]), seen);
        merged.text.extend_from_slice(&raw);
        merged.text.push(b'\n');
    }
    merged.sources = sources;
    merged
}

/// Notes what came of a target. Gives the number of its source.
fn note(sources: &mut Vec<Source>, answer: &Answer) -> u32 {
    let same = |source: &Source| source.target == answer.target && source.scope == answer.scope;
    let at = sources.iter().position(same).unwrap_or_else(|| {
        sources.push(Source { target: answer.target.clone(), scope: answer.scope.clone(), ..Source::default() });
        sources.len() - 1
    });
    let source = &mut sources[at];
    match &answer.failed {
        None => (source.answered, source.failed, source.why) = (Some(answer.at), None, None),
        Some(why) => (source.failed, source.why) = (Some(answer.at), Some(why.clone())),
    }
    at as u32
}

/// What makes two records the same interface of the same machine. None when they say too little.
fn identity(raw: &[u8]) -> Option<u64> {
    let line = Line::parse(raw)?;
    let part = |field: Known| line.numbered(field.enum_index().unwrap_or(1).into()).unwrap_or_default();
    let parts = [Known::Pm, Known::SessionType, Known::Id, Known::Mac, Known::Interface, Known::Tcp].map(part);
    // Two addresses of one interface are two records.
    (!parts[0].is_empty() && !parts[2].is_empty())
        .then(|| hash(&parts.map(|p| [p, b";"].concat()).each_ref().map(Vec::as_slice)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pm: &str, label: &str, os: &str) -> String {
        format!("{pm};XEN;{label};/x/{label};;;;;;;;;;{os}{}", ";".repeat(33))
    }

    fn answer(target: &str, at: i64, lines: &[String]) -> Answer {
        Answer { target: target.into(), scope: "ALL".into(), at, lines: lines.to_vec(), failed: None }
    }

    fn step(old: &Merged, answers: &[Answer], mode: Mode) -> Merged {
        let old =
            Old { text: &old.text, seen: &old.seen, sources: old.sources.clone(), unknown: Seen { source: 99, at: 1 } };
        merge(old, answers, mode)
    }

    fn shown(merged: &Merged) -> Vec<String> {
        let of = |raw: &[u8]| {
            let line = Line::parse(raw).unwrap();
            let seen = merged.seen[&hash(&[raw])];
            let target = merged.sources.get(seen.source as usize).map_or("file", |s| s.target.as_str());
            format!("{}/{}{} {target}@{}", line.text(Known::Pm), line.text(Known::Label), line.text(Known::Os), seen.at)
        };
        lines(&merged.text).map(|(_, raw)| of(raw)).collect()
    }

    #[test]
    fn answers_over_what_was_there() {
        let first = [
            answer("lab00", 10, &[line("lab00", "a", ""), line("lab00", "b", "")]),
            answer("lab01", 10, &[line("lab01", "c", "")]),
        ];
        let one = step(&Merged::default(), &first, Mode::Replace);
        assert_eq!(shown(&one), ["lab00/a lab00@10", "lab00/b lab00@10", "lab01/c lab01@10"]);
        assert_eq!((one.new, one.kept, one.gone), (3, 0, 0));

        // b is gone there, a has another system, d is new; lab01 was not asked.
        let again = [answer("lab00", 20, &[line("lab00", "a", "Linux"), line("lab00", "d", "")])];
        let two = step(&one, &again, Mode::Append);
        assert_eq!(shown(&two), ["lab00/aLinux lab00@20", "lab00/d lab00@20", "lab01/c lab01@10"]);
        assert_eq!((two.new, two.kept, two.gone), (2, 1, 2));
        assert_eq!(shown(&step(&one, &again, Mode::Replace)), ["lab00/aLinux lab00@20", "lab00/d lab00@20"]);

        // A silent host keeps what it had, with its age.
        let silent = [Answer { failed: Some("connect: refused".into()), ..answer("lab00", 30, &[]) }];
        for mode in [Mode::Append, Mode::Replace] {
            let three = step(&two, &silent, mode);
            assert_eq!(shown(&three)[..2], ["lab00/aLinux lab00@20", "lab00/d lab00@20"]);
            assert_eq!(three.sources[0].answered, Some(20));
            assert_eq!(
                (three.sources[0].failed, three.sources[0].why.as_deref()),
                (Some(30), Some("connect: refused"))
            );
        }

        // An equal answer makes it younger and changes no byte.
        let same = step(&two, &[answer("lab01", 40, &[line("lab01", "c", "")])], Mode::Append);
        assert_eq!((same.text == two.text, same.new, same.gone), (true, 0, 0));
        assert_eq!(shown(&same)[2], "lab01/c lab01@40");

        // Another question to the same target leaves the answers to the first one.
        let other = [Answer { scope: "PM".into(), ..answer("lab00", 50, &[line("lab00", "p", "")]) }];
        assert_eq!(shown(&step(&two, &other, Mode::Append)).len(), 4);
    }

    #[test]
    fn lines_of_a_file_nobody_asked_for_stay_until_their_machine_is_seen() {
        let file = Merged {
            text: format!("# mine\n{}\n{}\n", line("lab00", "a", "old"), line("lab09", "z", "")).into(),
            ..Merged::default()
        };
        let merged = step(&file, &[answer("lab00", 10, &[line("lab00", "a", "new")])], Mode::Append);
        let text = String::from_utf8(merged.text).unwrap();
        assert_eq!(text, format!("# mine\n{}\n{}\n", line("lab00", "a", "new"), line("lab09", "z", "")));
    }
}
