//! Short verbs: what they come to, and that nothing is guessed on the way.

use crate::sealed::Sealed;

const BY_SSH: [&str; 2] = ["--transport", "openssh"];

/// lab00 runs tst100 under a Xen of which every call is written down; lab01 has nothing.
pub fn lab() -> Sealed {
    let sealed = Sealed::new();
    for (host, last) in [("lab00", "71"), ("lab01", "72")] {
        sealed.host(host, host, &format!("192.168.1.{last}"), &format!("00:0e:0c:35:f8:{last}"));
        sealed.host_tool(
            host,
            "id",
            "case \"$1\" in -u) echo 0;; *) echo 'uid=0(root) gid=0(root) groups=0(root)';; esac",
        );
    }
    sealed.host_tool("lab00", "xl", XL);
    std::fs::write(sealed.folder.join("hosts/lab00/up"), "b").unwrap();
    sealed
}

/// `xl` of a host with one domain, number 7, whose state is the one letter in the file `up`: none when it is gone.
const XL: &str = r#"state=$(cat "$HOSTS/lab00/up" 2>/dev/null)
uuid=6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2
case "$1 $2" in
"list -v")
  echo 'Name                                        ID   Mem VCPUs	State	Time(s)	UUID                            Reason-Code	Security Label'
  echo 'Domain-0                                     0   128     1     r-----       4.1 00000000-0000-0000-0000-000000000000        -                -'
  case $state in b) s=-b----;; p) s=--p---;; *) exit 0;; esac
  echo "tst100                                       7   128     1     $s       4.1 $uuid        -                -" ;;
"list -l")
  case $state in b|p) more=',{"domid":7,"config":{"c_info":{"type":"pv","name":"tst100"},"nics":[]}}';; esac
  echo "[{\"domid\":0,\"config\":{\"c_info\":{\"type\":\"pv\",\"name\":\"Domain-0\"}}}$more]" ;;
"info "*) echo 'xen_version            : 4.17.4' ;;
*) echo "xl $*" >>"$LOG"
  case $1 in destroy|shutdown) : >"$HOSTS/lab00/up";; pause) echo p >"$HOSTS/lab00/up";; unpause) echo b >"$HOSTS/lab00/up";; esac ;;
esac"#;

/// What was changed.
pub fn changes(sealed: &Sealed) -> Vec<String> {
    sealed.log().lines().filter(|line| line.starts_with("xl ")).map(str::to_string).collect()
}

#[test]
fn ctys_alone_says_what_to_do_next() {
    let stderr = Sealed::new().ctys(&[]).fails(1);
    for call in ["ctys ls", "ctys ls HOST...", "ctys doctor HOST", "ctys start HOST/NAME", "ctys help"] {
        assert!(stderr.contains(call), "{stderr}");
    }
    assert!(stderr.lines().count() < 8 && stderr.lines().all(|line| line.chars().count() <= 80), "{stderr}");
}

#[test]
fn explain_prints_the_classic_form_and_does_nothing() {
    let sealed = lab();
    let text = sealed.ctys(&["stop", "--explain", "-Z", "SUDO", "-t", "xen", "lab00/tst100"]).ok();
    assert_eq!(text, "ctys -t XEN -Z SUDO -a CANCEL=L:tst100,POWEROFF lab00\n");
    assert_eq!(sealed.ctys(&["--explain", "-a", "list=json", "lab00"]).ok(), "ctys -a LIST=JSON lab00\n");
    assert_eq!(sealed.log(), "");
}

#[test]
fn ls_lists_this_machine() {
    let sealed = Sealed::new();
    let here = sealed.ctys(&["ls", "-t", "pm"]).ok();
    assert_eq!(here, sealed.ctys(&["-t", "pm", "-a", "list"]).ok());
    assert!(here.contains("ws2.soho"), "{here}");
}

#[test]
fn the_type_of_a_machine_is_asked_of_its_host() {
    let sealed = lab();
    let words = [&["pause"][..], &BY_SSH, &["lab00/tst100"]].concat();
    sealed.ctys(&words).ends(0);
    assert_eq!(changes(&sealed), ["xl pause 7"]);
    let (_, stderr) = sealed.ctys(&[&["stop"][..], &BY_SSH, &["lab01/tst100"]].concat()).ends(5);
    assert!(stderr.contains("lab01") && stderr.contains("-t TYPE"), "{stderr}");
    let (_, stderr) = sealed.ctys(&[&["stop"][..], &BY_SSH, &["lab09/tst100"]].concat()).ends(4);
    assert!(stderr.contains("lab09") && stderr.contains("resolve"), "{stderr}");
    assert_eq!(changes(&sealed), ["xl pause 7"]);
}

