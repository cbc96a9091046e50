//! `-a ACTION[=SUBOPTIONS]` to typed actions (ctys.md 2).

pub(crate) mod address;
pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod enumerate;
pub(crate) mod extra;
pub(crate) mod helpers;
pub(crate) mod list;
pub(crate) mod look;

use crate::mistakes::{Desk, Fault, nearest, shown};
use crate::suboptions::{Suboption, split};
use crate::superposition::Effective;
use crate::text::{Spot, Text};
use crate::types;
use ctys_model::manifest::Category;
use ctys_model::{Action, Verb};
use ctys_table::Presentation;

/// An action as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    pub action: Action,
    /// The session types; empty means all.
    pub types: Vec<String>,
    /// How the answer is shown.
    pub presentation: Option<Presentation>,
    /// Where CONSOLE stands.
    pub console_at: Option<Spot>,
}

/// The session type an action with one plugin goes to.
pub(crate) struct OneType {
    pub name: String,
    pub category: Category,
}

/// Reads the value of `-a`.
pub(crate) fn parse(desk: &mut Desk<'_>, text: &Text, effective: &Effective) -> Option<Parsed> {
    let (word, rest) = match text.split_once('=') {
        Some((word, rest)) => (word, rest),
        None => (text.clone(), Text::empty(text.spot().behind())),
    };
    let (word, rest) = (word.trim(), rest.trim());
    if text.is_empty() {
        return None;
    }
    let Some(verb) = Verb::ALL.into_iter().find(|verb| word.is_word(verb.word())) else {
        let words = Verb::ALL.map(Verb::word);
        let fault = Fault::at(word.spot(), format!("the action {} is not known", shown(&word)));
        desk.fault(fault.expected(words.join(", ")).near(&word.to_string(), words));
        return None;
    };
    let before = desk.faults();
    let mut parsed = if verb.is_collector() {
        collector(desk, verb, &rest, effective)
    } else {
        if let Some(output) = &effective.output {
            desk.fault(Fault::at(output.spot(), format!("{verb} has no --output; it goes with LIST and ENUMERATE")));
        }
        let one = one_type(desk, verb, effective)?;
        single(desk, verb, &rest, &word, one)
    };
    if let Some(parsed) = &mut parsed {
        parsed.types.dedup();
    }
    parsed.filter(|_| desk.faults() == before)
}

/// The look of a local action that every context replaces. What it does is not asked of anybody, so an action for one
/// session type is not looked at.
pub(crate) fn look_of_unused(desk: &mut Desk<'_>, local: &Effective) -> Option<Presentation> {
    let (text, _) = local.action.as_ref()?;
    let single = |verb: &Verb| !verb.is_collector() && text.split('=')[0].trim().is_word(verb.word());
    if Verb::ALL.iter().any(single) {
        return None;
    }
    parse(desk, text, local)?.presentation
}

fn collector(desk: &mut Desk<'_>, verb: Verb, rest: &Text, effective: &Effective) -> Option<Parsed> {
    let types = effective.types.as_ref().map(|(types, _)| types.clone()).unwrap_or_default();
    let types = if types.iter().any(|name| name == types::ALL) { Vec::new() } else { types };
    let (action, presentation) = match verb {
        Verb::List => {
            let (list, look) = list::list(desk, rest, effective)?;
            (Action::List(list), Some(look))
        }
        Verb::Enumerate => {
            let (enumerate, look) = enumerate::enumerate(desk, rest, effective)?;
            (Action::Enumerate(enumerate), Some(look))
        }
        _ => {
            if !rest.is_empty() {
                desk.fault(Fault::at(rest.spot(), format!("{verb} takes no suboptions")));
            }
            let action = if verb == Verb::Show { Action::Show } else { Action::Info };
            (action, look::output_only(desk, effective))
        }
    };
    Some(Parsed { action, types, presentation, console_at: None })
}

fn single(desk: &mut Desk<'_>, verb: Verb, rest: &Text, word: &Text, one: OneType) -> Option<Parsed> {
    let mut console_at = None;
    let action = match verb {
        Verb::Create => {
            let (create, at) = create::create(desk, rest, word, &one);
            console_at = at;
            Action::Create(Box::new(create))
        }
        Verb::Cancel => Action::Cancel(Box::new(cancel::cancel(desk, rest, word, &one))),
        Verb::GetClientPort => Action::GetClientPort(helpers::get_client_port(desk, rest, word, &one)),
        _ => Action::IsActive(helpers::is_active(desk, rest, word, &one)),
    };
    Some(Parsed { action, types: vec![one.name], presentation: None, console_at })
}

