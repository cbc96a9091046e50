//! A plugin in a process of its own: ctys starts itself with a hidden first argument, and the two talk in frames.
//!
//! A frame is a length, eight bytes, lowest first, and so many bytes. The child speaks first, with `Result<(), PluginError>`
//! for how opening the plugin went; after that each message gets one answer.
//!
//! The frames travel on one socket that is the child's standard input, in both directions. Its standard output goes where
//! its standard error goes, into a buffer here: a plugin that prints spoils nothing, and its last words are in the message
//! when its process ended.

use super::carrier::{Entry, STACK, check_length};
use super::error::{Cause, PluginError, Step, one_line};
use super::inspect::inspect;
use super::load;
use super::pool::Worker;
use super::search::plugin_name;
use super::trust::Trust;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// The hidden first argument; the file follows it.
pub const HIDDEN_VERB: &str = "__plugin";

/// Of a plugin's last words, so many bytes are kept.
const MOST_WORDS: usize = 4096;

/// A child process that answers for one plugin.
pub struct Process {
    child: Child,
    frames: UnixStream,
    words: UnixStream,
    last_words: Vec<u8>,
}

impl Process {
    /// Starts the program with these first arguments, the hidden verb and the file, and waits for it to open the plugin.
    pub fn start(program: &[OsString], file: &Path, limit: Duration) -> Result<Process, PluginError> {
        let name = file.file_name().and_then(plugin_name).unwrap_or_default();
        let fails = |cause| PluginError::new(name, Some(file), Step::Open, cause);
        let mut process =
            Process::spawn(program, file).map_err(|error| fails(Cause::Died(format!("cannot be started: {error}"))))?;
        let hello = process.receive(Instant::now() + limit, limit).map_err(fails)?;
        match rmp_serde::from_slice::<Result<(), PluginError>>(&hello) {
            Ok(Ok(())) => Ok(process),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(fails(Cause::BadReply(error.to_string()))),
        }
    }

    fn spawn(program: &[OsString], file: &Path) -> io::Result<Process> {
        let (frames, theirs) = UnixStream::pair()?;
        let (words, their_words) = UnixStream::pair()?;
        words.set_nonblocking(true)?;
        let (first, rest) = program.split_first().ok_or(ErrorKind::InvalidInput)?;
        let child = Command::new(first)
            .args(rest)
            .arg(HIDDEN_VERB)
            .arg(file)
            .current_dir("/")
            // An interrupt at the terminal is for ctys, which lets what is under way finish.
            .process_group(0)
            .stdin(OwnedFd::from(theirs))
            .stdout(OwnedFd::from(their_words.try_clone()?))
            .stderr(OwnedFd::from(their_words))
            .spawn()?;
        Ok(Process { child, frames, words, last_words: Vec::new() })
    }

    fn send(&mut self, message: &[u8], until: Instant, limit: Duration) -> Result<(), Cause> {
        let length = (message.len() as u64).to_le_bytes();
        for part in [&length[..], message] {
            let mut rest = part;
            while !rest.is_empty() {
                self.frames.set_write_timeout(Some(left(until, limit)?)).map_err(|error| self.broken(&error))?;
                match self.frames.write(rest) {
                    Ok(written) => rest = &rest[written..],
                    Err(error) => self.goes_on(&error)?,
                }
            }
        }
        Ok(())
    }

    fn receive(&mut self, until: Instant, limit: Duration) -> Result<Vec<u8>, Cause> {
        let mut length = [0; 8];
        self.fill(&mut length, until, limit)?;
        let length = u64::from_le_bytes(length);
        check_length(length)?;
        let mut answer = vec![0; length as usize];
        self.fill(&mut answer, until, limit)?;
        self.listen();
        Ok(answer)
    }

    fn fill(&mut self, buffer: &mut [u8], until: Instant, limit: Duration) -> Result<(), Cause> {
        let mut filled = 0;
        while filled < buffer.len() {
            self.frames.set_read_timeout(Some(left(until, limit)?)).map_err(|error| self.broken(&error))?;
            match self.frames.read(&mut buffer[filled..]) {
                Ok(0) => return Err(self.ended()),
                Ok(count) => filled += count,
                Err(error) => self.goes_on(&error)?,
            }
        }
        Ok(())
    }

