//! VNC servers.
//!
//! ```text
//! /usr/bin/Xtigervnc :1 -localhost=1 -desktop tst100 -rfbport 5901 -PasswordFile /tmp/tigervnc.I7Zrhs/passwd ...
//! Xtightvnc :2 -desktop tight100 -auth /root/.Xauthority -geometry 400x300 -depth 24 -rfbwait 120000 -rfbport 5902 ...
//! /usr/bin/X0tigervnc -display :80 -localhost=1 -desktop vm:80 (root) -rfbport 5980 ...
//! ```

use super::{VNC_BASE, parameter, program, texts, word_of};
use ctys_plugin::model::Process;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its process.
    pub process: Process,
    /// The display it serves, or shows.
    pub display: Option<u32>,
    /// The TCP port; none when it listens on none (`-rfbport -1`, a UNIX socket).
    pub port: Option<u16>,
    /// What it is called: `-desktop`, else its display.
    pub label: String,
}

/// Whether a process is a server. A viewer of ours may be called anything.
pub fn is_server(process: &Process) -> bool {
    let name = program(process);
    (name.starts_with('X') && name.contains("vnc")) || name == "x0vncserver"
}

/// The server that a process is.
pub fn read(process: &Process) -> Server {
    let args = texts(process);
    let shows_a_screen = program(process).to_ascii_lowercase().starts_with("x0");
    let own = args.first().and_then(|first| first.strip_prefix(':')).map(str::to_string);
    let display = own.or_else(|| word_of(&args, "display").and_then(|name| Some(name.rsplit_once(':')?.1.to_string())));
    // `:1.0` has a screen behind the display.
    let display = display.and_then(|text| text.split('.').next()?.parse::<u32>().ok());
    let default_port = match (shows_a_screen, display) {
        (false, Some(display)) => u16::try_from(display).ok().and_then(|display| VNC_BASE.checked_add(display)),
        (false, None) => None,
        (true, _) => Some(VNC_BASE),
    };
    let port = match word_of(&args, "rfbport").and_then(|text| text.parse::<i64>().ok()) {
        Some(0) | None => default_port,
        Some(port) => u16::try_from(port).ok(),
    };
    let label = match process.exact {
        true => word_of(&args, "desktop"),
        false => words_of(&args, "desktop"),
    };
    let label = label.filter(|label| !label.is_empty());
    let label = label.unwrap_or_else(|| display.map_or("VNC".to_string(), |display| format!(":{display}")));
    Server { process: process.clone(), display, port, label }
}

/// Where blanks have split the arguments, a label goes on up to the next option.
fn words_of(args: &[String], name: &str) -> Option<String> {
    let at = parameter(args, name)?;
    let first = at[0].split_once('=').map(|(_, value)| value.to_string());
    let rest = at[1..].iter().take_while(|word| !word.starts_with('-')).cloned();
    let words: Vec<String> = first.into_iter().chain(rest).collect();
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_plugin::model::Bytes;

    #[test]
    fn servers_as_they_are_called() {
        let check = |args: &[&str], display: Option<u32>, port: Option<u16>, label: &str| {
            let args: Vec<Bytes> = args.iter().map(|arg| Bytes::from(*arg)).collect();
            let process = Process { args, exact: true, ..Process::default() };
            assert!(is_server(&process), "{process:?}");
            let server = read(&process);
            let got = (server.display, server.port, server.label.as_str());
            assert_eq!(got, (display, port, label), "{:?}", server.process.args);
        };
        let tiger =
            ["/usr/bin/Xtigervnc", ":1", "-localhost=1", "-desktop", "tst100", "-rfbport", "5901", "-depth", "24"];
        check(&tiger, Some(1), Some(5901), "tst100");
        check(
            &["/usr/bin/Xtigervnc", ":7", "-desktop", "two words", "-rfbport", "5999"],
            Some(7),
            Some(5999),
            "two words",
        );
        check(
            &["Xtightvnc", ":2", "-desktop", "tight100", "-auth", "/root/.Xauthority"],
            Some(2),
            Some(5902),
            "tight100",
        );
        let screen = ["/usr/bin/X0tigervnc", "-display", ":80", "-desktop", "vm:80 (root)", "-rfbport", "5980"];
        check(&screen, Some(80), Some(5980), "vm:80 (root)");
        check(&["x0vncserver", "-display=:0.0"], Some(0), Some(5900), ":0");
        check(&["Xvnc", ":3"], Some(3), Some(5903), ":3");
        check(&["Xvnc4", ":3", "Desktop=x", "--RfbPort=7000", "-rfbport", "0"], Some(3), Some(5903), "x");
        check(&["Xvnc", ":3", "-rfbport", "-1"], Some(3), None, ":3");
        check(&["Xvnc", "-inetd", "-desktop"], None, None, "VNC");
        check(&["Xvnc", ":99999999999", "-rfbport", "99999999"], None, None, "VNC");
    }

    #[test]
    fn a_label_that_blanks_have_split_is_put_together() {
        let args = "Xtigervnc :1 -desktop lab00:1 (a b) -rfbport 5901".split(' ').map(Bytes::from).collect();
        let server = read(&Process { args, exact: false, ..Process::default() });
        assert_eq!((server.label.as_str(), server.port), ("lab00:1 (a b)", Some(5901)));
    }

    #[test]
    fn what_is_no_server() {
        for name in ["xtigervncviewer", "ctys-viewer label=Xvnc type=VNC", "/usr/bin/vncviewer", ""] {
            assert!(!is_server(&Process { args: vec![name.into()], ..Process::default() }), "{name}");
        }
    }
}
