//! Who carries a message to a plugin and its answer back. The same bytes, whoever it is.

use super::child::Process;
use super::error::Cause;
use super::load::inside;
use super::pool::{Pool, Worker};
use ctys_plugin_abi::{PluginMod_Ref, RSlice, RVec};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// No answer is longer, in bytes.
const MOST_ANSWER: u64 = 64 * 1024 * 1024;

/// A plugin's own stack: deep recursion over large output is a plugin's right, endless one is not.
pub const STACK: usize = 8 * 1024 * 1024;

/// How a plugin is run.
pub enum Carrier {
    /// Linked into this program, on threads of its own.
    Builtin(Pool<Thread>),
    /// Opened into this process, on threads of its own.
    InProcess(Pool<Thread>),
    /// In processes of its own: whatever it does costs only its answer.
    Child(Pool<Process>),
}

/// The kinds of carrier, for settings and for INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarrierKind {
    /// Linked into this program.
    Builtin,
    /// Opened into this process.
    InProcess,
    /// In processes of its own.
    Child,
}

impl CarrierKind {
    /// The words in INFO.
    pub fn words(self) -> &'static str {
        match self {
            CarrierKind::Builtin => "built in",
            CarrierKind::InProcess => "in process",
            CarrierKind::Child => "child",
        }
    }
}

impl Carrier {
    /// Carries one message there and its answer back.
    pub fn call(&self, message: &[u8]) -> Result<Vec<u8>, Cause> {
        match self {
            Carrier::Builtin(pool) | Carrier::InProcess(pool) => pool.call(message),
            Carrier::Child(pool) => pool.call(message),
        }
    }

    /// Why the plugin is dead for the rest of the run, when it is.
    pub fn dead(&self) -> Option<Cause> {
        match self {
            Carrier::Builtin(pool) | Carrier::InProcess(pool) => pool.dead(),
            Carrier::Child(pool) => pool.dead(),
        }
    }

    /// Which one it is.
    pub fn kind(&self) -> CarrierKind {
        match self {
            Carrier::Builtin(_) => CarrierKind::Builtin,
            Carrier::InProcess(_) => CarrierKind::InProcess,
            Carrier::Child(_) => CarrierKind::Child,
        }
    }
}

/// The way into a plugin of this process.
#[derive(Clone, Copy)]
pub enum Entry {
    /// The function of a linked-in plugin.
    Function(fn(&[u8]) -> Vec<u8>),
    /// The module of a library.
    Module(PluginMod_Ref),
}

impl Entry {
    /// Answers one message, on this thread.
    pub fn answer(self, message: &[u8]) -> RVec<u8> {
        match self {
            Entry::Function(function) => function(message).into(),
            Entry::Module(module) => module.call()(RSlice::from_slice(message)),
        }
    }
}

/// Refuses an answer that nobody should hold in memory, by its length in bytes.
pub fn check_length(length: u64) -> Result<(), Cause> {
    if length <= MOST_ANSWER {
        return Ok(());
    }
    Err(Cause::BadReply(format!("it has {length} bytes, {MOST_ANSWER} are the limit")))
}

/// A long-lived thread that answers for a plugin of this process. One that does not answer in time is abandoned: nothing
/// can stop it, it ends with the program.
pub struct Thread {
    messages: Sender<Vec<u8>>,
    answers: Receiver<RVec<u8>>,
}

impl Thread {
    /// Starts it, under the name that std prints when its stack overflows.
    pub fn start(plugin: &'static str, entry: Entry) -> Result<Thread, Cause> {
        let (messages, inbox) = channel::<Vec<u8>>();
        let (outbox, answers) = channel();
        std::thread::Builder::new()
            .name(format!("plugin {plugin}"))
            .stack_size(STACK)
            .spawn(move || {
                for message in inbox {
                    if outbox.send(inside(plugin, || entry.answer(&message))).is_err() {
                        break;
                    }
                }
            })
            .map_err(|error| Cause::Died(format!("got no thread: {error}")))?;
        Ok(Thread { messages, answers })
    }
}

impl Worker for Thread {
    fn call(&mut self, message: &[u8], limit: Duration) -> Result<Vec<u8>, Cause> {
        let ended = || Cause::Died("lost its thread".into());
        self.messages.send(message.to_vec()).map_err(|_| ended())?;
        match self.answers.recv_timeout(limit) {
            Ok(answer) => {
                check_length(answer.len() as u64)?;
                Ok(answer.into())
            }
            Err(RecvTimeoutError::Timeout) => Err(Cause::TimedOut(limit.as_millis() as u64)),
            Err(RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }
}
