//! Ends a connection whose time is over, from beside it.
//!
//! libssh2 takes packets for as long as they come and looks at no clock meanwhile: a host that prints greetings without
//! end, or sends one SSH_MSG_IGNORE after the other, would keep the caller in one call for ever.
//!
//! One thread of the process watches all connections: one for each costs as much as the rest of what watches it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Instant;

/// Watches one socket. Dropping it ends the watch and leaves the socket as it is.
pub struct Watchdog {
    number: u64,
    socket: RawFd,
}

/// What the thread looks at.
struct State {
    /// The sockets to be shut, and when.
    watches: BTreeMap<u64, (RawFd, Instant)>,
    /// The number of the watchdog that was started last.
    last: u64,
    is_kept: bool,
    /// Until when the thread sleeps by itself; none when it sleeps until it is woken.
    asleep: Option<Instant>,
}

static STATE: Mutex<State> = Mutex::new(State { watches: BTreeMap::new(), last: 0, is_kept: false, asleep: None });

/// Told where the thread would sleep too long.
static EARLIER: Condvar = Condvar::new();

/// While it lives, the socket is shut once the time is over.
#[must_use = "the watch ends with it"]
pub struct Watched {
    number: u64,
}

impl Watchdog {
    /// For a socket that stays open for as long as the watchdog lives.
    pub fn start(socket: RawFd) -> io::Result<Watchdog> {
        let mut state = locked();
        if !state.is_kept {
            Builder::new().name("watchdog".into()).stack_size(64 * 1024).spawn(keep)?;
            state.is_kept = true;
        }
        state.last += 1;
        Ok(Watchdog { number: state.last, socket })
    }

    /// Shuts the socket at `until`, unless what this returns is dropped before.
    pub fn watch(&self, until: Instant) -> Watched {
        let mut state = locked();
        state.watches.insert(self.number, (self.socket, until));
        // Woken only where it would sleep too long: every piece that comes from a host sets a new time, mostly a later one, and
        // the thread finds out when the old one has come.
        let wake = state.asleep.is_none_or(|asleep| until < asleep);
        drop(state);
        if wake {
            EARLIER.notify_one();
        }
        Watched { number: self.number }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        locked().watches.remove(&self.number);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        locked().watches.remove(&self.number);
    }
}

fn locked() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep() {
    let mut state = locked();
    loop {
        let now = Instant::now();
        state.watches.retain(|_, (socket, until)| {
            if *until <= now {
                // SAFETY: the socket is open for as long as its watchdog lives (see `Watchdog::start`), whose drop takes it from here
                // and waits for the lock.
                unsafe { libc::shutdown(*socket, libc::SHUT_RDWR) };
            }
            *until > now
        });
        state.asleep = state.watches.values().map(|(_, until)| *until).min();
        state = match state.asleep {
            None => EARLIER.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                EARLIER
                    .wait_timeout(state, until.saturating_duration_since(now))
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
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
    /// One thread has them all: the earliest one counts, whichever was set last.
    #[test]
    fn each_of_many_ends_at_its_own_time_and_no_other() {
        let start = Instant::now();
        let pairs: Vec<_> = (0..20).map(|_| UnixStream::pair().unwrap()).collect();
        let dogs: Vec<_> = pairs.iter().map(|(ours, _)| Watchdog::start(ours.as_raw_fd()).unwrap()).collect();
        let due = |n: u64| {
            start + if n.is_multiple_of(2) { Duration::from_millis(200 - n * 10) } else { Duration::from_secs(1000) }
        };
        let watched: Vec<_> = (0u64..).zip(&dogs).map(|(n, dog)| dog.watch(due(n))).collect();
        for (n, (mut ours, mut theirs)) in (0u64..).zip(pairs) {
            if n.is_multiple_of(2) {
                assert_eq!(ours.read(&mut [0; 1]).unwrap(), 0);
                assert!(Instant::now() >= due(n));
            } else {
                theirs.write_all(b"x").unwrap();
                assert_eq!(ours.read(&mut [0; 1]).unwrap(), 1);
            }
        }
        drop(watched);
    }
}
