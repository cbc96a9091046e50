//! Machines that ctys-createConfVM makes: the real qemu-img makes their disks, and they boot.

use crate::host::{Image, Lab, image};
use std::fs;
use std::process::Command;

/// The value of a magic comment.
fn magic(text: &str, key: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(&format!("#@#{key} ")));
    let value = line.and_then(|line| line.split('"').nth(1));
    value.unwrap_or_else(|| panic!("no {key} in {text}")).to_string()
}

#[test]
fn a_machine_is_made_started_listed_and_ended() {
    let lab = Lab::start(&["lab00"]);
    let Image { kernel, initrd } = image();
    let (kernel, initrd) = (format!("--kernel={}", kernel.display()), format!("--initrd={}", initrd.display()));
    let words = [
        "--label=tst200",
        "--size=64M",
        "--memory=128",
        "--accelerator=tcg",
        &kernel,
        &initrd,
        "--append=console=ttyS0 quiet no_timer_check",
        "lab00",
    ];
    let folder = lab.home("lab00").join("qemu/tst200");
    let plan = lab.tool("createConfVM", &[&["--plan"], &words[..]].concat()).ok();
    assert!(plan.contains("qemu-img create -q -f qcow2") && plan.contains("tst200.ctys"), "{plan}");
    assert!(!folder.exists(), "a plan made something");

    let said = lab.tool("createConfVM", &words).ok();
    let config = folder.join("tst200.ctys");
    assert!(said.contains(&config.display().to_string()), "{said}");
    let text = fs::read_to_string(&config).unwrap();
    let (uuid, mac) = (magic(&text, "UUID"), magic(&text, "MAC0"));
    assert!(uuid.len() == 36 && &uuid[14..15] == "4" && mac.starts_with("52:54:00:"), "{text}");
    assert!(said.contains(&uuid) && said.contains(&mac.to_lowercase()), "{said}");
    let disk = folder.join("tst200.qcow2");
    let info = Command::new("qemu-img").args(["info", "--output=json"]).arg(&disk).output();
    let info = info.expect("qemu-img (Debian: qemu-utils)");
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap();
    assert_eq!((info["format"].as_str(), info["virtual-size"].as_u64()), (Some("qcow2"), Some(64 << 20)), "{info}");

    // It is found as any machine is, boots, and has what its configuration says.
    lab.ctys(&["-a", "create=l:tst200,CONSOLE:none", "lab00"]).ok();
    let machine = lab.machine(&uuid);
    machine.wait_for("the guest is up", 1);
    let rows = lab.list("lab00");
    assert_eq!(rows.len(), 1, "{rows:?}");
    for (key, want) in [
        ("label", "tst200"),
        ("uuid", &uuid.replace('-', "")),
        ("mac", &mac),
        ("id", &config.display().to_string()),
        ("accelerator", "TCG"),
        ("owner", "ctys"),
    ] {
        assert_eq!(rows[0][key], want, "{key}");
    }
    let blocks = machine.ask("query-block").unwrap().to_string();
    assert!(blocks.contains("tst200.qcow2"), "{blocks}");

    // A second one of the name is refused while it runs and afterwards, and nothing of the first is touched.
    let size = fs::metadata(&disk).unwrap().len();
    let refused = || {
        let (_, stderr) = lab.tool("createConfVM", &words).ends(5);
        assert!(stderr.contains("has the label tst200 already"), "{stderr}");
        assert_eq!((fs::read_to_string(&config).unwrap(), fs::metadata(&disk).unwrap().len()), (text.clone(), size));
    };
    refused();
    assert_eq!(lab.ctys(&["-a", "cancel=l:tst200,POWEROFF:60", "lab00"]).ok(), "tst200: shut down\n");
    assert_eq!(machine.status(), "gone");
    refused();
}

#[test]
fn what_is_there_is_not_written_over_and_kvm_is_taken_where_it_can_be_used() {
    let lab = Lab::start(&["lab00"]);
    // A disk without a configuration: what is left of a call that was killed, or somebody's only copy.
    lab.file("lab00", "qemu/tst201/tst201.qcow2", "precious");
    let (_, stderr) = lab.tool("createConfVM", &["--label=tst201", "lab00"]).ends(5);
    assert!(stderr.contains("tst201.qcow2 is there already"), "{stderr}");
    let folder = lab.home("lab00").join("qemu/tst201");
    assert_eq!(fs::read_to_string(folder.join("tst201.qcow2")).unwrap(), "precious");
    assert!(!folder.join("tst201.ctys").exists());

    let two = ["tst202", "tst203"].map(|label| {
        lab.tool("createConfVM", &[&format!("--label={label}"), "--no-create-image", "lab00"]).ok();
        fs::read_to_string(lab.home("lab00").join(format!("qemu/{label}/{label}.ctys"))).unwrap()
    });
    assert_ne!(magic(&two[0], "UUID"), magic(&two[1], "UUID"));
    assert_ne!(magic(&two[0], "MAC0"), magic(&two[1], "MAC0"));
    let usable = fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok();
    let wanted = if usable { ("KVM", "-accel 'kvm'") } else { ("TCG", "-accel 'tcg'") };
    assert_eq!(magic(&two[0], "INST_ACCELERATOR"), wanted.0);
    assert!(two[0].lines().any(|line| line == wanted.1), "{}", two[0]);
}
