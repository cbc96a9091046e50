//! tests/ACCEPTANCE.md says the truth: it has every item, and every test it names exists.

#[path = "names/mod.rs"]
mod names;

use names::names_of_tests;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rows of the tables: item, test cell, ring cell.
fn rows() -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(root().join("tests/ACCEPTANCE.md")).unwrap();
    text.lines()
        .filter(|line| ["| S8.", "| O9.", "| C7."].iter().any(|start| line.starts_with(start)))
        .map(|line| {
            // A bar inside the text of an item is written `\|`.
            let line = line.replace("\\|", "\u{1}");
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 4, "four cells are expected in: {line}");
            (cells[0].to_string(), cells[2].to_string(), cells[3].to_string())
        })
        .collect()
}

#[test]
fn every_item_has_one_line() {
    let mut expected = Vec::new();
    for (list, count) in [("S8", 61), ("O9", 61), ("C7", 88)] {
        expected.extend((1..=count).map(|n| format!("{list}.{n}")));
    }
    let found: Vec<String> = rows().into_iter().map(|(item, _, _)| item).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_test_named_in_the_acceptance_list_exists() {
    let names = names_of_tests();
    assert!(names.contains("every_test_named_in_the_acceptance_list_exists"));
    for (item, tests, ring) in rows() {
        if tests == "open" {
            assert_eq!(ring, "", "{item} is open and has a ring");
            continue;
        }
        assert!(["1", "2", "3", "4", "5"].contains(&ring.as_str()), "{item} has the ring {ring:?}");
        for test in tests.split(',').map(|test| test.trim().trim_matches('`')) {
            assert!(names.contains(test), "{item} names the test {test}, which does not exist");
        }
    }
}

#[test]
fn every_test_named_in_the_threat_model_exists() {
    let names = names_of_tests();
    let text = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    // Between backticks, and long enough to be a sentence: the rest are words of code.
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() > 3).collect();
    assert!(named.len() > 15, "{named:?}");
    for test in named {
        assert!(names.contains(test), "SECURITY.md names the test {test}, which does not exist");
    }
}

#[test]
fn every_plugin_folder_is_laid_out_alike_built_by_default_and_found_by_tests() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let (workspace, program) = (read("Cargo.toml"), read("core/ctys/Cargo.toml"));
    let (members, defaults) = workspace.split_once("default-members").unwrap();
    let (mut count, mut protected) = (0, 0);
    for entry in std::fs::read_dir(root().join("plugins")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let quoted = format!("\"plugins/{name}\"");
        assert!(members.contains(&quoted), "plugins/{name} is not in the members of Cargo.toml");
        assert!(defaults.contains(&quoted), "plugins/{name} is not in the default-members of Cargo.toml");
        let dependency = format!("path = \"../../plugins/{name}\"");
        assert!(program.contains(&dependency), "plugins/{name} is no dev-dependency of core/ctys, so tests miss it");
        for part in
            ["manifest.json", "src/lib.rs", "src/probes.rs", "src/columns.rs", "src/parse", "src/actions", "captures"]
        {
            assert!(root().join("plugins").join(&name).join(part).exists(), "plugins/{name} has no {part}");
        }
        let manifest: serde_json::Value =
            serde_json::from_str(&read(&format!("plugins/{name}/manifest.json"))).unwrap();
        let verbs = manifest["verbs"].as_array().unwrap();
        let cancels = verbs.iter().any(|verb| verb["verb"].as_str().is_some_and(|v| v.eq_ignore_ascii_case("cancel")));
        // Desktops and tunnels have no configuration that could bear the mark.
        if cancels && ["VMs", "PMs"].contains(&manifest["category"].as_str().unwrap()) {
            let file = root().join("plugins").join(&name).join("tests/protect.rs");
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let suite = text.contains("conformance::protect::check::<") && text.contains("#[test]");
            assert!(
                suite,
                "plugins/{name}/tests/protect.rs does not show that its CANCEL honours the mark of a machine"
            );
            protected += 1;
        }
        count += 1;
    }
    assert!(count > 0 && protected > 0);
}
