//! What stands in brackets: numbers with their leading zeros, as texts.
//!
//! `[8-11]` is 8 9 10 11, `[08-11]` is 08 09 10 11, `[0-10/5]` is 0 5 10. `1` and `01` are two numbers: names that differ are
//! two hosts.

use super::MOST;
use std::cmp::Ordering;

/// A number as it is written. Ordered by length, then by value: `2`, `10`, `02`… stand as `2`, `02`, `10`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digits(String);

impl Digits {
    /// From digits only.
    pub fn new(text: &str) -> Digits {
        Digits(text.to_string())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn has_leading_zero(&self) -> bool {
        self.0.len() > 1 && self.0.starts_with('0')
    }

    /// The number after it, of the same width where there are leading zeros or where it does not carry over.
    fn next(&self) -> Option<Digits> {
        let value: u64 = self.0.parse().ok()?;
        let next = value.checked_add(1)?;
        Some(Digits(format!("{next:0width$}", width = self.0.len())))
    }

    /// Whether `other` follows in a range: the same width, or one more digit where no leading zero is.
    fn precedes(&self, other: &Digits) -> bool {
        self.next().as_ref() == Some(other) && (self.0.len() == other.0.len() || !self.has_leading_zero())
    }
}

impl Ord for Digits {
    fn cmp(&self, other: &Digits) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Digits) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The numbers of `00-15,20` or `0-100/10`.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn expand(text: &str) -> Result<Vec<Digits>, String> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|&step: &u64| step > 0)),
            None => (part, Some(1)),
        };
        let step = step.ok_or_else(|| format!("the step of {part} is no number above 0"))?;
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| match !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            true => text.parse::<u64>().map_err(|_| format!("{text} is too large for a range")),
            false => Err(format!("{part} is no range of numbers")),
        };
        let (from, to) = (number(first)?, number(last)?);
        if from > to {
            return Err(format!("the range {part} ends before it begins"));
        }
        if (to - from) / step >= (MOST - all.len().min(MOST)) as u64 {
            return Err(format!("the range {part} has more than {MOST} numbers"));
        }
        // A leading zero at either end sets the width of all.
        let padded = [first, last].into_iter().filter(|text| text.len() > 1 && text.starts_with('0'));
        let width = padded.map(str::len).max().unwrap_or(1);
        all.extend((from..=to).step_by(step as usize).map(|n| Digits(format!("{n:0width$}"))));
    }
    Ok(all)
}

/// The reverse: sorted numbers without repetition as `00-15,20`.
pub fn fold(sorted: &[Digits]) -> String {
    let mut text = String::new();
    let mut rest = sorted;
    while let Some((first, _)) = rest.split_first() {
        let length = 1 + rest.windows(2).take_while(|pair| pair[0].precedes(&pair[1])).count();
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(first.as_str());
        if length > 1 {
            text.push('-');
            text.push_str(rest[length - 1].as_str());
        }
        rest = &rest[length..];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_open_and_close() {
        let check = |text: &str, numbers: &str, folded: &str| {
            let mut got = expand(text).unwrap();
            let list: Vec<&str> = got.iter().map(Digits::as_str).collect();
            assert_eq!(list.join(" "), numbers, "{text}");
            got.sort();
            got.dedup();
            assert_eq!(fold(&got), folded, "{text}");
        };
        check("8-11", "8 9 10 11", "8-11");
        check("08-11", "08 09 10 11", "08-11");
        check("1-10/3", "1 4 7 10", "1,4,7,10");
        check("5,1-3,2", "5 1 2 3 2", "1-3,5");
        check("9-10,099-101", "9 10 099 100 101", "9-10,099-101");
        check("1,01,001", "1 01 001", "1,01,001");
        check("0", "0", "0");
    }

    #[test]
    fn what_is_refused() {
        let check = |text: &str, part: &str| assert!(expand(text).unwrap_err().contains(part), "{text}");
        check("", "no range");
        check("a-b", "no range");
        check("1-", "no range");
        check("3-1", "ends before");
        check("1-9/0", "step");
        check("0-99999999", "more than");
        check("1-99999999999999999999", "too large");
    }
}
