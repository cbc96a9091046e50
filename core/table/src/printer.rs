//! The printer: records in, host by host; text out, as early as the format allows.

use crate::layout::{Layout, Row, layout};
use crate::presentation::{Presentation, Sort};
use ctys_model::{Problem, Record};
use std::collections::BTreeSet;
use std::fmt;

/// What the place the text goes to can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The width of the terminal in characters; none when the text goes elsewhere. Only the table that shrinks to its
    /// content (TAB_TCP without widths) obeys it; widths that somebody asked for are kept.
    pub width: Option<usize>,
    /// Whether colour sequences may be used.
    pub color: bool,
    /// Whether characters beyond ASCII can be shown; the formats for machines are UTF-8 all the same.
    pub utf8: bool,
    /// Whether there are headings; a call whose action stands only in its contexts has none (ctys.md 1.4).
    pub header: bool,
}

impl Default for Style {
    /// A pipe: no width, no colour, UTF-8, with headings.
    fn default() -> Self {
        Style { width: None, color: false, utf8: true, header: true }
    }
}

/// Turns the records of one call into text.
///
/// One header for the whole call, also when no rows come. Each call of [`Printer::block`] hands in the rows of one
/// target and returns what can be printed at once; [`Printer::finish`] returns the rest. What needs all rows is held
/// back until then: TAB_TCP without widths, json, yaml, and every format that is sorted as a whole.
///
/// ```
/// use ctys_model::Record;
/// use ctys_table::{Column, Format, Numbering, Presentation, Printer, Style};
///
/// let columns = Column::parse_list("3_Label_6%%2_stype_5", Numbering::List).unwrap();
/// let mut printer = Printer::new(Presentation::new(Numbering::List, Format::TabGen(columns)), Style::default());
/// let mut text = printer.block(&[Record::new("XEN").with(ctys_model::field::Known::Label, "tst100")]);
/// text.push_str(&printer.finish());
/// assert_eq!(text, "Label |stype\n------+-----\ntst100|XEN  \n");
/// ```
pub struct Printer {
    layout: Box<dyn Layout + Send>,
    sort: Option<Sort>,
    held: Vec<Row>,
    started: bool,
}

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printer").field("sort", &self.sort).field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl Printer {
    /// A printer for one call.
    pub fn new(presentation: Presentation, style: Style) -> Printer {
        let layout = layout(&presentation, style);
        Printer { layout, sort: presentation.sort, held: Vec::new(), started: false }
    }

    /// The rows of one target, in their order; returns what can be printed at once.
    pub fn block(&mut self, records: &[Record]) -> String {
        let mut rows: Vec<Row> = records.iter().map(|record| self.layout.row(record)).collect();
        if !self.layout.needs_all() && !self.sorts_whole() {
            if let Some(sort) = self.sort {
                rows = sorted(rows, sort, self.layout.as_ref());
            }
            return self.print(&rows);
        }
        // Sorting waits too: what a row shows, and so its key, is not known before the table is measured.
        let block = self.held.last().map_or(0, |row| row.block + 1);
        self.held.extend(rows.into_iter().map(|row| Row { block, ..row }));
        String::new()
    }

    /// A problem. Only json, jsonl and yaml show it; the returned text is empty with all others.
    pub fn problem(&mut self, problem: &Problem) -> String {
        self.layout.problem(problem)
    }

    /// Everything that was held back, and what closes the format.
    pub fn finish(mut self) -> String {
        let mut rows = std::mem::take(&mut self.held);
        self.layout.measure(&rows);
        match self.sort {
            Some(sort) if sort.each => {
                let blocks = rows.chunk_by(|a, b| a.block == b.block);
                rows = blocks.flat_map(|block| sorted(block.to_vec(), sort, self.layout.as_ref())).collect();
            }
            Some(sort) => rows = sorted(rows, sort, self.layout.as_ref()),
            None => {}
        }
        let mut text = self.print(&rows);
        text.push_str(&self.layout.foot());
        text
    }

    fn sorts_whole(&self) -> bool {
        self.sort.is_some_and(|sort| !sort.each)
    }

    fn print(&mut self, rows: &[Row]) -> String {
        let mut text = String::new();
        if !std::mem::replace(&mut self.started, true) {
            text.push_str(&self.layout.head());
        }
        text.push_str(&self.layout.rows(rows));
        text
    }
}

/// Sorts by plain text, stable, numbers not as numbers; with `unique` the first of equal rows stays, or with a column
/// the first of equal keys (ctys.md 4.7).
fn sorted(rows: Vec<Row>, sort: Sort, layout: &dyn Layout) -> Vec<Row> {
    let from = sort.column.map_or(0, |column| usize::from(column.saturating_sub(1)));
    let mut keyed: Vec<(String, Row)> = rows.into_iter().map(|row| (layout.key(&row, from), row)).collect();
    if sort.reverse {
        keyed.sort_by(|(a, _), (b, _)| b.cmp(a));
    } else {
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    if sort.unique {
        let mut seen = BTreeSet::new();
        // Without a column two rows are equal when all they print is equal, also what is not a cell of its own.
        keyed.retain(|(key, row)| {
            let rest = if sort.column.is_none() { row.text.clone() } else { String::new() };
            seen.insert((key.clone(), rest))
        });
    }
    keyed.into_iter().map(|(_, row)| row).collect()
}

impl Presentation {
    /// How many columns a row of this format has: the highest `n` that `SORT:<n>` can mean.
    pub fn shown_columns(&self) -> usize {
        layout(self, Style::default()).row(&Record::default()).cells.len()
    }
}
