//! ctys-createConfVM as text: what it wants, what it plans, what follows. One file per case in `plans/`.

mod world;

use ctys_plugin::model::*;
use ctys_plugin::newvm;
use world::*;

fn make(words: &[&str]) -> Action {
    let words = words.iter().map(|word| Bytes::from(*word)).collect();
    Action::Tool(ToolCall { tool: newvm::TOOL.into(), words, ..ToolCall::default() })
}

#[test]
fn plans_of_new_machines() {
    let there = ["make the folder", "lock the folder", "see that nothing is there", "make the disk"];
    let made = || there.into_iter().chain(["write the configuration"]).map(|step| (step, ok()));
    check(
        "new",
        vec![
            case("new-hvm", make(&["label=tst200"]), lab00()).then(made()),
            case("new-kernel", make(&["label=tst200", "kernel=/boot/k", "initrd=/boot/i", "append=a b"]), lab00()),
            case("new-pv", make(&["label=tst200", "kernel=/boot/k", "guest=pv", "image=no", "bridge=br0"]), lab00()),
            case("new-pv-without-kernel", make(&["label=tst200", "guest=pv"]), lab00()),
            case("new-label-taken", make(&["label=tst100"]), lab00()),
            case("new-comma-in-the-path", make(&["label=tst200", "directory=/srv/a,b"]), lab00()),
            case("new-option-of-qemu", make(&["label=tst200", "accelerator=kvm"]), lab00()),
        ],
    );
}
