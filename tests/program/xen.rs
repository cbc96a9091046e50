//! Xen hosts as a user of the program sees them. The hosts have a fake xl that keeps its domains in files.

use crate::sealed::Sealed;
use std::fs;

/// Makes, lists and changes domains: one file each in `$HOSTS/$HOST/domains`, with the words of the real xl 4.17.
const XL: &str = r#"
echo "$HOST: xl $*" >>"$LOG"
own=$HOSTS/$HOST
cd "$own/domains" || exit 1
if [ -z "$ROOT" ] && [ ! -e "$own/root" ]; then
	echo 'xencall: error: Could not obtain handle on privileged command interface: Permission denied' >&2
	echo 'cannot init xl context' >&2
	exit 1
fi
next() { exec 9>>"$own/lock"; flock 9; id=$(($(cat "$own/last") + 1)); echo $id >"$own/last"; }
keep() { printf 'name="%s" uuid=%s mac=%s state=%s\n' "$name" "$uuid" "$mac" "${state:-r-----}" >"new.$id"; mv "new.$id" "$id"; }
known() { [ -f "$1" ] || { echo "$1 is an invalid domain identifier (rc=-6)" >&2; exit 1; }; id=$1; . "./$1"; }
value() { sed -n "s/^$1 *= *[\"']\([^\"']*\).*/\1/p" "$file" | tail -n 1; }
read_file() {
	[ "$1" = -f ] && file=$2 && shift 2
	if grep -q '^broken' "$file"; then
		echo "$file:1: config parsing error near \`broken': lexical error" >&2
		echo 'Failed to parse config: Invalid argument' >&2
		exit 1
	fi
	name=$(value name) uuid=$(value uuid)
	mac=$(sed -n 's/^vif.*mac=\([0-9a-fA-F:]*\).*/\1/p' "$file")
	for word; do case $word in uuid=*) uuid=$(echo "${word#uuid=}" | tr -d '"') ;; esac; done
	case $uuid in
	????????-????-????-????-????????????) ;;
	*) echo "Failed to parse UUID: $uuid" >&2; exit 1 ;;
	esac
}
case $1 in
list)
	if [ "$2" = -l ]; then
		printf '[{"domid":0,"config":{"c_info":{"type":"pv","name":"Domain-0"}}}'
		for id in [0-9]*; do
			[ -f "$id" ] && . "./$id" && [ "$mac" != none ] || continue
			printf ',{"domid":%s,"config":{"c_info":{"type":"pv"},"nics":[{"mac":"%s"}]}}' "$id" "$mac"
		done
		echo ']'
		exit 0
	fi
	echo 'Name                                        ID   Mem VCPUs	State	Time(s)   UUID   Reason-Code	Security Label'
	row() { printf '%-40s %5d   128     1     %s       4.1 %s        -                -\n' "$@"; }
	row Domain-0 0 r----- 00000000-0000-0000-0000-000000000000
	for id in [0-9]*; do [ -f "$id" ] && . "./$id" && row "$name" "$id" "$state" "$uuid"; done
	exit 0
	;;
info) echo 'xen_version            : 4.17.5' ;;
-N) shift 2; read_file "$@" ;;
create)
	shift
	read_file "$@"
	if grep -q "name=\"$name\"" [0-9]* 2>/dev/null; then
		echo "libxl: error: initiate_domain_create: Domain 3:Domain name \"$name\" already exists" >&2
		exit 3
	fi
	next
	keep
	;;
destroy) known "$2"; rm "$2" ;;
shutdown) known "$3"; rm "$3" ;;
reboot) known "$3"; rm "$3"; next; keep ;;
pause) known "$2"; state=--p---; keep ;;
unpause) known "$2"; state=------; keep ;;
save) known "$2"; mv "$2" "$3" ;;
restore) . "$2"; next; keep ;;
console) known "$2" ;;
*) exit 1 ;;
esac
"#;

const TST100: &str = "#@#MAGICID-XEN\n#@#LABEL = \"tst100\"\n#@#IP0 = \"192.168.1.220\"\n#@#CATEGORY = \"VM\"\n\
    name = \"tst100\"\nuuid = \"6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2\"\nmemory = 128\n\
    vif = [ \"mac=00:50:56:13:11:40,bridge=xenbr0\" ]\nvfb = [ \"type=vnc,vncunused=1\" ]\n";
