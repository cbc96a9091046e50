//! The help: made of the same definitions that read a call, so that it cannot be wrong about them.

use crate::actions::{Key, Takes, address, cancel, create, enumerate, extra, list, look};
use crate::options;
use crate::verbs::{self, ShortVerb, VERBS};
use ctys_model::manifest::ArgumentDecl;
use ctys_model::{Manifest, Verb};

/// The topics of [`help`], with what they are about.
pub const TOPICS: &[(&str, &str)] = &[
    ("verbs", "short words for daily use"),
    ("options", "every option"),
    ("targets", "hosts, contexts, the common set, blocks"),
    ("address", "how one machine is named"),
    ("create", "start or attach to a session"),
    ("cancel", "stop, pause, suspend, reset sessions"),
    ("list", "what runs now"),
    ("enumerate", "what is configured"),
    ("show", "dynamic facts of a machine"),
    ("info", "static facts of a machine and the states of the plugins"),
    ("formats", "tables and formats for programs"),
    ("schema", "what json, jsonl and yaml hold, as a JSON schema"),
    ("separators", "what , : % mean and how they are written as themselves"),
    ("groups", "files with targets"),
    ("macros", "names for parts of a call"),
    ("exit", "exit codes"),
    ("plans", "what is asked, checked and written down before and after a change"),
];

/// The help on a topic, in any case; the empty topic is the overview. None: there is no such topic. The plugins add
/// what they declare.
pub fn help(topic: &str, manifests: &[Manifest]) -> Option<String> {
    let topic = topic.to_ascii_lowercase();
    let verb = verbs::find(&topic).map(short_verb);
    let Some(text) = of_topic(&topic, manifests) else { return verb };
    Some(match verb {
        Some(verb) => format!("{verb}\n{text}"),
        None => text,
    })
}

fn of_topic(topic: &str, manifests: &[Manifest]) -> Option<String> {
    Some(match topic {
        "" | "man" => overview(),
        "options" => option_list(),
        "verbs" => format!("{VERBS_TEXT}\n{}", verb_list()),
        "plans" => PLANS.to_string(),
        "exit" => EXIT.to_string(),
        "targets" => TARGETS.to_string(),
        "address" => format!("{ADDRESS}\n{}", table(address::KEYS)),
        "create" => action(Verb::Create, CREATE, &[address::KEYS, create::KEYS], manifests),
        "cancel" => action(Verb::Cancel, CANCEL, &[address::KEYS, cancel::KEYS], manifests),
        "list" => format!(
            "{}\nFields:\n{}",
            action(Verb::List, LIST, &[list::KEYS, look::WORDS, look::FORMATS], manifests),
            fields(list::FIELDS)
        ),
        "enumerate" => format!(
            "{}\nFields:\n{}",
            action(Verb::Enumerate, ENUMERATE, &[enumerate::KEYS, look::WORDS, look::FORMATS], manifests),
            fields(enumerate::FIELDS)
        ),
        "show" => format!("{SHOW}\n"),
        "info" => format!("{INFO}\n"),
        "formats" => format!("{FORMATS}\n{}{}", table(look::FORMATS), table(look::WORDS)),
        "schema" => ctys_table::SCHEMA_TEXT.to_string(),
        "separators" => SEPARATORS.to_string(),
        "groups" => GROUPS.to_string(),
        "macros" => MACROS.to_string(),
        _ => return None,
    })
}

/// The topic that may have been meant.
pub fn nearest_topic(topic: &str) -> Option<String> {
    crate::mistakes::nearest(topic, TOPICS.iter().map(|(name, _)| *name).chain(VERBS.iter().map(|verb| verb.name)))
}

fn overview() -> String {
    let topics: String = TOPICS.iter().map(|(name, about)| format!("  {name:<12} {about}\n")).collect();
    format!(
        "{OVERVIEW}\nShort verbs, ctys help VERB tells more:\n{}\n{}\nMore, with ctys help TOPIC (or -H TOPIC):\n{topics}",
        verb_list(),
        option_list()
    )
}

/// All short verbs, from the one table.
fn verb_list() -> String {
    VERBS.iter().map(|verb| row(&format!("{} {}", verb.name, verb.usage), verb.about)).collect()
}

