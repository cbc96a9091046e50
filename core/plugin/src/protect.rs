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

/// The refusal of the host itself.
pub fn of_host(name: &str, facts: &Facts) -> Option<Problem> {
    HOST_FILES.iter().find_map(|file| match facts.answer(&Probe::file(*file)) {
        Answer::File(FileAnswer::Content { content, .. }) => {
            of_magics(name, &Bytes::from(*file), [&Magic::parse(content)])
        }
        _ => None,
    })
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
    fn the_end_of_a_viewer_and_a_word_of_the_user_do_not_ask() {
        assert!(counts(&Cancel::default()));
        assert!(!counts(&Cancel { unprotect: true, ..Cancel::default() }));
        assert!(!counts(&Cancel { side: Some(Side::Client), ..Cancel::default() }));
    }
}
