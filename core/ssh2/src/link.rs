//! One connection: what libssh2 knows of it.

use crate::signer;
use ctys_engine::ssh::algorithms::Family;
use ctys_engine::transport::ssh2::ask::{Arrived, Ending, Failure, Ready, Told};
use ctys_engine::transport::ssh2::code::EAGAIN;
use ctys_model::Bytes;
use ssh2::{Agent, BlockDirections, Channel, ErrorCode, HashType, MethodType, PublicKey, Session};
use std::ffi::OsStr;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The most that one read takes. libssh2 hands out at most one packet at a time, which is 32 KiB.
const CHUNK: usize = 32 * 1024;

/// See the page.
pub struct Link {
    session: Session,
    agent: Option<Agent>,
    channel: Option<Channel>,
}

/// A socket of whoever asks, who closes it.
struct Borrowed(RawFd);

impl AsRawFd for Borrowed {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

/// libssh2's word for a list of algorithms; for ciphers and MACs that of the way out.
pub fn method(family: Family) -> MethodType {
    match family {
        Family::Kex => MethodType::Kex,
        Family::HostKey => MethodType::HostKey,
        Family::Cipher => MethodType::CryptCs,
        Family::Mac => MethodType::MacCs,
    }
}

fn methods(family: Family) -> Vec<MethodType> {
    let back = match family {
        Family::Cipher => Some(MethodType::CryptSc),
        Family::Mac => Some(MethodType::MacSc),
        Family::Kex | Family::HostKey => None,
    };
    [method(family)].into_iter().chain(back).collect()
}

fn failed(error: ssh2::Error) -> Failure {
    let code = match error.code() {
        ErrorCode::Session(code) => code,
        ErrorCode::SFTP(_) => 0,
    };
    Failure { code, message: error.message().to_string() }
}

/// The agent's key of this kind, as libssh2 wants it named.
fn held_by(agent: &Agent, public: &[u8]) -> Option<PublicKey> {
    agent.identities().ok()?.into_iter().find(|held| held.blob() == public)
}

impl Link {
    /// Over this socket. Where libssh2 knows none of the allowed names, their family is the answer.
    pub fn open(
        socket: RawFd,
        allowed: &[(Family, Vec<String>)],
        compressed: bool,
    ) -> Result<Result<Link, Family>, Failure> {
        let mut session = Session::new().map_err(failed)?;
        for (family, names) in allowed {
            for method in methods(*family) {
                // libssh2 itself leaves out what it does not know.
                if session.method_pref(method, &names.join(",")).is_err() {
                    return Ok(Err(*family));
                }
            }
        }
        session.set_compress(compressed);
        session.set_tcp_stream(Borrowed(socket));
        Ok(Ok(Link { session, agent: None, channel: None }))
    }

    pub fn handshake(&mut self, limit: u32) -> Result<(), Failure> {
        self.session.set_timeout(limit);
        self.session.handshake().map_err(failed)
    }

    pub fn host_key(&self) -> Option<(Bytes, Bytes)> {
        let (key, _) = self.session.host_key()?;
        let hash = self.session.host_key_hash(HashType::Sha256).unwrap_or_default();
        Some((Bytes(key.to_vec()), Bytes(hash.to_vec())))
    }

    /// An agent with its keys asked for.
    fn agent_at(&self, socket: &Path) -> Result<Agent, ssh2::Error> {
        let mut agent = self.session.agent()?;
        agent.set_identity_path(socket)?;
        agent.connect()?;
        agent.list_identities()?;
        Ok(agent)
    }

    pub fn agent(&mut self, socket: &Bytes) -> Result<Vec<(Bytes, String)>, Failure> {
        let agent = self.agent_at(Path::new(OsStr::from_bytes(socket.as_slice()))).map_err(failed)?;
        let held = agent.identities().map_err(failed)?;
        let held = held.iter().map(|key| (Bytes(key.blob().to_vec()), key.comment().to_string())).collect();
        self.agent = Some(agent);
        Ok(held)
    }

