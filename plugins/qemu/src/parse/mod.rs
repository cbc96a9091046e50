//! One file per form: the command line of QEMU, its option values, its configuration file, its answers.

pub mod arguments;
pub mod command_line;
pub mod guest;
pub mod qmp;
pub mod readconfig;
pub mod values;
