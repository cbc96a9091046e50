//! The keeper of a cube's terminal: it takes the terminal from the runtime, holds it as long as the cube uses it, remembers what
//! was said last, and lets any number of consoles come and go. It outlives every call of ctys.
//!
//! ```text
//! runc create --console-socket S  ->  the terminal, as a descriptor over S
//! a console                       ->  a connection: first what was said before, then both ways
//! ```
//!
//! It ends when the terminal does, when its first socket is removed before a terminal came (the start failed), or when none
//! came in time.

use super::{is_momentary, poll, read, write};
use std::ffi::{OsStr, OsString};
use std::io::{Error, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// `ctys __cube_keeper <socket of consoles> <socket of the runtime>`
pub const HIDDEN_VERB: &str = "__cube_keeper";

/// How much of what was said is remembered.
const REMEMBERED: usize = 64 * 1024;

/// How much a console may be behind before it is left.
const BEHIND: usize = 1024 * 1024;

/// How long the runtime may take to hand the terminal over.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long what was said is kept for a console when the program has ended before any came.
const LINGER: Duration = Duration::from_secs(10);

/// Listens, goes to the background, keeps. Returns the exit code of the call; that of the keeper nobody sees.
pub fn serve(words: &[OsString]) -> u8 {
    let [consoles, runtime] = words else {
        eprintln!("ctys {HIDDEN_VERB} is for ctys itself");
        return 1;
    };
    let listeners = listen(consoles).and_then(|consoles| Ok((consoles, listen(runtime)?)));
    let (for_consoles, for_runtime) = match listeners {
        Ok(listeners) => listeners,
        Err(error) => {
            eprintln!("the terminal of the container cannot be kept: {error}");
            return 1;
        }
    };
    // SAFETY: this process has one thread: it has only read its words so far.
    match unsafe { libc::fork() } {
        -1 => {
            eprintln!("the terminal of the container cannot be kept: {}", Error::last_os_error());
            1
        }
        0 => {
            alone(&[for_consoles.as_raw_fd(), for_runtime.as_raw_fd()]);
            let keeper = Keeper { terminal: None, consoles: Vec::new(), said: Vec::new(), met: false };
            let (consoles, runtime) = (Own::at(consoles), Own::at(runtime));
            keeper.keep(&for_consoles, for_runtime, &runtime);
            consoles.remove();
            runtime.remove();
            0
        }
        _ => 0,
    }
}

/// A socket that is ours. The keeper of the cube's next life may have put its own in the place, which is not ours to remove.
struct Own<'a> {
    path: &'a Path,
    identity: Option<(u64, u64)>,
}

impl Own<'_> {
    fn at(path: &OsStr) -> Own<'_> {
        let path = Path::new(path);
        Own { path, identity: Own::found(path) }
    }

    fn found(path: &Path) -> Option<(u64, u64)> {
        std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
    }

    fn is_there(&self) -> bool {
        self.identity.is_some() && Own::found(self.path) == self.identity
    }

    fn remove(&self) {
        if self.is_there() {
            let _ = std::fs::remove_file(self.path);
        }
    }
}

/// A socket of this name, for its owner only; what an earlier keeper left is replaced.
fn listen(path: &OsStr) -> Result<UnixListener, Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // SAFETY: umask takes a number; no other thread makes files.
    let before = unsafe { libc::umask(0o177) };
    let listener = UnixListener::bind(path);
    // SAFETY: as above.
    unsafe { libc::umask(before) };
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A session of its own, no folder and no descriptor of the caller's.
pub(super) fn alone(kept: &[RawFd]) {
    // SAFETY: system calls with plain numbers; the path is a constant.
    unsafe {
        libc::setsid();
        libc::chdir(c"/".as_ptr());
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for fd in 0..3 {
            libc::dup2(null, fd);
        }
        let most = libc::sysconf(libc::_SC_OPEN_MAX).clamp(256, 65_536) as RawFd;
        for fd in (3..most).filter(|fd| !kept.contains(fd)) {
            libc::close(fd);
        }
    }
}

struct Keeper {
    terminal: Option<OwnedFd>,
    consoles: Vec<Console>,
    /// What was said last.
    said: Vec<u8>,
    /// A console has seen it.
    met: bool,
}

/// A console and what it has yet to be told.
struct Console {
    stream: UnixStream,
    out: Vec<u8>,
}

