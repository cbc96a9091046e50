//! SUSPEND: memory and devices into a file, from which RESUME continues the same machine.
//!
//! ```text
//!  the folder is there, no old state is ──► (below)
//!
//!  stop, migrate ──► query-migrate ... ──┬─► completed, the file is there ──► quit ──► gone
//!                                        └─► failed ──► cont, the file is removed: the machine goes on as before
//! ```
//!
//! The file has its name only once it is whole: QEMU hands the stream to `cat`, and a shell of QEMU's own renames the file when
//! `cat` ends well, which it does not when the disk is full. That shell gets a path of plain characters or none at all.

use super::ending::{Rung, named, next_rung, title};
use super::{ask_machine, step, tell, went_well};
use crate::folders::Folders;
use crate::host::Running;
use crate::parse::qmp;
use ctys_plugin::json::json;
use ctys_plugin::model::{Answer, Bytes, Command, Exit, HostFacts, Phase, Problem, Replies, Step};
use ctys_plugin::outputs;

const FOLDER: &str = "make the folder of";
const CLEAR: &str = "remove an old state of";
const SAVE: &str = "save";
const PROGRESS: &str = "ask for the progress of";
const FILE: &str = "look for the state of";
const BACK: &str = "continue";
const TIDY: &str = "remove the unfinished state of";

/// In bytes a second: as fast as the disk is, since the machine stands still.
const BANDWIDTH: u64 = 10 * 1024 * 1024 * 1024;

/// How far one machine is.
pub enum Progress {
    /// These steps are next, or only time.
    Goes(Vec<Step>),
    /// It is saved in this file, and gone.
    Saved(String),
    /// It was not saved, for this reason.
    Failed(Problem),
}

fn folders(machine: &Running) -> Result<&Folders, Problem> {
    match &machine.own {
        Some((folders, _)) => Ok(folders),
        None => Err(Problem::new(
            Phase::Run,
            format!("nothing was done: {} was not started by ctys, which so could not resume it", machine.title()),
        )
        .hint("PAUSE stops it where it is")),
    }
}

fn unfinished(folders: &Folders) -> String {
    format!("{}.part", folders.saved())
}

/// The first steps.
pub fn begin(machine: &Running, host: &HostFacts) -> Result<Vec<Step>, Problem> {
    let folders = folders(machine)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b'@' | b'+');
    if !folders.saved().bytes().all(plain) {
        let message = format!("nothing was done: the path {} is no place for a state", folders.saved());
        return Err(Problem::new(Phase::Run, message)
            .hint("the setting STATE_DIR names a folder of letters, digits and . _ - @ +"));
    }
    let make = Command::new("install").args(["-d", "-m", "700", &folders.state]).changes();
    // What a machine that runs was once continued from is older than its disks; left there, it would be taken for the new one.
    let clear = Command::new("rm").args(["-f", &folders.saved(), &unfinished(folders)]).changes();
    // Each for itself: one folder that cannot be made keeps no other machine from being saved.
    Ok(vec![
        Step::run(&named(FOLDER, machine), root_if(machine, host, make)).go_on(),
        Step::run(&named(CLEAR, machine), root_if(machine, host, clear)).go_on(),
    ])
}

/// Once there is room for the state.
fn save(machine: &Running, host: &HostFacts) -> Result<Vec<Step>, Problem> {
    let folders = folders(machine)?;
    let (part, whole) = (unfinished(folders), folders.saved());
    let commands = [
        qmp::command("stop"),
        qmp::command_with("migrate-set-parameters", &json!({ "max-bandwidth": BANDWIDTH })),
        qmp::command_with("migrate", &json!({ "uri": format!("exec:cat>{part}&&mv {part} {whole}") })),
    ];
    let mut steps = vec![say(SAVE, machine, host, commands)?];
    steps.extend(looks(machine, host)?);
    Ok(steps)
}

fn root_if(machine: &Running, host: &HostFacts, command: Command) -> Command {
    if machine.needs_root(host) { command.as_root() } else { command }
}

fn say(
    verb: &str,
    machine: &Running,
    host: &HostFacts,
    commands: impl IntoIterator<Item = Bytes>,
) -> Result<Step, Problem> {
    Ok(tell(&named(verb, machine), &folders(machine)?.qmp(), machine.needs_root(host), commands))
}

fn looks(machine: &Running, host: &HostFacts) -> Result<[Step; 2], Problem> {
    let folders = folders(machine)?;
    let root = machine.needs_root(host);
    let list = Command::new("ls").args(["-d", &folders.saved()]);
    let questions = [qmp::command("query-migrate"), qmp::command("query-status")];
    Ok([
        ask_machine(&named(PROGRESS, machine), &folders.qmp(), root, questions),
        Step::run(&named(FILE, machine), root_if(machine, host, list)).go_on(),
    ])
}

/// How far it is, and what is next. `is_there` tells whether its process still runs.
pub fn go_on(machine: &Running, host: &HostFacts, replies: &Replies, is_there: bool) -> Progress {
    step_on(machine, host, replies, is_there).unwrap_or_else(Progress::Failed)
}

