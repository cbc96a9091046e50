//! What a tool said, in words: its output as text, why there is none, how it failed.

use ctys_model::bytes::escape;
use ctys_model::{Answer, Bytes, Exit, Facts, FileAnswer, Missing, Output, Probe};

/// The text a probe gave, or why there is none. `what` is the tool or file in the words of a message.
pub fn text(facts: &Facts, probe: &Probe, what: &str) -> Result<String, Missing> {
    match facts.answer(probe) {
        Answer::Output(output) if output.ok() => Ok(plain(&output.stdout)),
        Answer::Output(output) => Err(match &output.exit {
            Exit::NotFound => Missing::ToolAbsent(what.to_string()),
            Exit::Refused(why) => Missing::NoPermission(why.clone()),
            _ => Missing::Unknown(complaint(what, output)),
        }),
        Answer::File(FileAnswer::Content { content, .. }) => Ok(plain(content)),
        Answer::File(FileAnswer::Absent) => Err(Missing::None),
        Answer::File(FileAnswer::Denied) => Err(Missing::NoPermission(what.to_string())),
        Answer::Missing(why) => Err(why.clone()),
        Answer::Failed(why) => Err(Missing::Unknown(why.clone())),
        Answer::Scanned(_) | Answer::Processes(_) | Answer::Talked(_) | Answer::Done => Err(Missing::None),
    }
}

/// How a command failed, in one sentence: `xl list ended with status 1: permission denied`.
pub fn complaint(what: &str, output: &Output) -> String {
    let how = match &output.exit {
        Exit::Code(status) => format!("{what} ended with status {status}"),
        Exit::Signal(signal) => format!("{what} was ended by signal {signal}"),
        Exit::TimedOut => format!("{what} did not end in its time"),
        Exit::NotFound => format!("{what} was not found"),
        Exit::Refused(why) => return format!("{what} needs root, which was refused: {}", why.trim()),
        Exit::Lost { begun: true, why, .. } => {
            return format!("{what} was begun, and how it ended is not known: {why}");
        }
        Exit::Lost { why, .. } | Exit::NotRun(why) => return format!("{what} was not run: {why}"),
    };
    match telling(output) {
        Some(line) => format!("{how}: {line}"),
        None => how,
    }
}

/// The line that tells most of what a tool complained: the first that names an error, since those that follow are its
/// consequences, else the last.
///
/// ```text
/// Parsing config from /etc/xen/tst100.cfg
/// libxl: error: libxl_create.c:1279:initiate_domain_create: Domain 3:Domain name "tst100" already exists
/// cannot make domain: -6
/// ```
fn telling(output: &Output) -> Option<String> {
    let text = plain(&output.stderr);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let tells = |line: &&str| line.contains("error:") || line.starts_with("ERROR");
    lines().find(tells).or_else(|| lines().next_back()).map(str::to_string)
}

/// All that a tool complained, line by line.
pub fn complaints(output: &Output) -> Vec<String> {
    let text = plain(&output.stderr);
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_string).collect()
}

/// Bytes as text; where they are not UTF-8, what is none is shown as `\xNN` line by line.
pub fn plain(bytes: &Bytes) -> String {
    match std::str::from_utf8(bytes.as_slice()) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.as_slice().split(|&b| b == b'\n').map(escape).collect::<Vec<_>>().join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{facts_with, failed};
    use ctys_model::{Command, Phase};

    #[test]
    fn how_a_command_failed_in_one_sentence() {
        let check = |exit: Exit, stderr: &str, want: &str| {
            let output = Output { stderr: stderr.into(), ..Output::ended(exit) };
            assert_eq!(complaint("xl list", &output), want);
        };
        check(Exit::Code(1), "", "xl list ended with status 1");
        check(Exit::Code(1), "first\n\n last \n\n", "xl list ended with status 1: last");
        check(Exit::Code(3), "Parsing\nx: error: no\nso: -6\n", "xl list ended with status 3: x: error: no");
        check(Exit::Code(1), "ERROR:  none\nmore\n", "xl list ended with status 1: ERROR:  none");
        check(Exit::Signal(9), "", "xl list was ended by signal 9");
        check(Exit::TimedOut, "half\n", "xl list did not end in its time: half");
        check(Exit::NotFound, "", "xl list was not found");
        check(Exit::Refused(" no \n".into()), "x", "xl list needs root, which was refused: no");
        check(Exit::NotRun("a plan only".into()), "x", "xl list was not run: a plan only");
        let lost = |begun| Exit::Lost { begun, phase: Phase::Connect, why: "gone".into() };
        check(lost(true), "", "xl list was begun, and how it ended is not known: gone");
        check(lost(false), "", "xl list was not run: gone");
    }

    #[test]
    fn the_text_or_why_there_is_none() {
        let probe = Probe::run(Command::new("top"));
        let check = |answer: Answer, want: Result<&str, Missing>| {
            let facts = facts_with([(probe.clone(), answer)]);
            assert_eq!(text(&facts, &probe, "top"), want.map(str::to_string));
        };
        let ended = |exit| Answer::Output(Output::ended(exit));
        check(crate::testing::output("a\n"), Ok("a\n"));
        check(crate::testing::output(b"\xff\nb".to_vec()), Ok("\\xff\nb"));
        check(failed(1, "no\n"), Err(Missing::Unknown("top ended with status 1: no".into())));
        check(ended(Exit::NotFound), Err(Missing::ToolAbsent("top".into())));
        check(ended(Exit::Refused("no".into())), Err(Missing::NoPermission("no".into())));
        check(Answer::File(FileAnswer::Absent), Err(Missing::None));
        check(Answer::File(FileAnswer::Denied), Err(Missing::NoPermission("top".into())));
        check(Answer::Missing(Missing::HostSilent), Err(Missing::HostSilent));
        check(Answer::Failed("no".into()), Err(Missing::Unknown("no".into())));
        check(Answer::Done, Err(Missing::None));
        assert_eq!(text(&Facts::default(), &probe, "top"), Err(Missing::NotAsked));
    }

    #[test]
    fn all_that_was_complained() {
        let output = Output { stderr: "one \n\n  two\n".into(), ..Output::ended(Exit::Code(1)) };
        assert_eq!(complaints(&output), ["one", "  two"]);
    }
}
