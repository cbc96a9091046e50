#![no_main]
//! What comes over a cube's socket, in pieces of a size that the input chooses: frames are whole and the same however the stream was
//! cut, what is written is read again, and a request is words that a program can be given.

use ctys_engine::cube::channel::frames::{Arriving, Frame, LARGEST, NoFrame, is_kind};
use ctys_fuzz::{bounded, grown, numbered};

/// The frames of a stream that arrives in pieces of this size, and whether it turned out to be none.
fn frames(stream: &[u8], size: usize) -> (Vec<Frame>, bool) {
    let (mut arriving, mut frames) = (Arriving::default(), Vec::new());
    for piece in stream.chunks(size) {
        arriving.add(piece);
        loop {
            match arriving.take() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(NoFrame) => return (frames, true),
            }
        }
        // Whoever waits for a frame knows for how much, and never for more than one may hold.
        let missing = arriving.missing();
        assert!(0 < missing && missing <= LARGEST + 5, "{missing} bytes are waited for");
    }
    (frames, false)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([size, times], rest) = numbered(data);
    let stream = grown(rest, times);
    let whole = bounded(|| frames(&stream, stream.len().max(1)));
    let cut = bounded(|| frames(&stream, size % 70_000 + 1));
    assert_eq!(cut, whole, "in pieces of {}", size % 70_000 + 1);
    for frame in whole.0 {
        let again = frames(&frame.bytes(), usize::MAX);
        assert_eq!(again, (vec![frame.clone()], false), "it is read as another one");
        if let Frame::Request(request) = frame {
            assert!(!request.words.is_empty(), "a request for nothing");
            assert!(request.words.iter().all(|word| !word.contains(&0)), "no argument can hold a NUL");
            assert!(request.terminal.is_none_or(|window| is_kind(&window.kind)), "no variable can be set to it");
        }
    }
});
