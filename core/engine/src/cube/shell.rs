//! A command in a terminal of its own, carried to the caller's: what it is for is the key (Ctrl-\), which leaves at once whatever
//! the command is at. The size of the window is handed on.

use super::{is_momentary, poll, read, write};
use crate::console::Terminal;
use std::ffi::OsString;
use std::io::Error;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// `ctys __cube_shell <byte of the key, or -1> <say how it ended: 0 or 1> <program> <arguments>`
pub const HIDDEN_VERB: &str = "__cube_shell";

/// How long a command may leave its terminal closed.
const REOPENED: Duration = Duration::from_secs(2);

/// Runs it. Returns its exit code; 0 when it was left.
pub fn serve(words: &[OsString]) -> u8 {
    let [key, tells, program, arguments @ ..] = words else {
        eprintln!("ctys {HIDDEN_VERB} is for ctys itself");
        return 1;
    };
    let key = key.to_str().and_then(|key| key.parse().ok());
    let mut command = Command::new(program);
    command.args(arguments);
    let code = match run(&mut command, key) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("the console cannot be opened: {error}");
            return 1;
        }
    };
    if tells == "1" {
        eprintln!("console connection exited with: {code}");
    }
    code
}

fn run(command: &mut Command, key: Option<u8>) -> Result<u8, Error> {
    let size = size(libc::STDIN_FILENO);
    let (master, slave) = pair(size.as_ref())?;
    let mut child = start(command, slave)?;
    let resized = Arc::new(AtomicBool::new(false));
    let hung_up = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(libc::SIGWINCH, resized.clone())?;
    for signal in [libc::SIGHUP, libc::SIGTERM] {
        signal_hook::flag::register(signal, hung_up.clone())?;
    }
    let raw = Terminal::raw();
    let left = carry(&master, key, &mut child, &resized, &hung_up);
    drop(raw);
    // Its terminal goes, and with it whatever ran in it.
    drop(master);
    if left {
        // SAFETY: kill takes two numbers; the child is ours and not yet waited for.
        unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGHUP) };
        return Ok(0);
    }
    let status = child.wait()?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) as u8)
}

/// Carries until the command's terminal ends (false) or the key is pressed (true).
fn carry(master: &OwnedFd, key: Option<u8>, child: &mut Child, resized: &AtomicBool, hung_up: &AtomicBool) -> bool {
    let (fd, mut open) = (master.as_raw_fd(), true);
    let mut closed = None;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if resized.swap(false, Ordering::Relaxed)
            && let Some(size) = size(libc::STDIN_FILENO)
        {
            // SAFETY: the size is plain data that the kernel copies.
            unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &size) };
        }
        if hung_up.load(Ordering::Relaxed) {
            return true;
        }
        // A login may hang its terminal up and open it anew (vhangup): for that time nobody has it.
        if let Some(since) = closed {
            if matches!(child.try_wait(), Ok(Some(_))) || Instant::now() > since + REOPENED {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // A signal between the look at its flag and poll would wait for the next key: hence the limit.
        let Ok(ready) = poll(&[(fd, true, false), (libc::STDIN_FILENO, open, false)], 200) else { return false };
        if ready[0].0 {
            match read(fd, &mut buffer) {
                Ok(0) => return false,
                Ok(count) if all(libc::STDOUT_FILENO, &buffer[..count]).is_err() => return true,
                Ok(_) => closed = None,
                Err(error) if is_momentary(&error) => {}
                Err(_) => closed = closed.or_else(|| Some(Instant::now())),
            }
        }
        if ready[1].0 {
            let count = read(libc::STDIN_FILENO, &mut buffer).unwrap_or(0);
            open = count > 0;
            let typed = &buffer[..count];
            let at = key.and_then(|key| typed.iter().position(|&byte| byte == key));
            if all(fd, &typed[..at.unwrap_or(count)]).is_err() {
                return false;
            }
            if at.is_some() {
                return true;
            }
        }
    }
}

pub(super) fn all(fd: RawFd, mut bytes: &[u8]) -> Result<(), Error> {
    while !bytes.is_empty() {
        match write(fd, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if is_momentary(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(super) fn size(fd: RawFd) -> Option<libc::winsize> {
    // SAFETY: winsize is plain data, which the kernel fills or leaves.
    unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        (libc::ioctl(fd, libc::TIOCGWINSZ, &mut size) == 0).then_some(size)
    }
}

/// A new terminal of this size, both ends.
pub(super) fn pair(size: Option<&libc::winsize>) -> Result<(OwnedFd, OwnedFd), Error> {
    let (mut master, mut slave) = (-1, -1);
    let size = size.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: both numbers are written by the call; the other pointers are null or name plain data.
    let made = unsafe { libc::openpty(&mut master, &mut slave, std::ptr::null_mut(), std::ptr::null(), size) };
    if made != 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: both are open, and nobody else's.
    unsafe {
        libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::fcntl(slave, libc::F_SETFD, libc::FD_CLOEXEC);
        Ok((OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)))
    }
}

/// Starts it as the owner of that terminal.
fn start(command: &mut Command, slave: OwnedFd) -> Result<Child, Error> {
    let (output, errors) = (slave.try_clone()?, slave.try_clone()?);
    command.stdin(Stdio::from(slave)).stdout(Stdio::from(output)).stderr(Stdio::from(errors));
    // SAFETY: setsid and ioctl are async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                -1 => Err(Error::last_os_error()),
                _ => Ok(()),
            }
        });
    }
    let child = command.spawn();
    // The command holds the other end of its terminal in three copies.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    child
}
