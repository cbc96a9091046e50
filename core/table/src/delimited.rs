//! csv and tsv: one line per record below a line of keys.
//!
//! The columns are those of [`crate::document::fields`]: they do not depend on the rows, so rows can stream; the fields
//! that plugins add, and the reasons of missing values, are in json, jsonl and yaml only. Times are RFC 3339, sizes are bytes,
//! a missing value is empty. Quoted as in RFC 4180 (csv) or not at all (tsv); lines end with a line feed.
//! Control characters, tabs and line feeds among them, are `\xNN`: a record is one line, and none of its bytes steers
//! a terminal. Exact bytes are in json.

use crate::document::{fields, rfc3339};
use crate::layout::{Layout, Row};
use crate::presentation::Presentation;
use crate::printer::Style;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::field::Known;
use ctys_model::{Record, Value};

/// Rows of delimited cells.
pub(crate) struct Delimited {
    fields: Vec<Known>,
    delimiter: u8,
    quote: csv::QuoteStyle,
    heading: bool,
}

impl Delimited {
    /// Comma separated.
    pub(crate) fn csv(presentation: &Presentation, style: Style) -> Delimited {
        Delimited {
            fields: fields(presentation),
            delimiter: b',',
            quote: csv::QuoteStyle::Necessary,
            heading: style.header && !presentation.terse,
        }
    }

    /// Tab separated.
    pub(crate) fn tsv(presentation: &Presentation, style: Style) -> Delimited {
        Delimited { delimiter: b'\t', quote: csv::QuoteStyle::Never, ..Delimited::csv(presentation, style) }
    }

    fn line<'a>(&self, cells: impl Iterator<Item = &'a str>) -> String {
        let mut writer =
            csv::WriterBuilder::new().delimiter(self.delimiter).quote_style(self.quote).from_writer(Vec::new());
        writer.write_record(cells).expect("one record of text goes into memory");
        let bytes = writer.into_inner().expect("memory is always flushed");
        String::from_utf8(bytes).expect("text stays text")
    }
}

impl Layout for Delimited {
    fn row(&self, record: &Record) -> Row {
        let cell = |&field: &Known| match record.get(field) {
            Value::Time(seconds) => rfc3339(*seconds).unwrap_or_default(),
            value => escape_for_eyes(&value.to_string()).into_owned(),
        };
        Row { cells: self.fields.iter().map(cell).collect(), ..Row::default() }
    }

    fn head(&self) -> String {
        if self.heading { self.line(self.fields.iter().map(|field| field.key())) } else { String::new() }
    }

    fn rows(&mut self, rows: &[Row]) -> String {
        rows.iter().map(|row| self.line(row.cells.iter().map(String::as_str))).collect()
    }
}
