//! One file per tool output or file format, with a sample of real output above the code. All of them take text or bytes
//! and give values; what is not understood is left out, and the caller reports it.

pub mod ss;
pub mod xenstore;
pub mod xl_cfg;
pub mod xl_info;
pub mod xl_list;
pub mod xl_list_long;
