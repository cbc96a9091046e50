//! What a cube may ask the host for: the access list, in the simple form of OverC's (overc.md 6.2), and what holds without one.
//!
//! ```text
//! cube_server:                  # dashes of the name may be underscores
//!   commands:
//!     - ls                      # a program, found by its name
//!     - cube-ctl#list           # a program with this first argument
//! dom0:
//!   commands: ["-"]             # everything
//! ```
//!
//! A cube that has an entry has what stands there and nothing else. What is not understood grants nothing to anybody.

/// What one line grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Everything.
    All,
    /// A program, whatever its arguments.
    Program(String),
    /// A program with this first argument.
    First(String, String),
}

/// Who may do what, by the names in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access(Vec<(String, Vec<Grant>)>);

/// What is asked for, as far as rights go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The program, as it was typed.
    pub program: String,
    /// What counts as its first argument; none where only the whole program could be granted.
    pub first: Option<String>,
    /// All words, for the answer.
    pub words: String,
    /// Somewhere in it stands what would mean more than one command to a shell.
    pub has_operators: bool,
}

/// The control cube.
pub const DOM0: &str = "dom0";

impl Access {
    /// Reads a list. The error is the number of the line that is not understood.
    pub fn read(text: &str) -> Result<Access, usize> {
        let mut access = Access::default();
        // Whether items of the cube's list may follow, and how far they are indented.
        let (mut in_list, mut depth) = (false, None);
        // How far the keys of the cube are indented, and whether its commands were named.
        let (mut key_depth, mut is_named) = (None, false);
        for (number, line) in (1..).zip(text.lines()) {
            let content = without_comment(line);
            let trimmed = content.trim_start_matches(' ');
            let indent = content.len() - trimmed.len();
            let trimmed = trimmed.trim_end();
            if trimmed.is_empty() || trimmed == "---" {
                continue;
            }
            if trimmed.contains('\t') {
                return Err(number);
            }
            if let Some(item) = trimmed.strip_prefix("- ") {
                let grants = access.0.last_mut().map(|(_, grants)| grants).ok_or(number)?;
                if !in_list {
                    // Items of another list of the cube mean nothing here.
                    continue;
                }
                if *depth.get_or_insert(indent) != indent || key_depth.is_some_and(|depth| indent < depth) {
                    return Err(number);
                }
                grants.push(grant(item).ok_or(number)?);
                continue;
            }
            let (key, value) = trimmed.split_once(':').ok_or(number)?;
            let (key, value) = (scalar(key).ok_or(number)?, value.trim());
            if indent == 0 {
                if !value.is_empty() || access.0.iter().any(|(name, _)| *name == key) {
                    return Err(number);
                }
                access.0.push((key, Vec::new()));
                (in_list, key_depth, is_named) = (false, None, false);
                continue;
            }
            let grants = access.0.last_mut().map(|(_, grants)| grants).ok_or(number)?;
            let own = *key_depth.get_or_insert(indent);
            if indent > own && !in_list {
                // What belongs to another key of the cube means nothing here, whatever it is called.
                continue;
            }
            // Commands are no table, and of two lists nobody knows which one is meant.
            if indent != own || (key == "commands" && is_named) {
                return Err(number);
            }
            in_list = key == "commands";
            is_named |= in_list;
            depth = None;
            if in_list && !value.is_empty() {
                *grants = inline(value).ok_or(number)?;
                in_list = false;
            }
        }
        Ok(access)
    }

    /// Whether this cube may ask for this.
    pub fn allows(&self, cube: &str, asked: &Asked) -> bool {
        let grants = self.of(cube);
        let is_granted = grants.iter().any(|grant| match grant {
            Grant::All => true,
            Grant::Program(program) => *program == asked.program && !asked.has_operators,
            Grant::First(program, first) => {
                *program == asked.program && asked.first.as_ref() == Some(first) && !asked.has_operators
            }
        });
        is_granted && crate::places::is_id(cube)
    }

