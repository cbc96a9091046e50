//! The two numberings of fields and the title lines made of them (ctys.md 4.1 to 4.3).

use crate::presentation::{Numbering, Title};
use ctys_model::Field;
use ctys_model::field::Known;
use std::collections::BTreeSet;

impl Numbering {
    /// The field with this number.
    pub fn field(self, index: u8) -> Option<Known> {
        match self {
            Numbering::List => Field::from_list_index(index),
            Numbering::Enumerate => Field::from_enum_index(index),
        }
    }

    /// The number of this field, from 1.
    pub fn index(self, field: Known) -> Option<u8> {
        match self {
            Numbering::List => field.list_index(),
            Numbering::Enumerate => field.enum_index(),
        }
    }

    /// The classic title of this field; that of the other numbering, or the key, for a field without a number here.
    pub fn title(self, field: Known) -> &'static str {
        let (own, other) = match self {
            Numbering::List => (field.list_title(), field.enum_title()),
            Numbering::Enumerate => (field.enum_title(), field.list_title()),
        };
        [own, other].into_iter().find(|title| !title.is_empty()).unwrap_or(field.key())
    }

    /// The highest number: 22 or 47. The lowest is 1.
    pub fn last(self) -> u8 {
        match self {
            Numbering::List => 22,
            Numbering::Enumerate => 47,
        }
    }

    /// The action that numbers its fields so, upper case.
    pub fn action(self) -> &'static str {
        match self {
            Numbering::List => "LIST",
            Numbering::Enumerate => "ENUMERATE",
        }
    }

    /// The other one.
    pub fn other(self) -> Numbering {
        match self {
            Numbering::List => Numbering::Enumerate,
            Numbering::Enumerate => Numbering::List,
        }
    }

    /// All fields with a number, by number: the MACHINE record.
    pub fn machine(self) -> Vec<Known> {
        (1..=self.last()).filter_map(|index| self.field(index)).collect()
    }

    /// These fields in canonical order: by number, then those without one in the order of the vocabulary.
    pub fn canonical(self, fields: &BTreeSet<Known>) -> Vec<Known> {
        let mut sorted: Vec<Known> = fields.iter().copied().collect();
        sorted.sort_by_key(|&field| (self.index(field).unwrap_or(u8::MAX), field));
        sorted
    }
}

/// The title line of raw records, without a line end; nothing for [`Title::None`].
///
/// `TITLE`, `TITLEIDX` and `TITLEIDXASC` print, for LIST:
///
/// ```text
/// ContainingMachine;SessionType;Label
/// ContainingMachine(1);SessionType(2);Label(3)
/// ContainingMachine(A-1);SessionType(B-2);Label(C-3)
/// ```
pub(crate) fn title_line(title: Title, numbering: Numbering, fields: &[Known]) -> Option<String> {
    let names: Vec<String> = fields
        .iter()
        .map(|&field| {
            let name = numbering.title(field);
            match (title, numbering.index(field)) {
                (Title::None | Title::Names, _) | (_, None) => name.to_string(),
                (Title::Index, Some(index)) => format!("{name}({index})"),
                (Title::IndexAscii, Some(index)) => format!("{name}({})", lettered(numbering, index)),
            }
        })
        .collect();
    (title != Title::None).then(|| names.join(";"))
}

/// The number with its letters, as spreadsheets count: `A-1`, `Z-26`, `AA-27`.
///
/// The last field of LIST has no letter: the original prints `ACCELERATOR(U-21);ARCH(22)` (ctys-original.md 4.1).
pub(crate) fn lettered(numbering: Numbering, index: u8) -> String {
    if numbering == Numbering::List && index == numbering.last() {
        return index.to_string();
    }
    let mut letters = Vec::new();
    let mut rest = index;
    while rest > 0 {
        letters.push(char::from(b'A' + (rest - 1) % 26));
        rest = (rest - 1) / 26;
    }
    let letters: String = letters.into_iter().rev().collect();
    format!("{letters}-{index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_record_is_complete() {
        assert_eq!(Numbering::List.machine().len(), 22);
        assert_eq!(Numbering::Enumerate.machine().len(), 47);
    }

    #[test]
    fn the_title_lines_of_list_are_those_of_the_original() {
        let all = Numbering::List.machine();
        let line = |title| title_line(title, Numbering::List, &all).unwrap();
        assert_eq!(
            line(Title::Names),
            "ContainingMachine;SessionType;Label;ID;UUID;MAC;TCP;DISPLAY;ClientAccessPort;ServerAccessPort;PID;UID;GUID;\
             C/S-Type;JobID;IFNAME;RESERVED1;CONTEXTSTRG;EXECPATH;HYPERRELRUN;ACCELERATOR;ARCH"
        );
        assert!(line(Title::Index).starts_with("ContainingMachine(1);SessionType(2);Label(3);ID(4);"));
        assert!(line(Title::Index).ends_with(";ACCELERATOR(21);ARCH(22)"));
        assert!(line(Title::IndexAscii).starts_with("ContainingMachine(A-1);SessionType(B-2);"));
        assert!(line(Title::IndexAscii).ends_with(";ACCELERATOR(U-21);ARCH(22)"));
        assert_eq!(title_line(Title::None, Numbering::List, &all), None);
    }

    #[test]
    fn letters_go_on_after_z() {
        let all = Numbering::Enumerate.machine();
        let line = title_line(Title::IndexAscii, Numbering::Enumerate, &all).unwrap();
        for part in ["RelocationCapacity(Z-26)", "SSHport(AA-27)", "DefHOSTs(AT-46)", "DefCONSOLE(AU-47)"] {
            assert!(line.split(';').any(|found| found == part), "{part} is not in {line}");
        }
    }

    #[test]
    fn chosen_fields_come_in_canonical_order_and_those_without_a_number_last() {
        let chosen = BTreeSet::from([Known::State, Known::Tcp, Known::Label, Known::Pm]);
        let fields = Numbering::List.canonical(&chosen);
        assert_eq!(fields, [Known::Pm, Known::Label, Known::Tcp, Known::State]);
        let line = title_line(Title::Index, Numbering::List, &fields).unwrap();
        assert_eq!(line, "ContainingMachine(1);Label(3);TCP(7);state");
    }
}
