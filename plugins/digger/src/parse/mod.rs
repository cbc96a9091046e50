//! From the arguments of processes to values.

pub mod keeper;
