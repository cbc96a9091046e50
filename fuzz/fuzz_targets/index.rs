#![no_main]
//! The index beside the classic files. A whole one finds every name; one with a byte changed says so or finds the same.
//! Parts: enum.fdb, macmap.fdb.

use ctys_fuzz::{bounded, grown, numbered, parts};
use ctys_inventory::index::{Index, Seen, Source, Stamp, build, lines};
use ctys_inventory::keys::{Key, of_line};
use ctys_inventory::line::Line;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([place, change, times], rest) = numbered(data);
    let parts = parts(rest);
    let enumerated = grown(parts[0], times % 64);
    let mapped = parts.get(1).map_or_else(Vec::new, |part| part.to_vec());
    let sources = [Source { target: "lab00".into(), ..Source::default() }];
    let stamp = |text: &[u8]| Stamp { size: text.len() as u64, changed: 1, inode: 2 };
    let mut bytes = bounded(|| {
        build((&enumerated, stamp(&enumerated)), (&mapped, stamp(&mapped)), &sources, |_| Seen { source: 0, at: 7 })
    });
    let keys: Vec<(u32, Key)> = (0..)
        .zip(lines(&enumerated))
        .filter_map(|(number, (_, raw))| Some((number, Line::parse(raw)?)))
        .flat_map(|(number, line)| of_line(&line).into_iter().map(move |key| (number, key)))
        .take(40)
        .collect();
    let whole = Index::open(bytes.clone()).expect("a whole index");
    let found = |index: &Index<Vec<u8>>, key: &Key| index.find(key).ok();
    for (number, key) in &keys {
        assert!(found(&whole, key).is_some_and(|all| all.contains(number)), "{key:?} is not found");
    }
    let at = place % bytes.len();
    bytes[at] ^= (change % 255) as u8 + 1;
    let Ok(damaged) = Index::open(bytes) else { return };
    for (_, key) in &keys {
        let all = found(&damaged, key);
        assert!(all.is_none() || all == found(&whole, key), "damage at {at} is not noticed: {key:?}");
    }
    let entries = damaged.enumerated().ok();
    assert!(entries.is_none() || entries == whole.enumerated().ok(), "damage at {at} is not noticed");
    let sources = damaged.sources().ok();
    assert!(sources.is_none() || sources == whole.sources().ok(), "damage at {at} is not noticed");
});
