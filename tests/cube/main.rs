//! Cubes with the real runc: the acceptance list of OverC (C7 in tests/ACCEPTANCE.md), item by item.

mod bed;
mod consoles;
mod execution;
mod first;
mod foreground;
mod gates;
mod guards;
mod hooks;
mod hosts;
mod lifecycle;
mod links;
mod listing;
mod logins;
mod names;
mod network;
mod roles;
mod roots;
#[path = "../sealed/mod.rs"]
mod sealed;
mod settings;
mod starts;
mod storage;
mod stress;
mod terminal;
mod user;
mod vts;
