//! How the rows of LIST and ENUMERATE are shown: formats, titles, sets of fields, order (ctys.md 2.3, 2.4, 4).

use super::{Key, Takes};
use crate::mistakes::{Desk, Fault, Origin, shown};
use crate::suboptions::{Suboption, parts, split};
use crate::superposition::Effective;
use crate::text::{Spot, Text};
use crate::types;
use crate::words::number;
use ctys_model::Verb;
use ctys_model::field::{Field, Known};
use ctys_table::{AddressForm, Column, Format, Numbering, Presentation, Sort, SpecError, Title, parse_widths};
use std::collections::BTreeSet;

const fn key(names: &'static [&'static str], takes: Takes, argument: &'static str, help: &'static str) -> Key {
    Key { names, takes, argument, help }
}

/// The formats.
pub(crate) const FORMATS: &[Key] = &[
    key(&["TAB_TCP"], Takes::Maybe, "W[%W...]", "the standard table, with its widths (LIST)"),
    key(&["TAB_TCP9"], Takes::Maybe, "W[%W...]", "the standard table of release 01.11, nine columns (LIST)"),
    key(
        &["TAB_GEN", "TAB"],
        Takes::Argument,
        "COLUMN[%%COLUMN...]",
        "a free table; a column is INDEX_TITLE_WIDTH[_CUT]",
    ),
    key(&["SPEC_GEN", "SPEC"], Takes::Maybe, "COLUMN[%%COLUMN...]", "one line per value"),
    key(&["REC_GEN", "REC"], Takes::Maybe, "COLUMN[%%COLUMN...]", "records in braces"),
    key(&["XML_GEN", "XML"], Takes::Maybe, "COLUMN[%%COLUMN...]", "records in XML"),
    key(&["JSON"], Takes::Nothing, "", "one JSON document"),
    key(&["JSONL"], Takes::Nothing, "", "one JSON object per line"),
    key(&["CSV"], Takes::Nothing, "", "comma separated, with a header"),
    key(&["TSV"], Takes::Nothing, "", "tab separated, with a header"),
    key(&["YAML"], Takes::Nothing, "", "one YAML document"),
];

/// The words about the output that LIST and ENUMERATE share.
pub(crate) const WORDS: &[Key] = &[
    key(&["TITLE"], Takes::Nothing, "", "a title line"),
    key(&["TITLEIDX"], Takes::Nothing, "", "a title line with the numbers of the fields"),
    key(&["TITLEIDXASC"], Takes::Nothing, "", "a title line with letters and numbers"),
    key(&["MACHINE"], Takes::Nothing, "", "all fields, joined by ;"),
    key(&["MAXKEY"], Takes::Nothing, "", "the first six fields, joined by ;"),
    key(&["ALL"], Takes::Nothing, "", "the usual fields"),
    key(&["NONE"], Takes::Nothing, "", "forget the fields named so far"),
    key(&["DNS"], Takes::Nothing, "", "addresses as names"),
    key(&["IP"], Takes::Nothing, "", "addresses as numbers"),
    key(&["TERSE"], Takes::Nothing, "", "bare rows"),
    key(&["SORT"], Takes::Maybe, "[ALL|EACH][%UNIQUE][%REVERSE][%N]", "sort, from the displayed column N on"),
    key(&["PKG"], Takes::Argument, "TYPE[%TYPE...]", "only these session types"),
];

/// A word that stands for a field.
pub(crate) type FieldWord = (&'static [&'static str], Known);

/// What has been said about the look so far.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    numbering: Numbering,
    /// The fields of ALL.
    usual: &'static [Known],
    format: Option<Format>,
    title: Title,
    terse: bool,
    /// MACHINE or MAXKEY.
    machine: bool,
    address: Option<AddressForm>,
    fields: BTreeSet<Known>,
    sort: Option<Sort>,
    /// Where SORT stands.
    sort_at: Spot,
    packages: Vec<String>,
    /// IFNAME was asked for by name: rows per interface.
    pub interface_named: bool,
}

impl Look {
    pub fn new(numbering: Numbering, usual: &'static [Known]) -> Look {
        Look {
            numbering,
            usual,
            format: None,
            title: Title::None,
            terse: false,
            machine: false,
            address: None,
            fields: BTreeSet::new(),
            sort: None,
            sort_at: Spot::default(),
            packages: Vec::new(),
            interface_named: false,
        }
    }

    /// Whether nothing says what is shown, so that the defaults of the action hold.
    pub fn is_open(&self) -> bool {
        self.format.is_none() && self.fields.is_empty()
    }

    /// A field was named.
    pub fn field(&mut self, field: Known) {
        self.fields.insert(field);
        self.interface_named |= field == Known::Interface;
    }

