//! Tables with columns side by side: TAB_TCP, TAB_TCP9, TAB_GEN (ctys.md 4.4, 4.5).
//!
//! ```text
//! TCP-container|TCP-guest  |label   |sesstype|c|user|group
//! -------------+-----------+--------+--------+-+----+---------
//! ws2.soho     |ws2.soho.  |ws2     |PM      |S|-   |-
//! ```
//!
//! Every line has the same width: the last column is padded too, and the rule is as long as the column is wide.
//! `comfy-table` does not lay these out: it has no rule for keeping the end of a value, pads and breaks by its own
//! rules, and needs all rows before it prints the first.

use crate::cell::{broken, cut, eyes, eyes_text, pad, padded, width};
use crate::layout::{Layout, Row};
use crate::numbering::lettered;
use crate::presentation::{Column, Cut, Numbering, Presentation, Title};
use crate::printer::Style;
use crate::raw::raw_cell;
use ctys_model::Record;
use ctys_model::field::Known;
use std::borrow::Cow;

/// How many lines the value of one cell may take in a column that breaks.
const MOST_LINES: usize = 50;

/// A table.
pub(crate) struct Grid {
    columns: Vec<GridColumn>,
    numbering: Numbering,
    /// What stands in a cell without a value.
    empty: &'static str,
    /// Whether the widths follow the content, up to those of the columns.
    shrinks: bool,
    /// Whether title and rule are printed.
    heading: bool,
    joined: bool,
    /// What stands between title and rule.
    title: Title,
    style: Style,
}

struct GridColumn {
    title: String,
    source: Source,
    width: usize,
    cut: Cut,
    right_aligned: bool,
}

/// Where the value of a column comes from.
enum Source {
    /// A field; none for a number that has no field, whose cells stay empty.
    Field(Option<Known>),
    /// The address of the session: the first of these fields that has a value.
    Guest(Vec<Known>),
    /// `S`, `C`, `T`, or `?`.
    Side,
}

impl Grid {
    /// `TAB_TCP`: the seven columns of the manual's XEN page.
    pub(crate) fn tab_tcp(presentation: &Presentation, style: Style, widths: &[Option<u16>]) -> Grid {
        let columns = vec![
            column("TCP-container", Known::Pm, 18),
            GridColumn { source: guest(presentation), ..column("TCP-guest", Known::Tcp, 17) },
            label_or_id(presentation, 20),
            column("sesstype", Known::SessionType, 8),
            GridColumn { source: Source::Side, right_aligned: true, ..column("c", Known::Side, 1) },
            column("user", Known::User, 10),
            column("group", Known::Group, 10),
        ];
        Grid { shrinks: widths.is_empty(), ..Grid::with_widths(presentation, style, columns, widths) }
    }

    /// `TAB_TCP9`: the nine columns of release 01.11, with that release's widths unless others are given.
    pub(crate) fn tab_tcp9(presentation: &Presentation, style: Style, widths: &[Option<u16>]) -> Grid {
        let columns = vec![
            column("TCP-container", Known::Pm, 18),
            GridColumn { source: guest(presentation), ..column("TCP-guest", Known::Tcp, 17) },
            column("IF", Known::Interface, 8),
            label_or_id(presentation, 17),
            column("stype", Known::SessionType, 9),
            column("accel", Known::Accelerator, 5),
            GridColumn { source: Source::Side, right_aligned: true, ..column("c", Known::Side, 1) },
            column("user", Known::User, 10),
            column("group", Known::Group, 10),
        ];
        Grid::with_widths(presentation, style, columns, widths)
    }

    /// `TAB_GEN`: free columns; a field may stand in several of them and is printed in each.
    pub(crate) fn tab_gen(presentation: &Presentation, style: Style, columns: &[Column]) -> Grid {
        let columns = columns
            .iter()
            .map(|wanted| GridColumn {
                title: eyes_text(&wanted.title, style.utf8),
                source: Source::Field(presentation.numbering.field(wanted.index)),
                width: wanted.table_width(),
                cut: wanted.cut,
                right_aligned: false,
            })
            .collect();
        Grid { empty: "", ..Grid::with_widths(presentation, style, columns, &[]) }
    }

