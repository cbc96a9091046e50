//! One block of lines per record: SPEC, REC and XML (ctys.md 4.5, ctys-original.md 4.5).
//!
//! Names are those of TITLE, whatever titles the columns have: so a block means the same whoever wrote the columns.
//! Records are numbered from 1 through the whole call, in the order they are printed.

use crate::cell::{cut, eyes};
use crate::layout::{Layout, Row};
use crate::presentation::{Column, Cut, Presentation};
use crate::printer::Style;
use ctys_model::Record;

/// A format of blocks.
pub(crate) struct Blocks {
    kind: Kind,
    columns: Vec<BlockColumn>,
    utf8: bool,
    /// Whether the XML records stand in one root element.
    root: bool,
    printed: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Spec,
    Rec,
    Xml,
}

struct BlockColumn {
    name: &'static str,
    index: u8,
    field: Option<ctys_model::field::Known>,
    /// None: as long as it is.
    width: Option<usize>,
    cut: Cut,
}

impl Blocks {
    /// One numbered line per field:
    ///
    /// ```text
    /// record(1):={
    ///    001:   3:                     Label: tst100
    /// }
    /// ```
    pub(crate) fn spec(presentation: &Presentation, style: Style, columns: &[Column]) -> Blocks {
        Blocks::new(Kind::Spec, presentation, style, columns)
    }

    /// One triple per field:
    ///
    /// ```text
    /// record(1):={
    ///     {ContainingMachine,1,lab00.soho},
    ///     {Label,3,tst100}
    /// }
    /// ```
    pub(crate) fn rec(presentation: &Presentation, style: Style, columns: &[Column]) -> Blocks {
        Blocks::new(Kind::Rec, presentation, style, columns)
    }

    /// One element per field. Unlike the original's this is well-formed: attributes are quoted, what a name of XML
    /// cannot hold is `_` (`C_S-Type`), text is escaped, and all records stand in one root element. Without headings
    /// (TERSE, or an action that stands only in contexts) the root is left out, for putting the records elsewhere.
    ///
    /// ```text
    /// <records>
    ///
    /// <record index='1'>
    ///    <Label index='3'>tst100</Label>
    /// </record>
    /// </records>
    /// ```
    pub(crate) fn xml(presentation: &Presentation, style: Style, columns: &[Column]) -> Blocks {
        let root = style.header && !presentation.terse;
        Blocks { root, ..Blocks::new(Kind::Xml, presentation, style, columns) }
    }

    fn new(kind: Kind, presentation: &Presentation, style: Style, columns: &[Column]) -> Blocks {
        let numbering = presentation.numbering;
        let all: Vec<Column>;
        let columns = if columns.is_empty() {
            // Where fields were chosen the others were not asked for: they would look as if the host had none.
            let chosen = |index: &u8| {
                let field = numbering.field(*index);
                presentation.fields.is_empty() || field.is_some_and(|field| presentation.fields.contains(&field))
            };
            all = (1..=numbering.last())
                .filter(chosen)
                .map(|index| Column { index, title: index.to_string(), width: 0, cut: Cut::Right })
                .collect();
            &all
        } else {
            columns
        };
        let columns = columns
            .iter()
            .map(|column| {
                let field = numbering.field(column.index);
                BlockColumn {
                    name: field.map_or("unknown", |field| numbering.title(field)),
                    index: column.index,
                    field,
                    width: (column.width > 0).then_some(usize::from(column.width)),
                    cut: column.cut,
                }
            })
            .collect();
        Blocks { kind, columns, utf8: style.utf8, root: false, printed: 0 }
    }

    fn block(&self, number: usize, cells: &[String]) -> String {
        let fields = self.columns.iter().zip(cells);
        match self.kind {
            Kind::Spec => {
                let lines: String = fields
                    .enumerate()
                    .map(|(at, (BlockColumn { name, index, .. }, value))| {
                        format!("   {:03}:{index:>4}:{name:>26}: {value}\n", at + 1)
                    })
                    .collect();
                format!("record({number}):={{\n{lines}}}\n")
            }
            Kind::Rec => {
                let lines: Vec<String> = fields
                    .map(|(BlockColumn { name, index, .. }, value)| format!("    {{{name},{index},{value}}}"))
                    .collect();
                format!("record({number}):={{\n{}\n}}\n", lines.join(",\n"))
            }
            Kind::Xml => {
                let lines: String = fields
                    .map(|(BlockColumn { name, index, .. }, value)| {
                        let (name, value) = (xml_name(name), xml_text(value));
                        format!("   <{name} index='{index}'>{value}</{name}>\n")
                    })
                    .collect();
                format!("\n<record index='{number}'>\n{lines}</record>\n")
            }
        }
    }
}

impl Layout for Blocks {
    fn row(&self, record: &Record) -> Row {
        let cells = self.columns.iter().map(|column| {
            let text = column.field.map(|field| eyes(record.get(field), self.utf8)).unwrap_or_default();
            match column.width {
                Some(width) => cut(&text, width, column.cut),
                None => text,
            }
        });
        Row { cells: cells.collect(), ..Row::default() }
    }

    fn head(&self) -> String {
        if self.root { "<records>\n".to_string() } else { String::new() }
    }

    fn rows(&mut self, rows: &[Row]) -> String {
        let first = self.printed + 1;
        self.printed += rows.len();
        rows.iter().zip(first..).map(|(row, number)| self.block(number, &row.cells)).collect()
    }

    fn foot(&mut self) -> String {
        if self.root { "</records>\n".to_string() } else { String::new() }
    }
}

/// The name with `_` for everything that a name of XML cannot hold.
fn xml_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' }).collect()
}

/// Text of an element. The two characters that XML does not allow in any form, beyond the control characters that are
/// escaped already, become the replacement character.
fn xml_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
