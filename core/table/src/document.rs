//! json, jsonl and yaml: every value typed, every missing one with its reason, problems beside the records.
//!
//! All three have one schema, `core/table/schema/list.schema.json`:
//!
//! * A document (json, yaml) is `{"schema":1,"records":[…],"problems":[…]}`. It comes whole, at the end.
//! * A line (jsonl) is a record or a problem, with `"kind"` and `"schema"` before the rest. It comes at once, in the
//!   order in which hosts answer, unless rows are sorted as a whole.
//! * A record has the fields that were chosen; when none were, those that the action numbers and those without a number.
//!   Text is as the host gave it, numbers are numbers, sizes are in bytes, times in RFC 3339, UTC. A value that is
//!   missing is null, and only then `missing` says why. What plugins add stands under `extra`, when no fields were chosen.
//! * A problem has phase, target, plugin, step, message, hints, and the exit code it stands for.
//!
//! A reader must accept fields it does not know. The number of the schema changes when a field changes its meaning.

use crate::layout::{Layout, Row};
use crate::node::Node;
use crate::presentation::Presentation;
use crate::raw::raw_cell;
use ctys_model::field::Known;
use ctys_model::{Field, Missing, Phase, Problem, Record, Value};

/// The number of the schema.
pub const SCHEMA: u32 = 1;

/// The schema, as JSON.
pub const SCHEMA_TEXT: &str = include_str!("../schema/list.schema.json");

/// The fields of a record in the formats for machines: the chosen ones in canonical order; when none were chosen, all
/// with a number and then all that have none in either numbering.
pub(crate) fn fields(presentation: &Presentation) -> Vec<Known> {
    let numbering = presentation.numbering;
    if !presentation.fields.is_empty() {
        return numbering.canonical(&presentation.fields);
    }
    let numbered = numbering.machine().into_iter().filter(|&field| field != Known::Reserved1);
    let unnumbered = Known::ALL.iter().copied().filter(|f| f.list_index().is_none() && f.enum_index().is_none());
    // No session has a text: it is there where it was chosen, by SHOW and INFO.
    numbered.chain(unnumbered.filter(|&field| field != Known::Text)).collect()
}

/// One of the three formats.
pub(crate) struct Document {
    kind: Kind,
    fields: Vec<Known>,
    /// Whether what plugins add is shown.
    extra: bool,
    records: Vec<String>,
    problems: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Jsonl,
    Yaml,
}

impl Document {
    /// One JSON document, one record per line.
    pub(crate) fn json(presentation: &Presentation) -> Document {
        Document::new(Kind::Json, presentation)
    }

    /// One JSON object per line.
    pub(crate) fn jsonl(presentation: &Presentation) -> Document {
        Document::new(Kind::Jsonl, presentation)
    }

    /// One YAML document.
    pub(crate) fn yaml(presentation: &Presentation) -> Document {
        Document::new(Kind::Yaml, presentation)
    }

    fn new(kind: Kind, presentation: &Presentation) -> Document {
        let extra = presentation.fields.is_empty();
        Document { kind, fields: fields(presentation), extra, records: Vec::new(), problems: Vec::new() }
    }

    fn record(&self, record: &Record) -> Vec<(String, Node)> {
        let mut missing = Vec::new();
        let mut entry = |key: &str, value: &Value| {
            let node = node(value).unwrap_or_else(|why| {
                missing.push((key.to_string(), reason(&why)));
                Node::Null
            });
            (key.to_string(), node)
        };
        let mut entries: Vec<_> = self.fields.iter().map(|&field| entry(field.key(), record.get(field))).collect();
        let extra = |field: &Field| matches!(field, Field::Other(_)) && self.extra;
        let extra: Vec<_> =
            record.fields.iter().filter(|(f, _)| extra(f)).map(|(field, value)| entry(field.key(), value)).collect();
        if !extra.is_empty() {
            entries.push(("extra".to_string(), Node::Map(extra)));
        }
        entries.push(("missing".to_string(), Node::Map(missing)));
        entries
    }

    /// The text of one record or problem, ready for its place.
    fn text(&self, kind: &str, mut entries: Vec<(String, Node)>) -> String {
        match self.kind {
            Kind::Json => Node::Map(entries).json(),
            Kind::Yaml => Node::Map(entries).yaml_item(2),
            Kind::Jsonl => {
                let mark = [("kind".to_string(), Node::Text(kind.to_string())), ("schema".to_string(), SCHEMA.into())];
                entries.splice(0..0, mark);
                Node::Map(entries).json() + "\n"
            }
        }
    }
}

