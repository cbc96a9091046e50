//! `cube-cfg show` (overc.md 3.5): what is set, in sections; the table of settings is sorted.

use super::table;
use crate::cube::Cube;
use crate::settings::SETTINGS;

/// The lines.
pub fn lines(cube: &Cube<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !all.is_empty() {
            all.push(String::new());
        }
        all.extend([format!("{title}:"), "-".repeat(title.len() + 1)]);
        all.extend(lines);
    };
    let of = |label: &'static str, file: &'static str| cube.lines(file).map(move |line| format!("{label}: {line}"));
    section("mounts", of("mount", ".cube.mount").chain(of("mount (bind)", ".cube.mount.bind")).collect());
    let devices = of("device", ".cube.dev.whitelist")
        .chain(of("network device", ".cube.device.network"))
        .chain(of("network device", ".cube.device.network-overlay"))
        .chain(of("VT device", ".cube.device.vt"));
    section("devices", devices.collect());
    let hooks = of("hook (pre start) ", ".cube.hooks.prestart")
        .chain(of("hook (post start) ", ".cube.hooks.poststart"))
        .chain(of("hook (post stop)", ".cube.hooks.poststop"));
    section("hooks", hooks.collect());
    section("attributes", vec![cube.attribute_words()]);
    section("network rules", cube.lines("cube.network.stack").map(str::to_string).collect());
    for setting in SETTINGS.iter().filter(|setting| setting.many) {
        section(setting.key, cube.lines(setting.file).map(str::to_string).collect());
    }
    let mut rows = vec![vec!["option".to_string(), "setting".into()], vec!["------".into(), "-------".into()]];
    for setting in SETTINGS.iter().filter(|setting| !setting.many) {
        let value = cube.lines(setting.file).collect::<Vec<_>>().join(" ");
        rows.push(vec![setting.key.into(), if value.is_empty() { "not set".into() } else { value }]);
    }
    all.push(String::new());
    all.extend(table::lines(&rows));
    all
}
