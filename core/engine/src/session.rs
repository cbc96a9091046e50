//! A conversation with one host: rounds of items in, answers out, over whatever shell a transport opened.

use crate::frames::{Frame, Frames, Garbled, Seen};
use crate::lock;
use crate::scan;
use crate::script::{self, ABSENT, DENIED, Item, Means, NOT_FOUND, REFUSED, SKIPPED};
use crate::transport::{Clocks, Piece, Shell};
use ctys_model::{Answer, Bytes, Command, Exit, FileAnswer, HostFacts, Output, Phase, Privilege, Problem};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long one command may take when it names no limit of its own.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(15);

/// A host that answers items. The one trait behind which all ways to a host stand: a shell that `local`, `ssh2` or
/// `openssh` opened, or a transcript (`replay`).
pub trait Conversation: Send {
    /// Asks these items in one round trip. `chain`: a step that fails keeps the later ones from being tried, unless
    /// its flag says go on. What was answered before the host fell silent is there even when there is a problem.
    fn round(&mut self, items: &[Item], chain: Option<&[bool]>) -> (Vec<Option<Answer>>, Result<(), Problem>);

    /// Moves the moment at which everything must be over.
    fn set_deadline(&mut self, deadline: Instant);

    /// What the host said about itself in the first round.
    fn host(&self) -> Option<&HostFacts>;

    /// `local`, `ssh2`, `openssh` or `replay`.
    fn carrier(&self) -> &'static str;
}

/// A conversation over a shell.
pub struct Session {
    shell: Box<dyn Shell>,
    frames: Frames,
    nonce: String,
    means: Vec<Means>,
    clocks: Clocks,
    deadline: Instant,
    host: Option<HostFacts>,
    /// What every session begins with has been sent.
    begun: bool,
    /// The host has said who it is: there is a shell behind the login.
    greeted: bool,
    /// Which of [`script::HELPERS`] the shell knows.
    helpers_said: [bool; script::HELPERS.len()],
    /// A lock was asked for: what is started from then on must not inherit it.
    locks: bool,
    next_item: u32,
    next_round: u32,
}

impl Session {
    /// Talks over this shell until `deadline` at the latest. `nonce`: a random word, new for every session.
    pub fn new(shell: Box<dyn Shell>, nonce: String, means: &[Means], clocks: Clocks, deadline: Instant) -> Session {
        Session {
            shell,
            frames: Frames::new(&nonce),
            nonce,
            means: means.to_vec(),
            clocks,
            deadline,
            host: None,
            begun: false,
            greeted: false,
            helpers_said: [false; script::HELPERS.len()],
            locks: false,
            next_item: 1,
            next_round: 0,
        }
    }

    /// Sends what every session begins with, so that the host says who it is while nobody knows yet what to ask.
    pub fn begin(&mut self) -> Result<(), Problem> {
        let text = self.beginning();
        self.shell.send(&text, self.deadline.min(Instant::now() + self.clocks.silence))
    }

    /// What has to be sent before the first items: nothing when it was.
    fn beginning(&mut self) -> Vec<u8> {
        let begun = std::mem::replace(&mut self.begun, true);
        if begun { Vec::new() } else { script::preamble(&self.nonce, &self.means) }
    }

