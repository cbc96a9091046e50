#![no_main]
//! Columns and widths, as they stand behind TAB_GEN and TAB_TCP.

use ctys_fuzz::{bounded, sentence};
use ctys_table::{Column, Numbering, parse_widths};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for numbering in [Numbering::List, Numbering::Enumerate] {
        match bounded(|| Column::parse_list(&text, numbering)) {
            Ok(columns) => assert!(!columns.is_empty(), "no column"),
            Err(errors) => {
                assert!(!errors.is_empty(), "refused without a reason");
                errors.iter().for_each(|error| sentence(&error.message));
            }
        }
    }
    match parse_widths(&text, 7) {
        Ok(widths) => assert!(widths.len() <= 7, "{} widths", widths.len()),
        Err(errors) => errors.iter().for_each(|error| sentence(&error.message)),
    }
});
