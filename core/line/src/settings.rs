//! From options as they were given to what they mean (ctys.md 1.5). One function per kind of value.

use crate::call::{CachePlace, Escalation, NameCache};
use crate::mistakes::{Desk, Fault, shown};
use crate::options::{Given, Id, Reach, definition};
use crate::suboptions::{Suboption, blanks, parts, split};
use crate::text::{Spot, Text};
use crate::types;
use crate::words::{Words, duration, number, one_of, size};
use ctys_model::{Location, Phase, Problem, Scope};
use std::time::Duration;

/// What one option says.
#[derive(Clone, Debug)]
pub(crate) enum Setting {
    Action(Text),
    Types(Vec<String>, Spot),
    Output(Text),
    Ambiguous(bool),
    Control(JobControl),
    NameCache(NameCache),
    DataCache(Vec<(String, Option<String>)>, Spot),
    Debug(String),
    Display(String),
    Force,
    Geometry(String),
    Login(String),
    Location(Location, Spot),
    Prefix(String),
    ServerOptions(Vec<String>),
    Resolution(u32, u32),
    Scope(Scope),
    Signals(String),
    Load(Vec<String>),
    Workspace(String),
    Resolver(String),
    Agent,
    Pty(u8),
    Privilege(Vec<Escalation>),
    StackReuse(u8),
    // What concerns the whole call.
    Plan,
    PlanFile(String),
    Apply(String),
    Explain,
    ReadOnly,
    Yes,
    Doctor,
    Terse,
    Verbose(u8),
    Quiet,
    Color(Option<bool>),
    DbPaths(Vec<String>),
    Window(u16),
    ConnectTimeout(Duration),
    SilenceTimeout(Duration),
    TotalTimeout(Duration),
    Transport(String),
    SshConfig(String),
    Record(String),
    Replay(String),
    Help,
    Manual(String),
    Version,
}

/// `-b` as given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobControl {
    /// `stack`: synchronous, sequential, and a later `-b` changes nothing.
    pub stack: bool,
    pub detach: Option<bool>,
    pub sequential: Option<bool>,
}

/// Where an option stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// In the local set.
    Local,
    /// In the common set or in a context.
    Context,
}

/// The meaning of options, in their order; mistakes are left at the desk.
pub(crate) fn settings(desk: &mut Desk<'_>, given: &[Given], stand: Stand) -> Vec<Setting> {
    given.iter().filter_map(|given| setting(desk, given, stand)).collect()
}

