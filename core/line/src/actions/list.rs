//! LIST (ctys.md 2.3, ctys-original.md 2.1).

use super::look::{FORMATS, FieldWord, Look, WORDS, default_words};
use super::{Key, Takes, key_of, suboptions};
use crate::mistakes::{Desk, Fault};
use crate::superposition::Effective;
use crate::text::Text;
use ctys_model::Verb;
use ctys_model::action::{List, Side};
use ctys_model::field::Known;
use ctys_table::{Numbering, Presentation};

const fn key(names: &'static [&'static str], takes: Takes, argument: &'static str, help: &'static str) -> Key {
    Key { names, takes, argument, help }
}

/// The words of LIST beside fields, formats and the common ones.
pub(crate) const KEYS: &[Key] = &[
    key(&["TUNNEL"], Takes::Nothing, "", "only forwarded ports"),
    key(&["CLIENT", "C"], Takes::Nothing, "", "only viewers and terminals"),
    key(&["SERVER", "S"], Takes::Nothing, "", "only what serves"),
    key(&["BOTH", "B"], Takes::Nothing, "", "all of them; the default"),
    key(&["USER"], Takes::Argument, "USER", "only sessions of this account"),
];

/// The fields of LIST and their words.
pub(crate) const FIELDS: &[FieldWord] = &[
    (&["PM", "HOST"], Known::Pm),
    (&["TYPE", "STYPE", "ST"], Known::SessionType),
    (&["LABEL"], Known::Label),
    (&["ID", "PATHNAME", "PNAME", "P"], Known::Id),
    (&["UUID"], Known::Uuid),
    (&["MAC"], Known::Mac),
    (&["TCP"], Known::Tcp),
    (&["DISPLAY"], Known::Display),
    (&["CPORT"], Known::Cport),
    (&["SPORT"], Known::Sport),
    (&["PID"], Known::Pid),
    (&["USER", "UID"], Known::User),
    (&["GROUP", "GID"], Known::Group),
    (&["SITE"], Known::Side),
    (&["JOBID", "JID"], Known::JobId),
    (&["IFNAME", "IF"], Known::Interface),
    (&["CONTEXTSTRG", "CSTRG"], Known::Context),
    (&["EXECPATH", "EXEPATH", "EXEP"], Known::ExecPath),
    (&["HYPERRELRUN", "HRELRUN", "HRELX", "HRX"], Known::HyperRun),
    (&["ACCELERATOR", "ACCEL"], Known::Accelerator),
    (&["ARCH"], Known::Arch),
];

/// The fields of ALL (ctys-original.md 2.1): neither addresses nor ports.
pub(crate) const USUAL: &[Known] = &[
    Known::Label,
    Known::Pid,
    Known::User,
    Known::Group,
    Known::SessionType,
    Known::Pm,
    Known::Side,
    Known::Id,
    Known::JobId,
    Known::Arch,
    Known::HyperRun,
    Known::Accelerator,
    Known::Context,
    Known::ExecPath,
    Known::Interface,
];

/// Reads the suboptions of LIST.
pub(crate) fn list(desk: &mut Desk<'_>, rest: &Text, effective: &Effective) -> Option<(List, Presentation)> {
    let before = desk.faults();
    let mut list = List::default();
    let mut look = Look::new(Numbering::List, USUAL);
    words(desk, rest, &mut list, &mut look);
    if look.is_open() {
        // Nothing says what is shown: the defaults do, and the words of the call over them.
        let defaults = default_words(desk, "DEFAULT_C_MODE_ARGS_LIST", desk.world.default_list);
        let mut under = Look::new(Numbering::List, USUAL);
        let mut list_under = List::default();
        words(desk, &defaults, &mut list_under, &mut under);
        list_under.side = None;
        words(desk, rest, &mut list_under, &mut under);
        (list, look) = (List { side: list.side, ..list_under }, under);
    }
    look.output(desk, effective);
    let (presentation, fields, per_interface) = look.finish(desk, effective);
    (list.fields, list.per_interface) = (fields, per_interface);
    (desk.faults() == before).then_some((list, presentation))
}

fn words(desk: &mut Desk<'_>, text: &Text, list: &mut List, look: &mut Look) {
    let mut side: Option<&'static str> = None;
    for sub in suboptions(text) {
        // USER alone is a field, USER:<account> chooses rows.
        let field = FIELDS.iter().find(|(names, _)| names.iter().any(|name| sub.key.is_word(name)));
        if let (Some((_, field)), None) = (field, &sub.argument) {
            look.field(*field);
            continue;
        }
        let names: Vec<String> = FIELDS.iter().flat_map(|(names, _)| names.iter().map(|n| n.to_string())).collect();
        let Some(key) = key_of(desk, Verb::List, &sub, &[KEYS, FORMATS, WORDS], &names) else { continue };
        match key {
            "TUNNEL" | "CLIENT" | "SERVER" | "BOTH" => {
                if let Some(first) = side.filter(|first| *first != key) {
                    let fault = Fault::at(sub.key.spot(), format!("{key} does not go with {first}"));
                    desk.fault(fault.expected("one of TUNNEL, CLIENT, SERVER, BOTH"));
                }
                side = Some(key);
                list.side = Side::from_word(key).filter(|side| *side != Side::Both);
            }
            "USER" => list.user = sub.argument.as_ref().map(Text::to_string),
            word => look.word(desk, word, &sub),
        }
    }
}
