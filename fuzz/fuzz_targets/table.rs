#![no_main]
//! Records to text, in every format: no byte of a host gets through, and what is to be read by programs can be read.
//! Parts: the columns; then the values of one record each, one a line.

use ctys_fuzz::{bounded, harmless, numbered, parts, text};
use ctys_model::field::Known;
use ctys_model::{Phase, Problem, Record, Value};
use ctys_table::{AddressForm, Column, Format, Numbering, Presentation, Printer, Sort, Style, Title};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([kind, look, width], rest) = numbered(data);
    let parts = parts(rest);
    let numbering = if look & 1 == 0 { Numbering::List } else { Numbering::Enumerate };
    let columns = Column::parse_list(&text(&parts, 0), numbering).unwrap_or_default();
    let records: Vec<Record> = parts[1..].iter().map(|part| record(part)).collect();
    let format = match kind % 13 {
        0 => Format::TabTcp(Vec::new()),
        1 => Format::TabTcp9(vec![Some((width % 300) as u16)]),
        2 => Format::TabGen(columns),
        3 => Format::Spec(columns),
        4 => Format::Rec(columns),
        5 => Format::Xml(columns),
        6 => Format::Raw,
        7 => Format::Listing,
        8 => Format::Json,
        9 => Format::Jsonl,
        10 => Format::Csv,
        11 => Format::Tsv,
        _ => Format::Yaml,
    };
    let bit = |number: usize| look >> number & 1 == 1;
    let presentation = Presentation {
        title: [Title::None, Title::Names, Title::Index, Title::IndexAscii][look >> 1 & 3],
        terse: bit(3),
        address: [None, Some(AddressForm::Dns), Some(AddressForm::Ip), None][look >> 4 & 3],
        fields: Known::ALL.iter().copied().filter(|known| known.list_index().is_some()).collect(),
        sort: bit(6).then_some(Sort { each: bit(7), unique: bit(8), reverse: bit(9), column: bit(10).then_some(2) }),
        ..Presentation::new(numbering, format.clone())
    };
    let style = Style { width: bit(11).then_some(width % 500), color: false, utf8: bit(12), header: !bit(13) };
    let printed = bounded(|| {
        let mut printer = Printer::new(presentation, style);
        let mut printed = String::new();
        for records in records.chunks(3) {
            printed.push_str(&printer.block(records));
        }
        printed.push_str(&printer.problem(&Problem::new(Phase::Run, text(&parts, 1)).hint(text(&parts, 2))));
        printed.push_str(&printer.finish());
        printed
    });
    // Between the columns of TSV stand tabs, and lines of CSV end as RFC 4180 has it.
    harmless(&printed, if format == Format::Tsv { &['\t'] } else { &['\r'][..usize::from(format == Format::Csv)] });
    match format {
        Format::Json => drop(serde_json::from_str::<serde_json::Value>(&printed).expect("JSON")),
        Format::Jsonl => {
            printed.lines().for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).expect("JSON")));
        }
        _ => {}
    }
});

/// A record with the lines of a part as its values: texts, and numbers where a line is one.
fn record(part: &[u8]) -> Record {
    let mut record = Record::new("XEN");
    for (field, line) in Known::ALL.iter().zip(part.split(|&byte| byte == b'\n')) {
        let number = std::str::from_utf8(line).ok().and_then(|text| text.parse().ok());
        record.set(*field, number.map_or_else(|| Value::from_bytes(line), Value::Number));
    }
    record
}
