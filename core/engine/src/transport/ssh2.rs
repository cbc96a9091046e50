//! The `ssh2` transport: libssh2 inside this process, for hosts where it honours everything ssh_config says.
//!
//! libssh2 itself is in a [`library`] that is opened for the first host; all that is decided is decided here. Connecting blocks with a
//! time limit per call. Afterwards nothing that is asked of the library blocks, and [`poll`] waits.

pub mod ask;
pub mod library;

use super::process::poll;
use super::watchdog::Watchdog;
use super::{Piece, Shell};
use crate::ssh::algorithms::Family;
use crate::ssh::config::{Addresses, Resolved};
use crate::ssh::keys::Plan;
use crate::ssh::known_hosts::{HostKeys, Verdict};
use crate::ssh::ready::{Arrivals, COMMAND};
use crate::ssh::wire::{is_certificate, key_type};
use ask::{Arrived, Ask, Ending, Failure, Ready, Told};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Bytes, Phase, Problem};
use library::Library;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// As in [`super::process`]: more output than this before the script is read is no answer.
const KEPT_LIMIT: usize = 16 * 1024 * 1024;

/// Numbers of libssh2.h.
pub mod code {
    #![allow(missing_docs, reason = "the names are those of libssh2.h")]
    pub const SOCKET_SEND: i32 = -7;
    pub const TIMEOUT: i32 = -9;
    pub const SOCKET_DISCONNECT: i32 = -13;
    pub const AUTHENTICATION_FAILED: i32 = -18;
    pub const PUBLICKEY_UNVERIFIED: i32 = -19;
    pub const EAGAIN: i32 = -37;
    pub const SOCKET_RECV: i32 = -43;
}

/// Why no shell came about.
#[derive(Debug)]
pub enum Refusal {
    /// This is how it is.
    Final(Problem),
    /// libssh2 and the host have no algorithm in common; `ssh` knows more of them.
    NoCommonAlgorithm(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        Refusal::Final(problem)
    }
}

/// A place among the logins at one sshd, given back by dropping it.
pub type LoginPlace = Box<dyn std::any::Any>;

/// How much later than its clock a call of libssh2 is ended from beside; its own time limits come first.
const SLACK: Duration = Duration::from_millis(500);

/// What libssh2 needs to ask an agent and to send the signature.
const AGENT_STACK: usize = 256 * 1024;

/// A connection of the library, forgotten when this is dropped.
struct Link {
    library: &'static Library,
    id: ask::Link,
}

impl Link {
    fn ask(&self, ask: &Ask) -> Result<Told, Failure> {
        self.library.ask(ask)
    }

    /// Asks for something that has no other answer than that it is done.
    fn does(&self, ask: &Ask) -> Result<(), Failure> {
        self.ask(ask).and_then(done)
    }
}

fn done(told: Told) -> Result<(), Failure> {
    match told {
        Told::Done => Ok(()),
        other => Err(unexpected(&other)),
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = self.ask(&Ask::Forget(self.id));
    }
}

/// Both are of one release, so this is a fault of ours.
fn unexpected(told: &Told) -> Failure {
    Failure { code: 0, message: format!("an answer to another question: {told:?}").chars().take(200).collect() }
}

/// A shell behind libssh2.
pub struct Ssh2Shell {
    // The first field, for it must end before the socket is closed.
    watchdog: Watchdog,
    link: Arc<Link>,
    stream: Arc<TcpStream>,
    ready: Ready,
    arrivals: Arrivals,
    ended: Option<Option<i32>>,
}