fn step_on(machine: &Running, host: &HostFacts, replies: &Replies, is_there: bool) -> Result<Progress, Problem> {
    let folders = folders(machine)?;
    let title = machine.title();
    let failed = |why: String| Problem::new(Phase::Run, format!("{title} was not saved: {why}"));
    if replies.last(&named(BACK, machine)).is_some() {
        let back = qmp::of_answer(replies.last(&named(BACK, machine)));
        let goes_on = back.is_ok_and(|said| said.refusal("cont").is_none());
        let was_paused = machine.status().is_some_and(|status| status != "running");
        return Err(failed(why(machine, replies)).hint(match (is_there, goes_on || was_paused) {
            (true, true) => "it is as it was before",
            (true, false) => "it stands still: RESUME continues it",
            (false, _) => "and it is gone",
        }));
    }
    if replies.last(&named(SAVE, machine)).is_none() {
        if !is_there {
            return Err(failed("it has vanished meanwhile".into()));
        }
        for verb in [FOLDER, CLEAR] {
            if let Some(why) = complaint(replies.last(&named(verb, machine)), verb) {
                return Err(Problem {
                    message: format!("nothing was done: {title} was not saved: {}", why.message),
                    ..why
                });
            }
        }
        return Ok(Progress::Goes(save(machine, host)?));
    }
    let file_is_there = replies.last(&named(FILE, machine)).is_some_and(|answer| went_well(Some(answer)));
    let said = qmp::of_answer(replies.last(&named(PROGRESS, machine)));
    let migration = said.as_ref().map(|said| said.migration().0.to_string()).unwrap_or_default();
    let is_saved = file_is_there && (migration == "completed" || super::ending::has_begun(replies, machine));
    if !is_there {
        return match is_saved {
            true => Ok(Progress::Saved(folders.saved())),
            false => Err(failed("it has vanished meanwhile".into())),
        };
    }
    if is_saved {
        // Its disks are closed and its memory is in the file: it only has to go.
        return match next_rung(replies, machine, host) {
            Rung::Do(step) => Ok(Progress::Goes([step].into_iter().chain(looks(machine, host)?).collect())),
            Rung::Wait => Ok(Progress::Goes(looks(machine, host)?.to_vec())),
            Rung::Spent => Err(failed(format!("{} is written, and the machine does not end", folders.saved()))),
        };
    }
    let saving = qmp::of_answer(replies.last(&named(SAVE, machine)));
    let refused = match &saving {
        Ok(said) => said.refusal("migrate"),
        Err(why) => Some(why.detail().unwrap_or("it did not answer").to_string()),
    };
    if refused.is_some() || matches!(migration.as_str(), "failed" | "cancelled") {
        let tidy = Command::new("rm").args(["-f", &unfinished(folders)]).changes();
        let was_paused = machine.status().is_some_and(|status| status != "running");
        let back = if was_paused { "query-status" } else { "cont" };
        let mut steps = vec![
            say(BACK, machine, host, [qmp::command(back)])?,
            Step::run(&named(TIDY, machine), root_if(machine, host, tidy)).go_on(),
        ];
        steps.extend(looks(machine, host)?);
        return Ok(Progress::Goes(steps));
    }
    Ok(Progress::Goes(looks(machine, host)?.to_vec()))
}

/// Why there is no room for its state.
fn complaint(answer: Option<&Answer>, verb: &str) -> Option<Problem> {
    let words = if verb == FOLDER { "install" } else { "rm" };
    match answer {
        Some(Answer::Output(output)) if output.ok() => None,
        Some(Answer::Output(output)) => {
            let phase = if matches!(output.exit, Exit::Refused(_)) { Phase::Privilege } else { Phase::Run };
            Some(Problem::new(phase, outputs::complaint(words, output)))
        }
        Some(Answer::Failed(why)) => Some(Problem::new(Phase::Run, format!("{words}: {why}"))),
        _ => Some(Problem::new(Phase::Run, format!("{words} has no answer"))),
    }
}

/// Why it was not saved.
fn why(machine: &Running, replies: &Replies) -> String {
    let said = qmp::of_answer(replies.last(&named(SAVE, machine)));
    let refused = match &said {
        Ok(said) => said.refusal("migrate"),
        Err(why) => Some(why.detail().unwrap_or("its QMP socket did not answer").to_string()),
    };
    let progress = qmp::of_answer(replies.last(&named(PROGRESS, machine))).ok();
    let reason = || progress.as_ref().and_then(|said| said.migration().1.map(str::to_string));
    refused.or_else(reason).unwrap_or_else(|| "QEMU gave no reason".into())
}

/// Whether a step of the latest round belongs to this.
pub fn is_asked(replies: &Replies, machine: &Running) -> bool {
    step(replies, &named(PROGRESS, machine)).is_some()
}

/// The steps that change nothing of a machine.
pub fn is_aside(name: &str) -> bool {
    [FOLDER, CLEAR, PROGRESS, FILE, TIDY].iter().any(|verb| name.starts_with(verb))
}

/// For the progress line.
pub fn waits_for(machine: &Running) -> String {
    format!("for the memory of {} to be written", title(machine))
}
