//! A terminal of its own for a program: what is typed goes in, what it prints comes out, and its settings can be read.
//!
//! Plain Rust on top of std and libc: `#[path = "pty/mod.rs"] mod pty;`.
#![allow(dead_code, reason = "every test crate uses its own part of it")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long something may take on a busy machine before a test fails.
const PATIENCE: Duration = Duration::from_secs(180);

/// The terminal and the program in it.
pub struct Pty {
    /// The program; it leads the session of the terminal.
    pub child: Child,
    /// The settings before the program began.
    pub usual: String,
    master: File,
    slave: OwnedFd,
    heard: Vec<u8>,
}

impl Pty {
    /// Starts a program in a fresh terminal of 24 lines and 80 columns.
    pub fn start(command: &mut Command) -> Pty {
        let (mut master, mut slave) = (-1, -1);
        let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: both numbers are written by the call; no name and no settings are given.
        let made = unsafe { libc::openpty(&mut master, &mut slave, std::ptr::null_mut(), std::ptr::null_mut(), &size) };
        assert_eq!(made, 0, "no terminal: {}", std::io::Error::last_os_error());
        // SAFETY: openpty gave both, and nobody else has them.
        let (master, slave) = unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
        for fd in [master.as_raw_fd(), slave.as_raw_fd()] {
            // SAFETY: the flag concerns this descriptor alone: the program is to have its three, not these.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        let end = || Stdio::from(slave.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: signal, setsid and ioctl are async-signal-safe and touch nothing of this process.
        unsafe {
            command.pre_exec(|| {
                // As in any fresh terminal, also where the tests run in the background or below nohup.
                for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
                    libc::signal(signal, libc::SIG_DFL);
                }
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let usual = settings(&slave);
        let child = command.spawn().unwrap();
        Pty { child, usual, master, slave, heard: Vec::new() }
    }

    /// Makes the terminal another size, as a window that is pulled.
    pub fn resize(&self, lines: u16, columns: u16) {
        let size = libc::winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the structure is given.
        let result = unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &size) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }

    /// Types bytes.
    pub fn types(&mut self, bytes: &[u8]) {
        self.master.write_all(bytes).unwrap();
    }

    /// Waits for these bytes; what came up to and with them.
    #[track_caller]
    pub fn wait_for(&mut self, bytes: &[u8]) -> Vec<u8> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.heard.windows(bytes.len()).position(|window| window == bytes) {
                let rest = self.heard.split_off(at + bytes.len());
                return std::mem::replace(&mut self.heard, rest);
            }
            if !self.hear(until) {
                panic!("{:?} never came; heard: {:?}", shown(bytes), shown(&self.heard));
            }
        }
    }

    /// Waits for the program's end: its status, and what came before.
    #[track_caller]
    pub fn end(&mut self) -> (ExitStatus, Vec<u8>) {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                while self.hear(Instant::now()) {}
                return (status, std::mem::take(&mut self.heard));
            }
            assert!(Instant::now() < until, "it does not end; heard: {:?}", shown(&self.heard));
            self.hear(Instant::now() + Duration::from_millis(20));
        }
    }

    /// The settings, as `stty -g` prints them.
    pub fn settings(&self) -> String {
        settings(&self.slave)
    }

    /// Waits until the settings are these, or others than these.
    #[track_caller]
    pub fn wait_for_settings(&mut self, seen: impl Fn(&str) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !seen(&self.settings()) {
            assert!(Instant::now() < until, "the settings stay; heard: {:?}", shown(&self.heard));
            self.hear(Instant::now() + Duration::from_millis(20));
        }
    }

    /// Hears a piece; false when the time is over.
    fn hear(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now()).as_millis() as i32;
        let mut fd = libc::pollfd { fd: self.master.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure is given.
        let ready = unsafe { libc::poll(&mut fd, 1, left) };
        if ready <= 0 {
            return false;
        }
        let mut piece = [0; 4096];
        match self.master.read(&mut piece) {
            Ok(count) => {
                self.heard.extend_from_slice(&piece[..count]);
                true
            }
            Err(_) => false,
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // The child is ours and not yet waited for, or already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(terminal: &OwnedFd) -> String {
    let output = Command::new("stty").arg("-g").stdin(terminal.try_clone().unwrap()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

/// Bytes for a message.
pub fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
