#![no_main]
//! An access list, who asks, and for what: nobody gets what no line grants, no second command comes through, and the beginning of
//! a list grants no more than all of it.
//!
//! Three parts: the list, the name of the cube, the words that it sends, one a line.

use ctys_cube::access::{Access, Asked, DOM0};
use ctys_fuzz::{bounded, parts, text};

fn asked(words: &[String]) -> Asked {
    Asked {
        program: words[0].clone(),
        first: words.get(1).cloned(),
        words: words.join(" "),
        has_operators: words.iter().any(|word| word.contains([';', '&', '|'])),
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let parts = parts(data);
    let (list, cube) = (text(&parts, 0), text(&parts, 1));
    let mut words: Vec<String> = text(&parts, 2).lines().map(String::from).collect();
    words.resize(words.len().max(1), String::new());
    let asked = asked(&words);
    let usual = Access::default();
    let access = match bounded(|| Access::read(&list)) {
        Ok(access) => access,
        Err(line) => return assert!((1..=list.lines().count()).contains(&line), "line {line}"),
    };
    // Whether the cube has everything shows in what nobody would write into a list.
    let all = access.allows_all_of(&cube, "\u{1}");
    if access.allows(&cube, &asked) && !all {
        assert!(!asked.has_operators, "a second command comes through: {words:?}");
        let named = list.contains(&asked.program) || (asked.program == "cube-console" && list.contains("agetty"));
        assert!(named || usual.allows(&cube, &asked), "granted by no line: {words:?}");
    }
    if all {
        assert!(cube == DOM0 || list.contains('-'), "everything, granted by no line");
    }
    if !cube.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-_.".contains(&byte)) || cube.is_empty() {
        assert!(!access.allows(&cube, &asked), "granted to what is no name: {cube:?}");
    }
    if cube.contains('-') {
        // An entry under its very name, further down, may grant less than one with underscores.
        return;
    }
    let lines: Vec<&str> = list.split_inclusive('\n').collect();
    for end in 0..lines.len().min(64) {
        let Ok(beginning) = Access::read(&lines[..end].concat()) else { continue };
        let more = beginning.allows(&cube, &asked) && !access.allows(&cube, &asked);
        assert!(!more || usual.allows(&cube, &asked), "its first {end} lines grant what all of it does not");
    }
});
