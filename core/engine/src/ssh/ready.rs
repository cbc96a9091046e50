//! The moment a login shell gives way to our `/bin/sh`.

use crate::transport::Piece;
use std::collections::VecDeque;

/// What travels as the remote command: valid in every login shell, csh and fish included.
pub const COMMAND: &str = "echo ctys-shell-ready; exec /bin/sh";

const MARK: &[u8] = b"ctys-shell-ready\n";

/// The most that start-up files of an account may print before the mark.
pub const NOISE_LIMIT: usize = 256 * 1024;

/// Holds back what start-up files print before our shell takes over.
#[derive(Debug, Default)]
pub struct Gate {
    noise: Vec<u8>,
    open: bool,
}

impl Gate {
    /// Takes output. Some once the mark has come: what followed it, which may be nothing.
    pub fn pass(&mut self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        if self.open {
            return Some(bytes);
        }
        let from = self.noise.len().saturating_sub(MARK.len());
        self.noise.extend(bytes);
        let at = self.noise[from..].windows(MARK.len()).position(|window| window == MARK)?;
        self.open = true;
        Some(std::mem::take(&mut self.noise).split_off(from + at + MARK.len()))
    }

    /// True once the mark has come.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The last line before the mark. nologin(8) and many a forced command say why on standard output.
    pub fn last_words(&self) -> Option<String> {
        last_line(&self.noise)
    }

    /// More noise than any start-up file makes.
    pub fn is_flooded(&self) -> bool {
        self.noise.len() > NOISE_LIMIT
    }
}

/// What both streams of a login gave, in order, once our shell speaks.
///
/// Our script is on its way before the shell says that it is there, and stderr can be read before stdout: what came
/// there early may be the shell's own first words. All of it is handed on with the mark.
#[derive(Debug, Default)]
pub struct Arrivals {
    gate: Gate,
    early: Vec<u8>,
    pieces: VecDeque<Piece>,
    bytes: usize,
}

impl Arrivals {
    /// Takes output of one of the streams. False when start-up files have printed more than any does.
    pub fn keep(&mut self, of_stderr: bool, bytes: Vec<u8>) -> bool {
        if of_stderr && self.gate.is_open() {
            self.push(Piece::Err(bytes));
        } else if of_stderr {
            self.early.extend(bytes);
            if self.early.len() > 2 * NOISE_LIMIT {
                // The last of it may be ours.
                self.early.drain(..self.early.len() - NOISE_LIMIT);
            }
        } else if let Some(bytes) = self.gate.pass(bytes) {
            let early = std::mem::take(&mut self.early);
            self.push(Piece::Err(early));
            self.push(Piece::Out(bytes));
        }
        !self.gate.is_flooded()
    }

    fn push(&mut self, piece: Piece) {
        let length = length(&piece);
        if length > 0 {
            self.bytes += length;
            self.pieces.push_back(piece);
        }
    }

    /// The next piece.
    pub fn take(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.bytes -= length(&piece);
        Some(piece)
    }

    /// How many bytes wait in all pieces.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// True once our shell has spoken.
    pub fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    /// Why a login without a shell ended, in its own words.
    pub fn last_words(&self) -> Option<String> {
        last_line(&self.early).or_else(|| self.gate.last_words())
    }
}

fn length(piece: &Piece) -> usize {
    match piece {
        Piece::Out(bytes) | Piece::Err(bytes) => bytes.len(),
        Piece::Nothing | Piece::End(_) => 0,
    }
}

/// The last line that says something, harmless for a terminal and no longer than a message may be.
pub fn last_line(text: &[u8]) -> Option<String> {
    const LONGEST: usize = 300;
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let line: String = line.chars().take(LONGEST).collect();
    Some(ctys_model::bytes::escape_for_eyes(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_without_a_shell_has_last_words() {
        let mut gate = Gate::default();
        assert_eq!(gate.last_words(), None);
        gate.pass(b"Welcome\n\x1b[2JThis account is not available.\r\n\n".to_vec());
        assert_eq!(gate.last_words().as_deref(), Some("\\x1b[2JThis account is not available."));
        gate.pass(vec![b'x'; 100_000]);
        assert_eq!(gate.last_words(), Some("x".repeat(300)));
    }

    #[test]
    fn what_came_on_stderr_before_the_mark_was_read_is_not_lost() {
        let check = |arrivals: &[(bool, &str)], expected: &[(bool, &str)]| {
            let mut all = Arrivals::default();
            assert!(arrivals.iter().all(|(of_stderr, text)| all.keep(*of_stderr, text.as_bytes().to_vec())));
            let mut bytes = all.bytes();
            for (of_stderr, text) in expected {
                let text = text.as_bytes().to_vec();
                bytes -= text.len();
                assert_eq!(all.take(), Some(if *of_stderr { Piece::Err(text) } else { Piece::Out(text) }));
            }
            assert_eq!((all.take(), bytes, all.bytes()), (None, 0, 0), "{arrivals:?}");
        };
        // The mark and the first frame of our script came together, and stderr was looked at between two packets of stdout.
        let early = [(true, "NONCE b 0\n"), (false, "ctys-shell-ready\nNONCE b 0\n"), (true, "NONCE e 0 0 0\n")];
        check(&early, &[(true, "NONCE b 0\n"), (false, "NONCE b 0\n"), (true, "NONCE e 0 0 0\n")]);
        check(&[(true, "a"), (false, "motd\n"), (true, "b"), (false, "ctys-shell-ready\n")], &[(true, "ab")]);
        check(&[(false, "ctys-shell-ready\n"), (true, "b")], &[(true, "b")]);
        let mut all = Arrivals::default();
        (0..20).for_each(|_| assert!(all.keep(true, vec![b'x'; NOISE_LIMIT / 4])));
        assert!(all.keep(true, b"NONCE b 0\n".to_vec()) && all.keep(false, MARK.to_vec()));
        assert!(matches!(all.take(), Some(Piece::Err(bytes)) if bytes.ends_with(b"xNONCE b 0\n")));
    }

    #[test]
    fn the_mark_is_found_wherever_the_pieces_break() {
        let whole = b"hello\nctys-shell-read\nctys-shell-ready\nrest";
        for cut in 0..whole.len() {
            let mut gate = Gate::default();
            let mut out = Vec::new();
            for piece in [&whole[..cut], &whole[cut..]] {
                out.extend(gate.pass(piece.to_vec()).unwrap_or_default());
            }
            assert_eq!((out.as_slice(), gate.is_open()), (b"rest".as_slice(), true), "cut at {cut}");
        }
        assert_eq!(Gate::default().pass(b"ctys-shell".to_vec()), None);
    }
}
