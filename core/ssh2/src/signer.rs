//! An agent inside this process: it holds the key files of the call and signs with them.
//!
//! libssh2 has OpenSSL look at a private key once for each host, and OpenSSL 3.0 takes a third of all that the client does for a host to
//! find out that OpenSSH's own format is none of its own (4.2 of 12.2 million instructions; a key in PKCS#8 takes as long). An agent is
//! the one way to sign that libssh2 leaves to others, so a key is read once here, and each login asks for a signature.
//!
//! Its socket has no name: it is bound in a folder that nobody else can enter, opened, and its name is removed at once. What is left is a
//! descriptor of this process, by which `/proc/self/fd` leads to it. Where any of this cannot be, libssh2 reads the key itself.

use ctys_engine::ssh::keys::openssh_body;
use ctys_engine::ssh::wire::{Reader, agent as say};
use ctys_engine::transport::process::poll;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer as Signing;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

const ED25519: &[u8] = b"ssh-ed25519";

/// One key.
struct Held {
    /// As its file has it.
    text: String,
    /// As the host knows it.
    public: Vec<u8>,
    private: PKey<Private>,
}

struct Signer {
    /// Keeps the socket within reach of `/proc/self/fd`.
    socket: File,
    held: Mutex<Vec<Held>>,
}

/// None where there can be none. It lives as long as the process, and so do the keys.
static SIGNER: OnceLock<Option<Signer>> = OnceLock::new();

/// Where to ask for a signature with this private key, and the public key to ask for. None for what only libssh2 can read.
pub fn reach(text: &str) -> Option<(PathBuf, Vec<u8>)> {
    let signer = SIGNER.get_or_init(|| Signer::start().ok()).as_ref()?;
    let mut held = signer.held();
    let known = held.iter().find(|key| key.text == text).map(|key| key.public.clone());
    let public = match known {
        Some(public) => public,
        None => {
            let (public, private) = ed25519(text)?;
            held.push(Held { text: text.to_string(), public: public.clone(), private });
            public
        }
    };
    Some((PathBuf::from(format!("/proc/self/fd/{}", signer.socket.as_raw_fd())), public))
}

/// An Ed25519 key in OpenSSH's format without a passphrase (PROTOCOL.key of OpenSSH):
///
/// ```text
/// "openssh-key-v1\0"  string "none"  string "none"  string ""  u32 1  string public  string of:
///     u32 check  u32 check  string "ssh-ed25519"  string public  string seed and public  string comment  bytes 1, 2, 3 …
/// ```
fn ed25519(text: &str) -> Option<(Vec<u8>, PKey<Private>)> {
    let body = openssh_body(text)?;
    let mut file = Reader(&body);
    let plain = file.string()? == b"none" && file.string()? == b"none" && file.string()?.is_empty();
    if !plain || file.number()? != 1 {
        return None;
    }
    let (public, mut own) = (file.string()?, Reader(file.string()?));
    let intact = own.number()? == own.number()?;
    if !intact || own.string()? != ED25519 {
        return None;
    }
    let (point, pair) = (own.string()?, own.string()?);
    let private = PKey::private_key_from_raw_bytes(pair.get(..32)?, Id::ED25519).ok()?;
    // A file whose halves do not belong together is libssh2's to judge.
    let mut says = Reader(public);
    let belongs = says.string()? == ED25519 && says.string()? == point && private.raw_public_key().ok()? == point;
    belongs.then(|| (public.to_vec(), private))
}

/// Who asks: libssh2 in another thread, which sends a message in two pieces.
struct Asking {
    stream: UnixStream,
    arrived: Vec<u8>,
}

