//! The plugin boundary: every file that is no good is refused with one sentence, everything a plugin can do wrong costs its
//! own answer, and a third party's plugin that was built by itself gives its record.

#[path = "plugin_boundary/bench.rs"]
mod bench;

use bench::{Bench, any_other_library, built, evil, lamp, machine, patched, request};
use ctys_engine::plugins::search::{Folder, Origin};
use ctys_engine::plugins::{CarrierKind, Cause, HIDDEN_VERB, Plugin, PluginError, Plugins, SearchPath, Setup, State};
use ctys_model::field::{Field, Known};
use ctys_model::manifest::{Manifest, VerbDecl};
use ctys_model::{
    Action, Answer, Call, Effect, Envelope, Exit, Facts, List, MachineAddress, Output, Phase, Problem, Reply, Value,
    Verb,
};
use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

// ---- files that are no good -------------------------------------------------------------------------------------

#[test]
fn what_is_no_plugin_is_refused_with_one_sentence() {
    let lamp = lamp();
    let check = |content: &[u8], expected: &str| {
        let bench = Bench::new();
        bench.put("libctys_lamp.so", content);
        assert_eq!(bench.refusal("LAMP"), format!("plugin lamp is not used: {expected}"));
    };
    let with = |at: usize, bytes: &[u8]| {
        let mut content = lamp.to_vec();
        content[at..at + bytes.len()].copy_from_slice(bytes);
        content
    };
    let file = "F/libctys_lamp.so";
    check(b"", &format!("{file} is not a shared library (no ELF header)"));
    check(b"#!/bin/sh\necho hello\n", &format!("{file} is not a shared library (no ELF header)"));
    check(&[b'x'; 4000], &format!("{file} is not a shared library (no ELF header)"));
    // e_machine 40 is 32-bit ARM, which ctys is not built for here.
    check(
        &with(18, &[40, 0]),
        &format!("{file} is built for another CPU (ELF machine 40, this ctys needs {})", machine()),
    );
    check(&with(4, &[1]), &format!("{file} is not a shared library (not 64-bit)"));
    check(&with(5, &[2]), &format!("{file} is not a shared library (not little-endian)"));
    check(&with(16, &[1, 0]), &format!("{file} is not a shared library (its ELF type is not that of one)"));
    check(&any_other_library(), &format!("{file} is not a ctys plugin (no .ctys.plugin section)"));
    check(
        &patched(lamp, b".ctys.plugin\0", b".ctys.plugim\0"),
        &format!("{file} is not a ctys plugin (no .ctys.plugin section)"),
    );
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let lamp = lamp();
    let sections_at = u64::from_le_bytes(lamp[40..48].try_into().unwrap()) as usize;
    let steps = (0..40).map(|n| lamp.len() * n / 40);
    for length in steps.chain([1, 63, 64, 65, 1024, sections_at, sections_at + 1, lamp.len() - 64, lamp.len() - 1]) {
        let bench = Bench::new();
        bench.put("libctys_lamp.so", &lamp[..length]);
        let error = bench.error("lamp");
        let refused = matches!(*error.cause, Cause::Truncated { size, .. } if size == length as u64)
            || (length < 64 && matches!(*error.cause, Cause::NotAPlugin(_)));
        assert!(refused, "{length} bytes: {error}");
    }
}

#[test]
fn a_wrong_manifest_is_refused() {
    let check = |from: &str, to: &str, expected: &str| {
        let bench = Bench::new();
        bench.put("libctys_lamp.so", &patched(lamp(), from.as_bytes(), to.as_bytes()));
        let refusal = bench.refusal("lamp");
        assert!(refusal.contains(expected), "{refusal}");
        assert!(refusal.starts_with("plugin lamp is not used: ") && refusal.contains("F/libctys_lamp.so"), "{refusal}");
    };
    check("{\n  \"name\"", "[\n  \"name\"", "the manifest in F/libctys_lamp.so is wrong: it is no manifest: ");
    check("\"name\": \"lamp\"", "\"name\": \"lomp\"", "it names the plugin \"lomp\", the file name says \"lamp\"");
    check("\"name\": \"lamp\"", "\"name\": \"LAMP\"", "the name \"LAMP\" is not made of a-z, 0-9 and _");
    check("[\"LAMP\"]", "[\"lamp\"]", "the session type \"lamp\" is not made of A-Z and 0-9");
    check("[1, 1]", "[3, 4]", "F/libctys_lamp.so needs plugin protocol 3, this ctys speaks up to 1");
    check("[1, 1]", "[0, 0]", "the protocol range 0-0 is empty");
    check("[1, 1]", "[2, 1]", "the protocol range 2-1 is empty");
    check("\"LIST\"", "\"LOST\"", "it is no manifest: unknown variant `LOST`");

    // The file name says another name than the manifest.
    let bench = Bench::new();
    bench.put("libctys_lump.so", lamp());
    assert!(bench.refusal("lump").contains("it names the plugin \"lamp\", the file name says \"lump\""));
}

