//! ctys-createConfVM: a new machine, with its folder, its configuration and its disk (ctys.md section 7). Which type it is
//! of says which plugin makes it; here stand the options, in the order of its help.

use super::gather::Asked;
use super::options::{Opt, opt};
use super::{Call, Tool, usage};
use crate::report;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::problem::exit_code;
use ctys_model::{Phase, Problem, ToolCall};
use std::ffi::OsString;

const NAME: &str = "ctys-createConfVM";

/// The tool.
pub const TOOL: Tool = Tool {
    name: NAME,
    about: "a new machine: its folder, its configuration, its disk, a fresh uuid and hardware address",
    usage: "[TARGET...]",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Opt] = &[
    opt('t', "type", "TYPE", "the session type: QEMU or XEN"),
    opt(' ', "label", "NAME", "the name of the machine"),
    opt('D', "directory", "DIR", "where its folder is made; default ~/qemu or ~/xen"),
    opt(' ', "uuid", "UUID", "in the place of a fresh one"),
    opt(' ', "mac", "MAC", "in the place of a fresh one"),
    opt(' ', "ip", "ADDRESS", "the address it will have, for the inventory"),
    opt(' ', "bridge", "NAME", "the bridge it is connected to; QEMU's own network without it, or Xen's default"),
    opt(' ', "memory", "MIB", "its memory; default 1024"),
    opt(' ', "vcpus", "N", "its processors; default 1"),
    opt(' ', "size", "SIZE", "the size of its disk, such as 512M or 8G (default)"),
    opt(' ', "create-image", "", "make a disk (default)"),
    opt(' ', "no-create-image", "", "make none"),
    opt(' ', "kernel", "FILE", "a kernel on the target that it boots, instead of its disk"),
    opt(' ', "initrd", "FILE", "its initramfs"),
    opt(' ', "append", "WORDS", "its command line"),
    opt(' ', "accelerator", "auto|kvm|tcg", "QEMU: KVM where it can be used (default), or one of both"),
    opt(' ', "arch", "ARCH", "QEMU: another architecture than the target's"),
    opt(' ', "machine", "BOARD", "QEMU: another board than the usual one"),
    opt(' ', "guest", "pv|pvh|hvm", "Xen: its kind; default pvh with a kernel, else hvm"),
    opt(' ', "auto", "", "accepted: nothing is ever asked"),
    opt(' ', "auto-all", "", "accepted: nothing is ever asked"),
    opt(' ', "plan", "", "only tell what would be done"),
    opt('l', "login", "USER", "the account on targets that name none"),
    opt('Z', "privilege", "WAY,...", "as by ctys"),
    opt(' ', "transport", "auto|ssh2|openssh", "as by ctys"),
    opt(' ', "ssh-config", "FILE", "as by ctys"),
    opt(' ', "connect-timeout", "TIME", "as by ctys"),
    opt(' ', "silence-timeout", "TIME", "as by ctys"),
];

/// Options that the plugin is given.
const OF_THE_PLUGIN: [&str; 16] = [
    "label",
    "directory",
    "uuid",
    "mac",
    "ip",
    "bridge",
    "memory",
    "vcpus",
    "size",
    "kernel",
    "initrd",
    "append",
    "accelerator",
    "arch",
    "machine",
    "guest",
];

/// Options that go to the call as they are.
const PASSED_ON: [&str; 6] = ["login", "privilege", "transport", "ssh-config", "connect-timeout", "silence-timeout"];

fn run(call: &mut Call) -> Result<u8, Problem> {
    let given = &call.given;
    let kind = given.last("type").ok_or_else(|| usage("-t says no type").hint("-t QEMU, -t XEN"))?;
    if given.last("label").is_none() {
        return Err(usage("--label gives no name"));
    }
    if given.has("create-image") && given.has("no-create-image") {
        return Err(usage("--create-image and --no-create-image exclude each other"));
    }
    let mut words: Vec<String> = Vec::new();
    words.extend(OF_THE_PLUGIN.iter().filter_map(|key| Some(format!("{key}={}", given.last(key)?))));
    if given.has("no-create-image") {
        words.push("image=no".into());
    }
    let tool = ToolCall {
        tool: NAME.into(),
        words: words.iter().map(|word| word.as_str().into()).collect(),
        ..ToolCall::default()
    };

    let mut line: Vec<OsString> = vec![format!("--type={kind}").into()];
    line.extend(PASSED_ON.iter().filter_map(|key| Some(format!("--{key}={}", given.last(key)?).into())));
    if given.has("plan") {
        line.push("--plan".into());
    }
    // The action is only there to be replaced: it finds the targets and the plugin.
    line.extend(["-a", "enumerate", "--"].map(OsString::from));
    let targets = if given.arguments.is_empty() { vec!["localhost".to_string()] } else { given.arguments.clone() };
    line.extend(targets.into_iter().map(OsString::from));
    let mut asked = Asked::understand(&line, &call.home).map_err(|_| usage("the targets could not be understood"))?;
    let makes = |kind: &str| {
        let manifests = asked.plugins.found().iter().filter_map(|found| found.manifest.as_ref().ok());
        let mut of_type = manifests.filter(|manifest| manifest.session_types.iter().any(|t| t == kind));
        of_type.any(|manifest| manifest.tools.iter().any(|tool| tool == NAME))
    };
    let kind = kind.to_ascii_uppercase();
    if !makes(&kind) {
        let shown = escape_for_eyes(&kind).into_owned();
        return Err(
            Problem::new(Phase::Usage, format!("no machine of the type {shown} can be made")).hint("-t QEMU, -t XEN")
        );
    }
    if let Some(problem) = asked.problems.first() {
        return Err(problem.clone());
    }
    if let (Some(why), false) = (crate::guard::read_only(&call.home, false), given.has("plan")) {
        return Err(Problem::new(Phase::Refused, format!("nothing was made: {why}")));
    }
    asked.call_tool(&tool);
    let mut problems = Vec::new();
    let (screen, mut auditor) = (&mut call.screen, crate::guard::Auditor::of(&call.home));
    asked.ask(call.environment.clone(), &call.home, |answer, _, _| {
        let mut text = report::text(None, &answer.report);
        for (plugin, batch) in &answer.report.planned {
            text.push_str(&report::plan(&answer.target, plugin, batch));
        }
        screen.data(&text);
        match &answer.lost {
            Some(problem) => auditor.lost(&answer.job, problem, screen),
            None => auditor.report(&answer.job, &answer.report, screen),
        }
        let found = [answer.problems(), answer.remarks()].concat();
        found.iter().for_each(|problem| screen.problem(problem));
        problems.extend(found);
    })?;
    Ok(exit_code(&problems))
}
