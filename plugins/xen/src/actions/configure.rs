//! ctys-createConfVM: a new domain, with its folder, its configuration and its disk (ctys.md 7).
//!
//! ```text
//! ~/xen/tst200/tst200.conf     comments, and xl.cfg
//!              tst200.img      a raw disk of holes
//! ```
//!
//! With a kernel it is a PVH guest, without one an HVM guest that boots from its disk; `--guest` says otherwise.

use crate::{conf, probes};
use ctys_plugin::model::{Command, Effect, Facts, Findings, Next, Phase, Probe, Problem, Replies, Request, ToolCall};
use ctys_plugin::newvm::{self, Files, Kind, NewMachine};

const KIND: Kind<'_> = Kind { name: "Xen", base: "xen", vendor: [0x00, 0x16, 0x3e], keys: &["guest"] };

/// Which domains are configured already.
pub fn wants(request: &Request) -> Vec<Probe> {
    newvm::of(request).map_or_else(Vec::new, |_| probes::configurations(&[]))
}

/// The steps.
pub fn plan(request: &Request, facts: &Facts) -> Effect {
    let refused = |problem| Effect::Report(Findings::problem(problem));
    let Some(call) = newvm::of(request) else {
        return refused(Problem::new(Phase::Usage, "this tool is none of Xen's"));
    };
    let planned = understand(call, facts).and_then(|(new, guest)| {
        new.differs_from(&conf::found(facts, &probes::configurations(&[])).machines)?;
        Ok(new.begin(files(&new, guest)))
    });
    planned.unwrap_or_else(refused)
}

/// What came of them.
pub fn read(request: &Request, facts: &Facts, replies: &Replies) -> Next {
    match newvm::of(request).map(|call| understand(call, facts)) {
        Some(Ok((new, guest))) => new.end(replies, "truncate", told(&new, guest)),
        Some(Err(problem)) => Next::Done(Findings::problem(problem)),
        None => Next::Done(Findings::default()),
    }
}

fn understand(call: &ToolCall, facts: &Facts) -> Result<(NewMachine, &'static str), Problem> {
    let new = NewMachine::read(call, &KIND, facts)?;
    let usage = |message: &str| Problem::new(Phase::Usage, message);
    let guest = match (new.get("guest"), new.get("kernel")) {
        (None, Some(_)) => "pvh",
        (None, None) => "hvm",
        (Some("pv"), Some(_)) => "pv",
        (Some("pvh"), Some(_)) => "pvh",
        (Some("hvm"), _) => "hvm",
        (Some("pv" | "pvh"), None) => return Err(usage("a guest of this type boots a kernel").hint("--kernel=FILE")),
        (Some(_), _) => return Err(usage("--guest is one of pv, pvh, hvm")),
    };
    // In a disk of xl.cfg a comma ends the path, and nothing lets it stand.
    if new.size.is_some() && disk(&new).contains(',') {
        return Err(usage("xl takes no disk with a comma in its path").hint("--directory=DIR"));
    }
    Ok((new, guest))
}

fn config(new: &NewMachine) -> String {
    format!("{}/{}.conf", new.folder, new.label)
}

fn disk(new: &NewMachine) -> String {
    format!("{}/{}.img", new.folder, new.label)
}

fn files(new: &NewMachine, guest: &str) -> Files {
    let make = |size: &String| Command::new("truncate").args(["-s", size, &disk(new)]);
    Files { config: config(new), text: text(new, guest), disk: new.size.as_ref().map(|size| (disk(new), make(size))) }
}

fn text(new: &NewMachine, guest: &str) -> String {
    let mut text = format!(
        "# {}, made by ctys-createConfVM: comments for ctys, then the configuration of xl.\n{}",
        new.label,
        new.magic("XEN")
    );
    text.push('\n');
    let mut put = |key: &str, value: String| text.push_str(&format!("{key} = {value}\n"));
    let quoted = |value: &str| format!("\"{value}\"");
    put("name", quoted(&new.label));
    put("uuid", quoted(&new.uuid));
    put("type", quoted(guest));
    for (key, option) in [("kernel", "kernel"), ("ramdisk", "initrd"), ("extra", "append")] {
        if let Some(value) = new.get(option) {
            put(key, quoted(value));
        }
    }
    put("memory", new.memory.to_string());
    put("vcpus", new.vcpus.to_string());
    let bridge = new.get("bridge").map_or(String::new(), |bridge| format!(",bridge={bridge}"));
    put("vif", format!("[ \"mac={}{bridge}\" ]", new.mac));
    if new.size.is_some() {
        put("disk", format!("[ \"format=raw,vdev=xvda,access=rw,target={}\" ]", disk(new)));
    }
    if guest == "hvm" {
        // The seed's recommendation: a port that is free, on the host itself; what leads there is a tunnel.
        put("vnc", "1".into());
        put("vncunused", "1".into());
        put("vnclisten", quoted("127.0.0.1"));
    }
    put("on_poweroff", quoted("destroy"));
    put("on_reboot", quoted("restart"));
    put("on_crash", quoted("destroy"));
    text
}

fn told(new: &NewMachine, guest: &str) -> Vec<String> {
    let disk = match &new.size {
        Some(size) => format!("disk {} ({size})", newvm::shown(&disk(new))),
        None => "no disk".to_string(),
    };
    vec![
        format!("{} made: {}", new.label, newvm::shown(&config(new))),
        format!("   uuid {}, MAC {}, {}, {disk}", new.uuid, new.mac, guest.to_uppercase()),
    ]
}
