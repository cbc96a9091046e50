//! The real world of a job: logins, packets, ports, the clock and the dice.

use crate::fanout::Interrupt;
use crate::job::World;
use crate::replay::{Recorder, Transcript, record_failure};
use crate::script::Means;
use crate::session::{Conversation, Session};
use crate::ssh::{Ssh, Transport};
use crate::transport::Clocks;
use crate::transport::ssh2::LoginPlace;
use crate::walk::Walker;
use ctys_model::{Problem, Reach, Target, Wake};
use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many logins may be under way at one sshd, see [`LoginPlace`]. By the default of its MaxStartups it begins to drop with the eleventh.
const LOGINS_AT_ONCE: usize = 9;

/// What all jobs of a call share.
pub struct Shared {
    /// Reaches hosts.
    pub ssh: Ssh,
    /// The patience with a host.
    pub clocks: Clocks,
    /// `--transport`.
    pub forced: Option<Transport>,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// `--replay`.
    pub replay: Option<Arc<Transcript>>,
    /// `--record`.
    pub record: Option<Arc<Mutex<dyn Write + Send>>>,
    /// What each target is at, by its number in the call.
    pub notes: Mutex<HashMap<usize, String>>,
    /// The logins under way, by sshd.
    pub logins: Logins,
    /// What [`Shared::begin_here`] began.
    pub early: Mutex<Option<Session>>,
}

impl Shared {
    /// Opens the shell of this machine and lets it say who it is, while the caller makes himself ready. The first conversation
    /// without a privilege of its own goes on with it. One that does not come about is no failure yet: it is tried again then.
    pub fn begin_here(&self) {
        let here = Target { host: "localhost".into(), local: true, ..Target::default() };
        let deadline = Instant::now() + self.clocks.total;
        let Ok(shell) = self.ssh.connect(&here, &self.clocks, deadline, None) else { return };
        let mut session = Session::new(shell, nonce(), &[], self.clocks, deadline);
        if session.begin().is_ok() {
            *self.early.lock().unwrap_or_else(|broken| broken.into_inner()) = Some(session);
        }
    }

    /// Ends what was begun and nobody went on with.
    pub fn end_early(&self) {
        drop(self.early.lock().unwrap_or_else(|broken| broken.into_inner()).take());
    }

    /// What was begun, for whoever comes first.
    fn begun_here(&self, target: &Target, means: &[Means], deadline: Instant) -> Option<Session> {
        if !target.local || !means.is_empty() {
            return None;
        }
        let mut session = self.early.lock().unwrap_or_else(|broken| broken.into_inner()).take()?;
        session.set_deadline(deadline);
        Some(session)
    }
}

