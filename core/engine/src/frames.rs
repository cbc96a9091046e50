//! Takes the two output streams of a shell apart again into one answer per item.
//!
//! Every item is framed on both streams by lines that begin with a random word of this session:
//!
//! ```text
//! <nonce> b 3\n          the output of item 3 begins
//! ...any bytes...
//! <nonce> e 3 0 1\n      it ended: status 0, the second of its tries
//! <nonce> x 0\n          round 0 is over
//! ```
//!
//! What stands outside of frames (a banner, a profile that prints) is kept apart. Knows no clock and no socket.

use std::collections::{BTreeMap, BTreeSet};

/// The most that is kept of one item's standard output.
pub const MAX_STDOUT: usize = 8 * 1024 * 1024;
/// The most that is kept of one item's standard error.
pub const MAX_STDERR: usize = 256 * 1024;
/// The most that is held of a session at any time; what goes beyond is cut, as with a single item.
pub const MAX_HELD: usize = 32 * 1024 * 1024;
/// The most that is kept of what stands outside of frames.
const MAX_NOISE: usize = 16 * 1024;
/// The most that may stand outside of frames. Banners and profiles print kilobytes; a host that prints for ever is told
/// apart from a slow one by this.
const MAX_OUTSIDE: usize = 16 * 1024 * 1024;
/// The longest frame line after the nonce: anything longer is not ours.
const MAX_MARK: usize = 64;

/// What one item gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// True when something was cut off.
    pub cut: bool,
    /// The word of the end mark: a status, or one of the letters of `script.rs`. None: it did not end.
    pub status: Option<String>,
    /// Which of its tries ran.
    pub tried: u32,
}

/// Reads both streams.
pub struct Frames {
    nonce: Vec<u8>,
    out: Stream,
    err: Stream,
    frames: BTreeMap<u32, Frame>,
    /// Marks of items and rounds from these numbers on are not ours.
    items: u32,
    rounds: u32,
    /// How many bytes are in `frames`.
    held: usize,
    /// How many bytes stood outside of frames.
    outside: usize,
    /// Items of which one stream has ended; the other may be far behind.
    half_ended: BTreeSet<u32>,
    half_over: BTreeSet<u32>,
}

/// A mark that has been seen on both streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The output of this item begins (first stream only, for the clocks).
    Begun(u32),
    /// This item is complete.
    Ended(u32),
    /// This round is over.
    RoundOver(u32),
}

/// The host sent something that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbled(pub String);

#[derive(Default)]
struct Stream {
    buffer: Vec<u8>,
    inside: Option<u32>,
    noise: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Out,
    Err,
}

impl Frames {
    /// For a session with this random word.
    pub fn new(nonce: &str) -> Frames {
        Frames {
            nonce: format!("{nonce} ").into_bytes(),
            out: Stream::default(),
            err: Stream::default(),
            frames: BTreeMap::new(),
            items: 0,
            rounds: 0,
            held: 0,
            outside: 0,
            half_ended: BTreeSet::new(),
            half_over: BTreeSet::new(),
        }
    }

    /// Items and rounds below these numbers have been asked; a mark of any other is one the host made up.
    pub fn expect(&mut self, items: u32, rounds: u32) {
        (self.items, self.rounds) = (items, rounds);
    }

    /// Feeds standard output.
    pub fn out(&mut self, bytes: &[u8]) -> Result<Vec<Seen>, Garbled> {
        self.feed(Which::Out, bytes)
    }

    /// Feeds standard error.
    pub fn err(&mut self, bytes: &[u8]) -> Result<Vec<Seen>, Garbled> {
        self.feed(Which::Err, bytes)
    }

    /// Takes what came of an item, complete or not.
    pub fn take(&mut self, item: u32) -> Option<Frame> {
        let frame = self.frames.remove(&item)?;
        self.held -= frame.stdout.len() + frame.stderr.len();
        Some(frame)
    }

    /// What standard error held outside of frames: what ssh or a login script had to say.
    pub fn noise(&self) -> Vec<u8> {
        // What may be the start of a mark is still in the buffer; of a stream that has ended it is text like the rest.
        let rest = if self.err.inside.is_none() { &self.err.buffer[..] } else { &[] };
        [&self.err.noise, rest].concat()
    }

