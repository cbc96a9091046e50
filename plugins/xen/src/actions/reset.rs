//! What RESET starts a domain from, found and tried before anything is destroyed.

use super::cancel::{Job, title};
use super::tool;
use crate::conf::{self, Machine};
use crate::parse::xl_list::Domain;
use crate::{probes, resolve};
use ctys_plugin::machines::{self, Configured};
use ctys_plugin::model::{Access, Bytes, CancelMethod, Command, Phase, Problem, Step};

/// The step that only tries a configuration.
pub(super) const CHECK: &str = "check the configuration of";
/// A dry run only reads.
const CHECK_MS: u32 = 30_000;

impl Job<'_> {
    /// Before RESET destroys anything: whether xl takes the configurations that it will start from.
    pub(super) fn checks(&self) -> Result<Vec<Step>, Problem> {
        if self.method != CancelMethod::Reset {
            return Ok(Vec::new());
        }
        let check = |domain: &Domain| {
            let words = [vec!["-N".into()], self.create_words(domain)?].concat();
            let dry_run = Command { access: Access::Reads, ..tool(self.request, words, CHECK_MS) };
            Ok(Step::run(&format!("{CHECK} {}", title(domain)), dry_run))
        };
        self.domains.iter().filter(|domain| !domain.state.dying).map(check).collect()
    }

    pub(super) fn create_words(&self, domain: &Domain) -> Result<Vec<Bytes>, Problem> {
        let machine = self.machine(domain)?;
        super::create_words(&machine, machine.path.clone(), false)
    }

    /// The one file from which RESET starts the domain again.
    fn machine(&self, domain: &Domain) -> Result<Machine, Problem> {
        let nothing = |message: String| {
            Problem::new(Phase::Run, format!("nothing was done: {message}"))
                .hint("p:<path> names the configuration to start from")
                .hint("REBOOT asks the guest and needs none")
        };
        let unknown = || nothing(format!("RESET starts {} again, and its configuration is not known", domain.name));
        if !self.cancel.all {
            let subject = resolve::resolve(self.request, &self.cancel.address, self.facts, true)?;
            return match (subject.machine, &subject.copies[..]) {
                // One would be destroyed, and another one started. What the address finds by a file is that file's domain.
                (Some(machine), _) if !machine.is(domain) => Err(nothing(another(&machine, domain))),
                (Some(machine), _) => Ok(machine),
                (None, []) => Err(unknown()),
                (None, copies) => Err(machines::ambiguous_files(copies)),
            };
        }
        let walks = probes::configurations(&self.cancel.address.base);
        let machines = conf::found(self.facts, &walks).machines;
        let fitting: Vec<&Machine> = machines.iter().filter(|m| m.is_in_use() && m.is(domain)).collect();
        let plain: Vec<Machine> = fitting
            .iter()
            .filter(|machine| !fitting.iter().any(|base| conf::is_boot_file(machine, base)))
            .map(|machine| (*machine).clone())
            .collect();
        match &plain[..] {
            [machine] => Ok(machine.clone()),
            [] => Err(unknown()),
            several => Err(machines::ambiguous_files(several)),
        }
    }
}

/// That the file found by a part of the address is not that of the domain found by it.
fn another(machine: &Machine, domain: &Domain) -> String {
    let name = machine.name().unwrap_or_default();
    let uuid = machine.uuid().map(|uuid| format!("uuid {uuid}"));
    let (what, told) = match name == domain.name {
        true => ("another machine of that name", uuid),
        false => ("another machine", Some([Some(name), uuid].into_iter().flatten().collect::<Vec<_>>().join(", "))),
    };
    let told = told.map_or(String::new(), |told| format!(" ({told})"));
    format!("{} describes {what}{told}", machine.shown_path())
}