    /// Whether this cube may use this program with whatever arguments, as on the host.
    pub fn allows_all_of(&self, cube: &str, program: &str) -> bool {
        let asked = Asked { program: program.into(), first: None, words: String::new(), has_operators: false };
        self.allows(cube, &asked)
    }

    /// What this cube has. Its name as it is goes before one with underscores.
    fn of(&self, cube: &str) -> Vec<Grant> {
        let named = |wanted: &str| self.0.iter().find(|(name, _)| name == wanted).map(|(_, grants)| grants.clone());
        named(cube).or_else(|| named(&cube.replace('-', "_"))).unwrap_or_else(|| without_entry(cube))
    }
}

/// What a cube has that no list names: everything for the control cube; for others what the manual promises everybody.
fn without_entry(cube: &str) -> Vec<Grant> {
    let first = |program: &str, first: &str| Grant::First(program.into(), first.into());
    match cube {
        DOM0 => vec![Grant::All],
        _ => vec![first("cube-ctl", "list"), first("cube-ctl", "status"), first("cube-console", DOM0)],
    }
}

/// A line without what stands behind ` #`; a `#` within a word is a first argument.
fn without_comment(line: &str) -> &str {
    let at = line.char_indices().find(|&(at, c)| c == '#' && (at == 0 || line[..at].ends_with([' ', '\t'])));
    &line[..at.map_or(line.len(), |(at, _)| at)]
}

/// A plain word, or one in quotes.
fn scalar(text: &str) -> Option<String> {
    let text = text.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    let word = quoted.unwrap_or(text);
    let has_meaning = |c: char| "\"'\\&*!|>%@`{}[],".contains(c) || c.is_control();
    (!word.is_empty() && !word.contains(has_meaning)).then(|| word.to_string())
}

/// One item of a list.
fn grant(item: &str) -> Option<Grant> {
    let word = scalar(item)?;
    // The program behind the console is what OverC's lists name for it.
    let word = if word == "agetty" { "cube-console#dom0".into() } else { word };
    match word.split_once('#') {
        _ if word == "-" => Some(Grant::All),
        Some((program, first)) if !program.is_empty() && !first.is_empty() => {
            Some(Grant::First(program.into(), first.into()))
        }
        Some(_) => None,
        None => Some(Grant::Program(word)),
    }
}

