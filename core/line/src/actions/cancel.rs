//! CANCEL (ctys.md 2.2, ctys-original.md 2.4).

use super::{Key, OneType, Takes, address, create::find, extra, key_of, suboptions};
use crate::mistakes::{Desk, Fault};
use crate::text::{Spot, Text};
use crate::words::number;
use ctys_model::Verb;
use ctys_model::action::{Cancel, CancelMethod, Side};
use ctys_model::manifest::Category;

const fn key(names: &'static [&'static str], takes: Takes, argument: &'static str, help: &'static str) -> Key {
    Key { names, takes, argument, help }
}

/// The suboptions of CANCEL beside the address.
pub(crate) const KEYS: &[Key] = &[
    key(&["ALL"], Takes::Nothing, "", "every session of the type; never Domain-0"),
    key(&["POWEROFF", "S5"], Takes::Maybe, "SECONDS", "shut down, and stop hard after this time"),
    key(&["REBOOT"], Takes::Nothing, "", "shut down and boot again"),
    key(&["RESET"], Takes::Nothing, "", "reset by the hypervisor"),
    key(&["INIT"], Takes::Argument, "0..6", "change the run level"),
    key(&["PAUSE", "S3"], Takes::Nothing, "", "stop for a while"),
    key(&["SUSPEND", "S4"], Takes::Nothing, "", "save the state and stop"),
    key(&["FORCE"], Takes::Nothing, "", "the hypervisor only; nested machines are not asked"),
    key(&["STACK"], Takes::Nothing, "", "nested machines first; the default"),
    key(&["SELF"], Takes::Nothing, "", "also the machine that executes it"),
    key(&["CLIENT"], Takes::Nothing, "", "only the viewers"),
    key(&["SERVER"], Takes::Nothing, "", "only the servers"),
    key(&["BOTH"], Takes::Nothing, "", "viewers and servers"),
    key(&["UNPROTECT"], Takes::Nothing, "", "also a machine that is protected, see -H plans"),
    key(&["TIMEOUT"], Takes::Argument, "SECONDS", "the time before the hard stop"),
    key(&["USER"], Takes::Argument, "USER[%CREDENTIAL]", "the account inside the guest"),
];

/// Reads the suboptions of CANCEL.
pub(crate) fn cancel(desk: &mut Desk<'_>, rest: &Text, word: &Text, one: &OneType) -> Cancel {
    let mut cancel = Cancel::default();
    let mut method: Option<(&str, Spot)> = None;
    let mut side: Option<&str> = None;
    let mut depth: Option<&str> = None;
    let mut all_at = None;
    let subs = suboptions(rest);
    let declared = extra::declared(desk, Verb::Cancel, one);
    let others: Vec<String> = declared.iter().flat_map(|declared| declared.names.clone()).collect();
    for sub in &subs {
        if let Some(own) = find(&declared, sub) {
            cancel.extra.extend(extra::read(desk, sub, own));
            continue;
        }
        let Some(key) = key_of(desk, Verb::Cancel, sub, &[address::KEYS, KEYS], &others) else { continue };
        let at = sub.key.spot();
        let nothing = Text::empty(sub.whole.spot().behind());
        let argument = sub.argument.as_ref().unwrap_or(&nothing);
        match key {
            part if address::is_part(part) => address::apply(desk, part, sub, one, &mut cancel.address),
            "ALL" => {
                cancel.all = true;
                all_at = Some(at);
            }
            "POWEROFF" | "REBOOT" | "RESET" | "INIT" | "PAUSE" | "SUSPEND" => {
                if let Some((first, _)) = method.filter(|(first, _)| *first != key) {
                    let fault = Fault::at(at, format!("{key} does not go with {first}"));
                    desk.fault(fault.expected("one of POWEROFF, REBOOT, RESET, INIT, PAUSE, SUSPEND"));
                    continue;
                }
                method = Some((key, at));
                let seconds = |desk: &mut Desk<'_>| {
                    sub.argument.as_ref().map(|argument| number(desk, argument, "a number of seconds", 0..=86_400))
                };
                cancel.method = match key {
                    "POWEROFF" => seconds(desk).map_or(Some(CancelMethod::PowerOff(None)), |seconds| {
                        seconds.map(|seconds| CancelMethod::PowerOff(Some(seconds as u32)))
                    }),
                    "REBOOT" => Some(CancelMethod::Reboot),
                    "RESET" => Some(CancelMethod::Reset),
                    "PAUSE" => Some(CancelMethod::Pause),
                    "SUSPEND" => Some(CancelMethod::Suspend),
                    _ => number(desk, argument, "a run level", 0..=6).map(|level| CancelMethod::Init(level as u8)),
                };
            }
            "FORCE" | "STACK" => {
                if let Some(first) = depth.filter(|first| *first != key) {
                    desk.fault(
                        Fault::at(at, format!("{key} does not go with {first}")).expected("one of FORCE, STACK"),
                    );
                }
                depth = Some(key);
            }
            "SELF" => cancel.with_self = true,
            "UNPROTECT" => cancel.unprotect = true,
            "CLIENT" | "SERVER" | "BOTH" => {
                if let Some(first) = side.filter(|first| *first != key) {
                    let fault = Fault::at(at, format!("{key} does not go with {first}"));
                    desk.fault(fault.expected("one of CLIENT, SERVER, BOTH"));
                }
                side = Some(key);
                cancel.side = Side::from_word(key);
            }
            "TIMEOUT" => {
                cancel.timeout =
                    number(desk, argument, "a number of seconds", 0..=86_400).map(|seconds| seconds as u32);
            }
            _ => cancel.user = Some(argument.to_string()),
        }
    }
    cancel.force = depth == Some("FORCE");
    cancel.stack = !cancel.force;
    if let (Some("CLIENT"), Some((name @ ("SUSPEND" | "RESET" | "POWEROFF"), at))) = (side, method) {
        desk.fault(Fault::at(at, format!("{name} does not go with CLIENT: a viewer can only be ended")));
    }
    match all_at {
        // The physical machine is the target itself; ALL and an address mean the same there.
        Some(at) if !cancel.address.is_empty() && one.category != Category::Pms => {
            desk.fault(Fault::at(at, "ALL does not go with the address of one session").expected("one of them"));
        }
        Some(_) => {}
        None => address::check(desk, &subs, word, one, &cancel.address),
    }
    cancel
}
