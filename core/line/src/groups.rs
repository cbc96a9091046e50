//! Targets, groups and blocks to one draft per job (ctys.md 1.6, ctys-original.md 1.5).
//!
//! The options of one job, the later the stronger: local, common, the blocks around it from the outside in, `CONTEXT`
//! of the group file, the member's own, and last what stands behind the group's name in the call: there the outer
//! ones win. A host of the call has only its own behind the blocks.

use crate::call::CallOptions;
use crate::mistakes::{Desk, Fault, Origin, shown};
use crate::options::{Given, Reader};
use crate::scan::{Block, Node, scan_line};
use crate::settings::{JobControl, Setting, Stand, settings};
use crate::superposition::{Effective, remark};
use crate::target::target;
use crate::text::{Spot, Text};
use crate::words::number;
use ctys_model::Target;
use std::rc::Rc;

/// The most targets one call may have: a few groups that include each other twice reach any number.
const MOST: usize = 65_536;

/// A job whose action has not been read.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The target; its account may still come from `-l`.
    pub target: Target,
    /// The options; the members of a group share one set when they have none of their own.
    pub effective: Rc<Effective>,
    /// Whether it stems from a group file: duplicates of these are dropped.
    pub from_group: bool,
    /// The stack and its position there.
    pub stack: Option<(usize, usize)>,
    /// Where the target stands.
    pub at: Spot,
}

/// Expands targets.
pub(crate) struct Expander<'a, 'w> {
    desk: &'a mut Desk<'w>,
    reader: &'a mut Reader,
    call: &'a CallOptions,
    drafts: Vec<Draft>,
    stacks: usize,
    files: usize,
}

/// What the members of a group file get from outside.
#[derive(Clone, Default)]
struct Outside {
    /// `CONTEXT` of the files around this one, and its own.
    contexts: Vec<Setting>,
    /// What stands behind the group's name in the call.
    call: Vec<Setting>,
    /// The port behind the group's name.
    port: Option<u16>,
    stack: Option<usize>,
}

/// The drafts of these targets over a base of options.
pub(crate) fn drafts(
    desk: &mut Desk<'_>,
    reader: &mut Reader,
    nodes: Vec<Node>,
    base: Rc<Effective>,
    call: &CallOptions,
) -> Vec<Draft> {
    let mut expander = Expander { desk, reader, call, drafts: Vec::new(), stacks: 0, files: 0 };
    expander.nodes(nodes, &base, None);
    expander.drafts
}

impl Expander<'_, '_> {
    fn nodes(&mut self, nodes: Vec<Node>, base: &Rc<Effective>, stack: Option<usize>) {
        for node in nodes {
            match node {
                Node::Target { name, own } => self.named(&name, &own, base, stack),
                Node::Block { kind, keyword, shared, members } => {
                    let shared = settings(self.desk, &shared, Stand::Context);
                    let mut base = base.under(&shared);
                    let stack = match kind {
                        Block::Group => stack,
                        Block::Circuit => {
                            let fault = Fault::at(keyword.spot(), "VCIRCUIT, chains of relays, is not supported");
                            self.desk
                                .fault(fault.note("ProxyJump in the ssh configuration reaches hosts behind relays"));
                            continue;
                        }
                        Block::Stack if stack.is_some() => {
                            self.desk.fault(Fault::at(keyword.spot(), "a VMSTACK cannot hold another one"));
                            continue;
                        }
                        Block::Stack => {
                            let control = JobControl { stack: true, detach: Some(false), sequential: Some(true) };
                            base = base.under(&[Setting::Control(control)]);
                            self.stacks += 1;
                            Some(self.stacks - 1)
                        }
                    };
                    if members.is_empty() {
                        let message = format!("{} has no members", shown(keyword.upper()));
                        self.desk.fault(Fault::at(keyword.spot(), message));
                    }
                    self.nodes(members, &Rc::new(base), stack);
                }
            }
        }
    }

