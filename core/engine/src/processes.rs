//! The processes of a host that some plugin knows by name, for all plugins together.
//!
//! On Linux one `grep` over `/proc/*/cmdline` says which they are; on most hosts none is, and that was all. Two more
//! processes tell of all that were found, however many:
//!
//! ```text
//! u 87342.11                                            seconds since the host booted
//! o /proc/4711 root root                                the owner, by name
//! /proc/4711/stat:4711 (qemu-system-x86) S 1 4711 ...   see proc(5)
//! /proc/4711/cmdline:qemu-system-x86_64 NUL -name NUL tst100 NUL
//! ```
//!
//! `grep -H ''` puts the name before every line, so an argument with line feeds comes back as it was. Elsewhere `ps`
//! answers, which keeps no borders between arguments; [`Process::exact`] says so.

use crate::quote::{NulByte, quote};
use ctys_model::{Bytes, Process, ProcessTable};
use std::collections::HashMap;

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux since 2.6 (`USER_HZ`).
const TICKS: f64 = 100.0;

/// The shell text of the question, without its frame.
pub fn script(out: &mut Vec<u8>, table: &ProcessTable) -> Result<(), NulByte> {
    let names: Vec<String> = table.names.iter().map(|name| regex(name)).collect();
    // As an argument of this very grep it does not match itself: no name follows its only slash.
    let regex = format!("^(.*/)?({})$", names.join("|"));
    out.extend_from_slice(b"if [ -r /proc/self/cmdline ]; then set -- $(grep -lazE -e ");
    out.extend_from_slice(&quote(regex.as_bytes())?);
    out.extend_from_slice(
        b" /proc/[0-9]*/cmdline 2>/dev/null); ctys_d=; ctys_g=\n\
if [ $# -gt 0 ]; then read -r ctys_u ctys_v </proc/uptime; printf 'u %s\\n' \"$ctys_u\"\n\
for ctys_q; do ctys_p=${ctys_q%/cmdline}; ctys_d=\"$ctys_d $ctys_p\"; ctys_g=\"$ctys_g $ctys_p/stat $ctys_q\"; done\n\
stat -c 'o %n %U %G' $ctys_d 2>/dev/null; grep -aH '' $ctys_g 2>/dev/null; fi; :\n\
else ps -A -ww -o pid= -o ppid= -o user= -o args=; fi",
    );
    Ok(())
}

/// A name with `*` and `?` as an extended regular expression.
fn regex(name: &str) -> String {
    let mut regex = String::new();
    for c in name.chars() {
        match c {
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '\\' | '.' | '[' | ']' | '(' | ')' | '{' | '}' | '+' | '^' | '$' | '|' => {
                regex.push('\\');
                regex.push(c);
            }
            _ => regex.push(c),
        }
    }
    regex
}

/// The processes of an answer, by number. What is not whole (a process that ended meanwhile) is left out.
pub fn parse(table: &ProcessTable, stdout: &[u8]) -> Vec<Process> {
    let mut uptime = None;
    let mut found = Found::default();
    for line in stdout.split(|&byte| byte == b'\n') {
        if let Some(seconds) = line.strip_prefix(b"u ") {
            uptime = std::str::from_utf8(seconds).ok().and_then(|seconds| seconds.trim().parse::<f64>().ok());
        } else if let Some(owner) = line.strip_prefix(b"o /proc/") {
            let owner = String::from_utf8_lossy(owner);
            let mut words = owner.split(' ');
            if let (Some(Ok(pid)), Some(user), Some(group)) = (words.next().map(str::parse), words.next(), words.next())
            {
                let raw = found.of(pid);
                (raw.user, raw.group) = (user.to_string(), group.to_string());
            }
        } else if let Some((pid, file, text)) = grep_line(line) {
            let raw = found.of(pid);
            let whole = if file == b"stat" { &mut raw.stat } else { &mut raw.cmdline };
            if !whole.is_empty() {
                whole.push(b'\n');
            }
            whole.extend_from_slice(text);
        } else if uptime.is_none()
            && let Some(process) = ps_line(line)
        {
            found.all.push(Raw { ready: Some(process), ..Raw::default() });
        }
    }
    let mut processes: Vec<Process> = found.all.into_iter().filter_map(|raw| raw.process(uptime)).collect();
    processes.retain(|process| is_named(table, process));
    processes.sort_by_key(|process| process.pid);
    processes
}

