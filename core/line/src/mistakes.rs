//! Mistakes with their places, and the desk where they are collected: nothing stops at the first one.

use crate::World;
use crate::text::{Spot, Text};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Phase, Problem};
use std::fmt;

/// One mistake of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where it is.
    pub place: Place,
    /// What is wrong and why, one sentence.
    pub message: String,
    /// Where in the course of things: `Usage`, but for what the world had to say to a word.
    pub phase: Phase,
    /// What was expected there.
    pub expected: Option<String>,
    /// The valid word that looks most like the one given.
    pub nearest: Option<String>,
    /// What else helps, each one line: the chain of macros or groups that led here, another way to write it.
    pub notes: Vec<String>,
}

/// The place of a mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What the line is.
    pub origin: Origin,
    /// The number of the word in the call, from 0 for the first one after the program's name. None outside the call.
    pub word: Option<usize>,
    /// The first character, counted from 0 within the word; within the line outside the call.
    pub offset: usize,
    /// How many characters; 0 when something is missing there.
    pub length: usize,
    /// The whole line as it is shown, without control characters.
    pub line: String,
    /// The column of the first character in the shown line, from 0.
    pub column: usize,
    /// How many columns of the shown line it takes, at least 1.
    pub width: usize,
}

/// What kind of line a mistake is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The words of the call.
    Call,
    /// A line of a group file.
    Group {
        /// The name of the group.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// A default that comes from a setting.
    Setting {
        /// Its name.
        name: String,
    },
}

/// The most columns of a line that are shown around a mistake.
const SHOWN: usize = 110;

impl fmt::Display for Mistake {
    /// The sentence, the line with a caret, and what helps:
    ///
    /// ```text
    /// the action LITS is not known
    ///   ctys -a lits lab00
    ///           ^^^^
    ///   expected: CREATE, CANCEL, LIST, ...
    ///   did you mean LIST?
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, width, .. } = &self.place;
        f.write_str(&self.message)?;
        match &self.place.origin {
            Origin::Call => {}
            Origin::Group { name, line } => write!(f, " (group {}, line {line})", escape_for_eyes(name))?,
            Origin::Setting { name } => write!(f, " (in the setting {name})")?,
        }
        let chars: Vec<char> = line.chars().collect();
        let start = if chars.len() <= SHOWN { 0 } else { column.saturating_sub(SHOWN / 2).min(chars.len() - SHOWN) };
        let end = (start + SHOWN).min(chars.len());
        let (before, after) = (if start > 0 { "…" } else { "" }, if end < chars.len() { "…" } else { "" });
        write!(f, "\n  {before}{}{after}", chars[start..end].iter().collect::<String>())?;
        let pad = column - start + before.chars().count();
        let carets = (*width).min(end.saturating_sub(*column)).max(1);
        write!(f, "\n  {}{}", " ".repeat(pad), "^".repeat(carets))?;
        if let Some(expected) = &self.expected {
            write!(f, "\n  expected: {expected}")?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "\n  did you mean {nearest}?")?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n  {note}"))
    }
}

impl std::error::Error for Mistake {}

impl From<&Mistake> for Problem {
    /// The sentence with its place; what was expected and the nearest word as hints.
    fn from(mistake: &Mistake) -> Problem {
        let mut problem = Problem::new(mistake.phase, mistake.message.clone());
        problem.hints.extend(mistake.expected.iter().map(|expected| format!("expected: {expected}")));
        problem.hints.extend(mistake.nearest.iter().map(|nearest| format!("did you mean {nearest}?")));
        problem.hints.extend(mistake.notes.iter().cloned());
        problem
    }
}

/// A mistake on its way to the desk.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    spot: Spot,
    phase: Phase,
    message: String,
    expected: Option<String>,
    nearest: Option<String>,
    notes: Vec<String>,
}

impl Fault {
    /// A mistake at this place. Values in the sentence are made harmless by the caller with [`shown`].
    pub fn at(spot: Spot, message: impl Into<String>) -> Fault {
        Fault { spot, phase: Phase::Usage, message: message.into(), expected: None, nearest: None, notes: Vec::new() }
    }

