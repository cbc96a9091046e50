//! CREATE (ctys.md 2.1, ctys-original.md 2.3).

use super::extra::{self, Declared};
use super::{Key, OneType, Takes, address, key_of, suboptions};
use crate::mistakes::{Desk, Fault, shown};
use crate::suboptions::{Suboption, blanks, parts};
use crate::text::{Spot, Text};
use crate::words::{number, one_of};
use ctys_model::Verb;
use ctys_model::action::{BootMode, ConsoleKind, Create, CreateMode, Poll};
use ctys_model::manifest::Category;

const fn key(names: &'static [&'static str], takes: Takes, argument: &'static str, help: &'static str) -> Key {
    Key { names, takes, argument, help }
}

/// The suboptions of CREATE beside the address.
pub(crate) const KEYS: &[Key] = &[
    key(&["CONNECT"], Takes::Nothing, "", "attach only; an error when it does not run"),
    key(&["REUSE"], Takes::Nothing, "", "attach when it runs, else start"),
    key(&["RECONNECT"], Takes::Nothing, "", "as REUSE, after ending the clients of the session"),
    key(&["RESUME"], Takes::Maybe, "STATEFILE", "continue a suspended session"),
    key(&["USER"], Takes::Argument, "USER[%CREDENTIAL]", "the account inside the guest"),
    key(&["CONSOLE"], Takes::Argument, "TYPE", "CLI, XTERM, GTERM, EMACS[M|A|AM], VNC, SDL, RDP, VBOX, VMW, NONE ..."),
    key(&["BOOTMODE"], Takes::Argument, "MODE[%IMAGE]", "HDD, VHDD, CD, DVD, FDD, USB, ISO, KERNEL, PXE, INSTALL"),
    key(&["INSTMODE"], Takes::Maybe, "BOOT%SOURCE%MODE%TARGET%STAGE", "install a system"),
    key(&["PING"], Takes::Argument, "ON|OFF|TRIES%SECONDS", "wait until the guest answers"),
    key(&["SSHPING"], Takes::Argument, "ON|OFF|TRIES%SECONDS", "wait until the guest's sshd answers"),
    key(&["STACKCHECK"], Takes::Argument, "OFF|[NO]CONTEXT%[NO]HWCAP%[NO]STACKCAP", "what is checked in a stack"),
    key(&["WAITC"], Takes::Argument, "SECONDS", "wait after the start of a client"),
    key(&["WAITS"], Takes::Argument, "SECONDS", "wait after the start of a server"),
    key(&["CALLOPTS", "C"], Takes::Argument, "ARG[%ARG...]", "further arguments for the tool"),
    key(&["XOPTS", "X"], Takes::Argument, "ARG[%ARG...]", "further arguments for the X client"),
    key(&["CHDIR", "CD"], Takes::Argument, "DIR", "where to run"),
    key(&["STUBMODE", "STUB"], Takes::Maybe, "ON|OFF", "a plain login"),
    key(&["SHELL", "S"], Takes::Argument, "SHELL", "the shell to run"),
    key(&["CMD"], Takes::Argument, "COMMAND[%ARG...]", "the command to run"),
    key(&["VNCDESKIDLIST", "VDIL"], Takes::Argument, "ID[%ID...]", "display numbers"),
];

/// The words of CONSOLE that only some plugins of the original had, and what they mean.
const CONSOLE_ALIASES: &[(&str, ConsoleKind)] = &[
    ("VNCVIEWER", ConsoleKind::Vnc),
    ("RDPVIEWER", ConsoleKind::Rdp),
    ("RDESKTOP", ConsoleKind::Rdp),
    ("VMRC", ConsoleKind::Vmwrc),
];

/// The words of BOOTMODE.
const BOOT_MODES: [&str; 10] = ["HDD", "VHDD", "CD", "DVD", "FDD", "USB", "ISO", "KERNEL", "PXE", "INSTALL"];

/// Reads the suboptions of CREATE; also gives the place of CONSOLE.
pub(crate) fn create(desk: &mut Desk<'_>, rest: &Text, word: &Text, one: &OneType) -> (Create, Option<Spot>) {
    let mut create = Create::default();
    let mut console_at = None;
    let mut mode_at = None;
    let subs = suboptions(rest);
    let declared = extra::declared(desk, Verb::Create, one);
    let others: Vec<String> = declared.iter().flat_map(|declared| declared.names.clone()).collect();
    for sub in &subs {
        if let Some(own) = find(&declared, sub) {
            create.extra.extend(extra::read(desk, sub, own));
            continue;
        }
        let Some(key) = key_of(desk, Verb::Create, sub, &[address::KEYS, KEYS], &others) else { continue };
        match key {
            part if address::is_part(part) => address::apply(desk, part, sub, one, &mut create.address),
            "CONNECT" | "REUSE" | "RECONNECT" | "RESUME" => mode(desk, key, sub, one, &mut create, &mut mode_at),
            "CONSOLE" => console(desk, sub, &mut create, &mut console_at),
            _ => value(desk, key, sub, one, &mut create),
        }
    }
    address_of(desk, &subs, word, one, &create);
    together(desk, &subs, one, &create);
    (create, console_at)
}

