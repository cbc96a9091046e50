//! Many targets at once: threads, the clock and the interrupts around the state machine of `dispatch.rs`.

use crate::dispatch::{Dispatch, Event, Order};
use crate::signals::Listening;
use std::collections::VecDeque;
use std::io::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

/// What one thread needs of stack: OpenSSL's big-number code and the plugins' parsers, measured below 200 KiB.
const STACK: usize = 1024 * 1024;

/// What the caller hears of a fan-out.
#[derive(Debug)]
pub enum Update<R> {
    /// This target has its answer.
    Done(usize, R),
    /// This target did not come back within its time.
    GaveUp(usize),
    /// The work on this target panicked, or got no thread; the text says which.
    Failed(usize, String),
    /// This target was never started: the call was interrupted before.
    NotStarted(usize),
    /// This target was at work when the call was interrupted for good.
    Abandoned(usize),
    /// The call was interrupted once; these are still out.
    Waiting(Vec<usize>),
    /// Time passes: so many have ended, these are out. Comes about ten times a second.
    Progress {
        /// How many targets have ended.
        ended: usize,
        /// Those at work.
        at_work: Vec<usize>,
    },
}

/// The interrupt of a call: Ctrl-C and SIGTERM, or a test.
#[derive(Clone, Default)]
pub struct Interrupt {
    state: Arc<(AtomicBool, Mutex<()>, Condvar)>,
}

impl Interrupt {
    /// True once the call was interrupted.
    pub fn seen(&self) -> bool {
        self.state.0.load(Ordering::SeqCst)
    }

    /// Interrupts.
    pub fn raise(&self) {
        self.state.0.store(true, Ordering::SeqCst);
        let _guard = self.state.1.lock();
        self.state.2.notify_all();
    }

    /// Waits; false when it was interrupted before the time was over.
    pub fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut guard = self.state.1.lock().unwrap_or_else(|broken| broken.into_inner());
        loop {
            if self.seen() {
                return false;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            guard = self.state.2.wait_timeout(guard, left).unwrap_or_else(|broken| broken.into_inner()).0;
        }
    }
}

enum Message<R> {
    /// A target, with what came out or the words of the panic, and the number of the thread, which is free now.
    Finished(usize, Result<R, String>, usize),
    Interrupt,
}

/// Works on all targets: `work(n)` in a thread that has nothing else to do, at most `window` at the same time; `patience` has one
/// entry for each, see [`Dispatch::new`]. Returns when every target has ended, once each. With `signals`, Ctrl-C and
/// SIGTERM interrupt.
pub fn run<R: Send + 'static>(
    window: usize,
    patience: Vec<Option<Duration>>,
    interrupt: &Interrupt,
    signals: bool,
    work: Arc<dyn Fn(usize) -> R + Send + Sync>,
    mut hear: impl FnMut(Update<R>),
) {
    const PROGRESS_EVERY: Duration = Duration::from_millis(100);
    let (send, receive) = mpsc::channel::<Message<R>>();
    let _watch = signals.then(|| watch_signals(send.clone()));
    let mut dispatch = Dispatch::new(window, patience);
    let start = Instant::now();
    let mut last_progress = Duration::ZERO;
    // A thread is used again: a new one costs its start, and OpenSSL a source of random numbers of its own.
    let (mut threads, mut free) = (Vec::new(), Vec::new());
    let (mut event, mut result) = (Event::Tick, None);
    loop {
        let now = start.elapsed();
        if event == Event::Interrupt {
            interrupt.raise();
        }
        let mut orders = VecDeque::from(dispatch.handle(now, event));
        while let Some(order) = orders.pop_front() {
            match order {
                Order::Start(target) => {
                    let started = match free.pop() {
                        Some(number) => Ok(number),
                        None => start_thread(threads.len(), work.clone(), send.clone()).map(|targets| {
                            threads.push(targets);
                            threads.len() - 1
                        }),
                    };
                    let started = started.and_then(|number| threads[number].send(target).map_err(Error::other));
                    if let Err(error) = started {
                        // This target ends here; the others may still get a thread.
                        hear(Update::Failed(target, format!("no thread could be started: {error}")));
                        let then = dispatch.handle(now, Event::Finished(target));
                        orders.extend(then.into_iter().filter(|order| *order != Order::Deliver(target)));
                    }
                }
                Order::Deliver(target) => match result.take() {
                    Some(Ok(result)) => hear(Update::Done(target, result)),
                    Some(Err(words)) => hear(Update::Failed(target, words)),
                    None => unreachable!("only a result ends a target this way"),
                },
                Order::GiveUp(target) => hear(Update::GaveUp(target)),
                Order::NotStarted(targets) => targets.into_iter().for_each(|target| hear(Update::NotStarted(target))),
                Order::SayWaiting(targets) => hear(Update::Waiting(targets)),
                Order::Abandon(targets) => targets.into_iter().for_each(|target| hear(Update::Abandoned(target))),
                Order::End => return,
            }
        }
        let now = start.elapsed();
        if now >= last_progress + PROGRESS_EVERY {
            last_progress = now;
            hear(Update::Progress { ended: dispatch.ended(), at_work: dispatch.at_work() });
        }
        let tick = dispatch.next_tick(now).map_or(PROGRESS_EVERY, |due| due.saturating_sub(now).min(PROGRESS_EVERY));
        (event, result) = match receive.recv_timeout(tick) {
            Ok(Message::Finished(target, result, number)) => {
                free.push(number);
                (Event::Finished(target), Some(result))
            }
            Ok(Message::Interrupt) => (Event::Interrupt, None),
            Err(_) => (Event::Tick, None),
        };
    }
}

