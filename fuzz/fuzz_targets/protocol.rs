#![no_main]
//! Messages of the plugin boundary: a plugin answers any bytes, and what a plugin sends is read or refused.

use ctys_fuzz::bounded;
use ctys_model::{Envelope, Reply};
use ctys_plugin::call_bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let answer = bounded(|| call_bytes::<ctys_xen::Xen>(data));
    match rmp_serde::from_slice(&answer).expect("an answer is a reply") {
        Reply::NotUnderstood(reason) => assert!(!reason.is_empty(), "refused without a reason"),
        Reply::Panicked { message, place } => panic!("the plugin panicked at {place:?}: {message}"),
        _ => assert!(rmp_serde::from_slice::<Envelope>(data).is_ok(), "answered what is no question"),
    }
    if let Ok(reply) = bounded(|| rmp_serde::from_slice::<Reply>(data)) {
        let written = rmp_serde::to_vec_named(&reply).expect("a reply can be written");
        assert_eq!(rmp_serde::from_slice::<Reply>(&written).ok(), Some(reply), "it is read as another one");
    }
});
