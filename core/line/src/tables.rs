//! The tables of the command line as data: for the manual, which is generated from them, and for completion.

use crate::actions::{Key, Takes, address, cancel, create, enumerate, extra, list, look};
use crate::options;
use ctys_model::manifest::ArgumentDecl;
use ctys_model::{Manifest, Verb};

/// Rows that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The title.
    pub title: String,
    /// The rows.
    pub rows: Vec<Row>,
}

/// An option, a suboption or a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its spellings: `-a` and `--action` of an option, `LABEL` and `L` of a suboption.
    pub names: Vec<String>,
    /// What its value is called; none where it takes none.
    pub value: Option<String>,
    /// The value may be left out.
    pub optional: bool,
    /// One line of help.
    pub help: String,
}

/// The short verbs, each with what stands behind it as its value.
pub fn short_verbs() -> Vec<Row> {
    let row = |verb: &crate::ShortVerb| Row {
        names: vec![verb.name.to_string()],
        value: Some(verb.usage.to_string()).filter(|usage| !usage.is_empty()),
        optional: false,
        help: verb.about.to_string(),
    };
    crate::VERBS.iter().map(row).collect()
}

/// All options that have a meaning, by group.
pub fn options() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let command = options::command();
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        let title = arg.get_help_heading().unwrap_or_default();
        if sections.last().is_none_or(|section| section.title != title) {
            sections.push(Section { title: title.to_string(), rows: Vec::new() });
        }
        let longs = arg.get_long().into_iter().chain(arg.get_visible_aliases().into_iter().flatten());
        let names = arg.get_short().map(|short| format!("-{short}")).into_iter();
        let names = names.chain(longs.map(|long| format!("--{long}"))).collect();
        let values = arg.get_value_names().filter(|_| arg.get_action().takes_values()).unwrap_or_default();
        let row = Row {
            names,
            value: values.first().map(ToString::to_string),
            optional: false,
            help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        };
        sections.last_mut().expect("one was pushed").rows.push(row);
    }
    sections
}

/// The suboptions of an action, those that only some plugins know included.
pub fn suboptions(verb: Verb, manifests: &[Manifest]) -> Vec<Section> {
    let address = ("Which machine", rows(address::KEYS));
    let mut look = [("What is printed", rows(look::WORDS)), ("Formats", rows(look::FORMATS))];
    look[1].1.retain(|row| look::has(verb, &row.names[0]));
    let mut sections = match verb {
        Verb::Create => vec![address, ("Suboptions", rows(create::KEYS))],
        Verb::Cancel => vec![address, ("Suboptions", rows(cancel::KEYS))],
        Verb::List => [&[("Suboptions", rows(list::KEYS))], &look[..], &[("Fields", fields(list::FIELDS))]].concat(),
        Verb::Enumerate => {
            let own = [("Suboptions", rows(enumerate::KEYS))];
            [&own[..], &look[..], &[("Fields", fields(enumerate::FIELDS))]].concat()
        }
        Verb::GetClientPort | Verb::IsActive => vec![address],
        _ => Vec::new(),
    };
    sections.retain(|(_, rows)| !rows.is_empty());
    let mut sections: Vec<Section> =
        sections.into_iter().map(|(title, rows)| Section { title: title.to_string(), rows }).collect();
    for manifest in manifests {
        let rows = of_plugin(verb, manifest);
        if !rows.is_empty() {
            sections.push(Section { title: format!("With -t {}", manifest.session_types.join("|")), rows });
        }
    }
    sections
}

/// The suboptions that a plugin adds to an action.
pub fn of_plugin(verb: Verb, manifest: &Manifest) -> Vec<Row> {
    let own = manifest.verbs.iter().filter(|decl| decl.verb == verb).flat_map(|decl| &decl.suboptions);
    own.map(|decl| Row {
        names: std::iter::once(&decl.key).chain(&decl.aliases).cloned().collect(),
        value: Some(extra::form_text(&decl.argument)).filter(|form| !form.is_empty()),
        optional: decl.argument == ArgumentDecl::OptionalText,
        help: decl.help.clone(),
    })
    .collect()
}

fn rows(keys: &[Key]) -> Vec<Row> {
    let row = |key: &Key| Row {
        names: key.names.iter().map(ToString::to_string).collect(),
        value: (!matches!(key.takes, Takes::Nothing)).then(|| key.argument.to_string()),
        optional: matches!(key.takes, Takes::Maybe),
        help: key.help.to_string(),
    };
    keys.iter().map(row).collect()
}

fn fields(words: &[look::FieldWord]) -> Vec<Row> {
    let row = |(names, field): &look::FieldWord| Row {
        names: names.iter().map(ToString::to_string).collect(),
        value: None,
        optional: false,
        help: field.help().to_string(),
    };
    words.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_tells_every_row_of_the_tables() {
        let check = |text: &str, sections: Vec<Section>| {
            assert!(!sections.is_empty());
            for row in sections.iter().flat_map(|section| &section.rows) {
                // Aliases of options stand in the manual only.
                assert!(row.names.iter().any(|name| text.contains(name)), "{row:?}");
                assert!(text.contains(&row.help) && !row.help.is_empty(), "{row:?}");
                assert!(row.value.as_ref().is_none_or(|value| text.contains(value)), "{row:?}");
            }
        };
        check(&crate::help("", &[]).unwrap(), options());
        let manifest = Manifest {
            session_types: vec!["XEN".into()],
            verbs: vec![ctys_model::manifest::VerbDecl {
                verb: Verb::Create,
                suboptions: vec![ctys_model::manifest::SuboptionDecl {
                    key: "OWN".into(),
                    aliases: vec!["OW".into()],
                    argument: ArgumentDecl::OneOf(vec!["YES".into(), "NO".into()]),
                    help: "something of its own".into(),
                }],
            }],
            ..Manifest::default()
        };
        for verb in [Verb::Create, Verb::Cancel, Verb::List, Verb::Enumerate] {
            let manifests = std::slice::from_ref(&manifest);
            check(&crate::help(verb.word(), manifests).unwrap(), suboptions(verb, manifests));
        }
        let own = suboptions(Verb::Create, &[manifest]).pop().unwrap();
        assert_eq!((own.title.as_str(), own.rows[0].names.len()), ("With -t XEN", 2));
    }
}
