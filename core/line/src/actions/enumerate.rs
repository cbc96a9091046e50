//! ENUMERATE (ctys.md 2.4, ctys-original.md 2.2).

use super::address::folders;
use super::look::{FORMATS, FieldWord, Look, WORDS, default_words, refuse, refused};
use super::{Key, Takes, key_of, suboptions};
use crate::mistakes::{Desk, Fault};
use crate::suboptions::parts;
use crate::superposition::Effective;
use crate::text::Text;
use crate::words::one_of;
use ctys_model::Verb;
use ctys_model::action::Enumerate;
use ctys_model::field::Known;
use ctys_table::{Numbering, Presentation};

const fn key(names: &'static [&'static str], takes: Takes, argument: &'static str, help: &'static str) -> Key {
    Key { names, takes, argument, help }
}

/// The words of ENUMERATE beside fields, formats and the common ones.
pub(crate) const KEYS: &[Key] = &[
    key(
        &["BASEPATH", "BASE", "B"],
        Takes::Argument,
        "DIR[%DIR...]",
        "where to look, in place of ~, /etc/ctys.d and those of a plugin, such as /etc/xen",
    ),
    key(
        &["MATCHVSTAT"],
        Takes::Argument,
        "STATE[%STATE...]",
        "ACTIVE, DISABLED, EMPTY, BACKUP, TEMPLATE, TESTDUMMY, IGNORE, PRESENT, ALL ...",
    ),
];

/// The fields of ENUMERATE and their words.
pub(crate) const FIELDS: &[FieldWord] = &[
    (&["PM", "HOST"], Known::Pm),
    (&["TYPE", "STYPE", "ST"], Known::SessionType),
    (&["LABEL", "L"], Known::Label),
    (&["ID", "IDS", "PATHNAME", "PNAME", "P"], Known::Id),
    (&["UUID", "U"], Known::Uuid),
    (&["MAC", "M"], Known::Mac),
    (&["TCP", "T"], Known::Tcp),
    (&["VNCDISPLAY", "DISPLAY", "DISP"], Known::Display),
    (&["VNCPORT", "CPORT"], Known::Cport),
    (&["SERVERACCESS", "SPORT", "S"], Known::Sport),
    (&["VNCBASE"], Known::VncBase),
    (&["DIST"], Known::Dist),
    (&["DISTREL"], Known::DistRel),
    (&["OS", "O"], Known::Os),
    (&["OSREL"], Known::OsRel),
    (&["VERSION", "VERNO", "VER"], Known::Version),
    (&["SERIALNUMBER", "SERNO"], Known::Serial),
    (&["CATEGORY", "CAT"], Known::Category),
    (&["VMSTATE", "VSTAT"], Known::VmState),
    (&["HYPERREL", "HYREL"], Known::HyperRel),
    (&["STACKCAP", "SCAP"], Known::StackCap),
    (&["STACKREQ", "SREQ"], Known::StackReq),
    (&["HWCAP"], Known::HwCap),
    (&["HWREQ"], Known::HwReq),
    (&["EXECLOCATION"], Known::ExecLocation),
    (&["RELOCCAP"], Known::RelocCap),
    (&["SSHPORT"], Known::SshPort),
    (&["NETNAME"], Known::NetName),
    (&["HYPERRELRUN", "HRELRUN", "HRELX", "HRX"], Known::HyperRun),
    (&["ACCELERATOR", "ACCEL"], Known::Accelerator),
    (&["EXEPATH", "EXECPATH", "EXEP"], Known::ExecPath),
    (&["IFNAME", "IF"], Known::Interface),
    (&["CTYSRELEASE"], Known::CtysRelease),
    (&["NETMASK"], Known::Netmask),
    (&["GATEWAY"], Known::Gateway),
    (&["RELAY"], Known::Relay),
    (&["ARCH"], Known::Arch),
    (&["PLATFORM", "PFORM"], Known::Platform),
    (&["VRAM"], Known::Vram),
    (&["VCPU"], Known::Vcpu),
    (&["CONTEXTSTRING", "CONTEXTSTRG", "CSTRG"], Known::Context),
    (&["USERSTRING", "USTRG"], Known::UserString),
    (&["USERID", "UID"], Known::User),
    (&["GROUPID", "GID"], Known::Group),
    (&["DEFAULTHOSTS", "DEFHOSTS", "DEFH"], Known::DefaultHosts),
    (&["DEFAULTCONSOLE", "DEFCON", "DEFC"], Known::DefaultConsole),
];

