#![no_main]
//! A transcript from somebody else: it is refused with the line, or answers, and what it answers can be written down
//! and read again.

use ctys_engine::replay::{Recorder, Transcript};
use ctys_engine::script::Item;
use ctys_engine::session::Conversation;
use ctys_fuzz::{bounded, harmless};
use ctys_model::Command;
use std::sync::{Arc, Mutex};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match bounded(|| Transcript::parse(&text)) {
        Err(why) => assert!(why.starts_with("line "), "{why}"),
        Ok(transcript) => match Arc::new(transcript).conversation("lab00") {
            Err(problem) => harmless(&problem.message, &[]),
            Ok(replay) => {
                let items =
                    [Item::Run(vec![Command::new("xl").arg("list")]), Item::File { path: "/a".into(), limit: 9 }];
                let log: Arc<Mutex<Vec<u8>>> = Arc::default();
                let mut recorder = Recorder::new(Box::new(replay), "lab00", log.clone());
                let first = recorder.round(&items, None);
                let host = recorder.host().cloned();
                let written = String::from_utf8(log.lock().expect("a log").clone()).expect("text");
                let again = Transcript::parse(&written).expect("what was recorded is a transcript");
                match Arc::new(again).conversation("lab00") {
                    Ok(mut again) => {
                        assert_eq!(again.round(&items, None).0, first.0, "{written}");
                        assert_eq!(again.host().cloned(), host, "{written}");
                    }
                    Err(problem) => assert!(host.is_none(), "{problem:?}"),
                }
            }
        },
    }
});
