//! What runs in a console's terminal, as one line for `/bin/sh`.

use super::{Way, relay};
use crate::quote::{NulByte, quote};
use crate::script::Means;
use ctys_model::effect::History;
use ctys_model::{Command, Console, ConsoleKind, Phase, Privilege, Problem};

/// The key that leaves a console over a socket: a control character, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(Option<u8>);

impl Default for Key {
    /// Ctrl-], as xl, virsh and telnet have it.
    fn default() -> Key {
        Key(Some(0x1d))
    }
}

impl Key {
    /// `^]`, `^T`, or `none`.
    pub fn parse(text: &str) -> Option<Key> {
        match text.as_bytes() {
            [b'^', letter @ (b'@'..=b'_' | b'a'..=b'z')] => Some(Key(Some(letter & 0x1f))),
            _ if text.eq_ignore_ascii_case("none") => Some(Key(None)),
            _ => None,
        }
    }

    /// The key of this byte, if it is a control character.
    pub fn of(byte: u8) -> Option<Key> {
        (byte < 0x20).then_some(Key(Some(byte)))
    }

    /// How it is typed: `Ctrl-]`.
    pub fn words(self) -> Option<String> {
        self.0.map(|byte| format!("Ctrl-{}", char::from(byte | 0x40)))
    }

    /// The byte that a terminal sends for it.
    pub fn byte(self) -> Option<u8> {
        self.0
    }
}

/// What an argument that holds a NUL byte comes to.
pub fn no_nul(_: NulByte) -> Problem {
    Problem::new(Phase::Usage, "an argument holds a NUL byte, which no command line can carry")
}

/// The system folders come last, so that the account's own choice stays first.
pub const PATH: &[u8] =
    b"PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin; export PATH; ";

/// The line that shows what was said before and then becomes the console. On the caller's own machine a socket is
/// connected to by this program, elsewhere by whichever interpreter the host has.
pub fn console(console: &Console, way: &Way<'_>) -> Result<Vec<u8>, Problem> {
    let mut line = PATH.to_vec();
    if console.kind == ConsoleKind::Cli0 {
        line.extend(ignoring(way.ignored_signals));
    }
    if let Some(history) = &console.history
        && way.history_lines > 0
    {
        line.extend(earlier(history, way.means, way.history_lines).map_err(no_nul)?);
    }
    match (&console.command, &console.socket) {
        (Some(command), _) => line.extend(become_root_and(&words(command)?, command.privilege, way.means)),
        (None, Some(socket)) => {
            // What is typed until the relay has the terminal is the machine's, which echoes it.
            line.extend(b"stty -echo 2>/dev/null; ");
            let key = if console.kind == ConsoleKind::Cli0 { Key(None) } else { way.key };
            line.extend(relay::line(socket, key, way.target.local, way.means)?);
        }
        (None, None) => {
            return Err(Problem::new(Phase::Here, format!("the {} console has no terminal", console.kind)));
        }
    }
    Ok(line)
}

fn words(command: &Command) -> Result<Vec<u8>, Problem> {
    let args = command.args.iter().map(|arg| arg.as_slice());
    joined(std::iter::once(command.program.as_bytes()).chain(args))
}

/// Words, each quoted, with blanks between.
pub fn joined<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, Problem> {
    let quoted: Result<Vec<_>, _> = words.into_iter().map(quote).collect();
    Ok(quoted.map_err(no_nul)?.join(&b' '))
}

/// The words as root where they need that, by the first means that is there; the shell becomes them.
pub fn become_root_and(words: &[u8], privilege: Privilege, means: &[Means]) -> Vec<u8> {
    let mut line = raised(words, privilege, means, b"exec ");
    if line.is_empty() {
        line.extend(b"exec ");
        line.extend(words);
    }
    line
}

const KSU: &str = "ksu root -q -k -Z -e \"$ctys_c\" \"$@\"";

