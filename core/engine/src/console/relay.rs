//! Bytes between a terminal and a UNIX socket: the console of a machine whose serial line is one.
//!
//! On the caller's machine this program carries them itself ([`serve`], [`carry`]); on others perl does or python3, whose
//! program travels with the call and leaves nothing behind. All three do the same: they connect, look who listens there,
//! make the terminal raw, and carry until the key, the end of the input, or the end of the socket.

use super::keeper::{Terminal, Watch};
use super::line::{Key, become_root_and, joined};
use crate::script::Means;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::effect::ConsoleSocket;
use ctys_model::{Bytes, Phase, Privilege, Problem};
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;

/// The first word of this program where it only carries bytes: `ctys __console <socket> <key> <owner>`.
pub const HIDDEN_VERB: &str = "__console";

/// How a relay ends that was refused by the socket or refused it.
const REFUSED: u8 = 4;

/// `ARGV`: the socket, the byte of the key or -1, the process that listens there or 0.
///
/// What is typed is always read, so that the key is seen even when the machine takes nothing; what comes by a pipe waits.
/// When a pipe ends, what the machine still says is shown until it is silent for a second.
const PERL: &str = r#"
use strict; use Socket; use IO::Select; use Fcntl;
my ($path, $key, $owner) = @ARGV; my ($saved, $out, $open) = (undef, '', 1);
sub leave { system('stty', $saved) if defined $saved; print STDERR "ctys: $_[1]\n" if $_[1]; exit $_[0] }
leave(4, "the socket of the console does not answer: its path is too long") if length $path > 107;
my $s; socket($s, AF_UNIX, SOCK_STREAM, 0) && connect($s, pack_sockaddr_un($path)) or leave(4, "the socket of the console does not answer: $!");
if ($owner) {
  my $peer = unpack 'i', getsockopt($s, SOL_SOCKET, eval { Socket::SO_PEERCRED() } || 17) || '';
  leave(4, "the socket of the console belongs to process $peer, not to process $owner; nothing was sent") if $peer != $owner;
}
my $tty = -t STDIN; $SIG{PIPE} = 'IGNORE'; $SIG{$_} = sub { leave(129) } for qw(HUP TERM);
if ($tty) { chomp($saved = `stty -g`); system('stty', 'raw', '-echo'); } else { $SIG{INT} = sub { leave(130) }; }
fcntl($s, F_SETFL, O_NONBLOCK);
sub put { my $b = shift; while (length $b) { my $n = syswrite(STDOUT, $b); next if !defined $n && $!{EINTR}; leave(0) unless $n; substr($b, 0, $n) = ''; } }
while (1) {
  my $reading = IO::Select->new($s); $reading->add(\*STDIN) if $open && ($tty || length $out < 65536);
  my $writing = length $out ? IO::Select->new($s) : undef;
  my ($r, $w) = IO::Select->select($reading, $writing, undef, $open || $writing ? undef : 1);
  leave(0) if !$r && !$open && !$writing && !$!{EINTR};
  if (@{$w || []}) { my $n = syswrite($s, $out); if ($n) { substr($out, 0, $n) = ''; } elsif (!$!{EAGAIN} && !$!{EINTR}) { leave(0); } }
  for my $h (@{$r || []}) {
    my $n = sysread($h, my $b, 65536); next if !defined $n && ($!{EINTR} || $!{EAGAIN});
    if ($h == $s) { leave(0, $tty ? "\rthe console was closed over there\r" : '') unless $n; put($b); next; }
    if (!$n) { $open = 0; next; }
    my $at = $tty && $key >= 0 ? index($b, chr $key) : -1;
    $out .= $at < 0 ? $b : substr($b, 0, $at);
    if ($at >= 0) { syswrite($s, $out) if length $out; leave(0); }
  }
}
"#;

