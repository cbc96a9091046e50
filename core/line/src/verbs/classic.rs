//! A short verb in its classic form: words in, words out, every character with its place.

use super::{Means, ShortVerb, Sought, VERBS, Whereabouts, find};
use crate::actions::{OneType, address, suboptions};
use crate::mistakes::{Desk, Fault, nearest, shown};
use crate::options::{Given, Id, Reader, looks_like_option};
use crate::scan::{Block, context_options};
use crate::suboptions::Suboption;
use crate::text::{Mark, Spot, Text};
use crate::types;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::manifest::Category;
use ctys_model::{MachineAddress, Phase};

/// The words of the call in the classic form, and the verb when there was one. The first word that is no option decides.
pub(crate) fn expand(
    desk: &mut Desk<'_>,
    reader: &mut Reader,
    words: Vec<Text>,
) -> (Vec<Text>, Option<&'static ShortVerb>) {
    let Some((place, verb)) = leading(desk, reader, &words) else { return (words, None) };
    desk.short = true;
    let mut words = words;
    let at = words.remove(place).spot();
    let parts = Parts::of(desk, reader, &words);
    if parts.options.iter().any(|given| matches!(given.id, Id::Help | Id::Manual | Id::Version)) {
        return (parts.option_words, Some(verb));
    }
    for given in parts.options.iter().filter(|given| given.id == Id::Action) {
        let message = format!("-a does not go with {}, which is an action already", verb.name);
        desk.fault(Fault::at(given.whole.spot(), message).note("a host of that name is written behind --"));
    }
    let make = |text: &str| Text::expanded(text, at);
    let mut out = parts.option_words.clone();
    match verb.means {
        Means::Hosts(front) => {
            out.extend(front.iter().map(|word| make(word)));
            out.extend(parts.items.into_iter().flatten());
        }
        Means::Value(option) => match &parts.items.concat()[..] {
            [value] => out.extend([make(option), value.clone()]),
            all => {
                let spot = all.get(1).map_or(at.behind(), Text::spot);
                let fault = Fault::at(spot, format!("{} takes one word", verb.name));
                desk.fault(fault.expected(format!("ctys {} {}", verb.name, verb.usage)));
            }
        },
        Means::Topic(option, alone) => {
            match &[parts.items.concat(), parts.rest].concat()[..] {
                [] => out.push(make(alone)),
                [value] => out.extend([make(option), value.clone()]),
                [_, second, ..] => {
                    let fault = Fault::at(second.spot(), format!("{} takes one word", verb.name));
                    desk.fault(fault.expected(format!("ctys {} {}", verb.name, verb.usage)));
                }
            }
            // What is asked for is not the help on this verb.
            return (out, None);
        }
        Means::Machines(action, usual) | Means::Command(action, usual) => {
            let call = Call { verb, at, action, usual };
            out.extend(call.machines(desk, reader, parts));
        }
    }
    (out, Some(verb))
}

/// The verb of the call and its place: the first word that is neither an option nor the value of one. Behind `-a` and `--`
/// that word is a target, whatever it is called.
fn leading(desk: &mut Desk<'_>, reader: &mut Reader, words: &[Text]) -> Option<(usize, &'static ShortVerb)> {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| looks_like_option(word)) {
        if word.is_word("--") {
            return None;
        }
        let (given, taken) = reader.read(desk, &words[at..]);
        if given.iter().any(|given| given.id == Id::Action) {
            return None;
        }
        at += taken;
    }
    Some((at, find(&words.get(at)?.to_string())?))
}

/// A fault for a call that has no action: a verb may have been meant.
pub(crate) fn meant_verb(fault: Fault, first: &str) -> Fault {
    if let Some(verb) = find(first) {
        let usage = format!("ctys {} [OPTIONS] {}", verb.name, verb.usage);
        return fault.note(format!("{} is a verb only in front of all targets and of --: {usage}", verb.name));
    }
    let near = nearest(first, VERBS.iter().map(|verb| verb.name));
    fault.nearest(near.map(|name| format!("ctys {name}")))
}