    /// Takes a word of [`WORDS`] or [`FORMATS`], by its canonical name.
    pub fn word(&mut self, desk: &mut Desk<'_>, name: &str, sub: &Suboption) {
        let argument = sub.argument.as_ref().filter(|argument| !argument.is_empty());
        match name {
            "TITLE" => self.title = Title::Names,
            "TITLEIDX" => self.title = Title::Index,
            "TITLEIDXASC" => self.title = Title::IndexAscii,
            "MACHINE" => {
                self.fields.extend(self.numbering.machine());
                self.machine = true;
            }
            "MAXKEY" => {
                self.fields.extend((1..=6).filter_map(|index| self.numbering.field(index)));
                self.machine = true;
            }
            "ALL" => self.fields.extend(self.usual),
            "NONE" => {
                self.fields.clear();
                self.interface_named = false;
            }
            "DNS" => self.address = Some(AddressForm::Dns),
            "IP" => self.address = Some(AddressForm::Ip),
            "TERSE" => self.terse = true,
            "SORT" => (self.sort, self.sort_at) = (Some(sort(desk, argument)), sub.whole.spot()),
            "PKG" => self.packages = packages(desk, argument),
            _ => {
                if let Some(format) = self.format_of(desk, name, argument) {
                    self.format = Some(format);
                }
            }
        }
    }

    fn format_of(&self, desk: &mut Desk<'_>, name: &str, argument: Option<&Text>) -> Option<Format> {
        let columns = |desk: &mut Desk<'_>| match argument {
            Some(text) => read(desk, text, |list| Column::parse_list(list, self.numbering)),
            None => Some(Vec::new()),
        };
        let widths = |desk: &mut Desk<'_>, count| match argument {
            Some(text) => read(desk, text, |list| parse_widths(list, count)),
            None => Some(Vec::new()),
        };
        Some(match name {
            "TAB_TCP" => Format::TabTcp(widths(desk, 7)?),
            "TAB_TCP9" => Format::TabTcp9(widths(desk, 9)?),
            "TAB_GEN" => Format::TabGen(columns(desk)?),
            "SPEC_GEN" => Format::Spec(columns(desk)?),
            "REC_GEN" => Format::Rec(columns(desk)?),
            "XML_GEN" => Format::Xml(columns(desk)?),
            "JSON" => Format::Json,
            "JSONL" => Format::Jsonl,
            "CSV" => Format::Csv,
            "TSV" => Format::Tsv,
            _ => Format::Yaml,
        })
    }

    /// `--output`: one more format, behind all suboptions.
    pub fn output(&mut self, desk: &mut Desk<'_>, effective: &Effective) {
        let Some(output) = &effective.output else { return };
        for text in split(output) {
            let sub = Suboption::of(text);
            let found = FORMATS.iter().find(|key| key.names.iter().any(|name| sub.key.is_word(name)));
            match found {
                Some(key) if refused(self.numbering, key.names[0]) => refuse(desk, &sub),
                Some(key) if super::takes(desk, &sub, key.takes, key.argument) => self.word(desk, key.names[0], &sub),
                Some(_) => {}
                None => {
                    let names: Vec<&str> = FORMATS.iter().map(|key| key.names[0]).collect();
                    let fault = Fault::at(sub.key.spot(), format!("the format {} is not known", shown(&sub.key)));
                    desk.fault(fault.expected(names.join(", ").to_lowercase()).near(&sub.key.to_string(), names));
                }
            }
        }
    }

    /// The look, complete, and the fields that are needed for it; none means all.
    pub fn finish(
        mut self,
        desk: &mut Desk<'_>,
        effective: &Effective,
    ) -> (Presentation, Option<BTreeSet<Field>>, bool) {
        // A format of its own brings its titles, where fields for machines have none (ctys.md 2.3, 4.5).
        self.terse |= effective.terse || (self.machine && self.format.is_none());
        let format = self.format.clone().unwrap_or(if self.terse { Format::Raw } else { Format::Listing });
        self.check_sort(desk, &format);
        let needed = self.needed(&format);
        let interface_column = |columns: &[Column]| {
            columns.iter().any(|column| self.numbering.field(column.index) == Some(Known::Interface))
        };
        let per_interface = self.interface_named
            || match &format {
                Format::TabTcp9(_) => true,
                Format::TabGen(all) | Format::Spec(all) | Format::Rec(all) | Format::Xml(all) => interface_column(all),
                _ => false,
            };
        let presentation = Presentation {
            numbering: self.numbering,
            format,
            title: self.title,
            terse: self.terse,
            joined: effective.terse,
            address: self.address,
            fields: self.fields,
            sort: self.sort,
            packages: self.packages,
        };
        (presentation, needed, per_interface)
    }

    /// Behind the last column there is nothing to sort by.
    fn check_sort(&self, desk: &mut Desk<'_>, format: &Format) {
        let columns = match format {
            Format::TabTcp(_) => 7,
            Format::TabTcp9(_) => 9,
            Format::TabGen(all) => all.len(),
            Format::Raw | Format::Listing => self.fields.len(),
            _ => 0,
        };
        let column = self.sort.and_then(|sort| sort.column).map_or(0, usize::from);
        if columns > 0 && column > columns {
            let fault = Fault::at(self.sort_at, format!("SORT counts to {column}, and {columns} columns are shown"));
            desk.fault(fault.expected(format!("1 to {columns}")));
        }
    }

    fn needed(&self, format: &Format) -> Option<BTreeSet<Field>> {
        use Known::*;
        // Every row is put in its place by these (ctys.md 2.3), whether they are shown or not.
        let mut fields = BTreeSet::from([Pm, SessionType, Side, Label]);
        match format {
            Format::TabTcp(_) => fields.extend([Tcp, User, Group]),
            Format::TabTcp9(_) => fields.extend([Tcp, User, Group, Interface, Accelerator]),
            Format::TabGen(all) | Format::Spec(all) | Format::Rec(all) | Format::Xml(all) if !all.is_empty() => {
                fields.extend(all.iter().filter_map(|column| self.numbering.field(column.index)));
            }
            _ if self.fields.is_empty() => return None,
            _ => {}
        }
        fields.extend(&self.fields);
        // A name is that of an address.
        if fields.contains(&NetName) {
            fields.insert(Tcp);
        }
        // An unknown address is looked up by the hardware address (ctys-original.md 4.3).
        if fields.contains(&Tcp) {
            fields.insert(Mac);
        }
        Some(fields.into_iter().map(Field::Known).collect())
    }
}

