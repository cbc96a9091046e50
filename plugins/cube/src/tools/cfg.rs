//! cube-cfg: the settings of a cube (overc.md 3.3). Each is a small file; `gen` makes `config.json` of them.

use crate::config;
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::parse::survey::Survey;
use crate::probes::Depth;
use crate::settings::{self, DIRTY, ONCE, Setting};
use crate::work::links::{self, Link};
use crate::work::network;
use ctys_plugin::model::{Bytes, Command, Does, Privilege, Step, ToolCall, WriteFile};

/// What it understands, one line each.
const VERBS: &[(&str, &str)] = &[
    ("set KEY:VALUE", "set a value; -KEY:VALUE takes one out of a list"),
    ("get KEY", "print a value"),
    ("KEY:VALUE, KEY:, :KEY", "set, print and clear a value"),
    ("mount bind:SOURCE:DESTINATION", "mount a directory or file of the host"),
    ("device TYPE:A:B", "give a device: network (of the netprime; en+ for all that begin so), vt, whitelist"),
    ("hook TYPE:PATH", "run a program at prestart, poststart or poststop"),
    ("hook-script TYPE:PATH ARGS", "the same by a shell"),
    ("link A:PORT B:PORT [from ADDRESS|localhost]", "lead a port of A to one of B; -A:PORT ends that"),
    ("attribute [+|-]WORD", "add, remove or print attributes"),
    ("gen NAME", "make config.json"),
    ("show [NAME]", "everything that is set"),
    ("clean", "remove mounts, devices and hooks; with -r what was set for one start"),
    ("id", "the id of the machine"),
];

/// The options, which may stand anywhere.
#[derive(Default)]
struct Options {
    name: Option<String>,
    folder: Option<String>,
    once: bool,
    append: bool,
    prepend: bool,
    dry: bool,
    help: bool,
    words: Vec<String>,
}

fn read(words: &[Bytes]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = words.iter().map(|word| word.to_text().into_owned());
    while let Some(word) = words.next() {
        let mut value = |name: &str| words.next().ok_or_else(|| format!("[ERROR]: {name} needs a value"));
        match word.as_str() {
            "-n" => options.name = Some(value("-n")?),
            "-o" => options.folder = Some(value("-o")?),
            "-r" | "--runonce" => options.once = true,
            "--append" => options.append = true,
            "--prepend" => options.prepend = true,
            "--dryrun" => options.dry = true,
            "-v" => {}
            "--clean" => options.words.push("clean".into()),
            "-h" | "--help" => options.help = true,
            _ => options.words.push(word),
        }
    }
    Ok(options)
}

