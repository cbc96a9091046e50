//! SHOW and INFO.

use super::Lab;

#[test]
fn l609_l616_show_is_the_same_with_and_without_a_type() {
    let lab = Lab::with(&[]);
    let with = lab.call("ctys -t xen -a show lab00");
    let without = lab.call("ctys -a show lab00").ok();
    // The words before a colon; lines of top have numbers there.
    let is_word = |key: &&str| key.chars().all(|c| c.is_alphabetic() || c == ' ');
    let kinds = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| Some(line.split_once(':')?.0)).filter(is_word).map(str::to_string).collect()
    };
    assert!(kinds(&without).len() > 10, "{without}");
    assert!(with.stdout.contains("lab00.soho"), "{with:?}");
    assert_eq!(kinds(&with.stdout), kinds(&without));
}

#[test]
fn l628_info_of_one_plugin() {
    let lab = Lab::with(&[]);
    let text = lab.call("ctys -t xen -a info lab01").ok();
    assert!(text.contains("XEN") && text.contains("4.17"), "{text}");
}

#[test]
fn l635_info_of_all_plugins() {
    let lab = Lab::with(&[]);
    let text = lab.call("ctys -a info lab01").ok();
    assert!(text.contains("XEN") && text.contains("PM") && text.contains("4.17"), "{text}");
}