    fn listen(&mut self, round: u32, first: u32, limits: &[Duration]) -> Result<BTreeMap<u32, Duration>, Problem> {
        let mut begun: BTreeMap<u32, Instant> = BTreeMap::new();
        let mut took: BTreeMap<u32, Duration> = BTreeMap::new();
        let mut patience = self.clocks.silence;
        loop {
            let now = Instant::now();
            // A host that never pauses always has a next piece, so the clock is looked at between pieces.
            if now >= self.deadline {
                return Err(silent(true, self.clocks.total));
            }
            let until = self.deadline.min(now + patience);
            let piece = self.shell.receive(until)?;
            let seen = match piece {
                Piece::Out(bytes) => self.frames.out(&bytes),
                Piece::Err(bytes) => self.frames.err(&bytes),
                Piece::End(status) => return Err(self.ended(status)),
                Piece::Nothing => {
                    let whole = Instant::now() >= self.deadline;
                    return Err(silent(whole, if whole { self.clocks.total } else { patience }));
                }
            };
            let seen = seen.map_err(|Garbled(what)| {
                Problem::new(Phase::Parse, format!("the answer is garbled: {what} cannot be"))
                    .hint("is something on the host printing into every shell?")
            })?;
            let now = Instant::now();
            for event in seen {
                match event {
                    Seen::Begun(item) => {
                        begun.insert(item, now);
                        // A command may be silent for as long as its own limit allows, plus the kill that ends it.
                        patience = self.clocks.silence;
                        if let Some(limit) = item.checked_sub(first).and_then(|n| limits.get(n as usize)) {
                            patience = patience.max(*limit + Duration::from_secs(4));
                        }
                    }
                    Seen::Ended(item) => {
                        self.greeted |= item == 0;
                        if let Some(start) = begun.get(&item) {
                            took.insert(item, now - *start);
                        }
                        // The two streams are not in step: the next command may have begun on the one before this one
                        // ended on the other, and its patience holds.
                        if begun.keys().all(|begun| took.contains_key(begun)) {
                            patience = self.clocks.silence;
                        }
                    }
                    Seen::RoundOver(over) if over == round => return Ok(took),
                    Seen::RoundOver(_) => {}
                }
            }
        }
    }

    /// The shell ended before the round was over: the connection broke, or the login runs something else than a shell.
    fn ended(&self, status: Option<i32>) -> Problem {
        let last = crate::ssh::ready::last_line(&self.frames.noise());
        let told = last.map_or_else(String::new, |last| format!(": {last}"));
        if !self.greeted {
            let how = status.map_or_else(String::new, |status| format!(" with status {status}"));
            Problem::new(Phase::Login, format!("the login gave no shell and ended{how}{told}"))
                .hint("the account needs a POSIX shell at /bin/sh")
        } else {
            Problem::new(Phase::Connect, format!("the connection ended in the middle of the answer{told}"))
        }
    }
}

impl Conversation for Session {
    fn round(&mut self, items: &[Item], chain: Option<&[bool]>) -> (Vec<Option<Answer>>, Result<(), Problem>) {
        let round = self.next_round;
        let first = self.next_item;
        let mut text = self.beginning();
        for (said, (needs, helper)) in self.helpers_said.iter_mut().zip(script::HELPERS) {
            if !*said && items.iter().any(needs) {
                text.extend_from_slice(helper.as_bytes());
                *said = true;
            }
        }
        if chain.is_some() {
            script::chain_begin(&mut text);
        }
        if !self.locks && items.iter().any(|item| matches!(item, Item::Lock(_))) {
            lock::helper(&mut text);
            self.locks = true;
        }
        let default_s = COMMAND_LIMIT.as_secs() as u32;
        for (n, item) in items.iter().enumerate() {
            let number = first + n as u32;
            let without_lock = self.locks && !matches!(item, Item::Lock(_));
            if without_lock {
                text.extend_from_slice(lock::WITHOUT.0);
            }
            let written = match chain {
                Some(go_on) => script::chain_step(&mut text, number, item, default_s, go_on.get(n) == Some(&true)),
                None => script::item(&mut text, number, item, default_s),
            };
            if without_lock {
                text.extend_from_slice(lock::WITHOUT.1);
            }
            if written.is_err() {
                let problem =
                    Problem::new(Phase::Usage, "an argument holds a NUL byte, which no command line can carry");
                return (vec![None; items.len()], Err(problem));
            }
        }
        if chain.is_some() {
            script::chain_end(&mut text);
        }
        script::round_over(&mut text, round);
        self.next_item += items.len() as u32;
        self.next_round += 1;
        self.frames.expect(self.next_item, self.next_round);

        let limits: Vec<Duration> = items.iter().map(|item| limit_of(item, &self.means)).collect();
        let sent = self.shell.send(&text, self.deadline.min(Instant::now() + self.clocks.silence));
        let heard = sent.and_then(|()| self.listen(round, first, &limits));
        if round == 0
            && let Some(frame) = self.frames.take(0)
        {
            self.host = host_facts(&frame);
        }
        let no_times = BTreeMap::new();
        let took = heard.as_ref().unwrap_or(&no_times);
        let lost = |begun: bool| match &heard {
            // Steps of a change: whether one had begun when the host was lost decides what may be said of it.
            Err(problem) if chain.is_some() => {
                let (phase, why) = (problem.phase, problem.message.clone());
                Some(Answer::Output(Output::ended(Exit::Lost { begun, phase, why })))
            }
            _ => None,
        };
        let answers: Vec<Option<Answer>> = items
            .iter()
            .enumerate()
            .map(|(n, item)| {
                let number = first + n as u32;
                let Some(frame) = self.frames.take(number) else { return lost(false) };
                let whole = answer(item, frame, took.get(&number).copied(), &self.nonce, self.host.as_ref());
                whole.or_else(|| lost(true))
            })
            .collect();
        let left_out = answers.iter().filter(|answer| answer.is_none()).count();
        let result = match (heard, &self.host) {
            (Err(problem), _) => Err(problem),
            (Ok(_), None) => Err(Problem::new(Phase::Parse, "the host did not say who it is (uname, id)")),
            (Ok(_), Some(_)) if left_out > 0 => {
                Err(Problem::new(Phase::Parse, format!("the host answered all but {left_out} of {}", items.len())))
            }
            (Ok(_), Some(_)) => Ok(()),
        };
        (answers, result)
    }

    fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    fn host(&self) -> Option<&HostFacts> {
        self.host.as_ref()
    }

    fn carrier(&self) -> &'static str {
        self.shell.carrier()
    }
}

fn silent(whole: bool, clock: Duration) -> Problem {
    let seconds = clock.as_secs_f32();
    if whole {
        Problem::new(Phase::Timeout, format!("not finished after {seconds:.0} s in all"))
            .hint("--total-timeout SECONDS gives it more time")
    } else {
        Problem::new(Phase::Timeout, format!("nothing came for {seconds:.0} s"))
            .hint("--silence-timeout SECONDS gives it more time")
    }
}

fn limit_of(item: &Item, means: &[Means]) -> Duration {
    match item {
        Item::Run(tries) => limit_of_tries(tries, means),
        Item::File { .. } | Item::Processes(_) => COMMAND_LIMIT,
        Item::Scan(_) => Duration::from_secs(u64::from(scan::SCAN_LIMIT_S)),
        Item::Lock(lock) => lock::patience(lock),
    }
}

/// How long the one of these commands that is there may take, and before it the question whether sudo lets it run.
pub fn limit_of_tries(tries: &[Command], means: &[Means]) -> Duration {
    let asks = means.contains(&Means::Sudo) && tries.iter().any(|command| command.privilege == Privilege::Root);
    let question = if asks { Duration::from_secs(u64::from(script::SUDO_ANSWER_S) + 2) } else { Duration::ZERO };
    tries.iter().map(command_limit).max().unwrap_or(COMMAND_LIMIT) + question
}

fn command_limit(command: &Command) -> Duration {
    match command.limit_ms {
        0 => COMMAND_LIMIT,
        limit_ms => Duration::from_millis(u64::from(limit_ms)),
    }
}

