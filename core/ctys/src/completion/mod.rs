//! What may stand where the cursor is. Everything here comes from the tables that read a call, so that a new option, action,
//! suboption or tool is completed as soon as it exists.
//!
//! An answer is lines of a candidate, a tab and what it is for. Candidates are whole words; the first line is the word as far as
//! it is typed, for shells that take words apart.

mod known;

pub use known::Known;

use crate::tools::{COMMON, TOOLS, Tool};
use ctys_line::TOPICS;
use ctys_line::tables::{self, Row, Section};
use ctys_model::Verb;
use ctys_model::field::Known as Field;

/// A candidate and what it is for.
type Candidate = (String, String);

/// The kinds of consoles, as CONSOLE of CREATE takes them.
const CONSOLES: &[&str] = &["CLI", "XTERM", "GTERM", "EMACS", "EMACSA", "EMACSM", "EMACSAM", "VNC", "NONE"];

/// The candidates for the last of these words; the first one is the program.
pub fn candidates(words: &[String], known: &Known<'_>) -> String {
    let nothing = String::new();
    let (word, before) = words.split_last().map_or((&nothing, &[][..]), |(word, before)| (word, before));
    let program = before.first().and_then(|program| program.rsplit('/').next()).unwrap_or("ctys");
    let before = before.get(1..).unwrap_or_default();
    let tool = |name: &str| TOOLS.iter().find(|tool| tool.name.strip_prefix("ctys-") == Some(name));
    let found = match (program.strip_prefix("ctys-").and_then(tool), before.first().and_then(|first| tool(first))) {
        (Some(tool), _) => of_tool(tool, before, word, known),
        (None, Some(tool)) => of_tool(tool, &before[1..], word, known),
        (None, None) => of_ctys(before, word, known),
    };
    // Keywords are offered in the case in which they are typed: small letters, unless the word has large ones.
    let lines = found.iter().filter(|(name, _)| {
        name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) && name.len() > word.len()
    });
    let lines: String = lines.map(|(name, about)| format!("{name}\t{about}\n")).collect();
    format!("{word}\t\n{lines}")
}

fn of_ctys(before: &[String], word: &str, known: &Known<'_>) -> Vec<Candidate> {
    // The options of one target are a call of their own; the quotes around them are the shell's.
    if word.contains(['(', '{']) || word.starts_with('\'') {
        return Vec::new();
    }
    let options: Vec<Row> = tables::options().into_iter().flat_map(|section| section.rows).collect();
    if let Some(option) = before.last().and_then(|last| awaiting(last, &options)) {
        return of_value(&option.names, option.value.as_deref().unwrap_or_default(), "", word, before, known);
    }
    if let Some((name, value)) = word.split_once('=').filter(|(name, _)| name.starts_with("--")) {
        let option = options.iter().find(|row| row.names.iter().any(|own| own == name));
        return option.map_or_else(Vec::new, |row| {
            of_value(&row.names, row.value.as_deref().unwrap_or_default(), &format!("{name}="), value, before, known)
        });
    }
    if word.starts_with('-') {
        return of_options(&options);
    }
    let mut found = Vec::new();
    // Behind a short verb stand hosts or machines, as its usage says.
    let verbs = tables::short_verbs();
    let leading = leading(before, &options);
    let verb = verbs.iter().find(|verb| leading == Leading::Word(&verb.names[0]));
    if verb.and_then(|verb| verb.value.as_deref()).is_some_and(|usage| usage.contains("MACHINE")) {
        found.extend(known.machines().into_iter().map(|name| (name, String::new())));
    }
    // What `ctys help` tells of.
    let of_help = verb.is_some_and(|verb| verb.names[0] == "help");
    if of_help {
        found.extend(TOPICS.iter().map(|(name, about)| (name.to_string(), about.to_string())));
    }
    if leading == Leading::Open || of_help {
        found.extend(verbs.into_iter().map(|mut verb| (verb.names.remove(0), verb.help)));
    }
    // A companion tool is the first word of all.
    if before.is_empty() || of_help {
        let tools = TOOLS.iter().filter_map(|tool| Some((tool.name.strip_prefix("ctys-")?, tool.about)));
        found.extend(tools.map(|(name, about)| (name.to_string(), about.to_string())));
    }
    if !of_help {
        found.extend(hosts(known));
    }
    found
}

