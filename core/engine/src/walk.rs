//! The walk of this machine, by this process: what the host's `find` and a perl for its files would answer, without either.
//!
//! A walk has no privilege of its own, so what a shell of this account may read, this process may read as well. The result
//! is held to that of [`crate::scan`] by a test that walks the same folders both ways.
//!
//! Several threads walk. Each goes down by itself, and lays a few folders aside for those that have nothing to do: so
//! what is held at any moment is a handful of folders, however wide the tree is.

use crate::folder::{Folder, Kind, entries};
use crate::frames::MAX_STDOUT;
use crate::scan::{SCAN_LIMIT_S, absolute, below_home, matches, settle};
use crate::script::Item;
use crate::session::Conversation;
use ctys_model::probe::{FoundFile, Scan, Scanned};
use ctys_model::{Answer, Bytes, FileAnswer, HostFacts, Problem};
use std::ffi::{CStr, OsStr};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many threads walk at most.
const WALKERS: usize = 4;

/// How many folders may lie aside for a thread that has nothing to do.
const MOST_OFFERS: usize = 8;

/// How many bytes of names are asked for at once.
const NAMES: usize = 32 * 1024;

/// A conversation with this machine whose walks are done here, beside the shell that does the rest.
pub struct Walker<C> {
    inner: C,
    home: Vec<u8>,
}

impl<C: Conversation> Walker<C> {
    /// Around the shell of this machine. `home` is where that shell stands.
    pub fn new(inner: C, home: Option<&OsStr>) -> Self {
        let home = home.map(OsStr::as_bytes).filter(|home| !home.is_empty()).unwrap_or(b"/").to_vec();
        Walker { inner, home }
    }
}

impl<C: Conversation> Conversation for Walker<C> {
    fn round(&mut self, items: &[Item], chain: Option<&[bool]>) -> (Vec<Option<Answer>>, Result<(), Problem>) {
        let is_walk = |item: &Item| matches!(item, Item::Scan(_));
        if chain.is_some() || !items.iter().any(is_walk) {
            return self.inner.round(items, chain);
        }
        let others: Vec<Item> = items.iter().filter(|item| !is_walk(item)).cloned().collect();
        let (home, inner) = (&self.home, &mut self.inner);
        let (walked, (told, outcome)) = std::thread::scope(|scope| {
            let walks = scope.spawn(|| {
                let until = Instant::now() + Duration::from_secs(u64::from(SCAN_LIMIT_S));
                let done = items.iter().filter_map(|item| match item {
                    Item::Scan(scan) => Some(Answer::Scanned(walk(scan, home, until))),
                    _ => None,
                });
                done.collect::<Vec<Answer>>()
            });
            let told = inner.round(&others, None);
            (walks.join(), told)
        });
        let gone = || Answer::Failed("the walk of this machine broke off".into());
        let mut walked = walked.unwrap_or_default().into_iter();
        let mut told = told.into_iter();
        let answers = items
            .iter()
            .map(|item| if is_walk(item) { Some(walked.next().unwrap_or_else(gone)) } else { told.next().flatten() })
            .collect();
        (answers, outcome)
    }

    fn set_deadline(&mut self, deadline: Instant) {
        self.inner.set_deadline(deadline);
    }

    fn host(&self) -> Option<&HostFacts> {
        self.inner.host()
    }

    fn carrier(&self) -> &'static str {
        self.inner.carrier()
    }
}

