//! The `openssh` transport: the system's `ssh` as a child, with everything the user's configuration says.

use super::process::Piped;
use super::{Piece, Shell};
use crate::ssh::ready::{COMMAND, Gate, NOISE_LIMIT};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Phase, Problem};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// How to call `ssh` for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSsh {
    /// The program; a bare name is looked up in PATH.
    pub program: PathBuf,
    /// The configuration file, as with `ssh -F`; none means ssh's own two.
    pub config: Option<PathBuf>,
    /// The host as typed: an alias, a name or an address.
    pub host: String,
    /// The account, where the call names one.
    pub user: Option<String>,
    /// The port, where the call names one.
    pub port: Option<u16>,
    /// More `-o` options, each `Name=value`.
    pub options: Vec<String>,
    /// The environment of the child.
    pub variables: BTreeMap<String, OsString>,
}

impl OpenSsh {
    /// The arguments after the program. What is switched off is switched off because a batch command must not do it:
    /// open forwards, lend the agent, ask anybody anything. PermitLocalCommand stays as configured, for a LocalCommand
    /// belongs to reaching the host.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        if let Some(config) = &self.config {
            arguments.extend(["-F".into(), config.into()]);
        }
        arguments.extend(["-T", "-x", "-a"].map(OsString::from));
        let fixed = [
            "BatchMode=yes",
            "ClearAllForwardings=yes",
            "RemoteCommand=none",
            "Tunnel=no",
            // The messages below are read from stderr: banners would only be in the way, and QUIET would hide them.
            "LogLevel=ERROR",
        ];
        for option in fixed.into_iter().map(String::from).chain(self.options.iter().cloned()) {
            arguments.extend(["-o".into(), option.into()]);
        }
        if let Some(user) = &self.user {
            arguments.extend(["-l".into(), user.into()]);
        }
        if let Some(port) = self.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        arguments.extend(["--".into(), OsString::from(&self.host)]);
        arguments.push(COMMAND.into());
        arguments
    }
}

/// A shell behind the system's `ssh`.
pub struct OpenSshShell {
    piped: Piped,
    /// What came with the mark of the shell in one piece.
    first: Option<Vec<u8>>,
}

impl OpenSshShell {
    /// Starts `ssh` and waits until the login is done.
    pub fn connect(call: &OpenSsh, until: Instant) -> Result<OpenSshShell, Problem> {
        let started = Instant::now();
        let mut command = Command::new(&call.program);
        command.args(call.arguments()).env_clear().envs(&call.variables);
        // Nothing may pop up a window for a passphrase while many hosts are asked.
        command.env("SSH_ASKPASS_REQUIRE", "never").env_remove("SSH_ASKPASS");
        end_with_us(&mut command);
        let mut piped = Piped::start(&mut command).map_err(|error| {
            Problem::new(Phase::Here, format!("cannot start {}: {error}", call.program.display()))
                .hint("install the OpenSSH client (Debian: openssh-client)")
        })?;
        let (mut gate, mut messages) = (Gate::default(), Vec::new());
        loop {
            // Whoever never pauses always has a next piece, so the clock is looked at between pieces.
            let piece = if Instant::now() < until { piped.receive(until)? } else { Piece::Nothing };
            match piece {
                Piece::Out(bytes) => {
                    if let Some(rest) = gate.pass(bytes) {
                        return Ok(OpenSshShell { piped, first: Some(rest).filter(|rest| !rest.is_empty()) });
                    }
                    if gate.is_flooded() {
                        return Err(Problem::new(Phase::Run, "the login shell prints without end before our shell"));
                    }
                }
                Piece::Err(bytes) if messages.len() < NOISE_LIMIT => messages.extend(bytes),
                Piece::Err(_) => {}
                Piece::Nothing => {
                    let waited = started.elapsed().as_secs_f32();
                    let problem = Problem::new(Phase::Timeout, format!("no login within {waited:.1} s"));
                    return Err(match last_line(&messages) {
                        Some(line) => problem.hint(format!("ssh said: {line}")),
                        None => problem,
                    });
                }
                Piece::End(status) => {
                    return Err(why_ssh_ended(&messages, gate.last_words().as_deref(), status, &call.host));
                }
            }
        }
    }
}

