//! The vocabulary of ctys and the plugin contract.
//!
//! Everything that crosses a border inside the program is a type of this crate: what the user asked
//! ([`Request`]), what a plugin wants to know ([`Probe`]), what the hosts answered ([`Facts`], [`Replies`]), what is
//! to be done ([`Effect`], [`Next`]), what came out ([`Record`], [`Problem`]).
//!
//! Read in this order: [`request`], [`action`], [`address`] (what is asked); [`probe`], [`command`], [`effect`] (what
//! is done); [`value`], [`field`], [`record`], [`problem`] (what comes back); [`manifest`], [`message`] (the plugin
//! boundary).
//!
//! Never runs anything, never prints, knows no clock, no file and no SSH. Everything here is `serde` data that
//! travels as MessagePack with named fields; so every new field carries `#[serde(default)]` and no name is ever
//! reused with another meaning.

pub mod action;
pub mod address;
pub mod bytes;
pub mod command;
pub mod effect;
pub mod field;
pub mod manifest;
pub mod message;
pub mod probe;
pub mod problem;
pub mod record;
pub mod request;
pub mod value;

pub use action::{
    Action, Cancel, CancelMethod, ConsoleKind, Create, CreateMode, Enumerate, List, Poll, Side, ToolCall, Verb,
};
pub use address::MachineAddress;
pub use bytes::Bytes;
pub use command::{
    Access, Batch, Command, Does, Exit, Lock, Output, Place, Privilege, Reach, Signal, Step, Talk, Wake, WriteFile,
};
pub use effect::{Console, Effect, Findings, Next, Tunnel};
pub use field::Field;
pub use manifest::Manifest;
pub use message::{Call, Envelope, PROTOCOL, PROTOCOL_MIN, Reply};
pub use probe::{
    Answer, Ending, Facts, FileAnswer, Heard, HostFacts, Probe, Process, ProcessTable, Replies, Round, StepReply,
};
pub use problem::{Phase, Problem};
pub use record::{Fields, Record};
pub use request::{Caller, Location, Request, Scope, Target};
pub use value::{Missing, Value};
