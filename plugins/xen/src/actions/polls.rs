//! What CREATE waits for after a start: WAITS, PING, SSHPING (ctys.md 2.1).

use super::create::{Job, run};
use super::viewer::PORT;
use super::{LOOK, look, times};
use crate::parse::xl_list::Domain;
use ctys_plugin::machines::Configured;
use ctys_plugin::model::{Next, Problem, Replies};
use ctys_plugin::polls::{self, Due, Guest};

impl Job<'_> {
    /// The guest, where it is known, and the polls of it.
    pub(super) fn due(&self) -> Result<(Option<Guest>, Vec<Due>), Problem> {
        let interfaces = self.machine.as_ref().map(Configured::interfaces).unwrap_or_default();
        let ssh_port = self.machine.as_ref().and_then(|machine| machine.magic("SSHPORT"));
        let guest = polls::guest(self.create, &interfaces, ssh_port);
        let due = polls::due(self.create, self.console.is_some(), guest.as_ref())?;
        Ok((guest, due))
    }

    /// What is waited for after a start; nothing when all is over.
    pub(super) fn wait(&self, domain: &Domain, replies: &Replies) -> Result<Option<Next>, Problem> {
        let name = &domain.name;
        let (guest, due) = self.due()?;
        let asked: usize = due.iter().map(|due| times(replies, due.name)).sum();
        if let Some(seconds) = self.create.wait_server.filter(|seconds| *seconds > 0)
            && times(replies, LOOK) == 1
            && asked + times(replies, PORT) == 0
        {
            let why = format!("for {name} to settle");
            let effect = run(vec![look(self.request)]);
            return Ok(Some(Next::Later { delay_ms: seconds.saturating_mul(1000), effect, why }));
        }
        let Some(guest) = guest else { return Ok(None) };
        for due in due {
            let tried = times(replies, due.name);
            if tried > 0 && polls::answers(replies.last(due.name)) {
                continue;
            }
            if tried >= due.tries as usize {
                if due.asked {
                    return Err(due.failed(name, &guest));
                }
                continue;
            }
            let effect = run(vec![due.step(&guest), look(self.request)]);
            return Ok(Some(match tried {
                0 => Next::Then(effect),
                _ if due.every == 0 => Next::Then(effect),
                _ => Next::Later {
                    delay_ms: due.every.saturating_mul(1000),
                    effect,
                    why: format!("for {name} to answer at {}", guest.address),
                },
            }));
        }
        Ok(None)
    }

    /// That a guest which nobody waited for by word did not answer.
    pub(super) fn unanswered(&self, name: &str, replies: &Replies) -> Option<Problem> {
        let (guest, due) = self.due().ok()?;
        let silent = |due: &&Due| times(replies, due.name) > 0 && !polls::answers(replies.last(due.name));
        Some(due.iter().find(silent)?.failed(name, &guest?))
    }
}
