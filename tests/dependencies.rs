//! What comes with ctys is what deny.toml allows: licences, sources, bans and duplicates. Advisories are `cargo deny`'s, which has their database.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The packages of this build, from the lock file.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let words = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &target];
    let output = Command::new(cargo).args(words).current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn policy() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deny.toml")).unwrap()
}

/// The words in quotes between two places of the file.
fn quoted<'a>(text: &'a str, from: &str, to: &str) -> BTreeSet<&'a str> {
    let start = text.find(from).unwrap_or_else(|| panic!("deny.toml has no {from}")) + from.len();
    let length = text[start..].find(to).unwrap();
    text[start..start + length].split('"').skip(1).step_by(2).collect()
}

#[test]
fn every_dependency_has_a_licence_and_a_source_that_deny_toml_allows() {
    let policy = policy();
    let allowed = quoted(&policy, "\nallow = [", "]");
    let exceptions = quoted(&policy, "\nexceptions = [", "}]");
    let registries = quoted(&policy, "\nallow-registry = [", "]");
    let mut count = 0;
    for package in packages() {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let (name, licence) = (text("name"), text("license"));
        let ok = |word: &str| allowed.contains(word) || (exceptions.contains(name) && exceptions.contains(word));
        // One of those between OR and the old slash, all of those between AND.
        let flat = licence.replace(['(', ')'], "").replace('/', " OR ");
        let fits = flat.split(" AND ").all(|part| part.split(" OR ").any(|word| ok(word.trim())));
        assert!(fits && !licence.is_empty(), "{name} has the licence {licence}");
        let source = text("source").trim_start_matches("registry+");
        assert!(source.is_empty() || registries.contains(source), "{name} comes from {source}");
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn no_dependency_is_banned_or_there_twice() {
    let policy = policy();
    let banned = quoted(&policy, "\ndeny = [", "\n]");
    let skipped = quoted(&policy, "\nskip = [", "}]");
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_string();
        assert!(!banned.contains(text("name").as_str()), "{} is banned", text("name"));
        versions.entry(text("name")).or_default().insert(text("version"));
    }
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        let known =
            |version: &String| skipped.iter().any(|skip| format!("{name}@{version}").starts_with(&format!("{skip}.")));
        assert_eq!(versions.iter().filter(|version| !known(version)).count(), 1, "{name} is there as {versions:?}");
    }
    // What is skipped is there, or it would be skipped for nothing.
    for skip in skipped {
        let (name, _) = skip.split_once('@').unwrap();
        assert!(versions[name].len() > 1, "{skip} needs no exception");
    }
}