/// The words behind a verb.
struct Parts {
    options: Vec<Given>,
    option_words: Vec<Text>,
    /// Everything else; what parentheses hold together is one.
    items: Vec<Vec<Text>>,
    /// What stands behind `--`, for a verb that takes a command.
    rest: Vec<Text>,
}

impl Parts {
    fn of(desk: &mut Desk<'_>, reader: &mut Reader, words: &[Text]) -> Parts {
        let mut parts = Parts { options: Vec::new(), option_words: Vec::new(), items: Vec::new(), rest: Vec::new() };
        let mut depth = 0_i64;
        let mut at = 0;
        while at < words.len() {
            let word = &words[at];
            let opens = |word: &Text| word.chars().map(|c| i64::from(c == '(') - i64::from(c == ')')).sum::<i64>();
            if depth > 0 {
                parts.items.last_mut().expect("a word opened the parentheses").push(word.clone());
                depth += opens(word);
            } else if word.is_word("--") {
                parts.rest = words[at + 1..].to_vec();
                break;
            } else if looks_like_option(word) {
                let (given, taken) = reader.read(desk, &words[at..]);
                parts.options.extend(given);
                parts.option_words.extend_from_slice(&words[at..at + taken]);
                at += taken - 1;
            } else {
                depth = opens(word).max(0);
                parts.items.push(vec![word.clone()]);
            }
            at += 1;
        }
        parts
    }

    /// The types of `-t`, none when it is not given.
    fn types(&self) -> Option<Vec<String>> {
        let value = |given: &Given| given.value.as_ref().map(|value| value.upper());
        let last = self.options.iter().rev().find(|given| given.id == Id::Type)?;
        Some(value(last).unwrap_or_default().split(',').map(str::to_string).collect())
    }

    /// The options that say how a target is reached.
    fn reach(&self) -> Vec<String> {
        let of_reach = |id: Id| {
            use Id::*;
            let clocks = matches!(id, ConnectTimeout | SilenceTimeout | TotalTimeout);
            clocks || matches!(id, Login | Privilege | Transport | SshConfig | Db | Replay)
        };
        let reach = self.options.iter().filter(|given| of_reach(given.id));
        let words = reach.filter_map(|given| {
            let long = crate::options::definition(given.id).long?;
            Some(format!("--{long}={}", given.value.as_ref()?))
        });
        words.collect()
    }
}

/// A machine as it was typed.
#[derive(Clone)]
struct Named {
    /// The target with its context; none when it is not said.
    host: Option<Vec<Text>>,
    /// The suboptions, the address in front.
    subs: Text,
}

/// A verb for machines.
struct Call {
    verb: &'static ShortVerb,
    at: Spot,
    action: &'static str,
    usual: &'static [(&'static str, &'static [&'static str])],
}

impl Call {
    fn machines(&self, desk: &mut Desk<'_>, reader: &mut Reader, parts: Parts) -> Vec<Text> {
        let command = matches!(self.verb.means, Means::Command(..));
        let mut items = parts.items.clone();
        if !command {
            items.extend(parts.rest.iter().map(|word| vec![word.clone()]));
        }
        let is_common = |item: &Vec<Text>| item[0].chars().next() == Some('(');
        let first = items.iter().position(|item| !is_common(item)).unwrap_or(items.len());
        let common: Vec<Text> = items.drain(..first).flatten().collect();
        if items.is_empty() {
            let fault = Fault::at(self.at.behind(), format!("{} does not say which machine is meant", self.verb.name));
            desk.fault(fault.expected("HOST/NAME, or NAME HOST..., or the NAME of a machine in the inventory"));
            return common;
        }
        let named = self.named(desk, items);
        let tail = if command { self.command(desk, &parts.rest) } else { None };
        let types = parts.types().or_else(|| {
            let given = context_of(desk, reader, &common)?;
            given.iter().any(|given| given.id == Id::Type).then(Vec::new)
        });
        let reach = parts.reach();
        let mut all: Vec<(Vec<Text>, Option<String>, Text)> = Vec::new();
        for one in named {
            let own_type = one.host.as_ref().and_then(|host| context_of(desk, reader, host));
            let has_type = types.is_some() || own_type.is_some_and(|own| own.iter().any(|given| given.id == Id::Type));
            let (host, found_type) = match (&one.host, has_type) {
                (Some(host), true) => (host.clone(), None),
                _ => match self.place(desk, &one, types.as_deref().unwrap_or_default(), &reach) {
                    Some(place) => {
                        let target = match &one.host {
                            Some(host) => host.clone(),
                            None => vec![Text::expanded(&place.target, one.subs.spot())],
                        };
                        (target, (!has_type).then_some(place.session_type))
                    }
                    None => continue,
                },
            };
            let kind = found_type.clone().or_else(|| types.as_ref().and_then(|types| types.first().cloned()));
            all.push((host, found_type, self.action_text(&one.subs, kind.as_deref(), desk, tail.as_ref())));
        }
        let mut out = Vec::new();
        let same = all.windows(2).all(|pair| pair[0].2.to_string() == pair[1].2.to_string());
        if let (true, Some((_, _, action))) = (same, all.first()) {
            out.extend([Text::expanded("-a", self.at), action.clone()]);
        }
        out.extend(common);
        for (host, found_type, action) in all {
            out.extend(host);
            if let Some(name) = found_type {
                out.push(Text::expanded(&format!("(-t {name})"), self.at));
            }
            if !same {
                out.push(self.in_context(desk, &action));
            }
        }
        out
    }

