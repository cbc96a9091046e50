//! Ends a connection whose time is over, from beside it.
//!
//! libssh2 takes packets for as long as they come and looks at no clock meanwhile: a host that prints greetings without
//! end, or sends one SSH_MSG_IGNORE after the other, would keep the caller in one call for ever.

use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// Watches one socket. Dropping it ends the watch and leaves the socket as it is.
pub struct Watchdog {
    shared: Arc<(Mutex<Watch>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy)]
enum Watch {
    Idle,
    Until(Instant),
    Over,
}

/// While it lives, the socket is shut once the time is over.
#[must_use = "the watch ends with it"]
pub struct Watched {
    shared: Arc<(Mutex<Watch>, Condvar)>,
}

impl Watchdog {
    /// For a socket that stays open for as long as the watchdog lives.
    pub fn start(socket: RawFd) -> io::Result<Watchdog> {
        let shared = Arc::new((Mutex::new(Watch::Idle), Condvar::new()));
        let its = Arc::clone(&shared);
        let thread = Builder::new().name("watchdog".into()).stack_size(64 * 1024).spawn(move || keep(&its, socket))?;
        Ok(Watchdog { shared, thread: Some(thread) })
    }

    /// Shuts the socket at `until`, unless what this returns is dropped before.
    pub fn watch(&self, until: Instant) -> Watched {
        set(&self.shared, Watch::Until(until));
        Watched { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        set(&self.shared, Watch::Idle);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        set(&self.shared, Watch::Over);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn set((watch, changed): &(Mutex<Watch>, Condvar), to: Watch) {
    *locked(watch) = to;
    // The end of a watch needs no wake-up: the thread finds out when the time has come.
    if !matches!(to, Watch::Idle) {
        changed.notify_one();
    }
}

fn locked(watch: &Mutex<Watch>) -> MutexGuard<'_, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep((watch, changed): &(Mutex<Watch>, Condvar), socket: RawFd) {
    let mut state = locked(watch);
    loop {
        state = match *state {
            Watch::Over => return,
            Watch::Idle => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Watch::Until(until) => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    // SAFETY: the socket is open for as long as the watchdog lives (see `Watchdog::start`).
                    unsafe { libc::shutdown(socket, libc::SHUT_RDWR) };
                    *state = Watch::Idle;
                    continue;
                }
                changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    #[test]
    fn a_stream_without_end_ends() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let host = std::thread::spawn(move || while theirs.write_all(&[b'x'; 4096]).is_ok() {});
        let watchdog = Watchdog::start(ours.as_raw_fd()).unwrap();
        let watched = watchdog.watch(Instant::now() + Duration::from_millis(1));
        let mut buffer = [0; 65536];
        while ours.read(&mut buffer).is_ok_and(|count| count > 0) {}
        host.join().unwrap();
        drop(watched);
    }

    #[test]
    fn a_watch_that_has_ended_leaves_the_socket_alone() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let watchdog = Watchdog::start(ours.as_raw_fd()).unwrap();
        drop(watchdog.watch(Instant::now() + Duration::from_secs(1000)));
        drop(watchdog);
        theirs.write_all(b"x").unwrap();
        assert_eq!(ours.read(&mut [0; 1]).unwrap(), 1);
    }
}