/// A list in one line: `[ls, "cube-ctl#list"]`, or one item alone.
fn inline(value: &str) -> Option<Vec<Grant>> {
    match value.strip_prefix('[').and_then(|value| value.strip_suffix(']')) {
        Some(items) if items.trim().is_empty() => Some(Vec::new()),
        Some(items) => items.split(',').map(grant).collect(),
        None => Some(vec![grant(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Asked {
        Asked {
            program: words[0].into(),
            first: words.get(1).map(|word| word.to_string()),
            words: words.join(" "),
            has_operators: words.iter().any(|word| word.contains([';', '&', '|'])),
        }
    }

    const LIST: &str = "# who may what\n---\ncube_server:\n    capabilities:\n        - cap-add\n    commands:\n\
        \x20       - ls\n        - agetty # the console\n        - 'cube-ctl#list'\ncube-x:\n  commands: [ls, \"cube-ctl#list\"]\n\
        root:\n  commands:\n  - \"-\"\nnobody:\n  commands: []\n";

    fn check(cube: &str, words: &[&str], want: bool) {
        let access = Access::read(LIST).unwrap();
        assert_eq!(access.allows(cube, &asked(words)), want, "{cube}: {words:?}");
    }

    #[test]
    fn a_cube_may_do_what_is_granted_and_nothing_else() {
        for cube in ["cube-server", "cube_server", "cube-x"] {
            check(cube, &["ls"], true);
            check(cube, &["ls", "-l", "/"], true);
            check(cube, &["cube-ctl", "list"], true);
            check(cube, &["cube-ctl", "stop", "x"], false);
            check(cube, &["cube-ctl", "list2"], false);
            check(cube, &["cube-ctl"], false);
            check(cube, &["reboot"], false);
            check(cube, &["cap-add"], false);
            check(cube, &["/tmp/ls"], false);
            check(cube, &["LS"], false);
        }
        check("cube-server", &["cube-console", "dom0"], true);
        check("cube-x", &["cube-console", "dom0"], false);
        check("root", &["rm", "-rf", "a;b"], true);
        check("nobody", &["cube-ctl", "list"], false);
    }

    #[test]
    fn no_second_command_comes_through() {
        for words in [
            &["ls; reboot"][..],
            &["ls", "; reboot"],
            &["ls", ";", "reboot"],
            &["ls", "&&", "reboot"],
            &["ls", "a & b"],
            &["ls", "|", "sh"],
            &["ls;reboot"],
        ] {
            check("cube-x", words, false);
        }
    }

    #[test]
    fn without_an_entry_there_are_the_list_and_the_console() {
        check("web", &["cube-ctl", "list"], true);
        check("web", &["cube-ctl", "status"], true);
        check("web", &["cube-console", "dom0"], true);
        check("web", &["cube-console", "db"], false);
        check("web", &["ls"], false);
        check("dom0", &["reboot"], true);
        // A name that is none has nothing, whatever is granted.
        check("../dom0", &["cube-ctl", "list"], false);
        check("", &["cube-ctl", "list"], false);
        assert!(Access::default().allows("dom0", &asked(&["reboot"])));
        assert!(!Access::default().allows_all_of("web", "cube-console"));
    }

    #[test]
    fn whatever_is_left_of_a_list_grants_no_more() {
        let words = [&["reboot"][..], &["cube-ctl", "stop", "x"], &["cube-console", "db"]];
        for cube in ["cube-x", "cube-server"] {
            // Cut anywhere, and with any line left out.
            let lines: Vec<&str> = LIST.lines().take_while(|line| !line.starts_with("root")).collect();
            let without = (0..lines.len()).map(|n| [&lines[..n], &lines[n + 1..]].concat().join("\n"));
            let cut = (0..LIST.find("root").unwrap_or(0)).map(|n| LIST[..n].to_string());
            for text in without.chain(cut) {
                let Ok(access) = Access::read(&text) else { continue };
                for words in words {
                    assert!(!access.allows(cube, &asked(words)), "{cube}: {words:?}: {text}");
                }
            }
        }
    }

    #[test]
    fn a_list_of_commands_below_another_key_grants_nothing() {
        let list = "web:\n  other:\n    commands: [reboot]\n  text: |\n    commands:\n    - reboot\n  commands: [ls]\n";
        let access = Access::read(list).unwrap();
        assert!(access.allows("web", &asked(&["ls"])));
        assert!(!access.allows("web", &asked(&["reboot"])));
    }

    #[test]
    fn what_is_not_understood_is_told_by_its_line() {
        let check = |text: &str, line: usize| assert_eq!(Access::read(text), Err(line), "{text}");
        check("a:\n\tcommands:\n", 2);
        check("- ls\n", 1);
        check("a:\n  commands:\n    - ls\n   - reboot\n", 4);
        check("a:\n  commands:\n    - &x ls\n", 3);
        check("a:\n  commands:\n    - \"ls\n", 3);
        check("a:\n  commands:\n    - ls#\n", 3);
        check("a:\n  commands: [ls\n", 2);
        check("a: b\n", 1);
        check("a:\na:\n", 2);
        check("a\n", 1);
        check("  commands:\n", 1);
        check("a:\n  commands: [ls]\n  commands: [reboot]\n", 3);
        check("a:\n  commands:\n    - ls\n    more: [reboot]\n", 4);
        check("a:\n    other: x\n  commands: [reboot]\n", 3);
        check("a:\n  commands:\n - reboot\n", 3);
    }
}
