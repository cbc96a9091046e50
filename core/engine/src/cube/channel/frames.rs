//! What is said over the channel: frames of one byte that says what it is, four that say how long, and the bytes.
//!
//! ```text
//! cube -> host    Request, then Input, InputEnd and Size in any order
//! host -> cube    Output and Errors in any order, then Exit; or Refused alone
//! ```

/// The most that a frame holds. Whoever announces more is not spoken with any longer.
pub const LARGEST: usize = 128 * 1024;

/// The most that one frame of a stream is filled with.
pub const PIECE: usize = 16 * 1024;

/// The version of the request.
const VERSION: u8 = 1;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// What is asked for.
    Request(Request),
    /// Bytes for the command's input.
    Input(Vec<u8>),
    /// There is no more input.
    InputEnd,
    /// The window has another size.
    Size(Size),
    /// Bytes of the command's output.
    Output(Vec<u8>),
    /// Bytes of its error output.
    Errors(Vec<u8>),
    /// It has ended with this status.
    Exit(u8),
    /// Nothing was done, for the reason in this sentence.
    Refused(String),
}

/// What is asked for: words, as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The command and its arguments.
    pub words: Vec<Vec<u8>>,
    /// The terminal it is to have; without one its three streams are apart.
    pub terminal: Option<Window>,
}

/// A terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its size.
    pub size: Size,
    /// `TERM`.
    pub kind: String,
}

/// The size of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Its rows.
    pub rows: u16,
    /// Its columns.
    pub columns: u16,
}

impl Frame {
    /// The frame as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let (kind, payload) = match self {
            Frame::Request(request) => (1, request.bytes()),
            Frame::Input(bytes) => (2, bytes.clone()),
            Frame::InputEnd => (3, Vec::new()),
            Frame::Size(size) => (4, size.bytes().to_vec()),
            Frame::Output(bytes) => (16, bytes.clone()),
            Frame::Errors(bytes) => (17, bytes.clone()),
            Frame::Exit(code) => (18, vec![*code]),
            Frame::Refused(why) => (19, why.as_bytes().to_vec()),
        };
        let mut all = Vec::with_capacity(payload.len() + 5);
        all.push(kind);
        all.extend((payload.len() as u32).to_be_bytes());
        all.extend(payload);
        all
    }

    /// Reads one; none for what is no frame.
    fn read(kind: u8, payload: &[u8]) -> Option<Frame> {
        Some(match kind {
            1 => Frame::Request(Request::read(payload)?),
            2 => Frame::Input(payload.to_vec()),
            3 if payload.is_empty() => Frame::InputEnd,
            4 => Frame::Size(Size::read(payload.try_into().ok()?)),
            16 => Frame::Output(payload.to_vec()),
            17 => Frame::Errors(payload.to_vec()),
            18 => Frame::Exit(u8::from_be_bytes(payload.try_into().ok()?)),
            19 => Frame::Refused(String::from_utf8(payload.to_vec()).ok()?),
            _ => return None,
        })
    }
}

impl Request {
    fn bytes(&self) -> Vec<u8> {
        let mut all = vec![VERSION, self.terminal.is_some().into()];
        let window = self.terminal.clone().unwrap_or_default();
        all.extend(window.size.bytes());
        for word in std::iter::once(window.kind.as_bytes()).chain(self.words.iter().map(Vec::as_slice)) {
            all.extend((word.len() as u32).to_be_bytes());
            all.extend(word);
        }
        all
    }

    fn read(payload: &[u8]) -> Option<Request> {
        let (&[VERSION, has_terminal, rows_high, rows_low, columns_high, columns_low], mut rest) =
            payload.split_first_chunk::<6>()?
        else {
            return None;
        };
        let mut words = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (word, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            // No argument of a program can hold it.
            if word.contains(&0) {
                return None;
            }
            words.push(word.to_vec());
            rest = after;
        }
        if !rest.is_empty() || words.len() < 2 {
            return None;
        }
        let kind = String::from_utf8(words.remove(0)).ok()?;
        let size = Size::read([rows_high, rows_low, columns_high, columns_low]);
        let terminal = match has_terminal {
            0 => None,
            1 if is_kind(&kind) => Some(Window { size, kind }),
            _ => return None,
        };
        Some(Request { words, terminal })
    }
}

/// What a terminal may be called: it becomes a variable of the command's environment.
pub fn is_kind(kind: &str) -> bool {
    kind.len() <= 64 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
}

impl Size {
    fn bytes(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.rows.to_be_bytes(), self.columns.to_be_bytes());
        [a, b, c, d]
    }

    fn read([a, b, c, d]: [u8; 4]) -> Size {
        Size { rows: u16::from_be_bytes([a, b]), columns: u16::from_be_bytes([c, d]) }
    }
}

