//! A serial line in windows: a real QEMU with a kernel, on a host reached by ssh.

use crate::host::{Lab, Machine};
use crate::screen::Screen;

const UUID: &str = "6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2";

fn open(lab: &Lab, screen: &Screen, action: &str, more: &[&str]) -> String {
    let action = format!("create=l:tst100,{action}");
    let words = [&["-a", &action, "-D", &screen.display][..], more, &["lab00"]].concat();
    lab.ctys(&words).ends(0);
    screen.window("tst100")
}

/// Asks the machine by the window, and reads its own log for the answer: the n-th time that this is computed.
#[track_caller]
fn answers(screen: &Screen, machine: &Machine, window: &str, n: usize) {
    let (before, product) = (machine.log().matches("7006652").count(), 1234 * 5678);
    screen.line(window, "echo $((1234 * 5678))");
    machine.wait_for(&product.to_string(), before + 1);
    assert_eq!(machine.log().matches("7006652").count(), n, "{}", machine.log());
}

#[test]
fn a_serial_line_is_talked_with_in_every_kind_of_window_and_outlives_them_all() {
    let (lab, screen) = (Lab::start(&["lab00"]), Screen::start());
    let machine = lab.configure("lab00", "tst100", UUID, "");
    let there = [].as_slice();
    let ctys = |action: &str| lab.ctys(&["-a", action, "-D", &screen.display, "lab00"]).ends(0);
    ctys("create=l:tst100,CONSOLE:none");
    machine.wait_for("the guest is up", 1);
    assert_eq!(screen.windows(".+"), [""; 0], "CONSOLE:NONE opened a window");
    let kinds = [
        ("xterm", there),
        ("gterm", there),
        ("emacs", there),
        ("emacsa", there),
        // The same with the program of the window here.
        ("xterm", &["-L", "CO"]),
    ];
    for (n, (kind, more)) in kinds.into_iter().enumerate() {
        let window = open(&lab, &screen, &format!("CONSOLE:{kind},connect"), more);
        answers(&screen, &machine, &window, n + 1);
        if kind == "xterm" {
            // The key of the banner.
            screen.keys(&window, &["ctrl+bracketright"]);
        } else {
            screen.close(&window);
        }
        screen.wait_until_gone("tst100");
        assert_eq!(machine.status(), "running", "{kind}");
    }
    // And as in the seed: started with its window.
    ctys("cancel=l:tst100,force,poweroff:0");
    let window = open(&lab, &screen, "CONSOLE:xterm", &[]);
    machine.wait_for("the guest is up", 1);
    answers(&screen, &machine, &window, 1);
}