/// The one session type of CREATE, CANCEL and the helpers.
fn one_type(desk: &mut Desk<'_>, verb: Verb, effective: &Effective) -> Option<OneType> {
    let (types, at) = match &effective.types {
        None => {
            let text = look::default_words(desk, "DEFAULT_C_SESSIONTYPE", desk.world.default_type);
            (vec![types::known(desk, &text)?], text.spot())
        }
        Some((types, at)) => (types.clone(), *at),
    };
    let name = match types.as_slice() {
        [] => return None,
        [one] if one != types::ALL => one.clone(),
        _ => {
            let fault = Fault::at(at, format!("{verb} goes to exactly one session type"));
            desk.fault(fault.note("several types, or ALL, go with LIST, ENUMERATE, SHOW and INFO"));
            return None;
        }
    };
    if let Some(manifest) = types::manifest(desk, &name)
        && !manifest.verbs.is_empty()
        && !manifest.serves(verb)
    {
        let at = effective.action.as_ref().map(|(text, _)| text.spot()).unwrap_or_default();
        let able: Vec<&str> = manifest.verbs.iter().map(|decl| decl.verb.word()).collect();
        let fault = Fault::at(at, format!("the session type {name} has no {verb}"));
        desk.fault(fault.expected(able.join(", ")));
        return None;
    }
    let category = types::category(desk, &name);
    Some(OneType { name, category })
}

/// Whether a key takes an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// None.
    Nothing,
    /// One, and it must be there.
    Argument,
    /// One or none.
    Maybe,
}

/// One suboption of an action: its spellings, the canonical one first.
pub(crate) struct Key {
    pub names: &'static [&'static str],
    pub takes: Takes,
    /// What the argument looks like, for the help.
    pub argument: &'static str,
    /// One line of help.
    pub help: &'static str,
}

/// The suboptions of an action's text.
pub(crate) fn suboptions(rest: &Text) -> Vec<Suboption> {
    split(rest).into_iter().map(|text| Suboption::of(text.trim())).collect()
}

/// The key of a suboption, when it is one of these and has the argument it needs. `others` are further words that
/// could have been meant.
pub(crate) fn key_of(
    desk: &mut Desk<'_>,
    verb: Verb,
    sub: &Suboption,
    tables: &[&'static [Key]],
    others: &[String],
) -> Option<&'static str> {
    let mut keys = tables.iter().flat_map(|table| table.iter());
    let Some(key) = keys.find(|key| key.names.iter().any(|name| sub.key.is_word(name))) else {
        unknown(desk, verb, sub, tables, others);
        return None;
    };
    let name = key.names[0];
    takes(desk, sub, key.takes, key.argument).then_some(name)
}

/// Whether a suboption has the argument it needs, and none that it does not.
pub(crate) fn takes(desk: &mut Desk<'_>, sub: &Suboption, takes: Takes, form: &str) -> bool {
    match (takes, &sub.argument) {
        (Takes::Nothing, Some(argument)) => {
            let at = Spot { from: sub.key.spot().to, ..argument.spot() };
            desk.fault(Fault::at(at, format!("{} takes no argument", shown(sub.key.upper()))));
            false
        }
        (Takes::Argument, None) => {
            let fault = Fault::at(sub.key.spot().behind(), format!("{} has no argument", shown(sub.key.upper())));
            desk.fault(fault.expected(format!("{}:{form}", shown(sub.key.upper()))));
            false
        }
        (Takes::Argument, Some(argument)) if argument.is_empty() => {
            let fault = Fault::at(argument.spot(), format!("{} has an empty argument", shown(sub.key.upper())));
            desk.fault(fault.expected(format!("{}:{form}", shown(sub.key.upper()))));
            false
        }
        _ => true,
    }
}

fn unknown(desk: &mut Desk<'_>, verb: Verb, sub: &Suboption, tables: &[&'static [Key]], others: &[String]) {
    if sub.argument.is_some() && others.contains(&sub.key.upper()) {
        desk.fault(Fault::at(sub.key.spot(), format!("{} of {verb} takes no argument", sub.key.upper())));
        return;
    }
    let keys = || tables.iter().flat_map(|table| table.iter()).filter(|key| look::has(verb, key.names[0]));
    let expected: Vec<&str> = keys().map(|key| key.names[0]).chain(others.iter().map(String::as_str)).collect();
    let names = keys().flat_map(|key| key.names.iter().copied()).chain(others.iter().map(String::as_str));
    let near = nearest(&sub.key.to_string(), names.filter(|name| name.len() > 1));
    let owners = extra::owners(verb, &sub.key.upper());
    let addressed = matches!(verb, Verb::Create | Verb::Cancel) && sub.argument.is_none();
    let mut fault = Fault::at(sub.key.spot(), format!("{verb} has no suboption {}", shown(&sub.key)));
    if !owners.is_empty() {
        fault = fault.note(format!("{} goes with -t {}", shown(sub.key.upper()), owners.join(" or -t ")));
    } else if addressed && near.is_none() {
        fault = fault.note(format!("a machine of this name is addressed as l:{}", shown(&sub.key)));
    }
    desk.fault(fault.expected(expected.join(", ")).nearest(near));
}
