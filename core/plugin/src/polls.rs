//! What CREATE of a machine waits for after its start: PING and SSHPING (ctys.md 2.1).

use crate::magic::MagicInterface;
use ctys_model::{Answer, Command, Create, Phase, Poll, Problem, Step};

/// Without numbers: tries and seconds between them.
const POLLS: (u32, u32) = (20, 2);
/// One look at a guest, in milliseconds.
const LOOK_MS: u32 = 5_000;

/// Where a guest is to be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its address or name.
    pub address: String,
    /// The port of its sshd.
    pub ssh_port: u16,
}

/// A poll that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// `ping` or `sshping`; also the name of its step.
    pub name: &'static str,
    /// How often it is tried.
    pub tries: u32,
    /// Seconds between two tries.
    pub every: u32,
    /// Whether the call asks for it; else its failure is only a remark.
    pub asked: bool,
}

/// The guest, where the call or its configuration names an address that can be one.
pub fn guest(create: &Create, interfaces: &[MagicInterface], ssh_port: Option<&str>) -> Option<Guest> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'_');
    let is_host = |name: &&String| !name.is_empty() && !name.starts_with('-') && name.bytes().all(fits);
    let known = || interfaces.iter().find_map(|interface| interface.ip.as_ref());
    let address = create.address.tcp.as_ref().or_else(known).filter(is_host)?.clone();
    let own = interfaces.iter().find(|interface| interface.ip.as_ref() == Some(&address));
    let port = own.and_then(|interface| interface.ssh_port.as_deref()).or(ssh_port);
    Some(Guest { address, ssh_port: port.and_then(|port| port.parse().ok()).unwrap_or(22) })
}

/// The polls of a call. `console` tells that one is opened: whoever does that sees the guest come up.
pub fn due(create: &Create, console: bool, guest: Option<&Guest>) -> Result<Vec<Due>, Problem> {
    let mut polls = Vec::new();
    for (name, poll, by_default) in [("ping", create.ping, true), ("sshping", create.ssh_ping, false)] {
        let (tries, every) = POLLS;
        match poll {
            Some(Poll::Off) => {}
            Some(Poll::On) => polls.push(Due { name, tries, every, asked: true }),
            Some(Poll::Tries { count, every }) => polls.push(Due { name, tries: count.max(1), every, asked: true }),
            None if by_default && !console => polls.push(Due { name, tries, every, asked: false }),
            None => {}
        }
    }
    match polls.iter().find(|due| due.asked) {
        Some(due) if guest.is_none() => {
            let name = due.name.to_uppercase();
            let message = format!("nothing was started: {name} needs the address of the guest, which nobody knows");
            Err(Problem::new(Phase::Run, message).hint("add it to the configuration: #@#IP0 = \"<address>\""))
        }
        _ if guest.is_none() => Ok(Vec::new()),
        _ => Ok(polls),
    }
}

impl Due {
    /// One look, asked from the host: its bridges may be the only way to the guest.
    pub fn step(&self, guest: &Guest) -> Step {
        let Guest { address, ssh_port } = guest;
        let command = match self.name {
            "ping" => Command::new("ping").args(["-c", "1", "-w", "2", address]),
            // The first line an sshd sends tells that it is one.
            _ => Command::new("bash")
                .args(["-c", "exec 3<>\"/dev/tcp/$1/$2\" && read -r line <&3 && [[ $line == SSH-* ]] && echo answers"])
                .args(["sshping", address, &ssh_port.to_string()]),
        };
        Step::run(self.name, command.limit_ms(LOOK_MS)).go_on()
    }

    /// That the guest never answered.
    pub fn failed(&self, name: &str, guest: &Guest) -> Problem {
        let Due { tries, every, .. } = self;
        if self.asked {
            let message =
                format!("{name} runs, and {} did not answer in {tries} tries, {every} s apart", guest.address);
            let hint = format!("{}:<tries>%<seconds> waits longer", self.name.to_uppercase());
            return Problem::new(Phase::Timeout, message).hint(hint);
        }
        let message = format!("{name} did not answer a ping in {tries} tries, {every} s apart");
        Problem::new(Phase::Notice, message).hint("PING:OFF does not wait for it")
    }
}

/// A tool that answers says something.
pub fn answers(answer: Option<&Answer>) -> bool {
    answer.and_then(Answer::ok_output).is_some_and(|output| !output.stdout.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(ip: &str, ssh_port: Option<&str>) -> MagicInterface {
        let ssh_port = ssh_port.map(str::to_string);
        MagicInterface { ip: Some(ip.into()), ssh_port, ..MagicInterface::default() }
    }

    #[test]
    fn where_the_guest_is() {
        let check = |cards: &[MagicInterface], tcp: Option<&str>, port: Option<&str>, want: Option<(&str, u16)>| {
            let mut create = Create::default();
            create.address.tcp = tcp.map(str::to_string);
            let want = want.map(|(address, ssh_port)| Guest { address: address.into(), ssh_port });
            assert_eq!(guest(&create, cards, port), want);
        };
        check(&[card("10.0.0.7", None)], None, None, Some(("10.0.0.7", 22)));
        check(&[card("10.0.0.7", Some("2222"))], None, Some("99"), Some(("10.0.0.7", 2222)));
        check(&[card("10.0.0.7", None)], Some("tst100"), Some("99"), Some(("tst100", 99)));
        check(&[card("-f", None)], None, None, None);
        check(&[card("a;b", None)], None, None, None);
        check(&[], None, None, None);
    }

    #[test]
    fn what_is_polled() {
        let known = Guest { address: "10.0.0.7".into(), ssh_port: 22 };
        let check = |ping, ssh_ping, console, guest: Option<&Guest>, want: Result<&[(&str, u32, bool)], ()>| {
            let create = Create { ping, ssh_ping, ..Create::default() };
            let got = due(&create, console, guest).map_err(drop);
            let got = got.map(|all| all.iter().map(|d| (d.name, d.tries, d.asked)).collect::<Vec<_>>());
            assert_eq!(got, want.map(<[_]>::to_vec));
        };
        check(None, None, false, Some(&known), Ok(&[("ping", 20, false)]));
        check(None, None, true, Some(&known), Ok(&[]));
        check(None, None, false, None, Ok(&[]));
        check(Some(Poll::On), None, true, None, Err(()));
        let tries = Some(Poll::Tries { count: 0, every: 1 });
        check(Some(Poll::Off), tries, false, Some(&known), Ok(&[("sshping", 1, true)]));
    }
}
