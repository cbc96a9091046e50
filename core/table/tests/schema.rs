//! What json, jsonl and yaml print conforms to the published schema, and the schema knows all there is.

use ctys_model::field::Known;
use ctys_model::{Field, Missing, Phase, Problem, Record, Value};
use ctys_table::{Format, Numbering, Presentation, Printer, SCHEMA, Style};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

fn schema() -> Json {
    serde_json::from_str(include_str!("../schema/list.schema.json")).unwrap()
}

/// The part of JSON Schema that our schema uses; any other keyword fails the test.
struct Checker {
    root: Json,
}

impl Checker {
    /// What is wrong with a value. The schema is open for fields of later versions; but with `closed` a key it does not
    /// declare is wrong too: this version must not print one.
    fn check(&self, rules: &Json, value: &Json, path: &str, closed: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        for (keyword, rule) in rules.as_object().unwrap() {
            let fine = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" | "additionalProperties" => true,
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "type" => words(rule).contains(&type_of(value)),
                "required" => words(rule).iter().all(|key| value.get(key).is_some()),
                "$ref" => {
                    wrong.extend(self.check(self.referred(rule), value, path, closed));
                    true
                }
                "allOf" => {
                    for part in rule.as_array().unwrap() {
                        wrong.extend(self.check(part, value, path, false));
                    }
                    true
                }
                "oneOf" => {
                    let fits = |part: &&Json| self.check(part, value, path, closed).is_empty();
                    rule.as_array().unwrap().iter().filter(fits).count() == 1
                }
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        wrong.extend(self.check(rule, item, &format!("{path}/{at}"), true));
                    }
                    true
                }
                "properties" => {
                    for (key, rule) in rule.as_object().unwrap() {
                        let inner = value.get(key).map(|value| self.check(rule, value, &format!("{path}/{key}"), true));
                        wrong.extend(inner.into_iter().flatten());
                    }
                    true
                }
                other => panic!("this test does not know the keyword {other}"),
            };
            if !fine {
                wrong.push(format!("{path}: {value} is against {keyword} {rule}"));
            }
        }
        let declared = self.declared(rules);
        for (key, inner) in value.as_object().into_iter().flatten().filter(|(key, _)| !declared.contains(*key)) {
            match rules.get("additionalProperties") {
                Some(rule) => wrong.extend(self.check(rule, inner, &format!("{path}/{key}"), true)),
                None if closed && rules.get("properties").is_some() => {
                    wrong.push(format!("{path}: the schema does not know {key}"));
                }
                None => {}
            }
        }
        wrong
    }

    fn referred(&self, rule: &Json) -> &Json {
        let path = rule.as_str().and_then(|name| name.strip_prefix('#')).expect("references are inside of the file");
        self.root.pointer(path).unwrap_or_else(|| panic!("{path} is not in the schema"))
    }

    fn declared(&self, rules: &Json) -> BTreeSet<String> {
        let own = rules.get("properties").and_then(Json::as_object).into_iter().flatten().map(|(key, _)| key.clone());
        let parts = rules.get("allOf").and_then(Json::as_array).into_iter().flatten().chain(
            // A reference stands alone: what it declares is declared here.
            rules.get("$ref").is_some().then_some(rules),
        );
        let inherited = parts.filter_map(|part| part.get("$ref")).flat_map(|rule| self.declared(self.referred(rule)));
        own.chain(inherited).collect()
    }
}

