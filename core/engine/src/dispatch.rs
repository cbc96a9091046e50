//! Which target is worked on when: a state machine without clock, thread or socket.
//!
//! ```text
//!            Start                Finished
//! waiting ----------> running ---------------> ended
//!    |                   |  total clock + grace   ^
//!    |                   +------------------------+   (its later words are not heard any more)
//!    +--------------------------------------------+   an interrupt: never started
//! ```
//!
//! Every target ends exactly once. After an interrupt none is started.

use std::collections::VecDeque;
use std::time::Duration;

/// How many targets are started at once at the beginning; so many more every [`RAMP_EVERY`], up to the window. A
/// thousand logins in one instant look like an attack to a firewall and drown the caller's own processor.
const RAMP_STEP: usize = 8;
/// See [`RAMP_STEP`].
const RAMP_EVERY: Duration = Duration::from_millis(50);

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time has passed.
    Tick,
    /// The work on this target is finished.
    Finished(usize),
    /// The user pressed Ctrl-C (or the process got SIGTERM).
    Interrupt,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Begin with this target.
    Start(usize),
    /// This target has its answer: hand it on.
    Deliver(usize),
    /// This target did not come back within its time: report that and listen to it no more.
    GiveUp(usize),
    /// These were never started since the call was interrupted.
    NotStarted(Vec<usize>),
    /// Tell the user who is still out.
    SayWaiting(Vec<usize>),
    /// These were still at work when the call was interrupted for good.
    Abandon(Vec<usize>),
    /// All is over.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running { until: Option<Duration> },
    Ended,
}

/// The state of one fan-out.
#[derive(Debug)]
pub struct Dispatch {
    states: Vec<State>,
    queue: VecDeque<usize>,
    running: usize,
    window: usize,
    patience: Vec<Option<Duration>>,
    interrupts: u32,
    over: bool,
}

impl Dispatch {
    /// `window`: how many at the same time, at least one. `patience`: for each target, after which time it is given up when it
    /// has not come back (its total clock plus a grace); none for work that takes as long as it takes.
    pub fn new(window: usize, patience: Vec<Option<Duration>>) -> Dispatch {
        let count = patience.len();
        Dispatch {
            states: vec![State::Waiting; count],
            queue: (0..count).collect(),
            running: 0,
            window: window.max(1),
            patience,
            interrupts: 0,
            over: false,
        }
    }

