//! Both seed pages, walked in their order: `pages.txt` beside this file reads like them and says how each example is shown.

#[path = "../names/mod.rs"]
mod names;

use crate::manual::{printed, typed};
use crate::sealed::repository;
pub use names::names_of_tests;
use std::fs;
use std::path::PathBuf;

/// One example.
#[derive(Debug)]
struct Example {
    /// The number of its first line.
    at: usize,
    /// The call as on the page, its lines with their line feeds.
    call: String,
    /// The machines that run when it begins.
    machines: Vec<String>,
    /// What it prints and does here; none where it does not run here.
    story: Option<String>,
    /// The tests that show it.
    tests: Vec<String>,
    /// What is not shown.
    open: bool,
}

fn file() -> PathBuf {
    repository().join("tests/seeds/pages.txt")
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        if let Some(call) =
            line.strip_prefix("    ").or_else(|| line.strip_prefix("  ").filter(|_| !line.starts_with('#')))
        {
            if !inside {
                let (machines, tests) = (Vec::new(), Vec::new());
                examples.push(Example { at: at + 1, call: String::new(), machines, story: None, tests, open: false });
            }
            let example = examples.last_mut().unwrap();
            example.call.push_str(&format!("{call}\n"));
            inside = true;
            continue;
        }
        inside = false;
        let Some((kind, rest)) = line.split_at_checked(1) else { continue };
        let Some(example) = examples.last_mut() else { continue };
        match kind {
            "@" => example.machines = rest.split_whitespace().map(str::to_string).collect(),
            "|" | "!" => example.story.get_or_insert_default().push_str(&format!("{line}\n")),
            "=" if !rest.starts_with('=') => example.tests.push(rest.trim().to_string()),
            "?" => example.open = true,
            _ => {}
        }
    }
    examples
}

/// Runs a call on fresh hosts; what it printed and what it did there.
fn story(example: &Example) -> String {
    let sealed = typed();
    let home = sealed.folder.join("hosts/lab00/home").display().to_string();
    for host in ["lab00", "lab01"] {
        for machine in &example.machines {
            let start = format!("ctys -t xen -a create=l:{machine},console:none,ping:off {host}");
            assert!(printed(&sealed, &start).contains("started"), "{start}");
        }
    }
    // What was configured on the page's machines lies below one home here, for both hosts alike.
    let there = if example.call.contains("lab01") && !example.call.contains("lab00") { "lab01" } else { "lab00" };
    let home = home.replace("lab00", there);
    let mut call = example.call.trim_end().to_string();
    for folder in ["/homen/acue", "/homen/chkusr", "$HOME"] {
        call = call.replace(folder, &home);
    }
    // Two calls of the page lack a backslash between their targets.
    let lines: Vec<&str> = call.lines().map(|line| line.trim_end_matches('\\')).collect();
    let before = sealed.log().len();
    let said = printed(&sealed, &format!("{}; echo \"code $?\"", lines.join(" ")));
    let log = sealed.log()[before..].to_string();
    // What a host's tools wrote down, without what only looks.
    let is_work = |line: &str| {
        let call = line.strip_prefix("lab00: ").or_else(|| line.strip_prefix("lab01: "));
        call.is_some_and(|call| {
            !["xl list", "xl -N", "xl info", "xl console", "ping "].iter().any(|look| call.starts_with(look))
        })
    };
    let folder = sealed.folder.display().to_string();
    let shorter = |line: &str| {
        let line = ["lab00", "lab01"]
            .iter()
            .fold(line.to_string(), |line, host| line.replace(&format!("{folder}/hosts/{host}/home"), "/home/acue"));
        line.replace(&folder, "")
    };
    let mut done: Vec<String> =
        log.lines().filter(|line| is_work(line)).map(|line| format!("! {}\n", shorter(line))).collect();
    // Two targets work at the same time.
    done.sort();
    // Which of two is the first one is theirs.
    let several = example.call.matches("create=").count() > 1;
    let number = |line: &str| match line.split_once(" as domain ") {
        Some((head, tail)) if several => {
            format!("{head} as domain N{}", tail.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        _ => line.to_string(),
    };
    let said: String = said.lines().map(number).map(|line| format!("| {line}").trim_end().to_string() + "\n").collect();
    said + &done.concat()
}

#[test]
fn every_example_of_both_seed_pages_does_what_its_page_says() {
    let text = fs::read_to_string(file()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (mut wanted, mut written, mut count) = (String::new(), 0, 0);
    for example in examples(&text).iter().filter(|example| example.story.is_some()) {
        // What stood there is left out, and what came now is put in its place.
        let from = lines[example.at..].iter().position(|line| line.starts_with(['|', '!'])).unwrap() + example.at;
        let length = lines[from..].iter().take_while(|line| line.starts_with(['|', '!'])).count();
        lines[written..from].iter().for_each(|line| wanted.push_str(&format!("{line}\n")));
        wanted.push_str(&story(example));
        written = from + length;
        count += 1;
    }
    lines[written..].iter().for_each(|line| wanted.push_str(&format!("{line}\n")));
    assert!(count > 20, "{count}");
    if wanted != text {
        fs::write(file(), &wanted).unwrap();
        let differs = wanted.lines().zip(text.lines()).position(|(new, old)| new != old).unwrap_or(0);
        panic!(
            "examples came out differently, and pages.txt has been written; the first one is near line {}",
            differs + 1
        );
    }
}

#[test]
fn every_example_of_both_seed_pages_is_in_its_place_and_names_the_tests_that_show_it() {
    let text = fs::read_to_string(file()).unwrap();
    let examples = examples(&text);
    let known = names_of_tests();
    for example in &examples {
        let at = format!("tests/seeds/pages.txt line {}", example.at);
        assert!(!example.tests.is_empty() || example.open, "{at}: no test shows this");
        for test in &example.tests {
            assert!(known.contains(test), "{at} names the test {test}, which does not exist");
        }
    }
    // Each call of the page, in its order: as the test of the command line has them, and that of ctys-vhost.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let of_line = fs::read_to_string(repository().join("core/line/tests/data/seed-calls.txt")).unwrap();
    let blocks = of_line.split("\n\n").filter(|block| block.trim_start().starts_with("ctys"));
    let calls =
        blocks.map(|block| words(&block.lines().filter(|line| !line.starts_with("= ")).collect::<Vec<_>>().join("\n")));
    let calls: Vec<String> = calls.collect();
    let here: Vec<String> = examples.iter().map(|example| words(&example.call)).collect();
    let here: Vec<String> = here.into_iter().filter(|call| call.starts_with("ctys ")).collect();
    assert_eq!(here, calls);
    let others = examples.iter().filter(|example| !example.call.starts_with("ctys "));
    assert_eq!(others.count(), 26);
    assert_eq!(examples.iter().filter(|example| example.open).count(), 0);
}
