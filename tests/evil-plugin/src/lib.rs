//! Everything a plugin can do wrong. The label of the request says what.
//!
//! It does not use `export_plugin!`, since some of it is only possible behind the back of the SDK.

use ctys_plugin::model::{Effect, Facts, Findings, Manifest, Next, Probe, Replies, Request};
use ctys_plugin::{Plugin, call_bytes};
use std::hint::black_box;

const MANIFEST: &[u8] = include_bytes!("../manifest.json");

struct Evil;

impl Plugin for Evil {
    fn manifest() -> Manifest {
        ctys_plugin::manifest(MANIFEST)
    }

    fn wants(request: &Request) -> Vec<Probe> {
        if label(request) == "panic in wants" {
            panic!("wants is broken");
        }
        vec![Probe::file("/etc/hostname")]
    }

    fn plan(request: &Request, _: &Facts) -> Effect {
        match label(request) {
            "panic in plan" => panic!("plan is broken"),
            "index out of range" => {
                let empty: &[u8] = black_box(&[]);
                black_box(empty[black_box(7)]);
            }
            "panic with a payload that panics" => std::panic::panic_any(Grenade),
            "loop" => loop {
                std::hint::spin_loop();
            },
            "overflow" => {
                black_box(deeper(0));
            }
            "exit" => std::process::exit(3),
            "abort" => std::process::abort(),
            "segfault" => {
                // SAFETY: there is none; nothing is mapped at so low an address, which is the point.
                unsafe { std::ptr::without_provenance_mut::<u8>(black_box(16)).write_volatile(1) }
            }
            "print" => {
                println!("on standard output");
                eprintln!("on standard error");
            }
            _ => {}
        }
        Effect::Report(Findings { text: vec![format!("did {}", label(request))], ..Findings::default() })
    }

    fn read(request: &Request, _: &Facts, _: &Replies) -> Next {
        if label(request) == "panic in read" {
            panic!("read is broken");
        }
        Next::Done(Findings::default())
    }
}

struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("panicked while being dropped");
    }
}

fn label(request: &Request) -> &str {
    request.action.address().and_then(|address| address.label.as_deref()).unwrap_or_default()
}

#[allow(unconditional_recursion)]
fn deeper(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    deeper(room[0] + 1) + room[63]
}

/// Looks at the bytes of the question, before anything is understood.
fn answer(message: &[u8]) -> Vec<u8> {
    let asks_for = |words: &str| message.windows(words.len()).any(|window| window == words.as_bytes());
    if asks_for("garbage bytes") {
        return vec![0xc1; 100];
    }
    if asks_for("no bytes") {
        return Vec::new();
    }
    if asks_for("huge reply") {
        return vec![0; 100 << 20];
    }
    call_bytes::<Evil>(message)
}

#[unsafe(link_section = ".ctys.plugin")]
#[unsafe(export_name = "ctys_evil_manifest")]
static SECTION: [u8; MANIFEST.len()] = ctys_plugin::bytes(MANIFEST);

#[cfg(not(feature = "other-abi"))]
mod boundary {
    struct Raw;

    impl ctys_plugin_abi::Answer for Raw {
        fn answer(message: &[u8]) -> Vec<u8> {
            super::answer(message)
        }
    }

    #[unsafe(export_name = "ctys_evil_root")]
    static ROOT: ctys_plugin_abi::LibHeader = ctys_plugin_abi::header::<Raw>();
}

#[cfg(feature = "other-abi")]
#[allow(non_camel_case_types)]
mod boundary {
    use abi_stable::StableAbi;
    use abi_stable::library::{CheckTypeLayout, LibHeader, RootModule, RootModuleResult};
    use abi_stable::prefix_type::{PrefixRefTrait, WithMetadata};
    use abi_stable::std_types::{RResult, RSlice, RVec};

    #[repr(C)]
    #[derive(StableAbi)]
    #[sabi(kind(Prefix(prefix_ref = PluginMod_Ref, prefix_fields = PluginMod_Prefix)))]
    #[sabi(missing_field(panic))]
    pub struct PluginMod {
        #[sabi(last_prefix_field)]
        pub call: extern "C" fn(RSlice<'_, u8>, u64) -> RVec<u8>,
    }

    impl RootModule for PluginMod_Ref {
        abi_stable::declare_root_module_statics! {PluginMod_Ref}
        const BASE_NAME: &'static str = "ctys_plugin";
        const NAME: &'static str = "ctys_plugin";
        const VERSION_STRINGS: abi_stable::sabi_types::VersionStrings =
            abi_stable::sabi_types::VersionStrings::new("1.0.0");
    }

    extern "C" fn call(message: RSlice<'_, u8>, _: u64) -> RVec<u8> {
        super::answer(message.as_slice()).into()
    }

    const MODULE: &WithMetadata<PluginMod> = &WithMetadata::new(PluginMod { call });

    extern "C" fn construct() -> RootModuleResult {
        let module = PluginMod_Ref(MODULE.static_as_prefix());
        // SAFETY: as in ctys-plugin-abi: this module's own fields, with their type erased.
        RResult::ROk(unsafe { module.to_prefix_ref().cast() })
    }

    #[unsafe(export_name = "ctys_evil_root")]
    // SAFETY: `construct` returns an erased `PluginMod_Ref` of this module.
    static ROOT: LibHeader = unsafe { LibHeader::from_constructor::<PluginMod_Ref>(construct, CheckTypeLayout::Yes) };
}