/// The same for python3.
const PYTHON: &str = r#"
import os, select, signal, socket, struct, subprocess, sys, termios, tty
path, key, owner = os.fsencode(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
saved = None
def leave(status, why=''):
    if saved: termios.tcsetattr(0, termios.TCSANOW, saved)
    if why: os.write(2, b'ctys: ' + why.encode() + b'\n')
    os._exit(status)
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
if len(path) > 107: leave(4, 'the socket of the console does not answer: its path is too long')
try: s.connect(path)
except OSError as e: leave(4, 'the socket of the console does not answer: ' + os.strerror(e.errno))
if owner:
    peer = struct.unpack('3i', s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    if peer != owner: leave(4, 'the socket of the console belongs to process %d, not to process %d; nothing was sent' % (peer, owner))
is_tty = os.isatty(0)
for name in (signal.SIGHUP, signal.SIGTERM): signal.signal(name, lambda *_: leave(129))
if is_tty: saved = termios.tcgetattr(0); tty.setraw(0, termios.TCSANOW)
else: signal.signal(signal.SIGINT, lambda *_: leave(130))
s.setblocking(False)
out, is_open = b'', True
def put(data):
    while data:
        try: data = data[os.write(1, data):]
        except OSError: leave(0)
while True:
    poll = select.poll(); poll.register(s, select.POLLIN | (select.POLLOUT if out else 0))
    if is_open and (is_tty or len(out) < 65536): poll.register(0, select.POLLIN)
    ready = poll.poll(None if is_open or out else 1000)
    if not ready: leave(0)
    for fd, event in ready:
        if fd == s.fileno():
            if event & select.POLLOUT:
                try: out = out[s.send(out):]
                except BlockingIOError: pass
                except OSError: leave(0)
            if event & ~select.POLLOUT:
                try: data = s.recv(65536)
                except BlockingIOError: continue
                except OSError: data = b''
                if not data: leave(0, '\rthe console was closed over there\r' if is_tty else '')
                put(data)
        else:
            try: data = os.read(0, 65536)
            except OSError: data = b''
            at = data.find(key) if is_tty and key >= 0 else -1
            if at >= 0:
                if out or at:
                    try: s.send(out + data[:at])
                    except OSError: pass
                leave(0)
            out += data; is_open = bool(data)
"#;

/// The line that becomes a relay: this program where it runs anyway, an interpreter on another host.
pub fn line(socket: &ConsoleSocket, key: Key, local: bool, means: &[Means]) -> Result<Vec<u8>, Problem> {
    let key = key.byte().map_or("-1".to_string(), |byte| byte.to_string());
    let owner = socket.owner.unwrap_or(0).to_string();
    let call = |start: &[&[u8]]| {
        let words = start.iter().copied().chain([socket.path.as_slice(), key.as_bytes(), owner.as_bytes()]);
        joined(words).map(|words| become_root_and(&words, socket.privilege, means))
    };
    if local {
        let program = std::env::current_exe()
            .map_err(|error| Problem::new(Phase::Here, format!("this program does not know where it is: {error}")))?;
        return call(&[program.as_os_str().as_bytes(), HIDDEN_VERB.as_bytes()]);
    }
    let mut line = Vec::new();
    for (start, words) in [("if", ["perl", "-e", PERL]), ("elif", ["python3", "-c", PYTHON])] {
        line.extend(format!("{start} command -v {} >/dev/null 2>&1; then ", words[0]).as_bytes());
        line.extend(call(&words.map(str::as_bytes))?);
        line.extend(b"; ");
    }
    line.extend(
        b"else echo 'ctys: this host has neither perl nor python3, which could carry the console' >&2; exit 4; fi",
    );
    Ok(line)
}

/// [`HIDDEN_VERB`], with the words behind it. Returns the exit code.
pub fn serve(words: &[OsString]) -> u8 {
    let number = |word: &OsString| word.to_str()?.parse::<i64>().ok();
    let known = match words {
        [path, key, owner] => number(key).zip(number(owner)).map(|(key, owner)| (path, key, owner)),
        _ => None,
    };
    let Some((path, key, owner)) = known else {
        eprintln!("ctys {HIDDEN_VERB} is for ctys itself");
        return Phase::Usage.exit_code();
    };
    let socket = ConsoleSocket {
        path: Bytes(path.as_bytes().to_vec()),
        privilege: Privilege::None,
        owner: u32::try_from(owner).ok().filter(|&owner| owner != 0),
    };
    match carry(&socket, u8::try_from(key).ok()) {
        Ok(status) => status,
        Err(problem) => {
            eprintln!("ctys: {}", escape_for_eyes(&problem.message));
            REFUSED
        }
    }
}

/// Carries bytes between standard input and output and the socket. Returns the status: 0, or 128 and a signal.
fn carry(socket: &ConsoleSocket, key: Option<u8>) -> Result<u8, Problem> {
    let run = |message: String| Problem::new(Phase::Run, message);
    let mut stream = UnixStream::connect(OsStr::from_bytes(socket.path.as_slice()))
        .map_err(|error| run(format!("the socket of the console does not answer: {error}")))?;
    if let Some(owner) = socket.owner {
        let peer = peer(&stream).map_err(|error| run(format!("nobody knows whose socket it is: {error}")))?;
        if peer != owner {
            return Err(run(format!(
                "the socket of the console belongs to process {peer}, not to process {owner}; nothing was sent"
            )));
        }
    }
    let lost = |error: std::io::Error| run(format!("the console is lost: {error}"));
    stream.set_nonblocking(true).map_err(lost)?;
    let terminal = Terminal::raw();
    let is_tty = terminal.is_some();
    let watch = Watch::waking(is_tty).map_err(lost)?;
    let mut stdout = std::io::stdout().lock();
    let (mut out, mut open) = (Vec::new(), true);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let reads = open && (is_tty || out.len() < buffer.len());
        let settling = !open && out.is_empty();
        let ready = poll(
            [
                (watch.descriptor(), true, false),
                (stream.as_raw_fd(), true, !out.is_empty()),
                (libc::STDIN_FILENO, reads, false),
            ],
            if settling { 1000 } else { -1 },
        )
        .map_err(lost)?;
        let Some([signalled, (readable, writable), (typed, _)]) = ready else { return Ok(0) };
        if signalled.0 {
            return Ok(watch.status());
        }
        if writable {
            match stream.write(&out) {
                Ok(count) => drop(out.drain(..count)),
                Err(error) if is_momentary(&error) => {}
                Err(_) => return Ok(0),
            }
        }
        if readable {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    if stdout.write_all(&buffer[..count]).and_then(|()| stdout.flush()).is_err() {
                        return Ok(0);
                    }
                }
                Err(error) if is_momentary(&error) => {}
                Err(_) => break,
            }
        }
        if typed {
            // Past the buffer of the standard library: poll knows nothing of what lies in there.
            let count = read(libc::STDIN_FILENO, &mut buffer).unwrap_or(0);
            open = count > 0;
            let bytes = &buffer[..count];
            let at = key.filter(|_| is_tty).and_then(|key| bytes.iter().position(|&byte| byte == key));
            out.extend_from_slice(&bytes[..at.unwrap_or(count)]);
            if at.is_some() {
                // What was typed before the key is the machine's, if it takes it at once.
                let _ = stream.write(&out);
                return Ok(0);
            }
        }
    }
    drop(terminal);
    if is_tty {
        eprintln!("\r\nctys: the console was closed over there");
    }
    Ok(0)
}

