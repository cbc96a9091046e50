//! `ctys` against a real Xen 4.17 dom0, over real ssh. README.md tells what is in it.

mod addresses;
mod dom0;
mod host;
mod kills;
#[path = "../sealed/mod.rs"]
mod sealed;
mod seed;
mod states;
mod terminal;