/// Does what the words say.
pub fn run(flow: &mut Flow<'_>, call: &ToolCall, words: &[Bytes]) -> Result<(), Stop> {
    let mut options = match read(words) {
        Ok(options) => options,
        Err(line) => return flow.fail(line),
    };
    if options.help || options.words.is_empty() {
        flow.say("usage: cube-cfg [-n NAME | -o DIR] [-r] [--append | --prepend] [--dryrun] COMMAND");
        VERBS.iter().for_each(|(verb, what)| flow.say(format!("  {verb:<34} {what}")));
        return Ok(());
    }
    let verb = options.words.remove(0);
    let mut rest = std::mem::take(&mut options.words);
    if let ("link", Some((name, _))) = (verb.as_str(), rest.first().and_then(|end| removed(end).1.split_once(':'))) {
        options.name = Some(name.to_string());
    }
    if let ("gen" | "show", Some(name)) = (verb.as_str(), rest.first()) {
        // `gen NAME:oci` says what for; there is nothing else.
        let name = name.strip_suffix(":oci").unwrap_or(name);
        options.name = Some(name.to_string());
    }
    if verb == "id" {
        let survey = flow.look(&[], Depth::Usual)?;
        flow.say(survey.machine_id);
        return Ok(());
    }
    let Some(name) = which(flow, call, &options) else {
        let shown = call.folder.to_text().into_owned();
        return flow.fail(format!("[ERROR]: {shown} is no directory of a container, name one with -n"));
    };
    let unknown = format!("[ERROR]: container \"{name}\" has no valid directory");
    if !crate::places::is_id(&name) {
        return flow.fail(unknown);
    }
    let Some(survey) = flow.lock_and_look(&name, Depth::Usual)? else { return flow.fail(unknown) };
    // Any folder below that of the cubes can become one by being set up.
    let folder = survey.cubes.get(&name).cloned().unwrap_or_default();
    let cube = Cube {
        name: &name,
        folder: Some(&folder),
        record: survey.records.get(&name).filter(|record| record.is_of_cube()),
    };
    let work = Work { survey: &survey, cube, options: &options };
    match verb.as_str() {
        "gen" => work.generate(flow),
        "show" => {
            super::report::lines(&work.cube).into_iter().for_each(|line| flow.say(line));
            Ok(())
        }
        "attribute" => work.attribute(flow, rest.first().map(String::as_str)),
        "mount" => work.mount(flow, rest.first().map(String::as_str)),
        "device" => work.device(flow, rest.first().map(String::as_str)),
        "hook" | "hook-script" => work.hook(flow, &rest, verb == "hook-script"),
        "clean" => work.clean(flow),
        "link" => work.link(flow, &rest),
        "auth" => flow.fail("[ERROR]: no registry is spoken to, so there are no credentials to keep".into()),
        "get" => match rest.first() {
            Some(key) => work.get(flow, key.trim_end_matches(':')),
            None => flow.fail("[ERROR]: no setting provided".into()),
        },
        "set" if rest.is_empty() => flow.fail("[ERROR]: no setting provided".into()),
        "set" => {
            let first = rest.remove(0);
            work.assign(flow, &joined(first, &rest))
        }
        _ => work.assign(flow, &joined(verb, &rest)),
    }
}

/// The words of a value that was typed without quotes.
fn joined(first: String, rest: &[String]) -> String {
    rest.iter().fold(first, |all, word| all + " " + word)
}

/// The cube that is meant: by name, by its folder, or the one the caller is in.
fn which(flow: &Flow<'_>, call: &ToolCall, options: &Options) -> Option<String> {
    if let Some(name) = &options.name {
        return Some(name.clone());
    }
    let here = call.folder.to_text();
    let folder = match &options.folder {
        Some(folder) if folder.starts_with('/') => folder.clone(),
        Some(folder) => format!("{here}/{folder}"),
        None => here.into_owned(),
    };
    let inside = folder.strip_prefix(&flow.places.containers)?.strip_prefix('/')?;
    inside.split('/').next().filter(|name| !name.is_empty()).map(str::to_string)
}

struct Work<'a> {
    survey: &'a Survey,
    cube: Cube<'a>,
    options: &'a Options,
}

