//! A call in the classic form, written out: what a short verb, a group or a macro comes to.

use crate::actions::{enumerate, list};
use crate::call::{CachePlace, CallLine, CallOptions, Escalation, Job, JobOptions, Special};
use ctys_model::action::{Cancel, CancelMethod, Create, CreateMode, Poll};
use ctys_model::bytes::{escape, escape_for_eyes};
use ctys_model::field::Known;
use ctys_model::{Action, Location, MachineAddress, Scope, Target, Verb};
use ctys_table::{AddressForm, Column, Cut, Format, Numbering, Presentation, Title};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::time::Duration;

/// The call as a line for a shell, groups and macros expanded, defaults filled in. Read again it gives equal jobs.
///
/// A value with a backslash before a comma or a colon has no classic form and comes out without the backslash.
pub fn explain(call: &CallLine) -> String {
    let words = classic_words(call);
    std::iter::once("ctys").chain(words.iter().map(String::as_str)).map(shell).collect::<Vec<_>>().join(" ")
}

/// The words of [`explain`], for a program and not for a shell.
pub fn classic_words(call: &CallLine) -> Vec<String> {
    let local = call.presentation.as_ref().filter(|_| call.header);
    let action = call.header.then(|| local_action(call)).flatten();
    let options: Vec<Vec<Given>> =
        call.jobs.iter().map(|job| job_options(job, local.filter(|_| only_facts(call)))).collect();
    // What all targets have in common stands once, before them; only -d of the local set is not handed on.
    let shared: Vec<&Given> = match options.split_first() {
        Some((first, others)) => {
            first.iter().filter(|given| given.0 != "-d" && others.iter().all(|other| other.contains(given))).collect()
        }
        None => Vec::new(),
    };
    let mut words: Vec<String> = Vec::new();
    let before = call_options(&call.call).into_iter().chain(shared.iter().map(|&given| given.clone()));
    words.extend(before.flat_map(Given::words));
    match &call.special {
        Some(Special::Apply(file)) => words.extend(["--apply".to_string(), file.clone()]),
        Some(Special::Manual(topic)) => words.extend(["-H".to_string(), topic.clone()]),
        Some(Special::Help) => words.push("-h".into()),
        Some(Special::Version { .. }) | None => {}
    }
    if call.control.explicit {
        let detach = if call.control.detach { "ASYNC" } else { "SYNC" };
        let order = match (call.control.sequential, call.control.as_completed) {
            (true, _) => ",SEQ",
            (false, true) => ",PAR",
            (false, false) => "",
        };
        words.extend(["-b".into(), format!("{detach}{order}")]);
    }
    words.extend(action.iter().flat_map(|action| ["-a".to_string(), action.clone()]));
    let mut stack = None;
    for (job, options) in call.jobs.iter().zip(&options) {
        if stack.is_some() && job.stack != stack {
            words.push("}".into());
        }
        if job.stack.is_some() && job.stack != stack {
            words.push("VMSTACK{".into());
        }
        stack = job.stack;
        let rest = options.iter().filter(|given| !shared.contains(given)).cloned();
        let mut own: Vec<String> = rest.flat_map(Given::words).collect();
        let word = action_word(job, job.presentation.as_ref().or(local));
        if job.presentation.is_some() || action.as_ref() != Some(&word) {
            own.extend(["-a".into(), word]);
        }
        let own = if own.is_empty() { String::new() } else { context(&own) };
        words.push(format!("{}{own}", target(&job.target)));
    }
    if stack.is_some() {
        words.push("}".into());
    }
    words
}

/// The target of a job with its options in parentheses; its action only when that is more than to be listed.
pub(crate) fn target_word(job: &Job) -> String {
    let mut own: Vec<String> = job_options(job, None).into_iter().flat_map(Given::words).collect();
    if job.presentation.is_some() || job.action.verb() != Verb::List {
        own.extend(["-a".into(), action_word(job, job.presentation.as_ref())]);
    }
    let own = if own.is_empty() { String::new() } else { context(&own) };
    format!("{}{own}", target(&job.target))
}

/// Whether all targets have one local SHOW or INFO, which have no suboptions: their look comes by `--output`.
fn only_facts(call: &CallLine) -> bool {
    let facts = |job: &Job| matches!(job.action, Action::Show | Action::Info) && job.presentation.is_none();
    call.jobs.iter().all(|job| facts(job) && job.action == call.jobs[0].action)
}