/// One short verb.
fn short_verb(verb: &ShortVerb) -> String {
    let ShortVerb { name, usage, about, help, means } = verb;
    let classic = match means {
        verbs::Means::Hosts(words) => format!("ctys {} [HOST...]", words.join(" ")),
        verbs::Means::Value(option) => format!("ctys {option} {usage}"),
        verbs::Means::Topic(option, alone) => format!("ctys {option} WORD, ctys {alone}"),
        verbs::Means::Machines(action, usual) | verbs::Means::Command(action, usual) => {
            let subs: Vec<&str> = usual.iter().map(|(word, _)| *word).collect();
            let command = if matches!(means, verbs::Means::Command(..)) { ",CMD:COMMAND%ARG" } else { "" };
            format!("ctys -t TYPE -a {action}=l:NAME,{}{command} HOST", subs.join(","))
        }
    };
    let machine = if usage.contains("MACHINE") { MACHINE } else { "" };
    let help = if help.is_empty() { String::new() } else { format!("\n{help}\n") };
    format!("ctys {name} [OPTIONS] {usage}\n\n{name}: {about}.\n{help}{machine}\nThe classic form: {classic}\n")
}

/// All options by group, from the one definition.
fn option_list() -> String {
    let command = options::command();
    let mut out = String::new();
    let mut heading = None;
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        if heading != arg.get_help_heading() {
            heading = arg.get_help_heading();
            let gap = if out.is_empty() { "" } else { "\n" };
            out.push_str(&format!("{gap}{}:\n", heading.unwrap_or_default()));
        }
        let short = arg.get_short().map_or("    ".to_string(), |short| format!("-{short}, "));
        let long = arg.get_long().map(|long| format!("--{long}"));
        let names = match long {
            Some(long) => format!("{short}{long}"),
            None => short.trim_end_matches(", ").to_string(),
        };
        let values = arg.get_value_names().filter(|_| arg.get_action().takes_values()).unwrap_or_default();
        let value: String = values.iter().map(|value| format!(" {value}")).collect();
        out.push_str(&row(&format!("{names}{value}"), &arg.get_help().map(ToString::to_string).unwrap_or_default()));
    }
    out
}

/// One action: what it is for, its suboptions, those of plugins.
fn action(verb: Verb, text: &str, tables: &[&[Key]], manifests: &[Manifest]) -> String {
    let mut out = format!("{text}\n");
    for keys in tables {
        out.push_str(&table(keys.iter().filter(|key| look::has(verb, key.names[0]))));
    }
    for manifest in manifests {
        let own = manifest.verbs.iter().filter(|decl| decl.verb == verb).flat_map(|decl| &decl.suboptions);
        let rows: String = own
            .map(|decl| {
                let names: Vec<&str> = std::iter::once(&decl.key).chain(&decl.aliases).map(String::as_str).collect();
                let form = match &decl.argument {
                    ArgumentDecl::None => String::new(),
                    ArgumentDecl::OptionalText => "[:TEXT]".into(),
                    other => format!(":{}", extra::form_text(other)),
                };
                row(&format!("{}{form}", names.join("|")), &decl.help)
            })
            .collect();
        if !rows.is_empty() {
            out.push_str(&format!("With -t {}:\n{rows}", manifest.session_types.join("|")));
        }
    }
    out
}

fn table<'k>(keys: impl IntoIterator<Item = &'k Key>) -> String {
    let form = |key: &Key| match key.takes {
        Takes::Nothing => String::new(),
        Takes::Argument => format!(":{}", key.argument),
        Takes::Maybe => format!("[:{}]", key.argument),
    };
    keys.into_iter().map(|key| row(&format!("{}{}", key.names.join("|"), form(key)), key.help)).collect()
}

fn fields(words: &[look::FieldWord]) -> String {
    words.iter().map(|(names, field)| row(&names.join("|"), field.help())).collect()
}

/// A word and its help, which starts a line of its own behind a long word.
fn row(left: &str, right: &str) -> String {
    const WIDTH: usize = 34;
    if left.chars().count() > WIDTH {
        format!("  {left}\n  {:WIDTH$}  {right}\n", "")
    } else {
        format!("  {left:WIDTH$}  {right}\n")
    }
}

const OVERVIEW: &str = "\
One command line for every kind of session on many hosts.

Usage: ctys [OPTIONS] [--] ['(OPTIONS)'] [TARGET['(OPTIONS)']...]

  ctys ls                                         what runs on this machine
  ctys -a list=macro:TAB_CPORT localhost lab00    the same for two, in another table
  ctys -t xen -a create=l:tst100,CONSOLE:vnc -L CF lab00'(-Z SUDO)'
  ctys -t xen -a cancel=l:tst100,POWEROFF:0 lab00'(-Z KSU)'
