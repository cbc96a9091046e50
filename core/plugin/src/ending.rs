//! Ending processes: asked by a signal, looked after until they are gone.

use ctys_model::{Answer, Command, Does, HostFacts, Place, Privilege, Process, ProcessTable, Signal, Step};

/// How often it is looked whether a process is gone, in milliseconds; see [`pause_ms`].
pub const LOOK_MS: u32 = 250;
/// The longest pause between two looks, in milliseconds.
const PAUSE_MS: u64 = 60_000;

/// The pause before the next look, in milliseconds, when so much time has gone by and at most so much is left: an eightieth of
/// the time gone, so that an end in hours takes hundreds of looks and not the thousands that no plan has rounds for.
pub fn pause_ms(elapsed_ms: u64, left_ms: u64) -> u32 {
    let pause = (elapsed_ms / 80).clamp(LOOK_MS.into(), PAUSE_MS);
    // Never beyond the end, and never without a breath.
    pause.min(left_ms.max(LOOK_MS.into())) as u32
}

/// A step that signals one process, if it is still the one that was seen: `end 4711`, for KILL `kill 4711`. The steps behind
/// it run all the same; the look among them tells what came of it.
pub fn signal(host: &HostFacts, place: &Place, process: &Process, signal: &str) -> Step {
    let name = format!("{} {}", if signal == "KILL" { "kill" } else { "end" }, process.pid);
    // `-Z` was given for the target; elsewhere only the user's own processes can be meant.
    let privilege = match place {
        Place::Target if process.user != host.user => Privilege::Root,
        _ => Privilege::None,
    };
    let does = match process.start {
        Some(start) => {
            Does::Signal(Signal { place: place.clone(), privilege, pid: process.pid, start, name: signal.to_string() })
        }
        // Where only ps could be asked, the number is all there is.
        None => {
            let kill = Command::new("kill").arg(format!("-{signal}")).arg(process.pid.to_string()).changes();
            Does::Run { tries: vec![Command { privilege, ..kill.at(place.clone()) }] }
        }
    };
    Step::does(&name, does).go_on()
}

/// A step that tells what is left.
pub fn look(name: &str, table: ProcessTable) -> Step {
    Step::does(name, Does::Look(table))
}

/// Whether a process is still there, by the answer to a look. Without an answer it is.
pub fn is_there(process: &Process, answer: Option<&Answer>) -> bool {
    let Some(Answer::Processes(processes)) = answer else { return true };
    processes.iter().any(|other| other.pid == process.pid && other.start == process.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{host, show};
    use ctys_model::{Batch, Effect};

    #[test]
    fn the_looks_of_an_hour_fit_into_a_plan_and_the_first_ones_are_quick() {
        assert_eq!(pause_ms(0, 20_000), 250);
        assert_eq!(pause_ms(600_000, 10), 250);
        assert_eq!(pause_ms(600_000, 4000), 4000);
        let mut looks = 0;
        let mut elapsed = 0;
        while elapsed < 8 * 3600 * 1000 {
            elapsed += u64::from(pause_ms(elapsed, 8 * 3600 * 1000 - elapsed));
            looks += 1;
        }
        // A plan has a thousand rounds.
        assert!(looks < 950, "{looks}");
    }

    #[test]
    fn a_process_is_itself_by_number_and_start() {
        let seen = Process { pid: 7, start: Some(100), user: "mia".into(), ..Process::default() };
        let later = Process { start: Some(900), ..seen.clone() };
        assert!(is_there(&seen, Some(&Answer::Processes(vec![seen.clone()]))));
        assert!(!is_there(&seen, Some(&Answer::Processes(vec![later.clone()]))));
        assert!(is_there(&seen, Some(&Answer::Done)) && is_there(&seen, None), "what is not known is not gone");
        let foreign = Process { user: "root".into(), ..later };
        let only_ps = Process { start: None, ..seen.clone() };
        let steps = vec![
            signal(&host(), &Place::Target, &seen, "TERM"),
            signal(&host(), &Place::Target, &foreign, "KILL"),
            signal(&host(), &Place::Caller, &only_ps, "TERM"),
        ];
        let want = "run\n  step end 7, goes on\n    signal: changes\n      TERM to process 7 started at 100\n  \
                    step kill 7, goes on\n    signal: as root, changes\n      KILL to process 7 started at 900\n  \
                    step end 7, goes on\n    on the caller, changes\n      kill\n      -TERM\n      7\n";
        assert_eq!(show(&Effect::Run(Batch { steps })), want);
    }
}