pub(crate) fn find<'d>(declared: &'d [Declared], sub: &Suboption) -> Option<&'d Declared> {
    declared.iter().find(|declared| declared.names.iter().any(|name| sub.key.is_word(name)))
}

/// The four modes, of which there is at most one.
fn mode(
    desk: &mut Desk<'_>,
    key: &str,
    sub: &Suboption,
    one: &OneType,
    create: &mut Create,
    mode_at: &mut Option<(String, Spot)>,
) {
    if matches!(one.name.as_str(), "CLI" | "X11") {
        desk.fault(Fault::at(
            sub.key.spot(),
            format!("a session of type {} is always new: there is no {key}", one.name),
        ));
        return;
    }
    if let Some((first, _)) = mode_at.as_ref().filter(|(first, _)| first != key) {
        let fault = Fault::at(sub.key.spot(), format!("{key} does not go with {first}"));
        desk.fault(fault.expected("one of CONNECT, REUSE, RECONNECT, RESUME"));
        return;
    }
    *mode_at = Some((key.to_string(), sub.key.spot()));
    create.mode = Some(match key {
        "CONNECT" => CreateMode::Connect,
        "REUSE" => CreateMode::Reuse,
        "RECONNECT" => CreateMode::Reconnect,
        _ => CreateMode::Resume(sub.argument.as_ref().map(blanks).filter(|file| !file.is_empty())),
    });
}

fn console(desk: &mut Desk<'_>, sub: &Suboption, create: &mut Create, console_at: &mut Option<Spot>) {
    if console_at.is_some() {
        desk.fault(Fault::at(sub.whole.spot(), "there is more than one CONSOLE").expected("one"));
        return;
    }
    *console_at = Some(sub.whole.spot());
    let Some(argument) = &sub.argument else { return };
    let alias = CONSOLE_ALIASES.iter().find(|(name, _)| argument.is_word(name)).map(|(_, kind)| *kind);
    create.console = alias.or_else(|| one_of(desk, argument, "a console", ConsoleKind::WORDS));
}

/// The suboptions with one value each.
fn value(desk: &mut Desk<'_>, key: &str, sub: &Suboption, one: &OneType, create: &mut Create) {
    let nothing = Text::empty(sub.whole.spot().behind());
    let argument = sub.argument.as_ref().unwrap_or(&nothing);
    let list = || parts(argument).iter().map(Text::to_string).collect::<Vec<_>>();
    let seconds = |desk: &mut Desk<'_>| number(desk, argument, "a number of seconds", 0..=86_400).map(|n| n as u32);
    match key {
        "USER" => create.user = Some(argument.to_string()),
        "BOOTMODE" => create.boot_mode = boot_mode(desk, argument),
        "INSTMODE" => create.inst_mode = inst_mode(desk, sub, one),
        "PING" => create.ping = poll(desk, argument),
        "SSHPING" => create.ssh_ping = poll(desk, argument),
        "STACKCHECK" => create.stack_check = stack_check(desk, argument),
        "WAITC" => create.wait_client = seconds(desk),
        "WAITS" => create.wait_server = seconds(desk),
        "CALLOPTS" => create.call_opts = list(),
        "XOPTS" => create.x_opts = list(),
        "CHDIR" => create.chdir = Some(blanks(argument)),
        "STUBMODE" => {
            let words: [(&[&str], bool); 2] = [(&["ON"], true), (&["OFF"], false)];
            let given = sub.argument.as_ref().map(|argument| one_of(desk, argument, "a word for STUBMODE", &words));
            create.stub_mode = given.unwrap_or(Some(true)).unwrap_or_default();
        }
        "SHELL" => create.shell = Some(blanks(argument)),
        "CMD" => create.cmd = list(),
        _ => {
            let ids = parts(argument);
            let right = ids.iter().all(|id| number(desk, id, "a display number", 0..=65_535).is_some());
            create.vnc_desk_ids = if right { list() } else { Vec::new() };
        }
    }
}

