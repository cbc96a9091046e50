//! The printer.

use crate::presentation::Presentation;
use ctys_model::{Problem, Record};

/// What the place the text goes to can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The width of the terminal in characters; none when the text goes elsewhere.
    pub width: Option<usize>,
    /// Whether colour sequences may be used.
    pub color: bool,
    /// Whether characters beyond ASCII can be shown.
    pub utf8: bool,
    /// Whether headings are printed.
    pub header: bool,
}

impl Default for Style {
    /// A pipe: no width, no colour, UTF-8, with headings.
    fn default() -> Self {
        Style { width: None, color: false, utf8: true, header: true }
    }
}

/// Turns records into text, host by host.
pub struct Printer {
    presentation: Presentation,
    style: Style,
}

impl Printer {
    /// A printer for one call.
    pub fn new(presentation: Presentation, style: Style) -> Printer {
        Printer { presentation, style }
    }

    /// The rows of one target, as they come; returns what can be printed at once.
    pub fn block(&mut self, _records: &[Record]) -> String {
        String::new()
    }

    /// A problem; only json, jsonl and yaml show it.
    pub fn problem(&mut self, _problem: &Problem) -> String {
        String::new()
    }

    /// The rest.
    pub fn finish(self) -> String {
        let _ = (self.presentation, self.style);
        String::new()
    }
}
