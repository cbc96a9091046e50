//! The engine: the only crate that touches the world.
//!
//! In the order of a call: [`fanout`] (many targets, with the state machine of [`dispatch`]) runs one [`job`] per target;
//! a job asks its plugins ([`plugins`]) and its host by a [`session`], which writes a [`script`] (the only shell text,
//! quoted by [`mod@quote`]) and takes the answer apart by [`frames`]; the shell comes from a [`transport`] that [`ssh`] chose
//! by the user's ssh_config. [`world`] is the rest of what a job needs, [`replay`] a world written down, [`privilege`]
//! the memory of refused credentials, [`names`] the resolver, [`store`] the inventory on disk, [`borrow`]
//! the groups of others, [`audit`] the line that a change leaves, [`living`] who answers, [`proxy`] the bytes of `ssh NAME`.

pub mod audit;
mod boot;
pub mod borrow;
pub mod console;
pub mod cube;
pub mod detach;
pub mod dispatch;
pub mod fanout;
pub mod files;
mod folder;
pub mod frames;
pub mod job;
pub mod living;
mod lock;
pub mod memory;
pub mod names;
pub mod plugins;
pub mod privilege;
mod processes;
pub mod proxy;
pub mod questions;
pub mod quote;
pub mod replay;
pub mod scan;
pub mod script;
pub mod session;
mod signal;
mod signals;
pub mod ssh;
pub mod store;
pub mod talk;
pub mod terminal;
pub mod transport;
pub mod tunnel;
pub mod viewer;
pub mod walk;
pub mod world;
mod write;
