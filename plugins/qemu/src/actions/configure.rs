//! ctys-createConfVM: a new machine, with its folder, its configuration and its disk (ctys.md 7).
//!
//! ```text
//! ~/qemu/tst200/tst200.ctys     comments, and the arguments of QEMU, one option a line
//!               tst200.qcow2    by qemu-img, empty
//! ```

use crate::{conf, probes};
use ctys_plugin::model::{Command, Effect, Facts, Findings, Next, Phase, Probe, Problem, Replies, Request, ToolCall};
use ctys_plugin::newvm::{self, Files, Kind, NewMachine};
use ctys_plugin::outputs;

const KIND: Kind<'_> =
    Kind { name: "QEMU", base: "qemu", vendor: [0x52, 0x54, 0x00], keys: &["accelerator", "arch", "machine"] };

/// Which emulators are there, whether KVM is usable, and which machines are configured already.
pub fn wants(request: &Request) -> Vec<Probe> {
    match newvm::of(request) {
        Some(_) => [vec![probes::emulators()], probes::configurations(&[])].concat(),
        None => Vec::new(),
    }
}

/// The steps.
pub fn plan(request: &Request, facts: &Facts) -> Effect {
    let refused = |problem| Effect::Report(Findings::problem(problem));
    let Some(call) = newvm::of(request) else {
        return refused(Problem::new(Phase::Usage, "this tool is none of QEMU's"));
    };
    let planned = understand(call, facts).and_then(|(new, program)| {
        new.differs_from(&conf::found(facts, &probes::configurations(&[])).machines)?;
        Ok(new.begin(files(&new, &program)))
    });
    planned.unwrap_or_else(refused)
}

/// What came of them.
pub fn read(request: &Request, facts: &Facts, replies: &Replies) -> Next {
    let understood = newvm::of(request).map(|call| understand(call, facts));
    match understood {
        Some(Ok((new, program))) => new.end(replies, "qemu-img", told(&new, &program)),
        Some(Err(problem)) => Next::Done(Findings::problem(problem)),
        None => Next::Done(Findings::default()),
    }
}

/// How it will be carried.
struct Program {
    arch: String,
    accelerator: &'static str,
}

fn understand(call: &ToolCall, facts: &Facts) -> Result<(NewMachine, Program), Problem> {
    let new = NewMachine::read(call, &KIND, facts)?;
    let run = |message: String| Problem::new(Phase::Run, message);
    let here = facts.host.as_ref().map_or("", |host| host.machine.as_str());
    let arch = new.get("arch").unwrap_or(here);
    let arch = match arch {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "i486" | "i586" | "i686" => "i386",
        arch => arch,
    }
    .to_string();
    if arch.is_empty() || !arch.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Problem::new(Phase::Usage, format!("\"{arch}\" is no architecture")));
    }
    let text = outputs::text(facts, &probes::emulators(), "sh").map_err(|why| {
        let why = why.detail().unwrap_or("the host did not answer").to_string();
        run(format!("whether this host has QEMU is not known: {why}"))
    })?;
    let program = format!("/qemu-system-{arch}");
    if !text.lines().any(|line| line.starts_with("program ") && line.ends_with(&program)) {
        return Err(run(format!("this host has no qemu-system-{arch}")).hint("Debian: qemu-system-x86 and its like"));
    }
    // KVM carries what has the host's own architecture.
    let fits = here == arch || (here, arch.as_str()) == ("x86_64", "i386");
    let usable = fits && text.lines().any(|line| line == "kvm usable");
    let accelerator = match new.get("accelerator").map(str::to_ascii_lowercase).as_deref() {
        None | Some("auto") if usable => "kvm",
        None | Some("auto" | "tcg") => "tcg",
        Some("kvm") if usable => "kvm",
        Some("kvm") => {
            return Err(run(format!("KVM cannot be used for {arch} by this account")).hint("ctys -t qemu -a info"));
        }
        Some(other) => {
            return Err(Problem::new(Phase::Usage, format!("{other} is no accelerator")).hint("auto, kvm, tcg"));
        }
    };
    Ok((new, Program { arch, accelerator }))
}

fn config(new: &NewMachine) -> String {
    format!("{}/{}.ctys", new.folder, new.label)
}

fn disk(new: &NewMachine) -> String {
    format!("{}/{}.qcow2", new.folder, new.label)
}

fn files(new: &NewMachine, program: &Program) -> Files {
    let make = |size: &String| {
        Command::new("qemu-img").args(["create", "-q", "-f", "qcow2", &disk(new), size]).limit_ms(120_000)
    };
    Files { config: config(new), text: text(new, program), disk: new.size.as_ref().map(|size| (disk(new), make(size))) }
}

fn text(new: &NewMachine, program: &Program) -> String {
    let Program { arch, accelerator } = program;
    let mut text = format!(
        "# {}, made by ctys-createConfVM: comments for ctys, then the arguments of QEMU.\n{}",
        new.label,
        new.magic("QEMU")
    );
    let mut put = |key: &str, value: &str| text.push_str(&format!("#@#{key:<12} = \"{value}\"\n"));
    put("ARCH", arch);
    put("VRAM", &new.memory.to_string());
    put("VCPU", &new.vcpus.to_string());
    put("INST_ACCELERATOR", &accelerator.to_uppercase());
    text.push('\n');
    let board = new.get("machine").or(match arch.as_str() {
        "x86_64" | "i386" => Some("q35"),
        "aarch64" | "arm" | "riscv32" | "riscv64" => Some("virt"),
        _ => None,
    });
    let mut add = |option: &str, value: &str| text.push_str(&format!("-{option} '{value}'\n"));
    board.into_iter().for_each(|board| add("machine", board));
    add("accel", accelerator);
    // All that the accelerator can give: under KVM that is the host's own processor.
    add("cpu", "max");
    add("m", &new.memory.to_string());
    add("smp", &new.vcpus.to_string());
    if new.size.is_some() {
        // Relative: CREATE starts a machine in the folder of its configuration.
        add("drive", &format!("file={}.qcow2,format=qcow2,if=virtio,discard=unmap", new.label));
    }
    // A comma ends a value; in a name it is written twice.
    let net = new.get("bridge").map_or("user".to_string(), |bridge| format!("bridge,br={}", bridge.replace(',', ",,")));
    add("nic", &format!("{net},model=virtio-net-pci,mac={}", new.mac));
    for option in ["kernel", "initrd", "append"] {
        if let Some(value) = new.get(option) {
            add(option, value);
        }
    }
    text
}

fn told(new: &NewMachine, program: &Program) -> Vec<String> {
    let disk = match &new.size {
        Some(size) => format!("disk {} ({size})", newvm::shown(&disk(new))),
        None => "no disk".to_string(),
    };
    let accelerator = program.accelerator.to_uppercase();
    vec![
        format!("{} made: {}", new.label, newvm::shown(&config(new))),
        format!("   uuid {}, MAC {}, {accelerator}, {disk}", new.uuid, new.mac),
    ]
}
