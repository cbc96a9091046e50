//! LIST.

use super::Lab;

/// The names of machines are known by their hardware addresses, as in the seed.
fn lab() -> Lab {
    let lab = Lab::with(&["tst100", "tst101"]);
    let db = lab.dom0.home().join(".ctys/db/default");
    std::fs::create_dir_all(&db).unwrap();
    std::fs::write(
        db.join("macmap.fdb"),
        "tst100;00:50:56:13:11:40;192.168.1.220\ntst101;00:50:56:13:11:41;192.168.1.221\n",
    )
    .unwrap();
    lab
}

/// The cells of a table's rows, without the header.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let cells = |line| str::split(line, '|').map(str::trim).collect();
    table.lines().skip(2).map(cells).collect()
}

#[test]
fn l466_raw_records_with_numbered_titles() {
    let lab = lab();
    let text = lab.call("ctys -t xen -a list=machine,titleidx root@lab00").ok();
    let mut lines = text.lines();
    assert!(
        lines.next().unwrap().starts_with("ContainingMachine(1);SessionType(2);Label(3);ID(4);UUID(5);MAC(6);TCP(7);")
    );
    let mut records: Vec<Vec<&str>> = lines.map(|line| line.split(';').collect()).collect();
    // They come by their numbers, which an earlier test may have given anew.
    records.sort_by_key(|record| record[2]);
    let heads: Vec<_> =
        records.iter().map(|record| (record.len(), record[..3].to_vec(), record[4], record[5])).collect();
    let of = |label, uuid, mac| (22, vec!["lab00.soho", "XEN", label], uuid, mac);
    assert_eq!(heads[0].1, ["lab00.soho", "XEN", "Domain-0"]);
    assert_eq!(heads[1], of("tst100", "6842caf91e3e43249ed596b8b9f2c5c2", "00:50:56:13:11:40"));
    assert_eq!(heads[2], of("tst101", "6842caf91e3e43249ed596b8b9f2c5c3", "00:50:56:13:11:41"));
    // The path of the configuration is the id, and the port is that of the running domain.
    assert_eq!(records[1][3], "/root/xen/tst-ctys/tst100/tst100.conf");
    let port = lab.dom0.ssh("xenstore-read /local/domain/$(xl domid tst100)/console/vnc-port");
    assert_eq!(records[1][8], port.trim());
}

#[test]
fn l473_everything_on_a_host() {
    let text = lab().call("ctys -a list lab01").ok();
    let header = text.lines().next().unwrap();
    let titles: Vec<&str> = header.split('|').map(str::trim).collect();
    assert_eq!(titles, ["TCP-container", "TCP-guest", "label", "sesstype", "c", "user", "group"]);
    let rows = rows(&text);
    let wanted = [("-", "Domain-0", "XEN"), ("tst100", "tst100", "XEN"), ("tst101", "tst101", "XEN")];
    for (row, (guest, label, kind)) in rows.iter().zip(wanted) {
        assert_eq!(row[1..], [guest, label, kind, "S", "-", "-"], "{text}");
    }
    assert_eq!((rows.len(), rows[3][2], rows[3][3]), (4, "lab00", "PM"), "{text}");
}

#[test]
fn l494_xen_only() {
    let text = lab().call("ctys -t xen -a list lab01").ok();
    let found: Vec<(&str, &str)> = rows(&text).iter().map(|row| (row[2], row[3])).collect();
    assert_eq!(found, [("Domain-0", "XEN"), ("tst100", "XEN"), ("tst101", "XEN")], "{text}");
}

#[test]
fn l512_xen_only_here_and_there() {
    let lab = lab();
    // The machine that runs the tests has no Xen: that is remarked, and nothing is wrong.
    let (stdout, stderr) = lab.call("ctys -t xen -a list localhost lab01").ends(0);
    let found: Vec<(&str, &str)> = rows(&stdout).iter().map(|row| (row[2], row[3])).collect();
    assert_eq!(found, [("Domain-0", "XEN"), ("tst100", "XEN"), ("tst101", "XEN")], "{stdout}");
    assert!(stderr.contains("ctys: localhost: ") && stderr.contains("xl not found"), "{stderr}");
}

#[test]
fn l537_ports_and_addresses() {
    let lab = lab();
    let text = lab.call("ctys -a list=macro:TAB_CPORT localhost root@lab00").ok();
    let titles: Vec<&str> = text.lines().next().unwrap().split('|').map(str::trim).collect();
    assert_eq!(titles, ["Label", "stype", "cport", "PM", "MAC", "TCP"]);
    let port = lab.dom0.ssh("xenstore-read /local/domain/$(xl domid tst100)/console/vnc-port");
    let there: Vec<Vec<&str>> = rows(&text).into_iter().filter(|row| row[3] == "lab00.soho").collect();
    assert_eq!(
        there,
        [
            ["Domain-0", "XEN", "", "lab00.soho", "", ""],
            ["tst100", "XEN", port.trim(), "lab00.soho", "00:50:56:13:11:40", ""],
            ["tst101", "XEN", "", "lab00.soho", "00:50:56:13:11:41", ""],
            ["lab00", "PM", "", "lab00.soho", "00:0E:0C:35:F8:48", "192.168.1.71"],
        ],
        "{text}"
    );
}
