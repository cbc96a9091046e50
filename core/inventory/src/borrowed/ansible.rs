//! Ansible's inventory, both ways: what `ansible-inventory --list` prints is read, and the same is printed for
//! `ansible -i ctys-ansible` (Ansible's "script inventory": `--list` and `--host NAME`).

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A host with what Ansible needs to reach it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// `ansible_host`: where it is reached, if not by its name.
    pub address: Option<String>,
    /// `ansible_user`.
    pub user: Option<String>,
    /// `ansible_port`.
    pub port: Option<u16>,
    /// `ansible_ssh_common_args`.
    pub ssh_args: Option<String>,
    /// What we know beside that, as `ctys_<field>`.
    pub known: BTreeMap<String, String>,
}

/// Hosts and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The hosts by name.
    pub hosts: BTreeMap<String, Host>,
    /// The members of each group, those of its children among them.
    pub groups: BTreeMap<String, BTreeSet<String>>,
}

/// How deep groups may contain each other.
const DEPTH: usize = 50;

/// Reads what `ansible-inventory --list` prints.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn read(text: &str) -> Result<Inventory, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let all = json.as_object().ok_or("it is no JSON object")?;
    let mut inventory = Inventory::default();
    for name in all.keys().filter(|name| *name != "_meta") {
        let mut members = BTreeSet::new();
        collect(all, name, &mut members, 0)?;
        for member in &members {
            inventory.hosts.entry(member.clone()).or_default();
        }
        inventory.groups.insert(name.clone(), members);
    }
    let variables = json.pointer("/_meta/hostvars").and_then(Value::as_object);
    for (name, variables) in variables.into_iter().flatten() {
        let host = inventory.hosts.entry(name.clone()).or_default();
        let text = |key: &str| match variables.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        host.address = text("ansible_host");
        host.user = text("ansible_user").or_else(|| text("ansible_ssh_user"));
        host.port = text("ansible_port").or_else(|| text("ansible_ssh_port")).and_then(|port| port.parse().ok());
        host.ssh_args = text("ansible_ssh_common_args");
    }
    Ok(inventory)
}

fn collect(all: &Map<String, Value>, group: &str, members: &mut BTreeSet<String>, depth: usize) -> Result<(), String> {
    if depth > DEPTH {
        return Err(format!("the group {group} contains itself, or groups are more than {DEPTH} deep"));
    }
    let names = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_string).collect()
    };
    match all.get(group) {
        // The short form of a group: only its hosts.
        Some(list @ Value::Array(_)) => members.extend(names(list)),
        Some(Value::Object(about)) => {
            members.extend(about.get("hosts").map(names).unwrap_or_default());
            for child in about.get("children").map(names).unwrap_or_default() {
                collect(all, &child, members, depth + 1)?;
            }
        }
        // A child that is named and nowhere described has no members.
        _ => {}
    }
    Ok(())
}

/// What `--list` prints. Ansible wants group names of letters, digits and `_`.
pub fn list(inventory: &Inventory) -> String {
    let mut all = Map::new();
    let variables: Map<String, Value> =
        inventory.hosts.iter().map(|(name, host)| (name.clone(), variables(host))).collect();
    all.insert("_meta".into(), json!({ "hostvars": variables }));
    let names: BTreeMap<String, BTreeSet<&String>> =
        inventory.groups.iter().map(|(name, members)| (group_name(name), members.iter().collect())).collect();
    let children: Vec<&String> = names.keys().collect();
    let grouped: BTreeSet<&String> = names.values().flatten().copied().collect();
    let alone: Vec<&String> = inventory.hosts.keys().filter(|name| !grouped.contains(name)).collect();
    all.insert("all".into(), json!({ "children": children, "hosts": alone }));
    for (name, members) in &names {
        all.insert(name.clone(), json!({ "hosts": members }));
    }
    serde_json::to_string_pretty(&Value::Object(all)).expect("an object of strings is JSON") + "\n"
}

/// What `--host NAME` prints; an empty object for a host nobody knows.
pub fn host(inventory: &Inventory, name: &str) -> String {
    let variables = inventory.hosts.get(name).map_or_else(|| json!({}), variables);
    serde_json::to_string_pretty(&variables).expect("an object of strings is JSON") + "\n"
}

fn variables(host: &Host) -> Value {
    let mut all = Map::new();
    let mut put = |key: &str, value: Option<Value>| all.extend(value.map(|value| (key.to_string(), value)));
    put("ansible_host", host.address.clone().map(Value::from));
    put("ansible_user", host.user.clone().map(Value::from));
    put("ansible_port", host.port.map(Value::from));
    put("ansible_ssh_common_args", host.ssh_args.clone().map(Value::from));
    for (key, value) in &host.known {
        put(&format!("ctys_{key}"), Some(Value::from(value.clone())));
    }
    Value::Object(all)
}

/// A name as Ansible takes it for a group.
pub fn group_name(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    // ansible-inventory --list of ansible-core 2.14, shortened.
    const LIST: &str = r#"{
        "_meta": {"hostvars": {"web1": {"ansible_host": "10.0.0.1", "ansible_port": 2222, "ansible_user": "adm", "x": [1]}}},
        "all": {"children": ["ungrouped", "web", "site"]},
        "web": {"hosts": ["web1", "web2"]},
        "site": {"children": ["web"], "hosts": ["gate"]},
        "old": ["o1"]
    }"#;

    #[test]
    fn ansibles_list_is_read_with_children_and_variables() {
        let inventory = read(LIST).unwrap();
        let check = |group: &str, want: &str| {
            let members: Vec<&str> = inventory.groups[group].iter().map(String::as_str).collect();
            assert_eq!(members.join(" "), want, "{group}");
        };
        check("web", "web1 web2");
        check("site", "gate web1 web2");
        check("all", "gate web1 web2");
        check("old", "o1");
        let web1 = &inventory.hosts["web1"];
        assert_eq!(
            (web1.address.as_deref(), web1.port, web1.user.as_deref()),
            (Some("10.0.0.1"), Some(2222), Some("adm"))
        );
        assert!(inventory.hosts.contains_key("o1"));
        assert!(read("[]").is_err() && read("{").is_err());
        assert!(read(r#"{"a":{"children":["a"]}}"#).unwrap_err().contains("contains itself"));
    }

    #[test]
    fn what_is_printed_is_read_again() {
        let mut inventory = Inventory::default();
        inventory
            .hosts
            .insert("tst100".into(), Host { address: Some("192.168.1.220".into()), port: Some(22), ..Host::default() });
        inventory.hosts.insert("ws2".into(), Host::default());
        inventory.groups.insert("XEN".into(), BTreeSet::from(["tst100".to_string()]));
        let back = read(&list(&inventory)).unwrap();
        assert_eq!(back.hosts, inventory.hosts);
        assert_eq!(back.groups["XEN"], inventory.groups["XEN"]);
        assert!(back.groups["all"].contains("ws2"));
        assert_eq!(host(&inventory, "nobody"), "{}\n");
        assert!(host(&inventory, "tst100").contains("192.168.1.220"));
        assert_eq!(group_name("lab00.soho"), "lab00_soho");
        assert_eq!(group_name("1x"), "_1x");
    }
}
