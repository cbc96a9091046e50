//! `xl list`, and `xl list -v` with uuid, reason of the shutdown and security label.
//!
//! ```text
//! Name                                        ID   Mem VCPUs   State   Time(s)
//! Domain-0                                     0   448     1     r-----     152.1
//! two words                                   12   128     1     -b----       5.2
//!
//! Name                                        ID   Mem VCPUs   State   Time(s)   UUID                            Reason-Code   Security Label
//! crashed                                     21   128     1     ---sc-       9.1 6842caf9-1e3e-4324-9ed5-96b8b9f2c557        3                -
//! ```
//!
//! In the title line tabs stand before `State`, `Time(s)` and `Security Label`. A name may hold blanks and line ends and be
//! longer than its field, so lines are split from the right. A domain that is being built or torn down may have no name:
//! xl prints `(null)`. `tests/lists.rs` holds all of this against every recorded list.

use ctys_plugin::magic::plain_uuid;

/// One domain as the hypervisor has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domain {
    /// The number; a new one at every start and reboot.
    pub id: u32,
    /// The name.
    pub name: String,
    /// Memory in MiB.
    pub memory: u64,
    /// Virtual processors online.
    pub vcpus: u32,
    /// What it does.
    pub state: State,
    /// 32 lower-case digits, from `-v` only.
    pub uuid: Option<String>,
}

/// The six letters: `r`unning on a processor, `b`locked, `p`aused, `s`hut down, the reason, `d`ying.
///
/// ```text
/// ------  runnable, waiting for a processor
/// ---s--  powered off and kept        ---sr-  shut down for a reboot
/// ---sc-  crashed                     --ps--  shut down, being torn down
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Stopped by `xl pause`, or being built or torn down.
    pub paused: bool,
    /// Its kernel has ended, for this reason.
    pub shutdown: Option<Reason>,
    /// The hypervisor frees what it had.
    pub dying: bool,
}

/// Why a domain shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `-`
    PowerOff,
    /// `r`
    Reboot,
    /// `s`
    Suspend,
    /// `c`
    Crash,
    /// `w`
    Watchdog,
    /// A letter of a later release.
    Other,
}

impl State {
    /// The state in one word.
    pub fn word(self) -> &'static str {
        match self {
            State { dying: true, .. } => "dying",
            State { shutdown: Some(reason), .. } => match reason {
                Reason::PowerOff => "powered off",
                Reason::Reboot => "rebooting",
                Reason::Suspend => "suspended",
                Reason::Crash => "crashed",
                Reason::Watchdog => "stopped by its watchdog",
                Reason::Other => "shut down",
            },
            State { paused: true, .. } => "paused",
            _ => "running",
        }
    }

    /// True while its kernel runs or could.
    pub fn is_alive(self) -> bool {
        self.shutdown.is_none() && !self.dying
    }

    fn parse(text: &str) -> Option<State> {
        let letters: [u8; 6] = text.as_bytes().try_into().ok()?;
        let flag = |at: usize, letter: u8| match letters[at] {
            b'-' => Some(false),
            found if found == letter => Some(true),
            _ => None,
        };
        flag(0, b'r')?;
        flag(1, b'b')?;
        let reason = match letters[4] {
            b'-' => Reason::PowerOff,
            b'r' => Reason::Reboot,
            b's' => Reason::Suspend,
            b'c' => Reason::Crash,
            b'w' => Reason::Watchdog,
            _ => Reason::Other,
        };
        Some(State { paused: flag(2, b'p')?, shutdown: flag(3, b's')?.then_some(reason), dying: flag(5, b'd')? })
    }
}

/// The domains in the order of xl; nothing when the text is no such list, which always has its title line.
pub fn parse(text: &str) -> Option<Vec<Domain>> {
    let mut lines = text.lines();
    lines.by_ref().find(|line| line.starts_with("Name ") && line.contains("VCPUs"))?;
    let mut domains = Vec::new();
    // A name may hold line ends (`xl rename`): what does not end like a row is the beginning of the next one.
    let mut begun = String::new();
    for line in lines {
        match domain(line) {
            Some(domain) => domains.push(Domain { name: std::mem::take(&mut begun) + &domain.name, ..domain }),
            None if line.split_whitespace().any(is_state) => begun.clear(),
            None => begun = format!("{begun}{line}\n"),
        }
    }
    Some(domains)
}

/// Whether a word is six letters of a state: then the line is a row, if one of a later release.
fn is_state(word: &str) -> bool {
    word.len() == 6 && word.contains('-') && word.bytes().all(|b| b"rbpscdw-?".contains(&b))
}