/// Has the child end when this thread does, however that comes about: an ssh that waits for a silent host would outlive a
/// ctys that was killed for as long as the host is silent.
fn end_with_us(command: &mut Command) {
    // SAFETY: getpid cannot fail.
    let ours = unsafe { libc::getpid() };
    // SAFETY: signal, prctl and getppid are async-signal-safe and touch nothing of this process.
    unsafe {
        command.pre_exec(move || {
            // Until the exec the child has our handlers: one of them would take the signal, and ssh would never hear of it.
            libc::signal(libc::SIGTERM, libc::SIG_DFL);
            // SIGTERM: ssh then takes its own helpers (ProxyCommand, jump hosts) with it.
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) == -1 {
                return Err(std::io::Error::last_os_error());
            }
            match libc::getppid() == ours {
                true => Ok(()),
                false => Err(std::io::Error::from_raw_os_error(libc::ESRCH)),
            }
        });
    }
}

impl Shell for OpenSshShell {
    fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Problem> {
        self.piped.send(bytes, until)
    }

    fn receive(&mut self, until: Instant) -> Result<Piece, Problem> {
        match self.first.take() {
            Some(bytes) => Ok(Piece::Out(bytes)),
            None => self.piped.receive(until),
        }
    }

    fn carrier(&self) -> &'static str {
        "openssh"
    }
}

/// The phase that ssh's own complaint belongs to. This is a guess from English sentences that no contract fixes; where
/// none matches, the phase is Connect, since ssh ended (255) before a login shell spoke.
///
/// ```text
/// ssh: Could not resolve hostname nowhere.invalid: Name or service not known
/// ssh: connect to host 127.0.0.1 port 1: Connection refused
/// ssh: connect to host 192.0.2.1 port 22: Connection timed out
/// Connection timed out during banner exchange
/// kex_exchange_identification: Connection closed by remote host
/// Host key verification failed.
/// No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.
/// Unable to negotiate with 127.0.0.1 port 2222: no matching host key type found. Their offer: ssh-rsa
/// root@127.0.0.1: Permission denied (publickey,password).
/// Received disconnect from 127.0.0.1 port 2222:2: Too many authentication failures
/// /root/.ssh/config: line 3: Bad configuration option: nonsense
/// ```
///
/// `before` is what the far side said on standard output.
pub(crate) fn why_ssh_ended(messages: &[u8], before: Option<&str>, status: Option<i32>, host: &str) -> Problem {
    let text = String::from_utf8_lossy(messages);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    const SIGNS: [(Phase, &[&str]); 6] = [
        (
            Phase::Here,
            &["Bad configuration option", "terminating, ", "Bad owner or permissions on", "t open user config file"],
        ),
        (Phase::Resolve, &["Could not resolve hostname", "hostname contains invalid characters"]),
        (
            Phase::HostKey,
            &[
                "Host key verification failed",
                "REMOTE HOST IDENTIFICATION HAS CHANGED",
                "host key is known for",
                "marked as revoked",
                "no matching host key type",
            ],
        ),
        (Phase::Timeout, &["Connection timed out", "timed out during", "Operation timed out"]),
        (
            Phase::Login,
            &["Permission denied (", "Too many authentication failures", "This account is ", "Access denied"],
        ),
        (Phase::Connect, &["Connection refused", "No route to host", "Network is unreachable", "Connection closed by"]),
    ];
    for (phase, signs) in SIGNS {
        if let Some(line) = lines.iter().rev().find(|line| signs.iter().any(|sign| line.contains(sign))) {
            let problem = Problem::new(phase, format!("ssh: {}", shown(line)));
            return match phase {
                Phase::HostKey => problem.hint(format!("look at the key and decide by hand once: ssh {host}")),
                Phase::Login => problem.hint(format!("try by hand: ssh {host} true")),
                _ => problem,
            };
        }
    }
    let last = lines.last().map(|line| shown(line));
    match status {
        // Any other status than ssh's own 255 comes from the far side.
        Some(status) if status != 255 => crate::ssh::no_shell(Some(status), last.as_deref().or(before)),
        _ => {
            let said = last.map_or_else(|| "without a word".to_string(), |line| format!("saying: {line}"));
            Problem::new(Phase::Connect, format!("ssh ended before the login, {said}"))
        }
    }
}

