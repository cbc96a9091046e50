#![no_main]
//! Any bytes to text and back: by escapes, and by the one function that quotes for a shell.

use ctys_engine::quote::quote;
use ctys_fuzz::harmless;
use ctys_model::Bytes;
use ctys_model::bytes::{escape, escape_for_eyes, unescape};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let escaped = escape(data);
    harmless(&escaped, &[]);
    assert!(!escaped.contains('\n'), "a line feed got through");
    assert_eq!(unescape(&escaped).as_deref(), Ok(data), "{escaped}");
    let json = serde_json::to_string(&Bytes(data.to_vec())).expect("JSON");
    assert_eq!(serde_json::from_str::<Bytes>(&json).expect("the same").as_slice(), data, "{json}");

    let text = String::from_utf8_lossy(data);
    harmless(&escape_for_eyes(&text), &[]);
    if let Ok(bytes) = unescape(&text) {
        assert_eq!(unescape(&escape(&bytes)), Ok(bytes));
    }

    match quote(data) {
        Ok(quoted) => assert_eq!(unquoted(&quoted), data, "{}", escape(&quoted)),
        Err(_) => assert!(data.contains(&0), "a word without a zero byte can be quoted"),
    }
});

/// What a POSIX shell makes of one word (2.2 of the Shell Command Language). Fails where it would be anything but text.
fn unquoted(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = word.iter().copied();
    assert!(!word.is_empty(), "no word at all");
    while let Some(byte) = bytes.next() {
        match byte {
            b'\'' => loop {
                match bytes.next().expect("a quote that is closed") {
                    b'\'' => break,
                    inside => out.push(inside),
                }
            },
            b'\\' => match bytes.next().expect("a byte behind the backslash") {
                b'\n' => {}
                inside => out.push(inside),
            },
            byte if byte.is_ascii_alphanumeric() || b"_-./:=@%+,^".contains(&byte) => out.push(byte),
            byte => panic!("the byte {byte:#04x} is not quoted"),
        }
    }
    out
}
