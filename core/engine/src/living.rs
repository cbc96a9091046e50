//! Who answers: ping and the banner of sshd, many hosts at once; and whom the kernel has seen on its networks.
//!
//! No login is made and no account is needed.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How it is asked whether a host is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An echo request, by the system's `ping`.
    Ping,
    /// The banner of sshd on its port.
    Ssh,
}

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries before a host counts as gone.
    pub tries: u32,
    /// How long one try may take.
    pub limit: Duration,
}

/// One host that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// A name or an address.
    pub host: String,
    /// The port of its sshd.
    pub port: u16,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
enum Silence {
    /// The host is gone, or said nothing.
    Host(String),
    /// Nobody was asked: the program that asks cannot be run here. That says nothing of the host.
    Here(String),
}

/// Asks all hosts, `at_once` at the same time. The answers are in the order of the questions: nothing, or why a host
/// counts as gone.
///
/// # Errors
/// When hosts cannot be asked from here, because there is no `ping`.
pub fn ask(
    questions: &[Question],
    way: Way,
    patience: Patience,
    at_once: usize,
) -> Result<Vec<Result<(), String>>, String> {
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<Option<Result<(), Silence>>>> = Mutex::new(vec![None; questions.len()]);
    std::thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, questions.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(question) = questions.get(number) else { return };
                    let answer = one(question, way, patience);
                    if let Ok(mut answers) = answers.lock() {
                        answers[number] = Some(answer);
                    }
                }
            });
        }
    });
    let answers = answers.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let answer = |answer: Option<Result<(), Silence>>| match answer {
        Some(Ok(())) => Ok(Ok(())),
        Some(Err(Silence::Host(why))) => Ok(Err(why)),
        Some(Err(Silence::Here(why))) => Err(why),
        None => Ok(Err("it was not asked".into())),
    };
    answers.into_iter().map(answer).collect()
}

fn one(question: &Question, way: Way, patience: Patience) -> Result<(), Silence> {
    let mut last = Err(Silence::Host("it was asked no time at all".to_string()));
    for _ in 0..patience.tries {
        last = match way {
            Way::Ping => ping(&question.host, patience.limit),
            Way::Ssh => banner(question, patience.limit).map(|_| ()).map_err(Silence::Host),
        };
        if matches!(last, Ok(()) | Err(Silence::Here(_))) {
            return last;
        }
    }
    last
}

fn ping(host: &str, limit: Duration) -> Result<(), Silence> {
    if host.starts_with('-') {
        return Err(Silence::Host("no name begins with -".into()));
    }
    let seconds = limit.as_secs().max(1).to_string();
    let output = Command::new("ping")
        .args(["-n", "-c", "1", "-W", &seconds, "--", host])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| Silence::Here(format!("ping cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
    let said =
        if said.is_empty() { "no answer".into() } else { ctys_model::bytes::escape_for_eyes(&said).into_owned() };
    Err(Silence::Host(said))
}

/// The first line of an sshd.
fn banner(question: &Question, limit: Duration) -> Result<String, String> {
    let until = Instant::now() + limit;
    let mut stream = connect(&question.host, question.port, limit)?;
    let mut said = Vec::new();
    while !said.contains(&b'\n') && said.len() < 255 {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("it accepts connections and says nothing".into());
        }
        let _ = stream.set_read_timeout(Some(left));
        let mut block = [0; 64];
        match stream.read(&mut block) {
            Ok(0) => break,
            Ok(count) => said.extend_from_slice(&block[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err("it accepts connections and says nothing".into());
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    match said.starts_with(b"SSH-") {
        true => Ok(String::from_utf8_lossy(&said).trim().to_string()),
        false => Err(format!("port {} is no sshd", question.port)),
    }
}

/// A connection to the first address of a name that takes one.
pub(crate) fn connect(host: &str, port: u16, limit: Duration) -> Result<TcpStream, String> {
    let shown = ctys_model::bytes::escape_for_eyes(host).into_owned();
    let addresses = (host, port).to_socket_addrs().map_err(|error| format!("{shown} has no address: {error}"))?;
    let mut why = format!("{shown} has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = format!("{address}: {error}"),
        }
    }
    Err(why)
}

/// A line of the kernel's neighbour table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address; one of a link has its interface behind `%`.
    pub address: String,
    /// Its hardware address, upper case with colons.
    pub mac: String,
}

/// The neighbours that `ip neigh` prints.
///
/// ```text
/// 10.99.7.2 dev veth7 lladdr 02:00:00:00:07:02 REACHABLE
/// fe80::ff:fe00:702 dev veth7 lladdr 02:00:00:00:07:02 STALE
/// 10.99.7.9 dev veth7  FAILED
/// ```
pub fn neighbours(text: &str) -> Vec<Neighbour> {
    let parse = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let behind = |word: &str| words.iter().position(|w| *w == word).and_then(|at| words.get(at + 1)).copied();
        let address: IpAddr = words.first()?.parse().ok()?;
        let of_link = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let zone = behind("dev").filter(|_| of_link).map_or_else(String::new, |dev| format!("%{dev}"));
        let mac = ctys_inventory::keys::mac(behind("lladdr")?)?;
        Some(Neighbour { address: format!("{address}{zone}"), mac })
    };
    text.lines().filter_map(parse).collect()
}

/// The neighbours of this machine.
///
/// # Errors
/// When `ip` cannot be run.
pub fn own_neighbours() -> Result<Vec<Neighbour>, String> {
    let output = Command::new("ip").args(["neigh", "show"]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("ip cannot be run: {error}"))?;
    Ok(neighbours(&String::from_utf8_lossy(&output.stdout)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    #[test]
    fn the_neighbour_table() {
        let text = "10.99.7.2 dev veth7 lladdr 02:00:00:00:07:02 REACHABLE\n\
                    fe80::ff:fe00:702 dev veth7 lladdr 02:00:00:00:07:02 router STALE\n10.99.7.9 dev veth7  FAILED\n";
        let got: Vec<String> = neighbours(text).into_iter().map(|n| format!("{} {}", n.mac, n.address)).collect();
        assert_eq!(got, ["02:00:00:00:07:02 10.99.7.2", "02:00:00:00:07:02 fe80::ff:fe00:702%veth7"]);
    }

    #[test]
    fn only_an_sshd_counts_as_one() {
        let check = |said: &'static [u8], want: &str| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(said).unwrap();
            });
            let patience = Patience { tries: 1, limit: Duration::from_secs(20) };
            let questions = [Question { host: "127.0.0.1".into(), port }];
            let answers = ask(&questions, Way::Ssh, patience, 4).unwrap();
            server.join().unwrap();
            match &answers[0] {
                Ok(()) => assert_eq!(want, "", "{said:?}"),
                Err(why) => assert!(!want.is_empty() && why.contains(want), "{said:?}: {why}"),
            }
        };
        check(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "");
        check(b"HTTP/1.0 400 Bad\r\n", "is no sshd");
        check(b"", "is no sshd");
    }

    #[test]
    fn nobody_answers_where_nobody_listens() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let questions: Vec<_> = (0..5).map(|_| Question { host: "127.0.0.1".into(), port }).collect();
        let answers = ask(&questions, Way::Ssh, Patience { tries: 2, limit: Duration::from_secs(20) }, 2).unwrap();
        assert!(answers.len() == 5 && answers.iter().all(|a| a.as_ref().is_err_and(|why| why.contains("refused"))));
    }
}
