//! The caller's terminal: kept as it was, made raw, put back on every way out; and the signals meanwhile.

use crate::signals::Listening;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What a guest may have switched on and nobody switches off once it is left: the alternate screen (without moving the
/// cursor, hence not 1049), mouse reports, bracketed paste, application keys, a hidden cursor, colours, a line drawing
/// character set.
const AS_USUAL: &[u8] =
    b"\x1b[?1047l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>\x1b[?25h\x1b[m\x1b(B\x0f";

/// The terminal on standard input with the settings it has, put back when this goes.
pub struct Terminal {
    settings: libc::termios,
    guard: Option<Guard>,
    clears: bool,
}

impl Terminal {
    /// Keeps the settings, and has them put back even if this process is killed. None where there is no terminal.
    pub fn keep() -> Option<Terminal> {
        let settings = settings()?;
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let clears = std::io::stdout().is_terminal() && !dumb;
        Some(Terminal { settings, guard: Guard::over(settings, clears), clears })
    }

    /// Keeps the settings and makes the terminal raw: every key is the machine's.
    pub fn raw() -> Option<Terminal> {
        let settings = settings()?;
        let mut raw = settings;
        // SAFETY: cfmakeraw changes the structure it is given.
        unsafe { libc::cfmakeraw(&mut raw) };
        set(&raw);
        Some(Terminal { settings, guard: None, clears: false })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        set(&self.settings);
        if self.clears {
            let mut stdout = std::io::stdout().lock();
            // A terminal that has gone away needs nothing.
            let _ = stdout.write_all(AS_USUAL).and_then(|()| stdout.flush());
        }
        drop(self.guard.take());
    }
}

fn settings() -> Option<libc::termios> {
    // SAFETY: termios is plain data, which tcgetattr fills for a descriptor that is open or refuses.
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        (libc::tcgetattr(libc::STDIN_FILENO, &mut settings) == 0).then_some(settings)
    }
}

/// At once: a terminal that stands still (Ctrl-S) would be waited for without end.
fn set(settings: &libc::termios) {
    // SAFETY: the settings are those that tcgetattr gave, perhaps changed by cfmakeraw.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, settings) };
}

/// A child that does one thing: when this process ends without a word (SIGKILL cannot be caught) it puts the terminal
/// back. It is in a process group of its own, so it is not killed with ours.
struct Guard {
    child: libc::pid_t,
    /// Its end is what the child waits for; a byte before it means that all is well.
    pipe: UnixStream,
}

impl Guard {
    fn over(settings: libc::termios, clears: bool) -> Option<Guard> {
        let (mut ours, theirs) = UnixStream::pair().ok()?;
        // SAFETY: between fork and _exit the child makes system calls only; other threads may hold any lock.
        match unsafe { libc::fork() } {
            -1 => None,
            0 => unsafe { guard(theirs.as_raw_fd(), &settings, clears) },
            child => {
                drop(theirs);
                // Until it is in its own group, what ends us would end it as well.
                let ready = ours.read_exact(&mut [0]);
                let guard = Guard { child, pipe: ours };
                ready.is_ok().then_some(guard)
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.pipe.write_all(b"k");
        // SAFETY: the child is ours and not yet waited for.
        while unsafe { libc::waitpid(self.child, std::ptr::null_mut(), 0) } == -1
            && std::io::Error::last_os_error().kind() == ErrorKind::Interrupted
        {}
    }
}

/// The life of the guard.
///
/// # Safety
/// Only for the child of a fork; `pipe` is open.
unsafe fn guard(pipe: RawFd, settings: &libc::termios, clears: bool) -> ! {
    // SAFETY: system calls with plain numbers and memory that is there; see the caller.
    unsafe {
        libc::setpgid(0, 0);
        for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGTERM, libc::SIGHUP, libc::SIGTTOU] {
            libc::signal(signal, libc::SIG_IGN);
        }
        // Nothing of the call's is held open: who waits for the end of its output waits for the call alone.
        libc::dup2(pipe, 3);
        libc::syscall(libc::SYS_close_range, 4, libc::c_uint::MAX, 0);
        libc::close(libc::STDOUT_FILENO);
        libc::close(libc::STDERR_FILENO);
        let mut byte = b'r';
        libc::write(3, (&raw const byte).cast(), 1);
        let read = loop {
            let read = libc::read(3, (&raw mut byte).cast(), 1);
            if read != -1 || *libc::__errno_location() != libc::EINTR {
                break read;
            }
        };
        if read == 0 {
            libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, settings);
            if clears {
                libc::write(libc::STDIN_FILENO, AS_USUAL.as_ptr().cast(), AS_USUAL.len());
            }
        }
        libc::_exit(0)
    }
}

