//! Virtual terminals of a cube (overc.md 2): on each runs a getty of the cube. An init starts its own, as [`super::prep`] has told
//! it; for any other program one is started beside it, and again whenever somebody has logged out.

use super::{DETACHED, prep};
use crate::config;
use crate::cube::Cube;
use crate::flow::{Flow, Stop, answer};
use crate::parse::survey::Survey;
use ctys_plugin::model::{Command, Step};

/// Which virtual terminal is switched to when the machine comes up.
pub const ACTIVE: &str = ".cube.vt.active";

/// Whether there is a getty at all, seen from outside; the words of [`DETACHED`] follow. `$1` the cube's folder.
const LOOK: &str = "f=; for g in sbin/getty bin/getty usr/sbin/getty usr/bin/getty sbin/agetty usr/sbin/agetty; do \
    if [ -e \"$1/rootfs/$g\" ] || [ -L \"$1/rootfs/$g\" ]; then f=1; fi; done; \
    [ -n \"$f\" ] || { echo 'it has no getty for its virtual terminals' >&2; exit 1; }; ";

/// Inside: `$1` not empty for an init; then numbers. What an init was told of it does itself.
const GETTY: &str = "i=$1; shift; g=$(command -v getty || command -v agetty) || exit 1\n\
    for n; do\n\
    if [ -n \"$i\" ] && { [ -L \"/etc/systemd/system/getty.target.wants/getty@tty$n.service\" ] || \
    grep -qs \"^[^#]*getty.* tty$n \" /etc/inittab; }; then continue; fi\n\
    ( while [ -c \"/dev/tty$n\" ]; do setsid \"$g\" 38400 \"tty$n\" linux; sleep 1; done ) &\n\
    done; wait";

/// Which other cube a virtual terminal belongs to.
pub fn owner<'a>(all: &'a Survey, number: u8, name: &str) -> Option<&'a str> {
    let has = |cube: &Cube<'_>| cube.lines(".cube.device.vt").any(|line| config::vt(line) == Ok(number));
    Cube::cubes(all).filter(|cube| cube.name != name).find(has).map(|cube| cube.name)
}

/// The step behind the start of the program, where there is a virtual terminal.
pub fn step(flow: &Flow<'_>, cube: &Cube<'_>) -> Option<Step> {
    let vts = config::vts(cube).ok().filter(|vts| !vts.is_empty())?;
    let init = if prep::is_init(cube) { "init" } else { "" };
    let words = ["exec", "--detach", cube.name, "/bin/sh", "-c", GETTY, "sh", init];
    let Command { program, args, limit_ms, .. } = flow.places.runtime(cube.manager(), words);
    let script = format!("{LOOK}{DETACHED}");
    let command = Command::new("sh").args(["-c", &script, "sh", &flow.places.cube(cube.name), &program]).args(args);
    let command = command.args(vts.iter().map(u8::to_string));
    Some(Step::run("vt", command.as_root().changes().limit_ms(limit_ms)).go_on())
}

/// Tells why there is none. The cube runs all the same.
pub fn tell(flow: &mut Flow<'_>, cube: &Cube<'_>, told: &ctys_plugin::model::Answer) {
    for line in super::complaints(told) {
        flow.complain(format!("[WARNING]: container {}: no getty was started: {line}", cube.name));
    }
}

/// Behind the start of all that are tagged, which is what a machine does when it comes up: the screen goes to the virtual terminal
/// that is marked.
pub fn activate(flow: &mut Flow<'_>, all: &Survey, started: &[String]) -> Result<(), Stop> {
    let marked = Cube::cubes(all).filter(|cube| started.iter().any(|name| name == cube.name));
    let Some(number) = marked.filter_map(|cube| cube.line(ACTIVE).parse::<u8>().ok()).next() else { return Ok(()) };
    let script = "chvt \"$1\" 2>/dev/null || busybox chvt \"$1\"";
    let command = Command::new("sh").args(["-c", script, "sh", &number.to_string()]);
    let round = flow.run(vec![Step::run("chvt", command.as_root().changes().limit_ms(5000))])?;
    if answer(round, "chvt").ok_output().is_none() {
        let why = crate::flow::said(answer(round, "chvt"), "chvt");
        flow.complain(format!("[WARNING]: the screen was not switched to /dev/tty{number}: {why}"));
    }
    Ok(())
}
