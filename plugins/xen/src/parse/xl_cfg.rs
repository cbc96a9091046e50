//! The configuration of a domain, as xl reads it: assignments of strings, numbers and lists.
//!
//! ```text
//! name   = "tst100"
//! memory = 128; vcpus = 1
//! vif    = [ 'mac=00:16:3e:00:00:00,bridge=xenbr0',
//!            "bridge=xenbr1",      # a comment inside a list
//!          ]
//! vfb += [ 'type=vnc' ]
//! ```
//!
//! xl's grammar: a statement ends at the end of its line or at `;`, strings stand in either quote with backslash escapes,
//! a newline inside brackets is a blank, `#` starts a comment, a name that is set twice has its last value. Files written
//! for xm are Python programs: what goes beyond plain assignments (`import os`, `def`, `"tst%d" % n`) cannot be known and
//! is left out, statement by statement; the rest of the file is read. What Python took and xl refuses (`True`, `-1`, a
//! tuple, CR LF) is read, and its lines are kept: `tests/dry_runs.rs` holds that against the real xl.

use ctys_plugin::model::Bytes;
use ctys_plugin::model::bytes::escape;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A string without its quotes, or a bare word. What is not UTF-8 is `\xNN`.
    Text(String),
    /// A number; 0x and leading zeros as C reads them.
    Number(i64),
    /// A list, of strings mostly.
    List(Vec<Setting>),
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    settings: Vec<Statement>,
    /// The lines, from 1, where a statement was not understood.
    pub odd_lines: Vec<usize>,
    /// The lines that were understood and that xl refuses, and the whole file with them.
    pub lax_lines: Vec<usize>,
}

/// An assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    name: String,
    setting: Setting,
    line: usize,
}

impl Setting {
    /// A string, or the digits of a number.
    pub fn text(&self) -> Option<String> {
        match self {
            Setting::Text(text) => Some(text.clone()),
            Setting::Number(number) => Some(number.to_string()),
            Setting::List(_) => None,
        }
    }

    /// A number, also one in quotes.
    pub fn number(&self) -> Option<i64> {
        match self {
            Setting::Number(number) => Some(*number),
            Setting::Text(text) => number(text.trim().as_bytes()),
            Setting::List(_) => None,
        }
    }
}

impl Config {
    /// Reads a file. Never fails.
    pub fn parse(content: &Bytes) -> Config {
        let mut scanner = Scanner { bytes: content.as_slice(), at: 0, line: 1, lax: Vec::new() };
        let mut config = Config::default();
        if scanner.bytes.starts_with(b"\xef\xbb\xbf") {
            scanner.at = 3;
            scanner.lax();
        }
        loop {
            scanner.skip(Blanks::Statements);
            if scanner.peek().is_none() {
                config.lax_lines = scanner.lax;
                config.lax_lines.dedup();
                config.lax_lines.retain(|line| !config.odd_lines.contains(line));
                return config;
            }
            let (at, line) = (scanner.at, scanner.line);
            match scanner.assignment() {
                Some((name, adds, setting)) => config.set(name, adds, setting, line),
                None => {
                    config.odd_lines.push(line);
                    (scanner.at, scanner.line) = (at, line);
                    scanner.drop_statement();
                }
            }
        }
    }

    /// The value of a name, the last one when it is set more than once.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|known| known.name == name).map(|known| &known.setting)
    }

    /// The line, from 1, where a name got its value.
    pub fn line(&self, name: &str) -> Option<usize> {
        self.settings.iter().find(|known| known.name == name).map(|known| known.line)
    }

    /// The value as text; an empty one counts as none.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.text().filter(|text| !text.is_empty())
    }

    /// The value as a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.number()
    }

    /// The strings of a list, up to the first that is none. A lone string is no list, as xl has it.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Setting::List(items)) => items.iter().map_while(Setting::text).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the name is set to anything.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn set(&mut self, name: String, adds: bool, setting: Setting, line: usize) {
        let Some(known) = self.settings.iter_mut().find(|known| known.name == name) else {
            self.settings.push(Statement { name, setting, line });
            return;
        };
        known.line = line;
        match (adds, &mut known.setting, setting) {
            (true, Setting::List(list), Setting::List(more)) => list.extend(more),
            (true, Setting::List(list), one) => list.push(one),
            (true, Setting::Text(text), Setting::Text(more)) => text.push_str(&more),
            (_, old, setting) => *old = setting,
        }
    }
}

