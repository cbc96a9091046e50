//! The one function that turns an argument into shell text. Nothing else in ctys ever quotes.

/// An argument that no shell can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NulByte;

/// One word of POSIX shell that means exactly these bytes, whatever they are. NUL is the one byte no argument can hold.
pub fn quote(word: &[u8]) -> Result<Vec<u8>, NulByte> {
    if word.contains(&0) {
        return Err(NulByte);
    }
    // Words of harmless characters stay readable in plans and on the far side's process list.
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-./:=,+@%".contains(b);
    if !word.is_empty() && word.iter().all(plain) && !word.contains(&b'=') {
        return Ok(word.to_vec());
    }
    let mut out = Vec::with_capacity(word.len() + 2);
    out.push(b'\'');
    for &byte in word {
        if byte == b'\'' {
            out.extend_from_slice(b"'\\''");
        } else {
            out.push(byte);
        }
    }
    out.push(b'\'');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_shell_lose_their_meaning() {
        for (word, expected) in [
            ("", "''"),
            ("xl", "xl"),
            ("/etc/xen/tst100.cfg", "/etc/xen/tst100.cfg"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$HOME", "'$HOME'"),
            ("~", "'~'"),
            ("A=b", "'A=b'"),
            ("{a,b}", "'{a,b}'"),
            ("a\nb", "'a\nb'"),
            ("!x", "'!x'"),
            ("#x", "'#x'"),
        ] {
            assert_eq!(quote(word.as_bytes()).unwrap(), expected.as_bytes(), "{word:?}");
        }
    }

    #[test]
    fn nul_is_refused() {
        assert_eq!(quote(b"a\0b"), Err(NulByte));
    }
}
