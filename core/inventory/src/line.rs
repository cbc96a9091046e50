//! One line of `enum.fdb`: fields joined by `;`, empty where nothing is known (ctys.md 4.2).
//!
//! ```text
//! lab00.soho;XEN;tst100;/root/xen/tst100/tst100.conf;6842caf91e3e43249ed596b8b9f2c5c2;00:50:56:13:11:40;192.168.1.220;;;;...
//! ```
//!
//! Three layouts are read: 47 fields (release 01.11, the one that is written), 43 (01.07) and 15 (before it, as in the
//! example of the use cases). A line is carried as it is and never written anew, so a file goes in and out byte for byte.

use ctys_model::bytes::{escape, unescape};
use ctys_model::field::{Field, Known};
use ctys_model::{Record, Value};
use std::collections::BTreeSet;

/// The number of fields of a record that is written.
pub const FIELDS: usize = 47;

/// The layout before 01.07, by position.
const OLDEST: [Known; 15] = [
    Known::Pm,
    Known::SessionType,
    Known::Label,
    Known::Id,
    Known::Uuid,
    Known::Mac,
    Known::Tcp,
    Known::Display,
    Known::Cport,
    Known::VncBase,
    Known::Dist,
    Known::Os,
    Known::Version,
    Known::Serial,
    Known::Category,
];

/// A line that is a record, taken apart.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    raw: &'a [u8],
    fields: Vec<&'a [u8]>,
    oldest: bool,
}

impl<'a> Line<'a> {
    /// Takes a line apart, without its newline. None when it has no known number of fields, or is a comment.
    ///
    /// Rows of the oldest layout are known with one `;` too many.
    pub fn parse(raw: &'a [u8]) -> Option<Line<'a>> {
        if raw.first() == Some(&b'#') {
            return None;
        }
        let mut fields = Vec::with_capacity(FIELDS);
        fields.extend(raw.split(|&byte| byte == b';'));
        let surplus = fields.len() > OLDEST.len() && fields.len() < 20;
        while surplus && fields.len() > OLDEST.len() && fields.last().is_some_and(|field| field.is_empty()) {
            fields.pop();
        }
        match fields.len() {
            FIELDS | 43 => Some(Line { raw, fields, oldest: false }),
            15 => Some(Line { raw, fields, oldest: true }),
            _ => None,
        }
    }

    /// Whether a line is a record, without taking it apart where its length says so.
    pub fn is_record(raw: &[u8]) -> bool {
        match raw.iter().filter(|&&byte| byte == b';').count() {
            46 | 42 => raw.first() != Some(&b'#'),
            14..=19 => Line::parse(raw).is_some(),
            _ => false,
        }
    }

    /// The line as it stands in the file.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The field with this number of the 47, as it stands there; none when its layout has no such field.
    pub fn numbered(&self, index: usize) -> Option<&'a [u8]> {
        match self.oldest {
            false => self.fields.get(index.checked_sub(1)?).copied(),
            true => {
                let known = Field::from_enum_index(u8::try_from(index).ok()?)?;
                let at = OLDEST.iter().position(|&field| field == known)?;
                self.fields.get(at).copied()
            }
        }
    }

    /// The bytes of a field, its escapes undone; empty when it is not known.
    pub fn bytes(&self, field: Known) -> Vec<u8> {
        field.enum_index().and_then(|index| self.numbered(index.into())).map_or_else(Vec::new, undo)
    }

    /// The text of a field, its escapes undone; empty when it is not known.
    pub fn text(&self, field: Known) -> String {
        String::from_utf8_lossy(&self.bytes(field)).into_owned()
    }

    /// The line as a record. `wanted`: only these fields; none for all.
    pub fn record(&self, wanted: Option<&BTreeSet<Known>>) -> Record {
        let mut record = Record::default();
        for &field in Known::ALL {
            if field.enum_index().is_some() && wanted.is_none_or(|wanted| wanted.contains(&field)) {
                record.set(field, typed(field, &self.bytes(field)));
            }
        }
        record
    }
}