impl Signer {
    fn start() -> Result<Signer> {
        let (listener, socket) = bind()?;
        let serve = move || {
            // Ready once `SIGNER` is.
            if let Some(signer) = SIGNER.wait().as_ref() {
                signer.serve(&listener);
            }
        };
        std::thread::Builder::new().name("signer".into()).stack_size(128 * 1024).spawn(serve)?;
        Ok(Signer { socket, held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, listener: &UnixListener) {
        let entry = |fd: i32| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut asking: Vec<Asking> = Vec::new();
        loop {
            let mut entries: Vec<_> = asking.iter().map(|asking| entry(asking.stream.as_raw_fd())).collect();
            entries.push(entry(listener.as_raw_fd()));
            if poll(&mut entries, Instant::now() + Duration::from_secs(3600)).is_err() {
                return;
            }
            let mut ready = entries.iter().map(|entry| entry.revents != 0);
            asking.retain_mut(|asking| !ready.next().unwrap_or_default() || self.answer(asking).is_ok());
            if ready.next().unwrap_or_default() {
                match listener.accept() {
                    Ok((stream, _)) => asking.push(Asking { stream, arrived: Vec::new() }),
                    // Without a free descriptor it stays ready, and who asks goes on waiting for one.
                    Err(_) => std::thread::sleep(Duration::from_millis(10)),
                }
            }
        }
    }

    /// Takes what has come and answers what is whole. An error where nothing more is to be expected.
    fn answer(&self, asking: &mut Asking) -> Result<()> {
        let mut buffer = [0; 4096];
        let count = asking.stream.read(&mut buffer)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        asking.arrived.extend(&buffer[..count]);
        loop {
            let mut arrived = Reader(&asking.arrived);
            if arrived.number().is_some_and(|length| length > say::LONGEST) {
                return Err(ErrorKind::InvalidData.into());
            }
            let mut arrived = Reader(&asking.arrived);
            let Some(message) = arrived.string() else { return Ok(()) };
            let said = self.reply(message).unwrap_or_else(|| vec![say::FAILURE]);
            let mut whole = Vec::with_capacity(said.len() + 4);
            string(&mut whole, &said);
            asking.stream.write_all(&whole)?;
            asking.arrived = arrived.0.to_vec();
        }
    }

    fn reply(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (word, rest) = message.split_first()?;
        let held = self.held();
        match *word {
            say::REQUEST_IDENTITIES => {
                let mut said = vec![say::IDENTITIES_ANSWER];
                said.extend(u32::try_from(held.len()).ok()?.to_be_bytes());
                for key in held.iter() {
                    string(&mut said, &key.public);
                    string(&mut said, b"");
                }
                Some(said)
            }
            say::SIGN_REQUEST => {
                let mut asked = Reader(rest);
                let (public, data) = (asked.string()?, asked.string()?);
                let key = held.iter().find(|key| key.public == public)?;
                let mut signature = Vec::new();
                string(&mut signature, ED25519);
                string(
                    &mut signature,
                    &Signing::new_without_digest(&key.private).ok()?.sign_oneshot_to_vec(data).ok()?,
                );
                let mut said = vec![say::SIGN_RESPONSE];
                string(&mut said, &signature);
                Some(said)
            }
            _ => None,
        }
    }
}

/// Appends a string of SSH's encoding. Nothing here comes near its limit of 4 GiB.
fn string(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend((bytes.len() as u32).to_be_bytes());
    to.extend(bytes);
}

/// A socket that listens, and a way to it that needs no name.
fn bind() -> Result<(UnixListener, File)> {
    for number in 0..100 {
        let folder = std::env::temp_dir().join(format!("ctys-signer-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            // Of an earlier process, or somebody's who would like us to use it.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            made => made?,
        }
        let path = folder.join("s");
        let bound = UnixListener::bind(&path).and_then(|listener| {
            let socket = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(&path)?;
            Ok((listener, socket))
        });
        let _ = std::fs::remove_file(&path);
        let _ = std::fs::remove_dir(&folder);
        return bound;
    }
    Err(Error::from(ErrorKind::AlreadyExists))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use openssl::sign::Verifier;
    use std::process::Command;

    fn made(name: &str, more: &[&str]) -> String {
        let path = std::env::temp_dir().join(format!("ctys-signer-test-{}-{name}", std::process::id()));
        let all = ["-q", "-N", "", "-C", "a comment", "-f"].map(str::to_string);
        let status =
            Command::new("ssh-keygen").args(all).arg(&path).args(more).status().expect("openssh-client is needed");
        assert!(status.success());
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::remove_file(path.with_extension("pub")).unwrap();
        text
    }

    /// One message there and back, as libssh2 sends it.
    fn ask(stream: &mut UnixStream, message: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        string(&mut whole, message);
        stream.write_all(&whole).unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut said = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut said).unwrap();
        said
    }

    #[test]
    fn a_key_is_signed_with_by_a_socket_without_a_name() {
        let text = made("ed25519", &["-t", "ed25519"]);
        let (socket, public) = reach(&text).unwrap();
        assert_eq!(reach(&text).unwrap(), (socket.clone(), public.clone()));
        let of_ours = format!("ctys-signer-{}-", std::process::id());
        let names = std::fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.filter(|name| name.to_string_lossy().starts_with(&of_ours)).count(), 0);
        // Two at once, as with two hosts: the second one does not wait for the first to be through.
        let mut first = UnixStream::connect(&socket).unwrap();
        let mut second = UnixStream::connect(&socket).unwrap();
        for stream in [&mut second, &mut first] {
            let said = ask(stream, &[say::REQUEST_IDENTITIES]);
            let mut said = Reader(said.strip_prefix(&[say::IDENTITIES_ANSWER]).unwrap());
            let count = said.number().unwrap();
            let held: Vec<_> = (0..count).map(|_| (said.string().unwrap(), said.string().unwrap())).collect();
            assert!(held.contains(&(public.as_slice(), b"")), "{held:?}");
        }
        let mut request = vec![say::SIGN_REQUEST];
        string(&mut request, &public);
        string(&mut request, b"what a host wants signed");
        request.extend([0; 4]);
        let said = ask(&mut first, &request);
        let mut said = Reader(said.strip_prefix(&[say::SIGN_RESPONSE]).unwrap());
        let mut signature = Reader(said.string().unwrap());
        assert_eq!(signature.string(), Some(ED25519));
        let mut point = Reader(&public);
        point.string();
        let key = PKey::public_key_from_raw_bytes(point.string().unwrap(), Id::ED25519).unwrap();
        let mut check = Verifier::new_without_digest(&key).unwrap();
        assert!(check.verify_oneshot(signature.string().unwrap(), b"what a host wants signed").unwrap());
        // In pieces, or two at once.
        let mut whole = Vec::new();
        string(&mut whole, &[say::REQUEST_IDENTITIES]);
        let twice = [whole.as_slice(), whole.as_slice()].concat();
        for piece in [&twice[..2], &twice[2..7], &twice[7..]] {
            first.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut said = vec![0; 2 * (4 + 1 + 4 + 8 + public.len())];
        first.read_exact(&mut said).unwrap();
        // Another key, and what is no question, are refused; the dialogue goes on.
        let mut other = request.clone();
        other[5] ^= 1;
        assert_eq!(ask(&mut first, &other), [say::FAILURE]);
        assert_eq!(ask(&mut first, &[77]), [say::FAILURE]);
        assert_eq!(ask(&mut first, &[]), [say::FAILURE]);
        // One that says it will be endless is left; the other is still answered.
        first.write_all(&[0xff; 4]).unwrap();
        assert_eq!(first.read(&mut [0; 1]).unwrap(), 0);
        assert_eq!(ask(&mut second, &request)[0], say::SIGN_RESPONSE);
    }

    #[test]
    fn what_is_not_such_a_key_is_left_to_libssh2() {
        let whole = made("whole", &["-t", "ed25519"]);
        assert!(ed25519(&whole).is_some());
        assert!(ed25519(&made("locked", &["-t", "ed25519", "-N", "a passphrase"])).is_none());
        assert!(ed25519(&made("ecdsa", &["-t", "ecdsa"])).is_none());
        assert!(ed25519("").is_none());
        // Cut anywhere, or with any one bit changed, it is no key or the same key with another comment or check.
        let (begin, end) = ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "\n-----END OPENSSH PRIVATE KEY-----\n");
        let body: String =
            whole.strip_prefix(begin).unwrap().split("-----END").next().unwrap().split_whitespace().collect();
        let raw = STANDARD.decode(body).unwrap();
        let file = |raw: &[u8]| format!("{begin}{}{end}", STANDARD.encode(raw));
        let (public, private) = ed25519(&whole).unwrap();
        for bit in 0..raw.len() * 8 {
            let mut other = raw.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            if let Some((p, s)) = ed25519(&file(&other)) {
                assert_eq!(p, public, "bit {bit}");
                assert_eq!(s.raw_private_key().unwrap(), private.raw_private_key().unwrap(), "bit {bit}");
            }
        }
        for length in 0..raw.len() - 24 {
            assert!(ed25519(&file(&raw[..length])).is_none(), "{length}");
        }
    }
}