/// With its uuid as the seed writes it.
const TST101: &str = "#@#MAGICID-XEN\n#@#IP0 = \"192.168.1.221\"\nname = 'tst101'\n\
    uuid = '6842caf91e3e43249ed596b8b9f2c5c3'\nmemory = 128\nvif = [ 'mac=00:50:56:13:11:41' ]\n";

const HERE: &str = "xen/tst-ctys";

/// The call: root on lab00 and lab01, two machines configured on each, none of which runs.
pub fn lab() -> Sealed {
    let sealed = Sealed::new();
    let saved = sealed.folder.join("saved").to_str().unwrap().to_string();
    let sealed = sealed.with("CTYS_XEN_SAVE_DIR", &saved);
    for (host, last) in [("lab00", "71"), ("lab01", "72")] {
        sealed.host(host, &format!("{host}.soho"), &format!("192.168.1.{last}"), &format!("00:0e:0c:35:f8:{last}"));
        let own = sealed.folder.join("hosts").join(host);
        fs::create_dir(own.join("domains")).unwrap();
        fs::write(own.join("last"), "0\n").unwrap();
        fs::write(own.join("root"), "").unwrap();
        let id = "if [ -e \"$HOSTS/$HOST/root\" ]; then u=0 n=root; else u=1000 n=acue; fi\n\
            case \"$1\" in -u) echo $u;; *) echo \"uid=$u($n) gid=$u($n) groups=$u($n)\";; esac";
        sealed.host_tool(host, "id", id);
        sealed.host_tool(host, "xl", XL);
        sealed.host_tool(
            host,
            "sudo",
            "[ \"$2\" != -l ] || exit 0\nshift 2\necho \"$HOST: sudo $*\" >>\"$LOG\"\nROOT=1 exec \"$@\"",
        );
        sealed.host_tool(
            host,
            "xenstore-ls",
            "for d in \"$HOSTS/$HOST/domains\"/[0-9]*; do [ -f \"$d\" ] && \
             echo \"/local/domain/${d##*/}/console/vnc-port = \\\"590${d##*/}\\\"\"; done; exit 0",
        );
        for tool in ["systemctl", "shutdown", "poweroff", "reboot", "init", "telinit"] {
            sealed.host_tool(host, tool, &format!("echo \"{host}: {tool} $*\" >>\"$LOG\""));
        }
        sealed.host_tool(host, "ping", &format!("echo \"{host}: ping $*\" >>\"$LOG\"; echo '1 received'"));
        configure(&sealed, host, "tst100/tst100.conf", TST100);
        configure(&sealed, host, "tst101/tst101.conf", TST101);
    }
    sealed
}

/// A file of a host, below its machines.
fn configure(sealed: &Sealed, host: &str, path: &str, text: &str) {
    let file = sealed.folder.join("hosts").join(host).join("home").join(HERE).join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// The absolute path of a file on lab00.
fn path(sealed: &Sealed, file: &str) -> String {
    sealed.folder.join("hosts/lab00/home").join(HERE).join(file).to_str().unwrap().to_string()
}

/// An ordinary account in the place of root.
fn ordinary(sealed: &Sealed) {
    fs::remove_file(sealed.folder.join("hosts/lab00/root")).unwrap();
}

const XEN: [&str; 4] = ["--transport", "openssh", "-t", "xen"];

/// `ctys -t xen -a <action> lab00`: exit code, standard output, standard error.
fn run(sealed: &Sealed, action: &str) -> (i32, String, String) {
    let outcome = sealed.ctys(&[&XEN[..], &["-a", action, "lab00"]].concat());
    (outcome.code, outcome.stdout, outcome.stderr)
}

#[track_caller]
fn well(sealed: &Sealed, action: &str) -> String {
    let (code, stdout, stderr) = run(sealed, action);
    assert_eq!(code, 0, "{action}\n{stdout}\n{stderr}\n{}", sealed.log());
    stdout
}

/// The titles and the rows of XEN and PM in a list of all types. The process table is that of the machine the test runs on, where others
/// may have sessions of other types.
fn of_all_types(sealed: &Sealed, action: &str) -> Vec<String> {
    let table = sealed.ctys(&["--transport", "openssh", "-a", action, "lab00"]).ends(0).0;
    let is_ours = |line: &&str| line.contains("|XEN ") || line.contains("|PM ");
    table.lines().filter(is_ours).map(str::to_string).collect()
}

/// The domains of lab00: number, name and state, as the fake xl has them.
fn domains(sealed: &Sealed) -> Vec<String> {
    let folder = sealed.folder.join("hosts/lab00/domains");
    let mut all: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            let field =
                |name: &str| text.split_once(name).unwrap().1.split([' ', '\n']).next().unwrap().replace('"', "");
            format!("{} {} {}", entry.file_name().to_str().unwrap(), field("name="), field("state="))
        })
        .collect();
    all.sort();
    all
}

