//! One state of the inventory, and what can be asked of it.

use super::{ENUM, INDEX, MACMAP, Store, disk, file_source};
use ctys_inventory::index::{self, Classic, Damage, Index, ReadAt, Seen, Source, Stamp};
use ctys_inventory::keys::{Key, Kind, hash};
use ctys_inventory::line::Line;
use ctys_inventory::macmap::Entry;
use ctys_inventory::resolve::{self, Candidate, Machine, Wanted};
use ctys_model::Problem;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

/// What is done when the index does not fit the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// It is built and written.
    Write,
    /// It is built for this call only.
    Memory,
}

/// Where the bytes of an index are.
#[derive(Debug)]
enum Bytes {
    File(File),
    Memory(Vec<u8>),
}

impl ReadAt for Bytes {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Bytes::File(file) => file.read_exact_at(buffer, offset),
            Bytes::Memory(bytes) => bytes.read_at(offset, buffer),
        }
    }
}

/// A line that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The file it stands in.
    pub file: Classic,
    /// The number of the line, from 1.
    pub number: u64,
    /// The line.
    pub raw: Vec<u8>,
    /// Where and when it was seen.
    pub seen: Seen,
}

/// One state of the inventory.
#[derive(Debug)]
pub struct View {
    store: Store,
    index: Index<Bytes>,
    files: [Option<File>; 2],
    sources: Vec<Source>,
}

/// Opens the state that is there, and makes the index fit it.
pub(super) fn open(store: &Store, build: Build) -> Result<View, Problem> {
    let failed = |error: io::Error| store.cannot("read", INDEX, &error);
    if let Some(view) = fitting(store).map_err(failed)? {
        return Ok(view);
    }
    // Another process may be about to put both files in place; with the lock nobody is.
    let lock = match build {
        Build::Write => disk::Lock::take(store.folder()).ok(),
        Build::Memory => None,
    };
    if lock.is_some() {
        let _ = adopt(store);
        if let Some(view) = fitting(store).map_err(failed)? {
            return Ok(view);
        }
    }
    anew(store, lock)
}

/// Builds the index over what is there, with what the old one remembers. With the lock it is written, too.
pub(super) fn anew(store: &Store, lock: Option<disk::Lock>) -> Result<View, Problem> {
    let failed = |error: io::Error| store.cannot("read", INDEX, &error);
    let read = |name| disk::read(&store.path(name)).map_err(|error| store.cannot("read", name, &error));
    let ((enumerated, enum_stamp), (macmap, macmap_stamp)) = (read(ENUM)?, read(MACMAP)?);
    let (seen, mut sources) = memory(store);
    let unknown = file_source(&mut sources, enum_stamp);
    let known = |hash| seen.get(&hash).copied().unwrap_or(unknown);
    let bytes = index::build((&enumerated, enum_stamp), (&macmap, macmap_stamp), &sources, known);
    let files = [open_file(store, ENUM).map_err(failed)?, open_file(store, MACMAP).map_err(failed)?];
    // A folder that cannot be written to is read all the same.
    if lock.is_some()
        && let Ok(new) = disk::write_new(&store.path(INDEX), &bytes)
    {
        let _ = new.put_in_place();
    }
    let index = Index::open(Bytes::Memory(bytes)).map_err(|damage| wrong(store, &damage))?;
    Ok(View { store: store.clone(), index, files, sources })
}

/// The index on disk, if it fits the files.
fn fitting(store: &Store) -> io::Result<Option<View>> {
    let files = [open_file(store, ENUM)?, open_file(store, MACMAP)?];
    let stamp = |file: &Option<File>| match file {
        Some(file) => file.metadata().map(|about| disk::stamp(&about)),
        None => Ok(Stamp::default()),
    };
    let stamps = [stamp(&files[0])?, stamp(&files[1])?];
    let Some(file) = open_file(store, INDEX)? else { return Ok(None) };
    let Ok(index) = Index::open(Bytes::File(file)) else { return Ok(None) };
    let fits = [Classic::Enum, Classic::MacMap].map(|file| index.stamp(file)) == stamps;
    let Some(sources) = index.sources().ok().filter(|_| fits) else { return Ok(None) };
    Ok(Some(View { store: store.clone(), index, files, sources }))
}

