//! Groups and hosts of others: the sources of ClusterShell's groups.conf, `ansible-inventory --list`, a zone of the DNS.

use ctys_inventory::borrowed::ansible;
use ctys_inventory::nodeset::Groups;
use ctys_inventory::nodeset::groups::{Config, Source, fill, parse, parse_yaml};
use ctys_model::bytes::escape_for_eyes;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The groups of ClusterShell as this account sees them. Read when the first one is asked for.
#[derive(Debug)]
pub struct ClusterShell {
    folders: Vec<PathBuf>,
    sources: OnceLock<Result<Sources, String>>,
}

#[derive(Clone, Debug, Default)]
struct Sources {
    default: Option<String>,
    by_command: BTreeMap<String, (Source, PathBuf)>,
    by_file: BTreeMap<String, BTreeMap<String, String>>,
}

impl ClusterShell {
    /// The folders in which `groups.conf` is looked for, the strongest last (groups.conf(5)).
    pub fn of_this_process(home: &Path) -> ClusterShell {
        let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folders = match set("CLUSTERSHELL_CFGDIR") {
            Some(folder) => vec![folder],
            None => {
                let own = set("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("clustershell");
                vec!["/etc/clustershell".into(), home.join(".local/etc/clustershell"), own]
            }
        };
        ClusterShell::in_folders(folders)
    }

    /// With these folders.
    pub fn in_folders(folders: Vec<PathBuf>) -> ClusterShell {
        ClusterShell { folders, sources: OnceLock::new() }
    }

    /// Whether there is a source of this name.
    ///
    /// # Errors
    /// When a file cannot be understood.
    pub fn has(&self, source: &str) -> Result<bool, String> {
        let sources = self.sources()?;
        Ok(sources.by_command.contains_key(source) || sources.by_file.contains_key(source))
    }

    fn sources(&self) -> Result<&Sources, String> {
        self.sources.get_or_init(|| read(&self.folders)).as_ref().map_err(Clone::clone)
    }
}

impl Groups for ClusterShell {
    fn members(&self, source: Option<&str>, group: &str) -> Result<String, String> {
        let sources = self.sources()?;
        let name = source.map(str::to_string).or_else(|| sources.default.clone()).unwrap_or_else(|| "default".into());
        let shown = escape_for_eyes(group).into_owned();
        if let Some(groups) = sources.by_file.get(&name) {
            return match groups.get(group) {
                Some(members) => Ok(members.clone()),
                None if group == "*" => Ok(groups.values().cloned().collect::<Vec<_>>().join(",")),
                None => Err(format!("there is no group {shown} in the source {}", escape_for_eyes(&name))),
            };
        }
        let Some((commands, folder)) = sources.by_command.get(&name) else {
            let places: Vec<String> = self.folders.iter().map(|folder| folder.display().to_string()).collect();
            let place = places.join(", ");
            return Err(format!("there is no group {shown}: no source {} in {place}", escape_for_eyes(&name)));
        };
        let command = match (group, &commands.all, &commands.map) {
            ("*", Some(all), _) => all.clone(),
            (_, _, Some(map)) if group != "*" => fill(map, "GROUP", group)?,
            _ => return Err(format!("the source {} cannot tell the members of {shown}", escape_for_eyes(&name))),
        };
        let output = shell(&command, folder)?;
        let members = String::from_utf8_lossy(&output.stdout).into_owned();
        // As ClusterShell does: an empty answer with a failure is an unknown group.
        if members.trim().is_empty() {
            return Err(format!("there is no group {shown} in the source {}", escape_for_eyes(&name)));
        }
        Ok(members)
    }
}

fn read(folders: &[PathBuf]) -> Result<Sources, String> {
    let mut sources = Sources::default();
    for folder in folders {
        let file = folder.join("groups.conf");
        let Some(config) = config(&file, folder)? else { continue };
        let mut more = vec![config];
        for folder in more[0].confdir.clone() {
            for file in files_in(Path::new(&folder), "conf") {
                more.extend(self::config(&file, Path::new(&folder))?);
            }
        }
        for config in more {
            sources.default = config.default.or(sources.default);
            sources
                .by_command
                .extend(config.sources.into_iter().map(|(name, source)| (name, (source, folder.clone()))));
            for auto in config.autodir {
                for file in files_in(Path::new(&auto), "yaml") {
                    let text = fs::read_to_string(&file).map_err(|error| wrong(&file, &error.to_string()))?;
                    sources.by_file.extend(parse_yaml(&text).map_err(|why| wrong(&file, &why))?);
                }
            }
        }
    }
    Ok(sources)
}

fn config(file: &Path, folder: &Path) -> Result<Option<Config>, String> {
    let Ok(text) = fs::read_to_string(file) else { return Ok(None) };
    parse(&text, &folder.to_string_lossy()).map(Some).map_err(|why| wrong(file, &why))
}

fn wrong(file: &Path, why: &str) -> String {
    format!("{}: {why}", escape_for_eyes(&file.to_string_lossy()))
}

fn files_in(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    files
}

/// A command of groups.conf: it is meant for a shell and stands in a file of the administrator or of the user.
fn shell(command: &str, folder: &Path) -> Result<Output, String> {
    let mut call = Command::new("/bin/sh");
    call.args(["-c", command]).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    call.output().map_err(|error| format!("/bin/sh cannot be run: {error}"))
}

/// What `ansible-inventory --list` says of an inventory; without one, of its configured one.
///
/// # Errors
/// When it cannot be run, fails, or prints something else.
pub fn ansible_inventory(inventory: Option<&str>) -> Result<ansible::Inventory, String> {
    let mut call = Command::new("ansible-inventory");
    call.arg("--list").stdin(Stdio::null());
    if let Some(inventory) = inventory {
        call.arg(format!("--inventory={inventory}"));
    }
    let output = call.output().map_err(|error| format!("ansible-inventory cannot be run: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        return Err(format!("ansible-inventory failed: {}", escape_for_eyes(last)));
    }
    ansible::read(&String::from_utf8_lossy(&output.stdout)).map_err(|why| format!("ansible-inventory --list: {why}"))
}

/// The hosts of a DNS zone, as `host -l` prints them, and its complaints.
///
/// # Errors
/// When it cannot be run.
pub fn zone_transfer(zone: &str, server: Option<&str>) -> Result<(String, String), String> {
    if [Some(zone), server].into_iter().flatten().any(|word| word.starts_with('-')) {
        return Err("neither a zone nor a server begins with -".into());
    }
    let output = Command::new("host").arg("-l").arg(zone).args(server).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("host cannot be run: {error}"))?;
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    Ok((text(&output.stdout), text(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_inventory::nodeset;

    #[test]
    fn groups_from_commands_and_from_files() {
        let folder = std::env::temp_dir().join(format!("ctys-groups-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("groups.d")).unwrap();
        fs::create_dir_all(folder.join("groups.conf.d")).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write(
            "groups.conf",
            "[Main]\ndefault: local\nconfdir: $CFGDIR/groups.conf.d\nautodir: $CFGDIR/groups.d\n\
             [local]\nmap: sed -n 's/^$GROUP:\\(.*\\)/\\1/p' $CFGDIR/groups\nall: cut -d: -f2 groups\n",
        );
        write("groups", "lab:lab[00-02]\nall:@lab,ws2\n");
        write("groups.conf.d/more.conf", "[more]\nmap: echo m[1-2]\n");
        write("groups.d/roles.yaml", "roles:\n  adm: gate\n  user: 'lab[00-01]'\n");
        let groups = ClusterShell::in_folders(vec![folder.clone()]);
        let check = |text: &str, want: &str| match nodeset::parse(text, &groups) {
            Ok(set) => assert_eq!(set.to_string(), want, "{text}"),
            Err(why) => assert!(!want.is_empty() && why.contains(want), "{text}: {why}"),
        };
        check("@lab!lab01", "lab[00,02]");
        check("@all", "lab[00-02],ws2");
        check("@more:x", "m[1-2]");
        check("@roles:user,@roles:adm", "gate,lab[00-01]");
        check("ws*", "ws2");
        check("@nobody", "no group nobody");
        check("@roles:nobody", "no group nobody");
        check("@other:x", "no source other");
        check("@x';touch$IFS/tmp/x;'", "is not handed to a command");
        fs::remove_dir_all(&folder).unwrap();
    }
}
