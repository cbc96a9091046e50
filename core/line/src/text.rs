//! Text that remembers where it was typed, through macros, groups and separators, so that every mistake has its place.

use std::fmt;
use std::ops::Range;

/// Where a piece of text stands: a range of characters of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Spot {
    /// The source, by its number at the [`crate::mistakes::Desk`]; 0 is the call.
    pub source: u32,
    /// The first character.
    pub from: u32,
    /// One past the last character.
    pub to: u32,
    /// The macro whose text this is, by its number at the desk plus one; 0 for text that was typed. The range is then
    /// that of the reference in the source.
    pub through: u32,
}

impl Spot {
    /// The place right behind this one, without length.
    pub fn behind(self) -> Spot {
        Spot { from: self.to, ..self }
    }
}

/// One character with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub c: char,
    pub spot: Spot,
}

/// A piece of text with the place of every character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    marks: Vec<Mark>,
    /// The place of the text when it has no character.
    empty_at: Spot,
}

impl Text {
    /// No text, at this place.
    pub fn empty(at: Spot) -> Text {
        Text { marks: Vec::new(), empty_at: at }
    }

    /// These characters; `at` is the place if there are none.
    pub fn from_marks(marks: Vec<Mark>, at: Spot) -> Text {
        Text { marks, empty_at: at }
    }

    /// Text that stands at `from` of a source, each character by itself.
    pub fn typed(text: &str, source: u32, from: u32) -> Text {
        let marks = text
            .chars()
            .zip(from..)
            .map(|(c, at)| Mark { c, spot: Spot { source, from: at, to: at + 1, through: 0 } })
            .collect();
        Text { marks, empty_at: Spot { source, from, to: from, through: 0 } }
    }

    /// Text of a macro: every character stands where the reference does.
    pub fn expanded(text: &str, at: Spot) -> Text {
        Text { marks: text.chars().map(|c| Mark { c, spot: at }).collect(), empty_at: at }
    }

    pub fn len(&self) -> usize {
        self.marks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    pub fn chars(&self) -> impl DoubleEndedIterator<Item = char> + '_ {
        self.marks.iter().map(|mark| mark.c)
    }

    /// The place of the whole text.
    pub fn spot(&self) -> Spot {
        span(&self.marks).unwrap_or(self.empty_at)
    }

    /// A part, by characters.
    pub fn slice(&self, range: Range<usize>) -> Text {
        let at = self.marks.get(range.start).map(|mark| mark.spot);
        let at = at.map_or_else(|| self.spot().behind(), |spot| Spot { to: spot.from, ..spot });
        Text { marks: self.marks[range].to_vec(), empty_at: at }
    }

    /// The part from this character on.
    pub fn from(&self, start: usize) -> Text {
        self.slice(start..self.len())
    }

    /// The place of some characters, given in bytes of the text as a string.
    pub fn spot_of_bytes(&self, offset: usize, length: usize) -> Spot {
        let mut at = 0;
        let mut found = Vec::new();
        for mark in &self.marks {
            if at >= offset && at < offset + length.max(1) {
                found.push(*mark);
            }
            at += mark.c.len_utf8();
        }
        span(&found).unwrap_or_else(|| self.spot().behind())
    }

    /// The position of the first such character.
    pub fn find(&self, wanted: char) -> Option<usize> {
        self.chars().position(|c| c == wanted)
    }

    /// The two parts beside the first such character.
    pub fn split_once(&self, at: char) -> Option<(Text, Text)> {
        self.find(at).map(|at| (self.slice(0..at), self.from(at + 1)))
    }

    /// The parts between such characters; one part when there is none.
    pub fn split(&self, separator: char) -> Vec<Text> {
        let mut parts = Vec::new();
        let mut start = 0;
        for (at, c) in self.chars().enumerate() {
            if c == separator {
                parts.push(self.slice(start..at));
                start = at + 1;
            }
        }
        parts.push(self.from(start));
        parts
    }

    /// The text without blanks at both ends.
    pub fn trim(&self) -> Text {
        let start = self.chars().position(|c| !c.is_whitespace()).unwrap_or(self.len());
        let end = self.chars().rev().position(|c| !c.is_whitespace()).map_or(start, |n| self.len() - n);
        self.slice(start..end)
    }

    /// The text in upper case: how keywords are compared.
    pub fn upper(&self) -> String {
        self.chars().map(|c| c.to_ascii_uppercase()).collect()
    }

    /// Whether it is this word, in any case.
    pub fn is_word(&self, word: &str) -> bool {
        self.len() == word.len() && self.chars().zip(word.chars()).all(|(a, b)| a.eq_ignore_ascii_case(&b))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

/// From the first to the last of these characters; only the first one's place when they stem from several sources.
fn span(marks: &[Mark]) -> Option<Spot> {
    let (first, last) = (marks.first()?.spot, marks.last()?.spot);
    let together = first.source == last.source && last.to >= first.to;
    let through = if first.through == last.through { first.through } else { 0 };
    Some(if together { Spot { to: last.to, through, ..first } } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_places() {
        let text = Text::typed("  ab,c ", 3, 10).trim();
        assert_eq!((text.to_string().as_str(), text.spot().from, text.spot().to), ("ab,c", 12, 16));
        let (left, right) = text.split_once(',').unwrap();
        assert_eq!((left.spot().from, left.spot().to), (12, 14));
        assert_eq!((right.spot().from, right.spot().to), (15, 16));
        assert_eq!(text.from(4).spot().from, 16);
        assert_eq!(Text::typed("äöü", 0, 0).spot_of_bytes(2, 2).from, 1);
    }

    #[test]
    fn the_text_of_a_macro_stands_where_its_reference_does() {
        let at = Spot { source: 0, from: 5, to: 12, through: 1 };
        let text = Text::expanded("one two", at);
        assert_eq!(text.from(4).spot(), at);
    }
}
