//! What is asked of the library that holds libssh2 (`core/ssh2`), and what it answers.
//!
//! Both are of one release, which is compared before the library is opened, so the messages travel without names of fields and
//! change as they like. Limits are in milliseconds and never zero, which libssh2 takes for "for ever".

use crate::ssh::algorithms::Family;
use ctys_model::Bytes;
use serde::{Deserialize, Serialize};

/// A connection of the library.
pub type Link = u64;

/// One question.
#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    /// The names of algorithms that libssh2 knows: [`Told::Names`].
    Algorithms(Family),
    /// A connection over this socket, which stays that of whoever asks: [`Told::Link`]. What libssh2 does not know of the allowed
    /// names it leaves out; where none is left, the answer is [`Told::NoneOf`].
    Open {
        /// The socket, connected.
        socket: i32,
        /// What may be agreed on, the best first.
        allowed: Vec<(Family, Vec<String>)>,
        /// Whether packets may be compressed.
        compressed: bool,
    },
    /// Agrees on algorithms and exchanges keys.
    Handshake(Link, u32),
    /// The key that the host showed: [`Told::HostKey`].
    HostKey(Link),
    /// The keys of the agent behind this socket: [`Told::Keys`].
    Agent(Link, Bytes),
    /// A login with a key of the agent: user, key.
    LogInByAgent(Link, u32, String, Bytes),
    /// A login with a private key.
    LogIn {
        /// Where.
        link: Link,
        /// Milliseconds.
        limit: u32,
        /// Who.
        user: String,
        /// As the file has it.
        private: String,
        /// As a `.pub` file has it, where it is known.
        public: Option<String>,
    },
    /// Which methods the host takes, asked with the method "none", by which an account without any key lets everybody in:
    /// [`Told::Methods`].
    Methods(Link, u32, String),
    /// Opens a channel, which a host does behind its login.
    Channel(Link, u32),
    /// Runs this in the channel. From then on nothing waits.
    Run(Link, u32, String),
    /// Takes what has arrived on both streams: [`Told::Arrived`].
    Read(Link),
    /// Hands over bytes: [`Told::Taken`].
    Write(Link, Bytes),
    /// The status, once the host has closed the channel: [`Told::Closed`].
    Close(Link),
    /// Says goodbye if the socket takes it at once.
    Leave(Link),
    /// Forgets the connection. The socket may be shut before, so that nothing waits for a host that is dead.
    Forget(Link),
}

/// One answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// It is done.
    Done,
    /// See [`Ask::Algorithms`].
    Names(Vec<String>),
    /// See [`Ask::Open`].
    Link(Link),
    /// libssh2 knows none of these.
    NoneOf(Family),
    /// The key and its SHA-256. None when the host showed none.
    HostKey(Option<(Bytes, Bytes)>),
    /// Public keys with their comments.
    Keys(Vec<(Bytes, String)>),
    /// The methods or why they are not known, and whether that was the login.
    Methods(Result<String, Failure>, bool),
    /// What came, and the state of the connection after it.
    Arrived(Arrived),
    /// How many bytes were taken. With none, nothing goes before something else has happened.
    Taken(usize, Ready),
    /// See [`Ending`].
    Closed(Ending),
    /// It did not work.
    Failed(Failure),
}

/// See [`Told::Arrived`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Standard output.
    pub out: Bytes,
    /// Standard error.
    pub err: Bytes,
    /// Why there was no more, where that is a failure.
    pub failure: Option<Failure>,
    /// See [`Ready`].
    pub ready: Ready,
}

/// What the socket has to be ready for before it is worth while to ask again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// To be written to: a packet that is half sent must be finished first, with the same question.
    pub for_output: bool,
    /// To be read.
    pub for_input: bool,
    /// The host has sent everything.
    pub at_end: bool,
}

/// How far a channel is. (Of an option in an option MessagePack would make one.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The host has not closed it yet.
    Open,
    /// What ran in it ended with this status.
    Status(i32),
    /// It ended without one, as by a signal.
    NoStatus,
}

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The number of libssh2.h, see [`super::code`]; 0 where it is none of the session.
    pub code: i32,
    /// In its words, which may hold words of the host.
    pub message: String,
}