/// What was done to domains and hosts: every call that is no look.
fn done(sealed: &Sealed) -> Vec<String> {
    let looks = ["ssh ", "lab00: xl list", "lab01: xl list", "lab00: xl -N", "lab00: ping", "lab00: xl info"];
    let is_look = |line: &&str| looks.iter().any(|look| line.starts_with(look));
    sealed.log().lines().filter(|line| !is_look(line)).map(str::to_string).collect()
}

const START: &str = "console:none,ping:off";

#[test]
fn every_kind_of_address_starts_the_same_machine() {
    let sealed = lab();
    let file = path(&sealed, "tst100/tst100.conf");
    let addresses = [
        "f:xen/tst-ctys/tst100/tst100.conf",
        "f:tst-ctys/tst100/tst100.conf",
        "F:tst100/tst100.conf",
        &format!("p:{file}"),
        &format!("i:{file}"),
        &format!("ID:{file}"),
        &format!("pathname:{file}"),
        &format!("pname:{file}"),
        "l:tst100",
        "u:6842caf91e3e43249ed596b8b9f2c5c2",
        "u:6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C2",
        "m:00:50:56:13:11:40",
        "t:192.168.1.220",
    ];
    for (n, address) in addresses.iter().enumerate() {
        well(&sealed, &format!("create={address},{START}"));
        assert_eq!(domains(&sealed), [format!("{} tst100 r-----", n + 1)], "{address}");
        well(&sealed, &format!("cancel=poweroff:0,{address}"));
        assert_eq!(domains(&sealed), [""; 0], "{address}");
    }
    let calls = done(&sealed);
    assert_eq!(calls.iter().filter(|line| **line == format!("lab00: xl create -f {file}")).count(), addresses.len());
    // More than one is an error that names them, and nothing is started.
    let (code, _, stderr) = run(&sealed, &format!("create=f:tst-ctys,{START}"));
    assert_eq!((code, domains(&sealed)), (11, vec![]), "{stderr}");
    assert!(stderr.contains("tst100.conf") && stderr.contains("tst101.conf"), "{stderr}");
}

#[test]
fn a_uuid_without_dashes_is_the_same_as_one_with_them() {
    let sealed = lab();
    // xl itself refuses the 32 digits of the seed, in the file of tst101.
    for address in ["l:tst101", "u:6842caf91e3e43249ed596b8b9f2c5c3", "u:6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C3"] {
        well(&sealed, &format!("create={address},{START}"));
        let list = well(&sealed, "list=terse,tab_gen:3_l_6%%5_u_32");
        assert!(list.contains("tst101|6842caf91e3e43249ed596b8b9f2c5c3"), "{list}");
        for again in ["u:6842caf91e3e43249ed596b8b9f2c5c3", "u:6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C3"] {
            let (code, _, stderr) = run(&sealed, &format!("create={again},{START}"));
            assert!(code == 5 && stderr.contains("tst101 runs already"), "{stderr}");
        }
        well(&sealed, "cancel=poweroff:0,u:6842caf9-1e3e-4324-9ed5-96b8b9f2c5c3");
        assert_eq!(domains(&sealed), [""; 0]);
    }
    configure(&sealed, "lab00", "odd/odd.conf", "name = 'odd'\nuuid = 'garbage'\n");
    let (code, _, stderr) = run(&sealed, &format!("create=p:{},{START}", path(&sealed, "odd/odd.conf")));
    assert!(code == 5 && stderr.contains("odd.conf line 2: garbage is no uuid"), "{stderr}");
}

