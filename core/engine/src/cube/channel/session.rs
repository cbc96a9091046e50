//! One call that came through the channel: the request is read, a process of ours is started for it, and its streams (or its
//! terminal) and the connection are carried into each other until it ends or the caller goes away.

use super::frames::{Arriving, Frame, PIECE, Request, Size, Window};
use crate::cube::shell::pair;
use crate::cube::{is_momentary, read, write};
use ctys_model::bytes::escape;
use std::ffi::OsString;
use std::io::{Error, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a caller may take to say what it wants, or to hear what came of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a command has to end by itself once its caller is gone.
const GRACE: Duration = Duration::from_secs(5);

/// How long the other side has to read what we said last.
const FAREWELL: Duration = Duration::from_secs(2);

/// How much may wait to be taken, on either side.
const WAITING: usize = 256 * 1024;

/// How much of what was asked is written down.
const NOTED: usize = 200;

/// The variable in which the process is told for whom it works.
const CALLER: &str = "CTYS_CUBE_CALLER";

/// What is started for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servant {
    /// This program.
    pub program: PathBuf,
    /// What it is called by.
    pub name: &'static str,
    /// Its whole environment, beside the caller and `TERM`.
    pub environment: Vec<(OsString, OsString)>,
}

/// Serves one connection of this cube. Returns what is to be written down about it.
pub fn serve(mut stream: UnixStream, cube: &str, servant: &Servant) -> String {
    let request = match request(&mut stream) {
        Ok(request) => request,
        Err(why) => {
            refuse(&mut stream, &format!("[ERROR]: the request cannot be served: {why}"));
            return format!("refused: {why}");
        }
    };
    let shown = request.words.iter().map(|word| escape(word)).collect::<Vec<_>>().join(" ");
    let shown: String = shown.chars().take(NOTED).collect();
    let ended = started(&request, cube, servant).and_then(|mut call| call.carry(&mut stream));
    match ended {
        Ok(Some(code)) => format!("'{shown}' ended with {code}"),
        Ok(None) => format!("'{shown}' was left"),
        Err(error) => {
            refuse(&mut stream, &format!("[ERROR]: the request cannot be served: {error}"));
            format!("'{shown}' cannot be served: {error}")
        }
    }
}

/// Says that nothing was done, and waits a moment until that is heard.
fn refuse(stream: &mut UnixStream, why: &str) {
    turn_away(stream, why);
    part(stream);
}

/// Says that nothing was done. Whoever does not listen is not waited for.
pub fn turn_away(stream: &mut UnixStream, why: &str) {
    let _ = stream.set_nonblocking(true);
    // What was said and not read when we close would take our answer with it.
    let _ = stream.read(&mut [0; PIECE]);
    let _ = stream.write_all(&Frame::Refused(why.into()).bytes());
}

/// Closes when the other side has, or in the end: what it still says is let go, or it would never read what we said last.
fn part(stream: &mut UnixStream) {
    let end = Instant::now() + FAREWELL;
    let _ = stream.set_nonblocking(false);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut buffer = [0; PIECE];
    while Instant::now() < end {
        let _ = stream.set_read_timeout(Some(FAREWELL));
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Refuses whoever is not of this cube.
pub fn refuse_stranger(mut stream: UnixStream) {
    refuse(&mut stream, "[ERROR]: permission denied: the caller is not of this container");
}

/// The request, which has to be whole in time.
fn request(stream: &mut UnixStream) -> Result<Request, String> {
    let end = Instant::now() + PATIENCE;
    let (mut arriving, mut buffer) = (Arriving::default(), [0; PIECE]);
    loop {
        match arriving.take() {
            Ok(Some(Frame::Request(request))) => return Ok(request),
            Ok(None) => {}
            _ => return Err("it is none".into()),
        }
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).map_err(|error| error.to_string())?;
        // Whatever comes behind the request stays in the kernel: one byte too many would be lost for the command's input.
        let wanted = arriving.missing().min(buffer.len());
        match stream.read(&mut buffer[..wanted]) {
            Ok(0) => return Err("it was not finished".into()),
            Ok(count) => arriving.add(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) if is_momentary(&error) => return Err("it did not come in time".into()),
            Err(error) => return Err(error.to_string()),
        }
        if Instant::now() >= end {
            return Err("it did not come in time".into());
        }
    }
}

/// A process at work for a caller.
struct Call {
    child: Child,
    /// Where its input goes; none once that has ended.
    input: Option<OwnedFd>,
    /// Where its output and its error output come from; none once they have ended. A terminal has the first alone.
    output: Option<OwnedFd>,
    errors: Option<OwnedFd>,
    /// The terminal's size is set here.
    terminal: Option<RawFd>,
}

/// Starts it.
fn started(request: &Request, cube: &str, servant: &Servant) -> Result<Call, Error> {
    let mut command = Command::new(&servant.program);
    // What the caller says never stands where this program looks for its own hidden starts.
    command.arg0(servant.name).arg("--").args(request.words.iter().map(|word| OsString::from_vec(word.clone())));
    command.env_clear().envs(servant.environment.iter().cloned()).env(CALLER, cube).current_dir("/");
    let has_terminal = request.terminal.is_some();
    // SAFETY: the calls are async-signal-safe. The thread that starts the child stays until it has ended.
    unsafe {
        command.pre_exec(move || {
            libc::umask(0o022);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGHUP);
            if libc::setsid() < 0 || (has_terminal && libc::ioctl(0, libc::TIOCSCTTY, 0) < 0) {
                return Err(Error::last_os_error());
            }
            Ok(())
        });
    }
    // Until it is marked, an end of a terminal could slip into a process that another thread starts.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let alone = ONE_AT_A_TIME.lock();
    let mut call = match &request.terminal {
        Some(window) => in_terminal(command, window)?,
        None => {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn()?;
            Call {
                input: child.stdin.take().map(OwnedFd::from),
                output: child.stdout.take().map(OwnedFd::from),
                errors: child.stderr.take().map(OwnedFd::from),
                terminal: None,
                child,
            }
        }
    };
    drop(alone);
    let unblocked: Result<(), Error> =
        [&call.input, &call.output, &call.errors].into_iter().flatten().try_for_each(|fd| unblocked(fd.as_raw_fd()));
    if let Err(error) = unblocked {
        call.end();
        return Err(error);
    }
    Ok(call)
}

