//! The rule about the mark of [`crate::protect`]: CANCEL of a machine that has it is refused by name, whatever the method, unless
//! UNPROTECT stands in the call. A plugin whose machines can have the mark shows that in a test of its own, `tests/protect.rs`:
//! it brings one host twice, and this suite asks everything of both.
//!
//! ```ignore
//! #[test]
//! fn a_mark_is_honoured() {
//!     conformance::protect::check::<Lamp>(&address, &host(), &host().with(MARK));
//! }
//! ```

use crate::story::World;
use crate::{Plugin, testing};
use ctys_model::{Action, Cancel, CancelMethod, Effect, FileAnswer, MachineAddress, Phase, Request, Side};

const METHODS: [Option<CancelMethod>; 11] = [
    None,
    Some(CancelMethod::Reset),
    Some(CancelMethod::Reboot),
    Some(CancelMethod::Init(0)),
    Some(CancelMethod::Init(1)),
    Some(CancelMethod::Init(6)),
    Some(CancelMethod::Pause),
    Some(CancelMethod::Suspend),
    Some(CancelMethod::PowerOff(None)),
    Some(CancelMethod::PowerOff(Some(0))),
    Some(CancelMethod::PowerOff(Some(30))),
];

/// Puts the mark into a file of a machine.
///
/// # Panics
///
/// Where the file has no content.
pub fn mark(file: &mut FileAnswer) {
    let FileAnswer::Content { content, .. } = file else { panic!("a file that cannot be read bears no mark") };
    content.0.extend(b"\n#@#PROTECT = \"ask mia\"\n");
}

/// Fails unless the plugin honours the mark: a machine by its address, on a host without the mark and on the same host with it.
///
/// # Panics
///
/// With one line for each call that does what it must not; and when no call does anything on the host without the mark, since
/// then nothing is shown.
pub fn check<P: Plugin>(address: &MachineAddress, plain: &dyn World, marked: &dyn World) {
    let (faults, acted) = faults::<P>(address, plain, marked);
    assert!(faults.is_empty(), "the mark is not honoured:\n  {}\n", faults.join("\n  "));
    assert!(acted > 0, "no CANCEL does anything on the host without the mark, so the one with it shows nothing");
}

/// The faults, and how many calls did something where there is no mark.
pub fn faults<P: Plugin>(address: &MachineAddress, plain: &dyn World, marked: &dyn World) -> (Vec<String>, usize) {
    let (mut faults, mut acted) = (Vec::new(), 0);
    for cancel in cancels(address) {
        let set_aside = Cancel { unprotect: true, ..cancel.clone() };
        // What does nothing without the mark is refused for a reason of its own.
        if !acts(&plan::<P>(cancel.clone(), plain)) {
            continue;
        }
        acted += 1;
        let effect = plan::<P>(cancel.clone(), marked);
        let refused = matches!(&effect, Effect::Report(findings) if !findings.changed
            && findings.problems.iter().any(|problem| problem.phase == Phase::Refused));
        if !refused {
            faults.push(format!("it is done, or refused for no mark: {cancel:?}: {effect:?}"));
        }
        if !acts(&plan::<P>(set_aside, marked)) {
            faults.push(format!("UNPROTECT does not set the mark aside: {cancel:?}"));
        }
    }
    (faults, acted)
}

/// Every way to end the machine.
fn cancels(address: &MachineAddress) -> Vec<Cancel> {
    let mut cancels = Vec::new();
    for method in METHODS {
        for side in [None, Some(Side::Server), Some(Side::Both)] {
            for bits in 0..16 {
                let bit = |number: u32| bits >> number & 1 == 1;
                let (all, with_self) = (bit(0), bit(1));
                let address = if all { MachineAddress::default() } else { address.clone() };
                let (force, stack) = (bit(2), bit(3));
                cancels.push(Cancel { address, all, with_self, force, stack, method, side, ..Cancel::default() });
            }
        }
    }
    cancels
}

fn plan<P: Plugin>(cancel: Cancel, world: &dyn World) -> Effect {
    let request: Request = testing::request(Action::Cancel(Box::new(cancel)));
    P::plan(&request, &world.facts(&P::wants(&request)))
}

/// Whether something is done, or found out in order to do it.
fn acts(effect: &Effect) -> bool {
    !matches!(effect, Effect::Report(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_model::{Answer, Batch, Command, Facts, Findings, Manifest, Next, Probe, Problem, Replies, Step};

    const HONOURS: u8 = 0;
    const FORGETS: u8 = 1;
    const FORGETS_FOR_A_RESET: u8 = 2;
    const REFUSES_FOR_GOOD: u8 = 3;
    const DOES_NOTHING: u8 = 4;

    /// A plugin, and what it does wrong.
    struct Candle<const FAULT: u8>;

    impl<const FAULT: u8> Plugin for Candle<FAULT> {
        fn manifest() -> Manifest {
            Manifest::default()
        }

        fn wants(_: &Request) -> Vec<Probe> {
            vec![Probe::file("/etc/candle")]
        }

        fn plan(request: &Request, facts: &Facts) -> Effect {
            let Action::Cancel(cancel) = &request.action else { return crate::unserved(request) };
            let refusal = |why| Effect::Report(Findings::problem(Problem::new(Phase::Refused, why)));
            let marked = facts.answer(&Probe::file("/etc/candle")).content().is_some();
            let counts = !cancel.unprotect || FAULT == REFUSES_FOR_GOOD;
            let forgets =
                FAULT == FORGETS || FAULT == FORGETS_FOR_A_RESET && cancel.method == Some(CancelMethod::Reset);
            if FAULT == DOES_NOTHING || marked && counts && !forgets {
                return refusal("nothing was done: the candle is protected");
            }
            Effect::Run(Batch { steps: vec![Step::run("out", Command::new("blow"))] })
        }

        fn read(_: &Request, _: &Facts, _: &Replies) -> Next {
            Next::Done(Findings::default())
        }
    }

    fn faults_of<const FAULT: u8>() -> (Vec<String>, usize) {
        let probe = || Probe::file("/etc/candle");
        let plain = testing::facts_with([(probe(), Answer::File(ctys_model::FileAnswer::Absent))]);
        let marked = testing::facts([(probe(), "#@#PROTECT")]);
        faults::<Candle<FAULT>>(&MachineAddress { label: Some("c".into()), ..Default::default() }, &plain, &marked)
    }

    #[test]
    fn a_plugin_that_forgets_the_mark_does_not_pass() {
        let (faults, acted) = faults_of::<HONOURS>();
        assert_eq!((faults, acted), (vec![], cancels(&MachineAddress::default()).len()));
        assert_eq!(faults_of::<FORGETS>().0.len(), acted);
        let (faults, _) = faults_of::<FORGETS_FOR_A_RESET>();
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault.contains("Reset")), "{faults:?}");
        let (faults, _) = faults_of::<REFUSES_FOR_GOOD>();
        assert!(faults.len() == acted && faults[0].starts_with("UNPROTECT does not"), "{faults:?}");
        assert_eq!(faults_of::<DOES_NOTHING>(), (vec![], 0));
    }
}
