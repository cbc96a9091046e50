//! The caller's side: folders, settings of the environment, macro and group files.

use crate::sources::Sources;
use ctys_inventory::nodeset;
use ctys_line::{CallOptions, Shelf};
use ctys_model::{Bytes, Caller};
use std::collections::{BTreeMap, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the program knows of the place it runs at.
pub struct Home {
    /// The account and the machine.
    pub caller: Caller,
    /// The folder of the user's macros, groups and databases: `~/.ctys` where it exists, else `$XDG_CONFIG_HOME/ctys`.
    pub folder: PathBuf,
    macro_path: Vec<PathBuf>,
    group_path: Vec<PathBuf>,
    /// Every variable whose name ctys reads, by name.
    pub variables: BTreeMap<String, String>,
}

/// The largest macro or group file that is read; a larger one is an error.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;

impl Home {
    /// Reads the environment of this process.
    pub fn of_this_process(user: &str, machine: &str) -> Home {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map_or_else(|| "/".into(), PathBuf::from);
        let classic = home.join(".ctys");
        let xdg = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = if classic.is_dir() { classic } else { xdg.unwrap_or_else(|| home.join(".config")).join("ctys") };
        let path = |name: &str, below: &str| match std::env::var_os(name) {
            Some(list) if !list.is_empty() => std::env::split_paths(&list).collect(),
            _ => vec![folder.join(below), Path::new("/etc/ctys.d").join(below)],
        };
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("CTYS_") || name.starts_with("DEFAULT_") || name.ends_with("_IGNORE"))
            .collect();
        Home {
            caller: Caller {
                user: user.to_string(),
                host: machine.to_string(),
                home: Bytes(home.as_os_str().as_bytes().to_vec()),
                display: std::env::var("DISPLAY").ok().filter(|display| !display.is_empty()),
                program: Bytes(std::env::current_exe().unwrap_or_default().as_os_str().as_bytes().to_vec()),
            },
            macro_path: path("CTYS_MACRO_PATH", "macros"),
            group_path: path("CTYS_GROUPS_PATH", "groups"),
            folder,
            variables,
        }
    }

    /// The settings of each plugin: `CTYS_XEN_CONSOLE_DEFAULT=VNC` is `CONSOLE_DEFAULT` of the plugin `xen`. Every plugin
    /// knows where the MAC map is.
    pub fn plugin_settings(
        &self,
        plugins: &[String],
        db_folders: &[String],
    ) -> HashMap<String, BTreeMap<String, String>> {
        let macmap = self.macmap_file(db_folders).to_string_lossy().into_owned();
        plugins
            .iter()
            .map(|plugin| {
                let prefix = format!("CTYS_{}_", plugin.to_ascii_uppercase());
                let own = self
                    .variables
                    .iter()
                    .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_string(), value.clone())));
                let settings = [("MACMAP".to_string(), macmap.clone())].into_iter().chain(own).collect();
                (plugin.clone(), settings)
            })
            .collect()
    }

    /// The folders of the inventory: those that are named, those of `DEFAULT_DBPATHLST`, or the usual one.
    pub fn db_folders(&self, named: &[String]) -> Vec<PathBuf> {
        if !named.is_empty() {
            return named.iter().map(PathBuf::from).collect();
        }
        match self.variables.get("DEFAULT_DBPATHLST").filter(|list| !list.is_empty()) {
            Some(list) => list.split([',', ':']).filter(|folder| !folder.is_empty()).map(PathBuf::from).collect(),
            None => vec![self.folder.join("db/default")],
        }
    }

    /// The folders in which macro files are looked for.
    pub fn macro_folders(&self) -> &[PathBuf] {
        &self.macro_path
    }

    /// The folders in which group files are looked for.
    pub fn group_folders(&self) -> &[PathBuf] {
        &self.group_path
    }

    /// Where the classic MAC map is: in the first of these database folders that has one, else where it would be made.
    pub fn macmap_file(&self, folders: &[String]) -> PathBuf {
        let default = self.folder.join("db/default/macmap.fdb");
        let mut files = folders.iter().map(|folder| Path::new(folder).join("macmap.fdb"));
        let first = files.clone().next();
        files.find(|file| file.is_file()).or(first).unwrap_or(default)
    }
}

