//! The script that starts a viewer, the same on every machine, and what viewers say.

use super::View;
use crate::quote::{NulByte, quote};
use ctys_model::Bytes;
use ctys_model::bytes::{escape, escape_for_eyes};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// The status of the script when there is no viewer.
pub const NO_VIEWER: i32 = 93;
/// The status of the script when there is no display.
pub const NO_DISPLAY: i32 = 94;

/// What the first argument of a viewer of ours begins with.
const NAME: &str = "ctys-viewer";

/// `$1` the name in the process table, `$2` the viewer to take or nothing, `$3` the port, `$4` the password file or nothing;
/// then more arguments. The name takes the place of the first argument, which is the one that any program lets one choose.
/// Only TigerVNC opens a window for its errors, unless told otherwise: it would hang there, unseen under `-b async`.
pub const SCRIPT: &str = r#"
n=$1 v=$2 p=$3 a=$4; shift 4
PATH=${PATH:-/usr/bin:/bin}:/usr/local/bin:/usr/bin:/bin; export PATH
if [ -z "$DISPLAY" ]; then exit 94; fi
if [ -z "$v" ]; then
  for f in vncviewer xtigervncviewer xtightvncviewer xvncviewer xvnc4viewer; do
    if command -v "$f" >/dev/null 2>&1; then v=$f; break; fi
  done
fi
v=$(command -v "$v") && [ -n "$v" ] || exit 93
case $a in '~/'*) a=$HOME/${a#'~/'};; esac
if [ -n "$a" ] && [ -r "$a" ]; then set -- -passwd "$a" "$@"; fi
case $("$v" -h </dev/null 2>&1) in *ReconnectOnError*) set -- -ReconnectOnError=0 -AlertOnFatalError=0 "$@";; esac
set -- -shared "$@" "127.0.0.1::$p"
if command -v bash >/dev/null 2>&1; then exec bash -c 'n=$1; shift; exec -a "$n" "$@"' bash "$n" "$v" "$@"; fi
if command -v perl >/dev/null 2>&1; then exec perl -e '$n = shift; $v = shift; exec {$v} $n, @ARGV' "$n" "$v" "$@"; fi
exec "$v" "$@"
"#;

/// The words of the script.
pub fn words(view: &View<'_>, port: u16, password_file: &Bytes) -> Vec<Bytes> {
    let console = view.console;
    // A slash would make the rest of it the name of the program.
    let text = |text: &str| escape(text.as_bytes()).replace('/', "\\x2f").replace(' ', "\\x20");
    let name = format!("{NAME} label={} type={}", text(&console.label), text(&console.session_type));
    let mut words: Vec<Bytes> =
        vec![name.into(), view.program.unwrap_or_default().into(), port.to_string().into(), password_file.clone()];
    // `640x480+0+0:screen`: the screen was chosen where the words were read.
    let window = view.geometry.and_then(|geometry| geometry.split(':').next()).filter(|window| !window.is_empty());
    if let Some(window) = window {
        words.extend(["-geometry".into(), window.into()]);
    }
    words.extend(view.arguments.iter().map(|argument| Bytes::from(argument.as_str())));
    words
}

/// The script with its words as one line for a login shell of any kind.
pub fn line(view: &View<'_>, port: u16, password_file: &Bytes) -> Result<Vec<u8>, NulByte> {
    let mut inner = b"exec /bin/sh -c ".to_vec();
    inner.extend(quote(SCRIPT.as_bytes())?);
    inner.extend(b" sh");
    for word in words(view, port, password_file) {
        inner.push(b' ');
        inner.extend(quote(word.as_slice())?);
    }
    let mut line = b"exec /bin/sh -c ".to_vec();
    line.extend(quote(&inner)?);
    Ok(line)
}

/// A word for a process.
pub fn os(word: &Bytes) -> OsString {
    OsString::from_vec(word.0.clone())
}

/// Whether a viewer says that it shows something.
///
/// ```text
/// TigerVNC:  CConn:       Using pixel format depth 24 (32bpp) little-endian rgb888
/// TightVNC:  VNC server default format:
/// ```
pub fn shows(said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    ["Using pixel format", "Desktop name \"", "VNC server default format"].iter().any(|sign| said.contains(sign))
}

/// The line that tells why a viewer ended. TigerVNC's last one; where it has only greeted, there is none.
///
/// ```text
///  CConn:       unable to connect to socket: Connection refused (111)
///  CConnection: Authentication failure
/// ```
pub fn complaint(said: &[u8]) -> Option<String> {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with("See http"))?;
    let line: String = line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect();
    Some(escape_for_eyes(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tunnel::Settings;
    use ctys_model::{Console, ConsoleKind, Location};
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    fn view<'a>(console: &'a Console, tunnels: &'a Settings, program: &'a str) -> View<'a> {
        View {
            console,
            location: Location::DisplayForwarding,
            geometry: Some("640x480+10+20:1"),
            display: Some(":0"),
            program: Some(program),
            arguments: &[],
            forward_agent: false,
            tunnels,
        }
    }

    #[test]
    fn the_viewer_gets_its_words_and_bears_the_label_whatever_is_in_it() {
        let folder = std::env::temp_dir().join(format!("ctys-viewer-script-{}", std::process::id()));
        std::fs::create_dir_all(folder.join(".vnc")).unwrap();
        let program = folder.join("viewer");
        // A script cannot see the first argument it was given, so the kernel's copy is read.
        std::fs::write(folder.join(".vnc/passwd"), "x").unwrap();
        // By another process: what a test beside this one starts would hold a file of ours open, and nobody could run it.
        assert!(Command::new("cp").arg("/bin/cat").arg(&program).status().unwrap().success());
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let console = Console::new(ConsoleKind::Vnc, "a/b c'\x1b$(x)", "XEN");
        let tunnels = Settings::default();
        let line = line(&view(&console, &tunnels, program.to_str().unwrap()), 5901, &"~/.vnc/passwd".into()).unwrap();
        // cat refuses the options, and names itself as it was called.
        let output = Command::new("sh")
            .args(["-c", std::str::from_utf8(&line).unwrap()])
            .env("HOME", &folder)
            .env("DISPLAY", ":0")
            .output()
            .unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with("ctys-viewer label=a\\x2fb\\x20c'\\x1b$(x) type=XEN: invalid option"), "{said}");
        let words = words(&view(&console, &tunnels, "v"), 5901, &Bytes::default());
        let words: Vec<_> = words[1..].iter().map(|word| word.to_text().into_owned()).collect();
        assert_eq!(words, ["v", "5901", "", "-geometry", "640x480+10+20"]);
    }

    #[test]
    fn without_a_display_or_a_viewer_nothing_is_started() {
        let call = |display: &str, viewer: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", SCRIPT, "sh", "name", viewer, "5901", ""]).env("DISPLAY", display);
            command.status().unwrap().code()
        };
        assert_eq!(call("", "true"), Some(NO_DISPLAY));
        assert_eq!(call(":0", "/no/such/viewer"), Some(NO_VIEWER));
        assert_eq!(call(":0", "true"), Some(0));
    }

    #[test]
    fn what_viewers_say() {
        let refused =
            b"\nSun Nov 22 02:30:00 2026\n CConn:       unable to connect to socket: Connection refused (111)\n\n";
        let expected = "CConn: unable to connect to socket: Connection refused (111)";
        assert_eq!(complaint(refused).as_deref(), Some(expected));
        assert_eq!(complaint(b"\n \n"), None);
        assert!(!shows(refused));
        assert!(shows(b" CConn:       Using pixel format depth 24 (32bpp) little-endian rgb888\n"));
    }
}