#[test]
fn the_inventory_says_where_and_the_host_whether() {
    let sealed = lab();
    let line = |host: &str, kind: &str, label: &str| {
        format!("{host};{kind};{label};/etc/xen/{label}.cfg;;00:50:56:13:11:40;192.168.1.220{}\n", ";".repeat(40))
    };
    let records = [line("lab00", "XEN", "tst100"), line("lab00", "XEN", "twice"), line("lab01", "QEMU", "twice")];
    sealed.file(".ctys/db/default/enum.fdb", &records.concat());
    let text = sealed.ctys(&["stop", "--explain", "tst100"]).ok();
    assert_eq!(text, "ctys -t XEN -a CANCEL=L:tst100,POWEROFF lab00\n");
    // Two of one name are an error that lists both.
    let stderr = sealed.ctys(&["stop", "twice"]).fails(11);
    for candidate in ["-t XEN lab00/twice", "-t QEMU lab01/twice"] {
        assert!(stderr.contains(candidate), "{stderr}");
    }
    let stderr = sealed.ctys(&["stop", "nobody"]).fails(2);
    assert!(stderr.contains("vdbgen"), "{stderr}");
    // The record says a path that nobody finds on the host: nothing is done on its word.
    let (_, stderr) = sealed.ctys(&[&["stop"][..], &BY_SSH, &["tst100"]].concat()).ends(5);
    assert!(stderr.contains("nothing") || stderr.contains("/etc/xen/tst100.cfg"), "{stderr}");
    assert_eq!(changes(&sealed), [""; 0]);
}

#[test]
fn a_kind_that_cannot_run_commands_inside_refuses() {
    let sealed = lab();
    let words = [&["exec"][..], &BY_SSH, &["-t", "xen", "lab00/tst100", "--", "uname", "-a"]].concat();
    let (_, stderr) = sealed.ctys(&words).ends(1);
    assert!(stderr.contains("CMD") && stderr.contains("lab00"), "{stderr}");
    assert_eq!(changes(&sealed), [""; 0]);
}

#[test]
fn help_on_a_verb_and_the_nearest_one() {
    let sealed = Sealed::new();
    let text = sealed.ctys(&["stop", "-h"]).ok();
    assert_eq!(text, sealed.ctys(&["-H", "stop"]).ok());
    assert!(text.contains("HOST/NAME") && text.contains("CANCEL=l:NAME,POWEROFF"), "{text}");
    let stderr = sealed.ctys(&["strat", "lab00/tst100"]).fails(1);
    assert!(stderr.contains("did you mean ctys start?"), "{stderr}");
    assert!(stderr.contains("^"), "{stderr}");
    let stderr = sealed.ctys(&["-H", "strat"]).fails(1);
    assert!(stderr.contains("did you mean start?"), "{stderr}");
}

#[test]
fn help_is_a_word_like_the_others() {
    let sealed = Sealed::new();
    assert_eq!(sealed.ctys(&["help"]).ok(), sealed.ctys(&["-h"]).ok());
    for topic in ["stop", "exit", "list"] {
        assert_eq!(sealed.ctys(&["help", topic]).ok(), sealed.ctys(&["-H", topic]).ok());
    }
    // A companion tool by either of its names, a tool of a plugin, a kind of sessions.
    let tool = sealed.ctys(&["vhost", "-h"]).ok();
    for name in ["vhost", "ctys-vhost", "VHOST"] {
        assert_eq!(sealed.ctys(&["help", name]).ok(), tool);
    }
    for (word, hint) in [
        ("cube-ctl", "cube-ctl -h, or man cube-ctl"),
        ("xen", "man ctys-xen; examples: man ctys-uc-XEN"),
        ("Qemu", "man ctys-qemu; examples: man ctys-uc-QEMU"),
        ("lits", "did you mean list?"),
    ] {
        let stderr = sealed.ctys(&["help", word]).fails(1);
        assert!(stderr.contains(&format!("there is no help on \"{word}\"")) && stderr.contains(hint), "{stderr}");
    }
    let stderr = sealed.ctys(&["help", "stop", "start"]).fails(1);
    assert!(stderr.contains("help takes one word"), "{stderr}");
    assert!(sealed.ctys(&["help", "-h"]).ok().contains("ctys help [OPTIONS] [VERB|TOPIC|TOOL]"));
}
