//! ctys-vping: which hosts answer (ctys.md section 7).

use super::options::opt;
use super::{Call, Tool, usage};
use ctys_engine::living::{Patience, Question, Way};
use ctys_line::Member;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Phase, Problem};
use std::collections::HashSet;
use std::time::Duration;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-vping",
    about: "which hosts answer: ping, or the banner of their sshd; hosts, groups and sets such as lab[00-15]",
    usage: "HOST...",
    options: &[
        opt('s', "ssh", "", "ask for the banner of sshd as well"),
        opt('i', "raw", "", "the targets as they are, no groups and no sets"),
        opt('r', "resolve", "", "accepted: groups are always resolved"),
        opt('n', "numeric", "", "accepted: nothing is looked up for the output"),
        opt('t', "table", "", "a table with a header (default)"),
        opt('m', "machine", "", "HOST;PING;SSH"),
        opt('l', "login", "USER", "accepted: nothing logs in"),
        opt(' ', "ping-trials", "N", "tries of ping; default 1"),
        opt(' ', "ping-timeout", "SECONDS", "how long a try may take; default 1"),
        opt(' ', "ssh-trials", "N", "tries of ssh; default 1"),
        opt(' ', "ssh-timeout", "SECONDS", "how long a try may take; default 3"),
        opt(' ', "threads", "N", "hosts asked at the same time; default 64"),
    ],
    run,
};

fn run(call: &mut Call) -> Result<u8, Problem> {
    let given = &call.given;
    let count = |word: &str, usual: u32| given.count(word, usual).map_err(usage);
    let seconds = |word: &str, usual: u32| count(word, usual).map(|n| Duration::from_secs(n.into()));
    let ping = Patience { tries: count("ping-trials", 1)?, limit: seconds("ping-timeout", 1)? };
    let ssh = Patience { tries: count("ssh-trials", 1)?, limit: seconds("ssh-timeout", 3)? };
    let at_once = count("threads", 64)? as usize;
    if given.arguments.is_empty() {
        return Err(usage("there is no host"));
    }
    let questions = match targets(call) {
        Ok(questions) => questions,
        Err(code) => return Ok(code),
    };
    if questions.is_empty() {
        return Err(usage("there is no host"));
    }
    let pinged = super::ask(&questions, Way::Ping, ping, at_once)?;
    let logged = match call.given.has("ssh") {
        true => Some(super::ask(&questions, Way::Ssh, ssh, at_once)?),
        false => None,
    };
    let machine = call.given.has("machine") || call.given.has("terse");
    let width = questions.iter().map(|question| question.host.chars().count()).max().unwrap_or(0).max(4);
    let word = |answer: &Result<(), String>| if answer.is_ok() { "up" } else { "down" };
    let mut text = if machine {
        String::new()
    } else {
        format!("{:<width$}|ping|ssh \n{}+----+----\n", "host", "-".repeat(width))
    };
    let mut silent = 0;
    for (at, question) in questions.iter().enumerate() {
        let host = escape_for_eyes(&question.host);
        let over_ssh = logged.as_ref().map_or("-", |logged| word(&logged[at]));
        let down = logged.as_ref().map_or(pinged[at].is_err(), |logged| logged[at].is_err());
        silent += usize::from(down);
        text.push_str(&match machine {
            true => format!("{host};{};{over_ssh}\n", word(&pinged[at])),
            false => format!("{host:<width$}|{:<4}|{over_ssh:<4}\n", word(&pinged[at])),
        });
    }
    call.screen.data(&text);
    Ok(if silent > 0 { Phase::Connect.exit_code() } else { 0 })
}

/// The hosts of the call, each once: sets, groups with their members, hosts.
fn targets(call: &mut Call) -> Result<Vec<Question>, u8> {
    let words = call.given.arguments.clone();
    let mut questions: Vec<Question> = if call.given.has("raw") {
        words.iter().map(|word| as_it_is(word)).collect()
    } else {
        let question = |Member { target, .. }: Member| Question { host: target.host, port: target.port.unwrap_or(22) };
        super::members(call, &words)?.into_iter().map(question).collect()
    };
    let mut seen = HashSet::new();
    questions.retain(|question| seen.insert((question.host.clone(), question.port)));
    Ok(questions)
}

/// A host with its account and its port, which is neither a group nor a set.
fn as_it_is(name: &str) -> Question {
    let host = name.rsplit('@').next().unwrap_or(name);
    match host.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => {
            Question { host: host.into(), port: port.parse().unwrap_or(22) }
        }
        _ => Question { host: host.into(), port: 22 },
    }
}