    /// Takes an event at this time since the start of the fan-out and says what is to be done.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Order> {
        let mut orders = Vec::new();
        if self.over {
            return orders;
        }
        match event {
            Event::Tick => {}
            Event::Finished(target) => {
                if matches!(self.states.get(target), Some(State::Running { .. })) {
                    self.end(target);
                    orders.push(Order::Deliver(target));
                }
            }
            Event::Interrupt => {
                self.interrupts += 1;
                if self.interrupts == 1 {
                    let never: Vec<usize> = self.queue.drain(..).collect();
                    for &target in &never {
                        self.states[target] = State::Ended;
                    }
                    if !never.is_empty() {
                        orders.push(Order::NotStarted(never));
                    }
                    if self.running > 0 {
                        orders.push(Order::SayWaiting(self.at_work()));
                    }
                } else {
                    let left = self.at_work();
                    for &target in &left {
                        self.end(target);
                    }
                    orders.push(Order::Abandon(left));
                }
            }
        }
        for target in 0..self.states.len() {
            if let State::Running { until: Some(until) } = self.states[target]
                && now >= until
            {
                self.end(target);
                orders.push(Order::GiveUp(target));
            }
        }
        while self.running < self.open_window(now) {
            let Some(target) = self.queue.pop_front() else { break };
            self.states[target] = State::Running { until: self.patience[target].map(|patience| now + patience) };
            self.running += 1;
            orders.push(Order::Start(target));
        }
        if self.running == 0 && self.queue.is_empty() {
            self.over = true;
            orders.push(Order::End);
        }
        orders
    }

    /// When [`Event::Tick`] is due at the latest; none when only an event can change anything.
    pub fn next_tick(&self, now: Duration) -> Option<Duration> {
        let give_up = self.states.iter().filter_map(|state| match state {
            State::Running { until } => *until,
            _ => None,
        });
        let ramp = (!self.queue.is_empty() && self.open_window(now) < self.window).then(|| {
            let steps = now.as_millis() / RAMP_EVERY.as_millis() + 1;
            RAMP_EVERY * steps as u32
        });
        give_up.chain(ramp).min()
    }

    /// How many have ended.
    pub fn ended(&self) -> usize {
        self.states.iter().filter(|&&state| state == State::Ended).count()
    }

    /// Those that were started and have not come back.
    pub fn at_work(&self) -> Vec<usize> {
        (0..self.states.len()).filter(|&target| matches!(self.states[target], State::Running { .. })).collect()
    }

    fn end(&mut self, target: usize) {
        self.states[target] = State::Ended;
        self.running -= 1;
    }

    fn open_window(&self, now: Duration) -> usize {
        let steps = (now.as_millis() / RAMP_EVERY.as_millis()) as usize + 1;
        self.window.min(steps.saturating_mul(RAMP_STEP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_window_opens_step_by_step_and_never_further() {
        let mut dispatch = Dispatch::new(20, vec![None; 100]);
        assert_eq!(dispatch.handle(ms(0), Event::Tick).len(), 8);
        assert_eq!(dispatch.next_tick(ms(0)), Some(ms(50)));
        assert_eq!(dispatch.handle(ms(10), Event::Tick).len(), 0);
        assert_eq!(dispatch.handle(ms(50), Event::Tick).len(), 8);
        assert_eq!(dispatch.handle(ms(100), Event::Tick).len(), 4);
        assert_eq!(dispatch.handle(ms(900), Event::Tick).len(), 0);
        assert_eq!(dispatch.next_tick(ms(900)), None);
        assert_eq!(dispatch.handle(ms(901), Event::Finished(3)), [Order::Deliver(3), Order::Start(20)]);
    }

    #[test]
    fn one_after_the_other_keeps_the_order() {
        let mut dispatch = Dispatch::new(1, vec![None; 3]);
        assert_eq!(dispatch.handle(ms(0), Event::Tick), [Order::Start(0)]);
        assert_eq!(dispatch.handle(ms(1), Event::Finished(0)), [Order::Deliver(0), Order::Start(1)]);
        assert_eq!(dispatch.handle(ms(2), Event::Finished(1)), [Order::Deliver(1), Order::Start(2)]);
        assert_eq!(dispatch.handle(ms(3), Event::Finished(2)), [Order::Deliver(2), Order::End]);
    }

    #[test]
    fn no_targets_end_at_once() {
        assert_eq!(Dispatch::new(64, Vec::new()).handle(ms(0), Event::Tick), [Order::End]);
    }

    #[test]
    fn a_target_that_is_late_is_given_up_once_and_not_heard_again() {
        // The third is a change, which takes as long as it takes; it costs the others nothing.
        let mut dispatch = Dispatch::new(64, vec![Some(ms(1000)), Some(ms(1000)), None]);
        dispatch.handle(ms(0), Event::Tick);
        assert_eq!(dispatch.next_tick(ms(0)), Some(ms(1000)));
        assert_eq!(dispatch.handle(ms(400), Event::Finished(1)), [Order::Deliver(1)]);
        assert_eq!(dispatch.handle(ms(1000), Event::Tick), [Order::GiveUp(0)]);
        assert_eq!(dispatch.handle(ms(1001), Event::Finished(0)), []);
        assert_eq!(dispatch.next_tick(ms(1001)), None);
        assert_eq!(dispatch.handle(ms(9000), Event::Finished(2)), [Order::Deliver(2), Order::End]);
    }

    #[test]
    fn the_first_interrupt_starts_nothing_more_and_names_who_is_out() {
        let mut dispatch = Dispatch::new(2, vec![None; 4]);
        dispatch.handle(ms(0), Event::Tick);
        assert_eq!(
            dispatch.handle(ms(5), Event::Interrupt),
            [Order::NotStarted(vec![2, 3]), Order::SayWaiting(vec![0, 1])]
        );
        assert_eq!(dispatch.handle(ms(6), Event::Finished(0)), [Order::Deliver(0)]);
        assert_eq!(dispatch.handle(ms(7), Event::Interrupt), [Order::Abandon(vec![1]), Order::End]);
        assert_eq!(dispatch.handle(ms(8), Event::Finished(1)), []);
    }

    #[test]
    fn every_target_ends_exactly_once_whatever_happens() {
        // A small random walk without a crate: the same numbers every time.
        let mut seed = 1u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % below
        };
        for _ in 0..500 {
            let count = random(30) as usize;
            let window = random(10) as usize;
            let patience = (0..count).map(|_| (random(2) == 0).then(|| ms(50 + random(500)))).collect();
            let mut dispatch = Dispatch::new(window, patience);
            let mut ends = vec![0; count];
            let mut started = vec![0; count];
            let mut interrupted = false;
            let mut over = false;
            let mut now = 0;
            for _ in 0..2000 {
                now += random(20);
                let event = match random(40) {
                    0 => Event::Interrupt,
                    1..=20 if count > 0 => Event::Finished(random(count as u64) as usize),
                    _ => Event::Tick,
                };
                let orders = dispatch.handle(ms(now), event);
                interrupted |= event == Event::Interrupt;
                for order in orders {
                    assert!(!over, "an order after the end");
                    match order {
                        Order::Start(t) => {
                            assert!(!interrupted, "a start after an interrupt");
                            started[t] += 1;
                        }
                        Order::Deliver(t) | Order::GiveUp(t) => ends[t] += 1,
                        Order::NotStarted(list) | Order::Abandon(list) => list.iter().for_each(|&t| ends[t] += 1),
                        Order::SayWaiting(_) => {}
                        Order::End => over = true,
                    }
                }
                if over {
                    break;
                }
            }
            assert!(over, "no end in sight");
            assert!(ends.iter().all(|&n| n == 1), "{ends:?}");
            assert!(started.iter().all(|&n| n <= 1), "{started:?}");
        }
    }
}
