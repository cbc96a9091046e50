//! The whole program in a sealed environment, with fake tools and fake hosts.

#[path = "../sealed/mod.rs"]
mod sealed;

#[path = "../pty/mod.rs"]
mod pty;

mod attacks;
mod changes;
mod consoles;
mod listing;
mod mistakes;
mod plans;
mod plugins;
mod process;
mod tools;
mod verbs;
mod xen;
