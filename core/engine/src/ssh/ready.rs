//! The moment a login shell gives way to our `/bin/sh`.

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
