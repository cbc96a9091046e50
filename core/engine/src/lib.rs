//! The engine: the only crate that touches the world.

pub mod ssh;
pub mod transport;
