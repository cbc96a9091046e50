//! Which files are configurations of Xen domains, and what is read from them: a folder in, one line per machine out.

use ctys_plugin::machines::{Configured, shown};
use ctys_plugin::model::probe::{FoundFile, Scanned};
use ctys_plugin::model::{Answer, Bytes, FileAnswer};
use ctys_plugin::testing::{facts_with, scanned};
use ctys_xen::{conf, probes};

fn show(answer: Answer) -> String {
    let walks = probes::configurations(&["/".to_string()]);
    let facts = facts_with([(walks[0].clone(), answer)]);
    let found = conf::found(&facts, &walks);
    let line = |machine: &conf::Machine| {
        let (interfaces, odd) = machine.cards();
        let own: Vec<String> = interfaces
            .iter()
            .map(|nic| {
                let part = |part: &Option<String>| part.clone().unwrap_or("-".into());
                format!("{}={}/{}@{}", nic.name, part(&nic.mac), part(&nic.ip), part(&nic.relay))
            })
            .collect();
        let lines: Vec<String> = odd.iter().map(|problem| format!("! {}", problem.message)).collect();
        let text = [
            machine.shown_path(),
            machine.name().unwrap_or("-".into()),
            machine.uuid().unwrap_or("-".into()),
            machine.state().unwrap_or("-").to_string(),
        ];
        [text.to_vec(), own, lines].concat().join(" ")
    };
    let rest = found.unreadable.iter().map(|path| format!("? {}", shown(path)));
    found.machines.iter().map(line).chain(rest).collect::<Vec<_>>().join("\n")
}

fn check(files: &[(&str, &str)], want: &[&str]) {
    let files = files.iter().map(|(path, text)| (*path, Bytes::from(*text)));
    assert_eq!(show(scanned(files)), want.join("\n"));
}

const FIVE: &str = "name='x'\nvif=[]\nmemory=1\nkernel='k'\nvcpus=1\n";

#[test]
fn what_counts_as_a_configuration() {
    check(&[("/x.cfg", FIVE)], &["/x.cfg x - -"]);
    check(&[("/x.cfg", "name='x'\nvif=[]\nmemory=1\nkernel='k'\n")], &[]);
    check(&[("/x.cfg", "name='x'\nname='y'\nmemory=1\nmemory=2\nvif=[]\n")], &[]);
    check(&[("/x.cfg", "# name='x'\n# vif=[]\n#memory=1\n#kernel='k'\n#vcpus=1\n")], &[]);
    check(&[("/x.cfg", "[section]\nname = x\nmemory = big\n")], &[]);
    check(
        &[("/x.conf", "#@#MAGICID-XEN\n#@#LABEL=x\n#@#UUID = 6842CAF9-1E3E-4324-9ED5-96B8B9F2C5C2\n")],
        &["/x.conf x 6842caf91e3e43249ed596b8b9f2c5c2 -"],
    );
    check(&[("/x.conf", &format!("#@#MAGICID-IGNORE\n#@#MAGICID-XEN\n{FIVE}"))], &[]);
    check(&[("/x.conf", &format!("{FIVE}#@#MAGICID-NOENUM"))], &[]);
    check(&[("/x.conf", &format!("{FIVE}#_@#MAGICID-NOENUM\n#@#VMSTATE='BACKUP'\n"))], &["/x.conf x - BACKUP"]);
    check(&[("/x.conf", "")], &[]);
}

#[test]
fn files_that_belong_together() {
    let magic = "#@#MAGICID-XEN\n#@#LABEL=m\n#@#UUID=6842caf91e3e43249ed596b8b9f2c5c2\n";
    check(&[("/v/x.conf", FIVE), ("/v/x.ctys", magic)], &["/v/x.conf x 6842caf91e3e43249ed596b8b9f2c5c2 -"]);
    check(&[("/v.ctys", "#@#VMSTATE=ACTIVE\n"), ("/v/x.conf", FIVE)], &["/v/x.conf x - ACTIVE"]);
    check(&[("/v/x.ctys", magic)], &["/v/x.ctys m 6842caf91e3e43249ed596b8b9f2c5c2 -"]);
    check(&[("/v/x.conf", "text"), ("/v/x.ctys", magic)], &["/v/x.ctys m 6842caf91e3e43249ed596b8b9f2c5c2 -"]);
    check(&[("/etc/xen/auto/x.cfg", FIVE), ("/etc/xen/x.cfg", FIVE)], &["/etc/xen/x.cfg x - -"]);
    check(
        &[("/etc/xen/auto/x.cfg", FIVE), ("/etc/xen/x.cfg", &FIVE.replace('x', "y"))],
        &["/etc/xen/auto/x.cfg x - -", "/etc/xen/x.cfg y - -"],
    );
}

