//! Every plan as text, one file per case in `plans/`: what is wanted, what is planned, what follows.

use ctys_digger::{Digger, probes};
use ctys_plugin::model::*;
use ctys_plugin::story::{Case, case, check};
use ctys_plugin::testing::{facts_with, failed, output, request};

fn keeper(pid: u32, user: &str, label: &str, ports: Option<(u16, u16)>) -> Process {
    let mut args = vec!["ctys-tunnel".to_string(), "__tunnel".into()];
    if let Some((here, there)) = ports {
        args.extend([format!("label={label}"), "type=XEN".into(), format!("lport={here}"), format!("sport={there}")]);
        args.extend(["to=lab00".into(), "wait=120".into(), "ssh=4712".into()]);
    }
    Process {
        pid,
        parent: 1,
        user: user.into(),
        group: "ldapusers".into(),
        start: Some(u64::from(pid) * 100),
        args: args.into_iter().map(Bytes::from).collect(),
        exact: true,
        ..Process::default()
    }
}

/// One of mia's, one of bob's, and one that is still logging in.
fn desk() -> Vec<Process> {
    vec![
        keeper(100, "mia", "tst100", Some((5950, 5900))),
        keeper(200, "bob", "tst101", Some((5951, 5902))),
        keeper(300, "mia", "", None),
    ]
}

fn world(processes: Vec<Process>) -> Facts {
    facts_with([(probes::keepers(), Answer::Processes(processes))])
}

fn label(label: &str) -> MachineAddress {
    MachineAddress { label: Some(label.into()), ..MachineAddress::default() }
}

fn cancel(address: MachineAddress, change: impl FnOnce(&mut Cancel)) -> Request {
    let mut cancel = Cancel { address, stack: true, ..Cancel::default() };
    change(&mut cancel);
    request(Action::Cancel(Box::new(cancel)))
}

fn create(extra: &[(&str, &str)], change: impl FnOnce(&mut Create)) -> Request {
    let extra = extra.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let mut create = Create { address: label("web"), extra, ..Create::default() };
    change(&mut create);
    request(Action::Create(Box::new(create)))
}

fn compare(prefix: &str, cases: Vec<Case>) {
    check::<Digger>(env!("CARGO_MANIFEST_DIR"), prefix, cases);
}

#[test]
fn plans_of_looks() {
    let list = |side: Option<Side>| request(Action::List(List { side, ..List::default() }));
    compare(
        "look",
        vec![
            case("look-list", list(None), world(desk())),
            case("look-list-servers", list(Some(Side::Server)), world(desk())),
            case("look-list-own", list(Some(Side::Tunnel)), world(desk()))
                .request(|request| request.scope = Scope::User),
            case("look-port", request(Action::GetClientPort(label("tst100"))), world(desk())),
            case("look-active", request(Action::IsActive(label("tst10"))), world(desk())),
        ],
    );
}

#[test]
fn plans_of_create() {
    compare(
        "create",
        vec![
            case("create", create(&[("PORT", "80")], |_| {}), world(desk())),
            case("create-type", create(&[("PORT", "5900"), ("TYPE", "xen")], |_| {}), world(desk())),
            case("create-no-port", create(&[], |_| {}), world(desk())),
            case("create-here", create(&[("PORT", "80")], |_| {}), world(desk())).target("localhost"),
            case(
                "create-connect",
                create(&[("PORT", "80")], |create| create.mode = Some(CreateMode::Connect)),
                world(desk()),
            ),
        ],
    );
}

#[test]
fn plans_of_cancel() {
    let left = || Answer::Processes(desk().split_off(1));
    let id = |id: &str| MachineAddress { id: Some(id.into()), ..MachineAddress::default() };
    let twice = vec![keeper(1, "mia", "tst100", Some((5950, 5900))), keeper(2, "mia", "tst100", Some((5951, 5900)))];
    compare(
        "cancel",
        vec![
            case("cancel-label", cancel(label("tst100"), |_| {}), world(desk()))
                .then([("end 100", output("")), ("look", left())]),
            case("cancel-waits", cancel(id("5950-5900"), |_| {}), world(desk()))
                .then([("end 100", output("")), ("look", Answer::Processes(desk()))])
                .then([("look", left())]),
            case("cancel-gone-before", cancel(id("5950"), |_| {}), world(desk()))
                .then([("end 100", failed(3, "process 100 is gone\n")), ("look", left())]),
            case("cancel-refused", cancel(label("tst101"), |_| {}), world(desk()))
                .request(|request| request.scope = Scope::All)
                .then([("end 200", failed(1, "kill: Operation not permitted\n")), ("look", left())]),
            case("cancel-of-others", cancel(label("tst101"), |_| {}), world(desk())),
            case("cancel-no-match", cancel(label("tst10"), |_| {}), world(desk())),
            case("cancel-all", cancel(MachineAddress::default(), |cancel| cancel.all = true), world(desk())),
            case("cancel-twice", cancel(label("tst100"), |_| {}), world(twice)),
            case("cancel-server", cancel(label("tst100"), |cancel| cancel.side = Some(Side::Server)), world(desk())),
        ],
    );
}