    /// Of another phase than `Usage`.
    pub fn phase(mut self, phase: Phase) -> Fault {
        self.phase = phase;
        self
    }

    pub fn expected(mut self, expected: impl Into<String>) -> Fault {
        self.expected = Some(expected.into());
        self
    }

    /// Names the likeliest of these words, if one is near.
    pub fn near<S: AsRef<str>>(mut self, word: &str, words: impl IntoIterator<Item = S>) -> Fault {
        self.nearest = self.nearest.or_else(|| nearest(word, words));
        self
    }

    pub fn nearest(mut self, nearest: Option<String>) -> Fault {
        self.nearest = nearest;
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Fault {
        self.notes.push(note.into());
        self
    }
}

/// A value for a sentence: harmless, and not endless.
pub(crate) fn shown(text: impl fmt::Display) -> String {
    let text = text.to_string();
    if text.chars().count() <= 60 {
        return escape_for_eyes(&text).into_owned();
    }
    let short: String = text.chars().take(57).collect();
    format!("{}...", escape_for_eyes(&short))
}

/// The word that looks most like this one, when one is near enough: case does not count.
pub fn nearest<S: AsRef<str>>(word: &str, words: impl IntoIterator<Item = S>) -> Option<String> {
    let wanted = word.to_lowercase();
    // Dashes are no letters: of the four of `--nope` one may be wrong.
    let limit = (wanted.trim_start_matches('-').chars().count() / 3).max(1);
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let typed = strsim::osa_distance(&wanted, &candidate);
        // A word that was begun but not finished is near, too: "enum" for "enumerate".
        let begun = wanted.chars().count() >= 2 && candidate.starts_with(&wanted);
        if begun { typed.min(limit) } else { typed }
    };
    words
        .into_iter()
        .map(|candidate| (distance(candidate.as_ref()), candidate.as_ref().to_string()))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A line that text can stem from.
struct Source {
    origin: Origin,
    /// The characters as they are shown, one entry per character of the source.
    shown: Vec<String>,
    /// For the call: where its words begin.
    words: Vec<usize>,
    /// What stands before the line when it is shown.
    prefix: String,
}

/// Where a call is taken apart: the world it may ask, the lines it is made of, what was found wrong or remarkable.
pub(crate) struct Desk<'w> {
    pub world: &'w World<'w>,
    sources: Vec<Source>,
    expansions: Vec<String>,
    faults: Vec<Fault>,
    notices: Vec<Problem>,
    /// Places where something is missing that was reported already.
    holes: Vec<Spot>,
    /// A short verb was typed: what it stands for was not chosen word by word.
    pub short: bool,
    /// How deep macros and groups may contain each other.
    pub max_recursion: usize,
}