/// What has arrived and is not yet a whole frame.
#[derive(Debug, Default)]
pub struct Arriving(Vec<u8>);

/// What arrived is no frame: the other side speaks something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFrame;

impl Arriving {
    /// More has arrived.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// How many bytes are missing for the next frame, or for knowing how long it is.
    pub fn missing(&self) -> usize {
        let Some(&[_, a, b, c, d]) = self.0.first_chunk::<5>() else { return 5 - self.0.len() };
        (5 + u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(self.0.len())
    }

    /// The next frame, when it is there.
    pub fn take(&mut self) -> Result<Option<Frame>, NoFrame> {
        let Some((&[kind, a, b, c, d], rest)) = self.0.split_first_chunk::<5>() else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > LARGEST {
            return Err(NoFrame);
        }
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        let frame = Frame::read(kind, payload).ok_or(NoFrame)?;
        self.0.drain(..5 + length);
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Frame> {
        let window = Window { size: Size { rows: 50, columns: 120 }, kind: "screen-256color".into() };
        let words = vec![b"cube-ctl".to_vec(), b"".to_vec(), b"x:echo".to_vec(), b"a  b\n\xff".to_vec()];
        vec![
            Frame::Request(Request { words: words.clone(), terminal: Some(window) }),
            Frame::Request(Request { words, terminal: None }),
            Frame::Input(vec![0, 1, 2]),
            Frame::Input(vec![]),
            Frame::InputEnd,
            Frame::Size(Size { rows: 1, columns: 65535 }),
            Frame::Output(vec![7; PIECE]),
            Frame::Errors(b"no".to_vec()),
            Frame::Exit(137),
            Frame::Refused("no".into()),
        ]
    }

    #[test]
    fn any_way_of_cutting_the_stream_gives_the_same_frames() {
        let bytes: Vec<u8> = all().iter().flat_map(Frame::bytes).collect();
        for step in [1, 2, 3, 7, 64, bytes.len()] {
            let (mut arriving, mut frames) = (Arriving::default(), Vec::new());
            for piece in bytes.chunks(step) {
                arriving.add(piece);
                while let Some(frame) = arriving.take().unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, all(), "in steps of {step}");
        }
    }

    #[test]
    fn what_is_no_frame_is_told_before_it_is_waited_for() {
        let next = |bytes: &[u8]| {
            let mut arriving = Arriving::default();
            arriving.add(bytes);
            arriving.take()
        };
        assert_eq!(next(b"GET / HTTP/1.1\r\n"), Err(NoFrame));
        assert_eq!(next(&[2, 0xff, 0xff, 0xff, 0xff]), Err(NoFrame));
        assert_eq!(next(&[2, 0, 2, 0, 1]), Err(NoFrame));
        assert_eq!(next(&[99, 0, 0, 0, 0]), Err(NoFrame));
        assert_eq!(next(&[4, 0, 0, 0, 1, 9]), Err(NoFrame));
        assert_eq!(next(&[2, 0, 0, 0]), Ok(None));
    }

    #[test]
    fn no_bytes_make_it_stumble() {
        let mut number = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            number
        };
        let whole: Vec<u8> =
            all().iter().filter(|frame| !matches!(frame, Frame::Output(_))).flat_map(Frame::bytes).collect();
        let mut refused = 0;
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..=next() % 4 {
                let at = next() as usize % bytes.len();
                bytes[at] = next() as u8;
            }
            let mut arriving = Arriving::default();
            arriving.add(&bytes);
            loop {
                match arriving.take() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(NoFrame) => {
                        refused += 1;
                        break;
                    }
                }
            }
            assert!(arriving.missing() <= LARGEST + 5 || arriving.take() == Err(NoFrame));
        }
        assert!(refused > 1000, "{refused}");
    }

    #[test]
    fn a_request_is_whole_and_harmless_or_none() {
        let good = Request { words: vec![b"ls".to_vec()], terminal: None };
        let bytes = good.bytes();
        assert_eq!(Request::read(&bytes), Some(good));
        for end in 0..bytes.len() {
            assert_eq!(Request::read(&bytes[..end]), None, "{end}");
        }
        let of = |word: &[u8], kind: &str| {
            let terminal = Some(Window { kind: kind.into(), ..Window::default() });
            Request::read(&Request { words: vec![word.to_vec()], terminal }.bytes()).is_some()
        };
        assert!(of(b"ls", "xterm"));
        assert!(!of(b"l\0s", "xterm"));
        assert!(!of(b"ls", "x\nLD_PRELOAD=y"));
        assert!(!of(b"ls", &"x".repeat(65)));
        assert_eq!(Request::read(&Request::default().bytes()), None);
    }
}
