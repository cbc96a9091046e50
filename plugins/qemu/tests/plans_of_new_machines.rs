//! ctys-createConfVM as text: what it wants, what it plans, what follows. One file per case in `plans/`.

mod story;

use ctys_plugin::model::*;
use ctys_plugin::newvm;
use ctys_plugin::testing::{failed, output};
use story::*;

fn make(words: &[&str]) -> Action {
    let words = words.iter().map(|word| Bytes::from(*word)).collect();
    Action::Tool(ToolCall { tool: newvm::TOOL.into(), words, ..ToolCall::default() })
}

fn with_kvm() -> World {
    let emulators = "program /usr/bin/qemu-system-x86_64\nkvm crw-rw---- 1 root kvm 10, 232 /dev/kvm\nkvm usable\n";
    World { emulators: output(emulators), ..lab00() }
}

fn no_emulator() -> World {
    World { emulators: output(""), ..lab00() }
}

const FOLDER: &str = "make the folder";
const LOCK: &str = "lock the folder";
const NEW: &str = "see that nothing is there";
const DISK: &str = "make the disk";
const WRITE: &str = "write the configuration";

fn not_run() -> Answer {
    Answer::Output(Output::ended(Exit::NotRun("an earlier step failed".into())))
}

#[test]
fn plans_of_new_machines() {
    let all = ["memory=512", "vcpus=2", "size=64M", "ip=10.0.0.9", "bridge=br0", "mac=52:54:00:00:00:09"];
    check(
        "new",
        vec![
            case("new", make(&["label=tst200"]), lab00()).then([
                (FOLDER, ok()),
                (LOCK, ok()),
                (NEW, ok()),
                (DISK, ok()),
                (WRITE, ok()),
            ]),
            case("new-kvm", make(&["label=tst200"]), with_kvm()),
            case("new-tcg-by-word", make(&["label=tst200", "accelerator=tcg"]), with_kvm()),
            case("new-kvm-not-usable", make(&["label=tst200", "accelerator=kvm"]), lab00()),
            case("new-arm", make(&["label=tst200", "arch=arm"]), with_kvm()),
            case("new-arm-there", make(&["label=tst200", "arch=arm", "accelerator=kvm"]), lab00()),
            case("new-no-emulator", make(&["label=tst200"]), no_emulator()),
            case("new-everything", make(&[&["label=tst200", "directory=/srv/vm"], &all[..]].concat()), lab00()),
            case(
                "new-kernel",
                make(&["label=tst200", "image=no", "kernel=/boot/k", "append=console=ttyS0 quiet"]),
                lab00(),
            )
            .then([(FOLDER, ok()), (LOCK, ok()), (NEW, ok()), (WRITE, ok())]),
            case("new-label-taken", make(&["label=tst100"]), lab00()),
            case("new-mac-taken", make(&["label=tst200", "mac=52:54:00:00:00:01"]), lab00()),
            case("new-uuid-taken", make(&["label=tst200", "uuid=6842caf91e3e43249ed596b8b9f2c5c2"]), lab00()),
            case("new-odd-label", make(&["label=two words"]), lab00()),
            case("new-option-of-xen", make(&["label=tst200", "guest=pv"]), lab00()),
            case("new-file-there", make(&["label=tst200"]), lab00()).then([
                (FOLDER, ok()),
                (LOCK, ok()),
                (NEW, failed(17, "/home/mia/qemu/tst200/tst200.qcow2 is there already\n")),
                (DISK, not_run()),
                (WRITE, not_run()),
            ]),
            case("new-disk-fails", make(&["label=tst200"]), lab00()).then([
                (FOLDER, ok()),
                (LOCK, ok()),
                (NEW, ok()),
                (DISK, failed(1, "qemu-img: No space left on device\n")),
                (WRITE, not_run()),
            ]),
        ],
    );
}