/// A word for the marks of a session.
fn nonce() -> String {
    random(16).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The world of one job.
pub struct RealWorld {
    /// What all jobs share.
    pub shared: Arc<Shared>,
    /// The number of the job.
    pub number: usize,
}

/// Counts the logins under way at each sshd and makes the next one wait.
#[derive(Default)]
pub struct Logins {
    doors: Mutex<HashMap<String, Arc<Door>>>,
}

/// One sshd. Each place that becomes free wakes one who waits for it: with all of them awake at each login, the wakings
/// were a twentieth of the processor time of a call to 100 hosts.
#[derive(Default)]
struct Door {
    under_way: Mutex<usize>,
    left: Condvar,
}

impl Logins {
    /// Waits for a place at this sshd, until this moment at the longest. The place is free again when the value goes.
    fn enter(&self, door: String, until: Instant) -> Entered {
        let door = self.doors.lock().unwrap_or_else(PoisonError::into_inner).entry(door).or_default().clone();
        let mut under_way = door.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let wait = until.saturating_duration_since(Instant::now());
            if *under_way < LOGINS_AT_ONCE || wait.is_zero() {
                *under_way += 1;
                drop(under_way);
                return Entered(door);
            }
            under_way = door.left.wait_timeout(under_way, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A login that is under way.
struct Entered(Arc<Door>);

impl Drop for Entered {
    fn drop(&mut self) {
        *self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_one();
    }
}

impl RealWorld {
    /// Which sshd a target knocks at first: that of the jump host where there is one. All loopback addresses are one
    /// machine.
    fn door(&self, target: &Target) -> String {
        let resolved = self.shared.ssh.resolve(target);
        if let Some(jump) = resolved.jump {
            return format!("jump {jump}");
        }
        let host = resolved.hostname;
        let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if loopback { "loopback".into() } else { host }
    }

    /// A replay reaches no host and wakes none; a transcript holds no packets.
    fn only_live(&self) -> Result<(), String> {
        match self.shared.replay {
            Some(_) => Err("a replay sends nothing".into()),
            None => Ok(()),
        }
    }
}

impl World for RealWorld {
    fn connect(&self, target: &Target, means: &[Means], deadline: Instant) -> Result<Box<dyn Conversation>, Problem> {
        let shared = &self.shared;
        let name = target.to_string();
        if let Some(replay) = &shared.replay {
            return Ok(Box::new(replay.conversation(&name)?));
        }
        let session = match shared.begun_here(target, means, deadline) {
            Some(session) => session,
            None => {
                let shell = if target.local {
                    shared.ssh.connect(target, &shared.clocks, deadline, None)
                } else {
                    let place: LoginPlace = Box::new(shared.logins.enter(self.door(target), deadline));
                    shared.ssh.connect_from(target, &shared.clocks, deadline, shared.forced, Some(place))
                };
                let shell = shell.inspect_err(|problem| {
                    if let Some(record) = &shared.record {
                        record_failure(record, &name, problem);
                    }
                })?;
                Session::new(shell, nonce(), means, shared.clocks, deadline)
            }
        };
        let session: Box<dyn Conversation> = if target.local {
            Box::new(Walker::new(session, std::env::var_os("HOME").as_deref()))
        } else {
            Box::new(session)
        };
        Ok(match &shared.record {
            Some(record) => Box::new(Recorder::new(session, &name, record.clone())),
            None => session,
        })
    }

    fn wake(&self, wake: &Wake) -> Result<(), String> {
        self.only_live()?;
        let to: IpAddr = wake.broadcast.parse().map_err(|_| format!("\"{}\" is no address", wake.broadcast))?;
        let mut packet = vec![0xff; 6];
        for _ in 0..16 {
            packet.extend_from_slice(&wake.mac);
        }
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(|error| format!("no UDP socket: {error}"))?;
        socket.set_broadcast(true).map_err(|error| format!("no broadcast: {error}"))?;
        if let Some(interface) = &wake.interface {
            bind_to_interface(&socket, interface)?;
        }
        socket
            .send_to(&packet, SocketAddr::new(to, wake.port))
            .map(|_| ())
            .map_err(|error| format!("the packet to {to} port {} was not sent: {error}", wake.port))
    }

    fn reach(&self, target: &Target, reach: &Reach) -> Result<(), String> {
        self.only_live()?;
        // One limit for the name and all its addresses.
        let until = Instant::now() + Duration::from_millis(u64::from(reach.limit_ms.max(1)));
        let left = || until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let asked = reach.host.as_deref().map_or_else(|| target.clone(), crate::job::target_named);
        let resolved = self.shared.ssh.resolve(&asked);
        let (host, port) = (resolved.hostname, reach.port.unwrap_or(resolved.port));
        let shown = ctys_model::bytes::escape_for_eyes(&host).into_owned();
        let addresses = match look_up(&host, port, left()) {
            None => return Err(format!("{shown} was not found in time by the resolver")),
            Some(found) => found.map_err(|error| format!("{shown} has no address: {error}"))?,
        };
        let mut why = format!("{shown} has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, left()) {
                Ok(_) => return Ok(()),
                Err(error) => why = format!("{address} does not answer: {error}"),
            }
        }
        Err(why)
    }

    fn pause(&self, pause: Duration) -> bool {
        self.shared.interrupt.pause(pause)
    }

    fn interrupted(&self) -> bool {
        self.shared.interrupt.seen()
    }

    fn now(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
    }

    fn fresh(&self, count: usize) -> Vec<u8> {
        random(count)
    }

    fn progress(&self, what: &str) {
        let mut notes = self.shared.notes.lock().unwrap_or_else(|broken| broken.into_inner());
        notes.insert(self.number, what.to_string());
    }
}

/// The addresses of a name; none when the resolver does not answer within the limit. It cannot be called off, so it is left
/// behind in a thread of its own.
fn look_up(host: &str, port: u16, limit: Duration) -> Option<std::io::Result<Vec<SocketAddr>>> {
    let (send, receive) = std::sync::mpsc::channel();
    let host = host.to_string();
    let ask = move || send.send((host.as_str(), port).to_socket_addrs().map(Iterator::collect));
    std::thread::Builder::new().name("reach".into()).stack_size(256 * 1024).spawn(ask).ok()?;
    receive.recv_timeout(limit).ok()
}

/// Random bytes, up to 256.
pub fn random(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    // SAFETY: the length given is that of the buffer. The kernel gives up to 256 bytes whole once it is seeded.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    assert_eq!(got, count as isize, "the kernel gave no random bytes");
    bytes
}

fn bind_to_interface(socket: &UdpSocket, interface: &str) -> Result<(), String> {
    use std::os::fd::AsRawFd;
    // SAFETY: the pointer and length are those of the name; the kernel copies it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            interface.as_ptr().cast(),
            interface.len() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        let name = ctys_model::bytes::escape_for_eyes(interface);
        Err(format!("cannot send from interface {name}: {}", std::io::Error::last_os_error()))
    }
}
