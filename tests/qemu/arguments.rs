//! Command lines longer than any screen.

use crate::host::Lab;

#[test]
fn what_stands_behind_thousands_of_characters_is_read() {
    let lab = Lab::start(&["lab00"]);
    let uuid = "11111111-2222-4333-8444-000000000030";
    // Four items of a thousand characters each, and what LIST wants to know behind them.
    lab.ssh(
        "lab00",
        &format!(
            "long=$(printf %01000d 0)\n\
             qemu-system-x86_64 -M pc -accel tcg -m 16 -S -nodefaults -display none -daemonize \
             -fw_cfg name=opt/a,string=$long -fw_cfg name=opt/b,string=$long -fw_cfg name=opt/c,string=$long \
             -fw_cfg name=opt/d,string=$long -nic user,mac=52:54:00:00:00:30 -uuid {uuid} -name long"
        ),
    );
    let rows = lab.list("lab00");
    assert_eq!(rows.len(), 1, "{rows:?}");
    let of = |key: &str| rows[0][key].as_str().unwrap_or_default().to_string();
    assert_eq!([of("label"), of("uuid"), of("mac")], ["long", &uuid.replace('-', ""), "52:54:00:00:00:30"]);
}