#[test]
fn console_none_starts_the_machine_and_opens_nothing() {
    let sealed = lab();
    let said = well(&sealed, "create=l:tst100,console:none");
    assert!(said.contains("tst100 started as domain 1"), "{said}");
    assert_eq!(domains(&sealed), ["1 tst100 r-----"]);
    // It waits until the guest answers, which is no console.
    assert!(sealed.log().contains("lab00: ping -c 1 -w 2 192.168.1.220"), "{}", sealed.log());
    assert!(!sealed.log().contains("console"), "{}", sealed.log());
    let said = well(&sealed, "create=l:tst100,console:none,connect");
    assert!(said.contains("tst100 is running as domain 1"), "{said}");
}

#[test]
fn what_runs_is_not_started_twice_and_what_does_not_run_is_not_connected_to() {
    let sealed = lab();
    let (code, _, stderr) = run(&sealed, "create=l:tst100,console:none,connect");
    assert!(code == 5 && stderr.contains("CONNECT"), "{stderr}");
    assert_eq!(done(&sealed), [""; 0]);
    well(&sealed, &format!("create=l:tst100,{START}"));
    let (code, _, stderr) = run(&sealed, &format!("create=l:tst100,{START}"));
    assert!(code == 5 && stderr.contains("tst100 runs already") && stderr.contains("REUSE"), "{stderr}");
    well(&sealed, &format!("create=l:tst100,{START},reuse"));
    assert_eq!(domains(&sealed), ["1 tst100 r-----"]);
}

#[test]
fn z_wraps_only_the_calls_that_need_root() {
    let sealed = lab();
    ordinary(&sealed);
    let (code, _, stderr) = run(&sealed, &format!("create=l:tst100,{START}"));
    assert!(code == 5 && stderr.contains("lab00: privilege: ") && stderr.contains("-Z"), "{stderr}");
    for (action, target) in
        [("create=l:tst100,console:none", "lab00(-Z SUDO)"), ("cancel=poweroff:0,l:tst100", "lab00( -Z SUDO )")]
    {
        sealed.ctys(&[&XEN[..], &["-a", action, target]].concat()).ends(0);
    }
    let log = sealed.log();
    let raised: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix("lab00: sudo ")).collect();
    assert!(raised.iter().any(|line| line.starts_with("xl create")), "{log}");
    assert!(raised.iter().any(|line| line.starts_with("xl destroy")), "{log}");
    let of_xen = ["xl ", "mv ", "xenstore"];
    let odd: Vec<&&str> = raised.iter().filter(|line| !of_xen.iter().any(|tool| line.starts_with(tool))).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(log.contains("lab00: ping"), "{log}");
}

#[test]
fn a_suspended_machine_is_resumed_from_its_state_or_from_the_named_one() {
    let sealed = lab();
    well(&sealed, &format!("create=l:tst100,{START}"));
    well(&sealed, "cancel=suspend,l:tst100");
    assert_eq!(domains(&sealed), [""; 0]);
    let said = well(&sealed, &format!("create=l:tst100,{START},resume"));
    assert!(said.contains("tst100 resumed as domain 2"), "{said}");
    // The state is good once.
    well(&sealed, "cancel=poweroff:0,l:tst100");
    let (code, _, stderr) = run(&sealed, &format!("create=l:tst100,{START},resume"));
    assert!(code == 5 && stderr.contains("tst100.save is not there"), "{stderr}");
    // A relative one is below the home folder there.
    let state = "name=\"tst100\" uuid=6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2 mac=00:50:56:13:11:40 state=r-----\n";
    fs::write(sealed.folder.join("hosts/lab00/home/mystate.stat"), state).unwrap();
    well(&sealed, &format!("create=l:tst100,{START},resume:mystate.stat"));
    assert_eq!(domains(&sealed), ["3 tst100 r-----"]);
}

