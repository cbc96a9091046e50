//! A child process whose three pipes are moved with deadlines, and the `local` transport made of it.
//!
//! Knows nothing of SSH: [`crate::transport::openssh`] starts its `ssh` through [`Piped`] as well.

use super::{Piece, Shell};
use ctys_model::{Bytes, Phase, Problem};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The most that one read takes; a pipe of Linux holds 64 KiB.
const CHUNK: usize = 64 * 1024;

/// The most output that is kept while the input is still being written. A host that sends more before it has read its
/// script is not answering us.
const KEPT_LIMIT: usize = 16 * 1024 * 1024;

/// How long a child may take to end by itself once its input is closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_millis(100);

/// A child in a session of its own, reached through three pipes.
///
/// The session of its own does two things: an interrupt at the terminal reaches ctys alone, which decides what ends;
/// and there is no terminal that anything below could prompt on.
pub struct Piped {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    kept: VecDeque<Piece>,
    kept_bytes: usize,
    ended: Option<ExitStatus>,
}

impl Piped {
    /// Starts the command with pipes for its three streams.
    pub fn start(command: &mut Command) -> std::io::Result<Piped> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: setsid is async-signal-safe and touches nothing of this process.
        unsafe {
            command.pre_exec(|| match libc::setsid() {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
        let mut child = command.spawn()?;
        let piped = Piped {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
            kept: VecDeque::new(),
            kept_bytes: 0,
            ended: None,
        };
        for fd in piped.fds().into_iter().flatten() {
            set_nonblocking(fd)?;
        }
        Ok(piped)
    }

    fn fds(&self) -> [Option<RawFd>; 3] {
        [
            self.stdin.as_ref().map(AsRawFd::as_raw_fd),
            self.stdout.as_ref().map(AsRawFd::as_raw_fd),
            self.stderr.as_ref().map(AsRawFd::as_raw_fd),
        ]
    }

    /// Writes to the child's input; output that arrives meanwhile is kept. A child that has gone away is no error here:
    /// [`Piped::receive`] tells how it ended.
    pub fn send(&mut self, mut bytes: &[u8], until: Instant) -> Result<(), Problem> {
        while !bytes.is_empty() {
            let Some(stdin) = &mut self.stdin else { return Ok(()) };
            match stdin.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.wait(true, until)? {
                        let left = bytes.len();
                        return Err(Problem::new(
                            Phase::Timeout,
                            format!("the shell stopped reading its input, {left} bytes were left to send"),
                        ));
                    }
                    self.read_ready();
                    if self.kept_bytes > KEPT_LIMIT {
                        return Err(Problem::new(
                            Phase::Run,
                            format!("the shell sent more than {} MiB before it had read its input", KEPT_LIMIT >> 20),
                        ));
                    }
                }
                Err(_) => self.stdin = None,
            }
        }
        Ok(())
    }

    /// The next piece of output.
    pub fn receive(&mut self, until: Instant) -> Result<Piece, Problem> {
        loop {
            if let Some(piece) = self.kept.pop_front() {
                if let Piece::Out(bytes) | Piece::Err(bytes) = &piece {
                    self.kept_bytes -= bytes.len();
                }
                return Ok(piece);
            }
            if let Some(status) = self.ended {
                return Ok(Piece::End(status.code()));
            }
            if self.stdout.is_none() {
                // Somebody may still hold stderr open (the background master of ControlPersist does in old releases),
                // so the end of the child counts, not the end of the pipe.
                let known = if self.stderr.is_none() { self.wait_child(until) } else { self.try_wait() };
                if let Some(status) = known {
                    self.read_ready();
                    self.ended = Some(status);
                    continue;
                }
                if self.stderr.is_none() {
                    return Ok(Piece::Nothing);
                }
                let slice = until.min(Instant::now() + Duration::from_millis(20));
                if !self.wait(false, slice)? && Instant::now() >= until {
                    return Ok(Piece::Nothing);
                }
            } else if !self.wait(false, until)? {
                return Ok(Piece::Nothing);
            }
            self.read_ready();
        }
    }