/// `if` we are root, `elif` there is a means … `fi`, each with the words behind `before`. Empty where nothing raises.
fn raised(words: &[u8], privilege: Privilege, means: &[Means], before: &[u8]) -> Vec<u8> {
    let calls = means.iter().filter_map(|means| match means {
        // It wants the whole path; see `script::preamble`.
        Means::Ksu => Some(("ksu", KSU)),
        Means::Sudo => Some(("sudo", "sudo -n -- ")),
        Means::Doas => Some(("doas", "doas -n -- ")),
        // Only the fan-out bars; one console tries what its user allowed.
        Means::Barred => None,
    });
    let calls: Vec<_> = if privilege == Privilege::Root { calls.collect() } else { Vec::new() };
    let mut line = Vec::new();
    let mut branch = |test: &str, call: &str| {
        let parts = match call {
            KSU => {
                [test.as_bytes(), b"set -- ", words, b"; ctys_c=$(command -v \"$1\"); shift; ", before, KSU.as_bytes()]
            }
            _ => [test.as_bytes(), before, call.as_bytes(), words, b"", b""],
        };
        line.extend(parts.concat());
        line.extend(b"; ");
    };
    if calls.is_empty() {
        return line;
    }
    branch("if [ \"$(id -u)\" = 0 ]; then ", "");
    for (tool, call) in calls {
        branch(&format!("elif command -v {tool} >/dev/null 2>&1; then "), call);
    }
    branch("else ", "");
    line.extend(b"fi");
    line
}

/// A shell can ignore neither KILL (9) nor STOP (19); that they are asked for harms nothing.
fn ignoring(signals: &[u8]) -> Vec<u8> {
    let numbers: Vec<String> =
        signals.iter().filter(|signal| !matches!(signal, 0 | 9 | 19)).map(u8::to_string).collect();
    if numbers.is_empty() { Vec::new() } else { format!("trap '' {}; ", numbers.join(" ")).into_bytes() }
}

