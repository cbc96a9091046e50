//! The bytes between ssh and a machine: a connection, or `ssh -W` through the machine it runs on.

use crate::living;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// A way to a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    /// From here.
    Direct {
        /// The name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// Through another machine, by the system's `ssh` and the user's configuration.
    Through {
        /// That machine, as ssh knows it.
        gate: String,
        /// The name or address, as that machine sees it.
        host: String,
        /// The port.
        port: u16,
    },
}

/// How long a machine may take to answer a connection from here before the next way is tried.
const PATIENCE: Duration = Duration::from_secs(3);

/// Goes the first way that opens, and moves bytes until both sides have ended.
///
/// The last way through another machine takes the place of this process: what it says is for the user's eyes.
///
/// # Errors
/// Why each way did not open.
pub fn carry(ways: &[Hop]) -> Result<(), Vec<String>> {
    let mut why = Vec::new();
    for way in ways {
        match way {
            Hop::Direct { host, port } => match living::connect(host, *port, PATIENCE) {
                Ok(stream) => return pump(stream).map_err(|error| vec![error.to_string()]),
                Err(error) => why.push(error),
            },
            Hop::Through { gate, host, port } => {
                if gate.starts_with('-') {
                    why.push(format!("{gate} is no name of a machine"));
                    continue;
                }
                let to = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
                let mut call = Command::new("ssh");
                call.args(["-oClearAllForwardings=yes", "-W", &to, "--", &uri(gate)]);
                why.push(format!("ssh cannot be run: {}", call.exec()));
            }
        }
    }
    Err(why)
}

/// What the neighbours of another machine are, by its `ip neigh`.
///
/// # Errors
/// When ssh cannot be run or fails.
pub fn neighbours_of(gate: &str) -> Result<Vec<living::Neighbour>, String> {
    if gate.starts_with('-') {
        return Err(format!("{gate} is no name of a machine"));
    }
    let mut call = Command::new("ssh");
    call.args(["-oClearAllForwardings=yes", "--", &uri(gate), "ip neigh show"]);
    let output =
        call.stdin(std::process::Stdio::null()).output().map_err(|error| format!("ssh cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("ip neigh on {gate} failed"));
    }
    Ok(living::neighbours(&String::from_utf8_lossy(&output.stdout)))
}

/// `user@host:port` as ssh takes it; a name without a port stays as it is.
fn uri(gate: &str) -> String {
    match gate.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']')) =>
        {
            format!("ssh://{gate}")
        }
        _ => gate.to_string(),
    }
}

/// Standard input to the connection, the connection to standard output.
fn pump(mut from: TcpStream) -> io::Result<()> {
    let mut to = from.try_clone()?;
    let _ = from.set_nodelay(true);
    // It ends with the process, when the machine has said its last.
    std::thread::spawn(move || {
        let _ = copy(&mut io::stdin().lock(), &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    copy(&mut from, &mut io::stdout().lock())
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut block = vec![0; 1 << 16];
    loop {
        match from.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&block[..count]).and_then(|()| to.flush())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_as_ssh_takes_it() {
        let check = |gate: &str, want: &str| assert_eq!(uri(gate), want);
        check("lab00", "lab00");
        check("root@lab00:2222", "ssh://root@lab00:2222");
        check("[::1]:22", "ssh://[::1]:22");
        check("fe80::1", "fe80::1");
    }
}
