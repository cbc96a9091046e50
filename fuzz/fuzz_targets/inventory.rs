#![no_main]
//! Lines of enum.fdb and macmap.fdb, what they say of machines, and new answers over old lines. Parts: enum.fdb,
//! macmap.fdb, the lines of an answer.

use ctys_fuzz::{bounded, grown, numbered, parts, text};
use ctys_inventory::index::{Seen, lines};
use ctys_inventory::line::{Line, write};
use ctys_inventory::macmap::{Entry, MacMap, Order};
use ctys_inventory::merge::{Answer, Mode, Old, merge};
use ctys_inventory::resolve::{Candidate, Wanted, expand, machines};
use ctys_model::MachineAddress;
use std::collections::HashMap;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([kind, times], rest) = numbered(data);
    let parts = parts(rest);
    let enumerated = grown(parts[0], times);
    let mapped = MacMap::parse(&text(&parts, 1));
    bounded(|| check_lines(&enumerated));
    for entry in mapped.entries() {
        let again = Entry::parse(&entry.line(Order::Name));
        // A name that looks like a comment stays one.
        assert!(again.is_none() || again.is_some_and(|again| again.mac == entry.mac), "{entry:?}");
    }
    let candidates: Vec<Candidate> = (1..)
        .zip(lines(&enumerated))
        .map(|(number, (_, raw))| Candidate { number, raw: raw.to_vec(), seen: 1, target: "lab00".into() })
        .collect();
    let wanted = wanted(kind, &text(&parts, 2));
    bounded(|| {
        let fitting: Vec<Candidate> =
            candidates.iter().filter(|one| wanted.fits(one, mapped.entries())).cloned().collect();
        let found = machines(&fitting);
        assert!(found.len() <= fitting.len(), "more machines than records");
        let records: usize = found.iter().map(|machine| machine.records.len()).sum();
        assert_eq!(records, fitting.len(), "every record belongs to one machine");
        for machine in found.iter().take(50) {
            assert!(!expand(&wanted.address, machine).is_empty() || wanted.address.is_empty());
        }
    });
    let answer = |failed: bool| Answer {
        target: "lab00".into(),
        lines: text(&parts, 2).lines().map(String::from).collect(),
        failed: failed.then(|| "silent".into()),
        ..Answer::default()
    };
    for mode in [Mode::Append, Mode::Replace] {
        let (seen, sources) = (HashMap::new(), Vec::new());
        let old = Old { text: &enumerated, seen: &seen, sources, unknown: Seen { source: 0, at: 0 } };
        let merged = bounded(|| merge(old, &[answer(kind & 1 == 1)], mode));
        let mut sorted: Vec<&[u8]> = lines(&merged.text).map(|(_, raw)| raw).collect();
        let count = sorted.len();
        sorted.dedup();
        assert_eq!(sorted.len(), count, "a line stands twice");
        assert!(sorted.is_sorted(), "not sorted");
    }
});

fn check_lines(text: &[u8]) {
    for (place, raw) in lines(text) {
        assert_eq!(&text[place as usize..][..raw.len()], raw);
        let Some(line) = Line::parse(raw) else { continue };
        // A record that is written and read again is the same.
        let record = line.record(None);
        let written = write(&record);
        let again = Line::parse(written.as_bytes()).expect("what was written is a line").record(None);
        assert_eq!(write(&again), written, "{written}");
    }
}

fn wanted(kind: usize, text: &str) -> Wanted {
    let mut words = text.lines().map(String::from);
    let mut next = |bit: usize| if kind >> bit & 1 == 1 { words.next() } else { None };
    let address = MachineAddress {
        label: next(1),
        uuid: next(2),
        mac: next(3),
        tcp: next(4),
        file_name: next(5),
        id: next(6),
        ..MachineAddress::default()
    };
    Wanted { address, host: next(7).unwrap_or_default(), types: next(8).into_iter().collect() }
}
