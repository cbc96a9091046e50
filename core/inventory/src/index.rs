//! The index beside the classic files: any name of a machine to its lines, and where and when each line was seen.
//!
//! ```text
//! header   512 bytes: magic, stamps of both files, counts, places of the parts, check
//! entries  48 bytes for every line of enum.fdb, then for every line of macmap.fdb
//! pages    4096 bytes: sorted (hash of a name, number of an entry)
//! sources  JSON: the targets that were asked, when, and what came of it
//! ```
//!
//! The classic files stay what they are; the index can be thrown away and built anew. It is written as a whole and never
//! changed. Each part carries a check of its own, so that a look-up reads a few pages and still notices damage.

use crate::keys::{self, Key, hash};
use crate::line::Line;
use crate::macmap::Entry as MacEntry;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;

const MAGIC: &[u8; 8] = b"CTYSIDX1";
const HEADER: usize = 512;
const ENTRY: usize = 48;
const PAGE: usize = 4096;
/// A page begins with its check and the count of its slots.
const PAGE_HEAD: usize = 16;
const SLOT: usize = 12;
const SLOTS: usize = (PAGE - PAGE_HEAD) / SLOT;

/// Something bytes are read from by their place.
pub trait ReadAt {
    /// Fills the buffer from this place, or fails.
    ///
    /// # Errors
    /// When there are not so many bytes, or they cannot be read.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let start = usize::try_from(offset).map_err(|_| end())?;
        let part = self.get(start..start.saturating_add(buffer.len())).ok_or_else(end)?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}

/// What tells one state of a file from another. All zero: there is no file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Its length.
    pub size: u64,
    /// When it was changed, in nanoseconds since 1970.
    pub changed: i128,
    /// Its number in the file system.
    pub inode: u64,
}

/// The two classic files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Classic {
    /// `enum.fdb`.
    Enum,
    /// `macmap.fdb`.
    MacMap,
}

/// A target that was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The target as it was typed, or the file the records came from.
    pub target: String,
    /// What was asked there: session types and folders.
    pub scope: String,
    /// When it last answered, in seconds since 1970; none if never.
    pub answered: Option<i64>,
    /// When it last failed, if that was later.
    pub failed: Option<i64>,
    /// Why it failed.
    pub why: Option<String>,
}

/// Where and when a line was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The number of the source.
    pub source: u32,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// One line of a classic file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins.
    pub offset: u64,
    /// Its length without newline.
    pub length: u32,
    /// Where and when it was seen.
    pub seen: Seen,
    /// The hash of its bytes.
    pub hash: u64,
}

/// Why an index cannot be used. It is thrown away then and built anew.
#[derive(Debug)]
pub enum Damage {
    /// It could not be read.
    Io(io::Error),
    /// It is not what was written.
    Wrong(&'static str),
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Damage {
        Damage::Io(error)
    }
}

/// The bytes of an index over these files. `seen` says where and when a line was seen, by its hash.
pub fn build(
    (enumerated, enum_stamp): (&[u8], Stamp),
    (macmap, macmap_stamp): (&[u8], Stamp),
    sources: &[Source],
    mut seen: impl FnMut(u64) -> Seen,
) -> Vec<u8> {
    let count = lines(enumerated).count() + lines(macmap).count();
    // Seven names a line are usual; growing by doubling would hold the index twice.
    let mut slots: Vec<(u64, u32)> = Vec::with_capacity(count * 8);
    let mut out = Vec::with_capacity(HEADER + count * (ENTRY + 8 * SLOT));
    out.resize(HEADER, 0);
    let mut counts = [0_u32; 2];
    for (file, text) in [(Classic::Enum, enumerated), (Classic::MacMap, macmap)] {
        for (offset, raw) in lines(text) {
            let number = counts[0] + counts[1];
            counts[file as usize] += 1;
            let entry = Entry { offset, length: raw.len() as u32, hash: hash(&[raw]), seen: Seen::default() };
            let of_enum = file == Classic::Enum;
            put_entry(&mut out, &Entry { seen: if of_enum { seen(entry.hash) } else { Seen::default() }, ..entry });
            let keys = match file {
                Classic::Enum => Line::parse(raw).map(|line| keys::of_line(&line)),
                Classic::MacMap => std::str::from_utf8(raw).ok().and_then(MacEntry::parse).map(|e| keys::of_entry(&e)),
            };
            slots.extend(keys.unwrap_or_default().iter().map(|key| (key.hash(), number)));
        }
    }
    slots.sort_unstable();
    let pages_at = out.len() as u64;
    for page in slots.chunks(SLOTS) {
        put_page(&mut out, page);
    }
    let sources_at = out.len() as u64;
    let sources = serde_json::to_vec(sources).expect("sources are plain data");
    out.extend_from_slice(&sources);
    let mut head = Vec::with_capacity(HEADER);
    head.extend_from_slice(MAGIC);
    for stamp in [enum_stamp, macmap_stamp] {
        head.extend_from_slice(&stamp.size.to_le_bytes());
        head.extend_from_slice(&stamp.changed.to_le_bytes());
        head.extend_from_slice(&stamp.inode.to_le_bytes());
    }
    for count in counts {
        head.extend_from_slice(&count.to_le_bytes());
    }
    for place in [pages_at, sources_at, sources.len() as u64, hash(&[&sources])] {
        head.extend_from_slice(&place.to_le_bytes());
    }
    head.resize(HEADER - 8, 0);
    head.extend_from_slice(&hash(&[&head]).to_le_bytes());
    out[..HEADER].copy_from_slice(&head);
    out
}

/// The lines of a text with their places. A newline at the end begins no further line.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut offset = 0;
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let parts = (!text.is_empty()).then(|| body.split(|&byte| byte == b'\n'));
    parts.into_iter().flatten().map(move |raw| {
        let place = offset;
        offset += raw.len() as u64 + 1;
        (place, raw)
    })
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    let start = out.len();
    out.extend_from_slice(&entry.offset.to_le_bytes());
    out.extend_from_slice(&entry.hash.to_le_bytes());
    out.extend_from_slice(&entry.seen.at.to_le_bytes());
    out.extend_from_slice(&entry.length.to_le_bytes());
    out.extend_from_slice(&entry.seen.source.to_le_bytes());
    out.resize(start + ENTRY - 8, 0);
    let check = hash(&[&out[start..]]);
    out.extend_from_slice(&check.to_le_bytes());
}

