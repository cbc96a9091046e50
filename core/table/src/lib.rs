//! Records to tables (ctys.md section 4).
//!
//! Never reads a file, never resolves a name, never prints: it returns text.

pub mod presentation;
pub use presentation::{AddressForm, Column, Cut, Format, Numbering, Presentation, Sort, Title};
