//! The operators between names, from left to right: `,` both, `!` without, `&` common, `^` one of both (nodeset(1)).

use super::set::NodeSet;

/// Where groups come from.
pub trait Groups {
    /// The members of a group as an expression; the source is none for the usual one. `*` is everything of a source.
    ///
    /// # Errors
    /// A sentence: there is no such group, or its source failed.
    fn members(&self, source: Option<&str>, group: &str) -> Result<String, String>;
}

/// There are no groups.
pub struct NoGroups;

impl Groups for NoGroups {
    fn members(&self, _: Option<&str>, group: &str) -> Result<String, String> {
        Err(format!("there is no group {group}: no source of groups is set up"))
    }
}

/// How deep groups may name each other.
const DEPTH: usize = 20;

/// Reads an expression.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse(text: &str, groups: &dyn Groups) -> Result<NodeSet, String> {
    at_depth(text, groups, None, 0)
}

/// `source`: that of the group whose members these are; groups in it are meant without their source.
fn at_depth(text: &str, groups: &dyn Groups, source: Option<&str>, depth: usize) -> Result<NodeSet, String> {
    if depth > DEPTH {
        return Err(format!("groups name each other more than {DEPTH} times"));
    }
    let mut set = NodeSet::default();
    for (operator, operand) in tokens(text) {
        let operand = operand.trim();
        if operand.is_empty() {
            match operator {
                ',' => continue,
                _ => return Err(format!("there is nothing behind {operator} in {text}")),
            }
        }
        let other = one(operand, groups, source, depth)?;
        match operator {
            '!' => set.difference(&other),
            '&' => set.intersection(&other),
            '^' => set.symmetric_difference(other),
            _ => set.union(other),
        }
        if set.len() > super::MOST {
            return Err(format!("{text} stands for more than {} names", super::MOST));
        }
    }
    Ok(set)
}

fn one(operand: &str, groups: &dyn Groups, source: Option<&str>, depth: usize) -> Result<NodeSet, String> {
    if let Some(name) = operand.strip_prefix('@') {
        let (source, group) = match name.split_once(':') {
            Some((source, group)) => (Some(source), group),
            None => (source, name),
        };
        // @rack[1-3] is three groups.
        let mut names = NodeSet::default();
        names.insert_folded(group)?;
        let mut set = NodeSet::default();
        for group in names.names() {
            set.union(at_depth(&groups.members(source, &group)?, groups, source, depth + 1)?);
        }
        return Ok(set);
    }
    let mut set = NodeSet::default();
    if operand.contains(['*', '?']) && !operand.contains('[') {
        let all = at_depth(&groups.members(source, "*")?, groups, source, depth + 1)?;
        all.names().filter(|name| matches(operand.as_bytes(), name.as_bytes())).for_each(|name| set.insert(&name));
        return Ok(set);
    }
    set.insert_folded(operand)?;
    Ok(set)
}

/// The operands with the operator before each; the first has `,`. White space joins like `,`.
fn tokens(text: &str) -> Vec<(char, &str)> {
    let mut tokens = Vec::new();
    let (mut start, mut operator, mut open) = (0, ',', false);
    for (at, c) in text.char_indices() {
        match c {
            '[' => open = true,
            ']' => open = false,
            ',' | '!' | '&' | '^' | ' ' | '\t' | '\n' if !open => {
                tokens.push((operator, &text[start..at]));
                start = at + c.len_utf8();
                // Blanks around an operator leave it as it is.
                let blank = c.is_whitespace();
                let nothing = tokens.last().is_some_and(|(_, operand)| operand.is_empty());
                if nothing && (blank || operator == ',') {
                    tokens.pop();
                }
                if !blank {
                    operator = c;
                } else if !nothing {
                    operator = ',';
                }
            }
            _ => {}
        }
    }
    tokens.push((operator, &text[start..]));
    tokens
}

/// The operands alone, for sets without operators.
pub fn operands(text: &str) -> impl Iterator<Item = &str> {
    tokens(text).into_iter().map(|(_, operand)| operand).filter(|operand| !operand.is_empty())
}

/// Whether a name is meant by a pattern with `*` and `?`.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|at| matches(rest, &name[at..])),
        (Some((b'?', pattern)), Some((_, name))) => matches(pattern, name),
        (Some((one, pattern)), Some((other, name))) => one == other && matches(pattern, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Some3;

    impl Groups for Some3 {
        fn members(&self, source: Option<&str>, group: &str) -> Result<String, String> {
            match (source, group) {
                (None, "lab") => Ok("lab[1-3]\n".into()),
                (None, "all" | "*") => Ok("@lab,ws1 ws2".into()),
                (Some("racks"), "r1") => Ok("a1".into()),
                (Some("racks"), "r2") => Ok("a2".into()),
                (Some("racks"), "both") => Ok("@r1,@r2".into()),
                (None, "loop") => Ok("@loop".into()),
                _ => Err(format!("there is no group {group}")),
            }
        }
    }

    #[test]
    fn operators_and_groups() {
        let check = |text: &str, want: &str| assert_eq!(parse(text, &Some3).unwrap().to_string(), want, "{text}");
        check("", "");
        check("a,b", "a,b");
        check("lab[1-5]!lab2", "lab[1,3-5]");
        check("lab[1-5]&lab[4-9]", "lab[4-5]");
        check("a[1-3]!a2^b1&b1", "b1");
        check("a[1-3]^a[2-4]", "a[1,4]");
        check("@lab", "lab[1-3]");
        check("@lab!lab2,x", "lab[1,3],x");
        check("@all & @lab", "lab[1-3]");
        check("@racks:r[1-2]", "a[1-2]");
        check("@racks:both", "a[1-2]");
        check("ws*", "ws[1-2]");
        check("lab?!lab3", "lab[1-2]");
        check("@*", "lab[1-3],ws[1-2]");
        check("a , b", "a,b");
        check(",a,,b,", "a,b");
        check("lab[1,3].soho,b", "b,lab[1,3].soho");
    }

    #[test]
    fn what_is_refused() {
        let check = |text: &str, part: &str| {
            let error = parse(text, &Some3).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("@nobody", "no group nobody");
        check("@loop", "name each other");
        check("a!", "nothing behind !");
        check("a[1", "not closed");
        assert!(parse("@x", &NoGroups).is_err());
    }
}
