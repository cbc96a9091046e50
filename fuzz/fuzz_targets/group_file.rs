#![no_main]
//! A group file, and one that holds it several times.

use ctys_fuzz::line::{Texts, call};
use ctys_fuzz::{grown, numbered};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([asked, times], rest) = numbered(data);
    let action: &[&str] = [
        &["-a", "list=label", "lab"][..],
        &["-t", "xen", "-a", "cancel=l:x", "lab(-Z SUDO)"],
        &["-t", "xen", "-a", "create=l:x", "a", "lab", "{lab b}(-f)"],
        &["-a", "show", "VMSTACK{lab}"],
    ][asked % 4];
    let words: Vec<Vec<u8>> = action.iter().map(|word| word.as_bytes().to_vec()).collect();
    let group = String::from_utf8_lossy(&grown(rest, times % 256)).into_owned();
    call(&words, &Texts { macros: None, group: Some(group) });
});
