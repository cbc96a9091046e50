#![no_main]
//! What the program that speaks with UNIX sockets prints, as a host may forge it.

use ctys_engine::talk;
use ctys_fuzz::{bounded, grown, harmless, numbered};
use ctys_model::{Answer, Bytes, Ending, Exit, Output};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([times], rest) = numbered(data);
    let whole = grown(rest, times);
    let length = whole.len();
    let output = Output { stdout: Bytes(whole), ..Output::ended(Exit::Code(0)) };
    match bounded(|| talk::read(output)) {
        Answer::Talked(heard) => {
            let kept: usize = heard.iter().map(|heard| heard.socket.0.len() + heard.text.0.len()).sum();
            assert!(kept <= length, "more was heard than was said");
            for heard in &heard {
                if let Ending::Refused(why) = &heard.end {
                    harmless(why, &[]);
                }
            }
        }
        Answer::Failed(why) => harmless(&why, &[]),
        other => panic!("no answer to a dialogue: {other:?}"),
    }
});
