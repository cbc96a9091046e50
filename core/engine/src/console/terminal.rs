//! A console in the caller's terminal: the terminal of its command on the host becomes ours.
//!
//! Remote ones go through the system's `ssh` with a forced terminal, which knows window sizes, escapes and every way to
//! reach a host. The terminal is put back as it was on every way out, that of SIGKILL included.

use super::keeper::{Terminal, Watch};
use super::line::joined;
use super::{Way, emacs, line};
use ctys_model::{Console, ConsoleKind, Phase, Problem};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

/// How a console in the terminal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The status of its command; 255 may also be ssh's own, which has then said so.
    pub status: i32,
    /// A signal asked us to end; nothing more is to be opened.
    pub signal: Option<u32>,
}

/// Connects this terminal with the console until either side ends it.
pub fn attach(console: &Console, way: &Way<'_>) -> Result<Ended, Problem> {
    let is_emacs = !matches!(console.kind, ConsoleKind::Cli | ConsoleKind::Cli0);
    let line = if is_emacs { emacs::in_terminal(console, way)? } else { line::console(console, way)? };
    let mut process = reaching(line, way, if console.streams { 0 } else { way.ptys })?;
    process.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    // SAFETY: signal and prctl are async-signal-safe. The thread that starts the child waits for it.
    unsafe {
        process.pre_exec(|| {
            // If we are killed the child is not left alone with the terminal; one that ignores SIGHUP, as below nohup,
            // would stay.
            libc::signal(libc::SIGHUP, libc::SIG_DFL);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGHUP);
            Ok(())
        });
    }
    // A command without a terminal of its own changes nothing of ours.
    let _kept = if console.streams { None } else { Terminal::keep() };
    let mut child =
        process.spawn().map_err(|error| Problem::new(Phase::Here, format!("the console cannot be opened: {error}")))?;
    let watch = Watch::over(child.id());
    let status = child.wait().map_err(|error| Problem::new(Phase::Here, format!("the console is lost: {error}")))?;
    let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(Ended { status, signal: watch.signal() })
}

/// The process that runs this line on the host, with our terminal; `ptys`: how often ssh is asked for one there.
fn reaching(line: Vec<u8>, way: &Way<'_>, ptys: u8) -> Result<Command, Problem> {
    if way.target.local {
        let mut process = Command::new("/bin/sh");
        process.arg("-c").arg(OsString::from_vec(line));
        return Ok(process);
    }
    let mut process = way.ssh.interactive(way.target, ptys, way.forward_agent);
    process.arg(OsString::from_vec(remote(&line)?));
    Ok(process)
}

/// The login shell may be any; what it is given is plain words: `exec /bin/sh -c '…'`.
pub fn remote(line: &[u8]) -> Result<Vec<u8>, Problem> {
    Ok([b"exec ", joined([&b"/bin/sh"[..], b"-c", line])?.as_slice()].concat())
}

/// The same as text for a shell on this machine, for windows that run here.
pub fn reaching_text(line: Vec<u8>, way: &Way<'_>) -> Result<Vec<u8>, Problem> {
    let process = reaching(line, way, way.ptys)?;
    let words = std::iter::once(process.get_program()).chain(process.get_args());
    Ok([b"exec ", joined(words.map(OsStrExt::as_bytes))?.as_slice()].concat())
}