    /// Whether to try again after this error; time is looked at before each try.
    fn goes_on(&mut self, error: &io::Error) -> Result<(), Cause> {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(()),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => Err(self.ended()),
            _ => Err(self.broken(error)),
        }
    }

    fn broken(&self, error: &io::Error) -> Cause {
        Cause::Died(format!("cannot be reached: {error}"))
    }

    /// The other end is closed: how the process ended, and its last words.
    fn ended(&mut self) -> Cause {
        let status = self.reap();
        self.listen();
        let words = one_line(&String::from_utf8_lossy(&self.last_words));
        let words = if words.is_empty() { String::new() } else { format!(" ({words})") };
        Cause::Died(format!("{}{words}", how(status)))
    }

    /// The exit status. The socket is closed a moment before the process is a zombie; one that closed it and lives on is
    /// ended.
    fn reap(&mut self) -> Option<ExitStatus> {
        for _ in 0..500 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }

    /// Takes what the child printed, so that it never waits for us; keeps the end of it.
    fn listen(&mut self) {
        let mut buffer = [0; MOST_WORDS];
        while let Ok(count @ 1..) = self.words.read(&mut buffer) {
            self.last_words.extend_from_slice(&buffer[..count]);
            let too_many = self.last_words.len().saturating_sub(MOST_WORDS);
            self.last_words.drain(..too_many);
        }
    }
}

impl Worker for Process {
    fn call(&mut self, message: &[u8], limit: Duration) -> Result<Vec<u8>, Cause> {
        let until = Instant::now() + limit;
        self.send(message, until, limit)?;
        self.receive(until, limit)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is left of the time, at least a moment; none left is a time-out.
fn left(until: Instant, limit: Duration) -> Result<Duration, Cause> {
    match until.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => Ok(left),
        _ => Err(Cause::TimedOut(limit.as_millis() as u64)),
    }
}

fn how(status: Option<ExitStatus>) -> String {
    match status {
        None => "stopped answering".into(),
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with exit code {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => format!("ended: {status}"),
        },
    }
}

/// What the hidden verb does: opens this plugin and answers for it until the other side is gone. `core/ctys` calls it when
/// its first argument is [`HIDDEN_VERB`].
pub fn serve_child(file: &Path) -> ! {
    let code = match serve(file) {
        Ok(()) => 0,
        Err(error) => {
            // Typed by hand, standard input is no socket.
            eprintln!("ctys {HIDDEN_VERB} is for ctys itself: {error}");
            2
        }
    };
    std::process::exit(code)
}

fn serve(file: &Path) -> io::Result<()> {
    let mut frames = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let opened = open(file);
    let hello = opened.as_ref().map(|_| ()).map_err(Clone::clone);
    write_frame(&mut frames, &rmp_serde::to_vec_named(&hello).map_err(io::Error::other)?)?;
    let Ok((name, entry)) = opened else { return Ok(()) };

    // The plugin has a thread of its own, so that this one notices the end of ctys even while the plugin loops for ever.
    let (messages, inbox) = channel::<Vec<u8>>();
    let mut answers = frames.try_clone()?;
    std::thread::Builder::new().name(format!("plugin {name}")).stack_size(STACK).spawn(move || {
        for message in inbox {
            if write_frame(&mut answers, &entry.answer(&message)).is_err() {
                break;
            }
        }
    })?;
    while let Some(message) = read_frame(&mut frames)? {
        if messages.send(message).is_err() {
            break;
        }
    }
    Ok(())
}

/// The same checks as in the parent: the verb could have been typed by hand.
fn open(file: &Path) -> Result<(String, Entry), PluginError> {
    let name = file.file_name().and_then(plugin_name).unwrap_or_default();
    let (_, real) = inspect(file, name, Trust::of_file(file))?;
    let module = load::open(&real, name).map_err(|cause| PluginError::new(name, Some(file), Step::Open, cause))?;
    Ok((name.to_string(), Entry::Module(module)))
}

fn write_frame(to: &mut impl Write, content: &[u8]) -> io::Result<()> {
    to.write_all(&(content.len() as u64).to_le_bytes())?;
    to.write_all(content)
}

/// The next frame; none when the other side is gone.
fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut content = vec![0; usize::try_from(u64::from_le_bytes(length)).map_err(io::Error::other)?];
    from.read_exact(&mut content)?;
    Ok(Some(content))
}
