//! ctys-groups: the groups of ctys, those of ClusterShell, and the four calls of ClusterShell's groups.conf on what the
//! inventory knows (ctys.md section 7).
//!
//! ```text
//! # groups.conf of ClusterShell: clush -w @ctys:XEN
//! [ctys]
//! map: ctys-groups --map $GROUP
//! all: ctys-groups --all
//! list: ctys-groups --list
//! reverse: ctys-groups --reverse $NODE
//! ```

use super::options::opt;
use super::{Call, Tool, usage};
use crate::home::Home;
use ctys_engine::store::Store;
use ctys_inventory::Line;
use ctys_inventory::nodeset::NodeSet;
use ctys_line::{Member, Shelf};
use ctys_model::bytes::escape_for_eyes;
use ctys_model::field::Known;
use ctys_model::{Phase, Problem, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-groups",
    about: "groups of targets: lists and expands them, and answers ClusterShell from the inventory",
    usage: "[NAME...]",
    options: &[
        opt('l', "definitions", "", "the files of the groups"),
        opt('c', "cached", "", "accepted: groups are read from their files"),
        opt('m', "members", "FORM", "members: 1 folded, 2 one a line, 3 by blanks (default), 5 as calls of ctys"),
        opt('f', "fold", "", "fold the names to a set: lab[00-15]"),
        opt('e', "expand", "", "expand a set, one name a line"),
        opt('A', "ansible", "[INVENTORY]", "the hosts of a group of ansible-inventory --list"),
        opt(' ', "map", "GROUP", "for groups.conf: the members of a group of the inventory"),
        opt(' ', "all", "", "for groups.conf: all machines of the inventory"),
        opt(' ', "list", "", "for groups.conf: the groups of the inventory"),
        opt(' ', "reverse", "NODE", "for groups.conf: the groups of a machine"),
        opt('p', "db", "DIR[,DIR...]", "folders of the inventory"),
        opt('P', "default-db", "", "the default folder of the inventory"),
    ],
    run,
};

/// How deep groups may include each other.
const DEPTH: usize = 20;

fn run(call: &mut Call) -> Result<u8, Problem> {
    let given = &call.given;
    if let Some(group) = given.last("map").map(str::to_string) {
        let groups = known_groups(&call.stores()?)?;
        let set: NodeSet = groups.get(&group).into_iter().flatten().collect();
        return print(call, &set.to_string());
    }
    if given.has("all") {
        let set: NodeSet = known_groups(&call.stores()?)?.values().flatten().collect();
        return print(call, &set.to_string());
    }
    if given.has("list") {
        let groups: Vec<String> = known_groups(&call.stores()?)?.into_keys().collect();
        return print(call, &groups.join("\n"));
    }
    if let Some(node) = given.last("reverse").map(str::to_string) {
        let groups = known_groups(&call.stores()?)?;
        let of_node: Vec<&str> =
            groups.iter().filter(|(_, all)| all.contains(&node)).map(|(name, _)| name.as_str()).collect();
        return print(call, &of_node.join("\n"));
    }
    if given.has("ansible") {
        return of_ansible(call);
    }
    if given.has("fold") || given.has("expand") {
        let mut set = NodeSet::default();
        for word in &given.arguments {
            let names = call.home.node_set(word, &call.for_sets()).map_err(usage)?;
            names.unwrap_or_else(|| vec![word.clone()]).iter().for_each(|name| set.insert(name));
        }
        let text = if given.has("fold") { set.to_string() } else { set.names().collect::<Vec<_>>().join("\n") };
        return print(call, &text);
    }
    if given.arguments.is_empty() {
        return list(call);
    }
    let mut text = Vec::new();
    for name in given.arguments.clone() {
        let exists = call.home.group(&name).map_err(usage)?.is_some()
            || call.home.node_set(&name, &call.for_sets()).map_err(usage)?.is_some();
        if !exists {
            return Err(usage(format!("there is no group {}", escape_for_eyes(&name))).hint("ctys-groups lists them"));
        }
        let found = match super::members(call, std::slice::from_ref(&name)) {
            Ok(found) => found,
            Err(code) => return Ok(code),
        };
        let members: Vec<(String, String)> =
            found.into_iter().map(|member| (plain(&member.target), member.word)).collect();
        text.push(shown(call, members)?);
    }
    print(call, &text.join("\n"))
}