impl Shelf for Home {
    fn macro_file(&self, name: &str) -> Result<Option<String>, String> {
        // A file that is named whole is no matter of the path.
        match name.strip_prefix('/') {
            Some(below) => find(&["/".into()], below),
            None => find(&self.macro_path, name),
        }
    }

    fn group(&self, name: &str) -> Result<Option<String>, String> {
        find(&self.group_path, name)
    }

    fn node_set(&self, text: &str, call: &CallOptions) -> Result<Option<Vec<String>>, String> {
        let Some((user, set, port)) = set_of(text) else { return Ok(None) };
        let names = nodeset::parse(set, &Sources::of(self, call))?;
        if names.is_empty() {
            return Err(format!("the set {} is empty", ctys_model::bytes::escape_for_eyes(set)));
        }
        Ok(Some(names.names().map(|name| format!("{user}{name}{port}")).collect()))
    }
}

/// `root@lab[00-03]:2222` as its account with the `@`, the set, the port with the `:`. None for what is no set: a plain
/// name, an IPv6 address, the address of a nested machine.
fn set_of(text: &str) -> Option<(&str, &str, &str)> {
    let operator = |c: char| matches!(c, '@' | '!' | '&' | '^' | ',');
    let start = match text.split_once('@') {
        Some((user, rest)) if !user.is_empty() && !user.contains(['[', '!', '&', '^', '*', '?']) => {
            text.len() - rest.len()
        }
        _ => 0,
    };
    let (user, rest) = text.split_at(start);
    let (set, port) = match rest.rsplit_once(':') {
        // @source:group has a colon, too.
        Some((set, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && !set.starts_with('@') => {
            (set, &rest[set.len()..])
        }
        _ => (rest, ""),
    };
    let ranges = set.split_once('[').is_some_and(|(before, after)| {
        let inner = after.split(']').next().unwrap_or_default();
        !before.is_empty() && !inner.is_empty() && inner.chars().all(|c| c.is_ascii_digit() || ",-/ ".contains(c))
    });
    let is_set = ranges || set.starts_with('@') || set.contains(['!', '&', '^', '*', '?']);
    (is_set && !set.ends_with(operator)).then_some((user, set, port))
}

/// The first regular file of this name along a path. The name may have folders in it and never leaves the path.
fn find(path: &[PathBuf], name: &str) -> Result<Option<String>, String> {
    let relative = Path::new(name);
    let inside = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if name.is_empty() || !inside {
        return Ok(None);
    }
    for folder in path {
        let file = folder.join(relative);
        let Ok(about) = std::fs::metadata(&file) else { continue };
        if !about.is_file() {
            continue;
        }
        let shown = ctys_model::bytes::escape(file.as_os_str().as_bytes());
        if about.len() > FILE_LIMIT {
            return Err(format!("{shown} has {} bytes; that is no macro or group file", about.len()));
        }
        return match std::fs::read_to_string(&file) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(format!("{shown} cannot be read: {error}")),
        };
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_set_of_hosts() {
        let check = |text: &str, want: Option<(&str, &str, &str)>| assert_eq!(set_of(text), want, "{text}");
        check("lab[00-15,20]", Some(("", "lab[00-15,20]", "")));
        check("root@lab[0-3]:2222", Some(("root@", "lab[0-3]", ":2222")));
        check("@labs", Some(("", "@labs", "")));
        check("@racks:r1", Some(("", "@racks:r1", "")));
        check("@racks:7", Some(("", "@racks:7", "")));
        check("lab[0-9]!@odd", Some(("", "lab[0-9]!@odd", "")));
        check("adm@@labs", Some(("adm@", "@labs", "")));
        check("ws*", Some(("", "ws*", "")));
        check("lab00", None);
        check("root@lab00:22", None);
        check("[::1]:22", None);
        check("root@[fe80::1%eth0]:22", None);
        check("lab00[l:tst100]", None);
        check("a!", None);
    }
}