/// The parts of `mac=00:16:3e:00:00:00, bridge=xenbr0`, blanks around them trimmed. xl knows neither `MAC=` nor `mac =`.
pub fn parts(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim_start().to_string(), value.trim().to_string()))
    };
    text.split(',').filter_map(pair).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Blanks {
    /// Blanks, comments and continued lines.
    Line,
    /// Line ends too.
    Lines,
    /// Also the `;` between statements.
    Statements,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    lax: Vec<usize>,
}

impl Scanner<'_> {
    /// What stands here is read, and xl refuses it.
    fn lax(&mut self) {
        self.lax.push(self.line);
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        self.line += usize::from(byte == b'\n');
        Some(byte)
    }

    fn skip(&mut self, blanks: Blanks) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' => {}
                b'\r' | 0x0b | 0x0c => self.lax(),
                b'\n' if blanks != Blanks::Line => {}
                b';' if blanks == Blanks::Statements => {}
                b'\\' if matches!(self.bytes[self.at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]) => {
                    self.lax();
                    while self.next() != Some(b'\n') {}
                    continue;
                }
                b'#' => {
                    let rest = &self.bytes[self.at..];
                    self.at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
                    // A comment needs its line end.
                    if self.peek().is_none() {
                        self.lax();
                    }
                    continue;
                }
                _ => return,
            }
            self.next();
        }
    }

    /// `NAME = VALUE` or `NAME += VALUE` up to the end of the statement; nothing when it is something else.
    fn assignment(&mut self) -> Option<(String, bool, Setting)> {
        let name = self.word()?;
        self.skip(Blanks::Line);
        let adds = self.peek() == Some(b'+');
        if adds {
            self.at += 1;
        }
        if self.next_if(b'=').is_none() || self.peek() == Some(b'=') {
            return None;
        }
        self.skip(Blanks::Line);
        let setting = self.value(0)?;
        self.skip(Blanks::Line);
        match self.peek() {
            None | Some(b'\n' | b';') => {}
            // `"tst%d" % 5`, `"a" + "b"`, `'x' * 3`: the value is computed, nobody knows what it is.
            Some(b'%' | b'+' | b'*' | b'-' | b'/' | b'.' | b'(') => return None,
            // `memory = 128 MB`: a remark without its `#`.
            Some(_) => {
                self.lax();
                self.drop_statement();
            }
        }
        Some((name, adds, setting))
    }

    fn next_if(&mut self, byte: u8) -> Option<u8> {
        if self.peek() == Some(byte) { self.next() } else { None }
    }

    fn word(&mut self) -> Option<String> {
        let start = self.at;
        while self.peek().is_some_and(is_of_name) {
            self.at += 1;
        }
        let word = &self.bytes[start..self.at];
        if !word.first()?.is_ascii_lowercase() || word.iter().any(u8::is_ascii_uppercase) {
            self.lax();
        }
        (!matches!(word[0], b'0'..=b'9' | b'.')).then(|| String::from_utf8_lossy(word).into_owned())
    }

    fn value(&mut self, depth: usize) -> Option<Setting> {
        match self.peek()? {
            quote @ (b'"' | b'\'') => self.string(quote).map(Setting::Text),
            b'[' if depth < 8 => self.items(b']', depth),
            // A tuple of Python.
            b'(' if depth < 8 => {
                self.lax();
                self.items(b')', depth)
            }
            b'0'..=b'9' | b'-' => {
                let start = self.at;
                self.at += 1;
                while self.peek().is_some_and(|b| b.is_ascii_alphanumeric()) {
                    self.at += 1;
                }
                let word = &self.bytes[start..self.at];
                if word.iter().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'x')) {
                    self.lax();
                }
                number(word).map(Setting::Number)
            }
            // True, False, None.
            _ => {
                self.lax();
                self.word().map(Setting::Text)
            }
        }
    }

    fn items(&mut self, end: u8, depth: usize) -> Option<Setting> {
        self.next();
        let mut items = Vec::new();
        loop {
            self.skip(Blanks::Lines);
            if self.next_if(end).is_some() {
                return Some(Setting::List(items));
            }
            items.push(self.value(depth + 1)?);
            self.skip(Blanks::Lines);
            match self.peek()? {
                b',' => self.at += 1,
                byte if byte == end => {}
                _ => return None,
            }
        }
    }

    fn string(&mut self, quote: u8) -> Option<String> {
        // `"""` opens a long string of Python.
        if self.bytes[self.at..].starts_with(&[quote; 3]) {
            return None;
        }
        self.next();
        let mut text = Vec::new();
        loop {
            match self.peek()? {
                b'\n' => return None,
                byte if byte == quote => {
                    self.at += 1;
                    return Some(match String::from_utf8(text) {
                        Ok(text) => text,
                        Err(raw) => escape(raw.as_bytes()),
                    });
                }
                b'\\' => {
                    self.at += 1;
                    self.escaped(&mut text)?;
                }
                _ => {
                    let rest = &self.bytes[self.at..];
                    let ends = |&byte: &u8| byte == quote || matches!(byte, b'\n' | b'\\');
                    let plain = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
                    text.extend_from_slice(plain);
                    self.at += plain.len();
                }
            }
        }
    }

    /// What stands behind a backslash. xl drops a character of three octal digits, and refuses what else is not plain: that
    /// is read as Python did, where an escape nobody knows keeps its backslash.
    fn escaped(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let line = self.line;
        let byte = self.next()?;
        let plain = match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'\\' | b'"' | b'\'' => byte,
            b'0'..=b'7' if matches!(self.bytes[self.at..], [b'0'..=b'7', b'0'..=b'7', ..]) => {
                self.at += 2;
                return Some(());
            }
            other => {
                self.lax.push(line);
                let digits = self.bytes.get(self.at..self.at + 2).and_then(|raw| std::str::from_utf8(raw).ok());
                match (other, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
                    (b'\n', _) => return Some(()),
                    (b'x', Some(value)) => {
                        self.at += 2;
                        value
                    }
                    _ => {
                        text.push(b'\\');
                        other
                    }
                }
            }
        };
        text.push(plain);
        Some(())
    }

    /// To the end of a statement that is not understood: of its line, and of the brackets it opened.
    fn drop_statement(&mut self) {
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'[' | b'(' | b'{' => open += 1,
                b']' | b')' | b'}' => open = open.saturating_sub(1),
                b'\n' if open == 0 => return,
                // A name at the start of a line: the bracket above was never meant to be closed.
                b'\n' if self.starts_assignment(self.at + 1) => return,
                b'#' => {
                    self.skip(Blanks::Line);
                    continue;
                }
                _ => {}
            }
            self.next();
        }
    }

    fn starts_assignment(&self, at: usize) -> bool {
        let rest = &self.bytes[at..];
        let name = rest.iter().take_while(|b| is_of_name(**b)).count();
        let after = rest[name..].iter().copied().find(|b| !matches!(b, b' ' | b'\t'));
        name > 0 && after == Some(b'=')
    }
}

