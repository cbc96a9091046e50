//! Dialogues with UNIX sockets on a host: one small program of ours for whichever interpreter the host has.
//!
//! perl is on every Debian (perl-base, which has no clock finer than a second: there a limit is up to a second longer),
//! python3 on most others. The program travels with the call and leaves nothing behind. What is said goes in by its input,
//! so it stands in no list of processes.

use ctys_model::{Answer, Bytes, Command, Ending, Exit, Heard, Output, Talk};

/// Loading Socket takes perl longer than all the rest, so on Linux its three words stand here; a stream is 2 instead of 1 on
/// MIPS, which the kernel tells by EPROTOTYPE.
///
/// Speaks with all sockets at once and prints for each `path-length ending text-length why-length`, then these three.
const PERL: &str = r#"
use strict; use IO::Select; use Fcntl; use File::Glob 'bsd_glob', 'GLOB_QUOTE';
my $coarse; BEGIN { $coarse = eval { require Time::HiRes; Time::HiRes->import('time'); 1 } ? 0 : 1; }
my $linux = $^O eq 'linux'; require Socket unless $linux;
my ($family, $stream) = $linux ? (1, 1) : (Socket::AF_UNIX(), Socket::SOCK_STREAM());
sub address { $linux ? pack('S a108', $family, $_[0]) : Socket::pack_sockaddr_un($_[0]) }
my ($ms, $max, $n, @rest) = @ARGV;
my @answers = splice(@rest, 0, $n);
my @say = <STDIN>;
my (%seen, @all, %of);
$SIG{PIPE} = 'IGNORE';
for my $path (@rest) {
  $path = "$ENV{HOME}/$1" if $path =~ m{^~/(.*)}s;
  my @found = ($path);
  if ($path =~ /[*?]/) { (my $glob = $path) =~ s/([][{}~\\])/\\$1/g; @found = grep { -S } bsd_glob($glob, GLOB_QUOTE); }
  for my $found (@found) { push @all, { path => $found, text => '', at => 0, said => 0, out => '' } unless $seen{$found}++; }
}
my $select = IO::Select->new;
sub over { my ($one, $end, $why) = @_; $one->{end} = $end; $one->{why} = $why // ''; $select->remove($one->{s}) if $one->{s}; close $one->{s} if $one->{s}; }
sub say_next { my ($one) = @_; $one->{out} .= $say[$one->{said}++]; }
for my $one (@all) {
  if (length $one->{path} > 107) { over($one, 'r', 'the path of the socket is too long'); next; }
  my ($s, $ok);
  for my $type ($stream, 2) {
    undef $s; socket($s, $family, $type, 0) or last;
    fcntl($s, F_SETFL, O_NONBLOCK);
    $ok = connect($s, address($one->{path})); last if $ok || !$!{EPROTOTYPE};
  }
  if (!$ok) { over($one, $!{ENOENT} ? 'a' : 'r', "$!"); next; }
  $one->{s} = $s; $of{fileno $s} = $one; $select->add($s); say_next($one);
}
my $until = time + $ms / 1000 + $coarse;
while ($select->count) {
  my $left = $until - time; last if $left <= 0;
  my $writing = IO::Select->new(map { $_->{s} } grep { !$_->{end} && length $_->{out} } @all);
  my ($read, $write) = IO::Select->select($select, $writing, undef, $left);
  for my $s (@{$write || []}) {
    my $one = $of{fileno $s}; my $sent = syswrite($s, $one->{out});
    substr($one->{out}, 0, $sent) = '' if $sent;
    over($one, 'c') if !defined $sent && !$!{EAGAIN};
  }
  for my $s (@{$read || []}) {
    my $one = defined fileno $s ? $of{fileno $s} : next; next if $one->{end};
    my $got = sysread($s, $one->{text}, 65536, length $one->{text});
    if (!$got) { over($one, 'c') unless !defined $got && $!{EAGAIN}; next; }
    while ((my $end = index($one->{text}, "\n", $one->{at})) >= 0) {
      my $line = substr($one->{text}, $one->{at}, $end - $one->{at}); $one->{at} = $end + 1;
      next unless grep { index($line, $_) >= 0 } @answers;
      if ($one->{said} < @say) { say_next($one); } else { over($one, 'd'); last; }
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
import errno, glob, os, re, select, socket, stat, sys, time
ms, most, n = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rest = [os.fsencode(a) for a in sys.argv[4:]]
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
            seen.add(name); found.append(dict(path=name, text=b'', at=0, said=0, out=b'', end=None, why=b'', s=None))
def over(one, end, why=b''):
    one['end'], one['why'] = end, why
    if one['s']: one['s'].close()
def say_next(one):
    one['out'] += say[one['said']]; one['said'] += 1
for one in found:
    if len(one['path']) > 107: over(one, 'r', b'the path of the socket is too long'); continue
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.setblocking(False)
    try: s.connect(one['path'])
    except OSError as e: s.close(); over(one, 'a' if e.errno == errno.ENOENT else 'r', os.strerror(e.errno).encode()); continue
    one['s'] = s; say_next(one)
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
                if one['said'] < len(say): say_next(one)
                else: over(one, 'd')
        if not one['end'] and len(one['text']) > most: over(one, 'm')
out = sys.stdout.buffer
for one in found:
    if not one['end']: over(one, 't')
    text = one['text'][:most]
    out.write(b'%d %s %d %d\n%s%s%s\n' % (len(one['path']), one['end'].encode(), len(text), len(one['why']), one['path'], text, one['why']))
"#;

/// Beyond the dialogue's own limit: starting the interpreter, reading what is said.
const GRACE_MS: u32 = 2_000;

/// The dialogue as commands of which the host has one.
pub fn tries(talk: &Talk) -> Vec<Command> {
    let mut said = Vec::new();
    for line in &talk.lines {
        said.extend_from_slice(line.as_slice());
        said.push(b'\n');
    }
    [("perl", "-e", PERL), ("python3", "-c", PYTHON)]
        .into_iter()
        .map(|(interpreter, option, program)| {
            let mut command = Command::new(interpreter)
                .args([option, program])
                .args([talk.limit_ms.to_string(), talk.limit.to_string(), talk.answers.len().to_string()])
                .args(talk.answers.iter().cloned())
                .args(talk.sockets.iter().cloned())
                .stdin(said.clone())
                .at(talk.place.clone())
                .near(folders(talk))
                .limit_ms(talk.limit_ms.saturating_add(GRACE_MS));
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

    /// perl-base of Debian, the only perl of a small system, comes without Time::HiRes.
    #[test]
    fn perl_without_its_finer_clock_is_enough() {
        let folder = scratch("base");
        std::fs::create_dir_all(folder.join("Time")).unwrap();
        std::fs::write(folder.join("Time/HiRes.pm"), "die 'not in perl-base';").unwrap();
        let command = tries(&question(&["/nowhere/qmp"])).remove(0);
        let output = Process::new("perl")
            .args(command.args.iter().map(|arg| String::from_utf8(arg.0.clone()).unwrap()))
            .env("PERL5LIB", &folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let output = Output { stdout: output.stdout.into(), ..Output::ended(Exit::Code(0)) };
        assert!(matches!(read(output), Answer::Talked(heard) if heard[0].end == Ending::Absent));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn each_line_is_said_after_the_answer_to_the_one_before_and_events_are_kept() {
        let folder = scratch("lines");
        for name in ["a b", "b"] {
            std::fs::create_dir(folder.join(name)).unwrap();
            serve(&folder.join(name).join("qmp"), |line| format!("{{\"event\": 1}}\n{{\"return\": \"{line}\"}}\n"));
        }
        let heard = talk(&question(&["~/*/qmp", "~/b/qmp", "/nowhere/qmp"]), &folder);
        let ends: Vec<&Ending> = heard.iter().map(|heard| &heard.end).collect();
        assert_eq!(ends, [&Ending::Absent, &Ending::Answered, &Ending::Answered]);
        let whole =
            "{\"QMP\": {}}\n{\"event\": 1}\n{\"return\": \"capabilities\"}\n{\"event\": 1}\n{\"return\": \"status\"}\n";
        let (first, second) = (&heard[1], &heard[2]);
        assert_eq!((first.text.to_text().as_ref(), second.text.to_text().as_ref()), (whole, whole));
        assert_eq!(first.socket.to_text(), folder.join("a b/qmp").to_str().unwrap());
        std::fs::remove_dir_all(folder).unwrap();
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
