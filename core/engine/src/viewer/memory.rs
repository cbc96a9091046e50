//! Files without a name: they are gone with the last process that holds them.

use std::fs::File;
use std::io::{Result, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::fs::FileExt;

/// What is read of one at most.
const LIMIT: usize = 64 * 1024;

/// A file in memory.
pub struct Memory {
    file: File,
}

impl Memory {
    /// With this in it.
    pub fn holding(content: &[u8]) -> Result<Memory> {
        // SAFETY: the name is a C string; the descriptor is owned by nobody else.
        let mut file = unsafe {
            let fd = libc::memfd_create(c"ctys".as_ptr(), libc::MFD_CLOEXEC);
            if fd == -1 {
                return Err(std::io::Error::last_os_error());
            }
            File::from_raw_fd(fd)
        };
        file.write_all(content)?;
        Ok(Memory { file })
    }

    /// For a process that writes behind what is there.
    pub fn writer(&self) -> Result<File> {
        self.file.try_clone()
    }

    /// What is there.
    pub fn text(&self) -> Vec<u8> {
        let mut text = vec![0; LIMIT];
        let count = self.file.read_at(&mut text, 0).unwrap_or(0);
        text.truncate(count);
        text
    }
}

impl AsRawFd for Memory {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_is_read_from_the_beginning() {
        let memory = Memory::holding(b"first ").unwrap();
        memory.writer().unwrap().write_all(b"second").unwrap();
        assert_eq!(memory.text(), b"first second");
        memory.writer().unwrap().write_all(b" third").unwrap();
        assert_eq!(memory.text(), b"first second third");
    }
}