/// What a name consists of. xl takes no capital letters.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

/// A number as C reads it: `128`, `0x80`, `0200`, with a sign.
fn number(raw: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(raw).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(&digits[1..], 8).ok()?,
        None if digits.starts_with(|c: char| c.is_ascii_digit()) => digits.parse().ok()?,
        None => return None,
    };
    Some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        Config::parse(&Bytes::from(text))
    }

    fn show(setting: &Setting) -> String {
        match setting {
            Setting::Text(text) => format!("{text:?}"),
            Setting::Number(number) => number.to_string(),
            Setting::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        }
    }

    #[test]
    fn one_statement() {
        let check = |text: &str, want: &str| {
            let config = read(text);
            let got: Vec<String> =
                config.settings.iter().map(|known| format!("{}={}", known.name, show(&known.setting))).collect();
            assert_eq!(got.join(" "), want, "{text:?}");
        };
        check("name = \"tst100\"", "name=\"tst100\"");
        check("name='tst100'", "name=\"tst100\"");
        check("  \tname\t=  'it is'  \r\n", "name=\"it is\"");
        check("name = \"it's\"; memory=128;", "name=\"it's\" memory=128");
        check("name = 'a \"b\" c' # why", "name=\"a \\\"b\\\" c\"");
        check("name = \"a # b\"", "name=\"a # b\"");
        check("name = \"a \\\"b\\\" \\\\ \\x41 \\q\"", "name=\"a \\\"b\\\" \\\\ A \\\\q\"");
        check("name = \"a\\101b \\47\"", "name=\"ab \\\\47\"");
        check("a.b = 1\n.c = 1\n_d = 1", "a.b=1 _d=1");
        check("name = \"tst100", "");
        check("name = ", "");
        check("name", "");
        check("= 1", "");
        check("name == \"x\"", "");
        check("memory = 0x80\nvcpus = 010\nshadow=-1", "memory=128 vcpus=8 shadow=-1");
        check("memory = 128 MB\nvcpus = 2", "memory=128 vcpus=2");
        check("memory = \"128\"", "memory=\"128\"");
        check("memory = 99999999999999999999", "");
        check("memory = \\\n 128", "memory=128");
        check("memory = \\\r\n 128\r\nvcpus=1", "memory=128 vcpus=1");
        check("a=1\na=2", "a=2");
        check("acpi = True", "acpi=\"True\"");
        check("vif=[]", "vif=[]");
        check("vif = [ 'a', \"b\" ]", "vif=[\"a\" \"b\"]");
        check("vif = [ 'a',\n\n  # one more\n 'b'\n , ]\nname='x'", "vif=[\"a\" \"b\"] name=\"x\"");
        check("vif = ( 'a', 'b' )", "vif=[\"a\" \"b\"]");
        check("cpus = [0, 2, [3, '4']]", "cpus=[0 2 [3 \"4\"]]");
        check("vif = ['a']\nvif += ['b']", "vif=[\"a\" \"b\"]");
        check("extra = 'a '\nextra += 'b'", "extra=\"a b\"");
        check("vif += ['b']", "vif=[\"b\"]");
        check("vif = [ 'a'\nname = 'x'", "name=\"x\"");
        check("vif = [ 'a' 'b' ]\nname = 'x'", "name=\"x\"");
        check("\u{feff}name = 'x'", "name=\"x\"");
        check("kernel = \"/boot/vmlinuz\" \"junk\" [", "kernel=\"/boot/vmlinuz\"");
        check(&"[".repeat(100_000), "");
        check(&format!("a = {}", "[".repeat(100_000)), "");
    }

    #[test]
    fn what_only_python_knows_is_left_out() {
        let text = "import os, re\narch = os.uname()[4]\nif re.search('64', arch):\n    arch_libdir = 'lib64'\n\
                    def more(x):\n    return [ x,\n 2 ]\nname = \"tst%d\" % 5\nlabel = 'a' + 'b'\nmemory = 64\n\
                    doc = \"\"\"\nlong = \n\"\"\"\nuuid = 'x'\n";
        let config = read(text);
        let names: Vec<&str> = config.settings.iter().map(|known| known.name.as_str()).collect();
        assert_eq!(names, ["arch_libdir", "memory", "uuid"]);
        assert_eq!(config.odd_lines, [1, 2, 3, 5, 6, 8, 9, 11, 12, 13]);
    }

    #[test]
    fn what_xl_refuses_is_told() {
        let check = |text: &str, lax: &[usize], odd: &[usize]| {
            let config = read(text);
            assert_eq!((&config.lax_lines[..], &config.odd_lines[..]), (lax, odd), "{text:?}");
        };
        check("name = 'x'\nvif = [\n# why\n'a',\n]\na.b = 0x1f; c = \"\\n\"\n", &[], &[]);
        check("a = 1\nb = True\n_c = 1\nD = 1\ne = -1\nf = 0XA\n", &[2, 3, 4, 5, 6], &[]);
        check("a = 1\r\nb = 2 MB\nc = \\\n3\nd = 4 # end", &[1, 2, 3, 5], &[]);
        check("a = 'x\\\ny'\nb = '\\q'\nc = (\n1,\n2)\n", &[1, 3, 4], &[]);
        check("import os\ndef x(A):\n return A\nname = 'x'\n", &[], &[1, 2, 3]);
        check("\u{feff}name = 'x'", &[1], &[]);
    }

    #[test]
    fn any_bytes_are_read() {
        let all: Vec<u8> = (0..=255).cycle().take(2048).collect();
        Config::parse(&Bytes(all));
        let latin = Config::parse(&Bytes(b"name = \"gr\xfcn\"\n".to_vec()));
        assert_eq!(latin.text("name").as_deref(), Some("gr\\xfcn"));
        let cut = Config::parse(&Bytes(b"name = 'x'\nvif = [ 'mac=00:16".to_vec()));
        assert_eq!(cut.text("name").as_deref(), Some("x"));
        assert_eq!(cut.odd_lines, [2]);
    }

    #[test]
    fn the_parts_of_a_device() {
        let check = |text: &str, want: &[(&str, &str)]| {
            let got = parts(text);
            let got: Vec<(&str, &str)> = got.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(got, want, "{text:?}");
        };
        check("mac=00:16:3e:00:00:00,bridge=xenbr0", &[("mac", "00:16:3e:00:00:00"), ("bridge", "xenbr0")]);
        check(" mac= aa , , bridge=br=0,nonsense", &[("mac", "aa"), ("bridge", "br=0")]);
        check("MAC=aa, bridge =br0", &[("MAC", "aa"), ("bridge ", "br0")]);
        check("", &[]);
    }
}
