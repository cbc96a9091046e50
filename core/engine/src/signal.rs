//! Signals to a process that is still the one that was seen: numbers are used again.

use ctys_model::{Command, Signal};

/// `$1` number, `$2` start, `$3` signal. Between the look and the signal no time is spent; a number that is used again within it
/// would have to come round through all others.
const SCRIPT: &str = r#"
s=$(cat "/proc/$1/stat" 2>/dev/null) || { echo "process $1 is gone" >&2; exit 3; }
p=$1 w=$2 k=$3
set -f; set -- ${s##*)}
if [ "${20}" != "$w" ]; then echo "process $p is another one now" >&2; exit 3; fi
kill -s "$k" "$p"
"#;

/// The signal as a command.
pub fn command(signal: &Signal) -> Command {
    let mut command = Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .args([signal.pid.to_string(), signal.start.to_string(), signal.name.clone()])
        .at(signal.place.clone())
        .changes();
    command.privilege = signal.privilege;
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command as Process, Stdio};

    #[test]
    fn only_the_process_that_was_seen_gets_the_signal() {
        let mut child = Process::new("sleep").arg("60").spawn().unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let start: u64 = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().parse().unwrap();
        let send = |pid: u32, start: u64| {
            let signal = Signal { pid, start, name: "TERM".into(), ..Signal::default() };
            let command = command(&signal);
            let args = command.args.iter().map(|arg| String::from_utf8(arg.0.clone()).unwrap());
            Process::new("sh").args(args).stderr(Stdio::null()).status().unwrap().code()
        };
        assert_eq!(send(child.id(), start + 1), Some(3));
        assert!(child.try_wait().unwrap().is_none(), "it got a signal that was for another one");
        assert_eq!(send(child.id(), start), Some(0));
        assert_eq!(child.wait().unwrap().signal(), Some(15));
        assert_eq!(send(child.id(), start), Some(3));
    }
}