/// A target without its options, as a call takes it.
fn plain(target: &Target) -> String {
    let user = target.user.as_ref().map_or_else(String::new, |user| format!("{user}@"));
    let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
    let port = target.port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{user}{host}{port}")
}

/// Members in the form of `-m`. Each is what it is called, and what a call takes: the same with its options.
fn shown(call: &Call, members: Vec<(String, String)>) -> Result<String, Problem> {
    let form = call.given.last("members").unwrap_or("3");
    let callable = ["5", "5x"].contains(&form);
    let names = members.into_iter().map(|(name, word)| if callable { word } else { name });
    let mut seen = BTreeSet::new();
    let names: Vec<String> = names.filter(|name| seen.insert(name.clone())).collect();
    Ok(match form {
        "1" => names.iter().collect::<NodeSet>().to_string(),
        "2" => names.join("\n"),
        "3" => names.join(" "),
        _ if callable => {
            let call = |name: &String| format!("ctys -a list {}", super::database::shell_word(name));
            names.iter().map(call).collect::<Vec<_>>().join("\n")
        }
        other => return Err(usage(format!("-m {} is none of 1, 2, 3, 5", escape_for_eyes(other)))),
    })
}

/// `size hosts/includes total name`, one group a line.
fn list(call: &mut Call) -> Result<u8, Problem> {
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    let manifests = super::manifests(&call.home);
    let world = crate::run::world(&call.home, &call.home, &manifests);
    for folder in call.home.group_folders() {
        for name in names_below(folder, folder, 0) {
            let file = folder.join(&name);
            if !seen.insert(name.clone()) {
                continue;
            }
            if call.given.has("definitions") {
                lines.push(super::database::shown(&file));
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let includes: usize = text.lines().filter_map(include).map(|names| names.len()).sum();
            let own = text.lines().filter_map(own_members).map(|all| all.len()).sum::<usize>();
            // A group with a mistake is listed; whoever uses it is told.
            let found = ctys_line::members(std::slice::from_ref(&name), &call.for_sets(), &world);
            let names = |all: Vec<Member>| all.iter().map(|one| plain(&one.target)).collect::<BTreeSet<_>>().len();
            let total = found.map_or("?".into(), |all| names(all).to_string());
            lines.push(format!("{:>7} {own:>4}/{includes:<4} {total:>5} {name}", text.len()));
        }
    }
    print(call, &lines.join("\n"))
}

/// The names of all groups.
pub fn names(home: &Home) -> BTreeSet<String> {
    home.group_folders().iter().flat_map(|folder| names_below(folder, folder, 0)).collect()
}

fn names_below(folder: &Path, root: &Path, depth: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        // Those of an editor are no groups (ctys-original.md 1.5).
        let hidden = path.file_name().map(|name| name.to_string_lossy());
        let hidden = hidden.is_some_and(|name| name.starts_with('.') || name.ends_with('~'));
        if path.is_dir() && depth < DEPTH && !hidden {
            names.extend(names_below(&path, root, depth + 1));
        } else if path.is_file() && !hidden {
            names.extend(path.strip_prefix(root).ok().and_then(Path::to_str).map(str::to_string));
        }
    }
    names
}

/// The groups that a line of a group file includes.
fn include(line: &str) -> Option<Vec<String>> {
    let names = line.strip_prefix("#include")?;
    Some(names.split([',', ' ', '\t']).filter(|name| !name.is_empty()).map(str::to_string).collect())
}

