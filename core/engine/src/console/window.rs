//! A console in a window of its own, which outlives the call.
//!
//! The program of the window is started by one shell script, on the target (its window comes here by X11 forwarding) or
//! here. Inside the window a shell says that it is up, by a named pipe beside the script; then it becomes the console. So
//! the script knows which came first, a terminal that works or the end of the program, and tells it in one line.

use super::line::{self, PATH, joined};
use super::{Way, banner, emacs, terminal};
use crate::quote::quote;
use crate::ssh::ready::last_line;
use crate::transport::openssh::why_ssh_ended;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Console, ConsoleKind, Phase, Problem};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// What the script's one line begins with; what start-up files print comes before it.
const MARK: &str = "ctys-window:";

/// The most that is kept of what the program of a window complained of before it ended.
const COMPLAINT_LIMIT: u64 = 64 * 1024;

/// A locale with UTF-8 where none is set: gnome-terminal refuses to start without one ("Non UTF-8 locale
/// (ANSI_X3.4-1968) is not supported!"), and sshd sets none.
pub const LOCALE: &str = "case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in *[Uu][Tt][Ff]*8*) ;; \
                          *) unset LC_ALL; LC_CTYPE=C.UTF-8; export LC_CTYPE;; esac; ";

/// Starts the window of a console and returns when it is up. `here`: its program runs on the caller's machine.
pub fn window(console: &Console, way: &Way<'_>, here: bool) -> Result<(), Problem> {
    let (name, program) = program(console, way, here)?;
    let script = script(name, &program)?;
    let mut process = if here {
        let mut process = Command::new("/bin/sh");
        process.arg("-c").arg(OsString::from_vec(script));
        process
    } else {
        let mut process = way.ssh.windowed(way.target, way.forward_agent);
        process.arg(OsString::from_vec(terminal::remote(&script)?));
        process
    };
    if let Some(display) = way.display {
        process.env("DISPLAY", display);
    }
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: setsid is async-signal-safe and touches nothing of this process.
    unsafe {
        process.pre_exec(|| match libc::setsid() {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let mut child = process.spawn().map_err(|error| {
        Problem::new(Phase::Here, format!("the {} console cannot be opened: {error}", console.kind))
    })?;
    let news = listen(&mut child);
    let news = news.recv_timeout(way.patience).map_err(|_| ());
    let problem = match news {
        // The window and what carries it live on, and nobody waits for them here.
        Ok(News::Up) => return Ok(()),
        Err(()) => {
            let waited = way.patience.as_secs();
            Problem::new(Phase::Timeout, format!("the {} console was no window within {waited} s", console.kind))
                .hint("--total-timeout SECONDS gives it more time")
        }
        Ok(News::Absent) => {
            let phase = if here { Phase::Here } else { Phase::Run };
            let problem = Problem::new(phase, format!("the {} console needs {name}, which is not there", console.kind))
                .hint(format!("install {name} (Debian: {})", package(name)));
            elsewhere(problem, here)
        }
        Ok(News::NoDisplay) => {
            let why = "the window of the console cannot come here: sshd forwards no display";
            let problem = Problem::new(Phase::Run, why).hint("sshd needs X11Forwarding yes, and xauth beside it");
            elsewhere(problem, here)
        }
        Ok(News::Ended { status, complaint }) => {
            let said = last_line(&complaint).map_or_else(|| "without a word".into(), |l| format!("saying: {l}"));
            let message = format!("{name} ended with status {status} before its window was up, {said}");
            elsewhere(Problem::new(if here { Phase::Here } else { Phase::Run }, message), here)
        }
        Ok(News::Lost { said, messages }) => {
            let status = child.try_wait().ok().flatten().and_then(|status| status.code());
            why_ssh_ended(&messages, last_line(&said).as_deref(), status, &way.target.host)
        }
    };
    end(&mut child);
    Err(problem)
}

/// What is not there may be here.
fn elsewhere(problem: Problem, here: bool) -> Problem {
    if here { problem } else { problem.hint("-L CO runs the program of the window here, and needs only a shell there") }
}

fn package(program: &str) -> &str {
    if program == "emacs" { "emacs-gtk" } else { program }
}

/// Nothing half started stays behind: the child leads a process group of its own.
fn end(child: &mut Child) {
    // SAFETY: the child is ours and not yet waited for, so its number cannot be anybody else's.
    unsafe { libc::kill(-(child.id() as libc::pid_t), libc::SIGTERM) };
    let _ = child.wait();
}

/// What became of the program of a window.
enum News {
    Up,
    Absent,
    NoDisplay,
    Ended { status: String, complaint: Vec<u8> },
    Lost { said: Vec<u8>, messages: Vec<u8> },
}

/// Reads the script's answer in a thread of its own, which ends with the first news.
fn listen(child: &mut Child) -> mpsc::Receiver<News> {
    let (send, news) = mpsc::channel();
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else { return news };
    std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout).take(COMPLAINT_LIMIT);
        let (mut said, mut line) = (Vec::new(), Vec::new());
        while stdout.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line);
            let words: Option<Vec<&str>> = text.strip_prefix(MARK).map(|rest| rest.split_whitespace().collect());
            let found = match words.as_deref() {
                Some(["up"]) => Some(News::Up),
                Some(["absent"]) => Some(News::Absent),
                Some(["no-display"]) => Some(News::NoDisplay),
                Some(["ended", status]) => {
                    let (status, mut complaint) = (escape_for_eyes(status).into_owned(), Vec::new());
                    let _ = stdout.read_to_end(&mut complaint);
                    Some(News::Ended { status, complaint })
                }
                _ => None,
            };
            if let Some(found) = found {
                let _ = send.send(found);
                return;
            }
            said.append(&mut line);
        }
        let mut messages = Vec::new();
        let _ = stderr.take(COMPLAINT_LIMIT).read_to_end(&mut messages);
        let _ = send.send(News::Lost { said, messages });
    });
    news
}

