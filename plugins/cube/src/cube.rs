//! One cube: its folder and what the runtime knows of it.

use crate::parse::survey::{Folder, Record, State, Survey};

/// A cube, or a container that is none.
#[derive(Clone, Copy, Debug)]
pub struct Cube<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its folder; a container without is not ours.
    pub folder: Option<&'a Folder>,
    /// What the runtime knows.
    pub record: Option<&'a Record>,
}

/// The network of the cubes.
const NETWORK: &str = "192.168.42.";

impl<'a> Cube<'a> {
    /// The cube of this name, or else the container. None when neither folder nor record is there.
    pub fn named(survey: &'a Survey, name: &str) -> Option<Cube<'a>> {
        Cube::all(survey).find(|cube| cube.name == name)
    }

    /// The container of this id that is no cube. There may be a cube of that name beside it, which then does not run.
    pub fn foreign(survey: &'a Survey, name: &str) -> Option<Cube<'a>> {
        Cube::all(survey).find(|cube| cube.name == name && cube.folder.is_none())
    }

    /// All cubes, then all other containers, each by name.
    pub fn all(survey: &'a Survey) -> impl Iterator<Item = Cube<'a>> {
        let cubes = survey.cubes.iter().filter(|(_, folder)| is_cube(folder));
        let own = |name: &str| survey.records.get(name).filter(|record| record.is_of_cube());
        let cubes = cubes.map(move |(name, folder)| Cube { name, folder: Some(folder), record: own(name) });
        let ours = |name: &str, record: &Record| record.is_of_cube() && survey.cubes.get(name).is_some_and(is_cube);
        let others = survey.records.iter().filter(move |(name, record)| !ours(name, record));
        cubes.chain(others.map(|(name, record)| Cube { name, folder: None, record: Some(record) }))
    }

    /// The cubes alone.
    pub fn cubes(survey: &'a Survey) -> impl Iterator<Item = Cube<'a>> {
        Cube::all(survey).filter(|cube| cube.folder.is_some())
    }

    /// A setting of one line.
    pub fn line(&self, file: &str) -> &'a str {
        self.lines(file).next().unwrap_or("")
    }

    /// A setting of several lines; empty ones mean nothing.
    pub fn lines(&self, file: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let lines = self.folder.and_then(|folder| folder.entries.get(file)).into_iter().flatten();
        lines.map(|line| line.trim()).filter(|line| !line.is_empty())
    }

    /// Whether the folder has this entry.
    pub fn has(&self, file: &str) -> bool {
        self.folder.is_some_and(|folder| folder.entries.contains_key(file))
    }

    /// The runtime that runs it.
    pub fn manager(&self) -> &'a str {
        match self.line("cube.container.mgr") {
            "" => "runc",
            manager => manager,
        }
    }

    /// The last part of the manager: `runc`.
    pub fn kind(&self) -> &'a str {
        self.manager().rsplit('/').next().unwrap_or("runc")
    }

    /// What it is at; none when the runtime does not know it.
    pub fn state(&self) -> Option<State> {
        self.record.map(Record::state)
    }

    /// Whether it has a process.
    pub fn is_alive(&self) -> bool {
        matches!(self.state(), Some(State::Created | State::Running | State::Paused))
    }

    /// The word of the list.
    pub fn status(&self) -> &'static str {
        match (self.folder, self.state()) {
            (Some(folder), _) if folder.no_manager => "invalid",
            (_, Some(state)) => state.word(),
            (_, None) => "available",
        }
    }

    /// The words of its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.lines("cube.attributes").flat_map(|line| line.split([' ', '\t', ',']).filter(|word| !word.is_empty()))
    }

    /// Attributes as the list has them, with `dirty` where settings are newer than what was made of them.
    pub fn attribute_words(&self) -> String {
        let dirty = self.has(".cube.regen.flag").then_some("dirty");
        self.attributes().chain(dirty).collect::<Vec<_>>().join(",")
    }

    /// Whether it is tagged for this start of many.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.lines("autostart").flat_map(|line| line.split([' ', '\t', ','])).any(|word| word == tag)
    }

    /// Its addresses while it lives: those inside first, in the order they were configured in.
    pub fn addresses(&self) -> Vec<&'a str> {
        let Some(record) = self.record.filter(|record| self.is_alive() && !record.shares_network) else {
            return Vec::new();
        };
        let mut all: Vec<&str> = record.addresses.iter().map(String::as_str).collect();
        let wanted: Vec<&str> = self
            .lines("cube.network.ip")
            .flat_map(str::split_ascii_whitespace)
            .filter_map(|ip| ip.split('/').next())
            .collect();
        let place = |address: &&str| wanted.iter().position(|ip| ip == address).unwrap_or(wanted.len());
        all.sort_by_key(|address| (!address.starts_with(NETWORK), place(address)));
        all
    }
}

/// OverC's test: a folder with a manager. A bundle that was never a cube but could be one counts as well once it has settings.
fn is_cube(folder: &Folder) -> bool {
    folder
        .entries
        .keys()
        .any(|entry| entry == "cube.container.mgr" || entry == "cube.app" || entry == "cube.attributes")
}

/// Words as a shell would split them: blanks part them, quotes and backslashes keep them together.
pub fn words(text: &str) -> Vec<String> {
    let (mut all, mut word, mut open) = (Vec::new(), String::new(), false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => {
                if open {
                    all.push(std::mem::take(&mut word));
                }
                open = false;
                continue;
            }
            '\'' => word.extend(chars.by_ref().take_while(|&c| c != '\'')),
            '"' => {
                while let Some(c) = chars.next().filter(|&c| c != '"') {
                    match c {
                        '\\' => match chars.next() {
                            Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                            Some(c) => word.extend(['\\', c]),
                            None => word.push('\\'),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.extend(chars.next()),
            c => word.push(c),
        }
        open = true;
    }
    if open {
        all.push(word);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let check = |text: &str, want: &[&str]| assert_eq!(words(text), want, "{text}");
        check("/sbin/init", &["/sbin/init"]);
        check("  a\tb  c ", &["a", "b", "c"]);
        check("sh -c 'trap x TERM; sleep 9'", &["sh", "-c", "trap x TERM; sleep 9"]);
        check(r#"a "b \"c\" $d \x" e\ f"#, &["a", r#"b "c" $d \x"#, "e f"]);
        check("'' a''b", &["", "ab"]);
        check("'open", &["open"]);
    }
}