#[test]
fn interfaces_of_a_file() {
    let one = |text: &str, want: &str| {
        check(
            &[("/x.cfg", &format!("#@#MAGICID-XEN\nname='x'\n{text}"))],
            &[format!("/x.cfg x - - {want}").trim_end()],
        );
    };
    const A: &str = "00:16:3E:00:00:0A";
    const B: &str = "00:16:3E:00:00:0B";
    one("", "");
    one("vif = [ '' ]", "0=-/-@-");
    one("vif = [ 'mac=00-16-3e-00-00-0a , bridge=br0' ]", &format!("0={A}/-@br0"));
    one("vif = [ 'MAC=00:16:3e:00:00:0a,bridge =br0', 'mac=garbage' ]", "0=-/-@- 1=-/-@-");
    one("vif = [ 'mac=00:16:3e:00:00:0a,ip=10.0.0.1 10.0.0.2', 'bridge=br1' ]", &format!("0={A}/10.0.0.1@- 1=-/-@br1"));
    one("vif = 'mac=00:16:3e:00:00:0a'", "");
    one("#@#MAC0=00:16:3e:00:00:0a\n#@#IP0=10.0.0.1\nvif=['bridge=br0']", &format!("0={A}/10.0.0.1@br0"));
    one("#@#IP0=10.0.0.1\nvif=['mac=00:16:3e:00:00:0a']", &format!("0={A}/10.0.0.1@-"));
    one(
        "#@#IP=10.0.0.1%%gw%eth0,10.0.0.2\nvif=['mac=00:16:3e:00:00:0a']",
        &format!("eth0={A}/10.0.0.1@gw 0={A}/10.0.0.2@-"),
    );
    // By the hardware address, whatever the number; what is native beats what is noted.
    one(
        "#@#MAC1=00:16:3e:00:00:0a\n#@#IP1=10.0.0.1\nvif=['mac=00:16:3e:00:00:0a','mac=00:16:3e:00:00:0b']",
        &format!("1={A}/10.0.0.1@- 1={B}/-@-"),
    );
    one("#@#MAC0=00:16:3e:00:00:0b\n#@#IP0=10.0.0.1\nvif=['mac=00:16:3e:00:00:0a']", &format!("0={A}/10.0.0.1@-"));
    // A card that is handed through has no vif.
    one("#@#MAC1=00:16:3e:00:00:0b\nvif=['mac=00:16:3e:00:00:0a']", &format!("0={A}/-@- 1={B}/-@-"));
    one("#@#IP0=10.0.0.1", "0=-/10.0.0.1@- ! IP0 has no MAC0");
}

#[test]
fn files_that_may_not_be_read_are_told_of() {
    let denied = FoundFile { path: "/secret.conf".into(), file: FileAnswer::Denied };
    let absent = FoundFile { path: "/gone".into(), file: FileAnswer::Absent };
    assert_eq!(show(Answer::Scanned(Scanned { files: vec![absent, denied], cut: false })), "? /secret.conf");
}

#[test]
fn captures() {
    check(
        &[
            ("/a.conf", include_str!("../captures/xl-cfg-tst100.conf")),
            ("/b.conf", include_str!("../captures/xl-cfg-every-freedom.conf")),
            ("/c.cfg", include_str!("../captures/xl-cfg-xm-3.2-hvm.cfg")),
        ],
        &[
            "/a.conf tst100 6842caf91e3e43249ed596b8b9f2c5c2 ACTIVE 0=00:50:56:13:11:40/192.168.1.220@xenbr0",
            "/b.conf tst101 6842caf91e3e43249ed596b8b9f2c5c3 - 0=00:50:56:13:11:41/192.168.1.221@xenbr0",
            "/c.cfg old5 - - eth0=00:16:3E:AA:BB:CC/10.0.0.5@lab00 0=00:16:3E:AA:BB:CC/10.0.0.6@xenbr0 1=-/10.1.0.5@xenbr1",
        ],
    );
}
