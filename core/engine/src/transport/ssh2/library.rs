//! The library that holds libssh2 (`core/ssh2`), opened when the first host needs it.
//!
//! libssh2 needs libcrypto and libssl, whose symbols ld.so looks up before the first line of a program: that took half of the time
//! of a call that needs no ssh at all. The library came with this program, so it is looked for where plugins of ours are, and
//! never where a user's are: private keys pass through it. It is opened as a plugin is, through the same boundary (bytes in, bytes
//! out) and behind the same checks of owner, mode, wholeness and processor.

use super::ask::{Ask, Failure, Told};
use crate::plugins::search::{Origin, SearchPath};
use crate::plugins::{Entry, library};
use ctys_model::bytes::escape_for_eyes;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Its file.
pub const FILE: &str = "libtransport_ssh2.so";

/// What the library says of itself in its section `.ctys.plugin`, as JSON.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// `ssh2`.
    pub transport: String,
    /// The release it is of.
    pub release: String,
}

/// The release of this program.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Why there is no ssh2 transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// In one sentence.
    pub why: String,
    /// There is a file, which cannot be used.
    pub is_refused: bool,
}

static LIBRARY: OnceLock<Result<Library, Absent>> = OnceLock::new();

/// The opened library.
pub struct Library {
    entry: Entry,
}

impl Library {
    /// The one of this process.
    pub fn get() -> Result<&'static Library, &'static Absent> {
        LIBRARY.get_or_init(|| Library::find(&places(&SearchPath::of_this_process()))).as_ref()
    }

    /// Why the file that is there was not used, if it was needed so far.
    pub fn refused() -> Option<&'static Absent> {
        LIBRARY.get()?.as_ref().err().filter(|absent| absent.is_refused)
    }

    /// The first of these files that is there. One that is there and cannot be used is an error, whatever comes behind it.
    fn find(files: &[PathBuf]) -> Result<Library, Absent> {
        let Some(file) = files.iter().find(|file| file.exists()) else {
            return Err(Absent { why: format!("{FILE} is not installed"), is_refused: false });
        };
        Library::open(file).map_err(|why| Absent { why, is_refused: true })
    }

    fn open(file: &Path) -> Result<Library, String> {
        library::open(file, "ssh2", |label| check(file, label)).map(|entry| Library { entry })
    }

    /// Asks and waits for the answer. What is no answer is a failure like others.
    pub fn ask(&self, ask: &Ask) -> Result<Told, Failure> {
        let broken = |what: String| Failure { code: 0, message: what };
        let message =
            rmp_serde::to_vec(ask).map_err(|error| broken(format!("a question cannot be written: {error}")))?;
        let answer = self.entry.answer(&message);
        match rmp_serde::from_slice(&answer) {
            Ok(Told::Failed(failure)) => Err(failure),
            Ok(told) => Ok(told),
            Err(error) => Err(broken(format!("an answer cannot be read: {error}"))),
        }
    }
}

/// Whether it holds what it should, of this release.
fn check(file: &Path, label: &[u8]) -> Result<(), String> {
    let file = escape_for_eyes(&file.display().to_string()).into_owned();
    let label: Label =
        serde_json::from_slice(label).map_err(|error| format!("{file} does not say what it is: {error}"))?;
    match (label.transport.as_str(), label.release.as_str()) {
        ("ssh2", RELEASE) => Ok(()),
        ("ssh2", other) => Err(format!("{file} is of release {}, this is {RELEASE}", escape_for_eyes(other))),
        (other, _) => Err(format!("{file} holds another transport, {}", escape_for_eyes(other))),
    }
}

/// Where it may be: beside this program in a target folder of cargo, else beside the folder of the plugins that came with it. Of
/// the two places that cargo has, the one with the newer file comes first: a test's is in `deps/`, the other one may be old.
fn places(search: &SearchPath) -> Vec<PathBuf> {
    let mut built = Vec::new();
    let mut installed = Vec::new();
    for folder in search.folders.iter().filter(|folder| folder.origin.is_ours()) {
        if folder.origin == Origin::Build {
            built.extend([folder.path.join(FILE), folder.path.join("deps").join(FILE)]);
        } else if let Some(above) = folder.path.parent() {
            installed.push(above.join(FILE));
        }
    }
    let age = |file: &PathBuf| file.metadata().and_then(|data| data.modified()).ok();
    built.sort_by_cached_key(|file| std::cmp::Reverse(age(file)));
    built.append(&mut installed);
    built
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::search::Folder;

    #[test]
    fn it_is_looked_for_where_ours_are_and_nowhere_else() {
        let folder = |path: &str, origin| Folder { path: path.into(), origin };
        let folders = vec![
            folder("/named", Origin::Named),
            folder("/home/mia/.local/share/ctys/plugins", Origin::User),
            folder("/opt/ctys/lib/ctys/plugins", Origin::Bundled),
            folder("/usr/lib/ctys/plugins", Origin::System),
            folder("/no/target/debug", Origin::Build),
        ];
        let found: Vec<String> =
            places(&SearchPath { folders }).iter().map(|file| file.display().to_string()).collect();
        let expected = [
            "/no/target/debug/libtransport_ssh2.so",
            "/no/target/debug/deps/libtransport_ssh2.so",
            "/opt/ctys/lib/ctys/libtransport_ssh2.so",
            "/usr/lib/ctys/libtransport_ssh2.so",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn one_that_is_not_there_and_one_that_is_none_are_told_apart() {
        let folder = std::env::temp_dir().join(format!("ctys-library-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(FILE);
        let absent = Absent { why: "libtransport_ssh2.so is not installed".into(), is_refused: false };
        assert_eq!(Library::find(std::slice::from_ref(&file)).err(), Some(absent));
        std::fs::write(&file, "text").unwrap();
        let refused = Library::find(std::slice::from_ref(&file)).err().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(refused.is_refused && refused.why.starts_with(&file.display().to_string()), "{refused:?}");
    }

    #[test]
    fn one_of_another_release_or_with_something_else_in_it_is_refused() {
        let file = Path::new("/lib/x.so");
        let check = |label: String| check(file, label.as_bytes());
        assert_eq!(check(format!(r#"{{"transport":"ssh2","release":"{RELEASE}"}}"#)), Ok(()));
        let other = check(r#"{"transport":"ssh2","release":"0.0.0"}"#.into()).unwrap_err();
        assert_eq!(other, format!("/lib/x.so is of release 0.0.0, this is {RELEASE}"));
        let other = check(format!(r#"{{"transport":"ssh3","release":"{RELEASE}"}}"#)).unwrap_err();
        assert_eq!(other, "/lib/x.so holds another transport, ssh3");
        let plugin = check(r#"{"name":"xen"}"#.into()).unwrap_err();
        assert!(plugin.starts_with("/lib/x.so does not say what it is: "), "{plugin}");
    }

    #[test]
    fn the_library_of_this_build_answers() {
        let library = Library::get().expect("cargo builds it with the tests");
        let told = library.ask(&Ask::Algorithms(crate::ssh::algorithms::Family::Kex)).unwrap();
        let Told::Names(names) = told else { panic!("{told:?}") };
        assert!(names.iter().any(|name| name == "curve25519-sha256"), "{names:?}");
        // A connection that is not there, and bytes that are no question, are failures and nothing worse.
        assert!(library.ask(&Ask::Read(4711)).is_err());
        let answer = library.entry.answer(b"\xc1");
        assert!(matches!(rmp_serde::from_slice(&answer), Ok(Told::Failed(_))));
    }
}