/// The script around the program of a window.
///
/// What the program prints goes nowhere once it is up, and is never waited for: with a closed or full pipe it would end
/// or stand still. Descriptor 4 is the named pipe, open for both directions, so that nobody who writes to it has to wait.
fn script(name: &str, program: &[u8]) -> Result<Vec<u8>, Problem> {
    let name = quote(name.as_bytes()).map_err(line::no_nul)?;
    let mut script = PATH.to_vec();
    for part in [
        LOCALE.as_bytes(),
        b"command -v ",
        &name,
        b" >/dev/null 2>&1 || { echo ctys-window: absent; exit; }\n\
          [ -n \"$DISPLAY\" ] || { echo ctys-window: no-display; exit; }\n\
          ctys_d=$(mktemp -d \"${TMPDIR:-/tmp}/ctys-window.XXXXXXXX\") || exit\n\
          trap 'rm -rf \"$ctys_d\"; exit 1' HUP INT TERM\n\
          CTYS_UP=$ctys_d/up; export CTYS_UP\n\
          mkfifo \"$CTYS_UP\" && exec 4<>\"$CTYS_UP\" || exit\n\
          { { ",
        program,
        b" </dev/null 2>&1 >/dev/null 4<&-; echo \"ended $?\" >&4; } |\n\
          { dd bs=1024 count=64 of=\"$ctys_d/said\"; cat; echo said >&4; } } >/dev/null 2>&1 &\n\
          read -r ctys_e <&4\n\
          case $ctys_e in ended*)\n\
          { sleep 1; echo said >&4; } >/dev/null 2>&1 & read -r ctys_s <&4;; esac\n\
          echo \"ctys-window: $ctys_e\"\n\
          case $ctys_e in ended*) cat \"$ctys_d/said\";; esac\n\
          rm -rf \"$ctys_d\"\n\
          exec >/dev/null 2>&1\n\
          trap - HUP INT TERM\n\
          case $ctys_e in up) wait;; esac\n",
    ] {
        script.extend(part);
    }
    Ok(script)
}

