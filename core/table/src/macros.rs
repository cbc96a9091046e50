//! Macro files: names for columns, tables and parts of calls (ctys.md 1.7, ctys-original.md 1.6).
//!
//! A file holds one definition per line:
//!
//! ```text
//! # a comment
//! F_LABEL   = 3_label_10
//! TAB_SHORT = tab_gen:macro:F_LABEL%%\
//!             2_stype_8
//! ```
//!
//! * Blanks around the first `=` and at both ends are dropped, other runs of blanks become one blank.
//! * A line whose first character other than a blank is `#` is a comment, also between joined lines.
//! * A backslash at the end of a line joins the next one. The blanks at the start of the joined line become one blank,
//!   and vanish where a blank would tear a list apart: after `%`, `,`, `:`, `=` and `{`. An empty line ends the
//!   definition.
//! * A name is defined once in a file. Names keep their case.
//!
//! Only the files are read here. Putting the text into a command line is the work of the command line.

use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Phase, Problem};
use std::collections::BTreeMap;
use std::fmt;

/// The macro file `default` as it is shipped.
pub const DEFAULT: &str = include_str!("../../../macros/default");

/// Every macro file that is shipped, by name.
pub const SHIPPED: &[(&str, &str)] = &[("default", DEFAULT), ("basetest", include_str!("../../../macros/basetest"))];

/// The macros of one file, or of a user's file laid over a shipped one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    definitions: BTreeMap<String, Definition>,
}

/// One macro and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The text the name stands for; other macros in it are not expanded.
    pub text: String,
    /// The file, as it was named to [`Book::parse`].
    pub file: String,
    /// The line the definition starts on, from 1.
    pub line: usize,
}

/// One mistake in a macro file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacroError {
    /// The file, as it was named to [`Book::parse`].
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, without file and line.
    pub message: String,
    /// What could be done, each one line.
    pub hints: Vec<String>,
}

impl fmt::Display for MacroError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "macro file {}, line {}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for MacroError {}

impl From<&MacroError> for Problem {
    fn from(error: &MacroError) -> Problem {
        Problem { hints: error.hints.clone(), ..Problem::new(Phase::Usage, error.to_string()) }
    }
}

impl Book {
    /// Reads a macro file. `file_name` is only for messages.
    ///
    /// # Errors
    /// Every mistake of the file: a line without `=`, a name that could not be written in a call, a name defined
    /// twice (with both lines), a last line that asks for one more.
    pub fn parse(file_name: &str, text: &str) -> Result<Book, Vec<MacroError>> {
        let mut definitions: BTreeMap<String, Definition> = BTreeMap::new();
        let mut errors = Vec::new();
        let mut wrong = |line: usize, message: String, hint: &str| {
            let hints = if hint.is_empty() { Vec::new() } else { vec![hint.to_string()] };
            errors.push(MacroError { file: file_name.to_string(), line, message, hints });
        };
        for Logical { line, text, open } in logical_lines(text) {
            if open {
                wrong(line, "the definition ends with \\, but nothing follows".to_string(), "");
            }
            let Some((name, text)) = text.split_once('=') else {
                wrong(line, format!("{} has no =", shorten(&text)), "a definition is NAME = text");
                continue;
            };
            let (name, text) = (name.trim(), text.trim());
            if let Some(message) = bad_name(name) {
                wrong(line, message, "a name ends at a blank, a comma, % or } when it is used");
                continue;
            }
            if let Some(first) = definitions.get(name) {
                let message = format!("{} is defined twice, first in line {}", shorten(name), first.line);
                wrong(line, message, "rename or remove one of them");
                continue;
            }
            let definition = Definition { text: text.to_string(), file: file_name.to_string(), line };
            definitions.insert(name.to_string(), definition);
        }
        if errors.is_empty() { Ok(Book { definitions }) } else { Err(errors) }
    }

    /// The user's macros over the shipped ones: what both define is the user's.
    pub fn layered(user: Book, shipped: Book) -> Book {
        let mut definitions = shipped.definitions;
        definitions.extend(user.definitions);
        Book { definitions }
    }

    /// The text of a macro; the name is case-sensitive. Macros inside the text are not expanded.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.definitions.get(name).map(|definition| definition.text.as_str())
    }

    /// A macro with its file and line.
    pub fn definition(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }

    /// Up to three names that may have been meant by one that is not there, the likeliest first.
    pub fn near(&self, name: &str) -> Vec<&str> {
        let wanted = name.to_lowercase();
        let mut scored: Vec<(usize, &str)> = self
            .names()
            .map(|known| (strsim::osa_distance(&wanted, &known.to_lowercase()), known))
            .filter(|&(distance, known)| distance <= 1 + known.len().min(wanted.len()) / 5)
            .collect();
        scored.sort();
        scored.into_iter().take(3).map(|(_, known)| known).collect()
    }
}

/// A definition with its joined lines.
struct Logical {
    /// Where it starts.
    line: usize,
    /// All of it, with runs of blanks squeezed.
    text: String,
    /// True when the text ends inside it.
    open: bool,
}

fn logical_lines(text: &str) -> Vec<Logical> {
    let mut done: Vec<Logical> = Vec::new();
    let mut current: Option<Logical> = None;
    for (number, raw) in text.lines().enumerate() {
        let content = raw.trim_end();
        if content.trim_start().starts_with('#') {
            continue;
        }
        let (content, joins) = match content.strip_suffix('\\') {
            Some(before) => (before, true),
            None => (content, false),
        };
        let mut logical = match current.take() {
            // An empty line under a joining one ends the definition: else it would swallow the next one.
            Some(logical) if content.is_empty() && !joins => {
                done.push(Logical { open: true, ..logical });
                continue;
            }
            None if content.trim().is_empty() && !joins => continue,
            Some(logical) => logical,
            None => Logical { line: number + 1, text: String::new(), open: false },
        };
        append(&mut logical.text, content);
        if joins {
            current = Some(logical);
        } else {
            done.push(logical);
        }
    }
    done.extend(current.map(|logical| Logical { open: true, ..logical }));
    done
}

/// Adds one physical line, squeezing its runs of blanks.
fn append(text: &mut String, line: &str) {
    let list_goes_on = text.ends_with(['%', ',', ':', '=', '{']);
    for c in if list_goes_on { line.trim_start() } else { line }.chars() {
        if !c.is_whitespace() {
            text.push(c);
        } else if !text.is_empty() && !text.ends_with(' ') {
            text.push(' ');
        }
    }
}

fn bad_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("there is no name before the =".to_string());
    }
    let bad = name.chars().find(|&c| c.is_whitespace() || c.is_control() || "%,:;{}()'\"\\#".contains(c))?;
    Some(match bad {
        ' ' => format!("the name {} has a blank in it", shorten(name)),
        _ => format!("the name {} has a {} in it", shorten(name), bad.escape_debug()),
    })
}

/// The start of a long text, for messages, without what would harm a terminal.
fn shorten(text: &str) -> String {
    const ENOUGH: usize = 40;
    let mut start: String = text.chars().take(ENOUGH).collect();
    if start.len() < text.len() {
        start.push_str("...");
    }
    escape_for_eyes(&start).into_owned()
}
