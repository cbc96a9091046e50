//! The companion tools: other names of this program (ctys.md section 7). One line per tool in [`TOOLS`]; which one is meant
//! is said by the name the program was started by, or by the first word of the call.

mod ansible;
mod completion;
mod createconf;
pub mod database;
mod dnsutil;
pub mod gather;
mod genmconf;
pub mod groups;
mod look;
mod macmap;
mod macros;
mod options;
mod plugins;
mod proxy;
mod vdbgen;
mod vhost;
mod vping;
mod wakeup;

use crate::home::Home;
use crate::screen::Screen;
use ctys_engine::living::{self, Patience, Question, Way};
use ctys_engine::plugins::{SearchPath, Setup};
use ctys_engine::ssh::Environment;
use ctys_line::{Member, World};
use ctys_model::{Manifest, Phase, Problem};
pub use options::Opt;
use options::{Given, opt};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// A companion tool.
pub struct Tool {
    /// Its name as a program.
    pub name: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// What stands behind the options.
    pub usage: &'static str,
    /// Its options beside [`COMMON`].
    pub options: &'static [Opt],
    /// Does it; gives the exit code.
    run: fn(&mut Call) -> Result<u8, Problem>,
}

/// The tools.
pub const TOOLS: &[Tool] = &[
    vhost::TOOL,
    vdbgen::TOOL,
    macmap::TOOL,
    macmap::EXTRACT_MAC,
    macmap::EXTRACT_ARP,
    dnsutil::TOOL,
    genmconf::TOOL,
    createconf::TOOL,
    groups::TOOL,
    macros::TOOL,
    plugins::TOOL,
    vping::TOOL,
    wakeup::TOOL,
    proxy::TOOL,
    ansible::TOOL,
    completion::TOOL,
];

/// The options of all tools.
pub const COMMON: &[Opt] = &[
    opt('d', "debug", "LEVEL", "accepted as by ctys"),
    opt('h', "help", "", "this help"),
    opt('H', "manual", "TOPIC", "the help of ctys on a topic"),
    opt('V', "version", "", "the version"),
    opt('X', "terse", "", "bare output, fields joined by ;"),
];

/// What a tool works with.
pub struct Call {
    /// The name of the tool.
    pub name: &'static str,
    /// The options and arguments.
    pub given: Given,
    /// The caller's side.
    pub home: Home,
    /// The account and its ssh.
    pub environment: Environment,
    /// The terminal.
    pub screen: Screen,
}

/// The tool that is meant, with its words: by the name of the program, or by the first word of `ctys`.
pub fn meant(program: &OsStr, words: &[OsString]) -> Option<(&'static Tool, Vec<OsString>)> {
    let name = Path::new(program).file_name()?.to_str()?;
    if let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) {
        return Some((tool, words.to_vec()));
    }
    let first = words.first()?.to_str()?;
    let tool = TOOLS
        .iter()
        .find(|tool| tool.name.strip_prefix("ctys-").is_some_and(|name| name.eq_ignore_ascii_case(first)))?;
    Some((tool, words[1..].to_vec()))
}

/// The help of the tool of this name, with `ctys-` in front or without.
pub fn help(name: &str) -> Option<String> {
    let is_meant = |tool: &&Tool| {
        tool.name.eq_ignore_ascii_case(name)
            || tool.name.strip_prefix("ctys-").is_some_and(|short| short.eq_ignore_ascii_case(name))
    };
    TOOLS.iter().find(is_meant).map(options::help)
}

/// Runs a tool and gives its exit code.
pub fn run(tool: &Tool, words: Vec<OsString>) -> u8 {
    let mut screen = Screen::new(false, None);
    let mut texts = Vec::new();
    for word in words {
        match word.into_string() {
            Ok(text) => texts.push(text),
            Err(word) => {
                let shown = ctys_model::bytes::escape(std::os::unix::ffi::OsStrExt::as_bytes(word.as_os_str()));
                return fail(&mut screen, &Problem::new(Phase::Usage, format!("{shown} is not text in UTF-8")));
            }
        }
    }
    let environment = Environment::of_this_process();
    let home = Home::of_this_process(&environment.user, &environment.machine);
    if tool.name == vhost::TOOL.name {
        texts = match vhost::with_macros(&texts, &home) {
            Ok(texts) => texts,
            Err(mistakes) => return crate::run::tell_mistakes(&mistakes, &mut screen),
        };
    }
    let given = match options::read(tool, &texts) {
        Ok(given) => given,
        Err(problem) => return fail(&mut screen, &problem.hint(format!("{} -h lists the options", tool.name))),
    };
    if given.has("help") {
        screen.data(&options::help(tool));
        return 0;
    }
    if let Some(topic) = given.last("manual") {
        return match ctys_line::help(topic, &[]) {
            Some(text) => {
                screen.data(&text);
                0
            }
            None => fail(&mut screen, &Problem::new(Phase::Usage, format!("there is no help on \"{topic}\""))),
        };
    }
    if given.has("version") {
        let version = env!("CARGO_PKG_VERSION");
        screen.data(&if given.has("terse") { version.to_string() } else { format!("{} {version}\n", tool.name) });
        return 0;
    }
    let mut call = Call { name: tool.name, given, home, environment, screen };
    match (tool.run)(&mut call) {
        Ok(code) => code,
        Err(problem) => fail(&mut call.screen, &problem),
    }
}

fn fail(screen: &mut Screen, problem: &Problem) -> u8 {
    screen.problem(problem);
    problem.phase.exit_code()
}

/// Which hosts answer, in the order of the questions: nothing, or why a host counts as gone. Without `ping` there is an
/// error, and no host is said to be gone.
fn ask(
    questions: &[Question],
    way: Way,
    patience: Patience,
    at_once: usize,
) -> Result<Vec<Result<(), String>>, Problem> {
    let answers = living::ask(questions, way, patience, at_once);
    answers.map_err(|why| Problem::new(Phase::Here, why).hint("Debian: iputils-ping"))
}

/// What the plugins say of themselves.
fn manifests(home: &Home) -> Vec<Manifest> {
    let mut setup = Setup::new(SearchPath::of_this_process());
    setup.settings = home.variables.clone();
    setup.discover().found().iter().filter_map(|found| found.manifest.clone().ok()).collect()
}

/// The targets that these words come to, groups, sets and macros expanded as in a call of ctys.
///
/// # Errors
/// The exit code; the mistakes stand on the screen.
fn members(call: &mut Call, words: &[String]) -> Result<Vec<Member>, u8> {
    let manifests = manifests(&call.home);
    let world = World { program: call.name, ..crate::run::world(&call.home, &call.home, &manifests) };
    let found = ctys_line::members(words, &call.for_sets(), &world);
    found.map_err(|mistakes| crate::run::tell_mistakes(&mistakes, &mut call.screen))
}

/// A mistake in the words of a tool.
fn usage(message: impl Into<String>) -> Problem {
    Problem::new(Phase::Usage, message)
}

#[cfg(test)]
mod tests {
    use super::TOOLS;

    #[test]
    fn no_tool_hides_a_verb() {
        for tool in TOOLS {
            let short = tool.name.strip_prefix("ctys-").unwrap_or(tool.name);
            assert!(ctys_line::VERBS.iter().all(|verb| verb.name != short), "{short} is both");
        }
    }
}
