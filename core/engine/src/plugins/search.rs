//! Where plugins are looked for (first match wins), and what that says about how they are run.
//!
//! Never in the working folder.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The folders to search, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPath {
    /// The folders, the first one first. One that is absent holds nothing.
    pub folders: Vec<Folder>,
}

/// One folder of the search path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is, an absolute path.
    pub path: PathBuf,
    /// Why it is searched.
    pub origin: Origin,
}

/// Why a folder is searched, and so whose plugins it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Named in `CTYS_PLUGIN_PATH`.
    Named,
    /// The cargo target folder that ctys itself runs from.
    Build,
    /// Below the user's data folder.
    User,
    /// Installed together with ctys.
    Bundled,
    /// Of the system.
    System,
}

impl Origin {
    /// True for plugins that came with ctys or with the system; all others are a stranger's.
    pub fn is_ours(self) -> bool {
        matches!(self, Origin::Build | Origin::Bundled | Origin::System)
    }
}

/// What the search depends on, as data.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `CTYS_PLUGIN_PATH`.
    pub plugin_path: Option<OsString>,
    /// `XDG_DATA_HOME`.
    pub data_home: Option<OsString>,
    /// `HOME`.
    pub home: Option<OsString>,
    /// The program itself, without symbolic links.
    pub program: Option<PathBuf>,
    /// The folder compiled in by whoever built the package, where `lib` is not the right word (lib64, multiarch).
    pub compiled_in: Option<PathBuf>,
    /// True when the program runs with more rights than its caller has.
    pub secure: bool,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> Surroundings {
        Surroundings {
            plugin_path: std::env::var_os("CTYS_PLUGIN_PATH"),
            data_home: std::env::var_os("XDG_DATA_HOME"),
            home: std::env::var_os("HOME"),
            program: std::env::current_exe().and_then(|program| program.canonicalize()).ok(),
            compiled_in: option_env!("CTYS_PLUGIN_DIR").map(PathBuf::from),
            secure: super::load::runs_with_more_rights(),
        }
    }

    /// The cargo target folders that hold the running program, none for an installed one: its own folder when that has
    /// `deps/`, or the folder above when the program is a test in `deps/` itself.
    fn build_folder(&self) -> Option<&Path> {
        let folder = self.program.as_deref()?.parent()?;
        if folder.file_name() == Some(OsStr::new("deps")) {
            return folder.parent();
        }
        folder.join("deps").is_dir().then_some(folder)
    }

    /// True for a file in the cargo target folder that holds the running program.
    pub fn is_build_file(&self, file: &Path) -> bool {
        let folder = file.parent();
        self.build_folder().is_some_and(|build| folder == Some(build) || folder == Some(&build.join("deps")))
    }
}

impl SearchPath {
    /// The folders for these surroundings.
    pub fn new(surroundings: &Surroundings) -> SearchPath {
        let mut folders: Vec<Folder> = Vec::new();
        let mut add = |path: PathBuf, origin: Origin| {
            // A relative folder would depend on the working folder; an empty part of a list would be the working folder.
            if path.is_absolute() && folders.iter().all(|folder| folder.path != path) {
                folders.push(Folder { path, origin });
            }
        };
        let build = surroundings.build_folder();
        if let Some(list) = surroundings.plugin_path.as_ref().filter(|_| !surroundings.secure) {
            for part in list.as_bytes().split(|&byte| byte == b':') {
                let path = PathBuf::from(OsString::from_vec(part.to_vec()));
                // Tests name `target/*/deps`, where cargo puts the plugins a program's tests depend on.
                let own = build.is_some_and(|build| path == build || path == build.join("deps"));
                add(path, if own { Origin::Build } else { Origin::Named });
            }
        }
        if let Some(build) = build {
            add(build.to_path_buf(), Origin::Build);
        }
        let data_home = surroundings.data_home.as_ref().map(PathBuf::from).filter(|path| path.is_absolute());
        let data_home =
            data_home.or_else(|| surroundings.home.as_ref().map(|home| Path::new(home).join(".local/share")));
        if let Some(data_home) = data_home {
            add(data_home.join("ctys/plugins"), Origin::User);
        }
        if let Some(prefix) = surroundings.program.as_deref().and_then(Path::parent).and_then(Path::parent) {
            add(prefix.join("lib/ctys/plugins"), Origin::Bundled);
        }
        if let Some(compiled_in) = &surroundings.compiled_in {
            add(compiled_in.clone(), Origin::Bundled);
        }
        add("/usr/local/lib/ctys/plugins".into(), Origin::System);
        add("/usr/lib/ctys/plugins".into(), Origin::System);
        SearchPath { folders }
    }

