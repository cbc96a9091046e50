#![no_main]
//! A conversation with a host that says anything. Parts: what comes on stdout, what comes on stderr; or, where the first
//! number is odd, what each item prints, in frames as the script makes them. However the streams are cut into pieces,
//! the answers are the same.

use ctys_engine::frames::{MAX_HELD, MAX_STDOUT};
use ctys_engine::script::{Item, Means};
use ctys_engine::session::{Conversation, Session};
use ctys_engine::transport::{Clocks, Piece, Shell};
use ctys_fuzz::{bounded, grown, numbered, parts, sentence};
use ctys_model::probe::Scan;
use ctys_model::{Answer, Command, Lock, Problem, ProcessTable};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const NONCE: &str = "NONCE";

/// A shell that has said everything already.
struct Said(VecDeque<Piece>);

impl Shell for Said {
    fn send(&mut self, _: &[u8], _: Instant) -> Result<(), Problem> {
        Ok(())
    }

    fn receive(&mut self, _: Instant) -> Result<Piece, Problem> {
        Ok(self.0.pop_front().unwrap_or(Piece::End(Some(0))))
    }

    fn carrier(&self) -> &'static str {
        "local"
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([kind, size, times], rest) = numbered(data);
    let parts: Vec<Vec<u8>> = parts(rest).into_iter().map(|part| grown(part, times)).collect();
    let (out, err) = if kind & 1 == 1 { framed(&parts) } else { plain(parts) };
    let whole = bounded(|| round(&out, &err, out.len().max(err.len()).max(1), kind));
    assert_eq!(whole.0.len(), items().len(), "an answer for every item");
    match &whole.1 {
        Ok(()) => assert!(whole.0.iter().all(Option::is_some), "all is well, and an answer is missing"),
        Err(problem) => sentence(&problem.message),
    }
    let held: usize = whole.0.iter().flatten().map(size_of_answer).sum();
    assert!(held <= MAX_HELD + MAX_STDOUT, "{held} bytes were kept");
    // Of noise the first kilobytes are kept, which are others when it comes in other pieces.
    if out.len() + err.len() < 8_192 {
        assert_eq!(bounded(|| round(&out, &err, 1 + size % 200, kind)), whole, "cut into pieces");
    }
});

fn items() -> [Item; 5] {
    let table = ProcessTable { names: vec!["Xvnc".into(), "qemu-system-*".into()], ..ProcessTable::default() };
    let (bases, names) = (vec!["xen".into(), "/etc/xen".into()], vec!["*.conf".into(), "*.cfg".into()]);
    [
        Item::Run(vec![Command::new("xl").arg("list").as_root(), Command::new("xm")]),
        Item::File { path: "/etc/hostname".into(), limit: 100 },
        Item::Scan(Scan { place: Default::default(), bases, names, depth: 8, limit: 1000 }),
        Item::Processes(table),
        Item::Lock(Lock { path: "/run".into(), wait_ms: 1, ..Lock::default() }),
    ]
}

type Outcome = (Vec<Option<Answer>>, Result<(), Problem>);

fn round(out: &[u8], err: &[u8], size: usize, kind: usize) -> Outcome {
    let pieces = out.chunks(size).map(|piece| Piece::Out(piece.to_vec()));
    let pieces = pieces.chain(err.chunks(size).map(|piece| Piece::Err(piece.to_vec()))).collect();
    let clocks = Clocks {
        connect: Duration::from_secs(600),
        silence: Duration::from_secs(600),
        total: Duration::from_secs(600),
    };
    let deadline = Instant::now() + clocks.total;
    let mut session = Session::new(Box::new(Said(pieces)), NONCE.into(), &[Means::Sudo, Means::Doas], clocks, deadline);
    session.round(&items(), (kind & 2 == 2).then_some(&[true, false, true, false, false]))
}

fn plain(parts: Vec<Vec<u8>>) -> (Vec<u8>, Vec<u8>) {
    let mut parts = parts.into_iter();
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// What a host that behaves would send around these outputs; the first line of each is the status.
fn framed(parts: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let facts = b"Linux lab00 6.1.0-18-amd64 x86_64\nuid=1000(acue) gid=1000(ldapusers)\n/home/acue\n";
    for number in 0..=items().len() {
        let (status, text) = match number.checked_sub(1) {
            None => (&b"0"[..], &facts[..]),
            Some(n) => {
                let part = parts.get(n % parts.len()).map_or(&b""[..], Vec::as_slice);
                let end = part.iter().position(|&byte| byte == b'\n').unwrap_or(part.len());
                (&part[..end], part.get(end + 1..).unwrap_or_default())
            }
        };
        for (stream, text) in [(&mut out, text), (&mut err, &text[..text.len().min(100)])] {
            stream.extend_from_slice(format!("{NONCE} b {number}\n").as_bytes());
            stream.extend_from_slice(text);
            stream.extend_from_slice(format!("{NONCE} e {number} ").as_bytes());
            stream.extend_from_slice(status);
            stream.extend_from_slice(b" 0\n");
        }
    }
    for stream in [&mut out, &mut err] {
        stream.extend_from_slice(format!("{NONCE} x 0\n").as_bytes());
    }
    (out, err)
}

fn size_of_answer(answer: &Answer) -> usize {
    match answer {
        Answer::Output(output) => output.stdout.0.len() + output.stderr.0.len(),
        Answer::Scanned(found) => found.files.iter().map(|file| file.path.0.len()).sum(),
        _ => 0,
    }
}