/// What a call begins with, its options aside.
#[derive(Debug, PartialEq, Eq)]
enum Leading<'a> {
    /// Nothing yet: a short verb may stand here.
    Open,
    /// Only targets can follow: there is an action, or `--`.
    Closed,
    /// This word.
    Word(&'a str),
}

fn leading<'a>(before: &'a [String], options: &[Row]) -> Leading<'a> {
    let takes = |letter: char| options.iter().any(|row| row.names[0] == format!("-{letter}") && row.value.is_some());
    let is_action = |word: &str| match word.strip_prefix("--") {
        Some(long) => long.split('=').next() == Some("action"),
        // The first letter that takes a value ends a group such as `-va`.
        None => word.chars().skip(1).find(|letter| takes(*letter)) == Some('a'),
    };
    let mut words = before.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return Leading::Word(word);
        }
        if word == "--" || is_action(word) {
            return Leading::Closed;
        }
        if awaiting(word, options).is_some() {
            words.next();
        }
    }
    Leading::Open
}

/// The option whose value the next word is: the last letter of a group such as `-vt`, or a whole long name.
fn awaiting<'a>(last: &str, options: &'a [Row]) -> Option<&'a Row> {
    let name = match last.strip_prefix('-')? {
        long if long.starts_with('-') => last.to_string(),
        // With more letters behind one that takes a value, they are the value.
        letters => {
            let takes =
                |letter: char| options.iter().any(|row| row.names[0] == format!("-{letter}") && row.value.is_some());
            let first = letters.char_indices().find(|(_, letter)| takes(*letter))?;
            (first.0 + first.1.len_utf8() == letters.len()).then(|| format!("-{}", first.1))?
        }
    };
    options.iter().find(|row| row.value.is_some() && row.names.contains(&name))
}

fn of_options(options: &[Row]) -> Vec<Candidate> {
    let rows = options.iter().flat_map(|row| row.names.iter().map(move |name| (name.clone(), row.help.clone())));
    rows.collect()
}

/// The values of an option.
fn of_value(
    names: &[String],
    form: &str,
    front: &str,
    typed: &str,
    before: &[String],
    known: &Known<'_>,
) -> Vec<Candidate> {
    let long = names.iter().find_map(|name| name.strip_prefix("--")).unwrap_or_default();
    // The last of a list; what stands in front of it stays.
    let list = typed.rfind(',').map_or(0, |comma| comma + 1);
    let kept = format!("{front}{}", &typed[..list]);
    let large = typed[list..].starts_with(|c: char| c.is_uppercase());
    let word = |name: &str| format!("{kept}{}", if large { name.to_uppercase() } else { name.to_lowercase() });
    let plain = |names: &[&str]| names.iter().map(|name| (word(name), String::new())).collect();
    match long {
        "action" => of_action(front, typed, before, known),
        "type" | "load" => {
            let manifests = known.manifests();
            let types =
                manifests.iter().flat_map(|one| one.session_types.iter().map(|name| (word(name), one.summary.clone())));
            types.chain([(word("ALL"), "all of them".to_string())]).collect()
        }
        "manual" => ctys_line::TOPICS.iter().map(|(name, about)| (word(name), about.to_string())).collect(),
        "output" => {
            named(sections(Verb::List, known), &["Formats"]).map(|row| (word(&row.names[0]), row.help)).collect()
        }
        "privilege" => plain(&["SUDO", "KSU", "DOAS", "ALL", "NOSUDO", "NOKSU", "NODOAS"]),
        "location" => plain(&["LO", "CF", "DF", "CO", "SO"]),
        "job-control" => plain(&["SYNC", "ASYNC", "SEQ", "PAR", "STACK"]),
        "resolver" => plain(&["OFF", "STAR", "CHAIN"]),
        // Small letters between bars stand for themselves; large ones are the names of what is meant.
        _ if form.contains('|') && form.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '|') => {
            plain(&form.split('|').collect::<Vec<_>>())
        }
        _ => Vec::new(),
    }
}

