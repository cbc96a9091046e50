//! known_hosts as we read it, against `ssh-keygen -F` as the oracle.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ctys_engine::ssh::known_hosts::{KnownHosts, Verdict, lookup_name};
use std::path::{Path, PathBuf};
use std::process::Command;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ctys-known-hosts-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A new key: its type and its base64.
    fn key(&self, name: &str, kind: &str) -> String {
        let path = self.0.join(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(&path).status().unwrap();
        assert!(made.success());
        let line = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn blob(key: &str) -> Vec<u8> {
    STANDARD.decode(key.split(' ').nth(1).unwrap()).unwrap()
}

/// The numbers of the lines that ssh-keygen finds: `# Host lab00 found: line 3 CA`.
fn oracle(file: &Path, name: &str) -> Vec<usize> {
    let output = Command::new("ssh-keygen").args(["-F", name, "-f"]).arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("# Host ")?.split_once(" found: line ")?.1.split(' ').next()?.parse().ok())
        .collect()
}

#[test]
fn the_same_lines_as_ssh_keygen() {
    let folder = Folder::new("lines");
    let (one, two, three) = (folder.key("one", "ed25519"), folder.key("two", "ecdsa"), folder.key("three", "ed25519"));
    let plain = format!(
        "# a comment\n\
         \n\
         lab00 {one} comment\n\
         lab01,192.0.2.7 {two}\n\
         \tlab02  {one}\n\
         [lab00]:2222 {two}\n\
         *.lab.example,!bad.lab.example {three}\n\
         LAB03 {one}\n\
         lab0? {three}\n\
         @cert-authority *.ca.example {one}\n\
         @revoked lab01 {three}\n\
         @unknown lab00 {one}\n\
         @revoked @revoked lab00 {one}\n\
         2001:db8::1 {one}\n\
         [2001:db8::1]:2222 {one}\n\
         lab00\n\
         lab00 ssh-ed25519\n\
         a,b,,c {one}\n\
         * {two}\n"
    );
    let hashed_file = folder.write("hashed", &format!("lab00 {one}\nlab01,192.0.2.7 {two}\n[lab00]:2222 {two}\n"));
    let made = Command::new("ssh-keygen").args(["-H", "-f"]).arg(&hashed_file).output().unwrap();
    assert!(made.status.success());
    let plain_file = folder.write("plain", &plain);
    let mixed = format!("{}{plain}|1|broken\n|2|a=|b= {one}\n", std::fs::read_to_string(&hashed_file).unwrap());
    assert!(mixed.starts_with("|1|"), "{mixed}");
    let mixed_file = folder.write("mixed", &mixed);
    let without_star = folder.write("without-star", &plain.replace("* ecdsa", "nobody ecdsa"));
    let known = KnownHosts::default();
    let mut found = 0;
    for file in [&plain_file, &hashed_file, &mixed_file, &without_star] {
        for name in [
            "lab00",
            "lab01",
            "lab02",
            "lab03",
            "lab00x",
            "192.0.2.7",
            "[lab00]:2222",
            "[lab01]:2222",
            "x.lab.example",
            "bad.lab.example",
            "x.ca.example",
            "2001:db8::1",
            "[2001:db8::1]:2222",
            "b",
            "nobody-at-all",
        ] {
            let ours: Vec<usize> = known.look_up([file], name).places().map(|(_, line)| line).collect();
            assert_eq!(ours, oracle(file, name), "{name} in {}", file.display());
            found += ours.len();
        }
    }
    assert!(found > 50, "only {found} lines were compared");
}

#[test]
fn verdicts() {
    let folder = Folder::new("verdicts");
    let (one, two, ec) = (folder.key("one", "ed25519"), folder.key("two", "ed25519"), folder.key("ec", "ecdsa"));
    let user = folder.write(
        "user",
        &format!(
            "lab00 {one}\nlab01 {ec}\nlab02 {one}\nlab02 {two}\n@revoked * {two}\nlab03 {two}\n\
             @cert-authority lab04 {one}\n@cert-authority lab05 {one}\nlab05 {ec}\n[lab06]:2222 {one}\nlab08 ssh-ed25519 notbase64!\n"
        ),
    );
    let global = folder.write("global", &format!("lab07 {one}\nlab01 {one}\n"));
    let absent = folder.0.join("absent");
    let known = KnownHosts::default();
    let keys = |name: &str| known.look_up([&user, &absent, &global], name);
    let changed = |file: &Path, line| Verdict::Changed { file: file.to_path_buf(), line };
    let revoked = Verdict::Revoked { file: user.clone(), line: 5 };
    let check =
        |name: &str, key: &str, expected: Verdict| assert_eq!(keys(name).verdict(&blob(key)), expected, "{name}");
    check("lab00", &one, Verdict::Known);
    check("lab00", &ec, changed(&user, 1));
    // The key of the same type is the one that has changed, wherever it stands.
    check("lab01", &ec, Verdict::Known);
    check("lab01", &one, Verdict::Known);
    check("lab01", &two, revoked.clone());
    check("lab02", &one, Verdict::Known);
    // A revoked key is not known, even where a line says so.
    check("lab02", &two, revoked.clone());
    check("lab03", &two, revoked);
    check("lab04", &one, Verdict::Unknown);
    check("lab07", &one, Verdict::Known);
    check("lab07", &ec, changed(&global, 1));
    // Its line is broken, and ssh passes it over.
    check("lab08", &one, Verdict::Unknown);
    check(&lookup_name("lab06", 2222), &one, Verdict::Known);
    check(&lookup_name("lab06", 22), &one, Verdict::Unknown);
    assert_eq!(keys("lab01").types(), ["ecdsa-sha2-nistp256", "ssh-ed25519"]);
    // ssh asks for a certificate first, also where a plain key is known.
    assert!(keys("lab04").by_authority() && keys("lab05").by_authority() && !keys("lab08").by_authority());
    // A line that revokes a key vouches for nobody, and holds whatever else does.
    let other_port = || keys(&lookup_name("lab02", 2222));
    assert!(!other_port().vouches() && other_port().places().count() == 1);
    assert!(keys("lab02").vouches() && keys("lab04").vouches() && !keys("lab08").vouches());
    let one_more = folder.write("plain", &format!("lab02 {two}\n"));
    let plain = || KnownHosts::default().look_up([&one_more], "lab02");
    assert_eq!(plain().verdict(&blob(&two)), Verdict::Known);
    assert!(matches!(plain().with_revoked_of(other_port()).verdict(&blob(&two)), Verdict::Revoked { .. }));
}
