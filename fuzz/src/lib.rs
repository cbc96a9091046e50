//! What all fuzz targets share: how an input is read, what is held against every answer.
//!
//! An input is text that a person can write: parts with a line `%%` between them.

pub mod line;
pub mod plugin;

use std::time::Duration;

/// The line between two parts.
const BETWEEN: &[u8] = b"\n%%\n";

/// The most one input may cost, in time of this thread's processor: far more than a megabyte should need, and less than
/// what a quadratic parser needs for it. The load of the machine does not count.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most a small input grows to, see [`grown`].
const MOST: usize = 1 << 20;

/// The parts of an input; always at least one.
pub fn parts(data: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}

/// A part of an input as text; empty when there is no such part.
pub fn text(parts: &[&[u8]], number: usize) -> String {
    parts.get(number).map_or_else(String::new, |part| String::from_utf8_lossy(part).into_owned())
}

/// A text so many times, each time with another number in the place of every `@`: a few bytes become the megabyte that
/// shows what a parser's work grows by.
pub fn grown(text: &[u8], times: usize) -> Vec<u8> {
    let times = times.min(MOST / (text.len() + 1)).max(1);
    let mut whole = Vec::with_capacity(text.len() * times);
    for number in 0..times {
        for &byte in text {
            match byte {
                b'@' => whole.extend_from_slice(number.to_string().as_bytes()),
                byte => whole.push(byte),
            }
        }
    }
    whole
}

/// A number from text: the digits when it is a number, else a small one from its bytes; 0 for none.
pub fn number(word: Option<&[u8]>) -> usize {
    let word = word.unwrap_or_default();
    let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
    number.unwrap_or_else(|| word.iter().fold(0_usize, |all, &byte| (all * 31 + usize::from(byte)) % 256))
}

/// The first line as numbers, and what stands behind it.
pub fn numbered<const N: usize>(data: &[u8]) -> ([usize; N], &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let mut words = data[..end].split(|&byte| byte == b' ');
    (std::array::from_fn(|_| number(words.next())), data.get(end + 1..).unwrap_or_default())
}

/// Does the work and fails when it took too long.
pub fn bounded<T>(work: impl FnOnce() -> T) -> T {
    let before = processor_time();
    let result = work();
    let took = processor_time() - before;
    assert!(took < PATIENCE, "this input costs {took:?}");
    result
}

fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one timespec, which is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Fails when this text would do anything to a terminal but be read. Newlines and what is named in `also` may be in it.
pub fn harmless(text: &str, also: &[char]) {
    let kept: String = text.chars().filter(|c| *c != '\n' && !also.contains(c)).collect();
    let shown = ctys_model::bytes::escape_for_eyes(&kept);
    assert_eq!(shown, kept, "it would harm a terminal");
}

/// Fails when a sentence is empty, longer than a line, or would harm a terminal.
pub fn sentence(text: &str) {
    assert!(!text.is_empty(), "an empty sentence");
    assert!(!text.contains('\n'), "a sentence of two lines: {text:?}");
    harmless(text, &[]);
}

/// A folder for targets that read files, one for each process; `fuzz/run` has it in memory and takes it away.
pub fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("ctys-fuzz-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    folder
}