fn setting(desk: &mut Desk<'_>, given: &Given, stand: Stand) -> Option<Setting> {
    let definition = definition(given.id);
    match definition.reach {
        Reach::Call if stand == Stand::Context => {
            let name = definition.name();
            let message = format!("{name} concerns the whole call and cannot stand in parentheses");
            desk.fault(Fault::at(given.whole.spot(), message).note(format!("write {name} before the targets")));
            return None;
        }
        Reach::Nothing if given.id != Id::Dummy => {
            let name = definition.name();
            let message = format!("{name} was for the inner workings of the original and has no effect");
            desk.notice(Problem::new(Phase::Notice, message));
            return None;
        }
        _ => {}
    }
    let nothing = Text::empty(given.whole.spot().behind());
    let value = given.value.as_ref().unwrap_or(&nothing);
    let lacking = definition.value.is_some() && given.value.is_none();
    let empty = given.value.as_ref().is_some_and(Text::is_empty) && !matches!(given.id, Id::Prefix | Id::ServerOptions);
    if lacking || empty {
        let fault = Fault::at(value.spot(), format!("{} has no value", definition.name()));
        desk.fault(fault.expected(definition.value.unwrap_or_default()));
        // An action was meant, so that its absence is not reported as well.
        return (given.id == Id::Action).then(|| Setting::Action(value.clone()));
    }
    Some(match given.id {
        Id::Action => Setting::Action(value.clone()),
        Id::Type => Setting::Types(type_list(desk, value), value.spot()),
        Id::Load => Setting::Load(type_list(desk, value)),
        Id::Output => Setting::Output(value.clone()),
        Id::Plan => Setting::Plan,
        Id::PlanFile => Setting::PlanFile(value.to_string()),
        Id::Apply => Setting::Apply(value.to_string()),
        Id::Explain => Setting::Explain,
        Id::ReadOnly => Setting::ReadOnly,
        Id::Yes => Setting::Yes,
        Id::Doctor => Setting::Doctor,
        Id::Force => Setting::Force,
        Id::Ambiguous => Setting::Ambiguous(switch(desk, value, "a value of -A")?),
        Id::Login => Setting::Login(crate::target::account(desk, value)?),
        Id::Location => {
            let words = Location::WORDS;
            Setting::Location(one_of(desk, value, "a place for -L", words)?, given.whole.spot())
        }
        Id::Scope => Setting::Scope(scope(desk, value)?),
        Id::Privilege => Setting::Privilege(privilege(desk, value)?),
        Id::Agent => Setting::Agent,
        Id::Pty => Setting::Pty(pty(desk, value)?),
        Id::Resolver => {
            let words: [(&[&str], &str); 3] =
                [(&["OFF", "0"], "OFF"), (&["STAR", "1"], "STAR"), (&["CHAIN", "2"], "CHAIN")];
            Setting::Resolver(one_of(desk, value, "a resolver for -x", &words)?.to_string())
        }
        Id::StackReuse => Setting::StackReuse(stack_reuse(desk, value)?),
        Id::Control => Setting::Control(control(desk, value)?),
        Id::Window => Setting::Window(number(desk, value, "a number of targets", 1..=4096)? as u16),
        Id::ConnectTimeout => Setting::ConnectTimeout(duration(desk, value)?),
        Id::SilenceTimeout => Setting::SilenceTimeout(duration(desk, value)?),
        Id::TotalTimeout => Setting::TotalTimeout(duration(desk, value)?),
        Id::Transport => {
            let words: [(&[&str], &str); 3] = [(&["auto"], "auto"), (&["ssh2"], "ssh2"), (&["openssh"], "openssh")];
            Setting::Transport(one_of(desk, value, "a transport", &words)?.to_string())
        }
        Id::SshConfig => Setting::SshConfig(value.to_string()),
        Id::Record => Setting::Record(value.to_string()),
        Id::Replay => Setting::Replay(value.to_string()),
        Id::NameCache => Setting::NameCache(name_cache(desk, value)?),
        Id::DataCache => Setting::DataCache(data_cache(desk, value)?, given.whole.spot()),
        Id::Db => Setting::DbPaths(split(value).iter().map(Text::to_string).collect()),
        Id::DefaultDb => Setting::DbPaths(Vec::new()),
        Id::Geometry => Setting::Geometry(geometry(desk, value)?),
        Id::Resolution => match size(&value.to_string()) {
            Some((width, height)) => Setting::Resolution(width, height),
            None => {
                let fault = Fault::at(value.spot(), format!("{} is not a resolution", shown(value)));
                desk.fault(fault.expected("width and height, such as 1280x1024"));
                return None;
            }
        },
        Id::Display => Setting::Display(value.to_string()),
        Id::Workspace => Setting::Workspace(value.to_string()),
        Id::Prefix => Setting::Prefix(value.to_string()),
        Id::ServerOptions => Setting::ServerOptions(server_options(value)),
        Id::Signals => Setting::Signals(signals(desk, value)?),
        Id::Terse => Setting::Terse,
        Id::Verbose => Setting::Verbose(given.count),
        Id::Quiet => Setting::Quiet,
        Id::ColorAlways => Setting::Color(Some(true)),
        Id::Color => {
            let words: [(&[&str], Option<bool>); 3] =
                [(&["auto"], None), (&["always"], Some(true)), (&["never"], Some(false))];
            Setting::Color(one_of(desk, value, "a word for --color", &words)?)
        }
        Id::Debug => Setting::Debug(debug(desk, value)?),
        Id::Help => Setting::Help,
        Id::Manual => Setting::Manual(value.to_string()),
        Id::Version => Setting::Version,
        Id::Execute | Id::Required | Id::JobMark | Id::Dummy => return None,
    })
}

fn switch(desk: &mut Desk<'_>, value: &Text, what: &str) -> Option<bool> {
    one_of(desk, value, what, &[(&["on", "1"], true), (&["off", "0"], false)])
}

