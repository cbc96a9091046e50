#![no_main]
//! The query language of ctys-vhost. Parts: the words, one a line; records.

use ctys_fuzz::{bounded, grown, numbered, parts, text};
use ctys_inventory::query::Query;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([times], rest) = numbered(data);
    let parts = parts(rest);
    let text = text(&parts, 0);
    let words: Vec<&str> = text.lines().collect();
    match bounded(|| Query::parse(&words)) {
        Err(mistake) => assert!(mistake.word <= words.len() && !mistake.message.is_empty(), "{mistake:?}"),
        Ok(query) => {
            let records = grown(parts.get(1).copied().unwrap_or_default(), times % 64);
            let fitting = bounded(|| {
                (1..).zip(records.split(|&byte| byte == b'\n')).filter(|(number, raw)| query.fits(raw, *number)).count()
            });
            if words.is_empty() {
                assert_eq!(fitting, records.split(|&byte| byte == b'\n').count(), "without words everything fits");
            }
        }
    }
});
