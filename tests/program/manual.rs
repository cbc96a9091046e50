//! The examples of the manual do what the pages say. A block of a page says by the comment above it how it is tested:
//!
//! ```text
//! .\" runs                      run here, on fake hosts; what is printed stands below each line behind "$ "
//! .\" shown by TEST [TEST...]   a real host is needed: these tests show it, and the calls are understood here
//! .\" tutorial                  typed into a real terminal by tests/qemu/tutorial.rs
//! .\" installation              the test of the package does it
//! ```
//!
//! What a line of the first kind prints is written into the page where it differs, and then the test fails: it is read before it is
//! committed.

use crate::sealed::{Sealed, repository};
use crate::xen::lab;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A block of a page, by the numbers of its lines.
pub struct Block {
    /// What the comment above it says.
    pub mark: String,
    /// The first line inside.
    pub from: usize,
    /// The line behind the last one.
    pub to: usize,
}

/// The blocks of a page that have calls in them.
fn blocks(name: &str, page: &str) -> Vec<Block> {
    let lines: Vec<&str> = page.lines().collect();
    let mut blocks = Vec::new();
    for (number, _) in lines.iter().enumerate().filter(|(_, line)| line.starts_with(".Bd -literal")) {
        let length = lines[number..].iter().position(|line| *line == ".Ed").unwrap();
        let inside = &lines[number + 1..number + length];
        if inside.iter().any(|line| line.starts_with("$ ")) {
            let mark = lines[number - 1].strip_prefix(".\\\" ");
            let mark = mark.unwrap_or_else(|| panic!("man/{name} line {}: how is this example tested?", number + 1));
            blocks.push(Block { mark: mark.to_string(), from: number + 1, to: number + length });
        }
    }
    blocks
}

fn pages() -> Vec<PathBuf> {
    let pages = fs::read_dir(repository().join("man")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = pages.collect();
    pages.sort();
    pages
}

fn name(page: &Path) -> &str {
    page.file_name().unwrap().to_str().unwrap()
}

/// Text of a page without the escapes of roff.
pub fn plain(line: &str) -> String {
    line.replace("\\&", "").replace("\\e", "\\")
}

fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

/// A lab in which `ctys` is typed as on a page: every host is reached by the fake `ssh`.
pub fn typed() -> Sealed {
    let sealed = lab();
    sealed.failing_host("lab99", "ssh: connect to host lab99 port 22: Connection refused");
    let program = env!("CARGO_BIN_EXE_ctys");
    sealed.tool(
        "ctys",
        &format!(
            "case $1 in\nvdbgen) shift; exec {program} vdbgen --transport=openssh \"$@\" ;;\n\
             -*) exec {program} --transport openssh \"$@\" ;;\n*) exec {program} \"$@\" ;;\nesac"
        ),
    );
    for host in ["lab00", "lab01"] {
        // A window that runs what it is given, and is gone with it.
        for window in ["xterm", "gnome-terminal"] {
            let body = format!(
                "echo \"$HOST: {window}\" >>\"$LOG\"\nwhile [ \"$1\" != /bin/sh ]; do shift; done\n\"$@\" </dev/null >/dev/null 2>&1"
            );
            sealed.host_tool(host, window, &body);
        }
        sealed.host_tool(host, "emacs", "echo \"$HOST: emacs\" >>\"$LOG\"; echo up >\"$CTYS_UP\"");
    }
    // Names of hosts are not looked up: the addresses of the fake ones may be somebody's.
    sealed.with("DISPLAY", ":7").with("DEFAULT_C_MODE_ARGS_LIST", "both,tab_tcp")
}

/// What a line prints on both streams; the folders of this run are those of the page.
pub fn printed(sealed: &Sealed, line: &str) -> String {
    let words = sealed.command(&[]);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", &format!("exec 2>&1; {line}")]).env_clear().current_dir(sealed.folder.join("home"));
    shell.envs(words.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    for folder in ["hosts/lab00/home", "hosts/lab01/home", "home"] {
        text = text.replace(sealed.folder.join(folder).to_str().unwrap(), "/home/acue");
    }
    let text = text.replace(sealed.folder.to_str().unwrap(), "");
    // What the fake program adds to a call is not seen on a page, nor is its place below a mistake.
    let (added, mut wider) = ("--transport openssh ", false);
    let mut out = String::new();
    for line in text.lines() {
        let has = line.contains(added);
        let line = if wider { line.replacen(&" ".repeat(added.len()), "", 1) } else { line.replace(added, "") };
        wider = has;
        out.push_str(&format!("{}\n", line.trim_end()));
    }
    out
}

#[test]
fn the_examples_of_the_manual_print_what_the_pages_show() {
    let (mut changed, mut calls) = (Vec::new(), 0);
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = page.lines().collect();
        let (mut wanted, mut written) = (String::new(), 0);
        let mut sealed = None;
        for block in blocks(name(&path), &page).into_iter().filter(|block| block.mark == "runs") {
            let sealed = sealed.get_or_insert_with(typed);
            lines[written..block.from].iter().for_each(|line| wanted.push_str(&format!("{line}\n")));
            for line in lines[block.from..block.to].iter().filter(|line| line.starts_with("$ ")) {
                wanted.push_str(&format!("{line}\n"));
                let output = printed(sealed, &plain(&line[2..]));
                output.lines().for_each(|line| wanted.push_str(&format!("{}\n", escaped(line))));
                calls += 1;
            }
            written = block.to;
        }
        lines[written..].iter().for_each(|line| wanted.push_str(&format!("{line}\n")));
        if page != wanted {
            fs::write(&path, wanted).unwrap();
            changed.push(name(&path).to_string());
        }
    }
    assert!(calls > 40, "{calls}");
    assert!(changed.is_empty(), "these pages showed something else and have been written: {changed:?}");
}

#[test]
fn every_example_of_the_manual_names_the_tests_that_show_it() {
    let tests = crate::seeds::names_of_tests();
    let mut kinds = BTreeSet::new();
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        for block in blocks(name(&path), &page) {
            let at = format!("man/{} line {}", name(&path), block.from);
            kinds.insert(block.mark.split(' ').next().unwrap().to_string());
            match block.mark.split_once(" by ") {
                Some(("shown", named)) => {
                    for test in named.split(' ') {
                        assert!(tests.contains(test), "{at} names the test {test}, which does not exist");
                    }
                    let inside = page.lines().take(block.to).skip(block.from);
                    for call in inside.filter_map(|line| line.strip_prefix("$ ")) {
                        understood(&at, &plain(call));
                    }
                }
                _ => assert!(["runs", "tutorial"].contains(&block.mark.as_str()), "{at}: {}", block.mark),
            }
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["runs", "shown", "tutorial"]);
}

/// A call that needs a real host is one that ctys understands: its plan is asked of a host that is not there.
fn understood(at: &str, call: &str) {
    let Some(words) = call.strip_prefix("ctys -") else { return };
    let sealed = Sealed::new();
    sealed.tool("ctys", &format!("exec {} --plan \"$@\"", env!("CARGO_BIN_EXE_ctys")));
    let text =
        printed(&sealed, &format!("ctys --transport openssh -{words} >/dev/null 2>mistakes; echo $?; cat mistakes"));
    assert!(!text.starts_with("1\n"), "{at}: {call}\n{text}");
}