/// The local `-a`: that of the first job that can have it from there.
fn local_action(call: &CallLine) -> Option<String> {
    let mut without_own = call.jobs.iter().filter(|job| job.presentation.is_none());
    let Some(look) = call.presentation.as_ref().filter(|_| !only_facts(call)) else {
        return without_own.next().map(|job| action_word(job, None));
    };
    if let Some(job) = without_own.find(|job| matches!(job.action, Action::List(_) | Action::Enumerate(_))) {
        return Some(action_word(job, Some(look)));
    }
    // Every context has an action of its own; only the look of the local one is left.
    let mut subs = Vec::new();
    look_subs(Some(look), false, &mut subs);
    let verb = if look.numbering == Numbering::List { Verb::List } else { Verb::Enumerate };
    Some(format!("{verb}={}", subs.join(",")))
}

/// One option, with its value if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given(&'static str, Option<String>);

impl Given {
    fn words(self) -> impl Iterator<Item = String> {
        std::iter::once(self.0.to_string()).chain(self.1)
    }
}

fn target(target: &Target) -> String {
    let user = target.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let address = target.host.contains(':');
    match target.port {
        Some(port) if address => format!("{user}[{}]:{port}", target.host),
        Some(port) => format!("{user}{}:{port}", target.host),
        None if address => format!("{user}[{}]", target.host),
        None => format!("{user}{}", target.host),
    }
}

/// One pair of parentheses.
fn context(words: &[String]) -> String {
    format!("({})", words.iter().map(|word| quoted(word, "'\"() \t\n")).collect::<Vec<_>>().join(" "))
}

/// A word for `sh`; one with what would harm a terminal, a control character say, in the form that bash, zsh and ksh have
/// for it.
fn shell(word: &str) -> String {
    if let Cow::Owned(_) = escape_for_eyes(word) {
        return format!("$'{}'", escape(word.as_bytes()).replace('\'', "\\'"));
    }
    quoted(word, "'\"() \t\n\\$`&|;<>*?[]{}!^")
}

/// The word in single quotes when it holds one of these; a single quote stands in double ones.
fn quoted(word: &str, special: &str) -> String {
    // What only means something at the start of a word: ~ and # for every shell, = for zsh.
    let at_start = word.is_empty() || word.starts_with(['~', '#', '=']);
    if at_start || word.contains(|c: char| special.contains(c) || c.is_control()) {
        return format!("'{}'", word.replace('\'', "'\"'\"'"));
    }
    word.to_string()
}

fn call_options(call: &CallOptions) -> Vec<Given> {
    let mut words = Words::default();
    words.flag("-n", call.plan && call.plan_file.is_none());
    words.value("--plan-file", call.plan_file.as_ref());
    words.flag("--read-only", call.read_only);
    words.flag("--yes", call.yes);
    words.flag("--doctor", call.doctor);
    words.flag("-X", call.terse);
    (0..call.verbose).for_each(|_| words.flag("-v", true));
    words.flag("-q", call.quiet);
    words.value("--color", call.color.map(|on| if on { "always" } else { "never" }));
    words.value("-d", call.debug.as_ref());
    words.value("-p", (!call.db_paths.is_empty()).then(|| all(&call.db_paths, comma, ",")));
    words.value("--window", call.window);
    words.value("--connect-timeout", call.connect_timeout.map(time));
    words.value("--silence-timeout", call.silence_timeout.map(time));
    words.value("--total-timeout", call.total_timeout.map(time));
    words.value("--transport", call.transport.as_ref());
    words.value("--ssh-config", call.ssh_config.as_ref());
    words.value("--record", call.record.as_ref());
    words.value("--replay", call.replay.as_ref());
    words.0
}

