//! libssh2, behind one function: a question of `ctys_engine::transport::ssh2::ask` in, an answer out.
//!
//! A library of its own, since libcrypto and libssl cost every start of a program that is linked with them, and most calls need no
//! ssh. Nothing is decided here: which keys are tried, whether a host key is the right one and how long anything may take is said by
//! who asks (`core/engine/src/transport/ssh2.rs`).

mod link;
mod signer;

use ctys_engine::ssh::algorithms::Family;
use ctys_engine::transport::ssh2::ask::{Ask, Failure, Told};
use ctys_plugin_abi::{Answer, LibHeader, header};
use link::{Link, method};
use ssh2::Session;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What `library.rs` of the engine reads before it opens the file; a test compares the two.
const LABEL: &[u8] = concat!("{\"transport\":\"ssh2\",\"release\":\"", env!("CARGO_PKG_VERSION"), "\"}").as_bytes();

/// The label, where it is read without running anything.
#[allow(unsafe_code, reason = "an attribute that names a section is unsafe, since the name could be one that is run")]
#[unsafe(link_section = ".ctys.plugin")]
#[unsafe(export_name = "ctys_ssh2_label")]
pub static EXPORTED_LABEL: [u8; LABEL.len()] = *LABEL.first_chunk().unwrap();

/// The way in.
#[allow(
    unsafe_code,
    reason = "an exported name could be one that is there already; this one bears that of the library"
)]
#[unsafe(export_name = "ctys_ssh2_root")]
pub static EXPORTED_ROOT: LibHeader = header::<Ssh2>();

/// What answers.
#[derive(Debug)]
pub struct Ssh2;

impl Answer for Ssh2 {
    fn answer(message: &[u8]) -> Vec<u8> {
        // A panic must not leave the library. One connection may be lost by it, and says so.
        let told = catch_unwind(AssertUnwindSafe(|| match rmp_serde::from_slice(message) {
            Ok(ask) => answer(ask),
            Err(error) => Err(failure(format!("the question cannot be read: {error}"))),
        }));
        let told = told.unwrap_or_else(|_| Err(failure("a fault in the ssh2 transport: panic".into())));
        rmp_serde::to_vec(&told.unwrap_or_else(Told::Failed)).unwrap_or_default()
    }
}

fn failure(message: String) -> Failure {
    Failure { code: 0, message }
}

/// The connections. Each is used by one thread at a time, and its own lock is held while libssh2 waits.
static LINKS: Mutex<BTreeMap<u64, Arc<Mutex<Link>>>> = Mutex::new(BTreeMap::new());

/// The number of the connection that was opened last.
static LAST: AtomicU64 = AtomicU64::new(0);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with<T>(id: u64, work: impl FnOnce(&mut Link) -> Result<T, Failure>) -> Result<T, Failure> {
    let link = locked(&LINKS).get(&id).cloned();
    let link = link.ok_or_else(|| failure("there is no such connection".into()))?;
    let mut link = locked(&link);
    work(&mut link)
}

fn answer(ask: Ask) -> Result<Told, Failure> {
    let done = |()| Told::Done;
    match ask {
        Ask::Algorithms(family) => algorithms(family).map(Told::Names),
        Ask::Open { socket, allowed, compressed } => match Link::open(socket, &allowed, compressed)? {
            Ok(link) => {
                let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
                locked(&LINKS).insert(id, Arc::new(Mutex::new(link)));
                Ok(Told::Link(id))
            }
            Err(family) => Ok(Told::NoneOf(family)),
        },
        Ask::Handshake(id, limit) => with(id, |link| link.handshake(limit)).map(done),
        Ask::HostKey(id) => with(id, |link| Ok(Told::HostKey(link.host_key()))),
        Ask::Agent(id, socket) => with(id, |link| link.agent(&socket)).map(Told::Keys),
        Ask::LogInByAgent(id, limit, user, key) => with(id, |link| link.log_in_by_agent(limit, &user, &key)).map(done),
        Ask::LogIn { link: id, limit, user, private, public } => {
            with(id, |link| link.log_in(limit, &user, &private, public.as_deref())).map(done)
        }
        Ask::Methods(id, limit, user) => with(id, |link| {
            let (methods, is_in) = link.methods(limit, &user);
            Ok(Told::Methods(methods, is_in))
        }),
        Ask::Channel(id, limit) => with(id, |link| link.open_channel(limit)).map(done),
        Ask::Run(id, limit, command) => with(id, |link| link.run(limit, &command)).map(done),
        Ask::Read(id) => with(id, Link::read).map(Told::Arrived),
        Ask::Write(id, bytes) => with(id, |link| link.write(&bytes)),
        Ask::Close(id) => with(id, Link::close).map(Told::Closed),
        Ask::Leave(id) => with(id, Link::leave).map(done),
        Ask::Forget(id) => {
            // Freed behind the lock of the table: libssh2 may have something to say to the host.
            let link = locked(&LINKS).remove(&id);
            drop(link);
            Ok(Told::Done)
        }
    }
}

