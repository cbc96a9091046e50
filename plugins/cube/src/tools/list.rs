//! `cube-ctl list` and `status` (overc.md 1.4):
//!
//! ```text
//! name    type  status     attributes  addresses
//! ----    ----  ------     ----------  ---------
//! cube-a  runc  running    netprime    192.168.42.1,192.168.42.3,10.0.2.15
//! cube-b  runc  available  --          --
//! ```

use super::options::Options;
use super::table;
use crate::access::DOM0;
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::probes::Depth;
use ctys_plugin::json::{Value, json};
use ctys_plugin::model::Step;
use ctys_plugin::outputs::plain;

const TITLES: [&str; 5] = ["name", "type", "status", "attributes", "addresses"];

/// The table, or what else was asked for.
pub fn run(flow: &mut Flow<'_>, options: &Options) -> Result<(), Stop> {
    let survey = flow.look(&[], Depth::Usual)?;
    let mut cubes: Vec<Cube<'_>> = Cube::cubes(&survey).collect();
    match options.kind.as_deref() {
        None | Some("name") => {}
        Some("state") => cubes.sort_by_key(Cube::status),
        Some("type" | "mgr") => cubes.sort_by_key(Cube::kind),
        Some(other) => return flow.fail(format!("[ERROR]: cannot sort by {other}: name, state and type are known")),
    }
    // A cube finds here where it can log in, also when the host itself is the place.
    let names_host = flow.places.caller.is_some() && !cubes.iter().any(|cube| cube.name == DOM0);
    if options.json {
        let host = json!({
            "name": DOM0, "type": "host", "status": "running", "attributes": [], "dirty": false, "addresses": []
        });
        let all: Value = cubes.iter().map(value).chain(names_host.then_some(host)).collect();
        flow.say(all.to_string());
        return Ok(());
    }
    let mut rows = vec![TITLES.map(String::from).to_vec(), TITLES.map(|title| "-".repeat(title.len())).to_vec()];
    rows.extend(cubes.iter().map(row));
    rows.extend(names_host.then(|| [DOM0, "host", "running", "--", "--"].map(String::from).to_vec()));
    table::lines(&rows).into_iter().for_each(|line| flow.say(line));
    if options.verbose {
        let mut managers: Vec<&str> = cubes.iter().map(Cube::manager).collect();
        managers.sort();
        managers.dedup();
        raw(flow, &managers)?;
    }
    Ok(())
}

fn row(cube: &Cube<'_>) -> Vec<String> {
    let or_dashes = |text: String| if text.is_empty() { "--".into() } else { text };
    let (kind, status) = (cube.kind().into(), cube.status().into());
    vec![cube.name.into(), kind, status, or_dashes(cube.attribute_words()), or_dashes(cube.addresses().join(","))]
}

fn value(cube: &Cube<'_>) -> Value {
    json!({
        "name": cube.name,
        "type": cube.kind(),
        "status": cube.status(),
        "attributes": cube.attributes().collect::<Vec<_>>(),
        "dirty": cube.has(".cube.regen.flag"),
        "addresses": cube.addresses(),
    })
}

/// What each manager itself lists.
fn raw(flow: &mut Flow<'_>, managers: &[&str]) -> Result<(), Stop> {
    if managers.is_empty() {
        return Ok(());
    }
    let steps = managers.iter().map(|manager| Step::run(manager, flow.places.runtime(manager, ["list"])).go_on());
    let round = flow.run(steps.collect())?;
    for manager in managers {
        let name = manager.rsplit('/').next().unwrap_or(manager);
        [String::new(), format!("{name}:"), "------".into()].into_iter().for_each(|line| flow.say(line));
        match answer(round, manager).ok_output() {
            Some(output) => plain(&output.stdout).lines().for_each(|line| flow.say(line)),
            None => flow.complain(format!("[WARNING]: {}", crate::flow::said(answer(round, manager), manager))),
        }
    }
    Ok(())
}
