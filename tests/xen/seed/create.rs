//! CREATE.

use super::Lab;
use crate::dom0::Dom0;

/// Starts tst100 with a call that opens its text console.
#[track_caller]
fn starts_with_a_console(call: &str) {
    let lab = Lab::with(&[]);
    lab.terminal().visit(call, "tst100");
    assert_eq!(lab.dom0.names(), ["tst100"], "leaving the console ended the domain");
}

#[test]
fn l028_a_console_with_its_options_spelled_out() {
    starts_with_a_console(
        "ctys  -t xen \
         -a create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:cli \
         -z 2 -b 0,2 lab00'(-Z KSU)'",
    );
}

#[test]
fn l045_a_console_with_defaults() {
    starts_with_a_console(
        "ctys -t xen \
         -a create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:cli \
         lab00'(-Z KSU)'",
    );
}

/// Starts machines with a call that opens nothing.
#[track_caller]
fn starts(call: &str, names: &[&str]) -> Lab {
    let lab = Lab::with(&[]);
    let told = lab.call(call).ok();
    assert_eq!(lab.dom0.names(), names, "{told}");
    for name in names {
        assert!(told.contains(&format!("{name} started as domain {}", lab.dom0.id(name))), "{told}");
    }
    lab
}

#[test]
fn l054_a_server_without_a_console_by_label() {
    starts("ctys -t xen -a create=l:tst100,CONSOLE:none lab00'(-Z KSU)'", &["tst100"]);
}

#[test]
fn l251_a_server_without_a_console_by_file() {
    starts(
        "ctys -t xen \
         -a create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:none \
         lab00'(-Z KSU)'",
        &["tst100"],
    );
}

/// Connects to tst100, which runs.
#[track_caller]
fn connects(address: &str) {
    let lab = Lab::with_up(&["tst100"]);
    let before = lab.dom0.id("tst100");
    let call = format!("ctys -t xen -a create={address},CONSOLE:cli,connect lab00'(-Z KSU)'");
    lab.terminal().visit(&call, "tst100");
    assert_eq!((lab.dom0.names(), lab.dom0.id("tst100")), (vec!["tst100".to_string()], before));
}

#[test]
fn l061_connect_by_pathname() {
    connects("p:/home/acue/xen/tst-ctys/tst100/tst100.conf");
}

#[test]
fn l070_connect_by_file() {
    connects("f:xen/tst-ctys/tst100/tst100.conf");
}

#[test]
fn l079_connect_by_a_shorter_file() {
    connects("f:tst-ctys/tst100/tst100.conf");
}

#[test]
fn l088_connect_by_the_shortest_file() {
    connects("f:tst100/tst100.conf");
}

#[test]
fn l097_connect_by_id() {
    connects("i:/home/acue/xen/tst-ctys/tst100/tst100.conf");
}

#[test]
fn l106_connect_by_label() {
    connects("l:tst100");
}

#[test]
fn l113_connect_by_uuid() {
    connects("u:6842caf91e3e43249ed596b8b9f2c5c2");
}

#[test]
fn l122_connect_by_hardware_address() {
    connects("m:00:50:56:13:11:40");
}

#[test]
fn l131_connect_by_address() {
    connects("t:192.168.1.220");
}

#[test]
fn l260_resume_from_a_named_state_file() {
    let lab = Lab::with_up(&["tst100"]);
    // A file of one's own: saved by hand, into the home folder, where a relative name is looked for.
    lab.dom0.ssh("xl save tst100 mystate.stat 2>/dev/null");
    assert_eq!(lab.dom0.names(), [""; 0]);
    // The page opens no window with RESUME; without a display the console of a call that names none is the terminal.
    lab.terminal().visit("ctys -t xen -a create=l:tst100,RESUME:mystate.stat lab01", "tst100");
    assert_eq!(lab.dom0.names(), ["tst100"]);
    lab.dom0.wait_up("tst100");
    lab.dom0.ssh("rm mystate.stat");
}

#[test]
fn l285_two_sessions_on_one_host_with_options_for_both() {
    starts(
        "ctys -t xen -- '(-Z KSU)' \
         lab00'( -a create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:none )' \
         lab00'( -a create=f:xen/tst-ctys/tst101/tst101.conf,CONSOLE:none )'",
        &["tst100", "tst101"],
    );
}

#[test]
fn l294_two_sessions_of_which_one_has_a_means_of_its_own() {
    starts(
        "ctys -t xen -- '(-Z KSU)' \
         lab00'(-a create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:none )' \
         lab00'(-a create=f:xen/tst-ctys/tst101/tst101.conf,CONSOLE:none -Z SUDO)'",
        &["tst100", "tst101"],
    );
}

#[test]
fn l303_two_sessions_each_with_a_means_of_its_own() {
    starts(
        "ctys -t xen -- \
         lab00'(-a create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:none -Z KSU )' \
         lab00'( -a create=f:xen/tst-ctys/tst101/tst101.conf,CONSOLE:none -Z SUDO )'",
        &["tst100", "tst101"],
    );
}

#[test]
fn l312_two_sessions_on_two_hosts() {
    let lab = Lab::with(&[]);
    let other = Dom0::start("lab01");
    let as_acue = |dom0: &Dom0| std::fs::read_to_string(&dom0.config).unwrap().replace("User root", "User acue");
    std::fs::write(&lab.config, as_acue(&lab.dom0) + &as_acue(&other)).unwrap();
    lab.call(
        "ctys -t xen -- \
         lab00'( -a create=f:xen/tst-ctys/tst100/tst100.conf,CONSOLE:none -Z KSU )' \
         lab01'( -a create=f:xen/tst-ctys/tst101/tst101.conf,CONSOLE:none -Z SUDO )'",
    )
    .ok();
    assert_eq!((lab.dom0.names(), other.names()), (vec!["tst100".into()], vec!["tst101".into()]));
}