fn in_terminal(mut command: Command, window: &Window) -> Result<Call, Error> {
    let (master, slave) = pair(Some(&size(window.size)))?;
    if !window.kind.is_empty() {
        command.env("TERM", &window.kind);
    }
    command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
    let child = command.spawn()?;
    // The command holds the other end in three copies.
    drop(command);
    let (input, terminal) = (master.try_clone()?, master.as_raw_fd());
    Ok(Call { child, input: Some(input), output: Some(master), errors: None, terminal: Some(terminal) })
}

fn size(size: Size) -> libc::winsize {
    libc::winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn unblocked(fd: RawFd) -> Result<(), Error> {
    // SAFETY: fcntl takes numbers.
    match unsafe { libc::fcntl(fd, libc::F_SETFL, libc::fcntl(fd, libc::F_GETFL) | libc::O_NONBLOCK) } {
        -1 => Err(Error::last_os_error()),
        _ => Ok(()),
    }
}

/// What waits to be taken.
#[derive(Default)]
struct Waiting {
    /// For the command.
    input: Vec<u8>,
    /// There is no more for it.
    is_last: bool,
    /// For the caller.
    frames: Vec<u8>,
}

impl Call {
    /// Carries until it has ended (with its status, which the caller is told) or the caller is gone (none).
    fn carry(&mut self, stream: &mut UnixStream) -> Result<Option<u8>, Error> {
        stream.set_nonblocking(true)?;
        let (mut arriving, mut waiting) = (Arriving::default(), Waiting::default());
        let mut ended = None;
        loop {
            let has_room = waiting.frames.len() < WAITING;
            let raw = |fd: &Option<OwnedFd>| fd.as_ref().map_or(-1, AsRawFd::as_raw_fd);
            let entry =
                |fd: RawFd, events: i16| libc::pollfd { fd: if events == 0 { -1 } else { fd }, events, revents: 0 };
            let when = |is_wanted: bool, events: i16| if is_wanted { events } else { 0 };
            let listens = waiting.input.len() < WAITING && !waiting.is_last;
            let mut fds = [
                // Its end is told even when nothing is asked for.
                libc::pollfd {
                    fd: stream.as_raw_fd(),
                    events: when(listens || self.terminal.is_some(), libc::POLLIN)
                        | when(!waiting.frames.is_empty(), libc::POLLOUT)
                        | libc::POLLRDHUP,
                    revents: 0,
                },
                entry(raw(&self.input), when(!waiting.input.is_empty(), libc::POLLOUT)),
                entry(raw(&self.output), when(has_room, libc::POLLIN)),
                entry(raw(&self.errors), when(has_room, libc::POLLIN)),
            ];
            let is_silent = self.output.is_none() && self.errors.is_none();
            // A command that has closed its outputs ends soon; one whose outputs others hold is looked after now and then.
            let limit = match (ended.is_some() && has_room, is_silent) {
                (true, _) => 0,
                (false, true) => 20,
                (false, false) => 200,
            };
            // SAFETY: the pointer and the number are those of the array.
            if unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, limit) } < 0 {
                let error = Error::last_os_error();
                if !is_momentary(&error) {
                    self.end();
                    return Err(error);
                }
                continue;
            }
            let came = |n: usize, events: i16| fds[n].revents & events != 0;
            let over = libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
            let had = waiting.frames.len();
            let room = has_room.then_some(&mut waiting.frames);
            if let Some(frames) = room {
                if came(2, libc::POLLIN | over) && !pour(raw(&self.output), frames, Frame::Output) {
                    self.output = None;
                }
                if came(3, libc::POLLIN | over) && !pour(raw(&self.errors), frames, Frame::Errors) {
                    self.errors = None;
                }
            }
            if let Some(status) = ended
                && (is_silent || (has_room && waiting.frames.len() == had))
            {
                // All that was said has been taken from it; those it left behind are not waited for.
                return Ok(told(stream, &waiting.frames, status));
            }
            if came(1, libc::POLLOUT | over) {
                self.feed(&mut waiting);
            }
            if came(0, libc::POLLIN | libc::POLLRDHUP | over)
                && (!self.hear(stream, &mut arriving, &mut waiting) || came(0, libc::POLLRDHUP | over))
            {
                self.end();
                return Ok(None);
            }
            if came(0, libc::POLLOUT) {
                match stream.write(&waiting.frames) {
                    Ok(count) => drop(waiting.frames.drain(..count)),
                    Err(error) if is_momentary(&error) => {}
                    Err(_) => {
                        self.end();
                        return Ok(None);
                    }
                }
            }
            if ended.is_none() {
                ended = self.child.try_wait()?;
            }
        }
    }

    /// Gives the command what waits for it.
    fn feed(&mut self, waiting: &mut Waiting) {
        let Some(input) = &self.input else {
            waiting.input.clear();
            return;
        };
        match write(input.as_raw_fd(), &waiting.input) {
            Ok(count) => drop(waiting.input.drain(..count)),
            Err(error) if is_momentary(&error) => return,
            // It does not want it.
            Err(_) => {
                waiting.input.clear();
                self.input = None;
            }
        }
        if waiting.input.is_empty() && waiting.is_last {
            self.input = None;
        }
    }

    /// Hears what the caller says. False when it is gone or says what makes no sense.
    fn hear(&mut self, stream: &mut UnixStream, arriving: &mut Arriving, waiting: &mut Waiting) -> bool {
        let mut buffer = [0; PIECE];
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => arriving.add(&buffer[..count]),
            Err(error) => return is_momentary(&error),
        }
        loop {
            match arriving.take() {
                Ok(None) => return true,
                // What a program does not read is lost, as at any terminal; a pipe is not listened to meanwhile.
                Ok(Some(Frame::Input(_))) if self.terminal.is_some() && waiting.input.len() >= WAITING => {}
                Ok(Some(Frame::Input(bytes))) if !waiting.is_last => waiting.input.extend(bytes),
                Ok(Some(Frame::InputEnd)) => {
                    waiting.is_last = true;
                    // A terminal has no end; its user types one.
                    if waiting.input.is_empty() && self.terminal.is_none() {
                        self.input = None;
                    }
                }
                Ok(Some(Frame::Size(new))) => {
                    if let Some(fd) = self.terminal.filter(|_| self.output.is_some()) {
                        // SAFETY: the descriptor is open as long as the output is; the size is plain data that the kernel copies.
                        unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &size(new)) };
                    }
                }
                _ => return false,
            }
        }
    }

    /// The caller is gone: so goes what it was for. A terminal hangs up, as with a line that breaks; what has none may first come to
    /// its end: a cube that has itself stopped is gone before that is done.
    fn end(&mut self) {
        (self.input, self.output, self.errors) = (None, None, None);
        let group = -(self.child.id() as libc::pid_t);
        // SAFETY: kill takes two numbers; the child is ours and not yet waited for, and leads the group of its number.
        let signal = |number: libc::c_int| unsafe { libc::kill(group, number) };
        if self.terminal.is_none() && self.ends_within(GRACE) {
            return;
        }
        signal(libc::SIGHUP);
        if !self.ends_within(GRACE) {
            signal(libc::SIGKILL);
            let _ = self.child.wait();
        }
    }

    /// Whether the command ends in this time.
    fn ends_within(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

/// Takes what there is to be read and makes frames of it. False when there will be no more.
fn pour(fd: RawFd, frames: &mut Vec<u8>, frame: fn(Vec<u8>) -> Frame) -> bool {
    let mut buffer = [0; PIECE];
    match read(fd, &mut buffer) {
        Ok(0) => false,
        Ok(count) => {
            frames.extend(frame(buffer[..count].to_vec()).bytes());
            true
        }
        Err(error) => is_momentary(&error),
    }
}

/// Tells the caller the rest and how it ended; none when nobody hears it.
fn told(stream: &mut UnixStream, rest: &[u8], status: ExitStatus) -> Option<u8> {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) as u8;
    stream.set_nonblocking(false).and_then(|()| stream.set_write_timeout(Some(PATIENCE))).ok()?;
    stream.write_all(rest).and_then(|()| stream.write_all(&Frame::Exit(code).bytes())).ok()?;
    part(stream);
    Some(code)
}