fn time(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

fn job_options(job: &Job, local: Option<&Presentation>) -> Vec<Given> {
    let mut words = Words::default();
    words.value("-t", (!job.types.is_empty()).then(|| job.types.join(",")));
    let options: &JobOptions = &job.options;
    words.value("-A", options.ambiguous.then_some("1"));
    let place = match options.name_cache.place {
        CachePlace::Both => "BOTH",
        CachePlace::Local => "LOCAL",
        CachePlace::Remote => "REMOTE",
        CachePlace::Off => "OFF",
    };
    let only = if options.name_cache.only { ",ONLY" } else { "" };
    words.value("-c", (options.name_cache != Default::default()).then(|| format!("{place}{only}")));
    let cache = |(word, value): &(String, Option<String>)| match value {
        Some(value) => format!("{word}:{}", colon(&comma(value))),
        None => word.clone(),
    };
    let caches: Vec<String> = options.data_cache.iter().map(cache).collect();
    words.value("-C", (!caches.is_empty()).then(|| caches.join(",")));
    words.value("-d", options.debug.as_ref());
    words.value("-D", options.display.as_ref());
    words.flag("-f", options.force);
    words.value("-g", options.geometry.as_ref());
    let usual = if job.target.local { Location::LocalOnly } else { Location::default() };
    words.value("-L", (options.location != usual).then(|| options.location.word()));
    words.value("-M", options.prefix.as_ref());
    words.value("-O", (!options.server_options.is_empty()).then(|| all(&options.server_options, percent, "%")));
    words.value("-r", options.resolution.map(|(width, height)| format!("{width}x{height}")));
    words.value(
        "-s",
        match &options.scope {
            Scope::Default => None,
            Scope::User => Some("USER".to_string()),
            Scope::Group => Some("GROUP".to_string()),
            Scope::All => Some("ALL".to_string()),
            Scope::Users(users) => Some(format!("USRLST={}", users.join(","))),
            Scope::Groups(groups) => Some(format!("GRPLST={}", groups.join(","))),
        },
    );
    words.value("-S", options.signals.as_ref());
    words.value("-T", (!options.load.is_empty()).then(|| options.load.join(",")));
    words.value("-W", options.workspace.as_ref());
    words.value("-x", options.resolver.as_ref());
    words.flag("-Y", options.forward_agent);
    words.value("-z", options.pty);
    let ways: Vec<&str> = options
        .privilege
        .iter()
        .map(|way| match way {
            Escalation::Ksu => "KSU",
            Escalation::Sudo => "SUDO",
            Escalation::Doas => "DOAS",
        })
        .collect();
    words.value("-Z", (!ways.is_empty()).then(|| ways.join(",")));
    // SHOW and INFO have no suboptions that could name a format.
    let look = job.presentation.as_ref().or(local).filter(|_| matches!(job.action, Action::Show | Action::Info));
    words.value("--output", look.and_then(|look| format_word(&look.format)));
    words.value("-k", options.stack_reuse.map(|level| format!("REUSE:{level}")));
    words.0
}

/// Options with their values.
#[derive(Default)]
struct Words(Vec<Given>);

impl Words {
    fn flag(&mut self, name: &'static str, on: bool) {
        self.0.extend(on.then_some(Given(name, None)));
    }

    fn value(&mut self, name: &'static str, value: Option<impl ToString>) {
        self.0.extend(value.map(|value| Given(name, Some(value.to_string()))));
    }
}

/// The value of `-a`.
fn action_word(job: &Job, look: Option<&Presentation>) -> String {
    let mut subs = Vec::new();
    match &job.action {
        Action::Create(create) => create_subs(create, &mut subs),
        Action::Cancel(cancel) => cancel_subs(cancel, &mut subs),
        Action::List(list) => {
            subs.extend(list.side.map(|side| side.to_string()));
            subs.extend(list.user.as_ref().map(|user| format!("USER:{}", raw(user))));
            look_subs(look, list.per_interface, &mut subs);
        }
        Action::Enumerate(enumerate) => {
            subs.extend((!enumerate.base.is_empty()).then(|| format!("B:{}", parts(&enumerate.base))));
            // CUSTOM lets every word pass, those of the original as well.
            subs.extend(
                (!enumerate.states.is_empty()).then(|| format!("MATCHVSTAT:CUSTOM%{}", parts(&enumerate.states))),
            );
            look_subs(look, true, &mut subs);
        }
        Action::GetClientPort(address) | Action::IsActive(address) => address_subs(address, &mut subs),
        Action::Show | Action::Info | Action::Tool(_) => {}
    }
    let verb = job.action.verb();
    if subs.is_empty() { verb.to_string() } else { format!("{verb}={}", subs.join(",")) }
}

fn address_subs(address: &MachineAddress, subs: &mut Vec<String>) {
    let MachineAddress { id, file_name, label, uuid, mac, tcp, base, db_record } = address;
    let mut part =
        |key: &str, value: &Option<String>| subs.extend(value.as_ref().map(|value| format!("{key}:{}", text(value))));
    part("I", id);
    part("F", file_name);
    part("L", label);
    part("U", uuid);
    subs.extend(mac.as_ref().map(|mac| format!("M:{mac}")));
    subs.extend(tcp.as_ref().map(|tcp| match tcp.parse::<Ipv6Addr>() {
        Ok(_) => format!("T:{tcp}"),
        Err(_) => format!("T:{}", text(tcp)),
    }));
    subs.extend((!base.is_empty()).then(|| format!("B:{}", parts(base))));
    subs.extend(db_record.map(|number| format!("DR:{number}")));
}

fn create_subs(create: &Create, subs: &mut Vec<String>) {
    address_subs(&create.address, subs);
    subs.extend(create.mode.as_ref().map(|mode| match mode {
        CreateMode::Connect => "CONNECT".to_string(),
        CreateMode::Reuse => "REUSE".to_string(),
        CreateMode::Reconnect => "RECONNECT".to_string(),
        CreateMode::Resume(None) => "RESUME".to_string(),
        CreateMode::Resume(Some(file)) => format!("RESUME:{}", text(file)),
    }));
    let mut one = |key: &str, value: Option<String>| subs.extend(value.map(|value| format!("{key}:{value}")));
    let list = |values: &[String]| (!values.is_empty()).then(|| parts(values));
    let poll = |poll: Poll| match poll {
        Poll::Off => "OFF".to_string(),
        Poll::On => "ON".to_string(),
        Poll::Tries { count, every } => format!("{count}%{every}"),
    };
    one("USER", create.user.as_deref().map(raw));
    one("CONSOLE", create.console.map(|console| console.to_string()));
    one(
        "BOOTMODE",
        create.boot_mode.as_ref().map(|boot| match &boot.image {
            Some(image) => format!("{}%{}", boot.mode, text(image)),
            None => boot.mode.clone(),
        }),
    );
    one("INSTMODE", create.inst_mode.as_deref().map(parts));
    one("PING", create.ping.map(poll));
    one("SSHPING", create.ssh_ping.map(poll));
    one("STACKCHECK", list(&create.stack_check));
    one("WAITC", create.wait_client.map(|seconds| seconds.to_string()));
    one("WAITS", create.wait_server.map(|seconds| seconds.to_string()));
    one("CALLOPTS", list(&create.call_opts));
    one("XOPTS", list(&create.x_opts));
    one("CHDIR", create.chdir.as_deref().map(text));
    one("STUBMODE", create.stub_mode.then(|| "ON".to_string()));
    one("SHELL", create.shell.as_deref().map(text));
    one("CMD", list(&create.cmd));
    one("VDIL", list(&create.vnc_desk_ids));
    extra_subs(&create.extra, subs);
}

fn cancel_subs(cancel: &Cancel, subs: &mut Vec<String>) {
    address_subs(&cancel.address, subs);
    subs.extend(cancel.all.then(|| "ALL".to_string()));
    subs.extend(cancel.method.map(|method| match method {
        CancelMethod::Reset => "RESET".to_string(),
        CancelMethod::Reboot => "REBOOT".to_string(),
        CancelMethod::Init(level) => format!("INIT:{level}"),
        CancelMethod::Pause => "PAUSE".to_string(),
        CancelMethod::Suspend => "SUSPEND".to_string(),
        CancelMethod::PowerOff(None) => "POWEROFF".to_string(),
        CancelMethod::PowerOff(Some(seconds)) => format!("POWEROFF:{seconds}"),
    }));
    subs.extend(cancel.force.then(|| "FORCE".to_string()));
    subs.extend(cancel.with_self.then(|| "SELF".to_string()));
    subs.extend(cancel.unprotect.then(|| "UNPROTECT".to_string()));
    subs.extend(cancel.side.map(|side| side.to_string()));
    subs.extend(cancel.timeout.map(|seconds| format!("TIMEOUT:{seconds}")));
    subs.extend(cancel.user.as_ref().map(|user| format!("USER:{}", raw(user))));
    extra_subs(&cancel.extra, subs);
}

fn extra_subs(extra: &std::collections::BTreeMap<String, String>, subs: &mut Vec<String>) {
    subs.extend(extra.iter().map(|(key, value)| match value.as_str() {
        "" => key.clone(),
        value if crate::words::mac(value).is_some() => format!("{key}:{value}"),
        value => format!("{key}:{}", raw(value)),
    }));
}

fn look_subs(look: Option<&Presentation>, interface_named: bool, subs: &mut Vec<String>) {
    let Some(look) = look else { return };
    let mut fields: BTreeSet<Known> = look.fields.clone();
    let (table, usual) = match look.numbering {
        Numbering::List => (list::FIELDS, list::USUAL),
        Numbering::Enumerate => (enumerate::FIELDS, enumerate::USUAL),
    };
    // IFNAME by name also asks for one row per interface; within a set of fields it does not.
    let machine: BTreeSet<Known> = look.numbering.machine().into_iter().collect();
    let bare = look.terse || !matches!(look.format, Format::Raw | Format::Listing);
    if bare && fields.is_superset(&machine) {
        subs.push("MACHINE".into());
        fields.retain(|field| !machine.contains(field) || *field == Known::Interface && interface_named);
    } else if fields.contains(&Known::Interface) && !interface_named {
        subs.push("ALL".into());
        fields.retain(|field| !usual.contains(field));
    }
    subs.extend(table.iter().filter(|(_, field)| fields.contains(field)).map(|(names, _)| names[0].to_string()));
    subs.extend(format_word(&look.format));
    subs.extend(match look.title {
        Title::None => None,
        Title::Names => Some("TITLE".to_string()),
        Title::Index => Some("TITLEIDX".to_string()),
        Title::IndexAscii => Some("TITLEIDXASC".to_string()),
    });
    subs.extend(look.terse.then(|| "TERSE".to_string()));
    subs.extend(look.address.map(|form| if form == AddressForm::Dns { "DNS" } else { "IP" }.to_string()));
    subs.extend(look.sort.map(|sort| {
        let mut words = vec![if sort.each { "EACH" } else { "ALL" }.to_string()];
        words.extend(sort.unique.then(|| "UNIQUE".to_string()));
        words.extend(sort.reverse.then(|| "REVERSE".to_string()));
        words.extend(sort.column.map(|column| column.to_string()));
        format!("SORT:{}", words.join("%"))
    }));
    subs.extend((!look.packages.is_empty()).then(|| format!("PKG:{}", look.packages.join("%"))));
}

/// The word of a format; none for the plain ones.
fn format_word(format: &Format) -> Option<String> {
    let columns = |name: &str, columns: &[Column]| match columns {
        [] => name.to_string(),
        columns => format!("{name}:{}", columns.iter().map(column).collect::<Vec<_>>().join("%%")),
    };
    let widths = |name: &str, widths: &[Option<u16>]| match widths {
        [] => name.to_string(),
        widths => {
            let texts: Vec<String> =
                widths.iter().map(|width| width.map(|w| w.to_string()).unwrap_or_default()).collect();
            format!("{name}:{}", texts.join("%%"))
        }
    };
    match format {
        Format::TabTcp(all) => Some(widths("TAB_TCP", all)),
        Format::TabTcp9(all) => Some(widths("TAB_TCP9", all)),
        Format::TabGen(all) => Some(columns("TAB_GEN", all)),
        Format::Spec(all) => Some(columns("SPEC_GEN", all)),
        Format::Rec(all) => Some(columns("REC_GEN", all)),
        Format::Xml(all) => Some(columns("XML_GEN", all)),
        Format::Json => Some("JSON".into()),
        Format::Jsonl => Some("JSONL".into()),
        Format::Csv => Some("CSV".into()),
        Format::Tsv => Some("TSV".into()),
        Format::Yaml => Some("YAML".into()),
        Format::Raw | Format::Listing => None,
    }
}

fn column(column: &Column) -> String {
    let cut = match column.cut {
        Cut::Right => "",
        Cut::Left => "_L",
        Cut::Break => "_B",
    };
    format!("{}_{}_{}{cut}", column.index, raw(&column.title), column.width)
}

fn comma(text: &str) -> String {
    text.replace(',', ",,")
}

fn colon(text: &str) -> String {
    text.replace(':', "::")
}

/// `%` for a blank, `%%` for itself.
fn percent(text: &str) -> String {
    text.replace('%', "%%").replace(' ', "%")
}

/// A value whose `%` was kept as typed.
fn raw(text: &str) -> String {
    colon(&comma(text))
}

/// A value whose `%` was taken for blanks.
fn text(text: &str) -> String {
    raw(&percent(text))
}

/// A list of values.
fn parts(values: &[String]) -> String {
    all(values, |value| raw(&value.replace('%', "%%")), "%")
}

fn all(values: &[String], each: impl Fn(&str) -> String, joint: &str) -> String {
    values.iter().map(|value| each(value)).collect::<Vec<_>>().join(joint)
}
