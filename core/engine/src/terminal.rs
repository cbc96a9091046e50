//! What only system calls know of the terminal, and the quiet end on a closed pipe.

use std::os::fd::{AsRawFd, BorrowedFd};

/// The width of the terminal in characters; none when it is none.
pub fn width(stream: BorrowedFd<'_>) -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ fills a winsize, which is given.
    let known = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCGWINSZ, &mut size) } == 0;
    (known && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Ends the process as a closed pipe ends any Unix program: by SIGPIPE, without a word. `head` may well have had enough.
pub fn end_of_pipe() -> ! {
    // SAFETY: both calls take numbers; the default action of SIGPIPE ends the process.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::raise(libc::SIGPIPE);
    }
    std::process::exit(141)
}
