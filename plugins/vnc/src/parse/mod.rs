//! From the arguments of processes to values. One file per kind of process.

pub mod server;
pub mod viewer;

use ctys_plugin::model::{Bytes, Process};

/// The port of display 0, unless one is named.
pub const VNC_BASE: u16 = 5900;

/// The name of the program of a process.
pub fn program(process: &Process) -> String {
    let first = process.args.first().map(|first| first.to_text().into_owned()).unwrap_or_default();
    first.rsplit('/').next().unwrap_or_default().to_string()
}

/// The arguments behind the program as text. What is not UTF-8 is shown with the replacement character.
fn texts(process: &Process) -> Vec<String> {
    process.args.iter().skip(1).map(|arg: &Bytes| arg.to_text().into_owned()).collect()
}

/// The value of a parameter, as TigerVNC takes it: `-rfbport 5901`, `-rfbport=5901`, `--rfbport=5901`, `rfbport=5901`, in any
/// case. The last one counts. TightVNC knows only the first form.
fn parameter<'a>(args: &'a [String], name: &str) -> Option<&'a [String]> {
    let mut found = None;
    for (n, arg) in args.iter().enumerate() {
        let word = arg.trim_start_matches('-');
        match word.split_once('=') {
            Some((key, _)) if key.eq_ignore_ascii_case(name) => found = Some(&args[n..]),
            None if arg.starts_with('-') && word.eq_ignore_ascii_case(name) => found = Some(&args[n..]),
            _ => {}
        }
    }
    found
}

/// The value of a parameter as one word.
fn word_of(args: &[String], name: &str) -> Option<String> {
    let at = parameter(args, name)?;
    match at[0].split_once('=') {
        Some((_, value)) => Some(value.to_string()),
        None => at.get(1).cloned(),
    }
}
