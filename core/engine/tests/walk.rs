//! The walk of this machine by several threads: the same files whoever finds them, within the bounds of a walk.

use ctys_engine::walk::walk;
use ctys_model::probe::{FoundFile, Scan, Scanned};
use ctys_model::{Bytes, FileAnswer, Place};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A folder of the test's own, gone at its end.
struct Own(PathBuf);

impl Own {
    fn new(name: &str) -> Own {
        let folder = std::env::temp_dir().join(format!("ctys-walk-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Own(folder)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn scan(bases: &[&Path], depth: u32, limit: u32) -> Scan {
    let bases = bases.iter().map(|base| Bytes(base.as_os_str().as_bytes().to_vec())).collect();
    Scan { place: Place::Target, bases, names: vec!["*.conf".into()], depth, limit }
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(300)
}

/// What a plain recursion finds.
fn plainly(folder: &Path, depth: u32, found: &mut Vec<FoundFile>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() && depth > 1 {
            plainly(&path, depth - 1, found);
        } else if path.extension().is_some_and(|end| end == "conf") && path.is_file() {
            let content = Bytes(std::fs::read(&path).unwrap());
            let file = FileAnswer::Content { content, cut: false };
            found.push(FoundFile { path: Bytes(path.as_os_str().as_bytes().to_vec()), file });
        }
    }
}

#[test]
fn many_threads_find_what_one_finds_each_file_once_and_in_order() {
    let own = Own::new("same");
    for wide in 0..40 {
        // Some folders are deep, some have many files, some are empty.
        let mut folder = own.0.join(format!("w{wide}"));
        for deep in 0..wide % 7 {
            folder = folder.join(format!("d{deep}"));
            std::fs::create_dir_all(&folder).unwrap();
            for n in 0..(wide * deep) % 11 {
                std::fs::write(folder.join(format!("{n}.conf")), format!("{wide} {deep} {n}")).unwrap();
                std::fs::write(folder.join(format!("{n}.img")), "").unwrap();
            }
        }
        // Up again: followed, it would have no end.
        std::fs::create_dir_all(own.0.join(format!("w{wide}"))).unwrap();
        std::os::unix::fs::symlink(&own.0, own.0.join(format!("w{wide}/up.conf"))).unwrap();
    }
    std::os::unix::fs::symlink("w6/d0/d1/1.conf", own.0.join("link.conf")).unwrap();
    for depth in [1, 2, 4, 9] {
        let mut files = Vec::new();
        plainly(&own.0, depth, &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let want = Scanned { files, cut: false };
        // One base inside the other: what both find is there once.
        let inner = own.0.join("w6");
        for _ in 0..20 {
            let found = walk(&scan(&[&own.0], depth, 1000), b"/", later());
            assert_eq!(found, want, "{depth} levels");
        }
        if depth == 9 {
            assert_eq!(walk(&scan(&[&inner, &own.0, &inner], depth, 1000), b"/", later()), want);
            assert!(want.files.len() > 100, "{} files", want.files.len());
        }
    }
    assert_eq!(walk(&scan(&[&own.0], 0, 1000), b"/", later()), Scanned::default());
}

#[test]
fn a_walk_ends_at_its_bounds_and_says_so() {
    let own = Own::new("bounds");
    for n in 0..200 {
        let folder = own.0.join(format!("{n}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.conf"), vec![b'x'; 100_000]).unwrap();
    }
    let whole = walk(&scan(&[&own.0], 8, 1000), b"/", later());
    assert_eq!((whole.files.len(), whole.cut), (200, false));
    let content = |file: &FoundFile| match &file.file {
        FileAnswer::Content { content, cut } => (content.0.len(), *cut),
        other => panic!("{other:?}"),
    };
    assert!(whole.files.iter().all(|file| content(file) == (1000, true)));
    // 20 MB are more than an answer may have.
    let much = walk(&scan(&[&own.0], 8, 200_000), b"/", later());
    let bytes: usize = much.files.iter().map(|file| content(file).0).sum();
    assert!(much.cut && bytes <= 8 * 1024 * 1024 && bytes > 4 * 1024 * 1024, "{bytes} bytes");
    let late = walk(&scan(&[&own.0], 8, 1000), b"/", Instant::now() - Duration::from_millis(1));
    assert_eq!(late, Scanned { files: Vec::new(), cut: true });
}