fn boot_mode(desk: &mut Desk<'_>, argument: &Text) -> Option<BootMode> {
    let (mode, image) = match argument.split_once('%') {
        Some((mode, image)) => (mode, Some(image)),
        None => (argument.clone(), None),
    };
    let words = BOOT_MODES.each_ref().map(|word| (std::slice::from_ref(word), *word));
    let mode = one_of(desk, &mode, "a boot mode", &words)?.to_string();
    Some(BootMode { mode, image: image.map(|image| blanks(&image)).filter(|image| !image.is_empty()) })
}

/// QEMU and KVM need all five parts (ctys.md 2.1).
fn inst_mode(desk: &mut Desk<'_>, sub: &Suboption, one: &OneType) -> Option<Vec<String>> {
    let Some(argument) = sub.argument.as_ref().filter(|argument| !argument.is_empty()) else { return Some(Vec::new()) };
    let all: Vec<String> = parts(argument).iter().map(Text::to_string).collect();
    let five = matches!(one.name.as_str(), "QEMU" | "KVM");
    if five && all.len() != 5 || all.len() > 5 {
        let fault = Fault::at(argument.spot(), format!("INSTMODE has {} parts", all.len()));
        desk.fault(fault.expected("BOOT%SOURCE%MODE%TARGET%STAGE"));
        return None;
    }
    Some(all)
}

fn poll(desk: &mut Desk<'_>, argument: &Text) -> Option<Poll> {
    match parts(argument).as_slice() {
        [word] if word.is_word("ON") => Some(Poll::On),
        [word] if word.is_word("OFF") => Some(Poll::Off),
        [count, every] => {
            // A plan has a thousand rounds; who waits longer leaves more seconds between the tries.
            let count = number(desk, count, "a number of tries", 1..=900);
            let every = number(desk, every, "a number of seconds", 0..=3_600);
            Some(Poll::Tries { count: count? as u32, every: every? as u32 })
        }
        _ => {
            let fault = Fault::at(argument.spot(), format!("{} does not say how to wait", shown(argument)));
            desk.fault(fault.expected("ON, OFF, or both numbers: TRIES%SECONDS"));
            None
        }
    }
}

fn stack_check(desk: &mut Desk<'_>, argument: &Text) -> Vec<String> {
    const WORDS: [&str; 7] = ["OFF", "CONTEXT", "NOCONTEXT", "HWCAP", "NOHWCAP", "STACKCAP", "NOSTACKCAP"];
    let words = WORDS.each_ref().map(|word| (std::slice::from_ref(word), *word));
    let all = parts(argument);
    let found: Vec<String> =
        all.iter().filter_map(|word| one_of(desk, word, "a word for STACKCHECK", &words)).map(str::to_string).collect();
    if found.len() > 1 && found.iter().any(|word| word == "OFF") {
        desk.fault(Fault::at(argument.spot(), "OFF of STACKCHECK stands alone"));
    }
    found
}

/// Which session is meant. A desktop may also be named by its port or its display numbers.
fn address_of(desk: &mut Desk<'_>, subs: &[Suboption], word: &Text, one: &OneType, create: &Create) {
    let named_else = one.name == "VNC" && (create.extra.contains_key("VNCPORT") || !create.vnc_desk_ids.is_empty());
    if named_else && create.address.is_empty() {
        return;
    }
    address::check(desk, subs, word, one, &create.address);
}

/// What does not go together.
fn together(desk: &mut Desk<'_>, subs: &[Suboption], one: &OneType, create: &Create) {
    let place =
        |name: &str| subs.iter().find(|sub| sub.key.is_word(name)).map(|sub| sub.whole.spot()).unwrap_or_default();
    if one.name == "PM" && create.extra.contains_key("BROADCAST") && create.extra.contains_key("IF") {
        let fault = Fault::at(place("IF"), "IF does not go with BROADCAST");
        desk.fault(fault.expected("the interface to send from, or the address to send to"));
    }
    if one.category != Category::Hosts {
        return;
    }
    let attaching = matches!(create.mode, Some(CreateMode::Connect | CreateMode::Reuse | CreateMode::Reconnect));
    if create.extra.contains_key("BULK") && attaching {
        desk.fault(Fault::at(
            place("BULK"),
            "BULK starts new sessions; it does not go with CONNECT, REUSE or RECONNECT",
        ));
    }
    if one.name == "VNC" && create.address.id.is_some() && create.mode != Some(CreateMode::Connect) {
        let at = ["ID", "I", "P", "PNAME", "PATHNAME"].map(place).into_iter().find(|at| *at != Spot::default());
        let message = "the id of a desktop is known only while it runs";
        desk.fault(Fault::at(at.unwrap_or_default(), message).expected("CONNECT beside it, or l:LABEL"));
    }
}