/// A record as a line of 47 fields, without newline. What could break the line is escaped as in every plain record.
pub fn write(record: &Record) -> String {
    let mut line = String::new();
    for index in 1..=FIELDS as u8 {
        if index > 1 {
            line.push(';');
        }
        let field = Field::from_enum_index(index).expect("the 47 numbers are complete");
        // The number of a record is its place in the file, not its content.
        if field != Known::Index {
            line.push_str(&escape(record.get(field).to_string().as_bytes()).replace(';', "\\x3b"));
        }
    }
    line
}

/// The reverse of the escapes. Files of the original have none: a backslash that begins no escape stays.
fn undo(raw: &[u8]) -> Vec<u8> {
    if !raw.contains(&b'\\') {
        return raw.to_vec();
    }
    std::str::from_utf8(raw).ok().and_then(|text| unescape(text).ok()).unwrap_or_else(|| raw.to_vec())
}

fn typed(field: Known, raw: &[u8]) -> Value {
    let value = Value::from_bytes(raw);
    let is_number = matches!(
        field,
        Known::Display | Known::Cport | Known::VncBase | Known::SshPort | Known::Vram | Known::Vcpu | Known::Index
    );
    match (is_number, value.as_text().and_then(|text| text.parse().ok())) {
        (true, Some(number)) => Value::Number(number),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "lab00.xyz;XEN;tst100;/root/xen/tst100/tst100.conf;6842caf91e3e43249ed596b8b9f2c5c2;\
                        00:50:56:13:11:40;192.168.1.220;;;;CentOS;Linux;5;;PM";

    #[test]
    fn three_layouts_are_read() {
        let check = |line: &str, known: bool| {
            assert_eq!(Line::parse(line.as_bytes()).is_some(), known, "{line}");
            assert_eq!(Line::is_record(line.as_bytes()), known, "{line}");
        };
        check(SEED, true);
        check("lab00.xyz;XEN;tst100;/x.conf;;00:50:56:13:11:40;192.168.1.220;;;;;;;;;", true);
        check("lab00.xyz;XEN;tst100;/x.conf;;00:50:56:13:11:40;192.168.1.220;;;;;;;;;x", false);
        check(&";".repeat(42), true);
        check(&";".repeat(46), true);
        check(&";".repeat(45), false);
        check(&format!("#{}", ";".repeat(46)), false);
        check("", false);
    }

    #[test]
    fn the_oldest_layout_has_its_own_order() {
        let line = Line::parse(SEED.as_bytes()).unwrap();
        let check = |field: Known, want: &str| assert_eq!(line.text(field), want, "{field:?}");
        check(Known::Pm, "lab00.xyz");
        check(Known::Dist, "CentOS");
        check(Known::Os, "Linux");
        check(Known::Version, "5");
        check(Known::Category, "PM");
        check(Known::DistRel, "");
        check(Known::Vram, "");
    }

    #[test]
    fn a_record_becomes_a_line_and_comes_back() {
        let odd = "a;b\\c\nd\u{202e}";
        let record = Record::new("XEN").with(Known::Label, odd).with(Known::Vram, Value::Number(512));
        let text = write(&record);
        assert_eq!(text.matches(';').count(), FIELDS - 1, "{text}");
        assert!(!text.contains('\n'));
        let line = Line::parse(text.as_bytes()).unwrap();
        assert_eq!(line.text(Known::Label), odd);
        let back = line.record(None);
        assert_eq!(back.get(Known::Vram), &Value::Number(512));
        assert_eq!(back.get(Known::Label).as_text(), Some(odd));
        assert_eq!(write(&back), text);
    }

    #[test]
    fn a_backslash_of_the_original_stays() {
        let text = format!("pm;XEN;a\\b{}", ";".repeat(44));
        assert_eq!(Line::parse(text.as_bytes()).unwrap().text(Known::Label), "a\\b");
    }
}