fn is_momentary(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// The process that listens at the other end of this connection.
fn peer(stream: &UnixStream) -> std::io::Result<u32> {
    let mut who = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the size given is that of the structure, which is plain data.
    let result = unsafe {
        let who = (&raw mut who).cast();
        libc::getsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, who, &mut size)
    };
    if result == 0 { Ok(who.pid as u32) } else { Err(std::io::Error::last_os_error()) }
}

/// Which of these descriptors can be read and written: none when the time (in milliseconds) is over.
fn poll<const N: usize>(asked: [(RawFd, bool, bool); N], limit_ms: i32) -> std::io::Result<Option<[(bool, bool); N]>> {
    let mut fds = asked.map(|(fd, read, write)| libc::pollfd {
        // Of a negative descriptor poll says nothing, not even that its other end has gone.
        fd: if read || write { fd } else { -1 },
        events: if read { libc::POLLIN } else { 0 } | if write { libc::POLLOUT } else { 0 },
        revents: 0,
    });
    // SAFETY: the pointer and the number are those of the array.
    match unsafe { libc::poll(fds.as_mut_ptr(), N as libc::nfds_t, limit_ms) } {
        0 => Ok(None),
        1.. => {
            let over = libc::POLLIN | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
            Ok(Some(fds.map(|fd| (fd.revents & over != 0, fd.revents & libc::POLLOUT != 0))))
        }
        _ => match std::io::Error::last_os_error() {
            error if error.kind() == ErrorKind::Interrupted => Ok(Some([(false, false); N])),
            error => Err(error),
        },
    }
}

fn read(fd: RawFd, buffer: &mut [u8]) -> std::io::Result<usize> {
    // SAFETY: the pointer and the length are those of the buffer.
    let count = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(count).map_err(|_| std::io::Error::last_os_error())
}