fn sections(verb: Verb, known: &Known<'_>) -> Vec<Section> {
    tables::suboptions(verb, &known.manifests())
}

fn named<'a>(sections: Vec<Section>, titles: &'a [&str]) -> impl Iterator<Item = Row> + 'a {
    let wanted = |section: &Section| titles.is_empty() || titles.contains(&section.title.as_str());
    sections.into_iter().filter(wanted).flat_map(|section| section.rows)
}

/// `ACTION=SUBOPTION,KEY:VALUE`.
fn of_action(front: &str, typed: &str, _before: &[String], known: &Known<'_>) -> Vec<Candidate> {
    let Some((action, rest)) = typed.split_once('=') else {
        let large = typed.starts_with(|c: char| c.is_uppercase());
        let of = |verb: &Verb| {
            let name = if large { verb.to_string().to_uppercase() } else { verb.to_string().to_lowercase() };
            let about = ctys_line::TOPICS
                .iter()
                .find(|(topic, _)| topic.eq_ignore_ascii_case(verb.word()))
                .map_or("", |(_, about)| about);
            // What cannot be without suboptions goes on with them.
            let needs = matches!(verb, Verb::Create | Verb::Cancel | Verb::GetClientPort | Verb::IsActive);
            (format!("{front}{name}{}", if needs { "=" } else { "" }), about.to_string())
        };
        return Verb::ALL.iter().map(of).collect();
    };
    let Some(verb) = Verb::ALL.iter().find(|verb| verb.word().eq_ignore_ascii_case(action)) else {
        return Vec::new();
    };
    let last = rest.rfind(',').map_or(0, |comma| comma + 1);
    let (kept, piece) = (format!("{front}{action}={}", &rest[..last]), &rest[last..]);
    if let Some((key, _)) = piece.split_once(':') {
        let values: Vec<String> = match key.to_ascii_uppercase().as_str() {
            "LABEL" | "L" => known.field(Field::Label),
            "UUID" | "U" => known.field(Field::Uuid),
            "MAC" | "M" => known.field(Field::Mac),
            "TCP" | "T" => known.field(Field::Tcp),
            "MACRO" => known.macros(),
            "CONSOLE" => CONSOLES.iter().map(|kind| kind.to_lowercase()).collect(),
            _ => Vec::new(),
        };
        return values.into_iter().map(|value| (format!("{kept}{key}:{value}"), String::new())).collect();
    }
    let large = piece.starts_with(|c: char| c.is_uppercase());
    let row = |row: Row| {
        let colon = if row.value.is_some() && !row.optional { ":" } else { "" };
        let name = if large { row.names[0].clone() } else { row.names[0].to_lowercase() };
        (format!("{kept}{name}{colon}"), row.help)
    };
    let mut found: Vec<Candidate> = named(sections(*verb, known), &[]).map(row).collect();
    if matches!(verb, Verb::List | Verb::Enumerate) {
        found.push((format!("{kept}{}:", if large { "MACRO" } else { "macro" }), "a table by its name".into()));
    }
    found
}

