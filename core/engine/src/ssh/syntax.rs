//! ssh_config(5) as lines: words, quotes, Host and Match blocks, includes. What a line means is not known here.

use super::Environment;
use super::directives::{self, Directive};
use super::pattern;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What may stand between words. A form feed is blank at the end of a line only.
const BLANK: &[char] = &[' ', '\t', '\r', '\n'];

/// Includes inside includes, as in OpenSSH.
const MAX_DEPTH: usize = 16;

/// All files of the configuration, read once.
#[derive(Debug, Default)]
pub struct Files {
    /// Every file once per place it is included from.
    pub sources: Vec<Source>,
    /// The files to start with, in order.
    pub roots: Vec<usize>,
    /// What makes `ssh` refuse every host: each with file and line.
    pub problems: Vec<String>,
    /// Includes were nested deeper than is read.
    too_deep: bool,
}

/// One file.
#[derive(Debug)]
pub struct Source {
    /// Its path.
    pub path: PathBuf,
    /// Its lines that are not blank.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Debug)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// What it says.
    pub item: Item,
}

/// What a line says.
#[derive(Debug)]
pub enum Item {
    /// `Host`: the patterns with their negation.
    Host(Vec<(bool, String)>),
    /// `Match`.
    Match(Vec<Criterion>),
    /// `Include`: the files found.
    Include(Vec<usize>),
    /// A directive of the table.
    Set(&'static Directive, Words),
    /// A keyword that is not in the table, in lower case.
    Unknown(String),
}

/// The arguments of a directive.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// Split at blanks, quotes removed.
    pub list: Vec<String>,
    /// The rest of the line as it stands, for directives that take a command.
    pub raw: String,
}

/// One criterion of a Match line.
#[derive(Debug, PartialEq, Eq)]
pub struct Criterion {
    /// Written with `!`.
    pub negated: bool,
    /// What is looked at.
    pub test: Test,
}

/// What a criterion looks at.
#[derive(Debug, PartialEq, Eq)]
pub enum Test {
    /// `all`: ends the line.
    All,
    /// `canonical` or `final`; the flag is true for `final`, which asks for a second pass.
    Pass(bool),
    /// `host`: the name after HostName.
    Host(String),
    /// `originalhost`: the name as typed.
    OriginalHost(String),
    /// `user`: the account on the host.
    User(String),
    /// `localuser`: the account here.
    LocalUser(String),
    /// Anything only `ssh` itself decides: `exec`, `localnetwork`, `tagged` ….
    OnlySsh(String),
}

impl Files {
    /// Reads what `ssh` reads: the file of `-F` alone, or the user's, then the system's.
    pub fn read(environment: &Environment) -> Files {
        let mut files = Files::default();
        match &environment.config {
            Some(path) if path.as_os_str().eq_ignore_ascii_case("none") => {}
            Some(path) => {
                if let Some(root) = files.read_file(environment, path, true, false, 0) {
                    files.roots.push(root);
                } else if files.problems.is_empty() {
                    files.problems.push(format!("{}: cannot be read", path.display()));
                }
            }
            None => {
                let user = environment.home.join(".ssh/config");
                for (path, of_user) in [(&user, true), (&environment.system_config, false)] {
                    // The user's own file must not be writable by others; the system's is root's business.
                    let root = files.read_file(environment, path, of_user, of_user, 0);
                    files.roots.extend(root);
                }
            }
        }
        files
    }

