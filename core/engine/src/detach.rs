//! `-b async`: the same call again in the background.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Set for the call in the background, so that it does not go to the background again.
const MARK: &str = "CTYS_DETACHED";

/// The room that is kept for the output before anything is begun: what a call in the background has done must be told.
const OUTPUT: i64 = 64 * 1024;

/// True in the call that runs in the background.
pub fn is_detached() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts this program again with the same words, in a session of its own, without a terminal. Returns the file that
/// takes its output, below `$XDG_STATE_HOME/ctys/jobs`, readable by the user only.
pub fn again(words: &[OsString]) -> Result<PathBuf, String> {
    let folder = crate::files::state_folder().ok_or("neither HOME nor XDG_STATE_HOME is set")?.join("jobs");
    crate::files::private_folder(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_millis());
    let file = folder.join(format!("{started}-{}.log", std::process::id()));
    let log = crate::files::create_private(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    if let Err(error) = crate::files::reserve(&log, OUTPUT) {
        let _ = std::fs::remove_file(&file);
        return Err(format!("{}: {error}", file.display()));
    }
    let errors = log.try_clone().map_err(|error| error.to_string())?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(words).env(MARK, "1").stdin(Stdio::null()).stdout(log).stderr(errors);
    // SAFETY: setsid is async-signal-safe and touches nothing of this process.
    unsafe {
        command.pre_exec(|| match libc::setsid() {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    // The child outlives us on purpose; init reaps it.
    command.spawn().map(|_| file).map_err(|error| error.to_string())
}