/// The hosts of a line, without their options.
fn own_members(line: &str) -> Option<Vec<String>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') || line.starts_with("CONTEXT") {
        return None;
    }
    let (mut names, mut name, mut depth, mut brackets) = (Vec::new(), String::new(), 0, 0);
    for c in line.chars().chain([' ']) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\'' | '"' => {}
            '#' if depth == 0 && name.is_empty() => break,
            ' ' | '\t' | ',' if depth == 0 && brackets == 0 => {
                names.extend(Some(std::mem::take(&mut name)).filter(|name| !name.is_empty()));
            }
            c if depth == 0 => {
                brackets += i32::from(c == '[') - i32::from(c == ']');
                name.push(c);
            }
            _ => {}
        }
    }
    Some(names)
}

/// The groups that the inventory knows: machines by session type, by the machine they run on, by state and system.
pub fn known_groups(stores: &[Store]) -> Result<BTreeMap<String, BTreeSet<String>>, Problem> {
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for store in stores {
        store.scan(|_, raw| {
            if let Some(line) = Line::parse(raw) {
                let label = line.text(Known::Label);
                let usable =
                    !label.is_empty() && !label.contains(|c: char| c.is_whitespace() || "[],!&^@;".contains(c));
                for field in [Known::SessionType, Known::Pm, Known::VmState, Known::Category, Known::Os, Known::Dist] {
                    let name = line.text(field);
                    if usable && !name.is_empty() && !name.contains(char::is_whitespace) {
                        groups.entry(name).or_default().insert(label.clone());
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(groups)
}

fn of_ansible(call: &mut Call) -> Result<u8, Problem> {
    let inventory = call.given.last("ansible").filter(|text| !text.is_empty()).map(str::to_string);
    // Ansible warns and goes on without it. A list of hosts has a comma.
    if let Some(missing) = inventory.as_ref().filter(|text| !text.contains(',') && !text.starts_with('~'))
        && !Path::new(missing).exists()
    {
        let problem = usage(format!("the inventory {} of -A does not exist", escape_for_eyes(missing)));
        return Err(problem.hint("--ansible without a file asks the inventory of ansible.cfg"));
    }
    let known = ctys_engine::borrow::ansible_inventory(inventory.as_deref());
    let known = known.map_err(|why| Problem::new(Phase::Here, why))?;
    let names = call.given.arguments.clone();
    if names.is_empty() {
        let lines: Vec<String> = known.groups.iter().map(|(name, all)| format!("{:>5} {name}", all.len())).collect();
        return print(call, &lines.join("\n"));
    }
    let mut members = Vec::new();
    for name in names {
        let all = known
            .groups
            .get(&name)
            .ok_or_else(|| usage(format!("the inventory has no group {}", escape_for_eyes(&name))))?;
        members.extend(all.iter().cloned());
    }
    let text = shown(call, members.into_iter().map(|name: String| (name.clone(), name)).collect())?;
    print(call, &text)
}

fn print(call: &mut Call, text: &str) -> Result<u8, Problem> {
    if !text.is_empty() {
        let lines: String = text.lines().map(|line| format!("{}\n", escape_for_eyes(line))).collect();
        call.screen.data(&lines);
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_group_files() {
        let check = |line: &str, want: &[&str]| assert_eq!(own_members(line).unwrap_or_default(), want, "{line}");
        check("lab00 lab01'(-Z SUDO, x)',lab02 # end", &["lab00", "lab01", "lab02"]);
        check("lab[00-03,7] root@x:22", &["lab[00-03,7]", "root@x:22"]);
        check("# nothing", &[]);
        check("CONTEXT'(-t xen)'", &[]);
        assert_eq!(include("#include a,b c"), Some(vec!["a".to_string(), "b".into(), "c".into()]));
        assert_eq!(include(" #include a"), None);
    }
}
