//! Bytes that may or may not be text: arguments, file contents, tool output.

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A byte string. In MessagePack it travels as it is; in JSON (plans, transcripts) as text with `\xNN` for every
/// byte that is not printable UTF-8, and `\\` for a backslash, so nothing is lost either way.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// The raw bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, with the replacement character for what is not UTF-8.
    pub fn to_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// True when there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Text that shows any bytes on a terminal without harm: printable UTF-8 as it is, everything else as `\xNN`.
///
/// C0 and C1 control characters, DEL, and the Unicode characters that reorder or hide text (bidirectional controls,
/// zero-width characters, line and paragraph separators) never pass. A backslash is doubled so that the result can be
/// turned back with [`unescape`].
pub fn escape(raw: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(raw)
        && raw.iter().all(|&byte| is_plain(byte) && byte != b'\\')
    {
        return text.to_string();
    }
    let mut out = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' {
                out.push_str("\\\\");
            } else if is_harmless(c) {
                out.push(c);
            } else {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    push_hex(&mut out, byte);
                }
            }
        }
        for &byte in chunk.invalid() {
            push_hex(&mut out, byte);
        }
    }
    out
}

/// Like [`escape`], for tables and messages: a backslash stays single, since nobody reads it back.
pub fn escape_for_eyes(text: &str) -> std::borrow::Cow<'_, str> {
    if text.bytes().all(is_plain) || text.chars().all(is_harmless) {
        return std::borrow::Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_harmless(c) {
            out.push(c);
        } else {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                push_hex(&mut out, byte);
            }
        }
    }
    std::borrow::Cow::Owned(out)
}

/// The reverse of [`escape`]. An unknown escape is an error that names it.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let tail = &rest[at + 1..];
        if let Some(after) = tail.strip_prefix('\\') {
            out.push(b'\\');
            rest = after;
        } else if let Some(hex) = tail.strip_prefix('x').and_then(|t| t.get(..2)) {
            // from_str_radix takes a sign as well.
            let digits = hex.bytes().all(|b| b.is_ascii_hexdigit());
            let byte = u8::from_str_radix(hex, 16).ok().filter(|_| digits);
            out.push(byte.ok_or_else(|| format!("bad escape \\x{hex}"))?);
            rest = &tail[3..];
        } else {
            return Err(format!("bad escape at \"\\{}\"", tail.chars().take(3).collect::<String>()));
        }
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

fn push_hex(out: &mut String, byte: u8) {
    use fmt::Write;
    let _ = write!(out, "\\x{byte:02x}");
}

/// Printable ASCII: harmless, and most of what there is.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

fn is_harmless(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{061c}' | '\u{e0000}'..='\u{e007f}'
            // Soft hyphen, other format characters, and letters that are blank: nobody would see them in a name.
            | '\u{00ad}' | '\u{0600}'..='\u{0605}' | '\u{06dd}' | '\u{070f}' | '\u{0890}'..='\u{0891}' | '\u{08e2}'
            | '\u{115f}'..='\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'))
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", escape(&self.0))
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Bytes(text.as_bytes().to_vec())
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Bytes(text.into_bytes())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(raw: Vec<u8>) -> Self {
        Bytes(raw)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&escape(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyBytes(bool);
        impl Visitor<'_> for AnyBytes {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                if self.0 { unescape(text).map(Bytes).map_err(E::custom) } else { Ok(Bytes::from(text)) }
            }
            fn visit_bytes<E: serde::de::Error>(self, raw: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(raw.to_vec()))
            }
            fn visit_byte_buf<E: serde::de::Error>(self, raw: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(raw))
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(AnyBytes(true))
        } else {
            deserializer.deserialize_byte_buf(AnyBytes(false)).map_err(D::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_json_and_messagepack() {
        let all = Bytes((0..=255).collect());
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), all);
        let packed = rmp_serde::to_vec_named(&all).unwrap();
        assert_eq!(rmp_serde::from_slice::<Bytes>(&packed).unwrap(), all);
    }

    #[test]
    fn nothing_that_moves_the_cursor_or_reorders_text_passes() {
        for hostile in [
            "\x1b[2J",
            "a\rb",
            "a\nb",
            "\u{9b}31m",
            "x\u{202e}y",
            "\u{7f}",
            "a\u{200b}b",
            "\u{2028}",
            "tst\u{ad}100",
            "\u{3164}",
            "\u{fff9}x",
        ] {
            let shown = escape_for_eyes(hostile);
            assert!(shown.chars().all(is_harmless), "{hostile:?} gave {shown:?}");
            assert!(shown.contains("\\x"), "{hostile:?} gave {shown:?}");
        }
        assert_eq!(escape_for_eyes("Grüße C:\\x"), "Grüße C:\\x");
    }

    #[test]
    fn a_bad_escape_is_an_error() {
        assert!(unescape("a\\q").is_err());
        assert!(unescape("a\\x4").is_err());
        assert!(unescape("a\\x+f").is_err());
        assert_eq!(unescape("a\\x41\\\\").unwrap(), b"aA\\");
    }
}
