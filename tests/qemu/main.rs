//! `ctys` against the real QEMU: machines that boot, are talked with, are ended. README.md tells what is needed.

#[path = "../bed/mod.rs"]
mod bed;
mod console;
mod host;
mod life;
mod many;
#[path = "../sealed/mod.rs"]
mod sealed;
mod tutorial;
