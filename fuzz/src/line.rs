//! Calls: words in, what they mean out, and that what is written out means the same.

use crate::{bounded, harmless, sentence};
use ctys_line::{CallLine, CallOptions, Mistake, Shelf, World, explain, parse};
use ctys_model::Manifest;
use ctys_plugin::Plugin;

/// One macro file, `default`, and one group, `lab`.
pub struct Texts {
    /// The macro file.
    pub macros: Option<String>,
    /// The group.
    pub group: Option<String>,
}

impl Shelf for Texts {
    fn macro_file(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.macros.clone().filter(|_| name == "default"))
    }

    fn group(&self, name: &str) -> Result<Option<String>, String> {
        match name {
            "unreadable" => Err("the file cannot be read".into()),
            _ => Ok(self.group.clone().filter(|_| name == "lab")),
        }
    }
}

/// Reads a call, and holds what comes out against what every call keeps.
pub fn call(words: &[Vec<u8>], texts: &Texts) {
    let manifests = [ctys_pm::Pm::manifest(), ctys_xen::Xen::manifest()];
    match read(words, texts, &manifests) {
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            mistakes.iter().for_each(mistake);
        }
        Ok(call) => {
            for notice in &call.notices {
                sentence(&notice.message);
                notice.hints.iter().for_each(|hint| sentence(hint));
            }
            if call.special.is_none() {
                assert!(!call.jobs.is_empty(), "a call without a target and without a mistake");
                same_when_written_out(&call, &manifests);
            }
        }
    }
}

fn read(words: &[Vec<u8>], texts: &Texts, manifests: &[Manifest]) -> Result<CallLine, Vec<Mistake>> {
    bounded(|| parse(words, &World { manifests, ..World::new("acue", texts) }))
}

fn mistake(mistake: &Mistake) {
    sentence(&mistake.message);
    harmless(&mistake.to_string(), &[]);
    assert!(mistake.place.width > 0, "a mistake that is nowhere: {mistake}");
}

/// What [`explain`] writes is one line for a shell that harms no terminal, and means the same when it is read.
fn same_when_written_out(call: &CallLine, manifests: &[Manifest]) {
    let written = bounded(|| explain(call));
    harmless(&written, &[]);
    let words = shell_words(&written);
    assert_eq!(words.first().map(Vec::as_slice), Some(&b"ctys"[..]), "{written}");
    // The documented exception: what a backslash made plain has no form to be written in.
    if format!("{call:?}").contains('\\') || words.iter().flatten().any(|&byte| byte == b'\\') {
        return;
    }
    // Groups and macros are in it already. A host with the name of a group is meant as a host.
    let again = match read(&words[1..], &Texts { macros: None, group: None }, manifests) {
        Ok(again) => again,
        Err(mistakes) => panic!("what is written out is refused:\n{written}\n{}", mistakes[0]),
    };
    assert_eq!(again.jobs, call.jobs, "{written}");
    assert_eq!((&again.presentation, again.header), (&call.presentation, call.header), "{written}");
    let control = |call: &CallLine| (call.control.detach, call.control.sequential);
    assert_eq!(control(&again), control(call), "{written}");
    // That a call is to be written out is no part of it.
    assert_eq!(again.call, CallOptions { explain: false, ..call.call.clone() }, "{written}");
}

/// The words of a line as a shell reads it. Fails at anything that would mean more to a shell than a letter.
pub fn shell_words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    let inside = chars.next().unwrap_or_else(|| panic!("a quote is not closed: {line}"));
                    if inside == c {
                        break;
                    }
                    assert!(c == '\'' || !"$`\\!".contains(inside), "{inside:?} stands in double quotes: {line}");
                    word.push(inside);
                }
            }
            '$' if chars.peek() == Some(&'\'') => {
                chars.next();
                ansi_word(&mut chars, word.get_or_insert_default());
            }
            c => {
                let start = word.is_none() && "~#=".contains(c);
                assert!(!start && !"\\$`&|;<>*?[]{}()!^\t".contains(c), "{c:?} is not quoted: {line}");
                word.get_or_insert_default().push(c);
            }
        }
    }
    words.extend(word);
    words.into_iter().map(String::into_bytes).collect()
}

/// What stands in `$'…'`, behind the quote.
fn ansi_word(chars: &mut impl Iterator<Item = char>, word: &mut String) {
    let mut bytes = Vec::new();
    let mut next = || chars.next().expect("a quote that is closed");
    loop {
        match next() {
            '\'' => break,
            '\\' => match next() {
                'x' => {
                    let digits: String = [next(), next()].iter().collect();
                    bytes.push(u8::from_str_radix(&digits, 16).expect("two digits"));
                }
                c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            },
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    word.push_str(std::str::from_utf8(&bytes).expect("words are text"));
}
