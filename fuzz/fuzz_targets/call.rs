#![no_main]
//! The command line. Parts: the words, one a line; the macro file `default`; the group `lab`.

use ctys_fuzz::line::{Texts, call};
use ctys_fuzz::{parts, text};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let parts = parts(data);
    let words: Vec<Vec<u8>> = parts[0].split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let file = |number: usize| (parts.len() > number).then(|| text(&parts, number));
    call(&words, &Texts { macros: file(1), group: file(2) });
});
