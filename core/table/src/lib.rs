//! Records to tables (ctys.md section 4).
//!
//! Never reads a file, never resolves a name, never prints: it returns text.

pub mod column;
pub mod macros;
mod numbering;
pub mod presentation;

mod blocks;
mod cell;
mod delimited;
mod document;
mod grid;
mod layout;
mod node;
pub mod printer;
mod raw;

pub use column::{SpecError, parse_widths};
pub use document::SCHEMA;
pub use macros::{Book, MacroError};
pub use presentation::{AddressForm, Column, Cut, Format, Numbering, Presentation, Sort, Title};
pub use printer::{Printer, Style};