impl Work<'_> {
    /// Writes files of the cube, each with its lines, and marks what was made of the old ones as outdated.
    fn write(&self, flow: &mut Flow<'_>, files: &[(&str, Vec<String>)]) -> Result<(), Stop> {
        let name = self.cube.name;
        let once = |file: &str| if self.options.once { format!("{file}{ONCE}") } else { file.to_string() };
        let mut steps: Vec<Step> =
            files.iter().map(|(file, lines)| write_step(flow, name, &once(file), settings::text(lines))).collect();
        let outdated = files.iter().any(|(file, _)| settings::is_made_into_config(file));
        if !self.options.once && (outdated || !self.cube.has(DIRTY)) {
            let mark = if outdated { "config.json\n" } else { "" };
            steps.push(write_step(flow, name, DIRTY, mark.into()));
        }
        self.change(flow, steps)
    }

    /// Whatever is changed goes through here: with `--dryrun` it is told and left.
    fn change(&self, flow: &mut Flow<'_>, steps: Vec<Step>) -> Result<(), Stop> {
        if self.options.dry {
            steps.iter().for_each(|step| tell(flow, step));
            return Ok(());
        }
        let names: Vec<String> = steps.iter().map(|step| step.name.clone()).collect();
        let round = flow.run(steps)?;
        for step in names {
            if answer(round, &step).ok_output().is_none() {
                let why = crate::flow::said(answer(round, &step), &step);
                return flow.fail(format!("[ERROR]: container {}: {why}", self.cube.name));
            }
        }
        flow.said.changed = true;
        Ok(())
    }

    /// The lines of a file as they are. What was set for one start is added to what was set for it before.
    fn old(&self, file: &str) -> Vec<String> {
        let once = format!("{file}{ONCE}");
        let file = if self.options.once && self.cube.has(&once) { &once } else { file };
        settings::lines(&self.cube, file)
    }

    fn get(&self, flow: &mut Flow<'_>, key: &str) -> Result<(), Stop> {
        let setting = known(flow, key)?;
        let lines = settings::lines(&self.cube, setting.file);
        match lines.is_empty() {
            true => flow.say(""),
            false => lines.into_iter().for_each(|line| flow.say(line)),
        }
        Ok(())
    }

    /// `KEY:VALUE`, `-KEY:VALUE`, `KEY:`, `:KEY`.
    fn assign(&self, flow: &mut Flow<'_>, text: &str) -> Result<(), Stop> {
        if let Some(key) = text.strip_prefix(':') {
            let setting = known(flow, key)?;
            return self.write(flow, &[(setting.file, Vec::new())]);
        }
        let Some((key, value)) = text.split_once(':') else {
            known(flow, text)?;
            return flow.fail(format!("[ERROR]: '{text}' has no value"));
        };
        let (remove, key) = match key.strip_prefix('-') {
            Some(key) => (true, key),
            None => (false, key.trim_start_matches('+')),
        };
        let setting = known(flow, key)?;
        if value.is_empty() {
            return self.get(flow, key);
        }
        if let Some(why) = wrong(setting, value) {
            return flow.fail(format!("[ERROR]: '{key}' {why}"));
        }
        // Who reads these does so before there is a start that it could be for.
        if self.options.once && matches!(setting.key, "autostart" | "depends") {
            return flow.fail(format!("[ERROR]: '{key}' cannot be set for one start"));
        }
        if setting.key == "cube.network.ip" && !remove {
            let all = flow.look(&[], Depth::Usual)?;
            for address in value.split_ascii_whitespace() {
                if let Some(other) = network::owner(&all, address, self.cube.name) {
                    return flow.fail(format!("[ERROR]: {address} belongs to container {other} already"));
                }
            }
        }
        let old = self.old(setting.file);
        let lines = match () {
            () if remove => settings::without(old, value),
            () if self.options.prepend => settings::with(old, value, true),
            () if self.options.append || setting.many => settings::with(old, value, false),
            () => vec![value.to_string()],
        };
        self.write(flow, &[(setting.file, lines)])
    }

    fn attribute(&self, flow: &mut Flow<'_>, word: Option<&str>) -> Result<(), Stop> {
        let Some(word) = word else {
            flow.say(self.cube.attribute_words());
            return Ok(());
        };
        let (remove, word) = match word.strip_prefix('-') {
            Some(word) => (true, word),
            None => (false, word.trim_start_matches('+')),
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.=".contains(&b);
        if word.is_empty() || !word.bytes().all(plain) {
            return flow.fail(format!("[ERROR]: '{word}' cannot be an attribute"));
        }
        if word == "netprime" && !remove && !network::is_prime(&self.cube) {
            let all = flow.look(&[], Depth::Usual)?;
            if let Some(other) = Cube::cubes(&all).find(network::is_prime) {
                let name = self.cube.name;
                flow.complain(format!("[ERROR]: container {} is the netprime, {name} cannot be it too", other.name));
                return flow.fail(format!("[INFO]: 'cube-ctl netprime {name}' hands that over"));
            }
        }
        let old: Vec<String> = self.cube.attributes().map(str::to_string).collect();
        let words = if remove { settings::without(old, word) } else { settings::with(old, word, false) };
        // They are no part of config.json, so nothing is outdated by them.
        let step = write_step(flow, self.cube.name, "cube.attributes", words.join(" ") + "\n");
        self.change(flow, vec![step])
    }

    /// Adds or removes a line of a list, or prints the list.
    fn list(&self, flow: &mut Flow<'_>, file: &str, line: &str, remove: bool) -> Result<(), Stop> {
        let old = self.old(file);
        let lines = if remove { settings::without(old, line) } else { settings::with(old, line, false) };
        self.write(flow, &[(file, lines)])
    }

    fn print(&self, flow: &mut Flow<'_>, file: &str) -> Result<(), Stop> {
        self.cube.lines(file).for_each(|line| flow.say(line));
        Ok(())
    }

    fn mount(&self, flow: &mut Flow<'_>, text: Option<&str>) -> Result<(), Stop> {
        const FILE: &str = ".cube.mount.bind";
        let text = match text {
            None | Some("bind") => return self.print(flow, FILE),
            Some(text) => text,
        };
        let (remove, text) = removed(text);
        let text = text.strip_prefix("bind:").unwrap_or(text);
        match config::bind(text) {
            Ok(_) => self.list(flow, FILE, text, remove),
            Err(_) => flow.fail("[ERROR]: bind mounts require a source and destination argument".into()),
        }
    }

    fn device(&self, flow: &mut Flow<'_>, text: Option<&str>) -> Result<(), Stop> {
        let (remove, text) = removed(text.unwrap_or(""));
        let (kind, ends) = text.split_once(':').unwrap_or((text, ""));
        let (file, line) = match kind {
            "network" => (".cube.device.network", ends.to_string()),
            "network-virt" => (".cube.device.network", format!("veth:{ends}")),
            "network-overlay" => (".cube.device.network-overlay", ends.to_string()),
            "vt" => (".cube.device.vt", ends.to_string()),
            "whitelist" => (".cube.dev.whitelist", ends.to_string()),
            "blacklist" => (".cube.dev.blacklist", ends.to_string()),
            _ => return flow.fail(format!("[ERROR]: '{kind}' is no type of device")),
        };
        if ends.is_empty() {
            return self.print(flow, file);
        }
        // What OverC left can be taken away.
        if let Some(why) = useless(kind, ends).filter(|_| !remove) {
            return flow.fail(format!("[ERROR]: {kind}:{ends} would have no effect: {why}"));
        }
        if kind == "network" && !remove {
            self.remark(flow, ends);
        }
        if kind == "vt" && !remove {
            let number = match config::vt(&line) {
                Ok(number) => number,
                Err(why) => return flow.fail(format!("[ERROR]: {why}")),
            };
            let all = flow.look(&[], Depth::Usual)?;
            if let Some(other) = crate::work::vt::owner(&all, number, self.cube.name) {
                return flow.fail(format!("[ERROR]: /dev/tty{number} belongs to container {other} already"));
            }
        }
        self.list(flow, file, &line, remove)
    }

    /// What a device of the host does not do, or not yet.
    fn remark(&self, flow: &mut Flow<'_>, ends: &str) {
        let name = self.cube.name;
        let (device, inside) = ends.split_once(':').unwrap_or((ends, ends));
        if device != inside {
            flow.complain(format!("[WARNING]: {device} keeps its name in container {name}, {inside} is not used"));
        }
        if !network::is_prime(&self.cube) {
            let when = format!("'cube-ctl netprime {name}' makes it that");
            flow.complain(format!("[WARNING]: container {name} gets {device} only as the netprime, {when}"));
        }
    }

    fn hook(&self, flow: &mut Flow<'_>, words: &[String], script: bool) -> Result<(), Stop> {
        let Some((first, rest)) = words.split_first() else {
            return flow.fail("ERROR: Invalid hook specified".into());
        };
        let (remove, first) = removed(first);
        let Some((kind, program)) = first.split_once(':') else {
            return flow.fail(format!("ERROR: Invalid hook specified {first}"));
        };
        if !matches!(kind, "prestart" | "poststart" | "poststop") {
            return flow.fail(format!("ERROR: invalid hook type specified {kind}"));
        }
        let command = joined(program.to_string(), rest);
        if !command.starts_with('/') || command.contains('\'') {
            return flow.fail(format!("ERROR: Invalid hook specified {command}"));
        }
        let line = if script { format!("/bin/sh -c '{command}'") } else { command };
        self.list(flow, &format!(".cube.hooks.{kind}"), &line, remove)
    }

    /// `A:PORT B:PORT [from WHOM]`; with a dash before A the link ends. It is as the line says at once.
    fn link(&self, flow: &mut Flow<'_>, words: &[String]) -> Result<(), Stop> {
        let Some((first, rest)) = words.split_first() else { return self.print(flow, links::FILE) };
        let (remove, first) = removed(first);
        let port = first.split_once(':').map_or("", |(_, port)| port);
        let Some(link) = Link::read(&joined(port.to_string(), rest)) else {
            let form = "A:PORT B:PORT [from ADDRESS|localhost]";
            return flow.fail(format!("[ERROR]: links are given as {form}, not {}", words.join(" ")));
        };
        if !remove {
            let other = flow.look(&[&link.to], Depth::Usual)?;
            if Cube::named(&other, &link.to).is_none_or(|cube| cube.folder.is_none()) {
                return flow.fail(format!("[ERROR]: container \"{}\" not found, cannot link to it", link.to));
            }
            let taken = |other: &Link| other.port == link.port && other.from == link.from && *other != link;
            if let Some(other) = links::of(&self.cube).find(taken) {
                return flow.fail(format!("[ERROR]: port {} leads to {}:{} already", link.port, other.to, other.there));
            }
        }
        let old = settings::lines(&self.cube, links::FILE);
        let line = link.line();
        let lines = if remove { settings::without(old, &line) } else { settings::with(old, &line, false) };
        // They are no part of config.json, so nothing is outdated by them.
        let step = write_step(flow, self.cube.name, links::FILE, settings::text(&lines));
        self.change(flow, vec![step])?;
        if self.options.dry { Ok(()) } else { links::stack(flow, Some(self.cube.name)) }
    }

    /// Removes mounts, devices and hooks, or what was set for one start; then the exit code says whether there was any.
    fn clean(&self, flow: &mut Flow<'_>) -> Result<(), Stop> {
        let entries = self.cube.folder.map(|folder| folder.entries.keys()).into_iter().flatten();
        let goes = |name: &&String| match self.options.once {
            true => name.ends_with(ONCE),
            false => [".cube.mount", ".cube.device", ".cube.dev.", ".cube.hooks."].iter().any(|s| name.starts_with(s)),
        };
        let files: Vec<String> = entries.filter(goes).map(|name| flow.places.file(self.cube.name, name)).collect();
        if files.is_empty() {
            return Ok(());
        }
        let some = self.options.once;
        let mut steps =
            vec![Step::run("remove", Command::new("rm").args(["-f", "--"]).args(files).as_root().changes())];
        if !some {
            steps.push(write_step(flow, self.cube.name, DIRTY, "config.json\n".into()));
        }
        self.change(flow, steps)?;
        flow.said.exit = (some && !self.options.dry).then_some(1);
        Ok(())
    }

    fn generate(&self, flow: &mut Flow<'_>) -> Result<(), Stop> {
        match config::generate(&self.cube, &flow.places, self.survey.capabilities) {
            Ok(text) => {
                let path = flow.places.file(self.cube.name, DIRTY);
                let steps = vec![
                    crate::work::start::config_step(flow, self.cube.name, text),
                    Step::run("flag", Command::new("rm").args(["-f", "--", &path]).as_root().changes()),
                ];
                self.change(flow, steps)
            }
            Err(why) => {
                flow.complain(format!("[ERROR]: {why}"));
                flow.fail("ERROR: config.json generation failed".into())
            }
        }
    }
}

