//! Plugins that cannot be used are told of, never passed over.

use crate::sealed::{Outcome, Sealed, plugins, settled};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// An environment whose only plugin folder is one of its own, with a copy of the PM plugin.
fn own_folder() -> (Sealed, std::path::PathBuf) {
    let sealed = Sealed::new();
    let folder = sealed.folder.join("plugins");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("libctys_pm.so");
    fs::copy(plugins().join("libctys_pm.so"), &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let path = folder.to_str().unwrap().to_string();
    (sealed.with("CTYS_PLUGIN_PATH", &path), file)
}

#[test]
fn a_plugin_from_a_folder_of_the_user_runs_in_a_process_of_its_own() {
    let (sealed, _) = own_folder();
    assert_eq!(sealed.ctys(&["-a", "list=terse,tab_gen:3_l_3"]).ok(), "ws2\n");
    let info = sealed.ctys(&["-a", "info"]).ok();
    assert!(info.lines().any(|line| line.contains("Carrier") && line.ends_with(":child")), "{info}");
}

#[test]
fn a_plugin_that_anybody_may_write_is_refused_with_the_mode_and_the_way_out() {
    let (sealed, file) = own_folder();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let (stdout, stderr) = sealed.ctys(&["-a", "list=terse,machine"]).ends(2);
    assert_eq!(stdout, "");
    assert!(stderr.contains("666") && stderr.contains("chmod go-w"), "{stderr}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(file.parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
    let (_, stderr) = sealed.ctys(&["-a", "list=terse,machine"]).ends(2);
    assert!(stderr.contains("777"), "{stderr}");
}

#[test]
fn a_broken_plugin_is_one_sentence_and_the_others_answer() {
    let (sealed, file) = own_folder();
    fs::write(file.with_file_name("libctys_xen.so"), "#!/bin/sh\n").unwrap();
    let (stdout, stderr) = sealed.ctys(&["-a", "list=terse,tab_gen:3_l_3"]).ends(2);
    assert_eq!(stdout, "ws2\n");
    let about: Vec<&str> = stderr.lines().filter(|line| line.contains("libctys_xen.so")).collect();
    assert_eq!(about.len(), 1, "{stderr}");
}

#[test]
fn a_call_that_needs_no_plugin_opens_none() {
    let (sealed, file) = own_folder();
    fs::write(&file, "not a library at all").unwrap();
    assert!(sealed.ctys(&["-V"]).ok().starts_with("ctys "));
    assert!(sealed.ctys(&["-h"]).ok().contains("-a"));
}

#[test]
fn a_type_without_a_plugin_is_an_error_that_says_where_it_was_looked_for() {
    let sealed = Sealed::new().with("CTYS_PLUGIN_PATH", "/nonexistent/plugins");
    let stderr = sealed.ctys(&["-t", "vbox", "-a", "list=terse,machine"]).fails(2);
    assert!(stderr.to_lowercase().contains("vbox"), "{stderr}");
}

#[test]
fn a_program_without_any_plugin_names_the_folders_it_looked_through() {
    // An installed program: no build folder around it, an empty plugin folder beside it.
    let sealed = Sealed::new();
    let prefix = sealed.folder.join("prefix");
    fs::create_dir_all(prefix.join("bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_ctys"), prefix.join("bin/ctys")).unwrap();
    settled(&prefix.join("bin/ctys"));
    let call = sealed.command(&["-a", "list"]);
    let mut installed = std::process::Command::new(prefix.join("bin/ctys"));
    installed.args(call.get_args()).env_clear().env("HOME", sealed.folder.join("home")).env("PATH", "/usr/bin:/bin");
    let outcome = Outcome::of(installed.output().unwrap(), "prefix/bin/ctys -a list".into());
    let (_, stderr) = outcome.ends(2);
    let folder = prefix.join("lib/ctys/plugins");
    assert!(stderr.contains(folder.to_str().unwrap()), "{stderr}");
    assert!(stderr.contains("`./install PREFIX` brings both"), "{stderr}");
    // With the plugin where an installation puts it, it works.
    fs::create_dir_all(&folder).unwrap();
    fs::copy(plugins().join("libctys_pm.so"), folder.join("libctys_pm.so")).unwrap();
    fs::set_permissions(folder.join("libctys_pm.so"), fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = Outcome::of(installed.output().unwrap(), "prefix/bin/ctys -a list".into());
    assert_eq!(outcome.ok().lines().count(), 3);
}

#[test]
fn a_plugin_that_is_ignored_by_a_setting_says_by_which() {
    let sealed = Sealed::new().with("PM_IGNORE", "1");
    let (stdout, stderr) = sealed.ctys(&["-t", "pm", "-a", "list=terse,machine"]).ends(2);
    assert_eq!(stdout, "");
    assert!(stderr.contains("PM_IGNORE is set"), "{stderr}");
    let sealed = Sealed::new().with("PM_IGNORE", "0");
    assert_eq!(sealed.ctys(&["-t", "pm", "-a", "list=terse,tab_gen:3_l_3"]).ok(), "ws2\n");
}