impl Ssh2Shell {
    /// Connects, checks the host's key, logs in and starts the shell. `place` is given back when the host opens a channel, which is after
    /// it has stopped counting this one among those that are not logged in; a login that fails leaves it for the next way.
    pub fn connect(
        library: &'static Library,
        resolved: &Resolved,
        plan: &Plan,
        known: &HostKeys,
        until: Instant,
        place: &mut Option<LoginPlace>,
    ) -> Result<Ssh2Shell, Refusal> {
        let started = Instant::now();
        let until = resolved.connect_timeout.map_or(until, |limit| until.min(started + limit));
        let clock = Clock { started, until };
        let stream = Arc::new(open_stream(resolved, &clock)?);
        let link = Arc::new(open_link(library, &stream, resolved, known)?);
        let watchdog = Watchdog::start(stream.as_raw_fd())
            .map_err(|error| Problem::new(Phase::Here, format!("cannot start a thread: {error}")))?;
        let watched = watchdog.watch(until + SLACK);
        link.does(&Ask::Handshake(link.id, clock.limit())).map_err(|failure| handshake_refused(&failure, &clock))?;
        check_host_key(&link, resolved, known)?;
        log_in(&link, &stream, resolved, plan, &clock)?;
        run(&link, &clock, place)?;
        drop(watched);
        let (ready, arrivals) = (Ready::default(), Arrivals::default());
        Ok(Ssh2Shell { watchdog, link, stream, ready, arrivals, ended: None })
    }

    /// Takes what has arrived, without waiting. True when there was something.
    fn read_ready(&mut self) -> Result<bool, Problem> {
        let Arrived { out, err, failure, ready } = match self.link.ask(&Ask::Read(self.link.id)) {
            Ok(Told::Arrived(arrived)) => arrived,
            Ok(other) => return Err(lost(&unexpected(&other).message)),
            Err(failure) => return Err(lost(&failure.message)),
        };
        self.ready = ready;
        let mut any = false;
        for (of_stderr, bytes) in [(false, out.0), (true, err.0)] {
            if bytes.is_empty() {
                continue;
            }
            any = true;
            if !self.arrivals.keep(of_stderr, bytes) {
                return Err(Problem::new(Phase::Run, "the login shell prints without end before our shell"));
            }
        }
        match failure {
            Some(failure) => Err(lost(&failure.message)),
            None => Ok(any),
        }
    }

    /// Waits until the socket is ready for what libssh2 wants next. False when the time is over.
    fn wait(&self, until: Instant) -> Result<bool, Problem> {
        let events = match (self.ready.for_output, self.ready.for_input) {
            (true, false) => libc::POLLOUT,
            (true, true) => libc::POLLIN | libc::POLLOUT,
            (false, _) => libc::POLLIN,
        };
        poll(&mut [libc::pollfd { fd: self.stream.as_raw_fd(), events, revents: 0 }], until)
            .map_err(|error| Problem::new(Phase::Here, format!("cannot wait for a socket: {error}")))
    }

    /// The status, once the host has closed the channel. None while it has not.
    fn close_status(&mut self) -> Result<Option<Option<i32>>, Problem> {
        let status = match self.link.ask(&Ask::Close(self.link.id)) {
            Ok(Told::Closed(Ending::Status(status))) => Some(status),
            Ok(Told::Closed(Ending::NoStatus)) => None,
            Ok(Told::Closed(Ending::Open)) => return Ok(None),
            Ok(other) => return Err(lost(&unexpected(&other).message)),
            Err(failure) => return Err(lost(&failure.message)),
        };
        if !self.arrivals.is_open() {
            return Err(crate::ssh::no_shell(status, self.arrivals.last_words().as_deref()));
        }
        Ok(Some(status))
    }
}

impl Shell for Ssh2Shell {
    fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Problem> {
        let _watched = self.watchdog.watch(until + SLACK);
        let mut left = bytes.len();
        // A packet that is half sent has to be asked for with the same bytes.
        let mut ask = Ask::Write(self.link.id, Bytes(bytes.to_vec()));
        while left > 0 {
            match self.link.ask(&ask) {
                Ok(Told::Taken(count, ready)) if count > 0 => {
                    self.ready = ready;
                    left -= count.min(left);
                    if left > 0 {
                        ask = Ask::Write(self.link.id, Bytes(bytes[bytes.len() - left..].to_vec()));
                    }
                }
                Ok(Told::Taken(_, ready)) => {
                    self.ready = ready;
                    // Only a full window waits for the host; a half-sent packet waits for the socket alone.
                    if !ready.for_output && self.read_ready()? {
                        if self.arrivals.bytes() > KEPT_LIMIT {
                            let message = format!(
                                "the shell sent more than {} MiB before it had read its input",
                                KEPT_LIMIT >> 20
                            );
                            return Err(Problem::new(Phase::Run, message));
                        }
                        continue;
                    }
                    // What was read meanwhile has its own wishes; it is the writing that waits.
                    self.ready = ready;
                    if !self.wait(until)? {
                        let message = format!("the shell stopped reading its input, {left} bytes were left to send");
                        return Err(Problem::new(Phase::Timeout, message));
                    }
                }
                // A shell that has ended takes no more; `receive` tells how it ended.
                Ok(Told::Done) => return Ok(()),
                Ok(other) => return Err(lost(&unexpected(&other).message)),
                Err(failure) => return Err(lost(&failure.message)),
            }
        }
        Ok(())
    }

