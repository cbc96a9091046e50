//! One cell: escaped, measured, cut, broken, padded.
//!
//! Widths are sums over characters, as `wcwidth` counts them: 2 for a wide one, 0 for a mark that combines with the
//! character before it. Such a mark stays with its character, and neither is ever split.

use crate::presentation::Cut;
use ctys_model::Value;
use ctys_model::bytes::escape_for_eyes;
use unicode_width::UnicodeWidthChar;

/// Shown for a character that is wider than its whole column.
const TOO_WIDE: &str = "?";

/// The text of a value on a terminal: nothing for a missing one, control characters and everything else that moves or
/// hides text as `\xNN`, and without UTF-8 every character beyond ASCII too.
pub(crate) fn eyes(value: &Value, utf8: bool) -> String {
    match value {
        Value::Missing(_) => String::new(),
        Value::Text(text) => eyes_text(text, utf8),
        other => eyes_text(&other.to_string(), utf8),
    }
}

/// As [`eyes`], for a text.
pub(crate) fn eyes_text(text: &str, utf8: bool) -> String {
    let harmless = escape_for_eyes(text);
    if utf8 || harmless.is_ascii() { harmless.into_owned() } else { ascii(&harmless) }
}

/// Every byte beyond ASCII as `\xNN`.
pub(crate) fn ascii(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii() { char::from(byte).to_string() } else { format!("\\x{byte:02x}") })
        .collect()
}

/// The number of places a text takes in a line.
pub(crate) fn width(text: &str) -> usize {
    if is_plain(text) {
        return text.len();
    }
    text.chars().map(char_width).sum()
}

/// Whether each byte is a character that takes one place, as in nearly every text.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Characters with the marks that belong to them, and their widths; what is wider than `limit` is replaced.
fn clusters(text: &str, limit: usize) -> Vec<(&str, usize)> {
    let mut starts: Vec<usize> =
        text.char_indices().filter(|&(at, c)| at == 0 || char_width(c) > 0).map(|(at, _)| at).collect();
    starts.push(text.len());
    starts
        .windows(2)
        .map(|pair| (&text[pair[0]..pair[1]], width(&text[pair[0]..pair[1]])))
        .map(|(cluster, width)| if width > limit { (TOO_WIDE, TOO_WIDE.len()) } else { (cluster, width) })
        .collect()
}

/// The start of a text, or its end for [`Cut::Left`], as far as it fits.
pub(crate) fn cut(text: &str, limit: usize, cut: Cut) -> String {
    if width(text) <= limit {
        return text.to_string();
    }
    let clusters = clusters(text, limit);
    let mut room = limit;
    let mut fits = |&(_, width): &(&str, usize)| match room.checked_sub(width) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    let kept = match cut {
        Cut::Left => {
            let count = clusters.iter().rev().take_while(|cluster| fits(cluster)).count();
            &clusters[clusters.len() - count..]
        }
        Cut::Right | Cut::Break => {
            let count = clusters.iter().take_while(|cluster| fits(cluster)).count();
            &clusters[..count]
        }
    };
    kept.iter().map(|&(cluster, _)| cluster).collect()
}

/// The text in pieces that fit, at most `most` of them; when that is not enough the last one ends with `...`.
pub(crate) fn broken(text: &str, limit: usize, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = limit;
    for (cluster, width) in clusters(text, limit) {
        if width > room {
            if lines.len() == most {
                let dots = cut("...", limit, Cut::Right);
                let line = lines.last_mut().expect("there is always a line");
                *line = format!("{}{dots}", cut(line, limit - dots.len(), Cut::Right));
                break;
            }
            lines.push(String::new());
            room = limit;
        }
        room -= width;
        lines.last_mut().expect("there is always a line").push_str(cluster);
    }
    lines
}

/// The text with blanks behind it, or before it, up to this width.
pub(crate) fn padded(text: &str, to: usize, right_aligned: bool) -> String {
    let mut line = String::with_capacity(text.len().max(to));
    pad(&mut line, text, to, right_aligned);
    line
}

/// As [`padded`], behind what stands in the line.
pub(crate) fn pad(line: &mut String, text: &str, to: usize, right_aligned: bool) {
    let blanks = std::iter::repeat_n(' ', to.saturating_sub(width(text)));
    if right_aligned {
        line.extend(blanks);
        line.push_str(text);
    } else {
        line.push_str(text);
        line.extend(blanks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_keeps_characters_whole() {
        let check = |text: &str, limit, how, expected: &str| {
            assert_eq!(cut(text, limit, how), expected, "{text} to {limit} {how:?}");
        };
        check("/etc/ctys.d/pm.conf", 10, Cut::Right, "/etc/ctys.");
        check("/etc/ctys.d/pm.conf", 10, Cut::Left, ".d/pm.conf");
        check("pm.conf", 10, Cut::Left, "pm.conf");
        check("日本語", 6, Cut::Right, "日本語");
        check("日本語", 5, Cut::Right, "日本");
        check("日本語", 5, Cut::Left, "本語");
        check("日本語", 1, Cut::Right, "?");
        check("日本語", 1, Cut::Left, "?");
        // e and u with combining marks: the mark goes where its letter goes.
        check("e\u{301}tu\u{308}", 2, Cut::Right, "e\u{301}t");
        check("e\u{301}tu\u{308}", 1, Cut::Left, "u\u{308}");
        check("e\u{301}t", 1, Cut::Left, "t");
    }

    #[test]
    fn breaking_goes_on_until_it_is_too_much() {
        assert_eq!(broken("abcdefg", 3, 50), ["abc", "def", "g"]);
        assert_eq!(broken("abcdef", 3, 50), ["abc", "def"]);
        assert_eq!(broken("", 3, 50), [""]);
        assert_eq!(broken("a日b日", 2, 50), ["a", "日", "b", "日"]);
        assert_eq!(broken("日a", 1, 50), ["?", "a"]);
        assert_eq!(broken("aaaabbbbccccd", 4, 3), ["aaaa", "bbbb", "c..."]);
        assert_eq!(broken("abc", 1, 2), ["a", "."]);
    }

    #[test]
    fn hostile_text_is_escaped_before_it_is_measured() {
        let shown = eyes(&Value::text("a\x1b[31mb"), true);
        assert_eq!((shown.as_str(), width(&shown)), ("a\\x1b[31mb", 10));
        assert_eq!(eyes(&Value::text("Grüße"), true), "Grüße");
        assert_eq!(eyes(&Value::text("Grüße"), false), "Gr\\xc3\\xbc\\xc3\\x9fe");
        assert_eq!(eyes(&Value::Missing(ctys_model::Missing::HostSilent), true), "");
    }
}
