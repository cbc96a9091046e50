//! What the names of a call come to, for programs that want to know the targets and do nothing with them.

use crate::World;
use crate::call::{CallOptions, Job};
use crate::explain::target_word;
use crate::mistakes::{Desk, Mistake, Origin};
use crate::options::Reader;
use crate::settings::{Stand, settings};
use crate::superposition::Effective;
use crate::text::{Spot, Text};
use crate::{groups, jobs, macros, scan};
use ctys_model::Target;
use std::rc::Rc;

/// One target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its host, with account and port where something names them.
    pub target: Target,
    /// Itself with its options, as a call takes it: `root@b1(-Z SUDO)`.
    pub word: String,
}

/// The targets of these words: macros, groups and sets expanded as in a call, blocks and contexts, too. No word is an
/// option. Only what is said of the inventory and of ssh_config in `options` counts.
///
/// # Errors
/// All mistakes of the words and of the groups, in the order of their places.
pub fn members(words: &[String], options: &CallOptions, world: &World<'_>) -> Result<Vec<Member>, Vec<Mistake>> {
    let mut desk = Desk::new(world);
    let words = desk.call(words);
    let (words, _) = macros::expand(&mut desk, &words);
    let words: Vec<Text> = std::iter::once(Text::expanded("--", Spot::default())).chain(words).collect();
    let mut reader = Reader::new();
    let scanned = scan::scan(&mut desk, &mut reader, &words);
    let common = settings(&mut desk, &scanned.common, Stand::Context);
    // Who has no action of its own gets one that agrees with every option.
    let action = desk.line(Origin::Setting { name: "-a".into() }, "list=machine");
    let base = Effective { action: Some((action, true)), ..Effective::default() };
    let drafts = groups::drafts(&mut desk, &mut reader, scanned.nodes, Rc::new(base.under(&common)), options);
    let found = jobs::jobs(&mut desk, &drafts).jobs;
    match desk.close() {
        (_, mistakes) if mistakes.is_empty() => Ok(found.into_iter().map(member).collect()),
        (_, mistakes) => Err(mistakes),
    }
}

fn member(job: Job) -> Member {
    Member { word: target_word(&job), target: job.target }
}
