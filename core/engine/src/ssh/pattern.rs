//! The patterns of ssh_config(5) and of known_hosts: `*`, `?`, comma lists, `!`.

/// Whether the text matches one pattern, byte by byte.
pub fn matches(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let (mut t, mut p) = (0, 0);
    // Where to go on when a `*` has to swallow one byte more.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
                continue;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        let Some((star, taken)) = retry else { return false };
        retry = Some((star, taken + 1));
        p = star + 1;
        t = taken + 1;
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// Whether the text matches a comma list: at least one pattern, and none of the negated ones.
pub fn matches_list(text: &str, list: &str) -> bool {
    let mut found = false;
    for pattern in list.split_terminator(',') {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(text, negated) => return false,
            Some(_) => {}
            None => found |= matches(text, pattern),
        }
    }
    found
}

/// [`matches_list`] for host names, in any case.
pub fn matches_host(host: &str, list: &str) -> bool {
    matches_list(&host.to_ascii_lowercase(), &list.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pattern() {
        let check = |text: &str, pattern: &str, expected: bool| {
            assert_eq!(matches(text, pattern), expected, "{text:?} against {pattern:?}");
        };
        check("", "", true);
        check("", "*", true);
        check("", "?", false);
        check("lab00", "lab00", true);
        check("lab00", "LAB00", false);
        check("lab00", "lab0?", true);
        check("lab00", "lab??0", false);
        check("lab00", "*", true);
        check("lab00", "l*0", true);
        check("lab00", "l*b*0", true);
        check("lab00", "l*c*0", false);
        check("aaaaab", "*a*b", true);
        check("aaaaab", "*a*bc", false);
        check("a.b.co.uk", "*.co.uk", true);
        check("x", "x**", true);
        check("x", "x*?", false);
        // A pattern that would take exponential time when every star tries everything.
        check(&"a".repeat(200), &format!("{}b", "a*".repeat(50)), false);
    }

    #[test]
    fn lists() {
        let check = |text: &str, list: &str, expected: bool| {
            assert_eq!(matches_list(text, list), expected, "{text:?} against {list:?}");
        };
        check("host3", "!host1,!host2", false);
        check("host3", "!host1,!host2,*", true);
        check("host1", "*,!host1", false);
        check("b", "a,b,c", true);
        check("", "", false);
        check("x", "", false);
        assert!(matches_host("Lab00.Example", "LAB*.example"));
    }
}