/// The session types of a list; ALL stays a word. An unknown one stays, too, so that the action is looked at as well.
fn type_list(desk: &mut Desk<'_>, value: &Text) -> Vec<String> {
    let words = value.split(',');
    if words.iter().all(Text::is_empty) {
        desk.fault(Fault::at(value.spot(), "there is no session type between these commas").expected("TYPE"));
    }
    let words = words.iter().filter(|word| !word.is_empty());
    words.map(|word| types::known(desk, word).unwrap_or_else(|| word.upper())).collect()
}

/// `-s`.
fn scope(desk: &mut Desk<'_>, value: &Text) -> Option<Scope> {
    let (word, list) = match value.split_once('=') {
        Some((word, list)) => (word, Some(list)),
        None => (value.clone(), None),
    };
    let words = ["USER", "GROUP", "USRLST", "GRPLST", "ALL"];
    let kind = one_of(desk, &word, "a scope", &words.each_ref().map(|w| (std::slice::from_ref(w), *w)))?;
    let wants_list = kind.ends_with("LST");
    match &list {
        Some(list) if !wants_list => {
            let message = format!("the scope {kind} takes no list");
            desk.fault(Fault::at(list.spot(), message).note("a list goes with USRLST= or GRPLST="));
            return None;
        }
        None if wants_list => {
            let fault = Fault::at(word.spot().behind(), format!("the scope {kind} has no list"));
            desk.fault(fault.expected(format!("{kind}=name,name or {kind}=all")));
            return None;
        }
        _ => {}
    }
    let list = list.unwrap_or_else(|| Text::empty(value.spot()));
    let names: Vec<String> = list.split(',').iter().map(Text::to_string).filter(|name| !name.is_empty()).collect();
    Some(match kind {
        "USER" => Scope::User,
        "GROUP" => Scope::Group,
        "ALL" => Scope::All,
        _ if list.is_word("all") => Scope::All,
        _ if names.is_empty() => {
            desk.fault(Fault::at(list.spot(), format!("the list of {kind} is empty")).expected("name,name or all"));
            return None;
        }
        "USRLST" => Scope::Users(names),
        _ => Scope::Groups(names),
    })
}

/// `-Z`. The order in which the ways are tried is fixed (ctys.md 1.5): ksu, sudo, then doas.
fn privilege(desk: &mut Desk<'_>, value: &Text) -> Option<Vec<Escalation>> {
    use Escalation::{Doas, Ksu, Sudo};
    let words: Words<'_, (bool, &[Escalation])> = &[
        (&["KSU"], (true, &[Ksu])),
        (&["NOKSU"], (false, &[Ksu])),
        (&["SUDO"], (true, &[Sudo])),
        (&["NOSUDO"], (false, &[Sudo])),
        (&["DOAS"], (true, &[Doas])),
        (&["NODOAS"], (false, &[Doas])),
        (&["ALL"], (true, &[Ksu, Sudo, Doas])),
        (&["NONE"], (false, &[Ksu, Sudo, Doas])),
    ];
    let mut ways = std::collections::BTreeSet::new();
    let mut right = true;
    for word in value.split(',') {
        match one_of(desk, &word, "a way to root", words) {
            Some((true, more)) => ways.extend(more),
            Some((false, less)) => ways.retain(|way| !less.contains(way)),
            None => right = false,
        }
    }
    right.then(|| ways.into_iter().collect())
}

/// `-z`.
fn pty(desk: &mut Desk<'_>, value: &Text) -> Option<u8> {
    let words: [(&[&str], u8); 3] = [(&["NOPTY", "0"], 0), (&["PTY", "1"], 1), (&["2"], 2)];
    let given = value.split(',');
    let mut count = 0;
    for (at, word) in given.iter().enumerate() {
        let one = one_of(desk, word, "a word for -z", &words)?;
        if at > 0 && (one != 1 || count == 0) || at > 1 {
            let fault = Fault::at(word.spot(), "the words of -z do not go together");
            desk.fault(fault.expected("NOPTY, PTY, PTY,PTY, 1 or 2"));
            return None;
        }
        count += one;
    }
    Some(count)
}