/// The fields of ALL: every one that has a word.
pub(crate) const USUAL: &[Known] = &{
    let mut all = [Known::Pm; FIELDS.len()];
    let mut n = 0;
    while n < FIELDS.len() {
        all[n] = FIELDS[n].1;
        n += 1;
    }
    all
};

/// The fields when none is named (ctys.md 2.4).
const DEFAULT: [Known; 3] = [Known::SessionType, Known::Label, Known::Id];

/// The states of MATCHVSTAT.
const STATES: [&str; 11] =
    ["ACTIVE", "DISABLED", "EMPTY", "BACKUP", "TEMPLATE", "TESTDUMMY", "IGNORE", "ENABLED", "PRESENT", "ALL", "CUSTOM"];

/// Reads the suboptions of ENUMERATE.
pub(crate) fn enumerate(desk: &mut Desk<'_>, rest: &Text, effective: &Effective) -> Option<(Enumerate, Presentation)> {
    let before = desk.faults();
    let mut enumerate = Enumerate::default();
    let mut look = Look::new(Numbering::Enumerate, USUAL);
    for sub in suboptions(rest) {
        let field = FIELDS.iter().find(|(names, _)| names.iter().any(|name| sub.key.is_word(name)));
        if let (Some((_, field)), None) = (field, &sub.argument) {
            look.field(*field);
            continue;
        }
        let names: Vec<String> = FIELDS.iter().flat_map(|(names, _)| names.iter().map(|n| n.to_string())).collect();
        let Some(key) = key_of(desk, Verb::Enumerate, &sub, &[KEYS, FORMATS, WORDS], &names) else { continue };
        let nothing = Text::empty(sub.whole.spot().behind());
        let argument = sub.argument.as_ref().unwrap_or(&nothing);
        match key {
            "BASEPATH" => enumerate.base = folders(desk, argument),
            "MATCHVSTAT" => enumerate.states = states(desk, argument),
            format if refused(Numbering::Enumerate, format) => refuse(desk, &sub),
            word => look.word(desk, word, &sub),
        }
    }
    if enumerate.base.is_empty() && !desk.world.default_base.is_empty() {
        let text = default_words(desk, "DEFAULT_ENUM_BASE", desk.world.default_base);
        enumerate.base = folders(desk, &text);
    }
    if look.is_open() && effective.output.is_none() {
        DEFAULT.into_iter().for_each(|field| look.field(field));
    }
    look.output(desk, effective);
    let (presentation, fields, _) = look.finish(desk, effective);
    enumerate.fields = fields;
    (desk.faults() == before).then_some((enumerate, presentation))
}

/// `MATCHVSTAT`: any word is a state behind CUSTOM.
fn states(desk: &mut Desk<'_>, argument: &Text) -> Vec<String> {
    let words = STATES.each_ref().map(|word| (std::slice::from_ref(word), *word));
    let mut states = Vec::new();
    let mut custom = None;
    for word in parts(argument) {
        if custom.is_some() {
            states.push(word.upper());
            custom = Some((word.spot(), true));
            continue;
        }
        match one_of(desk, &word, "a state", &words) {
            Some("CUSTOM") => custom = Some((word.spot(), false)),
            Some(state) => states.push(state.to_string()),
            None => {}
        }
    }
    if let Some((at, false)) = custom {
        desk.fault(Fault::at(at.behind(), "CUSTOM names no state").expected("CUSTOM%STATE"));
    }
    states
}