/// Signals while a console is open. The keyboard's are the guest's: Ctrl-C must not end us before the terminal is put
/// back. Handlers, unlike ignored signals, are not inherited: a child has the usual ones.
pub struct Watch {
    _listening: Listening,
    registered: Vec<signal_hook::SigId>,
    /// The signal that is to end us; 0 before it has come.
    seen: Arc<AtomicU32>,
    wakes: Option<UnixStream>,
}

impl Watch {
    /// SIGTERM and SIGHUP are handed on to this child, so that it ends and the terminal is put back as after any other
    /// end.
    pub fn over(child: u32) -> Watch {
        let listening = Listening::begin();
        let seen = Arc::new(AtomicU32::new(0));
        let mut registered = Vec::new();
        for signal in [libc::SIGTERM, libc::SIGHUP] {
            let seen = seen.clone();
            let hand_on = move || {
                seen.store(signal as u32, Ordering::Relaxed);
                // SAFETY: kill is async-signal-safe; the child is ours and not waited for while this is registered.
                unsafe { libc::kill(child as libc::pid_t, libc::SIGHUP) };
            };
            // SAFETY: the action stores a number and calls kill.
            registered.extend(unsafe { signal_hook::low_level::register(signal, hand_on) });
        }
        let swallowed = Arc::new(AtomicBool::new(false));
        for signal in [libc::SIGINT, libc::SIGQUIT] {
            registered.extend(signal_hook::flag::register(signal, swallowed.clone()));
        }
        Watch { _listening: listening, registered, seen, wakes: None }
    }

    /// The signals that end a console make [`Watch::descriptor`] readable. Without a terminal SIGINT is one of them.
    pub fn waking(is_tty: bool) -> std::io::Result<Watch> {
        let listening = Listening::begin();
        let seen = Arc::new(AtomicU32::new(0));
        let (wakes, rung) = UnixStream::pair()?;
        rung.set_nonblocking(true)?;
        let rung = Arc::new(OwnedFd::from(rung));
        let mut registered = Vec::new();
        let interrupt = (!is_tty).then_some(libc::SIGINT);
        for signal in [libc::SIGTERM, libc::SIGHUP].into_iter().chain(interrupt) {
            let (seen, rung) = (seen.clone(), rung.clone());
            let ring = move || {
                seen.store(signal as u32, Ordering::Relaxed);
                // SAFETY: write is async-signal-safe; the descriptor lives as long as the action.
                unsafe { libc::write(rung.as_raw_fd(), b"!".as_ptr().cast(), 1) };
            };
            // SAFETY: the action stores a number and calls write.
            registered.push(unsafe { signal_hook::low_level::register(signal, ring) }?);
        }
        Ok(Watch { _listening: listening, registered, seen, wakes: Some(wakes) })
    }

    /// What a signal makes readable.
    pub fn descriptor(&self) -> RawFd {
        self.wakes.as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }

    /// The signal that was to end us.
    pub fn signal(&self) -> Option<u32> {
        Some(self.seen.load(Ordering::Relaxed)).filter(|&signal| signal != 0)
    }

    /// The status of a process that this signal ended; 0 without one.
    pub fn status(&self) -> u8 {
        self.signal().map_or(0, |signal| 128 + signal as u8)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}
