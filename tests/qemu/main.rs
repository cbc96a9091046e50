//! `ctys` against the real QEMU: machines that boot, are talked with, are ended. README.md tells what is needed.

mod arguments;
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
#[allow(dead_code, reason = "the viewers are only looked at")]
mod screen;
mod screens;
#[path = "../sealed/mod.rs"]
mod sealed;
mod tutorial;
