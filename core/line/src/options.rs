//! The one definition of the option set: for the local set, the common set and every target's set (ctys.md 1.5).
//!
//! `clap` knows the names, the arities and the help; what a value means is read in `settings.rs`. clap stops at its
//! first error, so options are handed to it one by one and the errors are collected.

use crate::mistakes::{Desk, Fault, shown};
use crate::text::Text;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Command};
use std::sync::LazyLock;

/// How far an option reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One target: it may stand in the local set, in the common set and in contexts.
    Target,
    /// The whole call: it stands in the local set.
    Call,
    /// Nothing: it was for the inner workings of the original.
    Nothing,
}

/// One option.
pub(crate) struct Definition {
    /// What it is called inside the program.
    pub id: Id,
    /// The same as a text: its name for clap.
    pub key: &'static str,
    /// The letter.
    pub short: Option<char>,
    /// The long name, if it has one.
    pub long: Option<&'static str>,
    /// What the value is called; none for flags.
    pub value: Option<&'static str>,
    /// How far it reaches.
    pub reach: Reach,
    /// The group in the help.
    pub group: &'static str,
    /// One line of help.
    pub help: &'static str,
}

macro_rules! options {
    ($($group:literal { $($id:ident $short:tt $long:tt $value:tt $reach:ident $help:literal;)* })*) => {
        /// The options.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Id { $($($id,)*)* }

        /// All options, in the order of the help.
        pub(crate) const OPTIONS: &[Definition] = &[$($(Definition {
            id: Id::$id,
            key: stringify!($id),
            short: options!(@some $short),
            long: options!(@some $long),
            value: options!(@some $value),
            reach: Reach::$reach,
            group: $group,
            help: $help,
        },)*)*];
    };
    (@some -) => { None };
    (@some $x:literal) => { Some($x) };
}