#[test]
fn every_method_of_cancel_does_its_own_to_its_own_machine_only() {
    let check = |method: &str, calls: &[&str], left: &[&str]| {
        let sealed = lab();
        for label in ["tst100", "tst101"] {
            well(&sealed, &format!("create=l:{label},{START}"));
        }
        let before = done(&sealed).len();
        let file = path(&sealed, "tst100/tst100.conf");
        well(&sealed, &format!("cancel={}", method.replace('@', &file)));
        let calls: Vec<String> = calls.iter().map(|call| format!("lab00: {}", call.replace('@', &file))).collect();
        assert_eq!(done(&sealed)[before..], calls, "{method}");
        assert_eq!(domains(&sealed), left, "{method}");
    };
    const OTHER: &str = "2 tst101 r-----";
    check("poweroff:0,p:@", &["xl destroy 1"], &[OTHER]);
    check("l:tst100,POWEROFF:0", &["xl destroy 1"], &[OTHER]);
    check("l:tst100", &["xl shutdown -F 1"], &[OTHER]);
    check("init:0,p:@", &["xl shutdown -F 1"], &[OTHER]);
    for force in ["", "force,"] {
        check(&format!("{force}reset,p:@"), &["xl destroy 1", "xl create -f @"], &[OTHER, "3 tst100 r-----"]);
        check(&format!("{force}REBOOT,p:@"), &["xl reboot -F 1"], &[OTHER, "3 tst100 r-----"]);
        check(&format!("{force}init:6,l:tst100"), &["xl reboot -F 1"], &[OTHER, "3 tst100 r-----"]);
        check(&format!("{force}pause,l:tst100"), &["xl pause 1"], &["1 tst100 --p---", OTHER]);
    }
    check("poweroff:0,all", &["xl destroy 1", "xl destroy 2"], &[]);
    check("reset,self,p:@", &["xl destroy 1", "xl create -f @", "systemctl reboot"], &[OTHER, "3 tst100 r-----"]);
}

#[test]
fn a_cancel_without_a_match_does_nothing() {
    let sealed = lab();
    well(&sealed, &format!("create=l:tst100,{START}"));
    let before = done(&sealed).len();
    for words in ["l:tst10", "l:tst101", "f:nowhere", "u:6842caf91e3e43249ed596b8b9f2c5c9", "m:00:50:56:13:11:4f"] {
        for method in ["poweroff:0", "force,poweroff:0", "reset", "force,reboot"] {
            let (code, _, stderr) = run(&sealed, &format!("cancel={method},{words}"));
            assert!(code == 5 && stderr.contains("lab00"), "{method},{words}: {stderr}");
        }
    }
    let (code, _, stderr) = run(&sealed, "cancel=poweroff:0,l:Domain-0");
    assert!(code == 5 && stderr.contains("the host itself"), "{stderr}");
    assert_eq!(done(&sealed).len(), before);
    assert_eq!(domains(&sealed), ["1 tst100 r-----"]);
    well(&sealed, "cancel=poweroff:0,all");
    // With nobody but Domain-0, ALL means nobody.
    well(&sealed, "cancel=poweroff:0,all");
    assert_eq!(done(&sealed)[before..], ["lab00: xl destroy 1"]);
}

#[test]
fn a_reset_from_a_broken_configuration_destroys_nothing() {
    let sealed = lab();
    well(&sealed, &format!("create=l:tst100,{START}"));
    let before = done(&sealed).len();
    configure(&sealed, "lab00", "tst100/tst100.conf", &format!("broken\n{TST100}"));
    let (code, _, stderr) = run(&sealed, "cancel=reset,l:tst100");
    assert!(code == 5 && stderr.contains("nothing was done") && stderr.contains("lexical error"), "{stderr}");
    assert_eq!(done(&sealed).len(), before);
    assert_eq!(domains(&sealed), ["1 tst100 r-----"]);
}

#[test]
fn a_start_that_was_cut_short_is_seen_and_undone() {
    let sealed = lab();
    // What is left of a killed `xl create`: the name, paused, and not in the long list.
    let left = "name=\"tst100\" uuid=6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2 mac=none state=--p---\n";
    fs::write(sealed.folder.join("hosts/lab00/domains/7"), left).unwrap();
    let list = well(&sealed, "list=json");
    assert!(list.contains("half made"), "{list}");
    let (code, _, stderr) = run(&sealed, &format!("create=l:tst100,{START}"));
    assert!(code == 5 && stderr.contains("half made") && stderr.contains("POWEROFF:0 removes it"), "{stderr}");
    well(&sealed, "cancel=poweroff,l:tst100");
    assert_eq!(done(&sealed), ["lab00: xl destroy 7"]);
    well(&sealed, &format!("create=l:tst100,{START}"));
    assert_eq!(domains(&sealed), ["1 tst100 r-----"]);
}

#[test]
fn list_of_one_type_shows_its_rows_only() {
    let sealed = lab();
    well(&sealed, &format!("create=l:tst100,{START}"));
    let table = "list=terse,tab_gen:3_label_8%%2_stype_5%%14_c_1";
    assert_eq!(well(&sealed, table), "Domain-0|XEN  |S\ntst100  |XEN  |S\n");
    assert_eq!(of_all_types(&sealed, table), ["Domain-0|XEN  |S", "tst100  |XEN  |S", "lab00   |PM   |S"]);
}

