//! The options of a companion tool: one table for reading them and for `-h`.

use super::{COMMON, Tool};
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
}

/// Reads the words of a tool. Options end at the first word that is none, or at `--`.
///
/// # Errors
/// A sentence about the first word that cannot be understood.
pub fn read(tool: &Tool, words: &[String]) -> Result<Given, String> {
    let mut given = Given::default();
    let mut words = words.iter();
    let known = || tool.options.iter().chain(COMMON);
    while let Some(word) = words.next() {
        if word == "--" {
            given.arguments.extend(words.cloned());
            break;
        }
        if !word.starts_with('-') || word == "-" {
            given.arguments.push(word.clone());
            given.arguments.extend(words.filter(|word| *word != "--").cloned());
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let option = known().find(|option| option.long == name);
            let option = option.ok_or_else(|| format!("the option --{name} is not known"))?;
            let value = match (value, option.value) {
                (Some(_), "") => return Err(format!("--{name} takes no value")),
                (None, "") => String::new(),
                // [VALUE] may be left out.
                (None, what) if what.starts_with('[') => String::new(),
                (value, what) => {
                    let next = value.map(str::to_string).or_else(|| words.next().cloned());
                    next.ok_or_else(|| format!("--{name} has no value: {what} is expected"))?
                }
            };
            given.values.push((option.long, value));
            continue;
        }
        let mut letters = word[1..].chars();
        while let Some(letter) = letters.next() {
            let option = known().find(|option| option.short == letter);
            let option = option.ok_or_else(|| format!("the option -{letter} is not known"))?;
            if option.value.is_empty() {
                given.values.push((option.long, String::new()));
                continue;
            }
            let rest = letters.as_str();
            let value = if rest.is_empty() { words.next().cloned() } else { Some(rest.to_string()) };
            given.values.push((
                option.long,
                value.ok_or_else(|| format!("-{letter} has no value: {} is expected", option.value))?,
            ));
            break;
        }
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
        let given = read("-o machine -s -M all lab00 -x XEN").unwrap();
        assert_eq!(
            (given.last("output"), given.last("match"), given.has("sub-call")),
            (Some("machine"), Some("all"), true)
        );
        assert_eq!(given.arguments, ["lab00", "-x", "XEN"]);
        assert_eq!(read("-sXMall --output=x -- -inst").unwrap().arguments, ["-inst"]);
        for (words, part) in
            [("-Q", "-Q is not known"), ("--nothing", "--nothing"), ("-o", "no value"), ("--sub-call=1", "takes no")]
        {
            assert!(read(words).unwrap_err().contains(part), "{words}");
        }
    }
}
