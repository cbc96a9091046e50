//! What every format must be able to do, and which format is which.

use crate::blocks::Blocks;
use crate::delimited::Delimited;
use crate::document::Document;
use crate::grid::Grid;
use crate::presentation::{Format, Presentation};
use crate::printer::Style;
use crate::raw::Raw;
use ctys_model::{Problem, Record};

/// One record, prepared: what it shows, cell by cell, and what else its format keeps of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// The shown text of every column, escaped, not cut.
    pub cells: Vec<String>,
    /// The finished text, for the formats that are not made of cells.
    pub text: String,
    /// What it is listed under, for the listing.
    pub group: String,
    /// The number of its block, while it is held back.
    pub block: usize,
}

/// One format.
pub(crate) trait Layout {
    /// Prepares a record.
    fn row(&self, record: &Record) -> Row;

    /// True when nothing can be printed before every row is known.
    fn needs_all(&self) -> bool {
        false
    }

    /// Takes the measures of the rows that were held back, before they are sorted and printed.
    fn measure(&mut self, _rows: &[Row]) {}

    /// What a row is sorted by: its text from this column (counted from 0) to the end of its line.
    fn key(&self, row: &Row, from: usize) -> String {
        row.cells.get(from..).unwrap_or_default().join(";")
    }

    /// What comes before the first row.
    fn head(&self) -> String {
        String::new()
    }

    /// Rows in their final order.
    fn rows(&mut self, rows: &[Row]) -> String;

    /// A problem, in its place between the rows.
    fn problem(&mut self, _problem: &Problem) -> String {
        String::new()
    }

    /// What comes after the last row.
    fn foot(&mut self) -> String {
        String::new()
    }
}

/// The layout of a format: the one place where formats are listed.
pub(crate) fn layout(presentation: &Presentation, style: Style) -> Box<dyn Layout + Send> {
    match &presentation.format {
        Format::TabTcp(widths) => Box::new(Grid::tab_tcp(presentation, style, widths)),
        Format::TabTcp9(widths) => Box::new(Grid::tab_tcp9(presentation, style, widths)),
        Format::TabGen(columns) => Box::new(Grid::tab_gen(presentation, style, columns)),
        Format::Spec(columns) => Box::new(Blocks::spec(presentation, style, columns)),
        Format::Rec(columns) => Box::new(Blocks::rec(presentation, style, columns)),
        Format::Xml(columns) => Box::new(Blocks::xml(presentation, style, columns)),
        Format::Raw => Box::new(Raw::bare(presentation, style)),
        Format::Listing => Box::new(Raw::listing(presentation, style)),
        Format::Csv => Box::new(Delimited::csv(presentation, style)),
        Format::Tsv => Box::new(Delimited::tsv(presentation, style)),
        Format::Json => Box::new(Document::json(presentation)),
        Format::Yaml => Box::new(Document::yaml(presentation)),
        Format::Jsonl => Box::new(Document::jsonl(presentation)),
    }
}