/// `uname -snrm`, `id`, and the home folder, one line each:
///
/// ```text
/// Linux lab00 6.1.0-18-amd64 x86_64
/// uid=1000(acue) gid=1000(ldapusers) groups=1000(ldapusers),27(sudo)
/// /home/acue
/// ```
fn host_facts(frame: &Frame) -> Option<HostFacts> {
    // `id` may name some hundred groups. What is longer is no answer, and its parts would go into every row.
    if frame.stdout.len() > 64 * 1024 {
        return None;
    }
    let text = String::from_utf8_lossy(&frame.stdout);
    let mut lines = text.lines();
    let mut uname = lines.next()?.split(' ');
    let (system, node) = (uname.next()?, uname.next()?);
    let rest: Vec<&str> = uname.collect();
    let (machine, release) = rest.split_last()?;
    let id = lines.next().unwrap_or("");
    let part = |key: &str| id.split(' ').find_map(|word| word.strip_prefix(key)).unwrap_or("");
    let name = |part: &str| match part.split_once('(') {
        Some((_, name)) => name.trim_end_matches(')').to_string(),
        None => part.to_string(),
    };
    let number = |part: &str| part.split('(').next().unwrap_or("").parse().ok();
    Some(HostFacts {
        node: node.to_string(),
        system: system.to_string(),
        release: release.join(" "),
        machine: machine.to_string(),
        user: name(part("uid=")),
        uid: number(part("uid="))?,
        group: name(part("gid=")),
        home: Bytes::from(lines.next().unwrap_or("/")),
    })
}

fn answer(item: &Item, frame: Frame, took: Option<Duration>, nonce: &str, host: Option<&HostFacts>) -> Option<Answer> {
    let Frame { stdout, stderr, cut, status, tried } = frame;
    // An item that began and never ended says nothing certain about itself.
    let status = status?;
    match item {
        Item::Run(tries) => {
            let command = tries.get(tried as usize);
            let as_root = command.is_some_and(|command| command.privilege == Privilege::Root);
            let refused = as_root && is_refusal(&stderr);
            let exit = match status.as_str() {
                NOT_FOUND => Exit::NotFound,
                REFUSED => Exit::Refused(refusal(&stderr)),
                SKIPPED => Exit::NotRun("an earlier step failed".into()),
                number => {
                    let code: i32 = number.parse().ok()?;
                    let limit = command.map_or(COMMAND_LIMIT, command_limit);
                    // timeout(1) ends with 124, as a command may by itself: the time it took tells them apart.
                    if matches!(code, 124 | 137) && took.is_some_and(|took| took + Duration::from_millis(50) >= limit) {
                        Exit::TimedOut
                    } else if code == 1 && refused {
                        Exit::Refused(refusal(&stderr))
                    } else {
                        Exit::Code(code)
                    }
                }
            };
            let stderr = if as_root && !refused { without_warnings(&stderr).to_vec() } else { stderr };
            Some(Answer::Output(Output { exit, tried, stdout: stdout.into(), stderr: stderr.into(), cut }))
        }
        Item::Lock(_) => {
            let exit = match status.as_str() {
                SKIPPED => Exit::NotRun("an earlier step failed".into()),
                number => Exit::Code(number.parse().ok()?),
            };
            Some(Answer::Output(Output { stderr: stderr.into(), cut, ..Output::ended(exit) }))
        }
        Item::Scan(wanted) => {
            let home = host.map_or(&b"/"[..], |host| host.home.as_slice());
            // Status 1 of find: some folder could not be entered; what was found is still there.
            let early = cut || !matches!(status.as_str(), "0" | "1");
            Some(Answer::Scanned(scan::parse(nonce, wanted, home, &stdout, early)))
        }
        Item::Processes(_) if cut => Some(Answer::Failed("the list of processes is too long".into())),
        Item::Processes(table) => Some(match status.as_str() {
            "0" => Answer::Processes(crate::processes::parse(table, &stdout)),
            SKIPPED => Answer::Failed("an earlier step failed".into()),
            _ => Answer::Failed(first_line(&stderr)),
        }),
        Item::File { limit, .. } => Some(match status.as_str() {
            ABSENT => Answer::File(FileAnswer::Absent),
            DENIED => Answer::File(FileAnswer::Denied),
            SKIPPED => Answer::Failed("an earlier step failed".into()),
            "0" => {
                let mut content = stdout;
                let longer = content.len() > *limit as usize;
                content.truncate(*limit as usize);
                Answer::File(FileAnswer::Content { content: content.into(), cut: cut || longer })
            }
            // A folder, or a file whose reading failed half way.
            _ => Answer::Failed(first_line(&stderr)),
        }),
    }
}