// One line per option: name, letter, long name, value, reach, help.
options! {
    "What to do" {
        Action      'a' "action"      "ACTION[=SUBOPTIONS]" Target "what is done: CREATE, CANCEL, LIST, ENUMERATE, SHOW, INFO, GETCLIENTPORT, ISACTIVE";
        Type        't' "type"        "TYPE"          Target "the session type, or ALL for the collecting actions";
        Load        'T' "load"        "TYPE,..."      Target "the plugins that take part, or ALL; -t goes before it";
        Output      -   "output"      "FORMAT"        Target "the format of the answer, as the format suboption of LIST and ENUMERATE";
        Plan        'n' "plan"        -               Call   "show what would be done and change nothing; what changes nothing is done";
        PlanFile    -   "plan-file"   "FILE"          Call   "the same, and write it to FILE for ctys apply; also --plan=FILE";
        Apply       -   "apply"       "FILE"          Call   "carry out such a file, unless a target has changed since";
        Explain     -   "explain"     -               Call   "print the classic form of the call and do nothing";
        ReadOnly    -   "read-only"   -               Call   "refuse every change; also CTYS_READ_ONLY=1";
        Yes         -   "yes"         -               Call   "go on with many targets without asking";
        Doctor      -   "doctor"      -               Call   "with INFO: what works on each target, and what mends the rest";
        Force       'f' "force"       -               Target "accepted: there is no warning that could be ignored";
        Ambiguous   'A' "ambiguous"   "0|off|1|on"    Target "allow ambiguous labels and keep duplicate targets of groups";
    }
    "Where" {
        Login       'l' "login"       "USER"          Target "the account on targets that name none";
        Location    'L' "location"    "PLACE"         Target "where client and server run: LO, CF, DF (default), CO, SO";
        Scope       's' "scope"       "SCOPE"         Target "whose sessions: USER, GROUP, USRLST=a,b, GRPLST=a,b or ALL";
        Privilege   'Z' "privilege"   "WAY,..."       Target "allowed ways to root: [NO]KSU, [NO]SUDO, [NO]DOAS, ALL; a later -Z replaces it";
        Agent       'Y' "forward-agent" -             Target "forward the ssh agent, for consoles";
        Pty         'z' "pty"         "NOPTY|PTY[,PTY]|1|2" Target "how firmly ssh is asked for a terminal";
        Resolver    'x' "resolver"    "OFF|STAR|CHAIN" Target "accepted: names are looked up here";
        StackReuse  'k' "stack-reuse" "REUSE:0|1|2"   Target "accepted: REUSE of a member says what is kept";
    }
    "How" {
        Control     'b' "job-control" "WORD[,WORD]"   Target "sync|async and seq|par, or stack";
        Window      -   "window"      "N"             Call   "targets worked on at the same time";
        ConnectTimeout - "connect-timeout" "TIME"     Call   "longest time until a target is connected, such as 5s or 500ms";
        SilenceTimeout - "silence-timeout" "TIME"     Call   "longest time a target may say nothing";
        TotalTimeout - "total-timeout" "TIME"         Call   "longest time for one target altogether";
        Transport   -   "transport"   "auto|ssh2|openssh" Call "how targets are reached";
        SshConfig   -   "ssh-config"  "FILE"          Call   "this ssh_config, not the usual ones, as ssh -F";
        Record      -   "record"      "FILE"          Call   "write a transcript";
        Replay      -   "replay"      "FILE"          Call   "answer from a transcript, not from hosts";
        NameCache   'c' "name-cache"  "OFF|ON[,PLACE][,ONLY]" Target "the inventory: LOCAL, REMOTE, BOTH (default) or OFF";
        DataCache   'C' "data-cache"  "OFF|ON[,WORD...]" Target "the cache of live data: KEEP, KEEPALL, ONLY, RAW, AUTO, FIN:, FOUT:, LIFETIME:";
        Db          'p' "db"          "DIR[,DIR...]"  Call   "folders of the inventory";
        DefaultDb   'P' "default-db"  -               Call   "the default folder of the inventory";
    }
    "Windows" {
        Geometry    'g' "geometry"    "WxH[+X+Y][:SCREEN]" Target "the window of the client";
        Resolution  'r' "resolution"  "WxH"           Target "the resolution of the server";
        Display     'D' "display"     "DISPLAY"       Target "the display the client opens on";
        Workspace   'W' "workspace"   "NUMBER|LABEL"  Target "accepted: windows open on the desktop that is shown";
        Prefix      'M' "prefix"      "TEXT"          Target "printed before the output of a target";
        ServerOptions 'O' "server-options" "OPTIONS"  Target "raw options for the server side";
        Signals     'S' "signals"     "[on|off][,N...]" Target "signals a bound console ignores";
    }
    "What is printed" {
        Terse       'X' "terse"       -               Call   "bare output, fields joined by ;";
        Verbose     'v' "verbose"     -               Call   "say more; may be repeated";
        Quiet       'q' "quiet"       -               Call   "no progress, no remarks";
        ColorAlways 'y' -             -               Call   "colour, as --color always";
        Color       -   "color"       "auto|always|never" Call "when to colour";
        Debug       'd' "debug"       "BITS[,...]"    Target "PFIN prints the call in full; other words are accepted";
        Help        'h' "help"        -               Call   "this help";
        Manual      'H' "manual"      "TOPIC"         Call   "the manual of a topic";
        Version     'V' "version"     -               Call   "the version; only its number with -X to the left";
    }
    "Accepted without effect" {
        Execute     'E' -             -               Nothing "the mark of the final target";
        Required    'F' -             "VERSION"       Nothing "the version the caller wants";
        JobMark     'j' -             "ID"            Nothing "the number of a job";
        Dummy       'w' -             -               Nothing "a mark for the scanners";
    }
}

impl Definition {
    /// The name in messages: `-a`, or `--window` where there is no letter.
    pub fn name(&self) -> String {
        match (self.short, self.long) {
            (Some(short), _) => format!("-{short}"),
            (None, long) => format!("--{}", long.unwrap_or_default()),
        }
    }
}

/// The definition of an option.
pub(crate) fn definition(id: Id) -> &'static Definition {
    OPTIONS.iter().find(|definition| definition.id == id).expect("every option is in the list that makes the ids")
}

