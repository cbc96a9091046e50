//! Folders by their descriptors: what is in one, with a call to the system for each screenful of names and none for each
//! name, and without a path that would be looked up from the root again.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// An open folder.
pub struct Folder(OwnedFd);

/// What a name in a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket; or it is gone by now.
    Other,
}

/// Where the parts of a `struct linux_dirent64` stand: its length, its kind, its name up to a NUL byte.
const LENGTH: std::ops::Range<usize> = 16..18;
const KIND: usize = 18;
const NAME: usize = 19;

impl Folder {
    /// The folder of this path, which may be a link to one.
    pub fn open(path: &[u8]) -> Result<Folder> {
        open(libc::AT_FDCWD, &CString::new(path)?, libc::O_DIRECTORY).map(Folder)
    }

    /// A folder in this one; a link is none.
    pub fn folder(&self, name: &CStr) -> Result<Folder> {
        open(self.0.as_raw_fd(), name, libc::O_DIRECTORY | libc::O_NOFOLLOW).map(Folder)
    }

    /// A file in this folder, for reading.
    pub fn file(&self, name: &CStr) -> Result<File> {
        open(self.0.as_raw_fd(), name, 0).map(File::from)
    }

    /// Whether a name means a file once links are followed.
    pub fn leads_to_file(&self, name: &CStr) -> bool {
        self.kind(name, 0) == Kind::File
    }

    /// The next names, into this buffer; none at the end, and where the folder cannot be read any further.
    pub fn names<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8] {
        // SAFETY: the kernel writes at most as many bytes as it is told, into a buffer of that many.
        let got = unsafe { libc::syscall(libc::SYS_getdents64, self.0.as_raw_fd(), buffer.as_mut_ptr(), buffer.len()) };
        &buffer[..usize::try_from(got).unwrap_or(0)]
    }

    /// What a name of [`entries`] stands for; asked where the file system does not tell it with the name.
    pub fn kind_of(&self, name: &CStr, told: u8) -> Kind {
        match told {
            libc::DT_DIR => Kind::Folder,
            libc::DT_REG => Kind::File,
            libc::DT_LNK => Kind::Link,
            libc::DT_UNKNOWN => self.kind(name, libc::AT_SYMLINK_NOFOLLOW),
            _ => Kind::Other,
        }
    }

    fn kind(&self, name: &CStr, flags: i32) -> Kind {
        // SAFETY: a `stat` is plain integers, for which all zero bits are a value.
        let mut stat: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: the name ends with a NUL byte, and the structure is one of ours to write to.
        let failed = unsafe { libc::fstatat(self.0.as_raw_fd(), name.as_ptr(), &mut stat, flags) };
        match stat.st_mode & libc::S_IFMT {
            _ if failed != 0 => Kind::Other,
            libc::S_IFDIR => Kind::Folder,
            libc::S_IFREG => Kind::File,
            libc::S_IFLNK => Kind::Link,
            _ => Kind::Other,
        }
    }
}

/// The names that [`Folder::names`] gave, each with what the file system tells of its kind; the folder itself and the one
/// above it are left out.
pub fn entries(mut raw: &[u8]) -> impl Iterator<Item = (&CStr, u8)> {
    std::iter::from_fn(move || {
        loop {
            let length = usize::from(u16::from_ne_bytes(raw.get(LENGTH)?.try_into().ok()?));
            let (entry, rest) = raw.split_at_checked(length).filter(|_| length > NAME)?;
            raw = rest;
            let name = CStr::from_bytes_until_nul(&entry[NAME..]).ok()?;
            if !matches!(name.to_bytes(), b"." | b"..") {
                return Some((name, entry[KIND]));
            }
        }
    })
}

fn open(at: RawFd, name: &CStr, flags: i32) -> Result<OwnedFd> {
    loop {
        // SAFETY: the name ends with a NUL byte.
        let fd = unsafe { libc::openat(at, name.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOCTTY | flags) };
        if fd >= 0 {
            // SAFETY: it was just opened, and nobody else has it.
            return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        let error = Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A folder of the test's own, gone at its end.
    struct Own(std::path::PathBuf);

    impl Drop for Own {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn every_name_comes_once_with_its_kind_however_small_the_buffer_is() {
        let own = Own(std::env::temp_dir().join(format!("ctys-folder-{}", std::process::id())));
        std::fs::create_dir_all(own.0.join("below")).unwrap();
        for n in 0..200 {
            std::fs::write(own.0.join(format!("{n}{}", "x".repeat(n))), "").unwrap();
        }
        std::os::unix::fs::symlink("0", own.0.join("good")).unwrap();
        std::os::unix::fs::symlink("gone", own.0.join("bad")).unwrap();
        std::os::unix::fs::symlink("below", own.0.join("aside")).unwrap();
        let folder = Folder::open(own.0.as_os_str().as_encoded_bytes()).unwrap();
        let mut seen = BTreeMap::new();
        let mut buffer = vec![0; 300];
        loop {
            let raw = folder.names(&mut buffer);
            if raw.is_empty() {
                break;
            }
            for (name, told) in entries(raw) {
                let kind = folder.kind_of(name, told);
                // What the file system tells is what a look at the file shows.
                assert_eq!(folder.kind_of(name, libc::DT_UNKNOWN), kind);
                let leads = folder.leads_to_file(name);
                assert_eq!(seen.insert(name.to_str().unwrap().to_string(), (kind, leads)), None);
            }
        }
        assert_eq!(seen.len(), 204);
        assert_eq!(seen["below"], (Kind::Folder, false));
        assert_eq!(seen["0"], (Kind::File, true));
        assert_eq!(seen["good"], (Kind::Link, true));
        assert_eq!(seen["bad"], (Kind::Link, false));
        assert_eq!(seen["aside"], (Kind::Link, false));
        assert!(folder.folder(c"below").is_ok());
        assert!(folder.folder(c"aside").is_err(), "a link is not followed");
        assert!(folder.folder(c"0").is_err());
    }

    #[test]
    fn broken_entries_end_the_list() {
        assert_eq!(entries(&[]).count(), 0);
        assert_eq!(entries(&[0; 64]).count(), 0);
        assert_eq!(entries(&[0xff; 64]).count(), 0);
    }
}