    fn receive(&mut self, until: Instant) -> Result<Piece, Problem> {
        let _watched = self.watchdog.watch(until + SLACK);
        loop {
            if let Some(piece) = self.arrivals.take() {
                return Ok(piece);
            }
            if let Some(status) = self.ended {
                return Ok(Piece::End(status));
            }
            let any = match self.read_ready() {
                // The watchdog ended it: that is the time being over, not a lost connection.
                Err(_) if Instant::now() >= until + SLACK => return Ok(Piece::Nothing),
                any => any?,
            };
            if any {
                // Before the shell speaks nothing is handed on, so a host that never pauses would keep us here.
                if self.arrivals.bytes() == 0 && Instant::now() >= until {
                    return Ok(Piece::Nothing);
                }
                continue;
            }
            if self.ready.at_end {
                self.ended = self.close_status()?;
                if self.ended.is_some() {
                    continue;
                }
            }
            if !self.wait(until)? {
                return Ok(Piece::Nothing);
            }
        }
    }

    fn carrier(&self) -> &'static str {
        "ssh2"
    }
}

impl Drop for Ssh2Shell {
    /// Says goodbye if the socket takes it at once, then shuts the socket, so that nothing below can wait for a host
    /// that is dead.
    fn drop(&mut self) {
        let _ = self.link.ask(&Ask::Leave(self.link.id));
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

fn lost(why: &str) -> Problem {
    Problem::new(Phase::Connect, format!("the connection was lost: {}", escape_for_eyes(why)))
}

/// The time until the login must be done.
struct Clock {
    started: Instant,
    until: Instant,
}

impl Clock {
    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// What is left for libssh2's next call, rounded up. It takes zero for "for ever", hence at least one.
    fn limit(&self) -> u32 {
        u32::try_from(self.left().as_micros().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
    }

    fn over(&self, what: &str) -> Problem {
        let limit = self.until.saturating_duration_since(self.started).as_secs_f32();
        Problem::new(Phase::Timeout, format!("{what} within {limit:.1} s (connect clock)"))
    }
}

/// Tries the host's addresses in turn; each gets its share of the time that is left.
fn open_stream(resolved: &Resolved, clock: &Clock) -> Result<TcpStream, Problem> {
    let addresses = resolve(resolved, clock)?;
    let mut last = None;
    for (index, address) in addresses.iter().enumerate() {
        let share = clock.left() / u32::try_from(addresses.len() - index).unwrap_or(1);
        if share.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => {
                // Losing these two costs speed or a late notice, never the host.
                let _ = stream.set_nodelay(true);
                if resolved.tcp_keep_alive {
                    set_keep_alive(&stream);
                }
                return Ok(stream);
            }
            Err(error) => last = Some((address, error)),
        }
    }
    let Some((address, error)) = last else {
        return Err(clock.over(&format!("{}: no connection", resolved.hostname)));
    };
    let place = format!("{} port {}", address.ip(), address.port());
    Err(match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => clock.over(&format!("{place} did not answer")),
        ErrorKind::ConnectionRefused => Problem::new(Phase::Connect, format!("{place} refused the connection"))
            .hint("is sshd running there, and is the port right?"),
        _ => Problem::new(Phase::Connect, format!("no connection to {place}: {}", plain(&error))),
    })
}

/// getaddrinfo(3) knows no time limit, so it runs beside us and is left alone when it takes too long.
fn resolve(resolved: &Resolved, clock: &Clock) -> Result<Vec<SocketAddr>, Problem> {
    let (host, port) = (resolved.hostname.clone(), resolved.port);
    let all = if let Ok(address) = host.parse::<IpAddr>() {
        vec![SocketAddr::new(address, port)]
    } else {
        let (answer, answers) = mpsc::channel();
        let name = host.clone();
        let asking = std::thread::Builder::new().name("resolve".into()).stack_size(512 * 1024).spawn(move || {
            // Nobody listens any more after the clock has run out.
            let _ = answer.send((name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>));
        });
        asking.map_err(|error| Problem::new(Phase::Here, format!("cannot start a thread: {error}")))?;
        answers
            .recv_timeout(clock.left())
            .map_err(|_| clock.over(&format!("no address for {}", escape_for_eyes(&host))))?
            .map_err(|error| {
                let why = error.to_string();
                let why = why.rsplit(": ").next().unwrap_or(&why);
                Problem::new(Phase::Resolve, format!("no address for {}: {why}", escape_for_eyes(&host)))
            })?
    };
    let wanted = |address: &SocketAddr| match resolved.addresses {
        Addresses::Any => true,
        Addresses::V4 => address.is_ipv4(),
        Addresses::V6 => address.is_ipv6(),
    };
    let wanted: Vec<SocketAddr> = all.into_iter().filter(wanted).collect();
    if wanted.is_empty() {
        let message = format!("{} has no address of the family that ssh_config asks for", escape_for_eyes(&host));
        return Err(Problem::new(Phase::Resolve, message));
    }
    Ok(wanted)
}

fn set_keep_alive(stream: &TcpStream) {
    let on: libc::c_int = 1;
    // SAFETY: the value and its length are those of an int, which lives during the call.
    unsafe {
        let length = libc::socklen_t::try_from(size_of_val(&on)).unwrap_or(4);
        libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_KEEPALIVE, (&raw const on).cast(), length);
    }
}