    /// `HOST/NAME...`, or `NAME HOST...`, or `NAME`.
    fn named(&self, desk: &mut Desk<'_>, items: Vec<Vec<Text>>) -> Vec<Named> {
        let whole: Vec<Option<(Text, Text)>> =
            items.iter().map(|item| if item.len() == 1 { split(&item[0]) } else { None }).collect();
        if whole[0].is_some() {
            let mut named = Vec::new();
            for (item, parts) in items.iter().zip(whole) {
                match parts {
                    Some((host, subs)) => named.push(Named { host: Some(vec![host]), subs }),
                    None => {
                        let fault = Fault::at(item[0].spot(), format!("{} names no machine", shown(&item[0])));
                        desk.fault(fault.expected("HOST/NAME, as those before it").note("or: NAME HOST..."));
                    }
                }
            }
            return named;
        }
        let mut items = items.into_iter();
        let mut first = items.next().expect("there is one");
        if let Some(more) = first.get(1) {
            desk.fault(
                Fault::at(more.spot(), "the name of a machine has no parentheses").expected("NAME HOST(OPTIONS)"),
            );
        }
        let name = first.remove(0);
        let mut hosts: Vec<Vec<Text>> = Vec::new();
        for item in items {
            match hosts.last_mut() {
                // A context with a blank before it belongs to the target before.
                Some(last) if item[0].chars().next() == Some('(') => last.extend(item),
                _ => hosts.push(item),
            }
        }
        for (host, subs) in hosts.iter().filter_map(|host| split(&host[0])) {
            let fault = Fault::at(host.spot(), "a machine with its host stands behind a machine without one");
            desk.fault(fault.expected(format!("{}/{} first, or hosts only", shown(&host), shown(&subs))));
        }
        if hosts.is_empty() {
            return vec![Named { host: None, subs: name }];
        }
        hosts.into_iter().map(|host| Named { host: Some(host), subs: name.clone() }).collect()
    }