    /// Waits until a pipe is ready: the outputs, and the input where `to_write`. False when the time is over.
    fn wait(&self, to_write: bool, until: Instant) -> Result<bool, Problem> {
        let [stdin, stdout, stderr] = self.fds();
        let entry = |fd: Option<RawFd>, events| libc::pollfd { fd: fd.unwrap_or(-1), events, revents: 0 };
        let mut polled = [
            entry(stdin.filter(|_| to_write), libc::POLLOUT),
            entry(stdout, libc::POLLIN),
            entry(stderr, libc::POLLIN),
        ];
        poll(&mut polled, until).map_err(|error| Problem::new(Phase::Here, format!("cannot wait for a child: {error}")))
    }

    /// Takes what is there, without waiting.
    fn read_ready(&mut self) {
        if let Some(bytes) = read_some(&mut self.stdout) {
            self.kept_bytes += bytes.len();
            self.kept.push_back(Piece::Out(bytes));
        }
        if let Some(bytes) = read_some(&mut self.stderr) {
            self.kept_bytes += bytes.len();
            self.kept.push_back(Piece::Err(bytes));
        }
    }

    fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn wait_child(&mut self, until: Instant) -> Option<ExitStatus> {
        // A shell whose input has ended is gone a moment later, and a call waits for it.
        let mut pause = Duration::from_micros(50);
        loop {
            if let Some(status) = self.try_wait() {
                return Some(status);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }

    fn signal_session(&self, signal: libc::c_int) {
        // The child leads its session and process group, so its pid names both; it is not reaped yet, so the number
        // is still ours.
        if let Ok(group) = libc::pid_t::try_from(self.child.id()) {
            // SAFETY: kill takes two numbers.
            unsafe { libc::kill(-group, signal) };
        }
    }
}

impl Drop for Piped {
    /// A child that has ended is only reaped. Any other gets the end of its input and a moment, then SIGTERM (so that
    /// `ssh` can remove a master's socket), then SIGKILL, for its whole process group.
    fn drop(&mut self) {
        if self.ended.is_some() {
            return;
        }
        self.stdin = None;
        self.stdout = None;
        self.stderr = None;
        for signal in [libc::SIGTERM, libc::SIGKILL] {
            if self.wait_child(Instant::now() + GRACE).is_some() {
                return;
            }
            self.signal_session(signal);
        }
        let _ = self.child.wait();
    }
}

fn read_some<R: Read>(pipe: &mut Option<R>) -> Option<Vec<u8>> {
    let mut buffer = [0u8; CHUNK];
    loop {
        match pipe.as_mut()?.read(&mut buffer) {
            Ok(0) => *pipe = None,
            Ok(count) => return Some(buffer[..count].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(_) => *pipe = None,
        }
    }
}

fn set_nonblocking(fd: RawFd) -> std::io::Result<()> {
    // SAFETY: fcntl on a descriptor we own, with flags only.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags == -1 || unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) } == -1 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}

/// poll(2) with a deadline. True when something is ready, false when the time is over.
pub fn poll(entries: &mut [libc::pollfd], until: Instant) -> std::io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        // Rounded up, so that the last fraction of a millisecond is slept and not spun through.
        let millis = i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        // SAFETY: the slice is valid for its whole length during the call.
        match unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, millis) } {
            -1 => {
                let error = std::io::Error::last_os_error();
                if error.kind() != ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            0 if left.is_zero() || Instant::now() >= until => return Ok(false),
            0 => {}
            _ => return Ok(true),
        }
    }
}

/// The `local` transport: `/bin/sh` on this machine, started in the home folder as a login would.
pub struct LocalShell {
    piped: Piped,
}

impl LocalShell {
    /// Starts the shell.
    pub fn start(home: &Bytes) -> Result<LocalShell, Problem> {
        let mut command = Command::new("/bin/sh");
        let home = std::path::Path::new(std::ffi::OsStr::from_bytes(home.as_slice()));
        // A home that does not exist is no reason to fail: sshd logs in to "/" then.
        command.current_dir(if home.is_dir() { home } else { std::path::Path::new("/") });
        let piped = Piped::start(&mut command)
            .map_err(|error| Problem::new(Phase::Here, format!("cannot start /bin/sh: {error}")))?;
        Ok(LocalShell { piped })
    }
}

impl Shell for LocalShell {
    fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Problem> {
        self.piped.send(bytes, until)
    }

