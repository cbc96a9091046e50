//! A conversation with a shell that means no good.

use ctys_engine::script::Item;
use ctys_engine::session::{Conversation, Session};
use ctys_engine::transport::{Clocks, Piece, Shell};
use ctys_model::{Command, Phase, Problem};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const NONCE: &str = "f00dfeedf00dfeed";

/// Takes everything and answers with these pieces, whatever it was asked, then ends.
struct Answers(VecDeque<Piece>);

impl Shell for Answers {
    fn send(&mut self, _: &[u8], _: Instant) -> Result<(), Problem> {
        Ok(())
    }
    fn receive(&mut self, _: Instant) -> Result<Piece, Problem> {
        Ok(self.0.pop_front().unwrap_or(Piece::End(None)))
    }
    fn carrier(&self) -> &'static str {
        "made up"
    }
}

/// The problem of a round with one item, asked with this much time.
fn problem(pieces: Vec<Piece>, time: Duration) -> Problem {
    let shell = Box::new(Answers(pieces.into()));
    let deadline = Instant::now() + time;
    let mut session = Session::new(shell, NONCE.into(), &[], Clocks::default(), deadline);
    let (_, outcome) = session.round(&[Item::Run(vec![Command::new("true")])], None);
    outcome.expect_err("it was taken for an answer")
}

fn out(text: &str) -> Piece {
    Piece::Out(text.replace("NONCE", NONCE).into_bytes())
}

fn err(text: &str) -> Piece {
    Piece::Err(text.replace("NONCE", NONCE).into_bytes())
}

#[test]
fn a_host_that_never_pauses_is_ended_by_the_total_clock() {
    // The time is over before the first piece; a host that is heard to its end would be told to have ended.
    let pieces = (0..100).map(|_| out("x")).collect();
    assert_eq!(problem(pieces, Duration::ZERO).phase, Phase::Timeout);
}

#[test]
fn answers_to_what_was_never_asked_are_garbled() {
    let made_up = "NONCE b 2\nhello\nNONCE e 2 0 0\n";
    let problem = problem(vec![out(made_up), err(made_up)], Duration::from_secs(60));
    assert_eq!(problem.phase, Phase::Parse, "{problem:?}");
    assert!(problem.message.contains("b 2"), "{problem:?}");
}

#[test]
fn a_round_that_ends_without_an_answer_is_a_problem_not_silence() {
    let who = "NONCE b 0\nLinux n 6 x\nuid=0(root) gid=0(root)\n/\nNONCE e 0 0 0\n";
    for (case, item) in [("left out", ""), ("no status", "NONCE b 1\nNONCE e 1 zero 0\n")] {
        let pieces = vec![out(&format!("{who}{item}NONCE x 0\n")), err(&format!("{who}{item}NONCE x 0\n"))];
        let problem = problem(pieces, Duration::from_secs(60));
        assert_eq!(problem.phase, Phase::Parse, "{case}: {problem:?}");
        assert!(problem.message.contains("all but 1 of 1"), "{case}: {problem:?}");
    }
}

#[test]
fn a_host_whose_name_is_a_megabyte_has_not_said_who_it_is() {
    let check = |length: usize, named: bool| {
        let node = "n".repeat(length);
        let about = format!(
            "NONCE b 0\nLinux {node} 6 x\nuid=0(root) gid=0(root)\n/\nNONCE e 0 0 0\nNONCE b 1\nNONCE e 1 0 0\nNONCE x 0\n"
        );
        let marks = "NONCE b 0\nNONCE e 0 0 0\nNONCE b 1\nNONCE e 1 0 0\nNONCE x 0\n";
        let shell = Box::new(Answers([out(&about), err(marks)].into()));
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut session = Session::new(shell, NONCE.into(), &[], Clocks::default(), deadline);
        let (_, outcome) = session.round(&[Item::Run(Vec::new())], None);
        assert_eq!((outcome.is_ok(), session.host().is_some()), (named, named), "{length}");
    };
    check(64, true);
    check(1024 * 1024, false);
}