/// Whether one of the names is that of the program.
fn is_named(table: &ProcessTable, process: &Process) -> bool {
    let first = process.args.first().map(Bytes::as_slice).unwrap_or_default();
    let name = first.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    table.names.iter().any(|pattern| crate::scan::matches(pattern.as_bytes(), name))
}

/// One question for all of them: at the same place.
pub fn merge(tables: &[&ProcessTable]) -> Option<ProcessTable> {
    let (first, others) = tables.split_first()?;
    let mut whole = (*first).clone();
    for table in others {
        whole.names.extend(table.names.iter().cloned());
    }
    whole.names.sort();
    whole.names.dedup();
    Some(whole)
}

/// What one of the merged questions would have found by itself.
pub fn share(whole: &[Process], table: &ProcessTable) -> Vec<Process> {
    whole.iter().filter(|process| is_named(table, process)).cloned().collect()
}

#[derive(Default)]
struct Raw {
    pid: u32,
    user: String,
    group: String,
    stat: Vec<u8>,
    cmdline: Vec<u8>,
    ready: Option<Process>,
}

/// What was read so far, and where each number stands: a host that means no good names more processes than it has.
#[derive(Default)]
struct Found {
    all: Vec<Raw>,
    places: HashMap<u32, usize>,
}

impl Found {
    fn of(&mut self, pid: u32) -> &mut Raw {
        let at = *self.places.entry(pid).or_insert_with(|| {
            self.all.push(Raw { pid, ..Raw::default() });
            self.all.len() - 1
        });
        &mut self.all[at]
    }
}

fn grep_line(line: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let rest = line.strip_prefix(b"/proc/")?;
    let slash = rest.iter().position(|&byte| byte == b'/')?;
    let pid = std::str::from_utf8(&rest[..slash]).ok()?.parse().ok()?;
    let rest = &rest[slash + 1..];
    let colon = rest.iter().position(|&byte| byte == b':')?;
    matches!(&rest[..colon], b"stat" | b"cmdline").then(|| (pid, &rest[..colon], &rest[colon + 1..]))
}

