//! `-o` of ctys-vhost: the words of ENUMERATE about the output, and a few of its own (ctys.md section 7).

use super::{Call, usage};
use ctys_inventory::line;
use ctys_model::Problem;
use ctys_model::field::{Field, Known};
use ctys_table::{Format, Presentation};
use std::collections::BTreeSet;

/// How the records are shown.
pub struct Look {
    /// The format, the columns, the order.
    pub presentation: Presentation,
    /// `pm[l:label,...]`.
    pub address: bool,
    /// The lines as they stand in the file.
    pub raw: bool,
    /// Formats for machines say where and when a record was seen.
    pub wants_age: bool,
    /// The fields that are needed; none for all.
    pub needed: Option<BTreeSet<Known>>,
}

impl Look {
    /// Reads `-o`.
    pub fn of(call: &Call) -> Result<Look, Problem> {
        let terse = if call.given.has("terse") { ",TERSE" } else { "" };
        let given = call.given.last("output").unwrap_or("macro:TAB_CTYS_VHOST_DEFAULT");
        let mut address = false;
        let mut index = false;
        let mut words: Vec<String> = Vec::new();
        for word in given.split(',') {
            match word.to_ascii_uppercase().as_str() {
                "CTYSADDRESS" | "CTYS" => address = true,
                "INDEX" => index = true,
                "H" => words.push("HOST".into()),
                "D" => words.push("DNS".into()),
                // SORT takes its words behind commas, too.
                "A" | "ALL" | "EACH" | "UNIQUE" | "REVERSE" | "R" if words.last().is_some_and(|last| is_sort(last)) => {
                    let last = words.last_mut().expect("there is one");
                    last.push(if last.contains(':') { '%' } else { ':' });
                    last.push_str(word);
                }
                _ => words.push(word.to_string()),
            }
        }
        if words.is_empty() {
            words.push(if address { "MACHINE".into() } else { "PM,LABEL,TERSE".into() });
        }
        let list = words.join(",");
        let parsed = super::gather::presentation(&format!("enumerate={list}{terse}"), &call.home);
        let mut presentation = parsed.map_err(|mistake| usage(format!("-o: {mistake}")))?;
        presentation.joined = call.given.has("terse");
        // People ask for fields and get bare rows: there is no target whose rows a heading could stand above.
        if presentation.format == Format::Listing {
            presentation.format = Format::Raw;
        }
        if index {
            presentation.fields.insert(Known::Index);
        }
        let is_machine = (1..=line::FIELDS as u8)
            .all(|n| Field::from_enum_index(n).is_some_and(|f| presentation.fields.contains(&f)));
        let plain = presentation.address.is_none() && presentation.sort.is_none();
        let raw = presentation.format == Format::Raw && plain && is_machine && !address;
        let wants_age =
            matches!(presentation.format, Format::Json | Format::Jsonl | Format::Csv | Format::Tsv | Format::Yaml);
        let columns = match &presentation.format {
            Format::TabGen(columns) => {
                columns.iter().filter_map(|column| Field::from_enum_index(column.index)).collect()
            }
            _ => BTreeSet::new(),
        };
        let needed = Some(columns).filter(|columns| !columns.is_empty()).map(|mut columns| {
            columns.extend([Known::Pm, Known::Tcp, Known::Mac]);
            columns
        });
        Ok(Look { presentation, address, raw, wants_age, needed })
    }
}

fn is_sort(word: &str) -> bool {
    word.split(':').next().is_some_and(|key| key.eq_ignore_ascii_case("SORT"))
}
