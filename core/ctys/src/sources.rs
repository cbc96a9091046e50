//! Where the groups of host sets come from: those of ClusterShell, and three sources of our own.
//!
//! | source | its groups |
//! | --- | --- |
//! | `@ctys:XEN` | machines of the inventory by session type, machine below, state, category, system, distribution |
//! | `@ansible:web` | the groups of `ansible-inventory --list` |
//! | `@ssh:*` | the hosts that ssh_config names, or the file of `--ssh-config`, includes and all |
//!
//! A source of the same name in groups.conf wins.

use crate::home::Home;
use crate::tools::groups::known_groups;
use ctys_engine::borrow::{ClusterShell, ansible_inventory};
use ctys_engine::ssh::{Environment, Ssh};
use ctys_engine::store::Store;
use ctys_inventory::nodeset::{Groups, NodeSet};
use ctys_line::CallOptions;
use ctys_model::bytes::escape_for_eyes;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// All sources.
pub struct Sources<'a> {
    cluster: ClusterShell,
    home: &'a Home,
    call: &'a CallOptions,
}

impl Sources<'_> {
    /// As this account sees them. An ssh_config and folders of the inventory that the call names stand for the usual ones.
    pub fn of<'a>(home: &'a Home, call: &'a CallOptions) -> Sources<'a> {
        let folder = Path::new(std::ffi::OsStr::from_bytes(&home.caller.home.0));
        Sources { cluster: ClusterShell::of_this_process(folder), home, call }
    }
}

impl Groups for Sources<'_> {
    fn members(&self, source: Option<&str>, group: &str) -> Result<String, String> {
        let own = source.filter(|source| ["ctys", "ansible", "ssh"].contains(source));
        let (Some(source), false) = (own, own.map_or(Ok(false), |source| self.cluster.has(source))?) else {
            return self.cluster.members(source, group);
        };
        let groups: BTreeMap<String, BTreeSet<String>> = match source {
            "ctys" => {
                let stores: Vec<Store> = self.home.db_folders(&self.call.db_paths).into_iter().map(Store::at).collect();
                known_groups(&stores).map_err(|problem| problem.message)?
            }
            "ansible" => ansible_inventory(None)?.groups,
            _ => {
                let usual = Environment::of_this_process();
                let config = self.call.ssh_config.as_ref().map(Into::into).or(usual.config);
                let aliases = Ssh::new(Environment { config, ..usual }).aliases();
                BTreeMap::from([("*".to_string(), aliases.into_iter().collect())])
            }
        };
        let set: NodeSet = match (group, groups.get(group)) {
            (_, Some(members)) => members.iter().collect(),
            ("*", None) => groups.values().flatten().collect(),
            (group, None) => {
                let group = escape_for_eyes(group);
                return Err(format!("there is no group {group} in the source {source}"));
            }
        };
        Ok(set.to_string())
    }
}
