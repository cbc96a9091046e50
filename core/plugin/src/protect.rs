//! The mark of a machine that is not to be ended: `#@#PROTECT = "reason"` in its configuration, where every operator's call
//! finds it. It needs nothing of ours on the host. CANCEL refuses such a machine by name, unless UNPROTECT stands in the same call.
//!
//! A desktop and a tunnel have no configuration, and so no mark.

use crate::machines::shown;
use crate::magic::Magic;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Answer, Bytes, Cancel, Facts, FileAnswer, Phase, Probe, Problem, Side};

/// The descriptions of a host that is a machine of its own, and of one that is somebody's guest.
const HOST_FILES: [&str; 2] = ["/etc/ctys.d/pm.conf", "/etc/ctys.d/vm.conf"];

/// Whether a CANCEL has to look for the mark: the end of a viewer is no end of the machine.
pub fn counts(cancel: &Cancel) -> bool {
    !cancel.unprotect && cancel.side != Some(Side::Client)
}

/// The refusal of a machine whose configuration has the mark.
pub fn of_magics<'a>(name: &str, path: &Bytes, magics: impl IntoIterator<Item = &'a Magic>) -> Option<Problem> {
    let reason = magics.into_iter().find_map(Magic::protection)?;
    Some(refusal(name, reason, &shown(path)))
}

/// Where files are that may have the mark: in the folders of every call, where it holds for everybody, and in those of this one.
/// `configurations` are the searches of the plugin below some folders, or below the usual ones.
pub fn walks(base: &[String], configurations: impl Fn(&[String]) -> Vec<Probe>) -> Vec<Probe> {
    let mut walks = configurations(&[]);
    let own = configurations(base);
    walks.extend(own.into_iter().filter(|walk| !configurations(&[]).contains(walk)));
    walks
}

/// The refusal of a machine by the files that describe it, and by the search for them: where none of its files was found and the
/// search was not complete, the one with the mark may be among what was not read, and nothing is ended on a guess. A file that the
/// account may not read binds it not: the mark is for whoever can see it. `problems` are those of the search, see
/// [`crate::machines::Files`].
pub fn of_machine<'a>(
    name: &str,
    own: impl IntoIterator<Item = (&'a Bytes, &'a [Magic])>,
    problems: &[Problem],
) -> Option<Problem> {
    let mut described = false;
    for (path, magics) in own {
        if let Some(problem) = of_magics(name, path, magics) {
            return Some(problem);
        }
        described = true;
    }
    // A folder that may not be searched is as a file that may not be read.
    let incomplete = problems.iter().find(|problem| problem.phase != Phase::Notice).filter(|_| !described)?;
    Some(unknown(name, &incomplete.message))
}

/// The refusal of a machine that is protected for this reason, which stands in this file.
pub fn refusal(name: &str, reason: &str, file: &str) -> Problem {
    let reason = if reason.is_empty() { String::new() } else { format!(": {}", escape_for_eyes(reason)) };
    let message = format!("nothing was done: {} is protected{reason}", escape_for_eyes(name));
    Problem::new(Phase::Refused, message)
        .hint(format!("the mark stands in {}", escape_for_eyes(file)))
        .hint("UNPROTECT in the same call sets it aside")
}

/// What has to be known before the host itself goes down.
pub fn host_probes() -> Vec<Probe> {
    HOST_FILES.map(Probe::file).to_vec()
}

/// The refusal of the host itself. A file that could not be read may have the mark: nothing is done on a guess.
pub fn of_host(name: &str, facts: &Facts) -> Option<Problem> {
    HOST_FILES.iter().find_map(|file| match facts.answer(&Probe::file(*file)) {
        Answer::File(FileAnswer::Content { content, .. }) => {
            of_magics(name, &Bytes::from(*file), [&Magic::parse(content)])
        }
        Answer::File(FileAnswer::Absent) => None,
        Answer::File(FileAnswer::Denied) => {
            Some(unknown(name, &format!("{file} may not be read")).hint("an account that may read the file knows"))
        }
        Answer::Failed(why) => Some(unknown(name, &format!("{file} was not read: {why}"))),
        _ => Some(unknown(name, &format!("{file} was not read"))),
    })
}

fn unknown(name: &str, why: &str) -> Problem {
    let name = escape_for_eyes(name);
    let message = format!("nothing was done: whether {name} is protected is not known: {}", escape_for_eyes(why));
    Problem::new(Phase::Refused, message).hint("UNPROTECT in the same call sets a mark aside")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_with_and_without_its_reason() {
        let refused = |text: &str| of_magics("tst100", &Bytes::from("/x.cfg"), [&Magic::parse(&Bytes::from(text))]);
        let problem = refused("name='a'\n#@#PROTECT = \"the boss\u{1b}[2J's\"\n").unwrap();
        assert_eq!(problem.phase, Phase::Refused);
        assert_eq!(problem.message, "nothing was done: tst100 is protected: the boss\\x1b[2J's");
        assert_eq!(refused("#@#PROTECT").unwrap().message, "nothing was done: tst100 is protected");
        assert_eq!(refused("#_@#PROTECT=\"x\"\n#@#LABEL=\"PROTECT\""), None);
    }

    #[test]
    fn a_machine_without_a_file_is_not_ended_when_the_search_for_it_was_not_complete() {
        let path = Bytes::from("/vm/tst100.cfg");
        let (marked, plain) = ([Magic::parse(&"#@#PROTECT".into())], [Magic::parse(&"name='x'".into())]);
        let cut = [Problem::new(Phase::Run, "the search was cut short")];
        let remark = [Problem::new(Phase::Notice, "a folder may not be searched")];
        let ask = |name: &str, own: &[Magic], problems: &[Problem]| {
            let files = (!own.is_empty()).then_some((&path, own));
            of_machine(name, files, problems).map(|problem| problem.message)
        };
        assert_eq!(ask("tst100", &marked, &[]).unwrap(), "nothing was done: tst100 is protected");
        assert_eq!(ask("tst100", &plain, &cut), None, "its own file was read");
        assert_eq!(ask("tst100", &[], &remark), None);
        assert!(ask("tst100", &[], &cut).unwrap().ends_with("is not known: the search was cut short"));
    }

    #[test]
    fn a_host_whose_files_were_not_read_is_not_ended_on_a_guess() {
        let facts = |first: Answer| {
            let answers = [first, Answer::File(FileAnswer::Absent)];
            let mut facts = Facts::default();
            facts.answers.extend(host_probes().into_iter().zip(answers));
            facts
        };
        let content = |text: &str| Answer::File(FileAnswer::Content { content: text.into(), cut: false });
        assert_eq!(of_host("lab00", &facts(Answer::File(FileAnswer::Absent))), None);
        assert_eq!(of_host("lab00", &facts(content("#@#LABEL = x\n"))), None);
        for (answer, why) in [
            (content("#@#PROTECT\n"), "lab00 is protected"),
            (Answer::File(FileAnswer::Denied), "/etc/ctys.d/pm.conf may not be read"),
            (Answer::Failed("it took too long".into()), "it took too long"),
        ] {
            let problem = of_host("lab00", &facts(answer)).unwrap();
            assert!(problem.phase == Phase::Refused && problem.message.contains(why), "{problem:?}");
        }
    }

    #[test]
    fn the_end_of_a_viewer_and_a_word_of_the_user_do_not_ask() {
        assert!(counts(&Cancel::default()));
        assert!(!counts(&Cancel { unprotect: true, ..Cancel::default() }));
        assert!(!counts(&Cancel { side: Some(Side::Client), ..Cancel::default() }));
    }
}
