//! Worlds in which everything answers in the same unpleasant way.

use crate::testing;
use ctys_model::probe::{FoundFile, Scan, Scanned};
use ctys_model::{
    Answer, Bytes, Does, Ending, Exit, Facts, FileAnswer, Heard, Missing, Output, Probe, Process, ProcessTable, Talk,
};

/// How everything answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Commands end well and print nothing; files are empty.
    Empty,
    /// Nothing was reached at all.
    NoHost,
    /// No program and no file is there.
    Absent,
    /// Commands complain about permission; files may not be read.
    Denied,
    /// The privilege was refused.
    Refused,
    /// Every byte value, in no order.
    Garbage,
    /// Text that looks like something and is not.
    Lookalike,
    /// Numbers too large, negative, and not numbers.
    Numbers,
    /// Long output, cut off in the middle of a word.
    Cut,
    /// Time ran out.
    TimedOut,
    /// Commands were ended by a signal.
    Killed,
    /// The host fell silent.
    Silent,
    /// Nothing was run.
    NotRun,
    /// Files answer as commands do, and commands as files.
    Swapped,
    /// Steps fail with a sentence.
    Failed,
    /// Commands end well and say nothing more than that.
    Done,
}

/// All of them.
pub const ALL: [World; 16] = [
    World::Empty,
    World::NoHost,
    World::Absent,
    World::Denied,
    World::Refused,
    World::Garbage,
    World::Lookalike,
    World::Numbers,
    World::Cut,
    World::TimedOut,
    World::Killed,
    World::Silent,
    World::NotRun,
    World::Swapped,
    World::Failed,
    World::Done,
];

