//! Two operators who start and stop the same machine at the same moment, by their own calls, over the real sshd. Its tool
//! is a fake one that keeps a domain in a file and is as strict as xl: one domain of a name, and none is stopped twice.

use crate::scene::{Call, Scene};
use std::path::PathBuf;

const XL: &str = r#"
cd "$HOME/../hosts"
echo "xl $*" >>calls
case $1 in
list)
	if [ "$2" = -l ]; then echo '[{"domid":0,"config":{"c_info":{"type":"pv","name":"Domain-0"}}}]'; exit 0; fi
	echo 'Name                                        ID   Mem VCPUs	State	Time(s)   UUID   Reason-Code	Security Label'
	row() { printf '%-40s %5d   128     1     r-----       4.1 %s        -                -\n' "$@"; }
	row Domain-0 0 00000000-0000-0000-0000-000000000000
	id=$(cat domain 2>/dev/null) && row tst100 "$id" 6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2
	while [ -e hold ]; do sleep 0.02; done
	echo $$ >>at
	exit 0
	;;
info) echo 'xen_version            : 4.17.5' ;;
-N) ;;
create)
	if ! (set -C; echo 7 >domain) 2>/dev/null; then
		echo 'libxl: error: initiate_domain_create: Domain 8:Domain name "tst100" already exists' >&2
		exit 3
	fi
	echo created >>done
	;;
destroy | shutdown)
	if ! mv domain gone 2>/dev/null; then
		echo '7 is an invalid domain identifier (rc=-6)' >&2
		exit 1
	fi
	echo "$1" >>done
	;;
*) exit 1 ;;
esac
"#;

const TST100: &str = "#@#MAGICID-XEN\n#@#LABEL = \"tst100\"\nname = \"tst100\"\n\
    uuid = \"6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2\"\nmemory = 128\n";

/// A host with one machine that is configured, and a place in its files.
fn lab() -> (Scene, impl Fn(&str) -> PathBuf) {
    let scene = Scene::start(1);
    scene.host_tool("xl", XL);
    let folder = scene.bed.path("home/xen/tst100");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("tst100.conf"), TST100).unwrap();
    let hosts = scene.bed.path("hosts");
    (scene, move |name: &str| hosts.join(name))
}

/// Both calls, under way at once: each has seen the state of the host before the other one changes it.
fn at_once(scene: &Scene, actions: [&str; 2]) -> [(i32, String); 2] {
    let start = |action: &str| {
        let words = ["-t", "xen", "-a", action, "lab000"];
        Call::start(scene.command(&words))
    };
    scene.hold();
    let calls = actions.map(start);
    scene.go_on();
    calls.map(Call::end).map(|ended| (ended.code, ended.stderr))
}

#[test]
fn two_operators_who_start_one_machine_get_one_machine_and_one_of_them_is_told() {
    let (scene, at) = lab();
    let id = scene.bed.path("home/xen/tst100/tst100.conf");
    let create = format!("create=id:{},console:none,ping:off", id.display());
    for round in 0..3 {
        let outcomes = at_once(&scene, [&create, &create]);
        let well = outcomes.iter().filter(|(code, _)| *code == 0).count();
        let done = std::fs::read_to_string(at("done")).unwrap_or_default();
        assert_eq!(done, "created\n", "round {round}: {outcomes:?}");
        assert!(well <= 1, "round {round}: {outcomes:?}");
        for (code, stderr) in &outcomes {
            assert!(*code == 0 || stderr.contains("ctys: lab000: "), "{stderr}");
            assert!([0, 5].contains(code), "round {round}: {outcomes:?}");
        }
        // A third call finds what there is.
        let ended = scene.ctys(&["-t", "xen", "-a", "list=terse,tab_gen:3_label_6,server", "lab000"]);
        assert!(ended.told(0, &[]).contains("tst100"), "round {round}");
        std::fs::remove_file(at("done")).unwrap();
        std::fs::remove_file(at("domain")).unwrap();
        scene.nothing_left();
    }
}

#[test]
fn two_operators_who_stop_one_machine_stop_it_once_and_nothing_else() {
    let (scene, at) = lab();
    for round in 0..3 {
        std::fs::write(at("domain"), "7\n").unwrap();
        let _ = std::fs::remove_file(at("calls"));
        let outcomes = at_once(&scene, ["cancel=l:tst100,force"; 2]);
        let done = std::fs::read_to_string(at("done")).unwrap();
        assert_eq!(done.lines().count(), 1, "round {round}: {done} {outcomes:?}");
        assert!(outcomes.iter().any(|(code, _)| *code == 0), "round {round}: {outcomes:?}");
        let calls = std::fs::read_to_string(at("calls")).unwrap();
        let strange =
            |line: &&str| !["xl list", "xl info", "xl destroy", "xl shutdown"].iter().any(|one| line.starts_with(one));
        assert_eq!(calls.lines().find(strange), None, "round {round}");
        // A third call has nothing to stop.
        let ended = scene.ctys(&["-t", "xen", "-a", "cancel=l:tst100,force", "lab000"]);
        assert_eq!(ended.code, 5, "round {round}: {ended:?}");
        assert!(ended.stderr.contains("tst100"), "{ended:?}");
        std::fs::remove_file(at("done")).unwrap();
        scene.nothing_left();
    }
}

#[test]
fn one_who_starts_and_one_who_stops_the_same_machine_both_learn_what_came_of_it() {
    let (scene, at) = lab();
    let id = scene.bed.path("home/xen/tst100/tst100.conf");
    let create = format!("create=id:{},reuse,console:none,ping:off", id.display());
    for round in 0..3 {
        std::fs::write(at("domain"), "7\n").unwrap();
        let outcomes = at_once(&scene, [&create, "cancel=l:tst100,force"]);
        for (code, stderr) in &outcomes {
            assert!([0, 5].contains(code), "round {round}: {outcomes:?}");
            assert_eq!(*code != 0, stderr.contains("ctys: lab000: "), "round {round}: {stderr}");
        }
        // At most one machine is there, and a call that finds it is not confused.
        let listed = scene.ctys(&["-t", "xen", "-a", "list=terse,tab_gen:3_label_6,server", "lab000"]).told(0, &[]);
        let count = usize::from(at("domain").exists());
        assert_eq!(listed.matches("tst100").count(), count, "round {round}: {listed}");
        let _ = (std::fs::remove_file(at("done")), std::fs::remove_file(at("domain")));
        scene.nothing_left();
    }
}