    /// None when the file cannot be opened, which `ssh` takes for absent.
    fn read_file(
        &mut self,
        environment: &Environment,
        path: &Path,
        of_user: bool,
        check_owner: bool,
        depth: usize,
    ) -> Option<usize> {
        // As for ssh this is the end of all reading: files that include each other twice are more than can be read.
        if self.too_deep {
            return None;
        }
        if depth > MAX_DEPTH {
            self.too_deep = true;
            self.problems.push(format!("{}: includes are nested deeper than {MAX_DEPTH}", path.display()));
            return None;
        }
        let metadata = std::fs::metadata(path).ok()?;
        let content = if metadata.is_dir() { Vec::new() } else { std::fs::read(path).ok()? };
        if check_owner && ((metadata.uid() != 0 && metadata.uid() != environment.uid) || metadata.mode() & 0o022 != 0) {
            self.problems.push(format!("{}: bad owner or permissions", path.display()));
        }
        let mut lines = Vec::new();
        for (index, raw) in content.split(|&byte| byte == b'\n').enumerate() {
            let number = index + 1;
            let parsed = std::str::from_utf8(raw)
                .map_err(|_| "not UTF-8".to_string())
                .and_then(|line| self.parse_line(environment, line, of_user, depth));
            match parsed {
                Ok(Some(item)) => lines.push(Line { number, item }),
                Ok(None) => {}
                // A comment may be in any character set.
                Err(_) if raw.trim_ascii_start().starts_with(b"#") => {}
                Err(why) => self.problems.push(format!("{} line {number}: {why}", path.display())),
            }
        }
        self.sources.push(Source { path: path.to_path_buf(), lines });
        Some(self.sources.len() - 1)
    }

    fn parse_line(
        &mut self,
        environment: &Environment,
        line: &str,
        of_user: bool,
        depth: usize,
    ) -> Result<Option<Item>, String> {
        if line.contains('\0') {
            return Err("a zero byte".to_string());
        }
        let mut rest = Some(line.trim_end_matches(|c| BLANK.contains(&c) || c == '\x0c').to_string());
        let mut keyword = next_word(&mut rest).unwrap_or_default();
        if keyword.is_empty() {
            // The line began with a blank.
            keyword = next_word(&mut rest).unwrap_or_default();
        }
        if keyword.is_empty() || keyword.starts_with('#') {
            return Ok(None);
        }
        let keyword = keyword.to_ascii_lowercase();
        let raw = rest.as_deref().unwrap_or_default().trim_start_matches(BLANK).to_string();
        if raw.is_empty() {
            return Err(format!("no argument after keyword {keyword}"));
        }
        let list = split_words(&raw).ok_or("invalid quotes")?;
        match keyword.as_str() {
            "host" => {
                if list.iter().any(String::is_empty) {
                    return Err("keyword host empty argument".to_string());
                }
                let negated = |word: String| match word.strip_prefix('!') {
                    Some(pattern) => (true, pattern.to_string()),
                    None => (false, word),
                };
                Ok(Some(Item::Host(list.into_iter().map(negated).collect())))
            }
            "match" => parse_match(&raw).map(|criteria| Some(Item::Match(criteria))),
            "include" => {
                let mut found = Vec::new();
                for word in &list {
                    for path in include_paths(environment, word, of_user)? {
                        found.extend(self.read_file(environment, &path, of_user, true, depth + 1));
                    }
                }
                Ok(Some(Item::Include(found)))
            }
            _ => match directives::find(&keyword) {
                Some(directive) => {
                    directive.check(&list).map_err(|why| format!("{keyword}: {why}"))?;
                    Ok(Some(Item::Set(directive, Words { list, raw })))
                }
                None => Ok(Some(Item::Unknown(keyword))),
            },
        }
    }
}

/// Takes the next word the old way: ended by a blank, one `=` or a quote. The rest is None at the end of the line.
fn next_word(rest: &mut Option<String>) -> Option<String> {
    let text = rest.take()?;
    let Some(at) = text.find(|c| BLANK.contains(&c) || c == '"' || c == '=') else { return Some(text) };
    let after = &text[at + 1..];
    if text[at..].starts_with('"') {
        // What stands before a quote belongs to the word: `a"b c"` is `ab c`.
        let end = after.find('"')?;
        *rest = Some(after[end + 1..].trim_start_matches(BLANK).to_string());
        return Some(format!("{}{}", &text[..at], &after[..end]));
    }
    let mut tail = after.trim_start_matches(BLANK);
    if !text[at..].starts_with('=')
        && let Some(behind) = tail.strip_prefix('=')
    {
        tail = behind.trim_start_matches(BLANK);
    }
    *rest = Some(tail.to_string());
    Some(text[..at].to_string())
}

