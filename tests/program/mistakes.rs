//! Bad input gets a clear error and does nothing.

use crate::sealed::Sealed;

fn lab() -> Sealed {
    let sealed = Sealed::new();
    sealed.host("lab00", "lab00", "192.168.1.71", "00:0e:0c:35:f8:48");
    sealed
}

/// The call fails with 1, names these things on stderr, prints nothing and reaches nobody.
#[track_caller]
fn check(sealed: &Sealed, words: &[&str], named: &[&str]) {
    let stderr = sealed.ctys(&[&["--transport", "openssh"][..], words].concat()).fails(1);
    for name in named {
        assert!(stderr.contains(name), "{name:?} is not in:\n{stderr}");
    }
    assert!(stderr.contains('^'), "no caret in:\n{stderr}");
    assert!(!stderr.chars().any(|c| c.is_control() && c != '\n'), "{stderr:?}");
    assert_eq!(sealed.log(), "", "somebody was reached");
}

#[test]
fn unknown_words_are_errors_that_name_the_nearest_valid_one() {
    let sealed = lab();
    check(&sealed, &["-a", "lits", "lab00"], &["lits", "LIST"]);
    check(&sealed, &["-t", "xem", "-a", "list", "lab00"], &["xem", "XEN"]);
    check(&sealed, &["-a", "list=titel", "lab00"], &["titel", "TITLE"]);
    check(&sealed, &["--windwo", "4", "-a", "list", "lab00"], &["windwo"]);
    check(&sealed, &["-a", "list=macro:TAB_CPORTS", "lab00"], &["TAB_CPORTS", "TAB_CPORT"]);
    check(&sealed, &["-a", "list", "lab00(-Z SUDOO)"], &["SUDOO", "SUDO"]);
}

#[test]
fn all_mistakes_of_a_call_are_told_at_once() {
    check(&lab(), &["-t", "xem", "-a", "lits", "--windwo", "4", "lab00(-Z NO)"], &["xem", "lits", "windwo", "NO"]);
}

#[test]
fn mixed_up_quotes_are_an_error_with_its_place() {
    let sealed = lab();
    check(&sealed, &["-a", "list", "lab00(-Z KSU lab00(-Z SUDO)"], &["lab00(-Z KSU"]);
    check(&sealed, &["-a", "list", "lab00(-Z KSU"], &["lab00(-Z KSU"]);
    check(&sealed, &["-a", "list", "lab00-Z KSU)"], &["KSU)"]);
}

#[test]
fn macros_and_groups_that_cannot_be_are_errors_that_show_the_chain() {
    let sealed = lab();
    sealed.file(".ctys/macros/default", "A = x{macro:B}\nB = y{macro:A}\n");
    sealed.file(".ctys/macros/twice", "T = a\nU = b\nT = c\n");
    sealed.file(".ctys/groups/loop", "#include other\n");
    sealed.file(".ctys/groups/other", "#include loop\n");
    check(&sealed, &["-a", "list=macro:A", "lab00"], &["A", "B"]);
    check(&sealed, &["-a", "list=macro:T%twice", "lab00"], &["T", "1", "3"]);
    check(&sealed, &["-a", "list", "loop"], &["loop", "other"]);
}

#[test]
fn a_file_of_macros_may_be_named_by_its_whole_path() {
    let sealed = lab();
    sealed.file("own", "T = tab_gen:3_l_3\n");
    let file = sealed.folder.join("home/own").display().to_string();
    assert_eq!(sealed.ctys(&["-a", &format!("list=terse,macro:T%{file}")]).ok(), "ws2\n");
    check(&sealed, &["-a", &format!("list=macro:T%{file}x")], &["there is no macro file /"]);
    // Along the path nothing leads out of it.
    check(&sealed, &["-a", "list=macro:T%../../own"], &["there is no macro file .."]);
}

#[test]
fn values_with_any_bytes_are_data() {
    let sealed = lab();
    for word in ["$(touch x)", "a;touch x", "`touch x`", "a\nb", "-oProxyCommand=touch x", "\u{1b}[2J", "a b", "x|y"] {
        let outcome = sealed.ctys(&["--transport", "openssh", "-a", "list=terse,machine", word]);
        assert_ne!(outcome.code, 0, "{word:?}");
        assert_eq!(outcome.stdout, "", "{word:?}");
        assert!(!outcome.stderr.chars().any(|c| c.is_control() && c != '\n'), "{:?}", outcome.stderr);
    }
    assert!(!sealed.folder.join("x").exists(), "something was executed");
    assert!(!sealed.folder.join("home/x").exists(), "something was executed");
}

#[test]
fn a_change_without_an_address_or_with_two_methods_is_refused_before_anything_runs() {
    let sealed = lab();
    check(&sealed, &["-t", "xen", "-a", "cancel=poweroff", "lab00"], &["CANCEL"]);
    check(&sealed, &["-t", "pm", "-a", "cancel=poweroff,reboot,self", "lab00"], &["REBOOT"]);
    check(&sealed, &["-t", "xen", "-a", "create=l:x,reuse,connect", "lab00"], &["CONNECT"]);
    check(&sealed, &["-t", "xen", "-a", "create=p:rel/ative,console:none", "lab00"], &["f:"]);
}

#[test]
fn what_has_no_effect_or_does_not_exist_is_told() {
    let sealed = lab();
    let call = |words: &[&str]| sealed.ctys(&[words, &["-a", "list=terse,tab_gen:3_l_3"]].concat());
    for (words, told) in [(&["-c", "remote"][..], "-c REMOTE"), (&["-C", "lifetime:20"], "-C has no effect")] {
        let (stdout, stderr) = call(words).ends(0);
        assert_eq!(stdout, "ws2\n");
        assert!(stderr.contains(told), "{stderr}");
    }
    // The seed's own way to say "no cache" needs no remark.
    assert_eq!(call(&["-c", "off", "-C", "off"]).ok(), "ws2\n");
    let words = ["-n", "-t", "xen", "-a", "create=l:x,console:none,stackcheck:hwcap", "localhost"];
    let (_, stderr) = sealed.ctys(&words).ends(5);
    assert!(stderr.contains("STACKCHECK: HWCAP and STACKCAP are not compared"), "{stderr}");
    let stderr = call(&["-p", "/nonexistent"]).fails(2);
    assert!(stderr.contains("/nonexistent"), "{stderr}");
    let (_, stderr) = call(&["--replay", "/dev/zero"]).ends(2);
    assert!(stderr.contains("/dev/zero"), "{stderr}");
}
