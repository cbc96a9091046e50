//! `ctys` against a real Xen 4.17 dom0, over real ssh. README.md tells what is in it.

mod addresses;
#[path = "../bed/mod.rs"]
mod bed;
mod dom0;
mod host;
mod kills;
mod new;
#[path = "../vnc/picture.rs"]
mod picture;
#[path = "../qemu/host.rs"]
mod qemu;
#[path = "../vnc/rfb.rs"]
mod rfb;
#[path = "../consoles/screen.rs"]
#[allow(dead_code, reason = "the viewers are only looked at")]
mod screen;
#[path = "../sealed/mod.rs"]
mod sealed;
mod seed;
mod states;
mod terminal;