    fn feed(&mut self, which: Which, bytes: &[u8]) -> Result<Vec<Seen>, Garbled> {
        let mut seen = Vec::new();
        let stream = match which {
            Which::Out => &mut self.out,
            Which::Err => &mut self.err,
        };
        stream.buffer.extend_from_slice(bytes);
        loop {
            let stream = match which {
                Which::Out => &mut self.out,
                Which::Err => &mut self.err,
            };
            match find(&stream.buffer, &self.nonce) {
                None => {
                    // The nonce may have begun at the very end: keep that much.
                    let keep = stream.buffer.len().min(self.nonce.len() - 1);
                    let upto = stream.buffer.len() - keep;
                    let data: Vec<u8> = stream.buffer.drain(..upto).collect();
                    self.store(which, &data)?;
                    return Ok(seen);
                }
                Some(at) => {
                    let after = at + self.nonce.len();
                    let Some(length) = stream.buffer[after..].iter().position(|&b| b == b'\n') else {
                        if stream.buffer.len() - after > MAX_MARK {
                            return Err(Garbled("a frame mark without an end".into()));
                        }
                        return Ok(seen);
                    };
                    if length > MAX_MARK {
                        return Err(Garbled("a frame mark without an end".into()));
                    }
                    let data: Vec<u8> = stream.buffer[..at].to_vec();
                    let mark = String::from_utf8_lossy(&stream.buffer[after..after + length]).into_owned();
                    stream.buffer.drain(..after + length + 1);
                    self.store(which, &data)?;
                    if let Some(event) = self.mark(which, &mark)? {
                        seen.push(event);
                    }
                }
            }
        }
    }

    fn store(&mut self, which: Which, data: &[u8]) -> Result<(), Garbled> {
        if data.is_empty() {
            return Ok(());
        }
        let stream = if which == Which::Out { &mut self.out } else { &mut self.err };
        match stream.inside {
            None => {
                let room = MAX_NOISE.saturating_sub(stream.noise.len());
                stream.noise.extend_from_slice(&data[..data.len().min(room)]);
                self.outside += data.len();
                if self.outside > MAX_OUTSIDE {
                    return Err(Garbled(format!("more than {} MiB beside the answers", MAX_OUTSIDE >> 20)));
                }
            }
            Some(item) => {
                let frame = self.frames.entry(item).or_default();
                let (kept, limit) = match which {
                    Which::Out => (&mut frame.stdout, MAX_STDOUT),
                    Which::Err => (&mut frame.stderr, MAX_STDERR),
                };
                let room = limit.saturating_sub(kept.len()).min(MAX_HELD - self.held);
                if data.len() > room {
                    frame.cut = true;
                }
                let data = &data[..data.len().min(room)];
                kept.extend_from_slice(data);
                self.held += data.len();
            }
        }
        Ok(())
    }