fn domain(line: &str) -> Option<Domain> {
    // A name is not trimmed of more than the padding: `split_whitespace` from the right leaves it whole.
    let short = |line| {
        let (rest, time) = last(line)?;
        time.parse::<f64>().ok()?;
        let (rest, state) = last(rest)?;
        let (rest, vcpus) = last(rest)?;
        let (rest, memory) = last(rest)?;
        let (name, id) = last(rest)?;
        Some(Domain {
            id: id.parse().ok()?,
            name: name.trim_end().to_string(),
            memory: memory.parse().ok()?,
            vcpus: vcpus.parse().ok()?,
            state: State::parse(state)?,
            uuid: None,
        })
    };
    let long = |line| {
        let (rest, _label) = last(line)?;
        let (rest, _reason) = last(rest)?;
        let (rest, uuid) = last(rest)?;
        let uuid = plain_uuid(uuid)?;
        Some(Domain { uuid: Some(uuid), ..short(rest)? })
    };
    long(line).or_else(|| short(line)).filter(|domain| !domain.name.is_empty())
}

/// The last word and what is before it.
fn last(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_end();
    let at = line.rfind(char::is_whitespace)?;
    let start = at + line[at..].chars().next()?.len_utf8();
    Some((&line[..at], &line[start..]))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn show(text: &str) -> String {
        let line = |d: &Domain| {
            let uuid = d.uuid.as_deref().map_or(String::new(), |uuid| format!(" {uuid}"));
            format!("{} {:?} {} {} {}{uuid}", d.id, d.name, d.memory, d.vcpus, d.state.word())
        };
        parse(text).map_or("no list".into(), |all| all.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    const HEAD: &str = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n";

    #[test]
    fn one_line() {
        let check = |line: &str, want: &str| assert_eq!(show(&format!("{HEAD}{line}\n")), want, "{line:?}");
        check("two words    3   128     1     -b----       4.1", "3 \"two words\" 128 1 running");
        check(
            "a-name-longer-than-the-forty-columns-that-xl-has 3 1 1 ------ 0.0",
            &format!("3 {:?} 1 1 running", "a-name-longer-than-the-forty-columns-that-xl-has"),
        );
        check("5 5 5 r----- 5.0 7 128 2 --p--- 0.1", "7 \"5 5 5 r----- 5.0\" 128 2 paused");
        check("(null)  9 0 1 --p--d 0.0", "9 \"(null)\" 0 1 dying");
        check("x 1 1 1 ---s-- 0.0", "1 \"x\" 1 1 powered off");
        check("x 1 1 1 ---sr- 0.0", "1 \"x\" 1 1 rebooting");
        check("x 1 1 1 --psr- 0.0", "1 \"x\" 1 1 rebooting");
        check("x 1 1 1 ---ss- 0.0", "1 \"x\" 1 1 suspended");
        check("x 1 1 1 --psc- 0.0", "1 \"x\" 1 1 crashed");
        check("x 1 1 1 ---sw- 0.0", "1 \"x\" 1 1 stopped by its watchdog");
        check("x 1 1 1 ---s?- 0.0", "1 \"x\" 1 1 shut down");
        check("x 1 1 0 --ps-d 0.0", "1 \"x\" 1 0 dying");
        check("x 1 1 1 ----- 0.0", "");
        check("x 1 1 1 x----- 0.0", "");
        check("x -1 1 1 ------ 0.0", "");
        check("1 1 1 ------ 0.0", "");
        check("x 1 1 1 ------", "");
        check("", "");
        check("name\twith\nlines  5 128 1 ------ 0.1", "5 \"name\\twith\\nlines\" 128 1 running");
        check("x 1 1 1 -----w 0.0 later\ny 2 1 1 ------ 0.0", "2 \"y\" 1 1 running");
        check("grün 1 1 1 ------ 0.0", "1 \"grün\" 1 1 running");
        check("x\u{3000}1 1 1 ------ 0.0", "1 \"x\" 1 1 running");
        check(
            "my vm 4 64 1 ---sc- 9.5 6A3C2F10-0000-4000-8000-000000000100 3 system_u:system_r:domU_t",
            "4 \"my vm\" 64 1 crashed 6a3c2f10000040008000000000000100",
        );
    }

    #[test]
    fn what_is_no_list() {
        for text in ["", "xl list", "cannot init xl context\n", "Domain-0 0 448 1 r----- 1.0\n"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(HEAD), Some(Vec::new()));
        assert_eq!(parse(&format!("Warning: something\n{HEAD}")), Some(Vec::new()));
    }
}
