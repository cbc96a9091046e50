//! Host keys that are trusted: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.

use super::pattern::matches_host;
use super::wire::key_type;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What a host's key is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one in the files.
    Known,
    /// The files know nothing of this host.
    Unknown,
    /// The files know another key.
    Changed {
        /// The file with the other key.
        file: PathBuf,
        /// The line there.
        line: usize,
    },
    /// A line says that this key must never be accepted.
    Revoked {
        /// The file that says so.
        file: PathBuf,
        /// The line there.
        line: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    None,
    Authority,
    Revoked,
}

#[derive(Debug)]
enum Names {
    /// Comma list of patterns.
    Plain(String),
    /// `|1|salt|hash`: HMAC-SHA1 of the name with the salt as key.
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

#[derive(Debug)]
struct Entry {
    line: usize,
    marker: Marker,
    names: Names,
    key: Vec<u8>,
}

impl Entry {
    /// ```text
    /// lab00,192.0.2.7 ssh-ed25519 AAAAC3Nza… comment
    /// [lab01]:2222 ecdsa-sha2-nistp256 AAAAE2Vjc…
    /// |1|vJ2cPs0d…=|QmZ8hKx…= ssh-rsa AAAAB3Nza…
    /// @revoked * ssh-rsa AAAAB3Nza…
    /// @cert-authority *.lab.example ssh-ed25519 AAAAC3Nza…
    /// ```
    ///
    /// None for comments and for lines that `ssh` passes over as well.
    fn parse(line: usize, text: &str) -> Option<Entry> {
        let mut words = text.split([' ', '\t', '\r']).filter(|word| !word.is_empty());
        let mut names = words.next().filter(|word| !word.starts_with('#'))?;
        let marker = match names {
            "@cert-authority" => Marker::Authority,
            "@revoked" => Marker::Revoked,
            _ if names.starts_with('@') => return None,
            _ => Marker::None,
        };
        if marker != Marker::None {
            names = words.next()?;
        }
        let names = match names.strip_prefix('|') {
            None => Names::Plain(names.to_string()),
            Some(hashed) => {
                let (salt, hash) = hashed.strip_prefix("1|")?.split_once('|')?;
                Names::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? }
            }
        };
        let (kind, key) = (words.next()?, words.next()?);
        let key = STANDARD.decode(key).or_else(|_| STANDARD_NO_PAD.decode(key)).ok()?;
        (key_type(&key) == Some(kind)).then_some(Entry { line, marker, names, key })
    }

    fn is_for(&self, name: &str) -> bool {
        match &self.names {
            Names::Plain(list) => matches_host(name, list),
            Names::Hashed { salt, hash } => {
                let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(salt) else { return false };
                mac.update(name.as_bytes());
                mac.verify_slice(hash).is_ok()
            }
        }
    }
}

/// All known_hosts files of a run, each read once.
#[derive(Default)]
pub struct KnownHosts {
    files: Mutex<HashMap<PathBuf, Arc<Vec<Entry>>>>,
}

/// What the files say of one host.
#[derive(Clone, Debug, Default)]
pub struct HostKeys {
    /// The name that was looked up: `lab00`, `[lab01]:2222`, or the HostKeyAlias.
    pub name: String,
    found: Vec<Found>,
}

#[derive(Clone, Debug)]
struct Found {
    file: PathBuf,
    line: usize,
    marker: Marker,
    key: Vec<u8>,
}

impl KnownHosts {
    /// Looks a host up in these files, in this order. `name` is lower case, without port where it is 22.
    pub fn look_up(&self, files: impl IntoIterator<Item = impl AsRef<Path>>, name: &str) -> HostKeys {
        let mut found = Vec::new();
        for file in files {
            let file = file.as_ref();
            let of_host = |entry: &&Entry| entry.is_for(name);
            found.extend(self.entries(file).iter().filter(of_host).map(|entry| Found {
                file: file.to_path_buf(),
                line: entry.line,
                marker: entry.marker,
                key: entry.key.clone(),
            }));
        }
        HostKeys { name: name.to_string(), found }
    }

    fn entries(&self, file: &Path) -> Arc<Vec<Entry>> {
        let mut files = self.files.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        files
            .entry(file.to_path_buf())
            .or_insert_with(|| {
                // A file that is absent knows no host.
                let content = std::fs::read(file).unwrap_or_default();
                let lines = content.split(|&byte| byte == b'\n').enumerate();
                Arc::new(
                    lines.filter_map(|(index, raw)| Entry::parse(index + 1, &String::from_utf8_lossy(raw))).collect(),
                )
            })
            .clone()
    }
}

impl HostKeys {
    /// The types of the keys that are known for the host, in the order of the files.
    pub fn types(&self) -> Vec<&str> {
        let plain = self.found.iter().filter(|found| found.marker == Marker::None);
        let mut types: Vec<&str> = plain.filter_map(|found| key_type(&found.key)).collect();
        types.dedup();
        types
    }

    /// The lines that are for the host, markers included.
    pub fn places(&self) -> impl Iterator<Item = (&Path, usize)> {
        self.found.iter().map(|found| (found.file.as_path(), found.line))
    }

    /// An authority vouches for the host; its certificates are the business of `ssh`, which asks for one before any plain key.
    pub fn by_authority(&self) -> bool {
        self.found.iter().any(|found| found.marker == Marker::Authority)
    }

    /// Whether anything vouches for the host: a key or an authority. A line that revokes a key does not.
    pub fn vouches(&self) -> bool {
        self.by_authority() || !self.types().is_empty()
    }

    /// With the revoked keys of another look-up.
    pub fn with_revoked_of(mut self, other: HostKeys) -> HostKeys {
        self.found.extend(other.found.into_iter().filter(|found| found.marker == Marker::Revoked));
        self
    }

    /// What this key is worth. A revoked key is never known; a key that differs from all known ones has changed, of
    /// whatever type it is.
    pub fn verdict(&self, key: &[u8]) -> Verdict {
        let of = |marker| self.found.iter().filter(move |found| found.marker == marker);
        if let Some(found) = of(Marker::Revoked).find(|found| found.key == key) {
            return Verdict::Revoked { file: found.file.clone(), line: found.line };
        }
        if of(Marker::None).any(|found| found.key == key) {
            return Verdict::Known;
        }
        let same_type = of(Marker::None).find(|found| key_type(&found.key) == key_type(key));
        match same_type.or_else(|| of(Marker::None).next()) {
            Some(found) => Verdict::Changed { file: found.file.clone(), line: found.line },
            None => Verdict::Unknown,
        }
    }
}

/// The name to look up: the host alone for port 22, else `[host]:port`.
pub fn lookup_name(host: &str, port: u16) -> String {
    if port == 22 { host.to_string() } else { format!("[{host}]:{port}") }
}
