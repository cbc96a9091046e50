//! The wake-on-LAN packet: who sends it, how, and what went wrong.

use ctys_plugin::magic::mac_bytes;
use ctys_plugin::model::{Answer, Batch, Command, Does, Effect, Exit, Phase, Problem, Step, Target, Wake};
use ctys_plugin::outputs::complaint;
use std::collections::BTreeMap;

/// Where a packet goes unless the call says otherwise.
const EVERYBODY: &str = "255.255.255.255";
/// The discard port, which every tool takes.
const PORT: u16 = 9;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The engine, on the machine of the caller.
    Caller,
    /// A tool on the target, which stands next to the sleeper.
    Target,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wakeup {
    /// The hardware address of the sleeper.
    pub mac: [u8; 6],
    sender: Sender,
    interface: Option<String>,
    broadcast: Option<String>,
    port: Option<u16>,
}

impl Wakeup {
    /// From IF, BROADCAST, PORT and BMAC: an interface, or where a UDP packet goes; not both.
    pub fn understand(mac: [u8; 6], sender: Sender, extra: &BTreeMap<String, String>) -> Result<Wakeup, Problem> {
        let usage = |message: String| Problem::new(Phase::Usage, message);
        let get = |key: &str| extra.get(key).cloned();
        let (interface, broadcast) = (get("IF"), get("BROADCAST"));
        if interface.is_some()
            && let Some(key) = ["BROADCAST", "PORT", "BMAC"].into_iter().find(|key| extra.contains_key(*key))
        {
            return Err(usage(format!("IF and {key} exclude each other")));
        }
        if let Some(bad) = interface.as_deref().filter(|name| !is_interface(name)) {
            return Err(usage(format!("IF:{bad} is no name of a network interface")));
        }
        // What begins with a dash would be an option to the tool that sends.
        if let Some(bad) = broadcast.as_deref().filter(|host| !is_host(host)) {
            return Err(usage(format!("BROADCAST:{bad} is neither an address nor a name")));
        }
        let port = match get("PORT") {
            Some(text) => match text.parse() {
                Ok(port) if port > 0 => Some(port),
                _ => return Err(usage(format!("PORT:{text} is no port from 1 to 65535"))),
            },
            None => None,
        };
        if let Some(bmac) = get("BMAC").filter(|bmac| mac_bytes(bmac) != Some([0xff; 6])) {
            return Err(usage(format!("BMAC:{bmac} cannot be had: a UDP broadcast goes to FF:FF:FF:FF:FF:FF")));
        }
        Ok(Wakeup { mac, sender, interface, broadcast, port })
    }

    /// The one step that sends it.
    pub fn effect(&self, name: &str) -> Effect {
        let step = match self.sender {
            Sender::Caller => {
                let wake = Wake {
                    mac: self.mac,
                    broadcast: self.broadcast.clone().unwrap_or_else(|| EVERYBODY.to_string()),
                    port: self.port.unwrap_or(PORT),
                    interface: self.interface.clone(),
                };
                Step::does(name, Does::Wake(wake))
            }
            Sender::Target => Step::run_first(name, self.tools()),
        };
        Effect::Run(Batch { steps: vec![step] })
    }

    /// The tools that can send what is asked, those that need no root first.
    ///
    /// wakeonlan and wol send UDP and choose no interface; etherwake and busybox' ether-wake send raw frames, know no
    /// UDP port, and take eth0 unless told.
    fn tools(&self) -> Vec<Command> {
        let mac = self.mac.map(|byte| format!("{byte:02x}")).join(":");
        let udp = |program: &str| {
            let mut command = Command::new(program);
            if let Some(broadcast) = &self.broadcast {
                command = command.args(["-i", broadcast]);
            }
            if let Some(port) = self.port {
                command = command.args(["-p".to_string(), port.to_string()]);
            }
            command.arg(mac.as_str()).changes()
        };
        let raw = |program: &str| {
            let mut command = Command::new(program).arg("-b");
            if let Some(interface) = &self.interface {
                command = command.args(["-i", interface]);
            }
            command.arg(mac.as_str()).as_root().changes()
        };
        match (&self.interface, self.broadcast.is_some() || self.port.is_some()) {
            (Some(_), _) => vec![raw("etherwake"), raw("ether-wake")],
            (None, true) => vec![udp("wakeonlan"), udp("wol")],
            (None, false) => vec![udp("wakeonlan"), udp("wol"), raw("etherwake"), raw("ether-wake")],
        }
    }
}

/// What is wrong when the packet did not leave.
pub fn failure(answer: &Answer, relay: &Target) -> Option<Problem> {
    match answer {
        Answer::Done => None,
        Answer::Output(output) if output.ok() => None,
        Answer::Output(output) => Some(match &output.exit {
            Exit::NotFound => Problem::new(Phase::Run, format!("{} has no tool that sends this packet", relay.host))
                .hint("install wakeonlan there (etherwake for IF:)")
                .hint("or send it from here: give localhost as target"),
            Exit::Refused(_) => {
                Problem::new(Phase::Privilege, complaint("the wake-up tool", output)).hint("-Z SUDO allows it")
            }
            _ => Problem::new(Phase::Run, complaint("the wake-up tool", output)),
        }),
        Answer::Failed(why) => Some(Problem::new(Phase::Run, format!("the wake-on-LAN packet was not sent: {why}"))),
        Answer::Missing(_) | Answer::File(_) | Answer::Scanned(_) | Answer::Processes(_) | Answer::Talked(_) => {
            Some(Problem::new(Phase::Run, format!("whether {} sent the packet is not known", relay.host)))
        }
    }
}

/// Names the kernel takes for an interface: up to 15 bytes, no slash, no blank. A dash in front is for options.
pub fn is_interface(name: &str) -> bool {
    (1..=15).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
}

fn is_host(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'_'))
}
