//! Every call of the page ctys-uc-XEN, with what it means.

mod common;

use common::right;
use ctys_line::{CallLine, Job};
use ctys_model::{Action, MachineAddress};

/// One job in one line: everything that differs from the usual.
fn brief(call: &CallLine, job: &Job) -> String {
    let mut words = vec![job.target.to_string()];
    if job.target.local {
        words.push("local".into());
    }
    words.push(if job.types.is_empty() { "*".into() } else { job.types.join("+") });
    words.push(job.action.verb().to_string());
    if let Some(address) = job.action.address() {
        words.push(part(address));
    }
    match &job.action {
        Action::Create(create) => {
            words.extend(create.mode.as_ref().map(|mode| format!("{mode:?}")));
            words.extend(create.console.map(|console| format!("console={console}")));
        }
        Action::Cancel(cancel) => {
            words.extend(cancel.method.map(|method| format!("{method:?}")));
            words.push(if cancel.force { "force".into() } else { "stack".into() });
        }
        Action::Enumerate(enumerate) => words.push(format!("base={}", enumerate.base.join(":"))),
        _ => {}
    }
    let look = job.presentation.as_ref().or(call.presentation.as_ref());
    if let Some(look) = look {
        let format = format!("{:?}", look.format);
        words.push(format.split('(').next().unwrap().to_string());
        words.extend(look.address.map(|address| format!("{address:?}")));
        words.push(format!("title={:?}", look.title));
    }
    let options = &job.options;
    if !options.privilege.is_empty() {
        words.push(format!("Z={:?}", options.privilege));
    }
    words.extend(options.pty.map(|pty| format!("z={pty}")));
    words.push(format!("L={:?}", options.location));
    if options.name_cache != Default::default() {
        words.push(format!("c={:?}", options.name_cache.place));
    }
    if !options.data_cache.is_empty() {
        words.push(format!("C={:?}", options.data_cache));
    }
    let control = call.control;
    words.push(format!("b={},{}", u8::from(control.detach), if control.sequential { 2 } else { 3 }));
    words.join(" ")
}

fn part(address: &MachineAddress) -> String {
    let MachineAddress { id, file_name, label, uuid, mac, tcp, .. } = address;
    let parts = [("i", id), ("f", file_name), ("l", label), ("u", uuid), ("m", mac), ("t", tcp)];
    let given = parts.iter().filter_map(|(key, value)| value.as_ref().map(|value| format!("{key}:{value}")));
    given.collect::<Vec<_>>().join(",")
}

#[test]
fn every_call_of_the_seed_means_what_the_page_says() {
    let mut calls = 0;
    for block in include_str!("data/seed-calls.txt").split("\n\n").filter(|block| block.starts_with("ctys")) {
        let (line, expected): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| !line.starts_with("= "));
        let words = line.join("\n").replacen("ctys ", "", 1).replace("$HOME", "/homen/acue");
        let call = right(&words);
        let found: Vec<String> = call.jobs.iter().map(|job| format!("= {}", brief(&call, job))).collect();
        assert_eq!(found, expected, "{block}");
        calls += 1;
    }
    assert_eq!(calls, 53);
}
