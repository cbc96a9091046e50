//! What this machine knows without asking anybody: hosts of ssh_config, groups, machines of the inventory, macros, plugins.

use crate::home::Home;
use ctys_engine::plugins::{Plugins, SearchPath};
use ctys_engine::ssh::{Environment, Ssh};
use ctys_engine::store::Store;
use ctys_inventory::line::Line;
use ctys_line::Shelf;
use ctys_model::Manifest;
use ctys_model::field::Known as Field;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// The names, each read when it is asked for.
pub struct Known<'a> {
    home: &'a Home,
    environment: Environment,
}

impl Known<'_> {
    /// As this account sees them; an ssh_config that is named among the words counts in the place of the usual ones.
    pub fn of<'h>(home: &'h Home, mut environment: Environment, words: &[String]) -> Known<'h> {
        let mut named = words.iter().zip(words.iter().skip(1)).filter(|(option, _)| *option == "--ssh-config");
        if let Some((_, file)) = named.next_back() {
            environment.config = Some(file.into());
        }
        Known { home, environment }
    }

    /// What may stand in the place of a host.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts: BTreeSet<String> = Ssh::new(self.environment.clone()).aliases().into_iter().collect();
        hosts.extend(self.field(Field::Pm));
        for folder in self.home.group_folders() {
            let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let files = files.filter(|entry| entry.path().is_file());
            hosts.extend(files.filter_map(|entry| entry.file_name().into_string().ok()));
        }
        hosts.insert("localhost".into());
        usable(hosts)
    }

    /// The groups, those in folders by their whole names.
    pub fn groups(&self) -> Vec<String> {
        usable(crate::tools::groups::names(self.home))
    }

    /// The values that a field has in the inventory.
    pub fn field(&self, field: Field) -> Vec<String> {
        let mut found = BTreeSet::new();
        for folder in self.home.db_folders(&[]) {
            // A folder that cannot be read has no names to offer; whoever uses it is told then.
            let _ = Store::at(folder).scan(|_, raw| {
                found.extend(Line::parse(raw).map(|line| line.text(field)));
                ControlFlow::Continue(())
            });
        }
        usable(found)
    }

    /// Machines by their labels, each also behind the host it is on.
    pub fn machines(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        for folder in self.home.db_folders(&[]) {
            let _ = Store::at(folder).scan(|_, raw| {
                if let Some(line) = Line::parse(raw) {
                    let (host, label) = (line.text(Field::Pm), line.text(Field::Label));
                    found.extend([format!("{host}/{label}"), label]);
                }
                ControlFlow::Continue(())
            });
        }
        usable(found)
    }

    /// The macros of the file `default`.
    pub fn macros(&self) -> Vec<String> {
        let own = self.home.macro_file("default").ok().flatten().unwrap_or_default();
        let texts = [ctys_table::macros::DEFAULT, &own];
        let names = texts.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with(['#', ' ', '\t']));
        usable(names.filter_map(|line| Some(line.split_once('=')?.0.trim().to_string())).collect())
    }

    /// What the plugins say of themselves.
    pub fn manifests(&self) -> Vec<Manifest> {
        let plugins = Plugins::discover(SearchPath::of_this_process());
        plugins.found().iter().filter_map(|found| found.manifest.clone().ok()).collect()
    }
}

/// Without those that would need quotes, or mean something else where they are put: a completion never makes a call that
/// its user has not read.
fn usable(names: BTreeSet<String>) -> Vec<String> {
    let plain = |c: char| c.is_alphanumeric() || "._-:/@+".contains(c);
    let keep = |name: &String| !name.is_empty() && !name.starts_with(['-', '/']) && name.chars().all(plain);
    names.into_iter().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_would_take_apart_is_not_offered() {
        let names = ["a b", "$(rm)", "-rf", "x;y", "tab\there", "", "tst100", "lab00.soho/tst100", "00:50:56:13:11:40"];
        let kept = usable(names.iter().map(ToString::to_string).collect());
        assert_eq!(kept, ["00:50:56:13:11:40", "lab00.soho/tst100", "tst100"]);
    }
}
