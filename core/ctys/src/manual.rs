//! The manual in `man/` says what the tables say: every part of a page between `.\" generated: WHAT` and `.\" end` is made here
//! of the tables that also read a call and print `--help`. A test writes the part anew where it differs, and then fails: the second run
//! is well, and what was written is read before it is committed.

use crate::tools::{COMMON, Opt, TOOLS, Tool};
use ctys_line::TOPICS;
use ctys_line::tables::{self, Row};
use ctys_model::{Manifest, Phase, Verb};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages, by name.
fn pages() -> Vec<(String, PathBuf)> {
    let mut pages: Vec<(String, PathBuf)> = fs::read_dir(root().join("man"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end.to_str().is_some_and(|end| end.parse::<u8>().is_ok())))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_string(), path))
        .collect();
    pages.sort();
    assert!(pages.len() > 30, "{} pages", pages.len());
    pages
}

fn manifests() -> Vec<Manifest> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root().join("plugins")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let read = |folder: &PathBuf| serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    folders.iter().map(read).collect()
}

/// Text as roff takes it.
fn text(text: &str) -> String {
    let escaped = text.replace('\\', "\\e");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

/// A word that is typed as it stands.
fn bold(word: &str) -> String {
    format!("\\fB{}\\fR", text(word).replace('-', "\\-"))
}

fn list(rows: impl IntoIterator<Item = (String, String)>) -> String {
    let rows: String = rows.into_iter().map(|(head, about)| format!(".It {head}\n{}\n", text(&about))).collect();
    format!(".Bl -tag -width Ds\n{rows}.El\n")
}

/// The rows of a table. `joint` stands between a word and its value.
fn table(rows: &[Row], joint: &str) -> String {
    list(rows.iter().map(|row| {
        let mut head: String = row.names.iter().map(|name| bold(name)).collect::<Vec<_>>().join(", ");
        if let Some(value) = &row.value {
            let value = format!("{joint}\\fI{}\\fR", text(value).replace('-', "\\-"));
            let _ = if row.optional { write!(head, "[{value}]") } else { write!(head, "{value}") };
        }
        (head, row.help.clone())
    }))
}

fn options_of(tool: &Tool) -> String {
    let row = |option: &Opt| {
        let long = bold(&format!("--{}", option.long));
        let names = if option.short == ' ' { long } else { format!("{}, {long}", bold(&format!("-{}", option.short))) };
        let value = if option.value.is_empty() { String::new() } else { format!(" \\fI{}\\fR", text(option.value)) };
        (format!("{names}{value}"), option.help.to_string())
    };
    list(tool.options.iter().chain(COMMON).map(row))
}

/// What a word behind `generated:` stands for.
fn generated(what: &str) -> String {
    let (kind, name) = what.split_once(' ').unwrap_or((what, ""));
    let tool = || TOOLS.iter().find(|tool| tool.name == name).unwrap_or_else(|| panic!("no tool {name}"));
    match kind {
        "options" if name.is_empty() => tables::options()
            .iter()
            .map(|section| format!(".Ss {}\n{}", section.title, table(&section.rows, " ")))
            .collect(),
        "options" => options_of(tool()),
        "head" => {
            let (name, about, usage) = (tool().name, tool().about, tool().usage);
            let usage = if usage.is_empty() { String::new() } else { format!(".Ar {}\n", text(usage)) };
            format!(
                ".Sh NAME\n.Nm {name}\n.Nd {}\n.Sh SYNOPSIS\n.Nm\n.Op Ar OPTIONS\n{usage}",
                text(about).replace('|', "\\&|\\&")
            )
        }
        "suboptions" => {
            let verb = Verb::ALL
                .iter()
                .find(|verb| verb.word().eq_ignore_ascii_case(name))
                .unwrap_or_else(|| panic!("{name}"));
            let parts = tables::suboptions(*verb, &[]);
            parts.iter().map(|part| format!("{}:\n{}", part.title, table(&part.rows, ":"))).collect()
        }
        "plugin" => {
            let all = manifests();
            of_plugin(all.iter().find(|one| one.name == name).unwrap_or_else(|| panic!("no plugin {name}")))
        }
        "verbs" => table(&tables::short_verbs(), " "),
        "topics" => list(TOPICS.iter().map(|(name, about)| (bold(name), about.to_string()))),
        "tools" => list(TOOLS.iter().map(|tool| (format!("\\fB{}\\fR(1)", tool.name), tool.about.to_string()))),
        "plugins" => list(manifests().iter().map(|one| {
            (format!("\\fBctys-{}\\fR(7)", one.name), format!("{}: {}", one.session_types.join(", "), one.summary))
        })),
        "exit-codes" => exit_codes(),
        "cube-ctl" => ctys_cube::tools::ctl::usage().iter().map(|line| format!("{}\n", text(line))).collect(),
        _ => panic!("nothing is generated by the name {what}"),
    }
}

fn of_plugin(manifest: &Manifest) -> String {
    let verbs: Vec<String> = manifest.verbs.iter().map(|decl| decl.verb.to_string()).collect();
    let mut out = format!("Session type: {}.\nActions: {}.\n", manifest.session_types.join(", "), verbs.join(", "));
    for verb in &Verb::ALL {
        let rows = tables::of_plugin(*verb, manifest);
        if !rows.is_empty() {
            let _ = write!(out, ".Pp\nSuboptions of its own for {verb}:\n{}", table(&rows, ":"));
        }
    }
    if !manifest.columns.is_empty() {
        let rows = manifest.columns.iter().map(|column| (bold(&column.key), column.help.clone()));
        let _ = write!(out, ".Pp\nFields of its own in JSON and tables:\n{}", list(rows));
    }
    if !manifest.tools.is_empty() {
        let _ = write!(out, ".Pp\nIt answers to the names {}.\n", manifest.tools.join(", "));
    }
    out
}

/// The codes with the phases that lead to them; the best first.
fn exit_codes() -> String {
    let phases = [
        (Phase::Notice, "nothing went wrong, or nothing was to do"),
        (Phase::Usage, "the command line, a group or a macro is wrong; nothing ran"),
        (Phase::Here, "something is missing on this machine: a plugin, a file, a tool"),
        (Phase::Timeout, "at least one target ran out of time"),
        (Phase::Connect, "at least one target could not be reached or logged into"),
        (Phase::Run, "the action failed on at least one target"),
        (
            Phase::Refused,
            "refused by a protection, by --read-only, by drift from a plan, or for want of --yes; nothing was changed there",
        ),
        (Phase::Ambiguous, "an address means more than one machine; nothing was changed there"),
        (Phase::Interrupted, "interrupted"),
    ];
    list(phases.map(|(phase, about)| (bold(&phase.exit_code().to_string()), about.to_string())))
}

/// The page with its generated parts as they have to be.
fn renewed(page: &str) -> String {
    let mut out = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(out, "{line}");
        if let Some(what) = line.strip_prefix(".\\\" generated: ") {
            out.push_str(&generated(what));
            lines.find(|line| *line == ".\\\" end").unwrap_or_else(|| panic!("{what} has no end"));
            out.push_str(".\\\" end\n");
        }
    }
    out
}