/// Splits at blanks; `"` and `'` quote, a backslash escapes quotes, itself and (outside quotes) a space; `#` at the
/// start of a word ends the line. None when a quote is not closed.
fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|&c| c == ' ' || c == '\t').is_some() {}
        match chars.peek() {
            None | Some('#') => return Some(words),
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(c) = chars.next() {
            match (c, quote) {
                ('\\', _) => {
                    match chars.next_if(|&n| matches!(n, '\'' | '"' | '\\') || (quote.is_none() && n == ' ')) {
                        Some(escaped) => word.push(escaped),
                        None => word.push('\\'),
                    }
                }
                (' ' | '\t', None) => break,
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(q)) if c == q => quote = None,
                (c, _) => word.push(c),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
}

fn parse_match(raw: &str) -> Result<Vec<Criterion>, String> {
    let mut rest = Some(raw.to_string());
    let mut criteria = Vec::new();
    while let Some(word) = next_word(&mut rest).filter(|word| !word.is_empty()) {
        if word.starts_with('#') {
            break;
        }
        let (negated, name) = match word.strip_prefix('!') {
            Some(name) => (true, name.to_ascii_lowercase()),
            None => (false, word.to_ascii_lowercase()),
        };
        if name == "all" {
            let more = next_word(&mut rest).is_some_and(|word| !word.is_empty() && !word.starts_with('#'));
            if criteria.len() > 1 || more {
                return Err("Match all cannot be combined".to_string());
            }
            criteria.push(Criterion { negated, test: Test::All });
            return Ok(criteria);
        }
        let test = match name.as_str() {
            "canonical" | "final" => Test::Pass(name == "final"),
            _ => {
                let argument = next_word(&mut rest)
                    .filter(|word| !word.is_empty() && !word.starts_with('#'))
                    .ok_or_else(|| format!("missing Match criteria for {name}"))?;
                match name.as_str() {
                    "host" => Test::Host(argument),
                    "originalhost" => Test::OriginalHost(argument),
                    "user" => Test::User(argument),
                    "localuser" => Test::LocalUser(argument),
                    "exec" | "localnetwork" | "tagged" | "version" | "command" | "sessiontype" => Test::OnlySsh(name),
                    _ => return Err(format!("unsupported Match attribute {name}")),
                }
            }
        };
        criteria.push(Criterion { negated, test });
    }
    if criteria.is_empty() {
        return Err("one or more attributes required for Match".to_string());
    }
    Ok(criteria)
}

fn include_paths(environment: &Environment, word: &str, of_user: bool) -> Result<Vec<PathBuf>, String> {
    // Releases of ssh differ: the newer ones replace tokens and variables here.
    if word.is_empty() || word.contains('%') || word.contains("${") {
        return Err(format!("Include {word:?}: only ssh itself can tell"));
    }
    let home = || match environment.variables.get("HOME") {
        // glob(3) asks $HOME first, as a shell does.
        Some(home) if !home.is_empty() => PathBuf::from(home),
        _ => environment.home.clone(),
    };
    let in_home = |tail: &str| format!("{}/{tail}", glob_escape(&home().to_string_lossy()));
    let pattern = if let Some(tail) = word.strip_prefix("~/").filter(|_| of_user) {
        in_home(tail)
    } else if word.starts_with('~') {
        return Err(format!("bad include path {word}"));
    } else if word.starts_with('/') {
        word.to_string()
    } else if of_user {
        in_home(&format!(".ssh/{word}"))
    } else {
        let folder = environment.system_config.parent().unwrap_or(Path::new("/etc/ssh"));
        format!("{}/{word}", glob_escape(&folder.to_string_lossy()))
    };
    glob(&pattern)
}

fn glob_escape(path: &str) -> String {
    path.chars().flat_map(|c| matches!(c, '*' | '?' | '[' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

fn glob(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let c_pattern = CString::new(pattern).map_err(|_| "a zero byte".to_string())?;
    // SAFETY: glob_t is plain data that glob(3) fills and globfree(3) empties; the paths are copied in between.
    unsafe {
        let mut found: libc::glob_t = std::mem::zeroed();
        let paths = match libc::glob(c_pattern.as_ptr(), 0, None, &mut found) {
            0 => (0..found.gl_pathc)
                .map(|index| {
                    let path = CStr::from_ptr(*found.gl_pathv.add(index));
                    PathBuf::from(std::ffi::OsStr::from_bytes(path.to_bytes()))
                })
                .collect(),
            libc::GLOB_NOMATCH => Vec::new(),
            _ => return Err(format!("glob failed for {pattern}")),
        };
        libc::globfree(&mut found);
        Ok(paths)
    }
}

/// Whether a Host line is for this name.
pub fn host_line_matches(patterns: &[(bool, String)], host: &str) -> bool {
    let mut found = false;
    for (negated, pattern) in patterns {
        if pattern::matches(host, pattern) {
            if *negated {
                return false;
            }
            found = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_line() {
        let check = |text: &str, expected: Option<&[&str]>| {
            let expected = expected.map(|words| words.iter().map(|word| word.to_string()).collect::<Vec<_>>());
            assert_eq!(split_words(text), expected, "{text:?}");
        };
        check("a b\tc", Some(&["a", "b", "c"]));
        check("a # b", Some(&["a"]));
        check("a#b", Some(&["a#b"]));
        check("\"a b\" c", Some(&["a b", "c"]));
        check("x'a b'y", Some(&["xa by"]));
        check("a\\ b", Some(&["a b"]));
        check("\"a\\ b\"", Some(&["a\\ b"]));
        check("\\\"a\\\\", Some(&["\"a\\"]));
        check("\\n", Some(&["\\n"]));
        check("\"\"", Some(&[""]));
        check("\"a", None);
        check("'a", None);
    }

    #[test]
    fn keywords_and_separators() {
        let check = |line: &str, keyword: &str, rest: &str| {
            let mut tail = Some(line.to_string());
            assert_eq!(next_word(&mut tail).as_deref(), Some(keyword), "{line:?}");
            assert_eq!(tail.unwrap_or_default(), rest, "{line:?}");
        };
        check("Port 22", "Port", "22");
        check("Port=22", "Port", "22");
        check("Port = 22", "Port", "22");
        check("Port  =22", "Port", "22");
        check("Port==22", "Port", "=22");
        check("Port\t22", "Port", "22");
        check("\"Port\" 22", "Port", "22");
        check("Port", "Port", "");
    }

    #[test]
    fn match_lines() {
        let check = |raw: &str, expected: Result<usize, &str>| match (parse_match(raw), expected) {
            (Ok(criteria), Ok(count)) => assert_eq!(criteria.len(), count, "{raw:?}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{raw:?}: {why}"),
            (got, _) => panic!("{raw:?}: {got:?}"),
        };
        check("all", Ok(1));
        check("all # comment", Ok(1));
        check("final all", Ok(2));
        check("host a,b user c", Ok(2));
        check("host=a", Ok(1));
        check("host \"a\" !user b", Ok(2));
        check("exec \"test -f x\"", Ok(1));
        check("all host a", Err("combined"));
        check("host a user b all", Err("combined"));
        check("host", Err("missing"));
        check("nonsense x", Err("unsupported"));
        check("# only a comment", Err("required"));
    }
}
