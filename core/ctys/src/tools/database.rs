//! Which folders of the inventory a call means.

use super::{Call, usage};
use ctys_engine::store::{self, Store};
use ctys_line::CallOptions;
use ctys_model::Problem;
use ctys_model::bytes::escape;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

impl Call {
    /// The folders of `-p`, of `DEFAULT_DBPATHLST`, or the usual one; those that are not there are a mistake when they
    /// were named.
    pub fn stores(&self) -> Result<Vec<Store>, Problem> {
        let given = self.given.list("db");
        if let Some(missing) = given.iter().find(|folder| !PathBuf::from(folder).is_dir()) {
            return Err(usage(format!("the database folder {} of -p does not exist", escape(missing.as_bytes()))));
        }
        Ok(self.home.db_folders(&given).into_iter().map(Store::at).collect())
    }

    /// What counts for the sets of hosts among the arguments, `@ctys:*` for one: the folders of `-p`.
    pub fn for_sets(&self) -> CallOptions {
        CallOptions { db_paths: self.given.list("db"), ..CallOptions::default() }
    }

    /// The folder that is written to: the first one, made if need be.
    pub fn store_to_write(&self, named: Option<&str>) -> Result<Store, Problem> {
        let folder = match named {
            Some(folder) => PathBuf::from(folder),
            None => self.home.db_folders(&self.given.list("db")).into_iter().next().unwrap_or_default(),
        };
        store::make_folder(&folder)?;
        Ok(Store::at(folder))
    }

    /// The seconds since 1970.
    pub fn now() -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs() as i64)
    }
}

/// How old something is, for eyes.
pub fn age(seen: i64, now: i64) -> String {
    let seconds = now - seen;
    match seconds {
        ..0 => "from the future".into(),
        0..120 => format!("{seconds} s old"),
        120..7200 => format!("{} min old", seconds / 60),
        7200..172_800 => format!("{} h old", seconds / 3600),
        _ => format!("{} days old", seconds / 86_400),
    }
}

/// A word as a shell takes it.
pub fn shell_word(word: &str) -> String {
    let quoted = ctys_engine::quote::quote(word.as_bytes()).unwrap_or_default();
    String::from_utf8_lossy(&quoted).into_owned()
}

/// A path for eyes.
pub fn shown(path: &std::path::Path) -> String {
    escape(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let check = |seconds: i64, want: &str| assert_eq!(age(1_000_000 - seconds, 1_000_000), want);
        check(5, "5 s old");
        check(600, "10 min old");
        check(86_400, "24 h old");
        check(864_000, "10 days old");
        check(-5, "from the future");
    }
}