impl Raw {
    fn process(self, uptime: Option<f64>) -> Option<Process> {
        if self.ready.is_some() {
            return self.ready;
        }
        // `4711 (a name) with ) in it) S 1 ...`: the name may hold anything, the rest has no parenthesis.
        let close = self.stat.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(&self.stat[close + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let start: u64 = fields.get(19)?.parse().ok()?;
        let cmdline = self.cmdline.strip_suffix(b"\0").unwrap_or(&self.cmdline);
        Some(Process {
            pid: self.pid,
            parent: fields.get(1)?.parse().ok()?,
            user: self.user,
            group: self.group,
            state: fields.first()?.to_string(),
            start: Some(start),
            age_s: uptime.map(|uptime| (uptime - start as f64 / TICKS).max(0.0) as u64),
            args: cmdline.split(|&byte| byte == 0).map(|arg| Bytes(arg.to_vec())).collect(),
            exact: true,
        })
    }
}

/// ```text
///   412     1 root     /usr/sbin/Xvnc :1 -desktop tst100
/// ```
fn ps_line(line: &[u8]) -> Option<Process> {
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let number = |word: &[u8]| std::str::from_utf8(word).ok()?.parse::<u32>().ok();
    let (pid, parent) = (number(words.next()?)?, number(words.next()?)?);
    let user = String::from_utf8_lossy(words.next()?).into_owned();
    let args: Vec<Bytes> = words.map(|word| Bytes(word.to_vec())).collect();
    (!args.is_empty()).then(|| Process { pid, parent, user, args, ..Process::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    fn table(names: &[&str]) -> ProcessTable {
        ProcessTable { names: names.iter().map(|name| name.to_string()).collect(), ..ProcessTable::default() }
    }

    fn ask(shell: &str, table: &ProcessTable) -> Vec<Process> {
        let mut text = Vec::new();
        script(&mut text, table).unwrap();
        let output = Command::new(shell).arg("-c").arg(String::from_utf8(text).unwrap()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        parse(table, &output.stdout)
    }

    #[test]
    fn arguments_come_back_as_they_are_from_every_shell() {
        let name = format!("ctys-probe-{}", std::process::id());
        let args = ["60", "two words", "line\nfeed", "", "nul follows\n"];
        // `sleep` takes the sum of its arguments, so a shell that ignores them stands in.
        let mut child = Command::new("sh");
        child.arg0(format!("/odd path/{name}")).args(["-c", "read x", "x"]).args(args);
        let mut child = child.stdin(std::process::Stdio::piped()).spawn().unwrap();
        for shell in ["dash", "bash"] {
            let found = ask(shell, &table(&[&name.replace("probe", "pro?e"), "nothing-*"]));
            assert_eq!(found.len(), 1, "{shell}: {found:?}");
            let process = &found[0];
            assert_eq!((process.pid, process.parent, process.exact), (child.id(), std::process::id(), true));
            let got: Vec<&[u8]> = process.args[4..].iter().map(Bytes::as_slice).collect();
            assert_eq!(got, args.map(str::as_bytes));
            assert!(process.start.is_some() && process.age_s.is_some_and(|age| age < 600));
            assert!(!process.user.is_empty() && !process.group.is_empty());
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(ask("dash", &table(&[&name])), []);
    }

    #[test]
    fn a_look_that_finds_something_does_not_end_a_chain_of_steps() {
        use crate::script::{Item, chain_begin, chain_step, preamble};
        let look = Item::Processes(table(&["sleep"]));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut text = preamble("nonce", &[]);
        chain_begin(&mut text);
        for (number, item) in [(1, &look), (2, &Item::Run(vec![ctys_model::Command::new("echo").arg("after")]))] {
            chain_step(&mut text, number, item, 5, false).unwrap();
        }
        // The helper that watches over time is made by the session; here it only runs.
        let text = [b"ctys_t() { shift; \"$@\"; }\n".as_slice(), &text].concat();
        let output = Command::new("sh").arg("-c").arg(String::from_utf8(text).unwrap()).output().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.contains(&format!("/proc/{}/cmdline", child.id())), "{printed}");
        assert!(printed.contains("\nafter\n"), "{printed}");
    }

    #[test]
    fn a_name_in_another_argument_is_no_match_and_questions_are_shared() {
        let text = b"u 100.0\no /proc/7 root wheel\n/proc/7/stat:7 (x) y) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 1000 0\n\
            /proc/7/cmdline:sudo\0/usr/bin/Xvnc\0\n/proc/9/stat:9 (Xvnc\n/proc/9/stat:X) R 7 9 9 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 9000 0\n\
            /proc/9/cmdline:/usr/bin/Xvnc\0:1\0\n/proc/8/stat:8 (gone)\n";
        let (vnc, sudo) = (table(&["Xvnc"]), table(&["sudo", "su"]));
        let whole = merge(&[&vnc, &sudo]).unwrap();
        let all = parse(&whole, text);
        let pids = |found: &[Process]| found.iter().map(|process| process.pid).collect::<Vec<_>>();
        assert_eq!((pids(&all), pids(&share(&all, &vnc)), pids(&share(&all, &sudo))), (vec![7, 9], vec![9], vec![7]));
        assert_eq!(pids(&parse(&vnc, text)), [9]);
        let nine = &share(&all, &vnc)[0];
        assert_eq!((nine.state.as_str(), nine.parent, nine.age_s, nine.start), ("R", 7, Some(10), Some(9000)));
    }

    #[test]
    fn where_there_is_no_proc_the_borders_of_arguments_are_not_known() {
        let found = parse(&table(&["Xvnc"]), b"  412     1 root     /usr/bin/Xvnc :1 -desktop a b\n 5 1 x sh\n");
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].pid, found[0].user.as_str(), found[0].exact, found[0].args.len()),
            (412, "root", false, 5)
        );
    }

    #[test]
    fn as_many_processes_as_an_answer_can_hold_are_read() {
        let mut text = Vec::from(&b"u 100.0\n"[..]);
        let mut count = 0;
        while text.len() < crate::frames::MAX_STDOUT {
            let stat = format!("/proc/{count}/stat:{count} (x) S 1 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 {count} 0\n");
            text.extend_from_slice(format!("o /proc/{count} u g\n{stat}/proc/{count}/cmdline:a\0\n").as_bytes());
            count += 1;
        }
        let found = parse(&table(&["a"]), &text);
        assert_eq!((found.len(), found.last().unwrap().start), (count, Some(count as u64 - 1)));
    }

    #[test]
    fn a_name_is_no_regular_expression() {
        assert_eq!(regex("qemu-system-*"), "qemu-system-[^/]*");
        assert_eq!(regex("a.b(c)|?"), "a\\.b\\(c\\)\\|[^/]");
    }
}