/// `Connection reset by peer (os error 104)` without the number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_string()
}

fn open_link(
    library: &'static Library,
    stream: &TcpStream,
    resolved: &Resolved,
    known: &HostKeys,
) -> Result<Link, Refusal> {
    let allowed = vec![
        (Family::Kex, resolved.kex.clone()),
        (Family::HostKey, order_host_keys(&resolved.host_key_algorithms, &known.types())),
        (Family::Cipher, resolved.ciphers.clone()),
        (Family::Mac, resolved.macs.clone()),
    ];
    let open = Ask::Open { socket: stream.as_raw_fd(), allowed, compressed: resolved.compression };
    let failed = |failure: Failure| Problem::new(Phase::Here, format!("libssh2: {}", failure.message)).into();
    match library.ask(&open) {
        Ok(Told::Link(id)) => Ok(Link { library, id }),
        Ok(Told::NoneOf(family)) => {
            let message = format!("libssh2 knows none of the {} that ssh_config allows", family.directive());
            Err(Refusal::NoCommonAlgorithm(Problem::new(Phase::Connect, message)))
        }
        Ok(other) => Err(failed(unexpected(&other))),
        Err(failure) => Err(failed(failure)),
    }
}

/// The known type comes first, so that the host shows the key that can be compared.
fn order_host_keys(allowed: &[String], known: &[&str]) -> Vec<String> {
    let is_known = |algorithm: &str| known.contains(&plain_type(algorithm));
    // Without an authority for the host, ssh takes a certificate for the plain key in it.
    let allowed: Vec<String> = allowed.iter().filter(|name| !is_certificate(name)).cloned().collect();
    if allowed.first().is_some_and(|best| is_known(best)) {
        return allowed;
    }
    let (mut first, last): (Vec<String>, Vec<String>) = allowed.into_iter().partition(|name| is_known(name));
    first.extend(last);
    first
}

/// The key type behind a signature algorithm.
pub(crate) fn plain_type(algorithm: &str) -> &str {
    match algorithm {
        "rsa-sha2-256" | "rsa-sha2-512" => "ssh-rsa",
        other => other,
    }
}