";

const VERBS_TEXT: &str = "\
Other words for the same calls; --explain prints the classic form. Options may stand before the verb and anywhere
behind it. A host that is called like a verb is written behind --.
";

const MACHINE: &str = "
MACHINE is one of
  HOST/NAME [HOST/NAME...]           one machine on each host
  NAME HOST [HOST...]                the machine of this name on each of them
  NAME                               the one machine of this name that the inventory knows

NAME is a label; u:UUID m:MAC t:ADDRESS f:PART and /PATH name it otherwise. Suboptions of the action may stand behind
it, after a comma. The type comes from -t, from the inventory, or from the host itself, which is asked; more than one
answer is an error that lists them (exit code 11). What the inventory says is checked on the host before anything is
done.
";

const PLANS: &str = "\
  --plan, -n         what would be done, where and as whom; nothing is changed
  --plan=FILE        the same, written to FILE with the states it was made for
  ctys apply FILE    asks every target again; does it when nothing has changed, else names the drift and changes nothing
  --read-only        no change at all; also CTYS_READ_ONLY=1
  --yes              more than CTYS_CONFIRM targets (4 unless set) are changed without asking; without a terminal it has
                     to be given

#@#PROTECT=\"REASON\" in the configuration of a machine (a file cube.protect in the folder of a cube, for a physical
machine /etc/ctys.d/pm.conf) makes CANCEL refuse it by name, for everybody, unless UNPROTECT stands in the same call.

Every change leaves a line: when, who, on which target, what, and how it ended. It goes to audit.log in the folder
$XDG_STATE_HOME/ctys; CTYS_AUDIT=syslog sends it to the journal, CTYS_AUDIT=/FILE writes it there, CTYS_AUDIT=off leaves
it out.

A refused call ends with 8.
";

const EXIT: &str = "\
  0    all is well, or was so already
  1    the call is wrong, or there is none; nothing was done
  2    something is missing here: a plugin, a file, a tool
  3    a target, or a command on it, took too long
  4    a target was not reached: its name, the connection, its host key, the login
  5    a command failed on a target; its own status stands in the message
  8    refused: a machine is protected, --read-only, many targets without --yes, a plan that does not hold
  11   more than one machine is meant; all of them are listed
  130  interrupted

Of several the first of these counts: 130, 1, 2, 8, 11, 3, 4, 5. Each target is named on stderr with its phase: resolve,
connect, host key, login, privilege, run, parse, timeout and so on. The words of a phase stand behind it.
ctys-vhost has codes of its own, of which 8 is another one than here: man ctys-vhost.
";

const TARGETS: &str = "\
A target is [USER@]HOST[:PORT] or the name of a group; without one the call is for localhost. localhost is this machine
without ssh; everything else goes through ssh.

  lab00'(OPTIONS)'           options of one target; the action may stand there, too
  lab00'(A)''(B)'            the same as lab00'(A B)'
  '(OPTIONS)' lab00 lab01    options of all targets, before the first one
  root@lab00:2222, [::1]:22  account and port; an IPv6 address with a port stands in brackets
  lab[00-15,20], @group      a set of hosts as in ClusterShell, also with ! & ^ between two of them
  SUBTASK{a b}'(OPTIONS)'    targets with options of their own in common; also SUBGROUP{...}
  VMSTACK{pm vm0 vm1}        machines on top of each other, started one after the other, bottom up: each is the host of
                             the next. A layer waits until the one below lets us in; above one that failed none is begun

The later set wins, option by option: the local options, those of all targets, those of the group, those of the target.
What stands behind the name of a group wins over what its file says. Nothing leaks from one target to the next. Options
stand before the targets or between them; behind -- there are only targets.
";

const ADDRESS: &str = "\
A machine is named by one or more of these; each one more is one more condition. Only FILENAME matches a part.
";

const CREATE: &str = "\
CREATE=ADDRESS[,SUBOPTION...]
Starts a session, or attaches to one. A session that runs already is an error, unless one of CONNECT, REUSE, RECONNECT,
RESUME says what to do with it.
";

const CANCEL: &str = "\
CANCEL=(ADDRESS|ALL)[,SUBOPTION...]
Ends sessions. At most one of POWEROFF (the default), REBOOT, RESET, INIT, PAUSE, SUSPEND.
";

