//! Tool output to values. Each file has a sample above its parser.

pub mod survey;