impl Keeper {
    fn keep(mut self, for_consoles: &UnixListener, for_runtime: UnixListener, path: &Own<'_>) {
        let begun = Instant::now();
        let mut runtime = Some(for_runtime);
        let mut ended: Option<Instant> = None;
        loop {
            let waits = runtime.is_some() || ended.is_some();
            let mut asked = vec![
                (for_consoles.as_raw_fd(), true, false),
                (runtime.as_ref().map_or(-1, AsRawFd::as_raw_fd), true, false),
                (self.terminal.as_ref().map_or(-1, AsRawFd::as_raw_fd), ended.is_none(), false),
            ];
            asked.extend(
                self.consoles.iter().map(|console| (console.stream.as_raw_fd(), true, !console.out.is_empty())),
            );
            let Ok(ready) = poll(&asked, if waits { 500 } else { -1 }) else { return };
            if ready[1].0
                && let Some(listener) = &runtime
            {
                match listener.accept().and_then(|(stream, _)| receive(&stream)) {
                    Ok(terminal) => {
                        self.terminal = Some(terminal);
                        runtime = None;
                        path.remove();
                    }
                    Err(error) if is_momentary(&error) => {}
                    Err(_) => return,
                }
            }
            if runtime.is_some() && (!path.is_there() || begun.elapsed() > PATIENCE) {
                return;
            }
            for (n, &(readable, writable)) in ready[3..].iter().enumerate() {
                self.serve(n, readable, writable);
            }
            self.consoles.retain(|console| console.out.len() <= BEHIND);
            if ready[2].0 && !self.listen() {
                ended = Some(Instant::now());
            }
            if ready[0].0
                && let Ok((stream, _)) = for_consoles.accept()
                && stream.set_nonblocking(true).is_ok()
            {
                self.met = true;
                self.consoles.push(Console { stream, out: self.said.clone() });
            }
            let told = self.consoles.iter().all(|console| console.out.is_empty());
            if ended.is_some_and(|at| (self.met && told) || at.elapsed() > LINGER) {
                return;
            }
        }
    }

    /// Takes what the program says. False when its terminal has ended: the last of those who had it open is gone.
    fn listen(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let Some(terminal) = &self.terminal else { return false };
        match read(terminal.as_raw_fd(), &mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.said.extend(&buffer[..count]);
                let surplus = self.said.len().saturating_sub(REMEMBERED);
                self.said.drain(..surplus);
                self.consoles.iter_mut().for_each(|console| console.out.extend(&buffer[..count]));
                true
            }
            Err(error) => is_momentary(&error),
        }
    }

    /// Hands on what a console has typed, and tells it what it has yet to hear. One that has gone is behind for ever.
    fn serve(&mut self, n: usize, readable: bool, writable: bool) {
        let Some(console) = self.consoles.get_mut(n) else { return };
        let mut gone = false;
        if readable {
            let mut buffer = [0; 4096];
            match console.stream.read(&mut buffer) {
                Ok(0) => gone = true,
                Ok(count) => {
                    if let Some(terminal) = &self.terminal {
                        // What a program does not read is lost, as at any terminal.
                        let _ = write(terminal.as_raw_fd(), &buffer[..count]);
                    }
                }
                Err(error) => gone = !is_momentary(&error),
            }
        }
        if writable {
            match console.stream.write(&console.out) {
                Ok(count) => drop(console.out.drain(..count)),
                Err(error) => gone |= !is_momentary(&error),
            }
        }
        if gone {
            console.out = vec![0; BEHIND + 1];
        }
    }
}

/// The terminal that the runtime sends: one message with one descriptor.
fn receive(stream: &UnixStream) -> Result<OwnedFd, Error> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut text = [0u8; 256];
    let mut part = libc::iovec { iov_base: text.as_mut_ptr().cast(), iov_len: text.len() };
    // Room for one descriptor, aligned as control messages are.
    let mut control = [0u64; 8];
    // SAFETY: msghdr is plain data; all pointers name memory that outlives the call, with its own length.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        if libc::recvmsg(stream.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC) < 0 {
            return Err(Error::last_os_error());
        }
        let header = libc::CMSG_FIRSTHDR(&message);
        if header.is_null() || (*header).cmsg_level != libc::SOL_SOCKET || (*header).cmsg_type != libc::SCM_RIGHTS {
            return Err(Error::other("the runtime sent no terminal"));
        }
        let fd: RawFd = std::ptr::read_unaligned(libc::CMSG_DATA(header).cast());
        Ok(OwnedFd::from_raw_fd(fd))
    }
}