/// The program of the window: its name, and its call as shell text.
fn program(console: &Console, way: &Way<'_>, here: bool) -> Result<(&'static str, Vec<u8>), Problem> {
    let title = title(console);
    let geometry = way.geometry.and_then(geometry);
    let inside = inside(console, way, here)?;
    let shell: [&[u8]; 4] = [b"/bin/sh", b"-c", &inside, b"ctys"];
    let (name, mut text) = match console.kind {
        ConsoleKind::Gterm => {
            let title = format!("--title={title}");
            let geometry = geometry.map(|geometry| format!("--geometry={geometry}"));
            let mut words: Vec<&[u8]> = vec![b"gnome-terminal", b"--wait", title.as_bytes()];
            words.extend(geometry.as_ref().map(String::as_bytes));
            words.extend(way.x_options.iter().map(String::as_bytes));
            words.push(b"--");
            words.extend(shell);
            // Its windows belong to one server per session bus. Over ssh that of the bus at hand, if any, shows them on
            // the screen of that machine; so it gets a bus of its own, and so it does where there is none.
            let own_bus = if here { "[ -z \"$DBUS_SESSION_BUS_ADDRESS\" ] && " } else { "" };
            let bus = format!("$({own_bus}command -v dbus-run-session >/dev/null 2>&1 && echo dbus-run-session --) ");
            ("gnome-terminal", [bus.as_bytes(), &joined(words)?].concat())
        }
        ConsoleKind::Xterm => {
            // A guest cannot rename its window: the label says whose it is.
            let mut words: Vec<&[u8]> = vec![b"xterm", b"-T", title.as_bytes(), b"-n", title.as_bytes()];
            words.extend([&b"-xrm"[..], b"*allowTitleOps: false"]);
            if let Some(geometry) = &geometry {
                words.extend([&b"-geometry"[..], geometry.as_bytes()]);
            }
            words.extend(way.x_options.iter().map(String::as_bytes));
            words.push(b"-e");
            words.extend(shell);
            ("xterm", joined(words)?)
        }
        _ => return Ok(("emacs", emacs::program(console, way, here, false)?)),
    };
    text.extend(b" \"$CTYS_UP\"");
    Ok((name, text))
}

/// What a shell inside the window does, with the named pipe as its first argument: it says that it is up and whose
/// console it is, becomes the console, and keeps a window open whose console failed, so that its last words can be read.
pub fn inside(console: &Console, way: &Way<'_>, here: bool) -> Result<Vec<u8>, Problem> {
    let mut line = line::console(console, way)?;
    if here && !way.target.local {
        line = terminal::reaching_text(line, way)?;
    }
    let banner = quote(banner(console, way).as_bytes()).map_err(line::no_nul)?;
    let mut text = b"(echo up >\"$1\") 2>/dev/null; unset CTYS_UP; printf '%s\\n' ".to_vec();
    for part in [
        banner.as_slice(),
        b"; (",
        &line,
        b"); ctys_s=$?; [ $ctys_s = 0 ] || { stty sane; \
          printf '\\nctys: the console ended with status %s; Enter closes this ' $ctys_s; read -r ctys_x; }",
    ] {
        text.extend(part);
    }
    Ok(text)
}

/// The title of the window or the name of the buffer: the label, harmless.
pub fn title(console: &Console) -> String {
    escape_for_eyes(&console.label).into_owned()
}

/// `-g` without what only the original's screen layouts know (`:A30:layout`); none where no size or place is left.
pub fn geometry(typed: &str) -> Option<&str> {
    let geometry = typed.split(':').next().unwrap_or_default();
    (!geometry.is_empty()).then_some(geometry)
}
