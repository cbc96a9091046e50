//! `ctys` against the real QEMU: machines that boot, are talked with, are ended. README.md tells what is needed.

#[path = "../bed/mod.rs"]
mod bed;
mod configure;
mod console;
mod host;
mod life;
mod many;
#[path = "../vnc/picture.rs"]
mod picture;
#[path = "../vnc/rfb.rs"]
mod rfb;
#[path = "../consoles/screen.rs"]
mod screen;
mod screens;
#[path = "../sealed/mod.rs"]
mod sealed;