    /// A name of the call: a group if there is one of this name, else a host.
    fn named(&mut self, name: &Text, own: &[Given], base: &Rc<Effective>, stack: Option<usize>) {
        let own = settings(self.desk, own, Stand::Context);
        if let Some(block) = Block::of(name) {
            let fault = Fault::at(name.spot().behind(), format!("{} has no members", name.upper()));
            let note =
                if block == Block::Stack { "a stack is written bottom up" } else { "members stand between braces" };
            self.desk.fault(fault.expected("{target ...}").note(note));
            return;
        }
        let (group, port) = match name.split_once(':') {
            Some((group, port)) => (group, Some(port)),
            None => (name.clone(), None),
        };
        let group_name = group.to_string();
        if may_be_group(&group_name) {
            match self.desk.world.shelf.group(&group_name) {
                Ok(Some(content)) => {
                    let port = match &port {
                        Some(port) => match number(self.desk, port, "a port", 1..=65535) {
                            Some(port) => Some(port as u16),
                            None => return,
                        },
                        None => None,
                    };
                    let outside = Outside { contexts: Vec::new(), call: own, port, stack };
                    let before = (self.drafts.len(), self.desk.faults());
                    self.group(std::slice::from_ref(&group_name), &content, base, outside, name.spot());
                    if (self.drafts.len(), self.desk.faults()) == before {
                        remark(self.desk, format!("the group {} has no members", shown(&group_name)));
                    }
                    return;
                }
                Ok(None) => {}
                Err(reason) => {
                    let message = format!("the group {} cannot be read: {}", shown(&group_name), shown(reason));
                    self.desk.fault(Fault::at(group.spot(), message));
                    return;
                }
            }
        }
        let hosts = self.hosts(name);
        if hosts.as_deref() == Some(std::slice::from_ref(name)) && group_name.contains('/') {
            let fault = Fault::at(group.spot(), format!("there is no group {}", shown(&group_name)));
            self.desk.fault(fault.note("groups are files along the groups path; a host has no / in its name"));
            return;
        }
        let effective = if own.is_empty() { base.clone() } else { Rc::new(base.under(&own)) };
        let hosts = hosts.unwrap_or_default();
        // Who names a host twice means two jobs; a set names none twice.
        let from_group = hosts.len() > 1;
        for host in hosts {
            if let Some(target) = target(self.desk, &host) {
                self.add(
                    Draft { target, effective: effective.clone(), from_group, stack: None, at: name.spot() },
                    stack,
                );
            }
        }
    }

    /// The hosts that a name stands for: those of a set such as `lab[00-15]`, or itself. None after a mistake.
    fn hosts(&mut self, name: &Text) -> Option<Vec<Text>> {
        match self.desk.world.shelf.node_set(&name.to_string(), self.call) {
            Ok(Some(hosts)) => Some(hosts.iter().map(|host| Text::expanded(host, name.spot())).collect()),
            Ok(None) => Some(vec![name.clone()]),
            Err(reason) => {
                let message = format!("{} is no set of hosts: {}", shown(name), shown(reason));
                let fault = Fault::at(name.spot(), message);
                let ours = name.to_string().strip_prefix('@').map(str::to_string);
                let ours = ours.filter(|ours| matches!(self.desk.world.shelf.group(ours), Ok(Some(_))));
                self.desk.fault(match ours {
                    Some(ours) => {
                        fault.note(format!("{} is a file of the groups path: it is written without @", shown(&ours)))
                    }
                    None => fault,
                });
                None
            }
        }
    }

    /// The members of a group file: those of its includes first. `chain` ends with its own name.
    fn group(&mut self, chain: &[String], content: &str, base: &Rc<Effective>, outside: Outside, at: Spot) {
        self.files += 1;
        if self.files > MOST {
            self.desk.fault(Fault::at(at, format!("the groups of this call include more than {MOST} files")));
            return;
        }
        let name = chain.last().cloned().unwrap_or_default();
        let mut includes = Vec::new();
        let mut members = Vec::new();
        let mut outside = outside;
        for (number, raw) in content.lines().enumerate() {
            let origin = || Origin::Group { name: name.clone(), line: number + 1 };
            if let Some(rest) = include_names(raw) {
                let line = self.desk.line(origin(), raw);
                let names = line.from(line.len() - rest.chars().count());
                let found: Vec<Text> = words(&names);
                if found.is_empty() {
                    self.desk.fault(Fault::at(names.spot(), "#include names no group").expected("#include name,name"));
                }
                includes.extend(found);
                continue;
            }
            let targets = without_comment(raw);
            if targets.trim().is_empty() {
                continue;
            }
            let line = self.desk.line(origin(), raw).slice(0..targets.chars().count());
            let (leading, nodes) = scan_line(self.desk, self.reader, &line);
            if let Some(first) = leading.first() {
                let fault = Fault::at(first.whole.spot(), "these options stand before the first target of the line");
                self.desk.fault(fault.expected("CONTEXT'(OPTIONS)' for all members, or HOST'(OPTIONS)' for one"));
            }
            for node in nodes {
                match node {
                    Node::Target { name, own } if name.is_word("CONTEXT") => {
                        outside.contexts.extend(settings(self.desk, &own, Stand::Context));
                    }
                    Node::Target { name, own } => members.push((name, settings(self.desk, &own, Stand::Context))),
                    Node::Block { keyword, .. } => {
                        let message = format!("{}{{...}} cannot stand in a group file", shown(&keyword));
                        self.desk.fault(Fault::at(keyword.spot(), message).note("write it in the call"));
                    }
                }
            }
        }
        for include in includes {
            self.include(chain, &include, base, outside.clone());
        }
        let shared = Rc::new(base.under(&outside.contexts).under(&outside.call));
        for (member, own) in members {
            let effective = match own.is_empty() {
                true => shared.clone(),
                false => Rc::new(base.under(&outside.contexts).under(&own).under(&outside.call)),
            };
            for host in self.hosts(&member).unwrap_or_default() {
                let Some(mut target) = target(self.desk, &host) else { continue };
                target.port = target.port.or(outside.port);
                // A mistake in the options of a member is shown where it is written; the member itself where it stands.
                let draft =
                    Draft { target, effective: effective.clone(), from_group: true, stack: None, at: member.spot() };
                self.add(draft, outside.stack);
            }
        }
    }