/// The last lines of what was said before. Only text passes: a question that a guest once asked the terminal (`ESC [ 6 n`,
/// where is the cursor) would be answered once more, and the answer would be typed into the machine.
fn earlier(history: &History, means: &[Means], lines: u32) -> Result<Vec<u8>, NulByte> {
    /// By sed and tr, in the C locale: escape sequences whole (CSI, OSC with either end, DCS and its like, all others),
    /// C1 characters in UTF-8, then what is left of control characters but tab, newline and carriage return.
    const FILTER: &[u8] = b"LC_ALL=C sed -e 's/\x1b\\[[0-?]*[ -\\/]*[@-~]//g' -e 's/\x1b\\][^\x07\x1b]*\x07//g' \
        -e 's/\x1b[]P^_X][^\x1b]*\x1b\\\\//g' -e 's/\x1b[ -\\/]*[0-~]//g' -e 's/\xc2[\x80-\x9f]//g' | \
        LC_ALL=C tr -d '\\000-\\010\\013\\014\\016-\\037\\177'; ";
    let path = quote(history.path.as_slice())?;
    let mut words = format!("tail -n {lines} -- ").into_bytes();
    words.extend(&path);
    let mut line = Vec::new();
    let shown = ctys_model::bytes::escape(history.path.as_slice());
    let head = quote(format!("ctys: earlier output, from {shown}:").as_bytes())?;
    let reading = raised(&words, history.privilege, means, b"");
    let reading = if reading.is_empty() { &words } else { &reading };
    // The x keeps the newlines at the end, which the shell would drop: a prompt has none, a line has one.
    for part in [
        b"ctys_h=$(",
        reading.as_slice(),
        b" | tail -c 65536 | ",
        FILTER,
        b"echo x); [ \"$ctys_h\" = x ] || printf '%s\\n%s' ",
        &head,
        b" \"${ctys_h%x}\"; ",
    ] {
        line.extend(part);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::{Environment, Ssh};
    use ctys_model::Target;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    fn check(console: &Console, means: &[Means]) -> String {
        let ssh = Ssh::new(Environment::of_this_process());
        let target = Target { host: "lab00".into(), ..Target::default() };
        let way = Way { means, ignored_signals: &[1, 3, 19], ..Way::for_tests(&ssh, &target) };
        String::from_utf8_lossy(&super::console(console, &way).unwrap()).into_owned()
    }

    fn xl() -> Console {
        let command = Command::new("xl").args(["console", "two words"]);
        Console { command: Some(command), ..Console::new(ConsoleKind::Cli, "tst100", "XEN") }
    }

    #[test]
    fn the_line_raises_what_needs_it_and_quotes_everything() {
        assert!(check(&xl(), &[Means::Sudo]).ends_with("export PATH; exec xl console 'two words'"));
        let mut root = xl();
        root.command = root.command.map(Command::as_root);
        assert!(check(&root, &[]).ends_with("export PATH; exec xl console 'two words'"));
        let raised = check(&root, &[Means::Sudo, Means::Barred]);
        let expected = "export PATH; if [ \"$(id -u)\" = 0 ]; then exec xl console 'two words'; \
                        elif command -v sudo >/dev/null 2>&1; then exec sudo -n -- xl console 'two words'; \
                        else exec xl console 'two words'; fi";
        assert!(raised.ends_with(expected), "{raised}");
        let by_ksu = "elif command -v ksu >/dev/null 2>&1; then set -- xl console 'two words'; \
                      ctys_c=$(command -v \"$1\"); shift; exec ksu root -q -k -Z -e \"$ctys_c\" \"$@\"; else";
        assert!(check(&root, &[Means::Ksu]).contains(by_ksu));
    }

    #[test]
    fn a_console_bound_to_its_machine_ignores_the_signals_asked_for() {
        let bound = Console { kind: ConsoleKind::Cli0, ..xl() };
        assert!(check(&bound, &[]).contains("; trap '' 1 3; exec xl"));
        assert!(!check(&xl(), &[]).contains("trap"));
    }

    #[test]
    fn of_what_was_said_before_only_text_is_shown() {
        let file = std::env::temp_dir().join(format!("ctys-history-{}", std::process::id()));
        let path = file.to_str().unwrap();
        let history = History { path: path.into(), privilege: Privilege::Root };
        let check = |said: &[u8], expected: &str| {
            std::fs::write(&file, said).unwrap();
            let line = [earlier(&history, &[], 2).unwrap(), b"printf END".to_vec()].concat();
            let shell = std::process::Command::new("/bin/sh").arg("-c").arg(OsString::from_vec(line)).output().unwrap();
            let head = format!("ctys: earlier output, from {path}:\n");
            let expected = if expected.is_empty() { "END".into() } else { format!("{head}{expected}END") };
            assert_eq!(String::from_utf8_lossy(&shell.stdout), expected);
            assert_eq!(String::from_utf8_lossy(&shell.stderr), "");
        };
        check(
            b"too early\n\x1b[2J\x1b[31mred\x1b[0m \x1b]0;title\x07a\x1b[6n\x08b\x1b(B\x1b=\r\n\
              caf\xc3\xa9 \xc2\x9b31m\x1bP+q54\x1b\\\x1b]2;t\x1b\\c\ttst100 login: ",
            "red ab\r\ncaf\u{e9} 31mc\ttst100 login: ",
        );
        check(b"Power down.\n\n", "Power down.\n\n");
        check(b"", "");
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn keys_are_written_as_everybody_writes_them() {
        let check = |text: &str, byte: Option<u8>, words: Option<&str>| {
            let key = Key::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((key.byte(), key.words().as_deref()), (byte, words), "{text}");
        };
        check("^]", Some(0x1d), Some("Ctrl-]"));
        check("^t", Some(0x14), Some("Ctrl-T"));
        check("^\\", Some(0x1c), Some("Ctrl-\\"));
        check("None", None, None);
        for wrong in ["", "^", "]", "^é", "^]]", "ctrl-]"] {
            assert_eq!(Key::parse(wrong), None, "{wrong}");
        }
    }
}
