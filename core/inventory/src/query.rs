//! The language of ctys-vhost (ctys.md section 7): regular expressions on whole records, and what joins them.
//!
//! ```text
//! lab00 XEN tst10[04]         three patterns, all of which must match
//! lab00 XEN OR QEMU NOT copy  lab00 AND (XEN OR QEMU) AND NOT copy
//! F:3:^tst  E:28:1  R:17:20   one field; two fields that agree; records by number
//! ```

use crate::line::{FIELDS, Line};
use regex::bytes::{Regex, RegexBuilder};

/// A query: every clause must hold, and in each clause one of its terms.
#[derive(Clone, Debug, Default)]
pub struct Query {
    clauses: Vec<Vec<Term>>,
}

#[derive(Clone, Debug)]
struct Term {
    test: Test,
    not: bool,
}

#[derive(Clone, Debug)]
enum Test {
    /// The whole record matches.
    Record(Regex),
    /// One field matches.
    Field(usize, Regex),
    /// One field holds the text of another; both have to be there.
    Agree(usize, usize),
    /// The number of the record is in this range.
    Number(u64, u64),
}

/// What is wrong with a query: which word, from 0, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The word; the number of words when one is missing at the end.
    pub word: usize,
    /// The sentence.
    pub message: String,
}

impl Query {
    /// Reads the words. Without any every record fits.
    ///
    /// # Errors
    /// The first word that cannot be understood.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Query, Mistake> {
        let mut clauses: Vec<Vec<Term>> = Vec::new();
        let (mut not, mut or) = (false, false);
        let mut open = None;
        for (at, word) in words.iter().enumerate() {
            let word = word.as_ref();
            let mistake = |message: String| Mistake { word: at, message };
            match word.to_ascii_uppercase().as_str() {
                "AND" | "OR" if open.is_some() || clauses.is_empty() => {
                    return Err(mistake(format!("{word} stands where a pattern is expected")));
                }
                "AND" => open = Some(at),
                "OR" => {
                    or = true;
                    open = Some(at);
                }
                "NOT" => {
                    not = !not;
                    open = Some(at);
                }
                _ => {
                    let term = Term { test: test(word).map_err(mistake)?, not };
                    match clauses.last_mut() {
                        Some(clause) if or => clause.push(term),
                        _ => clauses.push(vec![term]),
                    }
                    (not, or, open) = (false, false, None);
                }
            }
        }
        if open.is_some() {
            return Err(Mistake { word: words.len(), message: "a pattern is missing at the end".into() });
        }
        Ok(Query { clauses })
    }

    /// Whether a record fits. `number`: its number, from 1.
    pub fn fits(&self, raw: &[u8], number: u64) -> bool {
        self.clauses.iter().all(|clause| clause.iter().any(|term| term.test.holds(raw, number) != term.not))
    }
}

impl Test {
    fn holds(&self, raw: &[u8], number: u64) -> bool {
        match self {
            Test::Record(pattern) => pattern.is_match(raw),
            Test::Number(from, to) => (*from..=*to).contains(&number),
            Test::Field(index, pattern) => {
                Line::parse(raw).is_some_and(|line| pattern.is_match(line.numbered(*index).unwrap_or_default()))
            }
            Test::Agree(one, other) => Line::parse(raw).is_some_and(|line| {
                let (one, other) = (line.numbered(*one).unwrap_or_default(), line.numbered(*other).unwrap_or_default());
                !other.is_empty() && one.windows(other.len()).any(|part| part == other)
            }),
        }
    }
}

fn test(word: &str) -> Result<Test, String> {
    let mut parts = word.splitn(3, ':');
    let keyword = parts.next().unwrap_or_default().to_ascii_uppercase();
    match (keyword.as_str(), parts.next(), parts.next()) {
        ("F", Some(index), Some(text)) => Ok(Test::Field(field(index)?, pattern(text)?)),
        ("E", Some(one), Some(other)) => Ok(Test::Agree(field(one)?, field(other)?)),
        ("R", Some(from), to) => {
            let from = record(from)?;
            Ok(Test::Number(from, to.map(record).transpose()?.unwrap_or(from)))
        }
        ("F" | "E", Some(_), None) => Err(format!("{word} is not complete: F:<field>:<pattern>, E:<field>:<field>")),
        _ => Ok(Test::Record(pattern(word)?)),
    }
}

