//! The side of the cube: what was typed goes over the channel, what comes back is shown, and the exit status is ours.

use super::frames::{Arriving, Frame, PIECE, Request, Size, Window, is_kind};
use crate::console::Terminal;
use crate::cube::shell::{all, size};
use crate::cube::{is_momentary, poll, read};
use ctys_model::bytes::escape_for_eyes;
use std::ffi::{OsStr, OsString};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// `ctys __cube_call <socket> <how> <byte of the key, or -1> <words>`; how: `t` with a terminal, `i` with our input, `v` tells how
/// it ended, in any order.
pub const HIDDEN_VERB: &str = "__cube_call";

/// How long the socket is waited for: a cube may ask as soon as it runs, and the server may be starting anew.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much input may wait to be taken.
const WAITING: usize = 256 * 1024;

/// Asks, and shows what comes of it. Returns the exit code; 0 when it was left.
pub fn serve(words: &[OsString]) -> u8 {
    let [socket, how, key, words @ ..] = words else {
        eprintln!("ctys {HIDDEN_VERB} is for ctys itself");
        return 1;
    };
    let how = |letter: u8| how.as_bytes().contains(&letter);
    let mut stream = match connect(socket) {
        Ok(stream) => stream,
        Err(error) => {
            let shown = escape_for_eyes(&socket.to_string_lossy()).into_owned();
            eprintln!("[ERROR]: dom0 cannot be asked: control ipc channel \"{shown}\" is not served: {error}");
            return 1;
        }
    };
    let terminal = how(b't').then(|| Window {
        size: window(),
        kind: std::env::var("TERM").ok().filter(|kind| is_kind(kind)).unwrap_or_default(),
    });
    let request = Request { words: words.iter().map(|word| word.as_bytes().to_vec()).collect(), terminal };
    let first =
        [Frame::Request(request).bytes(), if how(b'i') { Vec::new() } else { Frame::InputEnd.bytes() }].concat();
    let carrier = Carrier {
        key: key.to_str().and_then(|key| key.parse().ok()).filter(|_| how(b't')),
        has_input: how(b'i'),
        out: Vec::new(),
    };
    let raw = if how(b't') { Terminal::raw() } else { None };
    // A server that refuses without having heard has said why.
    let ended = match stream.write_all(&first) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => carrier.carry(&mut stream, how(b't')),
    };
    drop(raw);
    match ended {
        Ok(Ended::With(code)) => {
            if how(b'v') {
                eprintln!("console connection exited with: {code}");
            }
            code
        }
        Ok(Ended::Left) => {
            if how(b'v') {
                eprintln!("console connection exited with: 0");
            }
            0
        }
        Ok(Ended::Refused(why)) => {
            eprintln!("{}", escape_for_eyes(&why));
            1
        }
        Err(error) => {
            eprintln!("[ERROR]: the connection to dom0 is lost: {error}");
            255
        }
    }
}

/// How it came to an end.
enum Ended {
    With(u8),
    Left,
    Refused(String),
}

fn connect(socket: &OsStr) -> Result<UnixStream, Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(socket) {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
                    && Instant::now() < end =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            other => return other,
        }
    }
}

/// The size of our window.
fn window() -> Size {
    size(libc::STDIN_FILENO).map_or(Size::default(), |size| Size { rows: size.ws_row, columns: size.ws_col })
}

struct Carrier {
    /// The key that leaves at once.
    key: Option<u8>,
    /// Our input is the command's.
    has_input: bool,
    /// What waits to be sent.
    out: Vec<u8>,
}

impl Carrier {
    fn carry(mut self, stream: &mut UnixStream, has_terminal: bool) -> Result<Ended, Error> {
        let (resized, hung_up) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        if has_terminal {
            signal_hook::flag::register(libc::SIGWINCH, resized.clone())?;
            // Whoever ends us gets his terminal back.
            for signal in [libc::SIGHUP, libc::SIGTERM] {
                signal_hook::flag::register(signal, hung_up.clone())?;
            }
        }
        stream.set_nonblocking(true)?;
        let (mut arriving, mut buffer) = (Arriving::default(), [0; PIECE]);
        loop {
            if resized.swap(false, Ordering::Relaxed) {
                self.out.extend(Frame::Size(window()).bytes());
            }
            if hung_up.load(Ordering::Relaxed) {
                return Ok(Ended::Left);
            }
            let asked = [
                (stream.as_raw_fd(), true, !self.out.is_empty()),
                (libc::STDIN_FILENO, self.has_input && self.out.len() < WAITING, false),
            ];
            // A signal between the look at its flag and poll would wait for the next byte: hence the limit.
            let ready = poll(&asked, if has_terminal { 200 } else { -1 })?;
            if ready[0].0 {
                match stream.read(&mut buffer) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(count) => arriving.add(&buffer[..count]),
                    Err(error) if is_momentary(&error) => {}
                    Err(error) => return Err(error),
                }
                while let Some(frame) = arriving.take().map_err(|_| Error::other("what it says makes no sense"))? {
                    match frame {
                        // Output that nobody takes ends us, as it would end the command itself.
                        Frame::Output(bytes) => all(libc::STDOUT_FILENO, &bytes)?,
                        Frame::Errors(bytes) => all(libc::STDERR_FILENO, &bytes)?,
                        Frame::Exit(code) => return Ok(Ended::With(code)),
                        Frame::Refused(why) => return Ok(Ended::Refused(why)),
                        _ => return Err(Error::other("what it says makes no sense")),
                    }
                }
            }
            if ready[0].1 {
                match stream.write(&self.out) {
                    Ok(count) => drop(self.out.drain(..count)),
                    Err(error) if is_momentary(&error) => {}
                    // What it said before it went is still to be read.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => (self.out.clear(), self.has_input = false).0,
                    Err(error) => return Err(error),
                }
            }
            if ready[1].0 && self.typed(&mut buffer) {
                return Ok(Ended::Left);
            }
        }
    }

    /// Takes what was typed. True when the key was among it.
    fn typed(&mut self, buffer: &mut [u8]) -> bool {
        let count = match read(libc::STDIN_FILENO, buffer) {
            Ok(count) => count,
            Err(error) if is_momentary(&error) => return false,
            Err(_) => 0,
        };
        if count == 0 {
            self.has_input = false;
            self.out.extend(Frame::InputEnd.bytes());
            return false;
        }
        let typed = &buffer[..count];
        let at = self.key.and_then(|key| typed.iter().position(|&byte| byte == key));
        self.out.extend(Frame::Input(typed[..at.unwrap_or(count)].to_vec()).bytes());
        at.is_some()
    }
}
