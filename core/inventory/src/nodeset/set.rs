//! Names and their folding: `lab00 lab01 lab02` is `lab[00-02]`, and back.
//!
//! A name is a pattern and the numbers in it: `rack1node2.soho` is `rack%snode%s.soho` with 1 and 2. Names of one pattern
//! fold together, first by their last number, then by the one before, until nothing changes.

use super::MOST;
use super::ranges::{Digits, expand, fold};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What stands for a number in a pattern, as in ClusterShell, so that patterns have its order.
const HOLE: &str = "%s";

/// A percent sign of the name itself.
const PERCENT: &str = "%%";

/// A set of host names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSet {
    /// The numbers of every name, by pattern.
    patterns: BTreeMap<String, BTreeSet<Vec<Digits>>>,
}

impl NodeSet {
    /// Adds a name as it is: nothing in it is special.
    pub fn insert(&mut self, name: &str) {
        let (pattern, numbers) = take_apart(name);
        self.patterns.entry(pattern).or_default().insert(numbers);
    }

    /// Adds names with ranges in brackets.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn insert_folded(&mut self, text: &str) -> Result<(), String> {
        let mut names = vec![String::new()];
        let mut rest = text;
        while let Some(at) = rest.find(['[', ']']) {
            if rest[at..].starts_with(']') {
                return Err(format!("there is no [ before the ] of {text}"));
            }
            let end = rest[at..].find(']').ok_or_else(|| format!("the [ of {text} is not closed"))? + at;
            let numbers = expand(&rest[at + 1..end])?;
            if names.len() * numbers.len() > MOST {
                return Err(format!("{text} stands for more than {MOST} names"));
            }
            let before = &rest[..at];
            let longer =
                |name: &String| numbers.iter().map(|n| format!("{name}{before}{}", n.as_str())).collect::<Vec<_>>();
            names = names.iter().flat_map(longer).collect();
            rest = &rest[end + 1..];
        }
        for name in names {
            self.insert(&format!("{name}{rest}"));
        }
        Ok(())
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.patterns.values().map(BTreeSet::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// All names, in the order of their patterns, numbers by value.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let name = |pattern, numbers: &[Digits]| put_together(pattern, numbers.iter().map(|n| n.as_str().to_string()));
        self.patterns.iter().flat_map(move |(pattern, all)| all.iter().map(move |numbers| name(pattern, numbers)))
    }

    /// Whether a name is in it.
    pub fn contains(&self, name: &str) -> bool {
        let (pattern, numbers) = take_apart(name);
        self.patterns.get(&pattern).is_some_and(|all| all.contains(&numbers))
    }

    /// With the names of another.
    pub fn union(&mut self, other: NodeSet) {
        for (pattern, all) in other.patterns {
            self.patterns.entry(pattern).or_default().extend(all);
        }
    }

    /// Only the names for which this holds.
    fn keep(&mut self, mut wanted: impl FnMut(&str, &Vec<Digits>) -> bool) {
        self.patterns.retain(|pattern, all| {
            all.retain(|numbers| wanted(pattern, numbers));
            !all.is_empty()
        });
    }

    fn has(&self, pattern: &str, numbers: &Vec<Digits>) -> bool {
        self.patterns.get(pattern).is_some_and(|all| all.contains(numbers))
    }

    /// Without the names of another.
    pub fn difference(&mut self, other: &NodeSet) {
        self.keep(|pattern, numbers| !other.has(pattern, numbers));
    }

    /// Only the names that another has, too.
    pub fn intersection(&mut self, other: &NodeSet) {
        self.keep(|pattern, numbers| other.has(pattern, numbers));
    }

    /// The names of exactly one of both.
    pub fn symmetric_difference(&mut self, mut other: NodeSet) {
        let mine = self.clone();
        self.difference(&other);
        other.difference(&mine);
        self.union(other);
    }
}

impl<S: AsRef<str>> FromIterator<S> for NodeSet {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> NodeSet {
        let mut set = NodeSet::default();
        names.into_iter().for_each(|name| set.insert(name.as_ref()));
        set
    }
}