/// Why a device would be read by nothing.
fn useless(kind: &str, ends: &str) -> Option<&'static str> {
    match kind {
        "blacklist" => Some("devices are denied unless they are on the whitelist"),
        "network-virt" | "network-overlay" => Some("the link of a container is made by its settings, cube.network.*"),
        "whitelist" if ends.contains(['*', '?', '[']) => Some("each device is named by itself, patterns are not known"),
        "whitelist" if !ends.starts_with("/dev/") => Some("devices are looked for below /dev"),
        "network" if !network::is_link(ends.split(':').next().unwrap_or("")) => Some("no device can have that name"),
        _ => None,
    }
}

/// Whether a leading dash takes it away; a plus says what is meant anyway.
fn removed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.trim_start_matches('+')),
    }
}

fn known(flow: &mut Flow<'_>, key: &str) -> Result<Setting, Stop> {
    match settings::find(key) {
        Some(setting) => Ok(setting),
        None => flow.fail(format!("[ERROR]: '{key}' is not a known setting")),
    }
}

/// Why a value cannot be.
fn wrong(setting: Setting, value: &str) -> Option<String> {
    let one_of = |words: &[&str]| (!words.contains(&value)).then(|| format!("is one of {}", words.join(", ")));
    match setting.key {
        _ if value.contains(['\n', '\r']) => Some("is one line".into()),
        "cube.network.type" => one_of(&["dynamic", "static", "dynamic-dhcp", "self"]),
        "cube.console.mgr" => one_of(&["tty", "screen-tty", "interactive", "none"]),
        "cube.device.mgr" => one_of(&["essential", "self", "none"]),
        settings::DISCOVERY => one_of(&["on", "off"]),
        "cube.container.system" => one_of(&["true", "false"]),
        "cube.env" if value.split_once('=').is_none_or(|(name, _)| name.is_empty()) => Some("is VAR=value".into()),
        "cube.dir" if !value.starts_with('/') => Some("is an absolute path".into()),
        "cube.network.mac" => ctys_plugin::magic::plain_mac(value).is_none().then(|| "is a hardware address".into()),
        _ => None,
    }
}

/// Writes a file of a cube.
fn write_step(flow: &Flow<'_>, name: &str, file: &str, text: String) -> Step {
    let write = WriteFile {
        path: flow.places.file(name, file).into(),
        content: text.into(),
        privilege: Privilege::Root,
        mode: 0o644,
        ..WriteFile::default()
    };
    Step::does(&format!("write {file}"), Does::Write(write))
}

/// What a step would change: a file with its lines, or one that goes.
fn tell(flow: &mut Flow<'_>, step: &Step) {
    match &step.does {
        Does::Write(write) => {
            let (path, text) = (write.path.to_text(), write.content.to_text());
            let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
            match lines[..] {
                [] => flow.say(format!("{path}: empty")),
                [line] => flow.say(format!("{path}: {line}")),
                _ => {
                    flow.say(format!("{path}:"));
                    lines.iter().for_each(|line| flow.say(format!("  {line}")));
                }
            }
        }
        Does::Run { tries } => {
            let files = tries.iter().flat_map(|command| &command.args).map(|arg| arg.to_text());
            files.filter(|arg| arg.starts_with('/')).for_each(|path| flow.say(format!("{path}: removed")));
        }
        _ => {}
    }
}
