//! Failure drills against the real sshd: what the user sees, what is left behind, what a second call does.
//!
//! Nothing here looks at a clock but to give up on what hangs; a drill waits for what it wants to see.

#[path = "../bed/mod.rs"]
mod bed;
#[path = "../sealed/mod.rs"]
mod sealed;

mod clock;
mod connection;
mod disk;
mod hostile;
mod killed;
mod operators;
mod scene;
mod thousand;
