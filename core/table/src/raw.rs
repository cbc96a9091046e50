//! Plain records: fields joined by `;` in canonical order, for MACHINE, MAXKEY, TERSE and the listing (ctys.md 4).
//!
//! A record is always one line with a fixed number of fields. Whatever could break that, or move a terminal's cursor,
//! is escaped as [`ctys_model::bytes::escape`] does, and a `;` inside a value as `\x3b`. A backslash is therefore
//! doubled; [`ctys_model::bytes::unescape`] gives every value back as it was.

use crate::cell::ascii;
use crate::layout::{Layout, Row};
use crate::numbering::title_line;
use crate::presentation::{Numbering, Presentation};
use crate::printer::Style;
use ctys_model::bytes::escape;
use ctys_model::field::Known;
use ctys_model::{Record, Value};
use std::collections::BTreeSet;

/// What the listing shows when no field is chosen (ctys-original.md 2.2).
const LISTED: [Known; 3] = [Known::SessionType, Known::Label, Known::Id];

/// Rows of plain records.
pub(crate) struct Raw {
    fields: Vec<Known>,
    /// The title line, where one was asked for.
    title: Option<String>,
    utf8: bool,
    /// What stands before each row.
    mark: &'static str,
    /// Whether rows are grouped under headings.
    groups: bool,
    /// The heading the last row was printed under.
    group: Option<String>,
}

impl Raw {
    /// Bare rows: the chosen fields, or all that have a number.
    pub(crate) fn bare(presentation: &Presentation, style: Style) -> Raw {
        let numbering = presentation.numbering;
        let fields = match presentation.fields.is_empty() {
            true => numbering.machine(),
            false => numbering.canonical(&presentation.fields),
        };
        let title = title_line(presentation.title, numbering, &fields).filter(|_| style.header);
        Raw { fields, title, utf8: style.utf8, mark: "", groups: false, group: None }
    }

    /// The chosen fields with `+->` before each row; with LIST under a heading for each session type of a machine,
    /// unless rows are sorted.
    ///
    /// ```text
    ///
    /// XEN sessions of lab00.soho:
    /// +->tst100;/home/acue/xen/tst100/tst100.conf
    /// ```
    pub(crate) fn listing(presentation: &Presentation, style: Style) -> Raw {
        let fields = match presentation.fields.is_empty() {
            true => BTreeSet::from(LISTED),
            false => presentation.fields.clone(),
        };
        let bare = Raw::bare(&Presentation { fields, ..presentation.clone() }, style);
        let headings = style.header && !presentation.terse && presentation.sort.is_none();
        Raw { mark: "+->", groups: headings && presentation.numbering == Numbering::List, ..bare }
    }

    fn cell(&self, value: &Value) -> String {
        raw_cell(value, self.utf8)
    }
}

/// One field of a plain record.
pub(crate) fn raw_cell(value: &Value, utf8: bool) -> String {
    let text = match value {
        Value::Missing(_) => return String::new(),
        Value::Text(text) => escape(text.as_bytes()),
        other => escape(other.to_string().as_bytes()),
    };
    let text = if text.contains(';') { text.replace(';', "\\x3b") } else { text };
    if utf8 || text.is_ascii() { text } else { ascii(&text) }
}

impl Layout for Raw {
    fn row(&self, record: &Record) -> Row {
        let cells = self.fields.iter().map(|&field| self.cell(record.get(field))).collect();
        let group = if self.groups {
            let name = |field| Some(self.cell(record.get(field))).filter(|name| !name.is_empty());
            let host =
                name(Known::Pm).or_else(|| name(Known::Target)).unwrap_or_else(|| "an unknown machine".to_string());
            format!("{} sessions of {host}:", name(Known::SessionType).unwrap_or_else(|| "Other".to_string()))
        } else {
            String::new()
        };
        Row { cells, group, ..Row::default() }
    }

    fn head(&self) -> String {
        self.title.as_ref().map(|title| format!("{title}\n")).unwrap_or_default()
    }

    fn rows(&mut self, rows: &[Row]) -> String {
        let mut text = String::new();
        for row in rows {
            if self.groups && self.group.as_ref() != Some(&row.group) {
                text.push_str(&format!("\n{}\n", row.group));
                self.group = Some(row.group.clone());
            }
            text.push_str(self.mark);
            for (n, cell) in row.cells.iter().enumerate() {
                if n > 0 {
                    text.push(';');
                }
                text.push_str(cell);
            }
            text.push('\n');
        }
        text
    }
}