    fn with_widths(
        presentation: &Presentation,
        style: Style,
        mut columns: Vec<GridColumn>,
        widths: &[Option<u16>],
    ) -> Grid {
        for (column, width) in columns.iter_mut().zip(widths) {
            column.width = width.filter(|&width| width > 0).map_or(column.width, usize::from);
        }
        Grid {
            columns,
            numbering: presentation.numbering,
            empty: "-",
            shrinks: false,
            heading: style.header && !presentation.terse && !presentation.joined,
            joined: presentation.joined,
            title: presentation.title,
            style,
        }
    }

    /// `<position>(<number of the field>)` per column, for TITLEIDX and TITLEIDXASC.
    fn index_cells(&self) -> Option<Vec<String>> {
        if !matches!(self.title, Title::Index | Title::IndexAscii) {
            return None;
        }
        let cells = self.columns.iter().enumerate().map(|(at, column)| {
            let index = match &column.source {
                Source::Field(field) => field.and_then(|field| self.numbering.index(field)),
                Source::Guest(_) => self.numbering.index(Known::Tcp),
                Source::Side => self.numbering.index(Known::Side),
            };
            match (index, self.title) {
                (Some(index), Title::IndexAscii) => format!("{}({})", at + 1, lettered(self.numbering, index)),
                (Some(index), _) => format!("{}({index})", at + 1),
                (None, _) => (at + 1).to_string(),
            }
        });
        Some(cells.collect())
    }

    /// One line of cells, each cut at the right and padded.
    fn line(&self, cells: impl Iterator<Item = String>) -> String {
        let cells: Vec<String> = cells
            .zip(&self.columns)
            .map(|(cell, column)| padded(&cut(&cell, column.width, Cut::Right), column.width, column.right_aligned))
            .collect();
        cells.join("|")
    }

    /// What a column shows of a value on its first line: all of it in a column that breaks.
    fn shown<'a>(&self, at: usize, cell: &'a str) -> Cow<'a, str> {
        let cell = if cell.is_empty() { self.empty } else { cell };
        match self.columns[at].cut {
            Cut::Break => Cow::Borrowed(cell),
            _ if width(cell) <= self.columns[at].width => Cow::Borrowed(cell),
            how => Cow::Owned(cut(cell, self.columns[at].width, how)),
        }
    }

    /// Takes width from the widest column, one place after the other, until the table fits or only titles are left.
    fn narrow(&mut self, to: usize) {
        loop {
            let total: usize = self.columns.iter().map(|column| column.width + 1).sum::<usize>() - 1;
            let widest = self
                .columns
                .iter_mut()
                .filter(|column| column.width > width(&column.title))
                .max_by_key(|column| column.width);
            match widest {
                Some(column) if total > to => column.width -= 1,
                _ => return,
            }
        }
    }
}

impl Layout for Grid {
    fn row(&self, record: &Record) -> Row {
        let eyes = if self.joined { raw_cell } else { eyes };
        let cell = |column: &GridColumn| match &column.source {
            Source::Field(Some(field)) => eyes(record.get(*field), self.style.utf8),
            Source::Field(None) => String::new(),
            Source::Guest(fields) => fields
                .iter()
                .find_map(|&field| record.get(field).present())
                .map(|value| eyes(value, self.style.utf8))
                .unwrap_or_default(),
            Source::Side => side(record).to_string(),
        };
        Row { cells: self.columns.iter().map(cell).collect(), ..Row::default() }
    }

    fn needs_all(&self) -> bool {
        self.shrinks
    }