/// The clap command made of [`OPTIONS`].
pub(crate) fn command() -> Command {
    let args = OPTIONS.iter().map(|definition| {
        let mut arg = Arg::new(definition.key).help(definition.help).help_heading(definition.group);
        if let Some(short) = definition.short {
            arg = arg.short(short);
        }
        if let Some(long) = definition.long {
            arg = arg.long(long);
        }
        if definition.id == Id::Plan {
            arg = arg.visible_alias("dry-run");
        }
        match definition.value {
            Some(name) => arg.value_name(name).num_args(1).action(ArgAction::Append).allow_hyphen_values(true),
            None => arg.action(ArgAction::Count),
        }
        .hide(definition.reach == Reach::Nothing)
    });
    Command::new("ctys").no_binary_name(true).disable_help_flag(true).disable_version_flag(true).args(args)
}

/// One option as it was given.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub id: Id,
    /// The value; none for flags, and where it is missing.
    pub value: Option<Text>,
    /// How often a flag stands in the word.
    pub count: u8,
    /// The whole option with its value.
    pub whole: Text,
}

/// Reads options, one at a time.
pub(crate) struct Reader {
    command: Command,
}

impl Reader {
    /// A reader for the one option set, which is built once.
    pub fn new() -> Reader {
        static COMMAND: LazyLock<Command> = LazyLock::new(|| {
            let mut command = command();
            command.build();
            command
        });
        Reader { command: COMMAND.clone() }
    }

    /// Reads the option in the first of these words. Gives what it says and how many words it takes, 1 or 2.
    pub fn read(&mut self, desk: &mut Desk<'_>, words: &[Text]) -> (Vec<Given>, usize) {
        if let Some(file) = plan_file(&words[0]) {
            let whole = words[0].clone();
            return (vec![Given { id: Id::PlanFile, value: Some(file), count: 1, whole }], 1);
        }
        let word = &words[0];
        let error = match self.parse(&words[..1]) {
            Ok(given) => return (given, 1),
            Err(error) => error,
        };
        if lacks_value(&error) {
            let hyphen_ok = ["-M", "-O", "--prefix", "--server-options"].iter().any(|name| word.is_word(name));
            let next = words.get(1).filter(|next| hyphen_ok || !looks_like_option(next));
            if next.is_some()
                && let Ok(given) = self.parse(&words[..2])
            {
                return (given, 2);
            }
            // What it lacks is reported where values are read.
            let name = context(&error, ContextKind::InvalidArg).unwrap_or_default();
            let given = self.of_name(&name);
            let given = given.map(|definition| Given { id: definition.id, value: None, count: 1, whole: word.clone() });
            return (given.into_iter().collect(), 1);
        }
        desk.fault(self.unknown(word, &error));
        (Vec::new(), 1)
    }

    fn parse(&mut self, words: &[Text]) -> Result<Vec<Given>, clap::Error> {
        let matches = self.command.try_get_matches_from_mut(words.iter().map(Text::to_string))?;
        let last = words.last().expect("at least one word is read");
        let whole_start = &words[0];
        let mut found: Vec<(usize, Given)> = Vec::new();
        for definition in OPTIONS {
            let key = definition.key;
            if matches.value_source(key) != Some(ValueSource::CommandLine) {
                continue;
            }
            let index = matches.indices_of(key).and_then(|mut all| all.next()).unwrap_or(0);
            let value = definition.value.and_then(|_| matches.get_many::<String>(key)?.next_back());
            // The value is the end of the last word, whether it stands alone, behind the letter or behind `=`.
            let value = value.map(|value| last.from(last.len() - value.chars().count().min(last.len())));
            let count = if definition.value.is_none() { matches.get_count(key) } else { 1 };
            let mut marks = whole_start.marks().to_vec();
            if words.len() > 1 {
                marks.extend_from_slice(last.marks());
            }
            let whole = Text::from_marks(marks, whole_start.spot());
            found.push((index, Given { id: definition.id, value, count, whole }));
        }
        found.sort_by_key(|(index, _)| *index);
        Ok(found.into_iter().map(|(_, given)| given).collect())
    }