fn field(text: &str) -> Result<usize, String> {
    let wrong = || format!("{text} is no field: 1 to {FIELDS} are");
    text.parse().ok().filter(|index| (1..=FIELDS).contains(index)).ok_or_else(wrong)
}

fn record(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is no number of a record"))
}

fn pattern(text: &str) -> Result<Regex, String> {
    if text.is_empty() {
        return Err("a pattern is empty".into());
    }
    RegexBuilder::new(text).size_limit(10 << 20).build().map_err(|error| {
        // The last line of the report says what it is; those before it draw an arrow.
        let report = error.to_string();
        let why = report.lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
        format!("{text} is no regular expression: {why}")
    })
}

/// `-M`: which of the records that fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The first.
    First,
    /// The last.
    Last,
    /// All, in the order of the file.
    #[default]
    All,
    /// The only one; more than one is an error.
    Unique,
    /// All, sorted.
    Sort,
    /// All, sorted, equal ones once.
    UniqueSort,
    /// All that do not fit.
    Complement,
}

impl Choice {
    /// The words of `-M`.
    pub const WORDS: [(&'static str, Choice); 7] = [
        ("FIRST", Choice::First),
        ("LAST", Choice::Last),
        ("ALL", Choice::All),
        ("UNIQUE", Choice::Unique),
        ("SORT", Choice::Sort),
        ("USORT", Choice::UniqueSort),
        ("COMPLEMENT", Choice::Complement),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: [&str; 4] = [
        "lab00.xyz;XEN;tst100;/root/xen/tst100/tst100.conf;6842caf91e3e43249ed596b8b9f2c5c2;00:50:56:13:11:40;192.168.1.220;;;;CentOS;Linux;5;;PM",
        "lab00.xyz;XEN;tst100;/root/xen/tst100/tst100-inst.conf;;00:50:56:13:11:40;192.168.1.220;;;;;;;;;",
        "lab01.xyz;QEMU;tst101;/homen/chkusr/qemu/tst101/tst101.ctys;;00:50:56:13:11:41;192.168.1.221;;;;;;;;VM",
        "lab01.xyz;PM;lab01.xyz;/etc/ctys.d/pm.conf;;;192.168.1.71;;;;;;;;PM",
    ];

    #[test]
    fn what_fits() {
        let check = |words: &str, want: &[u64]| {
            let words: Vec<&str> = words.split_whitespace().collect();
            let query = Query::parse(&words).unwrap();
            let fitting: Vec<u64> =
                (1..).zip(DATA).filter(|(n, raw)| query.fits(raw.as_bytes(), *n)).map(|(n, _)| n).collect();
            assert_eq!(fitting, want, "{words:?}");
        };
        check("", &[1, 2, 3, 4]);
        check("lab00 XEN tst100", &[1, 2]);
        check("lab00 AND XEN and -inst", &[2]);
        check("xen/tst", &[1, 2]);
        check("Xen", &[]);
        check("lab01 PM OR QEMU", &[3, 4]);
        check("tst10[01] or nobody NOT inst", &[1, 3]);
        check("NOT XEN", &[3, 4]);
        check("NOT NOT XEN", &[1, 2]);
        check("XEN OR NOT lab01", &[1, 2]);
        check("F:3:^tst", &[1, 2, 3]);
        check("f:3:tst100$ F:5:^$", &[2]);
        check("E:3:1", &[4]);
        check("E:5:9", &[]);
        check("R:2", &[2]);
        check("R:2:3 NOT R:3", &[2]);
        check(r"^lab00\.[a-z]+;XEN;[[:alnum:]]+;", &[1, 2]);
        check("F:15:.", &[]);
        check("F:18:^PM$", &[1, 4]);
    }

    #[test]
    fn what_is_refused() {
        let check = |words: &str, word: usize, part: &str| {
            let words: Vec<&str> = words.split_whitespace().collect();
            let mistake = Query::parse(&words).unwrap_err();
            assert!(mistake.word == word && mistake.message.contains(part), "{words:?}: {mistake:?}");
        };
        check("AND x", 0, "AND stands where");
        check("x OR AND y", 2, "AND stands where");
        check("x NOT", 2, "missing");
        check("x OR", 2, "missing");
        check("a F:48:x", 1, "no field");
        check("F:3", 0, "not complete");
        check("R:x", 0, "no number");
        check("x [", 1, "no regular expression: unclosed");
    }
}