    /// The one place of a machine.
    fn place(&self, desk: &mut Desk<'_>, one: &Named, types: &[String], reach: &[String]) -> Option<Whereabouts> {
        let spot = one.subs.spot();
        let host = one.host.as_ref().map(|host| bare(host));
        let sets = host.as_ref().is_some_and(|host| is_set(host) || Block::of(&Text::expanded(host, spot)).is_some());
        let name = shown(&one.subs);
        if sets {
            let fault = Fault::at(spot, format!("of which type {name} is on these hosts is not said"));
            desk.fault(fault.expected("-t TYPE"));
            return None;
        }
        let sought =
            Sought { address: self.sought(desk, &one.subs)?, host, types: types.to_vec(), reach: reach.to_vec() };
        match desk.world.shelf.whereabouts(&sought) {
            Err(problem) => {
                // A host may have had its say in it.
                let fault = Fault::at(spot, escape_for_eyes(&problem.message)).phase(problem.phase);
                desk.fault(
                    problem
                        .hints
                        .iter()
                        .fold(fault, |fault, hint| fault.note(format!("hint: {}", escape_for_eyes(hint)))),
                );
                None
            }
            Ok(mut found) => {
                found.dedup();
                match (&found[..], &sought.host) {
                    ([_], _) => found.pop(),
                    ([], None) => {
                        let fault =
                            Fault::at(spot, format!("the inventory knows no machine {name}")).phase(Phase::Here);
                        let fault = fault.expected(format!("HOST/{name}, or {name} HOST..."));
                        desk.fault(fault.note("ctys vdbgen HOST... fills the inventory"));
                        None
                    }
                    ([], Some(host)) => {
                        let message = format!("the type of {name} on {} is not known", shown(host));
                        let fault = Fault::at(spot, message).phase(Phase::Run);
                        desk.fault(
                            fault.expected("-t TYPE").note(format!("ctys ls {} shows what runs there", shown(host))),
                        );
                        None
                    }
                    (all, _) => {
                        let fault = Fault::at(spot, format!("{} machines are meant by {name}", all.len()));
                        let lines = all.iter().map(|one| {
                            let (target, kind) = (shown(&one.target), shown(&one.session_type));
                            format!("-t {kind} {target}/{name}  {}", one.about).trim_end().to_string()
                        });
                        let fault = lines.fold(fault.phase(Phase::Ambiguous), Fault::note);
                        desk.fault(fault.expected("one of these"));
                        None
                    }
                }
            }
        }
    }

    /// The address among the suboptions.
    fn sought(&self, desk: &mut Desk<'_>, subs: &Text) -> Option<MachineAddress> {
        let before = desk.faults();
        let one = OneType { name: String::new(), category: Category::Vms };
        let mut sought = MachineAddress::default();
        for sub in suboptions(&addressed(subs)) {
            if let Some(key) = key_of_address(&sub) {
                address::apply(desk, key, &sub, &one, &mut sought);
            }
        }
        (desk.faults() == before).then_some(sought)
    }

    /// `CANCEL=l:tst100,POWEROFF`.
    fn action_text(&self, subs: &Text, kind: Option<&str>, desk: &Desk<'_>, tail: Option<&Text>) -> Text {
        let mut text = Text::expanded(&format!("{}=", self.action), self.at).marks().to_vec();
        text.extend_from_slice(addressed(subs).marks());
        let typed = suboptions(subs);
        // A desktop has no text console: its plugin knows its viewer.
        let desktop = kind.is_some_and(|kind| types::category(desk, kind) == Category::Hosts);
        for (word, unless) in self.usual {
            let given = typed.iter().any(|sub| unless.iter().any(|key| sub.key.is_word(key)));
            let odd = desktop && *word == "CONSOLE:CLI";
            if !given && !odd {
                text.extend_from_slice(Text::expanded(&format!(",{word}"), self.at).marks());
            }
        }
        text.extend(tail.into_iter().flat_map(|tail| tail.marks().iter().copied()));
        Text::from_marks(text, self.at)
    }

    /// `,CMD:uname%-a`.
    fn command(&self, desk: &mut Desk<'_>, words: &[Text]) -> Option<Text> {
        if words.is_empty() {
            let fault = Fault::at(self.at.behind(), format!("{} has no command", self.verb.name));
            desk.fault(fault.expected(format!("ctys {} {}", self.verb.name, self.verb.usage)));
            return None;
        }
        let mut marks = Text::expanded(",CMD:", self.at).marks().to_vec();
        for (n, word) in words.iter().enumerate() {
            // Neither has a form in the list of arguments that CMD takes.
            if word.is_empty() {
                desk.fault(Fault::at(word.spot(), "an empty argument cannot be handed on"));
            }
            if n > 0 && word.chars().next() == Some('%') {
                let fault = Fault::at(word.slice(0..1).spot(), "an argument that starts with % cannot be handed on");
                desk.fault(fault.note("sh -c '...' can hold it"));
            }
            if n > 0 {
                marks.push(Mark { c: '%', spot: word.spot() });
            }
            for &mark in word.marks() {
                // What separates is doubled.
                marks.extend(std::iter::repeat_n(mark, 1 + usize::from(matches!(mark.c, '%' | ':' | ','))));
            }
        }
        Some(Text::from_marks(marks, self.at))
    }