/// `--output` of SHOW and INFO, which have no suboptions.
pub(crate) fn output_only(desk: &mut Desk<'_>, effective: &Effective) -> Option<Presentation> {
    effective.output.as_ref()?;
    let mut look = Look::new(Numbering::List, &[]);
    look.output(desk, effective);
    let (mut presentation, ..) = look.finish(desk, effective);
    match presentation.format {
        Format::Json | Format::Jsonl | Format::Csv | Format::Tsv | Format::Yaml => {}
        // What was no format has been told already.
        Format::Raw | Format::Listing => {}
        _ => {
            let spot = effective.output.as_ref().map(Text::spot).unwrap_or_default();
            let fault = Fault::at(spot, "what SHOW and INFO say has no columns for a table");
            desk.fault(fault.expected("json, jsonl, csv, tsv or yaml"));
        }
    }
    presentation.fields = BTreeSet::from([Known::Pm, Known::SessionType, Known::Text]);
    Some(presentation)
}

/// ENUMERATE has no standard table (ctys-original.md 2.2).
pub(crate) fn refused(numbering: Numbering, format: &str) -> bool {
    numbering == Numbering::Enumerate && format.starts_with("TAB_TCP")
}

/// Whether an action has this suboption of [`FORMATS`]: only then is it offered.
pub(crate) fn has(verb: Verb, format: &str) -> bool {
    verb != Verb::Enumerate || !refused(Numbering::Enumerate, format)
}

pub(crate) fn refuse(desk: &mut Desk<'_>, sub: &Suboption) {
    let fault = Fault::at(sub.key.spot(), format!("ENUMERATE has no {}, which shows live sessions", sub.key.upper()));
    desk.fault(fault.expected("TAB_GEN:<columns>, or a table macro such as macro:TAB_CPORT"));
}

/// The words of a default that comes from a setting.
pub(crate) fn default_words(desk: &mut Desk<'_>, name: &str, text: &str) -> Text {
    desk.line(Origin::Setting { name: name.into() }, text)
}

/// Reads a list with the reader of the table crate; its places are bytes of the list.
fn read<T>(desk: &mut Desk<'_>, text: &Text, reader: impl Fn(&str) -> Result<T, Vec<SpecError>>) -> Option<T> {
    match reader(&text.to_string()) {
        Ok(list) => Some(list),
        Err(errors) => {
            for error in errors {
                let spot = text.spot_of_bytes(error.offset, error.length);
                let message = ctys_model::bytes::escape_for_eyes(&error.message).into_owned();
                let fault = error.hints.into_iter().fold(Fault::at(spot, message), Fault::note);
                desk.fault(fault);
            }
            None
        }
    }
}

/// `SORT[:[ALL|EACH][%UNIQUE][%REVERSE][%<n>]]`, in any order (ctys.md 4.7).
fn sort(desk: &mut Desk<'_>, argument: Option<&Text>) -> Sort {
    let mut sort = Sort::default();
    for word in argument.map(parts).unwrap_or_default() {
        match word.upper().as_str() {
            "ALL" | "A" => sort.each = false,
            "EACH" | "E" => sort.each = true,
            "UNIQUE" | "U" => sort.unique = true,
            "REVERSE" | "R" => sort.reverse = true,
            text if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() => {
                sort.column = number(desk, &word, "a column", 1..=999).map(|n| n as u16);
            }
            _ => {
                let words = ["ALL", "EACH", "UNIQUE", "REVERSE"];
                let fault = Fault::at(word.spot(), format!("{} is not a word for SORT", shown(&word)));
                desk.fault(
                    fault.expected("ALL, EACH, UNIQUE, REVERSE or a column number").near(&word.to_string(), words),
                );
            }
        }
    }
    sort
}

fn packages(desk: &mut Desk<'_>, argument: Option<&Text>) -> Vec<String> {
    let words = argument.map(parts).unwrap_or_default();
    let found: Vec<String> = words.iter().filter_map(|word| types::known(desk, word)).collect();
    if found.iter().any(|name| name == types::ALL) { Vec::new() } else { found }
}
