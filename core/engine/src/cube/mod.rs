//! What cubes need of this machine beyond commands: a process that holds the terminal of a cube's first program, since that
//! program ends when nobody does ([`keeper`]), a shell in a cube with a key that leaves it at once ([`shell`]), and the way by
//! which a cube asks the host for something ([`channel`]).

pub mod channel;
mod keeper;
mod shell;

pub use keeper::{HIDDEN_VERB as KEEPER, serve as keep};
pub use shell::{HIDDEN_VERB as SHELL, serve as shell};

use std::io::Error;
use std::os::fd::RawFd;

/// Which of these descriptors can be read and written; none when the time (in milliseconds, -1 without end) is over or a signal
/// came.
fn poll(asked: &[(RawFd, bool, bool)], limit_ms: i32) -> Result<Vec<(bool, bool)>, Error> {
    let entry = |&(fd, read, write): &(RawFd, bool, bool)| libc::pollfd {
        fd: if read || write { fd } else { -1 },
        events: if read { libc::POLLIN } else { 0 } | if write { libc::POLLOUT } else { 0 },
        revents: 0,
    };
    let mut fds: Vec<libc::pollfd> = asked.iter().map(entry).collect();
    // SAFETY: the pointer and the number are those of the vector.
    let count = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, limit_ms) };
    if count < 0 {
        let error = Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(error);
        }
        return Ok(vec![(false, false); fds.len()]);
    }
    let over = libc::POLLIN | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
    Ok(fds.iter().map(|fd| (fd.revents & over != 0, fd.revents & libc::POLLOUT != 0)).collect())
}

/// Reads what is there.
fn read(fd: RawFd, buffer: &mut [u8]) -> Result<usize, Error> {
    // SAFETY: the pointer and the length are those of the buffer.
    let count = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(count).map_err(|_| Error::last_os_error())
}

/// Writes as much as is taken.
fn write(fd: RawFd, bytes: &[u8]) -> Result<usize, Error> {
    // SAFETY: the pointer and the length are those of the slice.
    let count = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(count).map_err(|_| Error::last_os_error())
}

/// Whether it is worth another try.
fn is_momentary(error: &Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted)
}
