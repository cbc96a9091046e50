//! A target that was started a moment ago: it is knocked at until it lets us in.

use ctys_model::{Phase, Problem};
use std::time::{Duration, Instant};

/// Between two tries. A machine takes far longer than this to boot, and a try that fails costs next to nothing.
const PAUSE: Duration = Duration::from_secs(1);

/// What the progress line says meanwhile.
pub(crate) const WORD: &str = "waiting until it has booted";

/// Tries `login` until it succeeds, for as long as `patience`. `pause` waits, and says false when the call was interrupted.
pub(crate) fn wait(
    patience: Duration,
    mut login: impl FnMut(Instant) -> Result<(), Problem>,
    pause: impl Fn(Duration) -> bool,
) -> Result<(), Problem> {
    let until = Instant::now() + patience;
    loop {
        let Err(mut problem) = login(until) else { return Ok(()) };
        // A machine that boots has no address, then no sshd. One that answers and does not want us will not change its mind.
        if !matches!(problem.phase, Phase::Resolve | Phase::Connect | Phase::Timeout) {
            return Err(problem);
        }
        if Instant::now() + PAUSE >= until {
            let seconds = patience.as_secs_f32();
            problem.message = format!("it did not let us in within {seconds} s of its start: {}", problem.message);
            return Err(problem);
        }
        if !pause(PAUSE) {
            return Err(Problem::new(Phase::Interrupted, format!("interrupted while {WORD}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How it ended, and how often it was tried, with a login that fails in these ways one after the other.
    fn waited(patience_s: u64, pause: bool, failures: &[Phase]) -> (Option<Problem>, usize) {
        let mut tries = 0;
        let login = |_| {
            tries += 1;
            failures.get(tries - 1).map_or(Ok(()), |phase| Err(Problem::new(*phase, "no login")))
        };
        let end = wait(Duration::from_secs(patience_s), login, |_| pause);
        (end.err(), tries)
    }

    #[test]
    fn it_is_tried_until_it_answers() {
        assert_eq!(waited(60, true, &[]), (None, 1));
        assert_eq!(waited(60, true, &[Phase::Resolve, Phase::Connect, Phase::Timeout]), (None, 4));
    }

    #[test]
    fn a_refusal_an_interrupt_and_the_end_of_patience_end_it() {
        for refusal in [Phase::Login, Phase::HostKey, Phase::Here] {
            let (problem, tries) = waited(60, true, &[Phase::Connect, refusal, refusal]);
            assert_eq!((problem.unwrap().phase, tries), (refusal, 2));
        }
        let (problem, tries) = waited(60, false, &[Phase::Connect; 9]);
        assert_eq!((problem.unwrap().phase, tries), (Phase::Interrupted, 1));
        let (problem, tries) = waited(0, true, &[Phase::Connect; 9]);
        let problem = problem.unwrap();
        assert_eq!((problem.phase, tries), (Phase::Connect, 1));
        assert_eq!(problem.message, "it did not let us in within 0 s of its start: no login");
    }
}
