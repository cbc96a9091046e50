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
        Answer::File(FileAnswer::Denied) => Some(unknown(name, &format!("{file} may not be read"))),
        Answer::Failed(why) => Some(unknown(name, &format!("{file} was not read: {why}"))),
        _ => Some(unknown(name, &format!("{file} was not read"))),
    })
}

fn unknown(name: &str, why: &str) -> Problem {
    let name = escape_for_eyes(name);
    let message = format!("nothing was done: whether {name} is protected is not known, since {}", escape_for_eyes(why));
    Problem::new(Phase::Refused, message)
        .hint("an account that may read the file knows")
        .hint("UNPROTECT in the same call sets a mark aside")
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
