//! Files of ours: private from the first moment.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A new file that only its owner can read. One that is there already is not touched.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Keeps so many bytes of room for a new file, without making it longer. A file system that cannot do that is taken at its
/// word when it comes to writing.
pub fn reserve(file: &File, bytes: i64) -> io::Result<()> {
    // SAFETY: a plain system call on a file that is open.
    if unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, 0, bytes) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT)) { Err(error) } else { Ok(()) }
}

/// A folder that only its owner can enter, with the folders above it.
pub fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Where logs go: `$XDG_STATE_HOME/ctys`. None without that and without HOME. It may not be there yet.
pub fn state_folder() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    Some(state.or_else(home)?.join("ctys"))
}

/// The most text that is read of one file, in bytes: a transcript of a thousand hosts fits many times.
const TEXT_LIMIT: u64 = 256 * 1024 * 1024;

/// The text of a file, unless it is longer than any of ours could be.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(TEXT_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > TEXT_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {TEXT_LIMIT} bytes")));
    }
    Ok(text)
}