fn words(rule: &Json) -> Vec<&str> {
    match rule {
        Json::String(one) => vec![one],
        many => many.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect(),
    }
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_f64() => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

#[track_caller]
fn conforms(value: &Json) {
    let root = schema();
    let wrong = Checker { root: root.clone() }.check(&root, value, "", true);
    // The message of `oneOf` says only that none fits; the parts say why.
    let parts = ["document", "record_line", "problem_line"];
    let why = |part: &&str| Checker { root: root.clone() }.check(&root["$defs"][part], value, part, true);
    assert!(wrong.is_empty(), "{wrong:#?}\n{:#?}", parts.iter().map(why).collect::<Vec<_>>());
}

/// Records with every kind of value and every kind of reason.
fn records() -> Vec<Record> {
    let reasons = [
        Missing::NotApplicable,
        Missing::NotAsked,
        Missing::None,
        Missing::NoPermission("xl list".to_string()),
        Missing::ToolAbsent("xl".to_string()),
        Missing::HostSilent,
        Missing::Unknown("the moon".to_string()),
    ];
    let mut records: Vec<Record> =
        reasons.into_iter().map(|why| Record::new("XEN").with(Known::Label, Value::Missing(why))).collect();
    records.push(
        Record::new("XEN")
            .with(Known::Label, "a\"\\\n\u{1b}ä日\u{e0001}")
            .with(Known::Cport, Value::Number(-1))
            .with(Known::Vram, Value::Size(u64::MAX))
            .with(Known::Observed, Value::Time(0))
            .with(Field::Other("xen.weight".to_string()), Value::Number(256))
            .with(Field::Other("no".to_string()), "no")
            .with(Field::Other("xen.cap".to_string()), Value::Missing(Missing::HostSilent)),
    );
    records.push(Record::new("XEN").with(Known::Observed, Value::Time(i64::MAX)));
    records
}

fn problems() -> Vec<Problem> {
    use Phase::*;
    let all = [
        Usage,
        Here,
        Resolve,
        Connect,
        HostKey,
        Login,
        Privilege,
        Run,
        Parse,
        Ambiguous,
        Timeout,
        Plugin,
        Interrupted,
        Notice,
    ];
    let plain = all.map(|phase| Problem::new(phase, "it failed"));
    let whole = Problem {
        target: Some("lab00".to_string()),
        plugin: Some("xen".to_string()),
        ..Problem::new(Run, "it failed").step("list").hint("try again").hint("or not")
    };
    plain.into_iter().chain([whole]).collect()
}

fn print(numbering: Numbering, format: Format, fields: &[Known]) -> String {
    let fields = fields.iter().copied().collect();
    let presentation = Presentation { fields, ..Presentation::new(numbering, format) };
    let mut printer = Printer::new(presentation, Style::default());
    let mut text = printer.block(&records());
    for problem in problems() {
        text += &printer.problem(&problem);
    }
    text + &printer.finish()
}

const VARIANTS: [(Numbering, &[Known]); 4] = [
    (Numbering::List, &[]),
    (Numbering::Enumerate, &[]),
    (Numbering::List, &[Known::Label, Known::State, Known::Observed]),
    (Numbering::Enumerate, Known::ALL),
];

#[test]
fn json_and_yaml_conform_and_say_the_same() {
    for (numbering, fields) in VARIANTS {
        let json: Json = serde_json::from_str(&print(numbering, Format::Json, fields)).unwrap();
        conforms(&json);
        let yaml: Json = serde_yaml_ng::from_str(&print(numbering, Format::Yaml, fields)).unwrap();
        assert_eq!(json, yaml);
        assert_eq!(json["schema"], SCHEMA);
        assert_eq!(json["records"].as_array().unwrap().len(), records().len());
        assert_eq!(json["problems"].as_array().unwrap().len(), problems().len());
    }
}

#[test]
fn every_line_of_jsonl_conforms_and_says_the_same_as_json() {
    for (numbering, fields) in VARIANTS {
        let json: Json = serde_json::from_str(&print(numbering, Format::Json, fields)).unwrap();
        let mut found: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for line in print(numbering, Format::Jsonl, fields).lines() {
            let mut value: Json = serde_json::from_str(line).unwrap();
            conforms(&value);
            let map = value.as_object_mut().unwrap();
            assert_eq!(map.remove("schema"), Some(SCHEMA.into()));
            let kind = map.remove("kind").unwrap().as_str().unwrap().to_string();
            found.entry(kind).or_default().push(value);
        }
        assert_eq!(Json::from(found.remove("record").unwrap()), json["records"]);
        assert_eq!(Json::from(found.remove("problem").unwrap()), json["problems"]);
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn a_value_is_null_exactly_when_there_is_a_reason() {
    for (numbering, fields) in VARIANTS {
        let json: Json = serde_json::from_str(&print(numbering, Format::Json, fields)).unwrap();
        for record in json["records"].as_array().unwrap() {
            let extra = record.get("extra").and_then(Json::as_object).into_iter().flatten();
            let nulls: BTreeSet<&String> = record
                .as_object()
                .unwrap()
                .iter()
                .chain(extra)
                .filter(|(_, value)| value.is_null())
                .map(|(key, _)| key)
                .collect();
            let reasons: BTreeSet<&String> = record["missing"].as_object().unwrap().keys().collect();
            assert_eq!(nulls, reasons, "{record}");
        }
    }
}

#[test]
fn the_schema_declares_every_field_with_its_help() {
    let schema = schema();
    let properties = schema["$defs"]["record"]["properties"].as_object().unwrap();
    let declared: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = Known::ALL.iter().map(|known| known.key()).chain(["extra", "missing"]).collect();
    assert_eq!(declared, known, "core/table/schema/list.schema.json and core/model/src/field.rs differ");
    for known in Known::ALL {
        assert_eq!(properties[known.key()]["description"], known.help(), "{} in list.schema.json", known.key());
    }
    assert_eq!(schema["$defs"]["document"]["properties"]["schema"]["const"], SCHEMA);
}

#[test]
fn the_checker_sees_mistakes() {
    let root = schema();
    let checker = Checker { root: root.clone() };
    let good: Json = serde_json::from_str(&print(Numbering::List, Format::Json, &[])).unwrap();
    let wrong = |pointer: &str, value: Json| {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        checker.check(&root["$defs"]["document"], &bad, "", true)
    };
    assert!(wrong("/schema", SCHEMA.into()).is_empty());
    for (pointer, value) in [
        ("/schema", Json::from(2)),
        ("/records", Json::Null),
        ("/records/0", serde_json::json!({"missing": {}, "lable": "x"})),
        ("/records/0", serde_json::json!({"label": "x"})),
        ("/records/0/label", Json::from(1.5)),
        ("/records/0/missing/label/why", Json::from("because")),
        ("/records/0/missing/label", serde_json::json!({"detail": "x"})),
        ("/records/7/extra/no", Json::from(true)),
        ("/problems/0/phase", Json::from("host key")),
        ("/problems/0/hints", Json::from("x")),
        ("/problems/0/exit_code", Json::from(7)),
    ] {
        assert!(!wrong(pointer, value.clone()).is_empty(), "{value} at {pointer} was not noticed");
    }
}
