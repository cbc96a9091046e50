#![no_main]
//! The plugin digger, asked anything, on a host that answers anything; see `plugin.rs`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ctys_fuzz::plugin::check::<ctys_digger::Digger>(data));
