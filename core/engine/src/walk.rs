//! The walk of this machine, by this process: what the host's `find` and a perl for its files would answer, without either.
//!
//! A walk has no privilege of its own, so what a shell of this account may read, this process may read as well. The result
//! is held to that of [`crate::scan`] by a test that walks the same folders both ways.

use crate::frames::MAX_STDOUT;
use crate::scan::{SCAN_LIMIT_S, absolute, below_home, matches, settle};
use crate::script::Item;
use crate::session::Conversation;
use ctys_model::probe::{FoundFile, Scan, Scanned};
use ctys_model::{Answer, Bytes, FileAnswer, HostFacts, Problem};
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

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
    let mut walk = Walk { scan, until, files: Vec::new(), size: 0, cut: false };
    for base in &scan.bases {
        let base = absolute(&below_home(base.as_slice()), home);
        let path = Path::new(OsStr::from_bytes(&base));
        if path.is_dir() {
            walk.folder(&base, scan.depth);
        } else {
            walk.files.push(FoundFile { path: Bytes(base), file: FileAnswer::Absent });
        }
    }
    settle(walk.files, walk.cut)
}

struct Walk<'a> {
    scan: &'a Scan,
    until: Instant,
    files: Vec<FoundFile>,
    /// What an answer from a shell would have: the limit is the same.
    size: usize,
    cut: bool,
}

impl Walk<'_> {
    /// `depth` counts the levels below this folder. What cannot be read is passed over, as `find` does.
    fn folder(&mut self, folder: &[u8], depth: u32) {
        if depth == 0 {
            return;
        }
        if Instant::now() > self.until {
            self.cut = true;
            return;
        }
        let Ok(entries) = std::fs::read_dir(OsStr::from_bytes(folder)) else { return };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name();
            let wanted = || self.scan.names.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()));
            let path = || [folder.strip_suffix(b"/").unwrap_or(folder), b"/", name.as_bytes()].concat();
            // A link to a file counts as well; a link to a folder is not followed, so no walk is endless.
            if kind.is_dir() {
                self.folder(&path(), depth - 1);
            } else if (kind.is_file() || kind.is_symlink()) && wanted() {
                let path = path();
                self.file(path, kind.is_symlink());
            }
            if self.cut {
                return;
            }
        }
    }

    fn file(&mut self, path: Vec<u8>, link: bool) {
        let name = OsStr::from_bytes(&path);
        // A pipe behind a link would wait for its writer.
        if link && !std::fs::metadata(name).is_ok_and(|meta| Metadata::is_file(&meta)) {
            return;
        }
        let mut content = Vec::new();
        let read = File::open(name)
            .and_then(|file| file.take(u64::from(self.scan.limit).saturating_add(1)).read_to_end(&mut content));
        let file = match read {
            Ok(_) => {
                let cut = content.len() > self.scan.limit as usize;
                content.truncate(self.scan.limit as usize);
                FileAnswer::Content { content: Bytes(content), cut }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(_) => FileAnswer::Denied,
        };
        let FileAnswer::Content { content, .. } = &file else {
            self.files.push(FoundFile { path: Bytes(path), file });
            return;
        };
        self.size += path.len() + content.0.len();
        if self.size > MAX_STDOUT {
            self.cut = true;
            return;
        }
        self.files.push(FoundFile { path: Bytes(path), file });
    }
}
