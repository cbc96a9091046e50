//! The process that keeps a tunnel. It logs in, takes a port, then starts itself once more under the name of the tunnel and
//! watches: `ssh` must live, and clients must come and have not all gone.

use super::name::{Name, PROGRAM};
use super::{HIDDEN_VERB, Order, clients, control, log};
use crate::transport::openssh::why_ssh_ended;
use ctys_model::{Phase, Problem};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

/// How often the control socket is looked for while ssh logs in.
const LOOK_FOR_LOGIN: Duration = Duration::from_millis(5);

/// How often clients are looked for. Twice in a row there must be none before a tunnel that had some closes.
const LOOK_FOR_CLIENTS: Duration = Duration::from_millis(250);

/// So many times as long as a look took is the pause after it, up to a second: on a machine with very many connections the table
/// is long.
const LOOK_SHARE: u32 = 20;
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Most that is kept of what ssh says.
const MESSAGES: usize = 16 * 1024;

/// Most lines of the log that one tunnel gets for single connections that failed.
const LINES: usize = 20;

/// What `ctys __tunnel …` does, with the words after it. Returns the exit code.
pub fn serve(words: &[OsString]) -> u8 {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    if words.is_empty() { open() } else { keep(&words) }
}

/// The first life: opens the tunnel that standard input orders.
fn open() -> u8 {
    let mut text = Vec::new();
    let order: Result<Order, String> = std::io::stdin()
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())
        .and_then(|_| serde_json::from_slice(&text).map_err(|error| error.to_string()));
    let order = match order {
        Ok(order) => order,
        Err(why) => return fail(&Problem::new(Phase::Here, format!("{HIDDEN_VERB} is for ctys itself: {why}"))),
    };
    match establish(&order) {
        Ok((port, ssh, messages)) => {
            let name = Name { local_port: port, ..order.tunnel };
            let mut again = Command::new("/proc/self/exe");
            again.arg0(PROGRAM).arg(HIDDEN_VERB).args(name.words()).arg(format!("ssh={}", ssh.id()));
            // The number of this process stays, and with it the bond that ends ssh together with us.
            let error = again.stdin(Stdio::from(messages)).exec();
            end(ssh.id() as i32);
            fail(&Problem::new(Phase::Here, format!("the tunnel's keeper cannot be started: {error}")))
        }
        Err(problem) => fail(&problem),
    }
}

fn fail(problem: &Problem) -> u8 {
    let said: Result<u16, &Problem> = Err(problem);
    let _ = answer(&said);
    problem.phase.exit_code()
}

fn answer(said: &Result<u16, &Problem>) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    let mut output = std::io::stdout();
    output.write_all(&line)?;
    output.flush()
}

/// Logs in and takes a port.
fn establish(order: &Order) -> Result<(u16, Child, ChildStderr), Problem> {
    let socket = control::place()?;
    let mut ssh = start(order, &socket)?;
    let mut messages = ssh.stderr.take().expect("its stderr is piped");
    let port = wait_for_login(order, &socket, &mut ssh, &mut messages).and_then(|()| take_port(order, &socket));
    let _ = std::fs::remove_file(&socket);
    match port {
        Ok(port) => Ok((port, ssh, messages)),
        Err(problem) => {
            end(ssh.id() as i32);
            Err(problem)
        }
    }
}

fn start(order: &Order, socket: &Path) -> Result<Child, Problem> {
    let mut path = OsString::from("ControlPath=");
    // A percent sign would be a token of ssh's own.
    path.push(socket.to_string_lossy().replace('%', "%%"));
    let mut call = Command::new(&order.program);
    call.args(["-o", "ControlMaster=yes", "-o", "ControlPersist=no", "-o"]).arg(path).args(&order.arguments);
    call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // SAFETY: getpid cannot fail.
    let keeper = unsafe { libc::getpid() };
    // SAFETY: signal, prctl and getppid are async-signal-safe and touch nothing of this process.
    unsafe {
        call.pre_exec(move || {
            // Until the exec the child has our handlers: one of them would take the signal, and ssh would never hear of it.
            libc::signal(libc::SIGTERM, libc::SIG_DFL);
            // SIGTERM: ssh then takes its own helpers (ProxyCommand, jump hosts) with it.
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) == -1 {
                return Err(std::io::Error::last_os_error());
            }
            match libc::getppid() == keeper {
                true => Ok(()),
                false => Err(std::io::Error::from_raw_os_error(libc::ESRCH)),
            }
        });
    }
    call.spawn().map_err(|error| {
        Problem::new(Phase::Here, format!("cannot start {}: {error}", order.program.display()))
            .hint("install the OpenSSH client (Debian: openssh-client)")
    })
}

