//! A console in the caller's terminal: the command's terminal on the host becomes ours.
//!
//! Remote ones go through the system's `ssh` with a forced terminal, which knows window sizes, escapes and every way to
//! reach a host. The terminal is put back as it was on every way out.

use crate::quote::{NulByte, quote};
use crate::script::Means;
use crate::ssh::Ssh;
use ctys_model::{Command, Console, Phase, Privilege, Problem, Target};
use std::os::fd::AsRawFd;
use std::process::Stdio;

/// How a console is reached.
pub struct Way<'a> {
    /// Reaches hosts.
    pub ssh: &'a Ssh,
    /// The host.
    pub target: &'a Target,
    /// The ways to root that `-Z` allows.
    pub means: &'a [Means],
    /// How often `-t` is given to ssh (`-z`); two force a terminal even where stdin is none.
    pub ptys: u8,
    /// `-Y`.
    pub forward_agent: bool,
}

/// Connects this terminal with the console until either side ends it. Returns the status of the command; 255 may also
/// be ssh's own, which has then said so.
pub fn attach(console: &Console, way: &Way<'_>) -> Result<i32, Problem> {
    let Some(command) = &console.command else {
        return Err(Problem::new(Phase::Here, format!("the {} console has no terminal", console.kind)));
    };
    let line = shell_line(command, way.means).map_err(|NulByte| {
        Problem::new(Phase::Usage, "an argument holds a NUL byte, which no command line can carry")
    })?;
    let mut process = if way.target.local {
        let mut process = std::process::Command::new("/bin/sh");
        process.arg("-c").arg(os_string(line));
        process
    } else {
        let mut process = way.ssh.interactive(way.target, way.ptys, way.forward_agent);
        // The login shell may be any; what it is given is one plain word after `/bin/sh -c`.
        let mut remote = b"exec /bin/sh -c ".to_vec();
        remote.extend(quote(&line).unwrap_or_default());
        process.arg(os_string(remote));
        process
    };
    process.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let _kept = Terminal::keep();
    let mut child =
        process.spawn().map_err(|error| Problem::new(Phase::Here, format!("the console cannot be opened: {error}")))?;
    let _watch = Watch::over(child.id());
    let status = child.wait().map_err(|error| Problem::new(Phase::Here, format!("the console is lost: {error}")))?;
    use std::os::unix::process::ExitStatusExt;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
}

/// The command as root where it needs that, by the first means that is there.
fn shell_line(command: &Command, means: &[Means]) -> Result<Vec<u8>, NulByte> {
    let mut words = quote(command.program.as_bytes())?;
    for arg in &command.args {
        words.push(b' ');
        words.extend(quote(arg.as_slice())?);
    }
    let mut line =
        b"PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin; export PATH; "
            .to_vec();
    if command.privilege == Privilege::Root && !means.is_empty() {
        line.extend(b"if [ \"$(id -u)\" = 0 ]; then :; ");
        for means in means {
            let call = match means {
                Means::Ksu => "ksu root -q -e",
                Means::Sudo => "sudo -n --",
                Means::Doas => "doas -n --",
                // Only the fan-out bars; one console tries what its user allowed.
                Means::Barred => continue,
            };
            let tool = means.word();
            line.extend(format!("elif command -v {tool} >/dev/null 2>&1; then exec {call} ").as_bytes());
            line.extend(&words);
            line.extend(b"; ");
        }
        line.extend(b"fi; ");
    }
    line.extend(b"exec ");
    line.extend(&words);
    Ok(line)
}

fn os_string(bytes: Vec<u8>) -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

/// The settings of the terminal on stdin, put back when this goes out of scope.
struct Terminal {
    settings: Option<libc::termios>,
}

impl Terminal {
    fn keep() -> Terminal {
        // SAFETY: termios is plain data, which tcgetattr fills for a descriptor that is open or refuses.
        let settings = unsafe {
            let mut settings: libc::termios = std::mem::zeroed();
            (libc::tcgetattr(std::io::stdin().as_raw_fd(), &mut settings) == 0).then_some(settings)
        };
        Terminal { settings }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(settings) = &self.settings {
            // SAFETY: the settings are those that tcgetattr gave.
            unsafe { libc::tcsetattr(std::io::stdin().as_raw_fd(), libc::TCSADRAIN, settings) };
        }
    }
}

/// Signals while the console is open. The keyboard's are the guest's: Ctrl-C must not end us before the terminal is put
/// back. SIGTERM and SIGHUP are handed on to the child, so that it ends and the terminal is put back as after any other
/// end. Handlers, unlike ignored signals, are not inherited: the child has the usual ones.
struct Watch {
    registered: Vec<signal_hook::SigId>,
}

impl Watch {
    fn over(child: u32) -> Watch {
        let hand_on = move || {
            // SAFETY: kill is async-signal-safe; the child is ours and not waited for while this is registered.
            unsafe { libc::kill(child as libc::pid_t, libc::SIGHUP) };
        };
        let handed_on = [libc::SIGTERM, libc::SIGHUP]
            .into_iter()
            // SAFETY: the action only calls kill, see above.
            .filter_map(|signal| unsafe { signal_hook::low_level::register(signal, hand_on) }.ok());
        let seen = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let swallowed = [libc::SIGINT, libc::SIGQUIT]
            .into_iter()
            .filter_map(|signal| signal_hook::flag::register(signal, seen.clone()).ok());
        Watch { registered: handed_on.chain(swallowed).collect() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_console_raises_what_needs_it_and_quotes_everything() {
        let line = |command: Command, means: &[Means]| String::from_utf8(shell_line(&command, means).unwrap()).unwrap();
        let xl = || Command::new("xl").args(["console", "two words"]);
        assert!(line(xl(), &[Means::Sudo]).ends_with("export PATH; exec xl console 'two words'"));
        assert!(line(xl().as_root(), &[]).ends_with("export PATH; exec xl console 'two words'"));
        let raised = line(xl().as_root(), &[Means::Sudo]);
        assert!(raised.contains("then exec sudo -n -- xl console 'two words'; fi; exec xl"), "{raised}");
    }
}
