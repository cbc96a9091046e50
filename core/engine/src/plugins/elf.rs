//! What a shared library says about itself, read without running it: 64-bit little-endian ELF, its one section.
//!
//! All of it safe code over bytes that may be anything: every number is checked before it is used. What is refused here
//! would otherwise end the program (a truncated file: SIGBUS while it is mapped), run foreign code (a library with a
//! constructor), or give a misleading message (another CPU: "No such file or directory").

use super::error::Cause;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The section the export macro puts the manifest into.
pub const SECTION: &str = ".ctys.plugin";

/// No manifest, no table of section names and no header table is larger; a larger one is a broken file.
const MOST: u64 = 4 * 1024 * 1024;

/// The machine number of this program's own CPU; none where this reader does not know it.
pub const MACHINE: Option<u16> = if cfg!(target_arch = "x86_64") {
    Some(62)
} else if cfg!(target_arch = "aarch64") {
    Some(183)
} else if cfg!(target_arch = "riscv64") {
    Some(243)
} else {
    None
};

/// Something with a length that can be read at any place.
pub trait Readable {
    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Fills the buffer from this place on, or fails.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;
}

impl Readable for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(buffer, at)
    }
}

impl Readable for [u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let from = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// The content of the section, after the file was found whole, for this CPU, and a shared library.
pub fn section(file: &(impl Readable + ?Sized)) -> Result<Vec<u8>, Cause> {
    let size = file.length().map_err(unreadable)?;
    let header = Header::read(file, size)?;
    header.check_segments(file, size)?;
    header.find_section(file, size)
}

/// What is used of the file header.
struct Header {
    segments: Table,
    sections: Table,
    names_index: u64,
}

/// A table of records of equal size.
struct Table {
    at: u64,
    each: u64,
    count: u64,
}

impl Header {
    fn read(file: &(impl Readable + ?Sized), size: u64) -> Result<Header, Cause> {
        let not = |what: &str| Cause::NotAPlugin(format!("not a shared library ({what})"));
        if size < 64 {
            return Err(not("no ELF header"));
        }
        let header = bytes(file, size, 0, 64)?;
        if header[..4] != *b"\x7fELF" {
            return Err(not("no ELF header"));
        }
        if header[4] != 2 {
            return Err(not("not 64-bit"));
        }
        if header[5] != 1 {
            return Err(not("not little-endian"));
        }
        let machine = number(&header, 18, 2) as u16;
        if let Some(needed) = MACHINE
            && machine != needed
        {
            return Err(Cause::WrongCpu { found: machine, needed });
        }
        if number(&header, 16, 2) != 3 {
            return Err(not("its ELF type is not that of one"));
        }
        let segments =
            Table { at: number(&header, 32, 8), each: number(&header, 54, 2), count: number(&header, 56, 2) };
        let sections =
            Table { at: number(&header, 40, 8), each: number(&header, 58, 2), count: number(&header, 60, 2) };
        if segments.each != 56 || segments.count == 0 {
            return Err(not("no program headers"));
        }
        if sections.count > 0 && sections.each != 64 {
            return Err(not("its section headers have an unknown size"));
        }
        Ok(Header { segments, sections, names_index: number(&header, 62, 2) })
    }

    /// Every part that the loader would map lies within the file.
    fn check_segments(&self, file: &(impl Readable + ?Sized), size: u64) -> Result<(), Cause> {
        const PT_LOAD: u64 = 1;
        for segment in self.segments.rows(file, size)? {
            if number(&segment, 0, 4) == PT_LOAD {
                within(size, number(&segment, 8, 8), number(&segment, 32, 8))?;
            }
        }
        Ok(())
    }

    fn find_section(&self, file: &(impl Readable + ?Sized), size: u64) -> Result<Vec<u8>, Cause> {
        const SHT_NOBITS: u64 = 8;
        let none = || Cause::NotAPlugin(format!("not a ctys plugin (no {SECTION} section)"));
        let sections = self.sections.rows(file, size)?;
        let content = |section: &[u8]| bytes(file, size, number(section, 24, 8), number(section, 32, 8));
        let names = usize::try_from(self.names_index).ok().and_then(|index| sections.get(index)).ok_or_else(none)?;
        let names = content(names)?;
        for section in &sections {
            let name = names.get(number(section, 0, 4) as usize..).unwrap_or_default();
            let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
            if name == SECTION.as_bytes() && number(section, 4, 4) != SHT_NOBITS {
                return content(section);
            }
        }
        Err(none())
    }
}

impl Table {
    fn rows(&self, file: &(impl Readable + ?Sized), size: u64) -> Result<Vec<Vec<u8>>, Cause> {
        if self.count == 0 {
            return Ok(Vec::new());
        }
        // Both numbers have 16 bits, so the product cannot overflow.
        let all = bytes(file, size, self.at, self.each * self.count)?;
        Ok(all.chunks_exact(self.each as usize).map(<[u8]>::to_vec).collect())
    }
}

/// A little-endian number. The callers pass places inside records whose size was checked.
fn number(record: &[u8], at: usize, bytes: usize) -> u64 {
    record[at..at + bytes].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn within(size: u64, at: u64, length: u64) -> Result<(), Cause> {
    match at.checked_add(length) {
        Some(end) if end <= size => Ok(()),
        end => Err(Cause::Truncated { size, needs: end.unwrap_or(u64::MAX) }),
    }
}

fn bytes(file: &(impl Readable + ?Sized), size: u64, at: u64, length: u64) -> Result<Vec<u8>, Cause> {
    within(size, at, length)?;
    if length > MOST {
        return Err(Cause::NotAPlugin(format!("not a ctys plugin (one of its tables has {length} bytes)")));
    }
    let mut buffer = vec![0; length as usize];
    file.read_at(&mut buffer, at).map_err(unreadable)?;
    Ok(buffer)
}

fn unreadable(error: io::Error) -> Cause {
    Cause::Unreadable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one segment and the section `.ctys.plugin` with this content.
    fn sample(content: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let put = |file: &mut Vec<u8>, at: usize, bytes: usize, value: u64| {
            file[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
        };
        put(&mut file, 16, 2, 3);
        put(&mut file, 18, 2, u64::from(MACHINE.unwrap_or(62)));
        put(&mut file, 32, 8, 64);
        put(&mut file, 54, 2, 56);
        put(&mut file, 56, 2, 1);
        file.resize(64 + 56, 0);
        put(&mut file, 64, 4, 1);
        put(&mut file, 64 + 32, 8, 64);
        let content_at = file.len();
        file.extend_from_slice(content);
        let names_at = file.len();
        file.extend_from_slice(b"\0.ctys.plugin\0");
        let table = file.len();
        file.resize(table + 3 * 64, 0);
        for (row, (name, at, length)) in
            [(0, 0, 0), (1, content_at, content.len()), (0, names_at, 14)].into_iter().enumerate()
        {
            put(&mut file, table + row * 64, 4, name);
            put(&mut file, table + row * 64 + 24, 8, at as u64);
            put(&mut file, table + row * 64 + 32, 8, length as u64);
        }
        put(&mut file, 40, 8, table as u64);
        put(&mut file, 58, 2, 64);
        put(&mut file, 60, 2, 3);
        put(&mut file, 62, 2, 2);
        file
    }

    #[test]
    fn the_section_is_found() {
        assert_eq!(section(&sample(b"{\"name\":\"xen\"}")[..]), Ok(b"{\"name\":\"xen\"}".to_vec()));
    }

    #[test]
    fn every_truncation_is_refused() {
        let whole = sample(b"{}");
        for length in 0..whole.len() {
            let error = section(&whole[..length]).unwrap_err();
            let refused = matches!(error, Cause::Truncated { .. } | Cause::NotAPlugin(_));
            assert!(refused, "{length} bytes gave {error:?}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let whole = sample(b"{\"name\":\"xen\"}");
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut file = whole.clone();
                file[at] = value;
                let _ = section(&file[..]);
                file[at..].fill(value);
                let _ = section(&file[..]);
            }
        }
    }

    #[test]
    fn other_machines_are_named() {
        let mut file = sample(b"{}");
        file[18] = 0x28;
        file[19] = 0;
        assert_eq!(section(&file[..]), Err(Cause::WrongCpu { found: 0x28, needed: MACHINE.unwrap() }));
        let check = |at: usize, value: u8, expected: &str| {
            let mut file = sample(b"{}");
            file[at] = value;
            let Err(Cause::NotAPlugin(reason)) = section(&file[..]) else { panic!("{at} {value}") };
            assert!(reason.contains(expected), "{reason}");
        };
        check(4, 1, "not 64-bit");
        check(5, 2, "not little-endian");
        check(16, 2, "ELF type");
        check(0, b'x', "no ELF header");
    }
}
