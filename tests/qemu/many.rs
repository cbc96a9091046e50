//! Fifty machines on one host, and some that behave badly: what a listing costs, and whom a bad one costs something.

use crate::host::{Lab, crowd};
use serde_json::Value;

/// What listens at a QMP socket of ours and is none: a script for perl, as a process that looks like a QEMU.
fn impostor(lab: &Lab, key: &str, name: &str, behaves: &str) {
    let folder = lab.runs().join(key).display().to_string();
    let script = format!(
        "use Socket; $| = 1; $SIG{{PIPE}} = 'IGNORE'; mkdir \"{folder}\"; socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un(\"{folder}/qmp\")); \
         listen(S, 5); while (accept(C, S)) {{ {behaves} }}"
    );
    lab.file("lab00", &format!("{name}.pl"), &script);
    // The name and the arguments of a QEMU, on a program that is none.
    lab.ssh(
        "lab00",
        &format!(
            "cat >{name}.sh <<'END'\nexec -a qemu-system-x86_64 perl -e 'do \"./{name}.pl\"' -- -name {name} -M none \
             -qmp unix:{folder}/qmp,server=on,wait=off\nEND\nmkdir -p {folder}\n\
             setsid bash {name}.sh >/dev/null 2>&1 </dev/null &\nuntil [ -S {folder}/qmp ]; do sleep 0.05; done"
        ),
    );
}

#[test]
fn fifty_machines_are_one_round_trip() {
    let lab = Lab::start(&["lab00"]);
    crowd(&lab, 50);
    let file = lab.home("lab00").join("transcript");
    let record = file.to_str().unwrap();
    for action in ["list", "list=json", "list=macro:TAB_CPORT"] {
        let _ = std::fs::remove_file(&file);
        let said = lab.ctys(&["--record", record, "-a", action, "lab00"]).ok();
        assert_eq!(said.matches("crowd").count(), 50, "{action}: {said}");
        let rounds = std::fs::read_to_string(&file).unwrap();
        assert_eq!(rounds.lines().count(), 1, "{action}");
    }
    assert!(lab.list("lab00").iter().all(|row| row["state"] == "running"));
    assert_eq!(lab.ctys(&["-a", "cancel=ALL,POWEROFF:0", "lab00"]).ok().matches(": ended").count(), 50);
    assert_eq!(lab.list("lab00"), Vec::<Value>::new());
}

#[test]
fn a_socket_that_hangs_lies_or_shouts_costs_its_own_cell() {
    let lab = Lab::start(&["lab00"]);
    crowd(&lab, 3);
    let greeting = "syswrite(C, qq({\\\"QMP\\\": {\\\"version\\\": {\\\"qemu\\\": {\\\"micro\\\": 1, \\\"minor\\\": 1, \\\"major\\\": 9}}}}\\n));";
    impostor(&lab, &"a".repeat(32), "hangs", "sleep 1000;");
    let lies = "{\\\"return\\\": {\\\"status\\\": \\\"\\e[2Jrunning\\\"}, \\\"id\\\": \\\"query-status\\\"}";
    impostor(&lab, &"b".repeat(32), "lies", &format!("{greeting} syswrite(C, qq({lies}\\n) x 7); sleep 1;"));
    impostor(&lab, &"c".repeat(32), "shouts", "syswrite(C, 'x' x 1000000) for 1 .. 3; sleep 1;");
    let (json, _) = lab.ctys(&["-a", "list=json", "lab00"]).ends(0);
    assert!(!json.contains('\x1b'));
    let json: Value = serde_json::from_str(&json).unwrap();
    let rows = json["records"].as_array().unwrap();
    let of =
        |label: &str| rows.iter().find(|row| row["label"] == label).unwrap_or_else(|| panic!("no {label}: {json}"));
    for n in 1..=3 {
        assert_eq!(of(&format!("crowd{n}"))["state"], "running");
    }
    for (label, why) in [("hangs", "did not answer"), ("lies", "not understood"), ("shouts", "more than an answer")] {
        let row = of(label);
        assert!(row["state"].is_null(), "{row}");
        assert!(row["missing"]["state"]["detail"].as_str().unwrap_or_default().contains(why), "{row}");
        assert_eq!(row["owner"], "ctys");
    }
}