fn algorithms(family: Family) -> Result<Vec<String>, Failure> {
    let session = Session::new().map_err(|error| failure(error.message().to_string()))?;
    let names = session.supported_algs(method(family)).map_err(|error| failure(error.message().to_string()))?;
    Ok(names.into_iter().map(str::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_engine::transport::ssh2::code;
    use ctys_engine::transport::ssh2::library::{Label, RELEASE};
    use ctys_model::Bytes;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    fn ask(ask: &Ask) -> Told {
        rmp_serde::from_slice(&Ssh2::answer(&rmp_serde::to_vec(ask).unwrap())).unwrap()
    }

    #[test]
    fn the_label_is_what_the_engine_reads() {
        let label: Label = serde_json::from_slice(&EXPORTED_LABEL).unwrap();
        assert_eq!(label, Label { transport: "ssh2".into(), release: RELEASE.into() });
    }

    #[test]
    fn libssh2_has_the_numbers_that_the_engine_knows() {
        use ssh2::{Error, ErrorCode};
        for number in [
            code::SOCKET_SEND,
            code::TIMEOUT,
            code::SOCKET_DISCONNECT,
            code::AUTHENTICATION_FAILED,
            code::PUBLICKEY_UNVERIFIED,
            code::EAGAIN,
            code::SOCKET_RECV,
        ] {
            let known = Error::from_errno(ErrorCode::Session(number));
            assert_ne!(known.message(), Error::from_errno(ErrorCode::Session(-4711)).message(), "{number}");
        }
    }

    #[test]
    fn a_host_that_speaks_no_ssh_is_a_failure_and_the_socket_stays_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut host, _) = listener.accept().unwrap();
        let allowed = vec![(Family::Kex, vec!["curve25519-sha256".to_string(), "made-up".to_string()])];
        let open = Ask::Open { socket: stream.as_raw_fd(), allowed, compressed: false };
        let Told::Link(link) = ask(&open) else { panic!("no connection") };
        host.write_all(b"HTTP/1.0 400 Bad Request\r\n").unwrap();
        drop(host);
        assert!(matches!(ask(&Ask::Handshake(link, 2_000)), Told::Failed(_)));
        assert_eq!(ask(&Ask::Forget(link)), Told::Done);
        assert!(matches!(ask(&Ask::HostKey(link)), Told::Failed(_)), "it is forgotten");
        assert!(stream.peer_addr().is_ok() || stream.local_addr().is_ok(), "the socket was closed");
        let none = vec![(Family::Mac, vec!["made-up".to_string()])];
        let open = Ask::Open { socket: stream.as_raw_fd(), allowed: none, compressed: false };
        assert_eq!(ask(&open), Told::NoneOf(Family::Mac));
    }

    #[test]
    fn what_is_no_question_and_what_has_no_connection_fails() {
        assert!(matches!(rmp_serde::from_slice(&Ssh2::answer(b"\xc1\x00")).unwrap(), Told::Failed(_)));
        for without in [Ask::Read(0), Ask::Write(0, Bytes(b"x".to_vec())), Ask::Close(0), Ask::Leave(0)] {
            assert!(matches!(ask(&without), Told::Failed(_)), "{without:?}");
        }
    }
}