    fn receive(&mut self, until: Instant) -> Result<Piece, Problem> {
        self.piped.receive(until)
    }

    fn carrier(&self) -> &'static str {
        "local"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(120)
    }

    fn run(script: &[u8]) -> (Vec<u8>, Vec<u8>, Option<i32>) {
        let mut shell = LocalShell::start(&Bytes::from("/")).unwrap();
        shell.send(script, soon()).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        loop {
            match shell.receive(soon()).unwrap() {
                Piece::Out(bytes) => out.extend(bytes),
                Piece::Err(bytes) => err.extend(bytes),
                Piece::End(status) => return (out, err, status),
                Piece::Nothing => panic!("no end"),
            }
        }
    }

    #[test]
    fn outputs_are_apart_and_the_status_arrives() {
        let check = |script: &str, out: &str, err: &str, status: Option<i32>| {
            assert_eq!(run(script.as_bytes()), (out.into(), err.into(), status), "{script}");
        };
        check("echo a; echo b >&2; exit 7\n", "a\n", "b\n", Some(7));
        check("exit 0\n", "", "", Some(0));
        check("kill -9 $$\n", "", "", None);
        check("pwd; exit\n", "/\n", "", Some(0));
        // No end of the input is sent, so a shell that got everything waits for more; `exit` is the script's duty.
        check("exec >&-; exec 2>&-; exit 3\n", "", "", Some(3));
    }

    #[test]
    fn a_long_script_and_a_long_answer_do_not_block_each_other() {
        let line = "echo 0123456789012345678901234567890123456789012345678901234567890123456789\n";
        let script = format!("{}exit\n", line.repeat(8000));
        let (out, _, status) = run(script.as_bytes());
        assert_eq!((out.len(), status), (8000 * 71, Some(0)));
    }

    #[test]
    fn writing_to_a_shell_that_has_gone_is_told_by_receive() {
        let script = format!("exit 4\n{}", "# x\n".repeat(100_000));
        assert_eq!(run(script.as_bytes()).2, Some(4));
    }

    #[test]
    fn nothing_in_time_is_nothing_and_dropping_ends_the_group() {
        let fifo = std::env::temp_dir().join(format!("ctys-group-{}", std::process::id()));
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        // Reads to the end, which comes when nobody has the other side open any more.
        let (ended, end) = std::sync::mpsc::channel();
        let reader = fifo.clone();
        std::thread::spawn(move || ended.send(std::fs::read(reader)));
        let mut shell = LocalShell::start(&Bytes::from("/")).unwrap();
        let script = format!("trap '' TERM; exec 3>{}; echo in >&3; sleep 1000 & echo on; wait\n", fifo.display());
        shell.send(script.as_bytes(), soon()).unwrap();
        assert_eq!(shell.receive(soon()).unwrap(), Piece::Out(b"on\n".to_vec()));
        assert_eq!(shell.receive(Instant::now()).unwrap(), Piece::Nothing);
        assert!(end.try_recv().is_err(), "the shell has ended by itself");
        drop(shell);
        let read = end.recv_timeout(Duration::from_secs(120)).expect("the shell or its child lives on");
        assert_eq!(read.unwrap(), b"in\n");
        std::fs::remove_file(fifo).unwrap();
    }
}
