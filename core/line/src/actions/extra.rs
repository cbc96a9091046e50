//! Suboptions of single plugins: those of the manifest where the plugin is at hand, else the classic ones
//! (ctys-original.md 2.3, 2.4).

use super::{OneType, Takes, takes};
use crate::mistakes::{Desk, Fault, shown};
use crate::suboptions::Suboption;
use crate::types;
use crate::words::{mac, number};
use ctys_model::Verb;
use ctys_model::manifest::ArgumentDecl;

/// One suboption of the original: type, action, spellings, argument.
struct Classic {
    types: &'static [&'static str],
    verb: Verb,
    names: &'static [&'static str],
    argument: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Nothing,
    Text,
    Maybe,
    Number(i64, i64),
    Mac,
}

const fn classic(
    types: &'static [&'static str],
    verb: Verb,
    names: &'static [&'static str],
    argument: Form,
) -> Classic {
    Classic { types, verb, names, argument }
}

const CLASSIC: &[Classic] = &[
    classic(&["PM"], Verb::Create, &["WOL"], Form::Maybe),
    classic(&["PM"], Verb::Create, &["IF"], Form::Text),
    classic(&["PM"], Verb::Create, &["BROADCAST"], Form::Text),
    classic(&["PM"], Verb::Create, &["BMAC"], Form::Mac),
    classic(&["PM"], Verb::Create, &["PORT"], Form::Number(1, 65535)),
    classic(&["PM"], Verb::Cancel, &["WOL"], Form::Nothing),
    classic(&["PM"], Verb::Cancel, &["IF"], Form::Text),
    classic(&["VNC"], Verb::Create, &["BULK"], Form::Number(1, 20)),
    classic(&["VNC"], Verb::Create, &["VNCBASE"], Form::Number(1, 65535)),
    classic(&["VNC"], Verb::Create, &["VNCPORT"], Form::Number(1, 65535)),
    classic(&["VNC"], Verb::Create, &["WM", "VNCVM"], Form::Text),
    classic(&["QEMU", "KVM"], Verb::Create, &["ARGSADD"], Form::Text),
    classic(&["QEMU", "KVM"], Verb::Create, &["KERNEL"], Form::Text),
    classic(&["X11"], Verb::Create, &["DH"], Form::Nothing),
    classic(&["X11"], Verb::Create, &["SH"], Form::Nothing),
    classic(&["X11"], Verb::Create, &["NOTITLE"], Form::Nothing),
    classic(&["X11"], Verb::Create, &["TITLEKEY"], Form::Text),
    classic(&["RDP"], Verb::Create, &["RDPPORT"], Form::Number(1, 65535)),
    classic(&["RDP"], Verb::Create, &["INSECURE"], Form::Nothing),
];

/// A suboption a type declares.
pub(crate) struct Declared {
    /// All spellings, the canonical one first.
    pub names: Vec<String>,
    argument: ArgumentDecl,
}

/// The suboptions a type adds to an action.
pub(crate) fn declared(desk: &Desk<'_>, verb: Verb, one: &OneType) -> Vec<Declared> {
    if let Some(manifest) = types::manifest(desk, &one.name) {
        let own = manifest.verbs.iter().filter(|decl| decl.verb == verb).flat_map(|decl| &decl.suboptions);
        return own
            .map(|decl| Declared {
                names: std::iter::once(&decl.key).chain(&decl.aliases).map(|name| name.to_ascii_uppercase()).collect(),
                argument: decl.argument.clone(),
            })
            .collect();
    }
    let own = CLASSIC.iter().filter(|classic| classic.verb == verb && classic.types.contains(&one.name.as_str()));
    own.map(|classic| Declared {
        names: classic.names.iter().map(|name| name.to_string()).collect(),
        argument: match classic.argument {
            Form::Nothing => ArgumentDecl::None,
            Form::Text => ArgumentDecl::Text,
            Form::Maybe => ArgumentDecl::OptionalText,
            Form::Number(min, max) => ArgumentDecl::Number { min, max },
            Form::Mac => ArgumentDecl::Mac,
        },
    })
    .collect()
}

/// The classic types that have a suboption of this name.
pub(crate) fn owners(verb: Verb, name: &str) -> Vec<&'static str> {
    let own = CLASSIC.iter().filter(|classic| classic.verb == verb && classic.names.contains(&name));
    own.flat_map(|classic| classic.types.iter().copied()).collect()
}

/// Reads a suboption that is declared: the key and the argument as typed, or nothing after a mistake.
pub(crate) fn read(desk: &mut Desk<'_>, sub: &Suboption, declared: &Declared) -> Option<(String, String)> {
    let form = match &declared.argument {
        ArgumentDecl::None => Takes::Nothing,
        ArgumentDecl::OptionalText => Takes::Maybe,
        _ => Takes::Argument,
    };
    if !takes(desk, sub, form, &form_text(&declared.argument)) {
        return None;
    }
    let argument = sub.argument.clone();
    let text = argument.as_ref().map(|argument| argument.to_string()).unwrap_or_default();
    let value = match (&declared.argument, &argument) {
        (ArgumentDecl::Number { min, max }, Some(argument)) => match text.parse::<i64>() {
            Ok(number) if (*min..=*max).contains(&number) => number.to_string(),
            _ => {
                let fault = Fault::at(
                    argument.spot(),
                    format!("{} is not a number for {}", shown(argument), declared.names[0]),
                );
                desk.fault(fault.expected(format!("{min} to {max}")));
                return None;
            }
        },
        (ArgumentDecl::Mac, Some(argument)) => match mac(&text) {
            Some(mac) => mac,
            None => {
                let fault = Fault::at(argument.spot(), format!("{} is not a hardware address", shown(argument)));
                desk.fault(fault.expected("six pairs of hexadecimal digits joined by colons"));
                return None;
            }
        },
        (ArgumentDecl::OneOf(words), Some(argument)) => match words.iter().find(|word| argument.is_word(word)) {
            Some(word) => word.clone(),
            None => {
                let fault =
                    Fault::at(argument.spot(), format!("{} is not a word for {}", shown(argument), declared.names[0]));
                desk.fault(fault.expected(words.join(", ")).near(&text, words));
                return None;
            }
        },
        // WOL:<seconds> of the original (ctys.md 5.1).
        (ArgumentDecl::OptionalText, Some(argument)) if declared.names[0] == "WOL" => {
            number(desk, argument, "a number of seconds", 0..=86_400)?.to_string()
        }
        _ => text,
    };
    Some((declared.names[0].clone(), value))
}

/// What an argument looks like, for messages and the help.
pub(crate) fn form_text(argument: &ArgumentDecl) -> String {
    match argument {
        ArgumentDecl::None => String::new(),
        ArgumentDecl::Text | ArgumentDecl::OptionalText => "TEXT".into(),
        ArgumentDecl::Number { min, max } => format!("{min}..{max}"),
        ArgumentDecl::Mac => "aa:bb:cc:dd:ee:ff".into(),
        ArgumentDecl::OneOf(words) => words.join("|"),
    }
}
