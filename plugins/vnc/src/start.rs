//! How a desktop is started: the host's `vncserver`, which knows sessions, cookies and logs.
//!
//! It goes by three names with two languages. TigerVNC of Debian and TightVNC choose the display by themselves, free of any
//! race, when none is named.

use crate::desktops::Desktops;
use crate::parse::VNC_BASE;
use crate::parse::server::Server;
use crate::probes;
use ctys_plugin::model::{Answer, Bytes, Command, Create, Exit, Facts, HostFacts, Phase, Problem, Request, Step};
use ctys_plugin::outputs::complaint;

/// What a desktop is called that was given no label.
const DEFAULT_LABEL: &str = "DEFAULT";
/// The longest label, and what it is made of (ctys.md 3).
const LABEL_LENGTH: usize = 29;
/// vncserver waits for its server, and for its session to last three seconds.
const LIMIT_MS: u32 = 30_000;

/// One desktop to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its label.
    pub label: String,
    display: Option<u32>,
    port: Option<u16>,
    size: Option<String>,
    manager: Option<String>,
    /// More options, as typed.
    options: Vec<String>,
}

/// The desktops that a call asks for: one, or as many as BULK says.
pub fn starts(request: &Request, create: &Create, desktops: &Desktops, facts: &Facts) -> Result<Vec<Start>, Problem> {
    let number = |key: &str, most: u32| -> Result<Option<u32>, Problem> {
        let Some(text) = create.extra.get(key) else { return Ok(None) };
        let value = text.parse::<u32>().ok().filter(|value| (1..=most).contains(value));
        value.map(Some).ok_or_else(|| usage(format!("{key}:{text} is no number from 1 to {most}")))
    };
    let (bulk, base, port) = (number("BULK", 20)?, number("VNCBASE", 65535)?, number("VNCPORT", 65535)?);
    if create.address.id.is_some() {
        return Err(usage("the id of a desktop is known only while it runs").hint("VDIL:DISPLAY chooses the display"));
    }
    let label = create.address.label.as_deref().unwrap_or(DEFAULT_LABEL);
    let labels: Vec<String> = match bulk {
        Some(count) => (0..count).map(|n| format!("{label}{n:03}")).collect(),
        None => vec![label.to_string()],
    };
    if let Some(bad) = labels.iter().find(|label| !is_label(label)) {
        let message = format!("\"{bad}\" is no label for a desktop");
        return Err(usage(message).hint(format!("letters, digits, _ . and -, {LABEL_LENGTH} at most, no - in front")));
    }
    if let Some(taken) = desktops.servers.iter().find(|server| labels.contains(&server.label)) {
        let message = format!("a desktop runs already: {}", crate::desktops::shown(taken));
        return Err(Problem::new(Phase::Run, message).hint("REUSE shows the one that runs"));
    }
    let displays = displays(create, base, labels.len(), desktops, facts)?;
    let manager = create.extra.get("WM").filter(|manager| !manager.is_empty()).cloned();
    if let Some(bad) = manager.as_ref().filter(|manager| manager.starts_with('-')) {
        return Err(usage(format!("WM:{bad} is no program")));
    }
    let one = |(n, label): (usize, String)| {
        let display = displays.get(n).copied();
        let nth = u32::try_from(n).unwrap_or_default();
        let port = match (port, base, display) {
            (Some(port), ..) => Some(port + nth),
            (None, Some(base), Some(display)) => Some(base + display),
            _ => None,
        };
        let port =
            port.map(|port| u16::try_from(port).map_err(|_| usage(format!("there is no port {port}")))).transpose()?;
        let options = request.server_options.iter().chain(&create.call_opts).cloned().collect();
        let (size, manager) = (size(request), manager.clone());
        Ok(Start { label, display, port, size, manager, options })
    };
    labels.into_iter().enumerate().map(one).collect()
}

/// Whether the displays are chosen here: a base of its own makes the ports depend on them.
pub fn chooses_displays(create: &Create) -> bool {
    create.extra.contains_key("VNCBASE") && create.vnc_desk_ids.is_empty()
}

