//! Ending processes: asked by a signal, looked after until they are gone.

use ctys_model::{Answer, Command, Does, HostFacts, Place, Privilege, Process, ProcessTable, Signal, Step};

/// How often it is looked whether a process is gone, in milliseconds.
pub const LOOK_MS: u32 = 250;

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
