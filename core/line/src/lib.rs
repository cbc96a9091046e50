//! The command line (ctys.md sections 1 to 3): words in, one typed [`CallLine`] out, or all mistakes at once.
//!
//! Never reads a file or the environment: macros and groups come through [`Shelf`]. Never prints.

pub mod call;
pub use call::*;

/// What the command line may ask of the world. The program implements it with files, tests with text.
pub trait Shelf {
    /// The content of a macro file, found along the macro path; `default` when the call names none.
    /// `Ok(None)`: there is no such file. The error is a sentence.
    fn macro_file(&self, name: &str) -> Result<Option<String>, String>;

    /// The content of a group file, found along the groups path.
    fn group(&self, name: &str) -> Result<Option<String>, String>;
}