/// The files of a walk, until this moment at the longest. `home` is where relative bases begin.
pub fn walk(scan: &Scan, home: &[u8], until: Instant) -> Scanned {
    let mut files = Vec::new();
    let mut bases = Vec::new();
    for base in &scan.bases {
        let path = absolute(&below_home(base.as_slice()), home);
        if !Path::new(OsStr::from_bytes(&path)).is_dir() {
            files.push(FoundFile { path: Bytes(path), file: FileAnswer::Absent });
        } else if let Ok(folder) = Folder::open(&path) {
            bases.push(Offer { folder, path, depth: scan.depth });
        }
    }
    let walk = Walk {
        scan,
        until,
        size: AtomicUsize::new(0),
        cut: AtomicBool::new(false),
        offered: AtomicUsize::new(bases.len()),
        offers: Mutex::new(Offers { folders: bases, at_work: 0, idle: 0 }),
        changed: Condvar::new(),
    };
    let walkers = std::thread::available_parallelism().map_or(1, |count| count.get().min(WALKERS));
    std::thread::scope(|scope| {
        let thread = |n: usize| std::thread::Builder::new().name(format!("walk {n}"));
        // What a thread that cannot be had would do, the others do.
        let others: Vec<_> = (1..walkers).filter_map(|n| thread(n).spawn_scoped(scope, || walk.help()).ok()).collect();
        files.append(&mut walk.help());
        for other in others {
            match other.join() {
                Ok(mut found) => files.append(&mut found),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    settle(files, walk.cut.into_inner())
}

/// What the threads of a walk share.
struct Walk<'a> {
    scan: &'a Scan,
    until: Instant,
    /// What an answer from a shell would have: the limit is the same.
    size: AtomicUsize,
    cut: AtomicBool,
    /// How many folders lie aside, to be known without the lock.
    offered: AtomicUsize,
    offers: Mutex<Offers>,
    changed: Condvar,
}

struct Offers {
    folders: Vec<Offer>,
    /// How many threads are inside a folder: as long as one is, there may be another offer.
    at_work: usize,
    /// How many threads wait for an offer.
    idle: usize,
}

/// A folder that any thread may take.
struct Offer {
    folder: Folder,
    path: Vec<u8>,
    /// How many levels there are from here on.
    depth: u32,
}

impl Walk<'_> {
    /// Walks with the others until nothing is left.
    fn help(&self) -> Vec<FoundFile> {
        let mut hands = Hands { walk: self, files: Vec::new(), names: Vec::new(), content: Vec::new() };
        while let Some((Offer { folder, mut path, depth }, _at_work)) = self.take() {
            hands.folder(&folder, &mut path, depth);
        }
        hands.files
    }

    /// The next folder; none when all of the tree is walked.
    fn take(&self) -> Option<(Offer, AtWork<'_>)> {
        let mut offers = self.lock();
        loop {
            if let Some(offer) = offers.folders.pop() {
                self.offered.store(offers.folders.len(), Ordering::Relaxed);
                offers.at_work += 1;
                return Some((offer, AtWork(self)));
            }
            if offers.at_work == 0 {
                return None;
            }
            offers.idle += 1;
            offers = self.changed.wait(offers).unwrap_or_else(PoisonError::into_inner);
            offers.idle -= 1;
        }
    }

    /// Lays a folder aside for another thread.
    fn offer(&self, offer: Offer) {
        let mut offers = self.lock();
        offers.folders.push(offer);
        self.offered.store(offers.folders.len(), Ordering::Relaxed);
        if offers.idle > 0 {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Offers> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }
}

/// A thread is inside a folder. When the last one leaves and nothing is offered, all who wait must learn it.
struct AtWork<'a>(&'a Walk<'a>);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut offers = self.0.lock();
        offers.at_work -= 1;
        if offers.at_work == 0 {
            self.0.changed.notify_all();
        }
    }
}

/// One thread of a walk, and what it found.
struct Hands<'a> {
    walk: &'a Walk<'a>,
    files: Vec<FoundFile>,
    /// Buffers for names, one for each level that was open at the same time.
    names: Vec<Vec<u8>>,
    /// What a file is read into before its length is known.
    content: Vec<u8>,
}

impl Hands<'_> {
    /// `depth` counts the levels from this folder on; `path` is that of the folder, and is so again at the end. What cannot
    /// be read is passed over, as `find` does.
    fn folder(&mut self, folder: &Folder, path: &mut Vec<u8>, depth: u32) {
        if depth == 0 || self.walk.is_cut() {
            return;
        }
        if Instant::now() > self.walk.until {
            return self.walk.cut();
        }
        let length = path.len();
        if !path.ends_with(b"/") {
            path.push(b'/');
        }
        let stem = path.len();
        let mut buffer = self.names.pop().unwrap_or_else(|| vec![0; NAMES]);
        loop {
            let raw = folder.names(&mut buffer);
            if raw.is_empty() {
                break;
            }
            for (name, told) in entries(raw) {
                // A link to a file counts as well; a link to a folder is not followed, so no walk is endless.
                match folder.kind_of(name, told) {
                    Kind::Folder if depth > 1 => {
                        path.extend_from_slice(name.to_bytes());
                        self.below(folder, name, path, depth - 1);
                    }
                    kind @ (Kind::File | Kind::Link) if self.is_wanted(name) => {
                        path.extend_from_slice(name.to_bytes());
                        self.file(folder, name, path, kind);
                    }
                    _ => continue,
                }
                path.truncate(stem);
                if self.walk.is_cut() {
                    break;
                }
            }
            if self.walk.is_cut() {
                break;
            }
        }
        self.names.push(buffer);
        path.truncate(length);
    }

    fn below(&mut self, folder: &Folder, name: &CStr, path: &mut Vec<u8>, depth: u32) {
        let Ok(folder) = folder.folder(name) else { return };
        if self.walk.offered.load(Ordering::Relaxed) < MOST_OFFERS {
            self.walk.offer(Offer { folder, path: path.clone(), depth });
        } else {
            self.folder(&folder, path, depth);
        }
    }

    fn is_wanted(&self, name: &CStr) -> bool {
        self.walk.scan.names.iter().any(|pattern| matches(pattern.as_bytes(), name.to_bytes()))
    }

    fn file(&mut self, folder: &Folder, name: &CStr, path: &[u8], kind: Kind) {
        // A pipe behind a link would wait for its writer.
        if kind == Kind::Link && !folder.leads_to_file(name) {
            return;
        }
        let limit = self.walk.scan.limit;
        self.content.clear();
        let read = folder
            .file(name)
            .and_then(|file| file.take(u64::from(limit).saturating_add(1)).read_to_end(&mut self.content));
        let file = match read {
            Ok(length) => {
                let kept = &self.content[..length.min(limit as usize)];
                let size = path.len() + kept.len();
                if self.walk.size.fetch_add(size, Ordering::Relaxed) + size > MAX_STDOUT {
                    return self.walk.cut();
                }
                FileAnswer::Content { content: Bytes(kept.to_vec()), cut: kept.len() < length }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(_) => FileAnswer::Denied,
        };
        self.files.push(FoundFile { path: Bytes(path.to_vec()), file });
    }
}
