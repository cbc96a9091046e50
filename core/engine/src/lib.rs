//! The engine: the only crate that touches the world.

pub mod transport;