/// ssh makes its control socket when the login is done.
fn wait_for_login(order: &Order, socket: &Path, ssh: &mut Child, messages: &mut ChildStderr) -> Result<(), Problem> {
    let started = Instant::now();
    let mut said = Vec::new();
    loop {
        let more = read_ready(messages.as_raw_fd(), LOOK_FOR_LOGIN, &mut said);
        if let Ok(Some(status)) = ssh.try_wait() {
            while read_ready(messages.as_raw_fd(), Duration::ZERO, &mut said) == Some(true) {}
            return Err(why_ssh_ended(&said, None, status.code(), &order.tunnel.target));
        }
        if socket.exists() {
            return Ok(());
        }
        if started.elapsed() > Duration::from_millis(order.connect_ms) {
            let waited = started.elapsed().as_secs_f32();
            let problem = Problem::new(Phase::Timeout, format!("no login for the tunnel within {waited:.1} s"));
            return Err(match crate::ssh::ready::last_line(&said) {
                Some(line) => problem.hint(format!("ssh said: {line}")),
                None => problem,
            });
        }
        if more.is_none() {
            std::thread::sleep(LOOK_FOR_LOGIN);
        }
    }
}

/// The first free port from the lowest up. Who gets it is decided where ssh binds it; a port that somebody else got in
/// the meantime is passed over like one that was in use before.
fn take_port(order: &Order, socket: &Path) -> Result<u16, Problem> {
    let remote = order.tunnel.remote_port;
    for port in order.first_port..=u16::MAX {
        if !control::is_free(port) {
            continue;
        }
        match control::forward(&order.program, socket, port, remote) {
            Ok(()) => return Ok(port),
            Err(_) if !control::is_free(port) => continue,
            Err(why) => {
                let message = format!("ssh does not forward port {port} to port {remote}: {why}");
                return Err(Problem::new(Phase::Connect, message));
            }
        }
    }
    Err(Problem::new(Phase::Here, format!("no port from {} up is free on 127.0.0.1", order.first_port)))
}

/// The second life: keeps the tunnel whose name is in our arguments.
fn keep(words: &[&str]) -> u8 {
    let ssh = words.iter().find_map(|word| word.strip_prefix("ssh=")?.parse::<i32>().ok());
    let (Some(name), Some(ssh)) = (Name::read(words.iter().copied()), ssh) else {
        return fail(&Problem::new(Phase::Here, format!("{HIDDEN_VERB} is for ctys itself")));
    };
    // What an earlier tunnel of this port has left is none of ours; nobody knows of this one yet.
    let before = clients::look(name.local_port).unwrap_or_default().gone;
    if answer(&Ok(name.local_port)).is_err() {
        // Nobody waits for it, so nobody will ever use it.
        end(ssh);
        return 0;
    }
    let _ = silence_output();
    match watch(&name, ssh, &before) {
        Ok(()) => {
            end(ssh);
            0
        }
        Err(why) => {
            log::say(&name, &why);
            end(ssh);
            Phase::Connect.exit_code()
        }
    }
}