#[test]
fn another_boundary_is_refused_with_the_difference() {
    let check = |name: &str, content: &[u8], expected: &str| {
        for carrier in [CarrierKind::InProcess, CarrierKind::Child] {
            let bench = Bench { carrier: Some(carrier), ..Bench::new() };
            bench.put(&format!("libctys_{name}.so"), content);
            let refusal = bench.refusal(name);
            assert!(refusal.contains(expected), "{carrier:?}: {refusal}");
            assert!(!refusal.contains('\n') && refusal.len() < 500, "{refusal}");
        }
    };
    let lamp_with = |from: &[u8], to: &[u8]| patched(lamp(), from, to);
    check("lamp", &lamp_with(b"ctys_lamp_root", b"ctys_lamp_rout"), "not a ctys plugin (no symbol ctys_lamp_root)");
    let magic = b"abi stable library for Rust     ";
    check(
        "lamp",
        &lamp_with(magic, b"abi stable library for Dust     "),
        "has another plugin ABI: its header is not one of abi_stable",
    );
    let minor = |n: u8| [&magic[..], &[0, 0, 0, 0, n, 0, 0, 0]].concat();
    check("lamp", &lamp_with(&minor(11), &minor(10)), "made with abi_stable 0.10, this ctys has 0.11");
    let other = built("evil-plugin", "evil", &["--features", "other-abi"]);
    check("evil", &other, "F/libctys_evil.so has another plugin ABI: ");

    let bench = Bench { carrier: Some(CarrierKind::InProcess), ..Bench::new() };
    bench.put("libctys_evil.so", &other);
    let Cause::Abi { detail, .. } = *bench.error("evil").cause else { panic!("not an ABI error") };
    assert!(detail.lines().count() > 20, "the full text is kept: {detail}");
}

#[test]
fn only_files_that_nobody_else_can_change_are_used() {
    let check = |prepare: &dyn Fn(&Bench), expected: &str| {
        let bench = Bench::new();
        bench.put("libctys_lamp.so", lamp());
        prepare(&bench);
        assert_eq!(bench.refusal("lamp"), format!("plugin lamp is not used: {expected}"));
    };
    let file = "libctys_lamp.so";
    let changeable = "so others than its owner can change it";
    check(&|bench| bench.mode(file, 0o666), &format!("F/{file} has mode 0666, {changeable}"));
    check(&|bench| bench.mode(file, 0o664), &format!("F/{file} has mode 0664, {changeable}"));
    check(&|bench| bench.mode("", 0o777), &format!("F has mode 0777, {changeable}; the plugin is F/{file}"));
    check(&|bench| bench.mode("", 0o775), &format!("F has mode 0775, {changeable}; the plugin is F/{file}"));
    check(
        &|bench| {
            bench.folder("open", 0o777);
            std::fs::rename(bench.path(file), bench.path("open/real.so")).unwrap();
            symlink("open/real.so", bench.path(file)).unwrap();
        },
        &format!("F/open has mode 0777, {changeable}; the plugin is F/{file}"),
    );
    check(
        &|bench| {
            std::fs::remove_file(bench.path(file)).unwrap();
            symlink(file, bench.path(file)).unwrap();
        },
        &format!("the symbolic links of F/{file} do not end"),
    );
    check(
        &|bench| {
            std::fs::remove_file(bench.path(file)).unwrap();
            symlink("gone.so", bench.path(file)).unwrap();
        },
        &format!("F/{file} cannot be read: No such file or directory (os error 2) at F/gone.so"),
    );
    check(
        &|bench| {
            std::fs::remove_file(bench.path(file)).unwrap();
            bench.folder(file, 0o755);
        },
        &format!("F/{file} is not a regular file in folders"),
    );

    // The hint is the command that helps.
    let bench = Bench::new();
    bench.put(file, lamp());
    bench.mode(file, 0o666);
    let (_, problems) = bench.plugins().for_types(&["lamp".into()]);
    assert_eq!(problems[0].hints, [format!("chmod go-w {}", bench.path(file).display())]);
    assert_eq!(problems[0].phase, Phase::Here);
}