/// A thread that works on the targets it is sent, one after the other. It ends when nobody can send it one.
fn start_thread<R: Send + 'static>(
    number: usize,
    work: Arc<dyn Fn(usize) -> R + Send + Sync>,
    finished: mpsc::Sender<Message<R>>,
) -> Result<mpsc::Sender<usize>, Error> {
    let (send, targets) = mpsc::channel();
    let all = move || {
        for target in targets {
            let result = catch_unwind(AssertUnwindSafe(|| work(target))).map_err(words_of_panic);
            // The receiver is gone when the call has ended without this target.
            let _ = finished.send(Message::Finished(target, result, number));
        }
    };
    std::thread::Builder::new().name("target".into()).stack_size(STACK).spawn(all)?;
    Ok(send)
}

fn words_of_panic(panic: Box<dyn std::any::Any + Send>) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("ctys itself failed: {}", words.unwrap_or("it panicked"))
}

/// Turns SIGINT, SIGTERM and the end of the terminal into messages for as long as the value lives.
struct SignalWatch {
    _listening: Listening,
    registered: Vec<signal_hook::SigId>,
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

fn watch_signals<R: Send + 'static>(send: mpsc::Sender<Message<R>>) -> SignalWatch {
    let (_listening, mut registered) = (Listening::begin(), Vec::new());
    let Ok((mut read, write)) = std::os::unix::net::UnixStream::pair() else {
        return SignalWatch { _listening, registered };
    };
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        if let Ok(write) = write.try_clone()
            && let Ok(id) = signal_hook::low_level::pipe::register(signal, write)
        {
            registered.push(id);
        }
    }
    // Ctrl-\ ends at once, whoever listens to the others.
    let quits = Arc::new(AtomicBool::new(true));
    registered.extend(signal_hook::flag::register_conditional_default(signal_hook::consts::SIGQUIT, quits));
    // A terminal that closes says so, and its shell once more: both are one interrupt, nobody meant a second.
    if !crate::signals::is_ignored(signal_hook::consts::SIGHUP)
        && let Ok((mut read, write)) = std::os::unix::net::UnixStream::pair()
        && let Ok(id) = signal_hook::low_level::pipe::register(signal_hook::consts::SIGHUP, write)
    {
        registered.push(id);
        let send = send.clone();
        let _ = std::thread::Builder::new().name("hangup".into()).stack_size(64 * 1024).spawn(move || {
            if std::io::Read::read_exact(&mut read, &mut [0]).is_ok() {
                let _ = send.send(Message::Interrupt);
            }
        });
    }
    let _ = std::thread::Builder::new().name("signals".into()).stack_size(64 * 1024).spawn(move || {
        let mut byte = [0];
        while std::io::Read::read_exact(&mut read, &mut byte).is_ok() {
            if send.send(Message::Interrupt).is_err() {
                return;
            }
        }
    });
    SignalWatch { _listening, registered }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::atomic::AtomicUsize;

    fn collect(count: usize, window: usize, work: impl Fn(usize) -> usize + Send + Sync + 'static) -> Vec<usize> {
        let mut done = Vec::new();
        run(window, vec![None; count], &Interrupt::default(), false, Arc::new(work), |update| {
            if let Update::Done(target, value) = update {
                assert_eq!(value, target * 2);
                done.push(target);
            }
        });
        done
    }

    #[test]
    fn all_targets_come_back() {
        let mut done = collect(200, 64, |n| n * 2);
        done.sort();
        assert_eq!(done, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn a_thread_is_used_again_and_one_that_panicked_too() {
        let threads = Arc::new(Mutex::new(HashSet::new()));
        let seen = threads.clone();
        let mut ended = 0;
        let work = move |n: usize| {
            seen.lock().unwrap().insert(std::thread::current().id());
            assert_ne!(n % 3, 2, "made to panic");
        };
        run(2, vec![None; 30], &Interrupt::default(), false, Arc::new(work), |update| {
            ended += usize::from(matches!(update, Update::Done(..) | Update::Failed(..)));
        });
        assert_eq!(ended, 30);
        assert!(threads.lock().unwrap().len() <= 2);
    }

    #[test]
    fn never_more_at_once_than_the_window() {
        let now = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let (count, seen) = (now.clone(), most.clone());
        collect(50, 4, move |n| {
            seen.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            count.fetch_sub(1, Ordering::SeqCst);
            n * 2
        });
        assert!(most.load(Ordering::SeqCst) <= 4);
    }

    #[test]
    fn a_target_that_hangs_is_given_up_and_the_others_are_heard() {
        let (hold, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let mut heard = Vec::new();
        let work = move |n: usize| {
            if n == 1 {
                let _ = held.lock().unwrap().recv();
            }
            n
        };
        let patience = vec![Some(Duration::from_millis(200)); 3];
        run(3, patience, &Interrupt::default(), false, Arc::new(work), |update| match update {
            Update::Done(n, _) => heard.push((n, "done")),
            Update::GaveUp(n) => heard.push((n, "gave up")),
            _ => {}
        });
        drop(hold);
        heard.sort();
        assert_eq!(heard, [(0, "done"), (1, "gave up"), (2, "done")]);
    }

    #[test]
    fn a_panic_in_one_target_costs_only_that_one() {
        let mut heard = Vec::new();
        let work = |n: usize| {
            assert_ne!(n, 2, "made to panic");
            n
        };
        // Without patience, as in a change: nothing but the panic itself ends that target.
        run(4, vec![None; 4], &Interrupt::default(), false, Arc::new(work), |update| match update {
            Update::Done(n, _) => heard.push((n, String::new())),
            Update::Failed(n, why) => heard.push((n, why)),
            _ => {}
        });
        heard.sort();
        assert_eq!(heard.len(), 4);
        for (n, why) in heard {
            assert_eq!(why.contains("made to panic"), n == 2, "{n}: {why}");
        }
    }
}
