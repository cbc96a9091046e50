#![no_main]
//! A known_hosts file: no key is known that no line of the file holds, and a revoked one never is.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ctys_engine::ssh::known_hosts::{KnownHosts, Verdict};
use ctys_fuzz::{bounded, folder, grown, numbered};
use std::path::PathBuf;
use std::sync::LazyLock;

static FILE: LazyLock<PathBuf> = LazyLock::new(|| folder("known").join("known_hosts"));

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([times], rest) = numbered(data);
    let whole = grown(rest, times);
    std::fs::write(&*FILE, &whole).expect("a file");
    let words = || whole.split(|byte| byte.is_ascii_whitespace());
    let keys: Vec<Vec<u8>> = words()
        .filter_map(|word| STANDARD.decode(word).or_else(|_| STANDARD_NO_PAD.decode(word)).ok())
        .take(8)
        .collect();
    let lines = whole.split(|&byte| byte == b'\n').count();
    let revokes = whole.windows(8).any(|word| word == b"@revoked");
    bounded(|| {
        let known = KnownHosts::default();
        for name in ["lab00", "[lab01]:2222", "192.0.2.7", "*"] {
            let found = known.look_up([&*FILE], name);
            for (_, line) in found.places() {
                assert!(line > 0 && line <= lines, "line {line}");
            }
            assert_ne!(found.verdict(b"\0\0\0\x0bssh-ed25519\0\0\0\x01x"), Verdict::Known, "a key of nobody");
            for key in &keys {
                let verdict = found.verdict(key);
                if verdict == Verdict::Known {
                    assert!(!found.is_empty(), "known by no line");
                    assert!(!found.only_by_authority(), "known by an authority's line alone");
                }
                assert!(revokes || !matches!(verdict, Verdict::Revoked { .. }), "revoked by nobody");
            }
        }
    });
});
