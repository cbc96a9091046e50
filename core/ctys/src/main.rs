//! ctys. placeholder
fn main() {}