#[test]
fn the_generated_parts_of_the_manual_are_what_the_tables_say() {
    let mut changed = Vec::new();
    for (name, path) in pages() {
        let page = fs::read_to_string(&path).unwrap();
        let wanted = renewed(&page);
        if page != wanted {
            fs::write(&path, wanted).unwrap();
            changed.push(name);
        }
    }
    assert!(changed.is_empty(), "these pages were not up to date and have been written: {changed:?}");
}

/// Begins the page of a tool that has none.
fn begin(name: &str) -> bool {
    let path = root().join("man").join(format!("{name}.1"));
    if path.exists() {
        return false;
    }
    let tool = TOOLS.iter().find(|tool| tool.name == name).unwrap();
    let page = format!(
        ".Dd November 28, 2026\n.Dt {} 1\n.Os ctys\n.\\\" generated: head {name}\n.\\\" end\n.Sh DESCRIPTION\n{}.\n\
         .Sh OPTIONS\n.\\\" generated: options {name}\n.\\\" end\n.Sh EXIT STATUS\nSee\n.Xr ctys-exit 7 .\n.Sh SEE ALSO\n.Xr ctys 1\n",
        name.to_uppercase(),
        text(tool.about)
    );
    fs::write(path, renewed(&page)).unwrap();
    true
}