/// Whether the tool that raises the privilege refused, read from its message; it is a guess where the tool gives no
/// better way:
///
/// ```text
/// doas: Authentication required                      (doas -n, status 1)
/// doas: Operation not permitted                      (status 1)
/// sudo: a password is required                       (sudo -n, status 1)
/// ksu: Credentials cache file '/tmp/krb5cc_0' not found ... Authentication failed.   (status 1)
/// account root: authorization failed                 (ksu, status 1)
/// ```
///
/// sudo was asked beforehand whether it lets the command run, so of its words only those count that can be nothing else: it has
/// others, before a command that runs and fails by itself (see [`without_warnings`]).
fn is_refusal(stderr: &[u8]) -> bool {
    let line = first_line(without_warnings(stderr));
    line.starts_with("doas: ")
        || line.starts_with("ksu: ")
        || line.contains("authorization failed")
        || line.contains("Authentication failed")
        || sudo_lines(stderr).any(|line| line.contains("password is required") || line.contains("not allowed to"))
}

/// The lines in front that sudo has printed.
fn sudo_lines(stderr: &[u8]) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
    stderr.split(|&byte| byte == b'\n').map(String::from_utf8_lossy).take_while(|line| line.starts_with("sudo: "))
}

/// What a command has printed, without what sudo remarks before each one:
///
/// ```text
/// sudo: unable to resolve host lab00: Name or service not known
/// sudo: setrlimit(RLIMIT_CORE): Operation not permitted
/// ```
fn without_warnings(stderr: &[u8]) -> &[u8] {
    let mut rest = stderr;
    while rest.starts_with(b"sudo: ") {
        rest = rest.iter().position(|&byte| byte == b'\n').map_or(&[][..], |end| &rest[end + 1..]);
    }
    rest
}

fn refusal(stderr: &[u8]) -> String {
    let words = sudo_lines(stderr).find(|line| !line.contains("unable to resolve host") && !line.contains("setrlimit"));
    let line = words.map_or_else(|| first_line(without_warnings(stderr)), |line| first_line(line.as_bytes()));
    // `sudo -n -l COMMAND` says nothing of a command that its rules leave out; it ends with 1.
    if line.is_empty() { "the rules of sudo leave this command out".into() } else { line }
}

fn first_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(300)]);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim().to_string();
    ctys_model::bytes::escape_for_eyes(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sudo_remarks_before_each_command_is_no_refusal_and_hides_no_words() {
        let warning = "sudo: unable to resolve host lab00: Name or service not known\n";
        let failure = "libxl: error: another process holds the lock\n";
        let with = |text: &str| format!("{warning}{warning}{text}").into_bytes();
        assert!(!is_refusal(&with(failure)) && !is_refusal(&with("")));
        assert_eq!(without_warnings(&with(failure)), failure.as_bytes());
        for (said, told) in [
            ("sudo: a password is required\n", "sudo: a password is required"),
            ("Sorry, user acue is not allowed to execute that.\n", "Sorry, user acue is not allowed to execute that."),
            ("", "the rules of sudo leave this command out"),
        ] {
            assert_eq!(refusal(&with(said)), told);
        }
        assert!(is_refusal(&with("sudo: a password is required\n")));
        for said in ["doas: Operation not permitted\n", "ksu: no\n", "account root: authorization failed\n"] {
            assert!(is_refusal(said.as_bytes()) && refusal(said.as_bytes()) == said.trim(), "{said}");
        }
        assert!(!is_refusal(failure.as_bytes()));
    }

    #[test]
    fn sudo_has_its_own_time_before_a_command() {
        let (plain, root) = (Command::new("xl").limit_ms(30_000), Command::new("xl").limit_ms(30_000).as_root());
        let limit = |command: &Command, means: &[Means]| limit_of_tries(std::slice::from_ref(command), means).as_secs();
        assert_eq!((limit(&plain, &[Means::Sudo]), limit(&root, &[Means::Doas]), limit(&root, &[])), (30, 30, 30));
        assert_eq!(limit(&root, &[Means::Ksu, Means::Sudo]), 57);
    }
}
