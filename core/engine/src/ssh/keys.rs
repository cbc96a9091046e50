//! The user's keys: files and agent, each read once per run.

use super::Unsupported;
use super::config::Resolved;
use super::wire::{Reader, agent, is_certificate, is_hardware, key_type};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The first line of a private key in OpenSSH's own format.
const OPENSSH_BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

/// What is at the path of an IdentityFile.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// Nothing that `ssh` would use.
    Absent,
    /// A private key that opens without a passphrase.
    Plain {
        /// The file, as it is.
        text: Vec<u8>,
        /// The public key, where it is known.
        public: Option<Vec<u8>>,
    },
    /// A private key behind a passphrase. Only the agent can use it in a batch.
    Encrypted(Option<Vec<u8>>),
    /// Only the public key is here; the agent may have the rest.
    PublicOnly(Vec<u8>),
    /// A key that only `ssh` itself can use, and why.
    OnlySsh(&'static str),
}

impl KeyFile {
    /// The public key, where it is known.
    pub fn public(&self) -> Option<&[u8]> {
        match self {
            KeyFile::Plain { public, .. } | KeyFile::Encrypted(public) => public.as_deref(),
            KeyFile::PublicOnly(public) => Some(public),
            KeyFile::Absent | KeyFile::OnlySsh(_) => None,
        }
    }

    /// The private key as libssh2 takes it: its file, and the public key as a `.pub` file has it where the file itself holds
    /// it in clear. libssh2 would else decode the private key once more for it, which takes OpenSSL 0.6 ms for each host.
    pub fn pair(&self) -> Option<(&str, Option<String>)> {
        let KeyFile::Plain { text, public } = self else { return None };
        let text = std::str::from_utf8(text).ok()?;
        let own = public.as_ref().filter(|_| text.contains(OPENSSH_BEGIN));
        let line = own.and_then(|public| Some(format!("{} {}", key_type(public)?, STANDARD.encode(public))));
        Some((text, line))
    }

    fn read(path: &Path, uid: u32) -> KeyFile {
        let beside = || public_key(&std::fs::read(with_suffix(path, ".pub")).ok()?);
        let Ok(text) = std::fs::read(path) else {
            return beside().map_or(KeyFile::Absent, KeyFile::PublicOnly).judged();
        };
        if let Some(public) = public_key(&text) {
            return KeyFile::PublicOnly(public).judged();
        }
        // ssh passes over a private key of ours that others may read.
        let open = std::fs::metadata(path).is_ok_and(|data| data.uid() == uid && data.mode() & 0o077 != 0);
        if open {
            return beside().map_or(KeyFile::Absent, KeyFile::PublicOnly).judged();
        }
        private_key(text, beside).judged()
    }