fn put_page(out: &mut Vec<u8>, slots: &[(u64, u32)]) {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&(slots.len() as u64).to_le_bytes());
    for (hash, number) in slots {
        out.extend_from_slice(&hash.to_le_bytes());
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.resize(start + PAGE, 0);
    let check = hash(&[&out[start + 8..]]);
    out[start..start + 8].copy_from_slice(&check.to_le_bytes());
}

/// An index that is read.
#[derive(Debug)]
pub struct Index<R> {
    reader: R,
    stamps: [Stamp; 2],
    counts: [u32; 2],
    pages: u64,
    pages_at: u64,
    sources_at: u64,
    sources_length: u64,
    sources_check: u64,
}

impl<R: ReadAt> Index<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When it is no index, is damaged, or cannot be read.
    pub fn open(reader: R) -> Result<Index<R>, Damage> {
        let mut head = [0; HEADER];
        reader.read_at(0, &mut head)?;
        if head[..8] != MAGIC[..] {
            return Err(Damage::Wrong("it is no index of this version"));
        }
        if hash(&[&head[..HEADER - 8]]) != number(&head[HEADER - 8..]) {
            return Err(Damage::Wrong("its header is damaged"));
        }
        let mut rest = &head[8..];
        let mut stamp = || {
            let (size, changed, inode) = (take(&mut rest), take(&mut rest), take(&mut rest));
            Stamp {
                size: u64::from_le_bytes(size),
                changed: i128::from_le_bytes(changed),
                inode: u64::from_le_bytes(inode),
            }
        };
        let stamps = [stamp(), stamp()];
        let counts = [u32::from_le_bytes(take(&mut rest)), u32::from_le_bytes(take(&mut rest))];
        let mut place = || u64::from_le_bytes(take(&mut rest));
        let (pages_at, sources_at, sources_length, sources_check) = (place(), place(), place(), place());
        let pages = sources_at.saturating_sub(pages_at) / PAGE as u64;
        Ok(Index { reader, stamps, counts, pages, pages_at, sources_at, sources_length, sources_check })
    }

    /// The state of a classic file it was built over.
    pub fn stamp(&self, file: Classic) -> Stamp {
        self.stamps[file as usize]
    }

    /// How many lines a classic file has.
    pub fn count(&self, file: Classic) -> u32 {
        self.counts[file as usize]
    }

    /// The file of an entry, and the number of its line there, from 1.
    pub fn line_number(&self, entry: u32) -> (Classic, u32) {
        match entry.checked_sub(self.counts[0]) {
            None => (Classic::Enum, entry + 1),
            Some(rest) => (Classic::MacMap, rest + 1),
        }
    }

    /// The entries that may have this name, in the order of the files. Equal hashes are possible: the caller looks.
    ///
    /// # Errors
    /// When a part of the index is damaged.
    pub fn find(&self, key: &Key) -> Result<Vec<u32>, Damage> {
        let wanted = key.hash();
        // The first page whose first slot is not below; what is wanted may begin at the end of the page before.
        let (mut low, mut high) = (0, self.pages);
        while low < high {
            let middle = low + (high - low) / 2;
            let first = self.page(middle)?.first().map_or(u64::MAX, |slot| slot.0);
            if first < wanted { low = middle + 1 } else { high = middle }
        }
        let mut found = Vec::new();
        for page in low.saturating_sub(1)..self.pages {
            let slots = self.page(page)?;
            found.extend(slots.iter().filter(|slot| slot.0 == wanted).map(|slot| slot.1));
            if slots.last().is_none_or(|slot| slot.0 > wanted) {
                break;
            }
        }
        Ok(found)
    }

    fn page(&self, number_of: u64) -> Result<Vec<(u64, u32)>, Damage> {
        let mut page = [0; PAGE];
        self.reader.read_at(self.pages_at + number_of * PAGE as u64, &mut page)?;
        if hash(&[&page[8..]]) != number(&page) {
            return Err(Damage::Wrong("a page of it is damaged"));
        }
        let count = (number(&page[8..]) as usize).min(SLOTS);
        let slots = page[PAGE_HEAD..].chunks_exact(SLOT).take(count);
        Ok(slots.map(|slot| (number(slot), u32::from_le_bytes([slot[8], slot[9], slot[10], slot[11]]))).collect())
    }

    /// An entry by its number.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn entry(&self, entry: u32) -> Result<Entry, Damage> {
        if u64::from(entry) >= u64::from(self.counts[0]) + u64::from(self.counts[1]) {
            return Err(Damage::Wrong("an entry is missing"));
        }
        let mut raw = [0; ENTRY];
        self.reader.read_at(HEADER as u64 + u64::from(entry) * ENTRY as u64, &mut raw)?;
        read_entry(&raw)
    }

    /// All entries of `enum.fdb`, in their order.
    ///
    /// # Errors
    /// When one is damaged.
    pub fn enumerated(&self) -> Result<Vec<Entry>, Damage> {
        let mut raw = vec![0; self.counts[0] as usize * ENTRY];
        self.reader.read_at(HEADER as u64, &mut raw)?;
        raw.chunks_exact(ENTRY).map(read_entry).collect()
    }

    /// Where and when each line was seen, by its hash, and the sources.
    ///
    /// # Errors
    /// When a part is damaged.
    pub fn memory(&self) -> Result<(HashMap<u64, Seen>, Vec<Source>), Damage> {
        let entries = self.enumerated()?;
        Ok((entries.into_iter().map(|entry| (entry.hash, entry.seen)).collect(), self.sources()?))
    }

    /// The targets that were asked.
    ///
    /// # Errors
    /// When they are damaged.
    pub fn sources(&self) -> Result<Vec<Source>, Damage> {
        // A damaged length is noticed by the header's own check; this one keeps a forged one from taking all memory.
        if self.sources_length > 1 << 30 {
            return Err(Damage::Wrong("its list of targets is damaged"));
        }
        let mut raw = vec![0; self.sources_length as usize];
        self.reader.read_at(self.sources_at, &mut raw)?;
        if hash(&[&raw]) != self.sources_check {
            return Err(Damage::Wrong("its list of targets is damaged"));
        }
        serde_json::from_slice(&raw).map_err(|_| Damage::Wrong("its list of targets cannot be read"))
    }
}