/// Folded: `lab[00-02],ws2`.
impl fmt::Display for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (pattern, all) in &self.patterns {
            for block in blocks(all) {
                if !std::mem::take(&mut first) {
                    f.write_str(",")?;
                }
                let shown = block.iter().map(|numbers| match &numbers[..] {
                    [one] => one.as_str().to_string(),
                    _ => format!("[{}]", fold(numbers)),
                });
                f.write_str(&put_together(pattern, shown))?;
            }
        }
        Ok(())
    }
}

/// The numbers of one block: for every place in the pattern those that stand there, each with each.
type Block = Vec<Vec<Digits>>;

/// Vectors of numbers as few blocks.
fn blocks(all: &BTreeSet<Vec<Digits>>) -> Vec<Block> {
    let mut blocks: Vec<Block> = all.iter().map(|one| one.iter().map(|n| vec![n.clone()]).collect()).collect();
    let dimensions = blocks.first().map_or(0, Vec::len);
    let mut before = usize::MAX;
    while blocks.len() < before {
        before = blocks.len();
        for dimension in (0..dimensions).rev() {
            blocks = merged(blocks, dimension);
        }
    }
    blocks
}

/// Blocks that differ in one dimension only, put together.
fn merged(blocks: Vec<Block>, dimension: usize) -> Vec<Block> {
    let mut by_rest: BTreeMap<Block, BTreeSet<Digits>> = BTreeMap::new();
    for mut block in blocks {
        let numbers = std::mem::take(&mut block[dimension]);
        by_rest.entry(block).or_default().extend(numbers);
    }
    let whole = |(mut block, numbers): (Block, BTreeSet<Digits>)| {
        block[dimension] = numbers.into_iter().collect();
        block
    };
    let mut blocks: Vec<Block> = by_rest.into_iter().map(whole).collect();
    blocks.sort();
    blocks
}

/// The pattern of a name, and its numbers.
fn take_apart(name: &str) -> (String, Vec<Digits>) {
    let (mut pattern, mut numbers) = (String::new(), Vec::new());
    let mut rest = name;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |length| at + length);
        pattern.push_str(&rest[..at].replace('%', PERCENT));
        pattern.push_str(HOLE);
        numbers.push(Digits::new(&rest[at..end]));
        rest = &rest[end..];
    }
    pattern.push_str(&rest.replace('%', PERCENT));
    (pattern, numbers)
}

fn put_together(pattern: &str, mut numbers: impl Iterator<Item = String>) -> String {
    let mut name = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        name.push_str(&rest[..at]);
        match rest[at..].starts_with(HOLE) {
            true => name.extend(numbers.next()),
            false => name.push('%'),
        }
        rest = &rest[at + HOLE.len()..];
    }
    name + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_and_unfold() {
        let check = |names: &str, folded: &str| {
            let set: NodeSet = names.split_whitespace().collect();
            assert_eq!(set.to_string(), folded);
            let mut back = NodeSet::default();
            for part in super::super::parse::operands(folded) {
                back.insert_folded(part).unwrap();
            }
            assert_eq!(back, set, "{folded}");
            assert_eq!(set.names().collect::<NodeSet>(), set);
        };
        check("", "");
        check("lab2 lab1 lab3", "lab[1-3]");
        check("lab1 lab01 ws2.soho ws3.soho", "lab[1,01],ws[2-3].soho");
        check("x1y1 x1y2 x2y1 x2y2 x3y1", "x[1-2]y[1-2],x3y1");
        check("b1 a1 c a2 a03 a04 a4", "a[1-2,4,03-04],b1,c");
        check("a1b a2b a-1 a-2 node-1-2 node-1-3 node-2-2", "a[1-2]b,a-[1-2],node-1-[2-3],node-2-2");
        check("foo1.soho foo2.soho foo", "foo,foo[1-2].soho");
        check("a1%s1 a1%s2", "a1%s[1-2]");
        check("1 2 3", "[1-3]");
    }

    #[test]
    fn what_is_refused() {
        let check = |text: &str, part: &str| {
            let error = NodeSet::default().insert_folded(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("a[1", "not closed");
        check("a1]", "no [ before");
        check("a[]", "no range");
        check("a[0-999][0-999]", "more than");
    }
}