    /// `(-a 'CANCEL=l:tst100')`.
    fn in_context(&self, desk: &mut Desk<'_>, action: &Text) -> Text {
        let quote = if action.find('\'').is_none() { '\'' } else { '"' };
        if action.find(quote).is_some() {
            let fault = Fault::at(action.spot(), "a name with both kinds of quotes needs a call of its own");
            desk.fault(fault);
        }
        let mut marks = Text::expanded(&format!("(-a {quote}"), self.at).marks().to_vec();
        marks.extend_from_slice(action.marks());
        marks.extend_from_slice(Text::expanded(&format!("{quote})"), self.at).marks());
        Text::from_marks(marks, self.at)
    }
}

/// The parts of `HOST/NAME`; none for a name without a host: an absolute path, a key with its value.
fn split(word: &Text) -> Option<(Text, Text)> {
    let mut depth = 0;
    let slash = word.chars().position(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == '/' && depth == 0
    })?;
    let (host, name) = (word.slice(0..slash), word.from(slash + 1));
    let key = host.split_once(':').is_some_and(|(key, _)| is_key(&key));
    let comma = host.find('(').is_none() && host.find('[').is_none() && host.find(',').is_some();
    (!host.is_empty() && !name.is_empty() && !key && !comma).then_some((host, name))
}

/// Whether a word is a key of an address, such as `u` or `label`.
fn is_key(word: &Text) -> bool {
    address::KEYS.iter().any(|key| key.names.iter().any(|name| word.is_word(name)))
}

fn key_of_address(sub: &Suboption) -> Option<&'static str> {
    address::KEYS.iter().find(|key| key.names.iter().any(|name| sub.key.is_word(name))).map(|key| key.names[0])
}

/// The suboptions with a key in front: a bare name is a label, an absolute path a path.
fn addressed(subs: &Text) -> Text {
    let has_key = subs.split_once(':').is_some_and(|(key, _)| is_key(&key));
    if has_key {
        return subs.clone();
    }
    let key = if subs.chars().next() == Some('/') { "P:" } else { "L:" };
    let at = Spot { to: subs.spot().from, ..subs.spot() };
    let mut marks = Text::expanded(key, at).marks().to_vec();
    marks.extend_from_slice(subs.marks());
    Text::from_marks(marks, at)
}

/// A target without its context.
fn bare(host: &[Text]) -> String {
    let text = host[0].to_string();
    text.split('(').next().unwrap_or_default().trim_matches(['\'', '"']).to_string()
}

/// Whether a word may be more than one host.
fn is_set(host: &str) -> bool {
    let inner = host.rsplit('@').next().unwrap_or(host);
    let address = inner.starts_with('[');
    host.starts_with('@') || host.contains(['*', '?', '!', '&', '^', '{', ',']) || (!address && inner.contains('['))
}

/// The options in the parentheses of some words.
fn context_of(desk: &mut Desk<'_>, reader: &mut Reader, words: &[Text]) -> Option<Vec<Given>> {
    let mut marks: Vec<Mark> = Vec::new();
    for word in words {
        marks.extend_from_slice(word.marks());
        marks.push(Mark { c: ' ', spot: word.spot().behind() });
    }
    let open = marks.iter().position(|mark| mark.c == '(')?;
    let close = marks.iter().rposition(|mark| mark.c == ')')?;
    let inner = marks.get(open + 1..close)?.to_vec();
    // Two contexts of one target follow each other directly.
    let inner = inner.into_iter().map(|mark| match mark.c {
        '(' | ')' => Mark { c: ' ', ..mark },
        _ => mark,
    });
    let text = Text::from_marks(inner.collect(), words[0].spot());
    Some(context_options(desk, reader, &text))
}