fn read_entry(raw: &[u8]) -> Result<Entry, Damage> {
    if hash(&[&raw[..ENTRY - 8]]) != number(&raw[ENTRY - 8..]) {
        return Err(Damage::Wrong("an entry of it is damaged"));
    }
    let word = |at: usize| u32::from_le_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]]);
    let seen = Seen { at: number(&raw[16..]) as i64, source: word(28) };
    Ok(Entry { offset: number(raw), hash: number(&raw[8..]), length: word(24), seen })
}

/// The number in the first eight bytes.
fn number(raw: &[u8]) -> u64 {
    let mut rest = raw;
    u64::from_le_bytes(take(&mut rest))
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (first, others) = rest.split_first_chunk().expect("the parts have fixed lengths");
    *rest = others;
    *first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Kind;

    fn file(count: u32) -> String {
        let line = |n: u32| {
            let mac = format!("00:50:56:00:{:02X}:{:02X}", n / 256, n % 256);
            format!(
                "lab{:02}.soho;XEN;tst{n:05};/x/{n}.conf;{n:032x};{mac};10.0.{}.{}{}\n",
                n % 7,
                n / 256,
                n % 256,
                ";".repeat(40)
            )
        };
        (0..count).map(line).collect()
    }

    const MACMAP: &str = "tst00003;00:50:56:00:00:03;10.9.9.9\nother;00:50:56:FF:FF:FF;10.9.9.10\n";

    fn index(count: u32) -> Index<Vec<u8>> {
        let text = file(count);
        let sources = [Source { target: "lab00".into(), answered: Some(7), ..Source::default() }];
        let stamp = Stamp { size: text.len() as u64, changed: 1, inode: 2 };
        let raw = build((text.as_bytes(), stamp), (MACMAP.as_bytes(), Stamp::default()), &sources, |hash| Seen {
            source: 0,
            at: (hash % 1000) as i64,
        });
        Index::open(raw).unwrap()
    }

    #[test]
    fn every_name_of_every_record_is_found_and_no_other() {
        for count in [0, 1, 3, 700] {
            let index = index(count);
            let text = file(count);
            assert_eq!(index.count(Classic::Enum), count);
            for (number, (offset, raw)) in lines(text.as_bytes()).enumerate() {
                for key in keys::of_line(&Line::parse(raw).unwrap()) {
                    let found = index.find(&key).unwrap();
                    assert!(found.contains(&(number as u32)), "{key:?} of {count}: {found:?}");
                }
                let entry = index.entry(number as u32).unwrap();
                assert_eq!((entry.offset, entry.length as usize), (offset, raw.len()));
                assert_eq!(entry.seen.at, (entry.hash % 1000) as i64);
            }
            let nobody = Key::new(Kind::Label, "nobody").unwrap();
            assert_eq!(index.find(&nobody).unwrap(), Vec::<u32>::new());
            let mapped = Key::new(Kind::Address, "10.9.9.10").unwrap();
            let found = index.find(&mapped).unwrap();
            assert_eq!(found.iter().map(|&n| index.line_number(n)).collect::<Vec<_>>(), [(Classic::MacMap, 2)]);
            assert_eq!(index.sources().unwrap()[0].target, "lab00");
        }
    }

    #[test]
    fn a_name_with_more_records_than_a_page_holds() {
        let text = file(3000);
        let raw = build((text.as_bytes(), Stamp::default()), (b"", Stamp::default()), &[], |_| Seen::default());
        let index = Index::open(raw).unwrap();
        let pm = Key::new(Kind::Pm, "LAB03.soho.").unwrap();
        let want: Vec<u32> = (0..3000).filter(|n| n % 7 == 3).collect();
        assert_eq!(index.find(&pm).unwrap(), want);
    }

    #[test]
    fn damage_is_noticed_wherever_it_is() {
        let text = file(400);
        let whole = build((text.as_bytes(), Stamp::default()), (b"", Stamp::default()), &[], |_| Seen::default());
        let keys: Vec<(u32, Key)> = lines(text.as_bytes())
            .enumerate()
            .flat_map(|(n, (_, raw))| {
                keys::of_line(&Line::parse(raw).unwrap()).into_iter().map(move |key| (n as u32, key))
            })
            .collect();
        let intact = |raw: Vec<u8>| -> Result<bool, Damage> {
            let index = Index::open(raw)?;
            index.memory()?;
            for (number, key) in &keys {
                if !index.find(key)?.contains(number) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        assert!(intact(whole.clone()).unwrap());
        // What fills a part up to its size is covered by the check of that part.
        for place in (0..whole.len()).step_by(97) {
            let mut raw = whole.clone();
            raw[place] ^= 0x10;
            assert!(intact(raw).is_err(), "byte {place} of {} was changed unnoticed", whole.len());
        }
        for length in (0..whole.len()).step_by(1009) {
            assert!(intact(whole[..length].to_vec()).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn lines_and_their_places() {
        let check = |text: &str, want: &[(u64, &str)]| {
            let got: Vec<_> = lines(text.as_bytes()).map(|(at, raw)| (at, std::str::from_utf8(raw).unwrap())).collect();
            assert_eq!(got, want, "{text:?}");
        };
        check("", &[]);
        check("a", &[(0, "a")]);
        check("a\n", &[(0, "a")]);
        check("a\n\nbc\n", &[(0, "a"), (2, ""), (3, "bc")]);
        check("\n", &[(0, "")]);
    }
}
