//! Plugins to test with, built by themselves, and folders to put them into.

use ctys_engine::plugins::search::{Folder, Origin};
use ctys_engine::plugins::{CarrierKind, Plugin, PluginError, Plugins, SearchPath, Setup};
use ctys_model::{Action, Phase, Request, Target};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// A folder that is searched for plugins.
pub struct Bench {
    pub folder: PathBuf,
    pub origin: Origin,
    pub carrier: Option<CarrierKind>,
    pub limit: Option<Duration>,
    pub _kept: Arc<Removed>,
}

/// Removes the folder at the end. (`Bench` itself has no `Drop`, so that one can be made from another.)
pub struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Bench {
    /// Below the system's folder for temporary files: every folder above is root's or sticky, whatever the umask.
    pub fn new() -> Bench {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("ctys-boundary-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().canonicalize().unwrap().join(unique);
        std::fs::create_dir(&folder).unwrap();
        let removed = Arc::new(Removed(folder.clone()));
        let bench = Bench { folder, origin: Origin::Named, carrier: None, limit: None, _kept: removed };
        bench.mode("", 0o755);
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.folder.clone() } else { self.folder.join(name) }
    }

    pub fn put(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path(name), content).unwrap();
        self.mode(name, 0o644);
    }

    pub fn folder(&self, name: &str, mode: u32) {
        std::fs::create_dir(self.path(name)).unwrap();
        self.mode(name, mode);
    }

    pub fn mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn setup(&self) -> Setup {
        let folders = vec![Folder { path: self.folder.clone(), origin: self.origin }];
        let mut setup = Setup::new(SearchPath { folders });
        setup.carrier = self.carrier;
        // This test program in the place of ctys: it runs `serves_a_child` alone, which finds the hidden verb.
        setup.program.extend(["--exact", "--nocapture", "serves_a_child"].map(OsString::from));
        if let Some(limit) = self.limit {
            setup.limits.call = limit;
        }
        setup
    }

    pub fn plugins(&self) -> Plugins {
        self.setup().discover()
    }

    pub fn one(&self, session_type: &str) -> Arc<Plugin> {
        let (mut plugins, problems) = self.plugins().for_types(&[session_type.to_string()]);
        assert_eq!(problems, []);
        plugins.remove(0)
    }

    /// The one sentence that is said in the place of this plugin, with F for the folder.
    pub fn refusal(&self, session_type: &str) -> String {
        let (plugins, problems) = self.plugins().for_types(&[session_type.to_string()]);
        assert!(plugins.is_empty(), "{session_type} was opened");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].phase, Phase::Here);
        problems[0].message.replace(self.folder.to_str().unwrap(), "F")
    }

    /// Why the one file in here is refused, without or with opening it.
    pub fn error(&self, name: &str) -> PluginError {
        let plugins = self.plugins();
        let found = plugins.found().iter().find(|found| found.name == name).expect("the file is found");
        match &found.manifest {
            Err(error) => error.clone(),
            Ok(_) => plugins.open(name).err().expect("it is refused"),
        }
    }
}

pub fn request(action: Action) -> Request {
    Request {
        action,
        target: Target { host: "lab00".into(), ..Target::default() },
        caller: Default::default(),
        session_type: None,
        force: false,
        ambiguous: false,
        scope: Default::default(),
        location: Default::default(),
        geometry: None,
        resolution: None,
        server_options: vec![],
        settings: Default::default(),
    }
}

/// The machine number in the header of this very program.
pub fn machine() -> u16 {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    u16::from_le_bytes([program[18], program[19]])
}

/// A shared library that is no plugin: the C library this program runs with.
pub fn any_other_library() -> Vec<u8> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let path = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("libc.so"));
    std::fs::read(path.expect("this program uses a C library")).unwrap()
}

/// The content with every occurrence replaced; there has to be one.
pub fn patched(content: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut content = content.to_vec();
    let mut found = false;
    let mut at = 0;
    while at + from.len() <= content.len() {
        if content[at..].starts_with(from) {
            content[at..at + to.len()].copy_from_slice(to);
            found = true;
        }
        at += 1;
    }
    assert!(found, "{} is not in the file", String::from_utf8_lossy(from));
    content
}

pub fn lamp() -> &'static [u8] {
    static LAMP: OnceLock<Vec<u8>> = OnceLock::new();
    LAMP.get_or_init(|| built("third-party", "lamp", &[]))
}

pub fn evil() -> &'static [u8] {
    static EVIL: OnceLock<Vec<u8>> = OnceLock::new();
    EVIL.get_or_init(|| built("evil-plugin", "evil", &[]))
}

/// Builds a plugin by itself, with its own lock file, below the target folder, and gives its library.
pub fn built(folder: &str, name: &str, options: &[&str]) -> Vec<u8> {
    // One build after the other, up to the reading: the same crate with other options has the same file.
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    let _turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let output = cargo("build", folder).args(options).output().unwrap();
    assert!(output.status.success(), "{folder} cannot be built: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(target().join("debug").join(format!("libctys_{name}.so"))).unwrap()
}

/// A call of cargo for one of the crates outside the workspace.
pub fn cargo(verb: &str, folder: &str) -> Command {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(folder).join("Cargo.toml");
    let mut command = Command::new(env!("CARGO"));
    command.args([verb, "--locked", "--quiet", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(target());
    command
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")
}