/// `-k`.
fn stack_reuse(desk: &mut Desk<'_>, value: &Text) -> Option<u8> {
    let level = value.split_once(':').filter(|(word, _)| word.is_word("REUSE")).map(|(_, level)| level);
    match level {
        Some(level) => number(desk, &level, "a level of reuse", 0..=2).map(|level| level as u8),
        None => {
            desk.fault(
                Fault::at(value.spot(), format!("{} is not a word for -k", shown(value))).expected("REUSE:0|1|2"),
            );
            None
        }
    }
}

/// `-b`.
fn control(desk: &mut Desk<'_>, value: &Text) -> Option<JobControl> {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        Stack,
        Detach(bool),
        Sequential(bool),
    }
    let words: [(&[&str], Word); 5] = [
        (&["sync", "off", "0"], Word::Detach(false)),
        (&["async", "on", "1"], Word::Detach(true)),
        (&["seq", "sequential", "2"], Word::Sequential(true)),
        (&["par", "parallel", "3"], Word::Sequential(false)),
        (&["stack"], Word::Stack),
    ];
    let mut control = JobControl::default();
    let given = value.split(',');
    for (at, word) in given.iter().enumerate() {
        let meaning = one_of(desk, word, "a word for -b", &words)?;
        let twice = match meaning {
            Word::Stack => std::mem::replace(&mut control.stack, true),
            Word::Detach(detach) => control.detach.replace(detach).is_some(),
            Word::Sequential(sequential) => control.sequential.replace(sequential).is_some(),
        };
        if at > 1 || twice {
            let fault = Fault::at(word.spot(), format!("{} does not go with the other words of -b", shown(word)));
            desk.fault(fault.expected("stack, or one of sync|async and one of seq|par"));
            return None;
        }
    }
    if control.stack {
        (control.detach, control.sequential) = (Some(false), Some(true));
    }
    Some(control)
}

/// `-c`.
fn name_cache(desk: &mut Desk<'_>, value: &Text) -> Option<NameCache> {
    #[derive(Clone, Copy)]
    enum Word {
        On,
        Place(CachePlace),
        Only,
    }
    let words: [(&[&str], Word); 6] = [
        (&["ON", "1"], Word::On),
        (&["OFF", "0"], Word::Place(CachePlace::Off)),
        (&["BOTH"], Word::Place(CachePlace::Both)),
        (&["LOCAL", "2"], Word::Place(CachePlace::Local)),
        (&["REMOTE", "3"], Word::Place(CachePlace::Remote)),
        (&["ONLY"], Word::Only),
    ];
    let mut cache = NameCache::default();
    let mut place: Option<CachePlace> = None;
    let given = value.split(',');
    for word in &given {
        match one_of(desk, word, "a word for -c", &words)? {
            Word::On => {}
            Word::Only => cache.only = true,
            Word::Place(new) => {
                if place.is_some_and(|old| old != new) {
                    desk.fault(
                        Fault::at(word.spot(), "-c names two places").expected("one of BOTH, LOCAL, REMOTE, OFF"),
                    );
                    return None;
                }
                place = Some(new);
            }
        }
    }
    cache.place = place.unwrap_or_default();
    if cache.place == CachePlace::Off && given.len() > 1 {
        desk.fault(
            Fault::at(value.spot(), "OFF of -c stands alone").expected("OFF, or ON with BOTH, LOCAL, REMOTE, ONLY"),
        );
        return None;
    }
    Some(cache)
}

