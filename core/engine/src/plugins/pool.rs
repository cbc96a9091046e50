//! Workers that answer messages, one message at a time each, for callers that come at the same time.
//!
//! A call costs microseconds, so a few workers serve any number of host threads. A worker that failed is thrown away; after
//! too many time-outs the plugin is dead for the rest of the run, and every caller gets the reason at once.

use super::error::Cause;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Answers one message after the other.
pub trait Worker: Sized + Send {
    /// Answers one, within the limit. After an error the worker is not used again.
    fn call(&mut self, message: &[u8], limit: Duration) -> Result<Vec<u8>, Cause>;
}

type Start<W> = Box<dyn Fn() -> Result<W, Cause> + Send + Sync>;

/// Workers of one plugin.
pub struct Pool<W> {
    start: Start<W>,
    /// As many at most.
    most: usize,
    /// How many time-outs are allowed before the plugin is dead.
    patience: u32,
    limit: Duration,
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    idle: Vec<W>,
    /// Workers that exist, idle or not.
    alive: usize,
    time_outs: u32,
    dead: Option<Cause>,
}

impl<W: Worker> Pool<W> {
    /// A pool with this worker, that starts others when they are needed.
    pub fn new(first: W, most: usize, patience: u32, limit: Duration, start: Start<W>) -> Pool<W> {
        let state = State { idle: vec![first], alive: 1, time_outs: 0, dead: None };
        Pool { start, most: most.max(1), patience, limit, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Answers one message. The limit counts from when a worker takes it up.
    pub fn call(&self, message: &[u8]) -> Result<Vec<u8>, Cause> {
        let mut worker = self.take()?;
        match worker.call(message, self.limit) {
            Ok(answer) => {
                self.lock().idle.push(worker);
                self.changed.notify_one();
                Ok(answer)
            }
            Err(cause) => {
                drop(worker);
                self.lost(Some(&cause));
                Err(cause)
            }
        }
    }

    /// Why the plugin is dead, when it is.
    pub fn dead(&self) -> Option<Cause> {
        self.lock().dead.clone()
    }

    fn take(&self) -> Result<W, Cause> {
        let mut state = self.lock();
        loop {
            if let Some(cause) = &state.dead {
                return Err(cause.clone());
            }
            if let Some(worker) = state.idle.pop() {
                return Ok(worker);
            }
            if state.alive < self.most {
                state.alive += 1;
                drop(state);
                return (self.start)().inspect_err(|_| self.lost(None));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lost(&self, cause: Option<&Cause>) {
        let mut state = self.lock();
        state.alive -= 1;
        if let Some(cause @ Cause::TimedOut(_)) = cause {
            state.time_outs += 1;
            if state.time_outs >= self.patience {
                state.dead = Some(cause.clone());
            }
        }
        drop(state);
        // All: when the plugin is dead, every waiting caller has to learn it.
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier};

    struct Fake;

    impl Worker for Fake {
        fn call(&mut self, message: &[u8], limit: Duration) -> Result<Vec<u8>, Cause> {
            match message {
                b"late" => Err(Cause::TimedOut(limit.as_millis() as u64)),
                b"crash" => Err(Cause::Died("ended".into())),
                other => Ok(other.to_vec()),
            }
        }
    }

    fn pool(most: usize, patience: u32) -> (Pool<Fake>, Arc<AtomicUsize>) {
        let started = Arc::new(AtomicUsize::new(0));
        let count = started.clone();
        let start = move || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(Fake)
        };
        (Pool::new(Fake, most, patience, Duration::from_millis(7), Box::new(start)), started)
    }

    #[test]
    fn a_worker_serves_many_calls_and_a_broken_one_is_replaced() {
        let (pool, started) = pool(4, 1);
        for _ in 0..10 {
            assert_eq!(pool.call(b"x"), Ok(b"x".to_vec()));
        }
        assert_eq!(started.load(Ordering::SeqCst), 0);
        assert!(pool.call(b"crash").is_err());
        assert_eq!(pool.call(b"x"), Ok(b"x".to_vec()));
        assert_eq!(started.load(Ordering::SeqCst), 1);
        assert_eq!(pool.dead(), None);
    }

    #[test]
    fn patience_ends_and_then_nobody_is_asked() {
        let (pool, started) = pool(4, 2);
        assert_eq!(pool.call(b"late"), Err(Cause::TimedOut(7)));
        assert_eq!(pool.call(b"x"), Ok(b"x".to_vec()));
        assert_eq!(pool.call(b"late"), Err(Cause::TimedOut(7)));
        assert_eq!(pool.call(b"x"), Err(Cause::TimedOut(7)));
        assert_eq!(started.load(Ordering::SeqCst), 1);
        assert_eq!(pool.dead(), Some(Cause::TimedOut(7)));
    }

    #[test]
    fn many_callers_share_few_workers() {
        let (pool, started) = pool(2, 1);
        let barrier = Barrier::new(64);
        std::thread::scope(|scope| {
            for n in 0..64_u8 {
                let (pool, barrier) = (&pool, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    for _ in 0..20 {
                        assert_eq!(pool.call(&[n]), Ok(vec![n]));
                    }
                });
            }
        });
        assert!(started.load(Ordering::SeqCst) <= 1);
    }

    #[test]
    fn a_worker_that_cannot_start_leaves_room_for_the_next() {
        let tries = AtomicUsize::new(0);
        let start = move || match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Cause::Died("cannot be started".into())),
            _ => Ok(Fake),
        };
        let pool = Pool::new(Fake, 1, 1, Duration::from_millis(7), Box::new(start));
        assert!(pool.call(b"crash").is_err());
        assert_eq!(pool.call(b"x"), Err(Cause::Died("cannot be started".into())));
        assert_eq!(pool.call(b"x"), Ok(b"x".to_vec()));
    }
}
