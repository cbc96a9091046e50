//! The whole program with fake tools.
#[path = "../sealed/mod.rs"]
mod sealed;