/// `-C`.
fn data_cache(desk: &mut Desk<'_>, value: &Text) -> Option<Vec<(String, Option<String>)>> {
    let words: [(&[&str], &str); 10] = [
        (&["OFF", "0"], "OFF"),
        (&["ON", "1"], "ON"),
        (&["KEEP"], "KEEP"),
        (&["KEEPALL"], "KEEPALL"),
        (&["ONLY"], "ONLY"),
        (&["RAW"], "RAW"),
        (&["AUTO"], "AUTO"),
        (&["FIN"], "FIN"),
        (&["FOUT"], "FOUT"),
        (&["LIFETIME"], "LIFETIME"),
    ];
    let mut result = Vec::new();
    let given: Vec<Suboption> = split(value).into_iter().map(Suboption::of).collect();
    for sub in &given {
        let word = one_of(desk, &sub.key, "a word for -C", &words)?;
        let wants = matches!(word, "FIN" | "FOUT" | "LIFETIME");
        let argument = match (&sub.argument, wants) {
            (Some(argument), true) if word == "LIFETIME" => {
                Some(number(desk, argument, "a number of seconds", 0..=u64::from(u32::MAX))?.to_string())
            }
            (Some(argument), true) if !argument.is_empty() => Some(argument.to_string()),
            (None, false) => None,
            (Some(argument), false) => {
                desk.fault(Fault::at(argument.spot(), format!("{word} of -C takes no value")));
                return None;
            }
            (_, true) => {
                let what = if word == "LIFETIME" { "seconds" } else { "file" };
                desk.fault(Fault::at(sub.key.spot().behind(), format!("{word} of -C has no value")).expected(what));
                return None;
            }
        };
        result.push((word.to_string(), argument));
    }
    if result.len() > 1 && result.iter().any(|(word, _)| word == "OFF") {
        desk.fault(Fault::at(value.spot(), "OFF of -C stands alone"));
        return None;
    }
    Some(result)
}

/// `-g`: as typed when it is a window geometry, perhaps with a screen behind a colon.
fn geometry(desk: &mut Desk<'_>, value: &Text) -> Option<String> {
    let text = value.to_string();
    let window = text.split(':').next().unwrap_or_default();
    let (extent, position) = window.split_at(window.find(['+', '-']).unwrap_or(window.len()));
    let extent_right = extent.is_empty() || size(extent).is_some();
    let position_right = position.is_empty() || offset(position).and_then(offset) == Some("");
    if extent_right && position_right && !text.is_empty() {
        return Some(text);
    }
    let fault = Fault::at(value.spot(), format!("{} is not a geometry", shown(value)));
    desk.fault(fault.expected("WxH, WxH+X+Y, perhaps with :SCREEN behind it"));
    None
}

/// What follows the first offset of a window: `+X`, `-X`, `+-X`.
fn offset(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(['+', '-'])?;
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    (end > 0).then(|| &rest[end..])
}

/// `-S`.
fn signals(desk: &mut Desk<'_>, value: &Text) -> Option<String> {
    for (at, word) in value.split(',').iter().enumerate() {
        if at == 0 && (word.is_word("on") || word.is_word("off")) {
            continue;
        }
        number(desk, word, "a signal number", 1..=64)?;
    }
    Some(value.to_string())
}

/// `-O`: split at blanks and at `%`, which stands for one.
fn server_options(value: &Text) -> Vec<String> {
    parts(value)
        .iter()
        .flat_map(|part| part.to_string().split_whitespace().map(str::to_string).collect::<Vec<_>>())
        .collect()
}

/// `-d`: as typed, when its words are known.
fn debug(desk: &mut Desk<'_>, value: &Text) -> Option<String> {
    const FLAGS: [&str; 8] = ["ALL", "PATTERN", "P", "MIN", "MAX", "INCLUDE", "EXCLUDE", "OFF"];
    const KEYS: [&str; 11] =
        ["SUBSYSTEM", "S", "WARNING", "W", "INFO", "I", "FILELIST", "F", "PRINTFINAL", "PFIN", "PF"];
    for word in split(value) {
        let sub = Suboption::of(word.clone());
        let key = sub.key.upper();
        // 32, 2#1010, 16#ff: a number in any base.
        let bits = key.chars().next().is_some_and(|c| c.is_ascii_digit())
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '#');
        let known = match &sub.argument {
            None => bits || FLAGS.contains(&key.as_str()) || key.starts_with("PF") && KEYS.contains(&key.as_str()),
            Some(_) => KEYS.contains(&key.as_str()),
        };
        if !known {
            let fault = Fault::at(word.spot(), format!("{} is not a word for -d", shown(&word)));
            let words = FLAGS.iter().chain(&KEYS);
            desk.fault(
                fault.expected("bits, PATTERN, MIN, MAX, S:bits, W:n, I:n, F:file%file, PFIN").near(&key, words),
            );
            return None;
        }
    }
    Some(blanks(value))
}
