//! The options of a companion tool: one table for reading them and for `-h`.

use super::{COMMON, Tool};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Phase, Problem};
use std::fmt::Write;

/// One option.
pub struct Opt {
    /// The letter; a blank where there is none.
    pub short: char,
    /// The long name.
    pub long: &'static str,
    /// What its value is called; empty for a flag.
    pub value: &'static str,
    /// One line of help.
    pub help: &'static str,
}

/// An option in one line.
pub const fn opt(short: char, long: &'static str, value: &'static str, help: &'static str) -> Opt {
    Opt { short, long, value, help }
}

/// What was given.
#[derive(Debug, Default)]
pub struct Given {
    values: Vec<(&'static str, String)>,
    /// What stands behind the options.
    pub arguments: Vec<String>,
}

impl Given {
    /// Whether an option was given, by its long name.
    pub fn has(&self, long: &str) -> bool {
        self.values.iter().any(|(name, _)| *name == long)
    }

    /// The value that was given last.
    pub fn last(&self, long: &str) -> Option<&str> {
        self.values.iter().rev().find(|(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// The words of a value that is a list.
    pub fn list(&self, long: &str) -> Vec<String> {
        let words = self.last(long).unwrap_or_default().split(',').map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_string).collect()
    }

    /// A number.
    ///
    /// # Errors
    /// A sentence when it is none.
    pub fn number(&self, long: &str, usual: u64) -> Result<u64, String> {
        let wrong = |text: &str| format!("--{long} {text} is no number");
        self.last(long).map_or(Ok(usual), |text| text.parse().map_err(|_| wrong(text)))
    }

    /// How many, how often, how long: a number from 1 on.
    ///
    /// # Errors
    /// A sentence when it is none.
    pub fn count(&self, long: &str, usual: u32) -> Result<u32, String> {
        match u32::try_from(self.number(long, usual.into())?) {
            Ok(0) => Err(format!("--{long} must be at least 1")),
            Ok(count) => Ok(count),
            Err(_) => Err(format!("--{long} must be at most {}", u32::MAX)),
        }
    }
}

/// Reads the words of a tool. Options stand anywhere before `--`; behind it every word is an argument.
///
/// # Errors
/// The first word that cannot be understood.
pub fn read(tool: &Tool, words: &[String]) -> Result<Given, Problem> {
    let mut given = Given::default();
    let mut words = words.iter();
    let known = || tool.options.iter().chain(COMMON);
    let wrong = |message: String| Problem::new(Phase::Usage, message);
    // `lab00'(' -Z SUDO ')'`: what stands in the parentheses of a target belongs to it, in however many words it comes.
    let of_targets = tool.usage.contains("TARGET");
    let mut open = 0;
    while let Some(word) = words.next() {
        if open == 0 && word == "--" {
            given.arguments.extend(words.cloned());
            break;
        }
        if open > 0 || !word.starts_with('-') || word == "-" {
            if of_targets {
                let count = |letters: [char; 2]| word.matches(letters).count();
                open = (open + count(['(', '{'])).saturating_sub(count([')', '}']));
            }
            given.arguments.push(word.clone());
            continue;
        }
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let option = known().find(|option| option.long == name);
            let option = option.ok_or_else(|| {
                let near = ctys_line::nearest(name, known().map(|option| option.long));
                let problem = wrong(format!("the option --{} is not known", escape_for_eyes(name)));
                near.into_iter().fold(problem, |problem, near| problem.hint(format!("did you mean --{near}?")))
            })?;
            let value = match (value, option.value) {
                (Some(_), "") => return Err(wrong(format!("--{name} takes no value"))),
                (None, "") => String::new(),
                // [VALUE] may be left out.
                (None, what) if what.starts_with('[') => String::new(),
                (value, what) => {
                    let next = value.map(str::to_string).or_else(|| words.next().cloned());
                    next.ok_or_else(|| wrong(format!("--{name} has no value: {what} is expected")))?
                }
            };
            given.values.push((option.long, value));
            continue;
        }
        let mut letters = word[1..].chars();
        while let Some(letter) = letters.next() {
            let option = known().find(|option| option.short == letter && letter != ' ');
            let option = option.ok_or_else(|| {
                wrong(format!("the option -{} is not known", escape_for_eyes(letter.encode_utf8(&mut [0; 4]))))
                    .hint("behind -- a word that begins with - is an argument")
            })?;
            if option.value.is_empty() {
                given.values.push((option.long, String::new()));
                continue;
            }
            let rest = letters.as_str();
            let value = if rest.is_empty() { words.next().cloned() } else { Some(rest.to_string()) };
            let value = value.or_else(|| option.value.starts_with('[').then(String::new));
            given.values.push((
                option.long,
                value.ok_or_else(|| wrong(format!("-{letter} has no value: {} is expected", option.value)))?,
            ));
            break;
        }
    }
    if let (true, Some(first)) = (tool.usage.is_empty() && !given.has("help"), given.arguments.first()) {
        return Err(wrong(format!("{} takes no arguments, and {} is one", tool.name, escape_for_eyes(first))));
    }
    Ok(given)
}

/// The text of `-h`.
pub fn help(tool: &Tool) -> String {
    let mut text =
        format!("{} - {}\n\nUsage: {} [OPTIONS] {}\n\nOptions:\n", tool.name, tool.about, tool.name, tool.usage);
    for Opt { short, long, value, help } in tool.options.iter().chain(COMMON) {
        let letter = if *short == ' ' { "   ".to_string() } else { format!("-{short},") };
        let value = if value.is_empty() { String::new() } else { format!(" {value}") };
        let _ = writeln!(text, "  {letter} {:<34} {help}", format!("--{long}{value}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::TOOLS;

    #[test]
    fn the_options_of_every_tool_are_unambiguous_and_told_by_its_help() {
        for tool in TOOLS {
            let all: Vec<&Opt> = tool.options.iter().chain(COMMON).collect();
            for (n, one) in all.iter().enumerate() {
                let same = |other: &&&Opt| other.long == one.long || (one.short != ' ' && other.short == one.short);
                assert!(!all[n + 1..].iter().any(|other| same(&other)), "{}: --{} -{}", tool.name, one.long, one.short);
                assert!(help(tool).contains(&format!("--{}", one.long)));
            }
        }
    }

    #[test]
    fn words_of_a_tool() {
        let vhost = TOOLS.iter().find(|tool| tool.name == "ctys-vhost").unwrap();
        let read = |words: &str| read(vhost, &words.split_whitespace().map(str::to_string).collect::<Vec<_>>());
        let given = read("-o machine -s -M all lab00 -X XEN --db=x -- -inst -- y").unwrap();
        assert_eq!(
            (given.last("output"), given.last("match"), given.has("sub-call"), given.has("terse"), given.last("db")),
            (Some("machine"), Some("all"), true, true, Some("x"))
        );
        assert_eq!(given.arguments, ["lab00", "XEN", "-inst", "--", "y"]);
        assert_eq!(read("-sXMall --output=x -- -inst").unwrap().arguments, ["-inst"]);
        for (words, part) in
            [("-Q", "-Q is not known"), ("--nothing", "--nothing"), ("-o", "no value"), ("--sub-call=1", "takes no")]
        {
            for words in [words.to_string(), format!("lab00 {words}")] {
                let problem = read(&words).unwrap_err();
                assert!(problem.message.contains(part) && problem.phase == Phase::Usage, "{words}");
            }
        }
        assert_eq!(read("x --outptu=1").unwrap_err().hints, ["did you mean --output?"]);
    }

    #[test]
    fn the_options_of_a_target_are_not_those_of_the_tool() {
        let check = |name: &str, words: &str, want: &[&str]| {
            let tool = TOOLS.iter().find(|tool| tool.name == name).unwrap();
            let words: Vec<String> = words.split_whitespace().map(str::to_string).collect();
            assert_eq!(read(tool, &words).unwrap().arguments, want, "{words:?}");
        };
        check("ctys-vdbgen", "--append lab00( -Z SUDO ) --stdio lab01", &["lab00(", "-Z", "SUDO", ")", "lab01"]);
        check("ctys-plugins", "SUBTASK{ lab00 (-t xen) } -X", &["SUBTASK{", "lab00", "(-t", "xen)", "}"]);
        check("ctys-vhost", "( -X -- -Q", &["(", "-Q"]);
    }
}
