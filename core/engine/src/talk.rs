//! Dialogues with UNIX sockets on a host: one small program of ours for whichever interpreter the host has.
//!
//! perl is on every Debian, python3 on most others. The program travels with the call and leaves nothing behind. What is said
//! goes in by its input, so it stands in no list of processes. It keeps its own time, by `alarm` should the file system hang
//! below it: a process that watches it would take as long as the dialogue.

use ctys_model::{Access, Answer, Bytes, Command, Ending, Exit, Heard, Output, Talk};

/// Speaks with all sockets at once and prints for each `path-length ending text-length why-length`, then these three.
///
/// It loads no module: perl takes longer to load IO::Select, File::Glob, Time::HiRes, Errno or Socket than to do all of this.
/// So what they know stands here. 4-argument select tells on Linux how much of its time was left; where it does not, the
/// limit is up to a second longer. 1 is AF_UNIX everywhere; a stream is 1 but on MIPS, and listen refuses whatever is none
/// with another error (EOPNOTSUPP) than a stream without a name (EINVAL). Not to block is 0x800 on most Linux; elsewhere the bit is
/// not taken, and Fcntl is asked. ENOENT is 2 everywhere, EAGAIN 11 or 35.
const PERL: &str = r#"
use strict;
my ($ms, $max, $grace, $together, $n, @rest) = @ARGV;
$SIG{ALRM} = 'DEFAULT'; alarm $grace;
my @answers = splice(@rest, 0, $n);
my @say = <STDIN>;
my (%seen, @all);
$SIG{PIPE} = 'IGNORE';
my $stream = 1; { socket(my $s, 1, 1, 0) or last; listen($s, 1); $stream = 2 if $! != 22; }
sub sockets {
  my ($base, @parts) = @_;
  return -S $base ? $base : () if !@parts;
  my $part = shift @parts;
  return sockets("$base/$part", @parts) if $part !~ /[*?]/;
  my $is = join '', map { $_ eq '*' ? '.*' : $_ eq '?' ? '.' : quotemeta } split //, $part;
  opendir(my $d, $base eq '' ? '/' : $base) or return;
  my @names = sort grep { /^$is\z/s && (!/^\./ || $part =~ /^\./) } readdir $d; closedir $d;
  return map { sockets("$base/$_", @parts) } @names;
}
for my $path (@rest) {
  $path = "$ENV{HOME}/$1" if $path =~ m{^~/(.*)}s;
  my @found = ($path);
  @found = sockets(split m{/}, $path) if $path =~ /[*?]/;
  for my $found (@found) { push @all, { path => $found, text => '', at => 0, answered => 0, out => '' } unless $seen{$found}++; }
}
my ($reading, $live) = ('', 0);
sub over { my ($one, $end, $why) = @_; $one->{end} = $end; $one->{why} = $why // ''; my $s = $one->{s} or return; vec($reading, fileno $s, 1) = 0; $live--; close $s; }
for my $one (@all) {
  if (length $one->{path} > 107) { over($one, 'r', 'the path of the socket is too long'); next; }
  if (!socket(my $s, 1, $stream, 0)) { over($one, 'r', "$!"); next; }
  else {
    fcntl($s, 4, 0x800); if (!(fcntl($s, 3, 0) & 0x800)) { require Fcntl; fcntl($s, 4, Fcntl::O_NONBLOCK()); }
    if (!connect($s, $^O eq 'linux' ? pack('S a108', 1, $one->{path}) : do { require Socket; Socket::pack_sockaddr_un($one->{path}) })) { over($one, $! == 2 ? 'a' : 'r', "$!"); next; }
    $one->{s} = $s; vec($reading, fileno $s, 1) = 1; $live++; $one->{out} = $together ? join '', @say : $say[0];
  }
}
my ($left, $until) = ($ms / 1000, time + $ms / 1000 + 1);
while ($live && $left > 0 && time < $until) {
  my $writing = ''; for (@all) { vec($writing, fileno $_->{s}, 1) = 1 if !$_->{end} && length $_->{out}; }
  my ($read, $write) = ($reading, $writing);
  my ($ready, $rest) = select($read, $write, undef, $left);
  $left = $rest if $^O eq 'linux' || !$ready; next if $ready < 1;
  for my $one (@all) {
    next if $one->{end}; my $s = $one->{s}; my $number = fileno $s;
    if (vec($write, $number, 1)) {
      my $sent = syswrite($s, $one->{out});
      if ($sent) { substr($one->{out}, 0, $sent) = ''; }
      elsif (!defined $sent && $! != 11 && $! != 35) { over($one, 'c'); next; }
    }
    next unless vec($read, $number, 1);
    my $got = sysread($s, $one->{text}, 65536, length $one->{text});
    if (!$got) { over($one, 'c') unless !defined $got && ($! == 11 || $! == 35); next; }
    while ((my $end = index($one->{text}, "\n", $one->{at})) >= 0) {
      my $line = substr($one->{text}, $one->{at}, $end - $one->{at}); $one->{at} = $end + 1;
      next unless grep { index($line, $_) >= 0 } @answers;
      if (++$one->{answered} >= @say) { over($one, 'd'); last; }
      $one->{out} .= $say[$one->{answered}] unless $together;
    }
    over($one, 'm') if !$one->{end} && length $one->{text} > $max;
  }
}
for my $one (@all) {
  over($one, 't') unless $one->{end};
  my $text = substr($one->{text}, 0, $max);
  print length $one->{path}, " $one->{end} ", length $text, ' ', length $one->{why}, "\n$one->{path}$text$one->{why}\n";
}
"#;

/// The same for python3.
const PYTHON: &str = r#"
import errno, glob, os, select, signal, socket, stat, sys, time
ms, most, grace, together, n = [int(a) for a in sys.argv[1:6]]
signal.signal(signal.SIGALRM, signal.SIG_DFL); signal.alarm(grace)
rest = [os.fsencode(a) for a in sys.argv[6:]]
answers, paths = rest[:n], rest[n:]
say = sys.stdin.buffer.read().splitlines(True)
seen, found = set(), []
for path in paths:
    if path.startswith(b'~/'): path = os.environb.get(b'HOME', b'') + path[1:]
    if b'*' in path or b'?' in path:
        def is_socket(p):
            try: return stat.S_ISSOCK(os.stat(p).st_mode)
            except OSError: return False
        names = sorted(filter(is_socket, glob.glob(path.replace(b'[', b'[[]'))))
    else: names = [path]
    for name in names:
        if name not in seen:
            seen.add(name); found.append(dict(path=name, text=b'', at=0, answered=0, out=b'', end=None, why=b'', s=None))
def over(one, end, why=b''):
    one['end'], one['why'] = end, why
    if one['s']: one['s'].close()
for one in found:
    if len(one['path']) > 107: over(one, 'r', b'the path of the socket is too long'); continue
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.setblocking(False)
    try: s.connect(one['path'])
    except OSError as e: s.close(); over(one, 'a' if e.errno == errno.ENOENT else 'r', os.strerror(e.errno).encode()); continue
    one['s'] = s; one['out'] = b''.join(say) if together else say[0]
until = time.monotonic() + ms / 1000
while True:
    live = [one for one in found if not one['end']]
    left = until - time.monotonic()
    if not live or left <= 0: break
    poll = select.poll()
    for one in live: poll.register(one['s'], select.POLLIN | (select.POLLOUT if one['out'] else 0))
    ready = dict(poll.poll(left * 1000))
    for one in live:
        event = ready.get(one['s'].fileno(), 0)
        try:
            if event & select.POLLOUT: one['out'] = one['out'][one['s'].send(one['out']):]
            if not event & (select.POLLIN | select.POLLHUP | select.POLLERR): continue
            got = one['s'].recv(65536)
        except BlockingIOError: continue
        except OSError: got = b''
        if not got: over(one, 'c'); continue
        one['text'] += got
        while not one['end']:
            end = one['text'].find(b'\n', one['at'])
            if end < 0: break
            line = one['text'][one['at']:end]; one['at'] = end + 1
            if any(a in line for a in answers):
                one['answered'] += 1
                if one['answered'] >= len(say): over(one, 'd')
                elif not together: one['out'] += say[one['answered']]
        if not one['end'] and len(one['text']) > most: over(one, 'm')
out = sys.stdout.buffer
for one in found:
    if not one['end']: over(one, 't')
    text = one['text'][:most]
    out.write(b'%d %s %d %d\n%s%s%s\n' % (len(one['path']), one['end'].encode(), len(text), len(one['why']), one['path'], text, one['why']))
"#;

/// Beyond the dialogue's own limit: starting the interpreter, reading what is said.
const GRACE_MS: u32 = 2_000;
/// How a shell tells that SIGALRM ended a program.
const ALARMED: i32 = 128 + 14;

/// The dialogue as commands of which the host has one.
pub fn tries(talk: &Talk) -> Vec<Command> {
    let mut said = Vec::new();
    for line in &talk.lines {
        said.extend_from_slice(line.as_slice());
        said.push(b'\n');
    }
    let together = u8::from(talk.access == Access::Reads).to_string();
    let grace = talk.limit_ms.saturating_add(GRACE_MS).div_ceil(1_000);
    [("perl", "-e", PERL), ("python3", "-c", PYTHON)]
        .into_iter()
        .map(|(interpreter, option, program)| {
            let mut command = Command::new(interpreter)
                .args([option, program])
                .args([talk.limit_ms.to_string(), talk.limit.to_string(), grace.to_string()])
                .args([together.clone(), talk.answers.len().to_string()])
                .args(talk.answers.iter().cloned())
                .args(talk.sockets.iter().cloned())
                .stdin(said.clone())
                .at(talk.place.clone())
                .near(folders(talk))
                .limit_ms(grace * 1_000)
                .unwatched();
            command.privilege = talk.privilege;
            command.access = talk.access;
            command
        })
        .collect()
}

/// The folders in which sockets are looked for. Where none of them is there no interpreter is started: on most hosts none is,
/// and perl takes as long to start as everything else of a listing. None where a socket is named, which is told of also
/// when it is not there.
fn folders(talk: &Talk) -> Vec<Bytes> {
    let folder = |socket: &Bytes| {
        let path = socket.as_slice();
        let pattern = path.iter().position(|byte| matches!(byte, b'*' | b'?'))?;
        let slash = path[..pattern].iter().rposition(|&byte| byte == b'/')?;
        (slash > 0).then(|| Bytes(path[..slash].to_vec()))
    };
    talk.sockets.iter().map(folder).collect::<Option<Vec<Bytes>>>().unwrap_or_default()
}

/// What the program printed, sorted by path:
///
/// ```text
/// 22 d 115 0
/// /run/ctys/qemu/1/qmp{"QMP": {"version": ...}}
/// ...
/// ```
pub fn read(output: Output) -> Answer {
    match &output.exit {
        Exit::Code(0) => {}
        Exit::Code(ALARMED) => return Answer::Output(Output { exit: Exit::TimedOut, ..output }),
        Exit::NotFound => {
            return Answer::Failed("a socket cannot be spoken with: the host has neither perl nor python3".into());
        }
        // Refused, timed out, not run: as for any other command.
        _ => return Answer::Output(output),
    }
    let mut heard = Vec::new();
    let mut rest = output.stdout.as_slice();
    while !rest.is_empty() {
        match one(rest) {
            Some((next, after)) => {
                heard.push(next);
                rest = after;
            }
            None => return Answer::Failed("what was heard from the sockets came garbled or was cut off".into()),
        }
    }
    heard.sort_by(|a: &Heard, b: &Heard| a.socket.cmp(&b.socket));
    Answer::Talked(heard)
}

fn one(text: &[u8]) -> Option<(Heard, &[u8])> {
    let end = text.iter().position(|&byte| byte == b'\n')?;
    let head = std::str::from_utf8(&text[..end]).ok()?;
    let [path, ending, heard, why] = head.split(' ').collect::<Vec<_>>()[..] else { return None };
    let mut rest = &text[end + 1..];
    let mut take = |length: &str| -> Option<&[u8]> {
        let (part, after) = rest.split_at_checked(length.parse().ok()?)?;
        rest = after;
        Some(part)
    };
    let (path, heard, why) = (take(path)?, take(heard)?, take(why)?);
    let end = match ending {
        "d" => Ending::Answered,
        "c" => Ending::Closed,
        "t" => Ending::TimedOut,
        "m" => Ending::TooMuch,
        "a" => Ending::Absent,
        "r" => Ending::Refused(ctys_model::bytes::escape_for_eyes(&String::from_utf8_lossy(why)).into_owned()),
        _ => return None,
    };
    Some((Heard { socket: Bytes(path.to_vec()), text: Bytes(heard.to_vec()), end }, rest.strip_prefix(b"\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::process::{Command as Process, Stdio};

    /// Runs the dialogue by each interpreter in turn and checks that both hear the same.
    fn talk(talk: &Talk, home: &Path) -> Vec<Heard> {
        let mut all: Vec<Vec<Heard>> = Vec::new();
        for command in tries(talk) {
            let mut process = Process::new(&command.program)
                .args(command.args.iter().map(|arg| String::from_utf8(arg.0.clone()).unwrap()))
                .env("HOME", home)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap_or_else(|error| panic!("{} is needed for this test: {error}", command.program));
            process.stdin.take().unwrap().write_all(command.stdin.unwrap().as_slice()).unwrap();
            let output = process.wait_with_output().unwrap();
            assert!(output.status.success(), "{} failed", command.program);
            let output = Output { stdout: output.stdout.into(), ..Output::ended(Exit::Code(0)) };
            match read(output) {
                Answer::Talked(heard) => all.push(heard),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(all[0], all[1], "perl and python3 disagree");
        all.remove(0)
    }

    /// A socket that greets and then answers what it hears, twice: once for each interpreter.
    fn serve(path: &Path, answer: impl Fn(&str) -> String + Send + 'static) {
        let listener = UnixListener::bind(path).unwrap();
        std::thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.write_all(b"{\"QMP\": {}}\n");
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while let Some(Ok(line)) = lines.next() {
                    let text = answer(&line);
                    if text == "close" || stream.write_all(text.as_bytes()).is_err() {
                        break;
                    }
                }
            }
        });
    }

    fn scratch(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("ctys-talk-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn question(sockets: &[&str]) -> Talk {
        Talk {
            sockets: sockets.iter().map(|&socket| socket.into()).collect(),
            lines: vec!["capabilities".into(), "status".into()],
            answers: vec!["\"return\"".into(), "\"error\"".into()],
            limit_ms: 60_000,
            limit: 100_000,
            ..Talk::default()
        }
    }

    /// What perl loads takes longer than what the dialogue does, and a small system's perl-base has not all of it.
    #[test]
    fn the_dialogue_of_perl_loads_no_module() {
        let command = tries(&question(&["/nowhere/qmp", "/nowhere/*/qmp"])).remove(0);
        let mut words: Vec<String> = command.args.iter().map(|arg| String::from_utf8(arg.0.clone()).unwrap()).collect();
        words[1].push_str("print STDERR join ' ', keys %INC;");
        let output = Process::new("perl").args(words).stdin(Stdio::null()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "strict.pm");
        let output = Output { stdout: output.stdout.into(), ..Output::ended(Exit::Code(0)) };
        assert!(matches!(read(output), Answer::Talked(heard) if heard[0].end == Ending::Absent));
    }

    #[test]
    fn a_dialogue_that_cannot_even_begin_ends_itself() {
        use std::os::unix::process::ExitStatusExt;
        for command in tries(&Talk { limit_ms: 1, ..question(&["/nowhere/qmp"]) }) {
            let words = command.args.iter().map(|arg| String::from_utf8(arg.0.clone()).unwrap());
            // Its input never ends.
            let mut process = Process::new(&command.program).args(words).stdin(Stdio::piped()).spawn().unwrap();
            let kept = process.stdin.take();
            assert_eq!(process.wait().unwrap().signal(), Some(ALARMED - 128), "{}", command.program);
            drop(kept);
        }
        assert!(matches!(
            read(Output::ended(Exit::Code(ALARMED))),
            Answer::Output(Output { exit: Exit::TimedOut, .. })
        ));
    }

    #[test]
    fn every_line_is_answered_and_events_are_kept() {
        for access in [Access::Reads, Access::Changes] {
            answers_and_events(access);
        }
    }

    fn answers_and_events(access: Access) {
        let folder = scratch("lines");
        for name in ["a b", "b"] {
            std::fs::create_dir(folder.join(name)).unwrap();
            serve(&folder.join(name).join("qmp"), |line| format!("{{\"event\": 1}}\n{{\"return\": \"{line}\"}}\n"));
        }
        let heard = talk(&Talk { access, ..question(&["~/*/qmp", "~/b/qmp", "/nowhere/qmp"]) }, &folder);
        let ends: Vec<&Ending> = heard.iter().map(|heard| &heard.end).collect();
        assert_eq!(ends, [&Ending::Absent, &Ending::Answered, &Ending::Answered]);
        let whole =
            "{\"QMP\": {}}\n{\"event\": 1}\n{\"return\": \"capabilities\"}\n{\"event\": 1}\n{\"return\": \"status\"}\n";
        let (first, second) = (&heard[1], &heard[2]);
        assert_eq!((first.text.to_text().as_ref(), second.text.to_text().as_ref()), (whole, whole));
        assert_eq!(first.socket.to_text(), folder.join("a b/qmp").to_str().unwrap());
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// Where something may change, what comes next is said only after the answer; questions are all asked at once.
    #[test]
    fn only_questions_do_not_wait_for_each_other() {
        use std::io::Read;
        for (access, expected) in [(Access::Reads, "capabilities\nstatus\n"), (Access::Changes, "capabilities\n")] {
            let folder = scratch("order");
            let listener = UnixListener::bind(folder.join("qmp")).unwrap();
            let host = std::thread::spawn(move || {
                let hear = || {
                    // It answers nothing, so the dialogue ends by its own time.
                    let mut said = String::new();
                    listener.accept().unwrap().0.read_to_string(&mut said).unwrap();
                    said
                };
                [hear(), hear()]
            });
            let heard = talk(&Talk { access, limit_ms: 300, ..question(&["~/qmp"]) }, &folder);
            assert_eq!(heard[0].end, Ending::TimedOut);
            assert_eq!(host.join().unwrap(), [expected, expected]);
            std::fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn a_socket_that_hangs_closes_floods_or_refuses_costs_only_its_own_answer() {
        let folder = scratch("bad");
        let path = |name: &str| folder.join(name);
        serve(&path("closes"), |_| "close".into());
        serve(&path("floods"), |_| "x".repeat(300_000));
        serve(&path("good"), |_| "{\"return\": {}}\n".into());
        let hangs = UnixListener::bind(path("hangs")).unwrap();
        drop(UnixListener::bind(path("left behind")).unwrap());
        let names = ["closes", "floods", "good", "hangs", "left behind"];
        let sockets: Vec<String> = names.iter().map(|name| format!("~/{name}")).collect();
        let sockets: Vec<&str> = sockets.iter().map(String::as_str).collect();
        let heard = talk(&Talk { limit_ms: 10_000, ..question(&sockets) }, &folder);
        let ends: Vec<&Ending> = heard.iter().map(|heard| &heard.end).collect();
        let refused = Ending::Refused("Connection refused".into());
        assert_eq!(ends, [&Ending::Closed, &Ending::TooMuch, &Ending::Answered, &Ending::TimedOut, &refused]);
        assert_eq!(heard[1].text.as_slice().len(), 100_000);
        drop(hangs);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_no_program_of_ours_printed_is_an_error_and_not_silence() {
        let output = |text: &str| Output { stdout: text.into(), ..Output::ended(Exit::Code(0)) };
        assert_eq!(read(output("")), Answer::Talked(Vec::new()));
        for text in ["hello\n", "1 d 99 0\n/x", "1 d 1 0\n/xx", "99999999999999999999 d 1 0\n"] {
            assert!(matches!(read(output(text)), Answer::Failed(_)), "{text}");
        }
        assert!(matches!(read(Output::ended(Exit::NotFound)), Answer::Failed(_)));
        assert!(matches!(read(Output::ended(Exit::TimedOut)), Answer::Output(_)));
    }
}