    fn mark(&mut self, which: Which, mark: &str) -> Result<Option<Seen>, Garbled> {
        let bad = || Garbled(format!("the frame mark \"{}\"", ctys_model::bytes::escape_for_eyes(mark)));
        let mut words = mark.split(' ');
        let kind = words.next().ok_or_else(bad)?;
        let number: u32 = words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?;
        if number >= if kind == "x" { self.rounds } else { self.items } {
            return Err(bad());
        }
        let stream = if which == Which::Out { &mut self.out } else { &mut self.err };
        match kind {
            "b" => {
                if stream.inside.is_some() {
                    return Err(bad());
                }
                stream.inside = Some(number);
                let first = !self.frames.contains_key(&number);
                self.frames.entry(number).or_default();
                Ok(first.then_some(Seen::Begun(number)))
            }
            "e" => {
                if stream.inside.take() != Some(number) {
                    return Err(bad());
                }
                let status = words.next().ok_or_else(bad)?.to_string();
                let tried: u32 = words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?;
                let frame = self.frames.entry(number).or_default();
                frame.tried = tried;
                // Both streams tell the same status; the item is complete with the later of the two.
                if self.half_ended.insert(number) {
                    return Ok(None);
                }
                self.half_ended.remove(&number);
                frame.status = Some(status);
                Ok(Some(Seen::Ended(number)))
            }
            "x" => {
                if stream.inside.is_some() {
                    return Err(bad());
                }
                if self.half_over.insert(number) {
                    return Ok(None);
                }
                self.half_over.remove(&number);
                Ok(Some(Seen::RoundOver(number)))
            }
            _ => Err(bad()),
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    // The first byte of the nonce is rare enough that a plain scan for it is fast; outputs are kilobytes.
    let first = needle[0];
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|&b| b == first) {
        let at = from + at;
        if haystack.len() - at < needle.len() {
            return None;
        }
        if &haystack[at..at + needle.len()] == needle {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: &[u8] = b"motd\nNONCE b 1\nhello\0\xffNONCE e 1 7 1\nNONCE b 2\nNONCE e 2 n 0\nNONCE x 0\n";
    const ERR: &[u8] = b"Warning: x\nNONCE b 1\noopsNONCE e 1 7 1\nNONCE b 2\nNONCE e 2 n 0\nNONCE x 0\n";

    /// For a round with the items 0 to 2.
    fn asked() -> Frames {
        let mut frames = Frames::new("NONCE");
        frames.expect(3, 1);
        frames
    }

    fn check(frames: &mut Frames) {
        let one = frames.take(1).unwrap();
        assert_eq!(one.stdout, b"hello\0\xff");
        assert_eq!(one.stderr, b"oops");
        assert_eq!(one.status.as_deref(), Some("7"));
        assert_eq!(one.tried, 1);
        assert_eq!(frames.take(2).unwrap().status.as_deref(), Some("n"));
        assert_eq!(frames.noise(), b"Warning: x\n");
    }

    #[test]
    fn whole_streams() {
        let mut frames = asked();
        frames.out(OUT).unwrap();
        let seen = frames.err(ERR).unwrap();
        assert_eq!(seen, [Seen::Ended(1), Seen::Ended(2), Seen::RoundOver(0)]);
        check(&mut frames);
    }

    #[test]
    fn any_way_of_cutting_the_streams_gives_the_same() {
        for size in 1..OUT.len() {
            let mut frames = asked();
            let mut over = 0;
            for chunk in OUT.chunks(size) {
                over += frames.out(chunk).unwrap().iter().filter(|s| matches!(s, Seen::RoundOver(_))).count();
            }
            for chunk in ERR.chunks(size) {
                over += frames.err(chunk).unwrap().iter().filter(|s| matches!(s, Seen::RoundOver(_))).count();
            }
            assert_eq!(over, 1, "size {size}");
            check(&mut frames);
        }
    }

    #[test]
    fn the_last_words_are_whole_however_they_came() {
        let words = b"lab00: Permission denied (publickey).\n";
        for size in 1..=words.len() {
            let mut frames = asked();
            words.chunks(size).for_each(|chunk| assert_eq!(frames.err(chunk), Ok(Vec::new())));
            assert_eq!(frames.noise(), words, "size {size}");
        }
    }

    #[test]
    fn an_item_that_never_ends_keeps_what_it_said() {
        let mut frames = asked();
        frames.out(b"NONCE b 1\npartial answer that is longer than the nonce").unwrap();
        frames.err(b"NONCE b 1\n").unwrap();
        let frame = frames.take(1).unwrap();
        assert_eq!(frame.status, None);
        assert!(frame.stdout.starts_with(b"partial answer"));
    }

    #[test]
    fn output_beyond_the_limit_is_cut_and_says_so() {
        let mut frames = asked();
        frames.err(b"NONCE b 1\n").unwrap();
        for _ in 0..40 {
            frames.err(&[b'x'; 10_000]).unwrap();
        }
        frames.err(b"NONCE e 1 0 0\n").unwrap();
        frames.out(b"NONCE b 1\nNONCE e 1 0 0\n").unwrap();
        let frame = frames.take(1).unwrap();
        assert!(frame.cut);
        assert_eq!(frame.stderr.len(), MAX_STDERR);
        assert_eq!(frame.status.as_deref(), Some("0"));
    }

    #[test]
    fn all_answers_together_are_held_to_a_limit_that_taking_one_gives_back() {
        let mut frames = Frames::new("NONCE");
        frames.expect(10, 1);
        let whole = vec![b'x'; MAX_STDOUT];
        let feed = |frames: &mut Frames, item: u32| {
            frames.out(format!("NONCE b {item}\n").as_bytes()).unwrap();
            frames.out(&whole).unwrap();
            frames.out(format!("NONCE e {item} 0 0\n").as_bytes()).unwrap();
        };
        (0..6).for_each(|item| feed(&mut frames, item));
        let mut taken = 0;
        for item in 0..6 {
            let frame = frames.take(item).unwrap();
            assert_eq!(frame.cut, frame.stdout.len() < MAX_STDOUT, "item {item}");
            taken += frame.stdout.len();
        }
        assert_eq!(taken, MAX_HELD);
        feed(&mut frames, 6);
        assert_eq!(frames.take(6).unwrap().stdout.len(), MAX_STDOUT);
    }

    #[test]
    fn a_host_that_prints_for_ever_beside_its_answers_is_an_error_on_either_stream() {
        let piece = vec![b'x'; 64 * 1024];
        for feed in [Frames::out, Frames::err] {
            let mut frames = asked();
            let fed = (0..1000).position(|_| feed(&mut frames, &piece).is_err());
            assert_eq!(fed, Some(MAX_OUTSIDE / piece.len()));
        }
    }

    #[test]
    fn marks_that_cannot_be_are_an_error_not_an_answer() {
        for bad in [
            "NONCE e 1 0 0\n",
            "NONCE b 1\nNONCE b 2\n",
            "NONCE b 1\nNONCE e 2 0 0\n",
            "NONCE q 1\n",
            "NONCE b 3\n",
            "NONCE x 1\n",
            "NONCE b x\n",
            "NONCE b 1\nNONCE x 0\n",
            "NONCE b 1\nNONCE e 1\n",
        ] {
            assert!(asked().out(bad.as_bytes()).is_err(), "{bad:?}");
        }
        let endless = format!("NONCE {}", "x".repeat(200));
        assert!(asked().out(endless.as_bytes()).is_err());
    }
}