#[test]
fn a_good_file_is_used_wherever_it_really_is() {
    // A sticky folder as /tmp, a link to the file, a link to the folder.
    let check = |prepare: &dyn Fn(&Bench)| {
        let bench = Bench::new();
        bench.put("libctys_lamp.so", lamp());
        prepare(&bench);
        assert_eq!(bench.one("lamp").name(), "lamp");
    };
    let file = "libctys_lamp.so";
    check(&|bench| bench.mode("", 0o1777));
    check(&|bench| {
        bench.folder("store", 0o755);
        std::fs::rename(bench.path(file), bench.path("store/lamp-0.3.1.so")).unwrap();
        symlink(bench.path("store/lamp-0.3.1.so"), bench.path(file)).unwrap();
    });
    // Below ctys's own cargo folder the mode does not count.
    let bench = Bench { origin: Origin::Build, carrier: Some(CarrierKind::InProcess), ..Bench::new() };
    bench.put(file, lamp());
    bench.mode(file, 0o775);
    bench.mode("", 0o775);
    assert_eq!(bench.one("lamp").carrier(), CarrierKind::InProcess);
}

// ---- which file is meant ----------------------------------------------------------------------------------------

#[test]
fn a_missing_plugin_names_the_folders_and_the_types_that_are_there() {
    let bench = Bench::new();
    assert_eq!(bench.refusal("XEN"), "no plugin xen: libctys_xen.so not found in F");
    bench.put("libctys_lamp.so", lamp());
    let (plugins, problems) = bench.plugins().for_types(&["../x".into(), "lamp".into()]);
    assert_eq!(plugins.len(), 1);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.starts_with("no plugin ../x: "), "{}", problems[0].message);
    assert_eq!(problems[0].hints[0], "the types that are there: LAMP");
    assert_eq!(problems[0].phase, Phase::Here);
}

#[test]
fn two_plugins_for_one_type_are_both_refused() {
    let bench = Bench::new();
    bench.put("libctys_lamp.so", lamp());
    bench.put("libctys_lomp.so", &patched(lamp(), b"\"name\": \"lamp\"", b"\"name\": \"lomp\""));
    let sentence = "plugin lamp is not used: both F/libctys_lamp.so and F/libctys_lomp.so serve the session type LAMP";
    assert_eq!(bench.refusal("LAMP"), sentence);
    let (plugins, problems) = bench.plugins().for_types(&[]);
    assert!(plugins.is_empty());
    assert_eq!(problems.len(), 1, "{problems:?}");

    // Leaving one out settles it.
    let mut setup = bench.setup();
    setup.settings.insert("LOMP_IGNORE".into(), "1".into());
    let plugins = setup.discover();
    let (opened, problems) = plugins.for_types(&["LAMP".into()]);
    assert_eq!((opened.len(), problems.len()), (1, 0), "{problems:?}");
    let states = plugins.states(&["LAMP".into()]);
    assert_eq!(states[1].1, State::Ignored("LOMP_IGNORE".into()));
}

#[test]
fn the_first_folder_wins_and_a_refused_match_is_not_skipped() {
    let (first, second) = (Bench::new(), Bench::new());
    second.put("libctys_lamp.so", lamp());
    let both = || {
        let folders = [&first, &second].map(|bench| bench.setup().search.folders.remove(0)).to_vec();
        Setup { search: SearchPath { folders }, ..first.setup() }.discover()
    };
    assert_eq!(both().found()[0].file, Some(second.path("libctys_lamp.so")));
    first.put("libctys_lamp.so", lamp());
    assert_eq!(both().found().len(), 1);
    assert_eq!(both().found()[0].file, Some(first.path("libctys_lamp.so")));
    first.put("libctys_lamp.so", b"no plugin");
    let (plugins, problems) = both().for_types(&["LAMP".into()]);
    assert!(plugins.is_empty());
    assert!(problems[0].message.contains("not a shared library"), "{}", problems[0].message);
}