    pub fn log_in_by_agent(&mut self, limit: u32, user: &str, key: &Bytes) -> Result<(), Failure> {
        self.session.set_timeout(limit);
        let missing = || Failure { code: 0, message: "the agent has no such key".into() };
        let agent = self.agent.as_ref().ok_or_else(missing)?;
        let held = held_by(agent, key.as_slice()).ok_or_else(missing)?;
        agent.userauth(user, &held).map_err(failed)
    }

    pub fn log_in(&mut self, limit: u32, user: &str, private: &str, public: Option<&str>) -> Result<(), Failure> {
        self.session.set_timeout(limit);
        let signer = signer::reach(private).and_then(|(socket, public)| {
            let agent = self.agent_at(&socket).ok()?;
            let held = held_by(&agent, &public)?;
            Some((agent, held))
        });
        match signer {
            Some((agent, held)) => agent.userauth(user, &held),
            None => self.session.userauth_pubkey_memory(user, public, private, None),
        }
        .map_err(failed)
    }

    pub fn methods(&mut self, limit: u32, user: &str) -> (Result<String, Failure>, bool) {
        self.session.set_timeout(limit);
        let methods = self.session.auth_methods(user).map(str::to_string).map_err(failed);
        (methods, self.session.authenticated())
    }

    pub fn open_channel(&mut self, limit: u32) -> Result<(), Failure> {
        self.session.set_timeout(limit);
        self.channel = Some(self.session.channel_session().map_err(failed)?);
        Ok(())
    }

    pub fn run(&mut self, limit: u32, command: &str) -> Result<(), Failure> {
        self.session.set_timeout(limit);
        self.channel()?.exec(command).map_err(failed)?;
        self.session.set_blocking(false);
        Ok(())
    }

    fn channel(&mut self) -> Result<&mut Channel, Failure> {
        self.channel.as_mut().ok_or_else(|| Failure { code: 0, message: "nothing runs on this connection".into() })
    }

    pub fn read(&mut self) -> Result<Arrived, Failure> {
        let channel = self.channel()?;
        let mut streams = [Vec::new(), Vec::new()];
        let mut failure = None;
        let mut buffer = [0u8; CHUNK];
        for (number, into) in streams.iter_mut().enumerate() {
            let mut stream = if number == 0 { channel.stream(0) } else { channel.stderr() };
            match stream.read(&mut buffer) {
                Ok(count) => *into = buffer[..count].to_vec(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => {
                    failure = Some(Failure { code: 0, message: error.to_string() });
                    break;
                }
            }
        }
        let [out, err] = streams.map(Bytes);
        Ok(Arrived { out, err, failure, ready: self.ready() })
    }

    pub fn write(&mut self, bytes: &Bytes) -> Result<Told, Failure> {
        let channel = self.channel()?;
        match channel.write(bytes.as_slice()) {
            Ok(count) => Ok(Told::Taken(count, self.ready())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Told::Taken(0, self.ready())),
            // Who has ended takes no more, which is no failure.
            Err(_) if channel.eof() => Ok(Told::Done),
            Err(error) => Err(Failure { code: 0, message: error.to_string() }),
        }
    }

    fn ready(&self) -> Ready {
        let (for_output, for_input) = match self.session.block_directions() {
            BlockDirections::Outbound => (true, false),
            BlockDirections::Both => (true, true),
            BlockDirections::Inbound => (false, true),
            BlockDirections::None => (false, false),
        };
        Ready { for_output, for_input, at_end: self.channel.as_ref().is_some_and(Channel::eof) }
    }

    pub fn close(&mut self) -> Result<Ending, Failure> {
        let channel = self.channel()?;
        match channel.wait_close() {
            Ok(()) => {}
            Err(error) if error.code() == ErrorCode::Session(EAGAIN) => return Ok(Ending::Open),
            Err(error) => return Err(failed(error)),
        }
        let by_signal = channel.exit_signal().is_ok_and(|signal| signal.exit_signal.is_some());
        let status = channel.exit_status().ok().filter(|_| !by_signal);
        Ok(status.map_or(Ending::NoStatus, Ending::Status))
    }

    pub fn leave(&mut self) -> Result<(), Failure> {
        self.session.set_blocking(false);
        self.session.disconnect(None, "", None).map_err(failed)
    }
}
