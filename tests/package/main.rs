//! What a user installs: the Debian package in a clean Debian, and ./install below a folder. Installed, used, and removed without
//! a trace. Needs root, for the clean Debian, and the Debian packages debootstrap and dpkg-dev.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A folder of this run, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ctys-package-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a command that has to end well; what it printed.
#[track_caller]
fn well(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// The freshly built release, once for both tests.
fn build() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        well(Command::new(cargo).args(["build", "--locked", "--release"]).current_dir(repository()));
    });
}

/// All files, links and folders below a folder, by their paths.
fn everything(root: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            found.insert(entry.path().strip_prefix(root).unwrap().to_path_buf());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found
}

/// The names of the manual's pages.
fn pages() -> Vec<String> {
    let pages = fs::read_dir(repository().join("man")).unwrap().map(|entry| entry.unwrap().file_name());
    pages.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn the_package_is_installed_used_and_removed_in_a_clean_debian() {
    build();
    let folder = Folder::new("deb");
    let script = repository().join("tests/package/root.sh");
    let source = fs::read(&script).unwrap();
    let sum = source
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let archive = cache.join(format!("ctys-tests/package-{sum:016x}.tar"));
    well(Command::new(&script).arg(&archive));
    let root = folder.0.join("root");
    fs::create_dir(&root).unwrap();
    well(Command::new("tar").arg("-C").arg(&root).arg("-xf").arg(&archive));

    let said = well(Command::new(repository().join("package")).arg("--no-build").arg(&folder.0));
    let package = PathBuf::from(said.lines().last().unwrap());
    fs::copy(&package, root.join("ctys.deb")).unwrap();

    // In namespaces of its own: the only processes are its own, and it has no network.
    let inside = |who: &str, call: &str| {
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--net",
            "--uts",
            "--propagation",
            "private",
            "sh",
            "-c",
        ]);
        command.arg("mount -t proc proc \"$0/proc\" && hostname clean && exec chroot --userspec=\"$1\" \"$0\" /bin/sh -c \"$2\"");
        command.arg(&root).args([who, call]).env_clear();
        command.envs([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/tmp"), ("LC_ALL", "C.UTF-8")]);
        command
    };
    let as_root = |call: &str| well(&mut inside("0:0", call));
    let as_user = |call: &str| well(&mut inside("1000:1000", call));
    // What the package manager and the index of pages keep for themselves.
    let kept = |all: BTreeSet<PathBuf>| -> BTreeSet<PathBuf> {
        let own = ["var/lib/dpkg", "var/log", "var/cache", "proc"];
        all.into_iter().filter(|path| !own.iter().any(|own| path.starts_with(own))).collect()
    };
    let before = kept(everything(&root));

    as_root("dpkg -i /ctys.deb");
    assert_eq!(as_root("dpkg -V ctys"), "");
    // An ordinary account, no setting at all.
    let list = as_user("ctys -a list");
    assert!(list.lines().any(|line| line.contains("clean") && line.contains("|PM ")), "{list}");
    let info = as_user("ctys -a info");
    for plugin in fs::read_dir(repository().join("plugins")).unwrap() {
        let name = plugin.unwrap().file_name().into_string().unwrap();
        assert!(info.contains(&format!("/usr/lib/ctys/plugins/libctys_{name}.so")), "{info}");
    }
    assert!(!info.contains("child"), "a plugin of the package is a stranger's:\n{info}");
    // The transport of ssh is there with all it needs: that there is no network in here is what is wrong.
    let nobody = as_user("ctys --transport ssh2 -a list 127.0.0.1:1 2>&1 || [ $? = 4 ]");
    assert!(nobody.contains("connect: no connection to 127.0.0.1 port 1: Network is unreachable"), "{nobody}");
    for page in pages() {
        let (name, section) = page.rsplit_once('.').unwrap();
        assert_eq!(
            as_user(&format!("man -w {section} {name}")).trim(),
            format!("/usr/share/man/man{section}/{page}.gz")
        );
    }
    assert!(as_user("man 7 ctys-xen | cat").contains("Xen domains"));
    // The service is there, names a program that is there, and nobody has enabled it.
    let unit = as_user("cat /usr/lib/systemd/system/cube-cmd.service");
    assert!(unit.lines().any(|line| line == "ExecStart=\"/usr/bin/cube-cmd\" --server"), "{unit}");
    assert!(as_user("/usr/bin/cube-cmd -h").contains("--server"));
    assert!(!root.join("etc/systemd/system/multi-user.target.wants/cube-cmd.service").exists());
    let names = as_user("ctys completion names");
    assert!(names.lines().count() > 20, "{names}");
    for name in names.lines() {
        // A tool may have no help; that it is there and answers is what counts.
        let help = as_user(&format!("{name} -h 2>&1 || [ $? -lt 126 ]"));
        assert!(!help.is_empty(), "{name}");
        assert!(as_user(&format!("man -w 1 {name}")).contains("/usr/share/man/man1/"), "{name}");
    }
    let loaded =
        as_user("bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader ctys; complete -p ctys'");
    assert!(loaded.contains("-F _ctys ctys"), "{loaded}");

    as_root("dpkg --purge ctys");
    let after = kept(everything(&root));
    let left: Vec<_> = after.symmetric_difference(&before).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_installation_below_a_folder_works_wherever_it_is_and_goes_again() {
    build();
    let folder = Folder::new("prefix");
    let prefix = folder.0.join("some where");
    let install = || {
        let mut command = Command::new(repository().join("install"));
        command.current_dir("/");
        command
    };
    // Over an old one, too.
    for _ in 0..2 {
        well(install().arg("--no-build").arg(&prefix));
    }
    let ctys = |program: &Path, words: &[&str]| {
        let mut command = Command::new(program);
        command.args(words).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &folder.0);
        well(&mut command)
    };
    let info = ctys(&prefix.join("bin/ctys"), &["-a", "info"]);
    assert!(info.contains("some where/lib/ctys/plugins/libctys_xen.so"), "{info}");
    // By a link from elsewhere, and as one of its other names.
    let link = folder.0.join("ctys");
    std::os::unix::fs::symlink(prefix.join("bin/ctys"), &link).unwrap();
    assert!(ctys(&link, &["-t", "pm", "-a", "list"]).contains("|PM "));
    assert!(ctys(&prefix.join("bin/ctys-vhost"), &["-V"]).starts_with("ctys-vhost "));
    let pages = everything(&prefix).into_iter().filter(|path| path.starts_with("share/man")).count();
    assert!(pages > self::pages().len(), "{pages}");

    // The library of the ssh2 transport: used, refused with its reason and without loss, and not there.
    let library = prefix.join("lib/ctys/libtransport_ssh2.so");
    let needs_libcrypto = |file: &Path| fs::read(file).unwrap().windows(12).any(|bytes| bytes == b"libcrypto.so");
    assert!(needs_libcrypto(&library) && !needs_libcrypto(&prefix.join("bin/ctys")), "what calls without ssh load");
    let nobody = |words: &[&str]| {
        let mut command = Command::new(prefix.join("bin/ctys"));
        command.args(words).args(["-a", "list", "127.0.0.1:1"]).env_clear().env("PATH", "/usr/bin:/bin");
        String::from_utf8(command.env("HOME", &folder.0).output().unwrap().stderr).unwrap()
    };
    let refused = "127.0.0.1 port 1 refused the connection";
    let with = nobody(&["--transport", "ssh2"]);
    assert!(with.contains(refused), "{with}");
    fs::set_permissions(&library, fs::Permissions::from_mode(0o666)).unwrap();
    let writable = nobody(&[]);
    let reason =
        format!("hosts were reached by the system's ssh, which is slower: {} has mode 0666", library.display());
    assert!(writable.contains(&reason) && writable.to_lowercase().contains("connection refused"), "{writable}");
    fs::remove_file(&library).unwrap();
    let without = nobody(&["--transport", "ssh2"]);
    assert!(without.contains("there is no ssh2 transport: libtransport_ssh2.so is not installed"), "{without}");
    let quiet = nobody(&[]);
    assert!(!quiet.contains("libtransport") && quiet.to_lowercase().contains("connection refused"), "{quiet}");

    // What is not of ctys stays.
    fs::write(prefix.join("bin/other"), "").unwrap();
    well(install().arg("--remove").arg(&prefix));
    let left = everything(&prefix);
    assert_eq!(left.into_iter().collect::<Vec<_>>(), [PathBuf::from("bin"), PathBuf::from("bin/other")]);
    let again = install().arg("--remove").arg(&prefix).output().unwrap();
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("nothing of ctys is at"));
}
