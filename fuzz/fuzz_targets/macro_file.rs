#![no_main]
//! A macro file. Every macro of it is written into a call.

use ctys_fuzz::line::{Texts, call};
use ctys_fuzz::{bounded, grown, harmless, numbered, sentence};
use ctys_table::Book;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([times], rest) = numbered(data);
    let whole = String::from_utf8_lossy(&grown(rest, times % 2000)).into_owned();
    match bounded(|| Book::parse("default", &whole)) {
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            for error in errors.iter().take(20) {
                assert!(error.line > 0 && error.line <= whole.lines().count(), "line {}", error.line);
                sentence(&error.message);
                error.hints.iter().for_each(|hint| sentence(hint));
            }
        }
        Ok(book) => {
            for name in book.names().take(2) {
                harmless(name, &[]);
                let words = ["-a".into(), format!("list=macro:{name}").into(), format!("macro:{name}").into_bytes()];
                call(&words, &Texts { macros: Some(whole.clone()), group: None });
            }
        }
    }
});
