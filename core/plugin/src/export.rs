//! What [`export_plugin!`](crate::export_plugin) expands to.

use crate::{Plugin, call_bytes};
use ctys_plugin_abi::Answer;
use std::marker::PhantomData;

pub use ctys_plugin_abi::LibHeader;

struct Exported<P>(PhantomData<P>);

impl<P: Plugin> Answer for Exported<P> {
    fn answer(message: &[u8]) -> Vec<u8> {
        call_bytes::<P>(message)
    }
}

/// The header a library exports.
pub const fn header<P: Plugin>() -> LibHeader {
    ctys_plugin_abi::header::<Exported<P>>()
}

/// The bytes as an array, so that a static holds them itself and not a pointer to them.
pub const fn bytes<const N: usize>(from: &[u8]) -> [u8; N] {
    let mut to = [0; N];
    let mut at = 0;
    while at < N {
        to[at] = from[at];
        at += 1;
    }
    to
}

/// True when the manifest has `"name": "<name>"`.
pub const fn names(manifest: &[u8], name: &str) -> bool {
    const KEY: &[u8] = b"\"name\"";
    let mut start = 0;
    while start < manifest.len() {
        if starts_with(manifest, start, KEY) {
            let colon = skip_blanks(manifest, start + KEY.len());
            if starts_with(manifest, colon, b":") {
                let quote = skip_blanks(manifest, colon + 1);
                let end = quote + 1 + name.len();
                if starts_with(manifest, quote, b"\"")
                    && starts_with(manifest, quote + 1, name.as_bytes())
                    && starts_with(manifest, end, b"\"")
                {
                    return true;
                }
            }
        }
        start += 1;
    }
    false
}

const fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at].is_ascii_whitespace() {
        at += 1;
    }
    at
}

const fn starts_with(text: &[u8], at: usize, prefix: &[u8]) -> bool {
    if at + prefix.len() > text.len() {
        return false;
    }
    let mut n = 0;
    while n < prefix.len() {
        if text[at + n] != prefix[n] {
            return false;
        }
        n += 1;
    }
    true
}

/// Exports a type that implements [`Plugin`](crate::Plugin): `export_plugin!(Xen, "xen", "../manifest.json")`, once, in
/// `lib.rs`. The path is relative to the file it stands in.
///
/// The manifest goes, as it is, into the section `.ctys.plugin` of the library, where ctys reads it without running
/// anything. In the crate appears `BUILTIN`, the pair of manifest and function that links the plugin into a program.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty, $name:literal, $manifest:literal) => {
        /// The manifest, and the function that answers, for linking this plugin into a program.
        pub const BUILTIN: (&[u8], fn(&[u8]) -> ::std::vec::Vec<u8>) =
            (include_bytes!($manifest), $crate::call_bytes::<$plugin>);

        const _: () = {
            const MANIFEST: &[u8] = include_bytes!($manifest);
            assert!(
                $crate::names(MANIFEST, $name),
                concat!("the manifest's name is not the one given to export_plugin!, which is ", $name)
            );

            // The name is part of both symbols, so that several plugins can be linked into one program.
            #[unsafe(link_section = ".ctys.plugin")]
            #[unsafe(export_name = concat!("ctys_", $name, "_manifest"))]
            pub static EXPORTED_MANIFEST: [u8; MANIFEST.len()] = $crate::bytes(MANIFEST);

            #[unsafe(export_name = concat!("ctys_", $name, "_root"))]
            pub static EXPORTED_ROOT: $crate::LibHeader = $crate::header::<$plugin>();
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_a_manifest_is_found_and_no_other() {
        let check = |json: &str, name: &str, expected: bool| {
            assert_eq!(names(json.as_bytes(), name), expected, "{json} {name}");
        };
        check(r#"{"name":"xen"}"#, "xen", true);
        check("{ \"summary\": \"x\",\n  \"name\" : \"xen\" }", "xen", true);
        check(r#"{"name":"xen2"}"#, "xen", false);
        check(r#"{"name":"axen"}"#, "xen", false);
        check(r#"{"name":"xe"}"#, "xen", false);
        check(r#"{"name":""#, "xen", false);
        check(r#"{"name""#, "xen", false);
        check("", "xen", false);
    }
}