    fn judged(self) -> KeyFile {
        match self.public().and_then(key_type) {
            Some(kind) if is_hardware(kind) => KeyFile::OnlySsh("a hardware key"),
            Some(kind) if is_certificate(kind) => KeyFile::OnlySsh("a certificate"),
            Some("ssh-dss") => KeyFile::Absent,
            _ => self,
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// `ssh-ed25519 AAAAC3Nza… comment`
fn public_key(text: &[u8]) -> Option<Vec<u8>> {
    let line = std::str::from_utf8(text).ok()?.lines().find(|line| !line.trim().is_empty())?;
    let mut words = line.split_ascii_whitespace();
    let (kind, encoded) = (words.next()?, words.next()?);
    let blob = STANDARD.decode(encoded).ok()?;
    (key_type(&blob) == Some(kind)).then_some(blob)
}

/// OpenSSH's own format holds the public key in clear beside the private one:
///
/// ```text
/// "openssh-key-v1\0"  string cipher ("none" | "aes256-ctr")  string kdf  string kdf options  u32 keys  string public
/// ```
fn private_key(text: Vec<u8>, beside: impl Fn() -> Option<Vec<u8>>) -> KeyFile {
    let Ok(pem) = std::str::from_utf8(&text) else { return KeyFile::OnlySsh("a key in an unknown format") };
    let Some(label) = pem.split_once("-----BEGIN ").and_then(|(_, rest)| rest.split_once("-----")) else {
        return KeyFile::Absent;
    };
    match label.0 {
        "OPENSSH PRIVATE KEY" => {
            let Some((cipher, public)) = openssh_body(pem).as_deref().and_then(openssh_header) else {
                return KeyFile::OnlySsh("a key in an unknown format");
            };
            if cipher == "none" {
                KeyFile::Plain { text, public: Some(public) }
            } else {
                KeyFile::Encrypted(Some(public))
            }
        }
        "ENCRYPTED PRIVATE KEY" => KeyFile::Encrypted(beside()),
        "RSA PRIVATE KEY" | "EC PRIVATE KEY" if pem.contains("ENCRYPTED") => KeyFile::Encrypted(beside()),
        "RSA PRIVATE KEY" | "EC PRIVATE KEY" => KeyFile::Plain { public: beside(), text },
        "DSA PRIVATE KEY" => KeyFile::Absent,
        _ => KeyFile::OnlySsh("a key in a format that libssh2 may not read"),
    }
}

/// What is between the first and the last line of a private key in OpenSSH's own format, behind its magic word.
pub fn openssh_body(text: &str) -> Option<Vec<u8>> {
    let (body, _) = text.split_once(OPENSSH_BEGIN)?.1.split_once("-----END")?;
    let raw = STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()?;
    raw.strip_prefix(b"openssh-key-v1\0").map(<[u8]>::to_vec)
}

fn openssh_header(body: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut reader = Reader(body);
    let cipher = String::from_utf8(reader.string()?.to_vec()).ok()?;
    let (_kdf, _options) = (reader.string()?, reader.string()?);
    let _keys = reader.number()?;
    Some((cipher, reader.string()?.to_vec()))
}

/// The public keys an agent holds, in its order.
pub fn list_agent(socket: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(&[0, 0, 0, 1, agent::REQUEST_IDENTITIES])?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > agent::LONGEST {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer)?;
    let parse = || {
        let mut reader = Reader(answer.strip_prefix(&[agent::IDENTITIES_ANSWER])?);
        let count = reader.number()?;
        let mut keys = Vec::new();
        for _ in 0..count {
            keys.push(reader.string()?.to_vec());
            reader.string()?;
        }
        Some(keys)
    };
    parse().ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

/// All key files and agents of a run.
#[derive(Default)]
pub struct Keys {
    files: Mutex<HashMap<PathBuf, (Arc<KeyFile>, bool)>>,
    agents: Mutex<HashMap<PathBuf, Arc<Vec<Vec<u8>>>>>,
}

/// How to log in to one host: what is tried, in this order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The agent's socket, where any of its keys is to be tried.
    pub agent: Option<PathBuf>,
    /// The agent's keys.
    pub agent_keys: Vec<Vec<u8>>,
    /// Key files.
    pub files: Vec<(PathBuf, Arc<KeyFile>)>,
    /// Key files that are passed over for their passphrase.
    pub locked: Vec<PathBuf>,
    /// What only `ssh` can use.
    pub unsupported: Vec<Unsupported>,
}

impl Keys {
    fn file(&self, path: &Path, uid: u32) -> (Arc<KeyFile>, bool) {
        let mut files = self.files.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        files
            .entry(path.to_path_buf())
            .or_insert_with(|| (Arc::new(KeyFile::read(path, uid)), with_suffix(path, "-cert.pub").exists()))
            .clone()
    }

    fn agent(&self, socket: &Path) -> Arc<Vec<Vec<u8>>> {
        let mut agents = self.agents.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // An agent that does not answer is none, as for ssh.
        agents.entry(socket.to_path_buf()).or_insert_with(|| Arc::new(list_agent(socket).unwrap_or_default())).clone()
    }

    /// The order of OpenSSH: keys of the agent that are named by IdentityFile, the agent's other keys (unless
    /// IdentitiesOnly), then key files.
    pub fn plan(&self, resolved: &Resolved, uid: u32) -> Plan {
        let mut plan = Plan::default();
        let mut refuse = |directive: &str, reason: String| {
            plan.unsupported.push(Unsupported { directive: directive.to_string(), reason });
        };
        let held = resolved.agent.as_deref().map(|socket| self.agent(socket)).unwrap_or_default();
        let mut named = Vec::new();
        for path in &resolved.identity_files {
            let (key, has_certificate) = self.file(path, uid);
            // ssh looks beside the key only where CertificateFile names nothing.
            let named_already = resolved.unsupported.iter().any(|entry| entry.directive == "certificatefile");
            if has_certificate && !named_already {
                refuse("certificatefile", format!("{}-cert.pub exists", path.display()));
            }
            if let KeyFile::OnlySsh(why) = *key {
                refuse("identityfile", format!("{}: {why}", path.display()));
            }
            named.push((path.clone(), key));
        }
        let is_named = |held: &Vec<u8>| named.iter().any(|(_, key)| key.public() == Some(held));
        let (mut first, mut others): (Vec<_>, Vec<_>) = held.iter().cloned().partition(is_named);
        if resolved.identities_only {
            others.clear();
        }
        first.append(&mut others);
        for kind in first.iter().filter_map(|key| key_type(key)) {
            if is_certificate(kind) || is_hardware(kind) {
                refuse("identityagent", format!("the agent holds a key of type {kind}"));
            }
        }
        plan.agent_keys = first;
        for (path, key) in named {
            let in_agent = key.public().is_some_and(|public| plan.agent_keys.iter().any(|held| held == public));
            match &*key {
                _ if in_agent => {}
                KeyFile::Plain { .. } => plan.files.push((path, key)),
                KeyFile::Encrypted(_) => plan.locked.push(path),
                KeyFile::Absent | KeyFile::PublicOnly(_) | KeyFile::OnlySsh(_) => {}
            }
        }
        if resolved.adds_keys_to_agent && resolved.agent.is_some() && !plan.files.is_empty() {
            let reason = "a key file would be added to the agent".to_string();
            plan.unsupported.push(Unsupported { directive: "addkeystoagent".to_string(), reason });
        }
        plan.agent = resolved.agent.clone().filter(|_| !plan.agent_keys.is_empty());
        plan
    }
}