    fn measure(&mut self, rows: &[Row]) {
        if !self.shrinks {
            return;
        }
        let indices = self.index_cells().unwrap_or_default();
        for (at, column) in self.columns.iter_mut().enumerate() {
            let content = rows.iter().map(|row| width(&row.cells[at])).max().unwrap_or(0);
            let head = width(&column.title).max(indices.get(at).map_or(0, |index| width(index)));
            column.width = content.max(head).min(column.width.max(head));
        }
        if let Some(terminal) = self.style.width {
            self.narrow(terminal);
        }
    }

    fn key(&self, row: &Row, from: usize) -> String {
        let cells: Vec<String> = (from..self.columns.len())
            .map(|at| {
                let column = &self.columns[at];
                padded(&self.shown(at, &row.cells[at]), column.width, column.right_aligned)
            })
            .collect();
        cells.join("|")
    }

    fn head(&self) -> String {
        if !self.heading {
            return String::new();
        }
        let titles = self.line(self.columns.iter().map(|column| column.title.clone()));
        let rule: Vec<String> = self.columns.iter().map(|column| "-".repeat(column.width)).collect();
        let lines = [Some(titles), self.index_cells().map(|cells| self.line(cells.into_iter())), Some(rule.join("+"))];
        let bold = |line: String| if self.style.color { format!("\x1b[1m{line}\x1b[0m\n") } else { line + "\n" };
        lines.into_iter().flatten().map(bold).collect()
    }

    fn rows(&mut self, rows: &[Row]) -> String {
        if self.joined {
            return rows.iter().map(|row| row.cells.join(";") + "\n").collect();
        }
        let mut text = String::new();
        let breaks = self.columns.iter().any(|column| column.cut == Cut::Break);
        for row in rows {
            if !breaks {
                for (at, column) in self.columns.iter().enumerate() {
                    if at > 0 {
                        text.push('|');
                    }
                    pad(&mut text, &self.shown(at, &row.cells[at]), column.width, column.right_aligned);
                }
                text.push('\n');
                continue;
            }
            let cells: Vec<Vec<String>> = (0..self.columns.len())
                .map(|at| {
                    let shown = self.shown(at, &row.cells[at]);
                    match self.columns[at].cut {
                        Cut::Break => broken(&shown, self.columns[at].width, MOST_LINES),
                        Cut::Left | Cut::Right => vec![shown.into_owned()],
                    }
                })
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            for line in 0..height {
                text.push_str(&self.line(cells.iter().map(|cell| cell.get(line).cloned().unwrap_or_default())));
                text.push('\n');
            }
        }
        text
    }
}

fn column(title: &str, field: Known, width: usize) -> GridColumn {
    GridColumn {
        title: title.to_string(),
        source: Source::Field(Some(field)),
        width,
        cut: Cut::Right,
        right_aligned: false,
    }
}

/// The label, or the end of the id where that was asked for: the end of a path tells more than its start.
fn label_or_id(presentation: &Presentation, width: usize) -> GridColumn {
    if presentation.fields.contains(&Known::Id) {
        GridColumn { cut: Cut::Left, ..column("id", Known::Id, width) }
    } else {
        column("label", Known::Label, width)
    }
}

/// What TCP-guest may show. Nothing unless an address was asked for, by its form or by its field; a hardware address
/// only where no other is known (ctys-original.md 4.3 and 9.55).
fn guest(presentation: &Presentation) -> Source {
    let asked = |field| presentation.fields.contains(&field);
    let mut fields = Vec::new();
    if presentation.address.is_some() || asked(Known::Tcp) {
        fields.push(Known::Tcp);
    }
    if presentation.address.is_some() || asked(Known::Tcp) || asked(Known::Mac) {
        fields.push(Known::Mac);
    }
    Source::Guest(fields)
}

fn side(record: &Record) -> char {
    match record.get(Known::Side).as_text() {
        Some("SERVER") => 'S',
        Some("CLIENT") => 'C',
        Some("TUNNEL") => 'T',
        _ => '?',
    }
}
