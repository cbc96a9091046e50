//! Cubes of three hosts: this one, and two behind real sshd. Each of the two is a network namespace with folders, a name and
//! a segment of its own.

use crate::bed::{Bed, Outcome, ip, until};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const SLEEP: &str = "/bin/sleep 1000";

/// What a host is made of: `$1` its name, `$2` its folder, `$3` the folder that all hosts see as their own.
const HOST: &str = r#"
hostname "$1" && mount -t tmpfs tmpfs /run/netns || exit 1
for part in containers state records; do mount --bind "$2/$part" "$3/$part" || exit 1; done
exec /usr/sbin/sshd -D -e -f "$2/sshd_config"
"#;

struct Edge {
    folder: PathBuf,
    network: String,
    sshd: Child,
}

impl Edge {
    /// The host of this number, beside that of the bed.
    fn start(bed: &Bed, number: usize) -> Edge {
        let name = format!("edge{number:02}");
        let (host, segment) = bed.networks.clone().unwrap();
        let (folder, network) = (bed.folder.join(&name), format!("{segment}-{number}"));
        for part in ["containers", "state", "records"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let (near, far) = (format!("near{number}"), format!("far{number}"));
        ip(&["netns", "add", &network]);
        ip(&["-n", &host, "link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &network]);
        for (place, link, last) in [(&host, &near, 1), (&network, &far, 2)] {
            ip(&["-n", place, "addr", "add", &format!("10.77.{number}.{last}/24"), "dev", link]);
            ip(&["-n", place, "link", "set", link, "up"]);
        }
        ip(&["-n", &network, "link", "set", "lo", "up"]);
        // sshd of root wants its folder for privilege separation; a service manager would make it.
        let _ = fs::create_dir("/run/sshd");
        let keys = bed.folder.display();
        let config = format!(
            "Port 22\nListenAddress 10.77.{number}.2\nHostKey {keys}/host_key\nAuthorizedKeysFile {keys}/key.pub\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nPidFile none\nPrintMotd no\nLogLevel VERBOSE\n\
             SetEnv HOME={keys}/home\n"
        );
        fs::write(folder.join("sshd_config"), config).unwrap();
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{network}"))
            .args(["unshare", "--mount", "--uts", "sh", "-c", HOST, "sh"]);
        command.arg(&name).arg(&folder).arg(&bed.folder).stdin(Stdio::null());
        let log = fs::File::create(folder.join("log")).unwrap();
        let sshd = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let edge = Edge { folder, network, sshd };
        until("sshd listens", || edge.log().contains("Server listening"));
        edge
    }

    /// What its sshd wrote.
    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// A cube there.
    fn cube(&self, bed: &Bed, name: &str) {
        bed.cube(name, SLEEP);
        fs::rename(bed.containers().join(name), self.folder.join("containers").join(name)).unwrap();
    }

    /// The cubes that its own runtime knows.
    fn running(&self) -> Vec<String> {
        let all = fs::read_dir(self.folder.join("records")).unwrap();
        let mut names: Vec<String> = all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        for name in self.running() {
            let records = self.folder.join("records");
            let _ = Command::new("runc").arg("--root").arg(records).args(["delete", "--force", &name]).status();
        }
        for file in ["dnsmasq.pid", "avahi/pid"] {
            let pid = fs::read_to_string(self.folder.join("state/.network").join(file)).unwrap_or_default();
            let _ = Command::new("kill").arg(pid.trim()).stderr(Stdio::null()).status();
        }
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
        let _ = Command::new("ip").args(["netns", "del", &self.network]).status();
    }
}

#[test]
fn cubes_of_three_hosts_are_one_table_in_one_round_trip_each() {
    let bed = Bed::with_network();
    for key in ["host_key", "key"] {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"]).arg(bed.folder.join(key));
        assert!(command.status().unwrap().success());
    }
    let edges = [Edge::start(&bed, 1), Edge::start(&bed, 2)];
    let (folder, host_key) = (bed.folder.display(), fs::read_to_string(bed.folder.join("host_key.pub")).unwrap());
    let known: String = [1, 2].map(|number| format!("10.77.{number}.2 {host_key}")).concat();
    fs::write(bed.folder.join("known_hosts"), known).unwrap();
    let hosts = [1, 2].map(|number| {
        format!(
            "Host edge0{number}\n HostName 10.77.{number}.2\n User root\n IdentityFile {folder}/key\n IdentitiesOnly yes\n \
             UserKnownHostsFile {folder}/known_hosts\n StrictHostKeyChecking yes\n"
        )
    });
    fs::write(bed.folder.join("ssh_config"), hosts.concat()).unwrap();
    let ctys = |words: &[&str]| {
        let mut command = bed.command("ctys");
        Outcome::of(
            command.arg("--ssh-config").arg(bed.folder.join("ssh_config")).args(["-t", "cube"]).args(words),
            b"",
        )
    };
    bed.cube("web", SLEEP);
    bed.cube("spare", SLEEP);
    edges[0].cube(&bed, "db");
    edges[0].cube(&bed, "cache");
    edges[1].cube(&bed, "mail");
    ctys(&["-a", "create=l:web", "localhost"]).silent();
    ctys(&["-a", "create=l:db", "edge01"]).silent();
    ctys(&["-a", "create=l:mail", "edge02"]).silent();
    assert_eq!((edges[0].running(), edges[1].running()), (vec!["db".to_string()], vec!["mail".to_string()]));
    assert_eq!(bed.status("web"), "running");
    let logins = |edge: &Edge| edge.log().matches("Accepted publickey").count();
    let before: Vec<usize> = edges.iter().map(logins).collect();
    let record = bed.folder.join("record").display().to_string();
    let table = ctys(&["--record", &record, "-a", "list", "localhost", "edge01", "edge02"]).ok();
    // One table: one heading, then the cubes that run, in the order of the call.
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    let place = |host: &str, label: &str| {
        let found: Vec<usize> = (0..rows.len()).filter(|&n| rows[n].contains(&label)).collect();
        assert_eq!(found.len(), 1, "{label} in\n{table}");
        assert!(
            host.is_empty() || rows[found[0]].iter().any(|cell| cell.starts_with(host)),
            "{label} of {host} in\n{table}"
        );
        found[0]
    };
    let places = [place("", "web"), place("edge01", "db"), place("edge02", "mail")];
    assert!(places.is_sorted(), "{table}");
    assert_eq!(rows.iter().filter(|row| row.contains(&"label")).count(), 1, "one heading in\n{table}");
    // One login and one round for each.
    for (edge, before) in edges.iter().zip(before) {
        assert_eq!(logins(edge), before + 1, "{}", edge.log());
    }
    let record = fs::read_to_string(record).unwrap();
    for host in ["localhost", "edge01", "edge02"] {
        let rounds = record.lines().filter(|line| line.contains(&format!("\"target\":\"{host}\""))).count();
        assert_eq!(rounds, 1, "{host}: {record}");
    }
    // What has never run is found by its folder, and each ends where it is.
    let all = ctys(&["-a", "enumerate=terse,label", "localhost", "edge01", "edge02"]).ok();
    let mut labels: Vec<&str> = all.lines().map(str::trim).collect();
    labels.sort();
    assert_eq!(labels, ["cache", "db", "mail", "spare", "web"]);
    ctys(&["-a", "cancel=l:db", "edge01"]).silent();
    assert_eq!((edges[0].running(), edges[1].running()), (Vec::new(), vec!["mail".to_string()]));
    assert_eq!(bed.status("web"), "running");
}
