//! Cubes with the real runc: the acceptance list of OverC (C7 in tests/ACCEPTANCE.md), item by item.

mod bed;
mod consoles;
mod execution;
mod guards;
mod lifecycle;
mod listing;
mod network;
#[path = "../sealed/mod.rs"]
mod sealed;
mod settings;
mod storage;
mod terminal;
