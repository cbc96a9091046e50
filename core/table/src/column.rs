//! The text of column lists and of width lists (ctys.md 4.4, 4.5).

use crate::presentation::{Column, Cut, Numbering};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::field::Known;
use std::fmt;

/// The greatest width a column may ask for, in characters.
const MAX_WIDTH: u16 = 9999;

/// The width of a column of a TAB_GEN table that names none.
pub(crate) const DEFAULT_WIDTH: u16 = 10;

/// One mistake in a column list or a width list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// Where the bad piece starts, in bytes from the start of the list.
    pub offset: usize,
    /// How long it is, in bytes; 0 when something is missing there.
    pub length: usize,
    /// The sentence: what is wrong and why.
    pub message: String,
    /// What could be written, each one line.
    pub hints: Vec<String>,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SpecError {}

impl Column {
    /// Reads `<index>_<title>_<width>[_<cut>]`, several joined by `%%` or `%` (ctys.md 4.5).
    ///
    /// The index must be a number of this numbering. A missing title is the index. A missing width stays 0, which
    /// means 10 in TAB_GEN and no limit in SPEC, REC and XML. The cut is `L`, `B` or nothing, in any case.
    ///
    /// # Errors
    /// Every mistake of the list, in its order, each with its place in `text`.
    pub fn parse_list(text: &str, numbering: Numbering) -> Result<Vec<Column>, Vec<SpecError>> {
        let mut columns = Vec::new();
        let mut errors = Vec::new();
        for (offset, piece) in pieces(text) {
            match parse_column(offset, piece, numbering) {
                Ok(column) => columns.push(column),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(columns) } else { Err(errors) }
    }

    /// The width in a TAB_GEN table: 10 when none was given.
    pub(crate) fn table_width(&self) -> usize {
        usize::from(if self.width == 0 { DEFAULT_WIDTH } else { self.width })
    }
}

/// Reads the widths of `TAB_TCP:w%w…`, joined by `%%` or `%`; an empty or zero width keeps the default of its column
/// (ctys.md 4.4). `columns` is how many the table has: 7, or 9 for TAB_TCP9.
///
/// # Errors
/// Every mistake of the list, in its order, each with its place in `text`.
pub fn parse_widths(text: &str, columns: usize) -> Result<Vec<Option<u16>>, Vec<SpecError>> {
    let mut widths = Vec::new();
    let mut errors = Vec::new();
    for (position, (offset, piece)) in pieces(text).into_iter().enumerate() {
        if position == columns {
            errors.push(SpecError {
                offset,
                length: text.len() - offset,
                message: format!("the table has {columns} columns, but there is a width for column {}", columns + 1),
                hints: Vec::new(),
            });
            break;
        }
        match parse_width(offset, piece) {
            Ok(width) => widths.push((width > 0).then_some(width)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(widths) } else { Err(errors) }
}

/// The pieces between the separators, with their offsets. `%%` is one separator: the command line's unescaping may or
/// may not have turned it into `%` by the time the list is read.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while let Some(length) = text[start..].find('%') {
        let at = start + length;
        pieces.push((start, &text[start..at]));
        start = if text[at..].starts_with("%%") { at + 2 } else { at + 1 };
    }
    pieces.push((start, &text[start..]));
    pieces
}

fn parse_column(offset: usize, piece: &str, numbering: Numbering) -> Result<Column, SpecError> {
    if piece.is_empty() {
        return Err(SpecError {
            offset,
            length: 0,
            message: "there is a column without a number, title or width".to_string(),
            hints: vec![
                "a column is <index>_<title>_<width>, such as 3_label_10; columns are joined by %%".to_string(),
            ],
        });
    }
    let mut parts = Vec::new();
    let mut at = offset;
    for part in piece.split('_') {
        parts.push((at, part));
        at += part.len() + 1;
    }
    if let Some(&(at, _)) = parts.get(4) {
        return Err(SpecError {
            offset: at,
            length: offset + piece.len() - at,
            message: format!("the column {} has more than four parts", escape_for_eyes(piece)),
            hints: vec!["a column is <index>_<title>_<width>[_<cut>]; a title cannot contain _".to_string()],
        });
    }
    let part = |n: usize| parts.get(n).copied().unwrap_or((offset + piece.len(), ""));
    let index = parse_index(part(0).0, part(0).1, numbering)?;
    let title = if part(1).1.is_empty() { index.to_string() } else { part(1).1.to_string() };
    let width = parse_width(part(2).0, part(2).1)?;
    let cut = parse_cut(part(3).0, part(3).1)?;
    Ok(Column { index, title, width, cut })
}

fn parse_index(offset: usize, text: &str, numbering: Numbering) -> Result<u8, SpecError> {
    if let Ok(index) = text.parse::<u8>()
        && numbering.field(index).is_some()
    {
        return Ok(index);
    }
    let action = numbering.action();
    let last = numbering.last();
    let mut hints = Vec::new();
    let message = match (text.parse::<u64>(), text) {
        (_, "") => format!("the column has no number; {action} has the fields 1 to {last}"),
        (Ok(number), _) => {
            hints.extend(meaning_elsewhere(number, numbering));
            format!("{action} has no field {number}, only 1 to {last}")
        }
        (Err(_), _) => {
            hints.extend(nearest_field(text, numbering));
            format!("{} is not the number of a field; {action} has 1 to {last}", escape_for_eyes(text))
        }
    };
    hints.push(format!("{}=machine,titleidx prints all fields with their numbers", action.to_lowercase()));
    Err(SpecError { offset, length: text.len(), message, hints })
}

/// What a number means in the other numbering, and where this one has the same.
fn meaning_elsewhere(number: u64, numbering: Numbering) -> Option<String> {
    let other = numbering.other();
    let field = other.field(u8::try_from(number).ok()?)?;
    let there = format!("{number} is {} in {}", other.title(field), other.action());
    Some(match numbering.index(field) {
        Some(here) => format!("{there}; {} has it as {here}", numbering.action()),
        None => format!("{there}; {} has no such field", numbering.action()),
    })
}

/// The field whose title or key looks most like this word.
fn nearest_field(word: &str, numbering: Numbering) -> Option<String> {
    let word = word.to_lowercase();
    let likeness = |field: Known| {
        [field.key(), numbering.title(field)]
            .map(|name| strsim::jaro_winkler(&word, &name.to_lowercase()))
            .into_iter()
            .fold(0.0, f64::max)
    };
    let (field, score) = numbering
        .machine()
        .into_iter()
        .map(|field| (field, likeness(field)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (score >= 0.8)
        .then(|| numbering.index(field).map(|index| format!("{} is {index}", numbering.title(field))))
        .flatten()
}

fn parse_width(offset: usize, text: &str) -> Result<u16, SpecError> {
    if text.is_empty() {
        return Ok(0);
    }
    match text.parse::<u16>() {
        Ok(width) if width <= MAX_WIDTH && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(width),
        _ => Err(SpecError {
            offset,
            length: text.len(),
            message: format!("{} is not a width; a width is a number up to {MAX_WIDTH}", escape_for_eyes(text)),
            hints: Vec::new(),
        }),
    }
}

fn parse_cut(offset: usize, text: &str) -> Result<Cut, SpecError> {
    match text {
        "" => Ok(Cut::Right),
        "L" | "l" => Ok(Cut::Left),
        "B" | "b" => Ok(Cut::Break),
        _ => Err(SpecError {
            offset,
            length: text.len(),
            message: format!("{} does not say what to do with long values", escape_for_eyes(text)),
            hints: vec!["L cuts at the left, B breaks into further lines, nothing cuts at the right".to_string()],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(index: u8, title: &str, width: u16, cut: Cut) -> Column {
        Column { index, title: title.to_string(), width, cut }
    }

    #[test]
    fn lists_are_read() {
        let check = |text: &str, expected: &[Column]| {
            assert_eq!(Column::parse_list(text, Numbering::List).as_deref(), Ok(expected), "{text}");
        };
        let label = column(3, "Label", 10, Cut::Right);
        let stype = column(2, "stype", 8, Cut::Right);
        check("3_Label_10", std::slice::from_ref(&label));
        check("3_Label_10%%2_stype_8", &[label.clone(), stype.clone()]);
        check("3_Label_10%2_stype_8%%3_Label_10", &[label.clone(), stype, label]);
        check("9_cport_5_L%%22_a_0_b", &[column(9, "cport", 5, Cut::Left), column(22, "a", 0, Cut::Break)]);
        check("4", &[column(4, "4", 0, Cut::Right)]);
        check("4__7", &[column(4, "4", 7, Cut::Right)]);
        check("4_id__l", &[column(4, "id", 0, Cut::Left)]);
    }

    #[test]
    fn mistakes_are_pointed_at() {
        // list, numbering, then for each mistake: the bad piece (by offset and length), a part of message or hint
        let check = |text: &str, numbering, expected: &[(usize, &str, &str)]| {
            let errors = Column::parse_list(text, numbering).expect_err(text);
            assert_eq!(errors.len(), expected.len(), "{text}: {errors:?}");
            for (error, &(offset, piece, words)) in errors.iter().zip(expected) {
                assert_eq!((error.offset, error.length), (offset, piece.len()), "{text}: {error:?}");
                assert_eq!(&text[error.offset..error.offset + error.length], piece, "{text}");
                let told = format!("{} / {}", error.message, error.hints.join(" / "));
                assert!(told.contains(words), "{text}: {told}");
            }
        };
        use Numbering::{Enumerate, List};
        check("3_a_5%%33_if_7", List, &[(7, "33", "33 is IFname in ENUMERATE; LIST has it as 16")]);
        check("28_n_7", List, &[(0, "28", "28 is Netname in ENUMERATE; LIST has no such field")]);
        check("48_n_7", Enumerate, &[(0, "48", "ENUMERATE has no field 48, only 1 to 47")]);
        check("0_n_7", List, &[(0, "0", "LIST has no field 0, only 1 to 22")]);
        check("99999999999999999999999_n", List, &[(0, "99999999999999999999999", "not the number of a field")]);
        check("labl_x_5", List, &[(0, "labl", "Label is 3")]);
        check("cport_x_5", List, &[(0, "cport", "ClientAccessPort is 9")]);
        check("_x_5", List, &[(0, "", "the column has no number")]);
        check("3_x_ten%%2_y_-1", List, &[(4, "ten", "ten is not a width"), (13, "-1", "-1 is not a width")]);
        check("3_x_\u{1b}[2J", List, &[(4, "\u{1b}[2J", "\\x1b[2J is not a width")]);
        check("\u{202e}_x", List, &[(0, "\u{202e}", "\\xe2\\x80\\xae is not the number")]);
        check("3_x_10000", List, &[(4, "10000", "up to 9999")]);
        check("3_x_+5", List, &[(4, "+5", "+5 is not a width")]);
        check("3_x_5_R", List, &[(6, "R", "L cuts at the left")]);
        check("3_my_title_10_L", List, &[(14, "L", "a title cannot contain _")]);
        check("", List, &[(0, "", "without a number")]);
        check("3_x_5%%", List, &[(7, "", "without a number")]);
        check("3_x_5%%%%3_y_5", List, &[(7, "", "without a number")]);
        check("3_ä_5%%ä", List, &[(8, "ä", "not the number of a field")]);
    }

    #[test]
    fn widths_are_read() {
        assert_eq!(parse_widths("", 7), Ok(vec![None]));
        assert_eq!(parse_widths("13%11%%8", 7), Ok(vec![Some(13), Some(11), Some(8)]));
        assert_eq!(parse_widths("%%11%0", 7), Ok(vec![None, Some(11), None]));
        let errors = parse_widths("1%x%3%y", 7).unwrap_err();
        assert_eq!(errors.iter().map(|e| (e.offset, e.length)).collect::<Vec<_>>(), [(2, 1), (6, 1)]);
        let errors = parse_widths("1%2%3%4%5%6%7%8%9", 7).unwrap_err();
        assert_eq!((errors[0].offset, errors[0].length), (14, 3));
        assert_eq!(errors[0].to_string(), "the table has 7 columns, but there is a width for column 8");
    }
}
