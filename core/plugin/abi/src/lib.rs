//! FROZEN. The whole boundary between ctys and its plugins: one function, bytes in, bytes out.
//!
//! No type of this crate ever changes and its version never leaves 1: a changed field, another argument or one more
//! function would refuse every plugin that was built before. Whatever has to grow grows in the messages
//! (`ctys-model`), which travel through this one function as MessagePack with named fields. `tests/layout.rs` compares the
//! layout with the file `layout.txt` and fails on any difference.
//!
//! Of abi_stable only the header, its layout check, `RSlice` and `RVec` are used; never `RootModule::load_from*`, which
//! caches one library per *type* and would give the first plugin's module for every other one.
//!
//! A plugin exports one static of type [`LibHeader`], made by [`header`], under the symbol `ctys_<name>_root`. The symbol
//! carries the name so that several plugins can be linked into one program.

// abi_stable's derive makes the type `PluginMod_Ref`, which is the name its own documentation uses.
#![allow(non_camel_case_types)]

use abi_stable::StableAbi;
use abi_stable::library::{CheckTypeLayout, RootModule, RootModuleResult};
use abi_stable::package_version_strings;
use abi_stable::prefix_type::{PrefixRefTrait, WithMetadata};
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RResult::ROk;

pub use abi_stable::library::{AbiHeader, AbiHeaderRef, LibHeader, LibraryError};
pub use abi_stable::std_types::{RSlice, RVec};

/// What a plugin is: one function.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginMod_Ref, prefix_fields = PluginMod_Prefix)))]
#[sabi(missing_field(panic))]
pub struct PluginMod {
    /// Takes one `ctys_model::Envelope` and gives one `ctys_model::Reply`, both as MessagePack with named fields. It never
    /// unwinds, keeps no state, and may be called from several threads at the same time.
    #[sabi(last_prefix_field)]
    pub call: extern "C" fn(RSlice<'_, u8>) -> RVec<u8>,
}

impl RootModule for PluginMod_Ref {
    abi_stable::declare_root_module_statics! {PluginMod_Ref}
    const BASE_NAME: &'static str = "ctys_plugin";
    const NAME: &'static str = "ctys_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// Bytes in, bytes out. What stands behind the one function.
pub trait Answer {
    /// Answers one message. It must not unwind: a panic that leaves it ends the program.
    fn answer(message: &[u8]) -> Vec<u8>;
}

extern "C" fn call<A: Answer>(message: RSlice<'_, u8>) -> RVec<u8> {
    A::answer(message.as_slice()).into()
}

struct Constant<A>(std::marker::PhantomData<A>);

impl<A: Answer> Constant<A> {
    const MODULE: &'static WithMetadata<PluginMod> = &WithMetadata::new(PluginMod { call: call::<A> });
}

extern "C" fn construct<A: Answer>() -> RootModuleResult {
    let module = PluginMod_Ref(Constant::<A>::MODULE.static_as_prefix());
    // SAFETY: the pointer is a `PrefixRef` of `PluginMod_Ref`'s own fields with its type erased, which is what
    // `LibHeader::from_constructor::<PluginMod_Ref>` requires of its constructor.
    ROk(unsafe { module.to_prefix_ref().cast() })
}

/// The header a plugin exports as `ctys_<name>_root`.
pub const fn header<A: Answer>() -> LibHeader {
    // SAFETY: `construct` returns an erased `PluginMod_Ref` and nothing else.
    unsafe { LibHeader::from_constructor::<PluginMod_Ref>(construct::<A>, CheckTypeLayout::Yes) }
}

/// The function of a library that was opened, after its version, its C calling convention and its layout were checked.
pub fn module(header: &'static LibHeader) -> Result<PluginMod_Ref, LibraryError> {
    header.init_root_module::<PluginMod_Ref>()
}