/// Returns when there is no more use for the tunnel. The error: why it ended before that.
fn watch(name: &Name, ssh: i32, before: &BTreeSet<u16>) -> Result<(), String> {
    let started = Instant::now();
    let patience = Duration::from_secs(name.patience_s);
    let (mut said, mut lines, mut had_clients, mut looks_without) = (Vec::new(), 0, false, 0);
    let mut pause = LOOK_FOR_CLIENTS;
    loop {
        let more = read_ready(libc::STDIN_FILENO, pause, &mut said);
        if more.is_none() {
            std::thread::sleep(pause.min(LOOK_FOR_CLIENTS));
        }
        if let Some(status) = ended(ssh) {
            while read_ready(libc::STDIN_FILENO, Duration::ZERO, &mut said) == Some(true) {}
            return Err(how_ssh_ended(&said, status));
        }
        if more == Some(true) {
            // A connection that failed, such as `channel 2: open failed: connect failed: Connection refused`.
            while let Some(at) = said.iter().position(|&byte| byte == b'\n').filter(|_| lines < LINES) {
                let line: Vec<u8> = said.drain(..=at).collect();
                if line.starts_with(b"channel ") {
                    log::say(name, String::from_utf8_lossy(&line).trim());
                    lines += 1;
                }
            }
            continue;
        }
        let look = Instant::now();
        let clients = clients::look(name.local_port).map_err(|error| format!("its clients cannot be seen: {error}"))?;
        pause = (look.elapsed() * LOOK_SHARE).clamp(LOOK_FOR_CLIENTS, LONGEST_PAUSE);
        had_clients |= clients.connected > 0 || clients.gone.difference(before).next().is_some();
        looks_without = if clients.connected > 0 { 0 } else { looks_without + 1 };
        let nobody_came = !had_clients && started.elapsed() >= patience;
        let all_gone = had_clients && looks_without >= 2;
        if nobody_came || all_gone {
            return Ok(());
        }
        if !clients.listens {
            return Err(format!("nobody listens on port {} any more", name.local_port));
        }
    }
}

/// ssh after the login: `Timeout, server lab00 not responding.`, `Connection to lab00 closed by remote host.`
fn how_ssh_ended(said: &[u8], status: Option<i32>) -> String {
    let how = status.map_or("by a signal".to_string(), |status| format!("with status {status}"));
    let last =
        crate::ssh::ready::last_line(said).map_or_else(|| ", without a word".to_string(), |last| format!(": {last}"));
    format!("ssh ended {how}{last}")
}

/// Waits so long for something to read and keeps it. None at the end of input.
fn read_ready(from: RawFd, wait: Duration, kept: &mut Vec<u8>) -> Option<bool> {
    let mut poll = libc::pollfd { fd: from, events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, as the count says.
    if unsafe { libc::poll(&mut poll, 1, wait.as_millis() as libc::c_int) } <= 0 {
        return Some(false);
    }
    let mut buffer = [0u8; 4096];
    // SAFETY: the length given is that of the buffer.
    let count = unsafe { libc::read(from, buffer.as_mut_ptr().cast(), buffer.len()) };
    match usize::try_from(count) {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            kept.extend_from_slice(&buffer[..count]);
            if kept.len() > MESSAGES {
                kept.drain(..kept.len() - MESSAGES);
            }
            Some(true)
        }
    }
}

/// Whether our ssh has ended, and with which status, where it was not a signal.
fn ended(ssh: i32) -> Option<Option<i32>> {
    let mut status = 0;
    // SAFETY: status outlives the call. The child was started by this process, if under another name.
    match unsafe { libc::waitpid(ssh, &mut status, libc::WNOHANG) } {
        0 => None,
        _ => Some(libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))),
    }
}

/// Ends our ssh and waits for it. One that was waited for before is gone, and nothing happens: the number may not be ours any
/// more, so whether it still is our child is asked first.
fn end(ssh: i32) {
    if ended(ssh).is_none() {
        // SAFETY: the child is ours and not waited for, so the number is still its own.
        unsafe {
            libc::kill(ssh, libc::SIGTERM);
            libc::waitpid(ssh, std::ptr::null_mut(), 0);
        }
    }
}

/// Nothing is said to the call any more, which ends when its input does.
fn silence_output() -> std::io::Result<()> {
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    // SAFETY: both descriptors are open.
    match unsafe { libc::dup2(null.as_raw_fd(), libc::STDOUT_FILENO) } {
        -1 => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    }
}
