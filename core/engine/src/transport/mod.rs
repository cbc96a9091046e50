//! One shell on one host, by whatever way it is reached.
//!
//! A transport opens `/bin/sh` on the host and moves bytes; what the bytes mean is the business of `script.rs` and
//! `frames.rs`. Transports block their own thread and obey deadlines; nothing here prompts.

pub mod openssh;
pub mod process;
pub mod ssh2;
mod watchdog;

use ctys_model::Problem;
use std::time::{Duration, Instant};

/// A `/bin/sh` that reads its script from us, its two outputs apart.
pub trait Shell: Send {
    /// Hands these bytes to the shell's input. Output that arrives meanwhile is kept for [`Shell::receive`], so that a
    /// long script and a long answer cannot block each other.
    fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Problem>;

    /// Waits for the next piece of output. `Ok(Piece::Nothing)` when `until` passed without any.
    fn receive(&mut self, until: Instant) -> Result<Piece, Problem>;

    /// Which transport this is: `local`, `ssh2`, `openssh`, `replay`.
    fn carrier(&self) -> &'static str;
}

/// What a shell gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Standard output.
    Out(Vec<u8>),
    /// Standard error.
    Err(Vec<u8>),
    /// Nothing came in time.
    Nothing,
    /// The shell has ended and everything was read. The status is that of the shell, where it is known.
    End(Option<i32>),
}

/// The patience with one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// From the first packet until the login is done.
    pub connect: Duration,
    /// The longest time without a byte from the host.
    pub silence: Duration,
    /// For everything on this host.
    pub total: Duration,
}

impl Default for Clocks {
    fn default() -> Self {
        Clocks { connect: Duration::from_secs(5), silence: Duration::from_secs(10), total: Duration::from_secs(60) }
    }
}