#[test]
fn tab_cport_has_the_live_ports_of_domains_and_no_address() {
    let sealed = lab();
    for label in ["tst100", "tst101"] {
        well(&sealed, &format!("create=l:{label},{START}"));
    }
    assert_eq!(
        of_all_types(&sealed, "list=macro:TAB_CPORT"),
        [
            "Label     |stype   |cport|PM             |MAC               |TCP            ",
            "Domain-0  |XEN     |     |lab00.soho     |                  |               ",
            "tst100    |XEN     |5901 |lab00.soho     |00:50:56:13:11:40 |               ",
            "tst101    |XEN     |5902 |lab00.soho     |00:50:56:13:11:41 |               ",
            "lab00     |PM      |     |lab00.soho     |00:0E:0C:35:F8:71 |192.168.1.71   ",
        ]
    );
}

#[test]
fn enumerate_shows_what_is_configured_and_list_what_runs() {
    let sealed = lab();
    configure(&sealed, "lab00", "tst104/tst104.conf", &TST100.replace("tst100", "tst104").replace(":40", ":44"));
    configure(&sealed, "lab00", "old/old.conf", &format!("#@#MAGICID-IGNORE\n{TST100}"));
    configure(&sealed, "lab00", "new/new.conf", &format!("#@#MAGICID-NOENUM\n{TST100}"));
    well(&sealed, &format!("create=l:tst100,{START}"));
    let list = well(&sealed, "list=terse,tab_gen:3_label_8");
    assert_eq!(list, "Domain-0\ntst100  \n");
    // No Xen below this test: what is configured is shown all the same, if that is asked for.
    let (code, _, stderr) = run(&sealed, "enumerate=machine,b:xen");
    assert!(code == 0 && stderr.contains("no Xen host") && stderr.contains("MATCHVSTAT:ALL"), "{stderr}");
    assert_eq!(of_all_types(&sealed, "enumerate=terse,tab_gen:3_l_8%%2_t_5,b:xen"), [""; 0]);
    // A relative base is below the home folder there; the address is the configured one, and no port is.
    let table = well(&sealed, "enumerate=macro:TAB_CPORT,b:xen,matchvstat:all");
    let rows: Vec<&str> = table.lines().skip(2).map(str::trim_end).collect();
    assert_eq!(
        rows,
        [
            "tst100    |XEN     |     |lab00.soho     |00:50:56:13:11:40 |192.168.1.220",
            "tst101    |XEN     |     |lab00.soho     |00:50:56:13:11:41 |192.168.1.221",
            "tst104    |XEN     |     |lab00.soho     |00:50:56:13:11:44 |192.168.1.220",
        ]
    );
    let elsewhere = well(&sealed, "enumerate=terse,machine,b:nowhere,matchvstat:all");
    assert_eq!(elsewhere, "");
}

#[test]
fn enumerate_of_several_hosts_has_one_title_and_each_machine_once_per_host() {
    let sealed = lab();
    let call = ["-a", "enumerate=machine,title,b:xen,matchvstat:all", "lab00", "lab01"];
    let text = sealed.ctys(&[&XEN[..], &call].concat()).ends(0).0;
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(';').collect()).collect();
    assert!(rows[0].len() == 47 && rows[0][2].starts_with("Label"), "{text}");
    let names: Vec<(&str, &str)> = rows[1..].iter().map(|row| (row[0], row[2])).collect();
    let want = [("lab00.soho", "tst100"), ("lab00.soho", "tst101"), ("lab01.soho", "tst100"), ("lab01.soho", "tst101")];
    assert_eq!(names, want);
}

#[test]
fn the_tool_is_looked_for_in_the_whole_path() {
    // The fake xl is in no folder of system tools; a host without one is no Xen host, which is remarked.
    let sealed = lab();
    well(&sealed, &format!("create=l:tst100,{START}"));
    fs::remove_file(sealed.folder.join("hosts/lab00/xl")).unwrap();
    let (code, _, stderr) = run(&sealed, "list=terse,machine");
    assert!(code == 0 && stderr.contains("xl not found"), "{stderr}");
}