/// The first name that libssh2 cannot negotiate. Its own defaults are not looked at again, nor are certificates of
/// hosts, which are never asked for (see [`order_host_keys`]).
pub(crate) fn unknown_algorithm<'a>(library: &Library, family: Family, names: &'a [String]) -> Option<&'a String> {
    let defaults = family.defaults();
    let mut chosen = names.iter().filter(|name| !defaults.contains(&name.as_str()) && !is_certificate(name)).peekable();
    chosen.peek()?;
    let known = match library.ask(&Ask::Algorithms(family)) {
        Ok(Told::Names(names)) => names,
        _ => Vec::new(),
    };
    chosen.find(|name| !known.contains(name))
}

fn handshake_refused(failure: &Failure, clock: &Clock) -> Refusal {
    match failure.code {
        _ if clock.left().is_zero() => clock.over("connected, but no SSH greeting").into(),
        code::TIMEOUT => clock.over("connected, but no SSH greeting").into(),
        code::SOCKET_DISCONNECT | code::SOCKET_RECV | code::SOCKET_SEND => {
            Problem::new(Phase::Connect, "the host closed the connection before the login")
                .hint("sshd does so when it has too many logins at once (MaxStartups) or for an unwelcome address")
                .into()
        }
        // A greeting that is none, or no algorithm in common: ssh says it better, or knows more.
        _ => Refusal::NoCommonAlgorithm(Problem::new(Phase::Connect, format!("no SSH session: {}", failure.message))),
    }
}

fn check_host_key(link: &Link, resolved: &Resolved, known: &HostKeys) -> Result<(), Problem> {
    let (key, hash) = match link.ask(&Ask::HostKey(link.id)) {
        Ok(Told::HostKey(Some(shown))) => shown,
        _ => return Err(Problem::new(Phase::HostKey, "the host showed no key")),
    };
    let key = key.as_slice();
    let kind = key_type(key).unwrap_or("unknown type");
    let shown = escape_for_eyes(&format!("{kind} SHA256:{}", STANDARD_NO_PAD.encode(hash.as_slice()))).into_owned();
    let files = || {
        let names: Vec<String> = resolved.user_known_hosts.iter().map(|file| file.display().to_string()).collect();
        if names.is_empty() { "no file".to_string() } else { names.join(", ") }
    };
    // An alias brings its port along; a bare name needs it named.
    let by_hand = if resolved.port == 22 || resolved.typed != resolved.hostname {
        format!("ssh {}", resolved.typed)
    } else {
        format!("ssh -p {} {}", resolved.port, resolved.typed)
    };
    match known.verdict(key) {
        Verdict::Known => Ok(()),
        Verdict::Unknown => {
            let message = format!("the host key of {} is unknown ({shown}), looked up in {}", known.name, files());
            Err(Problem::new(Phase::HostKey, message)
                .hint(format!("compare the fingerprint and accept it once by hand: {by_hand}")))
        }
        Verdict::Changed { file, line } => {
            let message = format!(
                "the host key of {} is not the one in {} line {line}: it shows {shown}",
                known.name,
                file.display()
            );
            Err(Problem::new(Phase::HostKey, message)
                .hint("somebody may be in between, or the host was set up anew")
                .hint(format!(
                    "if the new key is right: ssh-keygen -f {} -R '{}', then {by_hand}",
                    file.display(),
                    known.name
                )))
        }
        Verdict::Revoked { file, line } => {
            let message =
                format!("the host key of {} ({shown}) is revoked in {} line {line}", known.name, file.display());
            Err(Problem::new(Phase::HostKey, message))
        }
    }
}

/// Asks what an agent has a part in, in a thread of its own: libssh2 waits for an agent without any limit, and one may wait for its
/// user (`ssh-add -c`, a PIN) or for a machine that sleeps. A thread that is left waiting keeps the connection, so that no number of
/// a descriptor comes to mean another one meanwhile; its socket is shut.
fn by_agent(
    link: &Arc<Link>,
    stream: &Arc<TcpStream>,
    ask: Ask,
    clock: &Clock,
) -> Result<Result<Told, Failure>, Problem> {
    let (send, receive) = mpsc::channel();
    let (own, kept) = (link.clone(), stream.clone());
    let work = move || {
        let _ = send.send(own.ask(&ask));
        drop(own);
        drop(kept);
    };
    std::thread::Builder::new()
        .name("agent".into())
        .stack_size(AGENT_STACK)
        .spawn(work)
        .map_err(|error| Problem::new(Phase::Here, format!("cannot start a thread: {error}")))?;
    receive.recv_timeout(clock.left() + SLACK).map_err(|_| {
        let _ = stream.shutdown(std::net::Shutdown::Both);
        clock
            .over("no answer of the ssh-agent")
            .hint("it may wait for its user, for a confirmation or a PIN; --connect-timeout waits longer")
    })
}

