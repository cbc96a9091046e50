//! How rows are shown: what the suboptions of LIST and ENUMERATE say about the output (ctys.md 2.3, 2.4, 4).

use ctys_model::field::Known;
use std::collections::BTreeSet;

/// Everything about the look of one answer. The command line makes it, [`crate::Printer`] obeys it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentation {
    /// Which numbering the columns use.
    pub numbering: Numbering,
    /// The format.
    pub format: Format,
    /// The title line asked for besides the table's own.
    pub title: Title,
    /// `TERSE`: bare rows, no headings.
    pub terse: bool,
    /// `-X`: the cells of a table whole and joined by `;`, as those of plain records are.
    pub joined: bool,
    /// `DNS` or `IP`: whether addresses are shown as names or as numbers. None: as they are.
    pub address: Option<AddressForm>,
    /// The fields named by content keys, for the plain format; empty with formats that bring their own columns.
    pub fields: BTreeSet<Known>,
    /// `SORT`.
    pub sort: Option<Sort>,
    /// `PKG`: session types, upper case; empty means all.
    pub packages: Vec<String>,
}

impl Presentation {
    /// This format with nothing else asked for.
    pub fn new(numbering: Numbering, format: Format) -> Presentation {
        Presentation {
            numbering,
            format,
            title: Title::None,
            terse: false,
            joined: false,
            address: None,
            fields: BTreeSet::new(),
            sort: None,
            packages: Vec::new(),
        }
    }
}

/// Which record the numbers of columns belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// LIST, 22 fields.
    List,
    /// ENUMERATE and vhost, 47 fields.
    Enumerate,
}

/// The format of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// `TAB_TCP[:w%w…]`: the seven columns of the seed. Without widths it shrinks to its content up to the defaults.
    TabTcp(Vec<Option<u16>>),
    /// `TAB_TCP9[:w%w…]`: the nine columns of release 01.11.
    TabTcp9(Vec<Option<u16>>),
    /// `TAB_GEN|TAB:<columns>`.
    TabGen(Vec<Column>),
    /// `SPEC_GEN|SPEC[:<columns>]`; no column means all fields.
    Spec(Vec<Column>),
    /// `REC_GEN|REC[:<columns>]`.
    Rec(Vec<Column>),
    /// `XML_GEN|XML[:<columns>]`.
    Xml(Vec<Column>),
    /// Fields joined by `;` in canonical order: the chosen ones, or for MACHINE all of them.
    Raw,
    /// The plain list of content keys without TERSE: headings and `+->` before each row.
    Listing,
    /// One JSON document with records and problems.
    Json,
    /// One JSON object per line, rows and problems as they come.
    Jsonl,
    /// Comma separated, RFC 4180, with a header line.
    Csv,
    /// Tab separated, with a header line.
    Tsv,
    /// One YAML document.
    Yaml,
}

/// One column of a free table: `<index>_<title>_<width>[_<cut>]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The number of the field, in the numbering of the action.
    pub index: u8,
    /// The title; the index when none is given.
    pub title: String,
    /// The width in characters; 0 in SPEC, REC and XML means unlimited.
    pub width: u16,
    /// What happens to longer values.
    pub cut: Cut,
}

/// What happens to a value that is longer than its column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// The left part stays.
    #[default]
    Right,
    /// The right part stays (`L`).
    Left,
    /// It goes on in the next line of the same column (`B`).
    Break,
}

/// The title line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Title {
    /// None.
    #[default]
    None,
    /// `TITLE`: names.
    Names,
    /// `TITLEIDX`: names with numbers.
    Index,
    /// `TITLEIDXASC`: names with letters and numbers.
    IndexAscii,
}

/// How addresses are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressForm {
    /// As names.
    Dns,
    /// As numbers.
    Ip,
}

/// `SORT[:[ALL|EACH][%UNIQUE][%REVERSE][%<n>]]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// `EACH`: every target by itself, in the order of the call. Default: the whole answer at once.
    pub each: bool,
    /// `UNIQUE`: equal rows (or keys) once.
    pub unique: bool,
    /// `REVERSE`.
    pub reverse: bool,
    /// The displayed column, from 1; the key runs from it to the end of the row. None: the whole row.
    pub column: Option<u16>,
}