    /// What clap's complaint about a word means.
    fn unknown(&self, word: &Text, error: &clap::Error) -> Fault {
        if error.kind() != ErrorKind::UnknownArgument {
            let name = context(error, ContextKind::InvalidArg).unwrap_or_default();
            let reason = match error.kind() {
                ErrorKind::TooManyValues => "takes no value",
                _ => "cannot be understood here",
            };
            let name = self.of_name(&name).and_then(|known| known.long).map_or(name, |long| format!("--{long}"));
            return Fault::at(word.spot(), format!("{} {reason}", shown(name)));
        }
        let text = word.to_string();
        let (name, spot) = if text.starts_with("--") {
            let end = word.find('=').unwrap_or(word.len());
            (text.chars().take(end).collect::<String>(), word.slice(0..end).spot())
        } else {
            // In a group of letters, such as -nQ, clap names the letter it does not know.
            let named = context(error, ContextKind::InvalidArg).unwrap_or_default();
            let letter = named.chars().nth(1);
            let at = word.chars().skip(1).position(|c| Some(c) == letter).map_or(0, |at| at + 1);
            (named, word.slice(at..(at + 1).min(word.len())).spot())
        };
        let fault = Fault::at(spot, format!("the option {} is not known", shown(&name)));
        match name.strip_prefix("--") {
            Some(long) => {
                let near = context(error, ContextKind::SuggestedArg);
                let longs = OPTIONS.iter().filter_map(|definition| definition.long);
                let near = near.or_else(|| crate::mistakes::nearest(long, longs).map(|long| format!("--{long}")));
                fault.nearest(near)
            }
            None if name == "-o" => {
                fault.note("-o was announced but never made; the format is chosen with --output or a suboption of -a")
            }
            None => {
                let other_case =
                    |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
                let letter = name.chars().nth(1).map(other_case);
                let near = OPTIONS.iter().filter_map(|d| d.short).find(|&short| Some(short) == letter);
                fault.nearest(near.map(|short| format!("-{short}"))).note("ctys -h lists all options")
            }
        }
    }

    fn of_name(&self, name: &str) -> Option<&'static Definition> {
        // clap shows --type <TYPE> and --plan... for a flag that may be repeated.
        let name = name.split([' ', '=']).next().unwrap_or(name).trim_end_matches("...");
        OPTIONS.iter().find(|definition| {
            definition.long.is_some_and(|long| name.strip_prefix("--") == Some(long))
                || definition.short.is_some_and(|short| name.strip_prefix('-') == Some(short.to_string().as_str()))
        })
    }
}

/// `--plan` is a flag, and `--plan=FILE` another spelling of `--plan-file FILE`.
fn plan_file(word: &Text) -> Option<Text> {
    let (name, file) = word.split_once('=')?;
    (name.to_string() == "--plan").then_some(file)
}

/// Whether a word is an option and not a value or a target.
pub(crate) fn looks_like_option(word: &Text) -> bool {
    word.len() > 1 && word.chars().next() == Some('-')
}

fn lacks_value(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::InvalidValue && context(error, ContextKind::InvalidValue).is_none_or(|v| v.is_empty())
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(all) => all.first().cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_has_no_clashes() {
        command().debug_assert();
    }

    #[test]
    fn every_option_of_the_original_is_there() {
        // ctys.md 1.5: a:A:b:d:D:c:C:EfF:g:hH:j:k:l:L:M:no:O:p:r:s:S:t:T:vVwW:x:XyYz:Z:  (-o was refused)
        let with_value = "aAbdDcCFgHjklLMOprsStTWxzZ";
        let flags = "EfhnvVwXyY";
        for (letters, takes) in [(with_value, true), (flags, false)] {
            for letter in letters.chars() {
                let definition = OPTIONS.iter().find(|d| d.short == Some(letter));
                assert_eq!(definition.map(|d| d.value.is_some()), Some(takes), "-{letter}");
            }
        }
        assert!(OPTIONS.iter().all(|d| d.short != Some('o')));
    }

    #[test]
    fn every_option_with_a_meaning_has_a_long_name() {
        for definition in OPTIONS.iter().filter(|d| d.reach != Reach::Nothing && d.id != Id::ColorAlways) {
            assert!(definition.long.is_some(), "{:?}", definition.id);
        }
    }
}