#[test]
fn a_bad_file_spoils_only_its_own_type() {
    let bench = Bench::new();
    bench.put("libctys_lamp.so", lamp());
    bench.put("libctys_xen.so", b"no plugin");
    let plugins = bench.plugins();
    assert_eq!(plugins.for_types(&["lamp".into()]).1, []);
    let (opened, problems) = plugins.for_types(&["ALL".into()]);
    assert_eq!((opened.len(), problems.len()), (1, 1));
    assert_eq!(problems[0].plugin.as_deref(), Some("xen"));
}

#[test]
fn states_tell_how_far_each_has_come() {
    let bench = Bench::new();
    bench.put("libctys_lamp.so", lamp());
    bench.put("libctys_evil.so", evil());
    bench.put("libctys_xen.so", b"no plugin");
    let plugins = bench.plugins();
    let words = |types: &[&str]| -> Vec<String> {
        let types: Vec<String> = types.iter().map(|text| text.to_string()).collect();
        plugins.states(&types).into_iter().map(|(found, state)| format!("{} {}", found.name, state.word())).collect()
    };
    assert_eq!(words(&["LAMP"]), ["evil AVAILABLE", "lamp AVAILABLE", "xen DISABLED"]);
    plugins.for_types(&["LAMP".into()]);
    assert_eq!(words(&["LAMP"]), ["evil AVAILABLE", "lamp BUSY", "xen DISABLED"]);
    plugins.for_types(&[]);
    assert_eq!(words(&["LAMP"]), ["evil IDLE", "lamp BUSY", "xen DISABLED"]);
    assert_eq!(words(&["ALL"]), ["evil BUSY", "lamp BUSY", "xen DISABLED"]);
    assert!(plugins.states(&[])[2].1.reason().unwrap().contains("no ELF header"));
    assert_eq!(plugins.states(&[])[1].1.to_string(), "BUSY(4)");
}

// ---- a third party's plugin -------------------------------------------------------------------------------------

#[test]
fn a_third_partys_plugin_gives_its_record() {
    for carrier in [CarrierKind::InProcess, CarrierKind::Child] {
        let bench = Bench { carrier: Some(carrier), ..Bench::new() };
        bench.put("libctys_lamp.so", lamp());
        let plugin = bench.one("LAMP");
        assert_eq!(plugin.carrier(), carrier);
        assert_eq!(plugin.manifest().version, "0.3.1");
        let request = request(Action::List(List::default()));
        let probes = plugin.wants(&request).unwrap();
        let output = Output { stdout: "desk 40\n".into(), ..Output::ended(Exit::Code(0)) };
        let facts = Facts { answers: vec![(probes[0].clone(), Answer::Output(output))], ..Facts::default() };
        let Effect::Report(findings) = plugin.plan(&request, &facts).unwrap() else { panic!("no report") };
        let record = &findings.records[0];
        assert_eq!(record.get(Known::Label), &Value::Text("desk".into()));
        assert_eq!(record.get(Field::Other("lamp.watt".into())), &Value::Number(40));
    }
}

#[test]
fn a_third_party_runs_the_conformance_suite_by_itself() {
    let output = bench::cargo("test", "third-party").args(["--lib", "conforms"]).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("1 passed"), "{stdout}");
}

#[test]
fn a_strangers_plugin_runs_in_a_child_unless_told_otherwise() {
    let kind = |origin: Origin| {
        let bench = Bench { origin, ..Bench::new() };
        bench.put("libctys_lamp.so", lamp());
        bench.plugins().found()[0].carrier
    };
    for origin in [Origin::Named, Origin::User] {
        assert_eq!(kind(origin), CarrierKind::Child, "{origin:?}");
    }
    for origin in [Origin::Build, Origin::Bundled, Origin::System] {
        assert_eq!(kind(origin), CarrierKind::InProcess, "{origin:?}");
    }
}

