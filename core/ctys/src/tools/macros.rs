//! ctys-macros: the macros of tables and calls (ctys.md section 7).

use super::options::opt;
use super::{Call, Tool, usage};
use ctys_line::Shelf;
use ctys_model::Problem;
use ctys_model::bytes::escape_for_eyes;
use std::collections::BTreeMap;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-macros",
    about: "the macros: their names, what they are made of, what they come to",
    usage: "[NAME...]",
    options: &[
        opt('a', "atoms", "", "only macros that contain no other"),
        opt('c', "combined", "", "only macros that contain others"),
        opt('E', "expanded", "", "with their text, other macros put in"),
        opt('N', "definitions", "", "with their text as it stands in the file"),
        opt('f', "file", "NAME", "the macro file; default: default"),
        opt('l', "files", "", "the macro files"),
    ],
    run,
};

/// How deep macros may contain each other.
const DEPTH: usize = 20;

fn run(call: &mut Call) -> Result<u8, Problem> {
    if call.given.has("files") {
        return files(call);
    }
    let file = call.given.last("file").unwrap_or("default").to_string();
    let macros = macros(call, &file)?;
    let wanted = call.given.arguments.clone();
    let mut text = String::new();
    for name in &wanted {
        if !macros.contains_key(name) {
            return Err(usage(format!("the file {} has no macro {}", escape_for_eyes(&file), escape_for_eyes(name))));
        }
    }
    for (name, body) in &macros {
        let combined = body.to_ascii_lowercase().contains("macro:");
        let left_out = (call.given.has("atoms") && combined) || (call.given.has("combined") && !combined);
        if left_out || (!wanted.is_empty() && !wanted.contains(name)) {
            continue;
        }
        let line = if call.given.has("expanded") {
            format!("{name} = {}", expand(body, &macros, 0))
        } else if call.given.has("definitions") || !wanted.is_empty() {
            format!("{name} = {body}")
        } else {
            name.clone()
        };
        text.push_str(&escape_for_eyes(&line));
        text.push('\n');
    }
    call.screen.data(&text);
    Ok(0)
}

/// The macros of a file; those of the user's `default` are laid over the shipped ones.
fn macros(call: &Call, file: &str) -> Result<BTreeMap<String, String>, Problem> {
    let shipped = ctys_table::macros::SHIPPED.iter().find(|(name, _)| *name == file).map(|(_, text)| text.to_string());
    let own = call.home.macro_file(file).map_err(usage)?;
    if shipped.is_none() && own.is_none() {
        return Err(
            usage(format!("there is no macro file {}", escape_for_eyes(file))).hint("ctys-macros -l lists them")
        );
    }
    let texts = shipped.into_iter().chain(own);
    Ok(texts.flat_map(|text| definitions(&text)).collect())
}

/// `NAME = text`; a backslash at the end joins lines, runs of blanks are one.
fn definitions(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let definition = |line: &str| {
        let (name, body) = line.split_once('=')?;
        let body: Vec<&str> = body.split_whitespace().collect();
        Some((name.trim().to_string(), body.join(" ")))
    };
    lines.filter_map(definition).collect()
}

/// The text with every macro it names put in, those that are not known left as they are.
fn expand(text: &str, macros: &BTreeMap<String, String>, depth: usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find("macro:") {
        let braced = rest[..at].ends_with('{');
        let behind = &rest[at + "macro:".len()..];
        let length = behind.find(|c: char| if braced { c == '}' } else { c == ',' || c == '%' || c.is_whitespace() });
        let (name, after) = behind.split_at(length.unwrap_or(behind.len()));
        match macros.get(name).filter(|_| depth < DEPTH) {
            Some(body) => {
                out.push_str(&rest[..at - usize::from(braced)]);
                out.push_str(&expand(body, macros, depth + 1));
                rest = if braced { after.strip_prefix('}').unwrap_or(after) } else { after };
            }
            None => {
                out.push_str(&rest[..rest.len() - after.len()]);
                rest = after;
            }
        }
    }
    out + rest
}

fn files(call: &mut Call) -> Result<u8, Problem> {
    let mut lines: Vec<String> =
        ctys_table::macros::SHIPPED.iter().map(|(name, _)| format!("{name} (shipped)")).collect();
    for folder in call.home.macro_folders() {
        let mut files: Vec<_> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        lines.extend(files.iter().filter(|path| path.is_file()).map(|path| super::database::shown(path)));
    }
    call.screen.data(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_in_macros() {
        let macros: BTreeMap<String, String> =
            definitions("# x\nA = 1_a_2\nB = tab_gen:macro:A%%\\\n  {macro:A}_L\nLOOP = macro:LOOP\n")
                .into_iter()
                .collect();
        let check = |text: &str, want: &str| assert_eq!(expand(text, &macros, 0), want, "{text}");
        check("macro:B,sort", "tab_gen:1_a_2%% 1_a_2_L,sort");
        check("MACRO:NONE,x", "MACRO:NONE,x");
        check("macro:LOOP", "macro:LOOP");
        check("plain", "plain");
    }
}
