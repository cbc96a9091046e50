//! A machine from its start to its end, in every way it can go.

use crate::host::{Lab, until};

const ONE: &str = "11111111-2222-4333-8444-000000000001";
const TWO: &str = "11111111-2222-4333-8444-000000000002";

#[test]
fn a_machine_is_started_listed_paused_and_goes_on() {
    let lab = Lab::start(&["lab00"]);
    let machine = lab.configure("lab00", "tst100", ONE, "");
    assert_eq!(lab.list("lab00"), Vec::<serde_json::Value>::new());
    let said = lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00"]).ok();
    assert!(said.contains("tst100 started as process"), "{said}");
    machine.wait_for("the guest is up", 1);
    assert_eq!(machine.status(), "running");

    let rows = lab.list("lab00");
    assert_eq!(rows.len(), 1, "{rows:?}");
    let of = |key: &str| rows[0][key].as_str().unwrap_or_default().to_string();
    let config = lab.home("lab00").join("vm/tst100/tst100.ctys").display().to_string();
    for (key, want) in [
        ("label", "tst100"),
        ("uuid", &ONE.replace('-', "")),
        ("id", &config),
        ("mac", "52:54:00:00:00:01"),
        ("state", "running"),
        ("owner", "ctys"),
        ("accelerator", "TCG"),
        ("arch", "x86_64"),
        ("user", "root"),
    ] {
        assert_eq!(of(key), want, "{key}");
    }

    // It survives the call that started it, and a second start is refused.
    let (_, stderr) = lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00"]).ends(5);
    assert!(stderr.contains("tst100 runs already as process"), "{stderr}");

    assert_eq!(lab.ctys(&["-a", "cancel=l:tst100,PAUSE", "lab00"]).ok(), "tst100: paused\n");
    assert_eq!(machine.status(), "paused");
    assert_eq!(lab.list("lab00")[0]["state"], "paused");
    assert_eq!(lab.ctys(&["-a", "cancel=l:tst100,PAUSE", "lab00"]).ok(), "tst100 is paused already\n");
    lab.ctys(&["-a", &format!("create=u:{ONE},RESUME,CONSOLE:none"), "lab00"]).ok();
    assert_eq!(machine.status(), "running");

    // The test sees the second boot in the log: RESET does not ask the guest.
    assert_eq!(lab.ctys(&["-a", "cancel=m:52:54:00:00:00:01,RESET", "lab00"]).ok(), "tst100: reset\n");
    machine.wait_for("the guest is up", 2);
    assert_eq!(machine.status(), "running");

    assert_eq!(lab.ctys(&["-a", "cancel=l:tst100,REBOOT,TIMEOUT:300", "lab00"]).ok(), "tst100: rebooted\n");
    machine.wait_for("the guest is up", 3);

    assert_eq!(lab.ctys(&["-a", "cancel=l:tst100,POWEROFF:300", "lab00"]).ok(), "tst100: shut down\n");
    assert_eq!(machine.status(), "gone");
    assert!(machine.log().contains("Power down"), "{}", machine.log());
    assert_eq!(lab.ssh("lab00", "pgrep qemu-system || echo none"), "none\n");
}

#[test]
fn a_suspended_machine_goes_on_with_its_memory_and_its_devices() {
    let lab = Lab::start(&["lab00"]);
    let machine = lab.configure("lab00", "tst100", ONE, "");
    lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00"]).ok();
    machine.wait_for("the guest is up", 1);
    machine.type_in("remembered=$((6 * 7))");
    let before = machine.count();
    let state = machine.state.join("state");
    let said = lab.ctys(&["-a", "cancel=l:tst100,SUSPEND", "lab00"]).ok();
    assert_eq!(said, format!("tst100: saved to {}\n", state.display()));
    assert_eq!(machine.status(), "gone");
    assert_eq!(lab.ssh("lab00", "pgrep qemu-system || echo none"), "none\n");
    let said = lab.ctys(&["-a", "create=l:tst100,RESUME,CONSOLE:none", "lab00"]).ok();
    assert!(said.contains("tst100 resumed as process"), "{said}");
    assert_eq!(machine.status(), "running");
    assert!(!state.exists() && !machine.state.join("state.resuming").exists(), "a state is good once");
    assert!(machine.type_in("echo it was $remembered").contains("it was 42"));
    let after = machine.count();
    assert!(after >= before, "{before} {after}");
    // It goes on by itself, in the time of the guest.
    until("it counts on", || machine.count() > after);
    lab.ctys(&["-a", "cancel=l:tst100,POWEROFF:0", "lab00"]).ok();
    let (_, stderr) = lab.ctys(&["-a", "create=l:tst100,RESUME,CONSOLE:none", "lab00"]).ends(5);
    assert!(stderr.contains("is not there to resume it"), "{stderr}");
}