    fn include(&mut self, chain: &[String], include: &Text, base: &Rc<Effective>, outside: Outside) {
        let wanted = include.to_string();
        let folder =
            chain.last().and_then(|name| name.rsplit_once('/')).map(|(folder, _)| format!("{folder}/{wanted}"));
        let mut found = None;
        for candidate in folder.into_iter().chain([wanted.clone()]).filter(|candidate| may_be_group(candidate)) {
            match self.desk.world.shelf.group(&candidate) {
                Ok(Some(content)) => {
                    found = Some((candidate, content));
                    break;
                }
                Ok(None) => {}
                Err(reason) => {
                    let message = format!("the group {} cannot be read: {}", shown(&candidate), shown(reason));
                    self.desk.fault(Fault::at(include.spot(), message));
                    return;
                }
            }
        }
        let way = |last: &str| {
            let all: Vec<&str> = chain.iter().map(String::as_str).chain([last]).collect();
            format!("groups: {}", shown(all.join(" -> ")))
        };
        let Some((name, content)) = found else {
            let fault = Fault::at(include.spot(), format!("there is no group {}", shown(&wanted)));
            self.desk.fault(fault.note(way(&wanted)));
            return;
        };
        if chain.contains(&name) {
            let fault = Fault::at(include.spot(), format!("the group {} includes itself", shown(&name)));
            self.desk.fault(fault.note(way(&name)));
            return;
        }
        let limit = self.desk.max_recursion;
        if chain.len() >= limit {
            let fault = Fault::at(include.spot(), format!("groups include each other more than {limit} deep"));
            self.desk.fault(fault.note(way(&name)));
            return;
        }
        let chain: Vec<String> = chain.iter().cloned().chain([name]).collect();
        self.group(&chain, &content, base, outside, include.spot());
    }

    fn add(&mut self, draft: Draft, stack: Option<usize>) {
        if self.drafts.len() >= MOST {
            self.desk.fault(Fault::at(draft.at, format!("the call has more than {MOST} targets")));
            return;
        }
        let position = |stack| self.drafts.iter().filter(|d| d.stack.is_some_and(|(n, _)| n == stack)).count();
        let stack = stack.map(|stack| (stack, position(stack)));
        self.drafts.push(Draft { stack, ..draft });
    }
}

/// A name that may be looked up along the groups path: it leads neither out of it nor anywhere else.
fn may_be_group(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['-', '/', '.'])
        && !name.contains(['@', '[', '\\'])
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && !name.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// The names behind `#include`, which stands at the start of its line.
fn include_names(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("#include")?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

/// The line up to a `#` at its start or behind a blank, outside of parentheses.
fn without_comment(line: &str) -> &str {
    let mut depth = 0usize;
    let mut blank_before = true;
    for (at, c) in line.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '#' if depth == 0 && blank_before => return &line[..at],
            _ => {}
        }
        blank_before = c.is_whitespace();
    }
    line
}

/// The words between blanks and commas.
fn words(text: &Text) -> Vec<Text> {
    let mut all = Vec::new();
    let mut start = 0;
    for (at, c) in text.chars().chain([' ']).enumerate() {
        if c.is_whitespace() || c == ',' {
            if at > start {
                all.push(text.slice(start..at));
            }
            start = at + 1;
        }
    }
    all
}
