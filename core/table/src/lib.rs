//! Records to tables (ctys.md section 4).
//!
//! Never reads a file, never resolves a name, never prints: it returns text.
//!
//! Read in this order: [`presentation`] (what is wanted), [`mod@column`] (how it is written in a call), [`printer`] (records
//! in, text out). One file per family of formats stands behind the printer, each behind the trait of `layout.rs`, which
//! also has the one list of them: `grid.rs` (tables), `raw.rs` (plain records), `blocks.rs` (SPEC, REC, XML),
//! `delimited.rs` (csv, tsv), `document.rs` and `node.rs` (json, jsonl, yaml). [`macros`] reads macro files.

pub mod column;
pub mod macros;
pub mod presentation;
pub mod printer;

mod blocks;
mod cell;
mod delimited;
mod document;
mod grid;
mod layout;
mod node;
mod numbering;
mod raw;

pub use column::{SpecError, parse_widths};
pub use document::{SCHEMA, SCHEMA_TEXT, rfc3339};
pub use macros::{Book, MacroError};
pub use presentation::{AddressForm, Column, Cut, Format, Numbering, Presentation, Sort, Title};
pub use printer::{Printer, Style};
