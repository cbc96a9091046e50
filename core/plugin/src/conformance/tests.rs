use super::*;
use crate::model::{Action, Batch, Command, List, Probe, Problem, Record, Step};
use ctys_model::field::{Field, Known};
use ctys_model::manifest::{ColumnDecl, VerbDecl};
use ctys_model::{Cancel, Phase, Value};
use std::cell::Cell;

/// What a plugin of these tests does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    PanicsInWants,
    PanicsOnGarbage,
    PanicsInRead,
    IsRandom,
    AsksByHost,
    ProbeChanges,
    ListChanges,
    CancelsWithoutAddress,
    ForgotShow,
    ForgotShowQuietly,
    ServesUndeclared,
    UndeclaredColumn,
    KnownFieldAsOther,
    NoSessionType,
    MessageOfTwoLines,
    SilentWhenRefused,
    NeverEnds,
    WrongVersion,
    ColumnOfNobody,
    BadProtocol,
    TwoStepsOfOneName,
    NulInArgument,
    BadTool,
    ForgotTool,
    ListExits,
}

thread_local! {
    static FAULT: Cell<Fault> = const { Cell::new(Fault::Nothing) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Lamp;

fn has(fault: Fault) -> bool {
    FAULT.get() == fault
}

fn probe() -> Probe {
    let command = Command::new("lamp-status");
    Probe::run(if has(Fault::ProbeChanges) { command.changes() } else { command })
}

impl Plugin for Lamp {
    fn manifest() -> Manifest {
        let column = |key: &str| ColumnDecl { key: key.into(), title: "Watt".into(), width: 5, help: "power".into() };
        let declared = [Verb::List, Verb::Cancel, Verb::Show];
        Manifest {
            name: "lamp".into(),
            version: if has(Fault::WrongVersion) { "0.9.9" } else { "1.2.3" }.into(),
            protocol: if has(Fault::BadProtocol) { (1, 9) } else { (1, 1) },
            summary: "lamps".into(),
            session_types: vec!["LAMP".into()],
            category: Default::default(),
            verbs: declared.map(|verb| VerbDecl { verb, suboptions: vec![] }).to_vec(),
            columns: vec![column(if has(Fault::ColumnOfNobody) { "watt" } else { "lamp.watt" })],
            tools: vec![if has(Fault::BadTool) { "-lamp" } else { "lamp-ctl" }.into()],
        }
    }

    fn wants(request: &Request) -> Vec<Probe> {
        match &request.action {
            Action::List(_) if has(Fault::AsksByHost) => {
                vec![Probe::run(Command::new("lamp-status").arg(request.target.host.as_str()))]
            }
            Action::List(List { per_interface, .. }) => {
                assert!(!(has(Fault::PanicsInWants) && *per_interface), "wants is broken");
                vec![probe()]
            }
            _ => vec![],
        }
    }

    fn plan(request: &Request, facts: &Facts) -> Effect {
        match &request.action {
            Action::List(_) if has(Fault::ListExits) => {
                Effect::Report(Findings { exit: Some(3), ..Findings::default() })
            }
            Action::List(_) => list(facts),
            Action::Cancel(cancel) => cancel_plan(cancel),
            Action::Show if has(Fault::ForgotShow) => crate::unserved(request),
            Action::Show if has(Fault::ForgotShowQuietly) => {
                Effect::Report(Findings::problem(Problem::new(Phase::Run, "no")))
            }
            Action::Show => Effect::Report(Findings { text: vec!["a lamp".into()], ..Findings::default() }),
            Action::Tool(_) if !has(Fault::ForgotTool) => {
                Effect::Report(Findings { text: vec!["a lamp".into()], exit: Some(0), ..Findings::default() })
            }
            Action::Info if has(Fault::ServesUndeclared) => Effect::Report(Findings::default()),
            _ => crate::unserved(request),
        }
    }

    fn read(_: &Request, _: &Facts, replies: &Replies) -> Next {
        assert!(!has(Fault::PanicsInRead), "read is broken");
        if has(Fault::NeverEnds) {
            return Next::Later { delay_ms: 10, effect: switch_off("lamp-off"), why: "for the dark".into() };
        }
        match replies.last("off") {
            Some(answer) if answer.ok_output().is_some() => {
                Next::Done(Findings { changed: true, ..Findings::default() })
            }
            _ => Next::Done(Findings::problem(Problem::new(Phase::Run, "the lamp is still on"))),
        }
    }
}

fn list(facts: &Facts) -> Effect {
    let Some(output) = facts.answer(&probe()).ok_output() else {
        if has(Fault::SilentWhenRefused) {
            return Effect::Report(Findings::default());
        }
        let message = if has(Fault::MessageOfTwoLines) { "no\nlamp" } else { "no lamp" };
        return Effect::Report(Findings::problem(Problem::new(Phase::Run, message)));
    };
    assert!(!(has(Fault::PanicsOnGarbage) && std::str::from_utf8(output.stdout.as_slice()).is_err()), "not UTF-8");
    if has(Fault::ListChanges) {
        return switch_off("lamp-off");
    }
    let mut record = Record::new("LAMP")
        .with(Known::Label, Value::from_bytes(output.stdout.as_slice()))
        .with(Field::Other("lamp.watt".into()), "60");
    if has(Fault::IsRandom) {
        COUNT.set(COUNT.get() + 1);
        record.set(Known::Pid, Value::Number(COUNT.get() as i64));
    }
    if has(Fault::UndeclaredColumn) {
        record.set(Field::Other("lamp.lumen".into()), "1");
    }
    if has(Fault::KnownFieldAsOther) {
        record.set(Field::Other("uuid".into()), "1");
    }
    if has(Fault::NoSessionType) {
        record.fields.remove(&Field::Known(Known::SessionType));
    }
    Effect::Report(Findings::records(vec![record]))
}

fn cancel_plan(cancel: &Cancel) -> Effect {
    if cancel.address.is_empty() && !cancel.all && !has(Fault::CancelsWithoutAddress) {
        return Effect::Report(Findings::problem(Problem::new(Phase::Usage, "which lamp?")));
    }
    switch_off(if has(Fault::NulInArgument) { "off\0" } else { "off" })
}

fn switch_off(arg: &str) -> Effect {
    let step = || Step::run("off", Command::new("lamp").arg(arg).changes());
    let steps = if has(Fault::TwoStepsOfOneName) { vec![step(), step()] } else { vec![step()] };
    Effect::Run(Batch { steps })
}

#[test]
fn a_good_plugin_conforms() {
    FAULT.set(Fault::Nothing);
    check::<Lamp>("1.2.3");
}

#[test]
fn every_fault_is_found_and_named() {
    let cases = [
        (Fault::PanicsInWants, "LIST: wants panicked at", "wants is broken"),
        (Fault::PanicsOnGarbage, "LIST: plan panicked at", "tools print garbage bytes"),
        (Fault::PanicsInRead, "CANCEL: read panicked at", "tests.rs:"),
        (Fault::IsRandom, "LIST: plan gives different answers", "same question"),
        (Fault::AsksByHost, "LIST: what it wants to know depends on the name of the host", ""),
        (Fault::ProbeChanges, "LIST: a probe changes something", "lamp-status"),
        (Fault::ListChanges, "LIST: plans the step \"off\"", "only looks"),
        (Fault::CancelsWithoutAddress, "CANCEL: plans the changing step \"off\"", "no address is given"),
        (Fault::ForgotShow, "SHOW: declared in the manifest and forgotten", "is not served"),
        (Fault::ForgotShowQuietly, "SHOW: declared in the manifest and forgotten", "never asks"),
        (Fault::ServesUndeclared, "INFO: not declared in the manifest", "unserved"),
        (Fault::UndeclaredColumn, "LIST: a record has the field \"lamp.lumen\"", "no declared column"),
        (Fault::KnownFieldAsOther, "LIST: what plan says changes on its way", "known field"),
        (Fault::NoSessionType, "LIST: a record has no session type", ""),
        (Fault::MessageOfTwoLines, "LIST: the message of a problem is not one line", "no\\nlamp"),
        (Fault::SilentWhenRefused, "LIST: says nothing", "permission is denied"),
        (Fault::NeverEnds, "CANCEL: read never comes to an end", ""),
        (Fault::WrongVersion, "manifest: the version is 0.9.9", "Cargo.toml it is 1.2.3"),
        (Fault::ColumnOfNobody, "manifest: the column watt is not called lamp.<word>", ""),
        (Fault::BadTool, "manifest: the tool \"-lamp\" is not made of", ""),
        (Fault::ForgotTool, "TOOL: declared in the manifest and forgotten", "is not served"),
        (Fault::ListExits, "LIST: gives an exit code", ""),
        (Fault::BadProtocol, "manifest: the protocol is 1 to 9", ""),
        (Fault::TwoStepsOfOneName, "CANCEL: two steps of one batch have the name \"off\"", ""),
        (Fault::NulInArgument, "CANCEL: an argument of lamp in a step holds a NUL byte", ""),
    ];
    for (fault, rule, detail) in cases {
        FAULT.set(fault);
        let faults = faults::<Lamp>("1.2.3");
        let found = faults.iter().any(|line| line.starts_with(rule) && line.contains(detail));
        assert!(found, "{fault:?} was not named: {faults:#?}");
    }
}
