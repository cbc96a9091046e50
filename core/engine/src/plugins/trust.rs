//! Whether a file may be run: sudo's rule, applied to the whole chain as sshd does. The file and every folder that is passed
//! on the way to it belong to root or to the caller, and nobody else may write to them.
//!
//! Because no other user can then change anything on that way, there is no race between this check and the opening. It is
//! deliberately not "closed" by opening `/proc/self/fd/N`: when N is used again, glibc returns the library of before.

use super::error::{Cause, Fault};
use super::load::effective_user;
use super::search::Surroundings;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// As many symbolic links as Linux itself follows.
const MOST_LINKS: usize = 40;

/// Whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The effective user id of the caller.
    pub caller: u32,
    /// Whether write permission of group and others counts. Not below the folder that holds ctys itself in a cargo target
    /// folder: whoever can write there can replace ctys, and with `umask 002` cargo makes everything 0775.
    pub check_mode: bool,
}

impl Trust {
    /// The rules for this file, named by somebody else than the search.
    pub fn of_file(file: &Path) -> Trust {
        Trust { caller: effective_user(), check_mode: !Surroundings::of_this_process().is_build_file(file) }
    }
}

/// The real path of a file that is trusted: absolute, without symbolic links.
pub fn real_file(path: &Path, trust: Trust) -> Result<PathBuf, Cause> {
    let unreadable =
        |path: &Path, error: std::io::Error| Cause::Unreadable(format!("{} at {}", error, super::error::shown(path)));
    let mut todo: VecDeque<OsString> = components(path);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    check_folder(&here, &here.symlink_metadata().map_err(|error| unreadable(&here, error))?, trust)?;
    while let Some(next) = todo.pop_front() {
        if next == ".." {
            here.pop();
            continue;
        }
        let entry = here.join(&next);
        let metadata = entry.symlink_metadata().map_err(|error| unreadable(&entry, error))?;
        if metadata.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(Cause::Untrusted { path: path.to_path_buf(), fault: Fault::Links });
            }
            // The mode of a link says nothing; who may replace it is decided by its folder, which was checked, or by its
            // owner where that folder is sticky.
            check_owner(&entry, &metadata, trust)?;
            let target = entry.read_link().map_err(|error| unreadable(&entry, error))?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for part in components(&target).into_iter().rev() {
                todo.push_front(part);
            }
        } else if todo.is_empty() {
            check_file(&entry, &metadata, trust)?;
            return Ok(entry);
        } else {
            check_folder(&entry, &metadata, trust)?;
            here = entry;
        }
    }
    Err(Cause::Untrusted { path: path.to_path_buf(), fault: Fault::Kind })
}

fn components(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| part.as_os_str().to_os_string())
        .collect()
}

fn check_folder(path: &Path, metadata: &Metadata, trust: Trust) -> Result<(), Cause> {
    if !metadata.is_dir() {
        return Err(Cause::Untrusted { path: path.to_path_buf(), fault: Fault::Kind });
    }
    check_owner(path, metadata, trust)?;
    // In a sticky folder such as /tmp others may add entries, but not replace what belongs to somebody else.
    const STICKY: u32 = 0o1000;
    if metadata.mode() & STICKY != 0 { Ok(()) } else { check_mode(path, metadata, trust) }
}

fn check_file(path: &Path, metadata: &Metadata, trust: Trust) -> Result<(), Cause> {
    if !metadata.is_file() {
        return Err(Cause::Untrusted { path: path.to_path_buf(), fault: Fault::Kind });
    }
    check_owner(path, metadata, trust)?;
    check_mode(path, metadata, trust)
}

fn check_owner(path: &Path, metadata: &Metadata, trust: Trust) -> Result<(), Cause> {
    let owner = metadata.uid();
    if owner == 0 || owner == trust.caller {
        return Ok(());
    }
    Err(Cause::Untrusted { path: path.to_path_buf(), fault: Fault::Owner(owner, trust.caller) })
}

fn check_mode(path: &Path, metadata: &Metadata, trust: Trust) -> Result<(), Cause> {
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 == 0 || !trust.check_mode {
        return Ok(());
    }
    Err(Cause::Untrusted { path: path.to_path_buf(), fault: Fault::Writable(mode) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        let file = std::env::temp_dir().canonicalize().unwrap().join(format!("ctys-trust-{}", std::process::id()));
        std::fs::write(&file, "x").unwrap();
        // Root trusts only root, everybody else themselves too; so for root the file has to change its owner.
        let me = file.metadata().unwrap().uid();
        let (owner, caller) = if me == 0 { (4711, 0) } else { (me, me + 1) };
        if me == 0 {
            std::os::unix::fs::chown(&file, Some(owner), None).unwrap();
        }
        let refused = real_file(&file, Trust { caller, check_mode: true });
        let trusted = real_file(&file, Trust { caller: owner, check_mode: true });
        std::fs::remove_file(&file).unwrap();
        assert_eq!(refused, Err(Cause::Untrusted { path: file.clone(), fault: Fault::Owner(owner, caller) }));
        assert_eq!(trusted, Ok(file));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let trust = Trust { caller: super::super::load::effective_user(), check_mode: true };
        assert_eq!(real_file(Path::new("/"), trust), Err(Cause::Untrusted { path: "/".into(), fault: Fault::Kind }));
        assert!(matches!(real_file(Path::new("/dev/null"), trust), Err(Cause::Untrusted { fault: Fault::Kind, .. })));
    }
}
