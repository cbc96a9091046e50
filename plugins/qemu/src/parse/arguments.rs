//! A plain file of arguments: what stands behind `qemu-system-x86_64` on a command line, over as many lines as one likes.
//!
//! ```text
//! #@#MAGICID-QEMU
//! qemu-system-x86_64 -m 512 \
//!   -drive "file=/srv/two words.qcow2,if=virtio"
//! # a remark
//! -append 'console=ttyS0 quiet'
//! ```
//!
//! Quotes and backslashes are those of a shell, and nothing else is: no variable, no pattern, no command.

/// The words, or what is wrong with them, with the number of the line.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut line = 1;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => {
                line += 1;
                words.extend(word.take());
            }
            '#' if word.is_none() => while rest.next_if(|c| *c != '\n').is_some() {},
            c if c.is_whitespace() => words.extend(word.take()),
            '\\' => match rest.next() {
                Some('\n') => line += 1,
                Some('\r') if rest.peek() == Some(&'\n') => {
                    rest.next();
                    line += 1;
                }
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err(format!("line {line} ends with a backslash and nothing follows")),
            },
            '\'' | '"' => {
                let opened = line;
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        None => return Err(format!("the quote in line {opened} is never closed")),
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' => match rest.next() {
                            Some('\n') => line += 1,
                            Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                            Some(other) => word.extend(['\\', other]),
                            None => return Err(format!("the quote in line {opened} is never closed")),
                        },
                        Some(inner) => {
                            line += usize::from(inner == '\n');
                            word.push(inner);
                        }
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match words.iter().any(|word| word.contains('\0')) {
        true => Err("it holds a NUL byte".into()),
        false => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_a_shells() {
        let check = |text: &str, want: &[&str]| assert_eq!(words(text).unwrap(), want, "{text:?}");
        check("", &[]);
        check("-m 512\n-S", &["-m", "512", "-S"]);
        check("-append 'a b  c'", &["-append", "a b  c"]);
        check("-append \"a 'b' \\\"c\\\" \\x\"", &["-append", "a 'b' \"c\" \\x"]);
        check("a\\ b c\\\n  d", &["a b", "c", "d"]);
        check("a \\\n  b \\\r\n c", &["a", "b", "c"]);
        check("# a remark\n-m 1 # another\n", &["-m", "1"]);
        check("a#b", &["a#b"]);
        check("''", &[""]);
        check("file='a'\"b\"c", &["file=abc"]);
        check("$HOME `x` *", &["$HOME", "`x`", "*"]);
    }

    #[test]
    fn what_is_open_is_an_error() {
        let check = |text: &str, want: &str| assert_eq!(words(text).unwrap_err(), want, "{text:?}");
        check("a\n'b\nc", "the quote in line 2 is never closed");
        check("\"b\\", "the quote in line 1 is never closed");
        check("a \\", "line 1 ends with a backslash and nothing follows");
        check("a\0b", "it holds a NUL byte");
    }
}
