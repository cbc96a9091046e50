//! Whatever bytes a host sends: no panic, no control character, no broken row.

use ctys_model::field::Known;
use ctys_model::{Field, Missing, Record, Value};
use ctys_table::{
    AddressForm, Book, Column, Format, Numbering, Presentation, Printer, Sort, SpecError, Style, Title, parse_widths,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthChar;

/// Characters that have broken somebody's table before: control, wide, combining, reordering, joining, separators.
const NASTY: &[char] = &[
    '\0',
    '\t',
    '\n',
    '\r',
    '\x1b',
    '\x7f',
    '\u{85}',
    '\u{9b}',
    ';',
    '|',
    '\\',
    '"',
    ',',
    '<',
    '&',
    '日',
    '\u{301}',
    '\u{fe0f}',
    '\u{200b}',
    '\u{200d}',
    '\u{202e}',
    '\u{2028}',
    '\u{feff}',
    '\u{fffe}',
    '👩',
    '\u{1f1e9}',
    '\u{e0001}',
    '\u{10ffff}',
    '\u{1160}',
    '\u{0644}',
];

fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![any::<char>(), proptest::sample::select(NASTY), proptest::char::range('a', 'z')];
    prop_oneof![
        proptest::collection::vec(character, 0..30).prop_map(|chars| chars.into_iter().collect()),
        proptest::collection::vec(any::<u8>(), 0..30).prop_map(|bytes| Value::from_bytes(&bytes).to_string()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::text),
        1 => any::<i64>().prop_map(Value::Number),
        1 => any::<u64>().prop_map(Value::Size),
        1 => any::<i64>().prop_map(Value::Time),
        1 => (-100_000_000_000..300_000_000_000_i64).prop_map(Value::Time),
        1 => text().prop_map(|why| Value::Missing(Missing::Unknown(why))),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let field = prop_oneof![
        6 => proptest::sample::select(Known::ALL).prop_map(Field::Known),
        1 => text().prop_map(|key| Field::from_key(&key)),
    ];
    proptest::collection::btree_map(field, value(), 0..20)
        .prop_map(|fields| Record { fields: fields.into_iter().collect() })
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    proptest::collection::vec(record(), 0..6)
}

fn columns(numbering: Numbering) -> impl Strategy<Value = Vec<Column>> {
    let cut = proptest::sample::select(&["", "_L", "_B"][..]);
    let column =
        (1..=numbering.last(), 0..12_u16, cut).prop_map(|(index, width, cut)| format!("{index}_t_{width}{cut}"));
    proptest::collection::vec(column, 1..6)
        .prop_map(move |columns| Column::parse_list(&columns.join("%%"), numbering).unwrap())
}

fn sort() -> impl Strategy<Value = Option<Sort>> {
    let sort = (any::<bool>(), any::<bool>(), any::<bool>(), proptest::option::of(0..9_u16));
    proptest::option::of(sort.prop_map(|(each, unique, reverse, column)| Sort { each, unique, reverse, column }))
}

fn print(presentation: &Presentation, style: Style, records: &[Record]) -> String {
    let mut printer = Printer::new(presentation.clone(), style);
    let mut text: String = records.chunks(2).map(|block| printer.block(block)).collect();
    text.push_str(&printer.finish());
    text
}

fn width(line: &str) -> usize {
    line.chars().map(|c| c.width().expect("no control character")).sum()
}

/// What may move the cursor, or hide or reorder text.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
}

fn all_formats(columns: &[Column]) -> Vec<Format> {
    vec![
        Format::TabTcp(Vec::new()),
        Format::TabTcp(vec![Some(5), None, Some(1)]),
        Format::TabTcp9(Vec::new()),
        Format::TabGen(columns.to_vec()),
        Format::Spec(columns.to_vec()),
        Format::Rec(Vec::new()),
        Format::Xml(columns.to_vec()),
        Format::Raw,
        Format::Listing,
        Format::Json,
        Format::Jsonl,
        Format::Csv,
        Format::Tsv,
        Format::Yaml,
    ]
}