#[test]
fn a_linked_in_plugin_is_used_until_there_is_a_file() {
    const JSON: &[u8] = br#"{"name":"lamp","version":"9","protocol":[1,1],"summary":"linked in",
        "session_types":["LAMP"],"verbs":[{"verb":"LIST"}]}"#;
    fn call(message: &[u8]) -> Vec<u8> {
        let envelope: Envelope = rmp_serde::from_slice(message).unwrap();
        let reply = match envelope.call {
            Call::Manifest => Reply::Manifest(Box::new(serde_json::from_slice(JSON).unwrap())),
            _ => Reply::Wants(vec![]),
        };
        rmp_serde::to_vec_named(&reply).unwrap()
    }
    let bench = Bench::new();
    let setup = || Setup { builtins: vec![(JSON, call)], ..bench.setup() };
    let (plugins, problems) = setup().discover().for_types(&["lamp".into()]);
    assert_eq!(problems, []);
    assert_eq!((plugins[0].carrier(), plugins[0].file()), (CarrierKind::Builtin, None));
    let expected = Manifest {
        verbs: vec![VerbDecl { verb: Verb::List, suboptions: vec![] }],
        ..serde_json::from_slice(JSON).unwrap()
    };
    assert_eq!(plugins[0].manifest(), &expected);
    assert_eq!(plugins[0].wants(&request(Action::Show)), Ok([].into()));
    bench.put("libctys_lamp.so", lamp());
    assert_eq!(setup().discover().found()[0].manifest.as_ref().unwrap().version, "0.3.1");
}

// ---- everything a plugin can do wrong ---------------------------------------------------------------------------

/// Asks the evil plugin all three questions about this label; the first error counts.
fn provoke(plugin: &Plugin, label: &str) -> Result<Effect, PluginError> {
    let address = MachineAddress { label: Some(label.into()), ..MachineAddress::default() };
    let request = request(Action::IsActive(address));
    plugin.wants(&request)?;
    let effect = plugin.plan(&request, &Facts::default())?;
    plugin.read(&request, &Facts::default(), &Default::default())?;
    Ok(effect)
}

fn behaves(plugin: &Plugin) {
    let Ok(Effect::Report(findings)) = provoke(plugin, "well") else { panic!("{:?}", provoke(plugin, "well")) };
    assert_eq!(findings.text, ["did well"]);
}

/// What every carrier survives, with the sentence it gives.
const SURVIVED_ANYWHERE: [(&str, &str); 8] = [
    ("panic in wants", "plugin evil could not say what it needs: plugin bug: panic at src/lib.rs:"),
    ("panic in plan", "plugin evil made no plan: plugin bug: panic at src/lib.rs:"),
    ("panic in read", "plugin evil could not read the replies: plugin bug: panic at src/lib.rs:"),
    ("index out of range", "index out of bounds: the len is 0 but the index is 7"),
    ("panic with a payload that panics", "a panic without a message"),
    ("garbage bytes", "its answer makes no sense: "),
    ("no bytes", "its answer makes no sense: "),
    ("huge reply", "its answer makes no sense: it has 104857600 bytes, 67108864 are the limit"),
];

/// What only a process of its own survives.
const SURVIVED_IN_A_CHILD: [(&str, &str); 4] = [
    ("overflow", "plugin evil made no plan: the plugin process ended by signal 6 ("),
    ("exit", "plugin evil made no plan: the plugin process ended with exit code 3"),
    ("abort", "plugin evil made no plan: the plugin process ended by signal 6"),
    ("segfault", "plugin evil made no plan: the plugin process ended by signal 11"),
];

fn check_misdeeds(plugin: &Plugin, misdeeds: &[(&str, &str)]) {
    for (label, expected) in misdeeds {
        let error = provoke(plugin, label).expect_err(label);
        assert!(error.to_string().contains(expected), "{label}: {error}");
        assert_eq!(Problem::from(&error).phase, Phase::Plugin);
        behaves(plugin);
    }
}

#[test]
fn in_process_what_can_be_caught_costs_its_own_answer() {
    let bench = Bench { carrier: Some(CarrierKind::InProcess), ..Bench::new() };
    bench.put("libctys_evil.so", evil());
    let plugin = bench.one("evil");
    check_misdeeds(&plugin, &SURVIVED_ANYWHERE);
    assert_eq!(plugin.dead(), None);
}