    /// The folders for this process.
    pub fn of_this_process() -> SearchPath {
        SearchPath::new(&Surroundings::of_this_process())
    }
}

/// The plugin name in a file name, `xen` in `libctys_xen.so`; none for any other file.
pub fn plugin_name(file: &OsStr) -> Option<&str> {
    let name = file.to_str()?.strip_prefix("libctys_")?.strip_suffix(".so")?;
    is_name(name).then_some(name)
}

/// Whether it can be the name of a plugin. Nothing else becomes part of a path, so no name leaves its folder.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(surroundings: &Surroundings) -> Vec<(String, Origin)> {
        let folders = SearchPath::new(surroundings).folders;
        folders.into_iter().map(|folder| (folder.path.display().to_string(), folder.origin)).collect()
    }

    fn installed() -> Surroundings {
        Surroundings {
            plugin_path: Some("/one:rel::/two".into()),
            data_home: None,
            home: Some("/home/mia".into()),
            program: Some("/opt/ctys/bin/ctys".into()),
            compiled_in: Some("/usr/lib64/ctys/plugins".into()),
            secure: false,
        }
    }

    #[test]
    fn the_order_of_an_installed_program() {
        let expected = [
            ("/one", Origin::Named),
            ("/two", Origin::Named),
            ("/home/mia/.local/share/ctys/plugins", Origin::User),
            ("/opt/ctys/lib/ctys/plugins", Origin::Bundled),
            ("/usr/lib64/ctys/plugins", Origin::Bundled),
            ("/usr/local/lib/ctys/plugins", Origin::System),
            ("/usr/lib/ctys/plugins", Origin::System),
        ];
        assert_eq!(paths(&installed()), expected.map(|(path, origin)| (path.to_string(), origin)));
    }

    #[test]
    fn more_rights_than_the_caller_ignore_the_callers_list() {
        let found = paths(&Surroundings { secure: true, ..installed() });
        assert!(found.iter().all(|(_, origin)| *origin != Origin::Named), "{found:?}");
    }

    #[test]
    fn only_an_absolute_data_folder_counts() {
        let with = |data_home: &str| paths(&Surroundings { data_home: Some(data_home.into()), ..installed() });
        assert!(with("/data").contains(&("/data/ctys/plugins".into(), Origin::User)));
        assert!(with("data").contains(&("/home/mia/.local/share/ctys/plugins".into(), Origin::User)));
    }

    #[test]
    fn a_test_program_is_in_a_build_folder() {
        let program = std::env::current_exe().unwrap();
        let deps = program.parent().unwrap();
        let build = deps.parent().unwrap();
        let found = paths(&Surroundings {
            program: Some(program.clone()),
            plugin_path: Some(deps.into()),
            ..Surroundings::default()
        });
        assert_eq!(found[0], (deps.display().to_string(), Origin::Build));
        assert_eq!(found[1], (build.display().to_string(), Origin::Build));
    }

    #[test]
    fn names_never_leave_their_folder() {
        let check = |file: &str, expected| assert_eq!(plugin_name(OsStr::new(file)), expected, "{file}");
        check("libctys_xen.so", Some("xen"));
        check("libctys_my_2.so", Some("my_2"));
        check("libctys_.so", None);
        check("libctys_Xen.so", None);
        check("libctys_../x.so", None);
        check("libctys_xen.so.1", None);
        check("libc.so", None);
    }
}