/// A companion tool: its options, and the names of what its usage line speaks of.
fn of_tool(tool: &Tool, before: &[String], word: &str, known: &Known<'_>) -> Vec<Candidate> {
    if word.starts_with('-') {
        let options = tool.options.iter().chain(COMMON);
        return options.map(|option| (format!("--{}", option.long), option.help.to_string())).collect();
    }
    let takes = |option: &&crate::tools::Opt| !option.value.is_empty() && !option.value.starts_with('[');
    let of_option = |last: &String| {
        let given = |option: &&crate::tools::Opt| {
            *last == format!("-{}", option.short) || *last == format!("--{}", option.long)
        };
        tool.options.iter().chain(COMMON).filter(takes).find(given)
    };
    if let Some(option) = before.last().and_then(of_option) {
        let names = [format!("--{}", option.long)];
        return of_value(&names, option.value, "", word, before, known);
    }
    let plain = |names: Vec<String>| names.into_iter().map(|name| (name, String::new())).collect();
    match tool.usage {
        // A NAME is one of what these tools tell of.
        _ if tool.name == "ctys-groups" => plain(known.groups()),
        _ if tool.name == "ctys-macros" => plain(known.macros()),
        usage if usage.contains("HOST") || usage.contains("TARGET") => hosts(known),
        usage if ["MACHINE", "NAME", "PATTERN"].iter().any(|what| usage.contains(what)) => {
            known.machines().into_iter().map(|name| (name, String::new())).collect()
        }
        // Words between bars stand for themselves.
        usage if usage.chars().all(|c| c.is_ascii_lowercase() || c == '|') => {
            usage.split('|').map(|word| (word.to_string(), String::new())).collect()
        }
        _ => Vec::new(),
    }
}

fn hosts(known: &Known<'_>) -> Vec<Candidate> {
    known.hosts().into_iter().map(|host| (host, String::new())).collect()
}

/// The words of a line up to the cursor, the last one as far as it is typed. Quotes and backslashes are a shell's.
pub fn line_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t') => {
                if open {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
                continue;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(mark), c) if c == mark => quote = None,
            (None | Some('"'), '\\') => word.extend(chars.next()),
            _ => word.push(c),
        }
        open = true;
    }
    words.push(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_line() {
        let check = |line: &str, want: &[&str]| assert_eq!(line_words(line), want, "{line}");
        check("ctys -a li", &["ctys", "-a", "li"]);
        check("ctys ", &["ctys", ""]);
        check("ctys  lab00'(-Z SUDO)' \"a b\\\"c\" d\\ e", &["ctys", "lab00(-Z SUDO)", "a b\"c", "d e"]);
        check("ctys 'open qu", &["ctys", "open qu"]);
        check("", &[""]);
    }

    #[test]
    fn every_kind_of_console_that_is_offered_is_one() {
        struct Nothing;
        impl ctys_line::Shelf for Nothing {
            fn macro_file(&self, _: &str) -> Result<Option<String>, String> {
                Ok(None)
            }
            fn group(&self, _: &str) -> Result<Option<String>, String> {
                Ok(None)
            }
        }
        let world = ctys_line::World::new("acue", &Nothing);
        for kind in CONSOLES {
            let action = format!("create=l:x,console:{kind}");
            assert!(ctys_line::parse(&["-t", "xen", "-a", &action, "lab00"], &world).is_ok(), "{kind}");
        }
    }

    #[test]
    fn a_verb_may_stand_behind_options_and_never_behind_an_action() {
        let options: Vec<Row> = tables::options().into_iter().flat_map(|section| section.rows).collect();
        for (line, want) in [
            ("", Leading::Open),
            ("-v -t xen --total-timeout=5s", Leading::Open),
            ("-v -t xen stop lab00/a", Leading::Word("stop")),
            ("lava", Leading::Word("lava")),
            ("-a list", Leading::Closed),
            ("-valist", Leading::Closed),
            ("-v --action list", Leading::Closed),
            ("-v --", Leading::Closed),
        ] {
            let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
            assert_eq!(leading(&words, &options), want, "{line}");
        }
    }

    #[test]
    fn the_option_that_waits_for_its_value() {
        let options: Vec<Row> = tables::options().into_iter().flat_map(|section| section.rows).collect();
        let check = |last: &str, want: Option<&str>| {
            assert_eq!(awaiting(last, &options).map(|row| row.names[0].as_str()), want, "{last}");
        };
        check("-a", Some("-a"));
        check("--action", Some("-a"));
        check("-vt", Some("-t"));
        check("-txen", None);
        check("-v", None);
        check("lab00", None);
    }
}
