//! The whole program in a sealed environment, with fake tools and fake hosts.

#[path = "../sealed/mod.rs"]
mod sealed;

mod attacks;
mod changes;
mod listing;
mod mistakes;
mod plugins;
mod process;
mod tools;
mod xen;
