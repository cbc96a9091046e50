//! The whole program in a sealed environment, with fake tools and fake hosts.

#[path = "../sealed/mod.rs"]
mod sealed;

#[path = "../pty/mod.rs"]
mod pty;

mod attacks;
mod changes;
mod completion;
mod consoles;
mod host_sets;
mod listing;
mod manual;
mod mistakes;
mod new;
mod newcomer;
mod plans;
mod plugins;
mod process;
#[path = "../seeds/mod.rs"]
mod seeds;
mod stacks;
mod tools;
mod verbs;
mod xen;
