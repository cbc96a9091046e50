//! The host of a target: `[user@]host[:port]` (ctys.md 1.1).

use crate::mistakes::{Desk, Fault, shown};
use crate::text::{Spot, Text};
use crate::words::number;
use ctys_model::Target;
use std::net::Ipv6Addr;

/// What OpenSSH itself refuses in a host name, and what a shell on the way could take for its own.
const NOT_IN_HOSTS: &str = "'\"`$\\;&<>|(){}*?!#";

/// What OpenSSH itself refuses in an account.
const NOT_IN_ACCOUNTS: &str = "'\"`$;&<>|(){}:@\\/";

/// Reads `[user@]host[:port]`. `user` and `local` are settled later, when `-l` is known.
pub(crate) fn target(desk: &mut Desk<'_>, text: &Text) -> Option<Target> {
    // The last @ separates: an account cannot hold one, but let the message name the account then.
    let at = text.chars().rev().position(|c| c == '@').map(|n| text.len() - 1 - n);
    let (user, rest) = match at {
        Some(at) => (Some(text.slice(0..at)), text.from(at + 1)),
        None => (None, text.clone()),
    };
    let user = match user {
        Some(user) => Some(account(desk, &user)?),
        None => None,
    };
    let (host, port) = host_and_port(desk, &rest)?;
    let port = match port {
        Some(port) => Some(number(desk, &port, "a port", 1..=65535)? as u16),
        None => None,
    };
    Some(Target { host, user, port, local: false })
}

fn host_and_port(desk: &mut Desk<'_>, text: &Text) -> Option<(String, Option<Text>)> {
    if text.chars().next() == Some('[') {
        let Some(end) = text.find(']') else {
            desk.fault(
                Fault::at(text.slice(0..1).spot(), "the [ of an address is not closed").expected("[address]:port"),
            );
            return None;
        };
        let inner = text.slice(1..end);
        if inner.to_string().split('%').next().is_none_or(|address| address.parse::<Ipv6Addr>().is_err()) {
            let message = format!("{} is not an IPv6 address", shown(&inner));
            desk.fault(Fault::at(inner.spot(), message).expected("brackets hold an IPv6 address: [::1]:2222"));
            return None;
        }
        let rest = text.from(end + 1);
        return match rest.chars().next() {
            None => Some((inner.to_string(), None)),
            Some(':') => Some((inner.to_string(), Some(rest.from(1)))),
            Some('[') => refuse_stack(desk, rest.spot()),
            Some(_) => {
                desk.fault(
                    Fault::at(rest.spot(), "there is something behind the address").expected(":port or nothing"),
                );
                None
            }
        };
    }
    if let Some(at) = text.find('[') {
        return refuse_stack(desk, text.from(at).spot());
    }
    if text.to_string().split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()) {
        return Some((text.to_string(), None));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text.clone(), None),
    };
    if host.is_empty() {
        desk.fault(Fault::at(text.spot(), "the name of the host is missing").expected("[user@]host[:port]"));
        return None;
    }
    check(desk, &host, "the host", NOT_IN_HOSTS)?;
    if let Some(port) = &port
        && port.find(':').is_some()
    {
        let message = format!("{} is neither host:port nor an IPv6 address", shown(text));
        desk.fault(Fault::at(text.spot(), message).expected("an IPv6 address with a port in brackets: [::1]:2222"));
        return None;
    }
    Some((host.to_string(), port))
}

fn refuse_stack<T>(desk: &mut Desk<'_>, spot: Spot) -> Option<T> {
    let fault = Fault::at(spot, "addresses of nested machines, host[machine], are not supported");
    desk.fault(fault.note("name the machine itself as the target, or use VMSTACK{...}"));
    None
}

/// An account name that can be given to ssh.
pub(crate) fn account(desk: &mut Desk<'_>, text: &Text) -> Option<String> {
    if text.is_empty() {
        desk.fault(Fault::at(text.spot(), "the name of the account is missing").expected("user@host"));
        return None;
    }
    check(desk, text, "the account", NOT_IN_ACCOUNTS)?;
    Some(text.to_string())
}

/// Refuses what could be an option of ssh or would be torn apart on the way.
fn check(desk: &mut Desk<'_>, text: &Text, what: &str, forbidden: &str) -> Option<()> {
    if text.chars().next() == Some('-') {
        let message = format!("{what} {} starts with -", shown(text));
        desk.fault(Fault::at(text.spot(), message).note("options stand before --, or in the parentheses of a target"));
        return None;
    }
    let bad = text.chars().position(|c| c.is_whitespace() || c.is_control() || forbidden.contains(c));
    if let Some(at) = bad {
        let letter = text.slice(at..at + 1);
        let message = format!("{what} {} holds the character {}", shown(text), named(&letter));
        desk.fault(Fault::at(letter.spot(), message));
        return None;
    }
    Some(())
}

fn named(letter: &Text) -> String {
    match letter.chars().next() {
        Some(c) if c.is_whitespace() && !c.is_control() => "blank".into(),
        _ => shown(letter),
    }
}
