//! Windows: each kind comes up, bears the label, and what is typed into it reaches the machine.

use crate::bed::Bed;
use crate::screen::Screen;
use crate::{ctys, ends, note, wait_for_text};

fn open(bed: &Bed, screen: &Screen, kind: &str, more: &[&str]) -> String {
    let action = format!("create=connect,console:{kind}");
    let words = [&["-t", "pm", "-a", &action][..], more, &["lab000"]].concat();
    let (stdout, stderr) = ends(ctys(bed, &words).env("DISPLAY", &screen.display).output().unwrap(), 0);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""), "{kind}");
    screen.window("lab000")
}

#[test]
fn every_kind_of_window_bears_the_label_and_reaches_the_machine() {
    let (bed, screen) = (Bed::start(1), Screen::start());
    let there = [].as_slice();
    for (kind, more) in [
        ("xterm", there),
        ("gterm", there),
        ("emacs", there),
        ("emacsm", there),
        ("emacsa", there),
        ("emacsam", there),
        // The same with the program of the window here.
        ("xterm", &["-L", "CO"]),
        ("gterm", &["-L", "CO"]),
        ("emacs", &["-L", "CO"]),
        ("emacsam", &["-L", "CO"]),
    ] {
        let window = open(&bed, &screen, kind, more);
        let name = format!("{kind}{}", more.len());
        // The forwarded display is that of the host; a window here knows ours.
        screen.line(&window, &format!("echo $((6*7)) $SSH_CONNECTION >{name}"));
        let said = wait_for_text(&note(&bed, &name));
        assert!(said.starts_with("42 127."), "{name}: {said}");
        screen.close(&window);
        screen.wait_until_gone("lab000");
    }
}

#[test]
fn the_geometry_is_that_of_the_call() {
    let (bed, screen) = (Bed::start(1), Screen::start());
    for kind in ["xterm", "gterm"] {
        let window = open(&bed, &screen, kind, &["-g", "63x17+40+30:A30"]);
        screen.line(&window, &format!("stty size >{kind}"));
        assert_eq!(wait_for_text(&note(&bed, kind)), "17 63\n", "{kind}");
        screen.close(&window);
        screen.wait_until_gone("lab000");
    }
}

#[test]
fn emacs_names_its_buffers_by_the_label_and_shows_the_guest_above_the_host() {
    let (bed, screen) = (Bed::start(1), Screen::start());
    let (upper, lower) =
        ("(buffer-name)", "(with-selected-window (next-window) (list (buffer-name) (>= (nth 1 (window-edges)) 5)))");
    for (kind, lisp, expected) in [
        ("emacs", format!("(list {upper} major-mode (length (window-list)))"), "(\"lab000\" shell-mode 1)"),
        ("emacsm", format!("(list {upper} (length (window-list)) {lower})"), "(\"lab000\" 2 (\"lab000<2>\" t))"),
    ] {
        let window = open(&bed, &screen, kind, &[]);
        let file = note(&bed, kind);
        screen.keys(&window, &["alt+colon"]);
        screen.line(&window, &format!("(write-region (format \"%S\\n\" {lisp}) nil \"{}\")", file.display()));
        assert_eq!(wait_for_text(&file).trim(), expected, "{kind}");
        screen.close(&window);
        screen.wait_until_gone("lab000");
    }
}

#[test]
fn a_guest_cannot_rename_its_xterm_and_a_failed_console_stays_readable() {
    let (bed, screen) = (Bed::start(1), Screen::start());
    let window = open(&bed, &screen, "xterm", &[]);
    screen.line(&window, "printf '\\033]0;another machine\\007'; echo done >renamed");
    wait_for_text(&note(&bed, "renamed"));
    assert_eq!(screen.windows("lab000"), std::slice::from_ref(&window));
    screen.line(&window, "exit 3");
    screen.line(&window, "");
    screen.wait_until_gone("lab000");
}

#[test]
fn a_host_that_forwards_no_display_is_told_from_one_without_the_program() {
    let (bed, screen) = (Bed::start_with(1, "X11Forwarding no\n"), Screen::start());
    let mut command = ctys(&bed, &["-t", "pm", "-a", "create=connect,console:xterm", "lab000"]);
    let (_, stderr) = ends(command.env("DISPLAY", &screen.display).output().unwrap(), 5);
    assert!(stderr.contains("sshd forwards no display"), "{stderr}");
    assert!(stderr.contains("-L CO"), "{stderr}");
    let mut refused = ctys(&bed, &["-t", "pm", "-a", "create=connect,console:xterm", "lab000"]);
    let (_, stderr) = ends(refused.env("DISPLAY", ":4711").args(["-L", "CO"]).output().unwrap(), 2);
    assert!(stderr.contains("saying: xterm: Xt error: Can't open display"), "{stderr}");
}
