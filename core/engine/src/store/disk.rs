//! Files that are there as a whole or not at all.

use ctys_inventory::index::Stamp;
use ctys_model::bytes::escape;
use ctys_model::{Phase, Problem};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a writer waits for another: a write of 100,000 records takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// The right to write; it goes with the process, however that ends.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for it.
    pub fn take(folder: &Path) -> Result<Lock, Problem> {
        let path = folder.join("inventory.lock");
        let shown = escape(path.as_os_str().as_bytes());
        let made = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file =
            made.map_err(|error| Problem::new(Phase::Here, format!("cannot lock the inventory by {shown}: {error}")))?;
        let start = Instant::now();
        loop {
            // SAFETY: flock takes a descriptor, which is open, and touches no memory.
            if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
                return Ok(Lock { _file: file });
            }
            let error = io::Error::last_os_error();
            let busy = error.raw_os_error() == Some(libc::EWOULDBLOCK);
            if !busy || start.elapsed() > PATIENCE {
                let why =
                    if busy { "another process has been writing for too long".to_string() } else { error.to_string() };
                return Err(Problem::new(Phase::Here, format!("cannot lock the inventory by {shown}: {why}")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The state of a file.
pub(super) fn stamp(about: &Metadata) -> Stamp {
    let changed = i128::from(about.mtime()) * 1_000_000_000 + i128::from(about.mtime_nsec());
    Stamp { size: about.size(), changed, inode: about.ino() }
}

/// The state of the file at a path; all zero when there is none.
pub(super) fn stamp_at(path: &Path) -> io::Result<Stamp> {
    match fs::metadata(path) {
        Ok(about) => Ok(stamp(&about)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Stamp::default()),
        Err(error) => Err(error),
    }
}

/// A file and its state; empty when there is none.
pub(super) fn read(path: &Path) -> io::Result<(Vec<u8>, Stamp)> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Stamp::default())),
        Err(error) => return Err(error),
    };
    let before = stamp(&file.metadata()?);
    let mut text = Vec::with_capacity(before.size as usize);
    file.read_to_end(&mut text)?;
    Ok((text, before))
}

/// A file beside its place, complete and on the disk. It goes when it is not put in place.
pub(super) struct New {
    place: PathBuf,
    made: PathBuf,
    stamp: Stamp,
    placed: bool,
}

/// The name of a file that is not in its place yet.
pub(super) fn new_name(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_os_string();
    name.push(".new");
    PathBuf::from(name)
}

/// Writes a file beside its place. Only for who has the lock.
pub(super) fn write_new(place: &Path, content: &[u8]) -> io::Result<New> {
    let made = new_name(place);
    // Whoever could have been writing it is gone: the lock is ours.
    match fs::remove_file(&made) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&made)?;
    let mut new = New { place: place.to_path_buf(), made, stamp: Stamp::default(), placed: false };
    file.write_all(content)?;
    file.sync_all()?;
    // A file that others may read stays so.
    if let Ok(before) = fs::metadata(place) {
        file.set_permissions(before.permissions())?;
    }
    new.stamp = stamp(&file.metadata()?);
    Ok(new)
}

impl New {
    /// Its state, which it keeps in its place.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Puts it in the place of the old one.
    pub fn put_in_place(mut self) -> io::Result<()> {
        fs::rename(&self.made, &self.place)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for New {
    fn drop(&mut self) {
        if !self.placed {
            let _ = fs::remove_file(&self.made);
        }
    }
}

/// Brings the names of a folder to the disk.
pub(super) fn settle(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