const LIST: &str = "\
LIST[=WORD,...]
What runs now on the targets. Without words: both,tab_tcp,dns. Fields can be named in any order; they are shown in
theirs.
";

const ENUMERATE: &str = "\
ENUMERATE[=WORD,...]
What is configured on the targets, whether it runs or not. Without words: TYPE, LABEL, ID.
";

const SHOW: &str = "\
SHOW
Dynamic facts of the machine: memory, load, processes, health.";

const INFO: &str = "\
INFO
Static facts of the machine and the states of all plugins there: those that -t names, else all, are asked.
--output json, jsonl, csv, tsv or yaml makes a record of each line, with SHOW too. With -X it is one
line for each plugin: ACCOUNT@HOST;PLUGIN;ACCELERATOR;VERSION;MAGIC-ID;STATE;TYPES.";

const FORMATS: &str = "\
The look of LIST and ENUMERATE; --output FORMAT is the same as a format among the suboptions.
A column is INDEX_TITLE_WIDTH[_CUT]: the number of the field, which -a list=machine,titleidx prints, its title, its
width, and L to keep the right part or B to break long values. Columns are joined by %%.
json, jsonl and yaml have one documented schema, with a number: ctys help schema. -X joins the cells of a table by ;.
";

const SEPARATORS: &str = "\
  =   between the action and its suboptions; only the first one
  ,   between suboptions; ,, or \\, is a comma
  :   between a key and its argument; :: or \\: is a colon. Hardware addresses are recognised whole.
  %   between the values of an argument, and in place of a blank; %% is a percent sign
  ()  around the options of a target; they do not nest
  {}  around the members of a block, or a macro

Keywords are understood in any case; labels, paths, group and macro names keep theirs.
";

const GROUPS: &str = "\
A group is a file of targets; its name stands where a host may and hides a host of that name. The files are looked for
along CTYS_GROUPS_PATH, by default in the folder groups of ~/.ctys.

  # a comment
  #include other,folder/another    their members come first; the # stands in the first column
  CONTEXT'(-Z SUDO)'               options of all members
  lab00 lab01'(-l root)'           members, separated by blanks or commas

GROUP:PORT gives the port to all members, GROUP'(OPTIONS)' the options. Members that stand there twice with the same
options are asked once, unless -A 1.
";

const MACROS: &str = "\
macro:NAME stands for a text, anywhere in a call. The text comes from the file default in the folder macros of ~/.ctys,
laid over the one that is shipped, and may hold macros again. A definition is NAME = text.

  macro:TAB_CPORT               ends at a comma, a single % or a blank
  {macro:TAB_CPORT}             with braces, so that text may follow at once
  macro:NAME%FILE               from another file of that folder
  macro:NAME%OPTIONAL           nothing if it is not defined
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_text_and_every_action_a_topic() {
        for (topic, _) in TOPICS {
            let text = help(topic, &[]).unwrap_or_else(|| panic!("no help on {topic}"));
            assert!(text.ends_with('\n') && text.len() > 60, "{topic}: {text}");
        }
        for verb in [Verb::Create, Verb::Cancel, Verb::List, Verb::Enumerate, Verb::Show, Verb::Info] {
            assert!(help(verb.word(), &[]).is_some(), "{verb}");
        }
        assert_eq!(help("nonsense", &[]), None);
        assert_eq!(nearest_topic("macro").as_deref(), Some("macros"));
    }

    #[test]
    fn the_overview_names_every_option_that_has_a_meaning() {
        let text = help("", &[]).unwrap();
        for definition in options::OPTIONS.iter().filter(|d| d.reach != options::Reach::Nothing) {
            assert!(text.contains(&definition.name()), "{}", definition.name());
            assert!(text.contains(definition.help.split(['.', ';', ',']).next().unwrap()), "{}", definition.help);
        }
        for hidden in ["-E", "-F", "-j", "-w"] {
            assert!(!text.lines().any(|line| line.trim_start().starts_with(hidden)), "{hidden}");
        }
    }

    #[test]
    fn no_line_is_wider_than_120_columns() {
        // A schema is for programs, which do not mind.
        for (topic, _) in TOPICS.iter().chain(&[("", "")]).filter(|(topic, _)| *topic != "schema") {
            for line in help(topic, &[]).unwrap().lines() {
                assert!(line.chars().count() <= 120, "{topic}: {line}");
            }
        }
    }
}
