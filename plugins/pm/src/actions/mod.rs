//! One file per verb. Each has `wants` (which facts), `plan` (what to do with them) and, where something is done,
//! `read` (what follows from the replies).

pub mod cancel;
pub mod create;
pub mod enumerate;
pub mod info;
pub mod list;
pub mod show;
pub mod wake;
