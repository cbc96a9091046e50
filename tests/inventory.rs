//! The inventory and the tools of others: the real nodeset, clush and ansible-inventory read what is ours, and the real ssh
//! gets into a machine of which only the hardware address is known.
//!
//! Needs `clustershell`, `ansible-core`, `openssh-server`, `openssh-client` and `iproute2`, and for the last test root: it
//! makes a network namespace with a machine in it.

#[path = "sealed/mod.rs"]
mod sealed;

use sealed::{Outcome, Sealed};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn tool(sealed: &Sealed, name: &str, words: &[&str]) -> Outcome {
    let output = sealed.command(words).arg0(name).output().unwrap();
    Outcome::of(output, format!("{name} {}", words.join(" ")))
}

/// The output of a real tool, which has to go well; its input comes from us.
fn real(sealed: &Sealed, program: &str, words: &[&str], input: &str) -> String {
    let mut command = Command::new(program);
    command
        .args(words)
        .env_clear()
        .env("HOME", sealed.folder.join("home"))
        .env("LANG", "C.UTF-8")
        .env("LC_ALL", "C.UTF-8");
    command.env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", sealed.folder.join("names").display()));
    command.env("CTYS_PLUGIN_PATH", sealed::plugins()).current_dir(&sealed.folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_string();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {words:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The names of the tools as programs, in a folder that [`real`] has on its PATH.
fn named(sealed: &Sealed) {
    let folder = sealed.folder.join("names");
    fs::create_dir_all(&folder).unwrap();
    for name in ["ctys", "ctys-groups", "ctys-ansible", "ctys-proxy"] {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ctys"), folder.join(name)).unwrap();
    }
}

fn record(label: &str, tcp: &str, mac: &str) -> String {
    format!("lab00.soho;XEN;{label};/x/{label}.conf;;{mac};{tcp};;;;;Debian;12;Linux;;;;VM;ACTIVE{}\n", ";".repeat(28))
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// 5,000 names of one kind.
fn names(kind: &str) -> Vec<String> {
    let mut numbers = Numbers(7);
    (0..5000)
        .map(|n| match kind {
            "regular" => format!("lab{n:04}"),
            "regular in racks" => format!("rack{}node{:02}.soho", n / 100, n % 100),
            "with holes" => format!("n{}", numbers.below(20_000)),
            "with and without zeros" => match numbers.below(3) {
                0 => format!("x{}", numbers.below(2000)),
                1 => format!("x{:03}", numbers.below(2000)),
                _ => format!("x{:05}", numbers.below(2000)),
            },
            _ => {
                let word: String = (0..4).map(|_| char::from(b'a' + numbers.below(26) as u8)).collect();
                let domain = ["", ".soho", ".lab.example"][numbers.below(3) as usize];
                format!("{word}{}{domain}", numbers.below(300))
            }
        })
        .collect()
}

#[test]
fn nodeset_folds_and_unfolds_five_thousand_names_as_we_do() {
    let sealed = Sealed::new();
    for kind in ["regular", "regular in racks", "with holes", "with and without zeros", "irregular"] {
        let all = names(kind).join("\n");
        // nodeset takes the last byte of its input for a newline, whatever it is.
        let theirs = real(&sealed, "nodeset", &["-f"], &format!("{all}\n"));
        let words: Vec<&str> = std::iter::once("--fold").chain(all.split('\n')).collect();
        let ours = tool(&sealed, "ctys-groups", &words).ok();
        assert_eq!(ours, theirs, "{kind}");
        let mut theirs: Vec<String> =
            real(&sealed, "nodeset", &["-e", "-S\\n", ours.trim()], "").lines().map(String::from).collect();
        let mut again: Vec<String> =
            tool(&sealed, "ctys-groups", &["--expand", ours.trim()]).ok().lines().map(String::from).collect();
        theirs.sort();
        again.sort();
        assert_eq!(again, theirs, "{kind}");
    }
}

#[test]
fn nodeset_reads_our_folding_of_names_with_two_irregular_numbers() {
    // Which blocks such names are put into is a matter of taste; that they are the same names is none.
    let sealed = Sealed::new();
    let mut numbers = Numbers(11);
    let all: Vec<String> = (0..600).map(|_| format!("r{}n{}", numbers.below(12), numbers.below(120))).collect();
    let words: Vec<&str> = std::iter::once("--fold").chain(all.iter().map(String::as_str)).collect();
    let ours = tool(&sealed, "ctys-groups", &words).ok();
    let mut theirs: Vec<String> =
        real(&sealed, "nodeset", &["-e", "-S\\n", ours.trim()], "").lines().map(String::from).collect();
    let mut all = all;
    all.sort();
    all.dedup();
    theirs.sort();
    assert_eq!(theirs, all);
}

#[test]
fn nodeset_and_we_agree_on_operators_and_groups() {
    let sealed = Sealed::new();
    sealed.file(".config/clustershell/groups.conf", "[Main]\ndefault: local\nautodir: $CFGDIR/groups.d\n[local]\nmap: sed -n 's/^$GROUP:\\(.*\\)/\\1/p' $CFGDIR/groups\nall: sed -n 's/^all:\\(.*\\)/\\1/p' $CFGDIR/groups\nlist: cut -d: -f1 $CFGDIR/groups\n");
    sealed.file(".config/clustershell/groups", "all:lab[00-15],ws[1-3]\nodd:lab[01-15/2]\n");
    sealed.file(".config/clustershell/groups.d/roles.yaml", "roles:\n  adm: 'gate,lab00'\n  all: '@adm,ws[1-2]'\n");
    for expression in [
        "lab[00-15,20]",
        "lab[00-10]!lab[03-05]",
        "a[1-5]&a[3-9]",
        "a[1-3]^a[2-4]",
        "a[1-3]!a2^b1&b1",
        "@all!@odd",
        "@odd&lab[00-07]",
        "@roles:all",
        "@roles:adm^lab00",
        "lab[0-20/5],x",
        "ws*",
        "lab0?!@odd",
    ] {
        let theirs = real(&sealed, "nodeset", &["-f", expression], "");
        let ours = tool(&sealed, "ctys-groups", &["--fold", expression]).ok();
        // A comma outside of brackets separates the words of ours, too.
        assert_eq!(ours, theirs, "{expression}");
    }
}

#[test]
fn clush_and_nodeset_read_the_groups_of_the_inventory() {
    let sealed = Sealed::new();
    named(&sealed);
    let text: String = (0..8).map(|n| record(&format!("tst{n:02}"), &format!("10.0.0.{n}"), "")).collect();
    sealed.file(".ctys/db/default/enum.fdb", &text);
    sealed.file(
        ".config/clustershell/groups.conf",
        "[Main]\ndefault: ctys\n[ctys]\nmap: ctys-groups --map $GROUP\nall: ctys-groups --all\nlist: ctys-groups --list\nreverse: ctys-groups --reverse $NODE\n",
    );
    assert_eq!(real(&sealed, "nodeset", &["-f", "@ctys:XEN"], ""), "tst[00-07]\n");
    assert_eq!(real(&sealed, "nodeset", &["-f", "-a"], ""), "tst[00-07]\n");
    assert!(real(&sealed, "nodeset", &["-l"], "").contains("@XEN"));
    assert!(real(&sealed, "nodeset", &["-l", "tst03"], "").contains("@lab00.soho"));
    // The worker exec runs the command here, with the name of the node in it.
    let printed = real(&sealed, "clush", &["-R", "exec", "-b", "-L", "-w", "@XEN!tst[02-07]", "echo", "%h"], "");
    assert!(
        printed.contains("tst00: tst00") && printed.contains("tst01: tst01") && !printed.contains("tst02"),
        "{printed}"
    );
}

#[test]
fn ansible_reads_our_inventory_and_we_read_ansibles() {
    let sealed = Sealed::new();
    named(&sealed);
    sealed
        .file(".ctys/db/default/enum.fdb", &[record("tst100", "192.168.1.220", ""), record("tst101", "", "")].concat());
    let script = sealed.folder.join("names/ctys-ansible").display().to_string();
    let list: serde_json::Value =
        serde_json::from_str(&real(&sealed, "ansible-inventory", &["-i", &script, "--list"], "")).unwrap();
    assert_eq!(list["_meta"]["hostvars"]["tst100"]["ansible_host"], "192.168.1.220");
    assert_eq!(list["XEN"]["hosts"], serde_json::json!(["tst100", "tst101"]));
    let host: serde_json::Value =
        serde_json::from_str(&real(&sealed, "ansible-inventory", &["-i", &script, "--host", "tst101"], "")).unwrap();
    assert_eq!(host["ctys_dist"], "Debian");
    sealed.file(
        "hosts.ini",
        "[web]\nweb[1:3] ansible_host=10.0.0.9 ansible_user=adm\n[db]\ndb1\n[site:children]\nweb\ndb\n",
    );
    let file = sealed.folder.join("home/hosts.ini").display().to_string();
    assert_eq!(real(&sealed, "ctys-groups", &[&format!("--ansible={file}"), "-m", "1", "site"], ""), "db1,web[1-3]\n");
}

/// A machine of its own in a network namespace: reached over a cable of two ends, known by its hardware address.
struct Machine {
    name: String,
    folder: PathBuf,
    sshd: Option<Child>,
}

impl Machine {
    /// Of this process alone: others may run the same test.
    fn mac() -> String {
        let [_, a, b, c] = std::process::id().to_be_bytes();
        format!("02:00:{a:02x}:{b:02x}:{c:02x}:02")
    }

    fn start(folder: &Path) -> Machine {
        let id = std::process::id() % 100_000;
        let machine = Machine { name: format!("ctysinv{id}"), folder: folder.to_path_buf(), sshd: None };
        let (name, here, there) = (&machine.name, format!("cti{id}a"), format!("cti{id}b"));
        ip(&format!("netns add {name}"));
        ip(&format!("link add {here} type veth peer name {there} address {} netns {name}", Machine::mac()));
        ip(&format!("addr add 10.213.{}.1/24 dev {here}", id % 250));
        ip(&format!("link set {here} up"));
        ip(&format!("-n {name} addr add 10.213.{}.2/24 dev {there}", id % 250));
        ip(&format!("-n {name} link set {there} up"));
        ip(&format!("-n {name} link set lo up"));
        machine.with_sshd()
    }

    fn address() -> String {
        format!("10.213.{}.2", std::process::id() % 100_000 % 250)
    }

    fn with_sshd(mut self) -> Machine {
        for key in ["host", "user"] {
            let file = self.folder.join(key).display().to_string();
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &file]).status();
            assert!(made.expect("ssh-keygen is needed").success());
        }
        fs::copy(self.folder.join("user.pub"), self.folder.join("authorized")).unwrap();
        fs::set_permissions(self.folder.join("authorized"), fs::Permissions::from_mode(0o600)).unwrap();
        let config = format!(
            "Port 22\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nLogLevel ERROR\nSubsystem sftp internal-sftp\n",
            self.folder.display()
        );
        fs::write(self.folder.join("sshd_config"), config).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name, "/usr/sbin/sshd", "-D", "-e", "-f"])
            .arg(self.folder.join("sshd_config"));
        self.sshd = Some(command.stdin(Stdio::null()).spawn().expect("openssh-server is needed"));
        let start = Instant::now();
        while std::net::TcpStream::connect((Machine::address(), 22)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "the machine does not come up");
        }
        self
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(sshd) = &mut self.sshd {
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn ip(words: &str) {
    let output = Command::new("ip").args(words.split_whitespace()).output().expect("iproute2 is needed");
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn ssh_gets_into_a_machine_of_which_only_the_hardware_address_is_known() {
    let sealed = Sealed::new();
    named(&sealed);
    let machine = Machine::start(&sealed.folder);
    let localhost = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let line = record("tst100", "", &Machine::mac()).replace("lab00.soho", localhost.trim());
    sealed.file(".ctys/db/default/enum.fdb", &line);
    let included = real(&sealed, "ctys-proxy", &["--print-config"], "");
    sealed.file(".ctys/ssh_config", &included);
    let key = fs::read_to_string(sealed.folder.join("host.pub")).unwrap();
    sealed.file("known", &format!("tst100 {key}{} {key}", Machine::mac()));
    let home = sealed.folder.join("home").display().to_string();
    let config = format!(
        "Include {home}/.ctys/ssh_config\nUserKnownHostsFile {home}/known\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n\
         IdentityFile {}/user\nIdentitiesOnly yes\nBatchMode yes\n",
        sealed.folder.display()
    );
    sealed.file("ssh_config", &config);
    let config = format!("{home}/ssh_config");
    let seen = real(&sealed, "ssh", &["-F", &config, "root@tst100", "cat /sys/class/net/*b/address"], "");
    assert_eq!(seen.trim(), Machine::mac());
    // scp and sftp reach it as well, since it is a host like any other; so is the hardware address itself.
    real(
        &sealed,
        "scp",
        &["-q", "-F", &config, &format!("{home}/known"), &format!("root@tst100:{}/copied", sealed.folder.display())],
        "",
    );
    assert!(sealed.folder.join("copied").is_file());
    // A host key that is not the known one is refused as ever.
    let other = key.replace("AAAA", "AAAB");
    sealed.file("known", &format!("tst100 {other}"));
    let refused = Command::new("ssh")
        .args(["-F", &config, "root@tst100", "true"])
        .env("HOME", &home)
        .env("PATH", format!("{}:/usr/bin:/bin", sealed.folder.join("names").display()))
        .output()
        .unwrap();
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("ost key verification failed")
    );
    drop(machine);
}