impl Layout for Document {
    fn row(&self, record: &Record) -> Row {
        // For sorting only: what csv would show.
        let cells = self.fields.iter().map(|&field| raw_cell(record.get(field), true)).collect();
        Row { cells, text: self.text("record", self.record(record)), ..Row::default() }
    }

    fn rows(&mut self, rows: &[Row]) -> String {
        let texts = rows.iter().map(|row| row.text.clone());
        if self.kind == Kind::Jsonl {
            return texts.collect();
        }
        self.records.extend(texts);
        String::new()
    }

    fn problem(&mut self, problem: &Problem) -> String {
        let text = self.text("problem", problem_entries(problem));
        if self.kind == Kind::Jsonl {
            return text;
        }
        self.problems.push(text);
        String::new()
    }

    fn foot(&mut self) -> String {
        let json = |texts: &[String]| match texts {
            [] => "[]".to_string(),
            texts => format!("[\n{}\n]", texts.join(",\n")),
        };
        let yaml = |texts: &[String]| match texts {
            [] => " []\n".to_string(),
            texts => format!("\n{}", texts.concat()),
        };
        let (records, problems) = (&self.records, &self.problems);
        match self.kind {
            Kind::Json => {
                format!("{{\"schema\":{SCHEMA},\"records\":{},\"problems\":{}}}\n", json(records), json(problems))
            }
            Kind::Yaml => format!("schema: {SCHEMA}\nrecords:{}problems:{}", yaml(records), yaml(problems)),
            Kind::Jsonl => String::new(),
        }
    }
}

fn problem_entries(problem: &Problem) -> Vec<(String, Node)> {
    let Problem { phase, message, hints, plugin, target, step } = problem;
    let hints = hints.iter().map(|hint| Node::Text(hint.clone())).collect();
    [
        ("phase", Node::Text(phase_name(*phase))),
        ("target", Node::maybe(target.as_deref())),
        ("plugin", Node::maybe(plugin.as_deref())),
        ("step", Node::maybe(step.as_deref())),
        ("message", Node::Text(message.clone())),
        ("hints", Node::List(hints)),
        ("exit_code", u32::from(phase.exit_code()).into()),
    ]
    .map(|(key, node)| (key.to_string(), node))
    .into()
}

/// The phase as one word: `host_key`.
fn phase_name(phase: Phase) -> String {
    phase.word().replace(' ', "_")
}

fn node(value: &Value) -> Result<Node, Missing> {
    match value {
        Value::Text(text) => Ok(Node::Text(text.clone())),
        Value::Number(number) => Ok(Node::Integer((*number).into())),
        Value::Size(bytes) => Ok(Node::Integer((*bytes).into())),
        Value::Time(seconds) => rfc3339(*seconds).map(Node::Text).ok_or_else(|| {
            Missing::Unknown(format!("the time, {seconds} seconds after 1970, is outside of the years 0 to 9999"))
        }),
        Value::Missing(why) => Err(why.clone()),
    }
}

fn reason(why: &Missing) -> Node {
    let mut entries = vec![("why".to_string(), Node::Text(why.word().to_string()))];
    entries.extend(why.detail().map(|detail| ("detail".to_string(), Node::Text(detail.to_string()))));
    Node::Map(entries)
}

/// A time in RFC 3339, UTC: `2010-06-21T12:34:56Z`. Nothing outside of the years 0 to 9999, which have no such form.
pub fn rfc3339(seconds: i64) -> Option<String> {
    const DAY: i64 = 86_400;
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    (0..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March here, so that the leap day is the last day of its year; 400 years have 146,097 days.
fn date(days: i64) -> (i64, i64, i64) {
    let from_march_of_0 = days + 719_468;
    let era = from_march_of_0.div_euclid(146_097);
    let day_of_era = from_march_of_0.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // Checked with `date -u -d @N +%FT%TZ`.
        let check = |seconds: i64, expected: &str| assert_eq!(rfc3339(seconds).as_deref(), Some(expected));
        check(0, "1970-01-01T00:00:00Z");
        check(-1, "1969-12-31T23:59:59Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(951_868_800, "2000-03-01T00:00:00Z");
        check(1_277_123_696, "2010-06-21T12:34:56Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
        check(253_402_300_799, "9999-12-31T23:59:59Z");
        check(-62_167_219_200, "0000-01-01T00:00:00Z");
        for outside in [253_402_300_800, -62_167_219_201, i64::MAX, i64::MIN] {
            assert_eq!(rfc3339(outside), None, "{outside}");
        }
    }
}