fn log_in(
    link: &Arc<Link>,
    stream: &Arc<TcpStream>,
    resolved: &Resolved,
    plan: &Plan,
    clock: &Clock,
) -> Result<(), Problem> {
    let user = &resolved.user;
    let mut tried = Vec::new();
    let refused = |failure: &Failure| match failure.code {
        // The next key may do; anything else ends the session.
        code::AUTHENTICATION_FAILED | code::PUBLICKEY_UNVERIFIED => None,
        _ if clock.left().is_zero() => Some(clock.over("no login")),
        code::TIMEOUT => Some(clock.over("no login")),
        code::SOCKET_DISCONNECT | code::SOCKET_RECV | code::SOCKET_SEND => {
            Some(Problem::new(Phase::Login, format!("the host closed the connection during the login of {user}")))
        }
        _ => None,
    };
    if let Some(socket) = &plan.agent {
        let ask = Ask::Agent(link.id, Bytes(socket.as_os_str().as_bytes().to_vec()));
        let held = match by_agent(link, stream, ask, clock)? {
            Ok(Told::Keys(held)) => held,
            _ => Vec::new(),
        };
        for (key, comment) in plan.agent_keys.iter().filter_map(|key| held.iter().find(|held| held.0.0 == *key)) {
            let ask = Ask::LogInByAgent(link.id, clock.limit(), user.clone(), key.clone());
            match by_agent(link, stream, ask, clock)?.and_then(done) {
                Ok(()) => return Ok(()),
                Err(failure) => {
                    if let Some(problem) = refused(&failure) {
                        return Err(problem);
                    }
                    tried.push(format!("agent key {}", escape_for_eyes(comment)));
                }
            }
        }
    }
    for (path, key) in &plan.files {
        let Some((private, public)) = key.pair() else { continue };
        let (limit, user, private) = (clock.limit(), user.clone(), private.to_string());
        match link.does(&Ask::LogIn { link: link.id, limit, user, private, public }) {
            Ok(()) => return Ok(()),
            Err(failure) => {
                if let Some(problem) = refused(&failure) {
                    return Err(problem);
                }
                tried.push(path.display().to_string());
            }
        }
    }
    let methods = match link.ask(&Ask::Methods(link.id, clock.limit(), user.clone())) {
        Ok(Told::Methods(_, true)) => return Ok(()),
        Ok(Told::Methods(methods, false)) => methods,
        Ok(other) => Err(unexpected(&other)),
        Err(failure) => Err(failure),
    };
    let methods = match methods {
        Ok(methods) => format!(" ({})", escape_for_eyes(&methods)),
        Err(_) if clock.left().is_zero() => return Err(clock.over("no login")),
        Err(failure) if failure.code == code::TIMEOUT => return Err(clock.over("no login")),
        Err(_) => String::new(),
    };
    let tried = if tried.is_empty() { "no key to try".to_string() } else { format!("tried {}", tried.join(", ")) };
    let mut problem =
        Problem::new(Phase::Login, format!("permission denied for {}{methods}, {tried}", escape_for_eyes(user)));
    for path in &plan.locked {
        problem = problem.hint(format!("{0} needs its passphrase: ssh-add {0}", path.display()));
    }
    Err(problem)
}

fn run(link: &Link, clock: &Clock, place: &mut Option<LoginPlace>) -> Result<(), Problem> {
    let opened = link.does(&Ask::Channel(link.id, clock.limit()));
    drop(place.take());
    let run = |()| link.does(&Ask::Run(link.id, clock.limit(), COMMAND.into()));
    opened.and_then(run).map_err(|failure| match failure.code {
        _ if clock.left().is_zero() => clock.over("logged in, but no shell"),
        code::TIMEOUT => clock.over("logged in, but no shell"),
        _ => Problem::new(Phase::Login, format!("logged in, but no shell: {}", escape_for_eyes(&failure.message))),
    })
}
