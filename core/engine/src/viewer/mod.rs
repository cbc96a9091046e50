//! VNC viewers: beside the server with the window forwarded to us, or here through a tunnel; detached from the call.
//!
//! Both are one script ([`script`]): it chooses the viewer, gives it the port and the password file, and puts the label where
//! LIST finds it. There it runs by `ssh -X`, here by itself. A password of the other side is fetched over a session into
//! memory that has no name ([`memory`]); no file of it is made and no argument holds it.

mod memory;
mod script;

use crate::script::Item;
use crate::session::{Conversation, Session};
use crate::transport::openssh::why_ssh_ended;
use crate::tunnel;
use crate::world::Shared;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Answer, Bytes, Console, FileAnswer, Location, Phase, Problem, Target, Tunnel};
use memory::Memory;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a viewer that says nothing is waited for: it may be asking the user for a password.
const PATIENCE: Duration = Duration::from_secs(4);

/// How often a viewer is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// The number under which a viewer here finds its password.
const PASSWORD_FD: RawFd = 9;

/// A password file of TigerVNC has at most 16 bytes.
const PASSWORD_LIMIT: u32 = 64;

/// What is to be shown, and how.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The console; its kind is VNC and it has a port.
    pub console: &'a Console,
    /// `-L`.
    pub location: Location,
    /// `-g`, as typed.
    pub geometry: Option<&'a str>,
    /// The display here, for its window.
    pub display: Option<&'a str>,
    /// The viewer to take, a name or a path; none means the first one that is there.
    pub program: Option<&'a str>,
    /// More arguments for it (XOPTS).
    pub arguments: &'a [String],
    /// `-Y`.
    pub forward_agent: bool,
    /// How tunnels are opened.
    pub tunnels: &'a tunnel::Settings,
}

/// A viewer that is there.
#[derive(Debug)]
pub struct Opened {
    /// The process here: the viewer, or the ssh that forwards its window.
    pub process: u32,
    /// The local port of its tunnel, where it has one.
    pub tunnel: Option<u16>,
}

/// Opens a viewer and returns when it shows something, or when nothing speaks against it after a few seconds. One that fails
/// at once is a problem with its own words.
pub fn open(shared: &Shared, target: &Target, view: &View<'_>) -> Result<Opened, Problem> {
    let console = view.console;
    let Some(port) = console.vnc_port else {
        let message = format!("{} has no VNC server that a viewer could show", console.label);
        return Err(Problem::new(Phase::Run, message));
    };
    let Some(display) = view.display else {
        let message = format!("the viewer of {} has no display: DISPLAY is not set", console.label);
        return Err(Problem::new(Phase::Here, message).hint("-L SERVERONLY starts the session without a viewer"));
    };
    match view.location {
        Location::ServerOnly => {
            Err(Problem::new(Phase::Usage, format!("-L SERVERONLY has no viewer of {}", console.label)))
        }
        _ if target.local => here(shared, view, (display, port), None, None),
        Location::LocalOnly => {
            let message = format!("-L LOCALONLY has its server here, and {target} is another machine");
            Err(Problem::new(Phase::Usage, message).hint("-L CF has the server there and the viewer here"))
        }
        Location::DisplayForwarding => there(shared, target, view, (display, port)),
        Location::ConnectionForwarding | Location::ClientOnly => forwarded(shared, target, view, (display, port)),
    }
}

/// The server there, the viewer here, a tunnel between them.
fn forwarded(
    shared: &Shared,
    target: &Target,
    view: &View<'_>,
    (display, port): (&str, u16),
) -> Result<Opened, Problem> {
    let console = view.console;
    // Before the tunnel: what is refused here leaves nothing behind.
    let password = match &console.password_file {
        Some(path) => fetch(shared, target, path)?,
        None => None,
    };
    let tunnel = Tunnel { label: console.label.clone(), session_type: console.session_type.clone(), remote_port: port };
    let opened = tunnel::open(shared, target, &tunnel, view.tunnels)?;
    let port = opened.port;
    match here(shared, view, (display, port), password.as_deref(), Some(port)) {
        Ok(viewer) => Ok(viewer),
        Err(problem) => {
            opened.close();
            Err(problem)
        }
    }
}

/// The password file of a server, by a session of its own: what a job's session hears may be recorded. None when there is no
/// such file: the server may ask for no password.
fn fetch(shared: &Shared, target: &Target, path: &Bytes) -> Result<Option<Vec<u8>>, Problem> {
    let deadline = Instant::now() + shared.clocks.total;
    let shell = shared.ssh.connect(target, &shared.clocks, deadline, shared.forced)?;
    let nonce: String = crate::world::random(16).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut session = Session::new(shell, nonce, &[], shared.clocks, deadline);
    // A path of a session is below the home folder anyway.
    let below = path.as_slice().strip_prefix(b"~/").unwrap_or(path.as_slice());
    let item = Item::File { path: Bytes(below.to_vec()), limit: PASSWORD_LIMIT };
    let (mut answers, outcome) = session.round(&[item], None);
    outcome?;
    match answers.pop().flatten() {
        Some(Answer::File(FileAnswer::Content { content, .. })) => Ok(Some(content.0)),
        Some(Answer::File(FileAnswer::Denied)) => {
            let message = format!("the password file {} may not be read", escape_for_eyes(&path.to_text()));
            Err(Problem::new(Phase::Run, message))
        }
        _ => Ok(None),
    }
}