#[test]
fn a_state_that_cannot_be_read_is_told_in_qemus_words_and_kept() {
    let lab = Lab::start(&["lab00"]);
    let machine = lab.configure("lab00", "tst100", ONE, "");
    lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00"]).ok();
    machine.wait_for("the guest is up", 1);
    lab.ctys(&["-a", "cancel=l:tst100,SUSPEND", "lab00"]).ok();
    let state = machine.state.join("state");
    let whole = std::fs::read(&state).unwrap();
    std::fs::write(&state, &whole[..whole.len() / 2]).unwrap();
    let (_, stderr) = lab.ctys(&["-a", "create=l:tst100,RESUME,CONSOLE:none", "lab00"]).ends(5);
    assert!(stderr.contains("load of migration failed"), "{stderr}");
    assert!(state.exists());
    std::fs::write(&state, &whole).unwrap();
    lab.ctys(&["-a", "create=l:tst100,RESUME,CONSOLE:none", "lab00"]).ok();
    assert_eq!(machine.status(), "running");
}

#[test]
fn a_machine_that_has_halted_is_reset_and_runs() {
    let lab = Lab::start(&["lab00"]);
    let machine = lab.configure("lab00", "tst100", ONE, "");
    lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00"]).ok();
    machine.wait_for("the guest is up", 1);
    machine.ask(r#"set-action","arguments":{"shutdown":"pause"},"id":"halt"#);
    machine.ask("system_powerdown");
    until("it has halted", || machine.status() == "shutdown");
    assert_eq!(lab.ctys(&["-a", "cancel=l:tst100,RESET", "lab00"]).ok(), "tst100: reset\n");
    machine.wait_for("the guest is up", 2);
    assert_eq!(machine.status(), "running");
}

#[test]
fn a_guest_that_ignores_the_power_button_is_ended() {
    let lab = Lab::start(&["lab00"]);
    let machine = lab.configure("lab00", "tst100", ONE, "deaf");
    lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00"]).ok();
    machine.wait_for("the guest is up", 1);
    // It is asked and does not answer: nothing but POWEROFF ends it.
    let (_, stderr) = lab.ctys(&["-a", "cancel=l:tst100,INIT:0,TIMEOUT:1", "lab00"]).ends(3);
    assert!(stderr.contains("tst100 did not go down in 1 s"), "{stderr}");
    let (_, stderr) = lab.ctys(&["-a", "cancel=l:tst100,REBOOT,TIMEOUT:1", "lab00"]).ends(3);
    assert!(stderr.contains("RESET does not ask the guest"), "{stderr}");
    assert_eq!(machine.status(), "running");
    assert_eq!(lab.ctys(&["-a", "cancel=l:tst100,POWEROFF:1", "lab00"]).ok(), "tst100: ended\n");
    assert_eq!(machine.status(), "gone");
    assert!(!machine.log().contains("Power down"), "{}", machine.log());
}

#[test]
fn a_machine_that_does_not_even_quit_gets_signals() {
    let lab = Lab::start(&["lab00"]);
    lab.configure("lab00", "tst100", ONE, "");
    lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00"]).ok();
    lab.ssh("lab00", "pkill -STOP qemu-system");
    assert_eq!(lab.list("lab00")[0]["state"], "stopped");
    assert_eq!(lab.ctys(&["-a", "cancel=l:tst100,POWEROFF:0", "lab00"]).ok(), "tst100: ended\n");
    assert_eq!(lab.ssh("lab00", "pgrep qemu-system || echo none"), "none\n");
}

#[test]
fn two_machines_on_two_hosts_are_cancelled_at_once() {
    let lab = Lab::start(&["lab00", "lab01"]);
    let machines = [lab.configure("lab00", "tst100", ONE, ""), lab.configure("lab01", "tst100", TWO, "")];
    lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00", "lab01"]).ok();
    for machine in &machines {
        machine.wait_for("the guest is up", 1);
    }
    let said = lab.ctys(&["-a", "cancel=l:tst100,POWEROFF:300", "lab00", "lab01"]).ok();
    assert_eq!(said.matches("tst100: shut down").count(), 2, "{said}");
    for machine in &machines {
        assert_eq!(machine.status(), "gone");
    }
}

#[test]
fn what_keeps_a_machine_from_starting_is_told_in_qemus_words() {
    let lab = Lab::start(&["lab00"]);
    let head = "#@#MAGICID-QEMU\n#@#LABEL = \"tst100\"\n";
    for (body, words) in [
        ("-M nonsense\n", "unsupported machine type"),
        ("-M none -drive file=/nonexistent.qcow2\n", "Could not open '/nonexistent.qcow2'"),
        ("[machine]\n  type = \"none\"\n[nonsense]\n  a = \"b\"\n", "nonsense"),
        ("qemu-system-nonsense -M none\n", "not found"),
    ] {
        lab.file("lab00", "vm/tst100/tst100.ctys", &format!("{head}{body}"));
        let (_, stderr) = lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00"]).ends(5);
        assert!(stderr.contains("the start of tst100 ended with status") && stderr.contains(words), "{body}{stderr}");
    }
    lab.file("lab00", "vm/tst100/tst100.ctys", "#!/bin/sh\n#@#MAGICID-QEMU\n#@#LABEL = \"tst100\"\nexec true\n");
    lab.ssh("lab00", "chmod 755 vm/tst100/tst100.ctys");
    let (_, stderr) = lab.ctys(&["-a", "create=l:tst100,CONSOLE:none", "lab00"]).ends(5);
    assert!(stderr.contains("passes its arguments on"), "{stderr}");
}

#[test]
fn each_kind_of_configuration_starts_its_machine() {
    let lab = Lab::start(&["lab00"]);
    lab.file("lab00", "vm/args/args.ctys", "#@#MAGICID-QEMU\n#@#LABEL=args\nqemu-system-x86_64 -M none -nographic\n");
    lab.file("lab00", "vm/conf/conf.conf", "#@#MAGICID-QEMU\n#@#LABEL=conf\n[machine]\n  type = \"none\"\n");
    let script = "#!/bin/sh\n#@#MAGICID-QEMU\n#@#LABEL=script\nexec qemu-system-x86_64 -M none \"$@\"\n";
    lab.file("lab00", "vm/script/script.ctys", script);
    lab.file("lab00", "vm/start/start.ctys", "#@#MAGICID-QEMU\n#@#LABEL=start\n#@#STARTERCALL=start.sh\n");
    lab.file("lab00", "vm/start/start.sh", script);
    lab.ssh("lab00", "chmod 755 vm/script/script.ctys vm/start/start.sh");
    for label in ["args", "conf", "script", "start"] {
        lab.ctys(&["-a", &format!("create=f:vm/{label}/,CONSOLE:none"), "lab00"]).ok();
    }
    let mut labels: Vec<String> =
        lab.list("lab00").iter().map(|row| format!("{} {} {}", row["label"], row["state"], row["id"])).collect();
    labels.sort();
    let home = lab.home("lab00").display().to_string();
    let want = ["args/args.ctys", "conf/conf.conf", "script/script.ctys", "start/start.ctys"];
    let name = |path: &str| path.split('/').next().unwrap().to_string();
    let want = want.map(|path| format!("\"{}\" \"running\" \"{home}/vm/{path}\"", name(path)));
    assert_eq!(labels, want);
    lab.ctys(&["-a", "cancel=ALL,POWEROFF:0", "lab00"]).ok();
    assert_eq!(lab.list("lab00"), Vec::<serde_json::Value>::new());
}

#[test]
fn each_part_of_an_address_means_the_machine() {
    let lab = Lab::start(&["lab00"]);
    let text = format!(
        "#@#MAGICID-QEMU\n#@#LABEL=tst100\n#@#UUID={ONE}\n#@#MAC0=52:54:00:00:00:01\n#@#IP0=10.11.12.13\n-M none\n"
    );
    lab.file("lab00", "vm/tst100/tst100.ctys", &text);
    let path = lab.home("lab00").join("vm/tst100/tst100.ctys").display().to_string();
    let plain = ONE.replace('-', "").to_uppercase();
    for address in [
        "f:vm/tst100/tst100.ctys",
        "f:tst100/tst",
        &format!("p:{path}"),
        &format!("i:{path}"),
        "l:tst100",
        &format!("u:{ONE}"),
        &format!("u:{plain}"),
        "m:52:54:00:00:00:01",
        "t:10.11.12.13",
        "l:tst100,t:10.11.12.13",
    ] {
        let said = lab.ctys(&["-a", &format!("create={address},CONSOLE:none,PING:OFF"), "lab00"]).ok();
        assert!(said.contains("tst100 started as process") && said.contains(&path), "{address}: {said}");
        // A hardware address is asked of what runs, which has no card here.
        let ends = if address.starts_with("m:") { "l:tst100" } else { address };
        assert_eq!(
            lab.ctys(&["-a", &format!("cancel={ends},POWEROFF:0"), "lab00"]).ok(),
            "tst100: ended\n",
            "{address}"
        );
    }
    let copy = text.replace(ONE, TWO);
    lab.file("lab00", "copies/tst100.ctys", &copy);
    let (_, stderr) = lab.ctys(&["-a", "create=l:tst100,CONSOLE:none,PING:OFF", "lab00"]).ends(11);
    assert!(stderr.contains("copies/tst100.ctys") && stderr.contains("vm/tst100/tst100.ctys"), "{stderr}");
    lab.ctys(&["-a", "create=l:tst100,b:vm,CONSOLE:none,PING:OFF", "lab00"]).ok();
    let (_, stderr) = lab.ctys(&["-a", "cancel=l:tst10,POWEROFF:0", "lab00"]).ends(5);
    assert!(stderr.contains("no running machine has the label tst10"), "{stderr}");
    assert_eq!(lab.list("lab00").len(), 1);
}

#[test]
fn a_machine_of_somebody_else_is_listed_and_left_alone() {
    let lab = Lab::start(&["lab00"]);
    lab.ssh(
        "lab00",
        "qemu-system-x86_64 -name 'by hand' -M none -display none -qmp unix:$HOME/qmp,server=on,wait=off -daemonize",
    );
    let rows = lab.list("lab00");
    assert_eq!((rows[0]["label"].as_str(), rows[0]["state"].as_str()), (Some("by hand"), Some("running")));
    assert!(rows[0]["owner"].is_null());
    let (_, stderr) = lab.ctys(&["-a", "cancel=l:by hand,POWEROFF:0", "lab00"]).ends(5);
    assert!(stderr.contains("was started by hand") && stderr.contains("FORCE"), "{stderr}");
    let (said, _) = lab.ctys(&["-a", "cancel=ALL,POWEROFF:0", "lab00"]).ends(0);
    assert!(said.contains("nothing was done"), "{said}");
    assert_eq!(lab.list("lab00").len(), 1);
    lab.ctys(&["-a", "cancel=l:by hand,FORCE,POWEROFF:0", "lab00"]).ok();
    assert_eq!(lab.list("lab00"), Vec::<serde_json::Value>::new());
}