fn open_file(store: &Store, name: &str) -> io::Result<Option<File>> {
    match File::open(store.path(name)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes the index of a write that ended between its two renames.
fn adopt(store: &Store) -> io::Result<()> {
    let (place, made) = (store.path(INDEX), disk::new_name(&store.path(INDEX)));
    let Ok(file) = File::open(&made) else { return Ok(()) };
    let stamps = [disk::stamp_at(&store.path(ENUM))?, disk::stamp_at(&store.path(MACMAP))?];
    match Index::open(Bytes::File(file)) {
        Ok(index) if [Classic::Enum, Classic::MacMap].map(|file| index.stamp(file)) == stamps => {
            if index.memory().is_ok() { fs::rename(made, place) } else { fs::remove_file(made) }
        }
        _ => fs::remove_file(made),
    }
}

/// What the index on disk remembers of lines and sources, whether it fits the files or not.
pub(super) fn memory(store: &Store) -> (HashMap<u64, Seen>, Vec<Source>) {
    let index = File::open(store.path(INDEX)).ok().and_then(|file| Index::open(Bytes::File(file)).ok());
    index.and_then(|index| index.memory().ok()).unwrap_or_default()
}

fn wrong(store: &Store, damage: &Damage) -> Problem {
    let why = match damage {
        Damage::Io(error) => error.to_string(),
        Damage::Wrong(why) => why.to_string(),
    };
    store.cannot("use", INDEX, &io::Error::other(why)).hint("it can be removed: it is built anew from enum.fdb")
}

impl View {
    /// The targets that were asked, and what came of it.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The target a record was seen at; empty when it stems from the file itself.
    pub fn target(&self, seen: Seen) -> &str {
        self.sources.get(seen.source as usize).map_or("", |source| &source.target)
    }

    /// Where and when every line of `enum.fdb` was seen, in its order.
    ///
    /// # Errors
    /// When the index is damaged.
    pub fn seen(&self) -> Result<Vec<Seen>, Problem> {
        let entries = self.index.enumerated().map_err(|damage| wrong(&self.store, &damage))?;
        Ok(entries.into_iter().map(|entry| entry.seen).collect())
    }

    /// The lines with this name.
    ///
    /// # Errors
    /// When the index is damaged, or the files were changed beside it.
    pub fn find(&self, key: &Key) -> Result<Vec<Hit>, Problem> {
        let numbers = self.index.find(key).map_err(|damage| wrong(&self.store, &damage))?;
        let mut hits = Vec::new();
        for number in numbers {
            let hit = self.hit(number)?;
            let keys = match hit.file {
                Classic::Enum => Line::parse(&hit.raw).map(|line| ctys_inventory::keys::of_line(&line)),
                Classic::MacMap => entry(&hit).map(|entry| ctys_inventory::keys::of_entry(&entry)),
            };
            // Other names may have the same hash.
            if keys.is_some_and(|keys| keys.contains(key)) {
                hits.push(hit);
            }
        }
        Ok(hits)
    }

    /// A record by the number of its line, and where and when it was seen.
    ///
    /// # Errors
    /// When there is none, or the index is damaged.
    pub fn record(&self, number: u64) -> Result<(Vec<u8>, Seen), Problem> {
        let hit = self.hit((number.max(1) - 1) as u32)?;
        Ok((hit.raw, hit.seen))
    }

    fn hit(&self, number: u32) -> Result<Hit, Problem> {
        let found = self.index.entry(number).map_err(|damage| wrong(&self.store, &damage))?;
        let (file, line) = self.index.line_number(number);
        let mut raw = vec![0; found.length as usize];
        let read = match &self.files[file as usize] {
            Some(file) => file.read_exact_at(&mut raw, found.offset),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        read.map_err(|error| self.store.cannot("read", INDEX, &error))?;
        if hash(&[&raw]) != found.hash {
            let damage = Damage::Wrong("the files were changed beside it");
            return Err(wrong(&self.store, &damage));
        }
        Ok(Hit { file, number: line.into(), raw, seen: found.seen })
    }

    /// The machines that fit.
    ///
    /// # Errors
    /// When the index is damaged, or the files cannot be read.
    pub fn resolve(&self, wanted: &Wanted) -> Result<Vec<Machine>, Problem> {
        let mut macmap = Vec::new();
        let mut candidates: Vec<Candidate> = Vec::new();
        if let Some(number) = wanted.address.db_record {
            let count = u64::from(self.index.count(Classic::Enum));
            if (1..=count).contains(&number) {
                candidates.push(self.candidate(self.hit((number - 1) as u32)?));
            }
        } else if let Some(keys) = wanted.keys() {
            let mut hits = Vec::new();
            for key in &keys {
                hits.extend(self.find(key)?);
            }
            macmap = hits.iter().filter(|hit| hit.file == Classic::MacMap).filter_map(entry).collect();
            for key in macmap.iter().filter_map(|entry| Key::new(Kind::Mac, &entry.mac)).collect::<Vec<_>>() {
                hits.extend(self.find(&key)?);
            }
            hits.retain(|hit| hit.file == Classic::Enum);
            hits.sort_by_key(|hit| hit.number);
            hits.dedup();
            candidates = hits.into_iter().map(|hit| self.candidate(hit)).collect();
        } else {
            let seen = self.seen()?;
            self.store.scan(|number, raw| {
                let seen = seen.get(number as usize - 1).copied().unwrap_or_default();
                let candidate =
                    Candidate { number, raw: raw.to_vec(), seen: seen.at, target: self.target(seen).into() };
                candidates.extend(Some(candidate).filter(|candidate| wanted.fits(candidate, &[])));
                ControlFlow::Continue(())
            })?;
        }
        candidates.retain(|candidate| wanted.fits(candidate, &macmap));
        Ok(resolve::machines(&candidates))
    }

    fn candidate(&self, hit: Hit) -> Candidate {
        Candidate { number: hit.number, target: self.target(hit.seen).into(), seen: hit.seen.at, raw: hit.raw }
    }

    /// What a word means: the machines with this name, by the surest kind of name that has any, and the entries of the
    /// map of hardware addresses for it.
    ///
    /// # Errors
    /// When the index is damaged, or the files cannot be read.
    pub fn meaning(&self, word: &str) -> Result<(Vec<Machine>, Vec<Entry>), Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        for key in Key::meanings(word) {
            let hits = self.find(&key)?;
            let mut found: Vec<Hit> = hits.iter().filter(|hit| hit.file == Classic::Enum).cloned().collect();
            let mapped: Vec<Entry> = hits.iter().filter(|hit| hit.file == Classic::MacMap).filter_map(entry).collect();
            for mac in mapped.iter().filter_map(|entry| Key::new(Kind::Mac, &entry.mac)) {
                found.extend(self.find(&mac)?.into_iter().filter(|hit| hit.file == Classic::Enum));
            }
            entries.extend(mapped);
            found.sort_by_key(|hit| hit.number);
            found.dedup();
            let candidates: Vec<Candidate> = found.into_iter().map(|hit| self.candidate(hit)).collect();
            let mut machines = resolve::machines(&candidates);
            // A name of the machine below is that machine, not all that run on it.
            if key.kind == Kind::Pm {
                machines.retain(|machine| machine.session_type == "PM");
            }
            if !machines.is_empty() {
                return Ok((machines, entries));
            }
        }
        Ok((Vec::new(), entries))
    }

    /// The entry of the map of hardware addresses for one of them.
    ///
    /// # Errors
    /// When the index is damaged, or the files cannot be read.
    pub fn mapped(&self, mac: &str) -> Result<Option<Entry>, Problem> {
        let Some(key) = Key::new(Kind::Mac, mac) else { return Ok(None) };
        Ok(self.find(&key)?.iter().filter(|hit| hit.file == Classic::MacMap).find_map(entry))
    }
}

fn entry(hit: &Hit) -> Option<Entry> {
    std::str::from_utf8(&hit.raw).ok().and_then(Entry::parse)
}