/// A viewer on this machine.
fn here(
    shared: &Shared,
    view: &View<'_>,
    (display, port): (&str, u16),
    password: Option<&[u8]>,
    tunnel: Option<u16>,
) -> Result<Opened, Problem> {
    let secret = password.map(Memory::holding).transpose().map_err(|error| no_memory(&error))?;
    let file = match (&secret, tunnel) {
        (Some(_), _) => format!("/proc/self/fd/{PASSWORD_FD}").into(),
        // Of a server on this machine the viewer reads it itself.
        (None, None) => view.console.password_file.clone().unwrap_or_default(),
        (None, Some(_)) => Bytes::default(),
    };
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script::SCRIPT, "sh"]).args(script::words(view, port, &file).iter().map(script::os));
    command.env_clear().envs(shared.ssh.variables()).env("DISPLAY", display);
    if let Some(secret) = &secret {
        let from = secret.as_raw_fd();
        // SAFETY: dup2 is async-signal-safe; the descriptor is open until the child runs.
        unsafe {
            command.pre_exec(move || match libc::dup2(from, PASSWORD_FD) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
    }
    let process = start(command, PATIENCE, |status, said| ended(view, status, said))?;
    Ok(Opened { process, tunnel })
}

/// A viewer beside its server, its window here.
fn there(shared: &Shared, target: &Target, view: &View<'_>, (display, port): (&str, u16)) -> Result<Opened, Problem> {
    let file = view.console.password_file.clone().unwrap_or_default();
    let line = script::line(view, port, &file).map_err(|_| {
        Problem::new(Phase::Usage, "an argument of the viewer holds a NUL byte, which no command line can carry")
    })?;
    let mut command = shared.ssh.windowed(target, view.forward_agent);
    command.arg(script::os(&Bytes(line))).env("DISPLAY", display);
    let patience = shared.clocks.connect + PATIENCE;
    let process = start(command, patience, |status, said| match status.code() {
        // What ssh itself ended with.
        Some(255) => why_ssh_ended(said, None, Some(255), &target.host),
        _ => ended(view, status, said),
    })?;
    Ok(Opened { process, tunnel: None })
}

/// Starts a viewer in a session of its own and waits until it shows something.
fn start(mut command: Command, patience: Duration, why: impl Fn(ExitStatus, &[u8]) -> Problem) -> Result<u32, Problem> {
    let log = Memory::holding(b"").map_err(|error| no_memory(&error))?;
    let (output, errors) = (log.writer(), log.writer());
    let (output, errors) = (output.map_err(|error| no_memory(&error))?, errors.map_err(|error| no_memory(&error))?);
    command.stdin(Stdio::null()).stdout(output).stderr(errors).current_dir("/");
    // SAFETY: setsid is async-signal-safe and touches nothing of this process.
    unsafe {
        command.pre_exec(|| match libc::setsid() {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let mut child: Child =
        command.spawn().map_err(|error| Problem::new(Phase::Here, format!("the viewer cannot be started: {error}")))?;
    let started = Instant::now();
    loop {
        let is_over = child.try_wait().ok().flatten();
        let said = log.text();
        match is_over {
            // Some end with status 0 when there is nobody to connect to.
            Some(status) if !script::shows(&said) => return Err(why(status, &said)),
            Some(_) => return Ok(child.id()),
            None if script::shows(&said) || started.elapsed() > patience => return Ok(child.id()),
            None => std::thread::sleep(LOOK),
        }
    }
}

fn no_memory(error: &std::io::Error) -> Problem {
    Problem::new(Phase::Here, format!("the viewer cannot be prepared: {error}"))
}

/// Why a viewer ended at once.
fn ended(view: &View<'_>, status: ExitStatus, said: &[u8]) -> Problem {
    let label = &view.console.label;
    if status.code() == Some(script::NO_VIEWER) {
        let message = format!("the viewer of {label} was not opened: no VNC viewer is there");
        return Problem::new(Phase::Run, message)
            .hint("Debian: apt install tigervnc-viewer")
            .hint("-L CF takes the viewer of this machine, -L DF that of the server's");
    }
    if status.code() == Some(script::NO_DISPLAY) {
        let said = script::complaint(said).map_or_else(String::new, |line| format!(": {line}"));
        let message = format!("the viewer of {label} was not opened: X11 is not forwarded{said}");
        return Problem::new(Phase::Run, message)
            .hint("the server needs xauth and, in its sshd_config, X11Forwarding yes")
            .hint("-L CF needs no X11 there");
    }
    let how = status.code().map_or("by a signal".to_string(), |code| format!("with status {code}"));
    let last = script::complaint(said).map_or_else(|| ", without a word".to_string(), |line| format!(": {line}"));
    Problem::new(Phase::Run, format!("the viewer of {label} ended at once {how}{last}"))
}
