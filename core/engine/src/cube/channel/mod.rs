//! The command channel: how a process in a cube asks the host for something, without any network and without a secret.
//!
//! ```text
//! in the cube                        on the host
//! a tool of ours
//!   -> the client ([`call`])   ->    one socket per cube, in a folder of its own, which the cube has as a mount
//!                                    the server ([`serve`]): who is it? ([`caller`])
//!                                    -> a process of ours that knows for whom it works ([`session`])
//!                              <-    its streams or its terminal, its exit status, in [`frames`]
//! ```
//!
//! The server decides nothing but who asks: what that cube may do, and what the words mean, is the matter of the plugin in the
//! process that is started for each call. No shell ever sees the words.

mod caller;
mod client;
pub mod frames;
mod server;
mod session;

pub use client::{HIDDEN_VERB as CALL, serve as call};
pub use server::{HIDDEN_VERB as SERVER, serve};
