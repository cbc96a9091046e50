//! ENUMERATE.

use super::Lab;

#[test]
fn l570_raw_records_with_titles() {
    let lab = Lab::with(&["tst100"]);
    // The machine that runs the tests has no Xen, and no folder of that name: both are remarked.
    let (stdout, stderr) = lab.call("ctys -t xen -a enumerate=machine,title,b:xen localhost root@lab00").ends(0);
    assert!(stderr.contains("ctys: localhost: "), "{stderr}");
    let mut lines = stdout.lines();
    assert!(lines.next().unwrap().starts_with("ContainingMachine;SessionType;Label;ID;UUID;MAC;TCP;"), "{stdout}");
    let mut records: Vec<Vec<&str>> = lines.map(|line| line.split(';').collect()).collect();
    records.sort();
    let found: Vec<Vec<&str>> = records.iter().map(|record| record[..7].to_vec()).collect();
    let of = |name: &'static str, uuid, mac, tcp| {
        let path = ["/root/xen/tst-ctys/", name, "/", name, ".conf"].concat();
        ["lab00.soho", "XEN", name, &path, uuid, mac, tcp].map(str::to_string).to_vec()
    };
    assert_eq!(
        found,
        [
            of("tst100", "6842caf91e3e43249ed596b8b9f2c5c2", "00:50:56:13:11:40", "192.168.1.220"),
            of("tst101", "6842caf91e3e43249ed596b8b9f2c5c3", "00:50:56:13:11:41", "192.168.1.221"),
            of("tst104", "6842caf91e3e43249ed596b8b9f2c5c4", "00:50:56:13:11:44", "192.168.1.224"),
        ]
    );
}

#[test]
fn l577_ports_and_addresses() {
    let lab = Lab::with(&["tst100"]);
    let outcome = lab.call("ctys -a enumerate=macro:TAB_CPORT,b:xen%/etc/ctys.d localhost lab00 ");
    let rows = outcome.stdout.lines().skip(2).map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let there: Vec<Vec<&str>> = rows.filter(|row| row[3] == "lab00.soho").collect();
    assert_eq!(
        there,
        [
            ["tst100", "XEN", "", "lab00.soho", "00:50:56:13:11:40", "192.168.1.220"],
            ["tst101", "XEN", "", "lab00.soho", "00:50:56:13:11:41", "192.168.1.221"],
            ["tst104", "XEN", "", "lab00.soho", "00:50:56:13:11:44", "192.168.1.224"],
            ["lab00", "PM", "", "lab00.soho", "00:0E:0C:35:F8:48", "192.168.1.71"],
        ],
        "{outcome:?}"
    );
}