fn shown(line: &str) -> String {
    let line = line.strip_prefix("ssh: ").unwrap_or(line).trim_end_matches('.');
    escape_for_eyes(&line.chars().take(300).collect::<String>()).into_owned()
}

fn last_line(messages: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(messages);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_of_what_ssh_says() {
        let check = |said: &str, phase: Phase, part: &str| {
            let problem = why_ssh_ended(said.as_bytes(), None, Some(255), "lab00");
            assert_eq!(problem.phase, phase, "{said}: {problem:?}");
            assert!(problem.message.contains(part), "{said}: {problem:?}");
        };
        check("ssh: Could not resolve hostname x.invalid: Name or service not known\r\n", Phase::Resolve, "x.invalid");
        check("ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n", Phase::Connect, "port 1");
        check("ssh: connect to host 192.0.2.1 port 22: Connection timed out\r\n", Phase::Timeout, "192.0.2.1");
        check(
            "Connection timed out during banner exchange\r\nConnection to x port 22 timed out\r\n",
            Phase::Timeout,
            "",
        );
        check("kex_exchange_identification: Connection closed by remote host\r\n", Phase::Connect, "closed");
        check(
            "No ED25519 host key is known for x and you have requested strict checking.\r\nHost key verification failed.\r\n",
            Phase::HostKey,
            "verification",
        );
        check(
            "Unable to negotiate with x port 22: no matching host key type found. Their offer: ssh-rsa\r\n",
            Phase::HostKey,
            "ssh-rsa",
        );
        check("root@x: Permission denied (publickey,password).\r\n", Phase::Login, "publickey");
        check("Received disconnect from x port 22:2: Too many authentication failures\r\n", Phase::Login, "Too many");
        check(
            "/root/.ssh/config: line 3: Bad configuration option: x\r\n/root/.ssh/config: terminating, 1 bad configuration options\r\n",
            Phase::Here,
            "terminating",
        );
        check("Can't open user config file /no/such: No such file or directory\r\n", Phase::Here, "/no/such");
        check("", Phase::Connect, "without a word");
        check("something new\n", Phase::Connect, "something new");
        // A jump host's own failure is told by the ssh in between; the last word of the outer one says less.
        check(
            "ssh: connect to host jump port 22: Connection refused\r\nkex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n",
            Phase::Connect,
            "Conn",
        );
        let nologin = why_ssh_ended(b"", Some("This account is not available."), Some(1), "lab00");
        assert!(nologin.message.ends_with("saying: This account is not available."), "{nologin:?}");
        check("stdio forwarding failed \x1b[2J\n", Phase::Connect, "\\x1b[2J");
    }

    #[test]
    fn arguments_leave_no_choice_to_the_host() {
        let call = OpenSsh {
            program: "ssh".into(),
            config: Some("/some/config".into()),
            host: "-oProxyCommand=evil".into(),
            user: Some("-x".into()),
            port: Some(2222),
            options: vec!["StdinNull=no".into()],
            variables: BTreeMap::new(),
        };
        let arguments: Vec<String> = call.arguments().into_iter().map(|word| word.into_string().unwrap()).collect();
        let expected = "-F /some/config -T -x -a -o BatchMode=yes -o ClearAllForwardings=yes -o RemoteCommand=none \
                        -o Tunnel=no -o LogLevel=ERROR -o StdinNull=no -l -x -p 2222 -- -oProxyCommand=evil";
        let (command, rest) = arguments.split_last().unwrap();
        assert_eq!((rest.join(" "), command.as_str()), (expected.to_string(), COMMAND));
    }
}