impl World {
    /// The end of the sentence "in a world where ...".
    pub fn words(self) -> &'static str {
        match self {
            World::Empty => "everything answers well and prints nothing",
            World::NoHost => "the host was not reached",
            World::Absent => "no tool and no file is there",
            World::Denied => "permission is denied",
            World::Refused => "root is refused",
            World::Garbage => "tools print garbage bytes",
            World::Lookalike => "tools print text that only looks right",
            World::Numbers => "tools print strange numbers",
            World::Cut => "output is cut off",
            World::TimedOut => "commands time out",
            World::Killed => "commands are ended by a signal",
            World::Silent => "the host fell silent",
            World::NotRun => "nothing is run",
            World::Swapped => "files and commands answer for each other",
            World::Failed => "every step fails",
            World::Done => "every step is done and says no more",
        }
    }

    /// True where the host said no: a listing that finds nothing then has to say so.
    pub fn refuses(self) -> bool {
        matches!(self, World::Denied | World::Refused | World::TimedOut)
    }

    /// The facts that these probes give.
    pub fn facts(self, probes: &[Probe]) -> Facts {
        if self == World::NoHost {
            return Facts { host: None, answers: Vec::new(), ..testing::facts_with([]) };
        }
        testing::facts_with(probes.iter().map(|probe| {
            let answer = match probe {
                Probe::Run { .. } => self.command(),
                Probe::File { .. } => self.file(),
                Probe::Scan(scan) => self.walk(scan),
                Probe::Talk(talk) => self.talk(talk),
                Probe::Processes(table) => self.processes(table),
            };
            (probe.clone(), answer)
        }))
    }

    /// The reply to a step.
    pub fn reply(self, does: &Does) -> Answer {
        match (does, self) {
            (Does::Run { .. } | Does::Write(_) | Does::Signal(_) | Does::Lock(_), _) => self.command(),
            (Does::Talk(talk), _) => self.talk(talk),
            (Does::Look(table), _) => self.processes(table),
            (_, World::Empty | World::Done | World::Lookalike | World::Numbers | World::Swapped) => Answer::Done,
            (_, World::Silent | World::NoHost) => Answer::Missing(Missing::HostSilent),
            _ => Answer::Failed("no answer".into()),
        }
    }

    fn command(self) -> Answer {
        match self {
            World::Empty => testing::output(""),
            World::NoHost | World::Silent => Answer::Missing(Missing::HostSilent),
            World::Absent => ended(Exit::NotFound),
            World::Denied => testing::failed(1, "xl: cannot open /proc/xen/privcmd: Permission denied\n\x1b[2J"),
            World::Refused => ended(Exit::Refused("sudo: a password is required\n".into())),
            World::Cut => Answer::Output(Output { stdout: self.text(), cut: true, ..Output::ended(Exit::Code(0)) }),
            World::TimedOut => ended(Exit::TimedOut),
            World::Killed => ended(Exit::Signal(9)),
            World::NotRun => ended(Exit::NotRun("an earlier step failed".into())),
            World::Swapped => Answer::File(FileAnswer::Content { content: "a file".into(), cut: false }),
            World::Failed => Answer::Failed("no answer".into()),
            World::Done => Answer::Done,
            World::Garbage | World::Lookalike | World::Numbers => testing::output(self.text()),
        }
    }

    fn file(self) -> Answer {
        match self {
            World::Absent => Answer::File(FileAnswer::Absent),
            World::Denied | World::Refused => Answer::File(FileAnswer::Denied),
            World::Swapped => testing::output("an output"),
            World::Failed => Answer::Failed("no answer".into()),
            World::Done => Answer::Done,
            World::NoHost | World::Silent | World::TimedOut | World::Killed | World::NotRun => {
                Answer::Missing(Missing::HostSilent)
            }
            World::Empty | World::Garbage | World::Lookalike | World::Numbers | World::Cut => {
                Answer::File(FileAnswer::Content { content: self.text(), cut: self == World::Cut })
            }
        }
    }

    /// A process of the first name, with arguments as the world has text.
    fn processes(self, table: &ProcessTable) -> Answer {
        let name = table.names.first().map_or("x", String::as_str).replace(['*', '?'], "x");
        match self.command() {
            Answer::Output(output) if output.ok() && output.stdout.is_empty() => Answer::Processes(Vec::new()),
            Answer::Output(output) if output.ok() => {
                let text = output.stdout.as_slice().split(|&byte| byte == b' ').map(|arg| Bytes(arg.to_vec()));
                let args = std::iter::once(Bytes::from(name.as_str())).chain(text).collect();
                let exact = self != World::Numbers;
                Answer::Processes(vec![Process { pid: 4711, parent: 1, args, exact, ..Process::default() }])
            }
            Answer::Output(_) => Answer::Failed("ps: permission denied".into()),
            other => other,
        }
    }

    /// A dialogue ends as the world is.
    fn talk(self, talk: &Talk) -> Answer {
        let socket = talk.sockets.first().cloned().unwrap_or_default();
        let heard = |text: Bytes, end| Answer::Talked(vec![Heard { socket: socket.clone(), text, end }]);
        match self {
            World::Absent => heard(Bytes::default(), Ending::Absent),
            World::Denied => heard(Bytes::default(), Ending::Refused("Permission denied".into())),
            World::Refused => Answer::Failed("root is refused: sudo: a password is required".into()),
            World::Garbage | World::Lookalike | World::Numbers => heard(self.text(), Ending::Answered),
            World::Cut => heard(self.text(), Ending::TooMuch),
            World::TimedOut => heard(Bytes::default(), Ending::TimedOut),
            World::Killed => heard(Bytes::default(), Ending::Closed),
            World::Empty => Answer::Talked(Vec::new()),
            World::Swapped => testing::output("an output"),
            World::Failed => Answer::Failed("no answer".into()),
            World::Done => Answer::Done,
            World::NoHost | World::Silent | World::NotRun => Answer::Missing(Missing::HostSilent),
        }
    }

    /// A walk meets what a file would be: the folder is missing, or one file in it is as it is.
    fn walk(self, scan: &Scan) -> Answer {
        let base = scan.bases.first().cloned().unwrap_or_default();
        let name = scan.names.first().map_or("x", String::as_str).replace(['*', '?'], "x");
        match self.file() {
            Answer::File(FileAnswer::Absent) => {
                let absent = FoundFile { path: base, file: FileAnswer::Absent };
                Answer::Scanned(Scanned { files: vec![absent], cut: false })
            }
            Answer::File(file) => {
                let path = Bytes([base.as_slice(), b"/x/", name.as_bytes()].concat());
                Answer::Scanned(Scanned { files: vec![FoundFile { path, file }], cut: self == World::Cut })
            }
            other => other,
        }
    }

    fn text(self) -> Bytes {
        match self {
            World::Garbage => {
                // Every byte three times, in an order that is the same each time.
                let bytes: Vec<u8> =
                    (0..768_u32).map(|n| (n.wrapping_mul(167).wrapping_add(n >> 8) & 0xff) as u8).collect();
                Bytes(bytes)
            }
            World::Lookalike => Bytes::from(LOOKALIKE),
            World::Numbers => Bytes::from(NUMBERS),
            World::Cut => {
                // In bytes: the cut may go through a character.
                let mut text = LOOKALIKE.repeat(3).into_bytes();
                text.truncate(text.len() - 2);
                Bytes::from(text)
            }
            _ => Bytes::default(),
        }
    }
}

fn ended(exit: Exit) -> Answer {
    Answer::Output(Output::ended(exit))
}

/// Fragments of what tools print, each a little wrong.
const LOOKALIKE: &str = "\
{}
[]
{\"domid\":7,\"config\":{\"c_info\":{\"name\":\"tst100\"
<?xml version=\"1.0\"?><domain>
Name                                        ID   Mem VCPUs	State	Time(s)
Domain-0
tst100 -1 r----- x
=
key=
=value
key = \"unclosed
\"\"''\\
#@#MAGICID-XEN
2: eth0: <BROADCAST> mtu
    inet 10.0.0.1/
    link/ether 00:16:3e:
root 1 0 0 ? 00:00:00
a,b;c:d|e\tf\r
:::
\u{202e}\u{200b}é\u{fe0f}
";

const NUMBERS: &str = "\
0
-1
99999999999999999999999999
18446744073709551615
-9223372036854775808
65536
1e309
NaN
0x
0.0.0.0
999.999.999.999/99
ff:ff:ff:ff:ff:ff:ff
12345 -1 99999999999999999999 0 0 0 0 0 0 0 0 0 0
";
