//! VNC viewers.
//!
//! ```text
//! xtigervncviewer -shared -passwd /root/.vnc/passwd 127.0.0.1::5901
//! xtightvncviewer -geometry 300x200+5+5 lab00:2
//! ctys-viewer label=tst100 type=XEN  -shared 127.0.0.1::5950      (the first argument has blanks in it)
//! ```

use super::{VNC_BASE, program, texts};
use ctys_plugin::model::Process;
use ctys_plugin::model::bytes::unescape;

/// A viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Its process.
    pub process: Process,
    /// The label that ctys gave it.
    pub label: Option<String>,
    /// The host it was told; none when it asked for one, or waits to be called (`-listen`).
    pub host: Option<String>,
    /// The port it was told.
    pub port: Option<u16>,
}

/// What the first argument of a viewer of ours begins with.
const OURS: &str = "ctys-viewer";

/// The parameters of viewers whose value is the next argument.
const WITH_VALUE: [&str; 14] = [
    "passwd",
    "passwordfile",
    "geometry",
    "display",
    "via",
    "log",
    "securitytypes",
    "encodings",
    "preferredencoding",
    "qualitylevel",
    "compresslevel",
    "desktopsize",
    "name",
    "depth",
];

impl Viewer {
    /// The display number that belongs to the port, 50 for 5950.
    pub fn display(&self) -> Option<u16> {
        self.port.map(|port| port.checked_sub(VNC_BASE).unwrap_or(port))
    }

    /// True when the server, or the tunnel to it, is on the machine of the viewer.
    pub fn is_at_home(&self) -> bool {
        let host = self.host.as_deref().unwrap_or_default();
        matches!(host, "" | "localhost" | "::1") || host.starts_with("127.")
    }
}

/// The viewer that a process is.
pub fn read(process: &Process) -> Viewer {
    let args = texts(process);
    let label = process.args.first().and_then(|_| label(process, &args));
    let (host, port) = match place(&args) {
        Some(place) => address(place),
        None => (None, None),
    };
    Viewer { process: process.clone(), label, host, port }
}

/// The label of a viewer of ours. Where blanks have split the arguments it is one of those that follow.
fn label(process: &Process, args: &[String]) -> Option<String> {
    if !program(process).starts_with(OURS) {
        return None;
    }
    let first = process.args.first()?.to_text().into_owned();
    let rest = if process.exact { &[][..] } else { args };
    let mut words = first.split(' ').chain(rest.iter().map(String::as_str));
    let value = words.find_map(|word| word.strip_prefix("label="))?;
    String::from_utf8(unescape(value).ok()?).ok().filter(|label| !label.is_empty())
}

/// The argument that names the server: the last one that is neither an option nor the value of one.
fn place(args: &[String]) -> Option<&str> {
    let takes_value = |arg: &str| {
        let name = arg.trim_start_matches('-').to_ascii_lowercase();
        arg.starts_with('-') && WITH_VALUE.contains(&name.as_str())
    };
    if args.iter().any(|arg| arg.trim_start_matches('-').eq_ignore_ascii_case("listen") && arg.starts_with('-')) {
        return None;
    }
    let is_place = |n: &usize| {
        let arg = &args[*n];
        let is_value = *n > 0 && takes_value(&args[n - 1]);
        !arg.starts_with('-') && !is_value && !arg.contains('=') && !arg.is_empty()
    };
    (0..args.len()).rev().find(is_place).map(|n| args[n].as_str())
}

/// `host::port`, `host:display`, `host`, `[address]::port`. A display from 100 up is a port, as TigerVNC has it.
fn address(place: &str) -> (Option<String>, Option<u16>) {
    let (host, rest) = match place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, rest)) => (host, rest),
        None => match place.find(':') {
            Some(at) => place.split_at(at),
            None => (place, ""),
        },
    };
    let port = match (rest.strip_prefix("::"), rest.strip_prefix(':')) {
        (Some(port), _) => port.parse().ok(),
        (None, Some(display)) => match display.parse::<u16>() {
            Ok(display @ 0..100) => Some(VNC_BASE + display),
            Ok(port) => Some(port),
            Err(_) => None,
        },
        (None, None) => Some(VNC_BASE),
    };
    (Some(host.to_string()), port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_plugin::model::Bytes;

    fn viewer(args: &[&str], exact: bool) -> Viewer {
        let args: Vec<Bytes> = args.iter().map(|arg| Bytes::from(*arg)).collect();
        read(&Process { args, exact, ..Process::default() })
    }

    #[test]
    fn viewers_as_they_are_called() {
        let check = |args: &[&str], label: Option<&str>, host: Option<&str>, port: Option<u16>| {
            let got = viewer(args, true);
            assert_eq!((got.label.as_deref(), got.host.as_deref(), got.port), (label, host, port), "{args:?}");
        };
        let local = Some("127.0.0.1");
        check(
            &["xtigervncviewer", "-shared", "-passwd", "/root/.vnc/passwd", "127.0.0.1::5901"],
            None,
            local,
            Some(5901),
        );
        check(&["xtightvncviewer", "-geometry", "300x200+5+5", "lab00:2"], None, Some("lab00"), Some(5902));
        check(&["vncviewer", "lab00:2", "-passwd", "/x:y"], None, Some("lab00"), Some(5902));
        check(&["vncviewer", "lab00"], None, Some("lab00"), Some(5900));
        check(&["vncviewer", "lab00:5950"], None, Some("lab00"), Some(5950));
        check(&["vncviewer", "[::1]::5901"], None, Some("::1"), Some(5901));
        check(&["vncviewer", ":1"], None, Some(""), Some(5901));
        check(&["vncviewer"], None, None, None);
        check(&["vncviewer", "-listen", "5500"], None, None, None);
        check(&["vncviewer", "Shared=1", "lab00::99999"], None, Some("lab00"), None);
        let ours = "ctys-viewer label=tst\\x20100 type=XEN";
        check(&[ours, "-shared", "127.0.0.1::5950"], Some("tst 100"), local, Some(5950));
        check(&["vncviewer", "label=tst100", "127.0.0.1::5950"], None, local, Some(5950));
        check(&["ctys-viewer label=tst\\q type=XEN", "127.0.0.1::5950"], None, local, Some(5950));
    }

    #[test]
    fn the_name_of_ours_is_read_where_blanks_have_split_it() {
        let got = viewer(&["ctys-viewer", "label=tst100", "type=XEN", "-shared", "127.0.0.1::5950"], false);
        assert_eq!((got.label.as_deref(), got.display(), got.is_at_home()), (Some("tst100"), Some(50), true));
    }
}
