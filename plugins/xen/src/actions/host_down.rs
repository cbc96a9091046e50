//! CANCEL with SELF: after the domains, the host they ran on.

use crate::host;
use ctys_plugin::model::{
    Answer, Batch, CancelMethod, Command, Effect, Exit, Facts, Findings, Missing, Next, Phase, Problem, Request, Step,
};

/// The step that brings the host down.
pub const HOST: &str = "bring the host down";

/// The words of a method for the host, most wanted program first; none for one that a Xen host cannot do.
fn lines(method: CancelMethod) -> Option<Vec<Vec<String>>> {
    let lines: &[&[&str]] = match method {
        CancelMethod::PowerOff(_) => &[&["systemctl", "poweroff"], &["shutdown", "-h", "now"], &["poweroff"]],
        CancelMethod::Reset | CancelMethod::Reboot => {
            &[&["systemctl", "reboot"], &["shutdown", "-r", "now"], &["reboot"]]
        }
        CancelMethod::Init(level) => {
            let level = level.to_string();
            return Some(vec![vec!["init".into(), level.clone()], vec!["telinit".into(), level]]);
        }
        CancelMethod::Pause | CancelMethod::Suspend => return None,
    };
    Some(lines.iter().map(|line| line.iter().map(|word| word.to_string()).collect()).collect())
}

/// Why SELF does not go with a method.
pub fn refuse(method: CancelMethod) -> Option<Problem> {
    lines(method).is_none().then(|| {
        Problem::new(Phase::Usage, "a Xen host can be neither paused nor suspended")
            .hint("leave SELF out, or give POWEROFF, REBOOT, RESET or INIT:<level>")
    })
}

/// The effect.
pub fn effect(method: CancelMethod) -> Effect {
    let command = |line: Vec<String>| Command::new(&line[0]).args(line[1..].to_vec()).as_root().changes();
    let tries = lines(method).unwrap_or_default().into_iter().map(command).collect();
    Effect::Run(Batch { steps: vec![Step::run_first(HOST, tries)] })
}

/// What came of it. The connection dies with the host, so a silent one has gone down.
pub fn read(request: &Request, facts: &Facts, answer: &Answer) -> Next {
    let host = &request.target.host;
    let how = match answer {
        Answer::Output(output) => match &output.exit {
            Exit::Code(0) => "goes down",
            Exit::Signal(1 | 9 | 15)
            | Exit::Code(129 | 137 | 143)
            // It had begun, and then the host was gone or said no more, as hosts do that go down.
            | Exit::Lost { begun: true, phase: Phase::Connect | Phase::Timeout, .. } => {
                "goes down, the connection with it"
            }
            Exit::Lost { phase, .. } => {
                let problem = Problem { phase: *phase, ..host::trouble(request, facts, HOST, output).problem };
                return Next::Done(Findings::problem(problem));
            }
            Exit::NotFound => {
                let message = "none of the programs that bring a host down is there";
                return Next::Done(Findings::problem(Problem::new(Phase::Run, message)));
            }
            _ => return Next::Done(Findings::problem(host::trouble(request, facts, HOST, output).problem)),
        },
        Answer::Missing(Missing::HostSilent) => "goes down, the connection with it",
        Answer::Failed(why) => {
            return Next::Done(Findings::problem(Problem::new(
                Phase::Run,
                format!("{host} was not brought down: {why}"),
            )));
        }
        Answer::Missing(_)
        | Answer::File(_)
        | Answer::Scanned(_)
        | Answer::Processes(_)
        | Answer::Talked(_)
        | Answer::Done => {
            return Next::Done(Findings::problem(Problem::new(Phase::Plugin, "the step has no output")));
        }
    };
    Next::Done(Findings { text: vec![format!("{host} {how}")], changed: true, ..Findings::default() })
}