#[test]
fn every_action_option_tool_plugin_topic_and_setting_has_its_place_in_the_manual() {
    let begun: Vec<&str> = TOOLS.iter().map(|tool| tool.name).filter(|name| begin(name)).collect();
    assert!(
        begun.is_empty(),
        "these tools had no page; one was begun, which wants a description and examples: {begun:?}"
    );
    let names: BTreeSet<String> = pages().into_iter().map(|(name, _)| name).collect();
    let has = |name: &str| assert!(names.contains(name), "man/{name} is missing");
    for tool in TOOLS {
        has(&format!("{}.1", tool.name));
    }
    for manifest in manifests() {
        has(&format!("ctys-{}.7", manifest.name));
        manifest.session_types.iter().for_each(|kind| has(&format!("ctys-uc-{kind}.7")));
        // Other spellings are links, which ./install makes.
        for tool in manifest.tools.iter().filter(|tool| tool.contains('-') && !tool.starts_with("c3")) {
            has(&format!("{tool}.1"));
        }
    }
    let read = |name: &str| fs::read_to_string(root().join("man").join(name)).unwrap();
    let has_part = |page: &str, part: &str| {
        assert!(read(page).contains(&format!(".\\\" generated: {part}\n")), "man/{page} has no part {part}");
    };
    TOOLS.iter().for_each(|tool| has_part(&format!("{}.1", tool.name), &format!("options {}", tool.name)));
    manifests().iter().for_each(|one| has_part(&format!("ctys-{}.7", one.name), &format!("plugin {}", one.name)));
    for part in ["options", "verbs", "topics", "tools", "plugins"] {
        has_part("ctys.1", part);
    }
    has_part("ctys-exit.7", "exit-codes");
    for verb in [Verb::Create, Verb::Cancel, Verb::List, Verb::Enumerate] {
        has_part("ctys-actions.7", &format!("suboptions {}", verb.word().to_lowercase()));
    }
    // Every code that a phase may lead to.
    let source = fs::read_to_string(root().join("core/model/src/problem.rs")).unwrap();
    let (_, codes) = source.split_once("pub fn exit_code(self) -> u8 {").unwrap();
    let codes = codes.split_once("\n    }\n").unwrap().0.lines().filter_map(|line| line.split_once(" => "));
    let codes: Vec<&str> = codes.map(|(_, code)| code.trim_end_matches(',')).collect();
    assert!(codes.len() > 5, "{codes:?}");
    for code in codes {
        assert!(exit_codes().contains(&format!(".It {}\n", bold(code))), "man/ctys-exit.7 does not tell of {code}");
    }
    // Every variable that the program asks for by its name.
    let settings = read("ctys-settings.5");
    let mut count = 0;
    for name in variables(&root().join("core")) {
        assert!(settings.contains(&name), "man/ctys-settings.5 does not tell of {name}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}

/// The names of settings that stand in quotes in the sources below a folder.
fn variables(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tests") {
                found.extend(variables(&path));
            }
        } else if path.extension().is_some_and(|end| end == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            for word in source.split('"') {
                let is_name =
                    !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit());
                // CTYS_UP and CTYS_DETACHED tell a child of ours what it is; CTYS_TEST_… are for tests.
                let inner = ["CTYS_UP", "CTYS_DETACHED"].contains(&word) || word.starts_with("CTYS_TEST_");
                let ours = ["CTYS_", "DEFAULT_C_", "DEFAULT_DB", "DEFAULT_ENUM", "XDG_"]
                    .iter()
                    .any(|start| word.starts_with(start));
                if is_name && ours && !inner && !word.ends_with('_') {
                    found.insert(word.to_string());
                }
            }
        }
    }
    found
}

#[test]
fn mandoc_and_groff_have_nothing_to_say_about_the_pages() {
    for (name, path) in pages() {
        for (tool, words) in [("mandoc", &["-Tlint", "-Wwarning"][..]), ("groff", &["-ww", "-mdoc", "-Tutf8", "-z"])] {
            let output = Command::new(tool).args(words).arg(&path).output();
            let output = output.unwrap_or_else(|error| panic!("{tool} (Debian: mandoc, groff-base): {error}"));
            let said = [output.stdout, output.stderr].concat();
            assert!(said.is_empty(), "{tool} about man/{name}:\n{}", String::from_utf8_lossy(&said));
        }
        let page = fs::read_to_string(&path).unwrap();
        let title =
            format!(".Dt {} {}\n", name.rsplit_once('.').unwrap().0.to_uppercase(), name.rsplit_once('.').unwrap().1);
        assert!(page.contains(&title), "man/{name} has no {title}");
        // References to pages of ours lead somewhere.
        for line in page.lines().filter_map(|line| line.strip_prefix(".Xr ").or_else(|| line.strip_prefix(".It Xr "))) {
            let mut words = line.split(' ');
            let (other, section) = (words.next().unwrap(), words.next().unwrap());
            if other.starts_with("ctys") || other.starts_with("cube") {
                assert!(root().join(format!("man/{other}.{section}")).is_file(), "man/{name}: {other}({section})");
            }
        }
    }
}
