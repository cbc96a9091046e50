//! `ctys` is killed at any moment of a change, as by a power cut at the caller. What is left there a second call must see,
//! and finish or undo.
//!
//! `CTYS_TEST_KILLS=100` makes more rounds, `CTYS_TEST_KILL_SEED=7` other ones. A failure names its seed and round.

use crate::dom0::Dom0;
use crate::sealed::Outcome;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// splitmix64: the same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A number from the environment.
fn number(variable: &str, usual: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => usual,
    }
}

const START: &str = "create=p:/root/xen/tst-ctys/tst104/tst104.conf,CONSOLE:none,PING:OFF";
const RESUME: &str = "create=l:tst104,RESUME,CONSOLE:none,PING:OFF";
const END: &str = "cancel=l:tst104,POWEROFF:0";
const SUSPEND: &str = "cancel=l:tst104,SUSPEND";
/// What is killed, in turn.
const ACTIONS: [&str; 7] =
    [START, RESUME, END, SUSPEND, "cancel=l:tst104,RESET", "cancel=l:tst104,PAUSE", "cancel=l:tst104,REBOOT"];
/// All changes are over after the time of so many listings: a second each on a quiet machine, several on a busy one.
const LISTINGS: u32 = 6;
/// What was under way there may go on for a while: a second call is repeated as a user would.
const ATTEMPTS: usize = 20;

/// Starts a change and kills it without a word. Whether it had ended by itself.
fn killed_after(dom0: &Dom0, action: &str, delay: Duration) -> bool {
    let mut call = dom0.command(&["-t", "xen", "-a", action, "lab00"]);
    let mut child = call.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(delay);
    let over = child.try_wait().unwrap().is_some();
    if !over {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    over
}

/// Repeats a call until the real state is as wanted. Every refusal on the way is a sentence and an exit code.
#[track_caller]
fn until(dom0: &Dom0, action: &str, reached: impl Fn(&Dom0) -> bool, told: &str) {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let outcome = dom0.xen(action);
        assert!([0, 3, 5].contains(&outcome.code), "{told}: {outcome:?}");
        if reached(dom0) {
            return;
        }
        last = Some(outcome);
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("{told}: {action} does not help; there is {:?}; it said {last:?}", dom0.domains());
}

/// The files that are newer than the mark, logs apart.
fn new_files(dom0: &Dom0) -> String {
    dom0.ssh("find / /run -xdev -newer /srv/mark -type f ! -path '/var/log/*' ! -path '/run/xen*' ! -path '/proc/*' | sort -u")
}

#[test]
fn whenever_ctys_is_killed_a_second_call_finishes_or_undoes_the_change() {
    kill_at_random(number("CTYS_TEST_KILL_SEED", 1));
}

/// The same with other dice: half of the rounds, for the second of two dom0s.
#[test]
fn whenever_else_ctys_is_killed_a_second_call_finishes_or_undoes_the_change() {
    kill_at_random(number("CTYS_TEST_KILL_SEED", 1) + 1_000_000);
}

fn kill_at_random(seed: u64) {
    let dom0 = Dom0::with(&[]);
    // Each action once.
    let rounds = number("CTYS_TEST_KILLS", 7);
    let mut dice = Dice(seed);
    dom0.ssh("touch /srv/mark");
    let began = Instant::now();
    assert!(dom0.command(&["-t", "xen", "-a", "list", "lab00"]).output().unwrap().status.success());
    let longest = began.elapsed() * LISTINGS;
    for round in 0..rounds {
        let action = ACTIONS[(round % 7) as usize];
        dom0.bring(if action == START { &[] } else { &["tst104"] });
        if [SUSPEND, RESUME].contains(&action) {
            // Whether it goes on is seen by its answers.
            dom0.wait_up("tst104");
        }
        if action == RESUME {
            until(&dom0, SUSPEND, |dom0| dom0.names().is_empty(), "before the kill");
        }
        let delay = longest * dice.below(1000) as u32 / 1000;
        let over = killed_after(&dom0, action, delay);
        let told = format!("seed {seed}, round {round}, {action} killed after {delay:?} (it had ended: {over})");
        println!("{told}");
        // What is left is seen, whatever it is.
        let Outcome { code, stdout, stderr, .. } = dom0.xen("list=terse,tab_gen:3_l_10");
        assert!(code == 0 && stdout.contains("Domain-0"), "{told}: {stdout}{stderr}");
        let runs = |dom0: &Dom0| {
            let state = dom0.state("tst104");
            !state.is_empty() && !state.contains(['p', 's', 'c', 'd']) && dom0.ssh("xl list -l").contains("tst104")
        };
        let is_gone = |dom0: &Dom0| dom0.names().is_empty();
        match (dice.below(2), action) {
            // Suspended or not, or half: it goes on from there.
            (_, SUSPEND) => {
                until(&dom0, SUSPEND, is_gone, &told);
                until(&dom0, RESUME, runs, &told);
                dom0.wait_up("tst104");
            }
            (_, RESUME) => {
                until(&dom0, RESUME, runs, &told);
                dom0.wait_up("tst104");
            }
            (0, _) => until(&dom0, END, is_gone, &told),
            (_, action) if action.contains("PAUSE") => until(&dom0, RESUME, runs, &told),
            _ => {
                until(&dom0, "create=p:/root/xen/tst-ctys/tst104/tst104.conf,REUSE,CONSOLE:none,PING:OFF", runs, &told)
            }
        }
    }
    // The xl that watches a domain ends with it, unless it is at work at a reboot that was asked for before the kill: then it
    // brings the machine once more, and a second call ends that as well.
    let mut left = 120;
    while !dom0.names().is_empty() || !dom0.ssh("pgrep -x xl || true").is_empty() {
        assert!(left > 0, "seed {seed}: {:?} does not end", dom0.domains());
        left -= 1;
        if dom0.names().is_empty() {
            std::thread::sleep(Duration::from_millis(500));
        } else {
            until(&dom0, END, |dom0| dom0.names().is_empty(), "at the end");
        }
    }
    assert_eq!(new_files(&dom0), "", "something was left there");
}