/// The displays where the call names them, or where a base of its own makes the ports depend on them.
fn displays(
    create: &Create,
    base: Option<u32>,
    count: usize,
    desktops: &Desktops,
    facts: &Facts,
) -> Result<Vec<u32>, Problem> {
    let most = u32::from(u16::MAX - VNC_BASE);
    if !create.vnc_desk_ids.is_empty() {
        let parse = |text: &String| text.parse::<u32>().ok().filter(|display| *display <= most);
        let all: Option<Vec<u32>> = create.vnc_desk_ids.iter().map(parse).collect();
        let all = all.ok_or_else(|| usage(format!("VDIL:{} are no display numbers", create.vnc_desk_ids.join("%"))))?;
        return match all.len() >= count {
            true => Ok(all),
            false => Err(usage(format!("VDIL names {} displays for {count} desktops", all.len()))),
        };
    }
    if base.is_none() {
        return Ok(Vec::new());
    }
    let mut taken: Vec<u32> = desktops.servers.iter().filter_map(|server| server.display).collect();
    // Without the folder no X server runs there.
    let sockets = facts.answer(&probes::displays()).ok_output().map(|output| output.stdout.to_text().into_owned());
    let number = |name: &str| name.strip_prefix('X')?.parse::<u32>().ok();
    taken.extend(sockets.iter().flat_map(|text| text.lines()).filter_map(number));
    Ok((1..=most).filter(|display| !taken.contains(display)).take(count).collect())
}

/// `-r`, else the size in `-g` (ctys.md 1.5).
fn size(request: &Request) -> Option<String> {
    if let Some((width, height)) = request.resolution {
        return Some(format!("{width}x{height}"));
    }
    let window = request.geometry.as_deref()?.split([':', '+', '-']).next()?;
    let (width, height) = window.split_once(['x', 'X'])?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (digits(width) && digits(height)).then(|| format!("{width}x{height}"))
}

fn is_label(label: &str) -> bool {
    let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    !label.is_empty() && label.len() <= LABEL_LENGTH && letters && !label.starts_with('-')
}

fn usage(message: impl Into<String>) -> Problem {
    Problem::new(Phase::Usage, message)
}

impl Start {
    /// The name of its step.
    pub fn name(&self) -> String {
        format!("start {}", self.label)
    }

    /// The step.
    pub fn step(&self, host: &HostFacts) -> Step {
        let mut tries = vec![
            self.call(host, "tigervncserver", "-desktop", &["-localhost", "yes"]),
            self.call(host, "tightvncserver", "-name", &["-localhost"]),
            self.call(host, "vncserver", "-name", &["-localhost"]),
        ];
        if self.manager.is_some() {
            // TightVNC starts what `~/.vnc/xstartup` says and nothing else.
            tries.remove(1);
        }
        Step::run_first(&self.name(), tries).go_on()
    }

    /// Only from the machine itself: the viewers of others come through ssh.
    fn call(&self, host: &HostFacts, program: &str, named: &str, localhost: &[&str]) -> Command {
        let mut command = Command::new(program).changes().lasting().limit_ms(LIMIT_MS);
        if let Some(display) = self.display {
            command = command.arg(format!(":{display}"));
        }
        command = command.args([named, self.label.as_str()]).args(localhost.iter().copied());
        command = command.arg("-rfbauth").arg(password_file(host));
        if let Some(size) = &self.size {
            command = command.args(["-geometry", size.as_str()]);
        }
        if let Some(port) = self.port {
            command = command.arg("-rfbport").arg(port.to_string());
        }
        if let Some(manager) = &self.manager {
            command = command.args(["-xstartup", manager.as_str()]);
        }
        command.args(self.options.iter().map(String::as_str))
    }

    /// Whether this server is what was started.
    pub fn is(&self, server: &Server, host: &HostFacts) -> bool {
        let display = self.display.is_none_or(|display| server.display == Some(display));
        server.label == self.label && server.process.user == host.user && display
    }

    /// Why it did not come up.
    pub fn problem(&self, answer: Option<&Answer>) -> Problem {
        let label = &self.label;
        match answer {
            Some(Answer::Output(output)) if output.ok() => {
                let message = format!("the desktop {label} was started and has ended again");
                Problem::new(Phase::Run, message).hint("its log is in ~/.vnc, by the host and the display")
            }
            Some(Answer::Output(output)) => {
                let message = format!("the desktop {label} was not started: {}", complaint("vncserver", output));
                let problem = Problem::new(Phase::Run, message);
                match output.exit {
                    Exit::NotFound => problem.hint("Debian: apt install tigervnc-standalone-server"),
                    _ => problem,
                }
            }
            _ => Problem::new(Phase::Run, format!("the desktop {label} was not started: vncserver has no answer")),
        }
    }
}

/// The password file as an absolute path: vncserver does not stay in the folder it is started in.
fn password_file(host: &HostFacts) -> Bytes {
    let below = probes::PASSWORD_FILE.strip_prefix('~').unwrap_or(probes::PASSWORD_FILE);
    Bytes([host.home.as_slice(), below.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_words() {
        for label in ["tst100", "LAB00", "a-b_c.d"] {
            assert!(is_label(label), "{label}");
        }
        for label in ["", "-rf", "a b", "a/b", "a;b", "é", "a:1", "123456789012345678901234567890"] {
            assert!(!is_label(label), "{label}");
        }
    }
}