#[test]
fn in_a_child_everything_costs_its_own_answer() {
    let bench = Bench { carrier: Some(CarrierKind::Child), ..Bench::new() };
    bench.put("libctys_evil.so", evil());
    let plugin = bench.one("evil");
    check_misdeeds(&plugin, &SURVIVED_ANYWHERE);
    check_misdeeds(&plugin, &SURVIVED_IN_A_CHILD);
    let overflow = provoke(&plugin, "overflow").unwrap_err().to_string();
    assert!(overflow.contains("thread 'plugin evil'") && overflow.contains("has overflowed its stack"), "{overflow}");
    // What it prints reaches neither us nor the frames.
    assert!(provoke(&plugin, "print").is_ok());
    behaves(&plugin);
}

#[test]
fn a_loop_ends_at_the_deadline() {
    let bench = Bench { limit: Some(Duration::from_millis(15_000)), ..Bench::new() };
    bench.put("libctys_evil.so", evil());
    let open = |carrier| {
        let plugins = Setup { carrier: Some(carrier), ..bench.setup() }.discover();
        let plugin = plugins.for_types(&["EVIL".into()]).0.remove(0);
        (plugins, plugin)
    };
    let timed_out = |error: PluginError| error.to_string() == "plugin evil made no plan: no answer within 15000 ms";

    // In process the thread is lost, and the plugin is not asked again.
    let (plugins, plugin) = open(CarrierKind::InProcess);
    assert!(timed_out(provoke(&plugin, "loop").unwrap_err()));
    assert!(matches!(*provoke(&plugin, "well").unwrap_err().cause, Cause::TimedOut(15_000)));
    assert_eq!(plugins.states(&[])[0].1.word(), "DISABLED");

    // In a child the process is ended, and another one answers.
    let (_, plugin) = open(CarrierKind::Child);
    assert!(timed_out(provoke(&plugin, "loop").unwrap_err()));
    behaves(&plugin);
}

#[test]
fn many_threads_ask_at_the_same_time() {
    for carrier in [CarrierKind::InProcess, CarrierKind::Child] {
        let bench = Bench { carrier: Some(carrier), ..Bench::new() };
        bench.put("libctys_evil.so", evil());
        let plugin = bench.one("evil");
        std::thread::scope(|scope| {
            for n in 0..64 {
                let plugin = &plugin;
                scope.spawn(move || {
                    for _ in 0..5 {
                        let label = format!("well {n}");
                        let Effect::Report(findings) = provoke(plugin, &label).unwrap() else { panic!("no report") };
                        assert_eq!(findings.text, [format!("did {label}")]);
                    }
                    assert!(provoke(plugin, "panic in plan").is_err());
                });
            }
        });
    }
}

#[test]
fn a_plugin_that_ends_this_process_is_named() {
    let bench = Bench::new();
    bench.put("libctys_evil.so", evil());
    let ends = |label: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "misbehaves_in_this_process", label])
            .arg(bench.path(""))
            .output()
            .unwrap();
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, stderr) = ends("exit");
    assert_eq!(status.code(), Some(70), "{stderr}");
    assert!(stderr.contains("ctys: plugin evil ended the process"), "{stderr}");
    let (status, stderr) = ends("overflow");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "{stderr}");
    assert!(stderr.contains("thread 'plugin evil'") && stderr.contains("overflowed its stack"), "{stderr}");
}

// ---- this program, started by itself ----------------------------------------------------------------------------

/// Not a case: what this test program does when a plugin in a child is started with it. Without the hidden verb among the
/// arguments there is nothing to do.
#[test]
fn serves_a_child() {
    let mut arguments = std::env::args_os();
    if arguments.any(|argument| argument == HIDDEN_VERB) {
        ctys_engine::plugins::serve_child(Path::new(&arguments.next().expect("a file follows the hidden verb")));
    }
}

/// Not a case either: the process that `a_plugin_that_ends_this_process_is_named` sacrifices.
#[test]
fn misbehaves_in_this_process() {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let at = arguments.iter().position(|argument| argument == "misbehaves_in_this_process");
    if let Some([label, folder]) = at.and_then(|at| arguments.get(at + 1..)) {
        let folders = vec![Folder { path: folder.into(), origin: Origin::Bundled }];
        let plugins = Plugins::discover(SearchPath { folders });
        let (opened, problems) = plugins.for_types(&["EVIL".into()]);
        assert_eq!(problems, []);
        let _ = provoke(&opened[0], label.to_str().unwrap());
    }
}
