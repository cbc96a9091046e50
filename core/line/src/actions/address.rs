//! The parts of a machine address among the suboptions (ctys.md 3).

use super::{Key, OneType, Takes};
use crate::mistakes::{Desk, Fault, shown};
use crate::suboptions::{Suboption, blanks, parts};
use crate::superposition::remark;
use crate::text::Text;
use crate::words::{mac, number, uuid};
use ctys_model::MachineAddress;
use ctys_model::manifest::Category;

const fn key(names: &'static [&'static str], argument: &'static str, help: &'static str) -> Key {
    Key { names, takes: Takes::Argument, argument, help }
}

/// The keys of an address.
pub(crate) const KEYS: &[Key] = &[
    key(&["ID", "I"], "/PATH", "absolute path of the configuration; display or process id of a desktop"),
    key(&["PATHNAME", "PNAME", "P"], "/PATH", "absolute path of the configuration"),
    key(&["FILENAME", "FNAME", "F"], "PART", "any part of the path of the configuration"),
    key(&["LABEL", "L"], "NAME", "the name given by the user"),
    key(&["UUID", "U"], "UUID", "with or without dashes, in any case"),
    key(&["MAC", "M"], "aa:bb:cc:dd:ee:ff", "the hardware address of one interface"),
    key(&["TCP", "T"], "ADDRESS", "address or name of one interface"),
    key(&["BASEPATH", "BASE", "B"], "DIR[%DIR...]", "where to look; never an address alone"),
    key(&["DBRECORD", "DBREC", "DR"], "NUMBER", "record number in the inventory; overrules all other parts"),
];

/// The canonical names of the parts that [`apply`] understands.
pub(crate) fn is_part(key: &str) -> bool {
    KEYS.iter().any(|known| known.names[0] == key)
}

/// Takes one part of an address.
pub(crate) fn apply(desk: &mut Desk<'_>, key: &str, sub: &Suboption, one: &OneType, address: &mut MachineAddress) {
    let Some(argument) = &sub.argument else { return };
    let text = blanks(argument);
    match key {
        "ID" | "PATHNAME" => {
            let path_only = one.category != Category::Hosts;
            if path_only && !text.starts_with('/') {
                let message = format!("{} is not an absolute path", shown(argument));
                let hint = format!("f:{} finds a machine by a part of its path", shown(argument));
                desk.fault(Fault::at(argument.spot(), message).expected("a path that starts with /").note(hint));
                return;
            }
            address.id = Some(text);
        }
        "FILENAME" => address.file_name = Some(text),
        "LABEL" => address.label = Some(text),
        "UUID" => match uuid(&text) {
            Some(uuid) => address.uuid = Some(uuid),
            None => wrong(desk, argument, "a UUID", "32 hexadecimal digits, with or without dashes"),
        },
        "MAC" => match mac(&text) {
            Some(mac) => address.mac = Some(mac),
            None => wrong(desk, argument, "a hardware address", "six pairs of hexadecimal digits joined by colons"),
        },
        "TCP" => {
            if text.chars().any(char::is_whitespace) {
                wrong(desk, argument, "an address or a name", "such as 192.168.1.220 or tst100.soho");
                return;
            }
            address.tcp = Some(text);
        }
        "BASEPATH" => address.base = folders(desk, argument),
        _ => address.db_record = number(desk, argument, "a record number", 0..=u64::MAX).or(address.db_record),
    }
}

fn wrong(desk: &mut Desk<'_>, argument: &Text, what: &str, expected: &str) {
    desk.fault(Fault::at(argument.spot(), format!("{} is not {what}", shown(argument))).expected(expected));
}

/// A list of folders.
pub(crate) fn folders(desk: &mut Desk<'_>, argument: &Text) -> Vec<String> {
    let all = parts(argument);
    for part in all.iter().filter(|part| part.is_empty()) {
        desk.fault(Fault::at(part.spot(), "there is an empty folder in the list").expected("DIR%DIR"));
    }
    all.iter().map(Text::to_string).collect()
}

/// What may be missing in an address, and what some types refuse in it (ctys.md 3). `word` is where the action stands.
pub(crate) fn check(desk: &mut Desk<'_>, subs: &[Suboption], word: &Text, one: &OneType, address: &MachineAddress) {
    let part_of =
        |sub: &Suboption| KEYS.iter().map(|key| key.names).find(|names| names.iter().any(|n| sub.key.is_word(n)));
    // A part that is there but wrong was reported already; a word that nobody knows may be meant for one.
    let tried = subs.iter().any(|sub| match part_of(sub) {
        Some(names) => names[0] != "BASEPATH",
        None => desk.blames(sub.key.spot()),
    });
    if address.is_empty() && !tried && one.category != Category::Pms {
        let expected = match one.category {
            Category::Hosts => "l:LABEL",
            _ => "one of l: f: p: i: u: m: t:",
        };
        let message = format!("{} does not say which {} is meant", word.upper(), one.name);
        let fault = Fault::at(word.spot().behind(), message).expected(expected);
        desk.fault(if address.base.is_empty() { fault } else { fault.note("BASEPATH only says where to look") });
    }
    let alone = matches!(
        address,
        MachineAddress { id: None, file_name: None, label: None, uuid: None, mac: None, tcp: None, .. }
    );
    if address.db_record.is_some() && !alone {
        remark(desk, "DBRECORD overrules the other parts of the address");
    }
    let allowed: &[&str] = match one.name.as_str() {
        "CLI" | "X11" => &["LABEL"],
        "VNC" => &["LABEL", "ID"],
        _ => return,
    };
    for sub in subs {
        if let Some(part) = part_of(sub).map(|names| names[0]).filter(|part| !allowed.contains(part)) {
            let message = format!("a session of type {} has no {part}", one.name);
            desk.fault(Fault::at(sub.whole.spot(), message).expected(allowed.join(", ")));
        }
    }
}
