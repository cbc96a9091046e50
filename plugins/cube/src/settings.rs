//! The settings of a cube by their keys: which file holds them, and how many values they take (overc.md 3.4).

use crate::cube::Cube;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key, as it is typed.
    pub key: &'static str,
    /// Its file in the cube's folder.
    pub file: &'static str,
    /// Whether setting it adds to what is there.
    pub many: bool,
}

const fn one(key: &'static str, file: &'static str) -> Setting {
    Setting { key, file, many: false }
}

/// All of them, in the order of the report.
pub const SETTINGS: [Setting; 16] = [
    one("app", "cube.app"),
    one("autostart", "autostart"),
    one("depends", "depends"),
    one("cube.console.mgr", "cube.console.mgr"),
    one("cube.container.mgr", "cube.container.mgr"),
    one("cube.container.system", "cube.container.system"),
    one("cube.device.mgr", "cube.device.mgr"),
    one("cube.dir", "cube.dir"),
    one(DISCOVERY, DISCOVERY),
    Setting { key: "cube.env", file: "cube.env", many: true },
    one("cube.network.gateway", "cube.network.gateway"),
    one("cube.network.ip", "cube.network.ip"),
    one("cube.network.mac", "cube.network.mac"),
    one("cube.network.nameserver", "cube.network.nameserver"),
    one("cube.network.type", "cube.network.type"),
    one("cube.subuid", "cube.subuid"),
];

/// Whether others can find it by its name: `off`, or anything else.
pub const DISCOVERY: &str = "cube.discovery";

/// Settings are newer than `config.json`. A line in it: such as `config.json` holds are among them.
pub const DIRTY: &str = ".cube.regen.flag";

/// Settings that `config.json` knows nothing of: they hold from the next start on without a `gen`.
const OUTSIDE: [&str; 3] = ["autostart", "depends", DISCOVERY];

/// Whether `config.json` is made of this file, too.
pub fn is_made_into_config(file: &str) -> bool {
    !OUTSIDE.contains(&file) && !file.starts_with("cube.network.")
}

/// What a start with values for one start leaves: `config.json` holds them and has to be made anew.
pub const REGENERATE: &str = ".cube.runonce.regen";

/// The ending of a file whose value holds for one start.
pub const ONCE: &str = ".runonce";

/// The setting of this key.
pub fn find(key: &str) -> Option<Setting> {
    SETTINGS.into_iter().find(|setting| setting.key == key || setting.file == key)
}

/// What a file holds: its lines, without those that are empty.
pub fn lines(cube: &Cube<'_>, file: &str) -> Vec<String> {
    cube.lines(file).map(str::to_string).collect()
}

/// The text of a file with these lines; without any it is one empty line, as OverC has it.
pub fn text(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

/// The lines with one more: at the end, or at the beginning. One that is there already is not added twice.
pub fn with(mut lines: Vec<String>, line: &str, first: bool) -> Vec<String> {
    if !lines.iter().any(|old| old == line) {
        lines.insert(if first { 0 } else { lines.len() }, line.to_string());
    }
    lines
}

/// The lines without this one.
pub fn without(mut lines: Vec<String>, line: &str) -> Vec<String> {
    lines.retain(|old| old != line);
    lines
}