proptest! {
    #[test]
    fn nothing_harmful_comes_out(
        records in records(), columns in columns(Numbering::List), sort in sort(), utf8 in any::<bool>(),
    ) {
        for format in all_formats(&columns) {
            let tabs = format == Format::Tsv;
            let machine = matches!(format, Format::Json | Format::Jsonl | Format::Yaml | Format::Csv | Format::Tsv);
            let presentation = Presentation {
                sort,
                address: Some(AddressForm::Dns),
                title: Title::Index,
                ..Presentation::new(Numbering::List, format.clone())
            };
            let text = print(&presentation, Style { utf8, ..Style::default() }, &records);
            let harmful = text.chars().find(|&c| is_harmful(c) && c != '\n' && !(tabs && c == '\t'));
            prop_assert_eq!(harmful, None, "{:?} printed {:?}", format, text);
            prop_assert!(text.is_empty() || text.ends_with('\n'));
            prop_assert!(utf8 || machine || text.replace('\u{fffd}', "").is_ascii(), "{:?} printed {:?}", format, text);
        }
    }

    #[test]
    fn every_line_of_a_table_has_one_width(
        records in records(), columns in columns(Numbering::Enumerate), sort in sort(), terminal in proptest::option::of(0..100_usize),
    ) {
        let formats = [
            Format::TabTcp(Vec::new()), Format::TabTcp(vec![Some(3), Some(1)]), Format::TabTcp9(Vec::new()), Format::TabGen(columns),
        ];
        for format in formats {
            let presentation = Presentation {
                sort,
                address: Some(AddressForm::Ip),
                title: Title::IndexAscii,
                fields: BTreeSet::from([Known::Id]),
                ..Presentation::new(Numbering::Enumerate, format)
            };
            let text = print(&presentation, Style { width: terminal, ..Style::default() }, &records);
            let widths: BTreeSet<usize> = text.lines().map(width).collect();
            prop_assert_eq!(widths.len(), 1, "{}", text);
        }
    }

    #[test]
    fn raw_records_keep_their_count_and_their_values(records in records()) {
        let text = print(&Presentation::new(Numbering::Enumerate, Format::Raw), Style::default(), &records);
        prop_assert_eq!(text.lines().count(), records.len());
        for (line, record) in text.lines().zip(&records) {
            let cells: Vec<&str> = line.split(';').collect();
            prop_assert_eq!(cells.len(), 47);
            for (cell, field) in cells.into_iter().zip(Numbering::Enumerate.machine()) {
                let expected = record.get(field).to_string().into_bytes();
                prop_assert_eq!(ctys_model::bytes::unescape(cell), Ok(expected));
            }
        }
    }

    #[test]
    fn documents_give_every_text_back(records in records()) {
        let presentation = |format| Presentation::new(Numbering::List, format);
        let json = print(&presentation(Format::Json), Style::default(), &records);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let yaml = print(&presentation(Format::Yaml), Style::default(), &records);
        let yaml: serde_json::Value = serde_yaml_ng::from_str(&yaml).unwrap();
        prop_assert_eq!(&json, &yaml);
        for (found, record) in json["records"].as_array().unwrap().iter().zip(&records) {
            for (field, value) in record.fields.iter() {
                let found = match field {
                    Field::Known(known) if known.list_index().is_none() && known.enum_index().is_some() => continue,
                    Field::Known(Known::Reserved1 | Known::Text) => continue,
                    Field::Known(known) => &found[known.key()],
                    Field::Other(key) => &found["extra"][key],
                };
                match value {
                    Value::Text(text) => prop_assert_eq!(found.as_str(), Some(text.as_str())),
                    Value::Number(number) => prop_assert_eq!(found.as_i64(), Some(*number)),
                    Value::Size(bytes) => prop_assert_eq!(found.as_u64(), Some(*bytes)),
                    Value::Missing(_) => prop_assert!(found.is_null()),
                    Value::Time(_) => {}
                }
            }
        }
    }

    #[test]
    fn delimited_records_are_lines(records in records()) {
        for format in [Format::Csv, Format::Tsv] {
            let text = print(&Presentation::new(Numbering::List, format), Style::default(), &records);
            prop_assert_eq!(text.lines().count(), records.len() + 1);
        }
    }

    #[test]
    fn any_list_is_read_or_pointed_into(text in text(), spec in "[0-9_%LBa ]{0,20}") {
        for text in [text, spec] {
            let inside = |error: &SpecError| text.get(error.offset..error.offset + error.length).is_some();
            for numbering in [Numbering::List, Numbering::Enumerate] {
                if let Err(errors) = Column::parse_list(&text, numbering) {
                    prop_assert!(!errors.is_empty() && errors.iter().all(inside), "{:?} {:?}", text, errors);
                }
            }
            if let Err(errors) = parse_widths(&text, 7) {
                prop_assert!(!errors.is_empty() && errors.iter().all(inside), "{:?} {:?}", text, errors);
            }
        }
    }

    #[test]
    fn any_macro_file_is_read_or_explained(text in text(), file in "([A-C =%\\\\#x]{0,8}\n){0,8}") {
        for text in [text, file] {
            match Book::parse("f", &text) {
                Ok(book) => prop_assert!(book.names().all(|name| book.get(name).is_some_and(|text| !text.contains("  ")))),
                Err(errors) => prop_assert!(errors.iter().all(|error| (1..=text.lines().count()).contains(&error.line))),
            }
        }
    }
}