impl<'w> Desk<'w> {
    /// An empty desk; the first line it gets is the call.
    pub fn new(world: &'w World<'w>) -> Desk<'w> {
        Desk {
            world,
            sources: Vec::new(),
            expansions: Vec::new(),
            faults: Vec::new(),
            notices: Vec::new(),
            holes: Vec::new(),
            short: false,
            max_recursion: 0,
        }
    }

    /// Takes the words of the call.
    pub fn call(&mut self, words: &[String]) -> Vec<Text> {
        let number = self.sources.len() as u32;
        let mut source = Source {
            origin: Origin::Call,
            shown: Vec::new(),
            words: Vec::new(),
            prefix: format!("{} ", self.world.program),
        };
        let mut texts = Vec::new();
        for word in words {
            if !source.shown.is_empty() || !source.words.is_empty() {
                source.shown.push(" ".into());
            }
            source.words.push(source.shown.len());
            texts.push(Text::typed(word, number, source.shown.len() as u32));
            source.shown.extend(word.chars().map(show_char));
        }
        self.sources.push(source);
        self.max_recursion = self.world.max_recursion.parse().unwrap_or_else(|_| {
            let text = self.line(Origin::Setting { name: "CTYS_MAXRECURSE".into() }, self.world.max_recursion);
            self.fault(
                Fault::at(text.spot(), format!("{} is no number of levels", shown(&text))).expected("such as 20"),
            );
            0
        });
        texts
    }

    /// Takes a line from elsewhere.
    pub fn line(&mut self, origin: Origin, line: &str) -> Text {
        let shown = line.chars().map(show_char).collect();
        self.sources.push(Source { origin, shown, words: Vec::new(), prefix: String::new() });
        Text::typed(line, self.sources.len() as u32 - 1, 0)
    }

    /// Takes note of a macro (with the macros it came through) and gives its number for [`Spot::through`].
    pub fn expansion(&mut self, chain: String) -> u32 {
        self.expansions.push(chain);
        self.expansions.len() as u32
    }

    /// A mistake was found. One is enough for a place where the text of a macro is missing.
    pub fn fault(&mut self, fault: Fault) {
        let known = |old: &Fault| old.spot == fault.spot && old.message == fault.message;
        let touches =
            |hole: &Spot| hole.source == fault.spot.source && hole.from < fault.spot.to && fault.spot.from < hole.to;
        if !self.faults.iter().any(known) && !self.holes.iter().any(touches) {
            self.faults.push(fault);
        }
    }

    /// Whether a mistake was found exactly here.
    pub fn blames(&self, spot: Spot) -> bool {
        self.faults.iter().any(|fault| fault.spot == spot)
    }

    /// Here the text of a macro is missing, which was reported.
    pub fn hole(&mut self, spot: Spot) {
        self.holes.push(spot);
    }

    /// A remark, once.
    pub fn notice(&mut self, notice: Problem) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// How many mistakes there are so far.
    pub fn faults(&self) -> usize {
        self.faults.len()
    }

    /// The remarks, and the mistakes in the order of their places.
    pub fn close(self) -> (Vec<Problem>, Vec<Mistake>) {
        let mut faults = self.faults.clone();
        faults.sort_by_key(|fault| (fault.spot.source, fault.spot.from, fault.spot.to));
        let mut mistakes: Vec<Mistake> = faults.into_iter().map(|fault| self.mistake(fault)).collect();
        // A setting is read for each action that falls back on it.
        mistakes.dedup();
        (self.notices, mistakes)
    }

    fn mistake(&self, fault: Fault) -> Mistake {
        let mut notes = fault.notes;
        if let Some(chain) = (fault.spot.through as usize).checked_sub(1).and_then(|n| self.expansions.get(n)) {
            notes.push(format!("this is in the text of {chain}"));
        }
        let place = self.place(fault.spot);
        let phase = fault.phase;
        Mistake { place, phase, message: fault.message, expected: fault.expected, nearest: fault.nearest, notes }
    }

    fn place(&self, spot: Spot) -> Place {
        let source = &self.sources[spot.source as usize];
        let (from, to) = (spot.from as usize, spot.to as usize);
        let columns = |chars: &[String]| chars.iter().map(|c| c.chars().count()).sum::<usize>();
        let (from_shown, to_shown) = (from.min(source.shown.len()), to.min(source.shown.len()));
        let word = source.words.iter().rposition(|&start| start <= from);
        Place {
            origin: source.origin.clone(),
            word,
            offset: from - word.map_or(0, |word| source.words[word]),
            length: to.saturating_sub(from),
            line: format!("{}{}", source.prefix, source.shown.concat()),
            column: source.prefix.chars().count() + columns(&source.shown[..from_shown]),
            width: columns(&source.shown[from_shown..to_shown.max(from_shown)]).max(1),
        }
    }
}

fn show_char(c: char) -> String {
    escape_for_eyes(c.encode_utf8(&mut [0; 4])).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words = ["LIST", "ENUMERATE", "CREATE", "CANCEL"];
        assert_eq!(nearest("lits", words), Some("LIST".into()));
        assert_eq!(nearest("enum", words), Some("ENUMERATE".into()));
        assert_eq!(nearest("craete", words), Some("CREATE".into()));
        assert_eq!(nearest("reboot", words), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
