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
    shared: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    watch: Watch,
    /// Until when the thread sleeps by itself; none when it sleeps until it is woken.
    asleep: Option<Instant>,
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
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Watchdog {
    /// For a socket that stays open for as long as the watchdog lives.
    pub fn start(socket: RawFd) -> io::Result<Watchdog> {
        let shared = Arc::new((Mutex::new(State { watch: Watch::Idle, asleep: None }), Condvar::new()));
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

/// Wakes the thread only where it would sleep too long: every piece that comes from a host sets a new time, mostly a later
/// one, and the thread finds out when the old one has come.
fn set((state, changed): &(Mutex<State>, Condvar), to: Watch) {
    let mut state = locked(state);
    state.watch = to;
    let wake = match to {
        Watch::Idle => false,
        Watch::Until(until) => state.asleep.is_none_or(|asleep| until < asleep),
        Watch::Over => true,
    };
    drop(state);
    if wake {
        changed.notify_one();
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep((state, changed): &(Mutex<State>, Condvar), socket: RawFd) {
    let mut state = locked(state);
    loop {
        let until = match state.watch {
            Watch::Over => return,
            Watch::Idle => None,
            Watch::Until(until) => Some(until),
        };
        state.asleep = until;
        state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(left) if left.is_zero() => {
                // SAFETY: the socket is open for as long as the watchdog lives (see `Watchdog::start`).
                unsafe { libc::shutdown(socket, libc::SHUT_RDWR) };
                state.watch = Watch::Idle;
                state
            }
            Some(left) => changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
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

    /// A thread that sleeps for a later time is woken for an earlier one; one for an earlier time goes on for the later one.
    #[test]
    fn a_watch_counts_whatever_the_one_before_it_was() {
        for earlier in [Duration::from_secs(1000), Duration::from_millis(20)] {
            let (mut ours, _theirs) = UnixStream::pair().unwrap();
            let watchdog = Watchdog::start(ours.as_raw_fd()).unwrap();
            let first = watchdog.watch(Instant::now() + earlier);
            // The thread is asleep for the first by then, or it takes the second at once: both must end the read.
            std::thread::sleep(Duration::from_millis(5));
            drop(first);
            let watched = watchdog.watch(Instant::now() + Duration::from_millis(100));
            assert_eq!(ours.read(&mut [0; 1]).unwrap(), 0);
            drop(watched);
        }
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
