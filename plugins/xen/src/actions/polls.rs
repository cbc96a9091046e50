//! What CREATE waits for after a start: WAITS, PING, SSHPING (ctys.md 2.1).

use super::create::{Job, run};
use super::viewer::PORT;
use super::{LOOK, look, times};
use crate::parse::xl_list::Domain;
use ctys_plugin::model::{Answer, Command, Next, Phase, Poll, Problem, Replies, Step};

/// The step of PING.
pub const PING: &str = "ping";
const SSH_PING: &str = "sshping";

/// Without numbers: tries and seconds between them.
pub const POLLS: (u32, u32) = (20, 2);
/// One look at a guest, in milliseconds.
const LOOK_MS: u32 = 5_000;

impl Job<'_> {
    /// Polls of the guest that are still due: name, tries, seconds between them, whether the call asks for them.
    pub(super) fn polls(&self) -> Result<Vec<(&'static str, u32, u32, bool)>, Problem> {
        let create = self.create;
        let mut polls = Vec::new();
        for (name, poll, by_default) in [(PING, create.ping, true), (SSH_PING, create.ssh_ping, false)] {
            match poll {
                Some(Poll::Off) => {}
                Some(Poll::On) => polls.push((name, POLLS.0, POLLS.1, true)),
                Some(Poll::Tries { count, every }) => polls.push((name, count.max(1), every, true)),
                // Whoever opens a console sees the guest come up.
                None if by_default && self.console.is_none() => polls.push((name, POLLS.0, POLLS.1, false)),
                None => {}
            }
        }
        if self.guest().is_some() {
            return Ok(polls);
        }
        match polls.iter().find(|(_, _, _, asked)| *asked) {
            Some((name, ..)) => Err(Problem::new(
                Phase::Run,
                format!(
                    "nothing was started: {} needs the address of the guest, which nobody knows",
                    name.to_uppercase()
                ),
            )
            .hint("add it to the configuration: #@#IP0 = \"<address>\"")),
            None => Ok(Vec::new()),
        }
    }

    /// The address of the guest, where the call or its file names one.
    fn guest(&self) -> Option<String> {
        let of_file = || {
            let (interfaces, _) = self.machine.as_ref()?.interfaces();
            interfaces.into_iter().find_map(|interface| interface.ip)
        };
        let is_host = |name: &String| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'_');
            !name.is_empty() && !name.starts_with('-') && name.bytes().all(fits)
        };
        self.create.address.tcp.clone().or_else(of_file).filter(is_host)
    }

    /// The port of the guest's sshd at this address.
    fn ssh_port(&self, guest: &str) -> u16 {
        let of_file = || {
            let machine = self.machine.as_ref()?;
            let (interfaces, _) = machine.interfaces();
            let own = interfaces.into_iter().find(|interface| interface.ip.as_deref() == Some(guest))?.ssh_port;
            own.or_else(|| machine.magic("SSHPORT").map(str::to_string))?.parse().ok()
        };
        of_file().unwrap_or(22)
    }

    /// What is waited for after a start; nothing when all is over.
    pub(super) fn wait(&self, domain: &Domain, replies: &Replies) -> Result<Option<Next>, Problem> {
        let name = &domain.name;
        let asked = times(replies, PING) + times(replies, SSH_PING) + times(replies, PORT);
        if let Some(seconds) = self.create.wait_server.filter(|seconds| *seconds > 0)
            && times(replies, LOOK) == 1
            && asked == 0
        {
            let why = format!("for {name} to settle");
            let effect = run(vec![look(self.request)]);
            return Ok(Some(Next::Later { delay_ms: seconds.saturating_mul(1000), effect, why }));
        }
        let Some(guest) = self.guest() else { return Ok(None) };
        for (poll, count, every, asked) in self.polls()? {
            let tried = times(replies, poll);
            if tried > 0 && answers(replies.last(poll)) {
                continue;
            }
            if tried >= count as usize {
                if asked {
                    return Err(Problem::new(
                        Phase::Timeout,
                        format!("{name} runs, and {guest} did not answer in {count} tries, {every} s apart"),
                    )
                    .hint(format!("{}:<tries>%<seconds> waits longer", poll.to_uppercase())));
                }
                continue;
            }
            let effect = run(vec![self.poll(poll, &guest), look(self.request)]);
            return Ok(Some(match tried {
                0 => Next::Then(effect),
                _ if every == 0 => Next::Then(effect),
                _ => Next::Later {
                    delay_ms: every.saturating_mul(1000),
                    effect,
                    why: format!("for {name} to answer at {guest}"),
                },
            }));
        }
        Ok(None)
    }

    /// Asked from the host: its bridges may be the only way to the guest.
    fn poll(&self, name: &str, guest: &str) -> Step {
        let command = match name {
            PING => Command::new("ping").args(["-c", "1", "-w", "2", guest]),
            // The first line an sshd sends tells that it is one.
            _ => Command::new("bash")
                .args(["-c", "exec 3<>\"/dev/tcp/$1/$2\" && read -r line <&3 && [[ $line == SSH-* ]] && echo answers"])
                .args(["sshping", guest, &self.ssh_port(guest).to_string()]),
        };
        Step::run(name, command.limit_ms(LOOK_MS)).go_on()
    }
}

/// A tool that answers says something.
pub fn answers(answer: Option<&Answer>) -> bool {
    answer.and_then(Answer::ok_output).is_some_and(|output| !output.stdout.is_empty())
}
