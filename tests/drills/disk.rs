//! Disks that are full: where ctys keeps its files, and where its output goes.

use crate::scene::{Call, Ended, Scene, files_below};
use std::fs::File;
use std::process::Command;

/// The call with a full disk in the place of a folder of the caller's. The disk is a small one of memory that ends with
/// the call; `shown` is run there afterwards.
fn on_full_disk(scene: &Scene, folder: &str, words: &[&str], shown: &str) -> Ended {
    let place = scene.bed.path("caller").join(folder);
    std::fs::create_dir_all(&place).unwrap();
    let call = scene.command(words);
    let script = format!(
        "mount -t tmpfs -o size=16k none \"$1\" && cat /dev/zero >\"$1/filler\" 2>/dev/null\n\
         cd \"$1\" && shift && \"$@\"; code=$?\n{shown}\nexit $code"
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script, "sh"]).arg(&place);
    command.arg(call.get_program()).args(call.get_args());
    command.env_clear().envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ended = Call::start(command).end();
    std::fs::remove_dir(place).unwrap();
    ended
}

#[test]
fn output_that_finds_no_room_is_a_failure_and_not_a_short_table() {
    let scene = Scene::start(1);
    for words in [&["-a", "list", "lab000"][..], &["-a", "info", "lab000"], &["-H", "list"], &["--version"]] {
        let mut command = scene.command(words);
        let call = command.stdin(std::process::Stdio::null()).stdout(File::create("/dev/full").unwrap());
        let output = call.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        assert!(stderr.contains("No space left on device"), "{words:?}: {stderr}");
    }
    scene.nothing_left();
}

#[test]
fn a_transcript_that_finds_no_room_says_so_and_the_rows_are_shown_all_the_same() {
    let scene = Scene::start(1);
    let words = ["--record", "log", "-t", "pm", "-a", "list=terse,tab_gen:1_PM_40%%6_MAC_17", "lab000"];
    let ended = on_full_disk(&scene, "full", &words, "ls -l log | { read mode rest; echo \"$mode\"; }");
    let rows = ended.told(2, &[("lab000", "here: the transcript could not be written: ")]);
    assert_eq!(rows, "lab000\n-rw-------\n", "what there is of it is private");
    scene.nothing_left();
    // With room it is written.
    let file = scene.bed.path("caller/log");
    let words =
        ["--record", file.to_str().unwrap(), "-t", "pm", "-a", "list=terse,tab_gen:1_PM_40%%6_MAC_17", "lab000"];
    assert_eq!(scene.ctys(&words).told(0, &[]), "lab000\n");
    assert_eq!(files_below(&scene.bed.path("caller")), std::slice::from_ref(&file));
    std::fs::remove_file(file).unwrap();
    scene.nothing_left();
}

#[test]
fn a_call_for_the_background_that_finds_no_room_is_not_begun() {
    let scene = Scene::start(1);
    let words = ["-b", "async", "-t", "pm", "-a", "list", "lab000"];
    // No inode is left either: the file that takes the output cannot be made.
    let state = ".local/state/ctys";
    let ended = on_full_disk(&scene, state, &words, "ls -A");
    assert_ne!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("No space left on device"), "{ended:?}");
    assert!(!scene.bed.log().contains("Accepted"), "nobody was asked anything: {}", scene.bed.log());
    let _ = std::fs::remove_dir_all(scene.bed.path("caller/.local"));
    scene.nothing_left();
}
